//! Single processes without a serving engine: transformers and diffusers.

use std::num::NonZeroU64;

use gpuadvise::size::{
    Architecture, DiffusionQuestion, Precision, ProcessQuestion, diffusion, process,
};

use super::{Errors, HEAD, Row, catalog, number, rows};

const GIB: f64 = 1_073_741_824.0;

/// The section of the document, with its bars held.
pub(super) fn section() -> String {
    let all = rows("framework_memory.csv");
    format!("{}\n{}", transformers(&all), diffusers(&all))
}

/// What is measured with and without the prompt's peak, by generation of the benchmark.
fn transformers(all: &[Row]) -> String {
    let mine: Vec<&Row> = all.iter().filter(|row| row["engine"] == "hf-transformers").collect();
    let constants = &catalog().assumptions.training;
    let mut with_prompt = [Errors::default(), Errors::default(), Errors::default()];
    let mut without = [Errors::default(), Errors::default(), Errors::default()];
    for row in &mine {
        // Model names of one page carry the table that followed them.
        let name = row["model_id"].split(['(', '\n']).next().unwrap_or_default().trim();
        let Some(arch) = catalog().model(name) else { continue };
        let (Ok(model), Some(question)) = (Architecture::of(arch), question(row)) else { continue };
        let generation = match row["id"].get(..4) {
            Some("hfq2") => 0,
            Some("hfq3") => 1,
            _ => 2,
        };
        let unit = if generation == 2 { 1e9 } else { GIB };
        let measured = number(row, "measured_total_gib").unwrap() * unit;
        let it = process(&model, &question, constants);
        let allocated = it.torch_allocated();
        with_prompt[generation].note(&row["id"], allocated.to_f64(), measured);
        let rest = allocated.saturating_sub(it.activations);
        without[generation].note(&row["id"], rest.to_f64(), measured);
    }
    let known: usize = with_prompt.iter().map(Errors::n).sum();
    let [qwen_2, qwen_3, _] = &with_prompt;
    assert!(qwen_2.median() < 0.05 && qwen_3.median() < 0.05, "{}", qwen_3.line("Qwen3", ""));
    let mut text = format!(
        "## One process of transformers\n\n\
         {known} of {} rows of transformers have a known model and format\n\
         (tests/data/framework_memory.csv). Weights, KV cache of all tokens and the peak of the prompt;\n\
         no constant was fitted. The figures of Qwen3 leave the prompt's peak out, those of the first Qwen\n\
         have up to 100 sequences and the older way to grow a cache.\n\n{HEAD}",
        mine.len()
    );
    for (name, at) in [("Qwen2.5", 0), ("Qwen3", 1), ("Qwen", 2)] {
        text.push_str(&with_prompt[at].line(name, "reported"));
        let title = format!("{name}, without the prompt's peak");
        text.push_str(&without[at].line(&title, "reported"));
    }
    text
}

/// What a row of transformers generates.
fn question(row: &Row) -> Option<ProcessQuestion> {
    let precision = match row["weight_dtype_or_quant"].as_str() {
        "BF16" => Precision::Bf16,
        "FP8" => Precision::Fp8,
        "GPTQ-Int8" | "Int8" => Precision::Int8WeightOnly,
        "GPTQ-Int4" | "AWQ" | "AWQ-INT4" | "Int4" => Precision::Int4,
        _ => return None,
    };
    // Rows with an 8-bit cache are a feature of one model's own code.
    if row["kv_dtype"].contains("int8") {
        return None;
    }
    let prompt = row["notes"].split_once("input ").and_then(|it| it.1.split(' ').next());
    Some(ProcessQuestion {
        precision,
        prompt_tokens: prompt.map_or(Some(NonZeroU64::MIN), |it| it.parse().ok())?,
        total_tokens: row["max_model_len"].parse().ok()?,
        batch: row["max_num_seqs"].parse().ok()?,
        gpu_count: row["gpu_count"].parse().ok()?,
    })
}

/// Image pipelines at 1024 x 1024.
fn diffusers(all: &[Row]) -> String {
    let mine: Vec<&Row> = all.iter().filter(|row| row["engine"] == "diffusers").collect();
    let constants = &catalog().assumptions.training;
    let mut weights = Errors::default();
    let mut peaks = Errors::default();
    for row in &mine {
        let notes = row["notes"].as_str();
        let Some(arch) = catalog().model(&row["model_id"]) else { continue };
        let Some(pipeline) = &arch.diffusion else { continue };
        // Offloading is not modelled.
        if notes.contains("offload") || !notes.contains("1024x1024") {
            continue;
        }
        let Some(precision) = image_format(&row["weight_dtype_or_quant"]) else { continue };
        let side = 1_024.try_into().unwrap();
        let it = diffusion(
            pipeline,
            &DiffusionQuestion {
                precision,
                quantizes_on_gpu: true,
                width: side,
                height: side,
                batch: row["max_num_seqs"].parse().unwrap(),
                slices_vae: notes.contains("VAE slicing"),
            },
            constants,
        );
        if let Some(gib) = number(row, "measured_weights_gib_per_gpu") {
            weights.note(&row["id"], it.weights.to_f64(), gib * GIB);
        }
        let measured = number(row, "measured_total_gib").unwrap() * GIB;
        peaks.note(&row["id"], it.torch_allocated().to_f64(), measured);
    }
    let line = peaks.line("peak", "reported");
    assert!(peaks.n() > 20 && peaks.median() < 0.05, "{line}");
    format!(
        "## Image pipelines of diffusers\n\n\
         {} of {} rows are FLUX.1-dev and SDXL without offloading, in a format that is known\n\
         (tests/data/framework_memory.csv). One constant, that of the UNet, has one published figure\n\
         behind it, which is none of the rows.\n\n{HEAD}{}{line}",
        peaks.n(),
        mine.len(),
        weights.line("weights", "reported")
    )
}

/// The format of a denoiser as torchao names it; formats of 6 bits and less are not known.
fn image_format(name: &str) -> Option<Precision> {
    match name {
        "fp32" => Some(Precision::Fp32),
        "fp16" | "bf16" => Some(Precision::Bf16),
        "int8dq" | "int8wo" => Some(Precision::Int8WeightOnly),
        "fp8dq" | "fp8wo" | "fp8dqrow" => Some(Precision::Fp8),
        _ => None,
    }
}
