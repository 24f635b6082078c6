//! A statement text: analysis never panics, places its commands inside the text, and remembers only what it would
//! find again. Two analysers see each text, one of which remembers nothing.
#![no_main]

use std::sync::{Arc, LazyLock};

use durward_sql::{Analysis, AnalysisContext, AnalysisError, Analyzer, AnalyzerLimits, fixture};
use libfuzzer_sys::fuzz_target;
use tokio::runtime::{Builder, Runtime};

/// Longer texts only cost time.
const TEXT_BYTES_MAX: usize = 4_096;

struct Desk {
    runtime: Runtime,
    remembers: Analyzer,
    forgets: Analyzer,
    context: AnalysisContext,
}

static DESK: LazyLock<Desk> = LazyLock::new(|| {
    let catalog = include_str!("../../crates/durward-sql/tests/fixtures/catalog.copy");
    let limits = AnalyzerLimits {
        threads: 1,
        ..AnalyzerLimits::default()
    };
    Desk {
        runtime: Builder::new_current_thread().build().unwrap(),
        remembers: Analyzer::new(limits).unwrap(),
        forgets: Analyzer::new(AnalyzerLimits {
            cache_bytes_max: 0,
            ..limits
        })
        .unwrap(),
        context: fixture::context(catalog, &["pg_catalog", "public"]).unwrap(),
    }
});

fuzz_target!(|text: &str| {
    // A text of the wire ends at its first NUL.
    if text.len() > TEXT_BYTES_MAX || text.contains('\0') {
        return;
    }
    let desk = &*DESK;
    assert!(fixture::scanners_agree(text), "{text:?}");
    let fresh = desk.runtime.block_on(desk.forgets.analyze(text, &desk.context));
    let remembered = desk.runtime.block_on(desk.remembers.analyze(text, &desk.context));
    check_same(text, &fresh, &remembered);
    if let Ok(analysis) = &fresh {
        check_spans(text, analysis);
    }
});

fn check_same(
    text: &str,
    fresh: &Result<Arc<Analysis>, AnalysisError>,
    remembered: &Result<Arc<Analysis>, AnalysisError>,
) {
    let (Ok(fresh), Ok(remembered)) = (fresh, remembered) else {
        assert_eq!(fresh.is_ok(), remembered.is_ok(), "{text:?}");
        return;
    };
    assert_eq!(fresh.statements.len(), remembered.statements.len(), "{text:?}");
    for (fresh, remembered) in fresh.statements.iter().zip(&remembered.statements) {
        assert_eq!(fresh.facts, remembered.facts, "{text:?}");
        assert_eq!(fresh.effects, remembered.effects, "{text:?}");
        assert_eq!(fresh.unresolved, remembered.unresolved, "{text:?}");
    }
}

/// Commands stand in the text in order, each within it.
fn check_spans(text: &str, analysis: &Analysis) {
    let mut end = 0;
    for statement in &analysis.statements {
        assert!(
            text.get(statement.span.clone()).is_some(),
            "{text:?} {:?}",
            statement.span
        );
        assert!(statement.span.start >= end, "{text:?} {:?}", statement.span);
        end = statement.span.end;
    }
}
