//! The simulation for people: lines by what they are about, or a row each where there are several.

use std::fmt::Write as _;

use super::compared::Compared;
use super::figures::{Amounts, CostFigures, Figure, figures, unstable_in_words};
use super::remarks::remarks;
use super::{Room, Simulated, SimulatedRun, SimulationReport};
use crate::report::markdown::{escape, grid};
use crate::report::number::{DASH, Medium};
use crate::report::table::Table;
use crate::report::{TerminalStyle, hanging};
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

    /// Requests that were refused, gave up waiting or were ended in service, as a share of all.
    pub(super) fn unserved(&self) -> Option<f64> {
        let requests = self.mean("requests").filter(|it| *it > 0.0)?;
        Some((self.left()? + self.mean("execution_timeouts")?) / requests)
    }

    /// Requests that were refused or gave up waiting.
    fn left(&self) -> Option<f64> {
        Some(self.mean("refused")? + self.mean("timed_out")?)
    }

    /// Those that waited for a start, as a share of the requests that came into service: only of
    /// these is it known. Of 10 requests 6 were refused and 3 waited: 75 %.
    pub(super) fn delayed(&self) -> Option<f64> {
        let served = (self.mean("requests")? - self.left()?).max(0.0);
        (served > 0.0).then_some(self.mean("delayed_requests")? / served)
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
        let mut parts = vec![cost];
        parts.extend(self.delayed_in_words());
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

    /// Nothing where no request came into service.
    fn delayed_in_words(&self) -> Option<String> {
        let share = self.delayed()?;
        let all_came = self.left().is_none_or(|it| it <= 0.0);
        let who = match (share > 0.0, all_came) {
            (true, true) => format!("{} of requests", self.medium.percent(share)),
            (true, false) => format!("{} of those served", self.medium.percent(share)),
            (false, true) => "no request".to_owned(),
            (false, false) => "none of those served".to_owned(),
        };
        Some(format!("{who} waited for a start"))
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
        let of_served = if self.left() > Some(0.0) { " of those served" } else { "" };
        for (what, key, share, of) in [
            ("waited for a start", "delayed_requests", self.delayed(), of_served),
            ("refused", "refused", self.share("refused"), ""),
            ("gave up waiting", "timed_out", self.share("timed_out"), ""),
            ("ended in service", "execution_timeouts", self.share("execution_timeouts"), ""),
        ] {
            if let Some(share) = share.filter(|it| *it > 0.0) {
                let n = self.measure(key);
                let noun = if n == "1" { "request" } else { "requests" };
                lines.push((what, format!("{n} {noun}, {}{of}", self.medium.percent(share))));
            }
        }
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
        let is_shown = |it: Money| it.atto().unsigned_abs() >= LEAST_SHOWN;
        let mut lines = vec![("cost", total)];
        let [_, _, fallback] = costs.by_price;
        if is_shown(fallback) {
            lines.push(("on demand in outages", format!("{} of it", self.money(fallback))));
        }
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
        let paid = each.into_iter().filter(|it| is_shown(it.1));
        lines.extend(paid.map(|(what, amount)| (what, self.money(amount))));
        lines
    }
}

/// A mean with its range, where that is one.
fn ranged(mean: &str, least: &str, most: &str) -> String {
    if least == most { mean.to_owned() } else { format!("{mean} ({least} to {most})") }
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
        let mut compared = Compared::of(report, Medium::Terminal);
        let mut lines = compared.lines(columns).into_iter();
        text.extend(lines.next().map(|it| bold(&it) + "\n"));
        text.extend(lines.map(|it| it + "\n"));
        for line in compared.below {
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
        for line in compared.below {
            let _ = write!(text, "\n{}\n", escape(&line));
        }
    }
    for line in remarks(report) {
        let _ = write!(text, "\n{}\n", escape(&line));
    }
    text
}
