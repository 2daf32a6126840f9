//! The bridge by hand and as a law.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::units::{Currency, Period, Timestamp};
use crate::workload::PricingCategory;

const HOUR: i64 = 3_600_000_000;

fn usd(text: &str) -> Money {
    Money::parse(text, Currency::USD).unwrap()
}

fn advised(id: &str, action: &str, saves: &str, plan: Option<PlanAdvised>) -> Advised {
    Advised { id: id.to_owned(), action: action.to_owned(), monthly_savings: usd(saves), plan }
}

fn spend(cost: &str, gpu_hours: f64) -> Spend {
    Spend {
        cost: Some(usd(cost)),
        gpu_hours: Some(gpu_hours),
        requests: None,
        tokens: None,
        deployment: Deployment {
            provider: Some("runpod".to_owned()),
            region: Some("global".to_owned()),
            gpu: Some("A100 80GB PCIe".to_owned()),
            ..Deployment::default()
        },
        advice: advised("a-keep", "keep", "0", None),
    }
}

fn month(start_h: i64, hours: i64, workloads: &[(&str, Spend)]) -> Month {
    let at = |hours: i64| Timestamp::from_us(hours * HOUR);
    Month {
        window: Period::new(at(start_h), at(start_h + hours)).unwrap(),
        currency: Currency::USD,
        workloads: workloads.iter().map(|(name, it)| ((*name).to_owned(), it.clone())).collect(),
        findings: Vec::new(),
        prices: None,
    }
}

/// The steps of one workload that are not zero.
fn steps(old: Option<Spend>, new: Option<Spend>) -> Vec<(Step, String)> {
    let one = |it: Option<Spend>| it.map(|it| ("w", it)).into_iter().collect::<Vec<_>>();
    let found = between(&month(0, 720, &one(old)), &month(720, 744, &one(new))).unwrap();
    let parts = found.steps.parts().filter(|it| !it.1.is_zero());
    parts.map(|(step, amount)| (step, amount.to_decimal_string())).collect()
}

#[test]
fn each_term_by_hand() {
    let check = |old: Option<Spend>, new: Option<Spend>, expected: &[(Step, &str)]| {
        let expected: Vec<_> = expected.iter().map(|it| (it.0, it.1.to_owned())).collect();
        assert_eq!(steps(old, new), expected);
    };
    // 720 x 744/720 - 720; then 100 hours more at 1.00; then 0.50 more for 820 hours.
    let (before, after) = (spend("720", 720.0), spend("1230", 820.0));
    let by_price = [(Step::Days, "24.00"), (Step::Volume, "76.00"), (Step::Price, "410.00")];
    check(Some(before.clone()), Some(after.clone()), &by_price);
    let mut moved = after.clone();
    moved.deployment.gpu = Some("L40S".to_owned());
    let by_mix = [(Step::Days, "24.00"), (Step::Volume, "76.00"), (Step::Mix, "410.00")];
    check(Some(before.clone()), Some(moved), &by_mix);
    let mut mixed = after.clone();
    mixed.deployment.mixed = true;
    check(Some(before.clone()), Some(mixed), &by_mix);
    let mut committed = after.clone();
    committed.deployment.purchase = PricingCategory::Committed;
    check(Some(before.clone()), Some(committed), &by_mix);
    check(None, Some(after.clone()), &[(Step::New, "1230.00")]);
    check(Some(before.clone()), None, &[(Step::Ended, "-720.00")]);
    // What cannot be told apart is a rest, and what is not known is no zero.
    let tokens_only = Spend { gpu_hours: None, ..after.clone() };
    check(
        Some(before.clone()),
        Some(tokens_only),
        &[(Step::Days, "24.00"), (Step::Rest, "486.00")],
    );
    let unpriced = Spend { cost: None, ..after };
    check(Some(before.clone()), Some(unpriced), &[(Step::Rest, "-720.00")]);
    check(Some(before.clone()), Some(spend("-1", 744.0)), &[(Step::Rest, "-721.00")]);
    let storage = [(Step::Days, "24.00"), (Step::Volume, "-744.00"), (Step::Rest, "5.00")];
    check(Some(before.clone()), Some(spend("5", 0.0)), &storage);
    check(Some(before), Some(spend("744", 744.0)), &[(Step::Days, "24.00")]);
}

fn plan(gpu: &str, purchase: &str) -> PlanAdvised {
    PlanAdvised {
        provider: "runpod-serverless".to_owned(),
        gpu: gpu.to_owned(),
        purchase: purchase.to_owned(),
        precision: "as today".to_owned(),
    }
}

#[test]
fn advice_is_followed_where_the_deployment_or_the_cost_moved() {
    let check = |advice: &Advised, new: Option<Spend>, outcome: Outcome, realised: Option<&str>| {
        let before = Spend { requests: Some(1000), advice: advice.clone(), ..spend("720", 720.0) };
        let new = new.map(|it| ("w", it)).into_iter().collect::<Vec<_>>();
        let found = between(&month(0, 720, &[("w", before)]), &month(720, 744, &new)).unwrap();
        let [promise] = found.promises.as_slice() else { panic!("{found:?}") };
        assert_eq!(promise.outcome, outcome, "{promise:?}");
        assert_eq!(promise.realised, realised.map(usd), "{promise:?}");
        assert_eq!(found.steps.sum(), Ok(found.difference));
        let done = found.steps.of(Step::Actions);
        assert_eq!(done.is_zero(), outcome != Outcome::Followed);
        found
    };
    let cheaper = Spend { requests: Some(1200), ..spend("372", 372.0) };
    let with = |gpu: &str, purchase| {
        let mut it = cheaper.clone();
        it.deployment.gpu = Some(gpu.to_owned());
        it.deployment.purchase = purchase;
        it
    };
    // The same GPU by the same way to buy: only the cost can show it.
    let schedule = advised("a-1", "switch", "500", Some(plan("A100 80GB PCIe", "payg_scheduled")));
    let found = check(&schedule, Some(cheaper.clone()), Outcome::Followed, Some("415.694444444"));
    assert_eq!(found.promises[0].avoided, Some(usd("67.047491040")));
    assert_eq!(found.steps.of(Step::Days), usd("24"));
    assert_eq!(found.steps.of(Step::Actions), usd("-372"));
    let dear = advised("a-1", "switch", "900", Some(plan("A100 80GB PCIe", "payg_scheduled")));
    check(&dear, Some(cheaper.clone()), Outcome::NotSeen, None);
    // Another GPU and serverless: both must show.
    let flex = advised("a-2", "switch", "10", Some(plan("L40S", "serverless_flex")));
    let both = with("L40S", PricingCategory::Serverless);
    check(&flex, Some(both.clone()), Outcome::Followed, Some("415.694444444"));
    check(&flex, Some(with("L40S", PricingCategory::Standard)), Outcome::NotSeen, None);
    check(&flex, Some(cheaper.clone()), Outcome::NotSeen, None);
    let repeated = Spend { advice: flex.clone(), ..both };
    let found = check(&flex, Some(repeated), Outcome::Open, None);
    assert_eq!(found.same_advice, ["w"]);
    check(&flex, None, Outcome::Ended, None);
    // A stop has no traffic left to count.
    let stop = advised("a-3", "stop", "730", None);
    let found = check(&stop, None, Outcome::Followed, Some("730"));
    assert_eq!(found.steps.of(Step::Actions), usd("-720"));
    check(&stop, Some(spend("74.4", 74.4)), Outcome::Followed, Some("657"));
    check(&stop, Some(spend("744", 744.0)), Outcome::NotSeen, None);
}

#[test]
fn findings_and_prices_stand_beside() {
    let found = |name: &str, cost: &str| Finding {
        workload: Some(name.to_owned()),
        finding: "idle".to_owned(),
        confirmed: false,
        cost: Some(usd(cost)),
    };
    let row = |price: &str| PriceRow { per_hour: usd(price), as_of: "2026-10-01".to_owned() };
    let prices = |all: &[(&str, &str)]| -> Option<BTreeMap<String, PriceRow>> {
        Some(all.iter().map(|(id, price)| ((*id).to_owned(), row(price))).collect())
    };
    let missing = Finding { finding: "data_missing".to_owned(), ..found("c", "9") };
    let mut old = month(0, 720, &[]);
    old.findings = vec![found("a", "1"), found("b", "2")];
    old.prices = prices(&[("x", "1.59"), ("y", "2"), ("gone", "3")]);
    let mut new = month(720, 744, &[]);
    new.findings = vec![found("b", "5"), found("c", "3"), found("c", "4"), missing];
    assert!(prices_moved(&old, &new).is_none());
    new.prices = prices(&[("x", "1.79"), ("y", "2"), ("here", "3")]);
    assert_eq!(findings_moved(&new, &old).unwrap(), [found("c", "7")]);
    assert_eq!(findings_moved(&old, &new).unwrap(), [found("a", "1")]);
    let moved = prices_moved(&old, &new).unwrap();
    assert_eq!(moved.len(), 1);
    assert_eq!((moved[0].old.per_hour, moved[0].new.per_hour), (usd("1.59"), usd("1.79")));
    assert_eq!(between(&old, &new).unwrap().steps, Steps::none(Currency::USD));
}

/// Any workload: costs to the last digit and below zero, hours of none, GPUs of two kinds.
fn any_spend() -> impl Strategy<Value = Spend> {
    let cost = prop::option::weighted(0.9, -10_i128.pow(20)..10_i128.pow(24));
    let hours = prop::option::weighted(0.9, prop_oneof![Just(0.0), 0.0..100_000.0]);
    let traffic = prop::option::of(0_u64..10_000_000);
    let bought = (0_usize..2, 0_usize..3, any::<bool>());
    let advice = (0_usize..4, 0_u8..3, 0_u64..5_000);
    (cost, hours, traffic, bought, advice).prop_map(|(cost, hours, requests, bought, advice)| {
        let gpu = ["A100 80GB PCIe", "L40S"][bought.0];
        let purchases =
            [PricingCategory::Standard, PricingCategory::Serverless, PricingCategory::Committed];
        let action = ["keep", "switch", "stop", "not_enough_data"][advice.0];
        let plan = if action == "switch" { Some(plan("L40S", "payg_fixed")) } else { None };
        let mut it = spend("0", 0.0);
        it.cost = cost.map(|it| Money::from_atto(it, Currency::USD));
        it.gpu_hours = hours;
        it.requests = requests;
        it.deployment.gpu = Some(gpu.to_owned());
        it.deployment.purchase = purchases[bought.1];
        it.deployment.mixed = bought.2;
        it.advice = advised(&format!("a-{}", advice.1), action, &advice.2.to_string(), plan);
        it
    })
}

fn any_month(start_h: i64) -> impl Strategy<Value = Month> {
    let all = prop::collection::btree_map("[a-d]", any_spend(), 0..5);
    (1_i64..=800, all)
        .prop_map(move |(hours, workloads)| Month { workloads, ..month(start_h, hours, &[]) })
}

proptest! {
    #[test]
    fn the_steps_add_up_to_the_last_digit(old in any_month(0), new in any_month(900)) {
        let found = between(&old, &new).unwrap();
        let cost = |month: &Month| {
            Money::sum(month.workloads.values().filter_map(|it| it.cost), Currency::USD).unwrap()
        };
        prop_assert_eq!((found.old, found.new), (cost(&old), cost(&new)));
        prop_assert_eq!(found.old.checked_add(found.difference), Ok(found.new));
        prop_assert_eq!(found.steps.sum(), Ok(found.difference));
        let mut sums = Steps::none(Currency::USD);
        for it in &found.workloads {
            prop_assert_eq!(it.steps.sum(), Ok(it.difference), "{}", it.name);
            sums = sums.plus(&it.steps).unwrap();
        }
        prop_assert_eq!(&sums, &found.steps);
        // Each workload of either month once; a promise for each advice to change something.
        let names = old.workloads.keys().chain(new.workloads.keys());
        let names = names.collect::<std::collections::BTreeSet<_>>().len();
        prop_assert_eq!(found.workloads.len(), names);
        let asked = old.workloads.values();
        let asked = asked.filter(|it| matches!(it.advice.action.as_str(), "switch" | "stop"));
        prop_assert_eq!(found.promises.len(), asked.count());
    }

    #[test]
    fn the_way_back_undoes_the_way(old in any_month(0), new in any_month(900)) {
        let (there, back) = (between(&old, &new).unwrap(), between(&new, &old).unwrap());
        let sum = there.steps.sum().unwrap().checked_add(back.steps.sum().unwrap()).unwrap();
        prop_assert!(sum.is_zero());
        let gone = |it: &Bridge| it.workloads.iter().map(|it| it.name.clone()).collect::<std::collections::BTreeSet<_>>();
        prop_assert_eq!(gone(&there), gone(&back));
    }

    #[test]
    fn equal_months_differ_by_nothing(it in any_month(0)) {
        let found = between(&it, &it).unwrap();
        prop_assert_eq!(found.steps, Steps::none(Currency::USD));
        prop_assert!(found.workloads.iter().all(|it| it.steps == Steps::none(Currency::USD)));
        prop_assert!(found.promises.iter().all(|it| it.outcome == Outcome::Open));
        prop_assert_eq!(found.same_advice.len(), it.workloads.len());
    }
}
