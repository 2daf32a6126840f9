//! What the GPUs of a deployment or a training exchange, by the rule and as measured.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::Answer;
use super::numbers::rounded;
use crate::catalog::{Catalog, GpuSpec, Wiring};
use crate::size::{
    Architecture, BothRules, Collective, Deployment, SplitQuestion, advise_split, both_rules,
    peer_to_peer_loss,
};
use crate::units::Bytes;

/// One direction of a link, bits a second.
fn line_rate(gpu: &GpuSpec) -> f64 {
    const DIRECTIONS: f64 = 2.0;
    const BITS_PER_GB: f64 = 8e9;
    gpu.fabric.link_gb_s / DIRECTIONS * BITS_PER_GB
}

/// Adding up `bytes` over `gpus`, both ways; nothing for one GPU or more than were measured.
pub(super) fn exchange(gpu: &GpuSpec, gpus: u32, bytes: f64) -> Option<BothRules> {
    let collective = Collective::of(gpu, gpus).filter(|_| gpus > 1)?;
    Some(both_rules(bytes, line_rate(gpu), &collective))
}

/// A time in the unit that suits it.
fn time(seconds: f64) -> String {
    match seconds {
        it if it < 1e-3 => format!("{:.1} us", it * 1e6),
        it if it < 1.0 => format!("{:.1} ms", it * 1e3),
        it => format!("{it:.2} s"),
    }
}

/// Both times and why they differ.
pub(super) fn in_words(what: &str, bytes: f64, it: &BothRules) -> String {
    format!(
        "  {what}, {:.2} MB: {} by the line rate, {} as measured;\n  {}\n",
        bytes / 1e6,
        time(it.line_rate_s),
        time(it.all_reduce_s),
        it.why
    )
}

/// Both times for a program.
pub(super) fn in_json(bytes: f64, it: &BothRules) -> Value {
    json!({
        "bytes": bytes,
        "line_rate_s": rounded(it.line_rate_s),
        "all_reduce_s": rounded(it.all_reduce_s),
        "why": it.why,
    })
}

/// The exchange of a serving step, and how the model is best split.
pub(super) fn of_serving(
    catalog: &Catalog,
    model: &Architecture,
    gpu: &GpuSpec,
    (deployment, gpus): (&Deployment, u32),
    (batch, usable, needed): (u32, f64, Bytes),
) -> Option<Answer> {
    const BYTES_16_BIT: f64 = 2.0;
    let advice = advise_split(
        &SplitQuestion {
            gpu,
            gpus,
            bus_bandwidth: deployment.bus_bandwidth_gb_s.map(|it| it * 1e9),
            num_hidden_layers: model.num_hidden_layers,
            hidden_size: model.hidden_size,
            num_attention_heads: model.num_attention_heads()?,
            params: model.active_params(),
            usable_per_gpu: Bytes::from_f64_rounded(usable),
            bytes: needed,
        },
        &catalog.assumptions.capacity,
    );
    let mut text = format!("\nINTERCONNECT of {gpus} x {}: {}\n", gpu.name, gpu.fabric.name);
    let bytes = f64::from(batch) * model.hidden_size as f64 * BYTES_16_BIT;
    let exchanged = exchange(gpu, deployment.tensor_parallel_size, bytes);
    if let Some(it) = &exchanged {
        text.push_str(&in_words(
            &format!("one of two all-reduces a layer for {batch} tokens"),
            bytes,
            it,
        ));
    }
    let _ = writeln!(text, "  {}", advice.why);
    let loss = (gpu.wiring != Wiring::Switched)
        .then(|| peer_to_peer_loss(&gpu.fabric, gpus, &catalog.assumptions.interconnect));
    if let Some(loss) = &loss {
        let _ = writeln!(text, "  {loss}");
    }
    let json = json!({
        "fabric": gpu.fabric.name,
        "all_reduce": exchanged.as_ref().map(|it| in_json(bytes, it)),
        "why": advice.why,
        "without_peer_to_peer": loss.map(|it| it.to_string()),
    });
    Some(Answer { text, json })
}
