//! What the texts of a row of the Google Cloud billing export say.

use super::super::charge::{ChargeCategory, Line, QuantityUnit, Use};
use super::super::columns::{none_of, tags};
use super::{LINE, commitment};
use crate::usage::PricingCategory;

/// Which amount of a row counts hours.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Counted {
    /// None.
    Nothing,
    /// The amount in pricing units, so many to the hour.
    PricingUnits(f64),
    /// The amount of seconds.
    Seconds,
    /// No hours, but the amount in pricing units counts what is committed: memory by the hour, disks
    /// by the month.
    Other,
}

impl Counted {
    /// From the pricing unit, else from the unit of usage.
    fn of(pricing_unit: Option<&str>, unit: Option<&str>) -> Counted {
        match (pricing_unit.unwrap_or_default(), unit.unwrap_or_default()) {
            ("hour" | "h", _) => Counted::PricingUnits(1.0),
            ("minute" | "min", _) => Counted::PricingUnits(60.0),
            ("second" | "s", _) => Counted::PricingUnits(3600.0),
            ("", "seconds") => Counted::Seconds,
            ("gibibyte hour" | "GiBy.h" | "gibibyte month" | "GiBy.mo", _) => Counted::Other,
            _ => Counted::Nothing,
        }
    }

    const fn note(self) -> u8 {
        match self {
            Counted::Nothing => 0,
            Counted::PricingUnits(per_hour) if per_hour < 60.0 => 1,
            Counted::PricingUnits(per_hour) if per_hour < 3600.0 => 2,
            Counted::PricingUnits(_) => 3,
            Counted::Seconds => 4,
            Counted::Other => 5,
        }
    }

    /// What a line notes.
    pub(super) const fn noted(own: u8) -> Counted {
        match own {
            1 => Counted::PricingUnits(1.0),
            2 => Counted::PricingUnits(60.0),
            3 => Counted::PricingUnits(3600.0),
            4 => Counted::Seconds,
            5 => Counted::Other,
            _ => Counted::Nothing,
        }
    }
}

/// The texts of a row.
pub(super) struct Texts<'a> {
    cost_type: Option<&'a str>,
    service: Option<&'a str>,
    sku: Option<&'a str>,
    project: Option<&'a str>,
    region: Option<&'a str>,
    location: Option<&'a str>,
    global_name: Option<&'a str>,
    name: Option<&'a str>,
    labels: Option<&'a str>,
    system_labels: Option<&'a str>,
    pricing_unit: Option<&'a str>,
    unit: Option<&'a str>,
    adjustment: Option<&'a str>,
    adjustment_mode: Option<&'a str>,
    model: Option<&'a str>,
    subscription: Option<&'a str>,
    sku_id: Option<&'a str>,
}

/// Place of the cost type in [`LINE`].
const COST_TYPE: usize = 1;

impl<'a> Texts<'a> {
    /// The texts in the order of [`LINE`].
    pub(super) fn of(texts: &[Option<&'a str>; LINE.len()]) -> Texts<'a> {
        let [
            _,
            cost_type,
            service,
            sku,
            project,
            region,
            location,
            global_name,
            name,
            labels,
            system_labels,
            pricing_unit,
            unit,
            adjustment,
            adjustment_mode,
            model,
            subscription,
            sku_id,
        ] = *texts;
        Texts {
            cost_type,
            service,
            sku,
            project,
            region,
            location,
            global_name,
            name,
            labels,
            system_labels,
            pricing_unit,
            unit,
            adjustment,
            adjustment_mode,
            model,
            subscription,
            sku_id,
        }
    }

    /// The line without its currency, or the place in [`LINE`] of the text at fault and the reason.
    pub(super) fn line(&self) -> Result<Line, (usize, String)> {
        let category = self.category()?;
        let system = self.system_labels.and_then(tags).unwrap_or_default();
        let tags = self.labels.and_then(tags).unwrap_or_default();
        let about = |key: &str| system.get(&format!("compute.googleapis.com/{key}"));
        let capacity = about("reservation_name").filter(|it| !it.is_empty());
        let idle = about("is_unused_reservation").is_some_and(|it| it == "true");
        let unit = self.quantity_unit(category);
        let counted = Counted::of(self.pricing_unit, self.unit);
        let counts_hours = !matches!(counted, Counted::Nothing | Counted::Other);
        let spread = self.spread(category);
        let own = spread.clone().filter(|_| category == ChargeCategory::Purchase);
        let whole_name = |it: &&str| !it.ends_with('/');
        Ok(Line {
            provider: Some("gcp".to_owned()),
            category: Some(category),
            correction: self.corrects(),
            pricing: self.pricing(category),
            commitment: own.or_else(|| self.subscription.map(str::to_owned)),
            spread,
            capacity: capacity.cloned().or_else(|| idle.then(|| self.name.map(str::to_owned))?),
            capacity_use: match (idle, capacity) {
                (true, _) => Some(Use::Unused),
                (false, Some(_)) => Some(Use::Used),
                (false, None) => None,
            },
            resource_id: self.global_name.filter(whole_name).map(str::to_owned),
            resource_name: self.name.map(str::to_owned),
            region: self.region.or(self.location).map(str::to_owned),
            sub_account: self.project.map(str::to_owned),
            service: self.service.map(str::to_owned),
            instance_type: about("machine_spec").cloned(),
            sku_texts: [self.sku, self.sku_id].into_iter().flatten().map(str::to_owned).collect(),
            unit: if counts_hours { unit } else { QuantityUnit::None },
            namespace: tags.get("k8s-namespace").cloned(),
            tags,
            own: counted.note(),
            ..Line::default()
        })
    }

    /// `cost_type` came in 2019; rows before have none and are regular.
    fn category(&self) -> Result<ChargeCategory, (usize, String)> {
        match self.cost_type.unwrap_or("regular").to_ascii_lowercase().as_str() {
            "regular" if self.is_fee() => Ok(ChargeCategory::Purchase),
            "regular" => Ok(ChargeCategory::Usage),
            "tax" => Ok(ChargeCategory::Tax),
            "adjustment" | "rounding_error" => Ok(ChargeCategory::Adjustment),
            other => {
                Err((COST_TYPE, none_of(other, "regular, tax, adjustment and rounding_error")))
            }
        }
    }

    /// The fee of a commitment: `Commitment v1: Nvidia L4 GPU running in Iowa for 1 Year`,
    /// `Commitment - dollar based v1: GCE for 1 year`.
    fn is_fee(&self) -> bool {
        self.sku.is_some_and(|it| {
            commitment::is_fee_for_resources(it) || it.starts_with("Commitment - dollar based")
        })
    }

    /// The commitment to resources that the row pays for or that may cover it.
    fn spread(&self, category: ChargeCategory) -> Option<String> {
        let sku = self.sku?;
        let may_be_covered = match category {
            ChargeCategory::Purchase => commitment::is_fee_for_resources(sku),
            ChargeCategory::Usage => self.service.is_none_or(|it| it == "Compute Engine"),
            _ => false,
        };
        may_be_covered.then(|| commitment::name(sku))
    }

    /// Corrections of usage, price or metadata undo what was invoiced before; goodwill does not.
    fn corrects(&self) -> bool {
        let ends = |text: Option<&str>, end: &str| text.is_some_and(|it| it.ends_with(end));
        ends(self.adjustment, "_CORRECTION")
            || ends(self.adjustment_mode, "_CORRECTION")
            || self.adjustment_mode.is_some_and(|it| it.starts_with("COMPLETE_NEGATION"))
    }

    fn pricing(&self, category: ChargeCategory) -> PricingCategory {
        let discounted = self.model.is_some_and(|it| !it.eq_ignore_ascii_case("default"));
        if category == ChargeCategory::Purchase || discounted {
            PricingCategory::Committed
        } else if self.says(&["spot", "preemptible"]) {
            PricingCategory::Dynamic
        } else if self.service == Some("Cloud Run") {
            PricingCategory::Serverless
        } else {
            PricingCategory::Standard
        }
    }

    /// Hours are those of a GPU where the SKU names one. The hours of other SKUs of a machine are
    /// those of its cores, its memory, its addresses, and say nothing of GPUs.
    fn quantity_unit(&self, category: ChargeCategory) -> QuantityUnit {
        let counts = matches!(category, ChargeCategory::Usage | ChargeCategory::Adjustment);
        let licence = self.says(&["license", "licensing"]);
        if counts && !licence && self.says(&["gpu", "nvidia", "rtx"]) {
            QuantityUnit::GpuHours
        } else {
            QuantityUnit::None
        }
    }

    /// Whether the SKU has one of these words, which are in lower case.
    fn says(&self, words: &[&str]) -> bool {
        let text = self.sku.unwrap_or_default().to_ascii_lowercase();
        text.split(|it: char| !it.is_ascii_alphanumeric()).any(|word| words.contains(&word))
    }
}
