//! `report.md`: for chat, tickets and pull requests. Plain tables, no HTML.

mod limit;

use askama::Template;

use super::model::{ReportModel, WorkloadReport};
use super::number::Medium;
use super::table::Table;
use super::{RenderError, blanks, html, pages, tables, words};

pub use limit::{TooShort, within};

/// Numbers as on the page.
const PAGE: Medium = Medium::Page;

/// The document.
#[derive(Template)]
#[template(path = "report.md", escape = "none")]
struct Document {
    title: String,
    headline: String,
    facts: Vec<(String, String)>,
    asked: Vec<String>,
    decisions: Vec<(usize, String)>,
    together: Option<String>,
    reconciled: String,
    notices: Vec<String>,
    workloads: String,
    all_advice: String,
    weeks: String,
    decided: String,
    promises: String,
    commitments: Vec<String>,
    budget: String,
    forecast: String,
    savings_rate: String,
    moved: String,
    blank: Option<String>,
    sections: Vec<Section>,
    footer: String,
}

/// A workload.
struct Section {
    name: String,
    verdict: String,
    plans: String,
    reasons: Vec<String>,
    steps: Vec<String>,
    schedule: Option<String>,
    decision: Option<String>,
    takes: Option<String>,
    verify: Option<String>,
    undo: String,
    wrong_if: Vec<String>,
    waste: Vec<String>,
}

/// The report as Markdown.
pub(crate) fn render(report: &ReportModel) -> Result<String, RenderError> {
    let (asked, parts) = html::first_page(report)?;
    let month = parts.into_iter().next().map(|it| it.rows).unwrap_or_default();
    let facts = month.into_iter().map(|it| {
        let note = if it.note.is_empty() { String::new() } else { format!(" ({})", it.note) };
        (escape(&it.label), escape(&format!("{}{note}", it.value)))
    });
    let first = |table| grid(&pages::first_rows(report, table));
    let document = Document {
        title: escape(&html::title(report)),
        headline: escape(&html::headline(report).join(" ")),
        facts: facts.collect(),
        asked: asked.iter().map(|it| escape(it)).collect(),
        together: html::together(report, PAGE).map(|it| escape(&it)),
        decisions: tables::to_do(report)
            .into_iter()
            .take(pages::most(report, pages::SHOWN))
            .map(|it| decision(report, it))
            .collect(),
        reconciled: html::reconciled_in_full(report),
        notices: report.notices.iter().map(|it| escape(&html::sentence(report, it))).collect(),
        workloads: first(tables::workloads(report)),
        all_advice: first(tables::all_advice(report, PAGE)),
        weeks: first(tables::weeks(report, PAGE)),
        decided: first(tables::decided(report, PAGE)),
        promises: first(tables::promises(report, PAGE)),
        commitments: tables::commitment_tables(report, PAGE).iter().map(titled).collect(),
        budget: grid(&tables::budget(report, PAGE)),
        forecast: first(tables::forecast(report, PAGE)),
        savings_rate: grid(&tables::savings_rate(report, PAGE)),
        moved: first(tables::moved(report, PAGE)),
        blank: blanks::best(report, PAGE).map(|it| escape(&it)),
        sections: pages::shown(report).into_iter().map(|it| section(report, it)).collect(),
        footer: escape(&html::footer(report)),
    };
    let mut text = document.render()?;
    text.truncate(text.trim_end().len());
    text.push('\n');
    Ok(text)
}

/// An action with its place in the ranking and its saving.
fn decision(report: &ReportModel, workload: &WorkloadReport) -> (usize, String) {
    let advice = &workload.advice;
    let decided = advice.decision.as_ref().map(|it| format!("; {}", tables::decision_in_words(it)));
    let live = html::live_in_words(advice, PAGE).map(|it| format!(", {it}"));
    let text = format!(
        "{}: **{} {} a month**, grade {}{}{}{}{}",
        escape(&words::decision(workload)),
        PAGE.money(advice.monthly_savings),
        report.currency,
        escape(&words::shown(&advice.grade)),
        html::range_in_words(PAGE, advice.interval.as_ref(), advice.probability_of_loss)
            .map(|it| format!(", {it}"))
            .unwrap_or_default(),
        live.unwrap_or_default(),
        html::signed_in_words(advice, PAGE).map(|it| format!(", {it}")).unwrap_or_default(),
        escape(&decided.unwrap_or_default())
    );
    (words::place(report, workload), text)
}

/// One workload.
fn section(report: &ReportModel, workload: &WorkloadReport) -> Section {
    let advice = &workload.advice;
    let say = |it: &String| escape(&html::sentence(report, it));
    let list = |items: &[String]| items.iter().map(say).collect();
    Section {
        name: escape(&words::shown(&workload.name)),
        verdict: say(&workload.verdict),
        plans: grid(&tables::plans(workload, report.currency)),
        reasons: list(&advice.reasons),
        steps: list(&advice.steps),
        schedule: tables::schedule(report, workload)
            .map(|it| format!("{}:\n\n{}", escape(&it.caption), grid(&it))),
        decision: advice.decision.as_ref().map(|it| escape(&tables::decision_in_words(it))),
        takes: tables::takes_in_full(advice, PAGE).map(|it| escape(&it)),
        verify: tables::verify(advice).map(|it| grid(&it)),
        undo: say(&advice.undo),
        wrong_if: list(&tables::doubts(advice)),
        waste: workload.waste.iter().map(|it| escape(&html::waste(report, it))).collect(),
    }
}

/// A table under its caption.
fn titled(table: &Table) -> String {
    format!("**{}**\n\n{}", escape(&table.caption), grid(table))
}

/// A table; nothing for an empty one.
pub(super) fn grid(table: &Table) -> String {
    if table.is_empty() {
        return String::new();
    }
    let line = |cells: Vec<String>| format!("| {} |", cells.join(" | "));
    let rule = |numeric| if numeric { "---:" } else { "---" }.to_owned();
    let mut lines = vec![
        line(table.columns.iter().map(|it| escape(&it.head)).collect()),
        line(table.columns.iter().map(|it| rule(it.numeric)).collect()),
    ];
    lines
        .extend(table.rows.iter().map(|row| line(row.cells.iter().map(|it| escape(it)).collect())));
    if let Some(note) = &table.note {
        lines.extend([String::new(), escape(note)]);
    }
    lines.push(String::new());
    lines.join("\n")
}

/// Text that Markdown shows as it is: no markup, no HTML, one line.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for it in words::plain(text).chars() {
        match it {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '#' | '~' | '!' => {
                out.push('\\');
                out.push(it);
            }
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_become_markup() {
        assert_eq!(escape("<script>"), "&lt;script&gt;");
        assert_eq!(escape("a|b"), "a\\|b");
        assert_eq!(escape("[x](javascript:y)"), "\\[x\\](javascript:y)");
        assert_eq!(escape("one\ntwo"), "one two");
    }
}
