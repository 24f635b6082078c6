use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use durward_model::{
    AccessModes, Certainty, ColumnCopy, ColumnLookUps, ColumnMatch, ColumnNumber, ColumnUse, FunctionEffect,
    FunctionRef, FunctionUse, Hazard, HazardKind, ObjectKind, ObjectUse, Oid, OpaqueReason, OutputColumn,
    QualifiedName, Reading, RelationKind, RelationRef, RelationUse, RowBound, StatementClass, StatementFacts,
};

use crate::SessionEffect;
use crate::catalog::{Function, Relation};

/// An object by its kind, the schema that it is in, and its name.
type ObjectKey = (ObjectKind, Option<Arc<str>>, Arc<str>);

/// Gathers the facts of one command.
#[derive(Debug)]
pub(crate) struct FactsBuilder {
    class: Option<StatementClass>,
    command: Arc<str>,
    relations: BTreeMap<(Oid, QualifiedName), RelationDraft>,
    functions: BTreeMap<FunctionRef, FunctionEffect>,
    objects: BTreeMap<ObjectKey, AccessModes>,
    hazards: BTreeSet<Hazard>,
    opaque: BTreeSet<OpaqueReason>,
    conservative: bool,
    rows_written: RowBound,
    literals_matter: bool,
    effects: Vec<SessionEffect>,
    unresolved: BTreeSet<Arc<str>>,
    rests_on_path: bool,
    moves_names: bool,
    calls_sets: bool,
    counts_calls: bool,
    moves_path: bool,
    pub(crate) output: Vec<OutputColumn>,
    matches: BTreeSet<ColumnMatch>,
    look_ups: BTreeMap<(Oid, ColumnNumber), u32>,
    copies: BTreeSet<ColumnCopy>,
}

#[derive(Debug)]
struct RelationDraft {
    kind: RelationKind,
    modes: AccessModes,
    columns: BTreeMap<ColumnNumber, ColumnUse>,
    direct: bool,
}

impl FactsBuilder {
    pub(crate) fn new(command: impl Into<Arc<str>>) -> Self {
        Self {
            class: None,
            command: command.into(),
            relations: BTreeMap::new(),
            functions: BTreeMap::new(),
            objects: BTreeMap::new(),
            hazards: BTreeSet::new(),
            opaque: BTreeSet::new(),
            conservative: false,
            rows_written: RowBound::AtMost(0),
            literals_matter: false,
            effects: Vec::new(),
            unresolved: BTreeSet::new(),
            rests_on_path: false,
            moves_names: false,
            calls_sets: false,
            counts_calls: false,
            moves_path: false,
            output: Vec::new(),
            matches: BTreeSet::new(),
            look_ups: BTreeMap::new(),
            copies: BTreeSet::new(),
        }
    }

    /// Raises the class to at least `class`.
    pub(crate) fn class(&mut self, class: StatementClass) {
        self.class = self.class.max(Some(class));
    }

    /// Names the command, as its tag begins.
    pub(crate) fn command(&mut self, command: impl Into<Arc<str>>) {
        self.command = command.into();
    }

    /// Whether the command has its name: a nested statement doesn't change it.
    pub(crate) fn is_named(&self) -> bool {
        !self.command.is_empty()
    }

    /// Whether the command is the one of that tag.
    pub(crate) fn is_command(&self, tag: &str) -> bool {
        &*self.command == tag
    }

    /// Notes a use of a relation; uses of one relation add up.
    pub(crate) fn relation(&mut self, relation: &Relation, modes: AccessModes, direct: bool) {
        let draft = self.draft(relation);
        draft.modes |= modes;
        draft.direct |= direct;
    }

    /// Notes a relation that isn't (yet) in the catalog: made by this command, or unknown.
    pub(crate) fn relation_named(&mut self, name: QualifiedName, kind: RelationKind, modes: AccessModes, direct: bool) {
        let draft = self
            .relations
            .entry((Oid(0), name))
            .or_insert_with(|| RelationDraft::new(kind));
        draft.modes |= modes;
        draft.direct |= direct;
    }

    /// The relations of the catalog whose rows are changed.
    pub(crate) fn relations_changed(&self) -> Vec<Oid> {
        let changed = self.relations.iter().filter(|(_, draft)| draft.modes.changes());
        changed.map(|((oid, _), _)| *oid).filter(|oid| *oid != Oid(0)).collect()
    }

    /// Notes that a column's value is read.
    pub(crate) fn column_read(&mut self, relation: &Relation, number: ColumnNumber, name: &Arc<str>, reading: Reading) {
        let column = self.draft(relation).column(number, name);
        column.read = true;
        column.reading = column.reading.union(reading);
    }

    /// Notes that a column's value is written.
    pub(crate) fn column_written(&mut self, relation: &Relation, number: ColumnNumber, name: &Arc<str>) {
        self.draft(relation).column(number, name).written = true;
    }

    /// Notes that two stored columns are compared for equality.
    pub(crate) fn columns_match(&mut self, columns: ColumnMatch) {
        self.matches.insert(columns);
    }

    /// Notes that a stored column is compared with a constant or a parameter once more.
    pub(crate) fn column_looked_up(&mut self, column: (Oid, ColumnNumber)) {
        let comparisons = self.look_ups.entry(column).or_default();
        *comparisons = comparisons.saturating_add(1);
    }

    /// Notes that a stored column's values go into another.
    pub(crate) fn column_copied(&mut self, copy: ColumnCopy) {
        self.copies.insert(copy);
    }

    fn draft(&mut self, relation: &Relation) -> &mut RelationDraft {
        let key = (
            relation.oid,
            QualifiedName::new(Arc::clone(&relation.schema), Arc::clone(&relation.name)),
        );
        self.relations
            .entry(key)
            .or_insert_with(|| RelationDraft::new(relation.kind))
    }

    /// Notes a call; the worst effect of several calls stays.
    pub(crate) fn function(&mut self, function: &Function, effect: FunctionEffect) {
        self.function_named(function.reference(), effect);
    }

    /// Notes a call of a function that isn't one catalog entry.
    pub(crate) fn function_named(&mut self, function: FunctionRef, effect: FunctionEffect) {
        let entry = self.functions.entry(function).or_insert(effect);
        *entry = (*entry).max(effect);
    }

    /// Notes an object that is made, changed or dropped.
    pub(crate) fn object(
        &mut self,
        kind: ObjectKind,
        schema: Option<Arc<str>>,
        name: impl Into<Arc<str>>,
        modes: AccessModes,
    ) {
        *self.objects.entry((kind, schema, name.into())).or_default() |= modes;
    }

    /// Notes a hazard.
    pub(crate) fn hazard(&mut self, kind: HazardKind, object: impl Into<Arc<str>>) {
        self.hazards.insert(Hazard::new(kind, object));
    }

    /// Notes that something may be missing.
    pub(crate) fn opaque(&mut self, object: impl Into<Arc<str>>, reason: impl Into<Arc<str>>) {
        self.opaque.insert(OpaqueReason {
            object: object.into(),
            reason: reason.into(),
        });
    }

    /// Notes that more may have been found than the server will use.
    pub(crate) fn conservative(&mut self) {
        self.conservative = true;
    }

    /// Adds rows that may be written.
    pub(crate) fn rows(&mut self, bound: RowBound) {
        self.rows_written = match (self.rows_written, bound) {
            (RowBound::AtMost(before), RowBound::AtMost(more)) => {
                before.checked_add(more).map_or(RowBound::Unbounded, RowBound::AtMost)
            }
            (RowBound::Unbounded, _) | (_, RowBound::Unbounded) => RowBound::Unbounded,
        };
    }

    /// Multiplies by an unknown number whatever `within` adds: for bodies that may run any number of times.
    pub(crate) fn rows_so_far(&self) -> RowBound {
        self.rows_written
    }

    /// Notes that a fact rests on the value of a constant in the text, so that a text with another constant must be
    /// analysed anew.
    pub(crate) fn literals_matter(&mut self) {
        self.literals_matter = true;
    }

    /// Whether a fact rests on a constant's value.
    pub(crate) fn do_literals_matter(&self) -> bool {
        self.literals_matter
    }

    /// Notes what the session must track.
    pub(crate) fn effect(&mut self, effect: SessionEffect) {
        if !self.effects.contains(&effect) {
            self.effects.push(effect);
        }
    }

    /// Notes a call that may give any number of rows: calls beside it are repeated for each.
    pub(crate) fn calls_set(&mut self) {
        self.calls_sets = true;
    }

    /// Notes that rows written by a function were counted as those of one call.
    pub(crate) fn counts_calls(&mut self) {
        self.counts_calls = true;
    }

    /// Notes that names are looked up while the command runs, and not all before: in bodies of functions.
    pub(crate) fn rests_on_path(&mut self) {
        self.rests_on_path = true;
    }

    /// Notes that the command changes what names mean: the search path, the role, an object's name.
    pub(crate) fn moves_names(&mut self) {
        self.moves_names = true;
    }

    /// Notes that the command changes a setting by which names are looked up.
    pub(crate) fn moves_path(&mut self) {
        self.moves_names = true;
        self.moves_path = true;
    }

    /// The hazards so far.
    pub(crate) fn hazards(&self) -> impl Iterator<Item = HazardKind> {
        self.hazards.iter().map(|hazard| hazard.kind)
    }

    /// Notes a name that the catalog doesn't hold.
    pub(crate) fn unresolved(&mut self, name: impl Into<Arc<str>>) {
        self.unresolved.insert(name.into());
    }

    /// Adds all that another command's facts hold.
    pub(crate) fn absorb(&mut self, other: &Self) {
        self.class = self.class.max(other.class);
        self.absorb_relations(other, |modes| modes, |column| (column.read, column.written));
        self.hazards.extend(other.hazards.iter().cloned());
        for effect in &other.effects {
            self.effect(effect.clone());
        }
        self.rows(other.rows_written);
        self.absorb_rest(other);
        self.objects
            .extend(other.objects.iter().map(|(key, modes)| (key.clone(), *modes)));
    }

    /// Adds what planning another command reads: its relations as read; what it would change or risk is left out, but
    /// not what its own hazards of reading are.
    pub(crate) fn absorb_as_read(&mut self, other: &Self) {
        self.absorb_relations(other, |_| AccessModes::READ, |_| (true, false));
        self.hazards.extend(
            other
                .hazards
                .iter()
                .filter(|hazard| hazard.kind == HazardKind::CredentialRead)
                .cloned(),
        );
        self.absorb_rest(other);
    }

    fn absorb_relations(
        &mut self,
        other: &Self,
        modes: impl Fn(AccessModes) -> AccessModes,
        uses: impl Fn(&ColumnUse) -> (bool, bool),
    ) {
        for (key, draft) in &other.relations {
            let mine = self
                .relations
                .entry(key.clone())
                .or_insert_with(|| RelationDraft::new(draft.kind));
            mine.modes |= modes(draft.modes);
            mine.direct |= draft.direct;
            for (number, column) in &draft.columns {
                let (read, written) = uses(column);
                let mine = mine.column(*number, &column.name);
                mine.read |= read;
                mine.written |= written;
                mine.reading = mine.reading.union(column.reading);
            }
        }
    }

    fn absorb_rest(&mut self, other: &Self) {
        for (function, effect) in &other.functions {
            self.function_named(function.clone(), *effect);
        }
        self.matches.extend(&other.matches);
        for (column, more) in &other.look_ups {
            let comparisons = self.look_ups.entry(*column).or_default();
            *comparisons = comparisons.saturating_add(*more);
        }
        self.copies.extend(other.copies.iter().cloned());
        self.opaque.extend(other.opaque.iter().cloned());
        self.conservative |= other.conservative;
        self.literals_matter |= other.literals_matter;
        self.unresolved.extend(other.unresolved.iter().cloned());
        self.rests_on_path |= other.rests_on_path;
        self.moves_names |= other.moves_names;
        self.calls_sets |= other.calls_sets;
        self.counts_calls |= other.counts_calls;
        self.moves_path |= other.moves_path;
    }

    /// Whether a function is called whose body was read.
    pub(crate) fn calls_analyzed_functions(&self) -> bool {
        self.functions.iter().any(|(function, effect)| {
            !function.oid.is_built_in() && matches!(effect, FunctionEffect::Analyzed | FunctionEffect::Opaque)
        })
    }

    /// The facts, with what the session must track and the names that weren't found.
    pub(crate) fn finish(mut self) -> (StatementFacts, Vec<SessionEffect>, Vec<Arc<str>>) {
        if self.calls_sets && self.counts_calls {
            self.rows(RowBound::Unbounded);
        }
        if self.rests_on_path && self.moves_names {
            let command = Arc::clone(&self.command);
            // Under another path anything may run: as unseen as a text made at run time.
            if self.moves_path {
                self.hazards
                    .insert(Hazard::new(HazardKind::DynamicSql, Arc::clone(&command)));
            }
            self.opaque(command, "it changes what names mean while it runs");
        }
        let certainty = if !self.opaque.is_empty() {
            Certainty::Opaque
        } else if self.conservative {
            Certainty::Conservative
        } else {
            Certainty::Exact
        };
        let mut relations: Vec<RelationUse> = self
            .relations
            .into_iter()
            .map(|((oid, name), draft)| RelationUse {
                relation: RelationRef {
                    oid,
                    name,
                    kind: draft.kind,
                },
                modes: draft.modes,
                columns: draft.columns.into_values().collect(),
                direct: draft.direct,
            })
            .collect();
        relations.sort_by(|a, b| (&a.relation.name, a.relation.oid).cmp(&(&b.relation.name, b.relation.oid)));
        let functions = merged_overloads(self.functions);
        let mut hazards = self.hazards;
        hazards.extend(crate::functions::relation::hazards(&relations));
        let facts = StatementFacts {
            class: self.class.unwrap_or(StatementClass::Unknown),
            command: self.command,
            relations,
            functions,
            objects: self
                .objects
                .into_iter()
                .map(|((kind, schema, name), modes)| ObjectUse {
                    kind,
                    schema,
                    name,
                    modes,
                })
                .collect(),
            matches: self.matches.into_iter().collect(),
            look_ups: self
                .look_ups
                .into_iter()
                .map(|((relation, number), comparisons)| ColumnLookUps {
                    relation,
                    number,
                    comparisons,
                })
                .collect(),
            copies: self.copies.into_iter().collect(),
            output: self.output,
            hazards: hazards.into_iter().collect(),
            rows_written: self.rows_written,
            certainty,
            opaque: self.opaque.into_iter().collect(),
        };
        (facts, self.effects, self.unresolved.into_iter().collect())
    }
}

/// Functions by name; overloads between which the call's types don't decide are one, with the worst effect.
fn merged_overloads(functions: BTreeMap<FunctionRef, FunctionEffect>) -> Vec<FunctionUse> {
    let mut merged: BTreeMap<QualifiedName, (Oid, FunctionEffect)> = BTreeMap::new();
    for (function, effect) in functions {
        merged
            .entry(function.name)
            .and_modify(|(oid, worst)| {
                *oid = if *oid == function.oid { *oid } else { Oid(0) };
                *worst = (*worst).max(effect);
            })
            .or_insert((function.oid, effect));
    }
    merged
        .into_iter()
        .map(|(name, (oid, effect))| FunctionUse {
            function: FunctionRef { oid, name },
            effect,
        })
        .collect()
}

impl RelationDraft {
    fn new(kind: RelationKind) -> Self {
        Self {
            kind,
            modes: AccessModes::NONE,
            columns: BTreeMap::new(),
            direct: false,
        }
    }

    fn column(&mut self, number: ColumnNumber, name: &Arc<str>) -> &mut ColumnUse {
        self.columns.entry(number).or_insert_with(|| ColumnUse {
            number,
            name: Arc::clone(name),
            read: false,
            written: false,
            reading: Reading::default(),
        })
    }
}
