//! What can be wrong with a file as a whole, in words that name it and say what to do.

use crate::units::{Currency, MoneyError, Period};

/// A fault of a file or of all files together; a fault of a row is a [`super::Rejected`].
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    /// It cannot be opened or read.
    #[error("{file}: {reason}")]
    Unreadable {
        /// The file.
        file: String,
        /// What the system or the decoder said.
        reason: String,
        /// What to do.
        hint: String,
    },
    /// Nothing in it.
    #[error("{file}: the file is empty")]
    Empty {
        /// The file.
        file: String,
    },
    /// A header and nothing else, or every row rejected.
    #[error("{file}: no row to analyse")]
    NoRows {
        /// The file.
        file: String,
    },
    /// Only facts without a time, where a demand over time is asked for.
    #[error("{file}: nothing in the files has a time, so nothing can be analysed")]
    NoTimes {
        /// The first file.
        file: String,
    },
    /// The columns are those of no known format.
    #[error("{file}: no known format has these columns: {columns}")]
    UnknownFormat {
        /// The file.
        file: String,
        /// The headers found.
        columns: String,
    },
    /// A column that the format cannot do without.
    #[error("{file}: the column `{column}` is missing")]
    MissingColumn {
        /// The file.
        file: String,
        /// The column.
        column: &'static str,
        /// What else could stand in.
        hint: String,
    },
    /// Two headers that mean one column.
    #[error("{file}: the columns `{first}` and `{second}` both mean `{column}`")]
    DoubleColumn {
        /// The file.
        file: String,
        /// What they mean.
        column: &'static str,
        /// The first header.
        first: String,
        /// The second.
        second: String,
    },
    /// The columns of two formats in one file.
    #[error("{file}: the columns are those of two formats, {first} and {second}")]
    TwoFormats {
        /// The file.
        file: String,
        /// The first format.
        first: &'static str,
        /// The second.
        second: &'static str,
    },
    /// Two files that charge the same things.
    #[error(
        "{first} ({first_format}) and {second} ({second_format}) hold the same money: {evidence}"
    )]
    SameMoneyTwice {
        /// The first file.
        first: String,
        /// What it is.
        first_format: String,
        /// The second.
        second: String,
        /// What it is.
        second_format: String,
        /// What tells so: the provider that both bill for one time, or that one is a copy.
        evidence: String,
    },
    /// Two logs of one demand.
    #[error(
        "{first} and {second} hold the same requests: {percent} of those of {smaller} are in the other, too, with \
         equal times and tokens"
    )]
    SameRequestsTwice {
        /// The first file.
        first: String,
        /// The second.
        second: String,
        /// That of the two with fewer requests.
        smaller: String,
        /// The share, with its sign.
        percent: String,
    },
    /// A column whose type can hold no such value.
    #[error("{file}: the column `{column}` has the type {found}, which holds no {expected}")]
    WrongType {
        /// The file.
        file: String,
        /// The header.
        column: String,
        /// Its type.
        found: String,
        /// What was needed.
        expected: &'static str,
    },
    /// Two currencies in usage tables.
    #[error("{file}: row {row}: the currency is {found}, but earlier rows are in {expected}")]
    MixedCurrencies {
        /// The file.
        file: String,
        /// The row.
        row: u64,
        /// The currency found.
        found: Currency,
        /// The one before.
        expected: Currency,
    },
    /// Two currencies and no rate between them.
    #[error(
        "{first}amounts are in {from} and {to}, and the config has no rate from {from} to {to}, the currency of the \
         report"
    )]
    NoRate {
        /// The file and the first row in this currency with a colon behind them, where known.
        first: String,
        /// The currency without a rate.
        from: Currency,
        /// That of the report.
        to: Currency,
    },
    /// More refused rows than the limit.
    #[error(
        "{n_rejected} of {rows_in} rows were rejected, more than the {percent} % allowed; the first: {first}"
    )]
    TooManyRejected {
        /// Rows refused.
        n_rejected: u64,
        /// Rows read.
        rows_in: u64,
        /// The limit.
        percent: f64,
        /// The first of them.
        first: String,
    },
    /// Logs with dates and logs that count from their own zero.
    #[error("some files have dates and others count from their own zero, so they cannot be joined")]
    MixedClocks,
    /// Nothing in the window asked for.
    #[error(
        "no row lies between {} and {}; the data run from {} to {}",
        window.start(), window.end(), data.start(), data.end()
    )]
    EmptyWindow {
        /// What was asked for.
        window: Period,
        /// What there is.
        data: Period,
    },
    /// A window that ends before it starts, or a month without data.
    #[error("{0}")]
    BadWindow(String),
    /// A sum too large.
    #[error("the amounts cannot be added: {0}")]
    Money(#[from] MoneyError),
    /// Rows too many for memory cannot be put on the disk, or not be read back.
    #[error("{folder}: rows too many for memory cannot be put aside: {reason}")]
    Aside {
        /// Where to.
        folder: String,
        /// What the system said.
        reason: String,
    },
    /// A pattern that is none, or matches nothing.
    #[error("`{pattern}`: {reason}")]
    Pattern {
        /// The pattern.
        pattern: String,
        /// Why.
        reason: String,
    },
}

impl IngestError {
    /// What the user can do about it.
    pub fn hint(&self) -> String {
        match self {
            IngestError::Unreadable { hint, .. } | IngestError::MissingColumn { hint, .. } => {
                hint.clone()
            }
            IngestError::Empty { .. } | IngestError::NoRows { .. } => {
                "check the export: there is nothing in it to read".to_owned()
            }
            IngestError::NoTimes { .. } => {
                "add a bill, a log or metrics over time (`gpuadvise collect` prints the commands), or use \
                 `gpuadvise ingest` to see what the files say"
                    .to_owned()
            }
            IngestError::UnknownFormat { .. } => {
                "`gpuadvise collect` lists the exports that are read; a log with other columns is read with a \
                 `[mapping]` in gpuadvise.toml, and any table with `period_start`, `workload` and costs or requests"
                    .to_owned()
            }
            IngestError::SameMoneyTwice { .. } => {
                "give one of the two; where both tell something, analyse them in two runs".to_owned()
            }
            IngestError::SameRequestsTwice { .. } => {
                "give one of the two, or logs whose times do not overlap; rows with a `request_id` are told apart by \
                 it, whichever files they are in"
                    .to_owned()
            }
            IngestError::TwoFormats { .. } => {
                "give each export in a file of its own".to_owned()
            }
            IngestError::DoubleColumn { .. } => "rename or drop one of the two".to_owned(),
            IngestError::WrongType { .. } => "export the column in its own type".to_owned(),
            IngestError::MixedCurrencies { .. } | IngestError::NoRate { .. } => {
                "write how much of the report's currency one unit of the other is, such as EUR = \"1.08\", in `[fx]` of \
                 gpuadvise.toml, or analyse one currency at a time"
                    .to_owned()
            }
            IngestError::TooManyRejected { .. } => {
                "mend the rows, or raise the limit with --max-rejected PERCENT".to_owned()
            }
            IngestError::MixedClocks => "analyse them in two runs".to_owned(),
            IngestError::EmptyWindow { .. } | IngestError::BadWindow(_) => {
                "choose a window inside the data with --since, --until or --month".to_owned()
            }
            IngestError::Money(_) => "look for an amount with a misplaced point".to_owned(),
            IngestError::Aside { .. } => {
                "free some space there (about 30 bytes a row), or name a folder on a larger disk with --output".to_owned()
            }
            IngestError::Pattern { .. } => "name files that exist, or quote a pattern such as 'logs/*.csv'".to_owned(),
        }
    }
}
