//! A source of requests that counts them as they are taken and can be stopped.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::super::progress::Progress;
use crate::simulate::{Impossible, Request, Source};

/// Requests between two looks at the clock.
pub(super) const EVERY: u64 = 65_536;

/// Counts the requests of all runs and ends them when time is up.
pub(super) struct Watch {
    progress: Progress,
    ends: Option<Instant>,
    n_taken: AtomicU64,
    is_over: AtomicBool,
}

impl Watch {
    /// From now on, for at most so many microseconds.
    pub(super) fn new(progress: Progress, budget_us: Option<u64>) -> Watch {
        let ends = budget_us.and_then(|us| Instant::now().checked_add(Duration::from_micros(us)));
        Watch { progress, ends, n_taken: AtomicU64::new(0), is_over: AtomicBool::new(false) }
    }

    /// Requests taken before time was up; nothing while there is time.
    pub(super) fn over_after(&self) -> Option<u64> {
        self.is_over().then(|| self.n_taken.load(Ordering::Relaxed))
    }

    /// Whether time is up.
    pub(super) fn is_over(&self) -> bool {
        let is_over = self.is_over.load(Ordering::Relaxed)
            || self.ends.is_some_and(|ends| Instant::now() >= ends);
        if is_over {
            self.is_over.store(true, Ordering::Relaxed);
        }
        is_over
    }

    /// So many more requests were taken; false when time is up.
    fn take(&self, n: u64) -> bool {
        self.n_taken.fetch_add(n, Ordering::Relaxed);
        self.progress.step();
        !self.is_over()
    }
}

/// A source that is watched. When time is up it has no more requests, and the run means nothing.
pub(super) struct Watched<'a, S> {
    pub(super) inner: &'a S,
    pub(super) watch: &'a Watch,
}

impl<S: Source> Source for Watched<'_, S> {
    fn window_us(&self) -> u64 {
        self.inner.window_us()
    }

    fn len(&self) -> u64 {
        self.inner.len()
    }

    fn check(&self) -> Result<(), Impossible> {
        self.inner.check()
    }

    fn requests(&self) -> impl Iterator<Item = Request> + '_ {
        let mut n = 0_u64;
        self.inner.requests().take_while(move |_| {
            n += 1;
            !n.is_multiple_of(EVERY) || self.watch.take(EVERY)
        })
    }

    fn is_stopped(&self) -> bool {
        self.watch.is_over()
    }

    fn has_prefill(&self) -> bool {
        self.inner.has_prefill()
    }

    fn tpot_us(&self) -> Option<f64> {
        self.inner.tpot_us()
    }
}
