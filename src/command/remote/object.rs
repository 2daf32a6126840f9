//! One object, read by ranges of its bytes: all of one version of it, or none.

use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::{StreamExt, TryStreamExt, stream};
use object_store::{GetOptions, GetRange, ObjectMeta, ObjectStore};

use super::address::{Address, Scheme};
use super::client::wait;
use super::fault::Fault;
use crate::command::failure::Failure;
use crate::rollup::{RollupError, Stored};

/// Bytes of one request.
pub(super) const PIECE: u64 = 8 << 20;
/// Requests on their way at a time.
pub(super) const IN_FLIGHT: usize = 4;
/// Ends of objects that are asked for at a time.
const ENDS_IN_FLIGHT: usize = 16;
/// Bytes of an end, in which nearly every footer is.
const END: u64 = 1 << 16;
/// What stands at the end of Parquet, behind the length of the footer.
const MARK: &[u8; 4] = b"PAR1";
/// The length and the mark.
const FRAME: usize = 8;

/// An object.
pub(super) struct Object {
    store: Arc<dyn ObjectStore>,
    meta: ObjectMeta,
    scheme: Scheme,
    name: String,
    /// Its last bytes, while it is found out what it is.
    end: Mutex<Vec<u8>>,
    /// What was read before it was asked for.
    ahead: Mutex<Vec<(Range<u64>, Vec<u8>)>>,
    /// What kept it from being read.
    fault: Mutex<Option<Fault>>,
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Object {
    pub(super) fn new(store: Arc<dyn ObjectStore>, address: &Address, meta: ObjectMeta) -> Object {
        let key = meta.location.to_string();
        let name = Address { key, ..address.clone() }.to_string();
        let (end, ahead, fault) = (Mutex::default(), Mutex::default(), Mutex::default());
        Object { store, meta, scheme: address.scheme, name, end, ahead, fault }
    }

    /// Its address.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The footer of a Parquet file with its frame, as the end of a file that has no rows; nothing
    /// where it is no Parquet.
    pub(super) fn footer(&self) -> Result<Option<Vec<u8>>, Failure> {
        let mut end = lock(&self.end).clone();
        let Some(n) = footer_len(&end) else { return Ok(None) };
        let n = n.saturating_add(FRAME as u64);
        if n > self.meta.size {
            return Ok(None);
        }
        if n > end.len() as u64 {
            let all = self.pieces(self.meta.size - n..self.meta.size);
            end = wait(all).map_err(|it| it.of(&self.name))?;
            lock(&self.end).clone_from(&end);
        }
        let from = end.len() - usize::try_from(n).unwrap_or(end.len());
        Ok(Some([MARK.as_slice(), &end[from..]].concat()))
    }

    /// Lets go of its last bytes.
    pub(super) fn forget_end(&self) {
        *lock(&self.end) = Vec::new();
    }

    /// A range of a few megabytes, of the version that was listed.
    pub(super) async fn piece(&self, range: Range<u64>) -> Result<Vec<u8>, Fault> {
        let said = |error| Fault::of_store(&error, self.scheme);
        let options = GetOptions {
            range: Some(GetRange::Bounded(range.clone())),
            if_match: self.condition(),
            ..GetOptions::default()
        };
        let found = self.store.get_opts(&self.meta.location, options).await.map_err(said)?;
        // A store that does not know the condition still says what it gave.
        let tags = found.meta.e_tag.as_deref().zip(self.meta.e_tag.as_deref());
        let other_tag = tags.is_some_and(|(now, then)| bare(now) != bare(then));
        if other_tag || found.meta.size != self.meta.size {
            return Err(Fault::changed());
        }
        let bytes = found.bytes().await.map_err(said)?;
        if bytes.len() as u64 != range.end - range.start {
            return Err(Fault::changed());
        }
        Ok(bytes.to_vec())
    }

    /// The version that was listed. Lists of Azure leave the quotes out.
    fn condition(&self) -> Option<String> {
        let tag = self.meta.e_tag.as_deref()?;
        Some(if self.scheme == Scheme::Az { format!("\"{}\"", bare(tag)) } else { tag.to_owned() })
    }

    /// Ranges of any length, by several requests at a time.
    async fn ranges(&self, wanted: Vec<Range<u64>>) -> Result<Vec<(Range<u64>, Vec<u8>)>, Fault> {
        let cuts: Vec<Range<u64>> = wanted.iter().cloned().flat_map(cut).collect();
        let mut pieces = stream::iter(cuts).map(|it| self.piece(it)).buffered(IN_FLIGHT);
        let mut all = Vec::with_capacity(wanted.len());
        for range in wanted {
            let mut bytes = Vec::new();
            for _ in cut(range.clone()) {
                bytes.extend(pieces.try_next().await?.unwrap_or_default());
            }
            all.push((range, bytes));
        }
        Ok(all)
    }

    /// One of them.
    async fn pieces(&self, range: Range<u64>) -> Result<Vec<u8>, Fault> {
        let mut read = self.ranges(vec![range]).await?;
        Ok(read.pop().unwrap_or_default().1)
    }

    /// Its size in bytes.
    pub(super) const fn bytes(&self) -> u64 {
        self.meta.size
    }

    fn end(&self, range: &Range<u64>) -> Option<Vec<u8>> {
        let end = lock(&self.end);
        let start = self.meta.size.checked_sub(end.len() as u64)?;
        let from = usize::try_from(range.start.checked_sub(start)?).ok()?;
        let to = usize::try_from(range.end.checked_sub(start)?).ok()?;
        end.get(from..to).map(<[u8]>::to_vec)
    }
}

/// Reads the last bytes of objects.
pub(super) fn look_at_ends(objects: &[Arc<Object>]) -> Result<(), Failure> {
    let ends = stream::iter(objects)
        .map(|it| async {
            let size = it.meta.size;
            let end = it.pieces(size.saturating_sub(END)..size).await;
            end.map(|end| *lock(&it.end) = end).map_err(|fault| (Arc::clone(it), fault))
        })
        .buffered(ENDS_IN_FLIGHT);
    let mut failed = None;
    let all = wait(async {
        if let Err((object, fault)) = ends.try_collect::<()>().await {
            failed = Some(object);
            return Err(fault);
        }
        Ok(())
    });
    all.map_err(|fault| fault.of(failed.map_or_else(String::new, |it| it.name.clone()).as_str()))
}

/// Ranges of one request each.
pub(super) fn cut(range: Range<u64>) -> impl Iterator<Item = Range<u64>> {
    let end = range.end;
    range
        .step_by(usize::try_from(PIECE).unwrap_or(usize::MAX))
        .map(move |start| start..end.min(start.saturating_add(PIECE)))
}

/// The length of the footer, where the end is that of Parquet.
fn footer_len(end: &[u8]) -> Option<u64> {
    let (rest, mark) = end.split_last_chunk::<4>()?;
    let (_, length) = rest.split_last_chunk::<4>()?;
    (mark == MARK).then(|| u64::from(u32::from_le_bytes(*length)))
}

/// A tag without its quotes and the mark of a weak one.
fn bare(tag: &str) -> &str {
    tag.trim_start_matches("W/").trim_matches('"')
}

impl Stored for Object {
    fn size(&self) -> u64 {
        self.meta.size
    }

    fn read(&self, range: Range<u64>) -> Option<Vec<u8>> {
        if let Some(bytes) = self.end(&range) {
            return Some(bytes);
        }
        let mut ahead = lock(&self.ahead);
        if let Some(at) = ahead.iter().position(|it| it.0 == range) {
            return Some(ahead.swap_remove(at).1);
        }
        drop(ahead);
        match wait(self.pieces(range)) {
            Ok(bytes) => Some(bytes),
            Err(fault) => {
                lock(&self.fault).get_or_insert(fault);
                None
            }
        }
    }

    fn prepare(&self, ranges: &[Range<u64>]) {
        let wanted = ranges.iter().filter(|it| it.end <= self.meta.size).cloned().collect();
        match wait(self.ranges(wanted)) {
            Ok(read) => lock(&self.ahead).extend(read),
            Err(fault) => {
                lock(&self.fault).get_or_insert(fault);
            }
        }
    }

    fn check(&self) -> Result<(), RollupError> {
        let fault = lock(&self.fault).clone();
        fault.map_or(Ok(()), |it| Err(it.of_log(&self.name)))
    }
}

#[cfg(test)]
mod tests {
    use object_store::ObjectStoreExt;
    use object_store::memory::InMemory;
    use object_store::path::Path;

    use super::*;

    #[test]
    fn all_ranges_are_of_one_version() {
        let store = Arc::new(InMemory::new());
        let path = Path::from("logs/chat.parquet");
        let put = |bytes: &'static [u8]| {
            let said = |it| Fault::of_store(&it, Scheme::S3);
            wait(async { store.put(&path, bytes.into()).await.map_err(said) }).unwrap();
            wait(async { store.head(&path).await.map_err(said) }).unwrap()
        };
        let address = Address::parse("s3://bucket/logs/*").unwrap();
        let meta = put(b"PAR1 rows foot\x04\0\0\0PAR1");
        let object = Arc::new(Object::new(store.clone(), &address, meta));
        assert_eq!(object.name(), "s3://bucket/logs/chat.parquet");
        look_at_ends(&[Arc::clone(&object)]).unwrap();
        assert_eq!(object.footer().unwrap().unwrap(), b"PAR1foot\x04\0\0\0PAR1");
        object.forget_end();
        object.prepare(&[0..4, 5..9]);
        put(b"PAR1 rows face\x04\0\0\0PAR1");
        // What was read before is of the version that was listed, and what is read now is not.
        assert_eq!(object.read(5..9).unwrap(), b"rows");
        assert!(object.check().is_ok());
        assert_eq!(object.read(5..9), None);
        assert!(matches!(object.check(), Err(RollupError::Changed { .. })));
    }

    #[test]
    fn a_range_is_cut_into_requests() {
        let cuts: Vec<_> = cut(5..2 * PIECE + 7).collect();
        assert_eq!(cuts, [5..PIECE + 5, PIECE + 5..2 * PIECE + 5, 2 * PIECE + 5..2 * PIECE + 7]);
        assert_eq!(cut(3..3).count(), 0);
        assert_eq!((bare("0x8D"), bare("\"a\""), bare("W/\"a\"")), ("0x8D", "a", "a"));
        assert_eq!(footer_len(b"xx\x10\0\0\0PAR1"), Some(16));
        assert_eq!(footer_len(b"PAR1"), None);
    }
}
