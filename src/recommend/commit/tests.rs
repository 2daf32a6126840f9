//! Pools, held commitments, and no double claim.

mod asked;
mod lasting;

use std::sync::atomic::AtomicBool;

use chrono_tz::Tz;
use proptest::prelude::*;

use super::*;
use crate::catalog::Catalog;
use crate::commitment::SavingsCurve;
use crate::ingest::{HeldOf, Policy};
use crate::simulate::DemandStep;
use crate::units::{Currency, Fraction, HOURS_PER_MONTH, Money, MoneyPerHour, Period, Timestamp};

const HOUR: u64 = 3_600_000_000;
static RUNS: AtomicBool = AtomicBool::new(false);

fn rate(text: &str) -> MoneyPerHour {
    MoneyPerHour::parse(text, Currency::USD).unwrap()
}

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text, Tz::UTC).unwrap()
}

fn window(days: i64) -> Period {
    let start = at("2026-10-05");
    Period::new(start, start.plus_us(days * 24 * 3_600_000_000)).unwrap()
}

fn offer(purchase: Purchase, price: &str, template: &Offer) -> Offer {
    Offer {
        id: format!("test/{purchase}"),
        provider: "test".to_owned(),
        instance_type: "box".to_owned(),
        gpu_count: 1,
        region: "here".to_owned(),
        purchase,
        rate: rate(price),
        upfront: String::new(),
        ..template.clone()
    }
}

/// The built-in catalog with one more instance: 4.00 by use, and these terms.
fn catalog(terms: &[(u32, &str)]) -> (Catalog, Offer) {
    let mut catalog = Catalog::embedded().unwrap();
    let template = catalog.offers.iter().find(|it| it.gpus.len() == 1 && catalog.is_simulated(it));
    let template = template.unwrap().clone();
    let reserved = |(months, price): &(u32, &str)| {
        offer(Purchase::Reserved { months: *months }, price, &template)
    };
    catalog.offers.extend(terms.iter().map(reserved));
    (catalog, offer(Purchase::PayAsYouGo, "4", &template))
}

fn member(name: &str, by_use: &Offer, demand: &[u64]) -> Member {
    let step = |n: &u64| DemandStep { len_us: HOUR, on_us: n * HOUR };
    Member {
        workload: name.to_owned(),
        instance: Instance {
            provider: by_use.provider.clone(),
            region: by_use.region.clone(),
            instance_type: by_use.instance_type.clone(),
            gpu: by_use.gpus[0].clone(),
            gpu_count: by_use.gpu_count,
        },
        by_use: by_use.clone(),
        hours: Hours::new(window(1).start(), demand.iter().map(step).collect()),
        is_relative: false,
        own: None,
        is_committed: false,
        is_partly_committed: false,
        presumes: format!("{name} as today"),
        until: None,
        is_rejected: false,
        unused: None,
        odd_gpus: None,
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the tests write the list where they ask")]
fn found(
    members: Vec<Member>,
    held: &[HeldCommitment],
    (catalog, policy): (&Catalog, &Policy),
) -> Commitments {
    from_members(&members, held, window(28), context(catalog, policy))
}

fn context<'a>(catalog: &'a Catalog, policy: &'a Policy) -> Context<'a> {
    Context {
        catalog,
        policy,
        seed: 42,
        as_of: at("2026-11-02"),
        zone: Tz::UTC,
        search: crate::recommend::Search::default(),
        stop: &RUNS,
    }
}

fn held(id: &str, instances: u32, price: &str, days: [&str; 2]) -> HeldCommitment {
    HeldCommitment {
        id: id.to_owned(),
        provider: "test".to_owned(),
        region: "here".to_owned(),
        of: HeldOf::InstanceType("box".to_owned()),
        instances,
        rate: rate(price),
        term: Period::new(at(days[0]), at(days[1])).unwrap(),
        prepaid: false,
    }
}

fn repeated(pattern: &[u64], hours: usize) -> Vec<u64> {
    pattern.iter().copied().cycle().take(hours).collect()
}

fn usd(amount: Money) -> String {
    amount.to_decimal_string()
}

/// Two workloads, each on every other hour: neither could commit, both together can.
#[test]
fn pooling_commits_what_no_workload_could() {
    let (catalog, payg) = catalog(&[(12, "2.5")]);
    let [a, b] = [[1, 0], [0, 1]].map(|it| repeated(&it, 28 * 24));
    let policy = Policy::default();
    let alone = found(vec![member("a", &payg, &a)], &[], (&catalog, &policy));
    let case = &alone.groups[0].terms[0];
    assert_eq!((case.chosen_n, case.best, usd(case.chosen.saving)), (0, false, "0.00".to_owned()));
    let both = vec![member("b", &payg, &b), member("a", &payg, &a)];
    let both = found(both, &[], (&catalog, &policy));
    let [group] = both.groups.as_slice() else { panic!("{:?}", both.groups) };
    let case = &group.terms[0];
    assert_eq!(
        (group.workloads.as_slice(), group.days),
        (["a", "b"].map(String::from).as_slice(), 28.0)
    );
    assert_eq!((case.stable_n, case.chosen_n, case.optimal_n, case.max_n), (1, 1, 1, 1));
    // (4.00 - 2.50) x 730 h.
    assert_eq!(usd(case.chosen.saving), "1095.00");
    assert_eq!([case.included_in_advice, case.beyond_advice].map(usd), ["0.00", "1095.00"]);
    // A year of 8,760 hours at 2.50 is owed, nothing is paid ahead, and 7.5 months must be used.
    assert_eq!(
        (usd(case.liability), case.upfront.map(usd)),
        ("21900.00".to_owned(), Some("0.00".to_owned()))
    );
    assert_eq!((case.cash_payback_months, case.regret_months), (Some(0.0), Some(7.5)));
    assert_eq!(case.end, at("2027-11-02"));
    let risk = case.chosen.risk.unwrap();
    assert_eq!([risk.low, risk.high].map(usd), ["1095.00", "1095.00"]);
    // 672 hours at 1.50 less.
    let hindsight = case.hindsight.as_ref().unwrap();
    assert_eq!(usd(hindsight.left_on_the_table), "1008.00");
    // One term from the first hour on.
    assert_eq!(hindsight.purchases, [(at("2026-10-05"), 1)]);
}

#[test]
fn a_term_past_the_policy_is_shown_and_not_marked() {
    let (catalog, payg) = catalog(&[(1, "3"), (12, "2"), (36, "1"), (3, "4")]);
    let check = |policy: &Policy, expected: &[(u32, bool, bool)]| {
        let all = found(vec![member("a", &payg, &[1; 28 * 24])], &[], (&catalog, policy));
        let terms = all.groups[0].terms.iter();
        let terms: Vec<_> =
            terms.map(|it| (it.months, it.not_allowed.is_none(), it.best)).collect();
        assert_eq!(terms, expected, "{policy:?}");
    };
    // Three months at the rate by use are no case.
    check(&Policy::default(), &[(1, true, false), (12, true, true), (36, false, false)]);
    let long = Policy { max_term_months: Some(36), ..Policy::default() };
    check(&long, &[(1, true, false), (12, true, false), (36, true, true)]);
}

#[test]
fn what_is_held_comes_off_first() {
    let (catalog, payg) = catalog(&[(12, "2")]);
    let policy = Policy::default();
    let members = || vec![member("a", &payg, &[3; 28 * 24])];
    let check = |list: &[HeldCommitment], chosen: u32, uses: &[(&str, u64, &str, &str, bool)]| {
        let all = found(members(), list, (&catalog, &policy));
        assert_eq!(all.groups[0].terms[0].chosen_n, chosen);
        let found: Vec<_> = all
            .held
            .iter()
            .map(|it| {
                let hours = it.used.unwrap().0 / HOUR;
                let money = [it.used.unwrap().1, it.liability].map(usd);
                (it.held.id.clone(), hours, money, it.ends_within_term)
            })
            .collect();
        let expected: Vec<_> = uses
            .iter()
            .map(|it| (it.0.to_owned(), it.1, [it.2.to_owned(), it.3.to_owned()], it.4))
            .collect();
        assert_eq!(found, expected);
    };
    let year = ["2026-01-01", "2027-01-01"];
    // 60 days of 2 at 2.50 are left.
    check(&[held("x", 2, "2.5", year)], 1, &[("x", 2 * 672, "0.00", "7200.00", true)]);
    // The cheaper one is used first; the other is stranded for an instance.
    let dear = held("dear", 2, "3", ["2026-01-01", "2028-01-01"]);
    check(
        &[dear, held("cheap", 2, "2.5", year)],
        0,
        &[("cheap", 1344, "0.00", "7200.00", true), ("dear", 672, "2016.00", "61200.00", false)],
    );
    // Over since the middle of the window: its demand is open again.
    let over = held("over", 1, "2.5", ["2026-01-01", "2026-10-19"]);
    check(&[over], 3, &[("over", 336, "0.00", "0.00", false)]);
    // Two of three end and would pay again; of what is held twice only the open instance would.
    let renewals = |list: &[HeldCommitment]| -> Vec<Option<(u32, u32, String)>> {
        let all = found(members(), list, (&catalog, &policy)).held;
        let told = |it: &Renewal| (it.n, it.months, usd(it.saving));
        all.iter().map(|it| it.renewal.as_ref().map(told)).collect()
    };
    let again = |n, saving: &str| Some((n, 12, saving.to_owned()));
    assert_eq!(renewals(&[held("x", 2, "2.5", year)]), [again(2, "2920.00")]);
    let dear = held("dear", 2, "3", ["2026-01-01", "2028-01-01"]);
    assert_eq!(renewals(&[dear, held("x", 2, "2.5", year)]), [again(1, "1460.00"), None]);
    let more = held("more", 3, "3", ["2026-01-01", "2028-01-01"]);
    assert_eq!(renewals(&[more, held("x", 2, "2.5", year)]), [again(0, "0.00"), None]);
    // Each alone leaves its demand to the other; the one that ends last is bought again.
    let late = held("late", 3, "2.6", ["2026-01-01", "2027-02-01"]);
    let both = renewals(&[late, held("x", 3, "2.5", year)]);
    assert_eq!(both, [again(0, "0.00"), again(3, "4380.00")]);
    // Of nothing that runs.
    let other = HeldCommitment { region: "there".to_owned(), ..held("other", 1, "1", year) };
    check(&[other], 3, &[("other", 0, "672.00", "1440.00", true)]);
}

#[test]
fn too_little_history_is_said_with_the_rule_until_then() {
    let (catalog, payg) = catalog(&[(1, "2"), (12, "1")]);
    let policy = Policy::default();
    let all = found(vec![member("a", &payg, &[1; 5 * 24])], &[], (&catalog, &policy));
    assert!(all.groups.is_empty());
    let [it] = all.absent.as_slice() else { panic!("{:?}", all.absent) };
    assert_eq!(it.reason, "5.0 days of demand; a commitment needs at least 8");
    let rule = it.rule.as_ref().unwrap();
    let amounts = [rule.fee, rule.spent_on_next].map(usd);
    assert_eq!(
        (rule.months, rule.bought, amounts),
        (1, 0, ["1460.00", "480.00"].map(String::from))
    );
    // A newcomer does not spoil the case of the others.
    let mut late = member("late", &payg, &[1; 3 * 24]);
    late.hours.start = window(25).end();
    let both = vec![late, member("a", &payg, &[1; 28 * 24])];
    let both = found(both, &[], (&catalog, &policy));
    assert_eq!(both.groups[0].workloads, ["a"]);
    assert!(both.groups[0].notes[0].ends_with(": late"), "{:?}", both.groups[0].notes);
}

#[test]
fn what_runs_on_a_commitment_nobody_declared_is_not_sold_another() {
    let (catalog, payg) = catalog(&[(12, "2")]);
    let policy = Policy::default();
    let members = || vec![Member { is_committed: true, ..member("a", &payg, &[1; 28 * 24]) }];
    let all = found(members(), &[], (&catalog, &policy));
    assert!(all.groups.is_empty());
    assert!(all.absent[0].covered && all.absent[0].reason.contains("[[commitment]]"));
    let declared = [held("x", 1, "2", ["2026-01-01", "2027-01-01"])];
    let all = found(members(), &declared, (&catalog, &policy));
    assert_eq!((all.absent.len(), all.groups[0].terms[0].max_n), (0, 0));
    assert_eq!(all.held[0].used.unwrap().0, 672 * HOUR);
}

#[test]
fn a_cap_makes_a_ladder() {
    let (catalog, payg) = catalog(&[(12, "2")]);
    let cap = Fraction::try_from(0.3).ok();
    let policy = Policy { max_expiring_share_per_quarter: cap, ..Policy::default() };
    let all = found(vec![member("a", &payg, &[10; 28 * 24])], &[], (&catalog, &policy));
    let steps = all.groups[0].terms[0].ladder.clone().unwrap();
    let sizes: Vec<_> = steps.ladder.tranches.iter().map(|it| (it.bought_month, it.n)).collect();
    assert_eq!(sizes, [(24_322, 3), (24_325, 3), (24_328, 2), (24_331, 2)]);
    assert_eq!(steps.at_once, 3);
    // 39 instance months at 2.00 more.
    assert_eq!(usd(steps.waiting_cost), "56940.00");
}

/// What `money_per_hour_is_shared_by_instances` and the held one look at: an instance all the time at 3.00 by
/// use, another every second hour at 1.10, and a plan of 1.00 for each.
fn two_kinds() -> (Catalog, Vec<Member>) {
    let (mut catalog, payg) = catalog(&[]);
    let flex = offer(Purchase::FlexCommitment { months: 12 }, "1", &payg);
    let big = |it: &Offer, price: &str| Offer {
        id: format!("test/big/{}", it.purchase),
        instance_type: "big".to_owned(),
        gpu_label: "other".to_owned(),
        rate: rate(price),
        ..it.clone()
    };
    catalog.offers.extend([flex.clone(), big(&flex, "1")]);
    let dear = Offer { rate: rate("3"), ..payg.clone() };
    let members = vec![
        member("a", &dear, &[1; 28 * 24]),
        member("b", &big(&payg, "1.1"), &repeated(&[1, 0], 28 * 24)),
    ];
    (catalog, members)
}

/// 0.40 an hour is held and used up: 0.60 on top of it is what 1.00 was from nothing. Of 1.50 half of the
/// last 0.50 is lost in every other hour, and nothing more pays.
#[test]
fn held_money_per_hour_comes_off_first() {
    let (catalog, members) = two_kinds();
    let policy = Policy::default();
    let of = |price: &str| {
        let all = found(members.clone(), &[plan("plan", price, YEAR)], (&catalog, &policy));
        (all.spend[0].clone(), all.held[0].clone())
    };
    let (case, held) = of("0.4");
    assert_eq!((case.held, case.chosen.per_hour), (rate("0.4"), rate("0.6")));
    // 0.60 carries what costs 1.80 by use.
    assert_eq!([case.chosen.saving, case.chosen.by_use].map(usd), ["876.00", "401.50"]);
    let (used_us, stranded) = held.used.unwrap();
    assert_eq!((used_us, usd(stranded)), (held.paid_us, "0.00".to_owned()));
    let (case, held) = of("1.5");
    assert_eq!((case.chosen.per_hour, usd(case.chosen.saving)), (rate("0"), "0.00".to_owned()));
    // 1.25 of 1.50 is used on the mean.
    let (used_us, stranded) = held.used.unwrap();
    assert!((used_us as f64 / held.paid_us as f64 - 1.25 / 1.5).abs() < 1e-9);
    assert_eq!(usd(stranded), "168.00");
}

/// One in money per hour, of 12 months from June on.
fn plan(id: &str, price: &str, days: [&str; 2]) -> HeldCommitment {
    HeldCommitment { of: HeldOf::Spend, region: String::new(), ..held(id, 1, price, days) }
}

const YEAR: [&str; 2] = ["2026-06-01", "2027-06-01"];

/// What a plan covers is not reserved too, also where the bill calls it committed.
#[test]
fn what_held_money_per_hour_covers_is_not_bought_again() {
    let (mut catalog, payg) = catalog(&[(12, "2")]);
    catalog.offers.push(offer(Purchase::FlexCommitment { months: 12 }, "3", &payg));
    let policy = Policy::default();
    let mut on_it = member("a", &payg, &[1; 28 * 24]);
    for is_committed in [false, true] {
        on_it.is_committed = is_committed;
        let held = [plan("plan", "3", YEAR)];
        let all = found(vec![on_it.clone()], &held, (&catalog, &policy));
        assert!(all.groups.is_empty(), "{:?}", all.groups);
        let it = &all.absent[0];
        assert!(it.covered && it.reason.contains("plan in money per hour covers it"));
        assert_eq!(all.held[0].used.unwrap().0, all.held[0].paid_us);
        assert_eq!(all.spend[0].chosen.per_hour, rate("0"));
    }
}

/// A renewal is used as what it renews was; of two at once the first is used first.
#[test]
fn held_money_per_hour_is_used_in_turn() {
    let (catalog, members) = two_kinds();
    let policy = Policy::default();
    let shares = |first: [&str; 2]| {
        let held = [plan("first", "1.5", first), plan("second", "1", YEAR)];
        let all = found(members.clone(), &held, (&catalog, &policy));
        all.held.iter().map(|it| it.used.unwrap().0 as f64 / HOUR as f64).collect::<Vec<_>>()
    };
    // 1.00 is asked for in each of 672 hours and 2.00 in every second one.
    let [ended, renewed] = shares(["2025-06-01", "2026-06-01"])[..] else { panic!() };
    assert_eq!((ended, renewed), (0.0, 672.0));
    let [first, second] = shares(YEAR)[..] else { panic!() };
    assert!((first - 672.0 * 1.25 / 1.5).abs() < 1e-6, "{first}");
    assert!((second - 672.0 * 0.25).abs() < 1e-6, "{second}");
}

/// A holding carries what its own term's rates carry, whatever term is looked at.
#[test]
fn held_money_per_hour_counts_at_its_own_rates() {
    let (mut catalog, payg) = catalog(&[]);
    for (months, price) in [(12, "3"), (36, "2")] {
        catalog.offers.push(offer(Purchase::FlexCommitment { months }, price, &payg));
    }
    let policy = Policy { max_term_months: Some(36), ..Policy::default() };
    let held = [plan("plan", "3", YEAR)];
    let members = vec![member("a", &payg, &[2; 28 * 24])];
    let all = found(members, &held, (&catalog, &policy));
    let on_top: Vec<_> = all.spend.iter().map(|it| (it.months, it.chosen.per_hour)).collect();
    assert_eq!(on_top, [(12, rate("3")), (36, rate("2"))]);
}

/// Too few days to commit on are days of use all the same; without a plan on offer it is not known.
#[test]
fn the_use_of_held_money_per_hour_needs_no_long_history() {
    let (mut catalog, payg) = catalog(&[]);
    let policy = Policy::default();
    let members = vec![member("a", &payg, &[1; 5 * 24])];
    let unknown = found(members.clone(), &[plan("plan", "3", YEAR)], (&catalog, &policy));
    assert_eq!(unknown.held[0].used, None);
    assert!(!unknown.held[0].liability.is_zero());
    catalog.offers.push(offer(Purchase::FlexCommitment { months: 12 }, "3", &payg));
    let all = found(members, &[plan("plan", "3", YEAR)], (&catalog, &policy));
    assert!(all.spend.is_empty());
    assert_eq!(all.held[0].used.unwrap().0, 5 * 24 * HOUR);
}

/// A plan of 1.00 an hour covers an hour of what costs 3.00 by use, or of what costs 1.10: the one that
/// saves more comes first.
#[test]
fn money_per_hour_is_shared_by_instances() {
    let (catalog, members) = two_kinds();
    let policy = Policy::default();
    let all = found(members, &[], (&catalog, &policy));
    assert!(all.groups.is_empty());
    let [case] = all.spend.as_slice() else { panic!("{:?}", all.spend) };
    assert_eq!(case.workloads, ["a", "b"]);
    // 1.00 an hour saves 2.00; a second one would save 0.10 in every other hour.
    assert_eq!(case.chosen.per_hour, rate("1"));
    assert_eq!([case.chosen.saving, case.chosen.by_use].map(usd), ["1460.00", "401.50"]);
    let risk = case.chosen.risk.unwrap();
    assert_eq!([risk.low, risk.high].map(usd), ["1460.00", "1460.00"]);
    assert_eq!((case.points.len(), usd(case.points[0].saving)), (3, "0.00".to_owned()));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_saving_is_claimed_twice(
        demands in proptest::collection::vec(proptest::collection::vec(0_u64..6, 24..48), 1..4),
        cents in 100_u32..399,
        risk in 0.0_f64..=1.0,
    ) {
        let (catalog, payg) = catalog(&[(12, &format!("{}.{:02}", cents / 100, cents % 100))]);
        let committed = catalog.offers.last().unwrap().rate;
        let members: Vec<Member> = (0..)
            .zip(&demands)
            .map(|(at, demand)| {
                let mut it = member(&format!("w{at}"), &payg, &repeated(demand, 14 * 24));
                let curve = SavingsCurve::new(it.hours.steps.to_vec(), payg.rate, committed);
                it.own = Some((curve.unwrap().best_n(), committed));
                it
            })
            .collect();
        let hours: u64 = members.iter().map(|it| u64::try_from(it.hours.on_us()).unwrap() / HOUR).sum();
        for risk in [risk, 1.0] {
            let policy = Policy { risk: Fraction::try_from(risk).ok(), ..Policy::default() };
            let all = found(members.clone(), &[], (&catalog, &policy));
            if hours == 0 {
                prop_assert!(all.groups.is_empty());
                continue;
            }
            let case = &all.groups[0].terms[0];
            prop_assert!(case.stable_n <= case.chosen_n && case.chosen_n <= case.optimal_n);
            prop_assert!(case.optimal_n <= case.max_n);
            let none = &case.points[0];
            let by_use = payg.rate.cost_of_us(hours * HOUR).unwrap();
            prop_assert_eq!(none.n, 0);
            prop_assert_eq!(none.monthly_cost, by_use.scale(HOURS_PER_MONTH, 14 * 24).unwrap());
            for it in &case.points {
                let parts = [it.committed_used, it.committed_unused, it.by_use];
                prop_assert_eq!(it.monthly_cost, Money::sum(parts, Currency::USD).unwrap());
                prop_assert_eq!(none.monthly_cost, it.monthly_cost.checked_add(it.saving).unwrap());
                let risk = it.risk.unwrap();
                prop_assert!(risk.low <= it.saving && it.saving <= risk.high);
            }
            let [n, all] = [case.chosen_n, case.max_n].map(|n| case.points.iter().any(|it| it.n == n));
            prop_assert!(n && all);
            let sum = case.included_in_advice.checked_add(case.beyond_advice);
            prop_assert_eq!(sum, Ok(case.chosen.saving));
            // At the optimum the pool keeps all that the workloads save alone, but for the rounding of
            // each amount to 10^-9.
            if risk >= 1.0 {
                prop_assert!(case.beyond_advice.to_f64() > -1e-6, "{}", case.beyond_advice);
            }
        }
    }
}
