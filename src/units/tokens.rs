//! Tokens of a request or of a period.

/// Prompt and completion tokens, kept apart because they cost and take different amounts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct TokenCounts {
    /// Tokens read.
    pub prompt: u64,
    /// Tokens written.
    pub completion: u64,
}

impl TokenCounts {
    /// Prompt plus completion.
    pub const fn total(self) -> u64 {
        self.prompt.saturating_add(self.completion)
    }
}
