//! Which telemetry format a file is, told by its first lines; a generic CSV is never one.

use super::TelemetryFormat;
use super::exposition;
use super::smi_query::{is_metric, name_and_unit};

/// Bytes looked at, from each end.
const HEAD: usize = 4096;
/// Lines looked at.
const LINES: usize = 50;

/// The format, or none of ours.
pub(in crate::ingest) fn sniff(bytes: &[u8]) -> Option<TelemetryFormat> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let head = String::from_utf8_lossy(bytes.get(..HEAD).unwrap_or(bytes));
    let head = head.trim_start();
    if head.starts_with('{') && is_answer(head, bytes) {
        return Some(TelemetryFormat::PrometheusJson);
    }
    // The last line of the head may be cut.
    let lines: Vec<&str> =
        head.lines().map(str::trim).filter(|it| !it.is_empty()).take(LINES).collect();
    if is_dmon(&lines) {
        Some(TelemetryFormat::SmiDmon)
    } else if is_query(&lines) {
        Some(TelemetryFormat::SmiQuery)
    } else if is_exposition(&lines) {
        Some(TelemetryFormat::Exposition)
    } else {
        None
    }
}

/// `{"status":"success","data":{"resultType":...` in whatever order `jq` left the keys.
fn is_answer(head: &str, bytes: &[u8]) -> bool {
    let tail_at = bytes.len().saturating_sub(HEAD);
    let tail = String::from_utf8_lossy(bytes.get(tail_at..).unwrap_or_default());
    let has = |key: &str| head.contains(key) || tail.contains(key);
    has("\"status\"") && (has("\"resultType\"") || has("\"errorType\""))
        || head.contains("\"status\"") && head.contains("\"data\"") && head.contains("\"result\"")
}

/// Two header lines that begin with `#`: one names `gpu`, the next has `Idx` below it.
fn is_dmon(lines: &[&str]) -> bool {
    lines.windows(2).take(5).any(|pair| {
        let words = |line: &str, word: &str| {
            line.strip_prefix('#').is_some_and(|it| it.split_whitespace().any(|it| it == word))
        };
        matches!(pair, [names, units] if words(names, "gpu") && words(units, "Idx"))
    })
}

/// A header with a dotted query name, and its unit or the GPU's index or UUID; or the four names
/// nvidia-smi's manual begins with, over a UUID.
fn is_query(lines: &[&str]) -> bool {
    let Some(header) = lines.first().filter(|it| it.contains(',')) else { return false };
    let cells: Vec<_> = header.split(',').map(name_and_unit).collect();
    let has = |names: &[&str]| cells.iter().any(|it| names.contains(&it.0));
    let with_unit = cells.iter().any(|it| is_metric(it.0) && it.1.is_some());
    let with_metric = cells.iter().any(|it| is_metric(it.0));
    let identified = has(&["index", "uuid", "gpu_uuid"]);
    let has_uuid = lines.get(1).is_some_and(|it| {
        it.split(',').any(|it| it.trim().starts_with("GPU-") || it.trim().starts_with("MIG-"))
    });
    with_unit || with_metric && identified || has(&["uuid", "gpu_uuid"]) && has_uuid
}

/// A `# HELP` or `# TYPE` line, or a first sample that can be nothing else.
fn is_exposition(lines: &[&str]) -> bool {
    let declared = lines.iter().any(|it| {
        let words: Vec<&str> = it.split_whitespace().collect();
        matches!(words.as_slice(), ["#", "HELP" | "TYPE", _, _, ..])
    });
    let first = lines.iter().find(|it| !it.starts_with('#'));
    let sample = first.and_then(|it| exposition::split(it));
    let is_ours = sample.as_ref().is_some_and(|it| {
        !it.labels.is_empty() || it.name.starts_with("vllm:") || it.name.starts_with("DCGM_FI_")
    });
    let parses = sample.is_some_and(|it| it.value.parse::<f64>().is_ok());
    declared && (parses || first.is_none()) || is_ours && parses
}

#[cfg(test)]
mod tests {
    use super::*;
    use TelemetryFormat as F;

    #[test]
    fn every_format_is_known_and_nothing_else_is_claimed() {
        for (text, expected) in [
            (
                "{\"status\":\"success\",\"data\":{\"resultType\":\"matrix\",\"result\":[]}}",
                Some(F::PrometheusJson),
            ),
            (
                "{\"data\":{\"result\":[],\"resultType\":\"vector\"},\"status\":\"success\"}",
                Some(F::PrometheusJson),
            ),
            (
                "{\"status\":\"error\",\"errorType\":\"bad_data\",\"error\":\"x\"}",
                Some(F::PrometheusJson),
            ),
            ("{\"status\":\"success\",\"request_id\":\"a\",\"model\":\"m\"}\n", None),
            ("[{\"podId\":\"a\",\"amount\":1}]", None),
            ("# HELP up Up.\n# TYPE up gauge\nup 1\n", Some(F::Exposition)),
            ("vllm:num_requests_running{engine=\"0\"} 8.0\n", Some(F::Exposition)),
            ("DCGM_FI_DEV_GPU_UTIL{gpu=\"0\"} 8\n", Some(F::Exposition)),
            ("# gpu     sm    mem\n# Idx      %      %\n    0     97     44\n", Some(F::SmiDmon)),
            ("#Date Time gpu sm\n#YYYYMMDD HH:MM:SS Idx %\n", Some(F::SmiDmon)),
            ("timestamp, index, uuid, name, utilization.gpu [%]\n", Some(F::SmiQuery)),
            ("index,utilization.gpu,memory.used\n0,3,4\n", Some(F::SmiQuery)),
            (
                "timestamp, index, uuid, name\n2026/05/04 10:00:00.1, 0, GPU-1, NVIDIA L4\n",
                Some(F::SmiQuery),
            ),
            ("timestamp,index,uuid,name\n2026-05-04,0,7,chat\n", None),
            ("timestamp,workload,memory.used,cost [USD]\n2026-05-04,a,1,2\n", None),
            ("# a comment\nperiod_start,workload,gpu_util\n2026-05-04,a,0.5\n", None),
            ("hello world 3\n", None),
            ("some 12\n", None),
            ("", None),
        ] {
            assert_eq!(sniff(text.as_bytes()), expected, "{text}");
        }
    }
}
