//! `[[commitment]]` of the config: what is already paid for a term, used or not.

use chrono::{NaiveDate, NaiveTime};
use serde::Deserialize;

use super::decisions::date;
use crate::units::{Currency, MoneyPerHour, Period, Timestamp};

/// What a commitment is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeldOf {
    /// Instances of this name, as the provider calls them.
    InstanceType(String),
    /// Instances with so many of this GPU, whatever they are called.
    Gpu {
        /// A catalog name or an alias of one.
        gpu: String,
        /// GPUs in each instance.
        count: u32,
    },
    /// Money per hour that all instances of the provider share which its plan covers.
    Spend,
}

/// A commitment the user holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldCommitment {
    /// Its name, unique in the config.
    pub id: String,
    /// Who is paid.
    pub provider: String,
    /// Where it holds; empty for one in money per hour, which holds everywhere.
    pub region: String,
    /// What it is of.
    pub of: HeldOf,
    /// How many instances; 1 for one in money per hour.
    pub instances: u32,
    /// What each costs an hour, or what is committed to, a fee paid upfront spread over the term; in the
    /// currency of the catalog.
    pub rate: MoneyPerHour,
    /// From its first day to the first day after it, in UTC.
    pub term: Period,
    /// Whether all of it was paid when it was bought, so that nothing is owed any more.
    pub prepaid: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawCommitment {
    id: String,
    provider: String,
    region: Option<String>,
    gpu: Option<String>,
    gpu_count: Option<u32>,
    instance_type: Option<String>,
    instances: Option<u32>,
    rate_per_hour: Option<toml::Value>,
    spend_per_hour: Option<toml::Value>,
    start: toml::Value,
    end: toml::Value,
    #[serde(default)]
    prepaid: bool,
}

/// Checks all of them; a fault comes with the offset of its table.
pub(super) fn check_all(
    raw: Vec<toml::Spanned<RawCommitment>>,
) -> Result<Vec<HeldCommitment>, (usize, String)> {
    let mut held: Vec<HeldCommitment> = Vec::new();
    for spanned in raw {
        let offset = spanned.span().start;
        let it = check(spanned.into_inner()).map_err(|message| (offset, message))?;
        if held.iter().any(|other| other.id == it.id) {
            return Err((offset, format!("the commitment `{}` is there twice", it.id)));
        }
        held.push(it);
    }
    Ok(held)
}

fn check(raw: RawCommitment) -> Result<HeldCommitment, String> {
    let texts =
        [("id", Some(&raw.id)), ("provider", Some(&raw.provider)), ("region", raw.region.as_ref())];
    for (key, text) in texts {
        if text.is_some_and(|it| it.trim().is_empty()) {
            return Err(format!("commitment: {key} is empty"));
        }
    }
    let says = |message: String| format!("commitment `{}`: {message}", raw.id);
    let missing = |key: &str| says(format!("missing field `{key}`"));
    let (of, region, instances, key, rate) = if let Some(rate) = &raw.spend_per_hour {
        let is_of_instances = raw.region.is_some()
            || raw.gpu.is_some()
            || raw.gpu_count.is_some()
            || raw.instance_type.is_some()
            || raw.instances.is_some()
            || raw.rate_per_hour.is_some();
        if is_of_instances {
            return Err(says(
                "spend_per_hour is of all instances: it goes without region, instance_type, gpu, gpu_count, \
                 instances and rate_per_hour"
                    .to_owned(),
            ));
        }
        (HeldOf::Spend, String::new(), 1, "spend_per_hour", rate)
    } else {
        let of = match (&raw.instance_type, &raw.gpu, raw.gpu_count) {
            (Some(name), None, None) => HeldOf::InstanceType(name.clone()),
            (None, Some(gpu), count) => HeldOf::Gpu { gpu: gpu.clone(), count: count.unwrap_or(1) },
            (Some(_), None, Some(_)) => {
                return Err(says("gpu_count goes with gpu, not with instance_type".to_owned()));
            }
            _ => return Err(says("name either its gpu or its instance_type".to_owned())),
        };
        let instances = raw.instances.ok_or_else(|| missing("instances"))?;
        if instances == 0 || matches!(of, HeldOf::Gpu { count: 0, .. }) {
            return Err(says("instances and gpu_count are at least 1".to_owned()));
        }
        let region = raw.region.clone().ok_or_else(|| missing("region"))?;
        let rate = raw.rate_per_hour.as_ref().ok_or_else(|| missing("rate_per_hour"))?;
        (of, region, instances, "rate_per_hour", rate)
    };
    let rate = an_hour(key, rate).map_err(says)?;
    let day = |key, value| date(key, Some(value)).map_err(says);
    let days = day("start", &raw.start)?.zip(day("end", &raw.end)?);
    let term = days.and_then(|(start, end)| Period::new(midnight(start), midnight(end)));
    let term = term.ok_or_else(|| says("it ends before it begins".to_owned()))?;
    Ok(HeldCommitment {
        of,
        instances,
        rate,
        term,
        prepaid: raw.prepaid,
        region,
        id: raw.id,
        provider: raw.provider,
    })
}

/// A price of an hour, exact where it is a text or a whole number.
fn an_hour(key: &str, value: &toml::Value) -> Result<MoneyPerHour, String> {
    let text = match value {
        toml::Value::String(text) => text.clone(),
        toml::Value::Integer(whole) => whole.to_string(),
        toml::Value::Float(float) => float.to_string(),
        other => return Err(format!("{key} is a {}", other.type_str())),
    };
    MoneyPerHour::parse(&text, Currency::USD)
        .ok()
        .filter(|it| it.nano() >= 0)
        .ok_or_else(|| format!("{key} is `{text}`, which is no price of an hour"))
}

fn midnight(day: NaiveDate) -> Timestamp {
    Timestamp::from_us(day.and_time(NaiveTime::MIN).and_utc().timestamp_micros())
}

#[cfg(test)]
mod tests {
    use super::super::parse_config;
    use super::*;

    const HELD: &str = "[[commitment]]\nid = \"a\"\nprovider = \"gcp\"\nregion = \"us-central1\"\n\
gpu = \"A100 80GB SXM4\"\ninstances = 2\nrate_per_hour = \"2.50\"\nstart = 2026-01-01\nend = \"2027-01-01\"\n";

    #[test]
    fn a_commitment_reads() {
        let config = parse_config(HELD, "gpuadvise.toml").unwrap();
        let [it] = config.commitments.as_slice() else { panic!("{:?}", config.commitments) };
        let of = HeldOf::Gpu { gpu: "A100 80GB SXM4".to_owned(), count: 1 };
        assert_eq!((it.id.as_str(), it.instances, &it.of, it.prepaid), ("a", 2, &of, false));
        assert_eq!(it.rate.to_decimal_string(), "2.50");
        assert_eq!(it.term.len_us(), 365 * 24 * 3_600_000_000);
    }

    #[test]
    fn one_in_money_per_hour_holds_everywhere() {
        let text = "[[commitment]]\nid = \"plan\"\nprovider = \"gcp\"\nspend_per_hour = \"12.50\"\n\
start = 2026-01-01\nend = 2027-01-01\n";
        let config = parse_config(text, "gpuadvise.toml").unwrap();
        let [it] = config.commitments.as_slice() else { panic!("{:?}", config.commitments) };
        assert_eq!((&it.of, it.region.as_str(), it.instances), (&HeldOf::Spend, "", 1));
        assert_eq!(it.rate.to_decimal_string(), "12.50");
    }

    #[test]
    fn a_fault_names_its_line() {
        let check = |from: &str, to: &str, line: usize, message: &str| {
            let text = format!("\n{}", HELD.replacen(from, to, 1));
            let found = parse_config(&text, "gpuadvise.toml").unwrap_err();
            assert_eq!(found.line, line, "{found}");
            assert!(found.message.contains(message), "{found}");
        };
        check("instances = 2", "instances = 0", 2, "at least 1");
        check("\"2.50\"", "\"-2.50\"", 2, "no price of an hour");
        check("\"2.50\"", "true", 2, "rate_per_hour is a boolean");
        check("end = \"2027", "end = \"2025", 2, "ends before it begins");
        check("\"2027-01-01\"", "\"soon\"", 2, "`a`");
        check("gpu = \"A100 80GB SXM4\"\n", "", 2, "either its gpu or its instance_type");
        check("instances", "instance_type = \"x\"\ninstances", 2, "either its gpu");
        check("id = \"a\"", "id = \" \"", 2, "id is empty");
        check("id = \"a\"", "id = \"a\"\nname = \"b\"", 4, "unknown field");
        check("region = \"us-central1\"\n", "", 2, "missing field `region`");
        check("rate_per_hour = \"2.50\"\n", "", 2, "missing field `rate_per_hour`");
        check("instances = 2", "spend_per_hour = 3", 2, "spend_per_hour is of all instances");
        let twice = format!("{HELD}{HELD}");
        let found = parse_config(&twice, "gpuadvise.toml").unwrap_err();
        assert_eq!((found.line, found.message.as_str()), (10, "the commitment `a` is there twice"));
    }
}
