//! The header of a safetensors file: the length of a JSON text in 8 bytes, little endian, then the
//! text. Dtypes, shapes and offsets are read and checked by the format's own library, whose
//! `Metadata` needs the header only.

use std::collections::BTreeMap;
use std::io::{Read, Seek, SeekFrom};

use safetensors::tensor::Metadata;
use serde::Deserialize;

use super::error::WeightsError;
use super::{TensorInfo, WeightFile};
use crate::units::Bytes;

/// The limit of the format's own library.
const MAX_HEADER_BYTES: u64 = 100_000_000;
/// The field with the length of the header.
const LENGTH_BYTES: u64 = 8;

/// Reads the header of the safetensors file `file`.
pub fn read_safetensors(
    file: &str,
    mut from: impl Read + Seek,
) -> Result<WeightFile, WeightsError> {
    let unreadable = |error: std::io::Error| WeightsError::Unreadable {
        file: file.to_owned(),
        message: error.to_string(),
    };
    let malformed = |message: String| WeightsError::Header {
        file: file.to_owned(),
        format: "safetensors",
        message,
    };
    let cut =
        |needed: u64, length: u64| WeightsError::CutShort { file: file.to_owned(), needed, length };
    let length = from.seek(SeekFrom::End(0)).map_err(unreadable)?;
    from.rewind().map_err(unreadable)?;
    if length < LENGTH_BYTES {
        return Err(cut(LENGTH_BYTES, length));
    }
    let mut size = [0; 8];
    from.read_exact(&mut size).map_err(unreadable)?;
    let size = u64::from_le_bytes(size);
    if size > MAX_HEADER_BYTES {
        return Err(WeightsError::Limit {
            file: file.to_owned(),
            what: "the length of the header".to_owned(),
            found: size,
            limit: MAX_HEADER_BYTES,
        });
    }
    let data_at = LENGTH_BYTES + size;
    if data_at > length {
        return Err(cut(data_at, length));
    }
    let mut header = Vec::new();
    from.take(size).read_to_end(&mut header).map_err(unreadable)?;
    let metadata: Metadata =
        serde_json::from_slice(&header).map_err(|error| malformed(error.to_string()))?;
    let described = data_at
        .checked_add(metadata.data_len() as u64)
        .ok_or_else(|| malformed("the offsets overflow".to_owned()))?;
    if described > length {
        return Err(cut(described, length));
    }
    if described < length {
        return Err(WeightsError::TooLong { file: file.to_owned(), described, length });
    }
    Ok(WeightFile { tensors: tensors(&metadata), metadata: BTreeMap::new() })
}

/// What the library has checked: offsets that follow each other, and bytes that are those of dtype
/// and shape.
fn tensors(metadata: &Metadata) -> Vec<TensorInfo> {
    let names = metadata.offset_keys().into_iter();
    names
        .filter_map(|name| {
            let info = metadata.info(&name)?;
            let shape: Vec<u64> = info.shape.iter().map(|it| *it as u64).collect();
            Some(TensorInfo {
                name,
                dtype: info.dtype.to_string(),
                n_elements: shape.iter().product(),
                shape,
                bytes: Bytes::new((info.data_offsets.1 - info.data_offsets.0) as u64),
            })
        })
        .collect()
}

/// `model.safetensors.index.json`: which file holds which tensor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SafetensorsIndex {
    file: String,
    weight_map: BTreeMap<String, String>,
}

impl SafetensorsIndex {
    /// The files it names, in the order of their names.
    pub fn files(&self) -> Vec<String> {
        let mut files: Vec<String> = self.weight_map.values().cloned().collect();
        files.sort();
        files.dedup();
        files
    }
}

/// Reads the text of the index `file`.
pub fn read_safetensors_index(file: &str, text: &str) -> Result<SafetensorsIndex, WeightsError> {
    #[derive(Deserialize)]
    struct RawIndex {
        weight_map: BTreeMap<String, String>,
    }
    let malformed = |message: String| WeightsError::Header {
        file: file.to_owned(),
        format: "safetensors index",
        message,
    };
    let raw: RawIndex = serde_json::from_str(text).map_err(|error| malformed(error.to_string()))?;
    if let Some(outside) = raw.weight_map.values().find(|it| it.contains(['/', '\\'])) {
        return Err(malformed(format!("{outside:?} is outside of its folder")));
    }
    Ok(SafetensorsIndex { file: file.to_owned(), weight_map: raw.weight_map })
}

/// The files of a checkpoint as one, held against the index where there is one.
pub fn join_safetensors(
    index: Option<&SafetensorsIndex>,
    parts: Vec<(String, WeightFile)>,
) -> Result<WeightFile, WeightsError> {
    if let Some(index) = index {
        let mut places: BTreeMap<&str, &str> = BTreeMap::new();
        for (file, part) in &parts {
            places.extend(part.tensors.iter().map(|it| (it.name.as_str(), file.as_str())));
        }
        let absent = index
            .weight_map
            .iter()
            .find(|(tensor, file)| places.get(tensor.as_str()) != Some(&file.as_str()));
        if let Some((tensor, file)) = absent {
            return Err(WeightsError::Shards {
                file: index.file.clone(),
                message: format!("says that {tensor:?} is in {file}, which does not hold it"),
            });
        }
    }
    WeightFile::joined(parts)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use proptest::prelude::*;

    use super::*;

    fn file(header: &str, data_bytes: usize) -> Vec<u8> {
        let size = (header.len() as u64).to_le_bytes();
        [&size, header.as_bytes(), &vec![7; data_bytes]].concat()
    }

    const SAMPLE: &str = r#"{"__metadata__": {"format": "pt"},
        "norm": {"dtype": "F32", "shape": [3], "data_offsets": [0, 12]},
        "w": {"dtype": "BF16", "shape": [4, 3], "data_offsets": [12, 36]},
        "fp4": {"dtype": "F4", "shape": [2, 2], "data_offsets": [36, 38]},
        "empty": {"dtype": "F8_E4M3", "shape": [0, 9], "data_offsets": [38, 38]},
        "step": {"dtype": "I64", "shape": [], "data_offsets": [38, 46]}}  "#;

    fn read(bytes: &[u8]) -> Result<WeightFile, WeightsError> {
        read_safetensors("m.safetensors", Cursor::new(bytes))
    }

    #[test]
    fn dtypes_shapes_and_bytes_are_read() {
        let read = read(&file(SAMPLE, 46)).unwrap();
        let mut tensors: Vec<(&str, &str, u64, u64)> = read
            .tensors
            .iter()
            .map(|it| (it.name.as_str(), it.dtype.as_str(), it.n_elements, it.bytes.get()))
            .collect();
        tensors.sort_unstable();
        assert_eq!(
            tensors,
            [
                ("empty", "F8_E4M3", 0, 0),
                ("fp4", "F4", 4, 2),
                ("norm", "F32", 3, 12),
                ("step", "I64", 1, 8),
                ("w", "BF16", 12, 24),
            ]
        );
    }

    #[test]
    fn a_file_cut_anywhere_is_an_error() {
        let whole = file(SAMPLE, 46);
        for length in 0..whole.len() {
            let error = read(&whole[..length]).unwrap_err();
            assert!(matches!(error, WeightsError::CutShort { .. }), "{length}: {error}");
        }
    }

    #[test]
    fn a_spoiled_byte_never_panics() {
        let whole = file(SAMPLE, 46);
        for at in 0..whole.len() {
            for with in [0, b'9', b'"', b'{', 0x80, 0xff] {
                let mut spoiled = whole.clone();
                spoiled[at] = with;
                let _ = read(&spoiled);
            }
        }
    }

    proptest! {
        #[test]
        fn any_eight_bytes_spoiled_never_panic(at in 0_usize..450, with in any::<[u8; 8]>()) {
            let mut spoiled = file(SAMPLE, 46);
            spoiled[at..at + 8].copy_from_slice(&with);
            let _ = read(&spoiled);
        }
    }

    #[test]
    fn what_cannot_be_is_named() {
        let check = |bytes: &[u8], expected: &str| {
            let error = read(bytes).unwrap_err().to_string();
            assert!(error.starts_with(&format!("m.safetensors: {expected}")), "{error}");
        };
        check(
            &[&(1_u64 << 60).to_le_bytes()[..], b"{}"].concat(),
            "the length of the header is 1152921504606846976, and no more than 100000000 are read",
        );
        check(
            &[&999_u64.to_le_bytes()[..], b"{}"].concat(),
            "cut short: its header needs 1007 bytes and the file has 10",
        );
        check(&file(SAMPLE, 47), "its header describes 468 bytes and the file has 469");
        let tensor = |dtype: &str, shape: &str, begin: u64, end: u64| {
            let header = format!(
                r#"{{"a": {{"dtype": "U8", "shape": [4], "data_offsets": [0, 4]}},
                "b": {{"dtype": "{dtype}", "shape": {shape}, "data_offsets": [{begin}, {end}]}}}}"#
            );
            file(&header, 8)
        };
        let header = "not a safetensors header: ";
        check(&file("[1]", 0), header);
        check(&file("{\"a\": 1}", 0), header);
        check(&tensor("F32", "[1]", 0, 4), &format!("{header}invalid offset for tensor"));
        check(&tensor("F32", "[1]", 5, 9), &format!("{header}invalid offset for tensor `b`"));
        check(
            &tensor("F32", "[2]", 4, 8),
            &format!("{header}invalid shape, data type, or offset for tensor"),
        );
        check(&tensor("F99", "[1]", 4, 8), &format!("{header}unknown variant `F99`"));
        check(
            &tensor("F32", "[4294967296, 4294967296]", 4, 8),
            &format!("{header}overflow computing buffer size"),
        );
        check(
            &tensor("F32", "[1]", 4, u64::MAX),
            &format!("{header}invalid shape, data type, or offset for tensor"),
        );
    }

    #[test]
    fn the_index_holds_the_files_to_their_word() {
        let index = |weight_map: &str| {
            let text =
                format!(r#"{{"metadata": {{"total_size": 4}}, "weight_map": {weight_map}}}"#);
            read_safetensors_index("model.safetensors.index.json", &text)
        };
        let part = |tensor: &str, file_name: &str| {
            let header = format!(
                r#"{{"{tensor}": {{"dtype": "F16", "shape": [2], "data_offsets": [0, 4]}}}}"#
            );
            (file_name.to_owned(), read(&file(&header, 4)).unwrap())
        };
        let good = index(r#"{"b": "2", "a": "1"}"#).unwrap();
        assert_eq!(good.files(), ["1", "2"]);
        let whole = join_safetensors(Some(&good), vec![part("a", "1"), part("b", "2")]).unwrap();
        assert_eq!(whole.tensors.iter().map(|it| it.bytes.get()).sum::<u64>(), 8);
        let check = |parts: Vec<(String, WeightFile)>, expected: &str| {
            assert_eq!(join_safetensors(Some(&good), parts).unwrap_err().to_string(), expected);
        };
        check(
            vec![part("a", "1"), part("c", "2")],
            "model.safetensors.index.json: says that \"b\" is in 2, which does not hold it",
        );
        check(
            vec![part("a", "1"), part("b", "2"), part("a", "3")],
            "model.safetensors.index.json: says that \"a\" is in 1, which does not hold it",
        );
        let twice = vec![part("a", "1"), part("a", "2")];
        assert_eq!(
            join_safetensors(None, twice).unwrap_err().to_string(),
            "2: the tensor \"a\" is in 1 too"
        );
        let outside = index(r#"{"a": "../secret"}"#).unwrap_err().to_string();
        assert!(outside.ends_with("\"../secret\" is outside of its folder"), "{outside}");
        assert!(index("3").is_err());
        assert!(join_safetensors(None, vec![]).is_err());
    }
}
