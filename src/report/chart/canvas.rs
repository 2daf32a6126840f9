//! A drawing area in pixels on plotters' SVG backend, and the palette.

use plotters::coord::Shift;
use plotters::prelude::{
    Circle, DrawingArea, FontDesc, FontFamily, FontStyle, IntoDrawingArea, PathElement, Polygon,
    RGBColor, Rectangle, SVGBackend, Text,
};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, IntoTextStyle, ShapeStyle};

use super::WIDTH;
use crate::report::RenderError;
use crate::report::number::Medium;

/// Today, the baseline, and secondary text.
pub(super) const TODAY: RGBColor = RGBColor(0x5B, 0x65, 0x73);
/// The recommended plan and the reserved base.
pub(super) const RECOMMENDED: RGBColor = RGBColor(0x00, 0x72, 0xB2);
/// Serverless.
pub(super) const SERVERLESS: RGBColor = RGBColor(0xE6, 0x9F, 0x00);
/// Spot.
pub(super) const SPOT: RGBColor = RGBColor(0xCC, 0x79, 0xA7);
/// A saving.
pub(super) const SAVE: RGBColor = RGBColor(0x00, 0x7A, 0x59);
/// A limit or a loss.
pub(super) const RISK: RGBColor = RGBColor(0xD5, 0x5E, 0x00);
/// Paid and not used: drawn with a hatch.
pub(super) const IDLE: RGBColor = RGBColor(0xC9, 0xCF, 0xD6);
/// Starting.
pub(super) const STARTING: RGBColor = RGBColor(0xF0, 0xE4, 0x42);
/// Text.
pub(super) const TEXT: RGBColor = RGBColor(0x17, 0x20, 0x2A);
/// The page.
pub(super) const PAGE: RGBColor = RGBColor(0xFF, 0xFF, 0xFF);
/// Light rules.
pub(super) const RULE: RGBColor = RGBColor(0xE3, 0xE7, 0xEB);

/// The class of each colour as plotters writes it.
const CLASSES: [(&str, &str); 10] = [
    ("#5B6573", "today"),
    ("#0072B2", "rec"),
    ("#E69F00", "serverless"),
    ("#CC79A7", "spot"),
    ("#007A59", "save"),
    ("#D55E00", "risk"),
    ("#F0E442", "start"),
    ("#17202A", "text"),
    ("#E3E7EB", "rule"),
    ("#FFFFFF", "page"),
];

/// Plotters divides a font size by this for SVG.
const FONT_SCALE: f64 = 1.24;

/// Where a text stands against its point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Anchor {
    /// The text starts there.
    Start,
    /// The text is centred there.
    Middle,
    /// The text ends there.
    End,
}

/// A picture being drawn.
pub(super) struct Canvas<'a> {
    area: DrawingArea<SVGBackend<'a>, Shift>,
}

/// Draws a picture of [`WIDTH`] x `height` and returns the SVG elements inside its root, themed.
pub(super) fn draw(
    height: i32,
    paint: impl FnOnce(&Canvas<'_>) -> Result<(), RenderError>,
) -> Result<String, RenderError> {
    let mut svg = String::new();
    {
        let size = (WIDTH.unsigned_abs(), height.unsigned_abs());
        let area = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        paint(&Canvas { area: area.clone() })?;
        area.present().map_err(RenderError::chart)?;
    }
    let inner = svg.split_once('>').map_or("", |(_, rest)| rest);
    let inner = inner.rsplit_once("</svg>").map_or(inner, |(inner, _)| inner);
    Ok(super::compact::compact(&theme(inner.trim_start())))
}

impl Canvas<'_> {
    /// A filled rectangle; nothing where it has no area.
    pub(super) fn rect(
        &self,
        from: (i32, i32),
        to: (i32, i32),
        color: RGBColor,
        opacity: f64,
    ) -> Result<(), RenderError> {
        if to.0 <= from.0 || to.1 <= from.1 || opacity <= 0.0 {
            return Ok(());
        }
        self.area
            .draw(&Rectangle::new([from, to], color.mix(opacity).filled()))
            .map_err(RenderError::chart)
    }

    /// The edge of a rectangle.
    pub(super) fn frame(
        &self,
        from: (i32, i32),
        to: (i32, i32),
        color: RGBColor,
    ) -> Result<(), RenderError> {
        self.area
            .draw(&Rectangle::new([from, to], color.stroke_width(1)))
            .map_err(RenderError::chart)
    }

    /// A line through points.
    pub(super) fn line(
        &self,
        points: Vec<(i32, i32)>,
        color: RGBColor,
        width: u32,
    ) -> Result<(), RenderError> {
        let style: ShapeStyle = color.stroke_width(width);
        self.area.draw(&PathElement::new(points, style)).map_err(RenderError::chart)
    }

    /// A filled disc.
    pub(super) fn disc(
        &self,
        center: (i32, i32),
        radius: i32,
        color: RGBColor,
    ) -> Result<(), RenderError> {
        self.area.draw(&Circle::new(center, radius, color.filled())).map_err(RenderError::chart)
    }

    /// A circle.
    pub(super) fn ring(
        &self,
        center: (i32, i32),
        radius: i32,
        color: RGBColor,
    ) -> Result<(), RenderError> {
        let style = color.stroke_width(1);
        self.area.draw(&Circle::new(center, radius, style)).map_err(RenderError::chart)
    }

    /// A filled polygon.
    pub(super) fn area(
        &self,
        points: Vec<(i32, i32)>,
        color: RGBColor,
        opacity: f64,
    ) -> Result<(), RenderError> {
        self.area
            .draw(&Polygon::new(points, color.mix(opacity).filled()))
            .map_err(RenderError::chart)
    }

    /// Text of 12 px, centred on the height of its point.
    pub(super) fn text(
        &self,
        text: &str,
        at: (i32, i32),
        anchor: Anchor,
        color: RGBColor,
    ) -> Result<(), RenderError> {
        self.write(text, at, anchor, color, FontStyle::Normal)
    }

    /// As [`Canvas::text`], in bold.
    pub(super) fn bold(
        &self,
        text: &str,
        at: (i32, i32),
        anchor: Anchor,
        color: RGBColor,
    ) -> Result<(), RenderError> {
        self.write(text, at, anchor, color, FontStyle::Bold)
    }

    /// Light rules from `left` to `right` at round values up to `top`, each with its number.
    pub(super) fn levels(
        &self,
        top: f64,
        (left, right): (i32, i32),
        y: impl Fn(f64) -> i32,
    ) -> Result<(), RenderError> {
        for value in ticks(top) {
            self.line(vec![(left, y(value)), (right, y(value))], RULE, 1)?;
            self.text(&Medium::Page.quantity(value), (left - 8, y(value)), Anchor::End, TODAY)?;
        }
        Ok(())
    }

    /// Says in the middle of the picture why it is empty.
    pub(super) fn empty(&self, why: &str, height: i32) -> Result<(), RenderError> {
        self.frame((0, 0), (WIDTH - 1, height - 1), RULE)?;
        self.text(why, (WIDTH / 2, height / 2), Anchor::Middle, TODAY)
    }

    fn write(
        &self,
        text: &str,
        at: (i32, i32),
        anchor: Anchor,
        color: RGBColor,
        weight: FontStyle,
    ) -> Result<(), RenderError> {
        let hpos = match anchor {
            Anchor::Start => HPos::Left,
            Anchor::Middle => HPos::Center,
            Anchor::End => HPos::Right,
        };
        let font = FontDesc::new(FontFamily::SansSerif, 12.0 * FONT_SCALE, weight);
        let style = font.into_text_style(&self.area).pos(Pos::new(hpos, VPos::Center));
        self.area
            .draw(&Text::new(text.to_owned(), at, style.color(&color)))
            .map_err(RenderError::chart)
    }
}

/// Gives every palette colour its class and drops attributes that say nothing.
fn theme(svg: &str) -> String {
    let mut out = svg
        .replace("\">\n", "\">")
        .replace("\n</text>", "</text>")
        .replace(" text-anchor=\"start\"", "")
        .replace(" font-size=\"12\"", "")
        .replace(" stroke=\"none\"", "")
        .replace(" opacity=\"1\"", "")
        .replace(" font-family=\"sans-serif\"", "")
        .replace("fill=\"#C9CFD6\"", "fill=\"url(#hatch)\"");
    for (hex, name) in CLASSES {
        out = out
            .replace(&format!("fill=\"{hex}\""), &format!("class=\"f-{name}\" fill=\"{hex}\""))
            .replace(&format!("stroke=\"{hex}\""), &format!("class=\"s-{name}\" stroke=\"{hex}\""));
    }
    out
}

/// The picture without the colours that its classes give anyway.
pub(super) fn without_fallback(svg: &str) -> String {
    let mut out = svg.replace(" \"/>", "\"/>");
    for (hex, name) in CLASSES {
        for (kind, attribute) in [("f", "fill"), ("s", "stroke")] {
            let class = format!("class=\"{kind}-{name}\"");
            out = out.replace(&format!("{class} {attribute}=\"{hex}\""), &class);
        }
    }
    out
}

/// Width of 12 px text in a system font, near enough to keep texts apart.
pub(super) fn text_width(text: &str) -> i32 {
    i32::try_from(text.chars().count()).unwrap_or(i32::MAX / 16).saturating_mul(13) / 2
}

/// The same where a narrow page sets texts in 14 px: `.plot text` of `style.css`.
pub(super) fn widest(text: &str) -> i32 {
    text_width(text).saturating_mul(7) / 6
}

/// At most five round values from zero, none above `top`.
///
/// For 8.4 they are 0, 2, 4, 6, 8; for 20,036 they are 0, 5,000, 10,000, 15,000, 20,000.
pub(super) fn ticks(top: f64) -> Vec<f64> {
    if !(top > 0.0 && top.is_finite()) {
        return vec![0.0];
    }
    let unit = libm::pow(10.0, libm::floor(libm::log10(top / 5.0)));
    let fits = |step: &f64| step * 5.0 > top;
    let step = [1.0, 2.0, 2.5, 5.0, 10.0, 20.0].map(|it| it * unit).into_iter().find(fits);
    let Some(step) = step else { return vec![0.0, top] };
    let values = (0..5_u32).map(|at| step * f64::from(at));
    values.take_while(|value| *value <= top).collect()
}

/// As [`ticks`], on both sides of zero where `low` is below it.
pub(super) fn ticks_between(low: f64, high: f64) -> Vec<f64> {
    let ticks = ticks(high.max(-low));
    let below = ticks.iter().skip(1).rev().map(|it| -it).filter(|it| *it >= low);
    let mut all: Vec<f64> =
        below.chain(ticks.iter().copied().filter(|it| *it <= high.max(0.0))).collect();
    while all.len() > 6 {
        all = all
            .into_iter()
            .enumerate()
            .filter(|(at, it)| at % 2 == 0 || *it == 0.0)
            .map(|it| it.1)
            .collect();
    }
    all
}

/// The corners of steps, a point only where the height in pixels changes; the last goes on to `end`.
pub(super) fn steps(
    values: impl IntoIterator<Item = (i32, f64)>,
    end: i32,
    y: impl Fn(f64) -> i32,
) -> Vec<(i32, i32)> {
    let mut points: Vec<(i32, i32)> = Vec::new();
    for (x, value) in values {
        let height = y(value);
        match points.last().copied() {
            Some((_, last)) if last == height => {}
            Some((_, last)) => points.extend([(x, last), (x, height)]),
            None => points.push((x, height)),
        }
    }
    if let Some((_, last)) = points.last().copied() {
        points.push((end, last));
    }
    points
}

/// A line closed to an area down to `floor`.
pub(super) fn closed(line: &[(i32, i32)], floor: i32) -> Vec<(i32, i32)> {
    let mut points = line.to_vec();
    if let (Some(first), Some(last)) = (line.first(), line.last()) {
        points.extend([(last.0, floor), (first.0, floor)]);
    }
    points
}

/// `share` of `length` in whole pixels; anything outside 0 to 1 is held at the edge.
#[expect(clippy::cast_possible_truncation, reason = "between 0 and length")]
pub(super) fn pixels(share: f64, length: i32) -> i32 {
    let share = if share.is_finite() { share.clamp(0.0, 1.0) } else { 0.0 };
    (share * f64::from(length)).round() as i32
}
