use proptest::prelude::*;

use super::*;
use crate::size::fixtures;

/// Llama 3.1 8B in bf16 on one GPU, everything but the weights at hand.
fn llama() -> StartQuestion {
    StartQuestion {
        weights_per_gpu: Bytes::new(16_060_522_496),
        gpu_count: 1,
        num_hidden_layers: 32,
        engine: Engine::DEFAULT,
        enforce_eager: false,
        coverage: Coverage::Measured,
        storage: Storage::Unnamed,
        has_compiled_code: true,
        allocates: false,
        image: None,
    }
}

fn of_gb(gigabytes: f64) -> Bytes {
    Bytes::from_f64_rounded(gigabytes * 1e9)
}

/// A Qwen1.5 or Yi of so many layers and GB.
fn small(num_hidden_layers: u64, gb: f64) -> StartQuestion {
    StartQuestion { weights_per_gpu: of_gb(gb), num_hidden_layers, ..llama() }
}

fn started(question: &StartQuestion) -> StartUp {
    StartUp::of(question, None, &fixtures::cold_start())
}

#[track_caller]
fn check(seconds: Estimate, expected: &str) {
    assert_eq!(format!("{:.1}", seconds.value), expected);
}

#[test]
fn llama_8b_takes_34_seconds() {
    let it = started(&llama());
    check(it.total(), "34.4");
    check(it.framework, "8.7");
    check(it.weights, "12.4");
    check(it.tracing, "5.5");
    check(it.compilation, "4.7");
    check(it.graphs, "1.2");
    check(it.profiling, "2.0");
    let range = it.total();
    assert_eq!(format!("{:.1} to {:.1}", range.low, range.high), "18.5 to 103.6");
}

#[test]
fn what_a_start_may_add() {
    let old = Engine::parse("vllm@0.9").unwrap();
    let allocated = StartQuestion { allocates: true, ..llama() };
    check(started(&allocated).allocation, "4.5");
    let pulled = StartQuestion { image: Some(of_gb(10.0)), ..llama() };
    check(started(&pulled).image, "270.3");
    let compiled = StartQuestion { has_compiled_code: false, ..llama() };
    check(started(&compiled).compilation, "17.9");
    let eight = StartQuestion { gpu_count: 8, engine: old, ..llama() };
    check(started(&eight).checks, "30.2");
    check(started(&eight).graphs, "34.2");
    let eager = StartQuestion { enforce_eager: true, ..llama() };
    check(started(&eager).total(), "23.0");
}

#[test]
fn gpus_of_one_machine_share_a_named_storage() {
    let it = StartQuestion {
        weights_per_gpu: of_gb(70.0 / 8.0),
        gpu_count: 8,
        storage: Storage::PageCache,
        ..llama()
    };
    check(started(&it).weights, "13.2");
}

#[test]
fn one_measured_start_predicts_another_model_on_its_host() {
    let constants = fixtures::cold_start();
    let measured =
        MeasuredStart { question: small(32, 15.4), total_s: 46.7463, weights_s: Some(8.736) };
    let host = Host::of(&measured, &constants).unwrap();
    assert_eq!(format!("{:.2}", host.factor()), "1.73");
    assert_eq!(format!("{:.2}", host.weight_gb_s().unwrap()), "1.76");
    check(StartUp::of(&measured.question, Some(&host), &constants).total(), "46.7");
    let other = StartUp::of(&small(40, 7.9), Some(&host), &constants).total();
    check(other, "47.7");
    assert!(other.high / other.low < 1.3, "{other:?}");
}

#[test]
fn what_is_no_start_calibrates_nothing() {
    for (total_s, weights_s) in [
        (f64::NAN, None),
        (f64::INFINITY, None),
        (-1.0, None),
        (5.0, None),
        (1e6, None),
        (40.0, Some(0.0)),
        (40.0, Some(-1.0)),
        (40.0, Some(f64::NAN)),
        (40.0, Some(41.0)),
    ] {
        let measured = MeasuredStart { question: llama(), total_s, weights_s };
        assert_eq!(Host::of(&measured, &fixtures::cold_start()), None, "{measured:?}");
    }
}

#[test]
fn storage_is_named_both_ways() {
    for word in Storage::words() {
        assert_eq!(Storage::parse(word).map(Storage::as_str), Some(word));
    }
    assert_eq!(Storage::parse("tape"), None);
}

fn any_question() -> impl Strategy<Value = StartQuestion> {
    let storage = Storage::words().filter_map(Storage::parse).collect::<Vec<_>>();
    let flags = (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>());
    (1_u64..2_000, 1_u32..9, 1_u64..200, prop::sample::select(storage), flags, 0_u64..40).prop_map(
        |(gb, gpu_count, num_hidden_layers, storage, flags, image)| StartQuestion {
            weights_per_gpu: of_gb(gb as f64),
            gpu_count,
            num_hidden_layers,
            engine: if flags.0 { Engine::DEFAULT } else { Engine::parse("vllm@0.8").unwrap() },
            enforce_eager: flags.1,
            coverage: if flags.2 { Coverage::Measured } else { Coverage::Uncovered },
            storage,
            has_compiled_code: flags.3,
            allocates: flags.4,
            image: (image > 0).then(|| of_gb(image as f64)),
        },
    )
}

proptest! {
    #[test]
    fn every_phase_is_in_its_range_and_the_total_is_their_sum(question in any_question()) {
        let it = started(&question);
        let mut sum = 0.0;
        for (name, phase) in it.phases() {
            prop_assert!(0.0 <= phase.low && phase.low <= phase.value, "{name} {phase:?}");
            prop_assert!(phase.value <= phase.high && phase.high.is_finite(), "{name} {phase:?}");
            sum += phase.value;
        }
        prop_assert!((it.total().value / sum - 1.0).abs() < 1e-12);
    }

    #[test]
    fn a_measured_start_is_met(question in any_question(), slower in 0.1_f64..10.0) {
        let constants = fixtures::cold_start();
        let predicted = started(&question);
        let work = predicted.total().value - predicted.fixed_s();
        let total_s = predicted.fixed_s() + work * slower;
        let measured = MeasuredStart { question, total_s, weights_s: None };
        let host = Host::of(&measured, &constants).unwrap();
        let again = StartUp::of(&measured.question, Some(&host), &constants).total();
        prop_assert!((again.value / total_s - 1.0).abs() < 1e-9);
        let rest = StartUp::of(&measured.question, Some(&host), &constants).image;
        prop_assert!(again.high - rest.high <= 1.11 * total_s, "{again:?}");
    }

    #[test]
    fn more_layers_or_bytes_never_start_sooner(question in any_question(), more in 1_u64..50) {
        let total = started(&question).total().value;
        let deeper = question.num_hidden_layers + more;
        let deeper = StartQuestion { num_hidden_layers: deeper, ..question.clone() };
        prop_assert!(started(&deeper).total().value >= total);
        let bytes = question.weights_per_gpu + of_gb(more as f64);
        let larger = StartQuestion { weights_per_gpu: bytes, ..question };
        prop_assert!(started(&larger).total().value > total);
    }
}

#[test]
fn restores_are_the_measured_ones() {
    check(Snapshot::MemoryImage.restore(&fixtures::cold_start()), "14.0");
    check(Snapshot::WarmWorker.restore(&fixtures::cold_start()), "1.2");
}
