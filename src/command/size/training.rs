//! Memory of training on one GPU, part by part, and on which GPUs it fits.

use std::fmt::Write as _;
use std::num::{NonZeroU32, NonZeroU64};

use serde_json::{Value, json};

use super::asked::{find_gpu, price};
use super::numbers::{gib, rounded, whole};
use super::shown::{PerGpu, extend, not_serving};
use super::{Answer, head, wires};
use crate::catalog::{Catalog, GpuMatch, GpuSpec, Network};
use crate::cli::{Dtype, OptimizerWord, SizeArgs, Train};
use crate::command::failure::Failure;
use crate::report;
use crate::size::{
    Adapter, Architecture, BothRules, Collective, GradientCost, Method, Optimizer, QuantizedBase,
    TrainingDtype, TrainingMemory, TrainingQuestion, ZeroStage, both_rules, data_parallel_step,
    training,
};
use crate::units::Fraction;

pub(super) fn answer(
    args: &SizeArgs,
    catalog: &Catalog,
    model: &Architecture,
) -> Result<Answer, Failure> {
    let question = question(args)?;
    let memory = training(model, &question, &catalog.assumptions.training);
    let gpus: Vec<&GpuSpec> = match &args.serving.gpu {
        Some(name) => GpuMatch::Known(find_gpu(catalog, name)?).slowest().into_iter().collect(),
        None => catalog.gpus.iter().collect(),
    };
    let nodes = Nodes::of(args, catalog)?;
    let held: Vec<Held<'_>> = gpus
        .into_iter()
        .map(|gpu| Held::of(catalog, gpu, (&question, nodes.as_ref()), &memory))
        .collect();
    Ok(Answer {
        text: in_words(args, model, (&question, &memory), &held),
        json: in_json(args, model, (&question, &memory), &held),
    })
}

/// Several nodes and what joins them.
struct Nodes<'a> {
    count: u32,
    network: &'a Network,
}

impl<'a> Nodes<'a> {
    fn of(args: &SizeArgs, catalog: &'a Catalog) -> Result<Option<Nodes<'a>>, Failure> {
        let count = args.training.nodes;
        let Some(name) = args.training.network.as_deref().filter(|_| count > 1) else {
            return Ok(None);
        };
        if !args.serving.gpu_count.unwrap_or(1).is_multiple_of(count) {
            return Err(Failure::usage(
                format!("--gpu-count does not divide by {count} nodes"),
                "--gpu-count is the GPUs of all nodes together",
            ));
        }
        let found = catalog.networks.iter().find(|it| it.name.eq_ignore_ascii_case(name));
        let Some(network) = found else {
            let names: Vec<&str> = catalog.networks.iter().map(|it| it.name.as_str()).collect();
            let hint = format!("one of {}", names.join(", "));
            return Err(Failure::usage(format!("no network `{name}`"), hint));
        };
        Ok(Some(Nodes { count, network }))
    }

    /// Adding up `bytes` inside the nodes and between them, and both rules for the way between.
    fn exchange(&self, gpu: &GpuSpec, gpus: u32, bytes: f64) -> Option<(BothRules, GradientCost)> {
        const BITS: f64 = 1e9;
        let each = gpus / self.count;
        let inside = Collective::of(gpu, each)?;
        let between = Collective::across(self.network, each, gpus);
        let line_rate = self.network.line_rate_gbit_s * f64::from(each) * BITS;
        let cost = data_parallel_step(bytes, &inside, Some(&between), Fraction::ZERO);
        Some((both_rules(bytes, line_rate, &between), cost))
    }
}

/// A GPU and whether it holds the training.
struct Held<'a> {
    gpu: &'a GpuSpec,
    fits: bool,
    /// What a step exchanges, where the GPUs are several in one node.
    exchange: Option<BothRules>,
    /// The same with several nodes: the way between them, and both ways together.
    between: Option<(BothRules, GradientCost)>,
    usd_per_hour: Option<f64>,
}

impl<'a> Held<'a> {
    fn of(
        catalog: &Catalog,
        gpu: &'a GpuSpec,
        (question, nodes): (&TrainingQuestion, Option<&Nodes<'_>>),
        memory: &TrainingMemory,
    ) -> Held<'a> {
        let count = question.gpu_count.get();
        let n_nodes = nodes.map_or(1, |it| it.count);
        let bytes = gradient_bytes(memory);
        Held {
            gpu,
            fits: memory.total <= gpu.cuda_total,
            exchange: wires::exchange(gpu, count / n_nodes, bytes),
            between: nodes.and_then(|it| it.exchange(gpu, count, bytes)),
            usd_per_hour: price(catalog, gpu, (count / n_nodes).max(1))
                .map(|it| it * f64::from(n_nodes)),
        }
    }
}

/// Gradients of a step at 16 bits.
fn gradient_bytes(memory: &TrainingMemory) -> f64 {
    const BYTES_16_BIT: f64 = 2.0;
    memory.trainable_params * BYTES_16_BIT
}

fn question(args: &SizeArgs) -> Result<TrainingQuestion, Failure> {
    let it = &args.training;
    let positive = |what: &str| Failure::usage(format!("{what} is 0"), "give at least 1");
    let seq_len = NonZeroU64::new(it.seq_len).ok_or_else(|| positive("--seq-len"))?;
    let micro_batch = NonZeroU64::new(it.micro_batch).ok_or_else(|| positive("--micro-batch"))?;
    let rank = NonZeroU32::new(it.rank).ok_or_else(|| positive("--rank"))?;
    let gpu_count = args.serving.gpu_count.and_then(NonZeroU32::new).unwrap_or(NonZeroU32::MIN);
    let adapter = Adapter { rank, targets: it.targets.clone(), trains_embeddings: false };
    let method = match it.train {
        Some(Train::Lora) => Method::Lora(adapter),
        Some(Train::Qlora) => Method::Qlora(adapter, QuantizedBase::Nf4),
        Some(Train::Dora) => Method::Dora(adapter),
        Some(Train::Full) | None => Method::Full,
    };
    Ok(TrainingQuestion {
        optimizer: match it.optimizer {
            OptimizerWord::Adamw => Optimizer::AdamW,
            OptimizerWord::Adamw8bit => Optimizer::AdamW8bit,
            OptimizerWord::Sgd => Optimizer::Sgd,
        },
        dtype: match args.serving.dtype {
            Some(Dtype::Fp32) => TrainingDtype::Fp32,
            Some(Dtype::Bf16 | Dtype::Fp16) | None => TrainingDtype::Mixed,
        },
        checkpointing: it.checkpointing,
        zero: match it.zero {
            0 => ZeroStage::Zero,
            1 => ZeroStage::One,
            2 => ZeroStage::Two,
            _ => ZeroStage::Three,
        },
        gpu_count,
        micro_batch,
        ..TrainingQuestion::new(method, seq_len)
    })
}

const fn method_word(method: &Method) -> &'static str {
    match method {
        Method::Full => "full training",
        Method::Lora(_) => "LoRA",
        Method::Qlora(..) => "QLoRA",
        Method::Dora(_) => "DoRA",
    }
}

fn in_words(
    args: &SizeArgs,
    model: &Architecture,
    (question, memory): (&TrainingQuestion, &TrainingMemory),
    held: &[Held<'_>],
) -> String {
    let gpus = question.gpu_count.get();
    let mut text = format!(
        "{}: {} of {} parameters, {} x {} tokens a step on each of {gpus} GPU(s)\n\nMEMORY OF EACH GPU\n",
        model.id,
        method_word(&question.method),
        report::count(whole(memory.trainable_params)),
        question.micro_batch,
        question.seq_len,
    );
    for (name, part) in parts(memory) {
        let _ = writeln!(text, "  {name:<18} {:>12}", gib(part.to_f64()));
    }
    let _ = writeln!(text, "  {:<18} {:>12}", "total", gib(memory.total.to_f64()));
    if args.explain {
        let _ = writeln!(text, "\nEXPLAINED");
        for line in &memory.formulas {
            let _ = writeln!(text, "  {line}");
        }
    }
    let _ = writeln!(
        text,
        "\n{:<30} {:>9}  {:<6} {:>10} {:>13}",
        "GPU", "MEMORY", "HOLDS", "USD/H", "ALL-REDUCE"
    );
    for it in held {
        let _ = writeln!(
            text,
            "{:<30} {:>9}  {:<6} {:>10} {:>13}",
            it.gpu.name.chars().take(30).collect::<String>(),
            gib(it.gpu.cuda_total.to_f64()),
            if it.fits { "yes" } else { "no" },
            it.usd_per_hour.map_or_else(|| "-".to_owned(), |it| format!("{it:.2}")),
            it.exchange
                .as_ref()
                .map_or_else(|| "-".to_owned(), |it| format!("{:.1} ms", it.all_reduce_s * 1e3))
        );
    }
    let one = held.first().filter(|_| held.len() == 1);
    if let Some(it) = one.and_then(|it| it.exchange.as_ref()) {
        text.push_str("\nEXCHANGE\n");
        text.push_str(&wires::in_words("gradients of a step", gradient_bytes(memory), it));
        if question.zero == ZeroStage::Three {
            text.push_str("  ZeRO 3 also gathers the weights, forward and backward.\n");
        }
    }
    if let Some((rules, cost)) =
        held.first().filter(|_| held.len() == 1).and_then(|it| it.between.as_ref())
    {
        text.push_str(&wires::in_words("the same between nodes", gradient_bytes(memory), rules));
        let _ = writeln!(
            text,
            "  a step exchanges for {:.3} s: {:.3} inside, {:.3} between, side by side",
            cost.total_s, cost.inside_s, cost.between_s
        );
    }
    text
}

fn parts(memory: &TrainingMemory) -> [(&'static str, crate::units::Bytes); 6] {
    [
        ("weights", memory.weights),
        ("gradients", memory.gradients),
        ("optimizer", memory.optimizer),
        ("activations", memory.activations),
        ("logits", memory.logits),
        ("outside PyTorch", memory.non_torch),
    ]
}

fn per_gpu(args: &SizeArgs, memory: &TrainingMemory, held: &[Held<'_>]) -> PerGpu {
    let part = |it: crate::units::Bytes| Some(it.to_f64());
    let named = args.serving.gpu.as_ref().and(held.first());
    PerGpu {
        weights: part(memory.weights),
        activation: part(memory.activations),
        non_torch: part(memory.non_torch),
        gradient: part(memory.gradients),
        optimizer: part(memory.optimizer),
        logits: part(memory.logits),
        total: part(memory.total),
        usable: named.map(|it| it.gpu.cuda_total.to_f64()),
        memory: named.map(|it| it.gpu.cuda_total.to_f64()),
        ..PerGpu::default()
    }
}

fn in_json(
    args: &SizeArgs,
    model: &Architecture,
    (question, memory): (&TrainingQuestion, &TrainingMemory),
    held: &[Held<'_>],
) -> Value {
    let mut value = head(&model.id, "training");
    extend(
        &mut value,
        json!({
            "train": method_word(&question.method),
            "params": model.params(),
            "trainable_params": whole(memory.trainable_params),
            "gpu_count": question.gpu_count.get(),
            "seq_len": question.seq_len.get(),
            "micro_batch": question.micro_batch.get(),
            "per_gpu": per_gpu(args, memory, held).json(),
            "explain": args.explain.then_some(&memory.formulas),
            "gpus": held.iter().map(|it| json!({
                "gpu": it.gpu.name,
                "usable_bytes": it.gpu.cuda_total.get(),
                "fits": it.fits,
                "exchange": it.exchange.as_ref().map(|it| wires::in_json(gradient_bytes(memory), it)),
                "between_nodes": it.between.as_ref().map(|(rules, cost)| json!({
                    "rules": wires::in_json(gradient_bytes(memory), rules),
                    "step_s": rounded(cost.total_s),
                })),
                "usd_per_hour": it.usd_per_hour.map(rounded),
            })).collect::<Vec<Value>>(),
        }),
    );
    extend(&mut value, not_serving());
    value
}
