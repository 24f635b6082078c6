use std::ops::Range;
use std::sync::Arc;

use durward_model::{Digest, StatementFacts};

use crate::analysis::analyze_text;
use crate::aside::{AsidePlan, aside_plan};
use crate::cache::AnalysisCache;
use crate::capture::{CannotCapture, CapturePlan, capture_plan};
use crate::catalog::CatalogSnapshot;
use crate::copy::{CannotReadCopy, CopyForm, copy_form};
use crate::count::{CannotCount, CountReach, CountText, count_text};
use crate::ddl::{DdlTouch, ddl_touches};
use crate::inverse::{InversePlan, inverse_plan};
use crate::parser::ParserThreads;
use crate::rewrite::{CannotRewrite, Rewritten, SourceMasks, rewrite};
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

/// The reason of what is opaque because another session's lock kept its definition from being read.
pub(crate) const LOCKED_DEFINITION: &str = "its definition is locked by another session";

impl Analysis {
    /// Whether a definition that a statement rests on could not be read for another session's lock.
    pub fn awaits_lock(&self) -> bool {
        let mut opaque = self.statements.iter().flat_map(|statement| &statement.facts.opaque);
        opaque.any(|what| &*what.reason == LOCKED_DEFINITION)
    }
}

/// One command of a text.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct AnalyzedStatement {
    /// Where it stands in the text, in bytes. The only command of a text stands for the whole text: its span may be
    /// that of another text which differs in constants, blanks and comments.
    pub span: Range<usize>,
    /// What it touches.
    pub facts: Arc<StatementFacts>,
    /// What the session must track once it has run.
    pub effects: Arc<[SessionEffect]>,
    /// Names that the catalog doesn't hold. A session whose catalog isn't known to be current reads it again and
    /// analyses once more.
    pub unresolved: Arc<[Arc<str>]>,
    /// The text with constants replaced by parameters and comments gone, at most about 16 KiB of it; where that can't
    /// be had, the command alone.
    pub normalized: Arc<str>,
    /// SHA-256 of `normalized`.
    pub shape: Digest,
}

impl AnalyzedStatement {
    /// Whether it changes what names mean, so that what comes behind it in its text can't be judged by what held before
    /// the text. What an EXECUTE runs is not counted.
    pub fn moves_names(&self) -> bool {
        crate::analysis::moves_names(&self.facts, &self.effects)
    }

    /// Whether it calls code that the database's own definitions hold.
    pub fn calls_code(&self) -> bool {
        let mut functions = self.facts.functions.iter();
        functions.any(|used| !used.function.oid.is_built_in())
    }
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
    /// Tokens of one text that is parsed to a tree, long lists of constants not counted. A token of a tree costs up to
    /// 500 bytes.
    pub tokens_max: usize,
    /// Bytes that cached analyses may hold in all.
    pub cache_bytes_max: u64,
}

impl Default for AnalyzerLimits {
    fn default() -> Self {
        Self {
            threads: 2,
            stack_bytes: 256 << 20,
            queue_length_max: 1_024,
            tokens_max: 400_000,
            cache_bytes_max: 64 << 20,
        }
    }
}

/// Analyses texts on threads of its own, and remembers.
#[derive(Debug)]
pub struct Analyzer {
    limits: AnalyzerLimits,
    threads: ParserThreads,
    cache: AnalysisCache,
}

impl Analyzer {
    /// Starts the parser threads.
    ///
    /// # Errors
    /// A thread can't be started.
    pub fn new(limits: AnalyzerLimits) -> std::io::Result<Self> {
        Ok(Self {
            limits,
            threads: ParserThreads::start(limits.threads, limits.stack_bytes, limits.queue_length_max)?,
            cache: AnalysisCache::new(limits.cache_bytes_max),
        })
    }

    /// The analysis of a text that was analysed before under the same settings and catalog, or of one that differs
    /// only in constants on which no fact rests. Never waits.
    pub fn cached(&self, text: &str, context: &AnalysisContext) -> Option<Arc<Analysis>> {
        self.cache.get(text, context)
    }

    /// Analyses a text, or finds its analysis in the cache. Cancel safe: yes; the work ends by itself.
    ///
    /// # Errors
    /// See [`AnalysisError`].
    pub async fn analyze(&self, text: &str, context: &AnalysisContext) -> Result<Arc<Analysis>, AnalysisError> {
        if let Some(known) = self.cached(text, context) {
            return Ok(known);
        }
        let tokens_max = self.limits.tokens_max;
        let (owned_text, owned_context) = (text.to_owned(), context.clone());
        let work = move || analyze_text(&owned_text, &owned_context, tokens_max);
        let fresh = self.threads.run(work).await??;
        let analysis = Arc::new(fresh.analysis);
        self.cache.insert(text, context, &analysis, fresh.rests_on_constants);
        Ok(analysis)
    }

    /// The read that counts the rows which a statement would change, up to `rows_max` and one more. Cancel safe: yes; the
    /// work ends by itself.
    ///
    /// # Errors
    /// See [`AnalysisError`]; the inner error says why they can't be counted.
    pub async fn count_text(
        &self,
        text: &str,
        context: &AnalysisContext,
        (rows_max, reach): (u64, CountReach),
    ) -> Result<Result<CountText, CannotCount>, AnalysisError> {
        let tokens_max = self.limits.tokens_max;
        let (text, context) = (text.to_owned(), context.clone());
        let work = move || count_text(&text, &context, tokens_max, (rows_max, reach));
        self.threads.run(work).await?
    }

    /// How the data of a COPY from the client is written. Cancel safe: yes; the work ends by itself.
    ///
    /// # Errors
    /// See [`AnalysisError`]; the inner error says why it can't be read.
    pub async fn copy_form(
        &self,
        text: &str,
        context: &AnalysisContext,
    ) -> Result<Result<CopyForm, CannotReadCopy>, AnalysisError> {
        let tokens_max = self.limits.tokens_max;
        let (text, context) = (text.to_owned(), context.clone());
        let work = move || copy_form(&text, &context, tokens_max);
        self.threads.run(work).await?
    }

    /// What a text that changes definitions does to the relations that are there. Cancel safe: yes; the work ends by
    /// itself.
    ///
    /// # Errors
    /// See [`AnalysisError`].
    pub async fn ddl_touches(&self, text: &str, context: &AnalysisContext) -> Result<Vec<DdlTouch>, AnalysisError> {
        let tokens_max = self.limits.tokens_max;
        let (text, context) = (text.to_owned(), context.clone());
        let work = move || ddl_touches(&text, &context, tokens_max);
        self.threads.run(work).await?
    }

    /// How the effect of a text is read, and that of all others of its shape. Cancel safe: yes; the work ends by itself.
    ///
    /// # Errors
    /// See [`AnalysisError`]; the inner error says why it can't be read.
    pub async fn capture_plan(
        &self,
        text: &str,
        context: &AnalysisContext,
    ) -> Result<Result<CapturePlan, CannotCapture>, AnalysisError> {
        let tokens_max = self.limits.tokens_max;
        let (text, context) = (text.to_owned(), context.clone());
        let work = move || capture_plan(&text, &context, tokens_max);
        self.threads.run(work).await?
    }

    /// How a change of definitions is taken back, or why it can't be. Cancel safe: yes; the work ends by itself.
    ///
    /// # Errors
    /// See [`AnalysisError`].
    pub async fn inverse_plan(
        &self,
        text: &str,
        context: &AnalysisContext,
    ) -> Result<Result<InversePlan, String>, AnalysisError> {
        let tokens_max = self.limits.tokens_max;
        let (text, context) = (text.to_owned(), context.clone());
        let work = move || inverse_plan(&text, &context, tokens_max);
        self.threads.run(work).await?
    }

    /// How what a text drops or empties is kept aside, or why it can't be; none where it does nothing of that. Cancel
    /// safe: yes; the work ends by itself.
    ///
    /// # Errors
    /// See [`AnalysisError`].
    pub async fn aside_plan(
        &self,
        text: &str,
        context: &AnalysisContext,
    ) -> Result<Option<Result<AsidePlan, String>>, AnalysisError> {
        let tokens_max = self.limits.tokens_max;
        let (text, context) = (text.to_owned(), context.clone());
        let work = move || aside_plan(&text, &context, tokens_max);
        self.threads.run(work).await?
    }

    /// Masks the sources of a text and analyses what comes out. Cancel safe: yes; the work ends by itself.
    ///
    /// # Errors
    /// See [`AnalysisError`]; the inner error says that the text can't be masked so.
    pub async fn rewrite(
        &self,
        text: &str,
        context: &AnalysisContext,
        masks: Arc<dyn SourceMasks>,
    ) -> Result<Result<Rewritten, CannotRewrite>, AnalysisError> {
        let tokens_max = self.limits.tokens_max;
        let (text, context) = (text.to_owned(), context.clone());
        let work = move || rewrite(&text, &context, &*masks, tokens_max);
        self.threads.run(work).await?
    }
}
