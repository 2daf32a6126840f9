//! How fast GPUs exchange data, as measured: inside a node by fabric, between nodes by network.

use toml::Spanned;

use super::error::CatalogError;
use super::file::PricingFile;
use super::raw::{RawFabric, RawFabrics, RawNetwork};

/// One `[[fabric]]` of `pricing/fabrics.toml`, checked: how the GPUs of a node are joined.
#[derive(Clone, Debug, PartialEq)]
pub struct Fabric {
    /// Its name, such as `NVLink4 switch`.
    pub name: String,
    /// Rate of one GPU's link in both directions together, 10^9 bytes a second.
    pub link_gb_s: f64,
    /// What an all-reduce takes, by number of GPUs, the smallest first.
    pub groups: Vec<FabricGroup>,
    /// What is derived, and from what.
    pub notes: String,
    /// Where the numbers come from.
    pub source: String,
    /// When they were read.
    pub as_of: String,
}

/// An all-reduce over one number of GPUs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FabricGroup {
    /// The GPUs.
    pub gpus: u32,
    /// By the vendor's library.
    pub library: FabricRate,
    /// By the kernel of a serving engine for small messages, where engines use one.
    pub kernel: Option<FabricRate>,
    /// Whether it was measured on this fabric, or derived.
    pub measured: bool,
}

/// The two numbers an all-reduce follows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FabricRate {
    /// Time of the smallest message, microseconds.
    pub latency_us: f64,
    /// Bus bandwidth of large messages, 10^9 bytes a second.
    pub bus_bandwidth_gb_s: f64,
}

/// One `[[network]]` of `pricing/fabrics.toml`, checked: one network card of a node.
#[derive(Clone, Debug, PartialEq)]
pub struct Network {
    /// Its name, such as `InfiniBand NDR`.
    pub name: String,
    /// Line rate, 10^9 bits a second.
    pub line_rate_gbit_s: f64,
    /// What an all-reduce between nodes reaches, per card.
    pub rate: FabricRate,
    /// What is derived, and from what.
    pub notes: String,
    /// Where the numbers come from.
    pub source: String,
    /// When they were read.
    pub as_of: String,
}

/// The rows of `fabrics.toml`, checked.
pub(super) fn read(
    file: &PricingFile<'_>,
    rows: &RawFabrics,
) -> Result<(Vec<Fabric>, Vec<Network>), CatalogError> {
    let names = rows.fabric.iter().map(|it| (it.span().start, &it.get_ref().name));
    let more = rows.network.iter().map(|it| (it.span().start, &it.get_ref().name));
    let mut seen: Vec<&String> = Vec::new();
    for (start, name) in names.chain(more) {
        file.filled(start, "name", name)?;
        if seen.contains(&name) {
            let at = file.place_of(start, "name");
            return Err(CatalogError::Duplicate { at, what: "the fabric", name: name.clone() });
        }
        seen.push(name);
    }
    let fabrics = rows.fabric.iter().map(|row| fabric(file, row)).collect::<Result<_, _>>()?;
    let networks = rows.network.iter().map(|row| network(file, row)).collect::<Result<_, _>>()?;
    Ok((fabrics, networks))
}

fn fabric(file: &PricingFile<'_>, row: &Spanned<RawFabric>) -> Result<Fabric, CatalogError> {
    let start = row.span().start;
    let raw = row.get_ref();
    file.provenance(start, &raw.source, &raw.as_of)?;
    file.positive(start, "link_gb_s", Some(raw.link_gb_s))?;
    for (column, values) in [
        ("latency_us", &raw.latency_us),
        ("bus_bandwidth_gb_s", &raw.bus_bandwidth_gb_s),
        ("kernel_latency_us", &raw.kernel_latency_us),
        ("kernel_bandwidth_gb_s", &raw.kernel_bandwidth_gb_s),
    ] {
        for value in values {
            file.positive(start, column, Some(*value))?;
        }
    }
    check_lengths(file, start, raw)?;
    let library = raw.latency_us.iter().zip(&raw.bus_bandwidth_gb_s);
    let mut kernels = raw.kernel_latency_us.iter().zip(&raw.kernel_bandwidth_gb_s).map(rate);
    let groups = raw.gpus.iter().zip(library.map(rate)).map(|(&gpus, library)| FabricGroup {
        gpus,
        library,
        kernel: kernels.next(),
        measured: raw.measured_gpus.contains(&gpus),
    });
    Ok(Fabric {
        name: raw.name.clone(),
        link_gb_s: raw.link_gb_s,
        groups: groups.collect(),
        notes: raw.notes.clone(),
        source: raw.source.clone(),
        as_of: raw.as_of.clone(),
    })
}

fn rate((&latency_us, &bus_bandwidth_gb_s): (&f64, &f64)) -> FabricRate {
    FabricRate { latency_us, bus_bandwidth_gb_s }
}

/// Columns that stand side by side are equally long; those of the kernel may end earlier.
fn check_lengths(
    file: &PricingFile<'_>,
    start: usize,
    raw: &RawFabric,
) -> Result<(), CatalogError> {
    let outside = |column, found: String, expected| {
        Err(CatalogError::OutOfRange { at: file.place_of(start, column), column, found, expected })
    };
    let ascending =
        raw.gpus.first().is_some_and(|&it| it >= 2) && raw.gpus.is_sorted_by(|a, b| a < b);
    if !ascending {
        return outside("gpus", format!("{:?}", raw.gpus), "counts from 2 on, the smallest first");
    }
    for (column, found) in
        [("latency_us", raw.latency_us.len()), ("bus_bandwidth_gb_s", raw.bus_bandwidth_gb_s.len())]
    {
        if found != raw.gpus.len() {
            return outside(column, format!("{found} numbers"), "as many as `gpus`");
        }
    }
    let kernels = raw.kernel_latency_us.len();
    if kernels > raw.gpus.len() {
        return outside(
            "kernel_latency_us",
            format!("{kernels} numbers"),
            "at most as many as `gpus`",
        );
    }
    let found = raw.kernel_bandwidth_gb_s.len();
    if found != kernels {
        let expected = "as many as `kernel_latency_us`";
        return outside("kernel_bandwidth_gb_s", format!("{found} numbers"), expected);
    }
    if let Some(other) = raw.measured_gpus.iter().find(|it| !raw.gpus.contains(it)) {
        return outside("measured_gpus", other.to_string(), "a count in `gpus`");
    }
    Ok(())
}

fn network(file: &PricingFile<'_>, row: &Spanned<RawNetwork>) -> Result<Network, CatalogError> {
    let start = row.span().start;
    let raw = row.get_ref();
    file.provenance(start, &raw.source, &raw.as_of)?;
    for (column, value) in [
        ("line_rate_gbit_s", raw.line_rate_gbit_s),
        ("latency_us", raw.latency_us),
        ("bus_bandwidth_gb_s", raw.bus_bandwidth_gb_s),
    ] {
        file.positive(start, column, Some(value))?;
    }
    Ok(Network {
        name: raw.name.clone(),
        line_rate_gbit_s: raw.line_rate_gbit_s,
        rate: rate((&raw.latency_us, &raw.bus_bandwidth_gb_s)),
        notes: raw.notes.clone(),
        source: raw.source.clone(),
        as_of: raw.as_of.clone(),
    })
}
