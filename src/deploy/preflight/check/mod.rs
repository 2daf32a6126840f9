//! Holds the facts of a host against the needs of a plan, one answer per question.

mod driver;
mod fabric;
mod gpus;
mod health;
mod host;
mod memory;
mod slot;
mod token;
mod weights;

use super::facts::{GpuState, HostFacts, Report};
use super::needs::Needs;
use crate::deploy::check::{Check, Verdict};

/// Every question that applies, in the order of a start.
pub fn check(facts: &HostFacts, needs: &Needs) -> Vec<Check> {
    let mut out = vec![report(facts)];
    out.extend(driver::check(facts, needs));
    out.extend(gpus::check(facts, needs));
    out.extend(memory::check(facts, needs));
    out.extend(health::check(facts, needs));
    out.extend(fabric::check(facts, needs));
    out.extend(slot::check(facts, needs));
    out.extend(weights::check(facts, needs));
    out.extend(token::check(facts, needs));
    out.extend(host::check(facts, needs));
    out
}

/// True where a check fails.
pub fn failed(checks: &[Check]) -> bool {
    checks.iter().any(|it| it.verdict == Verdict::Fail)
}

/// Whether the text is whole.
fn report(facts: &HostFacts) -> Check {
    const NAME: &str = "report";
    const NEEDED: &str = "the collector's, to its end";
    let attached = facts.attached_gpus.and_then(|it| usize::try_from(it).ok());
    let listed = facts.gpus.len();
    match &facts.report {
        Report::Cut { last } => {
            let place = if last.is_empty() { "its header" } else { last.as_str() };
            Check::pass(NAME, format!("ends in {place}"), NEEDED).warn(
                "the text is cut: write it to a file (sh collect.sh > facts.txt), pass it whole",
            )
        }
        _ if attached.is_some_and(|it| listed < it) => {
            let found = format!("{listed} of {} GPUs", attached.unwrap_or_default());
            Check::pass(NAME, found, NEEDED)
                .warn("nvidia-smi counts more GPUs than the text lists: pass its whole output")
        }
        Report::Whole => Check::pass(NAME, "whole", NEEDED),
        Report::Pasted => Check::pass(NAME, "output of a tool", NEEDED).warn(
            "disk, download, token and host are not in it: `gpuadvise preflight --script > \
             collect.sh`, then `sh collect.sh > facts.txt` on the host",
        ),
    }
}

/// The GPUs the plan can use; all where none is of the product asked.
fn usable<'a>(facts: &'a HostFacts, needs: &Needs) -> Vec<&'a GpuState> {
    let accepted: Vec<&GpuState> = facts.gpus.iter().filter(|it| is_accepted(it, needs)).collect();
    if accepted.is_empty() { facts.gpus.iter().collect() } else { accepted }
}

fn is_accepted(gpu: &GpuState, needs: &Needs) -> bool {
    gpu.facts.name.as_deref().is_some_and(|it| needs.gpu.accepts(it))
}

/// Numbers of the GPUs of which something is true.
fn numbers(gpus: &[&GpuState], is: impl Fn(&GpuState) -> bool) -> Vec<u32> {
    gpus.iter().filter(|it| is(it)).map(|it| it.index).collect()
}
