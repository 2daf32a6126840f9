//! The text and the tables of a report's pages, by the part they stand in.

use std::collections::BTreeMap;

/// Parts of a page by name: `top`, `workloads`, `proof`, and each workload's own.
pub(crate) type Page = BTreeMap<String, Section>;

#[derive(Clone, Default)]
pub(crate) struct Section {
    pub(crate) text: String,
    pub(crate) tables: Vec<Table>,
}

#[derive(Clone)]
pub(crate) struct Table {
    pub(crate) head: Vec<String>,
    pub(crate) rows: Vec<Vec<String>>,
}

/// Numbers without separators and with a plain minus; other narrow spaces as spaces.
pub(crate) fn ungrouped(text: &str, separator: char) -> String {
    let letters: Vec<char> = text.chars().collect();
    let is_digit = |at: usize| letters.get(at).is_some_and(char::is_ascii_digit);
    let mut shown = String::new();
    for (at, letter) in letters.iter().enumerate() {
        let groups =
            at > 0 && is_digit(at - 1) && (1..=3).all(|it| is_digit(at + it)) && !is_digit(at + 4);
        match *letter {
            it if it == separator && groups => {}
            '\u{202f}' | '\u{a0}' => shown.push(' '),
            '\u{2212}' => shown.push('-'),
            it => shown.push(it),
        }
    }
    shown
}

/// The text of a piece of HTML.
fn plain(html: &str) -> String {
    let mut text = String::new();
    let mut inside = false;
    for letter in html.replace("<wbr>", "").chars() {
        match letter {
            '<' => inside = true,
            '>' => {
                inside = false;
                text.push(' ');
            }
            it if !inside => text.push(it),
            _ => {}
        }
    }
    for (entity, letter) in
        [("&lt;", "<"), ("&gt;", ">"), ("&#39;", "'"), ("&quot;", "\""), ("&amp;", "&")]
    {
        text = text.replace(entity, letter);
    }
    ungrouped(text.trim(), '\u{202f}')
}

/// What stands between each `open` and the next `close`.
fn pieces<'a>(text: &'a str, open: &str, close: &str) -> Vec<&'a str> {
    text.split(open).skip(1).map(|it| it.split(close).next().unwrap()).collect()
}

pub(crate) fn html(page: &str) -> Page {
    let section = |piece: &str| Section {
        text: plain(&format!("<{piece}")),
        tables: pieces(piece, "<table", "</table>").into_iter().map(html_table).collect(),
    };
    let mut found = Page::new();
    let mut add = |name: &str, piece: &str| found.insert(name.to_owned(), section(piece));
    for (name, open, close) in [
        ("top", "<header class=\"first\"", "</header>"),
        ("workloads", "id=\"workloads\"", "<article"),
        ("proof", "id=\"proof\"", "id=\"sources\""),
    ] {
        add(name, pieces(page, open, close)[0]);
    }
    for card in pieces(page, "<article", "</article>") {
        add(pieces(card, "id=\"w-", "\"")[0], card);
    }
    found
}

fn html_table(table: &str) -> Table {
    let cells = |row: &str| -> Vec<String> {
        let begun = row.split("<t").skip(1);
        begun.map(|it| plain(it.split_once('>').unwrap().1)).collect()
    };
    let (head, body) = table.split_once("<tbody>").unwrap();
    Table {
        head: cells(head.split_once("<tr").unwrap().1),
        rows: body.split("<tr").skip(1).map(cells).collect(),
    }
}

pub(crate) fn markdown(page: &str) -> Page {
    let page = ungrouped(page, '\u{202f}').replace('\\', "").replace("**", "").replace("&gt;", ">");
    let mut found = Page::new();
    let mut name = "top".to_owned();
    for line in page.lines() {
        match (line.strip_prefix("### "), line.strip_prefix("## ")) {
            (Some(workload), _) => workload.clone_into(&mut name),
            (None, Some("Workloads")) => "workloads".clone_into(&mut name),
            _ => {}
        }
        let section = found.entry(name.clone()).or_default();
        let cells = |it: &str| -> Vec<String> {
            it.trim_matches('|').split(" | ").map(|it| it.trim().to_owned()).collect()
        };
        let goes_on = section.text.lines().next_back().is_some_and(|it| it.starts_with('|'));
        match (line.starts_with('|'), goes_on) {
            (true, false) => section.tables.push(Table { head: cells(line), rows: Vec::new() }),
            (true, true) if !line.starts_with("| --") => {
                section.tables.last_mut().unwrap().rows.push(cells(line));
            }
            _ => {}
        }
        section.text += &format!("{line}\n");
    }
    found
}

/// The table with these columns.
pub(crate) fn table<'a>(section: &'a Section, head: &[&str]) -> Option<&'a Table> {
    let mut tables = section.tables.iter();
    tables.find(|it| head.iter().all(|wanted| it.head.iter().any(|head| head == wanted)))
}

/// The row of a table that begins with a cell.
pub(crate) fn row<'a>(table: Option<&'a Table>, first: &str) -> BTreeMap<&'a str, &'a str> {
    let row = table.and_then(|it| Some((it, it.rows.iter().find(|row| row[0] == first)?)));
    row.map(|(table, row)| {
        table.head.iter().map(String::as_str).zip(row.iter().map(String::as_str))
    })
    .map_or_else(BTreeMap::new, Iterator::collect)
}
