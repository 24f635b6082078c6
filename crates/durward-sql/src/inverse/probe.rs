//! What is asked of the catalog before and after a change of definitions. Texts are constants; names are parameters.

use super::literal;

/// A question to the catalog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// Its text, with `$1`, `$2`, … for values of type text.
    pub text: &'static str,
    /// Their values.
    pub values: Vec<String>,
}

impl Probe {
    pub(crate) fn new<const N: usize>(text: &'static str, values: [&str; N]) -> Self {
        Self {
            text,
            values: values.map(str::to_owned).to_vec(),
        }
    }

    /// The text with its values in place.
    pub fn in_full(&self) -> String {
        let mut full = String::with_capacity(self.text.len() + 64);
        let mut rest = self.text;
        while let Some((before, behind)) = rest.split_once('$') {
            full.push_str(before);
            let digit = behind.chars().next().and_then(|digit| digit.to_digit(10));
            let value = digit.and_then(|digit| self.values.get(usize::try_from(digit).ok()?.checked_sub(1)?));
            full.push_str(&literal(value.map_or("", String::as_str)));
            rest = behind.get(1..).unwrap_or_default();
        }
        full.push_str(rest);
        full
    }
}

/// The relation of a name: its number.
pub(crate) const RELATION: &str = "SELECT c.oid::pg_catalog.text FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n \
ON n.oid OPERATOR(pg_catalog.=) c.relnamespace WHERE n.nspname OPERATOR(pg_catalog.=) $1::pg_catalog.text \
AND c.relname OPERATOR(pg_catalog.=) $2::pg_catalog.text";

/// The schema of a name: its number.
pub(crate) const SCHEMA: &str = "SELECT n.oid::pg_catalog.text FROM pg_catalog.pg_namespace n \
WHERE n.nspname OPERATOR(pg_catalog.=) $1::pg_catalog.text";

/// The type of a name: its number.
pub(super) const TYPE: &str = "SELECT y.oid::pg_catalog.text FROM pg_catalog.pg_type y JOIN pg_catalog.pg_namespace n \
ON n.oid OPERATOR(pg_catalog.=) y.typnamespace WHERE n.nspname OPERATOR(pg_catalog.=) $1::pg_catalog.text \
AND y.typname OPERATOR(pg_catalog.=) $2::pg_catalog.text";

/// A view: its number and its query.
pub(super) const VIEW: &str = "SELECT c.oid::pg_catalog.text, pg_catalog.pg_get_viewdef(c.oid) FROM pg_catalog.pg_class c \
JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace \
WHERE n.nspname OPERATOR(pg_catalog.=) $1::pg_catalog.text AND c.relname OPERATOR(pg_catalog.=) $2::pg_catalog.text \
AND c.relkind OPERATOR(pg_catalog.=) 'v'";

/// The functions and procedures of a name: number and definition of each.
pub(super) const ROUTINES: &str = "SELECT p.oid::pg_catalog.text, pg_catalog.pg_get_functiondef(p.oid) FROM pg_catalog.pg_proc p \
JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) p.pronamespace \
WHERE n.nspname OPERATOR(pg_catalog.=) $1::pg_catalog.text AND p.proname OPERATOR(pg_catalog.=) $2::pg_catalog.text \
AND p.prokind OPERATOR(pg_catalog.=) ANY('{f,p}'::pg_catalog.\"char\"[])";

/// A question about a column by the number of its table and its name: both numbers, and something more.
macro_rules! of_column {
    ($more:literal) => {
        concat!(
            "SELECT a.attrelid::pg_catalog.text, a.attnum::pg_catalog.text",
            $more,
            " FROM pg_catalog.pg_attribute a LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid OPERATOR(pg_catalog.=) a.attrelid \
             AND d.adnum OPERATOR(pg_catalog.=) a.attnum \
             WHERE a.attrelid OPERATOR(pg_catalog.=) $1::pg_catalog.text::pg_catalog.oid \
             AND a.attname OPERATOR(pg_catalog.=) $2::pg_catalog.text AND NOT a.attisdropped"
        )
    };
}

/// That it is there.
pub(crate) const COLUMN: &str = of_column!("");

/// Its default.
pub(super) const DEFAULT: &str = of_column!(", pg_catalog.pg_get_expr(d.adbin, d.adrelid)");

/// Whether it takes no NULL.
pub(super) const NOT_NULL: &str = of_column!(", a.attnotnull::pg_catalog.text");

/// Its comment.
pub(super) const COLUMN_COMMENT: &str =
    of_column!(", pg_catalog.col_description(a.attrelid, a.attnum::pg_catalog.int4)");

/// The indexes of a table that aren't in a list: number, schema and name of each.
pub(super) const INDEXES: &str = "SELECT i.indexrelid::pg_catalog.text, n.nspname::pg_catalog.text, c.relname::pg_catalog.text \
FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) i.indexrelid \
JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace \
WHERE i.indrelid OPERATOR(pg_catalog.=) $1::pg_catalog.text::pg_catalog.oid \
AND NOT i.indexrelid::pg_catalog.text OPERATOR(pg_catalog.=) ANY(pg_catalog.string_to_array($2::pg_catalog.text, ','))";

/// The constraints of a table that aren't in a list: number and name of each.
pub(super) const CONSTRAINTS: &str = "SELECT k.oid::pg_catalog.text, k.conname::pg_catalog.text FROM pg_catalog.pg_constraint k \
WHERE k.conrelid OPERATOR(pg_catalog.=) $1::pg_catalog.text::pg_catalog.oid \
AND NOT k.oid::pg_catalog.text OPERATOR(pg_catalog.=) ANY(pg_catalog.string_to_array($2::pg_catalog.text, ','))";

/// The comment of a relation; the second value stands where a column's number does.
pub(super) const COMMENT: &str = "SELECT c.oid::pg_catalog.text, '0', pg_catalog.obj_description(c.oid, 'pg_class') \
FROM pg_catalog.pg_class c WHERE c.oid OPERATOR(pg_catalog.=) $1::pg_catalog.text::pg_catalog.oid";
