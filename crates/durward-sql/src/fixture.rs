//! Catalogs from text, for tests and fuzzing without a server.

use std::sync::Arc;

use crate::catalog::{CatalogLoader, CatalogQuery, CatalogSnapshot};
use crate::{Analysis, AnalysisContext, AnalysisError, SessionSettings};

/// A context whose catalog is read from `dump`: one row a line, the query's name first, then the row as COPY writes it
/// in text format. `# rest` stands between the part that `initdb` made and the rest.
///
/// # Errors
/// A line can't be read.
pub fn context(dump: &str, search_path: &[&str]) -> Result<AnalysisContext, Box<dyn std::error::Error>> {
    let (built_in, rest) = dump.split_once("\n# rest\n").ok_or("no line `# rest`")?;
    let mut parts = Vec::new();
    for text in [built_in, rest] {
        let mut loader = CatalogLoader::new();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let mut fields = line.split('\t');
            let name = fields.next().unwrap_or_default();
            let query = CatalogQuery::ALL
                .into_iter()
                .find(|query| format!("{query:?}") == name)
                .ok_or_else(|| format!("no query {name}"))?;
            let fields: Vec<Option<String>> = fields.map(unescaped).collect();
            let fields: Vec<Option<&str>> = fields.iter().map(Option::as_deref).collect();
            loader.push(query, &fields)?;
        }
        parts.push(loader.finish());
    }
    let (Some(rest), Some(built_in)) = (parts.pop(), parts.pop()) else {
        return Err("no parts".into());
    };
    let path = serde_json::to_string(search_path)?;
    let row = [
        path.as_str(),
        "\"$user\", public",
        "alice",
        "alice",
        "pg_temp_3",
        "on",
        "safe_encoding",
        "UTF8",
        "on",
        "origin",
        "off",
        "on",
        "off",
        "150018",
        "UTF8",
    ]
    .map(Some);
    Ok(AnalysisContext {
        catalog: Arc::new(CatalogSnapshot::new(1, Arc::new(built_in), Arc::new(rest))),
        settings: Arc::new(SessionSettings::from_row(&row)?),
        catalog_is_current: true,
    })
}

/// Undoes the escapes of COPY's text format (manual, COPY, "Text Format").
fn unescaped(field: &str) -> Option<String> {
    if field == "\\N" {
        return None;
    }
    let mut text = String::with_capacity(field.len());
    let mut characters = field.chars();
    while let Some(character) = characters.next() {
        if character != '\\' {
            text.push(character);
            continue;
        }
        match characters.next() {
            Some('n') => text.push('\n'),
            Some('t') => text.push('\t'),
            Some('r') => text.push('\r'),
            Some('b') => text.push('\u{8}'),
            Some('f') => text.push('\u{c}'),
            Some('v') => text.push('\u{b}'),
            Some(other) => text.push(other),
            None => {}
        }
    }
    Some(text)
}

/// Analyses a text on the calling thread, which must have a big stack (see [`crate::AnalyzerLimits::stack_bytes`]).
///
/// # Errors
/// See [`AnalysisError`].
pub fn analyze_here(text: &str, context: &AnalysisContext) -> Result<Analysis, AnalysisError> {
    let tokens_max = crate::AnalyzerLimits::default().tokens_max;
    crate::analysis::analyze_text(text, context, tokens_max).map(|fresh| fresh.analysis)
}

/// Whether the hot path's scanner agrees with the server's own on a text, or leaves it alone. For fuzzing.
pub fn scanners_agree(text: &str) -> bool {
    crate::text::agrees_with_server(text)
}
