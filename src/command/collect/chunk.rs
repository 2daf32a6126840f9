//! Cuts a window into ranges that one Prometheus call may answer.

/// Most points a call asks for. Prometheus refuses a range of more than 11,000 steps.
const MAX_POINTS: i64 = 10_999;
const HOUR_S: i64 = 3_600;
const DAY_S: i64 = 24 * HOUR_S;
const WEEK_S: i64 = 7 * DAY_S;

/// The first and the last instant one call evaluates, both included, in seconds since the epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Chunk {
    pub(super) first_s: i64,
    pub(super) last_s: i64,
}

/// Cuts `[start_s, end_s)` into chunks whose points, `step_s` apart from `start_s` on, follow each
/// other without a gap and without a point in two chunks.
///
/// A chunk lasts the whole weeks, else days, else hours that fit below 11,000 points, rounded down
/// to a multiple of the step: a step of 60 s gives 7 days (10,080 points), of 1 s 3 hours.
/// Empty when `end_s` is not after `start_s`; a step below 1 counts as 1.
pub(super) fn chunks(start_s: i64, end_s: i64, step_s: i64) -> Vec<Chunk> {
    let step_s = step_s.max(1);
    let longest_s = step_s * MAX_POINTS;
    let unit_s = [WEEK_S, DAY_S, HOUR_S].into_iter().find(|it| *it <= longest_s).unwrap_or(step_s);
    let nice_s = longest_s - longest_s % unit_s;
    let span_s = nice_s - nice_s % step_s;
    let mut found = Vec::new();
    let mut first_s = start_s;
    while first_s < end_s {
        let next_s = first_s + span_s;
        // The last point of the grid before the end of the chunk and of the window.
        let points = (next_s.min(end_s) - first_s - 1) / step_s;
        found.push(Chunk { first_s, last_s: first_s + points * step_s });
        first_s = next_s;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(len_s: i64, step_s: i64, expected: &[(i64, i64)]) {
        let found: Vec<_> =
            chunks(0, len_s, step_s).iter().map(|it| (it.first_s, it.last_s)).collect();
        assert_eq!(found, expected, "{len_s} s by {step_s} s");
    }

    #[test]
    fn spans_are_whole_weeks_days_or_hours() {
        // 60 s x 10,999 = 7.6 days, so 7; the last point of 10 days is a minute before their end.
        check(10 * DAY_S, 60, &[(0, WEEK_S - 60), (WEEK_S, 10 * DAY_S - 60)]);
        // 15 s x 10,999 = 1.9 days, so 1.
        check(2 * DAY_S, 15, &[(0, DAY_S - 15), (DAY_S, 2 * DAY_S - 15)]);
        // 1 s x 10,999 = 3.06 hours, so 3.
        check(4 * HOUR_S, 1, &[(0, 3 * HOUR_S - 1), (3 * HOUR_S, 4 * HOUR_S - 1)]);
        // 7 s x 10,999 = 21.4 hours, so 21: 75,600 s are 10,800 steps exactly.
        check(DAY_S, 7, &[(0, 75_593), (75_600, 86_394)]);
        // 11 s x 10,999 = 33.6 hours, so 1 day, less 6 s that are no whole step.
        check(DAY_S, 11, &[(0, 86_383), (86_394, 86_394)]);
        check(1, 60, &[(0, 0)]);
        check(0, 60, &[]);
    }

    proptest! {
        #[test]
        fn the_points_are_the_windows_each_once(
            start_s in 0_i64..4_000_000_000,
            len_s in 1_i64..40_000_000,
            step_s in 1_i64..=86_400,
        ) {
            let end_s = start_s + len_s;
            let found = chunks(start_s, end_s, step_s);
            prop_assert_eq!(found[0].first_s, start_s);
            let last = found[found.len() - 1].last_s;
            prop_assert!(last < end_s && last + step_s >= end_s, "the tail is asked for");
            for chunk in &found {
                prop_assert!(chunk.first_s <= chunk.last_s);
                prop_assert_eq!((chunk.last_s - chunk.first_s) % step_s, 0);
                prop_assert!((chunk.last_s - chunk.first_s) / step_s < 11_000);
            }
            for pair in found.windows(2) {
                prop_assert_eq!(pair[0].last_s + step_s, pair[1].first_s);
            }
        }
    }
}
