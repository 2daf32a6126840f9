//! `gpuadvise email`, and the end of `analyze --email`: a written report to those whom the config names.
//!
//! Each recipient gets a message of their own, so that one refused address keeps nobody else from the
//! report, and `mail.json` knows of each whether it arrived. All are named in the head, so that an
//! answer to all reaches all.

mod journal;
mod message;
mod prepare;
mod smtp;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use chrono::{DateTime, SecondsFormat, Utc};

use super::failure::{ExitStatus, Failure};
use super::talk::Talk;
use super::{CommandResult, inputs, output};
use crate::cli::{EmailArgs, Global};
use crate::ingest::{EmailConfig, Source, mailbox};
use crate::report::MailState;
use journal::Noted;
use prepare::{Prepared, Recipients};
use smtp::{Envelope, Outcome, Server};

/// Where a mail of `--dry-run` goes inside the report folder.
const DRY_RUN: &str = "mail";

pub(super) fn run(args: &EmailArgs, global: &Global, talk: Talk) -> CommandResult {
    if global.redact {
        return Err(Failure::usage(
            "email cannot replace names that are in its report",
            "run analyze --redact, then mail that report",
        ));
    }
    let folder = folder_of(&args.report);
    let report = folder.join("report.json");
    if !report.is_file() {
        let error = anyhow::anyhow!("{} cannot be read", report.display());
        return Err(Failure::new(ExitStatus::Input, error)
            .with_hint("name a report folder that analyze wrote"));
    }
    let config = read_config(&folder, global, talk)?;
    let to = args.to.iter().map(|it| mailbox("--to", it)).collect::<Result<Vec<_>, _>>();
    let to = to.map_err(|it| Failure::usage(it, "an address such as ann@example.com"))?;
    let recipients = Recipients::of(&config, &to)?;
    let mut say = |line: &str| output::to_stdout(format!("{line}\n").as_bytes());
    if let Some(to) = &args.dry_run {
        let prepared = prepare::all(&folder, &config, &recipients, None, talk)?;
        let into = to.clone().unwrap_or_else(|| folder.join(DRY_RUN));
        write(&prepared, &into, &mut say)?;
    } else {
        let _claim = output::claim(&folder, talk)?;
        let which = Which { again: args.again, if_changed: args.if_changed };
        send(&folder, &config, &recipients, which, (&mut say, talk))?;
    }
    Ok(ExitStatus::Done)
}

/// Fails before a long run where its report could not be mailed.
pub(super) fn check(
    config: Option<&EmailConfig>,
    is_redacted: bool,
) -> Result<EmailConfig, Failure> {
    let mut config = configured(config)?;
    if is_redacted {
        // Its owners have other names.
        config.owners.clear();
    }
    Recipients::of(&config, &[])?;
    server(&config)?;
    Ok(config)
}

/// Who is left out.
#[derive(Clone, Copy, Debug)]
struct Which {
    /// Nobody, not even those who have the report.
    again: bool,
    /// Those for whom nothing changed since the mail before.
    if_changed: bool,
}

/// Mails the report that `analyze` has just written into a folder that it holds.
pub(super) fn written(
    folder: &Path,
    config: &EmailConfig,
    if_changed: bool,
    talk: Talk,
) -> Result<(), Failure> {
    let recipients = Recipients::of(config, &[])?;
    let mut say = |line: &str| {
        talk.done(line);
        Ok(())
    };
    let which = Which { again: false, if_changed };
    send(folder, config, &recipients, which, (&mut say, talk))
}

/// The folder, also where its `report.json` is named.
fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if path.is_file() => parent.to_owned(),
        _ => path.to_owned(),
    }
}

/// The config that is named, else the one in the report folder, else the one here.
fn read_config(folder: &Path, global: &Global, talk: Talk) -> Result<EmailConfig, Failure> {
    let beside = folder.join(inputs::CONFIG_NAME);
    let beside = if beside.is_file() { beside } else { PathBuf::from(inputs::CONFIG_NAME) };
    let config = inputs::read_config(global.config.as_deref(), &[Source::Path(beside)], talk)?;
    configured(config.email.as_ref())
}

fn configured(config: Option<&EmailConfig>) -> Result<EmailConfig, Failure> {
    config.cloned().ok_or_else(|| {
        Failure::usage(
            "no config with an [email] table was found",
            "name one with --config; docs/email.md has the table to begin with",
        )
    })
}

fn server(config: &EmailConfig) -> Result<&crate::ingest::SmtpConfig, Failure> {
    config.smtp.as_ref().ok_or_else(|| {
        Failure::usage(
            "the config has no [email.smtp]: no server is known",
            "name one, or write the mails as files with gpuadvise email REPORT_DIR --dry-run",
        )
    })
}

type Say<'a> = &'a mut dyn FnMut(&str) -> Result<(), Failure>;

/// Writes the mails as files.
fn write(prepared: &[Prepared], into: &Path, say: Say<'_>) -> Result<(), Failure> {
    let files: output::Files =
        (1..).zip(prepared).map(|(at, it)| (it.file_name(at), it.bytes.clone())).collect();
    output::write_folder(into, &files)?;
    for (name, _) in &files {
        say(&into.join(name).display().to_string())?;
    }
    Ok(())
}

/// Sends to everyone who does not have it. The folder is claimed by then.
fn send(
    folder: &Path,
    config: &EmailConfig,
    recipients: &Recipients,
    which: Which,
    (say, talk): (Say<'_>, Talk),
) -> Result<(), Failure> {
    let smtp = server(config)?;
    let mut known = journal::read(folder)?;
    let prepared = prepare::all(folder, config, recipients, Some((&known, now())), talk)?;
    let mut server: Option<Server<'_>> = None;
    let mut left: Vec<Left> = Vec::new();
    let mut unreachable: Option<String> = None;
    for it in &prepared {
        let (key, address) = (it.key(), it.recipient.email.to_string());
        match known.state(key).filter(|_| !which.again) {
            Some(MailState::Sent) => {
                say(&format!("{address} has it already"))?;
                continue;
            }
            Some(MailState::Sending | MailState::Unknown) => {
                let why = "an earlier run ended before the server answered".to_owned();
                left.push(Left { address, why, how: How::Unknown });
                continue;
            }
            Some(MailState::Refused) => {
                let said = known.refusal(key).unwrap_or("for good");
                let why = format!("{said}, in an earlier run; not tried again");
                left.push(Left { address, why, how: How::Refused });
                continue;
            }
            Some(MailState::Failed) | None => {}
        }
        if let (Some(since), true) = (&it.unchanged_since, which.if_changed) {
            say(&format!("nothing changed for {address} since the mail of {since}"))?;
            continue;
        }
        if let Some(why) = &unreachable {
            left.push(Left { address, why: why.clone(), how: How::NotSent });
            continue;
        }
        let server = match &server {
            Some(server) => server,
            None => server.insert(Server::of(smtp, &config.from.email)?),
        };
        let envelope =
            Envelope { from: &config.from.email, to: &it.recipient.email, bytes: &it.bytes };
        let mut noted = Noted { folder, journal: &mut known, mail: it };
        let outcome = server.deliver(&envelope, &mut noted, |text| talk.warn(text))?;
        match outcome {
            Outcome::Sent => {
                noted.sent()?;
                say(&format!("sent to {address}"))?;
            }
            Outcome::Refused(why) => {
                noted.refused(&why)?;
                left.push(Left { address, why, how: How::Refused });
            }
            Outcome::Later(why) => left.push(Left { address, why, how: How::NotSent }),
            Outcome::Unreachable(why) => {
                unreachable = Some(format!("not tried, since {why}"));
                left.push(Left { address, why, how: How::NotSent });
            }
            Outcome::Unknown(why) => {
                noted.note(MailState::Unknown)?;
                left.push(Left { address, why, how: How::Unknown });
            }
        }
    }
    if left.is_empty() { Ok(()) } else { Err(not_sent(&left, prepared.len(), folder)) }
}

/// A mail that did not arrive for sure.
struct Left {
    address: String,
    why: String,
    how: How,
}

/// What is known of it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum How {
    /// It did not arrive; another run tries it again.
    NotSent,
    /// The server will not take it; no run tries it again unless asked.
    Refused,
    /// It may have arrived all the same.
    Unknown,
}

fn not_sent(left: &[Left], all: usize, folder: &Path) -> Failure {
    let all_refused = left.iter().all(|it| it.how == How::Refused);
    let what = if all_refused { "refused by the server" } else { "not known to have arrived" };
    let mut message = format!("{} of {all} mails {what}", left.len());
    for it in left {
        let lead = match it.how {
            How::NotSent => "",
            How::Refused => "refused: ",
            How::Unknown => "it is unknown whether it arrived: ",
        };
        // Writing to a String cannot fail.
        let _ = write!(message, "; {}: {lead}{}", it.address, it.why);
    }
    let any = |how: How| left.iter().any(|it| it.how == how);
    let again = format!("gpuadvise email {} --again --to ADDRESS", folder.display());
    let mut hints = Vec::new();
    if any(How::Unknown) {
        hints.push(format!("ask whether it arrived; if not: {again}"));
    }
    if any(How::Refused) {
        hints.push(format!("mend the address or what the server says; then {again}"));
    }
    if any(How::NotSent) {
        hints.push(
            "when that is mended, mail the report again with gpuadvise email and the same --config"
                .to_owned(),
        );
    }
    Failure::new(ExitStatus::Output, anyhow::Error::msg(message)).with_hint(hints.join("; "))
}

/// The one look at the clock: a mail has the date on which it is sent.
#[expect(
    clippy::disallowed_methods,
    reason = "a mail needs its date; no number of the report does"
)]
fn now() -> SystemTime {
    SystemTime::now()
}

/// `2026-11-05T06:00:00Z`.
fn instant(at: SystemTime) -> String {
    let seconds = at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let at = DateTime::<Utc>::from_timestamp(i64::try_from(seconds).unwrap_or_default(), 0);
    at.map(|it| it.to_rfc3339_opts(SecondsFormat::Secs, true)).unwrap_or_default()
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text
}
