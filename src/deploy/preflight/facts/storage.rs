//! What was measured of the disk and the download.

use serde::Serialize;

/// Bytes moved in a time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Measured {
    /// Bytes.
    pub bytes: u64,
    /// Microseconds.
    pub micros: u64,
}

impl Measured {
    /// Bytes in a second; none where nothing was moved or no time passed.
    pub fn per_second(self) -> Option<u64> {
        let rate = u128::from(self.bytes) * 1_000_000 / u128::from(self.micros).max(1);
        u64::try_from(rate).ok().filter(|it| *it > 0 && self.micros > 0)
    }

    /// Seconds for so many bytes at that rate, rounded up.
    pub fn seconds_for(self, bytes: u64) -> Option<u64> {
        self.per_second().map(|it| bytes.div_ceil(it))
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.bytes = self.bytes.saturating_add(other.bytes);
        self.micros = self.micros.saturating_add(other.micros);
    }
}

/// The disk of the weights.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Disk {
    /// Free, bytes.
    pub free_bytes: Option<u64>,
    /// Kind of the file system, as `stat` says.
    pub kind: Option<String>,
    /// Reading, not from memory.
    pub read: Option<Measured>,
    /// True where the weights themselves were read.
    pub is_of_weights: bool,
    /// Writing to the disk.
    pub write: Option<Measured>,
    /// Why nothing was read.
    pub why_not: Option<String>,
    /// What of the weights is there; none where nobody looked.
    pub cached: Option<Cached>,
}

/// What of the weights is on the disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Cached {
    /// Bytes.
    pub bytes: u64,
    /// True where a file of a broken download is there.
    pub incomplete: bool,
}

/// The download of the weights.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Download {
    /// What the hub answered.
    pub access: Option<Access>,
    /// True where a token was sent.
    pub with_token: Option<bool>,
    /// The download, after its first byte.
    pub speed: Option<Measured>,
    /// Why nothing was downloaded.
    pub why_not: Option<String>,
}

/// What the hub answered to a request for a file of the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Access {
    /// It sends the file.
    Granted,
    /// 401 or 403.
    Refused(u16),
    /// 404.
    NotFound,
    /// 429.
    TooMany,
    /// Another status.
    Other(u16),
    /// No answer.
    Unreachable,
}
