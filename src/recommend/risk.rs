//! How sure a saving is: its range over months like those seen, and what the worst of them keep.

use statrs::distribution::{Continuous, ContinuousCDF, StudentsT};

use super::savings::{Daily, Following};
use crate::catalog::RiskRules;
use crate::simulate::Random;
use crate::units::{HOURS_PER_MONTH, Money};

const DAYS_PER_WEEK: usize = 7;
/// Weeks of the month that is foreseen.
const WEEKS_AHEAD: usize = 4;
/// Days of a week from Monday to Friday, and at the weekend.
const DAYS_OF_WEEK: [usize; 2] = [5, 2];
/// Share of the months below the range, and of those the worst mean is of.
const TAIL: f64 = 0.1;

/// The range of a monthly saving.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Risk {
    /// Nine of ten months save at least this.
    pub low: Money,
    /// Nine of ten save at most this.
    pub high: Money,
    /// Share of the months in which the saving is below zero.
    pub probability_of_loss: f64,
    /// Mean saving of the worst tenth of the months.
    pub worst_tenth: Money,
    /// What it rests on.
    pub basis: Basis,
}

/// What a range rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Basis {
    /// How much whole weeks differ.
    Weeks(usize),
    /// How much days differ, widened by how much more weeks do elsewhere.
    Days(usize),
}

impl Risk {
    /// Share of the months inside the range.
    pub const LEVEL: f64 = 0.8;
    /// Share of the months that save at least the low end.
    pub const CONFIDENCE: f64 = 0.9;
    /// Standard deviations of a normal distribution from its mean to that share.
    pub const CONFIDENCE_Z: f64 = 1.281_551_565_544_600_4;

    /// The range of `saving` a month, known from the days it was made of; nothing for less than a week.
    ///
    /// From four whole weeks on `saving ± t(n - 1, 0.9) s sqrt(1/n + 1/4)` with s how much the weeks
    /// differ, as months of 730 hours (the prediction interval of the mean of four weeks to come, Hahn
    /// and Meeker, Statistical Intervals, 4.7). Weeks that saved 90, 100, 110 and 100: s = 8.165,
    /// t = 1.6377 and the range is 100 ± 9.455 a week.
    pub fn of(saving: Money, days: &Daily, assumed: &RiskRules, seed: u64) -> Option<Risk> {
        Risk::over(WEEKS_AHEAD, (saving, days), assumed, seed)
    }

    /// The same over so many weeks to come, as an amount a month: the fewer, the wider.
    pub fn over(
        n_ahead: usize,
        (saving, days): (Money, &Daily),
        assumed: &RiskRules,
        seed: u64,
    ) -> Option<Risk> {
        let n_ahead = n_ahead.max(1);
        let weeks: Vec<f64> =
            days.usd.chunks_exact(DAYS_PER_WEEK).map(|week| week.iter().sum()).collect();
        match weeks.len() {
            0 => None,
            n if n >= 4 => by_weeks(saving, &weeks, n_ahead),
            _ => by_days(saving, (days, n_ahead), assumed, seed),
        }
    }
}

/// From a week to a month of 730 hours.
fn months(usd_a_week: f64) -> f64 {
    usd_a_week * HOURS_PER_MONTH as f64 / 168.0
}

fn by_weeks(saving: Money, weeks: &[f64], n_ahead: usize) -> Option<Risk> {
    let n = weeks.len() as f64;
    let mean = weeks.iter().sum::<f64>() / n;
    let square: f64 = weeks.iter().map(|it| (it - mean) * (it - mean)).sum();
    let sigma = months((square / (n - 1.0) * (1.0 / n + 1.0 / n_ahead as f64)).sqrt());
    let basis = Basis::Weeks(weeks.len());
    let expected = saving.to_f64();
    if sigma <= expected.abs() * 1e-12 {
        return certain(saving, basis);
    }
    let spread = Spread::of_weeks(weeks.len())?;
    let (half, worst) = (spread.range() * sigma, spread.worst_tenth() * sigma);
    risk(saving, (-half, half), (-worst, spread.loss(expected / sigma)), basis)
}

/// How far months lie from a saving that rests on whole weeks, in units of the deviation s.
#[derive(Clone, Copy, Debug)]
pub struct Spread {
    student: StudentsT,
    freedom: f64,
}

impl Spread {
    /// Of so many weeks, at least three; nothing of fewer.
    pub fn of_weeks(n: usize) -> Option<Spread> {
        let freedom = n as f64 - 1.0;
        let student = StudentsT::new(0.0, 1.0, freedom).ok().filter(|_| freedom > 1.0)?;
        Some(Spread { student, freedom })
    }

    /// From the saving to either end of its range: 1.6377 of four weeks.
    pub fn range(&self) -> f64 {
        self.student.inverse_cdf(1.0 - TAIL)
    }

    /// From the saving down to the mean of the worst tenth.
    pub fn worst_tenth(&self) -> f64 {
        // The mean of what is below the tail of Student's distribution (McNeil, Frey and Embrechts,
        // Quantitative Risk Management, 2.2.4).
        let t = self.range();
        self.student.pdf(t) / TAIL * (self.freedom + t * t) / (self.freedom - 1.0)
    }

    /// The chance of a month below zero, where the saving is so many deviations above it.
    pub fn loss(&self, saving: f64) -> f64 {
        self.student.cdf(-saving)
    }
}

fn certain(saving: Money, basis: Basis) -> Option<Risk> {
    let probability = if saving.is_negative() { 1.0 } else { 0.0 };
    risk(saving, (0.0, 0.0), (0.0, probability), basis)
}

fn risk(
    saving: Money,
    (low, high): (f64, f64),
    (worst, probability_of_loss): (f64, f64),
    basis: Basis,
) -> Option<Risk> {
    let off = |usd: f64| {
        let usd = Money::from_float(usd, saving.currency()).ok()?;
        saving.checked_add(usd).ok()
    };
    Some(Risk {
        low: off(low)?,
        high: off(high)?,
        probability_of_loss: probability_of_loss.clamp(0.0, 1.0),
        worst_tenth: off(worst)?,
        basis,
    })
}

/// Months of days drawn within weekday and weekend, from days drawn the same way: once for what is
/// not known of the days, once for what they will be. Weeks differ by more than days that know nothing
/// of each other: what follows demand is moved with its level, of which less than four weeks tell
/// nothing, and what does not is the ratio of weeks to days times as far from the mean.
fn by_days(
    saving: Money,
    (days, n_ahead): (&Daily, usize),
    assumed: &RiskRules,
    seed: u64,
) -> Option<Risk> {
    let whole = days.usd.len() / DAYS_PER_WEEK * DAYS_PER_WEEK;
    let basis = Basis::Days(whole);
    let mut kinds: [Vec<f64>; 2] = [Vec::new(), Vec::new()];
    for (at, usd) in days.usd[..whole].iter().enumerate() {
        kinds[usize::from(days.is_weekend(at))].push(*usd);
    }
    let ahead = DAYS_OF_WEEK.map(|it| it * n_ahead);
    let mean: f64 = kinds.iter().zip(ahead).map(|(it, n)| mean_of(it) * n as f64).sum();
    let follows = days.following.usd.abs() > 0.0;
    let ratio = if follows { 1.0 } else { assumed.week_to_week_ratio };
    let mut random = Random::new(seed);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` saturates")]
    let mut off: Vec<f64> = (0..assumed.n_months as u32)
        .map(|_| {
            let sum: f64 = kinds
                .iter()
                .zip(ahead)
                .map(|(it, n)| {
                    let seen = drawn(it, it.len(), &mut random);
                    drawn(&seen, n, &mut random).iter().sum::<f64>()
                })
                .sum();
            let moved = level_moves(days.following, assumed, &mut random);
            months((sum - mean) / n_ahead as f64 * ratio + moved)
        })
        .collect();
    off.sort_by(f64::total_cmp);
    let n = off.len();
    let expected = saving.to_f64();
    if off.iter().all(|it| it.abs() <= expected.abs() * 1e-12) {
        return certain(saving, basis);
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a part of a length"
    )]
    let n_tail = ((n as f64 * TAIL) as usize).max(1);
    let (low, high) = (*off.get(n_tail)?, *off.get(n.checked_sub(n_tail + 1)?)?);
    let lost = off.iter().filter(|it| expected + **it < 0.0).count();
    risk(
        saving,
        (low.min(0.0), high.max(0.0)),
        (mean_of(&off[..n_tail]), lost as f64 / n as f64),
        basis,
    )
}

/// What a change of the level of demand does to a week's saving. Levels are drawn log-normal around the
/// one seen: at 0.75 eight of ten are between 0.38 and 2.61 times it.
fn level_moves(following: Following, assumed: &RiskRules, random: &mut Random) -> f64 {
    let level = libm::exp(assumed.level_change * random.normal());
    following.moved(level) * DAYS_PER_WEEK as f64
}

fn mean_of(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

/// So many values drawn with replacement; none from none.
fn drawn(values: &[f64], n: usize, random: &mut Random) -> Vec<f64> {
    if values.is_empty() {
        return Vec::new();
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a part of a length"
    )]
    let mut place = || (random.unit() * values.len() as f64) as usize;
    (0..n).map(|_| values[place().min(values.len() - 1)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Currency;
    use proptest::prelude::*;

    const RULES: RiskRules = RiskRules {
        week_to_week_ratio: 1.0,
        level_change: 0.75,
        n_months: 2_000.0,
        most_loss: 0.1,
    };

    fn usd(value: f64) -> Money {
        Money::from_float(value, Currency::USD).unwrap()
    }

    fn daily(usd: Vec<f64>) -> Daily {
        Daily { usd, ..Daily::default() }
    }

    fn of(saving: f64, days: Vec<f64>) -> Option<Risk> {
        let assumed = RiskRules { week_to_week_ratio: 1.5, ..RULES };
        Risk::of(usd(saving), &daily(days), &assumed, 7)
    }

    #[test]
    fn four_weeks_by_student() {
        let days = [90.0, 100.0, 110.0, 100.0].map(|week| [week / 7.0; 7]).concat();
        let saving = months(100.0);
        let it = of(saving, days).unwrap();
        assert_eq!(it.basis, Basis::Weeks(4));
        let half = months(9.4552);
        assert!((it.high.to_f64() - saving - half).abs() < 0.01, "{it:?}");
        assert!((saving - it.low.to_f64() - half).abs() < 0.01, "{it:?}");
        // 100 / 5.7735 deviations of three degrees of freedom.
        assert!((it.probability_of_loss - 0.000_21).abs() < 0.000_02, "{it:?}");
        assert!(it.worst_tenth < it.low);
    }

    #[test]
    fn less_than_a_week_has_no_range_and_even_days_a_certain_one() {
        assert_eq!(of(10.0, vec![1.0; 6]), None);
        for n in [7, 27, 28, 60] {
            let it = of(10.0, vec![1.0; n]).unwrap();
            assert_eq!((it.low, it.high, it.worst_tenth), (usd(10.0), usd(10.0), usd(10.0)), "{n}");
            assert!(it.probability_of_loss.abs() < 1e-12);
        }
        let it = of(-10.0, vec![1.0; 30]).unwrap();
        assert!((it.probability_of_loss - 1.0).abs() < 1e-12);
    }

    #[test]
    fn a_change_of_demand_moves_what_follows_it() {
        let following = Following { usd: 1.0, ..Following::default() };
        let days = Daily { following, ..daily(vec![1.0; 7]) };
        let one_a_day = months(7.0);
        let mean_end = |of: fn(Risk) -> Money| {
            let ends = (0..20).map(|seed| {
                let it = Risk::of(usd(one_a_day), &days, &RULES, seed).unwrap();
                assert!(it.probability_of_loss.abs() < 1e-12);
                of(it).to_f64() / one_a_day
            });
            ends.sum::<f64>() / 20.0
        };
        let ends = [mean_end(|it| it.low), mean_end(|it| it.high)];
        assert!((ends[0] - 0.382).abs() < 0.01 && (ends[1] - 2.61).abs() < 0.08, "{ends:?}");
        let full = Daily { following: Following { most: 1.0, ..following }, ..days };
        let it = Risk::of(usd(one_a_day), &full, &RULES, 7).unwrap();
        assert!(it.high == usd(one_a_day) && it.low < it.high, "{it:?}");
    }

    #[test]
    fn another_seed_moves_the_ends_little() {
        let days: Vec<f64> = (0..21).map(|at| f64::from((at * 37) % 20)).collect();
        let assumed = RiskRules { week_to_week_ratio: 1.8, ..RULES };
        let of = |seed| Risk::of(usd(300.0), &daily(days.clone()), &assumed, seed).unwrap();
        let (first, width) = (of(0), of(0).high.to_f64() - of(0).low.to_f64());
        for seed in 1..20 {
            let it = of(seed);
            let off = [(it.low, first.low), (it.high, first.high)];
            assert!(
                off.iter().all(|(a, b)| (a.to_f64() - b.to_f64()).abs() < 0.1 * width),
                "{it:?}"
            );
        }
        assert_eq!(of(3), of(3));
    }

    proptest! {
        #[test]
        fn a_range_is_in_order(days in prop::collection::vec(-50.0..100.0_f64, 7..80), saving in -500.0..2000.0_f64) {
            let it = of(saving, days).unwrap();
            prop_assert!(it.low <= usd(saving) && usd(saving) <= it.high);
            prop_assert!(it.worst_tenth <= it.low);
            prop_assert!((0.0..=1.0).contains(&it.probability_of_loss));
            prop_assert!(it.probability_of_loss <= 0.1 || it.low.is_negative() || it.low.is_zero());
        }

        #[test]
        fn days_that_differ_more_widen_the_range(days in prop::collection::vec(0.0..100.0_f64, 7..28)) {
            let far: Vec<f64> = days.iter().map(|it| it * 2.0).collect();
            let width = |it: Risk| it.high.to_f64() - it.low.to_f64();
            let (near, far) = (of(100.0, days).unwrap(), of(100.0, far).unwrap());
            prop_assert!((width(far) - 2.0 * width(near)).abs() <= 1e-6 * width(far).max(1.0));
        }
    }
}
