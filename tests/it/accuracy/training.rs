//! Training peaks against published runs.
//!
//! A row says what was trained; what it leaves out is what the scripts of its framework do, one
//! recipe a framework. The four fitted constants are fitted again here without the rows they are
//! held against.

use std::fmt::Write as _;
use std::num::{NonZeroU32, NonZeroU64};

use gpuadvise::catalog::Training;
use gpuadvise::size::{
    Accumulation, Adapter, Architecture, LoraTarget, Loss, Method, Optimizer, QuantizedBase,
    TrainingDtype, TrainingMemory, TrainingQuestion, ZeroStage, training,
};

use super::{Errors, HEAD, Row, catalog, rows};

/// One measured run.
struct Case {
    id: String,
    framework: String,
    model: Architecture,
    question: TrainingQuestion,
    /// Bytes on each GPU.
    measured: f64,
    /// Whether the figure is that of `PyTorch`'s allocator, not of the process.
    is_allocated: bool,
}

impl Case {
    fn found(&self, constants: &Training) -> f64 {
        let it: TrainingMemory = training(&self.model, &self.question, constants);
        if self.is_allocated { it.torch_allocated().to_f64() } else { it.total.to_f64() }
    }

    fn error(&self, constants: &Training) -> f64 {
        self.found(constants) / self.measured - 1.0
    }

    /// A run of one of the methods, with micro-batch, sequence length, a known model and a peak
    /// without evaluation.
    fn of(row: &Row) -> Option<Case> {
        let notes = row["notes"].as_str();
        // Of the run without packing the length of the sequences is not told.
        if notes.contains("includes eval") || row["method"] == "baseline" {
            return None;
        }
        let model = Architecture::of(catalog().model(&row["model_id"])?).ok()?;
        let framework = row["framework"].split([' ', '/']).next()?;
        let mut question = TrainingQuestion::new(Method::Full, count(row, "seq_len")?);
        question.micro_batch = count(row, "micro_batch")?;
        question.gpu_count = row["gpu_count"].parse().ok()?;
        match framework {
            "HF" => qwen(row, &mut question),
            "torchtune" if notes.starts_with("README") => torchtune_table(row, &mut question),
            "torchtune" => torchtune_steps(row, &mut question),
            "litgpt" => litgpt(row, &mut question)?,
            _ => return None,
        }
        let unit = if row["unit"] == "GiB" { 1_073_741_824.0 } else { 1e9 };
        // The Qwen scripts print the sum over all GPUs.
        let gpus = if framework == "HF" { f64::from(question.gpu_count.get()) } else { 1.0 };
        Some(Case {
            id: row["id"].clone(),
            framework: framework.to_owned(),
            model,
            question,
            measured: row["peak_mem"].parse::<f64>().ok()? * unit / gpus,
            is_allocated: framework != "HF",
        })
    }
}

fn count(row: &Row, column: &str) -> Option<NonZeroU64> {
    row[column].parse().ok()
}

fn adapter(rank: u32, targets: &[LoraTarget]) -> Adapter {
    let rank = NonZeroU32::new(rank).unwrap();
    Adapter { rank, targets: targets.to_vec(), trains_embeddings: false }
}

/// QwenLM/Qwen finetune.py and its shell scripts: rank 64 on all matrices, checkpointing. One GPU
/// trains `LoRA` in bf16 with `PyTorch`'s `AdamW`; all else runs under `DeepSpeed`, `QLoRA` in fp16 on
/// a GPTQ base.
fn qwen(row: &Row, it: &mut TrainingQuestion) {
    let all = adapter(64, &LoraTarget::ALL);
    let method = row["method"].as_str();
    match method {
        "Full-parameter" => it.zero = ZeroStage::Three,
        "Q-LoRA" => {
            it.method = Method::Qlora(all, QuantizedBase::Int4);
            it.loss = Loss::Half;
            it.zero = ZeroStage::Two;
        }
        _ => {
            let trains_embeddings = method.contains("(emb)");
            it.method = Method::Lora(Adapter { trains_embeddings, ..all });
            match method {
                "LoRA (multinode)" => it.zero = ZeroStage::Two,
                "LoRA + Deepspeed Zero3" => it.zero = ZeroStage::Three,
                _ => it.dtype = TrainingDtype::Bf16,
            }
        }
    }
}

/// What all of torchtune's recipes do: bf16, no accumulation.
fn torchtune(it: &mut TrainingQuestion) {
    it.dtype = TrainingDtype::Bf16;
    it.optimizer = Optimizer::FusedAdamW;
    it.accumulation = Accumulation::Never;
}

/// The table of torchtune's README: compiled, chunked loss; one GPU trains all weights with a paged
/// optimizer.
fn torchtune_table(row: &Row, it: &mut TrainingQuestion) {
    use LoraTarget::{O, Q, V};
    torchtune(it);
    it.compiled = true;
    it.loss = Loss::Chunked;
    let is_parallel = it.gpu_count.get() > 1;
    match row["method"].as_str() {
        "LoRA" => it.method = Method::Lora(adapter(8, &[Q, V, O])),
        "QLoRA" => it.method = Method::Qlora(adapter(8, &[Q, V, O]), QuantizedBase::Nf4),
        _ if !is_parallel => it.optimizer = Optimizer::PagedAdamW8bit,
        _ => {}
    }
    if is_parallel {
        it.zero = ZeroStage::Three;
        it.cpu_offload = row["zero_or_fsdp"].contains("CPU offload");
    }
}

/// Techniques added one after the other. Steps that are not modelled count as the one before.
fn torchtune_steps(row: &Row, it: &mut TrainingQuestion) {
    const STEPS: [&str; 9] = [
        "+packed",
        "+compile",
        "+chunked",
        "+activation checkpointing",
        "+optimizer in backward",
        "+activation offloading",
        "+8-bit",
        "LoRA",
        "QLoRA",
    ];
    torchtune(it);
    let method = row["method"].to_ascii_lowercase();
    let step = STEPS
        .iter()
        .position(|step| method.starts_with(&step.to_ascii_lowercase()))
        .unwrap_or_default();
    it.compiled = step >= 1;
    it.loss = if step >= 2 { Loss::Chunked } else { Loss::Fp32 };
    it.checkpointing = step >= 3;
    match step {
        6 => it.optimizer = Optimizer::AdamW8bit,
        7 => it.method = Method::Lora(adapter(64, &LoraTarget::ALL)),
        8 => it.method = Method::Qlora(adapter(64, &LoraTarget::ALL), QuantizedBase::Nf4),
        _ => {}
    }
}

/// litgpt finetune/lora.py: rank 8 on q and v in bf16, chunked loss, no checkpointing on one GPU; on
/// several FSDP with checkpointing, and no exchange of gradients while they accumulate. Adapters of
/// other kinds are none of the methods.
fn litgpt(row: &Row, it: &mut TrainingQuestion) -> Option<()> {
    if !row["method"].starts_with("LoRA") {
        return None;
    }
    let small = adapter(8, &[LoraTarget::Q, LoraTarget::V]);
    it.method = match row["precision"].as_str() {
        "bnb.nf4" => Method::Qlora(small, QuantizedBase::Nf4),
        "bnb.nf4-dq" => Method::Qlora(small, QuantizedBase::Nf4DoubleQuantized),
        _ => Method::Lora(small),
    };
    it.dtype = TrainingDtype::Bf16;
    it.loss = Loss::Chunked;
    let is_parallel = it.gpu_count.get() > 1;
    it.checkpointing = is_parallel;
    if is_parallel {
        it.zero = ZeroStage::Three;
        it.accumulation = Accumulation::Unsynced;
    }
    Some(())
}

/// A training row of `framework_memory.csv` in the columns of `training_memory.csv`.
fn unfolded(row: &Row) -> Option<Row> {
    let framework = row["engine"].strip_prefix("training:")?;
    let mut parts = row["notes"].splitn(8, "; ");
    let mut field = |name: &str| parts.next()?.strip_prefix(name)?.strip_prefix('=');
    let mut it = row.clone();
    for (column, name) in [
        ("method", "method"),
        ("micro_batch", "micro_batch"),
        ("seq_len", "seq_len"),
        ("optimizer", "optimizer"),
        ("grad_checkpointing", "grad_checkpointing"),
        ("zero_or_fsdp", "zero/fsdp"),
        ("trainable_params", "trainable"),
    ] {
        it.insert(column.to_owned(), field(name)?.to_owned());
    }
    let rest = parts.next()?.strip_prefix("source value ")?;
    let (printed, notes) = rest.split_once("; ")?;
    let (value, unit) = printed.split_once(' ')?;
    for (column, text) in [
        ("framework", framework),
        ("precision", &row["weight_dtype_or_quant"]),
        ("peak_mem", value),
        ("unit", unit),
        ("notes", notes),
    ] {
        it.insert(column.to_owned(), text.to_owned());
    }
    Some(it)
}

/// The constants that fit `cases` best by their mean absolute error, one after the other, three
/// times over.
fn fitted(cases: &[&Case]) -> Training {
    const STEPS: u32 = 40;
    /// One of the constants.
    type Constant = fn(&mut Training) -> &mut f64;
    let ranges: [(Constant, f64, f64); 4] = [
        (|it| &mut it.layer_bytes, 8.0, 30.0),
        (|it| &mut it.compiled_share, 0.4, 1.0),
        (|it| &mut it.context_gb, 0.3, 3.0),
        (|it| &mut it.reserved_share, 0.0, 0.2),
    ];
    let score = |constants: &Training| -> f64 {
        cases.iter().map(|it| it.error(constants).abs().min(0.4)).sum()
    };
    let mut best = Training {
        layer_bytes: 20.0,
        compiled_share: 0.7,
        context_gb: 1.0,
        reserved_share: 0.05,
        ..catalog().assumptions.training.clone()
    };
    let mut least = score(&best);
    for _ in 0..3 {
        for (of, low, high) in ranges {
            for step in 0..=STEPS {
                let mut tried = best.clone();
                *of(&mut tried) = low + (high - low) * f64::from(step) / f64::from(STEPS);
                let found = score(&tried);
                if found < least {
                    (best, least) = (tried, found);
                }
            }
        }
    }
    best
}

fn errors<'a>(cases: impl Iterator<Item = &'a Case>, constants: &Training) -> Errors {
    let mut errors = Errors::default();
    for it in cases {
        errors.note(&it.id, it.found(constants), it.measured);
    }
    errors
}

/// Errors of every case with constants fitted to the cases of all other groups.
fn left_out(cases: &[Case], group: impl Fn(&Case) -> &str) -> Errors {
    let mut groups: Vec<&str> = cases.iter().map(&group).collect();
    groups.sort_unstable();
    groups.dedup();
    let mut all = Errors::default();
    for name in groups {
        let (left, others): (Vec<&Case>, Vec<&Case>) =
            cases.iter().partition(|it| group(it) == name);
        let constants = fitted(&others);
        for it in left {
            all.note(&it.id, it.found(&constants), it.measured);
        }
    }
    all
}

/// The section of the document, with its bars held.
pub(super) fn section() -> String {
    let all = rows("training_memory.csv");
    let known: Vec<Case> = all.iter().filter_map(Case::of).collect();
    let others: Vec<Case> = rows("framework_memory.csv")
        .iter()
        .filter(|row| known.iter().all(|it| it.id != row["id"]))
        .filter_map(|row| Case::of(&unfolded(row)?))
        .collect();
    let constants = &catalog().assumptions.training;
    let ours = errors(known.iter(), constants);
    let unseen = errors(others.iter(), constants);
    let without_model = left_out(&known, |it| &it.model.id);
    let without_framework = left_out(&known, |it| &it.framework);
    let mut text = format!(
        "## Memory of training\n\n\
         {} of {} rows are full, LoRA or QLoRA runs with micro-batch, sequence length, a known model and a\n\
         peak without evaluation (tests/data/training_memory.csv); {} more are in\n\
         tests/data/framework_memory.csv, to which no constant was fitted. What a row leaves out is what the\n\
         scripts of its framework do. Four constants are fitted: bytes around a layer, the share that\n\
         compiling leaves, context, and reserve. The run behind the worst row also moves activations to the CPU,\n\
         which is not modelled.\n\n{HEAD}",
        known.len(),
        all.len(),
        others.len()
    );
    for (name, errors, bar) in [
        ("peak per GPU", &ours, "median 10 %"),
        ("the same, fitted without the row's model", &without_model, "median 10 %"),
        ("the same, fitted without the row's framework", &without_framework, "median 10 %"),
        ("rows that nothing was fitted to", &unseen, "median 10 %"),
    ] {
        let line = errors.line(name, bar);
        text.push_str(&line);
        assert!(errors.n() > 0 && errors.median() < 0.1, "{line}");
        if std::env::args().any(|it| it == "--nocapture") {
            errors.print(name);
        }
    }
    for (name, method) in [("full", 0), ("LoRA", 1), ("QLoRA", 2)] {
        let is_it = |it: &&Case| match it.question.method {
            Method::Full => method == 0,
            Method::Lora(_) | Method::Dora(_) => method == 1,
            Method::Qlora(..) => method == 2,
        };
        let of_method = errors(known.iter().chain(&others).filter(is_it), constants);
        let _ = write!(text, "{}", of_method.line(&format!("{name}, all rows"), "reported"));
    }
    text
}
