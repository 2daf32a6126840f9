//! A progress bar on stderr for work that takes longer than a second.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::talk::Talk;

/// How long work runs before a bar shows.
const DELAY: Duration = Duration::from_secs(1);

/// A bar that stays hidden for the first second, and for good when stderr is no terminal.
pub(super) struct Progress {
    bar: ProgressBar,
    shown: bool,
}

impl Progress {
    /// A bar of `steps` steps.
    pub(super) fn new(talk: Talk, what: &'static str, steps: usize) -> Progress {
        let bar = ProgressBar::with_draw_target(Some(steps as u64), ProgressDrawTarget::hidden());
        // The template is a constant of ours; if indicatif refused it, its default would do.
        if let Ok(style) = ProgressStyle::with_template("{msg} {bar:30} {pos}/{len}  {eta} left") {
            bar.set_style(style);
        }
        bar.set_message(what);
        Progress { bar, shown: talk.progress }
    }

    /// A count of rows whose number is not known before.
    pub(super) fn rows(talk: Talk, what: &'static str) -> Progress {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        let style = ProgressStyle::with_template("{msg} {human_pos} rows  {per_sec}");
        if let Ok(style) = style {
            bar.set_style(style);
        }
        bar.set_message(what);
        Progress { bar, shown: talk.progress }
    }

    /// One more step is done. Called from any thread.
    pub(super) fn step(&self) {
        self.steps(1);
    }

    /// So many more.
    pub(super) fn steps(&self, n: u64) {
        self.bar.inc(n);
        if self.shown && self.bar.is_hidden() && self.bar.elapsed() > DELAY {
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
