#!/usr/bin/env python3
"""Writes a month of a large company's FOCUS 1.2 bill as one Parquet file; the same seed gives the same rows.

About 13,900 charges (machines, disks, buckets, databases, commitments of four clouds) repeat in each of the 720 hours of
June 2026; what a bill has once (purchases, taxes, credits, corrections) fills the rest. All 57 columns of FOCUS 1.2 are
there. Rows are ordered by hour and stand in random order within it, costs are DOUBLE as AWS exports them, and a share of
the effective and list costs is null. Needs duckdb and pyarrow.
"""

import argparse
import json
import os
import random
import time

import duckdb
import pyarrow as pa

HOURS = 720
MONTH, NEXT = "2026-06-01 00:00:00", "2026-07-01 00:00:00"
TEAMS = ["search", "ads", "assistant", "vision", "risk", "platform", "data", "mobile", "support", "research"]
STEMS = ["chat-70b", "chat-8b", "embed", "rerank", "ocr", "asr", "train", "eval", "notebook", "batch", "guard", "code"]
ENVIRONMENTS = ["production", "production", "production", "staging", "dev"]
AWS_REGIONS = [("us-east-1", "US East (N. Virginia)", "USE1"), ("us-west-2", "US West (Oregon)", "USW2"),
               ("eu-central-1", "EU (Frankfurt)", "EUC1"), ("ap-south-1", "Asia Pacific (Mumbai)", "APS3")]
AZURE_REGIONS = [("eastus", "East US"), ("westeurope", "West Europe"), ("swedencentral", "Sweden Central")]
GCP_REGIONS = [("us-central1", "Iowa", "Americas"), ("europe-west4", "Netherlands", "Netherlands")]
OCI_REGIONS = [("us-ashburn-1", "US East (Ashburn)"), ("eu-frankfurt-1", "Germany Central (Frankfurt)")]
# Instance type, GPUs (0 without), price of an hour, how many of them.
AWS_MACHINES = [
    ("p5.48xlarge", 8, 55.04, 110), ("p4d.24xlarge", 8, 21.957642, 60), ("g5.2xlarge", 1, 1.212, 140),
    ("g5.12xlarge", 4, 5.672, 90), ("g5.48xlarge", 8, 16.288, 40), ("g6e.4xlarge", 1, 3.00424, 110),
    ("g6e.12xlarge", 4, 10.49264, 80), ("g6e.48xlarge", 8, 30.13118, 40), ("g4dn.xlarge", 1, 0.526, 120),
    ("m5.large", 0, 0.096, 900), ("m6i.2xlarge", 0, 0.384, 800), ("m7g.4xlarge", 0, 0.6528, 600),
    ("c5.xlarge", 0, 0.17, 600), ("c6gn.16xlarge", 0, 2.7648, 150), ("c7i.4xlarge", 0, 0.714, 500),
    ("r5.4xlarge", 0, 1.008, 500), ("r8g.2xlarge", 0, 0.47136, 350), ("t3.medium", 0, 0.0416, 600),
]
AZURE_MACHINES = [
    ("Standard_ND96isr_H100_v5", "ND96isr H100 v5", "NDisrH100v5", 8, 98.32, 50),
    ("Standard_NC24ads_A100_v4", "NC24ads A100 v4", "NCadsA100v4", 1, 3.673, 80),
    ("Standard_NC80adis_H100_v5", "NC80adis H100 v5", "NCadsH100v5", 2, 13.96, 50),
    ("Standard_NC64as_T4_v3", "NC64as T4 v3", "NCasT4v3", 4, 4.352, 40),
    ("Standard_D4s_v5", "D4s v5", "Dsv5", 0, 0.192, 600), ("Standard_E8s_v5", "E8s v5", "Esv5", 0, 0.504, 300),
]
# Machine type, the text of its GPU, GPUs, prices of a GPU, core and GiB hour, cores, GiB, how many of them.
GCP_MACHINES = [
    ("g2-standard-24", "Nvidia L4 GPU", 2, 0.560040, 0.024988, 0.002927, 24, 96, 60),
    ("a2-highgpu-4g", "Nvidia Tesla A100 GPU", 4, 2.933908, 0.031611, 0.004237, 48, 340, 40),
    ("a3-highgpu-8g", "Nvidia H100 80GB GPU", 8, 9.796550, 0.029290, 0.002550, 208, 1872, 50),
    ("n2-standard-16", None, 0, 0.0, 0.031611, 0.004237, 16, 64, 330),
]
OCI_MACHINES = [("BM.GPU.H100.8", "OCI - Compute - GPU - H100", 8, 10.0, 40),
                ("VM.GPU.A10.2", "Compute - GPU - A10", 2, 2.0, 60)]

FIELDS = [
    "provider", "publisher", "issuer", "currency", "account", "account_name", "billing_account", "category", "class",
    "frequency", "description", "pricing", "commitment", "commitment_name", "commitment_kind", "commitment_type",
    "commitment_status", "capacity", "capacity_status", "resource", "resource_name", "resource_type", "region",
    "region_name", "zone", "service_category", "service", "subcategory", "meter", "sku", "price_id", "details", "tags",
    "unit", "invoice", "list_price", "discount", "effective_price", "quantity", "size", "decimals", "null_share",
    "list_null_share", "hourly", "period_start", "period_end", "consumed",
]


class Bill:
    """The charges; each is a dict of FIELDS without those that are null."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.lines = []
        self.aws_accounts = [str(100000000000 + 7919 * n) for n in range(24)]
        self.savings_plans = [
            f"arn:aws:savingsplans::{self.aws_accounts[n]}:savingsplan/{self.hex(8)}-{self.hex(4)}" for n in range(6)
        ]

    def hex(self, digits):
        return "".join(self.random.choice("0123456789abcdef") for _ in range(digits))

    def tags(self, share):
        """Tags of a share of the resources; a third of them with a name of their own."""
        if self.random.random() > share:
            return None
        team = self.random.choice(TEAMS)
        tags = {"team": team, "workload": f"{team}-{self.random.choice(STEMS)}"}
        tags["environment"] = self.random.choice(ENVIRONMENTS)
        if self.random.random() < 0.33:
            tags["Name"] = f"{team}-{self.hex(6)}"
        return json.dumps(tags, separators=(",", ":"))

    def add(self, **line):
        self.lines.append(
            {
                "currency": "USD", "category": "Usage", "frequency": "Usage-Based", "discount": 0.0, "quantity": "steady",
                "size": 1.0, "decimals": 10, "null_share": 0.0, "list_null_share": 0.0, "hourly": True, "consumed": True,
                **line,
            }
        )

    def aws_place(self):
        region, region_name, _ = self.random.choice(AWS_REGIONS)
        account = self.random.randrange(len(self.aws_accounts))
        return {
            "account": self.aws_accounts[account], "account_name": f"prod-{account}", "region": region,
            "region_name": region_name, "zone": region + self.random.choice("abc"),
        }

    def aws(self, **line):
        line = self.aws_place() | line
        meter = line.pop("meter", None)
        short = next(short for region, _, short in AWS_REGIONS if region == line["region"])
        self.add(**{
            "provider": "AWS", "publisher": "Amazon Web Services, Inc.", "issuer": "Amazon Web Services, Inc.",
            "billing_account": "100000000000", "pricing": "Standard", "unit": "Hours", "invoice": "2026-06-AWS-1",
            "null_share": 0.004, "list_null_share": 0.01, "meter": meter and (meter if short == "USE1" else f"{short}-{meter}"), **line,
        })

    def fleets(self, count, most):
        """`count` machines in fleets of at most `most`."""
        while count > 0:
            size = min(count, self.random.randint(1, most))
            count -= size
            yield size

    def aws_machines(self):
        for name, gpus, price, count in AWS_MACHINES:
            for size in self.fleets(count, 24):
                self.aws_fleet(name, gpus, price, size)

    def aws_fleet(self, name, gpus, price, size):
        """Machines that one team runs in one place and buys in one way."""
        details = {"InstanceType": name, "OperatingSystem": "Linux", "CoreCount": 8}
        if gpus:
            details["GpuCount"] = gpus
            # A third of the GPU machines is named in the texts only.
            details = details if self.random.random() < 0.67 else None
        fleet = self.aws_place() | {
            "resource_type": "instance", "service_category": "Compute", "service": "Amazon Elastic Compute Cloud",
            "subcategory": "Virtual Machines", "sku": "SKU" + name.replace(".", "").upper(),
            "details": json.dumps(details, separators=(",", ":")) if details else None,
            "tags": self.tags(0.85 if gpus else 0.6), "list_price": price, "quantity": "hour",
            "discount": self.random.choice([0.0, 0.0, 0.07]), "meter": f"BoxUsage:{name}",
            "description": f"${price} per On Demand Linux {name} Instance Hour",
        }
        kind = self.random.random()
        if kind < 0.30:
            fleet |= {
                "pricing": "Committed", "commitment": self.random.choice(self.savings_plans),
                "commitment_name": "compute-sp", "commitment_kind": "Spend", "commitment_type": "Compute Savings Plans",
                "commitment_status": "Used", "effective_price": round(price * 0.67, 6),
            }
        elif kind < 0.42:
            fleet |= {
                "pricing": "Dynamic", "discount": 0.62, "meter": f"SpotUsage:{name}",
                "description": f"{name} Linux/UNIX Spot Instance-hour",
            }
        elif gpus == 8:
            fleet |= {
                "capacity": f"arn:aws:ec2:us-east-1::capacity-reservation/cr-{self.hex(12)}", "capacity_status": "Used",
            }
        for _ in range(size):
            machine = fleet | {"resource": "i-0" + self.hex(16)}
            machine["resource_name"] = machine["resource"]
            self.aws(**machine)
            # What the machine sends is billed on its id too.
            if self.random.random() < 0.16:
                self.aws(**machine | {
                    "meter": "DataTransfer-Regional-Bytes", "details": None, "list_price": 0.01, "unit": "GB",
                    "quantity": "random", "size": 40.0, "sku": "SKUREGIONALBYTES", "pricing": "Standard",
                    "description": "$0.010 per GB - regional data transfer - in/out/between EC2 AZs",
                    "commitment": None, "commitment_name": None, "commitment_kind": None, "commitment_type": None,
                    "commitment_status": None, "effective_price": None, "capacity": None, "capacity_status": None,
                })

    def aws_others(self):
        for _ in range(2660):
            self.aws(
                resource="vol-0" + self.hex(16), resource_type="volume", service_category="Storage",
                service="Amazon Elastic Compute Cloud", subcategory="Block Storage", meter="EBS:VolumeUsage.gp3",
                description="$0.08 per GB-month of General Purpose (gp3) provisioned storage", unit="GB-Mo",
                list_price=0.08, size=self.random.choice([8, 20, 50, 100, 200, 500, 1000]) / HOURS, sku="SKUGP3",
                tags=self.tags(0.5),
            )
        for _ in range(1050):
            name = f"{self.random.choice(TEAMS)}-{self.hex(6)}"
            tier, price = self.random.choice([("Requests-Tier1", 0.000005), ("Requests-Tier2", 0.0000004)])
            self.aws(
                resource=name, resource_name=name, resource_type="bucket", service_category="Storage",
                service="Amazon Simple Storage Service", subcategory="Object Storage", meter=tier, unit="Requests",
                description=f"${price:.7f} per request", list_price=price, quantity="random", size=9000.0,
                sku="SKUS3" + tier[-1], tags=self.tags(0.5),
            )
        for _ in range(480):
            self.aws(
                resource=f"arn:aws:rds:us-east-1:100000000000:db:{self.hex(8)}", resource_type="db",
                service_category="Databases", service="Amazon Relational Database Service", subcategory="Relational Databases",
                meter="InstanceUsage:db.r6g.xlarge", description="$0.43 per RDS db.r6g.xlarge Single-AZ instance hour",
                list_price=0.43, quantity="hour", sku="SKURDS", tags=self.tags(0.7),
            )
        for _ in range(400):
            self.aws(
                resource=f"arn:aws:lambda:us-east-1:100000000000:function:{self.hex(8)}", resource_type="function",
                service_category="Compute", service="AWS Lambda", subcategory="Serverless Compute", meter="Lambda-GB-Second",
                description="AWS Lambda - Total Compute", unit="Lambda-GB-Second", list_price=0.0000166667,
                quantity="random", size=3000.0, sku="SKULAMBDA", tags=self.tags(0.6),
            )

    def azure(self):
        for name, meter, series, gpus, price, count in AZURE_MACHINES:
            for n, size in enumerate(self.fleets(count, 16)):
                region, region_name = self.random.choice(AZURE_REGIONS)
                details = {"InstanceType": name, "InstanceSeries": series}
                if gpus:
                    details["GpuCount"] = gpus
                order = "/providers/Microsoft.Capacity/reservationOrders/0f0f/reservations/1e1e"
                reserved = name.startswith("Standard_ND96") and n % 2 == 0
                commitment = {
                    "pricing": "Committed", "commitment": order, "commitment_name": "nd-h100-1y",
                    "commitment_kind": "Usage", "commitment_type": "Reservation", "commitment_status": "Used",
                    "effective_price": 40.0,
                } if reserved else {}
                fleet = {
                    "provider": "Microsoft", "publisher": "Microsoft", "issuer": "Microsoft", "billing_account": "BA-1",
                    "account": f"sub-{n % 7}", "account_name": "ml-prod", "region": region, "region_name": region_name,
                    "resource_type": "Virtual machine", "service_category": "Compute", "service": "Virtual Machines",
                    "subcategory": "Virtual Machines", "meter": meter, "pricing": "Standard",
                    "description": f"Virtual Machines {series} Series - {meter} - {region_name}",
                    "details": json.dumps(details, separators=(",", ":")), "sku": "DZH318Z0" + series.upper(),
                    "tags": self.tags(0.8), "unit": "Hours", "invoice": "INV-2026-06", "list_price": price,
                    "discount": 0.05, "quantity": "hour", "decimals": 15, **commitment,
                }
                group = f"/subscriptions/sub-{n % 7}/resourceGroups/rg/providers/Microsoft.Compute/virtualMachines"
                for _ in range(size):
                    vm = f"vm-{self.hex(6)}"
                    self.add(**fleet | {"resource": f"{group}/{vm}", "resource_name": vm})
        for n in range(330):
            self.add(
                provider="Microsoft", publisher="Microsoft", issuer="Microsoft", billing_account="BA-1",
                account=f"sub-{n % 7}", account_name="ml-prod", region="eastus", region_name="East US",
                resource=f"/subscriptions/sub-{n % 7}/resourceGroups/rg/providers/Microsoft.Compute/disks/d{self.hex(6)}",
                resource_type="Disk", service_category="Storage", service="Storage", subcategory="Block Storage",
                meter="P40 LRS Disk", description="Premium SSD Managed Disks - P40 LRS - US East", pricing="Standard",
                sku="DZH318Z0P40", tags=self.tags(0.4), unit="1/Month", invoice="INV-2026-06", list_price=259.05,
                size=1 / HOURS, discount=0.05, decimals=15,
            )

    def gcp(self):
        for name, text, gpus, gpu, core, ram, cores, gib, count in GCP_MACHINES:
            for size in self.fleets(count, 12):
                region, region_name, place = self.random.choice(GCP_REGIONS)
                tags = self.tags(0.8)
                family = name.split("-")[0].upper()
                parts = [(f"{family} Instance Core running in {place}", core, cores, "Hours"),
                         (f"{family} Instance Ram running in {place}", ram, gib, "GiB-Hours")]
                if text:
                    parts.insert(0, (f"{text} running in {place}", gpu, gpus, "Hours"))
                instances = f"//compute.googleapis.com/projects/ml-prod/zones/{region}-b/instances"
                for machine in [f"{name[:2]}-{self.hex(8)}" for _ in range(size)]:
                    for description, price, units, unit in parts:
                        self.add(
                            provider="Google Cloud", publisher="Google Cloud", issuer="Google Cloud",
                            billing_account="0X0X0X-0X0X0X", account="ml-prod", account_name="ml-prod", region=region,
                            region_name=region_name, zone=f"{region}-b", resource=f"{instances}/{machine}",
                            resource_name=machine, resource_type="Instance", service_category="Compute",
                            service="Compute Engine", subcategory="Virtual Machines", meter=description,
                            description=description, pricing="Standard", sku=f"GCP-{family}-{unit}", tags=tags,
                            unit=unit, invoice="202606", list_price=price, size=float(units), decimals=12,
                            list_null_share=0.02,
                        )

    def oci(self):
        for shape, text, gpus, price, count in OCI_MACHINES:
            for _ in range(count):
                region, region_name = self.random.choice(OCI_REGIONS)
                self.add(
                    provider="Oracle", publisher="Oracle", issuer="Oracle", billing_account="ocid1.tenancy.oc1..a",
                    account="ocid1.compartment.oc1..ml", account_name="ml", region=region, region_name=region_name,
                    resource=f"ocid1.instance.oc1.iad.{self.hex(24)}", resource_type="instance",
                    service_category="Compute", service="COMPUTE", subcategory="Virtual Machines", meter=text,
                    description=text, details=json.dumps({"InstanceType": shape}, separators=(",", ":")),
                    pricing="Standard", sku="B98415", tags=self.tags(0.7), unit="GPU Per Hour", invoice="OCI-77",
                    list_price=price, size=float(gpus), null_share=0.05, list_null_share=0.2,
                )

    def commitments_unused(self):
        for n in range(18):
            plan = self.savings_plans[n % len(self.savings_plans)]
            self.aws(
                pricing="Committed", commitment=plan, commitment_name="compute-sp", commitment_kind="Spend",
                commitment_type="Compute Savings Plans", commitment_status="Unused", resource=plan,
                service_category="Compute", service="Savings Plans for AWS Compute usage", subcategory="Virtual Machines",
                description="Unused Compute Savings Plan", quantity="unused", list_price=0.0,
                effective_price=self.random.choice([1.25, 3.5, 0.875]), consumed=False,
            )

    def once(self, count):
        """Charges that a bill has once: `count` of them."""
        once = {"hourly": False, "period_start": MONTH, "period_end": NEXT, "tags": None, "consumed": False}
        for plan in self.savings_plans:
            self.aws(
                **once, category="Purchase", frequency="Recurring", commitment=plan, commitment_name="compute-sp",
                commitment_kind="Spend", commitment_type="Compute Savings Plans", resource=plan,
                service_category="Compute", service="Savings Plans for AWS Compute usage", quantity="purchase",
                description="1 year No Upfront Compute Savings Plan", list_price=250000.0, effective_price=0.0,
            )
        for n in range(count - len(self.savings_plans)):
            kind = n % 8
            if kind < 4:
                self.aws(
                    **once, category="Tax", pricing=None, service_category="Other", service="Tax", quantity="random",
                    description="Tax for product code AmazonEC2", list_price=1.0, size=900.0, frequency="Recurring",
                )
            elif kind < 6:
                self.aws(
                    **once, category="Credit", service_category="Other", service="Amazon Elastic Compute Cloud",
                    description="MAP credit", quantity="random", list_price=-1.0, size=400.0, frequency="One-Time",
                )
            elif kind == 6:
                self.aws(
                    **once | {"period_start": "2026-05-10 05:00:00", "period_end": "2026-05-10 06:00:00"},
                    **{"class": "Correction"}, resource="i-0" + self.hex(16), service_category="Compute",
                    service="Amazon Elastic Compute Cloud", meter="BoxUsage:g5.2xlarge", list_price=-1.212,
                    description="$1.212 per On Demand Linux g5.2xlarge Instance Hour", quantity="hour",
                )
            else:
                self.aws(
                    **once, category="Adjustment", service_category="Other", service="Rounding", quantity="random",
                    description="Rounding adjustment", list_price=0.0001, size=1.0, frequency="One-Time",
                )

    def table(self):
        columns = {field: [line.get(field) for line in self.lines] for field in FIELDS}
        floats = {"list_price", "discount", "effective_price", "size", "null_share", "list_null_share"}
        kinds = {"decimals": pa.int32(), "hourly": pa.bool_(), "consumed": pa.bool_()}
        kind = lambda it: pa.float64() if it in floats else kinds.get(it, pa.string())
        return pa.table({field: pa.array(values, kind(field)) for field, values in columns.items()})


# The columns of FOCUS 1.2 in their order. `q` is the quantity, `part` a random number from 0 to 1 of the row.
COLUMNS = """
zone AS AvailabilityZone, billed AS BilledCost, billing_account AS BillingAccountId, 'payer' AS BillingAccountName,
'Billing Account' AS BillingAccountType, currency AS BillingCurrency, TIMESTAMP '{next}' AS BillingPeriodEnd,
TIMESTAMP '{month}' AS BillingPeriodStart, capacity AS CapacityReservationId,
capacity_status AS CapacityReservationStatus, category AS ChargeCategory, class AS ChargeClass,
description AS ChargeDescription, frequency AS ChargeFrequency, "end" AS ChargePeriodEnd, start AS ChargePeriodStart,
commitment_kind AS CommitmentDiscountCategory, commitment AS CommitmentDiscountId,
commitment_name AS CommitmentDiscountName, if(commitment_status IS NULL, NULL, q) AS CommitmentDiscountQuantity,
commitment_status AS CommitmentDiscountStatus, commitment_type AS CommitmentDiscountType,
if(commitment_status IS NULL, NULL, unit) AS CommitmentDiscountUnit, if(consumed, q, NULL) AS ConsumedQuantity,
if(consumed, unit, NULL) AS ConsumedUnit, contracted AS ContractedCost,
round(list_price * (1 - discount), 12) AS ContractedUnitPrice,
if(part2 < null_share, NULL, effective) AS EffectiveCost, invoice AS InvoiceId, issuer AS InvoiceIssuerName,
if(part3 < list_null_share, NULL, list) AS ListCost, list_price AS ListUnitPrice, pricing AS PricingCategory,
currency AS PricingCurrency, round(list_price * (1 - discount), 12) AS PricingCurrencyContractedUnitPrice,
effective AS PricingCurrencyEffectiveCost, list_price AS PricingCurrencyListUnitPrice, q AS PricingQuantity,
unit AS PricingUnit, provider AS ProviderName, publisher AS PublisherName, region AS RegionId,
region_name AS RegionName, resource AS ResourceId, resource_name AS ResourceName, resource_type AS ResourceType,
service_category AS ServiceCategory, service AS ServiceName, subcategory AS ServiceSubcategory, sku AS SkuId,
meter AS SkuMeter, details AS SkuPriceDetails, sku || '.' || coalesce(pricing, 'None') AS SkuPriceId,
account AS SubAccountId, account_name AS SubAccountName, 'Account' AS SubAccountType, tags AS Tags
"""

# A row is a charge in an hour; `md5` is the same in every version of DuckDB, `hash` is not.
ROWS = """
WITH cells AS (
  SELECT n, hour, md5_number_lower(concat({seed}, ':', n, ':', hour)) AS bits
  FROM (SELECT n FROM lines WHERE hourly) CROSS JOIN (SELECT range::INT AS hour FROM range({hours}))
  UNION ALL
  SELECT n, {hours} - 1, md5_number_lower(concat({seed}, ':', n)) FROM lines WHERE NOT hourly
)
SELECT n::INT AS n, hour::SMALLINT AS hour, (bits & 1048575)::INT AS a, ((bits >> 20) & 1048575)::INT AS b,
  ((bits >> 40) & 1048575)::INT AS c
FROM cells ORDER BY hour, bits
"""

# A machine runs the whole hour but in 6 rows of 100; what is counted varies with every row.
CHARGES = """
SELECT {columns} FROM (
  SELECT *, round(list_price * q, decimals) AS list, round(list_price * (1 - discount) * q, decimals) AS contracted,
    CASE WHEN commitment_status IS NOT NULL THEN 0.0 ELSE round(list_price * (1 - discount) * q, decimals) END AS billed,
    CASE WHEN effective_price IS NOT NULL THEN round(effective_price * q, decimals)
      ELSE round(list_price * (1 - discount) * q, decimals) END AS effective
  FROM (
    SELECT l.*, b / 1048576.0 AS part2, c / 1048576.0 AS part3,
      coalesce(l.period_start::TIMESTAMP, TIMESTAMP '{month}' + to_hours(hour::INT)) AS start,
      coalesce(l.period_end::TIMESTAMP, TIMESTAMP '{month}' + to_hours(hour::INT + 1)) AS "end",
      CASE l.quantity WHEN 'steady' THEN round(size, 10)
        WHEN 'hour' THEN if(a % 100 < 6, round(a / 1048576.0, 6), 1.0)
        WHEN 'random' THEN round(size * pow(a / 1048576.0, 3), 10)
        ELSE 1.0 END AS q
    FROM rows r JOIN lines l USING (n)
  )
)
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("output")
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--seed", type=int, default=42)
    args = parser.parse_args()
    began = time.monotonic()
    bill = Bill(args.seed)
    for part in (bill.aws_machines, bill.aws_others, bill.azure, bill.gcp, bill.oci, bill.commitments_unused):
        part()
    hours, once = divmod(args.rows, HOURS)
    # A smaller file has fewer charges, a month as long.
    if hours < len(bill.lines):
        bill.random.shuffle(bill.lines)
        bill.lines = bill.lines[:hours]
        bill.lines.sort(key=lambda it: it["resource"] or "")
    missing = hours - len(bill.lines)
    for _ in range(missing):
        extra = dict(bill.random.choice(bill.lines[:9000]))
        extra["resource"] = f"{extra['resource']}-{bill.hex(4)}"
        bill.lines.append(extra)
    bill.once(once)
    connection = duckdb.connect()
    connection.execute("SET threads = 2")
    connection.register("charges", bill.table())
    numbered = "CREATE TABLE lines AS SELECT (row_number() OVER ())::INT AS n, * FROM charges"
    connection.execute(numbered)
    connection.execute("CREATE TABLE rows AS " + ROWS.format(seed=args.seed, hours=HOURS))
    columns = COLUMNS.format(month=MONTH, next=NEXT)
    charges = CHARGES.format(columns=columns, month=MONTH)
    part = args.output + ".part"
    connection.execute(f"COPY ({charges}) TO '{part}' (FORMAT parquet, COMPRESSION zstd)")
    os.replace(part, args.output)
    print(f"{args.rows} rows, {len(bill.lines)} charges, {os.path.getsize(args.output) >> 20} MiB, "
          f"{time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
