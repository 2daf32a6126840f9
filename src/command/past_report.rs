//! The file of a report that `analyze` wrote before.

use std::path::Path;

use super::failure::{ExitStatus, Failure};
use crate::report::PastError;

/// What `parse` takes of a report, named by its `report.json` or its folder.
pub(super) fn read<T>(
    path: &Path,
    parse: impl FnOnce(&str) -> Result<T, PastError>,
) -> Result<T, Failure> {
    let path = if path.is_dir() { path.join("report.json") } else { path.to_owned() };
    let name = path.display();
    let bytes = std::fs::read(&path).map_err(|error| {
        let error = anyhow::Error::new(error).context(format!("{name} cannot be read"));
        Failure::new(ExitStatus::Input, error)
            .with_hint("name a report.json that analyze wrote into its report folder")
    })?;
    parse(&String::from_utf8_lossy(&bytes)).map_err(|error| {
        let hint = error.hint();
        Failure::new(ExitStatus::Input, anyhow::Error::new(error).context(name.to_string()))
            .with_hint(hint)
    })
}
