//! Modes, lanes and power of the GPUs.

use super::super::facts::{GpuState, HostFacts, Maker};
use super::super::needs::Needs;
use super::super::text::gpus;
use super::{Check, numbers, usable};

const PERSISTENCE: &str = "persistence mode";
const COMPUTE: &str = "compute mode";
const LANES: &str = "PCIe lanes";
const POWER: &str = "power limit";

pub(super) fn check(facts: &HostFacts, needs: &Needs) -> Vec<Check> {
    let all = usable(facts, needs);
    if !all.is_empty() && all.iter().all(|it| it.maker == Maker::Amd) {
        return Vec::new();
    }
    vec![persistence(&all), compute(&all), lanes(&all), power(&all)]
}

fn all_known<T>(gpus: &[&GpuState], value: impl Fn(&GpuState) -> Option<T>) -> bool {
    !gpus.is_empty() && gpus.iter().all(|it| value(it).is_some())
}

fn persistence(all: &[&GpuState]) -> Check {
    const NEEDED: &str = "on";
    let off = numbers(all, |it| it.facts.persistence == Some(false));
    if !off.is_empty() {
        return Check::pass(PERSISTENCE, format!("off, {}", gpus(&off)), NEEDED).warn(
            "each first use of an idle GPU waits for the driver, seconds on large hosts: `sudo \
             nvidia-smi -pm 1`",
        );
    }
    if all_known(all, |it| it.facts.persistence) {
        Check::pass(PERSISTENCE, "on", NEEDED)
    } else {
        Check::unknown(PERSISTENCE, NEEDED)
    }
}

fn compute(all: &[&GpuState]) -> Check {
    const NEEDED: &str = "Default";
    let mode = |it: &GpuState| it.facts.compute_mode.clone();
    if let Some(other) = all.iter().filter_map(|it| mode(it)).find(|it| it != "Default") {
        let which = numbers(all, |it| mode(it).as_deref() == Some(other.as_str()));
        let answer = Check::pass(COMPUTE, format!("{other}, {}", gpus(&which)), NEEDED);
        return if other == "Prohibited" {
            answer.fail("no program may use the GPU: `sudo nvidia-smi -c 0`")
        } else {
            answer.warn(
                "one process per GPU: a second replica or a monitor fails; `sudo nvidia-smi -c 0`",
            )
        };
    }
    if all_known(all, mode) {
        Check::pass(COMPUTE, "Default", NEEDED)
    } else {
        Check::unknown(COMPUTE, NEEDED)
    }
}

/// An idle GPU lowers its generation, not its lanes: only lanes count.
fn lanes(all: &[&GpuState]) -> Check {
    let most = all.iter().filter_map(|it| it.facts.pcie.width_max).max();
    let needed = most.map_or("all".to_owned(), |it| format!("{it}"));
    if !all_known(all, |it| it.facts.pcie.width_current.and(it.facts.pcie.width_max)) {
        return Check::unknown(LANES, needed);
    }
    let is_narrow = |it: &GpuState| it.facts.pcie.width_current < it.facts.pcie.width_max;
    let narrow = numbers(all, is_narrow);
    let least = all.iter().filter_map(|it| it.facts.pcie.width_current).min().unwrap_or_default();
    if narrow.is_empty() {
        return Check::pass(LANES, format!("{least}"), needed);
    }
    Check::pass(LANES, format!("{least}, {}", gpus(&narrow)), needed).warn(
        "loading and traffic between GPUs are slower by that share: reseat the card, or use a slot \
         with all lanes (some boards share them)",
    )
}

fn power(all: &[&GpuState]) -> Check {
    let default = all.iter().filter_map(|it| it.health.power_default_w).max();
    let needed = default.map_or("its default".to_owned(), |it| format!("{it} W"));
    let pair = |it: &GpuState| it.health.power_limit_w.zip(it.health.power_default_w);
    if !all_known(all, pair) {
        return Check::unknown(POWER, needed);
    }
    let capped = numbers(all, |it| pair(it).is_some_and(|(limit, default)| limit < default));
    let least = all.iter().filter_map(|it| it.health.power_limit_w).min().unwrap_or_default();
    if capped.is_empty() {
        return Check::pass(POWER, format!("{least} W"), needed);
    }
    Check::pass(POWER, format!("{least} W, {}", gpus(&capped)), needed).warn(
        "below the limit it is sold with, so slower than the plan's estimate: `sudo nvidia-smi -pl W`",
    )
}
