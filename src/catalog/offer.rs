//! What a provider sells: an instance of some GPUs in a region, at a rate, on a way of buying.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::units::MoneyPerHour;

/// What an offer cost when it was looked at before.
#[derive(Clone, Debug, PartialEq)]
pub struct PastPrice {
    /// Whose.
    pub offer_id: String,
    /// Price of the whole instance.
    pub rate: MoneyPerHour,
    /// When it was seen.
    pub as_of: String,
    /// Where.
    pub source: String,
}

impl PastPrice {
    pub(super) fn of(offer: &Offer) -> PastPrice {
        PastPrice {
            offer_id: offer.id.clone(),
            rate: offer.rate,
            as_of: offer.as_of.clone(),
            source: offer.source.clone(),
        }
    }
}

/// A way of buying capacity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Purchase {
    /// By the hour or second, no promise.
    PayAsYouGo,
    /// Interruptible.
    Spot,
    /// Paid every hour of a term, used or not.
    Reserved {
        /// The term.
        months: u32,
    },
    /// A discount for a promised spend over a term.
    FlexCommitment {
        /// The term.
        months: u32,
    },
    /// A block of days booked ahead.
    CapacityBlock,
    /// Queued start, at most some days.
    FlexStart,
    /// Booked for calendar days ahead.
    Calendar,
    /// Serverless workers that come and go.
    ServerlessFlex,
    /// Serverless workers that are always on.
    ServerlessActive,
}

impl Purchase {
    /// Whether it is paid for a term, used or not.
    pub const fn is_commitment(self) -> bool {
        matches!(self, Purchase::Reserved { .. } | Purchase::FlexCommitment { .. })
    }

    /// Whether money per hour is committed rather than an instance, so that other instances use it too.
    pub const fn is_in_money(self) -> bool {
        matches!(self, Purchase::FlexCommitment { .. })
    }

    /// The word in files and output: `payg`, `spot`, `reserved_12mo`, ...
    pub fn parse(text: &str) -> Option<Purchase> {
        let months = |text: &str| {
            let months = match text.strip_suffix("mo") {
                Some(number) => number.parse().ok(),
                None => text.strip_suffix("yr")?.parse::<u32>().ok()?.checked_mul(12),
            };
            months.filter(|it| *it > 0)
        };
        Some(match text {
            "payg" => Purchase::PayAsYouGo,
            "spot" => Purchase::Spot,
            "capacity_block" => Purchase::CapacityBlock,
            "dws_flex_start" => Purchase::FlexStart,
            "dws_calendar" => Purchase::Calendar,
            "serverless_flex" => Purchase::ServerlessFlex,
            "serverless_active" => Purchase::ServerlessActive,
            other => {
                if let Some(term) = other.strip_prefix("reserved_") {
                    Purchase::Reserved { months: months(term)? }
                } else {
                    let term = other.strip_prefix("flex_cud_")?;
                    Purchase::FlexCommitment { months: months(term)? }
                }
            }
        })
    }
}

impl Serialize for Purchase {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl fmt::Display for Purchase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Purchase::PayAsYouGo => f.write_str("payg"),
            Purchase::Spot => f.write_str("spot"),
            Purchase::Reserved { months } => write!(f, "reserved_{months}mo"),
            Purchase::FlexCommitment { months } => write!(f, "flex_cud_{months}mo"),
            Purchase::CapacityBlock => f.write_str("capacity_block"),
            Purchase::FlexStart => f.write_str("dws_flex_start"),
            Purchase::Calendar => f.write_str("dws_calendar"),
            Purchase::ServerlessFlex => f.write_str("serverless_flex"),
            Purchase::ServerlessActive => f.write_str("serverless_active"),
        }
    }
}

/// One row of `pricing/offers/*.toml`, checked, the newest of its key.
#[derive(Clone, Debug)]
pub struct Offer {
    /// `provider/instance_type/gpu/count/region/purchase`: the key, unique in the catalog.
    pub id: String,
    /// Who sells it; serverless platforms are providers of their own (`runpod-serverless`).
    pub provider: String,
    /// The provider's name of the instance.
    pub instance_type: String,
    /// The GPU as the price list names it.
    pub gpu_label: String,
    /// The catalog GPUs it can be: several for a pool, none for an unknown GPU, which is listed
    /// and never simulated.
    pub gpus: Vec<String>,
    /// GPUs in the instance.
    pub gpu_count: u32,
    /// Where it is sold.
    pub region: String,
    /// How it is bought.
    pub purchase: Purchase,
    /// Price of the whole instance.
    pub rate: MoneyPerHour,
    /// What a started lifetime is rounded up to, in seconds, where the provider says.
    pub billing_granularity_s: Option<u32>,
    /// True for capacity of many small hosts (community clouds, marketplaces).
    pub community: bool,
    /// True when the price was computed from another row rather than published.
    pub derived: bool,
    /// Upfront terms in the source's words, empty when there are none.
    pub upfront: String,
    /// The last day on which a private quote holds; nothing for a public price.
    pub valid_until: Option<String>,
    /// When the price was seen: `2026-11-09`, or `2025-10` when only the month is known.
    pub as_of: String,
    /// Where.
    pub source: String,
}

/// What the id of an offer begins with whose price is on the bill.
const OWN_RATE: &str = "bill:";
/// What the id of a quote ends with.
pub(super) const QUOTED: &str = "/quote";

impl Offer {
    /// Whether its price holds on a day such as `2026-12-31`.
    pub fn holds_on(&self, date: &str) -> bool {
        self.valid_until.as_deref().is_none_or(|last| date <= last)
    }

    /// Whether it is a private price rather than one of a list.
    pub const fn is_quote(&self) -> bool {
        self.valid_until.is_some()
    }

    /// Its id, were its GPU called otherwise.
    pub(super) fn id_as(&self, gpu_label: &str) -> String {
        let Offer { provider, instance_type, gpu_count, region, purchase, .. } = self;
        format!("{provider}/{instance_type}/{gpu_label}/{gpu_count}/{region}/{purchase}")
    }

    /// Whether its price is the rate on the user's bill.
    pub fn is_own_rate(&self) -> bool {
        self.id.starts_with(OWN_RATE)
    }

    /// The same at a rate on the user's bill.
    #[must_use]
    pub fn at_own_rate(&self, rate: MoneyPerHour, as_of: String) -> Offer {
        Offer {
            id: format!("{OWN_RATE}{}", self.id),
            rate,
            source: "the rate on your bill".to_owned(),
            as_of,
            derived: false,
            ..self.clone()
        }
    }

    /// The id under which the list has it, where its price is the user's own: on the bill, or quoted.
    pub fn listed_id(&self) -> Option<&str> {
        self.id.strip_prefix(OWN_RATE).or_else(|| self.id.strip_suffix(QUOTED))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_are_months() {
        for (text, expected) in [
            ("reserved_1yr", Some("reserved_12mo")),
            ("reserved_6mo", Some("reserved_6mo")),
            ("flex_cud_3yr", Some("flex_cud_36mo")),
            ("serverless_flex", Some("serverless_flex")),
            ("reserved_0mo", None),
            ("reserved_4000000000yr", None),
            ("reserved_mo", None),
            ("on-demand", None),
        ] {
            let found = Purchase::parse(text).map(|it| it.to_string());
            assert_eq!(found.as_deref(), expected, "{text}");
        }
    }
}
