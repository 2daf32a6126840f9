//! Exchange rates of the config: how many units of the report's currency one unit of another is.

use std::collections::BTreeMap;

use super::IngestError;
use crate::units::{Currency, Money, MoneyError, atto_from_text};

/// Decimals a rate carries.
const RATE_SCALE: i128 = 1_000_000_000_000;

/// Rates to one currency.
#[derive(Clone, Debug)]
pub struct Rates {
    /// The currency of the report.
    pub to: Currency,
    /// 10^-12 of a unit of `to` for one unit.
    rates: BTreeMap<Currency, i128>,
}

/// Rates as the config has them: by currency.
#[derive(Clone, Debug, Default)]
pub struct FxRates(BTreeMap<Currency, i128>);

impl FxRates {
    /// A rate from its text: `EUR = "1.0812"`, at most 12 decimals.
    pub fn add(&mut self, code: &str, text: &str) -> Result<(), String> {
        let currency = Currency::parse(code).map_err(|error| error.to_string())?;
        let atto = atto_from_text(text).map_err(|error| format!("the rate of {code}: {error}"))?;
        let per_rate = 1_000_000;
        if atto <= 0 || atto % per_rate != 0 {
            return Err(format!(
                "the rate of {code} is `{text}`, which is not a positive number with at most 12 decimals"
            ));
        }
        self.0.insert(currency, atto / per_rate);
        Ok(())
    }

    /// True without a rate.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Rates {
    /// The rates of a run whose amounts are in `found`; fails when one of several has no rate, and says
    /// where it came up first.
    pub fn of(
        found: &[Currency],
        wanted: Option<Currency>,
        fx: &FxRates,
        first_in: &dyn Fn(Currency) -> Option<(String, u64)>,
    ) -> Result<Rates, IngestError> {
        let first = found.first().copied().unwrap_or(Currency::USD);
        let mut unrated = found.iter().copied().filter(|it| !fx.0.contains_key(it));
        // Without a wish: the one that needs no rate, since the others have one; of several the
        // dollar, in which the catalog has its prices.
        let alone = unrated.next().filter(|_| unrated.next().is_none());
        let dollar = found.contains(&Currency::USD).then_some(Currency::USD);
        let to = wanted.or(alone).or(dollar).unwrap_or(first);
        match found.iter().copied().find(|it| *it != to && !fx.0.contains_key(it)) {
            Some(other) => {
                let first = first_in(other).map(|(file, row)| format!("{file}: row {row}: "));
                Err(IngestError::NoRate { first: first.unwrap_or_default(), from: other, to })
            }
            None => Ok(Rates { to, rates: fx.0.clone() }),
        }
    }

    /// The rate as text, where amounts of this currency are converted.
    pub fn shown(&self, from: Currency) -> Option<String> {
        let rate = self.rates.get(&from).filter(|_| from != self.to)?;
        let text = Money::from_atto(rate * 1_000_000, self.to).to_decimal_string();
        Some(text)
    }

    /// An amount in the currency of the report, rounded half to even at 10^-18.
    ///
    /// 2.50 EUR at 1.08 are 2.70 USD.
    pub fn convert(&self, atto: i128, from: Currency) -> Result<i128, MoneyError> {
        if from == self.to {
            return Ok(atto);
        }
        let rate = self.rates.get(&from).copied();
        let rate = rate.ok_or(MoneyError::MixedCurrencies(from, self.to))?;
        let (whole, rest) = (atto.div_euclid(RATE_SCALE), atto.rem_euclid(RATE_SCALE));
        let high = whole.checked_mul(rate).ok_or(MoneyError::Overflow)?;
        let low = rest.checked_mul(rate).ok_or(MoneyError::Overflow)?;
        let (quotient, left) = (low.div_euclid(RATE_SCALE), low.rem_euclid(RATE_SCALE));
        let sum = high.checked_add(quotient).ok_or(MoneyError::Overflow)?;
        let up = match (left * 2).cmp(&RATE_SCALE) {
            std::cmp::Ordering::Greater => true,
            std::cmp::Ordering::Less => false,
            std::cmp::Ordering::Equal => sum % 2 != 0,
        };
        Ok(sum + i128::from(up))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn currency(code: &str) -> Currency {
        Currency::parse(code).unwrap()
    }

    #[test]
    fn amounts_are_converted_and_rounded_once() {
        let mut fx = FxRates::default();
        fx.add("EUR", "1.08").unwrap();
        fx.add("JPY", "0.0066").unwrap();
        let found = [currency("EUR"), currency("JPY"), Currency::USD];
        let rates = Rates::of(&found, None, &fx, &|_| None).unwrap();
        assert_eq!(rates.to, Currency::USD);
        let atto = |text: &str| atto_from_text(text).unwrap();
        assert_eq!(rates.convert(atto("2.5"), currency("EUR")), Ok(atto("2.7")));
        assert_eq!(rates.convert(atto("-1000"), currency("JPY")), Ok(atto("-6.6")));
        assert_eq!(rates.convert(1, currency("EUR")), Ok(1));
        assert_eq!(rates.shown(currency("EUR")).as_deref(), Some("1.08"));
        assert_eq!(rates.shown(Currency::USD), None);
    }

    #[test]
    fn a_missing_rate_is_an_error() {
        let found = [currency("EUR"), Currency::USD];
        assert!(Rates::of(&found, None, &FxRates::default(), &|_| None).is_err());
        assert!(Rates::of(&found[..1], None, &FxRates::default(), &|_| None).is_ok());
        for text in ["0", "-1", "1.0000000000001", "abc"] {
            assert!(FxRates::default().add("EUR", text).is_err(), "{text}");
        }
    }
}
