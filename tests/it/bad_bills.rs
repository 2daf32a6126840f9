//! Bad bills from the command line: the run ends, or the row is listed, with file, row, column,
//! value and what to do; nothing is silently zero.

use std::io::Write;

use serde_json::Value;

use crate::support::{Bench, Ran, root};

const HEADERS: &str = "BilledCost,EffectiveCost,BillingCurrency,ChargeCategory,ChargePeriodStart,\
                       ChargePeriodEnd,PricingQuantity,PricingUnit,ChargeDescription,ResourceId,\
                       ServiceCategory,ProviderName,SubAccountId,CommitmentDiscountStatus";

/// An hour of 1 June 2026 for 1.5 dollars, with some of its cells replaced.
fn row(hour: u32, other: &[(&str, &str)]) -> String {
    let start = format!("2026-06-01T{hour:02}:00:00Z");
    let end = format!("2026-06-01T{hour:02}:59:59Z");
    let cells = [
        "1.5",
        "1.5",
        "USD",
        "Usage",
        &start,
        &end,
        "1",
        "Hours",
        "p5.48xlarge",
        "i-1",
        "Compute",
        "AWS",
        "77",
        "",
    ];
    let quoted = HEADERS.split(',').zip(cells).map(|(header, cell)| {
        let own = other.iter().find(|it| it.0 == header).map_or(cell, |it| it.1);
        format!("\"{own}\"")
    });
    quoted.collect::<Vec<_>>().join(",")
}

fn focus(rows: &[String]) -> String {
    format!("{HEADERS}\n{}\n", rows.join("\n"))
}

/// One good row and one with a cell of its own.
fn with(header: &str, cell: &str) -> String {
    focus(&[row(7, &[]), row(8, &[(header, cell)])])
}

/// Exit code 3, one error line with all of `says`, one hint with `remedy`.
fn ends(ran: &Ran, says: &[&str], remedy: &str) {
    let line = |kind: &str| {
        let mut lines = ran.stderr.lines().filter(|it| it.starts_with(kind));
        let first = lines.next().unwrap_or_default().to_owned();
        assert_eq!(lines.next(), None, "{}", ran.stderr);
        first
    };
    let (error, hint) = (line("error: "), line("hint: "));
    assert_eq!(ran.code, 3, "{}", ran.stderr);
    for it in says {
        assert!(error.contains(it), "`{it}` is not in {error}");
    }
    assert!(hint.contains(remedy), "`{remedy}` is not in {hint}");
    assert!(ran.stdout.is_empty(), "{}", ran.stdout);
}

fn check(name: &str, bytes: impl AsRef<[u8]>, says: &[&str], remedy: &str) {
    let bench = Bench::new();
    let file = bench.write(name, bytes);
    ends(&bench.run(&["ingest", &file]), &[&[name], says].concat(), remedy);
}

/// The billed total and the rejections of a file of two rows, half of which may be refused.
fn told(text: &str) -> (String, Vec<[String; 3]>) {
    let bench = Bench::new();
    let file = bench.write("bill.csv", text);
    let ran = bench.run(&["ingest", &file, "--max-rejected", "50", "--format", "json"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let found: Value = serde_json::from_str(&ran.stdout).unwrap();
    let account = &found["reconciliation"];
    assert_eq!(account["difference"], "0.00");
    let text = |it: &Value| it.as_str().map_or_else(|| it.to_string(), str::to_owned);
    let rejected = account["rejected"].as_array().unwrap().iter();
    let rejected = rejected.map(|it| [text(&it["row"]), text(&it["column"]), text(&it["reason"])]);
    (text(&account["billed_total"]), rejected.collect())
}

/// The second row is refused for a cell, in words that show it; `total` is what is left.
fn refused(header: &str, cell: &str, says: &str, total: &str) {
    let (billed, rejected) = told(&with(header, cell));
    assert_eq!(billed, total, "{cell}");
    let [[row, column, reason]] = rejected.as_slice() else { panic!("{cell}: {rejected:?}") };
    assert_eq!((row.as_str(), column.as_str()), ("2", header), "{cell}: {reason}");
    assert!(reason.contains(says), "`{says}` is not in {reason}");
    // Without the wish for more the run ends, and says the same.
    check(
        "bill.csv",
        with(header, cell),
        &["row 2", header, says, "1 of 2 rows"],
        "--max-rejected",
    );
}

#[test]
fn columns_of_two_formats_or_too_few_end_the_run() {
    let both = format!(
        "{HEADERS},lineItem/UnblendedCost,lineItem/LineItemType\n{},1.5,Usage\n",
        row(7, &[])
    );
    check("both.csv", both, &["FOCUS", "AWS CUR"], "a file of its own");
    for (header, renamed) in [
        ("BilledCost", "Billed"),
        ("EffectiveCost", "EffectivCost"),
        ("BillingCurrency", "Curency"),
        ("ChargeCategory", "Category"),
        ("ChargePeriodEnd", "ChargePeriodStop"),
    ] {
        let text = focus(&[row(7, &[])]).replacen(header, renamed, 1);
        check("bill.csv", text, &[&format!("`{header}` is missing")], "export it again");
    }
    let text = focus(&[row(7, &[])]).replacen("EffectiveCost", "billed_cost", 1);
    check("bill.csv", text, &["BilledCost", "billed_cost"], "rename or drop");
}

#[test]
fn a_column_that_changes_half_way_ends_the_run() {
    let rows =
        |hour: u32| if hour < 6 { row(hour, &[]) } else { row(hour, &[("BilledCost", "due")]) };
    let text = focus(&(0..12).map(rows).collect::<Vec<_>>());
    check("bill.csv", text, &["6 of 12 rows", "row 7", "`BilledCost`", "`due`"], "--max-rejected");
    // A row that is short, and a file that ends inside a row.
    let text = format!("{}1.5,1.5,USD\n", focus(&[row(7, &[])]));
    check("bill.csv", &text, &["row 2", "3 fields, but the header has 14"], "--max-rejected");
    check("bill.csv", &text[..text.len() - 60], &["row 1, the last", "fields"], "cut short");
}

#[test]
fn amounts_are_decimal_numbers_or_refused() {
    for (cell, says) in [
        ("1,234.56", "`1,234.56` is not a decimal amount"),
        ("(12.00)", "`(12.00)` is not a decimal amount"),
        ("+5", "`+5` is not a decimal amount"),
        ("1E+7", "`1E+7` is not a decimal amount"),
        ("$5", "`$5` is not a decimal amount"),
        ("5 USD", "`5 USD` is not a decimal amount"),
        ("NaN", "`NaN` is not a decimal amount"),
        ("0x10", "`0x10` is not a decimal amount"),
        ("0.1234567890123456789", "`0.1234567890123456789` has more than 18 decimals"),
        ("1e400", "`1e400` is too large"),
        ("", "the cost is empty"),
    ] {
        refused("BilledCost", cell, says, "1.50");
    }
    for (cell, total) in [
        ("1e-7", "1.5000001"),
        ("35.2E-7", "1.50000352"),
        ("-0", "1.50"),
        ("0.123456789012345678", "1.623456789012345678"),
        (" 2 ", "3.50"),
    ] {
        assert_eq!(told(&with("BilledCost", cell)), (total.to_owned(), Vec::new()), "{cell}");
    }
}

#[test]
fn words_and_periods_are_those_of_the_format_or_refused() {
    // The amount of a refused row could be read, and is in the total and under `rejected`.
    refused("ChargeCategory", "Usagee", "`Usagee` is none of Usage", "3.00");
    refused("CommitmentDiscountStatus", "Partly", "`Partly` is none of Used, Unused", "3.00");
    refused("ChargePeriodEnd", "2026-06-01T08:00:00Z", "2026-06-01T08:00:00Z", "3.00");
    refused("ChargePeriodEnd", "2027-10-14T08:00:00Z", "2027-10-14T08:00:00Z is longer", "3.00");
    refused("ChargePeriodStart", "June 1st", "`June 1st` is not a timestamp", "3.00");
    // In no currency it is no amount.
    refused("BillingCurrency", "EURO", "`EURO` is not a three-letter", "1.50");
    refused("BillingCurrency", "NULL", "the billing currency is missing", "1.50");
    // A year paid at once.
    let year = told(&with("ChargePeriodEnd", "2027-06-01T08:00:00Z"));
    assert_eq!(year, ("3.00".to_owned(), Vec::new()));
}

#[test]
fn two_currencies_need_a_rate() {
    let bench = Bench::new();
    let file = bench.write("bill.csv", with("BillingCurrency", "EUR"));
    let ran = bench.run(&["ingest", &file]);
    ends(&ran, &["bill.csv: row 2: ", "USD", "EUR", "no rate"], "[fx]");
    // 1.5 + 1.5 x 1.08 = 3.12.
    let config = bench.write("own.toml", "[fx]\nEUR = \"1.08\"\n");
    let ran = bench.run(&["ingest", &file, "--config", &config, "--format", "json"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let found: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(found["reconciliation"]["billed_total"], "3.12");
}

#[test]
fn the_limit_of_rejected_rows_has_two_sides() {
    let bench = Bench::new();
    let file = |bad: u32| {
        let of = |at: u32| {
            let other: &[(&str, &str)] = if at < bad { &[("BilledCost", "x")] } else { &[] };
            row(at % 24, other)
        };
        bench.write("bill.csv", focus(&(0..100).map(of).collect::<Vec<_>>()))
    };
    for (bad, limit, code) in
        [(1, None, 0), (2, None, 3), (2, Some("2"), 0), (2, Some("1.99"), 3), (1, Some("0"), 3)]
    {
        let path = file(bad);
        let mut words = vec!["ingest", path.as_str()];
        words.extend(limit.iter().flat_map(|it| ["--max-rejected", it]));
        let ran = bench.run(&words);
        assert_eq!(ran.code, code, "{bad} {limit:?}: {}", ran.stderr);
        assert!(ran.stderr.contains("row 1: `BilledCost`: `x`"), "{}", ran.stderr);
    }
}

#[test]
fn one_bad_file_among_thirty_is_named() {
    let bench = Bench::new();
    for at in 0..30 {
        let own = format!("i-{at}");
        bench.write(&format!("bills/{at:02}.csv"), focus(&[row(at % 24, &[("ResourceId", &own)])]));
    }
    let folder = bench.path("bills").display().to_string();
    let ran = bench.run(&["ingest", &folder, "--format", "json"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    // 30 x 1.5.
    assert!(ran.stdout.contains("\"billed_total\": \"45.00\""), "{}", ran.stdout);
    for (text, says) in [
        (String::new(), "the file is empty"),
        ("these,are,not\n1,2,3\n".to_owned(), "no known format has these columns: these, are, not"),
        (focus(&[row(7, &[("BilledCost", "x")])]), "17.csv: row 1: `BilledCost`: `x`"),
    ] {
        bench.write("bills/17.csv", text);
        ends(&bench.run(&["ingest", &folder]), &["17.csv", says], "");
    }
}

#[test]
fn files_cut_short_end_the_run() {
    let text = focus(&(0..4000).map(|at| row(at % 24, &[])).collect::<Vec<_>>());
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gz.write_all(text.as_bytes()).unwrap();
    let gz = gz.finish().unwrap();
    for length in [30, gz.len() / 2, gz.len() - 9, gz.len() - 4] {
        check("bill.csv.gz", &gz[..length], &["cannot be "], "cut short");
    }
    let parquet = std::fs::read(root().join("samples/usage.parquet")).unwrap();
    check("bill.parquet", &parquet[..parquet.len() / 2], &[], "cut short");
    let json =
        format!("[{{\"BilledCost\":\"1\",\"EffectiveCost\":\"1\"}},\n{{\"BilledCost\":{}", "1");
    check("bill.json", json, &["line 2"], "cut short");
    let list =
        r#"{"apiVersion":"v1","kind":"List","items":[{"apiVersion":"v1","kind":"Node","meta"#;
    check("cluster.json", list, &["ends in the middle"], "export it again");
    let list = "{\n\"apiVersion\":\"v1\",\"kind\":\"List\",\"items\":[\n]}";
    check("cluster.json", list, &["no items"], "-A");
}

#[test]
fn totals_that_a_bill_states_of_itself_are_checked() {
    let bill = |gpu: &str, total: &str, count: u32| {
        format!(
            r#"{{"records":[{{"podId":"p1","startTime":"2026-06-10T00:00:00Z","endTime":"2026-06-11T00:00:00Z","totalAmount":7.25,"gpuAmount":7.0,"cpuAmount":0,"diskAmount":0.25}}],"metadata":{{"recordCount":{count},"totals":{{"totalAmount":{total},"gpuAmount":{gpu},"cpuAmount":0,"diskAmount":0.25}}}}}}"#
        )
    };
    let remedy = "the whole answer";
    check("pods.json", bill("7.0", "17.25", 1), &["totalAmount is 17.25", "7.25", "10.00"], remedy);
    check("pods.json", bill("7.5", "7.25", 1), &["gpuAmount is 7.50", "7.00"], remedy);
    check("pods.json", bill("7.0", "7.25", 2), &["recordCount is 2", "1 records"], remedy);
}

#[test]
fn one_bill_in_two_formats_is_refused() {
    let bench = Bench::new();
    let cur = |account: &str| {
        bench.write(
            "cur.csv",
            format!(
                "lineItem/LineItemType,lineItem/UsageStartDate,lineItem/UsageEndDate,lineItem/ProductCode,lineItem/UsageType,lineItem/ResourceId,lineItem/UsageAmount,lineItem/CurrencyCode,lineItem/UnblendedCost,pricing/unit,product/instanceType,lineItem/UsageAccountId\nUsage,2026-06-01T07:00:00Z,2026-06-01T08:00:00Z,AmazonEC2,BoxUsage:p5.48xlarge,i-1,1,USD,1.5,Hrs,p5.48xlarge,{account}\n"
            ),
        )
    };
    let focus = bench.write("focus.csv", focus(&[row(7, &[])]));
    let same = cur("77");
    for files in [[&focus, &same], [&same, &focus]] {
        let ran = bench.run(&["ingest", files[0], files[1]]);
        ends(&ran, &["focus.csv (FOCUS 1.0)", "cur.csv (AWS CUR", "same money"], "one of the two");
    }
    // Another account is another bill.
    let other = cur("78");
    assert_eq!(bench.run(&["ingest", &focus, &other]).code, 0);
}

#[test]
fn one_bill_under_two_names_is_refused() {
    let bench = Bench::new();
    let text = focus(&[row(7, &[]), row(8, &[])]);
    let first = bench.write("bill.csv", &text);
    let copy = bench.write("bill (1).csv", &text);
    ends(&bench.run(&["ingest", &first, &copy]), &["bill.csv", "bill (1).csv"], "one of the two");
}

#[test]
fn one_bill_in_two_containers_is_refused() {
    let bench = Bench::new();
    let text = focus(&[row(7, &[]), row(8, &[])]);
    let first = bench.write("bill.csv", &text);
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gz.write_all(text.as_bytes()).unwrap();
    let packed = bench.write("bill.csv.gz", gz.finish().unwrap());
    ends(&bench.run(&["ingest", &first, &packed]), &["bill.csv", "bill.csv.gz"], "one of the two");
}

#[test]
fn an_error_of_prometheus_is_told() {
    let error = r#"{"status":"error","errorType":"bad_data","error":"exceeded maximum resolution of 11,000 points per timeseries"}"#;
    check("gpus.json", error, &["bad_data", "exceeded maximum resolution"], "");
    let answer = r#"{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"__name__":"DCGM_FI_DEV_GPU_UTIL","UUID":"GPU-1"},"values":[[1781078400,"5"],[17810"#;
    check("gpus.json", answer, &["ends too early"], "cut off");
}

#[test]
fn a_usage_table_made_of_a_bill_is_refused_beside_it() {
    let bench = Bench::new();
    let bill = bench.write("bill.csv", focus(&[row(7, &[]), row(8, &[])]));
    let table = bench.path("usage.parquet").display().to_string();
    assert_eq!(bench.run(&["ingest", &bill, "--output", &table]).code, 0);
    for files in [[&bill, &table], [&table, &bill]] {
        let ran = bench.run(&["ingest", files[0], files[1]]);
        ends(&ran, &["bill.csv", "usage.parquet", "same money", "every charge"], "one of the two");
    }
}

#[test]
fn bills_that_overlap_are_told_and_copies_refused() {
    let bench = Bench::new();
    let hours =
        |hours: std::ops::Range<u32>| focus(&hours.map(|it| row(it, &[])).collect::<Vec<_>>());
    let first = bench.write("first.csv", hours(0..10));
    let little = bench.write("little.csv", hours(9..20));
    let much = bench.write("much.csv", hours(5..20));
    let ran = bench.run(&["ingest", &first, &little]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stdout.contains("1 are in both"), "{}", ran.stdout);
    let ran = bench.run(&["ingest", &first, &much]);
    ends(
        &ran,
        &["first.csv", "much.csv", "of 10 charges compared 5 are in both"],
        "one of the two",
    );
}
