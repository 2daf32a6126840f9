//! The sums by decision, and promises against what came of them.

use proptest::prelude::*;

use super::fixture::{report, usd};
use super::machine::parts;
use crate::ingest::{Decision, DecisionState, Decisions, Promise, UnitThen};
use crate::report::model::*;
use crate::report::{chart_files, prometheus, respect, weeks};
use crate::units::{Currency, Money, Timestamp};

fn as_of() -> Timestamp {
    Timestamp::parse("2026-11-01", chrono_tz::Tz::UTC).unwrap()
}

fn decision(advice: &str, workload: &str, state: DecisionState) -> Decision {
    Decision {
        advice: advice.to_owned(),
        workload: workload.to_owned(),
        state,
        owner: None,
        due: None,
        reason: None,
        decided: None,
        promise: None,
    }
}

fn decided(list: Vec<Decision>) -> ReportModel {
    let mut report = report();
    respect(&mut report, &Decisions { list }, (as_of(), 20.0)).unwrap();
    report
}

/// Any state, or none; the days are around the day of the report.
fn any_state() -> impl Strategy<Value = Option<DecisionState>> {
    let day = |it: u32| format!("2026-11-{it:02}").parse().unwrap();
    prop_oneof![
        Just(None),
        Just(Some(DecisionState::Accepted)),
        Just(Some(DecisionState::Rejected)),
        Just(Some(DecisionState::Done)),
        (1..4_u32).prop_map(move |it| Some(DecisionState::Snoozed(day(it)))),
    ]
}

proptest! {
    #[test]
    fn the_sums_are_what_is_identified_to_the_last_digit(
        states in prop::collection::vec(any_state(), 4),
        savings in prop::collection::vec(0..10_i128.pow(30), 4),
    ) {
        let mut report = report();
        let amounts: Vec<Money> =
            savings.iter().map(|it| Money::from_atto(*it, Currency::USD)).collect();
        report.totals.monthly_savings = Money::sum(amounts.clone(), Currency::USD).unwrap();
        let mut list = Vec::new();
        for ((workload, saving), state) in report.workloads.iter_mut().zip(&amounts).zip(&states) {
            workload.advice.monthly_savings = *saving;
            list.extend(state.map(|it| decision(&workload.advice.id, &workload.name, it)));
        }
        respect(&mut report, &Decisions { list }, (as_of(), 20.0)).unwrap();
        let sums = &report.portfolio.savings_by_decision;
        let parts = [sums.open, sums.approved, sums.rejected, sums.snoozed];
        prop_assert_eq!(Money::sum(parts, Currency::USD).unwrap(), report.totals.monthly_savings);
        prop_assert_eq!(sums.identified, report.totals.monthly_savings);
        prop_assert_eq!(sums.asked_for, sums.open.checked_add(sums.approved).unwrap());
    }
}

/// With the larger saving, 11,875.05, rejected, 1,286.70 are asked for of a month of 77,142.49.
#[test]
fn with_the_advice_means_what_is_asked_for_in_every_format() {
    let (mut report, id) = (report(), report().workloads[0].advice.id.clone());
    let name = report.workloads[0].name.clone();
    report.portfolio.interval.clone_from(&report.workloads[0].advice.interval);
    report.portfolio.probability_of_loss = Some(0.0);
    let all = parts(&report);
    let list = vec![decision(&id, &name, DecisionState::Rejected)];
    respect(&mut report, &Decisions { list }, (as_of(), 20.0)).unwrap();
    let sums = &report.portfolio.savings_by_decision;
    assert_eq!((sums.asked_for, sums.monthly_cost_after), (usd("1286.70"), Some(usd("75855.79"))));

    let metrics = prometheus::render(&report);
    for line in [
        "gpuadvise_recommended_monthly_cost_usd 75855.79",
        "gpuadvise_monthly_savings_usd{decision=\"rejected\"} 11875.05",
        "gpuadvise_monthly_savings_usd{decision=\"open\"} 1286.70",
    ] {
        assert!(metrics.lines().any(|it| it == line), "{line}: {metrics}");
    }

    let sheets = parts(&report);
    for (sheet, formulas) in [
        (
            "sheet1",
            [
                ("SUM('Workloads'!$X$2:$X$5)", "13161.75"),
                ("SUM('Workloads'!$Y$2:$Y$5)", "1286.7"),
                ("SUM('Workloads'!$Z$2:$Z$5)", "75855.79"),
            ],
        ),
        (
            "sheet2",
            [
                ("SUBTOTAL(109,X2:X5)", "13161.75"),
                ("SUBTOTAL(109,Y2:Y5)", "1286.7"),
                ("SUBTOTAL(109,Z2:Z5)", "75855.79"),
            ],
        ),
    ] {
        let text = &sheets[&format!("xl/worksheets/{sheet}.xml")];
        for (formula, sum) in formulas {
            assert!(text.contains(&format!("<f>{formula}</f><v>{sum}</v>")), "{formula}: {text}");
        }
    }
    let summary = &sheets["xl/worksheets/sheet1.xml"];
    let numbers = |it: &str| it.matches("<v>").count();
    // The range and the chance of a loss are of all advice.
    assert_eq!(numbers(&all["xl/worksheets/sheet1.xml"]) - numbers(summary), 3);

    let charts = chart_files(&report).unwrap();
    let chart = charts.iter().find(|it| it.stem == "report-savings").unwrap().svg();
    assert!(
        chart.contains("1 action ") && chart.contains("S2 ") && !chart.contains("S1 "),
        "{chart}"
    );
    let page = super::super::html::render(&report).unwrap();
    assert!(page.contains("With what is asked for") && !page.contains("With all advice"));
}

#[test]
fn no_decision_changes_nothing() {
    let (mut before, after) = (report(), decided(Vec::new()));
    weeks::plan(&mut before, as_of(), 20.0).unwrap();
    let json = |it: &ReportModel| serde_json::to_string(it).unwrap();
    assert_eq!(json(&before), json(&after));
}

#[test]
fn a_snooze_ends_on_its_day_and_a_due_day_is_over_after_it() {
    let check = |state, due: Option<&str>, expected: (CountsAs, bool), notices: usize| {
        let it = Decision { due: due.map(|it| it.parse().unwrap()), ..decision("a1", "x", state) };
        let report = decided(vec![it]);
        let all = report.workloads.iter();
        let shown = all.filter_map(|it| it.advice.decision.as_ref()).collect::<Vec<_>>();
        assert_eq!(shown.len(), 1);
        assert_eq!((shown[0].counts_as, shown[0].overdue), expected, "{state:?} {due:?}");
        assert_eq!(report.notices.len(), 1 + notices, "{:?}", report.notices);
    };
    let snoozed = |day: &str| DecisionState::Snoozed(day.parse().unwrap());
    check(snoozed("2026-11-02"), None, (CountsAs::Snoozed, false), 0);
    check(snoozed("2026-11-01"), None, (CountsAs::Open, false), 1);
    check(DecisionState::Accepted, Some("2026-11-01"), (CountsAs::Approved, false), 0);
    check(DecisionState::Accepted, Some("2026-10-31"), (CountsAs::Approved, true), 1);
    check(DecisionState::Accepted, None, (CountsAs::Approved, false), 0);
    check(DecisionState::Rejected, None, (CountsAs::Rejected, false), 0);
    check(DecisionState::Done, None, (CountsAs::Open, false), 1);
}

#[test]
fn what_is_realised_is_at_the_traffic_of_then() {
    let name = report().workloads[0].name.clone();
    let check = |workload: &str,
                 cost: Option<&str>,
                 then: Option<(&str, &str)>,
                 now: Option<&str>,
                 expected: Result<&str, &str>| {
        let unit = then.map(|(cost, unit)| UnitThen { unit: unit.to_owned(), cost: usd(cost) });
        let promise = Promise { monthly_savings: usd("300"), monthly_cost: cost.map(usd), unit };
        let list = vec![Decision {
            promise: Some(promise),
            ..decision("a-gone", workload, DecisionState::Done)
        }];
        let mut report = report();
        report.workloads[0].baseline.unit_cost =
            UnitCost { per_million_tokens: now.map(usd), ..UnitCost::default() };
        respect(&mut report, &Decisions { list }, (as_of(), 20.0)).unwrap();
        let it = &report.portfolio.promises[0];
        assert_eq!(it.realised_monthly_savings, expected.ok().map(usd));
        assert_eq!(it.not_known.as_deref(), expected.err());
    };
    let tokens = Some(("4.00", "1M tokens"));
    check(&name, Some("1000"), tokens, Some("3.00"), Ok("250"));
    check(&name, Some("1000"), tokens, Some("5.00"), Ok("-250"));
    check(&name, Some("1000"), tokens, Some("0.00"), Ok("1000"));
    // A third of the cost, to 10^-9.
    check(
        &name,
        Some("1000"),
        Some(("30000000000", "1M tokens")),
        Some("20000000000"),
        Ok("333.333333333"),
    );
    check(&name, Some("1000"), tokens, None, Err("what 1M tokens costs now is not known"));
    check(
        &name,
        Some("1000"),
        Some(("4.00", "image")),
        Some("3.00"),
        Err("what image costs now is not known"),
    );
    // Nothing tells its traffic: a month cost 20,036.12.
    check(&name, Some("30000"), None, Some("3.00"), Ok("9963.88"));
    check(&name, None, tokens, Some("3.00"), Err("its cost was not known when it was decided"));
    check("gone", Some("1000"), tokens, Some("3.00"), Err("the data no longer have the workload"));
    // What was to save all of it was stopped.
    check("gone", Some("300"), None, None, Ok("300"));
    check(&name, Some("1000"), tokens, Some("-1.00"), Err("credits exceed what it costs now"));
}

/// What a promise came to, in a window of 744 hours that ends with the day of the report.
#[test]
fn a_promise_has_a_first_day_both_sums_and_a_reason() {
    let make = |state, decided: &str, advice: &str| {
        let mut report = report();
        let name = report.workloads[0].name.clone();
        (report.totals.window_start, report.totals.window_end) =
            ("2026-10-01T00:00:00Z".to_owned(), "2026-11-01T00:00:00Z".to_owned());
        report.time_zone = "UTC".to_owned();
        report.workloads[0].baseline.monthly_cost = Some(usd("1500"));
        report.workloads[0].baseline.unit_cost =
            UnitCost { per_million_tokens: Some(usd("3.00")), ..UnitCost::default() };
        let unit = UnitThen { unit: "1M tokens".to_owned(), cost: usd("4.00") };
        let promise = Promise {
            monthly_savings: usd("300"),
            monthly_cost: Some(usd("1000")),
            unit: Some(unit),
        };
        let list = vec![Decision {
            promise: Some(promise),
            decided: Some(decided.parse().unwrap()),
            ..decision(advice, &name, state)
        }];
        respect(&mut report, &Decisions { list }, (as_of(), 20.0)).unwrap();
        report.portfolio.promises.remove(0)
    };
    // 730 hours are 30 days and 10 hours; what is saved is the mean of all 744 of the window.
    let done = make(DecisionState::Done, "2026-10-02", "a-gone");
    let to_date = done.to_date.unwrap();
    assert_eq!((to_date.since.as_str(), to_date.months), ("2026-10-02", 0.986_301));
    assert_eq!(
        (to_date.promised, to_date.realised),
        (usd("295.890410959"), Some(usd("254.794520548")))
    );
    assert_eq!(done.bill_moved_by_traffic, Some(usd("750")));
    assert!(done.why.unwrap().contains("a unit costs less than then"));
    // What is older than the window is in an earlier report.
    let older = make(DecisionState::Done, "2026-09-01", "a-gone").to_date.unwrap();
    assert_eq!(older.realised, None);
    assert!(older.not_known.unwrap().contains("before 2026-10-01"));
    let later = make(DecisionState::Accepted, "2026-12-01", "a-gone").to_date.unwrap();
    assert_eq!((later.months, later.promised, later.realised), (0.0, usd("0"), Some(usd("0"))));
    let open = make(DecisionState::Accepted, "2026-10-02", "a1");
    assert_eq!(open.why.as_deref(), Some("not done, or undone: its advice still comes up"));
    assert!(make(DecisionState::Rejected, "2026-10-02", "a1").to_date.is_none());
}
