//! Addresses as they are written: a scheme, a bucket, and a key or a pattern of keys.

use std::fmt;

use super::fault::Fault;
use crate::command::failure::Failure;

/// Whose store it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scheme {
    /// `s3://`: Amazon S3 and what speaks like it.
    S3,
    /// `gs://`: Google Cloud Storage.
    Gs,
    /// `az://`: Azure Blob Storage.
    Az,
}

impl Scheme {
    const ALL: [(Scheme, &'static str); 3] =
        [(Scheme::S3, "s3"), (Scheme::Gs, "gs"), (Scheme::Az, "az")];

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Scheme::S3 => "s3",
            Scheme::Gs => "gs",
            Scheme::Az => "az",
        }
    }
}

/// One address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Address {
    pub(super) scheme: Scheme,
    /// The bucket, or the container.
    pub(super) bucket: String,
    /// A key, a prefix with a slash at its end, or a pattern.
    pub(super) key: String,
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}/{}", self.scheme.as_str(), self.bucket, self.key)
    }
}

impl Address {
    /// Whether a word is an address rather than a path.
    pub(super) fn is_one(word: &str) -> bool {
        let scheme = word.split_once("://").map(|it| it.0);
        Scheme::ALL.iter().any(|it| Some(it.1) == scheme) && !std::path::Path::new(word).exists()
    }

    /// Takes a word apart. One with a user, a password or a query is refused and not shown.
    pub(super) fn parse(word: &str) -> Result<Address, Failure> {
        let (scheme, rest) = word.split_once("://").unwrap_or_default();
        let shown = format!("{scheme}://…");
        let Some((scheme, _)) = Scheme::ALL.into_iter().find(|it| it.1 == scheme) else {
            return Err(Fault::malformed("it is no s3://, gs:// or az:// address").of(&shown));
        };
        let (bucket, key) = rest.split_once('/').unwrap_or((rest, ""));
        // A question mark is a wildcard too, but what follows that of a query has names and values.
        let is_query = rest.split_once('?').is_some_and(|it| it.1.contains('='));
        if bucket.contains(['@', ':', '?']) || is_query {
            return Err(Fault::credentials_in_address().of(&shown));
        }
        if bucket.is_empty() || bucket.contains(['*', '[', ']']) {
            return Err(Fault::malformed("the bucket has no name of its own").of(&shown));
        }
        Ok(Address { scheme, bucket: bucket.to_owned(), key: key.to_owned() })
    }

    /// The pattern, where it is one.
    pub(super) fn pattern(&self) -> Result<Option<glob::Pattern>, Failure> {
        if !self.key.contains(['*', '?', '[']) {
            return Ok(None);
        }
        let pattern = glob::Pattern::new(&self.key);
        pattern.map(Some).map_err(|it| Fault::malformed(it.msg).of(&self.to_string()))
    }

    /// The folder that all keys of a pattern are in, without its last slash.
    pub(super) fn folder(&self) -> &str {
        let end = self.key.find(['*', '?', '[']).unwrap_or(self.key.len());
        self.key[..end].rsplit_once('/').map_or("", |it| it.0)
    }

    /// Whether a pattern says something about folders below that one.
    pub(super) fn goes_deeper(&self) -> bool {
        let folder = self.folder();
        self.key[folder.len()..].trim_start_matches('/').contains(['/']) || self.key.contains("**")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_taken_apart() {
        for (word, bucket, key, folder, deeper) in [
            ("s3://logs/2026/*.parquet", "logs", "2026/*.parquet", "2026", false),
            ("gs://logs/20?6/a.csv", "logs", "20?6/a.csv", "", true),
            ("az://logs", "logs", "", "", false),
            ("s3://logs/a/b/", "logs", "a/b/", "a/b", false),
            ("s3://logs/a/**/x.csv", "logs", "a/**/x.csv", "a", true),
            ("s3://logs/day=1/x@y.csv", "logs", "day=1/x@y.csv", "day=1", false),
        ] {
            let it = Address::parse(word).unwrap();
            assert_eq!((it.bucket.as_str(), it.key.as_str()), (bucket, key));
            assert_eq!((it.folder(), it.goes_deeper()), (folder, deeper), "{word}");
        }
        assert!(Address::is_one("s3://a/b") && !Address::is_one("s3:/a") && !Address::is_one("a"));
    }

    #[test]
    fn no_credentials_are_shown() {
        for word in [
            "s3://AKIA:secret@bucket/a.csv",
            "az://container/a.csv?sv=2024&sig=secret",
            "s3://bucket?secret=1",
            "s3:///secret",
        ] {
            let failure = Address::parse(word).unwrap_err();
            let text = format!("{:#} {:?}", failure.error, failure.hint);
            assert!(!text.contains("secret") && !text.contains("AKIA"), "{text}");
        }
    }
}
