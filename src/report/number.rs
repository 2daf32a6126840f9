//! All rounding for show, and nothing else: a number comes in raw and leaves as text.
//!
//! Money is rounded half to even on its exact digits, never through a float. What was not measured
//! is shown as [`DASH`], never as zero.

use std::cmp::Ordering;

use chrono::{Datelike, NaiveDate};

use crate::units::{Currency, Money};

/// Stands where a number was not measured.
pub(crate) const DASH: &str = "–";

/// Digits that a money amount carries after the point.
const SCALE: usize = 18;

/// Names of the months in dates.
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// Where a number is shown, which decides its separators and signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Medium {
    /// A terminal: `-1,234.50`.
    Terminal,
    /// HTML, Markdown and charts: a minus sign and narrow no-break spaces, `−1 234.50`.
    Page,
}

impl Medium {
    /// Between groups of three digits.
    const fn separator(self) -> char {
        match self {
            Medium::Terminal => ',',
            Medium::Page => '\u{202f}',
        }
    }

    /// Before a negative number.
    const fn minus(self) -> char {
        match self {
            Medium::Terminal => '-',
            Medium::Page => '\u{2212}',
        }
    }

    /// Between a number and its unit.
    const fn gap(self) -> char {
        match self {
            Medium::Terminal => ' ',
            Medium::Page => '\u{202f}',
        }
    }

    /// An amount with two decimals: 25180.745 is `25,180.74`.
    pub(crate) fn money(self, amount: Money) -> String {
        self.decimal(round_half_even(amount.atto().unsigned_abs(), SCALE - 2), 2, amount)
    }

    /// An amount without decimals, for a line where cents are in the way: 78621.94 is `78,622`.
    pub(crate) fn money_whole(self, amount: Money) -> String {
        self.decimal(round_half_even(amount.atto().unsigned_abs(), SCALE), 0, amount)
    }

    /// An amount with three significant digits, for prose and charts: 25180.74 is `25,200`.
    pub(crate) fn money_short(self, amount: Money) -> String {
        let magnitude = amount.atto().unsigned_abs();
        let mut drop = magnitude.to_string().len().saturating_sub(3);
        if round_half_even(magnitude, drop) == 1000 {
            drop += 1;
        }
        let kept = round_half_even(magnitude, drop);
        if kept == 0 {
            return "0".to_owned();
        }
        if drop >= SCALE {
            let zeros = "0".repeat(drop - SCALE);
            let digits = self.grouped(&format!("{kept}{zeros}"));
            return if amount.is_negative() { format!("{}{digits}", self.minus()) } else { digits };
        }
        self.decimal(kept, SCALE - drop, amount)
    }

    /// A cost per unit: two decimals from 1 up, three significant digits below, so that 0.00790
    /// is not shown as 0.01.
    pub(crate) fn unit_cost(self, amount: Money) -> String {
        let one = 10_u128.pow(18);
        if amount.is_zero() || amount.atto().unsigned_abs() >= one {
            self.money(amount)
        } else {
            self.money_short(amount)
        }
    }

    /// A whole number: `1,204,377`.
    pub(crate) fn count(self, count: u64) -> String {
        self.grouped(&count.to_string())
    }

    /// A count with what is counted: `1 row`, `20,000 rows`.
    pub(crate) fn counted(self, count: u64, noun: &str) -> String {
        let plural = if count == 1 { "" } else { "s" };
        format!("{} {noun}{plural}", self.count(count))
    }

    /// A sentence with its numbers as this medium writes them. Sentences of the model write numbers
    /// as a terminal does and may carry amounts in full: `-1,234.5678 USD` is `−1 234.57 USD` on a
    /// page. Other digits are never changed.
    pub(crate) fn prose(self, sentence: &str, currency: Currency) -> String {
        let code = currency.as_str();
        let is_code = |word: &str| {
            word.strip_prefix(code).is_some_and(|rest| !rest.starts_with(char::is_alphanumeric))
        };
        let mut words = sentence.split(' ').peekable();
        let mut shown = Vec::new();
        while let Some(word) = words.next() {
            let before = word.len() - word.trim_start_matches('(').len();
            let number = word[before..].trim_end_matches(['.', ',', ';', ':', ')']);
            let (lead, tail) = (&word[..before], &word[before + number.len()..]);
            let plain = ungrouped(number);
            let amount = words
                .peek()
                .filter(|next| tail.is_empty() && is_code(next))
                .and_then(|_| Money::parse(plain.as_deref()?, currency).ok());
            shown.push(match (amount, plain) {
                (Some(amount), _) => format!("{lead}{}", self.unit_cost(amount)),
                (None, Some(plain)) => format!("{lead}{}{tail}", self.regrouped(number, &plain)),
                (None, None) => word.to_owned(),
            });
        }
        shown.join(" ")
    }

    /// A decimal with the signs of this medium, in groups only where it came in groups.
    fn regrouped(self, number: &str, plain: &str) -> String {
        let digits = plain.trim_start_matches('-');
        let sign =
            if digits.len() < plain.len() { self.minus().to_string() } else { String::new() };
        if !number.contains(',') {
            return format!("{sign}{digits}");
        }
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let point = if fraction.is_empty() { "" } else { "." };
        format!("{sign}{}{point}{fraction}", self.grouped(whole))
    }

    /// A measured number with three significant digits and no idle zeros: 12.0 is `12`.
    pub(crate) fn quantity(self, value: f64) -> String {
        if !value.is_finite() {
            return DASH.to_owned();
        }
        let magnitude = value.abs();
        // The mantissa and exponent that the standard library rounds exactly, half to even.
        let scientific = format!("{magnitude:.2e}");
        let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
        let exponent: i32 = exponent.parse().unwrap_or(0);
        let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
        if digits.bytes().all(|digit| digit == b'0') {
            return "0".to_owned();
        }
        if !(-6..=15).contains(&exponent) {
            return format!("{value:.2e}");
        }
        let text = place_point(&digits, exponent);
        let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
        let fraction = fraction.trim_end_matches('0');
        let point = if fraction.is_empty() { "" } else { "." };
        let sign = if value < 0.0 { self.minus().to_string() } else { String::new() };
        format!("{sign}{}{point}{fraction}", self.grouped(whole))
    }

    /// As [`Medium::quantity`], but whole from 1,000 up: 5952.4 hours are `5,952`.
    pub(crate) fn measure(self, value: f64) -> String {
        if (1e3..1e15).contains(&value) {
            return self.grouped(&format!("{value:.0}"));
        }
        self.quantity(value)
    }

    /// Days as people count them: 0.4 is `a day`, 12.3 is `13 days`, 100 is `3.3 months`.
    pub(crate) fn duration_in_days(self, days: f64) -> String {
        match days {
            it if it <= 1.0 => "a day".to_owned(),
            it if it <= 60.0 => format!("{:.0} days", it.ceil()),
            it if it.is_finite() => format!("{} months", self.quantity(it / 365.0 * 12.0)),
            _ => DASH.to_owned(),
        }
    }

    /// A share of 1 as per cent: 0.372 is `37 %`, 0.999 is `99.9 %`, 0.004 is `0.4 %`.
    pub(crate) fn percent(self, share: f64) -> String {
        if !share.is_finite() {
            return DASH.to_owned();
        }
        let gap = self.gap();
        let percent = share * 100.0;
        let magnitude = percent.abs();
        let whole = format!("{magnitude:.0}");
        let exact = whole.parse::<f64>() == Ok(magnitude);
        // Near the ends a rounded share would claim nothing or all.
        let shown = match magnitude {
            _ if exact => self.grouped(&whole),
            it if it < 0.1 => return format!("<0.1{gap}%"),
            it if it < 1.0 || (99.0..=99.9).contains(&it) => format!("{it:.1}"),
            it if it > 99.99 && it < 100.0 => return format!(">99.99{gap}%"),
            it if it > 99.9 && it < 100.0 => format!("{it:.2}"),
            _ => self.grouped(&whole),
        };
        let sign = if percent < 0.0 { self.minus().to_string() } else { String::new() };
        format!("{sign}{shown}{gap}%")
    }

    /// Bytes in GiB with one decimal: `42.5 GiB`.
    pub(crate) fn gib(self, bytes: u64) -> String {
        let gib = bytes as f64 / 1_073_741_824.0;
        let text = format!("{gib:.1}");
        let (whole, fraction) = text.split_once('.').unwrap_or((&text, "0"));
        format!("{}.{fraction}{}GiB", self.grouped(whole), self.gap())
    }

    /// Seconds in the unit that reads best: `1.98 µs`, `620 ms`, `38 s`, `2.5 min`, `26 h`.
    pub(crate) fn duration(self, seconds: f64) -> String {
        let magnitude = seconds.abs();
        let (value, unit) = match magnitude {
            0.0 => (0.0, "s"),
            it if it < 1e-3 => (seconds * 1e6, "µs"),
            it if it < 1.0 => (seconds * 1e3, "ms"),
            it if it < 120.0 => (seconds, "s"),
            it if it < 7200.0 => (seconds / 60.0, "min"),
            it if it.is_finite() => (seconds / 3600.0, "h"),
            _ => return DASH.to_owned(),
        };
        format!("{}{}{unit}", self.quantity(value), self.gap())
    }

    /// Whole digits with separators.
    fn grouped(self, digits: &str) -> String {
        let mut out = String::with_capacity(digits.len() + digits.len() / 2);
        for (at, digit) in digits.chars().enumerate() {
            if at > 0 && (digits.len() - at).is_multiple_of(3) {
                out.push(self.separator());
            }
            out.push(digit);
        }
        out
    }

    /// `units` x 10^-`places` with the sign of `amount`; a negative amount that rounds to nothing
    /// has no sign.
    fn decimal(self, units: u128, places: usize, amount: Money) -> String {
        let padded = format!("{units:0>width$}", width = places + 1);
        let (whole, fraction) = padded.split_at(padded.len() - places);
        let point = if places == 0 { "" } else { "." };
        let negative = amount.is_negative() && units != 0;
        let sign = if negative { self.minus().to_string() } else { String::new() };
        format!("{sign}{}{point}{fraction}", self.grouped(whole))
    }
}

/// The digits of a number as a terminal writes it, without its commas; nothing for any other word.
fn ungrouped(word: &str) -> Option<String> {
    let digits = word.strip_prefix('-').unwrap_or(word);
    let (whole, fraction) = digits.split_once('.').map_or((digits, None), |(a, b)| (a, Some(b)));
    let all_digits = |it: &str| !it.is_empty() && it.bytes().all(|byte| byte.is_ascii_digit());
    let mut groups = whole.split(',');
    let first =
        groups.next().is_some_and(|it| all_digits(it) && (it.len() <= 3 || !whole.contains(',')));
    let rest = groups.all(|it| it.len() == 3 && all_digits(it));
    (first && rest && fraction.is_none_or(all_digits)).then(|| word.replace(',', ""))
}

/// An amount as it is shown: in whole cents.
pub(crate) fn cents(amount: Money) -> Money {
    let cent = 10_i128.pow(u32::try_from(SCALE - 2).unwrap_or(0));
    let n = i128::try_from(round_half_even(amount.atto().unsigned_abs(), SCALE - 2)).unwrap_or(0);
    Money::from_atto(n * cent * amount.atto().signum(), amount.currency())
}

/// What the shown cents of a whole differ by from those of its parts; nothing where they add up. Of 0.005
/// and 0.005 the whole shows 0.01 and the parts 0.00 each, so 0.01.
pub(crate) fn by_rounding(whole: Money, parts: &[Money]) -> Option<Money> {
    let parts = parts.iter().map(|it| cents(*it));
    let shown = Money::sum(parts, whole.currency()).ok()?;
    cents(whole).checked_sub(shown).ok().filter(|it| !it.is_zero())
}

/// The day of an RFC 3339 instant or date as `5 Nov 2026`, a month as `Apr 2026`; other text as it
/// is.
pub(crate) fn date(text: &str) -> String {
    if text.len() == 7
        && let Ok(day) = NaiveDate::parse_from_str(&format!("{text}-01"), "%Y-%m-%d")
    {
        let month = MONTHS.get(day.month0() as usize).unwrap_or(&"?");
        return format!("{month} {}", day.year());
    }
    let day = text.get(..10).and_then(|day| NaiveDate::parse_from_str(day, "%Y-%m-%d").ok());
    match day {
        Some(day) => {
            let month = MONTHS.get(day.month0() as usize).unwrap_or(&"?");
            format!("{} {month} {}", day.day(), day.year())
        }
        None => text.to_owned(),
    }
}

/// `value / 10^drop`, rounded half to even: 2.5 is 2 and 3.5 is 4.
fn round_half_even(value: u128, drop: usize) -> u128 {
    let Some(divisor) = u32::try_from(drop).ok().and_then(|drop| 10_u128.checked_pow(drop)) else {
        return 0;
    };
    let (quotient, rest) = (value / divisor, value % divisor);
    let up = match rest.cmp(&(divisor - rest)) {
        Ordering::Less => false,
        Ordering::Equal => quotient % 2 == 1,
        Ordering::Greater => true,
    };
    quotient + u128::from(up)
}

/// Three digits with the point where `exponent` puts it: `252` and 4 are `25200`.
fn place_point(digits: &str, exponent: i32) -> String {
    let shift = usize::try_from(exponent.unsigned_abs()).unwrap_or(0);
    if exponent < 0 {
        return format!("0.{}{digits}", "0".repeat(shift - 1));
    }
    if shift + 1 >= digits.len() {
        return format!("{digits}{}", "0".repeat(shift + 1 - digits.len()));
    }
    let (whole, fraction) = digits.split_at(shift + 1);
    format!("{whole}.{fraction}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn usd(text: &str) -> Money {
        Money::parse(text, Currency::USD).unwrap()
    }

    #[test]
    fn what_rounding_leaves_is_said() {
        let check = |whole: &str, parts: [&str; 2], expected: Option<&str>| {
            let found = by_rounding(usd(whole), &parts.map(usd));
            assert_eq!(found, expected.map(usd), "{whole} {parts:?}");
        };
        check("10", ["4.5", "5.5"], None);
        check("0.012", ["0.006", "0.006"], Some("-0.01"));
        check("53957.354", ["25506.612", "28450.745"], None);
        check("53957.354", ["25506.606", "28450.748"], Some("-0.01"));
        check("-0.01", ["-0.005", "-0.005"], Some("-0.01"));
    }

    #[test]
    fn money_is_rounded_half_to_even_on_its_digits() {
        for (raw, table, short) in [
            ("0", "0.00", "0"),
            ("0.005", "0.00", "0.00500"),
            ("0.015", "0.02", "0.0150"),
            ("0.025", "0.02", "0.0250"),
            ("0.02500000000000001", "0.03", "0.0250"),
            ("-0.001", "0.00", "-0.00100"),
            ("-12.345", "-12.34", "-12.3"),
            ("9.996", "10.00", "10.0"),
            ("999.6", "999.60", "1,000"),
            ("25180.745", "25,180.74", "25,200"),
            ("1234567.895", "1,234,567.90", "1,230,000"),
        ] {
            assert_eq!(Medium::Terminal.money(usd(raw)), table, "{raw}");
            assert_eq!(Medium::Terminal.money_short(usd(raw)), short, "{raw}");
        }
        assert_eq!(Medium::Page.money(usd("-1234.5")), "\u{2212}1\u{202f}234.50");
    }

    #[test]
    fn sentences_write_numbers_as_their_medium() {
        for (raw, terminal, page) in [
            ("-79.2732234 USD is billed", "-79.27 USD is billed", "−79.27 USD is billed"),
            ("at 29,200.00 USD.", "at 29,200.00 USD.", "at 29\u{202f}200.00 USD."),
            ("(1234.5 USD)", "(1,234.50 USD)", "(1\u{202f}234.50 USD)"),
            ("spent 0.00412345 USD", "spent 0.00412 USD", "spent 0.00412 USD"),
            ("5,236,120 requests", "5,236,120 requests", "5\u{202f}236\u{202f}120 requests"),
            ("down by -0.04, or so", "down by -0.04, or so", "down by −0.04, or so"),
            ("row 12345.678 of a-1,200", "row 12345.678 of a-1,200", "row 12345.678 of a-1,200"),
            ("1,2,3 USDC of 4.5.6 USD", "1,2,3 USDC of 4.5.6 USD", "1,2,3 USDC of 4.5.6 USD"),
            ("-- - -x 1,23 .5 5.", "-- - -x 1,23 .5 5.", "-- - -x 1,23 .5 5."),
        ] {
            assert_eq!(Medium::Terminal.prose(raw, Currency::USD), terminal, "{raw}");
            assert_eq!(Medium::Page.prose(raw, Currency::USD), page, "{raw}");
        }
    }

    #[test]
    fn one_is_singular() {
        assert_eq!(Medium::Terminal.counted(0, "row"), "0 rows");
        assert_eq!(Medium::Terminal.counted(1, "row"), "1 row");
        assert_eq!(Medium::Terminal.counted(1204, "row"), "1,204 rows");
    }

    #[test]
    fn unit_costs_keep_their_digits() {
        assert_eq!(Medium::Terminal.unit_cost(usd("2.6741")), "2.67");
        assert_eq!(Medium::Terminal.unit_cost(usd("0.0079")), "0.00790");
        assert_eq!(Medium::Terminal.unit_cost(usd("0")), "0.00");
    }

    #[test]
    fn quantities_have_three_digits() {
        for (raw, shown) in [
            (0.0, "0"),
            (-0.0, "0"),
            (12.0, "12"),
            (2.5, "2.5"),
            (9.996, "10"),
            (0.0123, "0.0123"),
            (1234.5, "1,230"),
            (1e6, "1,000,000"),
            (-3.25, "-3.25"),
            (f64::NAN, DASH),
            (f64::INFINITY, DASH),
            (1e300, "1.00e300"),
        ] {
            assert_eq!(Medium::Terminal.quantity(raw), shown, "{raw}");
        }
    }

    #[test]
    fn measures_are_whole_from_a_thousand() {
        assert_eq!(Medium::Terminal.measure(8784.0), "8,784");
        assert_eq!(Medium::Terminal.measure(412.5), "412");
        assert_eq!(Medium::Terminal.measure(-5952.0), "-5,950");
    }

    #[test]
    fn shares_say_what_matters() {
        for (raw, shown) in [
            (0.0, "0 %"),
            (0.372, "37 %"),
            (0.95, "95 %"),
            (0.999, "99.9 %"),
            (0.9996, "99.96 %"),
            (0.99999, ">99.99 %"),
            (1.0, "100 %"),
            (0.004, "0.4 %"),
            (0.0001, "<0.1 %"),
            (12.5, "1,250 %"),
            (f64::NAN, DASH),
        ] {
            assert_eq!(Medium::Terminal.percent(raw), shown, "{raw}");
        }
    }

    #[test]
    fn times_bytes_and_days_read_well() {
        assert_eq!(Medium::Terminal.duration(0.62), "620 ms");
        assert_eq!(Medium::Terminal.duration(1.98e-6), "1.98 µs");
        assert_eq!(Medium::Terminal.duration(38.0), "38 s");
        assert_eq!(Medium::Terminal.duration(150.0), "2.5 min");
        assert_eq!(Medium::Terminal.duration(93_600.0), "26 h");
        assert_eq!(Medium::Terminal.duration(f64::NAN), DASH);
        assert_eq!(Medium::Terminal.gib(45_634_027_520), "42.5 GiB");
        assert_eq!(date("2026-11-05"), "5 Nov 2026");
        assert_eq!(date("2026-04"), "Apr 2026");
        assert_eq!(date("2026"), "2026");
        assert_eq!(date("no date at all"), "no date at all");
        assert_eq!(date("no date"), "no date");
    }

    proptest! {
        #[test]
        fn nothing_panics(value in any::<f64>(), atto in any::<i128>(), text in ".*") {
            for medium in [Medium::Terminal, Medium::Page] {
                let amount = Money::from_atto(atto, Currency::USD);
                let shown = medium.money_short(amount) + &medium.money(amount);
                prop_assert!(!shown.is_empty());
                prop_assert!(!medium.quantity(value).contains("inf"));
                prop_assert!(!medium.duration(value).contains("NaN"));
                prop_assert!(!medium.percent(value).is_empty());
                let sentence = medium.prose(&text, Currency::USD);
                prop_assert_eq!(sentence.is_empty(), text.is_empty());
            }
            prop_assert_eq!(date(&text).is_empty(), text.is_empty());
        }

        #[test]
        fn cents_round_trip(cents in any::<i64>()) {
            let amount = Money::from_atto(i128::from(cents) * 10_i128.pow(16), Currency::USD);
            let plain = Medium::Terminal.money(amount).replace(',', "");
            prop_assert_eq!(Money::parse(&plain, Currency::USD), Ok(amount));
        }
    }
}
