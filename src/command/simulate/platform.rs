//! What a serverless platform says that flags leave open.

use std::sync::Arc;

use crate::catalog::{ScalerRule, ServerlessPlatform};
use crate::simulate::Delay;
use crate::units::whole_us;

/// The rules of a platform in the terms of a fleet and its billing; nothing where it does not say.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct PlatformDefaults {
    pub(super) scaler: Option<ScalerRule>,
    /// Slots for which the value of the scaler stands; nothing where it stands for any number.
    pub(super) stated_for: Option<u32>,
    /// Requests a replica serves at once where the user does not say.
    pub(super) slots: Option<u32>,
    pub(super) max_replicas: Option<u32>,
    pub(super) idle_timeout: Option<Delay>,
    pub(super) queue_timeout_us: Option<u64>,
    /// A request in service that long is ended.
    pub(super) execution_timeout_us: Option<u64>,
    pub(super) holds_requests: Option<bool>,
    /// After so long without a request, at most so many replicas.
    pub(super) idle_caps: Arc<[(u64, u32)]>,
    /// The first part of a start that is not billed.
    pub(super) free_start_us: Option<u64>,
    pub(super) granularity_us: Option<u64>,
    pub(super) minimum_us: Option<u64>,
}

/// The catalog's row for a fleet of which nothing is measured: a start is known only as a whole, so
/// what of it is free is not. The advice, which predicts starts by phase, has its own
/// (`recommend/worker_plans.rs`).
pub(super) fn platform_defaults(platform: &ServerlessPlatform) -> PlatformDefaults {
    PlatformDefaults {
        scaler: platform.scalers.first().copied(),
        stated_for: platform.scalers_stated_for,
        slots: platform.concurrency_per_worker,
        max_replicas: platform.default_max_workers.or(platform.max_workers),
        idle_timeout: platform.idle_timeout_s.map(|it| Delay::Constant(whole_us(it))),
        queue_timeout_us: platform.queue_timeout_s.map(whole_us),
        execution_timeout_us: platform.execution_timeout_s.map(whole_us),
        holds_requests: platform.holds_requests,
        idle_caps: platform.idle_caps_us().into(),
        free_start_us: platform.bill_start.map(|it| if it { 0 } else { u64::MAX }),
        granularity_us: platform.granularity_s.map(whole_us),
        minimum_us: platform.minimum_s.map(whole_us),
    }
}
