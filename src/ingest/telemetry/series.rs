//! What every telemetry parser gives: series of readings with the few labels that matter.

use super::metric::Metric;

/// Names of the host label, the first that is set wins.
const HOSTS: &[&str] = &["Hostname", "hostname", "kubernetes_node", "node"];
/// Part of the name of the pods that export GPU metrics; they never use the GPU they report.
const EXPORTER: &str = "dcgm-exporter";

/// The labels that are read; all others never leave the parser.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::ingest) struct Labels {
    /// The file: it stands in for a host or an instance that no label names.
    pub(in crate::ingest) file: String,
    /// UUID of the GPU, or of a MIG slice as nvidia-smi lists it.
    pub(in crate::ingest) uuid: Option<String>,
    /// Index of the GPU in its host.
    pub(in crate::ingest) gpu_index: Option<String>,
    /// Product name of the GPU.
    pub(in crate::ingest) gpu_name: Option<String>,
    /// The host.
    pub(in crate::ingest) host: Option<String>,
    /// Address the metrics came from.
    pub(in crate::ingest) instance: Option<String>,
    /// Who holds the GPU or runs the engine, as the exporter says it.
    pub(in crate::ingest) own: Place,
    /// The same where Prometheus renamed it, because `pod` was taken by the exporter.
    pub(in crate::ingest) exported: Place,
    /// Model the engine serves.
    pub(in crate::ingest) model: Option<String>,
    /// Number of the engine behind one address.
    pub(in crate::ingest) engine: Option<String>,
    /// Number of the MIG slice.
    pub(in crate::ingest) mig_id: Option<String>,
    /// Profile of the MIG slice, such as 1g.10gb.
    pub(in crate::ingest) mig_profile: Option<String>,
    /// What tells the counters of one metric apart: `finished_reason` or `le`.
    pub(in crate::ingest) part: Option<String>,
    /// Blocks of the KV cache.
    pub(in crate::ingest) num_gpu_blocks: Option<u64>,
    /// Tokens in a block.
    pub(in crate::ingest) block_size: Option<u64>,
}

/// A place in the cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::ingest) struct Place {
    /// Namespace.
    pub(in crate::ingest) namespace: Option<String>,
    /// Pod.
    pub(in crate::ingest) pod: Option<String>,
    /// Container.
    pub(in crate::ingest) container: Option<String>,
}

/// One series: a metric of one GPU or engine over time.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::ingest) struct Series {
    /// The metric.
    pub(in crate::ingest) metric: Metric,
    /// Whose.
    pub(in crate::ingest) labels: Labels,
    /// Microseconds since the epoch and the reading (percent as 0 to 1), ascending.
    pub(in crate::ingest) points: Vec<(i64, f64)>,
    /// Readings of a file without a clock, in its order.
    pub(in crate::ingest) untimed: Vec<f64>,
    /// The usual distance of the file's samples; unknown with one sample.
    pub(in crate::ingest) step_us: Option<i64>,
}

impl Labels {
    /// Picks the labels that matter. An empty label is none: exporters write `pod=""` for nobody.
    pub(super) fn pick<'a>(file: &str, lookup: impl Fn(&str) -> Option<&'a str>) -> Labels {
        let text = |name: &str| {
            lookup(name).map(str::trim).filter(|it| !it.is_empty()).map(ToOwned::to_owned)
        };
        let count = |name: &str| text(name).and_then(|it| it.parse().ok());
        let device = || text("device")?.strip_prefix("nvidia").map(ToOwned::to_owned);
        Labels {
            file: file.to_owned(),
            uuid: text("UUID").or_else(|| text("uuid")),
            gpu_index: text("gpu").or_else(device),
            gpu_name: text("modelName"),
            host: HOSTS.iter().filter_map(|it| text(it)).find(|it| !it.contains(EXPORTER)),
            instance: text("instance"),
            own: Place {
                namespace: text("namespace"),
                pod: text("pod"),
                container: text("container"),
            },
            exported: Place {
                namespace: text("exported_namespace"),
                pod: text("exported_pod"),
                container: text("exported_container"),
            },
            model: text("model_name"),
            engine: text("engine"),
            mig_id: text("GPU_I_ID"),
            mig_profile: text("GPU_I_PROFILE"),
            part: text("finished_reason").or_else(|| text("le")),
            num_gpu_blocks: count("num_gpu_blocks"),
            block_size: count("block_size"),
        }
    }
}

impl Labels {
    /// Takes what is not known yet; the first word on anything stays.
    pub(super) fn fill_from(&mut self, other: &Labels) {
        let fill = |mine: &mut Option<String>, theirs: &Option<String>| {
            if mine.is_none() {
                mine.clone_from(theirs);
            }
        };
        fill(&mut self.gpu_name, &other.gpu_name);
        fill(&mut self.host, &other.host);
        fill(&mut self.model, &other.model);
        fill(&mut self.mig_profile, &other.mig_profile);
        self.num_gpu_blocks = self.num_gpu_blocks.or(other.num_gpu_blocks);
        self.block_size = self.block_size.or(other.block_size);
    }
}

impl Place {
    /// Whether it is an exporter of GPU metrics by its name.
    pub(super) fn is_exporter(&self) -> bool {
        let named = |it: &Option<String>| it.as_ref().is_some_and(|it| it.contains(EXPORTER));
        named(&self.pod) || named(&self.container)
    }
}
