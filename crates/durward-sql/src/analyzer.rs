use std::ops::Range;
use std::sync::Arc;

use durward_model::{Digest, StatementFacts};

use crate::catalog::CatalogSnapshot;
use crate::{AnalysisError, SessionEffect, SessionSettings};

/// What one text is analysed against.
#[derive(Debug, Clone)]
pub struct AnalysisContext {
    /// The catalog as last read.
    pub catalog: Arc<CatalogSnapshot>,
    /// The session's settings as last probed.
    pub settings: Arc<SessionSettings>,
    /// Whether `catalog` is known to be current: a name that isn't in it then doesn't exist, and the server will say
    /// so. Otherwise an unknown name makes the facts opaque.
    pub catalog_is_current: bool,
}

/// One text, analysed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Analysis {
    /// Its commands in order; none for an empty query.
    pub statements: Vec<AnalyzedStatement>,
}

/// One command of a text.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct AnalyzedStatement {
    /// Where it stands in the text, in bytes. For an analysis from the cache these are the places in the text that was
    /// analysed first: see [`Analyzer::cached`].
    pub span: Range<usize>,
    /// What it touches.
    pub facts: Arc<StatementFacts>,
    /// What the session must track once it has run.
    pub effects: Arc<[SessionEffect]>,
    /// Names that the catalog doesn't hold. A session whose catalog isn't known to be current reads it again and
    /// analyses once more.
    pub unresolved: Arc<[Arc<str>]>,
    /// The text with constants replaced by parameters and passwords gone; where that can't be had, the command alone.
    pub normalized: Arc<str>,
    /// SHA-256 of `normalized`.
    pub shape: Digest,
}

/// Bounds of analysis.
#[derive(Debug, Clone, Copy)]
pub struct AnalyzerLimits {
    /// Threads that parse. Each has a stack of `stack_bytes`.
    pub threads: usize,
    /// The stack of a parser thread, in bytes. Address space; memory only as far as used.
    pub stack_bytes: usize,
    /// Texts that may wait for a parser thread.
    pub queue_length_max: usize,
    /// Tokens of one text that is parsed to a tree, in all: a token of a tree costs about 400 bytes.
    pub tokens_max: usize,
    /// Bytes that cached analyses may hold in all.
    pub cache_bytes_max: u64,
}

impl Default for AnalyzerLimits {
    fn default() -> Self {
        Self {
            threads: 2,
            stack_bytes: 64 << 20,
            queue_length_max: 1_024,
            tokens_max: 1_000_000,
            cache_bytes_max: 64 << 20,
        }
    }
}

/// Analyses texts on threads of its own, and remembers.
#[derive(Debug)]
pub struct Analyzer {
    _limits: AnalyzerLimits,
}

impl Analyzer {
    /// Starts the parser threads.
    ///
    /// # Errors
    /// A thread can't be started.
    pub fn new(limits: AnalyzerLimits) -> std::io::Result<Self> {
        Ok(Self { _limits: limits })
    }

    /// The analysis of a text that was analysed before under the same settings and catalog, or of one that differs
    /// only in constants on which no fact rests. Never waits.
    pub fn cached(&self, text: &str, context: &AnalysisContext) -> Option<Arc<Analysis>> {
        let _ = (text, context);
        None
    }

    /// Analyses a text. Cancel safe: yes; the work ends by itself.
    ///
    /// # Errors
    /// See [`AnalysisError`].
    pub async fn analyze(&self, text: &str, context: &AnalysisContext) -> Result<Arc<Analysis>, AnalysisError> {
        let _ = (text, context);
        Err(AnalysisError::Unavailable("not built yet".into()))
    }
}
