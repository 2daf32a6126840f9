//! What the name of a model says besides the model: who uploaded it, how it was tuned, in which
//! number format its weights are.

/// Words that tell a tuned checkpoint from its base and leave the architecture as it is.
const TUNING: [&str; 6] = ["instruct", "chat", "hf", "it", "pt", "base"];

/// Makers some names begin with.
const MAKERS: [&str; 2] = ["meta", "nvidia"];

/// The part of an id after the organization, without a remark in parentheses.
pub(super) fn name_of(id: &str) -> &str {
    let id = id.split('(').next().unwrap_or_default().trim();
    id.rsplit_once('/').map_or(id, |(_, name)| name)
}

/// The words of a name without those of tuning, number format and maker, so that checkpoints of
/// one architecture share them and others do not: `RedHatAI/Meta-Llama-3.1-8B-Instruct-FP8` and
/// `Llama 3.1 8 B` are both `llama-3.1-8b`, `Qwen2-7B` is `qwen-2-7b` and not `Qwen-27B`.
pub(super) fn base(id: &str) -> String {
    let name = name_of(id).to_lowercase();
    let name = name.strip_suffix(".gguf").unwrap_or(&name);
    let mut words: Vec<String> = Vec::new();
    for word in raw_words(name).filter(|it| !TUNING.contains(it) && !is_format(it)) {
        for part in parts(word) {
            match words.last_mut() {
                // `7 B` is `7b`.
                Some(number) if matches!(&*part, "b" | "m") && is_number(number) => {
                    number.push_str(&part);
                }
                _ => words.push(part),
            }
        }
    }
    if words.len() > 1 && MAKERS.contains(&words[0].as_str()) {
        words.remove(0);
    }
    words.join("-")
}

/// The number format an id names, as `--quantization` takes it: `fp8` of `...-FP8-dynamic`,
/// `int8` of `...-quantized.w8a8`, `gguf:Q4_K_M` of `...-Q4_K_M.gguf`. Nothing when it names none.
pub fn quantization_of(id: &str) -> Option<String> {
    let name = name_of(id).to_lowercase();
    let name = name.strip_suffix(".gguf").unwrap_or(&name);
    let words: Vec<&str> = raw_words(name).collect();
    if words.contains(&"gptq") && words.iter().any(|it| matches!(*it, "int8" | "8bit")) {
        return Some("w8a16".to_owned());
    }
    words.iter().find_map(|word| {
        if is_gguf_type(word) {
            return Some(format!("gguf:{}", word.to_uppercase()));
        }
        let format = match word.strip_prefix("quantized.").unwrap_or(word) {
            "int8" | "w8a8" => "int8",
            "int4" | "4bit" | "w4a16" => "int4",
            "bnb" | "nf4" => "nf4",
            "fp4" | "nvfp4" => "nvfp4",
            stated @ ("fp8" | "w8a16" | "awq" | "gptq" | "mxfp4") => stated,
            _ => return None,
        };
        Some(format.to_owned())
    })
}

fn raw_words(name: &str) -> impl Iterator<Item = &str> {
    name.split(|it: char| it.is_whitespace() || it == '-').filter(|it| !it.is_empty())
}

/// Whether a word names how numbers are stored.
fn is_format(word: &str) -> bool {
    let word = word.strip_prefix("quantized.").unwrap_or(word);
    matches!(
        word,
        "bf16" | "fp16" | "fp8" | "fp4" | "nvfp4" | "mxfp4" | "int8" | "int4" | "8bit" | "4bit"
    ) || matches!(word, "awq" | "gptq" | "bnb" | "nf4" | "gguf" | "dynamic" | "block")
        || matches!(word, "w8a8" | "w8a16" | "w4a16")
        || is_gguf_type(word)
}

/// `q4_k_m`, `q8_0`, `iq4_xs`: the types of llama.cpp.
fn is_gguf_type(word: &str) -> bool {
    let rest = word.strip_prefix('i').unwrap_or(word);
    rest.strip_prefix('q').is_some_and(|it| {
        let mut chars = it.chars();
        chars.next().is_some_and(|bits| bits.is_ascii_digit()) && chars.next() == Some('_')
    })
}

fn is_number(word: &str) -> bool {
    word.chars().all(|it| it.is_ascii_digit() || it == '.')
}

/// The parts of a word: `_` between digits is a point and elsewhere a gap, as is the step from a
/// letter to a digit (`Llama2` is `llama`, `2`).
fn parts(word: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut before = ' ';
    let mut after = word.chars().skip(1);
    for it in word.chars() {
        let next = after.next();
        let point =
            it == '_' && before.is_ascii_digit() && next.is_some_and(|next| next.is_ascii_digit());
        if (it == '_' && !point) || (before.is_alphabetic() && it.is_ascii_digit()) {
            parts.push(String::new());
        }
        if it != '_' || point {
            let last = parts.last_mut().into_iter();
            last.for_each(|part| part.push(if point { '.' } else { it }));
        }
        before = it;
    }
    parts.retain(|it| !it.is_empty());
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_one_architecture_share_their_base() {
        for (names, expected) in [
            (
                &[
                    "RedHatAI/Meta-Llama-3.1-8B-Instruct-quantized.w8a8",
                    "Llama 3.1 8 B",
                    "nvidia/Llama-3.1-8B-Instruct-FP8",
                    "Llama-3_1-8b-Q4_K_M.gguf",
                ][..],
                "llama-3.1-8b",
            ),
            (&["Llama 2 7 B", "meta-llama/Llama-2-7b-chat-hf", "llama2-7B"], "llama-2-7b"),
            (&["Qwen/Qwen-1_8B-Chat", "Qwen-1.8B"], "qwen-1.8b"),
            (&["Qwen/Qwen3-32B\u{a0}(Transformers) <td/>", "Qwen3-32B-AWQ"], "qwen-3-32b"),
            (&["unsloth/DeepSeek-R1-GGUF", "DeepSeek-R1 GGUF"], "deepseek-r-1"),
            (&["microsoft/phi-1_5", "Phi-1.5"], "phi-1.5"),
        ] {
            for name in names {
                assert_eq!(base(name), expected, "{name}");
            }
        }
    }

    #[test]
    fn sizes_generations_and_kinds_stay_apart() {
        for (one, other) in [
            ("Qwen2-7B", "Qwen-27B"),
            ("Llama-2-7b", "Llama-27b"),
            ("Qwen2.5-7B", "Qwen3-7B"),
            ("Qwen3-8B", "Qwen3-VL-8B-Instruct"),
            ("Qwen3-4B", "Qwen3-4B-Instruct-2507"),
            ("Llama-3-8B", "Llama-3.1-8B"),
            ("phi-4", "Phi-4-mini-instruct"),
        ] {
            assert_ne!(base(one), base(other), "{one} {other}");
        }
    }

    #[test]
    fn the_number_format_of_an_id() {
        for (id, expected) in [
            ("RedHatAI/Qwen2.5-7B-Instruct-fp8-dynamic", Some("fp8")),
            ("RedHatAI/Meta-Llama-3.1-8B-Instruct-quantized.w4a16", Some("int4")),
            ("RedHatAI/Meta-Llama-3.1-8B-Instruct-quantized.w8a8", Some("int8")),
            ("RedHatAI/Meta-Llama-3.1-8B-Instruct-quantized.w8a16", Some("w8a16")),
            ("Qwen/Qwen2.5-7B-Instruct-GPTQ-Int4", Some("gptq")),
            ("Qwen/Qwen2.5-7B-Instruct-GPTQ-Int8", Some("w8a16")),
            ("cyankiwi/gemma-4-31B-it-AWQ-4bit", Some("awq")),
            ("unsloth/llama-3-8b-bnb-4bit", Some("nf4")),
            ("nvidia/DeepSeek-V3.1-NVFP4", Some("nvfp4")),
            ("Qwen3-8B-Q4_K_M.gguf", Some("gguf:Q4_K_M")),
            ("Qwen/Qwen1.5-72B-Chat-GGUF", None),
            ("Qwen/Qwen3-8B", None),
        ] {
            assert_eq!(quantization_of(id).as_deref(), expected, "{id}");
        }
    }
}
