use std::collections::HashSet;

use durward_model::Label;

use super::{Clock, Turn, civil, day_of, mask_day, mask_micros, push_day, push_moment};
use crate::form::{MaskKey, Scope};

fn key() -> MaskKey {
    MaskKey::derive(&[5; 32], "shop", &Label::BirthDate, Scope::Database)
}

fn day(cell: &str) -> String {
    let mut out = Vec::new();
    push_day(&key(), Turn::Permute, cell.as_bytes(), &mut out);
    String::from_utf8(out).expect("text")
}

fn moment(clock: Clock, cell: &str) -> String {
    let mut out = Vec::new();
    push_moment(&key(), Turn::Permute, clock, 6, cell.as_bytes(), &mut out);
    String::from_utf8(out).expect("text")
}

#[test]
fn days_and_dates_agree() {
    assert_eq!(day_of(2000, 1, 1), 0);
    assert_eq!(day_of(1970, 1, 1), -10_957);
    assert_eq!(civil(-730_119), (1, 1, 1));
    for number in (-730_119..2_921_939).step_by(37) {
        let (year, month, day) = civil(number);
        assert_eq!(day_of(year, month, day), number);
    }
}

#[test]
fn a_span_is_permuted() {
    let images: HashSet<i64> = (-4096..0).map(|day| mask_day(&key(), Turn::Permute, day)).collect();
    assert_eq!(images.len(), 4096);
    assert!(images.iter().all(|image| (-4096..0).contains(image)));
}

#[test]
fn granularity_is_kept() {
    for (places, micros) in [
        (6, 86_399_999_999_i64),
        (6, 1),
        (3, 5_000),
        (0, 7_000_000),
        (1, -100_000),
    ] {
        let image = mask_micros(&key(), Turn::Permute, places, micros);
        assert_eq!(image % 1_000_000 == 0, micros % 1_000_000 == 0);
        assert_eq!(image % 10_i64.pow(6 - u32::try_from(places).expect("few")), 0);
        assert_ne!(image % 86_400_000_000, 0);
    }
    assert_eq!(
        mask_micros(&key(), Turn::Permute, 6, 86_400_000_000) % 86_400_000_000,
        0
    );
}

#[test]
fn a_date_and_its_midnight_agree() {
    assert_eq!(
        day("1990-02-28") + " 00:00:00",
        moment(Clock::Naive, "1990-02-28 00:00:00")
    );
    let there = moment(Clock::Zoned, "1990-02-28 02:00:00+02");
    assert_eq!(day("1990-02-28") + " 02:00:00+02", there);
}

#[test]
fn other_styles_get_a_fixed_date_of_theirs() {
    for (cell, expected) in [
        ("17/12/1997", "01/01/2000"),
        ("17.12.1997", "01.01.2000"),
        ("12-17-1997", "01-01-2000"),
        ("0044-03-15 BC", "2000-01-01"),
        ("12345-01-01", "2000-01-01"),
        ("infinity", "infinity"),
        ("-infinity", "-infinity"),
        ("", "2000-01-01"),
        ("9999-12-31", "2000-01-01"),
    ] {
        assert_eq!(day(cell), expected);
    }
    for (cell, expected) in [
        ("17/12/1997 07:37:16.00 PST", "01/01/2000 00:00:00 UTC"),
        ("17.12.1997 07:37:16.00 PST", "01.01.2000 00:00:00 UTC"),
        ("Wed Dec 17 07:37:16 1997 PST", "Sat Jan 01 00:00:00 2000 UTC"),
        ("1997-12-17 07:37:16", "2000-01-01 00:00:00+00"),
    ] {
        assert_eq!(moment(Clock::Zoned, cell), expected);
    }
}
