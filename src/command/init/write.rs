//! The text of the config: comments that say what was found, and lines that only lack a value.

use super::Draft;
use super::found::{Inferred, Sources};
use super::unmapped::Unmapped;
use crate::ingest::{Fate, Ingested};
use crate::report::{self, Analysed, Blank, BlankKey};
use crate::units::Currency;
use crate::workload::{Demand, Shape};

/// Columns of a line of prose.
const WIDTH: usize = 100;
/// Blanks named at the top.
const MOST_AT_TOP: usize = 5;
/// Rules written out; the rest is only counted.
const MOST_RULES: usize = 20;

/// The whole file.
pub(super) fn text(draft: &Draft<'_>) -> String {
    let mut page = Page(String::new());
    header(&mut page, draft);
    reporting(&mut page, draft);
    budget(&mut page, draft);
    if let Some(ingested) = &draft.reading.ingested {
        let sources = Sources::of(ingested);
        for it in &draft.workloads {
            workload(&mut page, draft, it, &sources);
        }
        rules(&mut page, draft, ingested);
    }
    for log in &draft.reading.unmapped {
        mapping(&mut page, log);
    }
    page.0
}

/// Lines being written; nothing from the data ends a comment or hides in it.
struct Page(String);

impl Page {
    fn blank(&mut self) {
        self.0.push('\n');
    }

    /// A line of TOML.
    fn line(&mut self, text: &str) {
        self.0.push_str(text);
        self.0.push('\n');
    }

    /// Prose, on as many lines as it takes.
    fn prose(&mut self, text: &str) {
        let mut line = "#".to_owned();
        for word in report::plain(text).split_whitespace() {
            if line.len() > 1 && line.chars().count() + 1 + word.chars().count() > WIDTH {
                self.line(&line);
                "#".clone_into(&mut line);
            }
            line.push(' ');
            line.push_str(word);
        }
        self.line(&line);
    }

    /// A setting that waits for its `#` to go, and why.
    fn setting(&mut self, key: &str, value: &str, note: &str) {
        let note = report::plain(note);
        let gap = if note.is_empty() { "" } else { "  # " };
        self.line(&format!("# {key} = {value}{gap}{note}"));
    }
}

fn header(page: &mut Page, draft: &Draft<'_>) {
    let names = &draft.reading.names;
    let files = match names.as_slice() {
        [] => "the data".to_owned(),
        [one] => one.clone(),
        [first, second] => format!("{first} and {second}"),
        [first, rest @ ..] => format!("{first} and {} more files", rest.len()),
    };
    let window = draft.reading.ingested.as_ref().map_or(String::new(), |it| {
        if it.relative {
            return format!(", {:.1} hours from the start of the log", it.window.hours());
        }
        let last = it.window.end().plus_us(-1);
        format!(", {} to {}", it.window.start().to_date_string(), last.to_date_string())
    });
    page.prose(&format!(
        "The config of gpuadvise for {files}{window}. Written by `gpuadvise init`."
    ));
    page.line("#");
    page.prose(
        "As it stands it changes nothing. A line marked `inferred` is what every run finds in the data by \
         itself: take its # away to hold on to the value. A line under BLANK is what only you know: fill it \
         in and take its # away. docs/config.md has every key with an example.",
    );
    if draft.blanks.is_empty() {
        return;
    }
    page.line("#");
    page.prose("The blanks that touch the most spend, which is no saving:");
    for (at, blank) in draft.blanks.iter().take(MOST_AT_TOP).enumerate() {
        page.prose(&format!("{}. {}{}", at + 1, blank.place(), touches(draft, blank, ", ")));
    }
    if draft.blanks.len() > MOST_AT_TOP {
        page.prose(&format!("and {} more below", draft.blanks.len() - MOST_AT_TOP));
    }
}

/// What of a month's cost a blank touches, after `before`.
fn touches(draft: &Draft<'_>, blank: &Blank, before: &str) -> String {
    let currency = draft.reading.ingested.as_ref().map(|it| it.reconciliation.currency);
    match (blank.worth, currency) {
        (Some(worth), Some(currency)) => {
            format!("{before}{} {currency} a month", report::money(worth))
        }
        _ => String::new(),
    }
}

/// `[report]` and `[fx]`.
fn reporting(page: &mut Page, draft: &Draft<'_>) {
    page.blank();
    page.line("[report]");
    match (draft.zone, &draft.offset) {
        (Some(zone), _) => {
            page.line(&format!("time_zone = {}  # as given", report::toml_string(zone.name())));
        }
        (None, Some(carried)) => {
            page.prose(&format!(
                "The times in {} carry {}: name the place, such as Europe/Berlin, if its clocks change.",
                carried.file,
                carried.shown()
            ));
            let zone = carried.zone().unwrap_or_default();
            page.setting("time_zone", &report::toml_string(&zone), "inferred from those times");
        }
        (None, None) => {
            page.setting(
                "time_zone",
                "\"UTC\"",
                "zone of day profiles and of times without an offset",
            );
        }
    }
    let Some(ingested) = draft.reading.ingested.as_ref() else { return };
    let account = &ingested.reconciliation;
    if draft.reading.unrated.is_empty() {
        let totals = &account.line.totals;
        if totals.billed.or(totals.effective).is_some() {
            let currency = report::toml_string(account.currency.as_str());
            page.setting("currency", &currency, "inferred from the amounts");
        }
        return;
    }
    let mut to = account.currency;
    let found: Vec<Currency> = account.by_currency.iter().map(|it| it.currency).collect();
    if found.contains(&Currency::USD) {
        to = Currency::USD;
    }
    let billed: Vec<String> = account
        .by_currency
        .iter()
        .filter_map(|it| Some(format!("{} {}", report::money(it.line.totals.billed?), it.currency)))
        .collect();
    page.prose(&format!(
        "The files bill {}: until each currency but one has a rate, amounts cannot be added and runs stop.",
        billed.join(" and ")
    ));
    page.setting("currency", &report::toml_string(to.as_str()), "of the report");
    page.blank();
    page.line("[fx]");
    for currency in found.into_iter().filter(|it| *it != to) {
        let what = format!("{to} for one {currency}");
        page.setting(currency.as_str(), "\"\"", &what);
    }
}

/// `[budget]`, where amounts are known that it could be held against.
fn budget(page: &mut Page, draft: &Draft<'_>) {
    let Some(ingested) = draft.reading.ingested.as_ref() else { return };
    let totals = &ingested.reconciliation.line.totals;
    if !draft.reading.unrated.is_empty() || totals.billed.or(totals.effective).is_none() {
        return;
    }
    page.blank();
    page.prose(
        "What no data show: what may be spent, and, in a [workload.NAME.future] of its own, when a workload \
         ends, moves or grows.",
    );
    page.line("[budget]");
    let note = format!("{} of all workloads in a month", ingested.reconciliation.currency);
    page.setting("monthly", "\"\"", &note);
    page.blank();
    page.prose(
        "An [email] table names who gets the report by mail, each owner only their own workloads: docs/email.md. No \
         password belongs in this file.",
    );
}

fn workload(page: &mut Page, draft: &Draft<'_>, it: &Analysed, sources: &Sources<'_>) {
    let workload = &it.workload;
    let totals = &workload.totals;
    page.blank();
    let mut facts = Vec::new();
    if let Some(cost) = totals.effective_cost {
        facts.push(format!("{} {} effective", report::money(cost), cost.currency()));
    }
    if let Some(hours) = totals.gpu_hours {
        facts.push(format!("{} GPU-hours", report::measure(hours)));
    }
    if let Some(requests) = totals.requests {
        facts.push(format!("{} requests", report::count(requests)));
    }
    facts.push(format!("{}, {}", it.description.class.shape, it.description.class.kind.as_str()));
    page.prose(&facts.join(" · "));
    let evidence = sources.evidence(workload);
    if !evidence.is_empty() {
        page.prose(&format!("Found: {}.", evidence.join(", ")));
    }
    if workload.deployment.mixed {
        page.prose(
            "The rows name more than one GPU, provider or way of buying: below is what most of the cost is \
             for.",
        );
    }
    if matches!(workload.demand, Demand::Unknown) {
        page.prose(
            "Only its cost is known: requests, GPU-hours or metrics of it are needed before any advice. \
             gpuadvise collect prints the commands that export them.",
        );
    }
    page.line(&format!("[workload.{}]", report::toml_key(&workload.name)));
    let blanks: Vec<(usize, &Blank)> = draft
        .blanks
        .iter()
        .enumerate()
        .filter(|(_, blank)| blank.workload.as_ref() == Some(&workload.name))
        .collect();
    for (at, blank) in &blanks {
        unknown(page, draft, (it, sources), (*at, blank));
    }
    let is_blank = |key: &str| blanks.iter().any(|(_, it)| it.key.as_str() == key);
    for Inferred { key, value, from } in sources.inferred(it) {
        if !is_blank(key) {
            page.setting(key, &value, &format!("inferred from {from}"));
        }
    }
    if workload.owner.is_none() {
        page.setting("owner", "\"\"", "who answers for it: the data name nobody");
    }
    if it.description.class.shape == Shape::Idle {
        let note =
            "nothing asked for it; if it is kept ready on purpose, it is not advised to stop";
        page.setting("purpose", "\"standby\"", note);
    }
}

/// A blank with its reason. A value that was forgotten is refused by the next run.
fn unknown(
    page: &mut Page,
    draft: &Draft<'_>,
    (it, sources): (&Analysed, &Sources<'_>),
    (at, blank): (usize, &Blank),
) {
    let touches = touches(draft, blank, ", ");
    page.prose(&format!("BLANK {}{touches}: {}.", at + 1, blank.why));
    let models = sources.models(&it.workload).join(", ");
    let (value, note) = match blank.key {
        BlankKey::Model if !models.is_empty() => {
            ("\"\"", format!("a Hugging Face id; the log says {models}"))
        }
        BlankKey::Model => ("\"\"", "such as meta-llama/Meta-Llama-3.1-8B".to_owned()),
        BlankKey::Slo => return page.setting("slo", &limits(it), "the limits that are assumed"),
        BlankKey::Rule => return,
        key => empty(key),
    };
    page.setting(blank.key.as_str(), value, &note);
}

/// A value that no run takes, and what belongs in its place.
fn empty(key: BlankKey) -> (&'static str, String) {
    let (value, note) = match key {
        BlankKey::Gpu => ("\"\"", "such as H100 SXM5; gpuadvise prices list has them"),
        BlankKey::ServiceTimeS => ("0.0", "seconds; max_num_seqs says how many at once"),
        BlankKey::GpuCount => ("0", "GPUs billed at once"),
        BlankKey::Provider => ("\"\"", "such as aws, gcp, runpod"),
        BlankKey::Kind => ("\"\"", "training, fine_tuning, batch_inference or real_time_inference"),
        BlankKey::Task => {
            let tasks =
                "chat, rag, summarization, generation, translation, extraction, classification ...";
            ("\"\"", tasks)
        }
        BlankKey::Dtype => ("\"\"", "such as bfloat16, float16, fp8"),
        BlankKey::ColdStartS => ("0.0", "seconds from start to ready, as measured"),
        BlankKey::Model | BlankKey::Slo | BlankKey::Rule => ("\"\"", ""),
    };
    (value, note.to_owned())
}

/// The limits that are assumed, as the config writes them.
fn limits(it: &Analysed) -> String {
    let slo = it.recommendation.slo;
    let time = |seconds: f64| {
        let ms = (seconds * 1e3).round();
        if ms % 1e3 == 0.0 { format!("\"{}s\"", ms / 1e3) } else { format!("\"{ms}ms\"") }
    };
    let limit = |key: &str, seconds: Option<f64>| seconds.map(|it| format!("{key} = {}", time(it)));
    let mut limits = vec![limit("ttft_p95", slo.ttft_p95_s), limit("tpot_p95", slo.tpot_p95_s)];
    limits.push(Some(format!("attainment = {:?}", slo.attainment.get())));
    let limits: Vec<String> = limits.into_iter().flatten().collect();
    format!("{{ {} }}", limits.join(", "))
}

/// Rules for GPUs that are in no workload.
fn rules(page: &mut Page, draft: &Draft<'_>, ingested: &Ingested) {
    let account = &ingested.reconciliation;
    let of_rules = draft.blanks.iter().enumerate().filter(|(_, it)| it.key == BlankKey::Rule);
    let all: Vec<(usize, &Blank)> = of_rules.collect();
    for (at, blank) in all.iter().take(MOST_RULES) {
        let Some(resource) = &blank.resource else { continue };
        page.blank();
        let touches = touches(draft, blank, ", ");
        page.prose(&format!("BLANK {}{touches}: {}.", at + 1, blank.why));
        page.line("# [[rule]]");
        page.setting("resource_id", &report::toml_string(&pattern(resource)), "");
        page.setting("workload", "\"\"", "the name you give it; owner and environment may follow");
    }
    if all.len() > MOST_RULES {
        page.blank();
        let more = all.len() - MOST_RULES;
        page.prose(&format!(
            "{more} more resources are in no workload: gpuadvise ingest lists them."
        ));
    }
    let nameless =
        account.unmatched.iter().any(|it| it.fate == Fate::Unassigned && it.what.is_none());
    if nameless {
        page.blank();
        page.prose(
            "Some GPUs in no workload are billed without a resource: a [[rule]] on tags, sub_account, region or \
             service can claim them. gpuadvise ingest lists them.",
        );
    }
}

/// A pattern that means these characters and no others.
fn pattern(text: &str) -> String {
    let escaped = glob::Pattern::escape(text);
    // Between slashes it would be a regular expression.
    match escaped.strip_prefix('/') {
        Some(rest) if rest.ends_with('/') => format!("[/]{rest}"),
        _ => escaped,
    }
}

/// A log that was not read.
fn mapping(page: &mut Page, log: &Unmapped) {
    page.blank();
    page.prose(&format!("{} was not read: no known format has its columns.", log.file));
    page.prose(&format!("They are: {}.", log.columns));
    page.prose(
        "If it is a log of requests, say what they mean: timestamp, and what there is of timestamp_format, \
         prompt_tokens, completion_tokens, workload_column, model, status, latency_s or latency_ms, ttft_s or \
         ttft_ms.",
    );
    page.line("# [[mapping]]");
    page.setting("file", &report::toml_string(&glob::Pattern::escape(&log.file)), "");
    if log.candidates.iter().all(|it| it.0 != "timestamp") {
        page.setting("timestamp", "\"\"", "which of the columns is the time of a request?");
    }
    for (key, column) in &log.candidates {
        page.setting(key, &report::toml_string(column), "by its name: look at it");
    }
}
