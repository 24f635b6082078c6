//! The true values of labelled columns, which no result may show.

use aho_corasick::AhoCorasick;
use durward_testkit::{Access, RawClient};

use super::layout::Book;

/// Values of these labels stand in texts that are not personal: names are words, and documents hold harmless text.
const COMMON: &[&str] = &["person_name", "free_text", "untrusted", "json"];

/// How long a value must be not to stand anywhere else by chance.
const CHARACTERS_MIN: usize = 8;

/// Values to look for.
pub(crate) struct Truths {
    searcher: AhoCorasick,
    values: Vec<String>,
}

impl Truths {
    /// Reads all distinctive values of the labelled text columns over a direct connection.
    pub(crate) fn read(book: &Book, direct: &Access) -> Self {
        let mut client = RawClient::connect(direct).expect("a direct connection");
        let mut values = Vec::new();
        for one in book.labelled() {
            if one.type_name != "text" || COMMON.contains(&one.label.as_str()) {
                continue;
            }
            let (table, column) = (&one.table, &one.column);
            let query =
                format!("SELECT DISTINCT lower({column}) FROM {table} WHERE length({column}) >= {CHARACTERS_MIN}");
            let answer = client.query(&query).expect("an answer");
            assert!(answer.error().is_none(), "{query}");
            values.extend(answer.rows().into_iter().flatten());
        }
        values.sort();
        values.dedup();
        assert!(values.len() > 1000, "only {} values to look for", values.len());
        let searcher = AhoCorasick::new(&values).expect("a searcher");
        Self { searcher, values }
    }

    /// The first true value in a text.
    pub(crate) fn found_in(&self, text: &str) -> Option<&str> {
        let found = self.searcher.find(&text.to_lowercase())?;
        self.values.get(found.pattern().as_usize()).map(String::as_str)
    }
}
