//! Objects copied to a private temporary folder, and its end.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt, stream};

use super::client::wait;
use super::fault::Fault;
use super::object::{IN_FLIGHT, Object, cut};
use crate::command::failure::{ExitStatus, Failure};
use crate::command::progress::Progress;
use crate::command::talk::Talk;
use crate::ingest::{Source, file_name};

/// What the folder begins with; the process follows.
const BEGIN: &str = "gpuadvise-copies-";
/// The file in it that is locked while it is in use.
const LOCK: &str = ".lock";
/// The age at which a folder whose lock nobody holds was left behind.
const LEFT_BEHIND: Duration = Duration::from_mins(1);

/// The folder of this run.
static FOLDER: Mutex<Option<Held>> = Mutex::new(None);

struct Held {
    path: PathBuf,
    /// Copies in it.
    n: usize,
    /// The lock ends with its file.
    _lock: File,
}

/// Copies objects, all of each or an error.
pub(super) fn all(objects: &[Arc<Object>], talk: Talk) -> Result<Vec<Source>, Failure> {
    let progress = Progress::new(talk, "copying", objects.len());
    let mut sources = Vec::new();
    for object in objects {
        let name = object.name();
        let path = place(file_name(name)).map_err(|it| unwritten(&it))?;
        let file = File::create(&path).map_err(|it| unwritten(&it))?;
        write(object, file)?;
        progress.step();
        sources.push(Source::Copy { path, address: name.to_owned() });
    }
    if !objects.is_empty() {
        let bytes: u64 = objects.iter().map(|it| it.bytes()).sum();
        talk.note(&format!("copied {} objects of {bytes} bytes here", objects.len()));
    }
    Ok(sources)
}

fn write(object: &Object, mut file: File) -> Result<(), Failure> {
    enum Stop {
        There(Fault),
        Here(io::Error),
    }
    let mut stop = None;
    let copied = wait(async {
        let mut pieces =
            stream::iter(cut(0..object.bytes())).map(|it| object.piece(it)).buffered(IN_FLIGHT);
        loop {
            let written = match pieces.try_next().await {
                Ok(None) => return Ok(()),
                Ok(Some(piece)) => file.write_all(&piece).map_err(Stop::Here),
                Err(fault) => Err(Stop::There(fault)),
            };
            if let Err(it) = written {
                stop = Some(it);
                return Ok(());
            }
        }
    });
    copied.map_err(|it| it.of(object.name()))?;
    match stop {
        None => Ok(()),
        Some(Stop::There(fault)) => Err(fault.of(object.name())),
        Some(Stop::Here(error)) => Err(unwritten(&error)),
    }
}

/// Where the next copy goes: its name stays, since it says what it is.
fn place(name: &str) -> io::Result<PathBuf> {
    let mut held = FOLDER.lock().unwrap_or_else(PoisonError::into_inner);
    let held = match &mut *held {
        Some(held) => held,
        none => none.insert(make(&std::env::temp_dir())?),
    };
    held.n += 1;
    let folder = held.path.join(held.n.to_string());
    fs::create_dir(&folder)?;
    Ok(folder.join(name))
}

/// A folder that nobody else may look into, and no other run has.
fn make(parent: &Path) -> io::Result<Held> {
    remove_killed(parent);
    let path = parent.join(format!("{BEGIN}{}", std::process::id()));
    private().create(&path)?;
    let lock = File::create(path.join(LOCK))?;
    // Where a file system knows no locks nobody takes the folder for left behind: it is young.
    let _ = lock.try_lock();
    Ok(Held { path, n: 0, _lock: lock })
}

#[cfg(unix)]
fn private() -> DirBuilder {
    use std::os::unix::fs::DirBuilderExt as _;
    let mut builder = DirBuilder::new();
    builder.mode(0o700);
    builder
}

#[cfg(not(unix))]
fn private() -> DirBuilder {
    DirBuilder::new()
}

/// Removes what a run that was killed left in a folder: nobody holds its lock any more.
fn remove_killed(parent: &Path) {
    let Ok(entries) = fs::read_dir(parent) else { return };
    for entry in entries.filter_map(Result::ok) {
        if !entry.file_name().to_string_lossy().starts_with(BEGIN) {
            continue;
        }
        let Ok(lock) = File::open(entry.path().join(LOCK)) else { continue };
        let age =
            lock.metadata().and_then(|it| it.modified()).ok().and_then(|it| it.elapsed().ok());
        if age.is_some_and(|it| it > LEFT_BEHIND) && lock.try_lock().is_ok() {
            // What will not go is in nobody's way.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// Removes what was copied here. Whoever comes second waits until it is gone.
pub(in crate::command) fn clean() {
    let mut folder = FOLDER.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(held) = folder.take() {
        // Nothing more can be done about a folder that will not go.
        let _ = fs::remove_dir_all(held.path);
    }
}

fn unwritten(error: &io::Error) -> Failure {
    let message = format!("a copy of an object cannot be written: {error}");
    Failure::new(ExitStatus::Output, anyhow::Error::msg(message)).with_hint(
        "objects are copied to the temporary folder, which needs room for all of them: name another with TMPDIR",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_that_were_left_behind_go() {
        let root = tempfile::tempdir().unwrap();
        let held = make(root.path()).unwrap();
        let killed = root.path().join(format!("{BEGIN}0"));
        let young = root.path().join(format!("{BEGIN}1"));
        for (folder, is_old) in [(&killed, true), (&young, false), (&held.path, true)] {
            let _ = fs::create_dir(folder);
            let lock = File::options().create(true).append(true).open(folder.join(LOCK)).unwrap();
            if is_old {
                lock.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
            }
        }
        remove_killed(root.path());
        assert!(!killed.exists() && young.exists() && held.path.exists());
    }
}
