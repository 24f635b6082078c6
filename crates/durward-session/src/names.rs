//! Prepared statements and portals by name. SQL-level and protocol-level names are one table, as in the server
//! (manual sections 55.2.3 and PREPARE).
//!
//! Changes are made when a message is forwarded, so that the next message of a pipeline sees them, and are taken back
//! when the server refuses or skips that message.

use std::sync::Arc;

use foldhash::HashMap;

use crate::prepared::{Portal, Prepared};

/// A name as the client sent it; the empty one is the unnamed statement or portal.
pub(crate) type Name = Box<[u8]>;

/// The most prepared statements and portals that one session may hold.
///
/// Unit: names. Reason: each pins its analysis; drivers keep some hundreds.
pub(crate) const NAMES_MAX: usize = 20_000;

/// The session's prepared statements and portals.
#[derive(Debug, Default)]
pub(crate) struct Names {
    statements: HashMap<Name, Arc<Prepared>>,
    portals: HashMap<Name, Arc<Portal>>,
}

/// How to take a change back.
#[derive(Debug)]
pub(crate) enum Undo {
    Statement(Name, Option<Arc<Prepared>>),
    Portal(Name, Option<Arc<Portal>>),
    AllStatements(HashMap<Name, Arc<Prepared>>),
    AllPortals(HashMap<Name, Arc<Portal>>),
}

impl Names {
    pub(crate) fn statement(&self, name: &[u8]) -> Option<&Arc<Prepared>> {
        self.statements.get(name)
    }

    pub(crate) fn portal(&self, name: &[u8]) -> Option<&Arc<Portal>> {
        self.portals.get(name)
    }

    pub(crate) fn is_full(&self) -> bool {
        self.statements.len() + self.portals.len() >= NAMES_MAX
    }

    pub(crate) fn set_statement(&mut self, name: &[u8], prepared: Option<Arc<Prepared>>) -> Undo {
        Undo::Statement(name.into(), replace(&mut self.statements, name, prepared))
    }

    pub(crate) fn set_portal(&mut self, name: &[u8], portal: Option<Arc<Portal>>) -> Undo {
        Undo::Portal(name.into(), replace(&mut self.portals, name, portal))
    }

    pub(crate) fn clear_statements(&mut self) -> Undo {
        Undo::AllStatements(std::mem::take(&mut self.statements))
    }

    pub(crate) fn clear_portals(&mut self) -> Undo {
        Undo::AllPortals(std::mem::take(&mut self.portals))
    }

    /// Portals end with their transaction, but for cursors WITH HOLD.
    pub(crate) fn end_transaction(&mut self) {
        self.portals.retain(|_, portal| portal.is_holdable);
    }

    pub(crate) fn undo(&mut self, undo: Undo) {
        match undo {
            Undo::Statement(name, previous) => drop(replace(&mut self.statements, &name, previous)),
            Undo::Portal(name, previous) => drop(replace(&mut self.portals, &name, previous)),
            Undo::AllStatements(previous) => self.statements = previous,
            Undo::AllPortals(previous) => self.portals = previous,
        }
    }
}

fn replace<T>(table: &mut HashMap<Name, Arc<T>>, name: &[u8], value: Option<Arc<T>>) -> Option<Arc<T>> {
    match value {
        // The unnamed statement is replaced with every Parse: keep its key.
        Some(value) => match table.get_mut(name) {
            Some(slot) => Some(std::mem::replace(slot, value)),
            None => table.insert(name.into(), value),
        },
        None => table.remove(name),
    }
}
