//! `decide` without a report, and `topo` as commands: answers by flags, by lines, and answers that are none.

use crate::support::{Bench, root};

const ANSWERS: [&str; 8] =
    ["--work", "real-time", "--model", "Qwen/Qwen3-14B", "--at-once", "20", "--hours", "6 bursts"];

#[test]
fn four_answers_lead_to_a_first_guess() {
    let bench = Bench::new();
    let by_flags = bench.run(&[&["decide"][..], &ANSWERS].concat());
    assert_eq!(by_flags.code, 0, "{}", by_flags.stderr);
    for part in [
        "1. real-time",
        "2. Qwen/Qwen3-14B",
        "3. 20 at once",
        "4. 6 hours a day, in bursts",
        "the rule of thumb says serverless",
        "a month",
    ] {
        assert!(by_flags.stdout.contains(part), "{part}: {}", by_flags.stdout);
    }
    let by_lines = bench.run_with_stdin(&["decide"], "real-time\nQwen/Qwen3-14B\n20\n6 bursts\n");
    assert_eq!(by_lines.stdout, by_flags.stdout);
    let json = bench.run(&[&["decide", "--format", "json"][..], &ANSWERS].concat());
    let json: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert!(
        json["deployments"].as_array().unwrap().len() > 1
            && json["ways"].as_array().unwrap().len() > 1
    );
}

#[test]
fn an_answer_that_is_none_names_the_others() {
    let bench = Bench::new();
    for (stdin, message) in [
        ("", "no answer to: 1. What runs?"),
        ("web\n", "one of real-time, batch, fine-tuning, training"),
        ("batch\nQwen/Qwen3-14C\n", "did you mean"),
        ("batch\nQwen/Qwen3-14B\nmany\n", "a whole number from 1"),
        ("batch\nQwen/Qwen3-14B\n4\n25\n", "hours from 0 to 24"),
    ] {
        let ran = bench.run_with_stdin(&["decide"], stdin);
        assert_eq!(ran.code, 2, "{stdin:?}: {}", ran.stderr);
        assert!(ran.stderr.contains(message), "{stdin:?}: {}", ran.stderr);
    }
}

#[test]
fn a_topology_is_told_in_words() {
    let bench = Bench::new();
    let file = root().join("tests/data/topologies/h100-cluster.txt");
    let file = file.to_str().unwrap();
    let ran = bench.run(&["topo", file]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(
        ran.stdout.contains("8 GPUs: all joined by NVLink through a switch (18 links each)"),
        "{}",
        ran.stdout
    );
    assert!(ran.stdout.lines().all(|it| it.chars().count() <= 80), "{}", ran.stdout);
    let text = std::fs::read_to_string(file).unwrap();
    let piped = bench.run_with_stdin(&["topo", "-", "--format", "json"], &text);
    let json: serde_json::Value = serde_json::from_str(&piped.stdout).unwrap();
    assert_eq!(json["verdict"]["gpus"].as_array().unwrap().len(), 8);
    let l40s = root().join("tests/data/topologies/smi-csv-l40s.txt");
    let _ = std::fs::read_to_string(l40s).unwrap();
    let cut: String = text.lines().take(4).collect::<Vec<_>>().join("\n");
    for (stdin, code) in [(cut.as_str(), 3), ("hello\n", 3)] {
        let ran = bench.run_with_stdin(&["topo", "-"], stdin);
        assert_eq!(ran.code, code, "{}", ran.stdout);
        assert!(ran.stderr.contains("hint:"), "{}", ran.stderr);
    }
}

/// Eight H100 with their name known: 1 GB by NVLink, as docs/topology.md says.
#[test]
fn an_all_reduce_has_a_time_where_the_gpu_is_known() {
    let bench = Bench::new();
    let matrix =
        std::fs::read_to_string(root().join("tests/data/topologies/h100-cluster.txt")).unwrap();
    let names: String =
        (0..8).map(|at| format!("GPU {at}: NVIDIA H100 80GB HBM3 (UUID: GPU-0)\n")).collect();
    let ran = bench.run_with_stdin(&["topo", "-"], &format!("{matrix}\n{names}"));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(
        ran.stdout.contains("all-reduce") && ran.stdout.contains("GB/s, measured"),
        "{}",
        ran.stdout
    );
}
