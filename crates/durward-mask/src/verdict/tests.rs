//! Verdicts on single columns.

use proptest::prelude::*;

use super::{ColumnProfile, ColumnType, Outcome, Verdict, judge, judge_table};
use crate::detect::{Detectors, OwnLabel};

fn column(name: &str, written_type: &str, samples: &[&str]) -> ColumnProfile {
    let (table, column) = name.split_once('.').unwrap_or(("t", name));
    ColumnProfile {
        samples: samples.iter().map(|sample| (*sample).to_owned()).collect(),
        ..ColumnProfile::new(table, column, ColumnType::of_postgres(written_type))
    }
}

/// A verdict in a line: a label and paths, `-`, or what is suspected.
fn said(verdict: &Verdict) -> String {
    match &verdict.outcome {
        Outcome::Labelled { label, paths } => paths.iter().fold(label.to_string(), |line, path| {
            format!("{line} {}={}", path.path, path.label)
        }),
        Outcome::Harmless => "-".to_owned(),
        Outcome::Undecided { suspect } => suspect.as_ref().map_or("?".to_owned(), |label| format!("?{label}")),
    }
}

fn check(expected: &str, profile: &ColumnProfile) {
    let verdict = judge(profile, &Detectors::built_in());
    let evidence: Vec<String> = verdict.evidence.iter().map(ToString::to_string).collect();
    assert_eq!(
        said(&verdict),
        expected,
        "{}.{}: {evidence:?}",
        profile.table,
        profile.column
    );
}

const EMAILS: [&str; 8] = [
    "anna@example.org",
    "B.Meyer@example.com",
    "x@firma.example",
    "",
    "c.d@example.net",
    "kim@example.org",
    "zoe@example.org",
    "n/a",
];

#[test]
fn values_decide_where_names_say_nothing_or_something_else() {
    for name in [
        "c1",
        "notes",
        "username",
        "code",
        "x_17",
        "id",
        "misc.reference",
        "users.login",
    ] {
        check("email", &column(name, "text", &EMAILS));
    }
    let cards = [
        "4111111111111111",
        "5500005555555559",
        "4012888888881881",
        "5105105105105100",
        "4222222222222220",
        "378282246310005",
    ];
    check("card_number", &column("code", "text", &cards));
    let ssns = [
        "512-34-8823",
        "219-45-1022",
        "457-55-5462",
        "601-22-7719",
        "321-54-9876",
        "533-12-8744",
    ];
    for name in ["id", "external_id", "c5", "citizens.ref"] {
        check("national_id", &column(name, "text", &ssns));
    }
    check(
        "iban",
        &column(
            "reference",
            "text",
            &[
                "DE89370400440532013000",
                "GB82WEST12345698765432",
                "FR1420041010050500013M02606",
                "NL91ABNA0417164300",
                "ES9121000418450200051332",
            ],
        ),
    );
    check(
        "secret",
        &column(
            "value",
            "text",
            &[
                "ghp_abcdefghijklmnopqrstuvwxyzABCDEF0123",
                "blue",
                "12",
                "on",
                "off",
                "5",
            ],
        ),
    );
}

#[test]
fn names_decide_in_empty_tables() {
    check("email", &column("correo", "text", &[]));
    check("birth_date", &column("geburtsdatum", "date", &[]));
    check("salary", &column("employees.salary", "numeric(10,2)", &[]));
    check("health", &column("patients.diagnosis", "text", &[]));
    check("?person_name", &column("name", "text", &[]));
    check("?", &column("c1", "text", &[]));
    check("-", &column("products.name", "text", &[]));
    check("-", &column("quantity", "integer", &[]));
}

#[test]
fn types_forbid_what_they_cannot_hold() {
    check("-", &column("has_email", "boolean", &[]));
    check("-", &column("email", "boolean", &["t", "f"]));
    check("-", &column("email_sent_at", "timestamp with time zone", &[]));
    check("-", &column("phone_count", "integer", &["1", "2", "0", "1", "3"]));
    check("-", &column("email_id", "integer", &["1", "2", "3", "4", "5"]));
    check("-", &column("email_id", "uuid", &[]));
    check("ip_address", &column("peer", "inet", &["10.0.0.7"]));
    check("mac_address", &column("c9", "macaddr", &[]));
}

#[test]
fn what_only_resembles_personal_data_is_harmless() {
    let columns: [&[&str]; 9] = [
        &[
            "0.12345678",
            "0.98765432",
            "0.55512345",
            "0.10293847",
            "0.45678901",
            "0.31415926",
        ],
        &[
            "0012-3456",
            "0013-4456",
            "0014-5456",
            "0015-6456",
            "0016-7456",
            "0017-8456",
        ],
        &[
            "2024-000123",
            "2024-000124",
            "2024-000188",
            "2024-000201",
            "2024-000305",
            "2024-000377",
        ],
        &[
            "100000001",
            "100000002",
            "100000003",
            "100000004",
            "100000005",
            "100000006",
        ],
        &["Room 12", "Room 14", "Room 15", "Hall 3", "Hall 4", "Room 21"],
        &["52.5", "48.1", "12.9", "7.75", "3.25", "99.9"],
        &[
            "d41d8cd98f00b204e9800998ecf8427e",
            "9e107d9d372bb6826bd81d3542a419d6",
            "e4d909c290d0fb1ca068ffaddf22cbd0",
            "0cc175b9c0f1b6a831c399e269772661",
            "92eb5ffee6ae2fec3ad71c777531578f",
        ],
        &[
            "Wireless mouse",
            "Office chair",
            "Desk lamp",
            "USB cable",
            "Monitor arm",
            "Standing desk",
        ],
        &["NEW", "PAID", "SHIPPED", "NEW", "RETURNED", "PAID"],
    ];
    for values in columns {
        check("-", &column("c1", "text", values));
    }
}

#[test]
fn values_contradict_names() {
    check(
        "-",
        &column(
            "email",
            "text",
            &["daily", "weekly", "never", "daily", "weekly", "never"],
        ),
    );
    check(
        "-",
        &column("token", "text", &["a", "b", "c", "the", "of", "and", "word"]),
    );
    check(
        "-",
        &column(
            "app_version",
            "text",
            &["1.2.3.4", "1.2.3.5", "2.0.0.1", "1.14.0.2", "3.1.4.1"],
        ),
    );
    check(
        "-",
        &column("notes", "text", &["true", "false", "true", "false", "true"]),
    );
    check(
        "password_hash",
        &column(
            "password",
            "text",
            &[
                "$2b$12$abcdefghijklmnopqrstuuABCDEFGHIJKLMNOPQRSTUVWXYZ01234",
                "$2b$12$bbcdefghijklmnopqrstuuABCDEFGHIJKLMNOPQRSTUVWXYZ01234",
                "$2b$12$cbcdefghijklmnopqrstuuABCDEFGHIJKLMNOPQRSTUVWXYZ01234",
                "$2b$12$dbcdefghijklmnopqrstuuABCDEFGHIJKLMNOPQRSTUVWXYZ01234",
                "$2b$12$ebcdefghijklmnopqrstuuABCDEFGHIJKLMNOPQRSTUVWXYZ01234",
            ],
        ),
    );
}

#[test]
fn texts_are_told_by_who_writes_them() {
    let texts = [
        "Called on Monday, wants a new date for the visit.",
        "Prefers letters. Do not call before noon.",
        "Was unhappy about the last delivery, see the file.",
        "Asked twice for the invoice of last year.",
        "Moved house in May; the new place is not in the system yet.",
        "Speaks only French, please write in it.",
    ];
    check("free_text", &column("customers.c7", "text", &texts));
    check("free_text", &column("customers.notes", "text", &texts));
    check("untrusted", &column("tickets.c7", "text", &texts));
    check("untrusted", &column("reviews.body", "text", &texts));
    check("-", &column("products.description", "text", &texts));
}

#[test]
fn what_stands_in_longer_texts_is_free_text() {
    let queries: Vec<String> = (1..9)
        .map(|n| {
            format!("SELECT id, name, total FROM orders WHERE email = 'user{n}@example.org' AND total > {n}00 LIMIT 10")
        })
        .collect();
    let queries: Vec<&str> = queries.iter().map(String::as_str).collect();
    check("free_text", &column("log.query", "text", &queries));
    let named = [
        "Anna <anna@example.org>",
        "Bo <bo@example.org>",
        "Cy <cy@example.org>",
        "Di <di@example.org>",
        "Ed <ed@example.org>",
    ];
    check("email", &column("log.c4", "text", &named));
}

#[test]
fn json_is_judged_place_by_place() {
    let rows = [
        r#"{"user":{"email":"a@example.org","tags":["x"]},"phones":[{"number":"+49 30 1234567"}],"n":1}"#,
        r#"{"user":{"email":"b@example.org","tags":["y"]},"phones":[{"number":"+49 30 7654321"}],"n":2}"#,
    ];
    let expected = "json $.phones[*].number=phone $.user.email=email";
    check(expected, &column("payload", "jsonb", &rows));
    check(expected, &column("payload", "text", &rows));
    check("-", &column("payload", "jsonb", &[r#"{"width":3,"colour":"red"}"#]));
    check("json $=street_address", &column("customers.address", "jsonb", &[]));
    check("?", &column("payload", "jsonb", &[]));
    check(
        "free_text",
        &column("extra", "hstore", &[r#""email"=>"a@example.org", "size"=>"3""#]),
    );
    check(
        "free_text",
        &column("doc", "xml", &["<p><email>a@example.org</email></p>"]),
    );
}

#[test]
fn arrays_are_judged_by_their_elements() {
    check(
        "email",
        &column(
            "c3",
            "text[]",
            &[
                "{a@example.org,b@example.org}",
                "{c@example.org}",
                "{d@example.org,e@example.org}",
            ],
        ),
    );
    check("-", &column("tags", "text[]", &["{red,blue}", "{green}"]));
}

#[test]
fn a_pointer_holds_what_it_points_at() {
    let mut pointer = column("orders.customer", "text", &["x", "y"]);
    pointer.foreign_key = Some(judge(
        &column("customers.email", "text", &EMAILS),
        &Detectors::built_in(),
    ));
    check("email", &pointer);
    let mut pointer = column("orders.passport", "text", &[]);
    pointer.foreign_key = Some(judge(
        &column("documents.kind", "text", &["a", "b"]),
        &Detectors::built_in(),
    ));
    check("-", &pointer);
}

#[test]
fn neighbours_tip_the_scales() {
    let detectors = Detectors::built_in();
    let dates = [
        "1951-04-01",
        "1988-12-24",
        "1975-02-11",
        "1993-07-30",
        "1966-10-05",
        "1959-01-17",
        "2001-03-03",
        "1984-08-19",
        "1970-05-05",
        "1948-11-23",
    ];
    let alone = column("c2", "date", &dates);
    let table = [column("c1", "text", &EMAILS), alone.clone()];
    assert_eq!(said(&judge(&alone, &detectors)), "-");
    let said: Vec<String> = judge_table(&table, &detectors).iter().map(said).collect();
    assert_eq!(said, ["email", "birth_date"]);
}

#[test]
fn what_is_suspected_is_not_shown() {
    let detectors = Detectors::built_in();
    assert!(!judge(&column("name", "text", &[]), &detectors).is_safe_in_clear());
    assert!(judge(&column("c1", "text", &[]), &detectors).is_safe_in_clear());
    assert!(!judge(&column("correo", "text", &[]), &detectors).is_safe_in_clear());
    assert!(judge(&column("colour", "text", &["red"]), &detectors).is_safe_in_clear());
}

#[test]
fn verdicts_are_kept_as_they_are() {
    let verdict = judge(&column("correo", "text", &EMAILS), &Detectors::built_in());
    let kept = serde_json::to_string(&verdict).expect("a verdict can be written");
    assert_eq!(serde_json::from_str::<Verdict>(&kept).expect("and read"), verdict);
}

#[test]
fn evidence_can_be_read_by_people() {
    let texts = |profile: &ColumnProfile| -> Vec<String> {
        let verdict = judge(profile, &Detectors::built_in());
        verdict.evidence.iter().map(ToString::to_string).collect()
    };
    assert_eq!(
        texts(&column("correo", "text", &[])),
        [r#"name "correo" says email (es)"#]
    );
    assert_eq!(
        texts(&column("email_verified", "boolean", &[])),
        ["its type (boolean) can't hold email"]
    );
    assert_eq!(
        texts(&column("c1", "text", &["DE89370400440532013000"; 6])),
        ["6 of 6 values pass the check of iban"]
    );
}

#[test]
fn labels_of_ones_own_count_like_the_products() {
    let own = OwnLabel {
        label: "project_names".to_owned(),
        patterns: vec![],
        words: vec!["Bluebird".to_owned(), "Kestrel".to_owned()],
    };
    let detectors = Detectors::with_own(&[own]).expect("plain words");
    let profile = column(
        "c4",
        "text",
        &["Bluebird", "Kestrel", "Bluebird", "kestrel", "Bluebird"],
    );
    assert_eq!(said(&judge(&profile, &detectors)), "project_names");
}

#[test]
fn comments_count_where_names_are_silent() {
    let commented = |comment: &str| ColumnProfile {
        comment: Some(comment.to_owned()),
        ..column("f17", "text", &[])
    };
    check("email", &commented("E-mail address of the customer"));
    check("?free_text", &commented("PII, handle with care"));
    check("?", &commented("contains no PII"));
    check("?", &commented("free for later use"));
}

#[test]
fn values_of_many_kinds_are_masked() {
    check(
        "free_text",
        &column(
            "attributes.attr_val",
            "text",
            &[
                "red",
                "anna@example.org",
                "12",
                "+49 30 1234567",
                "kim@example.org",
                "large",
                "DE89370400440532013000",
                "5",
            ],
        ),
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_name_and_any_values_get_a_verdict(
        table in ".{0,20}",
        name in ".{0,30}",
        comment in proptest::option::of(".{0,40}"),
        samples in proptest::collection::vec(".{0,60}", 0..12),
        kind in proptest::sample::select(vec!["text", "jsonb", "hstore", "xml", "text[]", "numeric", "date", "bytea"]),
    ) {
        let profile = ColumnProfile {
            samples,
            comment,
            ..ColumnProfile::new(&table, &name, ColumnType::of_postgres(kind))
        };
        let verdict = judge(&profile, &Detectors::built_in());
        prop_assert!(verdict.confidence <= 100);
        prop_assert_eq!(verdict.is_safe_in_clear(), verdict.mask_as().is_none());
    }
}
