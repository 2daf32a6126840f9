//! Where the money of a line goes: to a workload, to nobody yet, or to a part of the account that
//! is no workload's.

use std::collections::{BTreeMap, BTreeSet};

use super::super::Config;
use super::super::cluster::{Claim, ClusterView, Life};
use super::super::rules::{Claimed, Subject, by_tags};
use super::charge::{ChargeCategory, Line, PartKind, QuantityUnit, Use};
use crate::catalog::{Catalog, Counted, GpuUse, SkuEvidence, SkuMatch};
use crate::units::Currency;
use crate::usage::PricingCategory;

/// The place of an amount in the account. The parts add up to the total of the files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fate {
    /// GPU cost of a workload.
    Assigned,
    /// GPU cost that no rule, tag or pod claims.
    Unassigned,
    /// The part of a commitment that nothing used.
    CommitmentUnused,
    /// Reserved capacity that nothing used.
    CapacityUnused,
    /// Everything that is no GPU.
    OtherCloud,
    /// Bought for charges that come later, or once.
    Purchase,
    /// Taxes.
    Tax,
    /// Credits.
    Credit,
    /// Refunds without an object, rounding.
    Adjustment,
    /// Rows that were refused.
    Rejected,
    /// Rows that start outside the window.
    OutsideWindow,
}

impl Fate {
    /// All, in the order in which the account shows them.
    pub const ALL: [Fate; 11] = [
        Fate::Assigned,
        Fate::Unassigned,
        Fate::CommitmentUnused,
        Fate::CapacityUnused,
        Fate::OtherCloud,
        Fate::Purchase,
        Fate::Tax,
        Fate::Credit,
        Fate::Adjustment,
        Fate::Rejected,
        Fate::OutsideWindow,
    ];

    /// The word in report.json.
    pub const fn as_str(self) -> &'static str {
        match self {
            Fate::Assigned => "assigned",
            Fate::Unassigned => "unassigned",
            Fate::CommitmentUnused => "commitment_unused",
            Fate::CapacityUnused => "capacity_unused",
            Fate::OtherCloud => "other_cloud",
            Fate::Purchase => "purchases",
            Fate::Tax => "tax",
            Fate::Credit => "credits",
            Fate::Adjustment => "adjustments",
            Fate::Rejected => "rejected",
            Fate::OutsideWindow => "outside_window",
        }
    }
}

/// What amounts that are added up have in common.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in crate::ingest) struct Booking {
    pub(in crate::ingest) fate: Fate,
    /// Unknown in rejected rows only.
    pub(in crate::ingest) category: Option<ChargeCategory>,
    pub(in crate::ingest) currency: Currency,
    pub(in crate::ingest) provider: Option<String>,
    pub(in crate::ingest) region: Option<String>,
    pub(in crate::ingest) sub_account: Option<String>,
    pub(in crate::ingest) workload: Option<String>,
    pub(in crate::ingest) owner: Option<String>,
    pub(in crate::ingest) environment: Option<String>,
    pub(in crate::ingest) gpu: Option<String>,
    pub(in crate::ingest) pricing: PricingCategory,
    pub(in crate::ingest) commitment: Option<String>,
    /// True for the covered side of a commitment, false for the unused one.
    pub(in crate::ingest) commitment_used: Option<bool>,
    /// The resource or service behind an amount that no workload claims.
    pub(in crate::ingest) what: Option<String>,
    /// Left out of list and contracted totals.
    pub(in crate::ingest) for_later: bool,
    /// The fee of a commitment that is spread when the books close, or what such a one covers.
    pub(in crate::ingest) spread: bool,
}

impl Booking {
    /// The booking of what has only a provider and a currency in common.
    fn of(line: &Line, fate: Fate, category: Option<ChargeCategory>) -> Booking {
        Booking {
            provider: line.provider.clone(),
            ..Booking::empty(fate, category, line.currency.unwrap_or(Currency::USD))
        }
    }

    /// Whether it is the cost of a GPU, with or without a workload.
    pub(in crate::ingest) fn is_gpu_cost(&self) -> bool {
        matches!(self.fate, Fate::Assigned | Fate::Unassigned)
    }

    /// A booking that names nothing.
    pub(in crate::ingest) fn empty(
        fate: Fate,
        category: Option<ChargeCategory>,
        currency: Currency,
    ) -> Booking {
        Booking {
            fate,
            category,
            currency,
            provider: None,
            region: None,
            sub_account: None,
            workload: None,
            owner: None,
            environment: None,
            gpu: None,
            pricing: PricingCategory::default(),
            commitment: None,
            commitment_used: None,
            what: None,
            for_later: false,
            spread: false,
        }
    }
}

/// What lines are resolved with.
#[derive(Clone, Copy)]
pub(in crate::ingest) struct Resolver<'a> {
    pub(in crate::ingest) catalog: &'a Catalog,
    pub(in crate::ingest) config: &'a Config,
    pub(in crate::ingest) cluster: &'a ClusterView,
    pub(in crate::ingest) file: &'a str,
}

/// Where a part of a line goes.
#[derive(Clone, Debug)]
pub(in crate::ingest) enum Resolved {
    /// To one place.
    To(Booking),
    /// To the GPU machine of the resource, if the bill has one; else to the booking.
    WithMachine(Booking, Claimed),
    /// To those who held the GPUs of the machine while it was there, the rest to the booking.
    Shared(Booking, Vec<(Claim, Booking)>, Vec<Life>),
    /// Nowhere: it divides what other rows hold.
    Nowhere,
}

/// Hours of a GPU for one unit of quantity.
pub(in crate::ingest) fn gpu_hours_per_unit(line: &Line, gpu: &GpuUse) -> Option<f64> {
    match line.unit {
        QuantityUnit::GpuHours => Some(1.0),
        QuantityUnit::Hours(factor) => Some(match gpu.counts {
            Counted::Machine => factor * gpu.gpus_per_unit,
            Counted::Gpu => factor,
        }),
        QuantityUnit::None => None,
    }
}

impl Resolver<'_> {
    /// What the recogniser says of a line.
    pub(in crate::ingest) fn sku(&self, line: &Line) -> SkuMatch {
        let texts: Vec<&str> = line.sku_texts.iter().map(String::as_str).collect();
        self.catalog.match_sku(&SkuEvidence {
            provider: line.provider.as_deref(),
            instance_type: line.instance_type.as_deref(),
            gpu_count: line.gpu_count,
            gpu_name: line.gpu_name.as_deref(),
            texts: &texts,
        })
    }

    /// Where a part of a line goes.
    pub(in crate::ingest) fn resolve(
        &self,
        line: &Line,
        kind: PartKind,
        sku: &SkuMatch,
    ) -> Resolved {
        if line.divides_others {
            return Resolved::Nowhere;
        }
        if kind == PartKind::Covered {
            return self.resolve_part(&line.covered(), kind, sku);
        }
        self.resolve_part(line, kind, sku)
    }

    fn resolve_part(&self, line: &Line, kind: PartKind, sku: &SkuMatch) -> Resolved {
        let gpu = match sku {
            SkuMatch::Gpu(gpu) => Some(gpu),
            _ => None,
        };
        let category = match kind {
            PartKind::Credit => Some(ChargeCategory::Credit),
            PartKind::Unused => Some(ChargeCategory::Usage),
            PartKind::Main | PartKind::PurchaseForLater | PartKind::Covered => line.category,
        };
        let unused = kind == PartKind::Unused || line.commitment_use == Some(Use::Unused);
        let fate = match category {
            Some(ChargeCategory::Tax) => Fate::Tax,
            Some(ChargeCategory::Credit) => Fate::Credit,
            Some(ChargeCategory::Adjustment) => Fate::Adjustment,
            _ if kind == PartKind::PurchaseForLater => Fate::Purchase,
            _ if unused => Fate::CommitmentUnused,
            _ if line.capacity_use == Some(Use::Unused) && gpu.is_some() => Fate::CapacityUnused,
            Some(ChargeCategory::Purchase) if gpu.is_none() => Fate::Purchase,
            _ if gpu.is_some() || is_gpu_platform(line) => {
                return self.gpu_line((line, kind), gpu, category);
            }
            _ => Fate::OtherCloud,
        };
        let what = match fate {
            Fate::OtherCloud | Fate::Purchase => line.service.clone(),
            Fate::CapacityUnused => line.capacity.clone(),
            _ => None,
        };
        let covered = kind == PartKind::Covered;
        let booking = Booking {
            what,
            gpu: gpu.map(|it| it.label.clone()).filter(|_| fate == Fate::CapacityUnused),
            commitment: line.commitment.clone(),
            // What a commitment covers beside GPUs is used of it too.
            commitment_used: match fate {
                Fate::CommitmentUnused => Some(false),
                Fate::OtherCloud | Fate::CapacityUnused if line.commitment.is_some() => Some(true),
                _ => None,
            },
            // How cores and memory were bought, where they go with a machine that has GPUs.
            pricing: if covered { line.pricing } else { PricingCategory::default() },
            for_later: kind == PartKind::PurchaseForLater,
            spread: covered || fate == Fate::Purchase && line.spread.is_some(),
            ..Booking::of(line, fate, category)
        };
        let companion = *sku == SkuMatch::Companion;
        if let (Fate::OtherCloud, true, Some(id)) = (fate, companion, &line.resource_id) {
            if self.cluster.machine(id, line.resource_name.as_deref()).is_some() {
                return self.gpu_line((line, kind), None, category);
            }
            let by_rule = self.config.rules.claim(&self.subject(line));
            return Resolved::WithMachine(booking, self.claimed(line, by_rule));
        }
        Resolved::To(booking)
    }

    /// A GPU charge: claimed by a rule, by pods on the machine, by the platform's own name, by tags,
    /// by the name of the machine, in this order.
    fn gpu_line(
        &self,
        (line, kind): (&Line, PartKind),
        gpu: Option<&GpuUse>,
        category: Option<ChargeCategory>,
    ) -> Resolved {
        let by_rule = self.config.rules.claim(&self.subject(line));
        let claimed = self.claimed(line, by_rule.clone());
        let booking = |claimed: &Claimed| {
            let fate = if claimed.workload.is_some() { Fate::Assigned } else { Fate::Unassigned };
            let named = line.resource_name.clone().or_else(|| line.resource_id.clone());
            Booking {
                region: line.region.clone(),
                sub_account: line.sub_account.clone(),
                workload: claimed.workload.clone(),
                owner: claimed.owner.clone(),
                environment: claimed.environment.clone(),
                gpu: gpu.map(|it| it.label.clone()),
                pricing: line.pricing,
                commitment: line.commitment.clone(),
                commitment_used: line.commitment.is_some().then_some(true),
                what: if fate == Fate::Unassigned { named } else { None },
                spread: kind == PartKind::Covered,
                ..Booking::of(line, fate, category)
            }
        };
        let name = line.resource_name.as_deref();
        let machine = line.resource_id.as_deref().and_then(|id| self.cluster.machine(id, name));
        if let (None, Some(machine)) = (&by_rule.workload, machine) {
            let shares = machine.claims.iter().map(|claim| {
                let facts = self.cluster.facts().get(&claim.workload);
                let owner = by_rule.owner.clone().or_else(|| facts?.owner.clone());
                let environment =
                    by_rule.environment.clone().or_else(|| facts?.environment.clone());
                let workload = Some(claim.workload.clone());
                (claim.clone(), booking(&Claimed { workload, owner, environment }))
            });
            let shares = shares.collect();
            let mut rest = booking(&Claimed { workload: None, ..claimed.clone() });
            rest.what = rest.what.map(|it| format!("{it}: GPUs of a node that no pod held"));
            return Resolved::Shared(rest, shares, machine.lives.clone());
        }
        Resolved::To(booking(&claimed))
    }

    fn subject<'s>(&'s self, line: &'s Line) -> Subject<'s> {
        Subject {
            file: Some(self.file),
            provider: line.provider.as_deref(),
            sub_account: line.sub_account.as_deref(),
            region: line.region.as_deref(),
            service: line.service.as_deref(),
            resource_id: line.resource_id.as_deref(),
            resource_name: line.resource_name.as_deref(),
            namespace: line.namespace.as_deref(),
            pod: line.pod.as_deref(),
            tags: Some(&line.tags),
            ..Subject::default()
        }
    }

    /// Who claims a line as a whole.
    fn claimed(&self, line: &Line, by_rule: Claimed) -> Claimed {
        let subject = self.subject(line);
        let mut claimed = by_rule;
        if claimed.workload.is_none() {
            let pod = line.namespace.as_deref().zip(line.pod.as_deref());
            let controller = || {
                let (namespace, name) = (line.namespace.as_deref()?, line.workload.as_deref()?);
                CONTROLLERS
                    .iter()
                    .find_map(|kind| self.cluster.workload_of_controller(namespace, kind, name))
            };
            claimed.workload = pod
                .and_then(|(namespace, pod)| self.cluster.workload_of_pod(namespace, pod))
                .or_else(controller)
                .map(str::to_owned)
                .or_else(|| line.workload.clone());
        }
        let mut claimed = by_tags(claimed, &subject);
        if claimed.workload.is_none() {
            claimed.workload = line
                .resource_name
                .clone()
                .filter(|name| line.resource_id.as_ref().is_none_or(|id| id != name));
        }
        claimed
    }
}

/// Kinds of controllers whose pods may hold GPUs.
const CONTROLLERS: [&str; 4] = ["Deployment", "StatefulSet", "Job", "DaemonSet"];

/// Platforms that rent GPUs and name what runs on them, and whose bills do not always say which GPU:
/// what they charge under a workload's name is that workload's GPU cost.
fn is_gpu_platform(line: &Line) -> bool {
    line.workload.is_some() && matches!(line.provider.as_deref(), Some("runpod" | "modal"))
}

/// The bookings of machines with GPUs, by provider and resource.
pub(in crate::ingest) type Machines = BTreeMap<(Option<String>, String), BTreeSet<Booking>>;
