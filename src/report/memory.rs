//! What the memory of a GPU holds under a candidate.

use serde::Serialize;

use crate::size::Replica;
use crate::units::Bytes;

/// The memory of one GPU, part by part; weights, cache, activations, overhead and what is free add up
/// to the GPU.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct MemoryReport {
    /// What the engine sees of it.
    pub gpu_bytes: u64,
    /// Weights.
    pub weights_bytes: u64,
    /// Room for the KV cache.
    pub kv_cache_bytes: u64,
    /// What of that the planned batch takes with requests of the mean length; nothing without one.
    pub kv_cache_planned_bytes: Option<u64>,
    /// Peak of the activations.
    pub activation_bytes: u64,
    /// CUDA graphs, the CUDA context and libraries.
    pub overhead_bytes: u64,
    /// What the engine leaves alone.
    pub free_bytes: u64,
}

impl MemoryReport {
    /// The memory of each GPU of a replica that runs `batch` requests.
    pub(super) fn of(replica: &Replica, batch: Option<u32>) -> MemoryReport {
        let it = &replica.memory;
        let bytes = |value: f64| Bytes::from_f64_rounded(value.max(0.0)).get();
        let (gpu, weights, kv_cache) =
            (bytes(it.total_memory), bytes(it.weights), bytes(it.kv_cache));
        let activation = bytes(it.activation);
        let overhead = bytes(it.cuda_graphs + it.non_torch + it.context);
        let taken = [weights, kv_cache, activation, overhead];
        let free = taken.into_iter().fold(gpu, u64::saturating_sub);
        let tokens = replica.profile.mean_tokens();
        let planned = batch.map(|it| f64::from(it) * replica.memory.layout.request_bytes(tokens));
        MemoryReport {
            gpu_bytes: gpu,
            weights_bytes: weights,
            kv_cache_bytes: kv_cache,
            kv_cache_planned_bytes: planned.map(|it| bytes(it).min(kv_cache)),
            activation_bytes: activation,
            // An engine that plans for more than there is: the excess is in none of the parts.
            overhead_bytes: overhead.min(gpu.saturating_sub(weights + kv_cache + activation)),
            free_bytes: free,
        }
    }
}
