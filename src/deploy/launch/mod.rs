//! The launch plan of an advice: what runs where, how it scales, and how it is proven, for each target.

mod against;
mod clock;
mod error;
mod flag;
mod fleet;
mod needs;
mod quote;
mod serve;
mod target;
mod text;
mod train;

use crate::catalog::{Catalog, GpuNames, GpuSpec, Image, ImageUse, is_pinned};
use crate::deploy::Advised;
use crate::size::Engine;
use crate::workload::Kind;

pub use against::against;
pub use error::LaunchError;
pub(super) use fleet::{Fleet, Place};
pub(super) use serve::Serve;
pub use target::Target;
pub(super) use train::Train;

/// What the report does not say and the user may.
#[derive(Clone, Debug)]
pub struct Options {
    /// The image to run instead of the pinned one.
    pub image: Option<String>,
    /// The checkpoint in the format that was sized.
    pub checkpoint: Option<String>,
    /// The program that trains, or that starts a server of the user's own, with its arguments.
    pub program: Option<String>,
    /// The port that is served.
    pub port: u16,
}

impl Default for Options {
    fn default() -> Options {
        Options { image: None, checkpoint: None, program: None, port: 8_000 }
    }
}

/// What runs.
#[derive(Clone, Debug)]
pub(super) enum What {
    /// vLLM with a model.
    Serve(Box<Serve>),
    /// A server of the user's own.
    Own(Own),
    /// A training job.
    Train(Train),
}

/// A server that this program does not know from within.
#[derive(Clone, Debug)]
pub(super) struct Own {
    pub(super) image: String,
    /// What starts in it, where the target does not start it by itself.
    pub(super) program: Option<Vec<String>>,
    pub(super) port: u16,
    /// What it serves, where that is known.
    pub(super) model: Option<String>,
    pub(super) is_gated: bool,
    /// Requests it was planned to serve at once.
    pub(super) slots: Option<u32>,
}

/// A launch plan, whole; [`Launch::text`] shows it for a target.
#[derive(Clone, Debug)]
pub struct Launch {
    pub(super) advised: Advised,
    pub(super) what: What,
    pub(super) place: Place,
    pub(super) fleet: Fleet,
    pub(super) gpu: GpuSpec,
    /// GPUs of one replica.
    pub(super) gpus_per_replica: u32,
    pub(super) names: Option<GpuNames>,
    /// What RunPod calls the other GPUs of its serverless pool.
    pub(super) pool_others: Vec<String>,
    /// The image, where it is one of the catalog.
    pub(super) image: Option<Image>,
    /// Seconds that requests in progress have to end.
    pub(super) drain_s: u32,
    /// Seconds after which a start has failed.
    pub(super) start_s: u32,
}

impl Launch {
    /// The plan of an advice for a target.
    pub fn of(
        advised: Advised,
        catalog: &Catalog,
        options: &Options,
        target: Target,
    ) -> Result<Launch, LaunchError> {
        if let Some(image) = options.image.as_deref().filter(|it| !is_pinned(it)) {
            return Err(LaunchError::MovingImage { image: image.to_owned() });
        }
        let plan = &advised.plan;
        if plan.purchase == "api" {
            return Err(LaunchError::SomebodyElses { label: plan.label.clone() });
        }
        let gpu = catalog
            .gpu(&plan.gpu)
            .ok_or_else(|| LaunchError::UnknownGpu { gpu: plan.gpu.clone() })?
            .clone();
        let fleet = Fleet::of(&advised)?;
        let place = Place::of(&advised, catalog);
        let kind = advised.workload.kind();
        let trains = matches!(kind, Kind::Training | Kind::FineTuning);
        let used_for = match (trains, target) {
            (true, Target::Ray) => ImageUse::RayTrain,
            (true, _) => ImageUse::Training,
            (false, Target::Ray) => ImageUse::RayServe,
            (false, _) => ImageUse::Vllm,
        };
        let known = catalog.image(used_for, gpu.vendor).cloned();
        let engine =
            known.as_ref().and_then(|it| it.version.split_once(' ')).filter(|it| it.0 == "vllm");
        let engine = engine.and_then(|it| Engine::parse(&format!("vllm@{}", it.1)));
        let engine = engine.filter(|_| used_for == ImageUse::RayServe);
        let reference = || {
            let image = options.image.clone().or_else(|| Some(known.as_ref()?.reference.clone()));
            image.ok_or_else(|| LaunchError::NoImage {
                why: format!("no image for {} is in the catalog", gpu.name),
            })
        };
        let what = if trains {
            What::Train(Train::of(&advised, options, reference()?)?)
        } else {
            match Serve::of(&advised, catalog, &gpu, (options, engine))? {
                Some(mut serve) => {
                    serve.image = reference()?;
                    What::Serve(Box::new(serve))
                }
                None => What::Own(own(&advised, catalog, options)?),
            }
        };
        let launch = &catalog.assumptions.launch;
        let image = known.filter(|it| {
            options.image.is_none() && !matches!(what, What::Own(_)) && !it.reference.is_empty()
        });
        Ok(Launch {
            drain_s: drain_s(&advised, launch.drain_tokens),
            start_s: start_s(&advised, launch.start_factor, launch.start_least_s),
            gpus_per_replica: plan.gpu_count.max(1),
            names: catalog.gpu_names(&gpu.name).cloned(),
            pool_others: catalog.others_of_pool(&gpu.name),
            what,
            place,
            fleet,
            gpu,
            image,
            advised,
        })
    }

    /// The plan as the file of a target. No text that looks like a token leaves here.
    pub fn text(&self, target: Target) -> Result<String, LaunchError> {
        let text = target.render(self)?;
        match quote::secret_line(&text) {
            Some(line) => Err(LaunchError::Token { line }),
            None => Ok(text),
        }
    }

    /// What the reader must do or know beside the file, one sentence each.
    pub fn notes(&self, target: Target) -> Vec<String> {
        let mut notes = Vec::new();
        if let Some(question) = &self.advised.what_if {
            notes.push(format!(
                "the report answers `--what-if {question}`: it tells of no month that was"
            ));
        }
        if self.advised.is_today {
            notes.push(format!(
                "the advice for {} is to {}: this is how it runs today, as far as the report knows",
                self.advised.workload.name, self.advised.workload.advice.action
            ));
        }
        if let What::Serve(serve) = &self.what
            && let Some(format) = serve.asks_checkpoint()
        {
            notes.push(format!(
                "{} of {} is served: name your checkpoint with --checkpoint, or as MODEL where it runs",
                format, serve.model
            ));
        }
        notes.extend(self.names_missing(target));
        notes
    }

    fn names_missing(&self, target: Target) -> Option<String> {
        let names = self.names.as_ref();
        let (missing, what) = match target {
            Target::Kubernetes => {
                (names.and_then(|it| it.kubernetes.as_ref()).is_none(), "node label of Kubernetes")
            }
            Target::Ray => {
                (names.and_then(|it| it.ray.as_ref()).is_none(), "accelerator type of Ray")
            }
            _ => return None,
        };
        missing.then(|| {
            format!(
                "no {what} is known for {}: it is left out, pin the node yourself",
                self.gpu.name
            )
        })
    }

    /// The program that starts a server of the user's own, which a target needs that starts no image.
    pub(super) fn program_of(&self, own: &Own, target: Target) -> Result<Vec<String>, LaunchError> {
        own.program.clone().ok_or_else(|| LaunchError::NoProgram {
            target,
            workload: self.advised.workload.name.clone(),
        })
    }

    /// The name of everything that is made: lower case, digits and `-`, at most 40 characters.
    pub(super) fn slug(&self) -> &str {
        &self.advised.workload.slug
    }

    /// Replicas that one instance hosts.
    pub(super) fn copies(&self) -> u32 {
        (self.place.gpus_per_instance / self.gpus_per_replica).max(1)
    }
}

fn own(advised: &Advised, catalog: &Catalog, options: &Options) -> Result<Own, LaunchError> {
    let model = advised.workload.baseline.model.clone();
    let image = options.image.clone().ok_or_else(|| LaunchError::NoImage {
        why: match &model {
            Some(model) => format!(
                "{model} is not served by vLLM, and the report names no image of its server"
            ),
            None => format!("the report does not say what serves {}", advised.workload.name),
        },
    })?;
    Ok(Own {
        image,
        program: options.program.as_deref().map(train::program).transpose()?,
        port: options.port,
        is_gated: model.as_deref().is_some_and(|it| catalog.is_gated(it)),
        model,
        slots: advised.plan.max_num_seqs,
    })
}

/// Seconds that requests in progress have to end after a stop: the limit to the first token and that of
/// `tokens` more, from 30 to 600. 2 s and 0.2 s a token give 1,000 tokens 202 s.
fn drain_s(advised: &Advised, tokens: f64) -> u32 {
    const DEFAULT_S: f64 = 60.0;
    let slo = &advised.workload.slo;
    let needed = match (slo.ttft_p95_s, slo.tpot_p95_s) {
        (None, None) => DEFAULT_S,
        (first, each) => first.unwrap_or(0.0) + each.unwrap_or(0.0) * tokens,
    };
    whole(needed.clamp(30.0, 600.0))
}

/// Seconds after which a start has failed: `factor` x the simulated start, at least `least_s`, at most two hours.
fn start_s(advised: &Advised, factor: f64, least_s: f64) -> u32 {
    whole(advised.plan.cold_start_s.map_or(least_s, |it| it * factor).max(least_s).min(7_200.0))
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` saturates")]
pub(super) fn whole(seconds: f64) -> u32 {
    seconds.ceil() as u32
}
