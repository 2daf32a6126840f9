//! Bills of every provider: from rows in their own columns to bookings that add up.
//!
//! Comes in: the rows of a file in batches. Goes out: [`Closed`] books, in which every amount of
//! every row stands under one [`Booking`] (a workload, nobody yet, or a part of the account that is
//! no workload's) and one period. Rows of a bill are never searched for duplicates: real bills have
//! equal rows. Each format is one file here that says which texts make a line and what a row adds
//! to it; `posting.rs` does the rest for all of them.

mod booking;
mod books;
mod charge;
mod columns;
mod cur;
mod focus;
mod posting;
mod provider;
mod sums;

pub use booking::Fate;
pub(super) use booking::{Booking, Resolver};
pub(super) use books::{Books, Closed, Entry};
pub(super) use charge::{BillFormat, ChargeCategory, Costs};
pub(super) use posting::{PostedFile, post};
pub(super) use sums::Sums;

use super::IngestError;

/// Every kind of bill, with its name for messages.
static FORMATS: [(&str, &BillFormat); 2] = [("FOCUS", &focus::FORMAT), ("AWS CUR", &cur::FORMAT)];

/// The kind of bill that has these headers, if any.
pub(super) fn detect(
    headers: &[String],
    file: &str,
) -> Result<Option<&'static BillFormat>, IngestError> {
    let mut found = FORMATS.iter().filter(|(_, format)| (format.fits)(headers));
    match (found.next(), found.next()) {
        (Some((first, _)), Some((second, _))) => {
            Err(IngestError::TwoFormats { file: file.to_owned(), first, second })
        }
        (first, _) => Ok(first.map(|(_, format)| *format)),
    }
}

/// Whether a JSON object is a document of one of the formats.
pub(super) fn is_document(_object: &serde_json::Map<String, serde_json::Value>) -> bool {
    false
}

/// Whether the entries of a JSON list are documents rather than rows.
pub(super) fn is_document_list(_items: &[serde_json::Value]) -> bool {
    false
}

/// The rows of a document.
pub(super) fn table_of_document(
    _value: serde_json::Value,
    _file: &str,
) -> Result<Option<super::raw::RawTable>, IngestError> {
    Ok(None)
}
