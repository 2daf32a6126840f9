//! Pools worked by hand, and the laws every pool keeps.

use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;
use crate::catalog::Catalog;
use crate::units::Period;
use crate::workload::{ActivityBin, CountBin, CountSeries};

static LIMITS: LazyLock<Limits> = LazyLock::new(|| Catalog::embedded().unwrap().assumptions.waste);

/// Monday 2026-10-05.
const START_S: i64 = 1_791_158_400;

fn hour(at: usize) -> Period {
    let start = Timestamp::from_s(START_S + 3600 * i64::try_from(at).unwrap());
    Period::new(start, start.plus_us(HOUR_US)).unwrap()
}

fn member(name: &str, values: Vec<Option<f64>>, unit: HourlyUnit) -> PoolMember {
    let start = Timestamp::from_s(START_S);
    let hourly = HourlySeries { start, values, unit, spread: false, relative: false };
    PoolMember {
        name: name.to_owned(),
        gpu: Some("L40S".to_owned()),
        provider: Some("aws".to_owned()),
        region: None,
        demanded: Demanded { hourly: Packed::of(&hourly), source: PoolSource::Activity },
    }
}

fn gpus(name: &str, n: usize, level: impl Fn(usize) -> f64) -> PoolMember {
    member(name, (0..n).map(|at| Some(level(at))).collect(), HourlyUnit::Gpus)
}

fn pools(members: &[PoolMember]) -> Vec<Pool> {
    pooling(members, Tz::UTC, &LIMITS)
}

fn close(found: Option<f64>, expected: f64) {
    assert!((found.unwrap() - expected).abs() < 1e-9, "{found:?} {expected}");
}

#[test]
fn day_and_night_share() {
    let by_day = |at: usize| if (8..20).contains(&(at % 24)) { 4.0 } else { 0.0 };
    let found = pools(&[gpus("night", 168, |at| 4.0 - by_day(at)), gpus("day", 168, by_day)]);
    let [pool] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!(pool.hours, 168);
    close(pool.sum_of_peaks, 8.0);
    close(pool.peak_of_sum, 4.0);
    close(pool.gpus_saved, 4.0);
    close(pool.p99_of_sum, 4.0);
    close(pool.pairs[0].correlation, -1.0);
    close(pool.pairs[0].peak_ratio, 0.5);
    assert_eq!(pool.pairs[0].names, ["day", "night"]);
    assert_eq!(pool.peaks[0].usual, Some((0, 8)));
    assert_eq!(pool.peaks[1].at, Timestamp::from_s(START_S));
}

#[test]
fn requests_are_not_added_and_a_week_is_needed() {
    let busy = |at: usize| Some((at % 7) as f64);
    let asked = |name, n| member(name, (0..n).map(busy).collect(), HourlyUnit::Requests);
    let found = pools(&[asked("a", 200), asked("b", 190), asked("c", 100)]);
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].sum_of_peaks, found[0].gpus_saved), (None, None));
    close(found[0].pairs[0].correlation, 1.0);
    assert_eq!((found[0].pairs[0].peak_ratio, found[0].hours), (None, 190));
    assert_eq!(found[0].left_out, ["c"]);
    assert!(pools(&[asked("a", 200), asked("c", 167)]).is_empty());
    // Different units, GPUs or regions do not share.
    let mut elsewhere = gpus("d", 200, |_| 1.0);
    elsewhere.region = Some("eu".to_owned());
    assert!(pools(&[asked("a", 200), gpus("b", 200, |_| 1.0), elsewhere]).is_empty());
}

#[test]
fn the_worked_percentile() {
    let values: Vec<f64> = (0..=200).map(f64::from).collect();
    close(Some(p99(&values)), 198.0);
    let row = |values| Row::of(0, 1.0, values);
    assert_eq!(row(&[1.0, 1.0]).correlation(&row(&[1.0, 2.0])), None);
}

#[test]
fn the_pairs_of_very_many_are_those_of_the_largest() {
    // The first and the last are the largest, and ask at other times.
    let n = MOST_PAIRED + 50;
    let values = |of: usize| -> Vec<f64> {
        let is_large = of == 0 || of == n - 1;
        (0..200)
            .map(|at| {
                if is_large { f64::from(u8::from(at % 2 == of % 2)) * 9.0 } else { (at % 5) as f64 }
            })
            .collect()
    };
    let members: Vec<PoolMember> = (0..n)
        .map(|of| {
            let values = values(of);
            gpus(&format!("w{of:04}"), 200, move |at| values[at])
        })
        .collect();
    let found = pools(&members);
    assert_eq!(found[0].peaks.len(), n);
    assert_eq!(found[0].pairs.len(), MOST_PAIRS);
    assert_eq!(found[0].pairs[0].names, ["w0000".to_owned(), format!("w{:04}", n - 1)]);
    close(found[0].pairs[0].peak_ratio, 0.5);
}

/// The best pairs are the first of all pairs in order.
#[test]
fn the_best_pairs_are_the_first_of_all() {
    let value = |of: usize, at: usize| ((of * 7 + at * (of + 3)) % 11) as f64;
    let rows: Vec<Vec<f64>> =
        (0..12).map(|of| (0..168).map(|at| value(of, at)).collect()).collect();
    for unit in [HourlyUnit::Gpus, HourlyUnit::Requests] {
        let members: Vec<PoolMember> = rows
            .iter()
            .enumerate()
            .map(|(of, row)| {
                member(&format!("w{of}"), row.iter().copied().map(Some).collect(), unit)
            })
            .collect();
        let mut all = Vec::new();
        for (at, a) in rows.iter().enumerate() {
            for (other, b) in rows.iter().enumerate().skip(at + 1) {
                let sum: Vec<f64> = a.iter().zip(b).map(|(a, b)| a + b).collect();
                let ratio = largest(&sum) / (largest(a) + largest(b));
                let ratio = if unit == HourlyUnit::Gpus { ratio } else { 1.0 };
                let correlation = Row::of(0, 1.0, a).correlation(&Row::of(0, 1.0, b));
                all.push((ratio, correlation.unwrap_or(1.0), [at, other]));
            }
        }
        all.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
        let members: Vec<&PoolMember> = members.iter().collect();
        let most: Vec<f64> = rows.iter().map(|it| largest(it)).collect();
        let of = most_paired(&most).into_iter().map(|at| (at, most[at], rows[at].clone()));
        let of: Vec<(usize, f64, Vec<f64>)> = of.collect();
        let found: Vec<[String; 2]> =
            pairs(&members, &of, unit).into_iter().map(|it| it.names).collect();
        let expected: Vec<[String; 2]> =
            all[..MOST_PAIRS].iter().map(|it| it.2.map(|at| format!("w{at}"))).collect();
        assert_eq!(found, expected);
    }
}

#[test]
fn activity_before_need_before_a_bill_that_varies_before_requests() {
    let n = 168;
    let window = hour(0).cover(hour(n - 1));
    let bin = |at| CountBin {
        period: hour(at),
        requests: 3,
        prompt_tokens: None,
        completion_tokens: None,
        interarrival_cv: None,
    };
    let bins = (0..n).map(bin).collect();
    let mut it =
        Workload::of_demand(Demand::Counts(CountSeries { bins, width_us: HOUR_US }), window);
    let source = |it: &Workload| PoolMember::of(it, Tz::UTC).map(|it| it.demanded.source);
    assert_eq!(source(&it), Some(PoolSource::Requests));
    let level = |at: usize, step: f64| LevelBin { period: hour(at), gpus: 2.0 + step };
    let billed = |bins| Some(LevelSeries { bins, width_us: HOUR_US, absent_is_zero: true });
    it.billed_level = billed((0..n).map(|at| level(at, 0.0)).collect());
    assert_eq!(source(&it), Some(PoolSource::Requests), "a constant bill says nothing");
    it.billed_level = billed((0..n).map(|at| level(at, (at % 2) as f64)).collect());
    assert_eq!(source(&it), Some(PoolSource::Billed));
    it.activity = vec![ActivityBin { period: hour(0), gpus: 2.0, active: 0.5 }];
    assert_eq!(source(&it), Some(PoolSource::Activity));
}

proptest! {
    #[test]
    fn a_pool_needs_no_more_than_its_parts_and_no_less_than_one(
        rows in proptest::collection::vec(proptest::collection::vec(0_u32..50, 24), 2..5),
    ) {
        let of = |(at, row): (usize, &Vec<u32>)| {
            gpus(&format!("w{at}"), 192, |hour| f64::from(row[(hour * 7 + hour / 24) % 24]) / 4.0)
        };
        let members: Vec<_> = rows.iter().enumerate().map(of).collect();
        let found = pools(&members);
        let (sum, peak) = (found[0].sum_of_peaks.unwrap(), found[0].peak_of_sum.unwrap());
        let single = found[0].peaks.iter().map(|it| it.peak).fold(0.0, f64::max);
        prop_assert!(single <= peak + 1e-9 && peak <= sum + 1e-9);
        prop_assert!(found[0].gpus_saved.unwrap() >= 0.0);
        for pair in &found[0].pairs {
            prop_assert!(pair.peak_ratio.is_none_or(|it| (0.5 - 1e-9..=1.0 + 1e-9).contains(&it)));
        }
        let mut reversed = members.clone();
        reversed.reverse();
        prop_assert_eq!(pools(&reversed), found);
    }

    #[test]
    fn identical_demand_gains_nothing(row in proptest::collection::vec(0_u32..50, 24), n in 2_usize..5) {
        let of = |at: usize| gpus(&format!("w{at}"), 168, |hour| f64::from(row[hour % 24]));
        let found = pools(&(0..n).map(of).collect::<Vec<_>>());
        prop_assert!((found[0].peak_of_sum.unwrap() - found[0].sum_of_peaks.unwrap()).abs() < 1e-6);
        prop_assert!(found[0].gpus_saved.unwrap().abs() < 1e-9);
    }
}
