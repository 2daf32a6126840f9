//! A host held against a launch plan, from what was collected on it.

use crate::support::{Bench, root};

fn paths() -> (String, String) {
    let host = root().join("tests/data/hosts/report-h100.txt");
    (root().join("reports/usage").display().to_string(), host.display().to_string())
}

/// Two healthy H100: what the plan for H100 asks is there, what the plan for L40S asks is not.
#[test]
fn a_host_is_right_for_one_plan_and_not_for_another() {
    let bench = Bench::new();
    let (report, host) = paths();
    for (workload, gpu) in [("office-assistant", "pass"), ("chat-prod", "fail")] {
        let words =
            ["preflight", &report, workload, "--checkpoint", "acme/m-w4a16", "--from", &host];
        let ran = bench.run(&words);
        assert!(ran.stdout.lines().all(|it| it.chars().count() <= 80), "{}", ran.stdout);
        let json = bench.run(&[&words[..], &["--format", "json"]].concat());
        let checks: Vec<serde_json::Value> = serde_json::from_str(&json.stdout).unwrap();
        let of = |name: &str| {
            let found = checks.iter().find(|it| it["name"] == name);
            found.unwrap_or_else(|| panic!("no {name}: {}", ran.stdout))["verdict"].clone()
        };
        assert_eq!(of("GPUs"), gpu, "{workload}: {}", ran.stdout);
        assert_eq!(of("driver"), "pass", "{workload}: {}", ran.stdout);
        let failed = checks.iter().any(|it| it["verdict"] == "fail");
        assert_eq!(ran.code, if failed { 7 } else { 0 }, "{}", ran.stderr);
    }
}

#[test]
fn what_is_no_host_says_so() {
    let bench = Bench::new();
    let (report, host) = paths();
    let ran = bench.run(&["preflight", "--script"]);
    assert!(ran.stdout.starts_with("#!/bin/sh") && ran.code == 0);
    let text = std::fs::read_to_string(host).unwrap();
    let newer = text.replacen("gpuadvise preflight 1", "gpuadvise preflight 9", 1);
    for (stdin, message) in [("hello\n", "hint:"), (newer.as_str(), "hint:")] {
        let ran = bench.run_with_stdin(&["preflight", &report, "chat-prod", "--from", "-"], stdin);
        assert_eq!(ran.code, 3, "{}", ran.stdout);
        assert!(ran.stderr.contains(message), "{}", ran.stderr);
    }
    let ran = bench.run(&["preflight", &report, "img-gen", "--from", "-"]);
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    assert!(ran.stderr.contains("--image"), "{}", ran.stderr);
}
