//! The usage table as a polars frame and as Parquet.

use std::io::Write;

use polars::prelude::*;

use super::{Number, TextColumn, UsageTable};

/// Decimal digits and decimals of an amount column.
const DECIMAL: (usize, usize) = (38, 18);

/// The table as a frame with the columns of [`super::schema::COLUMNS`].
pub fn to_frame(table: &UsageTable) -> PolarsResult<DataFrame> {
    let time = |name: &str, us: Vec<i64>| {
        Series::new(name.into(), us)
            .into_datetime(TimeUnit::Microseconds, Some(TimeZone::UTC))
            .into()
    };
    let count = table.len();
    let columns: Vec<Column> = vec![
        time("period_start", table.period.iter().map(|it| it.start().us()).collect()),
        time("period_end", table.period.iter().map(|it| it.end().us()).collect()),
        text("workload", &table.workload),
        text("provider", &table.provider),
        text("region", &table.region),
        text("sub_account", &table.sub_account),
        text("owner", &table.owner),
        text("environment", &table.environment),
        text("gpu", &table.gpu),
        number("gpu_count", &table.gpu_count),
        number("gpu_hours", &table.gpu_hours),
        Column::new(
            "pricing_category".into(),
            table.pricing_category.iter().map(super::PricingCategory::as_str).collect::<Vec<_>>(),
        ),
        Column::new("billing_currency".into(), vec![table.currency.as_str(); count]),
        amount("billed_cost", &table.billed_cost)?,
        amount("effective_cost", &table.effective_cost)?,
        amount("list_cost", &table.list_cost)?,
        amount("contracted_cost", &table.contracted_cost)?,
        number("requests", &table.requests),
        number("prompt_tokens", &table.prompt_tokens),
        number("completion_tokens", &table.completion_tokens),
        number("interarrival_cv", &table.interarrival_cv),
        number("gpu_util", &table.gpu_util),
        number("memory_fraction", &table.memory_fraction),
        number("kv_cache_usage", &table.kv_cache_usage),
        number("vram_used_mib", &table.vram_used_mib),
        text("model", &table.model),
        text("dtype", &table.dtype),
        text("quantization", &table.quantization),
        number("tensor_parallel_size", &table.tensor_parallel_size),
        number("max_model_len", &table.max_model_len),
    ];
    DataFrame::new(count, columns)
}

/// Writes the table as zstd Parquet: the same table gives the same bytes.
pub fn write_parquet(table: &UsageTable, to: impl Write) -> PolarsResult<()> {
    let mut frame = to_frame(table)?;
    ParquetWriter::new(to)
        .with_compression(ParquetCompression::Zstd(None))
        .set_parallel(false)
        .finish(&mut frame)?;
    Ok(())
}

fn text(name: &str, column: &TextColumn) -> Column {
    let mut builder = StringChunkedBuilder::new(name.into(), column.len());
    for at in 0..column.len() {
        builder.append_option(column.get(at));
    }
    builder.finish().into_series().into()
}

fn number<T: Number>(name: &str, column: &super::Column<T>) -> Column
where
    Series: NamedFrom<Vec<Option<T>>, [Option<T>]>,
{
    Series::new(name.into(), column.iter().collect::<Vec<_>>()).into()
}

fn amount(name: &str, atto: &super::Column<i128>) -> PolarsResult<Column> {
    let physical = Int128Chunked::from_slice_options(name.into(), &atto.iter().collect::<Vec<_>>());
    Ok(physical.into_decimal(DECIMAL.0, DECIMAL.1)?.into_series().into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::{Currency, Money, Period, Timestamp};
    use crate::usage::{UsageRow, schema};

    #[test]
    fn the_frame_has_the_columns_of_the_schema() {
        let mut table = UsageTable::new(Currency::USD);
        table.push(&UsageRow {
            period: Period::new(Timestamp::from_s(0), Timestamp::from_s(3600)),
            billed_cost: Money::parse("0.000000000000000001", Currency::USD).ok(),
            ..UsageRow::default()
        });
        let frame = to_frame(&table).unwrap();
        let names: Vec<&str> = frame.get_column_names().iter().map(|it| it.as_str()).collect();
        let expected: Vec<&str> = schema::COLUMNS.iter().map(|it| it.name).collect();
        assert_eq!(names, expected);
        let billed = frame.column("billed_cost").unwrap().decimal().unwrap();
        assert_eq!(billed.physical().get(0), Some(1));
        let bytes = |table| {
            let mut bytes = Vec::new();
            write_parquet(table, &mut bytes).unwrap();
            bytes
        };
        assert_eq!(bytes(&table), bytes(&table));
    }
}
