//! The billing history of `RunPod`: what v1 and v2 of its API have in common.
//!
//! Fields: `docs.runpod.io/api-reference/billing` (v1: a bare array) and
//! `docs.runpod.io/api-reference-v2/billing` (v2: `records` and `metadata`), both read 2026-11-25.
//! All amounts are US dollars. No record says how many GPUs a pod has, where it stands, or whether
//! it is spot. `RunPod` amortizes nothing, so that billed and effective cost are the same.

pub(in crate::ingest) mod v1;
pub(in crate::ingest) mod v2;

use super::super::IngestError;
use super::super::cell;
use super::super::raw::RawTable;
use super::charge::{ChargeCategory, Line};
use super::columns::{Columns, LineColumns, is_one_of};
use crate::units::Currency;
use crate::usage::PricingCategory;

const POD: &str = "podId";
const GPU: &str = "gpuTypeId";
const VOLUME: &str = "networkVolumeId";
/// The service of storage, which has no hours of a machine.
const NETWORK_VOLUMES: &str = "Network volumes";

/// What v1 and v2 call an endpoint.
const ENDPOINT: &[&str] = &["endpointId", "serverlessId"];

/// What each record of a file adds up.
///
/// One API call gives one grouping. The same pods asked for by pod and again by GPU type are the
/// same money twice, and so are v1 and v2 of the same pods, and endpoints by endpoint and by GPU
/// type: add up files of different groupings for the same days only where one of them is
/// [`Grouping::NetworkVolumes`], or one is [`Grouping::Pods`] and the other
/// [`Grouping::Endpoints`]. Two files of one grouping for the same days are the same money too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::ingest) enum Grouping {
    /// A pod, by `podId`.
    Pods,
    /// A serverless endpoint, by `endpointId` or `serverlessId`.
    Endpoints,
    /// All pods, or all endpoints, that had one type of GPU, by `gpuTypeId` alone.
    GpuTypes,
    /// A network volume.
    NetworkVolumes,
    /// Records of more than one of these; such a file was put together by hand.
    Mixed,
}

impl Grouping {
    /// The words for it.
    pub(in crate::ingest) const fn as_str(self) -> &'static str {
        match self {
            Grouping::Pods => "pods",
            Grouping::Endpoints => "endpoints",
            Grouping::GpuTypes => "GPU types",
            Grouping::NetworkVolumes => "network volumes",
            Grouping::Mixed => "mixed groupings",
        }
    }
}

/// What the records of a v1 or v2 table add up; `None` where no record names anything.
pub(in crate::ingest) fn grouping(table: &RawTable) -> Option<Grouping> {
    let at = |names: &[&str]| table.headers.iter().position(|it| is_one_of(it, names));
    // The most telling first: a record with an endpoint may name its GPU as well.
    let kinds = [
        (at(ENDPOINT), Grouping::Endpoints),
        (at(&[POD]), Grouping::Pods),
        (at(&[VOLUME]), Grouping::NetworkVolumes),
        (at(&[GPU]), Grouping::GpuTypes),
    ];
    let says = |column: Option<usize>, row: usize| {
        column.is_some_and(|it| matches!(cell::text(table.cell(it, row)), Ok(Some(_))))
    };
    let mut found = None;
    for row in 0..table.len() {
        let kind = kinds.iter().find(|(column, _)| says(*column, row)).map(|(_, kind)| *kind);
        found = match (found, kind) {
            (None, kind) => kind,
            (Some(before), Some(kind)) if before != kind => return Some(Grouping::Mixed),
            (before, _) => before,
        };
    }
    found
}

/// The columns that name what was charged for.
struct Ids(LineColumns<4>);

/// Place of the pod in [`Ids`].
const POD_ID: usize = 0;

impl Ids {
    fn find(columns: &mut Columns) -> Result<Ids, IngestError> {
        columns.line([&[POD], ENDPOINT, &[GPU], &[VOLUME]], &[]).map(Ids)
    }

    /// The line of these ids. A record with a GPU type only is many pods, or many endpoints where
    /// `serverless` says that the file is one of endpoints: it has no resource and no workload.
    fn line(&self, texts: &[Option<&str>], serverless: bool) -> Line {
        let [pod, endpoint, gpu, volume] = self.0.texts(texts).map(|it| it.map(str::to_owned));
        let service = match (&endpoint, &pod, &volume) {
            (Some(_), ..) => "Serverless",
            (None, None, Some(_)) => NETWORK_VOLUMES,
            (None, None, None) if serverless => "Serverless",
            _ => "Pods",
        };
        let workload = endpoint.or(pod);
        Line {
            provider: Some("runpod".to_owned()),
            currency: Some(Currency::USD),
            category: Some(ChargeCategory::Usage),
            pricing: if service == "Serverless" {
                PricingCategory::Serverless
            } else {
                PricingCategory::Standard
            },
            resource_id: workload.clone().or(volume),
            service: Some(service.to_owned()),
            gpu_name: gpu,
            workload,
            ..Line::default()
        }
    }
}

#[cfg(test)]
mod tests;
