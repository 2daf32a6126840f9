//! What a launch plan asks of one host.

use super::version::Version;

/// Everything asked.
#[derive(Clone, Debug)]
pub struct Needs {
    /// Id of the model on the hub.
    pub model: String,
    /// The GPUs.
    pub gpu: GpuNeed,
    /// The image.
    pub image: ImageNeed,
    /// The weights.
    pub weights: WeightsNeed,
    /// Longest start the plan counts on, seconds; none where it counts on none.
    pub start_budget_s: Option<u64>,
    /// Shared memory the workers exchange data over, bytes; none for one GPU.
    pub shm_bytes: Option<u64>,
    /// Port the server listens on.
    pub port: u16,
}

/// The GPUs asked.
#[derive(Clone, Debug)]
pub struct GpuNeed {
    /// Name in the catalog, for the reader.
    pub name: String,
    /// Product names the driver prints for it.
    pub products: Vec<String>,
    /// GPUs of one replica.
    pub per_replica: u32,
    /// Replicas on this host.
    pub replicas: u32,
    /// GPUs that exchange the parts of each layer.
    pub tensor_parallel: u32,
    /// Memory that must be free on each when the engine starts, bytes: its share of the total.
    pub free_bytes: u64,
    /// Memory of each as the driver counts, bytes.
    pub total_bytes: Option<u64>,
    /// Lowest compute capability, 89 for 8.9.
    pub compute_capability: Option<u32>,
}

impl GpuNeed {
    /// GPUs on this host.
    pub fn count(&self) -> u32 {
        self.per_replica.saturating_mul(self.replicas)
    }

    /// True for a product name of the GPU asked; a name cut with dots counts by what is left of it.
    pub fn accepts(&self, product: &str) -> bool {
        let found = plain(product);
        let names = self.products.iter().chain([&self.name]);
        match found.strip_suffix("...") {
            Some(start) => {
                start.len() > 3 && names.map(|it| plain(it)).any(|it| it.starts_with(start))
            }
            None => names.map(|it| plain(it)).any(|it| it == found),
        }
    }
}

/// The name without its maker, in small letters, with blanks for the dashes of labels.
fn plain(name: &str) -> String {
    let name = name.to_ascii_lowercase().replace('-', " ");
    let words = name.split_whitespace();
    let words: Vec<&str> = words
        .skip_while(|it| matches!(*it, "nvidia" | "amd" | "tesla" | "instinct" | "quadro"))
        .collect();
    words.join(" ")
}

/// The image asked.
#[derive(Clone, Debug)]
pub struct ImageNeed {
    /// What its engine was built with; none where not known.
    pub toolkit: Option<Toolkit>,
    /// Driver its toolkit was released with, if the catalog has one.
    pub driver: Option<Version>,
    /// True where the plan starts a container on this host.
    pub container: bool,
}

/// What an image was built with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Toolkit {
    /// For NVIDIA.
    Cuda(Version),
    /// For AMD.
    Rocm(Version),
}

impl Toolkit {
    /// Reads `CUDA 12.9.1` or `ROCm 7.2.1`.
    pub fn parse(text: &str) -> Option<Self> {
        let (name, version) = text.trim().split_once(' ')?;
        let version = Version::parse(version)?;
        match name.to_ascii_lowercase().as_str() {
            "cuda" => Some(Self::Cuda(version)),
            "rocm" => Some(Self::Rocm(version)),
            _ => None,
        }
    }
}

/// The weights asked.
#[derive(Clone, Debug)]
pub struct WeightsNeed {
    /// Bytes to download and to read.
    pub bytes: u64,
    /// Whether the hub asks who downloads them.
    pub gate: Gate,
}

impl WeightsNeed {
    /// Disk for the weights, caches of compiled kernels and room to move: weights x 1.2 + 10 GB
    /// (compilation caches take 1-3 GB, an estimate). 141 GB of weights ask 179 GB.
    pub fn disk_bytes(&self) -> u64 {
        self.bytes.saturating_add(self.bytes / 5).saturating_add(10_000_000_000)
    }
}

/// Whether a token is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gate {
    /// Open to all.
    Open,
    /// Terms to accept with an account, and its token to send.
    Gated,
    /// Was gated, or may be.
    Perhaps,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn product_names() {
        let need = GpuNeed {
            name: "A100 80GB PCIe".to_owned(),
            products: vec!["NVIDIA A100 80GB PCIe".to_owned(), "A100-PCIE-80GB".to_owned()],
            per_replica: 2,
            replicas: 2,
            tensor_parallel: 2,
            free_bytes: 1,
            total_bytes: None,
            compute_capability: None,
        };
        assert_eq!(need.count(), 4);
        let check =
            |product: &str, expected| assert_eq!(need.accepts(product), expected, "{product}");
        check("NVIDIA A100 80GB PCIe", true);
        check("nvidia a100-pcie-80gb", true);
        check("NVIDIA A100 80G...", true);
        check("NVIDIA A100-SXM4-80GB", false);
        check("NVIDIA A...", false);
        check("NVIDIA", false);
        check("", false);
    }

    #[test]
    fn toolkits() {
        let check = |text: &str, expected: bool| {
            assert_eq!(Toolkit::parse(text).is_some(), expected, "{text}");
        };
        check("CUDA 12.9.1", true);
        check("ROCm 7.2.1", true);
        check("CUDA", false);
        check("oneAPI 2025.1", false);
        check("CUDA twelve", false);
    }
}
