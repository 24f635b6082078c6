//! Credentials of every format, put together from a prefix and a filler, so that no scanner takes them for live ones.

use super::super::text::Token;
use super::super::*;
use super::built_in;

/// Characters of a kind that look random.
fn filler(is_of_kind: fn(u8) -> bool, length: usize) -> String {
    let candidates = b"7aB3kQ9fZ2eC5dX8mW4bL6nT1sF";
    let fitting = candidates.iter().copied().filter(|byte| is_of_kind(*byte));
    let endless: Vec<u8> = fitting.collect();
    endless
        .iter()
        .cycle()
        .take(length)
        .map(|byte| char::from(*byte))
        .collect()
}

fn alphanumeric(length: usize) -> String {
    filler(|byte| byte.is_ascii_alphanumeric(), length)
}

fn hex(length: usize) -> String {
    filler(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'), length)
}

fn digits(length: usize) -> String {
    filler(|byte| byte.is_ascii_digit(), length)
}

fn base64(text: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(text)
}

fn base64url(text: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(text)
}

#[test]
fn every_token_is_certain_as_a_cell_and_in_texts() {
    let detectors = built_in();
    for Token {
        name,
        prefix,
        body,
        least,
        ..
    } in secret::tokens()
    {
        let token = format!("{prefix}{}", filler(*body, *least));
        let whole = detectors.whole(&token);
        assert!(
            whole
                .iter()
                .any(|finding| finding.format == *name && finding.strength == Strength::Certain),
            "{name} {token}: {whole:?}"
        );
        for (before, after) in [
            ("use ", " here"),
            ("(", ")."),
            ("\"", "\""),
            ("k=", ",\n"),
            ("\\n", "\\n"),
            ("日本", "語"),
            ("a: '", "'"),
        ] {
            let text = format!("{before}{token}{after}");
            let found = detectors.scan(text.as_bytes());
            assert!(
                found
                    .iter()
                    .any(|finding| finding.span == (before.len()..before.len() + token.len())
                        && finding.label == Label::Secret),
                "{name}: {text} gives {found:?}"
            );
        }
        let short = format!("{prefix}{}", filler(*body, least - 5));
        let found = detectors.scan(short.as_bytes());
        assert!(
            found
                .iter()
                .all(|finding| finding.format != *name || finding.span.len() < short.len()),
            "{name}: {short} gives {found:?}"
        );
        let within = format!("x{token}");
        let found = detectors.scan(within.as_bytes());
        assert!(found.iter().all(|finding| finding.span.start > 1), "{name}: {within}");
    }
}

/// Checks that a text holds a credential of a format, whole, both alone and in a sentence.
#[track_caller]
fn check(format: &str, credential: &str) {
    let detectors = built_in();
    let whole = detectors.whole(credential);
    assert!(
        whole
            .iter()
            .any(|finding| finding.format == format && finding.strength >= Strength::Checked),
        "{format}: {credential} gives {whole:?}"
    );
    let text = format!("it is {credential}\n");
    let found = detectors.scan(text.as_bytes());
    assert!(
        found.iter().any(|finding| finding.span == (6..6 + credential.len())),
        "{format}: {text} gives {found:?}"
    );
}

#[test]
fn credentials_with_other_fixed_parts_are_found() {
    check(
        "azure-client-secret",
        &format!("{}8{}{}", "aB3", "Q~", alphanumeric(34)),
    );
    check(
        "azure-resource-key",
        &format!("{}{}{}", alphanumeric(52), "JQQJ99", alphanumeric(26)),
    );
    check(
        "azure-devops-token",
        &format!("{}{}{}", alphanumeric(76), "AZDO", alphanumeric(4)),
    );
    check(
        "azure-storage-key",
        &format!("{}{}{}==", alphanumeric(76), "+ASt", alphanumeric(6)),
    );
    check(
        "discord-bot-token",
        &format!(
            "{}.{}.{}",
            base64("198622483471925248").trim_end_matches('='),
            "Cl2FMQ",
            alphanumeric(27)
        ),
    );
    check(
        "discord-webhook",
        &format!(
            "https://discord.com/{}/{}/{}",
            "api/webhooks",
            digits(18),
            alphanumeric(68)
        ),
    );
    check(
        "slack-webhook",
        &format!(
            "https://hooks.slack.com/{}/T{}/B{}/{}",
            "services",
            digits(8),
            digits(8),
            alphanumeric(24)
        ),
    );
    check(
        "office-webhook",
        &format!(
            "https://x.webhook.office.com/{}/{}/IncomingWebhook/{}",
            "webhookb2",
            hex(80),
            hex(32)
        ),
    );
    check(
        "telegram-bot-token",
        &format!("{}:{}{}", digits(9), "AA", alphanumeric(33)),
    );
    check(
        "resend-key",
        &format!("{}{}_{}", "re_", alphanumeric(8), alphanumeric(24)),
    );
    check("mailchimp-key", &format!("{}{}", hex(32), "-us21"));
    check(
        "terraform-token",
        &format!("{}{}{}", alphanumeric(14), ".atlasv1.", alphanumeric(67)),
    );
    check("new-relic-key", &format!("{}{}", hex(36), "NRAL"));
    check("airtable-token", &format!("{}{}.{}", "pat", alphanumeric(14), hex(64)));
}

#[test]
fn second_signals_make_random_strings_secrets() {
    let detectors = built_in();
    let key = alphanumeric(40);
    for (text, expected) in [
        (format!("aws_secret_access_key = {key}"), true),
        (format!(r#"{{"SecretAccessKey":"{key}"}}"#), true),
        (
            format!("{}{},{key}", "AKIA", filler(|byte| byte.is_ascii_uppercase(), 16)),
            true,
        ),
        (
            format!("AccountName=x;AccountKey={}==;EndpointSuffix=y", alphanumeric(86)),
            true,
        ),
        (
            format!(
                "https://x.blob.core.windows.net/c?sv=2024-01-01&{}={}%3D",
                "sig",
                alphanumeric(43)
            ),
            true,
        ),
        (format!(r#"{{"api_key": "{}"}}"#, hex(32)), true),
        (format!("DATADOG_API_KEY={}", hex(32)), true),
        (format!("clientSecret: '{}'", alphanumeric(24)), true),
        (
            format!("https://example.org/?access_token={}&x=1", alphanumeric(24)),
            true,
        ),
        (format!("Authorization: Bearer {}", alphanumeric(32)), true),
        (format!("authorization: basic {}", base64("anna:correct horse")), true),
        (r#"{"user":"anna","password":"hunter2!"}"#.to_owned(), true),
        ("PGPASSWORD=s3cr3t-99 psql".to_owned(), true),
        ("Das Passwort: Sommer2024!".to_owned(), true),
        (r#"{\"password\":\"hunter22\"}"#.to_owned(), true),
        (format!("commit {key}"), false),
        (format!("etag {}", hex(32)), false),
        (format!("basic {}", base64("no pair here")), false),
        (r#"{"password":"(abc)[123]"}"#.to_owned(), true),
        (r#"{"password":"$ecret-1"}"#.to_owned(), true),
        (r#"{"password":"$DB_PASSWORD_1"}"#.to_owned(), false),
        ("password = credentials[1]".to_owned(), false),
        ("token: other2::TokenStream1".to_owned(), false),
        ("password: required".to_owned(), false),
        (r#"{"passwordUpdatedAt":"2024-01-15T10:22:33Z"}"#.to_owned(), false),
        ("password: 2024-01-15T10:22:33Z".to_owned(), false),
        ("secretName: my-app-secret-v2-production".to_owned(), false),
        ("PWD=/srv/anna/project-2".to_owned(), false),
        (format!(r#"{{"password_hash":"{}"}}"#, hex(32)), true),
        ("password=process.env.PASSWORD1".to_owned(), false),
        ("password=********".to_owned(), false),
    ] {
        let found = detectors.scan(text.as_bytes());
        assert_eq!(!found.is_empty(), expected, "{text}: {found:?}");
        assert!(
            found.iter().all(|finding| finding.label.is_secret()),
            "{text}: {found:?}"
        );
    }
}

#[test]
fn tokens_are_read_through_invisible_characters_but_not_in_other_cases_or_pieces() {
    let detectors = built_in();
    let body = alphanumeric(36);
    let prefix = concat!("ghp", "_");
    let (first, second) = body.split_at(18);
    for (text, expected) in [
        (format!("{prefix}{first}\u{200B}{second}"), true),
        (format!("{prefix}{first}\u{00AD}{second}"), true),
        (format!("日本{prefix}{body}語"), true),
        (format!("{}{body}", prefix.to_uppercase()), false),
        (format!("{prefix}{first}-{second}"), false),
        (format!("{prefix}{first}\n{second}"), false),
        (format!("x{prefix}{body}"), false),
    ] {
        assert_eq!(!detectors.scan(text.as_bytes()).is_empty(), expected, "{text:?}");
    }
}

#[test]
fn long_values_are_found_to_their_end() {
    let detectors = built_in();
    for key in ["token=", "Bearer ", "password=\""] {
        let text = format!("{key}{}\n", alphanumeric(5000));
        let found = detectors.scan(text.as_bytes());
        assert_eq!(found[0].span, key.len()..text.len() - 1, "{key}");
    }
}

#[test]
fn private_keys_are_found_to_the_end_of_their_armour() {
    for title in [
        "PRIVATE KEY",
        "RSA PRIVATE KEY",
        "EC PRIVATE KEY",
        "OPENSSH PRIVATE KEY",
        "ENCRYPTED PRIVATE KEY",
        "PGP PRIVATE KEY BLOCK",
    ] {
        let lines = [alphanumeric(64), alphanumeric(64), format!("{}==", alphanumeric(30))];
        for line_end in ["\n", "\r\n", "\\n", " "] {
            let body = lines.join(line_end);
            check(
                "private-key",
                &format!("-----BEGIN {title}-----{line_end}{body}{line_end}-----END {title}-----"),
            );
        }
    }
    let detectors = built_in();
    let cut = format!(
        "-----BEGIN {} KEY-----\n{}\n{}",
        "PRIVATE",
        alphanumeric(64),
        alphanumeric(20)
    );
    assert_eq!(detectors.scan(cut.as_bytes())[0].span, 0..cut.len());
    let account = format!(
        r#"{{"type":"service_account","private_key":"{}\n","client_email":"x"}}"#,
        cut.replace('\n', "\\n")
    );
    let found = detectors.scan(account.as_bytes());
    assert_eq!(found[0].format, "private-key", "{found:?}");
    let putty = format!(
        "{}3: ssh-ed25519\nEncryption: none\nPublic-Lines: 2\n{}\nPrivate-Lines: 1\n{}\nPrivate-MAC: {}",
        "PuTTY-User-Key-File-",
        alphanumeric(64),
        alphanumeric(48),
        hex(64)
    );
    check("putty-private-key", &putty);
}

#[test]
fn web_tokens_are_found_by_their_header() {
    let token =
        |header: &str, payload: &str| format!("{}.{}.{}", base64url(header), base64url(payload), alphanumeric(43));
    check("jwt", &token(r#"{"alg":"HS256","typ":"JWT"}"#, r#"{"sub":"1"}"#));
    check(
        "jwt",
        &format!("{}.{}.", base64url(r#"{"alg":"none"}"#), base64url(r#"{"sub":"1"}"#)),
    );
    check(
        "jwt",
        &format!(
            "{}.{}",
            token(r#"{"alg":"RSA-OAEP","enc":"A256GCM"}"#, "xxxxxxxx"),
            ["aaaa1111", "bbbb2222"].join(".")
        ),
    );
    let detectors = built_in();
    let other = token(r#"{"typ":"JWT"}"#, r#"{"sub":"1"}"#);
    assert_eq!(detectors.scan(other.as_bytes()), []);
}

#[test]
fn passwords_in_addresses_are_found_with_the_address() {
    for scheme in [
        "postgres",
        "postgresql",
        "mysql",
        "mongodb+srv",
        "redis",
        "rediss",
        "amqp",
        "https",
        "ftp",
        "postgresql+psycopg2",
    ] {
        check(
            "url-password",
            &format!("{scheme}://{}:{}@db.example.org:5432/shop?x=1", "anna", "hunter22"),
        );
    }
    check("url-password", concat!("redis", "://:hunter22@cache:6379/0"));
    check(
        "jdbc-password",
        concat!("jdbc:postgresql", "://db/shop?user=anna&password=hunter22"),
    );
    check(
        "jdbc-password",
        concat!(
            "jdbc:sqlserver",
            "://db:1433;databaseName=shop;user=sa;password=hunter22;encrypt=true"
        ),
    );
    check(
        "jdbc-password",
        concat!("jdbc:oracle", ":thin:anna/hunter22@//db:1521/shop"),
    );
    let detectors = built_in();
    for cell in [
        concat!("Server=db;Database=shop;User Id=sa;", "Password=hunter22;"),
        concat!("host=db dbname=shop user=anna ", "password=hunter22"),
    ] {
        assert_eq!(detectors.whole(cell)[0].format, "connection-string", "{cell}");
        assert_eq!(detectors.scan(cell.as_bytes()).len(), 1, "{cell}");
    }
    for text in [
        "https://example.org/a:b@c",
        "postgres://anna@db/shop",
        "postgres://anna:${PASSWORD}@db/shop",
        "https://anna:***@x.org",
    ] {
        assert!(
            detectors.scan(text.as_bytes()).is_empty(),
            "{text}: {:?}",
            detectors.scan(text.as_bytes())
        );
    }
}

#[test]
fn hashes_of_passwords_are_told_from_digests() {
    let crypt = |length: usize| alphanumeric(length);
    for (format, hash) in [
        ("bcrypt", format!("$2b$12${}", crypt(53))),
        ("bcrypt", format!("bcrypt_sha256$$2b$12${}", crypt(53))),
        (
            "argon2",
            format!("$argon2id$v=19$m=65536,t=3,p=4${}${}", crypt(22), crypt(43)),
        ),
        (
            "argon2",
            format!("argon2$argon2id$v=19$m=102400,t=2,p=8${}${}", crypt(22), crypt(43)),
        ),
        ("md5-crypt", format!("$1${}${}", crypt(8), crypt(22))),
        ("md5-crypt", format!("$apr1${}${}", crypt(8), crypt(22))),
        ("sha256-crypt", format!("$5$rounds=5000${}${}", crypt(16), crypt(43))),
        ("sha512-crypt", format!("$6${}${}", crypt(16), crypt(86))),
        ("yescrypt", format!("$y$j9T${}${}", crypt(22), crypt(43))),
        ("phpass", format!("$P$B{}", crypt(30))),
        ("drupal-hash", format!("$S$D{}", crypt(51))),
        ("scrypt", format!("scrypt:32768:8:1${}${}", crypt(16), hex(128))),
        ("scrypt", format!("$scrypt$ln=16,r=8,p=1${}${}", crypt(22), crypt(43))),
        ("pbkdf2", format!("pbkdf2_sha256$870000${}${}=", crypt(22), crypt(43))),
        ("pbkdf2", format!("pbkdf2:sha256:600000${}${}", crypt(16), hex(64))),
        ("pbkdf2", format!("$pbkdf2-sha256$29000${}${}", crypt(22), crypt(43))),
        ("django-hash", format!("sha1${}${}", crypt(12), hex(40))),
        (
            "postgres-scram",
            format!("SCRAM-SHA-256$4096:{}==${}=:{}=", crypt(22), crypt(43), crypt(43)),
        ),
        ("postgres-md5", format!("{}{}", "md5", hex(32))),
        ("mysql-native", format!("*{}", hex(40).to_uppercase())),
        ("ldap-hash", format!("{{SSHA}}{}", base64("twenty bytes and salt  x"))),
        ("ldap-hash", format!("{{SSHA512}}{}", alphanumeric(96))),
    ] {
        check(format, &hash);
        let detectors = built_in();
        assert_eq!(detectors.whole(&hash)[0].label, Label::PasswordHash, "{hash}");
        let cut = &hash[..hash.len() - 9];
        assert!(
            !super::has(&detectors.whole(cut), format)
                || matches!(format, "argon2" | "scrypt" | "pbkdf2" | "ldap-hash" | "postgres-scram"),
            "{cut}"
        );
    }
}

#[test]
fn a_password_of_the_gateways_own_is_certain() {
    // The one whose random part is all zeros; its checksum is a fact of the format.
    let detectors = built_in();
    let body = concat!("dwp", "_", "000000000000000000000000000000");
    let mut rest = crc32fast::hash(body.as_bytes());
    let mut sum = String::new();
    for _ in 0..6 {
        let digit =
            b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"[usize::try_from(rest % 62).unwrap()];
        sum.insert(0, char::from(digit));
        rest /= 62;
    }
    check("durward-password", &format!("{body}{sum}"));
    assert_eq!(detectors.scan(format!("{body}{}", sum.to_lowercase()).as_bytes()), []);
}

#[test]
fn random_strings_are_shapes() {
    let detectors = built_in();
    for (value, expected) in [
        (alphanumeric(32), true),
        (hex(32), true),
        ("550e8400-e29b-41d4-a716-446655440000".to_owned(), true),
        ("aaaaaaaaaaaaaaa1".to_owned(), false),
        ("correct horse battery 1".to_owned(), false),
        ("short1".to_owned(), false),
    ] {
        let found = detectors.whole(&value);
        assert_eq!(super::has(&found, "high-entropy"), expected, "{value}: {found:?}");
        assert!(
            found.iter().all(|finding| finding.strength == Strength::Shape),
            "{value}: {found:?}"
        );
    }
}
