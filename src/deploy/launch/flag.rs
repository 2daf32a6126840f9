//! One flag of a command, with its value and the reason it has it.

use std::fmt::Display;

/// A flag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::deploy) struct Flag {
    /// With its dashes.
    pub(in crate::deploy) name: &'static str,
    /// Nothing for a switch.
    pub(in crate::deploy) value: Option<String>,
    /// Why, in one sentence without an end.
    pub(in crate::deploy) why: String,
}

impl Flag {
    pub(super) fn new(name: &'static str, value: impl Display, why: impl Into<String>) -> Flag {
        Flag { name, value: Some(value.to_string()), why: why.into() }
    }

    /// The flag as words of a command.
    pub(super) fn words(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.name).chain(self.value.as_deref())
    }
}
