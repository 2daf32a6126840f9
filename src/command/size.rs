//! `gpuadvise size`: memory by the rule of thumb, and which GPUs carry a model.

use std::fmt::Write;
use std::path::Path;

use serde_json::{Value, json};

use super::failure::{ExitStatus, Failure};
use super::talk::Talk;
use super::{CommandResult, inputs, output};
use crate::catalog::{Catalog, GpuMatch, ModelArch, Offer, Purchase, model_from_config_json};
use crate::cli::{Format, Global, SizeArgs};
use crate::size::{
    self, Constants, Fit, KvShape, Overhead, Precision, Question, SizeRow, TokenProfile,
    VramEstimate, rule_of_thumb,
};
use crate::units::Bytes;

pub(super) fn run(args: &SizeArgs, global: &Global, _talk: Talk) -> CommandResult {
    let catalog = inputs::read_catalog(global.pricing.as_deref())?;
    let model = args.model.as_deref().map(|word| find_model(word, &catalog)).transpose()?;
    let kv = kv_shape(args, model.as_ref());
    let params = args.params.or_else(|| model.as_ref().and_then(params_of));
    let estimates = match (params, kv) {
        (Some(params), Some(kv)) => estimates(args, &catalog, params, kv),
        _ => Vec::new(),
    };
    let rows = match &model {
        Some(model) => rows(args, &catalog, model)?,
        None => Vec::new(),
    };
    let name = model.as_ref().map_or_else(|| "given parameters".to_owned(), |it| it.id.clone());
    let text = match global.format {
        Format::Json => as_json(&name, &estimates, &rows, &catalog)?,
        Format::Table | Format::Md | Format::Html | Format::Csv => {
            as_table(args, (&name, params, model.as_ref()), &estimates, &rows, &catalog)
        }
    };
    output::to_file_or_stdout(global.output.as_deref(), text.as_bytes())?;
    Ok(ExitStatus::Done)
}

/// A path to a config.json or to a folder with one, else an id of the catalog.
fn find_model(word: &str, catalog: &Catalog) -> Result<ModelArch, Failure> {
    let path = Path::new(word);
    let path = if path.is_dir() { path.join("config.json") } else { path.to_owned() };
    if path.is_file() {
        let text = std::fs::read_to_string(&path).map_err(|error| {
            Failure::new(ExitStatus::Input, anyhow::anyhow!("{}: {error}", path.display()))
                .with_hint("name a Hugging Face config.json")
        })?;
        return model_from_config_json(&text, word).map_err(|error| {
            let hint = error.hint();
            Failure::new(ExitStatus::Input, error).with_hint(hint)
        });
    }
    catalog.model(word).cloned().ok_or_else(|| {
        let near = catalog.suggest_model(word);
        let hint = if near.is_empty() {
            "name a Hugging Face id of the catalog, or a config.json".to_owned()
        } else {
            format!("did you mean {}?", near.join(", "))
        };
        Failure::new(ExitStatus::Usage, anyhow::anyhow!("no model `{word}` in the catalog"))
            .with_hint(hint)
    })
}

#[expect(clippy::cast_precision_loss, reason = "a count of parameters for an estimate in GB")]
fn params_of(model: &ModelArch) -> Option<f64> {
    size::Architecture::of(model).ok().map(|it| it.params())
}

fn kv_shape(args: &SizeArgs, model: Option<&ModelArch>) -> Option<KvShape> {
    if let (Some(layers), Some(heads), Some(dim)) = (args.layers, args.kv_heads, args.head_dim) {
        return Some(KvShape {
            num_hidden_layers: layers,
            num_key_value_heads: heads,
            head_dim: dim,
        });
    }
    let model = model?;
    Some(KvShape {
        num_hidden_layers: model.num_hidden_layers?,
        num_key_value_heads: model.num_key_value_heads?,
        head_dim: model.head_dim?,
    })
}

fn estimates(
    args: &SizeArgs,
    catalog: &Catalog,
    params: f64,
    kv: KvShape,
) -> Vec<(Precision, VramEstimate)> {
    let fraction = Overhead::FractionOfWeights(catalog.assumptions.sizing.overhead_fraction);
    let overhead =
        args.overhead_gb.map_or(fraction, |gb| Overhead::Bytes(Bytes::from_f64_rounded(gb * 1e9)));
    Precision::CANDIDATES
        .into_iter()
        .filter(|it| args.quantization.is_none_or(|wanted| wanted == *it))
        .map(|precision| {
            let question = Question {
                params,
                kv,
                precision,
                context: args.max_model_len,
                batch: args.batch,
                overhead,
            };
            (precision, rule_of_thumb(&question))
        })
        .collect()
}

fn rows(args: &SizeArgs, catalog: &Catalog, model: &ModelArch) -> Result<Vec<SizeRow>, Failure> {
    let wanted: Option<Vec<String>> = args
        .gpu
        .as_deref()
        .map(|name| match catalog.resolve_gpu(name) {
            GpuMatch::Known(gpus) => Ok(gpus.iter().map(|it| it.name.clone()).collect()),
            GpuMatch::Listed | GpuMatch::Unknown => {
                let near = catalog.suggest_gpu(name).join(", ");
                let hint = if near.is_empty() {
                    "`gpuadvise prices list` names the GPUs".to_owned()
                } else {
                    format!("did you mean {near}?")
                };
                Err(Failure::new(
                    ExitStatus::Usage,
                    anyhow::anyhow!("no GPU `{name}` in the catalog"),
                )
                .with_hint(hint))
            }
        })
        .transpose()?;
    let half = args.max_model_len as f64 / 2.0;
    let prompt = args.prompt_tokens.map_or(half * 0.75, |it| it as f64);
    let completion = args.completion_tokens.map_or(half * 0.25, |it| it as f64);
    let Some(profile) = TokenProfile::new(args.max_model_len, prompt, completion) else {
        return Err(Failure::usage(
            "the token counts are not numbers",
            "give positive token counts",
        ));
    };
    let precisions: Vec<Precision> = match args.quantization {
        Some(one) => vec![one],
        None => Precision::CANDIDATES.to_vec(),
    };
    let constants = Constants::from(&catalog.assumptions);
    let rows = size::table(model, &catalog.gpus, &precisions, &profile, constants);
    Ok(rows
        .into_iter()
        .filter(|row| wanted.as_ref().is_none_or(|names| names.contains(&row.gpu)))
        .filter(|row| args.gpu_count.is_none_or(|count| row.gpu_count == count))
        .collect())
}

/// The cheapest pay-as-you-go offer per GPU, times the GPUs of the row.
fn price_per_hour(row: &SizeRow, catalog: &Catalog) -> Option<f64> {
    let fits = |offer: &&Offer| {
        offer.purchase == Purchase::PayAsYouGo
            && !offer.community
            && offer.gpu_count >= row.gpu_count
    };
    catalog
        .offers_for(&row.gpu)
        .filter(fits)
        .map(|offer| {
            let hosted = (offer.gpu_count / row.gpu_count).max(1);
            offer.rate.to_f64() / f64::from(hosted)
        })
        .reduce(f64::min)
}

fn as_table(
    args: &SizeArgs,
    (name, params, model): (&str, Option<f64>, Option<&ModelArch>),
    estimates: &[(Precision, VramEstimate)],
    rows: &[SizeRow],
    catalog: &Catalog,
) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail, here and below.
    let _ = match params {
        Some(params) => writeln!(text, "{name}: {:.2} billion parameters", params / 1e9),
        None => writeln!(text, "{name}"),
    };
    if !estimates.is_empty() {
        let _ = writeln!(
            text,
            "\nRULE OF THUMB, {} tokens x {} requests (GB = 10^9 bytes)\n{:<10} {:>9} {:>9} {:>9} {:>9}",
            args.max_model_len, args.batch, "PRECISION", "WEIGHTS", "KV CACHE", "OVERHEAD", "TOTAL"
        );
        for (precision, it) in estimates {
            let gb = |bytes: Bytes| format!("{:.1}", bytes.to_gb());
            let _ = writeln!(
                text,
                "{:<10} {:>9} {:>9} {:>9} {:>9}",
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
    }
    if let Some(params) = params {
        training_table(&mut text, params, model, catalog);
    }
    if !rows.is_empty() {
        engine_table(&mut text, rows, catalog);
    }
    text
}

/// What training takes by the rules of thumb, and the adapter of `LoRA` as it is.
fn training_table(text: &mut String, params: f64, model: Option<&ModelArch>, catalog: &Catalog) {
    const RANK: u32 = 16;
    let sizing = &catalog.assumptions.sizing;
    let gb = |bytes: Bytes| format!("{:.1} GB", bytes.to_gb());
    let adamw = |gradients| gb(size::training_rule_of_thumb(params, gradients).total);
    let lora = size::lora_rule_of_thumb(params, RANK, sizing);
    let _ = writeln!(
        text,
        "\nQUICK      bf16 weights + {:.0} %: {}\n\
         ADAMW      16 bytes a parameter: {}; 18 with fp32 gradients: {}\n\
         LORA       rank {RANK} by the rule: {} + {} = {}",
        sizing.quick_overhead_fraction * 100.0,
        gb(size::quick_estimate(params, sizing)),
        adamw(size::Gradients::Bf16),
        adamw(size::Gradients::Fp32),
        gb(lora.base),
        gb(lora.adapter),
        gb(lora.total)
    );
    let targets = [size::LoraTarget::Q, size::LoraTarget::V];
    let adapter = model.and_then(|it| size::lora_params(it, RANK, &targets));
    if let Some(adapter) = adapter {
        let millions = adapter as f64 / 1e6;
        let _ = writeln!(
            text,
            "           the adapter itself, on q and v: {millions:.2} million parameters"
        );
    }
}

fn engine_table(text: &mut String, rows: &[SizeRow], catalog: &Catalog) {
    let _ = writeln!(
        text,
        "\nENGINE\n{:<22} {:>2} {:<5} {:>8} {:>5} {:>8} {:>8} {:>7} {:>6}",
        "GPU", "N", "PREC", "KV TOK", "SLOTS", "TPOT MS", "TOK/S", "USD/H", "USD/1M"
    );
    let mut refused = 0;
    for row in rows {
        let Fit::Fits(replica) = &row.fit else {
            refused += 1;
            if rows.len() <= 16 {
                let _ = writeln!(
                    text,
                    "{:<22} {:>2} {:<5} {}",
                    shortened(&row.gpu),
                    row.gpu_count,
                    row.precision.as_str(),
                    row.fit
                );
            }
            continue;
        };
        let slots = replica.slots(replica.max_num_seqs());
        let rate = replica.output_tokens_per_s(slots);
        let price = price_per_hour(row, catalog);
        let per_million = price.map(|price| price / 3600.0 / rate * 1e6);
        let shown =
            |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |it| format!("{it:.2}"));
        let _ = writeln!(
            text,
            "{:<22} {:>2} {:<5} {:>8} {:>5} {:>8.1} {:>8.0} {:>7} {:>6}",
            shortened(&row.gpu),
            row.gpu_count,
            replica.precision_label(),
            replica.kv_cache_tokens(),
            slots,
            replica.tpot_s(slots) * 1e3,
            rate,
            shown(price),
            shown(per_million)
        );
    }
    let _ = writeln!(
        text,
        "TPOT and output TOK/S with all slots taken, by one constant set (median error\n\
         11 %, one in ten beyond 40 %); USD/1M output tokens at the cheapest\n\
         pay-as-you-go price. {refused} more do not fit or are refused."
    );
}

fn shortened(name: &str) -> String {
    name.replace("RTX PRO 6000 Blackwell", "RTX PRO 6000").chars().take(22).collect()
}

fn as_json(
    name: &str,
    estimates: &[(Precision, VramEstimate)],
    rows: &[SizeRow],
    catalog: &Catalog,
) -> Result<String, Failure> {
    let estimates: Vec<Value> = estimates
        .iter()
        .map(|(precision, it)| {
            json!({
                "precision": precision.as_str(),
                "weights_bytes": it.weights.get(),
                "kv_cache_bytes": it.kv_cache.get(),
                "overhead_bytes": it.overhead.get(),
                "total_bytes": it.total.get(),
                "formulas": it.formulas,
            })
        })
        .collect();
    let rows: Vec<Value> = rows.iter().map(|row| row_json(row, catalog)).collect();
    let all = json!({"model": name, "rule_of_thumb": estimates, "candidates": rows});
    let mut text =
        serde_json::to_string_pretty(&all).map_err(|error| Failure::new(ExitStatus::Bug, error))?;
    text.push('\n');
    Ok(text)
}

fn row_json(row: &SizeRow, catalog: &Catalog) -> Value {
    let replica = row.fit.replica();
    let slots = replica.map(|it| it.slots(it.max_num_seqs()));
    let at_slots = |of: &dyn Fn(&size::Replica, u32) -> f64| {
        replica.zip(slots).map(|(it, slots)| (of(it, slots) * 1e6).round() / 1e6)
    };
    json!({
        "gpu": row.gpu,
        "gpu_count": row.gpu_count,
        "tensor_parallel_size": row.gpu_count,
        "precision": row.precision.as_str(),
        "fits": replica.is_some(),
        "reason": if replica.is_some() { None } else { Some(row.fit.to_string()) },
        "weights_bytes_per_gpu": replica.map(|it| it.weights_bytes_per_gpu().get()),
        "usable_bytes_per_gpu": replica.map(|it| it.usable_per_gpu().get()),
        "kv_cache_tokens": replica.map(size::Replica::kv_cache_tokens),
        "slots": slots,
        "tpot_s": at_slots(&|it, slots| it.tpot_s(slots)),
        "output_tokens_per_s": at_slots(&|it, slots| it.output_tokens_per_s(slots)),
        "requests_per_s": at_slots(&|it, slots| it.requests_per_s(slots)),
        "usd_per_hour": price_per_hour(row, catalog).map(|it| (it * 1e6).round() / 1e6),
    })
}
