//! What joins the GPUs.

use super::super::facts::HostFacts;
use super::super::needs::Needs;
use super::super::text::gpus;
use super::{Check, numbers, usable};

const FABRIC: &str = "NVLink fabric";
const PEERS: &str = "peer access";

pub(super) fn check(facts: &HostFacts, needs: &Needs) -> Vec<Check> {
    let mut out = Vec::new();
    out.extend(fabric(facts, needs));
    if needs.gpu.tensor_parallel > 1 {
        out.push(peers(facts, needs));
    }
    out
}

/// Behind switches CUDA starts only when the fabric manager has trained the links (NVIDIA Fabric
/// Manager user guide: state Completed and status Success; before that error 802).
fn fabric(facts: &HostFacts, needs: &Needs) -> Option<Check> {
    const NEEDED: &str = "Completed, Success";
    let gpus_here = usable(facts, needs);
    let with: Vec<_> = gpus_here.iter().filter_map(|it| it.health.fabric.as_ref()).collect();
    if with.is_empty() {
        return None;
    }
    let is_ready =
        |it: &(String, String)| it.0 == "Completed" && matches!(it.1.as_str(), "Success" | "");
    let wrong = numbers(&gpus_here, |it| it.health.fabric.as_ref().is_some_and(|it| !is_ready(it)));
    let Some(first) = with.iter().find(|it| !is_ready(it)) else {
        return Some(Check::pass(FABRIC, "Completed, Success", NEEDED));
    };
    let found = format!("{}, {} on {}", first.0, first.1, gpus(&wrong));
    Some(Check::pass(FABRIC, found, NEEDED).fail(
        "CUDA does not start (error 802): start the fabric manager of the driver's version, `sudo \
         systemctl start nvidia-fabricmanager`",
    ))
}

fn peers(facts: &HostFacts, needs: &Needs) -> Check {
    let needed = format!("between {} GPUs", needs.gpu.tensor_parallel);
    match facts.peers {
        Some((0, _)) => Check::pass(PEERS, "works between all", needed),
        Some((refused, known)) => Check::pass(PEERS, format!("refused, {refused} of {known} pairs"), needed)
            .warn("the GPUs exchange data through host memory, which is slower: `gpuadvise topo` tells more"),
        None => Check::unknown(PEERS, needed)
            .because("`gpuadvise topo` reads `nvidia-smi topo -m` and `nvidia-smi topo -p2p r`"),
    }
}
