//! What masks make of a statement, by its facts: what it shows, what it looks up, what it computes.

use std::collections::{BTreeMap, BTreeSet};

use durward_mask::form::{ColumnType, Scalar};
use durward_model::{
    AccessModes, ColumnMatch, ColumnNumber, Label, Oid, Principal, PrincipalKind, Reading, Refusal, RelationKind,
    RelationUse, StatementClass, StatementFacts,
};
use durward_sql::catalog::CatalogSnapshot;

use crate::Database;
use crate::labels::LabelSnapshot;
use crate::masks::{Holding, MaskKeys, ShownColumn, ShownMasks, Treatment, column_type, holding};
use crate::own_writes::{Written, writes_many};

/// Masked columns that a statement reads, with what they hold.
pub(crate) type MaskedColumns = BTreeMap<(Oid, ColumnNumber), Holding>;

/// What masks make of one statement.
#[derive(Debug, Default)]
pub(crate) struct Assessment {
    /// The masked columns that it reads.
    pub(crate) masked: MaskedColumns,
    /// The masked columns that it writes.
    pub(crate) writes: Vec<(Oid, ColumnNumber, Holding)>,
    /// Whether it compares masked columns with constants, and whether each may be.
    pub(crate) looks_up: bool,
    pub(crate) looks_up_freely: bool,
    /// Whether it uses masked columns in a way that masks must stand before.
    pub(crate) computes: bool,
    pub(crate) shown: ShownMasks,
    /// Whether an error of it may hold a masked value.
    pub(crate) guarded: bool,
    pub(crate) refusal: Option<Refusal>,
}

impl Assessment {
    /// Whether the statement can't run as it is.
    pub(crate) const fn needs_masks(&self) -> bool {
        self.computes || (self.looks_up && !self.looks_up_freely)
    }
}

/// The result type of functions of event triggers (`pg_type.dat`).
const EVENT_TRIGGER: Oid = Oid(3838);

/// What is known of columns, as one principal may see them.
pub(crate) struct Viewer<'a> {
    pub(crate) labels: &'a LabelSnapshot,
    pub(crate) catalog: &'a CatalogSnapshot,
    /// The labels that are shown in clear.
    pub(crate) clear: &'a [Label],
    /// Whether it is a person, and not somebody's agent.
    pub(crate) is_person: bool,
    /// What the person behind it has written.
    pub(crate) own: &'a Written,
    /// What the statement that is looked at writes, if that is much.
    pub(crate) writing: BTreeSet<(Oid, ColumnNumber)>,
}

impl Viewer<'_> {
    /// What a column holds that has to be masked.
    pub(crate) fn held(&self, relation: Oid, number: ColumnNumber) -> Option<Holding> {
        let place = (relation, number);
        let holds = holding(self.labels, self.catalog, place, self.clear)?;
        let is_own = self.writing.contains(&place) || self.own.holds(self.catalog, place);
        Some(if is_own { holds.of_own_values() } else { holds })
    }

    /// Whether a column may be compared in clear with a value: those that a key stands for, and no secrets.
    pub(crate) fn may_look_up(&self, relation: Oid, number: ColumnNumber) -> bool {
        let is_secret = self.held(relation, number).is_some_and(|holds| holds.label.is_secret());
        self.is_person && !is_secret && self.catalog.is_unique_column(relation, number)
    }

    /// Whether two columns may be compared in clear: their masks would be equal where they are, and only there.
    pub(crate) fn may_match(&self, columns: ColumnMatch) -> bool {
        let [one, other] = columns.columns();
        match (self.held(one.0, one.1), self.held(other.0, other.1)) {
            (None, None) => true,
            (Some(holds), Some(also)) => {
                holds == also
                    && self.type_of(one).is_some_and(|known| {
                        let same = self.type_of(other).is_some_and(|other| is_comparable(&known, &other));
                        same && MaskKeys::is_injective(&holds, known)
                    })
            }
            (Some(_), None) | (None, Some(_)) => false,
        }
    }

    /// A column's type, as masks know it.
    pub(crate) fn type_of(&self, (relation, number): (Oid, ColumnNumber)) -> Option<ColumnType> {
        let column = self.catalog.relation(relation)?.column_numbered(number)?;
        column_type(column.type_oid, column.type_modifier, self.catalog)
    }

    fn has_masks(&self, relation: Oid) -> bool {
        let known = self.catalog.relation(relation);
        known.is_some_and(|known| {
            let mut columns = known.columns.iter();
            columns.any(|column| self.held(relation, column.number).is_some())
        })
    }

    /// Whether it is known what a column holds. A session's own tables hold what it could read.
    fn is_decided(&self, relation: Oid, number: ColumnNumber) -> bool {
        let known = self.catalog.relation(relation);
        self.labels.is_decided(relation, number) || known.is_some_and(|known| known.temporary)
    }

    /// Looks at one statement.
    pub(crate) fn assess(&self, facts: &StatementFacts) -> Assessment {
        if !writes_many(facts) {
            return self.look_at(facts);
        }
        let written = facts.relations.iter().flat_map(|usage| {
            let columns = usage.columns.iter().filter(|column| column.written);
            columns.map(|column| (usage.relation.oid, column.number))
        });
        let viewer = Viewer {
            writing: written.collect(),
            ..*self
        };
        viewer.look_at(facts)
    }

    fn look_at(&self, facts: &StatementFacts) -> Assessment {
        let mut assessment = Assessment {
            looks_up_freely: true,
            ..Assessment::default()
        };
        if let Some(source) = hidden_source(facts) {
            assessment.refusal = Some(
                Refusal::denied(
                    "masked-source",
                    format!("{source} may show values of masked columns or texts of others"),
                )
                .with_hint("Leave it out; what describes tables and columns passes."),
            );
            return assessment;
        }
        if plants_code(facts) {
            assessment.refusal = Some(cannot_mask("its code would run later, and read what is masked for you"));
            return assessment;
        }
        // An error may quote a whole row.
        assessment.guarded = facts.relations.iter().any(|usage| self.has_masks(usage.relation.oid));
        if &*facts.command == "EXPLAIN ANALYZE" && facts.writes() && assessment.guarded {
            assessment.refusal = Some(tells_of_writes());
            return assessment;
        }
        if self.joins_rows(facts) {
            assessment.refusal = Some(cannot_mask("rows of a table of yours would be shown among masked ones"));
            return assessment;
        }
        if defines(facts) {
            assessment.refusal = self.defined(facts);
            if assessment.refusal.is_none() && runs_code(facts) {
                assessment.refusal = self.given_to_code(facts);
            }
            return assessment;
        }
        for usage in &facts.relations {
            self.assess_relation(usage, &mut assessment);
        }
        assessment.computes |= facts.matches.iter().any(|columns| !self.may_match(*columns));
        self.assess_output(facts, &mut assessment);
        assessment
    }

    /// Whether a table becomes the child of a masked one, whose rows it then gives. Partitions begin empty.
    fn joins_rows(&self, facts: &StatementFacts) -> bool {
        let is_new = &*facts.command == "CREATE TABLE";
        if !is_new && &*facts.command != "ALTER TABLE" {
            return false;
        }
        let altered = facts
            .relations
            .iter()
            .filter(|usage| usage.direct && usage.modes.contains(AccessModes::ALTER));
        let mut others = altered.skip(usize::from(!is_new));
        let joins = others.next().is_some();
        let mut touched = facts.relations.iter().filter(|usage| usage.direct);
        joins
            && touched.any(|usage| {
                let begins_empty = is_new && usage.relation.kind == RelationKind::PartitionedTable;
                !begins_empty && self.has_masks(usage.relation.oid)
            })
    }

    /// What computes in a definition does so on what is in clear for it: a view for whoever reads it, an index or
    /// statistics for whoever reads what the server notes of them.
    fn defined(&self, facts: &StatementFacts) -> Option<Refusal> {
        let mut uses = facts.relations.iter().flat_map(|usage| {
            let columns = usage.columns.iter();
            columns.filter(|column| self.held(usage.relation.oid, column.number).is_some())
        });
        uses.any(|column| column.reading != Reading::default())
            .then(|| cannot_mask("the definition would compute on columns that are masked for you"))
    }

    /// A definition may run code for each row that is there, and gives it what it computes on.
    fn given_to_code(&self, facts: &StatementFacts) -> Option<Refusal> {
        if let Some(refusal) = facts.relations.iter().find_map(|usage| self.read_in_code(usage)) {
            return Some(refusal);
        }
        // What event triggers call is the database's own.
        let is_event = |oid| {
            let known = self.catalog.function(oid);
            known.is_some_and(|function| function.result_type == EVENT_TRIGGER)
        };
        let mut called = facts.functions.iter().map(|used| used.function.oid);
        let calls = called.any(|oid| !oid.is_built_in() && !is_event(oid));
        // A check or an index expression names columns that no statement reads yet.
        let mut touched = facts.relations.iter().map(|usage| usage.relation.oid);
        (calls && touched.any(|oid| self.has_masks(oid)))
            .then(|| cannot_mask("it would give columns that are masked for you to a function"))
    }

    fn assess_relation(&self, usage: &RelationUse, assessment: &mut Assessment) {
        let relation = usage.relation.oid;
        if let Some(refusal) = self.read_in_code(usage) {
            assessment.refusal = Some(refusal);
        }
        for column in &usage.columns {
            let Some(holds) = self.held(relation, column.number) else {
                continue;
            };
            if column.written {
                assessment.writes.push((relation, column.number, holds.clone()));
            }
            if !column.read {
                continue;
            }
            assessment.computes |= column.reading.computed;
            if column.reading.looked_up {
                assessment.looks_up = true;
                assessment.looks_up_freely &= self.may_look_up(relation, column.number);
            }
            assessment.masked.insert((relation, column.number), holds);
        }
    }

    /// Why code that the statement runs may not read what is masked.
    fn read_in_code(&self, usage: &RelationUse) -> Option<Refusal> {
        let column = usage.columns.iter().find(|column| {
            column.read && column.reading.in_code && self.held(usage.relation.oid, column.number).is_some()
        })?;
        let name = format!("{}.{}", usage.relation.name, column.name);
        Some(
            Refusal::denied(
                "masked-in-function",
                format!("a function reads {name}, which is masked for you"),
            )
            .with_hint("Write the query out in place of the function."),
        )
    }

    fn assess_output(&self, facts: &StatementFacts, assessment: &mut Assessment) {
        for output in &facts.output {
            let mut holdings = output.lineage.iter().filter_map(|(relation, number)| {
                let holds = self.held(relation.oid, *number)?;
                Some(((relation.oid, *number), holds))
            });
            let shown = match (holdings.next(), output.origin) {
                (Some((column, holds)), Some(origin)) if output.unchanged => Some(ShownColumn {
                    origin: Some(origin),
                    column: Some(column),
                    treatment: Treatment::Mask(holds),
                }),
                (Some(_), _) => {
                    assessment.computes = true;
                    None
                }
                (None, _) => {
                    let open = output.lineage.iter().any(|(relation, number)| {
                        !relation.oid.is_built_in() && !self.is_decided(relation.oid, *number)
                    });
                    open.then_some(ShownColumn {
                        origin: None,
                        column: None,
                        treatment: Treatment::Scan,
                    })
                }
            };
            assessment.shown.columns.push(shown);
        }
        // Columns that aren't known can't be counted.
        if facts.output.iter().any(|output| &*output.name == "*") && !assessment.shown.is_empty() {
            assessment.computes = true;
        }
    }
}

/// What masks would make of a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Foreseen {
    /// The masked columns that it reads, as `schema.table.column`, with what they hold.
    pub columns: Vec<(String, Label)>,
    /// Whether it computes on them, so that the server must see masks in their place.
    pub computes: bool,
    /// Why it would be refused.
    pub refusal: Option<Refusal>,
}

impl Foreseen {
    /// For somebody who sees these labels in clear.
    pub fn of(
        facts: &StatementFacts,
        database: &Database,
        catalog: &CatalogSnapshot,
        who: (&[Label], &Principal),
    ) -> Self {
        let (clear, principal) = who;
        let labels = database.labels.current();
        let viewer = Viewer {
            labels: &labels,
            catalog,
            clear,
            is_person: is_person(principal),
            own: &Written::default(),
            writing: BTreeSet::new(),
        };
        let assessment = viewer.assess(facts);
        let name = |(oid, number): &(Oid, ColumnNumber)| {
            let relation = catalog.relation(*oid)?;
            let column = relation.column_numbered(*number)?;
            Some(format!("{}.{}", relation.reference().name, column.name))
        };
        let columns = assessment.masked.iter();
        Self {
            columns: columns
                .filter_map(|(column, holds)| Some((name(column)?, holds.label.clone())))
                .collect(),
            computes: assessment.needs_masks(),
            refusal: assessment.refusal,
        }
    }
}

/// Whether it is a person themselves, and not somebody's agent.
pub(crate) fn is_person(principal: &Principal) -> bool {
    principal.actors.is_empty() && principal.subject.kind == PrincipalKind::Person
}

/// Whether values of both types are equal where their texts are.
fn is_comparable(one: &ColumnType, other: &ColumnType) -> bool {
    let is_text = |known: &ColumnType| !known.is_array() && matches!(known.scalar(), Scalar::Text { .. });
    one == other || (is_text(one) && is_text(other))
}

/// Whether a command only says what is to be, and no data flows.
fn defines(facts: &StatementFacts) -> bool {
    if &*facts.command == "CREATE VIEW" {
        return true;
    }
    match facts.class {
        StatementClass::Ddl => {
            !matches!(
                &*facts.command,
                "CREATE TABLE AS" | "SELECT" | "SELECT INTO" | "CREATE MATERIALIZED VIEW"
            ) && !facts.command.starts_with("EXPLAIN")
        }
        StatementClass::Maintenance | StatementClass::Privilege | StatementClass::Transaction => true,
        StatementClass::Session => &*facts.command == "CREATE TABLE",
        StatementClass::Read | StatementClass::Write | StatementClass::Unknown => false,
    }
}

/// Whether a definition runs the code that it names: a default for the rows that are there, a bound of a partition.
fn runs_code(facts: &StatementFacts) -> bool {
    !matches!(&*facts.command, "CREATE VIEW" | "CREATE FUNCTION" | "CREATE PROCEDURE")
}

/// Functions that show values of masked columns, texts of others, texts that name our keys, or how much a change has written,
/// which tells whether what it writes is what stands there.
const HIDDEN_FUNCTIONS: &[&str] = &[
    "current_query",
    "pg_backup_start",
    "pg_backup_stop",
    "pg_control_checkpoint",
    "pg_control_recovery",
    "pg_create_restore_point",
    "pg_current_wal_flush_lsn",
    "pg_current_wal_insert_lsn",
    "pg_current_wal_lsn",
    "pg_get_replication_slots",
    "pg_last_wal_receive_lsn",
    "pg_last_wal_replay_lsn",
    "pg_logical_emit_message",
    "pg_ls_waldir",
    "pg_stat_get_backend_io",
    "pg_stat_get_backend_wal",
    "pg_stat_get_db_temp_bytes",
    "pg_stat_get_io",
    "pg_stat_get_tuples_hot_updated",
    "pg_stat_get_tuples_newpage_updated",
    "pg_stat_get_wal",
    "pg_stat_get_wal_receiver",
    "pg_stat_get_wal_senders",
    "pg_stat_get_xact_tuples_hot_updated",
    "pg_stat_get_xact_tuples_newpage_updated",
    "pg_stop_backup",
    "pg_start_backup",
    "pg_switch_wal",
    "cursor_to_xml",
    "cursor_to_xmlschema",
    "database_to_xml",
    "database_to_xml_and_xmlschema",
    "pg_cursor",
    "pg_get_backend_memory_contexts",
    "pg_mcv_list_items",
    "pg_prepared_statement",
    "pg_stat_get_activity",
    "pg_stat_get_backend_activity",
    "pg_stat_statements",
    "query_to_xml",
    "query_to_xml_and_xmlschema",
    "schema_to_xml",
    "schema_to_xml_and_xmlschema",
    "table_to_xml",
    "table_to_xml_and_xmlschema",
    "ts_rewrite",
    "ts_stat",
];

fn hidden_source(facts: &StatementFacts) -> Option<String> {
    let mut functions = facts.functions.iter();
    let function = functions.find(|used| HIDDEN_FUNCTIONS.contains(&&*used.function.name.name));
    // Rows as they are stored out of line, in pieces without names.
    let mut relations = facts.relations.iter().map(|usage| &usage.relation.name);
    let relation = relations.find(|name| &*name.schema == "pg_toast" || &*name.name == "pg_largeobject");
    function
        .map(|used| used.function.name.to_string())
        .or_else(|| relation.map(ToString::to_string))
}

/// Code that would run by itself later, with reads that no statement shows.
fn plants_code(facts: &StatementFacts) -> bool {
    match &*facts.command {
        "CREATE TRIGGER" | "CREATE RULE" => true,
        "CREATE FUNCTION" | "CREATE PROCEDURE" | "ALTER FUNCTION" => facts.objects.iter().any(|object| {
            object
                .schema
                .as_deref()
                .is_some_and(|schema| schema.starts_with("pg_temp"))
        }),
        "CREATE DOMAIN" | "ALTER DOMAIN" => facts.functions.iter().any(|used| !used.function.oid.is_built_in()),
        _ => false,
    }
}

/// What a change does to the server's log and indexes depends on the values that stand there.
pub(crate) fn tells_of_writes() -> Refusal {
    cannot_mask("its figures would tell how what is written differs from what is masked for you")
}

pub(crate) fn cannot_mask(reason: &str) -> Refusal {
    Refusal::denied("masked", format!("this statement can't be masked: {reason}"))
        .with_hint("Select masked columns as they are, give tables an alias, and look rows up by their key.")
}
