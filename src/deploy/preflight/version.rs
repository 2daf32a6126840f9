//! Versions of drivers and toolkits: numbers between dots.

use std::cmp::Ordering;
use std::fmt;

use serde::{Serialize, Serializer};

/// Most numbers a version has.
const MAX_PARTS: usize = 4;

/// A version such as 575.57.08, as printed; a missing number counts as 0.
#[derive(Clone, Debug)]
pub struct Version {
    text: String,
    parts: [u32; MAX_PARTS],
}

impl Version {
    /// None where the text is not one to four numbers between dots; a suffix after `-` is left out.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim().split(['-', '+', ' ']).next()?;
        let mut parts = [0; MAX_PARTS];
        for (at, part) in text.split('.').enumerate() {
            let is_number = part.bytes().all(|it| it.is_ascii_digit());
            *parts.get_mut(at)? = part.parse().ok().filter(|_| is_number)?;
        }
        Some(Self { text: text.to_owned(), parts })
    }

    /// The first number, which is the branch of a driver.
    pub fn major(&self) -> u32 {
        self.parts[0]
    }

    /// The first two numbers.
    pub fn major_minor(&self) -> (u32, u32) {
        (self.parts[0], self.parts[1])
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        self.parts == other.parts
    }
}

impl Eq for Version {}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        self.parts.cmp(&other.parts)
    }
}

impl Serialize for Version {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_and_words() {
        let check = |a: &str, b: &str, expected| {
            assert_eq!(Version::parse(a).unwrap().cmp(&Version::parse(b).unwrap()), expected);
        };
        check("575.57.08", "575.57.8", Ordering::Equal);
        check("570.26", "570.124.06", Ordering::Less);
        check("580.95.05", "575.57.08", Ordering::Greater);
        check("7.2", "7.2.1", Ordering::Less);
        assert_eq!(Version::parse("575.57.08").unwrap().to_string(), "575.57.08");
        assert_eq!(Version::parse("6.3.3-91").unwrap().to_string(), "6.3.3");
        for wrong in ["", "N/A", "1.2.3.4.5", "12.", "+1", "99999999999"] {
            assert!(Version::parse(wrong).is_none(), "{wrong}");
        }
    }
}
