//! Two price lists compared, offer by offer and by GPU and way of buying.

use std::collections::BTreeMap;

use serde::Serialize;

use super::age::newest;
use super::offer_row::{Key, OfferRow};
use super::price::Price;
use crate::catalog::Purchase;

/// What changed from an old list to a new one.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Diff {
    /// By GPU and way of buying, in that order.
    pub groups: Vec<GroupChange>,
    /// Dearer, most first.
    pub rose: Vec<Change>,
    /// Cheaper, most first.
    pub fell: Vec<Change>,
    /// In another currency than before: no percentage without an exchange rate.
    pub other_currency: Vec<Change>,
    /// Only in the new list.
    pub new: Vec<Key>,
    /// Only in the old list.
    pub gone: Vec<Key>,
    /// Offers at the same price.
    pub same: usize,
}

/// An offer at another price.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Change {
    /// What it is a price of.
    #[serde(flatten)]
    pub key: Key,
    /// The old price.
    pub old: Price,
    /// The new price.
    pub new: Price,
    /// When the old one was seen.
    pub old_as_of: String,
    /// When the new one was seen.
    pub new_as_of: String,
    /// How much dearer, in percent of the old price; nothing where that was zero.
    pub percent: Option<f64>,
}

/// One GPU bought one way.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GroupChange {
    /// The GPU.
    pub gpu: String,
    /// How bought.
    pub purchase: Purchase,
    /// Dearer offers.
    pub rose: usize,
    /// Cheaper offers.
    pub fell: usize,
    /// Offers at the same price.
    pub same: usize,
    /// Offers of the new list only.
    pub new: usize,
    /// Offers of the old list only.
    pub gone: usize,
    /// The median change of the offers in both lists, in percent; nothing where there are none.
    pub median_percent: Option<f64>,
}

#[derive(Default)]
struct Group {
    rose: usize,
    fell: usize,
    same: usize,
    new: usize,
    gone: usize,
    percents: Vec<f64>,
}

type Groups = BTreeMap<(String, Purchase), Group>;

/// Compares the newest rows of two lists. `name` gives a GPU the name both lists are compared by:
/// the catalog knows that `H100` and `H100-SXM-80GB` can be one GPU.
pub fn diff(old: &[OfferRow], new: &[OfferRow], name: &dyn Fn(&str) -> String) -> Diff {
    let named = |offers: &[OfferRow]| -> Vec<OfferRow> {
        let rename = |it: &OfferRow| {
            let key = Key { gpu: name(&it.key.gpu), ..it.key.clone() };
            OfferRow { key, ..it.clone() }
        };
        offers.iter().map(rename).collect()
    };
    let (old, new) = (named(old), named(new));
    let (old, new) = (newest(old.iter()), newest(new.iter()));
    let mut found = Diff::default();
    let mut groups = Groups::new();
    for (key, offer) in &old {
        let group = groups.entry((key.gpu.clone(), key.purchase)).or_default();
        if let Some(other) = new.get(key) {
            compare(offer, other, group, &mut found);
        } else {
            group.gone += 1;
            found.gone.push((*key).clone());
        }
    }
    for key in new.keys().filter(|it| !old.contains_key(*it)) {
        groups.entry((key.gpu.clone(), key.purchase)).or_default().new += 1;
        found.new.push((*key).clone());
    }
    let by_percent = |it: &Change| it.percent.unwrap_or(f64::INFINITY);
    // Both sorts are stable, so that equal changes stay in the order of their keys.
    found.rose.sort_by(|a, b| by_percent(b).total_cmp(&by_percent(a)));
    found.fell.sort_by(|a, b| by_percent(a).total_cmp(&by_percent(b)));
    found.groups = groups.into_iter().map(summary).collect();
    found
}

fn compare(old: &OfferRow, new: &OfferRow, group: &mut Group, found: &mut Diff) {
    let comparable = old.currency == new.currency;
    let (from, to) = (old.price.nano(), new.price.nano());
    let percent = (comparable && from > 0).then(|| (to - from) as f64 / from as f64 * 100.0);
    group.percents.extend(percent);
    let change = Change {
        key: new.key.clone(),
        old: old.price.clone(),
        new: new.price.clone(),
        old_as_of: old.as_of.clone(),
        new_as_of: new.as_of.clone(),
        percent,
    };
    if !comparable {
        found.other_currency.push(change);
    } else if to > from {
        group.rose += 1;
        found.rose.push(change);
    } else if to < from {
        group.fell += 1;
        found.fell.push(change);
    } else {
        group.same += 1;
        found.same += 1;
    }
}

fn summary(((gpu, purchase), group): ((String, Purchase), Group)) -> GroupChange {
    let Group { rose, fell, same, new, gone, mut percents } = group;
    percents.sort_by(f64::total_cmp);
    let half = percents.len() / 2;
    let upper = percents.get(half).copied();
    let median_percent = match percents.len() % 2 {
        1 => upper,
        _ => half.checked_sub(1).and_then(|at| Some(f64::midpoint(*percents.get(at)?, upper?))),
    };
    GroupChange { gpu, purchase, rose, fell, same, new, gone, median_percent }
}
