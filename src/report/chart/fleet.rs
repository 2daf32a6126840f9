//! A simulated fleet over time: its queue, its replicas, what it cost so far.

use chrono_tz::Tz;

use super::canvas::{
    self, Anchor, Canvas, RECOMMENDED, RISK, RULE, STARTING, TEXT, TODAY, closed, pixels, steps,
    text_width,
};
use super::hours::{LEFT, RIGHT};
use super::{Chart, WIDTH};
use crate::report::RenderError;
use crate::report::number::Medium;
use crate::simulate::{Part, Timeline};
use crate::units::Timestamp;

/// Height of the picture.
const HEIGHT: i32 = 212;
/// Top of the plot; names stand above.
const TOP: i32 = 24;
/// Bottom of the plot.
const BOTTOM: i32 = HEIGHT - 30;
/// Opacity below a line.
const FAINT: f64 = 0.18;
/// Numbers in charts.
const PAGE: Medium = Medium::Page;

/// A run and when it began, where that has a date.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock<'a> {
    /// The run.
    pub(crate) timeline: &'a Timeline,
    /// The first instant and the clock of the report.
    pub(crate) start: Option<(Timestamp, Tz)>,
}

impl Clock<'_> {
    fn parts(&self) -> &[Part] {
        &self.timeline.parts
    }

    /// The largest of a number over all parts.
    fn top(&self, of: impl Fn(&Part) -> f64) -> f64 {
        self.parts().iter().map(of).fold(0.0, f64::max)
    }

    fn x(&self, at: usize) -> i32 {
        LEFT + pixels(at as f64 / self.parts().len().max(1) as f64, RIGHT - LEFT)
    }

    /// The steps of a number.
    fn line(&self, of: impl Fn(&Part) -> f64, y: impl Fn(f64) -> i32) -> Vec<(i32, i32)> {
        steps(self.parts().iter().enumerate().map(|(at, it)| (self.x(at), of(it))), RIGHT, y)
    }

    /// `means over 6 s`.
    fn width(&self) -> String {
        format!("means over {}", PAGE.duration(self.timeline.width_us as f64 / 1e6))
    }

    /// Five times below the plot.
    fn times(&self, canvas: &Canvas<'_>) -> Result<(), RenderError> {
        let n = self.parts().len();
        for fourth in 0..=4_usize {
            let at = n * fourth / 4;
            let us = self.timeline.width_us.saturating_mul(at as u64);
            let text = match self.start {
                Some((start, zone)) => {
                    let at = start.plus_us(i64::try_from(us).unwrap_or(i64::MAX));
                    at.in_zone(zone).format("%-d %b %H:%M").to_string()
                }
                None => PAGE.duration(us as f64 / 1e6),
            };
            let x = self.x(at);
            let half = text_width(&text) / 2;
            let middle = x.clamp(half, WIDTH - half);
            canvas.line(vec![(x, BOTTOM), (x, BOTTOM + 4)], TODAY, 1)?;
            canvas.text(&text, (middle, BOTTOM + 16), Anchor::Middle, TODAY)?;
        }
        Ok(())
    }

    fn draw(
        &self,
        title: String,
        subtitle: String,
        top: f64,
        paint: impl Fn(&Canvas<'_>, &dyn Fn(f64) -> i32) -> Result<(), RenderError>,
    ) -> Result<Chart, RenderError> {
        let height = if top > 0.0 { HEIGHT } else { super::EMPTY };
        let y = |value: f64| BOTTOM - pixels(value / top, BOTTOM - TOP);
        let body = canvas::draw(height, |canvas| {
            if top <= 0.0 {
                return canvas.empty("Nothing at any time", height);
            }
            canvas.levels(top, (LEFT, RIGHT), y)?;
            paint(canvas, &y)?;
            canvas.line(vec![(LEFT, BOTTOM), (RIGHT, BOTTOM)], RULE, 1)?;
            self.times(canvas)
        })?;
        Ok(Chart { title, subtitle, body, height })
    }
}

/// Requests in the queue: means, and faint the most at once.
pub(crate) fn queue(clock: &Clock<'_>) -> Result<Chart, RenderError> {
    let most = clock.parts().iter().map(|it| it.queue_max).max().unwrap_or(0);
    let title = match most {
        0 => "No request waited in the queue".to_owned(),
        most => format!("Up to {} in the queue at once", PAGE.counted(most, "request")),
    };
    let subtitle = format!("Requests in the queue, {}; faint: the most at once", clock.width());
    clock.draw(title, subtitle, most as f64, |canvas, y| {
        let most = clock.line(|it| it.queue_max as f64, y);
        canvas.area(closed(&most, BOTTOM), RISK, FAINT)?;
        canvas.line(clock.line(|it| it.queue, y), RISK, 1)
    })
}

/// Replicas: busy and ready below the line of those that are on, starting between.
pub(crate) fn replicas(clock: &Clock<'_>) -> Result<Chart, RenderError> {
    let on = |it: &Part| it.ready + it.starting;
    let n = clock.parts().len().max(1) as f64;
    let mean = |of: &dyn Fn(&Part) -> f64| clock.parts().iter().map(of).sum::<f64>() / n;
    let (ready, busy) = (mean(&|it| it.ready), mean(&|it| it.busy));
    let title = if ready > 0.0 {
        format!(
            "{} replicas ready on average, {} of them busy",
            PAGE.measure(ready),
            PAGE.measure(busy)
        )
    } else {
        "No replica was ready".to_owned()
    };
    let subtitle = format!("Replicas, {}", clock.width());
    clock.draw(title, subtitle, clock.top(on), |canvas, y| {
        canvas.area(closed(&clock.line(on, y), BOTTOM), STARTING, 1.0)?;
        let ready = closed(&clock.line(|it| it.ready, y), BOTTOM);
        canvas.area(ready.clone(), super::canvas::PAGE, 1.0)?;
        canvas.area(ready, RECOMMENDED, FAINT)?;
        canvas.area(closed(&clock.line(|it| it.busy, y), BOTTOM), RECOMMENDED, 0.6)?;
        legend(canvas)
    })
}

/// What the colours of the replicas mean.
fn legend(canvas: &Canvas<'_>) -> Result<(), RenderError> {
    let mut x = LEFT;
    for (name, color, opacity) in
        [("busy", RECOMMENDED, 0.6), ("idle", RECOMMENDED, FAINT), ("starting", STARTING, 1.0)]
    {
        canvas.rect((x, 3), (x + 10, 13), color, opacity)?;
        canvas.text(name, (x + 16, 8), Anchor::Start, TEXT)?;
        x += 16 + text_width(name) + 20;
    }
    Ok(())
}

/// Cost from the window start on.
pub(crate) fn cost(clock: &Clock<'_>) -> Result<Chart, RenderError> {
    let last = clock.parts().last();
    let title = match last {
        Some(it) => format!("{} {} in all", PAGE.unit_cost(it.cost), it.cost.currency()),
        None => "No cost".to_owned(),
    };
    let currency = last.map(|it| it.cost.currency().to_string()).unwrap_or_default();
    let subtitle = format!("Cost so far, {currency}; what runs counts by its time so far");
    let value = |it: &Part| it.cost.to_f64();
    clock.draw(title, subtitle, clock.top(value), |canvas, y| {
        let mut line = vec![(LEFT, y(0.0))];
        let points = clock.parts().iter().enumerate();
        line.extend(points.map(|(at, it)| (clock.x(at + 1), y(value(it)))));
        line.dedup();
        canvas.area(closed(&line, BOTTOM), RECOMMENDED, FAINT)?;
        canvas.line(line, RECOMMENDED, 2)
    })
}
