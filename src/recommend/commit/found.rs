//! What is found out about commitments: exact amounts, in words only what cannot be a number.

use crate::catalog::{Offer, Purchase};
use crate::commitment::Ladder;
use crate::ingest::{AskedCommitment, HeldCommitment};
use crate::recommend::Risk;
use crate::units::{Fraction, Money, MoneyPerHour, Timestamp};

/// An instance of a provider in a region.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names are those of the price list")]
pub struct Instance {
    pub provider: String,
    pub region: String,
    pub instance_type: String,
    pub gpu: String,
    pub gpu_count: u32,
}

/// All that can be committed to, what is held, and what cannot be said.
#[derive(Clone, Debug, Default)]
pub struct Commitments {
    /// One for each instance and set of workloads, by the name of the instance.
    pub groups: Vec<CommitmentGroup>,
    /// Commitments in money per hour, by provider and term.
    pub spend: Vec<SpendCase>,
    /// What is held, by instance and rate.
    pub held: Vec<HeldInUse>,
    /// Instances without a case, and why.
    pub absent: Vec<NoCase>,
    /// What commitments for today's fleets would come to once the advice is followed, by instance.
    pub first: Vec<CommittedFirst>,
    /// What somebody asks about and nobody runs on after the advice, by term.
    pub idle: Vec<AskedIdle>,
}

/// A commitment that somebody asks about and that nobody runs on after the advice: none of it would be in use.
#[derive(Clone, Debug, PartialEq)]
pub struct AskedIdle {
    /// What is asked.
    pub ask: AskedCommitment,
    /// The term.
    pub months: u32,
    /// Rate of an instance.
    pub rate: MoneyPerHour,
    /// The same on the demand of today, as measured.
    pub today: CasePoint,
    /// Whose demand that is.
    pub workloads: Vec<String>,
    /// What it costs over its term, all of it stranded.
    pub of_term: Money,
    /// What it costs in a month of 730 hours.
    pub monthly: Money,
}

/// A commitment for what runs today, bought before the advice is followed; amounts are of a month of 730
/// hours.
#[derive(Clone, Debug, PartialEq)]
pub struct CommittedFirst {
    /// What is committed to.
    pub instance: Instance,
    /// The price row.
    pub offer_id: String,
    /// Its term.
    pub months: u32,
    /// Instances: what would be chosen for today's demand.
    pub n: u32,
    /// What they save while all runs as today.
    pub saving_today: Money,
    /// Share of them in use then.
    pub used_today: Fraction,
    /// Share of them in use once the advice is followed.
    pub used_after: Fraction,
    /// What the rest costs then.
    pub unused_after: Money,
    /// Paid and owed over the term.
    pub liability: Money,
}

/// Workloads on one instance, and the terms on offer for it.
#[derive(Clone, Debug)]
pub struct CommitmentGroup {
    /// What can be committed to.
    pub instance: Instance,
    /// Whose demand it is.
    pub workloads: Vec<String>,
    /// How each runs then, in words.
    pub presumes: Vec<String>,
    /// What an instance costs by use: of several rates their mean by time in use.
    pub by_use: MoneyPerHour,
    /// The price rows behind that.
    pub by_use_offers: Vec<String>,
    /// Days of demand that all of them have.
    pub days: f64,
    /// Mean demand, instances.
    pub mean_instances: f64,
    /// Held instances taken off before.
    pub held_instances: u32,
    /// Who on the instance is no part of the demand, and why.
    pub without: Vec<String>,
    /// Who of them pays for hours that nobody used, which are in the demand.
    pub unused_hours: Vec<UnusedHours>,
    /// The terms, shortest first.
    pub terms: Vec<TermCase>,
    /// What the reader must know, one sentence each.
    pub notes: Vec<String>,
}

/// A workload whose demand holds hours that are confirmed as waste.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnusedHours {
    /// Which.
    pub workload: String,
    /// What it pays for them in the window.
    pub cost: Money,
}

/// One term.
#[derive(Clone, Debug)]
pub struct TermCase {
    /// The price row.
    pub offer: Offer,
    /// Its length.
    pub months: u32,
    /// Why so long a term may not be bought; nothing where it may.
    pub not_allowed: Option<String>,
    /// Whether it saves the most of the terms allowed.
    pub best: bool,
    /// The setting between stable (0) and optimal (1) that was used.
    pub risk_setting: Fraction,
    /// Instances in use in every hour.
    pub stable_n: u32,
    /// Instances at the setting.
    pub chosen_n: u32,
    /// Instances that cost the least.
    pub optimal_n: u32,
    /// Instances that cover all demand.
    pub max_n: u32,
    /// The curve, at most 100 points: none, those named above and evenly placed ones.
    pub points: Vec<CasePoint>,
    /// The point chosen.
    pub chosen: CasePoint,
    /// The points of the numbers that somebody wants judged.
    pub asked: Vec<CasePoint>,
    /// Months until what is paid upfront has come back; nothing where nothing is bought or the price
    /// list does not say how it is paid.
    pub cash_payback_months: Option<f64>,
    /// Months of full use after which walking away has cost nothing.
    pub regret_months: Option<f64>,
    /// Paid when it is bought; nothing where the price list does not say.
    pub upfront: Option<Money>,
    /// Owed over the term after that.
    pub liability: Money,
    /// When it ends, bought on the day of the report.
    pub end: Timestamp,
    /// Bought in steps, where the policy caps what may end in a quarter.
    pub ladder: Option<LadderSteps>,
    /// Saving a month that the advice of the workloads claims already.
    pub included_in_advice: Money,
    /// What the chosen point saves above that; below zero where this term saves less.
    pub beyond_advice: Money,
    /// The cheapest purchases had demand been known; nothing for very many hours.
    pub hindsight: Option<Hindsight>,
}

/// One number of instances; amounts are of a month of 730 hours.
#[derive(Clone, Debug, PartialEq)]
pub struct CasePoint {
    /// Instances committed.
    pub n: u32,
    /// The three parts below.
    pub monthly_cost: Money,
    /// Committed and in use.
    pub committed_used: Money,
    /// Committed and not in use.
    pub committed_unused: Money,
    /// What exceeds the commitment.
    pub by_use: Money,
    /// Share of the commitment in use; nothing for none.
    pub utilization: Option<Fraction>,
    /// Share of the demand covered.
    pub coverage: Option<Fraction>,
    /// Cost of no commitment less that of this one.
    pub saving: Money,
    /// Its range over months like those seen.
    pub risk: Option<Risk>,
}

/// A commitment in money per hour for all instances of a provider that it covers.
#[derive(Clone, Debug)]
pub struct SpendCase {
    /// Who is paid.
    pub provider: String,
    /// How it is bought.
    pub purchase: Purchase,
    /// The term.
    pub months: u32,
    /// Whether the policy allows so long a term.
    pub allowed: bool,
    /// What of it is held: the points are on top of it, and savings are against it alone.
    pub held: MoneyPerHour,
    /// The price rows under the plan.
    pub offer_ids: Vec<String>,
    /// Whose demand it is.
    pub workloads: Vec<String>,
    /// Who is no part of it, and why.
    pub without: Vec<String>,
    /// The cheapest point.
    pub chosen: SpendCasePoint,
    /// The curve, at most 100 points: none, the cheapest and evenly placed bends.
    pub points: Vec<SpendCasePoint>,
    /// Owed over the term.
    pub liability: Money,
    /// When it ends, bought on the day of the report.
    pub end: Timestamp,
    /// Saving a month that the advice of the workloads claims already.
    pub included_in_advice: Money,
    /// What the cheapest point saves above that; below zero where it saves less.
    pub beyond_advice: Money,
}

/// One commitment in money per hour; amounts are of a month of 730 hours.
#[derive(Clone, Debug, PartialEq)]
pub struct SpendCasePoint {
    /// The commitment, on top of what is held.
    pub per_hour: MoneyPerHour,
    /// Both parts.
    pub monthly_cost: Money,
    /// The commitment and what is held, used or not.
    pub committed: Money,
    /// Usage it does not cover.
    pub by_use: Money,
    /// Share of the commitment in use; nothing for none.
    pub utilization: Option<Fraction>,
    /// Share of the usage covered, by what it costs by use.
    pub coverage: Option<Fraction>,
    /// Cost of no commitment less that of this one.
    pub saving: Money,
    /// Its range over months like those seen.
    pub risk: Option<Risk>,
}

/// A commitment bought in tranches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LadderSteps {
    /// The tranches.
    pub ladder: Ladder,
    /// Instances that may be bought at once.
    pub at_once: u32,
    /// What is not saved while the later ones wait.
    pub waiting_cost: Money,
}

/// The window with whole instances in each hour, terms bought whenever that is cheapest and charged up
/// to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hindsight {
    /// All by use.
    pub by_use: Money,
    /// The least possible.
    pub cheapest: Money,
    /// The difference.
    pub left_on_the_table: Money,
    /// Terms the cheapest way buys.
    pub bought: u32,
    /// When, and how many begin in that hour.
    pub purchases: Vec<(Timestamp, u32)>,
}

/// A held commitment and what demand makes of it.
#[derive(Clone, Debug, PartialEq)]
pub struct HeldInUse {
    /// As the config says.
    pub held: HeldCommitment,
    /// Instance time paid for in the window, microseconds.
    pub paid_us: u64,
    /// What of it was used by demand after the advice, and what the rest costs in the window; nothing
    /// where that is not known.
    pub used: Option<(u64, Money)>,
    /// Why that is not known.
    pub not_known: Option<String>,
    /// What of it is used while all runs as today; nothing where that is not known.
    pub used_today_us: Option<u64>,
    /// Owed until it ends.
    pub liability: Money,
    /// Paid and not used yet.
    pub prepaid_left: Money,
    /// Workloads that run elsewhere after the advice and of which a replica fits on it, where at least half
    /// of it is stranded.
    pub could_carry: Vec<String>,
    /// Whether it is over on the day of the report.
    pub has_ended: bool,
    /// Whether it ends within the term that is advised next, else within the longest allowed.
    pub ends_within_term: bool,
    /// What of it to buy again; nothing where it does not end within that term, or nothing is on offer.
    pub renewal: Option<Renewal>,
}

/// What of an ending commitment a new term would pay for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Renewal {
    /// Instances; none where running by use is cheaper.
    pub n: u32,
    /// The term that saves the most of those allowed; the shortest on offer where none is bought.
    pub months: u32,
    /// Its price row.
    pub offer_id: String,
    /// What they save in a month of 730 hours against running by use.
    pub saving: Money,
    /// Who on it is no part of the demand, and why.
    pub without: Vec<String>,
    /// Who of the others pays for hours that nobody used, which are in the demand.
    pub unused_hours: Vec<UnusedHours>,
    /// Why no term is allowed, where none is.
    pub not_allowed: Option<String>,
}

/// An instance without a case.
#[derive(Clone, Debug)]
pub struct NoCase {
    /// Which.
    pub instance: Instance,
    /// Whose demand is on it.
    pub workloads: Vec<String>,
    /// Whether a commitment covers it already.
    pub covered: bool,
    /// Why, in one sentence.
    pub reason: String,
    /// What to do meanwhile.
    pub rule: Option<EarlyRule>,
}

/// The rule without a forecast.
#[derive(Clone, Debug, PartialEq)]
pub struct EarlyRule {
    /// The price row.
    pub offer_id: String,
    /// Its term.
    pub months: u32,
    /// Price of a whole term of one instance.
    pub fee: Money,
    /// Instances the rule would have bought by now.
    pub bought: u32,
    /// What the next one has cost by use: it is bought when this exceeds the fee.
    pub spent_on_next: Money,
    /// It costs at most so many times the least possible: 2 - alpha, where a fee pays for all 2.
    pub most_times_the_least: f64,
}
