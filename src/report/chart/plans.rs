//! Cost of a month by plan, stacked by what the money pays for.

use plotters::style::RGBColor;

use super::canvas::{
    self, Anchor, Canvas, IDLE, RECOMMENDED, RULE, SERVERLESS, SPOT, STARTING, TEXT, TODAY, pixels,
    text_width, ticks,
};
use super::{Chart, WIDTH};
use crate::report::RenderError;
use crate::report::model::{PlanReport, ReportModel, WorkloadReport};
use crate::report::number::Medium;
use crate::report::table::Table;
use crate::report::{tables, words};

/// Most bars.
const MOST: usize = 7;
/// Height of a bar with its label.
const ROW: i32 = 38;
/// Height of a bar.
const BAR: i32 = 14;
/// From the top of a row to its bar.
const LABEL: i32 = 18;
/// Room on the right for the amount beside the longest bar.
const ROOM: i32 = 76;
/// Below the bars: the axis and what the patterns mean.
const FOOT: i32 = 46;

/// Characters of a label on the width of the picture, and of one in bold, in the larger type of a phone.
const LONGEST: [usize; 2] = [64, 57];

/// Width of a colour in the legend.
const SWATCH: i32 = 14;

/// A bar: its label, amount and parts.
struct Bar {
    label: String,
    strong: bool,
    amount: String,
    /// What the plan is to the reader; empty for one that is no more than cheaper or dearer.
    mark: &'static str,
    total: f64,
    parts: Vec<(f64, RGBColor, f64)>,
}

impl Bar {
    /// The label, and the amount that stands at `x`: the mark goes with the amount, where it has room,
    /// else before the label.
    fn texts(&self, x: i32) -> (String, String) {
        let longest = LONGEST[usize::from(self.strong)];
        let marked = format!("{}, {}", self.amount, self.mark);
        let (label, amount) = if self.mark.is_empty() {
            (self.label.clone(), self.amount.clone())
        } else if x + text_width(&marked) * 5 / 4 < WIDTH {
            (self.label.clone(), marked)
        } else {
            let mark = words::capitalized(self.mark);
            (format!("{mark}: {}", self.label), self.amount.clone())
        };
        (words::clip(&label, longest), amount)
    }

    /// The look of its time that serves.
    fn serving(&self) -> Option<(RGBColor, f64)> {
        let (amount, color, opacity) = self.parts.first()?;
        (*amount > 0.0).then_some((*color, *opacity))
    }
}

/// Cost by plan: today, the recommended plan, and the cheapest of the other ways of buying.
pub(crate) fn plans(report: &ReportModel, workload: &WorkloadReport) -> Result<Chart, RenderError> {
    let bars = bars(workload);
    let subtitle = format!(
        "{} a month of 730 hours at the traffic of {}",
        report.currency, report.period_label
    );
    let rows = i32::try_from(bars.len()).unwrap_or(0);
    let height = if bars.is_empty() { super::EMPTY } else { rows * ROW + FOOT };
    let body = canvas::draw(height, |canvas| {
        if bars.is_empty() {
            canvas.empty("No plan was simulated: too little data", height)
        } else {
            paint(canvas, &bars, rows)
        }
    })?;
    Ok(Chart { title: finding(report, workload), subtitle, body, height })
}

/// The sentence above the chart.
fn finding(report: &ReportModel, workload: &WorkloadReport) -> String {
    let page = Medium::Page;
    let currency = report.currency;
    let today = workload.baseline.monthly_cost;
    let best = words::recommended(workload);
    let other = workload.plans.iter().find(|it| it.meets_slo && it.purchase != "today");
    match (today, best, other) {
        (Some(today), Some(best), _) if best.purchase != "today" => format!(
            "{} {currency} a month instead of {}",
            page.money_short(best.monthly_cost),
            page.money_short(today)
        ),
        (Some(today), _, Some(other)) => format!(
            "Today costs {} {currency} a month, the cheapest other plan within the limits {}",
            page.money_short(today),
            page.money_short(other.monthly_cost)
        ),
        (Some(today), _, None) => {
            format!("Today costs {} {currency} a month", page.money_short(today))
        }
        (None, _, Some(other)) => format!(
            "The cheapest plan within the limits costs {} {currency} a month",
            page.money_short(other.monthly_cost)
        ),
        (None, _, None) => "No plan to compare".to_owned(),
    }
}

/// The bars in the order of the table of plans; today first, from the bill where no plan stands
/// for it.
fn bars(workload: &WorkloadReport) -> Vec<Bar> {
    let page = Medium::Page;
    let mut bars = Vec::new();
    let plans = tables::plans_shown(workload, MOST);
    if plans.is_empty() {
        return bars;
    }
    if let Some(cost) = workload.baseline.monthly_cost
        && !plans.iter().any(|it| it.purchase == "today")
    {
        bars.push(Bar {
            label: "Today".to_owned(),
            strong: true,
            amount: page.money_short(cost),
            mark: "",
            total: cost.to_f64(),
            parts: vec![(cost.to_f64(), TODAY, 1.0)],
        });
    }
    let advised = workload.advice.plan_id.as_deref();
    bars.extend(plans.into_iter().map(|plan| bar(plan, advised == Some(plan.id.as_str()))));
    bars
}

/// One plan.
fn bar(plan: &PlanReport, recommended: bool) -> Bar {
    let today = plan.purchase == "today";
    let mark = match (today, recommended, plan.meets_slo) {
        (true, _, _) => "today",
        (_, true, _) => "recommended",
        (_, _, false) => "misses the limits",
        _ if plan.needs.is_some() => "not advised",
        _ if !plan.allowed => "elsewhere",
        _ => "",
    };
    let (color, opacity) = match plan.purchase.as_str() {
        _ if today => (TODAY, 1.0),
        _ if recommended => (RECOMMENDED, 1.0),
        it if it.starts_with("serverless") => (SERVERLESS, 1.0),
        it if it.starts_with("spot") => (SPOT, 1.0),
        it if it.starts_with("reserved") => (RECOMMENDED, 0.5),
        _ => (TODAY, 0.5),
    };
    let parts = &plan.cost_parts;
    let strong = today || recommended;
    Bar {
        label: words::shown(&plan.label),
        strong,
        amount: Medium::Page.money_short(plan.monthly_cost),
        mark,
        total: plan.monthly_cost.to_f64(),
        parts: vec![
            (parts.busy.to_f64(), color, opacity),
            (parts.idle.to_f64(), IDLE, 1.0),
            (parts.committed_unused.to_f64(), IDLE, 1.0),
            (parts.starting.to_f64(), STARTING, 1.0),
        ],
    }
}

fn paint(canvas: &Canvas<'_>, bars: &[Bar], rows: i32) -> Result<(), RenderError> {
    let dearest = bars.iter().map(|it| it.total).filter(|it| it.is_finite()).fold(0.0, f64::max);
    let values = ticks(dearest);
    let top = dearest.max(f64::MIN_POSITIVE);
    let x = |value: f64| pixels(value / top, WIDTH - ROOM);
    let bottom = rows * ROW;
    for (at, value) in values.iter().enumerate() {
        let anchor = if at == 0 { Anchor::Start } else { Anchor::Middle };
        canvas.line(vec![(x(*value), 0), (x(*value), bottom)], RULE, 1)?;
        canvas.text(&Medium::Page.quantity(*value), (x(*value), bottom + 12), anchor, TODAY)?;
    }
    for (at, bar) in bars.iter().enumerate() {
        let y = i32::try_from(at).unwrap_or(0) * ROW;
        let (label, amount) = bar.texts(x(bar.total) + 6);
        if bar.strong {
            canvas.bold(&label, (0, y + 9), Anchor::Start, TEXT)?;
        } else {
            canvas.text(&label, (0, y + 9), Anchor::Start, TEXT)?;
        }
        let (mut sum, mut end) = (0.0, 0);
        for (amount, color, opacity) in &bar.parts {
            sum += amount.max(0.0);
            let next = x(sum);
            canvas.rect((end, y + LABEL), (next, y + LABEL + BAR), *color, *opacity)?;
            if *color == STARTING && next > end {
                canvas.frame((end, y + LABEL), (next, y + LABEL + BAR), TEXT)?;
            }
            end = end.max(next);
        }
        let at = (end + 6, y + LABEL + BAR / 2);
        canvas.bold(&amount, at, Anchor::Start, TEXT)?;
    }
    legend(canvas, bars, bottom + 34)
}

/// What colours and patterns mean, as far as they occur; whole colours, which tell the ways of buying
/// apart, all stand for time that serves.
fn legend(canvas: &Canvas<'_>, bars: &[Bar], y: i32) -> Result<(), RenderError> {
    let occurs = |color: RGBColor| {
        bars.iter().any(|bar| bar.parts.iter().any(|(amount, it, _)| *it == color && *amount > 0.0))
    };
    let mut x = 0;
    let mut kinds: Vec<(RGBColor, f64)> = Vec::new();
    for it in bars.iter().filter_map(Bar::serving) {
        if !kinds.contains(&it) {
            kinds.push(it);
        }
    }
    for (color, opacity) in &kinds {
        canvas.rect((x, y - 6), (x + SWATCH / 2, y + 6), *color, *opacity)?;
        x += SWATCH / 2;
    }
    if !kinds.is_empty() {
        canvas.text("serving", (x + 6, y), Anchor::Start, TODAY)?;
        x += 6 + text_width("serving") + 18;
    }
    for (color, text) in [(IDLE, "paid, not serving"), (STARTING, "starting")] {
        if !occurs(color) {
            continue;
        }
        canvas.rect((x, y - 6), (x + SWATCH, y + 6), color, 1.0)?;
        if color == STARTING {
            canvas.frame((x, y - 6), (x + SWATCH, y + 6), TEXT)?;
        }
        canvas.text(text, (x + SWATCH + 6, y), Anchor::Start, TODAY)?;
        x += SWATCH + 6 + text_width(text) + 18;
    }
    Ok(())
}

/// The numbers behind the bars.
pub(crate) fn data(report: &ReportModel, workload: &WorkloadReport) -> Table {
    let amount = format!("{} a month#", report.currency);
    let mut table = Table::new("Cost of a month by plan", &["Plan", &amount]);
    if let Some(cost) = workload.baseline.monthly_cost {
        let today = if workload.baseline.priced_from_catalog {
            "Today, at catalog prices"
        } else {
            "Today, from the bill"
        };
        table.push(vec![today.to_owned(), Medium::Page.money(cost)]);
    }
    for plan in tables::plans_shown(workload, 7) {
        table.push(vec![words::shown(&plan.label), Medium::Page.money(plan.monthly_cost)]);
    }
    table
}
