//! GPUs, models and constants for the tests of this stage, written by hand so that no test depends
//! on the loader.

use std::sync::LazyLock;

use crate::catalog::{
    Capacity, ColdStart, EngineMemory, Fabric, FabricGroup, FabricRate, GpuSpec, Interconnect,
    ModelArch, Network, Sizing, Training, Vendor, Wiring,
};
use crate::units::Bytes;

macro_rules! from_file {
    ($name:ident: $Section:ident { $($field:ident),* $(,)? }) => {
        /// The section as `pricing/assumptions.toml` has it.
        pub(super) fn $name() -> $Section {
            $Section { $($field: value(stringify!($name), stringify!($field)),)* }
        }
    };
}

from_file!(sizing: Sizing {
    overhead_fraction, quick_overhead_fraction, lora_rank_16_gb,
    cuda_share_of_driver, driver_share_of_vendor,
});

from_file!(engine: EngineMemory {
    vllm_share, vllm_share_since_0_21, trtllm_share, logits_bytes, logits_bytes_sorted,
    logits_bytes_fp32, hidden_copies, compiled_gib, graph_layer_mib, most_graphs, non_torch_gib,
    non_torch_parallel_gib, non_torch_before_0_18_gib, non_torch_parallel_before_0_18_gib,
    non_torch_stage_gib, context_gib, context_parallel_gib, sglang_state_ratio, other_gb, nccl_2_gb, nccl_4_gb,
});

from_file!(training: Training {
    layer_bytes, compiled_share, context_gb, nccl_gb, reserved_share, bucket_elements, live_params,
    unet_bytes, process_context_gb,
});

from_file!(capacity: Capacity {
    mbu, kv_mbu, latent_kv_mbu, fp4_mbu, mfu, geforce_gain, fp8_mfu, int8_mfu, fp4_mfu,
    experts_mfu, attention_mfu, gemm_ceiling, weight_only_mfu, unpack_8_bit_bytes,
    unpack_8_bit_bytes_sm86, unpack_4_bit_bytes, unpack_tokens, layer_us, expert_layer_us,
    sequence_us, sequence_us_tensorrt_llm, sequence_us_before_0_12, prompt_wait,
    prompt_wait_sglang, request_overhead_s, tpot_low, tpot_high, ttft_low, ttft_high, rate_low,
    rate_high, tpot_low_uncovered, tpot_high_uncovered, ttft_low_uncovered, ttft_high_uncovered,
    rate_low_uncovered, rate_high_uncovered, downgrade_headroom,
});

from_file!(cold_start: ColdStart {
    framework_s, weight_bandwidth_gb_s, engine_s, engine_per_layer_s, unknown_model_s,
    instance_boot_s, tracing_s, tracing_per_layer_s, cached_code_s, cached_code_per_layer_s, compile_s, compile_per_layer_s, graphs_s, graphs_per_layer_s, old_graphs_s, p2p_pair_s, allocation_s, image_bandwidth_gb_s, network_volume_gb_s, ssd_gb_s, object_store_gb_s, nvme_gb_s, page_cache_gb_s, direct_nvme_gb_s, host_memory_gb_s, host_low, host_high, host_high_uncovered, calibrated_low, calibrated_high, storage_low, storage_high, unnamed_storage_low, unnamed_storage_high, memory_image_s, memory_image_low, memory_image_high, warm_worker_s, warm_worker_low, warm_worker_high, snapshot_share,
});

from_file!(interconnect: Interconnect {
    rule_no_p2p_loss_low, rule_no_p2p_loss_high, measured_no_p2p_loss,
});

fn value(section: &str, name: &str) -> f64 {
    static ALL: LazyLock<toml::Table> =
        LazyLock::new(|| include_str!("../../pricing/assumptions.toml").parse().unwrap());
    ALL[section][name]["value"].as_float().unwrap()
}

/// A Llama-like model: layers, width, feed-forward width, heads, KV heads, vocabulary.
fn llama(id: &str, shape: [u64; 6], params: u64) -> ModelArch {
    let [layers, hidden, intermediate, heads, kv_heads, vocab] = shape;
    ModelArch {
        id: id.to_owned(),
        family: "llama".to_owned(),
        params_total: Some(params),
        params_active: Some(params),
        num_hidden_layers: Some(layers),
        hidden_size: Some(hidden),
        intermediate_size: Some(intermediate),
        num_attention_heads: Some(heads),
        num_key_value_heads: Some(kv_heads),
        head_dim: Some(128),
        vocab_size: Some(vocab),
        max_position_embeddings: Some(131_072),
        native_dtype: "bfloat16".to_owned(),
        source: "test".to_owned(),
        ..ModelArch::default()
    }
}

pub(super) fn llama_8b() -> ModelArch {
    let shape = [32, 4_096, 14_336, 32, 8, 128_256];
    llama("meta-llama/Meta-Llama-3.1-8B", shape, 8_030_261_248)
}

pub(super) fn llama_70b() -> ModelArch {
    let shape = [80, 8_192, 28_672, 64, 8, 128_256];
    llama("meta-llama/Meta-Llama-3-70B", shape, 70_553_706_496)
}

pub(super) fn llama_2_7b() -> ModelArch {
    let shape = [32, 4_096, 11_008, 32, 32, 32_000];
    llama("meta-llama/Llama-2-7b-hf", shape, 6_738_415_616)
}

pub(super) fn llama_3_2_3b() -> ModelArch {
    let shape = [28, 3_072, 8_192, 24, 8, 128_256];
    let it = llama("meta-llama/Llama-3.2-3B", shape, 3_212_749_824);
    ModelArch { tie_word_embeddings: true, ..it }
}

pub(super) fn qwen3_32b() -> ModelArch {
    let shape = [64, 5_120, 25_600, 64, 8, 151_936];
    ModelArch { family: "qwen3".to_owned(), ..llama("Qwen/Qwen3-32B", shape, 32_762_123_264) }
}

/// A fabric of the given link rate; latency and bandwidth of the library and, where given, of the
/// kernel for 2, 4 and 8 GPUs.
pub(super) fn fabric(
    name: &str,
    link_gb_s: f64,
    library: [(f64, f64); 3],
    kernel: [Option<(f64, f64)>; 3],
) -> Fabric {
    let rate = |(latency_us, bus_bandwidth_gb_s)| FabricRate { latency_us, bus_bandwidth_gb_s };
    let groups = [2, 4, 8].into_iter().zip(library).zip(kernel);
    Fabric {
        name: name.to_owned(),
        link_gb_s,
        groups: groups
            .map(|((gpus, library), kernel)| FabricGroup {
                gpus,
                library: rate(library),
                kernel: kernel.map(rate),
                measured: true,
            })
            .collect(),
        notes: String::new(),
        source: "test".to_owned(),
        as_of: "2026-11-25".to_owned(),
    }
}

/// NVLink 4 behind a switch.
pub(super) fn nvlink4() -> Fabric {
    let library = [(7.1, 289.0), (11.0, 329.0), (18.4, 427.0)];
    let kernel = [Some((4.2, 206.0)), Some((4.8, 255.0)), Some((6.0, 318.0))];
    fabric("NVLink4 switch", 900.0, library, kernel)
}

/// `PCIe` 4 of a slow host.
pub(super) fn pcie4() -> Fabric {
    let library = [(6.7, 20.1), (11.3, 5.1), (28.2, 2.1)];
    fabric("PCIe 4", 64.0, library, [Some((6.4, 18.8)), None, None])
}

/// One network card of a node.
pub(super) fn network(name: &str, line_rate_gbit_s: f64, bus_bandwidth_gb_s: f64) -> Network {
    Network {
        name: name.to_owned(),
        line_rate_gbit_s,
        rate: FabricRate { latency_us: 66.6, bus_bandwidth_gb_s },
        notes: String::new(),
        source: "test".to_owned(),
        as_of: "2026-11-25".to_owned(),
    }
}

/// An NVIDIA GPU on a switched fabric.
fn gpu(name: &str, cuda_arch: u32, memory: (f64, f64), rates: [Option<f64>; 3]) -> GpuSpec {
    let (cuda_gib, bandwidth) = memory;
    let cuda_total = Bytes::from_f64_rounded(cuda_gib * f64::from(1 << 30));
    GpuSpec {
        name: name.to_owned(),
        vendor: Vendor::Nvidia,
        form_factor: "SXM".to_owned(),
        cuda_arch: Some(cuda_arch),
        vendor_memory_gb: cuda_gib.round(),
        driver_total: cuda_total,
        cuda_total,
        memory_estimated: false,
        memory_bandwidth_gb_s: bandwidth,
        bf16_tflops: rates[0].unwrap(),
        measured_bf16_tflops: None,
        native_bf16: true,
        fp8_tflops: rates[1],
        int8_tops: rates[2],
        fp4_tflops: None,
        interconnect: String::new(),
        interconnect_gb_s: None,
        wiring: Wiring::Switched,
        fabric: nvlink4(),
        datacenter_license: true,
        notes: String::new(),
        source: "test".to_owned(),
        as_of: "2026-11-23".to_owned(),
    }
}

pub(super) fn a100() -> GpuSpec {
    gpu("A100 80GB SXM4", 80, (79.25, 2_039.0), [Some(312.0), None, Some(624.0)])
}

pub(super) fn h100() -> GpuSpec {
    gpu("H100 SXM5", 90, (79.19, 3_350.0), [Some(989.0), Some(1_979.0), Some(1_979.0)])
}

pub(super) fn b300() -> GpuSpec {
    gpu("B300 SXM", 103, (263.2, 8_000.0), [Some(2_250.0), Some(4_500.0), Some(154.0)])
}

pub(super) fn l4() -> GpuSpec {
    let it = gpu("L4", 89, (22.07, 300.0), [Some(121.0), Some(242.0), Some(242.0)]);
    GpuSpec { wiring: Wiring::PcieOnly, fabric: pcie4(), ..it }
}

pub(super) fn t4() -> GpuSpec {
    let it = gpu("T4", 75, (14.56, 320.0), [Some(65.0), None, Some(130.0)]);
    GpuSpec { wiring: Wiring::PcieOnly, fabric: pcie4(), native_bf16: false, ..it }
}
