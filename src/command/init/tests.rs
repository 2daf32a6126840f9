//! What is written is a config, says no more than the data, and lacks values that a run refuses.

use std::path::Path;

use chrono_tz::Tz;
use clap::Parser;
use proptest::prelude::*;

use super::*;
use crate::cli::Cli;
use crate::workload::Workload;

/// A folder with files, read as `init` reads it.
struct Bench {
    folder: tempfile::TempDir,
    sources: Vec<Source>,
    catalog: Catalog,
}

impl Bench {
    fn new(files: &[(&str, &str)]) -> Bench {
        let folder = tempfile::tempdir().unwrap();
        let write = |(name, text): &(&str, &str)| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            Source::Path(path)
        };
        let sources = files.iter().map(write).collect();
        Bench { folder, sources, catalog: Catalog::embedded().unwrap() }
    }

    fn options() -> ReadOptions {
        let cut = WindowCut::default();
        ReadOptions {
            zone: Tz::UTC,
            max_rejected_percent: 1.0,
            cut,
            facts_will_do: false,
            aside: None,
            hashes: false,
        }
    }

    fn text(&self) -> String {
        let global = Cli::parse_from(["gpuadvise", "init", "x", "--quiet"]).global;
        let reading =
            reading::read(self.sources.clone(), &self.catalog, &Bench::options()).unwrap();
        let talk = Talk::new(&global);
        write::text(&draft(&reading, None, &self.catalog, (&global, talk)).unwrap())
    }

    fn workloads(&self, config: &Config) -> Vec<Workload> {
        let read = ingest::read(&self.sources, config, &self.catalog, &Bench::options()).unwrap();
        ingest::assemble(&read, config, &self.catalog).unwrap()
    }
}

fn usage(names: &[String]) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let header =
        ["period_start", "workload", "owner", "model", "gpu", "gpu_count", "cost", "requests"];
    writer.write_record(header).unwrap();
    for hour in 0..24 {
        for name in names {
            let start = format!("2026-10-01T{hour:02}:00:00Z");
            writer.write_record([&start, name, name, name, "L40S", "1", "1.09", "5"]).unwrap();
        }
    }
    String::from_utf8(writer.into_inner().unwrap()).unwrap()
}

fn parsed(text: &str) -> Config {
    ingest::parse_config(text, "gpuadvise.toml").unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// The lines that wait for their `#` to go, each with the header it stands under.
fn settings(text: &str) -> Vec<(String, String)> {
    let mut under = String::new();
    let mut found = Vec::new();
    for line in text.lines() {
        if line.starts_with('[') {
            line.clone_into(&mut under);
        }
        let is_key =
            |it: &str| !it.is_empty() && it.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if let Some(setting) = line.strip_prefix("# ")
            && setting.split_once(" = ").is_some_and(|(key, _)| is_key(key))
        {
            found.push((under.clone(), setting.to_owned()));
        }
    }
    found
}

#[test]
fn names_that_would_break_a_file_are_written_as_they_are() {
    let names =
        ["say \"hi\"", "two\nlines", "[x]", "# y", "a = b", "🚀 日本", "C:\\gpu", "'", "a.b"];
    let bench = Bench::new(&[("usage.csv", &usage(&names.map(str::to_owned)))]);
    let config = parsed(&bench.text());
    let mut expected = names.map(str::to_owned);
    expected.sort();
    assert_eq!(config.workloads.into_keys().collect::<Vec<_>>(), expected);
}

/// Names of every kind of character but NUL, which no text file has, and of those that mean
/// something in TOML.
const ODD: &str = "\\PC{1,12}|[^\0]{1,8}|[\"'\\\\\\[\\]#= .\n\r\t]{1,6}";

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn odd_names_are_written_as_they_are(names in prop::collection::vec(ODD, 1..4)) {
        let text = usage(&names);
        let bench = Bench::new(&[("usage.csv", &text)]);
        let config = parsed(&bench.text());
        let names = |it: &[Workload]| it.iter().map(|it| it.name.clone()).collect::<Vec<_>>();
        let before = bench.workloads(&Config::default());
        prop_assert_eq!(config.workloads.keys().cloned().collect::<Vec<_>>(), names(&before));
        let after = bench.workloads(&config);
        prop_assert_eq!(format!("{before:?}"), format!("{after:?}"));
    }
}

#[test]
fn every_inferred_line_can_be_held_on_to_and_every_blank_must_be_filled() {
    let text = usage(&["chat \"β\"".to_owned()]);
    let bench = Bench::new(&[("usage.csv", &text)]);
    let written = bench.text();
    let lines = settings(&written);
    assert!(
        lines.iter().any(|it| it.1.starts_with("gpu = \"L40S\"  # inferred from the usage table"))
    );
    assert!(lines.iter().any(|it| it.1.starts_with("service_time_s = 0.0")), "{written}");
    for (under, setting) in lines {
        let result = ingest::parse_config(&format!("{under}\n{setting}\n"), "gpuadvise.toml");
        let (_, value) = setting.split_once(" = ").unwrap();
        let is_blank = ["\"\"", "0.0", "0 "].iter().any(|it| value.starts_with(it));
        assert_eq!(result.is_err(), is_blank, "{setting}: {result:?}");
    }
}

#[test]
fn a_workload_on_held_values_is_the_same_workload() {
    let text = usage(&["chat".to_owned(), "rag".to_owned()]);
    let bench = Bench::new(&[("usage.csv", &text)]);
    let written = bench.text();
    let mut held = String::new();
    for line in written.lines() {
        match line.strip_prefix("# ") {
            Some(setting) if line.contains("  # inferred from the usage table") => held += setting,
            _ => held += line,
        }
        held.push('\n');
    }
    assert_ne!(held, written);
    let (before, after) = (bench.workloads(&Config::default()), bench.workloads(&parsed(&held)));
    assert_eq!(format!("{before:?}"), format!("{after:?}"));
}

#[test]
fn what_is_there_stays() {
    let bench = Bench::new(&[("usage.csv", "x"), ("gpuadvise.toml", "mine")]);
    let there = bench.folder.path().join("gpuadvise.toml");
    for output in [None, Some(there.as_path()), Some(bench.folder.path())] {
        let failure = target(output, &bench.sources).unwrap_err();
        assert_eq!(failure.status, ExitStatus::Output);
    }
    let free = bench.folder.path().join("other.toml");
    assert_eq!(
        target(Some(&free), &bench.sources).unwrap(),
        Target::File { path: free, is_found: false }
    );
    assert_eq!(target(Some(Path::new("-")), &bench.sources).unwrap(), Target::Stdout);
    let beside = Source::Path(Path::new("no-such-folder/bill.csv").to_owned());
    let found = target(None, &[Source::Stdin, beside]).unwrap();
    let path = PathBuf::from("no-such-folder/gpuadvise.toml");
    assert_eq!(found, Target::File { path, is_found: true });
}
