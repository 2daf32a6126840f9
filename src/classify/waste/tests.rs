//! One month of each finding, and the laws that hold of all of them.

use std::sync::LazyLock;

use chrono_tz::Tz;
use proptest::prelude::*;

use super::*;
use crate::catalog::Catalog;
use crate::units::{Currency, Fraction, Period};
use crate::workload::{
    ActivityBin, CostBin, CountBin, CountSeries, Demand, EngineBin, PricingCategory,
};

const HOUR_US: i64 = 3_600_000_000;
/// Monday 2026-10-05.
const START_S: i64 = 1_791_158_400;
const MONTH: usize = 28 * 24;

static ASSUMPTIONS: LazyLock<Assumptions> =
    LazyLock::new(|| Catalog::embedded().unwrap().assumptions);

fn assumptions() -> &'static Assumptions {
    &ASSUMPTIONS
}

fn usd(text: &str) -> Money {
    Money::parse(text, Currency::USD).unwrap()
}

fn hours(at: usize, n: usize) -> Period {
    let start = Timestamp::from_s(START_S + 3600 * i64::try_from(at).unwrap());
    Period::new(start, start.plus_us(HOUR_US * i64::try_from(n).unwrap())).unwrap()
}

/// A workload of `n` hours; which hours are paid, have requests, have active GPUs.
struct Month {
    n: usize,
    gpus: f64,
    category: PricingCategory,
    cost: fn(usize) -> Option<&'static str>,
    requests: Option<fn(usize) -> bool>,
    active: Option<fn(usize) -> f64>,
}

const ALWAYS: Month = Month {
    n: MONTH,
    gpus: 1.0,
    category: PricingCategory::Standard,
    cost: |_| Some("2"),
    requests: None,
    active: None,
};

fn office(at: usize) -> bool {
    at / 24 % 7 < 5 && (7..20).contains(&(at % 24))
}

impl Month {
    fn workload(&self) -> Workload {
        let rows = |keep: &dyn Fn(usize) -> bool| (0..self.n).filter(|at| keep(*at)).collect();
        let all: Vec<usize> = rows(&|_| true);
        let bin = |at: &usize, used: fn(usize) -> bool| CountBin {
            period: hours(*at, 1),
            requests: u64::from(used(*at)),
            prompt_tokens: None,
            completion_tokens: None,
            interarrival_cv: None,
        };
        let demand = self.requests.map_or(Demand::Unknown, |used| {
            let bins = all.iter().map(|at| bin(at, used)).collect();
            Demand::Counts(CountSeries { bins, width_us: HOUR_US })
        });
        let mut it = Workload::of_demand(demand, hours(0, self.n));
        it.owner = Some("Sales".to_owned());
        it.costs = all
            .iter()
            .filter_map(|at| {
                let (period, category) = (hours(*at, 1), self.category);
                let cost = usd((self.cost)(*at)?);
                Some(CostBin { period, category, cost, gpu_hours: Some(self.gpus) })
            })
            .collect();
        let seen = |active: fn(usize) -> f64| {
            let gpus = self.gpus;
            let bin = move |at: &usize| ActivityBin {
                period: hours(*at, 1),
                gpus,
                active: gpus * active(*at),
            };
            all.iter().map(bin).collect()
        };
        it.activity = self.active.map(seen).unwrap_or_default();
        it.deployment.gpu_count = Some(self.gpus);
        it
    }
}

fn found(it: &Workload) -> Vec<Waste> {
    waste(it, Tz::UTC, assumptions())
}

/// The findings as kind, confirmed, amount and GPU-hours.
fn check(it: &Workload, expected: &[(WasteKind, bool, Option<&str>, Option<f64>)]) -> Vec<Waste> {
    let found = found(it);
    let short: Vec<_> =
        found.iter().map(|it| (it.kind, it.confirmed, it.cost, it.gpu_hours)).collect();
    let expected: Vec<_> = expected.iter().map(|it| (it.0, it.1, it.2.map(usd), it.3)).collect();
    assert_eq!(short, expected, "{found:?}");
    for it in &found {
        assert!(!it.action.contains("delete") && it.action.ends_with('.'), "{}", it.action);
        assert!(it.evidence.ends_with('.'), "{}", it.evidence);
    }
    found
}

use WasteKind::{DataMissing, DuplicatedEnvironment, Forgotten, Idle, OffHours, OverProvisioned};

#[test]
fn idle_needs_two_signals_and_a_week() {
    let silent = Month { requests: Some(|_| false), active: Some(|_| 0.004), ..ALWAYS };
    let all = check(&silent.workload(), &[(Idle, true, Some("1344"), Some(672.0))]);
    let said =
        "672 paid hours over 28 days: no request counted in 672 of them, GPUs 0.4 % active in 672.";
    assert_eq!(all[0].evidence, said);
    assert!(all[0].action.starts_with("Ask Sales, then stop it"), "{}", all[0].action);
    let six_days = Month { n: 144, ..silent };
    let short = check(&six_days.workload(), &[(Idle, false, Some("288"), Some(144.0))]);
    assert!(short[0].evidence.ends_with("agree over 6 days, 7 days are needed."), "{short:?}");
    let one = Month { requests: None, ..silent };
    check(&one.workload(), &[(Idle, false, Some("1344"), Some(672.0))]);
    let other = Month { active: None, ..silent };
    let said = check(&other.workload(), &[(Idle, false, Some("1344"), Some(672.0))]);
    assert!(said[0].evidence.ends_with("One signal is no proof."), "{said:?}");
    // Active GPUs speak against counted requests: something uses them.
    check(&Month { active: Some(|_| 0.9), ..silent }.workload(), &[]);
}

#[test]
fn standby_and_what_costs_nothing_have_none() {
    let silent = Month { requests: Some(|_| false), active: Some(|_| 0.0), ..ALWAYS };
    let mut kept = silent.workload();
    kept.settings.standby = true;
    check(&kept, &[]);
    check(&Month { cost: |_| None, ..silent }.workload(), &[]);
    check(&Month { cost: |_| Some("-2"), ..silent }.workload(), &[]);
    // A credit of 1000 lowers what can be wasted.
    let mut credited = silent.workload();
    credited.costs.push(CostBin { cost: usd("-1000"), ..credited.costs[5] });
    check(&credited, &[(Idle, true, Some("344"), Some(671.0))]);
}

#[test]
fn forgotten_is_silent_for_longer_than_ever_before() {
    let once: fn(usize) -> bool = |at| at < 200 && at % 5 == 0;
    let demo = Month {
        requests: Some(once),
        active: Some(|at| if at < 200 { 0.6 } else { 0.0 }),
        ..ALWAYS
    };
    let all = check(&demo.workload(), &[(Forgotten, true, Some("944"), Some(472.0))]);
    assert!(all[0].evidence.starts_with("Last demand in the hour of 2026-10-13 07:00"), "{all:?}");
    check(
        &Month { active: None, ..demo }.workload(),
        &[(Forgotten, false, Some("952"), Some(476.0))],
    );
    // Two days are a weekend.
    check(&Month { n: 248, ..demo }.workload(), &[]);
    // A weekly job is silent for six days each week: that is no news.
    let weekly = Month { n: 600, requests: Some(|at| at % 168 < 5), ..ALWAYS };
    let kinds: Vec<_> = found(&weekly.workload()).iter().map(|it| it.kind).collect();
    assert_eq!(kinds, [OffHours]);
    // It was stopped in time.
    let stopped = Month { cost: |at| (at < 300).then_some("2"), ..demo };
    check(&stopped.workload(), &[]);
}

#[test]
fn nights_and_weekends_are_off_hours() {
    let both = Month {
        requests: Some(office),
        active: Some(|at| if office(at) { 0.8 } else { 0.0 }),
        ..ALWAYS
    };
    // 168 - 65 hours of 4 weeks at 2.
    let all = check(&both.workload(), &[(OffHours, true, Some("824"), Some(412.0))]);
    let start = "Mon-Fri 07-20 in use, off otherwise (UTC), in each of 4 weeks seen. Off: 412 paid";
    assert!(all[0].evidence.starts_with(start), "{}", all[0].evidence);
    let dubai = waste(&both.workload(), Tz::Asia__Dubai, assumptions());
    assert!(dubai[0].evidence.starts_with("Mon-Fri 11-24 in use"), "{}", dubai[0].evidence);
    check(
        &Month { active: None, ..both }.workload(),
        &[(OffHours, false, Some("824"), Some(412.0))],
    );
    let week = Month { n: 168, ..both };
    check(&week.workload(), &[(OffHours, false, Some("206"), Some(103.0))]);
    check(&Month { n: 167, ..both }.workload(), &[]);
    // Paid by that schedule already.
    check(&Month { cost: |at| office(at).then_some("2"), ..both }.workload(), &[]);
}

#[test]
fn sporadic_demand_has_no_schedule() {
    // One hour in six, by no clock.
    let by_chance: fn(usize) -> bool = |at| (at * 2_654_435_761) % 6_151 < 1_025;
    let jobs = Month { requests: Some(by_chance), ..ALWAYS };
    check(&jobs.workload(), &[]);
}

#[test]
fn committed_hours_are_paid_either_way() {
    let held = Month {
        category: PricingCategory::Committed,
        requests: Some(office),
        active: Some(|at| if office(at) { 0.8 } else { 0.0 }),
        ..ALWAYS
    };
    let all =
        check(&held.workload(), &[(WasteKind::UnusedCommitment, true, Some("824"), Some(412.0))]);
    assert!(all[0].action.starts_with("Paid either way: ask Sales"), "{}", all[0].action);
    let mut mixed = held.workload();
    mixed.costs.iter_mut().step_by(2).for_each(|it| it.category = PricingCategory::Standard);
    let kinds: Vec<_> = found(&mixed).iter().map(|it| it.kind).collect();
    assert_eq!(kinds, [OffHours, WasteKind::UnusedCommitment]);
}

#[test]
fn one_request_hides_no_silence() {
    // Silent but for the last day: 27 days at 2 USD an hour.
    let ping = Month { requests: Some(|at| at == 660), active: Some(|_| 0.0), ..ALWAYS };
    let all = found(&ping.workload());
    let idle = all.iter().find(|it| it.kind == Idle).unwrap();
    assert_eq!((idle.confirmed, idle.cost), (true, Some(usd("1320"))), "{all:?}");
    assert!(idle.evidence.starts_with("Used at other times, and silent for 7 days"), "{all:?}");
    // Silent from day 3 to day 24, used around it.
    let between = |at: usize| if (72..600).contains(&at) { 0.0 } else { 0.9 };
    let middle = Month { requests: None, active: Some(between), ..ALWAYS };
    let all = found(&middle.workload());
    let idle = all.iter().find(|it| it.kind == Idle).unwrap();
    assert_eq!((idle.confirmed, idle.cost), (false, Some(usd("1056"))), "{all:?}");
}

#[test]
fn what_was_measured_half_the_time_is_missing_the_other_half() {
    let mut half = Month { active: Some(|_| 0.5), ..ALWAYS }.workload();
    half.activity.truncate(MONTH / 2);
    let all = found(&half);
    let missing = all.iter().find(|it| it.kind == DataMissing).unwrap();
    assert_eq!(missing.cost, Some(usd("672")), "{all:?}");
    assert!(missing.evidence.starts_with("336 of 672 paid hours"), "{all:?}");
}

#[test]
fn nobody_measured_is_not_waste() {
    let all = check(&ALWAYS.workload(), &[(DataMissing, false, Some("1344"), Some(672.0))]);
    assert!(all[0].action.contains("gpuadvise collect prometheus-dcgm"), "{}", all[0].action);
    // A day of telemetry in a month tells nothing of the other 27.
    let mut almost = ALWAYS.workload();
    almost.activity = vec![ActivityBin { period: hours(0, 24), gpus: 1.0, active: 0.5 }];
    check(&almost, &[(DataMissing, false, Some("1296"), Some(648.0))]);
}

#[test]
fn replicas_beyond_the_peak_are_over_provisioned() {
    let fleet = Month {
        gpus: 4.0,
        requests: Some(|_| true),
        active: Some(|at| if at % 24 == 9 { 0.4 } else { 0.1 }),
        ..ALWAYS
    };
    let mut it = fleet.workload();
    it.deployment.tensor_parallel_size = Some(1);
    // 0.4 x 4 x 1.2 = 1.92: 2 of 4 GPUs, half of 1344.
    let all = check(&it, &[(OverProvisioned, false, Some("672"), Some(1344.0))]);
    assert!(all[0].action.contains("from 4 to 2 GPUs"), "{}", all[0].action);
    assert!(all[0].action.contains("only whole instances"), "{}", all[0].action);
    // Memory that the engine takes at the start says nothing; its cache does.
    it.totals.memory_fraction_max = Some(Fraction::try_from(0.95).unwrap());
    it.settings.max_num_seqs = Some(100);
    let engine = |kv, running| EngineBin {
        period: hours(0, 200),
        engines: 4,
        kv_cache_usage_max: Some(kv),
        kv_cache_usage_mean: None,
        running_mean: None,
        running_max: Some(running),
        waiting_max: None,
        requests: None,
        swapped_max: None,
        preemptions: None,
        prefix_queries: None,
        prefix_hits: None,
    };
    it.engine = vec![EngineBin { period: hours(0, 100), ..engine(0.2, 30.0) }];
    check(&it, &[(OverProvisioned, false, Some("672"), Some(1344.0))]);
    it.engine = vec![engine(0.2, 30.0)];
    let all = check(&it, &[(OverProvisioned, true, Some("672"), Some(1344.0))]);
    assert!(!all[0].evidence.contains("memory"), "{}", all[0].evidence);
    it.engine = vec![engine(0.7, 30.0)];
    check(&it, &[]);
    it.engine = vec![engine(0.2, 70.0)];
    check(&it, &[]);
    // Two GPUs a replica: 2 replicas, 1 needed.
    it.engine = Vec::new();
    it.deployment.tensor_parallel_size = Some(2);
    check(&it, &[(OverProvisioned, false, Some("672"), Some(1344.0))]);
    it.deployment.tensor_parallel_size = Some(4);
    check(&it, &[(OverProvisioned, false, None, None)]);
    it.deployment.tensor_parallel_size = None;
    let all = check(&it, &[(OverProvisioned, false, None, None)]);
    assert!(all[0].action.contains("tensor_parallel_size"), "{}", all[0].action);
}

#[test]
fn staging_beside_production_claims_what_is_left() {
    let busy = Month { requests: Some(|_| true), active: Some(|_| 0.9), ..ALWAYS };
    let named = |month: &Month, name: &str, requests: u64| {
        let mut it = month.workload();
        name.clone_into(&mut it.name);
        it.deployment.model = Some("org/model".to_owned());
        it.deployment.gpu = Some("L40S".to_owned());
        it.totals.requests = Some(requests);
        it
    };
    let check = |own: &Workload, other: &Workload, expected: Option<&str>| {
        let (a, b) = (found(own), found(other));
        let examined =
            [(own, &a), (other, &b)].map(|it| Examined::of(it.0, it.1, Tz::UTC, assumptions()));
        let across = portfolio_waste(&examined, &[], assumptions());
        let costs: Vec<_> = across.iter().map(|it| (it.kind, it.confirmed, it.cost)).collect();
        let expected: Vec<_> = expected
            .map(|cost| (DuplicatedEnvironment, false, Some(usd(cost))))
            .into_iter()
            .collect();
        assert_eq!(costs, expected);
    };
    let production = named(&busy, "chat", 90_000);
    let staging = named(&busy, "chat-staging", 900);
    check(&staging, &production, Some("1344"));
    check(&named(&busy, "chat-staging", 9_000), &production, None);
    check(&named(&busy, "chat-latest", 900), &production, None);
    let nightly = Month { requests: Some(office), active: None, ..ALWAYS };
    check(&named(&nightly, "chat-dev", 900), &production, Some("520"));
    let mut other_model = staging.clone();
    other_model.deployment.model = Some("org/other".to_owned());
    check(&other_model, &production, None);
    let mut kept = staging;
    kept.settings.standby = true;
    check(&kept, &production, None);
}

#[test]
fn the_bill_says_what_no_workload_used() {
    let unused = |cost| Unused {
        what: "commitments",
        cost: usd(cost),
        by_id: vec![("sp-1".to_owned(), usd("29.76"))],
    };
    let found = portfolio_waste(&[], &[unused("29.76"), unused("-1")], assumptions());
    assert_eq!(found.len(), 1);
    assert!(found[0].confirmed && found[0].evidence.contains("sp-1 29.76 USD"), "{found:?}");
}

#[test]
fn a_cost_of_days_is_spread_to_the_last_digit() {
    let mut it = Month { requests: Some(|_| false), active: Some(|_| 0.0), ..ALWAYS }.workload();
    it.costs = (0..28)
        .map(|day| CostBin {
            period: hours(day * 24, 24),
            category: PricingCategory::Standard,
            cost: usd("0.100000000000000007"),
            gpu_hours: None,
        })
        .collect();
    check(&it, &[(Idle, true, Some("2.800000000000000196"), None)]);
}

/// A workload of random hours: cost in cents, whether committed, requests and activity.
fn random() -> impl Strategy<Value = (Workload, bool)> {
    let hour = (-50_i64..400, 0_u8..4, 0_u8..4, 0_u8..4);
    let pattern = proptest::collection::vec(hour, 200..700);
    (pattern, 0_usize..170, 1_usize..9, any::<bool>(), any::<bool>()).prop_map(
        |(rows, quiet, gpus, split, standby)| {
            let n = rows.len();
            let gpus = gpus as f64;
            let mut it = Month { n, gpus, ..ALWAYS }.workload();
            // A weekly block and an end without demand make the findings likely.
            let is_quiet = |at: usize| at % 168 < quiet || at > n - quiet.min(n);
            let category = |it: u8| match it {
                0 => PricingCategory::Committed,
                _ => PricingCategory::Standard,
            };
            it.costs = rows
                .iter()
                .enumerate()
                .map(|(at, row)| CostBin {
                    period: hours(at, 1),
                    category: category(row.1),
                    cost: Money::from_nano(i128::from(row.0) * 10_000_000, Currency::USD).unwrap(),
                    gpu_hours: Some(gpus),
                })
                .collect();
            let bins = rows
                .iter()
                .enumerate()
                .map(|(at, row)| CountBin {
                    period: hours(at, 1),
                    requests: if is_quiet(at) { 0 } else { u64::from(row.2) },
                    prompt_tokens: None,
                    completion_tokens: None,
                    interarrival_cv: None,
                })
                .collect();
            it.demand = Demand::Counts(CountSeries { bins, width_us: HOUR_US });
            let active = |at: usize, row: u8| if is_quiet(at) { 0.0 } else { f64::from(row) / 9.0 };
            let seen = rows.iter().enumerate().skip(if split { n / 3 } else { 0 });
            it.activity = seen
                .map(|(at, row)| ActivityBin {
                    period: hours(at, 1),
                    gpus,
                    active: gpus * active(at, row.3),
                })
                .collect();
            it.deployment.tensor_parallel_size = Some(1);
            it.totals.requests = Some(1);
            (it, standby)
        },
    )
}

fn total(costs: impl Iterator<Item = Money>) -> Money {
    Money::sum(costs, Currency::USD).unwrap()
}

proptest! {
    #[test]
    fn findings_never_exceed_the_spend((it, standby) in random()) {
        let spend = total(it.costs.iter().map(|it| it.cost));
        let found = found(&it);
        prop_assert!(found.iter().filter_map(|it| it.cost).all(|it| it.atto() > 0));
        let mut staging = it.clone();
        staging.environment = Some("staging".to_owned());
        let mut production = it.clone();
        production.totals.requests = Some(1_000_000);
        for it in [&mut staging, &mut production] {
            it.deployment.model = Some("m".to_owned());
            it.deployment.gpu = Some("g".to_owned());
        }
        let examined =
            [&staging, &production].map(|it| Examined::of(it, &found, Tz::UTC, assumptions()));
        let across = portfolio_waste(&examined, &[], assumptions());
        let all = found.iter().chain(&across).filter_map(|it| it.cost);
        prop_assert!(total(all).atto() <= spend.atto().max(0));
        let mut kept = it.clone();
        kept.settings.standby = standby;
        prop_assert!(!standby || super::waste(&kept, Tz::UTC, assumptions()).is_empty());
    }

    #[test]
    fn scaling_the_cost_scales_the_findings((it, _) in random(), factor in 2_u64..50) {
        let mut dear = it.clone();
        for bin in &mut dear.costs {
            bin.cost = bin.cost.scale(factor, 1).unwrap();
        }
        let (a, b) = (found(&it), found(&dear));
        prop_assert_eq!(a.len(), b.len());
        for (a, b) in a.iter().zip(&b) {
            prop_assert_eq!((a.kind, a.confirmed, &a.evidence), (b.kind, b.confirmed, &b.evidence));
            let expected = a.cost.map(|it| it.scale(factor, 1).unwrap().atto());
            let found = b.cost.map(Money::atto);
            // A share of an hour is rounded to 10^-9 once.
            let slack = i128::from(factor) * 1_000_000_000 * 700;
            let near = expected.zip(found).map(|(a, b)| (a - b).abs() <= slack);
            prop_assert!(near != Some(false) && expected.is_some() == found.is_some());
        }
    }
}
