//! The SQL form of masks within a `jsonb`.

use super::super::fixed;
use super::{JsonRule, MASKED};
use crate::form::column::Scalar;
use crate::form::number::{NUMERIC, decimal_sql};
use crate::form::sql::{Steps, call, case, cast, if_keyed, op};
use crate::form::text::TextMask;

/// The document with the value at each rule's path replaced. Where an array stands on the way or anything nested at its
/// end, the document is NULL: nothing that the rule means may stay.
pub(in crate::form) fn document(rules: &[JsonRule], argument: &str) -> String {
    let mut steps = Steps::of(&cast(argument, "jsonb"));
    let mut before = "m.x".to_owned();
    for (number, rule) in rules.iter().enumerate() {
        let name = format!("d{number}");
        steps = steps.with(&[(&name, &replaced(rule, &before))]);
        before = format!("m.{name}");
    }
    steps.give(&before)
}

/// The document of a column with the value of one rule replaced.
fn replaced(rule: &JsonRule, document: &str) -> String {
    let path = array(&rule.path);
    let found = op(document, "#>", &path);
    let text = op(document, "#>>", &path);
    let is = |kind: &str| op(&call("jsonb_typeof", &[&found]), "=", kind);
    let set = |value: &str| call("jsonb_set", &[document, &path, &call("to_jsonb", &[value]), "false"]);
    let (string, number) = if rule.label.is_secret() {
        let zero = fixed::text(Scalar::Int4).unwrap_or_default();
        (cast(&format!("'{MASKED}'"), "text"), cast(zero, "int4"))
    } else {
        let plain = format!("({text} COLLATE pg_catalog.\"C\")");
        let mask = TextMask::pseudonym(&rule.label, None);
        (
            mask.sql(&rule.setting.block(), &plain),
            decimal_sql(&rule.setting.block(), NUMERIC, None, &cast(&text, "numeric")),
        )
    };
    let on_the_way = (0..rule.path.len())
        .map(|length| {
            let above = op(document, "#>", &array(rule.path.get(..length).unwrap_or_default()));
            op(&call("jsonb_typeof", &[&above]), "=", "'array'")
        })
        .collect::<Vec<_>>()
        .join(" OR ");
    let on_the_way = if on_the_way.is_empty() {
        "false".to_owned()
    } else {
        format!("({on_the_way})")
    };
    if_keyed(
        &rule.setting.block(),
        &case(
            &[
                (&on_the_way, "NULL"),
                (&format!("({found} IS NULL OR {})", is("'null'")), document),
                (&is("'string'"), &set(&string)),
                (&is("'number'"), &set(&number)),
                (&is("'boolean'"), &set("false")),
            ],
            "NULL",
        ),
    )
}

/// An array of keys, whatever is in them and whatever the server takes backslashes for.
fn array(keys: &[String]) -> String {
    let keys: Vec<String> = keys
        .iter()
        .map(|key| format!("E'{}'", key.replace('\\', "\\\\").replace('\'', "''")))
        .collect();
    format!("(ARRAY[{}]::pg_catalog.text[])", keys.join(", "))
}
