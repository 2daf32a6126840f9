//! Settings that make room on the same GPU and cost nothing.

use super::architecture::Architecture;
use super::memory::{Deployment, GpuMemory, KvCacheDtype};
use crate::catalog::{EngineMemory, GpuSpec};
use crate::units::Bytes;

/// One setting and what it brings.
#[derive(Clone, Debug, PartialEq)]
pub struct Lever {
    /// The flag to set.
    pub flag: String,
    /// Memory it gives to the KV cache of each GPU; nothing where it makes tokens smaller instead.
    pub frees: Option<Bytes>,
    /// Tokens the KV cache holds with it.
    pub kv_cache_tokens: u64,
    /// The same without.
    pub before: u64,
    /// What it changes beside memory.
    pub note: &'static str,
}

/// The settings that help a deployment which has `concurrency` requests in progress at its peak,
/// each of at most `longest` tokens. Llama 3.1 8B under vLLM 0.19 on an H100: 256 sequences
/// instead of 1,024 free 0.98 GiB; fp8 doubles the tokens.
pub fn levers(
    model: &Architecture,
    gpu: &GpuSpec,
    deployment: &Deployment,
    (concurrency, longest): (u32, u64),
    constants: &EngineMemory,
) -> Vec<Lever> {
    let now = GpuMemory::of(model, gpu, deployment, constants);
    let mut found = Vec::new();
    let mut try_one = |flag: String, changed: Deployment, note: &'static str| {
        let then = GpuMemory::of(model, gpu, &changed, constants);
        let (before, after) = (now.kv_cache_tokens(), then.kv_cache_tokens());
        // Less than a percent is within the error of the estimate.
        if after as f64 > before as f64 * 1.01 {
            let freed = then.kv_cache - now.kv_cache;
            let frees = (freed > 0.0).then(|| Bytes::from_f64_rounded(freed));
            found.push(Lever { flag, frees, kv_cache_tokens: after, before, note });
        }
    };
    // Room for twice the peak, in steps that engines capture graphs for.
    let enough = concurrency.saturating_mul(2).next_multiple_of(64).max(64);
    if enough < now.max_num_seqs {
        try_one(
            format!("--max-num-seqs {enough}"),
            Deployment { max_num_seqs: Some(enough), ..*deployment },
            "the engine reserves logits for every sequence it may run",
        );
    }
    if deployment.kv_cache_dtype == KvCacheDtype::Auto && gpu.fp8_tflops.is_some() {
        try_one(
            "--kv-cache-dtype fp8".to_owned(),
            Deployment { kv_cache_dtype: KvCacheDtype::Fp8, ..*deployment },
            "check long answers: keys and values lose precision",
        );
    }
    if longest < now.max_model_len {
        try_one(
            format!("--max-model-len {longest}"),
            Deployment { max_model_len: Some(longest), ..*deployment },
            "longer requests are refused",
        );
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::size::{Engine, Precision, fixtures};

    #[test]
    fn what_helps_on_an_h100() {
        let model = Architecture::of(&fixtures::llama_8b()).unwrap();
        let deployment = Deployment::new(Precision::Bf16, 1);
        let constants = fixtures::engine();
        let found = levers(&model, &fixtures::h100(), &deployment, (100, 8_192), &constants);
        let flags: Vec<&str> = found.iter().map(|it| it.flag.as_str()).collect();
        assert_eq!(flags, ["--max-num-seqs 256", "--kv-cache-dtype fp8"]);
        let gib = found[0].frees.unwrap().to_f64() / Bytes::from_gib(1).to_f64();
        assert!((0.9..1.4).contains(&gib), "{gib}");
        assert_eq!(found[1].frees, None);
        assert!(found[1].kv_cache_tokens >= found[1].before * 2 - 16);
    }

    #[test]
    fn a_short_context_helps_where_it_is_allocated_whole() {
        let model = Architecture::of(&fixtures::llama_8b()).unwrap();
        let old = Engine::parse("vllm@0.7").unwrap();
        let deployment = Deployment {
            engine: old,
            max_model_len: Some(32_768),
            ..Deployment::new(Precision::Bf16, 1)
        };
        let constants = fixtures::engine();
        let found = levers(&model, &fixtures::l4(), &deployment, (200, 4_096), &constants);
        assert!(found.iter().any(|it| it.flag == "--max-model-len 4096"), "{found:?}");
    }
}
