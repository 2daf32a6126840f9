//! A launch plan against what the user runs already: the file with the flags of the plan, as a unified diff.
//!
//! Only values are touched: the words of the file are found where they stand, whether it is a shell line, a
//! manifest or a list of JSON, and everything else stays as it was.

mod edit;
mod words;

use similar::TextDiff;

use super::quote::{comment, secret_line, sh};
use super::text::Text;
use super::{Fleet, Launch, LaunchError, Serve, What};
use edit::Edits;
use words::{Word, words};

/// Flags of vLLM by which a command is known as its own.
const OWN: [&str; 10] = [
    "--tensor-parallel-size",
    "-tp",
    "--max-model-len",
    "--max-num-seqs",
    "--max-num-batched-tokens",
    "--gpu-memory-utilization",
    "--kv-cache-dtype",
    "--served-model-name",
    "--quantization",
    "--enforce-eager",
];

/// Other names of flags.
const SHORT: [(&str, &str); 4] = [
    ("--tensor-parallel-size", "-tp"),
    ("--pipeline-parallel-size", "-pp"),
    ("--quantization", "-q"),
    ("--tensor-parallel-size", "--tensor_parallel_size"),
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
    let found = words(text);
    let n_servers = servers(&found);
    let is_own = found.iter().any(|it| OWN.contains(&it.flag()));
    if n_servers == 0 && !is_own {
        return Err(no("no `vllm serve` and no flag of vLLM is in it"));
    }
    if n_servers > 1 {
        return Err(no(&format!(
            "it starts vLLM {n_servers} times, and which of them is meant cannot be told"
        )));
    }
    let mut edits = Edits::new(text, &found);
    image(&mut edits, launch, serve);
    model(&mut edits, &found, serve, checkpoint);
    flags(&mut edits, serve);
    counts(&mut edits, launch, serve);
    let (new, changes) = edits.done();
    let diff = TextDiff::from_lines(text, &new);
    let diff = diff.unified_diff().context_radius(3).header(name, name).to_string();
    let out = shown(launch, name, &changes, &diff);
    match secret_line(&added(&diff)) {
        Some(line) => Err(LaunchError::Token { line }),
        None => Ok(out),
    }
}

/// The lines that the plan adds. What the user's file holds is the user's, and is never added.
fn added(diff: &str) -> String {
    let lines = diff.lines().filter(|it| it.starts_with('+'));
    lines.collect::<Vec<_>>().join("\n")
}

/// How often vLLM is started.
fn servers(found: &[Word<'_>]) -> usize {
    let next = |at: usize| found.get(at + 1).map_or("", |it| it.text);
    let starts = |(at, word): (usize, &Word<'_>)| {
        let program = word.text.rsplit('/').next().unwrap_or_default();
        (program == "vllm" && next(at) == "serve")
            || word.text == "vllm.entrypoints.openai.api_server"
    };
    found.iter().enumerate().filter(|it| starts(*it)).count()
}

fn image(edits: &mut Edits<'_>, launch: &Launch, serve: &Serve) {
    let is_vllm = |it: &&Word<'_>| {
        let name = it.text.split([':', '@']).next().unwrap_or_default();
        name.ends_with("/vllm-openai") || name.ends_with("/vllm")
    };
    let Some(word) = edits.found().iter().find(is_vllm).copied() else { return };
    let why = match &launch.image {
        Some(it) => format!("{}, the version that was sized, by its full tag", it.version),
        None => "the image that was named".to_owned(),
    };
    edits.replace("image", word, &serve.image, &why);
}

/// The checkpoint: the word after `serve`, or the value of `--model`.
fn model(edits: &mut Edits<'_>, found: &[Word<'_>], serve: &Serve, checkpoint: &str) {
    let after =
        found.windows(2).position(|it| it[0].text.ends_with("vllm") && it[1].text == "serve");
    let alone = after.and_then(|at| found.get(at + 2)).filter(|it| !it.text.starts_with('-'));
    let named = edits.value_of(&["--model", "--model_tag"]);
    // An image whose entrypoint is the server has the model as the first of its arguments.
    let first = || {
        let name = |it: &str| it.to_lowercase().rsplit('/').next().map(str::to_owned);
        let is_model = |at: &usize| {
            let word = &found[*at];
            let is_name = *at > 0 && found[*at - 1].flag() == "--served-model-name";
            word.text.contains('/')
                && !word.text.starts_with('-')
                && !is_name
                && name(word.text) == name(&serve.model)
        };
        (0..found.len()).find(is_model).and_then(|at| found.get(at))
    };
    if found.iter().any(|it| it.text == checkpoint) && checkpoint != serve.model {
        return;
    }
    if let Some(word) = alone.or(named.as_ref()).or_else(first).copied() {
        let why = format!("{} in {}, as it was sized", serve.model, serve.deployment.precision);
        edits.replace("model", word, checkpoint, &why);
    }
}

fn flags(edits: &mut Edits<'_>, serve: &Serve) {
    for flag in serve.flags() {
        let names: Vec<&str> =
            SHORT.iter().filter(|it| it.0 == flag.name).map(|it| it.1).chain([flag.name]).collect();
        let value = flag.value.as_deref().unwrap_or_default();
        match edits.value_of(&names) {
            Some(word) if same(flag.name, word.text, value) => {}
            Some(word) => edits.replace(flag.name, word, value, &flag.why),
            None if is_default(flag.name, value, serve) => {}
            None => edits.insert(flag.name, value, &flag.why),
        }
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
        edits.remove(
            &["--enforce-eager"],
            false,
            "it was sized with CUDA graphs, without which a token takes longer",
        );
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
fn counts(edits: &mut Edits<'_>, launch: &Launch, serve: &Serve) {
    let gpus = launch.gpus_per_replica.to_string();
    for key in ["nvidia.com/gpu:", "amd.com/gpu:"] {
        for word in edits.after_key(key) {
            edits.replace(
                key.trim_end_matches(':'),
                word,
                &gpus,
                "GPUs of a replica, over which its layers are split",
            );
        }
    }
    if let Fleet::Fixed { instances } = &launch.fleet {
        let n = (instances * launch.copies()).to_string();
        if let [word] = edits.after_key("replicas:").as_slice() {
            edits.replace("replicas", *word, &n, "instances of the plan x replicas on each");
        }
    }
    let product = launch.names.as_ref().and_then(|it| it.kubernetes.clone());
    if let (Some(product), [word]) =
        (product, edits.after_key("nvidia.com/gpu.product:").as_slice())
    {
        edits.replace("nvidia.com/gpu.product", *word, &product, "the GPU that was sized");
    }
    for word in edits.after_key("terminationGracePeriodSeconds:") {
        let grace = serve.shutdown_s + 30;
        if word.text.parse::<u32>().is_ok_and(|it| it < grace) {
            edits.replace(
                "terminationGracePeriodSeconds",
                word,
                &grace.to_string(),
                "requests in progress end before the pod is killed",
            );
        }
    }
}

fn shown(launch: &Launch, name: &str, changes: &[edit::Change], diff: &str) -> String {
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
    if changes.is_empty() {
        text.note(0, "Nothing to change: it runs as the plan says.");
    }
    for it in changes {
        let from = it.old.as_deref().unwrap_or("not set");
        let to = it.new.as_deref().unwrap_or("left out");
        text.note(0, &format!("{}: {} -> {}: {}", it.what, comment(from), comment(to), it.why));
    }
    if let Fleet::Scheduled { .. } | Fleet::Scaled(_) = &launch.fleet {
        text.note(0, "When how many replicas run is not in this file: gpuadvise launch without --against has it.");
    }
    text.line(0, "#");
    text.note(0, "Apply: patch --strip=0 <THIS. Roll back: patch --strip=0 --reverse <THIS, and start it again.");
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
