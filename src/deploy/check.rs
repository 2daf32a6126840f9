//! A question and its answer, and how a list of them reads in 80 columns.

use serde::Serialize;

/// Answer to a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// As needed.
    Pass,
    /// Works, but not as well or not for sure.
    Warn,
    /// The plan does not start here, or not in time.
    Fail,
    /// The text does not say.
    NotMeasured,
}

impl Verdict {
    /// The word in the table.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Warn => "warn",
            Self::Fail => "fail",
            Self::NotMeasured => "-",
        }
    }
}

/// One question and its answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What is asked.
    pub name: &'static str,
    /// The answer.
    pub verdict: Verdict,
    /// What the host has.
    pub found: String,
    /// What the plan needs.
    pub needed: String,
    /// Why the answer is so and what to do; none where there is nothing to do.
    pub remedy: Option<String>,
}

impl Check {
    pub(super) fn pass(
        name: &'static str,
        found: impl Into<String>,
        needed: impl Into<String>,
    ) -> Self {
        let (found, needed) = (found.into(), needed.into());
        Self { name, verdict: Verdict::Pass, found, needed, remedy: None }
    }

    pub(super) fn unknown(name: &'static str, needed: impl Into<String>) -> Self {
        let (found, needed) = ("not measured".to_owned(), needed.into());
        Self { name, verdict: Verdict::NotMeasured, found, needed, remedy: None }
    }

    /// The same question with another answer and what to do about it.
    pub(super) fn warn(self, remedy: impl Into<String>) -> Self {
        Self { verdict: Verdict::Warn, remedy: Some(remedy.into()), ..self }
    }

    pub(super) fn fail(self, remedy: impl Into<String>) -> Self {
        Self { verdict: Verdict::Fail, remedy: Some(remedy.into()), ..self }
    }

    pub(super) fn because(self, remedy: impl Into<String>) -> Self {
        Self { remedy: Some(remedy.into()), ..self }
    }
}

/// Widths of the columns: answer, question, found, needed; two spaces between.
const WIDTHS: [usize; 4] = [4, 18, 26, 26];
const INDENT: usize = 6;
const WIDTH: usize = 80;

/// A head, a row per check with what to do below it, and a sentence with the counts.
pub fn table(checks: &[Check]) -> String {
    let mut out = String::new();
    row(&mut out, ["", "check", "found", "needed"]);
    for it in checks {
        row(&mut out, [it.verdict.word(), it.name, &it.found, &it.needed]);
        if let Some(remedy) = it.remedy.as_deref().filter(|_| it.verdict != Verdict::Pass) {
            for line in lines(remedy, WIDTH - INDENT) {
                push(&mut out, &format!("{}{line}", " ".repeat(INDENT)));
            }
        }
    }
    push(&mut out, &counts(checks));
    out
}

fn push(out: &mut String, line: &str) {
    out.push_str(line.trim_end());
    out.push('\n');
}

fn row(out: &mut String, cells: [&str; 4]) {
    let cells: Vec<Vec<String>> =
        cells.iter().zip(WIDTHS).map(|(cell, width)| lines(cell, width)).collect();
    let height = cells.iter().map(Vec::len).max().unwrap_or_default();
    for at in 0..height {
        let mut line = String::new();
        for (cell, width) in cells.iter().zip(WIDTHS) {
            let text = cell.get(at).map_or("", String::as_str);
            line.push_str(text);
            let pad = width.saturating_sub(text.chars().count()) + 2;
            line.extend(std::iter::repeat_n(' ', pad));
        }
        push(out, &line);
    }
}

/// Lines of at most `width` characters; a longer word is cut into pieces.
pub fn lines(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut line = String::new();
    let mut used = 0;
    for word in text.split_whitespace() {
        let letters: Vec<char> = word.chars().collect();
        for (at, piece) in letters.chunks(width.max(1)).enumerate() {
            let gap = usize::from(used > 0 && at == 0);
            if used > 0 && (at > 0 || used + gap + piece.len() > width) {
                lines.push(std::mem::take(&mut line));
                used = 0;
            } else if gap > 0 {
                line.push(' ');
                used += 1;
            }
            line.extend(piece);
            used += piece.len();
        }
    }
    lines.push(line);
    lines
}

fn counts(checks: &[Check]) -> String {
    let count = |verdict| checks.iter().filter(|it| it.verdict == verdict).count();
    let n = checks.len();
    format!(
        "{n} check{}: {} pass, {} warn, {} fail, {} not measured.",
        if n == 1 { "" } else { "s" },
        count(Verdict::Pass),
        count(Verdict::Warn),
        count(Verdict::Fail),
        count(Verdict::NotMeasured),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_wrap_at_words() {
        let check = |text: &str, expected: &[&str]| assert_eq!(lines(text, 5), expected, "{text}");
        check("", &[""]);
        check("ab cd ef", &["ab cd", "ef"]);
        check("abcdefgh ij", &["abcde", "fgh", "ij"]);
        check("a abcdefg", &["a", "abcde", "fg"]);
    }
}
