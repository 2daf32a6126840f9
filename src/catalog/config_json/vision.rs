//! The vision tower of a config, whose fields every family names in its own way.

use serde_json::{Map, Value};

use crate::catalog::model::VisionTower;

use super::fields::Config;

/// A field of [`VisionTower`] and its names.
const DEPTH: &[&str] = &["depth", "num_hidden_layers", "vt_num_hidden_layers"];
const HIDDEN_SIZE: &[&str] = &["embed_dim", "hidden_size", "vt_hidden_size"];
const INTERMEDIATE_SIZE: &[&str] = &["intermediate_size", "vt_intermediate_size"];
const NUM_HEADS: &[&str] =
    &["num_heads", "num_attention_heads", "attention_heads", "vt_num_attention_heads"];
const PATCH_SIZE: &[&str] = &["patch_size"];

/// What the tower of a config lacks, as `vision_config.depth`.
pub(super) fn missing(config: &Config<'_>) -> Vec<String> {
    let Some(tower) = Tower::of(config) else { return Vec::new() };
    let named = |names: &[&str]| format!("vision_config.{}", names[0]);
    let mut missing = Vec::new();
    for names in [DEPTH, NUM_HEADS, PATCH_SIZE] {
        if tower.first(names).is_none() {
            missing.push(named(names));
        }
    }
    if tower.hidden_size().is_none() {
        missing.push("vision_config.hidden_size".to_owned());
    } else if tower.intermediate_size().is_none() {
        missing.push(named(INTERMEDIATE_SIZE));
    }
    missing
}

pub(super) fn vision(config: &Config<'_>) -> Option<VisionTower> {
    let tower = Tower::of(config)?;
    // The global layers of Llama 3.2 come after the local ones.
    let depth = tower.first(DEPTH)?.checked_add(tower.count("num_global_layers").unwrap_or(0))?;
    let patch_size = tower.first(PATCH_SIZE)?;
    let image_size = tower.count("image_size").or_else(|| {
        // MoonViT: patches a side, for which it has positions.
        tower.count("init_pos_emb_height")?.checked_mul(patch_size)
    });
    Some(VisionTower {
        depth,
        hidden_size: tower.hidden_size()?,
        intermediate_size: tower.intermediate_size()?,
        num_heads: tower.first(NUM_HEADS)?,
        patch_size,
        image_size,
        spatial_merge_size: merge(config, &tower, patch_size, image_size),
        out_hidden_size: tower.out_hidden_size(),
    })
}

/// Side of the square of patches that becomes one token.
fn merge(
    config: &Config<'_>,
    tower: &Tower<'_>,
    patch_size: u64,
    image_size: Option<u64>,
) -> Option<u64> {
    let kernel = || tower.fields.get("merge_kernel_size")?.get(0)?.as_u64();
    // Llama 4: the shuffle shrinks a side to the half.
    let halved = || (*tower.fields.get("pixel_shuffle_ratio")? == 0.5).then_some(2);
    // Gemma 3: the patches of an image are pooled to so many tokens.
    let pooled = || {
        let tokens = config.count("mm_tokens_per_image")?;
        (image_size? / patch_size).checked_div(tokens.isqrt())
    };
    tower
        .count("spatial_merge_size")
        .or_else(kernel)
        .or_else(halved)
        .or_else(|| config.count("spatial_merge_size"))
        .or_else(pooled)
}

/// The table of the tower.
struct Tower<'a> {
    fields: &'a Map<String, Value>,
}

impl<'a> Tower<'a> {
    fn of(config: &Config<'a>) -> Option<Tower<'a>> {
        let fields = config.root.get("vision_config").and_then(Value::as_object)?;
        Some(Tower { fields })
    }

    fn count(&self, field: &str) -> Option<u64> {
        self.fields.get(field).and_then(Value::as_u64).filter(|it| *it > 0)
    }

    fn first(&self, fields: &[&str]) -> Option<u64> {
        fields.iter().find_map(|field| self.count(field))
    }

    /// `hidden_size` of Qwen2-VL is the width of the decoder, `embed_dim` its own.
    fn hidden_size(&self) -> Option<u64> {
        self.first(HIDDEN_SIZE)
    }

    fn intermediate_size(&self) -> Option<u64> {
        self.first(INTERMEDIATE_SIZE)
            .or_else(|| self.hidden_size()?.checked_mul(self.count("mlp_ratio")?))
    }

    fn out_hidden_size(&self) -> Option<u64> {
        let own = self.first(&["out_hidden_size", "vision_output_dim", "text_hidden_size"]);
        own.or_else(|| self.count("embed_dim").and(self.count("hidden_size")))
    }
}
