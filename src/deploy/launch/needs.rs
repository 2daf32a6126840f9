//! What a launch plan asks of the host that it runs on.

use super::{Launch, What};
use crate::deploy::preflight::{Gate, GpuNeed, ImageNeed, Needs, Toolkit, Version, WeightsNeed};

/// Shared memory that the workers of a split model exchange data over: what NCCL takes for a channel between each
/// two, and room to load; the default of a container is 64 MiB.
const SHM_BYTES: u64 = 1 << 30;

impl Launch {
    /// What the host must have.
    pub fn needs(&self) -> Needs {
        let total = self.gpu.driver_total.get();
        let (weights, free, tensor) = match &self.what {
            What::Serve(it) => {
                let each = it.replica.weights_bytes_per_gpu().to_f64();
                // vLLM takes its share of the whole GPU, and that much must be free when it starts.
                let bytes = it.replica.usable_per_gpu().get();
                let whole = each * f64::from(self.gpus_per_replica);
                (
                    crate::units::Bytes::from_f64_rounded(whole).get(),
                    bytes,
                    it.deployment.tensor_parallel_size,
                )
            }
            // What a server of one's own or a job takes is not known: the GPU was planned for it alone.
            What::Own(_) => (0, total / 10 * 9, self.gpus_per_replica),
            What::Train(it) => (0, total / 10 * 9, it.gpus_per_node),
        };
        let (per_replica, replicas) = match &self.what {
            What::Train(it) => (it.gpus_per_node, 1),
            What::Serve(_) | What::Own(_) => (self.gpus_per_replica, self.copies()),
        };
        let names = self.names.as_ref();
        let label = names.and_then(|it| it.kubernetes.as_deref()).map(|it| it.replace('-', " "));
        let listed = names.and_then(|it| it.runpod.clone());
        let products = label.into_iter().chain(listed).collect();
        Needs {
            model: self.download().unwrap_or("its own").to_owned(),
            gpu: GpuNeed {
                name: self.gpu.name.clone(),
                products,
                per_replica,
                replicas,
                tensor_parallel: tensor,
                free_bytes: free,
                total_bytes: Some(total),
                compute_capability: self.gpu.cuda_arch,
            },
            image: ImageNeed {
                toolkit: self.image.as_ref().and_then(|it| Toolkit::parse(&it.toolkit)),
                driver: self
                    .image
                    .as_ref()
                    .and_then(|it| Version::parse(it.min_driver.as_deref()?)),
                container: true,
            },
            weights: WeightsNeed { bytes: weights, gate: self.gate() },
            start_budget_s: Some(u64::from(self.start_s)),
            shm_bytes: (per_replica > 1).then_some(SHM_BYTES),
            port: self.port().unwrap_or(8_000),
        }
    }

    /// What is downloaded; nothing where nobody knows, or where nobody named the checkpoint yet.
    pub fn download(&self) -> Option<&str> {
        match &self.what {
            What::Serve(it) => it.checkpoint.as_deref(),
            What::Own(it) => it.model.as_deref(),
            What::Train(_) => None,
        }
    }

    fn gate(&self) -> Gate {
        let (gated, model) = match &self.what {
            What::Serve(it) => (it.is_gated, Some(it.model.as_str())),
            What::Own(it) => (it.is_gated, it.model.as_deref()),
            What::Train(_) => (false, None),
        };
        match (gated, model) {
            (true, Some(model)) if model.starts_with("mistralai/") => Gate::Perhaps,
            (true, _) => Gate::Gated,
            (false, _) => Gate::Open,
        }
    }

    fn port(&self) -> Option<u16> {
        match &self.what {
            What::Serve(it) => Some(it.port),
            What::Own(it) => Some(it.port),
            What::Train(_) => None,
        }
    }
}
