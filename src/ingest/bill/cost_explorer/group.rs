//! What the key of a group of Cost Explorer says about a line.

use super::super::charge::{ChargeCategory, Line, QuantityUnit, Use};
use crate::usage::PricingCategory;

/// What groups are made by.
pub(super) enum Group {
    /// A dimension such as `INSTANCE_TYPE`.
    Dimension(String),
    /// The values of a tag, or of a cost category, by its name.
    Tag(String),
}

/// A line of AWS of which no group said anything.
pub(super) fn blank_line() -> Line {
    Line {
        provider: Some("aws".to_owned()),
        category: Some(ChargeCategory::Usage),
        ..Line::default()
    }
}

impl Group {
    /// From `DIMENSION.SERVICE`, `TAG.team` or `COST_CATEGORY.unit`.
    pub(super) fn parse(text: &str) -> Group {
        match text.split_once('.') {
            Some(("DIMENSION", key)) => Group::Dimension(key.to_owned()),
            Some((_, key)) => Group::Tag(key.to_owned()),
            None => Group::Dimension(text.to_owned()),
        }
    }

    /// Its name.
    pub(super) fn key(&self) -> &str {
        match self {
            Group::Dimension(key) | Group::Tag(key) => key,
        }
    }

    /// Writes the key of a group into the line.
    pub(super) fn write(&self, text: &str, line: &mut Line) {
        match self {
            // `team$search`; nothing after the sign where the tag is not set.
            Group::Tag(key) => {
                let value = text.strip_prefix(key.as_str()).and_then(|it| it.strip_prefix('$'));
                let value = value.unwrap_or(text);
                if !value.is_empty() {
                    line.tags.entry(key.clone()).or_insert_with(|| value.to_owned());
                }
            }
            Group::Dimension(key) => write_dimension(key, text, line),
        }
    }
}

fn write_dimension(key: &str, text: &str, line: &mut Line) {
    // Cost Explorer's words for what has none: `NoInstanceType`, `NoRegion`, ...
    let none = text.strip_prefix("No").is_some_and(|it| it.starts_with(char::is_uppercase));
    if none {
        return;
    }
    let owned = || Some(text.to_owned());
    match key {
        "INSTANCE_TYPE" => line.instance_type = owned(),
        "USAGE_TYPE" => {
            line.sku_texts.push(text.to_owned());
            if text.contains("SpotUsage:") {
                line.pricing = PricingCategory::Dynamic;
            }
        }
        "SERVICE" => {
            line.service = owned();
            // Taxes have no service, and stand under this name.
            if text == "Tax" {
                line.category = Some(ChargeCategory::Tax);
            }
        }
        "LINKED_ACCOUNT" => line.sub_account = owned(),
        "REGION" => line.region = owned(),
        "RESOURCE_ID" => line.resource_id = owned(),
        "PURCHASE_TYPE" => line.pricing = purchase_type(text),
        "RECORD_TYPE" => write_record_type(text, line),
        "RESERVATION_ID" | "SAVINGS_PLAN_ARN" => line.commitment = owned(),
        _ => {}
    }
}

fn purchase_type(text: &str) -> PricingCategory {
    if text.contains("Spot") {
        PricingCategory::Dynamic
    } else if text.contains("Reserved") || text.contains("Savings Plan") {
        PricingCategory::Committed
    } else {
        PricingCategory::Standard
    }
}

/// The type of a line item, with or without blanks: `Savings Plan Covered Usage`,
/// `SavingsPlanCoveredUsage`.
fn write_record_type(text: &str, line: &mut Line) {
    let word: String = text.chars().filter(char::is_ascii_alphabetic).collect();
    let (category, commitment_use) = match word.as_str() {
        "Tax" => (ChargeCategory::Tax, None),
        "Credit" => (ChargeCategory::Credit, None),
        "Refund" => (ChargeCategory::Adjustment, None),
        "DiscountedUsage" | "SavingsPlanCoveredUsage" => (ChargeCategory::Usage, Some(Use::Used)),
        "RIFee"
        | "Fee"
        | "SavingsPlanRecurringFee"
        | "SavingsPlanUpfrontFee"
        | "Recurring"
        | "Upfront" => (ChargeCategory::Purchase, None),
        // Discounts of a contract: `EdpDiscount`, `BundledDiscount`, ...
        other if other.ends_with("Discount") => (ChargeCategory::Credit, None),
        _ => (ChargeCategory::Usage, None),
    };
    line.category = Some(category);
    line.commitment_use = commitment_use;
    if commitment_use.is_some() {
        line.pricing = PricingCategory::Committed;
    }
    // Fees, credits and negations repeat the hours of what they are for. A negation takes the
    // on-demand price of covered usage back, and is usage like it.
    if category != ChargeCategory::Usage || word == "SavingsPlanNegation" {
        line.unit = QuantityUnit::None;
    }
}
