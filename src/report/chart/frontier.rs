//! Cost of a month against the time to the first token: which plans no other beats in both.

use super::canvas::{
    self, Anchor, Canvas, PAGE as GROUND, RECOMMENDED, RISK, TEXT, TODAY, pixels, text_width, ticks,
};
use super::hours::{LEFT, RIGHT};
use super::{Chart, WIDTH};
use crate::report::model::{PlanReport, ReportModel, WorkloadReport};
use crate::report::number::{DASH, Medium};
use crate::report::table::Table;
use crate::report::{RenderError, words};

/// Height of the picture.
const HEIGHT: i32 = 256;
/// Top of the plot; the name of the limit stands above.
const TOP: i32 = 24;
/// Bottom of the plot.
const BOTTOM: i32 = HEIGHT - 42;
/// Half of a mark.
const MARK: i32 = 4;
/// Plans that cost so many times the dearer of today and the recommended one are not drawn.
const FAR: f64 = 3.0;
/// Above this ratio of the slowest to the fastest the axis is logarithmic.
const WIDE: f64 = 12.0;
/// Plans in the table.
const MOST_ROWS: usize = 20;
/// Numbers in charts.
const PAGE: Medium = Medium::Page;

/// A plan with both numbers.
struct Point<'a> {
    plan: &'a PlanReport,
    ttft_s: f64,
    cost: f64,
    recommended: bool,
    on_front: bool,
}

impl Point<'_> {
    fn today(&self) -> bool {
        self.plan.purchase == "today"
    }

    /// What stands beside it.
    fn name(&self) -> String {
        match (self.today(), self.recommended) {
            (true, true) => "today, recommended".to_owned(),
            (true, false) => "today".to_owned(),
            (false, true) => "recommended".to_owned(),
            (false, false) => {
                let gpu = words::gpu_short(&self.plan.gpu);
                words::clip(&format!("{gpu} {}", short(&self.plan.purchase)), 28)
            }
        }
    }
}

/// A way of buying in two words.
fn short(purchase: &str) -> &str {
    match purchase {
        "payg_fixed" => "fixed",
        "payg_autoscaled" => "autoscaled",
        "payg_scheduled" => "on a schedule",
        "payg_following" => "while in use",
        "serverless_flex" => "serverless",
        "shared" => "shared",
        "api" => "API",
        it if it.starts_with("spot") => "spot",
        it if it.starts_with("reserved") => "reserved",
        other => other,
    }
}

/// Where the times lie on the axis.
struct Times {
    low: f64,
    high: f64,
    is_log: bool,
}

impl Times {
    fn of(points: &[Point<'_>], limit: Option<f64>) -> Times {
        let all = points.iter().map(|it| it.ttft_s).chain(limit);
        let (low, high) =
            all.fold((f64::MAX, 0.0_f64), |(low, high), it| (low.min(it), high.max(it)));
        let is_log = low > 0.0 && high / low > WIDE;
        if is_log {
            Times { low: low / 1.3, high: high * 1.3, is_log }
        } else {
            Times { low: 0.0, high: (high * 1.15).max(f64::MIN_POSITIVE), is_log }
        }
    }

    fn x(&self, seconds: f64) -> i32 {
        let share = if self.is_log {
            libm::log(seconds.max(self.low) / self.low) / libm::log(self.high / self.low)
        } else {
            seconds / self.high
        };
        LEFT + pixels(share, RIGHT - LEFT)
    }

    fn ticks(&self) -> Vec<f64> {
        if !self.is_log {
            return ticks(self.high);
        }
        let decade = libm::floor(libm::log10(self.low));
        let all: Vec<f64> = (0..12_u32).map(|at| libm::pow(10.0, decade + f64::from(at))).collect();
        let inside = |it: &f64| *it >= self.low && *it <= self.high;
        let mut found: Vec<f64> = all.iter().copied().filter(inside).collect();
        if found.len() < 3 {
            found = all.iter().flat_map(|it| [*it, 3.0 * it]).filter(inside).collect();
        }
        found.truncate(5);
        found
    }
}

/// The plans that were simulated with requests: those drawn, and how many cost too much for it.
fn points(workload: &WorkloadReport) -> (Vec<Point<'_>>, usize) {
    let recommended = workload.advice.plan_id.as_deref();
    let keeps = recommended.is_none() && workload.advice.action == "keep";
    let all = workload.plans.iter().filter_map(|plan| {
        let recommended = recommended == Some(plan.id.as_str());
        let ttft_s = plan.ttft_p95_s.filter(|it| it.is_finite() && *it >= 0.0)?;
        let cost = plan.monthly_cost.to_f64();
        let recommended = recommended || keeps && plan.purchase == "today";
        Some(Point { plan, ttft_s, cost, recommended, on_front: false })
    });
    let mut all: Vec<Point<'_>> = all.collect();
    let named = all.iter().filter(|it| it.recommended || it.today()).map(|it| it.cost);
    let cheapest = all.iter().map(|it| it.cost).fold(f64::MAX, f64::min);
    let most = FAR * named.fold(cheapest, f64::max);
    let n = all.len();
    all.retain(|it| it.cost <= most);
    let far = n - all.len();
    let front: Vec<bool> = all
        .iter()
        .map(|it| {
            let beats = |other: &Point<'_>| {
                other.cost <= it.cost
                    && other.ttft_s <= it.ttft_s
                    && (other.cost < it.cost || other.ttft_s < it.ttft_s)
            };
            !all.iter().any(beats)
        })
        .collect();
    for (point, on_front) in all.iter_mut().zip(front) {
        point.on_front = on_front;
    }
    (all, far)
}

/// Cost against TTFT p95: a mark per plan, the front, the limit.
pub(crate) fn frontier(
    report: &ReportModel,
    workload: &WorkloadReport,
) -> Result<Chart, RenderError> {
    let (points, far) = points(workload);
    let limit = workload.slo.ttft_p95_s.filter(|it| it.is_finite() && *it > 0.0);
    let mut subtitle = format!(
        "{} a month of 730 hours against the time to the first token that 95 of 100 requests keep, \
         simulated on the requests of {}",
        report.currency, report.period_label
    );
    if far > 0 {
        let s = if far == 1 { " costs" } else { "s cost" };
        subtitle = format!("{subtitle}; {far} more plan{s} over {FAR:.0} times as much");
    }
    let height = if points.is_empty() { super::EMPTY } else { HEIGHT };
    let body = canvas::draw(height, |canvas| {
        if points.is_empty() {
            canvas.empty("No plan was simulated request by request", height)
        } else {
            paint(canvas, &points, limit)
        }
    })?;
    Ok(Chart { title: finding(&points, limit), subtitle, body, height })
}

/// The sentence above the chart.
fn finding(points: &[Point<'_>], limit: Option<f64>) -> String {
    let recommended = points.iter().find(|it| it.recommended);
    let today = points.iter().find(|it| it.today());
    let time = |it: &Point<'_>| PAGE.duration(it.ttft_s);
    match (today, recommended) {
        _ if points.is_empty() => "Too little data to compare latencies".to_owned(),
        (Some(today), Some(then)) if !then.today() => {
            format!("The first token comes after {} instead of {}", time(then), time(today))
        }
        (_, Some(then)) => format!("The first token comes after {}", time(then)),
        _ => {
            let within = |it: &&Point<'_>| limit.is_none_or(|limit| it.ttft_s <= limit);
            let n = points.iter().filter(within).count();
            format!("{n} of {} within the limit", PAGE.counted(points.len() as u64, "plan"))
        }
    }
}

fn paint(canvas: &Canvas<'_>, points: &[Point<'_>], limit: Option<f64>) -> Result<(), RenderError> {
    let times = Times::of(points, limit);
    let top = 1.08 * points.iter().map(|it| it.cost).fold(f64::MIN_POSITIVE, f64::max);
    let y = |value: f64| BOTTOM - pixels(value / top, BOTTOM - TOP);
    canvas.levels(top, (LEFT, RIGHT), y)?;
    for seconds in times.ticks() {
        let x = times.x(seconds);
        canvas.line(vec![(x, BOTTOM), (x, BOTTOM + 4)], TODAY, 1)?;
        canvas.text(&PAGE.duration(seconds), (x, BOTTOM + 15), Anchor::Middle, TODAY)?;
    }
    let axis = if times.is_log { "TTFT p95, logarithmic" } else { "TTFT p95" };
    canvas.text(axis, (LEFT + (RIGHT - LEFT) / 2, BOTTOM + 32), Anchor::Middle, TODAY)?;
    if let Some(limit) = limit {
        let x = times.x(limit);
        canvas.line(vec![(x, TOP - 8), (x, BOTTOM)], RISK, 2)?;
        let text = format!("limit {}", PAGE.duration(limit));
        let half = text_width(&text) / 2;
        canvas.text(&text, (x.clamp(LEFT + half, RIGHT - half), 7), Anchor::Middle, TEXT)?;
    }
    let at = |it: &Point<'_>| (times.x(it.ttft_s), y(it.cost));
    canvas.line(front(points, at), RECOMMENDED, 1)?;
    let (plain, named): (Vec<_>, Vec<_>) =
        points.iter().partition(|it| !it.recommended && !it.today());
    for it in plain.iter().chain(&named) {
        mark(canvas, it, at(it))?;
    }
    let mut taken: Vec<Box4> = points.iter().map(|it| around(at(it))).collect();
    for it in named.iter().chain(plain.iter().filter(|it| it.on_front)) {
        name(canvas, it, at(it), &mut taken)?;
    }
    Ok(())
}

/// The steps along the plans of the front, the fastest first.
fn front(points: &[Point<'_>], at: impl Fn(&Point<'_>) -> (i32, i32)) -> Vec<(i32, i32)> {
    let mut corners: Vec<(i32, i32)> = points.iter().filter(|it| it.on_front).map(at).collect();
    corners.sort_unstable();
    let mut line: Vec<(i32, i32)> = Vec::new();
    for (x, y) in corners {
        if let Some((_, before)) = line.last().copied() {
            line.push((x, before));
        }
        line.push((x, y));
    }
    line
}

/// A square for today, a large disc for the recommended plan, a ring for a plan within its limits and
/// a cross for one that misses them.
fn mark(canvas: &Canvas<'_>, it: &Point<'_>, (x, y): (i32, i32)) -> Result<(), RenderError> {
    if it.recommended {
        canvas.disc((x, y), MARK + 2, GROUND)?;
        canvas.disc((x, y), MARK + 1, RECOMMENDED)?;
    }
    if it.today() {
        return canvas.rect((x - MARK, y - MARK), (x + MARK, y + MARK), TODAY, 1.0);
    }
    if it.recommended {
        return Ok(());
    }
    if it.plan.meets_slo {
        return canvas.ring((x, y), MARK - 1, TODAY);
    }
    let m = MARK - 1;
    canvas.line(vec![(x - m, y - m), (x + m, y + m)], TODAY, 1)?;
    canvas.line(vec![(x - m, y + m), (x + m, y - m)], TODAY, 1)
}

/// Left, top, right, bottom.
type Box4 = (i32, i32, i32, i32);

fn around((x, y): (i32, i32)) -> Box4 {
    (x - MARK - 1, y - MARK - 1, x + MARK + 1, y + MARK + 1)
}

/// The name beside its mark, where nothing else stands; today and the recommended plan always have
/// theirs.
fn name(
    canvas: &Canvas<'_>,
    it: &Point<'_>,
    (x, y): (i32, i32),
    taken: &mut Vec<Box4>,
) -> Result<(), RenderError> {
    let text = it.name();
    let width = text_width(&text);
    let strong = it.recommended || it.today();
    let places = [
        (x + 9, y),
        (x - 9 - width, y),
        (x + 6, y - 13),
        (x + 6, y + 13),
        (x - 6 - width, y - 13),
        (x - 6 - width, y + 13),
        (x - width / 2, y - 24),
    ];
    let inside = |(left, middle): &(i32, i32)| {
        *left >= LEFT && left + width <= WIDTH && *middle >= TOP && *middle <= BOTTOM - 6
    };
    let is_free = |(left, middle): &(i32, i32)| {
        let it = (*left, middle - 6, left + width, middle + 6);
        !taken.iter().any(|by| it.0 < by.2 && by.0 < it.2 && it.1 < by.3 && by.1 < it.3)
    };
    let mut fit = places.into_iter().filter(inside);
    let mut first = None;
    let free = fit.find(|place| {
        first = first.or(Some(*place));
        is_free(place)
    });
    let Some((left, middle)) = free.or(first.filter(|_| strong)) else { return Ok(()) };
    taken.push((left, middle - 6, left + width, middle + 6));
    canvas.rect((left - 1, middle - 7), (left + width, middle + 7), GROUND, 0.8)?;
    if strong {
        canvas.bold(&text, (left, middle), Anchor::Start, TEXT)
    } else {
        canvas.text(&text, (left, middle), Anchor::Start, TODAY)
    }
}

/// The numbers behind the marks, the recommended plan set off.
pub(crate) fn data(report: &ReportModel, workload: &WorkloadReport) -> Table {
    let cost = format!("{} a month#", report.currency);
    let heads = ["Plan", &cost, "TTFT p95#", "Within the limits"];
    let mut table = Table::new("Cost and time to the first token by plan", &heads);
    let known: Vec<&PlanReport> =
        workload.plans.iter().filter(|it| it.ttft_p95_s.is_some()).collect();
    for plan in known.iter().take(MOST_ROWS) {
        let time = plan.ttft_p95_s.map_or_else(|| DASH.to_owned(), |it| PAGE.duration(it));
        let within = if plan.meets_slo { "yes" } else { "no" };
        table.push_strong(
            workload.advice.plan_id.as_ref() == Some(&plan.id),
            vec![words::shown(&plan.label), PAGE.money(plan.monthly_cost), time, within.to_owned()],
        );
    }
    let left = known.len().saturating_sub(MOST_ROWS);
    table.note = (left > 0).then(|| format!("{left} more plans are in the JSON"));
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_times_are_logarithmic() {
        let times = Times { low: 0.05, high: 200.0, is_log: true };
        assert_eq!(times.ticks(), [0.1, 1.0, 10.0, 100.0]);
        assert!(times.x(0.05) == LEFT && times.x(200.0) == RIGHT);
    }
}
