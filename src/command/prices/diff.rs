//! `prices diff`: two price lists, wherever they are, offer by offer.

use std::path::Path;

use super::super::failure::{ExitStatus, Failure};
use super::super::inputs;
use crate::catalog::import::{Format, ImportContext, OfferRow, diff, read, render};
use crate::catalog::{Catalog, GpuMatch};
use crate::cli::{self, Global};

/// Offers that are listed of those that rose and of those that fell.
const LISTED: usize = 20;

/// The comparison as `--format` asks for it.
pub(super) fn text(
    catalog: &Catalog,
    global: &Global,
    old: &str,
    new: &str,
) -> Result<String, Failure> {
    let (old, new) = (rows(catalog, global, old)?, rows(catalog, global, new)?);
    // A label of one list is the same GPU as another label of the other.
    let name = |label: &str| match catalog.resolve_gpu(label) {
        GpuMatch::Known(gpus) => {
            gpus.iter().map(|it| it.name.as_str()).collect::<Vec<_>>().join(" or ")
        }
        GpuMatch::Listed | GpuMatch::Unknown => label.to_owned(),
    };
    let found = diff(&old, &new, &name);
    match global.format {
        cli::Format::Json => {
            let mut text = serde_json::to_string_pretty(&found).unwrap_or_default();
            text.push('\n');
            Ok(text)
        }
        cli::Format::Table => Ok(render(&found, LISTED)),
        _ => Err(Failure::usage("prices diff has a table and JSON", "use --format table or json")),
    }
}

/// The offers of a list: `built-in`, a folder of a catalog, a file of offers, or a table.
fn rows(catalog: &Catalog, global: &Global, word: &str) -> Result<Vec<OfferRow>, Failure> {
    let path = Path::new(word);
    if word == "built-in" {
        return Ok(catalog.offers.iter().filter_map(OfferRow::of).collect());
    }
    if path.is_dir() {
        let other = inputs::read_catalog(Some(path))?;
        return Ok(other.offers.iter().filter_map(OfferRow::of).collect());
    }
    let text = std::fs::read_to_string(path).map_err(|error| {
        let error = anyhow::Error::new(error).context(format!("{word} cannot be read"));
        Failure::new(ExitStatus::Input, error).with_hint(
            "name a price list: a .toml of offers, a folder of them, a table, or built-in",
        )
    })?;
    let stem = path.file_stem().map_or_else(String::new, |it| it.to_string_lossy().to_lowercase());
    if path.extension().is_some_and(|it| it == "toml") {
        let other = Catalog::overlaid(&[(format!("offers/{stem}.toml"), text)])?;
        let of_file = other.offers.iter().filter(|it| it.provider == stem);
        return Ok(of_file.filter_map(OfferRow::of).collect());
    }
    table(global, word, &stem, &text)
}

/// A table of whichever format its header has.
fn table(global: &Global, word: &str, stem: &str, text: &str) -> Result<Vec<OfferRow>, Failure> {
    let context = ImportContext {
        file: word.to_owned(),
        provider: None,
        as_of: super::day(global),
        source: word.to_owned(),
    };
    let named = ImportContext { provider: Some(stem.to_owned()), ..context.clone() };
    let tries = [
        (Format::Csv, &context),
        (Format::Gpuhunt, &context),
        (Format::Skypilot, &named),
        (Format::Gpuhunt, &named),
    ];
    let mut found = tries.iter().map(|(format, context)| read(*format, text, context));
    match found.find(Result::is_ok) {
        Some(Ok(imported)) => Ok(imported.offers),
        _ => Err(read(Format::Csv, text, &context).map_or_else(super::unreadable, |_| {
            Failure::usage("the table has no offer", "check the file")
        })),
    }
}
