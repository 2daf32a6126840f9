//! From what the stages found to the [`ReportModel`]: the only place where their results meet.

use std::collections::{BTreeMap, BTreeSet};

use chrono_tz::Tz;

use super::blanks::{self, MOST_BLANKS};
use super::build_advice::interval;
use super::build_workload::{self, rounded};
use super::course::{self, Course};
use super::model::{
    AssumptionReport, CatalogReport, CommitmentsReport, CoverageReport, InputReport, Portfolio,
    PortfolioWaste, PriceReport, Provenance, Reconciliation, ReportModel, SCHEMA_VERSION,
    SavingsByDecision, SavingsRate, Totals,
};
use super::number::Medium;
use super::weeks;
use super::{description, price_moves, rules, waste};
use crate::catalog::Catalog;
use crate::classify::{Description, Fleet, WasteKind};
use crate::ingest::{Ingested, SourceKind};
use crate::recommend::{Action, Daily, Recommendation, Risk, WhatIf};
use crate::units::{Currency, Money, MoneyError, Period, Timestamp};
use crate::workload::{Demand, Direction, UsageTotals, Workload};

/// One workload with everything found out about it.
#[derive(Clone, Debug)]
pub struct Analysed {
    /// The workload.
    pub workload: Workload,
    /// What it is.
    pub description: Description,
    /// What to do.
    pub recommendation: Recommendation,
    /// It along the window.
    pub course: Course,
}

impl Analysed {
    /// Lets go of what grows with the window, where workloads are very many, and gives what its days
    /// cost. Nothing that a report says of it is lost but the series themselves.
    pub fn without_hours(&mut self) -> Vec<(Period, Money)> {
        let workload = &mut self.workload;
        match &mut workload.demand {
            Demand::Counts(series) => series.bins = Vec::new(),
            Demand::Level(series) => series.bins = Vec::new(),
            Demand::Arrivals(_) | Demand::Unknown => {}
        }
        if let Some(level) = &mut workload.billed_level {
            level.bins = Vec::new();
        }
        workload.costs = Vec::new();
        workload.costs_before = Vec::new();
        workload.activity = Vec::new();
        workload.engine = Vec::new();
        self.description.hourly.values = Vec::new();
        self.description.holes = None;
        let found = &mut self.recommendation;
        for elastic in found.plans.iter_mut().filter_map(|it| it.elastic.as_mut()) {
            elastic.on_us_by_hour = Vec::new();
        }
        if let Some(curve) = &mut found.duration_curve {
            curve.hours_sorted = Vec::new();
        }
        self.course.without_hours()
    }
}

/// Prices that moved which are among the first sentences; the others are in `report.json`.
const MOST_MOVES: usize = 3;

/// What belongs to the whole run.
#[derive(Clone, Copy, Debug)]
pub struct RunFacts<'a> {
    /// What was read.
    pub ingested: &'a Ingested,
    /// What was looked up.
    pub catalog: &'a Catalog,
    /// Zone of the report.
    pub zone: Tz,
    /// Seed of all chance.
    pub seed: u64,
    /// The day the report speaks of.
    pub as_of: Timestamp,
}

/// Puts the report together; fails only when amounts do not fit their type. `others` is what the days
/// cost of all workloads that have no days of their own.
pub fn build(
    mut analysed: Vec<Analysed>,
    others: &BTreeMap<Period, Money>,
    fleet: &Fleet,
    run: RunFacts<'_>,
) -> Result<ReportModel, MoneyError> {
    let currency = run.ingested.reconciliation.currency;
    analysed.sort_by(|a, b| {
        let cost = |it: &Analysed| it.recommendation.baseline.monthly_cost.map(Money::atto);
        cost(b).cmp(&cost(a)).then_with(|| a.workload.name.cmp(&b.workload.name))
    });
    let totals = totals(&analysed, fleet, run, currency)?;
    let account = Reconciliation::of(run.ingested);
    let waste = waste::portfolio(&analysed, fleet, currency)?;
    let mut portfolio = portfolio(&analysed, &totals, waste, (fleet, run));
    let others = others.iter().map(|it| (*it.0, *it.1));
    portfolio.cost_by_day_of_others = course::of_days(others, run.zone);
    // What touches money first, what single files say last.
    let mut notices: Vec<String> =
        account.unclaimed().map(unassigned_sentence).into_iter().collect();
    notices.extend(account.unused_commitments().map(|it| {
        format!("{it} was paid for commitments that nothing used: it is in no workload's cost, and among what is paid and not used")
    }));
    notices.extend(window_notices(run.ingested.window));
    notices.extend(expired_quotes(run));
    notices.extend(workload_notices(&analysed));
    notices.extend(analysed.iter().flat_map(|it| {
        description::anomalies(&it.workload, &it.description.anomalies, run.zone, Medium::Terminal)
    }));
    let price_moves = price_moves::moves(&analysed, run.catalog);
    notices.extend(price_moves.iter().take(MOST_MOVES).map(|it| it.sentence.clone()));
    notices.extend(run.ingested.notices.iter().cloned());
    let break_even = rules::least_break_even_hours(run.catalog);
    let mut blanks = blanks::blanks(&analysed, run);
    blanks.truncate(MOST_BLANKS);
    let mut slugs = BTreeSet::new();
    let provenance = provenance(run, &analysed);
    notices.extend(hours_left_out(&analysed));
    // Of very many workloads none is there twice.
    let workloads = analysed
        .into_iter()
        .map(|it| build_workload::workload(&it, (fleet, run), break_even, &mut slugs))
        .collect();
    let mut report = ReportModel {
        schema_version: SCHEMA_VERSION,
        period_label: period_label(run.ingested, run.zone),
        currency,
        time_zone: run.zone.name().to_owned(),
        totals,
        reconciliation: account,
        invoice_state: run
            .ingested
            .files
            .iter()
            .any(|it| it.kind == SourceKind::Bill)
            .then(|| run.ingested.invoice.as_str()),
        coverage: CoverageReport::of(&run.ingested.coverage),
        workloads,
        portfolio,
        blanks,
        commitment: CommitmentsReport::default(),
        price_moves,
        forecast: None,
        budget: None,
        previous: None,
        notices,
        provenance,
    };
    weeks::plan(&mut report, run.as_of, run.catalog.assumptions.change.hours_per_week)?;
    Ok(report)
}

/// Says in the title, in the first notice and in the provenance what was asked.
pub fn say_what_if(report: &mut ReportModel, questions: &[WhatIf]) {
    if questions.is_empty() {
        return;
    }
    let asked: Vec<String> = questions.iter().map(ToString::to_string).collect();
    report.period_label = format!("{}, what if {}", report.period_label, asked.join(" and "));
    report.notices.insert(
        0,
        format!(
            "what if {}: this is no report of what was; the bill and today's fleet stay as they are, \
             except for the prices asked about",
            asked.join(" and ")
        ),
    );
    let mut at = 1;
    if questions.iter().any(WhatIf::is_of_demand) {
        let said = "every plan carries the demand asked about, and its saving is against today's bill, for the \
                    demand there was";
        report.notices.insert(at, said.to_owned());
        at += 1;
    }
    if questions.iter().any(WhatIf::moves_the_bill) {
        let said = "no forecast and no budget: both would go by the bill, which is of other demand or other prices";
        report.notices.insert(at, said.to_owned());
    }
    report.provenance.what_if = asked;
}

fn totals(
    analysed: &[Analysed],
    fleet: &Fleet,
    run: RunFacts<'_>,
    currency: Currency,
) -> Result<Totals, MoneyError> {
    let window = run.ingested.window;
    let sum = |pick: &dyn Fn(&Analysed) -> Option<Money>| -> Result<Option<Money>, MoneyError> {
        let known: Vec<Money> = analysed.iter().filter_map(pick).collect();
        if known.is_empty() { Ok(None) } else { Money::sum(known, currency).map(Some) }
    };
    let count = |pick: &dyn Fn(&Analysed) -> Option<u64>| {
        analysed.iter().filter_map(pick).reduce(u64::saturating_add)
    };
    let baseline = sum(&|it| it.recommendation.baseline.monthly_cost)?;
    let savings: Vec<Money> =
        analysed.iter().map(|it| it.recommendation.advice.monthly_savings).collect();
    let monthly_savings = Money::sum(savings, currency)?;
    let recommended = baseline.map(|it| it.checked_sub(monthly_savings)).transpose()?;
    let unused = unused_commitment(fleet, currency)?;
    Ok(Totals {
        window_start: window.start().to_rfc3339(),
        window_end: window.end().to_rfc3339(),
        window_hours: window.hours(),
        billed_cost: sum(&|it| it.workload.totals.billed_cost)?,
        effective_cost: sum(&|it| it.workload.totals.effective_cost)?,
        list_cost: sum(&|it| it.workload.totals.list_cost)?,
        contracted_cost: sum(&|it| it.workload.totals.contracted_cost)?,
        effective_savings_rate: SavingsRate {
            over_list: savings_rate(analysed, unused, |it| it.list_cost),
            over_contracted: savings_rate(analysed, unused, |it| it.contracted_cost),
        },
        // Told by the commitments, which are sought later.
        left_on_the_table: None,
        gpu_hours: analysed
            .iter()
            .filter_map(|it| it.workload.totals.gpu_hours)
            .reduce(|a, b| a + b),
        requests: count(&|it| it.workload.totals.requests),
        prompt_tokens: count(&|it| it.workload.totals.prompt_tokens),
        completion_tokens: count(&|it| it.workload.totals.completion_tokens),
        cost_per_million_tokens: fleet.unit_costs.per_million_tokens.and_then(|it| it.amount),
        projected_monthly_cost: projected(analysed, currency)?,
        baseline_monthly_cost: baseline,
        recommended_monthly_cost: recommended,
        monthly_savings,
    })
}

/// What was paid for commitments that no workload used.
fn unused_commitment(fleet: &Fleet, currency: Currency) -> Result<Money, MoneyError> {
    let unused = fleet.waste.iter().filter(|it| it.kind == WasteKind::UnusedCommitment);
    Money::sum(unused.filter_map(|it| it.cost).collect::<Vec<_>>(), currency)
}

/// The Effective Savings Rate, what was paid less than a price over that price, of the workloads whose
/// price is known: 37 % at 100 and an effective cost of 60 and 3 for what no workload used (FinOps
/// Foundation, How to Calculate Effective Savings Rate).
fn savings_rate(
    analysed: &[Analysed],
    unused: Money,
    price: impl Fn(&UsageTotals) -> Option<Money>,
) -> Option<f64> {
    let pairs: Vec<(f64, f64)> = analysed
        .iter()
        .map(|it| &it.workload.totals)
        .filter_map(|it| Some((price(it)?.to_f64(), it.effective_cost?.to_f64())))
        .collect();
    let all: f64 = pairs.iter().map(|it| it.0).sum();
    let paid = pairs.iter().map(|it| it.1).sum::<f64>() + unused.to_f64();
    (all > 0.0).then(|| rounded((all - paid) / all))
}

/// Baselines, those with a certain trend moved by it. A trend that takes more than all leaves zero.
fn projected(analysed: &[Analysed], currency: Currency) -> Result<Option<Money>, MoneyError> {
    const PARTS: u64 = 1_000_000;
    let mut parts = Vec::new();
    for it in analysed {
        let Some(cost) = it.recommendation.baseline.monthly_cost else { continue };
        let certain = matches!(
            it.description.class.direction,
            Some(Direction::Growing | Direction::Declining)
        );
        let trend = it
            .description
            .changes
            .trend_since_change
            .as_ref()
            .filter(|_| certain)
            .map_or(0.0, |it| it.value);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "clamped; `as` saturates"
        )]
        let numerator = ((1.0 + trend).clamp(0.0, 1e6) * PARTS as f64).round() as u64;
        parts.push(cost.scale(numerator, PARTS)?);
    }
    if parts.is_empty() { Ok(None) } else { Money::sum(parts, currency).map(Some) }
}

fn portfolio(
    analysed: &[Analysed],
    totals: &Totals,
    waste: PortfolioWaste,
    (fleet, run): (&Fleet, RunFacts<'_>),
) -> Portfolio {
    let mut actions: Vec<(&str, i128)> = analysed
        .iter()
        .map(|it| &it.recommendation.advice)
        .filter(|it| it.action.is_to_do())
        .map(|it| (it.id.as_str(), it.monthly_savings.atto()))
        .collect();
    actions.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(b.0)));
    let count = |pick: &dyn Fn(&Recommendation) -> u64| {
        analysed.iter().map(|it| pick(&it.recommendation)).sum()
    };
    let risk = risk_of_all(analysed, totals.monthly_savings, run);
    let ranking: Vec<String> = actions.into_iter().map(|(id, _)| id.to_owned()).collect();
    // The dearest workload comes first.
    let of = |wanted: Action| {
        let found = analysed.iter().map(|it| &it.recommendation.advice);
        found.filter(move |it| it.action == wanted).map(|it| it.id.clone())
    };
    let others = of(Action::Keep).chain(of(Action::NotEnoughData));
    Portfolio {
        all_advice: ranking.iter().cloned().chain(others).collect(),
        n_that_matter: 0,
        plan: Vec::new(),
        savings_by_year_end: Money::zero(totals.monthly_savings.currency()),
        ranking,
        monthly_savings: totals.monthly_savings,
        interval: risk.as_ref().map(interval),
        probability_of_loss: risk.map(|it| rounded(it.probability_of_loss)),
        savings_by_decision: SavingsByDecision::all_open(
            totals.monthly_savings,
            totals.recommended_monthly_cost,
        ),
        promises: Vec::new(),
        waste,
        pools: fleet.pools.clone(),
        outages: fleet.outages.clone(),
        cost_by_day_of_others: Vec::new(),
        candidates_sized: count(&|it| it.n_sized),
        plans_simulated: count(&|it| it.plans.len() as u64),
        candidates_pruned: count(&|it| it.n_pruned),
        plans_ranked: count(&|it| it.n_ranked),
    }
}

/// The range of all savings together; nothing where one of them has none.
fn risk_of_all(analysed: &[Analysed], saving: Money, run: RunFacts<'_>) -> Option<Risk> {
    let recommendations = analysed.iter().map(|it| &it.recommendation);
    let saving_ones = recommendations.filter(|it| !it.advice.monthly_savings.is_zero());
    let days = saving_ones.map(|it| it.saved_by_day.as_ref()).collect::<Option<Vec<_>>>()?;
    Risk::of(saving, &Daily::together(&days)?, &run.catalog.assumptions.risk, run.seed)
}

/// What must be known of single workloads, each sentence once with the names it is about.
fn workload_notices(analysed: &[Analysed]) -> Vec<String> {
    let mut names: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for it in analysed {
        for text in &it.recommendation.notices {
            names.entry(text).or_default().push(&it.workload.name);
        }
    }
    let all = |text: &str, names: &[&str]| match names {
        [first, second, rest @ ..] if rest.len() > 1 => {
            format!("{first}, {second} and {} more: {text}", rest.len())
        }
        names => format!("{}: {text}", names.join(", ")),
    };
    names.into_iter().map(|(text, names)| all(text, &names)).collect()
}

/// What is not told of the less dear of very many workloads.
fn hours_left_out(analysed: &[Analysed]) -> Option<String> {
    let n = analysed.iter().filter(|it| it.course.hours_left_out).count();
    (n > 0).then(|| {
        format!(
            "of {n} of {} workloads single hours and days are not told, and the workbook has the plans and hours of \
             those with a card: report.json has the plans of all",
            analysed.len()
        )
    })
}

/// Cost that no workload claims must not go unnoticed. The amount is in full: each format rounds it as
/// it rounds its other amounts.
fn unassigned_sentence(amount: Money) -> String {
    match Money::zero(amount.currency()).checked_sub(amount) {
        Ok(over) if amount.is_negative() => format!(
            "for GPUs that no workload claims, credits and corrections exceed the charges by \
             {over}: the amount is in the spend, and in no workload, budget or saving"
        ),
        _ => format!(
            "GPUs that no workload claims cost {amount}: it is in the spend, and in no workload, budget or saving"
        ),
    }
}

/// A quote that no longer holds is in no plan.
fn expired_quotes(run: RunFacts<'_>) -> Vec<String> {
    let today = run.as_of.to_date_string();
    let expired = run.catalog.offers.iter().filter(|it| !it.holds_on(&today));
    let said = expired.map(|it| {
        let last = it.valid_until.as_deref().unwrap_or_default();
        format!(
            "your quote of {} for {} ({}) held until {last} and is not used: ask for a new one and \
             write its last day into valid_until of its [[quote]]",
            it.provider, it.instance_type, it.purchase
        )
    });
    said.collect()
}

fn window_notices(window: Period) -> Vec<String> {
    if window.hours() < 24.0 {
        vec![format!(
            "the window has {:.1} hours: monthly costs are run rates, and no commitment is advised",
            window.hours()
        )]
    } else {
        Vec::new()
    }
}

/// What the window is called: `October 2026` for a whole month of the zone, else its days.
pub fn period_label(ingested: &Ingested, zone: Tz) -> String {
    label(ingested.window, zone, ingested.relative)
}

fn label(window: Period, zone: Tz, relative: bool) -> String {
    if relative {
        return format!("{:.1} hours from the start of the log", window.hours());
    }
    let (start, end) = (window.start().in_zone(zone), window.end().in_zone(zone));
    let last = window.end().plus_us(-1).in_zone(zone);
    let is_month = start.format("%d %H:%M:%S").to_string() == "01 00:00:00"
        && end.format("%d %H:%M:%S").to_string() == "01 00:00:00"
        && start.format("%Y-%m").to_string() == last.format("%Y-%m").to_string();
    if is_month {
        start.format("%B %Y").to_string()
    } else if start.date() == last.date() {
        start.format("%-d %B %Y").to_string()
    } else {
        format!("{} to {}", start.format("%-d %b %Y"), last.format("%-d %b %Y"))
    }
}

/// Each row of the catalog that a plan uses once, by id. A rate on the bill is no row of it.
fn prices(analysed: &[Analysed], catalog: &Catalog) -> Vec<PriceReport> {
    let plans = analysed.iter().flat_map(|it| &it.recommendation.plans);
    let used: BTreeSet<&str> =
        plans.flat_map(|plan| &plan.offers).map(|offer| offer.id.as_str()).collect();
    let rows = used.into_iter().filter_map(|id| catalog.offer(id));
    rows.filter_map(|offer| {
        let currency = offer.rate.currency();
        Some(PriceReport {
            offer_id: offer.id.clone(),
            price_per_hour: Money::from_nano(offer.rate.nano(), currency).ok()?,
            currency,
            as_of: offer.as_of.clone(),
            source: offer.source.clone(),
        })
    })
    .collect()
}

fn provenance(run: RunFacts<'_>, analysed: &[Analysed]) -> Provenance {
    debug_assert!(
        run.ingested.files.iter().all(|it| it.sha256.is_some()),
        "a report names what it read"
    );
    let files = run.ingested.files.iter().map(|file| InputReport {
        file: file.name.clone(),
        sha256: file.sha256.clone().unwrap_or_default(),
        format: file.format.clone(),
        rows: file.rows,
        columns_used: file.columns_used.clone(),
        columns_ignored: file.columns_ignored.clone(),
    });
    let catalog = run.catalog.files.iter().map(|file| CatalogReport {
        file: file.name.clone(),
        rows: file.rows as u64,
        newest_as_of: file.newest_as_of.clone(),
        sha256: file.sha256.clone(),
    });
    let assumptions = run.catalog.assumptions.entries.iter().map(|it| AssumptionReport {
        key: it.key.clone(),
        value: it.value,
        unit: it.unit.clone(),
        reason: it.reason.clone(),
        source: it.source.clone(),
    });
    Provenance {
        inputs: files.collect(),
        catalog: catalog.collect(),
        prices: prices(analysed, run.catalog),
        assumptions: assumptions.collect(),
        what_if: Vec::new(),
        arguments: Vec::new(),
        seed: run.seed,
        as_of: run.as_of.to_date_string(),
        version: env!("CARGO_PKG_VERSION"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_negative_rest_is_told_as_credits() {
        let check = |text: &str, start: &str| {
            let said = unassigned_sentence(Money::parse(text, Currency::USD).unwrap());
            assert!(said.starts_with(start), "{said}");
        };
        check("748.461", "GPUs that no workload claims cost 748.461 USD: ");
        check(
            "-79.2732234",
            "for GPUs that no workload claims, credits and corrections exceed the charges by \
             79.2732234 USD: ",
        );
    }

    #[test]
    fn a_whole_month_has_a_name() {
        let at = |text| Timestamp::parse(text, Tz::UTC).unwrap();
        let label = |from, to| super::label(Period::new(at(from), at(to)).unwrap(), Tz::UTC, false);
        assert_eq!(label("2026-10-01", "2026-11-01"), "October 2026");
        assert_eq!(label("2026-10-01", "2026-12-01"), "1 Oct 2026 to 30 Nov 2026");
        assert_eq!(label("2026-10-05T03:00", "2026-10-05T04:00"), "5 October 2026");
    }
}
