//! A workload, or its advice, explained from what it costs today to what would make it wrong.

mod also;

use serde_json::Value;

use super::Evidence;
use super::derive::Derivation;
use super::place::{Place, Step, places};
use super::recompute::cap;
use super::rows;
use super::shown::{LABEL, head};
use super::unit::Unit;
use crate::report::number::Medium;
use crate::report::terminal::cell::pad_right;
use crate::report::{TerminalStyle, clip, hanging, plain};
use crate::units::HOURS_PER_MONTH;

/// Numbers in a terminal.
const TERM: Medium = Medium::Terminal;
/// Longest text of a line.
const LONGEST: usize = 1000;
/// Fields of an advice that have lines of their own; any other is shown under its name.
pub(super) const OWN_LINES: [&str; 14] = [
    "id",
    "action",
    "plan_id",
    "summary",
    "monthly_savings",
    "interval",
    "probability_of_loss",
    "grade",
    "confidence",
    "reasons",
    "steps",
    "undo",
    "wrong_if",
    "decision",
];

/// All that is told of a workload.
#[derive(Clone, Debug)]
pub(super) struct Sheet<'a> {
    evidence: &'a Evidence,
    at: usize,
    /// Whether the advice comes first.
    pub(super) about_advice: bool,
    /// Every number with its derivation.
    pub(super) numbers: Vec<Derivation>,
    lines: Vec<(&'static str, String)>,
}

impl<'a> Sheet<'a> {
    pub(super) fn of(evidence: &'a Evidence, at: usize, about_advice: bool) -> Sheet<'a> {
        let mut it = Sheet { evidence, at, about_advice, numbers: Vec::new(), lines: Vec::new() };
        let what = it.what();
        it.push("WHAT IT IS", vec![what]);
        if about_advice {
            it.advice();
            it.today();
            it.plan_lines();
        } else {
            it.today();
            it.plan_lines();
            it.advice();
        }
        it.ends();
        it
    }

    fn workload(&self) -> &'a Value {
        self.evidence.workloads().get(self.at).unwrap_or(&Value::Null)
    }

    fn text(&self, pointer: &str) -> Option<String> {
        self.workload().pointer(pointer).and_then(Value::as_str).map(|it| self.prose(it))
    }

    fn list(&self, pointer: &str) -> Vec<String> {
        let list = self.workload().pointer(pointer).and_then(Value::as_array);
        list.into_iter().flatten().filter_map(Value::as_str).map(|it| self.prose(it)).collect()
    }

    /// A sentence of the report with its amounts rounded.
    fn prose(&self, text: &str) -> String {
        TERM.prose(&clip(&plain(text), LONGEST), self.evidence.currency)
    }

    fn push(&mut self, label: &'static str, texts: Vec<String>) {
        self.lines.extend(texts.into_iter().filter(|it| !it.is_empty()).map(|it| (label, it)));
    }

    /// The derivation of a number of the workload; nothing where it is not known.
    fn derived(&mut self, path: &str) -> Option<Derivation> {
        let own = [Step::Key("workloads".to_owned()), Step::At(self.at)];
        let found = places(&self.evidence.root, &own, &format!("workloads[].{path}"));
        let place: &Place<'_> = found.first().filter(|it| !it.value.is_null())?;
        let it = Derivation::of(self.evidence, place);
        self.numbers.push(it.clone());
        Some(it)
    }

    fn sentence(&mut self, path: &str, what: &str) -> Option<String> {
        self.derived(path).map(|it| it.sentence(what, TERM))
    }

    fn shown(&mut self, path: &str) -> Option<String> {
        self.derived(path).map(|it| it.shown(TERM))
    }

    fn what(&mut self) -> String {
        let words = |it: Option<String>| it.map(|it| it.replace('_', " "));
        let parts = ["/kind", "/shape", "/direction"].map(|it| words(self.text(it)));
        let sure = self.shown("class_confidence").map(|it| format!("{it} sure"));
        let who = ["/owner", "/environment"].map(|it| self.text(it));
        let parts: Vec<String> = parts.into_iter().chain([sure]).chain(who).flatten().collect();
        let why = self.list("/evidence").join(" ");
        format!("{}. {why}", parts.join(", ")).trim_end().to_owned()
    }

    fn today(&mut self) {
        let gpus = self.shown("baseline.gpu_count").map(|it| it.replace("GPUs", "x"));
        let fields = ["gpu", "provider", "region", "pricing_category", "model", "precision"];
        let fields = fields.map(|it| self.text(&format!("/baseline/{it}")));
        let what: Vec<String> = fields.into_iter().flatten().collect();
        let what = format!("{} {}", gpus.unwrap_or_default(), what.join(", "));
        let month = self.sentence("baseline.monthly_cost", " a month");
        let rate = self.sentence("baseline.rate_per_gpu_hour", " of a GPU");
        let source = self.text("/baseline/busy_source").map(|it| format!(", by {it}"));
        let busy = self.shown("baseline.busy_fraction");
        let busy = busy.map(|it| format!("busy {it}{}", source.unwrap_or_default()));
        let lines = [Some(what.trim().to_owned()), month, rate, busy];
        self.push("TODAY", lines.into_iter().flatten().collect());
        self.push("NOTE", self.notices());
        let units = [
            ("per_million_tokens", " per 1M tokens"),
            ("per_million_input_tokens", " per 1M prompt tokens, the whole cost"),
            ("per_million_output_tokens", " per 1M completion tokens, the whole cost"),
            ("per_thousand_requests", " per 1k requests"),
        ];
        let mut lines: Vec<String> = units
            .into_iter()
            .filter_map(|(key, what)| self.sentence(&format!("baseline.unit_cost.{key}"), what))
            .collect();
        let named = self.text("/baseline/unit_cost/per_unit/name").unwrap_or_default();
        lines.extend(self.sentence("baseline.unit_cost.per_unit.cost", &format!(" per {named}")));
        self.push("UNIT COST", lines);
    }

    /// What the report says must be known of the workload, such as the row its price is from.
    fn notices(&self) -> Vec<String> {
        let name = self.workload().get("name").and_then(Value::as_str).unwrap_or_default();
        let all = self.evidence.root.get("notices").and_then(Value::as_array);
        let texts = all.into_iter().flatten().filter_map(Value::as_str);
        let about = texts.filter_map(|it| it.split_once(": "));
        let about = about.filter(|it| it.0.split([',', ' ']).any(|word| word == name));
        about.map(|it| self.prose(it.1)).collect()
    }

    /// The plan that the advice names.
    pub(super) fn plan(&self) -> Option<&'a Value> {
        let id = self.workload().pointer("/advice/plan_id")?.as_str()?;
        let plans = self.workload().get("plans")?.as_array()?;
        plans.iter().find(|it| it.get("id").and_then(Value::as_str) == Some(id))
    }

    /// The candidates behind today and the advised plan, the plan with its parts and its prices.
    fn plan_lines(&mut self) {
        let today = self.candidate("today");
        let advised = self.candidate("advised");
        self.push("CANDIDATES", [today, advised].into_iter().flatten().collect());
        let Some(plan) = self.plan() else { return };
        let label = plan.get("label").and_then(Value::as_str).map(|it| self.prose(it));
        self.push("PLAN", label.into_iter().collect());
        let parts = ["busy", "idle", "starting", "committed_unused", "storage"];
        let parts = parts.into_iter().filter_map(|part| {
            let it = self.shown(&format!("plans[advised].cost_parts.{part}"))?;
            Some(format!("{} {it}", part.replace('_', ", ")))
        });
        let parts = vec![parts.collect::<Vec<_>>().join(" + ")];
        self.push("PLAN", parts);
        let month = self.sentence("plans[advised].monthly_cost", " a month");
        let lines = [month, self.average(plan), self.fleet(), self.latency()];
        self.push("PLAN", lines.into_iter().flatten().collect());
        let prices = rows::prices(self.evidence, plan);
        let prices = prices.into_iter().map(|it| rows::price_in_words(self.evidence, it, TERM));
        self.push("PRICES", prices.collect());
    }

    fn candidate(&mut self, plan: &str) -> Option<String> {
        let own = [Step::Key("workloads".to_owned()), Step::At(self.at)];
        let at = format!("workloads[].plans[{plan}].candidate_id");
        let id = places(&self.evidence.root, &own, &at).first()?.value.as_str()?.to_owned();
        let mut facts = Vec::new();
        for (key, what) in [
            ("gpu_count", ""),
            ("slots", " at once"),
            ("tpot_s", " a token"),
            ("output_tokens_per_s", ""),
            ("total_bytes", " a GPU"),
            ("kv_cache_tokens", " of KV cache"),
        ] {
            let found = self.shown(&format!("candidates[{id}].{key}"));
            facts.extend(found.map(|it| format!("{it}{what}")));
        }
        let facts =
            if facts.is_empty() { String::new() } else { format!(": {}", facts.join(", ")) };
        Some(format!("{plan} {}{facts}", plain(&id)))
    }

    /// `1 instance to 3 instances`, and how many run on average where one price says so.
    fn fleet(&mut self) -> Option<String> {
        let [least, most] =
            ["min_replicas", "max_replicas"].map(|it| self.shown(&format!("plans[advised].{it}")));
        let starts = self.shown("plans[advised].cold_starts");
        let late = self.shown("plans[advised].delayed_requests");
        let starts = starts.map(|it| format!("; {it} in the window"));
        let late = late.map(|it| format!(", {it} waited for one"));
        let (least, most) = (least?, most?);
        let fleet = if least == most { least } else { format!("from {least} to {most}") };
        Some(format!("{fleet}{}{}", starts.unwrap_or_default(), late.unwrap_or_default()))
    }

    /// The month of a plan with one price row as instances of that price: 7,544.18 a month at 6.88 an
    /// hour are 1.5 instances on average.
    fn average(&self, plan: &Value) -> Option<String> {
        let prices = rows::prices(self.evidence, plan);
        let [(_, Some(row))] = prices.as_slice() else { return None };
        let currency = self.evidence.currency;
        let same = row.get("currency")?.as_str()? == currency.as_str();
        let rate = Unit::Rate.read(row.get("price_per_hour")?, currency).filter(|_| same)?;
        let month = Unit::Money.read(plan.get("monthly_cost")?, currency)?;
        let hours = HOURS_PER_MONTH as f64;
        let n = Some(month.real()? / (rate.real()? * hours)).filter(|it| it.is_finite())?;
        let (month, rate) = (Unit::Money.bare(&month, TERM), Unit::Rate.bare(&rate, TERM));
        let plural = if TERM.quantity(n) == "1" { "" } else { "s" };
        Some(format!(
            "{} instance{plural} on average = {month} / ({rate} x 730 h)",
            TERM.quantity(n)
        ))
    }

    fn latency(&mut self) -> Option<String> {
        let found = self.shown("plans[advised].ttft_p95_s")?;
        let limit = self.shown("slo.ttft_p95_s");
        let assumed = self.workload().pointer("/slo/assumed") == Some(&Value::Bool(true));
        let limit = limit.map(|it| {
            format!(" against a limit of {it}{}", if assumed { ", assumed" } else { "" })
        });
        let kept = self.shown("plans[advised].slo_attainment");
        let kept = kept.map(|it| format!("; {it} of the requests within the limits"));
        Some(format!("TTFT p95 {found}{}{}", limit.unwrap_or_default(), kept.unwrap_or_default()))
    }

    fn advice(&mut self) {
        let summary = self.text("/advice/summary").unwrap_or_default();
        self.push("ADVICE", vec![summary]);
        let saving = self.sentence("advice.monthly_savings", " a month");
        let mut lines: Vec<String> = saving.into_iter().collect();
        lines.extend(self.range());
        self.push("SAVING", lines);
        let grade = self.sentence("advice.grade", "");
        let (caps, why): (Vec<String>, Vec<String>) =
            self.list("/advice/reasons").into_iter().partition(|it| cap(it).is_some());
        self.push("GRADE", grade.into_iter().chain(caps).collect());
        self.push("WHY", why);
        let steps = (1..).zip(self.list("/advice/steps"));
        let steps = steps.map(|(n, it): (u32, String)| format!("{n}. {it}")).collect();
        self.push("STEPS", steps);
        self.push("UNDO", self.text("/advice/undo").into_iter().collect());
        let others = also::others(self.evidence, self.at).into_iter();
        self.push("ALSO", others.map(|it| self.prose(&it)).collect());
        self.push("WRONG IF", self.list("/advice/wrong_if"));
        let decided = also::decided(self.evidence, self.at);
        self.push("DECIDED", decided.map(|it| self.prose(&it)).into_iter().collect());
    }

    /// The ends of the range, the worst months and the chance of a loss, each computed again.
    fn range(&mut self) -> Vec<String> {
        let numbers = [
            ("interval.low", " at least in nine of ten months"),
            ("interval.high", " at most in nine of ten months"),
            ("interval.cvar", " in the mean of the worst tenth of months"),
            ("probability_of_loss", " chance of a loss"),
        ];
        let mut lines: Vec<String> = numbers
            .into_iter()
            .filter_map(|(key, what)| self.sentence(&format!("advice.{key}"), what))
            .collect();
        let n = self.shown("advice.interval.n");
        let basis = self.text("/advice/interval/basis");
        let basis = n.zip(basis).map(|(n, basis)| format!("rests on {n} {basis} of the window"));
        lines.extend(basis);
        lines
    }

    fn ends(&mut self) {
        let files = rows::inputs(self.evidence).into_iter();
        let files = files.map(|it| rows::input_in_words(it, TERM)).collect();
        self.push("INPUTS", files);
        self.push("AGAIN", vec![super::ticket::command(self.evidence)]);
        let next = ["baseline.monthly_cost", "plans[advised].cost_parts", "advice.interval.low"];
        let own = [Step::Key("workloads".to_owned()), Step::At(self.at)];
        let root = &self.evidence.root;
        let found = next
            .into_iter()
            .flat_map(|it| places(root, &own, &format!("workloads[].{it}")))
            .map(|it| super::place::written(root, &it.steps));
        self.push("NEXT", found.collect());
    }

    pub(super) fn differs(&self) -> Vec<String> {
        self.numbers.iter().filter(|it| it.differs()).map(|it| it.path.clone()).collect()
    }

    pub(super) fn terminal(&self, style: &TerminalStyle) -> String {
        let columns = style.columns.max(80);
        let mut text = head(&title(self.evidence, self.at, TERM), style);
        let mut last = "";
        for (label, said) in &self.lines {
            let lead = if *label == last { "" } else { label };
            text += &hanging(&pad_right(lead, LABEL), said, columns);
            last = label;
        }
        text
    }
}

/// `S1 office-assistant · a-51954ee4 · October 2026, 744 h`.
pub(super) fn title(evidence: &Evidence, at: usize, medium: Medium) -> String {
    let workload = evidence.workloads().get(at).unwrap_or(&Value::Null);
    let label = evidence.label(at).map(|it| format!("{it} ")).unwrap_or_default();
    let id = workload.pointer("/advice/id").and_then(Value::as_str).unwrap_or_default();
    let hours = evidence.root.pointer("/totals/window_hours").and_then(Value::as_f64);
    let hours = hours.map(|it| format!(", {} h", medium.measure(it))).unwrap_or_default();
    format!(
        "{label}{} · {} · {}{hours}",
        clip(&rows::text(workload, "name"), 80),
        plain(id),
        rows::text(&evidence.root, "period_label")
    )
}
