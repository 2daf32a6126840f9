//! The least fleet that meets a target.

/// The answer of [`least_fleet`].
#[derive(Clone, Debug, PartialEq)]
pub enum FleetAnswer<T> {
    /// The least number of replicas that meets the target, with what the trial of it found.
    Fleet {
        /// Replicas.
        n: u32,
        /// What the trial returned.
        outcome: T,
    },
    /// Not even the largest fleet meets it.
    Saturated,
}

/// The least `n` between `lower` (at least 1) and `max` for which `try_fleet` returns something.
///
/// `try_fleet(n)` simulates `n` replicas, at the service rates that hold for `n`, and returns the
/// outcome when it meets the target. More replicas are taken to do no worse: true at equal service
/// times, and a larger fleet runs smaller batches, which are no slower. Steps double from `lower`,
/// then the last gap is halved, so about 2 log2(n - lower) fleets are simulated.
pub fn least_fleet<T>(
    lower: u32,
    max: u32,
    mut try_fleet: impl FnMut(u32) -> Option<T>,
) -> FleetAnswer<T> {
    let mut fails = lower.max(1) - 1;
    let mut step = 1_u32;
    let (mut n, mut outcome) = loop {
        let n = fails.saturating_add(step).min(max);
        if n <= fails {
            return FleetAnswer::Saturated;
        }
        match try_fleet(n) {
            Some(outcome) => break (n, outcome),
            None => fails = n,
        }
        step = step.saturating_mul(2);
    };
    while n - fails > 1 {
        let middle = fails + (n - fails) / 2;
        match try_fleet(middle) {
            Some(better) => (n, outcome) = (middle, better),
            None => fails = middle,
        }
    }
    FleetAnswer::Fleet { n, outcome }
}

/// As [`least_fleet`], begun at a number that is likely the answer: where it is, two fleets are
/// simulated. Below it numbers are tried one by one, above it as there.
pub fn least_fleet_near<T>(
    likely: u32,
    (lower, max): (u32, u32),
    mut try_fleet: impl FnMut(u32) -> Option<T>,
) -> FleetAnswer<T> {
    let lower = lower.max(1);
    if lower > max {
        return FleetAnswer::Saturated;
    }
    let likely = likely.clamp(lower, max);
    let Some(mut outcome) = try_fleet(likely) else {
        return least_fleet(likely.saturating_add(1), max, try_fleet);
    };
    let mut n = likely;
    while n > lower {
        let Some(better) = try_fleet(n - 1) else { break };
        (n, outcome) = (n - 1, better);
    }
    FleetAnswer::Fleet { n, outcome }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_least_and_tries_few() {
        for (lower, max, least) in [
            (0, 512, 1),
            (1, 512, 1),
            (3, 512, 3),
            (3, 512, 100),
            (1, 512, 512),
            (7, 7, 7),
            (1, 512, 513),
            (8, 7, 1),
        ] {
            let mut n_tries = 0;
            let found = least_fleet(lower, max, |n| {
                n_tries += 1;
                assert!((lower.max(1)..=max).contains(&n));
                (n >= least).then_some(n * 10)
            });
            let expected = if least.max(lower) <= max {
                FleetAnswer::Fleet { n: least, outcome: least * 10 }
            } else {
                FleetAnswer::Saturated
            };
            assert_eq!(found, expected, "{lower} {max} {least}");
            assert!(n_tries <= 20, "{n_tries}");
        }
    }

    #[test]
    fn begun_anywhere_the_answer_is_the_same() {
        for (likely, max, least, most_tries) in
            [(5, 512, 5, 2), (1, 512, 1, 1), (4, 512, 2, 4), (2, 512, 90, 16), (600, 512, 512, 2)]
        {
            let mut n_tries = 0;
            let mut trial = |n: u32| {
                n_tries += 1;
                (n >= least).then_some(n * 10)
            };
            let found = least_fleet_near(likely, (1, max), &mut trial);
            assert_eq!(found, least_fleet(1, max, |n| (n >= least).then_some(n * 10)));
            assert!(n_tries <= most_tries, "{likely}: {n_tries}");
        }
        assert_eq!(least_fleet_near(3, (1, 8), |_| None::<u32>), FleetAnswer::Saturated);
        let known = least_fleet_near(2, (4, 8), |n| {
            assert!(n >= 4, "{n} is known to be too few");
            Some(n)
        });
        assert_eq!(known, FleetAnswer::Fleet { n: 4, outcome: 4 });
        assert_eq!(least_fleet_near(2, (9, 8), Some), FleetAnswer::Saturated);
    }
}
