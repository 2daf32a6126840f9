//! The words of `gpuadvise size`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{parse_amount, parse_precision};
use crate::recommend::Task;
use crate::size::{Engine, KvCacheDtype, LoraTarget, Precision, Storage};

/// Arguments of `size`
#[derive(Debug, Args)]
pub struct SizeArgs {
    /// Hugging Face id, a config.json or its folder (`-`: standard input), a .safetensors or a
    /// .gguf; left out with --params
    #[arg(required_unless_present = "params", conflicts_with = "params")]
    pub model: Option<String>,
    /// How to size it: what an engine allocates, or the rule of thumb alone [default: engine]
    #[arg(long, value_enum)]
    pub method: Option<Method>,
    /// Print the formulas with their numbers
    #[arg(long)]
    pub explain: bool,
    /// What serves the model
    #[command(flatten)]
    pub serving: ServingArgs,
    /// The requests
    #[command(flatten)]
    pub requests: RequestArgs,
    /// Training
    #[command(flatten)]
    pub training: TrainingArgs,
    /// Image pipelines
    #[command(flatten)]
    pub image: ImageArgs,
    /// Round numbers
    #[command(flatten)]
    pub rule: RuleArgs,
}

/// Which method sizes the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Method {
    /// What the serving engine allocates
    Engine,
    /// Weights, KV cache and a share on top
    RuleOfThumb,
}

/// The deployment
#[derive(Debug, Args)]
#[command(next_help_heading = "Deployment")]
pub struct ServingArgs {
    /// Only this GPU; with it the answer is one deployment part by part
    #[arg(long, value_name = "NAME")]
    pub gpu: Option<String>,
    /// GPUs in all [default: as many as the parallel sizes ask, else the least that hold it]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub gpu_count: Option<u32>,
    /// GPUs each layer is split over
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=64))]
    pub tensor_parallel_size: Option<u32>,
    /// Stages of layers, one after the other
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=64))]
    pub pipeline_parallel_size: Option<u32>,
    /// Numbers the model computes with
    #[arg(long, value_enum, conflicts_with = "quantization")]
    pub dtype: Option<Dtype>,
    /// fp8, int8, w8a16, int4, awq, gptq, nf4, mxfp4, nvfp4, or `gguf:Q4_K_M` and its like
    #[arg(long, value_name = "FORMAT", value_parser = parse_precision)]
    pub quantization: Option<Precision>,
    /// Numbers of the KV cache
    #[arg(long, value_name = "auto|fp8", default_value = "auto", value_parser = parse_kv_cache_dtype)]
    pub kv_cache_dtype: KvCacheDtype,
    /// `vllm@VERSION`, `sglang`, `tensorrt-llm` or `llama.cpp`; without it `vllm@0.19`
    #[arg(long, value_name = "ENGINE", value_parser = parse_engine)]
    pub engine: Option<Engine>,
    /// Tokens of prompt and completion together, at most [default: 4096, or the model's limit if lower]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=100_000_000))]
    pub max_model_len: Option<u64>,
    /// Sequences at once, at most [default: the engine's]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=65_536))]
    pub max_num_seqs: Option<u32>,
    /// Tokens of a step, at most [default: the engine's]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    pub max_num_batched_tokens: Option<u64>,
    /// Share of the memory the engine may use [default: the engine's]
    #[arg(long, value_name = "SHARE", value_parser = parse_share)]
    pub gpu_memory_utilization: Option<f64>,
    /// Measured all-reduce bandwidth of the GPUs in GB/s, which tensor parallelism beyond a pair
    /// needs where no switch joins them
    #[arg(long, value_name = "GB/S", value_parser = parse_amount)]
    pub bus_bandwidth: Option<f64>,
    /// No CUDA graphs
    #[arg(long)]
    pub enforce_eager: bool,
    /// Where a start reads the weights: network-volume, ssd, object-store, nvme, page-cache,
    /// direct-nvme, host-memory [default: unnamed, with a wide range]
    #[arg(long, value_name = "STORAGE", requires = "gpu", default_value = "unnamed", hide_default_value = true, value_parser = parse_storage)]
    pub storage: Storage,
    /// A start measured on the same host and as many GPUs, of this or another model: seconds from
    /// process to ready, and of the weights alone where the log says
    #[arg(long, value_name = "MODEL=TIME[,TIME]", requires = "gpu", value_parser = parse_measured_start)]
    pub measured_start: Option<StartWord>,
}

/// A measured start as the command line gives it.
#[derive(Clone, Debug, PartialEq)]
pub struct StartWord {
    /// What was started.
    pub model: String,
    /// Seconds from process to ready.
    pub total_s: f64,
    /// Seconds of the weights.
    pub weights_s: Option<f64>,
}

/// What is asked of the deployment
#[derive(Debug, Args)]
#[command(next_help_heading = "Requests")]
pub struct RequestArgs {
    /// Prompt tokens of a typical request [default: three eighths of --max-model-len]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(0..=100_000_000))]
    pub prompt_tokens: Option<u64>,
    /// Completion tokens of a typical request [default: an eighth of --max-model-len]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=100_000_000))]
    pub completion_tokens: Option<u64>,
    /// Images in a request, for models that see
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u64).range(0..=1_000))]
    pub images: u64,
    /// Their size in pixels
    #[arg(long, value_name = "WxH", default_value = "1024x1024", value_parser = parse_pixels)]
    pub image_size: Pixels,
    /// Time to the first token that 95 of 100 requests must keep, such as 2s or 450ms
    #[arg(long, value_name = "TIME", value_parser = parse_seconds)]
    pub slo_ttft_p95: Option<f64>,
    /// Time per output token that 95 of 100 requests must keep
    #[arg(long, value_name = "TIME", value_parser = parse_seconds)]
    pub slo_tpot_p95: Option<f64>,
    /// Load of the deployment: what cheaper ones must carry
    #[arg(long, value_name = "RATE", requires = "gpu", value_parser = parse_rate)]
    pub requests_per_s: Option<f64>,
    /// What the answers are for, which decides how far precision may fall: chat, summarization,
    /// extraction, reasoning, code, long-context
    #[arg(long, value_name = "TASK", requires = "requests_per_s", value_parser = parse_task)]
    pub task: Option<String>,
    /// A result of `vllm bench serve`, `GuideLLM` or inference-perf on this deployment
    #[arg(long, value_name = "FILE", requires = "gpu")]
    pub calibrate: Option<PathBuf>,
}

/// Memory of training
#[derive(Debug, Args)]
#[command(next_help_heading = "Training")]
pub struct TrainingArgs {
    /// Size training instead of serving
    #[arg(long, value_enum, conflicts_with_all = ["quantization", "tensor_parallel_size", "pipeline_parallel_size", "engine", "requests_per_s", "slo_ttft_p95", "slo_tpot_p95", "calibrate", "enforce_eager"])]
    pub train: Option<Train>,
    /// Optimizer
    #[arg(long, value_enum, default_value_t = OptimizerWord::Adamw, requires = "train")]
    pub optimizer: OptimizerWord,
    /// Compute activations again in the backward pass
    #[arg(long, requires = "train")]
    pub checkpointing: bool,
    /// Rank of the adapter
    #[arg(long, value_name = "R", default_value_t = 16, requires = "train", value_parser = clap::value_parser!(u32).range(1..=65_536))]
    pub rank: u32,
    /// Matrices with an adapter: q, k, v, o, gate, up, down
    #[arg(long, value_name = "LIST", value_delimiter = ',', default_value = "q,v", requires = "train", value_parser = parse_target)]
    pub targets: Vec<LoraTarget>,
    /// Tokens of a sequence
    #[arg(long, value_name = "N", default_value_t = 2048, requires = "train", value_parser = clap::value_parser!(u64).range(1..=100_000_000))]
    pub seq_len: u64,
    /// Sequences of a step on one GPU
    #[arg(long, value_name = "N", default_value_t = 1, requires = "train", value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    pub micro_batch: u64,
    /// Nodes the GPUs are in, with as many cards of --network in each as it has GPUs
    #[arg(long, value_name = "N", default_value_t = 1, requires_all = ["train", "network"], value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub nodes: u32,
    /// What joins the nodes, by a name of fabrics.toml such as `InfiniBand NDR`
    #[arg(long, value_name = "NAME", requires = "train")]
    pub network: Option<String>,
    /// What the GPUs share: 0 nothing, 1 optimizer, 2 gradients too, 3 weights too (FSDP)
    #[arg(long, value_name = "0..3", default_value_t = 0, requires = "train", value_parser = clap::value_parser!(u8).range(0..=3))]
    pub zero: u8,
}

/// Pictures
#[derive(Debug, Args)]
#[command(next_help_heading = "Image pipelines")]
pub struct ImageArgs {
    /// Size of the picture a pipeline makes
    #[arg(long, value_name = "WxH", default_value = "1024x1024", value_parser = parse_pixels)]
    pub resolution: Pixels,
}

/// Round numbers
#[derive(Debug, Args)]
#[command(next_help_heading = "Rule of thumb")]
pub struct RuleArgs {
    /// Requests at once; pictures at once for an image pipeline [default: 8; 1 for pictures]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=100_000))]
    pub batch: Option<u64>,
    /// Parameters, instead of a model
    #[arg(long, value_name = "N", value_parser = parse_amount, requires_all = ["layers", "kv_heads", "head_dim"])]
    pub params: Option<f64>,
    /// Layers, with --params
    #[arg(long, value_name = "N")]
    pub layers: Option<u64>,
    /// Key and value heads, with --params
    #[arg(long, value_name = "N")]
    pub kv_heads: Option<u64>,
    /// Width of a head, with --params
    #[arg(long, value_name = "N")]
    pub head_dim: Option<u64>,
    /// Overhead in GB instead of a share of the weights
    #[arg(long, value_name = "GB", value_parser = parse_amount)]
    pub overhead_gb: Option<f64>,
}

/// Width and height.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pixels {
    /// Across.
    pub width: u32,
    /// Down.
    pub height: u32,
}

/// The dtype of an unquantized model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[expect(missing_docs, reason = "the values are words of the command line")]
pub enum Dtype {
    Bf16,
    Fp16,
    Fp32,
}

impl Dtype {
    /// The format of the weights.
    pub const fn precision(self) -> Precision {
        match self {
            Dtype::Bf16 | Dtype::Fp16 => Precision::Bf16,
            Dtype::Fp32 => Precision::Fp32,
        }
    }
}

/// How a model is trained.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[expect(missing_docs, reason = "the values are words of the command line")]
pub enum Train {
    Full,
    Lora,
    Qlora,
    Dora,
}

/// What updates the weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[expect(missing_docs, reason = "the values are words of the command line")]
pub enum OptimizerWord {
    Adamw,
    Adamw8bit,
    Sgd,
}

fn parse_engine(text: &str) -> Result<Engine, String> {
    Engine::parse(text)
        .ok_or_else(|| "not one of vllm, vllm@0.19, sglang, tensorrt-llm, llama.cpp".to_owned())
}

fn parse_kv_cache_dtype(text: &str) -> Result<KvCacheDtype, String> {
    match text {
        "auto" => Ok(KvCacheDtype::Auto),
        "fp8" | "fp8_e4m3" | "fp8_e5m2" => Ok(KvCacheDtype::Fp8),
        _ => Err("not auto or fp8".to_owned()),
    }
}

fn parse_share(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if value > 0.0 && value <= 1.0 => Ok(value),
        _ => Err("not a share above 0 and up to 1".to_owned()),
    }
}

/// Seconds in `2s`, `450ms`, `3m` or `2`.
fn parse_seconds(text: &str) -> Result<f64, String> {
    let units = [("ms", 1e-3), ("s", 1.0), ("m", 60.0), ("", 1.0)];
    let parts = units.iter().find_map(|(unit, factor)| Some((text.strip_suffix(unit)?, *factor)));
    let (number, factor) = parts.unwrap_or((text, 1.0));
    match number.trim().parse::<f64>() {
        Ok(value) if value.is_finite() && value > 0.0 => Ok(value * factor),
        _ => Err("not a time above 0 such as 2s, 450ms or 3m".to_owned()),
    }
}

fn parse_storage(text: &str) -> Result<Storage, String> {
    Storage::parse(text).ok_or_else(|| {
        let words: Vec<&str> = Storage::words().collect();
        format!("not one of {}", words.join(", "))
    })
}

fn parse_measured_start(text: &str) -> Result<StartWord, String> {
    let (model, times) =
        text.rsplit_once('=').ok_or_else(|| "not MODEL=TIME or MODEL=TIME,TIME".to_owned())?;
    let (total, weights) = match times.split_once(',') {
        None => (times, None),
        Some((total, weights)) => (total, Some(weights)),
    };
    let total_s = parse_seconds(total)?;
    let weights_s = weights.map(parse_seconds).transpose()?;
    if weights_s.is_some_and(|it| it >= total_s) {
        return Err("the weights alone take as long as the whole start".to_owned());
    }
    Ok(StartWord { model: model.to_owned(), total_s, weights_s })
}

fn parse_pixels(text: &str) -> Result<Pixels, String> {
    const MOST: u32 = 65_536;
    let parsed = text.split_once(['x', 'X']).and_then(|(width, height)| {
        Some(Pixels { width: width.trim().parse().ok()?, height: height.trim().parse().ok()? })
    });
    parsed
        .filter(|it| (1..=MOST).contains(&it.width) && (1..=MOST).contains(&it.height))
        .ok_or_else(|| format!("not a size such as 1024x1024, up to {MOST} a side"))
}

fn parse_rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if value > 0.0 && value <= 1e9 => Ok(value),
        _ => Err("not a number above 0 and up to 10^9".to_owned()),
    }
}

fn parse_task(text: &str) -> Result<String, String> {
    if Task::words().any(|it| it == text) {
        return Ok(text.to_owned());
    }
    let words: Vec<&str> = Task::words().collect();
    Err(format!("not one of {}", words.join(", ")))
}

fn parse_target(text: &str) -> Result<LoraTarget, String> {
    LoraTarget::parse(text).ok_or_else(|| "not one of q, k, v, o, gate, up, down".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_sizes() {
        assert_eq!(parse_seconds("450ms"), Ok(0.45));
        assert_eq!(parse_seconds("2s"), Ok(2.0));
        assert_eq!(parse_seconds("0.5"), Ok(0.5));
        assert_eq!(parse_seconds("2m"), Ok(120.0));
        for wrong in ["0", "-1s", "2h", "nan", "", "m"] {
            assert!(parse_seconds(wrong).is_err(), "{wrong}");
        }
        let word = |weights_s| StartWord { model: "a/b".to_owned(), total_s: 46.7, weights_s };
        assert_eq!(parse_measured_start("a/b=46.7s"), Ok(word(None)));
        assert_eq!(parse_measured_start("a/b=46.7s,8.7s"), Ok(word(Some(8.7))));
        for wrong in ["a/b", "a/b=", "a/b=0", "a/b=3s,4s", "a/b=3s,x"] {
            assert!(parse_measured_start(wrong).is_err(), "{wrong}");
        }
        assert_eq!(parse_pixels("1024x768"), Ok(Pixels { width: 1_024, height: 768 }));
        for wrong in ["1024", "0x1", "1x", "99999x1"] {
            assert!(parse_pixels(wrong).is_err(), "{wrong}");
        }
    }
}
