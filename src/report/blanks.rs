//! What the user could still say in `gpuadvise.toml`, the answers that touch the most spend first.
//!
//! A blank is listed only where filling it changes what a run says: each condition here is the one
//! under which an earlier stage assumes something, or gives up. What is kept idle, or paid by a
//! commitment whatever runs, has none.

use serde::Serialize;

use super::build::{Analysed, RunFacts};
use super::model::ReportModel;
use super::number::Medium;
use super::{toml_text, words};
use crate::catalog::Catalog;
use crate::ingest::{Fate, Ingested};
use crate::recommend::{Action, Way};
use crate::size::Precision;
use crate::units::{HOURS_PER_MONTH, Money, Period};
use crate::workload::{Demand, Kind, PricingCategory, Shape, Workload};

/// Microseconds in an hour.
const US_PER_HOUR: u64 = 3_600_000_000;
/// What the account calls the part of a node that no pod held.
const NO_POD_HELD: &str = ": GPUs of a node that no pod held";
/// Blanks a report lists.
pub(super) const MOST_BLANKS: usize = 5;

/// A key of the config that is not set. In the order in which equals are to be filled in: what
/// stops all advice comes before what sharpens it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are those of the config")]
pub enum BlankKey {
    Rule,
    Model,
    Gpu,
    ServiceTimeS,
    GpuCount,
    Provider,
    Slo,
    Kind,
    Task,
    Dtype,
    ColdStartS,
}

impl BlankKey {
    /// The word in the config.
    pub const fn as_str(self) -> &'static str {
        match self {
            BlankKey::Rule => "rule",
            BlankKey::Model => "model",
            BlankKey::Gpu => "gpu",
            BlankKey::ServiceTimeS => "service_time_s",
            BlankKey::GpuCount => "gpu_count",
            BlankKey::Provider => "provider",
            BlankKey::Slo => "slo",
            BlankKey::Kind => "kind",
            BlankKey::Task => "task",
            BlankKey::Dtype => "dtype",
            BlankKey::ColdStartS => "cold_start_s",
        }
    }
}

/// Something the user knows and the data do not say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Blank {
    /// What to fill in.
    pub key: BlankKey,
    /// The workload it is about; nothing for a rule.
    pub workload: Option<String>,
    /// The resource of the bill that a rule is to name.
    pub resource: Option<String>,
    /// Effective cost of a month of 730 h that the answer touches; nothing where no cost is known.
    /// It is no saving.
    pub worth: Option<Money>,
    /// What the program does without the answer.
    pub why: String,
}

impl Blank {
    /// Where it stands in the config: `[workload.chat] slo`.
    pub fn place(&self) -> String {
        match (&self.workload, &self.resource) {
            (Some(name), _) => {
                format!("[workload.{}] {}", toml_text::key(name), self.key.as_str())
            }
            (None, Some(resource)) => format!("[[rule]] for {}", words::shown(resource)),
            (None, None) => format!("[[{}]]", self.key.as_str()),
        }
    }
}

/// All blanks of a run, those that touch the most spend first.
pub fn blanks(analysed: &[Analysed], run: RunFacts<'_>) -> Vec<Blank> {
    let mut found = unclaimed(run.ingested);
    for it in analysed {
        found.extend(of_workload(it, run.catalog));
    }
    let worth = |it: &Blank| it.worth.map(Money::atto);
    found.sort_by(|a, b| {
        let name = |it: &Blank| (it.key, it.workload.clone(), it.resource.clone());
        worth(b).cmp(&worth(a)).then_with(|| name(a).cmp(&name(b)))
    });
    found
}

/// The first blank in a sentence.
pub(super) fn best(report: &ReportModel, medium: Medium) -> Option<String> {
    let it = report.blanks.first()?;
    let touches = it.worth.map_or(String::new(), |worth| {
        format!(" touches {} {} a month", medium.money(worth), report.currency)
    });
    Some(format!("{}{touches}: {}", words::clip(&it.place(), 80), words::plain(&it.why)))
}

/// GPUs in no workload: a rule on the resource gives them one.
fn unclaimed(ingested: &Ingested) -> Vec<Blank> {
    let nobodys = ingested.reconciliation.unmatched.iter().filter(|it| it.fate == Fate::Unassigned);
    nobodys
        .filter_map(|it| {
            // A rule on a node would take what its pods hold as well.
            let resource = it.what.clone().filter(|it| !it.ends_with(NO_POD_HELD))?;
            let cost = it.effective.or(it.billed);
            if cost.is_some_and(|it| it.is_zero() || it.is_negative()) {
                return None;
            }
            let gpu = it.gpu.as_deref().unwrap_or("a GPU");
            let at = it.provider.as_ref().map(|it| format!(" at {it}")).unwrap_or_default();
            Some(Blank {
                key: BlankKey::Rule,
                workload: None,
                resource: Some(resource),
                worth: cost.and_then(|it| per_month(it, ingested.window)),
                why: format!("{gpu}{at} that no rule, tag or pod claims is in no workload"),
            })
        })
        .collect()
}

/// A cost of the window as the cost of 730 hours.
fn per_month(cost: Money, window: Period) -> Option<Money> {
    let window_us = u64::try_from(window.len_us()).ok()?;
    cost.scale(HOURS_PER_MONTH * US_PER_HOUR, window_us).ok()
}

/// What is known of a workload, as far as it decides what can be simulated.
#[expect(clippy::struct_excessive_bools, reason = "each is a condition of its own")]
struct Known<'a> {
    it: &'a Analysed,
    workload: &'a Workload,
    /// Requests are counted, and there are some.
    counted: bool,
    /// Their tokens too.
    tokens: bool,
    /// The model is in the catalog.
    sized: bool,
    /// Requests can be timed.
    timed: bool,
    /// GPUs in use are known where requests cannot be timed.
    level: bool,
}

impl Known<'_> {
    fn of<'a>(it: &'a Analysed, catalog: &Catalog) -> Known<'a> {
        let workload = &it.workload;
        let counted = matches!(workload.demand, Demand::Counts(_) | Demand::Arrivals(_))
            && workload.totals.requests != Some(0);
        let tokens = counted && it.course.has_tokens;
        let model = workload.deployment.model.as_deref();
        let sized = tokens && model.is_some_and(|id| catalog.model(id).is_some());
        let level = matches!(workload.demand, Demand::Level(_))
            || counted && workload.billed_level.is_some();
        let timed = sized || counted && workload.settings.service_time_s.is_some();
        Known { it, workload, counted, tokens, sized, timed, level }
    }

    fn blank(&self, key: BlankKey, why: impl Into<String>) -> Blank {
        Blank {
            key,
            workload: Some(self.workload.name.clone()),
            resource: None,
            worth: self.it.recommendation.baseline.monthly_cost,
            why: why.into(),
        }
    }
}

fn of_workload(it: &Analysed, catalog: &Catalog) -> Vec<Blank> {
    let pricing = it.workload.deployment.pricing_category;
    if it.description.class.shape == Shape::Idle || pricing == PricingCategory::Committed {
        return Vec::new();
    }
    let known = Known::of(it, catalog);
    let mut found = Vec::new();
    found.extend(model(&known));
    found.extend(service_time(&known));
    found.extend(gpu(&known));
    found.extend(gpu_count(&known));
    found.extend(provider(&known));
    // A sharper number is no use to a workload that cannot be advised on.
    if it.recommendation.advice.action != Action::NotEnoughData {
        found.extend(slo(&known));
        found.extend(kind(&known));
        found.extend(task(&known));
        found.extend(dtype(&known));
        found.extend(cold_start(&known));
    }
    found
}

fn model(known: &Known<'_>) -> Option<Blank> {
    if !known.tokens || known.timed {
        return None;
    }
    let why = match &known.workload.deployment.model {
        None => "requests and tokens are counted, but what serves them is not known, so no other \
                 GPU is sized for them"
            .to_owned(),
        Some(id) => format!(
            "the catalog has no model `{id}`: without the Hugging Face id of one that it has no other \
             GPU is sized"
        ),
    };
    Some(known.blank(BlankKey::Model, why))
}

fn service_time(known: &Known<'_>) -> Option<Blank> {
    (known.counted && !known.tokens && !known.timed).then(|| {
        let why = "its requests carry no token counts: without the seconds one of them takes, only the \
                   GPUs it has are compared, bought in other ways";
        known.blank(BlankKey::ServiceTimeS, why)
    })
}

fn gpu(known: &Known<'_>) -> Option<Blank> {
    let deployment = &known.workload.deployment;
    let serverless = deployment.pricing_category == PricingCategory::Serverless;
    // Requests without tokens and time need both answers.
    let matters = known.timed || known.level || known.counted && !known.tokens;
    if deployment.gpu.is_some() || !matters || serverless && known.sized {
        return None;
    }
    let unpriced = known.workload.totals.effective_cost.is_none();
    let why = match &deployment.gpu_label {
        Some(label) => format!("the catalog has no GPU `{label}`, so nothing is compared with it"),
        None if unpriced => "no bill gives its cost, and without the GPU it has no catalog price \
                             either"
            .to_owned(),
        None => "the data name no GPU, so nothing is compared with today's".to_owned(),
    };
    Some(known.blank(BlankKey::Gpu, why))
}

fn gpu_count(known: &Known<'_>) -> Option<Blank> {
    let deployment = &known.workload.deployment;
    let serverless = deployment.pricing_category == PricingCategory::Serverless;
    if deployment.gpu_count.is_some() || !known.timed || serverless {
        return None;
    }
    let why = if known.workload.totals.effective_cost.is_some() {
        "how many GPUs run today is not known, so today's fleet is not simulated"
    } else {
        "no bill gives its cost, and without the number of GPUs it has no catalog price either"
    };
    Some(known.blank(BlankKey::GpuCount, why))
}

fn provider(known: &Known<'_>) -> Option<Blank> {
    let deployment = &known.workload.deployment;
    (deployment.provider.is_none() && (known.timed || known.level)).then(|| {
        let why = "who is paid today is not known, so plans of every provider count as at home";
        known.blank(BlankKey::Provider, why)
    })
}

/// Whether plans that serve the requests were simulated.
fn simulated(known: &Known<'_>) -> bool {
    known.timed && known.it.recommendation.plans.iter().any(|it| it.way != Way::Today)
}

fn slo(known: &Known<'_>) -> Option<Blank> {
    let slo = known.it.recommendation.slo;
    let (ttft, tpot) = slo.ttft_p95_s.zip(slo.tpot_p95_s)?;
    (slo.assumed && simulated(known)).then(|| {
        let why = format!(
            "no latency limit is set, so {ttft} s to the first token and {tpot} s per token are assumed \
             and the advice is grade C at best"
        );
        known.blank(BlankKey::Slo, why)
    })
}

fn kind(known: &Known<'_>) -> Option<Blank> {
    let unknown = known.it.description.class.kind == Kind::Unknown;
    (unknown && known.it.recommendation.slo.assumed && simulated(known)).then(|| {
        let why = "whether somebody waits for its answers is not known, so the latency limits of real-time \
                   work are applied";
        known.blank(BlankKey::Kind, why)
    })
}

/// The precision as served; nothing where none is named or the word means none.
fn precision(workload: &Workload) -> Option<Precision> {
    let deployment = &workload.deployment;
    let word = deployment.quantization.as_deref().or(deployment.dtype.as_deref())?;
    Precision::parse(word)
}

fn task(known: &Known<'_>) -> Option<Blank> {
    let lowest = precision(known.workload) == Some(Precision::Int4);
    let unset = known.workload.settings.task.is_none();
    (unset && known.sized && !lowest && simulated(known)).then(|| {
        let why = "4-bit weights are tried only for a task known to lose little by them";
        known.blank(BlankKey::Task, why)
    })
}

fn dtype(known: &Known<'_>) -> Option<Blank> {
    if !known.sized || precision(known.workload).is_some() || !simulated(known) {
        return None;
    }
    let deployment = &known.workload.deployment;
    let word = deployment.quantization.as_deref().or(deployment.dtype.as_deref());
    let why = match word {
        Some(word) => format!("the precision `{word}` is not known, so bf16 is assumed today"),
        None => "the precision of the weights is not known, so bf16 is assumed today".to_owned(),
    };
    Some(known.blank(BlankKey::Dtype, why))
}

/// Where a plan that starts instances on demand is cheaper than today, how long a start takes
/// decides whether it keeps the limits.
fn cold_start(known: &Known<'_>) -> Option<Blank> {
    if known.workload.settings.cold_start_s.is_some() || !simulated(known) {
        return None;
    }
    let found = &known.it.recommendation;
    let today = found.baseline.monthly_cost?;
    let starts = found.plans.iter().filter(|it| it.allowed && it.monthly_cost < today);
    let plan = starts
        .filter(|it| it.scaling.cold_start_s.is_some())
        .min_by(|a, b| a.monthly_cost.atto().cmp(&b.monthly_cost.atto()))?;
    let why = format!(
        "the cheapest plan that starts instances on demand counts with {:.0} s a start, computed and not \
         measured",
        plan.scaling.cold_start_s?
    );
    Some(known.blank(BlankKey::ColdStartS, why))
}
