//! What parallelism the groups allow.

use serde::Serialize;

use super::super::model::{Gpu, Link, Topology};
use super::super::text::{gpus, ranges};
use super::groups::{Group, Groups, pairs};

/// Largest island whose subsets are searched for one where every two have links.
const MOST_SEARCHED: usize = 16;

/// The largest group for tensor parallelism, and what to do across groups.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Parallelism {
    /// GPUs of the best group for tensor parallelism.
    pub tensor_gpus: Vec<u32>,
    /// Largest power of two among them: heads and widths of models divide by it.
    pub tensor_size: usize,
    /// True where that group is joined by fast links.
    pub over_fast_links: bool,
    /// Groups of that size, each joined in the same way: stages of a pipeline or copies.
    pub groups: usize,
    /// In words.
    pub text: Vec<String>,
}

pub(super) fn of(topology: &Topology, groups: &Groups, through_host: Option<bool>) -> Parallelism {
    let is_split = |it: &&Gpu| it.facts.mig_mode == Some(true);
    let split: Vec<u32> = topology.gpus.iter().filter(is_split).map(|it| it.index).collect();
    let all: Vec<u32> = topology.gpus.iter().map(|it| it.index).collect();
    let island = groups.islands.iter().rev().max_by_key(|it| it.gpus.len());
    // What GPUs can be grouped by: fast links, else the socket, else nothing.
    let islands = || groups.islands.iter().map(|it| it.gpus.clone()).collect::<Vec<_>>();
    let near = || groups.near.iter().map(|it| it.gpus.clone()).collect::<Vec<_>>();
    let sockets = || groups.sockets.iter().map(|it| it.gpus.clone()).collect::<Vec<_>>();
    let mut sets = [islands(), near(), sockets(), vec![all.clone()]]
        .into_iter()
        .find(|it| !it.is_empty())
        .unwrap_or_default();
    for set in &mut sets {
        set.retain(|it| !split.contains(it));
    }
    let tensor_gpus = sets.iter().rev().max_by_key(|it| it.len()).cloned().unwrap_or_default();
    let tensor_size = power_of_two(tensor_gpus.len());
    let count = |it: &Vec<u32>| it.len().checked_div(tensor_size).unwrap_or(0);
    let copies = sets.iter().map(count).sum();
    let over_fast_links = island.is_some();
    let mut text = Vec::new();
    if !split.is_empty() {
        text.push(format!("a copy of the model per part of {} (data parallel)", gpus(&split)));
    }
    if tensor_gpus.len() > 1 {
        text.push(match island {
            Some(it) => over_island(topology, it, tensor_size),
            None => over_pcie(topology, &tensor_gpus, through_host),
        });
        text.extend(across(&all, &tensor_gpus, copies, over_fast_links));
    } else if split.is_empty() && !all.is_empty() {
        text.push(
            "no group: copies of the model, here or on other hosts (data parallel)".to_owned(),
        );
    }
    Parallelism { tensor_gpus, tensor_size, over_fast_links, groups: copies, text }
}

fn power_of_two(n: usize) -> usize {
    if n == 0 { 0 } else { 1 << n.ilog2() }
}

fn over_island(topology: &Topology, island: &Group, size: usize) -> String {
    let gpus = ranges(&island.gpus);
    if island.all_to_all {
        return format!("tensor parallel up to {size} over fast links (GPUs {gpus})");
    }
    match clique(topology, island) {
        Some(it) if it.len() < size => format!(
            "tensor parallel {} where every two have links (GPUs {}); up to {size} works in rings over \
             the links, slower than behind a switch",
            power_of_two(it.len()),
            ranges(&it)
        ),
        _ => format!("tensor parallel up to {size} in rings over the links (GPUs {gpus})"),
    }
}

/// The first largest set of GPUs in which every two have a fast link.
fn clique(topology: &Topology, island: &Group) -> Option<Vec<u32>> {
    let members: Vec<usize> = island.gpus.iter().filter_map(|&it| topology.position(it)).collect();
    if members.len() > MOST_SEARCHED {
        return None;
    }
    let mut best: Vec<usize> = Vec::new();
    for set in 0_u32..1 << members.len() {
        if set.count_ones() as usize <= best.len() {
            continue;
        }
        let chosen = members.iter().enumerate().filter(|it| set >> it.0 & 1 == 1);
        let chosen: Vec<usize> = chosen.map(|it| *it.1).collect();
        let fast = |(a, b)| topology.links.get(a, b).is_some_and(|it| it.is_fast());
        if pairs(&chosen).all(fast) {
            best = chosen;
        }
    }
    Some(topology.indices(&best))
}

fn over_pcie(topology: &Topology, members: &[u32], through_host: Option<bool>) -> String {
    let size = power_of_two(members.len());
    let members = ranges(members);
    let stated = topology.links.iter().any(|it| *it.2 != Link::Unknown);
    match through_host {
        Some(true) => format!(
            "tensor parallel {size} (GPUs {members}) moves every layer's sums through host memory: \
             prefer a pipeline, or a copy per GPU where the model fits"
        ),
        Some(false) if stated => format!(
            "tensor parallel up to {size} over PCIe (GPUs {members}), far slower than over NVLink: best \
             for few GPUs and large batches"
        ),
        Some(false) => format!(
            "tensor parallel up to {size} (GPUs {members}): NCCL goes from GPU to GPU; how fast depends \
             on the links, which the log does not name"
        ),
        None => format!(
            "tensor parallel up to {size} (GPUs {members}) if peer-to-peer works; without it prefer a \
             pipeline, or a copy per GPU where the model fits"
        ),
    }
}

/// What to do with the GPUs beside the best group.
fn across(all: &[u32], group: &[u32], copies: usize, fast: bool) -> Vec<String> {
    let size = power_of_two(group.len());
    let what = if fast { "the slow way between them" } else { "what is between them" };
    let mut out = Vec::new();
    if copies > 1 {
        out.push(format!(
            "{copies} groups of {size}: a pipeline of {copies} stages, or {copies} copies (data \
             parallel); sums of every layer should not cross {what}"
        ));
    }
    let left = all.len().saturating_sub(copies * size);
    if left > 0 {
        let (gpus, stay) = if left == 1 { ("GPU", "stays") } else { ("GPUs", "stay") };
        out.push(format!(
            "{left} {gpus} beside that {stay} for a stage of a pipeline, a copy or other work"
        ));
    }
    out
}
