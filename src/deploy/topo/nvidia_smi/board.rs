//! The table `nvidia-smi` prints when asked nothing: three lines per GPU between bars.

use super::super::text::{between, clip_to, number};
use super::{GpuFacts, amount, switch};

/// Longest name kept, characters.
const MAX_NAME: usize = 80;

/// The state between two lines.
#[derive(Debug, Default)]
pub(super) struct Board {
    pub(super) gpus: Vec<GpuFacts>,
    driver: Option<String>,
    cuda: Option<String>,
    /// Lines since the first one of the last GPU.
    since: Option<u8>,
}

impl Board {
    pub(super) fn line(&mut self, line: &str) -> bool {
        let text = line.trim();
        if !text.starts_with('|') || !text.ends_with('|') {
            self.since = None;
            return text.starts_with("+--") && text.ends_with("-+");
        }
        if text.contains("Driver Version:") {
            let version = |key| {
                let it = between(text, key, "|")?.split_whitespace().next()?;
                Some(clip_to(it, MAX_NAME))
            };
            self.driver = version("Driver Version:");
            self.cuda = version("CUDA Version:");
            return true;
        }
        let columns: Vec<&str> = text.trim_matches('|').split('|').map(str::trim).collect();
        let [left, middle, right] = columns.as_slice() else {
            self.since = None;
            return true;
        };
        if let Some(gpu) = first_line(left, middle) {
            let (driver_version, cuda_version) = (self.driver.clone(), self.cuda.clone());
            self.gpus.push(GpuFacts { driver_version, cuda_version, ..gpu });
            self.since = Some(0);
            return true;
        }
        let (Some(since), Some(gpu)) = (self.since, self.gpus.last_mut()) else { return true };
        match since {
            0 => {
                let (used, total) = middle.split_once('/').unwrap_or_default();
                gpu.memory.used = amount(used);
                gpu.memory.total = amount(total);
                let mode = right.split_whitespace().last().unwrap_or_default();
                gpu.compute_mode = (mode == "Default").then(|| mode.to_owned());
            }
            1 => gpu.mig_mode = switch(right),
            _ => {}
        }
        self.since = Some(since.saturating_add(1));
        true
    }
}

/// `0  NVIDIA H100 80GB HBM3   On` beside the address; on Windows the driver model instead of `On`.
fn first_line(left: &str, middle: &str) -> Option<GpuFacts> {
    let (index, rest) = number(left)?;
    let (name, last) = rest.trim().rsplit_once(' ')?;
    let is_name = name.chars().any(|it| it.is_ascii_alphabetic());
    let is_last = matches!(last, "On" | "Off" | "N/A" | "WDDM" | "TCC" | "MCDM");
    let bus_id = middle.split_whitespace().next().filter(|it| it.contains(':'))?;
    (is_name && is_last).then(|| GpuFacts {
        index: Some(index),
        name: Some(clip_to(name, MAX_NAME)),
        bus_id: Some(clip_to(bus_id, MAX_NAME)),
        persistence: switch(last),
        ..GpuFacts::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_lines() {
        let check = |left: &str, expected: Option<(&str, Option<bool>)>| {
            let found = first_line(left, "00000000:18:00.0 Off");
            let found = found.as_ref().map(|it| (it.name.as_deref().unwrap(), it.persistence));
            assert_eq!(found, expected, "{left}");
        };
        check("0  NVIDIA H100 80GB HBM3          On", Some(("NVIDIA H100 80GB HBM3", Some(true))));
        check("0  NVIDIA A100 80G...  Off", Some(("NVIDIA A100 80G...", Some(false))));
        check("0  NVIDIA GeForce RTX 4090     WDDM", Some(("NVIDIA GeForce RTX 4090", None)));
        check("0   13   0   0", None);
        check("N/A   27C    P0             69W /  700W", None);
    }
}
