//! Memory of an image pipeline.

use std::fmt::Write as _;
use std::num::NonZeroU32;

use serde_json::{Value, json};

use super::asked::{find_gpu, price};
use super::numbers::{gib, rounded};
use super::shown::{PerGpu, extend, not_serving};
use super::{Answer, head};
use crate::catalog::{Catalog, Diffusion, GpuMatch, GpuSpec, ModelArch};
use crate::cli::SizeArgs;
use crate::command::failure::Failure;
use crate::size::{DiffusionMemory, DiffusionQuestion, Precision, diffusion};

pub(super) fn answer(
    args: &SizeArgs,
    catalog: &Catalog,
    (arch, pipeline): (&ModelArch, &Diffusion),
) -> Result<Answer, Failure> {
    let size = args.image.resolution;
    let side = |side: u32| NonZeroU32::new(side).unwrap_or(NonZeroU32::MIN);
    let batch = u32::try_from(args.rule.batch.unwrap_or(1)).unwrap_or(u32::MAX);
    let asked = args.serving.quantization.or(args.serving.dtype.map(crate::cli::Dtype::precision));
    let question = DiffusionQuestion {
        precision: asked.unwrap_or(Precision::Bf16),
        quantizes_on_gpu: false,
        width: side(size.width),
        height: side(size.height),
        batch: side(batch),
        slices_vae: false,
    };
    let memory = diffusion(pipeline, &question, &catalog.assumptions.training);
    let gpus: Vec<&GpuSpec> = match &args.serving.gpu {
        Some(name) => GpuMatch::Known(find_gpu(catalog, name)?).slowest().into_iter().collect(),
        None => catalog.gpus.iter().collect(),
    };
    Ok(Answer {
        text: in_words(args, catalog, &arch.id, (&question, &memory), &gpus),
        json: in_json(args, catalog, &arch.id, (&question, &memory), &gpus),
    })
}

fn in_words(
    args: &SizeArgs,
    catalog: &Catalog,
    name: &str,
    (question, memory): (&DiffusionQuestion, &DiffusionMemory),
    gpus: &[&GpuSpec],
) -> String {
    let mut text = format!(
        "{name} in {}: {} picture(s) of {} x {} at once\n\nMEMORY OF ONE PROCESS\n",
        question.precision, question.batch, question.width, question.height
    );
    for (name, part) in [
        ("weights", memory.weights),
        ("denoise or decode", memory.activations),
        ("outside PyTorch", memory.non_torch),
        ("total", memory.total),
    ] {
        let _ = writeln!(text, "  {name:<18} {:>12}", gib(part.to_f64()));
    }
    if args.explain {
        let _ = writeln!(text, "\nEXPLAINED");
        for line in &memory.formulas {
            let _ = writeln!(text, "  {line}");
        }
    }
    let _ = writeln!(text, "\n{:<30} {:>9}  {:<6} {:>10}", "GPU", "MEMORY", "HOLDS", "USD/H");
    for gpu in gpus {
        let _ = writeln!(
            text,
            "{:<30} {:>9}  {:<6} {:>10}",
            gpu.name.chars().take(30).collect::<String>(),
            gib(gpu.cuda_total.to_f64()),
            if memory.total <= gpu.cuda_total { "yes" } else { "no" },
            price(catalog, gpu, 1).map_or_else(|| "-".to_owned(), |it| format!("{it:.2}"))
        );
    }
    text
}

fn per_gpu(args: &SizeArgs, memory: &DiffusionMemory, gpus: &[&GpuSpec]) -> PerGpu {
    let named = args.serving.gpu.as_ref().and(gpus.first()).map(|it| it.cuda_total.to_f64());
    PerGpu {
        weights: Some(memory.weights.to_f64()),
        activation: Some(memory.activations.to_f64()),
        non_torch: Some(memory.non_torch.to_f64()),
        total: Some(memory.total.to_f64()),
        usable: named,
        memory: named,
        ..PerGpu::default()
    }
}

fn in_json(
    args: &SizeArgs,
    catalog: &Catalog,
    name: &str,
    (question, memory): (&DiffusionQuestion, &DiffusionMemory),
    gpus: &[&GpuSpec],
) -> Value {
    let mut value = head(name, "pipeline");
    extend(
        &mut value,
        json!({
            "precision": question.precision.as_str(),
            "width": question.width.get(),
            "height": question.height.get(),
            "batch": question.batch.get(),
            "per_gpu": per_gpu(args, memory, gpus).json(),
            "explain": args.explain.then_some(&memory.formulas),
            "gpus": gpus.iter().map(|gpu| json!({
                "gpu": gpu.name,
                "usable_bytes": gpu.cuda_total.get(),
                "fits": memory.total <= gpu.cuda_total,
                "usd_per_hour": price(catalog, gpu, 1).map(rounded),
            })).collect::<Vec<Value>>(),
        }),
    );
    extend(&mut value, not_serving());
    value
}
