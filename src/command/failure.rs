//! What ends a run, as one error line, one hint and a documented exit code.

use std::process::ExitCode;

use crate::catalog::{CatalogError, WeightsError};
use crate::ingest::{self, ConfigError, IngestError};
use crate::report::RenderError;
use crate::rollup::RollupError;
use crate::units::MoneyError;

/// Exit codes a script may rely on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum ExitStatus {
    /// Done, also when the advice is that the data are too few.
    Done = 0,
    /// A bug of ours.
    Bug = 1,
    /// A word on the command line.
    Usage = 2,
    /// A file of the user's.
    Input = 3,
    /// The price catalog.
    Catalog = 4,
    /// The savings exceed `--fail-above`.
    FailAbove = 5,
    /// The amounts do not add up.
    NotReconciled = 6,
    /// A check failed: an old price, a host that is not ready, a promise that was not kept.
    CheckFailed = 7,
    /// Nothing could be written.
    Output = 8,
    /// Ctrl-C, or the end of `--time-budget`.
    Interrupted = 130,
}

impl From<ExitStatus> for ExitCode {
    fn from(status: ExitStatus) -> ExitCode {
        ExitCode::from(status as u8)
    }
}

/// Why a run ended early.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) status: ExitStatus,
    pub(super) error: anyhow::Error,
    pub(super) hint: Option<String>,
}

impl Failure {
    pub(super) fn new(status: ExitStatus, error: impl Into<anyhow::Error>) -> Failure {
        Failure { status, error: error.into(), hint: None }
    }

    pub(super) fn usage(message: impl Into<String>, hint: impl Into<String>) -> Failure {
        Failure::new(ExitStatus::Usage, anyhow::Error::msg(message.into())).with_hint(hint)
    }

    /// As it may be shown under `--redact`.
    pub(super) fn without_names(self, files: &[String]) -> Failure {
        let message = ingest::without_names(&format!("{:#}", self.error), files);
        let hint = self.hint.map(|it| ingest::without_names(&it, files));
        let hint = hint.map(|it| format!("{it}; without --redact the names are shown"));
        Failure { status: self.status, error: anyhow::Error::msg(message), hint }
    }

    pub(super) fn with_hint(self, hint: impl Into<String>) -> Failure {
        Failure { hint: Some(hint.into()), ..self }
    }
}

impl From<IngestError> for Failure {
    fn from(error: IngestError) -> Failure {
        let hint = error.hint();
        Failure::new(ExitStatus::Input, error).with_hint(hint)
    }
}

impl From<RollupError> for Failure {
    fn from(error: RollupError) -> Failure {
        let status = match error {
            RollupError::Write { .. } => ExitStatus::Output,
            RollupError::Interrupted => ExitStatus::Interrupted,
            _ => ExitStatus::Input,
        };
        let hint = error.hint();
        Failure::new(status, error).with_hint(hint)
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Failure {
        Failure::new(ExitStatus::Input, error)
            .with_hint("mend the line; docs/config.md lists every key with an example")
    }
}

impl From<CatalogError> for Failure {
    fn from(error: CatalogError) -> Failure {
        let hint = error.hint();
        Failure::new(ExitStatus::Catalog, error).with_hint(hint)
    }
}

impl From<WeightsError> for Failure {
    fn from(error: WeightsError) -> Failure {
        let hint = error.hint();
        Failure::new(ExitStatus::Input, error).with_hint(hint)
    }
}

impl From<MoneyError> for Failure {
    fn from(error: MoneyError) -> Failure {
        Failure::new(ExitStatus::Input, error)
            .with_hint("look for an amount with a misplaced decimal point")
    }
}

impl From<RenderError> for Failure {
    fn from(error: RenderError) -> Failure {
        Failure::new(ExitStatus::Bug, error)
            .with_hint("please report this with the command you ran")
    }
}

/// A bug says so in one line and asks for a report, rather than showing a backtrace to a customer.
pub(super) fn install_panic_hook() {
    std::panic::set_hook(Box::new(|info| {
        // A decoder that gives up on a damaged file is caught and reported as such.
        let inside_decoder = info.location().is_some_and(|it| it.file().contains("polars"));
        if !inside_decoder {
            super::talk::bug(&info.to_string());
        }
    }));
}
