//! `gpuadvise prices`: check the catalog, list its offers, import price tables and compare them.

mod age;
mod diff;
mod import;

use std::fmt::Write;

use super::failure::{ExitStatus, Failure};
use super::talk::Talk;
use super::{CommandResult, inputs, output};
use crate::catalog::{Catalog, Offer};
use crate::cli::{Format, Global, PricesArgs, PricesCommand};

pub(super) fn run(args: &PricesArgs, global: &Global, talk: Talk) -> CommandResult {
    if let PricesCommand::Import(args) = &args.command {
        return import::run(args, global, talk);
    }
    let catalog = inputs::read_catalog(global.pricing.as_deref())?;
    let mut status = ExitStatus::Done;
    let text = match &args.command {
        PricesCommand::Import(_) => String::new(),
        PricesCommand::Check { max_age, provider } => {
            let mut text = check(&catalog);
            if let Some(days) = max_age {
                let (ages, is_old) = age::check(&catalog, global, *days, provider.as_deref())?;
                text.push_str(&ages);
                status = if is_old { ExitStatus::CheckFailed } else { status };
            }
            text
        }
        PricesCommand::Diff { old, new } => diff::text(&catalog, global, old, new)?,
        PricesCommand::List { gpu, provider } => {
            let wanted = |offer: &&Offer| {
                let contains =
                    |text: &str, part: &str| text.to_lowercase().contains(&part.to_lowercase());
                let of_gpu = gpu.as_deref().is_none_or(|part| {
                    contains(&offer.gpu_label, part)
                        || offer.gpus.iter().any(|it| contains(it, part))
                });
                of_gpu
                    && provider.as_deref().is_none_or(|it| offer.provider.eq_ignore_ascii_case(it))
            };
            list(&catalog.price_list().filter(wanted).collect::<Vec<_>>(), global.format, &catalog)
        }
    };
    output::to_file_or_stdout(global.output.as_deref(), text.as_bytes())?;
    Ok(status)
}

/// The day prices are judged on: `--as-of`, else today.
fn day(global: &Global) -> String {
    let day =
        global.as_of.map_or_else(super::collect::today, |it| it.in_zone(chrono_tz::Tz::UTC).date());
    day.to_string()
}

/// An import that could not be read, as an error of its file.
fn unreadable(error: crate::catalog::import::ImportError) -> Failure {
    let hint = error.hint();
    Failure::new(ExitStatus::Input, error).with_hint(hint)
}

fn check(catalog: &Catalog) -> String {
    let mut text = format!("{:<28} {:>6}  {}\n", "FILE", "ROWS", "NEWEST");
    for file in &catalog.files {
        // Writing to a String cannot fail, here and below.
        let _ = writeln!(text, "{:<28} {:>6}  {}", file.name, file.rows, file.newest_as_of);
    }
    let _ = writeln!(
        text,
        "{} files, {} GPUs, {} models, {} offers: no fault found",
        catalog.files.len(),
        catalog.gpus.len(),
        catalog.models.len(),
        catalog.offers.len()
    );
    text
}

fn list(offers: &[&Offer], format: Format, catalog: &Catalog) -> String {
    match format {
        Format::Json => json(offers),
        Format::Csv => csv(offers),
        Format::Table | Format::Md | Format::Html => table(offers, catalog),
    }
}

fn table(offers: &[&Offer], catalog: &Catalog) -> String {
    let mut text = format!(
        "{:<20} {:<13} {:>3} {:>9}  {:<15} {}\n",
        "GPU", "PROVIDER", "N", "USD/H", "PURCHASE", "AS OF"
    );
    for offer in offers {
        let gpu = match offer.gpus.as_slice() {
            [] => format!("{} (no data)", offer.gpu_label),
            [one] => one.clone(),
            _ => offer.gpu_label.clone(),
        };
        let rate = offer.rate.to_f64();
        let provider: String = offer.provider.chars().take(13).collect();
        let gpu: String = gpu.chars().take(20).collect();
        let mark = match (catalog.is_simulated(offer), offer.derived, offer.community) {
            (false, ..) => " x",
            (_, true, _) => " d",
            (_, _, true) => " c",
            _ => "",
        };
        let purchase = offer.purchase.to_string();
        let _ = writeln!(
            text,
            "{gpu:<20} {provider:<13} {:>3} {rate:>9.4}  {purchase:<15} {}{mark}",
            offer.gpu_count, offer.as_of
        );
    }
    let _ = writeln!(
        text,
        "{} offers; d: derived from another row, c: community or marketplace,\n\
             x: listed, never simulated; region and source with --format csv",
        offers.len()
    );
    text
}

fn cells(offer: &Offer) -> [(&'static str, String); 13] {
    [
        ("id", offer.id.clone()),
        ("provider", offer.provider.clone()),
        ("instance_type", offer.instance_type.clone()),
        ("gpu", offer.gpu_label.clone()),
        ("gpu_count", offer.gpu_count.to_string()),
        ("region", offer.region.clone()),
        ("purchase", offer.purchase.to_string()),
        ("price_per_hour", offer.rate.to_decimal_string()),
        ("derived", offer.derived.to_string()),
        ("as_of", offer.as_of.clone()),
        ("source", offer.source.clone()),
        ("currency", offer.rate.currency().to_string()),
        ("community", offer.community.to_string()),
    ]
}

fn csv(offers: &[&Offer]) -> String {
    let header = [
        "id",
        "provider",
        "instance_type",
        "gpu",
        "gpu_count",
        "region",
        "purchase",
        "price_per_hour",
        "derived",
        "as_of",
        "source",
        "currency",
        "community",
    ];
    let mut text = crate::report::csv_line(&header.map(str::to_owned));
    for offer in offers {
        text.push_str(&crate::report::csv_line(&cells(offer).map(|(_, value)| value)));
    }
    text
}

fn json(offers: &[&Offer]) -> String {
    let rows: Vec<serde_json::Map<String, serde_json::Value>> = offers
        .iter()
        .map(|offer| {
            cells(offer).into_iter().map(|(key, value)| (key.to_owned(), value.into())).collect()
        })
        .collect();
    let mut text = serde_json::to_string_pretty(&rows).unwrap_or_default();
    text.push('\n');
    text
}
