//! What a number of a report counts, how it is read and how it is shown.

use std::borrow::Cow;

use serde_json::Value;

use crate::report::number::{DASH, Medium};
use crate::units::{Currency, Money};

/// What a number counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    /// An amount.
    Money,
    /// An amount per unit, which keeps its digits below 1.
    Each,
    /// A price of an hour, in full.
    Rate,
    /// Hours.
    Hours,
    /// Seconds.
    Seconds,
    /// A share of 1.
    Share,
    /// A ratio, or another number without a unit.
    Ratio,
    /// A whole number of things.
    Count(&'static str),
    /// A measured number of things.
    Of(&'static str),
    /// Bytes.
    Bytes,
    /// A grade, A to F.
    Grade,
}

/// A number as it is computed with.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Number {
    /// Exact money.
    Money(Money),
    /// Exact and whole.
    Whole(i128),
    /// A float.
    Real(f64),
    /// A grade.
    Grade(String),
}

impl Number {
    /// For formulas that are of floats.
    pub(super) fn real(&self) -> Option<f64> {
        match self {
            Number::Money(it) => Some(it.to_f64()),
            Number::Whole(it) => Some(*it as f64),
            Number::Real(it) => Some(*it),
            Number::Grade(_) => None,
        }
    }

    /// As a report has it.
    pub(super) fn to_json(&self) -> Value {
        match self {
            Number::Money(it) => Value::from(it.to_decimal_string()),
            Number::Whole(it) => i64::try_from(*it).map_or(Value::Null, Value::from),
            Number::Real(it) => Value::from(*it),
            Number::Grade(it) => Value::from(it.as_str()),
        }
    }

    pub(super) const fn money(&self) -> Option<Money> {
        match self {
            Number::Money(it) => Some(*it),
            _ => None,
        }
    }
}

impl Unit {
    /// The word of a unit for the published schema.
    #[cfg(test)]
    pub(super) const fn schema_word(self) -> &'static str {
        match self {
            Unit::Money => "report currency",
            Unit::Each => "report currency each",
            Unit::Rate => "report currency/h",
            Unit::Hours => "h",
            Unit::Seconds => "s",
            Unit::Share | Unit::Ratio | Unit::Grade => "1",
            Unit::Count(what) | Unit::Of(what) => what,
            Unit::Bytes => "bytes",
        }
    }

    /// The word in JSON.
    pub(super) fn word(self, currency: Currency) -> Cow<'static, str> {
        match self {
            Unit::Money | Unit::Each => currency.as_str().to_owned().into(),
            Unit::Rate => format!("{currency}/h").into(),
            Unit::Hours => "h".into(),
            Unit::Seconds => "s".into(),
            Unit::Share => "share of 1".into(),
            // A number that counts nothing has no unit.
            Unit::Ratio => "".into(),
            Unit::Count(noun) => format!("{noun}s").into(),
            Unit::Of(noun) => noun.into(),
            Unit::Bytes => "bytes".into(),
            Unit::Grade => "grade".into(),
        }
    }

    /// The number in a report; nothing for null, and for what is no number of this unit.
    pub(super) fn read(self, value: &Value, currency: Currency) -> Option<Number> {
        match self {
            Unit::Money | Unit::Each | Unit::Rate => {
                Money::parse(value.as_str()?, currency).ok().map(Number::Money)
            }
            Unit::Grade => Some(Number::Grade(value.as_str()?.to_owned())),
            Unit::Ratio if value.is_string() => {
                value.as_str()?.parse().ok().filter(|it: &f64| it.is_finite()).map(Number::Real)
            }
            _ => value
                .as_u64()
                .map(|it| Number::Whole(it.into()))
                .or_else(|| value.as_f64().map(Number::Real)),
        }
    }

    /// The number as a reader sees it, its unit behind it.
    pub(super) fn show(self, it: &Number, currency: Currency, medium: Medium) -> String {
        let number = self.bare(it, medium);
        match self {
            Unit::Money | Unit::Each => format!("{number} {currency}"),
            Unit::Rate => format!("{number} {currency} an hour"),
            Unit::Hours => format!("{number} h"),
            Unit::Of(noun) => format!("{number} {noun}").trim_end().to_owned(),
            Unit::Count(noun) => match it {
                Number::Whole(1) => format!("{number} {noun}"),
                _ => format!("{number} {noun}s"),
            },
            Unit::Seconds | Unit::Share | Unit::Ratio | Unit::Bytes | Unit::Grade => number,
        }
    }

    /// The same without the unit, where it stands in a formula.
    pub(super) fn bare(self, it: &Number, medium: Medium) -> String {
        match (self, it) {
            (Unit::Each, Number::Money(it)) => medium.unit_cost(*it),
            (Unit::Rate, Number::Money(it)) => it.to_decimal_string(),
            (_, Number::Money(it)) => medium.money(*it),
            (_, Number::Grade(it)) => super::super::clip(&super::super::plain(it), 12),
            (Unit::Seconds, it) => it.real().map_or_else(dash, |it| medium.duration(it)),
            (Unit::Share, it) => it.real().map_or_else(dash, |it| medium.percent(it)),
            (Unit::Bytes, Number::Whole(it)) => {
                u64::try_from(*it).map_or_else(|_| dash(), |it| medium.gib(it))
            }
            (_, Number::Whole(it)) => {
                u64::try_from(*it).map_or_else(|_| it.to_string(), |it| medium.count(it))
            }
            (_, Number::Real(it)) => medium.measure(*it),
        }
    }
}

fn dash() -> String {
    DASH.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_number_is_read_and_shown_by_its_unit() {
        let check = |unit: Unit, value: Value, shown: &str| {
            let number = unit.read(&value, Currency::USD).unwrap();
            assert_eq!(unit.show(&number, Currency::USD, Medium::Terminal), shown);
        };
        check(Unit::Money, json!("25663.765672227"), "25,663.77 USD");
        check(Unit::Each, json!("0.01961565"), "0.0196 USD");
        check(Unit::Rate, json!("1.861"), "1.861 USD an hour");
        check(Unit::Hours, json!(744.0), "744 h");
        check(Unit::Seconds, json!(0.62), "620 ms");
        check(Unit::Share, json!(0.372), "37 %");
        check(Unit::Count("row"), json!(1), "1 row");
        check(Unit::Count("row"), json!(6970), "6,970 rows");
        check(Unit::Of("GPUs"), json!(1.754), "1.75 GPUs");
        check(Unit::Bytes, json!(45_634_027_520_u64), "42.5 GiB");
        check(Unit::Grade, json!("C"), "C");
        assert_eq!(Unit::Money.read(&json!(1.5), Currency::USD), None);
        assert_eq!(Unit::Money.read(&Value::Null, Currency::USD), None);
        assert_eq!(Unit::Hours.read(&json!("many"), Currency::USD), None);
    }
}
