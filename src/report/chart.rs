//! Charts as SVG text, drawn with plotters in pixels.
//!
//! Comes in: a workload of the model. Goes out: a [`Chart`] that stands in the page or alone as a
//! file. Colours keep the light palette as attributes for programs that know no style sheet, and
//! carry a class each, so that one style sheet themes the page and another the file. Nothing here
//! depends on the fonts of the machine.

mod autocorrelation;
mod busiest_day;
mod canvas;
mod commitment;
mod compact;
mod day_profile;
mod demand;
mod duration;
mod fleet;
mod frontier;
mod heat_map;
mod hours;
mod list;
mod memory;
mod months;
mod plans;
mod png;
mod spend;
mod ticks;
mod waterfall;

pub(crate) use autocorrelation::autocorrelation;
pub(crate) use day_profile::day_profile;
pub(crate) use duration::duration;
pub(crate) use fleet::{Clock, cost, queue, replicas};
pub(crate) use heat_map::heat_map;
pub(crate) use hours::{Hours, over_time, sorted};
pub use list::{ChartFile, ChartKind, chart_files, is_chart_stem};
pub(crate) use list::{Drawn, report_charts, workload_charts};
pub(crate) use months::{MonthBar, Paid, months};
pub(crate) use plans::plans;
pub(crate) use png::SOFTWARE as PNG_SOFTWARE;
pub use png::Theme;

/// Width of every chart; the page scales it.
const WIDTH: i32 = 480;
/// Height of a chart that only says why it is empty.
const EMPTY: i32 = 96;
/// Characters of a title on one line of a chart file.
const TITLE_LINE: usize = 50;
/// Characters of a subtitle on one line of a chart file.
const SUBTITLE_LINE: usize = 78;

/// The classes and the hatch that charts use, for the page's style sheet and for chart files.
pub(crate) const STYLE: &str = include_str!("templates/chart.css");
/// The hatch of what is paid and not used.
pub(crate) const HATCH: &str = concat!(
    r#"<defs><pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" "#,
    r##"patternTransform="rotate(45)"><rect class="f-idle" width="6" height="6" fill="#C9CFD6"/>"##,
    r##"<line class="s-today" x1="0" y1="0" x2="0" y2="6" stroke="#5B6573" stroke-width="1.5"/>"##,
    "</pattern></defs>"
);

/// A picture with its finding.
#[derive(Clone, Debug)]
pub(crate) struct Chart {
    /// What it shows, as a sentence.
    pub(crate) title: String,
    /// Unit, window and source.
    pub(crate) subtitle: String,
    body: String,
    height: i32,
}

impl Chart {
    /// The picture alone; title and subtitle stand beside it in the page, whose style sheet knows
    /// every class, so the fallback colours stay out.
    pub(crate) fn inline(&self) -> String {
        format!(
            "<svg role=\"img\" viewBox=\"0 0 {WIDTH} {}\" aria-label=\"{}\">\n{}</svg>",
            self.height,
            escape(&format!("{}. {}", self.title, self.subtitle)),
            canvas::without_fallback(&self.body)
        )
    }

    /// A file of its own, with the name of the workload, title and subtitle above the picture.
    pub(crate) fn standalone(&self, name: &str) -> String {
        self.document(name, STYLE)
    }

    /// The file with another style sheet.
    fn document(&self, name: &str, style: &str) -> String {
        let mut head = String::new();
        let mut y = 0;
        for line in wrap(&format!("{name}: {}", self.title), TITLE_LINE) {
            y += 20;
            head += &line_of_text(&line, y, "f-text", 15, " font-weight=\"bold\"");
        }
        for line in wrap(&self.subtitle, SUBTITLE_LINE) {
            y += 17;
            head += &line_of_text(&line, y, "f-today", 12, "");
        }
        let top = y + 14;
        let margin = 16;
        let (width, height) = (WIDTH + 2 * margin, self.height + top + margin);
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"{} {} {width} {height}\" \
             width=\"{width}\" height=\"{height}\" role=\"img\" \
             font-family=\"'{}', system-ui, sans-serif\" font-size=\"12\">\n\
             <title>{}</title>\n<desc>{}</desc>\n<style>{style}</style>\n{HATCH}\n\
             <rect class=\"f-page\" x=\"{}\" y=\"{}\" width=\"{width}\" height=\"{height}\" fill=\"#FFFFFF\"/>\n\
             <g transform=\"translate(0 {})\">{head}</g>\n{}</svg>\n",
            -margin,
            -top,
            png::FAMILY,
            escape(&format!("{name}: {}", self.title)),
            escape(&self.subtitle),
            -margin,
            -top,
            -top,
            self.body
        )
    }
}

/// A line above the picture; `y` counts from the top of the file.
fn line_of_text(text: &str, y: i32, class: &str, size: u32, extra: &str) -> String {
    let fill = if class == "f-text" { "#17202A" } else { "#5B6573" };
    format!(
        "<text class=\"{class}\" x=\"0\" y=\"{y}\" \
         font-size=\"{size}\" fill=\"{fill}\"{extra}>{}</text>\n",
        escape(text)
    )
}

/// Text in lines of at most `longest` characters, broken at blanks (those inside a number hold),
/// a word longer than that broken where it must be.
fn wrap(text: &str, longest: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let letters: Vec<char> = word.chars().collect();
        for piece in letters.chunks(longest) {
            match lines.last_mut() {
                Some(line) if line.chars().count() + 1 + piece.len() <= longest => {
                    line.push(' ');
                    line.extend(piece);
                }
                _ => lines.push(piece.iter().collect()),
            }
        }
    }
    lines
}

/// Text for SVG and HTML.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for it in text.chars() {
        match it {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_break_between_words() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("abcdefgh 1\u{202f}000", 5), ["abcde", "fgh", "1\u{202f}000"]);
        assert_eq!(escape("<a & 'b'>"), "&lt;a &amp; &#39;b&#39;&gt;");
    }

    #[test]
    fn ticks_are_round_and_few() {
        for (top, last, n) in [(8.4, 8.0, 5), (20_036.0, 20_000.0, 5), (1.0, 1.0, 5), (0.0, 0.0, 1)]
        {
            let values = canvas::ticks(top);
            assert!(values.len() <= 5 && values.iter().all(|it| *it <= top), "{values:?}");
            assert_eq!((values.last().copied(), values.len()), (Some(last), n), "{top}");
        }
    }
}
