//! Reads every file of a catalog in the order they need each other and checks each row.

use std::collections::{BTreeMap, BTreeSet};

use super::assumptions::{Assumptions, RawAssumptions};
use super::embedded;
use super::error::{CatalogError, Place};
use super::file::{CatalogFile, PricingFile};
use super::launch_rows::RawLaunch;
use super::offer::PastPrice;
use super::raw::{RawAliases, RawFabrics, RawGpus, RawModels, RawOffers, RawPlatforms, RawSkus};
use super::{Catalog, alias, fabric, gpu, launch_rows, model, offer_rows, platform_rows, sku_rows};

impl Catalog {
    /// The catalog inside the binary.
    pub fn embedded() -> Result<Catalog, CatalogError> {
        Catalog::overlaid(&[])
    }

    /// The catalog inside the binary with `files` in the place of those of the same name, and with
    /// further `offers/<provider>.toml` added. Names are relative to the folder, with `/`.
    pub fn overlaid(files: &[(String, String)]) -> Result<Catalog, CatalogError> {
        let mut texts: BTreeMap<&str, &str> = embedded::FILES.into_iter().collect();
        for (name, text) in files {
            if !texts.contains_key(name.as_str()) && provider_of(name).is_none() {
                return Err(CatalogError::UnknownFile { file: name.clone() });
            }
            texts.insert(name, text);
        }
        read(&texts)
    }
}

/// The provider an offers file belongs to.
fn provider_of(name: &str) -> Option<&str> {
    let provider = name.strip_prefix("offers/")?.strip_suffix(".toml")?;
    (!provider.is_empty() && !provider.contains('/')).then_some(provider)
}

fn read(texts: &BTreeMap<&str, &str>) -> Result<Catalog, CatalogError> {
    let file = |name: &'static str| PricingFile { name, text: texts.get(name).unwrap_or(&"") };
    let mut files = Vec::with_capacity(texts.len());

    let at = file("assumptions.toml");
    let assumptions = read_assumptions(&at)?;
    let dates = assumptions.entries.iter().map(|it| it.as_of.as_str());
    files.push(at.summary(assumptions.entries.len(), dates));

    let at = file("fabrics.toml");
    let rows = at.parse::<RawFabrics>()?;
    let (fabrics, networks) = fabric::read(&at, &rows)?;
    files.push(at.summary(fabrics.len() + networks.len(), rows.dates()));

    let at = file("gpus.toml");
    let gpus = gpu::read(&at, &at.parse::<RawGpus>()?, &assumptions.sizing, &fabrics)?;
    files.push(at.summary(gpus.len(), gpus.iter().map(|it| it.as_of.as_str())));

    let at = file("aliases.toml");
    let rows = at.parse::<RawAliases>()?;
    let aliases = alias::read(&at, &rows, &gpus)?;
    let dates = rows.alias.iter().map(|it| it.get_ref().as_of.as_str());
    files.push(at.summary(rows.alias.len(), dates));

    let at = file("skus.toml");
    let rows = at.parse::<RawSkus>()?;
    let skus = sku_rows::read(&at, &rows, &aliases)?;
    files.push(at.summary(rows.len(), rows.dates()));

    let at = file("models.toml");
    let rows = at.parse::<RawModels>()?;
    let dates = rows.model.iter().map(|it| it.get_ref().as_of.as_str());
    files.push(at.summary(rows.model.len(), dates));
    let models = model::read(&at, rows)?;

    let at = file("serverless.toml");
    let platforms = platform_rows::read(&at, &at.parse::<RawPlatforms>()?)?;
    files.push(at.summary(platforms.len(), platforms.iter().map(|it| it.as_of.as_str())));

    let at = file("launch.toml");
    let launch = launch_rows::read(&at, at.parse::<RawLaunch>()?, &gpus)?;
    files.push(at.summary(launch.dates().count(), launch.dates()));

    let mut offers = Vec::new();
    let mut before = Vec::new();
    let mut reasons = BTreeMap::new();
    let mut withdrawn = BTreeSet::new();
    for (name, text) in texts {
        let Some(provider) = provider_of(name) else { continue };
        let at = PricingFile { name, text };
        let rows = at.parse::<RawOffers>()?;
        let read = offer_rows::read(&at, provider, &rows, &aliases)?;
        let dates = rows.offer.iter().map(|it| it.get_ref().as_of.as_str());
        files.push(at.summary(rows.offer.len(), dates));
        offers.extend(read.offers);
        before.extend(read.before);
        reasons.extend(read.reasons);
        withdrawn.extend(read.withdrawn);
    }
    before.sort_by(|a: &PastPrice, b| (&a.offer_id, &a.as_of).cmp(&(&b.offer_id, &b.as_of)));
    files.sort_by(|a: &CatalogFile, b| a.name.cmp(&b.name));
    Ok(Catalog {
        gpus,
        networks,
        aliases,
        offers,
        platforms,
        models,
        assumptions,
        files,
        before,
        launch,
        reasons,
        withdrawn,
        skus,
    })
}

fn read_assumptions(file: &PricingFile<'_>) -> Result<Assumptions, CatalogError> {
    let raw = file.parse::<RawAssumptions>()?;
    for (section, numbers) in &raw {
        for (name, number) in numbers {
            let start = file.text.find(&format!("[{section}.{name}]")).unwrap_or(0);
            file.filled(start, "unit", &number.unit)?;
            file.filled(start, "reason", &number.reason)?;
            file.provenance(start, &number.source, &number.as_of)?;
            if !number.value.is_finite() {
                return Err(CatalogError::OutOfRange {
                    at: file.place_of(start, "value"),
                    column: "value",
                    found: number.value.to_string(),
                    expected: "a finite number",
                });
            }
        }
    }
    Assumptions::from_raw(raw).map_err(|message| {
        // The message names the number between backticks; a missing one has no line.
        let name = message.split('`').nth(1).unwrap_or_default();
        let at = file.text.find(&format!("[{name}")).map_or_else(
            || Place { file: file.name.to_owned(), line: 1 },
            |start| file.place(start),
        );
        CatalogError::Assumption { at, message }
    })
}
