//! Cheaper deployments for the load of a running one, and the settings that cost nothing.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::Answer;
use super::asked::Asked;
use super::numbers::{estimate, range, rounded};
use super::shown::{deployed, extend};
use crate::catalog::Catalog;
use crate::cli::SizeArgs;
use crate::recommend::{self, Downsize, Downsizes, Fleet, Running, SIDE_BY_SIDE, Task};
use crate::report;
use crate::size::{Lever, levers};

/// Rows the text shows.
const SHOWN: usize = 10;

pub(super) fn answer(
    args: &SizeArgs,
    catalog: &Catalog,
    running: &Running<'_>,
    asked: &Asked,
    (requests_per_s, peak): (f64, u32),
) -> Answer {
    let task = Task::of(args.requests.task.as_deref());
    let question = recommend::Asked {
        requests_per_s,
        profile: &asked.profile,
        slo: asked.slo,
        task,
        geforce: false,
    };
    let settings = levers(
        running.model,
        running.gpu,
        running.deployment,
        (peak, asked.profile.p95_total_tokens()),
        &catalog.assumptions.engine,
    );
    let mut text = levers_text(&settings);
    match recommend::downsizes(catalog, running, &question) {
        Ok(found) => {
            text.push_str(&downsizes_text(requests_per_s, &found));
            let json = in_json(catalog, &found, &settings);
            Answer { text, json }
        }
        Err(why) => {
            let _ = writeln!(text, "\nCHEAPER    nothing to compare: {why}");
            Answer { text, json: json!({ "reason": why, "levers": levers_json(&settings) }) }
        }
    }
}

fn levers_text(settings: &[Lever]) -> String {
    let mut text = String::from("SETTINGS THAT COST NOTHING\n");
    for it in settings {
        let frees = it.frees.map_or(String::new(), |it| format!("frees {it}, "));
        let _ = writeln!(
            text,
            "  {}: {frees}{} KV tokens instead of {}; {}",
            it.flag,
            report::count(it.kv_cache_tokens),
            report::count(it.before),
            it.note
        );
    }
    text.push_str(
        "  --enable-prefix-caching: what prompts share at their start is computed once\n",
    );
    text
}

fn downsizes_text(requests_per_s: f64, found: &Downsizes) -> String {
    let mut text = String::new();
    let today = found.today.as_ref().map_or_else(
        || "no price of today's GPU is known".to_owned(),
        |it| format!("today {} x {}, {:.2} USD an hour", it.instances, it.offer, it.usd_per_hour),
    );
    let _ = writeln!(text, "\nCHEAPER for {requests_per_s} requests/s with a fifth free; {today}");
    if found.cheaper.is_empty() {
        let _ = writeln!(text, "  none of {} deployments", found.n_tried);
        return text;
    }
    let _ = writeln!(
        text,
        "  {:>7} {:<22} {:>4} {:<5} {:>4} OF ONE OF TODAY'S",
        "USD/H", "GPU", "GPUS", "PREC", "N"
    );
    for it in found.cheaper.iter().take(SHOWN) {
        let _ = writeln!(
            text,
            "  {:>7.2} {:<22} {:>4} {:<5} {:>4} {} times",
            it.fleet.usd_per_hour,
            it.gpu.chars().take(22).collect::<String>(),
            it.deployment.gpu_count(),
            it.deployment.precision.as_str(),
            it.fleet.replicas,
            range(&it.capacity_ratio, 1.0)
        );
    }
    let more = found.cheaper.len().saturating_sub(SHOWN);
    if more > 0 {
        let _ = writeln!(text, "  and {more} more in --format json");
    }
    if let Some(first) = found.cheaper.iter().find(|it| it.caveat.is_some()) {
        text.push_str(&quality_text(first));
    }
    text
}

/// What to check before the precision falls.
fn quality_text(it: &Downsize) -> String {
    let mut text = String::new();
    if let (Some(caveat), Some(check)) = (it.caveat, &it.check) {
        let _ = writeln!(text, "\nQUALITY in {}: {caveat}.", it.deployment.precision);
        let _ = writeln!(
            text,
            "  {}",
            check
                .replace(" --", " \\\n      --")
                .replace("--model_args ", "--model_args \\\n        ")
        );
        let _ = writeln!(text, "  {SIDE_BY_SIDE}");
    }
    text
}

fn in_json(catalog: &Catalog, found: &Downsizes, settings: &[Lever]) -> Value {
    json!({
        "today": found.today.as_ref().map(fleet_json),
        "n_tried": found.n_tried,
        "levers": levers_json(settings),
        "side_by_side": SIDE_BY_SIDE,
        "cheaper": found.cheaper.iter().map(|it| row_json(catalog, it)).collect::<Vec<Value>>(),
    })
}

fn fleet_json(it: &Fleet) -> Value {
    json!({
        "replicas": it.replicas,
        "instances": it.instances,
        "offer": it.offer,
        "usd_per_hour": rounded(it.usd_per_hour),
    })
}

fn levers_json(settings: &[Lever]) -> Vec<Value> {
    settings
        .iter()
        .map(|it| {
            json!({
                "flag": it.flag,
                "frees_bytes": it.frees.map(crate::units::Bytes::get),
                "kv_cache_tokens": it.kv_cache_tokens,
                "kv_cache_tokens_before": it.before,
                "note": it.note,
            })
        })
        .collect()
}

fn row_json(catalog: &Catalog, it: &Downsize) -> Value {
    let mut value = catalog.gpu(&it.gpu).map_or(Value::Null, |gpu| deployed(gpu, &it.deployment));
    extend(&mut value, fleet_json(&it.fleet));
    extend(
        &mut value,
        json!({
            "requests_per_s": estimate(&it.requests_per_s),
            "capacity_ratio": estimate(&it.capacity_ratio),
            "quality": it.caveat,
            "check": it.check,
        }),
    );
    value
}
