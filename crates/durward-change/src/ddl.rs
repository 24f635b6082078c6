use serde::{Deserialize, Serialize};

/// What a statement that changes definitions would do to one relation, as the catalog tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DdlEffect {
    /// `schema.name`.
    pub name: String,
    /// The lock that is taken on it, in the words of PostgreSQL's manual.
    pub lock: String,
    /// Who waits for that lock.
    pub waits: String,
    /// All of its rows are written anew under the lock.
    pub rewrites: bool,
    /// Stored values are lost.
    pub loses_data: bool,
    /// How large it is; none where that can't be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<RelationSize>,
    /// What depends on it, or on the columns that the statement is about: `view public.v`, `foreign key f of public.t`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dependents: Vec<String>,
    /// What of this couldn't be looked up, and why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unknown: Option<String>,
}

/// How large a relation is, with its partitions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RelationSize {
    /// Rows, as the server estimates them (`pg_class.reltuples`); none where it never has.
    pub rows_estimate: Option<u64>,
    /// Without indexes, in bytes.
    pub table_bytes: u64,
    /// Of its indexes, in bytes.
    pub index_bytes: u64,
}

impl DdlEffect {
    /// In a few words, for a line among others.
    pub fn brief(&self) -> String {
        let mut parts = vec![self.waits.clone()];
        parts.extend(self.rewrites.then(|| "all rows are rewritten".to_owned()));
        parts.extend(self.loses_data.then(|| "data is lost".to_owned()));
        parts.extend(
            self.size
                .map(|size| bytes_in_words(size.table_bytes.saturating_add(size.index_bytes))),
        );
        format!("{} on {} ({})", self.lock, self.name, parts.join(", "))
    }

    /// How large it is, in words.
    pub fn size_in_words(&self) -> String {
        let Some(size) = self.size else {
            return self.unknown.clone().unwrap_or_else(|| "not known".to_owned());
        };
        let rows = match size.rows_estimate {
            Some(rows) => format!("about {rows} rows"),
            None => "rows never estimated".to_owned(),
        };
        format!(
            "{rows}, {} and {} of indexes",
            bytes_in_words(size.table_bytes),
            bytes_in_words(size.index_bytes)
        )
    }
}

/// A number of bytes as people read it.
pub fn bytes_in_words(count: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut whole = count;
    let mut rest = 0;
    let mut unit = 0;
    while whole >= 1_024 && unit + 1 < UNITS.len() {
        rest = whole % 1_024;
        whole /= 1_024;
        unit += 1;
    }
    let name = UNITS.get(unit).copied().unwrap_or_default();
    if unit == 0 || whole >= 10 {
        return format!("{whole} {name}");
    }
    format!("{whole}.{} {name}", rest * 10 / 1_024)
}

#[cfg(test)]
mod tests {
    use super::{DdlEffect, RelationSize, bytes_in_words};

    #[test]
    fn it_is_told_in_short() {
        assert_eq!(
            [0, 1_023, 1_024, 5 << 19, 3 << 40].map(bytes_in_words),
            ["0 B", "1023 B", "1.0 KiB", "2.5 MiB", "3.0 TiB"]
        );
        let mut effect = DdlEffect {
            name: "public.t".to_owned(),
            lock: "ACCESS EXCLUSIVE".to_owned(),
            waits: "readers and writers wait".to_owned(),
            rewrites: true,
            loses_data: true,
            size: None,
            dependents: Vec::new(),
            unknown: Some("somebody else has it locked".to_owned()),
        };
        assert_eq!(effect.size_in_words(), "somebody else has it locked");
        effect.size = Some(RelationSize {
            rows_estimate: Some(7),
            table_bytes: 8_192,
            index_bytes: 16_384,
        });
        assert_eq!(
            effect.brief(),
            "ACCESS EXCLUSIVE on public.t (readers and writers wait, all rows are rewritten, data is lost, 24 KiB)"
        );
        assert_eq!(effect.size_in_words(), "about 7 rows, 8.0 KiB and 16 KiB of indexes");
    }
}
