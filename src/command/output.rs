//! Writing: stdout as data, files complete before they get their name, nothing left by Ctrl-C.

use std::collections::BTreeSet;
use std::fs::{self, File, TryLockError};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context;

use super::failure::{ExitStatus, Failure};
use super::remote;
use super::talk::{self, Talk};
use crate::cli::{Cli, Command, Format, Global};
use crate::report;

/// Held while files are being written, so that an interrupt waits for the clean-up.
static WRITING: Mutex<()> = Mutex::new(());
/// Set by Ctrl-C; the writer looks at it before every file.
static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// Set when files get their names: an interrupt after it leaves them.
static PUBLISHED: AtomicBool = AtomicBool::new(false);

pub(super) use crate::report::Files;

/// On Ctrl-C or SIGTERM: wait until what is half written is removed, say so, exit with 130.
pub(super) fn install_interrupt_handler() {
    // Fails only when a handler exists already; `main` installs the one there is.
    let _ = ctrlc::set_handler(|| {
        INTERRUPTED.store(true, Ordering::SeqCst);
        let _writer_has_ended = WRITING.lock();
        remote::clean();
        talk::interrupted(PUBLISHED.load(Ordering::SeqCst));
        std::process::exit(i32::from(ExitStatus::Interrupted as u8));
    });
}

/// Runs what has to be undone where it is interrupted: an interrupt waits until it has ended.
#[cfg(feature = "cloud")]
pub(super) fn while_interrupts_wait<T>(run: impl FnOnce() -> T) -> T {
    let _running = WRITING.lock();
    run()
}

/// The form of a report that `--format` asks for.
pub(super) const fn report_format(format: Format) -> report::Format {
    match format {
        Format::Table => report::Format::Table,
        Format::Json => report::Format::Json,
        Format::Csv => report::Format::Csv,
        Format::Md => report::Format::Markdown,
        Format::Html => report::Format::Html,
    }
}

/// The same for a command that writes no page, which `hint` says what to do about.
pub(super) fn text_format(
    format: Format,
    command: &str,
    hint: &'static str,
) -> Result<report::Format, Failure> {
    match format {
        Format::Html => Err(Failure::usage(format!("{command} has no HTML"), hint)),
        _ => Ok(report_format(format)),
    }
}

/// Fails where `--max-length` is given to what has no Markdown.
pub(super) fn check_max_length(cli: &Cli) -> Result<(), Failure> {
    if cli.global.max_length.is_none() {
        return Ok(());
    }
    let writes_markdown = matches!(
        cli.command,
        Command::Analyze(_)
            | Command::Describe(_)
            | Command::Diff(_)
            | Command::Explain(_)
            | Command::Simulate(_)
    );
    if writes_markdown && cli.global.format == Format::Md {
        return Ok(());
    }
    Err(Failure::usage(
        "--max-length is for Markdown only",
        "add --format md to analyze, describe, diff, explain or simulate",
    ))
}

/// The text, as long as `--max-length` allows; `whole` says where all of it is.
pub(super) fn shortened(text: String, global: &Global, whole: &str) -> Result<String, Failure> {
    let Some(most) = global.max_length else { return Ok(text) };
    report::within(&text, most, whole).map_err(|error| {
        let hint = format!("use --max-length {} or more", error.least);
        Failure::usage(format!("--max-length {most} is too short: {error}"), hint)
    })
}

/// Where the whole of a shortened text is, when no file has it.
pub(super) const AGAIN: &str = "the same command without --max-length";

/// Writes data to stdout. A reader that went away is no error.
pub(super) fn to_stdout(bytes: &[u8]) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(failed(anyhow::Error::new(error).context("stdout cannot be written")))
        }
        _ => Ok(()),
    }
}

/// Writes to the file, or to stdout without one.
pub(super) fn to_file_or_stdout(path: Option<&Path>, bytes: &[u8]) -> Result<(), Failure> {
    match path {
        None => to_stdout(bytes),
        Some(path) => {
            let folder = match path.parent() {
                Some(parent) if !parent.as_os_str().is_empty() => parent,
                _ => Path::new("."),
            };
            let name = path.file_name().map(|it| it.to_string_lossy().into_owned());
            let Some(name) = name else {
                return Err(Failure::usage(
                    format!("`{}` is not a file name", path.display()),
                    "name a file with --output",
                ));
            };
            write_folder(folder, &vec![(name, bytes.to_vec())])
        }
    }
}

/// Fails where a file is there already and is not to be written over.
pub(super) fn free(path: Option<&Path>, force: bool) -> Result<(), Failure> {
    match path {
        Some(path) if path.exists() && !force => Err(Failure::new(
            ExitStatus::Output,
            anyhow::anyhow!("{} is there already", path.display()),
        )
        .with_hint("name another file with --output, or add --force")),
        _ => Ok(()),
    }
}

/// What the folder of files that are not complete yet begins with; the process follows.
const STAGING: &str = ".gpuadvise-";
/// The file that is locked where a file system cannot lock a folder.
const LOCK: &str = ".gpuadvise.lock";

/// A folder that no other run of this program writes while this is held. Dropped, it removes the folders
/// that it made and that stayed empty.
pub(super) struct Claim {
    /// The lock ends with its file.
    _lock: Option<File>,
    /// The file, where the folder itself could not be locked.
    file: Option<PathBuf>,
    /// The innermost first.
    made: Vec<PathBuf>,
}

impl Drop for Claim {
    fn drop(&mut self) {
        if let Some(file) = &self.file {
            // One that stays is locked again by the next run.
            let _ = fs::remove_file(file);
        }
        for folder in &self.made {
            // Fails where something is in it, and then it is to stay.
            let _ = fs::remove_dir(folder);
        }
    }
}

/// Claims a folder, which is made where it is not there. Where the file system knows no locks two runs
/// at once are the user's care.
pub(super) fn claim(folder: &Path, talk: Talk) -> Result<Claim, Failure> {
    let missing = folder.ancestors().take_while(|it| !it.as_os_str().is_empty() && !it.exists());
    let made = missing.map(Path::to_owned).collect();
    fs::create_dir_all(folder)
        .with_context(|| format!("the folder {} cannot be made", folder.display()))
        .map_err(failed)?;
    let locked = |file: io::Result<File>| {
        file.map_err(TryLockError::Error).and_then(|it| {
            it.try_lock()?;
            Ok(it)
        })
    };
    let (lock, file) = match locked(File::open(folder)) {
        // Over a network a lock needs a file that can be written.
        Err(TryLockError::Error(_)) => {
            let file = folder.join(LOCK);
            (locked(File::create(&file)), Some(file))
        }
        other => (other, None),
    };
    match lock {
        Ok(lock) => {
            remove_left_behind(folder);
            Ok(Claim { _lock: Some(lock), file, made })
        }
        Err(TryLockError::WouldBlock) => {
            let message = format!("another run is writing {}", folder.display());
            Err(Failure::new(ExitStatus::Output, anyhow::Error::msg(message))
                .with_hint("wait until it has ended, or choose another folder with --output"))
        }
        Err(TryLockError::Error(error)) => {
            talk.warn(&format!(
                "{} cannot be locked: see that no two runs write it at once ({error})",
                folder.display()
            ));
            Ok(Claim { _lock: None, file: None, made })
        }
    }
}

/// Removes what a run that was killed left in a folder. Writing takes seconds, so what is older than an
/// hour is nobody's any more.
fn remove_left_behind(folder: &Path) {
    const HOUR: Duration = Duration::from_hours(1);
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.filter_map(Result::ok) {
        let name = entry.file_name().to_string_lossy().into_owned();
        let process = name.strip_prefix(STAGING).unwrap_or_default();
        let is_staging = !process.is_empty() && process.bytes().all(|it| it.is_ascii_digit());
        let changed = entry.metadata().and_then(|it| it.modified()).ok();
        let age = changed.and_then(|it| it.elapsed().ok());
        if is_staging && age.is_some_and(|it| it > HOUR) {
            // What will not go is in nobody's way.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// Writes all files of a folder: first into a folder beside them, then each by a rename, so that a
/// full disk or an interrupt leaves the old files as they were.
pub(super) fn write_folder(folder: &Path, files: &Files) -> Result<(), Failure> {
    let _writing = WRITING.lock();
    let is_new = !folder.exists();
    let staging = folder.join(format!("{STAGING}{}", std::process::id()));
    let staged = stage(&staging, files);
    // From here on the renames run to their end: an interrupt must not mix two reports.
    let result = staged.and_then(|()| publish(&staging, folder, files));
    // Nothing more can be done about a folder that will not go.
    let _ = fs::remove_dir_all(&staging);
    if result.is_err() && is_new {
        // Only when it is empty: what was written stays for the user to see.
        let _ = fs::remove_dir(folder);
    }
    result.map_err(failed)
}

/// What the folder of a file that takes long to write begins with; the process follows.
const LONG_STAGING: &str = ".gpuadvise-rollup-";
/// The file in it, which is locked while it is written.
const STAGED: &str = "table.parquet";

/// Whether Ctrl-C was pressed: what takes long has to ask.
pub(super) fn is_interrupted() -> bool {
    INTERRUPTED.load(Ordering::SeqCst)
}

/// Writes a file that takes long, with a folder beside it for what has to be put aside meanwhile. The
/// file gets its name when it is complete; else nothing of it stays.
pub(super) fn stream_to_file<T>(
    path: &Path,
    write: impl FnOnce(&Path, BufWriter<File>) -> Result<(T, BufWriter<File>), Failure>,
) -> Result<T, Failure> {
    let _writing = WRITING.lock();
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    remove_killed(folder);
    let staging = folder.join(format!("{LONG_STAGING}{}", std::process::id()));
    let staged = staging.join(STAGED);
    let begin = || -> anyhow::Result<File> {
        fs::create_dir_all(&staging)
            .with_context(|| format!("the folder {} cannot be made", staging.display()))?;
        let file = File::create(&staged).context("the table cannot be written")?;
        // Where a file system knows no locks nobody takes the folder for left behind.
        let _ = file.try_lock();
        Ok(file)
    };
    let written = begin().map_err(failed).and_then(|file| {
        let (answer, writer) = write(&staging, BufWriter::with_capacity(1 << 20, file))?;
        let end = || -> anyhow::Result<()> {
            let file = writer.into_inner().map_err(io::IntoInnerError::into_error)?;
            file.sync_all()?;
            PUBLISHED.store(true, Ordering::SeqCst);
            Ok(fs::rename(&staged, path)?)
        };
        end().with_context(|| format!("{} cannot be written", path.display())).map_err(failed)?;
        Ok(answer)
    });
    // Nothing more can be done about a folder that will not go.
    let _ = fs::remove_dir_all(&staging);
    written
}

/// Removes what a run that was killed left in a folder: nobody holds its lock any more.
fn remove_killed(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.filter_map(Result::ok) {
        if !entry.file_name().to_string_lossy().starts_with(LONG_STAGING) {
            continue;
        }
        let free = File::open(entry.path().join(STAGED)).is_ok_and(|it| it.try_lock().is_ok());
        if free {
            // What will not go is in nobody's way.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

fn stage(staging: &Path, files: &Files) -> anyhow::Result<()> {
    for (name, bytes) in files {
        anyhow::ensure!(!INTERRUPTED.load(Ordering::SeqCst), "interrupted");
        let path = staging.join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)
                .with_context(|| format!("the folder {} cannot be made", parent.display()))?;
        }
        let write = || -> io::Result<()> {
            let mut file = File::create(&path)?;
            file.write_all(bytes)?;
            // Charts can be drawn again; the report itself must be on the disk.
            if name.starts_with("charts/") { Ok(()) } else { file.sync_all() }
        };
        write().with_context(|| format!("{name} cannot be written"))?;
    }
    Ok(())
}

/// The file without which a folder holds no report: it goes before the others change and comes after
/// them, so that a run killed in between leaves no report rather than parts of two.
const MODEL: &str = "report.json";

fn publish(staging: &Path, folder: &Path, files: &Files) -> anyhow::Result<()> {
    PUBLISHED.store(true, Ordering::SeqCst);
    for parent in files.iter().filter_map(|it| Path::new(&it.0).parent()) {
        let parent = folder.join(parent);
        fs::create_dir_all(&parent)
            .with_context(|| format!("the folder {} cannot be made", parent.display()))?;
    }
    let (model, others): (Vec<_>, Vec<_>) = files.iter().partition(|it| it.0 == MODEL);
    if !model.is_empty() && !others.is_empty() {
        match fs::remove_file(folder.join(MODEL)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("{MODEL} cannot be replaced"));
            }
            _ => {}
        }
    }
    for (name, _) in others.into_iter().chain(model) {
        let to = folder.join(name);
        fs::rename(staging.join(name), &to)
            .with_context(|| format!("{} cannot be written", to.display()))?;
    }
    Ok(())
}

/// Removes charts of an earlier run, by the ends of their names, that this run did not write again.
/// A picture that is not of this program stays.
pub(super) fn remove_stale_charts(folder: &Path, ends: &[&str], written: &BTreeSet<&str>) {
    let is_one =
        |name: &str| ends.iter().any(|end| name == *end || name.ends_with(&format!("-{end}")));
    remove_stale(folder, (is_one, report::is_chart), written);
}

/// The same for the charts of a report, in both forms.
pub(super) fn remove_stale_report_charts(folder: &Path, written: &BTreeSet<&str>) {
    let is_one = |name: &str| {
        let stem = name.strip_suffix(".svg").or_else(|| name.strip_suffix(".png"));
        stem.is_some_and(report::is_chart_stem)
    };
    remove_stale(folder, (is_one, report::is_chart), written);
}

/// The same for further pages of very many workloads.
pub(super) fn remove_stale_pages(folder: &Path, written: &BTreeSet<&str>) {
    let is_ours = |page: &[u8]| String::from_utf8_lossy(page).contains("id=\"workloads-table\"");
    remove_stale(folder, (report::is_page_name, is_ours), written);
}

fn remove_stale(
    folder: &Path,
    (is_one, is_ours): (impl Fn(&str) -> bool, impl Fn(&[u8]) -> bool),
    written: &BTreeSet<&str>,
) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.filter_map(Result::ok) {
        let name = entry.file_name().to_string_lossy().into_owned();
        if written.contains(name.as_str()) || !is_one(&name) {
            continue;
        }
        let is_ours = fs::read(entry.path()).is_ok_and(|it| is_ours(&it));
        if is_ours {
            // A chart that will not go is stale but harmless: no page refers to it.
            let _ = fs::remove_file(entry.path());
        }
    }
}

fn failed(error: anyhow::Error) -> Failure {
    let hint = "check the space on the disk and the rights on the folder, or choose another folder";
    Failure::new(ExitStatus::Output, error).with_hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_appear_whole_and_nothing_else_stays() {
        let folder = tempfile::tempdir().unwrap();
        let files: Files =
            vec![("a.txt".to_owned(), b"1".to_vec()), ("charts/b.svg".to_owned(), b"2".to_vec())];
        fs::create_dir(folder.path().join("charts")).unwrap();
        write_folder(folder.path(), &files).unwrap();
        assert_eq!(fs::read(folder.path().join("charts/b.svg")).unwrap(), b"2");
        let names: Vec<_> =
            fs::read_dir(folder.path()).unwrap().map(|it| it.unwrap().file_name()).collect();
        assert_eq!(names.len(), 2, "{names:?}");
    }

    #[test]
    fn a_claim_cleans_up_what_was_killed_and_what_it_made() {
        let root = tempfile::tempdir().unwrap();
        let (folder, talk) = (root.path().join("a/b"), Talk::silent());
        drop(claim(&folder, talk).unwrap());
        assert!(!root.path().join("a").exists());
        fs::create_dir_all(folder.join(".gpuadvise-123/charts")).unwrap();
        for name in [".gpuadvise-456", ".gpuadvise-mine"] {
            fs::create_dir_all(folder.join(name)).unwrap();
        }
        let old = std::time::SystemTime::UNIX_EPOCH;
        for name in [".gpuadvise-123", ".gpuadvise-mine"] {
            File::open(folder.join(name)).unwrap().set_modified(old).unwrap();
        }
        let held = claim(&folder, talk).unwrap();
        let is_there = |name| folder.join(name).exists();
        assert!(!is_there(".gpuadvise-123"));
        assert!(is_there(".gpuadvise-456") && is_there(".gpuadvise-mine"));
        assert!(claim(&folder, talk).is_err());
        drop(held);
        assert!(claim(&folder, talk).is_ok());
    }

    #[test]
    fn a_report_that_cannot_be_written_whole_has_no_model() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| (name.to_owned(), text.as_bytes().to_vec());
        fs::write(folder.path().join(MODEL), "old").unwrap();
        fs::create_dir_all(folder.path().join("report.html/in the way")).unwrap();
        let files = vec![file(MODEL, "new"), file("report.html", "new")];
        assert!(write_folder(folder.path(), &files).is_err());
        assert!(!folder.path().join(MODEL).exists());
        fs::remove_dir_all(folder.path().join("report.html")).unwrap();
        write_folder(folder.path(), &files).unwrap();
        assert_eq!(fs::read(folder.path().join(MODEL)).unwrap(), b"new");
    }

    #[test]
    fn only_own_charts_go() {
        let folder = tempfile::tempdir().unwrap();
        let ours = r#"<svg><defs><pattern id="hatch"></pattern></defs></svg>"#;
        for (name, text) in [
            ("old-cost.svg", ours),
            ("cost.svg", ours),
            ("new-cost.svg", ours),
            ("old-plans.svg", ours),
            ("lowcost.svg", ours),
            ("my-cost.svg", "<svg>drawn by hand</svg>"),
        ] {
            fs::write(folder.path().join(name), text).unwrap();
        }
        remove_stale_charts(folder.path(), &["cost.svg"], &BTreeSet::from(["new-cost.svg"]));
        let left = fs::read_dir(folder.path()).unwrap().map(|it| it.unwrap().file_name());
        let mut left: Vec<String> = left.map(|it| it.into_string().unwrap()).collect();
        left.sort();
        assert_eq!(left, ["lowcost.svg", "my-cost.svg", "new-cost.svg", "old-plans.svg"]);
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_an_output_error() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("taken"), "x").unwrap();
        let files: Files = vec![("a.txt".to_owned(), b"1".to_vec())];
        let failure = write_folder(&folder.path().join("taken"), &files).unwrap_err();
        assert_eq!(failure.status, ExitStatus::Output);
    }
}
