//! `report.json`: the model as it is, one line feed at the end.
//!
//! What fits on a line stands on one, and a list of numbers or texts fills its lines. Indented one number to
//! a line, 37 % of the sample report were blanks; so they are 20 %. A member of a large object has a
//! line of its own, so that two reports can be compared line by line.

use super::RenderError;
use super::model::ReportModel;

/// Longest line that holds a whole object or list.
const LINE: usize = 120;

/// The whole report for a script.
pub(crate) fn render(report: &ReportModel) -> Result<String, RenderError> {
    let mut layout = Layout::default();
    serde_json::to_writer(&mut layout, report)?;
    layout.finish().map_err(RenderError::Text)
}

/// Lays out JSON without blanks while it comes. Bytes are copied and blanks added, so no value can change.
#[derive(Default)]
struct Layout {
    out: Vec<u8>,
    /// The brackets that are open and do not fit on a line, the outermost first.
    broken: Vec<Broken>,
    /// The member that comes, or the whole value.
    pending: Vec<u8>,
    /// Where brackets stand in it that are open.
    open: Vec<usize>,
    quotes: Quotes,
}

/// A bracket whose members have lines of their own, or fill lines.
struct Broken {
    is_list: bool,
    is_first: bool,
    /// Where the line ends, or [`LINE`] where nothing may follow on it.
    column: usize,
}

/// Whether a place is in a text.
#[derive(Default)]
struct Quotes {
    is_in_text: bool,
    is_escaped: bool,
}

impl Quotes {
    /// Goes on by a byte; true where it stands outside of texts.
    fn is_outside(&mut self, byte: u8) -> bool {
        let was_outside = !self.is_in_text;
        match byte {
            _ if self.is_escaped => self.is_escaped = false,
            b'\\' if self.is_in_text => self.is_escaped = true,
            b'"' => self.is_in_text = !self.is_in_text,
            _ => {}
        }
        was_outside
    }
}

impl std::io::Write for Layout {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        for byte in bytes {
            self.take(*byte);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Layout {
    fn finish(mut self) -> Result<String, std::string::FromUtf8Error> {
        inline(&self.pending, &mut self.out);
        self.out.push(b'\n');
        String::from_utf8(self.out)
    }

    fn take(&mut self, byte: u8) {
        let is_outside = self.quotes.is_outside(byte);
        match byte {
            b',' if is_outside && self.open.is_empty() => return self.write_member(),
            b'}' | b']' if is_outside && self.open.is_empty() => return self.close(byte),
            b'{' | b'[' if is_outside => self.open.push(self.pending.len()),
            _ => {}
        }
        self.pending.push(byte);
        if let Some(outermost) = self.open.first().copied()
            && self.pending.len() - outermost + self.broken.len() > LINE
        {
            return self.break_at(outermost);
        }
        if is_outside && matches!(byte, b'}' | b']') {
            self.open.pop();
        }
    }

    /// Breaks the outermost bracket that waits: it is longer than a line.
    fn break_at(&mut self, outermost: usize) {
        let pending = std::mem::take(&mut self.pending);
        let level = self.broken.len();
        if let Some(around) = self.broken.last_mut() {
            around.separate(LINE, level, &mut self.out);
        }
        inline(&pending[..outermost], &mut self.out);
        self.out.push(pending[outermost]);
        self.broken.push(Broken {
            is_list: pending[outermost] == b'[',
            is_first: true,
            column: LINE,
        });
        self.open.clear();
        self.quotes = Quotes::default();
        for byte in &pending[outermost + 1..] {
            self.take(*byte);
        }
    }

    /// Writes the member that waits. None does behind one that was broken.
    fn write_member(&mut self) {
        let level = self.broken.len();
        let Some(around) = self.broken.last_mut().filter(|_| !self.pending.is_empty()) else {
            return;
        };
        let fills =
            around.is_list && !self.pending.starts_with(b"{") && !self.pending.starts_with(b"[");
        let taken = if fills { self.pending.len() } else { LINE };
        around.separate(taken, level, &mut self.out);
        inline(&self.pending, &mut self.out);
        self.pending.clear();
    }

    fn close(&mut self, byte: u8) {
        self.write_member();
        self.broken.pop();
        start_line(self.broken.len(), &mut self.out);
        self.out.push(byte);
    }
}

impl Broken {
    /// What stands before a member of so many bytes.
    fn separate(&mut self, bytes: usize, level: usize, out: &mut Vec<u8>) {
        if !self.is_first {
            out.push(b',');
        }
        self.is_first = false;
        if self.column + bytes + 2 <= LINE {
            out.push(b' ');
        } else {
            start_line(level, out);
            self.column = level;
        }
        self.column += bytes + 2;
    }
}

fn start_line(level: usize, out: &mut Vec<u8>) {
    out.push(b'\n');
    out.resize(out.len() + level, b' ');
}

/// On one line, with a blank after each comma and colon outside of texts.
fn inline(compact: &[u8], out: &mut Vec<u8>) {
    let mut quotes = Quotes::default();
    for byte in compact {
        out.push(*byte);
        if quotes.is_outside(*byte) && matches!(byte, b',' | b':') {
            out.push(b' ');
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

    fn laid_out(compact: &str) -> String {
        let mut layout = Layout::default();
        std::io::Write::write_all(&mut layout, compact.as_bytes()).unwrap();
        layout.finish().unwrap()
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
            prop_assert_eq!(serde_json::from_str::<Value>(&shown).unwrap(), value.clone());
            let mut quotes = Quotes::default();
            let kept = shown
                .bytes()
                .filter(|it| !quotes.is_outside(*it) || !matches!(it, b' ' | b'\n'));
            let kept = String::from_utf8(kept.collect()).unwrap();
            prop_assert_eq!(kept, value.to_string());
        }
    }
}
