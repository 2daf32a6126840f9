//! What a mail told its reader, so that the next one can be left out where nothing changed.

use std::collections::BTreeMap;

use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use super::page::{MAIL, View};
use super::read::{MailReport, Workload};
use super::{Audience, RenderError, parts};
use crate::report::words::{clip, plain, shown, waste};
use crate::units::{Money, Timestamp};

/// A saving or a cost that moved by less of itself is the same news.
const SAME: f64 = 0.1;
/// A saving of a smaller share of the cost of a month is no news by itself.
const SMALL: f64 = 0.005;
/// Changes that a mail names; the others are counted.
const MOST: usize = 8;
const LONGEST: usize = 160;

/// What a reader knows after a mail, as far as it decides whether there is news. Amounts are of a month
/// in the currency of the report.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Known {
    currency: String,
    window_start: String,
    window_end: String,
    /// `2026-10`: the month in which the window ends, by the clock of the report.
    month: Option<String>,
    /// Effective cost of the window, as it is shown.
    spend: Option<String>,
    monthly_cost: Option<f64>,
    /// By the id of the advice.
    actions: BTreeMap<String, Action>,
    /// Waste by workload, and remarks, each behind what tells it from others: a remark without its
    /// numbers.
    findings: BTreeMap<String, String>,
    /// Of the budget: `favorable` or `unfavorable`.
    budget: Option<String>,
}

/// An action that is asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Action {
    workload: String,
    monthly_savings: f64,
    /// `open` or `approved`.
    state: String,
    overdue: bool,
}

impl Known {
    /// What the mail of this report tells.
    pub fn of(report: &MailReport, audience: Audience<'_>) -> Result<Known, RenderError> {
        let view = View::of(report, audience, MAIL);
        let number = |it: Option<Money>| it.map(Money::to_f64);
        let totals = &report.file.totals;
        let actions =
            view.to_do().into_iter().map(|(_, it)| (it.advice.id.clone(), action(&view, it)));
        let month = report.file.budget.as_ref().and_then(|it| it.months.last());
        let mut findings: BTreeMap<String, String> = BTreeMap::new();
        for it in &view.workloads {
            let name = shown(&it.name);
            let found = it.waste.iter().map(|it| format!("{name}: {}", waste(&it.finding)));
            findings.extend(found.map(|it| (it.clone(), it)));
        }
        if view.is_all() {
            let said = |it: &String| MAIL.prose(&plain(it), report.currency);
            findings.extend(report.file.notices.iter().map(|it| (letters(it), said(it))));
        }
        Ok(Known {
            currency: report.currency.to_string(),
            window_start: totals.window_start.clone(),
            window_end: totals.window_end.clone(),
            month: last_month(&totals.window_end, &report.file.time_zone),
            spend: view.all_spend()?.map(|it| MAIL.money(it)),
            monthly_cost: number(view.month_today()?),
            actions: actions.collect(),
            findings,
            budget: month.and_then(|it| match audience {
                Audience::All => it.total.word.clone(),
                Audience::Owner(owner) => {
                    let own = it.owners.iter().find(|it| it.owner.as_deref() == Some(owner))?;
                    own.variance.word.clone()
                }
            }),
        })
    }

    /// What is new in `now` for somebody who knows this, a sentence each; nothing where it is no news.
    pub fn news(&self, now: &Known) -> Vec<String> {
        let mut news: Vec<String> = Vec::new();
        news.extend(self.window_news(now));
        news.extend(self.cost_news(now));
        for (id, it) in &now.actions {
            news.extend(self.action_news(self.actions.get(id), it, now));
        }
        for (id, it) in &self.actions {
            if !now.actions.contains_key(id) {
                news.push(format!("{}: no longer asked for", it.workload));
            }
        }
        let found = now.findings.iter().filter(|it| !self.findings.contains_key(it.0));
        news.extend(found.map(|it| format!("new: {}", it.1)));
        if let (Some(word), true) = (&now.budget, self.budget != now.budget) {
            news.push(format!("against the budget: {}", shown(word)));
        }
        let left = news.len().saturating_sub(MOST);
        news.truncate(MOST);
        if left > 0 {
            news.push(format!("{left} more changes"));
        }
        news.iter().map(|it| clip(&plain(it), LONGEST)).collect()
    }

    /// A mail comes at least once in a month, so that silence never means that the job has died.
    fn window_news(&self, now: &Known) -> Option<String> {
        let is_same = self.window_start == now.window_start && self.window_end == now.window_end;
        if is_same && self.spend != now.spend {
            let [was, is] =
                [&self.spend, &now.spend].map(|it| it.clone().unwrap_or_else(parts::not_measured));
            return Some(format!("restated: the same days cost {was}, now {is} {}", now.currency));
        }
        let is = now.month.clone().unwrap_or_default();
        (self.month != now.month).then(|| format!("a new month: {is}"))
    }

    fn cost_news(&self, now: &Known) -> Option<String> {
        if self.currency != now.currency {
            return Some(format!("amounts are in {} now", now.currency));
        }
        let (Some(was), Some(is)) = (self.monthly_cost, now.monthly_cost) else {
            return (self.monthly_cost.is_some() != now.monthly_cost.is_some())
                .then(|| "the cost of a month is known or not known now".to_owned());
        };
        moved(was, is).then(|| {
            let [was, is] = [was, is].map(|it| MAIL.measure(it));
            format!("a month at this rate was {was}, now {is} {}", now.currency)
        })
    }

    fn action_news(&self, was: Option<&Action>, is: &Action, now: &Known) -> Option<String> {
        let name = &is.workload;
        let saves = MAIL.measure(is.monthly_savings);
        let Some(was) = was else {
            return Some(format!("{name}: new, saves {saves} {} a month", now.currency));
        };
        if is.overdue && !was.overdue {
            return Some(format!("{name}: overdue"));
        }
        if is.state != was.state {
            return Some(format!("{name}: {} now", shown(&is.state)));
        }
        let least = SMALL * now.monthly_cost.or(self.monthly_cost).unwrap_or_default();
        let by = (is.monthly_savings - was.monthly_savings).abs();
        (moved(was.monthly_savings, is.monthly_savings) && by > least).then(|| {
            let was = MAIL.measure(was.monthly_savings);
            format!("{name}: saves {saves} a month, was {was}")
        })
    }
}

fn action(view: &View<'_>, it: &Workload) -> Action {
    let decision = it.advice.decision.as_ref();
    Action {
        workload: shown(&it.name),
        monthly_savings: view.report.money(it.advice.monthly_savings).to_f64(),
        state: decision.map_or_else(|| "open".to_owned(), |it| it.counts_as.clone()),
        overdue: decision.is_some_and(|it| it.overdue),
    }
}

fn moved(was: f64, is: f64) -> bool {
    (is - was).abs() > SAME * was.abs()
}

/// `2026-10` for a window that ends with October.
fn last_month(window_end: &str, zone: &str) -> Option<String> {
    let zone: Tz = zone.parse().ok()?;
    let end = Timestamp::parse(window_end, Tz::UTC).ok()?;
    Some(end.plus_us(-1).in_zone(zone).format("%Y-%m").to_string())
}

/// A remark without its numbers: the same remark with others is no news. Names keep their digits.
fn letters(text: &str) -> String {
    let words = plain(text);
    let words = words.split_whitespace().filter(|it| it.chars().any(char::is_alphabetic));
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    const REPORT: &str = include_str!("../../../reports/usage/report.json");

    fn told(change: impl FnOnce(&mut Value)) -> Known {
        let mut value: Value = serde_json::from_str(REPORT).unwrap();
        change(&mut value);
        let report = MailReport::read(&value.to_string()).unwrap();
        Known::of(&report, Audience::All).unwrap()
    }

    fn advice(value: &mut Value, workload: &str) -> usize {
        let all = value["workloads"].as_array().unwrap();
        all.iter().position(|it| it["name"] == workload).unwrap()
    }

    fn week_later(value: &mut Value) {
        value["totals"]["window_start"] = "2026-10-02T00:00:00Z".into();
        value["totals"]["window_end"] = "2026-10-31T00:00:00Z".into();
    }

    #[test]
    fn the_same_report_is_no_news_and_survives_the_file() {
        let was = told(|_| {});
        assert!(was.news(&told(|_| {})).is_empty());
        let read: Known = serde_json::from_str(&serde_json::to_string(&was).unwrap()).unwrap();
        assert_eq!(read, was);
        // Other days, a little more cost, other numbers in a remark.
        let now = told(|it| {
            week_later(it);
            it["totals"]["effective_cost"] = "55100".into();
            it["totals"]["baseline_monthly_cost"] = "55000".into();
            let text = it["notices"][1].as_str().unwrap().replace("3.1", "3.4");
            it["notices"][1] = text.into();
        });
        assert_eq!(was.news(&now), Vec::<String>::new());
    }

    #[test]
    fn what_a_reader_would_act_on_is_news() {
        let was = told(|_| {});
        let one = |change: &dyn Fn(&mut Value)| {
            was.news(&told(|it| {
                week_later(it);
                change(it);
            }))
        };
        let news = one(&|it| {
            let at = advice(it, "chat-prod");
            it["workloads"][at]["advice"]["monthly_savings"] = "5000".into();
        });
        assert_eq!(news, ["chat-prod: saves 5,000 a month, was 7,328"]);
        let news = one(&|it| {
            let at = advice(it, "old-demo");
            it["workloads"][at]["advice"]["id"] = "a-other".into();
            it["portfolio"]["ranking"].as_array_mut().unwrap().push("a-other".into());
        });
        assert_eq!(
            news,
            ["old-demo: new, saves 1,307 USD a month", "old-demo: no longer asked for"]
        );
        let news = one(&|it| it["notices"][0] = "img-gen: 90.00 USD over what is usual".into());
        assert_eq!(news, ["new: img-gen: 90.00 USD over what is usual"]);
        let news = one(&|it| {
            it["notices"][0] = "img-gen: the approved saving of 5712.8288608 USD was due".into();
        });
        assert_eq!(news, ["new: img-gen: the approved saving of 5,712.83 USD was due"]);
        let named = |name: &str| format!("{name}: 83.80 USD over what is usual");
        let was_named = told(|it| it["notices"][0] = named("llama-70b").into());
        let other = told(|it| it["notices"][0] = named("qwen-32b").into());
        assert_eq!(was_named.news(&other), ["new: qwen-32b: 83.80 USD over what is usual"]);
        let news = one(&|it| it["totals"]["baseline_monthly_cost"] = "70000".into());
        assert_eq!(news, ["a month at this rate was 53,957, now 70,000 USD"]);
        let news = one(&|it| it["totals"]["window_end"] = "2026-11-08T00:00:00Z".into());
        assert_eq!(news, ["a new month: 2026-11"]);
        let news = one(&|it| {
            let at = advice(it, "old-demo");
            it["workloads"][at]["advice"]["decision"] = serde_json::json!({
                "counts_as": "approved", "owner": null, "due": null, "overdue": false
            });
        });
        assert_eq!(news, ["old-demo: approved now"]);
    }

    #[test]
    fn another_bill_of_the_same_days_is_restated() {
        let was = told(|_| {});
        let now = told(|it| it["totals"]["effective_cost"] = "55100".into());
        let restated = "restated: the same days cost 54,992.15, now 55,100.00 USD";
        assert_eq!(was.news(&now), [restated]);
    }

    #[test]
    fn a_month_ends_by_the_clock_of_the_report() {
        let month = |end: &str, zone: &str| last_month(end, zone).unwrap();
        assert_eq!(month("2026-11-01T00:00:00Z", "UTC"), "2026-10");
        assert_eq!(month("2026-11-01T04:00:00Z", "America/New_York"), "2026-10");
        assert_eq!(month("2026-10-31T23:00:00Z", "Europe/Berlin"), "2026-10");
    }

    #[test]
    fn a_small_saving_may_move_without_news() {
        let was = told(|_| {});
        let now = told(|it| {
            let at = advice(it, "enrich-nightly");
            // 11 % of itself, 0.15 % of the cost of a month.
            it["workloads"][at]["advice"]["monthly_savings"] = "800".into();
        });
        assert_eq!(was.news(&now), Vec::<String>::new());
    }
}
