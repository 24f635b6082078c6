//! What a change of rows brings about: triggers, rules, cascades, defaults, checks, row policies, views' tables.

use std::collections::BTreeSet;
use std::sync::Arc;

use durward_model::{
    AccessModes, ColumnCopy, ColumnNumber, Oid, QualifiedName, RelationKind, RowBound, StatementClass,
};
use pg_query::NodeEnum;

use super::{Binder, CallKind, Origin, Value};
use crate::catalog::{Column, Definition, ForeignKey, Relation, Rule, Trigger};

/// A change of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Event {
    Insert,
    Update,
    Delete,
}

impl Event {
    /// Its bit in `pg_trigger.tgtype`.
    const fn trigger_bit(self) -> u16 {
        match self {
            Self::Insert => 4,
            Self::Delete => 8,
            Self::Update => 16,
        }
    }

    /// Its digit in `pg_rewrite.ev_type`.
    const fn rule_digit(self) -> char {
        match self {
            Self::Update => '2',
            Self::Insert => '3',
            Self::Delete => '4',
        }
    }

    const fn mode(self) -> AccessModes {
        match self {
            Self::Insert => AccessModes::INSERT,
            Self::Update => AccessModes::UPDATE,
            Self::Delete => AccessModes::DELETE,
        }
    }
}

const TRIGGER_ROW: u16 = 1;

impl Binder<'_> {
    /// Notes all that a change of a relation's rows brings about. `bound` is the most rows changed.
    pub(crate) fn fires(
        &mut self,
        relation: &Arc<Relation>,
        event: Event,
        written: &BTreeSet<ColumnNumber>,
        bound: RowBound,
    ) {
        let known = self.fired.entry((relation.oid, event)).or_default();
        // The same event on more columns may fire more.
        if known.is_some()
            && written
                .iter()
                .all(|number| known.as_ref().is_some_and(|known| known.contains(number)))
        {
            return;
        }
        known.get_or_insert_default().extend(written);
        self.triggers(relation, event, written, bound);
        self.rules(relation, event);
        self.checks(relation, event);
        let commands: &[char] = match event {
            Event::Insert => &['a', '*'],
            Event::Update => &['w', 'r', '*'],
            Event::Delete => &['d', 'r', '*'],
        };
        self.row_policies(relation, commands);
        self.cascades(relation, event, written);
        if self.with_children.contains(&relation.oid) {
            for child in self.descendants(relation.oid) {
                let same: BTreeSet<ColumnNumber> = written
                    .iter()
                    .filter_map(|number| relation.column_numbered(*number))
                    .filter_map(|column| child.column(&column.name))
                    .map(|column| column.number)
                    .collect();
                self.nested(Origin::Fired, |binder| binder.fires(&child, event, &same, bound));
            }
        }
    }

    fn triggers(&mut self, relation: &Arc<Relation>, event: Event, written: &BTreeSet<ColumnNumber>, bound: RowBound) {
        let triggers: Vec<Arc<Trigger>> = self.catalog.triggers(relation.oid).cloned().collect();
        for trigger in triggers {
            let of_columns =
                trigger.columns.is_empty() || trigger.columns.iter().any(|number| written.contains(number));
            if trigger.bits & event.trigger_bit() == 0
                || !self.is_enabled(trigger.enabled)
                || (event == Event::Update && !of_columns)
            {
                continue;
            }
            let per_row = trigger.bits & TRIGGER_ROW != 0;
            self.times(if per_row { bound } else { RowBound::AtMost(1) }, |binder| {
                binder.trigger(relation, &trigger);
            });
        }
    }

    /// Whether a trigger or rule fires in this session (`session_replication_role`).
    fn is_enabled(&self, enabled: char) -> bool {
        let replica = &*self.settings.session_replication_role == "replica";
        match enabled {
            'D' => false,
            'O' => !replica,
            'R' => replica,
            _ => true,
        }
    }

    /// Walks something that happens up to `count` times: the rows that it writes count as often.
    fn times(&mut self, count: RowBound, walk: impl FnOnce(&mut Self)) {
        let before = self.facts.rows_so_far();
        walk(self);
        let (RowBound::AtMost(before), RowBound::AtMost(after)) = (before, self.facts.rows_so_far()) else {
            return;
        };
        let more = after.saturating_sub(before);
        if more == 0 {
            return;
        }
        match count {
            RowBound::AtMost(count) => {
                let again = more.saturating_mul(count.saturating_sub(1));
                self.facts.rows(RowBound::AtMost(again));
            }
            RowBound::Unbounded => self.facts.rows(RowBound::Unbounded),
        }
    }

    fn trigger(&mut self, relation: &Arc<Relation>, trigger: &Trigger) {
        let catalog = self.catalog;
        self.fired(relation, |binder| {
            if let Some(definition) = &trigger.definition {
                binder.trigger_condition(relation, definition);
            }
            match catalog.function(trigger.function) {
                Some(function) => {
                    binder.calls(&[Arc::clone(function)], &[], CallKind::Trigger);
                }
                None => binder
                    .facts
                    .opaque(&*trigger.name, "trigger function not in the catalog"),
            }
        });
    }

    /// Walks what a relation's change sets off, with its rows as OLD and NEW.
    fn fired(&mut self, relation: &Arc<Relation>, walk: impl FnOnce(&mut Self)) {
        let outer = self.fired_row.replace(Arc::clone(relation));
        self.nested(Origin::Fired, walk);
        self.fired_row = outer;
    }

    /// What `OLD.column`, `NEW.column` or the whole of either is in a trigger or a rule.
    pub(super) fn of_fired_row(&self, fields: &[&str]) -> Value {
        let mut value = Value::default();
        let (Some(row), [first, rest @ ..]) = (&self.fired_row, fields) else {
            return value;
        };
        if self.origin == Origin::Fired && matches!(*first, "old" | "new") {
            let named = row.columns.iter().filter(|column| match rest {
                [name, ..] => *column.name == **name,
                [] => true,
            });
            value.lineage = named.map(|column| (row.oid, column.number)).collect();
        }
        value
    }

    /// Notes that a trigger or a rule puts data of the row that set it off into a column of another table.
    pub(super) fn carries_off(&mut self, value: &Value, target: &Relation, column: &Arc<str>) {
        let Some(row) = self.fired_row.as_ref().filter(|row| row.oid != target.oid) else {
            return;
        };
        if self.origin != Origin::Fired || target.temporary {
            return;
        }
        let from: Vec<_> = value
            .lineage
            .iter()
            .filter(|(oid, _)| *oid == row.oid)
            .copied()
            .collect();
        for from in from {
            self.facts.column_copied(ColumnCopy {
                from,
                relation: QualifiedName::new(Arc::clone(&target.schema), Arc::clone(&target.name)),
                column: Arc::clone(column),
            });
        }
    }

    /// WHEN of a trigger, read from its definition.
    fn trigger_condition(&mut self, relation: &Arc<Relation>, definition: &Definition) {
        let path = definition.path.to_vec();
        let Some(parsed) = self.definition_tree("trigger", &relation.name, definition) else {
            return;
        };
        for statement in &parsed.stmts {
            let Some(NodeEnum::CreateTrigStmt(create)) = statement.stmt.as_ref().and_then(|node| node.node.as_ref())
            else {
                continue;
            };
            if let Some(condition) = create.when_clause.as_deref() {
                self.with_path(path.clone(), |binder| {
                    binder.with_variables(["old".into(), "new".into()], |binder| binder.expression(condition));
                });
            }
        }
    }

    fn rules(&mut self, relation: &Arc<Relation>, event: Event) {
        let rules: Vec<Arc<Rule>> = self
            .catalog
            .rules(relation.oid)
            .filter(|rule| rule.event == event.rule_digit())
            .cloned()
            .collect();
        for rule in rules {
            if !self.is_enabled(rule.enabled) {
                continue;
            }
            let path = rule.definition.path.to_vec();
            let Some(parsed) = self.definition_tree("rule", &rule.name, &rule.definition) else {
                continue;
            };
            // How often its actions run depends on the rows of the statement that they replace or join.
            self.facts.rows(RowBound::Unbounded);
            for statement in &parsed.stmts {
                let Some(NodeEnum::RuleStmt(create)) = statement.stmt.as_ref().and_then(|node| node.node.as_ref())
                else {
                    continue;
                };
                self.fired(relation, |binder| {
                    binder.with_path(path.clone(), |binder| {
                        binder.with_variables(["old".into(), "new".into()], |binder| {
                            if let Some(condition) = create.where_clause.as_deref() {
                                binder.expression(condition);
                            }
                            for action in &create.actions {
                                if let Some(action) = &action.node {
                                    binder.statement(action);
                                }
                            }
                        });
                    });
                });
            }
        }
    }

    /// Functions in checks, generated columns, index expressions and partition keys run on each row written. The
    /// columns that they read are the new row's own.
    fn checks(&mut self, relation: &Arc<Relation>, event: Event) {
        if event == Event::Delete || !self.checked.insert(relation.oid) {
            return;
        }
        let catalog = self.catalog;
        let mut texts: Vec<Definition> = catalog.checks(relation.oid).cloned().collect();
        for index in catalog.indexes(relation.oid) {
            texts.extend(index.expressions.iter().cloned());
            texts.extend(index.predicate.iter().cloned());
        }
        texts.extend(catalog.partition_key_expressions(relation.oid).cloned());
        for column in relation.columns.iter().filter(|column| column.generated) {
            texts.extend(catalog.default_of(relation.oid, column.number).cloned());
        }
        for text in texts {
            self.row_expression(relation, &text);
        }
    }

    /// Walks an expression over the new row of a relation.
    fn row_expression(&mut self, relation: &Arc<Relation>, definition: &Definition) {
        let mut names: Vec<Arc<str>> = relation.columns.iter().map(|column| Arc::clone(&column.name)).collect();
        names.push(Arc::clone(&relation.name));
        let what = relation.reference().name.to_string();
        // What its functions read goes into the row, or out through what they do: as if the client had called them.
        self.nested(Origin::Code, |binder| {
            binder.with_variables(names, |binder| binder.definition_expression(definition, None, &what));
        });
    }

    /// Defaults of the columns that an INSERT leaves out, or of all where DEFAULT stands for some.
    pub(crate) fn defaults(&mut self, relation: &Arc<Relation>, given: &BTreeSet<ColumnNumber>, all: bool) {
        for column in &relation.columns {
            if !column.generated && (all || !given.contains(&column.number)) {
                self.default_of(relation, column);
            }
        }
    }

    pub(super) fn default_of(&mut self, relation: &Arc<Relation>, column: &Column) {
        let catalog = self.catalog;
        // The value is converted to the column's type: a domain's checks run on NULL too.
        if let Some(domain) = catalog.type_(column.type_oid).filter(|type_| type_.kind == 'd') {
            let domain = Arc::clone(domain);
            self.converts_to(&domain);
        }
        if let Some(text) = catalog.default_of(relation.oid, column.number) {
            // Defaults of foreign tables and views alike are the server's to apply.
            self.row_expression(relation, text);
            return;
        }
        // A domain brings a default of its own.
        if let Some(domain) = catalog.type_(column.type_oid).filter(|type_| type_.kind == 'd')
            && let Some(text) = &domain.default
        {
            let text = text.clone();
            self.row_expression(relation, &text);
            return;
        }
        if column.has_default {
            self.facts.opaque(
                relation.reference().name.to_string(),
                "column default not in the catalog",
            );
        }
    }

    /// Row policies apply to all but the owner and roles that bypass them; whom they bind isn't asked.
    pub(super) fn row_policies(&mut self, relation: &Arc<Relation>, commands: &[char]) {
        if !relation.row_security {
            return;
        }
        let catalog = self.catalog;
        for policy in catalog.row_policies(relation.oid) {
            if !commands.contains(&policy.command) {
                continue;
            }
            for definition in [&policy.using, &policy.check].into_iter().flatten() {
                let key = (relation.oid, Arc::clone(&definition.text));
                if !self.policies_walked.insert(key) {
                    continue;
                }
                let what = relation.reference().name.to_string();
                self.facts.conservative();
                self.nested(Origin::Fired, |binder| {
                    binder.definition_expression(definition, Some(relation), &what)
                });
            }
        }
    }

    /// What foreign keys do to the rows that refer to those changed.
    fn cascades(&mut self, relation: &Arc<Relation>, event: Event, written: &BTreeSet<ColumnNumber>) {
        let keys: Vec<Arc<ForeignKey>> = self.catalog.foreign_keys_to(relation.oid).cloned().collect();
        for key in keys {
            let action = match event {
                Event::Insert => continue,
                Event::Update if !key.to_columns.iter().any(|number| written.contains(number)) => continue,
                Event::Update => key.on_update,
                Event::Delete => key.on_delete,
            };
            let Some(child) = self.catalog.relation(key.from).cloned() else {
                continue;
            };
            let then = match (action, event) {
                ('c', Event::Delete) => Event::Delete,
                ('c' | 'n' | 'd', _) => Event::Update,
                _ => continue,
            };
            self.nested(Origin::Fired, |binder| binder.cascade(&child, &key, then, action));
        }
    }

    fn cascade(&mut self, child: &Arc<Relation>, key: &ForeignKey, then: Event, action: char) {
        self.facts.class(StatementClass::Write);
        self.facts.rows(RowBound::Unbounded);
        self.facts.relation(child, then.mode(), false);
        self.includes_children(child, then.mode());
        let mut written = BTreeSet::new();
        if then == Event::Update {
            for number in &key.from_columns {
                if let Some(column) = child.column_numbered(*number) {
                    written.insert(*number);
                    self.facts.column_written(child, *number, &column.name);
                    if action == 'd' {
                        self.default_of(child, column);
                    }
                }
            }
        }
        self.fires(child, then, &written, RowBound::Unbounded);
    }

    /// A change of a view's rows changes those of its tables, unless a trigger or rule stands in.
    pub(super) fn writes_through(
        &mut self,
        view: &Arc<Relation>,
        modes: AccessModes,
        written: &BTreeSet<ColumnNumber>,
    ) {
        if view.kind != RelationKind::View || !self.written_through.insert((view.oid, modes)) {
            return;
        }
        if self.stands_in(view, modes) {
            return;
        }
        let columns = self.columns_of(view);
        let mut bases: BTreeSet<Oid> = self.view_bases(view);
        let mut base_columns: BTreeSet<(Oid, ColumnNumber)> = BTreeSet::new();
        for (index, column) in view.columns.iter().enumerate() {
            let Some(value) = columns.get(index) else { continue };
            bases.extend(value.value.lineage.iter().map(|(oid, _)| *oid));
            if written.contains(&column.number) {
                base_columns.extend(&value.value.lineage);
            }
        }
        let event = if modes.intersects(AccessModes::DELETE) {
            Event::Delete
        } else if modes.intersects(AccessModes::INSERT) {
            Event::Insert
        } else {
            Event::Update
        };
        for oid in bases {
            let Some(base) = self.catalog.relation(oid).cloned() else {
                continue;
            };
            if !matches!(
                base.kind,
                RelationKind::Table | RelationKind::PartitionedTable | RelationKind::ForeignTable | RelationKind::View
            ) {
                continue;
            }
            self.nested(Origin::Fired, |binder| {
                binder.facts.relation(&base, modes, false);
                binder.includes_children(&base, modes);
                let mut numbers = BTreeSet::new();
                for (_, number) in base_columns.iter().filter(|(relation, _)| *relation == oid) {
                    if let Some(column) = base.column_numbered(*number) {
                        numbers.insert(*number);
                        binder.facts.column_written(&base, *number, &column.name);
                    }
                }
                binder.writes_through(&base, modes, &numbers);
                binder.fires(&base, event, &numbers, RowBound::Unbounded);
                if event == Event::Insert {
                    binder.defaults(&base, &numbers, false);
                }
            });
        }
    }

    /// Whether an INSTEAD OF trigger or an unconditional INSTEAD rule takes the place of a change of a view's rows.
    fn stands_in(&self, view: &Relation, modes: AccessModes) -> bool {
        const TRIGGER_INSTEAD: u16 = 64;
        let events = [Event::Insert, Event::Update, Event::Delete];
        events
            .into_iter()
            .filter(|event| modes.intersects(event.mode()))
            .all(|event| {
                self.catalog.triggers(view.oid).any(|trigger| {
                    trigger.bits & TRIGGER_INSTEAD != 0
                        && trigger.bits & event.trigger_bit() != 0
                        && self.is_enabled(trigger.enabled)
                }) || self.catalog.rules(view.oid).any(|rule| {
                    let conditional = rule.definition.text.contains(" WHERE ");
                    rule.event == event.rule_digit() && rule.instead && !conditional && self.is_enabled(rule.enabled)
                })
            })
    }

    /// The relations that stand in the FROM of a view's query: those that a change can reach.
    pub(super) fn view_bases(&mut self, view: &Arc<Relation>) -> BTreeSet<Oid> {
        let catalog = self.catalog;
        let mut bases = BTreeSet::new();
        let Some(definition) = catalog.view_definition(view.oid) else {
            return bases;
        };
        let Ok(parsed) = crate::parser::parse(&definition.text) else {
            return bases;
        };
        for statement in &parsed.stmts {
            let Some(NodeEnum::SelectStmt(select)) = statement.stmt.as_ref().and_then(|node| node.node.as_ref()) else {
                continue;
            };
            for item in &select.from_clause {
                if let Some(NodeEnum::RangeVar(range)) = &item.node {
                    let found = self.with_path(definition.path.to_vec(), |binder| binder.find_relation(range));
                    bases.extend(found.map(|relation| relation.oid));
                }
            }
        }
        bases
    }
}
