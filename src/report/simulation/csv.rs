//! The simulation for spreadsheets: one row per workload and rate of interruptions, numbers raw.

use super::figures::{Costs, currency, figures, is_unstable};
use super::{SimulatedRun, SimulationReport};
use crate::report::{RenderError, csv_line};
use crate::units::Money;

/// The rows under their names.
pub(super) fn render(report: &SimulationReport<'_>) -> Result<String, RenderError> {
    const LEAD: [&str; 5] =
        ["workload", "spot_interruptions_per_hour", "slots", "seeds", "unstable"];
    const MONEY: [&str; 8] = [
        "currency",
        "cost",
        "cost_busy",
        "cost_starting",
        "cost_idle",
        "cost_rounding",
        "cost_committed_unused",
        "reason",
    ];
    let simulated = report.rows.iter().find_map(|it| it.runs.as_ref().ok());
    let keys: Vec<&str> =
        figures(simulated.map(Vec::as_slice).unwrap_or_default()).iter().map(|it| it.key).collect();
    let header: Vec<String> =
        LEAD.iter().chain(&keys).chain(&MONEY).map(|it| (*it).to_owned()).collect();
    let mut text = csv_line(&header);
    for row in report.rows {
        let runs: &[SimulatedRun] = row.runs.as_deref().unwrap_or_default();
        let costs: Vec<Costs> = runs
            .iter()
            .map(|it| Costs::of(&it.outcome, report.is_reserved))
            .collect::<Result<_, _>>()?;
        let costs = Costs::mean(&costs)?;
        let all = figures(runs);
        let mut cells = vec![
            row.workload.clone().unwrap_or_default(),
            row.spot_rate.map(|it| it.to_string()).unwrap_or_default(),
            row.slots.to_string(),
            runs.len().to_string(),
            is_unstable(row).to_string(),
        ];
        cells.extend(keys.iter().map(|key| {
            let found = all.iter().find(|it| it.key == *key).and_then(|it| it.mean);
            found.map(|it| it.to_string()).unwrap_or_default()
        }));
        cells.push(currency(report.rows).to_string());
        let parts = costs.map(|it| {
            let parts = it.parts().map(|it| it.1);
            std::iter::once(it.total).chain(parts).map(Money::to_decimal_string).collect::<Vec<_>>()
        });
        cells.extend(parts.unwrap_or_else(|| vec![String::new(); 6]));
        cells.push(row.runs.as_ref().err().cloned().unwrap_or_default());
        text.push_str(&csv_line(&cells));
    }
    Ok(text)
}
