use std::sync::Arc;

use durward_model::Oid;
use durward_sql::{CopyForm, CopyFormat};

use super::{CopyBytes, HeldBytes, Lines, PIECE_BYTES, TooMuch, first_rows};
use crate::limits::COPY_HELD_BYTES_MAX;

fn text() -> CopyForm {
    CopyForm {
        relation: Oid(1),
        columns: Vec::new(),
        format: CopyFormat::Text,
        delimiter: b'\t',
        null: "\\N".into(),
        has_header: false,
        encoding: None,
    }
}

fn csv() -> CopyForm {
    CopyForm {
        format: CopyFormat::Csv {
            quote: b'"',
            escape: b'"',
        },
        delimiter: b',',
        null: "".into(),
        ..text()
    }
}

fn shown(form: &CopyForm, data: &str) -> Vec<String> {
    let rows = first_rows(form, data.as_bytes(), 20, true);
    let value = |value: Option<Vec<u8>>| match value {
        Some(value) => format!("'{}'", String::from_utf8(value).expect("text").escape_debug()),
        None => "NULL".to_owned(),
    };
    let rows = rows.into_iter();
    rows.map(|row| row.into_iter().map(value).collect::<Vec<_>>().join(" "))
        .collect()
}

#[test]
fn rows_are_read_as_the_server_reads_them() {
    for (form, data, rows) in [
        (text(), "1\ta\n2\t\\N\n", vec!["'1' 'a'", "'2' NULL"]),
        (text(), "1\ta\r\n2\tb", vec!["'1' 'a'", "'2' 'b'"]),
        (text(), "a\\tb\\\\N\\\nc\td\n", vec!["'a\\tb\\\\N\\nc' 'd'"]),
        (text(), "\\101\\x42\\Q\t\\\\N\n", vec!["'ABQ' '\\\\N'"]),
        (text(), "1\n\\.\n2\n", vec!["'1'"]),
        // A value that looks like the end of the data hides nothing behind it.
        (text(), "\\\\.\n2\n", vec!["'\\\\.'", "'2'"]),
        (text(), "\n", vec!["''"]),
        (csv(), "1,a\n2,\n3,\"\"\n", vec!["'1' 'a'", "'2' NULL", "'3' ''"]),
        (
            csv(),
            "\"a,\"\"b\"\"\nc\",d\"e,\"f\r\n\\.\nx\n",
            vec!["'a,\\\"b\\\"\\nc' 'de,f'", "'\\\\.'", "'x'"],
        ),
        (
            CopyForm {
                format: CopyFormat::Csv {
                    quote: b'\'',
                    escape: b'\\',
                },
                delimiter: b';',
                null: "none".into(),
                has_header: true,
                ..csv()
            },
            "id;note\n1;'it\\'s \\n'\nnone;'none'\n",
            vec!["'1' 'it\\'s \\\\n'", "NULL 'none'"],
        ),
    ] {
        assert_eq!(shown(&form, data), rows, "{data:?}");
    }
    // Of a beginning, what may go on isn't shown.
    let rows = first_rows(&csv(), b"1,a\n2,\"b\n", 20, false);
    assert_eq!(rows.len(), 1);
}

#[test]
fn there_are_never_more_rows_than_lines() {
    for (form, data) in [
        (text(), "1\n2\n3"),
        (text(), "1\\\n2\n"),
        (text(), "1\r2\r"),
        (text(), "1\r\n2\r\n"),
        (csv(), "\"1\n2\",x\n3\n"),
        (csv(), "1,\"a"),
        (csv(), ""),
    ] {
        let mut lines = Lines::none();
        for byte in data.as_bytes() {
            lines.count(&[*byte]);
        }
        let rows = first_rows(&form, data.as_bytes(), 20, true);
        assert!(u64::try_from(rows.len()).unwrap_or(u64::MAX) <= lines.all(), "{data:?}");
    }
}

#[test]
fn what_is_kept_is_bounded_and_given_back() {
    let all = Arc::new(HeldBytes::default());
    let mib = vec![7_u8; 1 << 20];
    let full = |whose: &str| {
        let mut copy = CopyBytes::new(&all, &whose.into());
        for _ in 0..COPY_HELD_BYTES_MAX >> 20 {
            copy.push(&mib).expect("within bounds");
        }
        copy
    };
    let mut copies = vec![full("ana"), full("ana")];
    assert_eq!(copies[0].push(&[1]), Err(TooMuch::Copy));
    let mut more = CopyBytes::new(&all, &"ana".into());
    assert_eq!(more.push(&[1]), Err(TooMuch::Identity));
    copies.extend([full("bob"), full("carl")]);
    let mut last = CopyBytes::new(&all, &"dora".into());
    assert_eq!(last.push(&[1]), Err(TooMuch::All));
    drop(copies.pop());
    last.push(&mib).expect("there is room again");
    assert_eq!(last.pop().map(|piece| piece.len()), Some(PIECE_BYTES));
    last.clear();
    drop(copies);
    assert!(all.lock().is_empty());
}

#[test]
fn the_digest_is_of_the_bytes_and_not_of_messages() {
    let all = Arc::new(HeldBytes::default());
    let digest = |parts: &[&[u8]]| {
        let mut copy = CopyBytes::new(&all, &"ana".into());
        parts.iter().for_each(|part| copy.push(part).expect("within bounds"));
        copy.digest()
    };
    let long = vec![b'a'; PIECE_BYTES + 3];
    let (one, two) = long.split_at(PIECE_BYTES - 1);
    assert_eq!(digest(&[&long]), digest(&[one, two]));
    assert_eq!(digest(&[b"1\n2\n"]), digest(&[b"1", b"\n2", b"", b"\n"]));
    for other in [&b"1\n2"[..], b"1\n2\n\n", b"1\n3\n", b""] {
        assert_ne!(digest(&[b"1\n2\n"]), digest(&[other]));
    }
}
