//! The report for people and scripts.
//!
//! Comes in: a finished [`ReportModel`]. Goes out: text in one of five formats, and the files of
//! the report folder. Nothing here computes an amount, a saving or a verdict, reads a file, a clock
//! or the network, or depends on the fonts of the machine: the same model gives the same bytes.
//! Text that came from the data is escaped for where it stands.

mod account;
mod blanks;
mod budget;
mod build;
mod build_advice;
mod build_workload;
mod chart;
mod checked;
mod commitments;
mod comparison;
mod course;
mod csv;
mod decisions;
mod description;
mod explain;
mod forecast;
mod html;
mod json;
mod ledger;
mod mail;
mod markdown;
mod memory;
pub mod model;
mod number;
mod pages;
mod past;
mod previous;
mod price_moves;
mod prometheus;
mod recommendations;
mod rules;
mod simulation;
mod table;
mod tables;
mod terminal;
#[cfg(test)]
mod tests;
mod toml_text;
mod waste;
mod weeks;
mod words;
mod workbook;
mod written;

pub use account::{Line, Reconciliation, part_in_words};
pub use blanks::{Blank, BlankKey, blanks};
pub use build::{Analysed, RunFacts, build, period_label, say_what_if};
pub use chart::{ChartFile, ChartKind, Theme, chart_files, is_chart_stem};
pub use commitments::{CommitmentsReport, commit, judged, say_over_cap, say_unpriced};
pub use comparison::{Comparison, comparison};
pub use course::Course;
pub(crate) use csv::line as csv_line;
pub use decisions::respect;
pub use description::{DescriptionReport, Told, charts as demand_charts, describe};
pub use explain::{Evidence, Explained, Subject, UnknownSubject, explained};
pub use mail::{
    Audience, Journal, Known, Mail, MailKey, MailReport, Picture, State as MailState, mail,
};
pub use markdown::{TooShort, within};
pub use model::ReportModel;
pub use pages::are_many;
pub use pages::is_page_name;
pub(crate) use past::of_this_schema as report_value;
pub use past::{PastError, PastReport, read_report};
pub use simulation::{
    PlatformUsed, Room, SIMULATION_CHARTS, Simulated, SimulatedRun, SimulationReport, simulation,
    simulation_charts,
};
pub use terminal::{TerminalStyle, hanging};
pub use waste::unused;
pub(crate) use words::purchase as purchase_in_words;
pub use written::{WrittenAdvice, WrittenReport};

/// Why a report could not be written out. All of these are faults of the program, not of the data.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// The model did not serialize.
    #[error("the report cannot be written as JSON")]
    Json(#[from] serde_json::Error),
    /// A text of the model is cut within a letter.
    #[error("the report cannot be written as JSON")]
    Text(#[source] std::string::FromUtf8Error),
    /// A template failed.
    #[error("the report template cannot be filled in")]
    Template(#[from] askama::Error),
    /// A row did not serialize.
    #[error("the report cannot be written as CSV")]
    Csv(#[from] ::csv::Error),
    /// An amount does not fit its type.
    #[error("an amount cannot be written")]
    Amount(#[source] crate::units::MoneyError),
    /// The columns did not become Parquet.
    #[error("the report cannot be written as Parquet")]
    Parquet(#[from] polars::error::PolarsError),
    /// The workbook library refused.
    #[error("the report cannot be written as a workbook")]
    Workbook(#[from] rust_xlsxwriter::XlsxError),
    /// What was written cannot be read.
    #[error("the report cannot be read back")]
    ReadBack(#[source] PastError),
    /// The drawing library refused.
    #[error("a chart cannot be drawn: {0}")]
    Chart(String),
}

impl RenderError {
    /// From any error of the drawing library.
    fn chart(error: impl std::fmt::Display) -> RenderError {
        RenderError::Chart(error.to_string())
    }
}

/// What stdout shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// The terminal table.
    #[default]
    Table,
    /// The whole model.
    Json,
    /// A row per workload.
    Csv,
    /// For chat, tickets and pull requests.
    Markdown,
    /// The page.
    Html,
}

impl Format {
    /// The word on the command line: `table`, `json`, `csv`, `md` or `html`.
    pub fn parse(text: &str) -> Option<Format> {
        Some(match text {
            "table" => Format::Table,
            "json" => Format::Json,
            "csv" => Format::Csv,
            "md" | "markdown" => Format::Markdown,
            "html" => Format::Html,
            _ => return None,
        })
    }

    /// The word on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Format::Table => "table",
            Format::Json => "json",
            Format::Csv => "csv",
            Format::Markdown => "md",
            Format::Html => "html",
        }
    }
}

/// Looks ahead in a report that was marked with its decisions, and holds it against the budget.
pub fn look_ahead(
    report: &mut ReportModel,
    outlooks: &[crate::recommend::Outlook],
    run: RunFacts<'_>,
    budget: &crate::ingest::Budget,
) -> Result<(), crate::units::MoneyError> {
    report.forecast = forecast::forecast(report, outlooks, run)?;
    report.budget = budget::budget(report, outlooks, run, budget)?;
    let strangers: Vec<String> = budget
        .owners()
        .filter(|owner| report.workloads.iter().all(|it| it.owner.as_deref() != Some(owner)))
        .map(|owner| {
            let owner = plain(owner);
            format!("[budget.owner.{owner}]: no workload has the owner {owner}, so nothing is spent of it")
        })
        .collect();
    report.notices.extend(strangers);
    let ends = commitments_that_end(report);
    report.notices.extend(ends);
    Ok(())
}

/// Commitments that end before the forecast does: what they cover costs more then.
fn commitments_that_end(report: &ReportModel) -> Vec<String> {
    let last = report.forecast.as_ref().and_then(|it| Some(it.spans.last()?.end.clone()));
    let held = report.commitment.held_commitments.iter();
    let ends = held.filter(|it| !it.has_ended && last.as_ref().is_some_and(|last| it.end < *last));
    ends.map(|it| {
        format!(
            "the commitment {} ends on {}: the forecast goes on at today's rates, renewed or not",
            plain(&it.id),
            it.end
        )
    })
    .collect()
}

/// Sets a report beside an earlier one; `new` is the report itself, read back.
pub fn look_back(
    report: &mut ReportModel,
    (old, new): (PastReport, PastReport),
    run: RunFacts<'_>,
) -> Result<(), crate::units::MoneyError> {
    ledger::carry(report, &old)?;
    report.previous = Some(previous::previous(report, (old, new), run)?);
    Ok(())
}

/// The report in one format; `style` concerns [`Format::Table`] only.
pub fn render(
    report: &ReportModel,
    format: Format,
    style: &TerminalStyle,
) -> Result<String, RenderError> {
    match format {
        Format::Table => Ok(terminal::render(report, style)),
        Format::Json => json::render(report),
        Format::Csv => csv::render(report),
        Format::Markdown => markdown::render(report),
        Format::Html => html::render(report),
    }
}

/// A text from data on one line, without control characters.
pub(crate) fn plain(text: &str) -> String {
    words::plain(text)
}

/// A text cut to a length, with a mark where it was.
pub(crate) fn clip(text: &str, longest: usize) -> String {
    words::clip(text, longest)
}

/// A count with what is counted, as the terminal shows it: `1 row`, `20,000 rows`.
pub(crate) fn counted(count: u64, noun: &str) -> String {
    number::Medium::Terminal.counted(count, noun)
}

/// An amount as the terminal shows it.
pub(crate) fn money(amount: crate::units::Money) -> String {
    number::Medium::Terminal.money(amount)
}

/// A whole number as the terminal shows it.
pub(crate) fn count(count: u64) -> String {
    number::Medium::Terminal.count(count)
}

/// A measured number as the terminal shows it.
pub(crate) fn measure(value: f64) -> String {
    number::Medium::Terminal.measure(value)
}

/// Seconds in the unit that reads best, as the terminal shows them.
pub(crate) fn duration(seconds: f64) -> String {
    number::Medium::Terminal.duration(seconds)
}

/// A name as a key of TOML.
pub(crate) fn toml_key(name: &str) -> String {
    toml_text::key(name)
}

/// A text as a string of TOML, on one line.
pub(crate) fn toml_string(text: &str) -> String {
    toml_text::string(text)
}

/// Whether a picture is a chart of this program.
pub(crate) fn is_chart(picture: &[u8]) -> bool {
    let contains = |part: &[u8], bytes: &[u8]| bytes.windows(part.len()).any(|it| it == part);
    let head = picture.get(..256).unwrap_or(picture);
    contains(br#"<pattern id="hatch""#, picture) || contains(chart::PNG_SOFTWARE.as_bytes(), head)
}

/// Files of the report folder: path inside it, and bytes.
pub type Files = Vec<(String, Vec<u8>)>;

/// Writes some of the files.
pub type Writer = fn(&ReportModel) -> Result<Files, RenderError>;

/// Who writes the files of the report folder, each without the others. What takes the most memory while it
/// is made comes first, what takes the most once it is there last.
pub const WRITERS: [Writer; 5] = [
    |it| Ok(vec![("report.xlsx".to_owned(), workbook::render(it)?)]),
    |it| {
        let mut files = vec![("report.html".to_owned(), html::render(it)?.into_bytes())];
        files.extend(pages::further(it)?.into_iter().map(|page| (page.0, page.1.into_bytes())));
        Ok(files)
    },
    |it| {
        Ok(vec![
            ("report.md".to_owned(), markdown::render(it)?.into_bytes()),
            ("recommendations.csv".to_owned(), recommendations::render_csv(it)?.into_bytes()),
            ("recommendations.parquet".to_owned(), recommendations::render_parquet(it)?),
            ("gpuadvise.prom".to_owned(), prometheus::render(it).into_bytes()),
        ])
    },
    |it| {
        let charts = chart_files(it)?.into_iter();
        let file = |it: &ChartFile| format!("charts/{}.svg", it.stem);
        Ok(charts.map(|it| (file(&it), it.svg().into_bytes())).collect())
    },
    |it| Ok(vec![("report.json".to_owned(), json::render(it)?.into_bytes())]),
];

/// A slug that cannot leave its folder, whatever the model says.
fn file_safe(slug: &str) -> String {
    slug.chars()
        .map(|it| if it.is_ascii_alphanumeric() || it == '-' || it == '_' { it } else { '-' })
        .take(120)
        .collect()
}
