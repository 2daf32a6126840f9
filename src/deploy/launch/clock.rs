//! A weekly schedule as lines of cron: when instances are switched on and off.

use std::collections::BTreeMap;

use crate::simulate::{MINUTES_OF_WEEK, Stretch, Week};

const DAY_MIN: u32 = 1_440;

/// A stretch of one or several days, as two lines of cron.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct OnOff {
    /// `56 7 * * 1,2`.
    pub(super) on: String,
    /// `0 18 * * 1,2`.
    pub(super) off: String,
}

/// When at least so many replicas are wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum When {
    /// Every minute of the week.
    Always,
    /// Never.
    Never,
    /// At these times.
    At(Vec<OnOff>),
}

/// When at least `replicas` are wanted, switched on `lead_min` minutes early.
pub(super) fn when(week: &Week, replicas: u32, lead_min: u32) -> When {
    let stretches = early(&week.at_least(replicas), lead_min);
    match stretches.as_slice() {
        [] => When::Never,
        [one] if one.length_min >= MINUTES_OF_WEEK => When::Always,
        all => When::At(lines(all)),
    }
}

/// The times at which the number changes, as lines of cron with the number from then on; nothing for a
/// number that never does. A rise comes `lead_min` minutes early.
pub(super) fn changes(week: &Week, lead_min: u32) -> Vec<(String, u32)> {
    let mut levels = vec![0_u32; MINUTES_OF_WEEK as usize];
    for replicas in 1..=week.most() {
        for it in early(&week.at_least(replicas), lead_min) {
            for minute in it.start_min..it.start_min + it.length_min {
                levels[(minute % MINUTES_OF_WEEK) as usize] = replicas;
            }
        }
    }
    let mut groups: BTreeMap<(u32, u32), Vec<u32>> = BTreeMap::new();
    let before = |minute: usize| levels[(minute + levels.len() - 1) % levels.len()];
    for (minute, level) in (0..).zip(&levels) {
        if before(minute as usize) != *level {
            groups.entry((minute % DAY_MIN, *level)).or_default().push(minute / DAY_MIN);
        }
    }
    groups.into_iter().map(|((minute, level), days)| (cron(minute, &days), level)).collect()
}

/// Every stretch begun earlier, those that then touch as one.
fn early(stretches: &[Stretch], lead_min: u32) -> Vec<Stretch> {
    let lead = lead_min.min(DAY_MIN);
    let mut all: Vec<Stretch> = Vec::new();
    for it in stretches {
        // Counted a week later, so that no start is below zero.
        let start = it.start_min + MINUTES_OF_WEEK - lead;
        let length = it.length_min + lead;
        match all.last_mut() {
            Some(last) if last.start_min + last.length_min >= start => {
                last.length_min = start + length - last.start_min;
            }
            _ => all.push(Stretch { start_min: start, length_min: length }),
        }
    }
    // The last of the week can reach the first of the next.
    if let [first, .., last] = all.as_mut_slice()
        && last.start_min + last.length_min >= first.start_min + MINUTES_OF_WEEK
    {
        last.length_min = first.start_min + MINUTES_OF_WEEK + first.length_min - last.start_min;
        all.remove(0);
    }
    for it in &mut all {
        it.start_min %= MINUTES_OF_WEEK;
        it.length_min = it.length_min.min(MINUTES_OF_WEEK);
        if it.length_min == MINUTES_OF_WEEK {
            return vec![Stretch { start_min: 0, length_min: MINUTES_OF_WEEK }];
        }
    }
    all.sort_unstable();
    all
}

/// Stretches as lines of cron; those of less than a day at the same times share a line.
fn lines(stretches: &[Stretch]) -> Vec<OnOff> {
    let mut groups: BTreeMap<(u32, u32), Vec<u32>> = BTreeMap::new();
    let mut long = Vec::new();
    for it in stretches {
        let (day, minute) = (it.start_min / DAY_MIN, it.start_min % DAY_MIN);
        if it.length_min < DAY_MIN {
            groups.entry((minute, it.length_min)).or_default().push(day);
        } else {
            long.push(*it);
        }
    }
    let short = groups.into_iter().map(|((minute, length), days)| {
        let end = minute + length;
        let next: Vec<u32> = days.iter().map(|day| (day + end / DAY_MIN) % 7).collect();
        OnOff { on: cron(minute, &days), off: cron(end % DAY_MIN, &next) }
    });
    let long = long.into_iter().map(|it| {
        let end = (it.start_min + it.length_min) % MINUTES_OF_WEEK;
        OnOff {
            on: cron(it.start_min % DAY_MIN, &[it.start_min / DAY_MIN]),
            off: cron(end % DAY_MIN, &[end / DAY_MIN]),
        }
    });
    short.chain(long).collect()
}

/// A line of cron; days from Monday 0, which is 1 there, and Sunday 0.
fn cron(minute: u32, days: &[u32]) -> String {
    let mut days: Vec<u32> = days.iter().map(|day| (day + 1) % 7).collect();
    days.sort_unstable();
    let named = match days.as_slice() {
        [0, 1, 2, 3, 4, 5, 6] => "*".to_owned(),
        [1, 2, 3, 4, 5] => "1-5".to_owned(),
        all => all.iter().map(u32::to_string).collect::<Vec<_>>().join(","),
    };
    format!("{} {} * * {named}", minute % 60, minute / 60)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(text: &str, replicas: u32, lead: u32) -> String {
        match when(&Week::parse(text).unwrap(), replicas, lead) {
            When::Always => "always".to_owned(),
            When::Never => "never".to_owned(),
            When::At(all) => all
                .iter()
                .map(|it| format!("{} | {}", it.on, it.off))
                .collect::<Vec<_>>()
                .join("; "),
        }
    }

    #[test]
    fn weeks_by_hand() {
        for (text, replicas, lead, expected) in [
            ("mon-sun 08:00-17:00=1", 1, 3, "57 7 * * * | 0 17 * * *"),
            ("mon-fri 08:00-20:00=2", 2, 0, "0 8 * * 1-5 | 0 20 * * 1-5"),
            ("mon-fri 08:00-20:00=2", 3, 0, "never"),
            ("mon-sun 00:00-24:00=3", 3, 9, "always"),
            // The end of a day is the start of the next.
            ("tue-thu 18:00-24:00=2", 2, 0, "0 18 * * 2,3,4 | 0 0 * * 3,4,5"),
            // Two days without a gap are one stretch.
            ("sat-sun 00:00-24:00=1", 1, 10, "50 23 * * 5 | 0 0 * * 1"),
            // Over midnight on Sunday.
            ("sun 22:00-06:00=1", 1, 0, "0 22 * * 0 | 0 6 * * 1"),
            // Early by so much that two touch.
            ("mon 08:00-09:00=1;mon 09:05-10:00=1", 1, 5, "55 7 * * 1 | 0 10 * * 1"),
            ("mon 00:00-01:00=1", 1, 30, "30 23 * * 0 | 0 1 * * 1"),
        ] {
            assert_eq!(shown(text, replicas, lead), expected, "{text}");
        }
    }

    #[test]
    fn changes_by_hand() {
        let check = |text: &str, lead, expected: &[(&str, u32)]| {
            let found = changes(&Week::parse(text).unwrap(), lead);
            let found: Vec<(&str, u32)> = found.iter().map(|it| (it.0.as_str(), it.1)).collect();
            assert_eq!(found, expected, "{text}");
        };
        check("mon-sun 08:00-17:00=1", 3, &[("57 7 * * *", 1), ("0 17 * * *", 0)]);
        check(
            "mon-fri 00:00-24:00=1;mon-fri 09:00-12:00=2",
            10,
            &[("0 0 * * 6", 0), ("50 8 * * 1-5", 2), ("0 12 * * 1-5", 1), ("50 23 * * 0", 1)],
        );
        check("mon-sun 00:00-24:00=2", 10, &[]);
    }

    proptest! {
        /// Whatever the week, the lines of cron are on in every minute in which so many are wanted.
        #[test]
        fn cron_is_on_when_it_must(levels in proptest::collection::vec(0_u32..4, 168), replicas in 1_u32..4, lead in 0_u32..50) {
            let hours: [u32; 168] = levels.try_into().unwrap();
            let Some(week) = Week::of_hours(&hours) else { return Ok(()) };
            let wanted: Vec<bool> = (0..MINUTES_OF_WEEK).map(|m| hours[(m / 60) as usize] >= replicas).collect();
            let on = |minute: usize| (0..=lead as usize).any(|ahead| wanted[(minute + ahead) % wanted.len()]);
            let n = (0..wanted.len()).filter(|it| on(*it)).count();
            match when(&week, replicas, lead) {
                When::Always => prop_assert_eq!(n, wanted.len()),
                When::Never => prop_assert_eq!(n, 0),
                When::At(all) => {
                    let mut found = vec![false; wanted.len()];
                    for it in &all {
                        let (starts, ends) = (minutes(&it.on), minutes(&it.off));
                        for start in starts {
                            let length = ends.iter().map(|end| (end + wanted.len() - start) % wanted.len()).filter(|it| *it > 0).min().unwrap();
                            for minute in start..start + length {
                                found[minute % wanted.len()] = true;
                            }
                        }
                    }
                    for (minute, found) in found.iter().enumerate() {
                        prop_assert_eq!(*found, on(minute), "minute {}", minute);
                    }
                }
            }
        }
    }

    /// Minutes of the week, from Monday, of a line of cron.
    fn minutes(line: &str) -> Vec<usize> {
        let words: Vec<&str> = line.split(' ').collect();
        let at: usize =
            words[1].parse::<usize>().unwrap() * 60 + words[0].parse::<usize>().unwrap();
        let days: Vec<usize> = match words[4] {
            "*" => (0..7).collect(),
            "1-5" => (1..6).collect(),
            list => list.split(',').map(|it| it.parse().unwrap()).collect(),
        };
        days.into_iter().map(|day| (day + 6) % 7 * 1_440 + at).collect()
    }
}
