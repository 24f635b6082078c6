//! Harmless values, which must stay: what databases are full of.

use std::fmt::Write as _;

use super::super::*;
use super::built_in;

/// Values that look like much, none of which proves anything.
const TRAPS: &[&str] = &[
    "550e8400-e29b-41d4-a716-446655440000",
    "d41d8cd98f00b204e9800998ecf8427e",
    "da39a3ee5e6b4b0d3255bfef95601890afd80709",
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "sha512-z4PhNX7vuL3xVChQ1m2AB9Yg5AULVxXcg/SpIdNs6c5H0NE8XYXysP+DGNKHfuwvY7kxvUdBeoGlODJ6+SfaPg==",
    "1.2.3.4",
    "10.0.1",
    "v2.31.0-rc.1+build.5114f85",
    "1.0.0-alpha.1",
    "INV-2024-00012",
    "ORD-000123-45",
    "PO 4500012345",
    "978-3-16-148410-0",
    "9783161484100",
    "4006381333931",
    "490154203237518",
    "356938035643809",
    "#ff8800",
    "#AABBCC80",
    "1,234.56",
    "€ 19.99",
    "1705312345678",
    "1705312345678901234",
    "2024-01-15T10:22:33.123456Z",
    "2024-01-15 10:22:33+02:00",
    "20240115102233",
    "10:22:33",
    "0.4111111111111111",
    "3.141592653589793",
    "W/\"5e15153d-120f\"",
    "01ARZ3NDEKTSV4RRFFQ69G5FAV",
    "507f1f77bcf86cd799439011",
    "arn:aws:iam::123456789012:role/Admin",
    "s3://bucket/2024/01/15/part-00000.parquet",
    "https://example.org/a/b?page=2&sort=asc#top",
    "https://example.org:8443/@anna/photos",
    "user@host",
    "react@18.2.0",
    "std::collections::HashMap",
    "a::b",
    "L'été, à Paris, 12 °C",
    "42",
    "AB-1234",
    "SKU12345678",
    "https://user:****@example.org/",
    "password: please enter at least eight characters",
    "token count: 4096",
    "secretary: 12345678901234567890",
    "SELECT * FROM orders WHERE id = 12345",
    "const apiKey = process.env.API_KEY_2;",
    "password=${DB_PASSWORD}",
    "pk_live is public",
    "sk-learn-models-and-other-long-names-of-packages",
    "task-force-1234567890",
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
    "Bearer of good news",
    "basic authentication is off",
    "-----BEGIN CERTIFICATE-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA\n-----END CERTIFICATE-----",
    "-----BEGIN PRIVATE KEY----- stands at its beginning",
    "eyJ is how every encoded object begins",
    "eyJmb28iOiJiYXIifQ.eyJmb28iOiJiYXIifQ.c2lnbmF0dXJl",
    "$5 or $6 and $1$",
    "* * * * *",
    "P<<X",
    "240115-0042",
    "240115/0042",
    "REF 300000",
    "ABA 300000 is a part",
    "oci://registry.example/app:3.18@sha256:e3b0c44298fc1c149afbf4c8996fb924",
    "A1B2C3D4",
    "re_some_long_name_of_a_function_with_1",
];

#[test]
fn traps_prove_nothing() {
    let detectors = built_in();
    for trap in TRAPS {
        let found: Vec<Finding> = detectors
            .whole(trap)
            .into_iter()
            .filter(|finding| finding.strength > Strength::Shape)
            .collect();
        assert!(found.is_empty(), "{trap}: {found:?}");
        assert_eq!(detectors.scan(trap.as_bytes()), [], "{trap}");
        let text = format!("It says {trap} here.");
        assert_eq!(detectors.scan(text.as_bytes()), [], "{text}");
    }
}

/// Numbers that are always the same and look like any: a multiplicative generator (Steele and Vigna, 2021).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(0xD134_2543_DE82_EF95).wrapping_add(1);
        let mixed = (self.0 ^ (self.0 >> 32)).wrapping_mul(0xAEF1_7502_108E_F2D9);
        mixed ^ (mixed >> 29)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    fn hex(&mut self, length: usize) -> String {
        (0..length).fold(String::new(), |mut text, _| {
            write!(text, "{:x}", self.below(16)).unwrap();
            text
        })
    }

    fn word(&mut self) -> &'static str {
        const WORDS: &[&str] = &[
            "delivery",
            "the",
            "was",
            "late",
            "and",
            "customer",
            "asks",
            "for",
            "a",
            "refund",
            "within",
            "days",
            "der",
            "Kunde",
            "möchte",
            "die",
            "Lieferung",
            "prüfen",
            "weil",
            "Größe",
            "nicht",
            "passt",
            "passwort",
            "vergessen",
            "token",
            "ship",
            "to",
            "warehouse",
            "Straße",
            "please",
            "call",
            "back",
            "re:",
            "invoice",
            "paid",
            "—",
            "“quoted”",
            "naïve",
            "card",
            "was",
            "declined",
            "IBAN",
            "fehlt",
            "secret",
        ];
        let place = usize::try_from(self.below(WORDS.len() as u64)).unwrap();
        WORDS[place]
    }

    /// A harmless value of a kind.
    fn value(&mut self, kind: u64) -> String {
        match kind {
            0 => {
                let parts = [8, 4, 4, 4, 12].map(|length| self.hex(length));
                parts.join("-")
            }
            1 => self.hex(40),
            2 => self.hex(32),
            3 => self.hex(64),
            4 => self.hex(7),
            5 => format!("{}.{}.{}", self.below(30), self.below(40), self.below(400)),
            6 => format!("{}.{:02}", self.below(100_000), self.below(100)),
            7 => format!(
                "2024-{:02}-{:02}T{:02}:{:02}:{:02}Z",
                1 + self.below(12),
                1 + self.below(28),
                self.below(24),
                self.below(60),
                self.below(60)
            ),
            8 => format!("{}", 1_600_000_000_000 + self.below(200_000_000_000)),
            9 => format!("{}", 1_600_000_000 + self.below(200_000_000)),
            10 => format!("INV-2024-{:05}", self.below(100_000)),
            11 => format!("{}", self.below(10_000_000_000)),
            12 => format!(
                "https://shop.example/p/{}/{}?ref={}&page={}",
                self.word(),
                self.below(1_000_000),
                self.hex(8),
                self.below(90)
            ),
            13 => format!(
                r#"{{"sku":"SKU-{:06}","price":{}.{:02},"tags":["{}","{}"],"stock":{},"active":true,"dims":{{"w":{},"h":{}}}}}"#,
                self.below(1_000_000),
                self.below(500),
                self.below(100),
                self.word(),
                self.word(),
                self.below(1000),
                self.below(100),
                self.below(100)
            ),
            14 => (0..20).map(|_| self.word()).collect::<Vec<_>>().join(" "),
            15 => format!("#{}", self.hex(6)),
            16 => format!(
                "{}",
                f64::from(u32::try_from(self.below(1 << 32)).unwrap()) / 4_294_967_296.0
            ),
            17 => format!(
                "{}x{}x{} mm, {} kg",
                self.below(900),
                self.below(900),
                self.below(900),
                self.below(90)
            ),
            18 => format!("{:02}:{:02}:{:02}", self.below(24), self.below(60), self.below(60)),
            19 => format!("{}", 1_500_000_000_000_000_000 + self.below(300_000_000_000_000_000)),
            20 => format!("sha256:{}", self.hex(64)),
            21 => format!(
                "crates/{}/src/{}.rs:{}:{}",
                self.word(),
                self.word(),
                self.below(900),
                self.below(90)
            ),
            _ => format!(
                "{} {} #{} ({} of {})",
                self.word(),
                self.word(),
                self.below(100_000),
                self.below(10),
                self.below(10)
            ),
        }
    }
}

#[test]
fn nothing_is_found_in_harmless_values() {
    let detectors = built_in();
    let mut numbers = Numbers(1);
    let mut found = Vec::new();
    for number in 0..20_000 {
        let value = numbers.value(number % 23);
        if !detectors.scan(value.as_bytes()).is_empty() {
            found.push(format!("{value}: {:?}", detectors.scan(value.as_bytes())));
        }
    }
    assert!(found.is_empty(), "{} of 20,000: {found:#?}", found.len());
}
