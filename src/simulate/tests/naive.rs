//! A second simulator, written from the rules and not from the engine: it goes through every
//! microsecond, keeps everything in plain lists and looks through all of them. Slow, and alike.

use crate::catalog::{
    ConcurrencyRule, HorizontalRule, InFlightRule, ScalerRule, StepMetric, StepwiseRule,
};
use crate::simulate::random::{Random, seed_of, whole_us};
use crate::simulate::{Billing, Delay, FleetSpec, Request, Scaler};

/// Beyond the window a run may take so long.
const PATIENCE_US: usize = 20_000;

#[derive(Clone, Debug)]
struct Life {
    started: usize,
    /// When it is to be Ready, and whether it is.
    ready_at: usize,
    is_ready: bool,
    draining: bool,
    /// On demand in place of spot.
    fallback: bool,
    idle_since: usize,
    /// Requests in service: which, since when, until when.
    serves: Vec<(usize, usize, usize)>,
}

/// What is compared, times in microseconds.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Found {
    /// In order of arrival.
    pub(super) waits: Vec<u64>,
    pub(super) refused: u64,
    pub(super) timed_out: u64,
    pub(super) delayed: u64,
    pub(super) starts: u64,
    pub(super) cancelled: u64,
    pub(super) interruptions: u64,
    pub(super) lost: u64,
    pub(super) busy: u64,
    pub(super) idle: u64,
    pub(super) starting: u64,
    pub(super) slot_busy: u64,
    /// Of the replicas above the minimum.
    pub(super) billed: u64,
    /// On demand in place of spot.
    pub(super) billed_fallback: u64,
    pub(super) max_on: u32,
}

/// What the rules that decide by the clock remember.
#[derive(Default)]
struct Memory {
    panic: Option<(usize, u32)>,
    nothing_since: Option<usize>,
    lower_since: Option<usize>,
    wanted: Vec<(usize, u32)>,
    /// The last refused request, or the last decision with a request in flight.
    seen: Option<usize>,
    last_up: Option<usize>,
    last_down: Option<usize>,
}

struct Naive<'a> {
    fleet: &'a FleetSpec,
    billing: &'a Billing,
    requests: &'a [Request],
    window: usize,
    /// Nothing: Off.
    lives: Vec<Option<Life>>,
    queue: Vec<usize>,
    /// Of those in the queue so many have started a replica.
    n_triggered: usize,
    most: usize,
    /// Most replicas since an idle cap.
    n_max: usize,
    /// Per microsecond gone by: requests in flight, in service.
    history: Vec<(u64, u64)>,
    memory: Memory,
    random: Random,
    /// Notices and ends to come: when, whether it is the end, which replica, of which life.
    blows: Vec<(usize, bool, usize, usize)>,
    out_until: Option<usize>,
    /// Spot replicas that start in place of one on demand.
    n_swaps: usize,
    waits: Vec<Option<u64>>,
    found: Found,
}

fn small(n: u64) -> usize {
    usize::try_from(n).unwrap_or(usize::MAX)
}

/// Replays the requests; nothing where they are not all served in time.
pub(super) fn replay(
    requests: &[Request],
    window: u64,
    fleet: &FleetSpec,
    billing: &Billing,
) -> Option<Found> {
    let min = fleet.min_replicas as usize;
    let n_max = (fleet.max_replicas as usize).max(min);
    let more = fleet.spot.map_or(0, |it| 1 + usize::from(it.fallback.is_some()));
    let most = n_max + more * (n_max - min);
    let base = Life {
        started: 0,
        ready_at: 0,
        is_ready: true,
        draining: false,
        fallback: false,
        idle_since: 0,
        serves: Vec::new(),
    };
    let mut naive = Naive {
        fleet,
        billing,
        requests,
        window: small(window),
        lives: (0..most).map(|i| (i < min).then(|| base.clone())).collect(),
        queue: Vec::new(),
        n_triggered: 0,
        most,
        n_max,
        history: Vec::new(),
        memory: Memory::default(),
        random: Random::new(seed_of(fleet.seed, "spot", 0)),
        blows: Vec::new(),
        out_until: None,
        n_swaps: 0,
        waits: vec![None; requests.len()],
        found: Found { max_on: fleet.min_replicas, ..Found::default() },
    };
    if let Scaler::Schedule(steps) = &fleet.scaler {
        for number in min..(steps[0].1 as usize).min(n_max) {
            naive.lives[number] = Some(base.clone());
            naive.found.max_on += 1;
            naive.will_be_told(number, 0);
        }
    }
    naive.run().then_some(naive.found)
}

impl Naive<'_> {
    fn run(&mut self) -> bool {
        let mut next = 0;
        for now in 0..self.window + PATIENCE_US {
            let drained = next == self.requests.len()
                && self.queue.is_empty()
                && self.lives.iter().flatten().all(|it| it.serves.is_empty());
            if drained && now > self.window {
                self.close();
                self.found.waits = self.waits.iter().flatten().copied().collect();
                return true;
            }
            let mut arrivals = Vec::new();
            while next < self.requests.len() && small(self.requests[next].at_us) == now {
                arrivals.push(next);
                next += 1;
            }
            let mut by_clock = self.decides_at(now);
            while self.instant(now, &std::mem::take(&mut arrivals), by_clock) {
                by_clock = false;
            }
            self.pass(now);
        }
        false
    }

    fn min(&self) -> usize {
        self.fleet.min_replicas as usize
    }

    /// Replicas Ready or Starting that do not drain.
    fn on(&self) -> usize {
        self.lives.iter().flatten().filter(|it| !it.draining).count()
    }

    fn n_starting(&self) -> usize {
        self.lives.iter().flatten().filter(|it| !it.is_ready).count()
    }

    fn n_ready(&self) -> usize {
        self.lives.iter().flatten().filter(|it| it.is_ready && !it.draining).count()
    }

    fn in_service(&self) -> u64 {
        self.lives.iter().flatten().map(|it| it.serves.len() as u64).sum()
    }

    fn free(&self) -> Option<usize> {
        let slots = self.fleet.slots_per_replica as usize;
        let free = |it: &Life| it.is_ready && !it.draining && it.serves.len() < slots;
        self.lives.iter().position(|it| it.as_ref().is_some_and(free))
    }

    /// One pass of the rules at one instant; true when a start that took no time asks for another.
    fn instant(&mut self, now: usize, arrivals: &[usize], by_clock: bool) -> bool {
        let mut freed = self.depart(now);
        freed |= self.interrupt(now);
        if freed {
            self.serve_queue(now);
        }
        for number in 0..self.most {
            let due = |it: &&mut Life| !it.is_ready && it.ready_at == now;
            if let Some(life) = self.lives[number].as_mut().filter(due) {
                (life.is_ready, life.idle_since) = (true, now);
                freed = true;
                if !life.fallback {
                    self.swap(now);
                }
            }
        }
        if freed {
            self.serve_queue(now);
        }
        for index in arrivals {
            self.arrive(*index, now);
        }
        let expired = self.expire(now);
        self.turn_off_idle(now);
        if freed || expired || by_clock || !arrivals.is_empty() || self.reaches_threshold(now) {
            self.scale(now, by_clock);
        }
        self.lives.iter().flatten().any(|it| !it.is_ready && it.ready_at == now)
    }

    fn depart(&mut self, now: usize) -> bool {
        let mut departed = false;
        for number in 0..self.most {
            let Some(life) = &mut self.lives[number] else { continue };
            let (leave, stay): (Vec<_>, Vec<_>) = life.serves.iter().partition(|it| it.2 == now);
            if leave.is_empty() {
                continue;
            }
            departed = true;
            (life.serves, life.idle_since) = (stay, now);
            let ready_at = life.ready_at as u64;
            let is_over = life.draining && life.serves.is_empty();
            for (index, began, _) in leave {
                self.is_served(index, began, ready_at);
            }
            if is_over {
                self.off(number, now);
            }
        }
        departed
    }

    fn is_served(&mut self, index: usize, began: usize, ready_at: u64) {
        let at = self.requests[index].at_us;
        self.waits[index] = Some(began as u64 - at);
        self.found.delayed += u64::from(ready_at > at);
    }

    fn will_be_told(&mut self, number: usize, now: usize) {
        if let Some(spot) = self.fleet.spot
            && spot.interruptions_per_hour > 0.0
        {
            let hours = self.random.exponential() / spot.interruptions_per_hour;
            let life = small(whole_us(hours * 3.6e9));
            self.blows.push((now + life.max(1), false, number, now));
        }
    }

    /// A spot replica is Ready: one on demand leaves, if it has come in place of one.
    fn swap(&mut self, now: usize) {
        if self.n_swaps == 0 {
            return;
        }
        if let Some(ready) = self.highest(|it| it.fallback && it.is_ready) {
            self.n_swaps -= 1;
            self.retire(ready, now);
        } else if let Some(starting) = self.highest(|it| it.fallback && !it.is_ready) {
            self.n_swaps -= 1;
            self.off(starting, now);
        } else {
            self.n_swaps = 0;
        }
    }

    /// The highest-numbered replica that does not drain.
    fn highest(&self, is: impl Fn(&Life) -> bool) -> Option<usize> {
        let all = self.min()..self.most;
        all.rev().find(|n| self.lives[*n].as_ref().is_some_and(|it| !it.draining && is(it)))
    }

    fn interrupt(&mut self, now: usize) -> bool {
        let Some(spot) = self.fleet.spot else { return false };
        let mut blown = false;
        while let Some(blow) = self.blows.iter().filter(|it| it.0 == now).min().copied() {
            self.blows.retain(|it| *it != blow);
            blown = true;
            let (_, is_end, number, started) = blow;
            let life = self.lives[number].as_mut().filter(|it| it.started == started);
            let Some(life) = life else { continue };
            if is_end {
                let mut cut = std::mem::take(&mut life.serves);
                cut.sort_by_key(|it| it.0);
                for (index, began, _) in cut {
                    self.found.lost += (now - began) as u64;
                    self.queue.push(index);
                }
                self.queue.sort_unstable();
                self.off(number, now);
            } else {
                life.draining = true;
                if life.serves.is_empty() {
                    self.off(number, now);
                }
                let starts = |it: &&Life| !it.is_ready && !it.fallback;
                let n_starting = self.lives.iter().flatten().filter(starts).count();
                self.n_swaps = self.n_swaps.min(n_starting);
                self.found.interruptions += 1;
                self.blows.push((now + small(spot.notice_us), true, number, started));
                if spot.outage_us > 0 {
                    let outage = whole_us(self.random.exponential() * spot.outage_us as f64);
                    let until = now + small(outage).max(1);
                    self.out_until = self.out_until.max(Some(until));
                }
            }
        }
        if self.out_until.is_some_and(|it| it <= now) {
            self.out_until = None;
            blown = true;
        }
        blown
    }

    fn on_demand(&self) -> usize {
        self.lives.iter().flatten().filter(|it| it.fallback && !it.draining).count()
    }

    /// In place of each on demand one starts while there is capacity and a number.
    fn swap_in(&mut self, now: usize) {
        while self.out_until.is_none() && self.n_swaps < self.on_demand() && self.start(now) {
            self.n_swaps += 1;
        }
    }

    fn serve_queue(&mut self, now: usize) {
        while !self.queue.is_empty()
            && let Some(number) = self.free()
        {
            let index = self.queue.remove(0);
            self.n_triggered = self.n_triggered.saturating_sub(1);
            self.serve(index, number, now);
        }
    }

    fn serve(&mut self, index: usize, number: usize, now: usize) {
        let service = small(self.requests[index].service_us);
        let life = self.lives[number].as_mut().unwrap();
        if service > 0 {
            life.serves.push((index, now, now + service));
        } else {
            let ready_at = life.ready_at as u64;
            self.is_served(index, now, ready_at);
        }
    }

    fn arrive(&mut self, index: usize, now: usize) {
        let before = index.checked_sub(1).map_or(0, |it| self.requests[it].at_us);
        for (gap, most) in self.fleet.idle_caps.iter() {
            if now as u64 - before >= *gap {
                self.n_max = self.n_max.min((*most as usize).max(self.min()));
            }
        }
        if self.queue.is_empty()
            && let Some(number) = self.free()
        {
            self.serve(index, number, now);
        } else if self.n_max == 0 || (!self.fleet.holds_requests && self.n_ready() == 0) {
            self.found.refused += 1;
            (self.memory.nothing_since, self.memory.lower_since) = (None, None);
            self.memory.seen = Some(now);
            let by_clock = matches!(self.fleet.scaler, Scaler::Fixed | Scaler::Schedule(_));
            if self.on() == 0 && self.n_max > 0 && !by_clock {
                self.start(now);
            }
        } else {
            self.queue.push(index);
        }
    }

    fn expire(&mut self, now: usize) -> bool {
        let Some(timeout) = self.fleet.queue_timeout_us else { return false };
        let before = self.queue.len();
        let requests = self.requests;
        self.queue.retain(|it| requests[*it].at_us + timeout > now as u64);
        let n = before - self.queue.len();
        self.n_triggered = self.n_triggered.saturating_sub(n);
        self.found.timed_out += n as u64;
        n > 0
    }

    fn turn_off_idle(&mut self, now: usize) {
        let Delay::Constant(timeout) = self.fleet.idle_timeout else { panic!("no chance here") };
        if !self.fleet.scaler.leaves_by_idle_timeout() {
            return;
        }
        for number in self.min()..self.most {
            let is_due = |it: &Life| {
                it.is_ready && it.serves.is_empty() && it.idle_since + small(timeout) <= now
            };
            if self.lives[number].as_ref().is_some_and(is_due) {
                self.off(number, now);
            }
        }
    }

    fn start(&mut self, now: usize) -> bool {
        let Delay::Constant(cold_start) = self.fleet.cold_start else { panic!("no chance here") };
        let number = self.lives.iter().position(Option::is_none);
        let fallback = self.out_until.is_some();
        if fallback && self.fleet.spot.is_none_or(|it| it.fallback.is_none()) {
            return false;
        }
        let Some(number) = number else { return false };
        self.lives[number] = Some(Life {
            started: now,
            ready_at: now + small(cold_start),
            is_ready: false,
            draining: false,
            fallback,
            idle_since: now,
            serves: Vec::new(),
        });
        if now < self.window {
            self.found.starts += 1;
            let on = u32::try_from(self.lives.iter().flatten().count()).unwrap();
            self.found.max_on = self.found.max_on.max(on);
        }
        if !fallback {
            self.will_be_told(number, now);
        }
        true
    }

    /// A replica leaves: at once when idle, else once it has served what it has.
    fn retire(&mut self, number: usize, now: usize) {
        if self.lives[number].as_ref().unwrap().serves.is_empty() {
            self.off(number, now);
        } else {
            self.lives[number].as_mut().unwrap().draining = true;
        }
    }

    fn off(&mut self, number: usize, now: usize) {
        let life = self.lives[number].take().unwrap();
        self.bill(&life, now);
    }

    /// Its lifetime up to `now`, cut where that is after the window.
    fn bill(&mut self, life: &Life, now: usize) {
        let ready_at = if life.is_ready { life.ready_at } else { usize::MAX };
        let free = small(self.billing.free_start_us);
        let from = life.started.saturating_add(free).min(ready_at);
        let length = now.min(self.window).saturating_sub(from) as u64;
        let billed = if !life.is_ready && now <= from {
            0
        } else if now <= self.window {
            let raised = (now.saturating_sub(from) as u64).max(self.billing.minimum_us);
            let step = self.billing.granularity_us.max(1);
            raised.div_ceil(step) * step
        } else {
            length
        };
        let of =
            if life.fallback { &mut self.found.billed_fallback } else { &mut self.found.billed };
        *of += billed;
    }

    fn close(&mut self) {
        for number in self.min()..self.most {
            if let Some(life) = self.lives[number].take() {
                self.bill(&life, usize::MAX);
            }
        }
    }

    /// The microsecond from `now` on goes by.
    fn pass(&mut self, now: usize) {
        let in_service = self.in_service();
        self.history.push((self.queue.len() as u64 + in_service, in_service));
        if now >= self.window {
            return;
        }
        for life in self.lives.iter().flatten() {
            match (life.is_ready, life.serves.is_empty()) {
                (false, _) => self.found.starting += 1,
                (true, true) => self.found.idle += 1,
                (true, false) => self.found.busy += 1,
            }
        }
        self.found.slot_busy += in_service;
    }

    fn reaches_threshold(&self, now: usize) -> bool {
        let Scaler::Rule(ScalerRule::QueueDelay { threshold_us }) = self.fleet.scaler else {
            return false;
        };
        self.queue.iter().any(|it| self.requests[*it].at_us + threshold_us == now as u64)
    }

    fn decides_at(&self, now: usize) -> bool {
        let interval = match &self.fleet.scaler {
            Scaler::Schedule(steps) => return steps.iter().any(|it| small(it.0) == now),
            Scaler::Rule(ScalerRule::Concurrency(it)) => it.interval_us,
            Scaler::Rule(ScalerRule::InFlight(it)) => it.interval_us,
            Scaler::Rule(ScalerRule::Horizontal(it)) => it.interval_us,
            Scaler::Rule(ScalerRule::Stepwise(it)) => it.interval_us,
            _ => return false,
        };
        now.is_multiple_of(small(interval))
    }

    fn scale(&mut self, now: usize, by_clock: bool) {
        self.swap_in(now);
        match &self.fleet.scaler {
            Scaler::Fixed | Scaler::PerRequest => {}
            Scaler::Schedule(steps) => {
                let holds = steps.iter().rfind(|it| small(it.0) <= now).unwrap().1;
                self.follow(holds as usize, now);
            }
            Scaler::Rule(ScalerRule::QueueDelay { threshold_us }) => {
                let older = |it: &&usize| self.requests[**it].at_us + threshold_us <= now as u64;
                let n_older = self.queue.iter().filter(older).count();
                let slots = self.fleet.slots_per_replica as usize;
                while self.n_triggered < n_older
                    && n_older > slots * self.n_starting()
                    && self.on() < self.n_max
                    && self.start(now)
                {
                    self.n_triggered += 1;
                }
            }
            Scaler::Rule(ScalerRule::RequestCount { requests }) => {
                let in_flight = self.queue.len() as u64 + self.in_service();
                let wanted = small(in_flight.div_ceil(u64::from(*requests)));
                while self.on() < wanted.min(self.n_max) && self.start(now) {}
            }
            Scaler::Rule(rule) => {
                if by_clock {
                    let wanted = self.wanted(rule, now);
                    self.follow(wanted as usize, now);
                }
            }
        }
        if self.n_max == 0 && self.on() == 0 {
            self.found.refused += self.queue.len() as u64;
            self.queue.clear();
            self.n_triggered = 0;
        }
        let slots = self.fleet.slots_per_replica as usize;
        while self.fleet.cancel_starts
            && self.n_starting() > 0
            && slots * (self.n_starting() - 1) >= self.queue.len()
        {
            let started =
                |n: &usize| self.lives[*n].as_ref().filter(|it| !it.is_ready).map(|it| it.started);
            let youngest = (0..self.most).max_by_key(|n| (started(n), *n)).unwrap();
            let started = started(&youngest).unwrap();
            self.found.cancelled += u64::from(started < self.window);
            self.off(youngest, now);
        }
    }

    fn follow(&mut self, wanted: usize, now: usize) {
        let wanted = wanted.min(self.n_max).max(self.min());
        let swapped = |it: &Naive| it.n_swaps.min(it.on_demand());
        while self.on() < wanted + swapped(self) && self.start(now) {}
        while self.on() > wanted + swapped(self) && self.n_ready() > wanted {
            let on_demand = self.highest(|it| it.fallback && it.is_ready);
            let Some(leaves) = on_demand.or_else(|| self.highest(|it| it.is_ready)) else { break };
            self.retire(leaves, now);
        }
    }

    /// Requests in flight now.
    fn in_flight(&self) -> u64 {
        self.queue.len() as u64 + self.in_service()
    }

    /// Mean over the last `window`, or over all that has gone by.
    fn mean(&self, window: u64, of: fn(&(u64, u64)) -> u64) -> f64 {
        let n = self.history.len().min(small(window));
        let sum: u64 = self.history[self.history.len() - n..].iter().map(of).sum();
        if n == 0 { 0.0 } else { sum as f64 / n as f64 }
    }

    /// For how long nothing has been in flight.
    fn quiet(&self) -> Option<u64> {
        if self.in_flight() > 0 {
            return Some(0);
        }
        let active = self.history.iter().rposition(|it| it.0 > 0).map(|it| it + 1);
        Some((self.history.len() - active.max(self.memory.seen)?) as u64)
    }

    /// The most wanted of the decisions of the last `window`, this one included.
    fn most_wanted(&mut self, now: usize, window: u64, wanted: u32) -> u32 {
        self.memory.wanted.push((now, wanted));
        let recent = self.memory.wanted.iter().filter(|it| it.0 + small(window) >= now);
        recent.map(|it| it.1).max().unwrap()
    }

    fn wanted(&mut self, rule: &ScalerRule, now: usize) -> u32 {
        if self.in_flight() > 0 {
            self.memory.seen = Some(now);
        }
        match rule {
            ScalerRule::Concurrency(rule) => self.concurrency(rule, now),
            ScalerRule::InFlight(rule) => self.by_in_flight(rule, now),
            ScalerRule::Horizontal(rule) => self.horizontal(rule, now),
            ScalerRule::Stepwise(rule) => self.stepwise(rule, now),
            _ => panic!("decides at events"),
        }
    }

    fn concurrency(&mut self, rule: &ConcurrencyRule, now: usize) -> u32 {
        let ready = (self.n_ready() as f64).max(1.0);
        let up = (ready * rule.max_scale_up_rate).ceil();
        let down = (ready / rule.max_scale_down_rate).floor();
        let stable = (self.mean(rule.stable_window_us, |it| it.0) / rule.target).ceil();
        let panic = (self.mean(rule.panic_window_us, |it| it.0) / rule.target).ceil();
        let held = |it: f64| whole(it.max(down).min(up));
        let mut wanted = held(stable);
        if panic / ready >= rule.panic_threshold {
            self.memory.panic = Some((now, self.memory.panic.map_or(0, |it| it.1)));
        } else if self.memory.panic.is_some_and(|it| it.0 + small(rule.stable_window_us) < now) {
            self.memory.panic = None;
        }
        if let Some((since, most)) = self.memory.panic {
            wanted = wanted.max(held(panic)).max(most);
            self.memory.panic = Some((since, wanted));
        }
        wanted = self.most_wanted(now, rule.scale_down_delay_us, wanted);
        if wanted > 0 || self.on() == 0 {
            self.memory.nothing_since = None;
            return wanted;
        }
        let since = *self.memory.nothing_since.get_or_insert(now);
        u32::from(now - since < small(rule.scale_to_zero_grace_us))
    }

    fn by_in_flight(&mut self, rule: &InFlightRule, now: usize) -> u32 {
        let on = u32::try_from(self.on()).unwrap();
        let wanted = whole((self.mean(rule.window_us, |it| it.0) / rule.target).ceil());
        let wanted = wanted.max(self.fleet.min_replicas);
        if wanted >= on {
            self.memory.lower_since = None;
            return wanted;
        }
        let since = *self.memory.lower_since.get_or_insert(now);
        if now - since < small(rule.scale_down_delay_us) {
            return on;
        }
        self.memory.lower_since = Some(now);
        on - whole((f64::from(on - wanted) * rule.scale_down_share).ceil())
    }

    fn horizontal(&mut self, rule: &HorizontalRule, now: usize) -> u32 {
        let on = u32::try_from(self.on()).unwrap();
        let in_flight = self.in_flight() as f64;
        if self.min() == 0 && self.quiet().is_none_or(|it| it >= rule.cooldown_us) {
            return 0;
        }
        if on == 0 {
            return u32::from(now.is_multiple_of(small(rule.polling_us)) && in_flight > 0.0);
        }
        let ratio = in_flight / (f64::from(on) * rule.target);
        let is_near = (ratio - 1.0).abs() <= rule.tolerance;
        let wanted = if is_near { on } else { whole((in_flight / rule.target).ceil()).max(1) };
        let held = self.most_wanted(now, rule.stabilization_us, wanted);
        if wanted < on { held.min(on) } else { wanted.min((2 * on).max(on + 4)) }
    }

    fn stepwise(&mut self, rule: &StepwiseRule, now: usize) -> u32 {
        let on = u32::try_from(self.on()).unwrap();
        let ready = u32::try_from(self.n_ready()).unwrap();
        let at = Some(now);
        if on == 0 {
            return u32::from(self.in_flight() > 0);
        }
        if self.min() == 0 && self.quiet().is_none_or(|it| it >= rule.to_zero_after_us) {
            return 0;
        }
        let total = match rule.metric {
            StepMetric::BusyShare => {
                self.mean(rule.window_us, |it| it.1) / f64::from(self.fleet.slots_per_replica)
            }
            StepMetric::Pending => self.mean(rule.window_us, |it| it.0),
        };
        let after = |last: Option<usize>, every| last.is_none_or(|it| now - it >= small(every));
        let reaches = |share: f64| match rule.metric {
            StepMetric::BusyShare => share >= rule.threshold,
            StepMetric::Pending => share > rule.threshold,
        };
        if reaches(total / f64::from(ready.max(1))) {
            self.memory.lower_since = None;
            if ready == on && after(self.memory.last_up, rule.up_every_us) {
                self.memory.last_up = at;
                return on + 1;
            }
            return on;
        }
        if on <= self.fleet.min_replicas.max(1) || reaches(total / f64::from(on - 1)) {
            self.memory.lower_since = None;
            return on;
        }
        let since = *self.memory.lower_since.get_or_insert(now);
        if now - since >= small(rule.stabilization_us)
            && after(self.memory.last_down, rule.down_every_us)
        {
            self.memory.last_down = at;
            return on - 1;
        }
        on
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` saturates")]
fn whole(n: f64) -> u32 {
    n as u32
}
