//! `[email]`: who gets the report, and through which server. The password itself is never in it.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;

use lettre::message::Mailbox;
use serde::Deserialize;
use serde::de::IgnoredAny;

/// Megabytes of attachments where nobody set them: servers commonly refuse messages over 20 to 25 MB,
/// and a byte attached becomes 1.37 in the message.
const MAX_ATTACHMENT_MB: f64 = 10.0;
/// Seconds for each step of a delivery; mail servers may look at a message for a while.
const TIMEOUT_S: u32 = 60;

/// Seconds before the first retry: with the next two 5, 20 and 80 s, longer than a restart takes.
const RETRY_S: f64 = 5.0;

/// Who gets the report, and through which server.
#[derive(Clone, Debug)]
pub struct EmailConfig {
    /// Who sends it.
    pub from: Mailbox,
    /// Who gets the whole report.
    pub to: Vec<Mailbox>,
    /// Who gets it too.
    pub cc: Vec<Mailbox>,
    /// Where answers go, when not to `from`.
    pub reply_to: Option<Mailbox>,
    /// Who gets only the workloads of an owner.
    pub owners: BTreeMap<String, Vec<Mailbox>>,
    /// Files of the report folder that go with it.
    pub attach: Vec<Attached>,
    /// Most bytes of these.
    pub max_attachment_bytes: u64,
    /// The server; nothing is needed for a dry run.
    pub smtp: Option<SmtpConfig>,
}

/// A file that goes with a mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Attached {
    /// `report.html`.
    Html,
    /// `report.xlsx`.
    Xlsx,
    /// `report.md`.
    Md,
    /// `report.json`.
    Json,
    /// `recommendations.csv`.
    Csv,
}

impl Attached {
    /// Its name in the report folder, and its type.
    pub const fn file(self) -> (&'static str, &'static str) {
        match self {
            Attached::Html => ("report.html", "text/html; charset=utf-8"),
            Attached::Xlsx => {
                ("report.xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")
            }
            Attached::Md => ("report.md", "text/markdown; charset=utf-8"),
            Attached::Json => ("report.json", "application/json"),
            Attached::Csv => ("recommendations.csv", "text/csv; charset=utf-8"),
        }
    }
}

/// The server.
#[derive(Clone, Debug)]
pub struct SmtpConfig {
    /// Its name, which its certificate must have.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is encrypted.
    pub tls: SmtpTls,
    /// Who logs in; nobody where it is missing.
    pub login: Option<SmtpLogin>,
    /// Certificates of an authority of one's own, besides those of the machine.
    pub ca_file: Option<PathBuf>,
    /// Seconds for each step.
    pub timeout_s: u32,
    /// Seconds before the first retry; each later wait is four times the one before.
    pub retry_s: f64,
}

/// How a connection is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SmtpTls {
    /// From the first byte; port 465.
    Implicit,
    /// From the command of this name on, and nothing is sent before; port 587.
    Starttls,
    /// Not at all: to a server on the same machine only; port 25.
    None,
}

impl SmtpTls {
    const fn port(self) -> u16 {
        match self {
            SmtpTls::Implicit => 465,
            SmtpTls::Starttls => 587,
            SmtpTls::None => 25,
        }
    }
}

/// Who logs in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SmtpLogin {
    /// The name.
    pub username: String,
    /// Where the password is.
    pub password: PasswordIn,
}

/// Where a password is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PasswordIn {
    /// The first line of a file.
    File(PathBuf),
    /// A variable of the environment.
    Env(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawEmail {
    from: String,
    #[serde(default)]
    to: Vec<String>,
    #[serde(default)]
    cc: Vec<String>,
    reply_to: Option<String>,
    #[serde(default)]
    owners: BTreeMap<String, Vec<String>>,
    attach: Option<Vec<Attached>>,
    max_attachment_mb: Option<f64>,
    smtp: Option<RawSmtp>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSmtp {
    host: String,
    port: Option<u16>,
    #[serde(default = "starttls")]
    tls: SmtpTls,
    username: Option<String>,
    password_file: Option<PathBuf>,
    password_env: Option<String>,
    /// Only to say where it belongs; its value is not even read.
    password: Option<IgnoredAny>,
    ca_file: Option<PathBuf>,
    timeout_s: Option<u32>,
    retry_s: Option<f64>,
}

const fn starttls() -> SmtpTls {
    SmtpTls::Starttls
}

impl EmailConfig {
    pub(super) fn checked(raw: RawEmail) -> Result<EmailConfig, String> {
        let mut owners = BTreeMap::new();
        for (owner, addresses) in raw.owners {
            let of = format!("owners.{owner}");
            owners.insert(owner, mailboxes(&of, &addresses)?);
        }
        let megabytes = raw.max_attachment_mb.unwrap_or(MAX_ATTACHMENT_MB);
        if !(0.0..=1000.0).contains(&megabytes) {
            return Err(format!("max_attachment_mb is {megabytes}, not a number from 0 to 1000"));
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "from 0 to a thousand million"
        )]
        let max_attachment_bytes = (megabytes * 1e6) as u64;
        Ok(EmailConfig {
            from: mailbox("from", &raw.from)?,
            to: mailboxes("to", &raw.to)?,
            cc: mailboxes("cc", &raw.cc)?,
            reply_to: raw.reply_to.as_deref().map(|it| mailbox("reply_to", it)).transpose()?,
            owners,
            attach: raw.attach.unwrap_or_else(|| vec![Attached::Html, Attached::Xlsx]),
            max_attachment_bytes,
            smtp: raw.smtp.map(SmtpConfig::checked).transpose()?,
        })
    }
}

/// An address such as `a@example.com` or `Ann <a@example.com>`.
pub fn mailbox(key: &str, text: &str) -> Result<Mailbox, String> {
    // A line break in an address would begin another header.
    let is_one_line = !text.contains(char::is_control);
    let found = text.parse::<Mailbox>().ok().filter(|_| is_one_line);
    found.ok_or_else(|| format!("{key}: {text:?} is not an address such as ann@example.com"))
}

fn mailboxes(key: &str, texts: &[String]) -> Result<Vec<Mailbox>, String> {
    texts.iter().map(|it| mailbox(key, it)).collect()
}

impl SmtpConfig {
    fn checked(raw: RawSmtp) -> Result<SmtpConfig, String> {
        if raw.password.is_some() {
            return Err(
                "smtp.password does not belong in a config, which is copied and committed: \
                        name a file with password_file, or a variable with password_env"
                    .to_owned(),
            );
        }
        if raw.host.is_empty() || raw.host.contains(|it: char| it.is_control() || it == ' ') {
            return Err(format!("smtp.host is {:?}, not the name of a server", raw.host));
        }
        if raw.tls == SmtpTls::None && !is_this_machine(&raw.host) {
            return Err(format!(
                "smtp.tls = \"none\" is for a server on this machine only, not for {:?}: use \
                 \"starttls\" or \"implicit\"",
                raw.host
            ));
        }
        let password = match (raw.password_file, raw.password_env) {
            (Some(file), None) => Some(PasswordIn::File(file)),
            (None, Some(name)) => Some(PasswordIn::Env(name)),
            (None, None) => None,
            (Some(_), Some(_)) => {
                return Err("smtp: give password_file or password_env, not both".to_owned());
            }
        };
        let login = match (raw.username, password) {
            (Some(username), Some(password)) => Some(SmtpLogin { username, password }),
            (None, None) => None,
            (Some(_), None) => {
                return Err("smtp.username needs password_file or password_env".to_owned());
            }
            (None, Some(_)) => return Err("smtp: a password needs a username".to_owned()),
        };
        let timeout_s = raw.timeout_s.unwrap_or(TIMEOUT_S);
        if !(1..=600).contains(&timeout_s) {
            return Err(format!("smtp.timeout_s is {timeout_s}, not from 1 to 600"));
        }
        let retry_s = raw.retry_s.unwrap_or(RETRY_S);
        if !(0.0..=600.0).contains(&retry_s) {
            return Err(format!("smtp.retry_s is {retry_s}, not from 0 to 600"));
        }
        Ok(SmtpConfig {
            port: raw.port.unwrap_or(raw.tls.port()),
            host: raw.host,
            tls: raw.tls,
            login,
            ca_file: raw.ca_file,
            timeout_s,
            retry_s,
        })
    }
}

/// Whether what is sent to this host never leaves the machine.
fn is_this_machine(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|it| it.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::parse_config;

    fn read(text: &str) -> Result<EmailConfig, String> {
        let text = format!("[email]\nfrom = \"a@example.com\"\n{text}");
        let config = parse_config(&text, "c.toml").map_err(|it| it.to_string())?;
        Ok(config.email.unwrap())
    }

    #[test]
    fn what_is_left_open_has_a_safe_default() {
        let email = read("[email.smtp]\nhost = \"mail.example.com\"\n").unwrap();
        let smtp = email.smtp.unwrap();
        assert_eq!((smtp.port, smtp.tls, smtp.timeout_s), (587, SmtpTls::Starttls, 60));
        assert!(smtp.login.is_none());
        assert_eq!(email.attach, [Attached::Html, Attached::Xlsx]);
        assert_eq!(email.max_attachment_bytes, 10_000_000);
        assert!(parse_config("", "c").unwrap().email.is_none());
    }

    #[test]
    fn a_fault_says_what_to_write() {
        let check = |text: &str, says: &str| {
            let error = read(text).unwrap_err();
            assert!(error.starts_with("c.toml:") && error.contains(says), "{error}");
            assert!(!error.contains("hunter2"), "{error}");
        };
        let smtp = "[email.smtp]\nhost = \"mail.example.com\"\n";
        check("to = [\"nobody\"]\n", "to: \"nobody\" is not an address");
        check("to = [\"a@b.c\\r\\nBcc: x@y.z\"]\n", "is not an address");
        check("too = []\n", "unknown field `too`");
        check("max_attachment_mb = -1\n", "from 0 to 1000");
        check("attach = [\"pdf\"]\n", "unknown variant `pdf`");
        check(&format!("{smtp}password = \"hunter2\"\n"), "does not belong in a config");
        check(&format!("{smtp}tls = \"none\"\n"), "on this machine only");
        check(&format!("{smtp}username = \"a\"\n"), "needs password_file or password_env");
        check(&format!("{smtp}password_env = \"P\"\n"), "needs a username");
        check(&format!("{smtp}timeout_s = 0\n"), "from 1 to 600");
        check("[email.owners]\nSearch = [\"x\"]\n", "owners.Search: \"x\" is not an address");
        let both = "username = \"a\"\npassword_env = \"P\"\npassword_file = \"f\"\n";
        check(&format!("{smtp}{both}"), "not both");
        for host in ["localhost", "127.0.0.1", "::1"] {
            assert!(read(&format!("[email.smtp]\nhost = \"{host}\"\ntls = \"none\"\n")).is_ok());
        }
    }
}
