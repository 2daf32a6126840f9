//! What to buy again of a commitment that ends, and what it would cost to commit before the advice is
//! followed.

use super::commitments::{amount, instance, months, unused, without};
use crate::report::commitments::{CommittedFirstReport, HeldReport, RenewalReport};
use crate::report::model::ReportModel;
use crate::report::number::{Medium, date};
use crate::report::table::Table;
use crate::report::words::plain;

/// Held commitments that end within the next term.
pub(super) fn renewals(report: &ReportModel, medium: Medium) -> Table {
    let saves = format!("Saves {}/month#", report.currency);
    let heads = ["Ends", "Held", "Instances#", "Buy again#", "Term", saves.as_str()];
    let mut table = Table::new("What ends, and what to buy again", &heads);
    let ending = report.commitment.held_commitments.iter();
    for (it, renewal) in ending.filter_map(|it| Some((it, it.renewal.as_ref()?))) {
        table.push(vec![
            date(&it.end),
            plain(&it.id),
            medium.count(it.instances.into()),
            medium.count(renewal.instances.into()),
            months(renewal.term_months),
            amount(report, renewal.monthly_savings, medium),
        ]);
    }
    let note = "By the demand after the advice that what is held besides leaves, those that end first weighed \
                first; against running the same by use. 0 instances: let it end, nothing is left for it \
                or by use is cheaper.";
    let ending = report.commitment.held_commitments.iter();
    let limits = ending.filter_map(|it| {
        Some(format!(" {}: {}.", plain(&it.id), limits(report, it.renewal.as_ref()?, medium)?))
    });
    table.note = Some(format!("{note}{}", limits.collect::<String>()));
    table
}

/// Why none may be bought again, and whose demand does not count.
fn limits(report: &ReportModel, it: &RenewalReport, medium: Medium) -> Option<String> {
    let allowed = it
        .not_allowed
        .as_ref()
        .map(|why| format!("{} are not allowed, {}", months(it.term_months), plain(why)));
    let unused = unused(report, &it.unused_hours, "buy again", medium);
    let said: Vec<String> = allowed
        .into_iter()
        .chain(without(&it.without))
        .chain(unused.filter(|_| it.instances > 0))
        .collect();
    (!said.is_empty()).then(|| said.join("; "))
}

/// What of an ending commitment to buy again, in one line.
pub(super) fn renewal_in_words(
    report: &ReportModel,
    it: &HeldReport,
    medium: Medium,
) -> Option<String> {
    let renewal = it.renewal.as_ref()?;
    let (id, end) = (plain(&it.id), date(&it.end));
    let limits = limits(report, renewal, medium);
    let limited = limits.as_ref().map_or_else(String::new, |it| format!("; {it}"));
    Some(if renewal.instances == 0 && renewal.not_allowed.is_some() {
        format!("{id} ends {end}: none of it can be bought again{limited}")
    } else if renewal.instances == 0 {
        format!(
            "{id} ends {end}: let it end, at the demand after the advice nothing is left for it or by use is \
             cheaper{limited}"
        )
    } else {
        format!(
            "{id} ends {end}: buy {} of {} again for {}, saves {} a month against by use{limited}",
            medium.count(renewal.instances.into()),
            medium.count(it.instances.into()),
            months(renewal.term_months),
            amount(report, renewal.monthly_savings, medium)
        )
    })
}

/// Commitments for today's fleets that lose by the advice.
pub(super) fn committed_first(report: &ReportModel, medium: Medium) -> Table {
    let heads = [
        "Bought for what runs today",
        "Term",
        "Saves a month today#",
        "Used today#",
        "Used after the advice#",
        "Unused a month then#",
        "Paid over the term#",
    ];
    let mut table = Table::new("Why the advice comes before a commitment", &heads);
    for it in &report.commitment.committed_first {
        table.push(vec![
            format!("{} x {}", medium.count(it.instances.into()), instance(&it.instance)),
            months(it.term_months),
            amount(report, it.monthly_savings_today, medium),
            medium.percent(it.used_today),
            medium.percent(it.used_after),
            amount(report, it.monthly_unused_after, medium),
            amount(report, it.liability, medium),
        ]);
    }
    let note = "The best commitment for the fleet of today, and what is left of it once the advice is \
                followed. None of these is advised.";
    table.note = Some(note.to_owned());
    table
}

/// The dearest of them in one sentence.
pub(super) fn committed_first_in_words(report: &ReportModel, medium: Medium) -> Option<String> {
    let cost = |it: &&CommittedFirstReport| it.monthly_unused_after.atto();
    let of_report =
        |it: &&CommittedFirstReport| it.monthly_unused_after.currency() == report.currency;
    let all = || report.commitment.committed_first.iter();
    let it = all().filter(of_report).max_by_key(cost)?;
    let more = match all().count() {
        0 | 1 => String::new(),
        n => format!("; {} more in the report", n - 1),
    };
    Some(format!(
        "follow the advice before you commit: {} x {} for {} would save {} a month today, and leave {} a month \
         unused after it{more}",
        medium.count(it.instances.into()),
        instance(&it.instance),
        months(it.term_months),
        amount(report, it.monthly_savings_today, medium),
        amount(report, it.monthly_unused_after, medium)
    ))
}
