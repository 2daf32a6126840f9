//! The recipes: whole, safe to paste, without a secret, and the same in the documentation.

use std::io::Write;
use std::process::{Command, Stdio};

use super::recipe::{Lang, Recipe, recipe, topics};
use super::*;

fn october() -> Window {
    Window::last_full_month("2026-11-05".parse().unwrap(), 60)
}

fn all() -> Vec<Recipe> {
    topics().into_iter().flat_map(|it| it.recipes).map(|it| it.filled(october())).collect()
}

fn shell_blocks(recipe: &Recipe) -> impl Iterator<Item = &str> {
    recipe.steps.iter().filter(|it| it.lang == Lang::Sh).map(|it| it.text.as_str())
}

#[test]
fn every_source_is_whole() {
    let all = all();
    let mut names: Vec<_> = all.iter().map(|it| it.name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(
        names,
        [
            "aws-ce",
            "aws-cur",
            "aws-focus",
            "azure",
            "gcp",
            "kubernetes",
            "litellm",
            "modal",
            "nvidia-smi",
            "oci",
            "opencost",
            "otel",
            "prometheus-dcgm",
            "prometheus-vllm",
            "request-log",
            "runpod"
        ]
    );
    for it in &all {
        let name = &it.name;
        for words in [&it.gives, &it.who, &it.takes, &it.size, &it.permission] {
            assert!(!words.is_empty(), "{name}");
        }
        assert!(!it.steps.is_empty() && !it.pitfalls.is_empty(), "{name}");
        assert!(it.reads_with.starts_with("gpuadvise analyze "), "{name}: {}", it.reads_with);
        let shown = show::script(it, october());
        let words = shown.split(|c: char| !(c.is_ascii_uppercase() || c == '@' || c == '_'));
        for word in words {
            let is_mark = word.len() > 2 && word.starts_with('@') && word.ends_with('@');
            assert!(!is_mark, "{name}: {word} stands for nothing");
        }
        for line in shown.lines() {
            assert!(line.chars().count() <= 100, "{name}: {line}");
        }
    }
}

/// The complaint of `sh -n` about a script; none where the machine has no sh.
fn complaint(script: &str) -> Option<String> {
    let mut sh =
        Command::new("sh").arg("-n").stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().ok()?;
    sh.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    let ended = sh.wait_with_output().unwrap();
    (!ended.status.success()).then(|| String::from_utf8_lossy(&ended.stderr).into_owned())
}

#[test]
fn every_block_and_script_is_shell() {
    for it in all() {
        for block in shell_blocks(&it) {
            assert_eq!(complaint(block), None, "{}: {block}", it.name);
            // zsh takes a pasted comment for a command.
            let comment = block.lines().find(|line| line.trim_start().starts_with('#'));
            assert_eq!(comment, None, "{}", it.name);
        }
        assert_eq!(complaint(&show::script(&it, october())), None, "{}", it.name);
    }
    if Command::new("sh").arg("-c").arg(":").status().is_ok() {
        assert!(complaint("while read -r a; do").is_some(), "the check can fail");
    }
}

#[test]
fn no_recipe_holds_a_secret() {
    for it in all() {
        let shown = show::script(&it, october());
        for start in ["sk-", "rpa_", "ak-", "AKIA", "ASIA", "ghp_", "eyJ", "password="] {
            for word in shown.split(|c: char| c.is_whitespace() || "'\"=/:".contains(c)) {
                assert!(!word.starts_with(start), "{}: {word}", it.name);
            }
        }
        for after in shown.split("Bearer ").skip(1) {
            assert!(after.starts_with('$'), "{}: a key is named, never written", it.name);
        }
    }
}

#[test]
fn the_gateway_keeps_its_keys_users_and_prompts() {
    let litellm = recipe("litellm", october()).unwrap();
    for block in shell_blocks(&litellm) {
        let words: Vec<_> =
            block.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).collect();
        for column in [
            "api_key",
            "user",
            "end_user",
            "requester_ip_address",
            "metadata",
            "messages",
            "response",
            "proxy_server_request",
            "cache_key",
            "session_id",
        ] {
            assert!(!words.contains(&column), "{column} in {block}");
        }
        assert!(!block.contains('*'), "every column is named");
    }
}

#[test]
fn no_range_query_is_refused() {
    for name in ["prometheus-dcgm", "prometheus-vllm"] {
        for (step_s, n_chunks) in [(60, 5), (15, 31), (1, 248)] {
            let window = Window::last_full_month("2026-11-05".parse().unwrap(), step_s);
            let found = recipe(name, window).unwrap();
            // Name of the part, first and last instant.
            let parts = |line: &&str| line.starts_with("202610") && line.split(' ').count() == 3;
            let lines = found.steps[0].text.lines().filter(parts).count();
            // 31 days: 4 weeks and a rest; a day each; 8 times 3 hours a day.
            assert_eq!(lines, n_chunks, "{name} by {step_s} s");
            assert!(found.steps[0].text.contains(&format!("\"step={step_s}\"")));
        }
    }
}

#[test]
fn an_unknown_source_names_near_ones() {
    for (word, expected) in [
        ("runpodd", &["runpod"][..]),
        ("aws", &["aws-focus", "aws-cur", "aws-ce"]),
        ("vllm", &["prometheus-vllm"]),
        ("prometheus", &["prometheus-vllm", "prometheus-dcgm"]),
        ("Kubernets", &["kubernetes"]),
        ("nginx", &["request-log"]),
        ("zzz", &[]),
    ] {
        assert_eq!(recipe(word, october()).unwrap_err(), expected, "{word}");
    }
    let failure = commands("runpodd", october(), Format::Table).unwrap_err();
    assert_eq!(failure.status, ExitStatus::Usage);
    assert_eq!(failure.error.to_string(), "no source `runpodd`");
    assert_eq!(failure.hint.as_deref(), Some("did you mean runpod? `gpuadvise collect` lists all"));
}

#[test]
fn formats_and_the_window_of_the_command_line() {
    let args = |dates: Option<[&str; 2]>| CollectArgs {
        source: None,
        start: dates.map(|it| it[0].parse().unwrap()),
        end: dates.map(|it| it[1].parse().unwrap()),
        step: 60,
    };
    let as_of = Timestamp::parse("2026-11-05T10:00:00Z", Tz::UTC).unwrap();
    assert_eq!(window(&args(None), Some(as_of)).unwrap(), october());
    assert!(window(&args(None), None).is_ok(), "the clock stands in");
    let days = window(&args(Some(["2026-10-20", "2026-11-01"])), Some(as_of)).unwrap();
    assert_eq!(days.start().to_string(), "2026-10-20");
    let failure = window(&args(Some(["2026-10-20", "2026-10-20"])), None).unwrap_err();
    assert_eq!(failure.status, ExitStatus::Usage);
    for format in [Format::Csv, Format::Html] {
        assert!(list(format).is_err() && commands("modal", october(), format).is_err());
    }
    let json: serde_json::Value =
        serde_json::from_str(&commands("modal", october(), Format::Json).unwrap()).unwrap();
    assert_eq!(json["window"]["end"], "2026-11-01");
    assert_eq!(json["recipe"]["steps"][0]["lang"], "sh");
    assert_eq!(json["recipe"]["reads_with"], "gpuadvise analyze modal.csv --month=2026-10");
    let json: serde_json::Value = serde_json::from_str(&list(Format::Json).unwrap()).unwrap();
    assert_eq!(json.as_array().unwrap().len(), 16);
    assert_eq!(list(Format::Md).unwrap().lines().count(), 2 + 4 + 16);
}

#[test]
fn the_list_fits_a_terminal() {
    let shown = list(Format::Table).unwrap();
    assert!(shown.lines().all(|it| it.chars().count() <= 80), "{shown}");
    assert_eq!(shown, LIST);
}

#[test]
fn two_recipes_to_the_letter() {
    let days = Window::new("2026-10-20".parse().unwrap(), "2026-10-30".parse().unwrap(), 60);
    let shown = |name, window| commands(name, window, Format::Table).unwrap();
    assert_eq!(shown("modal", october()), MODAL);
    assert_eq!(shown("prometheus-dcgm", days.unwrap()), DCGM);
}

#[test]
fn the_page_has_every_recipe() {
    let page = include_str!("../../../docs/collect.md");
    for topic in topics() {
        assert!(page.contains(&format!("## {}\n", topic.question)), "{}", topic.question);
        for it in topic.recipes {
            let section = show::section(&it.filled(october()));
            assert!(page.contains(&section), "docs/collect.md has another recipe:\n{section}");
        }
    }
}

const LIST: &str = "\
SOURCE           WHO    TAKES       GIVES
What does it cost?
runpod           you    2 min       pods, endpoints, volumes in USD, by hour
modal            you    1 min       cost by app, environment and hour
azure            FinOps 1 day       cost details, actual and amortized, by day
gcp              FinOps 10 min      the detailed export: cost, credits, labels
oci              FinOps 5 min       FOCUS or cost reports, as Oracle writes them
aws-focus        FinOps 1 to 5 days FOCUS 1.2 by hour and resource (the best)
aws-cur          FinOps 15 min      CUR 2.0 by hour and resource, over Athena
aws-ce           you    5 min       Cost Explorer by day and usage type
Who asks for it?
prometheus-vllm  you    15 min      requests, tokens, queue, KV cache per engine
litellm          you    10 min      every request of the gateway, with tokens
otel             you    2 weeks     GenAI spans: one line a batch, no content
request-log      you    10 min      any request log; nginx as the example
What do the GPUs do?
prometheus-dcgm  you    15 min      activity, memory and power of each GPU
nvidia-smi       you    1 day       activity by GPU, without any monitoring
What runs where?
kubernetes       you    1 min       machine to pod to model: most of the config
opencost         you    10 min      cost of each pod by hour, idle apart
`gpuadvise collect SOURCE` prints its commands. None is run, nothing is sent.
A bill is enough to begin; requests and GPU activity make the advice firm.
";

const MODAL: &str = "\
# modal: cost by app, environment and hour
# Window: 2026-10-01 to 2026-11-01, end excluded, UTC (--start, --end)
# Who: you, 1 min
# Size: about 100 kB an app and month
# Needs: a logged-in modal client of the workspace
# Nothing was run. Keep it as a file for sh, or paste the lines without a #.

# 1. The report by hour, start included, end excluded, both UTC
modal billing report --start 2026-10-01 --end 2026-11-01 --resolution h --csv > modal.csv

# Beware:
# - Only whole intervals are reported: the running hour is missing. An hour
#   without a row had no use.
# - Cost only: neither GPU type nor GPU-hours. Say the GPU in gpuadvise.toml.

# Then:
#   gpuadvise analyze modal.csv --month=2026-10
";

const DCGM: &str = r#"# prometheus-dcgm: activity, memory and power of each GPU
# Window: 2026-10-20 to 2026-10-30, end excluded, UTC (--start, --end)
# Who: you, 15 min
# Size: about 7 MB a GPU and month at 60 s
# Needs: read access to the Prometheus HTTP interface
# Nothing was run. Keep it as a file for sh, or paste the lines without a #.

# 1. Every metric and chunk, with no aggregation, into prom/ (step 60 s)
: "${PROMETHEUS_URL:?such as http://localhost:9090}"
mkdir -p prom
while read -r part from to; do
  for metric in DCGM_FI_DEV_GPU_UTIL DCGM_FI_PROF_GR_ENGINE_ACTIVE \
    DCGM_FI_PROF_PIPE_TENSOR_ACTIVE DCGM_FI_PROF_DRAM_ACTIVE DCGM_FI_PROF_SM_ACTIVE \
    DCGM_FI_DEV_FB_USED DCGM_FI_DEV_FB_FREE DCGM_FI_DEV_POWER_USAGE
  do
    curl --fail --silent --show-error --get "$PROMETHEUS_URL/api/v1/query_range" \
      --data-urlencode "query=$metric" --data-urlencode "start=$from" \
      --data-urlencode "end=$to" --data-urlencode "step=60" \
      --output "prom/dcgm-$metric-$part.json" || break 2
  done
done <<'EOF'
20261020T000000Z 2026-10-20T00:00:00Z 2026-10-26T23:59:00Z
20261027T000000Z 2026-10-27T00:00:00Z 2026-10-29T23:59:00Z
EOF

# Beware:
# - Prometheus keeps 15 days by default: what is older comes back empty, not
#   as an error. Ask soon, or for a window that reaches to today.
# - More than 11,000 points a series are refused: the window is cut into
#   chunks of whole weeks, days or hours that neither overlap nor leave a gap.
# - GPU_UTIL says that a kernel ran, not how much of the GPU it used; it is 0
#   on MIG. GR_ENGINE_ACTIVE and PIPE_TENSOR_ACTIVE say more; SM_ACTIVE is off
#   by default and then comes back empty.
# - FB_USED is high on an idle vLLM, which reserves memory at the start:
#   memory is not activity.
# - `pod` may be the exporter and `exported_pod` the workload (dcgm-exporter
#   issue 340), and the labels vanish at times (issue 342): join on UUID and
#   time.
# - Pods that share a GPU by time slicing all show the whole device (issue
#   587): add up by UUID, not by pod.
# - Each point is the last value before it: a step above 60 s misses short
#   bursts; counters lose nothing.
# - Where Prometheus asks for a login, add: --header "Authorization: Bearer
#   $PROMETHEUS_TOKEN"

# Then:
#   gpuadvise analyze 'prom/dcgm-*.json' --since=2026-10-20 --until=2026-10-30
"#;
