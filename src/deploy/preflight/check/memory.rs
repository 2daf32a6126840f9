//! Memory of the GPUs: all of it, what is free, who holds the rest, and slices.

use super::super::facts::{GpuState, HostFacts, Maker};
use super::super::needs::Needs;
use super::super::text::{gib, gpus};
use super::{Check, is_accepted, numbers, usable};

const TOTAL: &str = "GPU memory";
const FREE: &str = "free GPU memory";
const HOLDERS: &str = "GPU processes";
const MIG: &str = "MIG";

const MIB: u64 = 1 << 20;

/// What a process takes before the engine asks how much is free: its CUDA context, 0.3 to 0.6 GiB
/// on Hopper and Ampere (an estimate; rounded up).
const CONTEXT: u64 = 1 << 30;

/// Below this the driver itself or a desktop holds it, MiB.
const HELD_BY_DRIVER_MIB: u64 = 1024;

/// Share of the total that may be missing before it is another GPU, percent.
const TOLERANCE: u64 = 2;

pub(super) fn check(facts: &HostFacts, needs: &Needs) -> Vec<Check> {
    let gpus = usable(facts, needs);
    let mut out = Vec::new();
    out.extend(needs.gpu.total_bytes.map(|it| total(&gpus, it)));
    if gpus.iter().any(|it| it.maker == Maker::Nvidia) || gpus.is_empty() {
        out.push(mig(&gpus, needs));
    }
    out.push(free(&gpus, needs));
    out.push(holders(facts, &gpus));
    out
}

fn bytes(mib: Option<u64>) -> Option<u64> {
    mib?.checked_mul(MIB)
}

fn total(gpus: &[&GpuState], wanted: u64) -> Check {
    let needed = gib(wanted);
    let totals: Option<Vec<u64>> = gpus.iter().map(|it| bytes(it.facts.memory.total)).collect();
    let Some(least) = totals.and_then(|it| it.into_iter().min()) else {
        return Check::unknown(TOTAL, needed);
    };
    let answer = Check::pass(TOTAL, gib(least), needed);
    if least.saturating_mul(100) >= wanted.saturating_mul(100 - TOLERANCE) {
        answer
    } else {
        answer.fail("less than the GPU of the plan: a smaller variant, a virtual GPU or a slice")
    }
}

fn is_sliced(gpu: &GpuState) -> bool {
    gpu.facts.mig_mode == Some(true)
}

/// NCCL joins no slices, not even of one GPU (NVIDIA Multi-Instance GPU user guide, "Application
/// considerations": no GPU to GPU peer-to-peer).
fn mig(gpus: &[&GpuState], needs: &Needs) -> Check {
    const NEEDED: &str = "off";
    let sliced = numbers(gpus, is_sliced);
    if sliced.is_empty() {
        let is_known = !gpus.is_empty() && gpus.iter().all(|it| may_not_slice(it));
        return if is_known {
            Check::pass(MIG, "off", NEEDED)
        } else {
            Check::unknown(MIG, NEEDED)
        };
    }
    let largest = gpus.iter().filter(|it| is_sliced(it)).filter_map(|it| slice_bytes(it)).max();
    let found = match largest {
        Some(it) => format!("on, slices up to {}", gib(it)),
        None => "on, slices not listed".to_owned(),
    };
    let answer = Check::pass(MIG, found, NEEDED);
    let off =
        format!("`sudo nvidia-smi -i {} -mig 0`", sliced.first().copied().unwrap_or_default());
    let rest = gpus.iter().filter(|it| !is_sliced(it) && is_accepted(it, needs)).count();
    if u32::try_from(rest).is_ok_and(|it| it >= needs.gpu.count()) {
        answer.warn(format!("leave out {}: the others are whole", self::gpus(&sliced)))
    } else if needs.gpu.per_replica > 1 {
        answer.fail(format!("slices do not work together over NCCL: switch it off with {off}"))
    } else if largest.is_some_and(|it| it >= needs.gpu.free_bytes) {
        answer.warn("a slice is large enough, but it computes slower than the GPU of the plan")
    } else {
        answer.fail(format!("no slice has the memory: switch it off with {off}"))
    }
}

/// GPUs that cannot be sliced answer N/A, which is none here; the name of the mode is enough.
fn may_not_slice(gpu: &GpuState) -> bool {
    gpu.facts.mig_mode == Some(false)
        || (gpu.facts.mig_mode.is_none() && gpu.facts.compute_mode.is_some())
}

/// Memory of the largest slice; by its profile (`1g.10gb`) where nothing else is said.
fn slice_bytes(gpu: &GpuState) -> Option<u64> {
    let measured = gpu.health.slices.iter().filter_map(|it| bytes(it.free_mib.or(it.total_mib)));
    let of_profile = |profile: &str| {
        let gb = profile.split('.').nth(1)?.strip_suffix("gb")?.parse::<u64>().ok()?;
        // 1g.10gb has 9856 MiB, 3g.40gb 40192 MiB.
        gb.checked_mul(1 << 30).map(|it| it / 100 * 95)
    };
    let named = gpu.facts.mig_devices.iter().filter_map(|it| of_profile(&it.profile));
    measured.max().or_else(|| named.max())
}

/// vLLM refuses to start where less than its share of the total is free.
fn free(gpus: &[&GpuState], needs: &Needs) -> Check {
    let wanted = needs.gpu.free_bytes;
    let count = needs.gpu.count();
    let needed = format!("{} on {count}", gib(wanted));
    let whole: Vec<(u32, u64)> = gpus
        .iter()
        .filter(|it| !is_sliced(it))
        .filter_map(|it| Some((it.index, bytes(free_mib(it))?)))
        .collect();
    if whole.is_empty() {
        return Check::unknown(FREE, needed);
    }
    let fits = |margin: u64| {
        let fit = whole.iter().filter(|it| it.1 >= wanted.saturating_add(margin)).count();
        u32::try_from(fit).is_ok_and(|it| it >= count)
    };
    let short: Vec<u32> = whole.iter().filter(|it| it.1 < wanted).map(|it| it.0).collect();
    // Of the GPUs that count, the one with least.
    let mut order: Vec<u64> = whole.iter().map(|it| it.1).collect();
    order.sort_unstable_by(|a, b| b.cmp(a));
    let last = usize::try_from(count).unwrap_or(usize::MAX).min(order.len()).saturating_sub(1);
    let least = order.get(last).copied().unwrap_or_default();
    let answer = Check::pass(FREE, format!("{} on {}", gib(least), last + 1), needed);
    if fits(CONTEXT) && short.is_empty() {
        answer
    } else if fits(CONTEXT) {
        answer.warn(format!("{} are taken: leave them out", self::gpus(&short)))
    } else if fits(0) {
        answer.warn("less than 1 GiB to spare, of which the process itself takes a part: free some")
    } else if short.is_empty() {
        Check::unknown(FREE, answer.needed).because("too few GPUs to judge")
    } else {
        answer.fail(format!(
            "too little is free on {}, {} short: stop what runs there (see GPU processes), or lower \
             --gpu-memory-utilization and size again",
            self::gpus(&short),
            gib(wanted.saturating_sub(least)),
        ))
    }
}

/// What is free, or all that is not used; the driver keeps a part, so the first counts.
fn free_mib(gpu: &GpuState) -> Option<u64> {
    let memory = gpu.facts.memory;
    memory.free.or_else(|| memory.total?.checked_sub(memory.used?))
}

/// Their number and memory, never their names.
fn holders(facts: &HostFacts, gpus: &[&GpuState]) -> Check {
    const NEEDED: &str = "none";
    let used: Option<Vec<u64>> = gpus.iter().map(|it| it.facts.memory.used).collect();
    let most = used.and_then(|it| it.into_iter().max());
    let busy = numbers(gpus, |it| it.facts.memory.used.is_some_and(|it| it > HELD_BY_DRIVER_MIB));
    let listed = facts.holders.as_deref();
    match (listed, most) {
        (Some([]), Some(_)) if busy.is_empty() => Check::pass(HOLDERS, "none", NEEDED),
        (Some([]), None) => Check::pass(HOLDERS, "none", NEEDED),
        // Who is not listed holds nothing worth a look.
        (None, Some(_)) if busy.is_empty() => Check::pass(HOLDERS, "no memory taken", NEEDED),
        (Some([]) | None, Some(_)) if !busy.is_empty() => {
            Check::pass(HOLDERS, format!("memory taken on {}", self::gpus(&busy)), NEEDED).warn(
                "no process is seen that holds it: another container, another user, or a process \
                 that died; see `sudo fuser -v /dev/nvidia*`",
            )
        }
        (Some(list), _) if !list.is_empty() => {
            let mib: u64 = list.iter().flatten().fold(0, |sum, it| sum.saturating_add(*it));
            let plural = if list.len() == 1 { "" } else { "es" };
            let found = match bytes(Some(mib)) {
                Some(it) if it > 0 => format!("{} process{plural}, {}", list.len(), gib(it)),
                _ => format!("{} process{plural}", list.len()),
            };
            Check::pass(HOLDERS, found, NEEDED)
                .warn("they share the GPUs with the plan: stop them, or leave their GPUs out")
        }
        _ => Check::unknown(HOLDERS, NEEDED),
    }
}
