//! The first part of the page: what was spent, against what, and what comes next.

use super::Audience;
use super::page::{Row, Section, View, add};
use super::parts::{all_range, not_measured};
use super::read::{Amount, OwnerBudget, Range3, Span, SpanOf, Variance};
use crate::report::RenderError;
use crate::report::comparison::{signed, signed_percent};
use crate::report::number::{DASH, by_rounding};
use crate::report::words::{clip, not_forecast, plain, rest, shown};

/// Spend against budget, last month and forecast, and one unit cost.
pub(super) fn month(view: &View<'_>) -> Result<Section, RenderError> {
    let file = &view.report.file;
    let mut rows = Vec::new();
    let more = more_than_billed(view).map_or_else(String::new, |it| format!(", {it}"));
    let hours = view.medium.measure(file.totals.window_hours);
    let hours = format!("effective cost, {hours} h{more}");
    let spend = view.spend()?.map_or_else(not_measured, |it| view.medium.money(it));
    let unclaimed = view.unclaimed().map(|it| view.medium.money(it));
    let what = if unclaimed.is_some() { "GPU spend of workloads" } else { "GPU spend" };
    rows.push(Row::new(what, hours, spend).strong());
    rows.extend(unclaimed.map(|it| Row::new("GPUs of no workload", "find who uses them", it)));
    rows.extend(budget(view));
    if let (Some(it), true) = (&file.previous, view.is_all()) {
        let label = format!("Since {}", clip(&plain(&it.period_label), 40));
        let note = format!("was {}", view.money(it.since.old));
        rows.push(Row::new(
            label,
            note,
            signed(view.report.money(it.since.difference), view.medium),
        ));
    }
    if let Some(today) = view.month_today()? {
        rows.push(Row::new(
            "A month at this rate",
            "730 h, same traffic",
            view.medium.money(today),
        ));
    }
    let saved = view.savings()?;
    if let (Some(after), false) = (view.month_after()?, saved.is_zero()) {
        let range = all_range(view).map(|it| format!(", {it}")).unwrap_or_default();
        let rounded = rest(view.month_today()?, &[after, saved], view.medium);
        let note = format!("{} less a month{rounded}{range}", view.medium.money(saved));
        rows.push(Row::new("With the advice", note, view.medium.money(after)));
    }
    rows.extend(forecast(view)?);
    if let (Some(it), true) = (file.totals.cost_per_million_tokens, view.is_all()) {
        let unit = view.medium.unit_cost(view.report.money(it));
        rows.push(Row::new("Per million tokens", "of what counts tokens, idle included", unit));
    }
    let unused = view.report.money(file.portfolio.confirmed_waste);
    if view.is_all() && file.portfolio.has_waste() {
        let others = [
            (file.portfolio.to_investigate, "to investigate"),
            (file.portfolio.not_measured, "not measured"),
        ];
        let others = others.map(|(it, what)| (view.report.money(it), what));
        let others = others.iter().filter(|it| !it.0.is_zero());
        let confirmed = "confirmed, part of the spend, not added to the savings".to_owned();
        let others = others.map(|(it, what)| format!("{} {what}", view.medium.money(*it)));
        let note = [confirmed].into_iter().chain(others).collect::<Vec<_>>().join("; ");
        rows.push(Row::new("Paid and not used", note, view.medium.money(unused)));
    }
    Ok(Section { title: "The month".to_owned(), rows, ..Section::default() })
}

/// `996.96 more than billed`: fees are spread over their term.
fn more_than_billed(view: &View<'_>) -> Option<String> {
    let (billed, effective) = view.billed();
    let (billed, effective) = (billed?, effective?);
    let more = by_rounding(effective, &[billed])?;
    let amount = view.medium.money(more);
    let word = if more.is_negative() { "less" } else { "more" };
    Some(format!("{} {word} than billed", amount.trim_start_matches(['-', '\u{2212}'])))
}

/// The last month of the window and the next one's forecast against their budgets.
fn budget(view: &View<'_>) -> Vec<Row> {
    let Some(budget) = view.report.file.budget.as_ref() else { return Vec::new() };
    let last = budget.months.last().and_then(|it| {
        let part = if it.pro_rata { ", pro rata" } else { "" };
        against(view, "Against budget", (&it.label, part), (&it.total, &it.owners))
    });
    let next = budget.coming.first().and_then(|it| {
        against(view, "Forecast against budget", (&it.label, ""), (&it.as_is, &it.owners))
    });
    last.into_iter().chain(next).collect()
}

/// A cost against its budget, of everything or of one owner.
fn against(
    view: &View<'_>,
    what: &str,
    (label, part): (&str, &str),
    (total, owners): (&Variance, &[OwnerBudget]),
) -> Option<Row> {
    let it = match view.audience {
        Audience::All => total,
        Audience::Owner(owner) => {
            &owners.iter().find(|it| it.owner.as_deref() == Some(owner))?.variance
        }
    };
    let share =
        it.share.map(|it| format!(" ({})", signed_percent(it, view.medium))).unwrap_or_default();
    let note = format!(
        "{}{part}: budget {}, {}",
        shown(label),
        view.money(it.budget?),
        shown(it.word.as_deref()?)
    );
    let variance = signed(view.report.money(it.difference?), view.medium);
    Some(Row::new(what, note, format!("{variance}{share}")))
}

/// The next month as it is, and with the advice.
fn forecast(view: &View<'_>) -> Result<Vec<Row>, RenderError> {
    let file = &view.report.file;
    let spans = file.forecast.as_ref().map_or(&[][..], |it| &it.spans);
    let is_next = |it: &&Span| it.kind == "month" && it.whole && it.spent.is_none();
    let Some(next) = spans.iter().find(is_next).or(spans.first()) else {
        let none = without(view).filter(|_| view.is_all());
        let row = |why| Row::new("Forecast", why, DASH.to_owned());
        return Ok(none.map(row).into_iter().collect());
    };
    let label = clip(&plain(&next.label), 40);
    if !view.is_all() {
        let own = |name: &str| view.workloads.iter().any(|it| it.name == name);
        let own: Vec<_> = next.workloads.iter().filter(|it| own(&it.workload)).collect();
        if own.is_empty() {
            return Ok(Vec::new());
        }
        let sum = |of: &dyn Fn(&SpanOf) -> Amount| {
            add(own.iter().map(|it| view.report.money(of(it))).collect(), view.report)
        };
        let (as_is, then) = (sum(&|it| it.as_is.mean)?, sum(&|it| it.with_advice.mean)?);
        let mut rows =
            vec![Row::new(format!("{label}, forecast"), "as it is", view.medium.money(as_is))];
        if as_is != then {
            let label = format!("{label}, with the advice");
            rows.push(Row::new(label, "forecast", view.medium.money(then)));
        }
        return Ok(rows);
    }
    let mut note = expected_range(view, next.as_is);
    if let Some(error) = file.previous.as_ref().and_then(|it| it.forecast_error.as_ref()) {
        let off = error.share.map_or(String::new(), |it| format!("{} ", view.medium.percent(it)));
        // What nobody carried out is no fault of the forecast.
        let parts = error.of_forecast.zip(error.of_actions);
        let own = parts.filter(|_| !error.not_done.is_empty()).map_or(
            String::new(),
            |(own, of_actions)| {
                let n = view.medium.counted(error.not_done.len() as u64, "approved action");
                let were = if error.not_done.len() == 1 { "was" } else { "were" };
                let [own, of_actions] =
                    [own, of_actions].map(|it| signed(view.report.money(it), view.medium));
                format!(", {own} by itself and {of_actions} because {n} {were} not done")
            },
        );
        note = format!(
            "{note}; our forecast of {} was {off}{}{own}",
            shown(&error.label),
            shown(&error.word)
        );
    }
    if let Some(missing) = without(view) {
        note = format!("{note}; {missing}");
    }
    let as_is = view.money(next.as_is.mean);
    let mut rows = vec![Row::new(format!("{label}, forecast"), note, as_is)];
    if next.with_advice.mean != next.as_is.mean {
        let note = expected_range(view, next.with_advice);
        let then = view.money(next.with_advice.mean);
        rows.push(Row::new(format!("{label}, with the advice"), note, then));
    }
    Ok(rows)
}

/// What the forecast leaves out, since nothing is known of it.
fn without(view: &View<'_>) -> Option<String> {
    let forecast = view.report.file.forecast.as_ref()?;
    let outlooks = forecast.outlooks.iter();
    let missing = outlooks.filter_map(|it| Some((it.workload.as_str(), it.not_known.as_deref()?)));
    let missing: Vec<(&str, &str)> = missing.collect();
    not_forecast(&missing, forecast.spans.is_empty())
}

/// `80 % range 39,900 to 55,500`.
fn expected_range(view: &View<'_>, it: Range3) -> String {
    let [low, high] = [it.low, it.high].map(|it| view.medium.money_short(view.report.money(it)));
    if low == high {
        return "every week alike".to_owned();
    }
    format!("{} range {low} to {high}", view.medium.percent(it.level))
}
