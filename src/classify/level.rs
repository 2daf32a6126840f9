//! Statistics of a level: GPUs in use, sample by sample.

use super::bins::nth;
use crate::workload::LevelSeries;

/// What the samples of a level say, each weighed by the periods of usual length it covers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct LevelStatistics {
    pub(super) mean: f64,
    pub(super) p50: f64,
    pub(super) p95: f64,
    pub(super) max: f64,
    pub(super) share_zero: f64,
    /// The longest run of zeros, seconds; a time nobody measured ends it.
    pub(super) longest_zero_s: f64,
}

/// Of a series with at least one row. Levels 0 0 4 4 (equal periods): mean 2, p50 2, p95 4, zeros
/// 0.5.
pub(super) fn statistics(series: &LevelSeries) -> Option<LevelStatistics> {
    let width_us = series.width_us.max(1) as f64;
    let mut samples: Vec<(f64, f64)> = Vec::with_capacity(series.bins.len() + 1);
    let (mut absent, mut run_us, mut longest_us) = (0.0, 0_i64, 0_i64);
    let mut known_until = series.bins.first()?.period.start();
    for bin in &series.bins {
        let hole_us = bin.period.start().us().saturating_sub(known_until.us()).max(0);
        if hole_us > 0 && series.absent_is_zero {
            absent += (hole_us as f64 / width_us).round();
            run_us = run_us.saturating_add(hole_us);
        } else if hole_us > 0 {
            run_us = 0;
        }
        longest_us = longest_us.max(run_us);
        run_us = if bin.gpus > 0.0 { 0 } else { run_us.saturating_add(bin.period.len_us()) };
        longest_us = longest_us.max(run_us);
        samples.push((bin.gpus, (bin.period.len_us() as f64 / width_us).round().max(1.0)));
        known_until = known_until.max(bin.period.end());
    }
    if absent > 0.0 {
        samples.push((0.0, absent));
    }
    samples.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    let weight: f64 = samples.iter().map(|it| it.1).sum();
    let zeros: f64 = samples.iter().filter(|it| it.0 <= 0.0).map(|it| it.1).sum();
    Some(LevelStatistics {
        mean: samples.iter().map(|it| it.0 * it.1).sum::<f64>() / weight,
        p50: quantile(&samples, 0.5),
        p95: quantile(&samples, 0.95),
        max: samples.last()?.0,
        share_zero: zeros / weight,
        longest_zero_s: longest_us as f64 / 1e6,
    })
}

/// Quantile of sorted samples with whole weights, interpolated linearly between the two samples
/// around position q (n - 1).
fn quantile(samples: &[(f64, f64)], q: f64) -> f64 {
    let ends: Vec<f64> = samples
        .iter()
        .scan(0.0, |sum, it| {
            *sum += it.1;
            Some(*sum)
        })
        .collect();
    let values: Vec<f64> = samples.iter().map(|it| it.0).collect();
    let at = |rank: f64| nth(&values, ends.partition_point(|end| *end <= rank) as f64);
    let position = q * (ends.last().copied().unwrap_or(1.0) - 1.0);
    let low = at(position.floor());
    low + (at(position.ceil()) - low) * position.fract()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::{Period, Timestamp};
    use crate::workload::LevelBin;

    fn series(levels: &[(i64, i64, f64)], absent_is_zero: bool) -> LevelSeries {
        let bins = levels
            .iter()
            .map(|(from, to, gpus)| LevelBin {
                period: Period::new(Timestamp::from_s(*from), Timestamp::from_s(*to)).unwrap(),
                gpus: *gpus,
            })
            .collect();
        LevelSeries { bins, width_us: 60_000_000, absent_is_zero }
    }

    #[test]
    fn the_worked_number() {
        let levels = [(0, 60, 0.0), (60, 120, 0.0), (120, 180, 4.0), (180, 240, 4.0)];
        let found = statistics(&series(&levels, false)).unwrap();
        let expected = LevelStatistics {
            mean: 2.0,
            p50: 2.0,
            p95: 4.0,
            max: 4.0,
            share_zero: 0.5,
            longest_zero_s: 120.0,
        };
        assert_eq!(found, expected);
        let long = statistics(&series(&[(0, 120, 0.0), (120, 240, 4.0)], false)).unwrap();
        assert_eq!(long, expected);
        assert_eq!(statistics(&LevelSeries::default()), None);
    }

    #[test]
    fn a_hole_is_zero_only_where_the_series_says_so() {
        let levels = [(0, 60, 2.0), (180, 240, 2.0)];
        let bill = statistics(&series(&levels, true)).unwrap();
        assert_eq!((bill.mean, bill.share_zero, bill.longest_zero_s), (1.0, 0.5, 120.0));
        let telemetry = statistics(&series(&levels, false)).unwrap();
        assert_eq!((telemetry.mean, telemetry.share_zero), (2.0, 0.0));
    }
}
