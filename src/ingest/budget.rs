//! `[budget]`: what may be spent, by month, in all and by owner.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::ConfigError;
use super::decisions::text;
use crate::units::{Currency, Money, Timestamp};

/// What may be spent.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Budget {
    /// Of everything.
    total: Amounts,
    /// By owner.
    owners: BTreeMap<String, Amounts>,
    /// The currency named, and where the table is.
    currency: Option<(Currency, ConfigError)>,
}

/// Amounts by month, in 10^-18 of the currency of the report.
#[derive(Clone, Debug, Default, PartialEq)]
struct Amounts {
    /// Of a month that is not named.
    monthly: Option<i128>,
    /// By month, such as `2026-11`.
    by_month: BTreeMap<String, i128>,
}

impl Amounts {
    fn of(&self, month: &str) -> Option<i128> {
        self.by_month.get(month).copied().or(self.monthly)
    }
}

impl Budget {
    /// True where nothing is budgeted.
    pub fn is_empty(&self) -> bool {
        self.total == Amounts::default() && self.owners.is_empty()
    }

    /// Of everything in a month such as `2026-11`.
    pub fn total(&self, month: &str, currency: Currency) -> Option<Money> {
        self.total.of(month).map(|it| Money::from_atto(it, currency))
    }

    /// Of an owner in a month.
    pub fn of_owner(&self, owner: &str, month: &str, currency: Currency) -> Option<Money> {
        self.owners.get(owner)?.of(month).map(|it| Money::from_atto(it, currency))
    }

    /// The owners with a budget.
    pub fn owners(&self) -> impl Iterator<Item = &str> {
        self.owners.keys().map(String::as_str)
    }

    /// The budget without its owners, whose names a redacted report must not show.
    #[must_use]
    pub fn without_owners(&self) -> Budget {
        Budget { owners: BTreeMap::new(), ..self.clone() }
    }

    /// Fails where it names another currency than the report has.
    pub fn in_currency(&self, currency: Currency) -> Result<(), ConfigError> {
        match &self.currency {
            Some((own, place)) if *own != currency => Err(ConfigError {
                message: format!(
                    "the budget is in {own} and the report in {currency}: write the amounts in {currency}, or set report.currency"
                ),
                ..place.clone()
            }),
            _ => Ok(()),
        }
    }

    pub(super) fn checked(
        spanned: toml::Spanned<RawBudget>,
        at: impl Fn(usize, String) -> ConfigError,
    ) -> Result<Budget, ConfigError> {
        let start = spanned.span().start;
        let raw = spanned.into_inner();
        let fault = |(offset, message): (usize, String)| at(offset, format!("budget: {message}"));
        let currency = match raw.currency {
            None => None,
            Some(code) => match Currency::parse(&code) {
                Ok(currency) => Some((currency, at(start, String::new()))),
                Err(_) => {
                    return Err(fault((
                        start,
                        format!("`{code}` is not a three-letter currency code"),
                    )));
                }
            },
        };
        let mut owners = BTreeMap::new();
        for (owner, amounts) in raw.owner {
            owners.insert(owner, Amounts::checked(amounts).map_err(fault)?);
        }
        let total = Amounts::checked(raw.amounts).map_err(fault)?;
        Ok(Budget { total, owners, currency })
    }
}

type RawAmounts = BTreeMap<String, toml::Spanned<toml::Value>>;

/// The table with the places of its amounts, which a flattened map would lose.
#[derive(Default)]
pub(super) struct RawBudget {
    currency: Option<String>,
    owner: BTreeMap<String, RawAmounts>,
    amounts: RawAmounts,
}

impl<'de> Deserialize<'de> for RawBudget {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<RawBudget, D::Error> {
        deserializer.deserialize_map(Keys)
    }
}

struct Keys;

impl<'de> Visitor<'de> for Keys {
    type Value = RawBudget;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a table of amounts by month")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RawBudget, A::Error> {
        let mut raw = RawBudget::default();
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "currency" => raw.currency = Some(map.next_value()?),
                "owner" => raw.owner = map.next_value()?,
                _ => {
                    raw.amounts.insert(key, map.next_value()?);
                }
            }
        }
        Ok(raw)
    }
}

impl Amounts {
    fn checked(raw: RawAmounts) -> Result<Amounts, (usize, String)> {
        let mut all = Amounts::default();
        for (key, value) in raw {
            let start = value.span().start;
            let first = Timestamp::parse(&format!("{key}-01"), chrono_tz::Tz::UTC);
            if key != "monthly" && (key.len() != "2026-11".len() || first.is_err()) {
                let message = format!(
                    "`{key}` is neither a month such as \"2026-11\" nor one of monthly, owner, currency"
                );
                return Err((start, message));
            }
            let text = text(value.get_ref());
            // Only the number counts: the currency is that of the report.
            let amount = Money::parse(&text, Currency::USD).ok().filter(|it| !it.is_negative());
            let Some(amount) = amount else {
                let message = format!("`{key}` is `{text}`, which is not an amount such as 76000");
                return Err((start, message));
            };
            if key == "monthly" {
                all.monthly = Some(amount.atto());
            } else {
                all.by_month.insert(key, amount.atto());
            }
        }
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::parse_config;

    #[test]
    fn a_month_counts_before_every_month() {
        let text = "[budget]\nmonthly = 76000\n\"2026-12\" = \"70000.50\"\n\
                    [budget.owner.Search]\n\"2026-11\" = 21000\n";
        let budget = parse_config(text, "gpuadvise.toml").unwrap().budget;
        let usd = |text| Money::parse(text, Currency::USD).ok();
        assert_eq!(budget.total("2026-11", Currency::USD), usd("76000"));
        assert_eq!(budget.total("2026-12", Currency::USD), usd("70000.5"));
        assert_eq!(budget.of_owner("Search", "2026-11", Currency::USD), usd("21000"));
        assert_eq!(budget.of_owner("Search", "2026-12", Currency::USD), None);
        assert_eq!(budget.of_owner("Sales", "2026-11", Currency::USD), None);
        assert!(budget.without_owners().owners().next().is_none());
        assert!(parse_config("", "c").unwrap().budget.is_empty());
    }

    #[test]
    fn a_fault_names_its_line() {
        let check = |text: &str, expected: &str| {
            let error = parse_config(text, "c.toml").unwrap_err().to_string();
            assert_eq!(error, expected, "{text}");
        };
        check(
            "[budget]\nmonthly = -1\n",
            "c.toml:2: budget: `monthly` is `-1`, which is not an amount such as 76000",
        );
        check(
            "[budget.owner.a]\nmonthly = 1\n\"2026-11\" = true\n",
            "c.toml:3: budget: `2026-11` is `a boolean`, which is not an amount such as 76000",
        );
        let what = "is neither a month such as \"2026-11\" nor one of monthly, owner, currency";
        check("[budget]\n\"2026-13\" = 1\n", &format!("c.toml:2: budget: `2026-13` {what}"));
        check("[budget]\nyearly = 1\n", &format!("c.toml:2: budget: `yearly` {what}"));
        check(
            "[budget]\ncurrency = \"euro\"\n",
            "c.toml:1: budget: `euro` is not a three-letter currency code",
        );
        let euros =
            parse_config("\n[budget]\ncurrency = \"EUR\"\nmonthly = 5\n", "c.toml").unwrap();
        assert!(euros.budget.in_currency(Currency::parse("EUR").unwrap()).is_ok());
        let error = euros.budget.in_currency(Currency::USD).unwrap_err().to_string();
        assert!(
            error.starts_with("c.toml:2: the budget is in EUR and the report in USD"),
            "{error}"
        );
    }
}
