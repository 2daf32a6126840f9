//! Where a plan runs and how many instances of it run when.

use chrono_tz::Tz;

use super::{LaunchError, whole};
use crate::catalog::{Catalog, Purchase};
use crate::deploy::Advised;
use crate::simulate::Week;
use crate::workload::Kind;

/// More are no plan but a damaged report.
const MOST_INSTANCES: u32 = 100_000;

/// Instances over time, as the plan was simulated.
#[derive(Clone, Debug)]
pub(in crate::deploy) enum Fleet {
    /// So many, always.
    Fixed {
        /// Instances; none where the advice is to stop.
        instances: u32,
    },
    /// So many by the hour of the week.
    Scheduled {
        /// The week.
        week: Week,
        /// The zone of its clock.
        zone: Tz,
        /// Least and most instances.
        least: u32,
        /// Most instances.
        most: u32,
        /// Minutes a start takes: so much earlier an instance is switched on.
        lead_min: u32,
    },
    /// As many as requests ask for.
    Scaled(Scaled),
    /// As long as there is a job.
    Jobs,
}

/// A fleet that follows its requests.
#[derive(Clone, Debug)]
pub(in crate::deploy) struct Scaled {
    /// The rule, in the word of the report.
    pub(in crate::deploy) rule: String,
    /// What it aims at: requests per instance, or seconds of waiting.
    pub(in crate::deploy) target: Option<f64>,
    /// Instances always on; nothing where the platform's setting is not known.
    pub(in crate::deploy) least: Option<u32>,
    /// Most instances.
    pub(in crate::deploy) most: u32,
    /// Seconds an instance stays after its last request.
    pub(in crate::deploy) idle_timeout_s: Option<u32>,
}

impl Fleet {
    /// The fleet of an advice.
    pub(super) fn of(advised: &Advised) -> Result<Fleet, LaunchError> {
        let plan = &advised.plan;
        let trains = matches!(advised.workload.kind(), Kind::Training | Kind::FineTuning);
        if advised.workload.advice.action == "stop" {
            return Ok(Fleet::Fixed { instances: 0 });
        }
        if trains || plan.policy.name == "follows_use" {
            return Ok(Fleet::Jobs);
        }
        if let Some(text) = &plan.policy.schedule {
            let week = Week::parse(text)
                .map_err(|error| LaunchError::Schedule { why: error.to_string() })?;
            if week.most() > MOST_INSTANCES {
                let why = format!("{} instances at once", week.most());
                return Err(LaunchError::Schedule { why });
            }
            return Ok(Fleet::Scheduled {
                least: plan.min_replicas.unwrap_or(0),
                most: week.most().max(plan.max_replicas.unwrap_or(0)),
                zone: advised.zone,
                lead_min: plan.cold_start_s.map_or(0, |it| whole(it / 60.0)),
                week,
            });
        }
        let today = advised
            .workload
            .baseline
            .gpu_count
            .map(|gpus| whole((gpus / f64::from(plan.gpu_count.max(1))).floor().max(1.0)));
        if plan.policy.name == "fixed" {
            let instances = plan.max_replicas.or(today).unwrap_or(1);
            return Ok(Fleet::Fixed { instances });
        }
        let is_serverless = is_serverless(&plan.provider) || plan.purchase.contains("serverless");
        if plan.policy.name == "as_billed" && !is_serverless {
            return Ok(Fleet::Fixed { instances: today.unwrap_or(1) });
        }
        Ok(Fleet::Scaled(Scaled {
            rule: plan.policy.name.clone(),
            target: plan.policy.value,
            least: plan.min_replicas,
            most: plan.max_replicas.or(today).unwrap_or(1).max(1),
            idle_timeout_s: plan.idle_timeout_s.map(whole),
        }))
    }

    /// Most instances at once.
    pub(super) fn most(&self) -> u32 {
        match self {
            Fleet::Fixed { instances } => *instances,
            Fleet::Scheduled { most, .. } => *most,
            Fleet::Scaled(it) => it.most,
            Fleet::Jobs => 1,
        }
    }
}

/// Whether a provider starts workers itself.
fn is_serverless(provider: &str) -> bool {
    provider.ends_with("-serverless") || matches!(provider, "modal" | "gcp-cloud-run" | "replicate")
}

/// Who sells the instances, and what one is.
#[derive(Clone, Debug)]
pub(in crate::deploy) struct Place {
    /// Who.
    pub(in crate::deploy) provider: String,
    /// Where; nothing where it has none.
    pub(in crate::deploy) region: Option<String>,
    /// The seller's name of it.
    pub(in crate::deploy) instance_type: Option<String>,
    /// GPUs of one.
    pub(in crate::deploy) gpus_per_instance: u32,
    /// Whether it can be taken away.
    pub(in crate::deploy) is_spot: bool,
}

impl Place {
    /// The place of an advice.
    pub(super) fn of(advised: &Advised, catalog: &Catalog) -> Place {
        let plan = &advised.plan;
        let offers =
            plan.offer_ids.iter().filter_map(|id| catalog.offers.iter().find(|it| it.id == *id));
        let offers: Vec<_> = offers.collect();
        let counted = offers.first().map(|it| it.gpu_count);
        // `provider/instance/gpu/count/region/purchase`: an offer of a bill or of a quote is in no catalog.
        let written = || {
            let id = plan.offer_ids.first()?;
            id.rsplit('/').nth(2)?.parse::<u32>().ok().filter(|it| *it <= 1_024)
        };
        let known = |it: &str| !matches!(it, "global" | "as billed" | "not named" | "");
        Place {
            provider: plan.provider.clone(),
            region: Some(plan.region.clone()).filter(|it| known(it)),
            instance_type: plan.instance_type.clone(),
            gpus_per_instance: counted.or_else(written).unwrap_or(0).max(plan.gpu_count).max(1),
            is_spot: plan.purchase.starts_with("spot")
                || offers.iter().any(|it| it.purchase == Purchase::Spot),
        }
    }
}
