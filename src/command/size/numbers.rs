//! Numbers as `size` prints them.

use serde_json::{Value, json};

use crate::size::Estimate;

/// Two decimals of GiB, which is how engines and drivers count.
pub(super) fn gib(bytes: f64) -> String {
    const GIB: f64 = 1_073_741_824.0;
    format!("{:.2} GiB", bytes / GIB)
}

/// A count that is kept as a float because it can be large.
pub(super) fn whole(count: f64) -> u64 {
    crate::units::Bytes::from_f64_rounded(count).get()
}

/// Whole bytes for a program; nothing for what is no number.
pub(super) fn bytes(value: f64) -> Value {
    let whole = crate::units::Bytes::from_f64_rounded(value).get();
    if value.is_finite() { json!(whole) } else { Value::Null }
}

/// Six significant decimals, so that equal inputs give equal bytes everywhere.
pub(super) fn rounded(value: f64) -> Value {
    if value.is_finite() { json!((value * 1e6).round() / 1e6) } else { Value::Null }
}

/// Low, value and high of a prediction.
pub(super) fn estimate(it: &Estimate) -> Value {
    json!({ "low": rounded(it.low), "value": rounded(it.value), "high": rounded(it.high) })
}

/// A prediction with its range, scaled: `24.1 (20.2 to 28.9)`.
pub(super) fn range(it: &Estimate, factor: f64) -> String {
    let shown = |value: f64| short(value * factor);
    format!("{} ({} to {})", shown(it.value), shown(it.low), shown(it.high))
}

/// Three significant digits, whole from 100 on.
pub(super) fn short(value: f64) -> String {
    match value.abs() {
        it if it >= 100.0 => format!("{value:.0}"),
        it if it >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// Thousands and millions: `444k`, `2.1M`.
pub(super) fn thousands(number: u64) -> String {
    match number as f64 {
        it if it >= 1e6 => format!("{:.1}M", it / 1e6),
        it if it >= 1e4 => format!("{:.0}k", it / 1e3),
        it => format!("{it:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_printed() {
        assert_eq!(gib(16_095_723_520.0), "14.99 GiB");
        assert_eq!(thousands(443_600), "444k");
        assert_eq!(thousands(2_081_360), "2.1M");
        assert_eq!(thousands(4_128), "4128");
        assert_eq!(short(0.1234), "0.12");
        assert_eq!(short(12.34), "12.3");
        assert_eq!(short(1_234.5), "1234");
        let it = Estimate { low: 0.02, value: 0.024, high: 0.03 };
        assert_eq!(range(&it, 1e3), "24.0 (20.0 to 30.0)");
    }
}
