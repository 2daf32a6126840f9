//! Every GPU, count and precision for one model: the table of `gpuadvise size`, and the list of
//! candidates the advice starts from.

use super::{Architecture, Constants, Deployment, Fit, Precision, TokenProfile, fit};
use crate::catalog::{GpuSpec, ModelArch, Wiring};

/// How many GPUs a replica is tried on.
const COUNTS: [u32; 4] = [1, 2, 4, 8];

/// How a replica is split over 1, 2, 4 and 8 of these GPUs, as (tensor, pipeline): over all of them
/// where a switch joins them, else over a pair, and beyond it by stages, which exchange little.
pub fn splits(gpu: &GpuSpec) -> impl Iterator<Item = (u32, u32)> {
    let most = match gpu.wiring {
        Wiring::Switched => 8,
        Wiring::Pairs => 2,
        Wiring::PcieOnly => 1,
    };
    COUNTS.into_iter().map(move |count| match count {
        1 | 2 => (count, 1),
        _ => (count.min(most), count / count.min(most)),
    })
}

/// One try.
#[derive(Clone, Debug)]
pub struct SizeRow {
    /// Catalog name of the GPU.
    pub gpu: String,
    /// How the replica is split and in which format its weights are.
    pub deployment: Deployment,
    /// False where the driver's licence forbids use in data centres; a matter of policy.
    pub datacenter_license: bool,
    /// What came of it.
    pub fit: Fit,
}

/// Tries every GPU, 1, 2, 4 and 8 of it, in every given precision, all else as in `base`; rows in
/// the order of `gpus`, then counts, then `precisions`.
pub fn table(
    arch: &ModelArch,
    gpus: &[GpuSpec],
    base: &Deployment,
    precisions: &[Precision],
    profile: &TokenProfile,
    constants: Constants<'_>,
) -> Vec<SizeRow> {
    let model = Architecture::of(arch);
    let mut rows = Vec::with_capacity(gpus.len() * COUNTS.len() * precisions.len());
    for gpu in gpus {
        for (tensor, stages) in splits(gpu) {
            for &precision in precisions {
                let deployment = Deployment {
                    precision,
                    tensor_parallel_size: tensor,
                    pipeline_parallel_size: stages,
                    ..*base
                };
                let fit = match &model {
                    Ok(model) => fit(model, gpu, &deployment, profile, constants),
                    Err(what) => {
                        Fit::UnsupportedArchitecture { why: format!("{}: {what}", arch.id) }
                    }
                };
                rows.push(SizeRow {
                    gpu: gpu.name.clone(),
                    deployment,
                    datacenter_license: gpu.datacenter_license,
                    fit,
                });
            }
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::size::fixtures;

    #[test]
    fn every_try_has_a_row() {
        let (engine, capacity) = (fixtures::engine(), fixtures::capacity());
        let constants = Constants { engine: &engine, capacity: &capacity };
        let gpus = [fixtures::h100(), fixtures::l4()];
        let profile = TokenProfile::new(2_000, 1_000.0, 200.0).unwrap();
        let base = Deployment::new(Precision::Bf16, 1);
        let model = fixtures::llama_70b();
        let rows = table(&model, &gpus, &base, &Precision::CANDIDATES, &profile, constants);
        assert_eq!(rows.len(), 2 * 4 * 4);
        let fitting: Vec<_> = rows
            .iter()
            .filter(|it| it.fit.replica().is_some())
            .map(|it| {
                format!("{} x{} {}", it.gpu, it.deployment.gpu_count(), it.deployment.precision)
            })
            .collect();
        assert_eq!(
            fitting,
            [
                "H100 SXM5 x1 fp8",
                "H100 SXM5 x1 int8",
                "H100 SXM5 x1 int4",
                "H100 SXM5 x2 bf16",
                "H100 SXM5 x2 fp8",
                "H100 SXM5 x2 int8",
                "H100 SXM5 x2 int4",
                "H100 SXM5 x4 bf16",
                "H100 SXM5 x4 fp8",
                "H100 SXM5 x4 int8",
                "H100 SXM5 x4 int4",
                "H100 SXM5 x8 bf16",
                "H100 SXM5 x8 fp8",
                "H100 SXM5 x8 int8",
                "H100 SXM5 x8 int4",
                "L4 x4 fp8",
                "L4 x4 int8",
                "L4 x4 int4",
                "L4 x8 bf16",
                "L4 x8 fp8",
                "L4 x8 int8",
                "L4 x8 int4",
            ]
        );
    }
}
