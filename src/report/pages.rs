//! Very many workloads: whose card and charts stand on the page, how much of a table, and the further
//! pages with a row for each of them.
//!
//! A page of ten thousand cards is opened by no browser and read by nobody. Up to [`MANY`] workloads
//! nothing here changes anything.

use std::collections::BTreeSet;

use askama::Template;

use super::model::{ReportModel, WorkloadReport};
use super::number::Medium;
use super::table::Table;
use super::{RenderError, chart, html, tables, words};

/// Numbers as on the page.
const PAGE: Medium = Medium::Page;
/// Workloads up to which the page holds all.
const MANY: usize = 500;
/// Of more, so many of the dearest have a card and charts, and as many of those that save the most. So
/// many rows are left of a table, too.
pub(crate) const SHOWN: usize = 100;
/// Rows of a further page.
const ROWS: usize = 500;

/// Whether there are more workloads than a page holds.
pub fn are_many(report: &ReportModel) -> bool {
    report.workloads.len() > MANY
}

/// How many lines of a list are written: of very many workloads at most so many.
pub(crate) fn most(report: &ReportModel, of_many: usize) -> usize {
    if are_many(report) { of_many } else { usize::MAX }
}

/// The workloads with a card and charts, in their order.
pub(crate) fn shown(report: &ReportModel) -> Vec<&WorkloadReport> {
    if !are_many(report) {
        return report.workloads.iter().collect();
    }
    let best: BTreeSet<&str> =
        report.portfolio.ranking.iter().take(SHOWN).map(String::as_str).collect();
    let is_shown =
        |at: usize, it: &WorkloadReport| at < SHOWN || best.contains(it.advice.id.as_str());
    let all = report.workloads.iter().enumerate();
    all.filter(|(at, it)| is_shown(*at, it)).map(|it| it.1).collect()
}

/// The workloads whose plans and hours stand in the workbook: all, or of very many those with a card. A
/// sheet has a million rows at most.
pub(crate) fn in_detail(report: &ReportModel) -> Vec<&WorkloadReport> {
    if report.workloads.iter().any(|it| it.hours_left_out) {
        return shown(report);
    }
    report.workloads.iter().collect()
}

/// The first rows of a table where there are many workloads, with links to the cards that are there
/// only; its note says where the others are.
pub(crate) fn first_rows(report: &ReportModel, mut table: Table) -> Table {
    if !are_many(report) {
        return table;
    }
    let cards: BTreeSet<String> = shown(report).into_iter().map(anchor).collect();
    let n = table.rows.len();
    table.rows.truncate(SHOWN);
    for row in &mut table.rows {
        row.anchor = row.anchor.take().filter(|it| cards.contains(it));
    }
    if n > SHOWN {
        let rows = PAGE.counted(n as u64, "row");
        let left_out =
            format!("The first {SHOWN} of {rows}; report.xlsx and recommendations.csv have all.");
        table.note = Some(table.note.map_or(left_out.clone(), |note| format!("{note} {left_out}")));
    }
    table
}

/// Id of the card of a workload.
pub(crate) fn anchor(workload: &WorkloadReport) -> String {
    format!("w-{}", workload.slug)
}

/// A link to a page.
#[derive(Clone, Debug)]
pub(crate) struct Link {
    /// The file, beside the report; nothing for the page it stands on.
    pub(crate) file: Option<String>,
    /// What is there.
    pub(crate) says: String,
}

/// A further page.
#[derive(Template)]
#[template(path = "workloads.html")]
struct Further {
    style: &'static str,
    chart_style: &'static str,
    script: &'static str,
    script_hash: String,
    /// With the period: the name of the document.
    title: String,
    period: String,
    heading: String,
    links: Vec<Link>,
    table: Table,
    footer: String,
}

/// The further pages as links; nothing where the report holds all.
pub(crate) fn links(report: &ReportModel) -> Vec<Link> {
    if !are_many(report) {
        return Vec::new();
    }
    let pages = report.workloads.chunks(ROWS).enumerate();
    let link = |(at, rows): (usize, &[WorkloadReport])| Link {
        file: Some(file(at)),
        says: span(at, rows.len()),
    };
    pages.map(link).collect()
}

/// The further pages: file and text.
pub(crate) fn further(report: &ReportModel) -> Result<Vec<(String, String)>, RenderError> {
    let links = links(report);
    let period = words::plain(&report.period_label);
    let mut all = tables::workloads(report);
    let mut pages = Vec::new();
    for at in 0..links.len() {
        let rest = all.rows.split_off(ROWS.min(all.rows.len()));
        let mut table = Table { rows: std::mem::replace(&mut all.rows, rest), ..all.clone() };
        for row in &mut table.rows {
            row.anchor = None;
        }
        let mut links = links.clone();
        links[at].file = None;
        let page = Further {
            style: html::STYLE,
            chart_style: chart::STYLE,
            script: html::SCRIPT,
            script_hash: html::script_hash(),
            title: format!("Workloads {}, {period}", links[at].says),
            period: period.clone(),
            heading: format!(
                "Workloads {} of {}",
                links[at].says,
                PAGE.count(report.workloads.len() as u64)
            ),
            links,
            table,
            footer: html::footer(report),
        };
        pages.push((file(at), page.render()?));
    }
    Ok(pages)
}

fn file(at: usize) -> String {
    format!("workloads-{:03}.html", at + 1)
}

/// Whether a file may be a further page of this program, by its name.
pub fn is_page_name(name: &str) -> bool {
    let number = name.strip_prefix("workloads-").and_then(|it| it.strip_suffix(".html"));
    number.is_some_and(|it| it.len() >= 3 && it.bytes().all(|it| it.is_ascii_digit()))
}

/// The places of the workloads of a page, dearest first.
fn span(at: usize, n: usize) -> String {
    let first = at * ROWS;
    format!("{} to {}", PAGE.count(first as u64 + 1), PAGE.count((first + n) as u64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::fixture;

    /// A report of so many workloads, cheaper and cheaper, of which only the last two save.
    fn many(n: usize) -> ReportModel {
        let mut report = fixture::report();
        let one = report.workloads[0].clone();
        report.workloads = (0..n)
            .map(|at| {
                let mut it = one.clone();
                it.name = format!("w{at}");
                it.slug = format!("w{at}");
                it.advice.id = format!("id{at}");
                it
            })
            .collect();
        report.portfolio.ranking = vec![format!("id{}", n - 1), format!("id{}", n - 2)];
        report
    }

    #[test]
    fn up_to_many_all_stand_on_the_page() {
        let report = many(MANY);
        assert_eq!(shown(&report).len(), MANY);
        assert!(links(&report).is_empty() && further(&report).unwrap().is_empty());
        assert_eq!(first_rows(&report, tables::workloads(&report)).rows.len(), MANY);
    }

    #[test]
    fn of_more_the_dearest_and_those_that_save_have_cards() {
        let n = 1_203;
        let report = many(n);
        let names: Vec<&str> = shown(&report).into_iter().map(|it| it.name.as_str()).collect();
        assert_eq!(names.len(), SHOWN + 2);
        assert_eq!((names[0], names[SHOWN], names[SHOWN + 1]), ("w0", "w1201", "w1202"));
        let table = first_rows(&report, tables::workloads(&report));
        assert_eq!(table.rows.len(), SHOWN);
        assert!(table.note.unwrap().contains("report.xlsx"));
    }

    #[test]
    fn every_workload_has_a_row_on_one_further_page() {
        let n = 1_203;
        let report = many(n);
        let pages = further(&report).unwrap();
        let files: Vec<&str> = pages.iter().map(|it| it.0.as_str()).collect();
        assert_eq!(files, ["workloads-001.html", "workloads-002.html", "workloads-003.html"]);
        assert!(files.iter().all(|it| is_page_name(it)));
        assert!(!is_page_name("workloads-.html") && !is_page_name("workloads-001.html.bak"));
        for at in 0..n {
            let on = |it: &&(String, String)| it.1.contains(&format!(">w{at}<"));
            assert_eq!(pages.iter().filter(on).count(), 1, "w{at}");
        }
        // The page it stands on is no link, the others and the report are.
        assert!(pages[1].1.contains("href=\"workloads-001.html\""));
        assert!(!pages[1].1.contains("href=\"workloads-002.html\""));
        assert!(pages[1].1.contains("href=\"report.html\""));
    }
}
