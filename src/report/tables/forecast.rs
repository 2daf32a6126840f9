//! Months to come, the budget, and the report of an earlier month.

use crate::report::comparison::{UNCLAIMED, signed, signed_percent, since, step_in_words};
use crate::report::model::{
    BudgetMonth, ExpectedReport, ForecastError, ForecastReport, OutlookReport, OwnerVariance,
    ReportModel, SpanReport, Variance,
};
use crate::report::number::{DASH, Medium, date};
use crate::report::table::{Narrow, Table};
use crate::report::tables::money_in;
use crate::report::words::{not_forecast, plain, shown};
use crate::units::Money;

/// What stands for a range of one number.
const ALIKE: &str = "every week alike";

/// `72,900 to 80,100`; nothing where no week differed from another.
fn range(it: &ExpectedReport, medium: Medium) -> Option<String> {
    let (low, high) = (medium.money_short(it.low), medium.money_short(it.high));
    (low != high).then(|| format!("{low} to {high}"))
}

/// `Nov 2026 76,085.75 as is · 67,550.21 with advice · 80 % 72,900 to 80,100`; the advice that was
/// approved is told apart where it is not all of it.
pub(crate) fn span_in_words(it: &SpanReport, medium: Medium) -> String {
    format!("{} {} {}", it.label, medium.money(it.as_is.mean), beside_the_mean(it, medium))
}

/// `as is · 67,550.21 with advice · 80 % 72,900 to 80,100`.
fn beside_the_mean(it: &SpanReport, medium: Medium) -> String {
    let mut parts = vec!["as is".to_owned()];
    let (approved, advised) = (it.with_approved.mean, it.with_advice.mean);
    if approved != it.as_is.mean && approved != advised {
        parts.push(format!("{} with approved", medium.money(approved)));
    }
    if advised != it.as_is.mean {
        parts.push(format!("{} with advice", medium.money(advised)));
    }
    parts.push(range(&it.as_is, medium).map_or_else(
        || ALIKE.to_owned(),
        |range| format!("{} {range}", medium.percent(it.as_is.level)),
    ));
    parts.join(" · ")
}

/// The lines of the forecast in a summary: the next month, and the span that ends last; else why there
/// is none. Nothing where a report has no cost.
pub(crate) fn forecast_lines(report: &ReportModel, medium: Medium) -> Vec<String> {
    let Some(forecast) = &report.forecast else { return Vec::new() };
    let spans = forecast.next().into_iter().chain(forecast.last());
    let mut lines: Vec<String> = spans.map(|it| span_in_words(it, medium)).collect();
    lines.extend(without(forecast));
    lines
}

/// Who is not in it.
fn without(forecast: &ForecastReport) -> Option<String> {
    let missing: Vec<(&str, &str)> = forecast.missing().collect();
    not_forecast(&missing, forecast.next().is_none())
}

/// Every span, as is and with advice.
pub(crate) fn forecast(report: &ReportModel, medium: Medium) -> Table {
    let currency = report.currency;
    let as_is = format!("As is, {currency}#");
    let heads = [
        "Forecast",
        "Hours#",
        &as_is,
        "80 % range#",
        "With approved#",
        "With advice#",
        "Its range#",
    ];
    let mut table = Table::new("Forecast in calendar hours", &heads);
    let Some(forecast) = &report.forecast else { return table };
    for it in &forecast.spans {
        table.push(vec![
            it.label.clone(),
            medium.measure(it.hours),
            medium.money(it.as_is.mean),
            range(&it.as_is, medium).unwrap_or_else(|| ALIKE.to_owned()),
            medium.money(it.with_approved.mean),
            medium.money(it.with_advice.mean),
            range(&it.with_advice, medium).unwrap_or_else(|| ALIKE.to_owned()),
        ]);
    }
    let spent = forecast
        .spans
        .iter()
        .filter_map(|it| Some(format!("{} is paid of {}", medium.money(it.spent?), it.label)));
    let said = forecast.outlooks.iter().filter_map(|it| outlook_in_words(it, medium));
    let note: Vec<String> = spent.chain(said).chain(tried(&forecast.outlooks, medium)).collect();
    table.note = (!note.is_empty()).then(|| format!("{}.", note.join("; ")));
    table
}

/// How far forecasts of the past were off, or why none could be tried.
fn tried(all: &[OutlookReport], medium: Medium) -> Option<String> {
    let errors: Vec<f64> = all.iter().filter_map(|it| it.backtest_error).collect();
    let Some(worst) = errors.iter().copied().reduce(f64::max) else {
        let why = all.iter().find_map(|it| it.backtest_not_known)?;
        return Some(format!("not tried on the past yet: {why}"));
    };
    let of = medium.counted(errors.len() as u64, "workload");
    Some(format!("tried on the past of {of}, off by at most {} in the mean", medium.percent(worst)))
}

/// What moves the forecast of a workload besides its level.
fn outlook_in_words(it: &OutlookReport, medium: Medium) -> Option<String> {
    let mut parts = Vec::new();
    parts.extend(it.not_known.as_ref().map(|why| format!("no forecast, {}", plain(why))));
    parts.extend(
        it.trend_per_30d
            .map(|trend| format!("trend {} per 30 days", signed_percent(trend, medium))),
    );
    parts.extend(it.growth_per_30d.map(|growth| {
        format!("growth {} per 30 days by the config", signed_percent(growth, medium))
    }));
    parts.extend(it.until.as_ref().map(|until| match &it.moves_to {
        Some(to) => {
            format!("moves to {} on {}, where its cost is not forecast", shown(to), date(until))
        }
        None => format!("until {}", date(until)),
    }));
    (!parts.is_empty()).then(|| format!("{}: {}", shown(&it.workload), parts.join(", ")))
}

/// `+2,621.94 (+3 %), unfavorable`; nothing where there is no budget.
fn variance_in_words(it: &Variance, medium: Medium) -> Option<String> {
    let (variance, word) = (it.variance?, it.word?);
    let share = it.share.map(|it| format!(" ({})", signed_percent(it, medium)));
    Some(format!("{}{}, {word}", signed(variance, medium), share.unwrap_or_default()))
}

/// `Oct 2026 78,621.94 of 76,000.00, +2,621.94 (+3 %), unfavorable`.
pub(crate) fn budget_in_words(it: &BudgetMonth, medium: Medium) -> Option<String> {
    let of = |amount: Option<Money>| money_in(amount, medium);
    Some(format!(
        "{}{} {} of {}, {}",
        it.label,
        if it.pro_rata { " pro rata" } else { "" },
        of(it.total.amount),
        of(it.total.budget),
        variance_in_words(&it.total, medium)?
    ))
}

/// The lines of the budget in a summary: the last month of the window, and the next month's forecast.
pub(crate) fn budget_lines(report: &ReportModel, medium: Medium) -> Vec<String> {
    let Some(budget) = &report.budget else { return Vec::new() };
    let last = budget.months.last().and_then(|it| budget_in_words(it, medium));
    let next = report.forecast.as_ref().and_then(|it| it.next());
    let coming = next.and_then(|next| budget.coming.iter().find(|it| it.label == next.label));
    let coming = coming.and_then(|it| {
        let words = variance_in_words(&it.as_is, medium)?;
        let of = money_in(it.as_is.budget, medium);
        Some(format!(
            "{} forecast {} of {of}, {words}",
            it.label,
            money_in(it.as_is.amount, medium)
        ))
    });
    last.into_iter().chain(coming).collect()
}

/// Spend and forecast against the budget, in all and by owner.
pub(crate) fn budget(report: &ReportModel, medium: Medium) -> Table {
    let currency = report.currency;
    let amount = format!("Cost, {currency}#");
    let heads = ["Month", "What", "Whose", &amount, "Budget#", "Against budget#", "Share#", ""];
    let mut table = Table::new("Against the budget", &heads);
    let Some(budget) = &report.budget else { return table };
    let mut push = |label: &str, what: &str, whose: String, it: &Variance| {
        table.push(vec![
            label.to_owned(),
            what.to_owned(),
            whose,
            money_in(it.amount, medium),
            money_in(it.budget, medium),
            it.variance.map_or_else(|| DASH.to_owned(), |it| signed(it, medium)),
            it.share.map_or_else(|| DASH.to_owned(), |it| signed_percent(it, medium)),
            it.word.unwrap_or(DASH).to_owned(),
        ]);
    };
    let whose = |it: &OwnerVariance| {
        it.owner.as_ref().map_or_else(|| "no owner".to_owned(), |it| shown(it))
    };
    for it in &budget.months {
        let what = if it.pro_rata { "spent, pro rata" } else { "spent" };
        push(&it.label, what, "all".to_owned(), &it.total);
        for owner in &it.owners {
            push(&it.label, what, whose(owner), &owner.variance);
        }
    }
    for it in &budget.coming {
        push(&it.label, "forecast", "all".to_owned(), &it.as_is);
        if it.with_advice.amount != it.as_is.amount {
            push(&it.label, "with advice", "all".to_owned(), &it.with_advice);
        }
        for owner in it.owners.iter().filter(|it| it.variance.budget.is_some()) {
            push(&it.label, "forecast", whose(owner), &owner.variance);
        }
    }
    table.note = Some(format!("Amounts are the {}.", budget.basis));
    table
}

/// `77,285.37 for Oct 2026: 2 % low (-1,336.57 of 78,621.94), inside its range, within 12 %: Run maturity`.
fn error_in_words(it: &ForecastError, medium: Medium) -> String {
    let off = match (it.word, it.share) {
        ("exact", _) => "exact".to_owned(),
        (word, Some(share)) => {
            format!(
                "{} {word} ({} of {})",
                medium.percent(share),
                signed(it.error, medium),
                medium.money(it.actual)
            )
        }
        (word, None) => format!("{} {word}", signed(it.error, medium)),
    };
    // What nobody carried out is no fault of the forecast.
    let parts = match it.not_done.as_slice() {
        [] => String::new(),
        all => {
            let what = match all {
                [one] => format!("the approved action on {} was not done", shown(one)),
                all => format!("{} approved actions were not done", all.len()),
            };
            let own = it.share_of_forecast.map(|it| format!(" ({})", medium.percent(it)));
            format!(
                ": {} because {what}, {}{} by the forecast itself",
                signed(it.of_actions, medium),
                signed(it.of_forecast, medium),
                own.unwrap_or_default()
            )
        }
    };
    // A forecast without some of the workloads is no measure of the practice.
    let mature = it.share_of_forecast.filter(|_| it.without.is_empty()).map(|share| {
        let within = medium.percent(it.mature_within);
        if share <= it.mature_within {
            format!(", within {within}: Run maturity")
        } else {
            format!(", over the {within} of Run maturity")
        }
    });
    let inside = match (it.in_range, it.not_done.is_empty()) {
        (true, _) => ", inside its range",
        (false, true) => ", outside its range",
        // The range is that of a month in which they were done.
        (false, false) => "",
    };
    let without = match it.without.len() {
        0 => String::new(),
        1 => format!(", without {}", shown(&it.without[0])),
        n => format!(", without {n} workloads"),
    };
    format!(
        "{} for {}{without}: {off}{parts}{inside}{}",
        medium.money(it.forecast),
        it.label,
        mature.unwrap_or_default()
    )
}

/// What each workload cost then and now, the largest change first; nothing without an earlier report.
pub(crate) fn moved(report: &ReportModel, medium: Medium) -> Table {
    const MOST: usize = 12;
    let since = report.previous.as_ref().map(|it| &it.since);
    let heads = [
        "Workload".to_owned(),
        format!("{}#", since.map_or_else(String::new, |it| plain(&it.label))),
        "Now#".to_owned(),
        "Change#".to_owned(),
        "Most of it".to_owned(),
    ];
    let caption = format!("Month over month by workload, {}", report.currency);
    let mut table =
        Table::new(caption, &heads.each_ref().map(String::as_str)).narrow(Narrow::Lines);
    let Some(since) = since else { return table };
    for it in since.workloads.iter().take(MOST) {
        table.push(vec![
            shown(&it.workload),
            money_in(it.old, medium),
            money_in(it.new, medium),
            signed(it.difference, medium),
            step_in_words(it.most).to_owned(),
        ]);
    }
    let rest: Vec<Money> = since.workloads.iter().skip(MOST).map(|it| it.difference).collect();
    if let (Ok(sum), false) = (Money::sum(rest.clone(), report.currency), rest.is_empty()) {
        let others = medium.counted(rest.len() as u64, "other");
        table.push(vec![others, DASH.into(), DASH.into(), signed(sum, medium), String::new()]);
    }
    // GPUs that no workload claims are in the spend of both windows.
    for it in since.steps.iter().filter(|it| it.step == UNCLAIMED) {
        let change = signed(it.amount, medium);
        table.push(vec![plain(&it.name), DASH.into(), DASH.into(), change, String::new()]);
    }
    if !table.is_empty() {
        let [old, new] = [since.old, since.new].map(|it| money_in(Some(it), medium));
        let all = signed(since.difference, medium);
        table.push_strong(true, vec!["All".to_owned(), old, new, all, String::new()]);
    }
    table
}

/// What is said beside an earlier report, each with its label: why spend moved, and how good the
/// forecast was.
pub(crate) fn previous(report: &ReportModel, medium: Medium) -> Vec<(String, String)> {
    let Some(it) = &report.previous else { return Vec::new() };
    let label = if it.since.label == "OLD" { "before" } else { it.since.label.as_str() };
    let forecast = match (&it.forecast_error, &it.not_known) {
        (Some(error), _) => error_in_words(error, medium),
        (None, why) => why.as_deref().map(plain).unwrap_or_default(),
    };
    vec![
        (format!("since {}", plain(label)), since(&it.since, medium)),
        ("was forecast".to_owned(), forecast),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Currency;

    #[test]
    fn a_forecast_that_was_not_tried_says_what_it_needs() {
        let mut it = OutlookReport {
            workload: "chat".to_owned(),
            basis: Some("weeks"),
            n: Some(4),
            trend_per_30d: None,
            growth_per_30d: None,
            until: None,
            moves_to: None,
            backtests: None,
            backtest_error: None,
            backtest_not_known: Some("8 whole weeks are needed"),
            not_known: None,
        };
        let said = |it: &OutlookReport| tried(std::slice::from_ref(it), Medium::Terminal).unwrap();
        assert_eq!(said(&it), "not tried on the past yet: 8 whole weeks are needed");
        (it.backtests, it.backtest_error, it.backtest_not_known) = (Some(3), Some(0.05), None);
        assert_eq!(said(&it), "tried on the past of 1 workload, off by at most 5 % in the mean");
    }

    #[test]
    fn what_nobody_carried_out_is_told_apart_from_the_forecast() {
        let usd = |text: &str| Money::parse(text, Currency::USD).unwrap();
        let mut it = ForecastError {
            label: "Oct 2026".to_owned(),
            forecast: usd("800.00"),
            low: usd("780.00"),
            high: usd("820.00"),
            actual: usd("1000.00"),
            error: usd("-200.00"),
            share: Some(0.2),
            word: "low",
            of_actions: usd("-150.00"),
            not_done: vec!["chat".to_owned()],
            of_forecast: usd("-50.00"),
            share_of_forecast: Some(0.05),
            in_range: false,
            mature_within: 0.12,
            without: Vec::new(),
        };
        assert_eq!(
            error_in_words(&it, Medium::Terminal),
            "800.00 for Oct 2026: 20 % low (-200.00 of 1,000.00): -150.00 because the approved action on chat \
             was not done, -50.00 (5 %) by the forecast itself, within 12 %: Run maturity"
        );
        it.not_done.clear();
        it.share_of_forecast = it.share;
        assert_eq!(
            error_in_words(&it, Medium::Terminal),
            "800.00 for Oct 2026: 20 % low (-200.00 of 1,000.00), outside its range, over the 12 % of Run maturity"
        );
    }
}
