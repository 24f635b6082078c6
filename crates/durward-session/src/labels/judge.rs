//! From catalog and samples to verdicts, by the rules of `durward-mask`.

use std::collections::HashMap;
use std::sync::Arc;

use durward_mask::detect::Detectors;
use durward_mask::verdict::{
    ColumnProfile, ColumnType, Evidence, Outcome, Source, TypeCategory, VERDICT_VERSION, Verdict, judge_table,
};
use durward_model::{ColumnNumber, Label, Oid};
use durward_sql::CatalogSnapshot;
use durward_sql::catalog::{Column, Relation};

use super::queries::Printing;
use super::sample::{ColumnSample, Comments, RelationSample, WantedColumn, Withheld};
use super::snapshot::{Basis, ColumnLabel, RelationLabels};

/// From how many values on a verdict isn't looked into again.
///
/// Unit: values. Reason: fewer may be a table's first rows, which often are its makers' own.
const VALUES_SEEN_MIN: usize = 20;

/// How many other columns help to judge one.
///
/// Unit: columns. Reason: each column's name is read beside each of those; a table of 1,600 columns has 2.6 million pairs.
const SIBLINGS_MAX: usize = 40;

/// How many types may stand between a column's and the one that says how its values look.
///
/// Unit: types. Reason: domains over domains and their arrays; the server allows more, people don't make them.
const TYPE_STEPS_MAX: usize = 16;

/// What a text type's modifier counts beside characters (`VARHDRSZ` in the server's `varatt.h`).
const TYPE_MODIFIER_HEADER: i32 = 4;

/// Verdicts on the columns that a relation's columns point at.
pub(super) type Targets = HashMap<ColumnNumber, Verdict>;

/// Judges a relation by its names and types. Columns that are as they were keep what was found.
pub(super) fn by_name(
    catalog: &CatalogSnapshot,
    relation: &Relation,
    before: Option<&RelationLabels>,
    comments: &Comments,
    detectors: &Detectors,
) -> RelationLabels {
    let unseen = RelationSample::new();
    let profiles = profiles(catalog, relation, &unseen, comments, &Targets::new());
    let verdicts = judge_table(&profiles, detectors);
    let columns = relation.columns.iter().zip(verdicts).zip(&profiles);
    let columns = columns.map(|((column, found), profile)| {
        let before = before.and_then(|before| before.column(column.number));
        match before {
            Some(before) if before.is_same_as(column) => before.clone(),
            before => renamed(before, of_column(catalog, column, found, profile)),
        }
    });
    RelationLabels {
        schema: Arc::clone(&relation.schema),
        name: Arc::clone(&relation.name),
        kind: relation.kind,
        partition_of: None,
        columns: columns.collect(),
    }
}

/// A label that values have shown stays with a column that has another name or type now.
fn renamed(before: Option<&ColumnLabel>, now: ColumnLabel) -> ColumnLabel {
    match before {
        Some(before) if before.found.label().is_some() && before.values_seen > 0 && now.found.label().is_none() => {
            let mut found = before.found.clone();
            let was = evidence(
                Source::Name,
                format!("it held this as {} {}", before.name, before.type_name),
            );
            found.evidence.push(was);
            ColumnLabel {
                found,
                basis: before.basis,
                values_seen: before.values_seen,
                ..now
            }
        }
        Some(_) | None => now,
    }
}

fn of_column(catalog: &CatalogSnapshot, column: &Column, found: Verdict, profile: &ColumnProfile) -> ColumnLabel {
    ColumnLabel {
        number: column.number,
        name: Arc::clone(&column.name),
        type_oid: column.type_oid,
        type_name: type_name(catalog, column.type_oid, profile.column_type.length_max),
        found,
        basis: Basis::Name,
        values_tell: values_tell(profile.column_type.category),
        values_seen: 0,
        overridden: None,
    }
}

/// Judges a relation by what was seen of its columns.
pub(super) fn by_values(
    catalog: &CatalogSnapshot,
    relation: &Relation,
    labels: &RelationLabels,
    seen: &RelationSample,
    (comments, targets): (&Comments, &Targets),
    detectors: &Detectors,
) -> RelationLabels {
    let profiles = profiles(catalog, relation, seen, comments, targets);
    let verdicts = judge_table(&profiles, detectors);
    let mut judged = labels.clone();
    for ((column, found), profile) in relation.columns.iter().zip(verdicts).zip(&profiles) {
        let place = judged.columns.iter_mut().find(|known| known.number == column.number);
        // A column that changed meanwhile is judged by the survey that follows.
        let Some(known) = place.filter(|known| known.is_same_as(column)) else {
            continue;
        };
        let outlives = known.found.label().is_some() && known.values_seen >= VALUES_SEEN_MIN;
        if !outlives || found.label().is_some() {
            known.found = found;
        }
        let sample = seen.get(&column.name);
        known.values_seen = known.values_seen.max(profile.samples.len());
        known.basis = match sample {
            Some(sample) if sample.of_rows => Basis::Rows,
            Some(sample) if !sample.values.is_empty() => Basis::Statistics,
            Some(_) | None => known.basis,
        };
    }
    judged
}

/// A relation that gave no values: what its names alone say is harmless is undecided, and says why.
pub(super) fn withheld(labels: &RelationLabels, withheld: Withheld) -> RelationLabels {
    let mut labels = labels.clone();
    for column in &mut labels.columns {
        if !column.values_tell || column.values_seen > 0 {
            continue;
        }
        let found = &mut column.found;
        if found.outcome == Outcome::Harmless {
            found.outcome = Outcome::Undecided { suspect: None };
            found.confidence = 0;
        }
        found.evidence.retain(|known| known.source != Source::Values);
        let why = evidence(Source::Values, withheld.reason().to_owned());
        found.evidence.insert(0, why);
    }
    labels
}

fn evidence(source: Source, text: String) -> Evidence {
    Evidence {
        source,
        label: None,
        text,
    }
}

/// Who says what a column holds into which another's values went; behind it stands which.
pub(super) const COPY_OF: &str = "a copy of ";

/// The verdict that follows from what somebody said.
pub(super) fn as_told(label: Option<&Label>, by: &str) -> Verdict {
    Verdict {
        outcome: match label {
            Some(label) => Outcome::Labelled {
                label: label.clone(),
                paths: Vec::new(),
            },
            None => Outcome::Harmless,
        },
        confidence: 100,
        evidence: vec![evidence(
            Source::Comment,
            match by.strip_prefix(COPY_OF) {
                Some(from) => format!("its values come from {from}"),
                None => format!("{by} said so"),
            },
        )],
        version: VERDICT_VERSION,
    }
}

/// Whether no values can change a column's verdict any more.
pub(super) fn is_settled(column: &ColumnLabel) -> bool {
    match column.found.outcome {
        Outcome::Undecided { .. } => false,
        Outcome::Labelled { .. } | Outcome::Harmless => !column.values_tell || column.values_seen >= VALUES_SEEN_MIN,
    }
}

/// What earlier runs found, as far as it was found by the rules that hold now.
pub(super) fn still_valid(relations: Vec<(Oid, RelationLabels)>) -> Vec<(Oid, RelationLabels)> {
    let is_current = |labels: &RelationLabels| {
        labels
            .columns
            .iter()
            .all(|column| column.found.version == VERDICT_VERSION)
    };
    relations.into_iter().filter(|(_, labels)| is_current(labels)).collect()
}

/// What a partition has: what its parent has, by the columns' names.
pub(super) fn partition_page(
    catalog: &CatalogSnapshot,
    partition: &Relation,
    root: Oid,
    labels: &RelationLabels,
) -> RelationLabels {
    let column = |column: &Column| {
        let of_root = labels.columns.iter().find(|known| known.name == column.name)?;
        Some(ColumnLabel {
            number: column.number,
            type_oid: column.type_oid,
            type_name: type_name(catalog, column.type_oid, None),
            ..of_root.clone()
        })
    };
    RelationLabels {
        schema: Arc::clone(&partition.schema),
        name: Arc::clone(&partition.name),
        kind: partition.kind,
        partition_of: Some(root),
        columns: partition.columns.iter().filter_map(column).collect(),
    }
}

/// The columns whose values tell anything.
pub(super) fn wanted_columns(catalog: &CatalogSnapshot, labels: &RelationLabels) -> Vec<WantedColumn> {
    labels
        .columns
        .iter()
        .filter(|column| column.values_tell)
        .map(|column| WantedColumn {
            name: Arc::clone(&column.name),
            printing: printing(catalog, column.type_oid),
        })
        .collect()
}

fn profiles(
    catalog: &CatalogSnapshot,
    relation: &Relation,
    seen: &RelationSample,
    comments: &Comments,
    targets: &Targets,
) -> Vec<ColumnProfile> {
    let keys: Vec<_> = catalog.indexes(relation.oid).filter(|index| index.unique).collect();
    let is_alone = |number: ColumnNumber, columns: &[ColumnNumber]| *columns == [number];
    let profile = |column: &Column| {
        let sample = seen.get(&column.name).cloned().unwrap_or_default();
        let others = relation.columns.iter().filter(|other| other.number != column.number);
        let others = others.take(SIBLINGS_MAX);
        let of_keys = || keys.iter().filter(|key| is_alone(column.number, &key.columns));
        let ColumnSample {
            values,
            null_share,
            distinct_count,
            row_count,
            ..
        } = sample;
        ColumnProfile {
            schema: relation.schema.to_string(),
            table: relation.name.to_string(),
            column: column.name.to_string(),
            column_type: column_type(catalog, column),
            comment: comments.get(&(relation.oid, column.number.0)).cloned(),
            is_primary_key: of_keys().any(|key| key.primary),
            foreign_key: targets.get(&column.number).cloned(),
            is_unique: of_keys().any(|key| key.predicate.is_none()),
            is_nullable: !column.not_null,
            siblings: others.map(|other| other.name.to_string()).collect(),
            samples: values,
            null_fraction: null_share,
            distinct_count,
            row_count,
        }
    };
    relation.columns.iter().map(profile).collect()
}

/// Whether values of such a type say more than its name: those of other types are what they are.
fn values_tell(category: TypeCategory) -> bool {
    match category {
        TypeCategory::Text
        | TypeCategory::Integer
        | TypeCategory::Numeric
        | TypeCategory::Date
        | TypeCategory::Json
        | TypeCategory::Inet
        | TypeCategory::Hstore
        | TypeCategory::Xml
        | TypeCategory::Other => true,
        TypeCategory::Boolean
        | TypeCategory::Timestamp
        | TypeCategory::Uuid
        | TypeCategory::Macaddr
        | TypeCategory::Bytes
        | TypeCategory::Point
        | TypeCategory::Enum => false,
    }
}

/// The type that says how values look: that of a domain's values, of an array's elements.
struct Plain {
    name: Arc<str>,
    kind: char,
    is_built_in: bool,
    is_array: bool,
}

fn plain(catalog: &CatalogSnapshot, oid: Oid) -> Option<Plain> {
    let mut oid = oid;
    let mut is_array = false;
    for _ in 0..TYPE_STEPS_MAX {
        let type_ = catalog.type_(oid)?;
        if type_.kind == 'd' {
            oid = type_.base;
        } else if type_.category == 'A' && type_.element != Oid(0) {
            is_array = true;
            oid = type_.element;
        } else {
            return Some(Plain {
                name: Arc::clone(&type_.name),
                kind: type_.kind,
                is_built_in: oid.is_built_in(),
                is_array,
            });
        }
    }
    None
}

fn column_type(catalog: &CatalogSnapshot, column: &Column) -> ColumnType {
    let Some(plain) = plain(catalog, column.type_oid) else {
        return ColumnType::of(TypeCategory::Other);
    };
    let category = match plain.kind {
        'e' => TypeCategory::Enum,
        'b' => ColumnType::of_postgres(&plain.name).category,
        // Rows, ranges and what else there may be.
        _ => TypeCategory::Other,
    };
    ColumnType {
        category,
        length_max: length_max(&plain, column.type_modifier),
        is_array: plain.is_array,
    }
}

/// The most characters that fit.
fn length_max(plain: &Plain, type_modifier: i32) -> Option<u32> {
    let is_limited = plain.is_built_in && matches!(&*plain.name, "varchar" | "bpchar");
    let length = type_modifier.checked_sub(TYPE_MODIFIER_HEADER)?;
    u32::try_from(length).ok().filter(|length| is_limited && *length > 0)
}

fn printing(catalog: &CatalogSnapshot, oid: Oid) -> Printing {
    match plain(catalog, oid) {
        Some(plain) if plain.is_built_in && !plain.is_array => match &*plain.name {
            "text" | "varchar" | "bpchar" | "name" => Printing::Text,
            "json" | "jsonb" => Printing::Document,
            _ => Printing::Any,
        },
        Some(_) | None => Printing::Any,
    }
}

/// A type as people write it.
fn type_name(catalog: &CatalogSnapshot, oid: Oid, length_max: Option<u32>) -> Arc<str> {
    let Some(type_) = catalog.type_(oid) else {
        return "row".into();
    };
    let written = |name: &str| match name {
        "int2" => "smallint".to_owned(),
        "int4" => "integer".to_owned(),
        "int8" => "bigint".to_owned(),
        "bool" => "boolean".to_owned(),
        "bpchar" => "char".to_owned(),
        name => name.to_owned(),
    };
    let name = if type_.category == 'A'
        && let Some(element) = catalog.type_(type_.element)
    {
        format!("{}[]", written(&element.name))
    } else {
        written(&type_.name)
    };
    match length_max {
        Some(length) => format!("{name}({length})").into(),
        None => name.into(),
    }
}
