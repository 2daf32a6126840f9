//! A file as batches of typed columns, one JSON document, or a text, whatever it was written as.
//!
//! What a file is follows from its content: gzip and zstd by their first bytes, Parquet by its mark,
//! JSON by its first character, the texts of GPU tools by their first lines, else CSV. Tables are
//! read in batches, so that memory does not grow with the file; a JSON document is read whole, up
//! to a limit. The bytes are hashed on the way.

mod csv_rows;
mod flatten;
mod json_rows;
mod pages;
mod parquet;
mod plain;
mod stream;
mod table;

use std::io::{BufRead, BufReader, Read};

use super::rejected::{Rejected, RejectedKind};
use super::{IngestError, Source, telemetry};
use json_rows::JsonLines;
use stream::Hashed;

pub(super) use flatten::flatten;
pub(super) use parquet::{ParquetInput, Piece};
pub(super) use plain::{PlainHeaders, PlainRows};
#[cfg(test)]
pub(super) use table::Texts;
pub(super) use table::{Coded, Column, MixedRows, RawTable, RowNumbers, Tuples, Value};

/// Largest JSON document that is read whole, unpacked.
const MOST_DOCUMENT_BYTES: u64 = 512 << 20;

/// What a file holds.
pub(super) enum Opened {
    /// Rows.
    Table(TableInput),
    /// One JSON value that is no list of flat rows.
    Document {
        /// The value.
        value: serde_json::Value,
        /// SHA-256 of the file.
        sha256: String,
    },
    /// A text of a GPU tool or a metrics page.
    Text {
        /// Its bytes.
        bytes: Vec<u8>,
        /// SHA-256 of the file.
        sha256: String,
    },
}

/// Rows that are about to be read.
pub(super) struct TableInput {
    file: String,
    /// Headers as far as they are known before the rows are read: all of them but for JSON lines,
    /// where later rows may have more.
    pub(super) headers: Vec<String>,
    rows: Rows,
}

enum Rows {
    Csv(Box<csv_rows::CsvRows>),
    JsonLines(Box<JsonLines>),
    JsonArray(serde_json::Value, String),
    Parquet(ParquetInput),
    Ready(RawTable, String),
}

/// What is known of a file when all its rows were read.
pub(super) struct FileFacts {
    /// Rows in the file, those refused here included.
    pub(super) rows_in: u64,
    /// Rows that were no rows: too many fields, broken JSON.
    pub(super) rejected: Vec<Rejected>,
    /// SHA-256 of the bytes of the file, where it is asked for.
    pub(super) sha256: Option<String>,
    /// Headers of the whole file.
    pub(super) headers: Vec<String>,
}

/// The first bytes of a file, unpacked; nothing for standard input, which can be read once.
pub(super) fn peek(source: &Source) -> Result<Option<Vec<u8>>, IngestError> {
    if source.path().is_none() {
        return Ok(None);
    }
    let reader = BufReader::with_capacity(1 << 16, Hashed::new(source.open()?));
    let mut text = stream::unpacked(reader, source.name())?;
    text.head(source.name()).map(|head| Some(head.to_vec()))
}

/// Whether a file is Parquet by its mark.
pub(super) fn is_parquet(source: &Source) -> Result<bool, IngestError> {
    let mut mark = [0; 4];
    match source.open()?.read_exact(&mut mark) {
        Ok(()) => Ok(&mark == b"PAR1"),
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(source.unreadable(&error)),
    }
}

/// The headers of a Parquet file by its footer.
pub(super) fn headers_of_footer(footer: Vec<u8>, file: &str) -> Result<Vec<String>, IngestError> {
    Ok(ParquetInput::open(ParquetInput::of_bytes(footer), file)?.headers)
}

/// All bytes of a source, unpacked, and the hash of the file.
pub(super) fn whole(source: &Source) -> Result<(Vec<u8>, String), IngestError> {
    let reader = BufReader::with_capacity(1 << 16, Hashed::new(source.open()?));
    stream::unpacked(reader, source.name())?.read_whole(MOST_DOCUMENT_BYTES, source.name())
}

/// Opens a source and finds out what it holds.
pub(super) fn open(source: &Source) -> Result<Opened, IngestError> {
    let file = source.name().to_owned();
    let mut reader = BufReader::with_capacity(1 << 16, Hashed::new(source.open()?));
    let head = reader.fill_buf().map_err(|error| source.unreadable(&error))?;
    if head.is_empty() {
        return Err(IngestError::Empty { file });
    }
    let extension = source.extension();
    if head.starts_with(b"PAR1") {
        let input = match source.path() {
            Some(path) => ParquetInput::of_path(path),
            None => ParquetInput::of_bytes(read_all(&mut reader, source)?),
        };
        return ParquetInput::open(input, &file).map(|it| TableInput::parquet(file, it));
    }
    if head.starts_with(b"PK\x03\x04") {
        let hint = "save the sheet as CSV, or unpack the archive";
        return Err(unreadable(&file, "this is an Excel workbook or a ZIP archive", hint));
    }
    if extension.as_deref() == Some("parquet") {
        let reason = "the name says Parquet, but the content does not start as Parquet does";
        return Err(unreadable(&file, reason, "export it again, or rename it to what it is"));
    }
    let unpacked = stream::unpacked(reader, &file)?;
    open_text(unpacked, file)
}

/// Opens what is neither Parquet nor an archive.
fn open_text(mut text: stream::Unpacked, file: String) -> Result<Opened, IngestError> {
    let head = text.head(&file)?;
    if head.is_empty() {
        return Err(IngestError::Empty { file });
    }
    if head.starts_with(b"PAR1") {
        let (bytes, sha256) = text.read_whole(u64::MAX, &file)?;
        let input = ParquetInput::of_bytes(bytes).with_sha256(sha256);
        return ParquetInput::open(input, &file).map(|it| TableInput::parquet(file, it));
    }
    let start = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    let first = start.iter().copied().find(|byte| !byte.is_ascii_whitespace());
    // An answer of Prometheus is read into its samples, which take a tenth of a tree of values.
    let is_answer = telemetry::sniff(start) == Some(telemetry::TelemetryFormat::PrometheusJson);
    match first {
        Some(b'{') if is_answer => {
            let (bytes, sha256) = text.read_whole(MOST_DOCUMENT_BYTES, &file)?;
            Ok(Opened::Text { bytes, sha256 })
        }
        Some(b'[') => {
            let (value, sha256) = document(text, &file)?;
            Ok(of_array(value, sha256, file))
        }
        Some(b'{') if json_rows::is_lines(start) => {
            let lines = JsonLines::new(text, &file)?;
            Ok(Opened::Table(TableInput {
                headers: lines.headers.clone(),
                file,
                rows: Rows::JsonLines(Box::new(lines)),
            }))
        }
        Some(b'{') => {
            let (value, sha256) = document(text, &file)?;
            Ok(Opened::Document { value, sha256 })
        }
        _ if telemetry::sniff(start).is_some() => {
            let (bytes, sha256) = text.read_whole(MOST_DOCUMENT_BYTES, &file)?;
            Ok(Opened::Text { bytes, sha256 })
        }
        _ => {
            let rows = csv_rows::CsvRows::new(text, &file)?;
            let headers = rows.headers.clone();
            Ok(Opened::Table(TableInput { file, headers, rows: Rows::Csv(Box::new(rows)) }))
        }
    }
}

/// The whole text as one JSON value.
fn document(
    text: stream::Unpacked,
    file: &str,
) -> Result<(serde_json::Value, String), IngestError> {
    let (bytes, sha256) = text.read_whole(MOST_DOCUMENT_BYTES, file)?;
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
    let value = serde_json::from_slice(bytes).map_err(|error| {
        let reason = format!("not JSON: {} on line {}", json_rows::plain(&error), error.line());
        unreadable(file, reason, "the file is probably cut short: export it again")
    })?;
    Ok((value, sha256))
}

/// A list: rows where its entries are objects, else a document.
fn of_array(value: serde_json::Value, sha256: String, file: String) -> Opened {
    match value.as_array() {
        Some(items) if items.iter().any(serde_json::Value::is_object) => {
            let headers = json_rows::headers_of(items.iter().take(1000));
            Opened::Table(TableInput { file, headers, rows: Rows::JsonArray(value, sha256) })
        }
        _ => Opened::Document { value, sha256 },
    }
}

impl TableInput {
    fn parquet(file: String, input: ParquetInput) -> Opened {
        Opened::Table(TableInput {
            file,
            headers: input.headers.clone(),
            rows: Rows::Parquet(input),
        })
    }

    /// Rows that were made from a document.
    pub(super) fn ready(file: &str, table: RawTable, sha256: String) -> TableInput {
        let headers = table.headers.clone();
        TableInput { file: file.to_owned(), headers, rows: Rows::Ready(table, sha256) }
    }

    /// The object of a text that is one line, which may be a document rather than a row.
    pub(super) fn single(&self) -> Option<&serde_json::Value> {
        match &self.rows {
            Rows::JsonLines(lines) => lines.single(),
            _ => None,
        }
    }

    /// The first of several lines, which may be pages of one document.
    pub(super) fn pages(&self) -> Option<&serde_json::Value> {
        match &self.rows {
            Rows::JsonLines(lines) => lines.first(),
            _ => None,
        }
    }

    /// The list that the text is.
    pub(super) fn array(&self) -> Option<&serde_json::Value> {
        match &self.rows {
            Rows::JsonArray(list, _) => Some(list),
            _ => None,
        }
    }

    /// The one JSON value that this is, instead of rows.
    pub(super) fn into_document(self) -> Result<Opened, IngestError> {
        match self.rows {
            Rows::JsonArray(value, sha256) => Ok(Opened::Document { value, sha256 }),
            Rows::JsonLines(lines) => {
                let (value, sha256) = lines.into_document()?;
                Ok(Opened::Document { value, sha256 })
            }
            rows => Ok(Opened::Table(TableInput { rows, ..self })),
        }
    }

    /// Nobody asks for the hash of the file.
    pub(super) fn without_hash(mut self) -> TableInput {
        if let Rows::Parquet(input) = &mut self.rows {
            input.without_hash();
        }
        self
    }

    /// The pieces of a Parquet file, which can be read side by side.
    pub(super) fn pieces(&self) -> Option<&ParquetInput> {
        match &self.rows {
            Rows::Parquet(input) => Some(input),
            _ => None,
        }
    }

    /// Reads all rows in batches of at most `most_rows`, only the columns that `wants` names.
    pub(super) fn batches(
        self,
        wants: &dyn Fn(&str) -> bool,
        most_rows: usize,
        visit: &mut dyn FnMut(RawTable) -> Result<(), IngestError>,
    ) -> Result<FileFacts, IngestError> {
        let file = self.file.as_str();
        match self.rows {
            Rows::Csv(rows) => rows.batches(file, wants, most_rows, visit),
            Rows::JsonLines(lines) => lines.batches(file, wants, most_rows, visit),
            Rows::JsonArray(serde_json::Value::Array(items), sha256) => {
                json_rows::array(items, (file, sha256), wants, most_rows, visit)
            }
            Rows::JsonArray(..) => Err(IngestError::NoRows { file: file.to_owned() }),
            Rows::Parquet(input) => input.batches(file, wants, most_rows, visit),
            Rows::Ready(table, sha256) => {
                let facts = FileFacts {
                    rows_in: table.len() as u64,
                    rejected: Vec::new(),
                    sha256: Some(sha256),
                    headers: table.headers.clone(),
                };
                visit(table)?;
                Ok(facts)
            }
        }
    }

    /// Reads all rows as one table.
    pub(super) fn whole(
        self,
        wants: &dyn Fn(&str) -> bool,
    ) -> Result<(RawTable, FileFacts), IngestError> {
        let file = self.file.clone();
        let mut read = None;
        let facts = self.batches(wants, usize::MAX, &mut |table| {
            read = Some(table);
            Ok(())
        })?;
        match read {
            Some(table) if facts.rows_in > 0 => Ok((table, facts)),
            _ => Err(IngestError::NoRows { file }),
        }
    }
}

fn read_all(reader: &mut impl Read, source: &Source) -> Result<Vec<u8>, IngestError> {
    let mut bytes = Vec::new();
    reader.read_to_end(&mut bytes).map_err(|error| source.unreadable(&error))?;
    Ok(bytes)
}

fn too_large(most: u64, file: &str) -> IngestError {
    unreadable(
        file,
        format!("one JSON document of more than {} MiB cannot be read whole", most >> 20),
        "export it as JSON lines, one object per line, or in parts",
    )
}

fn unreadable(file: &str, reason: impl Into<String>, hint: &str) -> IngestError {
    IngestError::Unreadable { file: file.to_owned(), reason: reason.into(), hint: hint.to_owned() }
}

fn faulty(file: &str, row: u64, reason: String) -> Rejected {
    Rejected { file: file.to_owned(), row, column: None, reason, kind: RejectedKind::Faulty }
}
