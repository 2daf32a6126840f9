//! How long a request occupies a slot, and the requests of a trace with that time.

use super::arrivals::Trace;
use super::outcome::Impossible;

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

/// One request as the engine sees it.
#[expect(clippy::struct_field_names, reason = "the postfix is the unit")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) at_us: u64,
    pub(super) service_us: u64,
    /// The part of the service before the first token.
    pub(super) prefill_us: u64,
}

impl ServiceModel {
    /// Microseconds per output token, where the model has it.
    pub const fn tpot_us(&self) -> Option<f64> {
        match self {
            ServiceModel::Tokens { tpot_us, .. } => Some(*tpot_us),
            ServiceModel::Fixed { .. } | ServiceModel::PerRequest(_) => None,
        }
    }

    /// Whether a request has a time before its first token besides its wait.
    pub(super) const fn has_prefill(&self) -> bool {
        matches!(self, ServiceModel::Tokens { .. })
    }

    /// Why this model cannot time this trace, if so.
    pub(super) fn check(&self, trace: &Trace) -> Result<(), Impossible> {
        let is_time = |us: f64| us.is_finite() && us >= 0.0;
        match self {
            ServiceModel::Tokens { prefill_us_per_token, tpot_us } => {
                if !is_time(*prefill_us_per_token) || !is_time(*tpot_us) {
                    Err(Impossible::BadServiceTime)
                } else if trace.tokens().is_none() && !trace.is_empty() {
                    Err(Impossible::NoTokens)
                } else {
                    Ok(())
                }
            }
            ServiceModel::Fixed { .. } => Ok(()),
            ServiceModel::PerRequest(times) if times.len() == trace.len() => Ok(()),
            ServiceModel::PerRequest(_) => Err(Impossible::BadServiceTime),
        }
    }

    /// The requests of a trace that [`ServiceModel::check`] let pass, each with its time.
    pub(super) fn requests<'a>(&'a self, trace: &'a Trace) -> impl Iterator<Item = Request> + 'a {
        let (prompt, completion) = trace.tokens().unwrap_or_default();
        trace.at_us().iter().enumerate().map(move |(i, at)| {
            let (service_us, prefill_us) = match self {
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
}

/// The nearest whole microsecond of a time that is not negative.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "`as` saturates; a time past the type is past the horizon of the engine too"
)]
fn whole_us(us: f64) -> u64 {
    (us + 0.5) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_formula_by_hand() {
        let trace = Trace::with_tokens(&[(7, 100, 20), (8, 0, 0)], 10);
        let model = ServiceModel::Tokens { prefill_us_per_token: 50.0, tpot_us: 25_000.0 };
        let found: Vec<Request> = model.requests(&trace).collect();
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
            assert_eq!(model.check(&trace), expected, "{model:?}");
        }
    }
}
