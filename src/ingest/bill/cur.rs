//! AWS Cost and Usage Report, 2.0 and legacy.
//!
//! One name for both spellings: `line_item_usage_amount` and `lineItem/UsageAmount`. Billed is the
//! unblended cost. Effective is amortized as the Cloud Intelligence Dashboards do it
//! (`summary_view.sql`): what a savings plan or reservation covers costs its share of the plan, the
//! unused rest of the plan is a part of its own, and what was paid for the plan costs nothing again.
//! Times are UTC.

use chrono_tz::Tz;

use super::super::IngestError;
use super::super::cell;
use super::super::raw::RawTable;
use super::charge::{
    BillFormat, Bound, ChargeCategory, Costs, Fault, Line, Part, PartKind, Parts, QuantityUnit,
    Terms, Use,
};
use super::columns::{self, Columns, filled};
use crate::units::{Currency, Period, Timestamp};
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
/// Amounts and times.
const NUMBERS: [&str; 13] = [
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
    "identitylineitemid",
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
    let has = |name: &str| headers.iter().any(|it| columns::plain(it) == name);
    has("lineitemunblendedcost") || has("lineitemlineitemtype") && has("lineitemusagestartdate")
}

fn wants(header: &str) -> bool {
    let name = columns::plain(header);
    let known = LINE.contains(&name.as_str()) || NUMBERS.contains(&name.as_str());
    known && name != "identitylineitemid" || name.starts_with(TAG)
}

fn bind(first: &RawTable, file: &str) -> Result<Box<dyn Bound>, IngestError> {
    let columns = Columns::of(first, file)?;
    for (plain, name) in [
        ("lineitemunblendedcost", "line_item_unblended_cost"),
        ("lineitemlineitemtype", "line_item_line_item_type"),
        ("lineitemusagestartdate", "line_item_usage_start_date"),
        ("lineitemusageenddate", "line_item_usage_end_date"),
    ] {
        if columns.find(plain).is_none() {
            return Err(IngestError::MissingColumn {
                file: file.to_owned(),
                column: name,
                hint: format!(
                    "this looks like an AWS cost and usage report: export it with {name}"
                ),
            });
        }
    }
    let (mut at, slots) = columns.line(&LINE);
    // Tags of a legacy report have a column each.
    let mut tag_columns = Vec::new();
    for (column, header) in first.headers.iter().enumerate() {
        let name = columns::plain(header);
        if name.starts_with(TAG) && name != TAG && columns.find(&name) == Some(column) {
            tag_columns.push((at.len(), tag_key(header)));
            at.push(column);
        }
    }
    let legacy = first.headers.iter().any(|it| it.contains('/'));
    Ok(Box::new(Cur { at, slots, tag_columns, numbers: Numbers::of(&columns), legacy, columns }))
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
    at: Vec<usize>,
    slots: [Option<usize>; LINE.len()],
    tag_columns: Vec<(usize, String)>,
    numbers: Numbers,
    legacy: bool,
    columns: Columns,
}

/// Where the numbers are.
struct Numbers {
    unblended: Option<usize>,
    usage: Option<usize>,
    start: Option<usize>,
    end: Option<usize>,
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
    fn of(columns: &Columns) -> Numbers {
        let at = |name| columns.find(name);
        Numbers {
            unblended: at(NUMBERS[0]),
            usage: at(NUMBERS[1]),
            start: at(NUMBERS[2]),
            end: at(NUMBERS[3]),
            billing_start: at(NUMBERS[4]),
            public: at(NUMBERS[5]),
            ri_effective: at(NUMBERS[6]),
            ri_unused_upfront: at(NUMBERS[7]),
            ri_unused_recurring: at(NUMBERS[8]),
            sp_effective: at(NUMBERS[9]),
            sp_total: at(NUMBERS[10]),
            sp_used: at(NUMBERS[11]),
        }
    }

    fn all(&self) -> impl Iterator<Item = usize> {
        [
            self.unblended,
            self.usage,
            self.start,
            self.end,
            self.billing_start,
            self.public,
            self.ri_effective,
            self.ri_unused_upfront,
            self.ri_unused_recurring,
            self.sp_effective,
            self.sp_total,
            self.sp_used,
        ]
        .into_iter()
        .flatten()
    }
}

/// A row while its amounts are read: the first fault is kept.
struct Reading<'a> {
    cur: &'a Cur,
    table: &'a RawTable,
    row: usize,
    from_floats: u64,
    fault: Option<Fault>,
}

impl Reading<'_> {
    fn amount(&mut self, column: Option<usize>) -> Option<i128> {
        let column = column?;
        match cell::atto(self.table.cell(column, self.row)) {
            Ok(found) => found.map(|(atto, from_float)| {
                self.from_floats += u64::from(from_float);
                atto
            }),
            Err(reason) => self.fail(column, reason),
        }
    }

    fn time(&mut self, column: Option<usize>) -> Option<Timestamp> {
        let column = column?;
        match cell::time(self.table.cell(column, self.row), Tz::UTC) {
            Ok(found) => found,
            Err(reason) => self.fail(column, reason),
        }
    }

    fn fail<T>(&mut self, column: usize, reason: String) -> Option<T> {
        self.fault.get_or_insert((Some(self.cur.columns.header(column)), reason));
        None
    }

    /// The period; of a row without one any, and the fault is noted.
    fn period(&mut self) -> Period {
        let numbers = &self.cur.numbers;
        let (start, end) = (self.time(numbers.start), self.time(numbers.end));
        let column = numbers.end.unwrap_or(0);
        let found = match (start, end) {
            (Some(start), Some(end)) => columns::period(start, end),
            _ => Err("the start or the end is missing".to_owned()),
        };
        match found {
            Ok(period) => period,
            Err(reason) => self.fail(column, reason).unwrap_or(Period::EPOCH_DAY),
        }
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
        &self.at
    }

    fn line(&self, texts: &[Option<&str>]) -> Result<Line, Fault> {
        let text = |at: usize| {
            let slot = self.slots.get(at).copied().flatten()?;
            filled(texts.get(slot).copied().flatten())
        };
        let own = |at: usize| text(at).map(str::to_owned);
        let fault = |at: usize, reason: String| {
            let slot = self.slots.get(at).copied().flatten().and_then(|it| self.at.get(it));
            (slot.map(|it| self.columns.header(*it)), reason)
        };
        let word = text(0).ok_or_else(|| fault(0, "the line item type is missing".to_owned()))?;
        let reservation = text(13);
        let item = item_of(word, text(1), reservation.is_some())
            .ok_or_else(|| fault(0, columns::none_of(word, "the line item types of AWS")))?;
        let currency = text(6).map(Currency::parse).transpose().map_err(|_| {
            fault(6, columns::none_of(text(6).unwrap_or_default(), "the currency codes"))
        })?;
        let (usage_type, operation) = (text(2).unwrap_or_default(), text(3).unwrap_or_default());
        let mut tags = text(15).map(columns::object).unwrap_or_default();
        for (slot, key) in &self.tag_columns {
            if let Some(value) = filled(texts.get(*slot).copied().flatten()) {
                tags.insert(key.clone(), value.to_owned());
            }
        }
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
            currency,
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
            tags,
            divides_others: operation.starts_with("EKSPod") || operation.starts_with("ECSTask"),
            invoiced: self.slots[19].map(|_| text(19).is_some()),
            own: item as u8,
            ..Line::default()
        })
    }

    fn currency(&self, texts: &[Option<&str>]) -> Option<Currency> {
        columns::currency_in(self.slots[6].and_then(|slot| texts.get(slot).copied().flatten()))
    }

    fn row(
        &self,
        table: &RawTable,
        row: usize,
        line: &Terms,
        out: &mut Parts,
    ) -> Result<(), Fault> {
        let mut read = Reading { cur: self, table, row, from_floats: 0, fault: None };
        let item = ITEMS.get(usize::from(line.own)).copied().unwrap_or(Item::Usage);
        let billed = read.amount(self.numbers.unblended);
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
        let period = read.period();
        let billing_start = read.time(self.numbers.billing_start);
        let quantity = match self.numbers.usage {
            Some(column) if line.unit != QuantityUnit::None => {
                match cell::number(table.cell(column, row)) {
                    Ok(found) => found,
                    Err(reason) => read.fail(column, reason),
                }
            }
            _ => None,
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
        out.from_floats += read.from_floats;
        out.push(Part { kind, period, billing_start, costs, quantity });
        if let Some(unused) = unused {
            let costs = Costs { billed: Some(0), effective: Some(unused), ..Costs::default() };
            let kind = PartKind::Unused;
            out.push(Part { kind, period, billing_start, costs, quantity: None });
        }
        match read.fault {
            Some(fault) => Err(fault),
            None if billed.is_none() => {
                let header = self.numbers.unblended.map(|it| self.columns.header(it));
                Err((header, "the unblended cost is missing".to_owned()))
            }
            None => Ok(()),
        }
    }

    fn columns_used(&self) -> Vec<String> {
        self.columns.headers(self.at.iter().copied().chain(self.numbers.all()))
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
        "Usage" => Item::Usage,
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
        "Discount"
        | "BundledDiscount"
        | "EdpDiscount"
        | "PrivateRateDiscount"
        | "Enterprise Discount Program Discount"
        | "EDPDiscount" => Item::Discount,
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
