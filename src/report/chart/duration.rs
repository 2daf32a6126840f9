//! Hours sorted by demand, with the share above which a unit is cheaper reserved.

use super::canvas::{
    self, Anchor, Canvas, RECOMMENDED, RISK, TEXT, TODAY, closed, pixels, steps, text_width,
};
use super::{Chart, WIDTH};
use crate::report::RenderError;
use crate::report::model::{DurationCurve, ReportModel, WorkloadReport};
use crate::report::number::Medium;
use crate::report::table::Table;
use crate::report::words;

/// Height of the picture.
const HEIGHT: i32 = 212;
/// Left edge of the plot.
const LEFT: i32 = 40;
/// Right edge of the plot.
const RIGHT: i32 = WIDTH - 16;
/// Top of the plot; the name of the break-even line stands above.
const TOP: i32 = 22;
/// Bottom of the plot.
const BOTTOM: i32 = HEIGHT - 40;
/// Opacity of demand that is not reserved.
const FAINT: f64 = 0.18;

/// Why a workload beyond the dearest of very many has no curve.
const LEFT_OUT: &str = "Single hours were not kept";

/// The demand-duration curve: in how large a share of the hours more than so many units are on, in a fleet
/// that comes and goes with demand: with the time that they take to start and wait to be stopped.
pub(crate) fn duration(
    report: &ReportModel,
    workload: &WorkloadReport,
) -> Result<Chart, RenderError> {
    let curve = workload.duration_curve.as_ref();
    let usable = curve.filter(|it| !it.hours_sorted.is_empty());
    let why = if workload.hours_left_out { LEFT_OUT } else { "Too little data" };
    let title = usable.map_or_else(|| format!("{why} for a duration curve"), finding);
    let unit = usable.map_or("units", |it| it.unit.as_str());
    let mut subtitle = format!(
        "{} on where the fleet follows demand, against the share of hours, {}",
        words::shown(unit),
        report.period_label
    );
    if let Some(label) = usable.and_then(|it| it.break_even_label.as_ref()) {
        subtitle =
            format!("{subtitle}; break-even of {}", words::break_even(label, report.currency));
    }
    let drawn = usable.filter(|it| share_above(&it.hours_sorted, 0.0) > 0.0);
    let height = if drawn.is_some() { HEIGHT } else { super::EMPTY };
    let body = canvas::draw(height, |canvas| match (drawn, usable) {
        (Some(curve), _) => paint(canvas, curve),
        (None, Some(_)) => canvas.empty("No demand", height),
        (None, None) => canvas.empty(why, height),
    })?;
    Ok(Chart { title, subtitle, body, height })
}

/// How large a share of the hours needs more than `units`, by the model's own hours.
pub(crate) fn share_above(hours: &[f64], units: f64) -> f64 {
    hours.iter().filter(|it| **it > units).count() as f64 / hours.len().max(1) as f64
}

/// The sentence above the chart.
fn finding(curve: &DurationCurve) -> String {
    let hours = &curve.hours_sorted;
    let used = share_above(hours, 0.0);
    let unit = words::shown(&curve.unit);
    if used <= 0.0 {
        return format!("No {unit} is on in any hour");
    }
    let page = Medium::Page;
    match curve.reserved_units {
        Some(units) if units > 0 => format!(
            "Following demand, more than {units} × {unit} are on {} of the time",
            page.percent(share_above(hours, f64::from(units)))
        ),
        _ => format!("Following demand, {unit} is on {} of the time", page.percent(used)),
    }
}

fn paint(canvas: &Canvas<'_>, curve: &DurationCurve) -> Result<(), RenderError> {
    let hours = &curve.hours_sorted;
    let highest = hours.iter().copied().filter(|it| it.is_finite()).fold(0.0, f64::max);
    let reserved = curve.reserved_units.map(f64::from).filter(|it| *it > 0.0);
    let top = highest.max(reserved.unwrap_or(0.0)).max(f64::MIN_POSITIVE);
    let y = |value: f64| BOTTOM - pixels(value / top, BOTTOM - TOP);
    canvas.levels(top, (LEFT, RIGHT), y)?;
    let line = outline(hours, y);
    canvas.area(closed(&line, BOTTOM), RECOMMENDED, FAINT)?;
    if let Some(reserved) = reserved {
        let ceiling = y(reserved);
        let base = outline(hours, |value| y(value).max(ceiling));
        canvas.area(closed(&base, BOTTOM), RECOMMENDED, 0.45)?;
    }
    canvas.line(line, RECOMMENDED, 2)?;
    if let Some(units) = reserved {
        let text = format!("{} reserved", Medium::Page.quantity(units));
        canvas.line(vec![(LEFT, y(units)), (RIGHT, y(units))], RECOMMENDED, 1)?;
        canvas.text(&text, (RIGHT, y(units) - 10), Anchor::End, TEXT)?;
    }
    for at in 0..=4 {
        let share = f64::from(at) / 4.0;
        let x = LEFT + pixels(share, RIGHT - LEFT);
        let anchor = if at == 4 { Anchor::End } else { Anchor::Middle };
        canvas.text(&Medium::Page.percent(share), (x, BOTTOM + 12), anchor, TODAY)?;
    }
    let axis = format!("share of the {} hours with data", Medium::Page.count(hours.len() as u64));
    canvas.text(&axis, (LEFT + (RIGHT - LEFT) / 2, BOTTOM + 30), Anchor::Middle, TODAY)?;
    break_even(canvas, curve.break_even_share)
}

/// The decision line with its name, kept inside the picture.
fn break_even(canvas: &Canvas<'_>, share: Option<f64>) -> Result<(), RenderError> {
    let Some(share) = share.filter(|it| it.is_finite() && *it >= 0.0) else { return Ok(()) };
    let text = if share <= 1.0 {
        format!("break-even: {} of hours", Medium::Page.percent(share))
    } else {
        "reserving never pays: break-even over 100\u{202f}% of hours".to_owned()
    };
    let x = LEFT + pixels(share, RIGHT - LEFT);
    if share <= 1.0 {
        canvas.line(vec![(x, TOP - 8), (x, BOTTOM)], RISK, 2)?;
    }
    let half = text_width(&text) / 2;
    let middle = x.clamp(LEFT + half, (RIGHT - half).max(LEFT + half));
    canvas.text(&text, (middle, 7), Anchor::Middle, TEXT)
}

/// The steps of the curve.
fn outline(hours: &[f64], y: impl Fn(f64) -> i32) -> Vec<(i32, i32)> {
    let n = hours.len() as f64;
    let x = |at: usize| LEFT + pixels(at as f64 / n, RIGHT - LEFT);
    steps(hours.iter().enumerate().map(|(at, hour)| (x(at), *hour)), RIGHT, y)
}

/// The curve at every tenth of the hours.
pub(crate) fn data(workload: &WorkloadReport) -> Table {
    let unit = workload.duration_curve.as_ref().map_or("units", |it| it.unit.as_str());
    let head = format!("{}, at least#", words::shown(unit));
    let mut table = Table::new("Demand-duration curve", &["Share of hours", &head]);
    let hours = workload.duration_curve.as_ref().map_or(&[][..], |it| it.hours_sorted.as_slice());
    let Some(last) = hours.len().checked_sub(1) else { return table };
    for tenth in 0..=10_usize {
        if let Some(value) = hours.get(last * tenth / 10) {
            let share = Medium::Page.percent(tenth as f64 / 10.0);
            table.push(vec![share, Medium::Page.quantity(*value)]);
        }
    }
    table
}
