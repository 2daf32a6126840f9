//! Listed prices put together into offers: zones that agree become a region, repeats and
//! contradictions are left out.
//!
//! The key of an offer has a region and no zone. Where a file has one instance in one region at
//! two prices for one way of buying (spot at AWS), that way of buying is priced by zone: the
//! region of each of its rows is `region/zone`, which the catalog reads as a zone of the region.
//! Otherwise (pay as you go at AWS, both at GCP) the row is the region's, and the zones it was
//! listed for stand at the end of its source, so that none is lost.

use std::collections::{BTreeMap, BTreeSet};

use super::left_out::{LeftOut, Reason};
use super::offer_row::{Key, OfferRow};
use crate::catalog::Purchase;

/// What stands before the zones in a source.
const ZONES: &str = " (zones: ";

/// One price of one row of a file, in a region and maybe a zone of it.
pub(crate) struct Listed {
    pub(crate) row: u64,
    pub(crate) zone: String,
    pub(crate) offer: OfferRow,
}

/// Offers in the order of their keys, and the rows they come from.
pub(crate) struct Gathered {
    pub(crate) offers: Vec<OfferRow>,
    pub(crate) used: BTreeSet<u64>,
}

struct Entry {
    first: u64,
    offer: OfferRow,
    zones: BTreeSet<String>,
}

/// A key on a date: two prices of it contradict each other.
type Dated = (Key, String);

pub(crate) fn gather(listed: Vec<Listed>, left_out: &mut Vec<LeftOut>) -> Gathered {
    let by_zone = priced_by_zone(&listed);
    let mut entries: BTreeMap<Dated, Entry> = BTreeMap::new();
    let mut used = BTreeSet::new();
    for Listed { row, mut zone, mut offer } in listed {
        let market = (offer.key.provider.clone(), offer.key.purchase);
        if !zone.is_empty() && by_zone.contains(&market) {
            offer.key.region = format!("{}/{zone}", offer.key.region);
            zone.clear();
        }
        let dated = (offer.key.clone(), offer.as_of.clone());
        let zones = BTreeSet::from_iter((!zone.is_empty()).then_some(zone));
        match entries.get_mut(&dated) {
            None => {
                entries.insert(dated, Entry { first: row, offer, zones });
                used.insert(row);
            }
            Some(entry) => match entry.join(row, &offer, zones) {
                Ok(others) => {
                    used.insert(row);
                    left_out.extend(others);
                }
                Err(reason) => left_out.push(LeftOut { row, reason }),
            },
        }
    }
    let mut offers: Vec<OfferRow> = entries.into_values().map(Entry::finish).collect();
    explain_spot(&mut offers);
    Gathered { offers, used }
}

/// The ways of buying that one file prices by zone, and those whose zones have names that a
/// source cannot list.
fn priced_by_zone(listed: &[Listed]) -> BTreeSet<(String, Purchase)> {
    let mut prices: BTreeMap<(&Key, &str), BTreeMap<&str, i128>> = BTreeMap::new();
    let mut by_zone = BTreeSet::new();
    for it in listed.iter().filter(|it| !it.zone.is_empty()) {
        let Key { provider, purchase, .. } = &it.offer.key;
        let zones = prices.entry((&it.offer.key, it.offer.as_of.as_str())).or_default();
        let nano = it.offer.price.nano();
        let first = *zones.entry(it.zone.as_str()).or_insert(nano);
        let differs = zones.values().any(|other| *other != first);
        if differs || !is_listable(&it.zone) {
            by_zone.insert((provider.clone(), *purchase));
        }
    }
    by_zone
}

fn is_listable(zone: &str) -> bool {
    zone.bytes().all(|it| it.is_ascii_alphanumeric() || matches!(it, b'-' | b'_' | b'.'))
}

impl Entry {
    /// Takes in another row of the same key and date; goes out what of it did not agree.
    fn join(
        &mut self,
        row: u64,
        other: &OfferRow,
        zones: BTreeSet<String>,
    ) -> Result<Vec<LeftOut>, Reason> {
        let (first, purchase) = (self.first, other.key.purchase);
        if self.offer.price != other.price || self.offer.currency != other.currency {
            let with_currency = |it: &OfferRow| format!("{} {}", it.price, it.currency);
            let (price, found) = (with_currency(&self.offer), with_currency(other));
            return Err(Reason::Contradicts { first, price, found, purchase });
        }
        let is_new = !zones.is_empty() && !self.zones.is_empty() && zones.is_disjoint(&self.zones);
        if !is_new {
            return Err(Reason::Repeats { first, purchase });
        }
        self.zones.extend(zones);
        let host = [
            ("vCPUs", &self.offer.vcpus, &other.vcpus),
            ("memory", &self.offer.ram_gib, &other.ram_gib),
        ];
        let differing = host.into_iter().filter(|(_, kept, found)| kept != found);
        let text = |it: &Option<String>| it.clone().unwrap_or_else(|| "not stated".to_owned());
        Ok(differing
            .map(|(column, kept, found)| {
                let (kept, found) = (text(kept), text(found));
                LeftOut { row, reason: Reason::OtherHost { first, column, found, kept } }
            })
            .collect())
    }

    fn finish(self) -> OfferRow {
        let Entry { mut offer, zones, .. } = self;
        if !zones.is_empty() {
            let list: Vec<String> = zones.into_iter().collect();
            offer.source = format!("{}{ZONES}{})", offer.source, list.join(" "));
        }
        offer
    }
}

/// The zones that a source lists at its end.
pub(crate) fn zones_of(source: &str) -> Vec<&str> {
    let list = source.strip_suffix(')').and_then(|it| it.rsplit_once(ZONES));
    list.map_or_else(Vec::new, |(_, list)| list.split(' ').collect())
}

/// The catalog wants a reason where spot is not below pay as you go of the same instance in its
/// region; the newest prices are compared, as it does.
fn explain_spot(offers: &mut [OfferRow]) {
    let mut payg: BTreeMap<Key, (String, i128, String)> = BTreeMap::new();
    for it in offers.iter().filter(|it| it.key.purchase == Purchase::PayAsYouGo) {
        // Of one key the offers are in the order of their dates.
        let newest = (it.as_of.clone(), it.price.nano(), it.currency.clone());
        payg.insert(it.key.clone(), newest);
    }
    let spot = |it: &&mut OfferRow| it.key.purchase == Purchase::Spot && it.reason.is_none();
    for it in offers.iter_mut().filter(spot) {
        let twin = it.key.bought(Purchase::PayAsYouGo);
        let twins = [twin.in_region(), twin];
        let dearer = twins
            .iter()
            .filter_map(|twin| payg.get(twin))
            .any(|(_, nano, currency)| *currency == it.currency && it.price.nano() >= *nano);
        if dearer {
            it.reason = Some("spot is not below pay as you go, as listed by the source".to_owned());
        }
    }
}
