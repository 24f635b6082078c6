//! The two forms of each mask give the same bytes: the SQL form by a real server, the Rust form on the server's cells.

#![expect(
    clippy::cast_possible_truncation,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test; values are drawn, and any of them will do"
)]

mod server;
mod values;

use std::collections::HashSet;
use std::sync::Arc;

use durward_mask::form::{ColumnType, Form, JsonRule, Mask, MaskKey, Masked, Scalar, Scope, SqlKey};
use durward_model::Label;

use server::{Pair, Server};
use values::Dice;

const ROWS: usize = 400;

/// Names of ours in front of the server's, and settings that change how values print.
const HOSTILE: &str = "\
    SET client_min_messages = error; SET TimeZone = 'UTC'; SET extra_float_digits = 0; SET bytea_output = escape; \
    SET DateStyle = 'ISO, DMY'; SET IntervalStyle = iso_8601; SET standard_conforming_strings = off; \
    DROP SCHEMA IF EXISTS evil CASCADE; CREATE SCHEMA evil; \
    CREATE FUNCTION evil.steal(text, text) RETURNS text LANGUAGE sql AS 'SELECT $1'; \
    CREATE FUNCTION evil.same(text, text) RETURNS bool LANGUAGE sql AS 'SELECT false'; \
    CREATE FUNCTION evil.add(int8, int8) RETURNS int8 LANGUAGE sql AS 'SELECT 0::int8'; \
    CREATE FUNCTION evil.sha256(bytea) RETURNS bytea LANGUAGE sql AS 'SELECT $1'; \
    CREATE FUNCTION evil.substr(text, int, int) RETURNS text LANGUAGE sql AS 'SELECT $1'; \
    CREATE FUNCTION evil.length(text) RETURNS int LANGUAGE sql AS 'SELECT 0'; \
    CREATE FUNCTION evil.abs(numeric) RETURNS numeric LANGUAGE sql AS 'SELECT $1'; \
    CREATE FUNCTION evil.unnest(anyarray) RETURNS SETOF anyelement LANGUAGE sql AS 'SELECT NULL'; \
    CREATE FUNCTION evil.current_setting(text, bool) RETURNS text LANGUAGE sql AS 'SELECT NULL'; \
    CREATE OPERATOR evil.|| (LEFTARG = text, RIGHTARG = text, FUNCTION = evil.steal); \
    CREATE OPERATOR evil.= (LEFTARG = text, RIGHTARG = text, FUNCTION = evil.same); \
    CREATE OPERATOR evil.~ (LEFTARG = text, RIGHTARG = text, FUNCTION = evil.same); \
    CREATE OPERATOR evil.+ (LEFTARG = int8, RIGHTARG = int8, FUNCTION = evil.add); \
    CREATE DOMAIN evil.text AS varchar(1); CREATE DOMAIN evil.int8 AS int2; \
    SET search_path = evil, pg_catalog; ";

fn key() -> Arc<MaskKey> {
    Arc::new(MaskKey::derive(&[42; 32], "masks", &Label::Email, Scope::Database))
}

fn setting() -> SqlKey {
    SqlKey::new("k7d1f").expect("a fit name")
}

fn with_key(settings: &str) -> String {
    format!("SET durward.k7d1f = '{}'; {settings}", key().setting().as_str())
}

/// A column, its values, and the labels and forms tried on it.
struct Column {
    type_name: String,
    column: ColumnType,
    values: Vec<String>,
    masks: Vec<(Label, Form)>,
}

#[test]
fn texts_are_masked_alike() {
    check(text_columns(&mut Dice::new(1)));
}

#[test]
fn numbers_are_masked_alike() {
    check(number_columns(&mut Dice::new(2)));
}

#[test]
fn other_types_are_masked_alike() {
    check(other_columns(&mut Dice::new(3)));
}

#[test]
fn arrays_are_masked_alike() {
    check(array_columns(&mut Dice::new(4)));
}

#[test]
fn domains_and_collations_are_kept() {
    let server = Server::start();
    server.run(
        "CREATE COLLATION loose (provider = icu, locale = 'und', deterministic = false); \
         CREATE DOMAIN mail AS varchar(60) CHECK (VALUE ~ '^[^@]+@[^@]+$')",
    );
    let text = Scalar::Text { limit: None };
    let short = Scalar::Text { limit: Some(60) };
    let plain = || ColumnType::new(text, "pg_catalog.text");
    let texts = values::texts(&mut Dice::new(5), ROWS);
    let mails: Vec<String> = (0..20).map(|n| format!("user{n}@corp.example")).collect();
    for (type_name, column, values) in [
        ("text COLLATE \"C\"", plain().with_collation("pg_catalog.\"C\""), &texts),
        ("text COLLATE loose", plain().with_collation("public.loose"), &texts),
        ("mail", ColumnType::new(short, "public.mail"), &mails),
    ] {
        server.fill(type_name, values);
        for label in [Label::Email, Label::Username, Label::MacAddress, Label::BirthDate] {
            if type_name == "mail" && label != Label::Email {
                continue;
            }
            let mask = Mask::new(&label, column.clone(), Form::Pseudonym, key()).expect("a mask");
            let what = format!("{label} of {type_name}");
            let sql = mask.sql("t.v", &setting());
            check_text(&server.text_pairs(&with_key(""), &sql), &mask, &what);
            check_type_and_key(&server, &sql, Form::Pseudonym, &what);
        }
    }
}

#[test]
fn paths_in_documents_are_masked_alike() {
    let server = Server::start();
    let rule = |path: &[&str], label: Label| JsonRule {
        path: path.iter().map(|word| (*word).to_owned()).collect(),
        label,
        key: key(),
        setting: setting(),
    };
    let rules = vec![
        rule(&["who", "e'm\\\"ail"], Label::Email),
        rule(&["who", "name"], Label::Username),
        rule(&["pin"], Label::Password),
    ];
    let column = ColumnType::built_in(3802, -1).expect("jsonb");
    let mask = Mask::json(column, rules, key()).expect("a mask");
    let mut values: Vec<String> = values::texts(&mut Dice::new(6), 200)
        .iter()
        .map(|text| {
            let text = serde_json::Value::from(text.as_str());
            format!(
                r#"{{"who": {{"e'm\\\"ail": {text}, "name": {text}, "é": {text}}}, "pin": {text}, "n": [1, {{}}]}}"#
            )
        })
        .collect();
    for value in ["1", "-12.50", "1e20", "true", "null", "\"\""] {
        values.push(format!(r#"{{"who": {{"name": {value}}}, "pin": {value}}}"#));
    }
    values.extend(
        [
            "{}",
            "1",
            "\"a\"",
            "null",
            r#"{"who": 1}"#,
            r#"{"who": null, "x": {"pin": 1}}"#,
        ]
        .map(str::to_owned),
    );
    server.fill("jsonb", &values);
    let sql = mask.sql("t.v", &setting());
    check_text(&server.text_pairs(&with_key(""), &sql), &mask, "paths");
    check_text(&server.text_pairs(&with_key(HOSTILE), &sql), &mask, "paths, hostile");
    check_binary(&server.binary_pairs(&with_key(""), &sql), &mask, "paths");
    check_type_and_key(&server, &sql, Form::Pseudonym, "paths");
    // What SQL can't walk through is NULL.
    let nested = [
        r#"[{"pin": 1}]"#,
        r#"{"who": [{"name": "a"}]}"#,
        r#"{"pin": {"a": 1}}"#,
        r#"{"pin": [1]}"#,
    ]
    .map(str::to_owned);
    server.fill("jsonb", &nested);
    let answer = server.run(&format!("{} SELECT count({sql}) FROM t", with_key("")));
    assert_eq!(answer, b"0\n");
}

fn check(columns: Vec<Column>) {
    let server = Server::start();
    server.run("CREATE EXTENSION citext");
    for column in columns {
        server.fill(&column.type_name, &column.values);
        for (label, form) in &column.masks {
            let mask = Mask::new(label, column.column.clone(), *form, key()).expect("a mask");
            let what = format!("{label} {form:?} of {}", column.type_name);
            let sql = mask.sql("t.v", &setting());
            check_text(&server.text_pairs(&with_key(""), &sql), &mask, &what);
            check_text(
                &server.text_pairs(&with_key(HOSTILE), &sql),
                &mask,
                &format!("{what}, hostile"),
            );
            check_binary(&server.binary_pairs(&with_key(""), &sql), &mask, &what);
            check_type_and_key(&server, &sql, *form, &what);
        }
    }
}

fn check_text(pairs: &[Pair], mask: &Mask, what: &str) {
    assert!(pairs.len() > 10, "{what}");
    for (cell, expected) in pairs {
        let image = cell.as_ref().and_then(|cell| applied(mask, cell, Mask::apply_text));
        let shown = |bytes: &Option<Vec<u8>>| bytes.as_ref().map(|bytes| String::from_utf8_lossy(bytes).into_owned());
        assert_eq!(shown(&image), shown(expected), "{what}: {:?}", shown(cell));
    }
}

fn check_binary(pairs: &[Pair], mask: &Mask, what: &str) {
    assert!(pairs.len() > 10, "{what}");
    for (cell, expected) in pairs {
        let image = cell.as_ref().and_then(|cell| applied(mask, cell, Mask::apply_binary));
        assert_eq!(&image, expected, "{what}, binary: {cell:?}");
    }
}

fn applied(mask: &Mask, cell: &[u8], apply: fn(&Mask, &[u8], &mut Vec<u8>) -> Masked) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    match apply(mask, cell, &mut out) {
        Masked::Value => Some(out),
        Masked::Null => None,
    }
}

/// The mask has the type, typmod and collation of the column; without its key, and with one that is none, it is NULL.
fn check_type_and_key(server: &Server, sql: &str, form: Form, what: &str) {
    let attribute = |name: &str| {
        format!(
            "(SELECT (atttypid, atttypmod, attcollation) FROM pg_attribute \
             WHERE attrelid = 'm'::regclass AND attname = '{name}')"
        )
    };
    let count = format!("SELECT count({sql}) FROM t WHERE {};", form != Form::Constant);
    let answer = server.run(&format!(
        "CREATE TEMP VIEW m AS SELECT v, {sql} AS w FROM t; SELECT {} = {}; \
         {count} SET durward.k7d1f = ''; {count} SET durward.k7d1f = 'abcd'; {count}",
        attribute("v"),
        attribute("w")
    ));
    assert_eq!(String::from_utf8_lossy(&answer), "t\n0\n0\n0\n", "{what}");
}

fn column(type_name: &str, scalar: Scalar, values: Vec<String>, masks: Vec<(Label, Form)>) -> Column {
    let column = ColumnType::new(scalar, &format!("pg_catalog.{type_name}"));
    Column {
        type_name: type_name.to_owned(),
        column,
        values,
        masks,
    }
}

/// One label of each text mask.
const TEXT_LABELS: [Label; 12] = [
    Label::Email,
    Label::PersonName,
    Label::StreetAddress,
    Label::Phone,
    Label::CardNumber,
    Label::Iban,
    Label::BirthDate,
    Label::IpAddress,
    Label::MacAddress,
    Label::FreeText,
    Label::Health,
    Label::Json,
];

fn text_columns(dice: &mut Dice) -> Vec<Column> {
    let texts = values::texts(dice, ROWS);
    let mut masks: Vec<(Label, Form)> = TEXT_LABELS.into_iter().map(|label| (label, Form::Pseudonym)).collect();
    masks.extend([
        (Label::Email, Form::FormatPreserving),
        (Label::CardNumber, Form::Partial),
        (Label::Phone, Form::Partial),
        (Label::Email, Form::Partial),
        (Label::Postcode, Form::Generalise),
        (Label::Secret, Form::Constant),
        (Label::Email, Form::Null),
    ]);
    let mut all = vec![column("text", Scalar::Text { limit: None }, texts.clone(), masks)];
    let short = |limit: usize| -> Vec<String> {
        let cut = |text: &String| text.chars().take(limit).collect();
        texts.iter().map(cut).collect()
    };
    for limit in [1, 5, 21, 30, 37, 60] {
        let labels = [
            Label::Email,
            Label::PersonName,
            Label::Phone,
            Label::IpAddress,
            Label::MacAddress,
            Label::BirthDate,
        ];
        let masks = labels.map(|label| (label, Form::Pseudonym)).into_iter();
        let masks = masks.chain([(Label::Password, Form::Constant), (Label::Phone, Form::Partial)]);
        let limited = Scalar::Text { limit: Some(limit) };
        all.push(column(
            &format!("varchar({limit})"),
            limited,
            short(limit),
            masks.collect(),
        ));
    }
    for width in [3, 20, 40] {
        let masks = [Label::Email, Label::CardNumber]
            .map(|label| (label, Form::Pseudonym))
            .into_iter();
        let masks = masks.chain([(Label::Password, Form::Constant), (Label::CardNumber, Form::Partial)]);
        // Blanks at the end of a char aren't part of it.
        let padded = Scalar::Bpchar { width: Some(width) };
        all.push(column(
            &format!("bpchar({width})"),
            padded,
            short(width),
            masks.collect(),
        ));
    }
    all.push(Column {
        type_name: "public.citext".to_owned(),
        column: ColumnType::new(Scalar::Citext, "public.citext"),
        values: texts,
        masks: vec![(Label::Email, Form::Pseudonym), (Label::Username, Form::Pseudonym)],
    });
    all
}

fn number_columns(dice: &mut Dice) -> Vec<Column> {
    let masks = || {
        vec![
            (Label::Salary, Form::Pseudonym),
            (Label::Salary, Form::Generalise),
            (Label::Location, Form::Generalise),
        ]
    };
    let mut all = Vec::new();
    for (name, scalar, bits) in [
        ("int2", Scalar::Int2, 16),
        ("int4", Scalar::Int4, 32),
        ("int8", Scalar::Int8, 64),
    ] {
        all.push(column(name, scalar, values::integers(dice, bits, ROWS), masks()));
    }
    all.push(column(
        "numeric",
        Scalar::Numeric { scale: None },
        values::numerics(dice, ROWS),
        masks(),
    ));
    for (whole, scale) in [(8, 2), (20, 10), (0, 5), (16, 0)] {
        let name = format!("numeric({},{scale})", whole + scale);
        let mut masks = masks();
        masks.push((Label::Secret, Form::Constant));
        let scalar = Scalar::Numeric {
            scale: Some(scale as i32),
        };
        let values = values::small_numerics(dice, whole, scale, ROWS);
        all.push(column(&name, scalar, values, masks));
    }
    all.push(column(
        "float8",
        Scalar::Float8,
        values::floats(dice, true, ROWS),
        masks(),
    ));
    all.push(column(
        "float4",
        Scalar::Float4,
        values::floats(dice, false, ROWS),
        masks(),
    ));
    all
}

fn other_columns(dice: &mut Dice) -> Vec<Column> {
    let all_forms = || {
        vec![
            (Label::BirthDate, Form::Pseudonym),
            (Label::BirthDate, Form::Generalise),
            (Label::BirthDate, Form::Constant),
        ]
    };
    let keyed = |label: Label| vec![(label.clone(), Form::Pseudonym), (label, Form::Constant)];
    let network = |label: Label| vec![(label.clone(), Form::Pseudonym), (label, Form::Generalise)];
    let mut all = vec![column("date", Scalar::Date, values::dates(dice, ROWS), all_forms())];
    for places in [0, 2, 6] {
        let naive = Scalar::Timestamp { places };
        let zoned = Scalar::Timestamptz { places };
        all.push(column(
            &format!("timestamp({places})"),
            naive,
            values::moments(dice, ROWS),
            all_forms(),
        ));
        let moments = values::moments(dice, ROWS);
        all.push(column(&format!("timestamptz({places})"), zoned, moments, all_forms()));
    }
    all.push(column(
        "uuid",
        Scalar::Uuid,
        values::uuids(dice, ROWS),
        keyed(Label::NationalId),
    ));
    all.push(column(
        "inet",
        Scalar::Inet,
        values::addresses(dice, false, ROWS),
        network(Label::IpAddress),
    ));
    all.push(column(
        "cidr",
        Scalar::Cidr,
        values::addresses(dice, true, ROWS),
        network(Label::IpAddress),
    ));
    all.push(column(
        "macaddr",
        Scalar::Macaddr,
        values::hardware(dice, 6, ROWS),
        keyed(Label::MacAddress),
    ));
    all.push(column(
        "macaddr8",
        Scalar::Macaddr8,
        values::hardware(dice, 8, ROWS),
        keyed(Label::MacAddress),
    ));
    all.push(column(
        "bytea",
        Scalar::Bytea,
        values::byte_strings(dice, ROWS),
        keyed(Label::Health),
    ));
    let constant = || vec![(Label::Health, Form::Constant), (Label::Health, Form::Null)];
    let words =
        |texts: &[&str]| -> Vec<String> { texts.iter().cycle().take(20).map(|text| (*text).to_owned()).collect() };
    all.push(column("bool", Scalar::Bool, words(&["true", "false"]), constant()));
    all.push(column("time(3)", Scalar::Time, words(&["12:34:56.789"]), constant()));
    all.push(column("point", Scalar::Point, words(&["(1,2)"]), constant()));
    all.push(column("json", Scalar::Json, words(&["{\"a\": 1}"]), constant()));
    all.push(column("jsonb", Scalar::Jsonb, words(&["{\"a\": 1}"]), constant()));
    all.push(column(
        "tsvector",
        Scalar::Other,
        words(&["a b"]),
        vec![(Label::FreeText, Form::Null)],
    ));
    all
}

fn array_columns(dice: &mut Dice) -> Vec<Column> {
    let texts = values::texts(dice, ROWS);
    let integers = values::integers(dice, 32, ROWS);
    let numerics = values::small_numerics(dice, 8, 2, ROWS);
    let uuids = values::uuids(dice, ROWS);
    [
        ("text", Scalar::Text { limit: None }, texts.clone(), Label::Email),
        ("text", Scalar::Text { limit: None }, texts, Label::Username),
        ("int4", Scalar::Int4, integers, Label::Salary),
        (
            "numeric(10,2)",
            Scalar::Numeric { scale: Some(2) },
            numerics,
            Label::Salary,
        ),
        ("uuid", Scalar::Uuid, uuids, Label::NationalId),
    ]
    .into_iter()
    .map(|(name, scalar, values, label)| Column {
        type_name: format!("{name}[]"),
        column: ColumnType::new(scalar, &format!("pg_catalog.{name}")).array(),
        values: values::arrays(dice, &values),
        masks: vec![(label.clone(), Form::Pseudonym), (label, Form::Constant)],
    })
    .collect()
}

/// No name within a mask takes the place of one that its argument means.
#[test]
fn arguments_mean_what_they_mean_outside() {
    let server = Server::start();
    server.fill("text", &values::texts(&mut Dice::new(3), 300));
    server.run("CREATE TABLE named AS SELECT i, v AS x, v AS c, v AS v1, v AS h FROM t");
    for label in [
        Label::Email,
        Label::PersonName,
        Label::Username,
        Label::CardNumber,
        Label::MacAddress,
        Label::IpAddress,
        Label::BirthDate,
    ] {
        let column = ColumnType::new(Scalar::Text { limit: None }, "pg_catalog.text");
        let mask = Mask::new(&label, column, Form::Pseudonym, key()).expect("a mask");
        let expected = format!("(SELECT i, {} AS w FROM t) AS expected", mask.sql("t.v", &setting()));
        for (argument, from) in [
            ("m.v", "t AS m"),
            ("k.v", "t AS k"),
            ("g.v", "t AS g"),
            ("v", "t"),
            ("x", "named"),
            ("c", "named"),
            ("v1", "named"),
            ("m.h", "named AS m"),
        ] {
            let query = format!(
                "{} SELECT count(*) FROM {from} JOIN {expected} USING (i) WHERE {} IS NOT DISTINCT FROM expected.w",
                with_key(""),
                mask.sql(argument, &setting())
            );
            assert_eq!(server.run(&query), b"301\n", "{label} of {argument} from {from}");
        }
    }
}

/// Masks work wherever an expression does.
#[test]
fn masks_stand_in_every_clause() {
    let server = Server::start();
    server.fill(
        "varchar(60)",
        &(0..300)
            .map(|n| format!("user{}@corp.example", n % 100))
            .collect::<Vec<_>>(),
    );
    let column = ColumnType::built_in(1043, 64).expect("varchar(60)");
    for label in [Label::Email, Label::Username] {
        let mask = Mask::new(&label, column.clone(), Form::Pseudonym, key()).expect("a mask");
        let sql = mask.sql("t.v", &setting());
        for (query, expected) in [
            (
                format!("SELECT count(*) FROM (SELECT {sql}, count(*) FROM t GROUP BY {sql}) g"),
                "101",
            ),
            (
                format!("SELECT count(*) FROM (SELECT {sql} FROM t GROUP BY t.v) g"),
                "101",
            ),
            (
                format!("SELECT count(DISTINCT {sql}) FROM t WHERE {sql} IS NOT NULL"),
                "100",
            ),
            (
                format!("SELECT count(*) FROM (SELECT max({sql}) OVER (PARTITION BY {sql} ORDER BY {sql}) FROM t) w"),
                "301",
            ),
            (
                format!("WITH u AS (UPDATE t SET v = v RETURNING {sql} AS w) SELECT count(w) FROM u"),
                "300",
            ),
            (
                format!("SELECT count(*) FROM t CROSS JOIN LATERAL (SELECT {sql} AS w) l WHERE l.w <> t.v"),
                "300",
            ),
            (
                format!(
                    "SELECT count(*) FROM (SELECT {sql} AS w FROM t) a JOIN (SELECT DISTINCT {sql} AS w FROM t) b USING (w)"
                ),
                "300",
            ),
        ] {
            let answer = server.run(&format!("{} {query}", with_key("")));
            assert_eq!(String::from_utf8_lossy(&answer).trim(), expected, "{query}");
        }
    }
}

/// Prints microseconds a cell in the server. Run with `--ignored --nocapture`.
#[test]
#[ignore = "measures, and judges nothing"]
#[expect(clippy::print_stdout, reason = "the measure is what it is for")]
fn what_a_cell_costs_in_sql() {
    const CELLS: u128 = 50_000;
    let server = Server::start();
    let unlimited = Scalar::Text { limit: None };
    for (label, scalar, type_name, value) in [
        (Label::Email, unlimited, "text", "'ada' || i || '@corp.example'"),
        (Label::PersonName, unlimited, "text", "'Ada ' || i"),
        (Label::Phone, unlimited, "text", "'+33 6 ' || 10000000 + i"),
        (Label::NationalId, unlimited, "text", "(100000000 + i)::text"),
        (Label::Postcode, unlimited, "text", "'SW1A ' || i"),
        (Label::Iban, unlimited, "text", "'DE89 3704 0044 0532 ' || i"),
        (Label::IpAddress, unlimited, "text", "'10.0.0.' || i % 256"),
        (Label::NationalId, Scalar::Int8, "int8", "i::int8"),
        (Label::Salary, Scalar::Numeric { scale: None }, "numeric", "i + 0.25"),
        (Label::BirthDate, Scalar::Date, "date", "date '1990-01-01' + i % 1000"),
        (
            Label::BirthDate,
            Scalar::Timestamp { places: 6 },
            "timestamp",
            "now()::timestamp",
        ),
        (Label::NationalId, Scalar::Uuid, "uuid", "gen_random_uuid()"),
        (Label::IpAddress, Scalar::Inet, "inet", "inet '10.0.0.0' + i"),
    ] {
        server.run(&format!(
            "DROP TABLE IF EXISTS c; CREATE TABLE c AS SELECT {value} AS v FROM generate_series(1, {CELLS}) i; ANALYZE c"
        ));
        let column = ColumnType::new(scalar, &format!("pg_catalog.{type_name}"));
        let mask = Mask::new(&label, column, Form::Pseudonym, key()).expect("a mask");
        let cost = |expression: &str| {
            let query = format!("{} SELECT count({expression}) FROM c", with_key(""));
            let run = || {
                let begun = std::time::Instant::now();
                server.run(&query);
                begun.elapsed().as_nanos()
            };
            std::iter::repeat_with(run).take(3).min().unwrap_or_default()
        };
        let nanos = cost(&mask.sql("c.v", &setting())).saturating_sub(cost("c.v")) / CELLS;
        println!("{:>4}.{} µs  {label} {scalar:?}", nanos / 1_000, nanos / 100 % 10);
    }
}

/// What a session prints in another style becomes a value that the same session reads.
#[test]
fn fixed_dates_are_valid_in_every_style() {
    let server = Server::start();
    let mut dice = Dice::new(7);
    for (name, scalar, values) in [
        ("date", Scalar::Date, values::dates(&mut dice, 200)),
        (
            "timestamp",
            Scalar::Timestamp { places: 6 },
            values::moments(&mut dice, 200),
        ),
        (
            "timestamptz",
            Scalar::Timestamptz { places: 6 },
            values::moments(&mut dice, 200),
        ),
    ] {
        server.fill(name, &values);
        let mask = Mask::new(&Label::BirthDate, ColumnType::new(scalar, name), Form::Pseudonym, key()).expect("a mask");
        for style in [
            "SQL, DMY",
            "SQL, MDY",
            "German",
            "Postgres, DMY",
            "Postgres, MDY",
            "ISO",
        ] {
            let settings = format!("SET DateStyle = '{style}'; SET TimeZone = 'Europe/Berlin';");
            let pairs = server.text_pairs(&settings, "NULL");
            let images: HashSet<Vec<u8>> = pairs
                .iter()
                .filter_map(|(cell, _)| applied(&mask, cell.as_ref()?, Mask::apply_text))
                .collect();
            let mut script = settings.clone();
            for image in &images {
                script.push_str(&format!(
                    "SELECT '{}'::{name} IS NOT NULL;",
                    String::from_utf8_lossy(image)
                ));
            }
            let answer = server.run(&script);
            assert!(
                answer
                    .split(|byte| *byte == b'\n')
                    .all(|line| line == b"t" || line.is_empty())
            );
            assert_eq!(images.len() > 10, style == "ISO", "{style}: {}", images.len());
        }
    }
}

/// Where the session's time zone has no fixed offset, both forms give the same instant.
#[test]
fn instants_agree_in_every_time_zone() {
    let server = Server::start();
    server.fill("timestamptz", &values::moments(&mut Dice::new(9), ROWS));
    let column = ColumnType::new(Scalar::Timestamptz { places: 6 }, "pg_catalog.timestamptz");
    let mask = Mask::new(&Label::BirthDate, column, Form::Pseudonym, key()).expect("a mask");
    for zone in ["America/New_York", "Asia/Kathmandu", "Europe/Amsterdam"] {
        let settings = with_key(&format!("SET TimeZone = '{zone}';"));
        let mut script = settings.clone();
        for (cell, expected) in server.text_pairs(&settings, &mask.sql("v", &setting())) {
            let (Some(cell), Some(expected)) = (cell, expected) else {
                continue;
            };
            let image = applied(&mask, &cell, Mask::apply_text).expect("a value");
            let (image, expected) = (String::from_utf8_lossy(&image), String::from_utf8_lossy(&expected));
            script.push_str(&format!("SELECT '{image}'::timestamptz = '{expected}'::timestamptz;\n"));
        }
        let answer = server.run(&script);
        assert!(
            answer
                .split(|byte| *byte == b'\n')
                .all(|line| line == b"t" || line.is_empty()),
            "{zone}"
        );
    }
}
