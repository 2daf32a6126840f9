//! How much load a replica carries within a service level.

use super::estimate::Estimate;
use super::replica::Replica;

/// The latencies a service promises; what is not given is not promised.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Slo {
    /// Time to the first token that 95 of 100 requests keep, seconds.
    pub ttft_p95_s: Option<f64>,
    /// Time per output token that 95 of 100 requests keep, seconds.
    pub tpot_p95_s: Option<f64>,
}

/// How a replica serves at one number of requests in progress.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Serving {
    /// Requests in progress.
    pub concurrency: u32,
    /// Mean time to the first token, seconds.
    pub ttft_s: Estimate,
    /// Mean time per output token after the first, seconds.
    pub tpot_s: Estimate,
    /// Output tokens a second.
    pub output_tokens_per_s: Estimate,
    /// Requests a second.
    pub requests_per_s: Estimate,
}

/// The answer to "how much within this SLO".
#[derive(Clone, Debug, PartialEq)]
pub enum Carried {
    /// So many requests at once, at most, and how they are served.
    UpTo(Serving),
    /// Not even one.
    Saturated {
        /// Why.
        why: String,
    },
}

impl Replica {
    /// The most requests in progress, up to `limit`, whose 95th percentiles keep the SLO. Both
    /// rise with the requests, so the answer is found by halving.
    pub fn within(&self, slo: &Slo, limit: u32) -> Carried {
        let keeps = |batch: u32| self.misses(slo, batch).is_none();
        if let Some(why) = self.misses(slo, 1) {
            return Carried::Saturated { why };
        }
        let (mut kept, mut missed) = (1, self.slots(limit).saturating_add(1));
        while missed - kept > 1 {
            let middle = kept + (missed - kept) / 2;
            if keeps(middle) {
                kept = middle;
            } else {
                missed = middle;
            }
        }
        Carried::UpTo(self.serving(kept))
    }

    /// What of the SLO `batch` requests in progress miss.
    fn misses(&self, slo: &Slo, batch: u32) -> Option<String> {
        let over = |what: &str, found: f64, limit: Option<f64>| {
            limit.filter(|limit| found > *limit).map(|limit| {
                format!(
                    "with {batch} in progress the {what} is {:.1} ms, the SLO allows {:.1} ms",
                    found * 1e3,
                    limit * 1e3
                )
            })
        };
        over("time per output token", self.tpot_s(batch), slo.tpot_p95_s)
            .or_else(|| over("time to the first token", self.ttft_p95_s(batch), slo.ttft_p95_s))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::size::{
        Architecture, Constants, Deployment, Precision, TokenProfile, fit, fixtures,
    };

    fn replica() -> Replica {
        let (engine, capacity) = (fixtures::engine(), fixtures::capacity());
        let constants = Constants { engine: &engine, capacity: &capacity };
        let model = Architecture::of(&fixtures::llama_8b()).unwrap();
        let profile = TokenProfile::new(1_500, 1_000.0, 200.0).unwrap();
        let deployment = Deployment::new(Precision::Bf16, 1);
        fit(&model, &fixtures::h100(), &deployment, &profile, constants).replica().unwrap().clone()
    }

    #[test]
    fn the_most_that_keeps_the_slo() {
        let it = replica();
        let slo = Slo { ttft_p95_s: Some(1.0), tpot_p95_s: Some(0.030) };
        let Carried::UpTo(serving) = it.within(&slo, 256) else { panic!("saturated") };
        let most = serving.concurrency;
        let scanned = (1..=256).rev().find(|&b| it.tpot_s(b) <= 0.030 && it.ttft_p95_s(b) <= 1.0);
        assert_eq!(Some(most), scanned);
        assert!(serving.tpot_s.low < serving.tpot_s.value && serving.tpot_s.value <= 0.030);
        let Carried::UpTo(all) = it.within(&Slo::default(), 256) else { panic!("saturated") };
        assert_eq!(all.concurrency, 256);
    }

    #[test]
    fn a_token_that_always_takes_longer_saturates() {
        let slo = Slo { tpot_p95_s: Some(0.001), ..Slo::default() };
        let Carried::Saturated { why } = replica().within(&slo, 256) else { panic!("carried") };
        assert!(why.starts_with("with 1 in progress the time per output token is"), "{why}");
        assert!(why.ends_with("the SLO allows 1.0 ms"), "{why}");
    }
}
