//! What another program printed: from a file, or piped in.

use std::io::{IsTerminal, Read};
use std::path::Path;

use super::failure::{ExitStatus, Failure};

/// The name and the text of a file, or of stdin for `-`; `hint` says what should be in it, `piped` how to pipe it in.
pub(super) fn read(
    path: &Path,
    hint: &'static str,
    piped: &'static str,
) -> Result<(String, String), Failure> {
    let input = |error: anyhow::Error| Failure::new(ExitStatus::Input, error).with_hint(hint);
    if path != Path::new("-") {
        let bytes = std::fs::read(path).map_err(|error| {
            let said = format!("{} cannot be read", path.display());
            input(anyhow::Error::new(error).context(said))
        })?;
        let text = String::from_utf8_lossy(&bytes).into_owned();
        return Ok((path.display().to_string(), text));
    }
    let mut stdin = std::io::stdin();
    if stdin.is_terminal() {
        return Err(Failure::usage("nothing is piped in", piped));
    }
    let mut bytes = Vec::new();
    stdin.read_to_end(&mut bytes).map_err(|it| input(anyhow::Error::new(it).context("stdin")))?;
    Ok(("stdin".to_owned(), String::from_utf8_lossy(&bytes).into_owned()))
}
