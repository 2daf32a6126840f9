//! Parquet by polars, one piece of a row group at a time, with repeated texts as codes.

use std::fs::File;
use std::io::{Cursor, Read, Seek, SeekFrom};
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use foldhash::fast::FixedState;
use indexmap::IndexMap;
use polars::io::mmap::MmapBytesReader;
use polars::io::parquet::metadata::FileMetadataRef;
use polars::prelude::*;
use sha2::{Digest, Sha256};

use super::super::IngestError;
use super::pages;
use super::plain::{PlainHeaders, PlainRows};
use super::stream::hex;
use super::table::{Coded, Column, RawTable, RowNumbers, Texts};
use super::{FileFacts, unreadable};

/// Most rows of one piece: what is in memory of a file per thread.
const MOST_PIECE_ROWS: usize = 1 << 18;
/// What to do with a file that cannot be decoded.
const HINT: &str = "the file is probably cut short or damaged: copy or export it again";
/// Rows after which a column of texts counts as one that does not repeat, if half of them differ.
const PROBE: usize = 2000;

/// Where the bytes are.
#[derive(Clone)]
enum Bytes {
    Path(PathBuf),
    Memory(Arc<Vec<u8>>),
}

impl Bytes {
    /// A part of them; nothing where it cannot be read.
    fn range(&self, file: Option<&mut File>, range: Range<u64>) -> Option<Vec<u8>> {
        let len = usize::try_from(range.end.checked_sub(range.start)?).ok()?;
        match (self, file) {
            (Bytes::Memory(bytes), _) => {
                let start = usize::try_from(range.start).ok()?;
                bytes.get(start..start.checked_add(len)?).map(<[u8]>::to_vec)
            }
            (Bytes::Path(_), Some(file)) => {
                let mut bytes = Vec::with_capacity(len);
                file.seek(SeekFrom::Start(range.start)).ok()?;
                let read = file.take(range.end - range.start).read_to_end(&mut bytes).ok()?;
                (read == len).then_some(bytes)
            }
            (Bytes::Path(_), None) => None,
        }
    }
}

/// A Parquet file whose metadata was read.
pub(in crate::ingest) struct ParquetInput {
    bytes: Bytes,
    sha256: Option<String>,
    /// Whether the hash is made where it is not known.
    is_hashed: bool,
    metadata: Option<FileMetadataRef>,
    file: String,
    /// Headers; of a struct the paths of its fields.
    pub(in crate::ingest) headers: Vec<String>,
    /// The top-level column of each header.
    tops: Vec<String>,
    /// How the column of each header can be read by its pages, if it can.
    kinds: Vec<Option<pages::Kind>>,
    /// The rows, as they can be read side by side.
    pub(in crate::ingest) pieces: Vec<Piece>,
}

/// Rows that stand together in a file.
#[derive(Clone, Debug)]
pub(in crate::ingest) struct Piece {
    /// Those of the file.
    rows: Range<usize>,
    /// The row group that holds them all, and the row of the file that it begins with.
    group: Option<(usize, usize)>,
}

impl Piece {
    /// How many rows it has.
    pub(in crate::ingest) fn n_rows(&self) -> usize {
        self.rows.len()
    }

    /// The first of its rows.
    pub(in crate::ingest) fn head(&self, most: usize) -> Piece {
        self.parts(most.max(1)).next().unwrap_or_else(|| self.clone())
    }

    /// Parts of it of at most so many rows.
    pub(super) fn parts(&self, most: usize) -> impl Iterator<Item = Piece> {
        let (end, group) = (self.rows.end, self.group);
        self.rows
            .clone()
            .step_by(most)
            .map(move |start| Piece { rows: start..end.min(start + most), group })
    }
}

impl ParquetInput {
    pub(super) fn of_path(path: &Path) -> ParquetInput {
        ParquetInput::of(Bytes::Path(path.to_owned()))
    }

    pub(super) fn of_bytes(bytes: Vec<u8>) -> ParquetInput {
        ParquetInput::of(Bytes::Memory(Arc::new(bytes)))
    }

    fn of(bytes: Bytes) -> ParquetInput {
        ParquetInput {
            bytes,
            sha256: None,
            is_hashed: true,
            metadata: None,
            file: String::new(),
            headers: Vec::new(),
            tops: Vec::new(),
            kinds: Vec::new(),
            pieces: Vec::new(),
        }
    }

    /// Where the file was packed: the hash of what was there.
    pub(super) fn with_sha256(self, sha256: String) -> ParquetInput {
        ParquetInput { sha256: Some(sha256), ..self }
    }

    /// Reads the metadata.
    pub(super) fn open(mut self, file: &str) -> Result<ParquetInput, IngestError> {
        file.clone_into(&mut self.file);
        let read = self.decode(|mut reader| {
            let schema = reader.schema()?;
            let metadata = reader.get_metadata()?.clone();
            Ok((schema, metadata))
        })?;
        let (schema, metadata) = read;
        for field in schema.iter_values() {
            let top = field.name.to_string();
            // Some formats take such a column whole: tags with a field for each key.
            if matches!(field.dtype, ArrowDataType::Struct(_)) {
                self.headers.push(top.clone());
                self.tops.push(top.clone());
                self.kinds.push(None);
            }
            expand(&top, &field.dtype, &mut |path| {
                self.headers.push(path);
                self.tops.push(top.clone());
                self.kinds.push(kind_of(&field.dtype));
            });
        }
        let mut first = 0;
        for (at, group) in metadata.row_groups.iter().enumerate() {
            let rows = first..first + group.num_rows();
            first = rows.end;
            let whole = Piece { group: Some((at, rows.start)), rows };
            self.pieces.extend(whole.parts(MOST_PIECE_ROWS));
        }
        self.metadata = Some(metadata);
        Ok(self)
    }

    /// Rows of the file.
    pub(in crate::ingest) fn rows(&self) -> u64 {
        self.pieces.iter().map(|it| it.rows.len() as u64).sum()
    }

    /// Nobody asks for the hash: a second look at all bytes is spared.
    pub(super) fn without_hash(&mut self) {
        self.is_hashed = false;
    }

    /// The hash of the file, where it is asked for.
    pub(in crate::ingest) fn sha256(&self) -> Result<Option<String>, IngestError> {
        if self.sha256.is_some() || !self.is_hashed {
            return Ok(self.sha256.clone());
        }
        let mut hash = Sha256::new();
        match &self.bytes {
            Bytes::Memory(bytes) => hash.update(bytes.as_slice()),
            Bytes::Path(path) => {
                let copied = File::open(path)
                    .and_then(|mut file| std::io::copy(&mut file, &mut HashInto(&mut hash)));
                copied
                    .map_err(|error| unreadable(&self.file, error.to_string(), "check the file"))?;
            }
        }
        Ok(Some(hex(&hash)))
    }

    /// Reads a piece, only the columns that `wants` names.
    pub(in crate::ingest) fn piece(
        &self,
        piece: &Piece,
        wants: &dyn Fn(&str) -> bool,
    ) -> Result<RawTable, IngestError> {
        let mut by_pages = self.by_pages(piece, wants);
        let is_open = |at: usize| by_pages.get(at).is_none_or(Option::is_none);
        let mut wanted: Vec<String> = (0..self.headers.len())
            .filter(|at| is_open(*at) && wants(&self.headers[*at]))
            .map(|at| self.tops[at].clone())
            .collect();
        wanted.dedup();
        let frame = if wanted.is_empty() { None } else { Some(self.frame(piece, &wanted)?) };
        let columns = self
            .headers
            .iter()
            .zip(&self.tops)
            .enumerate()
            .map(|(at, (header, top))| {
                if let Some(column) = by_pages.get_mut(at).and_then(Option::take) {
                    return Ok(column);
                }
                let found =
                    frame.as_ref().filter(|_| wants(header)).and_then(|it| it.column(top).ok());
                let Some(column) = found else { return Ok(Column::Other("not read".to_owned())) };
                self.typed(column, header, top)
            })
            .collect::<Result<Vec<_>, _>>()?;
        let rows = RowNumbers::From(piece.rows.start as u64 + 1, piece.rows.len());
        Ok(RawTable::new(self.headers.clone(), columns, rows))
    }

    /// Columns as polars reads them; an error names the column where one alone is at fault.
    fn frame(&self, piece: &Piece, columns: &[String]) -> Result<DataFrame, IngestError> {
        let read = |columns: &[String]| {
            self.decode(|reader| {
                reader
                    .with_columns(Some(columns.to_vec()))
                    .with_slice(Some((piece.rows.start, piece.rows.len())))
                    .read_parallel(ParallelStrategy::None)
                    .finish()
            })
        };
        let error = match read(columns) {
            Err(error) if columns.len() > 1 => error,
            done => return done,
        };
        let faulty = |it: &&String| read(std::slice::from_ref(it)).is_err();
        let mut faulty = columns.iter().filter(faulty);
        match (faulty.next(), faulty.next()) {
            (Some(column), None) => {
                let reason = format!("the column `{column}` cannot be decoded");
                let hint = "the file is damaged, or the column is of a kind that is not read: export it again, or \
                            that column as text";
                Err(unreadable(&self.file, reason, hint))
            }
            _ => Err(error),
        }
    }

    /// The columns that can be read by their pages; nothing for the others.
    pub(super) fn by_pages(
        &self,
        piece: &Piece,
        wants: &dyn Fn(&str) -> bool,
    ) -> Vec<Option<Column>> {
        let (Some((group, first)), Some(metadata)) = (piece.group, &self.metadata) else {
            return Vec::new();
        };
        let Some(group) = metadata.row_groups.get(group) else { return Vec::new() };
        let rows = piece.rows.start - first..piece.rows.end - first;
        let mut file = match &self.bytes {
            Bytes::Path(path) => File::open(path).ok(),
            Bytes::Memory(_) => None,
        };
        let mut column = |at: usize| {
            let kind = (*self.kinds.get(at)?).filter(|_| wants(&self.headers[at]))?;
            let chunk = group.columns_under_root_iter(self.tops.get(at)?)?.next()?;
            let bytes = self.bytes.range(file.as_mut(), chunk.byte_range())?;
            // Whatever a damaged page does to the decoder, polars says what is wrong with it.
            let read = AssertUnwindSafe(|| pages::column(bytes, chunk, rows.clone(), kind));
            catch_unwind(read).ok()?
        };
        (0..self.headers.len()).map(&mut column).collect()
    }

    /// Reads a piece of a plain log, or its names alone; nothing where a column or a value of it is not as
    /// expected.
    pub(in crate::ingest) fn plain(
        &self,
        piece: &Piece,
        (headers, only_names): (&PlainHeaders, bool),
        into: &mut PlainRows,
    ) -> Option<()> {
        let (group, first) = piece.group?;
        let group = self.metadata.as_ref()?.row_groups.get(group)?;
        let mut file = match &self.bytes {
            Bytes::Path(path) => File::open(path).ok(),
            Bytes::Memory(_) => None,
        };
        let mut chunk = |at: usize, is_kind: fn(pages::Kind) -> bool| {
            (*self.kinds.get(at)?).filter(|it| is_kind(*it))?;
            let chunk = group.columns_under_root_iter(self.tops.get(at)?)?.next()?;
            Some((self.bytes.range(file.as_mut(), chunk.byte_range())?, chunk))
        };
        let names = match headers.name {
            Some(at) => Some(chunk(at, |it| it == pages::Kind::Texts)?),
            None => None,
        };
        let rows = piece.rows.start - first..piece.rows.end - first;
        // Whatever a damaged page does to the decoder, polars says what is wrong with it.
        if only_names {
            let read = AssertUnwindSafe(|| into.read_names(&rows, names));
            return catch_unwind(read).ok()?;
        }
        let times = chunk(headers.time, |it| matches!(it, pages::Kind::Micros(_)))?;
        let [prompt, completion] = headers.tokens;
        let tokens = [
            chunk(prompt, |it| it == pages::Kind::Whole)?,
            chunk(completion, |it| it == pages::Kind::Whole)?,
        ];
        if !pages::is_in_micros(times.1) {
            return None;
        }
        let read = AssertUnwindSafe(|| into.read(&rows, (times, tokens, names)));
        catch_unwind(read).ok()?
    }

    /// All rows as one piece.
    pub(super) fn whole(&self) -> Piece {
        let end = self.pieces.last().map_or(0, |it| it.rows.end);
        Piece { rows: 0..end, group: None }
    }

    /// Reads all rows in order.
    pub(super) fn batches(
        self,
        file: &str,
        wants: &dyn Fn(&str) -> bool,
        most_rows: usize,
        visit: &mut dyn FnMut(RawTable) -> Result<(), IngestError>,
    ) -> Result<FileFacts, IngestError> {
        let rows_in = self.rows();
        let sha256 = self.sha256()?;
        if rows_in == 0 {
            return Err(IngestError::NoRows { file: file.to_owned() });
        }
        if most_rows == usize::MAX {
            visit(self.piece(&self.whole(), wants)?)?;
        } else {
            for piece in &self.pieces {
                visit(self.piece(piece, wants)?)?;
            }
        }
        Ok(FileFacts { rows_in, rejected: Vec::new(), sha256, headers: self.headers })
    }

    /// Runs the decoder. A damaged file must not end the program, whatever polars does with it.
    fn decode<T>(
        &self,
        run: impl FnOnce(ParquetReader<Box<dyn MmapBytesReader>>) -> PolarsResult<T>,
    ) -> Result<T, IngestError>
    where
        T: Send,
    {
        let reader: Box<dyn MmapBytesReader> = match &self.bytes {
            Bytes::Path(path) => match File::open(path) {
                Ok(file) => Box::new(file),
                Err(error) => {
                    return Err(unreadable(&self.file, error.to_string(), "check the file"));
                }
            },
            Bytes::Memory(bytes) => Box::new(Cursor::new(Shared(Arc::clone(bytes)))),
        };
        let mut reader = ParquetReader::new(reader);
        if let Some(metadata) = &self.metadata {
            reader.set_metadata(Arc::clone(metadata));
        }
        match catch_unwind(AssertUnwindSafe(move || run(reader))) {
            Ok(Ok(found)) => Ok(found),
            Ok(Err(error)) => Err(unreadable(&self.file, first_line(&error.to_string()), HINT)),
            Err(_) => Err(unreadable(&self.file, "the Parquet data cannot be decoded", HINT)),
        }
    }

    /// A polars column, or the field of it that the header names, as one of the types of cells.
    fn typed(
        &self,
        column: &polars::prelude::Column,
        header: &str,
        top: &str,
    ) -> Result<Column, IngestError> {
        let read = || {
            let mut series = column.as_materialized_series().clone();
            let path = header.strip_prefix(top).unwrap_or_default();
            for name in path.split('.').filter(|it| !it.is_empty()) {
                let fields = series.struct_()?.fields_as_series();
                match fields.into_iter().find(|it| it.name() == name) {
                    Some(found) => series = found,
                    None => return Ok(Column::Other("not read".to_owned())),
                }
            }
            cells(&series)
        };
        read().map_err(|error: PolarsError| {
            unreadable(&self.file, first_line(&error.to_string()), HINT)
        })
    }
}

/// A shared buffer as the bytes of a cursor.
struct Shared(Arc<Vec<u8>>);

impl AsRef<[u8]> for Shared {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

struct HashInto<'a>(&'a mut Sha256);

impl std::io::Write for HashInto<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// The paths of a column: its own name, or those of the fields of a struct.
fn expand(path: &str, dtype: &ArrowDataType, add: &mut dyn FnMut(String)) {
    match dtype {
        ArrowDataType::Struct(fields) => {
            for field in fields {
                expand(&format!("{path}.{}", field.name), &field.dtype, add);
            }
        }
        _ => add(path.to_owned()),
    }
}

/// How a column of a type can be read by its pages.
fn kind_of(dtype: &ArrowDataType) -> Option<pages::Kind> {
    match dtype {
        ArrowDataType::Utf8View => Some(pages::Kind::Texts),
        ArrowDataType::Float64 => Some(pages::Kind::Floats),
        ArrowDataType::Int8
        | ArrowDataType::Int16
        | ArrowDataType::Int32
        | ArrowDataType::Int64 => Some(pages::Kind::Whole),
        ArrowDataType::Timestamp(ArrowTimeUnit::Microsecond, zone) => {
            Some(pages::Kind::Micros(zone.is_some()))
        }
        _ => None,
    }
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}

/// A series as one of the types that cells have.
fn cells(series: &Series) -> PolarsResult<Column> {
    Ok(match series.dtype() {
        DataType::String => texts(series.str()?),
        DataType::Categorical(..) | DataType::Enum(..) => {
            texts(series.cast(&DataType::String)?.str()?)
        }
        DataType::Null => Column::Coded(Coded { codes: vec![0; series.len()], values: Vec::new() }),
        DataType::Float32 => {
            // By the shortest decimal form: 0.1f32 is 0.1, not 0.10000000149.
            let wide = |value: f32| value.to_string().parse().unwrap_or(f64::from(value));
            Column::Float(series.f32()?.iter().map(|it| it.map(wide)).collect())
        }
        DataType::Float64 => Column::Float(series.f64()?.iter().collect()),
        DataType::Decimal(_, scale) => {
            Column::Decimal(series.decimal()?.physical().iter().collect(), *scale)
        }
        DataType::Datetime(_, zone) => {
            let cast = series.cast(&DataType::Datetime(TimeUnit::Microseconds, zone.clone()))?;
            Column::Time(cast.datetime()?.physical().iter().collect(), zone.is_some())
        }
        DataType::Date => {
            let cast = series.cast(&DataType::Datetime(TimeUnit::Microseconds, None))?;
            Column::Time(cast.datetime()?.physical().iter().collect(), false)
        }
        DataType::Boolean => Column::Bool(series.bool()?.iter().collect()),
        DataType::UInt64 => Column::UInt(series.u64()?.iter().collect()),
        other if other.is_integer() => {
            Column::Int(series.cast(&DataType::Int64)?.i64()?.iter().collect())
        }
        DataType::List(_) => json_texts(series)?,
        DataType::Struct(_) => struct_texts(series)?,
        other => Column::Other(other.to_string()),
    })
}

/// Texts as codes where they repeat. A text of a dictionary page is one view on one buffer, so most
/// rows are known by their view alone and never compared.
fn texts(column: &StringChunked) -> Column {
    if !repeats(column) {
        let mut plain = Texts::default();
        for text in column.iter() {
            plain.push(text.unwrap_or_default());
        }
        return Column::Text(plain);
    }
    let mut codes = Vec::with_capacity(column.len());
    let mut index: IndexMap<String, u32, FixedState> = IndexMap::default();
    let has_nulls = column.null_count() > 0;
    for chunk in column.downcast_iter() {
        let mut by_view: IndexMap<u128, u32, FixedState> = IndexMap::default();
        let mut last: Option<(u128, u32)> = None;
        for (row, view) in chunk.views().iter().enumerate() {
            let view = view.as_u128();
            if has_nulls && chunk.get(row).is_none() {
                codes.push(0);
                continue;
            }
            if let Some((_, code)) = last.filter(|it| it.0 == view) {
                codes.push(code);
                continue;
            }
            let code = if let Some(code) = by_view.get(&view) {
                *code
            } else {
                let code = code_of(&mut index, chunk.get(row).unwrap_or_default());
                by_view.insert(view, code);
                code
            };
            last = Some((view, code));
            codes.push(code);
        }
    }
    Column::Coded(Coded { codes, values: index.into_keys().collect() })
}

fn code_of(index: &mut IndexMap<String, u32, FixedState>, text: &str) -> u32 {
    if let Some(code) = index.get(text) {
        return *code;
    }
    let code = u32::try_from(index.len() + 1).unwrap_or(u32::MAX);
    index.insert(text.to_owned(), code);
    code
}

/// Whether the first texts of a column repeat.
fn repeats(column: &StringChunked) -> bool {
    let mut seen = std::collections::BTreeSet::new();
    let mut n = 0;
    for text in column.iter().take(PROBE).flatten() {
        seen.insert(text);
        n += 1;
    }
    n < 16 || seen.len() * 2 < n
}

/// Maps (`list<struct<key, value>>`) as a JSON object, other lists as their entries.
fn json_texts(series: &Series) -> PolarsResult<Column> {
    let lists = series.list()?;
    let mut index: IndexMap<String, u32, FixedState> = IndexMap::default();
    let mut codes = Vec::with_capacity(series.len());
    for row in 0..lists.len() {
        codes.push(match lists.get_as_series(row) {
            None => 0,
            Some(entries) => code_of(&mut index, &json_of(&entries)?.to_string()),
        });
    }
    Ok(Column::Coded(Coded { codes, values: index.into_keys().collect() }))
}

/// Structs as a JSON object each.
fn struct_texts(series: &Series) -> PolarsResult<Column> {
    let fields = series.struct_()?.fields_as_series();
    let mut index: IndexMap<String, u32, FixedState> = IndexMap::default();
    let mut codes = Vec::with_capacity(series.len());
    for row in 0..series.len() {
        let mut object = serde_json::Map::new();
        for field in &fields {
            let value = json_value(&field.get(row)?);
            if !value.is_null() {
                object.insert(field.name().to_string(), value);
            }
        }
        codes.push(if object.is_empty() {
            0
        } else {
            code_of(&mut index, &serde_json::Value::Object(object).to_string())
        });
    }
    Ok(Column::Coded(Coded { codes, values: index.into_keys().collect() }))
}

fn json_of(entries: &Series) -> PolarsResult<serde_json::Value> {
    if !matches!(entries.dtype(), DataType::Struct(_)) {
        let values = entries.iter().map(|it| json_value(&it)).collect();
        return Ok(serde_json::Value::Array(values));
    }
    let fields = entries.struct_()?.fields_as_series();
    let is_map = fields.len() == 2 && fields[0].name() == "key" && fields[1].name() == "value";
    let mut object = serde_json::Map::new();
    let mut list = Vec::new();
    for row in 0..entries.len() {
        let cell = |at: usize| fields[at].get(row).map(|it| json_value(&it));
        if is_map {
            if let serde_json::Value::String(key) = cell(0)? {
                object.insert(key, cell(1)?);
            }
        } else {
            let mut entry = serde_json::Map::new();
            for (at, field) in fields.iter().enumerate() {
                entry.insert(field.name().to_string(), cell(at)?);
            }
            list.push(serde_json::Value::Object(entry));
        }
    }
    Ok(if is_map { serde_json::Value::Object(object) } else { serde_json::Value::Array(list) })
}

fn json_value(value: &AnyValue<'_>) -> serde_json::Value {
    match value {
        AnyValue::Null => serde_json::Value::Null,
        AnyValue::Boolean(truth) => (*truth).into(),
        AnyValue::String(text) => (*text).into(),
        AnyValue::StringOwned(text) => text.as_str().into(),
        other if other.is_integer() => other.extract::<i64>().into(),
        other if other.is_float() => other.extract::<f64>().into(),
        other => other.to_string().into(),
    }
}
