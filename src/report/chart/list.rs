//! Every chart of a report, each with the name of its file and the table behind it.

use chrono_tz::Tz;

use super::{
    Chart, Hours, Theme, busiest_day, commitment, demand, duration, frontier, heat_map, memory,
    plans, spend, waterfall,
};
use crate::report::model::{ReportModel, WorkloadReport};
use crate::report::table::Table;
use crate::report::{RenderError, pages, words};

/// Cases of commitments that get a chart, those that save the most first.
const MOST_CASES: usize = 6;

/// Which chart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChartKind {
    /// Demand by weekday and hour.
    HeatMap,
    /// Demand over time.
    Demand,
    /// Hours sorted by demand.
    Duration,
    /// Cost by plan.
    Plans,
    /// Cost against latency.
    Frontier,
    /// Replicas and queue.
    BusiestDay,
    /// Memory of a GPU.
    Memory,
    /// Spend by day.
    Spend,
    /// From today's cost to the recommended one.
    Savings,
    /// From the spend of an earlier report to this.
    Since,
    /// What a commitment saves by its size, counted from 1.
    Commitment(usize),
}

impl ChartKind {
    /// The end of the name of its files, without what follows the point.
    pub fn stem(self) -> String {
        match self {
            ChartKind::HeatMap => "heat-map".to_owned(),
            ChartKind::Demand => "demand".to_owned(),
            ChartKind::Duration => "duration".to_owned(),
            ChartKind::Plans => "plans".to_owned(),
            ChartKind::Frontier => "frontier".to_owned(),
            ChartKind::BusiestDay => "busiest-day".to_owned(),
            ChartKind::Memory => "memory".to_owned(),
            ChartKind::Spend => "spend".to_owned(),
            ChartKind::Savings => "savings".to_owned(),
            ChartKind::Since => "since".to_owned(),
            ChartKind::Commitment(at) => format!("commitment-{at}"),
        }
    }

    /// What kind of picture it is, as the beginning of its alternative text.
    pub const fn words(self) -> &'static str {
        match self {
            ChartKind::HeatMap => "Heat map of demand by weekday and hour",
            ChartKind::Demand => "Line of demand over time",
            ChartKind::Duration => "Demand-duration curve",
            ChartKind::Plans => "Bars of the cost of a month by plan",
            ChartKind::Frontier => "Plans by cost and time to the first token",
            ChartKind::BusiestDay => "Replicas and queue on the busiest day",
            ChartKind::Memory => "Bars of the memory of a GPU by candidate",
            ChartKind::Spend => "Stacked spend by day and workload",
            ChartKind::Savings => "Waterfall from today's cost to the recommended one",
            ChartKind::Since => "Waterfall from the earlier spend to this",
            ChartKind::Commitment(_) => "Savings curve of a commitment",
        }
    }
}

/// A chart with what it is and the numbers behind it.
#[derive(Clone, Debug)]
pub(crate) struct Drawn {
    /// Which.
    pub(crate) kind: ChartKind,
    /// The picture.
    pub(crate) chart: Chart,
    /// The numbers.
    pub(crate) data: Table,
}

impl Drawn {
    /// What a reader is told who cannot see it.
    pub(crate) fn alternative_text(&self) -> String {
        format!("{}: {}. {}", self.kind.words(), self.chart.title, self.chart.subtitle)
    }
}

/// The charts of one workload.
pub(crate) fn workload_charts(
    report: &ReportModel,
    workload: &WorkloadReport,
) -> Result<Vec<Drawn>, RenderError> {
    let drawn = |kind, chart, data| Drawn { kind, chart, data };
    let mut all = vec![
        drawn(ChartKind::Plans, plans::plans(report, workload)?, plans::data(report, workload)),
        drawn(
            ChartKind::Frontier,
            frontier::frontier(report, workload)?,
            frontier::data(report, workload),
        ),
        drawn(ChartKind::Demand, demand(report, workload)?, demand::data(report, workload)),
        drawn(ChartKind::HeatMap, heat_map::heat_map(report, workload)?, heat_map::data(workload)),
        drawn(ChartKind::Duration, duration::duration(report, workload)?, duration::data(workload)),
        drawn(
            ChartKind::BusiestDay,
            busiest_day::busiest_day(report, workload)?,
            busiest_day::data(report, workload),
        ),
        drawn(ChartKind::Memory, memory::memory(report, workload)?, memory::data(workload)),
    ];
    all.retain(|it| !(workload.hours_left_out && it.kind == ChartKind::Demand));
    Ok(all)
}

/// The charts of the whole report.
pub(crate) fn report_charts(report: &ReportModel) -> Result<Vec<Drawn>, RenderError> {
    let drawn = |kind, chart, data| Drawn { kind, chart, data };
    let mut all = vec![
        drawn(ChartKind::Savings, waterfall::savings(report)?, waterfall::savings_data(report)?),
        drawn(ChartKind::Spend, spend::spend(report)?, spend::data(report)?),
    ];
    if let Some(old) = &report.previous {
        let data = waterfall::since_data(report, old);
        all.push(drawn(ChartKind::Since, waterfall::since(report, old)?, data));
    }
    let mut cases: Vec<_> = report.commitment.commitments.iter().filter(|it| it.best).collect();
    cases.sort_by_key(|it| std::cmp::Reverse(it.monthly_savings.atto()));
    for (at, case) in cases.into_iter().take(MOST_CASES).enumerate() {
        let chart = commitment::commitment(report, case)?;
        all.push(drawn(ChartKind::Commitment(at + 1), chart, commitment::data(case)));
    }
    Ok(all)
}

/// A chart as it is written to files.
#[derive(Clone, Debug)]
pub struct ChartFile {
    /// The name without what follows the point: letters, digits and hyphens, unique in the report.
    pub stem: String,
    /// What a reader is told who cannot see it.
    pub says: String,
    name: String,
    chart: Chart,
}

impl ChartFile {
    /// The SVG.
    pub fn svg(&self) -> String {
        self.chart.standalone(&self.name)
    }

    /// The picture in pixels.
    pub fn png(&self, scale: f32, theme: Theme) -> Result<Vec<u8>, RenderError> {
        self.chart.png(&self.name, scale, theme)
    }
}

/// All charts of a report: those of the whole first, then workload by workload.
pub fn chart_files(report: &ReportModel) -> Result<Vec<ChartFile>, RenderError> {
    let mut files = Vec::new();
    let whole = words::plain(&report.period_label);
    for it in report_charts(report)? {
        // No slug ends in a blank stem: these names have no hyphen before them.
        let stem = format!("report-{}", it.kind.stem());
        files.push(ChartFile {
            stem,
            name: whole.clone(),
            says: it.alternative_text(),
            chart: it.chart,
        });
    }
    for workload in pages::shown(report) {
        let slug = crate::report::file_safe(&workload.slug);
        let name = words::shown(&workload.name);
        for it in workload_charts(report, workload)? {
            let stem = format!("{slug}-{}", it.kind.stem());
            let says = it.alternative_text();
            files.push(ChartFile { stem, name: name.clone(), says, chart: it.chart });
        }
    }
    Ok(files)
}

/// Whether a file of charts, by its name without what follows the point, may be of this program.
pub fn is_chart_stem(stem: &str) -> bool {
    let kinds = [
        ChartKind::HeatMap,
        ChartKind::Demand,
        ChartKind::Duration,
        ChartKind::Plans,
        ChartKind::Frontier,
        ChartKind::BusiestDay,
        ChartKind::Memory,
        ChartKind::Spend,
        ChartKind::Savings,
        ChartKind::Since,
    ];
    let cases = (1..=MOST_CASES).map(ChartKind::Commitment);
    kinds.into_iter().chain(cases).any(|it| stem.ends_with(&format!("-{}", it.stem())))
}

/// Demand over time, from the hours that the model has.
fn demand(report: &ReportModel, workload: &WorkloadReport) -> Result<Chart, RenderError> {
    let zone: Tz = report.time_zone.parse().unwrap_or(Tz::UTC);
    let course = demand::Course::of(workload, zone);
    super::over_time(&Hours {
        series: &course.series,
        zone,
        window: &report.period_label,
        changes: &course.changes,
        holes: &course.holes,
    })
}
