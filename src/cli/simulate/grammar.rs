//! The little languages of `simulate`: each value in its words, each mistake with the grammar.

use crate::catalog::edit_distance;
use crate::simulate::{Delay, Gaps, Week};
use crate::units::{Currency, MoneyPerHour};

/// Longest time, seconds: a little over three years, inside what the engine can count.
const LONGEST_S: f64 = 1e8;
/// Most requests of a generator.
const MOST_REQUESTS: u64 = 10_000_000_000;

const ARRIVALS: &str = "poisson:RATE:N, gamma:RATE:CV:N, weibull:RATE:SHAPE:N, even:RATE:N or file";
const DELAY: &str = "const:S, exp:MEAN or mix:P:S1:S2 (S1 with probability P, else S2), in seconds";
const SERVICE: &str =
    "const:S, exp:MEAN, mix:P:S1:S2 or tokens[:PREFILL_TOKENS_PER_S:TPOT_S], in seconds";
/// Letters by which a word may differ to be taken for a policy.
const ALIKE: usize = 2;
/// Each policy with the form of its value, empty for none.
const POLICIES: [(&str, &str); 10] = [
    ("fixed", ":N"),
    ("queue-delay", ":S"),
    ("request-count", ":V"),
    ("knative", ":TARGET"),
    ("utilization", ":TARGET"),
    ("keda", ":TARGET"),
    ("busy-share", ""),
    ("pending", ""),
    ("per-request", ""),
    ("schedule", ":SPEC"),
];

/// Where requests come from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Arrivals {
    /// From chance.
    Generated {
        /// The gaps.
        gaps: Gaps,
        /// Requests a second.
        rate_per_s: f64,
        /// Requests in all.
        n: u64,
    },
    /// From the files.
    File,
}

/// How long a request takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Service {
    /// A time.
    Time(Delay),
    /// By its tokens, at rates that are given or follow from model and GPU.
    Tokens(Option<TokenRates>),
}

/// Rates of a replica.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TokenRates {
    /// Prompt tokens a second.
    pub prefill_per_s: f64,
    /// Seconds per completion token.
    pub tpot_s: f64,
}

/// What makes the fleet grow and shrink.
#[derive(Clone, Debug, PartialEq)]
pub enum Policy {
    /// So many replicas.
    Fixed(u32),
    /// A wait in microseconds starts a replica.
    QueueDelay(u64),
    /// Requests per replica.
    RequestCount(u32),
    /// Requests in flight per replica, of which Knative aims at its share.
    Knative(f64),
    /// Share of the slots that is aimed at.
    Utilization(f64),
    /// Requests in flight per replica.
    Keda(f64),
    /// The stepwise rule on the share of slots in service.
    BusyShare,
    /// The stepwise rule on requests in flight.
    Pending,
    /// One request per replica.
    PerRequest,
    /// By the clock.
    Schedule(Week),
}

pub(super) fn parse_arrivals(text: &str) -> Result<Arrivals, String> {
    if text == "file" {
        return Ok(Arrivals::File);
    }
    let parts: Vec<&str> = text.split(':').collect();
    let (gaps, rate, n) = match parts.as_slice() {
        ["poisson", rate, n] => (Gaps::Poisson, rate, n),
        ["even", rate, n] => (Gaps::Even, rate, n),
        ["gamma", rate, cv, n] => {
            let cv = positive(cv).filter(|it| *it <= 1e3);
            let cv =
                cv.ok_or_else(|| format!("CV is a number above 0 and up to 1000: {ARRIVALS}"))?;
            (Gaps::Gamma { cv }, rate, n)
        }
        ["weibull", rate, shape, n] => {
            let shape = positive(shape).filter(|it| (1e-2..=1e3).contains(it));
            let shape =
                shape.ok_or_else(|| format!("SHAPE is a number from 0.01 to 1000: {ARRIVALS}"))?;
            (Gaps::Weibull { shape }, rate, n)
        }
        _ => return Err(format!("not {ARRIVALS}")),
    };
    let rate_per_s = positive(rate).filter(|it| *it <= 1e6).ok_or_else(|| {
        format!("RATE is a number above 0 and up to 1000000 a second: {ARRIVALS}")
    })?;
    let n = whole(n).filter(|it| (1..=MOST_REQUESTS).contains(it));
    let n = n.ok_or_else(|| format!("N is a whole number from 1 to 10^10: {ARRIVALS}"))?;
    if n as f64 / rate_per_s > LONGEST_S {
        return Err(
            "N / RATE is over 100000000 seconds: fewer requests or a higher rate".to_owned()
        );
    }
    Ok(Arrivals::Generated { gaps, rate_per_s, n })
}

pub(super) fn parse_service(text: &str) -> Result<Service, String> {
    let parts: Vec<&str> = text.split(':').collect();
    match parts.as_slice() {
        ["tokens"] => Ok(Service::Tokens(None)),
        ["tokens", prefill, tpot] => {
            let rate = |text: &str, what| {
                positive(text).ok_or_else(|| format!("{what} is a number above 0: {SERVICE}"))
            };
            let prefill_per_s = rate(prefill, "PREFILL_TOKENS_PER_S")?;
            let tpot_s = rate(tpot, "TPOT_S")?;
            Ok(Service::Tokens(Some(TokenRates { prefill_per_s, tpot_s })))
        }
        ["tokens", ..] => Err(format!("not {SERVICE}")),
        _ => {
            let time = delay(text, SERVICE)?;
            if time.mean_us() < 1.0 {
                return Err(format!("a request takes more than 0 seconds: {SERVICE}"));
            }
            Ok(Service::Time(time))
        }
    }
}

pub(super) fn parse_delay(text: &str) -> Result<Delay, String> {
    delay(text, DELAY)
}

fn delay(text: &str, grammar: &str) -> Result<Delay, String> {
    let parts: Vec<&str> = text.split(':').collect();
    let time = |text: &str| time(text).ok_or_else(|| not_a_time(text, grammar));
    match parts.as_slice() {
        [seconds] | ["const", seconds] => Ok(Delay::Constant(time(seconds)?)),
        ["exp", mean] => {
            let mean = positive(mean).filter(|it| *it <= LONGEST_S);
            let mean = mean.ok_or_else(|| {
                format!("MEAN is a number of seconds above 0 and up to 100000000: {grammar}")
            })?;
            Ok(Delay::Exponential { mean_us: mean * 1e6 })
        }
        ["mix", share, short, long] => {
            let share = number(share).filter(|it| (0.0..=1.0).contains(it));
            let share = share.ok_or_else(|| format!("P is a share from 0 to 1: {grammar}"))?;
            Ok(Delay::Mixture { share, short_us: time(short)?, long_us: time(long)? })
        }
        _ => Err(format!("not {grammar}")),
    }
}

pub(super) fn parse_policy(text: &str) -> Result<Policy, String> {
    let (word, value) = match text.split_once(':') {
        Some((word, value)) => (word, Some(value)),
        None => (text, None),
    };
    let Some((_, form)) = POLICIES.iter().find(|it| it.0 == word) else {
        let words = POLICIES.iter().map(|it| it.0);
        let near = words.map(|it| (edit_distance(word, it), it)).min();
        let near = near.filter(|it| it.0 <= ALIKE);
        let near = near.map_or_else(String::new, |it| format!("did you mean {}? ", it.1));
        let all: Vec<String> = POLICIES.iter().map(|it| format!("{}{}", it.0, it.1)).collect();
        return Err(format!("{near}The policies are {}", all.join(", ")));
    };
    let value = match (value, form.is_empty()) {
        (Some(value), false) => value,
        (None, true) => "",
        _ => return Err(format!("write {word}{form}")),
    };
    let target = |most: f64| positive(value).filter(|it| *it <= most);
    let from_one = || whole(value).and_then(|it| u32::try_from(it).ok()).filter(|it| *it > 0);
    let found = match word {
        "fixed" => from_one().filter(|it| *it <= 65_536).map(Policy::Fixed),
        "queue-delay" => time(value).map(Policy::QueueDelay),
        "request-count" => from_one().map(Policy::RequestCount),
        "knative" => target(1e6).map(Policy::Knative),
        "utilization" => target(1.0).map(Policy::Utilization),
        "keda" => target(1e6).map(Policy::Keda),
        "busy-share" => Some(Policy::BusyShare),
        "pending" => Some(Policy::Pending),
        "per-request" => Some(Policy::PerRequest),
        _ => Some(Policy::Schedule(Week::parse(value).map_err(|error| error.to_string())?)),
    };
    found.ok_or_else(|| {
        let range = match word {
            "fixed" => "N is a whole number of replicas from 1 to 65536",
            "queue-delay" => "S is a number of seconds from 0 on",
            "request-count" => "V is a whole number of requests from 1 on",
            "utilization" => "TARGET is a share of the slots above 0 and up to 1",
            _ => "TARGET is a number of requests above 0 and up to 1000000",
        };
        format!("{range}: {word}{form}")
    })
}

/// Seconds from 0 on, as microseconds.
pub(super) fn parse_time(text: &str) -> Result<u64, String> {
    time(text).ok_or_else(|| "not a number of seconds from 0 to 100000000".to_owned())
}

/// Seconds above 0, as microseconds.
pub(super) fn parse_positive(text: &str) -> Result<u64, String> {
    time(text)
        .filter(|it| *it > 0)
        .ok_or_else(|| "not a number of seconds above 0 and up to 100000000".to_owned())
}

/// Whole US dollars.
pub(super) fn parse_balance(text: &str) -> Result<u32, String> {
    text.parse().map_err(|_| "not a whole number of US dollars such as 99, from 0 on".to_owned())
}

pub(super) fn parse_share(text: &str) -> Result<f64, String> {
    number(text)
        .filter(|it| (0.0..=1.0).contains(it))
        .ok_or_else(|| "not a share from 0 to 1".to_owned())
}

pub(super) fn parse_rate(text: &str) -> Result<f64, String> {
    number(text)
        .filter(|it| (0.0..=3600.0).contains(it))
        .ok_or_else(|| "not a number of interruptions an hour from 0 to 3600".to_owned())
}

pub(super) fn parse_price(text: &str) -> Result<MoneyPerHour, String> {
    MoneyPerHour::parse(text, Currency::USD)
        .ok()
        .filter(|it| (0..=10_i128.pow(15)).contains(&it.nano()))
        .ok_or_else(|| {
            "not a price in USD an hour such as 2.49, from 0 to 1000000, with at most 9 decimals"
                .to_owned()
        })
}

fn not_a_time(text: &str, grammar: &str) -> String {
    format!("`{text}` is not a number of seconds from 0 to 100000000: {grammar}")
}

fn number(text: &str) -> Option<f64> {
    text.parse::<f64>().ok().filter(|it| it.is_finite())
}

fn positive(text: &str) -> Option<f64> {
    number(text).filter(|it| *it > 0.0)
}

/// A whole number, also as `1e6`.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole and below 2^53")]
fn whole(text: &str) -> Option<u64> {
    text.parse().ok().or_else(|| {
        let value = number(text).filter(|it| (0.0..=9e15).contains(it) && it.fract() == 0.0)?;
        Some(value as u64)
    })
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 10^14")]
fn time(text: &str) -> Option<u64> {
    let seconds = number(text).filter(|it| (0.0..=LONGEST_S).contains(it))?;
    Some((seconds * 1e6).round() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_meant() {
        let generated = |gaps, rate_per_s, n| Ok(Arrivals::Generated { gaps, rate_per_s, n });
        assert_eq!(parse_arrivals("poisson:0.5:1e6"), generated(Gaps::Poisson, 0.5, 1_000_000));
        assert_eq!(parse_arrivals("gamma:2:1.5:10"), generated(Gaps::Gamma { cv: 1.5 }, 2.0, 10));
        let weibull = Gaps::Weibull { shape: 0.7 };
        assert_eq!(parse_arrivals("weibull:2:0.7:10"), generated(weibull, 2.0, 10));
        assert_eq!(parse_arrivals("file"), Ok(Arrivals::File));
        assert_eq!(parse_delay("30"), Ok(Delay::Constant(30_000_000)));
        assert_eq!(parse_delay("const:0"), Ok(Delay::Constant(0)));
        assert_eq!(parse_delay("exp:2.5"), Ok(Delay::Exponential { mean_us: 2.5e6 }));
        let mix = Delay::Mixture { share: 0.8, short_us: 2_000_000, long_us: 60_000_000 };
        assert_eq!(parse_delay("mix:0.8:2:60"), Ok(mix));
        assert_eq!(parse_service("mix:0.8:2:60"), Ok(Service::Time(mix)));
        let rates = TokenRates { prefill_per_s: 8000.0, tpot_s: 0.02 };
        assert_eq!(parse_service("tokens:8000:0.02"), Ok(Service::Tokens(Some(rates))));
        assert_eq!(parse_policy("queue-delay:4"), Ok(Policy::QueueDelay(4_000_000)));
        assert_eq!(parse_policy("utilization:0.7"), Ok(Policy::Utilization(0.7)));
        assert_eq!(parse_policy("per-request"), Ok(Policy::PerRequest));
        let week = Week::parse("mon 08:00-20:00=2").unwrap();
        assert_eq!(parse_policy("schedule:mon 08:00-20:00=2"), Ok(Policy::Schedule(week)));
        assert_eq!(parse_price("1.116").map(MoneyPerHour::nano), Ok(1_116_000_000));
    }

    #[test]
    fn each_mistake_is_named() {
        let check = |found: Option<String>, expected: &str| {
            let found = found.unwrap_or_default();
            assert!(found.contains(expected), "{expected}: {found}");
        };
        for wrong in ["0", "-1", "nan", "inf", "x", ""] {
            check(parse_arrivals(&format!("poisson:{wrong}:10")).err(), "RATE is a number above 0");
            check(parse_arrivals(&format!("gamma:1:{wrong}:10")).err(), "CV is a number above 0");
            check(parse_arrivals(&format!("weibull:1:{wrong}:9")).err(), "SHAPE is a number from");
            check(parse_arrivals(&format!("even:1:{wrong}")).err(), "N is a whole number from 1");
            check(parse_service(&format!("exp:{wrong}")).err(), "MEAN is a number of seconds");
            check(
                parse_policy(&format!("knative:{wrong}")).err(),
                "TARGET is a number of requests",
            );
            check(parse_policy(&format!("fixed:{wrong}")).err(), "N is a whole number of replicas");
        }
        check(parse_arrivals("even:1:10000000001").err(), "from 1 to 10^10");
        check(parse_arrivals("even:1e-9:10").err(), "N / RATE is over");
        check(parse_arrivals("pareto:1:10").err(), "not poisson:RATE:N");
        check(parse_service("const:0").err(), "more than 0 seconds");
        check(parse_service("tokens:0:1").err(), "PREFILL_TOKENS_PER_S is a number above 0");
        check(parse_service("tokens:1").err(), "tokens[:PREFILL");
        for wrong in ["-1", "nan", "inf", "1e9", "x", ""] {
            check(parse_delay(wrong).err(), "is not a number of seconds");
            assert!(parse_time(wrong).is_err() && parse_price(wrong).is_err(), "{wrong}");
        }
        check(parse_delay("mix:1.5:1:2").err(), "P is a share from 0 to 1");
        check(parse_delay("exp:1e9").err(), "above 0 and up to 100000000: const:S");
        check(parse_policy("nqueue-delay:4").err(), "did you mean queue-delay?");
        let far = parse_policy("nosuch:3").err().unwrap_or_default();
        assert!(far.starts_with("The policies are fixed:N, queue-delay:S"), "{far}");
        assert_eq!(parse_balance("250"), Ok(250));
        for wrong in ["99.50", "-1", "1e3", "$9"] {
            check(parse_balance(wrong).err(), "not a whole number of US dollars");
        }
        check(parse_policy("fixed").err(), "write fixed:N");
        check(parse_policy("pending:3").err(), "write pending");
        check(parse_policy("utilization:1.1").err(), "share of the slots");
        check(parse_policy("schedule:mon").err(), "is not a range");
        assert!(parse_positive("0").is_err() && parse_rate("nan").is_err());
        assert!(parse_price("-1").is_err() && parse_share("1.1").is_err());
    }
}
