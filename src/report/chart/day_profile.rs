//! The day of a workload: demand by hour of the day, working days apart from weekends.

use chrono::{Datelike, Timelike};

use super::Chart;
use super::canvas::{
    self, Anchor, Canvas, RECOMMENDED, SERVERLESS, TEXT, TODAY, pixels, text_width,
};
use super::hours::{Hours, LEFT, RIGHT};
use crate::report::RenderError;
use crate::report::number::Medium;

/// Height of the picture.
const HEIGHT: i32 = 196;
/// Top of the plot; the names of the lines stand above.
const TOP: i32 = 24;
/// Bottom of the plot.
const BOTTOM: i32 = HEIGHT - 30;
/// Days of which the mean and the range mean something.
const LEAST_DAYS: usize = 2;

/// Demand of one hour of the day over some days.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Hour {
    mean: f64,
    low: f64,
    high: f64,
}

/// The hours of working days, and those of weekends; nothing where no day has them all.
#[derive(Clone, Debug, Default, PartialEq)]
struct Days {
    working: Option<Vec<Hour>>,
    weekend: Option<Vec<Hour>>,
}

/// The mean day, with the range from the 10th to the 90th percentile of working days.
pub(crate) fn day_profile(hours: &Hours<'_>) -> Result<Chart, RenderError> {
    let days = days(hours);
    let main = days.working.as_ref().or(days.weekend.as_ref());
    let top = [&days.working, &days.weekend]
        .into_iter()
        .flatten()
        .flatten()
        .map(|it| it.high.max(it.mean))
        .fold(0.0, f64::max);
    let title = main.filter(|_| top > 0.0).map_or_else(
        || "Too little data for the profile of a day".to_owned(),
        |hours| finding(hours),
    );
    let subtitle = format!(
        "Mean {} by hour of the day, {}, time zone {}",
        hours.unit(),
        hours.window,
        hours.zone.name()
    );
    let height = if main.is_some() && top > 0.0 { HEIGHT } else { super::EMPTY };
    let body = canvas::draw(height, |canvas| match main {
        Some(_) if top > 0.0 => paint(canvas, &days, top),
        Some(_) => canvas.empty("No demand", height),
        None => canvas.empty("Too little data: no hour of the day is known twice", height),
    })?;
    Ok(Chart { title, subtitle, body, height })
}

/// The sentence above the chart: the busiest hour, and how far it stands above the quietest.
fn finding(day: &[Hour]) -> String {
    /// Below this ratio no hour stands out.
    const STANDS_OUT: f64 = 1.3;
    let by_mean = |a: &(usize, &Hour), b: &(usize, &Hour)| a.1.mean.total_cmp(&b.1.mean);
    let busiest = day.iter().enumerate().max_by(by_mean);
    let quietest = day.iter().map(|it| it.mean).fold(f64::INFINITY, f64::min);
    let Some((at, hour)) = busiest else { return String::new() };
    if quietest <= 0.0 {
        let empty = day.iter().filter(|it| it.mean <= 0.0).count();
        let hours = if empty == 1 { "hour" } else { "hours" };
        return format!("Highest at {at:02}:00; {empty} {hours} of the day without demand");
    }
    let ratio = hour.mean / quietest;
    if ratio < STANDS_OUT {
        return "No hour of the day stands out".to_owned();
    }
    let ratio = Medium::Page.measure(ratio);
    format!("Highest at {at:02}:00, {ratio} times the quietest hour")
}

/// Hours of the day of the known hours of a series.
fn days(hours: &Hours<'_>) -> Days {
    if hours.series.relative || hours.series.spread {
        return Days::default();
    }
    let mut found: [Vec<Vec<f64>>; 2] = [vec![Vec::new(); 24], vec![Vec::new(); 24]];
    for (at, value) in hours.series.values.iter().enumerate() {
        let Some(value) = value else { continue };
        let local = hours.series.hour_start(at).in_zone(hours.zone);
        let weekend = usize::from(local.weekday().num_days_from_monday() >= 5);
        found[weekend][local.hour() as usize].push(*value);
    }
    let of = |mut hours: Vec<Vec<f64>>| {
        let enough = hours.iter().all(|it| it.len() >= LEAST_DAYS);
        enough.then(|| hours.iter_mut().map(|it| hour(it)).collect())
    };
    let [working, weekend] = found;
    Days { working: of(working), weekend: of(weekend) }
}

/// Mean and range of values, by nearest rank.
fn hour(values: &mut [f64]) -> Hour {
    values.sort_unstable_by(f64::total_cmp);
    let n = values.len();
    let rank = |percent: usize| values[(n * percent).div_ceil(100).clamp(1, n) - 1];
    Hour { mean: values.iter().sum::<f64>() / n as f64, low: rank(10), high: rank(90) }
}

fn paint(canvas: &Canvas<'_>, days: &Days, top: f64) -> Result<(), RenderError> {
    let y = |value: f64| BOTTOM - pixels(value / top, BOTTOM - TOP);
    let x = |at: usize| LEFT + pixels(at as f64 / 23.0, RIGHT - LEFT);
    canvas.levels(top, (LEFT, RIGHT), y)?;
    let mut name_at = LEFT;
    let mut named = |text: &str, color| {
        canvas.line(vec![(name_at, 8), (name_at + 14, 8)], color, 2)?;
        canvas.text(text, (name_at + 20, 8), Anchor::Start, TEXT)?;
        name_at += 20 + text_width(text) + 18;
        Ok::<(), RenderError>(())
    };
    if let Some(day) = &days.working {
        let mut band: Vec<(i32, i32)> =
            day.iter().enumerate().map(|(at, it)| (x(at), y(it.high))).collect();
        band.extend(day.iter().enumerate().rev().map(|(at, it)| (x(at), y(it.low))));
        canvas.area(band, RECOMMENDED, 0.18)?;
        named("Mon to Fri; shaded: 8 of 10 days", RECOMMENDED)?;
    }
    if days.weekend.is_some() {
        named("Sat and Sun", SERVERLESS)?;
    }
    for (day, color) in [(&days.weekend, SERVERLESS), (&days.working, RECOMMENDED)] {
        if let Some(day) = day {
            let line = day.iter().enumerate().map(|(at, it)| (x(at), y(it.mean))).collect();
            canvas.line(line, color, 2)?;
        }
    }
    for at in [0, 6, 12, 18, 23] {
        let text = format!("{at:02}:00");
        canvas.text(&text, (x(at), BOTTOM + 14), Anchor::Middle, TODAY)?;
    }
    Ok(())
}
