//! How many instances each hour of the week needs: learned from all weeks but the last.

use std::collections::BTreeSet;

use chrono::{Datelike, Timelike};
use chrono_tz::Tz;

use super::stage::{Fixed, Stage};
use crate::simulate::{HOURS_OF_WEEK, Week};
use crate::units::Timestamp;

const HOUR_US: u64 = 3_600_000_000;

/// Instances wanted from each instant of the window on.
pub(super) type Steps = Vec<(u64, u32)>;

/// The busiest requests of each hour of the week over all weeks of a window but the last, on which a
/// schedule has to prove itself.
#[derive(Debug)]
pub(super) struct WeekLoad {
    busiest: [u64; HOURS_OF_WEEK],
    /// Weeks before the last that no hour of the week has less of.
    pub(super) n_weeks: usize,
    /// Where the last week begins.
    pub(super) last_week_us: u64,
    /// Share of the window in hours of the week with requests.
    busy_share: f64,
}

impl WeekLoad {
    /// Of arrivals, microseconds since the window start. An hour that the window cuts counts as
    /// what it is.
    pub(super) fn of(at_us: &[u64], window_us: u64, start: Timestamp, zone: Tz) -> WeekLoad {
        let n_hours = usize::try_from(window_us.div_ceil(HOUR_US)).unwrap_or(0);
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
        for (hour, count) in (0_u64..).zip(&counts).take(n_learned) {
            let hour = hour_of_week(start, hour, zone);
            busiest[hour] = busiest[hour].max(*count);
            seen[hour] += 1;
        }
        let hours = Week::of_hours(&busiest.map(|it| u32::from(it > 0)));
        let busy = hours.map_or(Vec::new(), |it| it.steps(start, window_us, zone, 0));
        WeekLoad {
            busiest,
            n_weeks: seen.into_iter().min().unwrap_or(0),
            last_week_us: n_learned as u64 * HOUR_US,
            busy_share: mean(&busy, window_us),
        }
    }

    /// Share of the window in which each schedule made of these weeks has at least one instance;
    /// nothing where there are no two weeks to make one of.
    ///
    /// An hour with requests has one, whatever an instance carries. Requests in two hours of each
    /// week are 2 of 168.
    pub(super) fn least_share(&self) -> Option<f64> {
        (self.n_weeks >= 2).then_some(self.busy_share)
    }

    /// The schedule in which an hour with requests has what its busiest one needs at `per_hour`
    /// requests an instance, and `more`, at most `most`; an hour without requests none, unless
    /// both its neighbours have. Nothing when every hour has as many.
    pub(super) fn schedule(&self, per_hour: f64, more: u32, most: u32) -> Option<Week> {
        let needed = |count: u64| match count {
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
        let mut hours = self.busiest.map(needed);
        // What goes down for one hour stays up.
        for hour in 0..HOURS_OF_WEEK {
            let before = hours[(hour + HOURS_OF_WEEK - 1) % HOURS_OF_WEEK];
            let after = hours[(hour + 1) % HOURS_OF_WEEK];
            hours[hour] = hours[hour].max(before.min(after));
        }
        let varies = hours.iter().any(|it| *it != hours[0]);
        varies.then(|| Week::of_hours(&hours)).flatten()
    }
}

/// The most that is wanted from each instant until `ahead_us` later, so that what a rise starts is
/// ready in time and nothing leaves before it.
pub(super) fn ahead(steps: &[(u64, u32)], ahead_us: u64) -> Steps {
    let most = |from_us: u64| {
        let now = steps.partition_point(|it| it.0 <= from_us).saturating_sub(1);
        let soon = steps[now..].iter().take_while(|it| it.0 <= from_us.saturating_add(ahead_us));
        soon.map(|it| it.1).max().unwrap_or(0)
    };
    let at: BTreeSet<u64> =
        steps.iter().flat_map(|(at, _)| [at.saturating_sub(ahead_us), *at]).collect();
    let mut moved: Steps = at.into_iter().map(|at| (at, most(at))).collect();
    moved.dedup_by_key(|it| it.1);
    moved
}

/// Instances wanted on average.
pub(super) fn mean(steps: &[(u64, u32)], window_us: u64) -> f64 {
    let ends = steps.iter().skip(1).map(|it| it.0).chain([window_us]);
    let area = |((at, n), end): (&(u64, u32), u64)| f64::from(*n) * end.saturating_sub(*at) as f64;
    steps.iter().zip(ends).map(area).sum::<f64>() / window_us as f64
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
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn week(arrivals: impl Iterator<Item = u64>) -> WeekLoad {
        let all: Vec<u64> = arrivals.collect();
        let start = Timestamp::parse("2026-11-02T00:00:00Z", Tz::UTC).unwrap();
        WeekLoad::of(&all, 504 * HOUR_US, start, Tz::UTC)
    }

    /// Three weeks from a Monday: 50 requests at 9 o'clock of the first Monday, 90 of the second, 10
    /// at 10 o'clock of both, and a third that nothing is learned from.
    #[test]
    fn the_busiest_week_counts() {
        let at = |week: u64, hour: u64, n: u64| {
            (0..n).map(move |i| (week * 168 + hour) * HOUR_US + i * 1_000_000)
        };
        let first = at(0, 9, 50).chain(at(0, 10, 10)).chain(at(1, 9, 90));
        let week = week(first.chain(at(1, 10, 10)).chain(at(2, 0, 900)));
        assert_eq!((week.n_weeks, week.busiest[9], week.busiest[10]), (2, 90, 10));
        assert_eq!(week.last_week_us, 336 * HOUR_US);
        let share = week.least_share().unwrap();
        assert!((share - 2.0 / 168.0).abs() < 1e-12, "{share}");
        let text = |more, most| week.schedule(40.0, more, most).unwrap().to_string();
        assert_eq!(text(0, 8), "mon 09:00-10:00=3;mon 10:00-11:00=1");
        assert_eq!(text(1, 3), "mon 09:00-10:00=3;mon 10:00-11:00=2");
    }

    #[test]
    fn rises_come_early_and_stay_in_order() {
        let steps = [(0, 0), (9, 3), (10, 1), (11, 0), (20, 2)];
        assert_eq!(ahead(&steps, 2), [(0, 0), (7, 3), (10, 1), (11, 0), (18, 2)]);
        assert_eq!(ahead(&steps, 10), [(0, 3), (10, 2)]);
        // Five are wanted from 9 to 10 although three for 11 start by then.
        assert_eq!(ahead(&[(0, 1), (9, 5), (10, 2), (11, 3)], 2), [(0, 1), (7, 5), (10, 3)]);
        assert!((mean(&steps, 20) - 0.2).abs() < 1e-12);
        assert_eq!(since(&steps, 9), [(0, 3), (1, 1), (2, 0), (11, 2)]);
        assert_eq!(since(&steps, 1), [(0, 0), (8, 3), (9, 1), (10, 0), (19, 2)]);
    }

    #[test]
    fn even_demand_has_no_schedule() {
        let every = week((0..504).map(|hour| hour * HOUR_US));
        assert_eq!(every.schedule(40.0, 0, 8), None);
    }

    proptest! {
        /// A schedule of whatever instances has at least one on for that share of the window, starts
        /// of up to an hour included.
        #[test]
        fn no_schedule_is_on_for_less_than_the_bound(
            hours in vec(0_u64..200, 1..60),
            (carried, more, start_us) in (1_u32..9, 0_u32..3, 0..HOUR_US),
            (offset, length) in (0_i64..168, 505_u64..900),
        ) {
            let start = Timestamp::parse("2026-10-05", Tz::UTC).unwrap();
            let start = start.plus_us(offset * HOUR_US.cast_signed());
            let at: Vec<u64> =
                hours.iter().flat_map(|it| (0..3).map(move |n| (it + 168 * n) * HOUR_US)).collect();
            let window_us = length * HOUR_US;
            let week = WeekLoad::of(&at, window_us, start, Tz::Europe__Berlin);
            let bound = week.least_share().unwrap();
            if let Some(schedule) = week.schedule(f64::from(carried), more, 50) {
                let steps = ahead(
                    &schedule.steps(start, window_us, Tz::Europe__Berlin, 0),
                    start_us,
                );
                let share = mean(&steps, window_us);
                prop_assert!(bound > 0.0 && share >= bound - 1e-12, "{} under {}", share, bound);
            }
        }
    }
}
