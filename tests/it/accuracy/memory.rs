//! Memory of serving engines, against their start-up logs.

use std::fmt::Write as _;

use gpuadvise::catalog::{GpuSpec, ModelArch};
use gpuadvise::size::{Architecture, Deployment, Engine, GpuMemory, KvCacheDtype};

use super::{Errors, HEAD, Row, catalog, gpu, number, precision, rows};

const GIB: f64 = 1_073_741_824.0;

/// A row whose model, GPU, version and parallel sizes are known.
struct Known {
    arch: &'static ModelArch,
    model: Architecture,
    gpu: &'static GpuSpec,
    deployment: Deployment,
}

impl Known {
    fn of(row: &Row) -> Option<Known> {
        let arch = catalog().model(&row["model_id"])?;
        let engine = vllm(row)?;
        let size = |column: &str| number(row, column).map(|it| it as u32);
        let mut deployment = Deployment::new(
            precision(row, "weight_dtype_or_quant", &row["model_id"])?,
            size("tp")?,
        );
        deployment.engine = engine;
        deployment.pipeline_parallel_size = size("pp").unwrap_or(1);
        deployment.gpu_memory_utilization = number(row, "gpu_memory_utilization");
        deployment.max_model_len = number(row, "max_model_len").map(|it| it as u64);
        deployment.max_num_seqs = size("max_num_seqs");
        deployment.enforce_eager = row["enforce_eager"] == "True";
        if row["kv_dtype"].starts_with("fp8") {
            deployment.kv_cache_dtype = KvCacheDtype::Fp8;
        }
        let gpu = gpu(&row["gpu"])?;
        Some(Known { arch, model: Architecture::of(arch).ok()?, gpu, deployment })
    }

    fn memory(&self) -> GpuMemory {
        GpuMemory::of(&self.model, self.gpu, &self.deployment, &catalog().assumptions.engine)
    }

    /// What the version prints as the size of a cache of some bytes: since 0.21 as many tokens as
    /// the requests of the longest length hold, which a row without that length cannot tell.
    fn printed_tokens<'a>(&self, memory: &'a GpuMemory) -> Option<Box<dyn Fn(f64) -> f64 + 'a>> {
        let newer = matches!(self.deployment.engine, Engine::Vllm(it) if it.minor >= 21);
        if !newer {
            return Some(Box::new(|bytes| memory.layout.tokens(bytes)));
        }
        let longest = self.deployment.max_model_len?;
        Some(Box::new(move |bytes| memory.layout.max_concurrency(bytes, longest) * longest as f64))
    }

    fn is_text(&self) -> bool {
        self.arch.vision.is_none() && !self.arch.family.starts_with("gemma3")
    }
}

/// The version of a row; rows that only say it is some version are not known. Versions of the old
/// core count as the last that had it by default.
fn vllm(row: &Row) -> Option<Engine> {
    if !row["engine"].starts_with("vllm") || row["engine"].contains("ascend") {
        return None;
    }
    let version = row["engine_version"].split([' ', '+']).next()?.trim_end_matches(".x");
    if row["engine_version"].contains("V0") {
        return Engine::parse("vllm@0.7");
    }
    Engine::parse(&format!("vllm@{version}"))
}

/// The section of the document, with its bars held.
pub(super) fn section() -> String {
    let all = rows("engine_memory.csv");
    let vllm_rows = all.iter().filter(|row| row["engine"].starts_with("vllm")).count();
    let known: Vec<(&Row, Known)> =
        all.iter().filter_map(|row| Some((row, Known::of(row)?))).collect();
    let mut weights = Errors::default();
    let mut activation = Errors::default();
    let mut towers = Errors::default();
    let mut graphs = Errors::default();
    let mut non_kv = Errors::default();
    let mut given = Errors::default();
    let mut scratch = Errors::default();
    for (row, it) in &known {
        let id = row["id"].as_str();
        let memory = it.memory();
        let measured = |column: &str| number(row, column).map(|it| it * GIB);
        if id.starts_with("llmd-") {
            if let Some(bytes) = measured("measured_weights_gib_per_gpu") {
                weights.note(id, memory.weights, bytes);
            }
            if let Some(bytes) = measured("measured_activation_gib") {
                let errors = if it.is_text() { &mut activation } else { &mut towers };
                errors.note(id, memory.activation, bytes);
            }
            if let Some(bytes) = measured("measured_cudagraph_gib") {
                graphs.note(id, memory.cuda_graphs, bytes);
            }
            if let Some(bytes) = measured("measured_total_gib") {
                non_kv.note(id, memory.weights + memory.activation + memory.non_torch, bytes);
            }
        }
        let Some(tokens) = number(row, "measured_kv_tokens") else { continue };
        let Some(printed) = it.printed_tokens(&memory) else { continue };
        if let Some(bytes) = measured("measured_kv_gib_per_gpu") {
            given.note(id, printed(bytes), tokens);
        }
        if it.deployment.gpu_memory_utilization.is_some() {
            scratch.note(id, printed(memory.kv_cache), tokens);
        }
    }
    let mut text = format!(
        "## Memory of vLLM\n\n\
         {} of {vllm_rows} rows of vLLM have a model, a GPU, a version and parallel sizes that are known\n\
         (tests/data/engine_memory.csv). Weights, pages and the bytes of a logit are structure; copies of hidden\n\
         states, the constant of a compiled step, memory outside PyTorch and graphs per layer were read off these\n\
         logs. With pipeline stages the fullest GPU counts, which samples; the log of llmd-027 is of the first.\n\n{HEAD}",
        known.len()
    );
    for (name, errors, bar) in [
        ("weights (llmd rows)", &weights, "median 1 %, p90 3 %"),
        ("activation peak, text models", &activation, "median 10 %"),
        ("activation peak, models with a vision tower", &towers, "reported"),
        ("CUDA graphs", &graphs, "reported"),
        ("total without KV cache", &non_kv, "median 3 %"),
        ("KV tokens from the printed GiB", &given, "median 0.1 %"),
        ("KV tokens from scratch", &scratch, "median 5 %"),
    ] {
        let _ = write!(text, "{}", errors.line(name, bar));
        if std::env::args().any(|it| it == "--nocapture") {
            errors.print(name);
        }
    }
    assert!(weights.median() < 0.01 && weights.p90() < 0.03, "{}", weights.line("weights", ""));
    assert!(activation.median() < 0.1, "{}", activation.line("activation", ""));
    assert!(non_kv.median() < 0.03, "{}", non_kv.line("non-KV", ""));
    assert!(given.median() < 0.001, "{}", given.line("given", ""));
    assert!(scratch.median() < 0.05, "{}", scratch.line("scratch", ""));
    text.push_str(&trtllm());
    text
}

/// Most sequences TensorRT-LLM serves at once, each of its longest length.
fn trtllm() -> String {
    let all = rows("trtllm_capacity.csv");
    let mut errors = Errors::default();
    for row in &all {
        let Some(arch) = catalog().model(&row["model_id"]) else { continue };
        let (Some(gpu), Ok(model)) = (gpu(&row["system"]), Architecture::of(arch)) else {
            continue;
        };
        let number = |column: &str| number(row, column).unwrap();
        let format = precision(row, "kv_dtype", &row["model_id"]).unwrap();
        let mut deployment = Deployment::new(format, number("tp") as u32);
        deployment.engine = Engine::TensorRtLlm;
        deployment.gpu_memory_utilization = Some(number("free_gpu_memory_fraction"));
        deployment.max_num_batched_tokens = Some(number("max_num_tokens") as u64);
        let memory = GpuMemory::of(&model, gpu, &deployment, &catalog().assumptions.engine);
        let found = memory.max_concurrency(number("max_seq_len") as u64).floor();
        errors.note(&row["id"], found, number("measured_max_batch_size"));
    }
    let line = errors.line("most sequences at once", "median 5 %");
    assert!(errors.n() == all.len() && errors.median() < 0.05, "{line}");
    format!(
        "\n## Capacity of TensorRT-LLM\n\n\
         {} of {} rows (tests/data/trtllm_capacity.csv). The constants are\n\
         aiconfigurator's, which holds them to such rows; nothing was fitted here.\n\n{HEAD}{line}",
        errors.n(),
        all.len()
    )
}
