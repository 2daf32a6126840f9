//! Memory sizes: whole bytes, GiB to show, MiB where drivers report them.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, Mul};

/// A number of bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bytes(u64);

impl Bytes {
    /// No bytes.
    pub const ZERO: Bytes = Bytes(0);

    /// That many bytes.
    pub const fn new(bytes: u64) -> Bytes {
        Bytes(bytes)
    }

    /// `mib` x 2^20 bytes, as `nvidia-smi` reports memory.
    pub const fn from_mib(mib: u64) -> Bytes {
        Bytes(mib << 20)
    }

    /// `gib` x 2^30 bytes.
    pub const fn from_gib(gib: u64) -> Bytes {
        Bytes(gib << 30)
    }

    /// The nearest whole number of bytes to `bytes`; negative and NaN become zero, and a number
    /// too large for the type the largest.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "`as` saturates, which is what the doc comment promises"
    )]
    pub fn from_f64_rounded(bytes: f64) -> Bytes {
        Bytes(bytes.round() as u64)
    }

    /// The count of bytes.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// As a float, for ratios and charts.
    pub fn to_f64(self) -> f64 {
        self.0 as f64
    }

    /// In GiB (2^30 bytes), for people.
    pub fn to_gib(self) -> f64 {
        self.to_f64() / f64::from(1 << 30)
    }

    /// In GB (10^9 bytes), as vendors and the rule of thumb count.
    pub fn to_gb(self) -> f64 {
        self.to_f64() / 1e9
    }

    /// What is left after taking `other` away, or nothing when it is larger.
    #[must_use]
    pub const fn saturating_sub(self, other: Bytes) -> Bytes {
        Bytes(self.0.saturating_sub(other.0))
    }

    /// The sum, or nothing when it does not fit the type.
    #[must_use]
    pub const fn checked_add(self, other: Bytes) -> Option<Bytes> {
        match self.0.checked_add(other.0) {
            Some(sum) => Some(Bytes(sum)),
            None => None,
        }
    }
}

impl Add for Bytes {
    type Output = Bytes;
    /// Saturates: 16 EiB of GPU memory is past any question this program answers.
    fn add(self, other: Bytes) -> Bytes {
        Bytes(self.0.saturating_add(other.0))
    }
}

impl Mul<u64> for Bytes {
    type Output = Bytes;
    /// Saturates, as addition does.
    fn mul(self, times: u64) -> Bytes {
        Bytes(self.0.saturating_mul(times))
    }
}

impl Sum for Bytes {
    fn sum<I: Iterator<Item = Bytes>>(iter: I) -> Bytes {
        iter.fold(Bytes::ZERO, Add::add)
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.1} GiB", self.to_gib())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gib_and_gb_are_told_apart() {
        assert_eq!(Bytes::from_gib(1).get(), 1_073_741_824);
        assert_eq!(Bytes::from_mib(81_559).to_string(), "79.6 GiB");
        assert!((Bytes::new(140_000_000_000).to_gb() - 140.0).abs() < 1e-12);
    }

    #[test]
    fn never_wraps() {
        assert_eq!(Bytes::new(u64::MAX) + Bytes::new(1), Bytes::new(u64::MAX));
        assert_eq!(Bytes::new(1).saturating_sub(Bytes::new(2)), Bytes::ZERO);
        assert_eq!(Bytes::from_f64_rounded(-3.0), Bytes::ZERO);
    }
}
