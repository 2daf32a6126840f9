//! `mail.json`: who was sent which report, so that nobody gets it twice.

use serde::{Deserialize, Serialize};

use super::Known;

/// Version of the file.
const VERSION: &str = "1.0";

/// The file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Journal {
    schema_version: String,
    mails: Vec<Entry>,
    /// What the last mail to each recipient told.
    #[serde(default)]
    told: Vec<KnownBy>,
}

/// The last mail that arrived.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct KnownBy {
    owner: String,
    recipient: String,
    /// When it was sent, RFC 3339.
    at: String,
    what: Known,
}

/// A mail and how far it came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Entry {
    /// SHA-256 of the `report.json`.
    report: String,
    /// Whose mail it is: empty for the whole report, else the owner.
    owner: String,
    /// The address.
    recipient: String,
    state: State,
    /// As in its header.
    message_id: String,
    /// Of a refusal, the words of the server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    said: Option<String>,
    /// When this state was written, RFC 3339.
    at: String,
}

/// How far a mail came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// The server is about to get it: whoever finds this later does not know whether it did.
    Sending,
    /// The server took it.
    Sent,
    /// The connection ended before the server said whether it took it.
    Unknown,
    /// The server did not take it, for now.
    Failed,
    /// The server will not take it: this recipient or this mail.
    Refused,
}

/// Which mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MailKey<'a> {
    /// SHA-256 of the `report.json`.
    pub report: &'a str,
    /// The owner; empty for the whole report.
    pub owner: &'a str,
    /// The address.
    pub recipient: &'a str,
}

impl Default for Journal {
    fn default() -> Journal {
        Journal { schema_version: VERSION.to_owned(), mails: Vec::new(), told: Vec::new() }
    }
}

impl Journal {
    /// Reads the text of the file.
    pub fn read(text: &str) -> Result<Journal, serde_json::Error> {
        serde_json::from_str(text)
    }

    /// How far a mail came; nothing when it was never begun.
    pub fn state(&self, key: MailKey<'_>) -> Option<State> {
        self.mails.iter().find(|it| it.is(key)).map(|it| it.state)
    }

    /// The words with which the server refused a mail.
    pub fn refusal(&self, key: MailKey<'_>) -> Option<&str> {
        self.mails.iter().find(|it| it.is(key))?.said.as_deref()
    }

    /// Notes that the server will not take it, and why.
    pub fn refuse(&mut self, key: MailKey<'_>, said: &str, message_id: &str, at: &str) {
        self.note(key, State::Refused, message_id, at);
        if let Some(found) = self.mails.iter_mut().find(|it| it.is(key)) {
            found.said = Some(said.to_owned());
        }
    }

    /// Notes how far it came.
    pub fn note(&mut self, key: MailKey<'_>, state: State, message_id: &str, at: &str) {
        let entry = Entry {
            report: key.report.to_owned(),
            owner: key.owner.to_owned(),
            recipient: key.recipient.to_owned(),
            state,
            message_id: message_id.to_owned(),
            said: None,
            at: at.to_owned(),
        };
        match self.mails.iter_mut().find(|it| it.is(key)) {
            Some(found) => *found = entry,
            None => self.mails.push(entry),
        }
    }

    /// What the last mail of this sort told the recipient, and when.
    pub fn told(&self, owner: &str, recipient: &str) -> Option<(&Known, &str)> {
        let it = self.told.iter().find(|it| it.is(owner, recipient))?;
        Some((&it.what, &it.at))
    }

    /// Notes what a mail told that was sent.
    pub fn tell(&mut self, key: MailKey<'_>, what: Known, at: &str) {
        self.told.retain(|it| !it.is(key.owner, key.recipient));
        let (owner, recipient) = (key.owner.to_owned(), key.recipient.to_owned());
        self.told.push(KnownBy { owner, recipient, at: at.to_owned(), what });
    }

    /// The text of the file.
    pub fn text(&self) -> Result<String, serde_json::Error> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }
}

impl KnownBy {
    fn is(&self, owner: &str, recipient: &str) -> bool {
        self.owner == owner && self.recipient.eq_ignore_ascii_case(recipient)
    }
}

impl Entry {
    /// Addresses differ by more than the case of their letters.
    fn is(&self, key: MailKey<'_>) -> bool {
        self.report == key.report
            && self.owner == key.owner
            && self.recipient.eq_ignore_ascii_case(key.recipient)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mail_has_one_state_and_survives_the_file() {
        let key = MailKey { report: "ab", owner: "", recipient: "Ann@example.com" };
        let mut journal = Journal::default();
        assert_eq!(journal.state(key), None);
        journal.note(key, State::Sending, "<1@x>", "2026-11-05T06:00:00Z");
        journal.note(key, State::Sent, "<1@x>", "2026-11-05T06:00:01Z");
        let read = Journal::read(&journal.text().unwrap()).unwrap();
        assert_eq!(read, journal);
        assert_eq!(read.mails.len(), 1);
        let mut later = read.clone();
        later.refuse(key, "550 no such user", "<1@x>", "2026-11-05T07:00:00Z");
        let later = Journal::read(&later.text().unwrap()).unwrap();
        assert_eq!(later.state(key), Some(State::Refused));
        assert_eq!((later.refusal(key), read.refusal(key)), (Some("550 no such user"), None));
        let lower = MailKey { recipient: "ann@example.com", ..key };
        assert_eq!(read.state(lower), Some(State::Sent));
        assert_eq!(read.state(MailKey { owner: "Search", ..key }), None);
        assert_eq!(read.state(MailKey { report: "cd", ..key }), None);
        assert!(Journal::read("{").is_err());
    }
}
