//! `nvidia-smi -L` and the lists of GPUs other tools print like it: `GPU 0: NVIDIA L4`.

use super::super::text::{clip_to, number};
use super::{GpuFacts, MigDevice};

/// Longest name kept, characters.
const MAX_NAME: usize = 80;

/// How names start; another word after the number is a sentence.
const MAKERS: &[&str] =
    &["NVIDIA", "Tesla", "GeForce", "Quadro", "TITAN", "GRID", "AMD", "A100", "H100", "Graphics"];

/// The state between two lines.
#[derive(Debug, Default)]
pub(super) struct List {
    pub(super) gpus: Vec<GpuFacts>,
    /// True while parts of the last GPU may follow.
    open: bool,
}

impl List {
    pub(super) fn line(&mut self, line: &str) -> bool {
        let text = line.trim();
        if let Some(profile) = mig_profile(text).filter(|_| self.open) {
            if let Some(gpu) = self.gpus.last_mut() {
                gpu.mig_devices.push(MigDevice { profile });
                gpu.mig_mode = Some(true);
            }
            return true;
        }
        let Some((indices, name)) = gpu(text) else {
            self.open &= text.is_empty();
            return false;
        };
        self.open = true;
        for index in indices {
            // `nvidia-smi nvlink -s` and `-L` in one text list each GPU twice.
            if self.gpus.iter().all(|it| it.index != Some(index)) {
                let index = Some(index);
                self.gpus.push(GpuFacts { index, name: Some(name.clone()), ..GpuFacts::default() });
            }
        }
        true
    }
}

/// `GPU 0: name (UUID: ...)`, `GPU 0,1,2,3: name`.
fn gpu(text: &str) -> Option<(Vec<u32>, String)> {
    let (indices, name) = text.strip_prefix("GPU ")?.split_once(": ")?;
    let index = |it: &str| match number(it) {
        Some((it, "")) => Some(it),
        _ => None,
    };
    let indices = indices.split(',').map(index).collect::<Option<Vec<u32>>>()?;
    let has_uuid = name.contains("(UUID");
    let name = name.split(" (UUID").next()?.trim();
    let is_name = has_uuid || MAKERS.iter().any(|it| name.starts_with(it));
    is_name.then(|| (indices, clip_to(name, MAX_NAME)))
}

/// `MIG 1g.10gb     Device  0: (UUID: ...)`
fn mig_profile(text: &str) -> Option<String> {
    let mut words = text.strip_prefix("MIG ")?.split_whitespace();
    let profile = words.next()?;
    (words.next() == Some("Device")).then(|| clip_to(profile, MAX_NAME))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_lists() {
        let check = |line: &str, expected: Option<(&[u32], &str)>| {
            let found = gpu(line);
            let found = found.as_ref().map(|(indices, name)| (indices.as_slice(), name.as_str()));
            assert_eq!(found, expected, "{line}");
        };
        check("GPU 0: NVIDIA L4 (UUID: GPU-1)", Some((&[0], "NVIDIA L4")));
        check("GPU 0,1: NVIDIA GB200", Some((&[0, 1], "NVIDIA GB200")));
        check("GPU 0,1 Compute Capability: 10.0", None);
        check("GPU 0: 812.50 GB/s", None);
        check("GPU 0: is hot", None);
        assert_eq!(mig_profile("MIG 1g.10gb     Device  0: (UUID: MIG-1)").unwrap(), "1g.10gb");
        assert_eq!(mig_profile("MIG is on"), None);
    }
}
