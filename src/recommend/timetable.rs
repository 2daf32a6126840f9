//! In which week to do what: the surest and least work first, no more a week than somebody has time for.

use super::advice::Grade;
use crate::units::Money;

/// An action to be placed.
#[derive(Clone, Debug)]
pub struct ToDo {
    /// Id of the advice.
    pub advice_id: String,
    /// How sure it is.
    pub grade: Grade,
    /// Hours of work.
    pub effort_hours: f64,
    /// Saving of a month.
    pub monthly_savings: Money,
}

/// One week of work.
#[derive(Clone, Debug, PartialEq)]
pub struct Week {
    /// Counted from 1.
    pub number: u32,
    /// Ids of the advice to finish in it, in this order.
    pub advice_ids: Vec<String>,
    /// Id of the advice that is worked on in it and finished in a later week.
    pub goes_on: Option<String>,
    /// Hours of work in it, at most those of a week.
    pub effort_hours: f64,
    /// What the actions that it finishes save a month.
    pub monthly_savings: Money,
}

/// Weeks that are told one by one: a century.
const MOST: u32 = 5200;
/// Hours that are none: rounding of sums.
const NONE: f64 = 1e-6;

/// Places actions in weeks of `hours_per_week`: by grade, then by saving for an hour of work. Work is
/// done one action after the other, and what does not fit a week goes on in the next. An action is
/// finished in the week in which the work for it and all before it is done.
///
/// With 20 h a week, three of 0.25, 24 and 16 h end in weeks 1, 2 and 3, which have 20, 20 and 0.25 h.
pub fn timetable(mut to_do: Vec<ToDo>, hours_per_week: f64) -> Vec<Week> {
    let worth = |it: &ToDo| it.monthly_savings.to_f64() / it.effort_hours.max(0.01);
    to_do.sort_by(|a, b| {
        a.grade
            .cmp(&b.grade)
            .then_with(|| worth(b).total_cmp(&worth(a)))
            .then_with(|| a.advice_id.cmp(&b.advice_id))
    });
    let mut weeks: Vec<Week> = Vec::new();
    let mut done_h = 0.0;
    for it in to_do {
        let begun_h = done_h;
        done_h += it.effort_hours;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "`as` saturates"
        )]
        let week_of = |hours: f64| ((hours / hours_per_week).ceil() as u32).max(1);
        let last = week_of(done_h);
        let first = week_of(begun_h).max(last.saturating_sub(MOST));
        for number in first..=last {
            let end_h = f64::from(number) * hours_per_week;
            let hours = done_h.min(end_h) - begun_h.max(end_h - hours_per_week);
            let is_last = number == last;
            if hours > NONE || is_last {
                let week = week(&mut weeks, number, &it.monthly_savings);
                week.effort_hours += hours.max(0.0);
                if is_last {
                    finish(week, &it);
                } else {
                    week.goes_on = Some(it.advice_id.clone());
                }
            }
        }
    }
    weeks
}

/// The last of the weeks, which may begin here.
fn week<'a>(weeks: &'a mut Vec<Week>, number: u32, of: &Money) -> &'a mut Week {
    let at = weeks.iter().position(|it| it.number == number).unwrap_or_else(|| {
        weeks.push(Week {
            number,
            advice_ids: Vec::new(),
            goes_on: None,
            effort_hours: 0.0,
            monthly_savings: Money::zero(of.currency()),
        });
        weeks.len() - 1
    });
    &mut weeks[at]
}

fn finish(week: &mut Week, it: &ToDo) {
    week.advice_ids.push(it.advice_id.clone());
    if let Ok(sum) = week.monthly_savings.checked_add(it.monthly_savings) {
        week.monthly_savings = sum;
    }
}

/// How many of the largest savings make up `share` of all: of 70, 20, 8 and 2 three make up 95 %.
pub fn n_that_matter(savings: &[Money], share: f64) -> usize {
    let mut usd: Vec<f64> = savings.iter().map(|it| it.to_f64()).collect();
    usd.sort_by(|a, b| b.total_cmp(a));
    let all: f64 = usd.iter().sum();
    let mut sum = 0.0;
    let enough = usd.iter().position(|it| {
        sum += it;
        sum >= all * share
    });
    enough.map_or(usd.len(), |at| at + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Currency;
    use proptest::prelude::*;

    fn to_do(id: &str, grade: Grade, effort_hours: f64, usd: u32) -> ToDo {
        let monthly_savings = Money::parse(&usd.to_string(), Currency::USD).unwrap();
        ToDo { advice_id: id.to_owned(), grade, effort_hours, monthly_savings }
    }

    #[test]
    fn the_worked_example() {
        let all = vec![
            to_do("switch", Grade::C, 16.0, 900),
            to_do("stop", Grade::A, 0.25, 1286),
            to_do("precision", Grade::B, 24.0, 5000),
        ];
        let weeks = timetable(all, 20.0);
        let placed: Vec<(u32, &str, Option<&str>, f64)> = weeks
            .iter()
            .map(|it| {
                (it.number, it.advice_ids[0].as_str(), it.goes_on.as_deref(), it.effort_hours)
            })
            .collect();
        let expected = [
            (1, "stop", Some("precision"), 20.0),
            (2, "precision", Some("switch"), 20.0),
            (3, "switch", None, 0.25),
        ];
        assert_eq!(placed, expected);
    }

    #[test]
    fn what_takes_weeks_has_hours_in_each() {
        let weeks = timetable(vec![to_do("long", Grade::A, 50.0, 900)], 20.0);
        let hours: Vec<f64> = weeks.iter().map(|it| it.effort_hours).collect();
        assert_eq!(hours, [20.0, 20.0, 10.0]);
        let ends: Vec<usize> = weeks.iter().map(|it| it.advice_ids.len()).collect();
        assert_eq!(ends, [0, 0, 1]);
        assert!(timetable(vec![to_do("endless", Grade::A, 1e9, 900)], 1.0).len() <= 5201);
    }

    #[test]
    fn three_of_four_make_up_95_percent() {
        let usd = |it: &str| Money::parse(it, Currency::USD).unwrap();
        let savings = ["20", "70", "2", "8"].map(usd);
        assert_eq!(n_that_matter(&savings, 0.95), 3);
        assert_eq!(n_that_matter(&savings, 1.0), 4);
        assert_eq!(n_that_matter(&[], 0.95), 0);
    }

    proptest! {
        #[test]
        fn each_action_has_one_week_and_nothing_is_lost(
            work in proptest::collection::vec((0.0_f64..60.0, 0_u32..5000, 0_usize..4), 0..20),
        ) {
            let grades = [Grade::A, Grade::B, Grade::C, Grade::D];
            let all: Vec<ToDo> = work
                .iter()
                .enumerate()
                .map(|(at, (hours, usd, grade))| to_do(&at.to_string(), grades[*grade], *hours, *usd))
                .collect();
            let weeks = timetable(all, 20.0);
            let ids: Vec<&String> = weeks.iter().flat_map(|it| &it.advice_ids).collect();
            prop_assert_eq!(ids.len(), work.len());
            let usd: f64 = weeks.iter().map(|it| it.monthly_savings.to_f64()).sum();
            prop_assert!((usd - work.iter().map(|it| f64::from(it.1)).sum::<f64>()).abs() < 1e-6);
            prop_assert!(weeks.windows(2).all(|it| it[0].number < it[1].number));
            let mut hours = 0.0;
            for week in &weeks {
                hours += week.effort_hours;
                prop_assert!(week.effort_hours <= 20.0 + 1e-6, "{week:?}");
                prop_assert!(hours <= f64::from(week.number) * 20.0 + 1e-6);
            }
            let all: f64 = work.iter().map(|it| it.0).sum();
            prop_assert!((hours - all).abs() < 1e-4, "{hours} of {all}");
        }
    }
}
