//! Laws of the sums on random months, end to end: what a report and a comparison of two show adds up
//! to the last digit, whatever the bill holds and whatever was decided.

use proptest::prelude::*;
use serde_json::Value;

use crate::support::Bench;

const HEADER: &str = "period_start,period_end,workload,provider,region,gpu,gpu_count,gpu_hours,\
effective_cost,requests,pricing_category,gpu_util";
const STATES: [&str; 4] = ["accepted", "rejected", "done", "snoozed\"\nuntil = \"2026-12-01"];

/// A workload of a month: millionths of a cent a day (a credit where negative), GPUs, what is measured
/// of its use, how it is bought, and what is decided about its advice.
#[derive(Clone, Debug)]
struct Job {
    name: String,
    cost: i64,
    gpus: u32,
    usage: &'static str,
    category: &'static str,
    decided: Option<&'static str>,
}

fn any_job() -> impl Strategy<Value = Job> {
    let cost = prop_oneof![8 => 1..900_000_000_000_i64, 1 => Just(0), 1 => -90_000_000..0_i64];
    // Nothing asked for and nothing active, nothing measured, active, asked for.
    let usage =
        prop_oneof![4 => Just("0,0.0"), 1 => prop::sample::select(vec![",", ",0.7", "480,0.3"])];
    let category = prop_oneof![
        4 => Just("Standard"),
        1 => prop::sample::select(vec!["Committed", "Dynamic"]),
    ];
    let decided = prop::option::weighted(0.8, prop::sample::select(STATES.to_vec()));
    ("[a-f]", cost, 1..9_u32, (usage, category), decided).prop_map(
        |(name, cost, gpus, (usage, category), decided)| {
            // Nobody's cost.
            let name = if name == "f" { String::new() } else { name };
            Job { name, cost, gpus, usage, category, decided }
        },
    )
}

fn any_month() -> impl Strategy<Value = (u32, Vec<Job>)> {
    (3..13_u32, prop::collection::vec(any_job(), 1..9)).prop_map(|(days, mut jobs)| {
        jobs.sort_by(|a, b| a.name.cmp(&b.name));
        jobs.dedup_by(|a, b| a.name == b.name);
        (days, jobs)
    })
}

fn usage(month: u32, (days, jobs): &(u32, Vec<Job>)) -> String {
    let mut rows = vec![HEADER.to_owned()];
    for day in 1..=*days {
        for job in jobs {
            let sign = if job.cost < 0 { "-" } else { "" };
            let cost = job.cost.unsigned_abs() + u64::from(day);
            let cost = format!("{sign}{}.{:08}", cost / 100_000_000, cost % 100_000_000);
            let (requests, util) = job.usage.split_once(',').unwrap();
            rows.push(format!(
                "2026-{month:02}-{day:02}T00:00:00Z,2026-{month:02}-{:02}T00:00:00Z,{},runpod,global,\
                 A100 80GB PCIe,{},{},{cost},{requests},{},{util}",
                day + 1,
                job.name,
                job.gpus,
                24 * job.gpus,
                job.category
            ));
        }
    }
    rows.join("\n") + "\n"
}

fn analyze(bench: &Bench, name: &str, words: &[&str]) -> Value {
    let (file, folder) = (format!("{name}.csv"), format!("report-{name}"));
    let all = [&["analyze", &file, "--format", "json", "--output", &folder], words].concat();
    let ran = bench.run(&all);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    serde_json::from_str(&ran.stdout).unwrap()
}

/// 10^-18 of an amount; nothing where it is not known.
fn atto(amount: &Value) -> Option<i128> {
    let (whole, fraction) = amount.as_str()?.split_once('.').unwrap();
    Some(format!("{whole}{fraction:0<18}").parse().unwrap())
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().map_or(&[], Vec::as_slice)
}

fn sum(all: &[Value], path: &str) -> i128 {
    all.iter().filter_map(|it| atto(it.pointer(path)?)).sum()
}

/// Every sum of a report.
fn adds_up(report: &Value) {
    let (totals, portfolio, all) =
        (&report["totals"], &report["portfolio"], list(report, "workloads"));
    let known = |it: &Value| atto(it).unwrap_or(0);
    let savings = known(&totals["monthly_savings"]);
    assert_eq!(sum(all, "/advice/monthly_savings"), savings);
    assert_eq!(known(&portfolio["monthly_savings"]), savings);
    let ranked = list(portfolio, "ranking").iter().map(|id| {
        let workload = all.iter().find(|it| it["advice"]["id"] == *id).unwrap();
        known(&workload["advice"]["monthly_savings"])
    });
    assert_eq!(ranked.sum::<i128>(), savings);
    let decided = &portfolio["savings_by_decision"];
    let of = |key: &str| known(&decided[key]);
    assert_eq!(of("identified"), savings);
    assert_eq!(["open", "approved", "rejected", "snoozed"].map(of).iter().sum::<i128>(), savings);
    assert_eq!(of("asked_for"), of("open") + of("approved"));
    assert_eq!(sum(list(portfolio, "plan"), "/monthly_savings"), of("asked_for"));
    let baseline = known(&totals["baseline_monthly_cost"]);
    assert_eq!(sum(all, "/baseline/monthly_cost"), baseline);
    assert_eq!(known(&totals["recommended_monthly_cost"]), baseline - savings);
    assert_eq!(of("monthly_cost_after"), baseline - of("asked_for"));
    for cost in ["effective_cost", "billed_cost"] {
        assert_eq!(sum(all, &format!("/baseline/{cost}")), known(&totals[cost]), "{cost}");
    }
    for workload in all {
        for plan in list(workload, "plans") {
            let parts = plan["cost_parts"].as_object().unwrap();
            let parts: i128 = parts.values().filter_map(atto).sum();
            assert_eq!(Some(parts), atto(&plan["monthly_cost"]), "{}", plan["id"]);
        }
        let (cost, wasted) =
            (atto(&workload["baseline"]["effective_cost"]), list(workload, "waste"));
        assert!(sum(wasted, "/cost") <= cost.unwrap_or(0).max(0), "{}", workload["name"]);
    }
    let waste = all.iter().chain([portfolio]).flat_map(|it| list(it, "waste")).cloned();
    let (missing, waste): (Vec<Value>, Vec<Value>) =
        waste.partition(|it| it["finding"] == "data_missing");
    let (confirmed, other): (Vec<Value>, Vec<Value>) =
        waste.into_iter().partition(|it| it["confirmed"] == true);
    assert_eq!(sum(&confirmed, "/cost"), known(&portfolio["confirmed_waste"]));
    assert_eq!(sum(&other, "/cost"), known(&portfolio["to_investigate"]));
    assert_eq!(sum(&missing, "/cost"), known(&portfolio["not_measured"]));
    let account = &report["reconciliation"];
    let parts: i128 = ["assigned", "unassigned", "excluded", "difference"]
        .map(|it| known(&account[it]))
        .iter()
        .sum();
    assert_eq!(parts, known(&account["billed_total"]));
}

/// Every sum of a comparison, and its ends against the reports compared.
fn bridges(found: &Value, old: &Value, new: &Value) {
    let known = |it: &Value| atto(it).unwrap_or(0);
    let steps =
        |it: &Value| it["steps"].as_object().unwrap().values().map(known).collect::<Vec<_>>();
    // What GPUs of no workload cost is a step of its own, which no workload has.
    let unclaimed = known(&found["steps"]["unclaimed"]);
    for (side, report) in [("old", old), ("new", new)] {
        let side = &found[side];
        assert_eq!(known(&side["effective_cost"]), known(&report["totals"]["effective_cost"]));
        let all = known(&side["effective_cost"]) + known(&side["unclaimed_cost"]);
        assert_eq!(known(&side["gpu_cost"]), all);
    }
    let ends = |key: &str| known(&found["new"][key]) - known(&found["old"][key]);
    assert_eq!(
        (known(&found["difference"]), unclaimed),
        (ends("gpu_cost"), ends("unclaimed_cost"))
    );
    assert_eq!(steps(found).iter().sum::<i128>(), known(&found["difference"]));
    let of_workloads: Vec<i128> = {
        let all = found["steps"].as_object().unwrap().iter();
        all.filter(|it| it.0 != "unclaimed").map(|it| known(it.1)).collect()
    };
    let mut sums = vec![0; of_workloads.len()];
    for it in list(found, "workloads") {
        assert_eq!(
            steps(it).iter().sum::<i128>(),
            known(&it["new_cost"]) - known(&it["old_cost"]),
            "{it}"
        );
        sums.iter_mut().zip(steps(it)).for_each(|(sum, step)| *sum += step);
    }
    assert_eq!(sums, of_workloads);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(12) })]

    #[test]
    fn reports_and_their_comparison_add_up(old in any_month(), new in any_month()) {
        let bench = Bench::new();
        bench.write("old.csv", usage(9, &old));
        bench.write("new.csv", usage(10, &new));
        let (before, after) = (analyze(&bench, "old", &[]), analyze(&bench, "new", &[]));
        adds_up(&before);
        adds_up(&after);
        let mut decisions = String::new();
        for job in &new.1 {
            let workload = list(&after, "workloads").iter().find(|it| it["name"] == job.name.as_str());
            if let (Some(state), Some(workload)) = (job.decided, workload) {
                decisions += &format!(
                    "[[decision]]\nadvice = {}\nworkload = \"{}\"\nstate = \"{state}\"\n",
                    workload["advice"]["id"], job.name
                );
            }
        }
        bench.write("decided.toml", decisions);
        adds_up(&analyze(&bench, "new", &["--decisions", "decided.toml"]));
        let ran = bench.run(&["diff", "report-old", "report-new", "--format", "json"]);
        prop_assert_eq!(ran.code, 0, "{}", ran.stderr);
        bridges(&serde_json::from_str(&ran.stdout).unwrap(), &before, &after);
    }
}
