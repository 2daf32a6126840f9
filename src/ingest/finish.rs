//! Joins what the files gave: one table, one window, one account.

use std::collections::{BTreeMap, BTreeSet};

use chrono_tz::Tz;

use super::bill::{Closed, Common, Costs, Entry};
use super::coverage::TableHours;
use super::measured::{self, Measured};
use super::open::Gathered;
use super::usage_rows::UsageRows;
use super::{
    Config, IngestError, Ingested, InputFile, Rates, ReadOptions, Rejected, RejectedKind,
    RequestCounts, RequestLog, RuleMatch, SourceKind, coverage, reconcile, shelved, window,
};
use crate::units::{Currency, Money, Period, Timestamp};
use crate::usage::{PricingCategory, UsageRow, UsageTable};

/// Rows that were refused, and how many more are counted only.
pub(super) struct Refused {
    pub(super) rows: Vec<Rejected>,
    pub(super) uncounted: u64,
    /// Duplicates that are counted only.
    pub(super) duplicates: u64,
}

impl Refused {
    /// Those of tables, bills and other sources. Bills keep a part of very many rejected rows, and count
    /// them all.
    pub(super) fn of(
        (usage, closed): (&UsageRows, &Closed),
        others: impl Iterator<Item = Rejected>,
        duplicates: u64,
    ) -> Refused {
        let uncounted = closed.n_rejected - closed.rejected.len() as u64;
        let rows = usage.rejected.iter().chain(&closed.rejected).cloned().chain(others);
        Refused { rows: rows.collect(), uncounted, duplicates }
    }

    /// The same in order; fails where they are too many.
    pub(super) fn within(
        mut self,
        (rows_in, files): (u64, &[InputFile]),
        options: &ReadOptions,
    ) -> Result<Refused, IngestError> {
        self.sort(files);
        self.check_limit(rows_in, options.max_rejected_percent)?;
        Ok(self)
    }

    /// Row counts of the account.
    pub(super) fn counts(&self, rows_in: u64, outside_window: u64) -> reconcile::RowCounts {
        let (rejected, duplicates) = (self.all(), self.duplicates());
        reconcile::RowCounts { rows_in, rejected, duplicates, outside_window }
    }

    pub(super) fn duplicates(&self) -> u64 {
        let listed = self.rows.iter().filter(|it| it.kind == RejectedKind::Duplicate).count();
        listed as u64 + self.duplicates
    }

    pub(super) fn all(&self) -> u64 {
        self.rows.len() as u64 + self.uncounted + self.duplicates
    }

    /// In the order of files, then rows, whichever stage refused them.
    pub(super) fn sort(&mut self, files: &[InputFile]) {
        let place = |name: &str| files.iter().position(|it| it.name == name);
        self.rows.sort_by_key(|it| (place(&it.file), it.row));
    }

    /// Stops the run when too many rows were refused; duplicates do not count.
    pub(super) fn check_limit(&self, rows_in: u64, percent: f64) -> Result<(), IngestError> {
        let faulty = || self.rows.iter().filter(|it| it.kind == RejectedKind::Faulty);
        let n_rejected = faulty().count() as u64 + self.uncounted;
        if n_rejected as f64 * 100.0 <= rows_in as f64 * percent {
            return Ok(());
        }
        let first = faulty().next().map(ToString::to_string).unwrap_or_default();
        Err(IngestError::TooManyRejected { n_rejected, rows_in, percent, first })
    }
}

/// Joins, removes duplicates, checks the limit, cuts the window.
pub(super) fn finish(
    mut gathered: Gathered,
    config: &Config,
    options: &ReadOptions,
) -> Result<Ingested, IngestError> {
    if let Some(aside) = gathered.usage.take_aside()? {
        if shelved::is_enough(&gathered) {
            return shelved::finish(gathered, aside, config, options);
        }
        gathered.usage.take_back(&aside)?;
    }
    in_memory(gathered, config, options)
}

/// The same of rows that are all in memory.
fn in_memory(
    gathered: Gathered,
    config: &Config,
    options: &ReadOptions,
) -> Result<Ingested, IngestError> {
    let first_rows = gathered.first_rows();
    let Gathered { usage, logs, books, measured, view, mut files, mut notices, .. } = gathered;
    let usage = usage.finish()?;
    count_duplicates(&mut files, &usage.rejected);
    let logs = logs.finish();
    let closed = books.close()?;
    let measured = measured.with_days(logs.days);
    notices.extend(logs.notices.into_iter().chain(closed.notices.iter().cloned()));
    let rows_in = files.iter().map(|it| it.rows).sum();
    let others = logs.rejected.into_iter().chain(gathered.rejected);
    let refused = Refused::of((&usage, &closed), others, logs.unlisted);
    let refused = refused.within((rows_in, &files), options)?;
    let relative = is_relative(&logs.logs, &usage.table, (&closed, &measured))?;
    let of_table = (!usage.table.is_empty()).then_some(usage.table.currency);
    let rates = rates(of_table, &closed, config, &first_rows)?;
    let span = span_of_all(&usage.table, &logs.logs, (&closed, &measured));
    // A month of cost is made of the hours that the bill covers, so nothing else may add hours.
    let has_bill = closed.span.is_some();
    let billed = span.filter(|_| has_bill);
    let windows = undated(span, &files, options)
        .and_then(|span| Ok((span, windows(span, has_bill, options)?)));
    let cut = windows.as_ref().ok().and_then(|it| it.1.1);
    let tables = reconcile::TableTotals::of(&usage, &rates, cut)?;
    let joined = join(usage.table, &closed, (&measured, billed), &rates)?;
    refuse_same_money(&joined, &files)?;
    notices.extend(usage.notices.iter().cloned());
    notices.extend(joined.notices);
    notices.extend(beyond(billed, &logs.logs, &measured));
    let dated = span.is_some();
    let (span, (window, cut)) = windows?;
    let edges = cut.map(|asked| Edges::of(&joined.table, asked)).unwrap_or_default();
    notices.extend(edges.sentence());
    let window = if cut.is_some() { edges.whole_days(window) } else { window };
    let (table, before) = window::split(joined.table, cut);
    let n_all = n_requests(&logs.logs);
    let requests: Vec<RequestLog> =
        logs.logs.into_iter().map(|it| it.cut_to(window)).filter(|it| !it.is_empty()).collect();
    if dated && table.is_empty() && requests.is_empty() && closed.entries.is_empty() {
        return Err(IngestError::EmptyWindow { window, data: span });
    }
    let n_outside = tables.n_outside() + n_all - n_requests(&requests);
    let rows = refused.counts(rows_in, n_outside);
    let bills = reconcile::Bills { closed: &closed, rates: &rates, cut };
    let reconciliation = reconcile::reconcile(&rows, &tables, &bills)?;
    let hours = TableHours::of(&table, window);
    let coverage = coverage::coverage(hours, &requests, &measured, window, options.zone);
    notices.extend(coverage.notices());
    Ok(Ingested {
        usage: table,
        before,
        aside: None,
        requests,
        engine: measured.engine(window),
        engine_latencies: measured.latencies(window),
        facts: measured::facts(&view),
        window,
        relative,
        dated,
        request_counts: RequestCounts::of(&logs.account),
        rejected: refused.rows,
        reconciliation,
        coverage,
        invoice: closed.invoice.said(gathered.estimated),
        files,
        rules: rules_of(config),
        notices,
    })
}

pub(super) fn rules_of(config: &Config) -> Vec<RuleMatch> {
    let rules = config.rules.matched().into_iter();
    rules.map(|(rule, matched)| RuleMatch { rule, matched }).collect()
}

/// Counts the duplicates among the rejected rows of their files: they are known only with all files read.
pub(super) fn count_duplicates(files: &mut [InputFile], rejected: &[Rejected]) {
    for it in rejected.iter().filter(|it| it.kind == RejectedKind::Duplicate) {
        if let Some(file) = files.iter_mut().find(|file| file.name == it.file) {
            file.rejected += 1;
        }
    }
}

/// The window of the analysis, and the one that the account is cut by, if by any.
pub(super) fn windows(
    span: Period,
    has_bill: bool,
    options: &ReadOptions,
) -> Result<(Period, Option<Period>), IngestError> {
    let cut = &options.cut;
    // Invoice months are months of UTC.
    let zone = if has_bill && cut.month.is_some() { Tz::UTC } else { options.zone };
    let window = cut.resolve(span, zone)?;
    let asked = if has_bill { cut.asked(window, zone) } else { window };
    Ok((window, cut.is_some().then_some(asked)))
}

/// The time that the data cover: that of the bills and usage tables where there is a bill, else of
/// everything.
fn span_of_all(
    table: &UsageTable,
    logs: &[RequestLog],
    (closed, measured): (&Closed, &Measured),
) -> Option<Period> {
    let of_bills = [table.span(), closed.span];
    let of_all = [window::span_of(table, logs), closed.span, measured.span()];
    let spans = if closed.span.is_some() { &of_bills[..] } else { &of_all[..] };
    let span = spans.iter().copied().flatten().reduce(Period::cover);
    span.or_else(|| closed.entries.iter().map(|it| it.period).reduce(Period::cover))
}

/// The periods of the rows that have a cost.
fn periods_with_cost(table: &UsageTable) -> impl Iterator<Item = Period> {
    (0..table.len()).filter(|at| table.has_cost(*at)).filter_map(|at| table.period.get(at))
}

/// What the rows that have a cost say about the edges of a window that was asked for.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Edges {
    out: u64,
    into: u64,
    /// The first row of a day or less that begins in it, and the end of the last.
    start: Option<Timestamp>,
    end: Option<Timestamp>,
    /// Whether one that begins before it reaches into it.
    is_left_out: bool,
}

impl Edges {
    /// Of the rows of a table.
    pub(super) fn of(table: &UsageTable, asked: Period) -> Edges {
        /// The longest day, when clocks go back.
        const DAY_H: f64 = 25.0;
        let mut found = Edges::default();
        for period in periods_with_cost(table) {
            let starts = asked.contains(period.start());
            let reaches_in = period.start() < asked.start() && asked.start() < period.end();
            found.out += u64::from(starts && asked.end() < period.end());
            found.into += u64::from(reaches_in);
            if period.hours() <= DAY_H {
                let own = starts.then_some(period);
                found = found.with(&Edges {
                    start: own.map(Period::start),
                    end: own.map(Period::end),
                    is_left_out: reaches_in,
                    ..Edges::default()
                });
            }
        }
        found
    }

    /// With what other rows say.
    pub(super) fn with(&self, other: &Edges) -> Edges {
        let both = |a: Option<Timestamp>,
                    b: Option<Timestamp>,
                    of: fn(Timestamp, Timestamp) -> Timestamp| {
            a.into_iter().chain(b).reduce(of)
        };
        Edges {
            out: self.out + other.out,
            into: self.into + other.into,
            start: both(self.start, other.start, Timestamp::min),
            end: both(self.end, other.end, Timestamp::max),
            is_left_out: self.is_left_out || other.is_left_out,
        }
    }

    /// Says how many rows of GPU cost lie across the edges of the window: a row counts whole where it
    /// begins, so that windows side by side add up.
    pub(super) fn sentence(&self) -> Option<String> {
        let Edges { out, into, .. } = self;
        (out + into > 0).then(|| {
            format!(
                "a row counts whole in the window it begins in: {out} rows of GPU cost reach beyond the end of this one, \
                 {into} reach into it from before and are left out; of days the window is made of whole ones"
            )
        })
    }

    /// The window of the rows that count: where a bill has days and the window begins or ends within
    /// one, the money is that of whole days, and so must its hours be.
    pub(super) fn whole_days(&self, window: Period) -> Period {
        let end = self.end.map_or(window.end(), |it| it.max(window.end()));
        let start = self.start.filter(|_| self.is_left_out);
        let start = start.map_or(window.start(), |it| it.max(window.start()));
        Period::new(start, end).unwrap_or(window)
    }
}

/// Says which other data lie before or after the bills.
fn beyond(billed: Option<Period>, logs: &[RequestLog], measured: &Measured) -> Option<String> {
    let billed = billed?;
    let others = logs.iter().filter_map(RequestLog::span).chain(measured.span());
    let all = others.reduce(Period::cover)?;
    (all.start() < billed.start() || billed.end() < all.end()).then(|| {
        format!(
            "the bills cover {} to {}; requests and metrics reach from {} to {}, and what lies outside the bills \
             is left out",
            billed.start(),
            billed.end(),
            all.start(),
            all.end()
        )
    })
}

fn n_requests(logs: &[RequestLog]) -> u64 {
    logs.iter().map(|it| it.trace.len() as u64).sum()
}

/// Whether times count from the start of a log; such logs cannot be joined with dates.
fn is_relative(
    logs: &[RequestLog],
    table: &UsageTable,
    (closed, measured): (&Closed, &Measured),
) -> Result<bool, IngestError> {
    let relative = logs.iter().any(|it| it.trace.relative);
    let dated = !table.is_empty()
        || closed.span.is_some()
        || !measured.is_empty()
        || logs.iter().any(|it| !it.trace.relative);
    if relative && dated { Err(IngestError::MixedClocks) } else { Ok(relative) }
}

/// The span, or a stand-in where an inventory without times will do.
fn undated(
    span: Option<Period>,
    files: &[InputFile],
    options: &ReadOptions,
) -> Result<Period, IngestError> {
    if let Some(span) = span {
        return Ok(span);
    }
    let file = files.first().map(|it| it.name.clone()).unwrap_or_default();
    let is_inventory =
        |it: &InputFile| matches!(it.kind, SourceKind::Telemetry | SourceKind::Configuration);
    if !files.iter().all(is_inventory) {
        return Err(IngestError::NoRows { file });
    }
    if options.facts_will_do { Ok(Period::EPOCH_DAY) } else { Err(IngestError::NoTimes { file }) }
}

/// The rates of the currencies of a run.
pub(super) fn rates(
    of_table: Option<Currency>,
    closed: &Closed,
    config: &Config,
    first_rows: &BTreeMap<Currency, (String, u64)>,
) -> Result<Rates, IngestError> {
    let of_bills = closed.totals.keys().map(|(currency, _)| *currency);
    let found: BTreeSet<_> = of_bills.chain(of_table).collect();
    let found: Vec<_> = found.into_iter().collect();
    let first = |it| first_rows.get(&it).cloned();
    Rates::of(&found, config.reporting.currency, &config.fx, &first)
}

/// The usage rows of all sources in one table.
struct Joined {
    table: UsageTable,
    notices: Vec<String>,
    /// Costs that are in usage tables and in bills.
    common: Common,
}

/// Fails when a usage table holds what a bill charges: it is what `ingest --output` made of it.
fn refuse_same_money(joined: &Joined, files: &[InputFile]) -> Result<(), IngestError> {
    let of = |kind: SourceKind| files.iter().find(|it| it.kind == kind);
    match (of(SourceKind::Usage), of(SourceKind::Bill)) {
        (Some(table), Some(bill)) if joined.common.is_copy() => Err(IngestError::SameMoneyTwice {
            first: table.name.clone(),
            first_format: table.format.clone(),
            second: bill.name.clone(),
            second_format: bill.format.clone(),
            evidence: joined.common.to_string(),
        }),
        _ => Ok(()),
    }
}

/// What a usage row costs, and when: equal in a usage table and in the bill that it was made of. Whose
/// it is a cluster or a rule may have told one of the two; without an account that must be equal too,
/// since many rent the same GPU at the same price.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Cost {
    place: [Option<String>; 4],
    period: Option<Period>,
    amount: i128,
}

impl Cost {
    /// Nothing where the row is free.
    fn of(row: &UsageRow<'_>) -> Option<Cost> {
        let amount =
            row.effective_cost.or(row.billed_cost).map(Money::atto).filter(|it| *it != 0)?;
        let whose = row.sub_account.or(row.workload);
        let place = [row.provider, row.region, row.gpu, whose].map(|it| it.map(str::to_owned));
        Some(Cost { place, period: row.period, amount })
    }
}

/// Says how many rows charge a GPU and count something else than hours, such as Azure's `100 Hours`.
fn without_hours(closed: &Closed) -> Option<String> {
    // Cores and memory of a machine count none, and need none beside its GPUs.
    fn whose(it: &Entry) -> (Option<&str>, Option<&str>, Option<&str>) {
        let booking = &it.booking;
        let name = booking.workload.as_deref().or(booking.what.as_deref());
        (booking.provider.as_deref(), name, booking.gpu.as_deref())
    }
    let counted = closed.entries.iter().filter(|it| it.sums.gpu_hours().is_some());
    let counted: BTreeSet<_> = counted.map(whose).collect();
    let is_one = |it: &&Entry| {
        let paid = it.sums.costs.effective.is_some_and(|it| it > 0);
        let of_gpu = Closed::is_usage(it) && it.booking.gpu.is_some();
        of_gpu && paid && it.sums.gpu_hours().is_none() && !counted.contains(&whose(it))
    };
    let rows: u64 = closed.entries.iter().filter(is_one).map(|it| it.sums.rows).sum();
    (rows > 0).then(|| {
        format!("rows of GPU cost that count no hours, so that GPU-hours are not known: {rows}")
    })
}

fn join(
    table: UsageTable,
    closed: &Closed,
    (measured, within): (&Measured, Option<Period>),
    rates: &Rates,
) -> Result<Joined, IngestError> {
    let mut joined = measured::table_in_currency(table, rates)?;
    let mut notices = Vec::new();
    let mut of_tables: BTreeSet<Cost> = BTreeSet::new();
    // Costs are compared with those of bills only.
    if closed.entries.iter().any(Closed::is_usage) {
        of_tables.extend((0..joined.len()).filter_map(|at| Cost::of(&joined.row(at)?)));
    }
    let mut of_bills: BTreeSet<Cost> = BTreeSet::new();
    let (mut dropped, mut without_effective) = (0_u64, 0_u64);
    for entry in closed.entries.iter().filter(|it| Closed::is_usage(it)) {
        let rounded = closed.rounded.contains(&entry.booking.provider);
        let gpu_hours = entry.sums.gpu_hours().filter(|it| *it >= 0.0);
        dropped += u64::from(gpu_hours.is_none() && entry.sums.gpu_hours().is_some());
        // Hours that were taken back; the share of a pod has no rows of its own, but has money.
        if gpu_hours.is_none() && entry.sums.costs == Costs::default() {
            continue;
        }
        let row = measured::row_of_bill(entry, gpu_hours, rounded);
        let covered = row.pricing_category == PricingCategory::Committed;
        let stands_in = row.billed_cost.is_some_and(|it| !(covered && it.is_zero()));
        without_effective += u64::from(row.effective_cost.is_none() && stands_in);
        let row = measured::in_currency(&row, rates)?;
        if !of_tables.is_empty() {
            of_bills.extend(Cost::of(&row));
        }
        joined.push(&row);
    }
    let common = Common {
        both: of_bills.intersection(&of_tables).count(),
        of: of_tables.len().min(of_bills.len()),
    };
    if common.both > 0 {
        notices.push(format!(
            "a usage table and a bill: {common}: if the table was made of a bill, what they share counts twice"
        ));
    }
    if dropped > 0 {
        notices.push(format!(
            "corrections of GPU-hours that these files do not hold, whose money is counted and whose hours \
             are not: {dropped}"
        ));
    }
    notices.extend(without_hours(closed));
    if without_effective > 0 {
        notices.push(format!(
            "rows of GPU cost without an effective cost, for which the billed cost stands in: {without_effective}"
        ));
    }
    for provider in &closed.rounded {
        let name = provider.as_deref().unwrap_or("a provider without a name");
        notices.push(format!(
            "{name}: every effective cost in the bill is 0 or a whole number where the billed cost is not, so they \
             were rounded away: the analysis uses the billed cost"
        ));
    }
    let counted_once = measured.push_rows(&mut joined, within);
    if let Some(first) = counted_once.first() {
        notices.push(format!(
            "requests are counted by one source per workload: further counts of `{first}`{} are left out",
            match counted_once.len() {
                1 => String::new(),
                n => format!(" and {} more", n - 1),
            }
        ));
    }
    Ok(Joined { table: joined, notices, common })
}
