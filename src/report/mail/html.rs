//! The mail as HTML that Gmail and Outlook show: tables, inline styles, no style sheet, no script.

use askama::Template;

use super::Picture;
use super::page::{Page, Section};
use crate::report::RenderError;

/// The document.
#[derive(Template)]
#[template(path = "mail.html")]
struct Document<'a> {
    page: &'a Page,
    pictures: &'a [Picture],
}

impl Document<'_> {
    /// The chart that stands below a section.
    fn picture(&self, section: &Section) -> Option<&Picture> {
        let name = section.chart?;
        self.pictures.iter().find(|it| it.name == name)
    }
}

/// The document.
pub(super) fn render(page: &Page, pictures: &[Picture]) -> Result<String, RenderError> {
    Ok(Document { page, pictures }.render()?)
}
