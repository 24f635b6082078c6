//! The file of labels of one's own.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, ensure};
use durward_mask::detect::OwnLabel;
use serde::Deserialize;

/// One table of the file, named by its label.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Entry {
    patterns: Vec<String>,
    words: Vec<String>,
}

/// Reads labels, their patterns and words.
///
/// # Errors
/// When the file can't be read, isn't of that form, or a label's name is no word.
pub(super) fn read(path: &Path) -> anyhow::Result<Vec<OwnLabel>> {
    let text = std::fs::read_to_string(path).with_context(|| format!("can't read {}", path.display()))?;
    parse(&text).with_context(|| format!("{} can't be used", path.display()))
}

fn parse(text: &str) -> anyhow::Result<Vec<OwnLabel>> {
    let entries: BTreeMap<String, Entry> = toml::from_str(text)?;
    entries
        .into_iter()
        .map(|(label, Entry { patterns, words })| {
            let is_word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
            ensure!(
                !label.is_empty() && label.bytes().all(is_word) && label != "none" && label != "auto",
                "[{label}]: a label is a word of lower-case letters, digits and underscores"
            );
            ensure!(
                !patterns.is_empty() || !words.is_empty(),
                "[{label}]: neither patterns nor words"
            );
            Ok(OwnLabel { label, patterns, words })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn labels_have_patterns_and_words() {
        let labels = parse("[project_name]\nwords = [\"Bluebird\"]\npatterns = ['PX-\\d{6}']").expect("two keys");
        assert_eq!(labels.len(), 1);
        assert_eq!(labels[0].label, "project_name");
        assert_eq!(labels[0].patterns, ["PX-\\d{6}"]);
        assert_eq!(labels[0].words, ["Bluebird"]);
    }

    #[test]
    fn what_is_no_label_is_named() {
        let problem = |text: &str| format!("{:#}", parse(text).expect_err("no label"));
        assert!(problem("[Project]\nwords = ['x']").contains("[Project]"));
        assert!(problem("[none]\nwords = ['x']").contains("[none]"));
        assert!(problem("[project]").contains("neither patterns nor words"));
        assert!(problem("[project]\nword = ['x']").contains("word"));
    }
}
