use std::collections::HashSet;

use durward_model::Label;

use super::{Keep, Shape};
use crate::form::{MaskKey, Scope};

fn masked(keep: Keep, value: &str) -> String {
    let key = MaskKey::derive(&[3; 32], "shop", &Label::Phone, Scope::Database);
    let mut out = Vec::new();
    Shape::new(keep, None).apply(&key, value.as_bytes(), &mut out);
    String::from_utf8(out).expect("text")
}

/// Digits as `0`, letters as `a` and `A`, all else as it is.
fn outline(text: &str) -> String {
    text.chars()
        .map(|letter| match letter {
            '0'..='9' => '0',
            'a'..='z' => 'a',
            'A'..='Z' => 'A',
            other => other,
        })
        .collect()
}

#[test]
fn shapes_are_kept() {
    for value in [
        "",
        "---",
        "7",
        "+33 6 12 34 56 78",
        "SW1A 1AA",
        "X",
        "123456789012345678",
        "1234567890123456789",
        "12345678901234567890",
        "Ada.Lovelace-1815@here",
        &"Ab1-".repeat(40),
    ] {
        assert_eq!(outline(&masked(Keep::Nothing, value)), outline(value));
    }
}

#[test]
fn what_is_kept_readable_stands_where_it_stood() {
    let card = masked(Keep::LastFour, "4111 1111 1111 1234");
    assert!(card.ends_with(" 1234") && !card.starts_with("4111 1111"), "{card}");
    assert!(!masked(Keep::LastFour, "987654321").ends_with("4321"));
    let iban = masked(Keep::Country, "DE89 3704 0044 0532 0130 00");
    assert!(iban.starts_with("DE") && !iban.contains("3704 0044"), "{iban}");
}

#[test]
fn small_domains_are_permuted() {
    for (keep, values) in [
        (Keep::Nothing, (0..1000).map(|n| format!("{n:03}")).collect::<Vec<_>>()),
        (
            Keep::Nothing,
            ('a'..='z')
                .flat_map(|letter| (0..10).map(move |n| format!("{letter}{n}")))
                .collect(),
        ),
        (
            Keep::LastFour,
            (0..9999).map(|n| format!("4111-11{n:04}-1234")).collect(),
        ),
    ] {
        let images: HashSet<String> = values.iter().map(|value| masked(keep, value)).collect();
        assert_eq!(images.len(), values.len());
    }
}

#[test]
fn letters_without_an_alphabet_are_not_shown() {
    let mask = masked(Keep::Nothing, "Ада");
    assert!(mask.is_ascii() && mask.len() == 24, "{mask}");
}
