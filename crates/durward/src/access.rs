//! Wishes for access for a time: what is named is looked up in the catalog now, and bound by oid.

use std::collections::BTreeSet;
use std::sync::Arc;

use anyhow::{Context as _, bail, ensure};
use durward_change::limits::{ACCESS_RELATIONS_MAX, ACCESS_SECONDS_MAX};
use durward_change::{Access, Asked, MeasuredRows, Place, Request, Touched};
use durward_console::AccessWish;
use durward_model::{ApprovalTerms, Label, ObjectPattern, Oid, Principal, RelationKind};
use durward_session::{ACCESS_CLASSES, ALL_LABELS, Database, Gateway};
use durward_sql::catalog::CatalogSnapshot;

/// Lays a wish of `principal` on the desk; `by` is who says it for them, where somebody does.
///
/// # Errors
/// When nothing of that name is there, it asks for too much, gives no reason, or the desk can't keep it.
pub(crate) async fn request(
    gateway: &Gateway,
    database: &Database,
    (principal, by): (&Principal, Option<&str>),
    wish: &AccessWish,
    now: i64,
) -> anyhow::Result<Request> {
    let reason = wish.reason.as_deref().map(str::trim).unwrap_or_default();
    ensure!(!reason.is_empty(), "say what the access is for");
    ensure!(
        (1..=ACCESS_SECONDS_MAX).contains(&wish.seconds),
        "access lasts from a second to {} days",
        ACCESS_SECONDS_MAX / 86_400
    );
    let catalog = database.catalog.refresh().await.context("can't read the catalog")?;
    let (relations, schemas) = places(&wish.on, &catalog)?;
    let classes = classes(&wish.classes)?;
    let labels = labels(wish, &classes, database)?;
    let access = Access {
        relations,
        schemas,
        labels,
        classes,
        seconds: wish.seconds,
    };
    let asked = asked(access, principal, database, (reason, by));
    let desk = Arc::clone(&gateway.approvals);
    Ok(tokio::task::spawn_blocking(move || desk.submit(&asked, now)).await??)
}

/// The relations that patterns name, with what inherits from them, and the schemas that are named whole.
fn places(patterns: &[String], catalog: &CatalogSnapshot) -> anyhow::Result<(Option<Vec<Place>>, Vec<String>)> {
    if patterns.is_empty() {
        return Ok((None, Vec::new()));
    }
    let mut found = BTreeSet::new();
    let mut schemas = BTreeSet::new();
    for text in patterns {
        let pattern: ObjectPattern = text.parse()?;
        let matched = catalog.relations().filter(|relation| {
            !relation.temporary && holds_rows(relation.kind) && pattern.matches(&relation.reference().name)
        });
        let before = found.len();
        for relation in matched {
            add(relation.oid, catalog, &mut found);
        }
        let schema = whole_schema(text, catalog);
        if found.len() == before && schema.is_none() {
            bail!("{text} names no table here; of a view, name the tables that it reads");
        }
        schemas.extend(schema);
    }
    ensure!(
        found.len() <= ACCESS_RELATIONS_MAX,
        "that names more than {ACCESS_RELATIONS_MAX} tables: name fewer, or none for the whole database"
    );
    let mut places: Vec<Place> = found
        .iter()
        .filter_map(|oid| catalog.relation(*oid))
        .map(|relation| Place {
            oid: relation.oid.0,
            schema: relation.schema.to_string(),
            name: relation.name.to_string(),
        })
        .collect();
    places.sort_by(|one, other| (&one.schema, &one.name).cmp(&(&other.schema, &other.name)));
    Ok((Some(places), schemas.into_iter().collect()))
}

fn add(oid: Oid, catalog: &CatalogSnapshot, found: &mut BTreeSet<Oid>) {
    if found.insert(oid) {
        for child in catalog.children(oid).collect::<Vec<_>>() {
            add(child, catalog, found);
        }
    }
}

const fn holds_rows(kind: RelationKind) -> bool {
    match kind {
        RelationKind::Table
        | RelationKind::PartitionedTable
        | RelationKind::MaterializedView
        | RelationKind::ForeignTable => true,
        RelationKind::View
        | RelationKind::Sequence
        | RelationKind::Index
        | RelationKind::CompositeType
        | RelationKind::Toast => false,
    }
}

/// The schema that a pattern names without a star or a relation.
fn whole_schema(text: &str, catalog: &CatalogSnapshot) -> Option<String> {
    let text = text.trim();
    let name = match text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(quoted) => quoted.replace("\"\"", "\""),
        None => text.to_lowercase(),
    };
    let is_system = name.starts_with("pg_") || name == "information_schema";
    (!is_system && catalog.has_schema(&name)).then_some(name)
}

fn classes(words: &[String]) -> anyhow::Result<Vec<String>> {
    if words.is_empty() {
        return Ok(vec!["read".to_owned()]);
    }
    let known = ACCESS_CLASSES.map(durward_model::StatementClass::as_str);
    let mut classes = BTreeSet::new();
    for word in words {
        ensure!(
            known.contains(&word.as_str()),
            "access is to {}, not to {word}",
            known.join(", ")
        );
        classes.insert(word.clone());
    }
    Ok(classes.into_iter().collect())
}

/// The labels that are asked for. To read what somebody names, and nothing else said, is to read it in clear.
fn labels(wish: &AccessWish, classes: &[String], database: &Database) -> anyhow::Result<Vec<String>> {
    if wish.labels.is_empty() {
        let reads_only = classes.iter().all(|class| class == "read");
        return Ok(if reads_only {
            vec![ALL_LABELS.to_owned()]
        } else {
            Vec::new()
        });
    }
    let mut labels = BTreeSet::new();
    for word in &wish.labels {
        let known =
            word == ALL_LABELS || !matches!(Label::of_word(word), Label::Custom(_)) || is_in_use(word, database);
        ensure!(known, "no column has the label {word}");
        labels.insert(word.clone());
    }
    Ok(labels.into_iter().collect())
}

fn is_in_use(word: &str, database: &Database) -> bool {
    let snapshot = database.labels.current();
    let mut columns = snapshot.relations().flat_map(|(_, labels)| labels.columns.iter());
    columns.any(|column| column.verdict().label().is_some_and(|label| label.word() == word))
}

fn asked(access: Access, principal: &Principal, database: &Database, (reason, by): (&str, Option<&str>)) -> Asked {
    let places = access.relations.iter().flatten();
    let reads = places.map(|place| format!("{}.{}", place.schema, place.name)).collect();
    Asked {
        digest: access.digest(principal, database.name.as_str()),
        principal: principal.clone(),
        database: database.name.to_string(),
        text: access.sentence(),
        prepared: Vec::new(),
        parameters: Vec::new(),
        search_path: Vec::new(),
        role: String::new(),
        touched: Touched {
            class: "access".into(),
            command: "access".into(),
            reads,
            labels: access.labels.clone(),
            ..Touched::default()
        },
        rows: MeasuredRows::NotMeasured("it is access for a time, and no statement".into()),
        effect: None,
        ddl: Vec::new(),
        undo: None,
        rules: Vec::new(),
        why: "access beyond what policy gives is decided by people".into(),
        approver: "somebody else".into(),
        terms: ApprovalTerms::default(),
        reason: Some(reason.to_owned()),
        shape: None,
        session: String::new(),
        client: match by {
            Some(by) => format!("durward access request by {by}"),
            None => "access by HTTP".to_owned(),
        },
        steps: Vec::new(),
        settings: String::new(),
        access: Some(access),
        submitted_by: by.map(str::to_owned),
        advice: None,
    }
}
