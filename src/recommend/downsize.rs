//! Cheaper deployments that carry what a running one carries.
//!
//! Comes in: a running deployment, the load of its busiest hour, its latencies and its task. Goes
//! out: every cheaper GPU, precision and split that keeps the latencies with headroom, by the price
//! of the whole instances it takes, with how much one replica carries of what today's does.

use std::num::NonZeroU32;

use super::task::{Task, evaluation_command};
use crate::catalog::{Catalog, GpuSpec, Vendor};
use crate::size::{
    Architecture, Calibration, Carried, Constants, Deployment, Estimate, Fit, Precision, Replica,
    Slo, TokenProfile, fit, splits,
};

/// A deployment that serves today.
#[derive(Clone, Copy, Debug)]
pub struct Running<'a> {
    /// The model.
    pub model: &'a Architecture,
    /// Its GPU.
    pub gpu: &'a GpuSpec,
    /// How it is served.
    pub deployment: &'a Deployment,
    /// Engine copies that run.
    pub replicas: u32,
    /// What one measurement says of it, where there is one.
    pub calibration: Option<&'a Calibration>,
}

/// What a deployment must carry.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// Requests a second of the busiest hour.
    pub requests_per_s: f64,
    /// How long they are.
    pub profile: &'a TokenProfile,
    /// The latencies to keep.
    pub slo: Slo,
    /// What the answers are for.
    pub task: Task,
    /// Whether GPUs may be used whose licence excludes data centres.
    pub geforce: bool,
}

/// Whole instances that carry a load.
#[derive(Clone, Debug, PartialEq)]
pub struct Fleet {
    /// Engine copies.
    pub replicas: u32,
    /// Instances that host them.
    pub instances: u32,
    /// The price row of one instance.
    pub offer: String,
    /// Price of all instances.
    pub usd_per_hour: f64,
}

/// A cheaper deployment.
#[derive(Clone, Debug, PartialEq)]
pub struct Downsize {
    /// Catalog GPU.
    pub gpu: String,
    /// How it is served.
    pub deployment: Deployment,
    /// What it takes.
    pub fleet: Fleet,
    /// Requests a second of all replicas within the latencies.
    pub requests_per_s: Estimate,
    /// Requests a second of one replica over those of one of today's.
    pub capacity_ratio: Estimate,
    /// What lower precision may cost, where the precision falls.
    pub caveat: Option<&'static str>,
    /// The command that measures it.
    pub check: Option<String>,
}

/// Today's fleet and what is cheaper, the cheapest first.
#[derive(Clone, Debug, PartialEq)]
pub struct Downsizes {
    /// Today's fleet at the catalog's prices, or a larger one where it does not carry the load
    /// with the same headroom.
    pub today: Option<Fleet>,
    /// What is cheaper.
    pub cheaper: Vec<Downsize>,
    /// Deployments that were tried.
    pub n_tried: usize,
}

/// Tries every GPU, split and precision not above today's. Or why there is nothing to compare: the
/// running deployment does not fit, or does not keep its latencies by the same formulas.
pub fn downsizes(
    catalog: &Catalog,
    running: &Running<'_>,
    asked: &Asked<'_>,
) -> Result<Downsizes, String> {
    let constants = Constants::from(&catalog.assumptions);
    let today = match fit(running.model, running.gpu, running.deployment, asked.profile, constants)
    {
        Fit::Fits(replica) => calibrated(*replica, running),
        other => return Err(other.to_string()),
    };
    let now = match capacity(&today, running.deployment, asked) {
        Carried::UpTo(serving) => serving.requests_per_s,
        Carried::Saturated { why } => return Err(format!("saturated: {why}")),
    };
    let headroom = catalog.assumptions.capacity.downgrade_headroom;
    let needed = replicas(asked.requests_per_s, now.value, headroom)
        .ok_or_else(|| format!("more than {MOST_REPLICAS} replicas are needed"))?;
    let n_today = needed.max(running.replicas);
    let fleet_today = fleet(catalog, running.gpu, running.deployment, n_today);
    let dearest = fleet_today.as_ref().map_or(f64::INFINITY, |it| it.usd_per_hour);
    let mut found = Downsizes { today: fleet_today, cheaper: Vec::new(), n_tried: 0 };
    // What the files hold says nothing of another format.
    let plain = running.model.without_checkpoint();
    for gpu in catalog.gpus.iter().filter(|it| usable(it, running, asked)) {
        for deployment in candidates(gpu, running, asked) {
            found.n_tried += 1;
            let falls = deployment.precision != running.deployment.precision;
            let model = if falls { &plain } else { running.model };
            let fitted = fit(model, gpu, &deployment, asked.profile, constants);
            let Fit::Fits(replica) = fitted else { continue };
            let replica = calibrated(*replica, running);
            let Carried::UpTo(serving) = capacity(&replica, &deployment, asked) else { continue };
            let each = serving.requests_per_s;
            let fleet = replicas(asked.requests_per_s, each.value, headroom)
                .and_then(|it| fleet(catalog, gpu, &deployment, it))
                .filter(|it| it.usd_per_hour < dearest);
            let Some(fleet) = fleet else { continue };
            let check = falls.then(|| {
                let split = deployment.tensor_parallel_size;
                evaluation_command(&running.model.id, deployment.precision, split, asked.task)
            });
            found.cheaper.push(Downsize {
                gpu: gpu.name.clone(),
                requests_per_s: each.times(f64::from(fleet.replicas)),
                capacity_ratio: replica.ratio(each.value / now.value),
                caveat: falls.then(|| asked.task.caveat(deployment.precision)),
                check,
                deployment,
                fleet,
            });
        }
    }
    found.cheaper.sort_by(|a, b| {
        let wide = |it: &Downsize| it.deployment.precision;
        let price = a.fleet.usd_per_hour.total_cmp(&b.fleet.usd_per_hour);
        price.then_with(|| wide(a).cmp(&wide(b))).then_with(|| a.gpu.cmp(&b.gpu))
    });
    Ok(found)
}

/// GPUs whose speed is known, that may be used, and that have bf16 where today's has.
fn usable(gpu: &GpuSpec, running: &Running<'_>, asked: &Asked<'_>) -> bool {
    gpu.vendor == Vendor::Nvidia
        && (gpu.datacenter_license || asked.geforce)
        && gpu.native_bf16 >= running.gpu.native_bf16
}

/// Every split of the GPU in every precision that the task allows, none wider than today's.
fn candidates<'a>(
    gpu: &'a GpuSpec,
    running: &'a Running<'_>,
    asked: &'a Asked<'_>,
) -> impl Iterator<Item = Deployment> + 'a {
    let today = running.deployment;
    let is_same = gpu.name == running.gpu.name;
    let narrower = move |it: &Precision| {
        *it == today.precision
            || (it.bytes_per_weight() < today.precision.bytes_per_weight()
                && asked.task.allows(*it))
    };
    let precisions = std::iter::once(today.precision)
        .chain(Precision::CANDIDATES.into_iter().filter(move |it| *it != today.precision))
        .filter(narrower);
    precisions.flat_map(move |precision| {
        splits(gpu).map(move |(tensor, stages)| Deployment {
            precision,
            tensor_parallel_size: tensor,
            pipeline_parallel_size: stages,
            // Measured on today's GPUs, and on no others.
            bus_bandwidth_gb_s: today.bus_bandwidth_gb_s.filter(|_| is_same),
            ..*today
        })
    })
}

fn calibrated(replica: Replica, running: &Running<'_>) -> Replica {
    match running.calibration {
        Some(it) => replica.calibrated(it),
        None => replica,
    }
}

fn capacity(replica: &Replica, deployment: &Deployment, asked: &Asked<'_>) -> Carried {
    replica.within(&asked.slo, deployment.max_num_seqs.unwrap_or(replica.max_num_seqs()))
}

/// Replicas that carry the load with `headroom` of their capacity free.
fn replicas(load: f64, each: f64, headroom: f64) -> Option<u32> {
    let needed = (load / (each * (1.0 - headroom))).ceil().max(1.0);
    (needed.is_finite() && needed <= f64::from(MOST_REPLICAS)).then(|| whole(needed))
}

/// The cheapest whole instances of a GPU that host so many replicas.
fn fleet(
    catalog: &Catalog,
    gpu: &GpuSpec,
    deployment: &Deployment,
    replicas: u32,
) -> Option<Fleet> {
    let gpus = NonZeroU32::new(deployment.gpu_count())?;
    catalog
        .payg_hosts(&gpu.name, gpus)
        .map(|(offer, hosted)| {
            let instances = replicas.div_ceil(hosted.get());
            let usd_per_hour = f64::from(instances) * offer.rate.to_f64();
            Fleet { replicas, instances, offer: offer.id.clone(), usd_per_hour }
        })
        .min_by(|a, b| a.usd_per_hour.total_cmp(&b.usd_per_hour))
}

/// More replicas than this are another question.
const MOST_REPLICAS: u32 = 10_000;

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the caller has compared with a u32 limit"
)]
fn whole(number: f64) -> u32 {
    number as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(task: Task, requests_per_s: f64) -> Downsizes {
        let catalog = Catalog::embedded().unwrap();
        let arch = catalog.model("meta-llama/Meta-Llama-3.1-8B").unwrap();
        let model = Architecture::of(arch).unwrap();
        let gpu = catalog.gpu("H100 SXM5").unwrap();
        let deployment = Deployment::new(Precision::Bf16, 1);
        let profile = TokenProfile::new(2_000, 800.0, 200.0).unwrap();
        let slo = Slo { ttft_p95_s: Some(2.0), tpot_p95_s: Some(0.1) };
        let running =
            Running { model: &model, gpu, deployment: &deployment, replicas: 1, calibration: None };
        let asked = Asked { requests_per_s, profile: &profile, slo, task, geforce: false };
        downsizes(&catalog, &running, &asked).unwrap()
    }

    #[test]
    fn a_small_load_needs_no_h100() {
        let it = found(Task::Unknown, 1.0);
        let today = it.today.unwrap();
        assert_eq!((today.replicas, today.instances), (1, 1));
        assert!(!it.cheaper.is_empty());
        let prices: Vec<f64> = it.cheaper.iter().map(|it| it.fleet.usd_per_hour).collect();
        assert!(prices.is_sorted() && prices.iter().all(|it| *it < today.usd_per_hour));
        for one in &it.cheaper {
            // 20 % of the capacity stays free, and no 4 bits for an unknown task.
            assert!(one.requests_per_s.value * 0.8 >= 1.0, "{one:?}");
            assert!(one.deployment.precision != Precision::Int4, "{one:?}");
            assert_eq!(one.caveat.is_some(), one.deployment.precision != Precision::Bf16);
            assert_eq!(one.check.is_some(), one.caveat.is_some());
            assert!(one.capacity_ratio.low < one.capacity_ratio.value);
        }
        let tolerant = found(Task::Tolerant, 1.0);
        assert!(tolerant.cheaper.iter().any(|it| it.deployment.precision == Precision::Int4));
    }

    #[test]
    fn what_cannot_carry_it_at_any_size_is_left_out() {
        let small = found(Task::Unknown, 1.0).cheaper.len();
        let large = found(Task::Unknown, 200.0).cheaper.len();
        assert!(large < small, "{large} of {small}");
    }

    #[test]
    fn a_latency_nobody_keeps_is_said() {
        let catalog = Catalog::embedded().unwrap();
        let model = Architecture::of(catalog.model("Qwen/Qwen3-32B").unwrap()).unwrap();
        let deployment = Deployment::new(Precision::Bf16, 2);
        let profile = TokenProfile::new(2_000, 800.0, 200.0).unwrap();
        let running = Running {
            model: &model,
            gpu: catalog.gpu("H100 SXM5").unwrap(),
            deployment: &deployment,
            replicas: 1,
            calibration: None,
        };
        let slo = Slo { ttft_p95_s: None, tpot_p95_s: Some(0.001) };
        let task = Task::Unknown;
        let asked = Asked { requests_per_s: 1.0, profile: &profile, slo, task, geforce: false };
        let why = downsizes(&catalog, &running, &asked).unwrap_err();
        assert!(why.starts_with("saturated: with 1 in progress"), "{why}");
    }
}
