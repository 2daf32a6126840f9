//! How long the GPUs of a host take to add up what each has, by the groups that its wires make.

use serde::Serialize;

use super::topo::{FabricClass, Verdict};
use crate::catalog::{Catalog, Fabric, GpuMatch, GpuSpec};
use crate::size::{Collective, Evidence, PeerToPeerLoss, peer_to_peer_loss};

/// A sum of one layer while eight sequences write: 8 x 8,192 numbers of 16 bits.
const STEP_BYTES: f64 = 131_072.0;
/// A sum of gradients.
const LARGE_BYTES: f64 = 1e9;

/// The all-reduce of one group.
#[derive(Clone, Debug, Serialize)]
pub struct AllReduce {
    /// Numbers of the GPUs.
    pub gpus: Vec<u32>,
    /// The row of `fabrics.toml`.
    pub fabric: String,
    /// Bus bandwidth of large messages, 10^9 bytes a second.
    pub bus_bandwidth_gb_s: f64,
    /// Seconds for the sum of a layer: 128 KiB.
    pub step_s: f64,
    /// Seconds for 1 GB.
    pub large_s: f64,
    /// Where these come from: `measured`, `derived from another fabric`, `measured on a slow host`.
    pub evidence: String,
    /// The same when data go through memory of the host: by the rule of thumb, the longest; nothing where
    /// the GPUs are known to reach each other.
    pub through_host_s: Option<f64>,
}

/// The all-reduces that matter, and what is lost without peer-to-peer.
#[derive(Clone, Debug, Default)]
pub struct Exchange {
    /// Of each island or, without any, of each group near each other, and of all GPUs; in this order.
    pub groups: Vec<AllReduce>,
    /// Where GPUs may not reach each other.
    pub loss: Option<PeerToPeerLoss>,
    /// The same where nothing is known of their wires: the rule of thumb and one measurement.
    pub rule: Option<String>,
    /// Why there are no numbers.
    pub absent: Option<String>,
}

/// What the groups of a verdict exchange, by the fabrics of the catalog.
pub fn exchange(verdict: &Verdict, catalog: &Catalog) -> Exchange {
    if verdict.gpus.len() < 2 {
        return Exchange::default();
    }
    let gpu = match verdict.names.as_slice() {
        [name] => known(catalog, name),
        _ => None,
    };
    let mut groups: Vec<(&[u32], FabricClass)> = verdict
        .islands
        .iter()
        .chain(verdict.near.iter().filter(|_| verdict.islands.is_empty()))
        .map(|it| (it.gpus.as_slice(), it.fabric))
        .collect();
    if let Some(whole) = verdict.whole
        && !groups.iter().any(|it| it.0.len() == verdict.gpus.len())
    {
        groups.push((&verdict.gpus, whole));
    }
    let through_host = verdict.through_host != Some(false);
    let mut found = Exchange::default();
    for (gpus, class) in groups {
        let Some(fabric) = fabric(catalog, class, gpu) else { continue };
        let n = u32::try_from(gpus.len()).unwrap_or(u32::MAX);
        let Some(collective) = Collective::over(fabric, n) else { continue };
        let over_pcie = matches!(class, FabricClass::Pcie { .. } | FabricClass::AcrossSockets);
        let loss = peer_to_peer_loss(fabric, n, &catalog.assumptions.interconnect);
        let evidence = match collective.evidence() {
            Evidence::Measured if over_pcie && n > 2 => Evidence::DependsOnHost,
            other => other,
        };
        let large_s = collective.library_s(LARGE_BYTES);
        found.groups.push(AllReduce {
            gpus: gpus.to_vec(),
            fabric: fabric.name.clone(),
            bus_bandwidth_gb_s: collective.bus_bandwidth() / 1e9,
            step_s: collective.all_reduce_s(STEP_BYTES),
            large_s,
            evidence: evidence.to_string(),
            through_host_s: (over_pcie && through_host).then(|| large_s / (1.0 - loss.rule.1)),
        });
        if over_pcie && through_host {
            found.loss.get_or_insert(loss);
        }
    }
    let over_pcie = matches!(
        verdict.whole,
        Some(FabricClass::Pcie { .. } | FabricClass::AcrossSockets | FabricClass::Unknown)
    );
    if found.loss.is_none() && over_pcie && through_host {
        let it = &catalog.assumptions.interconnect;
        found.rule = Some(format!(
            "without peer-to-peer the rule of thumb expects to lose {:.0} to {:.0} % of the rate; an all-reduce \
             measured with and without it lost {:.0} %",
            it.rule_no_p2p_loss_low * 100.0,
            it.rule_no_p2p_loss_high * 100.0,
            it.measured_no_p2p_loss * 100.0
        ));
    }
    if found.groups.is_empty() {
        found.absent = Some(
            "no time of an all-reduce: the name of the GPUs is not known, which `nvidia-smi -q` or -L says"
                .to_owned(),
        );
    }
    found
}

/// The GPU of a name that a driver prints.
fn known<'a>(catalog: &'a Catalog, name: &str) -> Option<&'a GpuSpec> {
    let short = name.trim_start_matches("NVIDIA ").trim_start_matches("AMD ");
    [name, short].iter().find_map(|it| match catalog.resolve_gpu(it) {
        GpuMatch::Known(gpus) => match gpus.as_slice() {
            [one] => Some(*one),
            _ => None,
        },
        GpuMatch::Listed | GpuMatch::Unknown => None,
    })
}

/// The measured fabric of a class: that of the GPU where it has such wires, else the one of this name.
fn fabric<'a>(
    catalog: &'a Catalog,
    class: FabricClass,
    gpu: Option<&'a GpuSpec>,
) -> Option<&'a Fabric> {
    let named = |name: &str| catalog.gpus.iter().map(|it| &it.fabric).find(|it| it.name == name);
    let of_gpu = gpu.map(|it| &it.fabric);
    let is_pcie = |it: &&Fabric| it.name.starts_with("PCIe");
    match class {
        FabricClass::NvSwitch
        | FabricClass::NvLinkBridge
        | FabricClass::NvLinkMesh
        | FabricClass::XgmiMesh => of_gpu.filter(|it| !is_pcie(it)),
        FabricClass::Pcie { generation: Some(generation) } => {
            named(&format!("PCIe {generation}")).or(of_gpu.filter(is_pcie))
        }
        FabricClass::Pcie { generation: None } | FabricClass::AcrossSockets => {
            of_gpu.filter(is_pcie).or_else(|| named("PCIe 4").filter(|_| gpu.is_some()))
        }
        FabricClass::Unknown => None,
    }
}

impl Exchange {
    /// The sentences of a terminal.
    pub fn sentences(&self) -> Vec<String> {
        let mut lines: Vec<String> = self.groups.iter().map(AllReduce::sentence).collect();
        lines.extend(self.loss.map(|it| it.to_string()));
        lines.extend(self.rule.clone());
        lines.extend(self.absent.clone());
        lines
    }
}

impl AllReduce {
    fn sentence(&self) -> String {
        let gpus: Vec<String> = self.gpus.iter().map(u32::to_string).collect();
        let slow = self.through_host_s.map_or_else(String::new, |s| {
            format!(", {} where it goes through host memory", time(s))
        });
        format!(
            "{} GPUs ({}) over {}: 128 KiB, the sum of a layer, in {}; 1 GB in {}{slow} ({:.1} GB/s, {})",
            self.gpus.len(),
            gpus.join(" "),
            self.fabric,
            time(self.step_s),
            time(self.large_s),
            self.bus_bandwidth_gb_s,
            self.evidence
        )
    }
}

/// Seconds in the unit that fits.
fn time(seconds: f64) -> String {
    match seconds {
        s if s < 1e-3 => format!("{:.0} us", s * 1e6),
        s if s < 1.0 => format!("{:.1} ms", s * 1e3),
        s => format!("{s:.1} s"),
    }
}
