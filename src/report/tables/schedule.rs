//! A weekly schedule for people.

use crate::report::model::{ReportModel, WorkloadReport};
use crate::report::table::{Narrow, Table};
use crate::report::words::{capitalized, plain, recommended};

/// Days with the same hours, and how many instances when: `Mon-Fri` and `08:00-20:00 = 2`.
type Days = (String, Vec<String>);

/// The days of a schedule in the words of `simulate --policy schedule:`, without the hours that have
/// `least` instances: all that are not named.
fn days(schedule: &str, least: u32) -> Vec<Days> {
    let mut found: Vec<Days> = Vec::new();
    for entry in schedule.split(';').map(str::trim).filter(|it| !it.is_empty()) {
        let (days, hours) = entry.split_once(' ').unwrap_or((entry, ""));
        if hours.ends_with(&format!("={least}")) {
            continue;
        }
        let named = |it: &str| it.split('-').map(capitalized).collect::<Vec<_>>().join("-");
        let days = days.split(',').map(named).collect::<Vec<_>>().join(", ");
        let hours = hours.replace('=', " = ");
        match found.last_mut() {
            Some(last) if last.0 == days => last.1.push(hours),
            _ => found.push((days, vec![hours])),
        }
    }
    found
}

/// The schedule of the recommended plan, where it has one, and the instances of all other hours.
fn of_the_advice(workload: &WorkloadReport) -> Option<(Vec<Days>, u32)> {
    let plan = recommended(workload)?;
    let text = plan.policy.get("schedule")?.as_str()?;
    let least = plan.min_replicas.unwrap_or(0);
    Some((days(&plain(text), least), least))
}

/// `Mon-Fri 08:00-20:00 = 2; Sat 10:00-14:00 = 1; else 0`.
pub(crate) fn schedule_in_words(workload: &WorkloadReport) -> Option<String> {
    let (days, least) = of_the_advice(workload)?;
    let each = days.iter().map(|(days, hours)| format!("{days} {}", hours.join(", ")));
    Some(each.chain([format!("else {least}")]).collect::<Vec<_>>().join("; "))
}

/// The same with a row for all days that are alike.
pub(crate) fn schedule(report: &ReportModel, workload: &WorkloadReport) -> Option<Table> {
    let (days, least) = of_the_advice(workload)?;
    let caption =
        format!("Instances ready, on the clock of {}; else {least}", plain(&report.time_zone));
    let mut table = Table::new(caption, &["Days", "Hours = instances"]).narrow(Narrow::Table);
    for (days, hours) in days {
        table.push(vec![days, hours.join(", ")]);
    }
    Some(table)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_that_are_alike_stand_together() {
        let text = "mon-wed,fri 09:00-17:00=2;mon-wed,fri 17:00-18:00=1;sun 20:00-24:00=11";
        let check = |least, expected: &[(&str, &[&str])]| {
            let found = days(text, least);
            let found = found.iter().map(|it| (it.0.as_str(), it.1.iter().map(String::as_str)));
            let found: Vec<(&str, Vec<&str>)> = found.map(|it| (it.0, it.1.collect())).collect();
            let expected: Vec<_> = expected.iter().map(|it| (it.0, it.1.to_vec())).collect();
            assert_eq!(found, expected, "{least}");
        };
        let sunday: &[&str] = &["20:00-24:00 = 11"];
        check(0, &[("Mon-Wed, Fri", &["09:00-17:00 = 2", "17:00-18:00 = 1"]), ("Sun", sunday)]);
        check(1, &[("Mon-Wed, Fri", &["09:00-17:00 = 2"]), ("Sun", sunday)]);
    }
}
