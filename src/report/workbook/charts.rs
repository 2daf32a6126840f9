//! The charts of the summary, drawn by the spreadsheet from the cells of the other sheets.
//!
//! Titles are ours alone: a title that came from the data could be taken for a reference.

use rust_xlsxwriter::{
    Chart, ChartAxisCrossing, ChartFont, ChartFormat, ChartLegendPosition, ChartLine,
    ChartSolidFill, ChartType, Workbook, XlsxError,
};

use super::layout::Table;
use super::sheets::{COST_PARTS, FIRST_PART, LABEL, MONTH_AFTER, MONTH_TODAY, NAME};
use crate::report::model::ReportModel;
use crate::report::pages;

/// Bars of a chart that can still be read.
const MOST_BARS: usize = 15;
/// Hours of a week.
const WEEK: usize = 168;
/// Where the charts stand: right of the table, one below the other.
const COLUMN: u16 = 5;
/// Pixels of a row, of a chart without its bars, and of a bar with its label.
const ROW: u32 = 20;
const LEAST: u32 = 420;
const FRAME: u32 = 140;
const BAR: u32 = 34;
/// Colours with the meaning they have everywhere.
const TODAY: u32 = 0x005B_6573;
const RECOMMENDED: u32 = 0x0000_72B2;
const PARTS: [u32; 5] = [0x0000_72B2, 0x00C9_CFD6, 0x00F0_E442, 0x00D5_5E00, 0x00CC_79A7];

/// Puts the charts on the first sheet.
pub(super) fn insert(
    workbook: &mut Workbook,
    report: &ReportModel,
    tables: &[Table],
) -> Result<(), XlsxError> {
    let mut charts = Vec::new();
    if !report.workloads.is_empty() {
        charts.push(today_and_then(report));
    }
    charts.extend(by_plan(report));
    charts.extend(by_hour(report));
    let Some(first) = tables.first() else { return Ok(()) };
    let sheet = workbook.worksheet_from_name(first.name)?;
    let mut row = 1;
    for (chart, height) in &charts {
        sheet.insert_chart(row, COLUMN, chart)?;
        row += height / ROW + 2;
    }
    Ok(())
}

/// A row of a sheet, or a column, as the library counts them.
fn small<T: TryFrom<usize> + Default>(number: usize) -> T {
    T::try_from(number).unwrap_or_default()
}

/// So many bars with their title; the first row on top, the amounts from left to right and below. For
/// bars the library calls the axis of the names y, as it stands, and swaps the two itself.
fn bars(kind: ChartType, (title, unit): (&str, &str), n: usize) -> (Chart, u32) {
    let mut chart = Chart::new(kind);
    chart.title().set_name(title).set_font(ChartFont::new().set_size(12).set_bold());
    let mut font = ChartFont::new();
    font.set_size(8);
    chart.y_axis().set_reverse().set_crossing(ChartAxisCrossing::Max).set_font(&font);
    chart.x_axis().set_name(unit).set_num_format("#,##0").set_min(0).set_font(&font);
    chart.legend().set_position(ChartLegendPosition::Bottom);
    // Where there is little room a program leaves out every second name.
    let height = LEAST.max(FRAME + BAR * small::<u32>(n));
    chart.set_width(760).set_height(height);
    (chart, height)
}

fn filled(colour: u32) -> ChartFormat {
    let mut format = ChartFormat::new();
    format.set_solid_fill(ChartSolidFill::new().set_color(colour));
    format
}

/// Cost of a month today and with the advice, the dearest workloads.
fn today_and_then(report: &ReportModel) -> (Chart, u32) {
    let shown = report.workloads.len().min(MOST_BARS);
    let unit = format!("{} a month of 730 h", report.currency);
    let title = match report.workloads.len() - shown {
        0 => "Cost of a month today and with the advice".to_owned(),
        _ => format!("Cost of a month today and with the advice, the {shown} dearest workloads"),
    };
    let (mut chart, height) = bars(ChartType::Bar, (&title, &unit), shown);
    let column = |at: usize| ("Workloads", 1, small(at), small(shown), small(at));
    for (name, at, colour) in
        [("today", MONTH_TODAY, TODAY), ("with the advice", MONTH_AFTER, RECOMMENDED)]
    {
        chart
            .add_series()
            .set_name(name)
            .set_categories(column(NAME))
            .set_values(column(at))
            .set_format(&mut filled(colour))
            .set_gap(60);
    }
    chart.set_alt_text(title);
    (chart, height)
}

/// The plans of the workload that has the most to save, or else of the first with plans, by part.
fn by_plan(report: &ReportModel) -> Option<(Chart, u32)> {
    let has_plans = |it: &&crate::report::model::WorkloadReport| !it.plans.is_empty();
    let all = pages::in_detail(report);
    let most = all
        .iter()
        .copied()
        .filter(has_plans)
        .rev()
        .max_by_key(|it| it.advice.monthly_savings.atto())?;
    let before = all.iter().take_while(|it| it.slug != most.slug);
    let first = 1 + before.map(|it| it.plans.len()).sum::<usize>();
    let shown = most.plans.len().min(MOST_BARS);
    let last = first + shown - 1;
    let title = "Cost of a month by plan, the workload with the most to save";
    let unit = format!("{} a month of 730 h", report.currency);
    let (mut chart, height) = bars(ChartType::BarStacked, (title, &unit), shown);
    let column = |at: usize| ("Plans", small(first), small(at), small(last), small(at));
    for (place, (name, colour)) in COST_PARTS.into_iter().zip(PARTS).enumerate() {
        // Storage is not counted yet, and a part that no plan has needs no entry in the legend.
        if name == "Storage" && most.plans.iter().all(|it| it.cost_parts.storage.is_none()) {
            continue;
        }
        chart
            .add_series()
            .set_name(name)
            .set_categories(column(LABEL))
            .set_values(column(FIRST_PART + place))
            .set_format(&mut filled(colour))
            .set_gap(40);
    }
    chart.set_alt_text(title);
    Some((chart, height))
}

/// Demand by hour of the week of the dearest workload that has any.
fn by_hour(report: &ReportModel) -> Option<(Chart, u32)> {
    let is_whole = |it: &crate::report::model::WorkloadReport| {
        it.demand_by_weekday_hour.len() == 7
            && it.demand_by_weekday_hour.iter().all(|it| it.len() == 24)
    };
    let known = |it: &crate::report::model::WorkloadReport| {
        is_whole(it)
            && it.demand_by_weekday_hour.iter().flatten().any(|it| it.is_some_and(|it| it > 0.0))
    };
    let all = pages::in_detail(report);
    let place = all.iter().position(|it| known(it))?;
    let hours = |it: &crate::report::model::WorkloadReport| {
        it.demand_by_weekday_hour.iter().take(7).map(|it| it.len().min(24)).sum::<usize>()
    };
    let first = 1 + all[..place].iter().map(|it| hours(it)).sum::<usize>();
    let last = first + WEEK - 1;
    let title = "Mean demand by hour of the week, the dearest workload with demand";
    let mut chart = Chart::new(ChartType::Line);
    chart.title().set_name(title);
    chart.x_axis().set_name("Monday to Sunday").set_label_interval(24).set_tick_interval(24);
    chart.y_axis().set_name(unit(&all[place].demand_unit)).set_min(0);
    chart.legend().set_hidden();
    chart.set_width(760).set_height(LEAST).set_alt_text(title);
    let column = |at: u16| ("Hourly demand", small(first), at, small(last), at);
    let mut format = ChartFormat::new();
    format.set_line(ChartLine::new().set_color(TODAY).set_width(1.5));
    chart
        .add_series()
        .set_name(("Hourly demand", small::<u32>(first), 0))
        .set_categories(column(1))
        .set_values(column(3))
        .set_format(&mut format);
    Some((chart, LEAST))
}

/// A unit of ours, else nothing that could be taken for a reference.
fn unit(text: &str) -> &'static str {
    match text {
        "requests/h" => "requests an hour",
        "GPUs" => "GPUs",
        _ => "demand",
    }
}
