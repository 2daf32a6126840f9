-- What `gpuadvise ingest` does with a FOCUS file, in DuckDB's words: {file} is the Parquet file, {amount:X} the cast of a
-- cost to DECIMAL(38,18).
--
-- Two scans of few columns learn which SKUs are GPUs and which resources have them, because a machine of Google Cloud is
-- three rows, of which one names the GPU and two name cores and memory. The third reads everything once and groups it: GPU
-- rows by hour, workload, team, provider, region, account, machine, pricing category and commitment status, other rows by
-- service. The answers are sums over these groups.
-- It knows less than gpuadvise and checks less: one pattern per cloud instead of a catalog, no rules, no rows to reject, no
-- hash of the file. Every expression on texts takes one column, which DuckDB evaluates once per entry of a dictionary page.

CREATE MACRO sku(text) AS nullif(regexp_extract(text,
  '\b(?:(?:p[2-6]|g[2-7]|gr6)[a-z0-9-]*\.[a-z0-9]+|N[CDVG][0-9]+[a-z]+ [A-Z].*|GPU running|GPU - .*)'), '');
CREATE MACRO machine(details) AS nullif(regexp_extract(details,
  '"InstanceType":"((?:(?:p[2-6]|g[2-7]|gr6)[a-z0-9-]*\.[a-z0-9]+|Standard_N[CDVG][^"]*|(?:BM|VM)\.GPU[^"]*))"', 1), '');

CREATE TEMP TABLE skus AS
SELECT details, meter, description, coalesce(machine(details), sku(meter), sku(description)) AS gpu,
  regexp_matches(description, '\bInstance (Core|Ram) running\b') AS is_part
FROM (
  SELECT DISTINCT SkuPriceDetails AS details, SkuMeter AS meter, ChargeDescription AS description
  FROM read_parquet('{file}')
)
WHERE gpu IS NOT NULL OR is_part;

CREATE TEMP TABLE machines AS
SELECT DISTINCT ResourceId AS id
FROM read_parquet('{file}') JOIN skus
  ON SkuPriceDetails IS NOT DISTINCT FROM details AND SkuMeter IS NOT DISTINCT FROM meter
  AND ChargeDescription IS NOT DISTINCT FROM description
WHERE gpu IS NOT NULL AND ChargeCategory = 'Usage' AND CommitmentDiscountStatus IS DISTINCT FROM 'Unused'
  AND ResourceId IS NOT NULL;

CREATE TEMP TABLE groups AS
SELECT currency, category, fate, provider, hour, workload, team, region, account, gpu, pricing, status, service,
  count(*) AS n, sum(billed) AS billed, sum(effective) AS effective, sum(list) AS list, sum(contracted) AS contracted,
  sum(hours) AS hours, count(billed) AS billed_known, count(effective) AS effective_known, count(list) AS list_known,
  count(contracted) AS contracted_known
FROM (
  SELECT currency, category, fate, provider, billed, effective, list, contracted,
    CASE WHEN fate = 'gpu' THEN hour END AS hour,
    CASE WHEN fate = 'gpu' THEN coalesce(workload, name) END AS workload,
    CASE WHEN fate = 'gpu' THEN team END AS team,
    CASE WHEN fate = 'gpu' THEN region END AS region,
    CASE WHEN fate = 'gpu' THEN account END AS account,
    CASE WHEN fate = 'gpu' THEN gpu END AS gpu,
    CASE WHEN fate = 'gpu' THEN pricing END AS pricing,
    CASE WHEN fate = 'gpu' THEN status END AS status,
    CASE WHEN fate = 'gpu' AND gpu IS NOT NULL THEN quantity END AS hours,
    CASE WHEN fate <> 'gpu' THEN service END AS service
  FROM (
    SELECT BillingCurrency AS currency, ChargeCategory AS category, ProviderName AS provider, ChargePeriodStart AS hour,
      PricingCategory AS pricing, CommitmentDiscountStatus AS status, RegionId AS region, SubAccountId AS account,
      ServiceName AS service, ResourceName AS name, PricingQuantity AS quantity,
      regexp_extract(Tags, '"workload":"([^"]*)"', 1) AS workload, regexp_extract(Tags, '"team":"([^"]*)"', 1) AS team,
      gpu,
      CASE WHEN ChargeCategory <> 'Usage' THEN 'other'
        WHEN CommitmentDiscountStatus = 'Unused' THEN 'unused'
        WHEN gpu IS NOT NULL OR (is_part AND id IS NOT NULL) THEN 'gpu'
        ELSE 'other' END AS fate,
      {amount:BilledCost} AS billed, {amount:EffectiveCost} AS effective, {amount:ListCost} AS list,
      {amount:ContractedCost} AS contracted
    FROM read_parquet('{file}')
    LEFT JOIN machines ON ResourceId = id
    LEFT JOIN skus ON SkuPriceDetails IS NOT DISTINCT FROM details AND SkuMeter IS NOT DISTINCT FROM meter
      AND ChargeDescription IS NOT DISTINCT FROM description
  )
)
GROUP BY ALL;

-- The totals by currency and charge category, and how many costs are null.
SELECT currency, category, sum(n)::BIGINT AS rows, sum(billed)::VARCHAR AS billed, sum(effective)::VARCHAR AS effective,
  sum(list)::VARCHAR AS list, sum(contracted)::VARCHAR AS contracted, sum(n - billed_known)::BIGINT AS billed_null,
  sum(n - effective_known)::BIGINT AS effective_null, sum(n - list_known)::BIGINT AS list_null,
  sum(n - contracted_known)::BIGINT AS contracted_null
FROM groups GROUP BY ALL ORDER BY ALL;

-- What GPUs cost, what commitments left unused, the rest.
SELECT fate, sum(n)::BIGINT AS rows, sum(billed)::VARCHAR AS billed, sum(effective)::VARCHAR AS effective,
  sum(hours) AS hours, count(*) AS groups
FROM groups GROUP BY ALL ORDER BY ALL;

-- Other rows by service.
SELECT provider, service, sum(n) AS rows, sum(billed) AS billed, sum(effective) AS effective
FROM groups WHERE fate <> 'gpu' GROUP BY ALL ORDER BY billed DESC;
