//! The autocorrelation of hourly demand at every lag, for the eye.

use super::features::autocorrelation;
use super::hourly::HourlySeries;

/// Autocorrelations of the hours at lags 0 to `longest`, as [`super::Features::acf_24h`] defines
/// one; empty where demand does not vary or rows were longer than an hour. Hours 1 0 1 0 have 1,
/// -0.75, 0.5 at lags 0, 1, 2.
pub fn autocorrelations(series: &HourlySeries, longest: usize) -> Vec<f64> {
    if series.spread {
        return Vec::new();
    }
    (0..=longest).map_while(|lag| autocorrelation(&series.values, lag)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worked_number() {
        let values = [1.0, 0.0, 1.0, 0.0].map(Some).to_vec();
        let series = HourlySeries { values, ..HourlySeries::default() };
        assert_eq!(autocorrelations(&series, 2), [1.0, -0.75, 0.5]);
        assert_eq!(autocorrelations(&HourlySeries { spread: true, ..series }, 2), [0.0; 0]);
        let flat = HourlySeries { values: vec![Some(2.0); 9], ..HourlySeries::default() };
        assert_eq!(autocorrelations(&flat, 2), [0.0; 0]);
    }
}
