//! Settings and slots of single GPUs.

use super::super::super::model::{Gpu, Link};
use super::super::super::read::Reading;
use super::super::super::text::gpus as named;
use super::super::groups::{FabricClass, Groups, has_switches};
use super::{Advice, Condition};

pub(super) fn advice(reading: &Reading, groups: &Groups) -> Vec<Advice> {
    let gpus = &reading.topology.gpus;
    let mut out = Vec::new();
    let narrow = |it: &Gpu| {
        let slot = it.facts.pcie;
        slot.width_current.zip(slot.width_max).is_some_and(|(now, most)| now < most)
    };
    if let Some((list, first)) = those(gpus, narrow) {
        let slot = first.facts.pcie;
        let lanes = slot.width_current.zip(slot.width_max).unwrap_or_default();
        out.push(Advice::new(
            Condition::Now,
            &format!("PCIe lanes of {list}"),
            "reseat it, try another slot, look at lane sharing in the BIOS",
            &format!("{} of {} lanes; lanes do not drop when a GPU is idle", lanes.0, lanes.1),
        ));
    }
    if let Some((list, _)) = those(gpus, |it| it.facts.persistence == Some(false)) {
        out.push(Advice::new(
            Condition::IfNeeded,
            &format!("persistence of {list}"),
            "nvidia-smi -pm 1, or the service nvidia-persistenced",
            "without it the driver unloads between clients, and every start waits for it",
        ));
    }
    let is_split = |it: &Gpu| it.facts.mig_mode == Some(true);
    if let Some((list, _)) = those(gpus, is_split) {
        out.push(Advice::new(
            Condition::IfNeeded,
            &format!("MIG of {list}"),
            "nvidia-smi -mig 0 where a job needs several GPUs",
            "parts have no peer-to-peer and no NVLink",
        ));
    }
    out.extend(fabric(reading, groups));
    out
}

/// GPUs without `NVLink` of a kind that has it: by name, or as all the others have.
fn fabric(reading: &Reading, groups: &Groups) -> Option<Advice> {
    let topology = &reading.topology;
    let is_stated = topology.links.iter().any(|it| *it.2 != Link::Unknown);
    let is_amd = groups.islands.iter().any(|it| it.fabric == FabricClass::XgmiMesh);
    let large = groups.islands.iter().any(|it| it.gpus.len() > 2);
    let is_out = |it: &Gpu| {
        let switched = it.facts.name.as_deref().is_some_and(has_switches);
        let is_in = groups.islands.iter().any(|island| island.gpus.contains(&it.index));
        !is_in && (switched || large)
    };
    let (list, _) = those(&topology.gpus, is_out).filter(|_| is_stated && !is_amd)?;
    Some(Advice::new(
        Condition::Now,
        &format!("NVLink of {list}"),
        "nvidia-smi nvlink -s, the service nvidia-fabricmanager in the driver's version, dmesg for Xid \
         errors, then a reset or service",
        "its kind has NVLink and the matrix shows none",
    ))
}

/// Numbers of the GPUs that are so, and the first of them.
fn those(gpus: &[Gpu], are: impl Fn(&Gpu) -> bool) -> Option<(String, &Gpu)> {
    let found: Vec<&Gpu> = gpus.iter().filter(|it| are(it)).collect();
    let numbers: Vec<u32> = found.iter().map(|it| it.index).collect();
    found.first().map(|it| (named(&numbers), *it))
}
