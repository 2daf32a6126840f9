//! What every clock hour of a workload cost, what was seen of its demand, and which of it a finding
//! has claimed.

use chrono_tz::Tz;

use super::super::bins::{Grid, HOUR_US, fits_densely};
use super::super::costs::spread;
use crate::catalog::Waste as Limits;
use crate::units::{Currency, Money, MoneyError, Period, Timestamp};
use crate::workload::{ActivityBin, CostBin, Demand, PricingCategory, Workload};

/// The two halves of an hour's cost: they are claimed apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// Falls when the workload stops.
    Stoppable,
    /// Covered by a commitment, paid either way.
    Committed,
}

/// One half of an hour.
#[derive(Clone, Copy, Debug)]
struct Paid {
    cost: Money,
    gpu_hours: f64,
    taken: bool,
}

/// One clock hour.
#[derive(Clone, Debug)]
pub(super) struct Hour {
    stoppable: Paid,
    committed: Paid,
    /// Whether a request was counted; `None` where nobody counted.
    pub(super) requests: Option<bool>,
    /// Whether GPUs were active; `None` where they were not measured, or not all of them.
    pub(super) gpus: Option<bool>,
    /// GPU-hours that telemetry saw.
    pub(super) measured: f64,
    /// GPU-hours active of them.
    pub(super) active: f64,
}

impl Hour {
    fn paid(&self, part: Part) -> &Paid {
        match part {
            Part::Stoppable => &self.stoppable,
            Part::Committed => &self.committed,
        }
    }

    fn paid_mut(&mut self, part: Part) -> &mut Paid {
        match part {
            Part::Stoppable => &mut self.stoppable,
            Part::Committed => &mut self.committed,
        }
    }

    /// Whether it costs something that no finding has claimed.
    pub(super) fn is_open(&self, part: Part) -> bool {
        let paid = self.paid(part);
        !paid.taken && !paid.cost.is_zero() && !paid.cost.is_negative()
    }

    /// Whether anything was paid for it.
    pub(super) fn is_paid(&self) -> bool {
        [&self.stoppable, &self.committed].iter().any(|it| it.cost.atto() > 0)
    }

    /// GPU-hours billed in it.
    pub(super) fn gpu_hours(&self, part: Part) -> f64 {
        self.paid(part).gpu_hours
    }

    /// Either signal saw demand.
    pub(super) fn is_used(&self) -> bool {
        self.requests == Some(true) || self.gpus == Some(true)
    }

    /// A signal saw no demand, and none saw any.
    pub(super) fn is_silent(&self) -> bool {
        !self.is_used() && (self.requests.is_some() || self.gpus.is_some())
    }

    /// Both signals saw no demand.
    pub(super) fn is_silent_twice(&self) -> bool {
        self.requests == Some(false) && self.gpus == Some(false)
    }
}

/// The hours of the window.
pub(super) struct Ledger {
    grid: Grid,
    first: i64,
    window: Period,
    pub(super) hours: Vec<Hour>,
    /// What may still be claimed: the net cost of the window, credits included, less the claims.
    left: Money,
    /// Whether any cost says for how many GPUs.
    has_gpu_hours: bool,
}

/// What a finding claims.
#[derive(Clone, Copy, Debug)]
pub(super) struct Claim {
    pub(super) cost: Money,
    pub(super) gpu_hours: Option<f64>,
}

impl Ledger {
    /// The hours of a workload that costs something; nothing for one that does not, or whose amounts
    /// do not fit. A cost longer than an hour is spread evenly, to the last digit. Credits lower the
    /// hour they fall into, not below zero, and what may be claimed in all.
    pub(super) fn of(workload: &Workload, zone: Tz, limits: &Limits) -> Option<Ledger> {
        let currency = workload.costs.first()?.cost.currency();
        let left = Money::sum(workload.costs.iter().map(|it| it.cost), currency).ok()?;
        let window = workload.window;
        if left.atto() <= 0 || !fits_densely(window.len_us(), HOUR_US) {
            return None;
        }
        let grid = Grid::on_clock(HOUR_US, zone, window.start().us());
        let first = grid.index(window.start().us());
        let last = grid.index(window.end().us().saturating_sub(1));
        let n = usize::try_from(last.saturating_sub(first).saturating_add(1)).ok()?;
        let nothing = Paid { cost: Money::zero(currency), gpu_hours: 0.0, taken: false };
        let empty = Hour {
            stoppable: nothing,
            committed: nothing,
            requests: None,
            gpus: None,
            measured: 0.0,
            active: 0.0,
        };
        let has_gpu_hours = workload.costs.iter().any(|it| it.gpu_hours.is_some());
        let hours = vec![empty; n];
        let mut ledger = Ledger { grid, first, window, hours, left, has_gpu_hours };
        for part in [Part::Stoppable, Part::Committed] {
            ledger.pay(&workload.costs, part, currency).ok()?;
        }
        ledger.see_requests(workload, limits);
        ledger.see_activity(&workload.activity, limits);
        Some(ledger)
    }

    /// The first instant of an hour.
    pub(super) fn start(&self, at: usize) -> Timestamp {
        let index = self.first.saturating_add(i64::try_from(at).unwrap_or(i64::MAX));
        Timestamp::from_us(self.grid.start_us(index))
    }

    /// The pieces of a period by hour: position, first and last microsecond.
    fn pieces(&self, period: Period) -> Vec<(usize, i64, i64)> {
        let Some(inside) = period.intersect(self.window) else { return Vec::new() };
        let (from, to) = (inside.start().us(), inside.end().us());
        let hours = self.grid.index(from)..=self.grid.index(to.saturating_sub(1));
        let piece = |index: i64| {
            let at = usize::try_from(index.saturating_sub(self.first)).ok()?;
            let end = self.grid.start_us(index.saturating_add(1));
            Some((at, self.grid.start_us(index).max(from), end.min(to)))
        };
        hours.filter_map(piece).filter(|it| it.0 < self.hours.len()).collect()
    }

    /// Books the costs of one part by hour.
    fn pay(&mut self, bins: &[CostBin], part: Part, currency: Currency) -> Result<(), MoneyError> {
        let is_committed = |it: &&CostBin| {
            (it.category == PricingCategory::Committed) == (part == Part::Committed)
        };
        let start = self.window.start();
        let inner = (1..self.hours.len()).map(|at| self.start(at));
        let edges: Vec<Timestamp> =
            [start].into_iter().chain(inner).chain([self.window.end()]).collect();
        let spread = spread(bins.iter().filter(is_committed), &edges, currency)?;
        for (hour, it) in self.hours.iter_mut().zip(spread) {
            let paid = hour.paid_mut(part);
            paid.cost = it.cost;
            paid.gpu_hours = it.gpu_hours.unwrap_or(0.0);
        }
        Ok(())
    }

    /// Requests of logs and counts, else what the engine had in its batch. Counts say nothing before
    /// their first and after their last row; a row longer than an hour marks every hour it covers.
    fn see_requests(&mut self, workload: &Workload, limits: &Limits) {
        let mut seen = Seen::new(self.hours.len());
        match &workload.demand {
            Demand::Arrivals(trace) => {
                seen.cover(self, workload.demand_window);
                for at_us in &trace.at_us {
                    let at = usize::try_from(self.grid.index(*at_us).saturating_sub(self.first));
                    seen.mark(at.ok());
                }
            }
            Demand::Counts(series) => {
                let (first, last) = (series.bins.first(), series.bins.last());
                let span = first.zip(last).map(|(a, b)| a.period.cover(b.period));
                if let Some(span) = span {
                    seen.cover(self, span);
                }
                for bin in series.bins.iter().filter(|it| it.requests > 0) {
                    for piece in self.pieces(bin.period) {
                        seen.mark(Some(piece.0));
                    }
                }
            }
            Demand::Level(_) | Demand::Unknown => {}
        }
        for bin in &workload.engine {
            let batch = bin.running_max.or(bin.running_mean);
            let queue = bin.waiting_max.unwrap_or(0.0);
            if let Some(batch) = batch {
                seen.cover(self, bin.period);
                let is_used = batch > 0.0 || queue > 0.0;
                for piece in self.pieces(bin.period).iter().filter(|_| is_used) {
                    seen.mark(Some(piece.0));
                }
            }
        }
        let found: Vec<_> = (0..self.hours.len())
            .map(|at| seen.verdict(at, limits.covered_share * self.inside_us(at)))
            .collect();
        for (hour, requests) in self.hours.iter_mut().zip(found) {
            hour.requests = requests;
        }
    }

    /// GPUs active. A row longer than an hour counts as active where all its activity in one hour
    /// would; GPUs of which a part was measured are not known to be silent.
    fn see_activity(&mut self, activity: &[ActivityBin], limits: &Limits) {
        for bin in activity.iter().filter(|it| it.gpus > 0.0) {
            let hours = (bin.period.len_us() as f64 / HOUR_US as f64).max(1.0);
            let is_active = bin.active / bin.gpus >= limits.idle_gpu_active / hours;
            for (at, from, to) in self.pieces(bin.period) {
                let share = to.saturating_sub(from) as f64 / HOUR_US as f64;
                let hour = &mut self.hours[at];
                hour.measured += bin.gpus * share;
                hour.active += bin.active * share;
                if is_active {
                    hour.gpus = Some(true);
                }
            }
        }
        for at in 0..self.hours.len() {
            let inside = self.inside_us(at) / HOUR_US as f64;
            let hour = &mut self.hours[at];
            let billed = hour.stoppable.gpu_hours + hour.committed.gpu_hours;
            let least = if billed > 0.0 { billed } else { inside };
            if hour.gpus.is_none() && hour.measured >= limits.covered_share * least {
                hour.gpus = Some(false);
            }
        }
    }

    /// Microseconds of the window in an hour.
    fn inside_us(&self, at: usize) -> f64 {
        let from = self.start(at).max(self.window.start());
        let to = self.start(at).plus_us(HOUR_US).min(self.window.end());
        to.us().saturating_sub(from.us()) as f64
    }

    /// Claims the given share (numerator, denominator) of the open hours it is given for.
    pub(super) fn claim(
        &mut self,
        part: Part,
        share: impl Fn(usize, &Hour) -> Option<(u64, u64)>,
    ) -> Option<Claim> {
        let mut claim = Claim { cost: Money::zero(self.left.currency()), gpu_hours: None };
        let mut gpu_hours = 0.0;
        for at in 0..self.hours.len() {
            let hour = &self.hours[at];
            let Some((numerator, denominator)) =
                hour.is_open(part).then(|| share(at, hour)).flatten()
            else {
                continue;
            };
            let paid = self.hours[at].paid_mut(part);
            let whole = numerator == denominator;
            let cost = if whole { Ok(paid.cost) } else { paid.cost.scale(numerator, denominator) };
            claim.cost = claim.cost.checked_add(cost.ok()?).ok()?;
            gpu_hours += paid.gpu_hours * numerator as f64 / denominator.max(1) as f64;
            paid.taken = true;
        }
        if claim.cost > self.left {
            claim.cost = self.left;
        }
        self.left = self.left.checked_sub(claim.cost).ok()?;
        claim.gpu_hours = self.has_gpu_hours.then_some(gpu_hours);
        (!claim.cost.is_zero()).then_some(claim)
    }

    /// Claims whole hours.
    pub(super) fn claim_hours(
        &mut self,
        part: Part,
        of: impl Fn(usize, &Hour) -> bool,
    ) -> Option<Claim> {
        self.claim(part, |at, hour| of(at, hour).then_some((1, 1)))
    }
}

/// What one signal saw: microseconds covered, and whether there was demand.
struct Seen(Vec<(f64, bool)>);

impl Seen {
    fn new(n: usize) -> Seen {
        Seen(vec![(0.0, false); n])
    }

    fn cover(&mut self, ledger: &Ledger, period: Period) {
        for (at, from, to) in ledger.pieces(period) {
            self.0[at].0 += to.saturating_sub(from) as f64;
        }
    }

    fn mark(&mut self, at: Option<usize>) {
        if let Some(hour) = at.and_then(|at| self.0.get_mut(at)) {
            hour.1 = true;
        }
    }

    fn verdict(&self, at: usize, least_us: f64) -> Option<bool> {
        let (covered_us, used) = self.0.get(at).copied()?;
        if used {
            Some(true)
        } else {
            (covered_us > 0.0 && covered_us >= least_us).then_some(false)
        }
    }
}
