//! What is said on stderr: errors, warnings, notes, one line each.

use std::io::IsTerminal;

use super::failure::{ExitStatus, Failure};
use crate::cli::Global;

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
        Talk {
            quiet: global.quiet,
            verbose: global.verbose,
            styled_stdout: std::io::stdout().is_terminal() && !no_color && global.output.is_none(),
            styled_stderr: stderr_is_terminal && !no_color,
            columns: console::Term::stdout().size_checked().map_or(80, |it| usize::from(it.1)),
            progress: stderr_is_terminal && !global.quiet && !global.no_progress,
        }
    }

    /// Says a warning unless told to be quiet.
    pub(super) fn warn(self, text: &str) {
        if !self.quiet {
            self.line("warning:", "\u{1b}[1;33m", text);
        }
    }

    /// Says a note when asked to be verbose.
    pub(super) fn note(self, text: &str) {
        if self.verbose {
            self.line("note:", "\u{1b}[1m", text);
        }
    }

    /// Says what ended the run, its causes and the hint; returns the exit code.
    pub(super) fn failure(self, failure: &Failure) -> ExitStatus {
        self.line("error:", "\u{1b}[1;31m", &one_line(&format!("{:#}", failure.error)));
        if let Some(hint) = &failure.hint {
            self.line("hint:", "\u{1b}[1m", &one_line(hint));
        }
        failure.status
    }

    #[expect(clippy::print_stderr, reason = "this is where stderr is written")]
    fn line(self, word: &str, style: &str, text: &str) {
        if self.styled_stderr {
            eprintln!("{style}{word}\u{1b}[0m {text}");
        } else {
            eprintln!("{word} {text}");
        }
    }
}

/// A text from data or a library on one line, without control characters.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
