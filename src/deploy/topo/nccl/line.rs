//! The start of a line of NCCL: `host:pid:tid [dev] NCCL INFO`, with what launchers put before it.

/// What a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Level {
    /// `NCCL INFO`.
    Info,
    /// `NCCL WARN`.
    Warn,
    /// `NCCL version`, which stands without a level.
    Version,
}

/// A line taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Line<'a> {
    pub(super) level: Level,
    /// Host as printed, where the line names one.
    pub(super) host: Option<&'a str>,
    /// What NCCL says.
    pub(super) text: &'a str,
}

/// Takes a line apart; none for one NCCL did not write.
pub(super) fn split(line: &str) -> Option<Line<'_>> {
    for (mark, level) in [("NCCL INFO ", Level::Info), ("NCCL WARN ", Level::Warn)] {
        if let Some((before, text)) = line.split_once(mark) {
            return Some(Line { level, host: host(before), text: text.trim() });
        }
    }
    let (before, text) =
        line.split_once("NCCL version ").or_else(|| line.split_once("RCCL version "))?;
    // Lists of packages and sentences name NCCL's version too; a log starts with the words.
    let starts = before.is_empty() || before.ends_with('>') || before.ends_with(": ");
    starts.then_some(Line { level: Level::Version, host: None, text: text.trim() })
}

/// The host in `[1,0]<stdout>:host:pid:tid [dev]` or `(Worker pid=1) host:pid:tid [dev] file.cc:1`.
fn host(before: &str) -> Option<&str> {
    let token = before.split_whitespace().find(|it| process(it).is_some())?;
    let host = process(token)?;
    Some(host.rsplit_once(">:").map_or(host, |it| it.1))
}

/// What stands before `:pid:tid`.
fn process(token: &str) -> Option<&str> {
    let (rest, thread) = token.rsplit_once(':')?;
    let (host, process) = rest.rsplit_once(':')?;
    // Some hide the numbers: "pod:num:num".
    let is_id =
        |it: &str| !it.is_empty() && (it == "num" || it.bytes().all(|b| b.is_ascii_digit()));
    (is_id(thread) && is_id(process) && !host.is_empty()).then_some(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn starts_of_lines() {
        let check = |line: &str, host: Option<&str>, text: &str| {
            let it = split(line).unwrap();
            assert_eq!((it.host, it.text), (host, text), "{line}");
        };
        check("gpu-1:52:61 [3] NCCL INFO Connected", Some("gpu-1"), "Connected");
        check("[1,0]<stdout>:a:1:2 [0] NCCL INFO hi", Some("a"), "hi");
        check("(Worker pid=9) (Ray pid=3) node:9:9 [0] NCCL INFO hi", Some("node"), "hi");
        check(
            "[2026-03-12 14:17:56] c-1:5:5 [0] enqueue.cc:1694 NCCL WARN bad",
            Some("c-1"),
            "bad",
        );
        check("pod-id:num:num [3] NCCL INFO hi", Some("pod-id"), "hi");
        check("[4] NCCL INFO Ring 00", None, "Ring 00");
        check("NCCL INFO hi", None, "hi");
        check("NCCL version 2.7.8+cuda11.1", None, "2.7.8+cuda11.1");
        assert!(split("we use NCCL version 2.7").is_none());
        assert!(split("nothing").is_none());
    }
}
