//! The columns as Parquet.

use polars::prelude::*;

use super::columns::columns;
use super::{Values, changes};
use crate::report::RenderError;
use crate::report::model::ReportModel;

/// The rows as zstd Parquet: the same report gives the same bytes.
pub(crate) fn render(report: &ReportModel) -> Result<Vec<u8>, RenderError> {
    let columns = columns(report)
        .into_iter()
        .map(|it| column(it.name, it.values))
        .collect::<PolarsResult<Vec<Column>>>()?;
    let mut frame = DataFrame::new(changes(report).len(), columns)?;
    let mut bytes = Vec::new();
    ParquetWriter::new(&mut bytes)
        .with_compression(ParquetCompression::Zstd(None))
        .set_parallel(false)
        .finish(&mut frame)?;
    Ok(bytes)
}

fn column(name: &str, values: Values) -> PolarsResult<Column> {
    let name = PlSmallStr::from_str(name);
    Ok(match values {
        Values::Text(it) => {
            StringChunked::from_iter_options(name, it.into_iter()).into_series().into()
        }
        Values::Money(it) => {
            let amounts: Vec<Option<f64>> =
                it.into_iter().map(|it| it.map(crate::units::Money::nearest_f64)).collect();
            Column::new(name, amounts)
        }
        Values::Real(it) => Column::new(name, it),
        Values::Whole(it) => Series::new(name, it).cast(&DataType::Int32)?.into(),
        Values::Flag(it) => {
            BooleanChunked::from_iter_options(name, it.into_iter()).into_series().into()
        }
        Values::Instant(it) => Int64Chunked::from_iter_options(name, it.into_iter())
            .into_datetime(TimeUnit::Microseconds, Some(TimeZone::UTC))
            .into_series()
            .into(),
    })
}
