//! Cuts a text into the collector's sections.

use super::FORMAT;
use super::error::PreflightError;
use super::facts::Report;
use super::text::{clean, clip};

/// A part of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Section {
    /// Before the collector's header, or a text without one.
    Outside,
    SmiQuery,
    SmiCsv,
    SmiProcesses,
    SmiTopo,
    AmdSmi,
    RocmSmi,
    Host,
    Shm,
    Kernel,
    Port,
    Environment,
    Docker,
    Weights,
    Disk,
    DiskRead,
    Download,
    End,
}

/// The name after `== `.
const NAMES: &[(&str, Section)] = &[
    ("nvidia-smi -q", Section::SmiQuery),
    ("nvidia-smi --query-gpu", Section::SmiCsv),
    ("nvidia-smi --query-compute-apps", Section::SmiProcesses),
    ("nvidia-smi topo", Section::SmiTopo),
    ("amd-smi", Section::AmdSmi),
    ("rocm-smi", Section::RocmSmi),
    ("host", Section::Host),
    ("df -P -k /dev/shm", Section::Shm),
    ("kernel", Section::Kernel),
    ("port", Section::Port),
    ("environment", Section::Environment),
    ("docker", Section::Docker),
    ("weights", Section::Weights),
    ("df -P -k DIR", Section::Disk),
    ("disk read", Section::DiskRead),
    ("download", Section::Download),
    ("end", Section::End),
];

/// The lines of a text by section.
#[derive(Debug)]
pub(crate) struct Sections {
    pub(crate) report: Report,
    pub(crate) n_lines: usize,
    lines: Vec<(Section, String)>,
}

impl Sections {
    pub(crate) fn of(text: &str) -> Result<Self, PreflightError> {
        let mut header: Option<usize> = None;
        let mut section = Section::Outside;
        let mut last = "";
        let mut lines = Vec::new();
        let mut n_lines = 0;
        // What is half a line in a report that is cut may be half a number.
        let is_report = text.contains("== gpuadvise preflight ");
        let text = match text.rsplit_once('\n') {
            Some((whole, _)) if is_report => whole,
            _ => text,
        };
        for (at, line) in text.split('\n').enumerate() {
            n_lines += usize::from(!line.is_empty());
            let line = clean(line);
            let Some(name) = line.trim().strip_prefix("== ") else {
                lines.push((section, line));
                continue;
            };
            if let Some(version) = name.strip_prefix("gpuadvise preflight ") {
                check_header(header, at + 1, version.trim())?;
                header = Some(at + 1);
                section = Section::Outside;
            } else if let Some((name, it)) = NAMES.iter().find(|it| it.0 == name.trim())
                && header.is_some()
            {
                (section, last) = (*it, name);
            } else {
                // Such as the banner of an image: `== CUDA ==`.
                lines.push((section, line));
            }
        }
        let report = match (header, section) {
            (None, _) => Report::Pasted,
            (_, Section::End) => Report::Whole,
            _ => Report::Cut { last: last.to_owned() },
        };
        Ok(Self { report, n_lines, lines })
    }

    /// Lines of one section.
    pub(crate) fn lines(&self, section: Section) -> impl Iterator<Item = &str> {
        self.lines.iter().filter(move |it| it.0 == section).map(|it| it.1.as_str())
    }

    /// Lines of several sections.
    pub(crate) fn of_any<'a>(&'a self, sections: &'a [Section]) -> impl Iterator<Item = &'a str> {
        self.lines.iter().filter(|it| sections.contains(&it.0)).map(|it| it.1.as_str())
    }

    /// Tools the collector did not find, each once.
    pub(crate) fn absent(&self) -> Vec<String> {
        let mut out: Vec<String> = Vec::new();
        for (section, line) in &self.lines {
            let Some((tool, "not found")) = refusal(line).filter(|_| *section != Section::Outside)
            else {
                continue;
            };
            if !out.iter().any(|it| it == tool) {
                out.push(clip(tool));
            }
        }
        out
    }
}

fn check_header(first: Option<usize>, line: usize, version: &str) -> Result<(), PreflightError> {
    if version != FORMAT.to_string() {
        return Err(PreflightError::OtherVersion { line, found: clip(version), known: FORMAT });
    }
    match first {
        Some(first_line) => Err(PreflightError::TwoReports { first_line, second_line: line }),
        None => Ok(()),
    }
}

/// `-- tool: reason`
pub(crate) fn refusal(line: &str) -> Option<(&str, &str)> {
    line.trim().strip_prefix("-- ")?.split_once(": ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_of_texts() {
        let check = |text: &str, expected: Report| {
            assert_eq!(Sections::of(text).unwrap().report, expected, "{text}");
        };
        check("", Report::Pasted);
        check("== host\nkernel: x\n", Report::Pasted);
        check("$ sh x\r\n== gpuadvise preflight 1\r\n== end\r\n$ \r\n", Report::Whole);
        let last = "host".to_owned();
        check("== gpuadvise preflight 1\n== host\nkern", Report::Cut { last });
        check("== gpuadvise preflight 1\n== CUDA ==\n", Report::Cut { last: String::new() });
    }

    #[test]
    fn what_is_refused() {
        let check = |text: &str, expected: &str| {
            assert_eq!(Sections::of(text).unwrap_err().to_string(), expected);
        };
        check(
            "\n== gpuadvise preflight 2\n",
            "line 2: the facts are of format 2, this reads format 1",
        );
        check(
            "== gpuadvise preflight 1\n== end\n== gpuadvise preflight 1\n",
            "two reports in one text, at lines 1 and 3",
        );
    }

    #[test]
    fn lines_and_absent_tools() {
        let text = "before\n== gpuadvise preflight 1\n== kernel\ndmesg: read\n== docker\n\
                    -- docker: not found\n-- docker info: permission denied\n== end\nafter\n";
        let sections = Sections::of(text).unwrap();
        assert_eq!(sections.lines(Section::Kernel).collect::<Vec<_>>(), ["dmesg: read"]);
        assert_eq!(sections.lines(Section::Outside).next(), Some("before"));
        assert_eq!(sections.absent(), ["docker"]);
    }
}
