//! Demand by weekday and hour.

use super::canvas::{self, Anchor, Canvas, IDLE, PAGE, RECOMMENDED, RULE, TEXT, TODAY, pixels};
use super::{Chart, WIDTH};
use crate::classify::DAYS;
use crate::report::RenderError;
use crate::report::model::{ReportModel, WorkloadReport};
use crate::report::number::{DASH, Medium};
use crate::report::table::{Narrow, Table};

/// Left edge of the cells.
const LEFT: i32 = 40;
/// Width of a cell.
const CELL: i32 = 18;
/// Height of a row.
const ROW: i32 = 20;
/// Space between cells.
const GAP: i32 = 1;
/// Below the rows: the hours and the legend.
const FOOT: i32 = 52;

/// Demand by weekday (Monday first) and hour, on one scale from nothing to the busiest cell.
pub(crate) fn heat_map(
    report: &ReportModel,
    workload: &WorkloadReport,
) -> Result<Chart, RenderError> {
    let rows = &workload.demand_by_weekday_hour;
    let busiest = busiest(rows);
    let unit = crate::report::words::shown(&workload.demand_unit);
    let title = match busiest {
        None => "Too little data for a demand profile".to_owned(),
        Some((_, _, 0.0)) => "No demand in any hour of the week".to_owned(),
        Some((day, hour, value)) => {
            let day = DAYS.get(day).copied().unwrap_or_default();
            format!("Busiest on {day} at {hour:02}:00, {} {unit}", Medium::Page.quantity(value))
        }
    };
    let subtitle = format!(
        "Mean {unit} by weekday and hour, {}, time zone {}",
        report.period_label, report.time_zone
    );
    let drawn = busiest.is_some_and(|(_, _, top)| top > 0.0);
    let height = if drawn { 7 * ROW + FOOT } else { super::EMPTY };
    let body = canvas::draw(height, |canvas| match busiest {
        None => canvas.empty("Too little data", height),
        Some((_, _, top)) if top <= 0.0 => canvas.empty("No demand", height),
        Some((_, _, top)) => {
            cells(canvas, rows, top)?;
            axis(canvas)?;
            legend(canvas, top, &unit, rows)
        }
    })?;
    Ok(Chart { title, subtitle, body, height })
}

/// Day, hour and demand of the busiest cell; nothing when no cell has data.
fn busiest(rows: &[Vec<Option<f64>>]) -> Option<(usize, usize, f64)> {
    let mut best: Option<(usize, usize, f64)> = None;
    for (day, hours) in rows.iter().enumerate().take(7) {
        for (hour, value) in hours.iter().enumerate().take(24) {
            let Some(value) = value.filter(|it| it.is_finite()) else { continue };
            if best.is_none_or(|(_, _, top)| value > top) {
                best = Some((day, hour, value));
            }
        }
    }
    best
}

/// The upper left corner of a cell.
fn corner(day: usize, hour: usize) -> (i32, i32) {
    let at = |it: usize| i32::try_from(it).unwrap_or(0);
    (LEFT + at(hour) * CELL, at(day) * ROW)
}

fn cells(canvas: &Canvas<'_>, rows: &[Vec<Option<f64>>], top: f64) -> Result<(), RenderError> {
    // Nothing is page-coloured, so one light ground keeps the grid readable.
    let (right, bottom) = (LEFT + 24 * CELL - GAP, 7 * ROW - GAP);
    canvas.rect((LEFT, 0), (right, bottom), RULE, 0.5)?;
    for (day, name) in DAYS.iter().enumerate() {
        let (_, y) = corner(day, 0);
        canvas.text(name, (LEFT - 8, y + ROW / 2), Anchor::End, TODAY)?;
    }
    for day in 0..7 {
        let value = |hour: usize| rows.get(day).and_then(|it| it.get(hour)).copied().flatten();
        let shades: Vec<Option<i32>> = (0..24).map(|hour| shade(value(hour), top)).collect();
        let mut hour = 0;
        // Neighbours of one shade are one rectangle, which keeps a page of many workloads small.
        for run in shades.chunk_by(|left, right| left == right) {
            let (from, (to, _)) = (corner(day, hour), corner(day, hour + run.len()));
            hour += run.len();
            let to = (to - GAP, from.1 + ROW - GAP);
            match run.first().copied().flatten() {
                None => canvas.rect(from, to, IDLE, 1.0)?,
                Some(step) => canvas.rect(from, to, RECOMMENDED, f64::from(step) / 20.0)?,
            }
        }
    }
    for hour in 1..24 {
        let (x, _) = corner(0, hour);
        canvas.rect((x - GAP, 0), (x, 7 * ROW - GAP), PAGE, 1.0)?;
    }
    for day in 1..7 {
        let (_, y) = corner(day, 0);
        canvas.rect((LEFT, y - GAP), (LEFT + 24 * CELL - GAP, y), PAGE, 1.0)?;
    }
    Ok(())
}

/// Opacity of a cell in twentieths; nothing where there is no data.
fn shade(value: Option<f64>, top: f64) -> Option<i32> {
    value.filter(|it| it.is_finite()).map(|it| pixels(it / top, 20))
}

fn axis(canvas: &Canvas<'_>) -> Result<(), RenderError> {
    for hour in [0, 6, 12, 18] {
        let (x, _) = corner(0, hour);
        let text = format!("{hour:02}:00");
        canvas.text(&text, (x, 7 * ROW + 10), Anchor::Start, TODAY)?;
    }
    Ok(())
}

/// Three values of the scale, and what a hatched cell means where there is one.
fn legend(
    canvas: &Canvas<'_>,
    top: f64,
    unit: &str,
    rows: &[Vec<Option<f64>>],
) -> Result<(), RenderError> {
    let y = 7 * ROW + 34;
    let mut x = LEFT;
    for (share, value) in [(0.0, 0.0), (0.5, top / 2.0), (1.0, top)] {
        canvas.rect((x, y - 7), (x + 16, y + 7), RULE, 0.5)?;
        canvas.rect((x, y - 7), (x + 16, y + 7), RECOMMENDED, share)?;
        let mut text = Medium::Page.quantity(value);
        if share >= 1.0 {
            text = format!("{text} {unit}");
        }
        canvas.text(&text, (x + 22, y), Anchor::Start, TEXT)?;
        x += 22 + canvas::text_width(&text) + 18;
    }
    let complete = rows.iter().filter(|it| it.iter().flatten().count() >= 24).count() >= 7;
    if !complete && x + 22 + canvas::text_width("no data") < WIDTH {
        canvas.rect((x, y - 7), (x + 16, y + 7), IDLE, 1.0)?;
        canvas.text("no data", (x + 22, y), Anchor::Start, TEXT)?;
    }
    Ok(())
}

/// The heat map as numbers: a row per hour, so that it fits a phone.
pub(crate) fn data(workload: &WorkloadReport) -> Table {
    let heads = ["Hour", "Mon#", "Tue#", "Wed#", "Thu#", "Fri#", "Sat#", "Sun#"];
    let caption =
        format!("Mean {} by hour and weekday", crate::report::words::shown(&workload.demand_unit));
    let mut table = Table::new(caption, &heads).narrow(Narrow::Table);
    let rows = &workload.demand_by_weekday_hour;
    if rows.iter().all(|it| it.iter().all(Option::is_none)) {
        return table;
    }
    for hour in 0..24_usize {
        let mut cells = vec![format!("{hour:02}:00")];
        for day in 0..7_usize {
            let value = rows.get(day).and_then(|it| it.get(hour)).copied().flatten();
            cells.push(value.map_or_else(|| DASH.to_owned(), |it| Medium::Page.quantity(it)));
        }
        table.push(cells);
    }
    table
}
