//! What one GPU is: memory to show and to fit, bandwidth, compute rates, how it is wired.

use toml::Spanned;

use super::assumptions::Sizing;
use super::error::CatalogError;
use super::fabric::Fabric;
use super::file::PricingFile;
use super::raw::{RawGpu, RawGpus};
use crate::units::Bytes;

/// Who makes the GPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Vendor {
    /// NVIDIA.
    Nvidia,
    /// AMD.
    Amd,
    /// Intel.
    Intel,
}

/// How the GPUs of one node reach each other, which decides what tensor parallelism may be assumed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wiring {
    /// Every GPU reaches every other at full rate (NVSwitch, Infinity Fabric mesh, on-package RoCE).
    Switched,
    /// A bridge joins pairs; beyond two GPUs traffic crosses `PCIe`.
    Pairs,
    /// `PCIe` only.
    PcieOnly,
}

/// One row of `pricing/gpus.toml`, checked.
#[derive(Clone, Debug)]
pub struct GpuSpec {
    /// The catalog name, such as `H100 SXM5`.
    pub name: String,
    /// Who makes it.
    pub vendor: Vendor,
    /// SXM5, `PCIe`, ...
    pub form_factor: String,
    /// NVIDIA's compute capability without the dot: 80 for an A100, 86 for an A40, 90 for an H100.
    pub cuda_arch: Option<u32>,
    /// The vendor's round number, in GB, for names only.
    pub vendor_memory_gb: f64,
    /// What `nvidia-smi` calls the total: to show.
    pub driver_total: Bytes,
    /// What a serving engine sees: to fit.
    pub cuda_total: Bytes,
    /// True when either number was derived from the other or from the vendor's.
    pub memory_estimated: bool,
    /// Memory bandwidth, 10^9 bytes a second.
    pub memory_bandwidth_gb_s: f64,
    /// Dense fp16/bf16 rate, 10^12 operations a second.
    pub bf16_tflops: f64,
    /// Whether bf16 is native (V100 and T4 have fp16 only).
    pub native_bf16: bool,
    /// What large fp16/bf16 products were measured to reach, 10^12 operations a second.
    pub measured_bf16_tflops: Option<f64>,
    /// Dense fp8 rate; nothing when the GPU has none.
    pub fp8_tflops: Option<f64>,
    /// Dense int8 rate.
    pub int8_tops: Option<f64>,
    /// Dense fp4 rate.
    pub fp4_tflops: Option<f64>,
    /// The vendor's name of the interconnect.
    pub interconnect: String,
    /// Its rate in both directions together, 10^9 bytes a second.
    pub interconnect_gb_s: Option<f64>,
    /// How the GPUs of one node are wired.
    pub wiring: Wiring,
    /// What an all-reduce over them takes.
    pub fabric: Fabric,
    /// False where the driver's licence forbids use in data centres (`GeForce`).
    pub datacenter_license: bool,
    /// Remarks, such as where sources disagree.
    pub notes: String,
    /// Where the numbers come from.
    pub source: String,
    /// When they were read.
    pub as_of: String,
}

/// The rows of `gpus.toml`, checked.
pub(super) fn read(
    file: &PricingFile<'_>,
    rows: &RawGpus,
    sizing: &Sizing,
    fabrics: &[Fabric],
) -> Result<Vec<GpuSpec>, CatalogError> {
    let mut gpus: Vec<GpuSpec> = Vec::with_capacity(rows.gpu.len());
    for row in &rows.gpu {
        let gpu = check(file, row, sizing, fabrics)?;
        if gpus.iter().any(|it| super::alias::normal(&it.name) == super::alias::normal(&gpu.name)) {
            let at = file.place_of(row.span().start, "name");
            return Err(CatalogError::Duplicate { at, what: "the GPU", name: gpu.name });
        }
        gpus.push(gpu);
    }
    Ok(gpus)
}

fn check(
    file: &PricingFile<'_>,
    row: &Spanned<RawGpu>,
    sizing: &Sizing,
    fabrics: &[Fabric],
) -> Result<GpuSpec, CatalogError> {
    let start = row.span().start;
    let raw = row.get_ref();
    file.filled(start, "name", &raw.name)?;
    file.provenance(start, &raw.source, &raw.as_of)?;
    for (column, value) in [
        ("vendor_memory_gb", Some(raw.vendor_memory_gb)),
        ("driver_total_mib", raw.driver_total_mib.map(|it| it as f64)),
        ("cuda_total_mib", raw.cuda_total_mib.map(|it| it as f64)),
        ("memory_bandwidth_gb_s", Some(raw.memory_bandwidth_gb_s)),
        ("bf16_tflops", Some(raw.bf16_tflops)),
        ("fp8_tflops", raw.fp8_tflops),
        ("int8_tops", raw.int8_tops),
        ("fp4_tflops", raw.fp4_tflops),
        ("interconnect_gb_s", raw.interconnect_gb_s),
        ("measured_bf16_tflops", raw.measured_bf16_tflops),
        ("measured_fp8_tflops", raw.measured_fp8_tflops),
    ] {
        file.positive(start, column, value)?;
    }
    check_bounds(file, start, raw)?;
    let (driver_total, cuda_total, memory_estimated) = memory(raw, sizing);
    Ok(GpuSpec {
        name: raw.name.clone(),
        vendor: vendor(file, start, &raw.vendor)?,
        form_factor: raw.form_factor.clone(),
        cuda_arch: raw.cuda_arch,
        vendor_memory_gb: raw.vendor_memory_gb,
        driver_total,
        cuda_total,
        memory_estimated,
        memory_bandwidth_gb_s: raw.memory_bandwidth_gb_s,
        bf16_tflops: raw.bf16_tflops,
        measured_bf16_tflops: raw.measured_bf16_tflops,
        native_bf16: raw.native_bf16,
        fp8_tflops: raw.fp8_tflops,
        int8_tops: raw.int8_tops,
        fp4_tflops: raw.fp4_tflops,
        interconnect: raw.interconnect.clone(),
        interconnect_gb_s: raw.interconnect_gb_s,
        wiring: wiring(file, start, &raw.wiring)?,
        fabric: fabric(file, start, &raw.fabric, fabrics)?,
        datacenter_license: raw.datacenter_license,
        notes: raw.notes.clone(),
        source: raw.source.clone(),
        as_of: raw.as_of.clone(),
    })
}

/// What contradicts another column of the same row.
fn check_bounds(file: &PricingFile<'_>, start: usize, raw: &RawGpu) -> Result<(), CatalogError> {
    let outside = |column, found: String, expected| {
        Err(CatalogError::OutOfRange { at: file.place_of(start, column), column, found, expected })
    };
    if let (Some(driver), Some(cuda)) = (raw.driver_total_mib, raw.cuda_total_mib)
        && cuda > driver
    {
        return outside("cuda_total_mib", cuda.to_string(), "at most driver_total_mib");
    }
    if let Some(measured) = raw.measured_bf16_tflops
        && measured > raw.bf16_tflops
    {
        return outside("measured_bf16_tflops", measured.to_string(), "at most bf16_tflops");
    }
    if let (Some(measured), Some(peak)) = (raw.measured_fp8_tflops, raw.fp8_tflops)
        && measured > peak
    {
        return outside("measured_fp8_tflops", measured.to_string(), "at most fp8_tflops");
    }
    if !matches!(raw.confidence.as_str(), "corroborated" | "datasheet-recall") {
        return Err(CatalogError::UnknownWord {
            at: file.place_of(start, "confidence"),
            column: "confidence",
            found: raw.confidence.clone(),
            expected: "corroborated or datasheet-recall",
        });
    }
    Ok(())
}

/// Driver and CUDA total, and whether one of them was derived: cuda = share x driver and
/// driver = cuda / share where one is missing, driver = share of the vendor's GB counted as GiB
/// where both are. With the shares 0.98 and 0.97 an MI300X of 192 GB counts 186.2 and 182.5 GiB.
fn memory(raw: &RawGpu, sizing: &Sizing) -> (Bytes, Bytes, bool) {
    let share = sizing.cuda_share_of_driver;
    let scaled = |bytes: Bytes, by: f64| Bytes::from_f64_rounded(bytes.to_f64() * by);
    match (raw.driver_total_mib.map(Bytes::from_mib), raw.cuda_total_mib.map(Bytes::from_mib)) {
        (Some(driver), Some(cuda)) => (driver, cuda, false),
        (Some(driver), None) => (driver, scaled(driver, share), true),
        (None, Some(cuda)) => (scaled(cuda, 1.0 / share), cuda, true),
        (None, None) => {
            let vendor = Bytes::from_gib(1).to_f64() * raw.vendor_memory_gb;
            let driver = Bytes::from_f64_rounded(vendor * sizing.driver_share_of_vendor);
            (driver, scaled(driver, share), true)
        }
    }
}

fn vendor(file: &PricingFile<'_>, start: usize, word: &str) -> Result<Vendor, CatalogError> {
    match word {
        "NVIDIA" => Ok(Vendor::Nvidia),
        "AMD" => Ok(Vendor::Amd),
        "Intel" => Ok(Vendor::Intel),
        other => Err(CatalogError::UnknownWord {
            at: file.place_of(start, "vendor"),
            column: "vendor",
            found: other.to_owned(),
            expected: "NVIDIA, AMD or Intel",
        }),
    }
}

fn wiring(file: &PricingFile<'_>, start: usize, word: &str) -> Result<Wiring, CatalogError> {
    match word {
        "switched" => Ok(Wiring::Switched),
        "pairs" => Ok(Wiring::Pairs),
        "pcie" => Ok(Wiring::PcieOnly),
        other => Err(CatalogError::UnknownWord {
            at: file.place_of(start, "wiring"),
            column: "wiring",
            found: other.to_owned(),
            expected: "switched, pairs or pcie",
        }),
    }
}

fn fabric(
    file: &PricingFile<'_>,
    start: usize,
    name: &str,
    fabrics: &[Fabric],
) -> Result<Fabric, CatalogError> {
    fabrics.iter().find(|it| it.name == name).cloned().ok_or_else(|| CatalogError::UnknownWord {
        at: file.place_of(start, "fabric"),
        column: "fabric",
        found: name.to_owned(),
        expected: "the name of a `fabric` in fabrics.toml",
    })
}
