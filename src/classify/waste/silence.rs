//! Hours that were paid without demand: how many, by which signals, over how long.

use super::super::evidence::{number, span};
use super::ledger::{Hour, Ledger};
use crate::catalog::Waste as Limits;

/// Paid hours, counted.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Silence {
    /// Hours looked at.
    pub(super) n: usize,
    /// Those in which a signal saw no demand and none saw any.
    pub(super) silent: usize,
    /// Those in which requests were counted as zero.
    no_request: usize,
    /// Those in which the GPUs were measured as not active.
    inactive: usize,
    /// Those in which both were.
    both: usize,
    /// First and last hour in which both were.
    both_span: Option<(usize, usize)>,
    /// Hours looked at up to the last of `both_span`, from its first.
    in_span: usize,
    /// First and last hour looked at.
    span: Option<(usize, usize)>,
    measured: f64,
    active: f64,
}

impl Silence {
    /// Of the hours that `of` picks.
    pub(super) fn of(ledger: &Ledger, of: impl Fn(usize, &Hour) -> bool) -> Silence {
        let mut found = Silence::default();
        let mut since_first = 0;
        for (at, hour) in ledger.hours.iter().enumerate().filter(|(at, hour)| of(*at, hour)) {
            found.n += 1;
            found.span = Some((found.span.map_or(at, |it| it.0), at));
            found.silent += usize::from(hour.is_silent());
            found.no_request += usize::from(hour.requests == Some(false));
            if hour.gpus == Some(false) {
                found.inactive += 1;
                found.measured += hour.measured;
                found.active += hour.active;
            }
            since_first += usize::from(found.both_span.is_some() || hour.is_silent_twice());
            if hour.is_silent_twice() {
                found.both += 1;
                found.both_span = Some((found.both_span.map_or(at, |it| it.0), at));
                found.in_span = since_first;
            }
        }
        found
    }

    /// Days from the first to the last of the hours.
    pub(super) fn days(&self) -> f64 {
        days(self.span)
    }

    /// Whether both signals agree, nearly without a gap, over at least this many days.
    pub(super) fn agrees_over(&self, least_days: f64, limits: &Limits) -> bool {
        days(self.both_span) >= least_days
            && self.both as f64 >= limits.covered_share * self.in_span as f64
    }

    /// Whether nearly all of the hours were silent.
    pub(super) fn is_nearly_all(&self, limits: &Limits) -> bool {
        self.n > 0 && self.silent as f64 >= limits.covered_share * self.n as f64
    }

    /// The numbers, and what is missing where they confirm nothing.
    /// `744 paid hours over 31 days: no request counted in 744 of them, GPUs 0 % active in 700.`
    pub(super) fn evidence(&self, least_days: f64, limits: &Limits) -> String {
        let requests = match self.no_request {
            0 => "requests not counted".to_owned(),
            n => format!("no request counted in {n} of them"),
        };
        let gpus = match self.inactive {
            0 => "GPU activity not measured".to_owned(),
            n => {
                let share = 100.0 * self.active / self.measured.max(f64::MIN_POSITIVE);
                format!("GPUs {} % active in {n}", number(share))
            }
        };
        let n = self.n;
        let over = span(self.days() * 86_400.0);
        let missing = if self.agrees_over(least_days, limits) {
            ""
        } else if self.both == 0 {
            " One signal is no proof."
        } else {
            &format!(
                " Both signals agree over {}, {} are needed.",
                span(days(self.both_span) * 86_400.0),
                span(least_days * 86_400.0)
            )
        };
        format!("{n} paid hours over {over}: {requests}, {gpus}.{missing}")
    }
}

fn days(hours: Option<(usize, usize)>) -> f64 {
    hours.map_or(0.0, |(first, last)| (last - first + 1) as f64 / 24.0)
}
