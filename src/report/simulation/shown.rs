//! The simulation for people: lines by what they are about, or a row each where there are several.

use std::fmt::Write as _;

use super::compared::Compared;
use super::figures::{Amounts, CostFigures, Figure, figures, unstable_in_words};
use super::{PlatformUsed, Room, Simulated, SimulatedRun, SimulationReport};
use crate::report::markdown::{escape, grid};
use crate::report::number::{DASH, Medium};
use crate::report::table::Table;
use crate::report::words::capitalized;
use crate::report::{TerminalStyle, hanging, plain};
use crate::units::Money;

/// A millionth.
const LEAST_SHOWN: u128 = 1_000_000_000_000;

/// Lines under a heading: what, and how much.
type Block = (&'static str, Vec<(&'static str, String)>);

/// The numbers of a row by name, in one medium.
pub(super) struct Figures<'a> {
    all: Vec<Figure>,
    costs: Option<CostFigures>,
    row: &'a Simulated,
    medium: Medium,
}

impl<'a> Figures<'a> {
    pub(super) fn of(
        report: &SimulationReport<'_>,
        row: &'a Simulated,
        medium: Medium,
    ) -> Figures<'a> {
        let runs: &[SimulatedRun] = row.runs.as_deref().unwrap_or_default();
        let costs = CostFigures::of(runs, report.is_reserved);
        Figures { all: figures(runs), costs, row, medium }
    }

    fn figure(&self, key: &str) -> Option<&Figure> {
        self.all.iter().find(|it| it.key == key)
    }

    pub(super) fn mean(&self, key: &str) -> Option<f64> {
        self.figure(key)?.mean
    }

    /// The mean, and the range over several seeds.
    fn shown(&self, key: &str, as_text: impl Fn(f64) -> String) -> String {
        let Some(it) = self.figure(key) else { return DASH.to_owned() };
        let Some(mean) = it.mean else { return DASH.to_owned() };
        ranged(&as_text(mean), &as_text(it.least), &as_text(it.most))
    }

    fn measure(&self, key: &str) -> String {
        self.shown(key, |it| self.medium.measure(it))
    }

    fn time(&self, key: &str) -> String {
        self.shown(key, |it| self.medium.duration(it))
    }

    /// A count as a share of all requests.
    pub(super) fn share(&self, key: &str) -> Option<f64> {
        let requests = self.mean("requests").filter(|it| *it > 0.0)?;
        Some(self.mean(key)? / requests)
    }

    pub(super) fn per_hour(&self) -> Option<Money> {
        Some(self.costs.as_ref()?.per_hour.as_ref()?.mean)
    }

    /// The mean of an amount, and its range over several seeds.
    fn amounts(&self, it: &Amounts) -> String {
        let text = |amount| self.medium.unit_cost(amount);
        ranged(&text(it.mean), &text(it.least), &text(it.most))
    }

    /// `Costs 1.23 USD an hour; 3.2 % of requests waited for a start; p95 wait 12 s`.
    fn sentence(&self) -> String {
        if let Err(why) = &self.row.runs {
            return format!("Not simulated: {why}");
        }
        let per_hour = self.costs.as_ref().and_then(|it| it.per_hour.as_ref());
        let cost = per_hour.map_or_else(
            || "Costs are not known".to_owned(),
            |it| format!("Costs {} {} an hour", self.amounts(it), it.mean.currency()),
        );
        if let Some(unstable) = unstable_in_words(self.row) {
            return format!("{unstable}. {cost}.");
        }
        let share = |key| self.share(key).filter(|it| *it > 0.0).map(|it| self.medium.percent(it));
        let delayed = match share("delayed_requests") {
            Some(share) => format!("{share} of requests waited for a start"),
            None => "no request waited for a start".to_owned(),
        };
        let mut parts = vec![cost, delayed];
        if self.mean("wait_p95_s").is_some() {
            parts.push(format!("p95 wait {}", self.time("wait_p95_s")));
        }
        for (key, what) in [
            ("refused", "were refused"),
            ("timed_out", "gave up waiting"),
            ("execution_timeouts", "were ended in service"),
        ] {
            parts.extend(share(key).map(|share| format!("{share} {what}")));
        }
        format!("{}.", parts.join("; "))
    }

    fn money(&self, amount: Money) -> String {
        format!("{} {}", self.medium.unit_cost(amount), amount.currency())
    }

    fn blocks(&self, report: &SimulationReport<'_>) -> Vec<Block> {
        vec![
            ("DEMAND", self.demand()),
            ("WAITS", self.waits(report)),
            ("FLEET", self.fleet()),
            ("BILL", self.bill()),
        ]
    }

    fn demand(&self) -> Vec<(&'static str, String)> {
        let rate = self.mean("requests").zip(self.mean("window_s")).map(|(n, s)| n / s);
        let rate = rate.map_or_else(|| DASH.to_owned(), |it| self.medium.measure(it));
        vec![
            ("requests", format!("{} in {}", self.measure("requests"), self.time("window_s"))),
            ("rate", format!("{rate} a second")),
            (
                "offered load",
                format!(
                    "{} slots of work, {} of {}",
                    self.measure("offered_load"),
                    self.shown("utilization", |it| self.medium.percent(it)),
                    self.room()
                ),
            ),
        ]
    }

    /// What the load is held against: `those of the largest fleet allowed (8)`.
    fn room(&self) -> String {
        let slots = self.row.runs.iter().flatten().map(|it| it.capacity_slots).next();
        let slots = slots.map_or_else(|| DASH.to_owned(), |it| self.medium.measure(it));
        match self.row.room {
            Room::Fixed => format!("those of the fleet ({slots})"),
            Room::Most => format!("those of the largest fleet allowed ({slots})"),
            Room::Schedule => format!("those of the schedule ({slots} on average)"),
        }
    }

    fn waits(&self, report: &SimulationReport<'_>) -> Vec<(&'static str, String)> {
        if self.mean("wait_mean_s").is_none() {
            return vec![("not shown", "they measure the window, or nobody was served".to_owned())];
        }
        let mut lines = vec![
            ("mean", self.time("wait_mean_s")),
            ("50 of 100 at most", self.time("wait_p50_s")),
            ("95 of 100 at most", self.time("wait_p95_s")),
            ("99 of 100 at most", self.time("wait_p99_s")),
            ("wait and service", format!("{} on average", self.time("sojourn_mean_s"))),
        ];
        if self.figure("ttft_p95_s").map(|it| it.mean)
            != self.figure("wait_p95_s").map(|it| it.mean)
        {
            lines.push((
                "first token",
                format!("{} for 95 of 100 at most", self.time("ttft_p95_s")),
            ));
        }
        let mut add = |what, key: &str| {
            if self.mean(key).is_some_and(|it| it > 0.0) {
                let share = self.share(key).map(|it| self.medium.percent(it)).unwrap_or_default();
                lines.push((what, format!("{} requests, {share}", self.measure(key))));
            }
        };
        add("waited for a start", "delayed_requests");
        add("refused", "refused");
        add("gave up waiting", "timed_out");
        add("ended in service", "execution_timeouts");
        if let Some(share) = self.mean("slo_attainment") {
            let kept = match report.attainment {
                Some(target) if share >= target => ", enough",
                Some(_) => ", too few",
                None => "",
            };
            let shown = self.shown("slo_attainment", |it| self.medium.percent(it));
            lines.push(("kept the limit", format!("{shown}{kept}")));
        }
        lines
    }

    fn fleet(&self) -> Vec<(&'static str, String)> {
        let slots = self.medium.counted(u64::from(self.row.slots), "slot");
        let mut lines = vec![
            ("ready", format!("{} on average, of {slots} each", self.measure("replicas_on_mean"))),
            ("busy", self.measure("replicas_busy_mean")),
            ("starting", self.measure("replicas_starting_mean")),
            ("at most", format!("{} at once", self.measure("replicas_max"))),
            ("slots in service", self.shown("server_occupancy", |it| self.medium.percent(it))),
            ("cold starts", self.measure("cold_starts")),
        ];
        for (what, key) in
            [("starts cancelled", "cancelled_starts"), ("taken back", "interruptions")]
        {
            if self.mean(key).is_some_and(|it| it > 0.0) {
                lines.push((what, self.measure(key)));
            }
        }
        if self.mean("lost_s").is_some_and(|it| it > 0.0) {
            lines.push(("work lost", self.time("lost_s")));
        }
        lines
    }

    fn bill(&self) -> Vec<(&'static str, String)> {
        let Some(figures) = &self.costs else { return Vec::new() };
        let hours = self.shown("billed_seconds", |it| self.medium.measure(it / 3600.0));
        let costs = &figures.mean;
        let total = format!("{} {}", self.amounts(&figures.total), costs.total.currency());
        let mut lines = vec![("cost", total)];
        if let Some(it) = &figures.per_hour {
            lines.push(("cost an hour", format!("{} {}", self.amounts(it), it.mean.currency())));
        }
        lines.push(("replica-hours", format!("{hours} billed")));
        let each = [
            ("  busy", costs.busy),
            ("  starting", costs.starting),
            ("  idle", costs.idle),
            ("  rounding", costs.rounding),
            ("  reserved, unused", costs.committed_unused),
        ];
        // The rest of rounding each lifetime to 10^-9 is no line of a bill.
        let paid = each.into_iter().filter(|it| it.1.atto().unsigned_abs() >= LEAST_SHOWN);
        lines.extend(paid.map(|(what, amount)| (what, self.money(amount))));
        lines
    }
}

/// A mean with its range, where that is one.
fn ranged(mean: &str, least: &str, most: &str) -> String {
    if least == most { mean.to_owned() } else { format!("{mean} ({least} to {most})") }
}

/// What was taken from the platform, and what was assumed.
fn remarks(report: &SimulationReport<'_>) -> Vec<String> {
    let mut lines = Vec::new();
    let n_seeds = report.rows.iter().flat_map(|it| &it.runs).map(Vec::len).max().unwrap_or(0);
    if n_seeds > 1 {
        let brackets = if report.rows.len() == 1 {
            "; in brackets the least and the most of them"
        } else {
            ""
        };
        lines.push(format!("Means over {n_seeds} seeds, {} on{brackets}.", report.seed));
    }
    if let Some(it) = report.platform {
        let taken: Vec<String> =
            it.taken.iter().map(|(what, value)| format!("{what} {value}")).collect();
        if taken.is_empty() {
            lines.push(format!("Nothing is taken from {}: flags say all.", it.provider));
        } else {
            lines.push(format!("From {}: {}.", it.provider, taken.join(", ")));
        }
        if !it.assumed.is_empty() {
            lines.push(format!("Assumed: {}.", it.assumed));
        }
        if !taken.is_empty() {
            lines.push(source(it));
        }
    }
    lines.extend(notes(report));
    let is_sketched = |it: &SimulatedRun| it.outcome.queue_wait.is_some_and(|it| !it.is_exact);
    if report.rows.iter().flat_map(|it| it.runs.iter().flatten()).any(is_sketched) {
        lines.push("Quantiles of more than 8 million waits are within 0.05 %.".to_owned());
    }
    lines
}

/// `Source, read 2026-11-26: docs.baseten.co`; the user's own rules have no date.
fn source(it: &PlatformUsed) -> String {
    let read = if it.as_of.is_empty() { String::new() } else { format!(", read {}", it.as_of) };
    format!("Source{read}: {}.", it.source)
}

/// What was assumed of each workload; what is the same of several is said once.
fn notes(report: &SimulationReport<'_>) -> Vec<String> {
    let mut grouped: Vec<(&str, Vec<Option<&str>>)> = Vec::new();
    for row in report.workloads().filter_map(<[Simulated]>::first) {
        for note in &row.notes {
            let name = row.workload.as_deref();
            match grouped.iter_mut().find(|it| it.0 == note) {
                Some((_, names)) => names.push(name),
                None => grouped.push((note, vec![name])),
            }
        }
    }
    let sentence = |(note, names): &(&str, Vec<Option<&str>>)| match names.as_slice() {
        [Some(name)] => format!("{}: {note}.", plain(name)),
        [_] | [] => capitalized(&format!("{note}.")),
        several => format!("{} workloads: {note}.", several.len()),
    };
    grouped.iter().map(sentence).collect()
}

/// For a terminal of 80 columns.
pub(super) fn terminal(report: &SimulationReport<'_>, style: &TerminalStyle) -> String {
    let columns = style.columns.max(80);
    let bold = |text: &str| {
        if style.bold { format!("\u{1b}[1m{text}\u{1b}[0m") } else { text.to_owned() }
    };
    let mut text = String::new();
    if let [row] = report.rows {
        let figures = Figures::of(report, row, Medium::Terminal);
        text.push_str(&hanging("", &figures.sentence(), columns));
        for (heading, lines) in figures.blocks(report) {
            // Writing to a String cannot fail, here and below.
            let _ = writeln!(text, "\n{}", bold(heading));
            for (what, value) in lines {
                text.push_str(&hanging(&format!("  {what:<20} "), &value, columns));
            }
        }
    } else {
        let compared = Compared::of(report, Medium::Terminal);
        let mut lines = compared.lines(columns).into_iter();
        text.extend(lines.next().map(|it| bold(&it) + "\n"));
        text.extend(lines.map(|it| it + "\n"));
        for line in compared.reasons {
            text.push_str(&hanging("", &line, columns));
        }
    }
    let remarks = remarks(report);
    if !remarks.is_empty() {
        text.push('\n');
    }
    for line in remarks {
        text.push_str(&hanging("", &line, columns));
    }
    text
}

/// For tickets and chat.
pub(super) fn markdown(report: &SimulationReport<'_>) -> String {
    let medium = Medium::Page;
    let mut text = String::new();
    if let [row] = report.rows {
        let figures = Figures::of(report, row, medium);
        let _ = writeln!(text, "{}\n", escape(&figures.sentence()));
        let mut table = Table::new("", &["", ""]);
        for (heading, lines) in figures.blocks(report) {
            for (what, value) in lines {
                table.push(vec![format!("{}, {}", heading.to_lowercase(), what.trim()), value]);
            }
        }
        text.push_str(&grid(&table));
    } else {
        let compared = Compared::of(report, medium);
        text.push_str(&grid(&compared.table()));
        for line in compared.reasons {
            let _ = write!(text, "\n{}\n", escape(&line));
        }
    }
    for line in remarks(report) {
        let _ = write!(text, "\n{}\n", escape(&line));
    }
    text
}
