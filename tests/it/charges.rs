//! Random valid FOCUS rows, what they add up to, and the same rows in every container.

use std::collections::BTreeMap;

use polars::prelude::*;
use proptest::prelude::*;

pub(crate) const CURRENCIES: [&str; 3] = ["USD", "EUR", "GBP"];
const CATEGORIES: [&str; 5] = ["Usage", "Purchase", "Tax", "Credit", "Adjustment"];

/// What a row charges.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Kind {
    /// A machine with GPUs, by its place in [`SKUS`].
    Gpu(usize),
    /// A machine with GPUs that a commitment covers.
    Used(usize),
    /// A machine with GPUs at a price that no hours stand beside.
    Flat(usize),
    /// Hours of a GPU machine of an earlier month, taken back.
    Correction(usize),
    Cpu,
    Unused,
    /// Bought for rows that come later: its effective cost is 0.
    PurchaseForLater,
    PurchaseOnce,
    Credit,
    Tax,
    Adjustment,
}

/// Words of a bill, and the GPUs of one machine.
const SKUS: [(&str, u64); 4] = [
    ("$55.04 per On Demand Linux p5.48xlarge Instance Hour", 8),
    ("$1.624 per On Demand Linux g5.4xlarge Instance Hour", 1),
    ("$10.49 per On Demand Linux g6e.12xlarge Instance Hour", 4),
    ("p4d.24xlarge Linux/UNIX Spot Instance-hour", 8),
];

/// An amount and the way it is written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Amount {
    pub(crate) atto: i128,
    places: usize,
    style: u8,
}

impl Amount {
    const ZERO: Amount = Amount { atto: 0, places: 0, style: 0 };

    fn of(units: i64, places: usize, style: u8) -> Amount {
        let atto = i128::from(units) * 10_i128.pow(u32::try_from(18 - places).unwrap());
        Amount { atto, places, style }
    }

    /// `12.50`, `12.500000000000000000`, `1250E-2` or `125.0e-1`.
    pub(crate) fn text(self) -> String {
        let sign = if self.atto < 0 { "-" } else { "" };
        let all = self.atto.unsigned_abs();
        let fraction = format!("{:018}", all % 10_u128.pow(18));
        let whole = all / 10_u128.pow(18);
        let units = all / 10_u128.pow(u32::try_from(18 - self.places).unwrap());
        let plain = if self.places == 0 {
            format!("{sign}{whole}")
        } else {
            format!("{sign}{whole}.{}", &fraction[..self.places])
        };
        match self.style {
            1 => format!("{sign}{whole}.{fraction}"),
            2 => format!("{sign}{units}E-{}", self.places),
            3 if self.places > 0 => {
                format!("{sign}{}.{}e-{}", units / 10, units % 10, self.places - 1)
            }
            _ => plain,
        }
    }
}

/// A row of a bill.
#[derive(Clone, Debug)]
pub(crate) struct Charge {
    pub(crate) kind: Kind,
    pub(crate) currency: usize,
    pub(crate) billed: Amount,
    pub(crate) effective: Amount,
    pub(crate) list: Option<Amount>,
    pub(crate) contracted: Option<Amount>,
    /// Hours since the start of June 2026, and how many they are.
    pub(crate) hours: (u32, u32),
    pub(crate) resource: usize,
    pub(crate) tags: usize,
    /// Thousandths of an hour.
    pub(crate) quantity: u32,
}

pub(crate) fn amount() -> impl Strategy<Value = Amount> {
    (-1_000_000_000_i64..1_000_000_000, 0_usize..=18, 0_u8..4)
        .prop_map(|(units, places, style)| Amount::of(units, places, style))
}

fn kind() -> impl Strategy<Value = Kind> {
    prop_oneof![
        4 => (0..SKUS.len()).prop_map(Kind::Gpu),
        2 => (0..SKUS.len()).prop_map(Kind::Used),
        1 => (0..SKUS.len()).prop_map(Kind::Flat),
        1 => (0..SKUS.len()).prop_map(Kind::Correction),
        2 => Just(Kind::Cpu),
        1 => Just(Kind::Unused),
        1 => Just(Kind::PurchaseForLater),
        1 => Just(Kind::PurchaseOnce),
        1 => Just(Kind::Credit),
        1 => Just(Kind::Tax),
        1 => Just(Kind::Adjustment),
    ]
}

pub(crate) fn charge() -> impl Strategy<Value = Charge> {
    let amounts = (
        amount(),
        amount(),
        prop::option::weighted(0.8, amount()),
        prop::option::weighted(0.7, amount()),
    );
    let place = (0_u32..96, 1_u32..3, 0_usize..4, 0_usize..TAGS.len(), 0_u32..100_000);
    (kind(), 0..CURRENCIES.len(), amounts, place).prop_map(
        |(kind, currency, (billed, effective, list, contracted), place)| {
            let (start, length, resource, tags, quantity) = place;
            let (billed, effective) = match kind {
                Kind::Used(_) | Kind::Unused => (Amount::ZERO, effective),
                Kind::PurchaseForLater => (billed, Amount::ZERO),
                Kind::Credit | Kind::Tax | Kind::PurchaseOnce => (billed, billed),
                _ => (billed, effective),
            };
            let hours = (start, length);
            Charge {
                kind,
                currency,
                billed,
                effective,
                list,
                contracted,
                hours,
                resource,
                tags,
                quantity,
            }
        },
    )
}

const TAGS: [&str; 5] = [
    "",
    r#"{"workload":"chat","team":"a"}"#,
    r#"{"workload":"embed"}"#,
    r#"{"team":"b","env":null}"#,
    r#"{"app":"batch","gpu":true}"#,
];

pub(crate) const HEADERS: [&str; 20] = [
    "BilledCost",
    "EffectiveCost",
    "ListCost",
    "ContractedCost",
    "BillingCurrency",
    "BillingPeriodStart",
    "ChargeCategory",
    "ChargeClass",
    "ChargePeriodStart",
    "ChargePeriodEnd",
    "CommitmentDiscountId",
    "CommitmentDiscountStatus",
    "PricingCategory",
    "PricingQuantity",
    "PricingUnit",
    "ChargeDescription",
    "ResourceId",
    "ServiceCategory",
    "Tags",
    "ProviderName",
];

/// The start of an hour of June 2026.
pub(crate) fn instant(hour: u32) -> String {
    format!("2026-06-{:02}T{:02}:00:00Z", 1 + hour / 24, hour % 24)
}

impl Charge {
    pub(crate) fn category(&self) -> &'static str {
        match self.kind {
            Kind::PurchaseForLater | Kind::PurchaseOnce => "Purchase",
            Kind::Credit => "Credit",
            Kind::Tax => "Tax",
            Kind::Adjustment => "Adjustment",
            _ => "Usage",
        }
    }

    /// Millionths of a thousandth of a GPU-hour, 10^-9, of rows that are GPUs of this month.
    pub(crate) fn nano_gpu_hours(&self) -> i128 {
        match self.kind {
            Kind::Gpu(sku) | Kind::Used(sku) => {
                i128::from(self.quantity) * 1_000_000 * i128::from(SKUS[sku].1)
            }
            _ => 0,
        }
    }

    /// Whether list and contracted costs are left out because later rows carry them.
    fn is_for_later(&self) -> bool {
        self.category() == "Purchase" && self.effective.atto == 0 && self.billed.atto != 0
    }

    /// The cells, in the order of [`HEADERS`]. Equal inputs give equal cells.
    pub(crate) fn cells(&self) -> Vec<String> {
        let text = |it: Option<Amount>| it.map(Amount::text).unwrap_or_default();
        let (start, length) = self.hours;
        let commitment = matches!(
            self.kind,
            Kind::Used(_) | Kind::Unused | Kind::PurchaseForLater | Kind::PurchaseOnce
        );
        let quantity = format!("{}.{:03}", self.quantity / 1000, self.quantity % 1000);
        let (quantity, unit, words) = match self.kind {
            Kind::Gpu(sku) | Kind::Used(sku) => (quantity, "Hours", SKUS[sku].0),
            Kind::Correction(sku) => (format!("-{quantity}"), "Hours", SKUS[sku].0),
            Kind::Flat(sku) => (String::new(), "", SKUS[sku].0),
            Kind::Cpu => (quantity, "Hours", "$0.4 per On Demand Linux m7i.2xlarge Instance Hour"),
            _ => (String::new(), "", "something else"),
        };
        let (start, end) = match self.kind {
            // Of a month that was invoiced before.
            Kind::Correction(_) => (
                instant(start).replace("2026-06", "2026-05"),
                instant(start + length).replace("2026-06", "2026-05"),
            ),
            _ => (instant(start), instant(start + length)),
        };
        let resource = match self.kind {
            Kind::Credit | Kind::Tax | Kind::Adjustment => String::new(),
            Kind::Unused | Kind::PurchaseForLater | Kind::PurchaseOnce => "sp-1".to_owned(),
            _ => format!("i-0c41d{}", self.resource),
        };
        let status = match self.kind {
            Kind::Used(_) => "Used",
            Kind::Unused => "Unused",
            _ => "",
        };
        vec![
            self.billed.text(),
            self.effective.text(),
            text(self.list),
            text(self.contracted),
            CURRENCIES[self.currency].to_owned(),
            instant(0),
            self.category().to_owned(),
            if matches!(self.kind, Kind::Correction(_)) { "Correction" } else { "NULL" }.to_owned(),
            start,
            end,
            if commitment { "sp-1" } else { "" }.to_owned(),
            status.to_owned(),
            if matches!(self.kind, Kind::Used(_)) { "Committed" } else { "Standard" }.to_owned(),
            quantity,
            unit.to_owned(),
            words.to_owned(),
            resource,
            "Compute".to_owned(),
            TAGS[self.tags].to_owned(),
            "AWS".to_owned(),
        ]
    }
}

/// Sums of billed, effective, list and contracted cost.
pub(crate) type Sums = [Option<i128>; 4];

pub(crate) fn add(sums: &mut Sums, more: Sums) {
    for (sum, more) in sums.iter_mut().zip(more) {
        *sum = match (*sum, more) {
            (Some(a), Some(b)) => Some(a + b),
            (a, b) => a.or(b),
        };
    }
}

/// What valid rows add up to, by currency and by category.
pub(crate) fn expected(charges: &[Charge]) -> (BTreeMap<String, Sums>, BTreeMap<String, Sums>) {
    let (mut by_currency, mut by_category) = (BTreeMap::new(), BTreeMap::new());
    for it in charges {
        let atto = |it: Option<Amount>| it.map(|it| it.atto);
        let mut sums = [Some(it.billed), Some(it.effective), it.list, it.contracted].map(atto);
        if it.is_for_later() {
            (sums[2], sums[3]) = (None, None);
        }
        let currency = CURRENCIES[it.currency].to_owned();
        add(by_currency.entry(currency).or_default(), sums);
        debug_assert!(CATEGORIES.contains(&it.category()));
        add(by_category.entry(it.category().to_owned()).or_default(), sums);
    }
    (by_currency, by_category)
}

pub(crate) fn csv_of(headers: &[&str], rows: &[Vec<String>]) -> Vec<u8> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(headers).unwrap();
    for row in rows {
        writer.write_record(row).unwrap();
    }
    writer.into_inner().unwrap()
}

/// JSON lines; a null is a key that is not there.
pub(crate) fn jsonl_of(headers: &[&str], rows: &[Vec<String>]) -> Vec<u8> {
    let mut text = String::new();
    for row in rows {
        let pairs = headers.iter().zip(row).filter(|(_, cell)| !cell.is_empty());
        let object: serde_json::Map<String, serde_json::Value> =
            pairs.map(|(header, cell)| ((*header).to_owned(), cell.as_str().into())).collect();
        text.push_str(&serde_json::Value::Object(object).to_string());
        text.push('\n');
    }
    text.into_bytes()
}

/// Parquet in row groups of seven, so that several workers read it.
pub(crate) fn parquet_of(headers: &[&str], rows: &[Vec<String>]) -> Vec<u8> {
    let columns = headers.iter().enumerate().map(|(at, header)| {
        let cells: Vec<Option<&str>> =
            rows.iter().map(|row| Some(row[at].as_str()).filter(|it| !it.is_empty())).collect();
        Series::new((*header).into(), &cells).into_column()
    });
    let mut frame = DataFrame::new_infer_height(columns.collect()).unwrap();
    let mut bytes = Vec::new();
    let writer = ParquetWriter::new(&mut bytes).with_row_group_size(Some(7));
    writer.finish(&mut frame).unwrap();
    bytes
}
