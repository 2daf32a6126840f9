//! One charge of any bill in the words of FOCUS: what a line says, and what a row adds to it.
//!
//! A bill repeats itself: thousands of rows differ in their time and amounts only. What they share
//! is a [`Line`], made once per distinct tuple of texts; what each adds is one [`Part`] or more. A
//! format is a [`Bound`]: which columns make the line, and how a row becomes parts.

use std::collections::BTreeMap;

use super::super::IngestError;
use super::super::raw::RawTable;
use crate::units::{Currency, Period, Timestamp};
use crate::usage::PricingCategory;

/// What kind of charge a row is; the five words of FOCUS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in crate::ingest) enum ChargeCategory {
    /// Something was used.
    Usage,
    /// Something was bought for later, or once.
    Purchase,
    /// A tax on other charges.
    Tax,
    /// Money granted by the provider.
    Credit,
    /// A change that is none of the others: rounding, a refund without an object.
    Adjustment,
}

impl ChargeCategory {
    /// The FOCUS word, in any case.
    pub(in crate::ingest) fn parse(text: &str) -> Option<ChargeCategory> {
        Some(match text.trim().to_ascii_lowercase().as_str() {
            "usage" => ChargeCategory::Usage,
            "purchase" => ChargeCategory::Purchase,
            "tax" => ChargeCategory::Tax,
            "credit" => ChargeCategory::Credit,
            "adjustment" => ChargeCategory::Adjustment,
            _ => return None,
        })
    }

    /// The FOCUS word.
    pub(in crate::ingest) const fn as_str(self) -> &'static str {
        match self {
            ChargeCategory::Usage => "Usage",
            ChargeCategory::Purchase => "Purchase",
            ChargeCategory::Tax => "Tax",
            ChargeCategory::Credit => "Credit",
            ChargeCategory::Adjustment => "Adjustment",
        }
    }
}

/// What the quantity of a row counts, where it can become GPU-hours.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(in crate::ingest) enum QuantityUnit {
    /// Hours of a machine or of a GPU (the SKU tells which): the factor makes hours of the unit, so
    /// 1 for hours, 1/3600 for seconds, 100 for Azure's "100 Hours".
    Hours(f64),
    /// GPU-hours already, whatever the SKU says.
    GpuHours,
    /// Nothing that could become hours, or nothing at all.
    #[default]
    None,
}

impl QuantityUnit {
    /// From the unit of a bill: `Hours`, `Hrs`, `1 Hour`, `100 Hours`, `GPU-Hours`, `seconds`. Hours of
    /// something smaller than a machine (`vCPU-Hours`, `GiB-Hours`) are nothing that GPUs have.
    pub(in crate::ingest) fn parse(text: &str) -> QuantityUnit {
        let lower = text.trim().to_ascii_lowercase();
        let at = lower.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(lower.len());
        let (number, rest) = lower.split_at(at);
        let factor = if number.is_empty() { 1.0 } else { number.parse().unwrap_or(f64::NAN) };
        if factor.is_nan() || factor <= 0.0 {
            return QuantityUnit::None;
        }
        let word: String = rest.chars().filter(char::is_ascii_alphabetic).collect();
        match word.trim_end_matches('s') {
            "hour" | "hr" | "h" | "instancehour" | "vmhour" | "machinehour" | "nodehour"
            | "computehour" => QuantityUnit::Hours(factor),
            "minute" | "min" => QuantityUnit::Hours(factor / 60.0),
            "" if rest.trim() == "s" => QuantityUnit::Hours(factor / 3600.0),
            "second" | "sec" => QuantityUnit::Hours(factor / 3600.0),
            "day" => QuantityUnit::Hours(factor * 24.0),
            "gpuhour" | "gpuhr" | "gpuperhour" | "acceleratorhour" => QuantityUnit::GpuHours,
            _ => QuantityUnit::None,
        }
    }
}

/// Whether a commitment or a capacity reservation was used by a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::ingest) enum Use {
    /// The row is covered by it.
    Used,
    /// The row is the part of it that nothing used.
    Unused,
}

/// What rows that differ only in time and amounts have in common. Not known is `None`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::ingest) struct Line {
    /// Who is paid, as the catalog names it (`aws`, `azure`, `gcp`, `oci`, `runpod`, ...), else the
    /// bill's own word in lower case.
    pub(in crate::ingest) provider: Option<String>,
    /// The currency of the amounts.
    pub(in crate::ingest) currency: Option<Currency>,
    /// What kind of charge.
    pub(in crate::ingest) category: Option<ChargeCategory>,
    /// Corrects a period that was invoiced before: its money belongs to this bill's month, its
    /// hours to the period of the charge.
    pub(in crate::ingest) correction: bool,
    /// How it was bought.
    pub(in crate::ingest) pricing: PricingCategory,
    /// The commitment discount (savings plan, reservation, committed use), by its id.
    pub(in crate::ingest) commitment: Option<String>,
    /// A commitment whose fee the bill does not spread over what it covers, so that we do: of a fee
    /// the one that is paid, of a use the one that its [`PartKind::Covered`] is covered by.
    pub(in crate::ingest) spread: Option<String>,
    /// Whether the row used the commitment.
    pub(in crate::ingest) commitment_use: Option<Use>,
    /// The capacity reservation, by its id.
    pub(in crate::ingest) capacity: Option<String>,
    /// Whether the row used the capacity reservation.
    pub(in crate::ingest) capacity_use: Option<Use>,
    /// The thing that was charged for: instance id, pod id, endpoint id, ...
    pub(in crate::ingest) resource_id: Option<String>,
    /// The name people gave it.
    pub(in crate::ingest) resource_name: Option<String>,
    /// The provider's region id.
    pub(in crate::ingest) region: Option<String>,
    /// Account, subscription or project below the one that pays.
    pub(in crate::ingest) sub_account: Option<String>,
    /// The service, for the list of what is not GPU.
    pub(in crate::ingest) service: Option<String>,
    /// Instance type, machine type or shape.
    pub(in crate::ingest) instance_type: Option<String>,
    /// GPUs of one such instance, where the bill says so.
    pub(in crate::ingest) gpu_count: Option<f64>,
    /// The GPU, where the bill names it by itself.
    pub(in crate::ingest) gpu_name: Option<String>,
    /// Texts in which a GPU may be named, the most telling first.
    pub(in crate::ingest) sku_texts: Vec<String>,
    /// What the quantity counts.
    pub(in crate::ingest) unit: QuantityUnit,
    /// Whether it has tags that cannot be read.
    pub(in crate::ingest) unread_tags: bool,
    /// Tags or labels.
    pub(in crate::ingest) tags: BTreeMap<String, String>,
    /// The name that the platform itself uses for a workload (a Modal app, a `RunPod` endpoint, an
    /// `OpenCost` controller): claims the row when no rule does.
    pub(in crate::ingest) workload: Option<String>,
    /// Kubernetes namespace.
    pub(in crate::ingest) namespace: Option<String>,
    /// Kubernetes pod.
    pub(in crate::ingest) pod: Option<String>,
    /// Whether the charge is on an invoice; nothing where the format does not say.
    pub(in crate::ingest) invoiced: Option<bool>,
    /// A row that only divides others (split cost allocation): it is read, and never added.
    pub(in crate::ingest) divides_others: bool,
    /// What the format itself needs to know again per row, such as the line item type.
    pub(in crate::ingest) own: u8,
}

/// What rows need of their line: what in it is no text.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(in crate::ingest) struct Terms {
    /// What kind of charge.
    pub(in crate::ingest) category: Option<ChargeCategory>,
    /// Corrects a period that was invoiced before.
    pub(in crate::ingest) correction: bool,
    /// Whether a commitment has to do with it.
    pub(in crate::ingest) committed: bool,
    /// Whether it is the fee of a commitment to be spread, or may be covered by one.
    pub(in crate::ingest) spread: bool,
    /// Whether the charge is on an invoice; nothing where the format does not say.
    pub(in crate::ingest) invoiced: Option<bool>,
    /// What the quantity counts.
    pub(in crate::ingest) unit: QuantityUnit,
    /// What the format itself noted.
    pub(in crate::ingest) own: u8,
}

impl Line {
    /// What rows need of it.
    pub(in crate::ingest) fn terms(&self) -> Terms {
        Terms {
            category: self.category,
            correction: self.correction,
            committed: self.commitment.is_some(),
            spread: self.spread.is_some(),
            invoiced: self.invoiced,
            unit: self.unit,
            own: self.own,
        }
    }

    /// The line of what a commitment covers of its rows.
    pub(in crate::ingest) fn covered(&self) -> Line {
        Line {
            pricing: PricingCategory::Committed,
            commitment: self.spread.clone(),
            commitment_use: Some(Use::Used),
            ..self.clone()
        }
    }
}

/// The four costs in 10^-18 of the currency of the line; not known is `None`, never 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::ingest) struct Costs {
    /// Invoiced.
    pub(in crate::ingest) billed: Option<i128>,
    /// Amortized.
    pub(in crate::ingest) effective: Option<i128>,
    /// At public prices.
    pub(in crate::ingest) list: Option<i128>,
    /// At negotiated prices.
    pub(in crate::ingest) contracted: Option<i128>,
}

/// Which place of the account a part belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::ingest) enum PartKind {
    /// What the line says.
    Main,
    /// A credit that the format writes inside the row.
    Credit,
    /// The unused part of a commitment that the format writes inside the row.
    Unused,
    /// Bought for charges that come later: left out of list and contracted totals (accrual).
    PurchaseForLater,
    /// The part of a use that the commitment [`Line::spread`] covers. What it costs is known when
    /// the books close.
    Covered,
}

impl PartKind {
    /// How many there are.
    pub(in crate::ingest) const COUNT: usize = 5;
}

/// What a row adds to its line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::ingest) struct Part {
    /// Its place in the account.
    pub(in crate::ingest) kind: PartKind,
    /// When the charge applies.
    pub(in crate::ingest) period: Period,
    /// Start of the month that the bill books it in, where it names one.
    pub(in crate::ingest) billing_start: Option<Timestamp>,
    /// The costs.
    pub(in crate::ingest) costs: Costs,
    /// What was used, in the unit of the line; negative in corrections. Of a fee to be spread what
    /// it pays for, and of what it covers what is covered, both in the unit of the commitment.
    pub(in crate::ingest) quantity: Option<f64>,
}

/// The parts of one row; at most three, so that no row allocates.
#[derive(Default)]
pub(in crate::ingest) struct Parts {
    parts: [Option<Part>; 3],
    /// Amounts that came from binary floats.
    pub(in crate::ingest) from_floats: u64,
}

impl Parts {
    /// Adds a part; a fourth does not exist in any format, and is kept from being lost silently by
    /// the account, which would not close.
    pub(in crate::ingest) fn push(&mut self, part: Part) {
        if let Some(free) = self.parts.iter_mut().find(|it| it.is_none()) {
            *free = Some(part);
        }
    }

    /// Empties it for the next row.
    pub(in crate::ingest) fn clear(&mut self) {
        // One by one, which writes no more than that there is none.
        for part in &mut self.parts {
            *part = None;
        }
        self.from_floats = 0;
    }

    /// The parts in order.
    pub(in crate::ingest) fn iter(&self) -> impl Iterator<Item = &Part> {
        self.parts.iter().flatten()
    }
}

/// What is wrong with a row: the header of the column at fault, if one is, and the reason.
pub(in crate::ingest) type Fault = (Option<String>, String);

/// A format bound to the headers of one file.
pub(in crate::ingest) trait Bound: Sync {
    /// Columns whose texts make the line, in the order in which [`Bound::line`] takes them.
    fn line_columns(&self) -> &[usize];
    /// The line of a tuple of texts. Called once per distinct tuple.
    fn line(&self, texts: &[Option<&str>]) -> Result<Line, Fault>;
    /// The currency of a line, also of one with a fault elsewhere; nothing where it cannot be told, so
    /// that its amounts are amounts of nothing. Bills that name none are in US dollars.
    fn currency(&self, _texts: &[Option<&str>]) -> Option<Currency> {
        Some(Currency::USD)
    }
    /// The parts of a row. On a fault the parts pushed so far still count as amounts that could be
    /// read: push before failing where there is an amount.
    fn row(&self, table: &RawTable, row: usize, line: &Terms, out: &mut Parts)
    -> Result<(), Fault>;
    /// Headers that are used.
    fn columns_used(&self) -> Vec<String>;
    /// The format with its version, for people: `FOCUS 1.2`, `AWS CUR 2.0`.
    fn format(&self) -> String;
}

/// A kind of bill.
pub(in crate::ingest) struct BillFormat {
    /// Whether these headers are its own; no two kinds of bill may say yes to one file.
    pub(in crate::ingest) fits: fn(headers: &[String]) -> bool,
    /// Whether a column is used, by its header.
    pub(in crate::ingest) wants: fn(&str) -> bool,
    /// Binds it to a file. `first` holds the first rows, for what only values tell (the order of day
    /// and month).
    pub(in crate::ingest) bind: Bind,
}

/// Binds a format to a file, given its first rows and its name.
pub(in crate::ingest) type Bind =
    fn(first: &RawTable, file: &str) -> Result<Box<dyn Bound>, IngestError>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_of_hours() {
        for (text, expected) in [
            ("Hours", QuantityUnit::Hours(1.0)),
            ("Hrs", QuantityUnit::Hours(1.0)),
            ("1 Hour", QuantityUnit::Hours(1.0)),
            ("100 Hours", QuantityUnit::Hours(100.0)),
            ("seconds", QuantityUnit::Hours(1.0 / 3600.0)),
            ("GPU-Hours", QuantityUnit::GpuHours),
            ("GPU Per Hour", QuantityUnit::GpuHours),
            ("vCPU-Hours", QuantityUnit::None),
            ("GiB-Hours", QuantityUnit::None),
            ("GB", QuantityUnit::None),
            ("", QuantityUnit::None),
            ("0 Hours", QuantityUnit::None),
        ] {
            assert_eq!(QuantityUnit::parse(text), expected, "{text}");
        }
    }
}
