//! Rows of a plain table: the columns of `prices list --format csv`, and more that a row of
//! `offers/<provider>.toml` can have.

use super::cell;
use super::gather::Listed;
use super::left_out::{Reason, clip};
use super::offer_row::{Key, OfferRow};
use super::price::Price;
use super::read::{ImportContext, RowFound};
use super::table::Cells;
use crate::catalog::Purchase;
use crate::catalog::file::is_date;

/// What a row cannot do without; `provider`, `as_of` and `source` may be said for the whole file.
pub(crate) const COLUMNS: [&str; 6] =
    ["instance_type", "gpu", "gpu_count", "region", "purchase", "price_per_hour"];

pub(crate) fn row(
    line: u64,
    cells: Cells<'_>,
    context: &ImportContext,
) -> Result<RowFound, Reason> {
    let instance = cell::filled(cells.get("instance_type"), "instance_type")?;
    let key = Key {
        provider: provider(cells, context)?,
        instance_type: instance.to_owned(),
        gpu: cell::filled(cells.get("gpu"), "gpu")?.to_owned(),
        gpu_count: match cells.get("gpu_count") {
            // The catalog has prices of a processor alone, of serverless platforms.
            "0" if cells.get("gpu").starts_with("CPU") => 0,
            count => cell::gpu_count(count, "gpu_count", instance)?,
        },
        region: cell::filled(cells.get("region"), "region")?.to_owned(),
        purchase: purchase(cells.get("purchase"))?,
    };
    let reason = Some(cells.get("reason")).filter(|it| !it.is_empty()).map(str::to_owned);
    let text = cells.get("price_per_hour");
    let price = match cell::price(text, "price_per_hour") {
        Err(Reason::Zero { .. }) if reason.is_some() => Price::zero(),
        Ok(Some(price)) => price,
        Ok(None) => return Err(Reason::NotSold { instance: clip(instance) }),
        Err(fault) => return Err(fault),
    };
    let withdrawn = cell::yes_or_no(cells.get("withdrawn"), "withdrawn")?;
    if withdrawn && reason.is_none() {
        return Err(Reason::Empty { column: "reason" });
    }
    let rounded = price.nano() > 0 && price.is_rounded_from(text);
    let mut found = RowFound { rounded, ..RowFound::default() };
    let mut offer = OfferRow {
        key,
        vcpus: found.keep(cell::number(cells.get("vcpus"), "vcpus")),
        ram_gib: found.keep(cell::number(cells.get("ram_gib"), "ram_gib")),
        currency: currency(cells.get("currency"))?,
        billing_granularity_s: seconds(cells.get("billing_granularity_s"))?,
        derived: cell::yes_or_no(cells.get("derived"), "derived")?,
        community: cell::yes_or_no(cells.get("community"), "community")?,
        withdrawn,
        reason,
        ..OfferRow::new(price, context)
    };
    let (as_of, source) = (cells.get("as_of"), cells.get("source"));
    if !as_of.is_empty() {
        if !is_date(as_of) {
            return Err(Reason::BadDate { column: "as_of", found: clip(as_of) });
        }
        as_of.clone_into(&mut offer.as_of);
    }
    if !source.is_empty() {
        source.clone_into(&mut offer.source);
    }
    found.listed.push(Listed { row: line, zone: String::new(), offer });
    Ok(found)
}

fn provider(cells: Cells<'_>, context: &ImportContext) -> Result<String, Reason> {
    let name = cells.get("provider");
    let name = match &context.provider {
        Some(given) if name.is_empty() => given,
        _ => cell::filled(name, "provider")?,
    };
    if !cell::is_provider(name) {
        let what = "sign that a file name cannot have";
        return Err(Reason::BadName { column: "provider", found: clip(name), what });
    }
    Ok(name.to_owned())
}

fn purchase(text: &str) -> Result<Purchase, Reason> {
    Purchase::parse(text).ok_or_else(|| Reason::UnknownWord {
        column: "purchase",
        found: clip(text),
        expected: "payg, spot, reserved_<n>mo, flex_cud_<n>mo, capacity_block, dws_flex_start, dws_calendar, serverless_flex or serverless_active",
    })
}

fn currency(text: &str) -> Result<String, Reason> {
    let code = text.to_ascii_uppercase();
    match code.as_str() {
        "" => Ok("USD".to_owned()),
        it if it.len() == 3 && it.bytes().all(|it| it.is_ascii_uppercase()) => Ok(code),
        _ => Err(Reason::UnknownWord {
            column: "currency",
            found: clip(text),
            expected: "a three-letter code such as USD",
        }),
    }
}

fn seconds(text: &str) -> Result<Option<u32>, Reason> {
    let column = "billing_granularity_s";
    match text.parse::<u32>() {
        _ if text.is_empty() => Ok(None),
        Ok(seconds) if seconds > 0 => Ok(Some(seconds)),
        _ => Err(Reason::UnknownWord { column, found: clip(text), expected: "whole seconds" }),
    }
}
