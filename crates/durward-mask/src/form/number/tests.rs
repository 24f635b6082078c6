use std::collections::HashSet;

use durward_model::Label;

use super::{Decimal, FLOAT8, INT2, INT4, INT8, digits_of, mask_float8, mask_integer, push_float};
use crate::form::{MaskKey, Scope};

fn key() -> MaskKey {
    MaskKey::derive(&[5; 32], "shop", &Label::Salary, Scope::Database)
}

fn masked(text: &str) -> String {
    let mut out = Vec::new();
    Decimal::read(text.as_bytes())
        .expect("a number")
        .push_mask(&key(), None, &mut out);
    String::from_utf8(out).expect("text")
}

#[test]
fn a_whole_type_is_permuted() {
    let images: HashSet<i64> = (-32_768..=32_767)
        .map(|value| mask_integer(&key(), INT2, value))
        .collect();
    assert_eq!(images.len(), 65_536);
    assert!(images.iter().all(|image| i16::try_from(*image).is_ok()));
}

#[test]
fn integers_keep_sign_and_length() {
    for kind in [INT4, INT8] {
        for value in [
            0,
            7,
            -7,
            10,
            99_999,
            -123_456_789,
            2_147_483_647,
            -2_147_483_647,
            i64::MAX,
            -i64::MAX,
        ] {
            if digits_of(value.unsigned_abs()) > kind.digits || value > -(kind.least + 1) {
                continue;
            }
            let image = mask_integer(&key(), kind, value);
            assert_eq!(digits_of(image.unsigned_abs()), digits_of(value.unsigned_abs()));
            assert!(image > kind.least && image <= -(kind.least + 1));
            assert!(value == 0 || (image < 0) == (value < 0));
        }
        assert_eq!(mask_integer(&key(), kind, kind.least), kind.least);
    }
}

#[test]
fn decimals_keep_their_form() {
    for text in [
        "0",
        "0.00",
        "12.50",
        "-0.05",
        "50000.00",
        "1234567.891",
        "0.000000000000000000000001",
    ] {
        let mask = masked(text);
        let outline = |text: &str| text.replace(|letter: char| letter.is_ascii_digit(), "9");
        assert_eq!(outline(&mask), outline(text), "{text} {mask}");
    }
    let long = masked("-123456789012345678901234567890.5");
    assert!(
        long.starts_with('-') && long.len() == 33 && long.ends_with(".0"),
        "{long}"
    );
}

#[test]
fn equal_numbers_have_equal_masks() {
    assert_eq!(masked("1.5") + "0", masked("1.50"));
    assert_eq!(masked("42"), mask_integer(&key(), INT4, 42).to_string());
    let mut out = Vec::new();
    push_float(mask_float8(&key(), None, 1234.5), FLOAT8, &mut out).expect("a number");
    assert_eq!(String::from_utf8(out).expect("text"), masked("1234.5"));
}

#[test]
fn few_digits_are_permuted() {
    let texts: Vec<String> = (1..1000).map(|n| format!("{}.{}", n / 10, n % 10)).collect();
    let images: HashSet<String> = texts.iter().map(|text| masked(text)).collect();
    assert_eq!(images.len(), texts.len());
}

#[test]
fn floats_print_as_parsed() {
    for value in [
        1.0,
        -2.5,
        1e15,
        123_456_789_012_345_680.0,
        1e300,
        f64::MAX,
        3.25e-5,
        -1e-280,
        1e-300,
        0.15,
        1e14,
    ] {
        let image = mask_float8(&key(), None, value);
        let mut out = Vec::new();
        push_float(image, FLOAT8, &mut out).expect("a number");
        let text = String::from_utf8(out).expect("text");
        let parsed: f64 = text.parse().expect("a float");
        assert_eq!(Some(parsed), image.and_then(super::Image::to_float), "{value} {text}");
        assert!(parsed.is_finite() && parsed != value, "{value} {text}");
    }
    assert_eq!(mask_float8(&key(), None, f64::NAN), None);
}
