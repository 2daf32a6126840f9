//! A chart as a picture in pixels, with a font of its own: the fonts of the machine are never asked.

use std::sync::{Arc, LazyLock};

use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::fontdb::Database;
use resvg::usvg::{ImageHrefResolver, Options, Tree};

use super::Chart;
use crate::report::RenderError;

/// The family of the embedded font, first in the list that chart files name.
pub(super) const FAMILY: &str = "Noto Sans";

/// Written into every picture, so that a stale one is known.
pub(crate) const SOFTWARE: &str = "gpuadvise chart";

/// The classes of the dark palette as plain rules: the renderer knows no variables. The edge of what
/// starts is the same in both.
const DARK: &str = ".f-today{fill:#9AA5B1}.f-rec{fill:#56B4E9}.f-serverless{fill:#F0B340}\
    .f-spot{fill:#DDA0C4}.f-save{fill:#2BC597}.f-risk{fill:#FF8A4C}.f-idle{fill:#3C4650}\
    .f-text{fill:#E8ECF0}.f-rule{fill:#2A323A}.f-page{fill:#12171C}\
    .s-today{stroke:#9AA5B1}.s-rec{stroke:#56B4E9}.s-serverless{stroke:#F0B340}\
    .s-spot{stroke:#DDA0C4}.s-save{stroke:#2BC597}.s-risk{stroke:#FF8A4C}\
    .s-rule{stroke:#2A323A}.s-page{stroke:#12171C}";

/// The fonts, parsed once.
static FONTS: LazyLock<Arc<Database>> = LazyLock::new(|| {
    let mut fonts = Database::new();
    fonts.load_font_data(ttf_noto_sans::REGULAR.to_vec());
    fonts.load_font_data(ttf_noto_sans::BOLD.to_vec());
    fonts.set_sans_serif_family(FAMILY);
    Arc::new(fonts)
});

/// Which palette a picture has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Theme {
    /// Dark on white.
    Light,
    /// Light on near black.
    Dark,
}

impl Chart {
    /// The chart with its title as PNG, `scale` pixels to a pixel of the SVG: at 2 a picture of 512
    /// is 1,024 wide. The same bytes in every run.
    pub(crate) fn png(&self, name: &str, scale: f32, theme: Theme) -> Result<Vec<u8>, RenderError> {
        // The colours of the light palette stand in the attributes.
        let style = match theme {
            Theme::Light => "",
            Theme::Dark => DARK,
        };
        let tree =
            Tree::from_str(&self.document(name, style), &options()).map_err(RenderError::chart)?;
        let size = tree
            .size()
            .to_int_size()
            .scale_by(scale)
            .ok_or_else(|| RenderError::Chart(format!("a picture has no scale {scale}")))?;
        let mut pixels = Pixmap::new(size.width(), size.height())
            .ok_or_else(|| RenderError::Chart("the picture is too large".to_owned()))?;
        resvg::render(&tree, Transform::from_scale(scale, scale), &mut pixels.as_mut());
        encoded(&pixels).map_err(RenderError::chart)
    }
}

/// The bytes: colours without transparency, which nothing here has, and who drew it.
fn encoded(pixels: &Pixmap) -> Result<Vec<u8>, png::EncodingError> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, pixels.width(), pixels.height());
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.add_text_chunk("Software".to_owned(), SOFTWARE.to_owned())?;
    let mut writer = encoder.write_header()?;
    let colors: Vec<u8> =
        pixels.pixels().iter().flat_map(|it| [it.red(), it.green(), it.blue()]).collect();
    writer.write_image_data(&colors)?;
    writer.finish()?;
    Ok(bytes)
}

/// The embedded fonts for every family, and no picture from anywhere.
fn options() -> Options<'static> {
    Options {
        font_family: FAMILY.to_owned(),
        fontdb: Arc::clone(&FONTS),
        image_href_resolver: ImageHrefResolver {
            resolve_data: Box::new(|_, _, _| None),
            resolve_string: Box::new(|_, _| None),
        },
        ..Options::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A chart with every element that charts have.
    fn chart(title: &str) -> Chart {
        let body = "<rect x=\"0\" y=\"0\" width=\"90\" height=\"40\" class=\"f-rec\" fill=\"#0072B2\"/>\n\
                    <rect x=\"90\" y=\"0\" width=\"90\" height=\"40\" fill=\"url(#hatch)\"/>\n";
        Chart {
            title: title.to_owned(),
            subtitle: "USD, October 2026".to_owned(),
            body: body.to_owned(),
            height: 60,
        }
    }

    fn pixels(chart: &Chart, scale: f32, theme: Theme) -> Pixmap {
        Pixmap::decode_png(&chart.png("chat", scale, theme).unwrap()).unwrap()
    }

    #[test]
    fn themes_and_scales_are_kept() {
        let it = chart("More than 3 GPUs are needed 37\u{202f}% of the time");
        let (light, dark) = (pixels(&it, 2.0, Theme::Light), pixels(&it, 2.0, Theme::Dark));
        assert_eq!((light.width(), dark.width()), (1024, 1024));
        let corner = |it: &Pixmap| it.pixel(1, 1).map(|it| (it.red(), it.green(), it.blue()));
        assert_eq!(corner(&light), Some((0xFF, 0xFF, 0xFF)));
        assert_eq!(corner(&dark), Some((0x12, 0x17, 0x1C)));
        let blue = |it: &Pixmap| it.pixels().iter().filter(|it| it.blue() == 0xB2).count();
        assert!(blue(&light) > 4 * 90 * 39, "{}", blue(&light));
        assert_eq!(pixels(&it, 1.0, Theme::Light).width(), 512);
    }

    /// The title is drawn with the embedded font, and its figures all have one width.
    #[test]
    fn texts_are_drawn() {
        let dark = |title: &str| {
            let pixels = pixels(&chart(title), 1.0, Theme::Light);
            pixels.pixels().iter().filter(|it| it.red() < 0x60).count()
        };
        assert!(dark("WWWWWWWWWW") > dark("..") + 100);
    }

    #[test]
    fn threads_draw_the_same_bytes() {
        let it = chart("The same");
        let png = || it.png("<script>alert(1)</script>", 1.0, Theme::Dark).unwrap();
        let first = png();
        std::thread::scope(|scope| {
            let others = [scope.spawn(png), scope.spawn(png)];
            for other in others {
                assert_eq!(first, other.join().unwrap());
            }
        });
    }

    #[test]
    fn a_picture_without_size_is_an_error() {
        assert!(chart("").png("", f32::NAN, Theme::Light).is_err());
    }
}
