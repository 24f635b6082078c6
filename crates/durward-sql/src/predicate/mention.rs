//! Which columns an expression mentions, and whose they are.

use std::collections::BTreeSet;
use std::sync::Arc;

use durward_model::Oid;
use pg_query::protobuf::{ColumnRef, SelectStmt};
use pg_query::{Node, NodeEnum};

use super::TargetColumn;
use crate::SessionSettings;
use crate::bind::Binder;
use crate::catalog::{CatalogSnapshot, Relation};
use crate::functions::constant;

/// `bool`.
const BOOL: Oid = Oid(16);

/// Expressions nested deeper than this are not followed.
const DEPTH_MAX: usize = 2_000;

/// A FROM item beside the target, or within a subquery.
#[derive(Debug, Clone)]
pub(super) struct Item {
    pub(super) alias: Arc<str>,
    pub(super) relation: Option<Oid>,
    /// `None` where its columns aren't known.
    pub(super) columns: Option<BTreeSet<Arc<str>>>,
}

impl Item {
    fn of_relation(alias: &str, relation: &Relation) -> Self {
        Self {
            alias: alias.into(),
            relation: Some(relation.oid),
            columns: Some(relation.columns.iter().map(|column| Arc::clone(&column.name)).collect()),
        }
    }
}

/// The target of an UPDATE, DELETE or MERGE, and what else its condition can name.
#[derive(Debug, Clone)]
pub(super) struct Scope<'a> {
    catalog: &'a CatalogSnapshot,
    settings: &'a SessionSettings,
    path: Vec<Arc<str>>,
    pub(super) alias: Arc<str>,
    pub(super) relation: Option<Oid>,
    /// Whether the target's columns are not known.
    open: bool,
    columns: Vec<TargetColumn>,
    /// Items beside the target, those of subqueries around the expression last.
    pub(super) others: Vec<Item>,
}

/// Whose column a reference is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Origin {
    /// The target's, by name; `None` for the whole row.
    Target(Option<Arc<str>>),
    /// Another item's: its relation and the column's name.
    Other(Option<Oid>, Arc<str>),
    /// A variable's, or nobody's.
    Nobody,
}

impl<'a> Scope<'a> {
    /// The scope of the statement being walked: its first item is the target.
    pub(super) fn of(binder: &mut Binder<'a>) -> Self {
        let entries = binder.scope_entries();
        let mut entries = entries.into_iter();
        let Some(target) = entries.next() else {
            return Self::over(binder, "", None, true, Vec::new());
        };
        let others = entries
            .map(|entry| Item {
                alias: entry.alias,
                relation: entry.relation.as_ref().map(|relation| relation.oid),
                columns: (!entry.open).then(|| entry.columns.into_iter().collect()),
            })
            .collect();
        Self::over(binder, &target.alias, target.relation.as_ref(), target.open, others)
    }

    /// A scope whose target is a relation.
    pub(super) fn over(
        binder: &Binder<'a>,
        alias: &str,
        relation: Option<&Arc<Relation>>,
        open: bool,
        others: Vec<Item>,
    ) -> Self {
        let columns = relation.map_or_else(Vec::new, |relation| columns_of(binder, relation));
        Self {
            catalog: binder.catalog,
            settings: binder.settings,
            path: binder.path.clone(),
            alias: alias.into(),
            relation: relation.map(|relation| relation.oid),
            open,
            columns,
            others,
        }
    }

    /// The same scope within a subquery whose FROM items are `inner`.
    pub(super) fn within(&self, inner: Vec<Item>) -> Self {
        let mut scope = self.clone();
        scope.others.extend(inner);
        scope
    }

    /// Whose column this is. Items of subqueries hide those around them.
    pub(super) fn origin(&self, column: &ColumnRef) -> Origin {
        let star = matches!(
            column.fields.last().and_then(|last| last.node.as_ref()),
            Some(NodeEnum::AStar(_))
        );
        let names = constant::names(&column.fields);
        let (qualifier, name) = match (names.as_slice(), star) {
            ([name], false) => (None, Some(name)),
            ([.., qualifier], true) => (Some(qualifier), None),
            ([.., qualifier, name], false) => (Some(qualifier), Some(name)),
            ([], _) => return if star { Origin::Target(None) } else { Origin::Nobody },
        };
        match (qualifier, name) {
            (Some(qualifier), name) => self.qualified(qualifier, name),
            (None, Some(name)) => self.unqualified(name),
            (None, None) => Origin::Nobody,
        }
    }

    fn qualified(&self, qualifier: &str, name: Option<&String>) -> Origin {
        if let Some(item) = self.others.iter().rev().find(|item| *item.alias == *qualifier) {
            return Origin::Other(item.relation, name.map_or("*", String::as_str).into());
        }
        if *self.alias == *qualifier {
            return Origin::Target(name.map(|name| name.as_str().into()));
        }
        Origin::Nobody
    }

    fn unqualified(&self, name: &str) -> Origin {
        let item =
            self.others.iter().rev().find(|item| {
                item.columns.as_ref().is_some_and(|columns| columns.contains(name)) || *item.alias == *name
            });
        if let Some(item) = item {
            return Origin::Other(item.relation, name.into());
        }
        if *self.alias == *name {
            return Origin::Target(None);
        }
        let hidden = self.others.iter().any(|item| item.columns.is_none());
        if self.columns.iter().any(|column| *column.name == *name) || is_system_column(name) || (self.open && !hidden) {
            return Origin::Target(Some(name.into()));
        }
        Origin::Nobody
    }

    /// The target's column that a reference is.
    pub(super) fn target_column(&self, column: &ColumnRef) -> Option<TargetColumn> {
        let Origin::Target(Some(name)) = self.origin(column) else {
            return None;
        };
        let known = self.columns.iter().find(|column| column.name == name).cloned();
        known.or_else(|| {
            let system = is_system_column(&name);
            // Every row has its place; several tables may be behind one name, so only ctid is near a key.
            Some(TargetColumn {
                key: false,
                never_null: system,
                boolean: false,
                name,
            })
        })
    }

    pub(super) fn boolean_column(&self, column: &ColumnRef) -> bool {
        self.open || self.target_column(column).is_some_and(|column| column.boolean)
    }

    /// Whether an expression uses a column of the target's row; `None` where that can't be told.
    pub(super) fn uses_target(&self, node: &Node) -> Option<bool> {
        self.uses(node, &tells, 0)
    }

    /// Whether a subquery uses a column of the target's row; `None` where that can't be told.
    pub(super) fn subquery_uses_target(&self, select: &SelectStmt) -> Option<bool> {
        self.select_uses(select, &tells, 0)
    }

    /// Whether an expression surely uses a column of the target's row.
    pub(super) fn mentions_target(&self, node: &Node) -> bool {
        self.uses_target(node) == Some(true)
    }

    fn uses(&self, node: &Node, wanted: &dyn Fn(&Origin) -> bool, depth: usize) -> Option<bool> {
        if depth > DEPTH_MAX {
            return None;
        }
        let depth = depth.saturating_add(1);
        let any = |nodes: &[Node]| either(nodes.iter().map(|node| self.uses(node, wanted, depth)));
        let one = |node: Option<&Node>| node.map_or(Some(false), |node| self.uses(node, wanted, depth));
        let Some(node) = node.node.as_ref() else {
            return Some(false);
        };
        match node {
            NodeEnum::ColumnRef(column) => Some(wanted(&self.origin(column))),
            NodeEnum::AConst(_)
            | NodeEnum::ParamRef(_)
            | NodeEnum::SqlvalueFunction(_)
            | NodeEnum::SetToDefault(_)
            | NodeEnum::String(_)
            | NodeEnum::AStar(_) => Some(false),
            NodeEnum::AExpr(e) => either([one(e.lexpr.as_deref()), one(e.rexpr.as_deref())]),
            NodeEnum::BoolExpr(e) => any(&e.args),
            NodeEnum::TypeCast(e) => one(e.arg.as_deref()),
            NodeEnum::CollateClause(e) => one(e.arg.as_deref()),
            // What a window orders and frames by isn't followed.
            NodeEnum::FuncCall(e) if e.over.is_some() => None,
            NodeEnum::FuncCall(e) => either([any(&e.args), any(&e.agg_order), one(e.agg_filter.as_deref())]),
            NodeEnum::NamedArgExpr(e) => one(e.arg.as_deref()),
            NodeEnum::NullTest(e) => one(e.arg.as_deref()),
            NodeEnum::BooleanTest(e) => one(e.arg.as_deref()),
            NodeEnum::CoalesceExpr(e) => any(&e.args),
            NodeEnum::MinMaxExpr(e) => any(&e.args),
            NodeEnum::AArrayExpr(e) => any(&e.elements),
            NodeEnum::RowExpr(e) => any(&e.args),
            NodeEnum::List(e) => any(&e.items),
            NodeEnum::ResTarget(e) => one(e.val.as_deref()),
            NodeEnum::SortBy(e) => one(e.node.as_deref()),
            NodeEnum::AIndirection(e) => either([one(e.arg.as_deref()), any(&e.indirection)]),
            NodeEnum::AIndices(e) => either([one(e.lidx.as_deref()), one(e.uidx.as_deref())]),
            NodeEnum::CaseExpr(e) => either([one(e.arg.as_deref()), any(&e.args), one(e.defresult.as_deref())]),
            NodeEnum::CaseWhen(e) => either([one(e.expr.as_deref()), one(e.result.as_deref())]),
            NodeEnum::SubLink(link) => either([
                one(link.testexpr.as_deref()),
                match link.subselect.as_deref().and_then(|node| node.node.as_ref()) {
                    Some(NodeEnum::SelectStmt(select)) => self.select_uses(select, wanted, depth),
                    _ => None,
                },
            ]),
            _ => None,
        }
    }

    /// Whether a subquery uses such a column of what is around it: its own items hide names.
    fn select_uses(&self, select: &SelectStmt, wanted: &dyn Fn(&Origin) -> bool, depth: usize) -> Option<bool> {
        if depth > DEPTH_MAX || select.with_clause.is_some() || !select.window_clause.is_empty() {
            return None;
        }
        let outer = self.others.len();
        let inner = self.within(self.items(&select.from_clause));
        // What its own items give isn't from around it: names are all that tells them apart here.
        let own: BTreeSet<Option<Oid>> = inner.others.iter().skip(outer).map(|item| item.relation).collect();
        let own_columns = |origin: &Origin| match origin {
            Origin::Other(relation, _) if own.contains(relation) => false,
            other => wanted(other),
        };
        let parts = select
            .target_list
            .iter()
            .chain(select.where_clause.as_deref())
            .chain(&select.group_clause)
            .chain(select.distinct_clause.iter().filter(|node| node.node.is_some()))
            .chain(select.having_clause.as_deref())
            .chain(&select.values_lists)
            .chain(&select.sort_clause)
            .chain(select.limit_count.as_deref())
            .chain(select.limit_offset.as_deref())
            .map(|part| inner.uses(part, &own_columns, depth.saturating_add(1)));
        // Which of its neighbours an item sees depends on LATERAL and its place: it counts with all of them and with none.
        let from = select.from_clause.iter().map(|item| {
            either([
                inner.uses_in_from(item, &own_columns, depth),
                self.uses_in_from(item, wanted, depth),
            ])
        });
        let arms = [&select.larg, &select.rarg]
            .into_iter()
            .flatten()
            .map(|arm| self.select_uses(arm, wanted, depth.saturating_add(1)));
        either(parts.chain(from).chain(arms))
    }

    fn uses_in_from(&self, item: &Node, wanted: &dyn Fn(&Origin) -> bool, depth: usize) -> Option<bool> {
        match item.node.as_ref()? {
            NodeEnum::RangeVar(_) => Some(false),
            NodeEnum::RangeSubselect(subselect) => match subselect.subquery.as_deref()?.node.as_ref()? {
                NodeEnum::SelectStmt(select) => self.select_uses(select, wanted, depth.saturating_add(1)),
                _ => None,
            },
            NodeEnum::JoinExpr(join) => either([
                self.uses_in_from(join.larg.as_deref()?, wanted, depth.saturating_add(1)),
                self.uses_in_from(join.rarg.as_deref()?, wanted, depth.saturating_add(1)),
                join.quals
                    .as_deref()
                    .map_or(Some(false), |quals| self.uses(quals, wanted, depth.saturating_add(1))),
            ]),
            NodeEnum::RangeFunction(function) => either(
                function
                    .functions
                    .iter()
                    .map(|node| self.uses(node, wanted, depth.saturating_add(1))),
            ),
            _ => None,
        }
    }

    /// The FROM items of a subquery.
    pub(super) fn items(&self, from: &[Node]) -> Vec<Item> {
        let mut items = Vec::new();
        for node in from {
            self.item(node, &mut items);
        }
        items
    }

    fn item(&self, node: &Node, items: &mut Vec<Item>) {
        let alias_of = |alias: Option<&pg_query::protobuf::Alias>| alias.map(|alias| alias.aliasname.clone());
        match node.node.as_ref() {
            Some(NodeEnum::RangeVar(range)) => {
                let alias = alias_of(range.alias.as_ref()).unwrap_or_else(|| range.relname.clone());
                let schema = (!range.schemaname.is_empty()).then_some(range.schemaname.as_str());
                let renamed = range.alias.as_ref().is_some_and(|alias| !alias.colnames.is_empty());
                match self
                    .catalog
                    .find_relation(self.settings, &self.path, schema, &range.relname)
                {
                    Some(relation) if !renamed => items.push(Item::of_relation(&alias, relation)),
                    Some(relation) => {
                        items.push(Item {
                            alias: alias.into(),
                            relation: Some(relation.oid),
                            columns: None,
                        });
                    }
                    None => items.push(Item {
                        alias: alias.into(),
                        relation: None,
                        columns: None,
                    }),
                }
            }
            Some(NodeEnum::JoinExpr(join)) => match alias_of(join.alias.as_ref()) {
                // Its own name hides those of its parts.
                Some(alias) => items.push(Item {
                    alias: alias.into(),
                    relation: None,
                    columns: None,
                }),
                None => {
                    for side in [&join.larg, &join.rarg].into_iter().flatten() {
                        self.item(side, items);
                    }
                }
            },
            Some(NodeEnum::RangeSubselect(subselect)) => {
                let alias = alias_of(subselect.alias.as_ref()).unwrap_or_default();
                items.push(Item {
                    alias: alias.into(),
                    relation: None,
                    columns: None,
                });
            }
            Some(NodeEnum::RangeFunction(function)) => {
                let alias = alias_of(function.alias.as_ref()).unwrap_or_default();
                items.push(Item {
                    alias: alias.into(),
                    relation: None,
                    columns: None,
                });
            }
            _ => items.push(Item {
                alias: "".into(),
                relation: None,
                columns: None,
            }),
        }
    }
}

/// Whether a column tells rows of the target apart. `tableoid`, `xmin` and kin say what wrote a row and into which table,
/// and are as a rule the same for many.
fn tells(origin: &Origin) -> bool {
    match origin {
        Origin::Target(Some(name)) => !is_system_column(name) || &**name == "ctid",
        Origin::Target(None) => true,
        Origin::Other(..) | Origin::Nobody => false,
    }
}

/// Whether any is so; `None` as soon as one can't be told.
fn either(parts: impl IntoIterator<Item = Option<bool>>) -> Option<bool> {
    let mut found = false;
    for part in parts {
        found |= part?;
    }
    Some(found)
}

fn columns_of(binder: &Binder<'_>, relation: &Relation) -> Vec<TargetColumn> {
    let keys: BTreeSet<_> = binder
        .catalog
        .indexes(relation.oid)
        .filter(|index| index.unique)
        .flat_map(|index| index.columns.iter().copied())
        .collect();
    relation
        .columns
        .iter()
        .map(|column| TargetColumn {
            name: Arc::clone(&column.name),
            never_null: column.not_null,
            key: keys.contains(&column.number) || column.identity,
            boolean: column.type_oid == BOOL,
        })
        .collect()
}

pub(super) fn is_system_column(name: &str) -> bool {
    matches!(name, "ctid" | "tableoid" | "xmin" | "xmax" | "cmin" | "cmax")
}
