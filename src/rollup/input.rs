//! Where requests come from: Parquet logs as they are, or rows that were read by the general reader
//! and put aside.

use std::collections::BTreeSet;

use super::RollupError;
use super::blocks::Blocks;
use super::file::{LogFile, Refused, Span};
use super::rows::Rows;

/// Takes rows and those that were refused among them; says whether it wants more.
pub(super) type Take<'a> = &'a mut dyn FnMut(&Rows, Refused) -> Result<bool, RollupError>;

/// One input.
pub(super) enum Input {
    /// A log with plain columns.
    Log(Box<LogFile>),
    /// Rows put aside.
    Blocks(Blocks),
}

impl Input {
    /// What messages call it.
    pub(super) fn name(&self) -> &str {
        match self {
            Input::Log(it) => &it.name,
            Input::Blocks(_) => "the rows put aside",
        }
    }

    /// Rows of each part.
    pub(super) fn parts(&self) -> Vec<usize> {
        match self {
            Input::Log(it) => it.groups().collect(),
            Input::Blocks(it) => it.parts().collect(),
        }
    }

    /// When the rows of a part came; nothing for one without a time.
    pub(super) fn span(&self, part: usize) -> Result<Option<Span>, RollupError> {
        match self {
            Input::Log(it) => it.span(part),
            Input::Blocks(it) => Ok(it.span(part)),
        }
    }

    /// The workloads of all rows.
    pub(super) fn names(&self) -> Result<BTreeSet<String>, RollupError> {
        match self {
            Input::Log(it) => it.names(),
            Input::Blocks(it) => Ok(it.names().iter().cloned().collect()),
        }
    }

    /// Reads a part in stretches; `place` is the number of the input and that of the part, the names
    /// are those of all inputs, in order.
    pub(super) fn read(
        &self,
        place: (usize, usize),
        names: &[String],
        take: Take<'_>,
    ) -> Result<(), RollupError> {
        match self {
            Input::Log(it) => it.read(place, names, take),
            Input::Blocks(it) => it.read(place.1, names, take),
        }
    }

    /// Fails where it is no longer what it was.
    pub(super) fn check(&self) -> Result<(), RollupError> {
        match self {
            Input::Log(it) => it.check(),
            Input::Blocks(_) => Ok(()),
        }
    }
}
