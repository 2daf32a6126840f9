//! AWS Cost and Usage Report, 2.0 and legacy.
//!
//! One name for both spellings: `line_item_usage_amount` and `lineItem/UsageAmount`. Billed is the
//! unblended cost. Effective is amortized as the Cloud Intelligence Dashboards do it
//! (`summary_view.sql`): what a savings plan or reservation covers costs its share of the plan, the
//! unused rest of the plan is a part of its own, and what was paid for the plan costs nothing again.
//! Times are UTC.

use super::super::IngestError;
use super::super::raw::RawTable;
use super::charge::{
    BillFormat, Bound, ChargeCategory, Costs, Fault, Line, Part, PartKind, Parts, QuantityUnit,
    Terms, Use,
};
use super::columns::{Columns, LineColumns, any_is, is_one_of, none_of, plain, tags};
use super::reading::Reading;
use crate::units::Currency;
use crate::usage::PricingCategory;

/// AWS CUR.
pub(in crate::ingest) static FORMAT: BillFormat = BillFormat { fits, wants, bind };

/// Texts that make a line, in the order in which [`Cur::line`] reads them.
const LINE: [&str; 20] = [
    "lineitemlineitemtype",
    "lineitemproductcode",
    "lineitemusagetype",
    "lineitemoperation",
    "lineitemresourceid",
    "lineitemusageaccountid",
    "lineitemcurrencycode",
    "lineitemlineitemdescription",
    "pricingterm",
    "pricingunit",
    "productinstancetype",
    "productregioncode",
    "productregion",
    "reservationreservationarn",
    "savingsplansavingsplanarn",
    "resourcetags",
    "capacityreservationcapacityreservationarn",
    "capacityreservationcapacityreservationstatus",
    "productgpu",
    "billinvoiceid",
];
/// Place of the currency in [`LINE`].
const CURRENCY: usize = 6;
/// Amounts and times.
const NUMBERS: [&str; 12] = [
    "lineitemunblendedcost",
    "lineitemusageamount",
    "lineitemusagestartdate",
    "lineitemusageenddate",
    "billbillingperiodstartdate",
    "pricingpublicondemandcost",
    "reservationeffectivecost",
    "reservationunusedamortizedupfrontfeeforbillingperiod",
    "reservationunusedrecurringfee",
    "savingsplansavingsplaneffectivecost",
    "savingsplantotalcommitmenttodate",
    "savingsplanusedcommitment",
];
/// Columns without which nothing can be said.
const REQUIRED: [&str; 4] = [
    "line_item_unblended_cost",
    "line_item_line_item_type",
    "line_item_usage_start_date",
    "line_item_usage_end_date",
];
/// Legacy exports have a column per tag.
const TAG: &str = "resourcetags";

/// What a line item is, where its money goes another way than its unblended cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum Item {
    Usage = 0,
    SavingsPlanCoveredUsage,
    SavingsPlanNegation,
    SavingsPlanRecurringFee,
    SavingsPlanUpfrontFee,
    DiscountedUsage,
    RiFee,
    RiUpfrontFee,
    Fee,
    SavingsPlanRefund,
    Refund,
    Credit,
    Discount,
    Tax,
}

const ITEMS: [Item; 14] = [
    Item::Usage,
    Item::SavingsPlanCoveredUsage,
    Item::SavingsPlanNegation,
    Item::SavingsPlanRecurringFee,
    Item::SavingsPlanUpfrontFee,
    Item::DiscountedUsage,
    Item::RiFee,
    Item::RiUpfrontFee,
    Item::Fee,
    Item::SavingsPlanRefund,
    Item::Refund,
    Item::Credit,
    Item::Discount,
    Item::Tax,
];

fn fits(headers: &[String]) -> bool {
    let has = |name: &str| any_is(headers, &[name]);
    has("lineitemunblendedcost") || has("lineitemlineitemtype") && has("lineitemusagestartdate")
}

fn wants(header: &str) -> bool {
    is_one_of(header, &LINE) || is_one_of(header, &NUMBERS) || plain(header).starts_with(TAG)
}

fn bind(first: &RawTable, file: &str) -> Result<Box<dyn Bound>, IngestError> {
    let mut columns = Columns::of(first, file);
    let numbers = Numbers::find(&mut columns)?;
    // Tags of a legacy report have a column each.
    let tagged = first.headers.iter().enumerate().filter(|(_, header)| {
        let name = plain(header);
        name.starts_with(TAG) && name != TAG
    });
    let (tag_columns, tag_keys): (Vec<usize>, Vec<String>) =
        tagged.map(|(at, header)| (at, tag_key(header))).unzip();
    let line = columns.line(LINE.each_ref().map(std::slice::from_ref), &tag_columns)?;
    let legacy = first.headers.iter().any(|it| it.contains('/'));
    Ok(Box::new(Cur { line, tag_keys, numbers, legacy, used: columns.used() }))
}

/// The tag key of a header such as `resourceTags/user:team` or `resource_tags_user_team`.
fn tag_key(header: &str) -> String {
    ["resourceTags/", "resource_tags_", "resource_tags/"]
        .iter()
        .find_map(|it| header.strip_prefix(it))
        .unwrap_or(header)
        .to_owned()
}

struct Cur {
    line: LineColumns<{ LINE.len() }>,
    tag_keys: Vec<String>,
    numbers: Numbers,
    legacy: bool,
    used: Vec<String>,
}

/// Where the numbers are.
struct Numbers {
    unblended: usize,
    usage: Option<usize>,
    start: usize,
    end: usize,
    billing_start: Option<usize>,
    public: Option<usize>,
    ri_effective: Option<usize>,
    ri_unused_upfront: Option<usize>,
    ri_unused_recurring: Option<usize>,
    sp_effective: Option<usize>,
    sp_total: Option<usize>,
    sp_used: Option<usize>,
}

impl Numbers {
    fn find(columns: &mut Columns) -> Result<Numbers, IngestError> {
        let mut required = [0; REQUIRED.len()];
        for (column, name) in required.iter_mut().zip(REQUIRED) {
            let hint =
                format!("this looks like an AWS cost and usage report: export it with {name}");
            *column = columns.need(&[name], &hint)?;
        }
        let [unblended, _, start, end] = required;
        let mut at = |place: usize| columns.find(&[NUMBERS[place]]);
        Ok(Numbers {
            unblended,
            usage: at(1)?,
            start,
            end,
            billing_start: at(4)?,
            public: at(5)?,
            ri_effective: at(6)?,
            ri_unused_upfront: at(7)?,
            ri_unused_recurring: at(8)?,
            sp_effective: at(9)?,
            sp_total: at(10)?,
            sp_used: at(11)?,
        })
    }
}

/// The sum of what is known of two amounts.
fn plus(a: Option<i128>, b: Option<i128>) -> Option<i128> {
    match (a, b) {
        (Some(a), Some(b)) => a.checked_add(b),
        (a, b) => a.or(b),
    }
}

impl Bound for Cur {
    fn line_columns(&self) -> &[usize] {
        self.line.columns()
    }

    fn line(&self, texts: &[Option<&str>]) -> Result<Line, Fault> {
        let found = self.line.texts(texts);
        let text = |at: usize| found[at];
        let own = |at: usize| text(at).map(str::to_owned);
        let fault = |why: String| self.line.fault(0, why);
        let word = text(0).ok_or_else(|| fault("the line item type is missing".to_owned()))?;
        let item = item_of(word, text(1), text(13).is_some())
            .ok_or_else(|| fault(none_of(word, "the line item types of AWS")))?;
        let (usage_type, operation) = (text(2).unwrap_or_default(), text(3).unwrap_or_default());
        let unread_tags = text(15).is_some_and(|it| tags(it).is_none());
        let mut tags = text(15).and_then(tags).unwrap_or_default();
        let tagged = self.tag_keys.iter().zip(self.line.more(texts));
        tags.extend(tagged.filter_map(|(key, value)| Some((key.clone(), value?.to_owned()))));
        let covered = matches!(item, Item::SavingsPlanCoveredUsage | Item::DiscountedUsage);
        let unit = match item {
            // The instance that runs in a reservation has rows of its own, with the hours.
            _ if is_reservation(usage_type) => QuantityUnit::None,
            Item::Usage | Item::SavingsPlanCoveredUsage | Item::DiscountedUsage => {
                text(9).map(QuantityUnit::parse).unwrap_or_default()
            }
            _ => QuantityUnit::None,
        };
        Ok(Line {
            provider: Some("aws".to_owned()),
            currency: self.line.currency(texts, CURRENCY)?,
            category: Some(category_of(item)),
            pricing: pricing_of(item, usage_type),
            commitment: own(14).or_else(|| own(13)),
            commitment_use: covered.then_some(Use::Used),
            capacity: own(16).or_else(|| own(4).filter(|_| is_unused(usage_type))),
            capacity_use: capacity_use(usage_type, text(17)),
            resource_id: own(4),
            region: own(11).or_else(|| own(12)),
            sub_account: own(5),
            service: own(1),
            instance_type: own(10),
            gpu_count: text(18).and_then(|it| it.parse().ok()),
            sku_texts: [text(2), text(7), text(1)]
                .into_iter()
                .flatten()
                .map(str::to_owned)
                .collect(),
            unit,
            unread_tags,
            tags,
            divides_others: operation.starts_with("EKSPod") || operation.starts_with("ECSTask"),
            invoiced: self.line.column(19).map(|_| text(19).is_some()),
            own: item as u8,
            ..Line::default()
        })
    }

    fn currency(&self, texts: &[Option<&str>]) -> Option<Currency> {
        self.line.currency_or_usd(texts, CURRENCY)
    }

    fn row(
        &self,
        table: &RawTable,
        row: usize,
        line: &Terms,
        out: &mut Parts,
    ) -> Result<(), Fault> {
        let mut read = Reading::of((table, row), out);
        let item = ITEMS.get(usize::from(line.own)).copied().unwrap_or(Item::Usage);
        let billed = read.cost(self.numbers.unblended);
        let list = match item {
            Item::SavingsPlanNegation => None,
            _ => read.amount(self.numbers.public),
        };
        let unused = match item {
            Item::SavingsPlanRecurringFee => {
                let total = read.amount(self.numbers.sp_total);
                let used = read.amount(self.numbers.sp_used);
                // Without both commitment columns nothing says what was unused.
                total.zip(used).map(|(total, used)| total - used)
            }
            Item::RiFee => plus(
                read.amount(self.numbers.ri_unused_upfront),
                read.amount(self.numbers.ri_unused_recurring),
            ),
            _ => None,
        };
        let effective = match item {
            Item::SavingsPlanCoveredUsage => read.amount(self.numbers.sp_effective),
            Item::DiscountedUsage => read.amount(self.numbers.ri_effective),
            // Without the column of effective costs what is covered is unknown, and so is the rest.
            Item::SavingsPlanNegation => self.numbers.sp_effective.map(|_| 0),
            Item::SavingsPlanUpfrontFee
            | Item::SavingsPlanRecurringFee
            | Item::RiFee
            | Item::RiUpfrontFee
            | Item::SavingsPlanRefund => Some(0),
            _ => billed,
        };
        let period = read.period((self.numbers.start, self.numbers.end));
        let billing_start = read.time(self.numbers.billing_start);
        let quantity = match line.unit {
            QuantityUnit::None => None,
            _ => read.number(self.numbers.usage),
        };
        let for_later = matches!(
            item,
            Item::SavingsPlanRecurringFee
                | Item::SavingsPlanUpfrontFee
                | Item::RiFee
                | Item::RiUpfrontFee
        );
        let kind = if for_later { PartKind::PurchaseForLater } else { PartKind::Main };
        let costs = Costs { billed, effective, list, contracted: None };
        read.push(Part { kind, period, billing_start, costs, quantity });
        if let Some(unused) = unused {
            let costs = Costs { billed: Some(0), effective: Some(unused), ..Costs::default() };
            let kind = PartKind::Unused;
            read.push(Part { kind, period, billing_start, costs, quantity: None });
        }
        read.end()
    }

    fn columns_used(&self) -> Vec<String> {
        self.used.clone()
    }

    fn format(&self) -> String {
        if self.legacy { "AWS CUR (legacy)" } else { "AWS CUR 2.0" }.to_owned()
    }
}

/// Rows of a capacity reservation itself: `Reservation:p5.48xlarge`, `DedicatedRes:...`, at no price.
fn is_reservation(usage_type: &str) -> bool {
    let name = usage_type.rsplit_once('-').map_or(usage_type, |(_, name)| name);
    usage_type.contains("Reservation:") || name.starts_with("DedicatedRes:")
}

/// Reserved capacity that nothing used: `UnusedBox:`, `UnusedDed:`.
fn is_unused(usage_type: &str) -> bool {
    usage_type.contains("UnusedBox:") || usage_type.contains("UnusedDed:")
}

fn capacity_use(usage_type: &str, status: Option<&str>) -> Option<Use> {
    let unused = is_unused(usage_type)
        || status.is_some_and(|it| it.to_ascii_lowercase().starts_with("unused"));
    unused.then_some(Use::Unused)
}

fn item_of(word: &str, product: Option<&str>, has_reservation: bool) -> Option<Item> {
    Some(match word {
        // A plan at a flat rate (CloudFront) is billed as what it costs.
        "Usage" | "FlatRateSubscription" => Item::Usage,
        "SavingsPlanCoveredUsage" => Item::SavingsPlanCoveredUsage,
        "SavingsPlanNegation" => Item::SavingsPlanNegation,
        "SavingsPlanRecurringFee" => Item::SavingsPlanRecurringFee,
        "SavingsPlanUpfrontFee" => Item::SavingsPlanUpfrontFee,
        "DiscountedUsage" => Item::DiscountedUsage,
        "RIFee" => Item::RiFee,
        "Fee" if has_reservation => Item::RiUpfrontFee,
        "Fee" => Item::Fee,
        "Refund" if product == Some("ComputeSavingsPlans") => Item::SavingsPlanRefund,
        "Refund" => Item::Refund,
        "Credit" => Item::Credit,
        "Tax" => Item::Tax,
        // `EdpDiscount`, `SppDiscount`, `RiVolumeDiscount`: AWS adds one with every programme.
        _ if word.ends_with("Discount") => Item::Discount,
        _ => return None,
    })
}

const fn category_of(item: Item) -> ChargeCategory {
    match item {
        // A discount is a lower price of the usage it stands beside.
        Item::Usage
        | Item::SavingsPlanCoveredUsage
        | Item::SavingsPlanNegation
        | Item::DiscountedUsage
        | Item::Discount => ChargeCategory::Usage,
        Item::SavingsPlanRecurringFee
        | Item::SavingsPlanUpfrontFee
        | Item::RiFee
        | Item::RiUpfrontFee
        | Item::Fee => ChargeCategory::Purchase,
        Item::Refund | Item::SavingsPlanRefund => ChargeCategory::Adjustment,
        Item::Credit => ChargeCategory::Credit,
        Item::Tax => ChargeCategory::Tax,
    }
}

fn pricing_of(item: Item, usage_type: &str) -> PricingCategory {
    match item {
        Item::SavingsPlanCoveredUsage | Item::SavingsPlanNegation | Item::DiscountedUsage => {
            PricingCategory::Committed
        }
        _ if usage_type.contains("SpotUsage") => PricingCategory::Dynamic,
        _ => PricingCategory::Standard,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_item_types() {
        for (word, expected) in [
            ("Usage", Some(Item::Usage)),
            ("FlatRateSubscription", Some(Item::Usage)),
            ("DiscountedUsage", Some(Item::DiscountedUsage)),
            ("Discount", Some(Item::Discount)),
            ("BundledDiscount", Some(Item::Discount)),
            ("EdpDiscount", Some(Item::Discount)),
            ("PrivateRateDiscount", Some(Item::Discount)),
            ("Enterprise Discount Program Discount", Some(Item::Discount)),
            ("SppDiscount", Some(Item::Discount)),
            ("DistributorDiscount", Some(Item::Discount)),
            ("RiVolumeDiscount", Some(Item::Discount)),
            ("DiscountOfTomorrow", None),
            ("usage", None),
            ("Subscription", None),
        ] {
            assert_eq!(item_of(word, None, false), expected, "{word}");
        }
    }
}
