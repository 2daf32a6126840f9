//! Random valid rows of an AWS cost and usage report, and what they add up to by the rules of the
//! Cloud Intelligence Dashboards.

use std::collections::BTreeMap;

use proptest::prelude::*;

use crate::charges::{Amount, Sums, add, amount, instant};

/// What a row is; the number says whether an instance has GPUs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Item {
    Usage(usize),
    Covered(usize),
    Negation(usize),
    RecurringFee,
    UpfrontFee,
    Discounted(usize),
    RiFee,
    RiUpfront,
    Fee,
    Refund,
    PlanRefund,
    Credit,
    Tax,
    Discount,
    /// Divides what other rows hold.
    Split,
}

const INSTANCES: [(&str, i128); 4] =
    [("p5.48xlarge", 8), ("g5.4xlarge", 1), ("g6e.12xlarge", 4), ("m7i.2xlarge", 0)];

/// A row.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) item: Item,
    pub(crate) currency: usize,
    pub(crate) unblended: Amount,
    public: Option<Amount>,
    /// Effective cost of the plan or reservation, or what is unused of it.
    amortized: [Amount; 2],
    hour: u32,
    resource: usize,
    team: usize,
    /// Thousandths of an hour.
    quantity: u32,
}

pub(crate) fn row() -> impl Strategy<Value = Row> {
    let sku = 0..INSTANCES.len();
    let item = prop_oneof![
        4 => sku.clone().prop_map(Item::Usage),
        2 => sku.clone().prop_map(Item::Covered),
        2 => sku.clone().prop_map(Item::Negation),
        2 => sku.prop_map(Item::Discounted),
        10 => prop::sample::select(vec![
            Item::RecurringFee, Item::UpfrontFee, Item::RiFee, Item::RiUpfront, Item::Fee,
            Item::Refund, Item::PlanRefund, Item::Credit, Item::Tax, Item::Discount, Item::Split,
        ]),
    ];
    let amounts = (amount(), prop::option::weighted(0.7, amount()), [amount(), amount()]);
    let place = (0_u32..96, 0_usize..4, 0_usize..3, 0_u32..50_000);
    (item, 0_usize..2, amounts, place).prop_map(
        |(item, currency, (unblended, public, amortized), (hour, resource, team, quantity))| Row {
            item,
            currency,
            unblended,
            public,
            amortized,
            hour,
            resource,
            team,
            quantity,
        },
    )
}

pub(crate) const HEADERS: [&str; 22] = [
    "line_item_line_item_type",
    "line_item_usage_start_date",
    "line_item_usage_end_date",
    "line_item_product_code",
    "line_item_usage_type",
    "line_item_operation",
    "line_item_resource_id",
    "line_item_usage_amount",
    "line_item_currency_code",
    "line_item_unblended_cost",
    "pricing_unit",
    "pricing_public_on_demand_cost",
    "product_instance_type",
    "reservation_reservation_a_r_n",
    "reservation_effective_cost",
    "reservation_unused_amortized_upfront_fee_for_billing_period",
    "reservation_unused_recurring_fee",
    "savings_plan_savings_plan_a_r_n",
    "savings_plan_savings_plan_effective_cost",
    "savings_plan_total_commitment_to_date",
    "savings_plan_used_commitment",
    "resource_tags",
];

/// The headers of the legacy report for the same columns.
pub(crate) const LEGACY: [&str; 22] = [
    "lineItem/LineItemType",
    "lineItem/UsageStartDate",
    "lineItem/UsageEndDate",
    "lineItem/ProductCode",
    "lineItem/UsageType",
    "lineItem/Operation",
    "lineItem/ResourceId",
    "lineItem/UsageAmount",
    "lineItem/CurrencyCode",
    "lineItem/UnblendedCost",
    "pricing/unit",
    "pricing/publicOnDemandCost",
    "product/instanceType",
    "reservation/ReservationARN",
    "reservation/EffectiveCost",
    "reservation/UnusedAmortizedUpfrontFeeForBillingPeriod",
    "reservation/UnusedRecurringFee",
    "savingsPlan/SavingsPlanARN",
    "savingsPlan/SavingsPlanEffectiveCost",
    "savingsPlan/TotalCommitmentToDate",
    "savingsPlan/UsedCommitment",
    "resourceTags/user:team",
];

impl Row {
    fn word(&self) -> &'static str {
        match self.item {
            Item::Usage(_) | Item::Split => "Usage",
            Item::Covered(_) => "SavingsPlanCoveredUsage",
            Item::Negation(_) => "SavingsPlanNegation",
            Item::RecurringFee => "SavingsPlanRecurringFee",
            Item::UpfrontFee => "SavingsPlanUpfrontFee",
            Item::Discounted(_) => "DiscountedUsage",
            Item::RiFee => "RIFee",
            Item::RiUpfront | Item::Fee => "Fee",
            Item::Refund | Item::PlanRefund => "Refund",
            Item::Credit => "Credit",
            Item::Tax => "Tax",
            Item::Discount => "EdpDiscount",
        }
    }

    fn category(&self) -> &'static str {
        match self.item {
            Item::RecurringFee | Item::UpfrontFee | Item::RiFee | Item::RiUpfront | Item::Fee => {
                "Purchase"
            }
            Item::Refund | Item::PlanRefund => "Adjustment",
            Item::Credit => "Credit",
            Item::Tax => "Tax",
            _ => "Usage",
        }
    }

    fn sku(&self) -> Option<usize> {
        match self.item {
            Item::Usage(sku) | Item::Covered(sku) | Item::Negation(sku) | Item::Discounted(sku) => {
                Some(sku)
            }
            _ => None,
        }
    }

    /// Whether hours stand beside the cost.
    fn has_hours(&self) -> bool {
        matches!(self.item, Item::Usage(_) | Item::Covered(_) | Item::Discounted(_))
    }

    /// Only usage has a public price.
    fn public(&self) -> Option<Amount> {
        self.public.filter(|_| self.has_hours())
    }

    /// GPU-hours in 10^-9.
    pub(crate) fn nano_gpu_hours(&self) -> i128 {
        let gpus = self.sku().map_or(0, |sku| INSTANCES[sku].1);
        if self.has_hours() { i128::from(self.quantity) * 1_000_000 * gpus } else { 0 }
    }

    /// The cells, in the order of both headers.
    pub(crate) fn cells(&self, legacy: bool) -> Vec<String> {
        let own = |yes: bool, text: &str| if yes { text.to_owned() } else { String::new() };
        let instance = self.sku().map_or("", |sku| INSTANCES[sku].0);
        let of_plan = matches!(
            self.item,
            Item::Covered(_) | Item::Negation(_) | Item::RecurringFee | Item::UpfrontFee
        );
        let of_reservation =
            matches!(self.item, Item::Discounted(_) | Item::RiFee | Item::RiUpfront);
        let amortized = |at: usize, yes: bool| own(yes, &self.amortized[at].text());
        let product =
            if matches!(self.item, Item::RecurringFee | Item::UpfrontFee | Item::PlanRefund) {
                "ComputeSavingsPlans"
            } else {
                "AmazonEC2"
            };
        let team = ["", "search", "research"][self.team];
        let tags = match (legacy, team) {
            (_, "") => String::new(),
            (true, team) => team.to_owned(),
            (false, team) => format!(r#"{{"user_team":"{team}"}}"#),
        };
        vec![
            self.word().to_owned(),
            instant(self.hour),
            instant(self.hour + 1),
            product.to_owned(),
            own(!instance.is_empty(), &format!("BoxUsage:{instance}")),
            own(self.item == Item::Split, "EKSPod-EC2"),
            own(self.sku().is_some(), &format!("i-0c41d{}", self.resource)),
            own(self.has_hours(), &format!("{}.{:03}", self.quantity / 1000, self.quantity % 1000)),
            ["USD", "EUR"][self.currency].to_owned(),
            self.unblended.text(),
            own(self.has_hours(), "Hrs"),
            self.public().map(Amount::text).unwrap_or_default(),
            instance.to_owned(),
            own(of_reservation, "ri-1"),
            amortized(0, matches!(self.item, Item::Discounted(_))),
            amortized(0, self.item == Item::RiFee),
            amortized(1, self.item == Item::RiFee),
            own(of_plan, "sp-1"),
            amortized(0, matches!(self.item, Item::Covered(_))),
            amortized(0, self.item == Item::RecurringFee),
            amortized(1, self.item == Item::RecurringFee),
            tags,
        ]
    }

    /// Billed, effective and list cost, and the effective cost of what is unused.
    fn costs(&self) -> (Sums, Option<i128>) {
        let [first, second] = self.amortized.map(|it| it.atto);
        let (effective, unused) = match self.item {
            Item::Covered(_) | Item::Discounted(_) => (first, None),
            Item::RecurringFee => (0, Some(first - second)),
            Item::RiFee => (0, Some(first + second)),
            Item::Negation(_) | Item::UpfrontFee | Item::RiUpfront | Item::PlanRefund => (0, None),
            _ => (self.unblended.atto, None),
        };
        let list = self.public().map(|it| it.atto);
        ([Some(self.unblended.atto), Some(effective), list, None], unused)
    }
}

/// What valid rows add up to, by currency and by category.
pub(crate) fn expected(rows: &[Row]) -> (BTreeMap<String, Sums>, BTreeMap<String, Sums>) {
    let (mut by_currency, mut by_category) = (BTreeMap::new(), BTreeMap::new());
    for it in rows.iter().filter(|it| it.item != Item::Split) {
        let currency = ["USD", "EUR"][it.currency].to_owned();
        let (costs, unused) = it.costs();
        add(by_currency.entry(currency.clone()).or_default(), costs);
        add(by_category.entry(it.category().to_owned()).or_default(), costs);
        if let Some(unused) = unused {
            // A part of its own: usage that nobody made, and nothing is invoiced for it again.
            let unused = [Some(0), Some(unused), None, None];
            add(by_currency.entry(currency).or_default(), unused);
            add(by_category.entry("Usage".to_owned()).or_default(), unused);
        }
    }
    (by_currency, by_category)
}
