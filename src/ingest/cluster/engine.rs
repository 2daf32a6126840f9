//! What a container's command line says about the inference engine it starts.
//!
//! Only the options named here are kept, as numbers or checked names; every other word (keys,
//! tokens, paths of secrets) is dropped with the text it came from. A value the shell or the
//! kubelet would fill in is unknown, never guessed.

use super::shell::{Word, commands};
use crate::units::Fraction;

/// Longest model or option name kept.
const MAX_NAME: usize = 200;

/// The program that serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Engine {
    /// vLLM.
    Vllm,
    /// SGLang.
    Sglang,
    /// Hugging Face Text Generation Inference.
    Tgi,
    /// TensorRT-LLM.
    TensorRtLlm,
    /// Another server of models.
    Other,
}

/// Options of a serving process; `None` is not stated, which is not the engine's default when
/// [`incomplete`](EngineFacts::incomplete).
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct EngineFacts {
    /// The engine; none for a training launcher.
    pub engine: Option<Engine>,
    /// Tag of the engine's own image, such as v0.8.5.
    pub version: Option<String>,
    /// True for `torchrun`, `deepspeed`, `accelerate launch`.
    pub trains: bool,
    /// Model id or path.
    pub model: Option<String>,
    /// Names clients ask for.
    pub served_model_names: Vec<String>,
    /// Names of adapters served beside the model.
    pub lora_names: Vec<String>,
    /// GPUs of a tensor-parallel group.
    pub tensor_parallel_size: Option<u32>,
    /// Stages of a pipeline.
    pub pipeline_parallel_size: Option<u32>,
    /// Engine copies in one replica.
    pub data_parallel_size: Option<u32>,
    /// Longest context, tokens.
    pub max_model_len: Option<u64>,
    /// Most requests at once.
    pub max_num_seqs: Option<u32>,
    /// Most tokens in one step.
    pub max_num_batched_tokens: Option<u64>,
    /// vLLM's share of GPU memory for everything.
    pub gpu_memory_utilization: Option<Fraction>,
    /// SGLang's share of GPU memory for weights and KV cache, which is another quantity.
    pub mem_fraction_static: Option<Fraction>,
    /// Quantization of the weights.
    pub quantization: Option<String>,
    /// dtype of the weights; nothing for `auto`.
    pub dtype: Option<String>,
    /// dtype of the KV cache; nothing for `auto`.
    pub kv_cache_dtype: Option<String>,
    /// CUDA graphs off.
    pub enforce_eager: Option<bool>,
    /// True when a variable, a config file or a wrapper script may hold further options.
    pub incomplete: bool,
}

/// Reads the command line of a container; nothing when it starts no known program.
pub(super) fn read(
    image: Option<&str>,
    command: &[String],
    args: &[String],
) -> Option<EngineFacts> {
    let words: Vec<Word> = command.iter().chain(args).map(|it| Word::literal(it)).collect();
    let lines = match script(&words) {
        Some(script) => commands(script),
        None => vec![words],
    };
    let mut facts = lines
        .iter()
        .filter_map(|line| {
            let (program, start) = find_program(line)?;
            Some(read_options(program, line.get(start..).unwrap_or_default()))
        })
        .max_by_key(|it| (it.engine.is_some(), it.trains))
        .or_else(|| {
            let engine = engine_of_image(image?)?;
            if command.is_empty() {
                // The image's entrypoint is the engine itself.
                return Some(read_options(Program::Serve(engine), lines.first()?));
            }
            let incomplete = true;
            Some(EngineFacts { engine: Some(engine), incomplete, ..EngineFacts::default() })
        })?;
    facts.version = facts.engine.and_then(|engine| version(image?, engine));
    Some(facts)
}

/// The script of `sh -c SCRIPT` and its kin.
fn script(words: &[Word]) -> Option<&str> {
    let shell = words.iter().position(|it| {
        matches!(basename(&it.text), "sh" | "bash" | "dash" | "ash" | "zsh" | "ksh")
    })?;
    // `env sh -c` or `tini -- sh -c` at most: a shell further on is a word of something else.
    if shell > 2 {
        return None;
    }
    let rest = words.get(shell + 1..)?;
    let is_c = |it: &Word| {
        it.text.starts_with('-') && !it.text.starts_with("--") && it.text.ends_with('c')
    };
    let at = rest.iter().position(is_c)?;
    rest.get(at + 1).map(|it| it.text.as_str())
}

#[derive(Clone, Copy)]
enum Program {
    Serve(Engine),
    Train,
}

/// The program of a command and where its options start.
fn find_program(line: &[Word]) -> Option<(Program, usize)> {
    use Engine::{Other, Sglang, TensorRtLlm, Tgi, Vllm};
    line.iter().enumerate().find_map(|(at, word)| {
        let next = line.get(at + 1).map_or("", |it| it.text.as_str());
        let (program, length) = match (basename(&word.text), next) {
            ("vllm", "serve" | "run-batch") => (Program::Serve(Vllm), 2),
            ("sglang", "serve") | ("-m", "sglang.launch_server") => (Program::Serve(Sglang), 2),
            ("-m", module) if module.starts_with("vllm.entrypoints.") => (Program::Serve(Vllm), 2),
            ("-m", "torch.distributed.run" | "torch.distributed.launch")
            | ("accelerate", "launch") => (Program::Train, 2),
            ("torchrun" | "deepspeed", _) => (Program::Train, 1),
            ("text-generation-launcher", _) => (Program::Serve(Tgi), 1),
            ("trtllm-serve", "serve") => (Program::Serve(TensorRtLlm), 2),
            ("trtllm-serve", _) => (Program::Serve(TensorRtLlm), 1),
            ("tritonserver" | "llama-server" | "ollama" | "text-embeddings-router", _)
            | ("lmdeploy", "serve") => (Program::Serve(Other), 1),
            _ if word.text.ends_with("vllm/entrypoints/openai/api_server.py") => {
                (Program::Serve(Vllm), 1)
            }
            _ => return None,
        };
        Some((program, at + length))
    })
}

fn basename(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// The engine whose image this is, by the last part of its name.
fn engine_of_image(image: &str) -> Option<Engine> {
    let (name, _) = split_image(image);
    let last = basename(name);
    Some(match last {
        it if it.starts_with("vllm-openai") => Engine::Vllm,
        "text-generation-inference" => Engine::Tgi,
        "text-embeddings-inference" => Engine::Other,
        _ => return None,
    })
}

/// Name and tag of an image, without its digest.
fn split_image(image: &str) -> (&str, Option<&str>) {
    let image = image.split('@').next().unwrap_or(image);
    match image.rsplit_once(':') {
        // A colon before a slash belongs to the port of a registry.
        Some((name, tag)) if !tag.contains('/') => (name, Some(tag)),
        _ => (image, None),
    }
}

/// The tag of an image that is the engine's own; a tag of one's own build is no engine version.
fn version(image: &str, engine: Engine) -> Option<String> {
    let (name, tag) = split_image(image);
    let own = match engine {
        Engine::Vllm => basename(name).starts_with("vllm-openai"),
        Engine::Sglang => name.ends_with("lmsysorg/sglang"),
        Engine::Tgi => basename(name) == "text-generation-inference",
        Engine::TensorRtLlm => name.ends_with("nvidia/tensorrt-llm/release"),
        Engine::Other => false,
    };
    let tag = tag.filter(|_| own)?;
    let fits = tag.len() <= 40 && tag.bytes().any(|b| b.is_ascii_digit());
    fits.then(|| tag.to_owned())
}

/// Options as `--flag value`, `--flag=value`, `-x value`, and what stands alone.
fn read_options(program: Program, words: &[Word]) -> EngineFacts {
    let engine = match program {
        Program::Serve(engine) => engine,
        Program::Train => return EngineFacts { trains: true, ..EngineFacts::default() },
    };
    let mut facts = EngineFacts { engine: Some(engine), ..EngineFacts::default() };
    // A model that stands alone: `vllm serve MODEL`, `trtllm-serve MODEL`.
    let mut alone: Option<Word> = None;
    let mut words = words.iter().peekable();
    while let Some(word) = words.next() {
        if !word.is_flag() {
            // A variable that stands alone may hold any number of options.
            facts.incomplete |= !word.known;
            alone.get_or_insert_with(|| word.clone());
            continue;
        }
        let (flag, attached) = match word.text.split_once('=') {
            Some((flag, value)) => (flag, Some(Word { text: value.to_owned(), known: word.known })),
            None => (word.text.as_str(), None),
        };
        let flag = if flag.starts_with("--") { flag.replace('_', "-") } else { flag.to_owned() };
        let mut values: Vec<Word> = attached.into_iter().collect();
        let takes = takes(engine, &flag);
        while values.len() < takes
            && let Some(value) = words.next_if(|it| !it.is_flag())
        {
            values.push(value.clone());
        }
        set(&mut facts, engine, &flag, &values);
    }
    let positional = matches!(engine, Engine::Vllm | Engine::Sglang | Engine::TensorRtLlm);
    if facts.model.is_none() && positional {
        facts.model = alone.filter(|it| it.known).and_then(|it| name(&it.text));
    }
    facts
}

/// The most words that follow a flag as its values.
fn takes(engine: Engine, flag: &str) -> usize {
    let switch = ["--enable-", "--disable-", "--no-"].iter().any(|it| flag.starts_with(it));
    match flag {
        "--enforce-eager" | "--trust-remote-code" => 0,
        _ if switch => 0,
        "--served-model-name" | "--lora-modules" if engine == Engine::Vllm => usize::MAX,
        _ => 1,
    }
}

/// Stores one option, if it is one of ours; the last of several counts, as in `argparse`.
fn set(facts: &mut EngineFacts, engine: Engine, flag: &str, values: &[Word]) {
    use Engine::{Sglang, TensorRtLlm, Tgi, Vllm};
    let unknown = values.iter().any(|it| !it.known);
    let first = values.first().filter(|it| it.known).map(|it| it.text.as_str());
    match (engine, flag) {
        (Vllm, "--model")
        | (Sglang, "--model-path" | "--model")
        | (Tgi | Engine::Other, "--model-id") => facts.model = first.and_then(name),
        (Vllm | Sglang, "--served-model-name") => facts.served_model_names = names(values, None),
        (Vllm, "--lora-modules") => facts.lora_names = names(values, Some('=')),
        (Vllm, "--tensor-parallel-size" | "-tp")
        | (Sglang, "--tp-size" | "--tp" | "--tensor-parallel-size")
        | (Tgi, "--num-shard")
        | (TensorRtLlm, "--tp-size") => facts.tensor_parallel_size = first.and_then(count),
        (Vllm, "--pipeline-parallel-size" | "-pp")
        | (Sglang, "--pp-size" | "--pipeline-parallel-size")
        | (TensorRtLlm, "--pp-size") => facts.pipeline_parallel_size = first.and_then(count),
        (Vllm, "--data-parallel-size" | "-dp")
        | (Sglang, "--dp-size" | "--dp" | "--data-parallel-size") => {
            facts.data_parallel_size = first.and_then(count);
        }
        (Vllm, "--max-model-len")
        | (Sglang, "--context-length")
        | (Tgi, "--max-total-tokens")
        | (TensorRtLlm, "--max-seq-len") => facts.max_model_len = first.and_then(tokens),
        (Vllm, "--max-num-seqs")
        | (Sglang, "--max-running-requests")
        | (Tgi | TensorRtLlm, "--max-batch-size") => facts.max_num_seqs = first.and_then(count),
        (Vllm, "--max-num-batched-tokens") | (TensorRtLlm, "--max-num-tokens") => {
            facts.max_num_batched_tokens = first.and_then(tokens);
        }
        (Vllm, "--gpu-memory-utilization") => {
            facts.gpu_memory_utilization = first.and_then(fraction);
        }
        (Sglang, "--mem-fraction-static") => facts.mem_fraction_static = first.and_then(fraction),
        (Vllm, "--quantization" | "-q") | (Sglang, "--quantization") | (Tgi, "--quantize") => {
            facts.quantization = first.and_then(word);
        }
        (Vllm | Sglang | Tgi, "--dtype") => facts.dtype = first.and_then(word),
        (Vllm | Sglang | Tgi, "--kv-cache-dtype") => facts.kv_cache_dtype = first.and_then(word),
        (Vllm, "--enforce-eager") | (Sglang, "--disable-cuda-graph") => {
            facts.enforce_eager = Some(true);
        }
        (Vllm, "--no-enforce-eager") => facts.enforce_eager = Some(false),
        (_, "--config") => facts.incomplete = true,
        // An option that is not ours may be a variable without harm.
        _ => return,
    }
    facts.incomplete |= unknown;
}

/// A positive number of things.
fn count(text: &str) -> Option<u32> {
    text.parse().ok().filter(|it| *it > 0)
}

/// Tokens, as vLLM reads them: 32k is 32,000 and 32K is 32,768.
fn tokens(text: &str) -> Option<u64> {
    if let Ok(plain) = text.parse::<u64>() {
        return Some(plain).filter(|it| *it > 0);
    }
    let suffix = text.chars().last()?;
    let number = text.strip_suffix(suffix)?;
    let unit: u64 = match suffix {
        'k' => 1000,
        'm' => 1_000_000,
        'K' => 1024,
        'M' => 1024 * 1024,
        _ => return None,
    };
    let (whole, decimals) = number.split_once('.').unwrap_or((number, ""));
    if suffix.is_uppercase() && !decimals.is_empty() || decimals.len() > 6 {
        return None;
    }
    let scale = 10u64.pow(u32::try_from(decimals.len()).ok()?);
    let digits: u64 = format!("{whole}{decimals}").parse().ok()?;
    Some(digits.checked_mul(unit)? / scale).filter(|it| *it > 0)
}

fn fraction(text: &str) -> Option<Fraction> {
    Fraction::try_from(text.parse::<f64>().ok()?).ok()
}

/// A word such as `fp8`; `auto` leaves it to the model.
fn word(text: &str) -> Option<String> {
    let plain = text.len() <= 40
        && !text.is_empty()
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'));
    (plain && text != "auto" && !looks_secret(text)).then(|| text.to_owned())
}

/// Names of a list; of `name=path` only the name.
fn names(values: &[Word], until: Option<char>) -> Vec<String> {
    values
        .iter()
        .filter(|it| it.known && !it.text.starts_with('{'))
        .filter_map(|it| name(until.map_or(it.text.as_str(), |c| before(&it.text, c))))
        .collect()
}

fn before(text: &str, c: char) -> &str {
    text.split(c).next().unwrap_or(text)
}

/// A model's id, path or address, unless it may carry a credential.
fn name(text: &str) -> Option<String> {
    let carries = text.contains("://") && text.contains(['@', '?', '#']);
    let clean = !text.is_empty()
        && text.len() <= MAX_NAME
        && !text.chars().any(|c| c.is_whitespace() || c.is_control())
        && !carries
        && !text.split('/').any(looks_secret);
    clean.then(|| text.to_owned())
}

/// The beginnings of tokens of Hugging Face, OpenAI, GitHub, GitLab, Slack, AWS, Google, NVIDIA, RunPod, and of web
/// tokens.
pub(crate) const TOKENS: [&str; 14] = [
    "hf_",
    "sk-",
    "ghp_",
    "gho_",
    "ghs_",
    "github_pat_",
    "glpat-",
    "xox",
    "AIza",
    "rpa_",
    "AKIA",
    "ASIA",
    "nvapi-",
    "eyJ",
];

/// True for the known forms of tokens, and for long strings of letters and digits mixed.
fn looks_secret(text: &str) -> bool {
    let long = text.len() >= 32 && text.bytes().all(|b| b.is_ascii_alphanumeric());
    // A commit of a model cache is 40 hexadecimal digits and public.
    let commit = text.len() == 40 && text.bytes().all(|b| b.is_ascii_hexdigit());
    TOKENS.iter().any(|it| text.starts_with(it)) || (long && !commit)
}
