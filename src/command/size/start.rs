//! How long the deployment takes to start.

use anyhow::anyhow;
use serde_json::{Value, json};

use super::architecture;
use super::numbers::{range, rounded};
use crate::catalog::{Catalog, GpuSpec};
use crate::cli::SizeArgs;
use crate::command::failure::{ExitStatus, Failure};
use crate::command::size_source::model_source;
use crate::size::{
    Coverage, Deployment, Estimate, GpuMemory, Host, MeasuredStart, Replica, Snapshot,
    StartQuestion, StartUp,
};
use crate::units::Bytes;

/// The start of a replica, and what it was computed from.
pub(super) struct Started {
    question: StartQuestion,
    host: Option<Host>,
    start: StartUp,
    restore: Estimate,
    /// One line per phase.
    pub(super) explanation: Vec<String>,
}

impl Started {
    /// The start that the flags ask for.
    pub(super) fn of(
        args: &SizeArgs,
        catalog: &Catalog,
        replica: &Replica,
        (gpu, deployment): (&GpuSpec, &Deployment),
    ) -> Result<Started, Failure> {
        let constants = &catalog.assumptions.cold_start;
        let question = StartQuestion { storage: args.serving.storage, ..replica.start.clone() };
        let host = host(args, catalog, (gpu, deployment))?;
        let start = StartUp::of(&question, host.as_ref(), constants);
        let explanation = start.explain(&question, host.as_ref(), constants);
        let restore = Snapshot::MemoryImage.restore(constants);
        Ok(Started { question, host, start, restore, explanation })
    }

    /// One line of the answer.
    pub(super) fn sentence(&self) -> String {
        let backing = match (&self.host, self.question.coverage) {
            (Some(host), _) => {
                format!("the host works x {:.2}, by your measurement", host.factor())
            }
            (None, Coverage::Measured) => "such starts were measured, on other hosts".to_owned(),
            (None, Coverage::Uncovered) => {
                "no such start was measured; --measured-start narrows it".to_owned()
            }
        };
        format!("{} s from process to ready; {backing}", range(&self.start.total(), 1.0))
    }

    /// The same for programs.
    pub(super) fn json(&self) -> Value {
        let mut value = seconds(&self.start.total());
        let phases = self.start.phases().into_iter().map(|(name, it)| {
            let mut phase = seconds(&it);
            phase["phase"] = json!(name);
            phase
        });
        value["phases"] = phases.collect();
        value["storage"] = json!(self.question.storage.as_str());
        value["host_factor"] = json!(self.host.as_ref().map(|it| rounded(it.factor())));
        value["snapshot_restore"] = seconds(&self.restore);
        value
    }
}

fn seconds(it: &Estimate) -> Value {
    json!({ "low_s": rounded(it.low), "expected_s": rounded(it.value), "high_s": rounded(it.high) })
}

/// The host by the start measured on it, of a model in the format of its weights.
fn host(
    args: &SizeArgs,
    catalog: &Catalog,
    (gpu, deployment): (&GpuSpec, &Deployment),
) -> Result<Option<Host>, Failure> {
    let Some(word) = &args.serving.measured_start else { return Ok(None) };
    let source = model_source(&word.model, catalog)?;
    let is_asked = args.model.as_deref() == Some(word.model.as_str());
    let precision = if is_asked { deployment.precision } else { source.native_precision()? };
    let Some(arch) = &source.arch else {
        let error = anyhow!("{}: weights alone do not tell the layers", word.model);
        return Err(Failure::new(ExitStatus::Usage, error)
            .with_hint("name a model of the catalog or its config.json"));
    };
    let mut model = architecture(arch)?;
    let is_native = args.serving.quantization.is_none() && args.serving.dtype.is_none();
    if !is_asked || is_native {
        model.checkpoint = source.checkpoint();
    }
    let deployment = Deployment { precision, ..*deployment };
    let memory = GpuMemory::of(&model, gpu, &deployment, &catalog.assumptions.engine);
    let weights = Bytes::from_f64_rounded(memory.weights);
    let question = StartQuestion {
        storage: args.serving.storage,
        ..StartQuestion::new(&model, gpu, &deployment, weights)
    };
    let measured = MeasuredStart { question, total_s: word.total_s, weights_s: word.weights_s };
    Host::of(&measured, &catalog.assumptions.cold_start).map(Some).ok_or_else(|| {
        Failure::new(
            ExitStatus::Input,
            anyhow!(
                "--measured-start: {} s do not leave a twentieth to twenty times the work predicted \
                 beside the weights",
                word.total_s
            ),
        )
        .with_hint("measure from process to ready; name the --storage, or the time of the weights")
    })
}
