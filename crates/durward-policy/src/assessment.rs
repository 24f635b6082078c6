use std::collections::BTreeSet;
use std::sync::Arc;

use durward_model::{
    AccessModes, Certainty, FunctionEffect, Hazard, HazardKind, ObjectKind, QualifiedName, RelationKind, RelationUse,
    RowBound, StatementClass, StatementFacts,
};

use crate::DatabaseContext;
use crate::database::{ProtectionKind, is_system_schema, is_temporary_schema};

/// A statement's facts seen with the eyes of one database's configuration: what the policies are asked about. It is
/// the same for every member of a chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Assessment {
    pub(crate) class: StatementClass,
    pub(crate) command: Arc<str>,
    /// Hazards that count here, with those that only this database's marks make.
    pub(crate) hazards: BTreeSet<Hazard>,
    /// Relations by use, as `schema.name`.
    pub(crate) reads: BTreeSet<String>,
    pub(crate) changes: BTreeSet<String>,
    pub(crate) uses: BTreeSet<String>,
    /// Columns as `schema.name.column`.
    pub(crate) columns_read: BTreeSet<String>,
    pub(crate) columns_written: BTreeSet<String>,
    /// Schemas of relations and objects.
    pub(crate) schemas: BTreeSet<String>,
    pub(crate) functions: BTreeSet<String>,
    /// Whether a function that is called writes by itself.
    pub(crate) writing_functions: bool,
    /// Rows are changed by code that it runs, by what it sets off, or beside what it defines.
    pub(crate) changes_indirectly: bool,
    /// Objects of DDL.
    pub(crate) objects: BTreeSet<String>,
    /// What could not be seen through, and why.
    pub(crate) opaque: BTreeSet<(String, String)>,
    pub(crate) certainty: Certainty,
    pub(crate) rows: RowBound,
    /// Marked relations and objects that are used against their mark.
    pub(crate) off_limits: BTreeSet<String>,
    pub(crate) read_only: BTreeSet<String>,
    pub(crate) append_only: BTreeSet<String>,
    /// Relations of the system's own schemas that are changed directly.
    pub(crate) system: BTreeSet<String>,
    /// Objects of DDL outside the schemas in which DDL is allowed.
    pub(crate) outside_schemas: BTreeSet<String>,
    /// Whether everything that is changed is temporary, and nothing else can be.
    pub(crate) temporary_only: bool,
}

/// Whether a definition changes rows of a relation that it doesn't make: by a WITH query.
fn changes_beside(facts: &StatementFacts, used: &RelationUse) -> bool {
    let defines = matches!(facts.class, StatementClass::Ddl | StatementClass::Maintenance);
    let temporary = &*facts.command == "CREATE TABLE AS" || &*facts.command == "SELECT INTO";
    (defines || temporary) && !used.modes.intersects(DEFINITION)
}

/// Changes to a definition or to rights.
const DEFINITION: AccessModes = AccessModes::CREATE
    .union(AccessModes::ALTER)
    .union(AccessModes::DROP)
    .union(AccessModes::GRANT);

impl Assessment {
    pub(crate) fn of(facts: &StatementFacts, database: &DatabaseContext) -> Self {
        let mut this = Self {
            class: class_of(facts),
            command: Arc::clone(&facts.command),
            hazards: BTreeSet::new(),
            reads: BTreeSet::new(),
            changes: BTreeSet::new(),
            uses: BTreeSet::new(),
            columns_read: BTreeSet::new(),
            columns_written: BTreeSet::new(),
            schemas: BTreeSet::new(),
            functions: facts
                .functions
                .iter()
                .map(|used| used.function.name.to_string())
                .collect(),
            writing_functions: facts.functions.iter().any(|used| used.effect == FunctionEffect::Writes),
            changes_indirectly: facts
                .relations
                .iter()
                .any(|used| used.modes.intersects(ROWS) && (!used.direct || changes_beside(facts, used))),
            objects: BTreeSet::new(),
            opaque: opaque_objects(facts),
            certainty: certainty_of(facts),
            rows: facts.rows_written,
            off_limits: BTreeSet::new(),
            read_only: BTreeSet::new(),
            append_only: BTreeSet::new(),
            system: BTreeSet::new(),
            outside_schemas: BTreeSet::new(),
            temporary_only: temporary_only(facts),
        };
        for used in &facts.relations {
            this.add_relation(used, database);
        }
        this.add_objects(facts, database);
        this.hazards = facts
            .hazards
            .iter()
            .filter(|hazard| !is_harmless_here(hazard, facts))
            .cloned()
            .collect();
        let evidence = this.append_only.iter();
        let evidence = evidence.map(|object| Hazard::new(HazardKind::EvidenceWrite, object.as_str()));
        this.hazards.extend(evidence);
        this
    }

    fn add_relation(&mut self, used: &RelationUse, database: &DatabaseContext) {
        let relation = &used.relation;
        let name = relation.name.to_string();
        for column in &used.columns {
            let column_name = format!("{name}.{}", column.name);
            if column.read {
                self.columns_read.insert(column_name.clone());
            }
            if column.written {
                self.columns_written.insert(column_name);
            }
        }
        if used.modes.contains(AccessModes::READ) {
            self.reads.insert(name.clone());
        }
        if used.modes.changes() {
            self.changes.insert(name.clone());
            let rows_changed = used.modes.intersects(ROWS.union(AccessModes::TRUNCATE));
            if rows_changed && is_system_schema(&relation.name.schema) && !self.is_large_object_call(&relation.name) {
                self.system.insert(name.clone());
            }
        }
        if used.modes.intersects(DEFINITION) && !database.allows_ddl_in(&relation.name.schema) {
            self.outside_schemas.insert(name.clone());
        }
        if DatabaseContext::keeps_aside_in(&relation.name.schema) {
            self.off_limits.insert(name.clone());
        }
        for protection in database.protections() {
            let hidden_copy = protection.kind == ProtectionKind::OffLimits && copies_values(&relation.name);
            if !protection.pattern.matches(&relation.name) && !hidden_copy {
                continue;
            }
            let (against, hits) = match protection.kind {
                ProtectionKind::OffLimits => (true, &mut self.off_limits),
                ProtectionKind::ReadOnly => (breaks_read_only(used), &mut self.read_only),
                ProtectionKind::AppendOnly => (breaks_append_only(used), &mut self.append_only),
            };
            if against {
                hits.insert(name.clone());
            }
        }
        self.schemas.insert(relation.name.schema.to_string());
        self.uses.insert(name);
    }

    /// Large objects live in a table of the system's that their functions write.
    fn is_large_object_call(&self, relation: &QualifiedName) -> bool {
        let by_function = |name: &String| name.starts_with("pg_catalog.lo") && self.writing_functions;
        *relation.name == *"pg_largeobject" && self.functions.iter().any(by_function)
    }

    fn add_objects(&mut self, facts: &StatementFacts, database: &DatabaseContext) {
        for object in &facts.objects {
            let name = match &object.schema {
                Some(schema) => format!("{schema}.{}", object.name),
                None => object.name.to_string(),
            };
            // What a schema holds goes with it.
            let schema = match object.kind {
                ObjectKind::Schema => Some(&object.name),
                _ => object.schema.as_ref(),
            };
            self.schemas.extend(schema.map(ToString::to_string));
            if schema.is_some_and(|schema| DatabaseContext::keeps_aside_in(schema)) {
                self.off_limits.insert(name.clone());
            }
            if !allows_ddl_on(object.kind, schema, database) {
                self.outside_schemas.insert(name.clone());
            }
            for protection in database.protections() {
                let matched = match (object.kind, &object.schema) {
                    (ObjectKind::Schema, _) => {
                        protection.pattern.reaches_into(&object.name) && object.modes != AccessModes::CREATE
                    }
                    (_, Some(schema)) => protection.pattern.matches_parts(schema, &object.name),
                    (_, None) => false,
                };
                let creates_only = object.modes == AccessModes::CREATE;
                let (against, hits) = match protection.kind {
                    ProtectionKind::OffLimits => (true, &mut self.off_limits),
                    ProtectionKind::ReadOnly => (true, &mut self.read_only),
                    ProtectionKind::AppendOnly => (!creates_only, &mut self.append_only),
                };
                if matched && against {
                    hits.insert(name.clone());
                }
            }
            self.objects.insert(name);
        }
    }
}

const ROWS: AccessModes = AccessModes::INSERT
    .union(AccessModes::UPDATE)
    .union(AccessModes::DELETE);

/// The class by the facts' own word, or by the relations' modes where those say more: two witnesses, the stronger one
/// counts.
fn class_of(facts: &StatementFacts) -> StatementClass {
    let modes = facts.relations.iter().map(|used| used.modes);
    // A setting is an object of SET too, which ends with the session.
    let objects = facts.objects.iter().filter(|object| object.kind != ObjectKind::Setting);
    let modes = modes
        .chain(objects.map(|object| object.modes))
        .fold(AccessModes::NONE, AccessModes::union);
    let mut implied = StatementClass::Transaction;
    if facts.rows_written != RowBound::AtMost(0) || modes.intersects(ROWS.union(AccessModes::TRUNCATE)) {
        implied = StatementClass::Write;
    }
    if modes.contains(AccessModes::MAINTAIN) {
        implied = StatementClass::Maintenance;
    }
    if modes.intersects(AccessModes::CREATE | AccessModes::ALTER | AccessModes::DROP) {
        implied = StatementClass::Ddl;
    }
    if modes.contains(AccessModes::GRANT) {
        implied = StatementClass::Privilege;
    }
    facts.class.max(implied)
}

/// Likewise: a reason or an opaque function makes the facts opaque, whatever their certainty says.
fn certainty_of(facts: &StatementFacts) -> Certainty {
    let unseen = !facts.opaque.is_empty() || facts.functions.iter().any(|used| used.effect == FunctionEffect::Opaque);
    if unseen { Certainty::Opaque } else { facts.certainty }
}

fn opaque_objects(facts: &StatementFacts) -> BTreeSet<(String, String)> {
    facts
        .opaque
        .iter()
        .map(|unseen| (unseen.object.to_string(), unseen.reason.to_string()))
        .collect()
}

/// Whether a relation of the system's holds values of other relations' rows: planner statistics and out-of-line storage.
pub(crate) fn copies_values(name: &QualifiedName) -> bool {
    match &*name.schema {
        "pg_toast" => true,
        "pg_catalog" => matches!(
            &*name.name,
            "pg_statistic" | "pg_statistic_ext_data" | "pg_stats" | "pg_stats_ext" | "pg_stats_ext_exprs"
        ),
        _ => false,
    }
}

fn breaks_read_only(used: &RelationUse) -> bool {
    let upkeep = AccessModes::READ | AccessModes::LOCK | AccessModes::MAINTAIN;
    let refreshed = used.relation.kind == RelationKind::MaterializedView && used.modes.contains(AccessModes::MAINTAIN);
    refreshed || !upkeep.contains(used.modes)
}

fn breaks_append_only(used: &RelationUse) -> bool {
    let growth =
        AccessModes::READ | AccessModes::LOCK | AccessModes::MAINTAIN | AccessModes::INSERT | AccessModes::CREATE;
    let refreshed = used.relation.kind == RelationKind::MaterializedView && used.modes.contains(AccessModes::MAINTAIN);
    // A sequence moves with every row that takes its default from it.
    let allowed = match used.relation.kind {
        RelationKind::Sequence => growth | AccessModes::UPDATE,
        _ => growth,
    };
    refreshed || !allowed.contains(used.modes)
}

/// Whether the configuration lets DDL touch an object of this kind in `schema` (for a schema: itself).
fn allows_ddl_on(kind: ObjectKind, schema: Option<&Arc<str>>, database: &DatabaseContext) -> bool {
    match (kind, schema) {
        (_, Some(schema)) => database.allows_ddl_in(schema),
        // These belong to no schema: making one is never DDL inside an allowed schema.
        (
            ObjectKind::Database
            | ObjectKind::Schema
            | ObjectKind::Role
            | ObjectKind::Extension
            | ObjectKind::Foreign
            | ObjectKind::Tablespace,
            None,
        ) => false,
        // A trigger, rule or row policy is where its table is, and the table is among the relations.
        (
            ObjectKind::Relation
            | ObjectKind::Function
            | ObjectKind::Type
            | ObjectKind::Trigger
            | ObjectKind::RowPolicy
            | ObjectKind::Setting
            | ObjectKind::Other,
            None,
        ) => true,
    }
}

/// Whether everything that the statement can change ends with the session.
fn temporary_only(facts: &StatementFacts) -> bool {
    let seen = certainty_of(facts) != Certainty::Opaque
        && facts.functions.iter().all(|used| match used.effect {
            FunctionEffect::Harmless | FunctionEffect::Analyzed => true,
            FunctionEffect::Writes | FunctionEffect::Opaque => false,
        });
    let mut changed = facts
        .relations
        .iter()
        .filter(|used| used.modes.changes())
        .map(|used| is_temporary_schema(&used.relation.name.schema))
        .chain(facts.objects.iter().map(|object| {
            let schema = object.schema.as_ref();
            object.kind != ObjectKind::Schema && schema.is_some_and(|schema| is_temporary_schema(schema))
        }))
        .peekable();
    seen && changed.peek().is_some() && changed.all(|temporary| temporary)
}

/// Whether a hazard of lost or locked data is about a table that is this session's own and ends with it.
fn is_harmless_here(hazard: &Hazard, facts: &StatementFacts) -> bool {
    use HazardKind as H;
    let about_data = match hazard.kind {
        H::UpdateWithoutWhere
        | H::DeleteWithoutWhere
        | H::TautologicalWhere
        | H::Truncate
        | H::Drop
        | H::DataLoss
        | H::TableRewrite
        | H::TableLock => true,
        H::ProtectionRemoved
        | H::PrivilegeChange
        | H::RoleChange
        | H::ServerProgram
        | H::ServerFile
        | H::ForeignData
        | H::Configuration
        | H::SessionSetting
        | H::OtherSessions
        | H::EvidenceWrite
        | H::DynamicSql
        | H::UntrustedCode
        | H::PlantedCode
        | H::HarmfulCode
        | H::Extension
        | H::LargeObject
        | H::CredentialRead
        | H::Replication
        | H::HidesTracks
        | H::AdvisoryLock
        | H::ResourceUse => false,
    };
    if !about_data || facts.certainty == Certainty::Opaque {
        return false;
    }
    let about_rows = matches!(
        hazard.kind,
        H::UpdateWithoutWhere | H::DeleteWithoutWhere | H::TautologicalWhere
    );
    let relations = facts.relations.iter().map(|used| {
        let name = &used.relation.name;
        // A temporary view's rows are those of its tables.
        let own = is_temporary_schema(&name.schema) && !(about_rows && used.relation.kind == RelationKind::View);
        (own, name.to_string())
    });
    let objects = facts.objects.iter().map(|object| {
        let schema = object.schema.as_deref().unwrap_or_default();
        (is_temporary_schema(schema), format!("{schema}.{}", object.name))
    });
    let mut named = relations
        .chain(objects)
        .filter(|(_, name)| **name == *hazard.object)
        .peekable();
    named.peek().is_some() && named.all(|(temporary, _)| temporary)
}
