//! The exact bytes of a checkpoint, from the headers of its files.
//!
//! Comes in: a reader at the start of a safetensors or a GGUF file. Goes out: a [`WeightFile`],
//! every tensor with dtype, shape and bytes, checked against the length of the file, and its sums.
//! The tensors themselves are never read, and no count in a file is believed before the file has
//! proven long enough for it. Nothing here opens a file.

mod error;
mod ggml_type;
mod gguf;
mod gguf_model;
#[cfg(test)]
mod gguf_model_tests;
#[cfg(test)]
mod gguf_tests;
mod safetensors;
mod shards;
mod sums;

use std::collections::BTreeMap;

pub use self::error::WeightsError;
pub use self::gguf::{MetadataValue, join_gguf, read_gguf, starts_as_gguf};
pub use self::gguf_model::model_from_gguf;
pub use self::safetensors::{
    SafetensorsIndex, join_safetensors, read_safetensors, read_safetensors_index,
};
pub use self::shards::shard_names;
pub use self::sums::{DtypeSum, WeightSums};
use crate::units::Bytes;

/// One tensor of a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TensorInfo {
    /// As in the file.
    pub name: String,
    /// How its elements are stored, in the words of the format: `BF16`, `F8_E4M3`, `Q4_K`.
    pub dtype: String,
    /// Its dimensions in the order of the file: rows first in safetensors, columns first in GGUF.
    pub shape: Vec<u64>,
    /// The product of the shape.
    pub n_elements: u64,
    /// What it takes in the file, and in memory as it is.
    pub bytes: Bytes,
}

/// The header of a weight file, or of all files of a checkpoint.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WeightFile {
    /// The tensors, by name.
    pub tensors: Vec<TensorInfo>,
    /// The keys of a GGUF; empty for safetensors.
    pub metadata: BTreeMap<String, MetadataValue>,
}

impl WeightFile {
    /// The tensors of all parts, which have a name each, with the metadata of the first.
    fn joined(parts: Vec<(String, WeightFile)>) -> Result<WeightFile, WeightsError> {
        let mut joined = WeightFile::default();
        let mut files = Vec::with_capacity(parts.len());
        let mut tensors = Vec::new();
        for (at, (file, part)) in parts.into_iter().enumerate() {
            files.push(file);
            if at == 0 {
                joined.metadata = part.metadata;
            }
            tensors.extend(part.tensors.into_iter().map(|it| (it, at)));
        }
        if tensors.is_empty() {
            return Err(WeightsError::NoTensors {
                file: files.into_iter().next().unwrap_or_default(),
            });
        }
        tensors.sort_by(|(a, _), (b, _)| a.name.cmp(&b.name));
        for pair in tensors.windows(2) {
            let [(one, other), (two, file)] = pair else { continue };
            if one.name == two.name {
                return Err(WeightsError::TensorTwice {
                    file: files[*file].clone(),
                    other: files[*other].clone(),
                    tensor: two.name.clone(),
                });
            }
        }
        joined.tensors = tensors.into_iter().map(|(tensor, _)| tensor).collect();
        Ok(joined)
    }
}
