//! What the reader must know about the size of the fleet.

use super::asked::Asked;
use super::demand::Demanded;
use super::policy::Chosen;
use crate::cli::{Policy, SimulateArgs};
use crate::report::{self, Room};

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
