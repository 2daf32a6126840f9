//! Rows with an id that were read already: of the same request twice the first counts.

use std::collections::BTreeSet;
use std::hash::{BuildHasher, Hash};

use super::columns::Labels;
use super::log::Record;
use super::otel;

/// Microseconds of the coarsest time that exports of one table have.
const MS_US: i64 = 1000;

/// Rows that were read: a hash of the id, and one of the content. No id is kept as text.
#[derive(Default)]
pub(super) struct Seen(BTreeSet<(u64, u64)>);

impl Seen {
    /// Whether a row with this id and this content was there before.
    pub(super) fn is_repeated(&mut self, id: u128, content: u64) -> bool {
        !self.0.insert((hash_of(id), content))
    }

    /// Rows that came with an id of another row and differ from it.
    pub(super) fn n_reused_ids(&self) -> u64 {
        let pairs = self.0.iter().zip(self.0.iter().skip(1));
        pairs.filter(|((a, _), (b, _))| a == b).count() as u64
    }
}

/// An id of a row as a number.
pub(super) fn id_of(text: &str) -> u128 {
    otel::hash_of(text.as_bytes())
}

/// A hash of what makes two rows of one id the same request: when, how many tokens, what became of
/// it, and whose it is. What exports write in more ways than one is left out or made one: digits
/// below a millisecond, how long it took, what a gateway says it cost, blanks between tags.
///
/// An id alone is not enough: retries and fallbacks of one call share theirs in some gateways, and
/// each of them reached a GPU.
pub(super) fn content(record: &Record<'_>, labels: &Labels<'_>) -> u64 {
    let tokens = record.tokens.map(|it| (it.prompt, it.completion));
    let tags = labels.tags.as_deref().unwrap_or_default();
    let tags: String = tags.chars().filter(|it| !it.is_whitespace()).collect();
    let tags = if tags == "[]" { "" } else { tags.as_str() };
    let when = record.at_us.div_euclid(MS_US);
    hash_of((when, tokens, record.outcome, labels.but_tags(), tags))
}

/// A hash that is the same in every run.
pub(super) fn hash_of(value: impl Hash) -> u64 {
    foldhash::quality::FixedState::default().hash_one(value)
}
