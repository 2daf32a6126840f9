//! From the traces as their authors publish them to the formats that `describe` reads.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Read as _;
use std::path::Path;

use chrono_tz::Tz;
use gpuadvise::units::Timestamp;

/// Header of a usage table of requests.
const COUNTS: &str = "period_start,period_end,workload,requests,interarrival_cv\n";
/// Header of a usage table of GPUs.
const LEVELS: &str = "period_start,period_end,workload,gpu_count\n";
/// Header of a request log.
const REQUESTS: &str = "timestamp,workload,prompt_tokens,completion_tokens\n";

/// The text of a file, unpacked where its name ends in gz.
fn text(path: &Path) -> String {
    let bytes = std::fs::read(path).unwrap();
    if path.extension().is_none_or(|it| it != "gz") {
        return String::from_utf8(bytes).unwrap();
    }
    let mut text = String::new();
    flate2::read::GzDecoder::new(bytes.as_slice()).read_to_string(&mut text).unwrap();
    text
}

/// Seconds since the epoch of a wall clock without a zone, taken as UTC as the reference does.
fn seconds(wall_clock: &str) -> f64 {
    Timestamp::parse(wall_clock, Tz::UTC).unwrap().us() as f64 / 1e6
}

fn time(s: i64) -> String {
    Timestamp::from_s(s).to_rfc3339()
}

/// Windows of ten minutes of ServeGen's clients, under the names the reference gives them, and of
/// all of them together: requests = rate x 600, exactly whole; the variation of the gaps is known
/// from two requests on.
pub(super) fn servegen(path: &Path, client: &str, all: &str) -> String {
    let mut table = COUNTS.to_owned();
    let mut sums: BTreeMap<i64, (f64, f64, f64)> = BTreeMap::new();
    let mut row = |name: &str, start: i64, requests: f64, cv: Option<f64>| {
        let cv = cv.map(|it| it.to_string()).unwrap_or_default();
        writeln!(table, "{},{},{name},{requests},{cv}", time(start), time(start + 600)).unwrap();
    };
    for line in text(path).lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        let start: i64 = cells[1].parse().unwrap();
        let requests = (cells[2].parse::<f64>().unwrap() * 600.0).round();
        let cv = cells[3].parse().ok().filter(|_| requests >= 2.0);
        row(&format!("{client}{}", cells[0]), start, requests, cv);
        let sum = sums.entry(start).or_default();
        sum.0 += requests;
        if let Some(cv) = cv {
            sum.1 += requests;
            sum.2 += requests * cv;
        }
    }
    for (start, (requests, with_cv, weighted)) in sums {
        row(all, start, requests, (with_cv > 0.0).then(|| weighted / with_cv));
    }
    table
}

/// Mooncake's requests, spread evenly inside the ticks of its clock: the k-th of n at (k - 1/2) / n
/// of the 3 s.
pub(super) fn mooncake_spread(path: &Path, name: &str) -> String {
    let mut ticks: BTreeMap<i64, i64> = BTreeMap::new();
    for line in text(path).lines() {
        let row: serde_json::Value = serde_json::from_str(line).unwrap();
        *ticks.entry(row["timestamp"].as_i64().unwrap() * 1000).or_default() += 1;
    }
    let mut log = REQUESTS.to_owned();
    for (tick_us, n) in ticks {
        for k in 0..n {
            let at_us = tick_us + 3_000_000 * (2 * k + 1) / (2 * n);
            let at = chrono::DateTime::from_timestamp_micros(at_us).unwrap();
            writeln!(log, "{},{name},1,1", at.format("%Y-%m-%dT%H:%M:%S%.6fZ")).unwrap();
        }
    }
    log
}

/// Requests per minute of the first 675 functions, from columns to rows. A minute without a request
/// has no row, but for the first and the last of the day, which say how long it was watched. The
/// reference names a function by the first 16 digits of its hash.
pub(super) fn azure_functions(path: &Path) -> String {
    let mut table = COUNTS.to_owned();
    for line in text(path).lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        for (minute, requests) in (0_i64..).zip(&cells[3..]) {
            if *requests != "0" || minute == 0 || minute == 1439 {
                let (from, to) = (time(minute * 60), time(minute * 60 + 60));
                writeln!(table, "{from},{to},{},{requests},", &cells[0][..16]).unwrap();
            }
        }
    }
    table
}

/// GPUs in use per minute of Helios' virtual clusters.
pub(super) fn helios(folder: &Path, names: &[String]) -> String {
    let mut table = LEVELS.to_owned();
    for name in names {
        let text = text(&folder.join(format!("{name}.csv.gz")));
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let column = reader.headers().unwrap().iter().position(|it| it == "running_gpu_num");
        for row in reader.records().map(Result::unwrap) {
            let start = seconds(&row[0]) as i64;
            let gpus = &row[column.unwrap()];
            writeln!(table, "{},{},{name},{gpus}", time(start), time(start + 60)).unwrap();
        }
    }
    table
}

/// Samples of five minutes. Their clocks are up to 2 minutes off the five, and stood an hour back
/// once (11 samples of three files bear the time of another): a sample goes to the nearest five
/// minutes, as in the reference, and of several there the level is the mean. Rows of one period
/// would be summed as two pools of GPUs are.
pub(super) fn cloudwatch(folder: &Path, names: &[String], is_count: bool) -> String {
    let mut table = if is_count { COUNTS } else { LEVELS }.to_owned();
    for name in names {
        let mut samples: BTreeMap<i64, Vec<f64>> = BTreeMap::new();
        for line in text(&folder.join(format!("{name}.csv"))).lines().skip(1) {
            let (at, value) = line.split_once(',').unwrap();
            let at = (seconds(at) / 300.0 + 0.5).floor() as i64 * 300;
            samples.entry(at).or_default().push(value.trim().parse().unwrap());
        }
        for (at, values) in samples {
            let mean = values.iter().sum::<f64>() / values.len() as f64;
            let end = if is_count { "," } else { "" };
            writeln!(table, "{},{},{name},{mean}{end}", time(at), time(at + 300)).unwrap();
        }
    }
    table
}

/// The rows of a file of `CloudWatch` samples as they are, repeated times among them.
pub(super) fn cloudwatch_as_it_is(folder: &Path, name: &str) -> String {
    let mut table = LEVELS.to_owned();
    for line in text(&folder.join(format!("{name}.csv"))).lines().skip(1) {
        let (at, value) = line.split_once(',').unwrap();
        let at = seconds(at) as i64;
        writeln!(table, "{},{},{name},{value}", time(at), time(at + 300)).unwrap();
    }
    table
}

/// A job of Philly.
pub(super) struct Job {
    at: f64,
    duration_s: f64,
    gpus: f64,
    cluster: String,
}

pub(super) fn philly(path: &Path) -> Vec<Job> {
    let job = |line: &str| {
        let cells: Vec<&str> = line.split(',').collect();
        Job {
            at: seconds(cells[0]),
            duration_s: cells[1].parse().unwrap(),
            gpus: cells[2].parse().unwrap(),
            cluster: cells[4].to_owned(),
        }
    };
    text(path).lines().skip(1).filter(|it| !it.is_empty()).map(job).collect()
}

/// Submissions from one date to before another, of a name for each job.
pub(super) fn submissions(
    jobs: &[Job],
    from: &str,
    to: &str,
    name: impl Fn(&str) -> String,
) -> String {
    let mut log = REQUESTS.to_owned();
    for it in jobs.iter().filter(|it| (seconds(from)..seconds(to)).contains(&it.at)) {
        writeln!(log, "{},{},1,1", time(it.at as i64), name(&it.cluster)).unwrap();
    }
    log
}

/// Mean GPUs demanded per minute: from a job's time on for its duration.
pub(super) fn gpus_demanded(jobs: &[Job], from: &str, to: &str, name: &str) -> String {
    let (start, end) = (seconds(from), seconds(to));
    let mut gpu_s = vec![0.0; ((end - start) / 60.0) as usize];
    for it in jobs {
        let (mut at, until) = ((it.at - start).max(0.0), (it.at + it.duration_s).min(end) - start);
        while at < until {
            let minute = (at / 60.0).floor();
            let next = ((minute + 1.0) * 60.0).min(until);
            gpu_s[minute as usize] += it.gpus * (next - at);
            at = next;
        }
    }
    let mut table = LEVELS.to_owned();
    for (minute, gpu_s) in (0_i64..).zip(gpu_s) {
        let at = start as i64 + minute * 60;
        writeln!(table, "{},{},{name},{}", time(at), time(at + 60), gpu_s / 60.0).unwrap();
    }
    table
}
