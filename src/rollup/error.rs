//! What can go wrong while logs are rolled up.

/// A fault that ends the run; no table is written then.
#[derive(Debug, thiserror::Error)]
pub enum RollupError {
    /// A file cannot be opened or is not what it seems.
    #[error("{file}: {reason}")]
    Unreadable {
        /// The file.
        file: String,
        /// What the system or the decoder said.
        reason: String,
    },
    /// A row group cannot be decoded.
    #[error("{file}: row group {group} of {n_groups} cannot be decoded")]
    Damaged {
        /// The file.
        file: String,
        /// The row group, from 1.
        group: usize,
        /// How many it has.
        n_groups: usize,
    },
    /// A file is no longer what it was at the start.
    #[error("{file}: the file changed while it was read")]
    Changed {
        /// The file.
        file: String,
    },
    /// What lies elsewhere cannot be read.
    #[error("{file}: {reason}")]
    OutOfReach {
        /// The file.
        file: String,
        /// What is in the way.
        reason: String,
        /// What to do.
        hint: &'static str,
    },
    /// Two files whose row groups have the same rows and times.
    #[error("{first} and {second} hold the same requests")]
    Twice {
        /// The first file.
        first: String,
        /// The second.
        second: String,
    },
    /// More refused rows than the limit.
    #[error(
        "{n} of {rows} rows were rejected, more than the {percent} % allowed; the first: {first}"
    )]
    TooManyRejected {
        /// Rows refused.
        n: u64,
        /// Rows read.
        rows: u64,
        /// The limit.
        percent: f64,
        /// The first of them.
        first: String,
    },
    /// No request in any file.
    #[error("no request in the files")]
    Empty,
    /// Token counts whose squares do not fit.
    #[error(
        "the token counts of one minute are so large that their squares do not add up to 64 bits"
    )]
    TooLarge,
    /// What is read is not put aside, or the table is not written.
    #[error("{what} cannot be written")]
    Write {
        /// What.
        what: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
    /// Ctrl-C.
    #[error("interrupted")]
    Interrupted,
}

impl RollupError {
    /// What to do.
    pub const fn hint(&self) -> &'static str {
        match self {
            RollupError::Unreadable { .. } | RollupError::Damaged { .. } => {
                "the file is probably cut short or damaged: copy or export it again"
            }
            RollupError::OutOfReach { hint, .. } => hint,
            RollupError::Changed { .. } => {
                "wait until whoever writes the file is done, then run it again"
            }
            RollupError::Twice { .. } => "give one of the two: each request is counted once",
            RollupError::TooManyRejected { .. } => {
                "look at the rows, or allow more with --max-rejected"
            }
            RollupError::Empty => "check that the files hold requests with a time",
            RollupError::TooLarge => "no request has so many tokens: look at the columns of tokens",
            RollupError::Write { .. } => {
                "check the space on the disk and the rights on the folder, or choose another folder"
            }
            RollupError::Interrupted => "run it again: no part of a table was left",
        }
    }
}
