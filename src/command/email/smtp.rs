//! One mail to one server, with what became of it.

use std::error::Error as _;
use std::fs;
use std::io;
use std::time::Duration;

use lettre::Address;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{Certificate, SmtpConnection, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::{ClientId, Extension, MailParameter};

use crate::command::failure::{ExitStatus, Failure};
use crate::ingest::{PasswordIn, SmtpConfig, SmtpTls};

/// Times a mail is tried again after a temporary error.
const MOST_RETRIES: u32 = 3;
/// How much longer each wait is than the one before.
const BACK_OFF: f64 = 4.0;

/// A server that can be talked to.
pub(super) struct Server<'a> {
    config: &'a SmtpConfig,
    tls: Option<TlsParameters>,
    credentials: Option<Credentials>,
    password: Option<String>,
    hello: ClientId,
}

/// A mail with its envelope.
pub(super) struct Envelope<'a> {
    pub(super) from: &'a Address,
    pub(super) to: &'a Address,
    pub(super) bytes: &'a [u8],
}

/// What became of a mail.
#[derive(Debug)]
pub(super) enum Outcome {
    /// The server took it.
    Sent,
    /// The server did not take it, and will not.
    Refused(String),
    /// The server took it in none of the attempts, and may later.
    Later(String),
    /// No mail can be sent through this server now.
    Unreachable(String),
    /// The connection ended before the server said whether it took it.
    Unknown(String),
}

/// What one attempt came to.
enum Attempt {
    Over(Outcome),
    /// A temporary error, and the server does not have the mail.
    Later(String),
    /// The same of this recipient only.
    LaterForThis(String),
}

/// A delivery as its steps are known to be over: called before the mail itself is sent, and when the
/// server did not take it after all.
pub(super) trait Watch {
    /// The next byte may make the mail arrive.
    fn begins(&mut self) -> Result<(), Failure>;
    /// It did not arrive.
    fn failed(&mut self) -> Result<(), Failure>;
}

impl<'a> Server<'a> {
    /// Reads the password and the certificates.
    pub(super) fn of(config: &'a SmtpConfig, from: &Address) -> Result<Server<'a>, Failure> {
        let password = config.login.as_ref().map(|it| password(&it.password)).transpose()?;
        let credentials = config.login.as_ref().zip(password.as_ref());
        let credentials =
            credentials.map(|(login, it)| Credentials::new(login.username.clone(), it.clone()));
        let tls = match config.tls {
            SmtpTls::None => None,
            SmtpTls::Starttls | SmtpTls::Implicit => Some(tls(config)?),
        };
        let hello = ClientId::Domain(from.domain().to_owned());
        Ok(Server { config, tls, credentials, password, hello })
    }

    /// Sends a mail; after a temporary error again, each time after a longer wait.
    pub(super) fn deliver(
        &self,
        envelope: &Envelope<'_>,
        watch: &mut dyn Watch,
        mut say: impl FnMut(&str),
    ) -> Result<Outcome, Failure> {
        let mut wait = self.config.retry_s;
        for retry in 0..=MOST_RETRIES {
            let (why, is_for_all) = match self.attempt(envelope, watch)? {
                Attempt::Over(outcome) => return Ok(outcome),
                Attempt::Later(why) => (why, true),
                Attempt::LaterForThis(why) => (why, false),
            };
            if retry == MOST_RETRIES {
                let why = format!("{why}; tried {} times", retry + 1);
                return Ok(if is_for_all {
                    Outcome::Unreachable(why)
                } else {
                    Outcome::Later(why)
                });
            }
            say(&format!("{why}; again in {wait:.0} s"));
            std::thread::sleep(Duration::from_secs_f64(wait));
            wait *= BACK_OFF;
        }
        Ok(Outcome::Unreachable("never tried".to_owned()))
    }

    fn attempt(&self, envelope: &Envelope<'_>, watch: &mut dyn Watch) -> Result<Attempt, Failure> {
        let mut connection = match self.open() {
            Ok(connection) => connection,
            Err(attempt) => return Ok(attempt),
        };
        if let Err(attempt) = self.address(&mut connection, envelope) {
            connection.abort();
            return Ok(attempt);
        }
        watch.begins()?;
        let attempt = match connection.message(envelope.bytes) {
            Ok(_) => {
                // The mail is there; a server that does not say goodbye changes nothing.
                let _ = connection.quit();
                return Ok(Attempt::Over(Outcome::Sent));
            }
            Err(error) if error.is_transient() => Attempt::LaterForThis(self.said(&error)),
            Err(error) if error.is_permanent() => {
                Attempt::Over(Outcome::Refused(self.said(&error)))
            }
            Err(error) => {
                return Ok(Attempt::Over(Outcome::Unknown(format!(
                    "the connection ended before the server said whether it took the mail ({})",
                    self.said(&error)
                ))));
            }
        };
        watch.failed()?;
        connection.abort();
        Ok(attempt)
    }

    /// A connection on which a mail may be sent: encrypted and logged in as the config says.
    fn open(&self) -> Result<SmtpConnection, Attempt> {
        let timeout = Some(Duration::from_secs(u64::from(self.config.timeout_s)));
        let implicit = self.tls.as_ref().filter(|_| self.config.tls == SmtpTls::Implicit);
        let server = (self.config.host.as_str(), self.config.port);
        let mut connection = SmtpConnection::connect(server, timeout, &self.hello, implicit, None)
            .map_err(|error| self.broken(&error))?;
        if let (SmtpTls::Starttls, Some(tls)) = (self.config.tls, &self.tls) {
            if !connection.can_starttls() {
                connection.abort();
                return Err(Attempt::Over(Outcome::Unreachable(format!(
                    "{} does not offer STARTTLS, and nothing is sent without",
                    self.name()
                ))));
            }
            connection.starttls(tls, &self.hello).map_err(|error| self.broken(&error))?;
        }
        if let Some(credentials) = &self.credentials {
            let known = [Mechanism::Plain, Mechanism::Login];
            connection.auth(&known, credentials).map_err(|error| {
                if error.is_permanent() || error.is_client() {
                    let why = format!("{} did not let us in: {}", self.name(), self.said(&error));
                    Attempt::Over(Outcome::Unreachable(why))
                } else {
                    self.broken(&error)
                }
            })?;
        }
        Ok(connection)
    }

    /// From whom and to whom, up to the word that the mail follows.
    fn address(
        &self,
        connection: &mut SmtpConnection,
        envelope: &Envelope<'_>,
    ) -> Result<(), Attempt> {
        let is_ascii = |it: &Address| AsRef::<str>::as_ref(it).is_ascii();
        let mut options = Vec::new();
        if !is_ascii(envelope.from) || !is_ascii(envelope.to) {
            if !connection.server_info().supports_feature(Extension::SmtpUtfEight) {
                let why = "the address has letters that this server does not take".to_owned();
                return Err(Attempt::Over(Outcome::Refused(why)));
            }
            options.push(MailParameter::SmtpUtfEight);
        }
        let refused = |error: Error| {
            if error.is_permanent() {
                Attempt::Over(Outcome::Refused(self.said(&error)))
            } else if error.is_transient() {
                Attempt::LaterForThis(self.said(&error))
            } else {
                Attempt::Later(self.said(&error))
            }
        };
        // What is said of the sender is of every mail.
        let of_sender = |error: Error| match refused(error) {
            Attempt::Over(Outcome::Refused(why)) => Attempt::Over(Outcome::Unreachable(why)),
            other => other,
        };
        connection.command(Mail::new(Some(envelope.from.clone()), options)).map_err(of_sender)?;
        connection.command(Rcpt::new(envelope.to.clone(), Vec::new())).map_err(refused)?;
        connection.command(Data).map_err(refused)?;
        Ok(())
    }

    /// A connection that could not be made: final where the server cannot be trusted or says so.
    fn broken(&self, error: &Error) -> Attempt {
        let why = format!("{}: {}", self.name(), self.said(error));
        if error.is_tls() || is_untrusted(error) {
            let why = format!("{why}; nothing was sent");
            return Attempt::Over(Outcome::Unreachable(why));
        }
        if error.is_permanent() {
            return Attempt::Over(Outcome::Unreachable(why));
        }
        Attempt::Later(why)
    }

    pub(super) fn name(&self) -> String {
        format!("{}:{}", self.config.host, self.config.port)
    }

    /// An error with its causes, and never the password, whatever the server answers.
    fn said(&self, error: &Error) -> String {
        let text = error.to_string();
        match &self.password {
            Some(password) if !password.is_empty() => text.replace(password.as_str(), "…"),
            _ => text,
        }
    }
}

/// Whether the encryption itself failed, such as by a certificate that nobody signed.
fn is_untrusted(error: &Error) -> bool {
    let mut cause = error.source();
    while let Some(it) = cause {
        let io = it.downcast_ref::<io::Error>();
        if io.is_some_and(|it| it.kind() == io::ErrorKind::InvalidData) {
            return true;
        }
        cause = it.source();
    }
    false
}

fn tls(config: &SmtpConfig) -> Result<TlsParameters, Failure> {
    let failed = |what: String, error: anyhow::Error| {
        Failure::new(ExitStatus::Input, error.context(what))
            .with_hint("email.smtp.ca_file names the certificates of your own authority, as PEM")
    };
    let mut builder = TlsParameters::builder(config.host.clone());
    if let Some(path) = &config.ca_file {
        let name = path.display();
        let pem = fs::read(path)
            .map_err(|error| failed(format!("{name} cannot be read"), error.into()))?;
        let certificate = Certificate::from_pem(&pem)
            .map_err(|error| failed(format!("{name} is no certificate"), error.into()))?;
        builder = builder.add_root_certificate(certificate);
    }
    builder.build().map_err(|error| failed("TLS cannot be set up".to_owned(), error.into()))
}

/// The password, from where the config says; what it is never enters a message.
#[expect(clippy::disallowed_methods, reason = "a password comes from the environment or a file")]
fn password(place: &PasswordIn) -> Result<String, Failure> {
    let (what, found) = match place {
        PasswordIn::File(path) => (
            format!("the file {} of email.smtp.password_file", path.display()),
            fs::read_to_string(path).map_err(|error| error.to_string()),
        ),
        PasswordIn::Env(name) => (
            format!("the variable {name} of email.smtp.password_env"),
            // The error of this call would show the value.
            std::env::var(name).map_err(|_| "it is not set, or is no text".to_owned()),
        ),
    };
    let first = found.as_ref().ok().and_then(|it| it.lines().next()).unwrap_or_default();
    if first.is_empty() {
        let why = found.err().unwrap_or_else(|| "it is empty".to_owned());
        let message = anyhow::anyhow!("{what} cannot be used: {why}");
        return Err(Failure::new(ExitStatus::Input, message)
            .with_hint("put the password there, readable by this program only"));
    }
    Ok(first.to_owned())
}
