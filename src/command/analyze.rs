//! `gpuadvise analyze`: from files to the report.

use std::cmp::Reverse;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use chrono::NaiveDate;
use chrono_tz::Tz;
use rayon::prelude::*;

use super::arguments::arguments;
use super::failure::{ExitStatus, Failure};
use super::inputs::Inputs;
use super::progress::Progress;
use super::talk::Talk;
use super::{CommandResult, ahead, decide, describe, email, inputs, output, remote, what_if};
use crate::classify::{Description, Fleet};
use crate::cli::{AnalyzeArgs, Global};
use crate::ingest::{self, Decisions, Ingested, Source};
use crate::recommend::{self, Context, Described, Part, Search, Sharer, WhatIf};
use crate::report::{self, Analysed, ReportModel, RunFacts, TerminalStyle};
use crate::units::Money;
use crate::workload::Workload;

pub(super) fn run(args: &AnalyzeArgs, global: &Global, talk: Talk) -> CommandResult {
    let began = Instant::now();
    let inputs = Inputs::read(&args.input, global, talk)?;
    let mut stages = vec![began.elapsed()];
    let config = inputs.config.email.as_ref();
    let email = args.email.then(|| email::check(config, global.redact)).transpose()?;
    let folder = report_folder(&args.input.files, !args.what_if.is_empty(), (global, talk))?;
    let is_closed = inputs.ingested.reconciliation.is_closed();
    let _claim = output::claim(&folder, talk)?;
    let report = analyse(inputs, args, global, talk)?;
    stages.push(began.elapsed());
    let files = report::files(&report)?;
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
    let Inputs { mut config, mut catalog, zone, ingested, mut workloads } = inputs;
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
    let searches = searches(&workloads, args.full_search, context);
    let (mut analysed, mut fleet) =
        advise_all(workloads, &searches, &ingested, context, (zone, talk))?;
    what_if::keep_unit_costs(&mut analysed, &mut fleet, &unit_costs)?;
    let run = RunFacts { ingested: &ingested, catalog: &catalog, zone, seed: global.seed, as_of };
    let parts = parts(&analysed, decisions.as_ref(), as_of.in_zone(zone).date());
    let commitments = recommend::commitments(&parts, &config.commitments, ingested.window, context);
    let outlooks = ahead::outlooks(&analysed, run)?;
    let mut report = report::build(analysed, &fleet, run)?;
    report::say_what_if(&mut report, &args.what_if);
    report.provenance.arguments = arguments(args, global);
    report::commit(&mut report, &commitments)?;
    let judged = report::judged(&commitments, &args.commitment, &catalog);
    report.notices.splice(0..0, judged);
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

/// The workloads with what was found; the advice that was rejected or put off is not followed.
fn parts<'a>(
    analysed: &'a [Analysed],
    decisions: Option<&Decisions>,
    today: NaiveDate,
) -> Vec<Part<'a>> {
    let is_put_aside = |id: &str| decisions.is_some_and(|it| it.is_put_aside(id, today));
    let months = |id: &str| decisions.and_then(|it| it.months_put_off(id, today));
    let part = |it: &'a Analysed| {
        let id = &it.recommendation.advice.id;
        Part {
            workload: &it.workload,
            found: &it.recommendation,
            waste: &it.description.waste,
            is_followed: !is_put_aside(id),
            changed_at: Described::of(&it.workload, &it.description).changed_at,
            months_put_off: months(id),
        }
    };
    analysed.iter().map(part).collect()
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

/// How far the plans of each workload are sought: where there are many, in full for those that cost the
/// most.
fn searches(workloads: &[Workload], asked: Option<usize>, context: Context<'_>) -> Vec<Search> {
    let assumed = &context.catalog.assumptions.advice;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` saturates")]
    let (many, dearest) = (assumed.many_workloads as usize, assumed.full_searches as usize);
    let is_cut = workloads.len() > many && context.search == Search::Full;
    let n = asked.unwrap_or(if is_cut { dearest } else { workloads.len() });
    let mut searches = vec![context.search; workloads.len()];
    let mut order: Vec<usize> = (0..workloads.len()).collect();
    let cost = |at: &usize| workloads[*at].totals.effective_cost.map(Money::atto);
    order.sort_by_key(|at| (Reverse(cost(at)), *at));
    for at in order.into_iter().skip(n) {
        searches[at] = Search::ClosedForm;
    }
    searches
}

/// What each workload is and what to do about it, in the order of the workloads.
pub(super) fn advise_all(
    workloads: Vec<Workload>,
    searches: &[Search],
    ingested: &Ingested,
    context: Context<'_>,
    (zone, talk): (Tz, Talk),
) -> Result<(Vec<Analysed>, Fleet), Failure> {
    let (described, fleet) = describe::describe_all(&workloads, ingested, context.catalog, zone)?;
    let descriptions: Vec<Description> = described.into_iter().map(|it| it.1).collect();
    let progress = Progress::new(talk, "simulating plans", workloads.len());
    let mut analysed: Vec<Analysed> = workloads
        .into_par_iter()
        .zip(descriptions)
        .zip(searches)
        .map(|((workload, description), search)| {
            let described = Described::of(&workload, &description);
            let context = Context { search: *search, ..context };
            let recommendation = recommend::advise(described, context);
            progress.step();
            Analysed { workload, description, recommendation }
        })
        .collect();
    let sharers = analysed.iter_mut().map(|it| Sharer {
        described: Described::of(&it.workload, &it.description),
        recommendation: &mut it.recommendation,
    });
    recommend::share(&mut sharers.collect::<Vec<_>>(), context);
    Ok((analysed, fleet))
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
        let row = |workload: &str, owner: &str, day: u32, hour: u32| {
            let at = |hour: u32| format!("2026-10-0{day}T{hour:02}:00:00Z");
            let (start, end) = (at(hour), at(hour + 1));
            format!("{start},{end},{workload},{owner},aws,H100,1,4.00,100,1000,1000,{MODEL}")
        };
        let head = "period_start,period_end,workload,owner,provider,gpu,gpu_count,cost,requests,\
                    prompt_tokens,completion_tokens,model";
        let mut lines = vec![head.to_owned()];
        for (day, hour) in (1..=2).flat_map(|day| (0..23).map(move |hour| (day, hour))) {
            lines.push(row("chat", "ann", day, hour));
        }
        lines.push(row("", "bob", 1, 0));
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("usage.csv");
        std::fs::write(&file, lines.join("\n")).unwrap();
        let file = file.display().to_string();
        let all = ["gpuadvise", "analyze", &file].into_iter().chain(words.iter().copied());
        let cli = Cli::parse_from(all);
        let Command::Analyze(args) = &cli.command else { unreachable!() };
        let talk = Talk::silent();
        let inputs = Inputs::read(&args.input, &cli.global, talk).unwrap();
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
    fn rows_of_a_usage_table_without_a_workload_are_listed_with_their_owner() {
        let report = report_of(&[]);
        let [it] = report.reconciliation.unmatched.as_slice() else { panic!("one was expected") };
        assert_eq!((it.part, it.rows), ("unassigned", 1));
        assert_eq!((it.owner.as_deref(), it.gpu.as_deref()), (Some("bob"), Some("H100")));
        assert_eq!(it.effective.map(|it| it.to_string()).as_deref(), Some("4.00 USD"));
    }
}
