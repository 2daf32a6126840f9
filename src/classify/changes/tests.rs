//! Steps that must be found, and noise in which none may be.

use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;
use crate::catalog::Catalog;
use crate::classify::season::tests::noise;

fn limits() -> &'static Classify {
    static ALL: LazyLock<Classify> =
        LazyLock::new(|| Catalog::embedded().unwrap().assumptions.classify);
    &ALL
}

/// Days of 24 equal hours from Monday 2026-10-05 on.
fn days(values: &[f64]) -> HourlySeries {
    let start = Timestamp::parse("2026-10-05", Tz::UTC).unwrap();
    let values = values.iter().flat_map(|it| [Some(*it); 24]).collect();
    HourlySeries { start, values, ..HourlySeries::default() }
}

fn found(values: &[f64]) -> Changes {
    changes(&days(values), Tz::UTC, limits())
}

/// Standard normal, from two uniforms (Box and Muller).
fn normal(seed: u64, at: usize) -> f64 {
    let (u, v) = (noise(seed, 2 * at).max(1e-12), noise(seed, 2 * at + 1));
    (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
}

fn check(values: &[f64], expected: &[(ChangeKind, &str)]) {
    let found = found(values);
    let seen: Vec<(ChangeKind, String)> =
        found.all.iter().map(|it| (it.kind, it.at.to_date_string())).collect();
    let expected: Vec<(ChangeKind, String)> =
        expected.iter().map(|it| (it.0, it.1.to_owned())).collect();
    assert_eq!(seen, expected, "{values:?}");
}

#[test]
fn launches_ends_and_steps_are_found_on_their_day() {
    let level = |n: usize, value: f64| vec![value; n];
    check(&[level(10, 0.0), level(10, 5.0)].concat(), &[(ChangeKind::Launch, "2026-10-15")]);
    check(&[level(10, 5.0), level(4, 0.0)].concat(), &[(ChangeKind::End, "2026-10-15")]);
    check(&[level(10, 5.0), level(10, 10.0)].concat(), &[(ChangeKind::StepUp, "2026-10-15")]);
    check(
        &[level(10, 9.0), level(10, 3.0), level(10, 9.0)].concat(),
        &[(ChangeKind::StepDown, "2026-10-15"), (ChangeKind::StepUp, "2026-10-25")],
    );
    check(&level(30, 4.0), &[]);
    check(&level(30, 0.0), &[]);
    // Too small to tell.
    check(&[level(15, 5.0), level(15, 6.0)].concat(), &[]);
    let step = found(&[level(10, 5.0), level(10, 10.0)].concat());
    assert_eq!((step.all[0].before, step.all[0].after), (5.0, 10.0));
    assert_eq!(
        step.all[0].words(Tz::UTC),
        "From 15 Oct 2026 on demand is 2 times what it was before."
    );
}

#[test]
fn weekends_and_growth_are_no_steps() {
    let weekends = |n: usize| (0..n).map(|at| if at % 7 < 5 { 7200.0 } else { 0.0 });
    check(&weekends(14).collect::<Vec<_>>(), &[]);
    check(&weekends(28).collect::<Vec<_>>(), &[]);
    let growth = |at: usize| 1000.0 + 33.0 * at as f64 + 10.0 * normal(3, at);
    check(&(0..60).map(growth).collect::<Vec<_>>(), &[]);
}

#[test]
fn a_step_is_no_growth() {
    let values: Vec<f64> =
        (0..40).map(|at| if at < 20 { 5.0 } else { 10.0 } + normal(1, at) / 5.0).collect();
    let found = found(&values);
    let since = found.trend_since_change.unwrap();
    assert!(since.low < 0.0 && since.high > 0.0, "{since:?}");
    let daily: Vec<Option<f64>> = values.iter().copied().map(Some).collect();
    assert!(trend_per_30d(&daily).unwrap().low > 0.0);
    let late = changes(&days(&values[..30]), Tz::UTC, limits());
    assert_eq!(late.trend_since_change, None);
    let why = late.trend_null_because.unwrap();
    assert_eq!(why, "needs 14 full days after the last change, has 10");
    let short = changes(&days(&values[..13]), Tz::UTC, limits());
    assert_eq!(short.null_because.as_deref(), Some("needs 14 full days, has 13"));
}

#[test]
fn worked_numbers_of_the_formulas() {
    assert_eq!(partition(&[1.0, 1.0, 1.0, 5.0, 5.0, 5.0], 1.0), [3]);
    assert!(partition(&[1.0, 1.0, 1.0, 5.0, 5.0, 5.0], 100.0).is_empty());
    // The deviation of 2 -2 2 -2 from their median 0.
    assert!((noise_of_alternation() - 1.4826 * 2.0 / 2_f64.sqrt()).abs() < 1e-12);
    assert!((median(vec![3.0, 1.0, 2.0, 10.0]) - 2.5).abs() < 1e-12);
}

fn noise_of_alternation() -> f64 {
    super::noise(&[1.0, 3.0, 1.0, 3.0, 1.0])
}

const WEEK: [f64; 7] = [1.1, 1.2, 1.2, 1.15, 1.0, 0.5, 0.45];

/// Shares of `n` series of each length with a change, of days made by `day(seed, at)`.
fn alarms(n: u64, day: impl Fn(u64, usize) -> f64) -> Vec<(usize, f64)> {
    let of = |length: usize| {
        let with = (0..n).filter(|seed| {
            let values: Vec<f64> = (0..length).map(|at| day(*seed, at)).collect();
            !found(&values).all.is_empty()
        });
        (length, with.count() as f64 / n as f64)
    };
    [14, 21, 35, 90].map(of).to_vec()
}

/// The value of a day, by seed and place.
type Day = fn(u64, usize) -> f64;

#[test]
fn noise_raises_no_alarm() {
    let cases: [(&str, Day); 4] = [
        ("log-normal", |seed, at| (0.3 * normal(seed, at)).exp()),
        ("weekly", |seed, at| WEEK[at % 7] * (0.1 * normal(seed, at)).exp()),
        ("weekly and noisy", |seed, at| WEEK[at % 7] * (0.3 * normal(seed, at)).exp()),
        // Poisson of mean 6 a day by exponential gaps.
        ("Poisson", |seed, at| {
            let mut time = 0.0;
            (0..60)
                .take_while(|k| {
                    time -= noise(seed, at * 64 + k).ln();
                    time < 6.0
                })
                .count() as f64
                / 24.0
        }),
    ];
    for (name, day) in cases {
        for (length, share) in alarms(200, day) {
            println!("{name}, {length} days: {share}");
            assert!(share <= 0.03, "{name}, {length} days: {share}");
        }
    }
}

#[test]
fn a_doubling_is_found_in_noise() {
    let mut n_found = 0;
    for seed in 0..200 {
        let values: Vec<f64> = (0..28)
            .map(|at| {
                WEEK[at % 7] * if at < 14 { 1.0 } else { 2.0 } * (0.1 * normal(seed, at)).exp()
            })
            .collect();
        let all = found(&values).all;
        n_found += usize::from(all.len() == 1 && all[0].at.to_date_string() == "2026-10-19");
    }
    println!("found {n_found} of 200");
    assert!(n_found >= 190, "{n_found} of 200");
}

proptest! {
    #[test]
    fn scale_is_no_matter(values in proptest::collection::vec(0.0_f64..50.0, 14..60), scale in 0.01_f64..1000.0) {
        let scaled: Vec<f64> = values.iter().map(|it| it * scale).collect();
        let at = |it: Changes| it.all.iter().map(|it| (it.at, it.kind)).collect::<Vec<_>>();
        prop_assert_eq!(at(found(&values)), at(found(&scaled)));
    }
}
