//! How a serverless platform bills and scales, as its own documents state it.

use toml::Spanned;

use super::error::CatalogError;
use super::file::PricingFile;
use super::raw::{RawPlatform, RawPlatforms, RawScaler};
use super::scaler::ScalerRule;

/// One platform of `pricing/serverless.toml`, checked.
#[derive(Clone, Debug)]
pub struct ServerlessPlatform {
    /// The provider name its offers carry.
    pub provider: String,
    /// Whether the seconds from start to ready are billed.
    pub bill_start: bool,
    /// A lifetime is rounded up to this many seconds.
    pub granularity_s: u32,
    /// And is at least this many.
    pub minimum_s: u32,
    /// Seconds a worker stays after its last request, billed.
    pub idle_timeout_s: f64,
    /// The default scaler.
    pub scaler: ScalerRule,
    /// Requests one worker serves at a time by default; a model server may allow more.
    pub concurrency_per_worker: u32,
    /// Whether the user may raise that number.
    pub concurrency_is_configurable: bool,
    /// Workers an account may have at most, where the platform says.
    pub max_workers: Option<u32>,
    /// Which rules above the source does not state and why the value stands; empty when all are.
    pub assumed: String,
    /// Where the rules come from.
    pub source: String,
    /// When they were read.
    pub as_of: String,
}

/// The rows of `serverless.toml`, checked.
pub(super) fn read(
    file: &PricingFile<'_>,
    rows: &RawPlatforms,
) -> Result<Vec<ServerlessPlatform>, CatalogError> {
    let mut platforms: Vec<ServerlessPlatform> = Vec::with_capacity(rows.platform.len());
    for row in &rows.platform {
        let platform = check(file, row)?;
        if platforms.iter().any(|it| it.provider == platform.provider) {
            let at = file.place_of(row.span().start, "provider");
            return Err(CatalogError::Duplicate {
                at,
                what: "the platform",
                name: platform.provider,
            });
        }
        platforms.push(platform);
    }
    Ok(platforms)
}

fn check(
    file: &PricingFile<'_>,
    row: &Spanned<RawPlatform>,
) -> Result<ServerlessPlatform, CatalogError> {
    let start = row.span().start;
    let raw = row.get_ref();
    file.filled(start, "provider", &raw.provider)?;
    file.provenance(start, &raw.source, &raw.as_of)?;
    file.positive(start, "granularity_s", Some(f64::from(raw.granularity_s)))?;
    file.positive(start, "concurrency_per_worker", Some(f64::from(raw.concurrency_per_worker)))?;
    file.positive(start, "max_workers", raw.max_workers.map(f64::from))?;
    if !(raw.idle_timeout_s >= 0.0 && raw.idle_timeout_s.is_finite()) {
        return Err(CatalogError::OutOfRange {
            at: file.place_of(start, "idle_timeout_s"),
            column: "idle_timeout_s",
            found: raw.idle_timeout_s.to_string(),
            expected: "zero or more seconds",
        });
    }
    let scaler = match raw.scaler {
        RawScaler::QueueDelay { threshold_s } => {
            file.positive(start, "scaler", Some(threshold_s))?;
            ScalerRule::QueueDelay { threshold_us: whole_us(threshold_s) }
        }
        RawScaler::RequestCount { value } => {
            file.positive(start, "scaler", Some(f64::from(value)))?;
            ScalerRule::RequestCount { requests: value }
        }
    };
    Ok(ServerlessPlatform {
        provider: raw.provider.clone(),
        bill_start: raw.bill_start,
        granularity_s: raw.granularity_s,
        minimum_s: raw.minimum_s,
        idle_timeout_s: raw.idle_timeout_s,
        scaler,
        concurrency_per_worker: raw.concurrency_per_worker,
        concurrency_is_configurable: raw.concurrency_is_configurable,
        max_workers: raw.max_workers,
        assumed: raw.assumed.clone(),
        source: raw.source.clone(),
        as_of: raw.as_of.clone(),
    })
}

/// Seconds as whole microseconds.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` saturates")]
fn whole_us(seconds: f64) -> u64 {
    (seconds * 1e6).round() as u64
}
