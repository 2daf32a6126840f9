//! One file of `pricing/`: its text, the line of a byte, and the checks every row shares.

use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use super::date::first_day;
use super::error::{CatalogError, Place};

/// A file of the catalog as it was read, for the provenance of a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CatalogFile {
    /// Relative to `pricing/`, such as `offers/aws.toml`.
    pub name: String,
    /// Rows in it, superseded ones included.
    pub rows: usize,
    /// The newest date of its rows, empty when it has none.
    pub newest_as_of: String,
    /// SHA-256 of its bytes, in hex.
    pub sha256: String,
}

/// A file while it is read.
#[derive(Clone, Copy)]
pub(super) struct PricingFile<'a> {
    pub(super) name: &'a str,
    pub(super) text: &'a str,
}

impl PricingFile<'_> {
    /// The rows, or where the text stops being what the file must hold.
    pub(super) fn parse<T: DeserializeOwned>(&self) -> Result<T, CatalogError> {
        toml::from_str(self.text).map_err(|error| CatalogError::Parse {
            at: self.place(error.span().map_or(0, |span| span.start)),
            message: error.message().replace('\n', "; "),
        })
    }

    /// The line of the byte at `start`.
    pub(super) fn place(&self, start: usize) -> Place {
        let before = self.text.as_bytes().get(..start).unwrap_or_default();
        let line = before.split(|byte| *byte == b'\n').count();
        Place { file: self.name.to_owned(), line }
    }

    /// The line of `column` in the row that begins at `start`; the row's own where it is not
    /// written on a line of its own.
    pub(super) fn place_of(&self, start: usize, column: &str) -> Place {
        let row = self.text.get(start..).unwrap_or_default();
        let offset =
            row.lines().skip(1).take_while(|line| !line.starts_with('[')).position(|line| {
                line.strip_prefix(column).is_some_and(|rest| rest.trim_start().starts_with('='))
            });
        let at = self.place(start);
        Place { line: at.line + offset.map_or(0, |lines| lines + 1), ..at }
    }

    /// A text that must say something.
    pub(super) fn filled(
        &self,
        start: usize,
        column: &'static str,
        text: &str,
    ) -> Result<(), CatalogError> {
        if text.trim().is_empty() {
            return Err(CatalogError::Empty { at: self.place_of(start, column), column });
        }
        Ok(())
    }

    /// Where a row comes from and when, which every row must say.
    pub(super) fn provenance(
        &self,
        start: usize,
        source: &str,
        as_of: &str,
    ) -> Result<(), CatalogError> {
        self.filled(start, "source", source)?;
        self.filled(start, "as_of", as_of)?;
        if is_date(as_of) {
            return Ok(());
        }
        Err(CatalogError::BadDate { at: self.place_of(start, "as_of"), found: as_of.to_owned() })
    }

    /// A number that must be positive and finite.
    pub(super) fn positive(
        &self,
        start: usize,
        column: &'static str,
        value: Option<f64>,
    ) -> Result<(), CatalogError> {
        match value {
            Some(number) if !(number > 0.0 && number.is_finite()) => {
                Err(CatalogError::OutOfRange {
                    at: self.place_of(start, column),
                    column,
                    found: number.to_string(),
                    expected: "a positive number",
                })
            }
            _ => Ok(()),
        }
    }

    /// What a report says about the file.
    pub(super) fn summary<'d>(
        &self,
        rows: usize,
        dates: impl Iterator<Item = &'d str>,
    ) -> CatalogFile {
        CatalogFile {
            name: self.name.to_owned(),
            rows,
            newest_as_of: dates.max().unwrap_or_default().to_owned(),
            sha256: hex(&Sha256::digest(self.text.as_bytes())),
        }
    }
}

/// A day, a month or a year, written so that text order is time order.
pub(super) fn is_date(text: &str) -> bool {
    first_day(text).is_some()
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .map(|nibble| char::from(DIGITS[usize::from(nibble)]))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_of_three_precisions() {
        for good in ["2026", "2026-02", "2026-02-28", "2025-10"] {
            assert!(is_date(good), "{good}");
        }
        for bad in
            ["", "26-02-01", "2026-2-1", "2026-13", "2026-02-30", "today", "1999-01-01", "+026-01"]
        {
            assert!(!is_date(bad), "{bad}");
        }
        assert!("2025-10" < "2025-10-02" && "2025-10-31" < "2025-11" && "2026" < "2026-01");
    }

    #[test]
    fn hash_and_lines() {
        let file =
            PricingFile { name: "x.toml", text: "[[a]]\nb = 1\nsource = \"\"\n[[a]]\nc = 2\n" };
        assert_eq!(file.place_of(0, "source").line, 3);
        assert_eq!(file.place_of(0, "c").line, 1);
        assert_eq!(
            PricingFile { name: "x", text: "abc" }.summary(0, std::iter::empty()).sha256,
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }
}
