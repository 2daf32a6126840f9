//! Why there is no launch plan, and what to do about it.

use super::Target;

/// Why there is no launch plan.
#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    /// Nothing of ones own runs.
    #[error("the plan runs nothing: {label}")]
    SomebodyElses {
        /// The plan in words.
        label: String,
    },
    /// The catalog does not know the GPU.
    #[error("the GPU `{gpu}` is not in the catalog")]
    UnknownGpu {
        /// As the report names it.
        gpu: String,
    },
    /// What runs is not known.
    #[error("{why}")]
    NoImage {
        /// In what way.
        why: String,
    },
    /// An image that changes under its name.
    #[error("the image `{image}` is not pinned: what it means changes")]
    MovingImage {
        /// As it was given.
        image: String,
    },
    /// The model does not fit as the plan says.
    #[error("{model} on {gpus} x {gpu}: {why}")]
    DoesNotFit {
        /// The model.
        model: String,
        /// The GPU.
        gpu: String,
        /// How many.
        gpus: u32,
        /// Why.
        why: String,
    },
    /// A weekly schedule that cannot be read.
    #[error("the schedule of the plan cannot be read: {why}")]
    Schedule {
        /// Why.
        why: String,
    },
    /// The target has no means for a part of the plan.
    #[error("the target {target} cannot express the plan: {what}")]
    CannotExpress {
        /// Which.
        target: Target,
        /// What it lacks.
        what: String,
        /// What does.
        instead: String,
    },
    /// A target that starts no image, and no program to start instead.
    #[error(
        "the target {target} starts a program, and the report does not say which serves {workload}"
    )]
    NoProgram {
        /// Which.
        target: Target,
        /// Whose.
        workload: String,
    },
    /// The words of an option cannot be used.
    #[error("`{found}` is no {what}")]
    Word {
        /// What it should be.
        what: &'static str,
        /// What it is.
        found: String,
    },
    /// A token would have been written.
    #[error("line {line} of the launch plan looks like a token, so nothing is written")]
    Token {
        /// Where.
        line: usize,
    },
    /// The file to compare with is not understood.
    #[error("{what}")]
    Against {
        /// In what way.
        what: String,
    },
}

impl LaunchError {
    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            LaunchError::SomebodyElses { .. } => {
                "`gpuadvise explain REPORT.json WORKLOAD` has the steps".to_owned()
            }
            LaunchError::UnknownGpu { .. } => {
                "use the --pricing of the run that wrote the report, or run analyze again".to_owned()
            }
            LaunchError::NoImage { .. } => {
                "name it with --image REPOSITORY:TAG, a full tag or a digest".to_owned()
            }
            LaunchError::MovingImage { .. } => {
                "name a full tag such as v0.19.1, or a digest (@sha256:...)".to_owned()
            }
            LaunchError::DoesNotFit { .. } => {
                "the report was written with another catalog or engine: run analyze again".to_owned()
            }
            LaunchError::Schedule { .. } => {
                "the file was changed or cut: run analyze again on the files of that month".to_owned()
            }
            LaunchError::CannotExpress { instead, .. } => instead.clone(),
            LaunchError::NoProgram { .. } => {
                "name it with --program 'WORDS', or use --target docker, compose or kubernetes".to_owned()
            }
            LaunchError::Word { .. } => "use letters, digits and . _ - / :".to_owned(),
            LaunchError::Token { .. } => {
                "take the token out of the option, or of the name in the data: tokens come from the \
                 environment or a secret where it runs"
                    .to_owned()
            }
            LaunchError::Against { .. } => {
                "name a file with a `vllm serve` line, a container's args, or the manifest of one deployment"
                    .to_owned()
            }
        }
    }
}
