//! Where demand is going: a slope that a few odd days cannot move.

use super::bins::nth_least;

/// Change per 30 days as a share of the mean day, with its 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Trend {
    /// The Theil-Sen slope x 30 / mean.
    pub value: f64,
    /// Lower end of the Kendall interval.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// Days with a value below which there is no trend.
const MIN_DAYS: usize = 14;
/// Latest days looked at: pairs grow with the square.
const MAX_DAYS: usize = 1830;
/// Two-sided 95 % point of the normal distribution.
const Z_95: f64 = 1.959_963_984_540_054;

/// Theil-Sen slope of daily values (one per day, `None` unknown) x 30 / their mean. The interval
/// takes the slopes at ranks (N -+ 1.96 sigma) / 2 of N, where sigma^2 = (n(n-1)(2n+5) -
/// sum of t(t-1)(2t+5) over t equal values) / 18 is the variance of Kendall's S (Sen, JASA 63,
/// 1379, 1968). Days 100, 101, ..., 113: slope 1, mean 106.5, trend 30 / 106.5 = 0.282.
pub(super) fn trend_per_30d(daily: &[Option<f64>]) -> Option<Trend> {
    let latest = &daily[daily.len().saturating_sub(MAX_DAYS)..];
    let points: Vec<(f64, f64)> = latest
        .iter()
        .enumerate()
        .filter_map(|(day, value)| value.map(|value| (day as f64, value)))
        .collect();
    let n = points.len() as f64;
    let mean = points.iter().map(|it| it.1).sum::<f64>() / n;
    if points.len() < MIN_DAYS || mean <= 0.0 || !mean.is_finite() {
        return None;
    }
    let mut slopes = Vec::with_capacity(points.len() * (points.len() - 1) / 2);
    for (at, later) in points.iter().enumerate() {
        slopes.extend(points[..at].iter().map(|it| (later.1 - it.1) / (later.0 - it.0)));
    }
    let reach = Z_95 * kendall_variance(&points).sqrt() / 2.0;
    let pairs = slopes.len() as f64;
    let rank = |r: f64| r.clamp(0.0, pairs - 1.0);
    let per_30d = |slope: f64| slope * 30.0 / mean;
    let (half, middle) = (pairs / 2.0, (pairs - 1.0) / 2.0);
    let wanted = [
        (half - reach).round_ties_even() - 1.0,
        middle.floor(),
        middle.ceil(),
        (half + reach).round_ties_even(),
    ];
    let [low, below, above, high] = nth_least_four(&mut slopes, wanted.map(rank));
    Some(Trend {
        value: per_30d(f64::midpoint(below, above)),
        low: per_30d(low),
        high: per_30d(high),
    })
}

/// The values at four ranks that do not fall. A year has 66,000 pairs of days: each rank is sought only
/// among the slopes that the ones before left it.
fn nth_least_four(slopes: &mut [f64], [low, below, above, high]: [f64; 4]) -> [f64; 4] {
    let middle = nth_least(slopes, below);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a rank of the slopes"
    )]
    let at = below as usize;
    let (left, right) = slopes.split_at_mut(at.min(slopes.len()));
    let first = if low < below { nth_least(left, low) } else { middle };
    let mut beyond = |rank: f64| if rank > below { nth_least(right, rank - below) } else { middle };
    [first, middle, beyond(above), beyond(high)]
}

/// Variance of Kendall's S under no trend, with the correction for equal values.
fn kendall_variance(points: &[(f64, f64)]) -> f64 {
    let term = |k: f64| k * (k - 1.0) * (2.0 * k + 5.0);
    let mut values: Vec<f64> = points.iter().map(|it| it.1).collect();
    values.sort_unstable_by(f64::total_cmp);
    let ties: f64 =
        values.chunk_by(|a, b| a.total_cmp(b).is_eq()).map(|equal| term(equal.len() as f64)).sum();
    ((term(points.len() as f64) - ties) / 18.0).max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(daily: &[f64], expected: Option<(f64, f64, f64)>) {
        let daily: Vec<Option<f64>> = daily.iter().copied().map(Some).collect();
        let found = trend_per_30d(&daily);
        match (found, expected) {
            (None, None) => {}
            (Some(found), Some((value, low, high))) => {
                for (found, expected) in
                    [(found.value, value), (found.low, low), (found.high, high)]
                {
                    assert!((found - expected).abs() < 1e-9, "{found} {expected}");
                }
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_worked_number_and_the_degenerate_cases() {
        let ramp: Vec<f64> = (0..14).map(|day| 100.0 + f64::from(day)).collect();
        let slope = 30.0 / 106.5;
        check(&ramp, Some((slope, slope, slope)));
        check(&ramp[..13], None);
        check(&[7.0; 20], Some((0.0, 0.0, 0.0)));
        check(&[0.0; 20], None);
    }

    /// `scipy.stats.theilslopes` of the same days: 0.6258741258741258, 0.375 to 1.0.
    #[test]
    fn the_interval_is_that_of_scipy() {
        let daily = [
            12.0, 15.0, 11.0, 14.0, 18.0, 13.0, 17.0, 16.0, 15.0, 21.0, 19.0, 18.0, 22.0, 20.0,
            24.0, 19.0,
        ];
        let mean = daily.iter().sum::<f64>() / 16.0;
        let scale = 30.0 / mean;
        check(&daily, Some((0.625_874_125_874_125_8 * scale, 0.375 * scale, scale)));
    }
}
