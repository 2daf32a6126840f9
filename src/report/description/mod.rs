//! What `gpuadvise describe` tells: each workload before any purchase is thought of, and what shows
//! only across workloads.
//!
//! Comes in: descriptions by the stage before. Goes out: a table, JSON, CSV or Markdown, and charts.

mod json;
mod markdown;
mod terminal;
mod words;

use chrono_tz::Tz;

use super::chart::{self, Chart, Hours};
use super::{Format, RenderError, TerminalStyle};
use crate::classify::{ClockChange, Description, Fleet, HoleMeaning};
use crate::units::Timestamp;
use crate::workload::Workload;

pub(super) use words::anomalies;

/// One workload and what was found out about it.
#[derive(Clone, Copy, Debug)]
pub struct Told<'a> {
    /// The workload.
    pub workload: &'a Workload,
    /// What was found out.
    pub description: &'a Description,
    /// What clock changes did to its rows.
    pub clock_changes: &'a [ClockChange],
}

/// All that `describe` tells.
#[derive(Clone, Copy, Debug)]
pub struct DescriptionReport<'a> {
    /// The workloads, in order of name.
    pub workloads: &'a [Told<'a>],
    /// What shows only across them.
    pub fleet: &'a Fleet,
    /// The clock of the report.
    pub zone: Tz,
    /// The window in words.
    pub window: &'a str,
}

/// The description in one format; there is no page, which is the report's.
pub fn describe(
    report: &DescriptionReport<'_>,
    format: Format,
    style: &TerminalStyle,
) -> Result<String, RenderError> {
    match format {
        Format::Json => json::render(report),
        Format::Csv => Ok(terminal::csv(report)),
        Format::Markdown => Ok(markdown::render(report)),
        Format::Table | Format::Html => Ok(terminal::render(report, style)),
    }
}

/// The charts of every workload of which demand is known: path inside the folder, and bytes.
pub fn charts(report: &DescriptionReport<'_>) -> Result<Vec<(String, Vec<u8>)>, RenderError> {
    let mut slugs = std::collections::BTreeSet::new();
    let mut files = Vec::new();
    for told in report.workloads {
        if told.description.hourly.values.iter().flatten().next().is_none() {
            continue;
        }
        let slug = super::build_workload::slug(&told.workload.name, &mut slugs);
        let name = super::words::shown(&told.workload.name);
        for (what, chart) in drawn(report, told)? {
            files.push((format!("{slug}-{what}.svg"), chart.standalone(&name).into_bytes()));
        }
    }
    Ok(files)
}

/// The four charts of a workload.
fn drawn(
    report: &DescriptionReport<'_>,
    told: &Told<'_>,
) -> Result<[(&'static str, Chart); 4], RenderError> {
    let it = told.description;
    let changes: Vec<(Timestamp, String)> =
        it.changes.all.iter().map(|it| (it.at, it.words(report.zone))).collect();
    // A bill without a row says that nothing ran, which is no hole.
    let holes = it.holes.iter().filter(|it| it.meaning == HoleMeaning::Unknown);
    let holes: Vec<_> = holes.flat_map(|it| it.without_row.iter().copied()).collect();
    let outages = report.fleet.outages_of(&told.workload.name);
    let outages = outages.into_iter().map(|it| it.period);
    let silent: Vec<_> = holes.into_iter().chain(outages).collect();
    let hours = Hours {
        series: &it.hourly,
        zone: report.zone,
        window: report.window,
        changes: &changes,
        holes: &silent,
    };
    Ok([
        ("demand", chart::over_time(&hours)?),
        ("day", chart::day_profile(&hours)?),
        ("duration", chart::sorted(&hours)?),
        ("autocorrelation", chart::autocorrelation(&hours)?),
    ])
}
