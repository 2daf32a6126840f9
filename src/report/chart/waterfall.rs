//! From one amount to another, step by step: today's cost to the recommended one, last month to this.

use plotters::style::RGBColor;

use super::canvas::{
    self, Anchor, Canvas, RECOMMENDED, RISK, RULE, SAVE, TEXT, TODAY, pixels, ticks, widest,
};
use super::{Chart, WIDTH};
use crate::report::RenderError;
use crate::report::model::{PreviousReport, ReportModel, WorkloadReport};
use crate::report::number::Medium;
use crate::report::table::Table;
use crate::report::{tables, words};
use crate::units::{Money, MoneyError};

/// Most actions with a bar of their own.
const MOST: usize = 7;
/// Height of a bar with its label.
const ROW: i32 = 34;
/// Height of a bar.
const BAR: i32 = 12;
/// From the top of a row to its bar.
const LABEL: i32 = 17;
/// Room on the right for the amount beside the longest bar.
const ROOM: i32 = 76;
/// Below the bars: the axis.
const FOOT: i32 = 22;
/// Characters of a label.
const LONGEST: usize = 60;
/// Numbers in charts.
const PAGE: Medium = Medium::Page;

/// A bar: an amount from zero, or a step from one to the next.
struct Step {
    label: String,
    amount: Money,
    is_total: bool,
    color: RGBColor,
}

impl Step {
    fn total(label: String, amount: Money, color: RGBColor) -> Step {
        Step { label, amount, is_total: true, color }
    }

    /// A change; what falls is favorable.
    fn change(label: String, amount: Money) -> Step {
        let color = if amount.is_negative() { SAVE } else { RISK };
        Step { label, amount, is_total: false, color }
    }

    /// The amount, a change with its sign.
    fn shown(&self) -> String {
        let text = PAGE.money_short(self.amount);
        let rises = !self.is_total && !self.amount.is_negative() && !self.amount.is_zero();
        if rises { format!("+{text}") } else { text }
    }
}

/// From what a month costs today to what it costs with the advice that is asked for.
pub(crate) fn savings(report: &ReportModel) -> Result<Chart, RenderError> {
    let steps = savings_steps(report).map_err(RenderError::Amount)?;
    let currency = report.currency;
    let totals = &report.totals;
    let by = &report.portfolio.savings_by_decision;
    let n = tables::to_do(report).len();
    let title = match (totals.baseline_monthly_cost, by.monthly_cost_after) {
        (Some(today), Some(then)) if n > 0 => {
            let actions = PAGE.counted(n as u64, "action");
            let (today, then) = (PAGE.money_short(today), PAGE.money_short(then));
            format!("{actions} take a month from {today} to {then} {currency}")
        }
        (Some(_), _) => words::capitalized(nothing(report)),
        _ => "What a month costs today is not known".to_owned(),
    };
    let what = if by.asked_for == by.identified { "all advice" } else { "what is asked for" };
    let subtitle = format!(
        "{currency} a month of 730 hours at the traffic of {}; effective cost, {what} together",
        report.period_label
    );
    let why = if totals.baseline_monthly_cost.is_some() { nothing(report) } else { "no cost" };
    let why = words::capitalized(why);
    let steps = if n > 0 { steps } else { Vec::new() };
    drawn((title, subtitle), &steps, &why)
}

/// Why no action has a step.
fn nothing(report: &ReportModel) -> &'static str {
    tables::all_decided(report).unwrap_or("nothing to save was found")
}

/// The name of the last bar.
fn last(report: &ReportModel) -> String {
    let by = &report.portfolio.savings_by_decision;
    let is_all = by.asked_for == by.identified;
    if is_all { "With all advice" } else { "With what is asked for" }.to_owned()
}

/// Why spend moved since an earlier report.
pub(crate) fn since(report: &ReportModel, old: &PreviousReport) -> Result<Chart, RenderError> {
    let it = &old.since;
    let difference = PAGE.money_short(it.difference);
    let currency = report.currency;
    let label = words::plain(&it.label);
    let largest = it.steps.iter().max_by_key(|it| it.amount.atto().unsigned_abs());
    let most = largest.filter(|it| !it.amount.is_zero());
    let most = most.map(|it| format!(", most of all by {}", words::shown(&it.name)));
    let most = most.unwrap_or_default();
    let title = if it.difference.is_zero() {
        format!("Spend is what it was in {label}")
    } else if it.difference.is_negative() {
        let less = difference.trim_start_matches('\u{2212}');
        format!("Spend fell by {less} {currency} since {label}{most}")
    } else {
        format!("Spend rose by {difference} {currency} since {label}{most}")
    };
    let subtitle = format!(
        "Effective cost of GPUs in {currency}, {} to {}",
        words::plain(&old.period_label),
        report.period_label
    );
    drawn((title, subtitle), &since_steps(report, old), "No cost in either month")
}

/// Today, what each action saves that is asked for, and what is left: what was rejected or put off
/// has no step.
fn savings_steps(report: &ReportModel) -> Result<Vec<Step>, MoneyError> {
    let totals = &report.totals;
    let Some(today) = totals.baseline_monthly_cost else { return Ok(Vec::new()) };
    let zero = Money::zero(report.currency);
    let less = |it: Money| zero.checked_sub(it);
    let ranked = tables::to_do(report);
    let (first, rest) = ranked.split_at(if ranked.len() > MOST { MOST - 1 } else { ranked.len() });
    let mut steps = vec![Step::total("Today".to_owned(), today, TODAY)];
    for it in first {
        steps.push(Step::change(label_of(report, it), less(it.advice.monthly_savings)?));
    }
    if !rest.is_empty() {
        let sum = rest.iter().map(|it| it.advice.monthly_savings);
        let sum = Money::sum(sum.collect::<Vec<_>>(), report.currency)?;
        steps.push(Step::change(PAGE.counted(rest.len() as u64, "more action"), less(sum)?));
    }
    let then = report.portfolio.savings_by_decision.monthly_cost_after.unwrap_or(zero);
    steps.push(Step::total(last(report), then, RECOMMENDED));
    Ok(steps)
}

/// `S1 rag-prod: switch`.
fn label_of(report: &ReportModel, workload: &WorkloadReport) -> String {
    let rank = words::rank(report, workload).unwrap_or_default();
    let action = words::action(&workload.advice);
    format!("{rank} {}: {action}", words::clip(&words::plain(&workload.name), 40))
}

fn since_steps(report: &ReportModel, old: &PreviousReport) -> Vec<Step> {
    let it = &old.since;
    let mut steps = vec![Step::total(words::shown(&old.period_label), it.old, TODAY)];
    let changes = it.steps.iter().filter(|it| !it.amount.is_zero());
    steps.extend(
        changes.map(|it| Step::change(words::capitalized(&words::shown(&it.name)), it.amount)),
    );
    steps.push(Step::total(report.period_label.clone(), it.new, TODAY));
    steps
}

/// The numbers behind the first.
pub(crate) fn savings_data(report: &ReportModel) -> Result<Table, RenderError> {
    let head = format!("{} a month#", report.currency);
    let mut table = Table::new("From today's cost to the recommended one", &["Step", &head]);
    let zero = Money::zero(report.currency);
    if let Some(today) = report.totals.baseline_monthly_cost {
        table.push(vec!["Today".to_owned(), PAGE.money(today)]);
    }
    for it in tables::to_do(report) {
        let less = zero.checked_sub(it.advice.monthly_savings).map_err(RenderError::Amount)?;
        table.push(vec![label_of(report, it), PAGE.money(less)]);
    }
    if let Some(then) = report.portfolio.savings_by_decision.monthly_cost_after {
        table.push(vec![last(report), PAGE.money(then)]);
    }
    Ok(table)
}

/// The numbers behind the second.
pub(crate) fn since_data(report: &ReportModel, old: &PreviousReport) -> Table {
    let head = format!("{}#", report.currency);
    let mut table = Table::new("Why spend moved", &["Step", &head]);
    for it in since_steps(report, old) {
        table.push(vec![it.label, PAGE.money(it.amount)]);
    }
    table
}

fn drawn(
    (title, subtitle): (String, String),
    steps: &[Step],
    why: &str,
) -> Result<Chart, RenderError> {
    let rows = i32::try_from(steps.len()).unwrap_or(0);
    let height = if steps.is_empty() { super::EMPTY } else { rows * ROW + FOOT };
    let body = canvas::draw(height, |canvas| {
        if steps.is_empty() { canvas.empty(why, height) } else { paint(canvas, steps, rows) }
    })?;
    Ok(Chart { title, subtitle, body, height })
}

/// Where a label begins that no line crosses: left of the line where there is room, else right of it.
fn beside(line: Option<i32>, width: i32, is_total: bool) -> i32 {
    const GAP: i32 = 6;
    let Some(line) = line else { return 0 };
    match line - GAP - width {
        room if room >= 0 && is_total => 0,
        room if room >= 0 => room,
        _ => (line + GAP).min(WIDTH - width).max(0),
    }
}

/// Where each bar begins and ends.
fn reaches(steps: &[Step]) -> Vec<(f64, f64)> {
    let mut level = 0.0;
    let reach = |step: &Step| {
        let amount = step.amount.to_f64();
        let from = if step.is_total { 0.0 } else { level };
        level = from + amount;
        (from, level)
    };
    steps.iter().map(reach).collect()
}

fn paint(canvas: &Canvas<'_>, steps: &[Step], rows: i32) -> Result<(), RenderError> {
    let reaches = reaches(steps);
    let ends = reaches.iter().flat_map(|it| [it.0, it.1]).filter(|it| it.is_finite());
    let (low, high) = ends.fold((0.0_f64, 0.0_f64), |(low, high), it| (low.min(it), high.max(it)));
    let span = (high - low).max(f64::MIN_POSITIVE);
    let x = |value: f64| pixels((value - low) / span, WIDTH - ROOM);
    let bottom = rows * ROW;
    for value in ticks(high) {
        let middle = x(value);
        // A mark, no rule: a rule would go through labels and amounts, which say it all.
        canvas.line(vec![(middle, bottom), (middle, bottom + 4)], RULE, 1)?;
        let anchor = if middle == 0 { Anchor::Start } else { Anchor::Middle };
        canvas.text(&PAGE.quantity(value), (middle, bottom + 13), anchor, TODAY)?;
    }
    for (at, (step, (from, to))) in steps.iter().zip(&reaches).enumerate() {
        let y = i32::try_from(at).unwrap_or(0) * ROW;
        let label = words::clip(&step.label, LONGEST);
        let (left, right) = (x(from.min(*to)), x(from.max(*to)));
        // A step too small to see is a line.
        let right = right.max(left + 1);
        canvas.rect((left, y + LABEL), (right, y + LABEL + BAR), step.color, 1.0)?;
        if at + 1 < steps.len() {
            let (end, next) = (x(*to), y + ROW + LABEL);
            canvas.line(vec![(end, y + LABEL + BAR), (end, next)], TODAY, 1)?;
        }
        // The bar before ends here, and a line comes down from there.
        let line = at.checked_sub(1).and_then(|it| reaches.get(it)).map(|it| x(it.1));
        let start = beside(line, widest(&label), step.is_total);
        let amount = (right + 6, y + LABEL + BAR / 2);
        if step.is_total {
            canvas.bold(&label, (start, y + 8), Anchor::Start, TEXT)?;
            canvas.bold(&step.shown(), amount, Anchor::Start, TEXT)?;
        } else {
            canvas.text(&label, (start, y + 8), Anchor::Start, TEXT)?;
            canvas.text(&step.shown(), amount, Anchor::Start, TEXT)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_label_stands_on_a_line() {
        assert_eq!(beside(None, 100, false), 0);
        assert_eq!(beside(Some(300), 100, true), 0);
        for line in 0..=WIDTH - 76 {
            for width in [20, 100, 200] {
                let start = beside(Some(line), width, false);
                assert!(start >= 0 && start + width <= WIDTH, "{line} {width}: {start}");
                assert!(start > line || start + width < line, "{line} {width}: {start}");
            }
        }
    }
}
