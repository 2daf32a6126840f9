//! Which workloads to put together on whole instances, and on which of their GPUs.

use std::collections::{BTreeMap, BTreeSet};

/// A workload that may share instances.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Item {
    /// GPUs of all its replicas.
    pub(super) gpus: u32,
    /// GPUs of one.
    pub(super) replica: u32,
    /// What it costs apart, in the unit of the price.
    pub(super) value: i128,
}

/// Workloads on instances of their own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Choice {
    /// Instances.
    pub(super) instances: u32,
    /// Places of the workloads in the list, ascending.
    pub(super) members: Vec<usize>,
    /// What they cost apart less the instances.
    pub(super) gain: i128,
}

/// GPUs in a row on one instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seat {
    /// Place of the workload in the list.
    pub(super) member: usize,
    /// Which instance, from 0 on.
    pub(super) instance: u32,
    /// The first of the GPUs.
    pub(super) first: u32,
    /// How many.
    pub(super) gpus: u32,
}

impl Item {
    /// What is left for others to share when its own GPUs fill as many whole instances as they can:
    /// the GPUs over, and the value less those instances.
    fn over(&self, size: u32, price: i128) -> (u32, i128) {
        let whole = i128::from(self.gpus / size);
        (self.gpus % size, self.value - whole * price)
    }

    /// Whether its replicas leave no gap on instances of this size beside others like it.
    pub(super) fn packs(&self, size: u32) -> bool {
        self.replica.is_power_of_two() && size.is_multiple_of(self.replica)
    }
}

/// The two or more workloads that save the most on `k` instances of `size` GPUs at `price` each:
/// the largest `sum(value) - k x price` with `sum(gpus) <= k x size`; nothing where none is above 0.
/// On one instance replicas of any size fit beside each other; on several only those whose GPUs are a
/// power of two that divides the instance, which pack without a gap. Who fills whole instances shares
/// none, and who costs no more apart than the whole instances it fills is better off apart.
///
/// 4 GPUs worth 20,439.27 and 4 worth 40,157.30 on one instance of 8 at 40,157.30: a gain of 20,439.27.
pub(super) fn best(items: &[Item], size: u32, price: i128) -> Option<Choice> {
    let over = |only: &dyn Fn(&Item) -> bool| -> Vec<(usize, u32, i128)> {
        let all = items.iter().enumerate().filter(|it| only(it.1));
        let over = all.map(|(at, it)| (at, it.over(size, price)));
        over.filter(|(_, (gpus, value))| *gpus > 0 && *value > 0)
            .map(|(at, (gpus, value))| (at, gpus, value))
            .collect()
    };
    let (small, even) = (over(&|it| it.gpus < size), over(&|it| it.packs(size)));
    let total = even.iter().map(|it| it.1).sum();
    let found = [fill(&small, size, (size, price)), fill(&even, total, (size, price))];
    let (members, _) = found.into_iter().flatten().reduce(|a, b| if b.1 > a.1 { b } else { a })?;
    let all = || members.iter().map(|at| items[*at]);
    let instances = all().map(|it| it.gpus).sum::<u32>().div_ceil(size);
    let gain = all().map(|it| it.value).sum::<i128>() - i128::from(instances) * price;
    (gain > 0).then_some(Choice { instances, members, gain })
}

/// Members counted up to two.
const COUNTS: usize = 3;

/// Exact, by the number of GPUs used: the most value of items of so many GPUs, none, one, or two and
/// more of them.
fn fill(
    items: &[(usize, u32, i128)],
    capacity: u32,
    (size, price): (u32, i128),
) -> Option<(Vec<usize>, i128)> {
    let capacity = capacity as usize;
    let mut best: Vec<[Option<i128>; COUNTS]> = vec![[None; COUNTS]; capacity + 1];
    best[0][0] = Some(0);
    // For each item, GPUs and count: the count before it was taken; nothing where it was not.
    let mut taken: Vec<Vec<[Option<usize>; COUNTS]>> = Vec::new();
    for (_, gpus, value) in items {
        let gpus = *gpus as usize;
        let mut steps = vec![[None; COUNTS]; capacity + 1];
        for used in (gpus..=capacity).rev() {
            for (from, to) in [(0, 1), (1, 2), (2, 2)] {
                let Some(sum) = best[used - gpus][from].map(|it| it + value) else { continue };
                if best[used][to].is_none_or(|it| sum > it) {
                    best[used][to] = Some(sum);
                    steps[used][to] = Some(from);
                }
            }
        }
        taken.push(steps);
    }
    let gain = |used: usize| {
        let instances = used.div_ceil(size as usize) as i128;
        best[used][COUNTS - 1].map(|value| (used, value - instances * price))
    };
    let (mut used, gain) =
        (0..=capacity).filter_map(gain).reduce(|a, b| if b.1 > a.1 { b } else { a })?;
    let (mut count, mut members) = (COUNTS - 1, Vec::new());
    for ((at, gpus, _), steps) in items.iter().zip(&taken).rev() {
        if let Some(from) = steps[used][count] {
            members.push(*at);
            used -= *gpus as usize;
            count = from;
        }
    }
    members.reverse();
    Some((members, gain))
}

/// Gives each workload its GPUs, the largest replicas first, whole on the fullest instance that has
/// room for it, else replica by replica; nothing where they do not fit.
pub(super) fn place(items: &[Item], size: u32, instances: u32) -> Option<Vec<Seat>> {
    let mut order: Vec<(usize, &Item)> = items.iter().enumerate().collect();
    order.sort_by_key(|(at, it)| (std::cmp::Reverse((it.replica, it.gpus)), *at));
    let mut used: Vec<u32> = vec![0; instances as usize];
    let mut seats: Vec<Seat> = Vec::new();
    for (member, item) in order {
        let whole = fullest(&used, size, item.gpus);
        let block = if whole.is_some() { item.gpus } else { item.replica };
        for _ in 0..item.gpus / block.max(1) {
            let at = fullest(&used, size, block)?;
            let (instance, first) = (u32::try_from(at).ok()?, used[at]);
            used[at] += block;
            match seats.last_mut().filter(|it| (it.member, it.instance) == (member, instance)) {
                Some(seat) => seat.gpus += block,
                None => seats.push(Seat { member, instance, first, gpus: block }),
            }
        }
    }
    Some(seats)
}

/// The instance with the least room that is enough.
fn fullest(used: &[u32], size: u32, gpus: u32) -> Option<usize> {
    let fits = used.iter().enumerate().filter(|(_, used)| size - **used >= gpus);
    fits.max_by_key(|(at, used)| (**used, std::cmp::Reverse(*at))).map(|it| it.0)
}

/// The groups that have no instance in common.
pub(super) fn groups(seats: &[Seat]) -> Vec<Vec<Seat>> {
    // The group of an instance is named by its lowest instance.
    let mut group: BTreeMap<u32, u32> = seats.iter().map(|it| (it.instance, it.instance)).collect();
    let members: BTreeSet<usize> = seats.iter().map(|it| it.member).collect();
    for member in members {
        let of_member = seats.iter().filter(|it| it.member == member);
        let joined: BTreeSet<u32> = of_member.map(|it| group[&it.instance]).collect();
        let Some(lowest) = joined.first() else { continue };
        group.values_mut().filter(|it| joined.contains(it)).for_each(|it| *it = *lowest);
    }
    let mut found: BTreeMap<u32, Vec<Seat>> = BTreeMap::new();
    for seat in seats {
        found.entry(group[&seat.instance]).or_default().push(*seat);
    }
    found.into_values().collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn item(gpus: u32, replica: u32, value: i128) -> Item {
        Item { gpus, replica, value }
    }

    #[test]
    fn the_worked_example() {
        let items = [item(4, 1, 2_043_927), item(4, 4, 4_015_730)];
        let choice = best(&items, 8, 4_015_730).unwrap();
        assert_eq!(choice, Choice { instances: 1, members: vec![0, 1], gain: 2_043_927 });
        let seat = |member, first| Seat { member, instance: 0, first, gpus: 4 };
        assert_eq!(place(&items, 8, 1), Some(vec![seat(1, 0), seat(0, 4)]));
    }

    #[test]
    fn who_shares() {
        let check = |items: &[(u32, u32, i128)], expected: Option<(u32, &[usize], i128)>| {
            let items: Vec<Item> = items.iter().map(|it| item(it.0, it.1, it.2)).collect();
            let found = best(&items, 8, 100).map(|it| (it.instances, it.members, it.gain));
            let expected = expected.map(|(n, members, gain)| (n, members.to_vec(), gain));
            assert_eq!(found, expected, "{items:?}");
        };
        // Apart they cost less than the instance.
        check(&[(3, 1, 40), (4, 1, 50)], None);
        // One is worth an instance by itself: nobody shares.
        check(&[(8, 8, 150)], None);
        check(&[(4, 1, 150)], None);
        check(&[(8, 8, 150), (8, 8, 150)], None);
        check(&[(3, 1, 60), (4, 1, 50)], Some((1, &[0, 1], 10)));
        // The one that is worth the least has no room.
        check(&[(3, 3, 60), (4, 1, 50), (3, 3, 70)], Some((1, &[0, 2], 30)));
        // 12 GPUs fill one instance and leave four of the next.
        check(&[(12, 4, 190), (4, 4, 30)], Some((2, &[0, 1], 20)));
        check(&[(12, 4, 100), (4, 4, 90)], None);
        // Five each: three on two instances, where their replicas are of one GPU.
        check(&[(5, 1, 80), (5, 1, 80), (5, 1, 80)], Some((2, &[0, 1, 2], 40)));
        check(&[(5, 5, 80), (5, 5, 80), (5, 5, 80)], None);
    }

    #[test]
    fn groups_have_no_instance_in_common() {
        let items = [item(5, 1, 1), item(3, 1, 1), item(4, 4, 1), item(4, 4, 1)];
        let seats = place(&items, 8, 2).unwrap();
        let groups = groups(&seats);
        assert_eq!(groups.len(), 2, "{groups:?}");
        // The middle one of three of five is on both instances, which makes them one group.
        let seats = place(&[item(5, 1, 1), item(5, 1, 1), item(5, 1, 1)], 8, 2).unwrap();
        assert_eq!(super::groups(&seats).len(), 1);
    }

    /// Items with whole replicas of 1, 2, 3, 4 or 8 GPUs.
    fn any_item() -> impl Strategy<Value = Item> {
        let replica = prop_oneof![Just(1_u32), Just(2), Just(3), Just(4), Just(8)];
        (replica, 1_u32..6, 1_i128..300)
            .prop_map(|(replica, n, value)| item(replica * n, replica, value))
    }

    /// The largest gain of any two or more that may share, by trying all.
    fn by_brute_force(items: &[Item], size: u32, price: i128) -> i128 {
        let gain = |subset: u32| -> Option<i128> {
            let chosen: Vec<&Item> =
                (0..).zip(items).filter(|it| subset >> it.0 & 1 == 1).map(|it| it.1).collect();
            let gpus: u32 = chosen.iter().map(|it| it.gpus).sum();
            let instances = gpus.div_ceil(size);
            let fits = instances == 1
                || chosen
                    .iter()
                    .all(|it| it.replica.is_power_of_two() && size.is_multiple_of(it.replica));
            let shares = |it: &&Item| {
                !it.gpus.is_multiple_of(size) && it.value > i128::from(it.gpus / size) * price
            };
            let value: i128 = chosen.iter().map(|it| it.value).sum();
            let may = chosen.len() > 1 && fits && chosen.iter().all(shares);
            may.then(|| value - i128::from(instances) * price)
        };
        (0..1_u32 << items.len()).filter_map(gain).max().unwrap_or(0).max(0)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]

        #[test]
        fn no_other_choice_saves_more(
            items in prop::collection::vec(any_item(), 0..=8),
            size in prop_oneof![Just(2_u32), Just(4), Just(8)],
            price in 1_i128..500,
        ) {
            let found = best(&items, size, price);
            let gain = found.as_ref().map_or(0, |it| it.gain);
            prop_assert_eq!(gain, by_brute_force(&items, size, price));
            let Some(found) = found else { return Ok(()) };
            // Every replica has GPUs of its own.
            let chosen: Vec<Item> = found.members.iter().map(|at| items[*at]).collect();
            let seats = place(&chosen, size, found.instances).unwrap();
            let mut of: BTreeMap<usize, u32> = BTreeMap::new();
            let mut gpus: BTreeSet<(u32, u32)> = BTreeSet::new();
            for seat in &seats {
                *of.entry(seat.member).or_default() += seat.gpus;
                for gpu in seat.first..seat.first + seat.gpus {
                    prop_assert!(seat.instance < found.instances && gpu < size);
                    prop_assert!(gpus.insert((seat.instance, gpu)), "{:?}", &seats);
                }
            }
            let placed: Vec<u32> = of.into_values().collect();
            prop_assert_eq!(placed, chosen.iter().map(|it| it.gpus).collect::<Vec<_>>());
            prop_assert_eq!(groups(&seats).iter().map(Vec::len).sum::<usize>(), seats.len());
        }
    }
}
