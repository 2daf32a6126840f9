//! The exact product of two decimals, rounded once.

/// 10^18: the whole number that stands for 1.
const ONE: i128 = 1_000_000_000_000_000_000;

/// `a x b` where all three are whole numbers of 10^-18, rounded half to even at the 18th decimal;
/// `None` when it does not fit.
///
/// A price of 3.673 for 24 hours is 88.152.
pub(super) fn product(a: i128, b: i128) -> Option<i128> {
    let negative = (a < 0) != (b < 0);
    let (a, b) = (i128::try_from(a.unsigned_abs()).ok()?, i128::try_from(b.unsigned_abs()).ok()?);
    let (a_whole, a_rest) = (a / ONE, a % ONE);
    let (b_whole, b_rest) = (b / ONE, b % ONE);
    // Both rests are below 10^18, so their product is below 10^36 and fits.
    let rests = a_rest * b_rest;
    let floor = a_whole
        .checked_mul(b_whole)?
        .checked_mul(ONE)?
        .checked_add(a_whole.checked_mul(b_rest)?)?
        .checked_add(b_whole.checked_mul(a_rest)?)?
        .checked_add(rests / ONE)?;
    let twice = rests % ONE * 2;
    let up = twice > ONE || (twice == ONE && floor % 2 != 0);
    let rounded = floor.checked_add(i128::from(up))?;
    Some(if negative { -rounded } else { rounded })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::atto_from_text;

    #[test]
    fn products_are_exact_and_round_half_to_even() {
        for (a, b, expected) in [
            ("3.673", "24", Some("88.152")),
            ("-1", "100000", Some("-100000")),
            ("0.433342", "0.081579474", Some("0.035351812422108")),
            ("-0.5", "-0.5", Some("0.25")),
            // 0.5 x 10^-18 lies halfway between 0 and 1: the even one is 0.
            ("0.5", "0.000000000000000001", Some("0")),
            // 1.5 x 10^-18 lies halfway between 1 and 2: the even one is 2.
            ("1.5", "0.000000000000000001", Some("0.000000000000000002")),
            ("-1.5", "0.000000000000000001", Some("-0.000000000000000002")),
            ("0.3", "0.000000000000000001", Some("0")),
            ("0.7", "0.000000000000000001", Some("0.000000000000000001")),
            ("100000000000", "100000000000", None),
        ] {
            let atto = |text: &str| atto_from_text(text).unwrap();
            assert_eq!(product(atto(a), atto(b)), expected.map(atto), "{a} x {b}");
        }
        assert_eq!(product(i128::MIN, ONE), None);
    }
}
