//! The columns of a row group as requests, a stretch of rows at a time.

use polars_parquet::parquet::metadata::RowGroupMetadata;
use polars_parquet::read::{
    ColumnChunkMetadata, PhysicalType, PrimitiveConvertedType, PrimitiveLogicalType,
};

use super::columns::{
    Counts, FateCodes, FateWords, Floats, Instants, NO_COUNT, Number, Numbers, Places,
};
use super::file::{Refused, chunk, column, unit};
use super::rows::{NONE, Rows};
use super::stored::Stored;
use crate::ingest::pages::ChunkReader;
use crate::ingest::{PlainColumns, RequestFate};

/// Rows that are decoded at a time; their columns stay in the cache.
const STRETCH: usize = 1 << 13;
/// From 1970 until 1 January 2101.
pub(super) const PLAUSIBLE_US: std::ops::Range<i64> = 0..4_133_980_800_000_000;

/// A column as numbers, while it is read.
type Reader<N> = ChunkReader<Numbers<N>>;

/// A row group while it is read.
pub(super) struct GroupReader<'a> {
    at_us: Reader<Instants>,
    workload: Option<Reader<Places<'a>>>,
    prompt: Tokens,
    completion: Tokens,
    status: Option<Status>,
    /// The workload of rows that name none.
    unnamed: u32,
    left: usize,
    /// The file and the next row of it, for who asks for a row that is no request.
    place: (usize, u64),
}

/// Whether a row group can be read so: its columns are there and of the types that are known here.
pub(super) fn is_plain(group: &RowGroupMetadata, columns: &PlainColumns) -> bool {
    let of = |name: &str| column(group, name);
    let is_text =
        |name: &String| of(name).is_some_and(|it| it.physical_type() == PhysicalType::ByteArray);
    of(&columns.time).and_then(unit).is_some()
        && of(&columns.prompt).is_some_and(|it| is_whole(it) || is_float(it))
        && of(&columns.completion).is_some_and(|it| is_whole(it) || is_float(it))
        && columns.workload.as_ref().is_none_or(is_text)
        && columns.status.as_ref().is_none_or(|it| is_text(it) || of(it).is_some_and(is_whole))
}

fn is_float(column: &ColumnChunkMetadata) -> bool {
    column.physical_type() == PhysicalType::Double
}

/// What older writers call whole numbers.
const WHOLE: [PrimitiveConvertedType; 8] = [
    PrimitiveConvertedType::Uint8,
    PrimitiveConvertedType::Uint16,
    PrimitiveConvertedType::Uint32,
    PrimitiveConvertedType::Uint64,
    PrimitiveConvertedType::Int8,
    PrimitiveConvertedType::Int16,
    PrimitiveConvertedType::Int32,
    PrimitiveConvertedType::Int64,
];

/// Whether a column holds whole numbers, and not decimals or times that are stored as such.
fn is_whole(column: &ColumnChunkMetadata) -> bool {
    let primitive = &column.descriptor().descriptor.primitive_type;
    let is_number = match primitive.logical_type {
        Some(it) => matches!(it, PrimitiveLogicalType::Integer(_)),
        None => primitive.converted_type.is_none_or(|it| WHOLE.contains(&it)),
    };
    is_number && matches!(column.physical_type(), PhysicalType::Int32 | PhysicalType::Int64)
}

/// Begins to read a column.
pub(super) fn reader<N: Number>(
    bytes: &dyn Stored,
    column: &ColumnChunkMetadata,
    number: N,
) -> Option<Reader<N>> {
    ChunkReader::new(chunk(bytes, column)?, column, Numbers::new(number))
}

/// Begins to read the times of a row group.
pub(super) fn times(
    bytes: &dyn Stored,
    group: &RowGroupMetadata,
    name: &str,
) -> Option<Reader<Instants>> {
    let column = column(group, name)?;
    let (times, parts) = unit(column)?;
    reader(bytes, column, Instants { times, parts })
}

/// Reads the next `n` rows into where others were.
fn read<N: Number>(from: &mut Reader<N>, n: usize, into: &mut Vec<N::Value>) -> Option<()> {
    into.clear();
    std::mem::swap(&mut from.values.rows, into);
    let done = from.read(n);
    std::mem::swap(&mut from.values.rows, into);
    done.filter(|()| into.len() == n)
}

impl<'a> GroupReader<'a> {
    /// Begins with a row group, of which the first row has this place. The names are those of all
    /// files, in order; rows that name nobody belong to `stem`.
    pub(super) fn new(
        bytes: &dyn Stored,
        group: &RowGroupMetadata,
        columns: &PlainColumns,
        (names, stem): (&'a [String], &String),
        place: (usize, u64),
    ) -> Option<GroupReader<'a>> {
        let workload = match &columns.workload {
            None => None,
            Some(name) => Some(reader(bytes, column(group, name)?, Places(names))?),
        };
        let status = match &columns.status {
            None => None,
            Some(name) => Some(Status::new(bytes, column(group, name)?)?),
        };
        Some(GroupReader {
            at_us: times(bytes, group, &columns.time)?,
            workload,
            prompt: Tokens::new(bytes, column(group, &columns.prompt)?)?,
            completion: Tokens::new(bytes, column(group, &columns.completion)?)?,
            status,
            unnamed: u32::try_from(names.binary_search(stem).ok()?).ok()?,
            left: group.num_rows(),
            place,
        })
    }

    /// Whether all rows were read.
    pub(super) fn is_at_end(&self) -> bool {
        self.left == 0
    }

    /// Reads a stretch of rows; says what was refused of it.
    pub(super) fn read(&mut self, rows: &mut Rows) -> Option<Refused> {
        rows.clear();
        let n = self.left.min(STRETCH);
        self.left -= n;
        read(&mut self.at_us, n, &mut rows.at_us)?;
        self.prompt.read(n, &mut rows.prompt)?;
        self.completion.read(n, &mut rows.completion)?;
        if let Some(status) = &mut self.status {
            status.read(n, &mut rows.fate)?;
        }
        if let Some(workload) = &mut self.workload {
            read(workload, n, &mut rows.workload)?;
            if rows.workload.iter().max() == Some(&NONE) {
                let unnamed = rows.workload.iter_mut().filter(|it| **it == NONE);
                unnamed.for_each(|it| *it = self.unnamed);
            }
        } else {
            rows.workload.resize(n, self.unnamed);
        }
        rows.look();
        let refused = sift(rows, self.place);
        self.place.1 += n as u64;
        Some(refused)
    }
}

/// A column of token counts, however it holds them.
enum Tokens {
    Short(Reader<Counts<4>>),
    Long(Reader<Counts<8>>),
    Floats(Reader<Floats>),
}

impl Tokens {
    fn new(bytes: &dyn Stored, column: &ColumnChunkMetadata) -> Option<Tokens> {
        Some(match column.physical_type() {
            PhysicalType::Int32 => Tokens::Short(reader(bytes, column, Counts)?),
            PhysicalType::Int64 => Tokens::Long(reader(bytes, column, Counts)?),
            PhysicalType::Double => Tokens::Floats(reader(bytes, column, Floats)?),
            _ => return None,
        })
    }

    fn read(&mut self, n: usize, into: &mut Vec<u32>) -> Option<()> {
        match self {
            Tokens::Short(it) => read(it, n, into),
            Tokens::Long(it) => read(it, n, into),
            Tokens::Floats(it) => read(it, n, into),
        }
    }
}

/// A column that tells what became of requests.
enum Status {
    Words(Reader<FateWords>),
    Short(Reader<FateCodes<4>>),
    Long(Reader<FateCodes<8>>),
}

impl Status {
    fn new(bytes: &dyn Stored, column: &ColumnChunkMetadata) -> Option<Status> {
        Some(match column.physical_type() {
            PhysicalType::Int32 => Status::Short(reader(bytes, column, FateCodes)?),
            PhysicalType::Int64 => Status::Long(reader(bytes, column, FateCodes)?),
            PhysicalType::ByteArray => Status::Words(reader(bytes, column, FateWords)?),
            _ => return None,
        })
    }

    fn read(&mut self, n: usize, into: &mut Vec<RequestFate>) -> Option<()> {
        match self {
            Status::Words(it) => read(it, n, into),
            Status::Short(it) => read(it, n, into),
            Status::Long(it) => read(it, n, into),
        }
    }
}

/// Removes rows without a time that may be one or with tokens that are no count, and those that no
/// GPU saw.
fn sift(rows: &mut Rows, (file, first_row): (usize, u64)) -> Refused {
    // No request has an empty prompt: zeros of a failure mean that nobody counted.
    for (at, _) in rows.fate.iter().enumerate().filter(|it| *it.1 == RequestFate::Failed) {
        if rows.prompt[at] == 0 && rows.completion[at] == 0 {
            (rows.prompt[at], rows.completion[at]) = (NONE, NONE);
        }
    }
    let mut refused = Refused::default();
    // Nearly always all are fine.
    let (least, most) = rows.span();
    let has_no_count = |counts: &[u32]| counts.contains(&NO_COUNT);
    if PLAUSIBLE_US.contains(&least)
        && PLAUSIBLE_US.contains(&most)
        && !has_no_count(&rows.prompt)
        && !has_no_count(&rows.completion)
        && !rows.fate.contains(&RequestFate::LeftOut)
    {
        return refused;
    }
    let mut kept = Rows::default();
    for at in 0..rows.len() {
        let reason = match rows.at_us[at] {
            i64::MIN => "the time is missing",
            us if !PLAUSIBLE_US.contains(&us) => "the time is not between 1970 and 2100",
            _ if rows.prompt[at] == NO_COUNT || rows.completion[at] == NO_COUNT => {
                "the tokens are no count below 2147483648"
            }
            _ if rows.fate.get(at) == Some(&RequestFate::LeftOut) => {
                refused.left_out += 1;
                continue;
            }
            at_us => {
                kept.at_us.push(at_us);
                kept.workload.push(rows.workload[at]);
                kept.prompt.push(rows.prompt[at]);
                kept.completion.push(rows.completion[at]);
                kept.fate.extend(rows.fate.get(at));
                continue;
            }
        };
        refused.n += 1;
        refused.first = refused.first.or(Some((file, first_row + at as u64 + 1, reason)));
    }
    kept.look();
    *rows = kept;
    refused
}
