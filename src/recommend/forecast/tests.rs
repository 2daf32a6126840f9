//! What must hold of every forecast.

use super::*;
use crate::catalog::Catalog;
use crate::simulate::Random;
use crate::workload::{Demand, Growth, PricingCategory};
use proptest::prelude::*;

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text, Tz::UTC).unwrap()
}

fn usd(text: &str) -> Money {
    Money::parse(text, Currency::USD).unwrap()
}

fn assumed() -> Assumptions {
    Catalog::embedded().unwrap().assumptions
}

/// A workload with one row a day, from a Monday on.
fn paid(name: &str, days: &[f64]) -> Workload {
    let start = at("2026-08-03");
    let day = |n: usize| start.plus_us(i64::try_from(n).unwrap() * 86_400_000_000);
    let window = Period::new(start, day(days.len())).unwrap();
    let bin = |(n, usd): (usize, &f64)| CostBin {
        period: Period::new(day(n), day(n + 1)).unwrap(),
        category: PricingCategory::Standard,
        cost: Money::from_float((usd * 1e6).round() / 1e6, Currency::USD).unwrap(),
        gpu_hours: None,
    };
    let costs = days.iter().enumerate().map(bin).collect();
    Workload { name: name.to_owned(), costs, ..Workload::of_demand(Demand::Unknown, window) }
}

fn of(workload: &Workload) -> Outlook {
    Outlook::of(workload, Tz::UTC, &assumed()).unwrap()
}

fn span(from: &str, to: &str) -> Period {
    Period::new(at(from), at(to)).unwrap()
}

fn one(it: &Outlook, span: Period, saving: Option<Saving>) -> Option<Expected> {
    let all = [it.clone()];
    foresee(&all, &[saving], span, (&assumed(), Currency::USD)).unwrap().all
}

/// 24 a day in 28 days end on 31 Aug; September has 720 hours, October 744.
#[test]
fn a_month_costs_its_own_hours() {
    let it = of(&paid("w", &[24.0; 28]));
    let check = |from, to, expected: &str| {
        let found = one(&it, span(from, to), None).unwrap();
        assert_eq!(
            found,
            Expected { mean: usd(expected), low: usd(expected), high: usd(expected) }
        );
    };
    check("2026-09-01", "2026-10-01", "720");
    check("2026-10-01", "2026-11-01", "744");
    check("2026-08-31", "2026-09-01", "24");
}

#[test]
fn weekdays_are_counted() {
    let week = [10.0, 10.0, 10.0, 10.0, 10.0, 1.0, 1.0];
    let it = of(&paid("w", &week.repeat(4)));
    // September 2026 has 22 days from Monday to Friday and 8 at weekends.
    let found = one(&it, span("2026-09-01", "2026-10-01"), None).unwrap();
    assert_eq!(found.mean, usd("228"));
}

/// The worked number of the method: weeks of 90, 100, 110 and 100 and the four weeks after them.
#[test]
fn the_range_of_four_weeks() {
    let days = [90.0, 100.0, 110.0, 100.0].map(|week| [week / 7.0; 7]).concat();
    let it = of(&paid("w", &days));
    let found = one(&it, span("2026-08-31", "2026-09-28"), None).unwrap();
    assert!((found.mean.to_f64() - 400.0).abs() < 1e-4, "{found:?}");
    assert!((found.high.to_f64() - 444.27).abs() < 0.01, "{found:?}");
    assert!((found.low.to_f64() - 355.73).abs() < 0.01, "{found:?}");
    assert_eq!(it.basis(), Some(Basis::Weeks(4)));
}

#[test]
fn too_few_days_say_so() {
    let it = of(&paid("w", &[24.0; 6]));
    assert_eq!(it.not_known.as_deref(), Some("6 whole days of cost, 7 are needed"));
    assert_eq!(one(&it, span("2026-09-01", "2026-10-01"), None), None);
    let none = of(&Workload::of_demand(Demand::Unknown, span("2026-08-01", "2026-09-01")));
    assert_eq!(none.not_known.as_deref(), Some("no cost in the data"));
}

/// An invoice of a month shows no week.
#[test]
fn rows_longer_than_a_week_say_nothing_of_weeks() {
    let mut workload = paid("w", &[24.0; 28]);
    workload.costs =
        vec![CostBin { period: workload.window, cost: usd("672"), ..workload.costs[0] }];
    let why = of(&workload).not_known;
    assert_eq!(why.as_deref(), Some("most of its cost is in rows longer than a week"));
}

#[test]
fn a_future_moves_and_cuts_it() {
    let mut workload = paid("w", &[24.0; 28]);
    let committed = CostBin {
        category: PricingCategory::Committed,
        cost: usd("28"),
        period: workload.window,
        gpu_hours: None,
    };
    workload.costs.push(committed);
    workload.settings.future.ends = "2026-09-11".parse().ok();
    let month = span("2026-09-01", "2026-10-01");
    // Ten days of 24, and what is paid either way.
    assert_eq!(one(&of(&workload), month, None).unwrap().mean, usd("270"));
    assert_eq!(
        one(&of(&workload), span("2026-10-01", "2026-11-01"), None).unwrap().mean,
        usd("31")
    );

    let mut growing = paid("w", &[24.0; 28]);
    let from = "2026-10-01".parse().ok();
    growing.settings.future.growth = Some(Growth { per_30d: 0.10, from });
    assert_eq!(one(&of(&growing), month, None).unwrap().mean, usd("720"));
    let grown = one(&of(&growing), span("2026-10-01", "2026-10-31"), None).unwrap().mean.to_f64();
    // The integral of 1.1^(t / 30) over 30 days: 30 x 0.1 / ln 1.1.
    assert!((grown - 24.0 * 30.0 * 0.1 / 1.1_f64.ln()).abs() < 0.01, "{grown}");
}

#[test]
fn a_certain_trend_is_carried_on_as_long_as_it_was_seen() {
    let days: Vec<f64> = (0..28).map(|day| 100.0 + f64::from(day)).collect();
    let it = of(&paid("w", &days));
    assert!((it.trend_per_30d().unwrap() - 30.0 / 113.5).abs() < 1e-6);
    let mean = |from: &str, to: &str| one(&it, span(from, to), None).unwrap().mean.to_f64();
    // Days 28 to 34 of the line, and from day 56 on what day 56 would cost.
    assert!((mean("2026-08-31", "2026-09-07") - 7.0 * 131.0).abs() < 1.0);
    assert!((mean("2026-10-05", "2026-10-12") - 7.0 * 155.5).abs() < 1.0);
    let flat = [100.0, 104.0, 98.0, 101.0, 97.0, 103.0, 99.0].repeat(4);
    assert_eq!(of(&paid("w", &flat)).trend_per_30d(), None);
}

#[test]
fn the_level_is_of_the_days_since_the_cost_changed() {
    let days = [[100.0; 28].as_slice(), &[50.0; 14]].concat();
    let found = one(&of(&paid("w", &days)), span("2026-10-01", "2026-11-01"), None).unwrap();
    assert_eq!(found.mean, usd("1550"));
}

#[test]
fn an_action_saves_from_its_day_on_and_at_most_what_is_bought_by_use() {
    let it = of(&paid("w", &[24.0; 28]));
    let month = span("2026-09-01", "2026-10-01");
    let saving = |monthly: &str, from: &str| {
        let half = Some(73.0);
        one(&it, month, Some(Saving { monthly: usd(monthly), half, from: at(from) })).unwrap()
    };
    assert_eq!(saving("365", "2026-08-31").mean, usd("360"));
    let from_the_middle = saving("365", "2026-09-16");
    assert_eq!(from_the_middle.mean, usd("540"));
    assert_eq!(from_the_middle.high, usd("576"));
    assert_eq!(saving("365", "2026-10-16").mean, usd("720"));
    assert_eq!(saving("7300", "2026-08-31").mean, usd("0"));
}

#[test]
fn what_moves_together_stays_together() {
    let days = [90.0, 100.0, 110.0, 100.0].map(|week| [week / 7.0; 7]).concat();
    let against = [110.0, 100.0, 90.0, 100.0].map(|week| [week / 7.0; 7]).concat();
    let month = span("2026-08-31", "2026-09-28");
    let width = |all: &[Outlook]| {
        let it = foresee(all, &[], month, (&assumed(), Currency::USD)).unwrap().all.unwrap();
        it.high.to_f64() - it.low.to_f64()
    };
    let (one, other) = (of(&paid("w", &days)), of(&paid("v", &against)));
    let alone = width(std::slice::from_ref(&one));
    assert!((width(&[one.clone(), one.clone()]) - 2.0 * alone).abs() < 1e-3);
    assert!(width(&[one.clone(), other]) < 1e-3);
    // One of a week only is by itself, and beside them.
    let short = [3.0, 2.0, 1.0, 2.0, 3.0, 2.0, 1.0];
    let late = of(&paid("l", &[[0.0; 21].as_slice(), &short].concat()));
    let apart = width(std::slice::from_ref(&late)).hypot(alone);
    assert!((width(&[one, late]) - apart).abs() < 1e-3);
}

/// How often months to come lie in their 80 % range: 150 series of 6 to 20 weeks, whose level keeps, or
/// drifts by 1 or by 2 % a week.
#[test]
fn the_range_holds_what_comes() {
    let mut random = Random::new(11);
    let mut normal = || (0..12).map(|_| random.unit()).sum::<f64>() - 6.0;
    let (mut inside, mut n) = (0, 0);
    for round in 0..150_usize {
        let drift = [0.0, 1.0, 2.0][round % 3];
        let weeks = 6 + round % 15;
        let mut level = 100.0;
        let mut days = Vec::new();
        for at in 0..(weeks + 9) * 7 {
            if at % 7 == 0 {
                level += drift * normal();
            }
            let weekend = if at % 7 >= 5 { 0.6 } else { 1.0 };
            days.push((level * weekend + 8.0 * normal()).max(0.0));
        }
        let (seen, to_come) = days.split_at(weeks * 7);
        let it = of(&paid("w", seen));
        let from = it.from;
        for (gap, len) in [(0, 28), (28, 31)] {
            let day = |n: usize| from.plus_us(i64::try_from(n).unwrap() * 86_400_000_000);
            let month = Period::new(day(gap), day(gap + len)).unwrap();
            let found = one(&it, month, None).unwrap();
            let actual: f64 = to_come[gap..gap + len].iter().sum();
            inside += usize::from((found.low.to_f64()..=found.high.to_f64()).contains(&actual));
            n += 1;
        }
    }
    let share = inside as f64 / f64::from(n);
    println!("{share:.3} of {n} months lie in their range");
    assert!((0.7..=0.9).contains(&share), "{share}");
}

proptest! {
    #[test]
    fn the_whole_is_the_sum_of_its_parts(
        rows in prop::collection::vec(prop::collection::vec(0.0..100.0_f64, 7..80), 1..6),
        saved in 0.0..500.0_f64,
    ) {
        let longest = rows.iter().map(Vec::len).max().unwrap();
        let all: Vec<Outlook> = rows
            .iter()
            .map(|it| of(&paid("w", &[vec![0.0; longest - it.len()], it.clone()].concat())))
            .collect();
        let monthly = Money::from_float(saved, Currency::USD).unwrap();
        let saving = Saving { monthly, half: None, from: all[0].from };
        let month = span("2026-12-01", "2027-01-01");
        let it = foresee(&all, &[Some(saving)], month, (&assumed(), Currency::USD)).unwrap();
        let each = it.each.iter().map(|it| it.unwrap().mean);
        let whole = it.all.unwrap();
        prop_assert_eq!(Money::sum(each, Currency::USD).unwrap(), whole.mean);
        prop_assert!(whole.low <= whole.mean && whole.mean <= whole.high);
        for it in it.each.iter().flatten() {
            prop_assert!(it.low <= it.mean && it.mean <= it.high && !it.low.is_negative());
        }
    }
}
