//! Stub until the reader of telemetry is merged.
use super::{IngestError, Rejected};
use crate::units::Period;
use chrono_tz::Tz;
pub(super) struct Series;
pub(super) struct Entity { pub gpu_name: Option<String>, pub model: Option<String>, pub instance: Option<String>, pub namespace: Option<String>, pub pod: Option<String>, pub host: Option<String>, pub pods_sharing: Vec<String> }
impl Entity { pub(super) fn show(&self) -> String { String::new() } pub(super) fn uuid(&self) -> Option<&str> { None } }
#[derive(Clone)]
pub(super) struct TelemetryBin { pub period: Period, pub gpu_active: Option<f64>, pub vram_used_mib: Option<f64>, pub memory_fraction: Option<f64>, pub kv_cache_usage: Option<f64>, pub requests: Option<u64>, pub prompt_tokens: Option<u64>, pub completion_tokens: Option<u64> }
pub(super) struct Aggregated { pub entities: Vec<(Entity, Vec<TelemetryBin>)>, pub notices: Vec<String> }
pub(super) fn aggregate(_: Vec<Series>, _: i64) -> Aggregated { Aggregated { entities: vec![], notices: vec![] } }
pub(super) fn sniff(_: &[u8]) -> Option<()> { None }
pub(super) fn is_document(_: &serde_json::Value) -> bool { false }
pub(super) struct Fmt; impl Fmt { pub(super) fn as_str(&self) -> &'static str { "" } }
pub(super) struct Read { pub format: Fmt, pub rows_in: u64, pub metrics_used: Vec<String>, pub metrics_ignored: Vec<String>, pub rejected: Vec<Rejected>, pub notices: Vec<String>, pub series: Vec<Series> }
pub(super) fn read(_: &[u8], file: &str, _: Tz) -> Result<Read, IngestError> { Err(IngestError::Empty { file: file.to_owned() }) }
