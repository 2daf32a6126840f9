//! Worked unit costs, and what they keep.

use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::units::RequestTokens;
use crate::workload::{ArrivalTrace, CostBin, CountSeries, DeliveredUnit, PricingCategory};

const HOUR_US: i64 = 3_600_000_000;

fn period(from_h: i64, hours: i64) -> Period {
    let at = |hour: i64| Timestamp::from_us(hour * HOUR_US);
    Period::new(at(from_h), at(from_h + hours)).unwrap()
}

fn usd(text: &str) -> Money {
    Money::parse(text, Currency::USD).unwrap()
}

fn cost(period: Period, cost: Money) -> CostBin {
    CostBin { period, category: PricingCategory::Standard, cost, gpu_hours: None }
}

fn count(period: Period, requests: u64, tokens: Option<(u64, u64)>) -> CountBin {
    CountBin {
        period,
        requests,
        prompt_tokens: tokens.map(|it| it.0),
        completion_tokens: tokens.map(|it| it.1),
        interarrival_cv: None,
    }
}

fn workload(costs: Vec<CostBin>, bins: Vec<CountBin>, hours: i64) -> Workload {
    let demand = Demand::Counts(CountSeries { bins, width_us: HOUR_US });
    Workload { costs, ..Workload::of_demand(demand, period(0, hours)) }
}

fn amount(found: Option<UnitCost>) -> String {
    found.and_then(|it| it.amount).map_or_else(|| "-".to_owned(), Money::to_decimal_string)
}

/// Tokens, input, output and requests of a workload, as texts.
fn check(workload: &Workload, expected: [&str; 4]) {
    let found = unit_costs(workload, Tz::UTC).unwrap();
    let texts = [
        found.per_million_tokens,
        found.per_million_input_tokens,
        found.per_million_output_tokens,
        found.per_thousand_requests,
    ];
    assert_eq!(texts.map(amount), expected);
    assert_eq!(found.reason.is_some(), expected == ["-"; 4], "{:?}", found.reason);
}

#[test]
fn the_worked_number_and_what_is_not_known() {
    let days = || vec![cost(period(0, 24), usd("24")), cost(period(24, 24), usd("24"))];
    let first = count(period(0, 24), 500, Some((2_000_000, 1_000_000)));
    check(&workload(days(), vec![first], 48), ["16.00", "24.00", "48.00", "96.00"]);
    // The bill ends before the requests: units after it have no cost.
    let twice = vec![first, count(period(48, 24), 500, Some((7, 7)))];
    check(&workload(days(), twice, 72), ["16.00", "24.00", "48.00", "96.00"]);
    // A day whose tokens were not counted is in the cost of requests only.
    let half = vec![first, count(period(24, 24), 500, None)];
    check(&workload(days(), half, 48), ["8.00", "12.00", "24.00", "48.00"]);
    let none = vec![count(period(0, 24), 0, None)];
    check(&workload(days(), none.clone(), 48), ["-"; 4]);
    check(&workload(Vec::new(), none, 48), ["-"; 4]);
    check(&workload(vec![cost(period(900, 24), usd("24"))], vec![first], 48), ["-"; 4]);
}

#[test]
fn a_log_pays_for_its_own_hours_only() {
    let log = ArrivalTrace {
        at_us: vec![6 * HOUR_US, 7 * HOUR_US],
        tokens: vec![RequestTokens { prompt: 300, completion: 100 }; 2],
        relative: false,
    };
    let day = cost(period(0, 24), usd("24"));
    let mut it = Workload::of_demand(Demand::Arrivals(Arc::new(log)), period(0, 24));
    (it.costs, it.demand_window) = (vec![day], period(6, 2));
    // 2.00 for two hours with 800 tokens and 2 requests.
    check(&it, ["2500.00", "3333.333333333", "10000.00", "1000.00"]);
}

#[test]
fn a_named_unit_has_its_cost_and_is_what_weeks_count() {
    let bins = (0..15).map(|day| count(period(24 * day, 24), u64::from(day != 3), None)).collect();
    let costs = (0..15).map(|day| cost(period(24 * day, 24), usd("6"))).collect();
    let mut it = workload(costs, bins, 360);
    it.settings.unit = Some(DeliveredUnit { name: "image".to_owned(), per_request: 4.0 });
    let found = unit_costs(&it, Tz::UTC).unwrap();
    let expected = UnitCost { cost: usd("90"), units: 56, amount: Some(usd("1.607142857")) };
    assert_eq!(found.per_unit, [NamedUnitCost { name: "image".to_owned(), each: expected }]);
    assert_eq!(found.counted, Some(Counted::Named));
    // The first day is in no week. The day without a request costs its week 6.00.
    let weeks: Vec<_> = found.weeks.iter().map(|it| (it.period, it.units, it.amount)).collect();
    let first = (period(24, 168), 24, Some(usd("1.75")));
    assert_eq!(weeks, [first, (period(192, 168), 28, Some(usd("1.5")))]);
    assert_eq!(found.trend_per_30d, Some(Trend { value: 0.0, low: 0.0, high: 0.0 }));
}

#[test]
fn a_unit_that_grows_dearer_has_a_trend() {
    // As the worked number of the trend: 100, 101, ... 113 a day for one request each.
    let day =
        |at: i64| Money::from_atto(i128::from(100 + at) * 1_000_000_000_000_000_000, Currency::USD);
    let of = |days: i64| {
        let costs = (0..days).map(|at| cost(period(24 * at, 24), day(at))).collect();
        let bins = (0..days).map(|at| count(period(24 * at, 24), 1, None)).collect();
        unit_costs(&workload(costs, bins, 24 * days), Tz::UTC).unwrap().trend_per_30d
    };
    assert!((of(14).unwrap().value - 30.0 / 106.5).abs() < 1e-9);
    assert_eq!(of(13), None);
}

#[test]
fn a_portfolio_adds_cost_and_units() {
    let of = |usd_text, tokens, requests| {
        let bins = vec![count(period(0, 24), requests, tokens)];
        unit_costs(&workload(vec![cost(period(0, 24), usd(usd_text))], bins, 24), Tz::UTC).unwrap()
    };
    let all = [
        of("16", Some((600_000, 400_000)), 10),
        of("7", Some((2_000_000, 1_000_000)), 10),
        of("1", Some((0, 0)), 0),
        of("76", None, 80),
        UnitCosts::default(),
    ];
    let found = portfolio_unit_cost(&all).unwrap();
    assert_eq!(amount(found.per_million_tokens), "6.00");
    assert_eq!(amount(found.per_thousand_requests), "1000.00");
    assert_eq!(portfolio_unit_cost(&[]).unwrap(), UnitCosts::default());
}

proptest! {
    #[test]
    fn the_weeks_add_up_and_idle_days_make_units_dearer(
        days in prop::collection::vec((0_u64..1_000_000, 1_u32..1_000_000), 14..40),
    ) {
        let hours = 24 * i64::try_from(days.len()).unwrap();
        let day = |at: usize| period(24 * i64::try_from(at).unwrap(), 24);
        let cents = |n: u32| Money::from_atto(i128::from(n) * 10_000_000_000_000_000, Currency::USD);
        let costs: Vec<CostBin> = days.iter().enumerate().map(|(at, it)| cost(day(at), cents(it.1))).collect();
        let bins: Vec<CountBin> = days.iter().enumerate().map(|(at, it)| count(day(at), it.0, None)).collect();
        let base = workload(costs, bins, hours);
        let found = unit_costs(&base, Tz::UTC).unwrap();
        let rest = days.len() % 7;
        let total: u64 = days[rest..].iter().map(|it| it.0).sum();
        prop_assert_eq!(found.weeks.iter().map(|it| it.units).sum::<u64>(), total);
        let in_weeks = Money::sum(found.weeks.iter().map(|it| it.cost), Currency::USD).unwrap();
        let paid = Money::sum(days[rest..].iter().map(|it| cents(it.1)), Currency::USD).unwrap();
        if total > 0 {
            prop_assert_eq!(in_weeks, paid);
        }
        let mut longer = base.clone();
        longer.costs.push(cost(period(hours, 24), usd("1")));
        (longer.window, longer.demand_window) = (period(0, hours + 24), period(0, hours + 24));
        let dearer = unit_costs(&longer, Tz::UTC).unwrap();
        if let (Some(a), Some(b)) = (found.per_thousand_requests, dearer.per_thousand_requests) {
            prop_assert!(a.amount <= b.amount && b.cost.checked_sub(a.cost).unwrap() == usd("1"));
        }
    }
}
