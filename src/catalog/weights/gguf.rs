//! The header of a GGUF file: magic, version, counts, then keys with values, then name, shape, type
//! and offset of every tensor. Layout as in `docs/gguf.md` of GGML, versions 2 and 3, little endian.

use std::collections::BTreeMap;
use std::io::{BufReader, Read, Seek, SeekFrom};

use super::error::WeightsError;
use super::ggml_type::GgmlType;
use super::{TensorInfo, WeightFile};
use crate::units::Bytes;

const MAGIC: [u8; 4] = *b"GGUF";
/// Where tensors begin is a multiple of this, unless `general.alignment` says otherwise.
const DEFAULT_ALIGNMENT: u64 = 32;
/// `GGML_MAX_DIMS`.
const MAX_DIMS: u32 = 4;

// What is far above every real file, so that a damaged count costs neither time nor memory. The
// largest models have some thousand tensors, some dozen keys and a million merges.
const MAX_TENSORS: u64 = 1 << 20;
const MAX_KEYS: u64 = 1 << 16;
const MAX_NAME_BYTES: u64 = 1 << 10;
const MAX_ARRAY_ELEMENTS: u64 = 1 << 24;
/// Longer texts (chat templates) are passed over.
const MAX_TEXT_BYTES: u64 = 1 << 12;
/// Longer arrays (tokens, scores) are passed over but for their length.
const MAX_KEPT_ELEMENTS: u64 = 1 << 12;

const BOOL: u32 = 7;
const STRING: u32 = 8;
const ARRAY: u32 = 9;

/// The value of a key of a GGUF, as far as sizing needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MetadataValue {
    /// A whole number from 0, or a truth value as 0 or 1.
    Count(u64),
    /// A text of up to 4 KiB.
    Text(String),
    /// Whole numbers or truth values, one a layer.
    Counts(Vec<u64>),
    /// How long an array of anything else is.
    Length(u64),
    /// A negative number, a fraction or a longer text.
    Other,
}

/// Whether a file with these first bytes is a GGUF.
pub fn starts_as_gguf(bytes: &[u8]) -> bool {
    bytes.starts_with(&MAGIC)
}

/// Reads the header of the GGUF file `file`.
pub fn read_gguf(file: &str, from: impl Read + Seek) -> Result<WeightFile, WeightsError> {
    let mut header = HeaderReader::new(file, from)?;
    header.magic_and_version()?;
    let n_tensors = header.count("the number of tensors", MAX_TENSORS)?;
    let n_keys = header.count("the number of keys", MAX_KEYS)?;
    let mut metadata = BTreeMap::new();
    for _ in 0..n_keys {
        let key = header.name("the length of a key")?;
        let kind = header.u32()?;
        let value = header.value(kind)?;
        if metadata.insert(key.clone(), value).is_some() {
            return Err(header.malformed(format!("the key {key:?} is there twice")));
        }
    }
    let mut tensors = Vec::new();
    for _ in 0..n_tensors {
        tensors.push(header.tensor()?);
    }
    let alignment = match metadata.get("general.alignment") {
        None => DEFAULT_ALIGNMENT,
        Some(MetadataValue::Count(it)) if it.is_power_of_two() => *it,
        Some(_) => {
            return Err(header.malformed("general.alignment is no power of two".to_owned()));
        }
    };
    header.check_places(&tensors, alignment)?;
    Ok(WeightFile { tensors: tensors.into_iter().map(|it| it.info).collect(), metadata })
}

/// The files of a split GGUF as one, held against what the first says of the set.
pub fn join_gguf(parts: Vec<(String, WeightFile)>) -> Result<WeightFile, WeightsError> {
    let first = parts.first().map(|(file, part)| (file.clone(), count_of(part, "split.count")));
    let n_parts = parts.len();
    for (at, (file, part)) in parts.iter().enumerate() {
        if let Some(no) = count_of(part, "split.no")
            && no != at as u64
        {
            let message = format!("is part {} by its metadata, {} by its name", no + 1, at + 1);
            return Err(WeightsError::Shards { file: file.clone(), message });
        }
    }
    let joined = WeightFile::joined(parts)?;
    let Some((file, n_files)) = first else { return Ok(joined) };
    if n_files.is_some_and(|it| it > 1 && it != n_parts as u64) {
        let message = format!(
            "is the first of {} files by its metadata, and {n_parts} are read",
            n_files.unwrap_or_default()
        );
        return Err(WeightsError::Shards { file, message });
    }
    let n_tensors = count_of(&joined, "split.tensors.count");
    if n_tensors.is_some_and(|it| it != joined.tensors.len() as u64) {
        let message = format!(
            "says that the files hold {} tensors; they hold {}",
            n_tensors.unwrap_or_default(),
            joined.tensors.len()
        );
        return Err(WeightsError::Shards { file, message });
    }
    Ok(joined)
}

fn count_of(part: &WeightFile, key: &str) -> Option<u64> {
    match part.metadata.get(key) {
        Some(MetadataValue::Count(it)) => Some(*it),
        _ => None,
    }
}

/// A tensor and where it begins, from the start of the data.
struct Placed {
    info: TensorInfo,
    offset: u64,
}

/// A reader that knows how many bytes are left, so that nothing is asked for that is not there.
struct HeaderReader<'a, R> {
    file: &'a str,
    from: BufReader<R>,
    at: u64,
    length: u64,
}

impl<'a, R: Read + Seek> HeaderReader<'a, R> {
    fn new(file: &'a str, from: R) -> Result<HeaderReader<'a, R>, WeightsError> {
        let mut from = BufReader::new(from);
        let length = from
            .seek(SeekFrom::End(0))
            .and_then(|length| from.rewind().map(|()| length))
            .map_err(|error| unreadable(file, &error))?;
        Ok(HeaderReader { file, from, at: 0, length })
    }

    fn malformed(&self, message: String) -> WeightsError {
        WeightsError::Header { file: self.file.to_owned(), format: "GGUF", message }
    }

    fn of_tensor(&self, tensor: &str, message: String) -> WeightsError {
        WeightsError::Tensor { file: self.file.to_owned(), tensor: tensor.to_owned(), message }
    }

    /// Takes the next `n` bytes from what is left.
    fn advance(&mut self, n: u64) -> Result<(), WeightsError> {
        if n > self.length - self.at {
            return Err(WeightsError::CutShort {
                file: self.file.to_owned(),
                needed: self.at.saturating_add(n),
                length: self.length,
            });
        }
        self.at += n;
        Ok(())
    }

    fn bytes<const N: usize>(&mut self) -> Result<[u8; N], WeightsError> {
        self.advance(N as u64)?;
        let mut bytes = [0; N];
        self.from.read_exact(&mut bytes).map_err(|error| unreadable(self.file, &error))?;
        Ok(bytes)
    }

    fn u32(&mut self) -> Result<u32, WeightsError> {
        Ok(u32::from_le_bytes(self.bytes()?))
    }

    fn u64(&mut self) -> Result<u64, WeightsError> {
        Ok(u64::from_le_bytes(self.bytes()?))
    }

    fn skip(&mut self, n: u64) -> Result<(), WeightsError> {
        self.advance(n)?;
        // The file is that long, and no file is longer than an i64 says.
        let n = i64::try_from(n).unwrap_or(i64::MAX);
        self.from.seek_relative(n).map_err(|error| unreadable(self.file, &error))
    }

    fn count(&mut self, what: &str, limit: u64) -> Result<u64, WeightsError> {
        let found = self.u64()?;
        if found > limit {
            return Err(WeightsError::Limit {
                file: self.file.to_owned(),
                what: what.to_owned(),
                found,
                limit,
            });
        }
        Ok(found)
    }

    fn text(&mut self, length: u64) -> Result<String, WeightsError> {
        self.advance(length)?;
        let mut bytes = Vec::new();
        let mut text = self.from.by_ref().take(length);
        text.read_to_end(&mut bytes).map_err(|error| unreadable(self.file, &error))?;
        String::from_utf8(bytes)
            .map_err(|_| self.malformed(format!("a text before byte {} is not UTF-8", self.at)))
    }

    fn name(&mut self, what: &str) -> Result<String, WeightsError> {
        let length = self.count(what, MAX_NAME_BYTES)?;
        self.text(length)
    }

    fn magic_and_version(&mut self) -> Result<(), WeightsError> {
        let magic: [u8; 4] = self.bytes()?;
        if !starts_as_gguf(&magic) {
            return Err(self.malformed("the first four bytes are not GGUF".to_owned()));
        }
        let version = self.bytes()?;
        let found = match u32::from_le_bytes(version) {
            2 | 3 => return Ok(()),
            _ if (2..=3).contains(&u32::from_be_bytes(version)) => {
                "a big-endian machine".to_owned()
            }
            other => format!("version {other}"),
        };
        Err(WeightsError::Version { file: self.file.to_owned(), found })
    }

    fn value(&mut self, kind: u32) -> Result<MetadataValue, WeightsError> {
        match kind {
            STRING => {
                let length = self.u64()?;
                if length <= MAX_TEXT_BYTES {
                    return self.text(length).map(MetadataValue::Text);
                }
                self.skip(length)?;
                Ok(MetadataValue::Other)
            }
            ARRAY => self.array(),
            _ => Ok(self.number(kind)?.map_or(MetadataValue::Other, MetadataValue::Count)),
        }
    }

    /// A number of a GGUF; nothing where it is negative or a fraction.
    fn number(&mut self, kind: u32) -> Result<Option<u64>, WeightsError> {
        Ok(match kind {
            0 | BOOL => Some(u64::from(u8::from_le_bytes(self.bytes()?))),
            1 => u64::try_from(i8::from_le_bytes(self.bytes()?)).ok(),
            2 => Some(u64::from(u16::from_le_bytes(self.bytes()?))),
            3 => u64::try_from(i16::from_le_bytes(self.bytes()?)).ok(),
            4 => Some(u64::from(self.u32()?)),
            5 => u64::try_from(i32::from_le_bytes(self.bytes()?)).ok(),
            10 => Some(self.u64()?),
            11 => u64::try_from(i64::from_le_bytes(self.bytes()?)).ok(),
            _ => {
                self.skip(self.width(kind)?)?;
                None
            }
        })
    }

    fn width(&self, kind: u32) -> Result<u64, WeightsError> {
        match kind {
            0 | 1 | BOOL => Ok(1),
            2 | 3 => Ok(2),
            4..=6 => Ok(4),
            10..=12 => Ok(8),
            other => Err(self.malformed(format!("a value has the unknown type {other}"))),
        }
    }

    fn array(&mut self) -> Result<MetadataValue, WeightsError> {
        let kind = self.u32()?;
        let length = self.count("the length of an array", MAX_ARRAY_ELEMENTS)?;
        if kind == STRING {
            for _ in 0..length {
                let bytes = self.u64()?;
                self.skip(bytes)?;
            }
            return Ok(MetadataValue::Length(length));
        }
        let width = self.width(kind)?;
        if length > MAX_KEPT_ELEMENTS {
            self.skip(length * width)?;
            return Ok(MetadataValue::Length(length));
        }
        let mut counts = Some(Vec::new());
        for _ in 0..length {
            let next = self.number(kind)?;
            counts = counts.zip(next).map(|(mut counts, next)| {
                counts.push(next);
                counts
            });
        }
        Ok(counts.map_or(MetadataValue::Length(length), MetadataValue::Counts))
    }

    fn tensor(&mut self) -> Result<Placed, WeightsError> {
        let name = self.name("the length of a tensor's name")?;
        let n_dims = self.u32()?;
        if n_dims > MAX_DIMS {
            let message = format!("has {n_dims} dimensions, more than {MAX_DIMS}");
            return Err(self.of_tensor(&name, message));
        }
        let mut shape = Vec::new();
        for _ in 0..n_dims {
            shape.push(self.u64()?);
        }
        let id = self.u32()?;
        let offset = self.u64()?;
        let Some(kind) = GgmlType::of(id) else {
            return Err(WeightsError::UnknownType { file: self.file.to_owned(), tensor: name, id });
        };
        let Some(n_elements) = shape.iter().try_fold(1_u64, |all, it| all.checked_mul(*it)) else {
            return Err(self.of_tensor(&name, format!("has the shape {shape:?}, which overflows")));
        };
        let row = shape.first().copied().unwrap_or(1);
        if !row.is_multiple_of(kind.block_elements) {
            let message = format!(
                "has rows of {row} elements and the type {}, whose blocks have {}",
                kind.name, kind.block_elements
            );
            return Err(self.of_tensor(&name, message));
        }
        let Some(bytes) = kind.bytes(n_elements) else {
            let message =
                format!("has {n_elements} elements of {}, more bytes than any file", kind.name);
            return Err(self.of_tensor(&name, message));
        };
        let dtype = kind.name.to_owned();
        let info = TensorInfo { name, dtype, shape, n_elements, bytes: Bytes::new(bytes) };
        Ok(Placed { info, offset })
    }

    /// Whether every tensor lies in the file, and no two in one place.
    fn check_places(&self, tensors: &[Placed], alignment: u64) -> Result<(), WeightsError> {
        let overflows =
            |it: &Placed| self.of_tensor(&it.info.name, "lies beyond any file".to_owned());
        let mut by_place: Vec<&Placed> =
            tensors.iter().filter(|it| it.info.n_elements > 0).collect();
        by_place.sort_by_key(|it| it.offset);
        let mut end = 0;
        for placed in by_place {
            if placed.offset < end {
                let message =
                    format!("begins at {} and its neighbour ends at {end}", placed.offset);
                return Err(self.of_tensor(&placed.info.name, message));
            }
            if !placed.offset.is_multiple_of(alignment) {
                let message = format!("begins at {}, no multiple of {alignment}", placed.offset);
                return Err(self.of_tensor(&placed.info.name, message));
            }
            end = placed
                .offset
                .checked_add(placed.info.bytes.get())
                .ok_or_else(|| overflows(placed))?;
        }
        if end == 0 {
            return Ok(());
        }
        let needed = self
            .at
            .checked_next_multiple_of(alignment)
            .and_then(|start| start.checked_add(end))
            .unwrap_or(u64::MAX);
        if needed > self.length {
            return Err(WeightsError::CutShort {
                file: self.file.to_owned(),
                needed,
                length: self.length,
            });
        }
        Ok(())
    }
}

fn unreadable(file: &str, error: &std::io::Error) -> WeightsError {
    WeightsError::Unreadable { file: file.to_owned(), message: error.to_string() }
}
