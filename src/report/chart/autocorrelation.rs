//! How far demand resembles itself so many hours later.

use super::Chart;
use super::canvas::{self, Anchor, Canvas, RECOMMENDED, RULE, TEXT, TODAY, pixels};
use super::hours::{Hours, LEFT, RIGHT};
use crate::classify::autocorrelations;
use crate::report::RenderError;
use crate::report::number::Medium;

/// Height of the picture.
const HEIGHT: i32 = 196;
/// Top of the plot.
const TOP: i32 = 12;
/// Bottom of the plot.
const BOTTOM: i32 = HEIGHT - 30;
/// Longest lag drawn: a week and a day.
const LONGEST: usize = 192;
/// Hours of a day.
const DAY: usize = 24;
/// Below, a day says little of the next.
const WEAK: f64 = 0.3;

/// The autocorrelation of the hours at every lag up to half of the data, at most 8 days.
pub(crate) fn autocorrelation(hours: &Hours<'_>) -> Result<Chart, RenderError> {
    let n = hours.series.values.iter().flatten().count();
    let values = autocorrelations(hours.series, LONGEST.min(hours.series.values.len() / 2));
    let usable = values.len() >= DAY;
    let page = Medium::Page;
    let title = match values.get(DAY).filter(|_| usable) {
        None => "Too little data for an autocorrelation".to_owned(),
        Some(day) => {
            let much = match *day {
                it if it <= chance(n) => "Does not resemble",
                it if it < WEAK => "Hardly resembles",
                _ => "Resembles",
            };
            format!("{much} the day before: {} at 24 hours", page.measure(*day))
        }
    };
    let subtitle = format!("Autocorrelation of {}, {}", hours.unit(), hours.window);
    let height = if usable { HEIGHT } else { super::EMPTY };
    let body = canvas::draw(height, |canvas| {
        if usable {
            paint(canvas, &values, chance(n))
        } else {
            canvas.empty("Too little data: needs two days that vary", height)
        }
    })?;
    Ok(Chart { title, subtitle, body, height })
}

/// What 95 % of the autocorrelations of independent values stay below: 1.96 / sqrt(n).
fn chance(n: usize) -> f64 {
    1.96 / (n.max(1) as f64).sqrt()
}

fn paint(canvas: &Canvas<'_>, values: &[f64], chance: f64) -> Result<(), RenderError> {
    let least = values.iter().copied().fold(0.0, f64::min);
    let bottom = match least {
        it if it < -0.5 => -1.0,
        it if it < -chance => -0.5,
        _ => -0.25,
    };
    let y = |value: f64| BOTTOM - pixels((value - bottom) / (1.0 - bottom), BOTTOM - TOP);
    let last = values.len() - 1;
    let x = |lag: usize| LEFT + pixels(lag as f64 / last as f64, RIGHT - LEFT);
    canvas.rect((LEFT, y(chance)), (RIGHT, y(-chance)), TODAY, 0.18)?;
    for value in [-0.5, 0.0, 0.5, 1.0].into_iter().filter(|it| *it >= bottom) {
        canvas.line(vec![(LEFT, y(value)), (RIGHT, y(value))], RULE, 1)?;
        canvas.text(&Medium::Page.quantity(value), (LEFT - 8, y(value)), Anchor::End, TODAY)?;
    }
    for lag in (0..=last).step_by(DAY) {
        canvas.line(vec![(x(lag), TOP), (x(lag), BOTTOM)], RULE, 1)?;
        let days = lag / DAY;
        let text = if days == 1 { "1 day".to_owned() } else { format!("{days} days") };
        let anchor = if lag == 0 { Anchor::Start } else { Anchor::Middle };
        if last <= 4 * DAY || days.is_multiple_of(2) || days == 7 {
            canvas.text(&text, (x(lag), BOTTOM + 14), anchor, TODAY)?;
        }
    }
    let line = values.iter().enumerate().map(|(lag, value)| (x(lag), y(*value))).collect();
    canvas.line(line, RECOMMENDED, 2)?;
    canvas.text("grey: what chance alone gives", (RIGHT, TOP + 4), Anchor::End, TEXT)
}
