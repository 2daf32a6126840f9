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
    parse(&text(&path)?).map_err(|error| {
        let hint = error.hint();
        let error = anyhow::Error::new(error).context(path.display().to_string());
        Failure::new(ExitStatus::Input, error).with_hint(hint)
    })
}

/// The text of the file of a report.
pub(super) fn text(path: &Path) -> Result<String, Failure> {
    let bytes = std::fs::read(path).map_err(|error| {
        let error = anyhow::Error::new(error).context(format!("{} cannot be read", path.display()));
        Failure::new(ExitStatus::Input, error)
            .with_hint("name a report.json that analyze wrote into its report folder")
    })?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
