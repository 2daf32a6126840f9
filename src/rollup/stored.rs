//! Where the bytes of a Parquet file lie: on a disk, or wherever whoever calls can read ranges of it.

use std::fs::{File, Metadata};
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use polars_parquet::parquet::metadata::FileMetadata;
use polars_parquet::read::_read_metadata;

use super::RollupError;

/// Bytes at the end of a file that are read at once: more than nearly every footer has.
const TAIL: u64 = 1 << 16;
/// The same of a footer that is longer.
const MORE: u64 = 1 << 20;

/// A file that is read by ranges.
pub trait Stored: Send + Sync {
    /// How many bytes it has.
    fn size(&self) -> u64;

    /// The bytes of a range inside of it; nothing where they cannot be read, which `check` explains.
    fn read(&self, range: Range<u64>) -> Option<Vec<u8>>;

    /// Told before ranges are read one by one, for whom it pays to read them side by side.
    fn prepare(&self, _ranges: &[Range<u64>]) {}

    /// Fails where it is no longer what it was when it was opened, or could not be read.
    fn check(&self) -> Result<(), RollupError>;
}

/// A file on a disk.
pub(super) struct LocalFile {
    path: PathBuf,
    name: String,
    /// What the file system said when it was opened.
    seen: Metadata,
}

impl LocalFile {
    pub(super) fn open(path: &Path, name: &str) -> Result<LocalFile, RollupError> {
        let seen = File::open(path).and_then(|it| it.metadata());
        let seen = seen.map_err(|it| unreadable(name, &it))?;
        Ok(LocalFile { path: path.to_owned(), name: name.to_owned(), seen })
    }
}

impl Stored for LocalFile {
    fn size(&self) -> u64 {
        self.seen.len()
    }

    fn read(&self, range: Range<u64>) -> Option<Vec<u8>> {
        let n = range.end.checked_sub(range.start)?;
        let mut bytes = Vec::with_capacity(usize::try_from(n).ok()?);
        let mut file = File::open(&self.path).ok()?;
        file.seek(SeekFrom::Start(range.start)).ok()?;
        let read = file.take(n).read_to_end(&mut bytes).ok()?;
        (read as u64 == n).then_some(bytes)
    }

    fn check(&self) -> Result<(), RollupError> {
        let now = std::fs::metadata(&self.path).ok();
        let same = now.is_some_and(|now| {
            let times = (now.modified().ok(), self.seen.modified().ok());
            now.len() == self.seen.len() && times.0 == times.1
        });
        if same { Ok(()) } else { Err(RollupError::Changed { file: self.name.clone() }) }
    }
}

fn unreadable(name: &str, reason: &impl ToString) -> RollupError {
    RollupError::Unreadable { file: name.to_owned(), reason: reason.to_string() }
}

/// What a Parquet file says of itself at its end.
pub(super) fn footer(of: &dyn Stored, name: &str) -> Result<FileMetadata, RollupError> {
    let mut reader = Ranges { of, at: 0, held: (0, Vec::new()) };
    let metadata = catch_unwind(AssertUnwindSafe(|| _read_metadata(&mut reader)));
    // What kept it from being read says more than what the decoder makes of it.
    let found = match metadata {
        Ok(Ok(metadata)) => return Ok(metadata),
        Ok(Err(error)) => unreadable(name, &error),
        Err(_) => unreadable(name, &"the Parquet metadata cannot be decoded"),
    };
    of.check()?;
    Err(found)
}

/// The end of a file as a reader.
struct Ranges<'a> {
    of: &'a dyn Stored,
    at: u64,
    /// Bytes that were read already, and where they begin.
    held: (u64, Vec<u8>),
}

impl Read for Ranges<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let size = self.of.size();
        let wanted = (into.len() as u64).min(size.saturating_sub(self.at));
        if wanted == 0 {
            return Ok(0);
        }
        let (start, bytes) = &self.held;
        if self.at < *start || self.at + wanted > start + bytes.len() as u64 {
            let start = self.at.min(size.saturating_sub(TAIL));
            let end = (self.at + wanted).max(size.min(start + MORE));
            let bytes = self.of.read(start..end);
            self.held = (start, bytes.ok_or_else(|| io::Error::other("cannot be read"))?);
        }
        let (start, bytes) = &self.held;
        let from = usize::try_from(self.at - start).map_err(io::Error::other)?;
        let n = usize::try_from(wanted).map_err(io::Error::other)?;
        let found = bytes.get(from..from + n).ok_or(io::ErrorKind::UnexpectedEof)?;
        into[..n].copy_from_slice(found);
        self.at += wanted;
        Ok(n)
    }
}

impl Seek for Ranges<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.of.size().checked_add_signed(by),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
        };
        self.at = at.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    struct Counted(Vec<u8>, Mutex<Vec<Range<u64>>>);

    impl Stored for Counted {
        fn size(&self) -> u64 {
            self.0.len() as u64
        }

        fn read(&self, range: Range<u64>) -> Option<Vec<u8>> {
            self.1.lock().unwrap().push(range.clone());
            let place = usize::try_from(range.start).ok()?..usize::try_from(range.end).ok()?;
            self.0.get(place).map(<[u8]>::to_vec)
        }

        fn check(&self) -> Result<(), RollupError> {
            Ok(())
        }
    }

    #[test]
    fn the_end_of_a_file_is_read_once() {
        let bytes: Vec<u8> = (0_u32..200_000).map(|it| (it % 251) as u8).collect();
        let of = Counted(bytes.clone(), Mutex::default());
        let mut reader = Ranges { of: &of, at: 0, held: (0, Vec::new()) };
        let mut read = |from: u64, n: usize| {
            let mut into = vec![0; n];
            reader.seek(SeekFrom::Start(from)).unwrap();
            reader.read_exact(&mut into).unwrap();
            let from = usize::try_from(from).unwrap();
            assert_eq!(into, bytes[from..from + n]);
        };
        read(199_992, 8);
        read(199_000, 992);
        assert_eq!(
            of.1.lock().unwrap().as_slice(),
            std::slice::from_ref(&(200_000 - TAIL..200_000))
        );
        // A footer that is larger than what was read at once.
        read(50_000, 150_000);
        assert_eq!(of.1.lock().unwrap().last(), Some(&(50_000..200_000)));
        let small = Counted(vec![1, 2, 3], Mutex::default());
        let mut reader = Ranges { of: &small, at: 0, held: (0, Vec::new()) };
        let mut all = Vec::new();
        reader.read_to_end(&mut all).unwrap();
        assert_eq!(all, [1, 2, 3]);
    }
}
