//! What to do, how sure we are, how to do it, how to undo it.

use std::fmt;

use sha2::{Digest, Sha256};

use super::change::Change;
use super::doubt::Doubt;
use super::rates::SavingsByPrice;
use super::risk::Risk;
use super::verify::Check;
use crate::units::Money;

/// The kinds of advice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    /// Run or buy it another way.
    Switch,
    /// Turn it off.
    Stop,
    /// Run it by the hours of the week.
    Schedule,
    /// Leave it.
    Keep,
    /// Cannot say yet.
    NotEnoughData,
}

impl Action {
    /// Whether something is to be done.
    pub const fn is_to_do(self) -> bool {
        matches!(self, Action::Switch | Action::Stop | Action::Schedule)
    }

    /// The word in output.
    pub const fn as_str(self) -> &'static str {
        match self {
            Action::Switch => "switch",
            Action::Stop => "stop",
            Action::Schedule => "schedule",
            Action::Keep => "keep",
            Action::NotEnoughData => "not_enough_data",
        }
    }
}

/// How sure: A best.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "school grades")]
pub enum Grade {
    A,
    B,
    C,
    D,
    F,
}

impl Grade {
    /// From the letter that stands for it.
    pub fn parse(text: &str) -> Option<Grade> {
        [Grade::A, Grade::B, Grade::C, Grade::D, Grade::F]
            .into_iter()
            .find(|it| it.to_string() == text)
    }
}

impl fmt::Display for Grade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// One piece of advice.
#[derive(Clone, Debug)]
pub struct Advice {
    /// The same for the same workload, action and plan, in every run.
    pub id: String,
    /// What kind.
    pub action: Action,
    /// The plan to switch to.
    pub plan_id: Option<String>,
    /// One sentence.
    pub summary: String,
    /// Saving in a 730-hour month; zero where there is none.
    pub monthly_savings: Money,
    /// The range of that; nothing where it saves nothing, or for less than a week of whole days.
    pub risk: Option<Risk>,
    /// The same at other prices; nothing where it saves nothing.
    pub savings_by_price: Option<SavingsByPrice>,
    /// The work it takes; nothing where there is nothing to do.
    pub change: Option<Change>,
    /// How sure.
    pub grade: Grade,
    /// Why, and what caps the grade.
    pub reasons: Vec<String>,
    /// How.
    pub steps: Vec<String>,
    /// How to undo it.
    pub undo: String,
    /// How to see that it came true.
    pub verify: Vec<Check>,
    /// What would make it wrong.
    pub wrong_if: Vec<String>,
    /// What it saves when something else happens, and where it stops to save.
    pub doubt: Doubt,
    /// Ids of the advice that must be followed with it; empty where it stands alone.
    pub together_with: Vec<String>,
}

/// Eight hexadecimal digits of the hash of workload, action and plan.
pub(super) fn stable_id(workload: &str, action: Action, plan_id: Option<&str>) -> String {
    let mut hash = Sha256::new();
    for part in [workload, action.as_str(), plan_id.unwrap_or_default()] {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part.as_bytes());
    }
    let digest = hash.finalize();
    let number = digest.iter().take(4).fold(0_u32, |sum, byte| sum << 8 | u32::from(*byte));
    format!("a-{number:08x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_depend_on_every_part_and_nothing_else() {
        let id = stable_id("chat", Action::Switch, Some("p"));
        assert_eq!(id, stable_id("chat", Action::Switch, Some("p")));
        assert_ne!(id, stable_id("chat", Action::Stop, Some("p")));
        assert_ne!(
            stable_id("ab", Action::Keep, Some("c")),
            stable_id("a", Action::Keep, Some("bc"))
        );
    }
}
