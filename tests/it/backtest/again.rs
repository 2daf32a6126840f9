//! A plan replayed on the demand it was made for is that plan.

use std::collections::BTreeSet;

use gpuadvise::recommend::{Described, Plan, Recommendation, Way, replay};
use gpuadvise::workload::Workload;

use super::HELIOS;
use super::data::{Client, Cluster, Half, Setting};
use super::ways::Shop;

/// Rented, reserved and spot at one provider, serverless at another.
const ALL_WAYS: Setting = Setting {
    provider: "verda",
    region: "FIN",
    gpu: "H100 SXM5",
    gpus: 1,
    serverless: Some("modal"),
    ttft_s: 300.0,
};
/// Rows of ten minutes in four weeks.
const ROWS: usize = 4 * 7 * 144;

/// The first half of a client, on two instances.
fn two_always_on(client: &Client, shop: &Shop) -> Workload {
    let hours = vec![2; client.n_hours(Half::First)];
    client.workload(Half::First, (&ALL_WAYS, &hours), &shop.catalog)
}

/// Office hours of every day: so many requests in ten minutes, fewer in the rest.
fn chat(busy: u64, quiet: u64) -> Client {
    let works = |row: usize| (48..114).contains(&(row % 144));
    let bins = (0..2 * ROWS).map(|row| (if works(row) { busy } else { quiet }, 1.0)).collect();
    Client::new("chat", bins)
}

fn advised(workload: &Workload, shop: &Shop) -> Recommendation {
    shop.advise(workload, &shop.describe(workload))
}

fn again(plan: &Plan, of: &Recommendation, workload: &Workload, shop: &Shop) -> Option<Plan> {
    let candidate = of.candidates.iter().find(|it| Some(&it.id) == plan.candidate_id.as_ref());
    let description = shop.describe(workload);
    replay(plan, candidate, Described::of(workload, &description), shop.context())
}

#[test]
fn a_plan_on_its_own_demand_is_itself() {
    let mut seen = BTreeSet::new();
    let mut check = |workload: &Workload, shop: &Shop| {
        let advised = advised(workload, shop);
        for plan in &advised.plans {
            let again = again(plan, &advised, workload, shop).unwrap();
            assert_eq!((&again.id, &again.scaling), (&plan.id, &plan.scaling));
            let (found, expected) = (again.monthly_cost.to_f64(), plan.monthly_cost.to_f64());
            // Their speed is that of the load itself, without the headroom it was chosen with.
            let moves = matches!(plan.way, Way::Spot | Way::PaygScheduled);
            let most = if moves { 0.01 * expected } else { 0.0 };
            assert!((found - expected).abs() <= most, "{}: {found} for {expected}", plan.id);
            if plan.scaling.policy != "fixed" && !moves {
                assert_eq!(again.attainment, plan.attainment, "{}", plan.id);
            }
            seen.insert(plan.way.as_word());
        }
    };
    let shop = Shop::new(&ALL_WAYS);
    for (busy, quiet) in [(60, 0), (900, 4)] {
        check(&two_always_on(&chat(busy, quiet), &shop), &shop);
    }
    let gpus = (0..24 * 60 * 40).map(|minute| [3, 20, 0, 64][minute / 300 % 4]).collect();
    let shop = Shop::new(&HELIOS);
    check(&Cluster::new("train", gpus).workload(Half::First, &HELIOS, &shop.catalog), &shop);
    let all = [
        "payg_autoscaled",
        "payg_fixed",
        "payg_following",
        "payg_scheduled",
        "reserved_12mo",
        "reserved_12mo_serverless",
        "serverless_flex",
        "spot_with_fallback",
        "today",
    ];
    for way in all {
        assert!(seen.contains(way), "no plan is {way}: {seen:?}");
    }
}

/// What is always on costs the same under any load, and a hundred times the load is too much for it.
#[test]
fn a_plan_on_other_demand_is_charged_for_it() {
    let shop = Shop::new(&ALL_WAYS);
    let of = |client: &Client| two_always_on(client, &shop);
    let (first, second) = (of(&chat(60, 6)), of(&chat(6_000, 600)));
    let advised = advised(&first, &shop);
    let plan = |way: &Way| advised.plans.iter().find(|it| it.way == *way && it.meets_slo).unwrap();
    let fixed = plan(&Way::PaygFixed);
    let busier = again(fixed, &advised, &second, &shop).unwrap();
    assert_eq!((busier.monthly_cost, busier.meets_slo), (fixed.monthly_cost, false));
    let elastic = plan(&Way::PaygAutoscaled);
    let busier = again(elastic, &advised, &second, &shop).unwrap();
    assert!(busier.monthly_cost > elastic.monthly_cost);
    let most = f64::from(elastic.scaling.ceiling()) * fixed.monthly_cost.to_f64()
        / f64::from(fixed.scaling.min);
    assert!(busier.monthly_cost.to_f64() <= most * 1.001, "{busier:?}");
}
