//! Why a text gives no facts, each with what to do about it.

/// What is wrong with a text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PreflightError {
    /// No part of the text is an output this reads.
    #[error("nothing in the {lines} lines is a report of the collector or an output of nvidia-smi")]
    NothingRecognised {
        /// Lines of the text.
        lines: usize,
    },
    /// The collector is of another version of the program.
    #[error("line {line}: the facts are of format {found}, this reads format {known}")]
    OtherVersion {
        /// Line of the header.
        line: usize,
        /// What the header says, at most 40 characters.
        found: String,
        /// What is read.
        known: u32,
    },
    /// Two reports in one text.
    #[error("two reports in one text, at lines {first_line} and {second_line}")]
    TwoReports {
        /// Line of the first header.
        first_line: usize,
        /// Line of the second.
        second_line: usize,
    },
    /// Two tables of bare `nvidia-smi`, of two hosts or of two moments.
    #[error("two tables of nvidia-smi in one text, at lines {first_line} and {second_line}")]
    TwoTables {
        /// Line of the first.
        first_line: usize,
        /// Line of the second.
        second_line: usize,
    },
    /// Two outputs of `nvidia-smi -q` in one text.
    #[error("GPU {bus_id} is in the text twice: the outputs of two runs or two hosts are mixed")]
    RepeatedGpu {
        /// PCI address that stands twice.
        bus_id: String,
    },
    /// One host runs one driver.
    #[error("the GPUs have two drivers, {first} and {second}: the outputs of two hosts are mixed")]
    MixedDrivers {
        /// Version of the first GPU's.
        first: String,
        /// The other version.
        second: String,
    },
}

impl PreflightError {
    /// What to do.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::NothingRecognised { .. } => {
                "run `gpuadvise preflight --script > collect.sh`, then on the GPU host `sh collect.sh > \
                 facts.txt`, and pass facts.txt whole"
            }
            Self::OtherVersion { .. } => {
                "write the script again with the same program that reads its output: `gpuadvise \
                 preflight --script > collect.sh`"
            }
            Self::TwoReports { .. } => "pass one host at a time, each report in its own file",
            Self::TwoTables { .. } | Self::RepeatedGpu { .. } | Self::MixedDrivers { .. } => {
                "pass the output of one run on one host: `nvidia-smi -q > facts.txt`"
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_says_where_and_what_to_do() {
        let line = 3;
        let errors = [
            PreflightError::NothingRecognised { lines: 2 },
            PreflightError::OtherVersion { line, found: "2".to_owned(), known: 1 },
            PreflightError::TwoReports { first_line: 1, second_line: 9 },
            PreflightError::TwoTables { first_line: 1, second_line: 9 },
            PreflightError::RepeatedGpu { bus_id: "00000000:01:00.0".to_owned() },
            PreflightError::MixedDrivers { first: "550.54".to_owned(), second: "535.1".to_owned() },
        ];
        for error in errors {
            assert!(!error.hint().ends_with('.') && error.hint().len() > 20, "{error}");
        }
    }
}
