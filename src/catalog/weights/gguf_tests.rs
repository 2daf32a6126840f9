//! Small GGUF files, byte by byte: read, cut, spoiled, split.

use std::io::Cursor;

use proptest::prelude::*;

use super::*;

/// A GGUF while it is written.
struct Gguf {
    version: u32,
    n_keys: u64,
    keys: Vec<u8>,
    n_tensors: u64,
    tensors: Vec<u8>,
    data_bytes: u64,
}

fn text(it: &str) -> Vec<u8> {
    [&(it.len() as u64).to_le_bytes(), it.as_bytes()].concat()
}

impl Gguf {
    fn new() -> Gguf {
        Gguf {
            version: 3,
            n_keys: 0,
            keys: Vec::new(),
            n_tensors: 0,
            tensors: Vec::new(),
            data_bytes: 0,
        }
    }

    fn key(mut self, key: &str, kind: u32, value: &[u8]) -> Gguf {
        self.n_keys += 1;
        self.keys.extend([&text(key), &kind.to_le_bytes()[..], value].concat());
        self
    }

    fn u32(self, key: &str, value: u32) -> Gguf {
        self.key(key, 4, &value.to_le_bytes())
    }

    fn array(self, key: &str, kind: u32, length: u64, elements: &[u8]) -> Gguf {
        let head = [&kind.to_le_bytes()[..], &length.to_le_bytes()].concat();
        self.key(key, 9, &[&head, elements].concat())
    }

    fn tensor_at(mut self, name: &str, shape: &[u64], kind: u32, offset: u64) -> Gguf {
        self.n_tensors += 1;
        self.tensors.extend(text(name));
        self.tensors.extend(u32::try_from(shape.len()).unwrap().to_le_bytes());
        self.tensors.extend(shape.iter().flat_map(|it| it.to_le_bytes()));
        self.tensors.extend(kind.to_le_bytes());
        self.tensors.extend(offset.to_le_bytes());
        self
    }

    /// A tensor after the last one, of that many bytes.
    fn tensor(self, name: &str, shape: &[u64], kind: u32, bytes: u64) -> Gguf {
        let offset = self.data_bytes.next_multiple_of(32);
        let mut with = self.tensor_at(name, shape, kind, offset);
        with.data_bytes = offset + bytes;
        with
    }

    fn bytes(&self) -> Vec<u8> {
        let mut bytes = b"GGUF".to_vec();
        bytes.extend(self.version.to_le_bytes());
        bytes.extend(self.n_tensors.to_le_bytes());
        bytes.extend(self.n_keys.to_le_bytes());
        bytes.extend(&self.keys);
        bytes.extend(&self.tensors);
        if self.data_bytes > 0 {
            let start = bytes.len().next_multiple_of(32);
            bytes.resize(start + usize::try_from(self.data_bytes).unwrap(), 7);
        }
        bytes
    }
}

fn sample() -> Gguf {
    let tokens: Vec<u8> = ["<s>", "", "the"].iter().flat_map(|it| text(it)).collect();
    Gguf::new()
        .key("general.architecture", 8, &text("llama"))
        .u32("llama.block_count", 1)
        .key("llama.rope.freq_base", 6, &10_000_f32.to_le_bytes())
        .key("general.quantized", 7, &[1])
        .key("a.u8", 0, &[9])
        .key("a.negative", 5, &(-1_i32).to_le_bytes())
        .key("a.i64", 11, &6_i64.to_le_bytes())
        .key("a.f64", 12, &6_f64.to_le_bytes())
        .array("tokenizer.ggml.tokens", 8, 3, &tokens)
        .array("tokenizer.ggml.scores", 6, 3, &[0; 12])
        .array("llama.attention.head_count_kv", 5, 2, &[8, 0, 0, 0, 0, 0, 0, 0])
        .tensor("token_embd.weight", &[256, 3], 14, 630)
        .tensor("output_norm.weight", &[256], 0, 1024)
        .tensor("nothing", &[256, 0], 12, 0)
        .tensor("output.weight", &[256, 3], 12, 432)
}

fn read(bytes: &[u8]) -> Result<WeightFile, WeightsError> {
    read_gguf("m.gguf", Cursor::new(bytes))
}

#[test]
fn keys_and_tensors_are_read() {
    for version in [2, 3] {
        let file = read(&Gguf { version, ..sample() }.bytes()).unwrap();
        let value = |key: &str| file.metadata[key].clone();
        assert_eq!(value("general.architecture"), MetadataValue::Text("llama".to_owned()));
        assert_eq!(value("llama.block_count"), MetadataValue::Count(1));
        assert_eq!(value("llama.rope.freq_base"), MetadataValue::Other);
        assert_eq!(value("general.quantized"), MetadataValue::Count(1));
        assert_eq!(value("a.u8"), MetadataValue::Count(9));
        assert_eq!(value("a.negative"), MetadataValue::Other);
        assert_eq!(value("a.i64"), MetadataValue::Count(6));
        assert_eq!(value("tokenizer.ggml.tokens"), MetadataValue::Length(3));
        assert_eq!(value("tokenizer.ggml.scores"), MetadataValue::Length(3));
        assert_eq!(value("llama.attention.head_count_kv"), MetadataValue::Counts(vec![8, 0]));
        let tensors: Vec<(&str, &str, u64, u64)> = file
            .tensors
            .iter()
            .map(|it| (it.name.as_str(), it.dtype.as_str(), it.n_elements, it.bytes.get()))
            .collect();
        assert_eq!(
            tensors,
            [
                ("token_embd.weight", "Q6_K", 768, 630),
                ("output_norm.weight", "F32", 256, 1024),
                ("nothing", "Q4_K", 0, 0),
                ("output.weight", "Q4_K", 768, 432),
            ]
        );
        assert_eq!(file.tensors[0].shape, [256, 3]);
    }
}

#[test]
fn a_file_cut_anywhere_is_an_error() {
    let whole = sample().bytes();
    for length in 0..whole.len() {
        let error = read(&whole[..length]).unwrap_err();
        assert!(matches!(error, WeightsError::CutShort { .. }), "{length}: {error}");
    }
    // llama.cpp pads the end; what lies behind the last tensor is not looked at.
    assert!(read(&[whole, vec![0; 100]].concat()).is_ok());
}

/// Reads what may be spoiled, and what model it is.
fn read_spoiled(bytes: &[u8]) {
    if let Ok(file) = read(bytes) {
        let _ = model_from_gguf("m.gguf", &file, &WeightSums::of(&file.tensors));
    }
}

#[test]
fn a_spoiled_byte_never_panics() {
    let whole = sample()
        .u32("llama.embedding_length", 64)
        .u32("llama.attention.head_count", 2)
        .u32("llama.attention.sliding_window", 9)
        .u32("llama.expert_count", 4)
        .u32("llama.expert_used_count", 2)
        .bytes();
    for at in 0..whole.len() {
        for with in [0, 1, 0x7f, 0x80, 0xff] {
            let mut spoiled = whole.clone();
            spoiled[at] = with;
            read_spoiled(&spoiled);
        }
    }
}

proptest! {
    #[test]
    fn random_headers_never_panic(rest in proptest::collection::vec(any::<u8>(), 0..200), version in 2_u32..=3) {
        read_spoiled(&[b"GGUF".as_slice(), &version.to_le_bytes(), &rest].concat());
    }

    #[test]
    fn any_sixteen_bytes_spoiled_never_panic(at in 0_usize..600, with in any::<[u8; 16]>()) {
        let mut spoiled = sample().bytes();
        spoiled[at..at + 16].copy_from_slice(&with);
        read_spoiled(&spoiled);
    }
}

fn check(file: &Gguf, expected: &str) {
    assert_eq!(read(&file.bytes()).unwrap_err().to_string(), expected);
}

#[test]
fn a_header_that_cannot_be_is_named() {
    let versions = "versions 2 and 3, little endian, are read";
    check(&Gguf { version: 1, ..sample() }, &format!("m.gguf: a GGUF of version 1; {versions}"));
    check(
        &Gguf { version: 3_u32.swap_bytes(), ..sample() },
        &format!("m.gguf: a GGUF of a big-endian machine; {versions}"),
    );
    check(
        &Gguf { n_tensors: 1 << 60, ..sample() },
        "m.gguf: the number of tensors is 1152921504606846976, and no more than 1048576 are read",
    );
    check(
        &Gguf { n_keys: 1 << 60, ..sample() },
        "m.gguf: the number of keys is 1152921504606846976, and no more than 65536 are read",
    );
    check(
        &sample().array("b", 8, 1 << 60, &[]),
        "m.gguf: the length of an array is 1152921504606846976, and no more than 16777216 are read",
    );
    check(
        &Gguf::new().key("b", 8, &(1_u64 << 60).to_le_bytes()),
        "m.gguf: cut short: its header needs 1152921504606847021 bytes and the file has 45",
    );
    check(
        &sample().array("b", 9, 1, &[]),
        "m.gguf: not a GGUF header: a value has the unknown type 9",
    );
    check(&sample().u32("a.u8", 1), "m.gguf: not a GGUF header: the key \"a.u8\" is there twice");
    check(
        &sample().u32("general.alignment", 0),
        "m.gguf: not a GGUF header: general.alignment is no power of two",
    );
    assert_eq!(
        read(b"PK\x03\x04").unwrap_err().to_string(),
        "m.gguf: not a GGUF header: the first four bytes are not GGUF"
    );
}

#[test]
fn a_tensor_that_cannot_be_is_named() {
    let tensor = "m.gguf: the tensor \"t\"";
    check(
        &sample().tensor_at("t", &[1 << 40, 1 << 40], 0, 0),
        &format!("{tensor} has the shape [1099511627776, 1099511627776], which overflows"),
    );
    check(
        &sample().tensor_at("t", &[1 << 63], 0, 0),
        &format!("{tensor} has 9223372036854775808 elements of F32, more bytes than any file"),
    );
    check(
        &sample().tensor_at("t", &[100], 12, 0),
        &format!("{tensor} has rows of 100 elements and the type Q4_K, whose blocks have 256"),
    );
    check(
        &sample().tensor_at("t", &[256], 4, 0),
        &format!("{tensor} has the GGML type 4, whose size is not known"),
    );
    check(
        &sample().tensor_at("t", &[1; 5], 0, 0),
        &format!("{tensor} has 5 dimensions, more than 4"),
    );
    check(
        &sample().tensor_at("t", &[1], 0, 608),
        &format!("{tensor} begins at 608 and its neighbour ends at 630"),
    );
    check(
        &sample().tensor_at("t", &[1], 0, 4000),
        "m.gguf: cut short: its header needs 4708 bytes and the file has 2800",
    );
    check(
        &sample().tensor_at("t", &[1], 0, 4001),
        &format!("{tensor} begins at 4001, no multiple of 32"),
    );
    check(
        &sample().tensor_at("t", &[1], 0, u64::MAX - 31),
        "m.gguf: cut short: its header needs 18446744073709551615 bytes and the file has 2800",
    );
}

#[test]
fn split_files_are_one_model() {
    let parts = |counts: [u32; 3]| {
        let [no, files, tensors] = counts;
        let first = Gguf::new()
            .key("general.architecture", 8, &text("llama"))
            .u32("split.no", 0)
            .u32("split.count", files)
            .key("split.tensors.count", 5, &tensors.to_le_bytes());
        let second = Gguf::new().u32("split.no", no).tensor("token_embd.weight", &[32], 8, 34);
        vec![
            ("m-00001-of-00002.gguf".to_owned(), read(&first.bytes()).unwrap()),
            ("m-00002-of-00002.gguf".to_owned(), read(&second.bytes()).unwrap()),
        ]
    };
    let whole = join_gguf(parts([1, 2, 1])).unwrap();
    assert_eq!((whole.tensors.len(), whole.metadata.len()), (1, 4));
    let check = |parts: Vec<(String, WeightFile)>, expected: &str| {
        assert_eq!(join_gguf(parts).unwrap_err().to_string(), expected);
    };
    check(parts([0, 2, 1]), "m-00002-of-00002.gguf: is part 1 by its metadata, 2 by its name");
    check(
        parts([1, 3, 1]),
        "m-00001-of-00002.gguf: is the first of 3 files by its metadata, and 2 are read",
    );
    check(
        parts([1, 2, 7]),
        "m-00001-of-00002.gguf: says that the files hold 7 tensors; they hold 1",
    );
    let mut twice = parts([1, 2, 1]);
    twice[0].1.tensors = twice[1].1.tensors.clone();
    check(
        twice,
        "m-00002-of-00002.gguf: the tensor \"token_embd.weight\" is in m-00001-of-00002.gguf too",
    );
    check(parts([1, 2, 1])[..1].to_vec(), "m-00001-of-00002.gguf: holds no tensor");
}
