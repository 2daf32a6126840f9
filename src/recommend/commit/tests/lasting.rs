//! Who does not last for a term, and who wants none.

use super::super::member::Until;
use super::*;

fn leaves(name: &str, months: u32, by_use: &Offer) -> Member {
    let until = Some(Until { months, what: "ends on 1 Feb 2027".to_owned() });
    Member { until, ..member(name, by_use, &[1; 28 * 24]) }
}

fn stays(name: &str, by_use: &Offer) -> Member {
    member(name, by_use, &[1; 28 * 24])
}

#[test]
fn one_that_leaves_is_left_out_of_the_longer_term_and_blocks_nobody() {
    let (catalog, payg) = catalog(&[(3, "3"), (12, "1.5")]);
    let policy = Policy::default();
    let members = vec![stays("a", &payg), leaves("s", 3, &payg)];
    let all = found(members, &[], (&catalog, &policy));
    let told: Vec<_> = all
        .groups
        .iter()
        .map(|it| (it.workloads.join(" "), it.without.join(" "), it.terms.len()))
        .collect();
    let without = "s, which ends on 1 Feb 2027".to_owned();
    assert_eq!(told, [("a s".to_owned(), String::new(), 1), ("a".to_owned(), without, 1)]);
    let [short, long] = [&all.groups[0].terms[0], &all.groups[1].terms[0]];
    assert_eq!([(short.months, short.chosen_n), (long.months, long.chosen_n)], [(3, 2), (12, 1)]);
    // 2.50 x 730 of one saves more than 1.00 x 730 of two.
    assert_eq!(
        (short.best, long.best, usd(long.chosen.saving)),
        (false, true, "1825.00".to_owned())
    );
    assert_eq!(long.not_allowed, None);
}

#[test]
fn where_all_leave_the_term_is_not_allowed() {
    let (catalog, payg) = catalog(&[(12, "2")]);
    let policy = Policy::default();
    let members = vec![leaves("a", 1, &payg), leaves("s", 3, &payg)];
    let all = found(members, &[], (&catalog, &policy));
    let [case] = all.groups[0].terms.as_slice() else { panic!("{:?}", all.groups) };
    let why = "no demand is left to judge it on without a, which ends on 1 Feb 2027; s, which ends on 1 Feb 2027";
    assert_eq!((case.not_allowed.as_deref(), case.best, case.chosen_n), (Some(why), false, 2));
}

#[test]
fn a_renewal_is_judged_on_who_stays() {
    let (catalog, payg) = catalog(&[(12, "2")]);
    let policy = Policy::default();
    let year = ["2026-01-01", "2027-01-01"];
    let check = |members: Vec<Member>, n: u32, without: usize, is_allowed: bool| {
        let all = found(members, &[held("x", 3, "2.5", year)], (&catalog, &policy));
        let it = &all.held[0];
        // What leaves uses it until then.
        assert_eq!(it.used.unwrap().0, 3 * 672 * HOUR);
        let again = it.renewal.as_ref().unwrap();
        assert_eq!((again.n, again.without.len()), (n, without));
        assert_eq!(again.not_allowed.is_none(), is_allowed);
    };
    let all = |last| vec![stays("a", &payg), stays("b", &payg), last];
    check(all(stays("s", &payg)), 3, 0, true);
    check(all(leaves("s", 3, &payg)), 2, 1, true);
    let gone = ["a", "b", "c"].map(|it| leaves(it, 3, &payg)).to_vec();
    check(gone, 0, 0, false);
}

/// Of 1.00 an hour for each of two instances, one is left after the year.
#[test]
fn money_per_hour_is_judged_on_who_stays() {
    let (mut catalog, payg) = catalog(&[]);
    catalog.offers.push(offer(Purchase::FlexCommitment { months: 12 }, "1", &payg));
    let policy = Policy::default();
    let check = |last: Member, price: &str, without: usize| {
        let members = vec![stays("a", &payg), last];
        let all = found(members, &[], (&catalog, &policy));
        let [case] = all.spend.as_slice() else { panic!("{:?}", all.spend) };
        assert!(case.allowed);
        assert_eq!((case.chosen.per_hour, case.without.len()), (rate(price), without));
    };
    check(stays("s", &payg), "2", 0);
    check(leaves("s", 3, &payg), "1", 1);
    let gone = vec![leaves("s", 3, &payg)];
    assert!(found(gone, &[], (&catalog, &policy)).spend.is_empty());
}

/// Who rejected its advice to commit uses what is held, and no more is bought for it.
#[test]
fn what_was_rejected_is_not_asked_for_again() {
    let (catalog, payg) = catalog(&[(12, "2")]);
    let policy = Policy::default();
    let year = ["2026-01-01", "2027-01-01"];
    let check = |rejected: usize, n: u32, again: u32, said: &str| {
        let mut members = ["a", "b", "c"].map(|it| stays(it, &payg)).to_vec();
        members.iter_mut().take(rejected).for_each(|it| it.is_rejected = true);
        let all = found(members.clone(), &[], (&catalog, &policy));
        let case = &all.groups[0].terms[0];
        let bought = if case.best { case.chosen_n } else { 0 };
        assert_eq!((bought, all.groups[0].without.join("; ")), (n, said.to_owned()));
        let with = found(members, &[held("x", 3, "2.5", year)], (&catalog, &policy));
        assert_eq!(with.held[0].used.unwrap().0, 3 * 672 * HOUR);
        assert_eq!(with.held[0].renewal.as_ref().unwrap().n, again);
    };
    check(0, 3, 3, "");
    check(1, 2, 2, "a, which is not to commit, as was decided");
    // Nobody is left: what it would save is shown, and not marked.
    check(3, 0, 0, "");
}

/// What nobody used is in the demand, so whose it is stands beside the case and the renewal.
#[test]
fn hours_that_nobody_used_are_named() {
    let (catalog, payg) = catalog(&[(12, "2")]);
    let policy = Policy::default();
    let cost = Money::parse("1116", Currency::USD).ok();
    let idle = Member { unused: cost, ..stays("mix", &payg) };
    let year = ["2026-01-01", "2027-01-01"];
    let all =
        found(vec![stays("a", &payg), idle], &[held("x", 1, "2.5", year)], (&catalog, &policy));
    let told = |it: &[UnusedHours]| -> Vec<(String, String)> {
        it.iter().map(|it| (it.workload.clone(), usd(it.cost))).collect()
    };
    let expected = [("mix".to_owned(), "1116.00".to_owned())];
    assert_eq!(told(&all.groups[0].unused_hours), expected);
    assert_eq!(told(&all.held[0].renewal.as_ref().unwrap().unused_hours), expected);
}

#[test]
fn only_confirmed_hours_without_use_count() {
    use crate::classify::{Waste, WasteKind};
    let finding = |kind, confirmed, cost: &str| Waste {
        kind,
        workload: None,
        confirmed,
        cost: Money::parse(cost, Currency::USD).ok(),
        gpu_hours: None,
        evidence: String::new(),
        action: String::new(),
        owner: None,
    };
    let check = |all: &[Waste], expected: Option<&str>| {
        let found = super::super::member::unused(all).map(usd);
        assert_eq!(found.as_deref(), expected);
    };
    check(&[], None);
    check(&[finding(WasteKind::OffHours, false, "5")], None);
    check(&[finding(WasteKind::OverProvisioned, true, "5")], None);
    let both = [
        finding(WasteKind::OffHours, true, "5"),
        finding(WasteKind::UnusedCommitment, true, "1116"),
    ];
    check(&both, Some("1121.00"));
}

/// Three GPUs are priced on an instance of four, and may be on three of one that is held; a fourth is not used
/// at all where all fit.
#[test]
fn the_use_of_what_nobody_can_be_laid_on_is_not_known() {
    let (mut catalog, payg) = catalog(&[(12, "2")]);
    let four = Offer { instance_type: "four".to_owned(), gpu_count: 4, ..payg.clone() };
    catalog.offers.extend([payg.clone(), four.clone()]);
    let policy = Policy::default();
    let year = ["2026-01-01", "2027-01-01"];
    let check = |odd_gpus: Option<u32>, region: &str, used: Option<u64>| {
        let mut on_four = Member { odd_gpus, ..stays("a", &four) };
        on_four.instance.region = region.to_owned();
        let all = found(vec![on_four], &[held("x", 1, "2.5", year)], (&catalog, &policy));
        let it = &all.held[0];
        assert_eq!(it.used.map(|it| it.0), used);
        assert_eq!(it.not_known.is_some(), used.is_none(), "{:?}", it.not_known);
    };
    check(Some(3), "here", None);
    check(Some(3), "there", Some(0));
    check(None, "here", Some(0));
    // What is used up is known, whoever else runs there.
    let both = vec![stays("b", &payg), Member { odd_gpus: Some(3), ..stays("a", &four) }];
    let all = found(both, &[held("x", 1, "2.5", year)], (&catalog, &policy));
    assert_eq!(all.held[0].used.unwrap().0, 672 * HOUR);
}

/// A provider sells a plan for another GPU: what runs there may be covered, and no list says so.
#[test]
fn the_use_of_a_plan_without_a_price_is_not_known() {
    let (mut catalog, payg) = catalog(&[]);
    let other = Offer {
        instance_type: "other".to_owned(),
        gpu_label: "other".to_owned(),
        ..offer(Purchase::FlexCommitment { months: 12 }, "1", &payg)
    };
    catalog.offers.push(other);
    let policy = Policy::default();
    let plans = [plan("plan", "3", YEAR)];
    let all = found(vec![stays("a", &payg)], &plans, (&catalog, &policy));
    assert_eq!(all.held[0].used, None);
    let why = "no price list has a price under the plan for what runs at test: a";
    assert_eq!(all.held[0].not_known.as_deref(), Some(why));
    // Where nobody runs at the provider none of it is used.
    let none = found(Vec::new(), &plans, (&catalog, &policy));
    assert_eq!((none.held[0].used.unwrap().0, none.held[0].not_known.as_ref()), (0, None));
}
