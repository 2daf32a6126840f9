//! What holds for any offers and any text.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use proptest::prelude::*;

use super::super::gather::zones_of;
use super::super::{Format, OfferRow, Price, read, to_skypilot, to_toml};
use super::{check_whole, context, from_toml, same};
use crate::catalog::Purchase;

/// A row of `SkyPilot`'s table: instance, count, region, zone, and two prices in cents.
type SkyRow = (u8, u8, u8, u8, Option<u16>, Option<u16>);

fn sky_rows() -> impl Strategy<Value = Vec<SkyRow>> {
    let price = || prop::option::of(1_u16..2000);
    prop::collection::vec((0_u8..4, 1_u8..4, 0_u8..3, 0_u8..4, price(), price()), 0..40)
}

/// The rows by their names, so that none repeats or contradicts another.
fn table(rows: &[SkyRow]) -> BTreeMap<[String; 4], [String; 2]> {
    let cents = |it: &Option<u16>| {
        it.map_or_else(String::new, |it| format!("{}.{:02}", it / 100, it % 100))
    };
    let named = |&(instance, count, region, zone, ref payg, ref spot): &SkyRow| {
        // Some regions have no zones at all, as at Azure.
        let zone = if region == 2 { String::new() } else { format!("z{zone}") };
        let names = [format!("i{instance}"), count.to_string(), format!("r{region}"), zone];
        (names, [cents(payg), cents(spot)])
    };
    rows.iter().map(named).collect()
}

fn csv(table: &BTreeMap<[String; 4], [String; 2]>) -> String {
    let mut text = "InstanceType,AcceleratorName,AcceleratorCount,vCPUs,MemoryGiB,Region,SpotPrice,Price,AvailabilityZone,GpuInfo\n".to_owned();
    for ([instance, count, region, zone], [payg, spot]) in table {
        let prices = [region, spot, payg, zone].map(String::as_str).join(",");
        let info = "\"{'Gpus': [{'Name': 'H100'}]}\"";
        writeln!(text, "{instance},H100,{count}.0,8.0,64,{prices},{info}").unwrap();
    }
    text
}

/// Every price of every zone, read off the offers.
fn prices(offers: &[OfferRow]) -> BTreeSet<(String, u32, String, String, bool, i128)> {
    let mut prices = BTreeSet::new();
    for it in offers {
        let (region, zones) = match it.key.region.split_once('/') {
            Some((region, zone)) => (region, vec![zone]),
            None => (it.key.region.as_str(), zones_of(&it.source)),
        };
        let zones = if zones.is_empty() { vec![""] } else { zones };
        for zone in zones {
            let spot = it.key.purchase == Purchase::Spot;
            let name = (it.key.instance_type.clone(), it.key.gpu_count);
            let (region, zone) = (region.to_owned(), zone.to_owned());
            prices.insert((name.0, name.1, region, zone, spot, it.price.nano()));
        }
    }
    prices
}

proptest! {
    #[test]
    fn no_offer_is_lost_and_none_invented(rows in sky_rows()) {
        let table = table(&rows);
        let it = read(Format::Skypilot, &csv(&table), &context(Some("aws"))).unwrap();
        check_whole(&it);
        let mut expected = BTreeSet::new();
        for ([instance, count, region, zone], both) in &table {
            for (at, price) in both.iter().enumerate().filter(|it| !it.1.is_empty()) {
                let (count, nano) = (count.parse().unwrap(), Price::parse(price).unwrap().nano());
                let (instance, region) = (instance.clone(), region.clone());
                expected.insert((instance, count, region, zone.clone(), at == 1, nano));
            }
        }
        prop_assert_eq!(prices(&it.offers), expected);
        // Through the file and back to the columns of `SkyPilot`: the same rows.
        let stored = from_toml(&to_toml(&it.offers));
        let back = to_skypilot(&stored);
        prop_assert!(back.left_out.is_empty());
        let again = read(Format::Skypilot, &back.csv, &context(Some("aws"))).unwrap();
        prop_assert_eq!(same(&again.offers), same(&it.offers));
        prop_assert_eq!(again.rows, it.used);
    }

    #[test]
    fn any_text_is_read_or_refused(text in ".{0,200}", at in 0_usize..3, lines in prop::collection::vec("[ -~\n\"]{0,60}", 0..8)) {
        let (format, header) = [
            (Format::Skypilot, "InstanceType,AcceleratorName,AcceleratorCount,Region,Price"),
            (Format::Gpuhunt, "instance_name,location,price,gpu_count,gpu_name,spot"),
            (Format::Csv, "instance_type,gpu,gpu_count,region,purchase,price_per_hour"),
        ][at];
        let _ = read(format, &text, &context(Some("aws")));
        let it = read(format, &format!("{header}\n{text}\n{}", lines.join("\n")), &context(Some("aws")));
        check_whole(&it.unwrap());
    }

    #[test]
    fn any_names_survive_the_list(
        rows in prop::collection::vec(
            (".{1,12}", "\\PC{1,12}", 1_u32..20, ".{1,12}", 0_usize..4, 1_u32..100_000, 1_u32..13),
            0..12,
        ),
    ) {
        let mut text = "provider,instance_type,gpu,gpu_count,region,purchase,price_per_hour,derived,as_of,source\n".to_owned();
        let cell = |it: &str| format!("\"{}\"", it.replace('"', "\"\""));
        let mut expected = BTreeMap::new();
        for (instance, gpu, count, region, purchase, cents, month) in &rows {
            // No count in the name, and a name that is more than blanks.
            let instance = format!("n{}", instance.replace(['x', '\u{0}'], "y"));
            let gpu = format!("g{gpu}");
            let region = format!("r{region}");
            let purchase = ["payg", "spot", "reserved_12mo", "serverless_flex"][*purchase];
            let (price, as_of) = (format!("{}.{:02}", cents / 100, cents % 100), format!("2026-{month:02}"));
            let names = [instance.trim(), gpu.trim(), region.trim(), purchase, &as_of].map(str::to_owned);
            let row = format!("aws,{},{},{count},{},{purchase},{price},{},{as_of},\"a, {price}\"\n",
                cell(&instance), cell(&gpu), cell(&region), cents % 2 == 0);
            let first = expected.entry((names, *count)).or_insert_with(|| (price, cents % 2 == 0, row));
            prop_assert!(!first.2.is_empty());
        }
        for (_, _, row) in expected.values() {
            text.push_str(row);
        }
        let it = read(Format::Csv, &text, &context(None)).unwrap();
        check_whole(&it);
        prop_assert!(it.left_out.is_empty());
        let found: BTreeMap<_, _> = it.offers.iter().map(|it| {
            let key = &it.key;
            let names = [&key.instance_type, &key.gpu, &key.region, &key.purchase.to_string(), &it.as_of].map(Clone::clone);
            ((names, key.gpu_count), (it.price.text().to_owned(), it.derived, it.source.clone()))
        }).collect();
        let expected: BTreeMap<_, _> = expected.into_iter()
            .map(|(key, (price, derived, _))| { let source = format!("a, {price}"); (key, (price, derived, source)) })
            .collect();
        prop_assert_eq!(found, expected);
    }
}
