//! Bills of `RunPod`'s API v1: a flat array of records that say when their bucket begins, not when
//! it ends.
//!
//! The length of the buckets is a parameter of the call and not in its answer, so it is taken from
//! the distances between the starts. A file with a single start at midnight is taken for one bucket
//! of a day, the default of the API, or for the shortest longer one that holds the time billed to
//! a pod; [`Bound::format`] says which, and that it was assumed. A later row that begins inside
//! such a bucket is refused.

use std::collections::BTreeSet;

use super::super::super::IngestError;
use super::super::super::cell;
use super::super::super::raw::RawTable;
use super::super::bucket::Bucket;
use super::super::charge::{BillFormat, Bound, Fault, Line, Parts, QuantityUnit, Terms};
use super::super::columns::{Columns, any_is, is_one_of};
use super::super::reading::{Reading, same_costs};
use super::{ENDPOINT, GPU, Grouping, Ids, POD, POD_ID, VOLUME, grouping};
use crate::units::{Period, Timestamp};

const AMOUNT: &str = "amount";
const TIME: &str = "time";
const BILLED_MS: &str = "timeBilledMs";
const MS_PER_HOUR: f64 = 3_600_000.0;
const HINT: &str = "save the whole answer of `/v1/billing/pods` or `/v1/billing/endpoints`";

/// Pods, endpoints and network volumes.
pub(in crate::ingest) static FORMAT: BillFormat = BillFormat { fits, wants, bind };

fn fits(headers: &[String]) -> bool {
    let ids = any_is(headers, &[POD, GPU, VOLUME]) || any_is(headers, ENDPOINT);
    any_is(headers, &[AMOUNT]) && any_is(headers, &[TIME]) && ids
}

fn wants(header: &str) -> bool {
    is_one_of(header, &[AMOUNT, TIME, BILLED_MS, POD, GPU, VOLUME]) || is_one_of(header, ENDPOINT)
}

fn bind(first: &RawTable, file: &str) -> Result<Box<dyn Bound>, IngestError> {
    let mut columns = Columns::of(first, file);
    let ids = Ids::find(&mut columns)?;
    let amount = columns.need(&[AMOUNT], HINT)?;
    let time = columns.need(&[TIME], HINT)?;
    let billed_ms = columns.find(&[BILLED_MS])?;
    let starts: BTreeSet<Timestamp> =
        (0..first.len()).filter_map(|row| cell::utc_at(first, time, row).ok()?).collect();
    let spaced = Bucket::between(&starts);
    let bucket = spaced.unwrap_or_else(|| assumed_bucket(first, ids.0.column(POD_ID), billed_ms));
    Ok(Box::new(Records {
        grouping: grouping(first),
        one_start: starts.first().copied().unwrap_or_default(),
        assumed: spaced.is_none(),
        ids,
        amount,
        time,
        billed_ms,
        bucket,
        used: columns.used(),
    }))
}

/// The bucket of a file with a single start: a day, or longer where a pod was billed for longer.
fn assumed_bucket(first: &RawTable, pod: Option<usize>, billed_ms: Option<usize>) -> Bucket {
    let (Some(pod), Some(billed_ms)) = (pod, billed_ms) else { return Bucket::Day };
    let of_pods =
        (0..first.len()).filter(|row| matches!(cell::text(first.cell(pod, *row)), Ok(Some(_))));
    let longest = of_pods
        .filter_map(|row| cell::quantity(first.cell(billed_ms, row)).ok()?)
        .fold(0.0, f64::max);
    Bucket::that_holds(longest / MS_PER_HOUR)
}

struct Records {
    ids: Ids,
    amount: usize,
    time: usize,
    billed_ms: Option<usize>,
    bucket: Bucket,
    /// The bucket is not seen in the file.
    assumed: bool,
    one_start: Timestamp,
    grouping: Option<Grouping>,
    used: Vec<String>,
}

impl Records {
    fn period(&self, read: &Reading<'_>) -> Result<Period, Fault> {
        let start = read.instant(self.time, "start")?;
        self.bucket.from(start, self.one_start).ok_or_else(|| {
            let bucket = self.bucket.as_str();
            let reason = format!(
                "{start} does not begin a bucket of a {bucket}, which the first rows are; \
                 put each bucketSize in a file of its own"
            );
            read.fault(self.time, reason)
        })
    }
}

impl Bound for Records {
    fn line_columns(&self) -> &[usize] {
        self.ids.0.columns()
    }

    fn line(&self, texts: &[Option<&str>]) -> Result<Line, Fault> {
        let mut line = self.ids.line(texts, self.grouping == Some(Grouping::Endpoints));
        let is_timed =
            self.billed_ms.is_some() && line.service.as_deref() != Some(super::NETWORK_VOLUMES);
        line.unit = if is_timed { QuantityUnit::Hours(1.0) } else { QuantityUnit::None };
        Ok(line)
    }

    fn row(
        &self,
        table: &RawTable,
        row: usize,
        line: &Terms,
        out: &mut Parts,
    ) -> Result<(), Fault> {
        let mut read = Reading::of((table, row), out);
        let costs = same_costs(read.needed_cost(self.amount)?);
        let period = self.period(&read);
        let period = read.keep(period).unwrap_or(Period::EPOCH_DAY);
        let billed_ms = self.billed_ms.filter(|_| line.unit != QuantityUnit::None);
        let hours = read.quantity(billed_ms).map(|ms| ms / MS_PER_HOUR);
        read.charge(costs, period, hours)
    }

    fn columns_used(&self) -> Vec<String> {
        self.used.clone()
    }

    fn format(&self) -> String {
        let what = self.grouping.map_or("nothing named", Grouping::as_str);
        let taken_for_pods =
            if self.grouping == Some(Grouping::GpuTypes) { " of pods, assumed" } else { "" };
        let assumed = if self.assumed { ", assumed from a single start" } else { "" };
        let bucket = self.bucket.as_str();
        format!("RunPod billing v1 ({what}{taken_for_pods}, by {bucket}{assumed})")
    }
}
