//! `gpuadvise describe`: each workload's demand, before any purchase is thought of.

use std::collections::BTreeMap;

use chrono_tz::Tz;
use rayon::prelude::*;

use super::failure::{ExitStatus, Failure};
use super::inputs::Inputs;
use super::talk::Talk;
use super::{CommandResult, output};
use crate::catalog::Catalog;
use crate::classify::{self, ClockChange, Description, Fleet};
use crate::cli::{DescribeArgs, Global};
use crate::ingest::Ingested;
use crate::report::{self, DescriptionReport, TerminalStyle, Told};
use crate::units::Period;
use crate::usage::RowsOf;
use crate::workload::Workload;

pub(super) fn run(args: &DescribeArgs, global: &Global, talk: Talk) -> CommandResult {
    let inputs = Inputs::read(&args.input, global, talk)?;
    let (described, fleet) =
        describe_all(&inputs.workloads, &inputs.ingested, &inputs.catalog, inputs.zone)?;
    let clocks = clock_changes(&inputs.ingested);
    let told: Vec<Told<'_>> = described
        .iter()
        .map(|(workload, description)| Told {
            workload,
            description,
            clock_changes: clocks.get(workload.name.as_str()).map_or(&[], Vec::as_slice),
        })
        .collect();
    let window = report::period_label(&inputs.ingested, inputs.zone);
    let all =
        DescriptionReport { workloads: &told, fleet: &fleet, zone: inputs.zone, window: &window };
    let format = output::text_format(
        global.format,
        "describe",
        "use --format table, json, csv or md, or run analyze for the page",
    )?;
    let style = TerminalStyle { bold: talk.styled_stdout, columns: talk.columns, next: None };
    let text = report::describe(&all, format, &style)?;
    let text = output::shortened(text, global, output::AGAIN)?;
    if let Some(folder) = &args.charts {
        output::write_folder(folder, &report::demand_charts(&all)?)?;
    }
    output::to_file_or_stdout(global.output.as_deref(), text.as_bytes())?;
    Ok(ExitStatus::Done)
}

/// Workloads with what was found out about each.
type Described<'a> = Vec<(&'a Workload, Description)>;

/// Describes all workloads side by side, in their order, and what shows only across them.
pub(super) fn describe_all<'a>(
    workloads: &'a [Workload],
    ingested: &Ingested,
    catalog: &Catalog,
    zone: Tz,
) -> Result<(Described<'a>, Fleet), Failure> {
    let costs = workloads.iter().flat_map(|it| &it.costs);
    let billed_until = costs.map(|it| it.period.end()).max().unwrap_or(ingested.window.end());
    let mut described: Described<'_> = workloads
        .par_iter()
        .map(|it| Ok((it, classify::describe(it, catalog, (zone, billed_until))?)))
        .collect::<Result<_, Failure>>()?;
    let unused = report::unused(&report::Reconciliation::of(ingested));
    let fleet = classify::fleet(&mut described, &unused, catalog, zone)?;
    Ok((described, fleet))
}

/// What clock changes did to the rows of each workload.
fn clock_changes<'a>(ingested: &'a Ingested) -> BTreeMap<&'a str, Vec<ClockChange>> {
    let table = &ingested.usage;
    let by_workload = table.by_workload();
    let of_workload = |(name, rows): &RowsOf<'a>| {
        let has_demand = |at: &usize| table.requests.has(*at) || table.has_gpu_hours(*at);
        let rows = rows.iter().map(|it| *it as usize).filter(has_demand);
        let periods: Vec<Period> = rows.map(|at| table.period[at]).collect();
        (*name).map(|name| (name, classify::clock_changes(&periods)))
    };
    by_workload.par_iter().filter_map(of_workload).collect()
}
