//! `report.json`: the model as it is, one line feed at the end.
//!
//! What fits on a line stands on one, and a list of numbers fills its lines. Indented one number to
//! a line, 37 % of the sample report were blanks; so they are 20 %. A member of a large object has a
//! line of its own, so that two reports can be compared line by line.

use super::RenderError;
use super::model::ReportModel;

/// Longest line that holds a whole object or list.
const LINE: usize = 120;

/// The whole report for a script.
pub(crate) fn render(report: &ReportModel) -> Result<String, RenderError> {
    Ok(laid_out(&serde_json::to_string(report)?))
}

/// JSON without blanks, laid out. Bytes are copied and blanks added, so no value can change.
fn laid_out(compact: &str) -> String {
    let mut layout = Layout {
        text: compact,
        ends: ends(compact),
        out: String::with_capacity(compact.len() * 4 / 3),
    };
    layout.value(0, 0);
    layout.out.push('\n');
    layout.out
}

/// For each opening bracket, in their order, where its closing one stands.
fn ends(compact: &str) -> Vec<(usize, usize)> {
    let (mut ends, mut open) = (Vec::new(), Vec::new());
    let (mut in_text, mut escaped) = (false, false);
    for (at, byte) in compact.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            b'{' | b'[' if !in_text => {
                open.push(ends.len());
                ends.push((at, at));
            }
            b'}' | b']' if !in_text => {
                if let Some(of) = open.pop() {
                    ends[of].1 = at;
                }
            }
            _ => {}
        }
    }
    ends
}

/// What is written, and where brackets close.
struct Layout<'a> {
    text: &'a str,
    ends: Vec<(usize, usize)>,
    out: String,
}

impl Layout<'_> {
    /// Writes the value that begins at `at`, so many levels deep; returns where it ends.
    fn value(&mut self, at: usize, level: usize) -> usize {
        let text = self.text;
        let end = self.end(at);
        let whole = &text[at..end];
        if !whole.starts_with(['{', '[']) || whole.len() + level <= LINE {
            self.inline(whole);
            return end;
        }
        let is_list = whole.starts_with('[');
        let fills = is_list && !whole[1..].contains(['{', '[']);
        self.out.push_str(&whole[..1]);
        let (mut next, mut column) = (at + 1, LINE);
        while next < end - 1 {
            let member = if is_list { next } else { self.end(next) + 1 };
            let stop = self.end(member);
            let room = fills && column + (stop - next) + 2 <= LINE;
            if next > at + 1 {
                self.out.push(',');
            }
            if room {
                self.out.push(' ');
            } else {
                self.out.push('\n');
                self.out.extend(std::iter::repeat_n(' ', level + 1));
                column = level + 1;
            }
            if !is_list {
                self.out.push_str(&text[next..member]);
                self.out.push(' ');
            }
            self.value(member, level + 1);
            column += stop - next + 2;
            next = stop + 1;
        }
        self.out.push('\n');
        self.out.extend(std::iter::repeat_n(' ', level));
        self.out.push_str(&text[end - 1..end]);
        end
    }

    /// Where the value that begins at `at` ends.
    fn end(&self, at: usize) -> usize {
        let rest = &self.text.as_bytes()[at..];
        match rest.first() {
            Some(b'{' | b'[') => {
                let found = self.ends.binary_search_by_key(&at, |it| it.0);
                found.map_or(self.text.len(), |it| self.ends[it].1 + 1)
            }
            Some(b'"') => {
                let mut escaped = false;
                let close = rest.iter().skip(1).position(|byte| {
                    let closes = *byte == b'"' && !escaped;
                    escaped = *byte == b'\\' && !escaped;
                    closes
                });
                close.map_or(self.text.len(), |it| at + it + 2)
            }
            _ => {
                let stop = rest.iter().position(|it| matches!(it, b',' | b'}' | b']'));
                stop.map_or(self.text.len(), |it| at + it)
            }
        }
    }

    /// On one line, with a blank after each comma and colon outside of texts.
    fn inline(&mut self, compact: &str) {
        let (mut in_text, mut escaped) = (false, false);
        for letter in compact.chars() {
            self.out.push(letter);
            match letter {
                _ if escaped => escaped = false,
                '\\' if in_text => escaped = true,
                '"' => in_text = !in_text,
                ',' | ':' if !in_text => self.out.push(' '),
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    #[test]
    fn what_fits_stands_on_a_line() {
        let long = "x".repeat(LINE);
        let value = json!({"a": [1, 2.5, null], "long": long, "empty": {}, "b": (0..60).collect::<Vec<_>>()});
        let shown = laid_out(&value.to_string());
        let lines: Vec<&str> = shown.lines().collect();
        assert_eq!(lines[..2], ["{", " \"a\": [1, 2.5, null],"]);
        assert_eq!(lines[3..5], [" \"empty\": {},", " \"b\": ["]);
        assert!(lines[5].starts_with("  0, 1, 2, 3, "), "{shown}");
        assert!(lines.iter().all(|it| it.len() <= LINE || it.contains(&long)), "{shown}");
        assert_eq!(lines.last(), Some(&"}"));
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            "[ -~\\n\u{1f680}\u{5d0}\"\\\\{}\\[\\],:]{0,40}".prop_map(Value::from),
        ];
        leaf.prop_recursive(5, 120, 12, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..12).prop_map(Value::from),
                prop::collection::btree_map("[a-z\"\\\\:,{]{0,9}", inner, 0..8)
                    .prop_map(|it| Value::Object(it.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn only_blanks_are_added(value in any_json()) {
            let shown = laid_out(&value.to_string());
            prop_assert_eq!(serde_json::from_str::<Value>(&shown).unwrap(), value);
        }
    }
}
