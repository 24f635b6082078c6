use std::fmt;

use durward_model::HazardKind;

/// How many objects a message names before it counts the rest.
const OBJECTS_NAMED_MAX: usize = 5;
/// How many characters of one object a message shows.
const OBJECT_CHARS_MAX: usize = 120;

/// A text with `{…}` in it, checked when the policy is loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Template(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Slot(Slot),
}

/// What a template may speak of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Slot {
    Command,
    Objects,
    Principal,
    Kind,
    Database,
    Rows,
    DdlSchemas,
}

/// What fills a template's slots.
#[derive(Debug)]
pub(crate) struct Filling<'a> {
    pub(crate) command: &'a str,
    pub(crate) objects: &'a str,
    pub(crate) principal: &'a str,
    pub(crate) kind: &'a str,
    pub(crate) database: &'a str,
    pub(crate) rows: &'a str,
    pub(crate) ddl_schemas: &'a str,
}

impl Template {
    /// The slots, for the message about an unknown one.
    pub(crate) const SLOTS: &'static str =
        "{command}, {objects}, {principal}, {kind}, {database}, {rows}, {ddl_schemas}";

    /// The unknown slot or the unclosed brace is the error.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            let (word, next) = after.split_once('}').ok_or_else(|| "`{` is not closed".to_owned())?;
            let slot = match word {
                "command" => Slot::Command,
                "objects" => Slot::Objects,
                "principal" => Slot::Principal,
                "kind" => Slot::Kind,
                "database" => Slot::Database,
                "rows" => Slot::Rows,
                "ddl_schemas" => Slot::DdlSchemas,
                _ => return Err(format!("`{{{word}}}` is unknown")),
            };
            parts.push(Part::Text(before.to_owned()));
            parts.push(Part::Slot(slot));
            rest = next;
        }
        parts.push(Part::Text(rest.to_owned()));
        Ok(Self(parts))
    }

    pub(crate) fn fill(&self, filling: &Filling<'_>) -> String {
        let parts = self.0.iter().map(|part| match part {
            Part::Text(text) => text,
            Part::Slot(Slot::Command) => filling.command,
            Part::Slot(Slot::Objects) => filling.objects,
            Part::Slot(Slot::Principal) => filling.principal,
            Part::Slot(Slot::Kind) => filling.kind,
            Part::Slot(Slot::Database) => filling.database,
            Part::Slot(Slot::Rows) => filling.rows,
            Part::Slot(Slot::DdlSchemas) => filling.ddl_schemas,
        });
        parts.collect()
    }
}

/// An object as a message names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NamedObject {
    pub(crate) name: String,
    /// What is special about it, in a few words; empty where nothing is.
    pub(crate) note: String,
}

impl NamedObject {
    pub(crate) fn plain(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            note: String::new(),
        }
    }
}

impl fmt::Display for NamedObject {
    /// `"public.orders"`, in double quotes as the server's own messages have it; `"public.f" (language c)` with a note.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, note) = (one_line(&self.name), one_line(&self.note));
        match (name.is_empty(), note.is_empty()) {
            (false, true) => write!(f, "\"{name}\""),
            (false, false) => write!(f, "\"{name}\" ({note})"),
            (true, _) => write!(f, "a part of it ({note})"),
        }
    }
}

/// `"public.orders", "public.items" and 3 more`.
pub(crate) fn name_objects(objects: &[NamedObject]) -> String {
    let named: Vec<String> = objects
        .iter()
        .take(OBJECTS_NAMED_MAX)
        .map(ToString::to_string)
        .collect();
    let text = named.join(", ");
    match objects.len().saturating_sub(OBJECTS_NAMED_MAX) {
        0 => text,
        more => format!("{text} and {more} more"),
    }
}

/// Object names are a client's own text: long ones are cut and control characters shown as blanks, so that a message
/// stays one readable line.
pub(crate) fn one_line(object: &str) -> String {
    let mut characters = object.chars().map(|c| if c.is_control() { ' ' } else { c });
    let mut text: String = characters.by_ref().take(OBJECT_CHARS_MAX).collect();
    if characters.next().is_some() {
        text.push('…');
    }
    text
}

/// What a client can do instead, for each kind of hazard. It never says which rule to change.
pub const fn hazard_hint(kind: HazardKind) -> &'static str {
    match kind {
        HazardKind::UpdateWithoutWhere | HazardKind::DeleteWithoutWhere => {
            "Add a WHERE that names the rows, best by key."
        }
        HazardKind::TautologicalWhere => "Write a WHERE that compares columns of the table with values, best by key.",
        HazardKind::Truncate => "Delete rows by a WHERE that names them, or ask an operator to empty the table.",
        HazardKind::Drop => "Leave the object in place, or ask an operator to drop it.",
        HazardKind::DataLoss => "Add a new column or table beside the old one, or ask an operator for this change.",
        HazardKind::TableRewrite => {
            "Add a nullable column without a volatile default and fill it in small steps by key, or ask an operator."
        }
        HazardKind::TableLock => {
            "Use the form that doesn't block: CREATE INDEX CONCURRENTLY, NOT VALID and later VALIDATE CONSTRAINT."
        }
        HazardKind::ProtectionRemoved => "Leave constraints, triggers and row security in force, or ask an operator.",
        HazardKind::PrivilegeChange => "Ask an operator to change who may do what.",
        HazardKind::RoleChange => "Run the statement as the role that the session began with.",
        HazardKind::ServerProgram => "Run the program on the client, and send its data by COPY … FROM STDIN.",
        HazardKind::ServerFile => "Use COPY … FROM STDIN or TO STDOUT (psql: \\copy), which uses files of the client.",
        HazardKind::ForeignData => "Connect to the other server itself, by its own name.",
        HazardKind::Configuration => "Use SET or SET LOCAL, which changes this session alone.",
        HazardKind::SessionSetting => "Leave this setting as it is; ordinary settings may be changed.",
        HazardKind::OtherSessions => "End only sessions of your own, from the client that began them.",
        HazardKind::EvidenceWrite => "Add a new row that corrects the old one; rows that are there stay.",
        HazardKind::DynamicSql => "Send the inner statement by itself, so that it can be judged.",
        HazardKind::UntrustedCode => "Use SQL or PL/pgSQL, or run the code outside of the database.",
        HazardKind::PlantedCode => "Ask an operator to install code that runs on other people's statements or rights.",
        HazardKind::HarmfulCode => "Ask an operator to make functions that do what you may not.",
        HazardKind::Extension => "Ask an operator to install or change extensions.",
        HazardKind::LargeObject => "Keep the bytes in a bytea column, or ask an operator.",
        HazardKind::CredentialRead => "Use the views without secrets: pg_roles in place of pg_authid or pg_shadow.",
        HazardKind::Replication => "Ask an operator for replication and backup control.",
        HazardKind::HidesTracks => "Leave statistics, logs and the session's name as they are.",
        HazardKind::AdvisoryLock => "Take the lock for one transaction, and end it soon.",
        HazardKind::ResourceUse => "Bound the work: a LIMIT, a shorter wait, a smaller series.",
    }
}
