//! The parts of the peak, and which of them share their room.

use std::fmt::Write as _;

use super::layers::{self, Kept};
use super::{
    Accumulation, Adapter, Loss, Method, Optimizer, QuantizedBase, TrainingDtype, TrainingMemory,
    TrainingQuestion, ZeroStage, lora,
};
use crate::catalog::Training;
use crate::size::Precision;
use crate::size::architecture::Architecture;
use crate::size::params::{Matrix, Role};
use crate::units::Bytes;

/// Bytes of a 16-bit number.
const HALF: f64 = 2.0;
/// Bytes of a 32-bit number.
const SINGLE: f64 = 4.0;

/// A number of bytes and how it came about.
struct Part {
    bytes: f64,
    formula: String,
}

impl Part {
    fn new(name: &str, bytes: f64, how: &str) -> Part {
        Part { bytes, formula: format!("{name} = {how} = {}", gib(bytes)) }
    }
}

fn gib(bytes: f64) -> String {
    format!("{:.2} GiB", bytes / 1_073_741_824.0)
}

/// ` / n GPUs`, or nothing where a part is not split.
fn split(n: f64) -> String {
    if n > 1.0 { format!(" / {n} GPUs") } else { String::new() }
}

/// Every part at the peak.
pub(super) struct Peak {
    trained: f64,
    parts: [Part; 5],
    non_torch: Part,
}

impl Peak {
    /// The step comes when the activations are freed and takes their room first; gradients that are
    /// not accumulated come as the activations go.
    pub(super) fn of(model: &Architecture, it: &TrainingQuestion, constants: &Training) -> Peak {
        let trained = trainable_params(model, &it.method);
        let logits = logits(model, it);
        let kept = layers::kept(model, it, constants);
        let activations = activations(model, it, kept, logits.bytes);
        let backward = activations.bytes + logits.bytes;
        let parts = [
            weights(model, it, trained, constants),
            gradients(model, it, trained, backward, constants),
            optimizer(it, trained, backward),
            activations,
            logits,
        ];
        let allocated: f64 = parts.iter().map(|it| it.bytes).sum();
        let non_torch = non_torch(it, allocated, constants);
        Peak { trained, parts, non_torch }
    }

    pub(super) fn memory(self) -> TrainingMemory {
        let [weights, gradients, optimizer, activations, logits] =
            std::array::from_fn(|at| Bytes::from_f64_rounded(self.parts[at].bytes));
        let non_torch = Bytes::from_f64_rounded(self.non_torch.bytes);
        let all = [weights, gradients, optimizer, activations, logits, non_torch];
        let total: Bytes = all.into_iter().sum();
        let lines = self.parts.into_iter().chain([self.non_torch]).map(|it| it.formula);
        let last = format!("total = all parts = {} a GPU", gib(total.to_f64()));
        TrainingMemory {
            weights,
            gradients,
            optimizer,
            activations,
            logits,
            non_torch,
            total,
            trainable_params: self.trained,
            formulas: lines.chain([last]).collect(),
        }
    }
}

/// The adapter, where one is trained.
fn adapter(method: &Method) -> Option<&Adapter> {
    match method {
        Method::Full => None,
        Method::Lora(it) | Method::Qlora(it, _) | Method::Dora(it) => Some(it),
    }
}

/// Parameters that have a gradient.
fn trainable_params(model: &Architecture, method: &Method) -> f64 {
    let Some(adapter) = adapter(method) else { return model.params() };
    let matrices = lora::lora_params(model, adapter.rank, &adapter.targets);
    let magnitudes = match method {
        Method::Dora(it) => lora::dora_magnitudes(model, &it.targets),
        Method::Full | Method::Lora(_) | Method::Qlora(..) => 0,
    };
    let embeddings = if adapter.trains_embeddings { model.embedding_params() } else { 0.0 };
    matrices.saturating_add(magnitudes) as f64 + embeddings
}

/// GPUs a part is split over from `stage` on.
fn shares(it: &TrainingQuestion, stage: ZeroStage) -> f64 {
    if it.zero >= stage { f64::from(it.gpu_count.get()) } else { 1.0 }
}

/// Weights as they are stored, the adapter beside them, split from stage 3 on; then also the layers
/// gathered for use: as many parameters as `DeepSpeed` keeps alive and one vocabulary table, at most
/// what the other GPUs hold. Qwen 72B on 4 GPUs: 36.1 + 4.5 GB.
fn weights(
    model: &Architecture,
    it: &TrainingQuestion,
    trained: f64,
    constants: &Training,
) -> Part {
    let wide = if it.dtype == TrainingDtype::Fp32 { SINGLE } else { HALF };
    let quantized: f64 = match it.method {
        Method::Qlora(..) => quantized_params(model),
        Method::Full | Method::Lora(_) | Method::Dora(_) => 0.0,
    };
    let narrow = match it.method {
        Method::Qlora(_, base) => base.bytes_per_weight(),
        Method::Full | Method::Lora(_) | Method::Dora(_) => wide,
    };
    let plain = (model.params() - quantized).max(0.0);
    let base = plain * wide + quantized * narrow;
    let beside = if adapter(&it.method).is_some() { trained } else { 0.0 };
    let all = base + beside * wide;
    let n = shares(it, ZeroStage::Three);
    let is_away = it.cpu_offload && it.zero == ZeroStage::Three;
    let own = if is_away { 0.0 } else { all / n };
    let others = if is_away { 1.0 } else { 1.0 - 1.0 / n };
    let alive = (constants.live_params + model.head_params()) / model.params().max(1.0);
    let gathered = if it.zero == ZeroStage::Three { base * alive.min(others) } else { 0.0 };
    let mut how = format!("({plain:.0} params x {wide} B");
    if quantized > 0.0 {
        let _ = write!(how, " + {quantized:.0} x {narrow:.4} B");
    }
    if beside > 0.0 {
        let _ = write!(how, " + adapter {beside:.0} x {wide} B");
    }
    let _ = write!(how, "){}", if is_away { " on the CPU".to_owned() } else { split(n) });
    if gathered > 0.0 {
        let _ = write!(how, " + {} gathered", gib(gathered));
    }
    Part::new("weights", own + gathered, &how)
}

/// Weights a quantized base stores narrow: all matrices of layers but routers.
fn quantized_params(model: &Architecture) -> f64 {
    let narrow = |it: &&Matrix| !matches!(it.role, Role::Router | Role::Absorbed);
    model.matrices(1).iter().filter(narrow).map(Matrix::params).sum()
}

impl QuantizedBase {
    /// With scales; a second quantization leaves 8 bits of the 32 for 64 weights, and 32 for 256 of
    /// those: 0.5159 B. Source: bitsandbytes.
    fn bytes_per_weight(self) -> f64 {
        match self {
            QuantizedBase::Nf4 => Precision::Nf4.bytes_per_weight(),
            QuantizedBase::Nf4DoubleQuantized => 0.5 + (1.0 + SINGLE / 256.0) / 64.0,
            QuantizedBase::Int4 => Precision::Int4.bytes_per_weight(),
        }
    }
}

const fn gradient_bytes(dtype: TrainingDtype) -> f64 {
    match dtype {
        TrainingDtype::Bf16 | TrainingDtype::Mixed => HALF,
        TrainingDtype::Fp32 => SINGLE,
    }
}

/// Gradients at the peak, split from stage 2 on unless the GPUs do not talk in between, and copies
/// on their way between GPUs: all of them with DDP, fixed buckets with `ZeRO`. Gradients that are not
/// accumulated count as far as they and the step exceed what the backward pass starts with.
fn gradients(
    model: &Architecture,
    it: &TrainingQuestion,
    trained: f64,
    backward: f64,
    constants: &Training,
) -> Part {
    let each = gradient_bytes(it.dtype);
    let n = shares(it, ZeroStage::Two);
    let (elements, n) = match (it.accumulation, it.zero) {
        // FSDP joins trained and frozen parameters of a layer into one with one gradient.
        (Accumulation::Unsynced, ZeroStage::Three) => (model.params().max(trained), 1.0),
        (Accumulation::Unsynced, _) => (trained, 1.0),
        (Accumulation::Never | Accumulation::Synced, _) => (trained, n),
    };
    let kept = if it.cpu_offload { 0.0 } else { each * elements / n };
    let alive = match it.accumulation {
        Accumulation::Never => (kept + step_bytes(it, trained) - backward).max(0.0).min(kept),
        Accumulation::Synced | Accumulation::Unsynced => kept,
    };
    let in_buckets = match it.zero {
        _ if it.gpu_count.get() == 1 => 0.0,
        ZeroStage::Zero => trained,
        ZeroStage::One | ZeroStage::Two | ZeroStage::Three => {
            trained.min(constants.bucket_elements)
        }
    };
    let mut how = format!("{elements:.0} params x {each} B{}", split(n));
    if it.cpu_offload {
        how += " on the CPU";
    } else if alive < kept {
        let _ = write!(how, ", {} of them beyond the activations' room", gib(alive));
    }
    if in_buckets > 0.0 {
        let _ = write!(how, " + {in_buckets:.0} in buckets x {each} B");
    }
    Part::new("gradients", alive + each * in_buckets, &how)
}

/// Bytes of master weights, and of one moment.
const fn state_bytes(dtype: TrainingDtype) -> (f64, f64) {
    match dtype {
        TrainingDtype::Bf16 => (0.0, HALF),
        TrainingDtype::Mixed => (SINGLE, SINGLE),
        TrainingDtype::Fp32 => (0.0, SINGLE),
    }
}

/// What the step needs for a moment: gradients in 32 bits for master weights, or temporary copies of
/// both moments.
fn step_bytes(it: &TrainingQuestion, trained: f64) -> f64 {
    let (_, moment) = state_bytes(it.dtype);
    let each = match (it.dtype, it.optimizer) {
        _ if it.cpu_offload => 0.0,
        (TrainingDtype::Mixed, _) => SINGLE,
        (TrainingDtype::Bf16 | TrainingDtype::Fp32, Optimizer::AdamW) => 2.0 * moment,
        (TrainingDtype::Bf16 | TrainingDtype::Fp32, _) => 0.0,
    };
    each * trained / shares(it, ZeroStage::One)
}

/// What the optimizer keeps, split from stage 1 on, and its step as far as it exceeds what the
/// backward pass starts with. `AdamW` keeps 4 B a parameter in bf16, 12 B mixed, 8 B in fp32.
fn optimizer(it: &TrainingQuestion, trained: f64, backward: f64) -> Part {
    let (master, moment) = state_bytes(it.dtype);
    let moments = match it.optimizer {
        Optimizer::AdamW | Optimizer::FusedAdamW => 2.0 * moment,
        Optimizer::AdamW8bit => 2.0,
        Optimizer::Sgd | Optimizer::Lion => moment,
        Optimizer::PagedAdamW8bit | Optimizer::Adafactor => 0.0,
    };
    let each = master + moments;
    let n = shares(it, ZeroStage::One);
    let states = if it.cpu_offload { 0.0 } else { each * trained / n };
    let step = (step_bytes(it, trained) - backward).max(0.0);
    let mut how = format!("{trained:.0} params x {each} B{}", split(n));
    if it.cpu_offload {
        how += " on the CPU";
    }
    if step > 0.0 {
        let _ = write!(how, " + {} of the step beyond the activations' room", gib(step));
    }
    Part::new("optimizer", states + step, &how)
}

/// Logits, and what the loss makes of them: log-probabilities and gradients, in 32 bits 4 + 4 + 4 B
/// (the 16-bit logits are freed), in 16 bits with a shifted copy 2 + 2 + 2 + 2 B, in chunks the
/// 16-bit logits alone. 8,192 tokens x 128,256 x 12 B: 12.6 GB.
fn logits(model: &Architecture, it: &TrainingQuestion) -> Part {
    let each = match it.loss {
        Loss::Fp32 => 3.0 * SINGLE,
        Loss::Half => 4.0 * HALF,
        Loss::Chunked => HALF,
    };
    let (tokens, vocab_size) = (it.tokens(), model.vocab_size);
    let how = format!("{tokens:.0} tokens x {vocab_size} x {each} B");
    Part::new("logits", tokens * vocab_size as f64 * each, &how)
}

/// With checkpointing the inputs of all layers and one layer at a time, which takes the room of the
/// logits first; GPTQ unfolds that layer to 16 bits. Otherwise everything.
fn activations(model: &Architecture, it: &TrainingQuestion, kept: Kept, logits: f64) -> Part {
    let tokens = it.tokens();
    if !it.checkpointing {
        let how = format!("{tokens:.0} tokens x {:.0} B in all layers", kept.in_all);
        return Part::new("activations", tokens * kept.in_all, &how);
    }
    let element = layers::element_bytes(it.dtype);
    let (layers, hidden) = (model.num_hidden_layers, model.hidden_size);
    let inputs = tokens * layers as f64 * hidden as f64 * element;
    let unfolded = match it.method {
        Method::Qlora(_, QuantizedBase::Int4) => {
            HALF * quantized_params(model) / (layers as f64).max(1.0)
        }
        Method::Full | Method::Lora(_) | Method::Qlora(..) | Method::Dora(_) => 0.0,
    };
    let one = (tokens * kept.in_one + unfolded - logits).max(0.0);
    let how = format!(
        "{tokens:.0} tokens x {layers} layers x {hidden} x {element} B + {} of one layer beyond the \
         logits' room",
        gib(one)
    );
    Part::new("activations", inputs + one, &how)
}

/// CUDA context and libraries, NCCL where GPUs talk, and what the caching allocator reserves.
fn non_torch(it: &TrainingQuestion, allocated: f64, constants: &Training) -> Part {
    let context = constants.context_gb * 1e9;
    let nccl = if it.gpu_count.get() > 1 { constants.nccl_gb * 1e9 } else { 0.0 };
    let reserved = constants.reserved_share * allocated;
    let mut how = format!("{} of context", gib(context));
    if nccl > 0.0 {
        let _ = write!(how, " + {} of NCCL", gib(nccl));
    }
    let _ = write!(how, " + {} % of the rest", constants.reserved_share * 100.0);
    Part::new("non_torch", context + nccl + reserved, &how)
}
