//! Demand hour by hour: over time, and the hours sorted by demand.

use chrono_tz::Tz;

use super::canvas::{
    self, Anchor, Canvas, IDLE, RECOMMENDED, RISK, TEXT, TODAY, closed, pixels, steps, text_width,
};
use super::{Chart, WIDTH};
use crate::classify::{HourlySeries, HourlyUnit};
use crate::report::RenderError;
use crate::report::number::{self, Medium};
use crate::report::words;
use crate::units::{Period, Timestamp};

/// Height of the picture.
const HEIGHT: i32 = 212;
/// Left edge of the plot.
pub(super) const LEFT: i32 = 48;
/// Right edge of the plot.
pub(super) const RIGHT: i32 = WIDTH - 16;
/// Top of the plot; names of changes stand above.
const TOP: i32 = 22;
/// Bottom of the plot.
const BOTTOM: i32 = HEIGHT - 30;
/// Opacity below a line.
const FAINT: f64 = 0.18;
/// Dates on the axis.
const MOST_DATES: i64 = 5;

/// The hours of a workload, with what stands beside them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hours<'a> {
    /// Demand by hour.
    pub(crate) series: &'a HourlySeries,
    /// The clock of the report.
    pub(crate) zone: Tz,
    /// The window in words.
    pub(crate) window: &'a str,
    /// Instants at which demand changed for good, in words.
    pub(crate) changes: &'a [(Timestamp, String)],
    /// Times without data.
    pub(crate) holes: &'a [Period],
}

impl Hours<'_> {
    /// What is counted.
    pub(crate) fn unit(&self) -> &'static str {
        match self.series.unit {
            HourlyUnit::Requests => "requests/h",
            HourlyUnit::Gpus => "GPUs",
        }
    }

    /// The known hours with their position.
    fn known(&self) -> impl Iterator<Item = (usize, f64)> {
        let values = self.series.values.iter().enumerate();
        values.filter_map(|(at, value)| Some((at, (*value)?)))
    }

    fn top(&self) -> f64 {
        self.known().map(|it| it.1).fold(0.0, f64::max)
    }

    /// Where an hour stands in the picture.
    fn x(&self, at: f64) -> i32 {
        LEFT + pixels(at / self.series.values.len().max(1) as f64, RIGHT - LEFT)
    }

    /// Where an instant stands in the picture.
    fn x_of(&self, at: Timestamp) -> i32 {
        let us = at.us().saturating_sub(self.series.start.us());
        self.x(us as f64 / 3_600e6)
    }
}

/// Demand over time, with changes and holes.
pub(crate) fn over_time(hours: &Hours<'_>) -> Result<Chart, RenderError> {
    let top = hours.top();
    let page = Medium::Page;
    let busiest = hours.known().reduce(|a, b| if b.1 > a.1 { b } else { a });
    let title = match (busiest, hours.changes.first()) {
        (None, _) => "Too little data for demand over time".to_owned(),
        (Some((_, value)), _) if value <= 0.0 => "No demand in any hour".to_owned(),
        (Some(_), Some((_, what))) => what.trim_end_matches('.').to_owned(),
        (Some((at, value)), None) => {
            let unit = hours.unit();
            format!("Busiest {}: {} {unit}", when(hours, at), page.quantity(value))
        }
    };
    let hatch = if hours.holes.is_empty() { "" } else { "; hatched: nobody measured" };
    let subtitle = format!(
        "{} by hour, {}, {}{hatch}",
        words::capitalized(hours.unit()),
        hours.window,
        hours.zone.name()
    );
    let drawn = top > 0.0;
    let height = if drawn { HEIGHT } else { super::EMPTY };
    let body = canvas::draw(height, |canvas| {
        if !drawn {
            let why = if busiest.is_some() { "No demand" } else { "Too little data" };
            return canvas.empty(why, height);
        }
        paint(canvas, hours, top)
    })?;
    Ok(Chart { title, subtitle, body, height })
}

/// `on 14 Oct at 15:00`, or the hour of the log.
fn when(hours: &Hours<'_>, at: usize) -> String {
    if hours.series.relative {
        return format!("in hour {} of the log", at + 1);
    }
    let local = hours.series.hour_start(at).in_zone(hours.zone);
    format!("on {} at {}", local.format("%-d %b"), local.format("%H:%M"))
}

fn paint(canvas: &Canvas<'_>, hours: &Hours<'_>, top: f64) -> Result<(), RenderError> {
    let y = |value: f64| BOTTOM - pixels(value / top, BOTTOM - TOP);
    canvas.levels(top, (LEFT, RIGHT), y)?;
    for hole in hours.holes {
        let (from, to) = (hours.x_of(hole.start()), hours.x_of(hole.end()));
        canvas.rect((from, TOP), (to.max(from + 1), BOTTOM), IDLE, 1.0)?;
    }
    let mut start = 0;
    for run in hours.series.values.chunk_by(|a, b| a.is_some() == b.is_some()) {
        if run[0].is_some() {
            line(canvas, hours, (start, run), y)?;
        }
        start += run.len();
    }
    changes(canvas, hours)?;
    dates(canvas, hours)
}

/// A run of known hours: the mean of the hours in each column of pixels, above it faint the most.
fn line(
    canvas: &Canvas<'_>,
    hours: &Hours<'_>,
    (start, run): (usize, &[Option<f64>]),
    y: impl Fn(f64) -> i32,
) -> Result<(), RenderError> {
    let mut columns: Vec<(i32, f64, f64, f64)> = Vec::new();
    for (at, value) in run.iter().enumerate() {
        let (x, value) = (hours.x((start + at) as f64), value.unwrap_or(0.0));
        match columns.last_mut() {
            Some((last, sum, n, most)) if *last == x => {
                (*sum, *n, *most) = (*sum + value, *n + 1.0, most.max(value));
            }
            _ => columns.push((x, value, 1.0, value)),
        }
    }
    let end = hours.x((start + run.len()) as f64);
    let most = steps(columns.iter().map(|it| (it.0, it.3)), end, &y);
    let mean = steps(columns.iter().map(|it| (it.0, it.1 / it.2)), end, &y);
    canvas.area(closed(&most, BOTTOM), RECOMMENDED, FAINT)?;
    canvas.line(mean, RECOMMENDED, 1)
}

/// The lines of the changes, each with its date where there is room.
fn changes(canvas: &Canvas<'_>, hours: &Hours<'_>) -> Result<(), RenderError> {
    let mut free = LEFT;
    for (at, _) in hours.changes {
        let x = hours.x_of(*at);
        canvas.line(vec![(x, TOP - 6), (x, BOTTOM)], RISK, 2)?;
        let text = format!("change on {}", at.in_zone(hours.zone).format("%-d %b"));
        let half = text_width(&text) / 2;
        let middle = x.clamp(LEFT + half, RIGHT - half);
        if middle - half >= free {
            canvas.text(&text, (middle, 7), Anchor::Middle, TEXT)?;
            free = middle + half + 8;
        }
    }
    Ok(())
}

/// Dates at midnights of the report's clock, or hours of a log without dates.
fn dates(canvas: &Canvas<'_>, hours: &Hours<'_>) -> Result<(), RenderError> {
    let n = hours.series.values.len();
    let hour_of_day = |at: usize| {
        hours.series.hour_start(at).in_zone(hours.zone).format("%H").to_string() == "00"
    };
    let midnights: Vec<usize> = if hours.series.relative || n <= 48 {
        (0..n).step_by((n / 4).max(1)).collect()
    } else {
        (0..n).filter(|at| hour_of_day(*at)).collect()
    };
    let each = midnights.len().div_ceil(usize::try_from(MOST_DATES).unwrap_or(1)).max(1);
    for at in midnights.into_iter().step_by(each) {
        let local = hours.series.hour_start(at).in_zone(hours.zone);
        let text = if hours.series.relative {
            format!("{at} h")
        } else if n <= 48 {
            local.format("%H:%M").to_string()
        } else {
            number::date(&local.format("%Y-%m-%d").to_string())
        };
        let half = text_width(&text) / 2;
        let x = hours.x(at as f64);
        canvas.line(vec![(x, BOTTOM), (x, BOTTOM + 4)], TODAY, 1)?;
        canvas.text(&text, (x.clamp(half, WIDTH - half), BOTTOM + 16), Anchor::Middle, TODAY)?;
    }
    Ok(())
}

/// The hours sorted by demand, most first.
pub(crate) fn sorted(hours: &Hours<'_>) -> Result<Chart, RenderError> {
    let mut values: Vec<f64> = hours.known().map(|it| it.1).collect();
    values.sort_unstable_by(|a, b| b.total_cmp(a));
    let total: f64 = values.iter().sum();
    let page = Medium::Page;
    let title = if values.is_empty() {
        "Too little data for a duration curve".to_owned()
    } else if total <= 0.0 {
        "No demand in any hour".to_owned()
    } else {
        let mut held = 0.0;
        let enough = values.iter().take_while(|it| {
            let more = held < 0.9 * total;
            held += **it;
            more
        });
        let share = enough.count() as f64 / values.len() as f64;
        format!("{} of the hours hold 90\u{202f}% of the demand", page.percent(share))
    };
    let subtitle = format!(
        "{} against the share of hours, {}",
        words::capitalized(hours.unit()),
        hours.window
    );
    let height = if total > 0.0 { HEIGHT + 10 } else { super::EMPTY };
    let body = canvas::draw(height, |canvas| {
        if total > 0.0 {
            sorted_hours(canvas, &values)
        } else {
            canvas.empty(if values.is_empty() { "Too little data" } else { "No demand" }, height)
        }
    })?;
    Ok(Chart { title, subtitle, body, height })
}

fn sorted_hours(canvas: &Canvas<'_>, values: &[f64]) -> Result<(), RenderError> {
    let top = values.first().copied().unwrap_or(0.0).max(f64::MIN_POSITIVE);
    let y = |value: f64| BOTTOM - pixels(value / top, BOTTOM - TOP);
    canvas.levels(top, (LEFT, RIGHT), y)?;
    let n = values.len() as f64;
    let x = |at: usize| LEFT + pixels(at as f64 / n, RIGHT - LEFT);
    let line = steps(values.iter().enumerate().map(|(at, value)| (x(at), *value)), RIGHT, y);
    canvas.area(closed(&line, BOTTOM), RECOMMENDED, FAINT)?;
    canvas.line(line, RECOMMENDED, 2)?;
    let mean = values.iter().sum::<f64>() / n;
    canvas.line(vec![(LEFT, y(mean)), (RIGHT, y(mean))], TODAY, 1)?;
    canvas.text("mean", (RIGHT, y(mean) - 9), Anchor::End, TODAY)?;
    for at in 0..=4 {
        let share = f64::from(at) / 4.0;
        let x = LEFT + pixels(share, RIGHT - LEFT);
        let anchor = if at == 4 { Anchor::End } else { Anchor::Middle };
        canvas.text(&Medium::Page.percent(share), (x, BOTTOM + 12), anchor, TODAY)?;
    }
    let axis = format!("share of the {} hours with data", Medium::Page.count(values.len() as u64));
    canvas.text(&axis, (LEFT + (RIGHT - LEFT) / 2, BOTTOM + 30), Anchor::Middle, TODAY)
}
