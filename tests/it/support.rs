//! Running the program in a folder of its own.

use std::path::{Path, PathBuf};

use assert_cmd::Command;

/// The folder of the crate.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A folder that goes with the test.
pub(crate) struct Bench {
    folder: tempfile::TempDir,
}

/// What a run did.
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Bench {
    pub(crate) fn new() -> Bench {
        Bench { folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file and returns its path as text.
    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> String {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, bytes).unwrap();
        path.display().to_string()
    }

    /// Runs the program in the folder.
    pub(crate) fn run(&self, words: &[&str]) -> Ran {
        self.run_with_stdin(words, "")
    }

    pub(crate) fn run_with_stdin(&self, words: &[&str], stdin: &str) -> Ran {
        let output = Command::cargo_bin("gpuadvise")
            .unwrap()
            .current_dir(self.folder.path())
            .args(words)
            .write_stdin(stdin)
            .output()
            .unwrap();
        Ran {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

/// The folder of measured truth and real traces, where the variable names one.
pub(crate) fn reference() -> Option<PathBuf> {
    let folder = std::env::var_os("GPUADVISE_REFERENCE").map(PathBuf::from);
    if folder.is_none() {
        eprintln!("skipped: GPUADVISE_REFERENCE is not set");
    }
    folder
}
