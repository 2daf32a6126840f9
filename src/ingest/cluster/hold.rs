//! Who held the GPUs of a node, and when: claims that never add up to more than the node.

use std::collections::BTreeSet;

use super::gpu::GpuCapacity;
use crate::units::Timestamp;

/// A workload's hold on GPUs of a billed machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Claim {
    /// The workload.
    pub workload: String,
    /// Its namespace.
    pub namespace: String,
    /// GPUs it holds, in [`super::GPU_PARTS`]; claims of one instant add up to at most the machine's.
    pub gpu_parts: u64,
    /// GPUs of the machine, in the same.
    pub node_gpu_parts: u64,
    /// From when; nothing when the start is not known.
    pub from: Option<Timestamp>,
    /// Until when, not included; nothing when it was still there at the end of the data. An end
    /// between two snapshots is the later of the two, or earlier where the next pod could not have
    /// started otherwise.
    pub to: Option<Timestamp>,
}

/// A pod that holds units of a node.
#[derive(Clone, Debug)]
pub(super) struct Holder {
    pub workload: String,
    pub namespace: String,
    pub pod: String,
    pub units: u64,
    pub from: Option<Timestamp>,
    pub to: Option<Timestamp>,
    pub last_seen: Option<Timestamp>,
    pub end_known: bool,
}

/// The claims of one node, and the pods that found too few units free.
pub(super) struct Held {
    pub claims: Vec<Claim>,
    /// Pods cut short in amount: `namespace/pod`.
    pub crowded: Vec<String>,
}

/// Gives units of the node to its pods in the order they started.
///
/// A pod that ended between two snapshots is first taken to hold its units until the later one.
/// When the node has too few units for a newcomer, such pods must have ended before it: those of
/// the newcomer's own workload first (a new version replaces the old), then those seen last the
/// longest ago.
pub(super) fn hold(capacity: &GpuCapacity, mut holders: Vec<Holder>) -> Held {
    holders.sort_by(|a, b| (a.from, &a.namespace, &a.pod).cmp(&(b.from, &b.namespace, &b.pod)));
    let mut free: BTreeSet<u64> = (0..capacity.units).collect();
    let mut active: Vec<Slot> = Vec::new();
    let mut done: Vec<Slot> = Vec::new();
    let mut crowded = Vec::new();
    for holder in holders {
        let (ended, rest) = active.into_iter().partition(|it: &Slot| {
            it.holder.to.is_some_and(|to| holder.from.is_some_and(|from| to <= from))
        });
        active = rest;
        release(ended, &mut free, &mut done);
        if (free.len() as u64) < holder.units {
            make_room(&holder, &mut active, &mut free, &mut done);
        }
        let take = usize::try_from(holder.units).unwrap_or(usize::MAX);
        let units: Vec<u64> = free.iter().copied().take(take).collect();
        if units.len() < take {
            crowded.push(format!("{}/{}", holder.namespace, holder.pod));
        }
        free.retain(|it| units.binary_search(it).is_err());
        active.push(Slot { holder, units });
    }
    done.extend(active);
    let claims = done.into_iter().filter_map(|it| it.claim(capacity)).collect();
    Held { claims: merged(claims), crowded }
}

/// A holder and its units.
struct Slot {
    holder: Holder,
    units: Vec<u64>,
}

impl Slot {
    fn claim(self, capacity: &GpuCapacity) -> Option<Claim> {
        let parts = |unit: u64| capacity.parts_up_to(unit + 1) - capacity.parts_up_to(unit);
        let gpu_parts: u64 = self.units.iter().map(|it| parts(*it)).sum();
        let holder = self.holder;
        let lasts = match (holder.from, holder.to) {
            (Some(from), Some(to)) => from < to,
            _ => true,
        };
        (gpu_parts > 0 && lasts).then_some(Claim {
            workload: holder.workload,
            namespace: holder.namespace,
            gpu_parts,
            node_gpu_parts: capacity.gpu_parts,
            from: holder.from,
            to: holder.to,
        })
    }
}

fn release(ended: Vec<Slot>, free: &mut BTreeSet<u64>, done: &mut Vec<Slot>) {
    for slot in ended {
        free.extend(slot.units.iter().copied());
        done.push(slot);
    }
}

/// Ends pods whose end is not known exactly at the newcomer's start, until it fits.
fn make_room(
    newcomer: &Holder,
    active: &mut Vec<Slot>,
    free: &mut BTreeSet<u64>,
    done: &mut Vec<Slot>,
) {
    let Some(start) = newcomer.from else { return };
    loop {
        if free.len() as u64 >= newcomer.units {
            return;
        }
        let may_have_ended = |it: &(usize, &Slot)| {
            let holder = &it.1.holder;
            let gone = holder.to.is_some() && !holder.end_known;
            gone && holder.last_seen.is_none_or(|it| it <= start)
        };
        let pick = active
            .iter()
            .enumerate()
            .filter(|it| may_have_ended(it))
            .min_by_key(|(_, it)| {
                let other = it.holder.workload != newcomer.workload;
                (other, it.holder.last_seen, it.holder.pod.clone())
            })
            .map(|(at, _)| at);
        let Some(at) = pick else { return };
        let mut slot = active.remove(at);
        slot.holder.to = Some(start);
        release(vec![slot], free, done);
    }
}

/// Claims in order of time, those of one workload over one span added up.
fn merged(mut claims: Vec<Claim>) -> Vec<Claim> {
    let key =
        |it: &Claim| (it.from, it.to, it.namespace.clone(), it.workload.clone(), it.node_gpu_parts);
    claims.sort_by_key(key);
    let mut sums: Vec<Claim> = Vec::with_capacity(claims.len());
    for claim in claims {
        match sums.last_mut().filter(|it| key(it) == key(&claim)) {
            Some(sum) => sum.gpu_parts += claim.gpu_parts,
            None => sums.push(claim),
        }
    }
    sums
}

/// When a machine was there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Life {
    /// Its GPUs, in [`super::GPU_PARTS`].
    pub gpu_parts: u64,
    /// From when; nothing when its start is not known.
    pub from: Option<Timestamp>,
    /// Until when; nothing when it was still there at the end of the data.
    pub to: Option<Timestamp>,
}

/// What a bill charges under one name: a machine, or a scale set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Machine {
    /// Who held its GPUs, in order of time.
    pub claims: Vec<Claim>,
    /// When it was there; of a set each of its machines.
    pub lives: Vec<Life>,
}

impl Machine {
    /// A machine that was there from and until then, and at least while it was held.
    pub(super) fn new(
        capacity: &GpuCapacity,
        (from, to): (Option<Timestamp>, Option<Timestamp>),
        claims: Vec<Claim>,
    ) -> Machine {
        let from = from.map(|it| claims.iter().filter_map(|it| it.from).fold(it, Timestamp::min));
        let life = Life { gpu_parts: capacity.gpu_parts, from, to };
        Machine { claims, lives: vec![life] }
    }

    /// A scale set, which is billed as one resource: the claims of its machines, cut where a machine
    /// came or went, so that each states the GPUs the set had at the time.
    pub(super) fn of_set(members: &[&Machine]) -> Machine {
        let lives: Vec<Life> = members.iter().flat_map(|it| it.lives.iter().cloned()).collect();
        let mut cuts: Vec<Timestamp> =
            lives.iter().flat_map(|it| [it.from, it.to]).flatten().collect();
        cuts.sort_unstable();
        cuts.dedup();
        let gpus_at = |at: Option<Timestamp>| -> u64 {
            let alive = |it: &&Life| it.from <= at && (it.to.is_none() || at < it.to);
            lives.iter().filter(alive).map(|it| it.gpu_parts).sum()
        };
        let mut claims = Vec::new();
        for claim in members.iter().flat_map(|it| &it.claims) {
            let inside =
                |it: &&Timestamp| Some(**it) > claim.from && claim.to.is_none_or(|to| **it < to);
            let inner: Vec<_> = cuts.iter().filter(inside).copied().map(Some).collect();
            let starts = std::iter::once(claim.from).chain(inner.iter().copied());
            let ends = inner.iter().copied().chain(std::iter::once(claim.to));
            for (from, to) in starts.zip(ends) {
                let node_gpu_parts = gpus_at(from).max(claim.node_gpu_parts);
                claims.push(Claim { node_gpu_parts, from, to, ..claim.clone() });
            }
        }
        Machine { claims: merged(claims), lives }
    }
}
