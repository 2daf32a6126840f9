//! The mail of a report: a subject, a text that is complete by itself, the same as HTML, and at most
//! two charts.
//!
//! Comes in: a `report.json`, so that a report written last week and one written now take the same
//! way. Goes out: texts and pictures; who gets them is not known here. Mail programs drop style
//! sheets, SVG and scripts, so the HTML is tables with inline styles, 600 px wide, and the charts are
//! PNG.

mod charts;
mod html;
mod journal;
mod known;
mod month;
mod page;
mod parts;
mod read;
#[cfg(test)]
mod tests;
mod text;

pub use journal::{Journal, MailKey, State};
pub use known::Known;
#[cfg(test)]
pub(crate) use page::Row;
pub(crate) use page::{Section, first_page};
pub use read::MailReport;

use super::RenderError;

/// Whose mail it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Audience<'a> {
    /// Everything.
    All,
    /// Only the workloads of one owner.
    Owner(&'a str),
}

/// A mail without its addresses.
#[derive(Clone, Debug)]
pub struct Mail {
    /// One line.
    pub subject: String,
    /// Lines of at most 78 columns.
    pub text: String,
    /// A whole document that refers to its pictures as `cid:<name>`.
    pub html: String,
    /// The charts.
    pub pictures: Vec<Picture>,
}

/// A chart in a mail.
#[derive(Clone, Debug)]
pub struct Picture {
    /// Unique in the mail; letters and hyphens.
    pub name: &'static str,
    /// What it shows, in words, for those who do not see it.
    pub alt: String,
    /// The file.
    pub png: Vec<u8>,
}

/// The mail; nothing for an owner without workloads. `attached` says what goes with it, and what was
/// left out; `news` what changed since the mail before.
pub fn mail(
    report: &MailReport,
    audience: Audience<'_>,
    attached: &[String],
    news: &[String],
) -> Result<Option<Mail>, RenderError> {
    let Some(page) = page::page(report, audience, attached, news)? else { return Ok(None) };
    let pictures = charts::pictures(&page)?;
    Ok(Some(Mail {
        subject: page.subject.clone(),
        text: text::render(&page),
        html: html::render(&page, &pictures)?,
        pictures,
    }))
}
