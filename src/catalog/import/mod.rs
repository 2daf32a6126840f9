//! Price tables of others made into rows of `offers/<provider>.toml`, and two lists compared.
//!
//! Comes in: the text of a `SkyPilot` catalog, a gpuhunt file or a plain table, with its name, its
//! source and its date. Goes out: [`Imported`], whose offers, rows left out and rows in agree, and
//! from it TOML; of two lists a [`Diff`]; of one its [`Stale`] groups and its state on an earlier day.
//! Nothing here opens a file, knows today's date, joins two prices into one or looks up a GPU: an
//! unknown name is kept, as the catalog lists it and never simulates it.

mod age;
mod cell;
mod diff;
mod diff_table;
mod error;
mod export;
mod gather;
mod gpuhunt;
mod history;
mod left_out;
mod offer_row;
mod plain;
mod price;
mod read;
mod skypilot;
mod table;
#[cfg(test)]
mod tests;
mod toml_text;

pub use age::{Stale, snapshot, stale};
pub use diff::{Change, Diff, GroupChange, diff};
pub use diff_table::render;
pub use error::ImportError;
pub use export::{Exported, to_skypilot};
pub use history::moves;
pub use left_out::{LeftOut, Reason};
pub use offer_row::{Key, OfferRow};
pub use price::{Price, PriceFault};
pub use read::{Format, ImportContext, Imported, read};
pub use toml_text::to_toml;
