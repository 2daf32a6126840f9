//! The numbers of a row under the names that scripts rely on.

use super::{Room, Simulated, SimulatedRun};
use crate::report::RenderError;
use crate::simulate::{Latency, Outcome};
use crate::units::{Currency, Money};

/// One number of a run.
pub(super) struct Number {
    pub(super) key: &'static str,
    /// Nothing where it was not measured.
    pub(super) value: Option<f64>,
    /// Whether it is a whole number.
    pub(super) is_count: bool,
}

/// A number over all seeds.
pub(super) struct Figure {
    pub(super) key: &'static str,
    pub(super) mean: Option<f64>,
    /// Standard error of the mean; nothing of one seed.
    pub(super) error: Option<f64>,
    pub(super) least: f64,
    pub(super) most: f64,
    pub(super) is_count: bool,
}

/// Money by use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Costs {
    pub(super) total: Money,
    pub(super) busy: Money,
    pub(super) starting: Money,
    pub(super) idle: Money,
    pub(super) rounding: Money,
    pub(super) committed_unused: Money,
    /// The total by price: minimum replicas, those that come and go, those on demand in place of spot.
    pub(super) by_price: [Money; 3],
}

impl Costs {
    /// The parts under their names.
    pub(super) const fn parts(&self) -> [(&'static str, Money); 5] {
        [
            ("busy", self.busy),
            ("starting", self.starting),
            ("idle", self.idle),
            ("rounding", self.rounding),
            ("committed_unused", self.committed_unused),
        ]
    }

    /// Of a run; `is_reserved` where idle minimum replicas are a commitment unused.
    pub(super) fn of(outcome: &Outcome, is_reserved: bool) -> Result<Costs, RenderError> {
        let elastic = [&outcome.elastic, &outcome.fallback];
        let all = [&outcome.base, &outcome.elastic, &outcome.fallback];
        let currency = outcome.base.cost.currency();
        let sum = |parts: &mut dyn Iterator<Item = Money>| Money::sum(parts, currency);
        let none = Money::zero(currency);
        let base_idle = outcome.base.parts.idle;
        let (base_idle, committed_unused) =
            if is_reserved { (none, base_idle) } else { (base_idle, none) };
        let costs = || {
            Ok(Costs {
                total: outcome.total_cost()?,
                busy: sum(&mut all.iter().map(|it| it.parts.busy))?,
                starting: sum(&mut all.iter().map(|it| it.parts.starting))?,
                idle: sum(&mut elastic.iter().map(|it| it.parts.idle).chain([base_idle]))?,
                rounding: sum(&mut all.iter().map(|it| it.parts.rounding))?,
                committed_unused,
                by_price: all.map(|it| it.cost),
            })
        };
        costs().map_err(RenderError::Amount)
    }

    /// The mean of several, each amount rounded once.
    pub(super) fn mean(all: &[Costs]) -> Result<Option<Costs>, RenderError> {
        let Some(first) = all.first() else { return Ok(None) };
        let n = all.len() as u64;
        let mean = |of: &dyn Fn(&Costs) -> Money| {
            Money::sum(all.iter().map(of), first.total.currency())
                .and_then(|it| it.scale(1, n))
                .map_err(RenderError::Amount)
        };
        Ok(Some(Costs {
            total: mean(&|it| it.total)?,
            busy: mean(&|it| it.busy)?,
            starting: mean(&|it| it.starting)?,
            idle: mean(&|it| it.idle)?,
            rounding: mean(&|it| it.rounding)?,
            committed_unused: mean(&|it| it.committed_unused)?,
            by_price: [
                mean(&|it| it.by_price[0])?,
                mean(&|it| it.by_price[1])?,
                mean(&|it| it.by_price[2])?,
            ],
        }))
    }
}

/// An amount over all seeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Amounts {
    pub(super) mean: Money,
    pub(super) least: Money,
    pub(super) most: Money,
}

impl Amounts {
    /// Of at least one; the mean is rounded once.
    fn of(all: &[Money]) -> Option<Amounts> {
        let first = *all.first()?;
        let sum = Money::sum(all.iter().copied(), first.currency()).ok()?;
        let in_order = |a: &Money, b: &Money| a.atto().cmp(&b.atto());
        Some(Amounts {
            mean: sum.scale(1, all.len() as u64).ok()?,
            least: all.iter().copied().min_by(in_order)?,
            most: all.iter().copied().max_by(in_order)?,
        })
    }
}

/// What the runs of a row cost.
pub(super) struct CostFigures {
    pub(super) mean: Costs,
    pub(super) total: Amounts,
    /// Each run over the hours of its own window.
    pub(super) per_hour: Option<Amounts>,
}

impl CostFigures {
    pub(super) fn of(runs: &[SimulatedRun], is_reserved: bool) -> Option<CostFigures> {
        let all = runs.iter().map(|it| Costs::of(&it.outcome, is_reserved));
        let all: Vec<Costs> = all.collect::<Result<_, _>>().ok()?;
        let totals: Vec<Money> = all.iter().map(|it| it.total).collect();
        let per_hour = runs.iter().zip(&totals).map(|(run, cost)| {
            let hours = run.window_us as f64 / 3.6e9;
            Money::from_float(cost.to_f64() / hours, cost.currency()).ok()
        });
        let per_hour: Option<Vec<Money>> = per_hour.collect();
        Some(CostFigures {
            mean: Costs::mean(&all).ok()??,
            total: Amounts::of(&totals)?,
            per_hour: per_hour.and_then(|it| Amounts::of(&it)),
        })
    }
}

/// The currency of the runs.
pub(super) fn currency(rows: &[Simulated]) -> Currency {
    let runs = rows.iter().filter_map(|it| it.runs.as_ref().ok()).flatten();
    runs.map(|it| it.outcome.base.cost.currency()).next().unwrap_or(Currency::USD)
}

/// Whether any run of a row is unstable.
pub(super) fn is_unstable(row: &Simulated) -> bool {
    row.runs.iter().flatten().any(|it| it.outcome.unstable)
}

/// The numbers of a run.
pub(super) fn numbers(run: &SimulatedRun) -> Vec<Number> {
    let it = &run.outcome;
    let seconds = |us: u64| us as f64 / 1e6;
    // What an unstable load waits is how long the window is.
    let stable = |value: Option<f64>| value.filter(|_| !it.unstable);
    let wait = |of: &dyn Fn(&Latency) -> f64| stable(it.queue_wait.as_ref().map(of));
    let mean_of = |us: u64| Some(us as f64 / run.window_us as f64);
    let busy_us = it.all(|it| it.busy_us);
    let count = |key, value: u64| Number { key, value: Some(value as f64), is_count: true };
    let number = |key, value| Number { key, value, is_count: false };
    vec![
        count("requests", it.requests),
        count("cold_starts", it.cold_starts),
        count("delayed_requests", it.delayed_requests),
        number("wait_mean_s", wait(&|it| it.mean_us / 1e6)),
        number("wait_p50_s", wait(&|it| seconds(it.p50_us))),
        number("wait_p95_s", wait(&|it| seconds(it.p95_us))),
        number("wait_p99_s", wait(&|it| seconds(it.p99_us))),
        number("ttft_p95_s", stable(it.ttft.map(|it| seconds(it.p95_us)))),
        number("sojourn_mean_s", stable(it.sojourn_mean_us.map(|us| us / 1e6))),
        number("replicas_on_mean", mean_of(busy_us + it.all(|it| it.idle_us))),
        number("replicas_busy_mean", mean_of(busy_us)),
        number("replicas_starting_mean", mean_of(it.all(|it| it.starting_us))),
        count("replicas_max", u64::from(it.max_on)),
        number("billed_seconds", Some(seconds(it.all(|it| it.billed_us)))),
        count("refused", it.refused),
        count("timed_out", it.timed_out),
        count("execution_timeouts", it.execution_timeouts),
        count("cancelled_starts", it.cancelled_starts),
        count("interruptions", it.interruptions),
        number("lost_s", Some(seconds(it.lost_us))),
        number("slo_attainment", stable(it.attainment().map(crate::units::Fraction::get))),
        number("offered_load", Some(it.offered_load)),
        number("utilization", utilization(run)),
        number("server_occupancy", it.server_occupancy),
        number("window_s", Some(seconds(run.window_us))),
    ]
}

/// The numbers of all seeds together: means, and their standard errors by the spread of the runs.
///
/// Runs of 1, 2 and 3 have the mean 2 and the standard error 1 / sqrt(3).
pub(super) fn figures(runs: &[SimulatedRun]) -> Vec<Figure> {
    let all: Vec<Vec<Number>> = runs.iter().map(numbers).collect();
    let Some(first) = all.first() else { return Vec::new() };
    let n = all.len() as f64;
    (0..first.len())
        .map(|at| {
            let values: Option<Vec<f64>> = all.iter().map(|it| it[at].value).collect();
            let values = values.unwrap_or_default();
            let mean = values.iter().sum::<f64>() / n;
            let square = values.iter().map(|it| (it - mean) * (it - mean)).sum::<f64>();
            let known = !values.is_empty();
            Figure {
                key: first[at].key,
                mean: known.then_some(mean),
                error: (known && n > 1.0).then(|| libm::sqrt(square / (n - 1.0) / n)),
                least: values.iter().copied().fold(f64::INFINITY, f64::min),
                most: values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
                is_count: first[at].is_count && n < 2.0,
            }
        })
        .collect()
}

/// A sentence for a load that no fleet of this size clears.
pub(super) fn unstable_in_words(row: &Simulated) -> Option<String> {
    let run = row.runs.iter().flatten().find(|it| it.outcome.unstable)?;
    let room =
        if row.room == Room::Schedule { "schedule has on average" } else { "fleet has room for" };
    Some(format!(
        "Unstable: requests ask for {} slots all the time and the {room} {}; waits grow with the window, so none is \
         shown",
        crate::report::measure(run.outcome.offered_load),
        crate::report::measure(run.capacity_slots),
    ))
}

/// Load offered over the slots of the largest fleet; 0 where that has none.
fn utilization(run: &SimulatedRun) -> Option<f64> {
    (run.capacity_slots > 0.0).then(|| run.outcome.offered_load / run.capacity_slots)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulate::{Billing, FleetSpec, ServiceModel, Trace, run};
    use crate::units::MoneyPerHour;

    fn one(requests: u64) -> SimulatedRun {
        let trace = Trace::new(vec![0, 1], 1_000_000);
        let service = ServiceModel::Fixed { service_us: 500_000 };
        let rate = MoneyPerHour::parse("3.6", Currency::USD).unwrap();
        let billing = Billing { base_rate: rate, ..Billing::by_the_microsecond(rate) };
        let fleet = FleetSpec::fixed(2, 1);
        let outcome = run(&trace.served_by(&service), &fleet, &billing, None).outcome().unwrap();
        let outcome = Outcome { requests, ..outcome };
        SimulatedRun { seed: 1, window_us: 1_000_000, capacity_slots: 2.0, outcome }
    }

    #[test]
    fn means_and_their_errors() {
        let runs = [one(1), one(2), one(3)];
        let found = figures(&runs);
        assert_eq!((found[0].key, found[0].mean), ("requests", Some(2.0)));
        assert!((found[0].error.unwrap() - 1.0 / 3_f64.sqrt()).abs() < 1e-12);
        assert_eq!((found[0].least, found[0].most, found[0].is_count), (1.0, 3.0, false));
        let single = figures(&runs[..1]);
        assert!(single[0].is_count && single[0].error.is_none());
        let attainment = found.iter().find(|it| it.key == "slo_attainment").unwrap();
        assert_eq!((attainment.mean, attainment.error), (None, None));
    }

    #[test]
    fn amounts_have_a_range() {
        let usd = |text| Money::parse(text, Currency::USD).unwrap();
        let found = Amounts::of(&[usd("3"), usd("1"), usd("2.6")]).unwrap();
        assert_eq!((found.mean, found.least, found.most), (usd("2.2"), usd("1"), usd("3")));
        // A replica at 3.6 an hour is on for a second, twice.
        let costs = CostFigures::of(&[one(1), one(2)], false).unwrap();
        assert_eq!((costs.total.mean, costs.per_hour.unwrap().mean), (usd("0.002"), usd("7.2")));
        assert!(CostFigures::of(&[], false).is_none());
    }

    #[test]
    fn idle_of_a_commitment_is_unused() {
        let run = one(2);
        let parts = |is_reserved| {
            let costs = Costs::of(&run.outcome, is_reserved).unwrap();
            let parts = costs.parts().map(|it| it.1);
            assert_eq!(Money::sum(parts, Currency::USD), Ok(costs.total));
            (costs.idle.to_decimal_string(), costs.committed_unused.to_decimal_string())
        };
        assert_eq!(parts(false), ("0.001".to_owned(), "0.00".to_owned()));
        assert_eq!(parts(true), ("0.00".to_owned(), "0.001".to_owned()));
    }
}
