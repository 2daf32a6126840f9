//! The names of devices: whole GPUs, MIG slices and vGPU profiles, and their share of a GPU.

use super::{Catalog, GpuMatch, alias, sku_text};

/// What the name of a device says.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Device {
    /// Catalog name, or an alias of several or none.
    pub(super) label: String,
    /// Share of the physical GPU that one device is.
    pub(super) share: f64,
    /// Devices, where the name counts them (`H100:8`).
    pub(super) count: Option<f64>,
}

impl Catalog {
    /// The share of the physical GPU that a device has; nothing where the name or the profile is
    /// not known.
    ///
    /// `device_name` is what a driver, a Kubernetes label or a provider writes, `mig_profile` the
    /// profile where it stands apart (`GPU_I_PROFILE` of DCGM).
    ///
    /// - MIG: the compute slices of the profile over those of the GPU, `2g.20gb` of an A100 = 2/7,
    ///   `2g.12gb` of an A30 = 2/4; a compute instance has its own, `1c.3g.40gb` = 1/7. The memory
    ///   in the profile does not count. A device sliced without a remainder adds up to 1 (7 x 1g,
    ///   4g + 3g, 3 x 2g + 1g); never more, and less where memory runs out before compute does
    ///   (3g + 3g of an A100 = 6/7, 4 x 1g.20gb = 4/7): the rest is idle and belongs to nobody.
    /// - vGPU: the memory of the profile over that of the GPU, `GRID A100D-10C` = 10/80; with a
    ///   slice in the name, `GRID A100D-1-10C`, it is MIG: 1/7.
    /// - Anything else is a whole GPU, 1. So are time slices (`NVIDIA-L4-SHARED`) and `HAMi`, where
    ///   every pod sees the whole device: divide by the pods of one UUID.
    pub fn gpu_fraction(&self, device_name: &str, mig_profile: Option<&str>) -> Option<f64> {
        let device = self.device(device_name)?;
        match mig_profile.map(str::trim).filter(|it| !it.is_empty()) {
            None => Some(device.share),
            Some(profile) => self.mig_share(&device.label, profile),
        }
    }

    /// The device a name means.
    pub(super) fn device(&self, name: &str) -> Option<Device> {
        let name = name.trim();
        let whole = |name: &str| {
            let label = self.label(name)?;
            Some(Device { label, share: 1.0, count: None })
        };
        let shared =
            name.len().checked_sub("-shared".len()).and_then(|at| name.split_at_checked(at));
        if let Some((base, _)) = shared.filter(|(_, end)| end.eq_ignore_ascii_case("-shared")) {
            return self.device(base);
        }
        whole(name)
            .or_else(|| self.mig_device(name))
            .or_else(|| self.vgpu_device(name))
            .or_else(|| whole(name.strip_suffix('!')?))
            .or_else(|| {
                let (base, count) = name.rsplit_once(':')?;
                Some(Device { count: Some(sku_text::count(count)?), ..self.device(base)? })
            })
    }

    /// The catalog name of a GPU, or the name itself where it is a pool or has no specification.
    pub(super) fn label(&self, name: &str) -> Option<String> {
        match self.resolve_gpu(name) {
            GpuMatch::Unknown => None,
            GpuMatch::Known(gpus) => match gpus.as_slice() {
                [gpu] => Some(gpu.name.clone()),
                _ => Some(name.to_owned()),
            },
            GpuMatch::Listed => Some(name.to_owned()),
        }
    }

    /// `NVIDIA-A100-SXM4-40GB-MIG-1g.5gb`, `NVIDIA A100-SXM4-80GB MIG 1g.10gb`.
    fn mig_device(&self, name: &str) -> Option<Device> {
        let lower = name.to_ascii_lowercase();
        let at = lower.find(" mig ").or_else(|| lower.find("-mig-"))?;
        let label = self.label(name.get(..at)?)?;
        let share = self.mig_share(&label, name.get(at + " mig ".len()..)?)?;
        Some(Device { label, share, count: None })
    }

    /// `GRID A100D-10C`, `NVIDIA L4-3Q`, `GRID A100D-1-10C`.
    fn vgpu_device(&self, name: &str) -> Option<Device> {
        let lower = name.to_ascii_lowercase();
        let mut rest = lower.as_str();
        while let Some(shorter) =
            ["nvidia", "grid", " ", "-"].iter().find_map(|it| rest.strip_prefix(it))
        {
            rest = shorter;
        }
        let (rest, size) = rest.rsplit_once('-')?;
        let size = size.strip_suffix(['a', 'b', 'c', 'q'])?.parse::<u32>().ok()?;
        let sliced = rest.rsplit_once('-').and_then(|(code, slices)| {
            Some((self.skus.vgpus.get(code)?, slices.parse::<u32>().ok()?))
        });
        let (label, share) = if let Some(((gpu, _), slices)) = sliced {
            (gpu, share(slices, self.slices(gpu)?)?)
        } else {
            let (gpu, memory_gb) = self.skus.vgpus.get(rest)?;
            (gpu, Some(f64::from(size) / memory_gb).filter(|it| (0.0..=1.0).contains(it))?)
        };
        Some(Device { label: label.clone(), share, count: None }).filter(|it| it.share > 0.0)
    }

    /// The share of a MIG profile: `1g.10gb`, `MIG 3g.40gb+me`, `mig-1c.3g.40gb`, `MIG1g`.
    fn mig_share(&self, label: &str, profile: &str) -> Option<f64> {
        let lower = profile.trim().to_ascii_lowercase();
        let text = lower.strip_prefix("mig").unwrap_or(&lower).trim_start_matches([' ', '-']);
        let (compute, text) = match text.split_once("c.") {
            Some((compute, rest)) if compute.bytes().all(|it| it.is_ascii_digit()) => {
                (Some(compute.parse::<u32>().ok()?), rest)
            }
            _ => (None, text),
        };
        let (slices, memory) = text.split_once('g')?;
        let slices: u32 = slices.parse().ok()?;
        if !memory.is_empty() && !memory.starts_with(['.', '+', '-']) {
            return None;
        }
        let all = self.slices(label)?;
        let whole = share(slices, all)?;
        match compute {
            None => Some(whole),
            Some(compute) if compute <= slices => share(compute, all),
            Some(_) => None,
        }
    }

    /// Compute slices of a whole GPU; of a pool only where its members agree.
    fn slices(&self, label: &str) -> Option<u32> {
        let of = |name: &str| self.skus.slices.get(&alias::normal(name)).copied();
        if let Some(slices) = of(label) {
            return Some(slices);
        }
        match self.resolve_gpu(label) {
            GpuMatch::Known(gpus) => {
                let first = of(&gpus.first()?.name)?;
                gpus.iter().all(|it| of(&it.name) == Some(first)).then_some(first)
            }
            // `NVIDIA RTX PRO 5000 Blackwell`: a name without specification, with its vendor.
            GpuMatch::Listed => {
                let name = alias::normal(label);
                self.skus.slices.get(name.strip_prefix("nvidia")?).copied()
            }
            GpuMatch::Unknown => None,
        }
    }
}

/// Some of the slices of a GPU, at least one and at most all.
fn share(slices: u32, all: u32) -> Option<f64> {
    (1..=all).contains(&slices).then(|| f64::from(slices) / f64::from(all))
}
