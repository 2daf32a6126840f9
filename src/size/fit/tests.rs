//! Fit and capacity: worked numbers, refusals, laws.

use proptest::prelude::*;

use super::*;
use crate::catalog::ModelArch;
use crate::size::fixtures;

fn profile(p95: u64) -> TokenProfile {
    TokenProfile::new(p95, 1_000.0, 200.0).unwrap()
}

fn try_fit(arch: &ModelArch, gpu: &GpuSpec, n: u32, precision: Precision, p95: u64) -> Fit {
    let (engine, capacity) = (fixtures::engine(), fixtures::capacity());
    let constants = Constants { engine: &engine, capacity: &capacity };
    match Architecture::of(arch) {
        Ok(model) => fit(&model, gpu, &Deployment::new(precision, n), &profile(p95), constants),
        Err(why) => Fit::UnsupportedArchitecture { why },
    }
}

fn replica(arch: &ModelArch, gpu: &GpuSpec, n: u32, precision: Precision) -> Replica {
    try_fit(arch, gpu, n, precision, 1_500).replica().unwrap().clone()
}

#[track_caller]
fn near(found: f64, expected: f64) {
    assert!((found / expected - 1.0).abs() < 1e-3, "{found} is not {expected}");
}

#[test]
fn sentences() {
    let check = |arch: &ModelArch, gpu: &GpuSpec, n, precision, expected: &str| {
        assert_eq!(try_fit(arch, gpu, n, precision, 1_500).to_string(), expected);
    };
    let (small, large) = (fixtures::llama_8b(), fixtures::llama_70b());
    let (h100, l4, t4) = (fixtures::h100(), fixtures::l4(), fixtures::t4());
    check(
        &small,
        &h100,
        1,
        Precision::Bf16,
        "fits: 15.0 GiB of weights per GPU, KV cache for 443600 tokens, 294 requests at once",
    );
    check(
        &small,
        &l4,
        1,
        Precision::Bf16,
        "fits: 15.0 GiB of weights per GPU, KV cache for 34016 tokens, 22 requests at once",
    );
    check(&large, &h100, 1, Precision::Bf16, "does not fit: short by 62.9 GiB per GPU");
    check(&small, &t4, 1, Precision::Fp8, "unsupported precision: T4 has no fp8 rate");
    check(
        &small,
        &fixtures::b300(),
        1,
        Precision::Int8,
        "unsupported precision: the int8 rate of B300 SXM, 154 TOPS, is below its 16-bit rate of \
         2250 TFLOPS",
    );
    check(&small, &h100, 0, Precision::Bf16, "refused: a replica needs at least one GPU");
    check(&small, &h100, 3, Precision::Bf16, "refused: 32 attention heads do not divide by 3");
    check(
        &small,
        &l4,
        4,
        Precision::Bf16,
        "refused: no measured bandwidth for 4 L4 without a switch; beyond 2 GPUs it differs tenfold \
         from host to host",
    );
}

#[test]
fn odd_kv_heads_are_refused() {
    let arch = ModelArch {
        num_attention_heads: Some(24),
        num_key_value_heads: Some(6),
        ..fixtures::llama_8b()
    };
    let found = try_fit(&arch, &fixtures::h100(), 4, Precision::Bf16, 1_500);
    assert_eq!(
        found.to_string(),
        "refused: 6 KV heads can be neither divided by 4 nor repeated to it"
    );
}

#[test]
fn sixteen_bits_are_fp16_without_bf16() {
    let it = replica(&fixtures::llama_3_2_3b(), &fixtures::t4(), 1, Precision::Bf16);
    assert_eq!(it.precision_label(), "fp16");
    let it = replica(&fixtures::llama_3_2_3b(), &fixtures::l4(), 1, Precision::Bf16);
    assert_eq!(it.precision_label(), "bf16");
}

/// Weights as start-up logs of vLLM print them, to 1 %: 14.99 GiB in bf16, 8.49 in both 8-bit
/// formats, 5.38 in 4 bits, with embedding and output layer at 16 bits throughout.
#[test]
fn quantized_models_keep_their_vocabulary_tables() {
    let check = |precision, logged: f64| {
        let it = replica(&fixtures::llama_8b(), &fixtures::h100(), 1, precision);
        let gib = it.memory.weights / Bytes::from_gib(1).to_f64();
        assert!((gib / logged - 1.0).abs() < 0.01, "{precision}: {gib}");
    };
    check(Precision::Bf16, 14.99);
    check(Precision::Fp8, 8.49);
    check(Precision::Int8, 8.49);
    check(Precision::Int4, 5.38);
}

/// 8 KV heads on 16 GPUs are held twice: a token takes as much on each GPU as on 8.
#[test]
fn kv_heads_are_repeated_beyond_their_number() {
    for (n, bytes) in [(4, 81_920.0), (8, 40_960.0), (16, 40_960.0)] {
        let it = replica(&fixtures::llama_70b(), &fixtures::h100(), n, Precision::Bf16);
        near(it.memory.layout.bytes_per_token(), bytes);
    }
}

/// The worked numbers at the head of `replica.rs`.
#[test]
fn llama_8b_on_an_a100() {
    let it = replica(&fixtures::llama_8b(), &fixtures::a100(), 1, Precision::Bf16);
    near(it.prefill_tokens_per_s(1), 11_885.0);
    near(it.tpot_s(1), 0.010_04);
    near(it.tpot_s(16), 0.017_602);
    near(it.mean_service_time_s(16), 3.668);
    near(it.requests_per_s(16), 4.362);
    near(it.output_tokens_per_s(16), 872.5);
    let range = it.serving(16).tpot_s;
    near(range.low, 0.017_602 * 0.85);
    near(range.high, 0.017_602 * 1.19);
}

/// The service time holds each prompt once: B / service = B / (completion x formula-8 TPOT), whose
/// prompt share is B x P / completion.
#[test]
fn a_prompt_is_counted_once() {
    let it = replica(&fixtures::llama_70b(), &fixtures::h100(), 4, Precision::Fp8);
    let prompt_s = 1_000.0 / it.prefill_tokens_per_s(1);
    for batch in [1, 2, 32, 200] {
        let with_all = it.decode_step_s(batch) + f64::from(batch) * prompt_s / 200.0;
        near(it.output_tokens_per_s(batch), f64::from(batch) / with_all);
    }
}

#[test]
fn four_bits_gain_less_as_the_batch_grows() {
    let wide = replica(&fixtures::llama_8b(), &fixtures::a100(), 1, Precision::Bf16);
    let four = replica(&fixtures::llama_8b(), &fixtures::a100(), 1, Precision::Int4);
    let gain = |batch| wide.tpot_s(batch) / four.tpot_s(batch);
    assert!(gain(1) > 1.7 && gain(1) < 2.35, "{}", gain(1));
    assert!(gain(256) < 1.0, "{}", gain(256));
    assert!(four.prefill_tokens_per_s(1) < wide.prefill_tokens_per_s(1));
}

#[test]
fn a_pair_over_pcie_pays_for_the_volume() {
    let bridge = fixtures::fabric(
        "NVLink4 bridge",
        600.0,
        [(6.9, 149.0), (23.9, 48.8), (48.0, 39.0)],
        [None; 3],
    );
    let pcie = GpuSpec { wiring: Wiring::PcieOnly, fabric: fixtures::pcie4(), ..fixtures::h100() };
    let pair = GpuSpec { wiring: Wiring::Pairs, fabric: bridge, ..fixtures::h100() };
    let rate = |gpu: &GpuSpec| {
        replica(&fixtures::llama_8b(), gpu, 2, Precision::Bf16).prefill_tokens_per_s(1)
    };
    assert!(rate(&pcie) < rate(&pair) && rate(&pair) < rate(&fixtures::h100()));
}

#[test]
fn planning_batch_by_hand() {
    let it = replica(&fixtures::llama_8b(), &fixtures::a100(), 1, Precision::Bf16);
    let check = |rps: f64, replicas, slots, expected| {
        assert_eq!(it.planning_batch(rps, replicas, slots), expected, "{rps} on {replicas}");
    };
    check(0.0, 1, 256, Some(1));
    check(it.requests_per_s(16), 1, 256, Some(16));
    check(2.0 * it.requests_per_s(16), 2, 256, Some(16));
    check(it.requests_per_s(16), 1, 15, None);
    check(1e6, 1, 256, None);
    check(f64::NAN, 1, 256, None);
    check(1.0, 0, 256, None);
    check(1.0, 1, 0, None);
}

#[test]
fn unsound_profiles_are_turned_away() {
    for (prompt, completion) in [(f64::NAN, 1.0), (1.0, -1.0), (f64::INFINITY, 1.0)] {
        assert_eq!(TokenProfile::new(1, prompt, completion), None);
    }
    let empty = TokenProfile::new(0, 0.0, 0.0).unwrap();
    assert_eq!(empty.p95_total_tokens(), 1);
    near(empty.mean_completion(), 1.0);
}

#[test]
fn a_start_reads_the_weights_of_one_gpu() {
    let it = replica(&fixtures::llama_8b(), &fixtures::h100(), 1, Precision::Bf16);
    near(it.cold_start_s(&fixtures::cold_start()), 34.37);
}

fn any_precision() -> impl Strategy<Value = Precision> {
    prop::sample::select(Precision::CANDIDATES.to_vec())
}

proptest! {
    #[test]
    fn more_memory_never_holds_fewer_tokens(
        gib in 1_u64..400, more in 0_u64..400, precision in any_precision(), n in 0_u32..9,
    ) {
        let tokens = |gib| {
            let gpu = GpuSpec { cuda_total: Bytes::from_gib(gib), ..fixtures::h100() };
            let found = try_fit(&fixtures::llama_70b(), &gpu, n, precision, 1_500);
            found.replica().map_or(0, Replica::kv_cache_tokens)
        };
        prop_assert!(tokens(gib + more) >= tokens(gib));
    }

    #[test]
    fn longer_requests_never_get_more_slots(p95 in 1_u64..200_000, more in 0_u64..200_000) {
        let slots = |p95| {
            let found =
                try_fit(&fixtures::llama_8b(), &fixtures::a100(), 1, Precision::Bf16, p95);
            found.replica().map_or(0, |it| it.slots(it.max_num_seqs()))
        };
        prop_assert!(slots(p95 + more) <= slots(p95));
    }

    #[test]
    fn tpot_never_falls_with_the_batch(
        batch in 1_u32..2_000, more in 0_u32..2_000, precision in any_precision(),
    ) {
        let it = replica(&fixtures::llama_8b(), &fixtures::h100(), 1, precision);
        prop_assert!(it.tpot_s(batch + more) >= it.tpot_s(batch));
        prop_assert!(it.ttft_p95_s(batch + more) >= it.ttft_p95_s(batch));
    }

    #[test]
    fn more_bandwidth_is_never_slower(
        batch in 1_u32..2_000, faster in 1.0_f64..4.0, precision in any_precision(), n in 1_u32..9,
    ) {
        let times = |gb_s: f64| {
            let gpu = GpuSpec { memory_bandwidth_gb_s: gb_s, ..fixtures::h100() };
            let found = try_fit(&fixtures::llama_70b(), &gpu, n, precision, 1_500);
            found.replica().map(|it| (it.tpot_s(batch), it.ttft_p95_s(batch)))
        };
        if let (Some(slow), Some(fast)) = (times(3_350.0), times(3_350.0 * faster)) {
            prop_assert!(fast.0 <= slow.0 && fast.1 <= slow.1);
        }
    }

    #[test]
    fn planning_batch_is_the_least_and_grows_with_the_load(
        rps in 0.0_f64..60.0, more in 0.0_f64..60.0, replicas in 1_u32..4, slots in 0_u32..300,
        precision in any_precision(),
    ) {
        let it = replica(&fixtures::llama_8b(), &fixtures::h100(), 1, precision);
        let found = it.planning_batch(rps, replicas, slots);
        let rate = rps / f64::from(replicas);
        let scanned =
            (1..=slots).find(|&b| f64::from(b) >= rate * it.mean_service_time_s(b));
        prop_assert_eq!(found, scanned);
        if let Some(heavier) = it.planning_batch(rps + more, replicas, slots) {
            prop_assert!(found.is_some_and(|it| it <= heavier));
        }
    }

    #[test]
    fn no_architecture_panics(
        fields in prop::array::uniform6(prop::option::of(any::<u64>())),
        params in prop::option::of(any::<u64>()), n in any::<u32>(), p95 in any::<u64>(),
    ) {
        let arch = ModelArch {
            params_total: params,
            num_hidden_layers: fields[0],
            hidden_size: fields[1],
            num_attention_heads: fields[2],
            num_key_value_heads: fields[3],
            head_dim: fields[4],
            vocab_size: fields[5],
            ..fixtures::llama_8b()
        };
        let _ = try_fit(&arch, &fixtures::h100(), n, Precision::Int4, p95).to_string();
    }
}
