//! The file of the table.

use std::io::Write;

use polars_parquet::parquet::FallibleStreamingIterator;
use polars_parquet::parquet::compression::{CompressionOptions, ZstdLevel};
use polars_parquet::parquet::error::{ParquetError, ParquetResult};
use polars_parquet::parquet::metadata::{KeyValue, SchemaDescriptor};
use polars_parquet::parquet::page::CompressedPage;
use polars_parquet::parquet::write::{
    DynIter, DynStreamingIterator, FileWriter, Version, WriteOptions,
};

use super::RollupError;
use super::encode::Encoded;

/// The columns, in the order in which they are written; those behind the sums of tokens are left out
/// of a simple table.
const COLUMNS: [&str; 19] = [
    "REQUIRED INT64 minute (TIMESTAMP(MICROS,true));",
    "REQUIRED BYTE_ARRAY workload (UTF8);",
    "REQUIRED INT64 requests;",
    "OPTIONAL INT64 errors;",
    "REQUIRED INT64 requests_with_tokens;",
    "OPTIONAL INT64 prompt_tokens;",
    "OPTIONAL INT64 completion_tokens;",
    "OPTIONAL INT64 prompt_tokens_sq;",
    "OPTIONAL INT64 completion_tokens_sq;",
    "REQUIRED INT64 first_arrival (TIMESTAMP(MICROS,true));",
    "REQUIRED INT64 last_arrival (TIMESTAMP(MICROS,true));",
    "OPTIONAL INT64 gap_sum_us;",
    "OPTIONAL INT64 gap_sum_sq_us2;",
    "OPTIONAL INT64 nonempty_seconds;",
    "OPTIONAL INT64 second_requests_sq;",
    "OPTIONAL INT64 first_second_requests;",
    "OPTIONAL INT64 last_second_requests;",
    "REQUIRED group prompt_histogram (LIST) { REPEATED group list { REQUIRED group element {
       REQUIRED INT32 bucket; REQUIRED INT64 n; } } }",
    "REQUIRED group completion_histogram (LIST) { REPEATED group list { REQUIRED group element {
       REQUIRED INT32 bucket; REQUIRED INT64 n; } } }",
];
/// How many of them a simple table has.
const SIMPLE: usize = 7;

/// The schema of the table.
pub(super) fn schema(full: bool) -> ParquetResult<SchemaDescriptor> {
    let columns = if full { COLUMNS.as_slice() } else { &COLUMNS[..SIMPLE] };
    SchemaDescriptor::try_from_message(&format!("message rollup {{ {} }}", columns.join("\n")))
}

/// How pages are packed that are not differences: the fastest level of zstd, which more would make little smaller.
pub(super) fn compression() -> CompressionOptions {
    CompressionOptions::Zstd(ZstdLevel::try_new(1).ok())
}

/// A table that is being written.
pub(super) struct Table<W: Write> {
    writer: FileWriter<W>,
    /// Rows so far.
    pub(super) rows: u64,
}

impl<W: Write> Table<W> {
    /// Begins it.
    pub(super) fn new(writer: W, schema: SchemaDescriptor) -> Table<W> {
        let options = WriteOptions { write_statistics: false, version: Version::V1 };
        let made_by = Some("gpuadvise rollup".to_owned());
        Table { writer: FileWriter::new(writer, schema, options, made_by), rows: 0 }
    }

    /// Writes a row group.
    pub(super) fn write(&mut self, group: Encoded) -> Result<(), RollupError> {
        let columns = group.columns.into_iter().map(|pages| {
            let pages = Pages { rest: pages.into_iter(), page: None };
            Ok::<_, ParquetError>(DynStreamingIterator::new(pages))
        });
        self.rows += group.rows as u64;
        self.writer.write(group.rows as u64, DynIter::new(columns)).map_err(|it| failed(&it))
    }

    /// Ends it.
    pub(super) fn end(mut self) -> Result<W, RollupError> {
        let about = KeyValue { key: "gpuadvise.rollup".to_owned(), value: Some("1".to_owned()) };
        self.writer.end(Some(vec![about])).map_err(|it| failed(&it))?;
        Ok(self.writer.into_inner())
    }
}

fn failed(error: &ParquetError) -> RollupError {
    RollupError::Write { what: "the table", source: std::io::Error::other(error.to_string()) }
}

struct Pages {
    rest: std::vec::IntoIter<CompressedPage>,
    page: Option<CompressedPage>,
}

impl FallibleStreamingIterator for Pages {
    type Item = CompressedPage;
    type Error = ParquetError;

    fn advance(&mut self) -> Result<(), ParquetError> {
        self.page = self.rest.next();
        Ok(())
    }

    fn get(&self) -> Option<&CompressedPage> {
        self.page.as_ref()
    }
}
