//! Real rows read, counted and carried to TOML and back; `laws` has what holds for any.

mod laws;

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use crate::catalog::Purchase;

use super::{
    Format, ImportContext, ImportError, Imported, Key, OfferRow, diff, moves, read, render, stale,
    to_skypilot, to_toml,
};

pub(super) fn context(provider: Option<&str>) -> ImportContext {
    ImportContext {
        file: "prices.csv".to_owned(),
        provider: provider.map(str::to_owned),
        as_of: "2026-11-09".to_owned(),
        source: "github example/list@0123abc".to_owned(),
    }
}

fn import(format: Format, text: &str, provider: &str) -> Imported {
    read(format, text, &context(Some(provider))).unwrap()
}

/// The rows of the catalog as its own reader takes them: names, types and no other key.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    offer: Vec<FileRow>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileRow {
    instance_type: String,
    gpu: String,
    gpu_count: u32,
    vcpus: Option<f64>,
    ram_gib: Option<f64>,
    region: String,
    purchase: String,
    price_per_hour: String,
    #[serde(default = "usd")]
    currency: String,
    billing_granularity_s: Option<u32>,
    #[serde(default)]
    derived: bool,
    #[serde(default)]
    community: bool,
    #[serde(default)]
    withdrawn: bool,
    reason: Option<String>,
    source: String,
    as_of: String,
}

fn usd() -> String {
    "USD".to_owned()
}

/// What TOML says, as rows of an import again.
pub(super) fn from_toml(files: &BTreeMap<String, String>) -> Vec<OfferRow> {
    let plain = |number: f64| number.to_string();
    let mut offers = Vec::new();
    for (provider, text) in files {
        let file: File = toml::from_str(text).unwrap();
        offers.extend(file.offer.into_iter().map(|it| OfferRow {
            key: Key {
                provider: provider.clone(),
                instance_type: it.instance_type,
                gpu: it.gpu,
                gpu_count: it.gpu_count,
                region: it.region,
                purchase: Purchase::parse(&it.purchase).unwrap(),
            },
            vcpus: it.vcpus.map(plain),
            ram_gib: it.ram_gib.map(plain),
            price: super::Price::parse(&it.price_per_hour).unwrap_or_else(|_| super::Price::zero()),
            currency: it.currency,
            billing_granularity_s: it.billing_granularity_s,
            derived: it.derived,
            community: it.community,
            withdrawn: it.withdrawn,
            reason: it.reason,
            as_of: it.as_of,
            source: it.source,
        }));
    }
    offers
}

/// Rows in are rows used and rows left out, and the catalog takes the TOML as it is.
pub(super) fn check_whole(imported: &Imported) {
    let out: BTreeSet<u64> = imported.left_out.iter().map(|it| it.row).collect();
    assert!(imported.used <= imported.rows && imported.rows <= imported.used + out.len() as u64);
    let files = to_toml(&imported.offers);
    assert_eq!(from_toml(&files), imported.offers);
    assert_eq!(to_toml(&imported.offers), files);
    let mut payg = BTreeMap::new();
    for it in imported.offers.iter().filter(|it| it.key.purchase == Purchase::PayAsYouGo) {
        payg.insert(it.key.clone(), it);
    }
    for it in imported.offers.iter().filter(|it| it.key.purchase == Purchase::Spot) {
        for twin in [it.key.in_region(), it.key.clone()] {
            let twin = payg.get(&twin.bought(Purchase::PayAsYouGo));
            let dearer = twin.is_some_and(|twin| it.price.nano() >= twin.price.nano());
            assert!(!dearer || it.reason.is_some(), "{it:?}");
        }
    }
}

/// A file, whose it is, its rows, those used, its offers, and what it leaves out by heading.
type RealFile<'a> = (Format, &'a str, &'a str, [u64; 3], &'a [(&'a str, usize)]);

/// Every file of `data/`; nine zones of `RunPod` are in five regions, four in three.
#[expect(clippy::too_many_lines, reason = "one row for each file")]
fn real_files() -> [RealFile<'static>; 10] {
    const SKY: Format = Format::Skypilot;
    [
        (
            SKY,
            "aws",
            include_str!("../../../tests/data/prices/skypilot_aws.csv"),
            [25, 15, 22],
            &[
                ("CPU only", 3),
                ("accelerators that are no GPUs", 3),
                ("parts of a GPU", 2),
                ("without a price", 2),
            ],
        ),
        (
            SKY,
            "azure",
            include_str!("../../../tests/data/prices/skypilot_azure.csv"),
            [18, 14, 26],
            &[("CPU only", 3), ("without a price", 1)],
        ),
        (
            SKY,
            "gcp",
            include_str!("../../../tests/data/prices/skypilot_gcp.csv"),
            [11, 0, 0],
            &[
                ("CPU only", 5),
                ("GPUs priced without their host", 1),
                ("accelerators that are no GPUs", 5),
            ],
        ),
        (
            SKY,
            "lambda",
            include_str!("../../../tests/data/prices/skypilot_lambda.csv"),
            [9, 7, 7],
            &[("CPU only", 2)],
        ),
        (
            SKY,
            "runpod",
            include_str!("../../../tests/data/prices/skypilot_runpod.csv"),
            [13, 13, 16],
            &[],
        ),
        (
            SKY,
            "runpod",
            include_str!("../../../tests/data/prices/skypilot_runpod_v5.csv"),
            [4, 2, 4],
            &[("repeats of another row", 4)],
        ),
        (
            SKY,
            "nebius",
            include_str!("../../../tests/data/prices/skypilot_nebius.csv"),
            [7, 5, 5],
            &[("CPU only", 2)],
        ),
        (
            Format::Gpuhunt,
            "lambda",
            include_str!("../../../tests/data/prices/gpuhunt_lambdalabs.csv"),
            [8, 7, 7],
            &[("CPU only", 1)],
        ),
        (
            Format::Gpuhunt,
            "aws",
            include_str!("../../../tests/data/prices/gpuhunt_aws_gcp.csv"),
            [15, 12, 12],
            &[("CPU only", 1), ("accelerators that are no GPUs", 2)],
        ),
        (
            Format::Gpuhunt,
            "verda",
            include_str!("../../../tests/data/prices/gpuhunt_v1.csv"),
            [8, 7, 7],
            &[("without a price", 1)],
        ),
    ]
}

#[test]
fn real_rows_are_accounted_for() {
    for (format, provider, text, [rows, used, offers], headings) in real_files() {
        let it = import(format, text, provider);
        let found = [it.rows, it.used, it.offers.len() as u64];
        assert_eq!(found, [rows, used, offers], "{provider}: {:#?}", it.left_out);
        assert_eq!(it.headings(), headings.iter().copied().collect(), "{provider}");
        assert_eq!(it.faults().count(), 0);
        check_whole(&it);
        let back = read(Format::Skypilot, &to_skypilot(&it.offers).csv, &context(Some(provider)));
        assert_eq!(same(&back.unwrap().offers), same(&it.offers), "{provider}");
    }
}

/// What an offer is, without the words around it; its zones are part of it.
pub(super) fn same(offers: &[OfferRow]) -> BTreeSet<String> {
    let text = |it: &OfferRow| {
        let zones = super::gather::zones_of(&it.source);
        let host = (&it.vcpus, &it.ram_gib);
        format!("{:?} {} {zones:?} {host:?} {:?}", it.key, it.price.nano(), it.reason)
    };
    offers.iter().map(text).collect()
}

#[test]
fn zones_that_agree_are_a_region() {
    let ids = |imported: &Imported| -> Vec<String> {
        let text = |it: &OfferRow| format!("{} {} {}", it.key.region, it.key.purchase, it.price);
        imported
            .offers
            .iter()
            .filter(|it| it.key.instance_type == "p4d.24xlarge")
            .map(text)
            .collect()
    };
    let aws = import(
        Format::Skypilot,
        include_str!("../../../tests/data/prices/skypilot_aws.csv"),
        "aws",
    );
    assert_eq!(
        ids(&aws),
        [
            "us-east-1 payg 21.957642",
            "us-east-1/use1-az1 spot 6.289000",
            "us-east-1/use1-az2 spot 14.105100",
            "us-east-1/use1-az6 spot 12.499100"
        ]
    );
    let payg = aws.offers.iter().find(|it| it.key.instance_type == "p4d.24xlarge").unwrap();
    assert_eq!(payg.source, "github example/list@0123abc (zones: use1-az1 use1-az2 use1-az6)");
    assert_eq!((payg.vcpus.as_deref(), payg.ram_gib.as_deref()), (Some("96"), Some("1152")));
    let azure = import(
        Format::Skypilot,
        include_str!("../../../tests/data/prices/skypilot_azure.csv"),
        "azure",
    );
    let odd = azure.offers.iter().filter(|it| it.reason.is_some()).count();
    assert_eq!(odd, 4, "the H100 whose spot costs as much as on demand");
}

#[test]
fn toml_as_the_catalog_writes_it() {
    let text = "InstanceType,AcceleratorName,AcceleratorCount,vCPUs,MemoryGiB,Region,SpotPrice,Price,AvailabilityZone,GpuInfo\n\
        p5.48xlarge,H100,8.0,192.0,2048.0,us-east-1,47.205400,55.04,use1-az2,\"{'Gpus': [{'Name': 'H100'}]}\"\n";
    let it = import(Format::Skypilot, text, "aws");
    let expected = "# Prices of aws, per instance. The newest row of a key (instance_type, gpu, gpu_count, region, purchase) wins.\n\
        \n[[offer]]\ninstance_type = \"p5.48xlarge\"\ngpu = \"H100\"\ngpu_count = 8\nvcpus = 192\nram_gib = 2048\n\
        region = \"us-east-1\"\npurchase = \"payg\"\nprice_per_hour = \"55.04\"\nas_of = \"2026-11-09\"\n\
        source = \"github example/list@0123abc (zones: use1-az2)\"\n\
        \n[[offer]]\ninstance_type = \"p5.48xlarge\"\ngpu = \"H100\"\ngpu_count = 8\nvcpus = 192\nram_gib = 2048\n\
        region = \"us-east-1\"\npurchase = \"spot\"\nprice_per_hour = \"47.205400\"\nas_of = \"2026-11-09\"\n\
        source = \"github example/list@0123abc (zones: use1-az2)\"\n";
    assert_eq!(to_toml(&it.offers)["aws"], expected);
}

#[test]
fn faulty_rows_are_named() {
    let check = |row: &str, used: u64, said: &str| {
        let header = "InstanceType,AcceleratorName,AcceleratorCount,Region,Price,SpotPrice,vCPUs";
        let it = import(Format::Skypilot, &format!("{header}\n{row}\n"), "aws");
        check_whole(&it);
        let texts: Vec<String> = it.left_out.iter().map(ToString::to_string).collect();
        assert_eq!((texts.join("; ").as_str(), it.used), (said, used), "{row}");
        assert_eq!(it.faults().count(), it.left_out.len());
        assert!(it.left_out.iter().all(|it| !it.reason.hint().is_empty()));
    };
    check("p,H100,8,r,55.04,,", 1, "");
    check("p,H100,8,r,$55.04,,", 0, "row 2: `Price` is not a price: \"$55.04\"");
    check("p,H100,8,r,0,,", 0, "row 2: `Price` is 0: a price of zero is a price nobody knew");
    let zero = "row 2: `SpotPrice` is 0.0: a price of zero is a price nobody knew";
    check("p,H100,8,r,55.04,0.0,", 1, zero);
    check("p,H100,8,r,-1,,", 0, "row 2: `Price` is negative: -1");
    check("p,H100,8,r,1", 0, "row 2: 5 cells, but the header has 7");
    check("p,H100,8,r,1,,,,", 0, "row 2: 9 cells, but the header has 7");
    check("p,H100,,r,1,,", 0, "row 2: `AcceleratorCount` is not a number of GPUs: \"\"");
    check("p,H100,8,,1,,", 0, "row 2: `Region` is empty");
    check("p,H100,8,a/b,1,,", 0, "row 2: `Region` cannot be kept: \"a/b\" has a slash");
    let eight = "row 2: `AcceleratorCount` is 4, but \"gpu_8x_h100\" says 8";
    check("gpu_8x_h100,H100,4,r,1,,", 0, eight);
    let cpus = "row 2: `vCPUs` is not a positive number: \"many\"; the offer stands without it";
    check("p,H100,8,r,1,,many", 1, cpus);
    let twice = "row 3: the payg price is 2 USD, but row 2 says 1 USD for the same offer";
    check("p,H100,8,r,1,,\np,H100,8,r,2,,", 1, twice);
    let long = "x".repeat(50);
    let said = format!("row 2: `Price` is not a price: \"{}...\"", &long[..40]);
    check(&format!("p,H100,8,r,{long},,"), 0, &said);
    let cut = "row 3: the payg price is 0.30 USD, but row 2 says 0.4 USD for the same offer";
    check("p,H100,8,r,0.4,,\np,H100,8.0,r,0.30,,", 1, cut);
}

#[test]
fn what_is_not_sold_has_no_price_of_zero() {
    let header = "InstanceType,AcceleratorName,AcceleratorCount,Region,Price,SpotPrice";
    let check = |prices: &str, offers: usize, said: &[&str]| {
        let it = import(Format::Skypilot, &format!("{header}\np,H100,8,r,{prices}\n"), "aws");
        check_whole(&it);
        let texts: Vec<String> = it.left_out.iter().map(ToString::to_string).collect();
        assert_eq!(
            (it.offers.len(), texts),
            (offers, said.iter().map(ToString::to_string).collect())
        );
        assert_eq!(it.faults().count(), 0);
    };
    check("nan,NaN", 0, &["row 2: \"p\" has no price: not sold"]);
    check(",", 0, &["row 2: \"p\" has no price: not sold"]);
    check("1.5,nan", 1, &[]);
    check("None,1.5", 1, &[]);
    check("1.5,1.4", 2, &[]);
}

#[test]
fn wrong_files_are_named() {
    const SKY: &str = "InstanceType,AcceleratorName,AcceleratorCount,Region,Price\n";
    const HUNT: &str =
        "instance_name,location,price,cpu,memory,gpu_count,gpu_name,gpu_memory,spot\n";
    let check = |format, text: &str, context: &ImportContext, said: &str| {
        let error = read(format, text, context).unwrap_err();
        assert_eq!(error.to_string(), format!("prices.csv: {said}"));
        assert!(!error.hint().is_empty());
    };
    let aws = context(Some("aws"));
    let other = "not a SkyPilot catalog: the header looks like a gpuhunt file";
    check(Format::Skypilot, HUNT, &aws, other);
    let other = "not a gpuhunt file: the header looks like a SkyPilot catalog";
    check(Format::Gpuhunt, SKY, &aws, other);
    let other = "not a plain price table: the header looks like a SkyPilot catalog";
    check(Format::Csv, SKY, &aws, other);
    let missing = "not a SkyPilot catalog: the header lacks `AcceleratorCount`, `Price`; it has `InstanceType`, `AcceleratorName`, `Region`";
    check(Format::Skypilot, "InstanceType,AcceleratorName,Region\n", &aws, missing);
    check(Format::Csv, "", &aws, "the file is empty");
    check(Format::Skypilot, "Price,Price\n", &aws, "the header has `Price` twice");
    check(Format::Skypilot, SKY, &context(None), "the file does not say whose prices these are");
    let odd = "the provider \"../aws\" cannot be the name of a file in offers/";
    check(Format::Skypilot, SKY, &context(Some("../aws")), odd);
    let date = ImportContext { as_of: "today".to_owned(), ..aws.clone() };
    let said = "not a date such as 2026-11-09 or 2026-11: \"today\"";
    check(Format::Skypilot, SKY, &date, said);
    let zones = ImportContext { source: "list (zones: a b)".to_owned(), ..aws };
    let said = "the source \"list (zones: a b)\" is empty, has line breaks, or a list of zones";
    check(Format::Skypilot, SKY, &zones, said);
}

const LIST: &str = "id,provider,instance_type,gpu,gpu_count,region,purchase,price_per_hour,derived,as_of,source\n\
    aws/p5.48xlarge/H100-SXM-80GB/8/us-east-1/payg,aws,p5.48xlarge,H100-SXM-80GB,8,us-east-1,payg,55.04,false,2026-11-09,\"list, read\"\n\
    aws/p5.48xlarge/H100-SXM-80GB/8/us-east-1/use1-az2/spot,aws,p5.48xlarge,H100-SXM-80GB,8,us-east-1/use1-az2,spot,47.2054,false,2025-10,sky\n\
    modal/cpu-core/CPU core/0/any/serverless_flex,modal,cpu-core,CPU core,0,any,serverless_flex,0.04716,false,2026-06-27,blog\n\
    verda/1x_L40S-48GB/L40S-48GB/1/FIN/reserved_12mo,verda,1x_L40S-48GB,L40S-48GB,1,FIN,reserved_12mo,1.4329,true,2026-10-04,derived\n";

#[test]
fn the_price_list_of_the_program_comes_back() {
    let it = read(Format::Csv, LIST, &context(None)).unwrap();
    check_whole(&it);
    assert_eq!((it.rows, it.used, it.left_out.len()), (4, 4, 0));
    let files = to_toml(&it.offers);
    assert_eq!(files.keys().collect::<Vec<_>>(), ["aws", "modal", "verda"]);
    assert!(
        files["verda"].contains("derived = true\nas_of = \"2026-10-04\"\nsource = \"derived\"")
    );
    assert!(files["aws"].contains("source = \"list, read\""));
    let row = "provider,instance_type,gpu,gpu_count,region,purchase,price_per_hour,reason,withdrawn\n\
        modal,h100,H100,1,global,payg,0,credits,true\n";
    let free = read(Format::Csv, row, &context(None)).unwrap();
    check_whole(&free);
    assert_eq!(free.offers[0].price.text(), "0");
}

fn history(rows: &str) -> Vec<OfferRow> {
    let header = "provider,instance_type,gpu,gpu_count,region,purchase,price_per_hour,as_of";
    read(Format::Csv, &format!("{header}\n{rows}"), &context(None)).unwrap().offers
}

#[test]
fn the_history_reads_and_moves() {
    let it =
        read(Format::Csv, include_str!("../../../tests/data/prices/history.csv"), &context(None))
            .unwrap();
    assert_eq!((it.rows, it.left_out.len()), (it.used, 0));
    check_whole(&it);
    let moved = moves(&it.offers, ("2026-08-31", "2026-10-01"), 60, &str::to_owned).unwrap();
    let l40s = moved.groups.iter().find(|it| it.gpu == "L40S-48GB").unwrap();
    // Verda rose and Vast, whose price is what hosts ask, too; DigitalOcean stayed.
    assert_eq!((l40s.rose, l40s.fell, l40s.same, l40s.gone), (2, 0, 1, 0));
    let moved = moves(&it.offers, ("2026-01-31", "2026-09-30"), 60, &str::to_owned).unwrap();
    assert!(moved.new.is_empty() && moved.gone.is_empty());
    let secure = "1x_H100-SXM-80GB_SECURE";
    let rose = moved.rose.iter().find(|it| it.key.instance_type == secure).unwrap();
    assert_eq!((rose.old.text(), rose.new.text()), ("2.69", "3.49"));
    assert_eq!(format!("{:.1}", rose.percent.unwrap()), "29.7");
}

#[test]
fn what_nobody_saw_again_did_not_stay_the_same() {
    let offers = history(
        "runpod,again,H100,1,global,payg,2.69,2026-08-01\nrunpod,again,H100,1,global,payg,3.99,2026-11-09\n\
         aws,once,H100,8,us-east-1,payg,55.04,2026-08-01\nnebius,march,H100,1,eu,payg,2.95,2026-03-15\n\
         nebius,march,H100,1,eu,payg,4.5,2026-10-10\noci,new,H100,1,eu,payg,9,2026-10-10\n",
    );
    let found = moves(&offers, ("2026-08-15", "2026-11-28"), 60, &str::to_owned).unwrap();
    let names: Vec<&str> = found.rose.iter().map(|it| it.key.instance_type.as_str()).collect();
    assert_eq!((names, found.same, found.new.len()), (vec!["again"], 0, 0));
    assert_eq!(format!("{:.1}", found.groups[0].median_percent.unwrap()), "48.3");
    assert!(moves(&offers, ("then", "2026-11-28"), 60, &str::to_owned).is_err());
}

#[test]
fn changes_by_offer_and_group() {
    let old = history(
        "runpod,1x,H100,1,global,payg,2.69,2026-08\nrunpod,big,H100,1,global,payg,4,2026-08\n\
         aws,p5,H100,8,us-east-1,payg,55.04,2026-08\naws,p5,H100,8,us-east-1,spot,20,2026-08\n\
         oci,x,L40S,4,eu,payg,14,2026-08\n",
    );
    let new = history(
        "runpod,1x,H100,1,global,payg,3.99,2026-11\nrunpod,1x,H100,1,global,payg,2.99,2026-10\n\
         runpod,big,H100,1,global,payg,3,2026-11\naws,p5,H100-SXM-80GB,8,us-east-1,payg,55.040,2026-11\n\
         aws,p5,H100,8,us-east-1,spot,25,2026-11\nnebius,n,B200,1,eu,payg,8.5,2026-11\n",
    );
    let name = |it: &str| if it.starts_with("H100") { "H100".to_owned() } else { it.to_owned() };
    let found = diff(&old, &new, &name);
    assert_eq!(
        render(&found, 10),
        "GPU                      PURCHASE            MEDIAN  ROSE  FELL  SAME  NEW GONE\n\
         B200                     payg                     -     0     0     0    1    0\n\
         H100                     payg                 0.0 %     1     1     1    0    0\n\
         H100                     spot               +25.0 %     1     0     0    0    0\n\
         L40S                     payg                     -     0     0     0    0    1\n\
         \n\
         DEARER                             REGION                OLD       NEW   CHANGE\n\
         runpod 1x payg                     global             2.6900    3.9900  +48.3 %\n\
         aws p5 spot                        us-east-1         20.0000   25.0000  +25.0 %\n\
         \n\
         CHEAPER                            REGION                OLD       NEW   CHANGE\n\
         runpod big payg                    global             4.0000    3.0000  -25.0 %\n\
         2 rose, 1 fell, 1 the same, 1 new, 1 gone\n"
    );
    assert!(render(&found, 1).contains("\nand 1 more\n"));
    let json = serde_json::to_value(&found).unwrap();
    assert_eq!(json["rose"][0]["instance_type"], "1x");
    assert_eq!(json["rose"][0]["new"], "3.99");
    assert_eq!(json["groups"][2]["purchase"], "spot");
    assert_eq!(diff(&new, &new, &name).groups.iter().map(|it| it.same).sum::<usize>(), 5);
}

#[test]
fn old_prices_by_provider_and_purchase() {
    let offers = history(
        "aws,p5,H100,8,us-east-1,payg,55.04,2026-11-09\naws,p5,H100,8,us-east-1,payg,98.32,2025-01-01\n\
         aws,p4,A100,8,us-east-1,payg,21.96,2026-10-28\naws,p5,H100,8,us-east-1/a,spot,20,2025-10\n\
         gcp,a3,H100,8,us,payg,88,2026-12-24\n",
    );
    let check = |days, expected: &[&str]| {
        let found = stale(&offers, "2026-11-28", days).unwrap();
        let text = |it: &super::Stale| {
            let super::Stale { provider, purchase, offers, of, oldest, oldest_age_days } = it;
            format!("{provider} {purchase} {offers}/{of} {oldest} {oldest_age_days}")
        };
        assert_eq!(found.iter().map(text).collect::<Vec<_>>(), expected);
    };
    check(30, &["aws payg 1/2 2026-10-28 31", "aws spot 1/1 2025-10 423"]);
    check(31, &["aws spot 1/1 2025-10 423"]);
    check(423, &[]);
    let error = stale(&offers, "now", 30).unwrap_err();
    assert!(matches!(error, ImportError::BadDate { .. }));
}
