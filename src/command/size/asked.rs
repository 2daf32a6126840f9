//! What is asked of a deployment: requests, limits, format, GPU; checked once.

use std::num::NonZeroU32;

use crate::catalog::{Catalog, GpuMatch, GpuSpec};
use crate::cli::SizeArgs;
use crate::command::failure::Failure;
use crate::command::size_source::ModelSource;
use crate::report;
use crate::size::{Architecture, Deployment, Engine, Precision, Slo, TokenProfile};

/// The requests and the limits, checked.
pub(super) struct Asked {
    pub(super) profile: TokenProfile,
    pub(super) slo: Slo,
    /// Tokens of the longest request.
    pub(super) context: u64,
    image_tokens: u64,
}

impl Asked {
    pub(super) fn of(args: &SizeArgs, model: &Architecture) -> Result<Asked, Failure> {
        const CONTEXT: u64 = 4_096;
        let limit = model.max_position_embeddings.unwrap_or(u64::MAX);
        let image_tokens = image_tokens(args, model)?;
        let lengths = (args.requests.prompt_tokens, args.requests.completion_tokens);
        let given = match lengths {
            (Some(prompt), Some(completion)) => Some(prompt + completion + image_tokens),
            _ => None,
        };
        let context = args.serving.max_model_len.or(given).unwrap_or(CONTEXT.min(limit));
        if context > limit {
            return Err(Failure::usage(
                format!(
                    "{} ends at {} tokens, {} are asked",
                    model.id,
                    report::count(limit),
                    report::count(context)
                ),
                "lower --max-model-len or the tokens of a request",
            ));
        }
        if given.is_some_and(|it| it > context) {
            return Err(Failure::usage(
                format!(
                    "a request is longer than the {} tokens of --max-model-len",
                    report::count(context)
                ),
                "raise --max-model-len or lower --prompt-tokens and --completion-tokens",
            ));
        }
        let least = lengths.0.unwrap_or(0) + lengths.1.unwrap_or(1) + image_tokens;
        if least > context {
            return Err(Failure::usage(
                format!(
                    "{} tokens of a request do not fit the {} of the longest",
                    report::count(least),
                    report::count(context)
                ),
                "raise --max-model-len",
            ));
        }
        // A typical request is half as long as the longest, three quarters of it prompt.
        let room = (context - least) as f64;
        let prompt = lengths.0.map_or(room * 3.0 / 8.0, |it| it as f64);
        let completion = lengths.1.map_or((room / 8.0).max(1.0), |it| it as f64);
        let profile =
            TokenProfile::new(given.unwrap_or(context), prompt + image_tokens as f64, completion)
                .ok_or_else(|| {
                Failure::usage("the token counts are not numbers", "give whole numbers")
            })?;
        let slo =
            Slo { ttft_p95_s: args.requests.slo_ttft_p95, tpot_p95_s: args.requests.slo_tpot_p95 };
        Ok(Asked { profile, slo, context, image_tokens })
    }

    /// The typical request in words.
    pub(super) fn sentence(&self) -> String {
        let images = match self.image_tokens {
            0 => String::new(),
            tokens => format!(", {} of them images", report::count(tokens)),
        };
        format!(
            "{:.0} tokens in{images}, {:.0} out, at most {}",
            self.profile.mean_prompt(),
            self.profile.mean_completion(),
            report::count(self.profile.p95_total_tokens())
        )
    }
}

fn image_tokens(args: &SizeArgs, model: &Architecture) -> Result<u64, Failure> {
    if args.requests.images == 0 {
        return Ok(0);
    }
    let size = args.requests.image_size;
    let each = model.image_tokens(size.width, size.height).ok_or_else(|| {
        Failure::usage(
            format!("{} takes no images, or its vision tower is not in the catalog", model.id),
            "leave --images out, or give a config.json with a vision_config",
        )
    })?;
    Ok(each.saturating_mul(args.requests.images))
}

/// The precision asked for, else the one the published weights have.
pub(super) fn precision(args: &SizeArgs, source: &ModelSource) -> Result<Precision, Failure> {
    let asked = args.serving.quantization.or(args.serving.dtype.map(crate::cli::Dtype::precision));
    asked.map_or_else(|| source.native_precision(), Ok)
}

/// The deployment of the flags on `tensor` x `stages` GPUs.
pub(super) fn flags(
    args: &SizeArgs,
    asked: &Asked,
    precision: Precision,
    (tensor, stages): (u32, u32),
) -> Deployment {
    Deployment {
        engine: args.serving.engine.unwrap_or(Engine::DEFAULT),
        precision,
        kv_cache_dtype: args.serving.kv_cache_dtype,
        tensor_parallel_size: tensor,
        pipeline_parallel_size: stages,
        gpu_memory_utilization: args.serving.gpu_memory_utilization,
        max_model_len: Some(asked.context),
        max_num_seqs: args.serving.max_num_seqs,
        max_num_batched_tokens: args.serving.max_num_batched_tokens,
        enforce_eager: args.serving.enforce_eager,
        bus_bandwidth_gb_s: args.serving.bus_bandwidth,
    }
}

/// GPUs of this name.
pub(super) fn find_gpu<'a>(catalog: &'a Catalog, name: &str) -> Result<Vec<&'a GpuSpec>, Failure> {
    match catalog.resolve_gpu(name) {
        GpuMatch::Known(gpus) => Ok(gpus),
        GpuMatch::Listed | GpuMatch::Unknown => {
            let near = catalog.suggest_gpu(name).join(", ");
            let hint = if near.is_empty() {
                "`gpuadvise prices list` names the GPUs".to_owned()
            } else {
                format!("did you mean {near}?")
            };
            Err(Failure::usage(format!("no GPU `{name}` in the catalog"), hint))
        }
    }
}

/// The cheapest pay-as-you-go rate of a replica of so many GPUs: its share of an instance.
pub(super) fn price(catalog: &Catalog, gpu: &GpuSpec, gpu_count: u32) -> Option<f64> {
    catalog
        .payg_hosts(&gpu.name, NonZeroU32::new(gpu_count)?)
        .map(|(offer, hosted)| offer.rate.to_f64() / f64::from(hosted.get()))
        .reduce(f64::min)
}
