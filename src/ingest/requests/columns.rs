//! The columns of the logs that have one row per request, and what a row says.

use std::borrow::Cow;

use chrono_tz::Tz;

use super::super::cell::{self, Cell};
use super::super::raw::RawTable;
use super::clock::{TimeFormat, Unit};
use super::log::Record;
use super::mapping::LogMapping;
use super::outcome::{self, Outcome, Tells};
use super::passes::Passes;
use super::{Fault, RequestFormat};
use crate::units::{Currency, Money, TokenCounts, atto_from_float};
use crate::usage::schema;

/// Longest time a request may take, seconds: a month.
const MOST_LATENCY_S: f64 = 2_678_400.0;

/// What a column of a request log means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Time,
    End,
    FirstToken,
    Prompt,
    Completion,
    Workload,
    Model,
    ModelGroup,
    Provider,
    ApiBase,
    Team,
    Tags,
    Status,
    CacheHit,
    CallType,
    Spend,
    LatencyS,
    LatencyMs,
    TtftS,
    TtftMs,
    Id,
}

impl Role {
    /// How many there are.
    const COUNT: usize = Role::Id as usize + 1;
}

/// What the columns of a format mean, by their headers without case and punctuation.
///
/// LiteLLM: the table `LiteLLM_SpendLogs` of its `schema.prisma`. Azure, BurstGPT and Mooncake: the
/// READMEs of `Azure/AzurePublicDataset`, `HPMLL/BurstGPT` and `kvcache-ai/Mooncake`.
const NAMES: &[(RequestFormat, &[(&str, Role)])] = &[
    (
        RequestFormat::AzureLlm,
        &[
            ("timestamp", Role::Time),
            ("contexttokens", Role::Prompt),
            ("generatedtokens", Role::Completion),
            ("workload", Role::Workload),
        ],
    ),
    (
        RequestFormat::Mooncake,
        &[
            ("timestamp", Role::Time),
            ("input_length", Role::Prompt),
            ("output_length", Role::Completion),
            ("workload", Role::Workload),
        ],
    ),
    (
        RequestFormat::LiteLlm,
        &[
            ("request_id", Role::Id),
            ("starttime", Role::Time),
            ("endtime", Role::End),
            ("completionstarttime", Role::FirstToken),
            ("prompt_tokens", Role::Prompt),
            ("completion_tokens", Role::Completion),
            ("model", Role::Model),
            ("model_group", Role::ModelGroup),
            ("custom_llm_provider", Role::Provider),
            ("api_base", Role::ApiBase),
            ("team_id", Role::Team),
            ("request_tags", Role::Tags),
            ("status", Role::Status),
            ("cache_hit", Role::CacheHit),
            ("call_type", Role::CallType),
            ("spend", Role::Spend),
        ],
    ),
    (
        RequestFormat::BurstGpt,
        &[
            ("timestamp", Role::Time),
            ("model", Role::Model),
            ("request_tokens", Role::Prompt),
            ("response_tokens", Role::Completion),
            ("elapsed_time", Role::LatencyS),
        ],
    ),
];

/// What a header means to a format; a mapping may give one header several meanings.
pub(super) fn roles(format: RequestFormat, header: &str, mappings: &[LogMapping]) -> Vec<Role> {
    match format {
        RequestFormat::Generic => generic_role(header).into_iter().collect(),
        RequestFormat::Mapped(at) => {
            mappings.get(at).map(|it| it.roles(header).collect()).unwrap_or_default()
        }
        other => {
            let name = schema::normalized(header);
            let names = NAMES.iter().filter(|(format, _)| *format == other);
            names
                .flat_map(|(_, names)| names.iter())
                .filter(|(it, _)| *it == name)
                .map(|(_, role)| *role)
                .collect()
        }
    }
}

fn generic_role(header: &str) -> Option<Role> {
    match schema::find(header).map(|it| it.name) {
        Some(schema::PERIOD_START) => Some(Role::Time),
        Some(schema::PROMPT_TOKENS) => Some(Role::Prompt),
        Some(schema::COMPLETION_TOKENS) => Some(Role::Completion),
        Some(schema::WORKLOAD) => Some(Role::Workload),
        Some("model") => Some(Role::Model),
        Some(_) => None,
        None => match schema::normalized(header).as_str() {
            "request_id" => Some(Role::Id),
            "latency_s" => Some(Role::LatencyS),
            "ttft_s" => Some(Role::TtftS),
            "status" => Some(Role::Status),
            _ => None,
        },
    }
}

/// Texts of a row that tell whose the request is.
#[derive(Clone, Debug, Default, Hash)]
pub(super) struct Labels<'a> {
    pub(super) workload: Option<Cow<'a, str>>,
    pub(super) model: Option<Cow<'a, str>>,
    pub(super) model_group: Option<Cow<'a, str>>,
    pub(super) provider: Option<Cow<'a, str>>,
    pub(super) api_base: Option<Cow<'a, str>>,
    pub(super) endpoint: Option<Cow<'a, str>>,
    pub(super) team: Option<Cow<'a, str>>,
    /// A list of texts as JSON.
    pub(super) tags: Option<Cow<'a, str>>,
}

/// What a row says.
pub(super) struct Row<'a> {
    pub(super) at_us: i64,
    pub(super) tokens: Option<TokenCounts>,
    pub(super) outcome: Outcome,
    pub(super) tells: Tells,
    pub(super) latency_us: Option<u64>,
    pub(super) ttft_us: Option<u64>,
    pub(super) labels: Labels<'a>,
    pub(super) id: Option<Cow<'a, str>>,
    pub(super) spend: Option<Money>,
    /// A status whose word is not known; the request counts as served.
    pub(super) unknown_status: Option<Cow<'a, str>>,
    /// True for a call of a tool, which no model answers.
    pub(super) no_model_call: bool,
    /// True for a call that asks for an image.
    pub(super) asks_for_image: bool,
}

impl Row<'_> {
    /// The request without its names.
    pub(super) fn record(&self) -> Record<'_> {
        Record {
            at_us: self.at_us,
            tokens: self.tokens,
            outcome: self.outcome,
            tells: self.tells,
            latency_us: self.latency_us,
            ttft_us: self.ttft_us,
            cached_prompt_tokens: None,
            asks_for_image: self.asks_for_image,
            model: self.labels.model.as_deref(),
            team: self.labels.team.as_deref(),
        }
    }
}

/// A format bound to the headers of a batch.
pub(super) struct Columns<'a> {
    raw: &'a RawTable,
    format: RequestFormat,
    places: [Option<usize>; Role::COUNT],
    clock: TimeFormat,
    zone: Tz,
}

impl<'a> Columns<'a> {
    /// Finds the columns; of two headers with one meaning the first counts.
    pub(super) fn bind(
        raw: &'a RawTable,
        format: RequestFormat,
        mappings: &[LogMapping],
        zone: Tz,
    ) -> Columns<'a> {
        let mut places = [None; Role::COUNT];
        for (at, header) in raw.headers.iter().enumerate() {
            for role in roles(format, header, mappings) {
                let place = &mut places[role as usize];
                *place = place.or(Some(at));
            }
        }
        let (clock, zone) = match format {
            RequestFormat::Mooncake => (TimeFormat::Relative(Unit::Ms), zone),
            RequestFormat::BurstGpt => (TimeFormat::Relative(Unit::S), zone),
            // LiteLLM stores UTC in columns without a zone.
            RequestFormat::LiteLlm => (TimeFormat::Auto, Tz::UTC),
            RequestFormat::Mapped(at) => {
                let mapped = mappings.get(at).and_then(LogMapping::time_format);
                (mapped.cloned().unwrap_or(TimeFormat::Auto), zone)
            }
            _ => (TimeFormat::Auto, zone),
        };
        Columns { raw, format, places, clock, zone }
    }

    /// The places of all columns that are used.
    pub(super) fn used(&self) -> impl Iterator<Item = usize> {
        self.places.iter().flatten().copied()
    }

    /// Whether times count from the start of the log.
    pub(super) fn is_relative(&self) -> bool {
        self.clock.is_relative()
    }

    /// What a row says, or the column at fault and why.
    pub(super) fn row(&self, row: usize, passes: &mut Passes) -> Result<Row<'a>, Fault> {
        let at_us = self.arrival(row, passes)?;
        let latency_us = match self.time(Role::End, row)? {
            Some(end) if end < at_us => {
                return Err(self.fault(Role::End, "the request ends before it starts".to_owned()));
            }
            Some(end) => u64::try_from(end - at_us).ok(),
            None => self.seconds([(Role::LatencyS, 1.0), (Role::LatencyMs, 1e-3)], row)?,
        };
        let ttft_us = match self.time(Role::FirstToken, row)? {
            // Without streaming the first token is logged with the last: not measured.
            Some(first) => {
                let ttft_us = u64::try_from(first - at_us).ok().filter(|it| *it > 0);
                ttft_us.filter(|it| latency_us.is_none_or(|all| *it < all))
            }
            None => self.seconds([(Role::TtftS, 1.0), (Role::TtftMs, 1e-3)], row)?,
        };
        let mut tokens = match (self.count(Role::Prompt, row)?, self.count(Role::Completion, row)?)
        {
            (Some(prompt), Some(completion)) => Some(TokenCounts { prompt, completion }),
            _ => None,
        };
        let (mut outcome, unknown_status) = self.outcome(row)?;
        let mut tells = outcome::tells(self.cell(Role::Status, row), outcome);
        if self.format == RequestFormat::LiteLlm {
            // A stream whose usage nobody counted is logged with zeros.
            tokens = tokens.filter(|it| it.total() > 0);
            if self.is_true(Role::CacheHit, row) {
                outcome = Outcome::Cached;
            }
        }
        if self.format == RequestFormat::BurstGpt && tokens.is_some_and(|it| it.completion == 0) {
            outcome = Outcome::Failed;
        }
        if self.format == RequestFormat::BurstGpt {
            tells = Tells::Failures;
        }
        let call_type = self.label(Role::CallType, row)?;
        Ok(Row {
            at_us,
            tokens,
            outcome,
            tells,
            latency_us,
            ttft_us,
            labels: self.labels(row)?,
            id: self.label(Role::Id, row)?,
            spend: self.spend(row)?,
            unknown_status,
            // `image_generation`, `aimage_edit`, ...: `CallTypes` of LiteLLM.
            asks_for_image: call_type.as_ref().is_some_and(|it| it.contains("image")),
            no_model_call: call_type.is_some_and(|it| it.contains("mcp")),
        })
    }

    fn cell(&self, role: Role, row: usize) -> Cell<'a> {
        self.places[role as usize].map_or(Cell::Null, |at| self.raw.cell(at, row).trimmed())
    }

    fn fault(&self, role: Role, reason: String) -> Fault {
        let header = self.places[role as usize].and_then(|at| self.raw.headers.get(at));
        (header.cloned(), reason)
    }

    fn time(&self, role: Role, row: usize) -> Result<Option<i64>, Fault> {
        let found = self.clock.read(self.cell(role, row), self.zone);
        found.map_err(|it| self.fault(role, it))
    }

    /// When the request came: of the two instants of an hour that autumn shows twice the one that
    /// the rows before tell. Ends and first tokens need no such care, their format writes UTC.
    fn arrival(&self, row: usize, passes: &mut Passes) -> Result<i64, Fault> {
        let missing = || self.fault(Role::Time, "the time is missing".to_owned());
        let first_us = self.time(Role::Time, row)?.ok_or_else(missing)?;
        let apart_us = passes.apart_us(first_us, self.zone);
        let apart_us = self.clock.apart_us(self.cell(Role::Time, row), first_us, apart_us);
        Ok(passes.next(first_us, (apart_us > 0).then_some(first_us + apart_us)))
    }

    fn count(&self, role: Role, row: usize) -> Result<Option<u64>, Fault> {
        cell::count(self.cell(role, row)).map_err(|it| self.fault(role, it))
    }

    /// Microseconds of the first column that has a value, each with its unit in seconds.
    fn seconds(&self, columns: [(Role, f64); 2], row: usize) -> Result<Option<u64>, Fault> {
        for (role, unit_s) in columns {
            let value = cell::quantity(self.cell(role, row)).map_err(|it| self.fault(role, it))?;
            if let Some(value) = value {
                return seconds_to_us(value * unit_s).map(Some).map_err(|it| self.fault(role, it));
            }
        }
        Ok(None)
    }

    fn label(&self, role: Role, row: usize) -> Result<Option<Cow<'a, str>>, Fault> {
        match self.cell(role, row) {
            Cell::Text(text) => Ok(Some(Cow::Borrowed(text))),
            other => match cell::text(other) {
                Ok(text) => Ok(text.map(Cow::Owned)),
                Err(reason) => Err(self.fault(role, reason)),
            },
        }
    }

    fn labels(&self, row: usize) -> Result<Labels<'a>, Fault> {
        Ok(Labels {
            workload: self.label(Role::Workload, row)?,
            model: self.label(Role::Model, row)?,
            model_group: self.label(Role::ModelGroup, row)?,
            provider: self.label(Role::Provider, row)?,
            api_base: self.label(Role::ApiBase, row)?,
            endpoint: None,
            team: self.label(Role::Team, row)?,
            tags: self.label(Role::Tags, row)?,
        })
    }

    fn outcome(&self, row: usize) -> Result<(Outcome, Option<Cow<'a, str>>), Fault> {
        match outcome::of_status(self.cell(Role::Status, row)) {
            Ok(outcome) => Ok((outcome.unwrap_or(Outcome::Served), None)),
            Err(()) => Ok((Outcome::Served, self.label(Role::Status, row)?)),
        }
    }

    fn is_true(&self, role: Role, row: usize) -> bool {
        match self.cell(role, row) {
            Cell::Bool(truth) => truth,
            Cell::Text(text) => text.eq_ignore_ascii_case("true") || text == "t",
            _ => false,
        }
    }

    /// An exact amount. The column is a double in LiteLLM's own database, so a text with more
    /// decimals than money has is taken as the double it was.
    fn spend(&self, row: usize) -> Result<Option<Money>, Fault> {
        let cell = self.cell(Role::Spend, row);
        match cell::amount(cell, Currency::USD) {
            Ok(amount) => Ok(amount.map(|(money, _)| money)),
            Err(reason) => match cell::number(cell).ok().flatten().map(atto_from_float) {
                Some(Ok(atto)) => Ok(Some(Money::from_atto(atto, Currency::USD))),
                _ => Err(self.fault(Role::Spend, reason)),
            },
        }
    }
}

/// Seconds that a request took as whole microseconds.
pub(super) fn seconds_to_us(seconds: f64) -> Result<u64, String> {
    if seconds > MOST_LATENCY_S {
        return Err(format!("{seconds} s is longer than a month"));
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 2.7e12")]
    Ok((seconds * 1e6).round() as u64)
}
