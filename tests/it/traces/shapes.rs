//! The shape that a person gave to 60 series by eye, against the rules.
//!
//! Half of them set the thresholds in `pricing/assumptions.toml`; the other half was compared once the
//! thresholds stood.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use super::{convert, converted, describe};
use crate::support::{Bench, reference};

/// A row of `tests/data/shape_labels.csv`.
struct Label {
    trace: String,
    series: String,
    shape: String,
    /// What it could also be called.
    second: String,
    held_out: bool,
    reason: String,
}

fn labels() -> Vec<Label> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/shape_labels.csv");
    let mut reader = csv::Reader::from_path(path).unwrap();
    let label = |row: csv::StringRecord| Label {
        trace: row[0].to_owned(),
        series: row[1].to_owned(),
        shape: row[2].to_owned(),
        second: row[3].to_owned(),
        held_out: &row[6] == "held_out",
        reason: row[7].to_owned(),
    };
    reader.records().map(|row| label(row.unwrap())).collect()
}

/// CPU time of `CloudWatch` in percent, as the share of time that a GPU was active.
fn activity(folder: &Path, names: &[String]) -> String {
    let table = convert::cloudwatch(folder, names, false);
    let mut lines = table.lines();
    let header = lines.next().unwrap().replace("gpu_count", "gpu_util");
    let rows = lines.map(|line| {
        let (row, percent) = line.rsplit_once(',').unwrap();
        format!("{row},{}\n", percent.parse::<f64>().unwrap() / 100.0)
    });
    [header + "\n"].into_iter().chain(rows).collect()
}

/// What we say of every labelled series of a trace.
fn described(traces: &Path, trace: &str, names: &[String]) -> BTreeMap<String, Value> {
    let bench = Bench::new();
    let is_share = |it: &&String| it.contains("cpu_utilization");
    let (shares, others): (Vec<&String>, Vec<&String>) = names.iter().partition(is_share);
    let own = |it: Vec<&String>| it.into_iter().cloned().collect::<Vec<String>>();
    let mut texts = converted(traces, trace, &own(others));
    if !shares.is_empty() {
        texts.push(activity(&traces.join(trace), &own(shares)));
    }
    let mut ours = BTreeMap::new();
    for (at, text) in texts.into_iter().enumerate() {
        ours.extend(describe(&bench, &bench.write(&format!("{trace}{at}.csv"), text)));
    }
    ours
}

#[test]
fn shapes_agree_with_what_a_person_saw() {
    let Some(folder) = reference() else { return };
    let traces = folder.join("traces");
    let labels = labels();
    let mut names: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for it in &labels {
        names.entry(&it.trace).or_default().push(it.series.clone());
    }
    let ours: BTreeMap<&str, BTreeMap<String, Value>> =
        names.iter().map(|(trace, names)| (*trace, described(&traces, trace, names))).collect();
    for (half, held_out, least) in [("thresholds", false, 30), ("held out", true, 27)] {
        let (mut agree, mut second) = (0, 0);
        let half_labels: Vec<&Label> = labels.iter().filter(|it| it.held_out == held_out).collect();
        for it in &half_labels {
            let class = &ours[it.trace.as_str()][&it.series]["class"];
            let shape = class["shape"].as_str().unwrap();
            agree += i32::from(shape == it.shape);
            second += i32::from(shape == it.second);
            if shape != it.shape {
                let evidence = &class["evidence"][0];
                eprintln!(
                    "  {half}: {} {} is {} ({}) to a person, {shape} to the rules ({evidence}): {}",
                    it.trace, it.series, it.shape, it.second, it.reason
                );
            }
        }
        let n = half_labels.len();
        eprintln!("{half}: {agree} of {n} agree, {second} more have the person's second choice");
        assert_eq!(n, 30, "{half}");
        assert!(agree >= least, "{half}: {agree} of {n} agree");
    }
}
