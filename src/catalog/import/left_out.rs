//! What of a price table is no offer, row by row, and why.

use std::fmt;

use crate::catalog::Purchase;

/// Longest text of a file that a message repeats, in characters.
const CLIP: usize = 40;

/// A row, or a cell of one, that is in no offer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// The line of the file where the row begins, the header being line 1.
    pub row: u64,
    /// Why.
    pub reason: Reason,
}

/// Why something is in no offer; texts of the file are clipped.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "every field is in the message above it")]
pub enum Reason {
    /// An instance without accelerator.
    #[error("{instance:?} names no accelerator: CPU only")]
    CpuOnly { instance: String },
    /// An accelerator that is no GPU.
    #[error("{name:?} is no GPU")]
    NotAGpu { name: String },
    /// A GPU and its host are two rows: neither is the price of an instance.
    #[error("{name:?} is priced without its host: `{column}` is empty")]
    PricedApart { name: String, column: &'static str },
    /// A slice of a GPU.
    #[error("{count} of a GPU: the catalog counts whole GPUs")]
    PartOfAGpu { count: String },
    /// No price for any way of buying.
    #[error("{instance:?} has no price: not sold")]
    NotSold { instance: String },
    /// The same offer again.
    #[error("the {purchase} price is that of row {first} again")]
    Repeats { first: u64, purchase: Purchase },
    /// Another number of cells than the header.
    #[error("{found} cells, but the header has {expected}")]
    Ragged { found: usize, expected: usize },
    /// A cell that must say something.
    #[error("`{column}` is empty")]
    Empty { column: &'static str },
    /// Not a price.
    #[error("`{column}` is not a price: {found:?}")]
    NotAPrice { column: &'static str, found: String },
    /// A price below zero.
    #[error("`{column}` is negative: {found}")]
    Negative { column: &'static str, found: String },
    /// A price of nothing.
    #[error("`{column}` is {found}: a price of zero is a price nobody knew")]
    Zero { column: &'static str, found: String },
    /// Not a count.
    #[error("`{column}` is not a number of GPUs: {found:?}")]
    BadCount { column: &'static str, found: String },
    /// The count in the name of the instance is another one.
    #[error("`{column}` is {found}, but {instance:?} says {expected}")]
    CountDisagrees { column: &'static str, instance: String, found: u32, expected: u32 },
    /// A number of the host that is none; the offer stands without it.
    #[error("`{column}` is not a positive number: {found:?}; the offer stands without it")]
    BadNumber { column: &'static str, found: String },
    /// A word outside its list.
    #[error("`{column}` is {found:?}, expected {expected}")]
    UnknownWord { column: &'static str, found: String, expected: &'static str },
    /// A date in no known form.
    #[error("`{column}` is not a date such as 2026-11-09 or 2026-11: {found:?}")]
    BadDate { column: &'static str, found: String },
    /// Two prices of one thing on one date.
    #[error("the {purchase} price is {found}, but row {first} says {price} for the same offer")]
    Contradicts { first: u64, price: String, found: String, purchase: Purchase },
    /// A number of the host that another row of the same offer contradicts; the first one stands.
    #[error("`{column}` is {found}, but row {first} says {kept} for the same offer, which stands")]
    OtherHost { first: u64, column: &'static str, found: String, kept: String },
    /// A text that the names of the catalog cannot hold.
    #[error("`{column}` cannot be kept: {found:?} has a {what}")]
    BadName { column: &'static str, found: String, what: &'static str },
}

impl Reason {
    /// Whether the table is wrong, rather than a row no offer of a GPU.
    pub const fn is_fault(&self) -> bool {
        !matches!(
            self,
            Reason::CpuOnly { .. }
                | Reason::NotAGpu { .. }
                | Reason::PricedApart { .. }
                | Reason::PartOfAGpu { .. }
                | Reason::NotSold { .. }
                | Reason::Repeats { .. }
        )
    }

    /// The heading under which a summary counts it.
    pub const fn heading(&self) -> &'static str {
        match self {
            Reason::CpuOnly { .. } => "CPU only",
            Reason::NotAGpu { .. } => "accelerators that are no GPUs",
            Reason::PricedApart { .. } => "GPUs priced without their host",
            Reason::PartOfAGpu { .. } => "parts of a GPU",
            Reason::NotSold { .. } => "without a price",
            Reason::Repeats { .. } => "repeats of another row",
            _ => "faulty",
        }
    }

    /// What to do about it, in one line.
    pub const fn hint(&self) -> &'static str {
        match self {
            Reason::CpuOnly { .. } | Reason::NotAGpu { .. } | Reason::Repeats { .. } => {
                "nothing to do"
            }
            Reason::PricedApart { .. } => {
                "add the host's price to the GPU's yourself, in a plain table, as a derived row"
            }
            Reason::PartOfAGpu { .. } => "parts of GPUs are not in the catalog",
            Reason::NotSold { .. } => {
                "look the price up at the provider, or leave the instance out"
            }
            Reason::Ragged { .. } => "quote cells that hold a comma",
            Reason::Empty { .. } | Reason::BadCount { .. } | Reason::BadNumber { .. } => {
                "fill in the cell"
            }
            Reason::NotAPrice { .. } => {
                "write a plain decimal number such as 55.04, without currency and thousands"
            }
            Reason::Negative { .. } => "a discount is no price: write what the instance costs",
            Reason::Zero { .. } => {
                "leave the cell empty where it is not sold; a plain table may give a `reason`"
            }
            Reason::CountDisagrees { .. } => "correct the count; prices are per instance",
            Reason::UnknownWord { .. } | Reason::BadName { .. } => "correct the cell",
            Reason::BadDate { .. } => "write a day, a month or a year",
            Reason::Contradicts { .. } | Reason::OtherHost { .. } => {
                "keep one of the rows, or give the newer one its date; the first one was taken"
            }
        }
    }
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "row {}: {}", self.row, self.reason)
    }
}

/// The beginning of a text.
pub(crate) fn clip(text: &str) -> String {
    match text.char_indices().nth(CLIP) {
        Some((at, _)) => format!("{}...", &text[..at]),
        None => text.to_owned(),
    }
}
