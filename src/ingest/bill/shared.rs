//! A row of a machine divided between those who held its GPUs: each by GPUs and time, of the GPUs
//! and the time that the machine was there.

/// A machine, or a set of machines, that several workloads hold parts of.
pub(super) struct Shared {
    /// Who held it when.
    pub(super) shares: Vec<Share>,
    /// When it was there.
    pub(super) lives: Vec<Life>,
    /// The booking of the rest.
    pub(super) rest: u32,
}

/// A part of a machine that a workload held.
pub(super) struct Share {
    /// Parts of GPUs held.
    pub(super) held: u64,
    /// Parts of GPUs there are.
    pub(super) of: u64,
    /// From then, in microseconds.
    pub(super) from: i64,
    /// Until then.
    pub(super) to: i64,
    /// The booking.
    pub(super) booking: u32,
}

/// When a machine was there.
pub(super) struct Life {
    /// Parts of GPUs it has.
    pub(super) gpus: u64,
    /// From then, in microseconds.
    pub(super) from: i64,
    /// Until then.
    pub(super) to: i64,
}

/// What part of a row a booking and those before it have together.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Portion {
    pub(super) booking: u32,
    pub(super) numerator: u64,
    pub(super) denominator: u64,
}

/// Microseconds of a span within a row.
fn overlap((from, to): (i64, i64), (start, end): (i64, i64)) -> u128 {
    let us = i128::from(to.min(end)) - i128::from(from.max(start));
    u128::try_from(us).unwrap_or(0)
}

impl Shared {
    /// The portions of a row in order, the last at most the whole. `billed`: parts of GPUs times
    /// microseconds that the row charges, where it tells them.
    pub(super) fn portions(&self, row: (i64, i64), billed: Option<u128>) -> Vec<Portion> {
        let lived = self.lives.iter();
        let lived: u128 =
            lived.map(|it| u128::from(it.gpus) * overlap((it.from, it.to), row)).sum();
        // Rows end and hours are rounded where they like: what was held did run.
        let of = match billed.filter(|it| *it > 0 && *it < lived) {
            Some(billed) => billed.max(self.occupied(row)),
            None => lived,
        };
        let mut up_to = 0;
        let portion = |share: &Share| {
            let held = u128::from(share.held) * overlap((share.from, share.to), row);
            up_to += held;
            let (numerator, denominator) = fraction(up_to, of);
            (held > 0).then_some(Portion { booking: share.booking, numerator, denominator })
        };
        self.shares.iter().filter_map(portion).collect()
    }

    /// GPUs times microseconds of a row while anyone held any of them.
    fn occupied(&self, (start, end): (i64, i64)) -> u128 {
        let within = |it: &&Share| it.from < end && start < it.to;
        let shares: Vec<&Share> = self.shares.iter().filter(within).collect();
        let mut cuts: Vec<i64> =
            shares.iter().flat_map(|it| [it.from.max(start), it.to.min(end)]).collect();
        cuts.sort_unstable();
        cuts.dedup();
        let pieces = cuts.iter().zip(cuts.iter().skip(1));
        let occupied = pieces.map(|(from, to)| {
            let active = shares.iter().filter(|it| it.from <= *from && *to <= it.to);
            let gpus = active.map(|it| it.of).max().unwrap_or(0);
            u128::from(gpus) * overlap((*from, *to), (start, end))
        });
        occupied.sum()
    }
}

/// A fraction in small numbers, rounded down where it has none.
fn fraction(numerator: u128, denominator: u128) -> (u64, u64) {
    /// Amounts of 10^-18 are multiplied by it within 128 bits.
    const MOST: u128 = 1 << 62;
    if numerator == 0 || denominator == 0 {
        return (0, 1);
    }
    let divisor = gcd(numerator, denominator);
    let (mut numerator, mut denominator) = (numerator / divisor, denominator / divisor);
    while denominator > MOST {
        (numerator, denominator) = (numerator >> 1, denominator.div_ceil(2));
    }
    let small = |it: u128| u64::try_from(it).unwrap_or(u64::MAX);
    (small(numerator.min(denominator)), small(denominator))
}

fn gcd(mut a: u128, mut b: u128) -> u128 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000_000;
    const HOUR_US: u128 = 3_600_000_000;

    fn share(held: u64, from: i64, to: i64, booking: u32) -> Share {
        Share { held, of: 8, from: from * HOUR, to: to * HOUR, booking }
    }

    /// Portions of a day of one machine of 8 GPUs.
    fn of_day(shares: Vec<Share>, from: i64, billed: Option<u128>) -> Vec<(u32, u64, u64)> {
        let life = Life { gpus: 8, from: from.saturating_mul(HOUR), to: i64::MAX };
        let shared = Shared { shares, lives: vec![life], rest: 9 };
        let found = shared.portions((0, 24 * HOUR), billed.map(|it| it * HOUR_US));
        found.into_iter().map(|it| (it.booking, it.numerator, it.denominator)).collect()
    }

    #[test]
    fn a_row_is_divided_by_the_time_the_machine_was_there() {
        let half_day = || vec![share(8, 12, 24, 1)];
        assert_eq!(of_day(half_day(), i64::MIN, None), [(1, 1, 2)]);
        assert_eq!(of_day(half_day(), 12, None), [(1, 1, 1)]);
        // It came at 6 and was free until noon: 12 of 18 h.
        assert_eq!(of_day(half_day(), 6, None), [(1, 2, 3)]);
        // 12 machine-hours of 8 GPUs; 16 of them; more than a day has.
        assert_eq!(of_day(half_day(), i64::MIN, Some(96)), [(1, 1, 1)]);
        assert_eq!(of_day(half_day(), i64::MIN, Some(128)), [(1, 3, 4)]);
        assert_eq!(of_day(half_day(), i64::MIN, Some(999)), [(1, 1, 2)]);
        // It came at noon and the row bills the whole day: the time it was there.
        assert_eq!(of_day(half_day(), 12, Some(192)), [(1, 1, 1)]);
        // Nothing billed says nothing.
        assert_eq!(of_day(half_day(), i64::MIN, Some(0)), [(1, 1, 2)]);
    }

    #[test]
    fn shares_never_exceed_the_whole() {
        // Half of the GPUs from 0 to 18 beside a quarter from 6 to 18, of 12 h billed: it ran 18 h.
        // 4 x 18 of 8 x 18, and 2 x 12 of 8 x 18: 1/2, and 1/2 + 1/6.
        let shares = vec![share(4, 0, 18, 1), share(2, 6, 18, 2)];
        assert_eq!(of_day(shares, i64::MIN, Some(96)), [(1, 1, 2), (2, 2, 3)]);
        // One after the other with a gap: 3 h and 5 h of 12 h billed: 1/4, and 1/4 + 5/12.
        let shares = vec![share(8, 0, 3, 1), share(8, 10, 15, 2)];
        assert_eq!(of_day(shares, i64::MIN, Some(96)), [(1, 1, 4), (2, 2, 3)]);
        // Outside of the row.
        assert_eq!(of_day(vec![share(8, 24, 30, 1)], i64::MIN, None), []);
    }

    #[test]
    fn a_set_counts_the_gpus_it_had() {
        // Two machines of 2 GPUs, the second from 6: 2 x 24 + 2 x 18 = 84 GPU-hours. One GPU of the
        // first is held from 0: 6 GPU-hours, 24 in all.
        let life = |from: i64| Life { gpus: 2, from: from * HOUR, to: i64::MAX };
        let part = |of: u64, from: i64, to: i64| Share { of, ..share(1, from, to, 1) };
        let shares = vec![part(2, 0, 6), part(4, 6, 24)];
        let shared = Shared { shares, lives: vec![life(0), life(6)], rest: 9 };
        let found = shared.portions((0, 24 * HOUR), None);
        let parts: Vec<_> = found.iter().map(|it| (it.numerator, it.denominator)).collect();
        assert_eq!(parts, [(1, 14), (2, 7)]);
    }

    #[test]
    fn large_fractions_stay_below_the_whole() {
        let prime = (1u128 << 89) - 1;
        let (a, of) = fraction(prime / 2, prime);
        let (b, of_b) = fraction(prime - prime / 2, prime);
        assert!(of == of_b && of <= 1 << 62 && a + b <= of && a + b + 2 >= of);
        assert_eq!(fraction(prime, prime), (1, 1));
        assert_eq!(fraction(0, 5), (0, 1));
    }
}
