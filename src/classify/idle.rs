//! Times without requests, of counts.

use crate::workload::CountSeries;

/// Lengths K of `idle_runs`, seconds.
pub const IDLE_RUNS_S: [u32; 6] = [300, 600, 900, 1800, 3600, 21_600];

/// What the times without requests say; a time without a row is one of them.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct IdleRuns {
    /// The longest, also before the first request and after the last, seconds.
    pub(super) longest_s: f64,
    /// Share of the span.
    pub(super) share: Option<f64>,
    /// For each of [`IDLE_RUNS_S`] those of at least that long with requests before and after.
    pub(super) n_at_least: [u64; IDLE_RUNS_S.len()],
}

impl IdleRuns {
    /// Of rows in time order. Ten-minute rows 0 3 0 0 5: the longest 1200 s, share 0.6, one of at
    /// least 900 s inside.
    pub(super) fn of(series: &CountSeries) -> IdleRuns {
        let (Some(first), Some(last)) = (series.bins.first(), series.bins.last()) else {
            return IdleRuns::default();
        };
        let mut found = IdleRuns::default();
        let (mut idle_since, mut is_inside) = (first.period.start(), false);
        let (mut longest_us, mut idle_us) = (0_i64, 0_i64);
        for bin in series.bins.iter().filter(|it| it.requests > 0) {
            let run_us = bin.period.start().us().saturating_sub(idle_since.us()).max(0);
            longest_us = longest_us.max(run_us);
            idle_us = idle_us.saturating_add(run_us);
            for (n, least_s) in found.n_at_least.iter_mut().zip(IDLE_RUNS_S) {
                *n += u64::from(is_inside && run_us >= i64::from(least_s) * 1_000_000);
            }
            idle_since = idle_since.max(bin.period.end());
            is_inside = true;
        }
        let run_us = last.period.end().us().saturating_sub(idle_since.us()).max(0);
        let span_us = last.period.end().us().saturating_sub(first.period.start().us());
        found.longest_s = longest_us.max(run_us) as f64 / 1e6;
        let idle_us = idle_us.saturating_add(run_us);
        found.share = (span_us > 0).then(|| idle_us as f64 / span_us as f64);
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::{Period, Timestamp};
    use crate::workload::CountBin;

    fn check(rows: &[(i64, u64)], longest_s: f64, share: f64, n_at_least: [u64; 6]) {
        let bin = |(at, requests): &(i64, u64)| CountBin {
            period: Period::new(Timestamp::from_s(at * 600), Timestamp::from_s(at * 600 + 600))
                .unwrap(),
            requests: *requests,
            prompt_tokens: None,
            completion_tokens: None,
            interarrival_cv: None,
        };
        let bins = rows.iter().map(bin).collect();
        let found = IdleRuns::of(&CountSeries { bins, width_us: 600_000_000 });
        assert!((found.longest_s - longest_s).abs() < 1e-9, "{found:?}");
        assert!((found.share.unwrap() - share).abs() < 1e-12, "{found:?}");
        assert_eq!(found.n_at_least, n_at_least);
    }

    #[test]
    fn the_worked_number_and_the_edges() {
        check(&[(0, 0), (1, 3), (2, 0), (3, 0), (4, 5)], 1200.0, 0.6, [1, 1, 1, 0, 0, 0]);
        // The same without rows for the silence, but for the first.
        check(&[(0, 0), (1, 3), (4, 5)], 1200.0, 0.6, [1, 1, 1, 0, 0, 0]);
        check(&[(0, 0), (5, 0)], 3600.0, 1.0, [0; 6]);
        check(&[(0, 1), (1, 1)], 0.0, 0.0, [0; 6]);
        check(&[(0, 1), (36, 0)], 36.0 * 600.0, 36.0 / 37.0, [0; 6]);
        assert_eq!(IdleRuns::of(&CountSeries::default()), IdleRuns::default());
    }
}
