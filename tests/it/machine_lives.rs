//! Rows longer than the life of their machine, divided between the pods on it: by the time it ran.

use std::collections::BTreeMap;

use gpuadvise::ingest::WindowCut;
use gpuadvise::units::{Currency, Money};

use crate::account::{holds, read_with};
use crate::support::Bench;

const AZURE: &str =
    "azure:///subscriptions/s/resourceGroups/rg/providers/Microsoft.Compute/virtualMachines/nd1";
const AWS: &str = "aws:///us-east-1a/i-0aaa";

/// A day of an `ND96isr` machine with 8 H100.
fn azure_day(quantity: &str, cost: &str) -> String {
    let id = AZURE.trim_start_matches("azure://");
    format!(
        "SubscriptionId,ResourceLocation,Date,MeterCategory,MeterSubCategory,MeterName,UnitOfMeasure,Quantity,CostInBillingCurrency,ResourceId,ChargeType,PricingModel,BillingCurrencyCode\n\
         sub-1,EastUS,05/13/2026,Virtual Machines,NDisrH100v5 Series,ND96isr H100 v5,1 Hour,{quantity},{cost},{id},Usage,OnDemand,USD\n"
    )
}

/// A row of a `p5.48xlarge` machine with 8 H100.
fn cur(start: &str, end: &str, quantity: &str, cost: &str) -> String {
    format!(
        "line_item_line_item_type,line_item_usage_start_date,line_item_usage_end_date,line_item_product_code,line_item_usage_type,line_item_operation,line_item_resource_id,line_item_usage_amount,line_item_currency_code,line_item_unblended_cost,pricing_unit,product_instance_type,product_region_code,line_item_usage_account_id\n\
         Usage,{start},{end},AmazonEC2,BoxUsage:p5.48xlarge,RunInstances,i-0aaa,{quantity},USD,{cost},Hrs,p5.48xlarge,us-east-1,1\n"
    )
}

/// A pod: workload, GPUs, start and end.
type Pod<'a> = (&'a str, u32, &'a str, Option<&'a str>);

/// A snapshot of one node; times are of 13 May 2026 as `12:00`.
fn cluster(
    id: &str,
    (gpus, product): (u32, &str),
    created: Option<&str>,
    pods: &[Pod<'_>],
) -> String {
    let at = |time: &str| format!("2026-05-13T{time}:00Z");
    let created =
        created.map_or_else(String::new, |it| format!(r#","creationTimestamp":"{}""#, at(it)));
    let mut items = vec![format!(
        r#"{{"kind":"Node","metadata":{{"name":"n1"{created},"labels":{{"nvidia.com/gpu.product":"{product}"}}}},"spec":{{"providerID":"{id}"}},"status":{{"capacity":{{"nvidia.com/gpu":"{gpus}"}}}}}}"#
    )];
    for (workload, gpus, from, to) in pods {
        let from = at(from);
        let status = match to {
            None => format!(r#""phase":"Running","startTime":"{from}""#),
            Some(to) => format!(
                r#""phase":"Succeeded","startTime":"{from}","containerStatuses":[{{"name":"c","state":{{"terminated":{{"startedAt":"{from}","finishedAt":"{}"}}}}}}]"#,
                at(to)
            ),
        };
        items.push(format!(
            r#"{{"kind":"Pod","metadata":{{"name":"{workload}-0","namespace":"ml","ownerReferences":[{{"kind":"StatefulSet","name":"{workload}","controller":true}}]}},"spec":{{"nodeName":"n1","containers":[{{"name":"c","resources":{{"limits":{{"nvidia.com/gpu":"{gpus}"}}}}}}]}},"status":{{{status}}}}}"#
        ));
    }
    format!(r#"{{"apiVersion":"v1","kind":"List","items":[{}]}}"#, items.join(","))
}

/// Cost and GPU-hours of each workload, `-` for what no pod held.
fn divided(bill: &str, cluster: &str) -> Vec<String> {
    let bench = Bench::new();
    let files = [bench.write("bill.csv", bill).into(), bench.write("cluster.json", cluster).into()];
    let found = read_with(&files, "", &WindowCut::default()).unwrap();
    holds(&found, &bill);
    let usage = &found.usage;
    let mut sums: BTreeMap<String, (i128, f64)> = BTreeMap::new();
    for at in 0..usage.len() {
        let name = usage.workload.get(at).unwrap_or("-").to_owned();
        let sum = sums.entry(name).or_default();
        sum.0 += usage.billed_cost.get(at).unwrap_or(0);
        sum.1 += usage.gpu_hours_of(at).unwrap_or(0.0);
    }
    let shown = |(name, (cost, hours)): (&String, &(i128, f64))| {
        format!("{name} {} {hours:.3}", Money::from_atto(*cost, Currency::USD).to_decimal_string())
    };
    sums.iter().map(shown).collect()
}

const H100: (u32, &str) = (8, "NVIDIA-H100-80GB-HBM3");

#[test]
fn a_daily_row_of_a_machine_that_came_at_noon_is_its_pods() {
    // 12 h at 98.32 = 1179.84 and 12 x 8 = 96 GPU-hours. The pod held all of it.
    let bill = azure_day("12", "1179.84");
    let chat: &[Pod<'_>] = &[("chat", 8, "12:00", None)];
    let all = ["chat 1179.84 96.000"];
    assert_eq!(divided(&bill, &cluster(AZURE, H100, Some("12:00"), chat)), all);
    // Without the creation of the node its 12 machine-hours say as much, and so they do of one that
    // stood still till noon.
    assert_eq!(divided(&bill, &cluster(AZURE, H100, None, chat)), all);
    assert_eq!(divided(&bill, &cluster(AZURE, H100, Some("00:00"), chat)), all);
    // The pod came at 15:00: 9 of 12 h, 3/4 of 1179.84 = 884.88.
    let late: &[Pod<'_>] = &[("chat", 8, "15:00", None)];
    let part = ["- 294.96 24.000", "chat 884.88 72.000"];
    assert_eq!(divided(&bill, &cluster(AZURE, H100, Some("12:00"), late)), part);
}

#[test]
fn pods_side_by_side_and_after_each_other_have_their_parts() {
    // Of 12 h and 8 GPUs: a has 4 GPUs for 6 h (24 of 96), b 4 GPUs for 12 h (48), c 4 GPUs for the
    // last 3 h (12); 12 of 96 nobody. 1179.84 / 96 = 12.29 each.
    let bill = azure_day("12", "1179.84");
    let pods: &[Pod<'_>] =
        &[("a", 4, "12:00", Some("18:00")), ("b", 4, "12:00", None), ("c", 4, "21:00", None)];
    let parts = ["- 147.48 12.000", "a 294.96 24.000", "b 589.92 48.000", "c 147.48 12.000"];
    assert_eq!(divided(&bill, &cluster(AZURE, H100, Some("12:00"), pods)), parts);
    assert_eq!(divided(&bill, &cluster(AZURE, H100, None, pods)), parts);
}

#[test]
fn a_daily_row_of_ten_hours_is_its_pods() {
    // 10 h at 55.04 = 550.40 and 80 GPU-hours, from 14:00 on.
    let bill = cur("2026-05-13T00:00:00Z", "2026-05-14T00:00:00Z", "10", "550.40");
    let chat: &[Pod<'_>] = &[("chat", 8, "14:00", None)];
    let all = ["chat 550.40 80.000"];
    assert_eq!(divided(&bill, &cluster(AWS, H100, Some("14:00"), chat)), all);
}

#[test]
fn an_hourly_row_of_a_machine_that_came_within_it_is_its_pods() {
    // A quarter of an hour at 55.04 = 13.76 and 2 GPU-hours, from 10:45 on.
    let bill = cur("2026-05-13T10:00:00Z", "2026-05-13T11:00:00Z", "0.25", "13.76");
    let chat: &[Pod<'_>] = &[("chat", 8, "10:45", None)];
    for created in [Some("10:45"), None] {
        assert_eq!(divided(&bill, &cluster(AWS, H100, created, chat)), ["chat 13.76 2.000"]);
    }
    // A machine that ran the whole hour: a quarter of 55.04.
    let bill = cur("2026-05-13T10:00:00Z", "2026-05-13T11:00:00Z", "1", "55.04");
    let part = ["- 41.28 6.000", "chat 13.76 2.000"];
    assert_eq!(divided(&bill, &cluster(AWS, H100, Some("09:00"), chat)), part);
}

#[test]
fn equal_slices_cost_the_same() {
    // One A100 in seven slices, an hour of it for 7: 1 each.
    let bill = "BilledCost,EffectiveCost,BillingCurrency,ChargeCategory,ChargePeriodStart,ChargePeriodEnd,PricingQuantity,PricingUnit,ChargeDescription,ResourceId,ServiceCategory,ProviderName\n\
                7,7,USD,Usage,2026-05-13T10:00:00Z,2026-05-13T11:00:00Z,1,Hours,Standard_NC24ads_A100_v4,/subscriptions/s/resourceGroups/rg/providers/Microsoft.Compute/virtualMachines/nd1,Compute,Microsoft\n";
    let names = ["a", "b", "c", "d", "e", "f", "g"];
    let pods = names.map(|it| (it, 1, "01:00", None));
    let mig = (7, "NVIDIA-A100-SXM4-80GB-MIG-1g.10gb");
    let found = divided(bill, &cluster(AZURE, mig, Some("00:00"), &pods));
    // Nothing is left for nobody, not even of the hours, which have no sevenths.
    assert_eq!(found, names.map(|it| format!("{it} 1.00 0.143")));
}
