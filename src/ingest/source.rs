//! Where bytes come from: a path, a pattern, or standard input.

use std::io::Read;
use std::path::{Path, PathBuf};

use super::IngestError;

/// One input.
#[derive(Clone, Debug)]
pub enum Source {
    /// A file.
    Path(PathBuf),
    /// A file that was copied here, and its address where it came from.
    Copy {
        /// Where it is now.
        path: PathBuf,
        /// Where it came from, without credentials.
        address: String,
    },
    /// Standard input, already named `-`.
    Stdin,
}

impl Source {
    /// What messages and the report call it: the file name without its folder, an address, or `stdin`.
    pub fn name(&self) -> &str {
        match self {
            Source::Copy { address, .. } => address,
            Source::Path(path) => path.file_name().and_then(|it| it.to_str()).unwrap_or("input"),
            Source::Stdin => "stdin",
        }
    }

    /// Its path, where it has one.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Source::Path(path) | Source::Copy { path, .. } => Some(path),
            Source::Stdin => None,
        }
    }

    /// A file of this name in the folder of a path.
    pub fn beside(&self, name: &str) -> Option<PathBuf> {
        match self {
            Source::Path(path) => Some(path.with_file_name(name)),
            Source::Copy { .. } | Source::Stdin => None,
        }
    }

    /// Its bytes, one after the other.
    pub(super) fn open(&self) -> Result<Box<dyn Read + Send>, IngestError> {
        match self {
            Source::Path(path) | Source::Copy { path, .. } => match std::fs::File::open(path) {
                Ok(file) => Ok(Box::new(file)),
                Err(error) => Err(self.unreadable(&error)),
            },
            Source::Stdin => Ok(Box::new(std::io::stdin())),
        }
    }

    /// The extension, lower case, without a compression suffix.
    pub(super) fn extension(&self) -> Option<String> {
        let path = self.path()?;
        let lower = |path: &Path| path.extension().map(|it| it.to_string_lossy().to_lowercase());
        match lower(path).as_deref() {
            Some("gz" | "zst") => lower(Path::new(path.file_stem()?)),
            _ => lower(path),
        }
    }

    pub(super) fn unreadable(&self, error: &std::io::Error) -> IngestError {
        let file = match self {
            Source::Path(path) => path.display().to_string(),
            Source::Copy { address, .. } => address.clone(),
            Source::Stdin => "stdin".to_owned(),
        };
        let (reason, hint) = match error.kind() {
            std::io::ErrorKind::NotFound => {
                ("no such file", "check the path, or quote a pattern such as 'logs/*.csv'")
            }
            std::io::ErrorKind::PermissionDenied => {
                ("permission denied", "make the file readable for this user")
            }
            std::io::ErrorKind::IsADirectory => {
                ("this is a folder", "name the files in it, for example 'folder/*.parquet'")
            }
            _ => {
                let reason = error.to_string();
                return IngestError::Unreadable { file, reason, hint: "check the file".to_owned() };
            }
        };
        IngestError::Unreadable { file, reason: reason.to_owned(), hint: hint.to_owned() }
    }
}

/// What a file is called in its folder or bucket.
pub fn file_name(name: &str) -> &str {
    name.rsplit_once('/').map_or(name, |it| it.1)
}

/// That without its extensions: the workload of rows that name none.
pub fn stem(name: &str) -> &str {
    let name = file_name(name);
    name.split('.').next().filter(|it| !it.is_empty()).unwrap_or(name)
}

/// The inputs that words on the command line mean: `-`, a path, or a pattern in name order.
/// A word that names a file as it stands is that file, whatever characters it has.
pub fn expand(words: &[String]) -> Result<Vec<Source>, IngestError> {
    let mut sources: Vec<Source> = Vec::new();
    for word in words {
        if word == "-" {
            if sources.iter().any(|it| matches!(it, Source::Stdin)) {
                return Err(pattern(word, "standard input can be read once"));
            }
            sources.push(Source::Stdin);
            continue;
        }
        let path = PathBuf::from(word);
        if let Some((scheme, _)) = word.split_once("://").filter(|_| !path.exists()) {
            return Err(elsewhere(scheme));
        }
        if path.is_dir() {
            sources.extend(folder(&path)?);
            continue;
        }
        if !word.contains(['*', '?', '[']) || path.exists() {
            sources.push(Source::Path(path));
            continue;
        }
        let found = glob::glob(word).map_err(|error| pattern(word, error.msg))?;
        let before = sources.len();
        sources.extend(found.filter_map(Result::ok).filter(|it| it.is_file()).map(Source::Path));
        if sources.len() == before {
            return Err(pattern(word, "no file matches"));
        }
    }
    let mut seen = std::collections::BTreeSet::new();
    for source in &sources {
        let Source::Path(path) = source else { continue };
        let same = std::fs::canonicalize(path).unwrap_or_else(|_| path.clone());
        if !seen.insert(same) {
            return Err(pattern(&path.display().to_string(), "the file is named twice"));
        }
    }
    Ok(sources)
}

/// The files of a folder in name order: not folders, hidden ones, marks of a writer such as `_SUCCESS`,
/// or files of this program.
fn folder(path: &Path) -> Result<Vec<Source>, IngestError> {
    const OURS: [&str; 2] = ["gpuadvise.toml", "decisions.toml"];
    let source = Source::Path(path.to_owned());
    let entries = std::fs::read_dir(path).map_err(|error| source.unreadable(&error))?;
    let mut paths: Vec<PathBuf> =
        entries.filter_map(Result::ok).map(|it| it.path()).filter(|it| it.is_file()).collect();
    paths.retain(|it| {
        let name = it.file_name().unwrap_or_default().to_string_lossy();
        !name.starts_with(['.', '_']) && !OURS.contains(&name.as_ref())
    });
    paths.sort();
    if paths.is_empty() {
        return Err(pattern(&path.display().to_string(), "the folder has no file to read"));
    }
    Ok(paths.into_iter().map(Source::Path).collect())
}

/// Says what to do about an address: it may hold a password, so no more than its beginning is shown.
fn elsewhere(scheme: &str) -> IngestError {
    let hint = if matches!(scheme, "s3" | "gs" | "az") {
        "build with `--features cloud` (docs/input.md), or copy the files here and give their paths"
    } else {
        "copy the files here and give their paths; a build with `--features cloud` reads s3://, gs:// and az://"
    };
    IngestError::Unreadable {
        file: format!("{}://…", super::rejected::excerpt(scheme)),
        reason: "this build reads no such address".to_owned(),
        hint: hint.to_owned(),
    }
}

fn pattern(word: &str, reason: &str) -> IngestError {
    IngestError::Pattern { pattern: word.to_owned(), reason: reason.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extensions_see_through_compression() {
        for (name, expected) in [
            ("a.csv", "csv"),
            ("a.CSV.gz", "csv"),
            ("a.parquet", "parquet"),
            ("x.jsonl.zst", "jsonl"),
        ] {
            assert_eq!(Source::Path(name.into()).extension().as_deref(), Some(expected));
        }
    }

    #[test]
    fn an_address_is_called_by_its_last_part() {
        let copy =
            Source::Copy { path: "1/x.csv.gz".into(), address: "s3://b/logs/chat.csv.gz".into() };
        assert_eq!(copy.name(), "s3://b/logs/chat.csv.gz");
        assert_eq!((file_name(copy.name()), stem(copy.name())), ("chat.csv.gz", "chat"));
        assert_eq!((stem("chat.csv"), stem(".csv"), stem("stdin")), ("chat", ".csv", "stdin"));
        let error = expand(&["s3://key:secret@bucket/a.csv".to_owned()]).unwrap_err();
        assert_eq!(error.to_string(), "s3://…: this build reads no such address");
        assert!(error.hint().contains("--features cloud"), "{}", error.hint());
    }

    #[test]
    fn patterns_expand_in_name_order() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["b.csv", "a.csv", "c.txt", "odd[1].csv"] {
            std::fs::write(folder.path().join(name), "x").unwrap();
        }
        let word = |name: &str| folder.path().join(name).display().to_string();
        let names = |words: &[String]| -> Vec<String> {
            expand(words).unwrap().iter().map(|it| it.name().to_owned()).collect()
        };
        assert_eq!(names(&[word("*.csv")]), ["a.csv", "b.csv", "odd[1].csv"]);
        assert_eq!(names(&[word("odd[1].csv"), "-".to_owned()]), ["odd[1].csv", "stdin"]);
        let folder_word = folder.path().display().to_string();
        assert_eq!(names(&[folder_word]), ["a.csv", "b.csv", "c.txt", "odd[1].csv"]);
        assert!(expand(&[word("*.json")]).is_err());
        assert!(expand(&[word("a.csv"), word("a.csv")]).is_err());
        assert!(expand(&["-".to_owned(), "-".to_owned()]).is_err());
    }
}
