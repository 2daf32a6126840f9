//! `--format table`: what a run says on a terminal, in 80 columns.
//!
//! The table is laid out in columns as wide as their widest cell. A name too long for its column
//! stands on a line of its own, so nothing is lost. Bold and nothing else marks headings, and only
//! where it is asked for.

pub(super) mod cell;

use super::account::Spend;
use super::model::{ReportModel, WorkloadReport};
use super::number::{self, DASH, Medium};
use super::table::Table;
use super::{blanks, html, pages, tables, words};
use crate::ingest::Fate;
use crate::units::Money;
use cell::{fit, pad_left, pad_right, width, wrapped};

/// Numbers in a terminal.
const TERM: Medium = Medium::Terminal;
/// Columns of the label before a line of the summary.
const LABEL: usize = 13;
/// Columns from which headings and classes are written in full.
const AT_EASE: usize = 100;
/// Columns of a name in a narrow terminal; the report has it whole.
const NAME: usize = 16;
/// Notices shown; the report has all.
const MOST_NOTICES: usize = 6;
/// Workloads at the end of the ranking that are named; the report has all.
const MOST_ENDS: usize = 8;
/// Workloads that say why nothing changes, where nothing does.
const MOST_KEPT: usize = 3;

/// Rows and actions shown where there are very many workloads.
const MOST_OF_MANY: usize = 30;

/// How the table is written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TerminalStyle {
    /// Write headings in bold.
    pub bold: bool,
    /// Columns to use, at least 80.
    pub columns: usize,
    /// The last line: the next command to run or the page to open.
    pub next: Option<String>,
}

/// Lines being written, none wider than the terminal.
struct Page {
    text: String,
    columns: usize,
    bold: bool,
}

/// The report for a terminal.
pub(crate) fn render(report: &ReportModel, style: &TerminalStyle) -> String {
    let columns = style.columns.max(80);
    let mut page = Page { text: String::new(), columns, bold: style.bold };
    summary(&mut page, report);
    if !report.workloads.is_empty() {
        workloads(&mut page, report);
        actions(&mut page, report);
        grid(&mut page, &tables::decided(report, TERM));
    }
    grid(&mut page, &tables::promises(report, TERM));
    commitments(&mut page, report);
    for (at, notice) in report.notices.iter().take(MOST_NOTICES).enumerate() {
        let notice = TERM.prose(notice, report.currency);
        page.labelled(if at == 0 { "NOTE" } else { "" }, &notice);
    }
    if report.notices.len() > MOST_NOTICES {
        page.labelled("", &format!("{} more in the report", report.notices.len() - MOST_NOTICES));
    }
    if let Some(blank) = blanks::best(report, TERM) {
        page.labelled("best blank", &format!("to fill in gpuadvise.toml: {blank}"));
    }
    if let Some(next) = &style.next {
        // A path or command is never cut: it is there to be copied.
        page.text.push_str(&words::plain(next));
        page.text.push('\n');
    }
    page.text
}

/// An amount, or a dash.
fn money(amount: Option<Money>) -> String {
    tables::money_in(amount, TERM)
}

/// A text behind a lead, in lines of at most `columns`; what follows the first stands under the text.
pub fn hanging(lead: &str, text: &str, columns: usize) -> String {
    let indent = width(lead);
    let room = columns.saturating_sub(indent).max(20);
    let mut page = String::new();
    for (at, line) in wrapped(&words::plain(text), room).iter().enumerate() {
        page.push_str(&if at == 0 { lead.to_owned() } else { " ".repeat(indent) });
        page.push_str(line);
        page.push('\n');
    }
    page
}

/// Columns a line takes on a terminal.
#[cfg(test)]
pub(super) fn line_width(line: &str) -> usize {
    width(line)
}

/// What GPUs cost: those of workloads, and those of none.
fn spend(report: &ReportModel) -> String {
    let (totals, currency) = (&report.totals, report.currency);
    let month = money(totals.baseline_monthly_cost);
    match (totals.effective_cost, report.reconciliation.unclaimed()) {
        (Some(cost), Some(other)) => format!(
            "{} {currency} effective = workloads {} + {} that no workload claims · the workloads {month} a \
             month of 730 h",
            money(cost.checked_add(other).ok()),
            TERM.money(cost),
            TERM.money(other)
        ),
        (Some(cost), None) => {
            format!("{} {currency} effective · {month} a month of 730 h", TERM.money(cost))
        }
        (None, Some(cost)) => format!("{} {currency} that no workload claims", TERM.money(cost)),
        (None, None) => "not measured: the data carry no cost".to_owned(),
    }
}

/// What was read, spent, and can be saved.
fn summary(page: &mut Page, report: &ReportModel) {
    let totals = &report.totals;
    let currency = report.currency;
    page.line(&format!(
        "{} · {} h · as of {}",
        words::plain(&report.period_label),
        TERM.measure(totals.window_hours),
        number::date(&report.provenance.as_of)
    ));
    page.labelled("GPU spend", &spend(report));
    page.all_labelled("budget", &tables::budget_lines(report, TERM));
    for (label, text) in tables::previous(report, TERM) {
        page.labelled(&label, &text);
    }
    page.all_labelled("forecast", &tables::forecast_lines(report, TERM));
    if let Some(cost) = totals.cost_per_million_tokens {
        let text = format!("{} {currency}/1M tokens, idle included", TERM.unit_cost(cost));
        page.labelled("unit cost", &text);
    }
    page.labelled("can save", &can_save(report));
    if let Some((confirmed, others)) = waste_sums(report) {
        let parts = [
            confirmed + " confirmed",
            others,
            "in the window, not added to the savings".to_owned(),
        ];
        let parts: Vec<String> = parts.into_iter().filter(|it| !it.is_empty()).collect();
        page.labelled("not used", &parts.join(" · "));
    }
    let it = &report.reconciliation;
    match it.line.billed_total {
        Some(total) => {
            let parts = it
                .statement()
                .into_iter()
                .map(|(word, amount)| format!("{word} {}", TERM.money(amount)));
            let parts = parts.collect::<Vec<_>>().join(" + ");
            page.labelled(
                "reconciled",
                &format!(
                    "{parts} = billed {} · difference {}",
                    TERM.money(total),
                    money(it.line.difference)
                ),
            );
            if let Some(spend) = words::billed_to_spend(it.of_workloads(), TERM) {
                page.labelled("", &spend);
            }
        }
        None => page.labelled("reconciled", "no billed cost in the files"),
    }
    page.labelled(
        "data",
        &format!(
            "{} = {} kept + {} rejected ({}) · {} outside the window",
            TERM.counted(it.rows_in, "row"),
            TERM.count(it.rows_kept),
            TERM.count(it.rows_rejected),
            TERM.counted(it.duplicates, "duplicate"),
            TERM.count(it.rows_outside_window)
        ),
    );
    let bills = report.invoice_state.map(|it| format!("bills {it}"));
    let said: Vec<String> = bills.into_iter().chain(report.coverage.sentence()).collect();
    if !said.is_empty() {
        page.labelled("coverage", &said.join(" · "));
    }
}

/// The table of workloads.
fn workloads(page: &mut Page, report: &ReportModel) {
    let wide = page.columns >= AT_EASE;
    let currency = report.currency.to_string();
    let saving = format!("{currency}/MONTH");
    let (what, gpus, unit) =
        if wide { ("WHAT IT IS", "GPUS NOW", "UNIT COST") } else { ("DEMAND", "GPUS", "UNIT") };
    let heads = ["WORKLOAD", what, gpus, "BUSY", &currency, unit, "ADVICE", &saving];
    let heads = heads.map(str::to_owned);
    let most = pages::most(report, MOST_OF_MANY);
    let shown = report.workloads.iter().take(most);
    let rows: Vec<[String; 8]> = shown.map(|it| row(report, it, wide)).collect();
    let mut widths = [0_usize; 8];
    for at in 1..8 {
        let cells = rows.iter().map(|row| width(&row[at]));
        widths[at] = cells.chain([width(&heads[at])]).max().unwrap_or(0);
    }
    // The first column takes what is left, up to its longest name; the second gives way last.
    let taken = |widths: &[usize; 8]| widths[1..].iter().sum::<usize>() + 7;
    let longest = rows.iter().map(|row| width(&row[0])).max().unwrap_or(0).max(8);
    let shortest = longest.min(NAME);
    while taken(&widths) + shortest > page.columns && widths.iter().skip(1).any(|it| *it > 6) {
        let widest = (1..4).max_by_key(|at| widths[*at]).unwrap_or(1);
        let at = if widths[widest] > 9 {
            widest
        } else {
            (1..8).max_by_key(|at| widths[*at]).unwrap_or(1)
        };
        widths[at] -= 1;
    }
    widths[0] = page.columns.saturating_sub(taken(&widths)).clamp(1, longest);
    page.heading(&laid_out(&heads, &widths));
    for row in &rows {
        page.line(&laid_out(row, &widths));
    }
    let left = report.workloads.len() - rows.len();
    if left > 0 {
        page.line(&format!(
            "    {} that cost less in the report",
            TERM.counted(left as u64, "workload")
        ));
    }
}

/// The cells of a workload.
fn row(report: &ReportModel, workload: &WorkloadReport, wide: bool) -> [String; 8] {
    let baseline = &workload.baseline;
    let gpu = baseline.gpu.as_deref().map(|it| words::gpu_short(&words::shown(it)));
    let count = baseline.gpu_count.map(|it| TERM.quantity(it));
    let gpus = [count, gpu].into_iter().flatten().collect::<Vec<_>>().join(" ");
    let saving = workload.advice.monthly_savings;
    let rank = words::rank(report, workload);
    let action = match workload.advice.action.as_str() {
        "not_enough_data" => "more data".to_owned(),
        _ => words::action(&workload.advice),
    };
    [
        words::shown(&workload.name),
        if wide { words::class(workload) } else { workload.shape.to_string() },
        if gpus.is_empty() { DASH.to_owned() } else { gpus },
        baseline.busy_fraction.map_or_else(|| DASH.to_owned(), |it| TERM.percent(it)),
        money(baseline.effective_cost),
        tables::common_unit_cost(workload, TERM).replace(" tok", "").replace(" req", "r"),
        rank.map_or_else(|| action.clone(), |rank| format!("{rank} {action}")),
        if saving.is_zero() { String::new() } else { TERM.money(saving) },
    ]
}

/// Cells in their columns: text to the left, numbers to the right.
fn laid_out(cells: &[String; 8], widths: &[usize; 8]) -> String {
    let mut line = String::new();
    for (at, (cell, width)) in cells.iter().zip(widths).enumerate() {
        let cell = fit(cell, *width);
        if at > 0 {
            line.push(' ');
        }
        line += &match at {
            3..=5 | 7 => pad_left(&cell, *width),
            _ => pad_right(&cell, *width),
        };
    }
    line.trim_end().to_owned()
}

/// The sums over all findings, the confirmed one and the others; nothing where there is none.
fn waste_sums(report: &ReportModel) -> Option<(String, String)> {
    let it = &report.portfolio.waste;
    let sums = [(it.to_investigate, "to investigate"), (it.not_measured, "not measured")];
    if it.confirmed_waste.is_zero() && sums.iter().all(|it| it.0.is_zero()) {
        return None;
    }
    let others = sums.iter().filter(|it| !it.0.is_zero());
    let others: Vec<String> =
        others.map(|(cost, what)| format!("{} {what}", TERM.money(*cost))).collect();
    let confirmed = format!("{} {}", TERM.money(it.confirmed_waste), report.currency);
    Some((confirmed, others.join(" · ")))
}

/// What is asked for, of what, and its range.
fn can_save(report: &ReportModel) -> String {
    let sums = &report.portfolio.savings_by_decision;
    // Of all of it, so only where all of it is asked for.
    let all = &report.portfolio;
    let interval = all.interval.as_ref().filter(|_| sums.asked_for == all.monthly_savings);
    let range = html::range_in_words(TERM, interval, all.probability_of_loss);
    let parts = sums.monthly_cost_after.map(|left| [left, sums.asked_for]);
    let rounded = parts.map(|it| words::rest(report.totals.baseline_monthly_cost, &it, TERM));
    format!(
        "{} {} per 730-h month of {}, leaving {}{}{}",
        TERM.money(sums.asked_for),
        report.currency,
        money(report.totals.baseline_monthly_cost),
        money(sums.monthly_cost_after),
        rounded.unwrap_or_default(),
        range.map_or_else(String::new, |it| format!(" · {it}"))
    )
}

/// What to do, largest saving first.
fn actions(page: &mut Page, report: &ReportModel) {
    let to_do = tables::to_do(report);
    if to_do.is_empty() {
        let decided = tables::all_decided(report);
        let why = if report.workloads.len() > MOST_KEPT {
            "nothing to change now; the dearest say why, the report has all"
        } else {
            "nothing to change now"
        };
        page.labelled("DO NEXT", decided.unwrap_or(why));
        if let Some(text) = to_find(report) {
            page.labelled("", &text);
        }
        // The dearest come first.
        for it in report.workloads.iter().take(MOST_KEPT).filter(|_| decided.is_none()) {
            page.labelled("", &format!("{}: {}", words::shown(&it.name), it.advice.summary));
        }
        return;
    }
    let right = format!("{}/MONTH", report.currency);
    let gap = page.columns.saturating_sub("DO NEXT".len() + right.len());
    page.heading(&format!("DO NEXT{}{right}", " ".repeat(gap)));
    let most = pages::most(report, MOST_OF_MANY);
    let left = to_do.len().saturating_sub(most);
    for workload in to_do.into_iter().take(most) {
        let advice = &workload.advice;
        let amount = TERM.money(advice.monthly_savings);
        let room = page.columns.saturating_sub(width(&amount) + 5);
        let text = format!("{} [{}]", words::plain(&advice.summary), words::shown(&advice.grade));
        let name = words::shown(&workload.name);
        let text = if text.contains(&name) { text } else { format!("{name}: {text}") };
        for (line, part) in wrapped(&text, room.min(page.columns - 5)).iter().enumerate() {
            if line == 0 {
                let place = pad_right(&words::rank(report, workload).unwrap_or_default(), 4);
                page.line(&format!("{place}{} {amount}", pad_right(part, room)));
            } else {
                page.line(&format!("    {part}"));
            }
        }
        let chance = advice.probability_of_loss;
        if let Some(range) = html::range_in_words(TERM, advice.interval.as_ref(), chance) {
            page.line(&format!("    {range}"));
        }
        let signed = html::signed_in_words(advice, TERM).map(|it| words::capitalized(&it));
        for text in signed.into_iter().chain(tables::takes(advice, TERM)) {
            for part in wrapped(&text, page.columns - 5) {
                page.line(&format!("    {part}"));
            }
        }
        if let Some(decision) = &advice.decision {
            let text = words::capitalized(&tables::decision_in_words(decision));
            for part in wrapped(&text, page.columns - 5) {
                page.line(&format!("    {part}"));
            }
        }
        if let Some(hours) = tables::schedule_in_words(workload) {
            let text = format!("Ready, clock of {}: {hours}", words::plain(&report.time_zone));
            for part in wrapped(&text, page.columns - 5) {
                page.line(&format!("    {part}"));
            }
        }
    }
    if left > 0 {
        page.line(&format!(
            "    {} that save less in the report",
            TERM.counted(left as u64, "action")
        ));
    }
    if let Some(text) = to_find(report) {
        page.text.push_str(&hanging("–   ", &text, page.columns));
    }
    kept(page, report);
}

/// The end of the ranking: what stays as it is, and what cannot be said yet, each with its reason.
fn kept(page: &mut Page, report: &ReportModel) {
    let all = words::all_ranked(report);
    let kept = || all.iter().filter(|it| words::place(report, it) == 0);
    let n = kept().count();
    if n == 0 {
        return;
    }
    page.heading("KEEP AS IT IS, OR TOO LITTLE DATA");
    for it in kept().take(MOST_ENDS) {
        let why = TERM.prose(words::why(it), report.currency);
        let (name, action) = (words::shown(&it.name), words::action(&it.advice));
        let text = format!("{name}: {action}, {why} [{}]", words::shown(&it.advice.grade));
        page.text.push_str(&hanging("–   ", &text, page.columns));
    }
    if n > MOST_ENDS {
        page.line(&format!("    {} more in the report", n - MOST_ENDS));
    }
}

/// GPUs that no workload claims, the dearest by name.
fn to_find(report: &ReportModel) -> Option<String> {
    const MOST_NAMED: usize = 3;
    let what = words::find_who_uses(report.reconciliation.unclaimed()?, TERM);
    let of_none = |it: &&Spend| it.part == Fate::Unassigned.as_str();
    let names = report.reconciliation.unmatched.iter().filter(of_none).filter_map(|it| {
        let name = words::clip(&words::plain(&it.name()?), NAME);
        Some(format!("{name} {}", money(it.effective.or(it.billed))))
    });
    let names: Vec<String> = names.take(MOST_NAMED).collect();
    let dearest = if names.is_empty() { String::new() } else { format!(": {}", names.join(", ")) };
    Some(format!("{what} {} in the window{dearest}", report.currency))
}

/// What could be committed to together, and what is held.
fn commitments(page: &mut Page, report: &ReportModel) {
    if !tables::has_commitments(report) {
        return;
    }
    let right = format!("{}/MONTH", report.currency);
    let gap = page.columns.saturating_sub("COMMITMENTS".len() + right.len());
    page.heading(&format!("COMMITMENTS{}{right}", " ".repeat(gap)));
    let best = [tables::best_cases(report, TERM), tables::spend_cases(report, TERM)].concat();
    for (what, saving, behind) in &best {
        let room = page.columns.saturating_sub(width(saving) + 1);
        for (line, part) in wrapped(what, room).iter().enumerate() {
            let amount = if line == 0 { saving.as_str() } else { "" };
            page.line(&format!("{} {amount}", pad_right(part, room)));
        }
        for part in wrapped(behind, page.columns - 5) {
            page.line(&format!("    {part}"));
        }
    }
    let said = (!best.is_empty()).then(|| tables::NOT_ADDED.to_owned());
    for text in tables::held_in_words(report, TERM).into_iter().chain(said) {
        for part in wrapped(&text, page.columns) {
            page.line(&part);
        }
    }
}

/// A table as wide as the terminal at most: the widest column gives way. Nothing for an empty one.
fn grid(page: &mut Page, table: &Table) {
    if table.is_empty() {
        return;
    }
    let heads: Vec<String> = table.columns.iter().map(|it| it.head.to_uppercase()).collect();
    let rows = table.rows.iter().map(|it| &it.cells);
    let mut widths: Vec<usize> = heads.iter().map(|it| width(it)).collect();
    for cells in rows.clone() {
        for (wide, cell) in widths.iter_mut().zip(cells) {
            *wide = width(cell).max(*wide);
        }
    }
    while widths.iter().sum::<usize>() + widths.len() > page.columns + 1 {
        match widths.iter_mut().max() {
            Some(widest) if *widest > 1 => *widest -= 1,
            _ => break,
        }
    }
    let laid_out = |cells: &Vec<String>| {
        let parts = cells.iter().zip(&widths).zip(&table.columns).map(|((cell, wide), column)| {
            let cell = fit(cell, *wide);
            if column.numeric { pad_left(&cell, *wide) } else { pad_right(&cell, *wide) }
        });
        parts.collect::<Vec<_>>().join(" ").trim_end().to_owned()
    };
    page.heading(&laid_out(&heads));
    for cells in rows {
        page.line(&laid_out(cells));
    }
    if let Some(note) = &table.note {
        page.labelled("", note);
    }
}

impl Page {
    /// A line, cut where it would not fit.
    fn line(&mut self, text: &str) {
        self.text += fit(text, self.columns).trim_end();
        self.text.push('\n');
    }

    /// A line in bold, where asked for.
    fn heading(&mut self, text: &str) {
        let text = fit(text, self.columns);
        let line = if self.bold { format!("\u{1b}[1m{text}\u{1b}[0m") } else { text };
        self.text += &line;
        self.text.push('\n');
    }

    /// A label and texts below each other.
    fn all_labelled(&mut self, label: &str, texts: &[String]) {
        for (at, text) in texts.iter().enumerate() {
            self.labelled(if at == 0 { label } else { "" }, text);
        }
    }

    /// A label and a text that goes on below itself.
    fn labelled(&mut self, label: &str, text: &str) {
        for (at, part) in wrapped(&words::plain(text), self.columns - LABEL).iter().enumerate() {
            let label = if at == 0 { label } else { "" };
            self.line(&format!("{}{part}", pad_right(label, LABEL)));
        }
    }
}
