//! FOCUS of every version and in every container gives one account: CSV, packed CSV, JSON lines, a
//! JSON array, Parquet with decimals, floats or texts, and tags as the map that AWS writes.

use std::io::Write;
use std::path::PathBuf;

use polars::prelude::*;

use crate::account::{gpu_hours, holds, parts, read, text, totals};
use crate::support::Bench;

/// Three charges of June 2026: 16 GPU-hours of H100 at 6.88, a credit, a CPU machine.
///
/// Billed 110.08 - 10.01 + 0.4032 = 100.4732, effective the same, list 120.5 - 10.01 + 0.4032 =
/// 110.8932; assigned 110.08, elsewhere -9.6068.
const ROWS: [[(&str, &str); 17]; 3] = [
    [
        ("BilledCost", "110.08"),
        ("EffectiveCost", "110.08"),
        ("ListCost", "120.5"),
        ("ContractedCost", "110.08"),
        ("BillingCurrency", "USD"),
        ("BillingPeriodStart", "2026-06-01T00:00:00Z"),
        ("BillingPeriodEnd", "2026-07-01T00:00:00Z"),
        ("ChargeCategory", "Usage"),
        ("ChargePeriodStart", "2026-06-10T08:00:00Z"),
        ("ChargePeriodEnd", "2026-06-10T10:00:00Z"),
        ("PricingCategory", "Standard"),
        ("PricingQuantity", "16"),
        ("PricingUnit", "GPU-Hours"),
        GPU,
        ("ResourceId", "i-0own1"),
        ("ServiceCategory", "Compute"),
        ("Tags", r#"{"workload":"chat","team":"search"}"#),
    ],
    [
        ("BilledCost", "-10.01"),
        ("EffectiveCost", "-10.01"),
        ("ListCost", "-10.01"),
        ("ContractedCost", "-10.01"),
        ("BillingCurrency", "USD"),
        ("BillingPeriodStart", "2026-06-01T00:00:00Z"),
        ("BillingPeriodEnd", "2026-07-01T00:00:00Z"),
        ("ChargeCategory", "Credit"),
        ("ChargePeriodStart", "2026-06-10T08:00:00Z"),
        ("ChargePeriodEnd", "2026-06-10T09:00:00Z"),
        ("PricingCategory", ""),
        ("PricingQuantity", ""),
        ("PricingUnit", ""),
        ("ChargeDescription", "Promotional credit"),
        ("ResourceId", ""),
        ("ServiceCategory", "Compute"),
        ("Tags", ""),
    ],
    [
        ("BilledCost", "0.4032"),
        ("EffectiveCost", "0.4032"),
        ("ListCost", "0.4032"),
        ("ContractedCost", "0.4032"),
        ("BillingCurrency", "USD"),
        ("BillingPeriodStart", "2026-06-01T00:00:00Z"),
        ("BillingPeriodEnd", "2026-07-01T00:00:00Z"),
        ("ChargeCategory", "Usage"),
        ("ChargePeriodStart", "2026-06-10T09:00:00Z"),
        ("ChargePeriodEnd", "2026-06-10T10:00:00Z"),
        ("PricingCategory", "Standard"),
        ("PricingQuantity", "1"),
        ("PricingUnit", "Hours"),
        ("ChargeDescription", "Virtual machine with 8 vCPU"),
        ("ResourceId", "i-0own2"),
        ("ServiceCategory", "Compute"),
        ("Tags", r#"{"team":"search"}"#),
    ],
];
/// Stands for how the provider calls the GPUs.
const GPU: (&str, &str) = ("ChargeDescription", "GPU");
/// Headers and rows.
type Table = (Vec<String>, Vec<Vec<String>>);
/// Columns of numbers.
const AMOUNTS: [&str; 5] =
    ["BilledCost", "EffectiveCost", "ListCost", "ContractedCost", "PricingQuantity"];

/// A version: its name, its columns beside those of [`ROWS`] with what the rows say in them, who is
/// paid, and how they call the eight GPUs.
type Version = (&'static str, &'static [(&'static str, &'static str)], &'static str, &'static str);

const VERSIONS: [Version; 7] = [
    (
        "FOCUS 1.0",
        &[("ProviderName", "AWS"), ("PublisherName", "Somebody")],
        "aws",
        "p5.48xlarge Linux/UNIX Instance-hour",
    ),
    (
        "FOCUS 1.0",
        &[("ProviderName", "NULL"), ("PublisherName", "Nebius")],
        "nebius",
        "NVIDIA H100 80GB HBM3",
    ),
    (
        "FOCUS 1.1",
        &[
            ("ProviderName", "AWS"),
            ("PublisherName", "AWS"),
            ("CapacityReservationId", ""),
            ("CapacityReservationStatus", ""),
            ("CommitmentDiscountQuantity", ""),
            ("ServiceSubcategory", "Virtual Machines"),
            ("SkuMeter", ""),
            ("SkuPriceDetails", ""),
        ],
        "aws",
        "p5.48xlarge Linux/UNIX Instance-hour",
    ),
    (
        "FOCUS 1.2",
        &[
            ("ProviderName", "Google Cloud"),
            ("PublisherName", "Google Cloud"),
            ("SkuMeter", ""),
            ("InvoiceId", "INV-1"),
            ("PricingCurrency", "USD"),
            ("SubAccountType", "Project"),
        ],
        "gcp",
        "Nvidia H100 80GB GPU attached to VMs running in Americas",
    ),
    (
        "FOCUS 1.3",
        &[
            ("ServiceProviderName", "CoreWeave"),
            ("ProviderName", "AWS"),
            ("PublisherName", "AWS"),
            ("HostProviderName", "Equinix"),
            ("InvoiceId", "INV-1"),
            ("AllocatedMethodId", ""),
        ],
        "coreweave",
        "NVIDIA H100 80GB HBM3",
    ),
    // A column that is there and empty: the older ones tell.
    (
        "FOCUS 1.3",
        &[("ServiceProviderName", ""), ("ProviderName", "AWS"), ("HostProviderName", "AWS")],
        "aws",
        "p5.48xlarge Linux/UNIX Instance-hour",
    ),
    (
        "FOCUS 1.4",
        &[
            ("ServiceProviderName", "Microsoft"),
            ("HostProviderName", "Microsoft"),
            ("InvoiceId", ""),
            ("InvoiceDetailId", ""),
            ("CommitmentProgramEligibilityDetails", ""),
        ],
        "azure",
        "Virtual Machines NDsrH100v5 Series - ND96isr H100 v5 - US East",
    ),
];

/// The rows of a version: headers, and cells row by row.
fn table((_, more, _, gpu): Version) -> Table {
    let headers = ROWS[0].iter().chain(more).map(|it| it.0.to_owned()).collect();
    let cell = |it: &(&str, &str)| if *it == GPU { gpu.to_owned() } else { it.1.to_owned() };
    let cells =
        |row: &[(&str, &str); 17]| row.iter().chain(more).map(cell).collect::<Vec<String>>();
    (headers, ROWS.iter().map(cells).collect())
}

fn csv_of((headers, rows): &Table) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(headers).unwrap();
    for row in rows {
        writer.write_record(row).unwrap();
    }
    String::from_utf8(writer.into_inner().unwrap()).unwrap()
}

/// JSON objects with numbers as texts, empty cells as null, tags as an object.
fn objects((headers, rows): &Table) -> Vec<String> {
    let value = |header: &str, cell: &str| match (header, cell) {
        (_, "") => serde_json::Value::Null,
        ("Tags", text) => serde_json::from_str(text).unwrap(),
        (_, text) => text.into(),
    };
    rows.iter()
        .map(|row| {
            let pairs = headers.iter().zip(row);
            let object: serde_json::Map<String, serde_json::Value> =
                pairs.map(|(header, cell)| (header.clone(), value(header, cell))).collect();
            serde_json::Value::Object(object).to_string()
        })
        .collect()
}

/// The account of the three rows, whatever holds them.
fn check(path: PathBuf, (format, _, provider, _): Version) {
    let what = path.display().to_string();
    let found = read(&[path]).unwrap();
    holds(&found, &what);
    let it = &found.reconciliation;
    assert_eq!(found.files[0].format, format, "{what}");
    assert_eq!([it.rows_in, it.rows_kept, it.rows_rejected], [3, 3, 0], "{what}");
    assert_eq!(totals(it), "100.4732 100.4732 110.8932", "{what}");
    assert_eq!(parts(it), "110.08 0.00 -9.6068", "{what}");
    assert_eq!(text(it.line.totals.contracted), "100.4732", "{what}");
    assert_eq!(gpu_hours(&found), "16.000000", "{what}");
    let usage = &found.usage;
    assert_eq!((usage.len(), usage.workload.get(0)), (1, Some("chat")), "{what}");
    assert_eq!(
        (usage.owner.get(0), usage.provider.get(0)),
        (Some("search"), Some(provider)),
        "{what}"
    );
    assert_eq!(found.window.start().to_rfc3339(), "2026-06-10T08:00:00Z", "{what}");
    assert_eq!(found.window.end().to_rfc3339(), "2026-06-10T10:00:00Z", "{what}");
}

#[test]
fn every_version_is_told_by_its_columns_and_names_its_provider() {
    for version in VERSIONS {
        let bench = Bench::new();
        bench.write("focus.csv", csv_of(&table(version)));
        check(bench.path("focus.csv"), version);
    }
}

#[test]
fn texts_of_every_container_are_one_account() {
    let version = VERSIONS[6];
    let (bench, rows) = (Bench::new(), table(version));
    let csv = csv_of(&rows);
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gz.write_all(csv.as_bytes()).unwrap();
    bench.write("focus.csv.gz", gz.finish().unwrap());
    bench.write("focus.csv.zst", zstd::encode_all(csv.as_bytes(), 1).unwrap());
    bench.write("marked.csv", format!("\u{feff}{}", csv.replace('\n', "\r\n")));
    bench.write("semicolons.csv", csv_with_semicolons(&rows));
    bench.write("snake.csv", snake(&csv));
    bench.write("focus.jsonl", objects(&rows).join("\n"));
    bench.write("focus.json", format!("[\n{}\n]", objects(&rows).join(",\n")));
    for name in [
        "focus.csv.gz",
        "focus.csv.zst",
        "marked.csv",
        "semicolons.csv",
        "snake.csv",
        "focus.jsonl",
        "focus.json",
    ] {
        check(bench.path(name), version);
    }
}

fn csv_with_semicolons((headers, rows): &Table) -> Vec<u8> {
    let mut writer = csv::WriterBuilder::new().delimiter(b';').from_writer(Vec::new());
    writer.write_record(headers).unwrap();
    for row in rows {
        writer.write_record(row).unwrap();
    }
    writer.into_inner().unwrap()
}

/// Headers as databases spell them: `billed_cost`.
fn snake(csv: &str) -> String {
    let (header, rows) = csv.split_once('\n').unwrap();
    let mut text = String::new();
    for c in header.chars() {
        if c.is_ascii_uppercase() && !text.is_empty() && !text.ends_with(',') {
            text.push('_');
        }
        text.push(c.to_ascii_lowercase());
    }
    format!("{text}\n{rows}")
}

/// How a Parquet file holds an amount.
#[derive(Clone, Copy, Debug)]
enum Amounts {
    Text,
    Float,
    Decimal,
}

/// A Parquet file; its tags a map of texts as AWS writes it, which polars calls a list of pairs.
fn parquet((headers, rows): &Table, amounts: Amounts, tags_as_map: bool) -> Vec<u8> {
    let columns = headers.iter().enumerate().map(|(at, header)| {
        let cells: Vec<Option<&str>> =
            rows.iter().map(|row| Some(row[at].as_str()).filter(|it| !it.is_empty())).collect();
        let texts = Series::new(header.as_str().into(), &cells);
        let series = match (header.as_str(), amounts) {
            (name, Amounts::Float) if AMOUNTS.contains(&name) => {
                texts.cast(&DataType::Float64).unwrap()
            }
            (name, Amounts::Decimal) if AMOUNTS.contains(&name) => decimals(header, &cells),
            (name, Amounts::Decimal) if name.ends_with("Start") || name.ends_with("End") => {
                instants(header, &cells)
            }
            ("Tags", _) if tags_as_map => maps(&cells),
            _ => texts,
        };
        series.into_column()
    });
    let mut frame = DataFrame::new_infer_height(columns.collect()).unwrap();
    let mut bytes = Vec::new();
    ParquetWriter::new(&mut bytes).finish(&mut frame).unwrap();
    bytes
}

/// Decimals with eight places, as a warehouse exports them.
fn decimals(name: &str, cells: &[Option<&str>]) -> Series {
    let digits: Vec<Option<i128>> = cells
        .iter()
        .map(|cell| {
            let (whole, fraction) = cell.as_ref()?.split_once('.').unwrap_or(((*cell)?, ""));
            format!("{whole}{fraction:0<8}").parse().ok()
        })
        .collect();
    Int128Chunked::from_slice_options(name.into(), &digits)
        .into_decimal_unchecked(38, 8)
        .into_series()
}

fn instants(name: &str, cells: &[Option<&str>]) -> Series {
    let ms = |cell: Option<&str>| {
        chrono::DateTime::parse_from_rfc3339(cell?).ok().map(|it| it.timestamp_millis())
    };
    let values: Vec<Option<i64>> = cells.iter().copied().map(ms).collect();
    let kind = DataType::Datetime(TimeUnit::Milliseconds, None);
    Series::new(name.into(), values).cast(&kind).unwrap()
}

fn maps(cells: &[Option<&str>]) -> Series {
    let pairs = |cell: Option<&str>| {
        let object: serde_json::Map<String, serde_json::Value> =
            serde_json::from_str(cell.unwrap_or("{}")).unwrap();
        let keys: Vec<&str> = object.keys().map(String::as_str).collect();
        let values: Vec<&str> = object.values().filter_map(|it| it.as_str()).collect();
        let fields = [Series::new("key".into(), &keys), Series::new("value".into(), &values)];
        StructChunked::from_series("entry".into(), keys.len(), fields.iter()).unwrap().into_series()
    };
    let lists: Vec<Series> = cells.iter().copied().map(pairs).collect();
    Series::new("Tags".into(), lists)
}

#[test]
fn parquet_of_every_kind_is_the_same_account() {
    let version = VERSIONS[2];
    let (bench, rows) = (Bench::new(), table(version));
    for amounts in [Amounts::Text, Amounts::Float, Amounts::Decimal] {
        for tags_as_map in [false, true] {
            bench.write("focus.parquet", parquet(&rows, amounts, tags_as_map));
            check(bench.path("focus.parquet"), version);
            let found = read(&[bench.path("focus.parquet")]).unwrap();
            // Four amounts of three rows; the quantity is none.
            let floats = if matches!(amounts, Amounts::Float) { 12 } else { 0 };
            assert_eq!(found.reconciliation.amounts_from_floats, floats, "{amounts:?}");
        }
    }
}

#[test]
fn a_provider_whose_effective_costs_are_all_0_is_analysed_on_what_was_billed() {
    // As some exports of Oracle have it; 8 of a reservation of Amazon are 0 for another reason: what
    // is billed for them is 0 too.
    let bench = Bench::new();
    let header = "BilledCost,EffectiveCost,BillingCurrency,ChargeCategory,ChargePeriodStart,ChargePeriodEnd,PricingQuantity,PricingUnit,ChargeDescription,ResourceId,ServiceCategory,ProviderName\n";
    let row = |costs: &str, provider: &str, gpu: &str| {
        format!(
            "{costs},USD,Usage,2026-06-10T08:00:00Z,2026-06-10T09:00:00Z,8,GPU-Hours,{gpu},i-1,Compute,{provider}\n"
        )
    };
    let oracle = row("80,0", "Oracle", "OCI - Compute - GPU - H100");
    let amazon = row("0,0", "AWS", "p5.48xlarge");
    bench.write("focus.csv", format!("{header}{oracle}{amazon}"));
    let found = read(&[bench.path("focus.csv")]).unwrap();
    holds(&found, &"zero");
    assert_eq!(totals(&found.reconciliation), "80.00 0.00 -");
    let usage = &found.usage;
    let cost = |provider: &str| {
        let at = (0..usage.len()).find(|at| usage.provider.get(*at) == Some(provider)).unwrap();
        usage.effective_cost.get(at).unwrap() / 10_i128.pow(18)
    };
    assert_eq!((cost("oci"), cost("aws")), (80, 0));
    assert!(found.notices.iter().any(|it| it.starts_with("oci: ")), "{:?}", found.notices);
    assert!(!found.notices.iter().any(|it| it.starts_with("aws: ")), "{:?}", found.notices);
}

#[test]
fn what_a_commitment_covers_is_not_free_where_effective_costs_are_rounded() {
    let bench = Bench::new();
    let header = "BilledCost,EffectiveCost,BillingCurrency,ChargeCategory,ChargePeriodStart,ChargePeriodEnd,PricingQuantity,PricingUnit,ChargeDescription,ResourceId,ServiceCategory,ProviderName,CommitmentDiscountId,CommitmentDiscountStatus\n";
    let row = |costs: &str, gpu: &str, more: &str| {
        format!(
            "{costs},USD,Usage,2026-06-10T08:00:00Z,2026-06-10T09:00:00Z,1,Hours,{gpu},i-1,Compute,AWS,{more}\n"
        )
    };
    let rounded = row("1.624,2", "g5.4xlarge", ",");
    let covered = row("0,7", "g6e.12xlarge", "sp-1,Used");
    bench.write("focus.csv", format!("{header}{rounded}{covered}"));
    let found = read(&[bench.path("focus.csv")]).unwrap();
    let usage = &found.usage;
    let at = (0..usage.len()).find(|at| usage.gpu.get(*at) == Some("L40S")).unwrap();
    // 7 is rounded, and nearer than 0.
    assert_eq!(usage.effective_cost.get(at), Some(7 * 10_i128.pow(18)));
}

#[test]
fn what_is_sold_by_the_gpu_hour_has_gpus() {
    let bench = Bench::new();
    let file = bench.write(
        "vendor.csv",
        "BilledCost,EffectiveCost,BillingCurrency,ChargeCategory,ChargePeriodStart,ChargePeriodEnd,PricingQuantity,PricingUnit,ChargeDescription,ResourceId,ServiceCategory,ProviderName,ListCost,ContractedCost\n\
         8,8,USD,Usage,2026-06-10T08:00:00Z,2026-06-10T09:00:00Z,4,GPU-Hours,Cluster Pro,c-1,Compute,Vendor,8,8\n\
         2,2,USD,Usage,2026-06-10T08:00:00Z,2026-06-10T09:00:00Z,4,vCPU-Hours,Cluster Pro,c-2,Compute,Vendor,2,2\n",
    );
    let ran = bench.run(&["ingest", &file, "--format", "json"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let told: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    let part = |name: &str| {
        let parts = told["reconciliation"]["parts"].as_array().unwrap();
        let found = parts.iter().find(|it| it["part"] == name).unwrap();
        (found["rows"].as_u64().unwrap(), found["billed"].as_str().unwrap().to_owned())
    };
    assert_eq!(part("unassigned"), (1, "8.00".to_owned()));
    assert_eq!(part("other_cloud"), (1, "2.00".to_owned()));
}
