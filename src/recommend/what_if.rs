//! Questions of the kind "what if": each changes one thing before the advice is sought.

use std::fmt;
use std::str::FromStr;

use super::offers::family;
use super::scaled::at_demand;
use crate::catalog::Catalog;
use crate::units::{Fraction, MoneyPerHour, parse_span_us};
use crate::workload::{PricingCategory, Workload};

/// One question, as it was asked.
#[derive(Clone, Debug, PartialEq)]
pub struct WhatIf {
    text: String,
    /// The workload it is about; all where nothing is named.
    workload: Option<String>,
    change: Change,
}

/// What is changed.
#[derive(Clone, Debug, PartialEq)]
enum Change {
    /// So many times the demand.
    Demand(f64),
    /// So many times the price of the GPUs whose name begins so, at a provider.
    Price { provider: String, gpu: String, ratio: f64 },
    /// Seconds to start a replica.
    ColdStart(f64),
    /// The limit of the time to the first token, seconds.
    Ttft(f64),
    /// The limit of the time per output token, seconds.
    Tpot(f64),
    /// The share of requests that must keep both.
    Attainment(Fraction),
    /// The model served.
    Model(String),
}

/// What may be asked.
const KNOWN: &str = "demand=+50%, price:PROVIDER/GPU=-20%, cold-start=30s, slo.ttft_p95=1s, \
     slo.tpot_p95=100ms, slo.attainment=0.99 or model=NAME, each behind WORKLOAD: for one workload";

impl fmt::Display for WhatIf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for WhatIf {
    type Err = String;

    fn from_str(text: &str) -> Result<WhatIf, String> {
        let unknown = || format!("`{text}` is no such question; ask {KNOWN}");
        let (key, value) = text.rsplit_once('=').ok_or_else(unknown)?;
        let whole = |workload: Option<&str>, change| WhatIf {
            text: text.to_owned(),
            workload: workload.map(str::to_owned),
            change,
        };
        if let Some(offer) = key.strip_prefix("price:") {
            let (provider, gpu) = offer.split_once('/').ok_or_else(unknown)?;
            let price = Change::Price {
                provider: provider.to_owned(),
                gpu: gpu.to_owned(),
                ratio: ratio(value)?,
            };
            return Ok(whole(None, price));
        }
        let (workload, key) = match key.rsplit_once(':') {
            Some((workload, key)) => (Some(workload), key),
            None => (None, key),
        };
        let change = match key {
            "demand" => Change::Demand(demand(value)?),
            "cold-start" => Change::ColdStart(seconds(value)?),
            "slo.ttft_p95" => Change::Ttft(seconds(value)?),
            "slo.tpot_p95" => Change::Tpot(seconds(value)?),
            "slo.attainment" => {
                let share = value.parse::<f64>().ok().and_then(|it| Fraction::try_from(it).ok());
                Change::Attainment(share.ok_or(format!("`{value}` is not a share from 0 to 1"))?)
            }
            "model" if !value.is_empty() => Change::Model(value.to_owned()),
            _ => return Err(unknown()),
        };
        Ok(whole(workload, change))
    }
}

/// `+50%` is 1.5, `-20%` is 0.8, `x2` is 2.
fn ratio(text: &str) -> Result<f64, String> {
    let change = text.strip_suffix('%').filter(|it| it.starts_with(['+', '-']));
    let percent = change.and_then(|it| it.parse::<f64>().ok()).map(|it| 1.0 + it / 100.0);
    let times = text.strip_prefix('x').and_then(|it| it.parse::<f64>().ok());
    let found = percent.or(times).filter(|it| it.is_finite() && (0.0..=1000.0).contains(it));
    found.ok_or_else(|| format!("`{text}` is not a change such as +50%, -20% or x2"))
}

/// Some demand is left: without any the advice is to stop, which needs no question.
fn demand(text: &str) -> Result<f64, String> {
    let found = ratio(text)?;
    let nothing = || format!("`{text}` leaves no demand: what nobody asks for is stopped");
    Some(found).filter(|it| *it > 0.0).ok_or_else(nothing)
}

fn seconds(text: &str) -> Result<f64, String> {
    let us = parse_span_us(text).ok().filter(|it| *it > 0);
    us.map(|it| it as f64 / 1e6)
        .ok_or_else(|| format!("`{text}` is not a time such as 30s or 200ms"))
}

impl WhatIf {
    /// Changes the prices of a catalog; the number of offers changed, nothing where none are asked for.
    pub fn change_prices(&self, catalog: &mut Catalog) -> Option<usize> {
        let Change::Price { provider, gpu, ratio } = &self.change else { return None };
        let mut n = 0;
        for offer in &mut catalog.offers {
            let is_gpu = offer.gpus.iter().any(|it| is_named(it, gpu));
            if is_sold_by(&offer.provider, provider) && is_gpu {
                offer.rate = times(offer.rate, *ratio);
                n += 1;
            }
        }
        Some(n)
    }

    /// Changes a workload it is about; whether it was.
    pub fn change_workload(&self, workload: &mut Workload) -> bool {
        if self.workload.as_ref().is_some_and(|it| *it != workload.name) {
            return false;
        }
        let settings = &mut workload.settings;
        match &self.change {
            Change::Demand(ratio) => *workload = at_demand(workload, *ratio),
            Change::ColdStart(seconds) => settings.cold_start_s = Some(*seconds),
            Change::Model(name) => workload.deployment.model = Some(name.clone()),
            Change::Ttft(seconds) => settings.asked.ttft_p95_s = Some(*seconds),
            Change::Tpot(seconds) => settings.asked.tpot_p95_s = Some(*seconds),
            Change::Attainment(share) => settings.asked.attainment = Some(*share),
            Change::Price { provider, gpu, ratio } => {
                let deployment = &workload.deployment;
                let here = deployment.provider.as_ref().is_some_and(|it| is_sold_by(it, provider));
                let is_gpu = deployment.gpu.as_ref().is_some_and(|it| is_named(it, gpu));
                let by_use = deployment.pricing_category != PricingCategory::Committed;
                if here && is_gpu && by_use {
                    settings.asked.rate_ratio =
                        Some(settings.asked.rate_ratio.unwrap_or(1.0) * ratio);
                }
            }
        }
        true
    }

    /// The provider and the GPU whose price it asks about.
    pub fn offer(&self) -> Option<(&str, &str)> {
        match &self.change {
            Change::Price { provider, gpu, .. } => Some((provider, gpu)),
            _ => None,
        }
    }

    /// Whether it asks about what would move the bill itself.
    pub fn moves_the_bill(&self) -> bool {
        matches!(self.change, Change::Demand(_) | Change::Price { .. })
    }

    /// Whether it asks about more or less demand.
    pub fn is_of_demand(&self) -> bool {
        matches!(self.change, Change::Demand(_))
    }

    /// The model it asks about.
    pub fn model(&self) -> Option<&str> {
        match &self.change {
            Change::Model(name) => Some(name),
            _ => None,
        }
    }

    /// The workload it names.
    pub fn workload(&self) -> Option<&str> {
        self.workload.as_deref()
    }
}

/// `runpod` names `runpod-serverless` too; that names itself alone.
fn is_sold_by(provider: &str, name: &str) -> bool {
    provider == name || family(provider) == name
}

/// `H100` names `H100 SXM5`; case does not matter.
fn is_named(gpu: &str, name: &str) -> bool {
    let (gpu, name) = (gpu.to_ascii_lowercase(), name.to_ascii_lowercase());
    gpu.strip_prefix(&name).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
}

/// A rate times a ratio, to the nano-unit.
pub(super) fn times(rate: MoneyPerHour, ratio: f64) -> MoneyPerHour {
    #[expect(clippy::cast_possible_truncation, reason = "`as` saturates")]
    let nano = (rate.nano() as f64 * ratio).round() as i128;
    MoneyPerHour::from_nano(nano, rate.currency())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_are_read() {
        let check = |text: &str, workload: Option<&str>, change: Change| {
            let found: WhatIf = text.parse().unwrap();
            assert_eq!((found.workload.as_deref(), found.change), (workload, change), "{text}");
        };
        check("demand=+50%", None, Change::Demand(1.5));
        check("chat:demand=x2", Some("chat"), Change::Demand(2.0));
        check("ns:chat:demand=-90%", Some("ns:chat"), Change::Demand(1.0 - 0.9));
        check("cold-start=30s", None, Change::ColdStart(30.0));
        check("slo.ttft_p95=200ms", None, Change::Ttft(0.2));
        let gpu = || "H100".to_owned();
        let price = |ratio| Change::Price { provider: "runpod".to_owned(), gpu: gpu(), ratio };
        check("price:runpod/H100=-20%", None, price(0.8));
        check("model=Qwen/Qwen3-32B", None, Change::Model("Qwen/Qwen3-32B".to_owned()));
    }

    #[test]
    fn what_is_no_question_says_what_is() {
        for text in [
            "",
            "demand",
            "demand=50",
            "demand=-200%",
            "demand=-100%",
            "price:runpod=-1%",
            "slo.ttft=1s",
            "cold-start=0s",
        ] {
            assert!(text.parse::<WhatIf>().is_err(), "{text}");
        }
        let said = "colour=red".parse::<WhatIf>().unwrap_err();
        assert!(said.contains("price:PROVIDER/GPU=-20%"), "{said}");
    }

    #[test]
    fn prices_of_one_gpu_at_one_provider_change() {
        let mut catalog = Catalog::embedded().unwrap();
        let before = catalog.offers.clone();
        let n = "price:runpod/H100=-50%".parse::<WhatIf>().unwrap().change_prices(&mut catalog);
        let changed: Vec<_> =
            before.iter().zip(&catalog.offers).filter(|(a, b)| a.rate != b.rate).collect();
        assert_eq!(n, Some(changed.len()));
        assert!(!changed.is_empty());
        for (old, new) in changed {
            assert!(old.provider.starts_with("runpod"), "{}", old.id);
            assert!(old.gpus.iter().any(|it| it.starts_with("H100")), "{}", old.id);
            assert_eq!(new.rate, times(old.rate, 0.5));
        }
    }
}
