//! From a report folder to the messages, one per recipient.

use std::fs;
use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use lettre::message::Mailbox;
use sha2::{Digest, Sha256};

use super::message::{self, Addressed, File};
use crate::command::failure::{ExitStatus, Failure};
use crate::command::past_report;
use crate::command::talk::Talk;
use crate::ingest::EmailConfig;
use crate::report::{self, Audience, Journal, Known, Mail, MailKey, MailReport};
use crate::units::Timestamp;

/// Characters of an address in the name of a file.
const LONGEST_NAME: usize = 60;

/// Who gets what.
pub(super) struct Recipients {
    to: Vec<Mailbox>,
    cc: Vec<Mailbox>,
    owners: Vec<(String, Vec<Mailbox>)>,
}

/// A mail to one recipient.
pub(super) struct Prepared {
    report: String,
    owner: String,
    address: String,
    pub(super) recipient: Mailbox,
    pub(super) message_id: String,
    pub(super) bytes: Vec<u8>,
    /// What it tells.
    pub(super) told: Known,
    /// When the mail before was sent, where nothing has changed since.
    pub(super) unchanged_since: Option<String>,
}

impl Recipients {
    /// Those of the command line, else those of the config with its digests.
    pub(super) fn of(config: &EmailConfig, to: &[Mailbox]) -> Result<Recipients, Failure> {
        let found = if to.is_empty() {
            let owners = config.owners.iter().map(|(name, to)| (name.clone(), to.clone()));
            Recipients {
                to: config.to.clone(),
                cc: config.cc.clone(),
                owners: owners.filter(|it| !it.1.is_empty()).collect(),
            }
        } else {
            Recipients { to: to.to_vec(), cc: Vec::new(), owners: Vec::new() }
        };
        if found.to.is_empty() && found.cc.is_empty() && found.owners.is_empty() {
            return Err(Failure::usage(
                "nobody is to get the mail",
                "add to = [\"ann@example.com\"] to [email] of the config, or use --to",
            ));
        }
        Ok(found)
    }
}

impl Prepared {
    pub(super) fn key(&self) -> MailKey<'_> {
        MailKey { report: &self.report, owner: &self.owner, recipient: &self.address }
    }

    /// `01-ann-example.com.eml`.
    pub(super) fn file_name(&self, at: usize) -> String {
        let safe = |it: char| if it.is_ascii_alphanumeric() || it == '.' { it } else { '-' };
        let name: String = self.address.chars().map(safe).take(LONGEST_NAME).collect();
        format!("{at:02}-{name}.eml")
    }
}

/// The mails in the order of the config. With the journal each says what changed since the mail before
/// and has today's date; without it they have that of the report, so that the same report gives the
/// same bytes.
pub(super) fn all(
    folder: &Path,
    config: &EmailConfig,
    recipients: &Recipients,
    sent: Option<(&Journal, SystemTime)>,
    talk: Talk,
) -> Result<Vec<Prepared>, Failure> {
    let (report, hash) = past_report::read(folder, |text| {
        Ok((MailReport::read(text)?, super::hex(&Sha256::digest(text.as_bytes()))))
    })?;
    let date = sent.map_or_else(|| day_of(&report), |it| it.1);
    let mut prepared = Vec::new();
    let mut add = |audience, files: &[File], told: &[String], addressed: &Addressed<'_>| {
        let owner = match audience {
            Audience::All => "",
            Audience::Owner(owner) => owner,
        };
        let tells = Known::of(&report, audience)?;
        // Most recipients know the same, and have the same mail.
        let mut last: Option<(Vec<String>, Mail)> = None;
        for recipient in unique(addressed) {
            let address = recipient.email.to_string();
            let key = MailKey { report: &hash, owner, recipient: &address };
            let before = sent.and_then(|it| it.0.told(owner, &address));
            let news = before.map(|it| it.0.news(&tells)).unwrap_or_default();
            let unchanged_since = before.filter(|_| news.is_empty()).map(|it| it.1.to_owned());
            let mail = match last.take() {
                Some((same, mail)) if same == news => mail,
                _ => match report::mail(&report, audience, told, &news)? {
                    Some(mail) => mail,
                    None => return Ok(false),
                },
            };
            let (_, mail) = last.insert((news, mail));
            let bytes = message::message(mail, key, (config, addressed), files, date)
                .map_err(|error| Failure::new(ExitStatus::Bug, error))?;
            prepared.push(Prepared {
                message_id: message::message_id(key, &config.from),
                report: hash.clone(),
                owner: owner.to_owned(),
                address,
                recipient,
                bytes,
                told: tells.clone(),
                unchanged_since,
            });
        }
        Ok::<bool, Failure>(true)
    };
    let (files, told) = attachments(folder, config)?;
    let everyone = Addressed { to: &recipients.to, cc: &recipients.cc };
    add(Audience::All, &files, &told, &everyone)?;
    for (owner, to) in &recipients.owners {
        let addressed = Addressed { to, cc: &[] };
        if !add(Audience::Owner(owner), &[], &[], &addressed)? {
            let near = report.owners();
            talk.warn(&format!(
                "email.owners names `{}`, who owns nothing in this report; owners are: {}",
                report::plain(owner),
                report::plain(&near.join(", "))
            ));
        }
    }
    Ok(prepared)
}

/// Every address once.
fn unique(addressed: &Addressed<'_>) -> Vec<Mailbox> {
    let mut found: Vec<Mailbox> = Vec::new();
    for it in addressed.to.iter().chain(addressed.cc) {
        let same =
            |other: &Mailbox| other.email.to_string().eq_ignore_ascii_case(it.email.as_ref());
        if !found.iter().any(same) {
            found.push(it.clone());
        }
    }
    found
}

/// The files that are there and not too large, and what the mail says of them.
fn attachments(folder: &Path, config: &EmailConfig) -> Result<(Vec<File>, Vec<String>), Failure> {
    let mut files: Vec<File> = Vec::new();
    let mut told = Vec::new();
    let mut room = config.max_attachment_bytes;
    for it in &config.attach {
        let (name, mime) = it.file();
        let path = folder.join(name);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => {
                let error = anyhow::Error::new(error);
                let what = format!("{} cannot be read", path.display());
                return Err(Failure::new(ExitStatus::Input, error.context(what)));
            }
        };
        let size = bytes.len() as u64;
        if size > room {
            told.push(format!(
                "{name} is not attached: it has {:.1} MB, and attachments may have {:.1} MB together.",
                size as f64 / 1e6,
                config.max_attachment_bytes as f64 / 1e6
            ));
            continue;
        }
        room -= size;
        files.push(File { name, mime, bytes });
    }
    if !files.is_empty() {
        let names: Vec<&str> = files.iter().map(|it| it.name).collect();
        told.insert(0, format!("Attached: {}.", names.join(", ")));
    }
    Ok((files, told))
}

/// Midnight of the day the report speaks of, in UTC.
fn day_of(report: &MailReport) -> SystemTime {
    let at = Timestamp::parse(report.as_of(), chrono_tz::Tz::UTC).ok();
    let days = at.map(|it| it.in_zone(chrono_tz::Tz::UTC).date());
    let days = days.map_or(0, |it| chrono::Datelike::num_days_from_ce(&it) - EPOCH_IN_DAYS);
    UNIX_EPOCH + Duration::from_secs(u64::try_from(days).unwrap_or_default() * 86_400)
}

/// Days of the calendar before 1 January 1970.
const EPOCH_IN_DAYS: i32 = 719_163;
