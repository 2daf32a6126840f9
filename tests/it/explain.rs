//! Numbers of the committed report explained on the command line.

use serde_json::Value;

use crate::support::{Bench, Ran, root};

fn report() -> String {
    root().join("reports/usage").display().to_string()
}

fn explain(words: &[&str]) -> Ran {
    Bench::new().run(&[&["explain", &report()], words].concat())
}

fn done(words: &[&str]) -> String {
    let ran = explain(words);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stderr.is_empty(), "{}", ran.stderr);
    ran.stdout
}

#[test]
fn an_advice_is_derived_down_to_its_rows() {
    insta::assert_snapshot!(done(&["S1"]));
}

#[test]
fn a_ticket_is_short() {
    let ticket = done(&["S1", "--format", "md"]);
    assert!(ticket.lines().count() <= 15, "{ticket}");
    insta::assert_snapshot!(ticket);
}

#[test]
fn a_number_is_derived_from_others() {
    insta::assert_snapshot!(done(&["totals.recommended_monthly_cost"]));
}

#[test]
fn one_subject_has_many_names() {
    let by_label = done(&["S1", "--format", "json"]);
    let found: Value = serde_json::from_str(&by_label).unwrap();
    let id = found["advice"]["id"].as_str().unwrap();
    assert_eq!(found["kind"], "advice");
    assert_eq!(done(&[id, "--format", "json"]), by_label);
    assert_eq!(done(&["s1", "--format", "json"]), by_label);
    let name = found["workload"].as_str().unwrap();
    let path = format!("workloads[{name}].advice");
    assert_eq!(done(&[&path, "--format", "json"]), by_label);
    let workload = done(&[name]);
    assert_eq!(done(&["workloads[0]"]), workload);
    let dotted = done(&["workloads.0.baseline.monthly_cost"]);
    assert_eq!(done(&[&format!("workloads[{name}].baseline.monthly_cost")]), dotted);
}

#[test]
fn json_has_every_number_raw() {
    let text = done(&["totals.recommended_monthly_cost", "--format", "json"]);
    let found: Value = serde_json::from_str(&text).unwrap();
    let file = std::fs::read_to_string(root().join("reports/usage/report.json")).unwrap();
    let report: Value = serde_json::from_str(&file).unwrap();
    let totals = &report["totals"];
    assert_eq!(found["value"], totals["recommended_monthly_cost"]);
    assert_eq!(found["number"]["check"], "agrees");
    let inputs = found["number"]["inputs"].as_array().unwrap();
    let inputs: Vec<_> =
        inputs.iter().map(|it| (it["path"].as_str().unwrap(), &it["value"])).collect();
    assert_eq!(
        inputs,
        [
            ("totals.baseline_monthly_cost", &totals["baseline_monthly_cost"]),
            ("totals.monthly_savings", &totals["monthly_savings"]),
        ]
    );
}

#[test]
fn a_changed_report_is_told() {
    let bench = Bench::new();
    let file = std::fs::read_to_string(root().join("reports/usage/report.json")).unwrap();
    let report: Value = serde_json::from_str(&file).unwrap();
    let savings = report["totals"]["monthly_savings"].as_str().unwrap();
    bench.write("report.json", file.replacen(savings, "99999.00", 1));
    let ran = bench.run(&["explain", "report.json", "totals.monthly_savings"]);
    assert_eq!(ran.code, 6, "{}", ran.stderr);
    assert!(ran.stdout.contains("DIFFERS"), "{}", ran.stdout);
    assert!(ran.stderr.contains("totals.monthly_savings"), "{}", ran.stderr);
}

#[test]
fn what_cannot_be_explained_is_said() {
    let check = |words: &[&str], code: i32, says: &str, hint: &str| {
        let ran = explain(words);
        let lines = |word: &str| ran.stderr.lines().filter(|it| it.starts_with(word)).count();
        assert_eq!((ran.code, lines("error: "), lines("hint: ")), (code, 1, 1), "{}", ran.stderr);
        assert!(ran.stderr.contains(says), "`{says}` is not in {}", ran.stderr);
        assert!(ran.stderr.contains(hint), "`{hint}` is not in {}", ran.stderr);
        assert!(ran.stdout.is_empty(), "{}", ran.stdout);
    };
    check(&["chat-prd"], 3, "has no `chat-prd`", "did you mean chat-prod");
    check(&["S99"], 3, "has no `S99`", "name a workload");
    check(
        &["totals.monthly_saving"],
        3,
        "has no `monthly_saving` in totals",
        "totals.monthly_savings",
    );
    check(&["workloads[chat-prd].name"], 3, "in workloads", "workloads[chat-prod]");
    check(&["S1", "--format", "csv"], 2, "explain has no CSV", "--format table, json or md");
    check(&["S1", "--format", "html"], 2, "explain has no HTML", "--format table, json or md");
    check(&["S1", "--redact"], 2, "explain cannot replace names", "analyze --redact");
    let bench = Bench::new();
    let old = r#"{"schema_version": "0.9", "workloads": []}"#;
    bench.write("old.json", old);
    let ran = bench.run(&["explain", "old.json", "S1"]);
    assert_eq!(ran.code, 3);
    let says = "its schema_version is 0.9, this program reads 1.0";
    assert!(ran.stderr.contains(says), "{}", ran.stderr);
}
