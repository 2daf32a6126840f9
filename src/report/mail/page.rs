//! What a mail says, before it is text or HTML: the page for who decides, each part a heading with
//! rows of a label and a number.

use super::read::{Amount, MailReport, Workload};
use super::{Audience, parts};
use crate::ingest::Fate;
use crate::report::RenderError;
use crate::report::number::{Medium, date};
use crate::report::words::{self, clip, plain, shown};
use crate::units::{Money, MoneyError};

/// Numbers as in the subject: mail programs have no narrow blank in every font.
pub(super) const MAIL: Medium = Medium::Terminal;
/// Characters of a name in the subject.
const LONGEST_IN_SUBJECT: usize = 40;

/// The mail.
#[derive(Clone, Debug)]
pub(super) struct Page {
    /// `GPU spend October 2026: 78,622 USD, 25,181 a month can be saved`.
    pub(super) subject: String,
    /// `GPU spend, October 2026`.
    pub(super) title: String,
    /// The day it speaks of, and whose it is.
    pub(super) about: String,
    /// Spend and saving, a sentence each.
    pub(super) headline: [String; 2],
    /// What is asked for.
    pub(super) decisions: Vec<String>,
    /// The rest, the most important first.
    pub(super) sections: Vec<Section>,
    /// What the numbers mean, and what made them.
    pub(super) small_print: Vec<String>,
    /// What the charts show.
    pub(super) months: Months,
}

/// A heading with rows, lines or both.
#[derive(Clone, Debug, Default)]
pub(crate) struct Section {
    pub(crate) title: String,
    pub(crate) rows: Vec<Row>,
    pub(crate) lines: Vec<String>,
    /// The name of the chart that stands below it.
    pub(super) chart: Option<&'static str>,
}

/// A label and a number.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) label: String,
    /// What the number means, in small.
    pub(crate) note: String,
    pub(crate) value: String,
    /// A sum, or the number to look at.
    pub(crate) strong: bool,
}

/// The months that charts show, in the currency of the report.
#[derive(Clone, Debug)]
pub(super) struct Months {
    /// `October 2026`.
    pub(super) period: String,
    /// A month at today's rate.
    pub(super) today: Option<Money>,
    /// The same with all that is asked for.
    pub(super) after: Option<Money>,
    /// By workload, the dearest first: name, cost of a month, what of it is asked to be saved.
    pub(super) workloads: Vec<(String, Money, Money)>,
    /// What each action saves, the largest first.
    pub(super) actions: Vec<(String, Money)>,
}

impl Row {
    pub(crate) fn new(label: impl Into<String>, note: impl Into<String>, value: String) -> Row {
        Row { label: label.into(), note: note.into(), value, strong: false }
    }

    pub(super) fn strong(self) -> Row {
        Row { strong: true, ..self }
    }
}

/// The parts of a report that one audience sees.
pub(super) struct View<'a> {
    pub(super) report: &'a MailReport,
    pub(super) audience: Audience<'a>,
    /// How it writes numbers.
    pub(super) medium: Medium,
    /// Its workloads, in the order of the report.
    pub(super) workloads: Vec<&'a Workload>,
}

impl<'a> View<'a> {
    pub(super) fn of(report: &'a MailReport, audience: Audience<'a>, medium: Medium) -> View<'a> {
        let is_seen = |it: &&Workload| match audience {
            Audience::All => true,
            Audience::Owner(owner) => it.owner.as_deref() == Some(owner),
        };
        let workloads = report.file.workloads.iter().filter(is_seen).collect();
        View { report, audience, medium, workloads }
    }

    pub(super) fn is_all(&self) -> bool {
        self.audience == Audience::All
    }

    /// `1,306.70`.
    pub(super) fn money(&self, amount: Amount) -> String {
        self.medium.money(self.report.money(amount))
    }

    /// The sum of what is known; nothing where nothing is.
    pub(super) fn sum(
        &self,
        of: impl Fn(&Workload) -> Option<Amount>,
    ) -> Result<Option<Money>, RenderError> {
        let known: Vec<Money> =
            self.workloads.iter().filter_map(|it| of(it)).map(|it| self.report.money(it)).collect();
        if known.is_empty() {
            return Ok(None);
        }
        add(known, self.report).map(Some)
    }

    /// What is spent on what this audience sees.
    pub(super) fn spend(&self) -> Result<Option<Money>, RenderError> {
        if self.is_all() {
            return Ok(self.report.file.totals.effective_cost.map(|it| self.report.money(it)));
        }
        self.sum(|it| it.baseline.effective_cost)
    }

    /// What all GPUs cost, those that no workload claims among them.
    pub(super) fn all_spend(&self) -> Result<Option<Money>, RenderError> {
        let parts: Vec<Money> = self.spend()?.into_iter().chain(self.unclaimed()).collect();
        if parts.is_empty() { Ok(None) } else { add(parts, self.report).map(Some) }
    }

    /// What GPUs cost that no workload claims: no owner pays for them.
    pub(super) fn unclaimed(&self) -> Option<Money> {
        let mut parts = self.report.file.reconciliation.parts.iter();
        let part = parts.find(|it| self.is_all() && it.place == Fate::Unassigned.as_str())?;
        let cost = part.effective.or(part.billed).map(|it| self.report.money(it));
        cost.filter(|it| !it.is_zero())
    }

    /// What was billed to workloads, and its effective cost.
    pub(super) fn billed(&self) -> (Option<Money>, Option<Money>) {
        let mut parts = self.report.file.reconciliation.parts.iter();
        let it = parts.find(|it| self.is_all() && it.place == Fate::Assigned.as_str());
        let amount = |of: Option<Amount>| of.map(|it| self.report.money(it));
        (amount(it.and_then(|it| it.billed)), amount(it.and_then(|it| it.effective)))
    }

    /// The workloads whose advice is asked for, the largest saving first, each with its place in the
    /// ranking of the whole report.
    pub(super) fn to_do(&self) -> Vec<(usize, &'a Workload)> {
        let ranking = &self.report.file.portfolio.ranking;
        let found = (1..).zip(ranking).filter_map(|(place, id)| {
            let workload = self.workloads.iter().find(|it| it.advice.id == *id)?;
            is_asked(workload).then_some((place, *workload))
        });
        found.collect()
    }

    /// What a month costs at today's rate.
    pub(super) fn month_today(&self) -> Result<Option<Money>, RenderError> {
        if self.is_all() {
            let today = self.report.file.totals.baseline_monthly_cost;
            return Ok(today.map(|it| self.report.money(it)));
        }
        self.sum(|it| it.baseline.monthly_cost)
    }

    /// What it costs with all that is asked for.
    pub(super) fn month_after(&self) -> Result<Option<Money>, RenderError> {
        if self.is_all() {
            let after = self.report.file.portfolio.savings_by_decision.monthly_cost_after;
            return Ok(after.map(|it| self.report.money(it)));
        }
        let (today, saved) = (self.month_today()?, self.savings()?);
        today.map(|it| it.checked_sub(saved)).transpose().map_err(RenderError::Amount)
    }

    /// What the asked advice saves a month.
    pub(super) fn savings(&self) -> Result<Money, RenderError> {
        if self.is_all() {
            let asked = self.report.file.portfolio.savings_by_decision.asked_for;
            return Ok(self.report.money(asked));
        }
        let asked =
            self.to_do().into_iter().map(|it| self.report.money(it.1.advice.monthly_savings));
        add(asked.collect(), self.report)
    }

    /// What of it weak advice saves.
    fn weak(&self) -> Result<Money, RenderError> {
        let to_do = self.to_do().into_iter().map(|it| &it.1.advice);
        let weak = to_do.filter(|it| words::is_weak(&it.grade));
        add(weak.map(|it| self.report.money(it.monthly_savings)).collect(), self.report)
    }

    /// True where something could be saved and all of it was rejected or put off.
    fn all_is_decided(&self) -> bool {
        let ranking = &self.report.file.portfolio.ranking;
        self.to_do().is_empty() && self.workloads.iter().any(|it| ranking.contains(&it.advice.id))
    }
}

/// Advice that was neither rejected nor put off.
fn is_asked(workload: &Workload) -> bool {
    let counts_as = workload.advice.decision.as_ref().map(|it| it.counts_as.as_str());
    matches!(counts_as, None | Some("open" | "approved"))
}

pub(super) fn add(amounts: Vec<Money>, report: &MailReport) -> Result<Money, RenderError> {
    let start = Money::zero(report.currency);
    let sum: Result<Money, MoneyError> = amounts.into_iter().try_fold(start, Money::checked_add);
    sum.map_err(RenderError::Amount)
}

/// What is asked for and the parts that stand below it, as another medium writes numbers: the page for
/// who decides is the same in the mail and in the report.
pub(crate) fn first_page(
    report: &MailReport,
    medium: Medium,
) -> Result<(Vec<String>, Vec<Section>), RenderError> {
    let view = View::of(report, Audience::All, medium);
    Ok((parts::decisions(&view)?, parts::beside_actions(&view)?))
}

/// What the mail says; nothing for an owner without workloads.
pub(super) fn page(
    report: &MailReport,
    audience: Audience<'_>,
    attached: &[String],
    news: &[String],
) -> Result<Option<Page>, RenderError> {
    let view = View::of(report, audience, MAIL);
    if view.workloads.is_empty() && !view.is_all() {
        return Ok(None);
    }
    let period = clip(&plain(&report.file.period_label), LONGEST_IN_SUBJECT);
    let (spend, savings) = (view.spend()?, view.savings()?);
    let whose = match audience {
        Audience::All => String::new(),
        Audience::Owner(owner) => format!("of {}", clip(&plain(owner), LONGEST_IN_SUBJECT)),
    };
    let day = date(report.as_of());
    Ok(Some(Page {
        subject: subject(&view, &period, &whose, (view.all_spend()?, savings)),
        title: match audience {
            Audience::All => format!("GPU spend, {period}"),
            Audience::Owner(_) => format!("GPU spend {whose}, {period}"),
        },
        about: format!("as of {}, amounts in {}", clip(&plain(&day), 20), report.currency),
        headline: headline(&view, spend, savings)?,
        decisions: parts::decisions(&view)?,
        sections: parts::sections(&view, news)?,
        small_print: parts::small_print(&view, attached),
        months: months(&view, period)?,
    }))
}

fn subject(
    view: &View<'_>,
    period: &str,
    whose: &str,
    (spend, savings): (Option<Money>, Money),
) -> String {
    let currency = view.report.currency;
    let of = if whose.is_empty() { period.to_owned() } else { format!("{whose}, {period}") };
    let spent = spend.map_or_else(
        || "cost not measured".to_owned(),
        |it| format!("{} {currency}", MAIL.money_whole(it)),
    );
    let saved = if !savings.is_zero() {
        format!("{} a month can be saved", MAIL.money_whole(savings))
    } else if view.all_is_decided() {
        "all savings rejected or put off".to_owned()
    } else {
        "nothing to save found".to_owned()
    };
    format!("GPU spend {of}: {spent}, {saved}")
}

fn headline(
    view: &View<'_>,
    spend: Option<Money>,
    savings: Money,
) -> Result<[String; 2], RenderError> {
    let currency = view.report.currency;
    let spent = words::gpus_cost((spend, view.unclaimed()), (currency, MAIL));
    let basis = (view.report.file.totals.window_hours, view.month_today()?);
    let spent = words::with_basis(spent, basis, MAIL);
    let saved = if !savings.is_zero() {
        let weak = words::of_it_weak(view.weak()?, MAIL);
        format!("{} {currency} a month can be saved{weak}.", MAIL.money(savings))
    } else if view.all_is_decided() {
        "All that could be saved was rejected or put off.".to_owned()
    } else {
        "Nothing to save was found.".to_owned()
    };
    Ok([spent, saved])
}

fn months(view: &View<'_>, period: String) -> Result<Months, RenderError> {
    let report = view.report;
    let to_do = view.to_do();
    let actions: Vec<(String, Money)> = to_do
        .iter()
        .map(|(place, it)| {
            (format!("S{place} {}", shown(&it.name)), report.money(it.advice.monthly_savings))
        })
        .collect();
    let (today, after) = (view.month_today()?, view.month_after()?);
    let mut workloads: Vec<(String, Money, Money)> = Vec::new();
    for it in &view.workloads {
        let Some(month) = it.baseline.monthly_cost else { continue };
        let asked = to_do.iter().any(|(_, other)| std::ptr::eq(*other, *it));
        let saves = if asked {
            report.money(it.advice.monthly_savings)
        } else {
            Money::zero(report.currency)
        };
        workloads.push((shown(&it.name), report.money(month), saves));
    }
    workloads.sort_by_key(|it| std::cmp::Reverse(it.1.atto()));
    Ok(Months { period, today, after, workloads, actions })
}
