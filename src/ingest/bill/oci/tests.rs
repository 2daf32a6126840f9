//! Small Oracle cost reports, worked by hand.

use super::super::charge::PartKind;
use super::super::columns::fixtures::{
    ReadRow, bind, costs, csv_table, part, read_all, read_rows, sum,
};
use super::*;
use crate::units::{Timestamp, atto_from_text};

const HEADERS: &str = "lineItem/referenceNo,lineItem/tenantId,lineItem/intervalUsageStart,\
    lineItem/intervalUsageEnd,product/service,product/compartmentId,product/compartmentName,\
    product/region,product/resourceId,usage/billedQuantity,usage/billedQuantityOverage,\
    cost/subscriptionId,cost/productSku,product/Description,cost/unitPrice,cost/unitPriceOverage,\
    cost/myCost,cost/myCostOverage,cost/currencyCode,cost/skuUnitDescription,cost/overageFlag,\
    lineItem/isCorrection,lineItem/backreferenceNo,tags/Finance.team,tags/Oracle-Tags.CreatedBy\n";

/// A row: quantity, description, cost, overage, unit, correction.
fn row([quantity, description, cost, overage, unit, correction]: [&str; 6]) -> String {
    format!(
        "ref,tenant,2026-06-15T08:00Z,2026-06-15T09:00Z,COMPUTE,ocid1.c,ml,us-ashburn-1,ocid1.instance.1,\
         {quantity},,77,B95909,{description},10,,{cost},{overage},USD,{unit},N,{correction},,llm,\
         oracleidentitycloudservice/someone@example.com\n"
    )
}

fn report(rows: &[[&str; 6]]) -> RawTable {
    csv_table(&(HEADERS.to_owned() + &rows.iter().map(|it| row(*it)).collect::<String>()))
}

fn billed(rows: &[ReadRow]) -> i128 {
    sum(rows, |it| it.billed)
}

/// 8 GPUs x 10 = 80, of which 30 are overage and counted already; memory 1.28; a correction of -20:
/// 80 + 1.28 - 20 = 61.28.
#[test]
fn overage_is_in_the_cost_and_corrections_are_added() {
    let gpu = "Oracle Cloud Infrastructure - Compute - GPU - H100";
    let table = report(&[
        ["8", gpu, "80", "30", "GPU Per Hour", ""],
        ["2048", "Compute - Standard - E5 - Memory", "1.28", "", "Gigabyte Per Hour", "false"],
        ["-2", gpu, "-20", "", "GPU Per Hour", "true"],
    ]);
    let found = read_all(&FORMAT, &table);
    assert_eq!(billed(&found), atto_from_text("61.28").unwrap());
    assert_eq!(part(&found[0], PartKind::Main).costs, costs(["80", "80", "-", "80"]));
    let hours: Vec<_> = found.iter().map(|row| row.parts[0].quantity).collect();
    assert_eq!(hours, [Some(8.0), None, Some(-2.0)]);
    let line = |at: usize| &found[at].line;
    assert_eq!((line(0).correction, line(1).correction, line(2).correction), (false, false, true));
    assert_eq!(line(0).provider.as_deref(), Some("oci"));
    assert_eq!(line(0).sub_account.as_deref(), Some("ml"));
    assert_eq!(line(0).sku_texts, [gpu, "B95909"]);
    // Who created the machine is nobody's business here.
    let tags: Vec<_> = line(0).tags.clone().into_iter().collect();
    let pair = |key: &str| (key.to_owned(), "llm".to_owned());
    assert_eq!(tags, [pair("Finance.team"), pair("team")]);
    let start = Timestamp::parse("2026-06-15T08:00:00Z", chrono_tz::Tz::UTC).unwrap();
    assert_eq!(found[0].parts[0].period.start(), start);
    let used = bind(&FORMAT, &table).unwrap().columns_used();
    assert!(
        !used.iter().any(|it| it.contains("Oracle-Tags") || it.contains("Overage")),
        "{used:?}"
    );
}

#[test]
fn hours_of_gpus_are_told_from_hours_of_less() {
    for (description, units, expected) in [
        ("Compute - GPU - A10", ["GPU Per Hour", ""], QuantityUnit::GpuHours),
        ("Compute - Virtual Machine GPU Standard", ["", "ONE HOURS GPU"], QuantityUnit::GpuHours),
        ("Compute - Bare Metal GPU Standard", ["", "ONE HOURS"], QuantityUnit::GpuHours),
        ("Compute - GPU - Memory", ["Gigabyte Per Hour", ""], QuantityUnit::None),
        ("Compute - Standard - E4 - OCPU", ["OCPU Per Hour", ""], QuantityUnit::None),
        ("Compute - GPU - A10", ["", "ONE SECONDS GPU"], QuantityUnit::None),
        ("Block Volume", ["Gigabyte Storage Capacity Per Month", ""], QuantityUnit::None),
    ] {
        let found = unit_of(Some(description), units.map(Some));
        assert_eq!(found, expected, "{description}, {units:?}");
    }
}

#[test]
fn what_is_wrong_is_named() {
    for (cells, column, reason) in [
        (
            ["8", "GPU", "", "", "GPU Per Hour", ""],
            "cost/myCost",
            "the cost is empty; an unknown cost is not zero",
        ),
        (
            ["8", "GPU", "1.2.3", "", "GPU Per Hour", ""],
            "cost/myCost",
            "`1.2.3` is not a decimal amount",
        ),
        (
            ["8", "GPU", "1", "", "GPU Per Hour", "maybe"],
            "lineItem/isCorrection",
            "`maybe` is none of true and false",
        ),
        (
            ["many", "GPU", "1", "", "GPU Per Hour", ""],
            "usage/billedQuantity",
            "`many` is not a number",
        ),
    ] {
        let table = report(&[cells]);
        let found = read_rows(bind(&FORMAT, &table).unwrap().as_ref(), &table);
        assert_eq!(found[0].fault, Some((Some(column.to_owned()), reason.to_owned())));
    }
    let late = row(["8", "GPU", "5", "", "GPU Per Hour", ""]).replace("09:00Z", "08:00Z");
    let table = csv_table(&(HEADERS.to_owned() + &late));
    let found = read_rows(bind(&FORMAT, &table).unwrap().as_ref(), &table);
    let (column, reason) = found[0].fault.clone().unwrap();
    assert_eq!(column.as_deref(), Some("lineItem/intervalUsageEnd"));
    assert_eq!(reason, "the period ends at 2026-06-15T08:00:00Z, not after its start");
    assert_eq!(billed(&found), atto_from_text("5").unwrap());

    let cut = csv_table("lineItem/intervalUsageStart,cost/myCost\n2026-06-15T08:00Z,1\n");
    let error = bind(&FORMAT, &cut).err().unwrap().to_string();
    assert_eq!(error, "bill.csv: the column `lineItem/intervalUsageEnd` is missing");
}

#[test]
fn only_oracle_reports_fit() {
    let fits =
        |headers: &str| (FORMAT.fits)(&headers.split(',').map(str::to_owned).collect::<Vec<_>>());
    assert!(fits("lineItem/intervalUsageStart,cost/myCost"));
    assert!(!fits("lineItem/UsageStartDate,lineItem/UnblendedCost"));
    assert!(!fits("usage_start_time,cost,currency,sku.id"));
    assert!(!(FORMAT.wants)("tags/Oracle-Tags.CreatedBy"));
    assert!((FORMAT.wants)("tags/Finance.team"));
}
