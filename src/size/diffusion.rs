//! Memory of an image pipeline in one process.
//!
//! Comes in: the pipeline and what images are made. Goes out: weights of all components, and the
//! larger of two peaks: denoising, and decoding the latents, which is the larger one for most
//! pipelines. Reading the prompt takes a few dozen megabytes and never decides.

use std::num::NonZeroU32;

use super::Precision;
use crate::catalog::{Denoiser, Diffusion, Training, Vae};
use crate::units::Bytes;

/// What images are made, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiffusionQuestion {
    /// Format of the denoiser's weights. Text encoders and VAE stay at 16 bits, or 32 with fp32.
    pub precision: Precision,
    /// Whether 16-bit weights are brought to the GPU and made narrower there.
    pub quantizes_on_gpu: bool,
    /// Pixels from left to right.
    pub width: NonZeroU32,
    /// Pixels from top to bottom.
    pub height: NonZeroU32,
    /// Images at once.
    pub batch: NonZeroU32,
    /// Whether latents are decoded one after the other.
    pub slices_vae: bool,
}

impl DiffusionQuestion {
    fn pixels(&self) -> f64 {
        f64::from(self.width.get()) * f64::from(self.height.get())
    }
}

/// Peak memory of the process.
#[derive(Clone, Debug, PartialEq)]
pub struct DiffusionMemory {
    /// Weights of all components.
    pub weights: Bytes,
    /// What denoising or decoding needs on top, or bringing weights to the GPU.
    pub activations: Bytes,
    /// CUDA context and libraries.
    pub non_torch: Bytes,
    /// All of them.
    pub total: Bytes,
    /// One line per part.
    pub formulas: Vec<String>,
}

impl DiffusionMemory {
    /// What `torch.cuda.max_memory_allocated` reports.
    pub fn torch_allocated(&self) -> Bytes {
        self.total.saturating_sub(self.non_torch)
    }
}

/// Peak memory. FLUX.1-dev in bf16, 8 images of 1024 x 1024: 31.42 GiB of weights + 16.0 to decode,
/// 47.4 against 47.5 measured. Source: diffusers' pipelines.
pub fn diffusion(
    pipeline: &Diffusion,
    it: &DiffusionQuestion,
    constants: &Training,
) -> DiffusionMemory {
    let batch = f64::from(it.batch.get());
    let wide = it.precision.unquantized_bytes();
    let denoiser = pipeline.denoiser.params() as f64;
    let others = pipeline.text_encoders.iter().map(|it| it.params as f64).sum::<f64>()
        + pipeline.vae.params as f64;
    let narrow = it.precision.bytes_per_weight();
    let weights = denoiser * narrow + others * wide;
    let denoising = denoising_bytes(&pipeline.denoiser, &pipeline.vae, it, constants);
    let decoding = decoding_bytes(&pipeline.vae, it);
    let loading = if it.quantizes_on_gpu { denoiser * (wide - narrow) } else { 0.0 };
    let activations = denoising.max(decoding).max(loading);
    let bytes = Bytes::from_f64_rounded;
    let non_torch = bytes(constants.process_context_gb * 1e9);
    let total = bytes(weights) + bytes(activations) + non_torch;
    let gib = |amount: f64| bytes(amount).to_gib();
    let formulas = vec![
        format!(
            "weights = {denoiser:.0} params of the denoiser x {narrow:.4} B + {others:.0} of text \
             encoders and VAE x {wide} B = {:.2} GiB",
            gib(weights)
        ),
        format!(
            "activations = the most of denoising {:.2}, decoding {:.2} and loading {:.2} GiB for \
             {batch} images of {} x {}",
            gib(denoising),
            gib(decoding),
            gib(loading),
            it.width,
            it.height
        ),
        format!("non_torch = {:.2} GiB of context", non_torch.to_gib()),
        format!("total = all parts = {:.2} GiB", total.to_gib()),
    ];
    DiffusionMemory {
        weights: bytes(weights),
        activations: bytes(activations),
        non_torch,
        total,
        formulas,
    }
}

/// One pass over all latents. A transformer holds, for every token, its residual, queries, keys and
/// values, the hidden part of its feed-forward block and what joins both for the last projection:
/// 2 B x (1 + 3 + 4 + 1 + 4) x 3,072 for each of 4,096 + 512 tokens of FLUX, 0.37 GB an image. Of a `UNet` one
/// published figure tells; it was of 16 bits and is not raised for 32.
fn denoising_bytes(
    denoiser: &Denoiser,
    vae: &Vae,
    it: &DiffusionQuestion,
    constants: &Training,
) -> f64 {
    let scale = vae.scale_factor.max(1) as f64;
    let latent = it.pixels() / (scale * scale);
    let batch = f64::from(it.batch.get());
    match denoiser {
        Denoiser::Unet { block_out_channels, latents_per_image, .. } => {
            let channels = block_out_channels.first().copied().unwrap_or(0) as f64;
            batch * *latents_per_image as f64 * latent * channels * constants.unet_bytes
        }
        Denoiser::Dit {
            hidden_size,
            mlp_ratio,
            patch_size,
            text_tokens_max,
            latents_per_image,
            ..
        } => {
            const RESIDUAL_AND_ATTENTION: f64 = 5.0;
            let patch = (*patch_size).max(1) as f64;
            let tokens = latent / (patch * patch) + *text_tokens_max as f64;
            let width = (RESIDUAL_AND_ATTENTION + 2.0 * mlp_ratio) * *hidden_size as f64;
            batch * *latents_per_image as f64 * tokens * width * it.precision.unquantized_bytes()
        }
    }
}

/// Decoding at full resolution: the decoder's last upsampling keeps the channels of the second
/// finest resolution, and input, upsampled input, its convolution and the next norm live at once:
/// 4 x 1024 x 1024 x 256 x 2 B = 2.15 GB an image. A VAE that is raised to 32 bits adds the width
/// of its weights. Source: diffusers' `Decoder`; FLUX.1-dev at batches 1 to 16 within 1.3 %.
fn decoding_bytes(vae: &Vae, it: &DiffusionQuestion) -> f64 {
    const LIVE_TENSORS: f64 = 4.0;
    let wide = it.precision.unquantized_bytes();
    let element = if vae.force_upcast { 4.0 } else { wide };
    let channels = vae.block_out_channels.get(1).or(vae.block_out_channels.first());
    let images = if it.slices_vae { 1.0 } else { f64::from(it.batch.get()) };
    let raised = vae.params as f64 * (element - wide).max(0.0);
    LIVE_TENSORS * images * it.pixels() * channels.copied().unwrap_or(0) as f64 * element + raised
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Catalog;
    use crate::size::fixtures;

    const FLUX: &str = "black-forest-labs/FLUX.1-dev";

    fn count(it: u32) -> NonZeroU32 {
        NonZeroU32::new(it).unwrap()
    }

    fn question(precision: Precision, side: u32, batch: u32) -> DiffusionQuestion {
        DiffusionQuestion {
            precision,
            quantizes_on_gpu: false,
            width: count(side),
            height: count(side),
            batch: count(batch),
            slices_vae: false,
        }
    }

    fn sized(id: &str, it: &DiffusionQuestion) -> DiffusionMemory {
        let catalog = Catalog::embedded().unwrap();
        let pipeline = catalog.model(id).unwrap().diffusion.as_ref().unwrap();
        diffusion(pipeline, it, &fixtures::training())
    }

    #[test]
    fn flux_at_batch_8() {
        let it = sized(FLUX, &question(Precision::Bf16, 1_024, 8));
        assert_eq!(format!("{:.2}", it.weights.to_gib()), "31.42");
        assert_eq!(format!("{:.1}", it.torch_allocated().to_gib()), "47.4");
        assert_eq!(it.formulas.len(), 4);
        assert_eq!(it.total, it.weights + it.activations + it.non_torch);
    }

    #[test]
    fn narrow_weights_come_over_wide_ones() {
        let narrow = question(Precision::Int8WeightOnly, 1_024, 1);
        let loaded = DiffusionQuestion { quantizes_on_gpu: true, ..narrow };
        assert_eq!(format!("{:.1}", sized(FLUX, &narrow).torch_allocated().to_gib()), "22.3");
        assert_eq!(format!("{:.1}", sized(FLUX, &loaded).torch_allocated().to_gib()), "31.4");
    }

    #[test]
    fn a_sliced_vae_leaves_the_unet_as_the_peak() {
        let sdxl = "stabilityai/stable-diffusion-xl-base-1.0";
        let whole = question(Precision::Bf16, 1_024, 4);
        let sliced = DiffusionQuestion { slices_vae: true, ..whole };
        assert_eq!(format!("{:.1}", sized(sdxl, &whole).torch_allocated().to_gib()), "22.6");
        assert_eq!(format!("{:.1}", sized(sdxl, &sliced).torch_allocated().to_gib()), "15.2");
    }

    #[test]
    fn more_never_needs_less_and_absurd_sizes_saturate() {
        let mut before = Bytes::ZERO;
        for batch in [1, 2, 16, u32::MAX] {
            let total = sized(FLUX, &question(Precision::Bf16, 1_024, batch)).total;
            assert!(total >= before);
            before = total;
        }
        let absurd = sized(FLUX, &question(Precision::Fp32, u32::MAX, u32::MAX));
        assert_eq!(absurd.total, Bytes::new(u64::MAX));
    }
}
