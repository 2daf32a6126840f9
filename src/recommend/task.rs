//! What a model is used for, and what lower precision may cost it.

use crate::size::Precision;

/// Work by what quantization does to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// Loses little in 4 bits: chat, summarization, translation, retrieval, extraction.
    Tolerant,
    /// Loses measurably: reasoning, code, long context.
    Sensitive,
    /// Nobody said.
    Unknown,
}

/// Words of the config and the command line for work that loses little.
const TOLERANT: [&str; 7] =
    ["chat", "summarization", "generation", "rag", "translation", "extraction", "classification"];
/// And for work that loses measurably.
const SENSITIVE: [&str; 6] = ["reasoning", "math", "code", "agent", "long-context", "long_context"];

impl Task {
    /// The words of tasks that are known.
    pub fn words() -> impl Iterator<Item = &'static str> {
        TOLERANT.into_iter().chain(SENSITIVE)
    }

    /// The task of a word; what is no known word is unknown work.
    pub fn of(word: Option<&str>) -> Task {
        match word {
            Some(word) if TOLERANT.contains(&word) => Task::Tolerant,
            Some(word) if SENSITIVE.contains(&word) => Task::Sensitive,
            _ => Task::Unknown,
        }
    }

    /// Whether a precision may be advised at all: 4 bits only for work known to lose little.
    pub fn allows(self, precision: Precision) -> bool {
        self == Task::Tolerant || precision.rule_of_thumb_bytes() > 0.75
    }

    /// What to say of a change to `precision`.
    pub fn caveat(self, precision: Precision) -> &'static str {
        match (self, precision.rule_of_thumb_bytes() > 0.75) {
            (Task::Tolerant, true) => "8 bits lose little in generation and summarization",
            (Task::Tolerant, false) => "4 bits lose a little in generation and summarization",
            (Task::Sensitive, true) => {
                "8 bits can lose measurably in reasoning, long context and code: check first"
            }
            (Task::Sensitive, false) => {
                "4 bits lose measurably in reasoning, long context and code: not advised"
            }
            (Task::Unknown, true) => "the task is not stated: check the quality first",
            (Task::Unknown, false) => "the task is not stated, so no 4-bit advice",
        }
    }

    /// Benchmarks of the language-model evaluation harness that would show a loss.
    const fn benchmarks(self) -> &'static str {
        match self {
            Task::Tolerant => "ifeval,mmlu",
            Task::Sensitive => "gsm8k,humaneval,ruler",
            Task::Unknown => "ifeval,gsm8k,mmlu",
        }
    }
}

/// The command that measures `model` in `precision`, to run for both and compare.
pub fn evaluation_command(
    model: &str,
    precision: Precision,
    tensor_parallel_size: u32,
    task: Task,
) -> String {
    let format = match precision {
        Precision::Fp32 | Precision::Bf16 => String::new(),
        Precision::Fp8 => ",quantization=fp8".to_owned(),
        // These need a checkpoint of their own, which the reader has to name.
        other => {
            let checkpoint = format!("YOUR_{}_CHECKPOINT", other.as_str().to_uppercase());
            return evaluation(&checkpoint, "", tensor_parallel_size, task);
        }
    };
    evaluation(model, &format, tensor_parallel_size, task)
}

fn evaluation(pretrained: &str, format: &str, tensor_parallel_size: u32, task: Task) -> String {
    let benchmarks = task.benchmarks();
    let unsafe_code =
        if benchmarks.contains("humaneval") { " --confirm_run_unsafe_code" } else { "" };
    format!(
        "lm_eval --model vllm --model_args \
         pretrained={pretrained},tensor_parallel_size={tensor_parallel_size}{format} \
         --tasks {benchmarks} --apply_chat_template --batch_size auto{unsafe_code}"
    )
}

/// How to compare two deployments on the user's own work.
pub const SIDE_BY_SIDE: &str = "Take 50 to 100 prompts of your own log, spread over its lengths; answer each with both, \
     temperature 0; let someone who does not know which is which choose better, same or worse; keep \
     today's when worse exceeds better by more than 5 of 100.";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_bits_need_a_known_task() {
        assert!(Task::of(Some("chat")).allows(Precision::Int4));
        assert!(!Task::of(Some("code")).allows(Precision::Int4));
        assert!(!Task::of(None).allows(Precision::Nvfp4));
        assert!(Task::of(Some("poetry")).allows(Precision::Fp8));
    }

    #[test]
    fn the_command_names_model_format_and_benchmarks() {
        let command = evaluation_command("Qwen/Qwen3-32B", Precision::Fp8, 2, Task::Sensitive);
        assert_eq!(
            command,
            "lm_eval --model vllm --model_args \
             pretrained=Qwen/Qwen3-32B,tensor_parallel_size=2,quantization=fp8 \
             --tasks gsm8k,humaneval,ruler --apply_chat_template --batch_size auto \
             --confirm_run_unsafe_code"
        );
        let other = evaluation_command("Qwen/Qwen3-32B", Precision::Int4, 1, Task::Tolerant);
        assert!(other.contains("pretrained=YOUR_INT4_CHECKPOINT,"), "{other}");
    }
}
