//! One row of `offers/<provider>.toml` as an import makes it, and its key.

use serde::Serialize;

use super::price::{Price, PriceFault};
use super::read::ImportContext;
use crate::catalog::{Offer, Purchase};

/// What makes two rows prices of one thing, in the order of the catalog's id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Key {
    /// Who sells it.
    pub provider: String,
    /// The provider's name of the instance.
    pub instance_type: String,
    /// The GPU as the price list names it.
    pub gpu: String,
    /// GPUs in the instance.
    pub gpu_count: u32,
    /// Where it is sold: a region, or `region/zone` where zones differ in price.
    pub region: String,
    /// How it is bought.
    pub purchase: Purchase,
}

/// A price of an instance of some GPUs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfferRow {
    /// What it is a price of.
    pub key: Key,
    /// Virtual CPUs, decimal text; nothing where not stated.
    pub vcpus: Option<String>,
    /// Memory of the host, decimal text; nothing where not stated.
    pub ram_gib: Option<String>,
    /// Price of the whole instance.
    pub price: Price,
    /// A three-letter code.
    pub currency: String,
    /// What a started lifetime is rounded up to, in seconds.
    pub billing_granularity_s: Option<u32>,
    /// True when the price was computed from another row.
    pub derived: bool,
    /// True for capacity of many small hosts.
    pub community: bool,
    /// True when no longer sold at a public price.
    pub withdrawn: bool,
    /// Why the price is odd.
    pub reason: Option<String>,
    /// When the price was seen.
    pub as_of: String,
    /// Where.
    pub source: String,
}

impl Key {
    /// The same without its zone.
    pub(crate) fn in_region(&self) -> Key {
        let region = self.region.split('/').next().unwrap_or_default().to_owned();
        Key { region, ..self.clone() }
    }

    /// The same bought otherwise.
    pub(crate) fn bought(&self, purchase: Purchase) -> Key {
        Key { purchase, ..self.clone() }
    }
}

impl OfferRow {
    /// A row of the catalog; nothing where its price is zero and no reason is kept with it.
    pub fn of(offer: &Offer) -> Option<OfferRow> {
        let price = match Price::parse(&offer.rate.to_decimal_string()) {
            Ok(price) => price,
            Err(PriceFault::Zero) => Price::zero(),
            Err(_) => return None,
        };
        Some(OfferRow {
            key: Key {
                provider: offer.provider.clone(),
                instance_type: offer.instance_type.clone(),
                gpu: offer.gpu_label.clone(),
                gpu_count: offer.gpu_count,
                region: offer.region.clone(),
                purchase: offer.purchase,
            },
            vcpus: None,
            ram_gib: None,
            price,
            currency: offer.rate.currency().to_string(),
            billing_granularity_s: offer.billing_granularity_s,
            derived: offer.derived,
            community: offer.community,
            withdrawn: false,
            reason: None,
            as_of: offer.as_of.clone(),
            source: offer.source.clone(),
        })
    }

    /// A price of nothing yet, with what the whole file says.
    pub(crate) fn new(price: Price, context: &ImportContext) -> OfferRow {
        OfferRow {
            key: Key {
                provider: String::new(),
                instance_type: String::new(),
                gpu: String::new(),
                gpu_count: 1,
                region: String::new(),
                purchase: Purchase::PayAsYouGo,
            },
            vcpus: None,
            ram_gib: None,
            price,
            currency: "USD".to_owned(),
            billing_granularity_s: None,
            derived: false,
            community: false,
            withdrawn: false,
            reason: None,
            as_of: context.as_of.clone(),
            source: context.source.clone(),
        }
    }
}
