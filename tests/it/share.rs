//! Two workloads that each need a part of an instance share one where that frees another.

use serde_json::Value;

use crate::support::Bench;

/// Two weeks of two workloads on eight GPUs each: in every hour `rag` gets 4 requests of ten minutes
/// and `chat` 7, which three and four GPUs serve in time.
fn usage(environments: [&str; 2]) -> String {
    let mut rows =
        "period_start,period_end,workload,environment,provider,region,gpu,gpu_count,gpu_hours,\
        effective_cost,requests\n"
            .to_owned();
    for hour in 0..(14 * 24) {
        let (day, of_day) = (hour / 24 + 1, hour % 24);
        for (name, n, environment) in [("rag", 4, environments[0]), ("chat", 7, environments[1])] {
            rows.push_str(&format!(
                "2026-10-{day:02}T{of_day:02}:00:00Z,2026-10-{day:02}T{of_day:02}:59:59.999999Z,{name},\
                 {environment},own,here,A100 80GB PCIe,8,8,13.12,{n}\n"
            ));
        }
    }
    rows
}

/// A price list of instances of these sizes, at so many cents an hour for each GPU.
fn offers(gpu: &str, cents: u32, sizes: &[u32]) -> String {
    let row = |gpus: &u32| {
        format!(
            "[[offer]]\ninstance_type = \"i{gpus}\"\ngpu = \"{gpu}\"\ngpu_count = {gpus}\nregion = \"here\"\n\
             purchase = \"payg\"\nprice_per_hour = \"{}.{:02}\"\nas_of = \"2026-10-01\"\nsource = \"a quote\"\n",
            gpus * cents / 100,
            gpus * cents % 100
        )
    };
    sizes.iter().map(row).collect()
}

/// The report of both workloads.
fn report(sizes: &[u32], environments: [&str; 2], rag: &str) -> (Bench, Value) {
    let bench = Bench::new();
    let file = bench.write("usage.csv", usage(environments));
    bench.write("pricing/offers/own.toml", offers("A100-80GB", 164, sizes));
    let of_each = "service_time_s = 600.0\nmax_num_seqs = 1\nkind = \"real_time_inference\"\n";
    bench.write(
        "gpuadvise.toml",
        format!(
            "[policy]\nproviders = [\"own\"]\n[workload.rag]\nowner = \"Search\"\n{of_each}{rag}\
             [workload.chat]\nowner = \"Product\"\n{of_each}"
        ),
    );
    let words = ["analyze", &file, "--format", "json", "--as-of", "2026-10-26"];
    let ran = bench.run(&[&words[..], &["--pricing", "pricing", "--output", "out"]].concat());
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let report = serde_json::from_str(&ran.stdout).unwrap();
    (bench, report)
}

/// A workload with the plan it is advised.
fn advised<'a>(report: &'a Value, name: &str) -> (&'a Value, Option<&'a Value>) {
    let workloads = report["workloads"].as_array().unwrap();
    let workload = workloads.iter().find(|it| it["name"] == name).unwrap();
    let plans = workload["plans"].as_array().unwrap();
    (workload, plans.iter().find(|it| it["id"] == workload["advice"]["plan_id"]))
}

fn amount(value: &Value) -> f64 {
    value.as_str().unwrap().parse().unwrap()
}

fn near(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-6, "{found}, not {expected}");
}

#[test]
fn an_instance_of_eight_is_shared_by_three_and_four() {
    let (bench, report) = report(&[8], ["prod", "prod"], "");
    let mut costs = 0.0;
    for (name, other, gpus, seats) in
        [("rag", "chat", 3, "rag 4-6"), ("chat", "rag", 4, "chat 0-3")]
    {
        let (workload, plan) = advised(&report, name);
        let (advice, plan) = (&workload["advice"], plan.unwrap());
        assert_eq!(advice["action"], "switch");
        assert_eq!(plan["purchase"], "shared");
        let label = plan["label"].as_str().unwrap();
        assert!(label.starts_with(&format!("shared: {gpus} of 8 GPUs of 1 x 8-GPU ")), "{label}");
        assert!(label.ends_with(&format!("own, with {other}")), "{label}");
        let parts = plan["cost_parts"].as_object().unwrap().values().filter(|it| !it.is_null());
        let parts: f64 = parts.map(amount).sum();
        assert!((parts - amount(&plan["monthly_cost"])).abs() < 1e-6);
        assert_eq!(plan["meets_slo"], true);
        assert_eq!(
            advice["together_with"],
            serde_json::json!([advised(&report, other).0["advice"]["id"]])
        );
        // Half of an instance each, for both cost the same apart.
        near(amount(&advice["monthly_savings"]), 4788.80);
        near(amount(&advice["interval"]["low"]), 4788.80);
        assert_eq!(advice["grade"], "C");
        let all = |key: &str| advice[key].to_string();
        assert!(all("reasons").contains("chat needs 4, rag needs 3"), "{}", all("reasons"));
        assert!(all("reasons").contains("alone it saves 0.00 USD a month"), "{}", all("reasons"));
        assert!(all("steps").contains(seats), "{}", all("steps"));
        assert!(all("steps").contains("who owns"), "{}", all("steps"));
        assert!(all("wrong_if").contains("takes down chat and rag at once"), "{}", all("wrong_if"));
        assert!(all("shocks").contains("demand_down"), "{}", all("shocks"));
        costs += amount(&plan["monthly_cost"]);
    }
    near(costs, 9577.60);
    near(amount(&report["totals"]["monthly_savings"]), 9577.60);
    // Each number of the shared plans is explained, and computed again.
    for name in ["rag", "chat"] {
        let ran = bench.run(&["explain", "out/report.json", name]);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        assert!(ran.stdout.contains("shared: "), "{}", ran.stdout);
    }
}

#[test]
fn what_saves_nothing_or_must_stay_apart_is_not_shared() {
    let check = |sizes: &[u32], environments, rag: &str| {
        let (_, report) = report(sizes, environments, rag);
        for name in ["rag", "chat"] {
            let (workload, plan) = advised(&report, name);
            assert_eq!(workload["advice"]["together_with"], serde_json::json!([]));
            assert!(plan.is_none_or(|it| it["purchase"] != "shared"), "{sizes:?} {rag}");
        }
    };
    // Two of two for each cost as much as one of eight for both.
    check(&[2, 8], ["prod", "prod"], "");
    check(&[8], ["prod", "test"], "");
    check(&[8], ["prod", "prod"], "purpose = \"critical\"\n");
    check(&[8], ["prod", "prod"], "[workload.rag.future]\nfreeze = 2027-06-01\n");
}

/// Two weeks of two workloads with a model, on eight GPUs each.
fn with_model(requests: u32) -> Value {
    let bench = Bench::new();
    let mut rows =
        "period_start,period_end,workload,provider,region,gpu,gpu_count,gpu_hours,effective_cost,\
        requests,prompt_tokens,completion_tokens,model\n"
            .to_owned();
    for hour in 0..(14 * 24) {
        let (day, of_day) = (hour / 24 + 1, hour % 24);
        for name in ["rag", "chat"] {
            rows.push_str(&format!(
                "2026-10-{day:02}T{of_day:02}:00:00Z,2026-10-{day:02}T{of_day:02}:59:59.999999Z,{name},own,here,\
                 H100 SXM5,8,8,20.00,{requests},{},{},meta-llama/Llama-3.1-70B-Instruct\n",
                requests * 700,
                requests * 150
            ));
        }
    }
    let file = bench.write("usage.csv", rows);
    bench.write("pricing/offers/own.toml", offers("H100-SXM-80GB", 250, &[8]));
    bench.write("gpuadvise.toml", "[policy]\nproviders = [\"own\"]\n");
    let words = ["analyze", &file, "--format", "json", "--as-of", "2026-10-26"];
    let ran = bench.run(&[&words[..], &["--pricing", "pricing", "--output", "out"]].concat());
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    serde_json::from_str(&ran.stdout).unwrap()
}

#[test]
fn a_lower_precision_that_frees_no_instance_is_not_advised() {
    let report = with_model(300);
    for name in ["rag", "chat"] {
        let plan = advised(&report, name).1.unwrap();
        assert_eq!(plan["purchase"], "shared");
        assert_eq!(plan["precision"], "bf16", "{}", plan["label"]);
    }
}
