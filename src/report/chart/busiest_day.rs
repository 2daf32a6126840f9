//! The advised plan on the busiest day: replicas above, the queue below, one axis.

use super::canvas::{
    self, Anchor, Canvas, IDLE, RECOMMENDED, RISK, STARTING, TEXT, TODAY, closed, pixels, steps,
    text_width,
};
use super::hours::{LEFT, RIGHT};
use super::{Chart, WIDTH, ticks};
use crate::report::RenderError;
use crate::report::model::{BusiestDayReport, ReportModel, WorkloadReport};
use crate::report::number::{self, Medium};
use crate::report::table::{Narrow, Table};
use crate::units::Timestamp;
use chrono_tz::Tz;

/// Height of the picture.
const HEIGHT: i32 = 284;
/// Top and bottom of the replicas; what the colours mean stands above.
const REPLICAS: (i32, i32) = (24, 140);
/// Top and bottom of the queue; its name stands above.
const QUEUE: (i32, i32) = (176, HEIGHT - 30);
/// Numbers in charts.
const PAGE: Medium = Medium::Page;

/// Replicas and queue of the advised plan, else of today's, on the day with the most requests.
pub(crate) fn busiest_day(
    report: &ReportModel,
    workload: &WorkloadReport,
) -> Result<Chart, RenderError> {
    let day = workload.busiest_day.as_ref().filter(|it| !it.ready.is_empty());
    let title = day.map_or_else(|| "No day was simulated".to_owned(), finding);
    let whose = match day {
        Some(it) if workload.advice.plan_id.as_ref() == Some(&it.plan_id) => "the advised plan",
        _ => "today's fleet",
    };
    let when = day.map(|it| when(it, report)).unwrap_or_default();
    let subtitle = format!(
        "Replicas and waiting requests of {whose}{when}, means over a quarter of an hour; \
         simulated"
    );
    let height = if day.is_some() { HEIGHT } else { super::EMPTY };
    let body = canvas::draw(height, |canvas| match day {
        Some(day) => paint(canvas, day, &report.time_zone),
        None => canvas.empty("No plan was simulated request by request", height),
    })?;
    Ok(Chart { title, subtitle, body, height })
}

/// ` on 14 Oct 2026 with 20,000 requests`.
fn when(day: &BusiestDayReport, report: &ReportModel) -> String {
    let requests = PAGE.counted(day.requests, "request");
    match started(day, &report.time_zone) {
        Some((at, zone)) => {
            let date = at.in_zone(zone).format("%Y-%m-%d").to_string();
            format!(" on {}, the day with the most requests ({requests})", number::date(&date))
        }
        None => format!(" in the busiest day of the log ({requests})"),
    }
}

/// The first instant and the clock of the report; nothing for a log without dates.
fn started(day: &BusiestDayReport, zone: &str) -> Option<(Timestamp, Tz)> {
    let zone: Tz = zone.parse().ok()?;
    let at = Timestamp::parse(&day.start, zone).ok()?;
    (!day.relative).then_some((at, zone))
}

/// The sentence above the chart.
fn finding(day: &BusiestDayReport) -> String {
    let top = |values: &[f64]| values.iter().copied().fold(0.0, f64::max);
    let waits = day.queue_max.iter().copied().max().unwrap_or(0);
    let on: Vec<f64> = day.ready.iter().zip(&day.starting).map(|(a, b)| a + b).collect();
    let most = PAGE.quantity(top(&on).ceil());
    let noun = if most == "1" { "replica" } else { "replicas" };
    match waits {
        0 => format!("No request waits on the busiest day, on {most} {noun} at most"),
        n => format!(
            "Up to {} on the busiest day, on {most} {noun} at most",
            if n == 1 {
                "1 request waits".to_owned()
            } else {
                format!("{} requests wait", PAGE.count(n))
            }
        ),
    }
}

fn paint(canvas: &Canvas<'_>, day: &BusiestDayReport, zone: &str) -> Result<(), RenderError> {
    let n = day.ready.len().max(1) as f64;
    let x = |at: usize| LEFT + pixels(at as f64 / n, RIGHT - LEFT);
    let line = |values: &[f64], y: &dyn Fn(f64) -> i32| {
        steps(values.iter().enumerate().map(|(at, it)| (x(at), *it)), RIGHT, y)
    };
    let on: Vec<f64> = day.ready.iter().zip(&day.starting).map(|(a, b)| a + b).collect();
    let top = on.iter().copied().fold(1.0, f64::max);
    let y = |value: f64| REPLICAS.1 - pixels(value / top, REPLICAS.1 - REPLICAS.0);
    canvas.levels(top, (LEFT, RIGHT), y)?;
    for (values, color) in [(&on, STARTING), (&day.ready, IDLE), (&day.busy, RECOMMENDED)] {
        canvas.area(closed(&line(values, &y), REPLICAS.1), color, 1.0)?;
    }
    legend(canvas, day)?;
    let queue: Vec<f64> = day.queue_max.iter().map(|it| *it as f64).collect();
    let most = queue.iter().copied().fold(0.0, f64::max);
    canvas.text("requests in the queue", (LEFT, QUEUE.0 - 14), Anchor::Start, TEXT)?;
    if most > 0.0 {
        let y = |value: f64| QUEUE.1 - pixels(value / most, QUEUE.1 - QUEUE.0);
        let faint = "faint: the most at once";
        canvas.text(faint, (RIGHT, QUEUE.0 - 14), Anchor::End, TODAY)?;
        canvas.levels(most, (LEFT, RIGHT), y)?;
        canvas.area(closed(&line(&queue, &y), QUEUE.1), RISK, 0.3)?;
        canvas.line(line(&day.queue, &y), RISK, 1)?;
    } else {
        let middle = (LEFT + (RIGHT - LEFT) / 2, i32::midpoint(QUEUE.0, QUEUE.1));
        canvas.text("nobody waits", middle, Anchor::Middle, TODAY)?;
    }
    for bottom in [REPLICAS.1, QUEUE.1] {
        canvas.line(vec![(LEFT, bottom), (RIGHT, bottom)], TODAY, 1)?;
    }
    times(canvas, day, zone)
}

/// What the colours mean, as far as they occur.
fn legend(canvas: &Canvas<'_>, day: &BusiestDayReport) -> Result<(), RenderError> {
    let starts = day.starting.iter().any(|it| *it > 0.0);
    let mut x = LEFT;
    let all = [("replicas busy", RECOMMENDED), ("idle", IDLE), ("starting", STARTING)];
    for (name, color) in all.into_iter().take(if starts { 3 } else { 2 }) {
        canvas.rect((x, 3), (x + 10, 13), color, 1.0)?;
        canvas.frame((x, 3), (x + 10, 13), TODAY)?;
        canvas.text(name, (x + 16, 8), Anchor::Start, TEXT)?;
        x += 16 + text_width(name) + 20;
    }
    Ok(())
}

/// Hours below both.
fn times(canvas: &Canvas<'_>, day: &BusiestDayReport, zone: &str) -> Result<(), RenderError> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` saturates")]
    let len_us = (day.part_s * 1e6 * day.ready.len() as f64).max(1.0) as u64;
    let mut free = i32::MIN;
    for (us, text) in ticks::of(len_us, started(day, zone)) {
        let x = LEFT + pixels(us as f64 / len_us as f64, RIGHT - LEFT);
        let half = text_width(&text) / 2;
        canvas.line(vec![(x, QUEUE.1), (x, QUEUE.1 + 4)], TODAY, 1)?;
        let middle = x.clamp(half, WIDTH - half);
        if middle - half > free {
            canvas.text(&text, (middle, QUEUE.1 + 16), Anchor::Middle, TODAY)?;
            free = middle + half + 4;
        }
    }
    Ok(())
}

/// The numbers behind it: a row per hour.
pub(crate) fn data(report: &ReportModel, workload: &WorkloadReport) -> Table {
    const AN_HOUR: usize = 4;
    let heads = ["From", "Busy#", "Ready#", "Starting#", "In the queue#", "At most#"];
    let mut table =
        Table::new("Replicas and queue on the busiest day", &heads).narrow(Narrow::Table);
    let Some(day) = workload.busiest_day.as_ref() else { return table };
    let start = started(day, &report.time_zone);
    for at in (0..day.ready.len()).step_by(AN_HOUR) {
        let mean = |values: &[f64]| {
            let hour = values.get(at..(at + AN_HOUR).min(values.len())).unwrap_or_default();
            PAGE.quantity(hour.iter().sum::<f64>() / hour.len().max(1) as f64)
        };
        let most = day.queue_max.iter().skip(at).take(AN_HOUR).copied().max().unwrap_or(0);
        #[expect(clippy::cast_possible_truncation, reason = "`as` saturates")]
        let us = (day.part_s * 1e6 * at as f64) as i64;
        let from = match start {
            Some((start, zone)) => start.plus_us(us).in_zone(zone).format("%H:%M").to_string(),
            None => PAGE.duration(us as f64 / 1e6),
        };
        let cells = [&day.busy, &day.ready, &day.starting, &day.queue].map(|it| mean(it));
        let cells = std::iter::once(from).chain(cells).chain([PAGE.count(most)]);
        table.push(cells.collect());
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_finding_names_who_waits() {
        let day = |queue_max: Vec<u64>| BusiestDayReport {
            plan_id: "a".to_owned(),
            start: "2026-10-14T00:00:00Z".to_owned(),
            relative: false,
            requests: 9,
            part_s: 900.0,
            busy: vec![0.5; 2],
            ready: vec![1.0, 1.25],
            starting: vec![0.0, 0.25],
            queue: vec![0.0; 2],
            queue_max,
        };
        let said = finding(&day(vec![0, 0]));
        assert_eq!(said, "No request waits on the busiest day, on 2 replicas at most");
        let said = finding(&day(vec![0, 1]));
        assert_eq!(said, "Up to 1 request waits on the busiest day, on 2 replicas at most");
    }
}
