//! Telemetry of GPUs and serving engines: DCGM and vLLM by way of Prometheus, and nvidia-smi.
//!
//! Comes in: the bytes of a file that [`sniff()`] knows. [`parse`] gives [`Series`] with the
//! samples it refused; [`aggregate()`] merges the series of all files into GPUs and engines with
//! their [`TelemetryBin`]s. What was not measured is `None`, never zero: NaN, a lost scrape and a
//! blank of the driver are gaps. Only the labels of [`Labels`] are read; no metric is guessed from
//! a name that is not known. [`proves`] says what each number can prove.

mod aggregate;
mod bin;
mod clock;
mod collect;
mod entity;
mod exposition;
mod facts;
mod lane;
mod metric;
mod notices;
mod prometheus;
mod proof;
mod series;
mod signal;
mod smi_dmon;
mod smi_query;
mod sniff;
mod step;
mod tally;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod total_tests;

use chrono_tz::Tz;

use crate::ingest::IngestError;

pub(super) use aggregate::{Observed, Timed, Untimed, aggregate};
pub(super) use bin::TelemetryBin;
pub(super) use clock::second_showing;
pub(super) use collect::Parsed;
pub(super) use entity::{Device, Entity, EntityKey, Holder};
pub(super) use proof::proves;
pub(super) use series::Series;
pub(super) use sniff::sniff;

/// The formats that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum TelemetryFormat {
    /// JSON of Prometheus' `query_range` or `query`.
    PrometheusJson,
    /// Text of a `/metrics` page.
    Exposition,
    /// Text of `nvidia-smi dmon`.
    SmiDmon,
    /// CSV of `nvidia-smi --query-gpu`.
    SmiQuery,
}

impl TelemetryFormat {
    /// Its name in reports.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            TelemetryFormat::PrometheusJson => "Prometheus query answer (JSON)",
            TelemetryFormat::Exposition => "Prometheus text exposition",
            TelemetryFormat::SmiDmon => "nvidia-smi dmon",
            TelemetryFormat::SmiQuery => "nvidia-smi --query-gpu (CSV)",
        }
    }
}

/// Reads one file. `zone` is that of nvidia-smi's wall clock.
pub(super) fn parse(
    bytes: &[u8],
    format: TelemetryFormat,
    file: &str,
    zone: Tz,
) -> Result<Parsed, IngestError> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err(IngestError::Empty { file: file.to_owned() });
    }
    let mut into = collect::Collector::new(file);
    let text = || {
        std::str::from_utf8(bytes).map_err(|it| IngestError::Unreadable {
            file: file.to_owned(),
            reason: format!("no UTF-8 text at byte {}", it.valid_up_to()),
            hint: "save it as UTF-8".to_owned(),
        })
    };
    match format {
        TelemetryFormat::PrometheusJson => prometheus::parse(bytes, &mut into)?,
        TelemetryFormat::Exposition => exposition::parse(text()?, &mut into),
        TelemetryFormat::SmiDmon => smi_dmon::parse(text()?, zone, &mut into)?,
        TelemetryFormat::SmiQuery => smi_query::parse(text()?, zone, &mut into)?,
    }
    Ok(into.finish())
}
