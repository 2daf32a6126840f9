//! `gpuadvise describe`: the statistics and the class of every workload's demand.

use std::fmt::Write;

use chrono_tz::Tz;
use rayon::prelude::*;
use serde_json::{Map, Value, json};

use super::failure::{ExitStatus, Failure};
use super::inputs::Inputs;
use super::talk::Talk;
use super::{CommandResult, output, patterns};
use crate::catalog::Catalog;
use crate::classify::{self, Features, HourlySeries, Waste};
use crate::cli::{Format, Global, InputArgs};
use crate::recommend;
use crate::workload::{Kind, Workload, WorkloadClass};

/// What is found out about a workload before any price.
pub(super) struct Description {
    pub(super) features: Features,
    pub(super) hourly: HourlySeries,
    pub(super) class: WorkloadClass,
    pub(super) waste: Vec<Waste>,
}

impl Description {
    pub(super) fn borrow<'a>(&'a self, workload: &'a Workload) -> recommend::Described<'a> {
        recommend::Described {
            workload,
            features: &self.features,
            hourly: &self.hourly,
            class: &self.class,
            waste: &self.waste,
        }
    }
}

/// Describes one workload.
pub(super) fn describe(workload: &Workload, catalog: &Catalog, zone: Tz) -> Description {
    let seen = workload.seen();
    let features = classify::features(&seen, zone);
    let hourly = classify::hourly(&seen, workload.seen_window(), zone);
    let bought = classify::bought(workload, &hourly, catalog);
    let class = classify::classify(
        workload,
        &features,
        &hourly,
        &catalog.assumptions.classify,
        bought.replica_busy_hours_per_day,
    );
    let waste = classify::waste(workload, zone, &catalog.assumptions);
    Description { features, hourly, class, waste }
}

pub(super) fn run(args: &InputArgs, global: &Global, talk: Talk) -> CommandResult {
    let inputs = Inputs::read(args, global, talk)?;
    let described: Vec<(&Workload, Description)> = inputs
        .workloads
        .par_iter()
        .map(|it| (it, describe(it, &inputs.catalog, inputs.zone)))
        .collect();
    let text = match global.format {
        Format::Json => as_json(&described, &inputs)?,
        Format::Csv => as_csv(&described),
        Format::Md => as_markdown(&described),
        Format::Table => as_table(&described),
        Format::Html => {
            return Err(Failure::usage(
                "describe has no HTML",
                "use --format table, json, csv or md, or run analyze for the page",
            ));
        }
    };
    output::to_file_or_stdout(global.output.as_deref(), text.as_bytes())?;
    Ok(ExitStatus::Done)
}

fn as_json(described: &[(&Workload, Description)], inputs: &Inputs) -> Result<String, Failure> {
    let rows: Vec<Value> = described
        .iter()
        .zip(patterns::of_all(described, inputs))
        .map(|((workload, it), patterns)| {
            json!({
                "workload": workload.name,
                "span_s": it.features.span_s,
                "n": it.features.n,
                "features": it.features.to_json(),
                "null_because": it.features.null_because(),
                "patterns": patterns,
                "class": {
                    "shape": it.class.shape,
                    "direction": it.class.direction,
                    "kind": it.class.kind,
                    "confidence": it.class.confidence,
                    "evidence": it.class.evidence,
                    "rule_of_thumb": it.class.rule_of_thumb,
                },
            })
        })
        .collect();
    let mut text = serde_json::to_string_pretty(&rows)
        .map_err(|error| Failure::new(ExitStatus::Bug, error))?;
    text.push('\n');
    Ok(text)
}

/// The numbers of a table, in this order.
const COLUMNS: [(&str, &str); 5] = [
    ("mean_rate", "RATE/S"),
    ("peak_to_mean_1h", "PEAK/H"),
    ("interarrival_cv", "CV"),
    ("active_hours_per_day", "ACTIVE"),
    ("busy_hours_per_day", "BUSY"),
];

fn number(features: &Map<String, Value>, key: &str) -> String {
    match features.get(key).and_then(Value::as_f64) {
        None => "-".to_owned(),
        Some(value) if value.abs() >= 1000.0 => format!("{value:.0}"),
        Some(value) if value.abs() >= 10.0 => format!("{value:.1}"),
        Some(value) => format!("{value:.3}"),
    }
}

fn what_it_is(class: &WorkloadClass) -> String {
    let kind = match class.kind {
        Kind::Training => "training",
        Kind::FineTuning => "fine-tuning",
        Kind::BatchInference => "batch",
        Kind::RealTimeInference => "real-time",
        Kind::Unknown => "use unknown",
    };
    format!("{}, {kind}", class.shape)
}

fn shortened(text: &str, width: usize) -> String {
    let clean: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if clean.chars().count() <= width {
        return clean;
    }
    clean.chars().take(width.saturating_sub(1)).chain(['…']).collect()
}

fn as_table(described: &[(&Workload, Description)]) -> String {
    let mut text = format!("{:<16} {:<22}", "WORKLOAD", "WHAT IT IS");
    for (_, header) in COLUMNS {
        // Writing to a String cannot fail, here and below.
        let _ = write!(text, " {header:>7}");
    }
    text.truncate(text.trim_end().len());
    text.push('\n');
    for (workload, it) in described {
        let (name, what) = (shortened(&workload.name, 16), shortened(&what_it_is(&it.class), 22));
        let _ = write!(text, "{name:<16} {what:<22}");
        let features = it.features.to_json();
        for (key, _) in COLUMNS {
            let _ = write!(text, " {:>7}", number(&features, key));
        }
        text.push('\n');
    }
    let legend = "RATE/S requests a second, PEAK/H peak over mean hour, CV of the gaps, ACTIVE and\n\
                  BUSY hours a day; all statistics with --format json\n";
    text.push_str(legend);
    text
}

fn as_csv(described: &[(&Workload, Description)]) -> String {
    let mut header = vec!["workload".to_owned(), "shape".to_owned(), "kind".to_owned()];
    header.extend(COLUMNS.iter().map(|(key, _)| (*key).to_owned()));
    let mut text = crate::report::csv_line(&header);
    for (workload, it) in described {
        let features = it.features.to_json();
        let mut cells = vec![
            workload.name.clone(),
            it.class.shape.to_string(),
            it.class.kind.as_str().to_owned(),
        ];
        cells.extend(COLUMNS.iter().map(|(key, _)| {
            features
                .get(*key)
                .filter(|it| !it.is_null())
                .map(ToString::to_string)
                .unwrap_or_default()
        }));
        text.push_str(&crate::report::csv_line(&cells));
    }
    text
}

fn as_markdown(described: &[(&Workload, Description)]) -> String {
    let mut text = String::from("| workload | what it is | evidence |\n| --- | --- | --- |\n");
    for (workload, it) in described {
        let escaped = |text: &str| {
            text.replace('\\', "\\\\")
                .replace('|', "\\|")
                .replace(['\n', '\r'], " ")
                .replace('<', "&lt;")
        };
        let _ = writeln!(
            text,
            "| {} | {} | {} |",
            escaped(&workload.name),
            what_it_is(&it.class),
            escaped(&it.class.evidence.join("; "))
        );
    }
    text
}
