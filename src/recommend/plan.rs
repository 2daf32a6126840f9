//! A way to run and buy a workload, with what it would have cost and done.

use super::commit::months_after;
use crate::catalog::Offer;
use crate::commitment::liability_left;
use crate::simulate::Outcome;
use crate::units::{Fraction, Money, MoneyPerHour, Period, Timestamp};

/// The precision of a deployment that does not say it.
pub(super) const AS_TODAY: &str = "as today";

/// How capacity is bought and scaled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Way {
    /// As the bill says.
    Today,
    /// Pay as you go, a fixed number of instances.
    PaygFixed,
    /// Pay as you go, instances come and go.
    PaygAutoscaled,
    /// Pay as you go, so many instances by the hour of the week.
    PaygScheduled,
    /// Pay as you go, exactly while GPUs are in use.
    PaygFollowing,
    /// Spot, on demand while there is none.
    Spot,
    /// Reserved for so many months, the rest on pay as you go.
    Reserved {
        /// The term.
        months: u32,
    },
    /// Reserved for so many months, the rest on serverless workers.
    ReservedServerless {
        /// The term.
        months: u32,
    },
    /// Serverless workers.
    Serverless,
    /// Pay as you go, some GPUs of instances that run others too.
    Shared {
        /// GPUs it gets.
        gpus: u32,
        /// Instances they are on.
        instances: u32,
        /// The other workloads, by name.
        with: Vec<String>,
    },
    /// Somebody else's endpoint, by the token.
    Api,
}

impl Way {
    /// The word in output.
    pub fn as_word(&self) -> String {
        match self {
            Way::Today => "today".to_owned(),
            Way::PaygFixed => "payg_fixed".to_owned(),
            Way::PaygAutoscaled => "payg_autoscaled".to_owned(),
            Way::PaygScheduled => "payg_scheduled".to_owned(),
            Way::PaygFollowing => "payg_following".to_owned(),
            Way::Spot => "spot_with_fallback".to_owned(),
            Way::ReservedServerless { months } => format!("reserved_{months}mo_serverless"),
            Way::Shared { .. } => "shared".to_owned(),
            Way::Api => "api".to_owned(),
            Way::Reserved { months } => format!("reserved_{months}mo"),
            Way::Serverless => "serverless_flex".to_owned(),
        }
    }

    /// The words for people.
    pub fn for_people(&self) -> String {
        match self {
            Way::Today => "today".to_owned(),
            Way::PaygFixed => "pay as you go, fixed".to_owned(),
            Way::PaygAutoscaled => "pay as you go, autoscaled".to_owned(),
            Way::PaygScheduled => "pay as you go by schedule".to_owned(),
            Way::PaygFollowing => "pay as you go while in use".to_owned(),
            Way::Spot => "spot with fallback".to_owned(),
            Way::ReservedServerless { months } => {
                format!("reserved {} with serverless", term(*months))
            }
            Way::Shared { .. } => "shared".to_owned(),
            Way::Api => "API by the token".to_owned(),
            Way::Reserved { months } => format!("reserved {}", term(*months)),
            Way::Serverless => "serverless".to_owned(),
        }
    }
}

/// `1 month`, `12 months`.
pub(super) fn term(months: u32) -> String {
    format!("{months} month{}", if months == 1 { "" } else { "s" })
}

/// How a plan scales, in the numbers of the simulation.
#[derive(Clone, Debug, PartialEq)]
pub struct Scaling {
    /// `fixed`, `request_count`, `queue_delay`, `follows_use`.
    pub policy: &'static str,
    /// Requests per instance the scaler aims at, or the delay in seconds that starts one.
    pub value: Option<f64>,
    /// Instances always on.
    pub min: u32,
    /// Most instances.
    pub max: u32,
    /// Seconds an instance stays after its last request.
    pub idle_timeout_s: Option<f64>,
    /// Seconds an instance takes to start.
    pub cold_start_s: Option<f64>,
    /// Requests one engine copy serves at once.
    pub slots: Option<u32>,
    /// Instances by the hour of the week, in the words of `simulate --policy schedule:`.
    pub schedule: Option<String>,
}

impl Scaling {
    /// Most instances to allow where they come and go: half more than the window needed, and at least
    /// one more, for demand that grows. Of 1 it is 2, of 10 it is 15.
    pub fn ceiling(&self) -> u32 {
        let more = self.max.saturating_add(self.max.div_ceil(2));
        if self.max > self.min || self.min == 0 { more } else { self.max }
    }
}

/// Parts of a monthly cost; they add up to it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PlanParts {
    /// Serving.
    pub busy: Money,
    /// On, not serving.
    pub idle: Money,
    /// Starting.
    pub starting: Money,
    /// Committed hours without demand.
    pub committed_unused: Money,
}

/// Latencies of a simulated plan, seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Latencies {
    /// Median time to the first token.
    pub ttft_p50_s: f64,
    /// 95th percentile.
    pub ttft_p95_s: f64,
    /// 99th percentile.
    pub ttft_p99_s: f64,
}

/// The part of a plan whose instances come and go.
#[derive(Clone, Debug, PartialEq)]
pub struct Elastic {
    /// Its cost of 730 hours.
    pub monthly: Money,
    /// Time its instances were on in each hour from the window start on, microseconds.
    pub on_us_by_hour: Vec<u64>,
}

/// A plan on spot at one rate of interruptions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SpotPoint {
    /// Interruptions per instance and hour.
    pub interruptions_per_hour: f64,
    /// Cost of 730 hours.
    pub monthly_cost: Money,
    /// Share of requests within the limits.
    pub attainment: Option<Fraction>,
}

/// One plan.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Stable: way, candidate and offers.
    pub id: String,
    /// The candidate it runs, by id.
    pub candidate_id: Option<String>,
    /// How it is bought.
    pub way: Way,
    /// The price rows, the base first.
    pub offers: Vec<Offer>,
    /// Catalog GPU, or the label of the data.
    pub gpu: String,
    /// GPUs of one engine copy.
    pub gpu_count: u32,
    /// Stages they are split into.
    pub pipeline_parallel_size: u32,
    /// Precision in words.
    pub precision: String,
    /// Cost of 730 hours.
    pub monthly_cost: Money,
    /// Its parts.
    pub parts: PlanParts,
    /// What of it depends on demand; nothing where it costs the same every day.
    pub elastic: Option<Elastic>,
    /// Latencies, where requests were simulated.
    pub latencies: Option<Latencies>,
    /// Share of requests within the limits.
    pub attainment: Option<Fraction>,
    /// Whether that is enough.
    pub meets_slo: bool,
    /// Whether the policy allows it.
    pub allowed: bool,
    /// What the config must say before it may be advised, besides the policy.
    pub needs: Option<&'static str>,
    /// What it sets at the platform that is otherwise by default, in words; empty for most ways.
    pub conditions: Vec<String>,
    /// The same plan at other rates of interruption; empty where nothing is interrupted.
    pub spot_range: Vec<SpotPoint>,
    /// What its cost comes from and its limits miss, one sentence each.
    pub remarks: Vec<String>,
    /// Starts on demand in the window.
    pub cold_starts: Option<u64>,
    /// Requests that waited for one.
    pub delayed_requests: Option<u64>,
    /// How it scales.
    pub scaling: Scaling,
}

/// A commitment that a plan needs.
#[derive(Clone, Debug, PartialEq)]
pub struct Signed {
    /// Instances.
    pub instances: u32,
    /// The term.
    pub months: u32,
    /// When it ends, signed on the day that was asked about.
    pub end: Timestamp,
    /// Everything that is paid for it until then, upfront or by the hour.
    pub owed: Money,
}

impl Signed {
    fn of((rate, instances): (MoneyPerHour, u32), months: u32, at: Timestamp) -> Option<Signed> {
        let end = months_after(at, months)?;
        let owed = liability_left(rate, instances, Period::new(at, end)?, at)?;
        Some(Signed { instances, months, end, owed })
    }
}

impl Plan {
    /// Whether some of it is committed.
    pub fn is_committed(&self) -> bool {
        matches!(self.way, Way::Reserved { .. } | Way::ReservedServerless { .. })
    }

    /// What is signed with it on a day: the instances of the base for the whole term, used or not. One of
    /// 2.00 an hour for 12 months from 1 November 2026 owes 8,760 h x 2.00 = 17,520.00 in all.
    pub fn signed(&self, at: Timestamp) -> Option<Signed> {
        let (Way::Reserved { months } | Way::ReservedServerless { months }) = self.way else {
            return None;
        };
        Signed::of((self.offers.first()?.rate, self.scaling.min), months, at)
    }

    /// The latencies of an outcome.
    pub(super) fn latencies_of(outcome: &Outcome) -> Option<Latencies> {
        let ttft = outcome.ttft.as_ref()?;
        let seconds = |us: u64| us as f64 / 1e6;
        Some(Latencies {
            ttft_p50_s: seconds(ttft.p50_us),
            ttft_p95_s: seconds(ttft.p95_us),
            ttft_p99_s: seconds(ttft.p99_us),
        })
    }

    /// One line for people.
    pub fn label(&self) -> String {
        if self.way == Way::Api {
            return self.way.for_people();
        }
        let provider = self.offers.first().map_or("", |it| it.provider.as_str());
        let range = match (&self.way, self.scaling.min, self.scaling.max) {
            (Way::Today, ..) => String::new(),
            (Way::PaygFixed, n, _) => format!("{n} x "),
            (Way::Shared { gpus, instances, .. }, ..) => {
                let all = self.offers.first().map_or(0, |it| it.gpu_count) * instances;
                format!("{gpus} of {all} GPUs of {instances} x ")
            }
            (Way::Spot, min, max) if min == max => format!("{min} x "),
            (Way::Reserved { .. } | Way::ReservedServerless { .. }, n, max) if max <= n => {
                format!("{n} x ")
            }
            (Way::Reserved { .. } | Way::ReservedServerless { .. }, n, max) => {
                format!("{n} + up to {} x ", max - n)
            }
            (_, min, max) => format!("{min} to {max} x "),
        };
        let instance = match self.offers.first().map(|it| it.gpu_count) {
            Some(count) if count > 1 => format!("{count}-GPU {}", self.gpu),
            _ => self.gpu.clone(),
        };
        let way = match self.way {
            Way::Today => String::new(),
            _ => format!("{}: ", self.way.for_people()),
        };
        let split = match (&self.candidate_id, self.gpu_count) {
            (Some(_), count) if count > 1 => {
                let stages = self.pipeline_parallel_size.max(1);
                match (count / stages, stages) {
                    (tensor, 1) => format!(" TP{tensor}"),
                    (1, stages) => format!(" PP{stages}"),
                    (tensor, stages) => format!(" TP{tensor} PP{stages}"),
                }
            }
            _ => String::new(),
        };
        // Today's plan says anyway that it is as today.
        let precision = match self.precision.as_str() {
            AS_TODAY if self.way == Way::Today => String::new(),
            precision => format!(", {precision}"),
        };
        let provider = if provider.is_empty() { String::new() } else { format!(", {provider}") };
        let with = match &self.way {
            Way::Shared { with, .. } => format!(", with {}", with.join(", ")),
            _ => String::new(),
        };
        format!("{way}{range}{instance}{precision}{split}{provider}{with}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_signed_is_the_whole_term_of_the_base() {
        let rate = MoneyPerHour::parse("2.00", crate::units::Currency::USD).unwrap();
        let at = Timestamp::parse("2026-11-01", chrono_tz::Tz::UTC).unwrap();
        for (instances, months, end, owed) in [
            (1, 12, "2027-11-01", "17520.00"),
            (2, 36, "2029-11-01", "105216.00"),
            (0, 12, "2027-11-01", "0.00"),
        ] {
            let it = Signed::of((rate, instances), months, at).unwrap();
            assert_eq!(
                (it.end.to_date_string().as_str(), it.owed.to_decimal_string().as_str()),
                (end, owed)
            );
        }
    }

    #[test]
    fn half_more_are_allowed_where_instances_come_and_go() {
        let ceiling = |min, max| {
            let scaling = Scaling {
                policy: "request_count",
                value: None,
                min,
                max,
                idle_timeout_s: None,
                cold_start_s: None,
                slots: None,
                schedule: None,
            };
            scaling.ceiling()
        };
        assert_eq!(
            [(0, 1), (2, 10), (0, 3), (3, 3)].map(|(min, max)| ceiling(min, max)),
            [2, 15, 5, 3]
        );
    }
}
