//! `gpuadvise describe`: each workload's demand, before any purchase is thought of.

use std::collections::BTreeMap;

use chrono_tz::Tz;
use rayon::prelude::*;

use super::failure::{ExitStatus, Failure};
use super::inputs::Inputs;
use super::talk::Talk;
use super::{CommandResult, output};
use crate::catalog::Catalog;
use crate::classify::{self, Beside, ClockChange, Description, Fleet, PoolMember, Waste};
use crate::cli::{DescribeArgs, Global};
use crate::ingest::Ingested;
use crate::report::{self, DescriptionReport, TerminalStyle, Told};
use crate::units::{Period, Timestamp};
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
    let billed_until = billed_until(workloads, ingested);
    let all: Vec<(Description, Beside)> = workloads
        .par_iter()
        .map(|it| {
            let description = classify::describe(it, catalog, (zone, billed_until))?;
            let beside = Beside::of(it, &description, catalog, zone);
            Ok((description, beside))
        })
        .collect::<Result<_, Failure>>()?;
    let (mut descriptions, beside): (Vec<Description>, Vec<Beside>) = all.into_iter().unzip();
    let (fleet, own) = across(beside, ingested, catalog, zone)?;
    for (at, finding) in own {
        descriptions[at].waste.push(finding);
    }
    Ok((workloads.iter().zip(descriptions).collect(), fleet))
}

/// Where the bills of all workloads end.
pub(super) fn billed_until(workloads: &[Workload], ingested: &Ingested) -> Timestamp {
    let costs = workloads.iter().flat_map(|it| &it.costs);
    costs.map(|it| it.period.end()).max().unwrap_or(ingested.window.end())
}

/// What shows only across workloads, and the findings that belong to single ones by their places.
pub(super) fn across(
    all: Vec<Beside>,
    ingested: &Ingested,
    catalog: &Catalog,
    zone: Tz,
) -> Result<(Fleet, Vec<(usize, Waste)>), Failure> {
    let unused = report::unused(&report::Reconciliation::of(ingested));
    let limits = &catalog.assumptions.waste;
    let pools = |members: &[PoolMember]| {
        let groups = classify::pool_groups(members);
        groups.par_iter().filter_map(|it| it.pool(zone, limits)).collect()
    };
    Ok(classify::fleet(all, &unused, (catalog, zone), &pools)?)
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
