//! A month in money, for the mail: by workload, and from today to the advice.

use plotters::style::RGBColor;

use super::canvas::{self, Anchor, Canvas, RECOMMENDED, RULE, SAVE, TEXT, TODAY, pixels};
use super::{Chart, WIDTH};
use crate::report::RenderError;
use crate::report::words::clip;

/// Height of a bar with its label.
const ROW: i32 = 36;
/// From the top of a row to its bar, and the height of the bar.
const LABEL: i32 = 18;
const BAR: i32 = 12;
/// Room on the right for the amount beside the longest bar.
const ROOM: i32 = 150;
/// Characters of a label.
const LONGEST: usize = 60;

/// A bar from `start` on, in the unit of the picture.
#[derive(Clone, Debug)]
pub(crate) struct MonthBar {
    /// What it is.
    pub(crate) label: String,
    /// What stands beside it.
    pub(crate) amount: String,
    /// Where it begins.
    pub(crate) start: f64,
    /// Its parts from there.
    pub(crate) parts: Vec<(f64, Paid)>,
    /// A sum.
    pub(crate) strong: bool,
}

/// What a part of a bar is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Paid {
    /// Today's cost.
    Today,
    /// What remains with the advice.
    After,
    /// What is saved.
    Saved,
    /// What could be saved of a cost.
    Savable,
}

impl Paid {
    /// Its colour and opacity: two parts of one bar differ in grey as well.
    const fn paint(self) -> (RGBColor, f64) {
        match self {
            Paid::Today => (TODAY, 1.0),
            Paid::After => (RECOMMENDED, 1.0),
            Paid::Saved => (SAVE, 1.0),
            Paid::Savable => (SAVE, 0.4),
        }
    }
}

/// The bars below each other on one scale from zero.
pub(crate) fn months(
    title: String,
    subtitle: String,
    bars: &[MonthBar],
) -> Result<Chart, RenderError> {
    let height = ROW * i32::try_from(bars.len()).unwrap_or(i32::MAX / ROW);
    let end = |it: &MonthBar| it.start + it.parts.iter().map(|it| it.0).sum::<f64>();
    let top = bars.iter().map(end).fold(0.0, f64::max);
    let body = canvas::draw(height.max(ROW), |canvas| {
        canvas.line(vec![(0, 0), (0, height)], RULE, 1)?;
        for (bar, y) in bars.iter().zip((0..).step_by(ROW.unsigned_abs() as usize)) {
            draw(canvas, bar, y, top)?;
        }
        Ok(())
    })?;
    Ok(Chart { title, subtitle, body, height })
}

fn draw(canvas: &Canvas<'_>, bar: &MonthBar, y: i32, top: f64) -> Result<(), RenderError> {
    let x = |value: f64| if top > 0.0 { pixels(value / top, WIDTH - ROOM) } else { 0 };
    let label = clip(&bar.label, LONGEST);
    let (at, from) = ((0, y + LABEL / 2), y + LABEL);
    if bar.strong {
        canvas.bold(&label, at, Anchor::Start, TEXT)?;
    } else {
        canvas.text(&label, at, Anchor::Start, TEXT)?;
    }
    let mut value = bar.start;
    for (part, paid) in &bar.parts {
        let (color, opacity) = paid.paint();
        canvas.rect((x(value), from), (x(value + part), from + BAR), color, opacity)?;
        value += part;
    }
    let beside = (x(value) + 8, from + BAR / 2);
    canvas.text(&bar.amount, beside, Anchor::Start, TEXT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_share_one_scale() {
        let bar = |label: &str, start, parts| MonthBar {
            label: label.to_owned(),
            amount: "1".to_owned(),
            start,
            parts,
            strong: false,
        };
        let bars = [
            bar("<today>", 0.0, vec![(100.0, Paid::Today)]),
            bar("S1", 50.0, vec![(50.0, Paid::Saved)]),
        ];
        let chart = months("t".to_owned(), "s".to_owned(), &bars).unwrap();
        assert_eq!(chart.height, 2 * ROW);
        assert!(chart.body.contains("&lt;today&gt;"), "{}", chart.body);
        assert!(chart.body.contains("x=\"165\""), "{}", chart.body);
        assert!(months("t".to_owned(), "s".to_owned(), &[]).is_ok());
    }
}
