//! The words of a command, a manifest or a list, each with its place in the text.

/// A word and where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Word<'a> {
    pub(super) text: &'a str,
    /// Its first byte, after an opening quote.
    pub(super) start: usize,
}

impl Word<'_> {
    /// Its end, before a closing quote.
    pub(super) fn end(&self) -> usize {
        self.start + self.text.len()
    }

    /// The flag in it: `--max-model-len` of `--max-model-len=8192`.
    pub(super) fn flag(&self) -> &str {
        self.text.split('=').next().unwrap_or_default()
    }
}

/// Every word outside comments. Quotes, commas and brackets part words, as YAML and JSON do; a string that
/// begins with `{` is one word.
pub(super) fn words(text: &str) -> Vec<Word<'_>> {
    let mut found = Vec::new();
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let before = text.get(..at).and_then(|it| it.chars().next_back());
        match c {
            '#' if before.is_none_or(char::is_whitespace) => {
                while chars.next_if(|it| it.1 != '\n').is_some() {}
            }
            '\'' | '"' if text.get(at + 1..).is_some_and(|it| it.starts_with('{')) => {
                let rest = text.get(at + 1..).unwrap_or_default();
                let length = rest.find(c).unwrap_or(rest.len());
                found.push(Word { text: rest.get(..length).unwrap_or_default(), start: at + 1 });
                while chars.next_if(|it| it.0 <= at + 1 + length).is_some() {}
            }
            c if parts(c) => {}
            _ => {
                let mut end = at + c.len_utf8();
                while let Some((next, c)) = chars.next_if(|it| !parts(it.1)) {
                    end = next + c.len_utf8();
                }
                let word = text.get(at..end).unwrap_or_default();
                // The mark of a list and the end of a line that goes on are no words.
                if word != "-" && word != "\\" {
                    found.push(Word { text: word, start: at });
                }
            }
        }
    }
    found
}

fn parts(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\'' | '"' | ',' | '[' | ']')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_all_forms() {
        for text in [
            "vllm serve a/b --x 1",
            "vllm serve a/b \\\n  --x 1 # --y 2",
            "args: # said\n- a/b\n- --x\n- \"1\"",
            "[\"a/b\", '--x', \"1\"]",
        ] {
            let found: Vec<&str> = words(text).iter().map(|it| it.text).collect();
            let n = found.len();
            assert_eq!(found[n - 3..], ["a/b", "--x", "1"], "{text}");
            for it in words(text) {
                assert_eq!(&text[it.start..it.end()], it.text);
            }
        }
        let json = words("--config '{\"a\": [1, 2]}' --x");
        assert_eq!(
            json.iter().map(|it| it.text).collect::<Vec<_>>(),
            ["--config", "{\"a\": [1, 2]}", "--x"]
        );
        assert_eq!(words("é # ü\n'ö").iter().map(|it| it.text).collect::<Vec<_>>(), ["é", "ö"]);
    }
}
