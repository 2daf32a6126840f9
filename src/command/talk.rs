//! What is said on stderr: errors, warnings, notes, one line each.

use std::ffi::OsString;
use std::io::IsTerminal;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Map, Value};

use super::failure::{ExitStatus, Failure};
use crate::cli::{Global, LogFormat};

/// Whether stderr speaks JSON; the last words of a bug have no other way to know.
static JSON: AtomicBool = AtomicBool::new(false);

/// How much to say, and how.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is an independent fact of the streams")]
pub(super) struct Talk {
    quiet: bool,
    verbose: bool,
    /// Whether stdout takes bold and colour.
    pub(super) styled_stdout: bool,
    styled_stderr: bool,
    /// Columns of the terminal stdout is, 80 elsewhere.
    pub(super) columns: usize,
    /// Whether a progress bar may be drawn.
    pub(super) progress: bool,
}

impl Talk {
    /// The same without notes.
    pub(super) fn quietly(self) -> Talk {
        Talk { quiet: true, ..self }
    }

    pub(super) fn new(global: &Global) -> Talk {
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|it| !it.is_empty());
        let stderr_is_terminal = std::io::stderr().is_terminal();
        let json = global.log_format == LogFormat::Json;
        JSON.store(json, Ordering::Relaxed);
        Talk {
            quiet: global.quiet,
            verbose: global.verbose,
            styled_stdout: std::io::stdout().is_terminal() && !no_color && global.output.is_none(),
            styled_stderr: stderr_is_terminal && !no_color,
            columns: console::Term::stdout().size_checked().map_or(80, |it| usize::from(it.1)),
            progress: stderr_is_terminal && !json && !global.quiet && !global.no_progress,
        }
    }

    /// Says nothing but errors.
    #[cfg(test)]
    pub(super) const fn silent() -> Talk {
        Talk {
            quiet: true,
            verbose: false,
            styled_stdout: false,
            styled_stderr: false,
            columns: 80,
            progress: false,
        }
    }

    /// Says a warning unless told to be quiet.
    pub(super) fn warn(self, text: &str) {
        if !self.quiet {
            self.line("warning", "\u{1b}[1;33m", text);
        }
    }

    /// Says what a job did: to programs as a fact, to people as a note.
    pub(super) fn done(self, text: &str) {
        if is_json() {
            self.event(text, Value::Null);
        } else {
            self.note(text);
        }
    }

    /// Says what was made of an input, unless told to be quiet.
    pub(super) fn say(self, text: &str) {
        if !self.quiet {
            self.line("note", "\u{1b}[1m", text);
        }
    }

    /// Puts a question, whose answer is the next line of standard input.
    #[expect(clippy::print_stderr, reason = "this is where stderr is written")]
    pub(super) fn prompt(question: &str) {
        eprint!("{question}\n> ");
    }

    /// Says a note when asked to be verbose.
    pub(super) fn note(self, text: &str) {
        if self.verbose {
            self.line("note", "\u{1b}[1m", text);
        }
    }

    /// Says a fact of the run to programs that read JSON lines; people have it on stdout.
    pub(super) fn event(self, message: &str, facts: Value) {
        if is_json() && !self.quiet {
            let facts = if let Value::Object(facts) = facts { facts } else { Map::new() };
            json_line("info", message, facts);
        }
    }

    /// Says what ended the run, its causes and the hint; returns the exit code.
    pub(super) fn failure(self, failure: &Failure) -> ExitStatus {
        let error = one_line(&format!("{:#}", failure.error));
        let hint = failure.hint.as_deref().map(one_line);
        if is_json() {
            failed_in_json(&error, hint, failure.status);
            return failure.status;
        }
        self.line("error", "\u{1b}[1;31m", &error);
        if let Some(hint) = hint {
            self.line("hint", "\u{1b}[1m", &hint);
        }
        failure.status
    }

    #[expect(clippy::print_stderr, reason = "this is where stderr is written")]
    fn line(self, word: &str, style: &str, text: &str) {
        if is_json() {
            json_line(word, text, Map::new());
        } else if self.styled_stderr {
            eprintln!("{style}{word}:\u{1b}[0m {text}");
        } else {
            eprintln!("{word}: {text}");
        }
    }
}

/// The last words of a bug.
#[expect(clippy::print_stderr, reason = "this is where stderr is written")]
pub(super) fn bug(info: &str) {
    let error = format!("a bug in gpuadvise: {info}");
    let hint = "please report this with the command you ran";
    if is_json() {
        failed_in_json(&one_line(&error), Some(hint.to_owned()), ExitStatus::Bug);
    } else {
        eprintln!("error: {error}");
        eprintln!("hint: {hint}");
    }
}

/// The last words of an interrupted run: whether files have got their names by then.
#[expect(clippy::print_stderr, reason = "this is where stderr is written")]
pub(super) fn interrupted(has_written: bool) {
    let error = if has_written {
        "interrupted: the files that were complete by then stay, none is half written"
    } else {
        "interrupted: no file was written"
    };
    if is_json() {
        failed_in_json(error, None, ExitStatus::Interrupted);
    } else {
        eprintln!("error: {error}");
    }
}

/// Whether words that do not parse ask for JSON lines.
pub(super) fn json_is_asked(words: impl Iterator<Item = OsString>) -> bool {
    let words: Vec<OsString> = words.collect();
    let flag = words.windows(2).any(|it| it[0] == "--log-format" && it[1] == "json");
    flag || words.iter().any(|it| it == "--log-format=json")
}

/// A mistake on the command line as a JSON line.
pub(super) fn usage_in_json(text: &str) -> ExitStatus {
    let text = text.trim_start_matches("error:").split_whitespace().collect::<Vec<_>>().join(" ");
    failed_in_json(&text, None, ExitStatus::Usage);
    ExitStatus::Usage
}

fn is_json() -> bool {
    JSON.load(Ordering::Relaxed)
}

fn failed_in_json(error: &str, hint: Option<String>, status: ExitStatus) {
    let mut facts = Map::new();
    facts.insert("hint".to_owned(), hint.into());
    facts.insert("exit_code".to_owned(), (status as u8).into());
    json_line("error", error, facts);
}

/// `{"level":"error","message":"...",...}`: level and message first, in one write.
#[expect(clippy::print_stderr, reason = "this is where stderr is written")]
fn json_line(level: &str, message: &str, facts: Map<String, Value>) {
    let mut line = Map::new();
    line.insert("level".to_owned(), level.into());
    line.insert("message".to_owned(), message.into());
    line.extend(facts);
    eprintln!("{}", Value::Object(line));
}

/// A text from data or a library on one line, without control characters.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
