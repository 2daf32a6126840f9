//! The KV cache as engines page it: bytes a token, pages a request, tokens in all.
//!
//! vLLM keeps one pool of equal pages. Layers of unlike kinds are put into groups of one size, so
//! that every page holds the same bytes: Gemma 3 27B, 52 sliding and 10 full layers, has groups of
//! 10 and pays for 6 + 1 of them, 70 layers instead of 62. A request takes pages of every group: a
//! full layer for all its tokens, a sliding one for its window and what a step may add, a layer
//! with a state one page. Source: vLLM's start-up logs, 33 of them to 0.08 %.

use crate::catalog::EngineMemory;
use crate::size::architecture::{Architecture, Grouped, Mixer, Reach};
use crate::size::engine::Engine;
use crate::size::memory::Deployment;

/// Tokens of a block.
const BLOCK: f64 = 16.0;

/// Number format of the KV cache.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum KvCacheDtype {
    /// As wide as the model computes: 16 bits, or 32 for an fp32 model.
    #[default]
    Auto,
    /// 8 bits.
    Fp8,
}

impl KvCacheDtype {
    /// The word of the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            KvCacheDtype::Auto => "auto",
            KvCacheDtype::Fp8 => "fp8",
        }
    }
}

/// Groups of layers of one kind.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Group {
    /// How many groups.
    count: f64,
    /// Tokens a page of one holds.
    page_tokens: f64,
    /// How far back its layers see; nothing for layers with a state.
    reach: Option<Reach>,
}

/// How one GPU pages the cache of a model.
#[derive(Clone, Debug, PartialEq)]
pub struct KvLayout {
    groups: Vec<Group>,
    page_bytes: f64,
    /// Most tokens one step adds.
    step_tokens: f64,
    /// Share of the pool that these pages have.
    share: f64,
}

impl KvLayout {
    /// The layout on one GPU of a deployment.
    pub(super) fn of(
        model: &Architecture,
        it: &Deployment,
        step_tokens: u64,
        constants: &EngineMemory,
    ) -> KvLayout {
        let is_hybrid = it.engine.is_vllm_since(11);
        let mut has_states = false;
        let stages = f64::from(it.pipeline_parallel_size.max(1));
        let mut kinds: Vec<(f64, f64, Option<Reach>)> = Vec::new();
        for layers in &model.mixers {
            let count = (layers.count as f64 / stages).ceil();
            let (bytes, reach) = layer_bytes(&layers.kind, it);
            let reach = if is_hybrid { reach } else { reach.map(|_| Reach::Full) };
            // `SGLang` keeps states in a pool of their own.
            if it.engine == Engine::Sglang && reach.is_none() {
                has_states = true;
                continue;
            }
            match kinds.iter_mut().find(|kind| kind.1.total_cmp(&bytes).is_eq() && kind.2 == reach)
            {
                Some(kind) => kind.0 += count,
                None => kinds.push((count, bytes, reach)),
            }
        }
        let share = if has_states { 1.0 / (1.0 + constants.sglang_state_ratio) } else { 1.0 };
        KvLayout { share, ..Self::grouped(&kinds, step_tokens) }
    }

    /// Puts `kinds`, each (layers, bytes a token or a state, reach), into groups of one size.
    fn grouped(kinds: &[(f64, f64, Option<Reach>)], step_tokens: u64) -> KvLayout {
        let size = kinds.iter().map(|it| it.0).fold(f64::INFINITY, f64::min).max(1.0);
        let attention = kinds.iter().filter(|it| it.2.is_some());
        let widest = attention.map(|it| it.1).fold(0.0, f64::max);
        let state = kinds.iter().filter(|it| it.2.is_none()).map(|it| it.1).fold(0.0, f64::max);
        // A page holds a state, or else one block of the widest layer, in whole blocks.
        let blocks = (state / (widest * BLOCK)).ceil().max(1.0);
        let layer_page = if widest > 0.0 { blocks * widest * BLOCK } else { state.max(1.0) };
        let groups = kinds
            .iter()
            .map(|&(layers, bytes, reach)| Group {
                count: (layers / size).ceil(),
                page_tokens: ((layer_page / bytes / BLOCK).floor() * BLOCK).max(BLOCK),
                reach,
            })
            .collect();
        KvLayout {
            groups,
            page_bytes: size * layer_page,
            step_tokens: step_tokens as f64,
            share: 1.0,
        }
    }

    /// Pages a pool of `bytes` holds.
    fn pages(&self, bytes: f64) -> f64 {
        (bytes * self.share / self.page_bytes).floor().max(0.0)
    }

    /// Pages of one request of `tokens`: of full layers for all of them; of sliding layers for the
    /// window before the last token, the tokens of a step and one block more.
    fn pages_of_request(&self, tokens: f64) -> f64 {
        let pages = |group: &Group| {
            let kept = match group.reach {
                None => return group.count,
                Some(Reach::Full) => tokens,
                Some(Reach::Sliding(window)) => {
                    (window as f64 - 1.0 + self.step_tokens).min(tokens) + BLOCK
                }
                Some(Reach::Chunked(chunk)) => (chunk as f64 + self.step_tokens).min(tokens),
                // A page at least: how many tokens of images a text brings, the cache cannot know.
                Some(Reach::Images) => BLOCK,
            };
            group.count * (kept / group.page_tokens).ceil()
        };
        self.groups.iter().map(pages).sum::<f64>().max(1.0)
    }

    /// Requests of `tokens` that fit at once into a pool of `bytes`.
    pub fn max_concurrency(&self, bytes: f64, tokens: u64) -> f64 {
        self.pages(bytes) / self.pages_of_request(tokens as f64)
    }

    /// Bytes of the pages of one request of `tokens`.
    pub fn request_bytes(&self, tokens: u64) -> f64 {
        self.pages_of_request(tokens as f64) * self.page_bytes
    }

    /// Tokens a pool of `bytes` holds when every layer keeps all of them: what vLLM up to 0.20
    /// prints as the size of its cache.
    pub fn tokens(&self, bytes: f64) -> f64 {
        (self.pages(bytes) / self.n_groups()).floor() * self.block_tokens()
    }

    fn n_groups(&self) -> f64 {
        self.groups.iter().map(|it| it.count).sum()
    }

    /// Tokens a page holds of the layers that hold fewest.
    fn block_tokens(&self) -> f64 {
        let kept = self.groups.iter().filter(|it| it.reach.is_some());
        kept.map(|it| it.page_tokens).reduce(f64::min).unwrap_or(BLOCK)
    }

    /// Bytes every token takes when every layer keeps it.
    pub fn bytes_per_token(&self) -> f64 {
        self.n_groups() * self.page_bytes / self.block_tokens()
    }
}

/// Bytes one GPU keeps in one layer for a token, or for a sequence where the layer has a state.
/// Llama 3.1 8B: 2 x 8 x 128 x 2 B = 4,096; a latent layer of `DeepSeek` keeps (512 + 64) x 2 B =
/// 1,152 on every GPU.
fn layer_bytes(mixer: &Mixer, it: &Deployment) -> (f64, Option<Reach>) {
    let n = u64::from(it.tensor_parallel_size.max(1));
    let element = element_bytes(it);
    match mixer {
        Mixer::Grouped(kind) => (grouped_bytes(kind, n, element), Some(kind.reach)),
        Mixer::Latent(kind) => {
            /// Of an indexer: an 8-bit key of 128 and a 32-bit scale.
            const INDEX_KEY: f64 = 132.0;
            /// Of a sparse layer in 8 bits: 512 B, four scales, and 64 positions at 16 bits.
            const SPARSE_FP8: f64 = 656.0;
            let sparse = kind.indexer.is_some();
            let width = kind.kv_lora_rank as f64 + kind.qk_rope_head_dim as f64;
            let compressed = width * element;
            let key = if sparse && it.kv_cache_dtype == KvCacheDtype::Fp8 {
                SPARSE_FP8
            } else {
                compressed
            };
            (key + if sparse { INDEX_KEY } else { 0.0 }, Some(Reach::Full))
        }
        Mixer::GatedDelta(kind) => {
            let values = kind.num_value_heads.div_ceil(n) as f64;
            let keys = kind.num_key_heads.div_ceil(n) as f64;
            let (key_dim, value_dim) = (kind.key_head_dim as f64, kind.value_head_dim as f64);
            let mixed = 2.0 * keys * key_dim + values * value_dim;
            let state = values * key_dim * value_dim * STATE_BYTES;
            (state + convolution(mixed, kind.conv_kernel), None)
        }
        Mixer::Mamba2(kind) => {
            let heads = kind.num_heads.div_ceil(n) as f64;
            let (width, state) = (kind.head_dim as f64, kind.state_size as f64);
            let mixed = heads * width + 2.0 * kind.n_groups.div_ceil(n) as f64 * state;
            (heads * width * state * STATE_BYTES + convolution(mixed, kind.conv_kernel), None)
        }
    }
}

/// Bytes one GPU reads in one layer for the next token of a sequence of `context` tokens: the
/// tokens within reach, or the state, which is also written. Llama 3.1 8B, 1,100 tokens: 4.5 MB.
pub(in crate::size) fn kv_read_bytes(mixer: &Mixer, it: &Deployment, context: f64) -> f64 {
    const READ_AND_WRITTEN: f64 = 2.0;
    let (bytes, reach) = layer_bytes(mixer, it);
    match reach {
        None => bytes * READ_AND_WRITTEN,
        Some(Reach::Full) => bytes * context,
        Some(Reach::Sliding(within) | Reach::Chunked(within)) => bytes * context.min(within as f64),
        Some(Reach::Images) => 0.0,
    }
}

/// Bytes of one number of a recurrent state.
const STATE_BYTES: f64 = 4.0;

/// The last inputs a convolution needs, at 16 bits.
fn convolution(channels: f64, kernel: u64) -> f64 {
    channels * kernel.saturating_sub(1) as f64 * 2.0
}

fn grouped_bytes(kind: &Grouped, n: u64, element: f64) -> f64 {
    let kept = if kind.keys_are_values { 1.0 } else { 2.0 };
    kept * kind.num_key_value_heads.div_ceil(n) as f64 * kind.head_dim as f64 * element
}

fn element_bytes(it: &Deployment) -> f64 {
    match (it.kv_cache_dtype, it.precision) {
        (KvCacheDtype::Fp8, _) => 1.0,
        (KvCacheDtype::Auto, crate::size::Precision::Fp32) => 4.0,
        (KvCacheDtype::Auto, _) => 2.0,
    }
}

/// llama.cpp keeps whole cells of 256 tokens; the sequences share one context.
pub(super) fn llama_cpp_bytes(model: &Architecture, it: &Deployment, context: u64) -> f64 {
    const CELL: f64 = 256.0;
    assert_eq!(it.engine, Engine::LlamaCpp);
    let padded = |tokens: f64| (tokens / CELL).ceil() * CELL;
    let sequences = f64::from(it.max_num_seqs.unwrap_or(1).max(1));
    model
        .mixers
        .iter()
        .map(|layers| {
            let (bytes, reach) = layer_bytes(&layers.kind, it);
            let cells = match reach {
                None => sequences,
                Some(Reach::Full) => padded(context as f64),
                Some(Reach::Images) => padded(1.0),
                Some(Reach::Sliding(window) | Reach::Chunked(window)) => {
                    padded(window as f64 * sequences + super::overhead::LLAMA_CPP_UBATCH)
                        .min(padded(context as f64))
                }
            };
            layers.count as f64 * bytes * cells
        })
        .sum()
}
