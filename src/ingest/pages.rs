//! A column chunk of Parquet by its pages, a stretch of rows at a time.
//!
//! Pages are unpacked one after the other into one buffer, and their codes and values go to whoever
//! wants them as they stand there: nothing is copied on the way. What is not as expected (a list,
//! another encoding, damage) ends in nothing, and the caller says what that means.

mod delta;
mod numbers;

use std::cell::RefCell;
use std::io::Cursor;
use std::ops::Range;

use polars_parquet::parquet::compression::{self, Compression, DecompressionContext};
use polars_parquet::parquet::encoding::bitpacked;
use polars_parquet::parquet::encoding::uleb128;
use polars_parquet::parquet::page::{
    CompressedDataPage, CompressedPage, DataPageHeader, FormatEncoding, Page as OpenPage,
};
use polars_parquet::parquet::read::decompress;
use polars_parquet::read::{ColumnChunkMetadata, PageReader, PhysicalType};

pub(crate) use delta::undelta;
pub(crate) use numbers::{Counts, Instants, NO_COUNT, NONE, Number, Numbers, chunks, whole};

/// Codes that are unpacked at a time; they stay in the nearest cache.
const CODES: usize = 1 << 11;

/// Lets the allocator of glibc keep what is freed: it gives large blocks back to the system at once,
/// and half of the time of a run would go into taking them again. Freeing one block of this size, of
/// which no page was ever touched, is how it learns better.
pub(crate) fn keep_memory() {
    drop(std::hint::black_box(Vec::<u8>::with_capacity(31 << 20)));
}

thread_local! {
    /// The decoder of each thread: to make one costs as much as to unpack a small page.
    static ZSTD: RefCell<Option<zstd::bulk::Decompressor<'static>>> = const { RefCell::new(None) };
    /// The same for dictionaries.
    static DICTIONARIES: RefCell<DecompressionContext> =
        const { RefCell::new(DecompressionContext::Unset) };
}

/// The pages of a column chunk.
pub(crate) struct Pages {
    reader: PageReader,
    dictionary: Option<(Vec<u8>, usize)>,
    other: DecompressionContext,
    has: (bool, bool),
    physical: PhysicalType,
    /// The open page.
    bytes: Vec<u8>,
}

/// A page that cannot be read here.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unread;

/// What a page holds, and where in [`Pages::bytes`].
#[derive(Clone, Debug)]
pub(crate) struct Page {
    /// Its values, those that are missing too.
    pub(crate) n: usize,
    /// How they are written.
    pub(crate) encoding: FormatEncoding,
    /// Repetition levels.
    pub(crate) rep: Range<usize>,
    /// Definition levels.
    pub(crate) def: Range<usize>,
    /// Values.
    pub(crate) values: Range<usize>,
}

impl Pages {
    /// Begins with the bytes of a chunk.
    pub(crate) fn new(chunk: Vec<u8>, metadata: &ColumnChunkMetadata) -> Option<Pages> {
        let descriptor = &metadata.descriptor().descriptor;
        let has = (descriptor.max_rep_level > 0, descriptor.max_def_level > 0);
        let chunk = Cursor::new(chunk.into());
        let mut reader = PageReader::new(chunk, metadata, Vec::new(), usize::MAX);
        let dictionary = match reader.read_dict().ok()? {
            Some(packed) => {
                let packed = CompressedPage::Dict(packed);
                let unpacked = DICTIONARIES.with_borrow_mut(|it| {
                    let unpacked = decompress(packed, &mut Vec::new(), it);
                    // A decoder of version 0.13.5 begins anew whatever came before; that is not left to it.
                    unpacked.inspect_err(|_| *it = DecompressionContext::Unset).ok()
                })?;
                let OpenPage::Dict(it) = unpacked else { return None };
                Some((it.buffer.into_vec(), it.num_values))
            }
            None => None,
        };
        let other = DecompressionContext::Unset;
        let physical = metadata.physical_type();
        Some(Pages { reader, dictionary, other, has, physical, bytes: Vec::new() })
    }

    /// The bytes of the dictionary and how many values it has, where there is one.
    pub(crate) fn dictionary(&self) -> Option<(&[u8], usize)> {
        self.dictionary.as_ref().map(|(bytes, n)| (bytes.as_slice(), *n))
    }

    /// The next page, still packed; nothing after the last.
    fn next_packed(&mut self) -> Result<Option<CompressedDataPage>, Unread> {
        match self.reader.next() {
            None => Ok(None),
            Some(Ok(CompressedPage::Data(page))) => Ok(Some(page)),
            Some(_) => Err(Unread),
        }
    }

    /// Unpacks the next page that `wants` takes by its number of values and how they are written.
    pub(crate) fn next(
        &mut self,
        mut wants: impl FnMut(usize, FormatEncoding) -> bool,
    ) -> Result<Option<Page>, Unread> {
        loop {
            let Some(page) = self.next_packed()? else { return Ok(None) };
            if wants(page.num_values(), page.header().encoding()) {
                return self.unpack(page).map(Some).ok_or(Unread);
            }
        }
    }

    /// The bytes of the open page.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    fn unpack(&mut self, mut page: CompressedDataPage) -> Option<Page> {
        let (n, encoding) = (page.num_values(), page.header().encoding());
        let (size, packing) = (page.uncompressed_size(), page.compression());
        let (rep, def, is_packed) = match page.header() {
            DataPageHeader::V1(_) => (0, 0, true),
            DataPageHeader::V2(it) => (
                usize::try_from(it.repetition_levels_byte_length).ok()?,
                usize::try_from(it.definition_levels_byte_length).ok()?,
                it.is_compressed.unwrap_or(true),
            ),
        };
        let is_v2 = matches!(page.header(), DataPageHeader::V2(_));
        let packed: &[u8] = page.slice_mut();
        // The levels of a page of version 2 are never packed.
        let (levels, packed) = packed.split_at_checked(rep.checked_add(def)?)?;
        self.bytes.clear();
        self.bytes.extend_from_slice(levels);
        let rest = size.checked_sub(levels.len())?;
        self.fill(packed, rest, if is_packed { packing } else { Compression::Uncompressed })?;
        if is_v2 {
            return Some(Page {
                n,
                encoding,
                rep: 0..rep,
                def: rep..rep + def,
                values: rep + def..size,
            });
        }
        let rep = self.level(0, self.has.0)?;
        let def = self.level(rep.end, self.has.1)?;
        let values = def.end..size;
        Some(Page { n, encoding, rep, def, values })
    }

    /// Levels with their length before them, where a page of version 1 has such.
    fn level(&self, at: usize, is_there: bool) -> Option<Range<usize>> {
        if !is_there {
            return Some(at..at);
        }
        let (len, rest) = self.bytes.get(at..)?.split_first_chunk::<4>()?;
        let len = usize::try_from(u32::from_le_bytes(*len)).ok()?;
        (len <= rest.len()).then_some(at + 4..at + 4 + len)
    }

    /// Writes out the differences of a page at its end, and says where.
    fn write_out(&mut self, page: &Page) -> Option<Range<usize>> {
        let mut plain = Vec::new();
        let differences = self.bytes.get(page.values.clone())?;
        match self.physical {
            PhysicalType::Int32 => undelta::<4>(differences, page.n, &mut plain)?,
            PhysicalType::Int64 => undelta::<8>(differences, page.n, &mut plain)?,
            _ => return None,
        }
        let start = self.bytes.len();
        self.bytes.append(&mut plain);
        Some(start..self.bytes.len())
    }

    /// Appends `size` bytes that are packed.
    fn fill(&mut self, packed: &[u8], size: usize, packing: Compression) -> Option<()> {
        let start = self.bytes.len();
        match packing {
            // A page without a value may have nothing after its levels.
            _ if packed.is_empty() => {}
            Compression::Uncompressed => self.bytes.extend_from_slice(packed),
            Compression::Zstd => {
                // Straight into the buffer; the decoder of a stream keeps a window beside it.
                self.bytes.reserve(size);
                let mut into = Cursor::new(std::mem::take(&mut self.bytes));
                into.set_position(start as u64);
                ZSTD.with_borrow_mut(|it| {
                    let zstd = it.get_or_insert_with(zstd::bulk::Decompressor::default);
                    zstd.decompress_to_buffer(packed, &mut into).ok()
                })?;
                self.bytes = into.into_inner();
            }
            packing => {
                self.bytes.resize(start + size, 0);
                let into = self.bytes.get_mut(start..)?;
                compression::decompress(packing, packed, into, &mut self.other).ok()?;
            }
        }
        (self.bytes.len() == start + size).then_some(())
    }
}

/// Whether the first page of a chunk is written in a way that is read here; so is one that cannot
/// even be looked at, for whoever reads it to say so.
pub(crate) fn is_read_here(chunk: Vec<u8>, metadata: &ColumnChunkMetadata) -> bool {
    let page = Pages::new(chunk, metadata).and_then(|mut it| it.next_packed().ok()).flatten();
    let is_number = matches!(metadata.physical_type(), PhysicalType::Int32 | PhysicalType::Int64);
    page.is_none_or(|page| match page.header().encoding() {
        FormatEncoding::PLAIN
        | FormatEncoding::PLAIN_DICTIONARY
        | FormatEncoding::RLE_DICTIONARY => true,
        FormatEncoding::DELTA_BINARY_PACKED => is_number,
        _ => false,
    })
}

/// Codes of a fixed number of bits, in runs of one code and in packs.
pub(crate) struct Codes {
    width: usize,
    /// What of the bytes was not read yet.
    rest: Range<usize>,
    /// Codes that were not given out yet: of the open run, and of all.
    left: (usize, usize),
    run: Run,
    unpacked: Vec<u32>,
    next: usize,
}

#[derive(Clone, Copy)]
enum Run {
    /// One code.
    Same(u32),
    /// From this byte on.
    Packed(usize),
}

/// Some codes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum SomeCodes<'a> {
    /// One, so many times.
    Same(u32, usize),
    /// Different ones.
    Each(&'a [u32]),
}

impl Codes {
    /// `n` codes of `width` bits in a range of the bytes.
    pub(crate) fn new(rest: Range<usize>, width: usize, n: usize, unpacked: Vec<u32>) -> Codes {
        let mut it = Codes { width, rest, left: (0, n), run: Run::Same(0), unpacked, next: 0 };
        it.unpacked.clear();
        if width == 0 {
            it.left.0 = n;
        }
        it
    }

    /// The codes of a page that are such, `n` of which have a value.
    pub(crate) fn of_page(bytes: &[u8], page: &Page, n: usize, memory: Vec<u32>) -> Option<Codes> {
        if ![FormatEncoding::PLAIN_DICTIONARY, FormatEncoding::RLE_DICTIONARY]
            .contains(&page.encoding)
        {
            return None;
        }
        // Where all rows are null there may be no width.
        let width = bytes.get(page.values.clone())?.first().copied().unwrap_or(0);
        let start = page.values.end.min(page.values.start + 1);
        (width <= 32).then(|| Codes::new(start..page.values.end, width.into(), n, memory))
    }

    /// The memory, for other codes.
    pub(crate) fn into_memory(self) -> Vec<u32> {
        self.unpacked
    }

    /// Gives out the next `n`; nothing where there are fewer.
    pub(crate) fn take(
        &mut self,
        bytes: &[u8],
        mut n: usize,
        mut to: impl FnMut(SomeCodes<'_>) -> Option<()>,
    ) -> Option<()> {
        while n > 0 {
            let ready = self.unpacked.get(self.next..)?;
            if !ready.is_empty() {
                let some = ready.get(..n).unwrap_or(ready);
                self.next += some.len();
                n -= some.len();
                to(SomeCodes::Each(some))?;
                continue;
            }
            while self.left.0 == 0 {
                self.open(bytes)?;
            }
            match self.run {
                Run::Same(code) => {
                    let some = n.min(self.left.0);
                    self.left.0 -= some;
                    self.left.1 = self.left.1.checked_sub(some)?;
                    n -= some;
                    to(SomeCodes::Same(code, some))?;
                }
                Run::Packed(at) => {
                    let some = self.left.0.min(CODES);
                    let packed = bytes.get(at..self.rest.start)?;
                    let codes =
                        bitpacked::Decoder::<u32>::try_new(packed, self.width, some).ok()?;
                    self.unpacked.clear();
                    codes.collect_into(&mut self.unpacked);
                    self.next = 0;
                    self.left.0 -= some;
                    self.left.1 = self.left.1.checked_sub(some)?;
                    self.run = Run::Packed(at + some * self.width / 8);
                }
            }
        }
        Some(())
    }

    /// Opens the next run, which may be empty.
    fn open(&mut self, bytes: &[u8]) -> Option<()> {
        let rest = bytes.get(self.rest.clone()).filter(|it| !it.is_empty())?;
        let (head, len) = uleb128::decode(rest);
        let rest = rest.get(len..)?;
        let start = self.rest.start + len;
        let n = usize::try_from(head >> 1).ok()?;
        if head & 1 == 0 {
            let (code, _) = rest.split_at_checked(self.width.div_ceil(8))?;
            let mut wide = [0; 4];
            wide.get_mut(..code.len())?.copy_from_slice(code);
            self.run = Run::Same(u32::from_le_bytes(wide));
            self.rest.start = start + code.len();
            self.left.0 = n.min(self.left.1);
        } else {
            // Codes come by eights; the last pack may be cut short.
            let size = n.saturating_mul(self.width).min(rest.len());
            self.run = Run::Packed(start);
            self.rest.start = start + size;
            self.left.0 = (size * 8 / self.width).min(self.left.1);
        }
        Some(())
    }
}

/// What takes the values of a column.
pub(crate) trait Values {
    /// Takes the dictionary: so many values, end to end.
    fn take_dictionary(&mut self, bytes: &[u8], n: usize) -> Option<()>;
    /// Appends rows by codes of the dictionary; nothing for a code that it does not have.
    fn take_codes(&mut self, codes: &[u32]) -> Option<()>;
    /// Appends `n` rows of one code.
    fn take_code(&mut self, code: u32, n: usize) -> Option<()>;
    /// Appends `n` rows that are written out; returns how many bytes they took.
    fn take_plain(&mut self, bytes: &[u8], n: usize) -> Option<usize>;
    /// Appends `n` rows that have no value.
    fn take_nulls(&mut self, n: usize);
    /// Forgets all rows, and keeps what else is known.
    fn forget(&mut self);
}

/// A flat column chunk while it is read.
pub(crate) struct ChunkReader<V> {
    pages: Pages,
    /// What took the rows.
    pub(crate) values: V,
    /// Rows of the open page that were not read yet.
    left: usize,
    levels: Option<Codes>,
    body: Body,
    memory: [Vec<u32>; 2],
}

/// The values of the open page.
enum Body {
    Plain(Range<usize>),
    Codes(Codes),
}

impl<V: Values> ChunkReader<V> {
    /// Begins with the bytes of a chunk.
    pub(crate) fn new(
        chunk: Vec<u8>,
        metadata: &ColumnChunkMetadata,
        mut values: V,
    ) -> Option<ChunkReader<V>> {
        let descriptor = &metadata.descriptor().descriptor;
        if descriptor.max_rep_level != 0 || descriptor.max_def_level > 1 {
            return None;
        }
        let pages = Pages::new(chunk, metadata)?;
        if let Some((bytes, n)) = pages.dictionary() {
            values.take_dictionary(bytes, n)?;
        }
        let (levels, body, memory) = (None, Body::Plain(0..0), Default::default());
        Some(ChunkReader { pages, values, left: 0, levels, body, memory })
    }

    /// Passes over rows, and unpacks no page of which all are passed over.
    pub(crate) fn skip(&mut self, mut n: usize) -> Option<()> {
        while n > 0 {
            if self.left == 0 {
                if !self.open(&mut n)? && n > 0 {
                    return None;
                }
                continue;
            }
            let some = n.min(self.left);
            self.rows(some)?;
            self.values.forget();
            n -= some;
        }
        Some(())
    }

    /// Reads the next `n` rows.
    pub(crate) fn read(&mut self, mut n: usize) -> Option<()> {
        while n > 0 {
            if self.left == 0 {
                if !self.open(&mut 0)? {
                    return None;
                }
                continue;
            }
            let some = n.min(self.left);
            self.rows(some)?;
            n -= some;
        }
        Some(())
    }

    /// Reads all that is left.
    pub(crate) fn read_all(&mut self) -> Option<()> {
        self.read(self.left)?;
        while self.open(&mut 0)? {
            self.read(self.left)?;
        }
        Some(())
    }

    /// Opens the next page after those that end within `pass` rows; false where there is none.
    fn open(&mut self, pass: &mut usize) -> Option<bool> {
        let page = self.pages.next(|n, _| {
            let wanted = n > *pass;
            *pass -= if wanted { 0 } else { n };
            wanted
        });
        let page = page.ok()?;
        let is_there = page.is_some();
        if let Some(page) = page {
            self.begin(page)?;
        }
        Some(is_there)
    }

    fn begin(&mut self, page: Page) -> Option<()> {
        if let Body::Codes(codes) = std::mem::replace(&mut self.body, Body::Plain(0..0)) {
            self.memory[0] = codes.into_memory();
        }
        if let Some(levels) = self.levels.take() {
            self.memory[1] = levels.into_memory();
        }
        self.left = page.n;
        if self.pages.has.1 {
            let memory = std::mem::take(&mut self.memory[1]);
            self.levels = Some(Codes::new(page.def.clone(), 1, page.n, memory));
        }
        if page.encoding == FormatEncoding::PLAIN {
            self.body = Body::Plain(page.values);
            return Some(());
        }
        if page.encoding == FormatEncoding::DELTA_BINARY_PACKED {
            self.body = Body::Plain(self.pages.write_out(&page)?);
            return Some(());
        }
        let n = page.n;
        let memory = std::mem::take(&mut self.memory[0]);
        self.body = Body::Codes(Codes::of_page(self.pages.bytes(), &page, n, memory)?);
        Some(())
    }

    /// Reads rows of the open page.
    fn rows(&mut self, n: usize) -> Option<()> {
        self.left -= n;
        let ChunkReader { pages, values, levels, body, .. } = self;
        let bytes = pages.bytes();
        let mut present = |n: usize, values: &mut V| match body {
            Body::Plain(range) => {
                range.start += values.take_plain(bytes.get(range.clone())?, n)?;
                Some(())
            }
            Body::Codes(codes) => codes.take(bytes, n, |some| match some {
                SomeCodes::Same(code, n) => values.take_code(code, n),
                SomeCodes::Each(codes) => values.take_codes(codes),
            }),
        };
        let Some(levels) = levels else { return present(n, values) };
        levels.take(bytes, n, |some| match some {
            SomeCodes::Same(0, n) => {
                values.take_nulls(n);
                Some(())
            }
            SomeCodes::Same(_, n) => present(n, values),
            SomeCodes::Each(levels) => {
                for same in levels.chunk_by(|a, b| a == b) {
                    match same.first() {
                        Some(0) => values.take_nulls(same.len()),
                        _ => present(same.len(), values)?,
                    }
                }
                Some(())
            }
        })
    }
}
