//! Which numbers of the report are metrics.

use super::{Family, Label, finite, seconds, workload_labels};
use crate::report::model::{ExpectedReport, ReportModel, WorkloadReport};
use crate::report::words;
use crate::units::Money;

/// All of them, those of the whole report first.
pub(super) fn all(report: &ReportModel) -> Vec<Family> {
    let mut families = run(report);
    families.extend(totals(report));
    families.extend(account(report));
    families.extend(forecast(report));
    families.extend(budget(report));
    families.extend(workloads(report));
    families
}

fn decimal(amount: Option<Money>) -> Option<String> {
    amount.map(Money::to_decimal_string)
}

/// `gpuadvise_<what>_usd`.
fn money(report: &ReportModel, what: &str) -> String {
    format!("gpuadvise_{what}_{}", report.currency.as_str().to_lowercase())
}

/// What was run, and on what.
fn run(report: &ReportModel) -> Vec<Family> {
    let from = &report.provenance;
    let info = [
        ("version", from.version.to_owned()),
        ("schema_version", report.schema_version.to_owned()),
        ("currency", report.currency.to_string()),
        ("period", words::plain(&report.period_label)),
    ];
    let age = |date: &str| Some(seconds(&from.as_of)? - seconds(date)?);
    let oldest = from.prices.iter().filter_map(|it| age(&it.as_of)).max();
    vec![
        Family::new("gpuadvise_report_info", "The report that the other lines are of; always 1.")
            .one(&info, Some(1)),
        Family::new("gpuadvise_report_timestamp_seconds", "Day the report speaks of.")
            .one(&[], seconds(&from.as_of)),
        Family::new("gpuadvise_window_start_timestamp_seconds", "First instant of the window.")
            .one(&[], seconds(&report.totals.window_start)),
        Family::new("gpuadvise_window_end_timestamp_seconds", "First instant after the window.")
            .one(&[], seconds(&report.totals.window_end)),
        Family::new(
            "gpuadvise_price_age_seconds",
            "Age of the oldest price that a plan uses, on the day of the report.",
        )
        .one(&[], oldest),
    ]
}

/// Spend and savings over all workloads.
fn totals(report: &ReportModel) -> Vec<Family> {
    let totals = &report.totals;
    let by_decision = &report.portfolio.savings_by_decision;
    let waste = &report.portfolio.waste;
    let mut savings = Family::new(
        money(report, "monthly_savings"),
        "Saving of the advice in a month of 730 hours, by what was decided; the lines add up.",
    );
    for (decision, amount) in [
        ("open", by_decision.open),
        ("approved", by_decision.approved),
        ("rejected", by_decision.rejected),
        ("snoozed", by_decision.snoozed),
    ] {
        savings.add(&[("decision", decision.to_owned())], decimal(Some(amount)));
    }
    let mut unused = Family::new(
        money(report, "waste"),
        "Effective cost in the window of what was paid and not used, by how sure that is.",
    );
    for (state, amount) in [
        ("confirmed", waste.confirmed_waste),
        ("to_investigate", waste.to_investigate),
        ("not_measured", waste.not_measured),
    ] {
        unused.add(&[("state", state.to_owned())], decimal(Some(amount)));
    }
    let of = |what, help, amount| Family::new(money(report, what), help).one(&[], decimal(amount));
    vec![
        of("effective_cost", "Effective cost of the window, all workloads.", totals.effective_cost),
        of("billed_cost", "Billed cost of the window, all workloads.", totals.billed_cost),
        of(
            "monthly_cost",
            "Cost of a month of 730 hours as it runs today.",
            totals.baseline_monthly_cost,
        ),
        of(
            "recommended_monthly_cost",
            "Cost of such a month with the advice that is asked for: open and approved.",
            by_decision.monthly_cost_after,
        ),
        savings,
        unused,
        of(
            "cost_per_million_tokens",
            "Effective cost per million tokens, idle included.",
            totals.cost_per_million_tokens,
        ),
    ]
}

/// Whether everything that was read is accounted for.
fn account(report: &ReportModel) -> Vec<Family> {
    let account = &report.reconciliation;
    let mut rows =
        Family::new("gpuadvise_rows", "Rows of the input files, by what became of them.");
    for (state, count) in [("kept", account.rows_kept), ("rejected", account.rows_rejected)] {
        rows.add(&[("state", state.to_owned())], Some(count));
    }
    let of = |what, help, amount| Family::new(money(report, what), help).one(&[], decimal(amount));
    vec![
        of(
            "reconciliation_difference",
            "What the account cannot explain of the billed total; 0 is right.",
            account.line.difference,
        ),
        of("unassigned_cost", "Billed GPU cost that no workload claims.", account.line.unassigned),
        rows,
    ]
}

/// The months to come.
fn forecast(report: &ReportModel) -> Vec<Family> {
    let named = |what, help| Family::new(money(report, what), help);
    let mut mean = named("forecast_cost", "Expected cost of a span to come.");
    let mut low = named("forecast_cost_low", "Low end of its range.");
    let mut high = named("forecast_cost_high", "High end of its range.");
    for span in report.forecast.iter().flat_map(|it| &it.spans) {
        let cases: [(&str, &ExpectedReport); 3] = [
            ("as_is", &span.as_is),
            ("with_approved", &span.with_approved),
            ("with_advice", &span.with_advice),
        ];
        for (case, expected) in cases {
            let labels = [("span", span.label.clone()), ("scenario", case.to_owned())];
            mean.add(&labels, decimal(Some(expected.mean)));
            low.add(&labels, decimal(Some(expected.low)));
            high.add(&labels, decimal(Some(expected.high)));
        }
    }
    vec![mean, low, high]
}

/// Spend against the budget, by month.
fn budget(report: &ReportModel) -> Vec<Family> {
    let mut budget =
        Family::new(money(report, "budget"), "What may be spent in a month of the window.");
    let mut over = Family::new(
        money(report, "budget_variance"),
        "Spend less budget of a month of the window; above 0 is over.",
    );
    for month in report.budget.iter().flat_map(|it| &it.months) {
        let labels = [("month", month.label.clone())];
        budget.add(&labels, decimal(month.total.budget));
        over.add(&labels, decimal(month.total.variance));
    }
    vec![budget, over]
}

/// A metric of workloads: its name, what it says, and its value.
type OfWorkload = (String, &'static str, fn(&WorkloadReport) -> Option<String>);

/// One line per workload.
fn workloads(report: &ReportModel) -> Vec<Family> {
    let named = |what: &str| money(report, &format!("workload_{what}"));
    let plain = |what: &str| format!("gpuadvise_workload_{what}");
    let metrics: [OfWorkload; 12] = [
        (named("effective_cost"), "Effective cost of the window.", |it| {
            decimal(it.baseline.effective_cost)
        }),
        (named("monthly_cost"), "Cost of a month of 730 hours as it runs today.", |it| {
            decimal(it.baseline.monthly_cost)
        }),
        (
            named("monthly_savings"),
            "What the advice found saves in such a month, whatever was decided; 0 for keep.",
            |it| decimal(Some(it.advice.monthly_savings)),
        ),
        (named("monthly_savings_low"), "Low end of the range of that saving.", |it| {
            decimal(it.advice.interval.as_ref().map(|it| it.low))
        }),
        (named("monthly_savings_high"), "High end of the range of that saving.", |it| {
            decimal(it.advice.interval.as_ref().map(|it| it.high))
        }),
        (
            named("cost_per_million_tokens"),
            "Effective cost per million tokens, idle included.",
            |it| decimal(it.baseline.unit_cost.per_million_tokens),
        ),
        (
            named("cost_per_thousand_requests"),
            "Effective cost per thousand requests, idle included.",
            |it| decimal(it.baseline.unit_cost.per_thousand_requests),
        ),
        (
            plain("loss_probability_ratio"),
            "Chance that following the advice costs more than it saves.",
            |it| text(it.advice.probability_of_loss),
        ),
        (plain("busy_ratio"), "Share of paid GPU time with a request running.", |it| {
            text(it.baseline.busy_fraction)
        }),
        (plain("gpu_seconds"), "GPU time paid in the window.", |it| {
            text(it.baseline.gpu_hours.map(in_seconds))
        }),
        (plain("requests"), "Requests of the window.", |it| {
            it.baseline.requests.map(|it| it.to_string())
        }),
        (plain("advice_grade"), "Evidence behind the advice: 1 is grade A, 5 is grade F.", grade),
    ];
    let labels = workload_labels(report);
    let mut families: Vec<Family> = metrics
        .into_iter()
        .map(|(name, help, value)| {
            let mut family = Family::new(name, help);
            for (labels, workload) in labels.iter().zip(&report.workloads) {
                family.add(labels, value(workload));
            }
            family
        })
        .collect();
    families.push(advice(report, &labels));
    families.push(price_age(report, &labels));
    families
}

fn text(value: Option<f64>) -> Option<String> {
    finite(value).map(|it| it.to_string())
}

/// Hours in seconds, to the microsecond: 101.46722222222226 h of floats are 365282.0000000001 s.
fn in_seconds(hours: f64) -> f64 {
    (hours * 3600.0 * 1e6).round() / 1e6
}

fn grade(workload: &WorkloadReport) -> Option<String> {
    let at = "ABCDF".find(workload.advice.grade.as_str())?;
    Some((at + 1).to_string())
}

/// What is advised, as labels to join the numbers with.
fn advice(report: &ReportModel, labels: &[Vec<Label>]) -> Family {
    let mut family =
        Family::new("gpuadvise_workload_advice_info", "What to do with a workload; always 1.");
    for (labels, workload) in labels.iter().zip(&report.workloads) {
        let advice = &workload.advice;
        let decision = advice.decision.as_ref().map_or("none", |it| it.state);
        let more = [
            ("action", words::plain(&advice.action)),
            ("grade", words::plain(&advice.grade)),
            ("advice_id", words::plain(&advice.id)),
            ("decision", decision.to_owned()),
        ];
        family.add(&[labels.as_slice(), &more].concat(), Some(1));
    }
    family
}

/// How old the prices are that the advice of each workload rests on.
fn price_age(report: &ReportModel, labels: &[Vec<Label>]) -> Family {
    let mut family = Family::new(
        "gpuadvise_workload_price_age_seconds",
        "Age of the oldest price behind the advised plan, on the day of the report.",
    );
    let as_of = seconds(&report.provenance.as_of);
    for (labels, workload) in labels.iter().zip(&report.workloads) {
        let plan = words::recommended(workload);
        let oldest = plan.and_then(|it| it.price_as_of.iter().filter_map(|it| seconds(it)).min());
        family.add(labels, as_of.zip(oldest).map(|(day, price)| day - price));
    }
    family
}

#[cfg(test)]
mod tests {
    use super::in_seconds;

    #[test]
    fn seconds_have_no_noise_of_floats() {
        for (hours, expected) in
            [(744.0, "2678400"), (101.467_222_222_222_26, "365282"), (1.1, "3960"), (0.0, "0")]
        {
            assert_eq!(in_seconds(hours).to_string(), expected);
        }
    }
}
