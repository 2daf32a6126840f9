//! JSON objects as rows: one per line, or the entries of a list.

use std::io::{BufRead, Read};

use super::super::IngestError;
use super::flatten::flatten;
use super::stream::Unpacked;
use super::table::{MixedRows, RawTable};
use super::{FileFacts, MOST_DOCUMENT_BYTES, faulty, too_large, unreadable};

/// Lines that are looked at before the rows are read, to know the headers.
const FIRST_LINES: usize = 1000;

/// What to do about a text that was cut.
const CUT_SHORT: &str = "the file is probably cut short: export it again";

type Object = serde_json::Map<String, serde_json::Value>;

/// JSON lines whose first lines were looked at.
pub(super) struct JsonLines {
    pub(super) headers: Vec<String>,
    file: String,
    /// Lines taken already, with their numbers.
    first: Vec<(u64, Vec<u8>)>,
    /// The object of the first line.
    opening: Option<serde_json::Value>,
    text: Unpacked,
}

/// Whether a text that starts with `{` is one object per line rather than one document.
pub(super) fn is_lines(start: &[u8]) -> bool {
    let mut lines = start.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    let Some(first) = lines.find(|it| !it.is_empty()) else { return false };
    // A document spread over lines has its first line end in `{` or `,`; a line longer than what
    // was read so far can be an object of its own.
    first.ends_with(b"}")
        || !start.contains(&b'\n')
        || !matches!(first.last(), Some(b'{' | b',' | b'['))
}

/// Headers of the first entries: all paths, in the order of first sight.
pub(super) fn headers_of<'a>(items: impl Iterator<Item = &'a serde_json::Value>) -> Vec<String> {
    let mut rows = MixedRows::default();
    for item in items {
        if let serde_json::Value::Object(object) = item {
            rows.push(0, flatten(object.clone(), &|_| false));
        }
    }
    rows.finish().headers
}

impl JsonLines {
    /// Reads the first lines.
    pub(super) fn new(mut text: Unpacked, file: &str) -> Result<JsonLines, IngestError> {
        let mut first = Vec::new();
        let mut number = 0;
        while first.len() < FIRST_LINES {
            match next_line(&mut text, &mut number, file)? {
                Some(line) => first.push((number, line)),
                None => break,
            }
        }
        let objects: Vec<Object> = first.iter().filter_map(|(_, line)| object(line).ok()).collect();
        let mut rows = MixedRows::default();
        for object in &objects {
            rows.push(0, flatten(object.clone(), &|_| false));
        }
        let headers = rows.finish().headers;
        if objects.is_empty() {
            return Err(no_object(&first, file));
        }
        let opening = objects.into_iter().next().map(serde_json::Value::Object);
        Ok(JsonLines { headers, file: file.to_owned(), first, opening, text })
    }

    /// The object, where the text is one line.
    pub(super) fn single(&self) -> Option<&serde_json::Value> {
        self.opening.as_ref().filter(|_| self.first.len() == 1)
    }

    /// The object of the first of several lines.
    pub(super) fn first(&self) -> Option<&serde_json::Value> {
        self.opening.as_ref().filter(|_| self.first.len() > 1)
    }

    /// The one object, or the list of all, and the hash of the file.
    pub(super) fn into_document(mut self) -> Result<(serde_json::Value, String), IngestError> {
        let mut pages = Vec::new();
        let mut lines = std::mem::take(&mut self.first).into_iter();
        let mut number = 0;
        loop {
            let line = match lines.next() {
                Some((at, line)) => {
                    number = at;
                    line
                }
                None => match next_line(&mut self.text, &mut number, &self.file)? {
                    Some(line) => line,
                    None => break,
                },
            };
            pages.push(serde_json::Value::Object(object(&line).map_err(|error| {
                let reason = format!("line {number}: {}", no_object_in(&error));
                unreadable(&self.file, reason, CUT_SHORT)
            })?));
        }
        let sha256 = self.text.sha256(&self.file)?;
        let value = match pages.len() {
            1 => pages.swap_remove(0),
            _ => serde_json::Value::Array(pages),
        };
        Ok((value, sha256))
    }

    /// Reads the rows.
    pub(super) fn batches(
        mut self,
        file: &str,
        wants: &dyn Fn(&str) -> bool,
        most_rows: usize,
        visit: &mut dyn FnMut(RawTable) -> Result<(), IngestError>,
    ) -> Result<FileFacts, IngestError> {
        let (mut rows, mut rejected) = (MixedRows::default(), Vec::new());
        let (mut rows_in, mut number) = (0_u64, 0_u64);
        let mut first = std::mem::take(&mut self.first).into_iter();
        loop {
            let line = match first.next() {
                Some((at, line)) => {
                    number = at;
                    line
                }
                None => match next_line(&mut self.text, &mut number, file)? {
                    Some(line) => line,
                    None => break,
                },
            };
            rows_in += 1;
            match object(&line) {
                Ok(object) => {
                    rows.push(number, flatten(object, wants));
                }
                // The last line of a file that was cut short.
                Err(error) if error.is_eof() && !line.ends_with(b"\n") => {
                    let reason = format!("line {number}: {}", no_object_in(&error));
                    return Err(unreadable(file, reason, CUT_SHORT));
                }
                Err(error) => rejected.push(faulty(file, number, no_object_in(&error))),
            }
            if rows.len() >= most_rows {
                let table = std::mem::take(&mut rows).finish();
                note_headers(&mut self.headers, &table);
                visit(table)?;
            }
        }
        if rows.len() > 0 {
            let table = rows.finish();
            note_headers(&mut self.headers, &table);
            visit(table)?;
        }
        let sha256 = self.text.sha256(file)?;
        Ok(FileFacts { rows_in, rejected, sha256: Some(sha256), headers: self.headers })
    }
}

fn note_headers(headers: &mut Vec<String>, table: &RawTable) {
    for header in &table.headers {
        if !headers.contains(header) {
            headers.push(header.clone());
        }
    }
}

/// Reads the entries of a list.
pub(super) fn array(
    items: Vec<serde_json::Value>,
    (file, sha256): (&str, String),
    wants: &dyn Fn(&str) -> bool,
    most_rows: usize,
    visit: &mut dyn FnMut(RawTable) -> Result<(), IngestError>,
) -> Result<FileFacts, IngestError> {
    let (mut rows, mut rejected, mut headers) = (MixedRows::default(), Vec::new(), Vec::new());
    let rows_in = items.len() as u64;
    for (number, item) in (1_u64..).zip(items) {
        match item {
            serde_json::Value::Object(object) => rows.push(number, flatten(object, wants)),
            _ => rejected.push(faulty(file, number, "not a JSON object".to_owned())),
        }
        if rows.len() >= most_rows {
            let table = std::mem::take(&mut rows).finish();
            note_headers(&mut headers, &table);
            visit(table)?;
        }
    }
    if rows.len() > 0 {
        let table = rows.finish();
        note_headers(&mut headers, &table);
        visit(table)?;
    }
    Ok(FileFacts { rows_in, rejected, sha256: Some(sha256), headers })
}

/// Why a text has no object: one line that ends in the middle is a document that was cut short.
fn no_object(lines: &[(u64, Vec<u8>)], file: &str) -> IngestError {
    let only = match lines {
        [(_, line)] => serde_json::from_slice::<Object>(line).err(),
        _ => None,
    };
    match only.filter(serde_json::Error::is_eof) {
        Some(error) => unreadable(file, format!("not JSON: {}", plain(&error)), CUT_SHORT),
        None => unreadable(file, "no line is a JSON object", "write one JSON object per line"),
    }
}

/// The next line that is not blank, and its number.
fn next_line(
    text: &mut Unpacked,
    number: &mut u64,
    file: &str,
) -> Result<Option<Vec<u8>>, IngestError> {
    loop {
        let mut line = Vec::new();
        let mut room = text.take(MOST_DOCUMENT_BYTES + 1);
        let read = room.read_until(b'\n', &mut line).map_err(|error| {
            unreadable(file, error.to_string(), "the file is probably cut short: copy it again")
        })?;
        if read == 0 {
            return Ok(None);
        }
        if read as u64 > MOST_DOCUMENT_BYTES {
            return Err(too_large(MOST_DOCUMENT_BYTES, file));
        }
        *number += 1;
        if !line.iter().all(u8::is_ascii_whitespace) {
            return Ok(Some(line));
        }
    }
}

fn object(line: &[u8]) -> Result<Object, serde_json::Error> {
    serde_json::from_slice(line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line))
}

/// Why a line is no row.
fn no_object_in(error: &serde_json::Error) -> String {
    format!("not a JSON object: {}", plain(error))
}

/// What is wrong with JSON, by place only: its text may hold what must not be shown.
pub(super) fn plain(error: &serde_json::Error) -> String {
    let what = match error.classify() {
        serde_json::error::Category::Eof => "it ends too early",
        serde_json::error::Category::Syntax => "broken syntax",
        _ => "another kind of value",
    };
    format!("{what} at column {}", error.column())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_documents_are_told_apart() {
        for (text, expected) in [
            ("{\"a\":1}\n{\"a\":2}\n", true),
            ("{\"a\":1}", true),
            ("{\"a\":{\n", false),
            ("{\n \"a\": 1\n}", false),
            ("{\"a\": 1,\n\"b\": 2}", false),
            ("{\"a\": broken}\n{\"a\":2}\n", true),
        ] {
            assert_eq!(is_lines(text.as_bytes()), expected, "{text}");
        }
    }
}
