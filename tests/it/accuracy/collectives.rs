//! All-reduce over fabrics and networks, against measured runs.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use gpuadvise::catalog::{Fabric, FabricGroup, FabricRate, Network};
use gpuadvise::size::Collective;

use super::{Errors, HEAD, catalog, number, rows};

/// The fabric of a system inside a node, and the fabric to scale by the link rate when no other system
/// of its own is left.
const FABRICS: &[(&str, &str, &str)] = &[
    ("a100_dgx", "NVLink3 switch", "NVLink4 switch"),
    ("a100_sxm_hgx", "NVLink3 switch", "NVLink4 switch"),
    ("a100_dgx_single_node", "NVLink3 switch", "NVLink4 switch"),
    ("h100_dgx", "NVLink4 switch", "NVLink3 switch"),
    ("h100_sxm_hgx", "NVLink4 switch", "NVLink3 switch"),
    ("h200_sxm_hgx", "NVLink4 switch", "NVLink3 switch"),
    ("h100_hgx_single_node", "NVLink4 switch", "NVLink3 switch"),
    ("b200_sxm_hgx", "NVLink5 switch", "NVLink4 switch"),
    ("a100_pairwise_nvlink", "NVLink3 bridge", "NVLink4 bridge"),
    ("h100_pairwise_nvlink", "NVLink4 bridge", "NVLink3 bridge"),
    ("h100_pcie_nvlink_bridge_pair", "NVLink4 bridge", "NVLink3 bridge"),
    ("l40s_pcie_node", "PCIe 4", "PCIe 5"),
    ("rtx_pro_6000_pcie_node", "PCIe 5", "PCIe 4"),
    ("rtx5090_pcie_node", "PCIe 5", "PCIe 4"),
    ("mi355x_node", "Infinity Fabric, MI355X", "NVLink4 switch"),
];

/// The network of a system with several nodes, and its cards per node. What the nodes of
/// `a100_dgx_internode` are joined by is not stated, and no GPU of the catalog is in a DGX Spark.
const NETWORKS: &[(&str, &str, u32)] = &[
    ("a100_2nodes_4xHDR200", "InfiniBand HDR", 4),
    ("a100_2nodes_1xHDR200", "InfiniBand HDR", 1),
    ("a100_40g_3nodes_4xHDR200", "InfiniBand HDR", 4),
    ("h100_2nodes_1gpu_each_ndr400", "InfiniBand NDR", 1),
    ("v100_2nodes_1xEDR100", "InfiniBand EDR", 1),
    ("a100_2nodes_8x100GbE_roce", "RoCE 100 GbE", 8),
    ("h100_2nodes_8x400G_roce", "RoCE 400 GbE", 8),
];

/// Systems of the profiles of microsoft/vidur. Their small messages take 30 to 60 us whatever the size
/// (41 us from 67 KB to 4 MB on two H100, where nccl-tests has 7 to 15), so the profile sets the time.
const PROFILES: &[&str] = &["a100_dgx", "h100_dgx", "a100_pairwise_nvlink", "h100_pairwise_nvlink"];

/// Messages up to this many bytes show the latency, from that many on the bandwidth.
const SMALL: f64 = 3e5;
const LARGE: f64 = 4e6;

struct Case {
    id: String,
    system: String,
    gpus: u32,
    kernel: bool,
    bytes: f64,
    time_s: f64,
}

impl Case {
    /// Bytes around a ring.
    fn volume(&self) -> f64 {
        ring(self.gpus) * self.bytes
    }
}

fn ring(gpus: u32) -> f64 {
    2.0 * f64::from(gpus - 1) / f64::from(gpus)
}

/// Rows that give a bandwidth only are taken as 1 GB at that bandwidth.
fn cases() -> Vec<Case> {
    let all = rows("allreduce_cases.csv").into_iter().map(|row| {
        let gpus = row["num_gpus"].parse().unwrap();
        let bytes = number(&row, "size_bytes").unwrap_or(1e9);
        let of_bandwidth = || ring(gpus) * bytes / (number(&row, "busbw_gb_s").unwrap() * 1e9);
        let time_s = number(&row, "median_time_ms").map_or_else(of_bandwidth, |ms| ms * 1e-3);
        let kernel = row["library"].contains("custom");
        let system = row["topology"].clone();
        let by = if kernel { "kernel" } else { "library" };
        let id = format!("{system} x {gpus}, {bytes:.0} B, {by}");
        Case { id, system, gpus, kernel, bytes, time_s }
    });
    all.collect()
}

fn fabric(system: &str) -> Option<(&'static str, &'static str)> {
    FABRICS.iter().find(|it| it.0 == system).map(|it| (it.1, it.2))
}

fn shipped(name: &str) -> &'static Fabric {
    let mut all = catalog().gpus.iter().map(|it| &it.fabric);
    all.find(|it| it.name == name).unwrap()
}

/// Bandwidth of the quickest large message, latency of the quickest small one; of several systems the
/// least latency, and the mean bandwidth or, where hosts differ, the least.
fn fit(cases: &[&Case], by_host: bool) -> (Option<f64>, Option<f64>) {
    let systems: BTreeSet<&str> = cases.iter().map(|it| it.system.as_str()).collect();
    let (mut latencies, mut bandwidths) = (Vec::new(), Vec::new());
    for system in systems {
        let own = cases.iter().filter(|it| it.system == system);
        let large = own.clone().filter(|it| it.bytes >= LARGE);
        let Some(bandwidth) = large.map(|it| it.volume() / it.time_s).max_by(f64::total_cmp) else {
            continue;
        };
        bandwidths.push(bandwidth);
        let small = own.filter(|it| it.bytes <= SMALL);
        latencies.extend(small.map(|it| it.time_s - it.volume() / bandwidth));
    }
    let least = |all: &[f64]| all.iter().copied().min_by(f64::total_cmp);
    let mean = || {
        let logs: f64 = bandwidths.iter().map(|it| it.ln()).sum();
        (!bandwidths.is_empty()).then(|| (logs / bandwidths.len() as f64).exp())
    };
    (least(&latencies), if by_host { least(&bandwidths) } else { mean() })
}

/// The link an all-reduce over `gpus` GPUs has to cross: beyond a bridged pair that is `PCIe`.
fn link_gb_s(fabric: &str, gpus: u32) -> f64 {
    let crossed = match fabric {
        "NVLink3 bridge" if gpus > 2 => "PCIe 4",
        "NVLink4 bridge" if gpus > 2 => "PCIe 5",
        other => other,
    };
    shipped(crossed).link_gb_s
}

/// Whether engines use their own kernel there.
fn has_kernel(fabric: &str, gpus: u32) -> bool {
    !fabric.starts_with("PCIe") || gpus == 2
}

/// The rate of one way over `gpus` GPUs of a fabric, fitted on all systems but `without`; what they do
/// not tell comes from the neighbour. The flag is false then.
fn rate(
    all: &[Case],
    name: (&str, &str),
    gpus: u32,
    kernel: bool,
    without: &str,
) -> (FabricRate, bool) {
    let fitted = |fabric_name: &str| {
        let kept: Vec<&Case> = all
            .iter()
            .filter(|it| it.system != without && it.gpus == gpus && it.kernel == kernel)
            .filter(|it| fabric(&it.system).is_some_and(|it| it.0 == fabric_name))
            .collect();
        fit(&kept, gpus > 2 && !fabric_name.contains("switch"))
    };
    let ((latency, bandwidth), (near_latency, near_bandwidth)) = (fitted(name.0), fitted(name.1));
    let scale = link_gb_s(name.0, gpus) / link_gb_s(name.1, gpus);
    let found = FabricRate {
        latency_us: latency.or(near_latency).unwrap() * 1e6,
        bus_bandwidth_gb_s: bandwidth.or(near_bandwidth.map(|it| it * scale)).unwrap() / 1e9,
    };
    (found, latency.is_some() && bandwidth.is_some())
}

/// The time of a case by what all other systems tell, and whether its own fabric told it.
fn left_out(all: &[Case], case: &Case, names: (&str, &str)) -> (f64, bool) {
    let by_kernel = case.kernel && has_kernel(names.0, case.gpus);
    let (rate, own) = rate(all, names, case.gpus, by_kernel, &case.system);
    let group = FabricGroup { gpus: case.gpus, library: rate, kernel: None, measured: true };
    let fabric = Fabric { groups: vec![group], ..shipped(names.0).clone() };
    (Collective::over(&fabric, case.gpus).unwrap().library_s(case.bytes), own)
}

/// A network by the share of the line rate that the others of its kind reach, after the latency of the
/// one system with small messages between nodes.
fn network_left_out(all: &[Case], case: &Case, network: &Network, cards: u32) -> f64 {
    let kind = network.name.split(' ').next().unwrap();
    let mut shares = Vec::new();
    for (system, name, cards) in NETWORKS {
        let other = catalog().networks.iter().find(|it| it.name == *name).unwrap();
        if *system == case.system || !name.starts_with(kind) {
            continue;
        }
        let own: Vec<&Case> = all.iter().filter(|it| it.system == *system).collect();
        let line = other.line_rate_gbit_s / 8.0 * 1e9 * f64::from(*cards);
        shares.push(fit(&own, false).1.unwrap() / line);
    }
    let mean = (shares.iter().map(|it| it.ln()).sum::<f64>() / shares.len() as f64).exp();
    let unnamed: Vec<&Case> =
        all.iter().filter(|it| it.system == "a100_dgx_internode_2nodes_x1").collect();
    let rate = FabricRate {
        latency_us: fit(&unnamed, false).0.unwrap() * 1e6,
        bus_bandwidth_gb_s: mean * network.line_rate_gbit_s / 8.0,
    };
    let found = Network { rate, ..network.clone() };
    Collective::across(&found, cards, case.gpus).library_s(case.bytes)
}

/// The errors of one line of the table.
const LINES: &[&str] = &[
    "as shipped, inside a node",
    "the same, nccl-tests and kernels",
    "all inside a node",
    "profiles of microsoft/vidur",
    "nccl-tests and kernels",
    "messages up to 1 MiB",
    "messages above",
    "NVLink behind a switch",
    "NVLink bridge",
    "PCIe",
    "the fabric measured on another system",
    "scaled from another fabric by the link rate",
    "between nodes, by the share of the line rate",
];

/// What ships, for a case inside a node.
fn shipped_s(case: &Case, name: &str) -> f64 {
    let it = Collective::over(shipped(name), case.gpus).unwrap();
    if case.kernel { it.all_reduce_s(case.bytes) } else { it.library_s(case.bytes) }
}

/// The errors of every line of [`LINES`].
fn errors(all: &[Case]) -> Vec<Errors> {
    let mut lines: Vec<Errors> = LINES.iter().map(|_| Errors::default()).collect();
    let mut note = |line: &str, case: &Case, found: f64| {
        let at = LINES.iter().position(|it| *it == line).unwrap();
        lines[at].note(&case.id, found, case.time_s);
    };
    for case in all {
        if let Some(names) = fabric(&case.system) {
            let profile = PROFILES.contains(&case.system.as_str());
            let found = shipped_s(case, names.0);
            note(LINES[0], case, found);
            if !profile {
                note(LINES[1], case, found);
            }
            let (found, own) = left_out(all, case, names);
            note(LINES[2], case, found);
            note(if profile { LINES[3] } else { LINES[4] }, case, found);
            note(if case.bytes <= 1_048_576.0 { LINES[5] } else { LINES[6] }, case, found);
            for (word, line) in [("switch", LINES[7]), ("bridge", LINES[8]), ("PCIe", LINES[9])] {
                if names.0.contains(word) {
                    note(line, case, found);
                }
            }
            note(if own { LINES[10] } else { LINES[11] }, case, found);
        } else if let Some((_, name, cards)) = NETWORKS.iter().find(|it| it.0 == case.system) {
            let network = catalog().networks.iter().find(|it| it.name == *name).unwrap();
            note(LINES[12], case, network_left_out(all, case, network, *cards));
        }
    }
    lines
}

/// The section of the document.
pub(super) fn section() -> String {
    let all = cases();
    let lines = errors(&all);
    let median = |at: usize| lines[at].median();
    assert!(median(0) < 0.13 && median(1) < 0.10 && median(2) < 0.30);
    assert!(median(12) < 0.15 && lines[12].p90() < 0.30);
    let mut text = format!(
        "## All-reduce\n\n\
         {} of {} rows of `tests/data/allreduce_cases.csv`; 29 have no GPU or no network of the catalog. \
         Latency + 2 (n - 1)/n x bytes / bus bandwidth.\n\
         The first two lines are what ships and in sample. In all others the system of a row is left out of \
         the fit, with all its rows.\n\n{HEAD}",
        lines[0].n() + lines[12].n(),
        all.len(),
    );
    for (name, errors) in LINES.iter().zip(&lines) {
        text += &errors.line(name, "");
    }
    text += "\n64 KiB over 8 GPUs, which decides decoding:\n\n\
             | system | by | measured, us | as shipped, us | left out, us |\n\
             | --- | --- | ---: | ---: | ---: |\n";
    for case in all.iter().filter(|it| it.gpus == 8 && it.bytes.to_bits() == 65_536_f64.to_bits()) {
        let names = fabric(&case.system).unwrap();
        let by = if case.kernel { "kernel" } else { "library" };
        let [measured, found, out] =
            [case.time_s, shipped_s(case, names.0), left_out(&all, case, names).0]
                .map(|it| it * 1e6);
        let system = &case.system;
        let _ = writeln!(text, "| {system} | {by} | {measured:.1} | {found:.1} | {out:.1} |");
    }
    text
}

/// `fabrics.toml` holds what the fit gives on all systems, to two digits.
#[test]
fn the_fabrics_are_the_fit() {
    let all = cases();
    let mut checked = 0;
    for (_, name, neighbour) in FABRICS.iter().filter(|it| it.1 != "Infinity Fabric, MI355X") {
        for group in shipped(name).groups.iter().filter(|it| it.measured) {
            let found = rate(&all, (name, neighbour), group.gpus, false, "").0;
            let kernel = group
                .kernel
                .filter(|_| *name != "NVLink5 switch")
                .map(|it| (it, rate(&all, (name, neighbour), group.gpus, true, "").0));
            for (ships, found) in [(group.library, found)].into_iter().chain(kernel) {
                for (a, b) in [
                    (ships.latency_us, found.latency_us),
                    (ships.bus_bandwidth_gb_s, found.bus_bandwidth_gb_s),
                ] {
                    assert!((a / b - 1.0).abs() < 0.02, "{name} x {}: {a} and {b}", group.gpus);
                    checked += 1;
                }
            }
        }
    }
    assert!(checked > 50, "only {checked}");
}

#[test]
fn the_section_holds_its_bars() {
    println!("{}", section());
}
