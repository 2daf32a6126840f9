//! What the memory of a GPU holds under each candidate.

use super::canvas::{
    self, Anchor, Canvas, RECOMMENDED, RISK, RULE, TEXT, TODAY, pixels, text_width, ticks,
};
use super::{Chart, WIDTH};
use crate::report::model::{CandidateReport, MemoryReport, ReportModel, WorkloadReport};
use crate::report::number::{DASH, Medium};
use crate::report::table::Table;
use crate::report::{RenderError, words};
use plotters::style::RGBColor;

/// Most bars.
const MOST: usize = 8;
/// Height of a bar with its label.
const ROW: i32 = 36;
/// Height of a bar.
const BAR: i32 = 14;
/// From the top of a row to its bar.
const LABEL: i32 = 17;
/// Below the bars: the axis and what the colours mean.
const FOOT: i32 = 62;
/// Right end of the longest bar.
const END: i32 = WIDTH - 8;
/// Bytes of a GiB.
const GIB: f64 = 1_073_741_824.0;
/// Numbers in charts.
const PAGE: Medium = Medium::Page;

/// The parts of a bar: what they are called, and their look.
const LOOKS: [(&str, RGBColor, f64); 5] = [
    ("weights", RECOMMENDED, 1.0),
    ("KV cache in use", RECOMMENDED, 0.5),
    ("KV cache free", RECOMMENDED, 0.18),
    ("activations", TODAY, 0.85),
    ("overhead", TODAY, 0.4),
];

/// The parts of a memory in the order of [`LOOKS`].
fn parts(it: &MemoryReport) -> [u64; 5] {
    let used = it.kv_cache_planned_bytes.unwrap_or(it.kv_cache_bytes);
    let left = it.kv_cache_bytes.saturating_sub(used);
    [it.weights_bytes, used, left, it.activation_bytes, it.overhead_bytes]
}

/// The candidates with a sized model: that of the recommended plan first, then in the model's order.
fn shown(workload: &WorkloadReport) -> Vec<(&CandidateReport, &MemoryReport, bool)> {
    let advised = words::recommended(workload).and_then(|it| it.candidate_id.as_ref());
    let sized = workload.candidates.iter().filter_map(|it| {
        let memory = it.memory.as_ref().filter(|it| it.gpu_bytes > 0)?;
        Some((it, memory, advised == Some(&it.id)))
    });
    let mut all: Vec<_> = sized.collect();
    all.sort_by_key(|it| !it.2);
    all.truncate(MOST);
    all
}

/// Weights, KV cache, activations, overhead and what is free, against what the engine may use.
pub(crate) fn memory(
    report: &ReportModel,
    workload: &WorkloadReport,
) -> Result<Chart, RenderError> {
    let bars = shown(workload);
    let title = match bars.first() {
        None => "No model was sized".to_owned(),
        Some((it, memory, _)) => {
            let cache = PAGE.gib(memory.kv_cache_bytes);
            format!("On {} {cache} are left for the KV cache", label(it))
        }
    };
    let model = workload
        .baseline
        .model
        .as_deref()
        .map_or_else(String::new, |it| format!(" of {}", words::shown(it)));
    let subtitle = format!(
        "GiB of each GPU{model}, at the busiest hour of {}; line: what the engine may use",
        report.period_label
    );
    let rows = i32::try_from(bars.len()).unwrap_or(0);
    let height = if bars.is_empty() { super::EMPTY } else { rows * ROW + FOOT };
    let body = canvas::draw(height, |canvas| {
        if bars.is_empty() {
            canvas.empty("The model served is not known, so nothing was sized", height)
        } else {
            paint(canvas, &bars, rows * ROW)
        }
    })?;
    Ok(Chart { title, subtitle, body, height })
}

/// `2 × H100 SXM5, fp8`.
fn label(it: &CandidateReport) -> String {
    let gpu = words::shown(&it.gpu);
    let n = it.gpu_count;
    let lead = if n == 1 { String::new() } else { format!("{n} × ") };
    format!("{lead}{gpu}, {}", words::shown(&it.precision))
}

fn paint(
    canvas: &Canvas<'_>,
    bars: &[(&CandidateReport, &MemoryReport, bool)],
    bottom: i32,
) -> Result<(), RenderError> {
    let gib = |bytes: u64| bytes as f64 / GIB;
    let top = bars.iter().map(|it| gib(it.1.gpu_bytes)).fold(f64::MIN_POSITIVE, f64::max);
    let x = |value: f64| pixels(value / top, END);
    for (at, value) in ticks(top).into_iter().enumerate() {
        let anchor = if at == 0 { Anchor::Start } else { Anchor::Middle };
        canvas.line(vec![(x(value), 0), (x(value), bottom)], RULE, 1)?;
        canvas.text(&PAGE.quantity(value), (x(value), bottom + 12), anchor, TODAY)?;
    }
    for (at, (candidate, memory, advised)) in bars.iter().enumerate() {
        let y = i32::try_from(at).unwrap_or(0) * ROW;
        let (top, bottom) = (y + LABEL, y + LABEL + BAR);
        let name = words::clip(&label(candidate), 44);
        if *advised {
            canvas.bold(&format!("Recommended: {name}"), (0, y + 8), Anchor::Start, TEXT)?;
        } else {
            canvas.text(&name, (0, y + 8), Anchor::Start, TEXT)?;
        }
        let mut sum = 0.0;
        for (bytes, (_, color, opacity)) in parts(memory).into_iter().zip(LOOKS) {
            let from = x(sum);
            sum += gib(bytes);
            canvas.rect((from, top), (x(sum), bottom), color, opacity)?;
        }
        canvas.frame((0, top), (x(gib(memory.gpu_bytes)), bottom), TODAY)?;
        if let Some(usable) = candidate.usable_bytes {
            let x = x(gib(usable));
            canvas.line(vec![(x, top - 4), (x, bottom + 4)], RISK, 2)?;
        }
    }
    legend(canvas, bottom + 32)
}

/// What the colours mean, on two lines.
fn legend(canvas: &Canvas<'_>, y: i32) -> Result<(), RenderError> {
    let (mut x, mut y) = (0, y);
    for (name, color, opacity) in LOOKS.into_iter().chain([("free", RULE, 0.0)]) {
        let width = 16 + text_width(name);
        if x + width > WIDTH {
            (x, y) = (0, y + 18);
        }
        canvas.rect((x, y - 5), (x + 10, y + 5), color, opacity)?;
        canvas.frame((x, y - 5), (x + 10, y + 5), TODAY)?;
        canvas.text(name, (x + 16, y), Anchor::Start, TODAY)?;
        x += width + 14;
    }
    Ok(())
}

/// The numbers behind the bars.
pub(crate) fn data(workload: &WorkloadReport) -> Table {
    let heads = [
        "Candidate",
        "Weights#",
        "KV cache#",
        "Of it in use#",
        "Activations#",
        "Overhead#",
        "Free#",
        "May be used#",
    ];
    let mut table = Table::new("Memory of each GPU by candidate, GiB", &heads);
    let gib = |bytes: u64| PAGE.gib(bytes).trim_end_matches("\u{202f}GiB").to_owned();
    let maybe = |bytes: Option<u64>| bytes.map_or_else(|| DASH.to_owned(), gib);
    for (candidate, it, advised) in shown(workload) {
        table.push_strong(
            advised,
            vec![
                label(candidate),
                gib(it.weights_bytes),
                gib(it.kv_cache_bytes),
                maybe(it.kv_cache_planned_bytes),
                gib(it.activation_bytes),
                gib(it.overhead_bytes),
                gib(it.free_bytes),
                maybe(candidate.usable_bytes),
            ],
        );
    }
    table
}
