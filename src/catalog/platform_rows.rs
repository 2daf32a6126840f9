//! The `[[platform]]` tables of `serverless.toml` and of the user's config, read and checked.

use toml::Spanned;

use super::error::{CatalogError, Place};
use super::file::PricingFile;
use super::platform::{ServerlessPlatform, is_about};
use super::raw::{RawOwnPlatforms, RawPlatform, RawPlatforms};
use super::scaler::ScalerRule;
use super::{Catalog, scaler_rows};

/// A table with its scaling rules.
type Checked<'r> = (&'r Spanned<RawPlatform>, Vec<ScalerRule>);

/// A `[[platform]]` table of the user's config: what it states is laid over the platform of that
/// name in the catalog, or describes another.
#[derive(Clone, Debug)]
pub struct OwnPlatform {
    row: RawPlatform,
    scalers: Vec<ScalerRule>,
    at: Place,
}

impl OwnPlatform {
    /// The platform it is about.
    pub fn provider(&self) -> &str {
        &self.row.provider
    }

    /// The `[[platform]]` tables in the text of a config; `file` is its name in messages.
    pub fn read(text: &str, file: &str) -> Result<Vec<OwnPlatform>, CatalogError> {
        let file = PricingFile { name: file, text };
        let rows = file.parse::<RawOwnPlatforms>()?;
        let own = |(row, scalers): Checked<'_>| OwnPlatform {
            row: row.get_ref().clone(),
            scalers,
            at: file.place(row.span().start),
        };
        Ok(check_all(&file, &rows.platform, false)?.into_iter().map(own).collect())
    }
}

impl Catalog {
    /// This catalog with the user's own platforms laid over it, rule by rule; an error where two
    /// rules do not go together.
    ///
    /// A table that says only `provider = "modal"` and `idle_timeout_s = 300` leaves every other
    /// rule of `modal` as the catalog has it, but for what is assumed of that time.
    pub fn with_platforms(mut self, own: &[OwnPlatform]) -> Result<Catalog, CatalogError> {
        for it in own {
            let name = it.provider();
            let known = self.platforms.iter_mut().find(|it| it.provider == name);
            let base = known.as_deref().cloned().unwrap_or_else(|| silent(name));
            let mut platform = over(&it.row, &it.scalers, base);
            check_together(&it.at, &platform)?;
            if !it.scalers.is_empty() {
                platform.scalers_stated_for = None;
            }
            if it.row.source.is_none() {
                platform.source = match &known {
                    Some(known) => format!("{}; all else: {}", it.at.file, known.source),
                    None => it.at.file.clone(),
                };
            }
            match known {
                Some(known) => *known = platform,
                None => self.platforms.push(platform),
            }
        }
        Ok(self)
    }

    /// The platform of this name, or an error that names those near to it, else all.
    pub fn known_platform(&self, name: &str) -> Result<&ServerlessPlatform, CatalogError> {
        self.platform(name).ok_or_else(|| {
            let near = self.suggest_platform(name);
            let others = if near.is_empty() {
                let all = self.platforms.iter().map(|it| it.provider.as_str());
                format!("there are: {}", all.collect::<Vec<_>>().join(", "))
            } else {
                format!("near are: {}", near.join(", "))
            };
            CatalogError::UnknownPlatform { found: name.to_owned(), others }
        })
    }
}

/// The rows of `serverless.toml`.
pub(super) fn read(
    file: &PricingFile<'_>,
    rows: &RawPlatforms,
) -> Result<Vec<ServerlessPlatform>, CatalogError> {
    let checked = check_all(file, &rows.platform, true)?;
    let platform = |(row, scalers): &Checked<'_>| {
        let raw = row.get_ref();
        let platform = over(raw, scalers, silent(&raw.provider));
        check_together(&file.place(row.span().start), &platform)?;
        Ok(ServerlessPlatform { scalers_stated_for: platform.concurrency_per_worker, ..platform })
    };
    checked.iter().map(platform).collect()
}

/// Every table with its scaling rules, if all are right.
fn check_all<'r>(
    file: &PricingFile<'_>,
    rows: &'r [Spanned<RawPlatform>],
    sourced: bool,
) -> Result<Vec<Checked<'r>>, CatalogError> {
    let mut checked: Vec<Checked<'_>> = Vec::with_capacity(rows.len());
    for row in rows {
        let raw = row.get_ref();
        let scalers = check(file, row, sourced)?;
        if checked.iter().any(|(it, _)| it.get_ref().provider == raw.provider) {
            let at = file.place_of(row.span().start, "provider");
            let name = raw.provider.clone();
            return Err(CatalogError::Duplicate { at, what: "the platform", name });
        }
        checked.push((row, scalers));
    }
    Ok(checked)
}

fn check(
    file: &PricingFile<'_>,
    row: &Spanned<RawPlatform>,
    sourced: bool,
) -> Result<Vec<ScalerRule>, CatalogError> {
    let start = row.span().start;
    let raw = row.get_ref();
    file.filled(start, "provider", &raw.provider)?;
    let (source, as_of) = (raw.source.as_deref(), raw.as_of.as_deref());
    if sourced || source.is_some() || as_of.is_some() {
        file.provenance(start, source.unwrap_or_default(), as_of.unwrap_or_default())?;
    }
    file.positive(start, "granularity_s", raw.granularity_s)?;
    file.positive(start, "queue_timeout_s", raw.queue_timeout_s)?;
    file.positive(start, "execution_timeout_s", raw.execution_timeout_s)?;
    file.positive(start, "execution_timeout_max_s", raw.execution_timeout_max_s)?;
    let whole = |number: Option<u32>| number.map(f64::from);
    file.positive(start, "concurrency_per_worker", whole(raw.concurrency_per_worker))?;
    file.positive(start, "max_workers", whole(raw.max_workers))?;
    file.positive(start, "default_max_workers", whole(raw.default_max_workers))?;
    file.positive(start, "spend_limit_usd_per_hour", whole(raw.spend_limit_usd_per_hour))?;
    for (column, value) in [("minimum_s", raw.minimum_s), ("idle_timeout_s", raw.idle_timeout_s)] {
        if value.is_some_and(|it| !(it >= 0.0 && it.is_finite())) {
            let found = value.unwrap_or_default().to_string();
            return Err(refuse(file, start, column, found, "zero or more seconds"));
        }
    }
    check_caps(file, start, raw)?;
    if raw.scaler.is_none() && !raw.other_scalers.is_empty() {
        return Err(CatalogError::Empty { at: file.place(start), column: "scaler" });
    }
    let rules = raw.scaler.iter().chain(&raw.other_scalers);
    rules.map(|it| scaler_rows::check(file, it)).collect()
}

/// The steps of a ladder go one way.
fn check_caps(file: &PricingFile<'_>, start: usize, raw: &RawPlatform) -> Result<(), CatalogError> {
    let accounts = raw.account_caps.as_deref().unwrap_or_default();
    for pair in accounts.windows(2) {
        let [low, high] = pair else { continue };
        if low.balance_usd >= high.balance_usd || low.max_workers > high.max_workers {
            let found = format!("{} USD after {} USD", high.balance_usd, low.balance_usd);
            let expected = "growing balances that allow no fewer workers";
            return Err(refuse(file, start, "account_caps", found, expected));
        }
    }
    if let Some(first) = accounts.first().filter(|it| it.balance_usd > 0) {
        let found = format!("from {} USD on", first.balance_usd);
        return Err(refuse(file, start, "account_caps", found, "an empty account first"));
    }
    let idle = raw.idle_caps.as_deref().unwrap_or_default();
    for pair in idle.windows(2) {
        let [early, late] = pair else { continue };
        if early.after_days >= late.after_days || early.max_workers < late.max_workers {
            let found = format!("{} days after {} days", late.after_days, early.after_days);
            let expected = "growing times that allow no more workers";
            return Err(refuse(file, start, "idle_caps", found, expected));
        }
    }
    if idle.first().is_some_and(|it| it.after_days == 0) {
        let found = "after 0 days".to_owned();
        return Err(refuse(file, start, "idle_caps", found, "at least one day"));
    }
    Ok(())
}

/// Limits of a whole platform, what is laid over it included, against each other.
fn check_together(at: &Place, it: &ServerlessPlatform) -> Result<(), CatalogError> {
    let workers = (it.default_max_workers.map(f64::from), it.max_workers.map(f64::from));
    let times = (it.execution_timeout_s, it.execution_timeout_max_s);
    for (column, of, (default, most)) in [
        ("default_max_workers", "max_workers", workers),
        ("execution_timeout_s", "execution_timeout_max_s", times),
    ] {
        if let Some((default, most)) = default.zip(most).filter(|it| it.0 > it.1) {
            let found = format!("{default} where `{of}` is {most}");
            return Err(CatalogError::OutOfRange {
                at: at.clone(),
                column,
                found,
                expected: "no more than that",
            });
        }
    }
    Ok(())
}

fn refuse(
    file: &PricingFile<'_>,
    start: usize,
    column: &'static str,
    found: String,
    expected: &'static str,
) -> CatalogError {
    CatalogError::OutOfRange { at: file.place_of(start, column), column, found, expected }
}

/// A platform of which nothing is known.
fn silent(provider: &str) -> ServerlessPlatform {
    ServerlessPlatform {
        provider: provider.to_owned(),
        sells: true,
        bill_start: None,
        free_start_phases: Vec::new(),
        granularity_s: None,
        minimum_s: None,
        idle_timeout_s: None,
        scalers: Vec::new(),
        scalers_stated_for: None,
        scaler_follows_concurrency: false,
        concurrency_per_worker: None,
        concurrency_is_configurable: false,
        max_workers: None,
        default_max_workers: None,
        account_caps: Vec::new(),
        spend_limit_usd_per_hour: None,
        idle_caps: Vec::new(),
        queue_timeout_s: None,
        execution_timeout_s: None,
        execution_timeout_max_s: None,
        holds_requests: None,
        assumed: String::new(),
        source: String::new(),
        as_of: String::new(),
    }
}

/// What a table states, and what it leaves open from `base`.
fn over(row: &RawPlatform, scalers: &[ScalerRule], base: ServerlessPlatform) -> ServerlessPlatform {
    let raw = row.clone();
    let assumed = raw.assumed.unwrap_or_else(|| still_assumed(row, &base.assumed));
    ServerlessPlatform {
        provider: base.provider,
        sells: raw.sells.unwrap_or(base.sells),
        bill_start: raw.bill_start.or(base.bill_start),
        free_start_phases: raw.free_start_phases.unwrap_or(base.free_start_phases),
        granularity_s: raw.granularity_s.or(base.granularity_s),
        minimum_s: raw.minimum_s.or(base.minimum_s),
        idle_timeout_s: raw.idle_timeout_s.or(base.idle_timeout_s),
        scalers: if scalers.is_empty() { base.scalers } else { scalers.to_vec() },
        scalers_stated_for: base.scalers_stated_for,
        scaler_follows_concurrency: raw
            .scaler_follows_concurrency
            .unwrap_or(base.scaler_follows_concurrency && scalers.is_empty()),
        concurrency_per_worker: raw.concurrency_per_worker.or(base.concurrency_per_worker),
        concurrency_is_configurable: raw
            .concurrency_is_configurable
            .unwrap_or(base.concurrency_is_configurable),
        max_workers: raw.max_workers.or(base.max_workers),
        default_max_workers: raw.default_max_workers.or(base.default_max_workers),
        account_caps: raw.account_caps.unwrap_or(base.account_caps),
        spend_limit_usd_per_hour: raw.spend_limit_usd_per_hour.or(base.spend_limit_usd_per_hour),
        idle_caps: raw.idle_caps.unwrap_or(base.idle_caps),
        queue_timeout_s: raw.queue_timeout_s.or(base.queue_timeout_s),
        execution_timeout_s: raw.execution_timeout_s.or(base.execution_timeout_s),
        execution_timeout_max_s: raw.execution_timeout_max_s.or(base.execution_timeout_max_s),
        holds_requests: raw.holds_requests.or(base.holds_requests),
        assumed,
        source: raw.source.unwrap_or(base.source),
        as_of: raw.as_of.unwrap_or(base.as_of),
    }
}

/// What is assumed of a platform, without what is said of keys that a table states.
fn still_assumed(row: &RawPlatform, assumed: &str) -> String {
    let stated = [
        ("bill_start", row.bill_start.is_some()),
        ("free_start_phases", row.free_start_phases.is_some()),
        ("granularity_s", row.granularity_s.is_some()),
        ("idle_timeout_s", row.idle_timeout_s.is_some()),
        ("scaler", row.scaler.is_some()),
        ("concurrency_per_worker", row.concurrency_per_worker.is_some()),
        ("max_workers", row.max_workers.is_some()),
        ("queue_timeout_s", row.queue_timeout_s.is_some()),
        ("holds_requests", row.holds_requests.is_some()),
    ];
    let stands = |part: &&str| stated.iter().all(|(key, is)| !is || !is_about(part, key));
    assumed.split("; ").filter(stands).collect::<Vec<_>>().join("; ")
}
