//! A simulated fleet over time: its queue, its replicas, what it cost so far.

use chrono_tz::Tz;

use super::canvas::{
    self, Anchor, Canvas, IDLE, RECOMMENDED, RISK, RULE, STARTING, TEXT, TODAY, closed, pixels,
    steps, text_width,
};
use super::hours::{LEFT, RIGHT};
use super::{Chart, WIDTH, ticks};
use crate::report::RenderError;
use crate::report::number::{self, Medium};
use crate::simulate::{Part, Timeline};
use crate::units::Timestamp;

/// Height of the picture.
const HEIGHT: i32 = 226;
/// Top of the plot; names stand above.
const TOP: i32 = 24;
/// Bottom of the plot; times and what they are stand below.
const BOTTOM: i32 = HEIGHT - 44;
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

    /// Times below the plot at round hours or days, and what they are.
    fn times(&self, canvas: &Canvas<'_>) -> Result<(), RenderError> {
        let len_us = self.len_us();
        let mut free = i32::MIN;
        for (us, text) in ticks::of(len_us, self.start) {
            let x = LEFT + pixels(us as f64 / len_us as f64, RIGHT - LEFT);
            let half = text_width(&text) / 2;
            canvas.line(vec![(x, BOTTOM), (x, BOTTOM + 4)], TODAY, 1)?;
            let middle = x.clamp(half, WIDTH - half);
            if middle - half > free {
                canvas.text(&text, (middle, BOTTOM + 16), Anchor::Middle, TODAY)?;
                free = middle + half + 4;
            }
        }
        let axis = match self.start {
            Some((start, zone)) => {
                let date = start.in_zone(zone).format("%Y-%m-%d").to_string();
                format!("from {}, clock of {}", number::date(&date), zone.name())
            }
            None => "time from the start".to_owned(),
        };
        let middle = LEFT + (RIGHT - LEFT) / 2;
        canvas.text(&axis, (middle, BOTTOM + 32), Anchor::Middle, TODAY)
    }

    fn len_us(&self) -> u64 {
        self.timeline.width_us.saturating_mul(self.parts().len() as u64).max(1)
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
        let shown = PAGE.measure(ready);
        let noun = if shown == "1" { "replica" } else { "replicas" };
        format!("{shown} {noun} ready on average, {} busy", PAGE.measure(busy))
    } else {
        "No replica was ready".to_owned()
    };
    let subtitle = format!("Replicas, {}", clock.width());
    clock.draw(title, subtitle, clock.top(on), |canvas, y| {
        canvas.area(closed(&clock.line(on, y), BOTTOM), STARTING, 1.0)?;
        let ready = closed(&clock.line(|it| it.ready, y), BOTTOM);
        canvas.area(ready, IDLE, 1.0)?;
        canvas.area(closed(&clock.line(|it| it.busy, y), BOTTOM), RECOMMENDED, 1.0)?;
        legend(canvas)
    })
}

/// What the colours of the replicas mean.
fn legend(canvas: &Canvas<'_>) -> Result<(), RenderError> {
    let mut x = LEFT;
    for (name, color) in [("busy", RECOMMENDED), ("idle", IDLE), ("starting", STARTING)] {
        canvas.rect((x, 3), (x + 10, 13), color, 1.0)?;
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
