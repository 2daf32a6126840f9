//! OpenTelemetry spans of model calls (`gen_ai.*`), as the collector's file exporter writes them or
//! one span a line.

mod attributes;
mod nesting;
mod otlp;

use std::borrow::Cow;

use chrono_tz::Tz;
use sha2::{Digest, Sha256};

use super::super::cell::{self, Cell};
use super::super::raw::RawTable;
use super::clock::{TimeFormat, Unit};
use super::columns::{Labels, seconds_to_us};
use super::log::Record;
use super::outcome::{self, Outcome, Tells};
use super::{Fate, Fault};
use crate::units::TokenCounts;
use crate::usage::schema;
use attributes::{Attribute, Attributes, attribute};

pub(super) use nesting::Nesting;

/// Operations that are no call of a model, though their spans may repeat the tokens of such calls.
const NO_MODEL_CALL: &[&str] =
    &["invoke_agent", "create_agent", "execute_tool", "invoke_workflow", "retrieval"];
/// Operations whose answer has no tokens.
const EMBEDDINGS: &[&str] = &["embeddings", "embedding", "aembedding"];

/// A field of a span in a file of one span a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Field {
    Resources,
    Trace,
    Span,
    Parent,
    StartNs,
    Start,
    EndNs,
    End,
    Status,
    Attributes,
    ResourceAttributes,
    Attribute(Attribute, bool),
}

fn field(header: &str) -> Option<Field> {
    let name = schema::normalized(header);
    Some(match name.as_str() {
        "resourcespans" | "resource_spans" => Field::Resources,
        "traceid" | "trace_id" | "context_trace_id" | "spancontext_traceid" => Field::Trace,
        "spanid" | "span_id" | "context_span_id" | "spancontext_spanid" => Field::Span,
        "parentspanid" | "parent_span_id" | "parentid" | "parent_id" => Field::Parent,
        "starttimeunixnano" | "start_time_unix_nano" => Field::StartNs,
        "starttime" | "start_time" | "timestamp" => Field::Start,
        "endtimeunixnano" | "end_time_unix_nano" => Field::EndNs,
        "endtime" | "end_time" => Field::End,
        "status" | "status_code" | "statuscode" | "status_status_code" => Field::Status,
        "attributes" | "spanattributes" | "span_attributes" => Field::Attributes,
        "resource_attributes" | "resourceattributes" => Field::ResourceAttributes,
        name => {
            let of_resource = ["resource_attributes_", "resourceattributes_"];
            if of_resource.iter().any(|it| name.strip_prefix(it) == Some("service_name")) {
                return Some(Field::Attribute(Attribute::ServiceName, true));
            }
            let prefixes = ["attributes_", "spanattributes_", "span_attributes_"];
            let bare = prefixes.iter().find_map(|it| name.strip_prefix(it)).unwrap_or(name);
            let (attribute, new) = attribute(bare)?;
            Field::Attribute(attribute, new)
        }
    })
}

/// Whether a column is read.
pub(super) fn wants(header: &str) -> bool {
    field(header).is_some()
}

/// Whether the headers are those of spans.
pub(super) fn fits(headers: &[String]) -> bool {
    let fields: Vec<Field> = headers.iter().filter_map(|it| field(it)).collect();
    let has = |wanted: Field| fields.contains(&wanted);
    let gen_ai = headers.iter().any(|it| {
        let named = matches!(field(it), Some(Field::Attribute(..)));
        named && schema::normalized(it).contains("gen_ai_")
    });
    has(Field::Resources)
        || (gen_ai && [Field::Start, Field::StartNs].into_iter().any(has))
        || (has(Field::Trace) && has(Field::Span) && has(Field::Attributes))
}

/// A span as far as it is read.
#[derive(Debug, Default)]
struct Span {
    /// Names it within all traces.
    key: Option<u128>,
    /// Names the span it is part of.
    parent: Option<u128>,
    start_us: Option<i64>,
    end_us: Option<i64>,
    error: bool,
    attributes: Attributes,
}

/// What a span is.
pub(super) enum Verdict {
    /// A call of a model.
    Call(Box<Call>),
    /// Something else, which is left out.
    Not(Fate),
}

/// A call of a model.
#[derive(Debug)]
pub(super) struct Call {
    /// Names its span within all traces.
    pub(super) key: Option<u128>,
    at_us: i64,
    tokens: Option<TokenCounts>,
    outcome: Outcome,
    tells: Tells,
    latency_us: Option<u64>,
    ttft_us: Option<u64>,
    cached_prompt_tokens: Option<u64>,
    model: Option<String>,
    provider: Option<String>,
    address: Option<String>,
    service: Option<String>,
}

impl Call {
    /// Whether its tokens are known.
    pub(super) fn has_tokens(&self) -> bool {
        self.tokens.is_some()
    }

    /// The request without its names.
    pub(super) fn record(&self) -> Record<'_> {
        Record {
            at_us: self.at_us,
            tokens: self.tokens,
            outcome: self.outcome,
            tells: self.tells,
            asks_for_image: false,
            latency_us: self.latency_us,
            ttft_us: self.ttft_us,
            cached_prompt_tokens: self.cached_prompt_tokens,
            model: self.model.as_deref(),
            team: None,
        }
    }

    /// Whose the request is.
    pub(super) fn labels(&self) -> Labels<'_> {
        Labels {
            model: self.model.as_deref().map(Cow::Borrowed),
            provider: self.provider.as_deref().map(Cow::Borrowed),
            api_base: self.address.as_deref().map(Cow::Borrowed),
            endpoint: self.service.as_deref().map(Cow::Borrowed),
            ..Labels::default()
        }
    }
}

/// The spans of one row, judged; and the parent of each span that has one.
#[derive(Default)]
pub(super) struct RowSpans {
    pub(super) verdicts: Vec<Result<Verdict, Fault>>,
    /// A span and the span it is part of.
    pub(super) parents: Vec<(u128, u128)>,
}

impl RowSpans {
    fn push(&mut self, span: Result<Span, Fault>) {
        let verdict = span.and_then(|span| {
            self.parents.extend(span.key.zip(span.parent));
            judge(&span)
        });
        self.verdicts.push(verdict);
    }
}

/// The columns of spans, bound to the headers of a batch.
pub(super) struct SpanColumns<'a> {
    raw: &'a RawTable,
    places: Vec<(Field, usize)>,
}

impl<'a> SpanColumns<'a> {
    /// Finds the columns.
    pub(super) fn bind(raw: &'a RawTable) -> SpanColumns<'a> {
        let headers = raw.headers.iter().enumerate();
        let places = headers.filter_map(|(at, it)| Some((field(it)?, at))).collect();
        SpanColumns { raw, places }
    }

    /// The places of all columns that are used.
    pub(super) fn used(&self) -> impl Iterator<Item = usize> {
        self.places.iter().map(|(_, at)| *at)
    }

    /// The spans of a row: one, or those of a line of the collector.
    pub(super) fn row(&self, row: usize) -> Result<RowSpans, Fault> {
        let mut spans = RowSpans::default();
        match self.cell(Field::Resources, row) {
            (Cell::Null, _) => spans.push(self.flat(row)),
            (Cell::Text(text), header) => {
                let read = otlp::read(text, &mut |span| spans.push(span));
                read.map_err(|reason| (header.map(str::to_owned), reason))?;
            }
            (_, header) => {
                let reason = "the value is no list of resource spans".to_owned();
                return Err((header.map(str::to_owned), reason));
            }
        }
        Ok(spans)
    }

    /// The first cell of a field that holds something, with its header.
    fn cell(&self, field: Field, row: usize) -> (Cell<'a>, Option<&'a str>) {
        let mut header = None;
        for (_, at) in self.places.iter().filter(|(it, _)| *it == field) {
            header = self.raw.headers.get(*at).map(String::as_str);
            let cell = self.raw.cell(*at, row).trimmed();
            if !matches!(cell, Cell::Null) {
                return (cell, header);
            }
        }
        (Cell::Null, header)
    }

    /// A row that is a span.
    fn flat(&self, row: usize) -> Result<Span, Fault> {
        let mut attributes = Attributes::default();
        for place in [Field::Attributes, Field::ResourceAttributes] {
            if let (Cell::Text(text), header) = self.cell(place, row) {
                let found: Attributes = serde_json::from_str(text).map_err(|_| {
                    (header.map(str::to_owned), "the attributes are not JSON".to_owned())
                })?;
                attributes.extend(&if place == Field::ResourceAttributes {
                    found.only(Attribute::ServiceName)
                } else {
                    found
                });
            }
        }
        for (place, at) in &self.places {
            if let Field::Attribute(attribute, new) = place {
                attributes.put(*attribute, *new, attributes::value_of(self.raw.cell(*at, row)));
            }
        }
        let id = |field| id_of(self.cell(field, row).0);
        let time = |in_ns: Field, as_text: Field| {
            let (cell, header) = match self.cell(in_ns, row) {
                (Cell::Null, _) => self.cell(as_text, row),
                found => return span_time(found.0).map_err(|it| (found.1.map(str::to_owned), it)),
            };
            // Spans without an offset are UTC: what writes them does not know another zone.
            let read = TimeFormat::Auto.read(cell, Tz::UTC);
            read.map_err(|it| (header.map(str::to_owned), it))
        };
        Ok(Span {
            key: key(id(Field::Trace), id(Field::Span)),
            parent: key(id(Field::Trace), id(Field::Parent)),
            start_us: time(Field::StartNs, Field::Start)?,
            end_us: time(Field::EndNs, Field::End)?,
            error: is_error(self.cell(Field::Status, row).0),
            attributes,
        })
    }
}

/// A time in nanoseconds since 1970; zero means that it was not set.
fn span_time(cell: Cell<'_>) -> Result<Option<i64>, String> {
    let read = TimeFormat::Unix(Unit::Ns).read(cell, Tz::UTC)?;
    Ok(read.filter(|us| *us > 0))
}

/// An id as a number: hexadecimal where it is that, else its hash. None for no span.
fn id_of(cell: Cell<'_>) -> Option<u128> {
    let text = cell::text(cell).ok().flatten()?;
    let hex = text.strip_prefix("0x").unwrap_or(&text);
    let plain = !hex.starts_with('+') && hex.len() <= 32;
    let number = if plain { u128::from_str_radix(hex, 16).ok() } else { None };
    number.or_else(|| Some(hash_of(text.as_bytes()))).filter(|it| *it != 0)
}

/// The first 128 bits of the SHA-256 of bytes.
pub(super) fn hash_of(bytes: &[u8]) -> u128 {
    Sha256::digest(bytes).iter().take(16).fold(0, |all, byte| all << 8 | u128::from(*byte))
}

/// One number for a span of a trace: random ids of 128 bits do not meet.
fn key(trace: Option<u128>, span: Option<u128>) -> Option<u128> {
    // The golden ratio as a fraction of 2^128, odd, spreads small ids of traces.
    const SPREAD: u128 = 0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835;
    Some(trace?.wrapping_mul(SPREAD).wrapping_add(span?))
}

/// Whether a status is that of a failed span: 2 or a word with `error`.
fn is_error(cell: Cell<'_>) -> bool {
    match cell {
        Cell::Text(text) => text == "2" || text.to_ascii_lowercase().contains("error"),
        Cell::Int(code) => code == 2,
        _ => false,
    }
}

/// Whether a span is a call of a model, and what it says.
///
/// Gateways copy `gen_ai.request.model` onto their spans of databases and of HTTP, so the name of a
/// model alone does not make a call: it takes an operation, tokens, or a model with its provider.
fn judge(span: &Span) -> Result<Verdict, Fault> {
    let attributes = &span.attributes;
    if !attributes.has_gen_ai() {
        return Ok(Verdict::Not(Fate::OtherSpan));
    }
    let counted = |attribute, name: &str| {
        let count = cell::count(attributes.cell(attribute));
        count.map_err(|reason| (Some(name.to_owned()), reason))
    };
    let model = attributes
        .text(Attribute::RequestModel)
        .or_else(|| attributes.text(Attribute::ResponseModel));
    let operation = attributes.text(Attribute::Operation);
    if operation.as_deref().is_some_and(|it| NO_MODEL_CALL.contains(&it)) {
        return Ok(Verdict::Not(Fate::OtherOperation));
    }
    let embeds = operation.as_deref().is_some_and(|it| EMBEDDINGS.contains(&it));
    let input = counted(Attribute::Input, "gen_ai.usage.input_tokens")?;
    let output = counted(Attribute::Output, "gen_ai.usage.output_tokens")?;
    let provider = attributes.text(Attribute::Provider);
    let is_call = match operation.as_deref() {
        Some(it) if embeds || is_generation(it) => true,
        Some(_) | None if input.is_some() || output.is_some() => true,
        Some(_) => return Ok(Verdict::Not(Fate::OtherOperation)),
        None => model.is_some() && provider.is_some(),
    };
    if !is_call {
        return Ok(Verdict::Not(Fate::OtherSpan));
    }
    let missing = || (Some("startTimeUnixNano".to_owned()), "the time is missing".to_owned());
    let at_us = span.start_us.ok_or_else(missing)?;
    if span.end_us.is_some_and(|end| end < at_us) {
        let reason = "the span ends before it starts".to_owned();
        return Err((Some("endTimeUnixNano".to_owned()), reason));
    }
    let in_ttft = |reason| (Some("gen_ai.latency.time_to_first_token".to_owned()), reason);
    let ttft = cell::quantity(attributes.cell(Attribute::TimeToFirstToken)).map_err(in_ttft)?;
    let output = output.or(embeds.then_some(0));
    let tokens = input.zip(output).map(|(prompt, completion)| TokenCounts { prompt, completion });
    Ok(Verdict::Call(Box::new(Call {
        key: span.key,
        at_us,
        tokens: tokens.filter(|it| it.total() > 0),
        outcome: outcome_of(span),
        tells: tells_of(span),
        latency_us: span.end_us.and_then(|end| u64::try_from(end - at_us).ok()),
        ttft_us: ttft.map(seconds_to_us).transpose().map_err(in_ttft)?,
        cached_prompt_tokens: counted(
            Attribute::CacheRead,
            "gen_ai.usage.cache_read.input_tokens",
        )?,
        model,
        provider,
        address: attributes.text(Attribute::ServerAddress),
        service: attributes.text(Attribute::ServiceName),
    })))
}

/// Operations that generate, by the words of the conventions and of LiteLLM and `OpenLLMetry`.
fn is_generation(operation: &str) -> bool {
    matches!(
        operation,
        "chat" | "text_completion" | "generate_content" | "completion" | "acompletion"
    )
}

/// A span always tells an error; whether of a limit only its type or the code of HTTP does.
fn tells_of(span: &Span) -> Tells {
    let status = outcome::tells(span.attributes.cell(Attribute::HttpStatus), outcome_of(span));
    let typed = span.attributes.text(Attribute::ErrorType).is_some();
    if typed { Tells::Refusals } else { status.max(Tells::Failures) }
}

fn outcome_of(span: &Span) -> Outcome {
    let kind = span.attributes.text(Attribute::ErrorType);
    let status = outcome::of_status(span.attributes.cell(Attribute::HttpStatus));
    if kind.as_deref().is_some_and(outcome::is_throttled) || status == Ok(Some(Outcome::Throttled))
    {
        Outcome::Throttled
    } else if span.error || kind.is_some() || status == Ok(Some(Outcome::Failed)) {
        Outcome::Failed
    } else {
        Outcome::Served
    }
}
