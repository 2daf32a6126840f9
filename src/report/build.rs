//! From what the stages found to the [`ReportModel`]: the only place where their results meet.

use std::collections::{BTreeMap, BTreeSet};

use chrono_tz::Tz;
use serde_json::json;

use super::model::{
    AdviceReport, AssumptionReport, Baseline, CandidateReport, CatalogReport, CategoryLine,
    CostParts, CurrencyLine, DurationCurve, InputReport, PlanReport, Portfolio, Provenance,
    Reconciliation, RejectedRow, ReportModel, SCHEMA_VERSION, SloReport, Totals, UnitCost,
    WasteReport, WorkloadReport,
};
use super::rules;
use crate::catalog::Catalog;
use crate::classify::{Features, HourlySeries, HourlyUnit, weekday_hour_profile};
use crate::ingest::Ingested;
use crate::recommend::{Action, Candidate, Plan, Recommendation, Verdict, Way};
use crate::size::Replica;
use crate::units::{Currency, Money, MoneyError, Period, Timestamp};
use crate::workload::{Direction, PricingCategory, Workload, WorkloadClass};

/// Candidates a report lists beside those simulated.
const MAX_CANDIDATES_LEFT_SHOWN: usize = 20;
/// Rejected rows a report lists; the counts are of all.
const MAX_REJECTED_SHOWN: usize = 1000;

/// One workload with everything found out about it.
#[derive(Clone, Debug)]
pub struct Analysed {
    /// The workload.
    pub workload: Workload,
    /// The statistics of its demand.
    pub features: Features,
    /// Its demand by hour.
    pub hourly: HourlySeries,
    /// What it is.
    pub class: WorkloadClass,
    /// What to do.
    pub recommendation: Recommendation,
}

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

/// Puts the report together; fails only when amounts do not fit their type.
pub fn build(mut analysed: Vec<Analysed>, run: RunFacts<'_>) -> Result<ReportModel, MoneyError> {
    let currency = run.ingested.reconciliation.currency;
    analysed.sort_by(|a, b| {
        let cost = |it: &Analysed| it.recommendation.baseline.monthly_cost.map(Money::atto);
        cost(b).cmp(&cost(a)).then_with(|| a.workload.name.cmp(&b.workload.name))
    });
    let totals = totals(&analysed, run, currency)?;
    let portfolio = portfolio(&analysed, totals.monthly_savings);
    let mut notices = run.ingested.notices.clone();
    notices.extend(workload_notices(&analysed));
    notices.extend(window_notices(run.ingested.window));
    notices.extend(unassigned_notice(run.ingested));
    let break_even = rules::least_break_even_hours(run.catalog);
    let mut slugs = BTreeSet::new();
    let workloads = analysed
        .iter()
        .map(|it| workload(it, run, break_even, &mut slugs))
        .collect::<Result<_, _>>()?;
    Ok(ReportModel {
        schema_version: SCHEMA_VERSION,
        period_label: period_label(run.ingested.window, run.zone, run.ingested.relative),
        currency,
        time_zone: run.zone.name().to_owned(),
        totals,
        reconciliation: reconciliation(run.ingested),
        workloads,
        portfolio,
        commitments: Vec::new(),
        forecast: None,
        notices,
        provenance: provenance(run),
    })
}

fn totals(
    analysed: &[Analysed],
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
    Ok(Totals {
        window_start: window.start().to_rfc3339(),
        window_end: window.end().to_rfc3339(),
        window_hours: window.hours(),
        billed_cost: sum(&|it| it.workload.totals.billed_cost)?,
        effective_cost: sum(&|it| it.workload.totals.effective_cost)?,
        list_cost: sum(&|it| it.workload.totals.list_cost)?,
        contracted_cost: sum(&|it| it.workload.totals.contracted_cost)?,
        gpu_hours: analysed
            .iter()
            .filter_map(|it| it.workload.totals.gpu_hours)
            .reduce(|a, b| a + b),
        requests: count(&|it| it.workload.totals.requests),
        prompt_tokens: count(&|it| it.workload.totals.prompt_tokens),
        completion_tokens: count(&|it| it.workload.totals.completion_tokens),
        cost_per_million_tokens: cost_per_million(analysed, currency)?,
        projected_monthly_cost: projected(analysed, currency)?,
        baseline_monthly_cost: baseline,
        recommended_monthly_cost: recommended,
        monthly_savings,
    })
}

/// Effective cost of the workloads with tokens over their tokens, idle included.
fn cost_per_million(
    analysed: &[Analysed],
    currency: Currency,
) -> Result<Option<Money>, MoneyError> {
    let with_tokens: Vec<(Money, u64)> = analysed
        .iter()
        .filter_map(|it| {
            let totals = &it.workload.totals;
            Some((
                totals.effective_cost?,
                totals.prompt_tokens?.saturating_add(totals.completion_tokens?),
            ))
        })
        .collect();
    let tokens = with_tokens.iter().fold(0_u64, |sum, it| sum.saturating_add(it.1));
    let cost = Money::sum(with_tokens.into_iter().map(|it| it.0), currency)?;
    if tokens == 0 { Ok(None) } else { cost.scale(1_000_000, tokens).map(Some) }
}

/// Baselines, those with a certain trend moved by it. A trend that takes more than all leaves zero.
fn projected(analysed: &[Analysed], currency: Currency) -> Result<Option<Money>, MoneyError> {
    const PARTS: u64 = 1_000_000;
    let mut parts = Vec::new();
    for it in analysed {
        let Some(cost) = it.recommendation.baseline.monthly_cost else { continue };
        let certain = matches!(it.class.direction, Some(Direction::Growing | Direction::Declining));
        let trend =
            it.features.trend_per_30d.as_ref().filter(|_| certain).map_or(0.0, |it| it.value);
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

fn portfolio(analysed: &[Analysed], monthly_savings: Money) -> Portfolio {
    let mut actions: Vec<(&str, i128)> = analysed
        .iter()
        .map(|it| &it.recommendation.advice)
        .filter(|it| matches!(it.action, Action::Switch | Action::Stop))
        .map(|it| (it.id.as_str(), it.monthly_savings.atto()))
        .collect();
    actions.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(b.0)));
    let count = |pick: &dyn Fn(&Recommendation) -> u64| {
        analysed.iter().map(|it| pick(&it.recommendation)).sum()
    };
    Portfolio {
        ranking: actions.into_iter().map(|(id, _)| id.to_owned()).collect(),
        monthly_savings,
        candidates_sized: count(&|it| it.n_sized),
        plans_simulated: count(&|it| it.plans.len() as u64),
        candidates_pruned: count(&|it| it.n_pruned),
    }
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

/// Cost that no workload claims must not go unnoticed.
fn unassigned_notice(ingested: &Ingested) -> Option<String> {
    let amount = ingested.reconciliation.unassigned.filter(|it| !it.is_zero())?;
    Some(format!(
        "{amount} is billed in rows that name no workload: it is in no figure but the reconciliation"
    ))
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

/// `October 2026` for a whole month of the zone, else the first and last day.
fn period_label(window: Period, zone: Tz, relative: bool) -> String {
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

fn reconciliation(ingested: &Ingested) -> Reconciliation {
    let account = &ingested.reconciliation;
    let show = |row: &crate::ingest::Rejected| RejectedRow {
        file: row.file.clone(),
        row: row.row,
        column: row.column.clone(),
        reason: row.reason.clone(),
    };
    Reconciliation {
        rows_in: account.rows_in,
        rows_kept: account.rows_kept,
        rows_rejected: account.rows_rejected,
        duplicates: account.duplicates,
        rows_outside_window: account.rows_outside_window,
        billed_total: account.totals.billed,
        effective_total: account.totals.effective,
        list_total: account.totals.list,
        contracted_total: account.totals.contracted,
        assigned: account.assigned,
        unassigned: account.unassigned,
        excluded: account.excluded,
        difference: account.difference,
        by_currency: vec![CurrencyLine {
            currency: account.currency,
            billed_total: account.totals.billed,
            effective_total: account.totals.effective,
        }],
        by_charge_category: account
            .by_charge_category
            .iter()
            .map(|it| CategoryLine {
                charge_category: it.charge_category.to_owned(),
                billed_total: it.totals.billed,
                effective_total: it.totals.effective,
            })
            .collect(),
        by_commitment: Vec::new(),
        rejected: ingested.rejected.iter().take(MAX_REJECTED_SHOWN).map(show).collect(),
        amounts_from_floats: account.amounts_from_floats,
    }
}

fn workload(
    it: &Analysed,
    run: RunFacts<'_>,
    break_even: Option<f64>,
    slugs: &mut BTreeSet<String>,
) -> Result<WorkloadReport, MoneyError> {
    let found = &it.recommendation;
    let demand_unit = match it.hourly.unit {
        HourlyUnit::Requests => "requests/h",
        HourlyUnit::Gpus => "GPUs",
    };
    Ok(WorkloadReport {
        slug: slug(&it.workload.name, slugs),
        name: it.workload.name.clone(),
        owner: it.workload.owner.clone(),
        environment: it.workload.environment.clone(),
        kind: it.class.kind,
        shape: it.class.shape,
        direction: it.class.direction,
        class_confidence: it.class.confidence.get(),
        evidence: it.class.evidence.clone(),
        rule_of_thumb: rules::sentences(it, run.catalog, break_even),
        verdict: verdict(it),
        features: it.features.to_json(),
        baseline: baseline(it)?,
        slo: SloReport {
            ttft_p95_s: found.slo.ttft_p95_s,
            tpot_p95_s: found.slo.tpot_p95_s,
            attainment: found.slo.attainment.get(),
            assumed: found.slo.assumed,
        },
        candidates: shown_candidates(&found.candidates).map(candidate).collect(),
        plans: found.plans.iter().map(|plan| plan_report(plan, it)).collect(),
        advice: advice(it),
        waste: found
            .waste
            .iter()
            .map(|waste| WasteReport {
                finding: waste.finding.to_owned(),
                confirmed: waste.confirmed,
                cost: waste.cost,
                evidence: waste.evidence.clone(),
            })
            .collect(),
        demand_by_weekday_hour: weekday_hour_profile(&it.hourly, run.zone),
        demand_unit: demand_unit.to_owned(),
        duration_curve: found.duration_curve.as_ref().map(|curve| DurationCurve {
            unit: curve.unit.clone(),
            hours_sorted: curve.hours_sorted.iter().copied().map(rounded).collect(),
            break_even_share: curve.break_even_share.map(rounded),
            break_even_label: curve.break_even_label.clone(),
            reserved_units: curve.reserved_units,
        }),
    })
}

/// Six decimals are more than any statistic here is worth, and keep the file small.
fn rounded(value: f64) -> f64 {
    (value * 1e6).round() / 1e6
}

/// What it is and what to do, in one sentence.
fn verdict(it: &Analysed) -> String {
    let direction = match it.class.direction {
        Some(Direction::Growing) => ", growing",
        Some(Direction::Declining) => ", declining",
        Some(Direction::Flat) | None => "",
    };
    let kind = it.class.kind.as_str();
    let kind = if kind == "unknown" { "use unknown" } else { kind };
    format!(
        "{}{direction}, {kind}. {}",
        capitalized(it.class.shape.as_str()),
        it.recommendation.advice.summary
    )
}

fn capitalized(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or(String::new(), |first| first.to_uppercase().chain(chars).collect())
}

fn baseline(it: &Analysed) -> Result<Baseline, MoneyError> {
    let (found, totals) = (&it.recommendation.baseline, &it.workload.totals);
    let deployment = &it.workload.deployment;
    let tokens =
        totals.prompt_tokens.zip(totals.completion_tokens).map(|(a, b)| a.saturating_add(b));
    let per = |scale: u64, units: Option<u64>| match (totals.effective_cost, units) {
        (Some(cost), Some(units)) if units > 0 => cost.scale(scale, units).map(Some),
        _ => Ok(None),
    };
    let (busy_fraction, busy_source) = busy(it);
    Ok(Baseline {
        monthly_cost: found.monthly_cost,
        effective_cost: totals.effective_cost,
        billed_cost: totals.billed_cost,
        gpu_hours: totals.gpu_hours,
        rate_per_gpu_hour: found
            .rate_per_gpu_hour
            .and_then(|it| Money::from_nano(it.nano(), it.currency()).ok()),
        priced_from_catalog: found.priced_from_catalog,
        unit_cost: UnitCost {
            per_million_tokens: per(1_000_000, tokens)?,
            per_thousand_requests: per(1000, totals.requests)?,
        },
        provider: deployment.provider.clone(),
        region: deployment.region.clone(),
        gpu: deployment.gpu.clone().or_else(|| deployment.gpu_label.clone()),
        gpu_count: deployment.gpu_count,
        pricing_category: deployment.pricing_category.as_str().to_owned(),
        model: deployment.model.clone(),
        precision: deployment.quantization.clone().or_else(|| deployment.dtype.clone()),
        requests: totals.requests,
        prompt_tokens: totals.prompt_tokens,
        completion_tokens: totals.completion_tokens,
        busy_fraction: busy_fraction.map(rounded),
        busy_source,
    })
}

/// Share of paid GPU time with work: measured where there is telemetry, else by the simulation of
/// today's fleet.
fn busy(it: &Analysed) -> (Option<f64>, Option<String>) {
    if let Some(util) = it.workload.totals.gpu_util {
        return (Some(util.get()), Some("telemetry".to_owned()));
    }
    // Serverless is billed while it runs: a share of a fixed fleet's time says nothing about it.
    let serverless = it.workload.deployment.pricing_category == PricingCategory::Serverless;
    match it.recommendation.today_busy.filter(|_| !serverless) {
        Some(share) => (Some(share), Some("model".to_owned())),
        None => (None, None),
    }
}

/// Those simulated, and of those left the ones of lowest estimate; what does not fit is only counted.
fn shown_candidates(all: &[Candidate]) -> impl Iterator<Item = &Candidate> {
    let simulated = all.iter().filter(|it| it.verdict == Verdict::Simulated);
    let mut left: Vec<&Candidate> = all.iter().filter(|it| it.verdict == Verdict::Left).collect();
    left.sort_by(|a, b| {
        let estimate = |it: &Candidate| it.estimate.map(Money::atto);
        estimate(a).cmp(&estimate(b)).then_with(|| a.id.cmp(&b.id))
    });
    left.truncate(MAX_CANDIDATES_LEFT_SHOWN);
    simulated.chain(left)
}

fn candidate(it: &Candidate) -> CandidateReport {
    let replica = it.replica.as_ref();
    let batch = it.planning_batch;
    let total = replica.map(|it| it.usable_per_gpu().get());
    CandidateReport {
        id: it.id.clone(),
        gpu: it.gpu.clone(),
        gpu_count: it.gpu_count,
        tensor_parallel_size: it.gpu_count,
        precision: it.precision.clone(),
        fits: replica.is_some() || it.verdict == Verdict::Simulated,
        reason: it.reason.clone(),
        total_bytes: replica.map(|it| it.weights_bytes_per_gpu().get()),
        usable_bytes: total,
        kv_cache_tokens: replica.map(Replica::kv_cache_tokens),
        slots: it.slots,
        tpot_s: replica.zip(batch).map(|(it, batch)| rounded(it.tpot_s(batch))),
        output_tokens_per_s: replica
            .zip(batch)
            .map(|(it, batch)| rounded(it.output_tokens_per_s(batch))),
        cost_estimate: it.estimate,
    }
}

fn plan_report(plan: &Plan, it: &Analysed) -> PlanReport {
    let scaling = &plan.scaling;
    let base = plan.offers.first();
    let mut dates: Vec<String> = plan.offers.iter().map(|it| it.as_of.clone()).collect();
    dates.sort();
    let mut policy = BTreeMap::from([("name".to_owned(), json!(scaling.policy))]);
    if let Some(value) = scaling.value {
        policy.insert("value".to_owned(), json!(value));
    }
    let zero = Money::zero(plan.monthly_cost.currency());
    let is_today = plan.way == Way::Today;
    let deployment = &it.workload.deployment;
    let today = |text: &Option<String>| text.clone().unwrap_or_else(|| "as billed".to_owned());
    PlanReport {
        id: plan.id.clone(),
        candidate_id: plan.candidate_id.clone(),
        offer_ids: plan.offers.iter().map(|it| it.id.clone()).collect(),
        label: plan.label(),
        provider: base.map_or_else(|| today(&deployment.provider), |it| it.provider.clone()),
        region: base.map_or_else(|| today(&deployment.region), |it| it.region.clone()),
        gpu: plan.gpu.clone(),
        gpu_count: plan.gpu_count,
        precision: plan.precision.clone(),
        tensor_parallel_size: plan.gpu_count,
        purchase: plan.way.as_word(),
        monthly_cost: plan.monthly_cost,
        cost_parts: CostParts {
            busy: plan.parts.busy,
            idle: plan.parts.idle,
            starting: plan.parts.starting,
            committed_unused: plan.parts.committed_unused,
            storage: zero,
        },
        ttft_p50_s: plan.latencies.map(|it| it.ttft_p50_s),
        ttft_p95_s: plan.latencies.map(|it| it.ttft_p95_s),
        ttft_p99_s: plan.latencies.map(|it| it.ttft_p99_s),
        slo_attainment: plan.attainment.map(|it| rounded(it.get())),
        meets_slo: plan.meets_slo,
        allowed: plan.allowed,
        cold_starts: plan.cold_starts,
        delayed_requests: plan.delayed_requests,
        max_num_seqs: scaling.slots,
        max_model_len: deployment.max_model_len,
        gpu_memory_utilization: None,
        policy,
        min_replicas: (!is_today).then_some(scaling.min),
        max_replicas: (!is_today).then_some(scaling.max),
        idle_timeout_s: scaling.idle_timeout_s,
        cold_start_s: scaling.cold_start_s.map(rounded),
        price_as_of: dates,
        price_sources: plan.offers.iter().map(|it| it.source.clone()).collect(),
    }
}

fn advice(it: &Analysed) -> AdviceReport {
    let advice = &it.recommendation.advice;
    AdviceReport {
        id: advice.id.clone(),
        action: advice.action.as_str().to_owned(),
        plan_id: advice.plan_id.clone(),
        summary: advice.summary.clone(),
        monthly_savings: advice.monthly_savings,
        interval: None,
        probability_of_loss: None,
        grade: advice.grade.to_string(),
        confidence: None,
        reasons: advice.reasons.clone(),
        steps: advice.steps.clone(),
        undo: advice.undo.clone(),
        wrong_if: advice.wrong_if.clone(),
    }
}

/// A name that is safe as a file name and unique: letters and digits, at most 40.
fn slug(name: &str, taken: &mut BTreeSet<String>) -> String {
    let clean: String = name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' })
        .take(40)
        .collect();
    let base = match clean.trim_matches('-') {
        "" => "workload".to_owned(),
        trimmed => trimmed.to_owned(),
    };
    let mut unique = base.clone();
    let mut n = 2;
    while !taken.insert(unique.clone()) {
        unique = format!("{base}-{n}");
        n += 1;
    }
    unique
}

fn provenance(run: RunFacts<'_>) -> Provenance {
    let files = run.ingested.files.iter().map(|file| InputReport {
        file: file.name.clone(),
        sha256: file.sha256.clone(),
        format: file.format.to_owned(),
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
        assumptions: assumptions.collect(),
        seed: run.seed,
        as_of: run.as_of.to_date_string(),
        version: env!("CARGO_PKG_VERSION"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slugs_are_safe_and_unique() {
        let mut taken = BTreeSet::new();
        let mut of = |name| slug(name, &mut taken);
        assert_eq!(of("Chat Prod"), "chat-prod");
        assert_eq!(of("chat.prod"), "chat-prod-2");
        assert_eq!(of("../../etc/passwd"), "etc-passwd");
        assert_eq!(of("日本"), "workload");
    }

    #[test]
    fn a_whole_month_has_a_name() {
        let at = |text| Timestamp::parse(text, Tz::UTC).unwrap();
        let label = |from, to| period_label(Period::new(at(from), at(to)).unwrap(), Tz::UTC, false);
        assert_eq!(label("2026-10-01", "2026-11-01"), "October 2026");
        assert_eq!(label("2026-10-01", "2026-12-01"), "1 Oct 2026 to 30 Nov 2026");
        assert_eq!(label("2026-10-05T03:00", "2026-10-05T04:00"), "5 October 2026");
    }
}
