//! The `vllm serve` command of a plan: every flag the sizing assumed, written out, with its reason.

use super::flag::Flag;
use super::quote::is_token;
use super::{LaunchError, Options};
use crate::catalog::{Catalog, GpuSpec};
use crate::deploy::Advised;
use crate::size::{
    Architecture, Constants, Deployment, Engine, Fit, KvCacheDtype, Precision, Replica,
    TokenProfile, fit,
};

/// A model behind vLLM.
#[derive(Clone, Debug)]
pub(in crate::deploy) struct Serve {
    /// The image; filled in by the plan.
    pub(super) image: String,
    /// The model of the report, whose name clients keep to.
    pub(super) model: String,
    /// The checkpoint to load; nothing where the format needs one that nobody named.
    pub(super) checkpoint: Option<String>,
    /// Whether its files need a token.
    pub(super) is_gated: bool,
    pub(super) port: u16,
    pub(super) deployment: Deployment,
    /// What was sized of exactly these flags.
    pub(super) replica: Replica,
    /// Seconds that requests in progress have to end.
    pub(super) shutdown_s: u32,
    /// Where the longest request is from.
    length: Length,
    /// Where the requests at once are from.
    slots: Slots,
}

/// Where `--max-model-len` is from.
#[derive(Clone, Copy, Debug)]
enum Length {
    /// The plan was sized with it.
    Planned,
    /// The model ends there, and the plan does not say.
    Model,
    /// The cache ends before the model, and the plan does not say.
    Cache {
        /// What the model would take.
        model: u64,
    },
}

/// Where `--max-num-seqs` is from.
#[derive(Clone, Copy, Debug)]
enum Slots {
    Simulated,
    Sized,
    Engine,
}

impl Serve {
    /// The command of a plan; nothing where its model is none that vLLM serves, or was not sized.
    pub(super) fn of(
        advised: &Advised,
        catalog: &Catalog,
        gpu: &GpuSpec,
        (options, other): (&Options, Option<Engine>),
    ) -> Result<Option<Serve>, LaunchError> {
        let plan = &advised.plan;
        let Some(model) = advised.workload.baseline.model.clone() else { return Ok(None) };
        let Some(arch) = catalog.model(&model).filter(|it| it.diffusion.is_none()) else {
            return Ok(None);
        };
        let written = match plan.precision.as_str() {
            "as today" => advised.workload.baseline.precision.as_deref().unwrap_or("bf16"),
            other => other,
        };
        let (Ok(architecture), Some(precision)) =
            (Architecture::of(arch), Precision::parse(written))
        else {
            return Ok(None);
        };
        // The version in the image of the target, where that is not the one of the plan: sized again with it.
        let planned = plan.engine.as_deref().and_then(Engine::parse).unwrap_or(Engine::DEFAULT);
        let engine = other.unwrap_or(planned);
        let (deployment, replica, length) = sized(
            advised,
            &architecture,
            gpu,
            (engine, precision),
            Constants::from(&catalog.assumptions),
        )?;
        let checkpoint = checkpoint(&model, precision, options)?;
        Ok(Some(Serve {
            image: String::new(),
            is_gated: catalog.is_gated(&model)
                || checkpoint.as_deref().is_some_and(|it| catalog.is_gated(it)),
            checkpoint,
            port: options.port,
            shutdown_s: super::drain_s(advised, catalog.assumptions.launch.drain_tokens),
            model,
            deployment,
            replica,
            length,
            slots: match (plan.max_num_seqs, advised.candidate().and_then(|it| it.slots)) {
                (Some(_), _) => Slots::Simulated,
                (None, Some(_)) => Slots::Sized,
                (None, None) => Slots::Engine,
            },
        }))
    }

    /// The format of a checkpoint that somebody must name.
    pub(super) fn asks_checkpoint(&self) -> Option<&'static str> {
        self.checkpoint.is_none().then_some(match self.deployment.precision {
            Precision::Int8 => "an int8 checkpoint (w8a8, compressed-tensors)",
            Precision::Int4 => "an int4 checkpoint (w4a16, AWQ or GPTQ)",
            _ => "a checkpoint in this format",
        })
    }

    /// Every flag in the order of the command.
    pub(super) fn flags(&self) -> Vec<Flag> {
        let mut flags = vec![Flag::new(
            "--served-model-name",
            &self.model,
            "the name clients ask for stays, whatever the checkpoint is called",
        )];
        flags.extend(self.split_flags());
        flags.extend(self.format_flags());
        flags.extend(self.memory_flags());
        flags.push(Flag::new("--port", self.port, "where it is served"));
        flags.push(Flag::new(
            "--shutdown-timeout",
            self.shutdown_s,
            "seconds in which requests in progress end after a stop; without it they are cut off",
        ));
        flags
    }

    fn split_flags(&self) -> Vec<Flag> {
        let it = &self.deployment;
        let weights = self.replica.weights_bytes_per_gpu();
        let why = match (it.gpu_count(), it.tensor_parallel_size) {
            (1, _) => format!("one GPU holds the {weights} of weights and the cache"),
            (_, 1) => format!("no layer is split; each GPU holds {weights} of weights"),
            (_, n) => {
                format!("every layer is split over {n} GPUs, each holds {weights} of weights")
            }
        };
        let mut flags = vec![Flag::new("--tensor-parallel-size", it.tensor_parallel_size, why)];
        if it.pipeline_parallel_size > 1 {
            let why = "stages of layers one after the other, which need little of the wires";
            flags.push(Flag::new("--pipeline-parallel-size", it.pipeline_parallel_size, why));
        }
        flags
    }

    fn format_flags(&self) -> Vec<Flag> {
        let dtype = if self.replica.runs_fp16 { "float16" } else { "bfloat16" };
        let precision = self.deployment.precision;
        let mut flags = Vec::new();
        if precision == Precision::Fp32 {
            flags.push(Flag::new("--dtype", "float32", "the weights were sized with 32 bits"));
        } else {
            let why = "activations and what is not quantized were sized with 16 bits";
            flags.push(Flag::new("--dtype", dtype, why));
        }
        if self.quantizes_at_load() {
            let why = "the 16-bit checkpoint becomes fp8 while it is loaded; leave this out with an fp8 checkpoint";
            flags.push(Flag::new("--quantization", "fp8", why));
        }
        let kv = self.deployment.kv_cache_dtype.as_str();
        let bytes = self.replica.memory.layout.request_bytes(65_536) / 65_536.0;
        let why = format!("as it was sized: {:.0} KiB a token on each GPU", bytes / 1_024.0);
        flags.push(Flag::new("--kv-cache-dtype", kv, why));
        flags
    }

    /// Whether vLLM makes the format from a 16-bit checkpoint while it loads, which it does of fp8 only.
    pub(super) fn quantizes_at_load(&self) -> bool {
        self.deployment.precision == Precision::Fp8 && self.checkpoint.as_ref() == Some(&self.model)
    }

    fn memory_flags(&self) -> Vec<Flag> {
        let memory = &self.replica.memory;
        let share = memory.usable / memory.total_memory;
        let tokens = crate::report::count(self.replica.kv_cache_tokens());
        let seqs = memory.max_num_seqs;
        vec![
            Flag::new(
                "--gpu-memory-utilization",
                (share * 1e4).round() / 1e4,
                format!(
                    "{} of each GPU: what weights and the engine leave of it caches {tokens} tokens",
                    self.replica.usable_per_gpu()
                ),
            ),
            Flag::new("--max-model-len", memory.max_model_len, self.length_why()),
            Flag::new("--max-num-seqs", seqs, format!("{}{}", self.slots.why(), self.held(seqs))),
            Flag::new(
                "--max-num-batched-tokens",
                memory.max_num_batched_tokens,
                "tokens of a step, the engine's default on this GPU, by which activations were sized",
            ),
        ]
    }

    fn length_why(&self) -> String {
        match self.length {
            Length::Planned => {
                "the longest prompt and answer together, with which it was sized".to_owned()
            }
            Length::Model => {
                "the report does not say how long requests may be: the most the model takes"
                    .to_owned()
            }
            Length::Cache { model } => format!(
                "the report does not say how long requests may be, and the cache holds no request of the {} tokens the model takes: the most it holds, in steps of 1,024",
                crate::report::count(model)
            ),
        }
    }

    fn held(&self, seqs: u32) -> String {
        let longest =
            self.replica.memory.max_concurrency(self.replica.memory.max_model_len).floor();
        if longest < f64::from(seqs) {
            format!("; the cache holds {longest:.0} of the longest at once, more wait")
        } else {
            String::new()
        }
    }
}

impl Slots {
    const fn why(self) -> &'static str {
        match self {
            Slots::Simulated => {
                "requests at once, as it was simulated: with more, each waits longer for its tokens than was simulated"
            }
            Slots::Sized => "requests at once, with which it was sized",
            Slots::Engine => "requests at once, the engine's default on this GPU",
        }
    }
}

/// The deployment with the flags of the plan, and what they make of the GPU.
fn sized(
    advised: &Advised,
    model: &Architecture,
    gpu: &GpuSpec,
    (engine, precision): (Engine, Precision),
    constants: Constants<'_>,
) -> Result<(Deployment, Replica, Length), LaunchError> {
    /// Tokens of a step of the longest request, where nobody says how long it may be.
    const STEP: u64 = 1_024;
    let plan = &advised.plan;
    let mut deployment = Deployment {
        engine,
        kv_cache_dtype: match plan.kv_cache_dtype.as_deref() {
            Some("fp8") => KvCacheDtype::Fp8,
            _ => KvCacheDtype::Auto,
        },
        pipeline_parallel_size: plan.pipeline_parallel_size.max(1),
        gpu_memory_utilization: plan.gpu_memory_utilization,
        max_model_len: plan.max_model_len.or(model.max_position_embeddings),
        max_num_seqs: plan.max_num_seqs.or_else(|| advised.candidate()?.slots),
        ..Deployment::new(precision, plan.tensor_parallel_size.max(1))
    };
    let no = |gpus: u32, why: String| LaunchError::DoesNotFit {
        model: model.id.clone(),
        gpu: gpu.name.clone(),
        gpus,
        why,
    };
    // vLLM does not start where its cache cannot hold one request of `--max-model-len`.
    let fitted = |it: &Deployment, needed: u64| {
        let third = it.max_model_len.unwrap_or(needed) as f64 / 3.0;
        let profile = TokenProfile::new(needed, third, third)
            .ok_or_else(|| no(it.gpu_count(), "no token counts".to_owned()))?;
        match fit(model, gpu, it, &profile, constants) {
            Fit::Fits(replica) => Ok(*replica),
            other => Err(no(it.gpu_count(), other.to_string())),
        }
    };
    if let Some(longest) = plan.max_model_len {
        let replica = fitted(&deployment, longest)?;
        return Ok((deployment, replica, Length::Planned));
    }
    let replica = fitted(&deployment, 1)?;
    let longest = replica.memory.max_model_len;
    if replica.memory.max_concurrency(longest) >= 1.0 {
        deployment.max_model_len = Some(longest);
        return Ok((deployment, replica, Length::Model));
    }
    // The share of the longest that is held, found by halves: layers with windows keep less than all of it.
    let (mut holds, mut too_long) = (0, longest / STEP);
    while too_long - holds > 1 {
        let middle = holds.midpoint(too_long);
        if replica.memory.max_concurrency(middle * STEP) >= 1.0 {
            holds = middle;
        } else {
            too_long = middle;
        }
    }
    deployment.max_model_len = Some((holds * STEP).max(1));
    let replica = fitted(&deployment, (holds * STEP).max(1))?;
    Ok((deployment, replica, Length::Cache { model: longest }))
}

/// The checkpoint to load: the one named, else the model itself where vLLM makes the format of it.
fn checkpoint(
    model: &str,
    precision: Precision,
    options: &Options,
) -> Result<Option<String>, LaunchError> {
    if let Some(named) = &options.checkpoint {
        let plain = !named.is_empty()
            && named.len() <= 200
            && named.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-/:".contains(&b))
            && !named.starts_with('-')
            && !named.split('/').any(is_token);
        return if plain {
            Ok(Some(named.clone()))
        } else {
            Err(LaunchError::Word { what: "checkpoint", found: named.chars().take(8).collect() })
        };
    }
    let native = crate::catalog::quantization_of(model).and_then(|it| Precision::parse(&it));
    let is_made = matches!(precision, Precision::Bf16 | Precision::Fp32 | Precision::Fp8)
        || native == Some(precision);
    Ok(is_made.then(|| model.to_owned()))
}
