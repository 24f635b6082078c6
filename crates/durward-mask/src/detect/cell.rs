//! Formats that only a cell as a whole can have: in running text they would be noise.

use durward_model::Label;

use super::{Finding, Strength};

/// A format of a whole cell, recognised by a function.
#[derive(Debug)]
pub(super) struct Cell {
    /// Its name in evidence.
    pub(super) name: &'static str,
    /// What it is.
    pub(super) label: Label,
    /// How sure a trimmed value is of this format, if it is.
    pub(super) strength: fn(&str) -> Option<Strength>,
}

impl Cell {
    /// The finding that covers a value of this format.
    pub(super) fn recognise(&self, value: &str) -> Option<Finding> {
        (self.strength)(value).map(|strength| Finding {
            label: self.label.clone(),
            format: self.name,
            strength,
            span: 0..value.len(),
        })
    }
}
