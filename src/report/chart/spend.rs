//! Spend by day, stacked by workload.

use std::collections::BTreeSet;

use super::canvas::{
    self, Anchor, Canvas, PAGE as GROUND, RULE, TEXT, TODAY, pixels, steps, widest,
};
use super::{Chart, WIDTH};
use crate::report::course::CostOfDay;
use crate::report::model::{ReportModel, WorkloadReport};
use crate::report::number::{self, Medium};
use crate::report::table::{Narrow, Table};
use crate::report::{RenderError, words};
use crate::units::{Money, MoneyError};

/// Workloads with a band of their own.
const MOST: usize = 6;
/// Height of the picture.
const HEIGHT: i32 = 236;
/// Left edge of the plot.
const LEFT: i32 = 48;
/// Right edge of the plot; the names stand beside it.
const RIGHT: i32 = WIDTH - 128;
/// Top of the plot.
const TOP: i32 = 12;
/// Bottom of the plot.
const BOTTOM: i32 = HEIGHT - 30;
/// From one name to the next.
const LINE: i32 = 15;
/// Characters of a name.
const LONGEST: usize = 17;
/// Dates on the axis.
const MOST_DATES: usize = 4;
/// Between two of them.
const GAP: i32 = 6;
/// Neighbours differ in lightness, so that the bands are told apart in grey.
const OPACITIES: [f64; 7] = [0.95, 0.5, 0.75, 0.35, 0.6, 0.25, 0.45];
/// Numbers in charts.
const PAGE: Medium = Medium::Page;

/// A band: the days of one workload, or of all others.
struct Band {
    name: String,
    days: Vec<Money>,
}

/// The days of the window and the bands, the dearest workload first.
struct Stack<'a> {
    dates: Vec<&'a str>,
    bands: Vec<Band>,
}

impl<'a> Stack<'a> {
    fn of(report: &'a ReportModel) -> Result<Stack<'a>, MoneyError> {
        let zero = Money::zero(report.currency);
        let costs = report.workloads.iter().flat_map(|it| &it.cost_by_day);
        let costs = costs.chain(&report.portfolio.cost_by_day_of_others);
        let dates: BTreeSet<&str> = costs.map(|it| it.date.as_str()).collect();
        let dates: Vec<&str> = dates.into_iter().collect();
        let spent = |it: &WorkloadReport| it.baseline.effective_cost.map(Money::atto);
        let mut order: Vec<&WorkloadReport> =
            report.workloads.iter().filter(|it| !it.cost_by_day.is_empty()).collect();
        order.sort_by(|a, b| spent(b).cmp(&spent(a)).then_with(|| a.name.cmp(&b.name)));
        // Those whose days are added up already are others in any case.
        let added = &report.portfolio.cost_by_day_of_others;
        let is_added = |it: &&WorkloadReport| it.cost_by_day.is_empty() && spent(it).is_some();
        let n_added =
            if added.is_empty() { 0 } else { report.workloads.iter().filter(is_added).count() };
        let n = if order.len() + n_added > MOST + 1 { MOST.min(order.len()) } else { order.len() };
        let (own, others) = order.split_at(n);
        let mut bands = Vec::new();
        for it in own {
            let mut days = vec![zero; dates.len()];
            add(&mut days, &it.cost_by_day, &dates)?;
            bands.push(Band { name: words::shown(&it.name), days });
        }
        if !others.is_empty() || n_added > 0 {
            let mut days = vec![zero; dates.len()];
            for it in others {
                add(&mut days, &it.cost_by_day, &dates)?;
            }
            add(&mut days, added, &dates)?;
            let n_others = others.len() + n_added;
            bands.push(Band { name: PAGE.counted(n_others as u64, "other"), days });
        }
        Ok(Stack { dates, bands })
    }

    /// The sum of every day.
    fn totals(&self) -> Vec<f64> {
        let day = |at: usize| self.bands.iter().map(|it| drawn(it.days[at])).sum();
        (0..self.dates.len()).map(day).collect()
    }

    /// The bands up to and with each, as heights by day.
    fn tops(&self) -> Vec<Vec<f64>> {
        let mut sum = vec![0.0; self.dates.len()];
        let mut tops = Vec::new();
        for band in &self.bands {
            for (sum, cost) in sum.iter_mut().zip(&band.days) {
                *sum += drawn(*cost);
            }
            tops.push(sum.clone());
        }
        tops
    }

    fn x(&self, at: usize) -> i32 {
        LEFT + pixels(at as f64 / self.dates.len().max(1) as f64, RIGHT - LEFT)
    }
}

/// A day of credits has no height.
fn drawn(cost: Money) -> f64 {
    cost.to_f64().max(0.0)
}

fn add(days: &mut [Money], of: &[CostOfDay], dates: &[&str]) -> Result<(), MoneyError> {
    for day in of {
        if let Ok(at) = dates.binary_search(&day.date.as_str()) {
            days[at] = days[at].checked_add(day.cost)?;
        }
    }
    Ok(())
}

/// Spend by day: the six dearest workloads and the others.
pub(crate) fn spend(report: &ReportModel) -> Result<Chart, RenderError> {
    let stack = Stack::of(report).map_err(RenderError::Amount)?;
    let totals = stack.totals();
    let top = totals.iter().copied().fold(0.0, f64::max);
    let currency = report.currency;
    let most =
        (0..totals.len()).reduce(|best, at| if totals[at] > totals[best] { at } else { best });
    let title = match most {
        None => "What each day cost is not known".to_owned(),
        Some(_) if top <= 0.0 => "No day cost anything".to_owned(),
        Some(at) => format!(
            "The dearest day was {} with {} {currency}",
            number::date(stack.dates[at]),
            PAGE.quantity(totals[at])
        ),
    };
    let credits = stack.bands.iter().flat_map(|it| &it.days).any(|it| it.is_negative());
    let credits = if credits { "; days of credits have no height" } else { "" };
    let subtitle = format!(
        "Effective cost in {currency} by day and workload, {}, {}{credits}",
        report.period_label, report.time_zone
    );
    let usable = top > 0.0;
    let height = if usable { HEIGHT } else { super::EMPTY };
    let body = canvas::draw(height, |canvas| {
        if usable { paint(canvas, &stack, top) } else { canvas.empty("No cost by day", height) }
    })?;
    Ok(Chart { title, subtitle, body, height })
}

fn paint(canvas: &Canvas<'_>, stack: &Stack<'_>, top: f64) -> Result<(), RenderError> {
    let y = |value: f64| BOTTOM - pixels(value / top, BOTTOM - TOP);
    canvas.levels(top, (LEFT, RIGHT), y)?;
    let tops = stack.tops();
    let outline = |heights: &[f64]| {
        steps(heights.iter().enumerate().map(|(at, it)| (stack.x(at), *it)), RIGHT, y)
    };
    let mut below = vec![(LEFT, BOTTOM), (RIGHT, BOTTOM)];
    for (at, heights) in tops.iter().enumerate() {
        let line = outline(heights);
        let area = line.iter().copied().chain(below.into_iter().rev()).collect();
        canvas.area(area, TODAY, OPACITIES[at % OPACITIES.len()])?;
        canvas.line(line.clone(), GROUND, 1)?;
        below = line;
    }
    canvas.line(vec![(LEFT, BOTTOM), (RIGHT, BOTTOM)], RULE, 1)?;
    names(canvas, stack, &tops, y)?;
    dates(canvas, stack)
}

/// The names beside the last day, each as near to its band as those below leave room.
fn names(
    canvas: &Canvas<'_>,
    stack: &Stack<'_>,
    tops: &[Vec<f64>],
    y: impl Fn(f64) -> i32,
) -> Result<(), RenderError> {
    let last = |at: usize| tops[at].last().copied().unwrap_or(0.0);
    let middle = |at: usize| {
        let below = if at == 0 { 0.0 } else { last(at - 1) };
        y(f64::midpoint(below, last(at)))
    };
    let mut places: Vec<i32> = (0..tops.len()).map(middle).collect();
    // From the bottom up none may overlap the one below, from the top down none may leave the plot.
    let mut free = BOTTOM - 4;
    for place in &mut places {
        *place = (*place).min(free);
        free = *place - LINE;
    }
    let mut least = TOP;
    for place in places.iter_mut().rev() {
        *place = (*place).max(least);
        least = *place + LINE;
    }
    for (at, (band, place)) in stack.bands.iter().zip(places).enumerate() {
        canvas.line(vec![(RIGHT + 1, middle(at)), (RIGHT + 10, place)], TODAY, 1)?;
        let name = words::clip(&band.name, LONGEST);
        canvas.text(&name, (RIGHT + 13, place), Anchor::Start, TEXT)?;
    }
    Ok(())
}

fn dates(canvas: &Canvas<'_>, stack: &Stack<'_>) -> Result<(), RenderError> {
    for (x, middle, text) in date_labels(stack) {
        canvas.line(vec![(x, BOTTOM), (x, BOTTOM + 4)], TODAY, 1)?;
        canvas.text(&text, (middle, BOTTOM + 16), Anchor::Middle, TODAY)?;
    }
    Ok(())
}

/// The dates on the axis: where each is marked, the middle of its text, and the text. The year stands at the
/// first and where it changes; a text that has no room beside the one before is left out.
fn date_labels(stack: &Stack<'_>) -> Vec<(i32, i32, String)> {
    let each = stack.dates.len().div_ceil(MOST_DATES).max(1);
    let mut found = Vec::new();
    let (mut year, mut free) = ("", 0);
    for (at, date) in stack.dates.iter().enumerate().step_by(each) {
        let own = date.get(..4).unwrap_or_default();
        let full = number::date(date);
        let text = full.strip_suffix(&format!(" {own}")).filter(|_| own == year);
        let text = text.unwrap_or(&full).to_owned();
        let half = widest(&text) / 2;
        let x = stack.x(at);
        let middle = x.max(half).min(RIGHT);
        if middle - half < free {
            continue;
        }
        (year, free) = (own, middle + half + GAP);
        found.push((x, middle, text));
    }
    found
}

/// The numbers behind the bands: a row per day.
pub(crate) fn data(report: &ReportModel) -> Result<Table, RenderError> {
    let stack = Stack::of(report).map_err(RenderError::Amount)?;
    let names: Vec<String> = stack.bands.iter().map(|it| format!("{}#", it.name)).collect();
    let heads: Vec<&str> = std::iter::once("Day").chain(names.iter().map(String::as_str)).collect();
    let caption = format!("Effective cost by day, {}", report.currency);
    let mut table = Table::new(caption, &heads).narrow(Narrow::Lines);
    for (at, date) in stack.dates.iter().enumerate() {
        let cells = stack.bands.iter().map(|it| PAGE.money(it.days[at]));
        table.push(std::iter::once(number::date(date)).chain(cells).collect());
    }
    Ok(table)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_date_stands_on_another() {
        let check = |from: &str, n: usize, expected: &[&str]| {
            let start = chrono::NaiveDate::parse_from_str(from, "%Y-%m-%d").unwrap();
            let days: Vec<String> = start.iter_days().take(n).map(|it| it.to_string()).collect();
            let stack =
                Stack { dates: days.iter().map(String::as_str).collect(), bands: Vec::new() };
            let labels = date_labels(&stack);
            let texts: Vec<&str> = labels.iter().map(|it| it.2.as_str()).collect();
            assert_eq!(texts, expected);
            for pair in labels.windows(2) {
                let end = pair[0].1 + widest(&pair[0].2) / 2;
                assert!(end < pair[1].1 - widest(&pair[1].2) / 2, "{labels:?}");
            }
        };
        check("2026-10-01", 31, &["1 Oct 2026", "9 Oct", "17 Oct", "25 Oct"]);
        check("2026-12-14", 31, &["14 Dec 2026", "22 Dec", "30 Dec", "7 Jan 2027"]);
        check("2026-10-05", 1, &["5 Oct 2026"]);
        check("2026-12-30", 4, &["30 Dec 2026", "31 Dec", "1 Jan 2027", "2 Jan"]);
        check("2026-01-01", 365, &["1 Jan 2026", "3 Apr", "4 Jul", "4 Oct"]);
    }
}
