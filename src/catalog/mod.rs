//! The price lists, GPUs, charges, models and assumptions in `pricing/`, read, checked and looked
//! up.
//!
//! Comes in: the texts of the catalog files, those inside the binary and those laid over them; a
//! Hugging Face `config.json`. Goes out: a [`Catalog`] whose every row has a source, a date and
//! values that passed the checks, or the file and line of the first that did not. Nothing here
//! opens a file, fetches a price or knows a workload.

mod alias;
mod assumptions;
mod config_json;
mod date;
mod embedded;
mod error;
mod fabric;
mod file;
mod gpu;
pub mod import;
#[cfg(test)]
mod known_tests;
mod launch_rows;
mod load;
mod lookup;
mod model;
mod model_name;
mod offer;
mod offer_rows;
mod platform;
mod platform_rows;
#[cfg(test)]
mod platform_tests;
mod quote;
mod raw;
mod scaler;
mod scaler_rows;
mod sku;
mod sku_device;
mod sku_rows;
#[cfg(test)]
mod sku_tests;
mod sku_text;
#[cfg(test)]
mod spoiled_tests;
#[cfg(test)]
mod tests;
mod weights;

use std::collections::{BTreeMap, BTreeSet};

pub use assumptions::{
    Advice, AnomalyRules, Assumption, Assumptions, Capacity, ChangeRules, Classify, ColdStart,
    DemandLimits, EngineMemory, ForecastRules, Interconnect, LaunchRules, RiskRules, Simulate,
    Sizing, SpotMarket, Training, Waste,
};
pub use config_json::model_from_config_json;
pub(crate) use date::first_day;
pub use error::{CatalogError, Place};
pub use fabric::{Fabric, FabricGroup, FabricRate, Network};
pub use file::CatalogFile;
pub use gpu::{GpuSpec, Vendor, Wiring};
pub use launch_rows::{GpuNames, Image, ImageUse, is_pinned};
pub use lookup::GpuMatch;
pub(crate) use lookup::{edit_distance, near_names, suggest};
pub use model::{
    Denoiser, Diffusion, LinearAttention, Mla, ModelArch, Moe, TextEncoder, Vae, VisionTower,
};
pub use model_name::quantization_of;
pub use offer::{Offer, PastPrice, Purchase};
pub use platform::{AccountCap, IdleCap, ServerlessPlatform, StartPhase, is_about};
pub use platform_rows::OwnPlatform;
pub use quote::Quote;
pub use scaler::{
    ConcurrencyRule, HorizontalRule, InFlightRule, ScalerRule, StepMetric, StepwiseRule,
};
pub use sku::{Counted, Evidence, GpuUse, SkuEvidence, SkuMatch};
pub use weights::{
    DtypeSum, MetadataValue, SafetensorsIndex, TensorInfo, WeightFile, WeightSums, WeightsError,
    join_gguf, join_safetensors, model_from_gguf, read_gguf, read_safetensors,
    read_safetensors_index, shard_names, starts_as_gguf,
};

/// Everything the program knows about GPUs, prices and models; only [`Catalog::embedded`] and
/// [`Catalog::overlaid`] make one, so its rows have passed every check.
#[derive(Clone, Debug)]
pub struct Catalog {
    /// GPUs, in the order of `gpus.toml`.
    pub gpus: Vec<GpuSpec>,
    /// Networks between nodes, in the order of `fabrics.toml`.
    pub networks: Vec<Network>,
    /// From a name without case, blanks, `-` and `_` to the catalog names it can mean: one,
    /// several for a pool, none for a name without specification.
    pub aliases: BTreeMap<String, Vec<String>>,
    /// The newest row of every key, by provider and id.
    pub offers: Vec<Offer>,
    /// Platforms that start and stop replicas, complete or not, in the order of `serverless.toml`;
    /// the user's own follow.
    pub platforms: Vec<ServerlessPlatform>,
    /// Models, in the order of `models.toml`.
    pub models: Vec<ModelArch>,
    /// Every tunable number.
    pub assumptions: Assumptions,
    /// The files these come from, by name.
    pub files: Vec<CatalogFile>,
    /// What offers cost before, by id and date.
    before: Vec<PastPrice>,
    /// Images, names of GPUs elsewhere, gated models.
    launch: launch_rows::Launch,
    /// Why the price of an offer is odd, by its id.
    reasons: BTreeMap<String, String>,
    /// Ids of offers their provider no longer sells at a public price.
    withdrawn: BTreeSet<String>,
    /// Which charges are GPUs.
    skus: sku_rows::Skus,
}
