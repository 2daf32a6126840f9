//! Tokens of a request or of a period.

/// Prompt and completion tokens, kept apart because they cost and take different amounts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct TokenCounts {
    /// Tokens read.
    pub prompt: u64,
    /// Tokens written.
    pub completion: u64,
}

/// Tokens of one request, in half of the memory: no request has four billion of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct RequestTokens {
    /// Tokens read.
    pub prompt: u32,
    /// Tokens written.
    pub completion: u32,
}

impl RequestTokens {
    /// Nothing where a count is too large for a request.
    pub fn new(tokens: TokenCounts) -> Option<RequestTokens> {
        Some(RequestTokens {
            prompt: u32::try_from(tokens.prompt).ok()?,
            completion: u32::try_from(tokens.completion).ok()?,
        })
    }

    /// Prompt and completion tokens of all: (2, 3) and (4, 1) are 6 and 4.
    pub fn sum(all: &[RequestTokens]) -> (u64, u64) {
        // No list is so long that counts of 32 bits could pass 64: checks would only keep the loop slow.
        all.iter().fold((0_u64, 0_u64), |(prompt, completion), it| {
            (
                prompt.wrapping_add(u64::from(it.prompt)),
                completion.wrapping_add(u64::from(it.completion)),
            )
        })
    }

    /// Prompt plus completion.
    pub fn total(self) -> u64 {
        u64::from(self.prompt) + u64::from(self.completion)
    }
}

impl TokenCounts {
    /// Prompt plus completion.
    pub const fn total(self) -> u64 {
        self.prompt.saturating_add(self.completion)
    }
}
