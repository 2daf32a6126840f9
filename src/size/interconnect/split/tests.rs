use proptest::prelude::*;

use super::*;
use crate::size::fixtures;

/// Llama 3 70B that needs `gb` with its KV cache, on `gpus` of a GPU.
fn ask(gpu: &GpuSpec, gpus: u32, gb: f64) -> SplitQuestion<'_> {
    SplitQuestion {
        gpu,
        gpus,
        bus_bandwidth: None,
        num_hidden_layers: 80,
        hidden_size: 8_192,
        num_attention_heads: 64,
        params: 70_553_706_496.0,
        bytes: Bytes::from_f64_rounded(gb * 1e9),
        usable_per_gpu: Bytes::from_f64_rounded(gpu.cuda_total.to_f64() * 0.85),
    }
}

fn advise(question: &SplitQuestion<'_>) -> SplitAdvice {
    advise_split(question, &fixtures::capacity())
}

fn l40s() -> GpuSpec {
    GpuSpec {
        name: "L40S".to_owned(),
        cuda_total: Bytes::from_gib(45),
        bf16_tflops: 362.0,
        ..fixtures::l4()
    }
}

fn pairs() -> GpuSpec {
    GpuSpec { wiring: Wiring::Pairs, ..fixtures::h100() }
}

#[test]
fn wiring_decides() {
    let check = |gpu: &GpuSpec, gpus, gb, split, copies, says: &str| {
        let it = advise(&ask(gpu, gpus, gb));
        assert_eq!((it.split, it.copies), (split, copies), "{} x {gpus}: {}", gpu.name, it.why);
        assert!(it.why.contains(says), "{}", it.why);
    };
    let h100 = fixtures::h100();
    check(&h100, 1, 16.0, Split::OneGpu, 1, "one H100 SXM5 holds the model");
    check(&h100, 8, 16.0, Split::OneGpu, 8, "8 copies beat any split of it in throughput");
    let four = Split::Tensor { tensor_parallel_size: 4 };
    check(&h100, 8, 160.0, four, 2, "the NVLink4 switch carries the 2.6 MB");
    let wide = Split::TensorInPipeline { tensor_parallel_size: 8, pipeline_parallel_size: 2 };
    check(&h100, 16, 1_000.0, wide, 1, "a token passes 16 kB from stage to stage");
    let stages = Split::Pipeline { pipeline_parallel_size: 4 };
    check(&l40s(), 8, 160.0, stages, 2, "pipeline parallel beats tensor parallel");
    let bridged = Split::TensorInPipeline { tensor_parallel_size: 2, pipeline_parallel_size: 2 };
    check(&pairs(), 4, 160.0, bridged, 1, "2 H100 SXM5 add up 2.6 MB");
    let it = advise(&ask(&h100, 2, 200.0));
    assert!(matches!(it.split, Split::DoesNotFit { .. }) && it.copies == 0);
    assert_eq!(it.why, "2 H100 SXM5 have 51.6 GiB too little");
}

#[test]
fn a_given_bandwidth_lifts_the_refusal_where_it_pays() {
    let gpu = l40s();
    let with = |gb_s: f64| {
        advise(&SplitQuestion { bus_bandwidth: Some(gb_s * 1e9), ..ask(&gpu, 4, 150.0) })
    };
    assert_eq!(with(25.0).split, Split::Tensor { tensor_parallel_size: 4 });
    assert!(with(25.0).why.contains("at the given 25 GB/s"));
    assert_eq!(with(5.1).split, Split::Pipeline { pipeline_parallel_size: 4 });
}

#[test]
fn heads_that_do_not_divide() {
    let gpu = fixtures::h100();
    let it = advise(&SplitQuestion { num_attention_heads: 25, ..ask(&gpu, 4, 200.0) });
    assert_eq!(it.split, Split::Pipeline { pipeline_parallel_size: 4 });
    assert!(it.why.starts_with("25 attention heads do not divide"), "{}", it.why);
}

proptest! {
    #[test]
    fn every_gpu_is_used_or_the_model_does_not_fit(gpus in 0_u32..64, gb in 0.0..5e3, kind in 0..3) {
        let gpu = [fixtures::h100(), pairs(), l40s()][usize::try_from(kind).unwrap()].clone();
        let it = advise(&ask(&gpu, gpus, gb));
        let per_copy = match it.split {
            Split::OneGpu => 1,
            Split::Tensor { tensor_parallel_size: n }
            | Split::Pipeline { pipeline_parallel_size: n } => n,
            Split::TensorInPipeline { tensor_parallel_size, pipeline_parallel_size } => {
                tensor_parallel_size * pipeline_parallel_size
            }
            Split::DoesNotFit { short_by } => {
                prop_assert!(short_by > Bytes::ZERO || gpus == 0);
                gpus
            }
        };
        let fits = !matches!(it.split, Split::DoesNotFit { .. });
        prop_assert_eq!(per_copy * it.copies, if fits { gpus } else { 0 });
        prop_assert!(!it.why.is_empty());
    }
}
