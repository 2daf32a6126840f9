//! Operating points from the result files of load generators: `vllm bench serve` (and `SGLang`'s
//! `bench_serving`, which names its fields alike), `GuideLLM` and inference-perf.
//!
//! A time per output token means (latency - time to first token) / (tokens - 1) here. The tools
//! disagree: `GuideLLM`'s `time_per_output_token_ms` divides the whole latency by all tokens, its
//! `inter_token_latency_ms` is what is meant; inference-perf's `time_per_output_token` is the mean gap
//! between the chunks of a stream, half of it where a server sends two chunks a token, so there it
//! is worked out from the latencies. Requests in progress are rate x latency (Little's law): what
//! a client was told to keep up it keeps up neither at the start nor at the end.

use serde::Deserialize;
use serde_json::Value;

/// One measured operating point.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MeasuredPoint {
    /// Requests in progress, on average.
    pub concurrency: f64,
    /// Requests a second.
    pub requests_per_s: f64,
    /// Mean length of the prompts.
    pub prompt_tokens: f64,
    /// Mean length of the answers.
    pub completion_tokens: f64,
    /// Output tokens a second.
    pub output_tokens_per_s: f64,
    /// Mean time to the first token, seconds.
    pub ttft_s: f64,
    /// Mean time per output token after the first, seconds; nothing for answers of one token.
    pub tpot_s: Option<f64>,
}

/// Why a result file says nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "every field is in the message above it")]
pub enum BenchmarkError {
    /// Not JSON.
    #[error("not JSON: {message}")]
    NotJson { message: String },
    /// JSON of another program.
    #[error(
        "not a result of `vllm bench serve`, GuideLLM or inference-perf: none of `output_throughput`, \
         `benchmarks`, `load_summary` is there"
    )]
    Unknown,
    /// A result without what is needed.
    #[error("result {number} of {tool}: {message}")]
    Incomplete { tool: &'static str, number: usize, message: String },
    /// A result of a run in which nothing succeeded.
    #[error("result {number} of {tool}: no request succeeded")]
    Empty { tool: &'static str, number: usize },
}

/// Every operating point of a result file; several for a sweep. JSON, or one JSON object a line.
pub fn read_benchmark(text: &str) -> Result<Vec<MeasuredPoint>, BenchmarkError> {
    let mut points = Vec::new();
    for value in serde_json::Deserializer::from_str(text).into_iter::<Value>() {
        let value =
            value.map_err(|error| BenchmarkError::NotJson { message: error.to_string() })?;
        if value.get("benchmarks").is_some() {
            let found: GuideLlm = parsed("GuideLLM", 1, value)?;
            for (number, it) in (1..).zip(found.benchmarks) {
                points.push(sound("GuideLLM", number, it.metrics.point())?);
            }
        } else if value.get("load_summary").is_some() {
            let number = points.len() + 1;
            let found: InferencePerf = parsed("inference-perf", number, value)?;
            points.push(sound("inference-perf", number, found.successes.point())?);
        } else if value.get("output_throughput").is_some() {
            let number = points.len() + 1;
            let found: VllmBench = parsed("vllm bench serve", number, value)?;
            points.push(sound("vllm bench serve", number, found.point())?);
        } else {
            return Err(BenchmarkError::Unknown);
        }
    }
    if points.is_empty() { Err(BenchmarkError::Unknown) } else { Ok(points) }
}

fn parsed<T: for<'a> Deserialize<'a>>(
    tool: &'static str,
    number: usize,
    value: Value,
) -> Result<T, BenchmarkError> {
    serde_json::from_value(value).map_err(|error| BenchmarkError::Incomplete {
        tool,
        number,
        message: error.to_string(),
    })
}

/// The point, if its numbers are those of a run.
fn sound(
    tool: &'static str,
    number: usize,
    it: MeasuredPoint,
) -> Result<MeasuredPoint, BenchmarkError> {
    let is_rate = |it: f64| it.is_finite() && it > 0.0;
    let rates = [it.concurrency, it.requests_per_s, it.completion_tokens, it.output_tokens_per_s];
    if rates.into_iter().all(is_rate) {
        Ok(it)
    } else {
        Err(BenchmarkError::Empty { tool, number })
    }
}

/// Seconds a token after the first, of a request of this latency.
fn per_token(latency_s: f64, ttft_s: f64, tokens: f64) -> Option<f64> {
    (tokens > 1.0).then(|| (latency_s - ttft_s) / (tokens - 1.0)).filter(|it| *it > 0.0)
}

/// The file of `vllm bench serve --save-result`.
#[derive(Deserialize)]
struct VllmBench {
    completed: f64,
    total_input_tokens: f64,
    total_output_tokens: f64,
    request_throughput: f64,
    output_throughput: f64,
    mean_ttft_ms: f64,
    mean_tpot_ms: f64,
    mean_e2el_ms: Option<f64>,
    max_concurrency: Option<f64>,
}

impl VllmBench {
    fn point(&self) -> MeasuredPoint {
        let completion_tokens = self.total_output_tokens / self.completed;
        let (ttft_s, tpot_s) = (self.mean_ttft_ms * 1e-3, self.mean_tpot_ms * 1e-3);
        let decoding_s = (completion_tokens - 1.0).max(0.0) * tpot_s;
        let latency_s = self.mean_e2el_ms.map_or(ttft_s + decoding_s, |it| it * 1e-3);
        let in_progress = self.request_throughput * latency_s;
        MeasuredPoint {
            concurrency: self.max_concurrency.map_or(in_progress, |most| in_progress.min(most)),
            requests_per_s: self.request_throughput,
            prompt_tokens: self.total_input_tokens / self.completed,
            completion_tokens,
            output_tokens_per_s: self.output_throughput,
            ttft_s,
            tpot_s: Some(tpot_s).filter(|it| *it > 0.0),
        }
    }
}

/// The report of `GuideLLM`.
#[derive(Deserialize)]
struct GuideLlm {
    benchmarks: Vec<GuideLlmRun>,
}

#[derive(Deserialize)]
struct GuideLlmRun {
    metrics: GuideLlmMetrics,
}

#[derive(Deserialize)]
struct GuideLlmMetrics {
    requests_per_second: ByStatus,
    request_concurrency: ByStatus,
    prompt_token_count: ByStatus,
    output_token_count: ByStatus,
    output_tokens_per_second: ByStatus,
    time_to_first_token_ms: ByStatus,
    inter_token_latency_ms: ByStatus,
}

/// A distribution, of the requests that succeeded.
#[derive(Deserialize)]
struct ByStatus {
    successful: Mean,
}

#[derive(Deserialize)]
struct Mean {
    mean: f64,
}

impl GuideLlmMetrics {
    fn point(&self) -> MeasuredPoint {
        let mean = |it: &ByStatus| it.successful.mean;
        let tpot_s = mean(&self.inter_token_latency_ms) * 1e-3;
        MeasuredPoint {
            concurrency: mean(&self.request_concurrency),
            requests_per_s: mean(&self.requests_per_second),
            prompt_tokens: mean(&self.prompt_token_count),
            completion_tokens: mean(&self.output_token_count),
            output_tokens_per_s: mean(&self.output_tokens_per_second),
            ttft_s: mean(&self.time_to_first_token_ms) * 1e-3,
            tpot_s: Some(tpot_s).filter(|it| *it > 0.0),
        }
    }
}

/// `summary_lifecycle_metrics.json` or `stage_N_lifecycle_metrics.json` of inference-perf, in seconds.
#[derive(Deserialize)]
struct InferencePerf {
    successes: Successes,
}

#[derive(Deserialize)]
struct Successes {
    latency: Latency,
    throughput: Throughput,
    prompt_len: Mean,
    output_len: Mean,
}

#[derive(Deserialize)]
struct Latency {
    request_latency: Mean,
    time_to_first_token: Mean,
}

#[derive(Deserialize)]
struct Throughput {
    output_tokens_per_sec: f64,
    requests_per_sec: f64,
}

impl Successes {
    fn point(&self) -> MeasuredPoint {
        let latency_s = self.latency.request_latency.mean;
        let ttft_s = self.latency.time_to_first_token.mean;
        MeasuredPoint {
            concurrency: self.throughput.requests_per_sec * latency_s,
            requests_per_s: self.throughput.requests_per_sec,
            prompt_tokens: self.prompt_len.mean,
            completion_tokens: self.output_len.mean,
            output_tokens_per_s: self.throughput.output_tokens_per_sec,
            ttft_s,
            tpot_s: per_token(latency_s, ttft_s, self.output_len.mean),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VLLM: &str = r#"{"date": "20261101-101500", "backend": "vllm", "model_id": "m",
        "num_prompts": 100, "request_rate": "inf", "burstiness": 1.0, "max_concurrency": 16,
        "duration": 41.24, "completed": 100, "failed": 0, "total_input_tokens": 99744,
        "total_output_tokens": 100000, "request_throughput": 2.4248, "request_goodput": null,
        "output_throughput": 2425.01, "total_token_throughput": 4843.81, "mean_ttft_ms": 60.77,
        "median_ttft_ms": 58.1, "p99_ttft_ms": 92.0, "mean_tpot_ms": 6.31, "median_tpot_ms": 6.3,
        "mean_itl_ms": 6.31}"#;

    const GUIDELLM: &str = r#"{"metadata": {"version": 1}, "benchmarks": [{"config": {"strategy":
        {"type_": "concurrent", "streams": 8}}, "metrics": {"request_totals": {"successful": 56},
        "requests_per_second": {"successful": {"mean": 4.0, "median": 4.0}},
        "request_concurrency": {"successful": {"mean": 7.9}},
        "prompt_token_count": {"successful": {"mean": 256.0}},
        "output_token_count": {"successful": {"mean": 128.0}},
        "output_tokens_per_second": {"successful": {"mean": 512.0}},
        "time_to_first_token_ms": {"successful": {"mean": 45.0}},
        "time_per_output_token_ms": {"successful": {"mean": 15.4}},
        "inter_token_latency_ms": {"successful": {"mean": 15.2}}}}]}"#;

    /// Numbers of kubernetes-sigs/inference-perf demos/kubecon-na-2025, stage 3.
    const INFERENCE_PERF: &str = r#"{"load_summary": {"count": 960, "requested_rate": 16.0,
        "achieved_rate": 16.002}, "successes": {"count": 960, "latency": {"request_latency":
        {"mean": 7.6302, "median": 5.4377}, "time_per_output_token": {"mean": 0.0175},
        "time_to_first_token": {"mean": 0.0975}}, "throughput": {"input_tokens_per_sec": 2763.09,
        "output_tokens_per_sec": 2673.73, "total_tokens_per_sec": 5436.82, "requests_per_sec":
        12.6741}, "prompt_len": {"mean": 218.01}, "output_len": {"mean": 210.96}},
        "failures": {"count": 0, "request_latency": null, "prompt_len": null}}"#;

    fn only(text: &str) -> MeasuredPoint {
        let points = read_benchmark(text).unwrap();
        assert_eq!(points.len(), 1);
        points[0]
    }

    #[track_caller]
    fn near(found: f64, expected: f64) {
        assert!((found / expected - 1.0).abs() < 1e-3, "{found} is not {expected}");
    }

    #[test]
    fn of_vllm() {
        let it = only(VLLM);
        near(it.prompt_tokens, 997.44);
        near(it.completion_tokens, 1_000.0);
        near(it.output_tokens_per_s, 2_425.01);
        near(it.ttft_s, 0.060_77);
        near(it.tpot_s.unwrap(), 0.006_31);
        // 2.4248 x (0.0608 + 999 x 0.00631) = 15.4 of the 16 that were asked for.
        near(it.concurrency, 15.432);
    }

    #[test]
    fn of_guidellm() {
        let it = only(GUIDELLM);
        near(it.concurrency, 7.9);
        near(it.tpot_s.unwrap(), 0.015_2);
        near(it.requests_per_s, 4.0);
    }

    /// Tokens a second of one request: 2,673.73 / 96.7 = 27.6, so 36 ms a token, not the 17.5 the
    /// file calls time per output token.
    #[test]
    fn of_inference_perf() {
        let it = only(INFERENCE_PERF);
        near(it.concurrency, 96.706);
        near(it.tpot_s.unwrap(), 0.035_877);
        near(it.tpot_s.unwrap() * it.output_tokens_per_s / it.concurrency, 0.992);
    }

    #[test]
    fn lines_are_a_sweep() {
        let lines = format!("{}\n{}\n", VLLM.replace('\n', " "), VLLM.replace('\n', " "));
        assert_eq!(read_benchmark(&lines).unwrap().len(), 2);
    }

    #[test]
    fn what_is_no_result() {
        let check = |text: &str, expected: &str| {
            assert_eq!(read_benchmark(text).unwrap_err().to_string(), expected);
        };
        let unknown = BenchmarkError::Unknown.to_string();
        check("", &unknown);
        check("{}", &unknown);
        check("[1]", &unknown);
        check(
            &VLLM.replace("\"mean_tpot_ms\"", "\"mean_tpot\""),
            "result 1 of vllm bench serve: missing field `mean_tpot_ms`",
        );
        check(
            &VLLM.replace("\"completed\": 100", "\"completed\": 0"),
            "result 1 of vllm bench serve: no request succeeded",
        );
        assert!(matches!(read_benchmark("{\"benchmarks\": "), Err(BenchmarkError::NotJson { .. })));
    }
}
