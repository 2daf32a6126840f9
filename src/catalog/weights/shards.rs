//! The names of the files a checkpoint is split into.

/// The names of all files of the set `name` belongs to, in order: `w-00002-of-00003.gguf` is one
/// of three. Nothing for a name that is not of this form.
pub fn shard_names(name: &str) -> Option<Vec<String>> {
    let (stem, extension) = name.rsplit_once('.')?;
    let (rest, total) = stem.rsplit_once("-of-")?;
    let (prefix, number) = rest.rsplit_once('-')?;
    let count = |digits: &str| {
        let is_count = digits.len() == 5 && digits.bytes().all(|it| it.is_ascii_digit());
        is_count.then(|| digits.parse::<u32>().ok()).flatten().filter(|it| *it > 0)
    };
    let total = count(total)?;
    count(number).filter(|it| *it <= total)?;
    Some((1..=total).map(|it| format!("{prefix}-{it:05}-of-{total:05}.{extension}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_numbered_names_are_sets() {
        let three = shard_names("DeepSeek-V3-Q4_K_M-00002-of-00003.gguf").unwrap();
        assert_eq!(three[0], "DeepSeek-V3-Q4_K_M-00001-of-00003.gguf");
        assert_eq!(three.len(), 3);
        assert_eq!(shard_names("model-00001-of-00001.safetensors").unwrap().len(), 1);
        for alone in [
            "model.safetensors",
            "model-00004-of-00003.safetensors",
            "model-00000-of-00003.safetensors",
            "model-1-of-3.safetensors",
            "model-+0001-of-00003.safetensors",
            "-of-",
            "",
        ] {
            assert_eq!(shard_names(alone), None, "{alone}");
        }
    }
}
