//! One piece of advice of a `report.json`, with the plan to run and what runs today.

use chrono_tz::Tz;
use serde::Deserialize;

use crate::bridge::Traffic;
use crate::catalog::edit_distance;
use crate::report::{PastError, report_value};
use crate::units::{Currency, Money};
use crate::workload::Kind;

/// Why a report has no such advice.
#[derive(Debug, thiserror::Error)]
pub enum AdvisedError {
    /// The file is no report of this program.
    #[error(transparent)]
    Report(#[from] PastError),
    /// No workload, label or id of this name.
    #[error("the report has no advice and no workload `{asked}`")]
    Unknown {
        /// What was asked.
        asked: String,
        /// The workload that is least letters away.
        near: Option<String>,
    },
    /// The advice names a plan that the report does not have.
    #[error("the plan of {workload} is not in the report: {plan}")]
    NoPlan {
        /// Whose.
        workload: String,
        /// Its id.
        plan: String,
    },
}

impl AdvisedError {
    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            AdvisedError::Report(error) => error.hint().to_owned(),
            AdvisedError::Unknown { near: Some(near), .. } => format!(
                "did you mean {near}? an advice of an older report may be gone: its report.json still has it"
            ),
            AdvisedError::Unknown { near: None, .. } => {
                "name a workload of the report, or an advice by its label such as S1".to_owned()
            }
            AdvisedError::NoPlan { .. } => {
                "the file was changed or cut: run analyze again on the files of that month"
                    .to_owned()
            }
        }
    }
}

/// What a report advises for one workload.
#[derive(Clone, Debug)]
pub struct Advised {
    /// The workload.
    pub workload: WorkloadOf,
    /// The plan to run: the advised one, else today's.
    pub plan: PlanOf,
    /// Whether that is how it runs already.
    pub is_today: bool,
    /// `S3`; nothing where there is nothing to do.
    pub label: Option<String>,
    /// The currency of its amounts.
    pub currency: Currency,
    /// Length of its window.
    pub window_us: u64,
    /// The zone of its hours.
    pub zone: Tz,
    /// The day the report speaks of.
    pub as_of: String,
    /// What wrote it.
    pub version: String,
    /// The question it answers, where it tells of no month that was.
    pub what_if: Option<String>,
}

#[derive(Deserialize)]
struct File {
    currency: String,
    time_zone: String,
    totals: Totals,
    workloads: Vec<WorkloadOf>,
    portfolio: Portfolio,
    provenance: Provenance,
}

#[derive(Deserialize)]
struct Totals {
    window_hours: f64,
}

#[derive(Deserialize)]
struct Portfolio {
    ranking: Vec<String>,
}

#[derive(Deserialize)]
struct Provenance {
    as_of: String,
    version: String,
    #[serde(default)]
    what_if: Option<Vec<String>>,
}

/// A workload as far as it is launched.
#[derive(Clone, Debug, Deserialize)]
pub struct WorkloadOf {
    pub name: String,
    pub slug: String,
    pub owner: Option<String>,
    kind: String,
    pub slo: SloOf,
    pub baseline: BaselineOf,
    plans: Vec<PlanOf>,
    pub candidates: Vec<CandidateOf>,
    pub advice: AdviceOf,
}

impl WorkloadOf {
    /// What it does.
    pub fn kind(&self) -> Kind {
        Kind::parse(&self.kind).unwrap_or(Kind::Unknown)
    }
}

/// Latency limits.
#[derive(Clone, Debug, Deserialize)]
pub struct SloOf {
    pub ttft_p95_s: Option<f64>,
    pub tpot_p95_s: Option<f64>,
    pub attainment: f64,
    pub assumed: bool,
}

/// Today.
#[derive(Clone, Debug, Deserialize)]
pub struct BaselineOf {
    effective_cost: Option<String>,
    requests: Option<u64>,
    prompt_tokens: Option<u64>,
    completion_tokens: Option<u64>,
    pub provider: Option<String>,
    pub gpu_hours: Option<f64>,
    pub gpu_count: Option<f64>,
    pub gpu: Option<String>,
    pub model: Option<String>,
    pub precision: Option<String>,
}

/// A way to run and buy it.
#[derive(Clone, Debug, Deserialize)]
pub struct PlanOf {
    pub id: String,
    pub candidate_id: Option<String>,
    #[serde(default)]
    pub offer_ids: Vec<String>,
    pub label: String,
    pub provider: String,
    pub region: String,
    pub instance_type: Option<String>,
    pub gpu: String,
    pub gpu_count: u32,
    pub precision: String,
    pub tensor_parallel_size: u32,
    pub pipeline_parallel_size: u32,
    pub purchase: String,
    #[serde(default)]
    pub engine: Option<String>,
    #[serde(default)]
    pub kv_cache_dtype: Option<String>,
    pub gpu_memory_utilization: Option<f64>,
    pub max_num_seqs: Option<u32>,
    pub max_model_len: Option<u64>,
    pub policy: Policy,
    pub min_replicas: Option<u32>,
    pub max_replicas: Option<u32>,
    pub idle_timeout_s: Option<f64>,
    pub cold_start_s: Option<f64>,
    #[serde(default)]
    pub spot_range: Vec<SpotPoint>,
}

/// How it scales.
#[derive(Clone, Debug, Deserialize)]
pub struct Policy {
    pub name: String,
    pub value: Option<f64>,
    pub schedule: Option<String>,
}

/// A plan on spot at one rate of interruptions.
#[derive(Clone, Debug, Deserialize)]
pub struct SpotPoint {
    pub interruptions_per_hour: f64,
}

/// A deployment that was sized.
#[derive(Clone, Debug, Deserialize)]
pub struct CandidateOf {
    pub id: String,
    pub total_bytes: Option<u64>,
    pub kv_cache_tokens: Option<u64>,
    pub slots: Option<u32>,
}

/// What to do.
#[derive(Clone, Debug, Deserialize)]
pub struct AdviceOf {
    pub id: String,
    pub action: String,
    plan_id: Option<String>,
    pub summary: String,
    pub monthly_savings: String,
    pub grade: String,
    pub steps: Vec<String>,
    pub undo: String,
    pub verify: Vec<CheckOf>,
}

/// One thing to measure after a change.
#[derive(Clone, Debug, Deserialize)]
pub struct CheckOf {
    pub metric: String,
    pub threshold: String,
    pub date: String,
}

/// Fails for what analyze never writes and a launch plan would act on.
fn sound(workload: &WorkloadOf, plan: &PlanOf) -> Result<(), PastError> {
    const MOST_REPLICAS: u32 = 100_000;
    const MOST_GPUS: u32 = 1_024;
    let wrong = |field, found: String| Err(PastError::Value { field, found });
    let slug = &workload.slug;
    let is_plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    if slug.is_empty() || slug.len() > 60 || slug.starts_with('-') || !slug.bytes().all(is_plain) {
        return wrong("slug", slug.chars().take(60).collect());
    }
    if plan.gpu_count > MOST_GPUS {
        return wrong("gpu_count", plan.gpu_count.to_string());
    }
    for (field, n) in [("min_replicas", plan.min_replicas), ("max_replicas", plan.max_replicas)] {
        if let Some(n) = n.filter(|it| *it > MOST_REPLICAS) {
            return wrong(field, n.to_string());
        }
    }
    let split = plan.tensor_parallel_size.saturating_mul(plan.pipeline_parallel_size);
    if split > plan.gpu_count.max(1) {
        return wrong("tensor_parallel_size", split.to_string());
    }
    Ok(())
}

impl File {
    /// `S3`: its place among what is to do.
    fn label(&self, workload: &WorkloadOf) -> Option<String> {
        let place = self.portfolio.ranking.iter().position(|id| *id == workload.advice.id)?;
        Some(format!("S{}", place + 1))
    }

    fn advised(&self, workload: &WorkloadOf) -> Result<Advised, AdvisedError> {
        let plan_id = workload.advice.plan_id.as_deref().unwrap_or("today");
        let plan = workload.plans.iter().find(|it| it.id == plan_id);
        let plan = plan.cloned().ok_or_else(|| AdvisedError::NoPlan {
            workload: workload.name.clone(),
            plan: plan_id.to_owned(),
        })?;
        let wrong = |field, found: &str| PastError::Value { field, found: found.to_owned() };
        let zone = self.time_zone.parse().map_err(|_| wrong("time_zone", &self.time_zone))?;
        let currency =
            Currency::parse(&self.currency).map_err(|_| wrong("currency", &self.currency))?;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "`as` saturates"
        )]
        let window_us = (self.totals.window_hours * 3.6e9).round() as u64;
        sound(workload, &plan)?;
        Ok(Advised {
            is_today: plan.id == "today",
            plan,
            label: self.label(workload),
            currency,
            window_us,
            zone,
            as_of: self.provenance.as_of.clone(),
            version: self.provenance.version.clone(),
            what_if: self.provenance.what_if.as_ref().and_then(|it| it.first().cloned()),
            workload: workload.clone(),
        })
    }
}

impl Advised {
    /// The advice that `asked` names: by its id, its label, or its workload, tried in this order.
    pub fn read(text: &str, asked: &str) -> Result<Advised, AdvisedError> {
        let file: File = serde_json::from_value(report_value(text)?).map_err(PastError::Field)?;
        let label = |it: &WorkloadOf| file.label(it);
        let by = |is: &dyn Fn(&WorkloadOf) -> bool| file.workloads.iter().find(|it| is(it));
        let found = by(&|it| it.advice.id == asked)
            .or_else(|| by(&|it| label(it).is_some_and(|it| it.eq_ignore_ascii_case(asked))))
            .or_else(|| by(&|it| it.name == asked));
        let Some(workload) = found else {
            let asked_low = asked.to_lowercase();
            let away = |it: &&WorkloadOf| edit_distance(&asked_low, &it.name.to_lowercase());
            let near = file.workloads.iter().min_by_key(away);
            let near = near.filter(|it| away(it) <= asked.chars().count().div_ceil(2));
            return Err(AdvisedError::Unknown {
                asked: asked.chars().take(60).filter(|it| !it.is_control()).collect(),
                near: near.map(|it| it.name.clone()),
            });
        };
        file.advised(workload)
    }

    /// Every advice of a report.
    pub fn read_all(text: &str) -> Result<Vec<Advised>, AdvisedError> {
        let file: File = serde_json::from_value(report_value(text)?).map_err(PastError::Field)?;
        file.workloads.iter().map(|it| file.advised(it)).collect()
    }

    /// What the workload cost before, and what it did for it.
    pub fn before(&self) -> Traffic {
        let it = &self.workload.baseline;
        let tokens = match (it.prompt_tokens, it.completion_tokens) {
            (None, None) => None,
            (prompt, completion) => {
                Some(prompt.unwrap_or(0).saturating_add(completion.unwrap_or(0)))
            }
        };
        Traffic {
            cost: it.effective_cost.as_deref().and_then(|it| Money::parse(it, self.currency).ok()),
            tokens,
            requests: it.requests,
            window_us: self.window_us,
        }
    }

    /// The deployment of the plan as it was sized.
    pub fn candidate(&self) -> Option<&CandidateOf> {
        let id = self.plan.candidate_id.as_deref()?;
        self.workload.candidates.iter().find(|it| it.id == id)
    }
}
