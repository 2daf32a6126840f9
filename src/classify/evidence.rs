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
        assert_eq!(span(3501.7), "58.4 minutes");
        assert_eq!(span(86_400.0), "1 day");
    }
}
