//! What committing to a number of instances saves, with its band.

use super::canvas::{
    self, Anchor, Canvas, RECOMMENDED, RISK, RULE, SAVE, TEXT, TODAY, pixels, text_width,
};
use super::hours::{LEFT, RIGHT};
use super::{Chart, WIDTH};
use crate::report::RenderError;
use crate::report::commitments::{CommitmentCase, PointReport};
use crate::report::model::ReportModel;
use crate::report::number::{DASH, Medium};
use crate::report::table::Table;
use crate::report::words;
use crate::units::Money;

/// Height of the picture.
const HEIGHT: i32 = 232;
/// Top of the plot; names of the choices stand above.
const TOP: i32 = 40;
/// Bottom of the plot.
const BOTTOM: i32 = HEIGHT - 42;
/// Opacity of a band.
const FAINT: f64 = 0.18;
/// Rows of the table.
const MOST_ROWS: usize = 24;
/// Numbers in charts.
const PAGE: Medium = Medium::Page;

/// The savings curve of one instance and term.
pub(crate) fn commitment(
    report: &ReportModel,
    case: &CommitmentCase,
) -> Result<Chart, RenderError> {
    let it = &case.instance;
    let saving = PAGE.money_short(case.monthly_savings);
    let title = match case.chosen_n {
        _ if case.curve.is_empty() => "Too little data for a savings curve".to_owned(),
        0 => "No commitment saves anything".to_owned(),
        n => format!(
            "{n} of {} committed save {saving} {} a month",
            PAGE.counted(u64::from(case.max_n), "instance"),
            case.currency
        ),
    };
    let has_band = case.curve.iter().any(|it| it.low.is_some() && it.high.is_some());
    let band =
        if has_band { ", band: 80\u{202f}% of the months" } else { "; too few days for a band" };
    let subtitle = format!(
        "{} a month against none committed{band}; {}, {} in {}, {}, demand of {}",
        case.currency,
        words::shown(&it.instance_type),
        words::shown(&it.provider),
        words::shown(&it.region),
        words::purchase(&case.purchase),
        report.period_label
    );
    let drawn = case.curve.len() > 1;
    let height = if drawn { HEIGHT } else { super::EMPTY };
    let body = canvas::draw(height, |canvas| {
        if drawn { paint(canvas, case) } else { canvas.empty("Too little data", height) }
    })?;
    Ok(Chart { title, subtitle, body, height })
}

/// The least and the most amount of the curve and of its band.
fn reach(curve: &[PointReport]) -> (f64, f64) {
    let amounts = curve.iter().flat_map(|it| [Some(it.monthly_savings), it.low, it.high]);
    let amounts = amounts.flatten().map(Money::to_f64).filter(|it| it.is_finite());
    let (low, high) =
        amounts.fold((0.0_f64, 0.0_f64), |(low, high), it| (low.min(it), high.max(it)));
    // A deep loss of committing to far too much would press the rest flat.
    (if high > 0.0 { low.max(-high) } else { low }, high)
}

fn paint(canvas: &Canvas<'_>, case: &CommitmentCase) -> Result<(), RenderError> {
    let (low, high) = reach(&case.curve);
    let span = (high - low).max(f64::MIN_POSITIVE);
    let y = |value: f64| BOTTOM - pixels((value - low) / span, BOTTOM - TOP);
    let most = case.curve.last().map_or(1, |it| it.n).max(1);
    let x = |n: u32| LEFT + pixels(f64::from(n) / f64::from(most), RIGHT - LEFT);
    for value in canvas::ticks_between(low, high) {
        canvas.line(vec![(LEFT, y(value)), (RIGHT, y(value))], RULE, 1)?;
        canvas.text(&PAGE.quantity(value), (LEFT - 8, y(value)), Anchor::End, TODAY)?;
    }
    let point = |n: u32, amount: Money| (x(n), y(amount.to_f64()));
    let upper = case.curve.iter().filter_map(|it| Some(point(it.n, it.high?)));
    let lower = case.curve.iter().rev().filter_map(|it| Some(point(it.n, it.low?)));
    let band: Vec<_> = upper.chain(lower).collect();
    if band.len() > 3 {
        canvas.area(band, SAVE, FAINT)?;
    }
    canvas.line(vec![(LEFT, y(0.0)), (RIGHT, y(0.0))], TODAY, 1)?;
    let line: Vec<_> = case.curve.iter().map(|it| point(it.n, it.monthly_savings)).collect();
    canvas.line(line, SAVE, 2)?;
    if low < 0.0 {
        let text = "below 0: costs more than it saves";
        canvas.text(text, (LEFT + 6, BOTTOM - 8), Anchor::Start, TODAY)?;
    }
    numbers(canvas, most, x)?;
    choices(canvas, case, |n| x(n.min(most)))
}

/// At most five numbers of instances below the plot.
fn numbers(canvas: &Canvas<'_>, most: u32, x: impl Fn(u32) -> i32) -> Result<(), RenderError> {
    let each = most.div_ceil(5).max(1);
    for n in (0..=most).step_by(usize::try_from(each).unwrap_or(1)) {
        canvas.line(vec![(x(n), BOTTOM), (x(n), BOTTOM + 4)], TODAY, 1)?;
        canvas.text(&PAGE.count(u64::from(n)), (x(n), BOTTOM + 15), Anchor::Middle, TODAY)?;
    }
    let middle = LEFT + (RIGHT - LEFT) / 2;
    canvas.text("instances committed", (middle, BOTTOM + 32), Anchor::Middle, TODAY)
}

/// The numbers that stand for a choice, each with its name; one line for those that are equal.
fn choices(
    canvas: &Canvas<'_>,
    case: &CommitmentCase,
    x: impl Fn(u32) -> i32,
) -> Result<(), RenderError> {
    let mut named: Vec<(u32, String)> = Vec::new();
    for (n, name) in
        [(case.stable_n, "stable"), (case.chosen_n, "chosen"), (case.optimal_n, "optimal")]
    {
        match named.iter_mut().find(|it| it.0 == n) {
            Some((_, names)) => {
                names.push_str(" = ");
                names.push_str(name);
            }
            None => named.push((n, name.to_owned())),
        }
    }
    let mut free = [LEFT; 2];
    for (n, name) in named {
        let is_chosen = n == case.chosen_n;
        let text = format!("{name}: {}", PAGE.count(u64::from(n)));
        let width = text_width(&text);
        let left = (x(n) - width / 2).clamp(LEFT, (WIDTH - width).max(LEFT));
        let row = usize::from(left < free[0]);
        let y = if row == 0 { 7 } else { 23 };
        free[row] = left + width + 8;
        let color = if is_chosen { RECOMMENDED } else { TODAY };
        canvas.line(vec![(x(n), y + 8), (x(n), BOTTOM)], color, if is_chosen { 2 } else { 1 })?;
        if is_chosen {
            canvas.bold(&text, (left, y), Anchor::Start, TEXT)?;
        } else {
            canvas.text(&text, (left, y), Anchor::Start, TODAY)?;
        }
    }
    for n in case.asked.iter().map(|it| it.n).filter(|it| *it != case.chosen_n) {
        canvas.line(vec![(x(n), TOP), (x(n), BOTTOM)], RISK, 1)?;
        canvas.text("asked", (x(n) + 4, TOP + 6), Anchor::Start, TEXT)?;
    }
    Ok(())
}

/// The points of the curve, at most so many at even distances, the choices among them.
pub(crate) fn data(case: &CommitmentCase) -> Table {
    let amount = format!("{} a month#", case.currency);
    let heads = ["Committed#", &amount, "Low end#", "High end#", "In use#"];
    let mut table = Table::new("What a commitment saves by its size", &heads);
    let each = case.curve.len().div_ceil(MOST_ROWS).max(1);
    let chosen = [case.stable_n, case.chosen_n, case.optimal_n];
    let money = |it: Option<Money>| it.map_or_else(|| DASH.to_owned(), |it| PAGE.money(it));
    for (at, it) in case.curve.iter().enumerate() {
        if at % each != 0 && !chosen.contains(&it.n) {
            continue;
        }
        table.push_strong(
            it.n == case.chosen_n,
            vec![
                PAGE.count(u64::from(it.n)),
                PAGE.money(it.monthly_savings),
                money(it.low),
                money(it.high),
                it.utilization.map_or_else(|| DASH.to_owned(), |it| PAGE.percent(it)),
            ],
        );
    }
    table
}
