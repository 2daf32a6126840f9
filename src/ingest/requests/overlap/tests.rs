//! Copies and overlaps are told from what chance gives.

use super::super::log::Record;
use super::*;
use crate::units::TokenCounts;

const SECOND_US: i64 = 1_000_000;

/// A request: microseconds, prompt, completion.
type Row = (i64, u64, u64);

/// Pseudo-random numbers, the same in every run.
fn random(seed: u64, n: u64) -> u64 {
    hash_of((seed, n))
}

/// `n` requests from a second on, one every `every_us` on average, in steps of `step_us`, of a few
/// thousand lengths.
fn service(seed: u64, (from_s, n): (i64, u64), every_us: u64, step_us: i64) -> Vec<Row> {
    let mut at_us = from_s * SECOND_US;
    let rows = (0..n).map(|it| {
        at_us += (random(seed, it) % (2 * every_us)).cast_signed();
        let prompt = random(seed + 1, it) % 3000;
        (at_us.div_euclid(step_us) * step_us, prompt, random(seed + 2, it) % 500)
    });
    rows.collect()
}

fn sketch(rows: &[Row], has_id: bool) -> Sketch {
    added(Sketch::default(), rows, has_id)
}

fn added(mut sketch: Sketch, rows: &[Row], has_id: bool) -> Sketch {
    for (at_us, prompt, completion) in rows {
        let tokens = Some(TokenCounts { prompt: *prompt, completion: *completion });
        let record = Record { at_us: *at_us, tokens, ..Record::default() };
        sketch.add(&record, &Labels::default(), has_id);
    }
    sketch
}

/// What two files have in common, whichever is read first.
fn overlap(a: &[Row], b: &[Row]) -> Option<Overlap> {
    let read = |files: [(&str, &[Row]); 2]| {
        let mut all = Sketches::default();
        let [first, second] =
            files.map(|(name, rows)| all.close(name, RequestFormat::Generic, &sketch(rows, false)));
        assert_eq!(first, []);
        assert!(second.len() <= 1);
        second.into_iter().next()
    };
    let (one, other) = (read([("a", a), ("b", b)]), read([("b", b), ("a", a)]));
    let seen = |it: &Option<Overlap>| it.as_ref().map(|it| (it.verdict, it.percent()));
    assert_eq!(seen(&one), seen(&other));
    one
}

#[track_caller]
fn check(a: &[Row], b: &[Row], expected: Option<(Verdict, std::ops::RangeInclusive<f64>)>) {
    let found = overlap(a, b);
    match expected {
        None => assert_eq!(found, None),
        Some((verdict, share)) => {
            let found = found.expect("an overlap");
            assert_eq!(found.verdict, verdict, "{found:?}");
            assert!(share.contains(&found.share), "{found:?}");
        }
    }
}

#[test]
fn a_copy_is_told_whatever_its_times_and_size() {
    for (n, every_us, step_us) in
        [(20, 3 * 1_000_000, SECOND_US), (5000, 700_000, SECOND_US), (100_000, 20_000, 1000)]
    {
        let rows = service(1, (0, n), every_us, step_us);
        let mut turned = rows.clone();
        turned.reverse();
        check(&rows, &turned, Some((Verdict::Same, 1.0..=1.0)));
    }
}

#[test]
fn an_overlap_is_told_by_its_share_of_the_smaller() {
    let month = service(1, (0, 60_000), 1_000_000, 1000);
    // Twenty of thirty days, one day of thirty, and the last third with a tenth in common.
    check(&month[..40_000], &month, Some((Verdict::Same, 1.0..=1.0)));
    check(&month[30_000..32_000], &month, Some((Verdict::Same, 1.0..=1.0)));
    check(&month[..22_000], &month[20_000..], Some((Verdict::Beyond, 0.07..=0.11)));
    check(&month[..30_000], &month[30_000..], None);
    // A second log of the same service that was cut at another place.
    check(&month[..30_000], &month[10_000..], Some((Verdict::Same, 0.6..=0.72)));
}

#[test]
fn part_files_of_servers_are_no_copies() {
    for (every_us, step_us) in [(700_000, SECOND_US), (20_000, SECOND_US), (20_000, 1000)] {
        let servers = [1, 100].map(|it| service(it, (0, 20_000), every_us, step_us));
        check(&servers[0], &servers[1], None);
    }
}

#[test]
fn rows_that_say_little_are_no_proof() {
    // One request a second, or two, of one length: two servers under a load test.
    let steady =
        |every_us: i64| -> Vec<Row> { (0..2000).map(|it| (it * every_us, 512, 128)).collect() };
    for every_us in [SECOND_US, SECOND_US / 2] {
        let found = overlap(&steady(every_us), &steady(every_us)[..1990]);
        assert_eq!(found, None);
        // All of them: the reader is told, and decides.
        check(&steady(every_us), &steady(every_us), Some((Verdict::AllAlike, 1.0..=1.0)));
    }
    // A length for an hour, each hour another.
    let hours: Vec<Row> =
        (0..7200).map(|it| (it * SECOND_US, 512 + (it / 300).cast_unsigned(), 128)).collect();
    check(&hours, &hours[..7100], None);
    // Few rows.
    let few = service(1, (0, 3), 1_000_000, SECOND_US);
    check(&few, &few, Some((Verdict::AllAlike, 1.0..=1.0)));
    check(&few, &few[..2], None);
}

#[test]
fn ids_of_one_format_have_told_already() {
    let rows = service(1, (0, 1000), 1_000_000, 1000);
    let with = |formats: [RequestFormat; 2], has_id: bool| {
        let mut all = Sketches::default();
        all.close("a", formats[0], &sketch(&rows, true));
        all.close("b", formats[1], &sketch(&rows, has_id)).len()
    };
    let (one, other) = (RequestFormat::LiteLlm, RequestFormat::Generic);
    assert_eq!((with([one, one], true), with([one, one], false)), (0, 1));
    assert_eq!(with([one, other], true), 1);
}

#[test]
fn parts_of_a_file_make_its_sample() {
    let mut rows = service(1, (1000, 6000), 1_000_000, SECOND_US);
    rows.extend_from_within(5990..);
    let whole = format!("{:?}", sketch(&rows, false));
    for at in [0, 1, 4000, 5995, rows.len()] {
        let (first, second) = rows.split_at(at);
        for told in [false, true] {
            let mut found = sketch(first, false);
            let part = if told { found.part() } else { Sketch::default() };
            found.absorb(added(part, second, false));
            assert_eq!(format!("{found:?}"), whole, "{at}");
        }
    }
}
