//! Which GPUs, how many, and what code they run.

use super::super::facts::{HostFacts, Maker, Report};
use super::super::needs::{GpuNeed, Needs};
use super::{Check, is_accepted, usable};

const GPUS: &str = "GPUs";
const CAPABILITY: &str = "compute capability";
const VISIBLE: &str = "visible GPUs";

pub(super) fn check(facts: &HostFacts, needs: &Needs) -> Vec<Check> {
    let mut out = vec![count(facts, needs)];
    out.extend(visible(facts, needs));
    // GPUs of AMD have none.
    if facts.gpus.iter().all(|it| it.maker == Maker::Nvidia) {
        out.extend(needs.gpu.compute_capability.map(|it| capability(facts, needs, it)));
    }
    out
}

fn count(facts: &HostFacts, needs: &Needs) -> Check {
    let wanted = needs.gpu.count();
    let needed = format!("{wanted} x {}", needs.gpu.name);
    if facts.gpus.is_empty() {
        let is_nothing_there = facts.report == Report::Whole
            && ["nvidia-smi", "amd-smi", "rocm-smi"].iter().all(|it| facts.is_absent(it));
        let none = Check::pass(GPUS, "none", needed.clone());
        return if is_nothing_there || facts.smi_failure.is_some() {
            none.fail("no GPU is to be used here: see driver")
        } else {
            Check::unknown(GPUS, needed)
        };
    }
    if facts.gpus.iter().all(|it| it.facts.name.is_none()) {
        return Check::unknown(GPUS, needed)
            .because("the output names no product: pass `nvidia-smi -q`");
    }
    let accepted = facts.gpus.iter().filter(|it| is_accepted(it, needs)).count();
    let has_all = u32::try_from(accepted).is_ok_and(|it| it >= wanted);
    let is_cut = facts.attached_gpus.and_then(|it| usize::try_from(it).ok());
    let answer = Check::pass(GPUS, products(facts), needed);
    if has_all && accepted == facts.gpus.len() {
        answer
    } else if has_all {
        answer.warn("choose the GPUs of the plan: --gpus '\"device=...\"' or CUDA_VISIBLE_DEVICES")
    } else if is_cut.is_some_and(|it| it > facts.gpus.len()) || facts.report == cut(facts) {
        Check::unknown(GPUS, answer.needed).because("the text is cut before the last GPU")
    } else if accepted == 0 {
        answer.fail(format!(
            "not the GPU of the plan: take a host with {}, or size the workload for this one with \
             `gpuadvise size`",
            needs.gpu.name
        ))
    } else {
        answer.fail("too few GPUs: take a larger host, or spread the replicas over several")
    }
}

/// The report itself where it is cut among the GPUs, so that the last may be missing.
fn cut(facts: &HostFacts) -> Report {
    Report::Cut {
        last: match &facts.report {
            Report::Cut { last } if last.is_empty() || last == "nvidia-smi -q" => last.clone(),
            _ => "-".to_owned(),
        },
    }
}

/// "2 x NVIDIA L4, 1 x NVIDIA T4"
fn products(facts: &HostFacts) -> String {
    let mut products: Vec<(&str, usize)> = Vec::new();
    for gpu in &facts.gpus {
        let name = gpu.facts.name.as_deref().unwrap_or("unnamed");
        match products.iter_mut().find(|it| it.0 == name) {
            Some((_, count)) => *count += 1,
            None => products.push((name, 1)),
        }
    }
    let words: Vec<String> =
        products.iter().map(|(name, count)| format!("{count} x {name}")).collect();
    words.join(", ")
}

/// What a variable of the environment hides.
fn visible(facts: &HostFacts, needs: &Needs) -> Option<Check> {
    let names = ["CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES"];
    let (name, value) =
        names.iter().find_map(|it| Some((*it, facts.settings.set.get(*it)?.as_str())))?;
    let wanted = needs.gpu.count();
    let n_shown = match value {
        "" | "set (empty)" | "-1" | "NoDevFiles" => Some(0),
        "all" | "set (not shown)" => None,
        it => u32::try_from(it.split(',').count()).ok(),
    };
    let answer = Check::pass(VISIBLE, format!("{name}: {value}"), format!("{wanted}"));
    Some(match n_shown {
        Some(it) if it >= wanted => answer,
        // Docker hands a container its GPUs by --gpus, not by this.
        Some(_) if needs.image.container && facts.host.is_container() != Some(true) => answer
            .warn(format!("hides GPUs from programs started outside a container: unset {name}")),
        Some(_) => answer.fail(format!("hides GPUs the plan needs: unset {name}")),
        None => answer.warn(format!("how many GPUs it shows is not known: see {name}")),
    })
}

/// The least capable GPU counts.
fn capability(facts: &HostFacts, needs: &Needs, wanted: u32) -> Check {
    let text = |it: u32| format!("{}.{}", it / 10, it % 10);
    let needed = text(wanted);
    let gpus = usable(facts, needs);
    let known: Option<Vec<(u32, u32)>> = gpus.iter().map(|it| it.capability).collect();
    let least = known.and_then(|it| it.into_iter().min());
    let Some((low, high)) = least else { return Check::unknown(CAPABILITY, needed) };
    let found = if low == high { text(low) } else { format!("{} to {}", text(low), text(high)) };
    let answer = Check::pass(CAPABILITY, found, needed);
    if low >= wanted {
        answer
    } else if high < wanted {
        answer.fail(remedy(&needs.gpu))
    } else {
        let needed = answer.needed;
        Check { found: answer.found, ..Check::unknown(CAPABILITY, needed) }
    }
}

fn remedy(need: &GpuNeed) -> String {
    format!(
        "this GPU has no code in the image for the plan's precision: use {} or another precision",
        need.name
    )
}
