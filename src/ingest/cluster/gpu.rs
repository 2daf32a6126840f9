//! GPUs of a node and the part of them a pod holds, in whole units that add up to the node.
//!
//! A unit is a GPU, a time slice, a MIG compute slice or a thousandth of a GPU's memory, whichever
//! the node shares by. Units of all pods on a full node add up to the units of the node, so no
//! fraction is rounded before the shares are given out.

use super::raw::{Labels, Resources};

/// GPUs above which a node is a mistake in the file.
const MAX_GPUS: u64 = 1024;
/// Compute slices of a GPU with MIG (NVIDIA MIG user guide: A100, H100 and later have 7).
const MIG_SLICES: u64 = 7;
/// What a GPU is counted in: it has halves to sixteenths and thousandths without a rest, so that
/// equal slices are equal.
pub(crate) const GPU_PARTS: u64 = 18_018_000;
/// Thousandths.
const MILLI: u64 = 1000;

/// True for resources that are GPUs or parts of them.
pub(super) fn is_resource(name: &str) -> bool {
    matches!(name, "nvidia.com/gpu" | "nvidia.com/gpu.shared" | "amd.com/gpu")
        || matches!(name, "nvidia.com/gpumem" | "nvidia.com/gpumem-percentage")
        || name == "nvidia.com/gpucores"
        || mig_slices(name).is_some()
}

/// Compute slices of a MIG resource such as `nvidia.com/mig-3g.20gb` or
/// `nvidia.com/mig-1g.5gb.shared`.
fn mig_slices(resource: &str) -> Option<u64> {
    let profile = resource.strip_prefix("nvidia.com/mig-")?;
    profile.split_once('g')?.0.parse().ok().filter(|it| (1..=MIG_SLICES).contains(it))
}

impl Resources {
    fn of(&self, name: &str) -> Option<u64> {
        self.0.get(name).copied()
    }

    /// Whole GPUs or time slices of GPUs.
    fn gpus(&self) -> u64 {
        let names = ["nvidia.com/gpu", "nvidia.com/gpu.shared", "amd.com/gpu"];
        names.iter().filter_map(|it| self.of(it)).fold(0, u64::saturating_add)
    }

    /// Compute slices of all MIG devices.
    fn mig(&self) -> u64 {
        let slices = |(name, n): (&String, &u64)| Some(mig_slices(name)?.saturating_mul(*n));
        self.0.iter().filter_map(slices).fold(0, u64::saturating_add)
    }

    /// True when it asks for a GPU or a part of one.
    pub(super) fn any_gpu(&self) -> bool {
        self.gpus() > 0 || self.mig() > 0
    }

    /// True when a part of a GPU's memory or cores is asked for, as a GPU-sharing scheduler sells
    /// them.
    pub(super) fn splits_gpu(&self) -> bool {
        self.0.keys().any(|it| it.starts_with("nvidia.com/gpumem") || it == "nvidia.com/gpucores")
    }

    /// GPUs asked for when they are not shared; nothing when they are.
    pub(super) fn whole_gpus(&self) -> Option<u64> {
        let shared =
            self.mig() > 0 || self.splits_gpu() || self.of("nvidia.com/gpu.shared") > Some(0);
        Some(self.gpus()).filter(|it| *it > 0 && !shared)
    }

    /// The larger amount of each resource: what a node has when a device is unhealthy or reserved.
    pub(super) fn larger(mut self, other: &Resources) -> Resources {
        for (name, amount) in &other.0 {
            let mine = self.0.entry(name.clone()).or_default();
            *mine = (*mine).max(*amount);
        }
        self
    }
}

/// How a node's GPUs are handed out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sharing {
    /// A request of 1 is one unit.
    Requests,
    /// Whole GPUs beside MIG devices: units of each.
    Mig { per_gpu: u64, per_slice: u64 },
    /// A thousandth of a GPU is a unit; MiB of one GPU, if a label says.
    Memory { mib: Option<u64> },
}

/// GPUs of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct GpuCapacity {
    /// Physical GPUs, in [`GPU_PARTS`].
    pub gpu_parts: u64,
    /// Units they are handed out in.
    pub units: u64,
    sharing: Sharing,
}

impl GpuCapacity {
    /// Of a node with these labels and resources; `split` when a pod on it asks for memory or cores
    /// of a GPU. `Ok(None)` without GPUs; an error says why the number of GPUs cannot be told.
    pub(super) fn of(
        labels: &Labels,
        resources: &Resources,
        split: bool,
    ) -> Result<Option<GpuCapacity>, &'static str> {
        let offered = resources.gpus();
        let slices = resources.mig();
        if offered == 0 && slices == 0 {
            return Ok(None);
        }
        if offered > MAX_GPUS * 100 || slices > MAX_GPUS * MIG_SLICES {
            return Err("it offers more GPUs than a machine can hold");
        }
        let number = |key: &str| labels.get(key).and_then(|it| it.trim().parse::<u64>().ok());
        let counted = number("cloud.google.com/gke-accelerator-count")
            .or_else(|| number("nvidia.com/gpu.count").filter(|_| mig_product(labels).is_none()))
            .or_else(|| number("karpenter.k8s.aws/instance-gpu-count"))
            .filter(|it| (1..=MAX_GPUS).contains(it));
        if slices > 0 {
            return Ok(Some(mig(offered, slices, counted)));
        }
        let replicas = number("nvidia.com/gpu.replicas")
            .or_else(|| number("cloud.google.com/gke-max-shared-clients-per-gpu"))
            .filter(|it| (2..=MAX_GPUS).contains(it));
        if let Some(devices) = mig_product(labels).map(|it| devices_per_gpu(it, labels)) {
            let per_gpu = devices * replicas.unwrap_or(1);
            let gpus = counted.unwrap_or_else(|| offered.div_ceil(per_gpu));
            return Ok(Some(requests(gpus, offered.max(gpus * per_gpu))));
        }
        let gpus = match (counted, replicas) {
            (Some(counted), _) => counted,
            (None, Some(replicas)) => offered.div_ceil(replicas),
            (None, None) if split => {
                return Err("its GPUs are split and no label says how many there are");
            }
            (None, None) => offered,
        };
        if gpus > MAX_GPUS {
            return Err("it offers more GPUs than a machine can hold");
        }
        if split || (replicas.is_none() && offered > gpus) {
            let mib = number("nvidia.com/gpu.memory").filter(|it| *it > 0);
            let (gpu_parts, sharing) = (gpus * GPU_PARTS, Sharing::Memory { mib });
            return Ok(Some(GpuCapacity { gpu_parts, units: gpus * MILLI, sharing }));
        }
        // A device that failed is no longer offered and still paid.
        Ok(Some(requests(gpus, offered.max(gpus * replicas.unwrap_or(1)))))
    }

    /// Units a pod holds; an error says why they cannot be told. Nothing for a pod without GPUs.
    pub(super) fn units_of(&self, asked: &Resources) -> Result<Option<u64>, &'static str> {
        if !asked.any_gpu() {
            return Ok(None);
        }
        let gpus = asked.gpus();
        Ok(Some(match self.sharing {
            Sharing::Requests if asked.mig() > 0 => return Err("its node offers no MIG device"),
            Sharing::Requests => gpus,
            Sharing::Mig { per_gpu, per_slice } => {
                gpus.saturating_mul(per_gpu).saturating_add(asked.mig().saturating_mul(per_slice))
            }
            Sharing::Memory { mib } => {
                let percent =
                    asked.of("nvidia.com/gpumem-percentage").filter(|it| (1..=100).contains(it));
                let each = match (percent, asked.of("nvidia.com/gpumem"), mib) {
                    (Some(percent), _, _) => percent * MILLI / 100,
                    (None, Some(asked), Some(mib)) => asked.saturating_mul(MILLI) / mib,
                    (None, Some(_), None) => {
                        return Err("it asks for memory of a GPU whose size no label says");
                    }
                    (None, None, _) => {
                        return Err("it states no memory on a node that splits its GPUs by memory");
                    }
                };
                gpus.saturating_mul(each.min(MILLI))
            }
        }))
    }

    /// True when a request of 1 is one physical GPU.
    pub(super) fn is_whole(&self) -> bool {
        self.sharing == Sharing::Requests && self.units.saturating_mul(GPU_PARTS) == self.gpu_parts
    }

    /// Parts of GPUs up to unit `n`: shares are differences of this, so they add up.
    pub(super) fn parts_up_to(&self, n: u64) -> u64 {
        let parts = u128::from(n) * u128::from(self.gpu_parts) / u128::from(self.units.max(1));
        u64::try_from(parts).unwrap_or(self.gpu_parts)
    }
}

fn requests(gpus: u64, units: u64) -> GpuCapacity {
    GpuCapacity { gpu_parts: gpus * GPU_PARTS, units, sharing: Sharing::Requests }
}

/// A node whose GPUs are partly cut into MIG devices: the cut GPUs are shared by compute slices
/// handed out (two 3g devices fill a GPU, as do a 4g and a 3g), the others are whole.
fn mig(whole: u64, slices: u64, counted: Option<u64>) -> GpuCapacity {
    let cut = slices.div_ceil(MIG_SLICES);
    let gpus = counted.filter(|it| *it >= whole + cut).unwrap_or(whole + cut);
    let sharing = Sharing::Mig { per_gpu: slices, per_slice: gpus - whole };
    GpuCapacity { gpu_parts: gpus * GPU_PARTS, units: gpus * slices, sharing }
}

/// The MIG profile that all GPUs of a node are cut into, such as `1g.5gb`.
fn mig_product(labels: &Labels) -> Option<&str> {
    labels.get("cloud.google.com/gke-gpu-partition-size").or_else(|| {
        let product = labels.get("nvidia.com/gpu.product")?.trim_end_matches("-SHARED");
        product.split_once("-MIG-").map(|it| it.1)
    })
}

/// Devices of one profile that a GPU is cut into: 7 compute slices, and its memory. An A100 of 40
/// GB gives 7 of 1g.5gb, 4 of 1g.10gb, 3 of 2g.10gb, 2 of 3g.20gb (NVIDIA MIG user guide,
/// profiles).
fn devices_per_gpu(profile: &str, labels: &Labels) -> u64 {
    let (slices, rest) = profile.split_once("g.").unwrap_or((profile, ""));
    let slices: u64 = slices.parse().ok().filter(|it| *it > 0).unwrap_or(MIG_SLICES);
    let by_slices = (MIG_SLICES / slices).max(1);
    let digits = |text: &str| text.chars().take_while(char::is_ascii_digit).collect::<String>();
    let each: Option<u64> = digits(rest).parse().ok().filter(|it| *it > 0);
    let product = labels.get("nvidia.com/gpu.product").unwrap_or_default();
    let product = product.split("-MIG-").next().unwrap_or(product);
    let total: Option<u64> =
        product.rsplit('-').find_map(|it| it.strip_suffix("GB")).and_then(|it| it.parse().ok());
    match (each, total) {
        // Profiles are named by rounded sizes: two of 71 GB fill 141 GB.
        (Some(each), Some(total)) => ((total + each / 2) / each).clamp(1, by_slices),
        _ => by_slices,
    }
}

/// The GPU product a node's labels name, without the marks of sharing.
pub(super) fn product(labels: &Labels) -> Option<String> {
    const KEYS: [&str; 8] = [
        "nvidia.com/gpu.product",
        "cloud.google.com/gke-accelerator",
        "gpu.nvidia.com/model",
        "gpu.nvidia.com/class",
        "amd.com/gpu.product-name",
        "beta.amd.com/gpu.product-name",
        "karpenter.k8s.aws/instance-gpu-name",
        "k8s.amazonaws.com/accelerator",
    ];
    let text = KEYS.iter().find_map(|it| labels.get(it))?;
    let text = text.trim_end_matches("-SHARED");
    Some(text.split_once("-MIG-").map_or(text, |it| it.0).to_owned())
}
