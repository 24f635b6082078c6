//! The parameters of a held or captured statement, for texts of our own that use them too.

use std::collections::BTreeSet;

use durward_wire::postgres::Format;

use super::binding::bind_of;
use super::masking::Sent;
use crate::prepared::Portal;

/// The parameters of a prepared statement; none for a text that was sent as it is.
#[derive(Debug, Default)]
pub(super) struct Given<'a> {
    pub(super) types: &'a [u32],
    pub(super) formats: Vec<Format>,
    pub(super) values: Vec<Option<&'a [u8]>>,
    pub(super) results: Vec<Format>,
}

/// Types, formats and values of parameters.
pub(super) type Only<'a> = (Vec<u32>, Vec<Format>, Vec<Option<&'a [u8]>>);

impl<'a> Given<'a> {
    /// `None` where they aren't known any more.
    pub(super) fn of(portal: &'a Portal) -> Option<Self> {
        let bind = bind_of(portal)?;
        Some(Self {
            types: portal.prepared.held_types.as_deref()?,
            formats: (0..bind.parameters.count())
                .map(|index| bind.parameter_formats.of(index))
                .collect(),
            values: bind.parameters.iter().collect(),
            results: bind.result_formats.iter().collect(),
        })
    }

    /// Those that come with a message, or came with an earlier one.
    pub(super) fn with(sent: Sent<'a>) -> Option<Self> {
        match sent {
            Sent::Now { .. } => Some(Self::default()),
            Sent::Before { portal } => Self::of(portal),
        }
    }

    /// The formats of a result with more columns behind the client's.
    pub(super) fn result_formats(&self, clients: usize, own: usize) -> Vec<Format> {
        let clients = (0..clients).map(|index| match self.results.as_slice() {
            [] => Format::Text,
            [all] => *all,
            each => each.get(index).copied().unwrap_or(Format::Text),
        });
        clients.chain(std::iter::repeat_n(Format::Text, own)).collect()
    }

    /// The same for a text that uses only some of the parameters: of the others it knows no type.
    pub(super) fn only(&self, used: &BTreeSet<usize>) -> Only<'a> {
        const TEXT: u32 = 25;
        let count = used.last().copied().unwrap_or_default();
        let numbered = (1..=count).map(|number| (number, used.contains(&number)));
        let value = |number: usize| self.values.get(number - 1).copied().flatten();
        let kind = |number: usize| self.types.get(number - 1).copied().unwrap_or_default();
        (
            numbered
                .clone()
                .map(|(number, used)| if used { kind(number) } else { TEXT })
                .collect(),
            self.formats.iter().copied().take(count).collect(),
            numbered.map(|(number, used)| value(number).filter(|_| used)).collect(),
        )
    }
}
