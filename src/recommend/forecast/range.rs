//! How far a forecast may be off: by how much weeks differ, and more the further ahead.

use statrs::distribution::{ContinuousCDF, StudentsT};

use crate::catalog::{ForecastRules, RiskRules};
use crate::recommend::risk::{Basis, Risk};

/// Days of a week.
pub(super) const WEEK: usize = 7;
/// Whole weeks from which on they tell by themselves how much they differ.
const ENOUGH_WEEKS: usize = 4;
/// Weeks of the months by which a forecast is tried on the past.
const WEEKS_TRIED: usize = 4;

/// How much a week differs from what was expected of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Spread {
    /// Standard deviation of a week.
    pub(super) sigma: f64,
    /// Degrees of freedom behind it.
    pub(super) freedom: f64,
    /// Weeks that the level is the mean of.
    pub(super) weeks: f64,
    /// What it rests on.
    pub(super) basis: Basis,
}

/// Where a span lies, in weeks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Ahead {
    /// Until it begins.
    pub(super) gap: f64,
    /// Its length.
    pub(super) len: f64,
}

/// Whether so many whole weeks tell by themselves how much weeks differ.
pub(super) const fn by_weeks(weeks: usize) -> bool {
    weeks >= ENOUGH_WEEKS
}

impl Spread {
    /// Of days less what was expected of each, whole weeks of them. From four weeks on by how much the
    /// weeks are off, else by the days: times the root of 7, and by how much more weeks differ than
    /// days that know nothing of each other.
    pub(super) fn of(residuals: &[f64], assumed: &RiskRules) -> Option<Spread> {
        let n = residuals.len() / WEEK;
        let squares = |it: &[f64]| it.iter().map(|it| it * it).sum::<f64>();
        let weeks = n as f64;
        if n == 0 {
            None
        } else if by_weeks(n) {
            let sums: Vec<f64> = residuals.chunks_exact(WEEK).map(|it| it.iter().sum()).collect();
            let freedom = weeks - 1.0;
            let sigma = (squares(&sums) / freedom).sqrt();
            Some(Spread { sigma, freedom, weeks, basis: Basis::Weeks(n) })
        } else {
            // Two means were taken from them: of working days, and of weekends.
            let freedom = weeks * WEEK as f64 - 2.0;
            let of_day = (squares(residuals) / freedom).sqrt();
            let sigma = of_day * (WEEK as f64).sqrt() * assumed.week_to_week_ratio;
            Some(Spread { sigma, freedom, weeks, basis: Basis::Days(n * WEEK) })
        }
    }

    /// Half of the 80 % range of the sum over a span: `t(freedom, 0.9) x sigma x sqrt(variance)`.
    ///
    /// Weeks of 90, 100, 110 and 100 have sigma = 8.165 and t(3, 0.9) = 1.6377. The next four weeks
    /// cost 400, and half their range is 1.6377 x 8.165 x sqrt(4 + 4 + 2.4 + 0.56) = 44.27.
    pub(super) fn half(&self, ahead: Ahead, alpha: f64) -> f64 {
        let student = StudentsT::new(0.0, 1.0, self.freedom).ok();
        let t = student.map_or(f64::INFINITY, |it| it.inverse_cdf(Risk::CONFIDENCE));
        t * self.sigma * variance(self.weeks, ahead, alpha).sqrt()
    }
}

/// Variance of the sum over a span of m weeks that begins in g weeks, over that of a week, where the
/// level is the mean of n weeks and a share alpha of each surprise stays in it:
///
/// `m^2 / n + m + alpha m (m - 1) + alpha^2 m (m - 1) (2m - 1) / 6 + g alpha^2 m^2`
///
/// The first term is the level's, the others are the sum of ETS(A,N,N) over its lead time (Hyndman,
/// Koehler, Ord and Snyder, Forecasting with Exponential Smoothing, 6.4; for one week it is the
/// `1 + (h - 1) alpha^2` of Hyndman and Athanasopoulos, Forecasting: Principles and Practice, 8.7). With
/// alpha = 0 it is the prediction interval of a mean that a saving has.
fn variance(n: f64, ahead: Ahead, alpha: f64) -> f64 {
    let Ahead { gap, len: m } = ahead;
    let pairs = m * (m - 1.0).max(0.0);
    m * m / n + m + alpha * pairs + alpha * alpha * (pairs * (2.0 * m - 1.0) / 6.0 + gap * m * m)
}

/// A forecast made so on the past.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Backtest {
    /// Four weeks that were forecast from the weeks before them.
    pub n: usize,
    /// Mean of how far they were off, as a share of what they cost.
    pub error: f64,
    /// Standard deviation of a week that would explain it.
    pub(super) sigma: f64,
}

/// Every four weeks of the past forecast from those before them, at least four; nothing below eight.
pub(super) fn backtest(days: &[f64], assumed: &ForecastRules) -> Option<Backtest> {
    let weeks: Vec<f64> = days.rchunks_exact(WEEK).rev().map(|it| it.iter().sum::<f64>()).collect();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` saturates")]
    let most = (assumed.level_weeks as usize).max(1);
    let ahead = Ahead { gap: 0.0, len: WEEKS_TRIED as f64 };
    let (mut shares, mut squares) = (Vec::new(), Vec::new());
    for at in ENOUGH_WEEKS..=weeks.len().checked_sub(WEEKS_TRIED)? {
        let seen = &weeks[at.saturating_sub(most)..at];
        let level = seen.iter().sum::<f64>() / seen.len() as f64;
        let actual: f64 = weeks[at..at + WEEKS_TRIED].iter().sum();
        let error = level * ahead.len - actual;
        squares.push(error * error / variance(seen.len() as f64, ahead, assumed.surprise_kept));
        if actual > 0.0 {
            shares.push(error.abs() / actual);
        }
    }
    let mean = |it: &[f64]| it.iter().sum::<f64>() / it.len() as f64;
    (!shares.is_empty()).then(|| Backtest {
        n: squares.len(),
        error: mean(&shares),
        sigma: mean(&squares).sqrt(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const RISK: RiskRules =
        RiskRules { week_to_week_ratio: 1.8, level_change: 0.75, n_months: 1.0, most_loss: 0.1 };
    const RULES: ForecastRules =
        ForecastRules { min_days: 7.0, level_weeks: 4.0, surprise_kept: 0.2, mature_error: 0.12 };

    fn days(weeks: &[f64]) -> Vec<f64> {
        weeks.iter().flat_map(|week| [week / 7.0; 7]).collect()
    }

    #[test]
    fn the_worked_number() {
        let residuals = days(&[-10.0, 0.0, 10.0, 0.0]);
        let it = Spread::of(&residuals, &RISK).unwrap();
        assert_eq!(it.basis, Basis::Weeks(4));
        let half = it.half(Ahead { gap: 0.0, len: 4.0 }, 0.2);
        assert!((half - 44.272).abs() < 0.01, "{half}");
        // A mean of four weeks as a saving has it, times four.
        let mean = it.half(Ahead { gap: 0.0, len: 4.0 }, 0.0);
        assert!((mean / 4.0 - 9.4552).abs() < 0.001, "{mean}");
        assert!(it.half(Ahead { gap: 4.0, len: 4.0 }, 0.2) > half);
    }

    #[test]
    fn days_tell_where_weeks_cannot() {
        let residuals = [1.0, -1.0, 1.0, -1.0, 0.0, 1.0, -1.0];
        let it = Spread::of(&residuals, &RISK).unwrap();
        assert_eq!(it.basis, Basis::Days(7));
        let sigma = (6.0_f64 / 5.0).sqrt() * 7.0_f64.sqrt() * 1.8;
        assert!((it.sigma - sigma).abs() < 1e-12 && (it.freedom - 5.0).abs() < 1e-12);
        assert!(Spread::of(&residuals[1..], &RISK).is_none());
    }

    #[test]
    fn the_past_is_tried_four_weeks_at_a_time() {
        assert!(backtest(&days(&[10.0; 7]), &RULES).is_none());
        let even = backtest(&days(&[10.0; 9]), &RULES).unwrap();
        assert_eq!(even.n, 2);
        assert!(even.error < 1e-12 && even.sigma < 1e-9);
        // Four weeks of 10 foresee 40 where 80 came.
        let step = backtest(&days(&[10.0, 10.0, 10.0, 10.0, 20.0, 20.0, 20.0, 20.0]), &RULES);
        let step = step.unwrap();
        assert!((step.error - 0.5).abs() < 1e-12, "{step:?}");
        assert!((step.sigma - 40.0 / 10.96_f64.sqrt()).abs() < 1e-9, "{step:?}");
    }
}
