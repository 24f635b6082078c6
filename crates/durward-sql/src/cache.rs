use std::cell::RefCell;
use std::sync::Arc;

use moka::sync::Cache;

use crate::parser::Reading;
use crate::text::{TextKey, shape_key};
use crate::{Analysis, AnalysisContext};

/// What a cached entry costs beside its bytes: the map's own records.
const ENTRY_BYTES: usize = 256;

/// Longer texts aren't kept by their exact text: they hardly come again.
const EXACT_BYTES_MAX: usize = 32 * 1024;

/// Analyses by what they rest on: settings, catalog and the text, constants left out where no fact rests on them.
#[derive(Debug)]
pub(crate) struct AnalysisCache {
    entries: Cache<Box<[u8]>, Entry>,
}

#[derive(Debug, Clone)]
enum Entry {
    Known(Arc<Analysis>),
    /// Facts of this shape rest on constants: only the exact text will do.
    ByExactText,
}

thread_local! {
    /// The key being looked up, so that the hot path allocates nothing.
    static KEY: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// What stands before the text in a key: its kind and what the text is read under, of fixed length.
fn begin(key: &mut Vec<u8>, kind: u8, context: &AnalysisContext) {
    key.clear();
    key.push(kind);
    key.extend_from_slice(context.settings.digest());
    key.extend_from_slice(&context.catalog.generation().to_le_bytes());
}

/// Our scanner knows the standard reading alone: a text that is read otherwise is found by its bytes.
fn text_key(text: &str, context: &AnalysisContext, key: &mut Vec<u8>) -> TextKey {
    match context.settings.reading(text) {
        Reading::Conforming => shape_key(text, key),
        Reading::Escaping => TextKey::Exact,
    }
}

#[expect(clippy::borrowed_box, reason = "the signature that the cache asks for")]
fn weight(key: &Box<[u8]>, entry: &Entry) -> u32 {
    let bytes = key.len() + ENTRY_BYTES + entry.bytes();
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

impl AnalysisCache {
    pub(crate) fn new(bytes_max: u64) -> Self {
        let entries = Cache::builder().max_capacity(bytes_max).weigher(weight).build();
        Self { entries }
    }

    pub(crate) fn get(&self, text: &str, context: &AnalysisContext) -> Option<Arc<Analysis>> {
        KEY.with_borrow_mut(|key| {
            begin(key, b's', context);
            match text_key(text, context, key) {
                TextKey::Shape => match self.entries.get(key.as_slice())? {
                    Entry::Known(analysis) => return Some(analysis),
                    Entry::ByExactText => {}
                },
                TextKey::Exact => {}
                TextKey::None => return None,
            }
            begin(key, b'x', context);
            key.extend_from_slice(text.as_bytes());
            match self.entries.get(key.as_slice())? {
                Entry::Known(analysis) => Some(analysis),
                Entry::ByExactText => None,
            }
        })
    }

    /// Keeps an analysis. One with names that weren't found isn't kept: the next moment may bring them.
    pub(crate) fn insert(
        &self,
        text: &str,
        context: &AnalysisContext,
        analysis: &Arc<Analysis>,
        rests_on_constants: bool,
    ) {
        if analysis
            .statements
            .iter()
            .any(|statement| !statement.unresolved.is_empty())
        {
            return;
        }
        let mut key = Vec::new();
        begin(&mut key, b's', context);
        match text_key(text, context, &mut key) {
            TextKey::Shape if !rests_on_constants => {
                self.entries.insert(key.into(), Entry::Known(Arc::clone(analysis)));
                return;
            }
            TextKey::Shape => self.entries.insert(key.as_slice().into(), Entry::ByExactText),
            TextKey::Exact => {}
            TextKey::None => return,
        }
        if text.len() <= EXACT_BYTES_MAX {
            begin(&mut key, b'x', context);
            key.extend_from_slice(text.as_bytes());
            self.entries.insert(key.into(), Entry::Known(Arc::clone(analysis)));
        }
    }
}

impl Entry {
    /// About how many bytes it holds; names shared with the catalog not counted.
    fn bytes(&self) -> usize {
        let Self::Known(analysis) = self else { return 0 };
        analysis
            .statements
            .iter()
            .map(|statement| {
                let facts = &statement.facts;
                let columns: usize = facts.relations.iter().map(|relation| relation.columns.len()).sum();
                let lineage: usize = facts.output.iter().map(|column| column.lineage.len()).sum();
                512 + statement.normalized.len()
                    + 96 * (facts.relations.len() + facts.functions.len() + facts.output.len())
                    + 32 * columns
                    + 64 * (lineage + facts.hazards.len() + facts.objects.len() + facts.opaque.len())
            })
            .sum()
    }
}
