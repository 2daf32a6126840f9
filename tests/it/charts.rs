//! `analyze --charts` writes every chart twice, under safe names, and nothing else changes.

use std::collections::BTreeSet;
use std::path::Path;

use crate::support::Bench;

fn names(folder: &Path) -> BTreeSet<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    entries.map(|it| it.unwrap().file_name().into_string().unwrap()).collect()
}

fn usage(workloads: &[&str]) -> String {
    let mut text = "period_start,workload,gpu,gpu_count,cost,requests\n".to_owned();
    for name in workloads {
        for hour in 0..24 {
            let requests = hour * 7 % 5;
            text += &format!("2026-10-01T{hour:02}:00:00Z,\"{name}\",L40S,1,1.09,{requests}\n");
        }
    }
    text
}

#[test]
fn every_chart_is_written_as_svg_and_png() {
    let bench = Bench::new();
    let long = "n".repeat(10_000);
    let all = ["../../etc/passwd", "..\\..\\etc\\passwd", "🚀", "日本", "a b", &long];
    let file = bench.write("usage.csv", usage(&all));
    std::fs::create_dir(bench.path("pictures")).unwrap();
    // Neither is ours: one by its name, one by its content.
    bench.write("pictures/notes.txt", "mine");
    bench.write("pictures/team-plans.png", "drawn by hand");
    let ran = bench.run(&["analyze", &file, "--charts", "pictures"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let found = names(&bench.path("pictures"));
    assert!(found.contains("notes.txt") && found.contains("team-plans.png"));
    let of = |end: &str| found.iter().filter(|it| it.ends_with(end)).count();
    assert_eq!((of(".svg"), of(".png")), (6 * 7 + 2, 6 * 7 + 2 + 1), "{found:?}");
    for slug in ["etc-passwd", "etc-passwd-2", "workload", "workload-2", "a-b"] {
        assert!(found.contains(&format!("{slug}-frontier.svg")), "{slug}: {found:?}");
    }
    assert!(!bench.path("../etc").exists());
    // A workload that is gone takes its charts with it.
    let file = bench.write("usage.csv", usage(&["a b"]));
    let ran = bench.run(&["analyze", &file, "--charts", "pictures"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let found = names(&bench.path("pictures"));
    assert_eq!(found.len(), 2 * (7 + 2) + 2, "{found:?}");
    assert!(found.contains("notes.txt") && found.contains("team-plans.png"));
}

#[test]
fn pictures_do_not_depend_on_threads() {
    let bench = Bench::new();
    let file = bench.write("usage.csv", usage(&["chat", "rag"]));
    for threads in ["1", "2"] {
        let ran = bench.run(&["analyze", &file, "--threads", threads, "--charts", threads]);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
    }
    let found = names(&bench.path("1"));
    assert_eq!(found, names(&bench.path("2")));
    for name in found {
        let read = |threads: &str| std::fs::read(bench.path(threads).join(&name)).unwrap();
        assert!(read("1") == read("2"), "{name}");
    }
}

#[test]
fn a_folder_that_cannot_be_written_is_an_output_error() {
    let bench = Bench::new();
    let file = bench.write("usage.csv", usage(&["chat"]));
    bench.write("taken", "x");
    let ran = bench.run(&["analyze", &file, "--charts", "taken"]);
    assert_eq!(ran.code, 8, "{}", ran.stderr);
}
