//! The file `mail.json` of a report folder, and the lock on it.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::Path;

use super::prepare::Prepared;
use super::smtp::Watch;
use super::{instant, now};
use crate::command::failure::{ExitStatus, Failure};
use crate::command::output;
use crate::report::{Journal, MailState};

/// Its name.
const NAME: &str = "mail.json";
/// What two runs at once both want.
const LOCK: &str = ".mail.lock";

/// A mail whose steps are written down before they are taken.
pub(super) struct Noted<'a> {
    pub(super) folder: &'a Path,
    pub(super) journal: &'a mut Journal,
    pub(super) mail: &'a Prepared,
}

impl Noted<'_> {
    pub(super) fn note(&mut self, state: MailState) -> Result<(), Failure> {
        self.journal.note(self.mail.key(), state, &self.mail.message_id, &instant(now()));
        write(self.folder, self.journal)
    }
}

impl Watch for Noted<'_> {
    fn begins(&mut self) -> Result<(), Failure> {
        self.note(MailState::Sending)
    }

    fn failed(&mut self) -> Result<(), Failure> {
        self.note(MailState::Failed)
    }
}

/// What is known; nothing before the first mail.
pub(super) fn read(folder: &Path) -> Result<Journal, Failure> {
    let path = folder.join(NAME);
    let failed = |error: anyhow::Error| {
        let what = format!("{} cannot be read, so nobody knows who has the report", path.display());
        Failure::new(ExitStatus::Output, error.context(what))
            .with_hint("mend the file; without it everybody is sent the report again")
    };
    match fs::read_to_string(&path) {
        Ok(text) => Journal::read(&text).map_err(|error| failed(error.into())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Journal::default()),
        Err(error) => Err(failed(error.into())),
    }
}

/// On the disk when this returns, also after a loss of power.
fn write(folder: &Path, journal: &Journal) -> Result<(), Failure> {
    let text = journal.text().map_err(|error| Failure::new(ExitStatus::Bug, error))?;
    output::write_folder(folder, &vec![(NAME.to_owned(), text.into_bytes())])?;
    // The new name of the file is in its folder. Systems that cannot sync a folder need not.
    let _ = File::open(folder).and_then(|it| it.sync_all());
    Ok(())
}

/// Held until it is dropped; another run that mails from this folder ends at once.
pub(super) fn lock(folder: &Path) -> Result<File, Failure> {
    let path = folder.join(LOCK);
    let failed = |error: anyhow::Error| {
        Failure::new(ExitStatus::Output, error)
            .with_hint("who has the report is written into its folder: make it writable")
    };
    let file = File::create(&path).map_err(|error| {
        failed(anyhow::Error::new(error).context(format!("{} cannot be made", path.display())))
    })?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            let message = format!("another run is mailing from {}", folder.display());
            Err(Failure::new(ExitStatus::Output, anyhow::Error::msg(message))
                .with_hint("wait until it has ended"))
        }
        Err(TryLockError::Error(error)) => Err(failed(error.into())),
    }
}
