//! The simulation for scripts: one object for a generator, an array of workloads for files.

use serde_json::{Map, Value, json};

use super::figures::{Costs, Figure, currency, figures, is_unstable, numbers};
use super::{Simulated, SimulatedRun, SimulationReport};
use crate::report::RenderError;

pub(super) fn render(report: &SimulationReport<'_>) -> Result<String, RenderError> {
    let mut groups = Vec::new();
    for rows in report.workloads() {
        groups.push(group(report, rows)?);
    }
    let mut all = if report.of_files {
        Map::from_iter([(
            "workloads".to_owned(),
            Value::Array(groups.into_iter().map(Value::Object).collect()),
        )])
    } else {
        groups.into_iter().next().unwrap_or_default()
    };
    all.insert("currency".to_owned(), json!(currency(report.rows)));
    all.insert("seed".to_owned(), json!(report.seed));
    all.insert("platform".to_owned(), platform(report));
    let mut text = serde_json::to_string_pretty(&all)?;
    text.push('\n');
    Ok(text)
}

/// The rows of one workload: one is the object, several are its `spot_rates`.
fn group(
    report: &SimulationReport<'_>,
    rows: &[Simulated],
) -> Result<Map<String, Value>, RenderError> {
    let mut all: Vec<Map<String, Value>> =
        rows.iter().map(|it| row(report, it)).collect::<Result<_, _>>()?;
    let name = rows.first().and_then(|it| it.workload.as_ref());
    let mut object = match all.len() {
        1 => all.remove(0),
        _ => Map::from_iter([("spot_rates".to_owned(), json!(all))]),
    };
    if let Some(name) = name {
        object.shift_insert(0, "workload".to_owned(), json!(name));
    }
    Ok(object)
}

fn row(report: &SimulationReport<'_>, row: &Simulated) -> Result<Map<String, Value>, RenderError> {
    let mut object = Map::new();
    if let Some(rate) = row.spot_rate {
        object.insert("spot_interruptions_per_hour".to_owned(), json!(rate));
    }
    object.insert("slots".to_owned(), json!(row.slots));
    let runs = match &row.runs {
        Ok(runs) => runs,
        Err(why) => {
            object.insert("reason".to_owned(), json!(why));
            return Ok(object);
        }
    };
    let all = figures(runs);
    for it in &all {
        object.insert(it.key.to_owned(), number(it.mean, it.is_count));
    }
    let costs: Vec<Costs> = runs
        .iter()
        .map(|it| Costs::of(&it.outcome, report.is_reserved))
        .collect::<Result<_, _>>()?;
    if let Some(mean) = Costs::mean(&costs)? {
        insert_costs(&mut object, &mean);
    }
    object.insert("unstable".to_owned(), json!(is_unstable(row)));
    object.insert("quantiles_exact".to_owned(), quantiles_exact(runs));
    object.insert("seeds".to_owned(), json!(runs.len()));
    if runs.len() > 1 {
        object.insert("standard_errors".to_owned(), standard_errors(&all, &costs));
        let each = runs.iter().zip(&costs).map(|(run, costs)| of_run(run, costs));
        object.insert("runs".to_owned(), Value::Array(each.collect()));
    }
    object.insert("notes".to_owned(), json!(row.notes));
    Ok(object)
}

fn insert_costs(object: &mut Map<String, Value>, costs: &Costs) {
    object.insert("cost".to_owned(), json!(costs.total));
    let parts = costs.parts().map(|(key, amount)| (key.to_owned(), json!(amount)));
    object.insert("cost_parts".to_owned(), Value::Object(Map::from_iter(parts)));
    let prices = ["minimum", "elastic", "fallback"].map(str::to_owned);
    let by_price = prices.into_iter().zip(costs.by_price.map(|it| json!(it)));
    object.insert("cost_by_price".to_owned(), Value::Object(by_price.collect()));
}

fn quantiles_exact(runs: &[SimulatedRun]) -> Value {
    let waits: Option<Vec<bool>> =
        runs.iter().map(|it| it.outcome.queue_wait.map(|wait| wait.is_exact)).collect();
    waits.map_or(Value::Null, |it| json!(it.into_iter().all(|exact| exact)))
}

/// Of each number that is known of every seed, and of the cost.
fn standard_errors(all: &[Figure], costs: &[Costs]) -> Value {
    let mut errors = Map::new();
    for it in all {
        errors.insert(it.key.to_owned(), number(it.error, false));
    }
    let costs: Vec<f64> = costs.iter().map(|it| it.total.to_f64()).collect();
    let n = costs.len() as f64;
    let mean = costs.iter().sum::<f64>() / n;
    let square = costs.iter().map(|it| (it - mean) * (it - mean)).sum::<f64>();
    errors.insert("cost".to_owned(), number(Some(libm::sqrt(square / (n - 1.0) / n)), false));
    Value::Object(errors)
}

fn of_run(run: &SimulatedRun, costs: &Costs) -> Value {
    let mut object = Map::from_iter([("seed".to_owned(), json!(run.seed))]);
    for it in numbers(run) {
        object.insert(it.key.to_owned(), number(it.value, it.is_count));
    }
    insert_costs(&mut object, costs);
    Value::Object(object)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count below 2^53")]
fn number(value: Option<f64>, is_count: bool) -> Value {
    match value.filter(|it| it.is_finite()) {
        Some(value) if is_count => json!(value as u64),
        value => json!(value),
    }
}

fn platform(report: &SimulationReport<'_>) -> Value {
    let Some(it) = report.platform else { return Value::Null };
    let taken = it.taken.iter().map(|(what, value)| (what.replace(' ', "_"), json!(value)));
    json!({
        "name": it.provider,
        "taken": taken.collect::<Map<_, _>>(),
        "assumed": it.assumed,
        "source": it.source,
        "as_of": it.as_of,
    })
}
