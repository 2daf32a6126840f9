//! Why a price table could not be read at all.

/// A fault of the whole file or of what was said about it; faults of rows are
/// [`LeftOut`](super::LeftOut).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "every field is in the message above it")]
pub enum ImportError {
    /// No header.
    #[error("{file}: the file is empty")]
    Empty { file: String },
    /// A table of another kind.
    #[error("{file}: not {expected}: the header looks like {found}")]
    OtherFormat { file: String, expected: &'static str, found: &'static str },
    /// Columns that must be there.
    #[error("{file}: not {expected}: the header lacks {missing}; it has {found}")]
    MissingColumns { file: String, expected: &'static str, missing: String, found: String },
    /// A column that is there twice.
    #[error("{file}: the header has `{column}` twice")]
    DuplicateColumn { file: String, column: String },
    /// The file says nothing about its provider.
    #[error("{file}: the file does not say whose prices these are")]
    NoProvider { file: String },
    /// A provider whose name is no file name.
    #[error("{file}: the provider {found:?} cannot be the name of a file in offers/")]
    BadProvider { file: String, found: String },
    /// Nobody said where the prices are from, in a text that a row can hold.
    #[error("{file}: the source {found:?} is empty, has line breaks, or a list of zones")]
    BadSource { file: String, found: String },
    /// A date in no known form.
    #[error("{file}: not a date such as 2026-11-09 or 2026-11: {found:?}")]
    BadDate { file: String, found: String },
    /// Text that no table reader can split into rows.
    #[error("{file}: line {line}: {message}")]
    Unreadable { file: String, line: u64, message: String },
}

impl ImportError {
    /// What to do about it, in one line.
    pub const fn hint(&self) -> &'static str {
        match self {
            ImportError::Empty { .. } | ImportError::Unreadable { .. } => {
                "give a CSV file with a header in UTF-8"
            }
            ImportError::OtherFormat { .. } => {
                "name the format the file has: skypilot, gpuhunt or csv"
            }
            ImportError::MissingColumns { .. } => {
                "SkyPilot files are catalogs/<version>/<cloud>/vms.csv; a plain table has the columns of `prices list --format csv`"
            }
            ImportError::DuplicateColumn { .. } => "remove one of the columns",
            ImportError::NoProvider { .. } => "say --provider, such as --provider aws",
            ImportError::BadProvider { .. } => {
                "a provider's name has lower-case letters, digits and - only"
            }
            ImportError::BadSource { .. } => {
                "say in one line where the file is from, such as its repository and commit"
            }
            ImportError::BadDate { .. } => "write a day, a month or a year",
        }
    }
}
