//! What was paid, cut at instants: exact parts that add up to the whole.

use chrono_tz::Tz;

use super::bins::DAY_US;
use super::calendar;
use crate::units::{Currency, Money, MoneyError, Period, Timestamp};
use crate::workload::{CostBin, PricingCategory, Workload};

/// What one stretch of time cost.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Paid {
    /// Effective cost.
    pub(super) cost: Money,
    /// GPU-hours behind it; nothing where something was paid for and none were counted.
    pub(super) gpu_hours: Option<f64>,
}

/// The cost of each stretch between neighbouring instants (in order), rows spread evenly over their
/// time. A row gives each stretch what it cost up to its end less what it cost up to its start, both
/// rounded once, so the parts of a row inside the instants add up to the last digit: 1.00 for three
/// hours is 0.333333333, 0.333333334 and 0.333333333. No row is no cost and no GPU.
pub(super) fn spread<'a>(
    bins: impl IntoIterator<Item = &'a CostBin>,
    edges: &[Timestamp],
    currency: Currency,
) -> Result<Vec<Paid>, MoneyError> {
    let nothing = Paid { cost: Money::zero(currency), gpu_hours: None };
    let mut found = vec![(nothing, false); edges.len().saturating_sub(1)];
    // Rows follow each other, so most lie where the one before did.
    let mut first = 0;
    for bin in bins {
        let is_here = edges.get(first).is_some_and(|it| *it <= bin.period.start())
            && edges.get(first + 1).is_some_and(|it| bin.period.start() < *it);
        if !is_here {
            first = edges.partition_point(|it| *it <= bin.period.start()).saturating_sub(1);
        }
        for (at, pair) in edges.windows(2).enumerate().skip(first) {
            if pair[0] >= bin.period.end() {
                break;
            }
            let part = up_to(bin, pair[1])?.checked_sub(up_to(bin, pair[0])?)?;
            let (cell, touched) = &mut found[at];
            cell.cost = cell.cost.checked_add(part)?;
            *touched = true;
            if let Some(hours) = bin.gpu_hours {
                let inside = Period::new(pair[0], pair[1]).and_then(|it| it.intersect(bin.period));
                let share =
                    inside.map_or(0.0, |it| it.len_us() as f64 / bin.period.len_us() as f64);
                cell.gpu_hours = Some(cell.gpu_hours.unwrap_or(0.0) + hours * share);
            }
        }
    }
    let known = |(paid, touched): (Paid, bool)| Paid {
        gpu_hours: if touched { paid.gpu_hours } else { Some(0.0) },
        ..paid
    };
    Ok(found.into_iter().map(known).collect())
}

/// What a row cost from its start to an instant.
fn up_to(bin: &CostBin, at: Timestamp) -> Result<Money, MoneyError> {
    let past_us = at.us().saturating_sub(bin.period.start().us());
    if past_us >= bin.period.len_us() {
        return Ok(bin.cost);
    }
    if past_us <= 0 {
        return Ok(Money::zero(bin.cost.currency()));
    }
    let us = |it: i64| u64::try_from(it).unwrap_or(0);
    bin.cost.scale(us(past_us), us(bin.period.len_us()))
}

/// The instant some days of the zone's clock after another: the same reading of the clock.
pub(super) fn days_after(zone: Tz, at: Timestamp, days: i64) -> Timestamp {
    let offset_us = calendar::offset_us(zone, at.us());
    let local = at.plus_us(offset_us).plus_us(days.saturating_mul(DAY_US));
    local.plus_us(-calendar::offset_us(zone, local.plus_us(-offset_us).us()))
}

/// A whole day of a zone's clock and what it cost.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DayCost {
    /// From midnight to midnight.
    pub period: Period,
    /// Monday 0.
    pub weekday: usize,
    /// Effective cost, without what commitments cover.
    pub cost: Money,
}

/// The whole days on which both cost and demand of a workload are known, in order; no row is no cost.
pub fn daily_costs(workload: &Workload, zone: Tz) -> Option<Vec<DayCost>> {
    let known = workload.window.intersect(workload.demand_window)?;
    let bins = || workload.costs.iter().filter(|it| it.category != PricingCategory::Committed);
    let currency = bins().next().map_or(Currency::USD, |it| it.cost.currency());
    let paid = spread(bins(), &midnights(known, zone), currency).ok()?;
    let days = whole_days(known, zone).into_iter().zip(paid);
    Some(
        days.map(|((period, weekday), paid)| DayCost { period, weekday, cost: paid.cost })
            .collect(),
    )
}

/// The effective cost of every day of a zone's clock in the window, the first and the last cut at its
/// ends: the days add up to what the rows in it cost. Empty where no row has a cost.
pub fn costs_by_day(workload: &Workload, zone: Tz) -> Result<Vec<(Period, Money)>, MoneyError> {
    let Some(first) = workload.costs.first() else { return Ok(Vec::new()) };
    let (start, end) = (workload.window.start(), workload.window.end());
    let inside = midnights(workload.window, zone);
    let inside = inside.into_iter().filter(|it| start < *it && *it < end);
    let edges: Vec<Timestamp> =
        std::iter::once(start).chain(inside).chain(std::iter::once(end)).collect();
    let paid = spread(&workload.costs, &edges, first.cost.currency())?;
    let days = edges.windows(2).zip(paid);
    Ok(days.filter_map(|(day, it)| Some((Period::new(day[0], day[1])?, it.cost))).collect())
}

/// The whole days of a zone's clock in a period, each with its weekday, Monday 0.
pub fn whole_days(period: Period, zone: Tz) -> Vec<(Period, usize)> {
    let day = |days: &[Timestamp]| {
        let (_, weekday) = calendar::hour_and_weekday(zone, days[0].us())?;
        Some((Period::new(days[0], days[1])?, weekday))
    };
    midnights(period, zone).windows(2).map_while(day).collect()
}

/// The midnights of a zone in a period, its ends included.
pub(super) fn midnights(period: Period, zone: Tz) -> Vec<Timestamp> {
    let start = period.start();
    let local_us = start.us().saturating_add(calendar::offset_us(zone, start.us()));
    let to_midnight_us = (-local_us).rem_euclid(DAY_US);
    let first = days_after(zone, start.plus_us(to_midnight_us - DAY_US), 1);
    let all = (0..).map(|days| days_after(zone, first, days));
    all.take_while(|it| *it <= period.end()).filter(|it| *it >= start).collect()
}

/// The first to the last instant of the rows.
pub(super) fn span<'a>(bins: impl IntoIterator<Item = &'a CostBin>) -> Option<Period> {
    bins.into_iter().map(|it| it.period).reduce(Period::cover)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(hour: i64) -> Timestamp {
        Timestamp::from_s(hour * 3600)
    }

    fn bin(from: i64, hours: i64, atto: i128, gpu_hours: Option<f64>) -> CostBin {
        CostBin {
            period: Period::new(at(from), at(from + hours)).unwrap(),
            category: PricingCategory::Standard,
            cost: Money::from_atto(atto, Currency::USD),
            gpu_hours,
        }
    }

    #[test]
    fn the_worked_number() {
        let edges: Vec<Timestamp> = (0..5).map(at).collect();
        let one = 1_000_000_000_000_000_000;
        let paid = spread(&[bin(0, 3, one, Some(6.0))], &edges, Currency::USD).unwrap();
        let texts: Vec<String> = paid.iter().map(|it| it.cost.to_decimal_string()).collect();
        assert_eq!(texts, ["0.333333333", "0.333333334", "0.333333333", "0.00"]);
        let hours: Vec<_> = paid.iter().map(|it| it.gpu_hours).collect();
        assert_eq!(hours, [Some(2.0), Some(2.0), Some(2.0), Some(0.0)]);
        let fee = spread(&[bin(1, 1, one, None)], &edges, Currency::USD).unwrap();
        assert_eq!(fee[1].gpu_hours, None);
    }

    #[test]
    fn midnights_of_a_period() {
        let zone: Tz = "Europe/Berlin".parse().unwrap();
        let read = |text| Timestamp::parse(text, zone).unwrap();
        let period = |from, to| Period::new(read(from), read(to)).unwrap();
        // The clocks go back on the 25th.
        let all = midnights(period("2026-10-24T07:00", "2026-10-27T00:00"), zone);
        assert_eq!(all, ["2026-10-25", "2026-10-26", "2026-10-27"].map(read));
        let all = midnights(period("2026-10-24T00:00", "2026-10-25T23:59"), zone);
        assert_eq!(all, ["2026-10-24", "2026-10-25"].map(read));
    }

    #[test]
    fn days_follow_the_clock() {
        let zone: Tz = "Europe/Berlin".parse().unwrap();
        let noon = Timestamp::parse("2026-10-24T12:00", zone).unwrap();
        let hours = |days| (days_after(zone, noon, days).us() - noon.us()) / 3_600_000_000;
        assert_eq!((hours(1), hours(7), hours(-1)), (25, 169, -24));
    }

    proptest! {
        #[test]
        fn parts_add_up_to_the_whole(
            rows in prop::collection::vec((0_i64..50, 1_i64..40, any::<i64>()), 1..20),
            cuts in prop::collection::btree_set(1_i64..90, 0..20),
        ) {
            let bins: Vec<CostBin> =
                rows.iter().map(|it| bin(it.0, it.1, i128::from(it.2) * 1_000_003, None)).collect();
            let edges: Vec<Timestamp> =
                [0].into_iter().chain(cuts).chain([90]).map(at).collect();
            let parts = spread(&bins, &edges, Currency::USD).unwrap();
            let sum = |all: Vec<Money>| Money::sum(all, Currency::USD).unwrap();
            prop_assert_eq!(
                sum(parts.iter().map(|it| it.cost).collect()),
                sum(bins.iter().map(|it| it.cost).collect())
            );
        }
    }
}
