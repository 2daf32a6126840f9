//! What `gpuadvise simulate` tells: what a fleet would have cost and who would have waited.
//!
//! Comes in: runs of the simulator, one for each seed. Goes out: a table, JSON, CSV or Markdown, and
//! charts. Waits of an unstable load measure the window and not the fleet, so they are not shown.

mod compared;
mod csv;
mod figures;
mod json;
mod remarks;
mod shown;

use std::collections::BTreeSet;

use chrono_tz::Tz;

use super::chart::{self, Clock};
use super::{Format, RenderError, TerminalStyle};
use crate::simulate::{Outcome, Timeline};
use crate::units::Timestamp;

/// One demand on one fleet, run with one seed or several.
#[derive(Clone, Debug)]
pub struct Simulated {
    /// The workload; nothing for requests of a generator.
    pub workload: Option<String>,
    /// Interruptions of a spot replica and hour.
    pub spot_rate: Option<f64>,
    /// Requests a replica serves at once.
    pub slots: u32,
    /// What the load is held against.
    pub room: Room,
    /// The first instant and the clock it is shown in, where it has a date.
    pub start: Option<(Timestamp, Tz)>,
    /// A run for each seed, or why there is none.
    pub runs: Result<Vec<SimulatedRun>, String>,
    /// How the run of the first seed went, where charts are asked for.
    pub timeline: Option<Timeline>,
    /// What was assumed on the way.
    pub notes: Vec<String>,
}

/// The slots that a load is a share of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Room {
    /// Those of a fleet that never changes.
    Fixed,
    /// Those of the most replicas there may be.
    Most,
    /// Those that a schedule has on average.
    Schedule,
}

/// A run.
#[derive(Clone, Debug)]
pub struct SimulatedRun {
    /// Its seed.
    pub seed: u64,
    /// Length of the window, microseconds.
    pub window_us: u64,
    /// Slots of the largest fleet; of a schedule the mean over the window.
    pub capacity_slots: f64,
    /// What it found.
    pub outcome: Outcome,
}

/// A platform and what was taken from its rules.
#[derive(Clone, Debug)]
pub struct PlatformUsed {
    /// Its name.
    pub provider: String,
    /// What was taken, with the value.
    pub taken: Vec<(&'static str, String)>,
    /// What of it the source does not state.
    pub assumed: String,
    /// Where it is from.
    pub source: String,
    /// When it was read.
    pub as_of: String,
}

/// All that `simulate` tells.
#[derive(Clone, Copy, Debug)]
pub struct SimulationReport<'a> {
    /// By workload, then by rate.
    pub rows: &'a [Simulated],
    /// Whether the rows are workloads of files.
    pub of_files: bool,
    /// The first seed.
    pub seed: u64,
    /// Whether the replicas that are always on are a commitment, paid when idle too.
    pub is_reserved: bool,
    /// Share of requests that must keep the limit.
    pub attainment: Option<f64>,
    /// The platform named.
    pub platform: Option<&'a PlatformUsed>,
}

impl<'a> SimulationReport<'a> {
    /// The rows of each workload.
    fn workloads(&self) -> impl Iterator<Item = &'a [Simulated]> {
        self.rows.chunk_by(|a, b| a.workload == b.workload)
    }
}

/// The simulation in one format; there is no page.
pub fn simulation(
    report: &SimulationReport<'_>,
    format: Format,
    style: &TerminalStyle,
) -> Result<String, RenderError> {
    match format {
        Format::Json => json::render(report),
        Format::Csv => csv::render(report),
        Format::Markdown => Ok(shown::markdown(report)),
        Format::Table | Format::Html => Ok(shown::terminal(report, style)),
    }
}

/// How the names of the charts end.
pub const SIMULATION_CHARTS: [&str; 3] = ["queue.svg", "replicas.svg", "cost.svg"];

/// Queue, replicas and cost over time of every run that was sampled: file name and bytes.
pub fn simulation_charts(
    report: &SimulationReport<'_>,
) -> Result<Vec<(String, Vec<u8>)>, RenderError> {
    let mut slugs = BTreeSet::new();
    let mut files = Vec::new();
    for row in report.rows {
        let Some(timeline) = &row.timeline else { continue };
        let (name, lead) = match &row.workload {
            Some(name) => {
                let slug = super::build_workload::slug(name, &mut slugs);
                (super::words::shown(name), format!("{slug}-"))
            }
            None => ("simulation".to_owned(), String::new()),
        };
        let clock = Clock { timeline, start: row.start };
        let charts = [chart::queue(&clock)?, chart::replicas(&clock)?, chart::cost(&clock)?];
        for (end, chart) in SIMULATION_CHARTS.into_iter().zip(charts) {
            files.push((format!("{lead}{end}"), chart.standalone(&name).into_bytes()));
        }
    }
    Ok(files)
}
