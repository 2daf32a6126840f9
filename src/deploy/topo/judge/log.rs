//! What a log of NCCL shows of the run, in sentences.

use super::super::nccl::NcclFacts;
use super::super::text::list;

/// Most warnings repeated.
const MOST_WARNINGS: usize = 3;

/// Version, size, transports, rings, warnings.
pub(super) fn sentences(log: &NcclFacts) -> Vec<String> {
    let library = if log.is_rccl { "RCCL" } else { "NCCL" };
    let version = log.version.as_deref().map_or(String::new(), |it| format!(" {it}"));
    let mut parts = vec![format!("{library}{version}")];
    parts.extend(log.ranks.map(|it| format!("{it} ranks")));
    parts.extend(log.nodes.map(|it| format!("{it} node{}", if it == 1 { "" } else { "s" })));
    let mut out = Vec::new();
    if parts.len() > 1 || log.version.is_some() {
        out.push(parts.join(", "));
    }
    let counts = log.counts();
    if !counts.is_empty() {
        let channels = counts.iter().map(|(transport, n)| format!("{transport} {n}"));
        out.push(format!("lines about channels: {}", list(channels)));
    }
    if let Some((_, ring)) = log.rings.first_key_value() {
        let order: Vec<String> = ring.iter().take(16).map(u32::to_string).collect();
        let more = if ring.len() > order.len() { " ..." } else { "" };
        out.push(format!("{} rings, the first: {}{more}", log.rings.len(), order.join(" ")));
    }
    if log.nvls == Some(true) {
        out.push("the switches can add on the way (NVLS)".to_owned());
    }
    for it in log.warnings.iter().take(MOST_WARNINGS) {
        out.push(format!("NCCL warns: {it}"));
    }
    out
}
