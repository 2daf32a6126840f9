//! The rows of `launch.toml`: images that serve and train, what GPUs are called elsewhere, and which models
//! need a token.

use serde::Deserialize;
use toml::Spanned;

use super::Catalog;
use super::error::CatalogError;
use super::file::PricingFile;
use super::gpu::{GpuSpec, Vendor};

/// What runs in an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ImageUse {
    /// vLLM behind an OpenAI API.
    Vllm,
    /// The same as Ray Serve starts it.
    RayServe,
    /// `PyTorch`, for training.
    Training,
    /// `PyTorch` with Ray, for training.
    RayTrain,
}

/// A container image that is pinned.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Image {
    /// What it is for.
    #[serde(rename = "use")]
    pub used_for: ImageUse,
    /// Whose GPUs it runs on.
    #[serde(rename = "vendor")]
    vendor: String,
    /// Repository and full tag.
    pub reference: String,
    /// What runs in it, with its version: `vllm 0.19.1`, `pytorch 2.9`.
    pub version: String,
    /// The CUDA or `ROCm` version it was built with.
    pub toolkit: String,
    /// The oldest driver on Linux that carries that version; nothing where its maker names none.
    pub min_driver: Option<String>,
    /// Where this is published.
    pub source: String,
    /// When it was read.
    pub as_of: String,
}

/// What a GPU is called where it is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GpuNames {
    /// The catalog name.
    pub gpu: String,
    /// `nvidia.com/gpu.product` of GPU feature discovery.
    pub kubernetes: Option<String>,
    /// `gpuTypeIds` of RunPod.
    pub runpod: Option<String>,
    /// The pool of RunPod's serverless workers it is in.
    pub runpod_pool: Option<String>,
    /// `accelerators` of SkyPilot.
    pub skypilot: Option<String>,
    /// `accelerator_type` of Ray.
    pub ray: Option<String>,
    /// Where this is published.
    pub source: String,
    /// When it was read.
    pub as_of: String,
}

/// Models whose files need an account that has accepted their licence.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Gated {
    /// What the ids begin with.
    pub(super) prefix: String,
    pub(super) source: String,
    pub(super) as_of: String,
}

/// `launch.toml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawLaunch {
    image: Vec<Spanned<Image>>,
    gpu_name: Vec<Spanned<GpuNames>>,
    gated: Vec<Spanned<Gated>>,
}

/// The same, checked.
#[derive(Clone, Debug)]
pub(super) struct Launch {
    pub(super) images: Vec<Image>,
    pub(super) gpu_names: Vec<GpuNames>,
    pub(super) gated: Vec<Gated>,
}

impl Launch {
    /// The dates of all rows.
    pub(super) fn dates(&self) -> impl Iterator<Item = &str> {
        let images = self.images.iter().map(|it| it.as_of.as_str());
        let names = self.gpu_names.iter().map(|it| it.as_of.as_str());
        images.chain(names).chain(self.gated.iter().map(|it| it.as_of.as_str()))
    }
}

/// Checks every row: a source and a date, a GPU of the catalog, an image with a tag that stays.
pub(super) fn read(
    file: &PricingFile<'_>,
    raw: RawLaunch,
    gpus: &[GpuSpec],
) -> Result<Launch, CatalogError> {
    for row in &raw.image {
        let (start, it) = (row.span().start, row.get_ref());
        file.provenance(start, &it.source, &it.as_of)?;
        if !is_pinned(&it.reference) {
            return Err(CatalogError::UnknownWord {
                at: file.place_of(start, "reference"),
                column: "reference",
                found: it.reference.clone(),
                expected: "an image with a digest or a full tag, which `latest` is not",
            });
        }
        if vendor_of(&it.vendor).is_none() {
            return Err(CatalogError::UnknownWord {
                at: file.place_of(start, "vendor"),
                column: "vendor",
                found: it.vendor.clone(),
                expected: "NVIDIA or AMD",
            });
        }
    }
    for row in &raw.gpu_name {
        let (start, it) = (row.span().start, row.get_ref());
        file.provenance(start, &it.source, &it.as_of)?;
        if !gpus.iter().any(|gpu| gpu.name == it.gpu) {
            return Err(CatalogError::UnknownWord {
                at: file.place_of(start, "gpu"),
                column: "gpu",
                found: it.gpu.clone(),
                expected: "a name of gpus.toml",
            });
        }
    }
    for row in &raw.gated {
        let (start, it) = (row.span().start, row.get_ref());
        file.provenance(start, &it.source, &it.as_of)?;
        file.filled(start, "prefix", &it.prefix)?;
    }
    Ok(Launch {
        images: raw.image.into_iter().map(Spanned::into_inner).collect(),
        gpu_names: raw.gpu_name.into_iter().map(Spanned::into_inner).collect(),
        gated: raw.gated.into_iter().map(Spanned::into_inner).collect(),
    })
}

fn vendor_of(text: &str) -> Option<Vendor> {
    match text {
        "NVIDIA" => Some(Vendor::Nvidia),
        "AMD" => Some(Vendor::Amd),
        _ => None,
    }
}

/// Whether an image reference always means the same image, as far as its words tell: it has a digest, or a
/// tag with a digit in it. `vllm/vllm-openai:v0.19.1` does, `vllm/vllm-openai`, `:latest` and `:nightly` do not.
pub fn is_pinned(reference: &str) -> bool {
    let plain = !reference.is_empty()
        && reference.len() <= 255
        && reference.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-/:@".contains(&b));
    let digest = |it: &str| {
        it.strip_prefix("sha256:")
            .is_some_and(|hex| hex.len() == 64 && hex.bytes().all(|b| b.is_ascii_hexdigit()))
    };
    if let Some((_, after)) = reference.split_once('@') {
        return plain && digest(after);
    }
    let tag = reference.rsplit_once(':').map(|(_, tag)| tag).filter(|tag| !tag.contains('/'));
    plain
        && tag.is_some_and(|tag| {
            !tag.starts_with("latest")
                && !tag.contains("nightly")
                && tag.bytes().any(|b| b.is_ascii_digit())
        })
}

impl Catalog {
    /// The image for a use on GPUs of this maker.
    pub fn image(&self, used_for: ImageUse, vendor: Vendor) -> Option<&Image> {
        let fits = |it: &&Image| it.used_for == used_for && vendor_of(&it.vendor) == Some(vendor);
        self.launch.images.iter().find(fits)
    }

    /// The images that run vLLM on GPUs of this maker, as the file has them.
    pub fn vllm_images(&self, vendor: Vendor) -> impl Iterator<Item = &Image> {
        let fits = move |it: &&Image| {
            it.used_for == ImageUse::Vllm && vendor_of(&it.vendor) == Some(vendor)
        };
        self.launch.images.iter().filter(fits)
    }

    /// What a GPU of the catalog is called elsewhere.
    pub fn gpu_names(&self, gpu: &str) -> Option<&GpuNames> {
        self.launch.gpu_names.iter().find(|it| it.gpu == gpu)
    }

    /// What RunPod calls the other GPUs of its serverless pool, which a plan for this one leaves out.
    pub fn others_of_pool(&self, gpu: &str) -> Vec<String> {
        let Some(pool) = self.gpu_names(gpu).and_then(|it| it.runpod_pool.as_ref()) else {
            return Vec::new();
        };
        let others = self.launch.gpu_names.iter().filter(|it| it.gpu != gpu);
        let of_pool = others.filter(|it| it.runpod_pool.as_ref() == Some(pool));
        of_pool.filter_map(|it| it.runpod.clone()).collect()
    }

    /// Whether the files of a model need a token, as far as is known.
    pub fn is_gated(&self, model: &str) -> bool {
        let model = model.to_ascii_lowercase();
        self.launch.gated.iter().any(|it| model.starts_with(&it.prefix.to_ascii_lowercase()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_stays_is_pinned() {
        let digest = "a".repeat(64);
        for good in [
            "vllm/vllm-openai:v0.19.1",
            "localhost:5000/own/server:2026-10-01",
            &format!("vllm/vllm-openai@sha256:{digest}"),
            &format!("vllm/vllm-openai:v0.19.1@sha256:{digest}"),
        ] {
            assert!(is_pinned(good), "{good}");
        }
        for bad in [
            "",
            "vllm/vllm-openai",
            "vllm/vllm-openai:latest",
            "vllm/vllm-openai:latest-cu13",
            "vllm/vllm-openai:nightly-2026",
            "localhost:5000/own/server",
            "own/server:stable",
            "own/server@sha256:abc",
            "own/server:v1 --privileged",
        ] {
            assert!(!is_pinned(bad), "{bad}");
        }
    }

    #[test]
    fn every_use_has_an_image() {
        let catalog = Catalog::embedded().unwrap();
        for used_for in [ImageUse::Vllm, ImageUse::RayServe, ImageUse::Training, ImageUse::RayTrain]
        {
            assert!(catalog.image(used_for, Vendor::Nvidia).is_some(), "{used_for:?}");
        }
        assert!(catalog.is_gated("meta-llama/Meta-Llama-3.1-70B"));
        assert!(!catalog.is_gated("Qwen/Qwen2.5-32B"));
    }
}
