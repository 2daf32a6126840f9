//! Laws that hold for every text.

use proptest::prelude::*;

use super::super::*;
use super::{H100, needs};
use crate::deploy::check::{Check, Verdict, table};

/// Reading, checking and showing never panic, and no line is wider than a terminal.
fn whole_way(text: &str) -> Option<Vec<Check>> {
    let facts = match read(text) {
        Ok(facts) => facts,
        Err(error) => {
            assert!(!error.to_string().is_empty() && !error.hint().is_empty());
            return None;
        }
    };
    let checks = check(&facts, &needs());
    let table = table(&checks);
    assert!(table.lines().all(|it| it.chars().count() <= 80), "{table}");
    for it in &checks {
        let must_say = matches!(it.verdict, Verdict::Warn | Verdict::Fail);
        assert!(it.remedy.is_some() || !must_say, "{it:?}");
    }
    Some(checks)
}

/// A healthy host never fails because the end of its report is lost.
#[test]
fn a_cut_report_never_fails() {
    for (at, _) in H100.char_indices().step_by(7) {
        let Some(checks) = whole_way(&H100[..at]) else { continue };
        let wrong: Vec<_> = checks.iter().filter(|it| it.verdict == Verdict::Fail).collect();
        assert!(wrong.is_empty(), "cut at {at}: {wrong:?}");
    }
}

/// Nothing passes of which no line is there, but the name of the report.
#[test]
fn nothing_passes_unmeasured() {
    let checks = whole_way("== gpuadvise preflight 1\n== end\n").unwrap();
    let passed: Vec<_> = checks.iter().filter(|it| it.verdict == Verdict::Pass).collect();
    assert_eq!(passed.iter().map(|it| it.name).collect::<Vec<_>>(), ["report"]);
}

proptest! {
    #[test]
    fn any_text(text in "\\PC*") {
        whole_way(&text);
    }

    #[test]
    fn any_text_in_a_section(name in 0usize..16, body in "[-a-zA-Z0-9:,.%|/ \n\t\\[\\]]{0,300}") {
        let names = [
            "nvidia-smi -q", "nvidia-smi --query-gpu", "nvidia-smi --query-compute-apps",
            "nvidia-smi topo", "amd-smi", "rocm-smi", "host", "df -P -k /dev/shm", "kernel", "port",
            "environment", "docker", "weights", "df -P -k DIR", "disk read", "download",
        ];
        whole_way(&format!("== gpuadvise preflight 1\n== {}\n{body}\n== end\n", names[name]));
    }

    #[test]
    fn any_lines_of_a_report(keep in prop::collection::vec(any::<u8>(), 1..400)) {
        let lines: Vec<&str> = H100.lines().collect();
        let mut text = String::new();
        for (at, it) in keep.iter().enumerate() {
            let line = lines[(at * 7 + usize::from(*it)) % lines.len()];
            text.push_str(line);
            text.push('\n');
        }
        whole_way(&text);
    }

    #[test]
    fn any_number_in_a_report(number in any::<u64>(), nth in 0usize..600) {
        // Every number of the report in turn becomes another.
        let mut seen = 0;
        let mut text = String::new();
        let mut rest = H100;
        while let Some(at) = rest.find(|it: char| it.is_ascii_digit()) {
            let end = rest[at..].find(|it: char| !it.is_ascii_digit()).map_or(rest.len(), |it| at + it);
            text.push_str(&rest[..at]);
            seen += 1;
            if seen == nth { text.push_str(&number.to_string()) } else { text.push_str(&rest[at..end]) }
            rest = &rest[end..];
        }
        text.push_str(rest);
        whole_way(&text);
    }
}
