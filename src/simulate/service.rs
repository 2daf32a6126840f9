//! How long a request occupies a slot, and the requests of a trace with that time.

use super::arrivals::Trace;
use super::outcome::Impossible;
use super::plan::Delay;
use super::random::{Random, seed_of, whole_us};

/// What a request costs its slot in time.
#[derive(Clone, Debug, PartialEq)]
pub enum ServiceModel {
    /// `prompt x prefill + completion x tpot`, rounded once to the nearest microsecond;
    /// `ttft = queue wait + prompt x prefill`. 100 prompt tokens at 50 us and 20 completion tokens
    /// at 25,000 us are 505,000 us.
    Tokens {
        /// Microseconds to read one prompt token.
        prefill_us_per_token: f64,
        /// Microseconds to write one completion token.
        tpot_us: f64,
    },
    /// The same time for each request. Nothing says when its first token comes, so ttft is the
    /// queue wait: a lower bound.
    Fixed {
        /// Microseconds in the slot.
        service_us: u64,
    },
    /// The time of each request in order of arrival; ttft as for `Fixed`.
    PerRequest(Vec<u64>),
}

impl ServiceModel {
    /// A time for each of `n` requests by chance; the same for all where nothing is left to chance.
    pub fn drawn(time: Delay, n: usize, seed: u64) -> ServiceModel {
        if let Delay::Constant(service_us) = time {
            return ServiceModel::Fixed { service_us };
        }
        let mut random = Random::new(seed_of(seed, "service", 0));
        ServiceModel::PerRequest((0..n).map(|_| time.draw(&mut random)).collect())
    }
}

/// One request as the engine sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// Arrival, microseconds since the window start.
    pub at_us: u64,
    /// Time it holds a slot.
    pub service_us: u64,
    /// The part of the service before the first token.
    pub prefill_us: u64,
}

impl Request {
    /// The prefill of a request that is ended in service: nobody counts on its first token.
    pub(super) const ENDED: u64 = u64::MAX;

    /// This request as it is where service ends after `limit_us`: of 700 s a limit of 600 s leaves 600.
    #[inline]
    pub(super) const fn ended(self, limit_us: u64) -> Request {
        if self.service_us <= limit_us {
            return self;
        }
        Request { service_us: limit_us, prefill_us: Request::ENDED, ..self }
    }
}

/// Requests of one window with their times: the same ones each time they are asked for.
pub trait Source {
    /// Length of the window, microseconds.
    fn window_us(&self) -> u64;
    /// How many requests there are.
    fn len(&self) -> u64;
    /// True for no request.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// Why the requests cannot be timed, if so.
    fn check(&self) -> Result<(), Impossible>;
    /// The requests in order of arrival.
    fn requests(&self) -> impl Iterator<Item = Request> + '_;
    /// Whether whoever asked has had enough: the run then ends as [`Impossible::Stopped`].
    fn is_stopped(&self) -> bool {
        false
    }
    /// Whether a request has a time before its first token besides its wait.
    fn has_prefill(&self) -> bool {
        false
    }
    /// Microseconds per output token, where that is known.
    fn tpot_us(&self) -> Option<f64> {
        None
    }
}

/// A trace with the model that times it.
#[derive(Clone, Copy, Debug)]
pub struct Timed<'a> {
    trace: &'a Trace,
    service: &'a ServiceModel,
}

impl Trace {
    /// The requests of this trace, each with its time.
    pub const fn served_by<'a>(&'a self, service: &'a ServiceModel) -> Timed<'a> {
        Timed { trace: self, service }
    }
}

impl Source for Timed<'_> {
    fn window_us(&self) -> u64 {
        self.trace.window_us()
    }

    fn len(&self) -> u64 {
        self.trace.len() as u64
    }

    fn check(&self) -> Result<(), Impossible> {
        let is_time = |us: f64| us.is_finite() && us >= 0.0;
        match self.service {
            ServiceModel::Tokens { prefill_us_per_token, tpot_us } => {
                if !is_time(*prefill_us_per_token) || !is_time(*tpot_us) {
                    Err(Impossible::BadServiceTime)
                } else if self.trace.tokens().is_none() && !self.trace.is_empty() {
                    Err(Impossible::NoTokens)
                } else {
                    Ok(())
                }
            }
            ServiceModel::Fixed { .. } => Ok(()),
            ServiceModel::PerRequest(times) if times.len() == self.trace.len() => Ok(()),
            ServiceModel::PerRequest(_) => Err(Impossible::BadServiceTime),
        }
    }

    fn requests(&self) -> impl Iterator<Item = Request> + '_ {
        let (prompt, completion) = self.trace.tokens().unwrap_or_default();
        self.trace.at_us().iter().enumerate().map(move |(i, at)| {
            let (service_us, prefill_us) = match self.service {
                ServiceModel::Tokens { prefill_us_per_token, tpot_us } => {
                    let prefill = f64::from(prompt[i]) * prefill_us_per_token;
                    let decode = f64::from(completion[i]) * tpot_us;
                    (whole_us(prefill + decode), whole_us(prefill))
                }
                ServiceModel::Fixed { service_us } => (*service_us, 0),
                ServiceModel::PerRequest(times) => (times[i], 0),
            };
            Request { at_us: *at, service_us, prefill_us }
        })
    }

    fn has_prefill(&self) -> bool {
        matches!(self.service, ServiceModel::Tokens { .. })
    }

    fn tpot_us(&self) -> Option<f64> {
        match self.service {
            ServiceModel::Tokens { tpot_us, .. } => Some(*tpot_us),
            ServiceModel::Fixed { .. } | ServiceModel::PerRequest(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_formula_by_hand() {
        let trace = Trace::with_tokens(&[(7, 100, 20), (8, 0, 0)], 10);
        let model = ServiceModel::Tokens { prefill_us_per_token: 50.0, tpot_us: 25_000.0 };
        let found: Vec<Request> = trace.served_by(&model).requests().collect();
        assert_eq!(found[0], Request { at_us: 7, service_us: 505_000, prefill_us: 5_000 });
        assert_eq!(found[1], Request { at_us: 8, service_us: 0, prefill_us: 0 });
    }

    #[test]
    fn what_cannot_be_timed_says_so() {
        let trace = Trace::new(vec![1, 2], 10);
        let tokens =
            |prefill, tpot| ServiceModel::Tokens { prefill_us_per_token: prefill, tpot_us: tpot };
        for (model, expected) in [
            (tokens(1.0, 1.0), Err(Impossible::NoTokens)),
            (tokens(f64::NAN, 1.0), Err(Impossible::BadServiceTime)),
            (tokens(1.0, -1.0), Err(Impossible::BadServiceTime)),
            (ServiceModel::PerRequest(vec![1]), Err(Impossible::BadServiceTime)),
            (ServiceModel::PerRequest(vec![1, 2]), Ok(())),
        ] {
            assert_eq!(trace.served_by(&model).check(), expected, "{model:?}");
        }
    }
}
