//! The columns of a row group of Parquet, a stretch of rows at a time.
//!
//! Whoever writes a log stores each text of a row group once and a code per row. A code becomes the
//! number of a workload by one look into an array; no text is made of it.

use std::ops::Range;

use polars_parquet::parquet::page::FormatEncoding;
use polars_parquet::read::ColumnChunkMetadata;

use crate::ingest::RequestFate;
use crate::ingest::pages::{Codes, NONE, Page, Pages, SomeCodes, Values, chunks, whole};
pub(super) use crate::ingest::pages::{Counts, Instants, NO_COUNT, Number, Numbers};

/// Instants of 12 bytes, which Spark writes unless told otherwise: nanoseconds of a day, and the number
/// of the day since 4713 BC.
pub(super) struct DayTimes;

impl Number for DayTimes {
    type Value = i64;
    const NONE: i64 = i64::MIN;

    fn take(&self, bytes: &[u8], n: usize, into: &mut Vec<i64>) -> Option<usize> {
        const DAY_1970: i64 = 2_440_588;
        const DAY_US: i64 = 86_400_000_000;
        let (values, size) = chunks::<12>(bytes, n)?;
        into.extend(values.iter().map(|[n0, n1, n2, n3, n4, n5, n6, n7, day @ ..]| {
            let ns = i64::from_le_bytes([*n0, *n1, *n2, *n3, *n4, *n5, *n6, *n7]);
            (i64::from(i32::from_le_bytes(*day)) - DAY_1970) * DAY_US + ns.div_euclid(1000)
        }));
        Some(size)
    }
}

/// Counts of tokens that are stored as floats, as some writers do where a count may be missing.
pub(super) struct Floats;

impl Number for Floats {
    type Value = u32;
    const NONE: u32 = NONE;

    fn take(&self, bytes: &[u8], n: usize, into: &mut Vec<u32>) -> Option<usize> {
        let (values, size) = chunks::<8>(bytes, n)?;
        into.extend(values.iter().map(|it| {
            let value = f64::from_le_bytes(*it);
            let is_count = value.fract() == 0.0 && (0.0..f64::from(1u32 << 31)).contains(&value);
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count")]
            let count = value as u32;
            if is_count { count } else { NO_COUNT }
        }));
        Some(size)
    }
}

/// What became of requests, by a code of HTTP.
pub(super) struct FateCodes<const WIDTH: usize>;

impl<const WIDTH: usize> Number for FateCodes<WIDTH> {
    type Value = RequestFate;
    const NONE: RequestFate = RequestFate::Untold;

    fn take(&self, bytes: &[u8], n: usize, into: &mut Vec<RequestFate>) -> Option<usize> {
        let (values, size) = chunks::<WIDTH>(bytes, n)?;
        into.extend(values.iter().map(|it| RequestFate::of_code(whole(*it))));
        Some(size)
    }
}

/// What became of requests, by a word.
pub(super) struct FateWords;

impl Number for FateWords {
    type Value = RequestFate;
    const NONE: RequestFate = RequestFate::Untold;

    fn take(&self, bytes: &[u8], n: usize, into: &mut Vec<RequestFate>) -> Option<usize> {
        each_text(bytes, n, |text| {
            into.push(RequestFate::of_word(text));
            Some(())
        })
    }
}

/// Workloads by their place in a list of names that is in order.
pub(super) struct Places<'a>(pub(super) &'a [String]);

impl Number for Places<'_> {
    type Value = u32;
    const NONE: u32 = NONE;

    fn take(&self, bytes: &[u8], n: usize, into: &mut Vec<u32>) -> Option<usize> {
        each_text(bytes, n, |text| {
            let Some(name) = super::name(text) else {
                into.push(NONE);
                return Some(());
            };
            let at = self.0.binary_search_by(|it| it.as_str().cmp(name)).ok()?;
            into.push(u32::try_from(at).ok()?);
            Some(())
        })
    }
}

/// `n` texts with their length before them; returns how many bytes they took.
fn each_text(bytes: &[u8], n: usize, mut take: impl FnMut(&str) -> Option<()>) -> Option<usize> {
    let mut rest = bytes;
    for _ in 0..n {
        let (len, after) = rest.split_first_chunk::<4>()?;
        let (text, after) = after.split_at_checked(u32::from_le_bytes(*len) as usize)?;
        take(std::str::from_utf8(text).ok()?)?;
        rest = after;
    }
    Some(bytes.len() - rest.len())
}

/// The texts of a column, each at least once: those of its dictionary, and those of pages that write
/// them out because the dictionary had become too large.
pub(super) fn texts(
    chunk: Vec<u8>,
    metadata: &ColumnChunkMetadata,
    mut take: impl FnMut(&str) -> Option<()>,
) -> Option<()> {
    let mut pages = Pages::new(chunk, metadata)?;
    if let Some((bytes, n)) = pages.dictionary() {
        each_text(bytes, n, &mut take)?;
    }
    while let Some(page) = pages.next(|_, encoding| encoding == FormatEncoding::PLAIN).ok()? {
        let mut bytes = pages.bytes().get(page.values)?;
        // Rows without a text have none here.
        while !bytes.is_empty() {
            let size = each_text(bytes, 1, &mut take)?;
            bytes = bytes.get(size..)?;
        }
    }
    Some(())
}

/// Whole numbers of 4 or 8 bytes.
pub(super) struct Whole<const WIDTH: usize>;

impl<const WIDTH: usize> Number for Whole<WIDTH> {
    type Value = i64;
    const NONE: i64 = i64::MIN;

    fn take(&self, bytes: &[u8], n: usize, into: &mut Vec<i64>) -> Option<usize> {
        let (values, size) = chunks::<WIDTH>(bytes, n)?;
        into.extend(values.iter().map(|it| whole(*it)));
        Some(size)
    }
}

/// A column of lists.
pub(super) struct Lists {
    /// Where the list of each row ends.
    pub(super) ends: Vec<usize>,
    /// The values of all rows, end to end.
    pub(super) values: Vec<i64>,
}

impl Lists {
    /// Reads a whole column. A list that is null is one without an entry.
    pub(super) fn read<const WIDTH: usize>(
        chunk: Vec<u8>,
        metadata: &ColumnChunkMetadata,
        whole: Whole<WIDTH>,
    ) -> Option<Lists> {
        let descriptor = &metadata.descriptor().descriptor;
        let most = u32::try_from(descriptor.max_def_level).ok()?;
        if descriptor.max_rep_level != 1 || most == 0 {
            return None;
        }
        let mut pages = Pages::new(chunk, metadata)?;
        let mut values = Numbers::new(whole);
        if let Some((bytes, n)) = pages.dictionary() {
            values.take_dictionary(bytes, n)?;
        }
        let mut ends = Vec::new();
        while let Some(page) = pages.next(|_, _| true).ok()? {
            add_lists(pages.bytes(), &page, most, (&mut ends, &mut values))?;
        }
        ends.push(values.rows.len());
        Some(Lists { ends: ends.split_off(1), values: values.rows })
    }
}

fn add_lists<const WIDTH: usize>(
    bytes: &[u8],
    page: &Page,
    most: u32,
    (ends, values): (&mut Vec<usize>, &mut Numbers<Whole<WIDTH>>),
) -> Option<()> {
    let repeated = levels(bytes, page.rep.clone(), 1, page.n)?;
    let defined = levels(bytes, page.def.clone(), most.ilog2() as usize + 1, page.n)?;
    let before = values.rows.len();
    let n_values = defined.iter().filter(|it| **it == most).count();
    if page.encoding == FormatEncoding::PLAIN {
        values.take_plain(bytes.get(page.values.clone())?, n_values)?;
    } else {
        Codes::of_page(bytes, page, n_values, Vec::new())?.take(
            bytes,
            n_values,
            |some| match some {
                SomeCodes::Same(code, n) => values.take_code(code, n),
                SomeCodes::Each(codes) => values.take_codes(codes),
            },
        )?;
    }
    let mut end = before;
    for (repeated, defined) in repeated.into_iter().zip(defined) {
        if repeated == 0 {
            // Where the list of the row before ends.
            ends.push(end);
        }
        end += usize::from(defined == most);
    }
    Some(())
}

/// All levels of a page.
fn levels(bytes: &[u8], range: Range<usize>, width: usize, n: usize) -> Option<Vec<u32>> {
    let mut all = Vec::with_capacity(n);
    Codes::new(range, width, n, Vec::new()).take(bytes, n, |some| {
        match some {
            SomeCodes::Same(level, n) => all.resize(all.len() + n, level),
            SomeCodes::Each(levels) => all.extend_from_slice(levels),
        }
        Some(())
    })?;
    Some(all)
}
