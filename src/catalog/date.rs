//! Dates of three precisions, a day, a month or a year, as numbers of days.

/// Days from 1970-01-01 to the first day a date can mean: a price of `2026-10` is as old as the
/// 1st, so that it never looks younger than it is.
pub(crate) fn first_day(text: &str) -> Option<i64> {
    let number = |part: &str, digits: usize| {
        let plain = part.len() == digits && part.bytes().all(|it| it.is_ascii_digit());
        plain.then(|| part.parse::<i64>().ok()).flatten()
    };
    let mut parts = text.split('-');
    let year = number(parts.next()?, 4).filter(|it| *it >= 2000)?;
    let month = parts.next().map_or(Some(1), |it| number(it, 2))?;
    let day = parts.next().map_or(Some(1), |it| number(it, 2))?;
    let known = parts.next().is_none()
        && (1..=12).contains(&month)
        && (1..=days_in(year, month)).contains(&day);
    known.then(|| days_from_civil(year, month, day))
}

const fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970-01-01 of the Gregorian calendar; the year begins in March, so that the leap day
/// is its last.
const fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = year / 4 - year / 100 + year / 400;
    // 719468 days lie between 0000-03-01 and 1970-01-01.
    year * 365 + leap_days + (month * 153 + 2) / 5 + day - 1 - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_days() {
        for (text, days) in [
            ("2026-11-28", Some(20_785)),
            ("2026-11", Some(20_758)),
            ("2026", Some(20_454)),
            ("2024-02-29", Some(19_782)),
            ("2000-01-01", Some(10_957)),
            ("2026-02-29", None),
            ("2026-13", None),
            ("2026-00-10", None),
            ("2026-1-2", None),
            ("1999-01-01", None),
            ("2026-01-01-01", None),
            ("+026-01", None),
            ("today", None),
            ("", None),
        ] {
            assert_eq!(first_day(text), days, "{text}");
        }
    }
}
