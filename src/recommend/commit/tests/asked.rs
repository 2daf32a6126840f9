//! What is declared, and what is asked about without anybody on it.

use super::*;
use crate::ingest::AskedCommitment;

#[test]
fn declared_is_what_runs_and_is_of_the_instance() {
    let (catalog, payg) = catalog(&[(12, "2.5")]);
    let policy = Policy::default();
    let context = context(&catalog, &policy);
    let committed = Member { is_committed: true, ..member("a", &payg, &[1]) };
    let runs = held("runs", 1, "2", ["2026-01-01", "2027-01-01"]);
    let over = held("over", 1, "2", ["2025-01-01", "2026-11-02"]);
    let other = HeldCommitment { region: "there".to_owned(), ..runs.clone() };
    let check = |it: &Member, all: &[&HeldCommitment], expected: bool| {
        let found = held::is_declared(it, all.iter().copied(), &context);
        assert_eq!(found, expected, "{all:?}");
    };
    check(&committed, &[], false);
    check(&committed, &[&over, &other], false);
    check(&committed, &[&over, &runs], true);
    // What is paid by use needs none.
    check(&member("a", &payg, &[1]), &[], true);
}

#[test]
fn what_nobody_runs_on_after_the_advice_is_judged_by_today() {
    let (catalog, payg) = catalog(&[(12, "2.5")]);
    let ask: AskedCommitment = "test/box/2".parse().unwrap();
    let policy = Policy { asked: vec![ask.clone()], ..Policy::default() };
    let context = context(&catalog, &policy);
    let today = || vec![member("a", &payg, &repeated(&[1, 0], 28 * 24))];
    let found = super::super::asked::by_today(&[&ask], today(), (&[], window(28)), context);
    let [it] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!(
        (&it.ask, it.months, it.workloads.as_slice()),
        (&ask, 12, ["a".to_owned()].as_slice())
    );
    // 2 x 2.50 in each of 8,760 hours, and of 730.
    assert_eq!([it.of_term, it.monthly].map(usd), ["43800.00", "3650.00"]);
    // Today it would carry 365 h at 4.00.
    assert_eq!(
        (usd(it.today.saving), it.today.utilization.unwrap().get()),
        ("-2190.00".to_owned(), 0.25)
    );
    // Who still runs on it has a case of its own.
    let idle = super::super::asked::idle_after(&[], &today(), (&[], window(28)), context);
    assert!(idle.is_empty(), "{idle:?}");
}
