-- The table of `gpuadvise rollup` in {engine}: one row per minute and workload, from one scan of the log.
-- Replace `log` by the name of your table and the columns below by yours; times are UTC.
WITH requests AS (
  SELECT
    timestamp AS arrival,
    workload AS name,
    CAST(prompt_tokens AS {maybe_long}) AS prompt,
    CAST(completion_tokens AS {maybe_long}) AS completion,
    -- 1 for a request that failed, 0 for one that was answered, NULL where the log does not tell.
    -- Leave out requests that were refused for a limit (429) or answered from a cache.
    CAST(NULL AS {maybe_long}) AS failed
  FROM log
),
-- Requests without a name are those of `log`. Tokens count where both are known; zeros of a failure mean
-- that nobody counted.
told AS (
  SELECT
    arrival, prompt, completion, failed,
    CASE WHEN name IS NULL OR LOWER(TRIM(name)) IN ('', 'null', 'n/a') THEN 'log' ELSE TRIM(name) END AS workload,
    CASE WHEN prompt IS NULL OR completion IS NULL THEN 0
      WHEN COALESCE(failed, 0) = 1 AND prompt + completion = 0 THEN 0 ELSE 1 END AS counted
  FROM requests
),
-- Rows without a time between 1970 and 2100, or with tokens that are no count, are no requests.
clean AS (
  SELECT
    arrival, workload, failed, {minute} AS minute,
    CASE WHEN counted = 1 THEN prompt END AS p,
    CASE WHEN counted = 1 THEN completion END AS c
  FROM told
  WHERE {micros} BETWEEN 0 AND 4133980799999999
    AND COALESCE(prompt, 0) BETWEEN 0 AND 2147483647
    AND COALESCE(completion, 0) BETWEEN 0 AND 2147483647{guard}
),
octaves AS (
  SELECT
    arrival, workload, failed, minute, p, c,
    {before} OVER (PARTITION BY workload, minute ORDER BY arrival{frame}) AS arrival_before,
    {prompt_octave} AS p_octave,
    {completion_octave} AS c_octave
  FROM clean
),
buckets AS (
  SELECT
    arrival, workload, failed, minute, {second} AS second, p, c, {micros} - {micros_before} AS gap_us,
    COALESCE(CAST(32 * p_octave + ({prompt_shift}) AS {maybe_int}), -1) AS p_bucket,
    COALESCE(CAST(32 * c_octave + ({completion_shift}) AS {maybe_int}), -1) AS c_bucket
  FROM octaves
),
-- Counted in three ways: by second, by bucket of prompt tokens, and by bucket of completion tokens.
counts AS (
  SELECT
    minute, workload, second, p_bucket, c_bucket,
    CASE WHEN GROUPING(second) = 0 THEN 1 WHEN GROUPING(p_bucket) = 0 THEN 2 ELSE 3 END AS way,
    CAST(COUNT(*) AS {long}) AS n,
    SUM(failed) AS failures, COUNT(p) AS with_tokens,
    SUM(p) AS p_sum, SUM(c) AS c_sum, SUM(p * p) AS p_sq, SUM(c * c) AS c_sq,
    MIN(arrival) AS arrival_first, MAX(arrival) AS arrival_last, SUM(gap_us * gap_us) AS gap_sq
  FROM buckets
  GROUP BY GROUPING SETS (
    (minute, workload, second), (minute, workload, p_bucket), (minute, workload, c_bucket)
  )
)
SELECT
  minute, workload,
  CAST(SUM(CASE WHEN way = 1 THEN n END) AS {long}) AS requests,
  CAST(SUM(CASE WHEN way = 1 THEN failures END) AS {maybe_long}) AS errors,
  CAST(SUM(CASE WHEN way = 1 THEN with_tokens END) AS {long}) AS requests_with_tokens,
  CAST(SUM(CASE WHEN way = 1 THEN p_sum END) AS {maybe_long}) AS prompt_tokens,
  CAST(SUM(CASE WHEN way = 1 THEN c_sum END) AS {maybe_long}) AS completion_tokens,
  CAST(SUM(CASE WHEN way = 1 THEN p_sq END) AS {maybe_long}) AS prompt_tokens_sq,
  CAST(SUM(CASE WHEN way = 1 THEN c_sq END) AS {maybe_long}) AS completion_tokens_sq,
  MIN(arrival_first) AS first_arrival,
  MAX(arrival_last) AS last_arrival,
  CAST({micros_last} - {micros_first} AS {long}) AS gap_sum_us,
  CAST(COALESCE(SUM(CASE WHEN way = 1 THEN gap_sq END), 0) AS {long}) AS gap_sum_sq_us2,
  CAST(SUM(CASE WHEN way = 1 THEN 1 END) AS {long}) AS nonempty_seconds,
  CAST(SUM(CASE WHEN way = 1 THEN n * n END) AS {long}) AS second_requests_sq,
  {first} AS first_second_requests,
  {last} AS last_second_requests,
  {prompt_list} AS prompt_histogram,
  {completion_list} AS completion_histogram
FROM counts
GROUP BY minute, workload
ORDER BY minute, workload
