//! The files of `pricing/` as serde reads them; nothing is checked here but names and types.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

use super::model::{Diffusion, LinearAttention, Mla, Moe, VisionTower};
use super::platform::{AccountCap, IdleCap, StartPhase};
use super::scaler_rows::RawScaler;

/// `gpus.toml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawGpus {
    #[serde(default)]
    pub(super) gpu: Vec<Spanned<RawGpu>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawGpu {
    pub(super) name: String,
    pub(super) vendor: String,
    pub(super) form_factor: String,
    pub(super) cuda_arch: Option<u32>,
    pub(super) vendor_memory_gb: f64,
    pub(super) driver_total_mib: Option<u64>,
    pub(super) cuda_total_mib: Option<u64>,
    pub(super) memory_bandwidth_gb_s: f64,
    pub(super) bf16_tflops: f64,
    #[serde(default = "yes")]
    pub(super) native_bf16: bool,
    pub(super) fp8_tflops: Option<f64>,
    pub(super) int8_tops: Option<f64>,
    pub(super) fp4_tflops: Option<f64>,
    pub(super) interconnect: String,
    pub(super) interconnect_gb_s: Option<f64>,
    pub(super) wiring: String,
    pub(super) fabric: String,
    pub(super) datacenter_license: bool,
    pub(super) measured_bf16_tflops: Option<f64>,
    pub(super) measured_fp8_tflops: Option<f64>,
    pub(super) confidence: String,
    #[serde(default)]
    pub(super) notes: String,
    pub(super) source: String,
    pub(super) as_of: String,
}

const fn yes() -> bool {
    true
}

/// `fabrics.toml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawFabrics {
    #[serde(default)]
    pub(super) fabric: Vec<Spanned<RawFabric>>,
    #[serde(default)]
    pub(super) network: Vec<Spanned<RawNetwork>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawFabric {
    pub(super) name: String,
    pub(super) link_gb_s: f64,
    pub(super) gpus: Vec<u32>,
    pub(super) latency_us: Vec<f64>,
    pub(super) bus_bandwidth_gb_s: Vec<f64>,
    #[serde(default)]
    pub(super) kernel_latency_us: Vec<f64>,
    #[serde(default)]
    pub(super) kernel_bandwidth_gb_s: Vec<f64>,
    #[serde(default)]
    pub(super) measured_gpus: Vec<u32>,
    #[serde(default)]
    pub(super) notes: String,
    pub(super) source: String,
    pub(super) as_of: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawNetwork {
    pub(super) name: String,
    pub(super) line_rate_gbit_s: f64,
    pub(super) latency_us: f64,
    pub(super) bus_bandwidth_gb_s: f64,
    #[serde(default)]
    pub(super) notes: String,
    pub(super) source: String,
    pub(super) as_of: String,
}

impl RawFabrics {
    /// The date of every row.
    pub(super) fn dates(&self) -> impl Iterator<Item = &str> {
        let dates = self.fabric.iter().map(|it| it.get_ref().as_of.as_str());
        dates.chain(self.network.iter().map(|it| it.get_ref().as_of.as_str()))
    }
}

/// `aliases.toml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawAliases {
    #[serde(default)]
    pub(super) alias: Vec<Spanned<RawAlias>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawAlias {
    pub(super) names: Vec<String>,
    pub(super) gpus: Vec<String>,
    pub(super) note: Option<String>,
    pub(super) source: String,
    pub(super) as_of: String,
}

/// `offers/<provider>.toml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawOffers {
    #[serde(default)]
    pub(super) offer: Vec<Spanned<RawOffer>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawOffer {
    pub(super) instance_type: String,
    pub(super) gpu: String,
    pub(super) gpu_count: u32,
    pub(super) vcpus: Option<f64>,
    pub(super) ram_gib: Option<f64>,
    pub(super) region: String,
    pub(super) purchase: String,
    pub(super) price_per_hour: String,
    #[serde(default = "usd")]
    pub(super) currency: String,
    pub(super) billing_granularity_s: Option<u32>,
    #[serde(default)]
    pub(super) upfront: String,
    #[serde(default)]
    pub(super) derived: bool,
    #[serde(default)]
    pub(super) community: bool,
    #[serde(default)]
    pub(super) withdrawn: bool,
    pub(super) reason: Option<String>,
    pub(super) source: String,
    pub(super) as_of: String,
}

fn usd() -> String {
    "USD".to_owned()
}

/// `serverless.toml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawPlatforms {
    #[serde(default)]
    pub(super) platform: Vec<Spanned<RawPlatform>>,
}

/// The `[[platform]]` tables of a file that holds other things beside.
#[derive(Deserialize)]
pub(super) struct RawOwnPlatforms {
    #[serde(default)]
    pub(super) platform: Vec<Spanned<RawPlatform>>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawPlatform {
    pub(super) provider: String,
    pub(super) sells: Option<bool>,
    pub(super) bill_start: Option<bool>,
    pub(super) free_start_phases: Option<Vec<StartPhase>>,
    pub(super) granularity_s: Option<f64>,
    pub(super) minimum_s: Option<f64>,
    pub(super) idle_timeout_s: Option<f64>,
    pub(super) scaler: Option<Spanned<RawScaler>>,
    #[serde(default)]
    pub(super) other_scalers: Vec<Spanned<RawScaler>>,
    pub(super) scaler_follows_concurrency: Option<bool>,
    pub(super) concurrency_per_worker: Option<u32>,
    pub(super) concurrency_is_configurable: Option<bool>,
    pub(super) max_workers: Option<u32>,
    pub(super) default_max_workers: Option<u32>,
    pub(super) account_caps: Option<Vec<AccountCap>>,
    pub(super) spend_limit_usd_per_hour: Option<u32>,
    pub(super) idle_caps: Option<Vec<IdleCap>>,
    pub(super) queue_timeout_s: Option<f64>,
    pub(super) execution_timeout_s: Option<f64>,
    pub(super) execution_timeout_max_s: Option<f64>,
    pub(super) holds_requests: Option<bool>,
    pub(super) assumed: Option<String>,
    pub(super) source: Option<String>,
    pub(super) as_of: Option<String>,
}

/// `models.toml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawModels {
    #[serde(default)]
    pub(super) model: Vec<Spanned<RawModel>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawModel {
    pub(super) id: String,
    #[serde(default)]
    pub(super) aliases: Vec<String>,
    pub(super) family: String,
    pub(super) params_total: Option<u64>,
    pub(super) params_active: Option<u64>,
    pub(super) num_hidden_layers: Option<u64>,
    pub(super) hidden_size: Option<u64>,
    pub(super) intermediate_size: Option<u64>,
    pub(super) num_attention_heads: Option<u64>,
    pub(super) num_key_value_heads: Option<u64>,
    pub(super) head_dim: Option<u64>,
    pub(super) partial_rotary_factor: Option<f64>,
    #[serde(default)]
    pub(super) attn_output_gate: bool,
    pub(super) num_global_key_value_heads: Option<u64>,
    pub(super) global_head_dim: Option<u64>,
    #[serde(default)]
    pub(super) attention_k_eq_v: bool,
    pub(super) vocab_size: Option<u64>,
    pub(super) max_position_embeddings: Option<u64>,
    #[serde(default)]
    pub(super) tie_word_embeddings: bool,
    pub(super) sliding_window: Option<u64>,
    pub(super) attention_chunk_size: Option<u64>,
    #[serde(default)]
    pub(super) layer_pattern: BTreeMap<String, u64>,
    pub(super) layer_order: Option<String>,
    pub(super) mla: Option<Mla>,
    pub(super) moe: Option<Moe>,
    pub(super) linear_attn: Option<LinearAttention>,
    pub(super) vision: Option<VisionTower>,
    pub(super) diffusion: Option<Diffusion>,
    #[serde(default)]
    pub(super) native_dtype: String,
    pub(super) quantization: Option<toml::Table>,
    #[serde(default)]
    pub(super) notes: String,
    pub(super) source: String,
    pub(super) as_of: String,
}

/// `skus.toml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawSkus {
    #[serde(default)]
    pub(super) provider: Vec<Spanned<RawProvider>>,
    #[serde(default)]
    pub(super) machine: Vec<Spanned<RawMachine>>,
    #[serde(default)]
    pub(super) text: Vec<Spanned<RawText>>,
    #[serde(default)]
    pub(super) mig: Vec<Spanned<RawMig>>,
    #[serde(default)]
    pub(super) vgpu: Vec<Spanned<RawVgpu>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawProvider {
    pub(super) name: String,
    pub(super) words: Vec<String>,
    pub(super) source: String,
    pub(super) as_of: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawMachine {
    pub(super) provider: Option<String>,
    pub(super) gpu: String,
    pub(super) sizes: BTreeMap<String, Vec<String>>,
    pub(super) family: Option<String>,
    #[serde(default)]
    pub(super) in_parts: bool,
    #[serde(default)]
    pub(super) strict: bool,
    pub(super) source: String,
    pub(super) as_of: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawText {
    pub(super) says: String,
    pub(super) provider: Option<String>,
    pub(super) gpu: Option<String>,
    pub(super) name: Option<String>,
    pub(super) patterns: Vec<String>,
    pub(super) source: String,
    pub(super) as_of: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawMig {
    pub(super) slices: u32,
    pub(super) gpus: Vec<String>,
    pub(super) source: String,
    pub(super) as_of: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawVgpu {
    pub(super) codes: Vec<String>,
    pub(super) gpu: String,
    pub(super) memory_gb: f64,
    pub(super) source: String,
    pub(super) as_of: String,
}

impl RawSkus {
    /// Rows of every kind.
    pub(super) fn len(&self) -> usize {
        self.provider.len()
            + self.machine.len()
            + self.text.len()
            + self.mig.len()
            + self.vgpu.len()
    }

    /// The date of every row.
    pub(super) fn dates(&self) -> impl Iterator<Item = &str> {
        let dates = self.provider.iter().map(|it| it.get_ref().as_of.as_str());
        dates
            .chain(self.machine.iter().map(|it| it.get_ref().as_of.as_str()))
            .chain(self.text.iter().map(|it| it.get_ref().as_of.as_str()))
            .chain(self.mig.iter().map(|it| it.get_ref().as_of.as_str()))
            .chain(self.vgpu.iter().map(|it| it.get_ref().as_of.as_str()))
    }
}
