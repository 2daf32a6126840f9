//! The places a launch plan can be written for, one file each.

mod compose;
mod docker;
mod kubernetes;
mod parts;
mod ray;
mod runpod;
mod script;
mod shell;
mod skypilot;
mod slurm;

use std::fmt;

use super::{Launch, LaunchError};

/// Where a plan is to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// `docker run` on a host.
    Docker,
    /// Docker Compose on a host.
    Compose,
    /// Objects of Kubernetes, with KEDA or Knative where it scales.
    Kubernetes,
    /// The REST API of RunPod.
    Runpod,
    /// A task or service of SkyPilot.
    Skypilot,
    /// An application of Ray Serve, or a job of Ray Train.
    Ray,
    /// A batch script of Slurm.
    Slurm,
    /// vLLM or torchrun on a host.
    Shell,
}

impl Target {
    /// Every target, in the order of the help.
    pub const ALL: [Target; 8] = [
        Target::Docker,
        Target::Compose,
        Target::Kubernetes,
        Target::Runpod,
        Target::Skypilot,
        Target::Ray,
        Target::Slurm,
        Target::Shell,
    ];

    /// The word on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Target::Docker => "docker",
            Target::Compose => "compose",
            Target::Kubernetes => "kubernetes",
            Target::Runpod => "runpod",
            Target::Skypilot => "skypilot",
            Target::Ray => "ray",
            Target::Slurm => "slurm",
            Target::Shell => "shell",
        }
    }

    /// The target of a word.
    pub fn parse(text: &str) -> Option<Target> {
        Target::ALL.into_iter().find(|it| it.as_str() == text)
    }

    /// How the file of a plan ends.
    pub fn extension(self, trains: bool) -> &'static str {
        match self {
            Target::Docker | Target::Runpod | Target::Shell => "sh",
            Target::Ray if trains => "py",
            Target::Compose | Target::Kubernetes | Target::Skypilot | Target::Ray => "yaml",
            Target::Slurm => "sbatch",
        }
    }

    pub(super) fn render(self, launch: &Launch) -> Result<String, LaunchError> {
        match self {
            Target::Docker => docker::render(launch),
            Target::Compose => compose::render(launch),
            Target::Kubernetes => kubernetes::render(launch),
            Target::Runpod => runpod::render(launch),
            Target::Skypilot => skypilot::render(launch),
            Target::Ray => ray::render(launch),
            Target::Slurm => slurm::render(launch),
            Target::Shell => shell::render(launch),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
