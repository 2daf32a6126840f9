//! From the sections of a text to facts.

mod amd;
mod gpu;
mod health;
mod host;
mod storage;
mod tree;

use super::error::PreflightError;
use super::facts::{GpuState, HostFacts, Report};
use super::section::{Section, Sections};

/// Reads a report of the collector, or outputs of `nvidia-smi`, `amd-smi` and `rocm-smi` as pasted.
pub fn read(text: &str) -> Result<HostFacts, PreflightError> {
    let sections = Sections::of(text)?;
    one_table(text)?;
    let mut facts = HostFacts { absent: sections.absent(), ..HostFacts::default() };
    gpu::read(&sections, &mut facts);
    amd::read(&sections, &mut facts);
    host::read(&sections, &mut facts);
    storage::read(&sections, &mut facts);
    one_host(&facts.gpus)?;
    let is_empty = facts.gpus.is_empty() && facts.smi_failure.is_none();
    if sections.report == Report::Pasted && is_empty {
        return Err(PreflightError::NothingRecognised { lines: sections.n_lines });
    }
    facts.report = sections.report;
    Ok(facts)
}

/// The sections GPUs are described in.
const GPU_SECTIONS: &[Section] = &[Section::Outside, Section::SmiQuery, Section::SmiCsv];

/// Tables are put together by number, so a second one would be lost in the first.
fn one_table(text: &str) -> Result<(), PreflightError> {
    let mut tables = text.split('\n').enumerate().filter(|it| it.1.contains("| NVIDIA-SMI "));
    match (tables.next(), tables.next()) {
        (Some((first, _)), Some((second, _))) => {
            Err(PreflightError::TwoTables { first_line: first + 1, second_line: second + 1 })
        }
        _ => Ok(()),
    }
}

/// A host has each GPU once and one driver.
fn one_host(gpus: &[GpuState]) -> Result<(), PreflightError> {
    for (at, gpu) in gpus.iter().enumerate() {
        let earlier = gpus.get(..at).unwrap_or_default();
        if let Some(bus_id) = &gpu.facts.bus_id
            && earlier.iter().any(|it| it.facts.bus_id.as_ref() == Some(bus_id))
        {
            return Err(PreflightError::RepeatedGpu { bus_id: bus_id.clone() });
        }
        let driver = |it: &GpuState| it.facts.driver_version.clone();
        if let (Some(first), Some(second)) = (gpus.first().and_then(driver), driver(gpu))
            && first != second
        {
            return Err(PreflightError::MixedDrivers { first, second });
        }
    }
    Ok(())
}
