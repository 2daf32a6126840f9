//! What the texts of a row of Azure cost details say.

use super::super::charge::{ChargeCategory, Line, QuantityUnit, Use};
use super::super::columns::{plain, tags};
use super::LINE;
use crate::usage::PricingCategory;

/// What kind of money a row is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Charge {
    /// Something was used and is invoiced by this row.
    Usage = 0,
    /// Something was used under a commitment.
    Covered,
    /// The part of a commitment that nothing used.
    Unused,
    /// A commitment was bought or given back.
    ForLater,
    /// A purchase of anything else.
    Purchase,
    /// A tax.
    Tax,
    /// A credit.
    Credit,
    /// Rounding, a refund that is no commitment's, and words that Microsoft adds.
    Adjustment,
}

/// Set in the line's own word when prices are in the currency of the bill.
const PRICED: u8 = 0x10;

impl Charge {
    const ALL: [Charge; 8] = [
        Charge::Usage,
        Charge::Covered,
        Charge::Unused,
        Charge::ForLater,
        Charge::Purchase,
        Charge::Tax,
        Charge::Credit,
        Charge::Adjustment,
    ];

    /// From the charge type, and whether a commitment is named. Pay as you go has no charge type:
    /// its rows are usage. The words are those of Microsoft's conversion to FOCUS ("Convert Cost
    /// Management data to FOCUS", 2025-06-16), which makes everything else an adjustment.
    pub(super) fn of(charge_type: Option<&str>, committed: bool) -> Charge {
        let Some(word) = charge_type else {
            return if committed { Charge::Covered } else { Charge::Usage };
        };
        match (plain(word).as_str(), committed) {
            ("usage", false) => Charge::Usage,
            ("usage", true) => Charge::Covered,
            ("unusedreservation" | "unusedsavingsplan" | "unusedsavingplan", _) => Charge::Unused,
            ("purchase" | "refund", true) => Charge::ForLater,
            ("purchase", false) => Charge::Purchase,
            ("tax", _) => Charge::Tax,
            ("credit", _) => Charge::Credit,
            _ => Charge::Adjustment,
        }
    }

    const fn category(self) -> ChargeCategory {
        match self {
            Charge::Usage | Charge::Covered | Charge::Unused => ChargeCategory::Usage,
            Charge::ForLater | Charge::Purchase => ChargeCategory::Purchase,
            Charge::Tax => ChargeCategory::Tax,
            Charge::Credit => ChargeCategory::Credit,
            Charge::Adjustment => ChargeCategory::Adjustment,
        }
    }

    /// What a line notes of its charge, and whether its prices are in its currency.
    pub(super) fn noted(own: u8) -> (Charge, bool) {
        let charge = Charge::ALL.get(usize::from(own & !PRICED)).copied();
        (charge.unwrap_or(Charge::Adjustment), own & PRICED != 0)
    }
}

/// Whether a row belongs to a reservation or a savings plan.
pub(super) fn is_committed(model: Option<&str>, reservation: Option<&str>) -> bool {
    match model.map(plain).as_deref() {
        Some("reservation" | "savingsplan") => true,
        Some(_) => false,
        None => reservation.is_some(),
    }
}

/// The texts of a row.
pub(super) struct Texts<'a> {
    charge_type: Option<&'a str>,
    pricing_model: Option<&'a str>,
    currency: Option<&'a str>,
    pricing_currency: Option<&'a str>,
    benefit: Option<&'a str>,
    reservation: Option<&'a str>,
    order: Option<&'a str>,
    order_name: Option<&'a str>,
    resource: Option<&'a str>,
    resource_name: Option<&'a str>,
    location: Option<&'a str>,
    subscription: Option<&'a str>,
    category: Option<&'a str>,
    subcategory: Option<&'a str>,
    meter: Option<&'a str>,
    product: Option<&'a str>,
    consumed_service: Option<&'a str>,
    unit: Option<&'a str>,
    additional: Option<&'a str>,
    tags: Option<&'a str>,
}

impl<'a> Texts<'a> {
    /// The texts in the order of [`LINE`].
    pub(super) fn of(texts: &[Option<&'a str>; LINE.len()]) -> Texts<'a> {
        let [
            charge_type,
            pricing_model,
            currency,
            pricing_currency,
            benefit,
            reservation,
            order,
            order_name,
            resource,
            resource_name,
            location,
            subscription,
            category,
            subcategory,
            meter,
            product,
            consumed_service,
            unit,
            additional,
            tags,
        ] = *texts;
        Texts {
            charge_type,
            pricing_model,
            currency,
            pricing_currency,
            benefit,
            reservation,
            order,
            order_name,
            resource,
            resource_name,
            location,
            subscription,
            category,
            subcategory,
            meter,
            product,
            consumed_service,
            unit,
            additional,
            tags,
        }
    }

    /// The line without its currency. `single_hours` says that a quantity under a unit of 100 hours
    /// counts single hours.
    pub(super) fn line(&self, single_hours: bool) -> Line {
        let committed = is_committed(self.pricing_model, self.reservation);
        let charge = Charge::of(self.charge_type, committed);
        let same = self.pricing_currency.is_none_or(|it| {
            self.currency.is_some_and(|currency| currency.eq_ignore_ascii_case(it))
        });
        let info = self.additional.and_then(tags).unwrap_or_default();
        let resource_id = self.resource.map(|id| machine_of(id, info.get("VMName")));
        let capacity = info.get("VMCapacityReservationId").filter(|it| !it.is_empty());
        let idle = self
            .resource
            .is_some_and(|it| it.to_ascii_lowercase().contains("/capacityreservations/"));
        let texts = [self.meter, self.product, self.order_name, self.subcategory];
        Line {
            provider: Some("azure".to_owned()),
            category: Some(charge.category()),
            pricing: self.pricing(committed),
            commitment: if committed || charge == Charge::Unused {
                self.commitment()
            } else {
                None
            },
            commitment_use: match charge {
                Charge::Covered => Some(Use::Used),
                Charge::Unused => Some(Use::Unused),
                _ => None,
            },
            capacity: capacity.cloned(),
            capacity_use: capacity.map(|_| if idle { Use::Unused } else { Use::Used }),
            resource_name: self.resource_name.map(str::to_owned).or_else(|| {
                let last = self.resource?.rsplit('/').find(|it| !it.is_empty())?;
                Some(last.to_owned())
            }),
            resource_id,
            region: self.location.map(region_of),
            sub_account: self.subscription.map(str::to_owned),
            service: self.category.or(self.consumed_service).map(str::to_owned),
            instance_type: info.get("ServiceType").filter(|it| is_size(it)).cloned(),
            sku_texts: texts.into_iter().flatten().map(str::to_owned).collect(),
            unit: self.unit(charge, info.get("UsageType"), single_hours),
            tags: self.tags.and_then(tags).unwrap_or_default(),
            own: charge as u8 | if same { PRICED } else { 0 },
            ..Line::default()
        }
    }

    fn pricing(&self, committed: bool) -> PricingCategory {
        match self.pricing_model.map(plain).as_deref() {
            _ if committed => PricingCategory::Committed,
            Some("spot") => PricingCategory::Dynamic,
            Some("ondemand") => PricingCategory::Standard,
            Some(_) => PricingCategory::Other,
            None => match self.meter {
                Some(meter) if meter.ends_with(" Spot") || meter.ends_with(" Low Priority") => {
                    PricingCategory::Dynamic
                }
                _ => PricingCategory::Standard,
            },
        }
    }

    /// The commitment by its order, which purchases, covered usage and unused rows have in common:
    /// a purchase names no reservation below it. Of an export without it, the last part of the
    /// reservation's id.
    fn commitment(&self) -> Option<String> {
        let of_benefit = self.benefit.and_then(|it| {
            let lower = it.to_ascii_lowercase();
            let (_, after) = lower.split_once("orders/")?;
            after.split('/').next().filter(|it| !it.is_empty()).map(str::to_owned)
        });
        // Under a Customer Agreement the order of usage is the plan of the whole account.
        let account_plan = self.order_name.is_some_and(|it| plain(it) == "azureplan");
        let order = self.order.filter(|_| self.reservation.is_some() && !account_plan);
        let last = |it: &str| it.rsplit('/').find(|it| !it.is_empty()).map(str::to_ascii_lowercase);
        of_benefit.or_else(|| order.or(self.reservation).or(self.benefit).and_then(last))
    }

    /// Hours of a machine, where the row is about one. Software on a machine (`ComputeHR_SW`, the
    /// meters of licences) counts the hours of the machine again. Of a unit such as `100 Hours` it
    /// is not known whether the quantity counts hours or hundreds of them: Enterprise exports count
    /// 4 operations under `10K` as 0.0004, pay as you go counts a day under `1000 Hours` as 24
    /// (azure-powershell issue 10383), and Microsoft calls the quantity "consumed".
    fn unit(&self, charge: Charge, usage: Option<&String>, single_hours: bool) -> QuantityUnit {
        let software = usage.is_some_and(|it| it.to_ascii_uppercase().ends_with("_SW"))
            || self.category.is_some_and(|it| it.to_ascii_lowercase().contains("licen"));
        if software || !matches!(charge, Charge::Usage | Charge::Covered | Charge::Unused) {
            return QuantityUnit::None;
        }
        match self.unit.map(QuantityUnit::parse).unwrap_or_default() {
            QuantityUnit::Hours(factor) if factor > 1.0 && single_hours => QuantityUnit::Hours(1.0),
            QuantityUnit::Hours(factor) if factor > 1.0 => QuantityUnit::None,
            other => other,
        }
    }
}

/// Whether a service type is the size of a machine.
fn is_size(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    lower.starts_with("standard_") || lower.starts_with("basic_")
}

/// The machine of a scale set, which the bill names beside it: `pool_3` of `.../pool` is the
/// machine `.../pool/virtualMachines/3`, as Kubernetes names it.
fn machine_of(resource: &str, machine: Option<&String>) -> String {
    let in_set = resource.to_ascii_lowercase().contains("/virtualmachinescalesets/");
    let number = machine.and_then(|it| it.rsplit_once('_')).map(|(_, number)| number);
    match number.filter(|_| in_set && !resource.to_ascii_lowercase().contains("/virtualmachines/"))
    {
        Some(number) => format!("{}/virtualMachines/{number}", resource.trim_end_matches('/')),
        None => resource.to_owned(),
    }
}

/// The id of a region: `CentralUS` and `US Central` are `centralus`.
fn region_of(location: &str) -> String {
    let lower = location.trim().to_ascii_lowercase();
    let Some(rest) = lower.strip_prefix("us ") else {
        return lower.split_whitespace().collect();
    };
    let number: String = rest.chars().filter(char::is_ascii_digit).collect();
    let name: String = rest.chars().filter(char::is_ascii_alphabetic).collect();
    format!("{name}us{number}")
}
