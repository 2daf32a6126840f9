//! What is paid and not used, before anything is bought.
//!
//! Every hour of a workload is looked at once. Two signals tell demand: requests counted (or what
//! the engine had in its batch), and GPUs active. A finding is *confirmed* where both say so over a
//! business cycle, else it is *to investigate*. Findings claim hours in this order, and an hour's
//! cost is claimed once: idle, forgotten, off hours, over-provisioned; committed cost of silent hours
//! apart, since it is paid either way; duplicated environments from what is left; data missing where
//! no signal exists, so beside none of the others. Their sum never exceeds the effective cost,
//! credits included. A workload kept as standby has none.

mod fleet;
mod ledger;
mod off_hours;
mod portfolio;
mod silence;
#[cfg(test)]
mod tests;

use chrono_tz::Tz;
use serde::Serialize;

use self::ledger::{Claim, Hour, Ledger, Part};
use self::off_hours::Schedule;
use self::silence::Silence;
use super::evidence::{number, span};
use crate::catalog::{Assumptions, Waste as Limits};
use crate::units::{Money, Timestamp};
use crate::workload::Workload;

pub use portfolio::{Examined, Unused, portfolio_waste};

/// What sort of waste.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum WasteKind {
    /// Paid, no demand in the whole window.
    Idle,
    /// Used once, then paid and silent to the end of the window.
    Forgotten,
    /// Paid in hours of the week in which nobody asks.
    OffHours,
    /// More GPUs than the peak needs.
    OverProvisioned,
    /// A second environment of the same model, around the clock, with little use.
    DuplicatedEnvironment,
    /// A commitment or reservation that nothing used.
    UnusedCommitment,
    /// Paid, and nobody measured whether it is used: not known to be waste.
    DataMissing,
}

impl WasteKind {
    /// The word in the report.
    pub const fn as_str(self) -> &'static str {
        match self {
            WasteKind::Idle => "idle",
            WasteKind::Forgotten => "forgotten",
            WasteKind::OffHours => "off_hours",
            WasteKind::OverProvisioned => "over_provisioned",
            WasteKind::DuplicatedEnvironment => "duplicated_environment",
            WasteKind::UnusedCommitment => "unused_commitment",
            WasteKind::DataMissing => "data_missing",
        }
    }
}

/// A finding.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Waste {
    /// What sort.
    pub kind: WasteKind,
    /// Of which workload; nothing for what no workload has.
    pub workload: Option<String>,
    /// True when two measured signals agree over a business cycle, or the bill itself says so.
    pub confirmed: bool,
    /// Effective cost in the window; nothing where no whole GPU could go.
    pub cost: Option<Money>,
    /// GPU-hours behind it, where the bill has them.
    pub gpu_hours: Option<f64>,
    /// Sentences with the numbers, the signals and their span.
    pub evidence: String,
    /// What to do. Never to delete anything.
    pub action: String,
    /// Whom to ask.
    pub owner: Option<String>,
}

/// The findings of one workload, in the order in which they claim its hours.
///
/// An idle pod at 2 USD an hour for 30 days, requests counted as zero and GPUs measured as inactive:
/// one confirmed finding of 1440 USD.
pub fn waste(workload: &Workload, zone: Tz, assumptions: &Assumptions) -> Vec<Waste> {
    let limits = &assumptions.waste;
    if workload.settings.standby {
        return Vec::new();
    }
    let Some(mut ledger) = Ledger::of(workload, zone, limits) else { return Vec::new() };
    let case = Case { workload, zone, limits };
    let (missing, nearly_all) = case.data_missing(&mut ledger);
    if nearly_all {
        return missing.into_iter().collect();
    }
    let mut found = Vec::new();
    found.extend(case.idle(&mut ledger));
    found.extend(case.forgotten(&mut ledger));
    // What is to be stopped needs no schedule and no smaller fleet.
    if found.is_empty() {
        found.extend(case.long_silences(&mut ledger));
        found.extend(case.off_hours(&mut ledger));
        found.extend(fleet::over_provisioned(&case, &mut ledger, assumptions));
    }
    found.extend(case.unused_commitment(&mut ledger));
    found.extend(missing);
    found
}

/// Whether a run of silence holds this hour: it was silent, or not paid.
fn goes_on(hour: &Hour) -> bool {
    hour.is_silent() || !hour.is_paid()
}

/// Whom to ask.
fn ask(owner: Option<&str>) -> String {
    format!("Ask {}", owner.unwrap_or("its owner"))
}

/// A workload and what it is judged by.
struct Case<'a> {
    workload: &'a Workload,
    zone: Tz,
    limits: &'a Limits,
}

impl Case<'_> {
    fn finding(
        &self,
        kind: WasteKind,
        confirmed: bool,
        claim: Option<Claim>,
        (evidence, action): (String, String),
    ) -> Waste {
        Waste {
            kind,
            workload: Some(self.workload.name.clone()),
            confirmed,
            cost: claim.map(|it| it.cost),
            gpu_hours: claim.and_then(|it| it.gpu_hours),
            evidence,
            action,
            owner: self.workload.owner.clone(),
        }
    }

    fn ask(&self) -> String {
        ask(self.workload.owner.as_deref())
    }

    fn stop(&self) -> String {
        format!("{}, then stop it or scale it to zero, and keep its disk.", self.ask())
    }

    /// `2026-10-12 18:00` on the clock of the report.
    fn clock(&self, at: Timestamp) -> String {
        at.in_zone(self.zone).format("%Y-%m-%d %H:%M").to_string()
    }

    /// No signal for a part of what was paid, and whether that is nearly all of it.
    fn data_missing(&self, ledger: &mut Ledger) -> (Option<Waste>, bool) {
        let is_unknown = |hour: &Hour| hour.requests.is_none() && hour.gpus.is_none();
        let paid = Silence::of(ledger, |_, hour| hour.is_paid());
        let unknown = Silence::of(ledger, |_, hour| hour.is_paid() && is_unknown(hour));
        let share = unknown.n as f64 / paid.n.max(1) as f64;
        if share <= 1.0 - self.limits.covered_share {
            return (None, false);
        }
        let (n, days) = (unknown.n, paid.days());
        let unknown = |_: usize, hour: &Hour| is_unknown(hour);
        let parts = [Part::Stoppable, Part::Committed].map(|it| ledger.claim_hours(it, unknown));
        let claim = parts.into_iter().flatten().reduce(|a, b| Claim {
            cost: a.cost.checked_add(b.cost).unwrap_or(a.cost),
            gpu_hours: a.gpu_hours.zip(b.gpu_hours).map(|(a, b)| a + b),
        });
        let evidence = format!(
            "{n} of {} paid hours over {}: no request was counted and no GPU measured, so nobody knows whether it was used.",
            paid.n,
            span(days * 86_400.0)
        );
        let action = "Not known to be waste. Collect its GPU activity (gpuadvise collect prometheus-dcgm) and its requests (gpuadvise collect prometheus-vllm, litellm or request-log).";
        let said = (evidence, action.to_owned());
        let found = claim.map(|it| self.finding(WasteKind::DataMissing, false, Some(it), said));
        (found, share >= self.limits.covered_share)
    }

    /// Runs of paid hours without demand, each of a business cycle or longer, of a workload that is
    /// used at other times.
    fn long_silences(&self, ledger: &mut Ledger) -> Option<Waste> {
        let least = 24.0 * self.limits.cycle_days;
        let mut is_in = vec![false; ledger.hours.len()];
        let mut start = 0;
        // Hours that were not paid are in no run and end none.
        for run in ledger.hours.chunk_by(|a, b| goes_on(a) == goes_on(b)) {
            let paid = run.iter().filter(|it| it.is_paid()).count();
            let is_long = run.first().is_some_and(goes_on) && paid as f64 >= least;
            is_in[start..start + run.len()].fill(is_long);
            start += run.len();
        }
        let silence = Silence::of(ledger, |at, hour| is_in[at] && hour.is_paid());
        let claim =
            ledger.claim_hours(Part::Stoppable, |at, hour| is_in[at] && hour.is_silent())?;
        let cycle = self.limits.cycle_days;
        let evidence = format!(
            "Used at other times, and silent for {} days and longer: {}",
            number(cycle),
            silence.evidence(cycle, self.limits)
        );
        let action = format!(
            "{}, then start it when it is needed or scale it to zero between, and keep its disk.",
            self.ask()
        );
        let confirmed = silence.agrees_over(cycle, self.limits);
        Some(self.finding(WasteKind::Idle, confirmed, Some(claim), (evidence, action)))
    }

    /// No demand in any paid hour.
    fn idle(&self, ledger: &mut Ledger) -> Option<Waste> {
        let paid = Silence::of(ledger, |_, hour| hour.is_paid());
        let is_used = ledger.hours.iter().any(Hour::is_used);
        if is_used || !paid.is_nearly_all(self.limits) {
            return None;
        }
        let claim = ledger.claim_hours(Part::Stoppable, |_, hour| hour.is_silent())?;
        let cycle = self.limits.cycle_days;
        let said = (paid.evidence(cycle, self.limits), self.stop());
        let confirmed = paid.agrees_over(cycle, self.limits);
        Some(self.finding(WasteKind::Idle, confirmed, Some(claim), said))
    }

    /// Demand once, then none until the end of the window, for longer than ever before.
    fn forgotten(&self, ledger: &mut Ledger) -> Option<Waste> {
        let used: Vec<usize> =
            (0..ledger.hours.len()).filter(|at| ledger.hours[*at].is_used()).collect();
        let last = *used.last()?;
        let longest_before = used.windows(2).map(|it| it[1] - it[0] - 1).max().unwrap_or(0);
        let after = Silence::of(ledger, |at, hour| at > last && hour.is_paid());
        let until = (0..ledger.hours.len()).rev().find(|at| ledger.hours[*at].is_paid())?;
        let silent_hours = until.saturating_sub(last);
        let lasts = ledger.hours.len() - until <= 24;
        let is_long = silent_hours as f64 >= 24.0 * self.limits.forgotten_days;
        let is_new = silent_hours > longest_before;
        if !(lasts && is_long && is_new && after.is_nearly_all(self.limits)) {
            return None;
        }
        let claim =
            ledger.claim_hours(Part::Stoppable, |at, hour| at > last && hour.is_silent())?;
        let cycle = self.limits.cycle_days;
        let evidence = format!(
            "Last demand in the hour of {}, since then {} No silence before was longer than {}.",
            self.clock(ledger.start(last)),
            after.evidence(cycle, self.limits),
            span(longest_before.max(1) as f64 * 3600.0)
        );
        let confirmed = after.agrees_over(cycle, self.limits);
        Some(self.finding(WasteKind::Forgotten, confirmed, Some(claim), (evidence, self.stop())))
    }

    /// Paid in the blocks of the week in which nobody asks.
    fn off_hours(&self, ledger: &mut Ledger) -> Option<Waste> {
        if self.is_relative() {
            return None;
        }
        let schedule = Schedule::of(ledger, self.zone, self.limits)?;
        let off: Vec<bool> = (0..ledger.hours.len())
            .map(|at| schedule.is_off(ledger, at, self.zone) && ledger.hours[at].is_silent())
            .collect();
        let silence = Silence::of(ledger, |at, hour| off[at] && hour.is_open(Part::Stoppable));
        let claim = ledger.claim_hours(Part::Stoppable, |at, _| off[at])?;
        let days = self.limits.schedule_weeks * 7.0;
        let weeks = schedule.weeks;
        let confirmed = f64::from(weeks) >= self.limits.schedule_weeks
            && silence.agrees_over(days - 1.0, self.limits);
        let (words, zone) = (schedule.in_words(), self.zone.name());
        let plural = if weeks == 1 { "" } else { "s" };
        let evidence = format!(
            "{words} ({zone}), in each of {weeks} week{plural} seen. Off: {}",
            silence.evidence(days - 1.0, self.limits)
        );
        let action = format!(
            "{}, then run it by that schedule or scale it to zero outside it, and keep its disk.",
            self.ask()
        );
        Some(self.finding(WasteKind::OffHours, confirmed, Some(claim), (evidence, action)))
    }

    /// What a commitment covers in hours without demand.
    fn unused_commitment(&self, ledger: &mut Ledger) -> Option<Waste> {
        let open = |hour: &Hour| hour.is_open(Part::Committed) && hour.is_silent();
        let silence = Silence::of(ledger, |_, hour| open(hour));
        let claim = ledger.claim_hours(Part::Committed, |_, hour| hour.is_silent())?;
        let cycle = self.limits.cycle_days;
        let evidence = format!("Covered by a commitment: {}", silence.evidence(cycle, self.limits));
        let action = format!(
            "Paid either way: {} whether another workload can have the capacity; decide again before the commitment is renewed.",
            self.ask().replacen("Ask", "ask", 1)
        );
        let confirmed = silence.agrees_over(cycle, self.limits);
        Some(self.finding(WasteKind::UnusedCommitment, confirmed, Some(claim), (evidence, action)))
    }

    fn is_relative(&self) -> bool {
        matches!(&self.workload.demand, crate::workload::Demand::Arrivals(it) if it.relative)
    }
}
