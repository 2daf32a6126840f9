//! A number in [0, 1]: shares, attainment, memory and busy fractions.

use serde::Serialize;

/// A number in [0, 1], never NaN.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct Fraction(f64);

/// The number offered was outside [0, 1] or not a number.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error("{0} is not between 0 and 1")]
pub struct NotAFraction(pub f64);

impl Fraction {
    /// All of it.
    pub const ONE: Fraction = Fraction(1.0);
    /// None of it.
    pub const ZERO: Fraction = Fraction(0.0);

    /// The number itself.
    pub const fn get(self) -> f64 {
        self.0
    }

    /// In percent.
    pub fn percent(self) -> f64 {
        self.0 * 100.0
    }
}

impl TryFrom<f64> for Fraction {
    type Error = NotAFraction;
    fn try_from(value: f64) -> Result<Fraction, NotAFraction> {
        if (0.0..=1.0).contains(&value) { Ok(Fraction(value)) } else { Err(NotAFraction(value)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_door_is_checked() {
        assert_eq!(Fraction::try_from(0.5).map(Fraction::percent), Ok(50.0));
        for bad in [-0.1, 1.1, f64::INFINITY] {
            assert_eq!(Fraction::try_from(bad), Err(NotAFraction(bad)));
        }
        assert!(Fraction::try_from(f64::NAN).is_err());
    }
}
