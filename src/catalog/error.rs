//! What can be wrong with the price lists and catalogs, with the file and line to look at.

use std::fmt;

use crate::units::MoneyError;

/// A line of a file in `pricing/`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The file, relative to `pricing/`.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// Why a catalog was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "every field is in the message above it")]
pub enum CatalogError {
    /// Not TOML, an unknown key, a missing key, or a value of the wrong type.
    #[error("{at}: {message}")]
    Parse { at: Place, message: String },
    /// A file with a name no catalog has.
    #[error("{file}: not a file of the catalog")]
    UnknownFile { file: String },
    /// A text that must say something.
    #[error("{at}: `{column}` is empty")]
    Empty { at: Place, column: &'static str },
    /// A date in no known form.
    #[error("{at}: `as_of` is not a date such as 2026-11-09 or 2026-11: {found:?}")]
    BadDate { at: Place, found: String },
    /// A price that is no amount.
    #[error("{at}: `price_per_hour` is not a price: {source}")]
    BadPrice { at: Place, source: MoneyError },
    /// A price below zero, or zero without a reason.
    #[error(
        "{at}: `price_per_hour` is {found}, which needs a `reason` when zero and is never negative"
    )]
    NotPositive { at: Place, found: String },
    /// A word outside its list.
    #[error("{at}: `{column}` is {found:?}, expected {expected}")]
    UnknownWord { at: Place, column: &'static str, found: String, expected: &'static str },
    /// A number that cannot be.
    #[error("{at}: `{column}` is {found}, expected {expected}")]
    OutOfRange { at: Place, column: &'static str, found: String, expected: &'static str },
    /// Two rows with the name of one thing.
    #[error("{at}: {what} {name:?} is there twice")]
    Duplicate { at: Place, what: &'static str, name: String },
    /// An alias that leads nowhere.
    #[error("{at}: the alias names the GPU {gpu:?}, which gpus.toml does not have")]
    AliasUnknownGpu { at: Place, gpu: String },
    /// A rule for charges that leads nowhere.
    #[error("{at}: the rule names the GPU {gpu:?}, which neither gpus.toml nor aliases.toml has")]
    SkuUnknownGpu { at: Place, gpu: String },
    /// A pattern that cannot be searched for, or that fits any text.
    #[error("{at}: not a pattern: {message}")]
    BadPattern { at: Place, message: String },
    /// The count in the instance's name is another one.
    #[error("{at}: `gpu_count` is {found}, but {instance_type:?} says {expected}")]
    GpuCount { at: Place, instance_type: String, found: u32, expected: u32 },
    /// Spot is no cheaper than on demand.
    #[error(
        "{at}: spot at {spot} is not below pay as you go at {on_demand} for {instance_type:?}, and no `reason` is given"
    )]
    SpotNotCheaper { at: Place, instance_type: String, spot: String, on_demand: String },
    /// Two prices of one thing on one date.
    #[error("{at}: {id} has two prices of {as_of}: {prices}")]
    Conflict { at: Place, id: String, as_of: String, prices: String },
    /// A platform nobody described.
    #[error("no platform is called {found:?}; {others}")]
    UnknownPlatform { found: String, others: String },
    /// The assumptions are not complete.
    #[error("{at}: {message}")]
    Assumption { at: Place, message: String },
    /// A model config that is not JSON, or no object.
    #[error("{id}: config.json cannot be read: {message}")]
    ConfigJson { id: String, message: String },
    /// A model config of an architecture nothing is known about.
    #[error("{id}: the architecture {found:?} is not known{missing}")]
    UnknownArchitecture { id: String, found: String, missing: String },
    /// A model config without fields that decide memory and speed.
    #[error("{id}: config.json lacks {fields}")]
    MissingFields { id: String, fields: String },
}

impl CatalogError {
    /// The line to look at, where it is one line's fault.
    pub const fn place(&self) -> Option<&Place> {
        match self {
            CatalogError::Parse { at, .. }
            | CatalogError::Empty { at, .. }
            | CatalogError::BadDate { at, .. }
            | CatalogError::BadPrice { at, .. }
            | CatalogError::NotPositive { at, .. }
            | CatalogError::UnknownWord { at, .. }
            | CatalogError::OutOfRange { at, .. }
            | CatalogError::Duplicate { at, .. }
            | CatalogError::AliasUnknownGpu { at, .. }
            | CatalogError::SkuUnknownGpu { at, .. }
            | CatalogError::BadPattern { at, .. }
            | CatalogError::GpuCount { at, .. }
            | CatalogError::SpotNotCheaper { at, .. }
            | CatalogError::Conflict { at, .. }
            | CatalogError::Assumption { at, .. } => Some(at),
            CatalogError::UnknownFile { .. }
            | CatalogError::UnknownPlatform { .. }
            | CatalogError::ConfigJson { .. }
            | CatalogError::UnknownArchitecture { .. }
            | CatalogError::MissingFields { .. } => None,
        }
    }

    /// What to do about it, in one line.
    pub const fn hint(&self) -> &'static str {
        match self {
            CatalogError::Parse { .. } => {
                "compare the row with the file of the same name in pricing/ of the sources; unknown keys are errors"
            }
            CatalogError::UnknownFile { .. } => {
                "a catalog has assumptions.toml, gpus.toml, fabrics.toml, aliases.toml, models.toml, serverless.toml, skus.toml and offers/<provider>.toml"
            }
            CatalogError::Empty { .. } | CatalogError::BadDate { .. } => {
                "every row says where its numbers come from and when they were read"
            }
            CatalogError::BadPrice { .. } | CatalogError::NotPositive { .. } => {
                "write the price of the whole instance as text, such as \"55.04\""
            }
            CatalogError::UnknownWord { .. } | CatalogError::OutOfRange { .. } => {
                "correct the value"
            }
            CatalogError::Duplicate { .. } | CatalogError::Conflict { .. } => {
                "keep one of the rows, or give the newer one its date"
            }
            CatalogError::AliasUnknownGpu { .. } => {
                "add the GPU to gpus.toml, or leave `gpus` empty so that its offers are listed only"
            }
            CatalogError::SkuUnknownGpu { .. } => {
                "add the GPU to gpus.toml, or to aliases.toml with empty `gpus` so that it is listed only"
            }
            CatalogError::BadPattern { .. } => {
                "write a regular expression in lower case with a blank for `_`, and [0-9] for a digit"
            }
            CatalogError::GpuCount { .. } => "correct `gpu_count`; prices are per instance",
            CatalogError::SpotNotCheaper { .. } => {
                "check the price, or say in `reason` why spot costs as much"
            }
            CatalogError::Assumption { .. } => {
                "a replaced assumptions.toml holds every number of the built-in one and no other"
            }
            CatalogError::UnknownPlatform { .. } => {
                "docs/prices.md lists the platforms; describe another one as a [[platform]] in gpuadvise.toml"
            }
            CatalogError::ConfigJson { .. } => "give the config.json of a Hugging Face model",
            CatalogError::UnknownArchitecture { .. } | CatalogError::MissingFields { .. } => {
                "add the model to models.toml in a --pricing folder"
            }
        }
    }
}
