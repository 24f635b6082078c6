//! What the detectors find, and what they leave.

mod corpus;
mod secrets;

use std::sync::LazyLock;

use proptest::prelude::*;

use super::text::work;
use super::*;

/// A format, a value that has it, and one that does not.
pub(super) type Example = (&'static str, &'static str, &'static str);

/// The product's own detectors, compiled once for all tests.
fn built_in() -> &'static Detectors {
    static DETECTORS: LazyLock<Detectors> = LazyLock::new(Detectors::built_in);
    &DETECTORS
}

/// Checks that each value is of its format as a whole, and the other one is not.
#[track_caller]
pub(super) fn check(examples: &[Example]) {
    let detectors = built_in();
    for (format, positive, negative) in examples {
        let found = detectors.whole(positive);
        assert!(has(&found, format), "{format}: {positive} gives {found:?}");
        let found = detectors.whole(negative);
        assert!(!has(&found, format), "{format}: {negative} gives {found:?}");
    }
}

fn has(found: &[Finding], format: &str) -> bool {
    found.iter().any(|finding| finding.format == format)
}

/// Every example of every file.
fn examples() -> impl Iterator<Item = &'static Example> {
    [
        bank::tests::EXAMPLES,
        contact::tests::EXAMPLES,
        network::tests::EXAMPLES,
        passport::tests::EXAMPLES,
    ]
    .into_iter()
    .chain(national::examples())
    .flatten()
}

/// A word that says what follows, for formats that need one in running text.
fn cue(format: &str) -> &'static str {
    bank::NUMBERS
        .iter()
        .chain(national::numbers())
        .find(|number| number.name == format)
        .and_then(|number| number.cues.first())
        .copied()
        .unwrap_or(match format {
            "ipv4" => "ip",
            "mac-address" => "mac",
            _others => "note",
        })
}

/// What only a cell as a whole can be, however sure.
const CELLS_ONLY: &[&str] = &[
    "bic",
    "bitcoin-address",
    "ethereum-address",
    "phone-international",
    "phone-national",
    "passport-number",
];

#[test]
fn what_is_checked_in_a_cell_is_found_in_a_sentence_after_its_cue() {
    let detectors = built_in();
    for (format, value, _) in examples().filter(|(format, ..)| !CELLS_ONLY.contains(format)) {
        let whole = detectors.whole(value);
        let strength = whole.iter().find(|finding| finding.format == *format).unwrap().strength;
        let before = format!("Bitte notieren: {} ", cue(format));
        let text = format!("{before}{value}, danke!");
        let span = before.len()..before.len() + value.len();
        let found = detectors.scan(text.as_bytes());
        // A shape with its cue has two signals, but the formats of shape alone may share one with others.
        if strength >= Strength::Checked {
            assert!(
                found.iter().any(|finding| finding.span == span),
                "{format}: {text:?} gives {found:?}"
            );
        }
    }
}

#[test]
fn what_much_else_looks_like_needs_a_cue_in_a_sentence() {
    let detectors = built_in();
    for (text, expected) in [
        ("Best regards, order 52998224725 is ready", false),
        ("her CPF is 52998224725", true),
        (r#"{"cpf":"52998224725"}"#, true),
        (r#"{"cpf": 52998224725, "total": 3}"#, true),
        (r#"{"taxCpfNumber":"52998224725"}"#, false),
        (r#"{"customer_ssn":"219-09-8999"}"#, true),
        ("219-09-8999", false),
        ("CPF of somebody else; order 52998224725", false),
        ("CPF 529.982.247-25", true),
        ("order 529.982.247-25", true),
        ("order 529.982.247-26", false),
        ("login from ip 203.0.113.77 today", true),
        ("ip 1.2.3.4", false),
        ("version 203.0.113.77", false),
    ] {
        assert_eq!(
            !detectors.scan(text.as_bytes()).is_empty(),
            expected,
            "{text}: {:?}",
            detectors.scan(text.as_bytes())
        );
    }
}

#[test]
fn cards_and_accounts_are_found_wherever_they_stand_alone() {
    let detectors = built_in();
    for (text, expected) in [
        ("pay with 4111111111111111.", vec!["4111111111111111"]),
        ("4111111111111111", vec!["4111111111111111"]),
        ("(4111-1111-1111-1111)", vec!["4111-1111-1111-1111"]),
        ("a,4111111111111111,b", vec!["4111111111111111"]),
        ("card_4111111111111111_x", vec!["4111111111111111"]),
        ("cc=4111111111111111&x=1", vec!["4111111111111111"]),
        (r"line\n4111111111111111\n", vec!["4111111111111111"]),
        ("q=%204111111111111111", vec!["4111111111111111"]),
        ("カード4111111111111111です", vec!["4111111111111111"]),
        ("1234 4111 1111 1111 1111 12/29", vec!["4111 1111 1111 1111"]),
        (
            "４１１１１１１１１１１１１１１１",
            vec!["４１１１１１１１１１１１１１１１"],
        ),
        ("٤١١١١١١١١١١١١١١١", vec!["٤١١١١١١١١١١١١١١١"]),
        (
            "4111\u{00A0}1111\u{00A0}1111\u{00A0}1111",
            vec!["4111\u{00A0}1111\u{00A0}1111\u{00A0}1111"],
        ),
        (
            "4111\u{2011}1111\u{2011}1111\u{2011}1111",
            vec!["4111\u{2011}1111\u{2011}1111\u{2011}1111"],
        ),
        ("4\u{200B}111111111111111", vec!["4\u{200B}111111111111111"]),
        (
            "IBAN: DE89 3704 0044 0532 0130 00, BIC X",
            vec!["DE89 3704 0044 0532 0130 00"],
        ),
        (
            "from DE89370400440532013000 to GB29NWBK60161331926819",
            vec!["DE89370400440532013000", "GB29NWBK60161331926819"],
        ),
        // Parts of something else.
        ("0.4111111111111111", vec![]),
        ("4111111111111111.25", vec![]),
        ("x4111111111111111", vec![]),
        ("41111111111111112", vec![]),
        ("9999-4111-1111-1111-1111", vec![]),
        ("4111-1111-1111-1111-abc", vec![]),
        ("DE89370400440532013000A", vec![]),
        // Not looked for: more than one separator, other letters between.
        ("4111  1111  1111  1111", vec![]),
        ("4111_1111_1111_1111", vec![]),
        ("4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1", vec![]),
    ] {
        let found = detectors.scan(text.as_bytes());
        let spans: Vec<&str> = found.iter().map(|finding| &text[finding.span.clone()]).collect();
        assert_eq!(spans, expected, "{text}");
    }
}

#[test]
fn emails_and_numbers_of_phones_are_found_with_their_borders() {
    let detectors = built_in();
    for (text, expected) in [
        ("write to anna@example.org.", vec!["anna@example.org"]),
        ("<anna@example.org>", vec!["anna@example.org"]),
        ("mailto:anna@example.org?subject=x", vec!["anna@example.org"]),
        ("a@example.org,b@example.org", vec!["a@example.org", "b@example.org"]),
        (r#"{"e":"anna\u0040example.org"}"#, vec![r"anna\u0040example.org"]),
        (r"hi\nanna@example.org\n", vec!["anna@example.org"]),
        ("e=anna%40example.org&x", vec!["anna%40example.org"]),
        ("'anna@example.org'", vec!["anna@example.org"]),
        ("anna＠example．org", vec!["anna＠example．org"]),
        ("anna\u{200B}@example.org", vec!["anna\u{200B}@example.org"]),
        ("邮箱 用户@例子.公司 谢谢", vec!["用户@例子.公司"]),
        (
            "这是一个没有空格的很长很长的句子请把邮件发送到这个地址anna@example.org谢谢",
            vec!["anna@example.org"],
        ),
        ("メールはanna@example.org。", vec!["anna@example.org"]),
        ("see...anna@example.org...", vec!["anna@example.org"]),
        ("to jürgen@bücher.example,", vec!["jürgen@bücher.example"]),
        ("git@github.com:owner/repo.git", vec![]),
        (
            "logo@2x.png @anna anna@ @ a@b npm i react@18.2.0 getty@tty1.service",
            vec![],
        ),
        ("anna (at) example.org", vec![]),
        ("call +49 30 901820123 now", vec!["+49 30 901820123"]),
        ("call +1-212-555-0123.", vec!["+1-212-555-0123"]),
        ("call (212) 555-0123 or so", vec!["(212) 555-0123"]),
        ("call 212-555-0123; 1+2025550123; +12; +0301234567890", vec![]),
    ] {
        let found = detectors.scan(text.as_bytes());
        let spans: Vec<&str> = found.iter().map(|finding| &text[finding.span.clone()]).collect();
        assert_eq!(spans, expected, "{text}");
    }
}

#[test]
fn text_that_is_not_utf_8_is_scanned() {
    let detectors = built_in();
    for text in [
        b"\xFF\xFE4111111111111111\xFF".as_slice(),
        b"\x00\x80anna@example.org\x00",
        b"caf\xE9 4111 1111 1111 1111",
        b"m\xFCller@example.org\xE9",
    ] {
        assert_eq!(detectors.scan(text).len(), 1, "{text:?}");
    }
}

#[test]
fn overlapping_findings_become_one() {
    let detectors = built_in();
    let url = concat!("postgres", "://anna@example.org:hunter22@db.example.org/shop");
    let found = detectors.scan(url.as_bytes());
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].label, Label::Secret);
    assert_eq!(found[0].span, 0..url.len());
}

#[test]
fn space_around_a_cell_does_not_count() {
    let detectors = built_in();
    for value in [
        "  anna@example.org\n",
        "\u{00A0}anna@example.org\u{FEFF}",
        "\tanna@example.org",
    ] {
        let found = detectors.whole(value);
        let email = found.iter().find(|finding| finding.label == Label::Email).unwrap();
        assert_eq!(value[email.span.clone()].trim_matches('\u{FEFF}'), "anna@example.org");
    }
    assert_eq!(detectors.whole(" \u{200B} "), []);
}

#[test]
fn the_surest_finding_comes_first_and_each_format_once() {
    let detectors = built_in();
    let found = detectors.whole("219098999");
    assert!(found.is_sorted_by_key(|finding| std::cmp::Reverse(finding.strength)));
    let formats: BTreeSet<&str> = found.iter().map(|finding| finding.format).collect();
    assert_eq!(formats.len(), found.len());
}

#[test]
fn hostile_text_costs_no_more_than_its_length() {
    let detectors = built_in();
    let armour = concat!("-----BEGIN PRIVATE", " KEY-----");
    for part in [
        "1",
        "1 ",
        "12 34-",
        "eyJ",
        "eyJ.",
        "eyJ ",
        "@",
        "a@",
        "@a.",
        "a@b.",
        "é@",
        "-----BEGIN ",
        armour,
        "://",
        "a://b:",
        "a:b@",
        "ghp_",
        "sk-",
        "sk-ant-",
        "SG.",
        ".",
        "a.",
        "::",
        "1:",
        "a:1",
        "1-",
        "1.",
        "<<",
        "<<A",
        "+",
        "+1",
        "+49 3",
        "(",
        "(21",
        "$",
        "$2a$",
        "$6$",
        "$argon2id$",
        "{SSHA",
        "{SHA}",
        "password=",
        "password=a1!",
        "secret_",
        "token:",
        "Bearer ",
        "Basic ",
        "AKIA",
        "secret AKIA ",
        "==",
        "A==",
        "Q~",
        "1Q~",
        "DE89",
        "DE89 ",
        "GB",
        "%20",
        "\\n",
        "\\u0041",
        "A1",
        "jdbc:trino:",
        "md5",
        "*",
        "sig=",
        "pat",
        "AAAAAAAAAAAAAAAAAAAAA",
        "４",
        "\u{200B}",
        "é",
        "PuTTY-User-Key-File-",
        "pbkdf2_sha",
        "scrypt:",
        "xoxe-",
        "EAA",
        "-us",
        ":AA",
        "1:AA",
        "ssn 123456789 ",
    ] {
        let cost = |bytes: usize| {
            let text = part.repeat(bytes / part.len());
            work::take();
            let found = detectors.scan(text.as_bytes());
            assert!(found.len() <= text.len());
            work::take()
        };
        let (one, four) = (cost(10_000), cost(40_000));
        assert!(four <= 5 * one + 20_000, "{part:?}: {one} for 10 kB, {four} for 40 kB");
        assert!(one <= 200 * 10_000, "{part:?}: {one} for 10 kB");
    }
}

#[test]
fn hostile_cells_cost_no_more_than_their_length() {
    let detectors = built_in();
    for part in ["1", "eyJ", "@", "a@b.", "::", "<<", "é", "４", "(", "password="] {
        let text = part.repeat(20_000 / part.len());
        work::take();
        detectors.whole(&text);
        let work = work::take();
        assert!(work <= 200 * 20_000, "{part:?}: {work}");
    }
}

proptest! {
    #[test]
    fn digits_alone_are_never_certain(value in "[0-9]{9,16}") {
        let detectors = built_in();
        prop_assert!(detectors.whole(&value).iter().all(|finding| finding.strength < Strength::Certain));
    }

    #[test]
    fn any_cell_is_answered(value in "\\PC*|[ -~]{0,80}|[0-9A-Z<@:./+ -]{0,60}") {
        let detectors = built_in();
        for finding in detectors.whole(&value) {
            prop_assert!(value.get(finding.span).is_some());
        }
    }

    #[test]
    fn any_bytes_are_answered_in_order_and_without_overlap(text in prop::collection::vec(any::<u8>(), 0..200)) {
        let detectors = built_in();
        let mut end = 0;
        for finding in detectors.scan(&text) {
            prop_assert!(end <= finding.span.start && finding.span.start < finding.span.end);
            prop_assert!(finding.span.end <= text.len());
            end = finding.span.end;
        }
    }
}
