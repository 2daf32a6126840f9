//! Fees and what they cover, worked by hand.

use super::*;
use crate::units::{Period, Timestamp, atto_from_text};

const HOUR: i64 = 3_600_000_000;
/// 2026-06-01T00:00Z in hours.
const JUNE: i64 = 494_088;

fn atto(text: &str) -> i128 {
    atto_from_text(text).unwrap()
}

/// An entry of a commitment at an hour of June, with its quantity.
fn entry(fate: Fate, who: &str, hour: i64, effective: Option<&str>, quantity: f64) -> Entry {
    let is_fee = fate == Fate::Purchase;
    let category = if is_fee { ChargeCategory::Purchase } else { ChargeCategory::Usage };
    let booking = Booking {
        workload: Some(who.to_owned()),
        commitment: Some("L4".to_owned()),
        commitment_used: (!is_fee).then_some(true),
        spread: true,
        ..Booking::empty(fate, Some(category), Currency::USD)
    };
    let effective = effective.map(atto);
    let costs = Costs { billed: effective.or(Some(0)), effective, ..Costs::default() };
    let nano_committed = i64::try_from(crate::ingest::bill::sums::nano(quantity).unwrap()).unwrap();
    let at = |it: i64| Timestamp::from_us((JUNE + it) * HOUR);
    Entry {
        booking: Arc::new(booking),
        period: Period::new(at(hour), at(hour + 1)).unwrap(),
        sums: Sums { nano_committed, ..Sums::of(costs, Some(quantity).filter(|_| !is_fee)) },
    }
}

fn fee(hour: i64, amount: &str, quantity: f64) -> Entry {
    entry(Fate::Purchase, "", hour, Some(amount), quantity)
}

fn covered(who: &str, hour: i64, quantity: f64) -> Entry {
    entry(Fate::Assigned, who, hour, None, quantity)
}

/// The effective costs afterwards by fate and workload, in the order of the entries, and what is told.
/// The sum of effective costs must stay what it was.
fn check(mut entries: Vec<Entry>, expected: &[(Fate, &str, Option<&str>)], notices: &[&str]) {
    entries.sort_by(|a, b| a.booking.cmp(&b.booking).then_with(|| a.period.cmp(&b.period)));
    let total = |it: &[Entry]| it.iter().map(|it| effective(&it.sums)).sum::<i128>();
    let before = total(&entries);
    let mut totals = BTreeMap::new();
    for it in &entries {
        let key = (Currency::USD, it.booking.category);
        totals.entry(key).or_insert_with(Sums::default).add(&it.sums).unwrap();
    }
    let found = spread_fees(&mut entries, &mut totals).unwrap();
    assert_eq!(found, notices);
    assert_eq!(total(&entries), before);
    for (key, sums) in &totals {
        let of = entries.iter().filter(|it| it.booking.category == key.1);
        assert_eq!(of.map(|it| effective(&it.sums)).sum::<i128>(), effective(sums), "{key:?}");
    }
    let found: Vec<_> = entries
        .iter()
        .map(|it| {
            let who = it.booking.workload.as_deref().unwrap_or_default();
            (it.booking.fate, who, it.sums.costs.effective)
        })
        .collect();
    let expected: Vec<_> =
        expected.iter().map(|(fate, who, cost)| (*fate, *who, cost.map(atto))).collect();
    assert_eq!(found, expected);
}

/// 70 for 100 hours; 45 and 15 are covered. Used 70 x 60 / 100 = 42, of which 45/60 are 31.5 and 15/60
/// are 10.5; unused 28.
#[test]
fn a_fee_goes_to_what_it_covers_and_the_rest_is_unused() {
    check(
        vec![fee(0, "70", 100.0), covered("a", 0, 45.0), covered("b", 5, 15.0)],
        &[
            (Fate::Assigned, "a", Some("31.5")),
            (Fate::Assigned, "b", Some("10.5")),
            (Fate::CommitmentUnused, "", Some("28")),
            (Fate::Purchase, "", Some("0")),
        ],
        &[],
    );
}

/// Fees of 10 and 20 for 10 hours each, all 20 used by three in parts that do not divide: 30 x 7/20 =
/// 10.5, 30 x 7/20, 30 x 6/20 = 9. One more hour than was bought costs no more than the fee.
#[test]
fn all_of_a_fee_is_used_at_most() {
    let fees = [fee(0, "10", 10.0), fee(24, "20", 10.0)];
    let spent = [(Fate::Purchase, "", Some("0")), (Fate::Purchase, "", Some("0"))];
    let uses = [covered("a", 0, 7.0), covered("b", 0, 7.0), covered("c", 0, 6.0)];
    let costs = [
        (Fate::Assigned, "a", Some("10.5")),
        (Fate::Assigned, "b", Some("10.5")),
        (Fate::Assigned, "c", Some("9")),
    ];
    check([&fees[..], &uses].concat(), &[&costs[..], &spent].concat(), &[]);
    let uses = [covered("a", 0, 20.0), covered("a", 1, 1.0)];
    // 30 x 20/21 = 28.571428571428571428, the last has what is left.
    let costs = [
        (Fate::Assigned, "a", Some("28.571428571428571428")),
        (Fate::Assigned, "a", Some("1.428571428571428572")),
    ];
    check([&fees[..], &uses].concat(), &[&costs[..], &spent].concat(), &[]);
}

/// Of 10 and 20 for 10 hours each 6 hours are used: 30 x 6/20 = 9, of which 3 are of the fee of 10 and
/// 6 of that of 20. Unused 7 and 14, each on its day.
#[test]
fn what_is_unused_stays_on_its_day() {
    check(
        vec![fee(0, "10", 10.0), fee(24, "20", 10.0), covered("a", 3, 6.0)],
        &[
            (Fate::Assigned, "a", Some("9")),
            (Fate::CommitmentUnused, "", Some("7")),
            (Fate::CommitmentUnused, "", Some("14")),
            (Fate::Purchase, "", Some("0")),
            (Fate::Purchase, "", Some("0")),
        ],
        &[],
    );
}

#[test]
fn a_fee_without_use_is_unused_and_use_without_a_fee_is_not_known() {
    check(
        vec![fee(0, "70", 100.0)],
        &[(Fate::CommitmentUnused, "", Some("70")), (Fate::Purchase, "", Some("0"))],
        &[],
    );
    // July begins after 720 hours: a fee of June is not that of July.
    let notice = "commitments cover 5.00 GPU-hours, or cores and memory beside them, and their fee is in none of \
                  these files, so that their cost is not known: 1 commitments";
    check(
        vec![fee(0, "70", 100.0), covered("a", 720, 5.0)],
        &[
            (Fate::Assigned, "a", None),
            (Fate::CommitmentUnused, "", Some("70")),
            (Fate::Purchase, "", Some("0")),
        ],
        &[notice],
    );
}

#[test]
fn a_fee_for_an_unknown_amount_is_used() {
    let notice = "fees that do not say how much was committed, so that all of it counts as used: 1 commitments";
    check(
        vec![fee(0, "70", 0.0), covered("a", 0, 5.0)],
        &[(Fate::Assigned, "a", Some("70")), (Fate::Purchase, "", Some("0"))],
        &[notice],
    );
}

/// A correction takes back 2 of 12 hours: 10 of 20 are used, 35 of 70, of which 12/10 less 2/10.
#[test]
fn corrections_take_back_their_share() {
    check(
        vec![fee(0, "70", 20.0), covered("a", 0, 12.0), covered("b", 1, -2.0)],
        &[
            (Fate::Assigned, "a", Some("42")),
            (Fate::Assigned, "b", Some("-7")),
            (Fate::CommitmentUnused, "", Some("35")),
            (Fate::Purchase, "", Some("0")),
        ],
        &[],
    );
    // A fee that is refunded with as much as it cost, and its use: nothing.
    check(
        vec![fee(0, "70", 20.0), fee(24, "-70", -20.0)],
        &[
            (Fate::CommitmentUnused, "", Some("70")),
            (Fate::CommitmentUnused, "", Some("-70")),
            (Fate::Purchase, "", Some("0")),
            (Fate::Purchase, "", Some("0")),
        ],
        &[],
    );
}
