//! The columns of the logs that have one row per request, and what a row says.

use std::borrow::Cow;

use chrono_tz::Tz;

use super::super::cell::{self, Cell};
use super::super::raw::{Column, PlainHeaders, RawTable, Tuples};
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
        let mut tells = outcome::tells(self.cell(Role::Status, row).unwrap_or(Cell::Null), outcome);
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

    /// Whether no row needs those before it: none has an id that may have been read already, or a
    /// word for its status that may be a new one, or a time that may be one of two.
    pub(super) fn stand_alone(&self) -> bool {
        let has = |role: Role| self.places[role as usize].is_some();
        self.is_one_instant() && !has(Role::Id) && !has(Role::Status)
    }

    /// Whether every time is one instant, whatever the clocks of the zone do.
    fn is_one_instant(&self) -> bool {
        let column = self.places[Role::Time as usize].and_then(|at| self.raw.column(at));
        let is_wall_clock = !matches!(column, Some(Column::Time(_, true)));
        self.zone == Tz::UTC || self.is_relative() || !is_wall_clock
    }

    /// The columns of a log that has nothing but times, names and tokens.
    pub(super) fn plain_headers(&self) -> Option<PlainHeaders> {
        let place = |role: Role| self.places[role as usize];
        let (time, name) = (place(Role::Time)?, place(Role::Workload));
        let tokens = [place(Role::Prompt)?, place(Role::Completion)?];
        let is_plain = self.is_one_instant()
            && self.clock == TimeFormat::Auto
            && self.format != RequestFormat::LiteLlm
            && self.used().count() == 3 + usize::from(name.is_some());
        is_plain.then_some(PlainHeaders { time, name, tokens })
    }

    /// The columns as they are, where a log has a time, tokens and labels only, each of the type
    /// that Parquet has for it.
    pub(super) fn plain(&self) -> Option<Plain<'a>> {
        const LABELS: [Role; 7] = [
            Role::Workload,
            Role::Model,
            Role::ModelGroup,
            Role::Provider,
            Role::ApiBase,
            Role::Team,
            Role::Tags,
        ];
        let place = |role: Role| self.places[role as usize];
        let column = |role: Role| self.raw.column(place(role)?);
        let (
            Some(Column::Time(at_us, _)),
            Some(Column::Int(prompt)),
            Some(Column::Int(completion)),
        ) = (column(Role::Time), column(Role::Prompt), column(Role::Completion))
        else {
            return None;
        };
        let labels: Vec<usize> = LABELS.into_iter().filter_map(place).collect();
        let is_coded = |at: &usize| matches!(self.raw.column(*at), Some(Column::Coded(_)));
        let is_plain = self.is_one_instant()
            && self.clock == TimeFormat::Auto
            && self.format != RequestFormat::LiteLlm
            && labels.iter().all(is_coded)
            && self.used().count() == labels.len() + 3;
        is_plain.then(|| Plain { at_us, prompt, completion, labels: self.raw.tuples(&labels) })
    }

    /// A cell that says something.
    #[inline]
    fn cell(&self, role: Role, row: usize) -> Option<Cell<'a>> {
        let cell = self.raw.cell(self.places[role as usize]?, row).trimmed();
        (!matches!(cell, Cell::Null)).then_some(cell)
    }

    fn fault(&self, role: Role, reason: String) -> Fault {
        let header = self.places[role as usize].and_then(|at| self.raw.headers.get(at));
        (header.cloned(), reason)
    }

    fn time(&self, role: Role, row: usize) -> Result<Option<i64>, Fault> {
        let Some(cell) = self.cell(role, row) else { return Ok(None) };
        self.clock.read(cell, self.zone).map_err(|it| self.fault(role, it))
    }

    /// When the request came: of the two instants of an hour that autumn shows twice the one that
    /// the rows before tell. Ends and first tokens need no such care, their format writes UTC.
    fn arrival(&self, row: usize, passes: &mut Passes) -> Result<i64, Fault> {
        let missing = || self.fault(Role::Time, "the time is missing".to_owned());
        let first_us = self.time(Role::Time, row)?.ok_or_else(missing)?;
        let apart_us = passes.apart_us(first_us, self.zone);
        let cell = self.cell(Role::Time, row).unwrap_or(Cell::Null);
        let apart_us = self.clock.apart_us(cell, first_us, apart_us);
        Ok(passes.next(first_us, (apart_us > 0).then_some(first_us + apart_us)))
    }

    fn count(&self, role: Role, row: usize) -> Result<Option<u64>, Fault> {
        let Some(cell) = self.cell(role, row) else { return Ok(None) };
        cell::count(cell).map_err(|it| self.fault(role, it))
    }

    /// Microseconds of the first column that has a value, each with its unit in seconds.
    fn seconds(&self, columns: [(Role, f64); 2], row: usize) -> Result<Option<u64>, Fault> {
        for (role, unit_s) in columns {
            let Some(cell) = self.cell(role, row) else { continue };
            let value = cell::quantity(cell).map_err(|it| self.fault(role, it))?;
            if let Some(value) = value {
                return seconds_to_us(value * unit_s).map(Some).map_err(|it| self.fault(role, it));
            }
        }
        Ok(None)
    }

    fn label(&self, role: Role, row: usize) -> Result<Option<Cow<'a, str>>, Fault> {
        match self.cell(role, row) {
            None => Ok(None),
            Some(Cell::Text(text)) => Ok(Some(Cow::Borrowed(text))),
            Some(other) => match cell::text(other) {
                Ok(text) => Ok(text.map(Cow::Owned)),
                Err(reason) => Err(self.fault(role, reason)),
            },
        }
    }

    pub(super) fn labels(&self, row: usize) -> Result<Labels<'a>, Fault> {
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
        let Some(cell) = self.cell(Role::Status, row) else { return Ok((Outcome::Served, None)) };
        match outcome::of_status(cell) {
            Ok(outcome) => Ok((outcome.unwrap_or(Outcome::Served), None)),
            Err(()) => Ok((Outcome::Served, self.label(Role::Status, row)?)),
        }
    }

    fn is_true(&self, role: Role, row: usize) -> bool {
        match self.cell(role, row) {
            Some(Cell::Bool(truth)) => truth,
            Some(Cell::Text(text)) => text.eq_ignore_ascii_case("true") || text == "t",
            _ => false,
        }
    }

    /// An exact amount. The column is a double in LiteLLM's own database, so a text with more
    /// decimals than money has is taken as the double it was.
    fn spend(&self, row: usize) -> Result<Option<Money>, Fault> {
        let Some(cell) = self.cell(Role::Spend, row) else { return Ok(None) };
        match cell::amount(cell, Currency::USD) {
            Ok(amount) => Ok(amount.map(|(money, _)| money)),
            Err(reason) => match cell::number(cell).ok().flatten().map(atto_from_float) {
                Some(Ok(atto)) => Ok(Some(Money::from_atto(atto, Currency::USD))),
                _ => Err(self.fault(Role::Spend, reason)),
            },
        }
    }
}

/// A batch of rows with times, tokens and labels of the usual types.
pub(super) struct Plain<'a> {
    at_us: &'a [Option<i64>],
    prompt: &'a [Option<i64>],
    completion: &'a [Option<i64>],
    labels: Tuples<'a>,
}

impl Plain<'_> {
    /// The different labels.
    pub(super) fn n_labels(&self) -> usize {
        self.labels.len()
    }

    /// When a request came, its tokens, and the number of its labels; nothing for a row that has
    /// more to it: [`Columns::row`] says what.
    pub(super) fn row(&self, row: usize) -> Option<(i64, TokenCounts, usize)> {
        let at_us = cell::plausible_us((*self.at_us.get(row)?)?)?;
        let count = |column: &[Option<i64>]| cell::whole_count((*column.get(row)?)?);
        let (prompt, completion) = (count(self.prompt)?, count(self.completion)?);
        let labels = *self.labels.of_rows.get(row)? as usize;
        Some((at_us, TokenCounts { prompt, completion }, labels))
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
