use proptest::prelude::*;

use super::*;
use crate::catalog::ModelArch;
use crate::size::fixtures;

fn count(it: u64) -> NonZeroU64 {
    NonZeroU64::new(it).unwrap()
}

fn gpus(it: u32) -> NonZeroU32 {
    NonZeroU32::new(it).unwrap()
}

fn adapter(rank: u32, targets: &[LoraTarget]) -> Adapter {
    Adapter { rank: gpus(rank), targets: targets.to_vec(), trains_embeddings: false }
}

fn sized(arch: &ModelArch, question: &TrainingQuestion) -> TrainingMemory {
    training(&Architecture::of(arch).unwrap(), question, &fixtures::training())
}

fn gb(bytes: Bytes) -> String {
    format!("{:.1}", bytes.to_gb())
}

#[test]
fn lora_of_llama_8b() {
    let method = Method::Lora(adapter(16, &[LoraTarget::Q, LoraTarget::V]));
    let question = TrainingQuestion {
        dtype: TrainingDtype::Bf16,
        ..TrainingQuestion::new(method, count(2_048))
    };
    let it = sized(&fixtures::llama_8b(), &question);
    assert!((it.trainable_params - 6_815_744.0).abs() < 0.5);
    let parts = [it.weights, it.activations, it.logits, it.non_torch, it.total].map(gb);
    assert_eq!(parts, ["16.1", "0.5", "3.2", "2.6", "22.4"]);
    assert_eq!(it.formulas.len(), 7);
    assert_eq!(
        it.formulas,
        [
            "weights = (8030261248 params x 2 B + adapter 6815744 x 2 B) = 14.97 GiB",
            "gradients = 6815744 params x 2 B = 0.01 GiB",
            "optimizer = 6815744 params x 4 B = 0.03 GiB",
            "activations = 2048 tokens x 32 layers x 4096 x 2 B + 0.00 GiB of one layer beyond the \
             logits' room = 0.50 GiB",
            "logits = 2048 tokens x 128256 x 12 B = 2.94 GiB",
            "non_torch = 1.96 GiB of context + 2.5 % of the rest = 2.42 GiB",
            "total = all parts = 20.86 GiB a GPU",
        ]
    );
}

#[test]
fn full_training_is_16_bytes_and_a_copy_of_gradients_a_parameter() {
    let it = sized(&fixtures::llama_8b(), &TrainingQuestion::new(Method::Full, count(1)));
    assert!((it.trainable_params - 8_030_261_248.0).abs() < 0.5);
    let states = [it.weights, it.gradients, it.optimizer].map(gb);
    // 12 B of states and 4 B of gradients in 32 bits, beyond the few activations.
    assert_eq!(states, ["16.1", "16.1", "128.5"]);
    let bf16 = TrainingQuestion {
        dtype: TrainingDtype::Bf16,
        optimizer: Optimizer::FusedAdamW,
        ..TrainingQuestion::new(Method::Full, count(1))
    };
    let it = sized(&fixtures::llama_8b(), &bf16);
    assert_eq!([it.weights, it.gradients, it.optimizer].map(gb), ["16.1", "16.1", "32.1"]);
}

#[test]
fn quantized_bases_are_narrow() {
    let weights = |base| {
        let method = Method::Qlora(adapter(8, &[LoraTarget::Q]), base);
        gb(sized(&fixtures::llama_8b(), &TrainingQuestion::new(method, count(1))).weights)
    };
    // 6.98e9 weights of layers in 4 bits and scales, 1.05e9 of the vocabulary in 16.
    assert_eq!(weights(QuantizedBase::Nf4), "6.0");
    assert_eq!(weights(QuantizedBase::Nf4DoubleQuantized), "5.7");
    assert_eq!(weights(QuantizedBase::Int4), "5.7");
}

#[test]
fn gradients_that_are_not_accumulated_take_the_room_of_activations() {
    let question = TrainingQuestion {
        dtype: TrainingDtype::Bf16,
        optimizer: Optimizer::FusedAdamW,
        accumulation: Accumulation::Never,
        ..TrainingQuestion::new(Method::Full, count(8_192))
    };
    let short = TrainingQuestion { seq_len: count(128), ..question.clone() };
    let long = sized(&fixtures::llama_8b(), &question);
    let short = sized(&fixtures::llama_8b(), &short);
    assert!(long.gradients < short.gradients);
    assert!(long.total >= short.total);
}

#[test]
fn dora_keeps_more_than_lora() {
    let of = |method| {
        sized(&fixtures::llama_3_2_3b(), &TrainingQuestion::new(method, count(3_072))).activations
    };
    let targets = [LoraTarget::Q, LoraTarget::V];
    let lora = of(Method::Lora(adapter(32, &targets)));
    let dora = of(Method::Dora(adapter(32, &targets)));
    assert!(dora >= lora);
    let whole = |method| {
        let question = TrainingQuestion {
            checkpointing: false,
            ..TrainingQuestion::new(method, count(3_072))
        };
        sized(&fixtures::llama_3_2_3b(), &question).activations
    };
    let lora = whole(Method::Lora(adapter(32, &targets)));
    let dora = whole(Method::Dora(adapter(32, &targets)));
    // 28 layers x (3,072 + 1,024) outputs, twice, x 3,072 tokens x 2 B.
    assert_eq!(gb(dora.saturating_sub(lora)), "1.4");
}

#[test]
fn a_mixture_keeps_what_its_tokens_pass() {
    let catalog = crate::catalog::Catalog::embedded().unwrap();
    let arch = catalog.model("Qwen/Qwen3-30B-A3B").unwrap();
    let question = TrainingQuestion {
        checkpointing: false,
        ..TrainingQuestion::new(Method::Lora(adapter(8, &[LoraTarget::Q])), count(1_000))
    };
    let it = sized(arch, &question);
    // 48 layers x 1,000 tokens x 2 B x (10.35 x 2,048 + 5,120 + 2,048 + 8 x (3 x 768 + 2,048)).
    assert_eq!(gb(it.activations), "6.1");
}

fn zero(stage: u8) -> ZeroStage {
    match stage {
        0 => ZeroStage::Zero,
        1 => ZeroStage::One,
        2 => ZeroStage::Two,
        _ => ZeroStage::Three,
    }
}

fn any_method() -> impl Strategy<Value = Method> {
    let adapter = (1_u32..512, 1_usize..=7, any::<bool>()).prop_map(|(rank, n, embeddings)| {
        Adapter { trains_embeddings: embeddings, ..adapter(rank, &LoraTarget::ALL[..n]) }
    });
    prop_oneof![
        Just(Method::Full),
        adapter.clone().prop_map(Method::Lora),
        adapter.clone().prop_map(Method::Dora),
        adapter.clone().prop_map(|it| Method::Qlora(it, QuantizedBase::Nf4)),
        adapter.prop_map(|it| Method::Qlora(it, QuantizedBase::Int4)),
    ]
}

prop_compose! {
    fn any_question()(
        method in any_method(),
        optimizer in prop::sample::select(vec![
            Optimizer::AdamW, Optimizer::FusedAdamW, Optimizer::AdamW8bit,
            Optimizer::PagedAdamW8bit, Optimizer::Sgd, Optimizer::Lion, Optimizer::Adafactor,
        ]),
        dtype in prop::sample::select(vec![
            TrainingDtype::Bf16, TrainingDtype::Mixed, TrainingDtype::Fp32,
        ]),
        loss in prop::sample::select(vec![Loss::Fp32, Loss::Half, Loss::Chunked]),
        accumulation in prop::sample::select(vec![Accumulation::Never, Accumulation::Synced]),
        stage in 0_u8..4,
        (checkpointing, compiled, cpu_offload) in any::<(bool, bool, bool)>(),
        gpu_count in 1_u32..64,
        seq_len in 1_u64..1_000_000,
        micro_batch in 1_u64..64,
    ) -> TrainingQuestion {
        TrainingQuestion {
            method, optimizer, dtype, checkpointing, compiled, loss, accumulation,
            zero: zero(stage), cpu_offload, gpu_count: gpus(gpu_count),
            seq_len: count(seq_len), micro_batch: count(micro_batch),
        }
    }
}

fn with_rank(method: &Method, rank: NonZeroU32) -> Method {
    let of = |it: &Adapter| Adapter { rank, ..it.clone() };
    match method {
        Method::Full => Method::Full,
        Method::Lora(it) => Method::Lora(of(it)),
        Method::Dora(it) => Method::Dora(of(it)),
        Method::Qlora(it, base) => Method::Qlora(of(it), *base),
    }
}

proptest! {
    #[test]
    fn parts_add_up(question in any_question()) {
        let it = sized(&fixtures::llama_8b(), &question);
        let parts =
            [it.weights, it.gradients, it.optimizer, it.activations, it.logits, it.non_torch];
        prop_assert_eq!(parts.into_iter().sum::<Bytes>(), it.total);
        prop_assert_eq!(it.formulas.len(), parts.len() + 1);
    }

    #[test]
    fn more_never_needs_less(question in any_question(), more in 1_u64..1_000, rank in 1_u32..512) {
        let total = |it: &TrainingQuestion| sized(&fixtures::llama_8b(), it).total;
        let before = total(&question);
        let longer = TrainingQuestion {
            seq_len: question.seq_len.saturating_add(more), ..question.clone()
        };
        let wider = TrainingQuestion {
            micro_batch: question.micro_batch.saturating_add(more), ..question.clone()
        };
        prop_assert!(total(&longer) >= before);
        prop_assert!(total(&wider) >= before);
        let of = |rank| TrainingQuestion {
            method: with_rank(&question.method, gpus(rank)), ..question.clone()
        };
        prop_assert!(total(&of(rank + 1)) >= total(&of(rank)));
    }

    #[test]
    fn sharing_out_never_needs_more(question in any_question()) {
        let total = |stage| {
            let it = TrainingQuestion { zero: zero(stage), ..question.clone() };
            sized(&fixtures::llama_8b(), &it).total
        };
        for stage in 0..3 {
            prop_assert!(total(stage) >= total(stage + 1), "stage {}", stage + 1);
        }
    }
}

#[test]
fn absurd_lengths_saturate() {
    let question = TrainingQuestion {
        micro_batch: NonZeroU64::MAX,
        gpu_count: NonZeroU32::MAX,
        ..TrainingQuestion::new(Method::Lora(adapter(u32::MAX, &LoraTarget::ALL)), NonZeroU64::MAX)
    };
    let it = sized(&fixtures::llama_8b(), &question);
    assert_eq!(it.total, Bytes::new(u64::MAX));
    let long = TrainingQuestion::new(Method::Full, count(1_000_000_000_000));
    assert!(sized(&fixtures::llama_8b(), &long).total > Bytes::from_gib(1_000_000));
}
