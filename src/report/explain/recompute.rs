//! The formulas of the definitions, computed again from the numbers of a report.

use chrono_tz::Tz;

use super::definitions::Kind;
use super::derive::Input;
use super::unit::{Number, Unit};
use crate::recommend::Spread;
use crate::units::{Currency, HOURS_PER_MONTH, Money, MoneyPerHour, Period, Timestamp};

/// Microseconds of an hour.
const US_PER_HOUR: f64 = 3.6e9;

/// The number by its formula; nothing where an input is missing or does not fit.
///
/// A month of a window of 744 hours that cost 744.00 is 730.00.
pub(super) fn recompute(
    kind: Kind,
    inputs: &[Input],
    unit: Unit,
    currency: Currency,
) -> Option<Number> {
    let known: Vec<&Number> = inputs.iter().filter_map(|it| it.number.as_ref()).collect();
    let all_known = known.len() == inputs.len();
    match (kind, known.as_slice()) {
        (Kind::Sum, []) | (Kind::From(_), _) => None,
        (Kind::Sum | Kind::Total, _) => sum(&known, unit, currency),
        (Kind::Number, _) => Some(Number::Whole(inputs.len() as i128)),
        (Kind::Less | Kind::Saving, [_, ..]) if all_known => less(&known),
        (Kind::Rest, [_, ..]) if inputs.first()?.is_known() => less(&known),
        (Kind::Zero, _) => Some(Number::Money(Money::zero(currency))),
        (Kind::Same, [it]) => Some((*it).clone()),
        (Kind::Month, [cost, hours]) => {
            let us = whole(hours.real()? * US_PER_HOUR)?;
            scaled(cost.money()?, HOURS_PER_MONTH * whole(US_PER_HOUR)?, us)
        }
        (Kind::Ahead, [cost, hours, ..]) => {
            let us = whole(hours.real()? * US_PER_HOUR)?;
            scaled(cost.money()?, us, HOURS_PER_MONTH * whole(US_PER_HOUR)?)
        }
        (Kind::CatalogMonth, [rate, gpus]) => {
            scaled(rate.money()?, whole(gpus.real()?)?.checked_mul(HOURS_PER_MONTH)?, 1)
        }
        (Kind::Rate, [cost, hours]) => {
            let rate = MoneyPerHour::from_bill(cost.money()?, hours.real()?)?;
            Money::from_nano(rate.nano(), currency).ok().map(Number::Money)
        }
        (Kind::Per(n), _) if all_known => per(n, &known, currency),
        (Kind::Hours, _) => hours(inputs),
        (Kind::Opposite, [saving, end]) => {
            let twice = saving.money()?.checked_add(saving.money()?).ok()?;
            twice.checked_sub(end.money()?).ok().map(Number::Money)
        }
        (Kind::WorstTenth, [saving, low, n]) => worst_tenth(saving, low, n),
        (Kind::Loss, [saving, low, n]) => loss(saving, low, n),
        (Kind::Confidence, [level]) => Some(Number::Real(1.0 - (1.0 - level.real()?) / 2.0)),
        (Kind::Grade, _) => Some(Number::Grade(worst_cap(inputs))),
        _ => None,
    }
}

fn sum(known: &[&Number], unit: Unit, currency: Currency) -> Option<Number> {
    if matches!(unit, Unit::Money | Unit::Each | Unit::Rate) {
        let amounts = known.iter().map(|it| it.money()).collect::<Option<Vec<_>>>()?;
        return Money::sum(amounts, currency).ok().map(Number::Money);
    }
    if let Some(all) = known.iter().map(|it| as_whole(it)).collect::<Option<Vec<i128>>>() {
        return all.into_iter().try_fold(0_i128, i128::checked_add).map(Number::Whole);
    }
    let all = known.iter().map(|it| it.real()).collect::<Option<Vec<_>>>()?;
    Some(Number::Real(all.iter().sum()))
}

const fn as_whole(it: &Number) -> Option<i128> {
    match it {
        Number::Whole(it) => Some(*it),
        _ => None,
    }
}

fn less(known: &[&Number]) -> Option<Number> {
    let (first, others) = known.split_first()?;
    others.iter().try_fold((*first).clone(), |left, it| {
        Some(match (left, it) {
            (Number::Money(a), Number::Money(b)) => Number::Money(a.checked_sub(*b).ok()?),
            (Number::Whole(a), Number::Whole(b)) => Number::Whole(a.checked_sub(*b)?),
            (a, b) => Number::Real(a.real()? - b.real()?),
        })
    })
}

fn scaled(amount: Money, numerator: u64, denominator: u64) -> Option<Number> {
    amount.scale(numerator, denominator).ok().map(Number::Money)
}

/// The nearest whole number; nothing for what is negative or too large.
fn whole(value: f64) -> Option<u64> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "in range")]
    (0.0..1e18).contains(&value).then(|| value.round() as u64)
}

/// Amounts are costs, all else is units.
fn per(n: u64, known: &[&Number], currency: Currency) -> Option<Number> {
    let cost = Money::sum(known.iter().filter_map(|it| it.money()), currency).ok()?;
    let units = known.iter().filter(|it| it.money().is_none());
    let units = units.map(|it| as_whole(it)).collect::<Option<Vec<_>>>()?;
    let units: i128 = units.into_iter().try_fold(0, i128::checked_add)?;
    let has_cost = known.iter().any(|it| it.money().is_some());
    let units = u64::try_from(units).ok().filter(|it| *it > 0 && has_cost)?;
    scaled(cost, n, units)
}

fn hours(inputs: &[Input]) -> Option<Number> {
    let [start, end] = inputs else { return None };
    let at = |it: &Input| Timestamp::parse(it.raw.as_str()?, Tz::UTC).ok();
    Period::new(at(start)?, at(end)?).map(|it| Number::Real(it.hours()))
}

/// s of Student's distribution, from half the range.
fn deviation(saving: f64, low: f64, n: &Number) -> Option<(Spread, f64)> {
    let n = usize::try_from(as_whole(n)?).ok()?;
    let spread = Spread::of_weeks(n)?;
    Some((spread, (saving - low) / spread.range()))
}

fn worst_tenth(saving: &Number, low: &Number, n: &Number) -> Option<Number> {
    let (expected, low) = (saving.real()?, low.real()?);
    let (spread, sigma) = deviation(expected, low, n)?;
    let off = Money::from_float(spread.worst_tenth() * sigma, saving.money()?.currency()).ok()?;
    saving.money()?.checked_sub(off).ok().map(Number::Money)
}

fn loss(saving: &Number, low: &Number, n: &Number) -> Option<Number> {
    let (expected, low) = (saving.real()?, low.real()?);
    let (spread, sigma) = deviation(expected, low, n)?;
    let certain = if expected < 0.0 { 1.0 } else { 0.0 };
    Some(Number::Real(if sigma > 0.0 { spread.loss(expected / sigma) } else { certain }))
}

/// The worst grade that a reason names: `grade C at best`. A where none does.
fn worst_cap(reasons: &[Input]) -> String {
    let caps = reasons.iter().filter_map(|it| cap(it.raw.as_str()?));
    caps.max().unwrap_or('A').to_string()
}

/// The grade that a reason caps the advice at.
pub(super) fn cap(reason: &str) -> Option<char> {
    let (_, after) = reason.rsplit_once("grade ")?;
    let mut letters = after.chars();
    let grade = letters.next().filter(|it| "ABCDF".contains(*it))?;
    letters.next().is_none_or(|it| !it.is_alphanumeric()).then_some(grade)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cap_is_read_from_its_reason() {
        let check = |reason: &str, grade: Option<char>| assert_eq!(cap(reason), grade, "{reason}");
        check("quality in int4 is not tested: grade C at best", Some('C'));
        check("demand is declining, which a commitment cannot follow: grade D", Some('D'));
        check("the grade Customs give", None);
        check("20,036.35 USD a month today", None);
    }
}
