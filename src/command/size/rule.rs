//! The rule of thumb, alone or beside what an engine allocates.

use std::fmt::Write as _;
use std::num::NonZeroU32;

use serde_json::{Value, json};

use super::shown::extend;
use super::{Answer, architecture, head};
use crate::catalog::{Catalog, ModelArch};
use crate::cli::SizeArgs;
use crate::command::failure::Failure;
use crate::command::size_source::ModelSource;
use crate::size::{
    self, Architecture, KvShape, LoraTarget, Mixer, Overhead, Precision, Question, VramEstimate,
    rule_of_thumb,
};
use crate::units::Bytes;

/// Tokens of a sequence where none are given.
const CONTEXT: u64 = 4_096;
/// Requests at once where none are given.
const BATCH: u64 = 8;
/// Rank of the adapter the rule speaks of.
const RANK: NonZeroU32 = NonZeroU32::new(16).unwrap();

/// Of a model that the rule has no KV cache for.
const UNLIKE: &str =
    "The rule of thumb keeps keys and values of every layer alike, and this model does not.";

/// The rule on round numbers: `--params` with the shape of the KV cache.
pub(super) fn of_numbers(args: &SizeArgs, catalog: &Catalog) -> Result<Answer, Failure> {
    let rule = &args.rule;
    let (Some(params), Some(layers), Some(heads), Some(dim)) =
        (rule.params, rule.layers, rule.kv_heads, rule.head_dim)
    else {
        return Err(Failure::usage(
            "no model",
            "name one, or give --params with --layers, --kv-heads and --head-dim",
        ));
    };
    let kv = KvShape { num_hidden_layers: layers, num_key_value_heads: heads, head_dim: dim };
    Ok(whole(args, catalog, "given parameters", (params, Some(kv)), None))
}

/// The rule on a model, with training beside it.
pub(super) fn of_model(
    args: &SizeArgs,
    catalog: &Catalog,
    source: &ModelSource,
    arch: &ModelArch,
) -> Result<Answer, Failure> {
    let model = architecture(arch)?;
    let numbers = (model.params(), kv_shape(&model));
    Ok(whole(args, catalog, &source.name, numbers, Some(&model)))
}

/// One line per precision, to stand beside an engine's allocation.
pub(super) fn beside(
    args: &SizeArgs,
    catalog: &Catalog,
    model: &Architecture,
    precision: Precision,
    context: u64,
) -> Answer {
    let Some(kv) = kv_shape(model) else {
        let text = format!("{UNLIKE}\n");
        return Answer { text, json: Value::Null };
    };
    let question = question(args, catalog, (model.params(), kv), precision, context);
    let it = rule_of_thumb(&question);
    let gb = |bytes: Bytes| format!("{:.1}", bytes.to_gb());
    let text = format!(
        "RULE OF THUMB for {} requests of {context} tokens in {precision}: weights {} + KV cache {} + \
         overhead {} = {} GB. It knows no engine; --method rule-of-thumb prints more.\n",
        question.batch,
        gb(it.weights),
        gb(it.kv_cache),
        gb(it.overhead),
        gb(it.total)
    );
    Answer { text, json: estimate_json(precision, &it) }
}

/// The KV cache as the rule counts it: one kind of layers with keys and values.
fn kv_shape(model: &Architecture) -> Option<KvShape> {
    let mut shapes = model.mixers.iter().map(|layers| match &layers.kind {
        Mixer::Grouped(it) => Some((layers.count, it.num_key_value_heads, it.head_dim)),
        Mixer::Latent(_) | Mixer::GatedDelta(_) | Mixer::Mamba2(_) => None,
    });
    let (count, num_key_value_heads, head_dim) = shapes.next()??;
    let mut num_hidden_layers = count;
    for other in shapes {
        let (count, heads, dim) = other?;
        if (heads, dim) != (num_key_value_heads, head_dim) {
            return None;
        }
        num_hidden_layers += count;
    }
    Some(KvShape { num_hidden_layers, num_key_value_heads, head_dim })
}

fn question(
    args: &SizeArgs,
    catalog: &Catalog,
    (params, kv): (f64, KvShape),
    precision: Precision,
    context: u64,
) -> Question {
    let fraction = Overhead::FractionOfWeights(catalog.assumptions.sizing.overhead_fraction);
    let given = args.rule.overhead_gb.map(|gb| Overhead::Bytes(Bytes::from_f64_rounded(gb * 1e9)));
    Question {
        params,
        kv,
        precision,
        context,
        batch: args.rule.batch.unwrap_or(BATCH),
        overhead: given.unwrap_or(fraction),
    }
}

fn whole(
    args: &SizeArgs,
    catalog: &Catalog,
    name: &str,
    (params, kv): (f64, Option<KvShape>),
    model: Option<&Architecture>,
) -> Answer {
    let context = args.serving.max_model_len.unwrap_or(CONTEXT);
    let one = args.serving.quantization.or(args.serving.dtype.map(crate::cli::Dtype::precision));
    let estimates: Vec<(Precision, VramEstimate)> = kv.map_or_else(Vec::new, |kv| {
        let precisions = one.map_or_else(|| Precision::CANDIDATES.to_vec(), |it| vec![it]);
        precisions
            .into_iter()
            .map(|it| (it, rule_of_thumb(&question(args, catalog, (params, kv), it, context))))
            .collect()
    });
    let mut text = format!("{name}: {:.2} billion parameters\n", params / 1e9);
    if estimates.is_empty() {
        let _ = writeln!(text, "\n{UNLIKE}");
    } else {
        text.push_str(&estimates_text(args, context, &estimates));
    }
    text.push_str(&training_text(params, model, catalog));
    let list: Vec<Value> = estimates.iter().map(|(it, found)| estimate_json(*it, found)).collect();
    let mut json = head(name, "rule-of-thumb");
    extend(&mut json, json!({ "params": params, "rule_of_thumb": list }));
    Answer { text, json }
}

fn estimates_text(
    args: &SizeArgs,
    context: u64,
    estimates: &[(Precision, VramEstimate)],
) -> String {
    let mut text = String::new();
    let batch = args.rule.batch.unwrap_or(BATCH);
    // Writing to a String cannot fail, here and below.
    let _ = writeln!(
        text,
        "\nRULE OF THUMB, {context} tokens x {batch} requests (GB = 10^9 bytes)\n{:<12} {:>9} {:>9} {:>9} {:>9}",
        "PRECISION", "WEIGHTS", "KV CACHE", "OVERHEAD", "TOTAL"
    );
    for (precision, it) in estimates {
        let gb = |bytes: Bytes| format!("{:.1}", bytes.to_gb());
        let _ = writeln!(
            text,
            "{:<12} {:>9} {:>9} {:>9} {:>9}",
            precision.as_str(),
            gb(it.weights),
            gb(it.kv_cache),
            gb(it.overhead),
            gb(it.total)
        );
        if args.explain {
            for formula in &it.formulas {
                let _ = writeln!(text, "  {formula}");
            }
        }
    }
    text
}

/// What training takes by the rules of thumb, and the adapter of `LoRA` as it is.
fn training_text(params: f64, model: Option<&Architecture>, catalog: &Catalog) -> String {
    let sizing = &catalog.assumptions.sizing;
    let gb = |bytes: Bytes| format!("{:.1} GB", bytes.to_gb());
    let adamw = |gradients| gb(size::training_rule_of_thumb(params, gradients).total);
    let lora = size::lora_rule_of_thumb(params, RANK.get(), sizing);
    let mut text = format!(
        "\nQUICK      bf16 weights + {:.0} %: {}\n\
         ADAMW      16 bytes a parameter: {}; 18 with fp32 gradients: {}\n\
         LORA       rank {RANK} by the rule: {} + {} = {}\n",
        sizing.quick_overhead_fraction * 100.0,
        gb(size::quick_estimate(params, sizing)),
        adamw(size::Gradients::Bf16),
        adamw(size::Gradients::Fp32),
        gb(lora.base),
        gb(lora.adapter),
        gb(lora.total)
    );
    let targets = [LoraTarget::Q, LoraTarget::V];
    if let Some(adapter) = model.map(|it| size::lora_params(it, RANK, &targets)) {
        let millions = adapter as f64 / 1e6;
        let _ = writeln!(
            text,
            "           the adapter itself, on q and v: {millions:.2} million parameters"
        );
    }
    text
}

fn estimate_json(precision: Precision, it: &VramEstimate) -> Value {
    json!({
        "precision": precision.as_str(),
        "weights_bytes": it.weights.get(),
        "kv_cache_bytes": it.kv_cache.get(),
        "overhead_bytes": it.overhead.get(),
        "total_bytes": it.total.get(),
        "formulas": it.formulas,
    })
}
