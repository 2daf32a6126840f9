//! A mail as the bytes that a server takes:
//! mixed(alternative(text, related(html, pictures)), attachments).

use std::time::SystemTime;

use lettre::Message;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Attachment, Mailbox, MultiPart, SinglePart};
use sha2::{Digest, Sha256};

use crate::ingest::EmailConfig;
use crate::report::{Mail, MailKey};

/// Hex digits of a message id and of a boundary: enough for no two mails to share one.
const DIGITS: usize = 32;

/// A file that goes with it.
#[derive(Clone, Debug)]
pub(super) struct File {
    pub(super) name: &'static str,
    pub(super) mime: &'static str,
    pub(super) bytes: Vec<u8>,
}

/// Who is named in the head of a mail.
pub(super) struct Addressed<'a> {
    pub(super) to: &'a [Mailbox],
    pub(super) cc: &'a [Mailbox],
}

/// The id of a mail: the same for the same report and recipient, so that servers can tell a copy.
pub(super) fn message_id(key: MailKey<'_>, from: &Mailbox) -> String {
    format!("<{}@{}>", digits(key), from.email.domain())
}

fn digits(key: MailKey<'_>) -> String {
    let mut hash = Sha256::new();
    // A zero between them: no two keys are one text.
    for part in [key.report, key.owner, &key.recipient.to_ascii_lowercase()] {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    super::hex(&hash.finalize()).chars().take(DIGITS).collect()
}

/// The bytes. The same mail on the same date gives the same.
pub(super) fn message(
    mail: &Mail,
    key: MailKey<'_>,
    (config, addressed): (&EmailConfig, &Addressed<'_>),
    files: &[File],
    date: SystemTime,
) -> anyhow::Result<Vec<u8>> {
    let mut builder = Message::builder()
        .from(config.from.clone())
        .subject(mail.subject.clone())
        .date(date)
        .message_id(Some(message_id(key, &config.from)))
        .raw_header(HeaderValue::new(
            HeaderName::new_from_ascii_str("Auto-Submitted"),
            "auto-generated".to_owned(),
        ));
    for it in addressed.to {
        builder = builder.to(it.clone());
    }
    for it in addressed.cc {
        builder = builder.cc(it.clone());
    }
    if let Some(reply_to) = &config.reply_to {
        builder = builder.reply_to(reply_to.clone());
    }
    // The library would choose them by chance.
    let boundary = |part: &str| format!("gpuadvise-{part}-{}", digits(key));
    let mut related = MultiPart::related()
        .boundary(boundary("r"))
        .singlepart(SinglePart::html(mail.html.clone()));
    for it in &mail.pictures {
        let picture =
            Attachment::new_inline_with_name(it.name.to_owned(), format!("{}.png", it.name));
        related =
            related.singlepart(picture.body(it.png.clone(), ContentType::parse("image/png")?));
    }
    let words = MultiPart::alternative()
        .boundary(boundary("a"))
        .singlepart(SinglePart::plain(mail.text.clone()))
        .multipart(related);
    let mut mixed = MultiPart::mixed().boundary(boundary("m")).multipart(words);
    for it in files {
        let file = Attachment::new(it.name.to_owned());
        mixed = mixed.singlepart(file.body(it.bytes.clone(), ContentType::parse(it.mime)?));
    }
    Ok(builder.multipart(mixed)?.formatted())
}
