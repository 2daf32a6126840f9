//! What a workload cost day by day, as far back as the data go, and when that changed for good.

use chrono_tz::Tz;

use super::bins::HOUR_US;
use super::calendar;
use super::changes::{Changes, changes};
use super::costs::{midnights, span, spread};
use super::hourly::{HourlySeries, HourlyUnit};
use crate::catalog::Classify;
use crate::units::{Currency, Money, MoneyError, Period, Timestamp};
use crate::workload::{CostBin, PricingCategory, Workload};

/// A whole day of the zone's clock.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HistoryDay {
    /// From midnight to midnight.
    pub period: Period,
    /// Monday 0.
    pub weekday: usize,
    /// Effective cost of what is bought by use.
    pub by_use: Money,
    /// Effective cost of what commitments cover.
    pub committed: Money,
}

/// The whole days of a workload from its first with a cost on, to the end of the window.
#[derive(Clone, Debug)]
pub struct CostHistory {
    /// In order, none left out; a day without a row costs nothing.
    pub days: Vec<HistoryDay>,
    /// When what is bought by use changed for good, and where it is going since.
    pub changes: Changes,
}

impl CostHistory {
    /// Makes it the history of what is over, of which no day to come costs anything.
    pub fn end(&mut self) {
        for day in &mut self.days {
            day.by_use = Money::zero(day.by_use.currency());
            day.committed = Money::zero(day.committed.currency());
        }
        self.changes = Changes::default();
    }
}

/// The history of a workload's cost; nothing where no row has a cost.
pub fn cost_history(
    workload: &Workload,
    zone: Tz,
    limits: &Classify,
) -> Result<Option<CostHistory>, MoneyError> {
    let bins = || workload.costs_before.iter().chain(&workload.costs);
    let Some(first) = bins().next() else { return Ok(None) };
    let currency = first.cost.currency();
    let start = costs_known_from(workload);
    let Some(known) = Period::new(start, data_end(workload.window.end(), zone)) else {
        return Ok(None);
    };
    let midnights = midnights(known, zone);
    let is_committed = |it: &&CostBin| it.category == PricingCategory::Committed;
    let by_use = spread(bins().filter(|it| !is_committed(it)), &midnights, currency)?;
    let committed = spread(bins().filter(is_committed), &midnights, currency)?;
    let days = midnights.windows(2).zip(by_use.iter().zip(&committed));
    let days = days.filter_map(|(day, (by_use, committed))| {
        let (_, weekday) = calendar::hour_and_weekday(zone, day[0].us())?;
        let period = Period::new(day[0], day[1])?;
        Some(HistoryDay { period, weekday, by_use: by_use.cost, committed: committed.cost })
    });
    let costs_nothing = |it: &HistoryDay| it.by_use.is_zero() && it.committed.is_zero();
    let days: Vec<HistoryDay> = days.skip_while(costs_nothing).collect();
    let changes = changes(&hours(&days), zone, limits);
    Ok(Some(CostHistory { days, changes }))
}

/// The days as a series by the hour, each day spread evenly: what changes are looked for in. A day of
/// credits counts as nothing.
fn hours(days: &[HistoryDay]) -> HourlySeries {
    let of_day = |it: &HistoryDay| {
        let n = it.period.len_us() / HOUR_US;
        let an_hour = it.by_use.to_f64().max(0.0) / n.max(1) as f64;
        std::iter::repeat_n(Some(an_hour), usize::try_from(n).unwrap_or(0))
    };
    HourlySeries {
        start: days.first().map_or(Timestamp::default(), |it| it.period.start()),
        values: days.iter().flat_map(of_day).collect(),
        unit: HourlyUnit::Gpus,
        spread: true,
        relative: false,
    }
}

/// What was paid in each of some periods that follow each other, in all ways of buying; the parts of a
/// row add up to it.
pub fn paid_between(
    costs: &[CostBin],
    edges: &[Timestamp],
    currency: Currency,
) -> Result<Vec<Money>, MoneyError> {
    Ok(spread(costs, edges, currency)?.into_iter().map(|it| it.cost).collect())
}

/// Where data end that end at an instant: at the midnight that is less than a minute later, since many
/// rows end at 23:59:59.
pub fn data_end(at: Timestamp, zone: Tz) -> Timestamp {
    const MINUTE_US: i64 = 60_000_000;
    let midnight = calendar::day_start(zone, at.plus_us(MINUTE_US).in_zone(zone).date());
    midnight.filter(|it| *it > at).unwrap_or(at)
}

/// The first instant that the costs of a workload tell of.
pub fn costs_known_from(workload: &Workload) -> Timestamp {
    let before = span(&workload.costs_before).map(Period::start);
    before.unwrap_or(workload.window.start()).min(workload.window.start())
}

/// The days of a zone in a period, the first and the last cut where it begins and ends inside one: each
/// with its weekday, Monday 0.
pub fn days_of(period: Period, zone: Tz) -> Vec<(Period, usize)> {
    let inner = midnights(period, zone);
    let ends = [period.start()].into_iter().chain(inner).chain([period.end()]);
    let edges: Vec<Timestamp> = ends.collect();
    let day = |pair: &[Timestamp]| {
        let (_, weekday) = calendar::hour_and_weekday(zone, pair[0].us())?;
        Some((Period::new(pair[0], pair[1])?, weekday))
    };
    edges.windows(2).filter_map(day).collect()
}

#[cfg(test)]
mod tests {
    use super::super::costs::days_after;
    use super::*;
    use crate::catalog::Catalog;
    use crate::workload::Demand;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text, Tz::UTC).unwrap()
    }

    fn bin(from: &str, days: i64, usd: &str, category: PricingCategory) -> CostBin {
        let start = at(from);
        CostBin {
            period: Period::new(start, start.plus_us(days * 24 * HOUR_US)).unwrap(),
            category,
            cost: Money::parse(usd, Currency::USD).unwrap(),
            gpu_hours: None,
        }
    }

    #[test]
    fn days_begin_with_the_first_cost_and_go_back_before_the_window() {
        let window = Period::new(at("2026-10-01"), at("2026-10-31")).unwrap();
        let mut workload = Workload::of_demand(Demand::Unknown, window);
        let limits = &Catalog::embedded().unwrap().assumptions.classify;
        assert!(cost_history(&workload, Tz::UTC, limits).unwrap().is_none());
        workload.costs = vec![
            bin("2026-10-05", 20, "200", PricingCategory::Standard),
            bin("2026-10-25", 6, "120", PricingCategory::Standard),
            bin("2026-10-05", 26, "26", PricingCategory::Committed),
        ];
        let it = cost_history(&workload, Tz::UTC, limits).unwrap().unwrap();
        assert_eq!((it.days.len(), it.days[0].weekday), (26, 0));
        let usd = |text| Money::parse(text, Currency::USD).unwrap();
        assert_eq!((it.days[0].by_use, it.days[0].committed), (usd("10"), usd("1")));
        let changed: Vec<Timestamp> = it.changes.all.iter().map(|it| it.at).collect();
        assert_eq!(changed, [at("2026-10-25")]);
        workload.costs_before = vec![bin("2026-09-20", 10, "100", PricingCategory::Standard)];
        let it = cost_history(&workload, Tz::UTC, limits).unwrap().unwrap();
        assert_eq!(it.days.len(), 41);
        assert_eq!(it.days[12].by_use, usd("0"));
        assert_eq!(costs_known_from(&workload), at("2026-09-20"));
        let edges = [at("2026-09-01"), at("2026-10-01"), at("2026-11-01")];
        let all = [workload.costs_before, workload.costs].concat();
        let paid = paid_between(&all, &edges, Currency::USD).unwrap();
        assert_eq!(paid, [usd("100"), usd("346")]);
    }

    #[test]
    fn data_end_at_the_midnight_that_rows_stop_short_of() {
        let check = |end: &str, expected: &str| {
            assert_eq!(data_end(at(end), Tz::UTC), at(expected), "{end}");
        };
        check("2026-10-31T23:59:59.999999Z", "2026-11-01");
        check("2026-10-31T23:58:59Z", "2026-10-31T23:58:59Z");
        check("2026-11-01", "2026-11-01");
        check("2026-11-01T00:00:30Z", "2026-11-01T00:00:30Z");
    }

    #[test]
    fn days_of_a_period_are_cut_at_its_ends() {
        let period = Period::new(at("2026-10-30T18:00"), at("2026-11-01")).unwrap();
        let hours: Vec<(f64, usize)> =
            days_of(period, Tz::UTC).iter().map(|it| (it.0.hours(), it.1)).collect();
        assert_eq!(hours, [(6.0, 4), (24.0, 5)]);
        let zone: Tz = "Europe/Berlin".parse().unwrap();
        let start = Timestamp::parse("2026-10-25", zone).unwrap();
        let period = Period::new(start, days_after(zone, start, 2)).unwrap();
        let hours: Vec<f64> = days_of(period, zone).iter().map(|it| it.0.hours()).collect();
        assert_eq!(hours, [25.0, 24.0]);
    }
}
