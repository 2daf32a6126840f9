//! Starts against published measurements.
//!
//! The rows of one profiler decide how well a start is predicted on a host where others were
//! measured; all other rows, whether the range holds where none was.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use gpuadvise::catalog::ColdStart;
use gpuadvise::size::{
    Architecture, Coverage, Engine, Estimate, Host, MeasuredStart, Snapshot, StartQuestion,
    StartUp, Storage,
};
use gpuadvise::units::Bytes;

use super::{Errors, HEAD, Row, catalog, number, rows};

/// The section of the document, with its bars held.
pub(super) fn section() -> String {
    let all = rows("cold_start.csv");
    let (profiler, others): (Vec<&Row>, Vec<&Row>) =
        all.iter().partition(|row| row["source_url"].contains("vllm-startup-profiler"));
    format!("## Cold start\n\n{}\n{}", same_host(&profiler), elsewhere(&others))
}

/// One measured start of the profiler.
struct Case {
    name: String,
    question: StartQuestion,
    weights_s: f64,
    total_s: f64,
}

impl Case {
    fn measured(&self) -> MeasuredStart {
        MeasuredStart {
            question: self.question.clone(),
            total_s: self.total_s,
            weights_s: Some(self.weights_s),
        }
    }

    fn found(&self, host: Option<&Host>, constants: &ColdStart) -> Estimate {
        StartUp::of(&self.question, host, constants).total()
    }
}

/// A start of a dense model on one GPU, where everything but the weights is at hand.
fn question(gb: f64, num_hidden_layers: u64) -> StartQuestion {
    StartQuestion {
        weights_per_gpu: Bytes::from_f64_rounded(gb * 1e9),
        gpu_count: 1,
        num_hidden_layers,
        engine: Engine::DEFAULT,
        enforce_eager: false,
        coverage: Coverage::Measured,
        storage: Storage::Unnamed,
        has_compiled_code: true,
        allocates: false,
        image: None,
    }
}

/// The starts of every host that state the whole and its weights.
fn hosts(profiler: &[&Row]) -> BTreeMap<String, Vec<Case>> {
    let mut found: BTreeMap<String, Vec<Case>> = BTreeMap::new();
    for row in profiler.iter().filter(|row| row["phase"] == "total_process_to_ready") {
        let is_load = |it: &&&Row| matches!(it["phase"].as_str(), "load_weights" | "weight_load");
        let of_row = |it: &&&Row| {
            ["source_url", "gpu", "model_id"].iter().all(|column| it[*column] == row[*column])
        };
        let load = profiler.iter().filter(is_load).find(of_row).unwrap();
        let is_first = row["platform_or_stack"].contains("first run");
        let id = match row["model_id"].as_str() {
            "yi-6b" => "01-ai/Yi-6B".to_owned(),
            name => format!("Qwen/{name}"),
        };
        let layers = catalog().model(&id).unwrap().num_hidden_layers.unwrap();
        let cached = row["storage"].contains("page cache warm") || row["storage"].contains("RAM");
        let case = Case {
            name: row["model_id"].clone(),
            question: StartQuestion {
                storage: if cached { Storage::PageCache } else { Storage::Ssd },
                has_compiled_code: !is_first,
                ..question(number(row, "bytes_gb").unwrap(), layers)
            },
            weights_s: number(load, "seconds").unwrap(),
            total_s: number(row, "seconds").unwrap(),
        };
        let host = row["gpu"].split([' ', ',']).next().unwrap();
        let host = if host == "second" { "L40S" } else { host };
        let state = if is_first { "first run" } else { "compiled before" };
        found.entry(format!("{host}, {state}")).or_default().push(case);
    }
    found
}

/// The constants by the starts of a host: bandwidth, and a line over the layers.
fn refit(cases: &[&Case]) -> ColdStart {
    let n = cases.len() as f64;
    let layers = |it: &Case| it.question.num_hidden_layers as f64;
    let rest = |it: &Case| it.total_s - it.weights_s;
    let gb: f64 = cases.iter().map(|it| it.question.weights_per_gpu.to_gb()).sum();
    let read: f64 = cases.iter().map(|it| it.weights_s).sum();
    let mean_layers = cases.iter().map(|it| layers(it)).sum::<f64>() / n;
    let mean_rest = cases.iter().map(|it| rest(it)).sum::<f64>() / n;
    let covariance: f64 =
        cases.iter().map(|it| (layers(it) - mean_layers) * (rest(it) - mean_rest)).sum();
    let variance: f64 = cases.iter().map(|it| (layers(it) - mean_layers).powi(2)).sum();
    let per_layer = covariance / variance;
    ColdStart {
        framework_s: mean_rest - per_layer * mean_layers,
        engine_s: 0.0,
        engine_per_layer_s: per_layer,
        weight_bandwidth_gb_s: gb / read,
        ..catalog().assumptions.cold_start.clone()
    }
}

/// What one host says of its other starts.
fn same_host(profiler: &[&Row]) -> String {
    let constants = &catalog().assumptions.cold_start;
    let (mut left_out, mut by_one, mut alone) =
        (Errors::default(), Errors::default(), Errors::default());
    let mut by_host = String::new();
    let (mut inside_by_one, mut inside_alone) = (0_usize, 0_usize);
    for (host, cases) in hosts(profiler) {
        let mut errors = Errors::default();
        for case in &cases {
            let name = format!("{}, {host}", case.name);
            let others: Vec<&Case> = cases.iter().filter(|it| it.name != case.name).collect();
            // The line over the layers holds the state of the compiled code of this host.
            let question = StartQuestion {
                storage: Storage::Unnamed,
                has_compiled_code: true,
                ..case.question.clone()
            };
            let found = StartUp::of(&question, None, &refit(&others)).total().value;
            errors.note(&name, found, case.total_s);
            left_out.note(&name, found, case.total_s);
            for other in others {
                let measured = Host::of(&other.measured(), constants).unwrap();
                let found = case.found(Some(&measured), constants);
                by_one.note(&format!("{name} by {}", other.name), found.value, case.total_s);
                inside_by_one += usize::from(holds(&found, case.total_s));
            }
            let found = case.found(None, constants);
            alone.note(&name, found.value, case.total_s);
            inside_alone += usize::from(holds(&found, case.total_s));
        }
        by_host.push_str(&errors.line(&format!("the same, {host}"), ""));
    }
    assert!(left_out.n() >= 15 && left_out.median() <= 0.10, "{}", left_out.line("", ""));
    assert!(by_one.median() <= 0.10, "{}", by_one.line("", ""));
    let share = |inside: usize, n: usize| format!("{inside} of {n}");
    format!(
        "Starts of upb-cn/vllm-startup-profiler from process to ready (tests/data/cold_start.csv), vLLM\n\
         0.10.1.1, four dense models up to 7B on one GPU. With a model left out, bandwidth and a line over\n\
         the layers are fitted on the others of its host. Calibrated is what ships: one start of one other\n\
         model sets the factor of the host and its bandwidth; inside the range: {}. Without a\n\
         measured start and with the storage named: {} inside, to which the range was set.\n\n\
         {HEAD}{}{by_host}{}{}",
        share(inside_by_one, by_one.n()),
        share(inside_alone, alone.n()),
        left_out.line("process to ready, its model left out", "median 10 %"),
        by_one.line("calibrated by one start of another model", "median 10 %"),
        alone.line("not calibrated", "reported"),
    )
}

fn holds(range: &Estimate, seconds: f64) -> bool {
    (range.low..=range.high).contains(&seconds)
}

/// What the model says of a row.
enum Said {
    /// A prediction of a row that no width and no constant was set by.
    HeldOut(Estimate),
    /// A prediction of a row that a constant was set by.
    Tuned(Estimate),
    /// None, because.
    Nothing(&'static str),
}

/// Whether the range holds what others measured.
fn elsewhere(others: &[&Row]) -> String {
    let mut table = String::from(
        "| row | measured, s | predicted, s | inside | row used for a constant |\n\
         | --- | ---: | ---: | --- | --- |\n",
    );
    let mut excluded: BTreeMap<&str, usize> = BTreeMap::new();
    let (mut inside, mut all) = ([0_usize; 2], [0_usize; 2]);
    let mut ratios = Vec::new();
    for row in others {
        let (range, is_tuned) = match said(row) {
            Said::HeldOut(range) => (range, false),
            Said::Tuned(range) => (range, true),
            Said::Nothing(why) => {
                *excluded.entry(why).or_default() += 1;
                continue;
            }
        };
        let seconds = number(row, "seconds").unwrap();
        let is_inside = holds(&range, seconds);
        all[usize::from(is_tuned)] += 1;
        inside[usize::from(is_tuned)] += usize::from(is_inside);
        ratios.push(range.high / range.low);
        let _ = writeln!(
            table,
            "| {}, {}, {} | {seconds} | {:.1} ({:.1} to {:.1}) | {} | {} |",
            row["model_id"],
            row["platform_or_stack"],
            row["phase"],
            range.value,
            range.low,
            range.high,
            if is_inside { "yes" } else { "no" },
            if is_tuned { "yes" } else { "" }
        );
    }
    let share = inside[0] as f64 / all[0] as f64;
    assert!(all[0] >= 15 && share >= 0.8, "{inside:?} of {all:?}\n{table}");
    ratios.sort_by(f64::total_cmp);
    let why: Vec<String> = excluded.iter().map(|(why, n)| format!("{n} {why}")).collect();
    format!(
        "### Other hosts, not calibrated\n\n\
         {} of {} other rows are predicted; left out are\n{}.\n\
         Inside the range: {} of {} rows that nothing was set by, {:.0} % (bar 80 %), and {} of {} that a\n\
         constant was set by. The widths follow from the profiler's rows, the rates of storage and one\n\
         report that is no row, by rules chosen with all rows in view. High over low is {:.1} in the\n\
         median and {:.0} at most, so a start that was not measured is known to a factor of two to three\n\
         either way: measure one. Starts of platforms count as those of a fresh worker: GPU allocated,\n\
         code not compiled.\n\n{table}",
        all[0] + all[1],
        others.len(),
        why.join(", "),
        inside[0],
        all[0],
        share * 100.0,
        inside[1],
        all[1],
        ratios[ratios.len() / 2],
        ratios[ratios.len() - 1],
    )
}

fn said(row: &Row) -> Said {
    let constants = &catalog().assumptions.cold_start;
    let (stack, phase) = (row["platform_or_stack"].as_str(), row["phase"].as_str());
    let notes = row["notes"].as_str();
    if stack.contains("FlashBoot") {
        return Said::HeldOut(Snapshot::WarmWorker.restore(constants));
    }
    if stack.contains("GPU snapshot") {
        let range = Snapshot::MemoryImage.restore(constants);
        let is_fleet = row["model_id"] == "fleet mean";
        return if is_fleet { Said::Tuned(range) } else { Said::HeldOut(range) };
    }
    if phase == "provision_gpu_ready" {
        let allocated = StartQuestion { allocates: true, ..question(1.0, 32) };
        return Said::Tuned(StartUp::of(&allocated, None, constants).allocation);
    }
    match phase {
        "download" => return Said::Nothing("that is arithmetic"),
        "nixl_registration" => return Said::Nothing("of a phase that is not modelled"),
        "engine_init_total" => return Said::Nothing("whose layers are not told"),
        _ => {}
    }
    if ["SDXL", "SD-class"].contains(&row["model_id"].as_str()) || stack == "Replicate" {
        return Said::Nothing("of other models than language models");
    }
    let Some(gb) = number(row, "bytes_gb").or_else(|| number(row, "params_b")) else {
        return Said::Nothing("without the size of a model");
    };
    let question = row_question(row, gb);
    let start = StartUp::of(&question, None, constants);
    let range = match phase {
        "weight_load" => start.weights,
        "p2p_check" => start.checks,
        "dynamo_transform" => start.tracing,
        "torch_compile_cold" => start.compilation,
        "cuda_graph_capture" => start.graphs,
        "total_cold_start" => start.total(),
        other => panic!("{other}: {notes}"),
    };
    // By its four rows the rates of NVMe, page cache and memory were set.
    let is_tuned = row["model_id"] == "Qwen3-32B";
    if is_tuned { Said::Tuned(range) } else { Said::HeldOut(range) }
}

/// The start of a row of another host.
fn row_question(row: &Row, gb: f64) -> StartQuestion {
    let gpus = row["gpu"].split_once('x').and_then(|it| it.0.parse().ok()).unwrap_or(1);
    let is_whole = row["phase"] == "total_cold_start";
    // Experts, linear attention and several GPUs: nothing like them was measured.
    let is_dense =
        gpus == 1 && !["A3B", "MoE", "Qwen3.6"].iter().any(|it| row["model_id"].contains(it));
    StartQuestion {
        weights_per_gpu: Bytes::from_f64_rounded(gb * 1e9 / f64::from(gpus)),
        gpu_count: gpus,
        engine: if row["platform_or_stack"].contains("2025-06") {
            Engine::parse("vllm@0.9").unwrap()
        } else {
            Engine::DEFAULT
        },
        coverage: if is_dense { Coverage::Measured } else { Coverage::Uncovered },
        storage: storage(row),
        has_compiled_code: !is_whole && row["phase"] != "torch_compile_cold",
        allocates: is_whole,
        ..question(gb, layers(&row["model_id"]))
    }
}

fn storage(row: &Row) -> Storage {
    let is_random = row["notes"].contains("random");
    match (row["platform_or_stack"].as_str(), row["storage"].as_str()) {
        ("SLLM store", _) if is_random => Storage::DirectNvme,
        ("SLLM store", _) => Storage::HostMemory,
        ("safetensors", _) if !is_random => Storage::PageCache,
        ("safetensors", _) | (_, "NVMe") => Storage::Nvme,
        (_, "hot page cache") => Storage::PageCache,
        (_, "network volume") => Storage::NetworkVolume,
        _ => Storage::Unnamed,
    }
}

/// Layers of the models whose rows need them; of no other row is a phase asked that does.
fn layers(model: &str) -> u64 {
    let id = match model {
        "Llama-70B-FP8 TP=8" => "meta-llama/Meta-Llama-3-70B",
        "Nemotron-3-Nano-30B-A3B-FP8" => "nvidia/NVIDIA-Nemotron-3-Nano-30B-A3B-BF16",
        "Qwen3.6-27B-FP8" => "Qwen/Qwen3.6-27B",
        "Llama-3.1-8B" => "meta-llama/Meta-Llama-3.1-8B",
        // The config.json of ibm-granite/granite-docling-258M: as SmolLM2-135M.
        "granite-docling-258M" => return 30,
        "7B FP16" => "meta-llama/Llama-2-7b-hf",
        _ => return 1,
    };
    let arch = catalog().model(id).unwrap_or_else(|| panic!("{id} is not in the catalog"));
    Architecture::of(arch).unwrap().num_hidden_layers
}
