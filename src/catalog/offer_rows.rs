//! The rows of `offers/<provider>.toml`: each checked, and of each key the newest kept.

use std::collections::BTreeMap;

use super::alias;
use super::error::CatalogError;
use super::file::PricingFile;
use super::offer::{Offer, PastPrice, Purchase};
use super::raw::{RawOffer, RawOffers};
use crate::units::{Currency, MoneyPerHour};

/// An offer, the byte where its row begins, and the reason of an odd price.
struct Row {
    offer: Offer,
    start: usize,
    reason: Option<String>,
    withdrawn: bool,
}

/// The offers of one provider by their ids, and the reasons that stand beside odd prices.
pub(super) struct ReadOffers {
    pub(super) offers: Vec<Offer>,
    /// What the same keys cost before.
    pub(super) before: Vec<PastPrice>,
    pub(super) reasons: Vec<(String, String)>,
    pub(super) withdrawn: Vec<String>,
}

/// The rows of one file, checked, the newest of each key.
pub(super) fn read(
    file: &PricingFile<'_>,
    provider: &str,
    rows: &RawOffers,
    names: &BTreeMap<String, Vec<String>>,
) -> Result<ReadOffers, CatalogError> {
    let mut newest: BTreeMap<String, Row> = BTreeMap::new();
    let mut all: Vec<PastPrice> = Vec::new();
    for raw in &rows.offer {
        let row = check(file, provider, (raw.span().start, raw.get_ref()), names)?;
        all.push(PastPrice::of(&row.offer));
        match newest.get(&row.offer.id) {
            Some(other) if other.offer.as_of == row.offer.as_of => same_price(file, other, &row)?,
            Some(other) if other.offer.as_of > row.offer.as_of => {}
            _ => {
                newest.insert(row.offer.id.clone(), row);
            }
        }
    }
    for row in newest.values() {
        spot_is_cheaper(file, row, &newest)?;
    }
    let reasons = newest
        .values()
        .filter_map(|row| Some((row.offer.id.clone(), row.reason.clone()?)))
        .collect();
    let withdrawn =
        newest.values().filter(|row| row.withdrawn).map(|row| row.offer.id.clone()).collect();
    all.retain(|it| newest.get(&it.offer_id).is_some_and(|row| row.offer.as_of > it.as_of));
    all.sort_by(|a, b| (&a.offer_id, &a.as_of).cmp(&(&b.offer_id, &b.as_of)));
    all.dedup_by(|a, b| a.offer_id == b.offer_id && a.as_of == b.as_of);
    Ok(ReadOffers {
        before: all,
        offers: newest.into_values().map(|row| row.offer).collect(),
        reasons,
        withdrawn,
    })
}

fn check(
    file: &PricingFile<'_>,
    provider: &str,
    (start, raw): (usize, &RawOffer),
    names: &BTreeMap<String, Vec<String>>,
) -> Result<Row, CatalogError> {
    let gpus = alias::resolve(names, &raw.gpu).unwrap_or_default().to_vec();
    let offer = Offer { gpus, ..offer(file, provider, (start, raw))? };
    Ok(Row { offer, start, reason: raw.reason.clone(), withdrawn: raw.withdrawn })
}

/// A row without the catalog GPUs its name stands for.
pub(super) fn offer(
    file: &PricingFile<'_>,
    provider: &str,
    (start, raw): (usize, &RawOffer),
) -> Result<Offer, CatalogError> {
    for (column, text) in
        [("instance_type", &raw.instance_type), ("gpu", &raw.gpu), ("region", &raw.region)]
    {
        file.filled(start, column, text)?;
    }
    if let Some(reason) = &raw.reason {
        file.filled(start, "reason", reason)?;
    }
    if raw.withdrawn && raw.reason.is_none() {
        return Err(CatalogError::Empty {
            at: file.place_of(start, "withdrawn"),
            column: "reason",
        });
    }
    file.provenance(start, &raw.source, &raw.as_of)?;
    file.positive(start, "vcpus", raw.vcpus)?;
    file.positive(start, "ram_gib", raw.ram_gib)?;
    file.positive(start, "billing_granularity_s", raw.billing_granularity_s.map(f64::from))?;
    count_agrees(file, start, raw)?;
    let purchase = Purchase::parse(&raw.purchase).ok_or_else(|| CatalogError::UnknownWord {
        at: file.place_of(start, "purchase"),
        column: "purchase",
        found: raw.purchase.clone(),
        expected: "payg, spot, reserved_<n>mo, flex_cud_<n>mo, capacity_block, dws_flex_start, dws_calendar, serverless_flex or serverless_active",
    })?;
    let row = Offer {
        id: String::new(),
        provider: provider.to_owned(),
        instance_type: raw.instance_type.clone(),
        gpu_label: raw.gpu.clone(),
        gpus: Vec::new(),
        gpu_count: raw.gpu_count,
        region: raw.region.clone(),
        purchase,
        rate: rate(file, start, raw)?,
        billing_granularity_s: raw.billing_granularity_s,
        derived: raw.derived,
        community: raw.community,
        upfront: raw.upfront.clone(),
        valid_until: None,
        as_of: raw.as_of.clone(),
        source: raw.source.clone(),
    };
    Ok(Offer { id: row.id_as(&row.gpu_label), ..row })
}

fn rate(
    file: &PricingFile<'_>,
    start: usize,
    raw: &RawOffer,
) -> Result<MoneyPerHour, CatalogError> {
    let currency = Currency::parse(&raw.currency).map_err(|_| CatalogError::UnknownWord {
        at: file.place_of(start, "currency"),
        column: "currency",
        found: raw.currency.clone(),
        expected: "a three-letter code such as USD",
    })?;
    let at = || file.place_of(start, "price_per_hour");
    let rate = MoneyPerHour::parse(&raw.price_per_hour, currency)
        .map_err(|source| CatalogError::BadPrice { at: at(), source })?;
    if rate.nano() < 0 || (rate.nano() == 0 && raw.reason.is_none()) {
        return Err(CatalogError::NotPositive { at: at(), found: raw.price_per_hour.clone() });
    }
    Ok(rate)
}

/// Providers write the number of GPUs into names such as `gpu_8x_h100` and `nvidia-a100-x4`.
fn count_agrees(file: &PricingFile<'_>, start: usize, raw: &RawOffer) -> Result<(), CatalogError> {
    let stated = raw.instance_type.split(['_', '-', ' ', '/']).find_map(|part| {
        part.strip_suffix('x').or_else(|| part.strip_prefix('x'))?.parse::<u32>().ok()
    });
    match stated {
        Some(expected) if expected != raw.gpu_count => Err(CatalogError::GpuCount {
            at: file.place_of(start, "gpu_count"),
            instance_type: raw.instance_type.clone(),
            found: raw.gpu_count,
            expected,
        }),
        _ => Ok(()),
    }
}

/// Two rows of one key and one date may repeat a price but not contradict each other.
fn same_price(file: &PricingFile<'_>, first: &Row, second: &Row) -> Result<(), CatalogError> {
    if first.offer.rate == second.offer.rate {
        return Ok(());
    }
    Err(CatalogError::Conflict {
        at: file.place(second.start),
        id: second.offer.id.clone(),
        as_of: second.offer.as_of.clone(),
        prices: format!(
            "{} and {}",
            first.offer.rate.to_decimal_string(),
            second.offer.rate.to_decimal_string()
        ),
    })
}

/// Spot is compared with pay as you go of the same instance in its region; a zone such as
/// `us-east-1/use1-az2` belongs to the region before the slash.
fn spot_is_cheaper(
    file: &PricingFile<'_>,
    row: &Row,
    rows: &BTreeMap<String, Row>,
) -> Result<(), CatalogError> {
    let spot = &row.offer;
    if spot.purchase != Purchase::Spot || row.reason.is_some() {
        return Ok(());
    }
    let region = spot.region.split('/').next().unwrap_or_default();
    for region in [spot.region.as_str(), region] {
        let id = format!(
            "{}/{}/{}/{}/{region}/{}",
            spot.provider,
            spot.instance_type,
            spot.gpu_label,
            spot.gpu_count,
            Purchase::PayAsYouGo
        );
        let Some(twin) = rows.get(&id).map(|it| &it.offer) else { continue };
        let comparable = twin.rate.currency() == spot.rate.currency();
        if comparable && spot.rate.nano() >= twin.rate.nano() {
            return Err(CatalogError::SpotNotCheaper {
                at: file.place_of(row.start, "price_per_hour"),
                instance_type: spot.instance_type.clone(),
                spot: spot.rate.to_decimal_string(),
                on_demand: twin.rate.to_decimal_string(),
            });
        }
    }
    Ok(())
}
