//! How a platform bills, starts and stops replicas, as its own documents state it.

use serde::Deserialize;

use super::scaler::ScalerRule;
use crate::units::MoneyPerHour;

/// A platform of `pricing/serverless.toml` or of the user's own, checked. A rule that no source
/// states is `None`.
#[derive(Clone, Debug, PartialEq)]
pub struct ServerlessPlatform {
    /// The provider name its offers carry.
    pub provider: String,
    /// Whether it sells replicas; one that does not is a scaler people run on rented instances.
    pub sells: bool,
    /// Whether the seconds from start to ready are billed.
    pub bill_start: Option<bool>,
    /// Phases of a billed start that are free.
    pub free_start_phases: Vec<StartPhase>,
    /// A lifetime is rounded up to this many seconds.
    pub granularity_s: Option<f64>,
    /// And is at least this many.
    pub minimum_s: Option<f64>,
    /// Seconds a worker stays after its last request, billed; the scaler removes workers where
    /// none is stated.
    pub idle_timeout_s: Option<f64>,
    /// The scaling rules to choose from, the default first.
    pub scalers: Vec<ScalerRule>,
    /// Requests a worker serves at a time for which the values of its rules stand; nothing where
    /// they stand for any number: where no source states one, and for rules of the user's own.
    pub scalers_stated_for: Option<u32>,
    /// Whether those values follow that number by themselves, rather than being set apart from it.
    pub scaler_follows_concurrency: bool,
    /// Requests one worker serves at a time by default.
    pub concurrency_per_worker: Option<u32>,
    /// Whether the user may set that number; a model server then takes as many as it can.
    pub concurrency_is_configurable: bool,
    /// Workers an account may have at most.
    pub max_workers: Option<u32>,
    /// Workers of one endpoint until the user changes it.
    pub default_max_workers: Option<u32>,
    /// Most workers by the money in the account, least first.
    pub account_caps: Vec<AccountCap>,
    /// US dollars an hour that an account may spend until the limit is raised.
    pub spend_limit_usd_per_hour: Option<u32>,
    /// Most workers of an endpoint without requests, shortest time first.
    pub idle_caps: Vec<IdleCap>,
    /// Seconds from submission after which a request that still waits is dropped.
    pub queue_timeout_s: Option<f64>,
    /// Seconds after which a request in service is ended.
    pub execution_timeout_s: Option<f64>,
    /// Up to which the user may raise that.
    pub execution_timeout_max_s: Option<f64>,
    /// Whether requests wait while no worker is ready, or are refused.
    pub holds_requests: Option<bool>,
    /// Which rules above the source does not state and why the value stands, parted by `; `; a part
    /// that is about one key begins with it. Empty when all are stated.
    pub assumed: String,
    /// Where the rules come from.
    pub source: String,
    /// When they were read; empty for the user's own.
    pub as_of: String,
}

/// Whether a part of what is assumed of a platform is about this key: `holds_requests: while none is
/// ready requests get 503`.
pub fn is_about(part: &str, key: &str) -> bool {
    part.strip_prefix(key).is_some_and(|it| it.starts_with(':'))
}

/// What happens between starting a replica and its first request, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StartPhase {
    /// Finding and attaching the GPU.
    Allocation,
    /// Pulling the container image.
    Image,
    /// Starting the container and its framework.
    Framework,
    /// Loading the weights.
    Weights,
    /// Starting the engine.
    Engine,
    /// Compiling kernels and capturing graphs.
    Compile,
}

impl StartPhase {
    /// The word in output.
    pub const fn as_word(self) -> &'static str {
        match self {
            StartPhase::Allocation => "allocation",
            StartPhase::Image => "image",
            StartPhase::Framework => "framework",
            StartPhase::Weights => "weights",
            StartPhase::Engine => "engine",
            StartPhase::Compile => "compile",
        }
    }
}

/// Most workers of an account from a balance on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccountCap {
    /// US dollars in the account.
    pub balance_usd: u32,
    /// Workers.
    pub max_workers: u32,
}

/// Most workers of an endpoint that had no request for some days.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IdleCap {
    /// Days without a request.
    pub after_days: u32,
    /// Workers.
    pub max_workers: u32,
}

impl ServerlessPlatform {
    /// After so many microseconds without a request at most so many workers.
    pub fn idle_caps_us(&self) -> Vec<(u64, u32)> {
        const DAY_US: u64 = 86_400_000_000;
        let cap = |it: &IdleCap| (u64::from(it.after_days) * DAY_US, it.max_workers);
        self.idle_caps.iter().map(cap).collect()
    }

    /// Most workers of an account with so many US dollars; nothing where no source says.
    ///
    /// With 250 dollars RunPod allows 20, from 300 on 30.
    pub fn workers_with(&self, balance_usd: u32) -> Option<u32> {
        let affordable = self.account_caps.iter().take_while(|it| it.balance_usd <= balance_usd);
        affordable.last().map(|it| it.max_workers)
    }

    /// The balance an account must have for so many workers, where even an empty one does not do:
    /// 12 at RunPod take 200 dollars, 5 take none. Nothing also where no balance is enough.
    pub fn balance_for(&self, workers: u32) -> Option<u32> {
        let cap = self.account_caps.iter().find(|it| it.max_workers >= workers)?;
        (cap.balance_usd > 0).then_some(cap.balance_usd)
    }

    /// The spend limit, and the dollars an hour of so many workers always on and so many in all where
    /// that is more: 50 workers at 2.00, 10 of them at 1.50, spend 95 where RunPod allows 80.
    pub fn over_spend_limit(
        &self,
        (least, most): (u32, u32),
        (always_on, by_use): (MoneyPerHour, MoneyPerHour),
    ) -> Option<(u32, f64)> {
        let limit = self.spend_limit_usd_per_hour?;
        let elastic = f64::from(most.saturating_sub(least)) * by_use.to_f64();
        let spent = f64::from(least) * always_on.to_f64() + elastic;
        (spent > f64::from(limit)).then_some((limit, spent))
    }

    /// The rules without which nothing can be simulated and which no source states, by their keys.
    ///
    /// Replicate states what is billed and not how it scales: `scaler`, `idle_timeout_s` and
    /// `concurrency_per_worker`.
    pub fn missing(&self) -> Vec<&'static str> {
        let mut missing = Vec::new();
        if self.sells && self.bill_start.is_none() {
            missing.push("bill_start");
        }
        if self.sells && self.granularity_s.is_none() {
            missing.push("granularity_s");
        }
        let leaves = self.scalers.first().map(|it| !it.leaves_by_idle_timeout());
        if leaves.is_none() {
            missing.push("scaler");
        }
        if leaves != Some(true) && self.idle_timeout_s.is_none() {
            missing.push("idle_timeout_s");
        }
        if self.concurrency_per_worker.is_none() && !self.concurrency_is_configurable {
            missing.push("concurrency_per_worker");
        }
        missing
    }

    /// Whether its rules are enough to simulate.
    pub fn is_complete(&self) -> bool {
        self.missing().is_empty()
    }
}
