//! The canonical usage table: one row is one workload over one half-open period.
//!
//! [`schema`] is the only place that names its columns. [`UsageTable`] holds typed columns that were
//! checked on the way in, so later stages never look at a cell twice, and that are as short as what they
//! say ([`Column`], [`Repeated`], [`TextColumn`]); [`frame`] writes it as a polars frame, the form in
//! which it goes to Parquet.

mod block;
mod category;
mod codes;
mod column;
pub mod frame;
pub mod schema;
mod table;

pub use block::Scratch;
pub use category::PricingCategory;
pub use column::{Column, Number, Repeated, TextColumn};
pub use table::{RowsOf, UsageRow, UsageTable};
