//! Bills of every provider: from rows in their own columns to bookings that add up.
//!
//! Comes in: the rows of a file in batches. Goes out: [`Closed`] books, in which every amount of
//! every row stands under one [`Booking`] (a workload, nobody yet, or a part of the account that is
//! no workload's) and one period. Rows of a bill are never searched for duplicates: real bills have
//! equal rows. Each format is one file here that says which texts make a line and what a row adds
//! to it; `posting.rs` does the rest for all of them.

mod amortize;
mod azure;
mod booking;
mod books;
mod bucket;
mod charge;
mod columns;
mod cost_explorer;
mod cur;
mod exact;
mod focus;
mod gcp;
mod held;
mod lines;
mod modal;
mod oci;
mod opencost;
mod posting;
mod provider;
mod reading;
mod runpod;
mod shared;
mod sketch;
mod sums;
mod tally;

pub use booking::Fate;
pub(super) use booking::{Booking, Resolver};
pub use books::InvoiceState;
pub(super) use books::{Books, Closed, Entry};
pub(super) use charge::{BillFormat, ChargeCategory, Costs};
pub(super) use posting::{Charged, post};
pub(super) use sketch::Common;
pub(super) use sums::Sums;

use super::IngestError;
use super::raw::RawTable;

/// Every kind of bill, with its name for messages.
static FORMATS: [(&str, &BillFormat); 10] = [
    ("FOCUS", &focus::FORMAT),
    ("AWS CUR", &cur::FORMAT),
    ("AWS Cost Explorer", &cost_explorer::FORMAT),
    ("Azure cost details", &azure::FORMAT),
    ("GCP billing export", &gcp::FORMAT),
    ("OCI cost report", &oci::FORMAT),
    ("RunPod billing", &runpod::v1::FORMAT),
    ("RunPod billing v2", &runpod::v2::FORMAT),
    ("Modal billing report", &modal::FORMAT),
    ("OpenCost allocation", &opencost::FORMAT),
];

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

/// Whether two formats hold the same money where they bill one provider for one time: all do but
/// files of one format, of which `RunPod` alone can be grouped in ways that repeat each other.
pub(super) fn repeat_each_other(first: &str, second: &str) -> bool {
    let family = |format: &str| format.split([' ', '(']).next().map(str::to_owned);
    let grouped = |format: &str, by: &str| format.contains(&format!("({by}"));
    if family(first) != Some("RunPod".to_owned()) || family(second) != Some("RunPod".to_owned()) {
        // Parts of one JSON export may lack columns that tell the version.
        return first != second && !(first.starts_with("FOCUS") && second.starts_with("FOCUS"));
    }
    // Pods by name and pods by GPU; endpoints have files of their own.
    let pods = |it: &str| grouped(it, "pods") || grouped(it, "GPU types");
    first != second && pods(first) && pods(second)
}

/// Whether a JSON value is a document of one of the formats.
pub(super) fn is_document(value: &serde_json::Value) -> bool {
    runpod::v2::is_own(value) || opencost::is_own(value) || cost_explorer::is_own(value)
}

/// The rows of a document; nothing where it is of none of the formats.
pub(super) fn table_of_document(
    value: serde_json::Value,
    file: &str,
) -> Result<Option<DocumentRows>, IngestError> {
    let mut notices = Vec::new();
    let own = cost_explorer::is_own(&value);
    let estimated = if own { cost_explorer::estimated(&value) } else { None };
    let found = if runpod::v2::is_own(&value) {
        runpod::v2::table(value, file)
    } else if opencost::is_own(&value) {
        opencost::table(value, file)
    } else if cost_explorer::is_own(&value) {
        if cost_explorer::is_unfinished(&value) {
            notices.push(format!(
                "{file}: the last page names a next one, so money is missing: fetch all pages"
            ));
        }
        cost_explorer::table(value, file)
    } else {
        None
    };
    let Some(table) = found.transpose()? else { return Ok(None) };
    Ok(Some(DocumentRows { table, estimated, notices }))
}

/// The rows of a document, and what it says of itself.
pub(super) struct DocumentRows {
    /// The rows.
    pub(super) table: RawTable,
    /// Whether the amounts may still change, where the provider says.
    pub(super) estimated: Option<bool>,
    /// What the reader must know.
    pub(super) notices: Vec<String>,
}
