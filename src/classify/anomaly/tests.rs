//! Worked events, false alarms on seeded noise, and the laws of amounts.

use std::sync::OnceLock;

use proptest::prelude::*;

use super::*;
use crate::catalog::Catalog;
use crate::workload::{Demand, PricingCategory};

const WEEK_HOURS: i64 = 168;

fn rules() -> &'static AnomalyRules {
    static RULES: OnceLock<AnomalyRules> = OnceLock::new();
    RULES.get_or_init(|| Catalog::embedded().unwrap().assumptions.anomaly)
}

/// Monday, 5 October 2026.
fn at(hour: i64) -> Timestamp {
    Timestamp::parse("2026-10-05", Tz::UTC).unwrap().plus_us(hour * HOUR_US)
}

fn period(from: i64, hours: i64) -> Period {
    Period::new(at(from), at(from + hours)).unwrap()
}

fn cents(n: i64) -> Money {
    Money::from_atto(i128::from(n) * 10_000_000_000_000_000, Currency::USD)
}

/// One GPU-hour a row costs `rate_cents`.
fn bin(from: i64, hours: i64, amount: i64, rate_cents: i64) -> CostBin {
    CostBin {
        period: period(from, hours),
        category: PricingCategory::Standard,
        cost: cents(amount),
        gpu_hours: Some(amount as f64 / rate_cents as f64),
    }
}

/// Rows of `step` hours at the cents of each; the rows from `window` on are the window.
fn workload(amounts: &[i64], step: i64, window: i64) -> Workload {
    let rows: Vec<CostBin> =
        (0..).zip(amounts).map(|(row, it)| bin(row * step, step, *it, 100)).collect();
    let end = step * i64::try_from(amounts.len()).unwrap();
    let (before, inside) = rows.into_iter().partition(|it| it.period.start() < at(window));
    Workload {
        owner: Some("Research".to_owned()),
        costs: inside,
        costs_before: before,
        ..Workload::of_demand(Demand::Unknown, period(window, end - window))
    }
}

fn find(it: &Workload) -> Anomalies {
    anomalies(it, (Tz::UTC, it.window.end()), rules()).unwrap()
}

fn hours_of(found: &Anomaly) -> (i64, i64) {
    let hour = |it: Timestamp| (it.us() - at(0).us()) / HOUR_US;
    (hour(found.period.start()), hour(found.period.end()))
}

/// Five weeks of hours at 10.00 where `change` says nothing else; the last week is the window.
fn five_weeks(change: impl Fn(i64) -> i64) -> Anomalies {
    let amounts: Vec<i64> = (0..5 * WEEK_HOURS).map(|hour| 1000 + change(hour)).collect();
    find(&workload(&amounts, 1, 4 * WEEK_HOURS))
}

#[test]
fn the_worked_number() {
    let found = five_weeks(|hour| if (700..703).contains(&hour) { 3000 } else { 0 });
    assert_eq!((found.history, found.by_weekday, found.by_hour), (672, 168, 0));
    let [spike] = &found.over[..] else { panic!("{found:?}") };
    assert_eq!((hours_of(spike), spike.since), ((700, 703), at(700)));
    let amounts = [spike.actual, spike.expected, spike.over];
    assert_eq!(amounts, [cents(12_000), cents(3000), cents(9000)]);
    assert_eq!((spike.running, spike.owner.as_deref()), (false, Some("Research")));
    assert_eq!(spike.moved, Some(Moved { by_gpu_hours: cents(9000), by_rate: cents(0) }));
    assert!(found.below.is_empty() && found.reason.is_none());
}

#[test]
fn a_new_level_is_one_event_that_is_still_running() {
    // Since Thursday noon, more by day than by night.
    let step = |hour: i64| match (hour >= 756, hour % 24) {
        (false, _) => 0,
        (true, 8..20) => 500,
        (true, _) => 30,
    };
    let found = five_weeks(step);
    let [level] = &found.over[..] else { panic!("{found:?}") };
    assert_eq!((hours_of(level), level.running), ((756, 840), true));
    // Where it began before the window, it says so; its amounts are of the window.
    let found = five_weeks(|hour| if hour >= 600 { 500 } else { 0 });
    let [level] = &found.over[..] else { panic!("{found:?}") };
    assert_eq!((level.since, hours_of(level)), (at(600), (672, 840)));
    assert_eq!(level.over, cents(500 * 168));
    // The last hour is as usual: it has stopped.
    let found = five_weeks(|hour| if (800..839).contains(&hour) { 500 } else { 0 });
    assert_eq!(found.over.iter().map(|it| it.running).collect::<Vec<_>>(), [false]);
}

#[test]
fn a_fall_is_listed_apart() {
    let found = five_weeks(|hour| if (700..724).contains(&hour) { -1000 } else { 0 });
    assert!(found.over.is_empty());
    let [fall] = &found.below[..] else { panic!("{found:?}") };
    assert_eq!((hours_of(fall), fall.over), ((700, 724), cents(-24_000)));
    assert_eq!(five_weeks(|hour| if hour > 700 { -400 } else { 0 }).below, []);
}

#[test]
fn small_and_expected_costs_are_no_event() {
    // 20.00 over 240.00 a day, 10 % over for an hour, and every Monday at 9.
    for change in [
        |hour| if hour == 700 { 2000 } else { 0 },
        |hour| if hour >= 700 { 100 } else { 0 },
        |hour| if hour % WEEK_HOURS == 9 { 90_000 } else { 0 },
    ] {
        assert_eq!(five_weeks(change).over, []);
    }
}

#[test]
fn price_and_quantity_add_up() {
    let mut it = workload(&[1000; 840], 1, 672);
    // 24 GPU-hours at 1.50 instead of 10 at 1.00, for two hours.
    for row in &mut it.costs[10..12] {
        (row.cost, row.gpu_hours) = (cents(3600), Some(24.0));
    }
    let expected = Moved { by_gpu_hours: cents(2800), by_rate: cents(2400) };
    assert_eq!(find(&it).over[0].moved, Some(expected));
    it.costs[10].gpu_hours = None;
    assert_eq!(find(&it).over[0].moved, None);
}

#[test]
fn daily_bills_are_judged_by_day_and_monthly_ones_not() {
    let mut amounts = vec![24_000; 35];
    amounts[30] = 60_000;
    let found = find(&workload(&amounts, 24, 672));
    assert_eq!((found.step, found.history, found.by_weekday), (Step::Day, 28, 7));
    assert_eq!(found.over.iter().map(hours_of).collect::<Vec<_>>(), [(720, 744)]);
    assert_eq!(found.over[0].over, cents(36_000));
    let months = find(&workload(&[100_000; 3], 720, 1440));
    assert!(months.reason.is_some() && months.over.is_empty(), "{months:?}");
}

#[test]
fn without_an_earlier_window_the_last_week_is_judged() {
    let mut amounts = vec![1000; 24 * 21];
    amounts[400] = 9000;
    let found = find(&workload(&amounts, 1, 0));
    assert_eq!(found.judged, Some(period(336, 168)));
    assert_eq!((found.by_weekday, found.over.len()), (168, 1));
    // Ten days: three weekdays twice, the others by the hour of all days. Nine more hours than a week: too little.
    let found = find(&workload(&[1000; 24 * 17], 1, 0));
    let judged = (found.by_weekday, found.by_hour, found.unjudged);
    assert_eq!((judged, found.reason), ((72, 96, 0), None));
    let found = find(&workload(&[1000; 24 * 7 + 9], 1, 0));
    assert_eq!((found.unjudged, found.by_hour), (168, 0));
    assert!(found.reason.unwrap().starts_with("too little history: 9 whole hours"));
    assert!(find(&Workload::of_demand(Demand::Unknown, period(0, 9))).reason.is_some());
}

#[test]
fn hours_follow_the_clock_of_the_zone() {
    // A job at nine in Berlin, every Saturday, across the end of summer time on 25 October 2026.
    let zone: Tz = "Europe/Berlin".parse().unwrap();
    let job = |hour: i64| match crate::classify::calendar::hour_and_weekday(zone, at(hour).us()) {
        Some((9, 5)) => 50_000,
        _ => 100,
    };
    let amounts: Vec<i64> = (0..5 * WEEK_HOURS).map(job).collect();
    let it = workload(&amounts, 1, 4 * WEEK_HOURS);
    let found = anomalies(&it, (zone, it.window.end()), rules()).unwrap();
    assert_eq!((found.over, found.below), (vec![], vec![]));
    assert_ne!(find(&it).over, [], "by UTC it starts an hour late");
}

/// A seeded generator of roughly normal values: twelve uniform ones less six.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> f64 {
        (0..12)
            .map(|_| {
                self.0 = self
                    .0
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                (self.0 >> 33) as f64 / f64::from(1_u32 << 31)
            })
            .sum::<f64>()
            - 6.0
    }
}

/// A week with days and nights, weekdays and weekends, times noise of so many percent.
fn noisy(seed: u64, weeks: i64, sd: f64, sticky: f64) -> Vec<i64> {
    let mut noise = Noise(seed);
    let mut now = 0.0;
    (0..weeks * WEEK_HOURS)
        .map(|hour| {
            let base = if (8..20).contains(&(hour % 24)) { 2000.0 } else { 600.0 };
            let base = if hour / 24 % 7 < 5 { base } else { base / 2.0 };
            now = sticky * now + (1.0 - sticky * sticky).sqrt() * noise.next();
            #[expect(clippy::cast_possible_truncation, reason = "some thousands of cents")]
            let cents = (base * (sd * now).exp()) as i64;
            cents
        })
        .collect()
}

/// Events of 600 judged weeks of noise, a third of them with 2, 4 and 8 weeks of history.
fn alarms(sd: f64, sticky: f64) -> usize {
    let of = |(weeks, seed)| {
        let amounts = noisy(seed, weeks, sd, sticky);
        find(&workload(&amounts, 1, (weeks - 1) * WEEK_HOURS)).over.len()
    };
    [3, 5, 9].into_iter().flat_map(|weeks| (0..200).map(move |seed| (weeks, seed))).map(of).sum()
}

#[test]
fn noise_seldom_raises_an_alarm() {
    // Noise of each hour by itself, and noise that lasts for hours; at most one alarm in 100 weeks up
    // to 20 %. Surges of 30 % that last for hours are told more often: they are surges.
    for (sd, sticky, most) in [(0.1, 0.0, 0), (0.3, 0.0, 3), (0.2, 0.9, 6), (0.3, 0.9, 18)] {
        let found = alarms(sd, sticky);
        println!("noise of {sd}, correlation {sticky}: {found} alarms in 600 weeks");
        assert!(found <= most, "{sd} {sticky}: {found}");
    }
}

proptest! {
    #[test]
    fn what_repeats_by_the_week_is_never_an_event(
        week in prop::collection::vec(0_i64..100_000, 168),
        weeks in 3_i64..7,
    ) {
        let amounts: Vec<i64> = (0..weeks).flat_map(|_| week.clone()).collect();
        let found = find(&workload(&amounts, 1, (weeks - 1) * WEEK_HOURS));
        prop_assert_eq!((&found.over[..], &found.below[..]), (&[][..], &[][..]));
        // Also where the window is all there is, and its first weeks are too few for weekdays.
        let all = find(&workload(&amounts[..336], 1, 0));
        prop_assert_eq!(&all.over[..], &[][..]);
    }

    #[test]
    fn a_spike_is_found_with_what_it_cost_over(
        seed in any::<u64>(),
        start in 0_i64..160,
        hours in 1_i64..8,
        extra in 30_000_i64..1_000_000,
    ) {
        let mut amounts = noisy(seed, 5, 0.1, 0.0);
        let quiet = workload(&amounts, 1, 672);
        for hour in start..start + hours {
            amounts[usize::try_from(672 + hour).unwrap()] += extra;
        }
        let spiked = workload(&amounts, 1, 672);
        let found = find(&spiked);
        prop_assert_eq!(found.over.len(), 1);
        let spike = &found.over[0];
        let (first, last) = hours_of(spike);
        prop_assert!(first <= 672 + start && 672 + start + hours <= last);
        // What it cost before the spike less the usual is noise; the rest is the spike to the cent.
        let inside = quiet.costs.iter().filter(|it| spike.period.contains(it.period.start()));
        let before = inside.map(|it| it.cost);
        let noise = Money::sum(before, Currency::USD).unwrap().checked_sub(spike.expected).unwrap();
        prop_assert_eq!(spike.over, cents(extra * hours).checked_add(noise).unwrap());
    }

    #[test]
    fn amounts_add_up_and_never_exceed_what_was_paid(
        amounts in prop::collection::vec(prop_oneof![4 => 900_i64..1100, 1 => -2000_i64..20_000], 400..700),
        window in 200_i64..390,
        cut in any::<bool>(),
    ) {
        let it = workload(&amounts, 1, if cut { window } else { 0 });
        let found = find(&it);
        let mut last = found.judged.unwrap().start();
        for event in &found.over {
            prop_assert_eq!(event.actual.checked_sub(event.expected).unwrap(), event.over);
            prop_assert!(event.over <= event.actual && !event.expected.is_negative());
            if let Some(moved) = event.moved {
                prop_assert_eq!(moved.by_gpu_hours.checked_add(moved.by_rate).unwrap(), event.over);
            }
            prop_assert!(last <= event.period.start() && event.since <= event.period.start());
            last = event.period.end();
            let paid = it.costs.iter().filter(|row| event.period.contains(row.period.start()));
            let paid = Money::sum(paid.map(|row| row.cost), Currency::USD).unwrap();
            prop_assert_eq!(paid, event.actual);
        }
        prop_assert!(last <= found.judged.unwrap().end());
    }
}
