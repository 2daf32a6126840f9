//! Private prices: `[[quote]]` tables of the user's config, each with the day until which it holds.

use serde::Deserialize;
use toml::Spanned;

use super::error::CatalogError;
use super::file::{PricingFile, is_date};
use super::offer::QUOTED;
use super::raw::RawOffer;
use super::{Catalog, Offer, alias, offer_rows};

/// A price that somebody was offered.
#[derive(Clone, Debug)]
pub struct Quote {
    offer: Offer,
}

#[derive(Deserialize)]
struct RawQuotes {
    #[serde(default)]
    quote: Vec<Spanned<RawQuote>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawQuote {
    provider: String,
    instance_type: String,
    gpu: String,
    gpu_count: u32,
    region: String,
    purchase: String,
    price_per_hour: String,
    #[serde(default = "usd")]
    currency: String,
    billing_granularity_s: Option<u32>,
    valid_until: String,
    reason: Option<String>,
    as_of: String,
    source: String,
}

fn usd() -> String {
    "USD".to_owned()
}

impl RawQuote {
    fn as_row(&self) -> RawOffer {
        RawOffer {
            instance_type: self.instance_type.clone(),
            gpu: self.gpu.clone(),
            gpu_count: self.gpu_count,
            vcpus: None,
            ram_gib: None,
            region: self.region.clone(),
            purchase: self.purchase.clone(),
            price_per_hour: self.price_per_hour.clone(),
            currency: self.currency.clone(),
            billing_granularity_s: self.billing_granularity_s,
            upfront: String::new(),
            derived: false,
            community: false,
            withdrawn: false,
            reason: self.reason.clone(),
            source: self.source.clone(),
            as_of: self.as_of.clone(),
        }
    }
}

impl Quote {
    /// The `[[quote]]` tables in the text of a config; `file` is its name in messages.
    pub fn read(text: &str, file: &str) -> Result<Vec<Quote>, CatalogError> {
        let file = PricingFile { name: file, text };
        let rows = file.parse::<RawQuotes>()?.quote;
        rows.iter().map(|row| check(&file, (row.span().start, row.get_ref()))).collect()
    }
}

fn check(file: &PricingFile<'_>, (start, raw): (usize, &RawQuote)) -> Result<Quote, CatalogError> {
    file.filled(start, "provider", &raw.provider)?;
    // A month would leave open which day is the last.
    if raw.valid_until.len() != "2026-12-31".len() || !is_date(&raw.valid_until) {
        return Err(CatalogError::UnknownWord {
            at: file.place_of(start, "valid_until"),
            column: "valid_until",
            found: raw.valid_until.clone(),
            expected: "a day such as 2026-12-31",
        });
    }
    let listed = offer_rows::offer(file, &raw.provider, (start, &raw.as_row()))?;
    let id = format!("{}{QUOTED}", listed.id);
    Ok(Quote { offer: Offer { id, valid_until: Some(raw.valid_until.clone()), ..listed } })
}

impl Catalog {
    /// This catalog with private prices beside its own; whichever is cheaper is used.
    #[must_use]
    pub fn with_quotes(mut self, quotes: &[Quote]) -> Catalog {
        let all: Vec<Offer> = quotes.iter().map(|it| self.quoted(&it.offer)).collect();
        self.offers.extend(all);
        self
    }

    /// A quote with its GPUs: where the list has the instance, and its GPU is one of those the quote's
    /// name stands for, those of the list under the list's name.
    fn quoted(&self, quote: &Offer) -> Offer {
        let gpus = alias::resolve(&self.aliases, &quote.gpu_label).unwrap_or_default();
        let same = |it: &&Offer| it.gpus.iter().any(|gpu| gpus.contains(gpu));
        let Some(listed) = self.listed_as(quote).find(same) else {
            return Offer { gpus: gpus.to_vec(), ..quote.clone() };
        };
        Offer {
            id: format!("{}{QUOTED}", quote.id_as(&listed.gpu_label)),
            gpu_label: listed.gpu_label.clone(),
            gpus: listed.gpus.clone(),
            ..quote.clone()
        }
    }

    /// The rows of the list with the instance of a quote.
    fn listed_as(&self, quote: &Offer) -> impl Iterator<Item = &Offer> {
        let key = |it: &Offer| (it.provider.clone(), it.instance_type.clone(), it.gpu_count);
        let wanted = key(quote);
        self.offers.iter().filter(move |it| !it.is_quote() && key(it) == wanted)
    }

    /// What the list calls the GPU of the instance of a quote, where it has that instance with others only.
    pub fn otherwise_listed(&self, quote: &Offer) -> Option<&str> {
        let same = |it: &Offer| it.gpu_label == quote.gpu_label;
        let first = self.listed_as(quote).next()?;
        (!self.listed_as(quote).any(same)).then_some(first.gpu_label.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUOTE: &str = "[[quote]]\nprovider = \"aws\"\ninstance_type = \"p5.48xlarge\"\n\
        gpu = \"H100\"\ngpu_count = 8\nregion = \"us-east-1\"\npurchase = \"reserved_12mo\"\n\
        price_per_hour = \"31.20\"\nvalid_until = \"2026-12-31\"\nas_of = \"2026-11-20\"\n\
        source = \"offer 4711 of our account manager\"\n";

    #[test]
    fn a_quote_stands_beside_the_list() {
        let catalog = Catalog::embedded().unwrap();
        let n = catalog.offers.len();
        let catalog = catalog.with_quotes(&Quote::read(QUOTE, "gpuadvise.toml").unwrap());
        assert_eq!(catalog.offers.len(), n + 1);
        let quote = catalog.offers.last().unwrap();
        // The list calls the same GPU by its own name.
        assert_eq!(quote.id, "aws/p5.48xlarge/H100-SXM-80GB/8/us-east-1/reserved_12mo/quote");
        assert!(quote.gpus.iter().any(|it| it.starts_with("H100")), "{:?}", quote.gpus);
        assert!(!quote.holds_on("2027-01-01") && quote.holds_on("2026-12-31"));
    }

    #[test]
    fn a_wrong_quote_is_named_with_its_line() {
        let check = |old: &str, new: &str, said: &str| {
            let error = Quote::read(&QUOTE.replace(old, new), "gpuadvise.toml").unwrap_err();
            let error = error.to_string();
            assert!(error.starts_with(said), "{error}");
        };
        check("2026-12-31", "2026-12", "gpuadvise.toml:9: `valid_until` is \"2026-12\"");
        check("\"31.20\"", "\"0\"", "gpuadvise.toml:8: ");
        check("reserved_12mo", "leased", "gpuadvise.toml:7: ");
        let free = QUOTE.replace("\"31.20\"", "\"0\"\nreason = \"credits\"");
        assert!(Quote::read(&free, "gpuadvise.toml").is_ok());
        check("gpu_count = 8", "gpus = 8", "gpuadvise.toml:");
    }
}
