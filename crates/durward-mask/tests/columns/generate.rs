//! Values as real tables have them: with blanks, dirt, mixed cases and mixed forms.

use super::numbers;
use super::random::Random;
use super::words::{self, Words};

const LETTERS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const BASE64: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const UPPER: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const HEX: &str = "0123456789abcdef";

/// The values of a column: `rows` of them, made as `recipe` says, in a language. One in ten is dirty if `dirt`.
pub(crate) fn values(seed: &str, recipe: &str, language: &str, rows: usize, dirt: bool) -> Vec<String> {
    let mut random = Random::of(seed);
    (0..rows)
        .map(|row| {
            let value = value(&mut random, recipe, language, row);
            if dirt { dirty(&mut random, value) } else { value }
        })
        .collect()
}

fn dirty(random: &mut Random, value: String) -> String {
    match random.within(0, 39) {
        0 => String::new(),
        1 => "n/a".to_owned(),
        2 => format!(" {value} "),
        3 => value.to_uppercase(),
        4 => value.to_lowercase(),
        5 => value.chars().skip(2).collect(),
        6 => format!("{value}?"),
        _ => value,
    }
}

/// A picture's `9` become digits and its `A` letters.
fn picture(random: &mut Random, picture: &str) -> String {
    picture
        .chars()
        .map(|sign| match sign {
            '9' => random.signs("0123456789", 1),
            'A' => random.signs(UPPER, 1),
            other => other.to_string(),
        })
        .collect()
}

fn street(random: &mut Random, words: &Words) -> String {
    words_with_numbers(random, words.streets)
}

/// In streets a `9` is a number of house, which never begins with a zero.
fn words_with_numbers(random: &mut Random, list: &[&'static str]) -> String {
    let chosen = random.pick(list);
    let mut text = String::new();
    let mut in_number = false;
    for sign in chosen.chars() {
        if sign == '9' {
            text.push_str(&random.signs(if in_number { "0123456789" } else { "123456789" }, 1));
            in_number = true;
        } else {
            text.push(sign);
            in_number = false;
        }
    }
    text
}

fn whole_name(random: &mut Random, words: &Words) -> String {
    let (given, family) = (random.pick(words.given), random.pick(words.family));
    if words.is_east_asian {
        format!("{family}{given}")
    } else {
        format!("{given} {family}")
    }
}

fn ascii_login(random: &mut Random) -> String {
    let names = [
        "anna",
        "jkowalski",
        "m.rossi",
        "tom",
        "lena_b",
        "pedro",
        "skywalker",
        "hfischer",
        "nora",
        "ivan.p",
        "kim",
        "zoe",
    ];
    format!("{}{}", random.pick(&names), random.within(1, 999))
}

fn email(random: &mut Random) -> String {
    let hosts = [
        "gmail.com",
        "example.org",
        "web.de",
        "orange.fr",
        "firma.example",
        "mail.ru",
        "qq.com",
        "outlook.com",
    ];
    format!("{}@{}", ascii_login(random), random.pick(&hosts))
}

fn date(random: &mut Random, low: u64, high: u64) -> String {
    format!(
        "{}-{:02}-{:02}",
        random.within(low, high),
        random.within(1, 12),
        random.within(1, 28)
    )
}

fn value(random: &mut Random, recipe: &str, language: &str, row: usize) -> String {
    let (kind, argument) = recipe.split_once(':').unwrap_or((recipe, ""));
    person(random, kind, argument, language)
        .or_else(|| secret(random, kind))
        .or_else(|| text(random, kind, argument, language))
        .or_else(|| structured(random, kind, language))
        .unwrap_or_else(|| plain(random, kind, argument, language, row))
}

fn person(random: &mut Random, kind: &str, argument: &str, language: &str) -> Option<String> {
    let words = words::of(language);
    Some(match kind {
        "email" => email(random),
        "named_email" => format!("{} <{}>", whole_name(random, &words), email(random)),
        "given" => random.pick(words.given).to_owned(),
        "family" => random.pick(words.family).to_owned(),
        "name" => whole_name(random, &words),
        "name_reversed" => format!("{}, {}", random.pick(words.family), random.pick(words.given)),
        "login" => ascii_login(random),
        "phone" => {
            let form = random.pick(words.phones);
            picture(random, form)
        }
        "phone_international" => picture(random, words.phones[0]),
        "phone_plain" => picture(random, words.phones.last()?).replace('+', ""),
        "street" => street(random, &words),
        "address" => {
            let line = street(random, &words);
            format!(
                "{line}, {} {}",
                picture(random, words.postcode),
                random.pick(words.cities)
            )
        }
        "postcode" => picture(random, words.postcode),
        "city" => random.pick(words.cities).to_owned(),
        "birth" => date(random, 1942, 2004),
        "birth_written" => format!(
            "{:02}.{:02}.{}",
            random.within(1, 28),
            random.within(1, 12),
            random.within(1942, 2004)
        ),
        "birth_compact" => date(random, 1942, 2004).replace('-', ""),
        "national" => numbers::national(random, argument),
        "tax" => numbers::tax(random, argument),
        "passport" => format!("{}{}", random.signs("CFGHJKLMNPRTVWXYZ", 1), random.digits(8)),
        "driving" => format!(
            "{}{}{}",
            random.signs(UPPER, 2),
            random.digits(6),
            random.signs(UPPER, 1)
        ),
        "card" => numbers::card(random),
        "card_grouped" => numbers::card(random)
            .as_bytes()
            .chunks(4)
            .map(String::from_utf8_lossy)
            .collect::<Vec<_>>()
            .join(" "),
        "cvv" => picture(random, "999"),
        "iban" => numbers::iban(random, argument),
        "account" => random.digits(10),
        "ip" => format!(
            "{}.{}.{}.{}",
            random.within(11, 223),
            random.within(0, 255),
            random.within(0, 255),
            random.within(1, 254)
        ),
        "ipv6" => format!(
            "2a02:{}:{}::{}",
            random.signs(HEX, 4),
            random.signs(HEX, 4),
            random.signs(HEX, 3)
        ),
        "mac" => (0..6).map(|_| random.signs(HEX, 2)).collect::<Vec<_>>().join(":"),
        "latitude" => format!("{}.{}", random.within(35, 60), picture(random, "999999")),
        "longitude" => format!("{}.{}", random.within(1, 30), picture(random, "999999")),
        "place" => format!(
            "{}.{},{}.{}",
            random.within(35, 60),
            picture(random, "999999"),
            random.within(1, 30),
            picture(random, "999999")
        ),
        "point" => format!(
            "({}.{},{}.{})",
            random.within(1, 30),
            picture(random, "999999"),
            random.within(35, 60),
            picture(random, "999999")
        ),
        "diagnosis" => random
            .pick(&[
                "Hypertension",
                "Type 2 diabetes",
                "Asthma",
                "Migraine",
                "Anaemia",
                "Eczema",
                "Depression",
                "Gastritis",
                "Arthritis",
                "Pneumonia",
            ])
            .to_owned(),
        "icd" => format!(
            "{}{}.{}",
            random.signs("ABCEFGIJKM", 1),
            picture(random, "99"),
            random.within(0, 9)
        ),
        "blood" => random.pick(&["A+", "A-", "B+", "B-", "AB+", "0+", "0-"]).to_owned(),
        "medicine" => format!(
            "{} {} mg",
            random.pick(&["Ibuprofen", "Metformin", "Ramipril", "Salbutamol", "Omeprazol"]),
            random.within(1, 20) * 25
        ),
        "salary" => format!("{}", random.within(180, 990) * 100),
        "salary_exact" => format!("{}.{:02}", random.within(1800, 9900), random.within(0, 99)),
        "health_number" => picture(random, "A999999999"),
        _ => return None,
    })
}

fn secret(random: &mut Random, kind: &str) -> Option<String> {
    Some(match kind {
        "password" => format!(
            "{}{}{}",
            random.pick(&["Sommer", "qwerty", "dragon", "Passw0rd", "letmein", "monkey"]),
            random.within(10, 9999),
            random.pick(&["!", "#", "", "?"])
        ),
        "bcrypt" => format!("$2b$12${}", random.signs(LETTERS, 53)),
        "argon" => format!(
            "$argon2id$v=19$m=65536,t=3,p=4${}${}",
            random.signs(LETTERS, 22),
            random.signs(LETTERS, 43)
        ),
        "digest" => random.signs(HEX, 64),
        "md5" => random.signs(HEX, 32),
        "aws" => format!("AKIA{}", random.signs("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 16)),
        "github" => format!("ghp_{}", random.signs(LETTERS, 36)),
        "slack" => format!(
            "xoxb-{}-{}-{}",
            random.digits(11),
            random.digits(12),
            random.signs(LETTERS, 24)
        ),
        "stripe" => format!("sk_live_{}", random.signs(LETTERS, 24)),
        "jwt" => format!(
            "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIx{}In0.{}",
            random.signs(LETTERS, 20),
            random.signs(LETTERS, 43)
        ),
        "token" => random.signs(LETTERS, 40),
        "hex_token" => random.signs(HEX, 48),
        "base64_key" => format!("{}=", random.signs(BASE64, 43)),
        "dsn" => format!(
            "postgres://app:{}@db{}.internal:5432/shop",
            random.signs(LETTERS, 14),
            random.within(1, 9)
        ),
        "otp" => picture(random, "999999"),
        _ => return None,
    })
}

fn text(random: &mut Random, kind: &str, argument: &str, language: &str) -> Option<String> {
    let words = words::of(language);
    let sentences = |random: &mut Random, most: u64| {
        let count = random.within(1, most);
        (0..count)
            .map(|_| random.pick(words.sentences))
            .collect::<Vec<_>>()
            .join(" ")
    };
    Some(match kind {
        "prose" => format!("{} ({})", sentences(random, 2), random.within(1, 31)),
        "letter" => {
            let body = sentences(random, 3);
            let end = if random.chance(25) {
                email(random)
            } else {
                random.within(1, 99).to_string()
            };
            format!("{body} {end}")
        }
        "remark" => format!(
            "{} {}",
            random.pick(&["ok", "paid", "call back", "see file", "urgent", "moved"]),
            random.within(1, 400)
        ),
        "slogan" => format!(
            "{} {} with {} finish, {} cm. Ideal for every home and garden.",
            random.pick(&["Solid", "Light", "Modern", "Compact"]),
            random.pick(&["oak table", "steel lamp", "garden chair", "wall shelf"]),
            random.pick(&["matt", "glossy", "brushed"]),
            random.within(20, 220)
        ),
        "mixed" => match random.within(0, 5) {
            0 => email(random),
            1 => picture(random, words.phones[0]),
            2 => date(random, 1950, 2000),
            3 => numbers::iban(random, "de"),
            4 => random.pick(&["red", "blue", "large", "yes", "newsletter"]).to_owned(),
            _ => random.within(1, 500).to_string(),
        },
        "settings" => match random.within(0, 11) {
            0 => format!("sk_live_{}", random.signs(LETTERS, 24)),
            1 => "true".to_owned(),
            2 => "#ff8800".to_owned(),
            3 => format!("postgres://app:{}@db1.internal:5432/shop", random.signs(LETTERS, 14)),
            4 => "Europe/Berlin".to_owned(),
            _ => random.within(1, 500).to_string(),
        },
        "query" => format!(
            "SELECT id FROM orders WHERE total > {} AND note LIKE '%{}%'",
            random.within(1, 900),
            random.pick(words.cities)
        ),
        "enum" => random.pick(&argument.split('|').collect::<Vec<_>>()).to_owned(),
        _ => return None,
    })
}

fn structured(random: &mut Random, kind: &str, language: &str) -> Option<String> {
    let words = words::of(language);
    let name = whole_name(random, &words);
    Some(match kind {
        "json_profile" => format!(
            r#"{{"theme":"dark","contact":{{"email":"{}","phone":"{}"}},"visits":{}}}"#,
            email(random),
            picture(random, words.phones[0]),
            random.within(1, 90)
        ),
        "json_row" => format!(
            r#"{{"id":{},"full_name":"{name}","email":"{}","birth_date":"{}","status":"active"}}"#,
            random.within(1, 9000),
            email(random),
            date(random, 1950, 2000)
        ),
        "json_list" => format!(
            r#"{{"recipients":[{{"name":"{name}","mail":"{}"}},{{"name":"{}","mail":"{}"}}]}}"#,
            email(random),
            whole_name(random, &words),
            email(random)
        ),
        "json_settings" => format!(
            r#"{{"columns":{},"sort":"{}","dark":{},"version":"1.{}.0"}}"#,
            random.within(1, 12),
            random.pick(&["asc", "desc"]),
            random.chance(50),
            random.within(0, 20)
        ),
        "json_goods" => format!(
            r#"{{"sku":"AB-{}","colour":"{}","dimensions":{{"width":{},"height":{}}},"tags":["new","{}"]}}"#,
            random.digits(5),
            random.pick(&["red", "blue", "oak"]),
            random.within(10, 90),
            random.within(10, 90),
            random.pick(&["sale", "garden"])
        ),
        "json_hook" => format!(
            r#"{{"event":"{}","headers":{{"authorization":"Bearer {}"}},"attempt":{}}}"#,
            random.pick(&["order.paid", "user.created"]),
            random.signs(LETTERS, 40),
            random.within(1, 5)
        ),
        "hstore_person" => format!(
            r#""email"=>"{}", "colour"=>"blue", "phone"=>"{}""#,
            email(random),
            picture(random, words.phones[0])
        ),
        "xml_person" => format!(
            "<person><name>{name}</name><email>{}</email><rank>{}</rank></person>",
            email(random),
            random.within(1, 9)
        ),
        "emails" => format!("{{{},{}}}", email(random), email(random)),
        "tags" => format!(
            "{{{},{}}}",
            random.pick(&["red", "new", "hot"]),
            random.pick(&["sale", "vip", "garden"])
        ),
        _ => return None,
    })
}

fn plain(random: &mut Random, kind: &str, argument: &str, language: &str, row: usize) -> String {
    match kind {
        "serial" => (row + 1).to_string(),
        "uuid" => ["8", "4", "4", "4", "12"]
            .map(|length| random.signs(HEX, length.parse().unwrap()))
            .join("-"),
        "bool" => if random.chance(50) { "t" } else { "f" }.to_owned(),
        "yes" => if random.chance(50) { "Y" } else { "N" }.to_owned(),
        "int" => {
            let (low, high) = argument.split_once('-').unwrap();
            random.within(low.parse().unwrap(), high.parse().unwrap()).to_string()
        }
        "digits" => random.digits(argument.parse().unwrap()),
        "price" => format!("{}.{:02}", random.within(1, 900), random.within(0, 99)),
        "moment" => format!(
            "{} {:02}:{:02}:{:02}+00",
            date(random, 2021, 2025),
            random.within(0, 23),
            random.within(0, 59),
            random.within(0, 59)
        ),
        "date" => date(random, 2019, 2026),
        "version" => format!(
            "{}.{}.{}.{}",
            random.within(1, 9),
            random.within(0, 20),
            random.within(0, 9),
            random.within(0, 30)
        ),
        "sku" => format!("{}-{}", random.signs(UPPER, 3), random.digits(5)),
        "picture" => picture(random, argument),
        "ean" => numbers::ean(random, "40"),
        "isbn10" => numbers::isbn10(random),
        "isbn13" => numbers::ean(random, "978"),
        "imei" => numbers::imei(random),
        "product" => format!(
            "{} {} {}",
            random.pick(&["Nova", "Classic", "Pro", "Eco", "Alba"]),
            random.pick(&["Chair", "Lamp", "Phone", "Drill", "Backpack", "Kettle"]),
            random.within(100, 900)
        ),
        "company" => format!(
            "{} {}",
            random.pick(&["Nordwind", "Helios", "Brightwater", "Altamira", "Zenit", "Kestrel"]),
            random.pick(&["GmbH", "Ltd", "S.A.", "B.V.", "Oy", "Sp. z o.o.", "Inc."])
        ),
        "brand" => random
            .pick(&[
                "Victoria",
                "Calvin Klein",
                "Martini",
                "Bosch",
                "Philips",
                "Levi's",
                "Hugo",
                "Carhartt",
            ])
            .to_owned(),
        "label" => random
            .pick(&[
                "Sales",
                "Support",
                "Logistics",
                "Finance",
                "Research",
                "Marketing",
                "Purchasing",
            ])
            .to_owned(),
        "country" => random.pick(&["DE", "FR", "US", "ES", "PL", "JP"]).to_owned(),
        "url" => format!("https://cdn.example.com/img/{}.jpg", random.digits(7)),
        "host" => format!("app-{}.prod.internal", random.within(1, 99)),
        "file" => format!("report_{}.pdf", random.digits(4)),
        "path" => format!("/srv/data/{}/{}.csv", random.digits(4), random.signs(HEX, 6)),
        "colour" => format!("#{}", random.signs(HEX, 6)),
        "agent" => format!(
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.{} Chrome/12{}.0",
            random.within(1, 90),
            random.within(0, 9)
        ),
        "dotted" => format!(
            "{}.{}",
            random.pick(&["theme", "mail", "cart", "auth"]),
            random.pick(&["colour", "limit", "ttl", "enabled", "sender"])
        ),
        "const" => argument.to_owned(),
        "slug" => format!(
            "{}-{}",
            random.pick(&["how-to", "why", "best"]),
            random.pick(&["garden", "lamp", "travel", "winter"])
        ),
        "title" => format!(
            "{} {}",
            random.pick(&["A guide to", "News about", "Ten ideas for"]),
            random.pick(&["gardens", "winter", "travel", "lamps"])
        ),
        "measure" => format!("{}.{}", random.within(0, 90), random.within(0, 9)),
        other => panic!("no recipe {other} ({language})"),
    }
}
