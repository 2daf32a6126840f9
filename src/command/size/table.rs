//! Every GPU and count for one model, with what a million tokens cost.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::asked::{Asked, flags, precision, price};
use super::numbers::{rounded, short, thousands};
use super::shown::{PerGpu, backing, deployed, extend, served};
use super::{Answer, head, rule};
use crate::catalog::{Catalog, GpuSpec, ModelArch};
use crate::cli::SizeArgs;
use crate::command::failure::Failure;
use crate::command::size_source::ModelSource;
use crate::size::{
    Architecture, Carried, Constants, Coverage, Deployment, Fit, Replica, Serving, SizeRow, table,
};

/// Rows the text shows.
const SHOWN: usize = 40;

/// A row with its GPU, and what it serves and costs where it fits.
struct Priced<'a> {
    row: SizeRow,
    gpu: &'a GpuSpec,
    carried: Option<Carried>,
    usd_per_hour: Option<f64>,
}

impl Priced<'_> {
    fn serving(&self) -> Option<(&Replica, &Serving)> {
        match (self.row.fit.replica(), &self.carried) {
            (Some(replica), Some(Carried::UpTo(serving))) => Some((replica, serving)),
            _ => None,
        }
    }

    /// Whether nothing like it was measured.
    fn is_uncovered(&self) -> bool {
        self.serving().is_none_or(|(replica, _)| replica.coverage == Coverage::Uncovered)
    }

    fn usd_per_million(&self) -> Option<f64> {
        let (_, serving) = self.serving()?;
        Some(self.usd_per_hour? / 3_600.0 / serving.output_tokens_per_s.value * 1e6)
    }
}

pub(super) fn answer(
    args: &SizeArgs,
    catalog: &Catalog,
    source: &ModelSource,
    (arch, model): (&ModelArch, &Architecture),
    asked: &Asked,
) -> Result<Answer, Failure> {
    let native = precision(args, source)?;
    // The published weights, or the format asked for; another format is another question.
    let precisions = [native];
    // A bandwidth measured on some GPUs says nothing of the others.
    let base = Deployment { bus_bandwidth_gb_s: None, ..flags(args, asked, native, (1, 1)) };
    let constants = Constants::from(&catalog.assumptions);
    let rows = table(arch, &catalog.gpus, &base, &precisions, &asked.profile, constants);
    let serving = &args.serving;
    let wanted = |row: &SizeRow| {
        let it = &row.deployment;
        serving.gpu_count.is_none_or(|count| it.gpu_count() == count)
            && serving.tensor_parallel_size.is_none_or(|n| it.tensor_parallel_size == n)
            && serving.pipeline_parallel_size.is_none_or(|n| it.pipeline_parallel_size == n)
    };
    let mut rows: Vec<Priced<'_>> = rows
        .into_iter()
        .filter(wanted)
        .filter_map(|row| {
            let gpu = catalog.gpu(&row.gpu)?;
            let carried = row.fit.replica().map(|it| it.within(&asked.slo, it.max_num_seqs()));
            let usd_per_hour = price(catalog, gpu, row.deployment.gpu_count());
            Some(Priced { row, gpu, carried, usd_per_hour })
        })
        .collect();
    rows.sort_by(|a, b| {
        let price = |it: &Priced<'_>| it.usd_per_million().unwrap_or(f64::INFINITY);
        a.is_uncovered().cmp(&b.is_uncovered()).then(price(a).total_cmp(&price(b)))
    });
    let rule = rule::beside(args, catalog, model, native, asked.context);
    let mut text = format!("{}: {:.2} billion parameters\n", source.name, model.params() / 1e9);
    text.push_str(&in_words(args, &rows, asked));
    let _ = write!(text, "\n{}", rule.text);
    let mut json = head(&source.name, "engine");
    extend(
        &mut json,
        json!({
            "params": model.params(),
            "engine": base.engine.to_string(),
            "rule_of_thumb": rule.json,
            "candidates": rows.iter().map(|it| row_json(it, asked.context)).collect::<Vec<Value>>(),
        }),
    );
    Ok(Answer { text, json })
}

fn in_words(args: &SizeArgs, rows: &[Priced<'_>], asked: &Asked) -> String {
    let mut text = format!("\nENGINE {}; {}\n", engine(rows), asked.sentence());
    let _ = writeln!(
        text,
        "{:<22} {:>5} {:<5} {:>6} {:>5} {:>8} {:>7} {:>7} {:>6}",
        "GPU", "SPLIT", "PREC", "KV TOK", "BATCH", "TPOT MS", "TOK/S", "USD/H", "USD/1M"
    );
    let (mut refused, mut saturated, mut uncovered, mut shown_rows) = (0, 0, 0, 0);
    for it in rows {
        let Some((replica, serving)) = it.serving() else {
            match &it.carried {
                Some(_) => saturated += 1,
                None => refused += 1,
            }
            if rows.len() <= 16 {
                let why = match &it.carried {
                    Some(Carried::Saturated { why }) => format!("saturated: {why}"),
                    _ => it.row.fit.to_string(),
                };
                let _ = writeln!(
                    text,
                    "{:<22} {:>5} {:<5} {why}",
                    name(it.gpu),
                    split(it),
                    precision_of(it)
                );
            }
            continue;
        };
        shown_rows += 1;
        if shown_rows > SHOWN {
            continue;
        }
        let mark = if it.is_uncovered() { "*" } else { " " };
        uncovered += usize::from(it.is_uncovered());
        let shown =
            |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |it| format!("{it:.2}"));
        let _ = writeln!(
            text,
            "{:<22} {:>5} {:<5} {:>6} {:>5} {:>7}{mark} {:>7} {:>7} {:>6}",
            name(it.gpu),
            split(it),
            replica.precision_label(),
            thousands(replica.kv_cache_tokens()),
            serving.concurrency,
            short(serving.tpot_s.value * 1e3),
            short(serving.output_tokens_per_s.value),
            shown(it.usd_per_hour),
            shown(it.usd_per_million())
        );
    }
    if shown_rows > SHOWN {
        let _ = writeln!(
            text,
            "{} more, dearer or less known: --format json, or narrow with --gpu-count.",
            shown_rows - SHOWN
        );
    }
    text.push_str(&footer(args, rows, refused, saturated, uncovered));
    text
}

fn footer(
    args: &SizeArgs,
    rows: &[Priced<'_>],
    refused: usize,
    saturated: usize,
    uncovered: usize,
) -> String {
    let mut text = String::from(
        "SPLIT: GPUs of a replica, p for pipeline stages. BATCH: requests in progress, at most.\n\
         USD/1M output tokens with all of them taken. USD/H is the replica's share of the cheapest\n\
         pay-as-you-go instance that hosts it, community clouds left out.\n",
    );
    if args.serving.quantization.is_none() {
        text.push_str("Other formats of the weights: --quantization fp8, int8, int4, ...\n");
    }
    if uncovered > 0 {
        let _ = writeln!(text, "* {}; `--gpu` prints the range.", backing(Coverage::Uncovered));
    }
    if saturated > 0 {
        let _ =
            writeln!(text, "{saturated} more fit but do not keep the latency with one request.");
    }
    if refused > 0 && rows.len() > 16 {
        let _ = writeln!(text, "{refused} more do not fit or are refused; `--gpu NAME` says why.");
    }
    if args.explain {
        text.push_str("--explain prints the formulas of one deployment: name it with --gpu.\n");
    }
    text
}

fn engine(rows: &[Priced<'_>]) -> String {
    rows.first().map_or_else(String::new, |it| it.row.deployment.engine.to_string())
}

fn split(it: &Priced<'_>) -> String {
    let deployment = &it.row.deployment;
    match (deployment.tensor_parallel_size, deployment.pipeline_parallel_size) {
        (tensor, 1) => tensor.to_string(),
        (1, stages) => format!("{stages}p"),
        (tensor, stages) => format!("{tensor}x{stages}p"),
    }
}

const fn precision_of(it: &Priced<'_>) -> &'static str {
    it.row.deployment.precision.as_str()
}

/// The name of a GPU in 22 columns.
fn name(gpu: &GpuSpec) -> String {
    gpu.name.replace("RTX PRO 6000 Blackwell", "RTX PRO 6000").chars().take(22).collect()
}

fn row_json(it: &Priced<'_>, context: u64) -> Value {
    let replica = it.row.fit.replica();
    let serving = it.serving().map(|(_, serving)| serving);
    let (verdict, reason) = match (&it.row.fit, &it.carried) {
        (_, Some(Carried::Saturated { why })) => ("saturated", Some(why.clone())),
        (Fit::Fits(_), _) => ("fits", None),
        (Fit::DoesNotFit { .. }, _) => ("does_not_fit", Some(it.row.fit.to_string())),
        (Fit::UnsupportedDtype { .. }, _) => ("unsupported_dtype", Some(it.row.fit.to_string())),
        (Fit::RefusedTopology { .. }, _) => ("refused_topology", Some(it.row.fit.to_string())),
        (Fit::UnsupportedArchitecture { .. }, _) => {
            ("unsupported_architecture", Some(it.row.fit.to_string()))
        }
    };
    let mut value = deployed(it.gpu, &it.row.deployment);
    extend(
        &mut value,
        json!({
            "verdict": verdict,
            "fits": replica.is_some(),
            "reason": reason,
            "per_gpu": replica.map(|it| PerGpu::of(&it.memory).json()),
            "kv_cache_tokens": replica.map(Replica::kv_cache_tokens),
            "max_concurrency": replica.map(|it| rounded(it.memory.max_concurrency(context))),
            "usd_per_hour": it.usd_per_hour.map(rounded),
            "usd_per_million_output_tokens": it.usd_per_million().map(rounded),
        }),
    );
    extend(&mut value, served(serving, 1));
    value
}
