//! A prediction corrected by one measurement.
//!
//! What a formula of the GPU cannot know, the engine's version and settings, the host, the client,
//! is in the ratio of the measured to the predicted time, and it stays when the GPU, the precision or
//! the split change. So one measured point of today's deployment carries over to the others: their
//! ratios are predicted, their level is measured.

use super::replica::Replica;

/// How many times longer or shorter a measurement may be than the prediction.
const MOST: f64 = 20.0;

/// One measured operating point.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OperatingPoint {
    /// Requests in progress at once, on average.
    pub concurrency: f64,
    /// Time per output token after the first, seconds.
    pub tpot_s: Option<f64>,
    /// Time to the first token, seconds.
    pub ttft_s: Option<f64>,
    /// Output tokens a second over all requests.
    pub output_tokens_per_s: Option<f64>,
}

/// Measured over predicted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Calibration {
    /// Of every time in the engine.
    pub(super) time: f64,
    /// Of the time to the first token, on top.
    pub(super) ttft: f64,
}

impl Calibration {
    /// What `point` says of the deployment that `replica` predicts, whose requests must be as long
    /// as those measured. The time per token decides, else the tokens a second; a point with
    /// neither, or with numbers that no engine gives, says nothing. Predicted 20 ms a token,
    /// measured 25: every time is 1.25 times as long.
    pub fn of(replica: &Replica, point: &OperatingPoint) -> Option<Calibration> {
        // Further off than this the file is of something else.
        let sound = |it: f64| (1e-6..=1e6).contains(&it);
        let plausible = |it: f64| (1.0 / MOST..=MOST).contains(&it);
        let batch = Some(point.concurrency).filter(|it| sound(*it))?.max(1.0);
        let by_token = point.tpot_s.map(|it| it / replica.speed.tpot_s(batch));
        let by_rate =
            point.output_tokens_per_s.map(|it| replica.output_tokens_per_s_at(batch) / it);
        let time = by_token.or(by_rate).filter(|it| plausible(*it))?;
        let predicted = replica.speed.slowed(time, 1.0).ttft_s(batch, 1.0);
        let ttft = point.ttft_s.map_or(1.0, |it| it / predicted);
        plausible(ttft).then_some(Calibration { time, ttft })
    }

    /// Measured over predicted time in the engine.
    pub const fn time_factor(&self) -> f64 {
        self.time
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::size::{
        Architecture, Constants, Deployment, Precision, TokenProfile, fit, fixtures,
    };

    fn replica(precision: Precision) -> Replica {
        let (engine, capacity) = (fixtures::engine(), fixtures::capacity());
        let constants = Constants { engine: &engine, capacity: &capacity };
        let model = Architecture::of(&fixtures::llama_8b()).unwrap();
        let profile = TokenProfile::new(1_500, 1_000.0, 200.0).unwrap();
        let deployment = Deployment::new(precision, 1);
        fit(&model, &fixtures::h100(), &deployment, &profile, constants).replica().unwrap().clone()
    }

    #[test]
    fn the_measured_point_is_met_and_ratios_stay() {
        let (wide, narrow) = (replica(Precision::Bf16), replica(Precision::Fp8));
        let point = OperatingPoint {
            concurrency: 16.0,
            tpot_s: Some(wide.tpot_s(16) * 1.25),
            ttft_s: Some(0.4),
            output_tokens_per_s: None,
        };
        let found = Calibration::of(&wide, &point).unwrap();
        let (wide_then, narrow_then) = (wide.calibrated(&found), narrow.calibrated(&found));
        assert!((wide_then.tpot_s(16) / point.tpot_s.unwrap() - 1.0).abs() < 1e-9);
        assert!((wide_then.serving(16).ttft_s.value / 0.4 - 1.0).abs() < 1e-9);
        let ratio = |a: &Replica, b: &Replica| a.requests_per_s(64) / b.requests_per_s(64);
        assert!((ratio(&wide, &narrow) / ratio(&wide_then, &narrow_then) - 1.0).abs() < 1e-9);
    }

    #[test]
    fn tokens_a_second_will_do() {
        let it = replica(Precision::Bf16);
        let point = OperatingPoint {
            concurrency: 32.0,
            tpot_s: None,
            ttft_s: None,
            output_tokens_per_s: Some(it.output_tokens_per_s(32) / 2.0),
        };
        let found = Calibration::of(&it, &point).unwrap();
        assert!((found.time_factor() - 2.0).abs() < 1e-9);
    }

    #[test]
    fn a_point_without_a_rate_says_nothing() {
        let it = replica(Precision::Bf16);
        let empty = OperatingPoint {
            concurrency: 8.0,
            tpot_s: None,
            ttft_s: Some(0.1),
            output_tokens_per_s: None,
        };
        assert_eq!(Calibration::of(&it, &empty), None);
        for (concurrency, tpot_s) in [(0.0, 0.02), (f64::NAN, 0.02), (8.0, 0.0), (8.0, f64::NAN)] {
            let point = OperatingPoint { concurrency, tpot_s: Some(tpot_s), ..empty };
            assert_eq!(Calibration::of(&it, &point), None);
        }
    }
}
