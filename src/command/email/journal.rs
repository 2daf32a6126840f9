//! The file `mail.json` of a report folder.

use std::fs::{self, File};
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

/// A mail whose steps are written down before they are taken.
pub(super) struct Noted<'a> {
    pub(super) folder: &'a Path,
    pub(super) journal: &'a mut Journal,
    pub(super) mail: &'a Prepared,
}

impl Noted<'_> {
    /// The server took it, and the recipient knows what it tells.
    pub(super) fn sent(&mut self) -> Result<(), Failure> {
        self.journal.tell(self.mail.key(), self.mail.told.clone(), &instant(now()));
        self.note(MailState::Sent)
    }

    /// The server will not take it; its words keep the next run from another try.
    pub(super) fn refused(&mut self, said: &str) -> Result<(), Failure> {
        self.journal.refuse(self.mail.key(), said, &self.mail.message_id, &instant(now()));
        write(self.folder, self.journal)
    }

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
