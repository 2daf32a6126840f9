//! `gpuadvise analyze`: from files to the report.

use std::cmp::Reverse;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rayon::prelude::*;

use super::advise::{Advised, Judged, advise_all, advise_shelves};
use super::arguments::arguments;
use super::failure::{ExitStatus, Failure};
use super::inputs::Inputs;
use super::output::Files;
use super::talk::Talk;
use super::{CommandResult, ahead, decide, describe, email, inputs, output, remote, what_if};
use crate::catalog::Catalog;
use crate::cli::{AnalyzeArgs, Global};
use crate::ingest::{self, AsideFolder, Config, Decisions, Shelved, Source};
use crate::recommend::{self, Context, Part, Search, WhatIf};
use crate::report::{self, Analysed, ReportModel, RunFacts, TerminalStyle};
use crate::units::Money;
use crate::workload::Workload;

pub(super) fn run(args: &AnalyzeArgs, global: &Global, talk: Talk) -> CommandResult {
    let began = Instant::now();
    let folder = report_folder(&args.input.files, !args.what_if.is_empty(), (global, talk))?;
    // Questions and new names go to all workloads at once.
    let is_plain = args.what_if.is_empty() && !global.redact;
    let aside = is_plain.then(|| aside_folder(&folder));
    let inputs = Inputs::read_by_shelves(&args.input, global, talk, aside)?;
    let mut stages = vec![began.elapsed()];
    let config = inputs.config.email.as_ref();
    let email = args.email.then(|| email::check(config, global.redact)).transpose()?;
    let is_closed = inputs.ingested.reconciliation.is_closed();
    let _claim = output::claim(&folder, talk)?;
    let report = analyse(inputs, args, global, talk)?;
    stages.push(began.elapsed());
    let files = files_of(&report)?;
    output::write_folder(&folder, &files)?;
    stages.push(began.elapsed());
    talk.note(&seconds_of(&stages));
    let charts = files.iter().filter_map(|it| it.0.strip_prefix("charts/")).collect();
    output::remove_stale_report_charts(&folder.join("charts"), &charts);
    output::remove_stale_pages(&folder, &files.iter().map(|it| it.0.as_str()).collect());
    if let Some(folder) = &args.charts {
        draw(&report, folder)?;
    }
    let style = TerminalStyle {
        bold: talk.styled_stdout,
        next: Some(format!("open {}", folder.join("report.html").display())),
        columns: talk.columns,
    };
    let text = report::render(&report, output::report_format(global.format), &style)?;
    let whole = folder.join("report.md").display().to_string();
    let text = output::shortened(text, global, &whole)?;
    output::to_stdout(text.as_bytes())?;
    let savings = &report.portfolio.savings_by_decision;
    talk.event(
        "report written",
        serde_json::json!({
            "folder": folder.display().to_string(),
            "period": report.period_label,
            "currency": report.currency.to_string(),
            "effective_cost": report.totals.effective_cost,
            "monthly_savings": savings.asked_for,
            "monthly_savings_found": savings.identified,
            "notices": report.notices.len(),
        }),
    );
    super::reconciled(is_closed, report.reconciliation.line.difference)?;
    if let Some(config) = &email {
        email::written(&folder, config, args.if_changed, talk)?;
    }
    match args.fail_above {
        Some(limit) if savings.asked_for.to_f64() > limit => Ok(ExitStatus::FailAbove),
        _ => Ok(ExitStatus::Done),
    }
}

/// Where rows go that are too many for memory: onto the disk of the report.
fn aside_folder(report: &Path) -> AsideFolder {
    /// Some 100 MB of a usage table.
    const MOST_ROWS: usize = 1 << 22;
    let there = report.ancestors().find(|it| it.is_dir() && !it.as_os_str().is_empty());
    AsideFolder { folder: there.unwrap_or(Path::new(".")).to_owned(), most_rows: MOST_ROWS }
}

/// What each stage took, from the times since the start at which they ended.
fn seconds_of(ends: &[Duration]) -> String {
    let mut before = Duration::ZERO;
    let parts = ["reading", "advice", "files"].iter().zip(ends).map(|(stage, end)| {
        let took = end.saturating_sub(before).as_secs_f64();
        before = *end;
        format!("{stage} {took:.2} s")
    });
    parts.collect::<Vec<_>>().join(", ")
}

/// The files of the report folder: side by side, or one after the other where they are large.
fn files_of(report: &ReportModel) -> Result<Files, report::RenderError> {
    if report::are_many(report) {
        let parts = report::WRITERS.iter().map(|it| it(report));
        return Ok(parts.collect::<Result<Vec<Files>, _>>()?.into_iter().flatten().collect());
    }
    let parts: Vec<_> = report::WRITERS.par_iter().map(|it| it(report)).collect();
    // Of several faults the first in order is told, whichever came first.
    Ok(parts.into_iter().collect::<Result<Vec<Files>, _>>()?.into_iter().flatten().collect())
}

/// Every chart as SVG and as PNG, drawn side by side and written in order.
fn draw(report: &ReportModel, folder: &Path) -> Result<(), Failure> {
    /// Pixels of the picture to one of the drawing: sharp on a screen of twice the density.
    const SCALE: f32 = 2.0;
    let charts = report::chart_files(report)?;
    let pictures: Vec<Vec<u8>> = charts
        .par_iter()
        .map(|it| it.png(SCALE, report::Theme::Light))
        .collect::<Result<_, report::RenderError>>()?;
    let mut files: output::Files = Vec::new();
    for (chart, picture) in charts.iter().zip(pictures) {
        files.push((format!("{}.svg", chart.stem), chart.svg().into_bytes()));
        files.push((format!("{}.png", chart.stem), picture));
    }
    output::write_folder(folder, &files)?;
    let written = files.iter().map(|it| it.0.as_str()).collect();
    output::remove_stale_report_charts(folder, &written);
    Ok(())
}

/// Describes every workload, finds its advice, in parallel and in order.
fn analyse(
    inputs: Inputs,
    args: &AnalyzeArgs,
    global: &Global,
    talk: Talk,
) -> Result<ReportModel, Failure> {
    let decisions = decisions(args, global, talk)?;
    let Inputs { mut config, mut catalog, zone, mut ingested, mut workloads } = inputs;
    let unit_costs = what_if::unit_costs(&args.what_if, &workloads, &catalog, (&ingested, zone))?;
    what_if::ask(&args.what_if, &mut catalog, &mut workloads)?;
    config.policy.asked.clone_from(&args.commitment);
    config.policy.held.clone_from(&config.commitments);
    let as_of = global.as_of.unwrap_or(ingested.window.end());
    let stop = stop_after(args.time_budget);
    let context = Context {
        catalog: &catalog,
        policy: &config.policy,
        seed: global.seed,
        as_of,
        zone,
        search: if args.exhaustive { Search::Exhaustive } else { Search::Full },
        stop: &stop,
    };
    let aside = ingested.aside.clone();
    let sizes = sizes(aside.as_deref(), &workloads);
    let searches = searches(&sizes, args.full_search, context);
    let billed_until = match &aside {
        Some(it) => it.billed_until.unwrap_or(ingested.window.end()),
        None => describe::billed_until(&workloads, &ingested),
    };
    let judged = Judged {
        context,
        decisions: decisions.as_ref(),
        billed_until,
        keeps_all_hours: sizes.len() <= many(context),
    };
    let mut found = match &aside {
        Some(it) => advise_shelves(it, (&ingested, &config), &searches, (&judged, talk))?,
        None => advise_all(workloads, &searches, &ingested, (&judged, talk))?,
    };
    if aside.is_some() {
        ingested.notices.extend(checked(&found.analysed, (&config, &catalog), (global, talk)));
    }
    what_if::keep_unit_costs(&mut found.analysed, &mut found.fleet, &unit_costs)?;
    let run = RunFacts { ingested: &ingested, catalog: &catalog, zone, seed: global.seed, as_of };
    let parts: Vec<Part<'_>> = found
        .analysed
        .iter()
        .zip(&found.standing)
        .map(|it| judged.part(it.0, it.1.as_ref()))
        .collect();
    let commitments = recommend::commitments(&parts, &config.commitments, ingested.window, context);
    let Advised { analysed, fleet, outlooks, others, standing } = found;
    // Of very many workloads the report takes its place.
    drop(standing);
    let mut report = report::build(analysed, &others, &fleet, run)?;
    report::say_what_if(&mut report, &args.what_if);
    report.provenance.arguments = arguments(args, global);
    report::commit(&mut report, &commitments)?;
    let asked = report::judged(&commitments, &args.commitment, &catalog);
    report.notices.splice(0..0, asked);
    if let Some(decisions) = decisions {
        let hours = catalog.assumptions.change.hours_per_week;
        report::respect(&mut report, &decisions, (as_of, hours))?;
    }
    report::say_unpriced(&mut report, &catalog);
    if let Some(cap) = config.policy.max_expiring_share_per_quarter {
        report::say_over_cap(&mut report, cap);
    }
    let budget = ahead::budget(&config.budget, report.currency, (global, talk))?;
    // The bill says nothing of months with other demand or at other prices.
    if !args.what_if.iter().any(WhatIf::moves_the_bill) {
        report::look_ahead(&mut report, &outlooks, run, &budget)?;
    }
    if let Some(previous) = args.previous.as_deref() {
        ahead::look_back(&mut report, previous, run, (global, talk))?;
    }
    Ok(report)
}

/// What was decided: in the file named, else in the one beside the config or else the first input.
fn decisions(
    args: &AnalyzeArgs,
    global: &Global,
    talk: Talk,
) -> Result<Option<Decisions>, Failure> {
    let sources = remote::expand(&args.input.files, talk)?;
    let first = sources.iter().find_map(|it| it.beside(inputs::CONFIG_NAME));
    let beside = global.config.as_deref().or(first.as_deref());
    match decide::decisions_file(args.decisions.as_deref(), beside) {
        Some(_) if global.redact => {
            talk.warn("decisions name people and workloads: a redacted report leaves them out");
            Ok(None)
        }
        Some(path) => decide::read_decisions(&path).map(Some),
        None => Ok(None),
    }
}

/// A flag that is set after so many seconds; never without a number.
fn stop_after(seconds: Option<u32>) -> Arc<AtomicBool> {
    let stop = Arc::new(AtomicBool::new(seconds == Some(0)));
    if let Some(seconds) = seconds {
        let flag = Arc::clone(&stop);
        std::thread::spawn(move || {
            std::thread::sleep(Duration::from_secs(u64::from(seconds)));
            flag.store(true, Ordering::Relaxed);
        });
    }
    stop
}

/// Workloads beyond which the plans of the others are not sought in full.
fn many(context: Context<'_>) -> usize {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` saturates")]
    let many = context.catalog.assumptions.advice.many_workloads as usize;
    many
}

/// Says what the config names and no workload has; gives what looks like one workload in two.
fn checked(
    analysed: &[Analysed],
    known: (&Config, &Catalog),
    (global, talk): (&Global, Talk),
) -> Option<String> {
    let workloads = analysed.iter().map(|it| &it.workload);
    inputs::unknown_to(workloads.clone(), known, global.redact, talk);
    inputs::apart(workloads)
}

/// What a workload costs, and how many requests it has.
type Size = (Option<Money>, Option<u64>);

/// Those of all workloads, in the order of their names.
fn sizes(aside: Option<&Shelved>, workloads: &[Workload]) -> Vec<Size> {
    match aside {
        Some(it) => it.workloads.iter().map(|it| (it.cost, it.requests)).collect(),
        None => workloads.iter().map(|it| (it.totals.effective_cost, it.totals.requests)).collect(),
    }
}

/// How far the plans of each workload are sought: where there are many, in full for those that cost the
/// most, unless so many were asked for only where a replay takes moments.
fn searches(sizes: &[Size], asked: Option<usize>, context: Context<'_>) -> Vec<Search> {
    let assumed = &context.catalog.assumptions.advice;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` saturates")]
    let dearest = assumed.full_searches as usize;
    let is_cut = sizes.len() > many(context) && context.search == Search::Full;
    let n = asked.unwrap_or(if is_cut { dearest } else { sizes.len() });
    let is_short =
        |requests: Option<u64>| requests.is_none_or(|it| it as f64 <= assumed.full_search_requests);
    let may = |at: &usize| asked.is_some() || !is_cut || is_short(sizes[*at].1);
    let mut order: Vec<usize> = (0..sizes.len()).filter(may).collect();
    order.sort_by_key(|at| (Reverse(sizes[*at].0.map(Money::atto)), *at));
    let mut searches = vec![Search::ClosedForm; sizes.len()];
    for at in order.into_iter().take(n) {
        searches[at] = context.search;
    }
    searches
}

/// `--output`, else `reports/<stem of the first input>`, which what-if runs do not overwrite.
fn report_folder(
    words: &[String],
    is_what_if: bool,
    (global, talk): (&Global, Talk),
) -> Result<PathBuf, Failure> {
    if let Some(folder) = &global.output {
        if folder.is_file() {
            return Err(Failure::usage(
                format!("--output {} is a file", folder.display()),
                "analyze writes several files: name a folder",
            ));
        }
        return Ok(folder.clone());
    }
    if global.redact {
        return Ok(Path::new("reports").join("redacted"));
    }
    let suffix = if is_what_if { "-what-if" } else { "" };
    let sources = remote::expand(words, talk)?;
    let name = ingest::file_name(sources.first().map_or("stdin", Source::name));
    let stem = name.split('.').find(|it| !it.is_empty()).unwrap_or("report");
    Ok(Path::new("reports").join(format!("{stem}{suffix}")))
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::{Cli, Command};

    const MODEL: &str = "meta-llama/Meta-Llama-3.1-8B";

    /// The report of two days of a usage table, with what is asked.
    fn report_of(words: &[&str]) -> ReportModel {
        report_with(words, &["chat"], None, |_| {})
    }

    /// The same of several workloads, with rows put aside beyond so many, and the catalog changed.
    fn report_with(
        words: &[&str],
        names: &[&str],
        most_rows: Option<usize>,
        change: impl Fn(&mut Catalog),
    ) -> ReportModel {
        let row = |workload: &str, owner: &str, day: u32, hour: u32| {
            let at = |hour: u32| format!("2026-10-0{day}T{hour:02}:00:00Z");
            let (start, end) = (at(hour), at(hour + 1));
            format!("{start},{end},{workload},{owner},aws,H100,1,4.00,100,1000,1000,{MODEL}")
        };
        let head = "period_start,period_end,workload,owner,provider,gpu,gpu_count,cost,requests,\
                    prompt_tokens,completion_tokens,model";
        let mut lines = vec![head.to_owned()];
        for (day, hour) in (1..=2).flat_map(|day| (0..23).map(move |hour| (day, hour))) {
            lines.extend(names.iter().map(|it| row(it, "ann", day, hour)));
        }
        // A row twice, one of nobody.
        lines.extend(lines.last().cloned().filter(|_| most_rows.is_some() || names.len() > 1));
        lines.push(row("", "bob", 1, 0));
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("usage.csv");
        std::fs::write(&file, lines.join("\n")).unwrap();
        let file = file.display().to_string();
        let all = ["gpuadvise", "analyze", &file].into_iter().chain(words.iter().copied());
        let cli = Cli::parse_from(all);
        let Command::Analyze(args) = &cli.command else { unreachable!() };
        let talk = Talk::silent();
        let aside =
            most_rows.map(|most_rows| AsideFolder { folder: folder.path().to_owned(), most_rows });
        let mut inputs = Inputs::read_by_shelves(&args.input, &cli.global, talk, aside).unwrap();
        assert_eq!(inputs.ingested.aside.is_some(), most_rows.is_some());
        change(&mut inputs.catalog);
        analyse(inputs, args, &cli.global, talk).unwrap()
    }

    #[test]
    fn other_demand_does_not_change_what_a_unit_cost() {
        let was = report_of(&[]);
        let asked = report_of(&["--what-if", "demand=+50%"]);
        let cost = |it: &ReportModel| it.totals.cost_per_million_tokens.unwrap().to_string();
        // 4.00 for 2,000 tokens.
        assert_eq!(cost(&was), "2000.00 USD");
        assert_eq!(cost(&asked), cost(&was));
        let row = |it: &ReportModel| it.workloads[0].baseline.unit_cost.per_million_tokens;
        assert_eq!(row(&asked), row(&was));
        assert_eq!(asked.totals.cost_per_million_tokens, row(&asked));
    }

    #[test]
    fn beyond_the_dearest_nothing_is_replayed_and_that_is_said() {
        let said = |it: &ReportModel| it.notices.iter().any(|it| it.contains("--full-search"));
        let of_requests = |it: &ReportModel| it.workloads[0].busiest_day.is_some();
        let (full, closed) =
            (report_of(&["--full-search", "1"]), report_of(&["--full-search", "0"]));
        assert!(!said(&full));
        assert!(said(&closed) && !of_requests(&closed));
        assert_eq!(
            full.workloads[0].baseline.monthly_cost,
            closed.workloads[0].baseline.monthly_cost
        );
        assert!(closed.workloads[0].plans.iter().all(|it| it.slo_attainment.is_none()));
    }

    #[test]
    fn rows_that_were_put_aside_make_the_same_report() {
        let names = ["chat", "embed", "search"];
        for words in [&[][..], &["--until", "2026-10-02"], &["--since", "2026-10-01T12:00"]] {
            let reports = [None, Some(10)].map(|most_rows| {
                let report = report_with(words, &names, most_rows, |_| {});
                serde_json::to_value(&report).unwrap()
            });
            let [in_memory, aside] = reports.map(|mut it| {
                // The folder of the input is another one each time.
                it["provenance"] = serde_json::Value::Null;
                it.to_string()
            });
            assert_eq!(in_memory, aside, "{words:?}");
        }
    }

    #[test]
    fn of_very_many_workloads_only_series_are_left_out() {
        let names = ["chat", "embed", "search"];
        let of = |many: f64, most_rows| {
            let report = report_with(&["--full-search", "1"], &names, most_rows, |catalog| {
                catalog.assumptions.advice.many_workloads = many;
            });
            let days: Vec<Money> = report
                .workloads
                .iter()
                .flat_map(|it| &it.cost_by_day)
                .chain(&report.portfolio.cost_by_day_of_others)
                .map(|it| it.cost)
                .collect();
            let spent = Money::sum(days, report.currency).unwrap();
            assert_eq!(Some(spent), report.totals.effective_cost);
            serde_json::to_value(&report).unwrap()
        };
        let mut whole = of(500.0, None);
        for cut in [of(2.0, None), of(2.0, Some(10))] {
            let mut all = whole["workloads"].as_array().unwrap().iter();
            assert!(all.all(|it| it.get("hours_left_out").is_none()));
            let mut left_out = 0;
            let mut cut = cut;
            for (cut, whole) in cut["workloads"]
                .as_array_mut()
                .unwrap()
                .iter_mut()
                .zip(whole["workloads"].as_array_mut().unwrap())
            {
                if cut["hours_left_out"] == true {
                    left_out += 1;
                    cut.as_object_mut().unwrap().remove("hours_left_out");
                    for series in ["demand_by_hour", "duration_curve", "cost_by_day"] {
                        assert!(
                            cut[series].is_null() || cut[series].as_array().unwrap().is_empty()
                        );
                        whole[series] = cut[series].clone();
                    }
                }
            }
            assert_eq!(left_out, 2);
            for it in [&mut cut, &mut whole] {
                it["portfolio"].as_object_mut().unwrap().remove("cost_by_day_of_others");
                it["provenance"] = serde_json::Value::Null;
                let notices = it["notices"].as_array_mut().unwrap();
                notices.retain(|it| !it.as_str().unwrap().contains("single hours and days"));
            }
            assert!(cut == whole, "{cut}\n{whole}");
        }
    }

    #[test]
    fn of_very_many_workloads_those_with_too_many_requests_are_not_replayed() {
        let (policy, stop) = (ingest::Config::default().policy, AtomicBool::new(false));
        let catalog = Catalog::embedded().unwrap();
        let of = |search, n: usize, asked| {
            let at = crate::units::Timestamp::from_us(0);
            let (catalog, policy, stop) = (&catalog, &policy, &stop);
            let context =
                Context { catalog, policy, seed: 1, as_of: at, zone: chrono_tz::UTC, search, stop };
            let size = |at: usize| {
                let usd = Money::parse(&at.to_string(), crate::units::Currency::USD).ok();
                (usd, Some(if at.is_multiple_of(2) { 1_000_000 } else { 1_000_001 }))
            };
            let sizes: Vec<Size> = (0..n).map(size).collect();
            let found = searches(&sizes, asked, context).into_iter().enumerate();
            found.filter(|it| it.1 == search).map(|it| it.0).collect::<Vec<_>>()
        };
        let even: Vec<usize> = (0..600).filter(|it| it % 2 == 0 && *it >= 500).collect();
        assert_eq!(of(Search::Full, 600, None), even);
        assert_eq!(of(Search::Full, 600, Some(2)), [598, 599]);
        assert_eq!(of(Search::Full, 500, None).len(), 500);
        assert_eq!(of(Search::Exhaustive, 600, None).len(), 600);
    }

    #[test]
    fn rows_of_a_usage_table_without_a_workload_are_listed_with_their_owner() {
        let report = report_of(&[]);
        let [it] = report.reconciliation.unmatched.as_slice() else { panic!("one was expected") };
        assert_eq!((it.part, it.rows), ("unassigned", 1));
        assert_eq!((it.owner.as_deref(), it.gpu.as_deref()), (Some("bob"), Some("H100")));
        assert_eq!(it.effective.map(|it| it.to_string()).as_deref(), Some("4.00 USD"));
    }
}
