//! How long an engine takes from nothing to ready.

use crate::catalog::ColdStart;
use crate::units::Bytes;

/// Seconds from process start to ready: framework + weights per GPU / bandwidth + engine start +
/// engine start per layer x layers, with a warm compile cache. Llama 3.1 8B in bf16: 8.7 +
/// 16.06 / 1.3 + 1.25 + 0.377 x 32 = 34.4 s. Source: least squares on the measurements of
/// upb-cn/vllm-startup-profiler (dense models to 14B, one GPU); large models over many GPUs start
/// slower than this.
pub fn cold_start_s(weights_per_gpu: Bytes, num_hidden_layers: u64, start: &ColdStart) -> f64 {
    start.framework_s
        + weights_per_gpu.to_gb() / start.weight_bandwidth_gb_s
        + start.engine_s
        + start.engine_per_layer_s * num_hidden_layers as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::size::fixtures;

    #[test]
    fn llama_8b_takes_34_seconds() {
        let it = cold_start_s(Bytes::new(16_060_522_496), 32, &fixtures::cold_start());
        assert_eq!(format!("{it:.1}"), "34.4");
    }
}
