//! From texts of hosts to answers.

mod laws;
mod outputs;
mod rules;

use super::*;
use crate::deploy::check::Check;

const H100: &str = include_str!("../../../tests/data/hosts/report-h100.txt");

/// Two H100 for a gated model of 70 GB in FP8.
fn needs() -> Needs {
    Needs {
        model: "meta-llama/Llama-3.3-70B-Instruct".to_owned(),
        gpu: GpuNeed {
            name: "H100 SXM5".to_owned(),
            products: vec!["NVIDIA H100 80GB HBM3".to_owned()],
            per_replica: 2,
            replicas: 1,
            tensor_parallel: 2,
            free_bytes: 76_525_000_000,
            total_bytes: Some(81_559 << 20),
            compute_capability: Some(89),
        },
        image: ImageNeed {
            toolkit: Toolkit::parse("CUDA 12.9.1"),
            driver: Version::parse("575.57.08"),
            container: true,
        },
        weights: WeightsNeed { bytes: 70_600_000_000, gate: Gate::Gated },
        start_budget_s: Some(300),
        shm_bytes: Some(16 << 30),
        port: 8000,
    }
}

/// The answer to one question.
fn answer(text: &str, needs: &Needs, name: &str) -> Check {
    let checks = check(&read(text).unwrap(), needs);
    checks.iter().find(|it| it.name == name).unwrap_or_else(|| panic!("no {name}")).clone()
}
