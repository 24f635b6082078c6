//! What a prepared statement or a portal will run.

use std::sync::{Arc, Mutex, PoisonError};

use durward_audit::KeyedDigest;
use durward_sql::AnalyzedStatement;

use crate::levers::Lever;
use crate::session::MaskedText;
use crate::sight::Stamp;

/// A statement that was judged when it was prepared, and is judged again when it runs.
#[derive(Debug)]
pub(crate) struct Prepared {
    /// The whole text that it came in.
    pub(crate) text: Arc<str>,
    /// Where in the text it stands.
    pub(crate) place: Place,
    /// `None` for an empty text.
    pub(crate) statement: Option<AnalyzedStatement>,
    /// What the analysis rests on.
    pub(crate) stamp: Stamp,
    /// Keyed digest of the exact text.
    pub(crate) literals: KeyedDigest,
    /// What was sent in the place of the text, where it had to be masked.
    pub(crate) masked: Option<Arc<MaskedText>>,
    /// The parameter types of its Parse, where it was held then: what its Execute is bound to.
    pub(crate) held_types: Option<Box<[u32]>>,
    /// It sets this, and the server was sent something harmless in its place.
    pub(crate) lever: Option<Lever>,
    /// Its last analysis since what the first rests on has moved.
    pub(crate) again: Mutex<Option<(Stamp, AnalyzedStatement)>>,
}

impl Prepared {
    /// What it was under what holds now, where it was analysed anew then.
    pub(crate) fn analyzed_again(&self, now: &Stamp) -> Option<AnalyzedStatement> {
        let again = self.again.lock().unwrap_or_else(PoisonError::into_inner);
        again
            .as_ref()
            .filter(|(stamp, _)| stamp == now)
            .map(|(_, statement)| statement.clone())
    }

    /// Keeps a later analysis.
    pub(crate) fn remember(&self, now: Stamp, statement: &AnalyzedStatement) {
        *self.again.lock().unwrap_or_else(PoisonError::into_inner) = Some((now, statement.clone()));
    }
}

/// How to find a prepared statement in the analysis of its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// It is the text's command of this number, from 0.
    Command { command: usize },
    /// It is the body of the PREPARE that is this command.
    BodyOf { command: usize },
}

/// A prepared statement with parameters, or a cursor.
#[derive(Debug)]
pub(crate) struct Portal {
    pub(crate) prepared: Arc<Prepared>,
    /// Keyed digest of the parameters' exact bytes.
    pub(crate) parameters: Option<KeyedDigest>,
    /// The parameters of a statement that writes, as they came: none may be a mask.
    pub(crate) given: Box<[Box<[u8]>]>,
    /// The whole Bind message, where its statement was held when it was prepared.
    pub(crate) bind: Option<Box<[u8]>>,
    /// Opened by DECLARE or by an earlier execution: its plan is fixed, and so are its facts.
    pub(crate) is_cursor: bool,
    /// It outlives its transaction.
    pub(crate) is_holdable: bool,
}
