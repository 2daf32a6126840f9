//! The words of a command line as `sh` would split them, without expanding anything.

/// A word of a command line.
#[derive(Clone)]
pub(super) struct Word {
    /// Its text, quotes removed.
    pub text: String,
    /// False when the shell or the kubelet would put a value in its place that is not written here.
    pub known: bool,
}

impl Word {
    /// A word of an exec-form command: the kubelet expands `$(VAR)`, a wrapper may expand `$VAR`.
    pub(super) fn literal(text: &str) -> Word {
        Word { text: text.to_owned(), known: !text.contains('$') }
    }

    /// True for `-x`, `--long`, not for a negative number.
    pub(super) fn is_flag(&self) -> bool {
        let rest = self.text.trim_start_matches('-');
        rest.len() < self.text.len() && !rest.starts_with(|c: char| c.is_ascii_digit() || c == '.')
    }
}

/// The simple commands of a script: separated by line ends, `;`, `&`, `|` and their doubles.
pub(super) fn commands(script: &str) -> Vec<Vec<Word>> {
    let mut splitter = Splitter::default();
    let mut chars = script.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('\n') | None => {}
                Some('\r') if chars.peek() == Some(&'\n') => drop(chars.next()),
                Some(next) => splitter.begin().text.push(next),
            },
            '\'' => {
                let inner: String = chars.by_ref().take_while(|it| *it != '\'').collect();
                splitter.begin().text.push_str(&inner);
            }
            '"' => splitter.quoted(&mut chars),
            '#' if splitter.word.is_none() => while chars.next_if(|it| *it != '\n').is_some() {},
            '>' | '<' => {
                splitter.redirect();
                while chars.next_if(|it| matches!(it, '>' | '<' | '&' | '|')).is_some() {}
            }
            '\n' | ';' | '&' | '|' => splitter.end_command(),
            c if c.is_whitespace() => splitter.end_word(),
            c => splitter.push(c),
        }
    }
    splitter.end_command();
    splitter.commands
}

#[derive(Default)]
struct Splitter {
    commands: Vec<Vec<Word>>,
    command: Vec<Word>,
    word: Option<Word>,
    /// The next word is the target of a redirection.
    target: bool,
}

impl Splitter {
    fn begin(&mut self) -> &mut Word {
        self.word.get_or_insert_with(|| Word { text: String::new(), known: true })
    }

    /// A character outside single quotes: `$` and a backtick start an expansion.
    fn push(&mut self, c: char) {
        let word = self.begin();
        word.known &= !matches!(c, '$' | '`');
        word.text.push(c);
    }

    fn quoted(&mut self, chars: &mut std::iter::Peekable<std::str::Chars<'_>>) {
        self.begin();
        while let Some(c) = chars.next() {
            match c {
                '"' => return,
                '\\' => match chars.next() {
                    Some('\n') | None => {}
                    Some(next @ ('"' | '\\' | '$' | '`')) => self.begin().text.push(next),
                    Some(next) => {
                        self.push('\\');
                        self.push(next);
                    }
                },
                c => self.push(c),
            }
        }
    }

    fn redirect(&mut self) {
        // `2>file`: the digits name a stream and are no word.
        if self.word.as_ref().is_some_and(|it| it.text.bytes().all(|b| b.is_ascii_digit())) {
            self.word = None;
        }
        self.end_word();
        self.target = true;
    }

    fn end_word(&mut self) {
        if let Some(word) = self.word.take() {
            if self.target {
                self.target = false;
            } else {
                self.command.push(word);
            }
        }
    }

    fn end_command(&mut self) {
        self.end_word();
        self.target = false;
        if !self.command.is_empty() {
            self.commands.push(std::mem::take(&mut self.command));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(script: &str, expected: &[&[&str]]) {
        let found: Vec<Vec<String>> = commands(script)
            .into_iter()
            .map(|it| {
                let show = |it: Word| if it.known { it.text } else { format!("?{}", it.text) };
                it.into_iter().map(show).collect()
            })
            .collect();
        assert_eq!(found, expected, "{script}");
    }

    #[test]
    fn words_split_as_in_sh() {
        check("a  b\tc", &[&["a", "b", "c"]]);
        check("a 'b c' \"d \\\"e\\\"\" f\\ g", &[&["a", "b c", "d \"e\"", "f g"]]);
        check("a \\\n  --b 1 \\\r\n --c", &[&["a", "--b", "1", "--c"]]);
        check(
            "set -e; cd /x && a b | tee l\n# no\nc",
            &[&["set", "-e"], &["cd", "/x"], &["a", "b"], &["tee", "l"], &["c"]],
        );
        check("a > /tmp/l 2>&1 b", &[&["a", "b"]]);
        check("a $M \"x$Y\" '$Z' `w`", &[&["a", "?$M", "?x$Y", "$Z", "?`w`"]]);
        check("a '' b", &[&["a", "", "b"]]);
        check("a 'open", &[&["a", "open"]]);
    }
}
