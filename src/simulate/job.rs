//! Work that writes checkpoints, on capacity that is taken back: how long it takes and what of it
//! runs on demand so that a deadline is kept.

use crate::units::{Money, MoneyPerHour};

use super::plan::{Spot, US_PER_HOUR};
use super::random::{Random, seed_of, whole_us};

/// A job on a fixed number of GPUs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Job {
    /// Time it computes, without checkpoints and interruptions.
    pub work_us: u64,
    /// Work between two checkpoints.
    pub interval_us: u64,
    /// Time to write one.
    pub write_us: u64,
    /// From new capacity to where the last checkpoint was: start, load, read.
    pub restart_us: u64,
    /// When it must be done, from its start.
    pub deadline_us: Option<u64>,
}

/// What many runs of a job came to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct JobOutcome {
    /// Mean time on spot capacity.
    pub spot_us: f64,
    /// Mean time on demand.
    pub on_demand_us: f64,
    /// Mean time from start to end, waits for capacity included.
    pub finished_us: f64,
    /// 95 % of the runs ended by then.
    pub finished_p95_us: u64,
    /// Mean interruptions of a run.
    pub interruptions: f64,
    /// Share of the runs that ended after the deadline.
    pub late_share: f64,
}

/// Expected time per useful time of a job under interruptions at `rate_per_hour`, without waits for
/// capacity: `exp(r R) (exp(r (t + w)) - 1) / (r t)` with the interval t, the write w and the
/// restart R (Daly 2006, equation 13). At 0.1 an hour, t = 1 h, w = 0.05 h and R = 0.25 h it is
/// 1.135; without interruptions `(t + w) / t`.
pub fn expected_stretch(job: &Job, rate_per_hour: f64) -> f64 {
    let hours = |us: u64| us as f64 / US_PER_HOUR as f64;
    let (interval, write) = (hours(job.interval_us), hours(job.write_us));
    if rate_per_hour <= 0.0 {
        return (interval + write) / interval;
    }
    let restarts = libm::exp(rate_per_hour * hours(job.restart_us));
    restarts * libm::expm1(rate_per_hour * (interval + write)) / (rate_per_hour * interval)
}

/// The interval that makes the stretch least, to first order: `sqrt(2 w / r)` (Young 1974). Writes of
/// 0.05 h at 0.1 interruptions an hour: every hour.
pub fn best_interval_us(write_us: u64, rate_per_hour: f64) -> Option<u64> {
    let write_h = write_us as f64 / US_PER_HOUR as f64;
    let positive = rate_per_hour > 0.0 && rate_per_hour.is_finite();
    positive.then(|| whole_us(libm::sqrt(2.0 * write_h / rate_per_hour) * US_PER_HOUR as f64))
}

/// Runs a job `n_runs` times. In an outage it waits for spot; with a fallback and a deadline it moves
/// on demand, and stays there, as soon as waiting or one more lost interval would make it late (the
/// safety net of Wu et al., NSDI 2024). Nothing when the job has no length or no interval.
pub fn replay_job(job: &Job, spot: &Spot, n_runs: u32, seed: u64) -> Option<JobOutcome> {
    let rate = spot.interruptions_per_hour;
    if job.work_us == 0 || job.interval_us == 0 || n_runs == 0 || !rate.is_finite() || rate < 0.0 {
        return None;
    }
    let mut random = Random::new(seed_of(seed, "job", 0));
    let mut sum = JobOutcome {
        spot_us: 0.0,
        on_demand_us: 0.0,
        finished_us: 0.0,
        finished_p95_us: 0,
        interruptions: 0.0,
        late_share: 0.0,
    };
    let n = f64::from(n_runs);
    let mut n_late = 0;
    let mut ends = Vec::with_capacity(n_runs as usize);
    for _ in 0..n_runs {
        let run = one_run(job, spot, &mut random)?;
        sum.spot_us += run.spot_us as f64 / n;
        sum.on_demand_us += run.on_demand_us as f64 / n;
        sum.finished_us += run.now as f64 / n;
        sum.interruptions += run.interruptions as f64 / n;
        n_late += u32::from(job.deadline_us.is_some_and(|deadline| run.now > deadline));
        ends.push(run.now);
    }
    sum.late_share = f64::from(n_late) / n;
    ends.sort_unstable();
    sum.finished_p95_us = ends[(ends.len() * 95).div_ceil(100) - 1];
    Some(sum)
}

impl JobOutcome {
    /// The mean cost at the two prices, to the nano-unit.
    pub fn cost(&self, spot: MoneyPerHour, on_demand: MoneyPerHour) -> Option<Money> {
        let spot = spot.nano_cost_of_us(whole_us(self.spot_us)).ok()?;
        let nano =
            spot.checked_add(on_demand.nano_cost_of_us(whole_us(self.on_demand_us)).ok()?)?;
        Money::from_nano(nano, on_demand.currency()).ok()
    }
}

#[derive(Debug, Default)]
struct Run {
    now: u64,
    /// Work that a checkpoint holds.
    saved_us: u64,
    spot_us: u64,
    on_demand_us: u64,
    interruptions: u64,
}

/// Interruptions after which a run is given up: its intervals are longer than any life.
const MAX_INTERRUPTIONS: u64 = 1_000_000;

fn one_run(job: &Job, spot: &Spot, random: &mut Random) -> Option<Run> {
    let mut run = Run::default();
    // The latest start on demand that is in time, less what one more life on spot may lose.
    let margin = job.restart_us + job.interval_us + job.write_us;
    let leave_at = |saved_us: u64| {
        let deadline = job.deadline_us.filter(|_| spot.fallback.is_some());
        deadline.map(|it| it.saturating_sub(to_the_end(job, saved_us) + margin + job.restart_us))
    };
    while run.interruptions < MAX_INTERRUPTIONS {
        if leave_at(run.saved_us).is_some_and(|at| at <= run.now) {
            let left = restart(job, &run) + job.work_us - run.saved_us;
            run.on_demand_us = left;
            run.now = run.now.checked_add(left)?;
            return Some(run);
        }
        let life = if spot.interruptions_per_hour > 0.0 {
            whole_us(random.exponential() / spot.interruptions_per_hour * US_PER_HOUR as f64)
        } else {
            u64::MAX
        };
        let begin = restart(job, &run);
        let needed = begin + to_the_end(job, run.saved_us);
        if needed <= life {
            run.spot_us += needed;
            run.now = run.now.checked_add(needed)?;
            return Some(run);
        }
        run.saved_us += (life.saturating_sub(begin) / (job.interval_us + job.write_us))
            .saturating_mul(job.interval_us);
        run.interruptions += 1;
        run.spot_us += life;
        run.now = run.now.checked_add(life)?;
        let outage = whole_us(random.exponential() * spot.outage_us as f64);
        let back = run.now.checked_add(outage)?;
        run.now = leave_at(run.saved_us).map_or(back, |at| back.min(at.max(run.now)));
    }
    None
}

/// The first start is not one again.
fn restart(job: &Job, run: &Run) -> u64 {
    if run.interruptions == 0 { 0 } else { job.restart_us }
}

/// Work left with the checkpoints on the way; the last piece needs none.
fn to_the_end(job: &Job, saved_us: u64) -> u64 {
    let left = job.work_us - saved_us;
    left + (left.div_ceil(job.interval_us) - 1) * job.write_us
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Currency;
    use proptest::prelude::*;

    const MINUTE: u64 = 60_000_000;

    fn job(work_h: u64, deadline_h: Option<u64>) -> Job {
        Job {
            work_us: work_h * US_PER_HOUR,
            interval_us: US_PER_HOUR,
            write_us: 3 * MINUTE,
            restart_us: 15 * MINUTE,
            deadline_us: deadline_h.map(|it| it * US_PER_HOUR),
        }
    }

    fn spot(rate: f64, outage_h: f64) -> Spot {
        Spot {
            interruptions_per_hour: rate,
            notice_us: 0,
            outage_us: whole_us(outage_h * US_PER_HOUR as f64),
            fallback: MoneyPerHour::parse("4", Currency::USD).ok(),
        }
    }

    #[test]
    fn the_formula_by_hand() {
        let found = expected_stretch(&job(10, None), 0.1);
        assert!((found - 1.135_13).abs() < 1e-4, "{found}");
        assert!((expected_stretch(&job(10, None), 0.0) - 1.05).abs() < 1e-12);
        assert_eq!(best_interval_us(3 * MINUTE, 0.1), Some(US_PER_HOUR));
        assert_eq!(best_interval_us(1, 0.0), None);
    }

    /// Ten hours with nine checkpoints of 3 minutes: 10.45 h, at 2 an hour 20.90.
    #[test]
    fn without_interruptions_it_is_the_work_and_its_checkpoints() {
        let it = replay_job(&job(10, Some(13)), &spot(0.0, 0.0), 3, 1).unwrap();
        assert_eq!((it.finished_us, it.late_share), (627.0 * MINUTE as f64, 0.0));
        let rate = |text| MoneyPerHour::parse(text, Currency::USD).unwrap();
        assert_eq!(it.cost(rate("2"), rate("4")).unwrap().to_decimal_string(), "20.90");
        let alone = Spot { fallback: None, ..spot(0.0, 0.0) };
        let late = replay_job(&job(10, Some(10)), &alone, 1_000, 1);
        assert!((late.unwrap().late_share - 1.0).abs() < f64::EPSILON);
    }

    /// The mean of 4,000 runs of 40 intervals against the closed form; the formula writes a
    /// checkpoint after the last interval too, and the first begin is no restart in either.
    #[test]
    fn the_mean_is_the_closed_form() {
        for rate in [0.05, 0.3, 1.0] {
            let job = Job { work_us: 40 * US_PER_HOUR, ..job(1, None) };
            let n = 4_000;
            let it = replay_job(&job, &spot(rate, 0.0), n, 7).unwrap();
            let exact = expected_stretch(&job, rate) * 40.0;
            let found = it.finished_us / US_PER_HOUR as f64;
            // The last checkpoint is missing: at most its share of the stretch of one interval.
            let slack = 0.05 * expected_stretch(&job, rate) / 1.05;
            assert!((found - (exact - slack)).abs() < 0.02 * exact, "{rate}: {found} for {exact}");
        }
    }

    proptest! {
        /// A deadline that leaves room for one lost interval is kept whatever happens.
        #[test]
        fn the_safety_net_holds(
            work_h in 1_u64..30, more_h in 0_u64..20, rate in 0.0_f64..5.0, outage in 0.0_f64..10.0,
            seed in any::<u64>(),
        ) {
            let all = to_the_end(&job(work_h, None), 0).div_ceil(US_PER_HOUR);
            let job = job(work_h, Some(all + 2 + more_h));
            let it = replay_job(&job, &spot(rate, outage), 20, seed).unwrap();
            prop_assert!(it.late_share < 1e-12, "{it:?}");
        }
    }
}
