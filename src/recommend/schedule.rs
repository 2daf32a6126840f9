//! How many instances each hour of the week needs, and the instants at which a window changes them.

use chrono::{Datelike, Timelike};
use chrono_tz::Tz;

use super::stage::{Fixed, Stage};
use crate::units::Timestamp;

const HOUR_US: u64 = 3_600_000_000;
const HOURS_OF_WEEK: usize = 168;

/// Instances wanted from each instant of the window on.
pub(super) type Steps = Vec<(u64, u32)>;

/// The busiest requests of each hour of the week over all weeks of a window but the last, on which a
/// schedule has to prove itself.
#[derive(Debug)]
pub(super) struct Week {
    /// The hour of the week of each hour of the window.
    hours: Vec<usize>,
    busiest: [u64; HOURS_OF_WEEK],
    /// Weeks before the last that no hour of the week has less of.
    pub(super) n_weeks: usize,
    /// Where the last week begins.
    pub(super) last_week_us: u64,
}

impl Week {
    /// Of arrivals, microseconds since the window start. An hour that the window cuts counts as
    /// what it is.
    pub(super) fn of(at_us: &[u64], window_us: u64, start: Timestamp, zone: Tz) -> Week {
        let n_hours = usize::try_from(window_us.div_ceil(HOUR_US)).unwrap_or(0);
        let hours: Vec<usize> =
            (0..n_hours as u64).map(|hour| hour_of_week(start, hour, zone)).collect();
        let mut counts = vec![0_u64; n_hours];
        for at in at_us {
            if let Some(count) =
                usize::try_from(at / HOUR_US).ok().and_then(|it| counts.get_mut(it))
            {
                *count += 1;
            }
        }
        let mut busiest = [0; HOURS_OF_WEEK];
        let mut seen = [0; HOURS_OF_WEEK];
        let n_learned = n_hours.saturating_sub(HOURS_OF_WEEK);
        for (hour, count) in hours.iter().zip(&counts).take(n_learned) {
            busiest[*hour] = busiest[*hour].max(*count);
            seen[*hour] += 1;
        }
        Week {
            hours,
            busiest,
            n_weeks: seen.into_iter().min().unwrap_or(0),
            last_week_us: n_learned as u64 * HOUR_US,
        }
    }

    /// The steps of a schedule in which an hour with requests has what its busiest one needs at
    /// `per_hour` requests an instance, and `more`, at most `most`; an hour without requests none.
    /// Each rise comes `ahead_us` early. Nothing when every hour of the window has as many.
    pub(super) fn steps(
        &self,
        per_hour: f64,
        more: u32,
        most: u32,
        ahead_us: u64,
    ) -> Option<Steps> {
        let needed = |hour: usize| match self.busiest[hour] {
            0 => 0,
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "`as` saturates"
            )]
            count => {
                ((count as f64 / per_hour).ceil().max(1.0) as u32).saturating_add(more).min(most)
            }
        };
        let levels: Vec<u32> = self.hours.iter().map(|hour| needed(*hour)).collect();
        let mut steps: Steps = vec![(0, *levels.first()?)];
        for (hour, pair) in (1_u64..).zip(levels.windows(2)) {
            let at = hour * HOUR_US;
            match pair {
                [before, after] if after > before => {
                    steps.push((at.saturating_sub(ahead_us), *after))
                }
                [before, after] if after < before => steps.push((at, *after)),
                _ => {}
            }
        }
        // A rise that comes more than an hour early may come before a fall: it then stands.
        let mut ordered: Steps = Vec::with_capacity(steps.len());
        for (at, n) in steps {
            while ordered.len() > 1 && ordered.last().is_some_and(|it| it.0 >= at) {
                ordered.pop();
            }
            match ordered.last_mut() {
                Some(last) if last.0 >= at => *last = (last.0, n),
                _ => ordered.push((at, n)),
            }
        }
        (ordered.len() > 1).then_some(ordered)
    }
}

/// The steps from `from_us` on, in a window that begins there.
pub(super) fn since(steps: &[(u64, u32)], from_us: u64) -> Steps {
    let later = steps.partition_point(|it| it.0 <= from_us);
    let now = later.checked_sub(1).and_then(|at| steps.get(at)).map_or(0, |it| it.1);
    let rest = steps[later..].iter().map(|(at, n)| (at - from_us, *n));
    std::iter::once((0, now)).chain(rest).collect()
}

/// Hours since Monday 0:00 on the clock of a zone.
fn hour_of_week(start: Timestamp, hour: u64, zone: Tz) -> usize {
    let at = start.plus_us(i64::try_from(hour * HOUR_US).unwrap_or(i64::MAX));
    let local = at.in_zone(zone);
    (local.weekday().num_days_from_monday() * 24 + local.hour()) as usize
}

/// Requests an hour that one instance carries with its batch full.
pub(super) fn requests_per_hour(stage: &Stage<'_>, fixed: &Fixed) -> Option<f64> {
    let service_s = stage.mean_service_s(fixed.batch)?;
    let per_hour = 3600.0 / service_s * f64::from(fixed.batch) * f64::from(stage.hosted);
    let with_headroom = per_hour / stage.load_factor;
    (with_headroom.is_finite() && with_headroom > 0.0).then_some(with_headroom)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three weeks from a Monday: 50 requests at 9 o'clock of the first Monday, 90 of the second, 10
    /// at 10 o'clock of both, and a third that nothing is learned from.
    fn week() -> Week {
        let at = |week: u64, hour: u64, n: u64| {
            (0..n).map(move |i| (week * 168 + hour) * HOUR_US + i * 1_000_000)
        };
        let mut all: Vec<u64> = at(0, 9, 50).chain(at(0, 10, 10)).collect();
        all.extend(at(1, 9, 90).chain(at(1, 10, 10)).chain(at(2, 0, 900)));
        let start = Timestamp::parse("2026-11-02T00:00:00Z", Tz::UTC).unwrap();
        Week::of(&all, 504 * HOUR_US, start, Tz::UTC)
    }

    #[test]
    fn the_busiest_week_counts() {
        let week = week();
        assert_eq!((week.n_weeks, week.busiest[9], week.busiest[10]), (2, 90, 10));
        let hour = |n: u64| n * HOUR_US;
        let once = week.steps(40.0, 0, 8, 0).unwrap();
        let expected = [(0, 0), (hour(9), 3), (hour(10), 1), (hour(11), 0)];
        assert_eq!(once[..4], expected);
        assert_eq!(once[4], (hour(168 + 9), 3));
        let more = week.steps(40.0, 1, 3, HOUR_US / 2).unwrap();
        let expected = [(0, 0), (hour(9) - HOUR_US / 2, 3), (hour(10), 2), (hour(11), 0)];
        assert_eq!(more[..4], expected);
        assert_eq!(week.last_week_us, hour(336));
        assert_eq!(since(&once, hour(9))[..3], [(0, 3), (hour(1), 1), (hour(2), 0)]);
        assert_eq!(since(&once, 1)[..2], [(0, 0), (hour(9) - 1, 3)]);
    }

    #[test]
    fn a_rise_far_ahead_stays_in_order() {
        let steps = week().steps(40.0, 0, 8, 12 * HOUR_US).unwrap();
        assert!(steps.windows(2).all(|pair| pair[0].0 < pair[1].0), "{steps:?}");
    }

    #[test]
    fn even_demand_has_no_schedule() {
        let every: Vec<u64> = (0..504).map(|hour| hour * HOUR_US).collect();
        let start = Timestamp::parse("2026-11-02T00:00:00Z", Tz::UTC).unwrap();
        let week = Week::of(&every, 504 * HOUR_US, start, Tz::UTC);
        assert_eq!(week.steps(40.0, 0, 8, 0), None);
    }
}
