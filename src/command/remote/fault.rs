//! What can go wrong with an object, in our words: those of a client may hold a query or a key.

use std::error::Error;

use object_store::Error as StoreError;

use super::address::Scheme;
use crate::command::failure::Failure;
use crate::ingest::IngestError;
use crate::rollup::RollupError;

/// A fault of an object or a bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    kind: Kind,
    reason: String,
    hint: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Missing,
    Changed,
    Interrupted,
    Other,
}

impl Fault {
    fn new(reason: impl Into<String>, hint: &'static str) -> Fault {
        Fault { kind: Kind::Other, reason: reason.into(), hint }
    }

    pub(super) fn malformed(reason: &str) -> Fault {
        Fault::new(reason, "write s3://BUCKET/KEY, with * and ? in the key for several objects")
    }

    pub(super) fn credentials_in_address() -> Fault {
        Fault::new(
            "there is a user, a password or a query in the address, which is not shown",
            "give credentials by the environment (docs/input.md), and s3://BUCKET/KEY as the address",
        )
    }

    pub(super) fn none_matches() -> Fault {
        Fault::new("no object matches", "check the pattern, and quote it: * does not cross a slash")
    }

    pub(super) fn empty_prefix() -> Fault {
        Fault::new(
            "no object is there",
            "check the prefix; folders below it need a pattern: 'a/*/*.csv'",
        )
    }

    pub(super) fn changed() -> Fault {
        Fault {
            kind: Kind::Changed,
            reason: "the object changed while it was read".to_owned(),
            hint: "wait until whoever writes it is done, then run it again",
        }
    }

    pub(super) fn interrupted() -> Fault {
        Fault { kind: Kind::Interrupted, ..Fault::new("interrupted", "run it again") }
    }

    pub(super) fn runtime(error: &std::io::Error) -> Fault {
        Fault::new(format!("no thread can be started: {error}"), "close other programs")
    }

    /// No such key, or no such bucket.
    pub(super) const fn is_missing(&self) -> bool {
        matches!(self.kind, Kind::Missing)
    }

    /// What a client said.
    pub(super) fn of_store(error: &StoreError, scheme: Scheme) -> Fault {
        let text = error.to_string();
        let code = code(&text).map(|it| format!(" ({it})")).unwrap_or_default();
        // A list that failed is of no kind, but has its status.
        let is = |status: &str| text.contains(&format!("status code: {status}"));
        // Whoever gives credentials to a machine was asked. A key may have any of the plainer words.
        let asked = ["169.254.169.254", "/latest/api/token", "metadata.google.internal"];
        match error {
            _ if asked.iter().any(|it| text.contains(it)) => {
                Fault::new("no credentials were found", no_credentials(scheme))
            }
            _ if is("404") || matches!(error, StoreError::NotFound { .. }) => Fault {
                kind: Kind::Missing,
                ..Fault::new(
                    format!("no such object or bucket{code}"),
                    "check the bucket and the key, and that the endpoint is the right one",
                )
            },
            _ if is("412") || matches!(error, StoreError::Precondition { .. }) => Fault::changed(),
            _ if is("401") || is("403") || is_refused(error) => {
                Fault::new(format!("access denied{code}"), denied(&code))
            }
            StoreError::InvalidPath { .. } => Fault::malformed("the key has an empty or odd part"),
            // Only ranges of what was listed are asked for.
            _ if code.contains("InvalidRange") || code.contains("416") => Fault::changed(),
            _ => Fault::of_text(&text, root(error).as_str(), &code),
        }
    }

    /// What a client has no kind of error for.
    fn of_text(text: &str, root: &str, code: &str) -> Fault {
        let has = |words: &[&str]| words.iter().any(|it| text.contains(it));
        if root.starts_with("Requested ") {
            return Fault::changed();
        }
        if root.contains("non-partial response") {
            return Fault::new("the store gives no ranges of an object", "copy the files here");
        }
        if root.contains("scheme is not allowed") {
            return Fault::new(
                "the endpoint is not encrypted",
                "use https, or say AWS_ALLOW_HTTP=true (AZURE_ALLOW_HTTP, GOOGLE_ALLOW_HTTP) where that is meant",
            );
        }
        if has(&["configured region", "PermanentRedirect", "AuthorizationHeaderMalformed"]) {
            return Fault::new(
                format!("the bucket is in another region{code}"),
                "set AWS_REGION to the region of the bucket",
            );
        }
        if !code.is_empty() {
            return Fault::new(
                format!("the store refused{code}"),
                "run it again; if it stays, ask whoever runs the store",
            );
        }
        Fault::new(
            format!("it cannot be reached: {}", plain(root)),
            "check the network, the proxy and the endpoint (AWS_ENDPOINT_URL and its like), then run it again",
        )
    }

    /// What a client said before it asked anybody: its words may quote a setting.
    pub(super) fn of_settings(scheme: Scheme) -> Fault {
        Fault::new(
            "credentials or settings are missing in the environment, or cannot be read",
            no_credentials(scheme),
        )
    }

    /// The fault of an object or a pattern with this name.
    pub(super) fn of(self, name: &str) -> Failure {
        match self.kind {
            Kind::Interrupted => RollupError::Interrupted.into(),
            _ => IngestError::Unreadable {
                file: name.to_owned(),
                reason: self.reason,
                hint: self.hint.to_owned(),
            }
            .into(),
        }
    }

    /// The same, while a log is rolled up.
    pub(super) fn of_log(self, name: &str) -> RollupError {
        let file = name.to_owned();
        match self.kind {
            Kind::Interrupted => RollupError::Interrupted,
            Kind::Changed => RollupError::Changed { file },
            _ => RollupError::OutOfReach { file, reason: self.reason, hint: self.hint },
        }
    }
}

const fn is_refused(error: &StoreError) -> bool {
    matches!(error, StoreError::PermissionDenied { .. } | StoreError::Unauthenticated { .. })
}

const fn no_credentials(scheme: Scheme) -> &'static str {
    match scheme {
        Scheme::S3 => {
            "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (`aws configure export-credentials --format env` \
             prints them), or AWS_SKIP_SIGNATURE=true for a public bucket"
        }
        Scheme::Gs => {
            "set GOOGLE_APPLICATION_CREDENTIALS to a key file or run `gcloud auth application-default login`, or \
             GOOGLE_SKIP_SIGNATURE=true for a public bucket"
        }
        Scheme::Az => {
            "set AZURE_STORAGE_ACCOUNT_NAME, and AZURE_STORAGE_ACCOUNT_KEY or AZURE_STORAGE_SAS_KEY, or \
             AZURE_SKIP_SIGNATURE=true for a public container"
        }
    }
}

fn denied(code: &str) -> &'static str {
    let is_one_of = |words: &[&str]| words.iter().any(|it| code.contains(it));
    if is_one_of(&["Expired", "InvalidToken"]) {
        "the credentials are too old: renew them"
    } else if is_one_of(&["InvalidAccessKeyId", "SignatureDoesNotMatch", "AuthenticationFailed"]) {
        "the credentials are wrong: check the key and its secret in the environment"
    } else {
        "the credentials need the right to read the object, and to list the bucket for a pattern or a prefix"
    }
}

/// The word a store has for what is wrong, or the status. All else of its answer may name keys.
fn code(text: &str) -> Option<String> {
    let between = |from: &str, to: &str| {
        let rest = text.split_once(from)?.1;
        let word = rest.split_once(to).map_or(rest, |it| it.0);
        let is_plain = word.chars().all(|c| c.is_ascii_alphanumeric() || " -_".contains(c));
        (is_plain && (1..60).contains(&word.len())).then(|| word.to_owned())
    };
    between("<Code>", "</Code>").or_else(|| between("status code: ", ":"))
}

/// The first cause of an error.
fn root(error: &dyn Error) -> String {
    let mut root = error;
    while let Some(cause) = root.source() {
        root = cause;
    }
    root.to_string()
}

/// A cause without addresses.
fn plain(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().filter(|it| !it.contains("://")).collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_of_stores_are_told_in_our_words() {
        let body = "Server returned non-2xx status code: 403 Forbidden: <Error><Code>InvalidAccessKeyId</Code>\
                    <AWSAccessKeyId>AKIASECRET</AWSAccessKeyId></Error>";
        let denied = StoreError::PermissionDenied { path: "a".to_owned(), source: body.into() };
        let fault = Fault::of_store(&denied, Scheme::S3);
        assert_eq!(fault.reason, "access denied (InvalidAccessKeyId)");
        assert!(fault.hint.contains("wrong"));
        let list = StoreError::Generic { store: "S3", source: body.into() };
        assert_eq!(Fault::of_store(&list, Scheme::S3), fault);
        let of = |text: &'static str| {
            let source: Box<dyn Error + Send + Sync> = text.into();
            let fault = Fault::of_store(&StoreError::Generic { store: "S3", source }, Scheme::S3);
            (fault.reason, fault.hint)
        };
        let (reason, hint) =
            of("Error performing PUT http://169.254.169.254/latest/api/token in 1s");
        assert_eq!(reason, "no credentials were found");
        assert!(hint.contains("AWS_ACCESS_KEY_ID"));
        let (reason, _) = of("Error performing GET http://x/?sig=secret - Connection refused");
        assert!(!reason.contains("secret") && reason.contains("Connection refused"), "{reason}");
        let (reason, _) = of("Server returned non-2xx status code: 500 Internal Server Error: x");
        assert_eq!(reason, "the store refused (500 Internal Server Error)");
    }
}
