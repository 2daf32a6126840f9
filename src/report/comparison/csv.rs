//! The comparison for spreadsheets: one row per workload, numbers raw and exact.

use super::Comparison;
use crate::bridge::{Moved, Promise, Step, Unit};
use crate::report::csv_line;
use crate::units::Money;

/// The rows under their names.
pub(super) fn render(it: &Comparison) -> String {
    let head = ["workload", "currency", "old_cost", "new_cost", "difference"];
    let steps = Step::ALL.map(Step::as_str);
    let advice = [
        "rest_because",
        "advice_id",
        "advice_outcome",
        "promised_monthly_savings",
        "realised_monthly_savings",
        "traffic_unit",
        "monthly_cost_avoidance",
    ];
    let header: Vec<String> =
        head.iter().chain(&steps).chain(&advice).map(|it| (*it).to_owned()).collect();
    let mut text = csv_line(&header);
    for moved in &it.bridge.workloads {
        let promise = it.bridge.promises.iter().find(|it| it.workload == moved.name);
        text.push_str(&csv_line(&row(moved, promise)));
    }
    text
}

fn row(moved: &Moved, promise: Option<&Promise>) -> Vec<String> {
    let money = |it: Option<Money>| it.map(Money::to_decimal_string).unwrap_or_default();
    let mut cells = vec![
        moved.name.clone(),
        moved.difference.currency().to_string(),
        money(moved.old),
        money(moved.new),
        moved.difference.to_decimal_string(),
    ];
    cells.extend(moved.steps.parts().map(|it| it.1.to_decimal_string()));
    let word = |it: Option<&str>| it.unwrap_or_default().to_owned();
    cells.extend([
        word(moved.rest_because),
        word(promise.map(|it| it.id.as_str())),
        word(promise.map(|it| it.outcome.as_str())),
        money(promise.map(|it| it.promised)),
        money(promise.and_then(|it| it.realised)),
        word(promise.and_then(|it| it.unit).map(Unit::as_str)),
        money(promise.and_then(|it| it.avoided)),
    ]);
    cells
}
