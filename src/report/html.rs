//! `report.html`: one file that works from an attachment, without a network. Its one script sorts,
//! filters and switches the theme; the page is complete without it.
//!
//! The first printed page asks for decisions; a card per workload follows, then what proves the
//! numbers. askama escapes every value; only the charts and the style sheet, which this crate
//! writes and escapes itself, enter as they are.

mod columns;
mod glossary;

use askama::Template;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use super::chart::{self, ChartKind, Drawn};
use super::decisions::counts_as;
use super::mail::{self, MailReport, Section};
use super::model::{AdviceReport, CountsAs, Interval, ReportModel, WasteReport, WorkloadReport};
use super::number::{self, Medium};
use super::pages::{self, Link};
use super::table::Table;
use super::{RenderError, blanks, checked, tables, words};
use crate::units::Money;

/// Sorting, filtering and the theme.
pub(super) const SCRIPT: &str = include_str!("templates/report.js");
/// How the page looks.
pub(super) const STYLE: &str = include_str!("templates/style.css");
/// Numbers on the page.
const PAGE: Medium = Medium::Page;
/// Decisions on the first page; the others stand in the table below it.
const MOST_DECISIONS: usize = 5;

/// Workloads up to which each card has its charts and small print. On a page of more the dearest have them:
/// those of two hundred would make a page that no mail carries and no phone opens at once. The others' are in
/// `charts/` and the workbook.
const MOST_WHOLE_CARDS: usize = 50;
const DEAREST: usize = 20;

/// Bytes of charts and small print from which on the cards of the cheaper workloads do without theirs: with
/// the rest, which is never left out, a page stays well under two million.
const WHOLE_BYTES: usize = 1_400_000;

/// Bytes of the charts that stand behind a summary, over all workloads, and what each workload takes
/// of them for the rest of its card: fifty workloads leave room for those of the dearest.
const MORE_BYTES: usize = 600_000;
const BYTES_OF_CARD: usize = 11_500;
/// Rows shown of the table behind a chart.
const MOST_ROWS: usize = 48;

/// The page.
#[derive(Template)]
#[template(path = "report.html")]
struct Page {
    style: &'static str,
    script: &'static str,
    script_hash: String,
    columns: [Vec<Section>; 2],
    charts: Vec<Picture>,
    chart_style: &'static str,
    hatch: &'static str,
    title: String,
    period: String,
    as_of: String,
    headline: [String; 2],
    decisions: Vec<Decision>,
    none_left: Option<&'static str>,
    more: Option<String>,
    asked: Vec<String>,
    together: Option<String>,
    reconciled: String,
    reconciled_in_full: String,
    print_footer: String,
    notices: Vec<String>,
    workloads: Table,
    pages: Vec<Link>,
    all_advice: Table,
    weeks: Table,
    decided: Table,
    promises: Table,
    commitments: Vec<Table>,
    budget: Table,
    forecast: Table,
    savings_rate: Table,
    moved: Table,
    blank: Option<String>,
    cards: Vec<Card>,
    account: Table,
    read: Vec<Table>,
    proofs: Vec<Table>,
    prices: Table,
    provenance: Vec<Table>,
    assumptions: Table,
    search: String,
    glossary: &'static [(&'static str, &'static str)],
    footer: String,
}

/// Something to decide.
struct Decision {
    /// Its place in the ranking, where the number before it is of another.
    place: Option<usize>,
    what: String,
    amount: String,
    how: String,
    anchor: String,
}

/// A workload.
struct Card {
    anchor: String,
    name: String,
    class: String,
    owner: Option<String>,
    verdict: String,
    today: Option<String>,
    today_note: String,
    recommended: Option<String>,
    saves: Option<String>,
    range: Option<String>,
    grade: String,
    currency: String,
    action: String,
    summary: String,
    /// Nothing where the card is brief.
    charts: Option<Charts>,
    reasons: Vec<String>,
    steps: Vec<String>,
    schedule: Option<Table>,
    decision: Option<String>,
    takes: Option<String>,
    verify: Option<Table>,
    undo: String,
    wrong_if: Vec<String>,
    evidence: Vec<String>,
    rule_of_thumb: String,
    waste: Vec<String>,
    /// Nothing where the card is brief.
    small_print: Option<SmallPrint>,
}

/// The charts of a card.
struct Charts {
    plans: Picture,
    duration: Picture,
    heat_map: Picture,
    more: Vec<Picture>,
}

/// The numbers behind a card.
struct SmallPrint {
    first: Vec<Table>,
    plans: Table,
    last: [Table; 2],
}

/// A chart with the table behind it.
struct Picture {
    title: String,
    subtitle: String,
    svg: String,
    data: Table,
}

/// The report as a page.
pub(crate) fn render(report: &ReportModel) -> Result<String, RenderError> {
    let to_do = tables::to_do(report);
    let pressing: Vec<bool> = to_do.iter().map(|it| presses(it)).collect();
    let listed = words::listed(&pressing, MOST_DECISIONS);
    let (asked, parts) = first_page(report)?;
    let first = |table| pages::first_rows(report, table);
    let mut page = Page {
        style: STYLE,
        script: SCRIPT,
        script_hash: script_hash(),
        columns: columns::in_two(parts),
        charts: chart::report_charts(report)?.into_iter().map(Picture::from).collect(),
        chart_style: chart::STYLE,
        hatch: chart::HATCH,
        title: title(report),
        period: words::plain(&report.period_label),
        as_of: number::date(&report.provenance.as_of),
        headline: headline(report),
        decisions: (1..)
            .zip(listed.iter().filter_map(|at| to_do.get(*at)))
            .map(|(at, it)| decision(report, it, at))
            .collect(),
        none_left: tables::all_decided(report),
        more: more(report, &to_do, &listed)?,
        asked,
        together: together(report, PAGE),
        reconciled: reconciled(report),
        reconciled_in_full: reconciled_in_full(report),
        print_footer: css_text(&reconciled(report)),
        notices: report.notices.iter().map(|it| sentence(report, it)).collect(),
        workloads: first(tables::workloads(report)),
        pages: pages::links(report),
        all_advice: first(tables::all_advice(report, PAGE)),
        weeks: first(tables::weeks(report, PAGE)),
        decided: first(tables::decided(report, PAGE)),
        promises: first(tables::promises(report, PAGE)),
        commitments: tables::commitment_tables(report, PAGE),
        budget: tables::budget(report, PAGE),
        forecast: first(tables::forecast(report, PAGE)),
        savings_rate: tables::savings_rate(report, PAGE),
        moved: first(tables::moved(report, PAGE)),
        blank: blanks::best(report, PAGE),
        cards: (0..)
            .zip(pages::shown(report))
            .map(|(at, it)| card(report, it, at >= whole_cards(report)))
            .collect::<Result<_, _>>()?,
        account: tables::reconciliation(report),
        read: [Some(tables::rows(report)), tables::coverage(report)]
            .into_iter()
            .flatten()
            .collect(),
        proofs: [
            tables::currencies(report),
            tables::commitments(report),
            tables::unmatched(report),
            Some(tables::rejected(report)),
        ]
        .into_iter()
        .flatten()
        .collect(),
        prices: tables::prices(report),
        provenance: vec![tables::inputs(report), tables::catalog(report), checked::checked()],
        assumptions: tables::assumptions(report),
        search: search(report),
        glossary: &glossary::WORDS,
        footer: footer(report),
    };
    page.keep_to_budget();
    Ok(page.render()?)
}

/// How much was weighed.
fn search(report: &ReportModel) -> String {
    let portfolio = &report.portfolio;
    format!(
        "{} sized, {} simulated, {} left out: they cannot cost less than the best plan, or may not be advised.",
        PAGE.counted(portfolio.candidates_sized, "candidate"),
        PAGE.counted(portfolio.plans_simulated, "plan"),
        PAGE.counted(portfolio.candidates_pruned, "candidate")
    )
}

impl Page {
    /// Leaves the other charts of the cheaper workloads to `charts/`: a page of fifty workloads stays
    /// small enough for a mail.
    fn keep_to_budget(&mut self) {
        let mut taken = 0;
        for card in &mut self.cards {
            taken += card.bytes();
            if taken > WHOLE_BYTES {
                card.charts = None;
                card.small_print = None;
            }
        }
        let whole = self.cards.iter().filter(|it| it.charts.is_some()).count();
        let mut left = MORE_BYTES.saturating_sub(BYTES_OF_CARD * whole);
        for charts in self.cards.iter_mut().filter_map(|it| it.charts.as_mut()) {
            let bytes: usize = charts.more.iter().map(Picture::bytes).sum();
            left = left.saturating_sub(bytes);
            if left == 0 {
                charts.more.clear();
            }
        }
    }
}

impl Card {
    /// About what charts and small print add to the page, without the charts behind a summary.
    fn bytes(&self) -> usize {
        let charts = self.charts.iter().flat_map(|it| [&it.plans, &it.duration, &it.heat_map]);
        let print = self.small_print.iter();
        let tables = print.flat_map(|it| it.first.iter().chain([&it.plans]).chain(&it.last));
        charts.map(Picture::bytes).sum::<usize>() + tables.map(bytes).sum::<usize>()
    }
}

impl Picture {
    /// About what it adds to the page.
    fn bytes(&self) -> usize {
        self.svg.len() + bytes(&self.data)
    }
}

/// About what a table adds to the page.
fn bytes(table: &Table) -> usize {
    const TAGS: usize = 10;
    let cells = table.rows.iter().flat_map(|it| &it.cells);
    cells.map(|it| it.len() + TAGS).sum()
}

/// The name of the document.
pub(crate) fn title(report: &ReportModel) -> String {
    format!("GPU spend, {}", words::plain(&report.period_label))
}

/// What was spent and what can be saved, in one sentence each.
pub(crate) fn headline(report: &ReportModel) -> [String; 2] {
    let currency = report.currency;
    let spent = words::gpus_cost(
        (report.totals.effective_cost, report.reconciliation.unclaimed()),
        (currency, PAGE),
    );
    let month = report.totals.baseline_monthly_cost;
    let spent = words::with_basis(spent, (report.totals.window_hours, month), PAGE);
    let saving = report.portfolio.savings_by_decision.asked_for;
    let saved = match tables::all_decided(report) {
        Some(why) => format!("{}.", words::capitalized(why)),
        None if saving.is_zero() => "Nothing to save was found.".to_owned(),
        None => {
            let weak = words::of_it_weak(tables::weak(report), PAGE);
            format!("{} {currency} a month can be saved{weak}.", PAGE.money(saving))
        }
    };
    [spent, saved]
}

/// All actions together, where there are several.
pub(crate) fn together(report: &ReportModel, medium: Medium) -> Option<String> {
    let asked = tables::to_do(report);
    let asked_for = report.portfolio.savings_by_decision.asked_for;
    let lives: Vec<_> = asked.iter().filter_map(|it| it.advice.live.as_ref()).collect();
    let by_year_end = lives.first().map(|it| {
        let sum = medium.money(report.portfolio.savings_by_year_end);
        format!(", {sum} by {}", number::date(&it.year_end))
    });
    let owed = asked.iter().filter_map(|it| Some(it.advice.commitment.as_ref()?.owed));
    let owed = Money::sum(owed, report.currency).ok().filter(|it| !it.is_zero());
    let owed = owed.map(|it| format!("; owed in all for terms: {}", medium.money(it)));
    (asked.len() > 1).then(|| {
        format!(
            "Together, no overlap: {} {} a month{}{}",
            medium.money(asked_for),
            report.currency,
            by_year_end.unwrap_or_default(),
            owed.unwrap_or_default()
        )
    })
}

/// `saves from 12 Nov 2026, 1,999.99 by 31 Dec 2026`.
pub(crate) fn live_in_words(advice: &AdviceReport, medium: Medium) -> Option<String> {
    let it = advice.live.as_ref()?;
    Some(words::live(
        &it.from,
        &it.year_end,
        (!it.savings_by_year_end.is_zero()).then(|| medium.money(it.savings_by_year_end)),
    ))
}

/// What is signed with an action, where it needs a commitment.
pub(crate) fn signed_in_words(advice: &AdviceReport, medium: Medium) -> Option<String> {
    let it = advice.commitment.as_ref()?;
    let owed = format!("{} {}", medium.money(it.owed), it.owed.currency());
    Some(words::commits(it.term_months, &it.end, &owed))
}

/// The line that proves the total.
pub(crate) fn reconciled(report: &ReportModel) -> String {
    let it = &report.reconciliation;
    let rows = format!(
        "{} read = {} kept + {} rejected",
        PAGE.counted(it.rows_in, "row"),
        PAGE.count(it.rows_kept),
        PAGE.count(it.rows_rejected)
    );
    let Some(total) = it.line.billed_total else {
        return format!("Reconciled: no billed cost in the files; {rows}.");
    };
    let parts: Vec<String> = it
        .statement()
        .into_iter()
        .map(|(word, amount)| format!("{word} {}", PAGE.money(amount)))
        .collect();
    format!(
        "Reconciled: billed {} {} = {}, difference {}; {rows}.",
        PAGE.money(total),
        report.currency,
        parts.join(" + "),
        tables::money(it.line.difference)
    )
}

/// The line that proves the total, and how the spend comes from it.
pub(crate) fn reconciled_in_full(report: &ReportModel) -> String {
    let spend = words::billed_to_spend(report.reconciliation.of_workloads(), PAGE);
    reconciled(report) + &spend.map_or_else(String::new, |it| format!(" {it}."))
}

/// What made the report.
pub(crate) fn footer(report: &ReportModel) -> String {
    format!(
        "gpuadvise {} · as of {} · seed {} · report schema {} · the same input, catalog and seed \
         give the same bytes",
        report.provenance.version,
        number::date(&report.provenance.as_of),
        report.provenance.seed,
        report.schema_version
    )
}

/// The range of a saving and the chance that it is none, where they were computed.
fn range(advice: &AdviceReport) -> Option<String> {
    range_in_words(PAGE, advice.interval.as_ref(), advice.probability_of_loss)
}

/// `80 % range 90 to 110, loss under 1 %`, or that nothing differs as far as it is shown. What was seen is
/// no promise of what comes, so the weeks seen are counted.
pub(crate) fn range_in_words(
    medium: Medium,
    interval: Option<&Interval>,
    probability_of_loss: Option<f64>,
) -> Option<String> {
    let it = interval?;
    let loss = match probability_of_loss? {
        none if none <= 0.0 => "no loss seen".to_owned(),
        little if little < 0.01 => format!("loss under {}", medium.percent(0.01)),
        share => format!("loss {}", medium.percent(share)),
    };
    let (low, high) = (medium.money_short(it.low), medium.money_short(it.high));
    Some(if low == high {
        let unit = if it.basis == "days" { "day" } else { "week" };
        let seen = match it.n {
            0 => format!("every {unit}"),
            1 => format!("the one {unit}"),
            n => format!("each of the {n} {unit}s"),
        };
        // Of a saving that never differed nothing more was seen, and "no loss" would read as a promise.
        let loss = if loss.starts_with("no ") { String::new() } else { format!(", {loss}") };
        format!("the same in {seen} seen{loss}")
    } else {
        format!("{} range {low} to {high}, {loss}", medium.percent(it.level))
    })
}

/// A sentence of the model, its numbers written as on the page.
pub(crate) fn sentence(report: &ReportModel, text: &str) -> String {
    PAGE.prose(&words::plain(text), report.currency)
}

/// One of the decisions of the first page, the one at `at`. It names no GPU, so the words of the
/// advice stay in the card.
fn decision(report: &ReportModel, workload: &WorkloadReport, at: usize) -> Decision {
    let advice = &workload.advice;
    let place = words::place(report, workload);
    let costs = workload.baseline.monthly_cost.map(|today| match words::recommended(workload) {
        Some(plan) => {
            let (today, then) = (PAGE.money(today), PAGE.money(plan.monthly_cost));
            format!("today {today}, then {then}")
        }
        None => format!("today {}", PAGE.money(today)),
    });
    let owner =
        workload.owner.as_ref().map_or_else(|| "no owner".to_owned(), |it| words::shown(it));
    let decided = advice.decision.as_ref().map(tables::decision_in_words);
    let how = [
        Some(owner),
        costs,
        signed_in_words(advice, PAGE),
        range(advice),
        live_in_words(advice, PAGE),
        Some(format!("grade {}", words::shown(&advice.grade))),
        decided,
    ];
    Decision {
        place: (place != at).then_some(place),
        what: words::decision(workload),
        amount: format!("{} {} a month", PAGE.money(advice.monthly_savings), report.currency),
        how: how.into_iter().flatten().collect::<Vec<_>>().join(" · "),
        anchor: format!("w-{}", workload.slug),
    }
}

/// Whether somebody has to say something about its advice now.
fn presses(workload: &WorkloadReport) -> bool {
    let decision = workload.advice.decision.as_ref();
    let is_approved = counts_as(workload) == CountsAs::Approved;
    let is_overdue = decision.is_some_and(|it| it.overdue);
    words::is_pressing(&workload.advice.grade, is_approved, is_overdue)
}

/// The actions that are not listed, with what they save, so that the list adds up to the sum below it.
fn more(
    report: &ReportModel,
    to_do: &[&WorkloadReport],
    listed: &[usize],
) -> Result<Option<String>, RenderError> {
    let left = to_do.iter().enumerate().filter(|it| !listed.contains(&it.0));
    let left: Vec<Money> = left.map(|(_, it)| it.advice.monthly_savings).collect();
    let n = left.len();
    let sum = Money::sum(left, report.currency).map_err(RenderError::Amount)?;
    Ok((n > 0).then(|| {
        let currency = report.currency;
        format!("And {n} more in the table of workloads: {} {currency} a month", PAGE.money(sum))
    }))
}

/// Workloads whose cards have charts and small print.
fn whole_cards(report: &ReportModel) -> usize {
    if report.workloads.len() > MOST_WHOLE_CARDS { DEAREST } else { MOST_WHOLE_CARDS }
}

/// One workload; a brief card has neither charts nor small print.
fn card(
    report: &ReportModel,
    workload: &WorkloadReport,
    is_brief: bool,
) -> Result<Card, RenderError> {
    let advice = &workload.advice;
    let say = |it: &String| sentence(report, it);
    let list = |items: &[String]| items.iter().map(say).collect::<Vec<_>>();
    let saves = !advice.monthly_savings.is_zero();
    // The page puts its own heading before the rule.
    let rule = workload.rule_of_thumb.trim_start_matches("The rule of thumb");
    let rule = rule.trim_start_matches([':', ' ']).to_owned();
    let charts = if is_brief { None } else { Some(charts(report, workload)?) };
    Ok(Card {
        anchor: pages::anchor(workload),
        name: words::shown(&workload.name),
        class: words::class(workload),
        owner: workload.owner.as_ref().map(|it| words::shown(it)),
        verdict: say(&workload.verdict),
        today: workload.baseline.monthly_cost.map(|it| PAGE.money(it)),
        today_note: if workload.baseline.priced_from_catalog {
            format!("{} a month at catalog prices, no bill given", report.currency)
        } else {
            format!("{} a month", report.currency)
        },
        recommended: words::recommended(workload).map(|it| PAGE.money(it.monthly_cost)),
        saves: saves.then(|| PAGE.money(advice.monthly_savings)),
        range: range(advice),
        grade: words::shown(&advice.grade),
        currency: report.currency.to_string(),
        action: words::action(advice),
        summary: say(&advice.summary),
        charts,
        reasons: list(&advice.reasons),
        steps: list(&advice.steps),
        schedule: tables::schedule(report, workload),
        decision: advice.decision.as_ref().map(tables::decision_in_words),
        takes: tables::takes_in_full(advice, PAGE),
        verify: tables::verify(advice),
        undo: say(&advice.undo),
        wrong_if: list(&tables::doubts(advice)),
        evidence: list(&workload.evidence),
        rule_of_thumb: say(&rule),
        waste: workload.waste.iter().map(|it| waste(report, it)).collect(),
        small_print: (!is_brief).then(|| small_print(report, workload)),
    })
}

/// The tables that prove a card.
fn small_print(report: &ReportModel, workload: &WorkloadReport) -> SmallPrint {
    let currency = report.currency;
    let first = [
        Some(tables::today(workload, currency)),
        tables::at_prices(&workload.advice, currency),
        Some(tables::slo(workload)),
    ];
    SmallPrint {
        first: first.into_iter().flatten().collect(),
        plans: tables::plans(workload, currency),
        last: [tables::candidates(workload, currency), tables::features(workload)],
    }
}

/// The three charts that convince, and the others.
fn charts(report: &ReportModel, workload: &WorkloadReport) -> Result<Charts, RenderError> {
    const FIRST: [ChartKind; 3] = [ChartKind::Plans, ChartKind::Duration, ChartKind::HeatMap];
    let (mut first, mut more) = (Vec::new(), Vec::new());
    for it in chart::workload_charts(report, workload)? {
        match FIRST.iter().position(|kind| *kind == it.kind) {
            Some(place) => first.push((place, Picture::from(it))),
            None => more.push(Picture::from(it)),
        }
    }
    first.sort_by_key(|it| it.0);
    let first: Vec<Picture> = first.into_iter().map(|it| it.1).collect();
    let [plans, duration, heat_map] =
        first.try_into().map_err(|_| RenderError::Chart("one is missing".to_owned()))?;
    Ok(Charts { plans, duration, heat_map, more })
}

/// A finding: what it is, its amount, the numbers behind it and what to do.
pub(crate) fn waste(report: &ReportModel, it: &WasteReport) -> String {
    let finding = words::waste(&it.finding);
    let state = words::waste_state(it);
    let hours = it.gpu_hours.map(|it| format!(", {} GPU-hours", PAGE.measure(it)));
    let cost = match it.cost {
        Some(cost) => format!("{} {} in the window", PAGE.money(cost), report.currency),
        None => "no amount".to_owned(),
    };
    let said = format!("{} {}", it.evidence, it.action);
    format!("{finding} ({state}): {cost}{}. {}", hours.unwrap_or_default(), sentence(report, &said))
}

/// A chart for the page.
impl From<Drawn> for Picture {
    fn from(it: Drawn) -> Picture {
        let svg = it.chart.inline();
        let mut data = it.data;
        if data.rows.len() > MOST_ROWS {
            let all = PAGE.count(data.rows.len() as u64);
            data.rows.truncate(MOST_ROWS);
            data.note = Some(format!("The first {MOST_ROWS} of {all} rows; report.json has all."));
        }
        Picture { title: it.chart.title, subtitle: it.chart.subtitle, svg, data }
    }
}

/// What is asked for, and what stands below the actions: the same words and parts as in the mail.
pub(crate) fn first_page(report: &ReportModel) -> Result<(Vec<String>, Vec<Section>), RenderError> {
    let written =
        MailReport::read(&serde_json::to_string(report)?).map_err(RenderError::ReadBack)?;
    mail::first_page(&written, PAGE)
}

/// By which the policy of the page knows its script; no other runs.
pub(super) fn script_hash() -> String {
    STANDARD.encode(Sha256::digest(SCRIPT.as_bytes()))
}

/// Text for a string of a style sheet: the characters of numbers and plain words only.
fn css_text(text: &str) -> String {
    let harmless = |it: &char| {
        it.is_ascii_alphanumeric()
            || matches!(it, ' ' | '.' | ',' | ':' | ';' | '+' | '=' | '\u{2212}' | '\u{202f}' | '–')
    };
    text.chars().filter(harmless).collect()
}
