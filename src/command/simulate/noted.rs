//! What the reader must know about the size of the fleet.

use super::asked::Asked;
use super::demand::{Demanded, Requests};
use super::policy::Chosen;
use crate::cli::{Policy, SimulateArgs};
use crate::report::{self, Room, SimulatedRun};

/// What a load is held against.
pub(super) fn room(asked: &Asked<'_>) -> Room {
    match asked.chosen {
        Chosen::Flag(Policy::Fixed(_)) => Room::Fixed,
        Chosen::Flag(Policy::Schedule(_)) => Room::Schedule,
        Chosen::Flag(_) | Chosen::Platform(..) => Room::Most,
    }
}

/// A limit that nobody asked for, or that a schedule runs into.
pub(super) fn most_replicas(
    args: &SimulateArgs,
    asked: &Asked<'_>,
    demanded: &Demanded,
) -> Option<String> {
    let most = asked.fleet(demanded.slots, demanded.clock, None, 0).max_replicas;
    match asked.chosen {
        Chosen::Flag(Policy::Fixed(_)) => None,
        Chosen::Flag(Policy::Schedule(week)) => (week.most() > most).then(|| {
            let wanted = report::counted(u64::from(week.most()), "replica");
            format!(
                "the schedule asks for up to {wanted}, --max allows {}",
                report::count(u64::from(most))
            )
        }),
        Chosen::Flag(_) | Chosen::Platform(..) => {
            let of_platform =
                asked.platform.iter().flat_map(|it| &it.taken).any(|it| it.0 == "max");
            let is_assumed = args.fleet.max.is_none() && !of_platform;
            let most = report::counted(u64::from(most), "replica");
            is_assumed.then(|| format!("at most {most} at once, assumed: --max sets another limit"))
        }
    }
}

/// That only the first requests of a generator were replayed, as its queue only grows.
pub(super) fn first_of_them(demanded: &Demanded, runs: &[SimulatedRun]) -> Option<String> {
    let Requests::Generated { n, .. } = &demanded.requests else { return None };
    let first = runs.iter().map(|it| it.outcome.requests).min().filter(|it| it < n)?;
    let (first, all) = (report::count(first), report::counted(*n, "request"));
    Some(format!(
        "the queue only grows: the first {first} of {all} were replayed, window and cost are theirs"
    ))
}

/// That so few draws with so large a variation came at another rate than was asked for.
pub(super) fn another_rate(demanded: &Demanded, runs: &[SimulatedRun]) -> Option<String> {
    let Requests::Generated { rate_per_s, .. } = &demanded.requests else { return None };
    let rates = runs.iter().map(|it| it.outcome.requests as f64 / it.window_us as f64 * 1e6);
    let farthest = rates.max_by(|a, b| off(*a / rate_per_s).total_cmp(&off(*b / rate_per_s)))?;
    (off(farthest / rate_per_s) > 2.0).then(|| {
        format!(
            "the requests came at {} a second where {} were asked for: so few with so large a variation say \
             little, ask for more",
            report::measure(farthest),
            report::measure(*rate_per_s)
        )
    })
}

/// By which factor a ratio is off 1, either way.
fn off(ratio: f64) -> f64 {
    ratio.max(1.0 / ratio)
}

/// Why requests were refused although they may wait: the platform allows no worker after a time
/// without any.
pub(super) fn no_worker_left(
    asked: &Asked<'_>,
    demanded: &Demanded,
    runs: &[SimulatedRun],
) -> Option<String> {
    let fleet = asked.fleet(demanded.slots, demanded.clock, None, 0);
    let (us, _) = fleet.idle_caps.iter().find(|it| it.1 == 0 && fleet.holds_requests)?;
    let refused = runs.iter().map(|it| it.outcome.refused).max().filter(|it| *it > 0)?;
    let up_to = if runs.len() > 1 { "up to " } else { "" };
    Some(format!(
        "after {} days without a request the platform allows no worker: {up_to}{} refused",
        us / 86_400_000_000,
        report::counted(refused, "request"),
    ))
}
