//! Offers as the text of `offers/<provider>.toml`.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::offer_row::OfferRow;

/// The files by provider. Rows are in the order of their keys and dates, so that the same offers
/// give the same bytes.
pub fn to_toml(offers: &[OfferRow]) -> BTreeMap<String, String> {
    let mut sorted: Vec<&OfferRow> = offers.iter().collect();
    sorted.sort_by(|a, b| (&a.key, &a.as_of).cmp(&(&b.key, &b.as_of)));
    let mut files: BTreeMap<String, String> = BTreeMap::new();
    for offer in sorted {
        let provider = &offer.key.provider;
        let text = files.entry(provider.clone()).or_insert_with(|| {
            format!(
                "# Prices of {provider}, per instance. The newest row of a key (instance_type, gpu, gpu_count, region, purchase) wins.\n"
            )
        });
        push(text, offer);
    }
    files
}

fn push(text: &mut String, offer: &OfferRow) {
    let key = &offer.key;
    let quoted_or_none = |it: &Option<String>| it.as_deref().map(quoted);
    let flag = |it: bool| it.then(|| "true".to_owned());
    let foreign = (offer.currency != "USD").then(|| quoted(&offer.currency));
    let lines = [
        ("instance_type", Some(quoted(&key.instance_type))),
        ("gpu", Some(quoted(&key.gpu))),
        ("gpu_count", Some(key.gpu_count.to_string())),
        ("vcpus", offer.vcpus.clone()),
        ("ram_gib", offer.ram_gib.clone()),
        ("region", Some(quoted(&key.region))),
        ("purchase", Some(quoted(&key.purchase.to_string()))),
        ("price_per_hour", Some(quoted(offer.price.text()))),
        ("currency", foreign),
        ("billing_granularity_s", offer.billing_granularity_s.map(|it| it.to_string())),
        ("derived", flag(offer.derived)),
        ("community", flag(offer.community)),
        ("withdrawn", flag(offer.withdrawn)),
        ("reason", quoted_or_none(&offer.reason)),
        ("as_of", Some(quoted(&offer.as_of))),
        ("source", Some(quoted(&offer.source))),
    ];
    text.push_str("\n[[offer]]\n");
    for (name, value) in lines {
        if let Some(value) = value {
            // Writing to a String cannot fail, here and below.
            let _ = writeln!(text, "{name} = {value}");
        }
    }
}

/// A basic string of TOML: quote, backslash and control characters are escaped.
fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => {
                quoted.push('\\');
                quoted.push(c);
            }
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            '\r' => quoted.push_str("\\r"),
            c if c.is_control() => {
                let _ = write!(quoted, "\\u{:04X}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}
