//! Rows of a `SkyPilot` catalog: `InstanceType,AcceleratorName,AcceleratorCount,...,Price,SpotPrice`.
//!
//! Columns differ by cloud and version: without zones at Lambda and Nebius, with `Generation` at
//! Azure, with `Arch` and `LocalDiskSize` at AWS; they are found by name and others are passed
//! over. At GCP a GPU and its host are two rows, of which neither is the price of an instance.

use super::cell;
use super::gather::Listed;
use super::left_out::{Reason, clip};
use super::offer_row::{Key, OfferRow};
use super::price::Price;
use super::read::{ImportContext, RowFound};
use super::table::Cells;
use crate::catalog::Purchase;

/// What every version has.
pub(crate) const COLUMNS: [&str; 5] =
    ["InstanceType", "AcceleratorName", "AcceleratorCount", "Region", "Price"];

/// The two prices of a row.
const PRICES: [(&str, Purchase); 2] =
    [("Price", Purchase::PayAsYouGo), ("SpotPrice", Purchase::Spot)];

pub(crate) fn row(
    line: u64,
    cells: Cells<'_>,
    context: &ImportContext,
) -> Result<RowFound, Reason> {
    let instance = cells.get("InstanceType");
    let name = cells.get("AcceleratorName");
    if cell::is_nothing(name) {
        return Err(Reason::CpuOnly { instance: clip(instance) });
    }
    cell::is_gpu(name)?;
    if cell::is_nothing(instance) {
        return Err(Reason::PricedApart { name: clip(name), column: "InstanceType" });
    }
    let gpu_count = cell::gpu_count(cells.get("AcceleratorCount"), "AcceleratorCount", instance)?;
    let region = cell::filled(cells.get("Region"), "Region")?;
    if region.contains('/') {
        return Err(Reason::BadName { column: "Region", found: clip(region), what: "slash" });
    }
    let mut found = RowFound::default();
    let vcpus = found.keep(cell::number(cells.get("vCPUs"), "vCPUs"));
    let ram_gib = found.keep(cell::number(cells.get("MemoryGiB"), "MemoryGiB"));
    let mut prices: Vec<(Purchase, Price)> = Vec::new();
    let before = found.left_out.len();
    for (column, purchase) in PRICES {
        let text = cells.get(column);
        let price = found.keep(cell::price(text, column));
        found.rounded |= price.as_ref().is_some_and(|it| it.is_rounded_from(text));
        prices.extend(price.map(|it| (purchase, it)));
    }
    if prices.is_empty() && found.left_out.len() == before {
        found.left_out.push(Reason::NotSold { instance: clip(instance) });
    }
    let zone = cells.get("AvailabilityZone");
    let zone = if cell::is_nothing(zone) { "" } else { zone };
    found.listed = prices
        .into_iter()
        .map(|(purchase, price)| Listed {
            row: line,
            zone: zone.to_owned(),
            offer: OfferRow {
                key: Key {
                    provider: context.provider.clone().unwrap_or_default(),
                    instance_type: instance.to_owned(),
                    gpu: name.to_owned(),
                    gpu_count,
                    region: region.to_owned(),
                    purchase,
                },
                vcpus: vcpus.clone(),
                ram_gib: ram_gib.clone(),
                ..OfferRow::new(price, context)
            },
        })
        .collect();
    Ok(found)
}
