//! The zone that times in the files carry: a hint, since an offset is no zone.

use std::collections::BTreeMap;
use std::io::Read;

use regex::Regex;

use crate::ingest::Source;

/// Bytes of each file that are looked at.
const HEAD: u64 = 1 << 18;
/// A date, a clock with seconds, an offset: RFC 3339 and the format of web servers.
const TIME: &str = r"(?:\d{4}-\d{2}-\d{2}[T ]|\d{2}/[A-Z][a-z]{2}/\d{4}:)\d{2}:\d{2}:\d{2}(?:[.,]\d+)? ?([+-])(\d{2}):?(\d{2})\b";

/// One offset for all times that carry any.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Carried {
    /// The first file with it.
    pub(super) file: String,
    /// Minutes east of UTC.
    pub(super) minutes: i32,
}

impl Carried {
    /// `+02:00`.
    pub(super) fn shown(&self) -> String {
        let sign = if self.minutes < 0 { '-' } else { '+' };
        let minutes = self.minutes.abs();
        format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60)
    }

    /// The zone of that offset all year, where it has a name: `Etc/GMT-2` is two hours east.
    pub(super) fn zone(&self) -> Option<String> {
        let hours = self.minutes / 60;
        (self.minutes % 60 == 0).then(|| {
            let sign = if hours > 0 { '-' } else { '+' };
            format!("Etc/GMT{sign}{}", hours.abs())
        })
    }
}

/// The offset that all times in the heads of the files agree on, where it is not UTC. Compressed
/// files and standard input are not looked at.
pub(super) fn carried(sources: &[Source]) -> Option<Carried> {
    let mut found: BTreeMap<i32, String> = BTreeMap::new();
    for source in sources {
        let Some(path) = source.path() else { continue };
        let mut head = Vec::new();
        // A file that cannot be read is reported by those who must read it.
        let read = std::fs::File::open(path).and_then(|it| it.take(HEAD).read_to_end(&mut head));
        if read.is_ok() {
            for minutes in offsets(&String::from_utf8_lossy(&head)) {
                found.entry(minutes).or_insert_with(|| source.name().to_owned());
            }
        }
    }
    let mut all = found.into_iter();
    let (minutes, file) = all.next()?;
    (minutes != 0 && all.next().is_none()).then_some(Carried { file, minutes })
}

/// Minutes east of UTC of every time with an offset.
fn offsets(text: &str) -> Vec<i32> {
    let Ok(time) = Regex::new(TIME) else { return Vec::new() };
    let minutes = |it: regex::Captures<'_>| {
        let (hours, minutes): (i32, i32) = (it[2].parse().ok()?, it[3].parse().ok()?);
        let east = hours * 60 + minutes;
        (hours <= 14 && minutes < 60).then_some(if &it[1] == "-" { -east } else { east })
    };
    time.captures_iter(text).filter_map(minutes).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_are_read_from_times_only() {
        assert_eq!(
            offsets("2026-10-05T14:00:00+02:00,x,2026-10-05 14:00:00.123 -0530"),
            [120, -330]
        );
        assert_eq!(offsets("[05/Oct/2026:14:00:00 +0900] GET /"), [540]);
        assert_eq!(offsets("2026-10-05T14:00:00+00:00"), [0]);
        assert!(
            offsets("2026-10-05T14:00:00Z,14:00:00-15:00,+02:00,2026-10-05 14:00:00-99:00")
                .is_empty()
        );
    }

    #[test]
    fn one_offset_is_a_hint_and_two_are_none() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            Source::Path(path)
        };
        let east = file("a.csv", "2026-10-05T14:00:00+02:00\n2026-10-05T15:00:00+02:00\n");
        let utc = file("b.csv", "2026-10-05T14:00:00+00:00\n");
        let none = file("c.csv", "2026-10-05T14:00:00Z\n");
        let found = carried(&[none, east.clone()]).unwrap();
        assert_eq!((found.file.as_str(), found.shown().as_str()), ("a.csv", "+02:00"));
        assert_eq!(found.zone().as_deref(), Some("Etc/GMT-2"));
        assert_eq!(carried(&[east, utc.clone()]), None);
        assert_eq!(carried(&[utc]), None);
        let half = Carried { file: "a".to_owned(), minutes: -330 };
        assert_eq!((half.shown().as_str(), half.zone()), ("-05:30", None));
        for hours in [-12, -1, 1, 14] {
            let zone = Carried { file: "a".to_owned(), minutes: hours * 60 }.zone().unwrap();
            assert!(zone.parse::<chrono_tz::Tz>().is_ok(), "{zone}");
        }
    }
}
