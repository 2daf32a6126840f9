//! Markdown of at most so many characters, for chat and for comments with a limit.
//!
//! Comes in: a document that this crate wrote, the most important first. Goes out: its beginning in
//! whole lines, rows and sections, and a last line that says what was left out and where it is. No
//! line is ever cut, so neither is a number.

/// Up to this many characters a text is for chat, where tables become lines: a message there is
/// 3,000 to 12,000 long, and clients show a table as its source. Longer ones are for pull requests.
const CHAT: usize = 12_000;
/// From this limit on the last line has room for the names of what was left out.
const TELLS_NAMES: usize = 600;
/// Sections named in it.
const MOST_NAMES: usize = 4;
/// Characters of such a name.
const LONGEST_NAME: usize = 32;

/// The limit has no room for the title and the line that says what is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{least} characters are the least for this text")]
pub struct TooShort {
    /// The least limit.
    pub least: usize,
}

/// What is kept or left out as one.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Item {
    /// Blank lines, headings and captions that go with it.
    lead: String,
    /// A line, the head of a table with its first row, or a block of code.
    body: String,
    /// The heading it stands under.
    section: String,
    /// True for a row below the first.
    row: bool,
}

/// The text, or its beginning where it is longer than `most` characters; `whole` says where the
/// whole is.
pub fn within(text: &str, most: usize, whole: &str) -> Result<String, TooShort> {
    let text = if most <= CHAT { tables_as_lines(text) } else { text.to_owned() };
    if length(&text) <= most {
        return Ok(text);
    }
    let items = items(&text);
    let cut = format!("\n\nCut here. The whole: {whole}\n");
    let title = items.first().map_or(0, |it| length(&it.lead) + length(&it.body));
    let least = title + length(&cut);
    if most < least {
        return Err(TooShort { least });
    }
    let mut kept = kept(&items, most - length(&cut), most - least);
    while most >= TELLS_NAMES && kept.len() > 1 {
        let told = format!("\n\n{} The whole: {whole}\n", left_out(&items, &kept));
        let page = joined(&items, &kept) + &told;
        if length(&page) <= most {
            return Ok(page);
        }
        kept.pop();
    }
    Ok(joined(&items, &kept) + &cut)
}

fn length(text: &str) -> usize {
    text.chars().count()
}

/// The items that fit, in order up to the first that does not. One that is longer than all the room
/// there is does not keep out what follows.
fn kept(items: &[Item], room: usize, longest: usize) -> Vec<usize> {
    let mut kept = Vec::new();
    let mut used = 0;
    let mut headless = false;
    for (at, item) in items.iter().enumerate() {
        headless = headless && item.row;
        if at > 0 && (headless || length(&item.lead) + length(&item.body) > longest) {
            headless = !item.row || headless;
            continue;
        }
        let before = kept.last().map_or(0, |last: &usize| last + 1);
        let size = length(&lead(items, before, at)) + length(&item.body);
        if used + size > room {
            break;
        }
        used += size;
        kept.push(at);
    }
    kept
}

/// What stands before an item: its lead, after the last heading of its section that lost its first
/// lines.
fn lead(items: &[Item], before: usize, at: usize) -> String {
    let skipped = items.get(before..at).unwrap_or_default();
    let heading = skipped.iter().rfind(|it| it.lead.contains('#'));
    let own = &items[at].lead;
    match heading {
        Some(it) if it.section == items[at].section && !own.contains('#') => it.lead.clone(),
        _ => own.clone(),
    }
}

fn joined(items: &[Item], kept: &[usize]) -> String {
    let mut text = String::new();
    let mut before = 0;
    for at in kept {
        text.push_str(&lead(items, before, *at));
        text.push_str(&items[*at].body);
        before = at + 1;
    }
    text
}

/// `Left out: the rest of Workloads, Forecast and more.`
fn left_out(items: &[Item], kept: &[usize]) -> String {
    let mut names: Vec<(String, bool)> = Vec::new();
    for (at, item) in items.iter().enumerate() {
        if kept.binary_search(&at).is_ok() {
            continue;
        }
        let is_partly_kept = kept.iter().any(|it| items[*it].section == item.section);
        let named = super::super::clip(&item.section, LONGEST_NAME);
        if !named.is_empty() && names.iter().all(|it| it.0 != named) {
            names.push((named, is_partly_kept));
        }
    }
    let more = if names.len() > MOST_NAMES { " and more" } else { "" };
    let names = names.into_iter().take(MOST_NAMES);
    let names =
        names.map(|(name, partly)| if partly { format!("the rest of {name}") } else { name });
    format!("Left out: {}{more}.", names.collect::<Vec<_>>().join(", "))
}

/// The text in items; all of them joined are the text.
fn items(text: &str) -> Vec<Item> {
    let mut items: Vec<Item> = Vec::new();
    let (mut lead, mut section) = (String::new(), String::new());
    let mut lines = text.trim_end().split('\n').enumerate().peekable();
    while let Some((at, line)) = lines.next() {
        if at > 0 {
            lead.push('\n');
        }
        if let Some(heading) = line.strip_prefix('#') {
            heading.trim_start_matches('#').trim().clone_into(&mut section);
        }
        let is_title = items.is_empty() && line.starts_with('#');
        if !is_title && goes_with_next(line) {
            lead.push_str(line);
            continue;
        }
        let mut body = line.to_owned();
        let row = is_row(line) && lead == "\n" && items.last().is_some_and(ends_in_row);
        if is_row(line) && !row {
            // The rule and the first row: a head alone says nothing.
            for _ in 0..2 {
                if let Some((_, next)) = lines.next_if(|it| is_row(it.1)) {
                    body = format!("{body}\n{next}");
                }
            }
        } else if line.starts_with("```") {
            for (_, next) in lines.by_ref() {
                body = format!("{body}\n{next}");
                if next.starts_with("```") {
                    break;
                }
            }
        }
        items.push(Item { lead: std::mem::take(&mut lead), body, section: section.clone(), row });
    }
    items
}

/// Whether a line says nothing without the next: a blank, a heading, a rule, a caption.
fn goes_with_next(line: &str) -> bool {
    let is_caption = line.starts_with("**") && line.ends_with("**");
    line.is_empty()
        || line.starts_with('#')
        || line == "---"
        || is_caption
        || line.ends_with(':') && !line.starts_with("- ")
}

fn is_row(line: &str) -> bool {
    line.starts_with("| ")
}

fn ends_in_row(item: &Item) -> bool {
    item.body.lines().next_back().is_some_and(is_row)
}

/// The text with a line for each row of a table: `- **chat** · GPUs: 2 × H100 · Cost, USD: 10.00`.
fn tables_as_lines(text: &str) -> String {
    let mut out: Vec<String> = Vec::new();
    let mut heads: Vec<&str> = Vec::new();
    for line in text.split('\n') {
        let Some(cells) = cells(line) else {
            heads.clear();
            out.push(line.to_owned());
            continue;
        };
        if heads.is_empty() {
            heads = cells;
        } else if !cells.iter().all(|it| matches!(*it, "---" | "---:")) {
            out.push(row_as_line(&heads, &cells));
        }
    }
    out.join("\n")
}

fn row_as_line(heads: &[&str], cells: &[&str]) -> String {
    let mut parts = Vec::new();
    for (at, (head, cell)) in heads.iter().zip(cells).enumerate() {
        match (head.trim(), cell.trim()) {
            (_, "" | crate::report::number::DASH) => {}
            (_, name) if at == 0 => parts.push(format!("**{name}**")),
            ("", value) => parts.push(value.to_owned()),
            (head, value) => parts.push(format!("{head}: {value}")),
        }
    }
    format!("- {}", parts.join(" · "))
}

/// The cells of a row; a bar inside a cell has a backslash before it, so a blank never stands there.
fn cells(line: &str) -> Option<Vec<&str>> {
    Some(line.strip_prefix("| ")?.strip_suffix(" |")?.split(" | ").collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TEXT: &str = "# GPU spend\n\nGPUs cost 54 992.15 USD.\n\n## Decisions\n\n1. Stop demo: **1 306.70 USD a month**\n\
        2. Move chat\n\n## Workloads\n\n| Workload | Busy | Cost, USD |\n| --- | ---: | ---: |\n\
        | a\\|b | – | 1 234.50 |\n| chat | 79 % | 10 237.44 |\n\n### chat\n\nSteps:\n\n1. one\n2. two\n\n---\n\nfooter\n";

    #[test]
    fn items_are_the_text() {
        for text in [TEXT, "", "a", "#\n\n```\n| x\n```\nb\n"] {
            let items = items(text);
            let all: Vec<usize> = (0..items.len()).collect();
            assert_eq!(joined(&items, &all), text.trim_end(), "{items:?}");
        }
    }

    #[test]
    fn what_is_cut_is_named() {
        assert!(within(TEXT, 20_000, "report.md").is_ok_and(|it| it == TEXT));
        let long = format!("{TEXT}\n## Proof\n\n{}\n", "- a line of some length\n".repeat(60));
        let cut = within(&long, 700, "report.md").unwrap();
        assert!(cut.ends_with("\n\nLeft out: the rest of Proof. The whole: report.md\n"), "{cut}");
        assert!(cut.contains("- **a\\|b** · Cost, USD: 1 234.50\n"), "{cut}");
        let cut = within(TEXT, 130, "report.md").unwrap();
        assert_eq!(
            cut,
            "# GPU spend\n\nGPUs cost 54 992.15 USD.\n\n## Decisions\n\n\
             1. Stop demo: **1 306.70 USD a month**\n\nCut here. The whole: report.md\n"
        );
        assert_eq!(within(TEXT, 20, "report.md"), Err(TooShort { least: 44 }));
    }

    #[test]
    fn a_line_without_end_does_not_keep_out_the_rest() {
        let text = format!("# t\n\n## A\n\n- {}\n- short\n\n## B\n\nlast\n", "x".repeat(10_000));
        let cut = within(&text, 300, "r").unwrap();
        assert!(cut.contains("## A\n\n- short\n\n## B\n\nlast"), "{cut}");
    }

    #[test]
    fn a_table_loses_rows_never_its_head() {
        let rows = "| chat | 1 |\n".repeat(3_000);
        let text = format!("# t\n\n| Workload | Cost |\n| --- | ---: |\n{rows}");
        let cut = within(&text, 13_000, "r").unwrap();
        assert!(cut.starts_with("# t\n\n| Workload | Cost |\n| --- | ---: |\n| chat | 1 |\n"));
        assert!(cut.contains("| chat | 1 |\n\nLeft out"), "{}", &cut[12_800..]);
    }

    /// Runs of digits with what stands between them.
    fn numbers(text: &str) -> std::collections::BTreeSet<&str> {
        let marks = ['.', ',', '\u{202f}'];
        let words = text.split(|it: char| !(it.is_ascii_digit() || marks.contains(&it)));
        words.map(|it| it.trim_matches(marks)).collect()
    }

    fn line() -> impl Strategy<Value = String> {
        prop_oneof![
            "## [A-Z][a-z]{2,8}",
            "- [a-z]{1,9} [0-9]{1,3}\u{202f}[0-9]{3}\\.[0-9]{2} USD [a-z ]{0,60}",
            "\\| [a-z]{1,8} \\| [0-9]{1,6}\\.[0-9]{2} \\| \\PC{0,9} \\|",
            Just("| --- | ---: | --- |".to_owned()),
            Just(String::new()),
            Just("Steps:".to_owned()),
            Just("```".to_owned()),
            "\\PC{0,300}",
        ]
    }

    proptest! {
        #[test]
        fn never_longer_and_no_number_changed(
            lines in prop::collection::vec(line(), 0..120), most in 40_usize..14_000
        ) {
            let text = format!("# title\n\n{}\n", lines.join("\n"));
            let Ok(cut) = within(&text, most, "report.md") else { return Ok(()) };
            prop_assert!(length(&cut) <= most);
            let known = numbers(&text);
            for number in numbers(&cut) {
                prop_assert!(known.contains(number), "{number:?}");
            }
        }
    }
}
