//! The same workload with more or less demand of the same shape.

use std::sync::Arc;

use crate::workload::{ArrivalTrace, CountBin, Demand, LevelBin, Workload};

/// A copy of a workload with `ratio` times its demand; costs, engines and telemetry stay as they were.
///
/// Of single requests each is kept, dropped or doubled so that the count so far is always the ratio of
/// the count before, rounded down: of five at 0.6 the second, fourth and fifth stay. A copy arrives half
/// way to the next request. Counts keep their tokens for each request.
pub fn at_demand(workload: &Workload, ratio: f64) -> Workload {
    let ratio = if ratio.is_finite() { ratio.max(0.0) } else { 1.0 };
    let demand = match &workload.demand {
        Demand::Arrivals(log) => Demand::Arrivals(Arc::new(arrivals(log, ratio))),
        Demand::Counts(series) => {
            let mut all = Cumulative::new(ratio);
            let bins = series.bins.iter().map(|it| count(it, &mut all)).collect();
            Demand::Counts(crate::workload::CountSeries { bins, ..*series })
        }
        Demand::Level(series) => {
            let bins = series.bins.iter();
            let bins = bins.map(|it| LevelBin { gpus: it.gpus * ratio, ..*it }).collect();
            Demand::Level(crate::workload::LevelSeries { bins, ..*series })
        }
        Demand::Unknown => Demand::Unknown,
    };
    Workload { demand, ..workload.clone() }
}

/// Whole numbers that add up to a ratio of others.
struct Cumulative {
    ratio: f64,
    before: u64,
    given: u64,
}

impl Cumulative {
    const fn new(ratio: f64) -> Cumulative {
        Cumulative { ratio, before: 0, given: 0 }
    }

    /// The share of the next `n`.
    fn next(&mut self, n: u64) -> u64 {
        self.before = self.before.saturating_add(n);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "`as` saturates"
        )]
        let due = (self.before as f64 * self.ratio + 1e-9).floor() as u64;
        let share = due.saturating_sub(self.given);
        self.given = due.max(self.given);
        share
    }
}

fn count(bin: &CountBin, all: &mut Cumulative) -> CountBin {
    let requests = all.next(bin.requests);
    let of_requests = |tokens: Option<u64>| {
        let each = tokens? as f64 / bin.requests.max(1) as f64;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "`as` saturates"
        )]
        let sum = (each * requests as f64).round() as u64;
        Some(sum)
    };
    CountBin {
        requests,
        prompt_tokens: of_requests(bin.prompt_tokens),
        completion_tokens: of_requests(bin.completion_tokens),
        ..*bin
    }
}

fn arrivals(log: &ArrivalTrace, ratio: f64) -> ArrivalTrace {
    let mut all = Cumulative::new(ratio);
    let mut scaled = ArrivalTrace { relative: log.relative, ..ArrivalTrace::default() };
    for (place, at_us) in log.at_us.iter().enumerate() {
        let n = all.next(1);
        let next_us = log.at_us.get(place + 1).copied().unwrap_or(*at_us);
        for copy in 0..n {
            let share = copy as f64 / n as f64;
            #[expect(clippy::cast_possible_truncation, reason = "a part of a gap")]
            let after_us = (next_us.saturating_sub(*at_us) as f64 * share) as i64;
            scaled.at_us.push(at_us.saturating_add(after_us));
            scaled.tokens.extend(log.tokens.get(place));
        }
    }
    scaled
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn log(at_us: Vec<i64>) -> ArrivalTrace {
        ArrivalTrace { at_us, tokens: Vec::new(), relative: false }
    }

    #[test]
    fn the_worked_example() {
        let five = log(vec![10, 20, 30, 40, 50]);
        assert_eq!(arrivals(&five, 0.6).at_us, [20, 40, 50]);
        assert_eq!(arrivals(&five, 2.0).at_us, [10, 15, 20, 25, 30, 35, 40, 45, 50, 50]);
        assert_eq!(arrivals(&five, 1.0), five);
        assert_eq!(arrivals(&five, 0.0).len(), 0);
    }

    proptest! {
        #[test]
        fn the_count_is_the_ratio_and_time_goes_on(
            gaps in proptest::collection::vec(0_i64..1000, 0..200),
            ratio in 0.0_f64..5.0,
        ) {
            let mut at = 0;
            let times: Vec<i64> = gaps.iter().map(|gap| { at += gap; at }).collect();
            let scaled = arrivals(&log(times.clone()), ratio);
            let expected = times.len() as f64 * ratio;
            prop_assert!((scaled.len() as f64 - expected).abs() <= 1.0);
            prop_assert!(scaled.at_us.is_sorted());
            let mut all = Cumulative::new(ratio);
            let n: u64 = gaps.iter().map(|it| all.next(it.unsigned_abs())).sum();
            let whole = gaps.iter().sum::<i64>() as f64 * ratio;
            prop_assert!((n as f64 - whole).abs() <= 1.0);
        }
    }
}
