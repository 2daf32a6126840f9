//! Whether the GPUs are sound.

use super::super::facts::{GpuState, HostFacts, Maker};
use super::super::needs::Needs;
use super::super::text::gpus;
use super::{Check, numbers, usable};

const HEALTH: &str = "GPU health";
const SLOW: &str = "clocks";
const KERNEL: &str = "kernel messages";

/// Xid numbers after which the GPU is not to be used before a reset or at all: 48 double-bit error,
/// 64 row remapping failed, 74 `NVLink`, 79 off the bus, 95 uncontained error, 119 and 120 GSP, 140
/// unrecovered error, 154 recovery needed (NVIDIA, "XID Errors", docs.nvidia.com/deploy/xid-errors).
const FATAL: &[u32] = &[48, 64, 74, 79, 95, 119, 120, 140, 154];

pub(super) fn check(facts: &HostFacts, needs: &Needs) -> Vec<Check> {
    let gpus = usable(facts, needs);
    let mut out = vec![health(&gpus)];
    if gpus.is_empty() || gpus.iter().any(|it| it.maker == Maker::Nvidia) {
        out.push(slowdowns(&gpus));
    }
    out.push(kernel(facts));
    out
}

/// The worst finding speaks.
fn health(gpus: &[&GpuState]) -> Check {
    const NEEDED: &str = "no errors";
    let which = |is: &dyn Fn(&GpuState) -> bool| numbers(gpus, is);
    let found = |words: &str, numbers: &[u32]| {
        Check::pass(HEALTH, format!("{words}, {}", self::gpus(numbers)), NEEDED)
    };
    let lost = which(&|it| it.health.unreadable);
    let recovery = which(&|it| it.health.recovery.as_deref().is_some_and(|it| !is_fine(it)));
    let failed = which(&|it| it.health.repair_failed == Some(true));
    let threshold = which(&|it| it.health.sram_threshold == Some(true));
    let pending = which(&|it| it.health.repair_pending == Some(true));
    let errors = which(&|it| it.health.uncorrected.is_some_and(|it| it > 0));
    if !lost.is_empty() {
        found("does not answer", &lost).fail("values read ERR! or Unknown Error: reboot the host")
    } else if !recovery.is_empty() {
        found("asks for recovery", &recovery).fail(
            "the driver wants it reset (GPU Recovery Action): `sudo nvidia-smi -r -i N`, or reboot",
        )
    } else if !failed.is_empty() || !threshold.is_empty() {
        let all = if failed.is_empty() { threshold } else { failed };
        found("memory beyond repair", &all)
            .fail("have the GPU replaced, and leave it out until then")
    } else if !pending.is_empty() {
        found("repair pending", &pending)
            .warn("reset the GPU or reboot, so that bad memory is replaced")
    } else if !errors.is_empty() {
        found("uncorrectable errors", &errors)
            .warn("since the driver was loaded: reset the GPU, and watch whether they come again")
    } else if is_judged(gpus) {
        Check::pass(HEALTH, "no errors", NEEDED)
    } else {
        Check::unknown(HEALTH, NEEDED)
    }
}

/// A driver before R570 or so has no such line.
fn is_fine(recovery: &str) -> bool {
    matches!(recovery, "None" | "N/A" | "")
}

/// True where every GPU told of its memory or that it counts no errors; a bare table does not.
fn is_judged(gpus: &[&GpuState]) -> bool {
    let told = |it: &GpuState| {
        it.health.uncorrected.is_some()
            || it.health.repair_pending.is_some()
            || it.health.recovery.is_some()
    };
    !gpus.is_empty() && gpus.iter().all(|it| told(it))
}

fn slowdowns(gpus: &[&GpuState]) -> Check {
    const NEEDED: &str = "not held down";
    let slow = numbers(gpus, |it| !it.health.slowdowns.is_empty());
    if let Some(reason) = gpus.iter().find_map(|it| it.health.slowdowns.last()) {
        return Check::pass(SLOW, format!("{reason}, {}", self::gpus(&slow)), NEEDED).warn(
            "heat or the power supply slows the GPU down: look at cooling and power of the host",
        );
    }
    // Limits stand in the same output as the reasons.
    let told = |it: &GpuState| it.health.power_limit_w.is_some() || it.health.recovery.is_some();
    if !gpus.is_empty() && gpus.iter().all(|it| told(it)) {
        Check::pass(SLOW, "not held down", NEEDED)
    } else {
        Check::unknown(SLOW, NEEDED)
    }
}

fn kernel(facts: &HostFacts) -> Check {
    const NEEDED: &str = "no GPU errors";
    let Some(xids) = &facts.xids else { return Check::unknown(KERNEL, NEEDED) };
    let worst = xids.iter().find(|it| FATAL.contains(it)).or_else(|| xids.first());
    match worst {
        None => Check::pass(KERNEL, "no GPU errors", NEEDED),
        Some(0) => Check::pass(KERNEL, format!("{} messages", xids.len()), NEEDED)
            .warn("the driver reported a GPU that failed since boot: see `dmesg`"),
        Some(xid) if FATAL.contains(xid) => Check::pass(KERNEL, format!("Xid {xid}"), NEEDED).warn(
            "a GPU failed since boot: reboot or reset it before a long run, see `dmesg | grep Xid`",
        ),
        Some(xid) => Check::pass(KERNEL, format!("Xid {xid}"), NEEDED)
            .warn("an error since boot, often of a program: see `dmesg | grep Xid`"),
    }
}
