//! One deployment: whether it fits, how many it serves, how fast, and what stands beside it.

use std::fmt::Write as _;

use serde_json::json;

use super::asked::{Asked, find_gpu, flags, precision, price};
use super::shown::{PerGpu, deployed, extend, memory_text, served, title};
use super::start::Started;
use super::{Answer, downsizes, head, rule, shown, wires};
use crate::catalog::{Catalog, GpuMatch, GpuSpec};
use crate::cli::SizeArgs;
use crate::command::failure::{ExitStatus, Failure};
use crate::command::size_source::ModelSource;
use crate::ingest::{MeasuredPoint, read_benchmark};
use crate::recommend::Running;
use crate::size::{
    Architecture, Calibration, Carried, Constants, Deployment, Fit, GpuMemory, OperatingPoint,
    Precision, Replica, Serving, fit, splits,
};
use crate::units::Bytes;

/// Everything that is known of the deployment.
pub(super) struct Found<'a> {
    pub(super) name: &'a str,
    pub(super) model: &'a Architecture,
    pub(super) gpu: &'a GpuSpec,
    pub(super) deployment: Deployment,
    /// Engine copies on the GPUs asked for.
    pub(super) copies: u32,
    pub(super) replica: Replica,
    pub(super) carried: Carried,
    pub(super) calibration: Option<Calibration>,
    pub(super) usd_per_hour: Option<f64>,
    pub(super) start: Started,
    pub(super) explanation: Vec<String>,
}

pub(super) fn answer(
    args: &SizeArgs,
    catalog: &Catalog,
    source: &ModelSource,
    (model, gpu): (&Architecture, &str),
    asked: &Asked,
) -> Result<Answer, Failure> {
    let named = find_gpu(catalog, gpu)?;
    let Some(gpu) = GpuMatch::Known(named.clone()).slowest() else {
        return Err(Failure::usage("the GPU has no specification", "name another GPU"));
    };
    let constants = Constants::from(&catalog.assumptions);
    let precision = precision(args, source)?;
    let (deployment, copies) = split(args, model, gpu, (precision, asked), constants)?;
    let fitted = fit(model, gpu, &deployment, &asked.profile, constants);
    let memory = GpuMemory::of(model, gpu, &deployment, constants.engine);
    let explanation = memory.explain(model, gpu, &deployment, constants.engine);
    let replica = match fitted {
        Fit::Fits(replica) => *replica,
        Fit::DoesNotFit { .. } => {
            return Ok(not_fitting(
                args,
                source,
                (gpu, &deployment),
                (&fitted, &memory),
                &explanation,
            ));
        }
        refused => return Err(refusal(&refused)),
    };
    let calibration = calibrate(args, &replica)?;
    let replica = calibration.as_ref().map_or(replica.clone(), |it| replica.calibrated(it));
    let start = Started::of(args, catalog, &replica, (gpu, &deployment))?;
    let carried = replica.within(&asked.slo, replica.max_num_seqs());
    let found = Found {
        name: &source.name,
        model,
        gpu,
        deployment,
        copies,
        carried,
        replica,
        calibration,
        usd_per_hour: price(catalog, gpu, deployment.gpu_count()).map(|it| it * f64::from(copies)),
        start,
        explanation,
    };
    Ok(found.answer(args, catalog, asked, &named))
}

impl Found<'_> {
    /// Requests in progress at most.
    fn peak(&self) -> u32 {
        match &self.carried {
            Carried::UpTo(serving) => serving.concurrency,
            Carried::Saturated { .. } => 1,
        }
    }

    /// Price of all replicas an hour, and of a million output tokens.
    pub(super) fn usd_per_million(&self, serving: &Serving) -> Option<(f64, f64)> {
        let rate = serving.output_tokens_per_s.value * f64::from(self.copies);
        let price = self.usd_per_hour?;
        Some((price, price / 3_600.0 / rate * 1e6))
    }

    /// Everything that stands beside the deployment itself: what its name can mean, what its GPUs
    /// exchange, the rule of thumb, and what is cheaper.
    fn answer(
        &self,
        args: &SizeArgs,
        catalog: &Catalog,
        asked: &Asked,
        named: &[&GpuSpec],
    ) -> Answer {
        let mut answer = Answer {
            text: shown::text(args, self, asked),
            json: shown::in_json(args, self, asked),
        };
        if named.len() > 1 {
            let names: Vec<&str> = named.iter().map(|it| it.name.as_str()).collect();
            let note = format!(
                "The name given can be {}; this is the slowest of them, {}.\n\n",
                names.join(", "),
                self.gpu.name
            );
            answer.text.insert_str(0, &note);
        }
        if let Some(it) = self.exchange(catalog, asked) {
            answer.text.push_str(&it.text);
            answer.json["interconnect"] = it.json;
        }
        let rule =
            rule::beside(args, catalog, self.model, self.deployment.precision, asked.context);
        let _ = write!(answer.text, "\n{}", rule.text);
        answer.json["rule_of_thumb"] = rule.json;
        if let Some(rate) = args.requests.requests_per_s {
            let running = Running {
                model: self.model,
                gpu: self.gpu,
                deployment: &self.deployment,
                replicas: self.copies,
                calibration: self.calibration.as_ref(),
            };
            let list = downsizes::answer(args, catalog, &running, asked, (rate, self.peak()));
            let _ = write!(answer.text, "\n{}", list.text);
            answer.json["downsizes"] = list.json;
        }
        answer
    }

    /// What several GPUs exchange, and how they are best used.
    fn exchange(&self, catalog: &Catalog, asked: &Asked) -> Option<Answer> {
        let gpus = self.deployment.gpu_count() * self.copies;
        if gpus < 2 {
            return None;
        }
        let memory = &self.replica.memory;
        let request = memory.layout.request_bytes(asked.profile.p95_total_tokens());
        let each = f64::from(self.deployment.gpu_count());
        let needed = Bytes::from_f64_rounded((memory.weights + request) * each);
        let usable = memory.usable - memory.activation - memory.non_torch;
        let split = (&self.deployment, gpus);
        wires::of_serving(catalog, self.model, self.gpu, split, (self.peak(), usable, needed))
    }
}

/// How the model is split: as the flags say, else over the least GPUs that hold it.
fn split(
    args: &SizeArgs,
    model: &Architecture,
    gpu: &GpuSpec,
    (precision, asked): (Precision, &Asked),
    constants: Constants<'_>,
) -> Result<(Deployment, u32), Failure> {
    let serving = &args.serving;
    let (tensor, stages) = (serving.tensor_parallel_size, serving.pipeline_parallel_size);
    let each = match (tensor, stages, serving.gpu_count) {
        (None, None, None) => {
            let holds = |&(tensor, stages): &(u32, u32)| {
                let deployment = flags(args, asked, precision, (tensor, stages));
                fit(model, gpu, &deployment, &asked.profile, constants).replica().is_some()
            };
            splits(gpu).find(holds).unwrap_or((1, 1))
        }
        (None, None, Some(count)) => {
            let measured = serving.bus_bandwidth.is_some();
            let usual = splits(gpu).find(|it| it.0 * it.1 == count && !measured);
            usual.unwrap_or((count, 1))
        }
        (tensor, stages, count) => {
            let stages_or_one = stages.unwrap_or(1);
            let rest = || count.map_or(1, |it| (it / stages_or_one).max(1));
            (tensor.unwrap_or_else(rest), stages_or_one)
        }
    };
    let per_replica = each.0 * each.1;
    let count = serving.gpu_count.unwrap_or(per_replica);
    if !count.is_multiple_of(per_replica) {
        return Err(Failure::usage(
            format!("{count} GPUs are no whole number of replicas of {per_replica}"),
            "--gpu-count is a multiple of --tensor-parallel-size x --pipeline-parallel-size",
        ));
    }
    Ok((flags(args, asked, precision, each), count / per_replica))
}

/// What is refused by name, with the way out.
fn refusal(fit: &Fit) -> Failure {
    let hint = match fit {
        Fit::UnsupportedDtype { .. } => "choose another --quantization, or a GPU that has its rate",
        Fit::RefusedTopology { .. } => {
            "choose a --tensor-parallel-size that divides the heads, or --pipeline-parallel-size where no switch joins the GPUs"
        }
        Fit::UnsupportedArchitecture { .. } | Fit::DoesNotFit { .. } | Fit::Fits(_) => {
            "`gpuadvise size MODEL` lists what fits"
        }
    };
    Failure::new(ExitStatus::Usage, anyhow::anyhow!("{fit}")).with_hint(hint)
}

fn calibrate(args: &SizeArgs, replica: &Replica) -> Result<Option<Calibration>, Failure> {
    let Some(path) = &args.requests.calibrate else { return Ok(None) };
    let name = path.display();
    let text = std::fs::read_to_string(path).map_err(|error| {
        Failure::new(ExitStatus::Input, anyhow::anyhow!("{name}: {error}"))
            .with_hint("check the path")
    })?;
    let points = read_benchmark(&text).map_err(|why| {
        Failure::new(ExitStatus::Input, anyhow::anyhow!("{name}: {why}")).with_hint(
            "name a result of `vllm bench serve --save-result`, GuideLLM or inference-perf",
        )
    })?;
    // Of a sweep the busiest point: there the engine is best known.
    let busiest = points.iter().max_by(|a, b| a.concurrency.total_cmp(&b.concurrency));
    let found =
        busiest.and_then(|it| Calibration::of(replica, &operating_point(it))).ok_or_else(|| {
            Failure::new(
                ExitStatus::Input,
                anyhow::anyhow!(
                    "{name}: no concurrency with a time per token within 20 times of the prediction"
                ),
            )
            .with_hint("measure at a fixed concurrency")
        })?;
    Ok(Some(found))
}

fn operating_point(it: &MeasuredPoint) -> OperatingPoint {
    OperatingPoint {
        concurrency: it.concurrency,
        tpot_s: it.tpot_s,
        ttft_s: Some(it.ttft_s),
        output_tokens_per_s: Some(it.output_tokens_per_s),
    }
}

/// The answer for a model that the GPUs do not hold.
fn not_fitting(
    args: &SizeArgs,
    source: &ModelSource,
    (gpu, deployment): (&GpuSpec, &Deployment),
    (fit, memory): (&Fit, &GpuMemory),
    explanation: &[String],
) -> Answer {
    let mut text = title(&source.name, gpu, deployment, 1);
    text.push_str(&memory_text(memory, "EACH GPU"));
    let mut reason = fit.to_string();
    if let Some(first) = reason.get(..1) {
        reason = first.to_uppercase() + &reason[1..];
    }
    let serving = &args.serving;
    let is_free = serving.gpu_count.is_none()
        && serving.tensor_parallel_size.is_none()
        && serving.pipeline_parallel_size.is_none();
    let more = if is_free { "; nor do 2, 4 or 8 hold it" } else { "" };
    let _ = writeln!(text, "\n{reason}{more}. `gpuadvise size {}` lists what fits.", source.name);
    if args.explain {
        for line in explanation {
            let _ = writeln!(text, "  {line}");
        }
    }
    let mut value = head(&source.name, "engine");
    extend(&mut value, deployed(gpu, deployment));
    extend(
        &mut value,
        json!({
            "verdict": "does_not_fit",
            "reason": fit.to_string(),
            "per_gpu": PerGpu::of(memory).json(),
            "kv_cache_tokens": memory.kv_cache_tokens(),
            "max_concurrency": 0,
            "cold_start": null,
            "explain": args.explain.then_some(explanation),
        }),
    );
    extend(&mut value, served(None, 1));
    Answer { text, json: value }
}
