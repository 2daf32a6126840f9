//! The table of definitions, and the formulas that more than one of them follows.

use super::super::unit::Unit;
use super::{Definition, Kind, Origin, Rule};

pub(super) const fn rule(kind: Kind, words: &'static str, inputs: &'static [&'static str]) -> Rule {
    Rule { words, inputs, kind, when: None }
}

const fn when(place: &'static str, word: &'static str, rule: Rule) -> Rule {
    Rule { when: Some((place, word)), ..rule }
}

pub(super) const fn from(origin: Origin, words: &'static str) -> Rule {
    rule(Kind::From(origin), words, &[])
}

const FILES: &[Rule] = &[from(Origin::Files, "read from the input files, row by row")];
const LEDGER: &[Rule] = &[from(Origin::Files, "rows of the input files, summed without rounding")];
pub(super) const DEMAND: &[Rule] =
    &[from(Origin::Demand, "computed from the demand in the input files, as docs/demand.md says")];
const SIZED: &[Rule] =
    &[from(Origin::Sizing, "computed from the model and the GPU, as docs/sizing.md says")];
const REPLAY: &[Rule] = &[from(
    Origin::Replay,
    "the demand of the window replayed on this plan at the prices of its offers, as docs/method.md says",
)];
const BILL: &[Rule] =
    &[from(Origin::Files, "from the prices and costs of the bill, as docs/method.md says")];
pub(super) const CONFIG: &[Rule] =
    &[from(Origin::Config, "from gpuadvise.toml; assumed where it says nothing")];
pub(super) const METHOD: &[Rule] = &[from(Origin::Method, "set by the method, docs/method.md")];
pub(super) const CATALOG: &[Rule] =
    &[from(Origin::Catalog, "a row of the catalog, with its date and source")];
const DECIDED: &[Rule] =
    &[from(Origin::Config, "from the decisions file and the costs of its day, docs/decisions.md")];

const WINDOW: &[Rule] = &[rule(
    Kind::Hours,
    "end of the window - its start",
    &["totals.window_start", "totals.window_end"],
)];
const MONTH: &[Rule] = &[
    rule(
        Kind::Month,
        "effective cost of the window x 730 h / hours of the window",
        &["workloads[].baseline.effective_cost", "totals.window_hours"],
    ),
    rule(
        Kind::CatalogMonth,
        "no bill: price of a GPU-hour in the catalog x GPUs x 730 h",
        &["workloads[].baseline.rate_per_gpu_hour", "workloads[].baseline.gpu_count"],
    ),
];
const GPU_RATE: &[Rule] = &[
    rule(Kind::Rate, "effective cost / GPU-hours", &[".effective_cost", ".gpu_hours"]),
    CATALOG[0],
];
const PLAN: &[Rule] = &[rule(
    Kind::Sum,
    "busy + idle + starting + committed and unused + storage",
    &[
        ".cost_parts.busy",
        ".cost_parts.idle",
        ".cost_parts.starting",
        ".cost_parts.committed_unused",
        ".cost_parts.storage",
    ],
)];
const SAVING: &[Rule] = &[
    when(".action", "keep", rule(Kind::Zero, "keeping it saves nothing", &[])),
    when(".action", "not_enough_data", rule(Kind::Zero, "nothing is advised", &[])),
    rule(
        Kind::Saving,
        "today's month - month on the advised plan",
        &["workloads[].baseline.monthly_cost", "workloads[].plans[advised].monthly_cost"],
    ),
    when(
        ".action",
        "stop",
        rule(Kind::Saving, "all of today's month", &["workloads[].baseline.monthly_cost"]),
    ),
    REPLAY[0],
];
const DAYS: Rule =
    from(Origin::Replay, "months drawn by chance from the days seen, with the seed of the run");
const LOW: &[Rule] = &[
    when(
        ".basis",
        "weeks",
        rule(Kind::Opposite, "2 x saving - high end", &["^.monthly_savings", ".high"]),
    ),
    DAYS,
];
const HIGH: &[Rule] = &[
    when(
        ".basis",
        "weeks",
        rule(Kind::Opposite, "2 x saving - low end", &["^.monthly_savings", ".low"]),
    ),
    DAYS,
];
const CVAR: &[Rule] = &[
    when(
        ".basis",
        "weeks",
        rule(
            Kind::WorstTenth,
            "saving - (saving - low end) x mean of the tail / t(weeks - 1, 0.9), by Student",
            &["^.monthly_savings", ".low", ".n"],
        ),
    ),
    DAYS,
];
const LOSS: &[Rule] = &[
    when(
        ".interval.basis",
        "weeks",
        rule(
            Kind::Loss,
            "chance that Student's distribution of the weeks puts a month below zero",
            &[".monthly_savings", ".interval.low", ".interval.n"],
        ),
    ),
    DAYS,
];
const SURE: &[Rule] =
    &[rule(Kind::Confidence, "1 - (1 - share of months in the range) / 2", &[".interval.level"])];
const GRADE: &[Rule] = &[rule(
    Kind::Grade,
    "A for a change, B for keep, F for too little data; no better than any cap in the reasons",
    &[".reasons[*]"],
)];
const TOKENS: &[Rule] = &[rule(
    Kind::Per(1_000_000),
    "effective cost x 1,000,000 / (prompt + completion tokens)",
    &["^.effective_cost", "^.prompt_tokens", "^.completion_tokens"],
)];
const INPUT: &[Rule] = &[rule(
    Kind::Per(1_000_000),
    "the whole effective cost x 1,000,000 / prompt tokens",
    &["^.effective_cost", "^.prompt_tokens"],
)];
const OUTPUT: &[Rule] = &[rule(
    Kind::Per(1_000_000),
    "the whole effective cost x 1,000,000 / completion tokens",
    &["^.effective_cost", "^.completion_tokens"],
)];
const REQUESTS: &[Rule] = &[rule(
    Kind::Per(1000),
    "effective cost x 1,000 / requests",
    &["^.effective_cost", "^.requests"],
)];
const ASSIGNED: &[Rule] = &[
    rule(Kind::Same, "the part of the account of this name", &[".parts[assigned].billed"]),
    LEDGER[0],
];
const UNASSIGNED: &[Rule] = &[
    rule(Kind::Same, "the part of the account of this name", &[".parts[unassigned].billed"]),
    LEDGER[0],
];
const PROJECTED: &[Rule] = &[from(
    Origin::Demand,
    "months of the workloads, those that surely grow or decline moved by their trend in 30 days",
)];
const AHEAD: &[Rule] = &[
    rule(
        Kind::Ahead,
        "cost of a month x hours of the span / 730 h, by the latest whole weeks",
        &[
            "workloads[*same].baseline.monthly_cost",
            "^^^.hours",
            "forecast.outlooks[*same].trend_per_30d",
            "forecast.outlooks[*same].growth_per_30d",
        ],
    ),
    DEMAND[0],
];
const LESS_AHEAD: &[Rule] = &[from(
    Origin::Demand,
    "as it is, less what its advice saves in the hours after the day it can be live (advice.live.from)",
)];
const RANGE_AHEAD: &[Rule] = &[from(
    Origin::Demand,
    "the mean and by how much the whole weeks or days behind it differ (forecast.outlooks)",
)];
const WASTED: &[Rule] =
    &[from(Origin::Demand, "cost of the hours that the evidence names, no hour twice")];
/// `name of the field`: sum of that field over all workloads.
macro_rules! all {
    ($field:literal) => {
        &[rule(Kind::Sum, "all workloads added up", &[concat!("workloads[*].", $field)])]
    };
}
macro_rules! decided {
    ($state:literal) => {
        &[rule(
            Kind::Total,
            concat!("savings of the advice that is ", $state),
            &[concat!("workloads[*", $state, "].advice.monthly_savings")],
        )]
    };
}
macro_rules! found {
    ($state:literal) => {
        &[rule(
            Kind::Total,
            "findings of this sort added up",
            &[
                concat!("workloads[*].waste[*", $state, "].cost"),
                concat!("portfolio.waste[*", $state, "].cost"),
            ],
        )]
    };
}

const fn row(
    pattern: &'static str,
    unit: Unit,
    meaning: &'static str,
    rules: &'static [Rule],
) -> Definition {
    Definition { pattern, unit, meaning, rules }
}

/// All of them, in the order of the report.
#[rustfmt::skip]
pub(super) const DEFINITIONS: [Definition; 216] = [
    row("totals.window_hours", Unit::Hours, "length of the window that was analysed", WINDOW),
    row("totals.billed_cost", Unit::Money, "what the invoices ask for, for the workloads of this report", all!("baseline.billed_cost")),
    row("totals.effective_cost", Unit::Money, "billed cost with upfront payments spread over their term, of all workloads", all!("baseline.effective_cost")),
    row("totals.list_cost", Unit::Money, "the usage of all workloads at public prices", LEDGER),
    row("totals.contracted_cost", Unit::Money, "the usage of all workloads at negotiated prices", LEDGER),
    row("totals.gpu_hours", Unit::Of("GPU-hours"), "GPU-hours that were paid", all!("baseline.gpu_hours")),
    row("totals.requests", Unit::Count("request"), "requests of all workloads in the window", all!("baseline.requests")),
    row("totals.prompt_tokens", Unit::Count("token"), "prompt tokens of all workloads in the window", all!("baseline.prompt_tokens")),
    row("totals.completion_tokens", Unit::Count("token"), "completion tokens of all workloads in the window", all!("baseline.completion_tokens")),
    row("totals.cost_per_million_tokens", Unit::Each, "effective cost of the workloads that count tokens, idle ones included, per million of them", &[rule(Kind::Per(1_000_000), "effective cost x 1,000,000 / tokens, of the workloads that count them", &["workloads[*tokens].baseline.effective_cost", "workloads[*tokens].baseline.prompt_tokens", "workloads[*tokens].baseline.completion_tokens"])]),
    row("totals.projected_monthly_cost", Unit::Money, "a month of 730 hours with the trend where it is certain; in no saving", PROJECTED),
    row("totals.baseline_monthly_cost", Unit::Money, "what a month of 730 hours costs as things run today", all!("baseline.monthly_cost")),
    row("totals.recommended_monthly_cost", Unit::Money, "what such a month would cost with all advice found, whatever was decided", &[rule(Kind::Less, "today's month - savings", &["totals.baseline_monthly_cost", "totals.monthly_savings"])]),
    row("totals.effective_savings_rate.over_list", Unit::Share, "what was paid less than public prices, after commitment that nobody used", BILL),
    row("totals.effective_savings_rate.over_contracted", Unit::Share, "what was paid less than negotiated prices, after commitment that nobody used", BILL),
    row("totals.left_on_the_table", Unit::Money, "what the cheapest purchases of hindsight would have saved in the window on the demand after the advice, in no other total", &[from(Origin::Replay, "of each instance the most that an allowed term in commitments[] left on the table, added up")]),
    row("totals.monthly_savings", Unit::Money, "what all advice found saves in a month of 730 hours at constant traffic, whatever was decided", &[rule(Kind::Total, "all advice added up", &["workloads[*].advice.monthly_savings"])]),
    row("reconciliation.rows_in", Unit::Count("row"), "rows read from the input files", &[rule(Kind::Sum, "rows kept + rows rejected", &[".rows_kept", ".rows_rejected"])]),
    row("reconciliation.rows_kept", Unit::Count("row"), "rows used", &[rule(Kind::Rest, "rows read - rows rejected", &[".rows_in", ".rows_rejected"])]),
    row("reconciliation.rows_rejected", Unit::Count("row"), "rows refused, duplicates among them", &[rule(Kind::Rest, "rows read - rows kept", &[".rows_in", ".rows_kept"])]),
    row("reconciliation.duplicates", Unit::Count("row"), "rows refused because an identical one came before", FILES),
    row("reconciliation.rows_outside_window", Unit::Count("row"), "rows kept that lie outside the window and are not analysed", FILES),
    row("reconciliation.billed_total", Unit::Money, "billed cost in the files", &[rule(Kind::Sum, "assigned + unassigned + excluded + difference", &[".assigned", ".unassigned", ".excluded", ".difference"])]),
    row("reconciliation.effective_total", Unit::Money, "effective cost in the files", LEDGER),
    row("reconciliation.list_total", Unit::Money, "list cost in the files, without purchases that later charges carry", LEDGER),
    row("reconciliation.contracted_total", Unit::Money, "contracted cost in the files, without purchases that later charges carry", LEDGER),
    row("reconciliation.assigned", Unit::Money, "billed cost of the workloads of this report", ASSIGNED),
    row("reconciliation.unassigned", Unit::Money, "billed GPU cost that no workload claims", UNASSIGNED),
    row("reconciliation.excluded", Unit::Money, "billed cost of all else: no GPU, tax, credits, purchases, unused commitments, rows outside the window or rejected", &[rule(Kind::Rest, "total - assigned - unassigned - difference", &[".billed_total", ".assigned", ".unassigned", ".difference"])]),
    row("reconciliation.difference", Unit::Money, "what is left of the files' total: zero, or the run ends with exit code 6", &[rule(Kind::Rest, "total - assigned - unassigned - excluded", &[".billed_total", ".assigned", ".unassigned", ".excluded"])]),
    row("reconciliation.list_of_purchases", Unit::Money, "list cost of purchases that later charges carry", LEDGER),
    row("reconciliation.contracted_of_purchases", Unit::Money, "contracted cost of purchases that later charges carry", LEDGER),
    row("reconciliation.amounts_from_floats", Unit::Count("amount"), "amounts that came as binary floats and were taken by their shortest decimal form", FILES),
    row("reconciliation.parts[].rows", Unit::Count("row"), "rows behind a place of the account", FILES),
    row("reconciliation.parts[].billed", Unit::Money, "billed cost of a place of the account", LEDGER),
    row("reconciliation.parts[].effective", Unit::Money, "effective cost of a place of the account", LEDGER),
    row("reconciliation.by_currency[].rate", Unit::Ratio, "units of the report's currency for one of this", CONFIG),
    row("reconciliation.by_commitment[].purchased", Unit::Money, "billed cost of the purchases of a commitment in the files", LEDGER),
    row("reconciliation.by_commitment[].effective_used", Unit::Money, "effective cost of what a commitment covered", LEDGER),
    row("reconciliation.by_commitment[].effective_unused", Unit::Money, "effective cost of what nothing used of a commitment", LEDGER),
    row("reconciliation.by_commitment[].difference", Unit::Money, "purchases less used and unused, zero where the files hold the whole term", &[rule(Kind::Rest, "purchased - used - unused", &[".purchased", ".effective_used", ".effective_unused"])]),
    row("reconciliation.unmatched[].billed", Unit::Money, "billed cost of spend that no workload has", LEDGER),
    row("reconciliation.unmatched[].effective", Unit::Money, "effective cost of spend that no workload has", LEDGER),
    row("reconciliation.unmatched[].rows", Unit::Count("row"), "rows of spend that no workload has", FILES),
    row("reconciliation.rejected[].row", Unit::Ratio, "number of a rejected row in its file", FILES),
    row("coverage.day_hours[]", Unit::Hours, "hours of the window on a day, 23 or 25 where the clocks changed", METHOD),
    row("coverage.sources[].hours[]", Unit::Hours, "hours of a day for which a source has data", FILES),
    row("workloads[].class_confidence", Unit::Share, "how sure the kind and the shape are", DEMAND),
    row("workloads[].baseline.monthly_cost", Unit::Money, "what a month of 730 hours costs today", MONTH),
    row("workloads[].baseline.effective_cost", Unit::Money, "effective cost of the workload in the window", LEDGER),
    row("workloads[].baseline.billed_cost", Unit::Money, "billed cost of the workload in the window", LEDGER),
    row("workloads[].baseline.gpu_hours", Unit::Of("GPU-hours"), "GPU-hours of the workload that were paid in the window", LEDGER),
    row("workloads[].baseline.rate_per_gpu_hour", Unit::Rate, "what a GPU-hour cost", GPU_RATE),
    row("workloads[].baseline.gpu_count", Unit::Of("GPUs"), "GPUs at once", FILES),
    row("workloads[].baseline.requests", Unit::Count("request"), "requests in the window", FILES),
    row("workloads[].baseline.prompt_tokens", Unit::Count("token"), "prompt tokens in the window", FILES),
    row("workloads[].baseline.completion_tokens", Unit::Count("token"), "completion tokens in the window", FILES),
    row("workloads[].baseline.busy_fraction", Unit::Share, "share of paid GPU time with a request running", &[when(".busy_source", "model", from(Origin::Replay, "by the model of the service time on today's fleet")), from(Origin::Files, "from GPU metrics in the input files")]),
    row("workloads[].baseline.unit_cost.per_million_tokens", Unit::Each, "effective cost, idle included, per million tokens", TOKENS),
    row("workloads[].baseline.unit_cost.per_million_input_tokens", Unit::Each, "the whole cost per million prompt tokens, not to be added to that of completion tokens", INPUT),
    row("workloads[].baseline.unit_cost.per_million_output_tokens", Unit::Each, "the whole cost per million completion tokens, not to be added to that of prompt tokens", OUTPUT),
    row("workloads[].baseline.unit_cost.per_thousand_requests", Unit::Each, "effective cost, idle included, per thousand requests", REQUESTS),
    row("workloads[].baseline.unit_cost.per_unit.cost", Unit::Each, "effective cost of one of the units that the config names", &[from(Origin::Config, "effective cost / (requests x units per request in gpuadvise.toml)")]),
    row("workloads[].baseline.unit_cost.trend_per_30d.value", Unit::Share, "change of the daily unit cost in 30 days as a share of its mean", DEMAND),
    row("workloads[].baseline.unit_cost.trend_per_30d.low", Unit::Share, "lower end of its 95 % interval", DEMAND),
    row("workloads[].baseline.unit_cost.trend_per_30d.high", Unit::Share, "upper end of its 95 % interval", DEMAND),
    row("workloads[].slo.ttft_p95_s", Unit::Seconds, "limit of the time to the first token, for 95 of 100 requests", CONFIG),
    row("workloads[].slo.tpot_p95_s", Unit::Seconds, "limit of the time per output token, for 95 of 100 requests", CONFIG),
    row("workloads[].slo.attainment", Unit::Share, "share of requests that must keep both limits", CONFIG),
    row("workloads[].candidates[].gpu_count", Unit::Count("GPU"), "GPUs of one replica", SIZED),
    row("workloads[].candidates[].tensor_parallel_size", Unit::Count("GPU"), "GPUs that share each layer", SIZED),
    row("workloads[].candidates[].pipeline_parallel_size", Unit::Count("stage"), "groups of layers on GPUs of their own", SIZED),
    row("workloads[].candidates[].total_bytes", Unit::Bytes, "memory of one replica per GPU", SIZED),
    row("workloads[].candidates[].usable_bytes", Unit::Bytes, "memory the engine may use per GPU", SIZED),
    row("workloads[].candidates[].memory.gpu_bytes", Unit::Bytes, "memory of one GPU that the engine sees", SIZED),
    row("workloads[].candidates[].memory.weights_bytes", Unit::Bytes, "weights on each GPU", SIZED),
    row("workloads[].candidates[].memory.kv_cache_bytes", Unit::Bytes, "room for the KV cache on each GPU", SIZED),
    row("workloads[].candidates[].memory.kv_cache_planned_bytes", Unit::Bytes, "KV cache of the planned batch at the mean length of a request", SIZED),
    row("workloads[].candidates[].memory.activation_bytes", Unit::Bytes, "peak of the activations on each GPU", SIZED),
    row("workloads[].candidates[].memory.overhead_bytes", Unit::Bytes, "CUDA graphs, the CUDA context and libraries on each GPU", SIZED),
    row("workloads[].candidates[].memory.free_bytes", Unit::Bytes, "memory of each GPU that the engine leaves alone", SIZED),
    row("workloads[].candidates[].kv_cache_tokens", Unit::Count("token"), "tokens that the KV cache of one replica holds", SIZED),
    row("workloads[].candidates[].slots", Unit::Count("request"), "requests that one replica serves at once", SIZED),
    row("workloads[].candidates[].tpot_s", Unit::Seconds, "time per output token at the planning batch", SIZED),
    row("workloads[].candidates[].output_tokens_per_s", Unit::Of("tokens/s"), "output of one replica at the planning batch", SIZED),
    row("workloads[].candidates[].cost_estimate", Unit::Money, "estimated monthly cost by which candidates are ranked before any is simulated", SIZED),
    row("workloads[].plans[].gpu_count", Unit::Count("GPU"), "GPUs of one replica", SIZED),
    row("workloads[].plans[].tensor_parallel_size", Unit::Count("GPU"), "GPUs that share each layer", SIZED),
    row("workloads[].plans[].pipeline_parallel_size", Unit::Count("stage"), "groups of layers on GPUs of their own", SIZED),
    row("workloads[].plans[].monthly_cost", Unit::Money, "what a month of 730 hours costs on this plan", PLAN),
    row("workloads[].plans[].cost_parts.busy", Unit::Money, "of a month on this plan: time in which instances serve", REPLAY),
    row("workloads[].plans[].cost_parts.idle", Unit::Money, "of a month on this plan: time in which instances are on and serve nothing", REPLAY),
    row("workloads[].plans[].cost_parts.starting", Unit::Money, "of a month on this plan: starts, where they are billed", REPLAY),
    row("workloads[].plans[].cost_parts.committed_unused", Unit::Money, "of a month on this plan: committed hours without demand", REPLAY),
    row("workloads[].plans[].cost_parts.storage", Unit::Money, "of a month on this plan: disks", REPLAY),
    row("workloads[].plans[].ttft_p50_s", Unit::Seconds, "time to the first token that half of the requests keep", REPLAY),
    row("workloads[].plans[].ttft_p95_s", Unit::Seconds, "time to the first token that 95 of 100 requests keep", REPLAY),
    row("workloads[].plans[].ttft_p99_s", Unit::Seconds, "time to the first token that 99 of 100 requests keep", REPLAY),
    row("workloads[].plans[].slo_attainment", Unit::Share, "share of requests within the latency limits", REPLAY),
    row("workloads[].plans[].spot_range[].interruptions_per_hour", Unit::Of("an hour"), "interruptions of an instance that are assumed", METHOD),
    row("workloads[].plans[].spot_range[].monthly_cost", Unit::Money, "cost of a month of 730 hours at this rate of interruptions", REPLAY),
    row("workloads[].plans[].spot_range[].slo_attainment", Unit::Share, "share of requests within the limits at this rate of interruptions", REPLAY),
    row("workloads[].plans[].cold_starts", Unit::Count("start"), "replicas started on demand in the window", REPLAY),
    row("workloads[].plans[].delayed_requests", Unit::Count("request"), "requests that waited for a start", REPLAY),
    row("workloads[].plans[].max_num_seqs", Unit::Count("request"), "requests that a replica serves at once", SIZED),
    row("workloads[].plans[].max_model_len", Unit::Count("token"), "longest context assumed", CONFIG),
    row("workloads[].plans[].gpu_memory_utilization", Unit::Share, "share of GPU memory the engine may use", CONFIG),
    row("price_moves[].old", Unit::Each, "price of an instance for an hour, when it was looked at before", CATALOG),
    row("price_moves[].new", Unit::Each, "the same now", CATALOG),
    row("price_moves[].change", Unit::Share, "how much dearer it is", &[from(Origin::Catalog, "new price / old price - 1")]),
    row("price_moves[].break_even_before_h", Unit::Hours, "hours a day from which the cheapest term of the same instance paid", &[from(Origin::Catalog, "24 x price of the term / old price")]),
    row("price_moves[].break_even_now_h", Unit::Hours, "hours a day from which it pays now", &[from(Origin::Catalog, "24 x price of the term / new price")]),
    row("workloads[].plans[].policy.value", Unit::Ratio, "the number of the scaling rule of this name", REPLAY),
    row("workloads[].plans[].min_replicas", Unit::Count("instance"), "instances always on", REPLAY),
    row("workloads[].plans[].max_replicas", Unit::Count("instance"), "most instances at once", REPLAY),
    row("workloads[].plans[].idle_timeout_s", Unit::Seconds, "time an instance stays after its last request", METHOD),
    row("workloads[].plans[].cold_start_s", Unit::Seconds, "time an instance takes to start", SIZED),
    row("workloads[].advice.monthly_savings", Unit::Money, "what this advice saves in a month of 730 hours at constant traffic", SAVING),
    row("workloads[].advice.interval.low", Unit::Money, "nine of ten months save at least this", LOW),
    row("workloads[].advice.interval.high", Unit::Money, "nine of ten months save at most this", HIGH),
    row("workloads[].advice.interval.level", Unit::Share, "share of the months that save an amount in the range", METHOD),
    row("workloads[].advice.interval.cvar", Unit::Money, "mean saving of the worst tenth of the months", CVAR),
    row("workloads[].advice.interval.n", Unit::Ratio, "whole weeks, or days, that the range rests on", DEMAND),
    row("workloads[].advice.probability_of_loss", Unit::Share, "share of the months that cost more than they save", LOSS),
    row("workloads[].advice.confidence", Unit::Share, "chance that the saving is at least the low end of its range", SURE),
    row("workloads[].advice.savings_by_price.at_list", Unit::Money, "the same saving where today and then cost public prices", BILL),
    row("workloads[].advice.savings_by_price.at_own_rate", Unit::Money, "the saving at the user's own rate, which every total counts", &[rule(Kind::Same, "the saving of the advice", &["workloads[].advice.monthly_savings"])]),
    row("workloads[].advice.savings_by_price.in_cash", Unit::Money, "what the invoice falls by, after credits", BILL),
    row("workloads[].advice.change.effort_hours", Unit::Hours, "hours of an engineer that the change takes", METHOD),
    row("workloads[].advice.change.cost", Unit::Money, "those hours at the assumed rate, and old and new side by side for the trial", METHOD),
    row("workloads[].advice.change.pay_back_days", Unit::Of("days"), "days until the saving has paid for the change", METHOD),
    row("workloads[].advice.commitment.instances", Unit::Count("instance"), "instances that the advised plan pays for over the term, used or not", METHOD),
    row("workloads[].advice.commitment.term_months", Unit::Of("months"), "length of the term that the advised plan needs", METHOD),
    row("workloads[].advice.commitment.owed", Unit::Money, "everything that is owed for it until the term ends, signed on the day of the report: instances x rate x hours", METHOD),
    row("workloads[].advice.live.savings_by_year_end", Unit::Money, "what it saves from the day it can be live to the end of the year", METHOD),
    row("workloads[].advice.shocks[].monthly_savings", Unit::Money, "what the advice saves in a month when this happens", REPLAY),
    row("workloads[].advice.break_evens[].value", Unit::Ratio, "where the advice stops to save, or to keep its limits, in the unit beside it", REPLAY),
    row("workloads[].advice.grade", Unit::Grade, "how much evidence stands behind the advice, A best", GRADE),
    row("workloads[].waste[].cost", Unit::Money, "effective cost in the window of what was paid and not used", WASTED),
    row("workloads[].waste[].gpu_hours", Unit::Of("GPU-hours"), "GPU-hours of the window behind the finding", WASTED),
    row("workloads[].demand_by_weekday_hour[][]", Unit::Of(""), "mean demand of a weekday and an hour, in the unit of demand_unit", DEMAND),
    row("workloads[].demand_by_hour.hours[]", Unit::Of(""), "demand of an hour of the window in order, in the unit of demand_unit", DEMAND),
    row("workloads[].cost_by_day[].cost", Unit::Money, "effective cost of a day of the window", LEDGER),
    row("portfolio.cost_by_day_of_others[].cost", Unit::Money, "effective cost of a day of the workloads beyond the dearest, whose own days are left out", LEDGER),
    row("workloads[].busiest_day.requests", Unit::Count("request"), "requests of the busiest day", DEMAND),
    row("workloads[].busiest_day.part_s", Unit::Seconds, "length of a part of the busiest day", METHOD),
    row("workloads[].busiest_day.busy[]", Unit::Of("replicas"), "replicas that serve, mean over a part of the busiest day", REPLAY),
    row("workloads[].busiest_day.ready[]", Unit::Of("replicas"), "replicas that are ready, those that serve included, mean over a part of the busiest day", REPLAY),
    row("workloads[].busiest_day.starting[]", Unit::Of("replicas"), "replicas that start, mean over a part of the busiest day", REPLAY),
    row("workloads[].busiest_day.queue[]", Unit::Of("requests"), "requests in the queue, mean over a part of the busiest day", REPLAY),
    row("workloads[].busiest_day.queue_max[]", Unit::Count("request"), "most requests in the queue at once in a part of the busiest day", REPLAY),
    row("workloads[].duration_curve.hours_sorted[]", Unit::Of(""), "demand of an hour of the window, the largest hour first", DEMAND),
    row("workloads[].duration_curve.break_even_share", Unit::Share, "share of hours above which a unit is cheaper reserved: reserved rate / rate by the hour", CATALOG),
    row("workloads[].duration_curve.reserved_units", Unit::Count("unit"), "units that the advised plan keeps reserved", REPLAY),
    row("portfolio.monthly_savings", Unit::Money, "what all advice found saves in a month of 730 hours, whatever was decided", &[rule(Kind::Same, "the total of the report", &["totals.monthly_savings"])]),
    row("portfolio.n_that_matter", Unit::Count("action"), "actions, the largest first, that make up 95 % of the savings", METHOD),
    row("portfolio.plan[].number", Unit::Ratio, "week of work, counted from the day of the report", METHOD),
    row("portfolio.plan[].effort_hours", Unit::Hours, "hours of work in this week, at most `[change.hours_per_week]`; what takes more goes on in the next", METHOD),
    row("portfolio.plan[].monthly_savings", Unit::Money, "what the actions that end in this week save a month", METHOD),
    row("portfolio.savings_by_year_end", Unit::Money, "what all actions save by the end of the year, each from the day it can be live", &[rule(Kind::Sum, "the sum over the advice", &["workloads[*].advice.live.savings_by_year_end"])]),
    row("portfolio.plans_ranked", Unit::Count("plan"), "plans of workloads with very many requests that were ranked on hourly levels", METHOD),
    row("portfolio.savings_by_decision.identified", Unit::Money, "savings of all advice, whatever was decided", &[rule(Kind::Sum, "open + approved + rejected + snoozed", &[".open", ".approved", ".rejected", ".snoozed"])]),
    row("portfolio.savings_by_decision.open", Unit::Money, "savings that nobody decided on, or that are asked again", decided!("open")),
    row("portfolio.savings_by_decision.approved", Unit::Money, "savings that were accepted and are not done yet", decided!("approved")),
    row("portfolio.savings_by_decision.rejected", Unit::Money, "savings that were rejected", decided!("rejected")),
    row("portfolio.savings_by_decision.snoozed", Unit::Money, "savings that were put off", decided!("snoozed")),
    row("portfolio.savings_by_decision.asked_for", Unit::Money, "savings that a reader is asked to go for", &[rule(Kind::Sum, "open + approved", &[".open", ".approved"])]),
    row("portfolio.savings_by_decision.monthly_cost_after", Unit::Money, "a month of 730 hours with what is asked for", &[rule(Kind::Less, "today's month - what is asked for", &["totals.baseline_monthly_cost", ".asked_for"])]),
    row("portfolio.promises[].promised_monthly_savings", Unit::Money, "what was to be saved in a month of 730 hours, when it was decided", DECIDED),
    row("portfolio.promises[].realised_monthly_savings", Unit::Money, "what is saved at the traffic of then: (unit cost then - now) x units of a month then", DECIDED),
    row("portfolio.promises[].unit_cost_then", Unit::Each, "what a unit cost when it was decided", DECIDED),
    row("portfolio.promises[].unit_cost_now", Unit::Each, "what a unit costs now", DECIDED),
    row("portfolio.promises[].bill_moved_by_traffic", Unit::Money, "by how much traffic moved the bill of a month, which is in neither saving", DECIDED),
    row("portfolio.promises[].to_date.months", Unit::Of("months"), "months of 730 hours from the day it was to save to the end of the window", DECIDED),
    row("portfolio.promises[].to_date.promised", Unit::Money, "what was to be saved from that day on", DECIDED),
    row("portfolio.promises[].to_date.realised", Unit::Money, "what was saved from that day on at the traffic of then, as far as the window and the report of --previous say", DECIDED),
    row("portfolio.confirmed_waste", Unit::Money, "paid and not used, by two measured signals or the bill itself", found!("confirmed")),
    row("portfolio.to_investigate", Unit::Money, "perhaps paid and not used", found!("to_investigate")),
    row("portfolio.not_measured", Unit::Money, "cost of what nobody measured, not known to be waste", found!("data_missing")),
    row("portfolio.pools[].hours", Unit::Hours, "hours in which all workloads of the pool were measured", DEMAND),
    row("portfolio.pools[].peaks[].peak", Unit::Of("GPUs"), "most that a workload needs in an hour", DEMAND),
    row("portfolio.pools[].peaks[].p99", Unit::Of("GPUs"), "99th percentile of the hours of a workload", DEMAND),
    row("portfolio.pools[].peaks[].usual[]", Unit::Ratio, "weekday (Monday is 0) and hour of the usual peak", DEMAND),
    row("portfolio.pools[].sum_of_peaks", Unit::Of("GPUs"), "what the workloads need each with GPUs of its own", &[rule(Kind::Sum, "all peaks added up", &[".peaks[*].peak"])]),
    row("portfolio.pools[].peak_of_sum", Unit::Of("GPUs"), "most that they need together in an hour", DEMAND),
    row("portfolio.pools[].sum_of_p99", Unit::Of("GPUs"), "the same as the sum of peaks, of the 99th percentiles", &[rule(Kind::Sum, "all percentiles added up", &[".peaks[*].p99"])]),
    row("portfolio.pools[].p99_of_sum", Unit::Of("GPUs"), "99th percentile of what they need together", DEMAND),
    row("portfolio.pools[].gpus_saved", Unit::Of("GPUs"), "whole GPUs that a pool needs less", DEMAND),
    row("portfolio.pools[].pairs[].correlation", Unit::Ratio, "correlation of the hours of two workloads", DEMAND),
    row("portfolio.pools[].pairs[].peak_ratio", Unit::Ratio, "peak of two workloads together / sum of their peaks", DEMAND),
    row("portfolio.outages[].chance", Unit::Share, "bound of the chance that independent workloads are silent together", DEMAND),
    row("portfolio.candidates_sized", Unit::Count("candidate"), "ways to run a workload that were sized", METHOD),
    row("portfolio.plans_simulated", Unit::Count("plan"), "plans that were simulated", &[rule(Kind::Number, "plans of all workloads, counted", &["workloads[*].plans[*].id"])]),
    row("portfolio.candidates_pruned", Unit::Count("candidate"), "candidates left out: no plan of them can be the best, or they may not be advised", METHOD),
    row("forecast.spans[].hours", Unit::Hours, "hours of the span that are in its amounts", METHOD),
    row("forecast.spans[].spent", Unit::Money, "what of the span was paid already, and is in every amount of it", LEDGER),
    row("forecast.spans[].as_is.mean", Unit::Money, "what is expected of the span as things run today", &[rule(Kind::Sum, "all workloads added up", &["^.workloads[*].as_is.mean"])]),
    row("forecast.spans[].with_approved.mean", Unit::Money, "what is expected of the span with the advice that was approved", &[rule(Kind::Sum, "all workloads added up", &["^.workloads[*].with_approved.mean"])]),
    row("forecast.spans[].with_advice.mean", Unit::Money, "what is expected of the span with all advice that is asked for", &[rule(Kind::Sum, "all workloads added up", &["^.workloads[*].with_advice.mean"])]),
    row("forecast.spans[].as_is.low", Unit::Money, "nine of ten such spans cost at least this", RANGE_AHEAD),
    row("forecast.spans[].as_is.high", Unit::Money, "nine of ten such spans cost at most this", RANGE_AHEAD),
    row("forecast.spans[].as_is.level", Unit::Share, "share of such spans that cost an amount in the range", METHOD),
    row("forecast.spans[].workloads[].as_is.mean", Unit::Money, "what is expected of the workload in the span as it runs today", AHEAD),
    row("forecast.spans[].workloads[].with_approved.mean", Unit::Money, "the same with its advice where it was approved", LESS_AHEAD),
    row("forecast.spans[].workloads[].with_advice.mean", Unit::Money, "the same with its advice where it is asked for", LESS_AHEAD),
    row("forecast.outlooks[].n", Unit::Of(""), "whole weeks, or days, that the forecast rests on", DEMAND),
    row("forecast.outlooks[].trend_per_30d", Unit::Share, "trend of its cost in 30 days, where it is certain", DEMAND),
    row("forecast.outlooks[].growth_per_30d", Unit::Share, "growth declared for it in 30 days", CONFIG),
    row("forecast.outlooks[].backtests", Unit::Of("times"), "four weeks of the past that were forecast from the weeks before them", DEMAND),
    row("forecast.outlooks[].backtest_error", Unit::Share, "mean of how far these were off", DEMAND),
    row("blanks[].worth", Unit::Money, "monthly spend that the blank in the config is about", LEDGER),
    row("provenance.inputs[].rows", Unit::Count("row"), "rows of an input file", FILES),
    row("provenance.catalog[].rows", Unit::Count("row"), "rows of a file of the catalog", CATALOG),
    row("provenance.prices[].price_per_hour", Unit::Rate, "price of a whole instance and an hour", CATALOG),
    row("provenance.assumptions[].value", Unit::Ratio, "a tunable number, in the unit beside it", CATALOG),
    row("provenance.seed", Unit::Ratio, "seed of all chance in the run", METHOD),
];
