-- The table of `gpuadvise rollup` in {engine}: one row per minute and workload.
-- Replace `log` by the name of your table and the columns below by yours; times are UTC.
WITH requests AS (
  SELECT
    timestamp AS arrival,
    workload,
    CAST(prompt_tokens AS {long}) AS prompt,
    CAST(completion_tokens AS {long}) AS completion,
    -- 1 for a request that failed, 0 for one that was answered, NULL where the log does not tell.
    -- Leave out requests that were refused for a limit (429) or answered from a cache.
    CAST(NULL AS {long}) AS failed
  FROM log
),
-- Tokens count where both are known; zeros of a failure mean that nobody counted.
told AS (
  SELECT
    requests.*,
    CASE WHEN prompt IS NULL OR completion IS NULL THEN 0
      WHEN COALESCE(failed, 0) = 1 AND prompt + completion = 0 THEN 0 ELSE 1 END AS counted
  FROM requests
),
clean AS (
  SELECT
    arrival, workload, failed, {minute} AS minute, {second} AS second, {micros} AS us,
    CASE WHEN counted = 1 THEN prompt END AS p,
    CASE WHEN counted = 1 THEN completion END AS c
  FROM told
),
gaps AS (
  SELECT clean.*, us - LAG(us) OVER (PARTITION BY workload, minute ORDER BY us) AS gap_us
  FROM clean
),
sums AS (
  SELECT
    minute, workload,
    COUNT(*) AS requests,
    CAST(SUM(failed) AS {long}) AS errors,
    COUNT(p) AS requests_with_tokens,
    CAST(SUM(p) AS {long}) AS prompt_tokens,
    CAST(SUM(c) AS {long}) AS completion_tokens,
    CAST(SUM(p * p) AS {long}) AS prompt_tokens_sq,
    CAST(SUM(c * c) AS {long}) AS completion_tokens_sq,
    MIN(arrival) AS first_arrival,
    MAX(arrival) AS last_arrival,
    CAST(MAX(us) - MIN(us) AS {long}) AS gap_sum_us,
    CAST(COALESCE(SUM(gap_us * gap_us), 0) AS {long}) AS gap_sum_sq_us2
  FROM gaps
  GROUP BY minute, workload
),
per_second AS (
  SELECT minute, workload, second, COUNT(*) AS n FROM clean GROUP BY minute, workload, second
),
seconds AS (
  SELECT
    minute, workload,
    COUNT(*) AS nonempty_seconds,
    CAST(SUM(n * n) AS {long}) AS second_requests_sq,
    {first} AS first_second_requests,
    {last} AS last_second_requests
  FROM per_second
  GROUP BY minute, workload
),
octaves AS (
  SELECT
    minute, workload, p, c,
    {prompt_octave} AS p_octave,
    {completion_octave} AS c_octave
  FROM clean
  WHERE p IS NOT NULL
),
buckets AS (
  SELECT
    minute, workload,
    CAST(32 * p_octave + ({prompt_shift}) AS INT) AS prompt_bucket,
    CAST(32 * c_octave + ({completion_shift}) AS INT) AS completion_bucket
  FROM octaves
),
prompt_counts AS (
  SELECT minute, workload, prompt_bucket AS bucket, COUNT(*) AS n
  FROM buckets
  GROUP BY minute, workload, prompt_bucket
),
completion_counts AS (
  SELECT minute, workload, completion_bucket AS bucket, COUNT(*) AS n
  FROM buckets
  GROUP BY minute, workload, completion_bucket
),
prompt_histograms AS (
  SELECT minute, workload, {list} AS prompt_histogram
  FROM prompt_counts
  GROUP BY minute, workload
),
completion_histograms AS (
  SELECT minute, workload, {list} AS completion_histogram
  FROM completion_counts
  GROUP BY minute, workload
)
SELECT
  sums.minute, sums.workload, requests, errors, requests_with_tokens,
  prompt_tokens, completion_tokens, prompt_tokens_sq, completion_tokens_sq,
  first_arrival, last_arrival, gap_sum_us, gap_sum_sq_us2,
  nonempty_seconds, second_requests_sq, first_second_requests, last_second_requests,
  COALESCE(prompt_histogram, {empty}) AS prompt_histogram,
  COALESCE(completion_histogram, {empty}) AS completion_histogram
FROM sums
JOIN seconds ON seconds.minute = sums.minute AND seconds.workload = sums.workload
LEFT JOIN prompt_histograms
  ON prompt_histograms.minute = sums.minute AND prompt_histograms.workload = sums.workload
LEFT JOIN completion_histograms
  ON completion_histograms.minute = sums.minute AND completion_histograms.workload = sums.workload
ORDER BY sums.minute, sums.workload
