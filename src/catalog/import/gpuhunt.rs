//! Rows of gpuhunt's catalog: one price each, with `spot` True or False.
//!
//! The name of a GPU does not tell its sizes apart (`A100` is both), so the memory is added to it:
//! `A100-80GB`, which the catalog's aliases know.

use super::cell;
use super::gather::Listed;
use super::left_out::{Reason, clip};
use super::offer_row::{Key, OfferRow};
use super::read::{ImportContext, RowFound};
use super::table::Cells;
use crate::catalog::Purchase;

/// What every version has; `gpu_vendor`, `flags`, `cpu_arch` and `provider_data` came later.
pub(crate) const COLUMNS: [&str; 6] =
    ["instance_name", "location", "price", "gpu_count", "gpu_name", "spot"];

/// gpuhunt's names of providers that the catalog calls otherwise.
const PROVIDERS: [(&str, &str); 3] =
    [("lambdalabs", "lambda"), ("datacrunch", "verda"), ("vastai", "vast")];

pub(crate) fn row(
    line: u64,
    cells: Cells<'_>,
    context: &ImportContext,
) -> Result<RowFound, Reason> {
    let instance = cells.get("instance_name");
    let (name, count) = (cells.get("gpu_name"), cells.get("gpu_count"));
    if cell::is_nothing(name) && matches!(count, "" | "0") {
        return Err(Reason::CpuOnly { instance: clip(instance) });
    }
    let name = cell::filled(name, "gpu_name")?;
    cell::is_gpu(name)?;
    if matches!(cells.get("gpu_vendor"), "google" | "intel") {
        return Err(Reason::NotAGpu { name: clip(name) });
    }
    cell::filled(instance, "instance_name")?;
    let gpu_count = cell::gpu_count(count, "gpu_count", instance)?;
    let region = cell::filled(cells.get("location"), "location")?;
    if region.contains('/') {
        return Err(Reason::BadName { column: "location", found: clip(region), what: "slash" });
    }
    cell::filled(cells.get("spot"), "spot")?;
    let spot = cell::yes_or_no(cells.get("spot"), "spot")?;
    let text = cells.get("price");
    let Some(price) = cell::price(text, "price")? else {
        return Err(Reason::NotSold { instance: clip(instance) });
    };
    let mut found = RowFound { rounded: price.is_rounded_from(text), ..RowFound::default() };
    let vcpus = found.keep(cell::number(cells.get("cpu"), "cpu"));
    let ram_gib = found.keep(cell::number(cells.get("memory"), "memory"));
    let memory = found.keep(cell::number(cells.get("gpu_memory"), "gpu_memory"));
    let key = Key {
        provider: provider(cells, context)?,
        instance_type: instance.to_owned(),
        gpu: memory.map_or_else(|| name.to_owned(), |gb| format!("{name}-{gb}GB")),
        gpu_count,
        region: region.to_owned(),
        purchase: if spot { Purchase::Spot } else { Purchase::PayAsYouGo },
    };
    let mut offer = OfferRow { key, vcpus, ram_gib, ..OfferRow::new(price, context) };
    // Flags mark offers that gpuhunt hides unless asked, such as clusters: they stay visible.
    let flags = cells.get("flags");
    if !flags.is_empty() {
        offer.source = format!("{} (flags: {flags})", offer.source);
    }
    found.listed.push(Listed { row: line, zone: String::new(), offer });
    Ok(found)
}

fn provider(cells: Cells<'_>, context: &ImportContext) -> Result<String, Reason> {
    if let Some(name) = &context.provider {
        return Ok(name.clone());
    }
    let name = cell::filled(cells.get("provider"), "provider")?;
    let name = PROVIDERS.iter().find(|it| it.0 == name).map_or(name, |it| it.1);
    if !cell::is_provider(name) {
        let what = "sign that a file name cannot have";
        return Err(Reason::BadName { column: "provider", found: clip(name), what });
    }
    Ok(name.to_owned())
}
