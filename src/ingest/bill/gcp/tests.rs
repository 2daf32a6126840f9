//! Small Google exports, worked by hand.

use super::super::columns::fixtures::{
    ReadRow, bind, costs, csv_table, json_table, part, read_all, read_rows, sum,
};
use super::*;
use crate::units::atto_from_text;
use crate::usage::PricingCategory;

/// A row of the detailed export as JSON, with some keys changed.
fn json(changes: &[(&str, serde_json::Value)]) -> String {
    let mut row = serde_json::json!({
        "billing_account_id": "0X0X0X-0X0X0X-0X0X0X",
        "service": {"id": "6F81", "description": "Compute Engine"},
        "sku": {"id": "AA-1", "description": "Nvidia H100 80GB GPU running in Iowa"},
        "usage_start_time": "2026-06-15 08:00:00 UTC",
        "usage_end_time": "2026-06-15 09:00:00 UTC",
        "project": {"id": "prod", "name": "Production", "labels": [{"key": "x", "value": "y"}]},
        "labels": [{"key": "team", "value": "llm"}, {"key": "k8s-namespace", "value": "serving"}],
        "system_labels": [{"key": "compute.googleapis.com/machine_spec", "value": "a3-highgpu-8g"}],
        "location": {"location": "us-central1", "region": "us-central1", "zone": "us-central1-a"},
        "cost": 80.0,
        "currency": "USD",
        "usage": {"amount": 28800, "unit": "seconds", "amount_in_pricing_units": 8, "pricing_unit": "hour"},
        "credits": [],
        "invoice": {"month": "202606"},
        "cost_type": "regular",
        "resource": {"name": "h", "global_name": "//compute.googleapis.com/projects/prod/instances/1"}
    });
    for (path, value) in changes {
        let mut place = &mut row;
        for key in path.split('.') {
            place = &mut place[key];
        }
        *place = value.clone();
    }
    row.to_string()
}

fn rows(lines: &[String]) -> Vec<ReadRow> {
    read_all(&FORMAT, &json_table(&format!("[{}]", lines.join(",")), &FORMAT))
}

fn billed(rows: &[ReadRow]) -> i128 {
    sum(rows, |it| it.billed)
}

fn credit(kind: &str, amount: f64) -> serde_json::Value {
    serde_json::json!({"id": "c", "name": "c", "amount": amount, "type": kind})
}

/// cost 80 + 12.5 + 7.25 + 1 - 3 + 0.01 = 97.76 and credits -30 - 2.5 - 5 = -37.5: the invoice is
/// 60.26.
#[test]
fn costs_and_credits_are_the_invoice() {
    let found = rows(&[
        json(&[(
            "credits",
            serde_json::json!([
                credit("COMMITTED_USAGE_DISCOUNT", -30.0),
                credit("PROMOTION", -2.5)
            ]),
        )]),
        json(&[
            ("sku.description", "A3 Instance Core running in Iowa".into()),
            ("cost", 12.5.into()),
            ("credits", serde_json::json!([credit("SUSTAINED_USAGE_DISCOUNT", -5.0)])),
        ]),
        json(&[
            ("sku.description", "Spot Preemptible A3 Instance Ram running in Iowa".into()),
            ("usage.pricing_unit", "gibibyte hour".into()),
            ("cost", 7.25.into()),
        ]),
        json(&[("sku.description", "Tax".into()), ("cost_type", "tax".into()), ("cost", 1.into())]),
        json(&[
            ("sku.description", "Goodwill".into()),
            ("cost_type", "adjustment".into()),
            ("cost", (-3).into()),
        ]),
        json(&[
            ("sku.description", "Rounding error".into()),
            ("cost_type", "rounding_error".into()),
            ("cost", "0.01".into()),
        ]),
    ]);
    assert_eq!(billed(&found), atto_from_text("60.26").unwrap());
    // 30 of 80 are covered: billed nothing, and what they cost the fee says, which is not here.
    assert_eq!(part(&found[0], PartKind::Main).costs, costs(["50", "50", "-", "50"]));
    assert_eq!(part(&found[0], PartKind::Covered).costs, costs(["0", "-", "-", "30"]));
    // List is not told, so the credit is taken off no list.
    assert_eq!(part(&found[0], PartKind::Credit).costs, costs(["-2.5", "-2.5", "-", "-2.5"]));
    assert_eq!(part(&found[1], PartKind::Main).costs, costs(["7.5", "7.5", "-", "12.5"]));
    assert_eq!(part(&found[3], PartKind::Main).costs, costs(["1", "1", "-", "1"]));
    // 80.0, -30.0 and -2.5 are binary floats; 1 is a whole number, "0.01" a text.
    let floats: Vec<u64> = found.iter().map(|row| row.from_floats).collect();
    assert_eq!(floats, [3, 2, 1, 0, 0, 0]);
    let categories: Vec<_> = found.iter().map(|row| row.line.category).collect();
    let expected = [
        ChargeCategory::Usage,
        ChargeCategory::Usage,
        ChargeCategory::Usage,
        ChargeCategory::Tax,
        ChargeCategory::Adjustment,
        ChargeCategory::Adjustment,
    ];
    assert_eq!(categories, expected.map(Some));
    let start = |text: &str| Timestamp::parse(text, Tz::UTC).unwrap();
    let first = found[0].parts[0];
    assert_eq!(first.billing_start, Some(start("2026-06-01")));
    assert_eq!(first.period.start(), start("2026-06-15T08:00:00Z"));
    assert!((first.period.hours() - 1.0).abs() < 1e-12);
}

#[test]
fn a_line_says_what_runs_where() {
    let found = rows(&[
        json(&[]),
        json(&[
            ("sku.description", "A3 Instance Core running in Iowa".into()),
            ("usage.amount_in_pricing_units", 208.into()),
        ]),
        json(&[("usage.pricing_unit", serde_json::Value::Null)]),
        json(&[("sku.description", "Spot Preemptible H200 141GB GPU running in Iowa".into())]),
        json(&[("sku.description", "Licensing Fee for Nvidia L4 vWS (GPU cost)".into())]),
        json(&[(
            "resource.global_name",
            "//compute.googleapis.com/projects/prod/instances/".into(),
        )]),
    ]);
    let line = |at: usize| &found[at].line;
    assert_eq!(line(0).provider.as_deref(), Some("gcp"));
    assert_eq!(line(0).instance_type.as_deref(), Some("a3-highgpu-8g"));
    assert_eq!(line(0).sku_texts, ["Nvidia H100 80GB GPU running in Iowa", "AA-1"]);
    assert_eq!(line(0).tags.get("team").map(String::as_str), Some("llm"));
    assert_eq!(line(0).namespace.as_deref(), Some("serving"));
    assert_eq!(line(0).sub_account.as_deref(), Some("prod"));
    assert_eq!(line(0).region.as_deref(), Some("us-central1"));
    assert!(!line(0).correction);
    // 8 GPUs for an hour; 208 hours of cores are no hours of a GPU; 28800 s are 8 h.
    let hours: Vec<_> = found.iter().map(|row| row.parts[0].quantity).collect();
    assert_eq!(hours, [Some(8.0), None, Some(8.0), Some(8.0), None, Some(8.0)]);
    assert_eq!(line(0).unit, QuantityUnit::GpuHours);
    assert_eq!(line(1).unit, QuantityUnit::None);
    assert_eq!(line(3).pricing, PricingCategory::Dynamic);
    assert_eq!(line(5).resource_id, None);
}

/// The old way: usage of 10 is paid by a commitment (credit -10), whose fee is 7. The new way: usage
/// costs 6.3 under the commitment, and of the fee of 7 the used 6.3 is credited: 0.7 was not used.
/// Either way the invoice is 7.
#[test]
fn a_commitment_counts_once_the_old_and_the_new_way() {
    let fee = "Commitment v1: Nvidia H100 80GB GPU running in Iowa for 1 Year";
    let old = rows(&[
        json(&[
            ("cost", 10.into()),
            ("cost_at_list", 10.into()),
            ("credits", serde_json::json!([credit("COMMITTED_USAGE_DISCOUNT", -10.0)])),
        ]),
        json(&[
            ("sku.description", fee.into()),
            ("cost", 7.into()),
            ("cost_at_list", 7.into()),
            ("subscription", serde_json::json!({"instance_id": "sub-1"})),
        ]),
    ]);
    assert_eq!(billed(&old), atto_from_text("7").unwrap());
    assert_eq!(part(&old[0], PartKind::Covered).costs, costs(["0", "-", "10", "10"]));
    assert_eq!((old[0].parts.len(), old[0].parts[0].quantity), (1, Some(8.0)));
    assert_eq!(old[0].line.spread, old[1].line.commitment);
    assert_eq!(part(&old[1], PartKind::Main).costs, costs(["7", "7", "-", "-"]));
    let line = &old[1].line;
    assert_eq!(line.category, Some(ChargeCategory::Purchase));
    assert_eq!(line.pricing, PricingCategory::Committed);
    // Usage does not say which subscription covers it, so the fee goes by the name of what it buys.
    assert_eq!(line.commitment.as_deref(), Some("Nvidia H100 80GB GPU in Iowa"));
    assert_eq!((line.unit, old[1].parts[0].quantity), (QuantityUnit::None, Some(8.0)));

    let new = rows(&[
        json(&[
            ("cost", 6.3.into()),
            ("cost_at_list", 10.into()),
            ("cost_at_effective_price_default", "9".into()),
            (
                "consumption_model",
                serde_json::json!({"id": "m", "description": "Compute Flexible CUDs 1 Year"}),
            ),
        ]),
        json(&[
            ("sku.description", "Commitment - dollar based v1: GCE for 1 year".into()),
            ("cost", 7.into()),
            ("credits", serde_json::json!([{"amount": "-6.3", "type": "FEE_UTILIZATION_OFFSET"}])),
        ]),
    ]);
    assert_eq!(billed(&new), atto_from_text("7").unwrap());
    assert_eq!(part(&new[0], PartKind::Main).costs, costs(["6.3", "6.3", "10", "9"]));
    assert_eq!(new[0].line.pricing, PricingCategory::Committed);
    assert_eq!(part(&new[1], PartKind::Unused).costs, costs(["0.7", "0.7", "-", "-"]));
}

/// Parts of rows that a commitment covers; the numbers are quantities, `-` where there is none.
#[test]
fn a_row_is_split_by_what_its_commitment_takes_off() {
    type Expected<'a> = [Option<([&'a str; 4], Option<f64>)>; 2];
    let check =
        |changes: &[(&str, serde_json::Value)], credits: &[(&str, f64)], split: Expected| {
            let credits: Vec<_> = credits.iter().map(|(kind, it)| credit(kind, *it)).collect();
            let all = [changes, &[("credits", credits.into())]].concat();
            let [row] = rows(&[json(&all)]).try_into().ok().unwrap();
            for (kind, expected) in [PartKind::Main, PartKind::Covered].into_iter().zip(split) {
                let found = row.parts.iter().find(|it| it.kind == kind);
                let expected = expected.map(|(texts, quantity)| (costs(texts), quantity));
                assert_eq!(found.map(|it| (it.costs, it.quantity)), expected, "{kind:?}: {all:?}");
            }
        };
    let of_commitment = "COMMITTED_USAGE_DISCOUNT";
    // A third of 8 GPU-hours: 26.7 of 80 are 0.33375 of them, 2.67 h, and of a list of 100 33.375.
    check(
        &[("cost_at_list", "100".into())],
        &[(of_commitment, -26.7)],
        [
            Some((["53.3", "53.3", "66.625", "53.3"], Some(5.33))),
            Some((["0", "-", "33.375", "26.7"], Some(2.67))),
        ],
    );
    // 1 of 3 of 7 GPU-hours is 2.333333333 h, of a list of 1 it is 0.333333333333333333; the rest has
    // what rounding leaves.
    check(
        &[
            ("cost", 3.into()),
            ("cost_at_list", 1.into()),
            ("usage.amount_in_pricing_units", 7.into()),
        ],
        &[(of_commitment, -1.0)],
        [
            Some((["2", "2", "0.666666666666666667", "2"], Some(4.666_666_667))),
            Some((["0", "-", "0.333333333333333333", "1"], Some(2.333_333_333))),
        ],
    );
    // Another discount stays with what is not covered, as does what is taken off beyond the cost.
    check(
        &[],
        &[(of_commitment, -60.0), ("SUSTAINED_USAGE_DISCOUNT", -5.0)],
        [Some((["15", "15", "-", "20"], Some(2.0))), Some((["0", "-", "-", "60"], Some(6.0)))],
    );
    check(
        &[],
        &[(of_commitment, -80.01)],
        [Some((["-0.01", "-0.01", "-", "0"], None)), Some((["0", "-", "-", "80"], Some(8.0)))],
    );
    // A correction takes back 16 of 80, of which 4 were covered.
    check(
        &[("cost", (-16).into()), ("usage.amount_in_pricing_units", (-1.6).into())],
        &[(of_commitment, 4.0)],
        [Some((["-12", "-12", "-", "-12"], Some(-1.2))), Some((["0", "-", "-", "-4"], Some(-0.4)))],
    );
    // Cores have no hours of a GPU, but of the commitment; memory counts by the gibibyte.
    for (sku, unit) in [("A3 Instance Core", "hour"), ("A3 Instance Ram", "gibibyte hour")] {
        check(
            &[
                ("sku.description", format!("{sku} running in Iowa").into()),
                ("usage.pricing_unit", unit.into()),
                ("usage.amount_in_pricing_units", 208.into()),
            ],
            &[(of_commitment, -20.0)],
            [Some((["60", "60", "-", "60"], None)), Some((["0", "-", "-", "20"], Some(52.0)))],
        );
    }
    // By the dollar, by nothing, and by a sign that takes nothing off: whole rows.
    for credits in [&[("COMMITTED_USAGE_DISCOUNT_DOLLAR_BASE", -30.0)][..], &[("DISCOUNT", -30.0)]]
    {
        check(&[], credits, [Some((["50", "50", "-", "80"], Some(8.0))), None]);
    }
    check(&[], &[(of_commitment, 5.0)], [Some((["85", "85", "-", "80"], Some(8.0))), None]);
    check(
        &[("service.description", "Cloud SQL".into())],
        &[(of_commitment, -30.0)],
        [Some((["50", "50", "-", "80"], Some(8.0))), None],
    );
}

#[test]
fn corrections_and_idle_reservations_are_told() {
    let info = |kind: &str, mode: &str| serde_json::json!({"type": kind, "mode": mode});
    let idle = serde_json::json!([
        {"key": "compute.googleapis.com/is_unused_reservation", "value": "true"},
        {"key": "compute.googleapis.com/reservation_name", "value": "h100-pool"}
    ]);
    let found = rows(&[
        json(&[
            ("adjustment_info", info("USAGE_CORRECTION", "PARTIAL_CORRECTION")),
            ("cost_type", "adjustment".into()),
            ("cost", (-5).into()),
        ]),
        json(&[
            ("adjustment_info", info("GOODWILL", "MANUAL_ADJUSTMENT")),
            ("cost_type", "adjustment".into()),
            ("cost", (-5).into()),
        ]),
        json(&[("system_labels", idle)]),
    ]);
    let line = |at: usize| &found[at].line;
    assert_eq!((line(0).correction, line(1).correction), (true, false));
    assert_eq!(line(2).capacity.as_deref(), Some("h100-pool"));
    assert_eq!(line(2).capacity_use, Some(super::super::charge::Use::Unused));
}

/// A flattened CSV: cost 2.5, 0.5 of it granted; list 4.
#[test]
fn flattened_names_are_read() {
    for separator in [".", "_"] {
        let headers = "service.description,sku.description,usage_start_time,usage_end_time,cost,currency,\
            cost_at_list,usage.amount_in_pricing_units,usage.pricing_unit,credits,labels,invoice.month";
        let headers = headers.replace('.', separator);
        let text = format!(
            "{headers}\nCloud Run,Nvidia L4 GPU,2026-06-15T08:00:00Z,2026-06-15T09:00:00Z,2.5,EUR,4,1,hour,\
             \"[{{\"\"amount\"\":-0.5,\"\"type\"\":\"\"FREE_TIER\"\"}}]\",\"{{\"\"team\"\":\"\"a\"\"}}\",202606\n"
        );
        let table = csv_table(&text);
        let found = read_all(&FORMAT, &table);
        assert_eq!(part(&found[0], PartKind::Main).costs, costs(["2.5", "2.5", "4", "2.5"]));
        assert_eq!(part(&found[0], PartKind::Credit).costs, costs(["-0.5"; 4]));
        let line = &found[0].line;
        assert_eq!(line.pricing, PricingCategory::Serverless);
        assert_eq!(line.tags.get("team").map(String::as_str), Some("a"));
        assert_eq!(found[0].parts[0].quantity, Some(1.0));
        let format = bind(&FORMAT, &table).unwrap().format();
        assert_eq!(format, "Google Cloud billing export (standard)");
    }
}

#[test]
fn what_is_wrong_is_named() {
    for (path, value, column, reason) in [
        ("cost", "1,5".into(), "cost", "`1,5` is not a decimal amount: write a point, not a comma"),
        ("cost", serde_json::Value::Null, "cost", "the cost is empty; an unknown cost is not zero"),
        ("currency", "dollars".into(), "currency", "`dollars` is not a three-letter currency code"),
        (
            "cost_type",
            "gift".into(),
            "cost_type",
            "`gift` is none of regular, tax, adjustment and rounding_error",
        ),
        ("credits", "CUD -5".into(), "credits", "the credits are not a JSON list"),
        (
            "credits",
            serde_json::json!([{"amount": [1]}]),
            "credits",
            "`[1]` is not a decimal amount",
        ),
        (
            "usage_end_time",
            "2026-06-15 08:00:00 UTC".into(),
            "usage_end_time",
            "the period ends at 2026-06-15T08:00:00Z, not after its start",
        ),
        (
            "usage_start_time",
            "today".into(),
            "usage_start_time",
            "`today` is not a timestamp such as 2026-10-05T14:00:00Z",
        ),
        (
            "invoice.month",
            "June".into(),
            "invoice.month",
            "the invoice month is not written as in 202605",
        ),
        (
            "usage.amount_in_pricing_units",
            "x".into(),
            "usage.amount_in_pricing_units",
            "`x` is not a number",
        ),
    ] {
        let table = json_table(&format!("[{}]", json(&[(path, value)])), &FORMAT);
        let found = read_rows(bind(&FORMAT, &table).unwrap().as_ref(), &table);
        assert_eq!(found[0].fault, Some((Some(column.to_owned()), reason.to_owned())));
        let about_amounts = ["cost", "credits", "currency", "cost_type"].contains(&column);
        assert_eq!(found[0].parts.is_empty(), about_amounts, "{reason}");
    }
    let bare = csv_table("sku.id,usage_start_time,usage_end_time,cost,currency\na,b,c,1,USD\n");
    let error = bind(&FORMAT, &bare).err().unwrap();
    assert_eq!(error.to_string(), "bill.csv: the column `credits` is missing");
    assert!(error.hint().contains("more than the invoice"));
}

#[test]
fn only_google_exports_fit() {
    let fits =
        |headers: &str| (FORMAT.fits)(&headers.split(',').map(str::to_owned).collect::<Vec<_>>());
    assert!(!fits("BilledCost,SkuId,ChargePeriodStart,BillingCurrency"));
    assert!(!fits("period_start,workload,cost,currency"));
    assert!(!fits("cost/myCost,lineItem/intervalUsageStart,cost/currencyCode"));
    assert!((FORMAT.wants)("credits"));
    for unwanted in ["project.labels", "billing_account_id", "project.name", "resource", "usage"] {
        assert!(!(FORMAT.wants)(unwanted), "{unwanted}");
    }
}
