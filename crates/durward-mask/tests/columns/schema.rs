//! Reads the files of tables.

/// A table of the set.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) name: &'static str,
    pub(crate) language: &'static str,
    pub(crate) rows: usize,
    pub(crate) columns: Vec<Column>,
}

/// A column, and what it truly holds.
#[derive(Debug)]
pub(crate) struct Column {
    pub(crate) name: &'static str,
    pub(crate) written_type: &'static str,
    /// The word of its label, or nothing.
    pub(crate) label: Option<&'static str>,
    pub(crate) recipe: &'static str,
    /// Harmless, and looks as if it weren't.
    pub(crate) is_trap: bool,
    pub(crate) is_primary_key: bool,
    /// Free of dirt.
    pub(crate) is_clean: bool,
}

const FILES: [&str; 6] = [
    include_str!("tables/shop-crm-hr.tables"),
    include_str!("tables/health-bank-school.tables"),
    include_str!("tables/world.tables"),
    include_str!("tables/systems.tables"),
    include_str!("tables/known.tables"),
    include_str!("tables/more.tables"),
];

/// Every table of the set.
pub(crate) fn tables() -> Vec<Table> {
    let mut tables: Vec<Table> = Vec::new();
    for line in FILES
        .iter()
        .flat_map(|file| file.lines())
        .filter(|line| !line.starts_with('#'))
    {
        let fields: Vec<&str> = line.trim_start_matches("==").split(" | ").map(str::trim).collect();
        if line.starts_with("==") {
            tables.push(Table {
                name: fields[0],
                language: fields[1],
                rows: fields[2].parse().expect(line),
                columns: Vec::new(),
            });
            continue;
        }
        let marks = fields.get(4).copied().unwrap_or_default();
        tables.last_mut().expect("a table comes first").columns.push(Column {
            name: fields[0],
            written_type: fields[1],
            label: Some(fields[2]).filter(|label| *label != "-"),
            recipe: fields[3],
            is_trap: marks.contains("trap"),
            is_primary_key: marks.contains("pk"),
            is_clean: marks.contains("clean"),
        });
    }
    tables
}
