//! A file as columns of cells, whatever it was written as, and what its columns make of it.

use std::io::{Cursor, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};

use polars::prelude::*;
use sha2::{Digest, Sha256};

use super::cell::Cell;
use super::rejected::{Rejected, RejectedKind};
use super::{IngestError, Source};
use crate::usage::schema;

/// Most headers an error message lists.
const MAX_HEADERS_SHOWN: usize = 20;

/// Columns of the foreign request logs.
const OTHER_FORMATS: &[&str] =
    &["contexttokens", "generatedtokens", "input_length", "output_length"];

/// A file read whole.
pub(super) struct RawTable {
    /// Headers as the file has them.
    pub(super) headers: Vec<String>,
    columns: Vec<RawColumn>,
    /// Row number in the file of each row here.
    row_numbers: Vec<u64>,
    /// Rows in the file, those refused here included.
    pub(super) rows_in: u64,
    /// Rows that were no rows: too many fields, broken JSON.
    pub(super) rejected: Vec<Rejected>,
    /// SHA-256 of the bytes of the file.
    pub(super) sha256: String,
}

/// A column with the type the file gives it.
enum RawColumn {
    Text(StringChunked),
    Float(Float64Chunked),
    Int(Int64Chunked),
    UInt(UInt64Chunked),
    Decimal(Int128Chunked, usize),
    Time(Int64Chunked, bool),
    Bool(BooleanChunked),
    /// A list, a struct or another type that no column of ours has.
    Other(String),
}

impl RawTable {
    /// Rows that can be read.
    pub(super) fn len(&self) -> usize {
        self.row_numbers.len()
    }

    /// The number of a row in its file.
    pub(super) fn row_number(&self, row: usize) -> u64 {
        self.row_numbers.get(row).copied().unwrap_or(0)
    }

    /// A cell.
    pub(super) fn cell(&self, column: usize, row: usize) -> Cell<'_> {
        let found = match self.columns.get(column) {
            Some(RawColumn::Text(it)) => it.get(row).map(Cell::Text),
            Some(RawColumn::Float(it)) => it.get(row).map(Cell::Float),
            Some(RawColumn::Int(it)) => it.get(row).map(|value| Cell::Int(value.into())),
            Some(RawColumn::UInt(it)) => it.get(row).map(|value| Cell::Int(value.into())),
            Some(RawColumn::Decimal(it, scale)) => {
                it.get(row).map(|value| Cell::Decimal(value, *scale))
            }
            Some(RawColumn::Time(it, aware)) => it.get(row).map(|us| Cell::Time(us, *aware)),
            Some(RawColumn::Bool(it)) => it.get(row).map(Cell::Bool),
            Some(RawColumn::Other(_)) | None => None,
        };
        found.unwrap_or(Cell::Null)
    }

    /// Fails when the type of a column can hold no value of ours at all.
    pub(super) fn check_type(&self, column: usize, file: &str) -> Result<(), IngestError> {
        match (self.columns.get(column), self.headers.get(column)) {
            (Some(RawColumn::Other(found)), Some(header)) => Err(IngestError::WrongType {
                file: file.to_owned(),
                column: header.clone(),
                found: found.clone(),
                expected: "single value",
            }),
            _ => Ok(()),
        }
    }

    fn find(&self, name: &str) -> Option<usize> {
        self.headers.iter().position(|it| schema::normalized(it) == name)
    }
}

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// The canonical usage table.
    Usage,
    /// One row per request.
    Requests(RequestFormat),
}

/// The request logs that are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RequestFormat {
    /// `timestamp, prompt_tokens, completion_tokens`.
    Generic,
    /// Azure LLM inference trace: `TIMESTAMP, ContextTokens, GeneratedTokens`.
    AzureLlm,
    /// Mooncake: milliseconds from the start, `input_length, output_length`.
    Mooncake,
}

impl Format {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Format::Usage => "usage table",
            Format::Requests(RequestFormat::Generic) => "request log",
            Format::Requests(RequestFormat::AzureLlm) => "Azure LLM trace",
            Format::Requests(RequestFormat::Mooncake) => "Mooncake trace",
        }
    }
}

/// Tells a file's format by its columns.
pub(super) fn detect(table: &RawTable, file: &str) -> Result<Format, IngestError> {
    let has = |name: &str| table.find(name).is_some();
    if has("contexttokens") && has("generatedtokens") && has("timestamp") {
        return Ok(Format::Requests(RequestFormat::AzureLlm));
    }
    if has("input_length") && has("output_length") && has("timestamp") {
        return Ok(Format::Requests(RequestFormat::Mooncake));
    }
    let known: Vec<&str> =
        table.headers.iter().filter_map(|it| schema::find(it)).map(|it| it.name).collect();
    let has_time = known.contains(&schema::PERIOD_START);
    let has_cost = has(schema::COST);
    let is_usage = has_cost
        || known.iter().any(|name| {
            !matches!(
                *name,
                schema::PERIOD_START
                    | schema::WORKLOAD
                    | schema::PROMPT_TOKENS
                    | schema::COMPLETION_TOKENS
                    | "model"
            )
        });
    let is_log = known.contains(&schema::PROMPT_TOKENS)
        || known.contains(&schema::COMPLETION_TOKENS)
        || schema::REQUEST_LOG_COLUMNS.iter().any(|name| has(name));
    match (has_time, is_usage, is_log) {
        (true, true, _) => Ok(Format::Usage),
        (true, false, true) => Ok(Format::Requests(RequestFormat::Generic)),
        (false, true, _) if known.len() > 1 => Err(IngestError::MissingColumn {
            file: file.to_owned(),
            column: schema::PERIOD_START,
            hint: "name the start of each period `period_start` (or timestamp, ts, time, date)"
                .to_owned(),
        }),
        _ => {
            let mut columns: Vec<String> = table
                .headers
                .iter()
                .take(MAX_HEADERS_SHOWN)
                .map(|it| super::rejected::excerpt(it))
                .collect();
            if table.headers.len() > MAX_HEADERS_SHOWN {
                columns.push(format!("and {} more", table.headers.len() - MAX_HEADERS_SHOWN));
            }
            Err(IngestError::UnknownFormat { file: file.to_owned(), columns: columns.join(", ") })
        }
    }
}

/// Reads a source, whatever it was written as.
pub(super) fn read(source: &Source) -> Result<RawTable, IngestError> {
    let file = source.name();
    let bytes = source.bytes()?;
    if bytes.is_empty() {
        return Err(IngestError::Empty { file: file.to_owned() });
    }
    let sha256 = Sha256::digest(&bytes).iter().fold(String::new(), |mut hex, byte| {
        use std::fmt::Write;
        // Writing to a String cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    });
    let bytes = decompress(bytes, file)?;
    let extension = source.extension();
    let mut table = if bytes.starts_with(b"PAR1") {
        read_parquet(bytes, file)?
    } else if bytes.starts_with(b"PK\x03\x04") {
        return Err(unreadable(
            file,
            "this is an Excel workbook or a ZIP archive",
            "save the sheet as CSV, or unpack the archive",
        ));
    } else if extension.as_deref() == Some("parquet") {
        return Err(unreadable(
            file,
            "the name says Parquet, but the content does not start as Parquet does",
            "export it again, or rename it to what it is",
        ));
    } else if first_character(&bytes) == Some(b'{') {
        read_json_lines(&bytes, file)?
    } else if first_character(&bytes) == Some(b'[') {
        return Err(unreadable(
            file,
            "a JSON array is none of the known formats",
            "write one JSON object per line",
        ));
    } else {
        read_csv(&bytes, file)?
    };
    table.sha256 = sha256;
    if table.rows_in == 0 {
        return Err(IngestError::NoRows { file: file.to_owned() });
    }
    Ok(table)
}

fn unreadable(file: &str, reason: impl Into<String>, hint: &str) -> IngestError {
    IngestError::Unreadable { file: file.to_owned(), reason: reason.into(), hint: hint.to_owned() }
}

fn first_character(bytes: &[u8]) -> Option<u8> {
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    text.iter().copied().find(|byte| !byte.is_ascii_whitespace())
}

/// Unpacks gzip and zstd by their first bytes, whatever the name says.
fn decompress(bytes: Vec<u8>, file: &str) -> Result<Vec<u8>, IngestError> {
    let mut unpacked = Vec::new();
    let result = if bytes.starts_with(b"\x1f\x8b") {
        flate2::read::MultiGzDecoder::new(bytes.as_slice()).read_to_end(&mut unpacked)
    } else if bytes.starts_with(b"\x28\xb5\x2f\xfd") {
        zstd::stream::read::Decoder::new(bytes.as_slice())
            .and_then(|mut decoder| decoder.read_to_end(&mut unpacked))
    } else {
        return Ok(bytes);
    };
    match result {
        Ok(0) => Err(IngestError::Empty { file: file.to_owned() }),
        Ok(_) => Ok(unpacked),
        Err(error) => Err(unreadable(
            file,
            format!("cannot be unpacked: {error}"),
            "the file is probably cut short: copy it again",
        )),
    }
}

fn read_parquet(bytes: Vec<u8>, file: &str) -> Result<RawTable, IngestError> {
    let hint = "the file is probably cut short or damaged: copy or export it again";
    // A damaged file must not end the program, whatever the decoder does with it.
    let read = catch_unwind(AssertUnwindSafe(|| {
        let mut reader = ParquetReader::new(Cursor::new(bytes));
        let headers: Vec<String> = reader.schema()?.iter_names().map(ToString::to_string).collect();
        // Columns of no meaning are not decoded, so their types cannot matter.
        let wanted = headers.iter().filter(|it| is_mapped(it)).cloned().collect();
        let rows = reader.num_rows()?;
        let frame = reader.with_columns(Some(wanted)).finish()?;
        PolarsResult::Ok((headers, rows as u64, frame))
    }));
    let (headers, rows, frame) = match read {
        Ok(Ok(read)) => read,
        Ok(Err(error)) => return Err(unreadable(file, first_line(&error.to_string()), hint)),
        Err(_) => return Err(unreadable(file, "the Parquet data cannot be decoded", hint)),
    };
    let column = |header: &String| match frame.column(header) {
        Ok(column) => typed(column),
        Err(_) => Ok(RawColumn::Other("not read".to_owned())),
    };
    let columns = headers
        .iter()
        .map(|it| {
            column(it).map_err(|error| unreadable(file, first_line(&error.to_string()), hint))
        })
        .collect::<Result<_, _>>()?;
    Ok(RawTable {
        headers,
        columns,
        row_numbers: (1..=rows).collect(),
        rows_in: rows,
        rejected: Vec::new(),
        sha256: String::new(),
    })
}

/// Whether any format has a use for a column.
fn is_mapped(header: &str) -> bool {
    let name = schema::normalized(header);
    schema::find(header).is_some()
        || name == schema::COST
        || schema::REQUEST_LOG_COLUMNS.contains(&name.as_str())
        || OTHER_FORMATS.contains(&name.as_str())
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}

/// A polars column as one of the types that cells have.
fn typed(column: &Column) -> PolarsResult<RawColumn> {
    let series = column.as_materialized_series();
    Ok(match series.dtype() {
        DataType::String => RawColumn::Text(series.str()?.rechunk().into_owned()),
        DataType::Categorical(..) | DataType::Enum(..) => {
            RawColumn::Text(series.cast(&DataType::String)?.str()?.rechunk().into_owned())
        }
        DataType::Null => {
            RawColumn::Text(StringChunked::full_null(series.name().clone(), series.len()))
        }
        DataType::Float32 => {
            // By the shortest decimal form: 0.1f32 is 0.1, not 0.10000000149.
            let values = series
                .f32()?
                .iter()
                .map(|it| it.map(|value| value.to_string().parse().unwrap_or(f64::from(value))));
            RawColumn::Float(values.collect())
        }
        DataType::Float64 => RawColumn::Float(series.f64()?.rechunk().into_owned()),
        DataType::Decimal(_, scale) => {
            RawColumn::Decimal(series.decimal()?.physical().rechunk().into_owned(), *scale)
        }
        DataType::Datetime(_, zone) => {
            let cast = series.cast(&DataType::Datetime(TimeUnit::Microseconds, zone.clone()))?;
            RawColumn::Time(cast.datetime()?.physical().rechunk().into_owned(), zone.is_some())
        }
        DataType::Date => {
            let cast = series.cast(&DataType::Datetime(TimeUnit::Microseconds, None))?;
            RawColumn::Time(cast.datetime()?.physical().rechunk().into_owned(), false)
        }
        DataType::Boolean => RawColumn::Bool(series.bool()?.rechunk().into_owned()),
        DataType::UInt64 => RawColumn::UInt(series.u64()?.rechunk().into_owned()),
        other if other.is_integer() => {
            RawColumn::Int(series.cast(&DataType::Int64)?.i64()?.rechunk().into_owned())
        }
        other => RawColumn::Other(other.to_string()),
    })
}

/// CSV by the `csv` crate rather than by polars, because a row with too many or too few fields is
/// a fault of that row, and its number must be known.
fn read_csv(bytes: &[u8], file: &str) -> Result<RawTable, IngestError> {
    let utf16 = bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff");
    if utf16 || bytes.iter().take(4096).any(|byte| *byte == 0) {
        return Err(unreadable(
            file,
            "this is neither text in UTF-8 nor Parquet",
            "save it as CSV in UTF-8",
        ));
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(bytes);
    let headers: Vec<String> = match reader.headers() {
        Ok(found) => found.iter().map(str::to_owned).collect(),
        Err(error) => {
            return Err(unreadable(
                file,
                format!("the header cannot be read: {error}"),
                "save it as CSV in UTF-8",
            ));
        }
    };
    let mut columns: Vec<StringChunkedBuilder> =
        headers.iter().map(|it| StringChunkedBuilder::new(it.as_str().into(), 1024)).collect();
    let (mut row_numbers, mut rejected, mut rows_in) = (Vec::new(), Vec::new(), 0_u64);
    let mut record = csv::ByteRecord::new();
    while reader
        .read_byte_record(&mut record)
        .map_err(|error| unreadable(file, error.to_string(), "check the file"))?
    {
        rows_in += 1;
        let fault = if record.len() == headers.len() {
            match csv::StringRecord::from_byte_record(std::mem::take(&mut record)) {
                Ok(text) => {
                    for (column, cell) in columns.iter_mut().zip(&text) {
                        column.append_value(cell);
                    }
                    row_numbers.push(rows_in);
                    record = text.into_byte_record();
                    continue;
                }
                Err(_) => "the row is not text in UTF-8".to_owned(),
            }
        } else {
            format!("the row has {} fields, but the header has {}", record.len(), headers.len())
        };
        rejected.push(faulty(file, rows_in, fault));
    }
    let columns = columns.into_iter().map(|it| RawColumn::Text(it.finish())).collect();
    Ok(RawTable { headers, columns, row_numbers, rows_in, rejected, sha256: String::new() })
}

fn faulty(file: &str, row: u64, reason: String) -> Rejected {
    Rejected { file: file.to_owned(), row, column: None, reason, kind: RejectedKind::Faulty }
}

/// One JSON object a line; only values that are not lists or objects become cells.
fn read_json_lines(bytes: &[u8], file: &str) -> Result<RawTable, IngestError> {
    let mut headers: Vec<String> = Vec::new();
    let mut columns: Vec<Vec<Option<String>>> = Vec::new();
    let mut index: std::collections::BTreeMap<String, usize> = std::collections::BTreeMap::new();
    let (mut row_numbers, mut rejected, mut rows_in) = (Vec::new(), Vec::new(), 0_u64);
    for (line_number, line) in (1_u64..).zip(bytes.split(|byte| *byte == b'\n')) {
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        rows_in += 1;
        let object =
            match serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(line) {
                Ok(object) => object,
                Err(error) => {
                    rejected.push(faulty(
                        file,
                        line_number,
                        format!("not a JSON object: {}", plain(&error)),
                    ));
                    continue;
                }
            };
        for (key, value) in object {
            let at = *index.entry(key.clone()).or_insert_with(|| {
                headers.push(key);
                columns.push(vec![None; row_numbers.len()]);
                columns.len() - 1
            });
            let text = match value {
                serde_json::Value::String(text) => Some(text),
                serde_json::Value::Number(number) => Some(number.to_string()),
                serde_json::Value::Bool(truth) => Some(truth.to_string()),
                _ => None,
            };
            columns[at].resize(row_numbers.len(), None);
            columns[at].push(text);
        }
        row_numbers.push(line_number);
    }
    let rows = row_numbers.len();
    let columns = columns
        .into_iter()
        .map(|mut cells| {
            cells.resize(rows, None);
            RawColumn::Text(cells.into_iter().collect())
        })
        .collect();
    if rows == 0 && rows_in > 0 {
        return Err(unreadable(file, "no line is a JSON object", "write one JSON object per line"));
    }
    Ok(RawTable { headers, columns, row_numbers, rows_in, rejected, sha256: String::new() })
}

/// What is wrong with JSON, by place only: its text may hold what must not be shown.
fn plain(error: &serde_json::Error) -> String {
    let what = match error.classify() {
        serde_json::error::Category::Eof => "it ends too early",
        serde_json::error::Category::Syntax => "broken syntax",
        _ => "another kind of value",
    };
    format!("{what} at column {}", error.column())
}
