//! Finds the items of a `kubectl` list without building anything from them.

use serde::de::IgnoredAny;

/// A list as text: its kind, and where each item stands.
pub(super) struct List<'a> {
    /// `List`, `PodList`, ...
    pub kind: Option<String>,
    /// Text of each item and the line of the file it starts on.
    pub items: Option<Vec<(&'a [u8], usize)>>,
}

/// Why a text is not one JSON object.
#[derive(Debug, PartialEq)]
pub(super) enum Broken {
    /// It ends too early.
    Truncated,
    /// It is not JSON at this line.
    Syntax(usize),
    /// A second document follows at this line.
    Trailing(usize),
}

/// Walks the outer object; every byte is checked to be JSON.
pub(super) fn list(bytes: &[u8]) -> Result<List<'_>, Broken> {
    let mut cursor = Cursor { bytes, at: 0, line: 1, counted: 0 };
    let mut found = List { kind: None, items: None };
    cursor.expect(b'{')?;
    if !cursor.take(b'}')? {
        loop {
            let key = cursor.text()?;
            cursor.expect(b':')?;
            match key.as_deref() {
                Some("items") if cursor.peek()? == b'[' => found.items = Some(cursor.array()?),
                Some("kind") => found.kind = cursor.text()?,
                _ => drop(cursor.value()?),
            }
            if !cursor.take(b',')? {
                break;
            }
        }
        cursor.expect(b'}')?;
    }
    match cursor.peek() {
        Err(Broken::Truncated) => Ok(found),
        _ => Err(Broken::Trailing(cursor.line())),
    }
}

struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
    line: usize,
    /// Up to where line ends were counted.
    counted: usize,
}

impl<'a> Cursor<'a> {
    /// The line of the next byte.
    fn line(&mut self) -> usize {
        let passed = self.bytes.get(self.counted..self.at).unwrap_or_default();
        self.line += passed.split(|it| *it == b'\n').count() - 1;
        self.counted = self.at;
        self.line
    }

    /// The next byte that is no blank.
    fn peek(&mut self) -> Result<u8, Broken> {
        while let Some(byte) = self.bytes.get(self.at) {
            if !byte.is_ascii_whitespace() {
                return Ok(*byte);
            }
            self.at += 1;
        }
        Err(Broken::Truncated)
    }

    fn take(&mut self, wanted: u8) -> Result<bool, Broken> {
        let found = self.peek()? == wanted;
        self.at += usize::from(found);
        Ok(found)
    }

    fn expect(&mut self, wanted: u8) -> Result<(), Broken> {
        if self.take(wanted)? { Ok(()) } else { Err(Broken::Syntax(self.line())) }
    }

    /// The text of the next value.
    fn value(&mut self) -> Result<&'a [u8], Broken> {
        self.peek()?;
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let mut values = serde_json::Deserializer::from_slice(rest).into_iter::<IgnoredAny>();
        match values.next() {
            Some(Ok(_)) => {
                let length = values.byte_offset();
                self.at += length;
                Ok(rest.get(..length).unwrap_or_default())
            }
            Some(Err(error)) if !error.is_eof() => {
                Err(Broken::Syntax(self.line() + error.line() - 1))
            }
            _ => Err(Broken::Truncated),
        }
    }

    /// The next value, if it is a text.
    fn text(&mut self) -> Result<Option<String>, Broken> {
        Ok(serde_json::from_slice(self.value()?).ok())
    }

    fn array(&mut self) -> Result<Vec<(&'a [u8], usize)>, Broken> {
        let mut items = Vec::new();
        self.expect(b'[')?;
        if self.take(b']')? {
            return Ok(items);
        }
        loop {
            self.peek()?;
            let line = self.line();
            items.push((self.value()?, line));
            if !self.take(b',')? {
                break;
            }
        }
        self.expect(b']')?;
        Ok(items)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_found_with_their_lines() {
        let text = r#"{"items": [
            {"a": "]}"},
            7], "kind": "PodList", "x": {"items": [1]}}
            "#;
        let found = list(text.as_bytes()).unwrap_or_else(|it| panic!("{it:?}"));
        assert_eq!(found.kind.as_deref(), Some("PodList"));
        assert_eq!(found.items, Some(vec![(&br#"{"a": "]}"}"#[..], 2), (&b"7"[..], 3)]));
    }

    #[test]
    fn faults_are_told_apart() {
        let fault = |text: &str| list(text.as_bytes()).err();
        assert_eq!(fault("{\"items\": [{\"a\": 1}"), Some(Broken::Truncated));
        assert_eq!(fault("{\"items\": [{\"a\": \"x"), Some(Broken::Truncated));
        assert_eq!(fault("{\"items\": []"), Some(Broken::Truncated));
        assert_eq!(fault("{\n\"items\": [\n{a}]}"), Some(Broken::Syntax(3)));
        assert_eq!(fault("{\"items\": []}\n{}"), Some(Broken::Trailing(2)));
        assert_eq!(fault("[]"), Some(Broken::Syntax(1)));
        assert_eq!(fault("{}"), None);
    }
}
