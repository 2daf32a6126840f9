//! The vocabulary every other layer speaks: exact money, bytes, time, tokens, fractions.
//!
//! Nothing here reads a file, a clock or a catalog, and nothing rounds silently: a conversion that
//! can lose something says so in its name or returns an error.

mod bytes;
mod fraction;
mod money;
mod time;
mod tokens;

pub use bytes::Bytes;
pub use fraction::{Fraction, NotAFraction};
pub use money::{
    Currency, Money, MoneyError, MoneyPerHour, NotACurrency, atto_from_float, atto_from_text,
};
pub use time::{
    HOURS_PER_MONTH, Period, TimeError, Timestamp, parse_span_us, whole_months, whole_us,
};
pub use tokens::{RequestTokens, TokenCounts};
