//! The pricing category of a row.

use serde::Serialize;

/// How capacity was bought, in the words of FOCUS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PricingCategory {
    /// On demand.
    #[default]
    Standard,
    /// Under a commitment.
    Committed,
    /// Spot.
    Dynamic,
    /// Serverless.
    Serverless,
    /// Anything else.
    Other,
}

impl PricingCategory {
    /// The word in the usage table, in any case.
    pub fn parse(text: &str) -> Option<PricingCategory> {
        Some(match text.trim().to_ascii_lowercase().as_str() {
            "standard" => PricingCategory::Standard,
            "committed" => PricingCategory::Committed,
            "dynamic" => PricingCategory::Dynamic,
            "serverless" => PricingCategory::Serverless,
            "other" => PricingCategory::Other,
            _ => return None,
        })
    }

    /// The word in the usage table.
    pub const fn as_str(self) -> &'static str {
        match self {
            PricingCategory::Standard => "Standard",
            PricingCategory::Committed => "Committed",
            PricingCategory::Dynamic => "Dynamic",
            PricingCategory::Serverless => "Serverless",
            PricingCategory::Other => "Other",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_round_trip() {
        for category in [
            PricingCategory::Standard,
            PricingCategory::Committed,
            PricingCategory::Dynamic,
            PricingCategory::Serverless,
            PricingCategory::Other,
        ] {
            assert_eq!(PricingCategory::parse(category.as_str()), Some(category));
        }
        assert_eq!(PricingCategory::parse("on-demand"), None);
    }
}
