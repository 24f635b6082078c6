use std::collections::HashMap;
use std::sync::Arc;

use durward_mask::verdict::{Outcome, VERDICT_VERSION, Verdict};
use durward_model::{ColumnNumber, DatabaseName, Label, Oid, RelationKind};

use super::pages::Pages;
use super::snapshot::{Basis, ColumnLabel, RelationLabels};
use super::store::{DatabaseIdentity, LabelFiles};
use super::{ColumnPath, KeptLabels, LabelChoice, LabelSnapshot, LabelsError};

const IDENTITY: DatabaseIdentity = DatabaseIdentity {
    system: 7_400_000_000_000_000_001,
    database: Oid(16_384),
};
const PEOPLE: Oid = Oid(16_400);

fn verdict(outcome: Outcome) -> Verdict {
    Verdict {
        outcome,
        confidence: 80,
        evidence: Vec::new(),
        version: VERDICT_VERSION,
    }
}

fn labelled(label: Label) -> Verdict {
    verdict(Outcome::Labelled {
        label,
        paths: Vec::new(),
    })
}

fn column(number: i16, name: &str, found: Verdict) -> ColumnLabel {
    ColumnLabel {
        number: ColumnNumber(number),
        name: name.into(),
        type_oid: Oid(25),
        type_name: "text".into(),
        found,
        basis: Basis::Rows,
        values_tell: true,
        values_seen: 200,
        overridden: None,
    }
}

fn people() -> RelationLabels {
    RelationLabels {
        schema: "public".into(),
        name: "people".into(),
        kind: RelationKind::Table,
        partition_of: None,
        columns: vec![
            column(1, "email", labelled(Label::Email)),
            column(3, "shade", verdict(Outcome::Harmless)),
            column(4, "remark", verdict(Outcome::Undecided { suspect: None })),
            column(
                5,
                "contact",
                verdict(Outcome::Undecided {
                    suspect: Some(Label::Phone),
                }),
            ),
        ],
    }
}

/// A folder in which a gateway has kept a database's book.
fn kept() -> (tempfile::TempDir, KeptLabels) {
    let folder = tempfile::tempdir().expect("a folder");
    let files = LabelFiles::new(folder.path(), &DatabaseName::from("shop"));
    files.write_found(IDENTITY, vec![(PEOPLE, people())]).expect("a file");
    let kept = open(&folder);
    (folder, kept)
}

fn open(folder: &tempfile::TempDir) -> KeptLabels {
    let mut all = KeptLabels::all(folder.path()).expect("files that can be read");
    assert_eq!(all.len(), 1);
    all.remove(0)
}

fn path(text: &str) -> ColumnPath {
    text.parse().expect("a path")
}

/// Each column with its label, or what else is known of it.
fn shown(kept: &KeptLabels) -> String {
    let (_, labels) = kept.relations().next().expect("a relation");
    let word = |verdict: &Verdict| match &verdict.outcome {
        Outcome::Labelled { label, .. } => label.to_string(),
        Outcome::Harmless => "harmless".to_owned(),
        Outcome::Undecided { .. } => "undecided".to_owned(),
    };
    let columns: Vec<String> = labels
        .columns
        .iter()
        .map(|column| format!("{} {}", column.name, word(column.verdict())))
        .collect();
    columns.join(", ")
}

#[test]
fn what_nobody_has_judged_is_unsafe() {
    let snapshot = LabelSnapshot::new(1, HashMap::from([(PEOPLE, Arc::new(people()))]));
    let check = |relation, number, is_unsafe, is_decided| {
        let number = ColumnNumber(number);
        assert_eq!(snapshot.is_unsafe(relation, number), is_unsafe, "{number:?}");
        assert_eq!(snapshot.is_decided(relation, number), is_decided, "{number:?}");
    };
    check(PEOPLE, 1, true, true);
    check(PEOPLE, 3, false, true);
    check(PEOPLE, 4, false, false);
    check(PEOPLE, 5, true, false);
    // The dropped second column, one that is new, and a table that is.
    check(PEOPLE, 2, true, false);
    check(PEOPLE, 6, true, false);
    check(Oid(99_999), 1, true, false);
}

#[test]
fn what_was_kept_is_read_again() {
    let (folder, mut kept) = kept();
    assert_eq!(
        shown(&kept),
        "email email, shade harmless, remark undecided, contact undecided"
    );
    kept.tell(&path("public.people.email"), &LabelChoice::Harmless, "unix:ada")
        .expect("it is told");
    kept.tell(&path("people.shade"), &LabelChoice::of_word("health"), "unix:ada")
        .expect("it is told");
    let told = "email harmless, shade health, remark undecided, contact undecided";
    assert_eq!(shown(&kept), told);
    let mut kept = open(&folder);
    assert_eq!(shown(&kept), told);
    kept.tell(&path("people.email"), &LabelChoice::AsFound, "unix:ada")
        .expect("it is told");
    assert_eq!(
        shown(&open(&folder)),
        "email email, shade health, remark undecided, contact undecided"
    );
}

#[test]
fn what_makes_no_sense_is_refused_and_changes_nothing() {
    let (folder, mut kept) = kept();
    let mut check = |column: &str, word: &str, expected: &str| {
        let told = column
            .parse()
            .and_then(|path| kept.tell(&path, &LabelChoice::of_word(word), "unix:ada"));
        let error = told.expect_err("it is refused").to_string();
        assert!(error.starts_with(expected), "{error}");
    };
    check(
        "public.people.emial",
        "none",
        "there is no column emial in public.people",
    );
    check("private.people.email", "none", "there is no table private.people");
    check("email", "none", "\"email\" names no column");
    check(
        "people.email",
        "emial",
        "there is no label \"emial\"; there are email, phone",
    );
    assert!(!folder.path().join("labels/shop.told.json").exists());
}

#[test]
fn files_that_others_can_change_are_not_believed() {
    use std::os::unix::fs::PermissionsExt as _;
    let (folder, mut kept) = kept();
    kept.tell(&path("people.email"), &LabelChoice::Harmless, "unix:ada")
        .expect("it is told");
    for name in ["shop.found.json", "shop.told.json"] {
        let mode = std::fs::metadata(folder.path().join("labels").join(name))
            .expect("it is there")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    let told = folder.path().join("labels/shop.told.json");
    std::fs::set_permissions(&told, std::fs::Permissions::from_mode(0o644)).expect("a mode");
    assert!(matches!(
        KeptLabels::all(folder.path()),
        Err(LabelsError::Unusable { .. })
    ));
    std::fs::set_permissions(&told, std::fs::Permissions::from_mode(0o600)).expect("a mode");
    std::fs::write(&told, "{").expect("a file");
    assert!(matches!(
        KeptLabels::all(folder.path()),
        Err(LabelsError::Unusable { .. })
    ));
    // What was found can be found again.
    std::fs::write(folder.path().join("labels/shop.found.json"), "{").expect("a file");
    std::fs::remove_file(&told).expect("it is there");
    assert!(KeptLabels::all(folder.path()).expect("no error").is_empty());
}

#[test]
fn another_servers_database_is_not_believed() {
    let (folder, mut kept) = kept();
    kept.tell(&path("people.email"), &LabelChoice::Harmless, "unix:ada")
        .expect("it is told");
    let files = LabelFiles::new(folder.path(), &DatabaseName::from("shop"));
    let other = DatabaseIdentity { system: 1, ..IDENTITY };
    let pages = Pages::new(
        other,
        vec![(PEOPLE, people())],
        files.read_told().expect("it can be read"),
    );
    let labels = pages.relation(PEOPLE).expect("it is there");
    assert!(labels.columns.iter().all(|column| column.overridden.is_none()));
    assert_eq!(pages.told().len(), 1, "it is not forgotten either");
}
