//! `gpuadvise.toml`: what the user knows and the data do not say. Everything in it is optional.

use std::collections::BTreeMap;

use chrono_tz::Tz;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::asked::AskedCommitment;
use super::budget::{Budget, RawBudget};
use super::email::{EmailConfig, RawEmail};
use super::future::RawFuture;
use super::fx::FxRates;
use super::held::{self, HeldCommitment, RawCommitment};
use super::requests::{LogMapping, RawLogMappings};
use super::rules::{RawRule, Rule, Rules};
use crate::catalog::{CatalogError, OwnPlatform, Quote};
use crate::units::{Currency, Fraction, Money, parse_span_us};
use crate::workload::{ApiPrice, Asked, DeliveredUnit, Future, Interruptible, Kind, Settings, Slo};

/// A fault of the config, with its line where it is known.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: {message}")]
pub struct ConfigError {
    /// The file.
    pub file: String,
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong.
    pub message: String,
}

impl From<CatalogError> for ConfigError {
    fn from(error: CatalogError) -> ConfigError {
        let text = error.to_string();
        let (file, line) =
            error.place().map_or_else(|| (String::new(), 1), |at| (at.file.clone(), at.line));
        let place = format!("{file}:{line}: ");
        let message = text.strip_prefix(&place).unwrap_or(&text).to_owned();
        ConfigError { file, line, message }
    }
}

/// The config, checked.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// By workload name.
    pub workloads: BTreeMap<String, WorkloadConfig>,
    /// Which workload, owner and environment rows belong to.
    pub(super) rules: Rules,
    /// What the columns of request logs mean, and whose the requests of a file are.
    pub(super) mappings: Vec<LogMapping>,
    /// How platforms bill and scale, to be laid over the catalog.
    pub platforms: Vec<OwnPlatform>,
    /// Private prices, to be laid beside those of the catalog.
    pub quotes: Vec<Quote>,
    /// Exchange rates to the report's currency.
    pub fx: FxRates,
    /// What may be advised.
    pub policy: Policy,
    /// Commitments that are held.
    pub commitments: Vec<HeldCommitment>,
    /// What may be spent.
    pub budget: Budget,
    /// Who gets the report by mail, and through which server.
    pub email: Option<EmailConfig>,
    /// How to show it.
    pub reporting: Reporting,
}

/// What the user says of one workload.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "the names are those of the file and of the usage table")]
pub struct WorkloadConfig {
    pub owner: Option<String>,
    pub environment: Option<String>,
    pub provider: Option<String>,
    pub region: Option<String>,
    pub gpu: Option<String>,
    pub gpu_count: Option<u32>,
    pub model: Option<String>,
    pub dtype: Option<String>,
    pub quantization: Option<String>,
    pub tensor_parallel_size: Option<u32>,
    pub max_model_len: Option<u64>,
    pub settings: Settings,
}

impl WorkloadConfig {
    /// This, with what it leaves open taken from `other`.
    pub(super) fn or(&self, other: &WorkloadConfig) -> WorkloadConfig {
        let (a, b) = (self.clone(), other.clone());
        WorkloadConfig {
            owner: a.owner.or(b.owner),
            environment: a.environment.or(b.environment),
            provider: a.provider.or(b.provider),
            region: a.region.or(b.region),
            gpu: a.gpu.or(b.gpu),
            gpu_count: a.gpu_count.or(b.gpu_count),
            model: a.model.or(b.model),
            dtype: a.dtype.or(b.dtype),
            quantization: a.quantization.or(b.quantization),
            tensor_parallel_size: a.tensor_parallel_size.or(b.tensor_parallel_size),
            max_model_len: a.max_model_len.or(b.max_model_len),
            settings: Settings {
                kind: a.settings.kind.or(b.settings.kind),
                task: a.settings.task.or(b.settings.task),
                quality_floor_bits: a.settings.quality_floor_bits.or(b.settings.quality_floor_bits),
                slo: a.settings.slo.or(b.settings.slo),
                service_time_s: a.settings.service_time_s.or(b.settings.service_time_s),
                cold_start_s: a.settings.cold_start_s.or(b.settings.cold_start_s),
                interruptible: a.settings.interruptible.or(b.settings.interruptible),
                api_price: a.settings.api_price.or(b.settings.api_price),
                cold_start_snapshot_s: a
                    .settings
                    .cold_start_snapshot_s
                    .or(b.settings.cold_start_snapshot_s),
                cold_start_snapshot_share: a
                    .settings
                    .cold_start_snapshot_share
                    .or(b.settings.cold_start_snapshot_share),
                standby: a.settings.standby || b.settings.standby,
                critical: a.settings.critical || b.settings.critical,
                max_num_seqs: a.settings.max_num_seqs.or(b.settings.max_num_seqs),
                unit: a.settings.unit.or(b.settings.unit),
                asked: Asked::default(),
                future: if a.settings.future == Future::default() {
                    b.settings.future
                } else {
                    a.settings.future
                },
            },
        }
    }
}

/// What may be advised.
#[derive(Clone, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a key of the file")]
pub struct Policy {
    /// Providers to consider; all when empty.
    pub providers: Vec<String>,
    /// Regions to consider, by their beginning; all when empty.
    pub regions: Vec<String>,
    /// Whether `GeForce` cards are allowed, whose licence excludes data centres.
    pub geforce: bool,
    /// Whether community clouds and marketplaces of small hosts are allowed.
    pub community: bool,
    /// Longest term in months, where the user sets one.
    pub max_term_months: Option<u32>,
    /// Least monthly saving worth an action.
    pub min_monthly_savings: Option<f64>,
    /// Whether another provider than today's may be advised; its plans are shown either way.
    pub switch_provider: bool,
    /// Whether another region of today's provider may be advised; its plans are shown either way.
    pub switch_region: bool,
    /// Commitments to judge, of the command line.
    pub asked: Vec<AskedCommitment>,
    /// Commitments that are held already.
    pub held: Vec<HeldCommitment>,
    /// How much of demand commitments cover: 0 what is always in use, 1 what costs the least.
    pub risk: Option<Fraction>,
    /// Most of the commitments of an instance that may end in one calendar quarter.
    pub max_expiring_share_per_quarter: Option<Fraction>,
}

impl Policy {
    /// Whether `providers` allows one.
    pub fn allows_provider(&self, provider: &str) -> bool {
        self.providers.is_empty() || self.providers.iter().any(|it| it == provider)
    }

    /// Whether `regions` allows one.
    pub fn allows_region(&self, region: &str) -> bool {
        self.regions.is_empty() || self.regions.iter().any(|it| region.starts_with(it.as_str()))
    }
}

/// How to show it.
#[derive(Clone, Debug, Default)]
pub struct Reporting {
    /// Zone of day profiles.
    pub time_zone: Option<Tz>,
    /// Currency of the report, where amounts come in several.
    pub currency: Option<Currency>,
    /// The key of pseudonyms.
    pub redact_key: Option<String>,
}

impl Config {
    /// The workload that the config says serves a model, where it is the only one.
    pub(super) fn workload_of_model(&self, model: &str) -> Option<String> {
        let serves = |it: &&String| {
            let named = self.workloads.get(*it).and_then(|it| it.model.as_deref());
            named.is_some_and(|it| it.eq_ignore_ascii_case(model))
        };
        let mut names = self.workloads.keys().filter(serves);
        names.next().filter(|_| names.next().is_none()).cloned()
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawConfig {
    #[serde(default)]
    workload: BTreeMap<String, toml::Spanned<RawWorkload>>,
    #[serde(default)]
    rule: Vec<toml::Spanned<RawRule>>,
    #[serde(default)]
    mapping: Option<toml::Spanned<RawLogMappings>>,
    /// Read by the catalog, whose tables these are.
    #[serde(default, rename = "platform")]
    _platform: IgnoredAny,
    /// Read by the catalog too.
    #[serde(default, rename = "quote")]
    _quote: IgnoredAny,
    #[serde(default)]
    fx: BTreeMap<String, toml::Spanned<RawRate>>,
    #[serde(default)]
    policy: Option<toml::Spanned<RawPolicy>>,
    #[serde(default)]
    commitment: Vec<toml::Spanned<RawCommitment>>,
    #[serde(default)]
    budget: Option<toml::Spanned<RawBudget>>,
    #[serde(default)]
    email: Option<toml::Spanned<RawEmail>>,
    #[serde(default)]
    report: Option<toml::Spanned<RawReport>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawWorkload {
    owner: Option<String>,
    environment: Option<String>,
    provider: Option<String>,
    region: Option<String>,
    gpu: Option<String>,
    gpu_count: Option<u32>,
    model: Option<String>,
    dtype: Option<String>,
    quantization: Option<String>,
    tensor_parallel_size: Option<u32>,
    max_model_len: Option<u64>,
    max_num_seqs: Option<u32>,
    kind: Option<String>,
    task: Option<String>,
    quality_floor_bits: Option<u32>,
    purpose: Option<String>,
    service_time_s: Option<f64>,
    cold_start_s: Option<f64>,
    #[serde(default)]
    interruptible: bool,
    checkpoint_interval_s: Option<f64>,
    checkpoint_write_s: Option<f64>,
    deadline_h: Option<f64>,
    api_price: Option<toml::Value>,
    cold_start_snapshot_s: Option<f64>,
    cold_start_snapshot_share: Option<f64>,
    unit: Option<String>,
    units_per_request: Option<f64>,
    slo: Option<RawSlo>,
    future: Option<toml::Spanned<RawFuture>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSlo {
    ttft_p95: Option<String>,
    tpot_p95: Option<String>,
    attainment: Option<f64>,
}

/// A rate as text, which is exact, or as a number by its shortest form.
#[derive(Deserialize)]
#[serde(untagged)]
enum RawRate {
    Text(String),
    Whole(i64),
    Float(f64),
}

impl RawRate {
    fn into_text(self) -> String {
        match self {
            RawRate::Text(text) => text,
            RawRate::Whole(whole) => whole.to_string(),
            RawRate::Float(float) => float.to_string(),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "each is a key of the file")]
struct RawPolicy {
    #[serde(default)]
    providers: Vec<String>,
    #[serde(default)]
    regions: Vec<String>,
    #[serde(default)]
    geforce: bool,
    #[serde(default)]
    community: bool,
    max_term_months: Option<u32>,
    min_monthly_savings: Option<f64>,
    #[serde(default)]
    switch_provider: bool,
    #[serde(default)]
    switch_region: bool,
    risk: Option<f64>,
    max_expiring_share_per_quarter: Option<f64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawReport {
    time_zone: Option<String>,
    currency: Option<String>,
    redact_key: Option<String>,
}

/// Reads the text of a config; `file` is its name in messages.
pub fn parse_config(text: &str, file: &str) -> Result<Config, ConfigError> {
    let at = |offset: usize, message: String| ConfigError {
        file: file.to_owned(),
        line: text.get(..offset).map_or(1, |before| before.matches('\n').count() + 1),
        message,
    };
    let raw: RawConfig = toml::from_str(text).map_err(|error| {
        let message = error.message().lines().next().unwrap_or("not TOML").to_owned();
        at(error.span().map_or(0, |it| it.start), message)
    })?;
    let mut config = Config {
        platforms: OwnPlatform::read(text, file)?,
        quotes: Quote::read(text, file)?,
        commitments: held::check_all(raw.commitment)
            .map_err(|(offset, message)| at(offset, message))?,
        ..Config::default()
    };
    if let Some(spanned) = raw.policy {
        let offset = spanned.span().start;
        config.policy = check_policy(spanned.into_inner()).map_err(|it| at(offset, it))?;
    }
    for (name, spanned) in raw.workload {
        let offset = spanned.span().start;
        let mut raw = spanned.into_inner();
        let of_it = |offset, message| at(offset, format!("workload `{name}`: {message}"));
        let future = RawFuture::checked(raw.future.take()).map_err(|(at, it)| of_it(at, it))?;
        let mut workload = check_workload(raw).map_err(|message| of_it(offset, message))?;
        workload.settings.future = future;
        config.workloads.insert(name, workload);
    }
    if let Some(spanned) = raw.budget {
        config.budget = Budget::checked(spanned, at)?;
    }
    if let Some(spanned) = raw.email {
        let offset = spanned.span().start;
        let email = EmailConfig::checked(spanned.into_inner());
        config.email = Some(email.map_err(|it| at(offset, format!("email: {it}")))?);
    }
    for spanned in raw.rule {
        let offset = spanned.span().start;
        let rule = Rule::check(spanned.into_inner()).map_err(|message| at(offset, message))?;
        config.rules.push(rule);
    }
    if let Some(spanned) = raw.mapping {
        let start = spanned.span().start;
        for (offset, raw) in spanned.into_inner().into_list() {
            let mapping =
                LogMapping::check(raw).map_err(|message| at(offset.unwrap_or(start), message))?;
            config.mappings.push(mapping);
        }
    }
    for (code, spanned) in raw.fx {
        let offset = spanned.span().start;
        let text = spanned.into_inner().into_text();
        config.fx.add(&code, &text).map_err(|message| at(offset, message))?;
    }
    if let Some(spanned) = raw.report {
        let offset = spanned.span().start;
        config.reporting =
            check_report(&spanned.into_inner()).map_err(|message| at(offset, message))?;
    }
    Ok(config)
}

/// Bits of a weight that formats have.
fn check_bits(bits: Option<u32>) -> Result<Option<u32>, String> {
    match bits {
        Some(bits) if ![4, 8, 16, 32].contains(&bits) => {
            Err(format!("quality_floor_bits is {bits}; weights have 4, 8, 16 or 32 bits"))
        }
        other => Ok(other),
    }
}

fn check_policy(raw: RawPolicy) -> Result<Policy, String> {
    let share = |key: &str, value: Option<f64>| {
        let checked = value.map(|it| Fraction::try_from(it).map_err(|why| format!("{key}: {why}")));
        checked.transpose()
    };
    let cap = raw.max_expiring_share_per_quarter;
    Ok(Policy {
        held: Vec::new(),
        providers: raw.providers,
        regions: raw.regions,
        geforce: raw.geforce,
        community: raw.community,
        max_term_months: raw.max_term_months,
        min_monthly_savings: raw.min_monthly_savings,
        switch_provider: raw.switch_provider,
        switch_region: raw.switch_region,
        asked: Vec::new(),
        risk: share("risk", raw.risk)?,
        max_expiring_share_per_quarter: share("max_expiring_share_per_quarter", cap)?,
    })
}

/// Fewest characters of a key.
const LEAST_KEY: usize = 16;

fn check_report(raw: &RawReport) -> Result<Reporting, String> {
    let time_zone = raw.time_zone.as_deref().map(|name| {
        name.parse::<Tz>().map_err(|_| format!("`{name}` is not a time zone such as Europe/Berlin"))
    });
    let currency = raw.currency.as_deref().map(|code| {
        Currency::parse(code).map_err(|_| format!("`{code}` is not a three-letter currency code"))
    });
    let redact_key = raw.redact_key.clone();
    if redact_key.as_ref().is_some_and(|it| it.chars().count() < LEAST_KEY) {
        return Err(format!(
            "redact_key is shorter than {LEAST_KEY} characters and could be guessed"
        ));
    }
    Ok(Reporting { time_zone: time_zone.transpose()?, currency: currency.transpose()?, redact_key })
}

/// A text left empty is a blank somebody forgot, not a name.
fn check_filled(raw: &RawWorkload) -> Result<(), String> {
    let texts = [
        ("owner", &raw.owner),
        ("environment", &raw.environment),
        ("provider", &raw.provider),
        ("region", &raw.region),
        ("gpu", &raw.gpu),
        ("model", &raw.model),
        ("dtype", &raw.dtype),
        ("quantization", &raw.quantization),
        ("task", &raw.task),
        ("unit", &raw.unit),
    ];
    let is_empty = |text: &Option<String>| text.as_ref().is_some_and(|it| it.trim().is_empty());
    match texts.iter().find(|(_, text)| is_empty(text)) {
        Some((key, _)) => Err(format!("{key} is empty: fill it in or delete the line")),
        None => Ok(()),
    }
}

fn check_workload(raw: RawWorkload) -> Result<WorkloadConfig, String> {
    check_filled(&raw)?;
    let kind = raw.kind.as_deref().map(|word| {
        Kind::parse(word).ok_or_else(|| {
            format!("kind `{word}` is none of training, fine_tuning, batch_inference, real_time_inference, unknown")
        })
    });
    let (standby, critical) = match raw.purpose.as_deref() {
        None => (false, false),
        Some("standby") => (true, false),
        Some("critical") => (false, true),
        Some(other) => {
            return Err(format!("purpose `{other}` is neither `standby` nor `critical`"));
        }
    };
    let positive = |name: &str, value: Option<f64>| match value {
        Some(value) if !(value.is_finite() && value > 0.0) => {
            Err(format!("{name} is {value}, which is not a positive number of seconds"))
        }
        other => Ok(other),
    };
    let at_least_one = |name: &str, value: Option<u32>| match value {
        Some(0) => Err(format!("{name} is 0; the least is 1")),
        other => Ok(other),
    };
    let details = Interruptible {
        checkpoint_interval_s: positive("checkpoint_interval_s", raw.checkpoint_interval_s)?,
        checkpoint_write_s: positive("checkpoint_write_s", raw.checkpoint_write_s)?,
        deadline_h: check_deadline(raw.deadline_h)?,
    };
    check_checkpoints(&details)?;
    let interruptible =
        (raw.interruptible || details.checkpoint_interval_s.is_some()).then_some(details);
    let snapshot_s = positive("cold_start_snapshot_s", raw.cold_start_snapshot_s)?;
    let snapshot_share = check_snapshot_share(snapshot_s, raw.cold_start_snapshot_share)?;
    if let (Some(short), Some(full)) = (snapshot_s, raw.cold_start_s)
        && short > full
    {
        return Err(format!("cold_start_snapshot_s is {short}, above the cold_start_s of {full}"));
    }
    Ok(WorkloadConfig {
        owner: raw.owner,
        environment: raw.environment,
        provider: raw.provider,
        region: raw.region,
        gpu: raw.gpu,
        gpu_count: at_least_one("gpu_count", raw.gpu_count)?,
        model: raw.model,
        dtype: raw.dtype,
        quantization: raw.quantization,
        tensor_parallel_size: at_least_one("tensor_parallel_size", raw.tensor_parallel_size)?,
        max_model_len: raw.max_model_len,
        settings: Settings {
            kind: kind.transpose()?,
            task: raw.task,
            quality_floor_bits: check_bits(raw.quality_floor_bits)?,
            slo: raw.slo.map(check_slo).transpose()?,
            service_time_s: positive("service_time_s", raw.service_time_s)?,
            cold_start_s: positive("cold_start_s", raw.cold_start_s)?,
            interruptible,
            api_price: raw.api_price.as_ref().map(check_api_price).transpose()?,
            cold_start_snapshot_s: snapshot_s,
            cold_start_snapshot_share: snapshot_share,
            standby,
            critical,
            asked: Asked::default(),
            max_num_seqs: at_least_one("max_num_seqs", raw.max_num_seqs)?,
            unit: check_unit(raw.unit, raw.units_per_request)?,
            future: Future::default(),
        },
    })
}

/// What somebody else's endpoint charges, in USD per million tokens.
fn check_api_price(raw: &toml::Value) -> Result<ApiPrice, String> {
    const SHAPE: &str =
        "write two rates, such as api_price = { prompt = \"0.15\", completion = \"0.60\" }";
    let Some(rates) = raw.as_table() else {
        return Err(format!("api_price is a {} and not a table: {SHAPE}", raw.type_str()));
    };
    if let Some(other) = rates.keys().find(|it| !matches!(it.as_str(), "prompt" | "completion")) {
        return Err(format!("api_price has a key `{other}`: {SHAPE}"));
    }
    let rate = |name: &str| {
        let text = match rates.get(name) {
            Some(toml::Value::String(text)) => text.clone(),
            Some(toml::Value::Integer(whole)) => whole.to_string(),
            Some(toml::Value::Float(float)) => float.to_string(),
            Some(other) => format!("a {}", other.type_str()),
            None => return Err(format!("api_price has no {name}: {SHAPE}")),
        };
        match Money::parse(&text, Currency::USD) {
            Ok(rate) if !rate.is_negative() => Ok(rate),
            _ => Err(format!(
                "api_price.{name} is `{text}`, which is not an amount of money: {SHAPE}"
            )),
        }
    };
    Ok(ApiPrice { prompt: rate("prompt")?, completion: rate("completion")? })
}

fn check_deadline(hours: Option<f64>) -> Result<Option<f64>, String> {
    match hours {
        Some(hours) if !(hours.is_finite() && hours > 0.0) => {
            Err(format!("deadline_h is {hours}, which is not a positive number of hours"))
        }
        other => Ok(other),
    }
}

/// Work that writes no checkpoint begins again from nothing, so that neither the time to write one
/// nor a deadline changes any plan.
fn check_checkpoints(details: &Interruptible) -> Result<(), String> {
    let unused = match (details.checkpoint_write_s, details.deadline_h) {
        _ if details.checkpoint_interval_s.is_some() => return Ok(()),
        (None, None) => return Ok(()),
        (Some(_), _) => "checkpoint_write_s",
        (None, Some(_)) => "deadline_h",
    };
    Err(format!(
        "{unused} has no effect without checkpoint_interval_s, the seconds between checkpoints"
    ))
}

/// How many of the starts a snapshot shortens.
fn check_snapshot_share(
    snapshot_s: Option<f64>,
    share: Option<f64>,
) -> Result<Option<Fraction>, String> {
    if share.is_some() && snapshot_s.is_none() {
        return Err("cold_start_snapshot_share needs cold_start_snapshot_s".to_owned());
    }
    let checked = share.map(|it| {
        Fraction::try_from(it).map_err(|why| format!("cold_start_snapshot_share: {why}"))
    });
    checked.transpose()
}

/// The unit a workload delivers; one a request where nothing else is said.
fn check_unit(
    name: Option<String>,
    per_request: Option<f64>,
) -> Result<Option<DeliveredUnit>, String> {
    match (name, per_request) {
        (None, None) => Ok(None),
        (None, Some(_)) => Err("units_per_request needs a unit".to_owned()),
        (Some(_), Some(it)) if !(it.is_finite() && it > 0.0) => {
            Err(format!("units_per_request is {it}, which is not a positive number"))
        }
        (Some(name), per_request) => {
            Ok(Some(DeliveredUnit { name, per_request: per_request.unwrap_or(1.0) }))
        }
    }
}

fn check_slo(raw: RawSlo) -> Result<Slo, String> {
    let seconds = |name: &str, text: Option<String>| match text {
        None => Ok(None),
        Some(text) => match parse_span_us(&text) {
            Ok(us) if us > 0 => Ok(Some(us as f64 / 1e6)),
            _ => Err(format!("{name} `{text}` is not a time such as 500ms or 2s")),
        },
    };
    let attainment = raw.attainment.unwrap_or(0.95);
    Ok(Slo {
        ttft_p95_s: seconds("ttft_p95", raw.ttft_p95)?,
        tpot_p95_s: seconds("tpot_p95", raw.tpot_p95)?,
        attainment: Fraction::try_from(attainment).map_err(|it| format!("attainment: {it}"))?,
        assumed: false,
    })
}

#[cfg(test)]
mod tests {
    use super::super::requests::workload_of_file;
    use super::*;

    fn fails(text: &str, line: usize, message: &str) {
        let found = parse_config(text, "gpuadvise.toml").unwrap_err();
        assert_eq!(found.line, line, "{found}");
        assert!(found.message.contains(message), "{found}");
    }

    #[test]
    fn a_config_reads() {
        let text = r#"
            [workload.chat]
            owner = "Product"
            kind = "real_time_inference"
            unit = "answer"
            units_per_request = 0.5
            [workload.chat.slo]
            ttft_p95 = "1s"
            [[mapping]]
            file = "azure*.csv"
            workload = "chat"
            [report]
            time_zone = "Europe/Berlin"
        "#;
        let config = parse_config(text, "gpuadvise.toml").unwrap();
        let chat = &config.workloads["chat"];
        assert_eq!(chat.settings.kind, Some(Kind::RealTimeInference));
        let unit = DeliveredUnit { name: "answer".to_owned(), per_request: 0.5 };
        assert_eq!(chat.settings.unit, Some(unit));
        assert_eq!(
            chat.settings.slo.map(|it| (it.ttft_p95_s, it.assumed)),
            Some((Some(1.0), false))
        );
        let of_file = |file| workload_of_file(file, &config.mappings);
        assert_eq!((of_file("azure_2023.csv"), of_file("other.csv.gz")), (Some("chat"), None));
        assert!(!config.policy.switch_provider);
    }

    #[test]
    fn a_fault_names_its_line() {
        fails("[workload.a]\nownr = \"x\"\n", 2, "unknown field");
        fails("[workload.a\n", 1, "");
        fails("\n\n[workload.a]\nkind = \"chat\"\n", 3, "kind `chat`");
        fails("[workload.a]\ngpu = \" \"\n", 1, "gpu is empty");
        fails("[workload.a.slo]\nttft_p95 = \"soon\"\n", 1, "not a time");
        fails("[workload.a]\nservice_time_s = -1.0\n", 1, "positive");
        fails("[workload.a]\nquality_floor_bits = 5\n", 1, "4, 8, 16 or 32");
        fails("[workload.a]\ncold_start_snapshot_s = 0.0\n", 1, "positive");
        fails("[workload.a]\ncold_start_snapshot_share = 0.9\n", 1, "needs cold_start_snapshot_s");
        let snapshot = "[workload.a]\ncold_start_snapshot_s = 2.0\n";
        fails(&format!("{snapshot}cold_start_snapshot_share = 1.5\n"), 1, "snapshot_share");
        fails(&format!("{snapshot}cold_start_s = 1.0\n"), 1, "above the cold_start_s of 1");
        fails("[workload.a]\ncheckpoint_interval_s = 0\n", 1, "positive");
        fails("[workload.a]\ndeadline_h = 0\n", 1, "not a positive number of hours");
        let alone = "has no effect without checkpoint_interval_s";
        fails("[workload.a]\ndeadline_h = 9\n", 1, &format!("deadline_h {alone}"));
        fails("[workload.a]\ncheckpoint_write_s = 9\n", 1, &format!("checkpoint_write_s {alone}"));
        let price = "[workload.a]\napi_price = ";
        fails(
            &format!("{price}{{ prompt = \"-1\", completion = 1 }}\n"),
            1,
            "api_price.prompt is `-1`",
        );
        let shape = "write two rates, such as api_price = { prompt = \"0.15\", completion";
        for (value, message) in [
            ("{ prompt = 1 }", "api_price has no completion"),
            ("{ prompt = 1, completion = true }", "api_price.completion is `a boolean`"),
            ("{ prompt = 1, completion = 2, output = 3 }", "api_price has a key `output`"),
            ("\"0.15\"", "api_price is a string and not a table"),
        ] {
            fails(&format!("{price}{value}\n"), 1, message);
            fails(&format!("{price}{value}\n"), 1, shape);
        }
        fails("[workload.a]\nunits_per_request = 4\n", 1, "needs a unit");
        fails("[workload.a]\nunit = \"image\"\nunits_per_request = 0\n", 1, "positive");
        fails(
            "\n[[platform]]\nprovider = \"own\"\nidle_timeout_s = -1\n",
            4,
            "`idle_timeout_s` is -1",
        );
        fails("[[platform]]\nprovider = \"own\"\nidle = 1\n", 3, "unknown field `idle`");
        fails("[report]\ntime_zone = \"Mars\"\n", 1, "not a time zone");
        fails("[[mapping]]\nfile = \"[\"\nworkload = \"a\"\n", 1, "not a pattern");
        fails("[[rule]]\nworkload = \"a\"\n", 1, "a rule needs");
        fails("\n[policy]\nrisk = 1.5\n", 2, "risk: 1.5 is not between 0 and 1");
        fails("[policy]\nmax_expiring_share_per_quarter = -1\n", 1, "max_expiring");
        fails("[fx]\nEUR = 0\n", 2, "not a positive number");
        fails("[report]\ncurrency = \"dollar\"\n", 1, "three-letter");
        fails("[report]\nredact_key = \"short\"\n", 1, "could be guessed");
    }
}
