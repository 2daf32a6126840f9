//! Commitments over all workloads, end to end: pooled demand, what is held, no double claim, the same
//! numbers in every format.

use serde_json::Value;

use crate::support::{Bench, Ran};

const HEADER: &str = "period_start,period_end,workload,provider,region,gpu,gpu_count,gpu_hours,\
effective_cost,gpu_util";

/// Four weeks from Monday 2026-10-05: a job by day, one by night, one all the time, a GPU each.
fn usage() -> String {
    let mut rows = vec![HEADER.to_owned()];
    for hour in 0..(28 * 24) {
        let (day, of_day) = (hour / 24, hour % 24);
        let date = format!("2026-{:02}-{:02}", 10 + (day + 4) / 31, (day + 4) % 31 + 1);
        let half = if of_day < 12 { "by-day" } else { "by-night" };
        for name in [half, "always"] {
            rows.push(format!(
                "{date}T{of_day:02}:00:00Z,{date}T{of_day:02}:59:59.999999Z,{name},gcp,us-central1,\
                 A100 80GB SXM4,1,1,5.07,0.95"
            ));
        }
    }
    rows.join("\n") + "\n"
}

const HELD: &str = "[[commitment]]\nid = \"deal-7\"\nprovider = \"gcp\"\nregion = \"us-central1\"\n\
gpu = \"A100 80GB SXM4\"\ninstances = 1\nrate_per_hour = \"4.00\"\nstart = \"2026-06-01\"\n\
end = \"2026-12-01\"\n";

fn analyze(config: &str, format: &str, words: &[&str]) -> Ran {
    let bench = Bench::new();
    let file = bench.write("usage.csv", usage());
    let kinds = ["by-day", "by-night", "always"]
        .map(|it| format!("[workload.{it}]\nkind = \"training\"\n"))
        .concat();
    bench.write("gpuadvise.toml", kinds + config);
    let all = ["analyze", &file, "--format", format, "--as-of", "2026-11-02"];
    bench.run(&[&all, words].concat())
}

fn text(config: &str, format: &str) -> String {
    let ran = analyze(config, format, &[]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    ran.stdout
}

fn json(config: &str) -> Value {
    serde_json::from_str(&text(config, "json")).unwrap()
}

fn case(report: &Value, months: u64) -> &Value {
    let all = report["commitments"].as_array().unwrap();
    all.iter().find(|it| it["term_months"] == months).unwrap()
}

fn usd(value: &Value) -> f64 {
    value.as_str().unwrap().parse().unwrap()
}

/// By day and by night none of the two is worth a year; together they are an instance all the time.
#[test]
fn pooled_demand_is_committed_and_nothing_is_claimed_twice() {
    let report = json("");
    let year = case(&report, 12);
    assert_eq!(year["workloads"], serde_json::json!(["always", "by-day", "by-night"]));
    assert_eq!(
        (&year["stable_n"], &year["chosen_n"], &year["optimal_n"]),
        (&2.into(), &2.into(), &2.into())
    );
    // (5.07 - 4.199690411) x 730 h for each.
    let each = (5.07 - 4.199_690_411) * 730.0;
    assert!((usd(&year["monthly_savings"]) - 2.0 * each).abs() < 1e-6, "{year}");
    assert!((usd(&year["included_in_advice"]) - each).abs() < 1e-2, "{year}");
    let parts = usd(&year["included_in_advice"]) + usd(&year["beyond_advice"]);
    assert!((parts - usd(&year["monthly_savings"])).abs() < 1e-6);
    assert!((usd(&report["totals"]["monthly_savings"]) - each).abs() < 1e-2);
    assert_eq!((&year["best"], &year["end"]), (&true.into(), &"2027-11-02".into()));
    assert_eq!(case(&report, 36)["allowed"], false);
    let curve = year["curve"].as_array().unwrap();
    let numbers: Vec<u64> = curve.iter().map(|it| it["n"].as_u64().unwrap()).collect();
    assert_eq!(numbers, [0, 1, 2]);
    for it in curve {
        let parts = ["committed_used", "committed_unused", "by_use"].map(|key| usd(&it[key]));
        assert!((parts.iter().sum::<f64>() - usd(&it["monthly_cost"])).abs() < 1e-6, "{it}");
        assert!(usd(&it["low"]) <= usd(&it["monthly_savings"]), "{it}");
    }
}

/// What runs already is reserved without a trial, and the term runs from the day on which it saves.
#[test]
fn a_term_is_signed_when_it_saves() {
    let report = json("");
    let all = report["workloads"].as_array().unwrap();
    let it = &all.iter().find(|it| it["name"] == "always").unwrap()["advice"];
    let steps: Vec<&str> =
        it["steps"].as_array().unwrap().iter().map(|it| it.as_str().unwrap()).collect();
    assert!(
        steps
            .last()
            .unwrap()
            .starts_with("Confirm the price, then reserve 1 instance for 12 months"),
        "{steps:?}"
    );
    assert!(steps.iter().all(|it| !it.contains("traffic") && !it.contains("one job")), "{steps:?}");
    let (from, end) = (it["live"]["from"].as_str(), it["commitment"]["end"].as_str());
    assert_eq!(from.map(|it| it.replace("2026", "2027")).as_deref(), end, "{it}");
}

#[test]
fn what_is_held_comes_off_the_demand() {
    let report = json(HELD);
    let year = case(&report, 12);
    assert_eq!((&year["chosen_n"], &year["held_instances"]), (&1.into(), &1.into()));
    let held = &report["held_commitments"][0];
    assert_eq!((&held["id"], &held["utilization"]), (&"deal-7".into(), &1.0.into()));
    assert_eq!((&held["stranded_cost"], &held["ends_within_term"]), (&"0.00".into(), &true.into()));
    // 29 days at 4.00 are left.
    assert_eq!(held["liability"], "2784.00");
    // Elsewhere nothing asks for it.
    let report = json(&HELD.replace("us-central1", "europe-west4"));
    let held = &report["held_commitments"][0];
    assert_eq!(held["utilization"], 0.0);
    // 672 hours at 4.00, less the microsecond that the last row leaves out.
    assert!((usd(&held["stranded_cost"]) - 2688.0).abs() < 1e-6, "{held}");
    assert_eq!(case(&report, 12)["chosen_n"], 2);
}

/// Two held instances carry all there is: nobody is sold a third, and the advice says why.
#[test]
fn what_is_held_is_not_sold_again() {
    let report = json(&HELD.replace("instances = 1", "instances = 2"));
    assert_eq!(report["totals"]["monthly_savings"], "0.00");
    let always = &report["workloads"].as_array().unwrap()[0];
    assert_eq!((&always["name"], &always["advice"]["action"]), (&"always".into(), &"keep".into()));
    let reasons = always["advice"]["reasons"].to_string();
    assert!(reasons.contains("deal-7 held already: no further commitment"), "{reasons}");
    // Over, it keeps nobody from the next.
    let over = HELD.replace("2026-12-01", "2026-10-30").replace("2026-06-01", "2026-05-01");
    assert_ne!(json(&over)["totals"]["monthly_savings"], "0.00");
}

/// Each number that is asked about gets its own sentence, and a term that may not be bought says so.
#[test]
fn every_commitment_asked_about_is_judged() {
    let asked = |words: &[&str]| {
        let ran = analyze("", "json", words);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        let report: Value = serde_json::from_str(&ran.stdout).unwrap();
        report["notices"].to_string()
    };
    let of = |n: u32| format!("gcp/a2-ultragpu-1g/{n}");
    let said = asked(&["--commitment", &of(1), "--commitment", &of(3)]);
    assert!(
        said.contains("for 12 months saves 635.32") || said.contains("for 12 months saves 635.33"),
        "{said}"
    );
    assert!(said.contains("would not pay") || said.contains("67 % of it in use"), "{said}");
    assert!(
        said.contains("longer than the 12 months that policy.max_term_months allows"),
        "{said}"
    );
    let said = asked(&["--commitment", "gcp/a2-ultragpu-1/1"]);
    assert!(
        said.contains("no price list has a2-ultragpu-1 of gcp (near are a2-ultragpu-1g"),
        "{said}"
    );
}

#[test]
fn the_settings_of_the_policy_count() {
    let policy = "[policy]\nmax_term_months = 36\nmax_expiring_share_per_quarter = 0.5\nrisk = 0\n";
    let report = json(policy);
    let long = case(&report, 36);
    assert_eq!((&long["best"], &long["risk_setting"]), (&true.into(), &0.0.into()));
    let tranches = long["ladder"]["tranches"].as_array().unwrap();
    let bought: Vec<&Value> = tranches.iter().map(|it| &it["bought"]).collect();
    assert_eq!(bought, [&Value::from("2026-11"), &Value::from("2028-05")]);
    // Between the two purchases one of two saves nothing for 18 months.
    let curve = long["curve"].as_array().unwrap();
    let missed = usd(&curve[2]["monthly_savings"]) - usd(&curve[1]["monthly_savings"]);
    assert!((usd(&long["ladder"]["waiting_cost"]) - 18.0 * missed).abs() < 1e-6, "{long}");
}

#[test]
fn every_format_shows_the_same_numbers() {
    for (format, saving, owed) in [
        ("table", "1,270.65", "2,784.00"),
        ("md", "1\u{202f}270.65", "2\u{202f}784.00"),
        ("html", "1\u{202f}270.65", "2\u{202f}784.00"),
    ] {
        let pooled = text("", format);
        assert!(pooled.contains(saving), "{format}: {pooled}");
        let held = text(HELD, format);
        assert!(held.contains(owed), "{format}: {held}");
    }
}

#[test]
fn a_redacted_report_names_no_commitment() {
    let ran = analyze(HELD, "json", &["--redact"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stdout.contains("\"id\": \"commitment-"), "{}", ran.stdout);
    assert!(!(ran.stdout + &ran.stderr).contains("deal-7"));
}

#[test]
fn a_bad_commitment_names_its_line() {
    let ran = analyze(&HELD.replace("instances = 1", "instances = 0"), "table", &[]);
    assert_eq!(ran.code, 3);
    assert!(ran.stderr.contains("gpuadvise.toml:7: commitment `deal-7`"), "{}", ran.stderr);
}

/// A forgotten GPU, four weeks of it.
fn forgotten() -> String {
    let hours = usage().replace(",always,", ",forgotten,").replace(",0.95", ",0.0");
    let is_it = |it: &&str| it.contains(",forgotten,") || it.starts_with("period_start");
    hours.lines().filter(is_it).map(|it| it.to_owned() + "\n").collect()
}

/// What would be bought for a GPU that is to be stopped is unused after that; where the stop is
/// rejected the GPU goes on, and what is held for it is used.
#[test]
fn what_is_rejected_does_not_count_as_followed() {
    let bench = Bench::new();
    let file = bench.write("usage.csv", forgotten());
    let run = || -> Value {
        let ran = bench.run(&["analyze", &file, "--format", "json", "--as-of", "2026-11-02"]);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        serde_json::from_str(&ran.stdout).unwrap()
    };
    let report = run();
    let first = &report["committed_first"][0];
    assert_eq!((&first["used_today"], &first["used_after"]), (&1.0.into(), &0.0.into()), "{first}");
    let year = 4.199_690_411 * 730.0;
    assert!((usd(&first["monthly_unused_after"]) - year).abs() < 1e-6, "{first}");
    assert!((usd(&first["monthly_savings_today"]) - (5.07 * 730.0 - year)).abs() < 1e-6);
    bench.write("gpuadvise.toml", HELD);
    let used = |report: &Value| report["held_commitments"][0]["utilization"].as_f64();
    let today = |report: &Value| report["held_commitments"][0]["utilization_today"].as_f64();
    let report = run();
    assert_eq!((today(&report), used(&report)), (Some(1.0), Some(0.0)));
    let told = bench.run(&["analyze", &file, "--as-of", "2026-11-02"]).stdout;
    let told = told.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(told.contains("used 100 % today, 0 % after the advice"), "{told}");
    let id = report["workloads"][0]["advice"]["id"].as_str().unwrap();
    let decision = |state: &str| {
        format!("[[decision]]\nadvice = \"{id}\"\nworkload = \"forgotten\"\n{state}\n")
    };
    for (state, share) in [
        ("state = \"rejected\"", 1.0),
        ("state = \"snoozed\"\nuntil = 2026-12-01", 1.0),
        ("state = \"snoozed\"\nuntil = 2026-11-01", 0.0),
        ("state = \"accepted\"", 0.0),
    ] {
        bench.write("decisions.toml", decision(state));
        let report = run();
        assert_eq!(used(&report), Some(share), "{state}: {}", report["held_commitments"]);
        let is_empty = report["committed_first"].as_array().unwrap().is_empty();
        assert!(is_empty, "{state}: {}", report["committed_first"]);
    }
}

/// The job that runs all the time is to commit. Where that is rejected only the two others are left to commit
/// together, and what was rejected is not in it; where it is put off or ends, they are not kept from it either.
#[test]
fn one_that_does_not_commit_keeps_nobody_else_from_it() {
    let bench = Bench::new();
    let file = bench.write("usage.csv", usage());
    let kinds = ["by-day", "by-night", "always"]
        .map(|it| format!("[workload.{it}]\nkind = \"training\"\n"))
        .concat();
    bench.write("gpuadvise.toml", &kinds);
    let run = || -> Value {
        let ran = bench.run(&["analyze", &file, "--format", "json", "--as-of", "2026-11-02"]);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        serde_json::from_str(&ran.stdout).unwrap()
    };
    let told = |report: &Value| {
        let it = case(report, 12);
        let names = it["workloads"].as_array().unwrap().len();
        let without = it["without"].as_array().unwrap().iter().map(|it| it.as_str().unwrap());
        let without = without.collect::<Vec<_>>().join("; ");
        (it["best"] == true, it["chosen_n"].as_u64().unwrap(), names, without)
    };
    let report = run();
    assert_eq!(told(&report), (true, 2, 3, String::new()));
    let all = report["workloads"].as_array().unwrap().iter();
    let advice = all.clone().find(|it| it["name"] == "always").unwrap()["advice"].clone();
    let decide = |state: &str| {
        let id = advice["id"].as_str().unwrap();
        let decision = format!("[[decision]]\nadvice = \"{id}\"\nworkload = \"always\"\n{state}\n");
        bench.write("decisions.toml", decision);
        let report = run();
        assert_eq!(case(&report, 12)["included_in_advice"], "0.00");
        told(&report)
    };
    let without = |why: &str| (true, 1, 2, format!("always, which {why}"));
    assert_eq!(decide("state = \"rejected\""), without("is not to commit, as was decided"));
    let snoozed = decide("state = \"snoozed\"\nuntil = 2027-03-02");
    assert_eq!(snoozed, without("is asked about again in 4 months"));
    bench.write("decisions.toml", "");
    bench.write("gpuadvise.toml", kinds + "[workload.always.future]\nends = 2027-02-01\n");
    assert_eq!(told(&run()), without("ends on 1 Feb 2027"));
}
