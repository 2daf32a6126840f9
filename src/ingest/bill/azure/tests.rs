//! Small Azure exports, worked by hand.

use super::super::charge::{ChargeCategory, Costs, PartKind, QuantityUnit, Use};
use super::super::columns::fixtures::{
    ReadRow, bind, costs, csv_table, part, read_all, read_rows, sum,
};
use super::*;
use crate::units::{Period, Timestamp, atto_from_text};
use crate::usage::PricingCategory;

/// Enterprise headers, with the byte order mark that exports begin with.
const ENTERPRISE: &str = "\u{feff}InvoiceSectionName,SubscriptionId,ResourceLocation,Date,ProductName,\
    MeterCategory,MeterSubCategory,MeterId,MeterName,UnitOfMeasure,Quantity,CostInBillingCurrency,\
    ConsumedService,ResourceId,Tags,AdditionalInfo,ReservationId,UnitPrice,ChargeType,PricingModel,\
    BillingCurrencyCode,BillingPeriodStartDate,BillingPeriodEndDate,PayGPrice,ProductOrderName,benefitId\n";
const PERIOD: &str = "06/01/2026,06/30/2026";
const ND: &str = "Virtual Machines,NDsr H100 v5 Series,id,ND96isr H100 v5,1 Hour";
const SIZE: &str =
    r#""{""ServiceType"":""Standard_ND96isr_H100_v5"",""UsageType"":""ComputeHR""}""#;
const ORDER: &str = "/providers/Microsoft.Capacity/reservationOrders/AA-1/reservations/";

fn day(text: &str) -> Period {
    let start = Timestamp::parse(text, chrono_tz::Tz::UTC).unwrap();
    Period::new(start, start.plus_us(86_400_000_000)).unwrap()
}

fn check(row: &ReadRow, kind: PartKind, expected: [&str; 4]) {
    assert_eq!(row.parts.len(), 1, "{:?}", row.parts);
    assert_eq!(part(row, kind).costs, costs(expected));
}

fn billed(rows: &[ReadRow]) -> i128 {
    sum(rows, |it: &Costs| it.billed)
}

fn effective(rows: &[ReadRow]) -> i128 {
    sum(rows, |it: &Costs| it.effective)
}

fn atto(text: &str) -> i128 {
    atto_from_text(text).unwrap()
}

/// Six rows of June 2026. On demand 2 h x 50 = 100, public 2 x 52.5 = 105; spot 4 h x 20 = 80, public
/// 4 x 52.5 = 210; covered 24 h at 0, public 24 x 52.5 = 1260, negotiated 24 x 50 = 1200; a year
/// bought for 250000 and 5000 of it given back; rounding 0.02. Billed 100 + 80 + 250000 - 5000 + 0.02 =
/// 245180.02; effective, as far as the file tells it, 180.02.
fn actual() -> String {
    let mut text = ENTERPRISE.to_owned();
    for row in [
        format!(
            "ml,s1,EastUS,06/15/2026,VM,{ND},2,100,Microsoft.Compute,/s/vm/a,\"\"\"team\"\": \"\"llm\"\"\",{SIZE},,50,Usage,OnDemand,USD,{PERIOD},52.5,,"
        ),
        format!(
            "ml,s1,US East 2,06/15/2026,VM,{ND} ,4,80,Microsoft.Compute,/s/vm/b,,,,20,Usage,Spot,USD,{PERIOD},52.5,,"
        ),
        format!(
            "ml,s1,EastUS,06/15/2026,VM,{ND},24,0,Microsoft.Compute,/s/vm/c,,,r-9,50,Usage,Reservation,USD,{PERIOD},52.5,,{ORDER}r-9"
        ),
        format!(
            "ml,s1,,06/02/2026,Reserved,Virtual Machines,,id,,1 Hour,1,250000,Microsoft.Capacity,,,,AA-1,250000,Purchase,Reservation,USD,{PERIOD},0,\"Reserved VM Instance, Standard_ND96isr_H100_v5, US East, 1 Year\",{ORDER}"
        ),
        format!(
            "ml,s1,,06/20/2026,Reserved,Virtual Machines,,id,,1 Hour,-1,-5000,Microsoft.Capacity,,,,AA-1,5000,Refund,Reservation,USD,{PERIOD},0,,{ORDER}"
        ),
        format!(
            "ml,s1,,06/30/2026,Rounding,Unassigned,,id,,1,1,0.02,,,,,,0.02,RoundingAdjustment,OnDemand,USD,{PERIOD},0,,"
        ),
    ] {
        text.push_str(&row);
        text.push('\n');
    }
    text
}

#[test]
fn an_actual_export_bills_purchases_and_knows_no_share() {
    let table = csv_table(&actual());
    let bound = bind(&FORMAT, &table).unwrap();
    assert_eq!(bound.format(), "Azure cost details (actual)");
    assert!(!bound.columns_used().contains(&"InvoiceSectionName".to_owned()));
    let rows = read_all(&FORMAT, &table);
    check(&rows[0], PartKind::Main, ["100", "100", "105", "100"]);
    check(&rows[1], PartKind::Main, ["80", "80", "210", "80"]);
    check(&rows[2], PartKind::Main, ["0", "-", "1260", "1200"]);
    check(&rows[3], PartKind::PurchaseForLater, ["250000", "0", "-", "-"]);
    check(&rows[4], PartKind::PurchaseForLater, ["-5000", "0", "-", "-"]);
    check(&rows[5], PartKind::Main, ["0.02", "0.02", "0.02", "0.02"]);
    assert_eq!((billed(&rows), effective(&rows)), (atto("245180.02"), atto("180.02")));

    let first = rows[0].parts[0];
    assert_eq!(first.period, day("2026-06-15"));
    assert_eq!(first.billing_start, Some(day("2026-06-01").start()));
    assert_eq!(first.quantity, Some(2.0));
    assert_eq!(rows[3].parts[0].quantity, None);
    let line = &rows[0].line;
    assert_eq!(line.provider.as_deref(), Some("azure"));
    assert_eq!(line.currency.map(|it| it.to_string()).as_deref(), Some("USD"));
    assert_eq!(line.instance_type.as_deref(), Some("Standard_ND96isr_H100_v5"));
    assert_eq!(line.tags.get("team").map(String::as_str), Some("llm"));
    assert_eq!(line.unit, QuantityUnit::Hours(1.0));
    assert_eq!(line.sku_texts[0], "ND96isr H100 v5");
    assert_eq!(line.resource_name.as_deref(), Some("a"));
    let lines: Vec<_> = rows.iter().map(|row| &row.line).collect();
    assert_eq!(lines[1].pricing, PricingCategory::Dynamic);
    assert_eq!(lines[1].region.as_deref(), Some("eastus2"));
    assert_eq!(lines[2].commitment_use, Some(Use::Used));
    // Purchase, refund and usage are joined by the order; only the usage knows the reservation.
    for line in &lines[2..5] {
        assert_eq!(line.commitment.as_deref(), Some("aa-1"));
    }
    let categories = lines.iter().map(|line| line.category.unwrap());
    let expected = [
        ChargeCategory::Usage,
        ChargeCategory::Usage,
        ChargeCategory::Usage,
        ChargeCategory::Purchase,
        ChargeCategory::Purchase,
        ChargeCategory::Adjustment,
    ];
    assert!(categories.eq(expected));
}

/// The same machine amortized: covered 24 h cost 24 x 28.5 = 684, 6 h of another cost nothing (a row
/// of a stopped machine), 3 unused hours cost 85.5; a savings plan covers 12 h for 300 and leaves
/// 11.25. Billed 0; effective 684 + 0 + 85.5 + 300 + 11.25 = 1080.75.
#[test]
fn an_amortized_export_bills_nothing_twice() {
    let mut text = ENTERPRISE.to_owned();
    let plan = "/providers/Microsoft.BillingBenefits/savingsPlanOrders/bb-2/savingsPlans/x";
    for row in [
        format!(
            "ml,s1,EastUS,06/15/2026,VM,{ND},24,684,Microsoft.Compute,/s/vm/c,,,r-9,50,Usage,Reservation,USD,{PERIOD},52.5,,{ORDER}r-9"
        ),
        format!(
            "ml,s1,EastUS,06/15/2026,VM,{ND},0,0,Microsoft.Compute,/s/vm/d,,,r-9,50,Usage,Reservation,USD,{PERIOD},52.5,,{ORDER}r-9"
        ),
        format!(
            "ml,s1,EastUS,06/15/2026,VM,{ND},3,85.5,Microsoft.Compute,,,,r-9,50,UnusedReservation,Reservation,USD,{PERIOD},52.5,,{ORDER}r-9"
        ),
        format!(
            "ml,s1,EastUS,06/15/2026,VM,{ND},12,300,Microsoft.Compute,/s/vm/e,,,,30,Usage,SavingsPlan,USD,{PERIOD},52.5,,{plan}"
        ),
        format!(
            "ml,s1,EastUS,06/15/2026,VM,{ND},0,11.25,Microsoft.Compute,,,,,0,UnusedSavingsPlan,SavingsPlan,USD,{PERIOD},0,,{plan}"
        ),
    ] {
        text.push_str(&row);
        text.push('\n');
    }
    let table = csv_table(&text);
    assert_eq!(bind(&FORMAT, &table).unwrap().format(), "Azure cost details (amortized)");
    let rows = read_all(&FORMAT, &table);
    check(&rows[0], PartKind::Main, ["0", "684", "1260", "1200"]);
    check(&rows[1], PartKind::Main, ["0", "0", "-", "-"]);
    check(&rows[2], PartKind::Main, ["0", "85.5", "-", "-"]);
    check(&rows[3], PartKind::Main, ["0", "300", "630", "360"]);
    check(&rows[4], PartKind::Main, ["0", "11.25", "-", "-"]);
    assert_eq!((billed(&rows), effective(&rows)), (0, atto("1080.75")));
    let uses = rows.iter().map(|row| row.line.commitment_use.unwrap());
    assert!(uses.eq([Use::Used, Use::Used, Use::Unused, Use::Used, Use::Unused]));
    assert_eq!(rows[2].parts[0].quantity, Some(3.0));
    let plan = &rows[4].line;
    assert_eq!(plan.commitment.as_deref(), Some("bb-2"));
    // Amortized rows and purchases in one file, as Microsoft builds FOCUS: both are said.
    let both = text + actual().lines().nth(4).unwrap() + "\n";
    let said = bind(&FORMAT, &csv_table(&both)).unwrap().format();
    assert_eq!(said, "Azure cost details (amortized, with purchases)");
}

#[test]
fn every_header_variant_is_read() {
    // 3 h x 1.5 = 4.5 each time; of the quantity and the public price only where they are told.
    for (text, currency, list, unit, region) in [
        (
            "SubscriptionGuid,ResourceGroup,ResourceLocation,UsageDateTime,MeterCategory,MeterId,\
             MeterName,UsageQuantity,ResourceRate,PreTaxCost,InstanceId,Tags,AdditionalInfo,Currency,\
             UnitOfMeasure\ns1,rg,US South Central,2026-06-15,Virtual Machines,id,NC,3,1.5,4.5,/s/vm/a,\
             ,,EUR,100 Hours\n",
            "EUR",
            "-",
            QuantityUnit::Hours(1.0),
            "southcentralus",
        ),
        (
            "Abonnement-GUID (SubscriptionGuid),Ressourcenstandort (ResourceLocation),UsageDateTime \
             (UsageDateTime),Kategorie der Verbrauchseinheit (MeterCategory),ID der Verbrauchseinheit \
             (MeterId),UsageQuantity (UsageQuantity),PreTaxCost (PreTaxCost),InstanceId (InstanceId),\
             Currency,Maßeinheit (UnitOfMeasure)\ns1,westeurope,15.06.2026,Virtual Machines,id,3,4.5,\
             /s/vm/a,EUR,1 Hour\n",
            "EUR",
            "-",
            QuantityUnit::Hours(1.0),
            "westeurope",
        ),
        (
            "date,serviceFamily,meterId,meterName,meterCategory,ProductName,SubscriptionId,ResourceId,\
             resourceLocation,effectivePrice,quantity,unitOfMeasure,chargeType,billingCurrency,\
             pricingCurrency,costInPricingCurrency,costInBillingCurrency,costInUsd,additionalInfo,tags,\
             PayGPrice,frequency,pricingModel\n06/15/2026,Compute,id,NC,Virtual Machines,NC,s1,/s/vm/a,\
             UKSOUTH,1.5,3,1 Hour,Usage,GBP,USD,6,4.5,6,,,2,UsageBased,OnDemand\n",
            "GBP",
            "-",
            QuantityUnit::Hours(1.0),
            "uksouth",
        ),
        (
            "Date,Product,MeterId,MeterCategory,MeterName,Quantity,Cost,UnitPrice,BillingCurrency,\
             ResourceLocation,ResourceId,UnitOfMeasure,ChargeType,PayGPrice,PricingModel\n06/15/2026,NC,\
             id,Virtual Machines,NC,3,4.5,1.5,USD,CentralUS,/s/vm/a,10 Hours,Usage,2,OnDemand\n",
            "USD",
            "6",
            QuantityUnit::None,
            "centralus",
        ),
        (
            "date,meterId,meterCategory,quantity,costInBillingCurrency,paygCostInBillingCurrency,\
             billingCurrency,pricingCurrency,resourceLocation,unitOfMeasure,PayGPrice\n2026-06-15T00:00:00,\
             id,Virtual Machines,3,4.5,5.25,GBP,USD,UKSOUTH,1 Hour,2\n",
            "GBP",
            "5.25",
            QuantityUnit::Hours(1.0),
            "uksouth",
        ),
    ] {
        let rows = read_all(&FORMAT, &csv_table(text));
        let costs = rows[0].parts[0].costs;
        assert_eq!(
            (costs.billed, costs.effective),
            (Some(atto("4.5")), Some(atto("4.5"))),
            "{text}"
        );
        assert_eq!(costs.list, (list != "-").then(|| atto(list)), "{text}");
        assert_eq!(rows[0].parts[0].period, day("2026-06-15"), "{text}");
        let line = &rows[0].line;
        assert_eq!(line.currency.map(|it| it.to_string()).as_deref(), Some(currency));
        assert_eq!((line.unit, line.region.as_deref()), (unit, Some(region)), "{text}");
    }
}

/// A file of dates alone, with the period of the bill where `start` is not empty.
fn dated(rows: &[(&str, &str)]) -> RawTable {
    let mut text =
        "Date,MeterId,MeterCategory,Cost,BillingPeriodStartDate,BillingCurrency\n".to_owned();
    for (date, start) in rows {
        let row = format!("{date},id,Storage,1,{start},USD\n");
        text.push_str(&row);
    }
    csv_table(&text)
}

#[test]
fn the_values_of_the_file_tell_day_from_month() {
    for (rows, expected) in [
        // 14 can only be a day.
        ([("05/14/2026", ""), ("05/04/2026", "")], "2026-05-04"),
        ([("14/05/2026", ""), ("05/04/2026", "")], "2026-04-05"),
        // A billing period starts on the first.
        ([("05/04/2026", "5/1/2026"), ("05/04/2026", "5/1/2026")], "2026-05-04"),
        ([("04/05/2026", "01/05/2026"), ("04/05/2026", "01/05/2026")], "2026-05-04"),
        ([("2026-05-04", ""), ("2026-05-04", "")], "2026-05-04"),
        // 5 May either way.
        ([("05/05/2026", ""), ("05/05/2026", "")], "2026-05-05"),
        ([("5/4/2026 0:00", "5/1/2026"), ("5/4/2026", "5/1/2026")], "2026-05-04"),
    ] {
        let read = read_all(&FORMAT, &dated(&rows));
        assert_eq!(read[1].parts[0].period, day(expected), "{rows:?}");
    }
    for (rows, reason) in [
        (
            [("05/04/2026", ""), ("06/07/2026", "")],
            "bill.csv: nothing tells whether `05/04/2026` has its month or its day first",
        ),
        (
            [("05/14/2026", ""), ("14/05/2026", "")],
            "bill.csv: `05/14/2026` has its month first and `14/05/2026` its day: the file mixes both",
        ),
        // January, or the first of any month: no evidence.
        (
            [("01/04/2026", "01/01/2026"), ("01/05/2026", "01/01/2026")],
            "bill.csv: nothing tells whether `01/04/2026` has its month or its day first",
        ),
    ] {
        let error = bind(&FORMAT, &dated(&rows)).err().unwrap();
        assert_eq!(error.to_string(), reason);
        assert!(error.hint().contains("2026-05-04"), "{}", error.hint());
    }
}

#[test]
fn a_row_that_does_not_fit_keeps_its_amount_and_says_why() {
    let bound = bind(&FORMAT, &dated(&[("05/14/2026", "")])).unwrap();
    let later = dated(&[("14/05/2026", ""), ("soon", ""), ("", ""), ("05/15/2026", "")]);
    let rows = read_rows(bound.as_ref(), &later);
    let reasons: Vec<_> =
        rows.iter().map(|row| row.fault.as_ref().map(|(_, why)| why.as_str())).collect();
    assert_eq!(
        reasons,
        [
            Some("`14/05/2026` is no month/day/year date, as the first rows of this file have"),
            Some("`soon` is not a timestamp such as 2026-10-05T14:00:00Z"),
            Some("the date is empty"),
            None
        ]
    );
    // A file without evidence takes no later date on trust.
    let bound = bind(&FORMAT, &dated(&[("2026-05-04", "")])).unwrap();
    let untold = read_rows(bound.as_ref(), &dated(&[("05/04/2026", "")]));
    let reason = "`05/04/2026` is no year-month-day date, as the first rows of this file have";
    assert_eq!(untold[0].fault, Some((Some("Date".to_owned()), reason.to_owned())));
    // Every amount could be read: the account of the file still closes.
    assert_eq!(billed(&rows), atto("4"));
    assert_eq!(rows[0].fault.as_ref().unwrap().0.as_deref(), Some("Date"));
}

#[test]
fn bad_amounts_and_currencies_are_refused() {
    for (cost, currency, column, reason) in [
        ("\"1,234.56\"", "USD", "Cost", "`1,234.56` is not a decimal amount"),
        ("(12.00)", "USD", "Cost", "`(12.00)` is not a decimal amount"),
        ("", "USD", "Cost", "the cost is empty; an unknown cost is not zero"),
        ("1", "US$", "BillingCurrency", "`US$` is not a three-letter currency code"),
    ] {
        let text = format!(
            "Date,MeterId,MeterCategory,Cost,BillingCurrency\n2026-05-04,id,Storage,{cost},{currency}\n"
        );
        let table = csv_table(&text);
        let rows = read_rows(bind(&FORMAT, &table).unwrap().as_ref(), &table);
        let expected = (Some(column.to_owned()), reason.to_owned());
        assert_eq!(rows[0].fault, Some(expected));
        assert_eq!(rows[0].parts.len(), 0);
    }
    let twice = csv_table("Date,MeterId,MeterCategory,Cost,COST\n2026-05-04,id,Storage,1,2\n");
    let error = bind(&FORMAT, &twice).err().unwrap().to_string();
    assert_eq!(error, "bill.csv: the columns `Cost` and `COST` both mean `Cost`");
}

/// What a row of one machine says, from its additional information, tags and unit.
fn machine(info: &str, meter_category: &str, unit: &str, resource: &str) -> Line {
    let quoted = info.replace('"', "\"\"");
    let text = format!(
        "Date,MeterId,MeterCategory,Cost,AdditionalInfo,Tags,UnitOfMeasure,Quantity,ResourceId\n\
         2026-05-04,id,{meter_category},1,\"{quoted}\",Lorem ipsum,{unit},5,{resource}\n"
    );
    let mut rows = read_all(&FORMAT, &csv_table(&text));
    rows.swap_remove(0).line
}

#[test]
fn additional_information_names_the_machine() {
    let hours = |line: &Line| line.unit;
    let scrubbed = machine("Lorem ipsum", "Virtual Machines", "1 Hour", "<id>");
    assert_eq!((scrubbed.instance_type.as_deref(), scrubbed.tags.len()), (None, 0));
    assert_eq!(hours(&scrubbed), QuantityUnit::Hours(1.0));
    // Software is billed by the hours of its machine, which must not count again.
    let software = r#"{"ServiceType":"Standard_NC24ads_A100_v4","UsageType":"ComputeHR_SW"}"#;
    assert_eq!(hours(&machine(software, "Virtual Machines", "1 Hour", "/x")), QuantityUnit::None);
    let licence = machine("{}", "Virtual Machines Licenses", "1 Hour", "/x");
    assert_eq!(hours(&licence), QuantityUnit::None);
    assert_eq!(hours(&machine("{}", "Storage", "1 GB/Month", "/x")), QuantityUnit::None);
    let other = machine(r#"{"ServiceType":"DataAnalysis"}"#, "Azure Databricks", "1 Hour", "/x");
    assert_eq!(other.instance_type, None);
    let set = machine(
        r#"{"ServiceType":"Standard_ND96isr_H100_v5","VMName":"pool_3"}"#,
        "Virtual Machines",
        "1 Hour",
        "/s/providers/Microsoft.Compute/virtualMachineScaleSets/pool",
    );
    assert!(set.resource_id.unwrap().ends_with("virtualMachineScaleSets/pool/virtualMachines/3"));
    let reserved = r#"{"ServiceType":"Standard_ND96isr_H100_v5","VMCapacityReservationId":"cr"}"#;
    for (resource, used) in [
        ("/s/providers/Microsoft.Compute/virtualMachines/a", Use::Used),
        ("/s/capacityReservationGroups/g/capacityReservations/z1", Use::Unused),
    ] {
        let line = machine(reserved, "Virtual Machines", "1 Hour", resource);
        assert_eq!((line.capacity.as_deref(), line.capacity_use), (Some("cr"), Some(used)));
    }
}

#[test]
fn only_azure_files_fit() {
    let fits =
        |headers: &str| (FORMAT.fits)(&headers.split(',').map(str::to_owned).collect::<Vec<_>>());
    assert!(fits("Date,MeterCategory,MeterName,CostInBillingCurrency"));
    assert!(!fits("BilledCost,ChargeCategory,x_SkuMeterCategory,x_SkuMeterId,ChargePeriodStart"));
    assert!(!fits("period_start,workload,cost"));
    assert!(!fits("line_item_usage_start_date,line_item_unblended_cost"));
    assert!((FORMAT.wants)("Zusätzliche Informationen (AdditionalInfo)"));
    assert!(!(FORMAT.wants)("AccountOwnerId"));
}

#[test]
fn without_prices_nothing_is_known_at_prices() {
    let text = "Date,MeterId,MeterCategory,Cost,ChargeType\n2026-05-04,id,Storage,1,Usage\n\
                2026-05-04,id,Tax,0.2,Tax\n";
    for row in read_all(&FORMAT, &csv_table(text)) {
        assert_eq!((row.parts[0].costs.list, row.parts[0].costs.contracted), (None, None));
    }
}
