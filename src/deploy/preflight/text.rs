//! Small pieces of text: cleaning, clipping, amounts.

use crate::deploy::topo::text::clip_to;

/// Longest piece of the user's text kept, characters.
const CLIP: usize = 60;

/// The line without escape codes, the carriage return and other control characters but tabs.
pub(crate) fn clean(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut chars = line.chars().peekable();
    while let Some(it) = chars.next() {
        if it == '\u{1b}' {
            if chars.next_if_eq(&'[').is_some() {
                // A control sequence ends with its first byte from @ to ~.
                while chars.next().is_some_and(|it| !('@'..='~').contains(&it)) {}
            }
        } else if it == '\t' || !it.is_control() {
            out.push(it);
        }
    }
    out
}

/// At most 60 characters, on one line.
pub(crate) fn clip(text: &str) -> String {
    clip_to(text, CLIP)
}

/// The number a value starts with: `23034 MiB`, `700.00 W`, `16x`.
pub(crate) fn amount(value: &str) -> Option<u64> {
    let value = value.trim();
    let end = value.find(|it: char| !it.is_ascii_digit()).unwrap_or(value.len());
    value.get(..end)?.parse().ok()
}

/// Seconds with decimals as microseconds.
pub(crate) fn micros(value: &str) -> Option<u64> {
    let (whole, decimals) = value.split_once('.').unwrap_or((value, ""));
    let is_number = |it: &str| it.bytes().all(|b| b.is_ascii_digit());
    if !is_number(whole) || !is_number(decimals) {
        return None;
    }
    let six: String = decimals.chars().chain("000000".chars()).take(6).collect();
    whole.parse::<u64>().ok()?.checked_mul(1_000_000)?.checked_add(six.parse().ok()?)
}

/// What stands before and after the first colon.
pub(crate) fn pair(line: &str) -> Option<(&str, &str)> {
    let (key, value) = line.split_once(':')?;
    Some((key.trim(), value.trim()))
}

/// `71.3 GiB`.
pub(crate) fn gib(bytes: u64) -> String {
    format!("{:.1} GiB", bytes as f64 / f64::from(1u32 << 30))
}

/// `141 GB`, `1.4 GB`: decimal, as disks and downloads are told.
pub(crate) fn gb(bytes: u64) -> String {
    let gb = bytes as f64 / 1e9;
    if gb < 10.0 { format!("{gb:.1} GB") } else { format!("{gb:.0} GB") }
}

/// `52 s`, `3 min`, `2.1 h`.
pub(crate) fn duration(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", (seconds + 30) / 60),
        _ => format!("{:.1} h", seconds as f64 / 3600.0),
    }
}

/// "GPU 2", "GPUs 0-3, 5".
pub(crate) fn gpus(numbers: &[u32]) -> String {
    let mut ranges: Vec<(u32, u32)> = Vec::new();
    for &it in numbers {
        match ranges.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(it) => *last = it,
            _ => ranges.push((it, it)),
        }
    }
    let words: Vec<String> = ranges
        .iter()
        .map(|(from, to)| if from == to { from.to_string() } else { format!("{from}-{to}") })
        .collect();
    format!("GPU{} {}", if numbers.len() == 1 { "" } else { "s" }, words.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces() {
        assert_eq!(clean("\u{1b}[32m== end\u{1b}[0m\r"), "== end");
        assert_eq!(clean("a\tb\u{7}"), "a\tb");
        assert_eq!(amount("23034 MiB"), Some(23_034));
        assert_eq!(amount("N/A"), None);
        assert_eq!(micros("0.134555"), Some(134_555));
        assert_eq!(micros("12"), Some(12_000_000));
        assert_eq!(micros("0.13455512"), Some(134_555));
        assert_eq!(micros("5.7e-05"), None);
        assert_eq!(gib(76_521_930_752), "71.3 GiB");
        assert_eq!((gb(141_000_000_000), gb(1_440_000_000)), ("141 GB".into(), "1.4 GB".into()));
        assert_eq!(duration(119), "119 s");
        assert_eq!(duration(150), "3 min");
        assert_eq!(duration(7560), "2.1 h");
        assert_eq!(gpus(&[0, 1, 2, 5]), "GPUs 0-2, 5");
        assert_eq!(gpus(&[3]), "GPU 3");
    }
}
