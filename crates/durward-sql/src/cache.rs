use std::sync::Arc;

use moka::sync::Cache;

use crate::text::TextKey;
use crate::{Analysis, AnalysisContext};

/// What a cached entry costs beside its bytes: the map's own records.
const ENTRY_BYTES: usize = 256;

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

/// The keys under which a text's analysis may stand.
#[derive(Debug)]
pub(crate) struct CacheKeys {
    shape: Option<Box<[u8]>>,
    exact: Option<Box<[u8]>>,
}

impl CacheKeys {
    pub(crate) fn of(text: &str, context: &AnalysisContext) -> Self {
        match TextKey::of(text) {
            TextKey::Shape(shape) => Self {
                shape: Some(key(b's', &shape, context)),
                exact: Some(key(b'x', text.as_bytes(), context)).filter(|_| text.len() <= 32 * 1024),
            },
            TextKey::Exact => Self { shape: None, exact: Some(key(b'x', text.as_bytes(), context)) },
            TextKey::None => Self { shape: None, exact: None },
        }
    }
}

/// A key: its kind, what the text is read under, the text. The parts before the text have fixed lengths.
fn key(kind: u8, text: &[u8], context: &AnalysisContext) -> Box<[u8]> {
    let mut key = Vec::with_capacity(25 + text.len());
    key.push(kind);
    key.extend_from_slice(context.settings.digest());
    key.extend_from_slice(&context.catalog.generation().to_le_bytes());
    key.extend_from_slice(text);
    key.into_boxed_slice()
}

impl AnalysisCache {
    pub(crate) fn new(bytes_max: u64) -> Self {
        let entries = Cache::builder()
            .max_capacity(bytes_max)
            .weigher(|key: &Box<[u8]>, entry: &Entry| {
                let bytes = key.len() + ENTRY_BYTES + entry.bytes();
                u32::try_from(bytes).unwrap_or(u32::MAX)
            })
            .build();
        Self { entries }
    }

    pub(crate) fn get(&self, keys: &CacheKeys) -> Option<Arc<Analysis>> {
        if let Some(shape) = &keys.shape
            && let Some(entry) = self.entries.get(shape)
            && let Entry::Known(analysis) = entry
        {
            return Some(analysis);
        }
        match self.entries.get(keys.exact.as_ref()?)? {
            Entry::Known(analysis) => Some(analysis),
            Entry::ByExactText => None,
        }
    }

    /// Keeps an analysis. One with names that weren't found isn't kept: the next moment may bring them.
    pub(crate) fn insert(&self, keys: CacheKeys, analysis: &Arc<Analysis>, rests_on_constants: bool) {
        if analysis.statements.iter().any(|statement| !statement.unresolved.is_empty()) {
            return;
        }
        match (keys.shape, keys.exact) {
            (Some(shape), _) if !rests_on_constants => {
                self.entries.insert(shape, Entry::Known(Arc::clone(analysis)));
            }
            (shape, exact) => {
                if let Some(shape) = shape {
                    self.entries.insert(shape, Entry::ByExactText);
                }
                if let Some(exact) = exact {
                    self.entries.insert(exact, Entry::Known(Arc::clone(analysis)));
                }
            }
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
