//! Days of Azure cost details: which of `05/04/2026` is the month, and the day itself.
//!
//! Exports write MM/DD/YYYY, DD/MM/YYYY or ISO dates by agreement and language, and say nowhere
//! which. The file's own values decide: a number above 12 is a day, and a billing period starts on
//! the first of a month.

use chrono_tz::Tz;

use super::super::super::IngestError;
use super::super::super::cell::{self, Cell};
use super::super::super::raw::RawTable;
use super::super::super::rejected::excerpt;
use super::Columns;
use crate::units::{Period, Timestamp};

/// Microseconds in a day.
const DAY_US: i64 = 86_400_000_000;

/// Which number of a date with three numbers is the month.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// 05/04/2026 is 4 May.
    MonthFirst,
    /// 05/04/2026 is 5 April.
    DayFirst,
    /// The first rows have ISO dates only, or such as 02/02/2026.
    Untold,
}

impl Order {
    const fn words(self) -> &'static str {
        match self {
            Order::MonthFirst => "month/day/year",
            Order::DayFirst => "day/month/year",
            Order::Untold => "year-month-day",
        }
    }
}

/// The order that the first rows show.
pub(super) fn order(first: &RawTable, columns: &Columns, file: &str) -> Result<Order, IngestError> {
    let dated = [Some(columns.date), columns.period_start, columns.period_end];
    let mut sure: [Option<String>; 2] = [None, None];
    let mut likely = [false, false];
    let mut example = None;
    for row in 0..first.len() {
        for column in dated.into_iter().flatten() {
            let Cell::Text(text) = first.cell(column, row) else { continue };
            let Some((a, b, _)) = three(text) else { continue };
            match (a > 12, b > 12) {
                (false, true) => keep(&mut sure[0], text),
                (true, false) => keep(&mut sure[1], text),
                _ if a != b => keep(&mut example, text),
                _ => {}
            }
            if Some(column) == columns.period_start && a != b {
                likely[0] |= b == 1;
                likely[1] |= a == 1;
            }
        }
    }
    let unreadable = |reason: String| IngestError::Unreadable {
        file: file.to_owned(),
        reason,
        hint: "export it again with dates such as 2026-05-04, or with BillingPeriodStartDate and \
               BillingPeriodEndDate"
            .to_owned(),
    };
    match (sure, likely, example) {
        ([Some(month_first), Some(day_first)], ..) => Err(unreadable(format!(
            "`{month_first}` has its month first and `{day_first}` its day: the file mixes both"
        ))),
        ([Some(_), None], ..) | ([None, None], [true, false], Some(_)) => Ok(Order::MonthFirst),
        ([None, Some(_)], ..) | ([None, None], [false, true], Some(_)) => Ok(Order::DayFirst),
        ([None, None], _, Some(example)) => Err(unreadable(format!(
            "nothing tells whether `{example}` has its month or its day first"
        ))),
        ([None, None], _, None) => Ok(Order::Untold),
    }
}

fn keep(place: &mut Option<String>, text: &str) {
    place.get_or_insert_with(|| excerpt(text.trim()));
}

/// The three numbers of a date such as `9/2/2023` or `02.09.2023 00:00`.
fn three(text: &str) -> Option<(u32, u32, u32)> {
    let date = text.split_whitespace().next()?;
    let mut parts = date.split(['/', '.', '-']);
    let (a, b, year) = (parts.next()?, parts.next()?, parts.next()?);
    let short = |it: &str| (1..=2).contains(&it.len());
    if parts.next().is_some() || !short(a) || !short(b) || year.len() != 4 {
        return None;
    }
    Some((a.parse().ok()?, b.parse().ok()?, year.parse().ok()?))
}

/// The day of a cell, in UTC, or why it is none.
pub(super) fn day(cell: Cell<'_>, order: Order) -> Result<Period, String> {
    let numbers = match cell {
        Cell::Text(text) => three(text).map(|it| (it, text)),
        _ => None,
    };
    let start = match numbers {
        None => cell::time(cell, Tz::UTC)?.ok_or_else(|| "the date is empty".to_owned())?,
        Some(((a, b, year), text)) => {
            let (month, day) = match order {
                Order::MonthFirst => (a, b),
                Order::DayFirst => (b, a),
                Order::Untold if a == b => (a, b),
                Order::Untold => (0, 0),
            };
            Timestamp::parse(&format!("{year:04}-{month:02}-{day:02}"), Tz::UTC).map_err(|_| {
                format!(
                    "`{}` is no {} date, as the first rows of this file have",
                    excerpt(text.trim()),
                    order.words()
                )
            })?
        }
    };
    let start = start.floor_to(DAY_US);
    Period::new(start, start.plus_us(DAY_US)).ok_or_else(|| "the date is out of range".to_owned())
}
