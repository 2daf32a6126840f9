//! The same picture in fewer bytes: plotters writes every point in full, and a page may hold the
//! charts of fifty workloads.

use std::fmt::Write as _;

/// Polylines and polygons as relative paths, and neighbouring rectangles of one look as one path.
/// Only touches elements in the form plotters writes them, one a line.
pub(super) fn compact(svg: &str) -> String {
    let mut out = String::with_capacity(svg.len());
    let mut rects: Vec<(String, String)> = Vec::new();
    for line in svg.lines() {
        if let Some((look, path)) = rect(line) {
            match rects.iter_mut().find(|(it, _)| *it == look) {
                Some((_, paths)) => paths.push_str(&path),
                None => rects.push((look, path)),
            }
            continue;
        }
        flush(&mut rects, &mut out);
        out += &points(line).unwrap_or_else(|| line.to_owned());
        out.push('\n');
    }
    flush(&mut rects, &mut out);
    out
}

/// Writes the rectangles gathered so far.
fn flush(rects: &mut Vec<(String, String)>, out: &mut String) {
    for (look, path) in rects.drain(..) {
        // Writing to a string cannot fail.
        let _ = writeln!(out, "<path d=\"{path}\"{look}/>");
    }
}

/// A rectangle filled with the sequential colour of heat maps, whose cells never overlap: its
/// other attributes, and its outline.
fn rect(line: &str) -> Option<(String, String)> {
    let attributes = line.strip_prefix("<rect")?.strip_suffix("/>")?;
    let look = attributes.split_once(" opacity=").map(|(_, rest)| rest)?;
    let number = |name| attribute(attributes, name)?.parse::<i32>().ok();
    let (x, y) = (number("x")?, number("y")?);
    let (width, height) = (number("width")?, number("height")?);
    look.contains("class=\"f-rec\"").then(|| {
        let path = format!("M{x},{y}h{width}v{height}h{}z", -width);
        (format!(" opacity={look}"), path)
    })
}

/// A polyline or polygon as a path.
fn points(line: &str) -> Option<String> {
    let closed = line.starts_with("<polygon ");
    let attributes =
        if closed { line.strip_prefix("<polygon ")? } else { line.strip_prefix("<polyline ")? };
    let (look, rest) = attributes.split_once("points=\"")?;
    let (list, _) = rest.split_once('"')?;
    let mut path = String::new();
    let mut last: Option<(i32, i32)> = None;
    for point in list.split_whitespace() {
        let (x, y) = point.split_once(',')?;
        let (x, y) = (x.parse::<i32>().ok()?, y.parse::<i32>().ok()?);
        let step = last.map(|(before_x, before_y)| (x - before_x, y - before_y));
        last = Some((x, y));
        // Writing to a string cannot fail.
        let _ = match step {
            None => write!(path, "M{x},{y}"),
            Some((0, 0)) => Ok(()),
            Some((dx, 0)) => write!(path, "h{dx}"),
            Some((0, dy)) => write!(path, "v{dy}"),
            Some((dx, dy)) => write!(path, "l{dx},{dy}"),
        };
    }
    if closed {
        path.push('z');
    }
    Some(format!("<path {look}d=\"{path}\"/>"))
}

/// The value of an attribute.
fn attribute<'a>(attributes: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = attributes.split_once(&format!(" {name}=\""))?;
    rest.split_once('"').map(|(value, _)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_become_relative_and_cells_one_path() {
        let svg = "<polyline fill=\"none\" points=\"1,2 4,2 4,7 5,8 \"/>\n<polygon a=\"b\" points=\"0,0 9,0 9,9 \"/>\n";
        let expected =
            "<path fill=\"none\" d=\"M1,2h3v5l1,1\"/>\n<path a=\"b\" d=\"M0,0h9v9z\"/>\n";
        assert_eq!(compact(svg), expected);
        let cell = |x| {
            format!(
                "<rect x=\"{x}\" y=\"0\" width=\"2\" height=\"3\" opacity=\"0.5\" class=\"f-rec\"/>\n"
            )
        };
        assert_eq!(
            compact(&(cell(0) + &cell(9))),
            "<path d=\"M0,0h2v3h-2zM9,0h2v3h-2z\" opacity=\"0.5\" class=\"f-rec\"/>\n"
        );
        assert_eq!(compact("<text>a</text>\n"), "<text>a</text>\n");
    }
}
