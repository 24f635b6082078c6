use std::collections::HashMap;

use super::{
    ChangeId, ChangeState, ColumnImage, Coverage, Images, NewChange, RowImages, TableImages, UndoKey, UndoVault,
    restore,
};

fn column(number: i16, name: &str, type_name: &str) -> ColumnImage {
    ColumnImage {
        number,
        name: name.to_owned(),
        type_name: format!("\"pg_catalog\".\"{type_name}\""),
        generated: false,
        as_text: format!("t.\"{name}\"::pg_catalog.text"),
    }
}

fn row(values: &[&str]) -> Option<Vec<Option<String>>> {
    Some(values.iter().map(|value| Some((*value).to_owned())).collect())
}

fn images(rows: Vec<RowImages>) -> Images {
    Images {
        settings: vec![("DateStyle".to_owned(), "ISO, MDY".to_owned())],
        tables: vec![TableImages {
            oid: 7,
            schema: "public".to_owned(),
            name: "or\"ders".to_owned(),
            columns: vec![column(1, "id", "int4"), column(2, "note", "text")],
            key: vec![0],
            written: Vec::new(),
            rows,
        }],
        definitions: Vec::new(),
        kept: Vec::new(),
    }
}

fn change() -> NewChange {
    let asked = crate::request::example();
    NewChange {
        principal: asked.principal,
        database: asked.database,
        session: asked.session,
        statement: "s1.1".to_owned(),
        command: "UPDATE".to_owned(),
        tables: vec!["public.orders".to_owned()],
        rows: 1,
        coverage: Coverage::Full,
        request: None,
        undoes: Vec::new(),
        kept: Vec::new(),
    }
}

fn vault(folder: &std::path::Path, key: u8) -> UndoVault {
    UndoVault::open(folder, UndoKey::new(&[key; 32]).unwrap(), 7).unwrap()
}

#[test]
fn changes_survive_and_tell_what_became_of_them() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("undo");
    let secret = images(vec![RowImages {
        before: row(&["1", "ada@example.com"]),
        after: row(&["1", "x"]),
    }]);
    let first = vault(&path, 1);
    let (one, ids) = first
        .keep(&[(change(), Some(secret.clone())), (change(), None)], 1_000)
        .unwrap();
    assert_eq!(ids, [ChangeId(1), ChangeId(2)]);
    let (two, _) = first.keep(&[(change(), None)], 1_001).unwrap();
    first.keep(&[(change(), None)], 90_000).unwrap();
    first.end(one, true, 1_002).unwrap();
    first.end(two, false, 90_001).unwrap();
    first.undone(&[ChangeId(2)], 90_002).unwrap();
    let states = |vault: &UndoVault| vault.list().into_iter().map(|change| change.state).collect::<Vec<_>>();
    let expected = [
        ChangeState::Committed,
        ChangeState::Undone,
        ChangeState::RolledBack,
        ChangeState::Unknown,
    ];
    assert_eq!(states(&first), expected);
    drop(first);
    let again = vault(&path, 1);
    assert_eq!(states(&again), expected);
    assert_eq!(again.images(ChangeId(1)).unwrap(), Some(secret));
    assert_eq!(again.images(ChangeId(2)).unwrap(), None);
    for file in std::fs::read_dir(&path).unwrap() {
        let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
        assert!(!text.contains("ada@"), "before-images are sealed");
    }
    let (_, ids) = again.keep(&[(change(), None)], 90_003).unwrap();
    assert_eq!(ids, [ChangeId(5)]);
    again.expire(86_400 * 8).unwrap();
    assert!(again.get(ChangeId(1)).is_err());
    assert_eq!(again.get(ChangeId(4)).unwrap().state, ChangeState::Unknown);
    drop(again);
    assert!(vault(&path, 2).images(ChangeId(4)).unwrap().is_none());
}

#[test]
fn another_key_opens_nothing_and_half_an_entry_never_counted() {
    let folder = tempfile::tempdir().unwrap();
    let first = vault(folder.path(), 1);
    first.keep(&[(change(), Some(images(Vec::new())))], 5).unwrap();
    first.keep(&[(change(), None)], 6).unwrap();
    drop(first);
    let path = folder.path().join("0.undo");
    let whole = std::fs::read(&path).unwrap();
    std::fs::write(&path, &whole[..whole.len() - 3]).unwrap();
    let again = vault(folder.path(), 2);
    assert_eq!(again.list().len(), 1);
    assert!(again.images(ChangeId(1)).is_err());
    again.keep(&[(change(), None)], 7).unwrap();
    drop(again);
    assert_eq!(vault(folder.path(), 1).list().len(), 2);
    // Anything else that isn't whole is damage.
    let mut damaged = std::fs::read(&path).unwrap();
    damaged[20] ^= 1;
    std::fs::write(&path, damaged).unwrap();
    assert!(UndoVault::open(folder.path(), UndoKey::new(&[1; 32]).unwrap(), 7).is_err());
}

#[test]
fn each_row_is_looked_at_before_it_is_restored() {
    let images = images(vec![
        RowImages {
            before: row(&["1", "it's"]),
            after: row(&["1", "b\\c"]),
        },
        RowImages {
            before: row(&["2", "x"]),
            after: row(&["2", "x"]),
        },
        RowImages {
            before: None,
            after: row(&["3", "new"]),
        },
        RowImages {
            before: row(&["4", "gone"]),
            after: None,
        },
        RowImages {
            before: row(&["5", "a"]),
            after: row(&["5", "b"]),
        },
    ]);
    let mut text = String::new();
    let children = super::Children {
        schema: "public".to_owned(),
        name: "items".to_owned(),
        columns: vec!["order_id".to_owned()],
        referred: vec![1],
    };
    for part in restore(&images) {
        let check = part.check(std::slice::from_ref(&children), true);
        text += &format!("{}\n{}\n", check.rows.unwrap(), check.referring.join("\n"));
        let numbers: Vec<usize> = (0..part.rows()).collect();
        for (statement, rows) in part.apply(&numbers) {
            text += &format!("{rows}: {statement}\n\n");
        }
    }
    insta::assert_snapshot!(text);
}

#[test]
fn a_row_that_was_changed_since_is_a_conflict() {
    let images = images(
        [("1", "b"), ("2", "b"), ("3", "b"), ("4", "b")]
            .iter()
            .map(|(id, note)| RowImages {
                before: row(&[id, "a"]),
                after: row(&[id, note]),
            })
            .collect(),
    );
    let parts = restore(&images);
    let [part] = parts.as_slice() else {
        panic!("all rows are changed alike")
    };
    let now: HashMap<usize, &str> = HashMap::from([(0, "b"), (1, "a"), (2, "other")]);
    let found: Vec<Vec<Option<String>>> = now
        .iter()
        .map(|(number, note)| {
            vec![
                Some(number.to_string()),
                Some((number + 1).to_string()),
                Some((*note).to_owned()),
            ]
        })
        .collect();
    let (fits, conflicts) = part.compare(&found, &[]);
    assert_eq!(fits, [0]);
    let said: Vec<String> = conflicts
        .iter()
        .map(|conflict| format!("{}: {}", conflict.row, conflict.why))
        .collect();
    assert_eq!(said, ["id=3: changed since: note", "id=4: it is gone"]);
}

#[test]
fn those_who_come_at_the_same_time_are_all_kept() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("undo");
    let first = vault(&path, 1);
    std::thread::scope(|scope| {
        for session in 0..8_i64 {
            let first = &first;
            scope.spawn(move || {
                for number in 0..10 {
                    let secret = images(vec![RowImages {
                        before: row(&["1", &format!("{session} {number}")]),
                        after: None,
                    }]);
                    // Days change in between.
                    let now = 86_400 * (number / 5);
                    let (transaction, ids) = first
                        .keep(&[(change(), Some(secret.clone())), (change(), None)], now)
                        .unwrap();
                    assert_eq!(first.images(ids[0]).unwrap(), Some(secret));
                    first.end(transaction, number % 2 == 0, now).unwrap();
                }
            });
        }
    });
    let told = first.list();
    assert_eq!(told.len(), 160);
    assert!(told.windows(2).all(|pair| pair[0].transaction <= pair[1].transaction));
    drop(first);
    let again = vault(&path, 1);
    assert_eq!(again.list(), told);
    assert!(again.list().iter().all(|record| record.state != ChangeState::Unknown));
    for record in told.iter().step_by(2) {
        assert!(again.images(record.id).unwrap().is_some());
    }
}
