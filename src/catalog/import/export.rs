//! Offers as a `SkyPilot` catalog: the way back, which proves that an import loses nothing.

use std::collections::BTreeMap;

use super::gather::zones_of;
use super::offer_row::{Key, OfferRow};
use crate::catalog::Purchase;

/// The columns of `SkyPilot`'s `RunPod` catalog.
const HEADER: [&str; 10] = [
    "InstanceType",
    "AcceleratorName",
    "AcceleratorCount",
    "vCPUs",
    "MemoryGiB",
    "Region",
    "SpotPrice",
    "Price",
    "AvailabilityZone",
    "GpuInfo",
];

/// A catalog, and what it cannot say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exported {
    /// The text, one row for each zone.
    pub csv: String,
    /// Offers bought otherwise than by the hour or on the spot, or not in dollars.
    pub left_out: Vec<Key>,
}

/// The prices of one row.
#[derive(Default)]
struct Prices<'a> {
    payg: &'a str,
    spot: &'a str,
    vcpus: &'a str,
    ram_gib: &'a str,
}

/// The offers of one provider on one date as a catalog, sorted.
pub fn to_skypilot(offers: &[OfferRow]) -> Exported {
    let mut rows: BTreeMap<(&str, &str, u32, &str, &str), Prices<'_>> = BTreeMap::new();
    let mut left_out = Vec::new();
    for offer in offers {
        let key = &offer.key;
        let by_hour = matches!(key.purchase, Purchase::PayAsYouGo | Purchase::Spot);
        if !by_hour || offer.currency != "USD" {
            left_out.push(key.clone());
            continue;
        }
        let (region, zones) = match key.region.split_once('/') {
            Some((region, zone)) => (region, vec![zone]),
            None => (key.region.as_str(), zones_of(&offer.source)),
        };
        let zones = if zones.is_empty() { vec![""] } else { zones };
        for zone in zones {
            let name = (key.instance_type.as_str(), key.gpu.as_str(), key.gpu_count, region, zone);
            let row = rows.entry(name).or_default();
            match key.purchase {
                Purchase::Spot => row.spot = offer.price.text(),
                _ => row.payg = offer.price.text(),
            }
            row.vcpus = offer.vcpus.as_deref().unwrap_or_default();
            row.ram_gib = offer.ram_gib.as_deref().unwrap_or_default();
        }
    }
    let mut csv = line(&HEADER);
    for ((instance, gpu, count, region, zone), it) in rows {
        let count = count.to_string();
        let cells =
            [instance, gpu, &count, it.vcpus, it.ram_gib, region, it.spot, it.payg, zone, gpu];
        csv.push_str(&line(&cells));
    }
    Exported { csv, left_out }
}

fn line(cells: &[&str]) -> String {
    let quoted: Vec<String> = cells
        .iter()
        .map(|it| {
            if it.contains(['"', ',', '\n', '\r']) {
                format!("\"{}\"", it.replace('"', "\"\""))
            } else {
                (*it).to_owned()
            }
        })
        .collect();
    format!("{}\n", quoted.join(","))
}
