//! What a fleet looked like over time: means over equal parts of the window.

use crate::units::{Currency, Money};

use super::latency::Measure;
use super::pool::Pool;

/// A run in equal parts of its window; the last may be shorter.
#[derive(Clone, Debug, PartialEq)]
pub struct Timeline {
    /// Length of a part, microseconds.
    pub width_us: u64,
    /// The parts in order.
    pub parts: Vec<Part>,
}

/// One part of the window. Numbers are means over its time, but for the longest queue and the cost.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Part {
    /// Requests in the queue.
    pub queue: f64,
    /// The most requests in the queue at once.
    pub queue_max: u64,
    /// Requests in service.
    pub in_service: f64,
    /// Replicas Ready, those that drain included.
    pub ready: f64,
    /// Replicas with at least one request in service.
    pub busy: f64,
    /// Replicas Starting.
    pub starting: f64,
    /// Cost from the window start to the end of the part: lifetimes that ended as billed, those that
    /// run by their time so far.
    pub cost: Money,
}

/// The sums of a part: what holds over a time, times that time.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    queue: u128,
    queue_max: u64,
    in_service: u128,
    ready: u128,
    busy: u128,
    starting: u128,
}

/// Measures a run and keeps how it went.
#[derive(Debug)]
pub(super) struct Sampler<'a, M> {
    inner: &'a mut M,
    currency: Currency,
    window_us: u64,
    width_us: u64,
    since_us: u64,
    sums: Sums,
    parts: Vec<Part>,
}

impl<'a, M: Measure> Sampler<'a, M> {
    /// For about `n_parts` parts of a window.
    pub(super) fn new(
        inner: &'a mut M,
        currency: Currency,
        window_us: u64,
        n_parts: u32,
    ) -> Sampler<'a, M> {
        let width_us = window_us.div_ceil(u64::from(n_parts.max(1))).max(1);
        let n_parts = usize::try_from(window_us.div_ceil(width_us)).unwrap_or(0);
        Sampler {
            inner,
            currency,
            window_us,
            width_us,
            since_us: 0,
            sums: Sums::default(),
            parts: Vec::with_capacity(n_parts),
        }
    }

    /// The parts that have ended.
    pub(super) fn timeline(self) -> Timeline {
        Timeline { width_us: self.width_us, parts: self.parts }
    }

    /// Closes the part that ends now.
    fn end_part(&mut self, pool: &Pool) {
        let begin_us = self.width_us * self.parts.len() as u64;
        let length = (self.since_us - begin_us) as f64;
        let sums = std::mem::take(&mut self.sums);
        let mean = |sum: u128| sum as f64 / length;
        // A cost that does not fit its type is the outcome's to report.
        let cost = pool.nano_cost_at(self.since_us).unwrap_or(0);
        self.parts.push(Part {
            queue: mean(sums.queue),
            queue_max: sums.queue_max,
            in_service: mean(sums.in_service),
            ready: mean(sums.ready),
            busy: mean(sums.busy),
            starting: mean(sums.starting),
            cost: Money::from_nano(cost, self.currency).unwrap_or(Money::zero(self.currency)),
        });
    }
}

impl<M: Measure> Measure for Sampler<'_, M> {
    fn record(&mut self, wait_us: u64, prefill_us: u64) {
        self.inner.record(wait_us, prefill_us);
    }

    fn until(&mut self, now: u64, pool: &Pool, n_queued: usize) {
        let now = now.min(self.window_us);
        while self.since_us < now {
            let end = (self.width_us * (self.parts.len() as u64 + 1)).min(self.window_us);
            let to = now.min(end);
            let us = u128::from(to - self.since_us);
            let sums = &mut self.sums;
            sums.queue += n_queued as u128 * us;
            sums.queue_max = sums.queue_max.max(n_queued as u64);
            sums.in_service += u128::from(pool.n_in_service) * us;
            sums.ready += u128::from(pool.n_up()) * us;
            sums.busy += u128::from(pool.n_busy()) * us;
            sums.starting += u128::from(pool.n_starting()) * us;
            self.since_us = to;
            if to == end {
                self.end_part(pool);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::catalog::ScalerRule;
    use crate::simulate::{
        Billing, Delay, FleetSpec, Scaler, ServiceModel, SloLimits, Trace, run, run_sampled,
    };
    use crate::units::{Currency, Money, MoneyPerHour};

    /// Two requests at 0 of 10 s on one slot that starts in 5 s, in a window of 40 s by parts of 10:
    /// the second waits from 0 to 15, the replica idles from 25 to 35 and leaves.
    #[test]
    fn one_start_by_hand() {
        let trace = Trace::new(vec![0, 0], 40_000_000);
        let service = ServiceModel::Fixed { service_us: 10_000_000 };
        let fleet = FleetSpec {
            max_replicas: 1,
            scaler: Scaler::Rule(ScalerRule::RequestCount { requests: 2 }),
            idle_timeout: Delay::Constant(10_000_000),
            cold_start: Delay::Constant(5_000_000),
            ..FleetSpec::fixed(0, 1)
        };
        let rate = MoneyPerHour::parse("3.6", Currency::USD).unwrap();
        let billing = Billing::by_the_microsecond(rate);
        let source = trace.served_by(&service);
        let (replay, timeline) = run_sampled(&source, &fleet, &billing, None, 4);
        let outcome = replay.outcome().unwrap();
        let found: Vec<_> = timeline.parts.iter().map(|it| (it.queue, it.queue_max)).collect();
        assert_eq!(found, [(1.5, 2), (0.5, 1), (0.0, 0), (0.0, 0)]);
        let replicas: Vec<_> =
            timeline.parts.iter().map(|it| (it.ready, it.busy, it.starting)).collect();
        let expected = [(0.5, 0.5, 0.5), (1.0, 1.0, 0.0), (1.0, 0.5, 0.0), (0.5, 0.0, 0.0)];
        assert_eq!(replicas, expected);
        let costs: Vec<String> =
            timeline.parts.iter().map(|it| it.cost.to_decimal_string()).collect();
        assert_eq!(costs, ["0.01", "0.02", "0.03", "0.035"]);
        assert_eq!(timeline.parts[3].cost, outcome.total_cost().unwrap());
    }

    /// A sampled run finds what a run finds, also where the short way would have served, and its last
    /// part has the whole cost.
    #[test]
    fn sampling_changes_nothing() {
        let at: Vec<u64> = (0..500).map(|i| i * i * 977 % 3_600_000_000).collect();
        let trace = Trace::new(at, 3_600_000_000);
        let service = ServiceModel::Fixed { service_us: 9_000_000 };
        let rate = MoneyPerHour::parse("1.1", Currency::USD).unwrap();
        let billing = Billing { granularity_us: 7_000_000, ..Billing::by_the_microsecond(rate) };
        let elastic = FleetSpec {
            max_replicas: 20,
            cold_start: Delay::Exponential { mean_us: 4e6 },
            idle_timeout: Delay::Constant(30_000_000),
            ..FleetSpec::fixed(1, 1)
        };
        for (fleet, slo) in [
            (FleetSpec::fixed(3, 2), None),
            (FleetSpec { scaler: Scaler::PerRequest, ..elastic.clone() }, None),
            (
                FleetSpec {
                    scaler: Scaler::Rule(ScalerRule::QueueDelay { threshold_us: 1_000_000 }),
                    ..elastic
                },
                Some(SloLimits { ttft_us: Some(2_000_000), tpot_us: None }),
            ),
        ] {
            let source = trace.served_by(&service);
            let plain = run(&source, &fleet, &billing, slo);
            let (sampled, timeline) = run_sampled(&source, &fleet, &billing, slo, 600);
            assert_eq!(plain, sampled);
            let outcome = plain.outcome().unwrap();
            assert_eq!(timeline.parts.len(), 600);
            let busy: f64 = timeline.parts.iter().map(|it| it.busy * 6e6).sum();
            assert!((busy - outcome.all(|it| it.busy_us) as f64).abs() < 1.0, "{busy}");
            let starting: f64 = timeline.parts.iter().map(|it| it.starting * 6e6).sum();
            assert!((starting - outcome.all(|it| it.starting_us) as f64).abs() < 1.0);
            assert_eq!(timeline.parts[599].cost, outcome.total_cost().unwrap());
            assert!(timeline.parts.windows(2).all(|w| w[0].cost.atto() <= w[1].cost.atto()));
            assert_ne!(timeline.parts[599].cost, Money::zero(Currency::USD));
        }
    }
}
