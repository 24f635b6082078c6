//! What a mask must look like, by what is masked.

use std::net::IpAddr;

use serde_json::Value;

/// Checks one cell of a column with this label; `clear` is the same row's true value, where rows can be told apart.
pub(super) fn check(label: &str, clear: Option<&str>, masked: &str) -> Result<(), String> {
    let well_formed = match label {
        "email" => is_email(masked),
        "phone" | "card_number" | "iban" => masked.chars().any(|one| one.is_ascii_digit()),
        "person_name" | "street_address" | "postcode" | "secret" => !masked.is_empty(),
        // What is found in it is replaced.
        "free_text" | "untrusted" => !masked.contains('@'),
        _ => true,
    };
    let like_clear = clear.is_none_or(|clear| match label {
        "phone" | "postcode" => outline(clear) == outline(masked),
        "card_number" => outline(clear) == outline(masked) && last(clear, 4) == last(masked, 4),
        "iban" => outline(clear) == outline(masked) && clear.get(..2) == masked.get(..2),
        "birth_date" => !clear.starts_with(['1', '2']) || outline(clear) == outline(masked),
        "ip_address" => is_address(clear) == is_address(masked),
        "salary" => clear.parse::<f64>().is_ok() == masked.parse::<f64>().is_ok(),
        "json" => match (serde_json::from_str(clear), serde_json::from_str(masked)) {
            (Ok(clear), Ok(masked)) => same_structure(&clear, &masked),
            (clear, masked) => clear.is_err() && masked.is_err(),
        },
        _ => true,
    });
    if well_formed && like_clear {
        Ok(())
    } else {
        Err(format!("`{masked}` doesn't look like `{label}`"))
    }
}

fn is_email(text: &str) -> bool {
    text.split_once('@')
        .is_some_and(|(local, domain)| !local.is_empty() && domain == "example.invalid")
}

/// An address with or without its network.
fn is_address(text: &str) -> bool {
    text.split('/')
        .next()
        .is_some_and(|text| text.parse::<IpAddr>().is_ok())
}

/// Digits and letters alike, everything else as it is.
fn outline(text: &str) -> String {
    text.chars()
        .map(|one| match one {
            one if one.is_ascii_digit() => '0',
            one if one.is_alphabetic() => 'a',
            one => one,
        })
        .collect()
}

fn last(text: &str, count: usize) -> Option<&str> {
    text.len().checked_sub(count).and_then(|start| text.get(start..))
}

/// The same keys, lengths and kinds of values.
fn same_structure(clear: &Value, masked: &Value) -> bool {
    match (clear, masked) {
        (Value::Object(clear), Value::Object(masked)) => {
            clear.len() == masked.len()
                && clear
                    .iter()
                    .all(|(key, value)| masked.get(key).is_some_and(|masked| same_structure(value, masked)))
        }
        (Value::Array(clear), Value::Array(masked)) => {
            clear.len() == masked.len()
                && clear
                    .iter()
                    .zip(masked)
                    .all(|(clear, masked)| same_structure(clear, masked))
        }
        (clear, masked) => std::mem::discriminant(clear) == std::mem::discriminant(masked),
    }
}
