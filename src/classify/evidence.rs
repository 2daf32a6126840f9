//! Numbers and words of the sentences that carry the evidence.

/// A number for a sentence: three significant digits, at most two decimals.
pub(super) fn number(value: f64) -> String {
    let decimals = match value.abs() {
        size if size >= 100.0 => 0,
        size if size >= 10.0 => 1,
        _ => 2,
    };
    let text = format!("{value:.decimals$}");
    let short = if decimals > 0 { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    if short == "-0" { "0".to_owned() } else { short.to_owned() }
}

/// A large number for a sentence: whole, its digits in groups of three from 1,000 on.
pub(super) fn grouped(value: f64) -> String {
    if value.abs() < 1_000.0 {
        return number(value);
    }
    let digits = format!("{:.0}", value.abs());
    let mut text = if value < 0.0 { "-".to_owned() } else { String::new() };
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A share as percent for a sentence; what is there is never shown as nothing.
pub(super) fn percent(share: f64) -> String {
    let value = share * 100.0;
    if value > 0.0 && value < 0.005 { "under 0.01".to_owned() } else { grouped(value) }
}

/// A span in the unit a reader would choose: `0.97 hours`, `14 days`.
pub(super) fn span(seconds: f64) -> String {
    let (value, unit) = match seconds {
        s if s >= 86_400.0 => (s / 86_400.0, "day"),
        s if s >= 3_600.0 => (s / 3_600.0, "hour"),
        s if s >= 60.0 => (s / 60.0, "minute"),
        s => (s, "second"),
    };
    let value = number(value);
    let plural = if value == "1" { "" } else { "s" };
    format!("{value} {unit}{plural}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        let cases =
            [(0.7149, "0.71"), (23.98, "24"), (12.34, "12.3"), (1234.6, "1235"), (-0.001, "0")];
        for (value, expected) in cases {
            assert_eq!(number(value), expected);
        }
        assert_eq!(grouped(1_234_567.8), "1,234,568");
        assert_eq!((grouped(999.0), grouped(-1_000.0)), ("999".to_owned(), "-1,000".to_owned()));
        assert_eq!((percent(0.125), percent(1e-6)), ("12.5".to_owned(), "under 0.01".to_owned()));
        assert_eq!(span(3501.7), "58.4 minutes");
        assert_eq!(span(86_400.0), "1 day");
    }
}
