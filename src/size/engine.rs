//! The serving engines whose allocation is known, by version where it changed.

use std::fmt;

/// A version of vLLM, major and minor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// Before the first dot.
    pub major: u16,
    /// After it.
    pub minor: u16,
}

/// What serves the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Engine {
    /// vLLM of this version.
    Vllm(Version),
    /// `SGLang`.
    Sglang,
    /// TensorRT-LLM.
    TensorRtLlm,
    /// llama.cpp and what is built on it.
    LlamaCpp,
}

impl Engine {
    /// vLLM 0.19: the newest version whose start-up was measured in full.
    pub const DEFAULT: Engine = Engine::Vllm(Version { major: 0, minor: 19 });

    /// The engine of `vllm`, `vllm@0.19`, `sglang`, `tensorrt-llm` or `llama.cpp`.
    pub fn parse(text: &str) -> Option<Engine> {
        let text = text.trim().to_ascii_lowercase();
        let (name, version) = match text.split_once('@') {
            None => (text.as_str(), None),
            Some((name, version)) => (name, Some(Version::parse(version)?)),
        };
        match (name, version) {
            ("vllm", None) => Some(Engine::DEFAULT),
            ("vllm", Some(version)) => Some(Engine::Vllm(version)),
            ("sglang", _) => Some(Engine::Sglang),
            ("tensorrt-llm" | "trtllm" | "trt-llm", _) => Some(Engine::TensorRtLlm),
            ("llama.cpp" | "llamacpp", _) => Some(Engine::LlamaCpp),
            _ => None,
        }
    }

    /// Whether this is vLLM of `minor` 0.x or later.
    pub(super) fn is_vllm_since(self, minor: u16) -> bool {
        matches!(self, Engine::Vllm(version) if version >= Version { major: 0, minor })
    }
}

impl Version {
    fn parse(text: &str) -> Option<Version> {
        let mut parts = text.trim().trim_start_matches('v').split('.');
        let major = parts.next()?.parse().ok()?;
        let minor = parts.next().map_or(Some(0), |it| it.parse().ok())?;
        Some(Version { major, minor })
    }
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Engine::Vllm(version) => write!(f, "vllm@{}.{}", version.major, version.minor),
            Engine::Sglang => f.write_str("sglang"),
            Engine::TensorRtLlm => f.write_str("tensorrt-llm"),
            Engine::LlamaCpp => f.write_str("llama.cpp"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back() {
        for text in ["vllm@0.19", "vllm@0.8", "sglang", "tensorrt-llm", "llama.cpp"] {
            assert_eq!(Engine::parse(text).map(|it| it.to_string()).as_deref(), Some(text));
        }
        assert_eq!(Engine::parse(" vLLM "), Some(Engine::DEFAULT));
        assert_eq!(
            Engine::parse("vllm@v0.11.2").map(|it| it.to_string()),
            Some("vllm@0.11".into())
        );
        assert_eq!(Engine::parse("vllm@"), None);
        assert_eq!(Engine::parse("tgi"), None);
    }

    #[test]
    fn versions_are_ordered() {
        assert!(Engine::DEFAULT.is_vllm_since(18));
        assert!(!Engine::DEFAULT.is_vllm_since(21));
        assert!(!Engine::Sglang.is_vllm_since(0));
    }
}
