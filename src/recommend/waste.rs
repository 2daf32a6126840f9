//! Paid and not used.

use super::demand::Question;
use crate::units::Money;
use crate::workload::Shape;

/// A finding.
#[derive(Clone, Debug)]
pub struct Waste {
    /// `idle`.
    pub finding: &'static str,
    /// True when two measured signals agree over at least a week.
    pub confirmed: bool,
    /// Effective cost in the window.
    pub cost: Money,
    /// The numbers behind it.
    pub evidence: String,
}

/// Days two signals must agree for waste to be confirmed: a business cycle.
const BUSINESS_CYCLE_DAYS: f64 = 7.0;

/// A workload that is paid for and asked for nothing.
pub(super) fn findings(question: &Question<'_>) -> Vec<Waste> {
    let workload = question.described.workload;
    let Some(cost) = workload.totals.effective_cost.filter(|it| !it.is_negative() && !it.is_zero())
    else {
        return Vec::new();
    };
    if question.described.class.shape != Shape::Idle || workload.settings.standby {
        return Vec::new();
    }
    let no_requests = workload.totals.requests == Some(0);
    let inactive = workload.totals.gpu_util.is_some_and(|it| it.get() < 0.01);
    let mut signals = Vec::new();
    if no_requests {
        signals.push("no request counted".to_owned());
    }
    if let Some(util) = workload.totals.gpu_util {
        signals.push(format!("GPUs active {:.1} % of the time measured", util.percent()));
    }
    vec![Waste {
        finding: "idle",
        confirmed: no_requests && inactive && question.days >= BUSINESS_CYCLE_DAYS,
        cost,
        evidence: format!("{} over {:.0} days", signals.join(", "), question.days),
    }]
}
