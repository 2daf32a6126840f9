//! Bytes on their way: hashed as they are read, unpacked where they are packed.

use std::io::{self, BufRead, BufReader, Read};
use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest, Sha256};

use super::super::IngestError;
use super::{too_large, unreadable};

/// A reader that hashes what passes through.
pub(super) struct Hashed {
    inner: Box<dyn Read + Send>,
    hash: Arc<Mutex<Sha256>>,
}

impl Hashed {
    pub(super) fn new(inner: Box<dyn Read + Send>) -> Hashed {
        Hashed { inner, hash: Arc::default() }
    }
}

impl Read for Hashed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.hash.lock().unwrap_or_else(PoisonError::into_inner).update(&buffer[..read]);
        Ok(read)
    }
}

/// The hexadecimal text of a hash.
pub(super) fn hex(hash: &Sha256) -> String {
    hash.clone().finalize().iter().fold(String::new(), |mut hex, byte| {
        use std::fmt::Write;
        // Writing to a String cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// A text, unpacked, whose packed bytes are hashed.
pub(super) struct Unpacked {
    reader: Box<dyn BufRead + Send>,
    hash: Arc<Mutex<Sha256>>,
    /// The last byte that was read, and whether it is the last of all.
    last: (u8, bool),
}

/// Unpacks gzip and zstd by their first bytes, whatever the name says.
pub(super) fn unpacked(mut reader: BufReader<Hashed>, file: &str) -> Result<Unpacked, IngestError> {
    let hash = Arc::clone(&reader.get_ref().hash);
    let head = reader.fill_buf().map_err(|error| damaged(file, &error))?;
    let (is_gzip, is_zstd) = (head.starts_with(b"\x1f\x8b"), head.starts_with(b"\x28\xb5\x2f\xfd"));
    let reader: Box<dyn BufRead + Send> = if is_gzip {
        Box::new(BufReader::with_capacity(1 << 18, flate2::bufread::MultiGzDecoder::new(reader)))
    } else if is_zstd {
        let decoder = zstd::stream::read::Decoder::with_buffer(reader)
            .map_err(|error| damaged(file, &error))?;
        Box::new(BufReader::with_capacity(1 << 18, decoder))
    } else {
        Box::new(reader)
    };
    Ok(Unpacked { reader, hash, last: (b'\n', false) })
}

fn damaged(file: &str, error: &io::Error) -> IngestError {
    unreadable(
        file,
        format!("cannot be unpacked: {error}"),
        "the file is probably cut short: copy it again",
    )
}

impl Unpacked {
    /// The first bytes, without taking them.
    pub(super) fn head(&mut self, file: &str) -> Result<&[u8], IngestError> {
        self.reader.fill_buf().map_err(|error| damaged(file, &error))
    }

    /// All bytes, up to a limit, and the hash of the file.
    pub(super) fn read_whole(
        mut self,
        most: u64,
        file: &str,
    ) -> Result<(Vec<u8>, String), IngestError> {
        let mut bytes = Vec::new();
        let limit = most.saturating_add(1);
        let read = (&mut self.reader).take(limit).read_to_end(&mut bytes);
        let read = read.map_err(|error| damaged(file, &error))? as u64;
        if read > most {
            return Err(too_large(most, file));
        }
        let sha256 = self.sha256(file)?;
        Ok((bytes, sha256))
    }

    /// Whether what was read by [`Read`] came to its end in the middle of a line.
    pub(super) fn ended_in_a_line(&self) -> bool {
        self.last.1 && self.last.0 != b'\n'
    }

    /// The hash of the file, when its text was read to the end.
    pub(super) fn sha256(&mut self, file: &str) -> Result<String, IngestError> {
        // What a decoder left unread (a trailer, padding) belongs to the file too.
        io::copy(&mut self.reader, &mut io::sink()).map_err(|error| damaged(file, &error))?;
        Ok(hex(&self.hash.lock().unwrap_or_else(PoisonError::into_inner)))
    }
}

impl Read for Unpacked {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.reader.read(buffer)?;
        self.last = match buffer.get(..read).and_then(<[u8]>::last) {
            Some(byte) => (*byte, false),
            None => (self.last.0, !buffer.is_empty()),
        };
        Ok(read)
    }
}

impl BufRead for Unpacked {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.reader.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        self.reader.consume(amount);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_above_the_limit_is_refused_and_one_at_it_is_read() {
        let whole = |most: u64| {
            let bytes = Box::new(io::Cursor::new(vec![b' '; 3 << 20]));
            let reader = BufReader::new(Hashed::new(bytes));
            unpacked(reader, "big.json").unwrap().read_whole(most, "big.json")
        };
        assert_eq!(whole(3 << 20).unwrap().0.len(), 3 << 20);
        let error = whole((3 << 20) - 1).unwrap_err();
        assert_eq!(
            error.to_string(),
            "big.json: one JSON document of more than 2 MiB cannot be read whole"
        );
        assert!(error.hint().contains("JSON lines"), "{}", error.hint());
    }
}
