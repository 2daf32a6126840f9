//! What the word MODEL of `size` means: an id of the catalog, a config.json, a folder, or weights.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::failure::{ExitStatus, Failure};
use crate::catalog::{
    Catalog, ModelArch, WeightFile, WeightSums, WeightsError, join_gguf, join_safetensors,
    model_from_config_json, model_from_gguf, quantization_of, read_gguf, read_safetensors,
    read_safetensors_index, shard_names, starts_as_gguf,
};
use crate::size::{Checkpoint, Precision};
use crate::units::Bytes;

/// No config.json and no index is longer; weights of another format, named by mistake, are.
const MAX_JSON_BYTES: u64 = 100_000_000;
const INDEX_NAME: &str = "model.safetensors.index.json";
const NAME_A_MODEL: &str =
    "name a Hugging Face id of the catalog, a config.json, its folder, a .safetensors or a .gguf";

/// What is known of a model before it is sized.
pub(super) struct ModelSource {
    /// What the output calls it.
    pub(super) name: String,
    /// Its architecture; weights in safetensors alone do not tell it.
    pub(super) arch: Option<ModelArch>,
    /// What its weights take, where the files are at hand.
    pub(super) weights: Option<WeightSums>,
}

impl ModelSource {
    /// The format of the published weights: as the name says, else as the config does, else, of a
    /// GGUF file, as its bits per weight do. An error where the config's words are not understood.
    pub(super) fn native_precision(&self) -> Result<Precision, Failure> {
        if let Some(it) = quantization_of(&self.name).and_then(|it| Precision::parse(&it)) {
            return Ok(it);
        }
        if let Some(config) = self.arch.as_ref().and_then(|it| it.quantization.as_ref()) {
            return Precision::of_config(config).map_err(|why| {
                Failure::usage(
                    format!("{}: {why}", self.name),
                    "name the format of the weights with --quantization",
                )
            });
        }
        Ok(self.gguf_bits().map_or(Precision::Bf16, Precision::nearest_gguf))
    }

    /// Bits per weight of a file with the blocks of llama.cpp.
    fn gguf_bits(&self) -> Option<f64> {
        let sums = self.weights.as_ref()?;
        let is_block = |it: &str| it.starts_with('Q') || it.starts_with("IQ");
        sums.by_dtype.iter().any(|it| is_block(&it.dtype)).then_some(())?;
        let elements: u64 = sums.by_dtype.iter().map(|it| it.n_elements).sum();
        Some(sums.bytes.to_f64() * 8.0 / elements as f64)
    }

    /// What the files hold, for the sizer.
    pub(super) fn checkpoint(&self) -> Option<Checkpoint> {
        let sums = self.weights.as_ref()?;
        let embedding = if sums.lm_head.is_some() { sums.embedding } else { Bytes::ZERO };
        Some(Checkpoint { bytes: sums.bytes, embedding })
    }
}

/// What `word` means: `-` is a config.json on standard input, a path what is there, anything else
/// an id of the catalog.
pub(super) fn model_source(word: &str, catalog: &Catalog) -> Result<ModelSource, Failure> {
    let path = Path::new(word);
    if word == "-" {
        let arch = config("stdin", std::io::stdin())?;
        return Ok(ModelSource { name: arch.id.clone(), arch: Some(arch), weights: None });
    }
    if path.is_dir() {
        return folder(word, path);
    }
    if path.is_file() {
        return file(word, path);
    }
    if ["json", "gguf", "safetensors"].iter().any(|it| has_extension(path, it)) {
        let error = anyhow::anyhow!("{word}: no such file");
        return Err(Failure::new(ExitStatus::Input, error).with_hint("check the path"));
    }
    let Some(arch) = catalog.model(word) else {
        let near = catalog.suggest_model(word);
        let hint = if near.is_empty() {
            NAME_A_MODEL.to_owned()
        } else {
            format!("did you mean {}?", near.join(", "))
        };
        return Err(Failure::usage(format!("no model `{word}` in the catalog"), hint));
    };
    Ok(ModelSource { name: word.to_owned(), arch: Some(arch.clone()), weights: None })
}

/// The architecture from its config.json, the weights from its safetensors where there are any.
fn folder(word: &str, path: &Path) -> Result<ModelSource, Failure> {
    let at = path.join("config.json");
    if !at.is_file() {
        let error = anyhow::anyhow!("{word}: no config.json in the folder");
        return Err(Failure::new(ExitStatus::Input, error).with_hint(
            "put the config.json beside the weights, or name a .safetensors or .gguf in it",
        ));
    }
    let mut arch = config(word, open(&at)?)?;
    let weights = safetensors_in(word, path)?.map(|it| WeightSums::of(&it.tensors));
    if let Some(sums) = &weights
        && arch.params_total.is_none()
    {
        arch.params_total = sums.params_total();
        arch.params_active = match &arch.moe {
            Some(moe) => sums.params_active(moe.top_k, moe.n_experts),
            None => arch.params_total,
        };
    }
    Ok(ModelSource { name: word.to_owned(), arch: Some(arch), weights })
}

fn file(word: &str, path: &Path) -> Result<ModelSource, Failure> {
    let name = word.to_owned();
    if file_name(path).ends_with(".safetensors.index.json") {
        let weights = WeightSums::of(&indexed(path)?.tensors);
        return Ok(ModelSource { name, arch: None, weights: Some(weights) });
    }
    if has_extension(path, "safetensors") {
        let whole = join_safetensors(None, parts(path, read_safetensors)?)?;
        let weights = WeightSums::of(&whole.tensors);
        return Ok(ModelSource { name, arch: None, weights: Some(weights) });
    }
    let mut start = Vec::new();
    open(path)?.take(4).read_to_end(&mut start).map_err(|error| unreadable(path, &error))?;
    if has_extension(path, "gguf") || starts_as_gguf(&start) {
        let whole = join_gguf(parts(path, read_gguf)?)?;
        let weights = WeightSums::of(&whole.tensors);
        let arch = model_from_gguf(word, &whole, &weights)?;
        return Ok(ModelSource { name, arch: Some(arch), weights: Some(weights) });
    }
    let arch = config(word, open(path)?)?;
    Ok(ModelSource { name, arch: Some(arch), weights: None })
}

fn config(word: &str, from: impl Read) -> Result<ModelArch, Failure> {
    let text = short_text(Path::new(word), from)?;
    model_from_config_json(&text, word).map_err(|error| {
        let hint = error.hint();
        Failure::new(ExitStatus::Input, error).with_hint(hint)
    })
}

/// The weights of a folder: by its index, else `model.safetensors`, else the one file or set.
fn safetensors_in(word: &str, folder: &Path) -> Result<Option<WeightFile>, Failure> {
    let index = folder.join(INDEX_NAME);
    if index.is_file() {
        return indexed(&index).map(Some);
    }
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .and_then(|entries| entries.map(|it| it.map(|entry| file_name(&entry.path()))).collect())
        .map_err(|error| unreadable(folder, &error))?;
    names.retain(|it| has_extension(Path::new(it), "safetensors"));
    names.sort();
    let Some(first) = names.first() else { return Ok(None) };
    let set = shard_names(first).unwrap_or_else(|| vec![first.clone()]);
    let chosen = if names.iter().any(|it| it == "model.safetensors") {
        "model.safetensors"
    } else if names.iter().all(|it| set.contains(it)) {
        first
    } else {
        let error = anyhow::anyhow!(
            "{word}: {} safetensors files that are no set, and no {INDEX_NAME}",
            names.len()
        );
        return Err(Failure::new(ExitStatus::Input, error).with_hint(
            "download the index too, or leave the files of one checkpoint in the folder",
        ));
    };
    let parts = parts(&folder.join(chosen), read_safetensors)?;
    Ok(Some(join_safetensors(None, parts)?))
}

fn indexed(path: &Path) -> Result<WeightFile, Failure> {
    let index = read_safetensors_index(&file_name(path), &short_text(path, open(path)?)?)?;
    let parts = read_all(path, index.files(), read_safetensors)?;
    Ok(join_safetensors(Some(&index), parts)?)
}

/// The file, or all files of its set.
fn parts(
    path: &Path,
    read: fn(&str, File) -> Result<WeightFile, WeightsError>,
) -> Result<Vec<(String, WeightFile)>, Failure> {
    let name = file_name(path);
    read_all(path, shard_names(&name).unwrap_or_else(|| vec![name]), read)
}

/// The files of these names beside `path`.
fn read_all(
    path: &Path,
    names: Vec<String>,
    read: fn(&str, File) -> Result<WeightFile, WeightsError>,
) -> Result<Vec<(String, WeightFile)>, Failure> {
    let missing: Vec<&str> =
        names.iter().filter(|it| !path.with_file_name(it).is_file()).map(String::as_str).collect();
    if let Some(first) = missing.first() {
        return Err(WeightsError::MissingShards {
            file: file_name(path),
            missing: if missing.len() == 1 { (*first).to_owned() } else { format!("{first}, ...") },
            n_missing: missing.len(),
            n_files: names.len(),
        }
        .into());
    }
    let mut parts = Vec::with_capacity(names.len());
    for name in names {
        let file = open(&path.with_file_name(&name))?;
        let part = read(&name, file)?;
        parts.push((name, part));
    }
    Ok(parts)
}

fn open(path: &Path) -> Result<File, Failure> {
    File::open(path).map_err(|error| unreadable(path, &error))
}

fn short_text(path: &Path, from: impl Read) -> Result<String, Failure> {
    let mut text = String::new();
    let mut from = from.take(MAX_JSON_BYTES + 1);
    let length = from.read_to_string(&mut text).map_err(|error| unreadable(path, &error))?;
    if length as u64 > MAX_JSON_BYTES {
        let error = anyhow::anyhow!("{}: too long for a config.json", path.display());
        return Err(Failure::new(ExitStatus::Input, error).with_hint(NAME_A_MODEL));
    }
    Ok(text)
}

fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    let error = anyhow::anyhow!("{}: {error}", path.display());
    Failure::new(ExitStatus::Input, error).with_hint(NAME_A_MODEL)
}

fn file_name(path: &Path) -> String {
    path.file_name().map(|it| it.to_string_lossy().into_owned()).unwrap_or_default()
}

fn has_extension(path: &Path, extension: &str) -> bool {
    path.extension().is_some_and(|it| it.eq_ignore_ascii_case(extension))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: &str = r#"{"model_type": "qwen3_moe", "hidden_size": 8, "num_hidden_layers": 1,
        "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 4, "vocab_size": 10,
        "intermediate_size": 16, "moe_intermediate_size": 4, "num_experts": 4,
        "num_experts_per_tok": 1}"#;

    /// A safetensors file with one tensor of that many bf16 weights.
    fn weights(tensor: &str, n_elements: usize) -> Vec<u8> {
        let header = format!(
            r#"{{"{tensor}": {{"dtype": "BF16", "shape": [{n_elements}], "data_offsets": [0, {}]}}}}"#,
            n_elements * 2
        );
        let size = (header.len() as u64).to_le_bytes();
        [&size, header.as_bytes(), &vec![0; n_elements * 2]].concat()
    }

    /// What the word `named` means in a folder of these files; an error as its text.
    fn source(files: &[(&str, &[u8])], named: &str) -> Result<ModelSource, String> {
        let folder = tempfile::tempdir().unwrap();
        for (name, bytes) in files {
            std::fs::write(folder.path().join(name), bytes).unwrap();
        }
        let word = folder.path().join(named).display().to_string();
        let catalog = Catalog::embedded().unwrap();
        model_source(&word, &catalog).map_err(|failure| {
            failure.error.to_string().replace(folder.path().to_str().unwrap(), "")
        })
    }

    fn bytes(source: &ModelSource) -> Option<u64> {
        source.weights.as_ref().map(|it| it.bytes.get())
    }

    #[test]
    fn a_folder_gives_architecture_and_bytes() {
        let experts = weights("model.layers.0.mlp.experts.0.up_proj.weight", 40);
        let rest = weights("model.embed_tokens.weight", 80);
        let index = r#"{"weight_map": {"model.embed_tokens.weight": "b.safetensors",
            "model.layers.0.mlp.experts.0.up_proj.weight": "a.safetensors"}}"#;
        let files: [(&str, &[u8]); 5] = [
            ("config.json", CONFIG.as_bytes()),
            ("model.safetensors.index.json", index.as_bytes()),
            ("a.safetensors", &experts),
            ("b.safetensors", &rest),
            ("adapter.safetensors", b"not looked at"),
        ];
        let found = source(&files, "").unwrap();
        assert_eq!(bytes(&found), Some(240));
        let arch = found.arch.unwrap();
        assert_eq!((arch.params_total, arch.params_active), (Some(120), Some(90)));
        assert_eq!(bytes(&source(&files, "model.safetensors.index.json").unwrap()), Some(240));
        assert_eq!(
            source(&files[..3], "").err().unwrap(),
            "model.safetensors.index.json: 1 of 2 files of the checkpoint are missing: b.safetensors"
        );
        let found = source(&files[..1], "").unwrap();
        assert!(found.arch.is_some() && found.weights.is_none());
        assert!(source(&files[2..], "").err().unwrap().ends_with("no config.json in the folder"));
    }

    #[test]
    fn without_an_index_the_files_must_be_one_set() {
        let (one, two) = (weights("a", 1), weights("b", 2));
        let config = ("config.json", CONFIG.as_bytes());
        let check = |files: &[(&str, &[u8])], named: &str, expected: Result<u64, &str>| {
            let files = [&[config], files].concat();
            let found = source(&files, named).map(|it| bytes(&it).unwrap());
            assert_eq!(found, expected.map_err(str::to_owned));
        };
        check(&[("x.safetensors", &two)], "", Ok(4));
        check(&[("model.safetensors", &two), ("x.safetensors", &one)], "", Ok(4));
        let set: [(&str, &[u8]); 2] =
            [("m-00001-of-00002.safetensors", &one), ("m-00002-of-00002.safetensors", &two)];
        check(&set, "", Ok(6));
        check(&set, "m-00002-of-00002.safetensors", Ok(6));
        check(
            &set[..1],
            "m-00001-of-00002.safetensors",
            Err(
                "m-00001-of-00002.safetensors: 1 of 2 files of the checkpoint are missing: m-00002-of-00002.safetensors",
            ),
        );
        check(
            &[("x.safetensors", &one), ("y.safetensors", &two)],
            "",
            Err("/: 2 safetensors files that are no set, and no model.safetensors.index.json"),
        );
    }

    #[test]
    fn a_word_is_what_it_names() {
        let lone = source(&[("m.safetensors", &weights("a", 3))], "m.safetensors").unwrap();
        assert!(lone.arch.is_none());
        assert_eq!(bytes(&lone), Some(6));
        let config = source(&[("c", CONFIG.as_bytes())], "c").unwrap();
        assert_eq!(config.arch.unwrap().family, "qwen3_moe");
        let check = |files: &[(&str, &[u8])], named: &str, expected: &str| {
            assert_eq!(source(files, named).err().unwrap(), expected);
        };
        check(&[], "m.gguf", "/m.gguf: no such file");
        check(&[], "m", "no model `/m` in the catalog");
        check(&[("m.bin", b"\xff\xfe")], "m.bin", "/m.bin: stream did not contain valid UTF-8");
        check(
            &[("blob", b"GGUF\x03\0\0\0")],
            "blob",
            "blob: cut short: its header needs 16 bytes and the file has 8",
        );
        let catalog = Catalog::embedded().unwrap();
        let by_id = model_source("openai/gpt-oss-20b", &catalog).unwrap();
        assert_eq!((by_id.name.as_str(), bytes(&by_id)), ("openai/gpt-oss-20b", None));
    }
}
