//! A launch plan against what the user runs already: the file with the flags of the plan, as a unified diff.
//!
//! Only values are touched: the words of the one command that starts vLLM are found where they stand, whether it is
//! a shell line, a list of YAML or an array of JSON, and a few keys of the same document. What is filled in from
//! elsewhere, or not in the file, is named to be changed by hand.

mod edit;
mod words;

use regex::Regex;
use similar::TextDiff;

use super::quote::{comment, secret_line, sh};
use super::text::Text;
use super::{Fleet, Launch, LaunchError, Serve, What};
use crate::catalog::Vendor;
use edit::Edits;
use words::{Command, Word, command};

/// Other names of flags.
const SHORT: [(&str, &str); 3] = [
    ("--tensor-parallel-size", "-tp"),
    ("--pipeline-parallel-size", "-pp"),
    ("--quantization", "-q"),
];

/// The diff from `text` to the plan, with its reasons before it; `name` is what the file is called.
pub fn against(launch: &Launch, text: &str, name: &str) -> Result<String, LaunchError> {
    let no = |what: &str| LaunchError::Against { what: format!("{name}: {what}") };
    let What::Serve(serve) = &launch.what else {
        return Err(no("the plan does not serve with vLLM, so there are no flags to compare"));
    };
    let Some(checkpoint) = &serve.checkpoint else {
        return Err(no(&format!(
            "the plan serves {}: name it with --checkpoint ORGANIZATION/NAME",
            serve.asks_checkpoint().unwrap_or("a checkpoint")
        )));
    };
    if let Some(line) = secret_line(text) {
        return Err(no(&format!(
            "line {line} has a token: move it to a secret or the environment first"
        )));
    }
    let found = command(text).map_err(no)?;
    if launch.gpu.vendor == Vendor::Amd && text.contains("nvidia.com/") {
        return Err(no(
            "it asks for NVIDIA GPUs, and the plan runs on AMD's: write it anew with --target",
        ));
    }
    let document = document(text, found.words.first().map_or(0, |it| it.start));
    let mut edits = Edits::new(text, &found);
    image(&mut edits, (text, &document), launch, serve);
    model(&mut edits, &found, serve, checkpoint);
    flags(&mut edits, serve);
    counts(&mut edits, (text, &document), launch, serve);
    let (new, changes, by_hand) =
        edits.done().ok_or_else(|| no("two changes would meet at one place in it"))?;
    let diff = TextDiff::from_lines(text, &new);
    // `patch` refuses names outside its folder.
    let base = name.rsplit('/').next().unwrap_or(name);
    // A tab ends a name with spaces in it, as diff and patch have it.
    let base = if base.contains(' ') { format!("{base}\t") } else { base.to_owned() };
    let diff = diff.unified_diff().context_radius(3).header(&base, &base).to_string();
    let out = shown(launch, name, (&changes, &by_hand), &diff);
    match secret_line(&out) {
        Some(line) => Err(LaunchError::Token { line }),
        None => Ok(out),
    }
}

/// The document of YAML around a place; of another text all of it.
fn document(text: &str, at: usize) -> std::ops::Range<usize> {
    let marks = text.match_indices("\n---").map(|it| it.0 + 1);
    let start = marks.clone().filter(|it| *it <= at).last().unwrap_or(0);
    let end = marks.into_iter().find(|it| *it > at).unwrap_or(text.len());
    start..end
}

/// The values of a key of YAML or JSON in a document, comments left out.
fn values<'a>(text: &'a str, document: &std::ops::Range<usize>, key: &str) -> Vec<Word<'a>> {
    let pattern =
        format!(r#"(?:^|[\s{{,])["']?{}["']?\s*:\s*["']?([^\s"',}}]+)"#, regex::escape(key));
    let Ok(pattern) = Regex::new(&pattern) else { return Vec::new() };
    let part = text.get(document.clone()).unwrap_or_default();
    let is_said = |at: usize| {
        let line = part.get(..at).and_then(|it| it.rsplit('\n').next()).unwrap_or_default();
        !line.contains('#')
    };
    pattern
        .captures_iter(part)
        .filter_map(|it| it.get(1))
        .filter(|it| is_said(it.start()))
        .map(|it| Word { text: it.as_str(), start: document.start + it.start() })
        .collect()
}

type Place<'a> = (&'a str, &'a std::ops::Range<usize>);

fn image(edits: &mut Edits<'_>, (text, document): Place<'_>, launch: &Launch, serve: &Serve) {
    let is_vllm = |it: &Word<'_>| {
        let name = it.text.split([':', '@']).next().unwrap_or_default();
        let last = name.rsplit('/').next().unwrap_or_default();
        last.starts_with("vllm-openai") || (last == "vllm" && name.contains('/'))
    };
    let of_key = values(text, document, "image").into_iter().find(is_vllm);
    let of_line = || {
        let all = words::words(text, document.clone());
        let runs = |at: usize| all.get(at).is_some_and(|it| it.text.contains("vllm-openai"));
        (0..all.len()).find(|at| runs(*at)).and_then(|at| all.get(at).copied())
    };
    let Some(word) = of_key.or_else(of_line) else { return };
    let why = match &launch.image {
        Some(it) => format!("{}, the version that was sized, by its full tag", it.version),
        None => "the image that was named".to_owned(),
    };
    edits.replace("image", word, &serve.image, &why);
}

/// The checkpoint: the word after `serve`, the value of `--model`, or the first word where the image starts the server.
fn model(edits: &mut Edits<'_>, found: &Command<'_>, serve: &Serve, checkpoint: &str) {
    let words = &found.words;
    let after = words.iter().position(|it| it.text == "serve").filter(|_| found.is_named);
    let alone = after.and_then(|at| words.get(at + 1)).filter(|it| !it.is_flag()).copied();
    let named = edits.value_of(&["--model", "--model-tag"]);
    let name = |it: &str| it.to_lowercase().rsplit('/').next().map(str::to_owned);
    let is_model = |at: usize| {
        let Some(word) = words.get(at) else { return false };
        let before = at.checked_sub(1).and_then(|it| words.get(it));
        let is_value = before.is_some_and(|it| it.is_flag() && !it.text.contains('='));
        word.text.contains('/')
            && !word.is_flag()
            && !is_value
            && name(word.text) == name(&serve.model)
    };
    let first = || (0..words.len()).find(|at| is_model(*at)).and_then(|at| words.get(at).copied());
    if words.iter().any(|it| it.text == checkpoint) && checkpoint != serve.model {
        return;
    }
    match alone.or(named).or_else(first) {
        Some(word) => {
            let why = format!("{} in {}, as it was sized", serve.model, serve.deployment.precision);
            edits.replace("model", word, checkpoint, &why);
        }
        None => {
            edits.by_hand(format!("the model is not in its command: it should be {checkpoint}"));
        }
    }
}

fn flags(edits: &mut Edits<'_>, serve: &Serve) {
    for flag in serve.flags() {
        let short = SHORT.iter().filter(|it| it.0 == flag.name).map(|it| it.1);
        let names: Vec<&str> = short.chain([flag.name]).collect();
        let value = flag.value.as_deref().unwrap_or_default();
        match edits.value_of(&names) {
            Some(word) if same(flag.name, word.text, value) => {}
            Some(word) => edits.replace(flag.name, word, value, &flag.why),
            None if is_default(flag.name, value, serve) => {}
            None => edits.insert(flag.name, value, &flag.why),
        }
    }
    if serve.deployment.pipeline_parallel_size == 1
        && let Some(word) = edits.value_of(&["--pipeline-parallel-size", "-pp"])
    {
        edits.replace("--pipeline-parallel-size", word, "1", "the plan has one stage");
    }
    if let Some(word) = edits.value_of(&["--data-parallel-size", "-dp"]) {
        edits.replace(
            "--data-parallel-size",
            word,
            "1",
            "replicas of the plan are processes of their own",
        );
    }
    let quantizes = serve.flags().iter().any(|it| it.name == "--quantization");
    if !quantizes
        && let Some(word) = edits.value_of(&["--quantization", "-q"])
        && crate::size::Precision::parse(word.text) != Some(serve.deployment.precision)
        && word.text != "compressed-tensors"
    {
        let why = "the checkpoint says its format itself, and another one given here is an error";
        edits.remove(&["--quantization", "-q"], true, why);
    }
    if !serve.deployment.enforce_eager {
        let why = "it was sized with CUDA graphs, without which a token takes longer";
        edits.remove(&["--enforce-eager"], false, why);
    }
}

/// Whether two values mean the same: numbers by their value, words by their letters.
fn same(flag: &str, old: &str, new: &str) -> bool {
    let number = |it: &str| it.parse::<f64>().ok();
    match (number(old), number(new)) {
        (Some(old), Some(new)) => (old - new).abs() < 1e-9,
        // What the clients call the model is theirs.
        _ => flag == "--served-model-name" || old == new || (old == "auto" && flag == "--dtype"),
    }
}

/// Whether a flag that is left out means this value already.
fn is_default(flag: &str, value: &str, serve: &Serve) -> bool {
    match flag {
        "--tensor-parallel-size" | "--pipeline-parallel-size" => value == "1",
        "--kv-cache-dtype" => value == "auto",
        "--dtype" => value != "float32",
        "--port" | "--max-num-batched-tokens" => true,
        "--served-model-name" => serve.checkpoint.as_ref() == Some(&serve.model),
        _ => false,
    }
}

/// Replicas and GPUs of a manifest.
fn counts(edits: &mut Edits<'_>, (text, document): Place<'_>, launch: &Launch, serve: &Serve) {
    let is_manifest = !values(text, document, "kind").is_empty();
    let gpus = launch.gpus_per_replica.to_string();
    let mut n_found = 0;
    for key in ["nvidia.com/gpu", "amd.com/gpu"] {
        for word in values(text, document, key) {
            n_found += 1;
            let why = "GPUs of a replica, over which its layers are split";
            edits.replace(key, word, &gpus, why);
        }
    }
    if is_manifest && n_found == 0 {
        edits.by_hand(format!("no number of GPUs is in it: a replica has {gpus}"));
    }
    if let Fleet::Fixed { instances } = &launch.fleet {
        let n = instances.saturating_mul(launch.copies()).to_string();
        match values(text, document, "replicas").as_slice() {
            [word] => {
                edits.replace("replicas", *word, &n, "instances of the plan x replicas on each");
            }
            _ if is_manifest => {
                edits
                    .by_hand(format!("which `replicas` is meant cannot be told: the plan has {n}"));
            }
            _ => {}
        }
    }
    let product = launch.names.as_ref().and_then(|it| it.kubernetes.clone());
    let label = values(text, document, "nvidia.com/gpu.product");
    if let (Some(product), [word]) = (product, label.as_slice()) {
        edits.replace("nvidia.com/gpu.product", *word, &product, "the GPU that was sized");
    }
    for word in values(text, document, "terminationGracePeriodSeconds") {
        let grace = serve.shutdown_s + 30;
        if word.text.parse::<u32>().is_ok_and(|it| it < grace) {
            let why = "requests in progress end before the pod is killed";
            edits.replace("terminationGracePeriodSeconds", word, &grace.to_string(), why);
        }
    }
}

fn shown(
    launch: &Launch,
    name: &str,
    (changes, by_hand): (&[edit::Change], &[String]),
    diff: &str,
) -> String {
    let advised = &launch.advised;
    let advice = &advised.workload.advice;
    let mut text = Text::new();
    let label = advised.label.as_deref().map_or_else(String::new, |it| format!("{it}, "));
    text.note(
        0,
        &format!(
            "{} against the launch plan of {}: advice {label}{}, grade {}",
            name, advised.workload.name, advice.id, advice.grade
        ),
    );
    text.note(0, &advice.summary);
    text.note(
        0,
        &format!("Before: gpuadvise preflight REPORT.json {}", sh(&advised.workload.name)),
    );
    text.line(0, "#");
    if changes.is_empty() && by_hand.is_empty() {
        text.note(0, "Nothing to change: it runs as the plan says.");
    }
    for it in changes {
        let from = it.old.as_deref().unwrap_or("not set");
        let to = it.new.as_deref().unwrap_or("left out");
        text.note(0, &format!("{}: {} -> {}: {}", it.what, comment(from), comment(to), it.why));
    }
    for it in by_hand {
        text.note(0, &format!("By hand: {}", comment(it)));
    }
    if let Fleet::Scheduled { .. } | Fleet::Scaled(_) = &launch.fleet {
        text.note(0, "When how many replicas run is not in this file: gpuadvise launch without --against has it.");
    }
    text.line(0, "#");
    text.note(0, "Apply in the folder of the file: patch --strip=0 <THIS. Roll back: patch --strip=0 --reverse <THIS, and start it again.");
    if !advice.undo.is_empty() {
        text.note(0, &format!("Undo: {}", advice.undo));
    }
    for check in &advice.verify {
        text.note(0, &format!("Accept from {}: {}: {}", check.date, check.metric, check.threshold));
    }
    let mut out = text.done();
    out.push_str(diff);
    out
}
