//! Rules that decide by the clock: Knative, Baseten, Kubernetes with KEDA, Hugging Face endpoints.
//!
//! The mean of what a rule watches is exact: the area under it, divided by the window; in the first
//! window by what has passed of it.

use std::collections::VecDeque;

use crate::catalog::{
    ConcurrencyRule, HorizontalRule, InFlightRule, ScalerRule, StepMetric, StepwiseRule,
};

use super::pool::NEVER;

/// The fleet as a rule sees it.
#[derive(Clone, Copy, Debug)]
pub(super) struct View {
    /// Ready or Starting.
    pub(super) on: u32,
    pub(super) ready: u32,
    pub(super) slots: u32,
    pub(super) min: u32,
    /// Requests queued or in service.
    pub(super) in_flight: u64,
}

/// A rule with what it remembers.
#[derive(Debug)]
pub(super) struct Periodic {
    rule: ScalerRule,
    interval_us: u64,
    pub(super) next_us: u64,
    /// Integral of what is watched up to `since_us`.
    area: u128,
    since_us: u64,
    /// The area at each of the last decisions, the latest last; one window and its start.
    areas: VecDeque<u128>,
    n_areas: usize,
    /// The last instant with a request in flight.
    last_active_us: Option<u64>,
    memory: Memory,
}

#[derive(Debug, Default)]
struct Memory {
    /// Knative: since when it panics, and the most it wanted since.
    panic: Option<(u64, u32)>,
    /// Since when less has been wanted.
    lower_since: Option<u64>,
    /// Since when nothing has been wanted.
    nothing_since: Option<u64>,
    /// Numbers wanted, with the instant, falling; the largest of a window first.
    wanted: VecDeque<(u64, u32)>,
    last_up: Option<u64>,
    last_down: Option<u64>,
}

impl Periodic {
    /// For a rule with an interval.
    pub(super) fn of(rule: ScalerRule) -> Option<Periodic> {
        let (interval_us, longest_us) = match rule {
            ScalerRule::QueueDelay { .. } | ScalerRule::RequestCount { .. } => return None,
            ScalerRule::Concurrency(it) => {
                (it.interval_us, it.stable_window_us.max(it.panic_window_us))
            }
            ScalerRule::InFlight(it) => (it.interval_us, it.window_us),
            ScalerRule::Horizontal(it) => (it.interval_us, 0),
            ScalerRule::Stepwise(it) => (it.interval_us, it.window_us),
        };
        let interval_us = interval_us.max(1);
        let kept = usize::try_from(longest_us / interval_us).unwrap_or(0).min(1 << 20) + 1;
        Some(Periodic {
            rule,
            interval_us,
            next_us: 0,
            area: 0,
            since_us: 0,
            areas: VecDeque::with_capacity(kept),
            n_areas: kept,
            last_active_us: None,
            memory: Memory::default(),
        })
    }

    /// Adds the time since the last call, in which the fleet was as `view` says.
    #[inline]
    pub(super) fn advance(&mut self, now: u64, in_flight: u64, in_service: u64) {
        let watched = match self.rule {
            ScalerRule::Stepwise(StepwiseRule { metric: StepMetric::BusyShare, .. }) => in_service,
            _ => in_flight,
        };
        self.area += u128::from(watched) * u128::from(now - self.since_us);
        self.since_us = now;
        if in_flight > 0 {
            self.last_active_us = Some(now);
        }
    }

    /// How many replicas are wanted at the instant of a decision.
    pub(super) fn decide(&mut self, now: u64, view: View) -> u32 {
        if self.areas.len() == self.n_areas {
            self.areas.pop_front();
        }
        self.areas.push_back(self.area);
        self.next_us = now + self.interval_us;
        if view.in_flight > 0 {
            self.last_active_us = Some(now);
        }
        match self.rule {
            ScalerRule::QueueDelay { .. } | ScalerRule::RequestCount { .. } => view.on,
            ScalerRule::Concurrency(rule) => self.concurrency(&rule, now, view),
            ScalerRule::InFlight(rule) => self.in_flight(&rule, now, view),
            ScalerRule::Horizontal(rule) => self.horizontal(&rule, now, view),
            ScalerRule::Stepwise(rule) => self.stepwise(&rule, now, view),
        }
    }

    /// A refused request is no request in flight, but it keeps what it starts.
    pub(super) fn refused(&mut self, now: u64) {
        self.last_active_us = Some(now);
        self.memory.lower_since = None;
        self.memory.nothing_since = None;
    }

    /// Nothing has happened in the whole memory and nothing will before `arrival`: the decisions
    /// until then are as the last and are left out.
    pub(super) fn sleep_until(&mut self, arrival: u64) {
        // Requests that came and went since the last decision count too.
        let flat = self.areas.front() == Some(&self.area);
        if arrival == NEVER || !flat || self.areas.len() < self.n_areas {
            return;
        }
        let next = arrival.div_ceil(self.interval_us).saturating_mul(self.interval_us);
        self.next_us = self.next_us.max(next);
    }

    /// Mean over the last `window_us`.
    fn mean(&self, window_us: u64) -> f64 {
        let n = usize::try_from(window_us / self.interval_us).unwrap_or(0).max(1);
        let n = n.min(self.areas.len().saturating_sub(1));
        let (Some(now), Some(then)) =
            (self.areas.back(), self.areas.get(self.areas.len().saturating_sub(n + 1)))
        else {
            return 0.0;
        };
        let elapsed = n as u64 * self.interval_us;
        if elapsed == 0 { 0.0 } else { (now - then) as f64 / elapsed as f64 }
    }

    fn concurrency(&mut self, rule: &ConcurrencyRule, now: u64, view: View) -> u32 {
        let ready = f64::from(view.ready.max(1));
        let most = (rule.max_scale_up_rate * ready).ceil();
        let least = (ready / rule.max_scale_down_rate).floor();
        let stable = (self.mean(rule.stable_window_us) / rule.target).ceil();
        let panic = (self.mean(rule.panic_window_us) / rule.target).ceil();
        let clamp = |it: f64| whole(it.max(least).min(most));
        let mut wanted = clamp(stable);
        let over = panic / ready >= rule.panic_threshold;
        if over {
            let most_so_far = self.memory.panic.map_or(0, |it| it.1);
            self.memory.panic = Some((now, most_so_far));
        } else if self.memory.panic.is_some_and(|it| it.0 + rule.stable_window_us < now) {
            self.memory.panic = None;
        }
        if let Some((_, most_so_far)) = &mut self.memory.panic {
            *most_so_far = wanted.max(clamp(panic)).max(*most_so_far);
            wanted = *most_so_far;
        }
        if rule.scale_down_delay_us > 0 {
            wanted = self.memory.most_within(now, rule.scale_down_delay_us, wanted);
        }
        self.memory.last_one(wanted, now, rule.scale_to_zero_grace_us, view.on)
    }

    fn in_flight(&mut self, rule: &InFlightRule, now: u64, view: View) -> u32 {
        let wanted = whole((self.mean(rule.window_us) / rule.target).ceil()).max(view.min);
        if wanted >= view.on {
            self.memory.lower_since = None;
            return wanted;
        }
        let since = *self.memory.lower_since.get_or_insert(now);
        if now - since < rule.scale_down_delay_us {
            return view.on;
        }
        self.memory.lower_since = Some(now);
        let leaving = (f64::from(view.on - wanted) * rule.scale_down_share).ceil();
        view.on - whole(leaving).min(view.on - wanted)
    }

    fn horizontal(&mut self, rule: &HorizontalRule, now: u64, view: View) -> u32 {
        let in_flight = view.in_flight as f64;
        let idle = self.last_active_us.is_none_or(|last| now - last >= rule.cooldown_us);
        if view.min == 0 && view.in_flight == 0 && idle {
            return 0;
        }
        if view.on == 0 {
            let polls = rule.polling_us == 0 || now.is_multiple_of(rule.polling_us);
            return u32::from(polls && view.in_flight > 0);
        }
        let ratio = in_flight / (f64::from(view.on) * rule.target);
        let wanted = if (ratio - 1.0).abs() <= rule.tolerance {
            view.on
        } else {
            whole((in_flight / rule.target).ceil()).max(1)
        };
        let most = view.on.saturating_mul(2).max(view.on.saturating_add(4));
        let held = self.memory.most_within(now, rule.stabilization_us, wanted);
        if wanted < view.on { held.min(view.on) } else { wanted.min(most) }
    }

    fn stepwise(&mut self, rule: &StepwiseRule, now: u64, view: View) -> u32 {
        if view.on == 0 {
            return u32::from(view.in_flight > 0);
        }
        let idle = self.last_active_us.is_none_or(|last| now - last >= rule.to_zero_after_us);
        if view.min == 0 && view.in_flight == 0 && idle {
            return 0;
        }
        let units = match rule.metric {
            StepMetric::BusyShare => f64::from(view.slots),
            StepMetric::Pending => 1.0,
        };
        let total = self.mean(rule.window_us) / units;
        let share_of = |n: u32| total / f64::from(n.max(1));
        let past = |last: Option<u64>, every: u64| last.is_none_or(|last| now - last >= every);
        // 80 % or more of the slots, but more than 1.5 pending.
        let reaches = |share: f64| match rule.metric {
            StepMetric::BusyShare => share >= rule.threshold,
            StepMetric::Pending => share > rule.threshold,
        };
        if reaches(share_of(view.ready)) {
            self.memory.lower_since = None;
            // The next waits for what has started: the metric does not see it yet.
            if view.ready == view.on && past(self.memory.last_up, rule.up_every_us) {
                self.memory.last_up = Some(now);
                return view.on + 1;
            }
            return view.on;
        }
        if view.on <= view.min.max(1) || reaches(share_of(view.on - 1)) {
            self.memory.lower_since = None;
            return view.on;
        }
        let since = *self.memory.lower_since.get_or_insert(now);
        if now - since >= rule.stabilization_us && past(self.memory.last_down, rule.down_every_us) {
            self.memory.last_down = Some(now);
            return view.on - 1;
        }
        view.on
    }
}

impl Memory {
    /// The largest number wanted in the last `window_us`, with `wanted` now.
    fn most_within(&mut self, now: u64, window_us: u64, wanted: u32) -> u32 {
        while self.wanted.back().is_some_and(|it| it.1 <= wanted) {
            self.wanted.pop_back();
        }
        self.wanted.push_back((now, wanted));
        while self.wanted.front().is_some_and(|it| it.0 + window_us < now) {
            self.wanted.pop_front();
        }
        self.wanted.front().map_or(wanted, |it| it.1)
    }

    /// Keeps one replica for the grace time once nothing is wanted.
    fn last_one(&mut self, wanted: u32, now: u64, grace_us: u64, on: u32) -> u32 {
        if wanted > 0 || on == 0 {
            self.nothing_since = None;
            return wanted;
        }
        let since = *self.nothing_since.get_or_insert(now);
        u32::from(now - since < grace_us)
    }
}

/// A whole number of replicas that is not negative.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` saturates")]
fn whole(n: f64) -> u32 {
    n as u32
}
