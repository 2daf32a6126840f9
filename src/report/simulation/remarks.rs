//! What is said below the numbers, in every format for people.

use super::{PlatformUsed, Simulated, SimulatedRun, SimulationReport};
use crate::report::plain;
use crate::report::words::capitalized;

/// What was taken from the platform, and what was assumed.
pub(super) fn remarks(report: &SimulationReport<'_>) -> Vec<String> {
    let mut lines = Vec::new();
    let n_seeds = report.rows.iter().flat_map(|it| &it.runs).map(Vec::len).max().unwrap_or(0);
    if n_seeds > 1 {
        let brackets = if report.rows.len() == 1 {
            "; in brackets the least and the most of them"
        } else {
            ""
        };
        lines.push(format!("Means over {n_seeds} seeds, from seed {} on{brackets}.", report.seed));
    }
    if let Some(it) = report.platform {
        let taken: Vec<String> =
            it.taken.iter().map(|(what, value)| format!("{what} {value}")).collect();
        if taken.is_empty() {
            lines.push(format!("Nothing is taken from {}: flags say all.", it.provider));
        } else {
            lines.push(format!("From {}: {}.", it.provider, taken.join(", ")));
        }
        if !it.assumed.is_empty() {
            lines.push(format!("Assumed: {}.", it.assumed));
        }
        if !taken.is_empty() {
            lines.push(source(it));
        }
    }
    lines.extend(notes(report));
    let is_sketched = |it: &SimulatedRun| it.outcome.queue_wait.is_some_and(|it| !it.is_exact);
    if report.rows.iter().flat_map(|it| it.runs.iter().flatten()).any(is_sketched) {
        lines.push("Quantiles of more than 8 million waits are within 0.05 %.".to_owned());
    }
    lines
}

/// `Source, read 2026-11-26: docs.baseten.co`; the user's own rules have no date.
fn source(it: &PlatformUsed) -> String {
    let read = if it.as_of.is_empty() { String::new() } else { format!(", read {}", it.as_of) };
    format!("Source{read}: {}.", it.source)
}

/// What was assumed of each workload; what is the same of several is said once.
fn notes(report: &SimulationReport<'_>) -> Vec<String> {
    let mut grouped: Vec<(&str, Vec<Option<&str>>)> = Vec::new();
    for row in report.workloads().filter_map(<[Simulated]>::first) {
        for note in &row.notes {
            let name = row.workload.as_deref();
            match grouped.iter_mut().find(|it| it.0 == note) {
                Some((_, names)) => names.push(name),
                None => grouped.push((note, vec![name])),
            }
        }
    }
    let sentence = |(note, names): &(&str, Vec<Option<&str>>)| match names.as_slice() {
        [Some(name)] => format!("{}: {note}.", plain(name)),
        [_] | [] => capitalized(&format!("{note}.")),
        several => format!("{} workloads: {note}.", several.len()),
    };
    grouped.iter().map(sentence).collect()
}
