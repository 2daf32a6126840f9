//! The comparison for people: on a terminal of 80 columns, and as a document.

use std::fmt::Write;

use super::{Comparison, words};
use crate::bridge::{Moved, Step};
use crate::report::markdown::{escape, grid};
use crate::report::number::{DASH, Medium};
use crate::report::table::Table;
use crate::report::terminal::cell::{fit, pad_left, pad_right, width};
use crate::report::words::shown;
use crate::report::{TerminalStyle, hanging};
use crate::units::Money;

/// Numbers in a terminal.
const TERM: Medium = Medium::Terminal;
/// Numbers in a document.
const PAGE: Medium = Medium::Page;
/// Columns of a label and of a name.
const LABEL: usize = 13;
/// Lines of one sort on a terminal; the other formats have all.
const MOST: usize = 12;

/// An amount, or a dash.
fn money(amount: Option<Money>, medium: Medium) -> String {
    amount.map_or_else(|| DASH.to_owned(), |it| medium.money(it))
}

/// Lines for a terminal.
pub(super) fn terminal(it: &Comparison, style: &TerminalStyle) -> String {
    let columns = style.columns.max(80);
    let since = format!("since {}", words::names(it)[0]);
    let mut text = hanging("", &words::title(it, TERM), columns);
    for (label, said) in summary(it, TERM, &since) {
        text += &hanging(&pad_right(&label, LABEL), &said, columns);
    }
    workloads(&mut text, it, style, columns);
    promises(&mut text, it, style, columns);
    for (heading, lines) in lists(it, TERM) {
        if lines.is_empty() {
            continue;
        }
        text += &bold(&heading, style);
        for line in lines.iter().take(MOST) {
            text += &hanging("  ", line, columns);
        }
        if lines.len() > MOST {
            // Writing to a String cannot fail, here and below.
            let _ = writeln!(text, "  {} more with --format md", lines.len() - MOST);
        }
    }
    for notice in words::notices(it) {
        text += &hanging(&pad_right("NOTE", LABEL), &notice, columns);
    }
    text
}

/// The lines of the head, each with its label.
fn summary(it: &Comparison, medium: Medium, since: &str) -> Vec<(String, String)> {
    let lines = [
        ("GPU spend", Some(words::spend(it, medium))),
        (since, Some(words::since(&words::line(it), medium))),
        ("unit cost", words::unit_cost(it, medium)),
        ("not in it", words::outside(it, medium)),
    ];
    lines.into_iter().filter_map(|(label, said)| Some((label.to_owned(), said?))).collect()
}

fn bold(text: &str, style: &TerminalStyle) -> String {
    if style.bold { format!("\u{1b}[1m{text}\u{1b}[0m\n") } else { format!("{text}\n") }
}

/// A row per workload that moved, its steps behind the numbers and below them.
fn workloads(text: &mut String, it: &Comparison, style: &TerminalStyle, columns: usize) {
    let moved: Vec<&Moved> =
        it.bridge.workloads.iter().filter(|it| !it.difference.is_zero()).collect();
    if moved.is_empty() && it.unclaimed.is_zero() {
        return;
    }
    let [old, new] = words::names(it).map(|it| it.to_uppercase());
    let mut rows = vec![["WORKLOAD".to_owned(), old, new, "CHANGE".to_owned(), "WHY".to_owned()]];
    for it in &moved {
        rows.push([
            shown(&it.name),
            money(it.old, TERM),
            money(it.new, TERM),
            words::signed(it.difference, TERM),
            words::why(it, TERM),
        ]);
    }
    if !it.unclaimed.is_zero() {
        rows.push([
            words::OF_NO_WORKLOAD.to_owned(),
            money(it.old.unclaimed, TERM),
            money(it.new.unclaimed, TERM),
            words::signed(it.unclaimed, TERM),
            "no workload claims them".to_owned(),
        ]);
    }
    let widest = |at: usize| rows.iter().map(|row| width(&row[at])).max().unwrap_or(0);
    let (names, amounts) = (widest(0).min(19), [widest(1), widest(2), widest(3)]);
    for (at, row) in rows.iter().enumerate() {
        let mut lead = pad_right(&fit(&row[0], names), names);
        for (cell, width) in row[1..4].iter().zip(amounts) {
            let _ = write!(lead, " {}", pad_left(cell, width));
        }
        lead.push_str("  ");
        if at == 0 {
            *text += &bold(&format!("{lead}{}", row[4]), style);
        } else {
            *text += &hanging(&lead, &row[4], columns);
        }
    }
}

/// A row per advice to change something, what shows its outcome below it.
fn promises(text: &mut String, it: &Comparison, style: &TerminalStyle, columns: usize) {
    if it.bridge.promises.is_empty() {
        return;
    }
    let lead = |name: &str, outcome: &str, promised: &str, realised: &str| {
        format!(
            "{} {} {} {}",
            pad_right(&fit(name, 30), 30),
            pad_right(outcome, 10),
            pad_left(promised, 14),
            pad_left(realised, 22)
        )
    };
    let title = format!("ADVICE OF {}", words::names(it)[0].to_uppercase());
    *text += &bold(&lead(&title, "", "PROMISED/MONTH", "REALISED, SAME TRAFFIC"), style);
    for it in it.bridge.promises.iter().take(MOST) {
        let name = format!("{} {}", it.action, shown(&it.workload));
        let promised = TERM.money(it.promised);
        let row = lead(&name, words::outcome(it.outcome), &promised, &words::realised(it, TERM));
        let _ = writeln!(text, "{}", row.trim_end());
        *text += &hanging("  ", &words::evidence(it, TERM), columns);
    }
}

/// What is found in one month only, prices, and advice that stayed.
fn lists(it: &Comparison, medium: Medium) -> Vec<(String, Vec<String>)> {
    let findings = |all: &[crate::bridge::Finding]| {
        all.iter().map(|it| words::finding(it, medium)).collect::<Vec<_>>()
    };
    let prices = it.prices.iter().flatten().map(|it| words::price(it, medium)).collect();
    let same: Vec<String> = it.bridge.same_advice.iter().map(|it| shown(it)).collect();
    let same = if same.is_empty() { Vec::new() } else { vec![same.join(", ")] };
    vec![
        ("NEW WASTE".to_owned(), findings(&it.waste_new)),
        ("WASTE GONE".to_owned(), findings(&it.waste_gone)),
        ("CATALOG PRICES, not in the bridge".to_owned(), prices),
        ("SAME ADVICE IN BOTH".to_owned(), same),
    ]
}

/// The document.
pub(super) fn markdown(it: &Comparison) -> String {
    let [old, new] = words::names(it);
    let mut text = format!("# GPU spend, {}\n\n", escape(&words::title(it, PAGE)));
    for (label, said) in summary(it, PAGE, &format!("since {old}")) {
        let _ = writeln!(text, "- {}: {}", escape(&label), escape(&said));
    }
    let mut heads =
        vec!["workload".to_owned(), format!("{old}#"), format!("{new}#"), "change#".to_owned()];
    heads.extend(Step::ALL.map(|it| format!("{}#", words::word(it))));
    let heads: Vec<&str> = heads.iter().map(String::as_str).collect();
    let mut table = Table::new("Workloads", &heads);
    let row = |name: &str, old, new, difference, steps: &crate::bridge::Steps| {
        let mut cells = vec![name.to_owned(), money(old, PAGE), money(new, PAGE)];
        cells.push(words::signed(difference, PAGE));
        cells.extend(steps.parts().map(|it| words::signed(it.1, PAGE)));
        cells
    };
    let bridge = &it.bridge;
    for it in &bridge.workloads {
        table.push(row(&shown(&it.name), it.old, it.new, it.difference, &it.steps));
    }
    let none = bridge.steps.parts().map(|_| DASH.to_owned()).collect::<Vec<_>>();
    if it.old.unclaimed.is_some() || it.new.unclaimed.is_some() {
        let [old, new] = [&it.old, &it.new].map(|it| money(it.unclaimed, PAGE));
        let lead = vec![words::OF_NO_WORKLOAD.to_owned(), old, new];
        table.push([lead, vec![words::signed(it.unclaimed, PAGE)], none].concat());
    }
    let [before, after] = it.spend;
    table.push(row("all", Some(before), Some(after), it.difference, &bridge.steps));
    let rests = bridge.workloads.iter().filter_map(|it| Some((shown(&it.name), it.rest_because?)));
    let rests: Vec<String> =
        rests.map(|(name, why)| format!("{name} not attributed: {why}")).collect();
    table.note = (!rests.is_empty()).then(|| rests.join("; "));
    let _ = write!(text, "\n## Why, by workload\n\n{}", grid(&table));
    promised(&mut text, it);
    for (heading, lines) in lists(it, PAGE) {
        if !lines.is_empty() {
            let _ = writeln!(text, "\n## {}\n", escape(&capital(&heading)));
            for line in lines {
                let _ = writeln!(text, "- {}", escape(&line));
            }
        }
    }
    for notice in words::notices(it) {
        let _ = writeln!(text, "\nNote: {}", escape(&notice));
    }
    text
}

/// `NEW WASTE` as `New waste`.
fn capital(heading: &str) -> String {
    crate::report::words::capitalized(&heading.to_lowercase())
}

fn promised(text: &mut String, it: &Comparison) {
    let heads = [
        "workload",
        "id",
        "outcome",
        "promised a month#",
        "realised, same traffic#",
        "cost avoidance#",
        "why",
    ];
    let mut table = Table::new("Advice", &heads);
    for it in &it.bridge.promises {
        table.push(vec![
            shown(&it.workload),
            it.id.clone(),
            words::outcome(it.outcome).to_owned(),
            PAGE.money(it.promised),
            words::realised(it, PAGE),
            money(it.avoided, PAGE),
            it.evidence.clone(),
        ]);
    }
    if !table.is_empty() {
        let _ = write!(text, "\n## Advice of {}\n\n{}", words::names(it)[0], grid(&table));
    }
}
