use std::fmt;
use std::str::FromStr;

use super::LabelsError;

/// A column as people name it: `schema.table.column`, or `table.column`. A name with dots or quotes in it stands in double
/// quotes, as in SQL; case is as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnPath {
    /// The schema, where given.
    pub schema: Option<String>,
    /// The table.
    pub table: String,
    /// The column.
    pub column: String,
}

impl ColumnPath {
    pub(super) fn of_table(&self) -> String {
        match &self.schema {
            Some(schema) => format!("{schema}.{}", self.table),
            None => self.table.clone(),
        }
    }
}

impl FromStr for ColumnPath {
    type Err = LabelsError;

    fn from_str(text: &str) -> Result<Self, LabelsError> {
        let names = names(text).unwrap_or_default();
        match names.as_slice() {
            [schema, table, column] => Ok(Self {
                schema: Some(schema.clone()),
                table: table.clone(),
                column: column.clone(),
            }),
            [table, column] => Ok(Self {
                schema: None,
                table: table.clone(),
                column: column.clone(),
            }),
            _ => Err(LabelsError::NoColumn(text.to_owned())),
        }
    }
}

impl fmt::Display for ColumnPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.of_table(), self.column)
    }
}

/// The names between the dots; none where one is empty or a quote doesn't end.
fn names(text: &str) -> Option<Vec<String>> {
    let mut names = Vec::new();
    let mut name = String::new();
    let mut quoted = false;
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '"' if quoted && letters.next_if_eq(&'"').is_some() => name.push('"'),
            '"' => quoted = !quoted,
            '.' if !quoted => names.push(std::mem::take(&mut name)),
            _ => name.push(letter),
        }
    }
    names.push(name);
    (!quoted && names.iter().all(|name| !name.is_empty())).then_some(names)
}

#[cfg(test)]
mod tests {
    use super::ColumnPath;

    fn check(text: &str, expected: Option<(Option<&str>, &str, &str)>) {
        let parsed: Option<ColumnPath> = text.parse().ok();
        let shown = parsed
            .as_ref()
            .map(|path| (path.schema.as_deref(), path.table.as_str(), path.column.as_str()));
        assert_eq!(shown, expected, "{text}");
    }

    #[test]
    fn paths() {
        check("public.customers.email", Some((Some("public"), "customers", "email")));
        check("customers.email", Some((None, "customers", "email")));
        check("\"a.b\".\"Ta\"\"ble\".c", Some((Some("a.b"), "Ta\"ble", "c")));
        check("email", None);
        check("a.b.c.d", None);
        check("a..c", None);
        check("a.\"b.c", None);
    }
}
