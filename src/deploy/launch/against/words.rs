//! The command that starts vLLM in a text, and its words with their places.

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

    /// The flag in it, with dashes: `--max-model-len` of `--max_model_len=8192`.
    pub(super) fn flag(&self) -> String {
        let flag = self.text.split('=').next().unwrap_or_default();
        if flag.starts_with("--") { flag.replace('_', "-") } else { flag.to_owned() }
    }

    /// Whether it is a flag rather than a value: `-1` is none.
    pub(super) fn is_flag(&self) -> bool {
        let rest = self.text.trim_start_matches('-');
        rest.len() < self.text.len() && rest.starts_with(|c: char| c.is_ascii_alphabetic())
    }
}

/// How a text writes the words of its command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    /// `- --flag` in lines of their own.
    List,
    /// `["--flag", "value"]`.
    Flow,
    /// `--flag value` on one line, or on several that a backslash joins.
    Shell,
    /// `args=(`, a flag a line, `)`.
    Array,
}

/// The command in a text: where it is, how it is written, and its words.
#[derive(Debug)]
pub(super) struct Command<'a> {
    pub(super) style: Style,
    pub(super) words: Vec<Word<'a>>,
    /// Whether `vllm serve` is said, rather than left to the image.
    pub(super) is_named: bool,
}

/// Flags of vLLM by which a command is known as its own.
const OWN: [&str; 9] = [
    "--tensor-parallel-size",
    "--max-model-len",
    "--max-num-seqs",
    "--max-num-batched-tokens",
    "--gpu-memory-utilization",
    "--kv-cache-dtype",
    "--served-model-name",
    "--enforce-eager",
    "--enable-prefix-caching",
];

/// The one command of a text that starts vLLM; else why there is none, or which is not known.
pub(super) fn command(text: &str) -> Result<Command<'_>, &'static str> {
    let all = words(text, 0..text.len());
    let starts: Vec<usize> = (0..all.len()).filter(|at| is_start(&all, *at)).collect();
    if starts.len() > 1 {
        return Err("it starts vLLM more than once, and which of them is meant cannot be told");
    }
    let anchor = match starts.first() {
        Some(at) => all.get(*at),
        None => all.iter().find(|it| OWN.contains(&it.flag().as_str())),
    };
    let Some(anchor) = anchor else {
        return Err("no `vllm serve` and no flag of vLLM is in it");
    };
    let (style, region) = region(text, anchor.start);
    let words = words(text, region);
    if words.iter().any(|it| style == Style::List && it.text.contains(' ')) {
        return Err("an item of the list has several words, which is one argument to the program");
    }
    Ok(Command { style, words, is_named: !starts.is_empty() })
}

fn is_start(all: &[Word<'_>], at: usize) -> bool {
    let text = all.get(at).map_or("", |it| it.text);
    let next = all.get(at + 1).map_or("", |it| it.text);
    let program = text.rsplit('/').next().unwrap_or_default();
    (program == "vllm" && next == "serve") || text == "vllm.entrypoints.openai.api_server"
}

/// Where the command around a place is, by the innermost thing that holds it.
fn region(text: &str, at: usize) -> (Style, std::ops::Range<usize>) {
    let line_start = text.get(..at).and_then(|it| it.rfind('\n')).map_or(0, |it| it + 1);
    if let Some((open, range)) = enclosing(text, at) {
        return match open {
            '[' => (Style::Flow, range),
            '(' => (Style::Array, range),
            _ => (Style::Shell, range),
        };
    }
    let line = text.get(line_start..).and_then(|it| it.lines().next()).unwrap_or_default();
    if line.trim_start().starts_with("- ") {
        return (Style::List, list(text, line_start, line));
    }
    let line = || logical_line(text, line_start, at);
    (Style::Shell, folded(text, line_start).unwrap_or_else(line))
}

/// The block of YAML that a line is in, where `>` makes one line of its lines.
fn folded(text: &str, line_start: usize) -> Option<std::ops::Range<usize>> {
    let indent = |it: &str| it.len() - it.trim_start().len();
    let is_inside = |it: &str, least: usize| it.trim().is_empty() || indent(it) >= least;
    let least = indent(text.get(line_start..)?.lines().next()?);
    let mut start = line_start;
    let mut head = None;
    for it in text.get(..line_start)?.split_inclusive('\n').rev() {
        if !is_inside(it, least) {
            head = Some(it.trim_end());
            break;
        }
        start -= it.len();
    }
    let mark = head?.rsplit([' ', ':']).next()?;
    if !matches!(mark, ">" | ">-" | ">+") {
        return None;
    }
    let inside = text.get(start..)?.split_inclusive('\n').take_while(|it| is_inside(it, least));
    let end = start + inside.map(str::len).sum::<usize>();
    Some(start..start + text.get(start..end)?.trim_end().len())
}

/// The items of the list that a line is in: those around it with the same indent.
fn list(text: &str, line_start: usize, line: &str) -> std::ops::Range<usize> {
    let indent = line.len() - line.trim_start().len();
    let is_item =
        |it: &str| it.len() - it.trim_start().len() == indent && it.trim_start().starts_with("- ");
    let is_between = |it: &str| it.trim().is_empty() || it.trim_start().starts_with('#');
    let mut start = line_start;
    let before = text.get(..line_start).unwrap_or_default();
    let mut at = line_start;
    for it in before.split_inclusive('\n').rev() {
        at -= it.len();
        if is_item(it) {
            start = at;
        } else if !is_between(it) {
            break;
        }
    }
    let mut end = line_start;
    let mut at = line_start;
    for it in text.get(line_start..).unwrap_or_default().split_inclusive('\n') {
        if is_item(it) {
            end = at + it.trim_end().len();
        } else if !is_between(it) {
            break;
        }
        at += it.len();
    }
    start..end
}

/// A line with those that a backslash joins to it, up to what ends a command.
fn logical_line(text: &str, line_start: usize, at: usize) -> std::ops::Range<usize> {
    let mut start = line_start;
    while let Some(before) = text.get(..start).and_then(|it| it.strip_suffix('\n'))
        && before.trim_end_matches('\r').trim_end().ends_with('\\')
    {
        start = before.rfind('\n').map_or(0, |it| it + 1);
    }
    let mut end = text.len();
    let mut quote = None;
    let mut escaped = false;
    for (place, c) in text.char_indices().skip_while(|it| it.0 < at) {
        // What a template writes there is no end of a command.
        let before = text.get(line_start..place).unwrap_or_default();
        let is_template = before.rfind("{{") > before.rfind("}}");
        match (quote, c) {
            _ if is_template => {}
            (Some(open), c) if c == open => quote = None,
            (None, '"' | '\'') => quote = Some(c),
            (None, '\n') if escaped => {}
            (None, '\n' | ';' | '&' | '|' | '>' | '<') => {
                end = place;
                break;
            }
            (None, '#') if text.get(..place).is_some_and(|it| it.ends_with([' ', '\t'])) => {
                end = place;
                break;
            }
            _ => {}
        }
        if c != '\r' {
            escaped = c == '\\';
        }
    }
    start..end
}

/// The innermost bracket, parenthesis, or quoted text of several words around a place, with what is inside.
fn enclosing(text: &str, at: usize) -> Option<(char, std::ops::Range<usize>)> {
    let mut open: Vec<(char, usize)> = Vec::new();
    let mut quote: Option<(char, usize)> = None;
    let mut before = '\n';
    let mut found: Option<(char, usize)> = None;
    for (place, c) in text.char_indices() {
        if place == at {
            found = quote.or_else(|| open.last().copied());
            // A quote around one word is no command.
            if let Some((mark, start)) = quote {
                let inside =
                    text.get(start + 1..).and_then(|it| it.split(mark).next()).unwrap_or_default();
                if !inside.contains(char::is_whitespace) {
                    found = open.last().copied();
                }
            }
            break;
        }
        match (quote, c) {
            (Some((mark, _)), c) if c == mark => quote = None,
            (None, '"' | '\'') => quote = Some((c, place)),
            (None, '#') if before.is_whitespace() => quote = Some(('\n', place)),
            (None, '[') => open.push((c, place)),
            (None, '(') if before == '=' => open.push((c, place)),
            (None, ']') => drop(open.pop_if(|it| it.0 == '[')),
            (None, ')') => drop(open.pop_if(|it| it.0 == '(')),
            _ => {}
        }
        before = c;
    }
    let (mark, start) = found.filter(|it| it.0 != '\n')?;
    let closes = match mark {
        '[' => ']',
        '(' => ')',
        other => other,
    };
    let mut inner: Option<char> = None;
    for (place, c) in text.char_indices().skip_while(|it| it.0 <= start) {
        match inner {
            Some(open) if c == open => inner = None,
            None if c == closes => return Some((mark, start + 1..place)),
            None if matches!(c, '"' | '\'') && mark != '"' && mark != '\'' => inner = Some(c),
            _ => {}
        }
    }
    None
}

/// The words of a part of a text outside comments. Quotes, commas and brackets part words, as YAML and JSON do; a
/// string that begins with `{` is one word, and so is `${...}` and `{{ ... }}`.
pub(super) fn words(text: &str, range: std::ops::Range<usize>) -> Vec<Word<'_>> {
    let mut found = Vec::new();
    let Some(part) = text.get(range.clone()) else { return found };
    let mut chars = part.char_indices().peekable();
    let mut before = '\n';
    while let Some((at, c)) = chars.next() {
        let rest = part.get(at..).unwrap_or_default();
        let length = match c {
            '#' if before.is_whitespace() => {
                while chars.next_if(|it| it.1 != '\n').is_some() {}
                before = '#';
                continue;
            }
            '\'' | '"' if rest.get(1..).is_some_and(|it| it.starts_with('{')) => {
                let inside = rest.get(1..).unwrap_or_default();
                let length = inside.find(c).unwrap_or(inside.len());
                let text = inside.get(..length).unwrap_or_default();
                found.push(Word { text, start: range.start + at + 1 });
                while chars.next_if(|it| it.0 <= at + 1 + length).is_some() {}
                before = c;
                continue;
            }
            '{' if rest.starts_with("{{") => rest.find("}}").map_or(rest.len(), |it| it + 2),
            c if parts(c) => {
                before = c;
                continue;
            }
            _ => word_length(rest),
        };
        let word = part.get(at..at + length).unwrap_or_default();
        if word != "-" && word != "\\" {
            found.push(Word { text: word, start: range.start + at });
        }
        while chars.next_if(|it| it.0 < at + length).is_some() {}
        before = 'x';
    }
    found
}

/// How long a word is that is not quoted: up to what parts words, outside `${...}`.
fn word_length(rest: &str) -> usize {
    let mut depth = 0_u32;
    let mut before = ' ';
    for (at, c) in rest.char_indices() {
        match c {
            '{' if before == '$' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            c if depth == 0 && parts(c) => return at,
            _ => {}
        }
        before = c;
    }
    rest.len()
}

fn parts(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\'' | '"' | ',' | '[' | ']' | '(' | ')' | '{' | '}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> (Style, Vec<&str>) {
        let it = command(text).unwrap_or_else(|why| panic!("{text}: {why}"));
        for word in &it.words {
            assert_eq!(&text[word.start..word.end()], word.text, "{text}");
        }
        (it.style, it.words.iter().map(|it| it.text).collect())
    }

    #[test]
    fn a_command_ends_where_it_ends() {
        for (text, style, expected) in [
            (
                "vllm serve a/b --x 1 && curl --fail http://y\n",
                Style::Shell,
                vec!["vllm", "serve", "a/b", "--x", "1"],
            ),
            (
                "A=1\nexec vllm serve a/b \\\n  --x '1' > log 2>&1\nother --y\n",
                Style::Shell,
                vec!["exec", "vllm", "serve", "a/b", "--x", "1"],
            ),
            (
                "args: # said\n- --max-model-len\n# why\n- \"1\"\nports:\n- --no\n",
                Style::List,
                vec!["--max-model-len", "1"],
            ),
            (
                "a: [\"vllm\", 'serve', a/b, \"--x\",\n  \"-1\"]\nb: [\"--no\"]\n",
                Style::Flow,
                vec!["vllm", "serve", "a/b", "--x", "-1"],
            ),
            (
                "- command: [\"sh\", \"-c\", \"vllm serve a/b --x 1\"]\n",
                Style::Shell,
                vec!["vllm", "serve", "a/b", "--x", "1"],
            ),
            (
                "args=(\n  # why\n  --max-num-seqs 4\n)\nrun --no\n",
                Style::Array,
                vec!["--max-num-seqs", "4"],
            ),
            (
                "run: vllm serve {{ .m }} --x {{ .Values.x | quote }}\n",
                Style::Shell,
                vec!["run:", "vllm", "serve", "{{ .m }}", "--x", "{{ .Values.x | quote }}"],
            ),
            (
                "command: >-\n  --model a/b\n\n  --max-num-seqs 4\nother: --no\n",
                Style::Shell,
                vec!["--model", "a/b", "--max-num-seqs", "4"],
            ),
            (
                "vllm serve ${MODEL:?no model} --x $Y\n",
                Style::Shell,
                vec!["vllm", "serve", "${MODEL:?no model}", "--x", "$Y"],
            ),
        ] {
            let (style_found, words) = found(text);
            assert_eq!((style_found, words), (style, expected), "{text}");
        }
        let json = found("vllm serve a --config '{\"a\": [1, 2]}' --x\n").1;
        assert_eq!(json[4], "{\"a\": [1, 2]}");
    }

    #[test]
    fn none_and_two_are_told_apart() {
        assert!(command("echo hello\n").unwrap_err().contains("no `vllm serve`"));
        assert!(command("vllm serve a\nvllm serve b\n").unwrap_err().contains("more than once"));
    }

    proptest::proptest! {
        /// No text makes it panic, and every word is where it says.
        #[test]
        fn any_text(text in "[a-z \\n\\\\\"'#\\[\\](){}$=,;&|>-]{0,60}", tail in "[a-z \\n\"'\\[\\](){}-]{0,20}") {
            let text = format!("{text}vllm serve a --max-num-seqs 1{tail}");
            if let Ok(it) = command(&text) {
                for word in &it.words {
                    proptest::prop_assert_eq!(&text[word.start..word.end()], word.text);
                }
            }
        }
    }
}
