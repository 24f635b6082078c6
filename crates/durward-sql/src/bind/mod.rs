//! Walks syntax trees, resolves names as the server would, and gathers facts.

mod facts;

use std::collections::HashSet;
use std::sync::Arc;

use durward_model::Oid;
use pg_query::{Node, NodeEnum};

pub(crate) use facts::FactsBuilder;

use crate::catalog::{CatalogSnapshot, Function, Relation};
use crate::{AnalysisContext, SessionSettings};

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
    /// What has been found so far.
    pub(crate) facts: FactsBuilder,
    /// Above 0 while what is walked isn't the client's own text.
    nesting: usize,
    catalog_is_current: bool,
    in_progress: HashSet<Oid>,
    variables: Vec<HashSet<Arc<str>>>,
}

/// One call, its overloads not resolved: the effect is the worst candidate's.
pub(crate) struct Call<'c> {
    /// The name as written or found, for messages.
    pub(crate) name: &'c str,
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
    /// The name by which the statement's expressions know it.
    pub(crate) alias: Arc<str>,
    /// Whether FROM or USING brings other relations into scope.
    pub(crate) joined: bool,
}

impl<'a> Binder<'a> {
    pub(crate) fn new(context: &'a AnalysisContext, command: &str) -> Self {
        Self {
            catalog: &context.catalog,
            settings: &context.settings,
            path: context.settings.search_path.clone(),
            run_path: context.settings.search_path.clone(),
            walked: std::collections::HashMap::new(),
            facts: FactsBuilder::new(command),
            nesting: 0,
            catalog_is_current: context.catalog_is_current,
            in_progress: HashSet::new(),
            variables: Vec::new(),
        }
    }

    /// Whether what is being walked is the client's own text.
    pub(crate) fn is_direct(&self) -> bool {
        self.nesting == 0
    }

    /// Walks something that the client's text brings about without naming it.
    pub(crate) fn nested<R>(&mut self, walk: impl FnOnce(&mut Self) -> R) -> R {
        self.nesting += 1;
        let result = walk(self);
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

    /// Walks the body of a view, function or trigger unless it is being walked already (recursion adds nothing).
    pub(crate) fn once(&mut self, oid: Oid, walk: impl FnOnce(&mut Self)) {
        if self.in_progress.insert(oid) {
            self.nested(walk);
            self.in_progress.remove(&oid);
        }
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

    /// Walks one statement of any kind, in a scope of its own: raises the class, adds its facts.
    pub(crate) fn statement(&mut self, node: &NodeEnum) {
        let _ = node;
    }

    /// Parses a text and walks each of its statements; a text that doesn't parse is opaque under the name `what`.
    pub(crate) fn sql_text(&mut self, text: &str, what: &str) {
        let _ = (text, what);
    }

    /// Walks an expression with no columns in scope (variables are).
    pub(crate) fn expression(&mut self, node: &Node) {
        let _ = node;
    }

    /// Walks an expression over the columns of one relation.
    pub(crate) fn expression_over(&mut self, node: &Node, relation: &Arc<Relation>) {
        let _ = (node, relation);
    }

    /// Parses an expression (a default, a check, a PL/pgSQL expression) and walks it, over one relation's columns
    /// where given.
    pub(crate) fn expression_text(&mut self, text: &str, relation: Option<&Arc<Relation>>, what: &str) {
        let _ = (text, relation, what);
    }
}
