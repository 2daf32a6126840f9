//! How fast a GPU multiplies with the weights of a precision, and what reading them costs.
//!
//! Where the GPU has tensor cores for the precision, products run in it. Where it has none, or the
//! format is for weights only, weights are unpacked to 16 bits before every product: reading
//! takes fewer bytes, unpacking takes about as long as the bytes saved, so such formats gain with
//! few tokens in a step and lose with many. That is why 4 bits rarely make a full GPU faster.

use super::Precision;
use crate::catalog::{Capacity, GpuSpec};

/// What products with a matrix cost on one GPU.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Rate {
    /// Operations a second, two for a weight and a token.
    pub(super) operations: f64,
    /// Bytes of weights read in a second.
    pub(super) bandwidth: f64,
    /// Bytes that unpacking one weight is worth, read at the same bandwidth.
    pub(super) unpack_bytes: f64,
}

/// The rates of quantized matrices and of those that stay wide.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Rates {
    /// Of matrices in the precision.
    pub(super) narrow: Rate,
    /// Of matrices as the checkpoint has them.
    pub(super) wide: Rate,
}

/// The first NVIDIA GPUs whose kernels take 8-bit floating-point weights and 16-bit products.
const FIRST_FP8_WEIGHTS: u32 = 80;

/// A10, A40, RTX 3090 and RTX A6000, whose unpacking is slow beside their memory.
const GA10X: u32 = 86;

impl Rates {
    /// The rates, or nothing where the GPU cannot run the precision. H100 SXM5 in fp8: products
    /// at 0.42 x 1,979 = 831 TFLOPS, weights at 0.9 x 3,350 = 3,015 GB/s.
    pub(super) fn of(gpu: &GpuSpec, precision: Precision, capacity: &Capacity) -> Option<Rates> {
        let bandwidth = gpu.memory_bandwidth_gb_s * 1e9;
        let slowed = ceiling(gpu, capacity);
        let halved = if gpu.datacenter_license { 1.0 } else { capacity.geforce_gain };
        let rate = |tera: f64, mfu: f64, mbu: f64| Rate {
            operations: tera * 1e12 * mfu * slowed,
            bandwidth: bandwidth * mbu,
            unpack_bytes: 0.0,
        };
        let sixteen = rate(gpu.bf16_tflops, capacity.mfu * halved, capacity.mbu);
        let unpacked = |bytes: f64| Rate {
            operations: sixteen.operations * capacity.weight_only_mfu,
            unpack_bytes: bytes,
            ..sixteen
        };
        let narrow = match precision {
            Precision::Bf16 => sixteen,
            // Tensor cores take fp32 as TF32, at half the 16-bit rate.
            Precision::Fp32 => Rate { operations: sixteen.operations / 2.0, ..sixteen },
            Precision::Fp8 => match gpu.fp8_tflops {
                Some(tera) => rate(tera, capacity.fp8_mfu * halved, capacity.mbu),
                None if gpu.cuda_arch >= Some(FIRST_FP8_WEIGHTS) => unpacked(eight(gpu, capacity)),
                None => return None,
            },
            Precision::Int8 => rate(gpu.int8_tops?, capacity.int8_mfu, capacity.mbu),
            Precision::Int8WeightOnly => unpacked(eight(gpu, capacity)),
            Precision::Nvfp4 | Precision::Mxfp4 => match (gpu.fp4_tflops, precision) {
                (Some(tera), _) => rate(tera, capacity.fp4_mfu, capacity.fp4_mbu),
                // The kernels of gpt-oss unpack on the way to the tensor cores.
                (None, Precision::Mxfp4) => unpacked(0.0),
                (None, _) => unpacked(capacity.unpack_4_bit_bytes),
            },
            Precision::Int4 | Precision::Nf4 | Precision::Gguf(_) => {
                unpacked(capacity.unpack_4_bit_bytes)
            }
        };
        let wide = if precision == Precision::Fp32 { narrow } else { sixteen };
        Some(Rates { narrow, wide })
    }
}

/// What unpacking a weight of 8 bits is worth, in bytes.
fn eight(gpu: &GpuSpec, capacity: &Capacity) -> f64 {
    if gpu.cuda_arch == Some(GA10X) {
        capacity.unpack_8_bit_bytes_sm86
    } else {
        capacity.unpack_8_bit_bytes
    }
}

/// How far a GPU whose large products were measured to reach less of its peak than those of an
/// H100 stays behind, as a share. MI300X: 668.4 of 1,307 TFLOPS are 0.51, against 0.80: 0.64.
fn ceiling(gpu: &GpuSpec, capacity: &Capacity) -> f64 {
    let reached = gpu.measured_bf16_tflops.map(|it| it / gpu.bf16_tflops);
    reached.map_or(1.0, |it| (it / capacity.gemm_ceiling).min(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::size::fixtures;

    fn rates(gpu: &GpuSpec, precision: Precision) -> Option<Rates> {
        Rates::of(gpu, precision, &fixtures::capacity())
    }

    #[test]
    fn products_run_in_the_precision_where_the_gpu_has_it() {
        let fp8 = rates(&fixtures::h100(), Precision::Fp8).unwrap();
        assert!((fp8.narrow.operations / 1e12 - 831.18).abs() < 1e-6);
        assert!((fp8.narrow.bandwidth / 1e9 - 3_015.0).abs() < 1e-6);
        assert!(fp8.narrow.unpack_bytes.abs() < 1e-12);
        assert!(fp8.wide.operations < fp8.narrow.operations);
    }

    #[test]
    fn fp8_weights_are_unpacked_where_there_are_no_fp8_products() {
        let a100 = rates(&fixtures::a100(), Precision::Fp8).unwrap();
        assert_eq!(Some(a100), rates(&fixtures::a100(), Precision::Int8WeightOnly));
        assert!(a100.narrow.unpack_bytes > 0.0);
        let a40 = GpuSpec { cuda_arch: Some(86), ..fixtures::a100() };
        let a40 = rates(&a40, Precision::Fp8).unwrap();
        assert!(a40.narrow.unpack_bytes > a100.narrow.unpack_bytes);
        assert_eq!(rates(&fixtures::t4(), Precision::Fp8), None);
        let old = GpuSpec { cuda_arch: None, ..fixtures::a100() };
        assert_eq!(rates(&old, Precision::Fp8), None);
    }

    #[test]
    fn a_measured_ceiling_only_slows() {
        let check = |measured: f64, expected: f64| {
            let gpu = GpuSpec {
                bf16_tflops: 1_307.0,
                measured_bf16_tflops: Some(measured),
                ..fixtures::h100()
            };
            assert!((ceiling(&gpu, &fixtures::capacity()) - expected).abs() < 1e-3);
        };
        check(668.4, 0.639);
        check(1_200.0, 1.0);
    }
}
