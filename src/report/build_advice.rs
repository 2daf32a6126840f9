//! The advice of one workload as the report has it.

use super::build::Analysed;
use super::build_workload::rounded;
use super::model::{
    AdviceReport, BreakEvenReport, ChangeReport, CheckReport, Interval, SavingsByPriceReport,
    ShockReport, SignedReport,
};
use super::rules;
use crate::catalog::Catalog;
use crate::recommend::{Basis, Change, Doubt, Risk};
use crate::units::Timestamp;

pub(super) fn advice(it: &Analysed, catalog: &Catalog, as_of: Timestamp) -> AdviceReport {
    let advice = &it.recommendation.advice;
    let (shocks, break_evens) = doubt(&advice.doubt);
    AdviceReport {
        id: advice.id.clone(),
        action: advice.action.as_str().to_owned(),
        plan_id: advice.plan_id.clone(),
        summary: advice.summary.clone(),
        monthly_savings: advice.monthly_savings,
        interval: advice.risk.as_ref().map(interval),
        probability_of_loss: advice.risk.map(|it| rounded(it.probability_of_loss)),
        savings_by_price: advice.savings_by_price.map(|it| SavingsByPriceReport {
            at_list: it.at_list,
            at_own_rate: it.at_own_rate,
            in_cash: it.in_cash,
        }),
        change: advice.change.map(change),
        commitment: signed(it, as_of),
        live: None,
        grade: advice.grade.to_string(),
        confidence: advice.risk.map(|_| Risk::CONFIDENCE),
        reasons: advice.reasons.clone(),
        steps: advice.steps.clone(),
        undo: advice.undo.clone(),
        verify: advice
            .verify
            .iter()
            .map(|it| CheckReport {
                metric: it.metric.clone(),
                threshold: it.threshold.clone(),
                date: it.date.clone(),
            })
            .collect(),
        wrong_if: advice.wrong_if.clone(),
        shocks,
        break_evens,
        together_with: advice.together_with.clone(),
        agrees_with_rule_of_thumb: rules::agrees(it, catalog),
        decision: None,
    }
}

fn signed(it: &Analysed, as_of: Timestamp) -> Option<SignedReport> {
    let found = &it.recommendation;
    let id = found.advice.plan_id.as_ref()?;
    let signed = found.plans.iter().find(|it| it.id == *id)?.signed(as_of)?;
    Some(SignedReport {
        instances: signed.instances,
        term_months: signed.months,
        end: signed.end.to_date_string(),
        owed: signed.owed,
    })
}

fn change(it: Change) -> ChangeReport {
    ChangeReport {
        effort_hours: it.effort_hours,
        restart: it.restart.as_word(),
        cost: it.cost,
        pay_back_days: it.pay_back_days.map(rounded),
    }
}

fn doubt(it: &Doubt) -> (Vec<ShockReport>, Vec<BreakEvenReport>) {
    let shock = it.shocks.iter().map(|it| ShockReport {
        name: it.name,
        monthly_savings: it.monthly_savings,
        sentence: it.sentence(),
    });
    let point = it.break_evens.iter().map(|it| BreakEvenReport {
        of: it.of,
        value: rounded(it.value),
        unit: it.unit,
        sentence: it.sentence.clone(),
    });
    (shock.collect(), point.collect())
}

/// The range of a saving.
pub(super) fn interval(risk: &Risk) -> Interval {
    let (basis, n) = match risk.basis {
        Basis::Weeks(n) => ("weeks", n),
        Basis::Days(n) => ("days", n),
    };
    Interval {
        low: risk.low,
        high: risk.high,
        level: Risk::LEVEL,
        cvar: risk.worst_tenth,
        basis,
        n: n as u64,
    }
}
