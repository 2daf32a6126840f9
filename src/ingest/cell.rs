//! One cell of a file as a typed value, or the reason why it is none.

use chrono_tz::Tz;

use super::raw::{Column, RawTable};
use super::rejected::excerpt;
use crate::units::{Currency, Money, MoneyError, Timestamp, atto_from_float, atto_from_text};

/// Counts above this are mistakes, and would not survive a float column.
const MAX_COUNT: f64 = 9_007_199_254_740_992.0;
/// From 1970 until 1 January 2101.
const PLAUSIBLE_US: std::ops::Range<i64> = 0..4_133_980_800_000_000;
/// Seconds since the epoch above which a bare number can be told from a relative time (1973).
const LEAST_EPOCH_S: f64 = 1e8;

/// A cell as the file holds it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Cell<'a> {
    /// Nothing.
    Null,
    /// Text, of CSV above all.
    Text(&'a str),
    /// A binary float.
    Float(f64),
    /// A whole number.
    Int(i128),
    /// A decimal: digits and how many stand after the point.
    Decimal(i128, usize),
    /// Microseconds since the epoch; `true` when the column carries a zone.
    Time(i64, bool),
    /// A truth value, which no column of ours is.
    Bool(bool),
}

/// A text that says something: not blank, `NULL` or `n/a`.
pub(super) fn filled(text: Option<&str>) -> Option<&str> {
    let text = text?.trim();
    let none =
        text.is_empty() || text.eq_ignore_ascii_case("null") || text.eq_ignore_ascii_case("n/a");
    (!none).then_some(text)
}

impl<'a> Cell<'a> {
    /// The cell with texts that mean nothing made `Null`.
    pub(super) fn trimmed(self) -> Cell<'a> {
        match self {
            Cell::Text(text) => filled(Some(text)).map_or(Cell::Null, Cell::Text),
            other => other,
        }
    }

    /// The cell in a message.
    fn show(self) -> String {
        match self {
            Cell::Null => "nothing".to_owned(),
            Cell::Text(text) => format!("`{}`", excerpt(text)),
            Cell::Float(value) => format!("`{value}`"),
            Cell::Int(value) => format!("`{value}`"),
            Cell::Decimal(digits, scale) => format!("`{digits}e-{scale}`"),
            Cell::Time(us, _) => format!("`{}`", super::show_time(Timestamp::from_us(us))),
            Cell::Bool(value) => format!("`{value}`"),
        }
    }
}

/// An exact amount, and whether it came from a binary float.
pub(super) fn amount(cell: Cell<'_>, currency: Currency) -> Result<Option<(Money, bool)>, String> {
    Ok(atto(cell)?.map(|(atto, from_float)| (Money::from_atto(atto, currency), from_float)))
}

/// An exact amount in 10^-18 of whatever currency, and whether it came from a binary float.
pub(super) fn atto(cell: Cell<'_>) -> Result<Option<(i128, bool)>, String> {
    let found = match cell.trimmed() {
        Cell::Null => return Ok(None),
        Cell::Text(text) => atto_from_text(text).map(|it| (it, false)),
        Cell::Float(value) => atto_from_float(value).map(|it| (it, true)),
        Cell::Int(value) => atto_from_text(&value.to_string()).map(|it| (it, false)),
        Cell::Decimal(digits, scale) => decimal(digits, scale).map(|it| (it, false)),
        other => return Err(format!("{} is not a decimal amount", other.show())),
    };
    found.map(Some).map_err(|error| match error {
        MoneyError::NotDecimal(_) if has_decimal_comma(cell) => {
            format!("{} is not a decimal amount: write a point, not a comma", cell.show())
        }
        MoneyError::NotDecimal(_) => format!("{} is not a decimal amount", cell.show()),
        other => other.to_string(),
    })
}

/// Whether a text is a number but for its comma, as some locales write it.
fn has_decimal_comma(cell: Cell<'_>) -> bool {
    let Cell::Text(text) = cell.trimmed() else { return false };
    let digits = |it: &str| !it.is_empty() && it.bytes().all(|it| it.is_ascii_digit());
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    unsigned.split_once(',').is_some_and(|(whole, rest)| digits(whole) && digits(rest))
}

fn decimal(digits: i128, scale: usize) -> Result<i128, MoneyError> {
    let factor = 18_usize.checked_sub(scale).and_then(|it| u32::try_from(it).ok());
    match factor.and_then(|it| digits.checked_mul(10_i128.pow(it))) {
        Some(atto) => Ok(atto),
        None => atto_from_text(&format!("{digits}e-{scale}")),
    }
}

/// The float that was read last, and what it is in 10^-18: the costs of a row are mostly one amount.
#[derive(Default)]
pub(super) struct LastFloat(Option<(u64, i128)>);

/// [`atto`] of a cell; the column that nearly every amount is in takes the short way.
#[inline]
pub(super) fn atto_at(
    table: &RawTable,
    (column, row): (usize, usize),
    last: &mut LastFloat,
) -> Result<Option<(i128, bool)>, String> {
    let Some(Column::Float(values)) = table.column(column) else {
        return atto(table.cell(column, row));
    };
    let Some(value) = values.get(row).copied().flatten() else { return Ok(None) };
    if let Some((bits, found)) = last.0
        && bits == value.to_bits()
    {
        return Ok(Some((found, true)));
    }
    match atto_from_float(value) {
        Ok(found) => {
            last.0 = Some((value.to_bits(), found));
            Ok(Some((found, true)))
        }
        Err(_) => atto(Cell::Float(value)),
    }
}

/// [`time`] of a cell, whose wall clock is that of UTC; the usual column takes the short way.
#[inline]
pub(super) fn utc_at(
    table: &RawTable,
    column: usize,
    row: usize,
) -> Result<Option<Timestamp>, String> {
    match table.column(column) {
        Some(Column::Time(values, _)) => match values.get(row).copied().flatten() {
            None => Ok(None),
            Some(us) if PLAUSIBLE_US.contains(&us) => Ok(Some(Timestamp::from_us(us))),
            Some(us) => time(Cell::Time(us, true), Tz::UTC),
        },
        _ => time(table.cell(column, row), Tz::UTC),
    }
}

/// A finite number.
pub(super) fn number(cell: Cell<'_>) -> Result<Option<f64>, String> {
    let value = match cell.trimmed() {
        Cell::Null => return Ok(None),
        Cell::Text(text) => text.parse().map_err(|_| format!("{} is not a number", cell.show()))?,
        Cell::Float(value) => value,
        Cell::Int(value) => value as f64,
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_possible_wrap,
            reason = "a decimal has at most 38 places"
        )]
        Cell::Decimal(digits, scale) => digits as f64 / 10_f64.powi(scale as i32),
        other => return Err(format!("{} is not a number", other.show())),
    };
    if value.is_finite() {
        Ok(Some(value))
    } else {
        Err(format!("{} is not a finite number", cell.show()))
    }
}

/// A number that is not negative.
pub(super) fn quantity(cell: Cell<'_>) -> Result<Option<f64>, String> {
    match number(cell)? {
        Some(value) if value < 0.0 => Err(format!("{} is negative", cell.show())),
        // Minus zero is zero.
        other => Ok(other.map(|value| value + 0.0)),
    }
}

/// A whole number that is not negative.
pub(super) fn count(cell: Cell<'_>) -> Result<Option<u64>, String> {
    let Some(value) = quantity(cell)? else { return Ok(None) };
    if value.fract() != 0.0 {
        return Err(format!("{} is not a whole number", cell.show()));
    }
    if value > MAX_COUNT {
        return Err(format!("{} is too large for a count", cell.show()));
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked above")]
    Ok(Some(value as u64))
}

/// [`count`] of a whole number that is one.
#[inline]
pub(super) fn whole_count(value: i64) -> Option<u64> {
    u64::try_from(value).ok().filter(|it| *it as f64 <= MAX_COUNT)
}

/// [`time`] of an instant that may be one.
#[inline]
pub(super) fn plausible_us(us: i64) -> Option<i64> {
    PLAUSIBLE_US.contains(&us).then_some(us)
}

/// A number from 0 to 1, or from 0 to 100 where the header says percent.
pub(super) fn share(cell: Cell<'_>, percent: bool) -> Result<Option<f64>, String> {
    let Some(value) = quantity(cell)? else { return Ok(None) };
    let (value, top) = if percent { (value / 100.0, "100") } else { (value, "1") };
    if value > 1.0 {
        return Err(format!("{} is above {top}", cell.show()));
    }
    Ok(Some(value))
}

/// An instant. A wall clock without an offset is `zone`'s; a bare number counts seconds, milli-,
/// micro- or nanoseconds since 1970 by its size.
pub(super) fn time(cell: Cell<'_>, zone: Tz) -> Result<Option<Timestamp>, String> {
    match cell.trimmed() {
        Cell::Null => Ok(None),
        Cell::Text(text) => match text.parse::<f64>() {
            Ok(value) => epoch(value, cell).map(Some),
            Err(_) => Timestamp::parse(text, zone).map(Some).map_err(|it| it.to_string()),
        },
        Cell::Int(value) => epoch(value as f64, cell).map(Some),
        Cell::Float(value) => epoch(value, cell).map(Some),
        Cell::Time(us, aware) => {
            let at = Timestamp::from_us(us);
            if aware || zone == Tz::UTC {
                return checked(at, cell).map(Some);
            }
            // A wall clock without a zone: read its digits again in the report's zone.
            Timestamp::parse(at.to_rfc3339().trim_end_matches('Z'), zone)
                .map(Some)
                .map_err(|it| it.to_string())
        }
        other => Err(format!("{} is not a timestamp", other.show())),
    }
}

fn epoch(value: f64, cell: Cell<'_>) -> Result<Timestamp, String> {
    let us = match value {
        v if !v.is_finite() || v < LEAST_EPOCH_S => {
            return Err(format!("{} is not a timestamp such as 2026-10-05T14:00:00Z", cell.show()));
        }
        v if v < 1e11 => v * 1e6,
        v if v < 1e14 => v * 1e3,
        v if v < 1e17 => v,
        v => v / 1e3,
    };
    #[expect(clippy::cast_possible_truncation, reason = "`as` saturates; checked below")]
    checked(Timestamp::from_us(us.round() as i64), cell)
}

fn checked(at: Timestamp, cell: Cell<'_>) -> Result<Timestamp, String> {
    if PLAUSIBLE_US.contains(&at.us()) {
        Ok(at)
    } else {
        Err(format!("{} is outside the years 1970 to 2100", cell.show()))
    }
}

/// A text as it stands, without blanks around it. Numbers are texts too: a workload may be called 7.
pub(super) fn text(cell: Cell<'_>) -> Result<Option<String>, String> {
    match cell.trimmed() {
        Cell::Null => Ok(None),
        Cell::Text(text) => Ok(Some(text.to_owned())),
        Cell::Int(value) => Ok(Some(value.to_string())),
        Cell::Float(value) => Ok(Some(value.to_string())),
        other => Err(format!("{} is not a text", other.show())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_whole_and_not_negative() {
        assert_eq!(count(Cell::Text(" 12 ")), Ok(Some(12)));
        assert_eq!(count(Cell::Float(12.0)), Ok(Some(12)));
        assert_eq!(count(Cell::Text("")), Ok(None));
        assert_eq!(count(Cell::Text("NULL")), Ok(None));
        for (cell, reason) in [
            (Cell::Text("-1"), "`-1` is negative"),
            (Cell::Text("abc"), "`abc` is not a number"),
            (Cell::Text("NaN"), "`NaN` is not a finite number"),
            (Cell::Float(f64::INFINITY), "`inf` is not a finite number"),
            (Cell::Text("1.5"), "`1.5` is not a whole number"),
            (Cell::Text("1e300"), "`1e300` is too large for a count"),
            (Cell::Bool(true), "`true` is not a number"),
        ] {
            assert_eq!(count(cell), Err(reason.to_owned()));
        }
    }

    #[test]
    fn shares_know_percent() {
        assert_eq!(share(Cell::Text("37"), true), Ok(Some(0.37)));
        assert_eq!(share(Cell::Float(0.37), false), Ok(Some(0.37)));
        assert!(share(Cell::Text("37"), false).is_err());
        assert!(share(Cell::Text("101"), true).is_err());
    }

    #[test]
    fn times_come_in_many_forms() {
        let expected = Timestamp::from_s(1_790_000_000);
        for cell in [
            Cell::Text("2026-09-21T14:13:20Z"),
            Cell::Text("1790000000"),
            Cell::Int(1_790_000_000_000),
            Cell::Int(1_790_000_000_000_000),
            Cell::Time(1_790_000_000_000_000, true),
        ] {
            assert_eq!(time(cell, Tz::UTC), Ok(Some(expected)), "{cell:?}");
        }
        let berlin: Tz = "Europe/Berlin".parse().unwrap();
        let naive = Cell::Time(1_790_007_200_000_000, false);
        assert_eq!(time(naive, berlin), Ok(Some(expected)));
        for cell in [Cell::Int(0), Cell::Text("soon"), Cell::Float(f64::NAN), Cell::Bool(false)] {
            assert!(time(cell, Tz::UTC).is_err(), "{cell:?}");
        }
    }

    #[test]
    fn amounts_say_whether_a_float_was_rounded() {
        let usd = |text| Money::parse(text, Currency::USD).unwrap();
        assert_eq!(amount(Cell::Float(0.1), Currency::USD), Ok(Some((usd("0.1"), true))));
        assert_eq!(amount(Cell::Text("0.1"), Currency::USD), Ok(Some((usd("0.1"), false))));
        assert_eq!(amount(Cell::Decimal(125, 2), Currency::USD), Ok(Some((usd("1.25"), false))));
        let found = amount(Cell::Text("1,234.56"), Currency::USD);
        assert_eq!(found, Err("`1,234.56` is not a decimal amount".to_owned()));
    }
}
