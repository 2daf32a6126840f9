//! Several workloads or rates of interruptions side by side: a row each.

use super::figures::{currency, unstable_in_words};
use super::shown::Figures;
use super::{Simulated, SimulationReport};
use crate::report::number::{DASH, Medium};
use crate::report::plain;
use crate::report::table::Table;
use crate::report::terminal::cell::{pad_left, pad_right, width};

/// The rows under their heads; the first cell names the workload.
pub(super) struct Compared {
    heads: Vec<String>,
    rows: Vec<Vec<String>>,
    /// Why a row has no waits, or no numbers.
    pub(super) reasons: Vec<String>,
}

impl Compared {
    /// The same in every medium. The rate and what was taken back have columns where there is spot.
    pub(super) fn of(report: &SimulationReport<'_>, medium: Medium) -> Compared {
        let has_spot = report.rows.iter().any(|it| it.spot_rate.is_some());
        let cost = format!("{}/H", currency(report.rows));
        let spot = |head| has_spot.then_some(head);
        let heads = [
            Some(""),
            spot("SPOT/H"),
            Some("REQUESTS"),
            Some("STARTS"),
            spot("TAKEN BACK"),
            Some("WAITED"),
            Some("MEAN"),
            Some("P95 WAIT"),
            Some("READY"),
            Some(&cost),
        ];
        Compared {
            heads: heads.into_iter().flatten().map(str::to_owned).collect(),
            rows: report.rows.iter().map(|it| cells(report, it, has_spot, medium)).collect(),
            reasons: report.rows.iter().filter_map(|it| why_not(it, medium)).collect(),
        }
    }

    /// Lines for a terminal, the heads first. A name without room beside its numbers has a line of
    /// its own above them.
    pub(super) fn lines(&self, columns: usize) -> Vec<String> {
        let widest = |at: usize| {
            let cells = self.rows.iter().chain([&self.heads]).filter_map(|row| row.get(at));
            cells.map(|it| width(it)).max().unwrap_or(0)
        };
        let mut widths: Vec<usize> = (0..self.heads.len()).map(widest).collect();
        let taken: usize = widths.iter().skip(1).map(|it| it + 1).sum();
        let room = columns.saturating_sub(taken);
        if let Some(first) = widths.first_mut() {
            *first = (*first).min(room);
        }
        let mut lines = vec![laid_out(&self.heads, &widths)];
        let mut above = None;
        for row in &self.rows {
            let name = row.first().filter(|it| width(it) > room);
            if name.is_some() && name != above {
                lines.extend(name.cloned());
            }
            above = name;
            lines.push(laid_out(row, &widths));
        }
        lines
    }

    /// The table for Markdown.
    pub(super) fn table(&self) -> Table {
        let heads = self.heads.iter().enumerate();
        let heads: Vec<String> =
            heads.map(|(at, it)| if at > 0 { format!("{it}#") } else { it.clone() }).collect();
        let heads: Vec<&str> = heads.iter().map(String::as_str).collect();
        let mut table = Table::new("", &heads);
        for row in &self.rows {
            table.push(row.clone());
        }
        table
    }
}

/// The cells of a row.
fn cells(
    report: &SimulationReport<'_>,
    row: &Simulated,
    has_spot: bool,
    medium: Medium,
) -> Vec<String> {
    let it = Figures::of(report, row, medium);
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| DASH.to_owned());
    let number = |key| or_dash(it.mean(key).map(|it| medium.measure(it)));
    let time = |key| or_dash(it.mean(key).map(|it| medium.duration(it)));
    let spot = |text: String| has_spot.then_some(text);
    let cells = [
        Some(row.workload.as_deref().map(plain).unwrap_or_default()),
        spot(or_dash(row.spot_rate.map(|it| medium.quantity(it)))),
        Some(number("requests")),
        Some(number("cold_starts")),
        spot(number("interruptions")),
        Some(or_dash(it.share("delayed_requests").map(|it| medium.percent(it)))),
        Some(time("wait_mean_s")),
        Some(time("wait_p95_s")),
        Some(number("replicas_on_mean")),
        Some(or_dash(it.per_hour().map(|it| medium.unit_cost(it)))),
    ];
    cells.into_iter().flatten().collect()
}

/// Cells in their columns: the name to the left, numbers to the right. A name wider than its column
/// stands above.
fn laid_out(cells: &[String], widths: &[usize]) -> String {
    let mut line = String::new();
    for (at, (cell, width_of_column)) in cells.iter().zip(widths).enumerate() {
        if at > 0 {
            line.push(' ');
            line += &pad_left(cell, *width_of_column);
        } else {
            let name = if width(cell) > *width_of_column { "" } else { cell };
            line += &pad_right(name, *width_of_column);
        }
    }
    line.trim_end().to_owned()
}

/// Why a row has no waits, or no numbers.
fn why_not(row: &Simulated, medium: Medium) -> Option<String> {
    let why = match &row.runs {
        Err(why) => Some(format!("not simulated: {why}")),
        Ok(_) => unstable_in_words(row),
    };
    let rate = row.spot_rate.map(|it| format!("spot {}/h", medium.quantity(it)));
    let name = row.workload.as_deref().map(plain);
    let lead: Vec<String> = [name, rate].into_iter().flatten().collect();
    Some(format!("{}: {}", lead.join(", "), why?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(cells: [&str; 3]) -> Vec<String> {
        cells.map(str::to_owned).to_vec()
    }

    #[test]
    fn a_long_name_stands_above_its_rows() {
        let rows = vec![
            row(["a-long-name", "1", "20"]),
            row(["a-long-name", "2", "30"]),
            row(["b", "3", "40"]),
        ];
        let compared = Compared { heads: row(["", "X", "YEARS"]), rows, reasons: Vec::new() };
        let check = |columns, expected: &[&str]| assert_eq!(compared.lines(columns), expected);
        let aside = [
            "            X YEARS",
            "a-long-name 1    20",
            "a-long-name 2    30",
            "b           3    40",
        ];
        check(19, &aside);
        let above = [
            "           X YEARS",
            "a-long-name",
            "           1    20",
            "           2    30",
            "b          3    40",
        ];
        check(18, &above);
    }
}
