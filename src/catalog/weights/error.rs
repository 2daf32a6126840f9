//! What can be wrong with a weight file, with the file and the tensor to look at.

/// Why the header of a weight file was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "every field is in the message above it")]
pub enum WeightsError {
    /// The disk, not the file.
    #[error("{file}: cannot be read: {message}")]
    Unreadable { file: String, message: String },
    /// Shorter than its header says.
    #[error("{file}: cut short: its header needs {needed} bytes and the file has {length}")]
    CutShort { file: String, needed: u64, length: u64 },
    /// Longer than its header says.
    #[error("{file}: its header describes {described} bytes and the file has {length}")]
    TooLong { file: String, described: u64, length: u64 },
    /// A header that does not follow its format.
    #[error("{file}: not a {format} header: {message}")]
    Header { file: String, format: &'static str, message: String },
    /// A count or a length no real file has.
    #[error("{file}: {what} is {found}, and no more than {limit} are read")]
    Limit { file: String, what: String, found: u64, limit: u64 },
    /// A GGUF of another layout.
    #[error("{file}: a GGUF of {found}; versions 2 and 3, little endian, are read")]
    Version { file: String, found: String },
    /// A GGML type of a later llama.cpp, or one that was removed.
    #[error("{file}: the tensor {tensor:?} has the GGML type {id}, whose size is not known")]
    UnknownType { file: String, tensor: String, id: u32 },
    /// A tensor that cannot be.
    #[error("{file}: the tensor {tensor:?} {message}")]
    Tensor { file: String, tensor: String, message: String },
    /// One tensor in two places.
    #[error("{file}: the tensor {tensor:?} is in {other} too")]
    TensorTwice { file: String, other: String, tensor: String },
    /// A checkpoint without weights.
    #[error("{file}: holds no tensor")]
    NoTensors { file: String },
    /// Files of a checkpoint that are not there.
    #[error("{file}: {n_missing} of {n_files} files of the checkpoint are missing: {missing}")]
    MissingShards { file: String, missing: String, n_missing: usize, n_files: usize },
    /// Files that do not belong together.
    #[error("{file}: {message}")]
    Shards { file: String, message: String },
    /// GGUF metadata without keys that decide memory.
    #[error("{file}: the metadata lacks {keys}")]
    MissingKeys { file: String, keys: String },
}

impl WeightsError {
    /// What to do about it, in one line.
    pub const fn hint(&self) -> &'static str {
        match self {
            WeightsError::Unreadable { .. } => "check the path, and that this user may read it",
            WeightsError::CutShort { .. } => "download the file again: it is not complete",
            WeightsError::TooLong { .. }
            | WeightsError::Header { .. }
            | WeightsError::Limit { .. }
            | WeightsError::Tensor { .. } => {
                "download the file again, or convert the model anew: the header is damaged"
            }
            WeightsError::Version { .. } => {
                "convert the model anew with a llama.cpp of 2023-11 or later, on a little-endian machine"
            }
            WeightsError::UnknownType { .. } => {
                "give the config.json of the model and its --quantization instead"
            }
            WeightsError::TensorTwice { .. } => {
                "keep the files of one checkpoint in the folder, and move the others out"
            }
            WeightsError::NoTensors { .. } => "name a file with weights, not a vocabulary alone",
            WeightsError::MissingShards { .. } => "download the missing files into the same folder",
            WeightsError::Shards { .. } => "download the files of one checkpoint into one folder",
            WeightsError::MissingKeys { .. } => {
                "name the GGUF of a language model, or the config.json it was made from"
            }
        }
    }
}
