//! CSV by the `csv` crate rather than by polars: a row with too many or too few fields is a fault
//! of that row, and its number must be known.

use super::super::IngestError;
use super::stream::Unpacked;
use super::table::{Column, RawTable, RowNumbers, Texts};
use super::{FileFacts, faulty, unreadable};

/// What to do with bytes that end too early.
const CUT_SHORT: &str = "the file is probably cut short: copy it again";

/// A CSV file behind its header.
pub(super) struct CsvRows {
    pub(super) headers: Vec<String>,
    reader: csv::Reader<Unpacked>,
}

/// The batch that is being filled.
struct Batch {
    texts: Vec<Option<Texts>>,
    numbers: Vec<u64>,
}

impl CsvRows {
    /// Reads the header.
    pub(super) fn new(mut text: Unpacked, file: &str) -> Result<CsvRows, IngestError> {
        let head = text.head(file)?;
        let utf16 = head.starts_with(b"\xff\xfe") || head.starts_with(b"\xfe\xff");
        if utf16 || head.iter().take(4096).any(|byte| *byte == 0) {
            let reason = "this is neither text in UTF-8 nor Parquet";
            return Err(unreadable(file, reason, "save it as CSV in UTF-8"));
        }
        let delimiter = delimiter(head);
        let mut reader =
            csv::ReaderBuilder::new().flexible(true).delimiter(delimiter).from_reader(text);
        let headers = match reader.headers() {
            Ok(found) => found.iter().map(str::to_owned).collect::<Vec<_>>(),
            Err(error) if error.is_io_error() => {
                let reason = format!("the header cannot be read: {error}");
                return Err(unreadable(file, reason, CUT_SHORT));
            }
            Err(error) => {
                let reason = format!("the header cannot be read: {error}");
                return Err(unreadable(file, reason, "save it as CSV in UTF-8"));
            }
        };
        let headers = headers.into_iter().enumerate().map(|(at, it)| without_mark(at, it));
        Ok(CsvRows { headers: headers.collect(), reader })
    }

    /// Reads the rows.
    pub(super) fn batches(
        mut self,
        file: &str,
        wants: &dyn Fn(&str) -> bool,
        most_rows: usize,
        visit: &mut dyn FnMut(RawTable) -> Result<(), IngestError>,
    ) -> Result<FileFacts, IngestError> {
        let wanted: Vec<bool> = self.headers.iter().map(|it| wants(it)).collect();
        let mut batch = Batch::new(&wanted);
        let (mut rejected, mut rows_in, mut n_batches) = (Vec::new(), 0_u64, 0);
        let mut record = csv::ByteRecord::new();
        loop {
            let read = self.reader.read_byte_record(&mut record);
            let cut_short = |error: csv::Error| {
                let reason = format!("cannot be read after row {rows_in}: {error}");
                unreadable(file, reason, CUT_SHORT)
            };
            if !read.map_err(cut_short)? {
                break;
            }
            rows_in += 1;
            let is_short = record.len() < self.headers.len();
            match batch.push(&mut record, self.headers.len(), rows_in) {
                Ok(()) if batch.numbers.len() >= most_rows => {
                    n_batches += 1;
                    visit(std::mem::replace(&mut batch, Batch::new(&wanted)).table(&self.headers))?;
                }
                Ok(()) => {}
                // The last row of a file that was cut short.
                Err(reason) if is_short && self.reader.get_ref().ended_in_a_line() => {
                    let reason = format!("row {rows_in}, the last: {reason}");
                    return Err(unreadable(file, reason, CUT_SHORT));
                }
                Err(reason) => rejected.push(faulty(file, rows_in, reason)),
            }
        }
        if !batch.numbers.is_empty() || n_batches == 0 {
            visit(batch.table(&self.headers))?;
        }
        let sha256 = self.reader.into_inner().sha256(file)?;
        Ok(FileFacts { rows_in, rejected, sha256: Some(sha256), headers: self.headers })
    }
}

/// The first header without a byte order mark.
fn without_mark(at: usize, header: String) -> String {
    match header.strip_prefix('\u{feff}') {
        Some(rest) if at == 0 => rest.trim_matches('"').to_owned(),
        _ => header,
    }
}

/// A semicolon or a tab where the header has more of them than of commas, as exports of some
/// locales have.
fn delimiter(head: &[u8]) -> u8 {
    let line = head.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let count = |delimiter: u8| line.split(|byte| *byte == delimiter).count();
    let commas = count(b',');
    [b';', b'\t'].into_iter().find(|it| count(*it) > commas).unwrap_or(b',')
}

impl Batch {
    fn new(wanted: &[bool]) -> Batch {
        let texts = wanted.iter().map(|it| it.then(Texts::default)).collect();
        Batch { texts, numbers: Vec::new() }
    }

    fn push(
        &mut self,
        record: &mut csv::ByteRecord,
        n_headers: usize,
        number: u64,
    ) -> Result<(), String> {
        if record.len() != n_headers {
            return Err(format!(
                "the row has {} fields, but the header has {n_headers}",
                record.len()
            ));
        }
        let text = csv::StringRecord::from_byte_record(std::mem::take(record))
            .map_err(|_| "the row is not text in UTF-8".to_owned())?;
        for (column, cell) in self.texts.iter_mut().zip(&text) {
            if let Some(column) = column {
                column.push(cell);
            }
        }
        self.numbers.push(number);
        *record = text.into_byte_record();
        Ok(())
    }

    fn table(self, headers: &[String]) -> RawTable {
        let columns = self.texts.into_iter().map(|it| match it {
            Some(texts) => Column::Text(texts),
            None => Column::Other("not read".to_owned()),
        });
        RawTable::new(headers.to_vec(), columns.collect(), RowNumbers::List(self.numbers))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delimiters() {
        assert_eq!(delimiter(b"a,b;c,d\n1;2;3;4"), b',');
        assert_eq!(delimiter(b"a;b;c,d\n"), b';');
        assert_eq!(delimiter(b"a\tb\n"), b'\t');
        assert_eq!(delimiter(b"alone\n"), b',');
    }
}
