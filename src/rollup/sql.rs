//! The query that makes the same table in the engine that holds the log.
//!
//! One text for all engines; only what they write differently is a word of the dialect. Every number is
//! whole, so that the result is the same to the last digit.

/// An engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// `DuckDB`.
    DuckDb,
    /// Spark SQL.
    Spark,
    /// Trino and Athena.
    Trino,
    /// `BigQuery`.
    BigQuery,
    /// `ClickHouse`.
    ClickHouse,
}

/// What an engine writes in its own way.
struct Words {
    name: &'static str,
    long: &'static str,
    /// The types of a whole number that may be null, of 64 and of 32 bits.
    maybe_long: &'static str,
    maybe_int: &'static str,
    /// The whole minute, the whole second and the microseconds since 1970 of `{}`.
    minute: &'static str,
    second: &'static str,
    micros: &'static str,
    /// The arrival of the row before, null for the first, and the frame that it needs.
    before: &'static str,
    frame: &'static str,
    /// A condition that ends a query which would give wrong numbers.
    guard: &'static str,
    /// `{x}` divided by two to the power of `{e}`.
    shift: &'static str,
    /// The list of buckets `{bucket}` and counts of way `{way}`, in the order of buckets.
    list: &'static str,
    /// `n` of the first and of the last second.
    first: &'static str,
    last: &'static str,
}

const DUCKDB: Words = Words {
    name: "DuckDB",
    long: "BIGINT",
    maybe_long: "BIGINT",
    maybe_int: "INT",
    minute: "date_trunc('minute', {})",
    second: "date_trunc('second', {})",
    micros: "epoch_us({})",
    before: "LAG(arrival)",
    frame: "",
    guard: "",
    shift: "{x} >> {e}",
    list: "COALESCE(list({'bucket': {bucket}, 'n': n} ORDER BY {bucket}) FILTER (WHERE way = {way} AND {bucket} >= 0), [])",
    first: "arg_min(n, second) FILTER (WHERE way = 1)",
    last: "arg_max(n, second) FILTER (WHERE way = 1)",
};
const SPARK: Words = Words {
    name: "Spark",
    long: "BIGINT",
    maybe_long: "BIGINT",
    maybe_int: "INT",
    minute: "date_trunc('MINUTE', {})",
    second: "date_trunc('SECOND', {})",
    micros: "unix_micros({})",
    before: "LAG(arrival)",
    frame: "",
    // A time without a zone would be one of the session's.
    guard: "\n    AND IF(current_timezone() IN ('UTC', 'Etc/UTC', 'GMT', 'Z'), TRUE, \
            CAST(raise_error('first: SET TIME ZONE ''UTC''') AS BOOLEAN))",
    shift: "shiftright({x}, CAST({e} AS INT))",
    list: "sort_array(collect_list(named_struct('bucket', {bucket}, 'n', n)) FILTER (WHERE way = {way} AND {bucket} >= 0))",
    first: "min_by(n, second) FILTER (WHERE way = 1)",
    last: "max_by(n, second) FILTER (WHERE way = 1)",
};
const TRINO: Words = Words {
    name: "Trino",
    long: "BIGINT",
    maybe_long: "BIGINT",
    maybe_int: "INT",
    minute: "date_trunc('minute', {})",
    second: "date_trunc('second', {})",
    micros: "CAST(round(to_unixtime({}) * 1000000) AS BIGINT)",
    before: "LAG(arrival)",
    frame: "",
    guard: "",
    shift: "bitwise_right_shift({x}, CAST({e} AS BIGINT))",
    list: "COALESCE(array_agg(CAST(ROW({bucket}, n) AS ROW(bucket INTEGER, n BIGINT)) ORDER BY {bucket}) \
           FILTER (WHERE way = {way} AND {bucket} >= 0), CAST(ARRAY[] AS ARRAY(ROW(bucket INTEGER, n BIGINT))))",
    first: "min_by(n, second) FILTER (WHERE way = 1)",
    last: "max_by(n, second) FILTER (WHERE way = 1)",
};
const BIGQUERY: Words = Words {
    name: "BigQuery",
    long: "INT64",
    maybe_long: "INT64",
    maybe_int: "INT64",
    minute: "TIMESTAMP_TRUNC({}, MINUTE)",
    second: "TIMESTAMP_TRUNC({}, SECOND)",
    micros: "UNIX_MICROS({})",
    before: "LAG(arrival)",
    frame: "",
    guard: "",
    shift: "{x} >> {e}",
    list: "COALESCE(ARRAY_AGG(IF(way = {way} AND {bucket} >= 0, STRUCT({bucket} AS bucket, n AS n), NULL) \
           IGNORE NULLS ORDER BY {bucket}), CAST([] AS ARRAY<STRUCT<bucket INT64, n INT64>>))",
    first: "MIN_BY(n, IF(way = 1, second, NULL))",
    last: "MAX_BY(n, IF(way = 1, second, NULL))",
};
const CLICKHOUSE: Words = Words {
    name: "ClickHouse",
    long: "Int64",
    maybe_long: "Nullable(Int64)",
    maybe_int: "Nullable(Int32)",
    minute: "toStartOfMinute({})",
    second: "toStartOfSecond({})",
    micros: "toUnixTimestamp64Micro(CAST({} AS Nullable(DateTime64(6))))",
    // Its LAG knows no null.
    before: "lagInFrame(toNullable(arrival))",
    frame: " ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW",
    guard: "",
    shift: "bitShiftRight({x}, {e})",
    list: "arraySort(groupArrayIf(CAST(tuple({bucket}, n) AS Tuple(bucket Int32, n Int64)), way = {way} AND {bucket} >= 0))",
    first: "argMinIf(n, second, way = 1)",
    last: "argMaxIf(n, second, way = 1)",
};

impl Dialect {
    const fn words(self) -> &'static Words {
        match self {
            Dialect::DuckDb => &DUCKDB,
            Dialect::Spark => &SPARK,
            Dialect::Trino => &TRINO,
            Dialect::BigQuery => &BIGQUERY,
            Dialect::ClickHouse => &CLICKHOUSE,
        }
    }
}

const QUERY: &str = include_str!("rollup.sql");

/// The query; `log` in it is the table of requests, to be replaced by the name it has.
pub fn query(dialect: Dialect) -> String {
    let words = dialect.words();
    // The octave of a count, by whole numbers only: how many of 64, 128, 256, ... it reaches.
    let octave = |column: &str| {
        let steps: Vec<String> = (6..31)
            .map(|it| format!("CASE WHEN {column} >= {} THEN 1 ELSE 0 END", 1u64 << it))
            .collect();
        steps.join("\n      + ")
    };
    let call = |word: &str, of: &str| word.replace("{}", of);
    let shift = |x: &str, e: &str| words.shift.replace("{x}", x).replace("{e}", e);
    let list =
        |bucket: &str, way: &str| words.list.replace("{bucket}", bucket).replace("{way}", way);
    QUERY
        .replace("{engine}", words.name)
        .replace("{long}", words.long)
        .replace("{maybe_long}", words.maybe_long)
        .replace("{maybe_int}", words.maybe_int)
        .replace("{minute}", &call(words.minute, "arrival"))
        .replace("{second}", &call(words.second, "arrival"))
        .replace("{micros}", &call(words.micros, "arrival"))
        .replace("{micros_before}", &call(words.micros, "arrival_before"))
        .replace("{micros_first}", &call(words.micros, "MIN(arrival_first)"))
        .replace("{micros_last}", &call(words.micros, "MAX(arrival_last)"))
        .replace("{guard}", words.guard)
        .replace("{before}", words.before)
        .replace("{frame}", words.frame)
        .replace("{prompt_octave}", &octave("p"))
        .replace("{completion_octave}", &octave("c"))
        .replace("{prompt_shift}", &shift("p", "p_octave"))
        .replace("{completion_shift}", &shift("c", "c_octave"))
        .replace("{prompt_list}", &list("p_bucket", "2"))
        .replace("{completion_list}", &list("c_bucket", "3"))
        .replace("{first}", words.first)
        .replace("{last}", words.last)
}
