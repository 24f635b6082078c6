//! Walks syntax trees, resolves names as the server would, and gathers facts.

mod compare;
mod dml;
mod expr;
mod facts;
mod fires;
mod from;
mod name;
mod scope;
mod select;
mod types;
mod upsert;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use durward_model::{AccessModes, ColumnNumber, Oid, OutputColumn, Reading, RelationKind, RelationUse, StatementClass};
use pg_query::protobuf::ParseResult;
use pg_query::{Node, NodeEnum};

pub(crate) use facts::FactsBuilder;
pub(crate) use fires::Event;
pub(crate) use scope::Origin;
use scope::{Cte, Entry, Level};
pub(crate) use scope::{Lineage, NamedValue, Position, Value};
pub(crate) use select::{is_setting_name, renamed};
pub(crate) use types::strings;

use crate::analyzer::LOCKED_DEFINITION;
use crate::catalog::{CatalogSnapshot, Definition, Function, Relation};
use crate::{AnalysisContext, SessionSettings};

/// What earlier statements of the same text have made.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct MadeBefore<'a> {
    pub(crate) all: &'a [RelationUse],
    /// Of those, the ones behind the last statement that changes what names mean.
    pub(crate) since_move: &'a [RelationUse],
    /// Whether there was one.
    pub(crate) moved: bool,
}

/// Walks one command and gathers its facts.
pub(crate) struct Binder<'a> {
    /// The catalog that names are resolved against.
    pub(crate) catalog: &'a CatalogSnapshot,
    /// The session's settings.
    pub(crate) settings: &'a SessionSettings,
    /// Schemas in which unqualified names are looked up, now: the session's, a definition's or a function's own.
    pub(crate) path: Vec<Arc<str>>,
    /// The path in force where the walked code runs: the session's, or the one that a function sets. Unlike `path`, a
    /// definition (of a view, a default) doesn't change it: bodies of functions called there resolve by it.
    pub(crate) run_path: Vec<Arc<str>>,
    /// Functions whose bodies were walked already, with the path that they ran under and the rows that one run may
    /// write; `None` while the walk is under way.
    pub(crate) walked: std::collections::HashMap<(Oid, Vec<Arc<str>>), Option<durward_model::RowBound>>,
    /// Whether what is walked stands in a loop, and runs any number of times.
    pub(crate) repeated: bool,
    /// What has been found so far.
    pub(crate) facts: FactsBuilder,
    /// Above 0 while what is walked isn't the client's own text.
    nesting: usize,
    /// Whose code is being walked.
    origin: Origin,
    /// Where the column reference that is walked next stands.
    position: Position,
    /// The one setting whose row of pg_settings the SELECT being walked reads.
    pub(crate) pinned_setting: Option<String>,
    catalog_is_current: bool,
    variables: Vec<HashSet<Arc<str>>>,
    levels: Vec<Level>,
    ctes: Vec<Cte>,
    /// Whether columns are noted as read only when what they end up in is used: in a view's result columns.
    reads_deferred: bool,
    /// Whether a call that may give any number of rows has been met in a target list.
    returns_sets: bool,
    /// Whether the function in FROM walked last gives one column that takes the alias's name.
    scalar_column: bool,
    with_children: HashSet<Oid>,
    noted_reads: HashSet<(Oid, ColumnNumber, Reading)>,
    view_values: HashMap<Oid, Vec<Value>>,
    /// The columns that functions' bodies read.
    function_reads: HashMap<Oid, Lineage>,
    /// What the call walked last can mean.
    last_candidates: Vec<Arc<Function>>,
    converted: HashSet<Oid>,
    cast_from: HashSet<Oid>,
    checked: HashSet<Oid>,
    policies_walked: HashSet<(Oid, Arc<str>)>,
    written_through: HashSet<(Oid, AccessModes)>,
    fired: HashMap<(Oid, Event), Option<BTreeSet<ColumnNumber>>>,
    depth: usize,
    too_deep: bool,
    /// Relations that earlier statements of the same text make.
    created: MadeBefore<'a>,
    /// Relations that the client's own text names in FROM, and COPY, by where they stand.
    pub(crate) sources: BTreeMap<usize, Source>,
    /// Columns that the client's own text names, by where they stand.
    pub(crate) references: BTreeMap<usize, Reference>,
    /// Whether the text groups rows, by which the server may know columns of a key's row.
    pub(crate) groups: bool,
    /// Columns that masks stand before, by where they or their relation stand in the text: nothing of them comes through.
    masked: Option<&'a MaskedPlaces>,
    /// Whether the FROM item that is walked can't be a subquery.
    sampled: bool,
    /// Whether what is walked is one of several alternatives of a condition.
    guesses: bool,
    /// The result column that a column alone will be called after.
    result_name: Option<String>,
    /// The columns that a COPY of the relation that is walked names.
    copied: Option<Vec<String>>,
    /// The relation whose change has set off what is walked.
    fired_row: Option<Arc<Relation>>,
}

/// What masks stand before in a text, by place: bytes from its start.
#[derive(Debug, Default)]
pub(crate) struct MaskedPlaces {
    /// Columns of the relation named there.
    pub(crate) relations: BTreeMap<usize, BTreeSet<ColumnNumber>>,
    /// The column named there.
    pub(crate) columns: BTreeSet<usize>,
}

/// A column that the client's own text names.
#[derive(Debug, Clone)]
pub(crate) struct Reference {
    /// The relation in FROM that it is a column of, unchanged, and its number there.
    pub(crate) origin: Option<(Oid, ColumnNumber)>,
    /// What it is.
    pub(crate) value: Value,
    /// Parts of the name before the table's: schema, or database and schema.
    pub(crate) qualifiers: usize,
    /// The name of the result column that it is by itself; `None` elsewhere.
    pub(crate) result_name: Option<String>,
    /// What becomes of it there.
    pub(crate) position: Position,
}

/// A relation that the client's own text reads by name.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    pub(crate) relation: Arc<Relation>,
    /// Its columns as the text sees them, an alias's column list left out.
    pub(crate) columns: Vec<NamedValue>,
    pub(crate) place: SourcePlace,
    /// Whether rows of children are left out.
    pub(crate) only: bool,
}

/// What may stand in the place of a relation's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SourcePlace {
    /// A FROM item, with an alias or without.
    From { aliased: bool },
    /// The table of COPY … TO, with these columns; none for all.
    Copy { columns: Vec<String> },
    /// A FROM item that must be a relation: of TABLESAMPLE.
    Relation,
}

/// How deep expressions and queries may nest before the walk gives up. The parser gives up earlier as a rule.
const DEPTH_MAX: usize = 20_000;

/// One call, its overloads not resolved: the effect is the worst candidate's.
pub(crate) struct Call<'c> {
    /// What it can mean; never empty.
    pub(crate) candidates: &'c [Arc<Function>],
    /// The arguments' trees; empty where there are none to see (triggers, casts of columns).
    pub(crate) arguments: &'c [Node],
    /// How it comes to be called.
    pub(crate) how: CallKind,
}

/// How a function comes to be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CallKind {
    /// By name, CALL included.
    Named,
    /// Behind an operator.
    Operator,
    /// Behind a cast or a type's input.
    Cast,
    /// By a trigger or event trigger.
    Trigger,
    /// As a support function of an aggregate.
    Aggregate,
}

/// The relation that an UPDATE or DELETE changes.
pub(crate) struct Target {
    /// The relation.
    pub(crate) relation: Arc<Relation>,
}

impl<'a> Binder<'a> {
    pub(crate) fn new(context: &'a AnalysisContext, command: &str) -> Self {
        Self {
            catalog: &context.catalog,
            settings: &context.settings,
            path: context.settings.search_path.clone(),
            run_path: context.settings.search_path.clone(),
            walked: std::collections::HashMap::new(),
            repeated: false,
            facts: FactsBuilder::new(command),
            nesting: 0,
            origin: Origin::Text,
            position: Position::Expression,
            pinned_setting: None,
            catalog_is_current: context.catalog_is_current,
            variables: Vec::new(),
            levels: Vec::new(),
            ctes: Vec::new(),
            reads_deferred: false,
            returns_sets: false,
            scalar_column: false,
            with_children: HashSet::new(),
            noted_reads: HashSet::new(),
            view_values: HashMap::new(),
            function_reads: HashMap::new(),
            last_candidates: Vec::new(),
            converted: HashSet::new(),
            cast_from: HashSet::new(),
            checked: HashSet::new(),
            policies_walked: HashSet::new(),
            written_through: HashSet::new(),
            fired: HashMap::new(),
            depth: 0,
            too_deep: false,
            created: MadeBefore::default(),
            sources: BTreeMap::new(),
            references: BTreeMap::new(),
            groups: false,
            masked: None,
            sampled: false,
            guesses: false,
            result_name: None,
            copied: None,
            fired_row: None,
        }
    }

    /// Takes note of columns that masks stand before in this text.
    pub(crate) fn masked_before(&mut self, masked: &'a MaskedPlaces) {
        self.masked = Some(masked);
    }

    /// Takes note of relations that earlier statements of the same text make.
    pub(crate) fn created_before(&mut self, made: MadeBefore<'a>) {
        self.created = made;
    }

    /// Whether an earlier statement of the same text changes what names mean.
    pub(crate) fn have_names_moved(&self) -> bool {
        self.created.moved
    }

    /// Whether an earlier statement of the same text makes a relation that this name may mean.
    fn is_created(&self, schema: &str, name: &str) -> bool {
        self.created.all.iter().any(|usage| {
            let made = &usage.relation.name;
            &*made.name == name && (schema.is_empty() || &*made.schema == schema)
        })
    }

    /// Whether an earlier statement of the same text makes a temporary relation that this name means.
    pub(crate) fn is_created_temporary(&self, schema: &str, name: &str) -> bool {
        (schema.is_empty() || schema == "pg_temp")
            && self.created.since_move.iter().any(|usage| {
                let made = &usage.relation.name;
                &*made.name == name && &*made.schema == "pg_temp" && usage.relation.kind != RelationKind::View
            })
    }

    /// Whether an earlier statement of the same text makes a view that this name may mean: what a change of its rows
    /// reaches isn't in the catalog yet.
    fn is_created_view(&self, schema: &str, name: &str) -> bool {
        self.created.all.iter().any(|usage| {
            let made = &usage.relation.name;
            usage.relation.kind == RelationKind::View
                && &*made.name == name
                && (schema.is_empty() || &*made.schema == schema)
        })
    }

    /// Whether what is being walked is the client's own text.
    pub(crate) fn is_direct(&self) -> bool {
        self.nesting == 0
    }

    /// Whether a function called here runs once: in the client's own query without FROM, and not within a subquery.
    pub(crate) fn calls_once(&self) -> bool {
        self.nesting == 0 && self.levels.len() <= 1 && self.levels.iter().all(|level| level.entries.is_empty())
    }

    /// Walks something that the client's text brings about without naming it. What a view or a trigger calls is its
    /// own doing too.
    pub(crate) fn nested<R>(&mut self, origin: Origin, walk: impl FnOnce(&mut Self) -> R) -> R {
        self.nesting += 1;
        let origin = match self.origin {
            Origin::Text => origin,
            Origin::Code if origin == Origin::Fired => origin,
            outer => outer,
        };
        let before = std::mem::replace(&mut self.origin, origin);
        let result = walk(self);
        self.origin = before;
        self.nesting -= 1;
        result
    }

    /// Walks with another search path: that of a definition, or one that a function sets.
    pub(crate) fn with_path<R>(&mut self, path: Vec<Arc<str>>, walk: impl FnOnce(&mut Self) -> R) -> R {
        let before = std::mem::replace(&mut self.path, path);
        let result = walk(self);
        self.path = before;
        result
    }

    /// Walks with names that stand for variables or parameters where no column has the name.
    pub(crate) fn with_variables<R>(
        &mut self,
        names: impl IntoIterator<Item = Arc<str>>,
        walk: impl FnOnce(&mut Self) -> R,
    ) -> R {
        self.variables.push(names.into_iter().collect());
        let result = walk(self);
        self.variables.pop();
        result
    }

    /// Notes a name that the catalog doesn't hold: the server will say so, unless the catalog may be stale.
    pub(crate) fn not_found(&mut self, kind: &str, name: &str) {
        self.facts.unresolved(name);
        if self.catalog_is_current {
            self.facts.conservative();
        } else {
            self.facts.opaque(name, format!("no such {kind} in the catalog"));
        }
    }

    /// Walks the client's own statement: its result's columns are the command's output.
    pub(crate) fn command(&mut self, node: &NodeEnum) {
        let columns = self.statement_columns(node);
        if !columns.is_empty() {
            self.facts.output = columns.into_iter().map(|column| self.output_column(column)).collect();
        }
    }

    /// Walks the query that COPY of a table with these columns stands for.
    pub(crate) fn copied_table(&mut self, query: &NodeEnum, columns: Vec<String>) {
        self.copied = Some(columns);
        self.stored_query(query);
        self.copied = None;
    }

    /// Walks a query whose rows become something else than a result: a table's, a COPY's. Returns its columns.
    pub(crate) fn stored_query(&mut self, node: &NodeEnum) -> Vec<NamedValue> {
        let columns = self.statement_columns(node);
        self.computes(&columns);
        columns
    }

    fn output_column(&self, column: NamedValue) -> OutputColumn {
        let mut lineage: Vec<_> = column
            .value
            .lineage
            .iter()
            .filter_map(|(oid, number)| Some((self.catalog.relation(*oid)?.reference(), *number)))
            .collect();
        lineage.sort();
        let unchanged = column.value.unchanged && lineage.len() == 1;
        OutputColumn {
            name: column.name,
            lineage,
            unchanged,
            origin: column.value.origin.filter(|_| unchanged),
        }
    }

    /// Walks one statement of any kind, in a scope of its own: raises the class, adds its facts.
    pub(crate) fn statement(&mut self, node: &NodeEnum) {
        self.statement_columns(node);
    }

    fn statement_columns(&mut self, node: &NodeEnum) -> Vec<NamedValue> {
        if !self.enter() {
            return Vec::new();
        }
        let columns = match node {
            NodeEnum::SelectStmt(_) => {
                self.facts.class(StatementClass::Read);
                self.isolated(|binder| binder.subquery(node))
            }
            NodeEnum::InsertStmt(_) | NodeEnum::UpdateStmt(_) | NodeEnum::DeleteStmt(_) | NodeEnum::MergeStmt(_) => {
                self.isolated(|binder| binder.subquery(node))
            }
            NodeEnum::RawStmt(raw) => match raw.stmt.as_deref().and_then(|node| node.node.as_ref()) {
                Some(node) => self.statement_columns(node),
                None => Vec::new(),
            },
            NodeEnum::ReturnStmt(statement) => {
                // The body of a SQL-standard function.
                self.facts.class(StatementClass::Read);
                if let Some(node) = statement.returnval.as_deref() {
                    self.expression(node);
                }
                Vec::new()
            }
            NodeEnum::List(list) => {
                for item in &list.items {
                    if let Some(node) = &item.node {
                        self.statement_columns(node);
                    }
                }
                Vec::new()
            }
            other => {
                self.isolated(|binder| crate::utility::statement(binder, other));
                Vec::new()
            }
        };
        self.leave();
        columns
    }

    /// Parses a text and walks each of its statements; a text that doesn't parse is opaque under the name `what`.
    pub(crate) fn sql_text(&mut self, text: &str, what: &str) {
        if self.settings.doubts_body(text) {
            self.facts
                .opaque(what, "its strings may be read in another way when it runs");
            return;
        }
        match crate::parser::parse(text) {
            Ok(parsed) => {
                // What a text within the client's gives doesn't come out as its lineage says.
                let before = self.origin;
                if before == Origin::Text {
                    self.origin = Origin::Code;
                }
                for statement in &parsed.stmts {
                    if let Some(node) = statement.stmt.as_ref().and_then(|node| node.node.as_ref()) {
                        self.statement(node);
                    }
                }
                self.origin = before;
            }
            Err(failure) => self.facts.opaque(what, failure.message),
        }
    }

    /// Walks an expression with no columns in scope (variables are).
    pub(crate) fn expression(&mut self, node: &Node) {
        self.isolated(|binder| {
            binder.in_level(|binder| {
                binder.expression_value(node);
            });
        });
    }

    /// Walks an expression over the columns of one relation.
    pub(crate) fn expression_over(&mut self, node: &Node, relation: &Arc<Relation>) {
        self.isolated(|binder| {
            binder.in_level(|binder| {
                let columns = binder.columns_of(relation);
                let level = binder.level();
                level.columns.clone_from(&columns);
                level.entries.push(Entry {
                    alias: Arc::clone(&relation.name),
                    relation: Some(Arc::clone(relation)),
                    unaliased: true,
                    columns,
                    open: None,
                    hidden: false,
                });
                binder.expression_value(node);
            });
        });
    }

    /// Parses an expression, or a list of them (a default, a check, a PL/pgSQL expression), and walks it, over one
    /// relation's columns where given.
    pub(crate) fn expression_text(&mut self, text: &str, relation: Option<&Arc<Relation>>, what: &str) {
        let parsed = match crate::parser::parse(&format!("SELECT {text}")) {
            Ok(parsed) => parsed,
            Err(failure) => {
                self.facts.opaque(what, failure.message);
                return;
            }
        };
        for statement in &parsed.stmts {
            match statement.stmt.as_ref().and_then(|node| node.node.as_ref()) {
                Some(NodeEnum::SelectStmt(select))
                    if select.from_clause.is_empty() && select.with_clause.is_none() && select.larg.is_none() =>
                {
                    for target in &select.target_list {
                        match relation {
                            Some(relation) => self.expression_over(target, relation),
                            None => self.expression(target),
                        }
                    }
                    if let Some(condition) = select.where_clause.as_deref() {
                        self.expression(condition);
                    }
                }
                // PL/pgSQL expressions may go on with FROM and all that follows.
                Some(other) => self.statement(other),
                None => {}
            }
        }
    }

    /// Notes a definition that another session's lock kept from being read: it is asked for again before the statement
    /// is given up.
    fn locked_definition(&mut self, name: &str) {
        self.facts.unresolved(name);
        self.facts.opaque(name, LOCKED_DEFINITION);
    }

    /// The tree of a definition; what can't be read is opaque.
    pub(crate) fn definition_tree(&mut self, kind: &str, name: &str, definition: &Definition) -> Option<ParseResult> {
        if definition.is_locked() {
            self.locked_definition(name);
            return None;
        }
        match crate::parser::parse(&definition.text) {
            Ok(parsed) => Some(parsed),
            Err(failure) => {
                self.facts
                    .opaque(name, format!("{kind} definition: {}", failure.message));
                None
            }
        }
    }

    /// Walks an expression of the catalog's.
    pub(crate) fn definition_expression(
        &mut self,
        definition: &Definition,
        relation: Option<&Arc<Relation>>,
        what: &str,
    ) {
        if definition.is_locked() {
            self.locked_definition(what);
            return;
        }
        self.with_path(definition.path.to_vec(), |binder| {
            binder.expression_text(&definition.text, relation, what);
        });
    }

    /// Notes a part of the syntax that isn't known.
    fn not_known(&mut self, what: &str, node: &NodeEnum) {
        let name = kind_name(node);
        self.facts.opaque(name, format!("{what} not known"));
    }

    /// Goes one level deeper; false where that is too deep.
    fn enter(&mut self) -> bool {
        if self.depth >= DEPTH_MAX {
            self.gives_up();
            return false;
        }
        self.depth += 1;
        true
    }

    fn leave(&mut self) {
        self.depth -= 1;
    }

    /// What follows isn't walked any more.
    fn gives_up(&mut self) {
        self.too_deep = true;
    }

    /// Whether the walk gave up somewhere.
    pub(crate) fn is_too_deep(&self) -> bool {
        self.too_deep
    }
}

/// The name of a node's kind. Its debug form begins with it; the rest, which may be large, is never written.
fn kind_name(node: &NodeEnum) -> String {
    struct Head(String);
    impl std::fmt::Write for Head {
        fn write_str(&mut self, text: &str) -> std::fmt::Result {
            match text.find(['(', ' ', '{']) {
                Some(end) => {
                    self.0.push_str(text.get(..end).unwrap_or_default());
                    Err(std::fmt::Error)
                }
                None => {
                    self.0.push_str(text);
                    Ok(())
                }
            }
        }
    }
    let mut head = Head(String::new());
    // The writer ends the formatting by an error of its own.
    match std::fmt::Write::write_fmt(&mut head, format_args!("{node:?}")) {
        Ok(()) | Err(std::fmt::Error) => head.0,
    }
}
