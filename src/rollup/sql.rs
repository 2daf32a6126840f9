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
    /// The whole minute, the whole second and the microseconds since 1970 of `{}`.
    minute: &'static str,
    second: &'static str,
    micros: &'static str,
    /// `{x}` divided by two to the power of `{e}`.
    shift: &'static str,
    /// The list of buckets and counts in the order of buckets.
    list: &'static str,
    /// The list without an entry.
    empty: &'static str,
    /// `n` of the first and of the last second.
    first: &'static str,
    last: &'static str,
}

const DUCKDB: Words = Words {
    name: "DuckDB",
    long: "BIGINT",
    minute: "date_trunc('minute', {})",
    second: "date_trunc('second', {})",
    micros: "epoch_us({})",
    shift: "{x} >> {e}",
    list: "list({'bucket': bucket, 'n': n} ORDER BY bucket)",
    empty: "[]",
    first: "arg_min(n, second)",
    last: "arg_max(n, second)",
};
const SPARK: Words = Words {
    name: "Spark",
    long: "BIGINT",
    minute: "date_trunc('MINUTE', {})",
    second: "date_trunc('SECOND', {})",
    micros: "unix_micros({})",
    shift: "shiftright({x}, CAST({e} AS INT))",
    list: "sort_array(collect_list(named_struct('bucket', bucket, 'n', n)))",
    empty: "CAST(array() AS ARRAY<STRUCT<bucket: INT, n: BIGINT>>)",
    first: "min_by(n, second)",
    last: "max_by(n, second)",
};
const TRINO: Words = Words {
    name: "Trino",
    long: "BIGINT",
    minute: "date_trunc('minute', {})",
    second: "date_trunc('second', {})",
    micros: "CAST(round(to_unixtime({}) * 1000000) AS BIGINT)",
    shift: "bitwise_right_shift({x}, CAST({e} AS BIGINT))",
    list: "array_agg(CAST(ROW(bucket, n) AS ROW(bucket INTEGER, n BIGINT)) ORDER BY bucket)",
    empty: "CAST(ARRAY[] AS ARRAY(ROW(bucket INTEGER, n BIGINT)))",
    first: "min_by(n, second)",
    last: "max_by(n, second)",
};
const BIGQUERY: Words = Words {
    name: "BigQuery",
    long: "INT64",
    minute: "TIMESTAMP_TRUNC({}, MINUTE)",
    second: "TIMESTAMP_TRUNC({}, SECOND)",
    micros: "UNIX_MICROS({})",
    shift: "{x} >> {e}",
    list: "ARRAY_AGG(STRUCT(bucket, n) ORDER BY bucket)",
    empty: "CAST([] AS ARRAY<STRUCT<bucket INT64, n INT64>>)",
    first: "MIN_BY(n, second)",
    last: "MAX_BY(n, second)",
};
const CLICKHOUSE: Words = Words {
    name: "ClickHouse",
    long: "Int64",
    minute: "toStartOfMinute({})",
    second: "toStartOfSecond({})",
    micros: "toUnixTimestamp64Micro(CAST({} AS DateTime64(6)))",
    shift: "bitShiftRight({x}, {e})",
    list: "arraySort(groupArray(CAST(tuple(bucket, n) AS Tuple(bucket Int32, n Int64))))",
    empty: "CAST([] AS Array(Tuple(bucket Int32, n Int64)))",
    first: "argMin(n, second)",
    last: "argMax(n, second)",
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
    QUERY
        .replace("{engine}", words.name)
        .replace("{long}", words.long)
        .replace("{minute}", &call(words.minute, "arrival"))
        .replace("{second}", &call(words.second, "arrival"))
        .replace("{micros}", &call(words.micros, "arrival"))
        .replace("{prompt_octave}", &octave("p"))
        .replace("{completion_octave}", &octave("c"))
        .replace("{prompt_shift}", &shift("p", "p_octave"))
        .replace("{completion_shift}", &shift("c", "c_octave"))
        .replace("{list}", words.list)
        .replace("{empty}", words.empty)
        .replace("{first}", words.first)
        .replace("{last}", words.last)
}
