//! Exact products and shares of decimals, rounded once.

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

/// `amount x part / whole`, exact before it loses what is below a unit; `None` when it does not fit
/// or the whole is 0. Half of -5 is -2; all of it is -5.
pub(super) fn share(amount: i128, part: i128, whole: i128) -> Option<i128> {
    if whole < 0 {
        return share(amount, part.checked_neg()?, whole.checked_neg()?);
    }
    let (times, rest) = (part.checked_div_euclid(whole)?, part.checked_rem_euclid(whole)?);
    let size = fraction(amount.unsigned_abs(), rest.unsigned_abs(), whole.unsigned_abs());
    let size = i128::try_from(size).ok()?;
    amount.checked_mul(times)?.checked_add(if amount < 0 { -size } else { size })
}

/// `amount x part / whole` rounded down, of a part that is less than the whole: by hand, bit by bit,
/// where the product does not fit.
fn fraction(amount: u128, part: u128, whole: u128) -> u128 {
    if let Some(product) = amount.checked_mul(part) {
        return product / whole;
    }
    // The rest stays below the whole, which is at most 2^127, so that twice the rest fits.
    let (mut quotient, mut rest) = (0, 0);
    for bit in (0..u128::BITS - amount.leading_zeros()).rev() {
        let next = if (amount >> bit) & 1 == 1 { part } else { 0 };
        quotient *= 2;
        for more in [rest, next] {
            rest += more;
            if rest >= whole {
                rest -= whole;
                quotient += 1;
            }
        }
    }
    quotient
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

    #[test]
    fn shares_are_exact_whatever_the_size() {
        for (amount, part, whole, expected) in [
            (100, 1, 3, Some(33)),
            (-100, 1, 3, Some(-33)),
            (100, 3, 3, Some(100)),
            // More than the whole, and less than nothing: 166.67 and 100 x -1/3 = -100 + 66.67.
            (100, 5, 3, Some(166)),
            (100, -1, 3, Some(-34)),
            (100, -1, -3, Some(33)),
            (100, 1, 0, None),
            // 10^30 x 2 x 10^29 / (3 x 10^29) = 666...6, whose product has 60 digits.
            (
                10_i128.pow(30),
                2 * 10_i128.pow(29),
                3 * 10_i128.pow(29),
                Some(2 * 10_i128.pow(30) / 3),
            ),
            (i128::MAX, i128::MAX - 1, i128::MAX, Some(i128::MAX - 1)),
            (i128::MAX, 2, 1, None),
        ] {
            assert_eq!(share(amount, part, whole), expected, "{amount} x {part} / {whole}");
        }
    }
}
