//! Several workloads or rates of interruptions side by side: a row each.

use super::figures::{currency, unstable_in_words};
use super::shown::Figures;
use super::{Simulated, SimulationReport};
use crate::report::number::{DASH, Medium};
use crate::report::plain;
use crate::report::table::Table;
use crate::report::terminal::cell::{pad_left, pad_right, width};

/// Before the share of requests that kept the limit, where more must.
const TOO_FEW: &str = "!";

/// What a terminal has no room for goes in this order; every other format has it.
const LEAST_NEEDED: [&str; 3] = ["MEAN", "STARTS", "READY"];

/// The rows under their heads; the first cell names the workload.
pub(super) struct Compared {
    heads: Vec<String>,
    rows: Vec<Vec<String>>,
    /// What a head or a mark means, and why a row has no waits, or no numbers.
    pub(super) below: Vec<String>,
}

/// The columns that only some tables have.
struct Columns {
    /// The rate, and what was taken back.
    spot: bool,
    /// Requests that were lost in any row.
    unserved: bool,
    /// Requests that kept the limit.
    kept: bool,
}

impl Compared {
    /// The same in every medium.
    pub(super) fn of(report: &SimulationReport<'_>, medium: Medium) -> Compared {
        let all: Vec<Figures<'_>> =
            report.rows.iter().map(|it| Figures::of(report, it, medium)).collect();
        let has = Columns {
            spot: report.rows.iter().any(|it| it.spot_rate.is_some()),
            unserved: all.iter().any(|it| it.unserved().is_some_and(|share| share > 0.0)),
            kept: all.iter().any(|it| it.mean("slo_attainment").is_some()),
        };
        let cost = format!("{}/H", currency(report.rows));
        let heads = [
            Some(""),
            has.spot.then_some("SPOT/H"),
            Some("REQUESTS"),
            has.unserved.then_some("UNSERVED"),
            Some("STARTS"),
            has.spot.then_some("TAKEN BACK"),
            Some("WAITED"),
            Some("MEAN"),
            Some("P95 WAIT"),
            has.kept.then_some("KEPT"),
            Some("READY"),
            Some(&cost),
        ];
        let rows = report.rows.iter().zip(&all);
        let kept = |it: &Figures<'_>| it.mean("slo_attainment").map(|it| (it, report.attainment));
        Compared {
            heads: heads.into_iter().flatten().map(str::to_owned).collect(),
            rows: rows.map(|(row, it)| cells(row, it, kept(it), &has, medium)).collect(),
            below: below(report, &all, &has, medium),
        }
    }

    /// Lines for a terminal, the heads first. A name without room beside its numbers has a line of
    /// its own above them, and numbers without room go.
    pub(super) fn lines(&mut self, columns: usize) -> Vec<String> {
        let mut widths = self.widths();
        let taken = |widths: &[usize]| widths.iter().skip(1).map(|it| it + 1).sum::<usize>();
        for head in LEAST_NEEDED {
            if taken(&widths) > columns {
                self.leave_out(head);
                widths = self.widths();
            }
        }
        let taken = taken(&widths);
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

    /// The width of each column.
    fn widths(&self) -> Vec<usize> {
        let widest = |at: usize| {
            let cells = self.rows.iter().chain([&self.heads]).filter_map(|row| row.get(at));
            cells.map(|it| width(it)).max().unwrap_or(0)
        };
        (0..self.heads.len()).map(widest).collect()
    }

    fn leave_out(&mut self, head: &str) {
        if let Some(at) = self.heads.iter().position(|it| it == head) {
            self.heads.remove(at);
            for row in &mut self.rows {
                row.remove(at);
            }
        }
    }

    /// The table for Markdown. The requests of a generator have no names.
    pub(super) fn table(&self) -> Table {
        let has_names = self.rows.iter().filter_map(|it| it.first()).any(|it| !it.is_empty());
        let from = usize::from(!has_names);
        let heads = self.heads.iter().enumerate().skip(from);
        let heads: Vec<String> =
            heads.map(|(at, it)| if at > 0 { format!("{it}#") } else { it.clone() }).collect();
        let heads: Vec<&str> = heads.iter().map(String::as_str).collect();
        let mut table = Table::new("", &heads);
        for row in &self.rows {
            table.push(row.iter().skip(from).cloned().collect());
        }
        table
    }
}

/// The cells of a row; `kept` is the share that kept the limit, and the share that must.
fn cells(
    row: &Simulated,
    it: &Figures<'_>,
    kept: Option<(f64, Option<f64>)>,
    has: &Columns,
    medium: Medium,
) -> Vec<String> {
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| DASH.to_owned());
    let number = |key| or_dash(it.mean(key).map(|it| medium.measure(it)));
    let time = |key| or_dash(it.mean(key).map(|it| medium.duration(it)));
    let percent = |share: Option<f64>| or_dash(share.map(|it| medium.percent(it)));
    let kept = or_dash(kept.map(|(share, target)| {
        let mark = if is_too_few(share, target) { TOO_FEW } else { "" };
        format!("{mark}{}", medium.percent(share))
    }));
    let cells = [
        Some(row.workload.as_deref().map(plain).unwrap_or_default()),
        has.spot.then(|| or_dash(row.spot_rate.map(|it| medium.quantity(it)))),
        Some(number("requests")),
        has.unserved.then(|| percent(it.unserved())),
        Some(number("cold_starts")),
        has.spot.then(|| number("interruptions")),
        Some(percent(it.delayed())),
        Some(time("wait_mean_s")),
        Some(time("wait_p95_s")),
        has.kept.then_some(kept),
        Some(number("replicas_on_mean")),
        Some(or_dash(it.per_hour().map(|it| medium.unit_cost(it)))),
    ];
    cells.into_iter().flatten().collect()
}

fn is_too_few(share: f64, target: Option<f64>) -> bool {
    target.is_some_and(|it| share < it)
}

/// What the heads and the mark of this table mean, then why a row has no waits, or no numbers.
fn below(
    report: &SimulationReport<'_>,
    all: &[Figures<'_>],
    has: &Columns,
    medium: Medium,
) -> Vec<String> {
    let mut lines = Vec::new();
    if has.unserved {
        lines.push(
            "UNSERVED: refused, gave up waiting, or ended in service. WAITED and the waits are of requests that came \
             into service."
                .to_owned(),
        );
    }
    let kept = |it: &Figures<'_>| it.mean("slo_attainment");
    if let Some(target) = report.attainment
        && all.iter().filter_map(kept).any(|it| is_too_few(it, Some(target)))
    {
        let asked = medium.percent(target);
        lines.push(format!("{TOO_FEW} Fewer requests keep the limit than the {asked} asked for."));
    }
    lines.extend(report.rows.iter().filter_map(|it| why_not(it, medium)));
    lines
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
        let mut compared = Compared { heads: row(["", "X", "YEARS"]), rows, below: Vec::new() };
        let mut check = |columns, expected: &[&str]| assert_eq!(compared.lines(columns), expected);
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

    #[test]
    fn numbers_without_room_go_in_order() {
        let cells = |cells: [&str; 4]| cells.map(str::to_owned).to_vec();
        let check = |columns, expected: [&str; 2]| {
            let heads = cells(["", "STARTS", "MEAN", "WAITED"]);
            let rows = vec![cells(["", "1", "2 s", "5 %"])];
            let mut compared = Compared { heads, rows, below: Vec::new() };
            assert_eq!(compared.lines(columns), expected);
        };
        check(19, [" STARTS MEAN WAITED", "      1  2 s    5 %"]);
        check(18, [" STARTS WAITED", "      1    5 %"]);
        check(13, [" WAITED", "    5 %"]);
        check(1, [" WAITED", "    5 %"]);
    }
}
