//! Values of every type, from a fixed seed: ordinary ones, extremes and nonsense.

/// A small generator of numbers (xorshift64*), so that a failure is seen again.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed | 1)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    fn digits(&mut self, count: u64) -> String {
        (0..count).map(|_| char::from(b'0' + (self.below(10) as u8))).collect()
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len() as u64) as usize]
    }
}

const FIXED_TEXTS: &[&str] = &[
    "",
    " ",
    "---",
    "a",
    "Z",
    "7",
    "NULL",
    "null",
    "N/A",
    "\\x41",
    "a\tb\nc\rd",
    "\"quoted\"",
    "it's",
    "back\\slash",
    "{a,b}",
    "Ångström",
    "Ада Лавлейс",
    "山田太郎",
    "🦀 crab",
    "e\u{301}",
    "\u{1}\u{1f}\u{7f}",
    "'; DROP TABLE t; --",
    "4111 1111 1111 1111",
    "4111-1111-1111-111",
    "123456789",
    "DE89 3704 0044 0532 0130 00",
    "FR7630006000011234567890189",
    "192.168.1.10",
    "255.255.255.255",
    "256.1.1.1",
    "01.2.3.4",
    "1.2.3.4 ",
    "::1",
    "fe80::1%eth0",
    "2001:db8::1",
    "aa:bb:cc:dd:ee:ff",
    "AA-BB-CC-DD-EE-FF",
    "aabbccddeeff",
    "aa:bb-cc:dd:ee:ff",
    "aabbccddeefg",
    "1990-02-28",
    "2024-02-31",
    "0000-01-01",
    "0001-01-01",
    "9999-12-31",
    "1990-13-01",
    "1990-2-8",
    "17.12.1997",
    "12/17/1997",
    "SW1A 1AA",
    "+33 6 12 34 56 78",
    "(030) 123/45-6",
    "030.123.4567",
    "030,123.4567",
    "+-+.-0",
    "-0-",
    "$1 #2",
    "5% of 7%%",
    "\"12\"-3",
    "12L34",
    "1.2E3",
    "0000000000",
    "000 000 000 000 000 000",
    "12345 67890 1234.5678",
    "41111111111111111234",
    "AbCdEfGhIjKlMnOpQrStUvWxYz0123456789",
    "123456789012345678",
    "1234567890123456789",
    "12345678901234567890",
    "1234567890123456789012",
    "12345678901234567890123",
    "a1",
    "A-1",
];

pub(crate) fn texts(dice: &mut Dice, count: usize) -> Vec<String> {
    let mut all: Vec<String> = FIXED_TEXTS.iter().map(|text| (*text).to_owned()).collect();
    all.push("x".repeat(10_000));
    all.push("É-9 ".repeat(2_500));
    all.push(format!("{}12345", ".".repeat(70)));
    all.push(format!("{}12345", ".".repeat(40)));
    while all.len() < count {
        all.push(text(dice));
    }
    all
}

fn text(dice: &mut Dice) -> String {
    let length = dice.below(30);
    match dice.below(10) {
        0 => {
            let name: String = (0..length + 1)
                .map(|_| char::from(b'a' + (dice.below(26) as u8)))
                .collect();
            format!("{name}.{}@corp.example", dice.below(1_000))
        }
        1 => dice.digits(length),
        2 => format!("+{} {} {}", dice.digits(2), dice.digits(3), dice.digits(length % 9)),
        3 => (0..length).map(|_| char::from(b' ' + (dice.below(95) as u8))).collect(),
        4 => (0..length)
            .map(|_| char::from_u32(1 + dice.below(0x2_ffff) as u32).unwrap_or('\u{fffd}'))
            .collect(),
        5 => format!(
            "{}-{}-{}",
            dice.pick(&["AB", "xy", "Q"]),
            dice.digits(length % 6),
            dice.pick(&["Z", "", "k9"])
        ),
        6 => format!("{:04}-{:02}-{:02}", dice.below(10_000), dice.below(14), dice.below(33)),
        7 => format!(
            "{}.{}.{}.{}",
            dice.below(260),
            dice.below(260),
            dice.below(260),
            dice.below(260)
        ),
        8 => (0..length % 22 + 1)
            .map(|_| dice.pick(&["0", "1", "5", "9", "38", "072", " ", "-", "+", "(", ")", "/", ".", "#"]))
            .collect(),
        _ => (0..6)
            .map(|_| format!("{:02x}", dice.below(256)))
            .collect::<Vec<_>>()
            .join(dice.pick(&[":", "-", "", "."])),
    }
}

pub(crate) fn integers(dice: &mut Dice, bits: u32, count: usize) -> Vec<String> {
    let (least, greatest) = (-(1_i128 << (bits - 1)), (1_i128 << (bits - 1)) - 1);
    let mut all: Vec<i128> = vec![
        0,
        1,
        -1,
        9,
        10,
        -9,
        -10,
        99,
        100,
        least,
        least + 1,
        greatest,
        greatest - 1,
    ];
    while all.len() < count {
        let value = i128::from(dice.next().cast_signed() >> dice.below(64));
        all.push(value.clamp(least, greatest));
    }
    all.iter().map(i128::to_string).collect()
}

pub(crate) fn numerics(dice: &mut Dice, count: usize) -> Vec<String> {
    let mut all: Vec<String> = [
        "0",
        "0.00",
        "NaN",
        "Infinity",
        "-Infinity",
        "1",
        "-1",
        "0.1",
        "-0.05",
        "50000.00",
        "1.50",
        "1.5",
        "999999999999999999",
        "1000000000000000000",
        "-123456789012345678901234567890.0100",
        "0.000000000000000000000000000001",
        "1e50",
        "1e-50",
        "100",
        "0.10",
    ]
    .map(str::to_owned)
    .to_vec();
    all.push("9".repeat(200) + ".5");
    while all.len() < count {
        let (whole, places) = (dice.below(25), dice.below(12));
        let sign = if dice.below(3) == 0 { "-" } else { "" };
        all.push(format!("{sign}{}.{}", dice.digits(whole + 1), dice.digits(places)));
    }
    all
}

/// Numerics that fit in `numeric(precision, scale)`.
pub(crate) fn small_numerics(dice: &mut Dice, whole: u64, scale: u64, count: usize) -> Vec<String> {
    (0..count)
        .map(|_| {
            let length = dice.below(whole + 1);
            format!(
                "{}0{}.{}",
                dice.pick(&["", "-"]),
                dice.digits(length),
                dice.digits(scale)
            )
        })
        .collect()
}

pub(crate) fn floats(dice: &mut Dice, double: bool, count: usize) -> Vec<String> {
    let mut all: Vec<String> = [
        "0",
        "-0",
        "NaN",
        "Infinity",
        "-Infinity",
        "1",
        "-2.5",
        "0.1",
        "1e10",
        "1e-10",
        "123456",
        "1234567",
        "1e-38",
    ]
    .map(str::to_owned)
    .to_vec();
    if double {
        all.extend(
            [
                "1e15",
                "1e16",
                "1.7976931348623157e308",
                "5e-324",
                "1e-290",
                "9.9e-291",
                "123456789012345680",
            ]
            .map(str::to_owned),
        );
    } else {
        all.extend(["3.4028235e38", "1e-45", "1e-30", "9.9e-31", "1e38"].map(str::to_owned));
    }
    while all.len() < count {
        let text = match dice.below(3) {
            0 if double => format!("{:e}", f64::from_bits(dice.next())),
            0 => format!("{:e}", f32::from_bits((dice.next() >> 32) as u32)),
            1 => format!("{}.{}", dice.below(1_000_000), dice.below(1_000)),
            _ => format!(
                "{}",
                dice.below(180) as f64 - 90.0 + dice.below(10_000) as f64 / 10_000.0
            ),
        };
        all.push(text.replace("inf", "Infinity"));
    }
    all
}

pub(crate) fn dates(dice: &mut Dice, count: usize) -> Vec<String> {
    let mut all: Vec<String> = [
        "infinity",
        "-infinity",
        "0044-03-15 BC",
        "4713-11-24 BC",
        "5874897-12-31",
        "0001-01-01",
        "9999-12-31",
        "2000-01-01",
        "1999-12-31",
        "2000-02-29",
        "1900-03-01",
        "0003-10-23",
        "0003-10-24",
        "9995-11-22",
        "9995-12-02",
        "10000-01-01",
    ]
    .map(str::to_owned)
    .to_vec();
    while all.len() < count {
        let years = if dice.below(4) == 0 { 9_999 } else { 200 };
        let year = if years == 200 { 1850 } else { 1 } + dice.below(years - 1);
        all.push(format!("{year:04}-{:02}-{:02}", 1 + dice.below(12), 1 + dice.below(28)));
    }
    all
}

pub(crate) fn moments(dice: &mut Dice, count: usize) -> Vec<String> {
    let mut all: Vec<String> = [
        "infinity",
        "-infinity",
        "0044-03-15 12:00:00 BC",
        "4713-11-25 00:00:00 BC",
        "294276-12-30 23:59:59.999999",
        "1999-12-31 23:59:59.999999",
        "2000-01-01 00:00:00",
        "2000-01-01 00:00:00.000001",
        "2024-06-01 12:00:00.5",
    ]
    .map(str::to_owned)
    .to_vec();
    for date in dates(dice, count - all.len()).split_off(16) {
        let seconds = dice.below(86_400);
        let time = format!("{:02}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60);
        all.push(match dice.below(4) {
            0 => format!("{date} 00:00:00"),
            1 => format!("{date} {time}"),
            2 => format!("{date} {time}.{}", dice.below(1_000)),
            _ => format!("{date} {time}.{:06}", dice.below(1_000_000)),
        });
    }
    all
}

pub(crate) fn uuids(dice: &mut Dice, count: usize) -> Vec<String> {
    (0..count)
        .map(|_| format!("{:016x}{:016x}", dice.next(), dice.next()))
        .collect()
}

pub(crate) fn addresses(dice: &mut Dice, network: bool, count: usize) -> Vec<String> {
    let mut all: Vec<String> = if network {
        [
            "0.0.0.0/0",
            "10.0.0.0/8",
            "::/0",
            "2001:db8::/32",
            "1.2.3.4/32",
            "::1/128",
        ]
        .map(str::to_owned)
        .to_vec()
    } else {
        [
            "0.0.0.0",
            "255.255.255.255",
            "10.0.0.1/8",
            "::1",
            "::ffff:1.2.3.4",
            "2001:db8::1/64",
            "1.2.3.4/0",
            "::/0",
        ]
        .map(str::to_owned)
        .to_vec()
    };
    while all.len() < count {
        let address = std::net::Ipv4Addr::from_bits(dice.next() as u32);
        let six = std::net::Ipv6Addr::from_bits(u128::from(dice.next()) << 64 | u128::from(dice.next()));
        all.push(match (dice.below(3), network) {
            (0, false) => format!("{six}/{}", dice.below(129)),
            (0, true) => {
                let bits = dice.below(129) as u32;
                let mask = u128::MAX.checked_shl(128 - bits).unwrap_or(0);
                format!("{}/{bits}", std::net::Ipv6Addr::from_bits(six.to_bits() & mask))
            }
            (1, false) => address.to_string(),
            (_, false) => format!("{address}/{}", dice.below(33)),
            (_, true) => {
                let bits = dice.below(33) as u32;
                let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
                format!("{}/{bits}", std::net::Ipv4Addr::from_bits(address.to_bits() & mask))
            }
        });
    }
    all
}

pub(crate) fn hardware(dice: &mut Dice, bytes: usize, count: usize) -> Vec<String> {
    (0..count)
        .map(|_| format!("{:016x}", dice.next())[..2 * bytes].to_owned())
        .collect()
}

pub(crate) fn byte_strings(dice: &mut Dice, count: usize) -> Vec<String> {
    let mut all = vec![
        "\\x".to_owned(),
        "\\x5c78".to_owned(),
        "\\x00ff".to_owned(),
        format!("\\x{}", "ab".repeat(5_000)),
    ];
    while all.len() < count {
        let length = dice.below(80);
        let digits: String = (0..length).map(|_| format!("{:02x}", dice.below(256))).collect();
        all.push(format!("\\x{digits}"));
    }
    all
}

/// Arrays of some of the values, of all shapes.
pub(crate) fn arrays(dice: &mut Dice, values: &[String]) -> Vec<String> {
    let quoted = |value: &str| format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""));
    let mut all = vec!["{}".to_owned(), "{NULL}".to_owned()];
    for pair in values.chunks(3) {
        let mut elements: Vec<String> = pair.iter().map(|value| quoted(value)).collect();
        match dice.below(8) {
            0 => elements.push("NULL".to_owned()),
            1 => {
                let inner = elements.join(",");
                elements = vec![format!("{{{inner}}}"), format!("{{{inner}}}")];
            }
            2 => {
                all.push(format!("[0:{}]={{{}}}", elements.len() - 1, elements.join(",")));
                continue;
            }
            _ => {}
        }
        all.push(format!("{{{}}}", elements.join(",")));
    }
    all
}
