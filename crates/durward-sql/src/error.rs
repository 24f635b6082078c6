use std::sync::Arc;

use durward_model::{Refusal, sqlstate};

use crate::parser::ServerWords;

/// Why a text could not be analysed. Each converts to the [`Refusal`] that the client is told.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AnalysisError {
    /// The server would refuse the text too: its wording and place.
    #[error("{}", .0.message)]
    Syntax(Box<ServerWords>),
    /// The text nests deeper than the parser's stack; the server's own limit is lower or about the same.
    #[error("stack depth limit exceeded")]
    TooComplex,
    /// The text has more tokens than a bounded amount of memory can hold as a tree.
    #[error("statement text has too many tokens to be judged")]
    TooLarge,
    /// The text can't be read the way the server reads it.
    #[error("{0}")]
    Unsupported(Arc<str>),
    /// The parser threads are busy beyond their queue, or one failed.
    #[error("the parser is not available: {0}")]
    Unavailable(Arc<str>),
}

impl From<AnalysisError> for Refusal {
    fn from(error: AnalysisError) -> Self {
        Self::from(&error)
    }
}

impl From<&AnalysisError> for Refusal {
    fn from(error: &AnalysisError) -> Self {
        match error {
            AnalysisError::Syntax(words) => {
                let mut refusal = Self::new(words.sqlstate, "syntax", Arc::clone(&words.message));
                refusal.detail.clone_from(&words.detail);
                refusal.hint.clone_from(&words.hint);
                refusal.position = words.position;
                refusal
            }
            AnalysisError::TooComplex => Self::new(
                sqlstate::STATEMENT_TOO_COMPLEX,
                "too-complex",
                "stack depth limit exceeded",
            )
            .with_hint("Nest the statement less deeply."),
            AnalysisError::TooLarge => Self::new(
                sqlstate::PROGRAM_LIMIT_EXCEEDED,
                "too-large",
                "the statement text has too many tokens to be judged",
            )
            .with_hint("Send fewer statements or values at once, or use COPY."),
            AnalysisError::Unsupported(reason) => Self::not_understood("unsupported-text", Arc::clone(reason)),
            AnalysisError::Unavailable(reason) => {
                Self::not_understood("parser-unavailable", Arc::clone(reason)).with_hint("Try again.")
            }
        }
    }
}
