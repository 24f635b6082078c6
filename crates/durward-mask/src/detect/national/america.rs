//! North and South America.

use super::super::Strength;
use super::super::checksum::{digits, is_month_day, is_uniform, letter_of, luhn, number, value_in, weighted};
use super::super::number::{Number, checked, shape};
use super::{person, taxpayer};

pub(in super::super) const NUMBERS: &[Number] = &[
    person(
        "us-ssn",
        &[],
        &["999-99-9999", "999 99 9999", "999999999"],
        &["ssn", "social", "socialsecurity"],
        us_ssn,
    ),
    taxpayer(
        "us-itin",
        &[],
        &["999-99-9999", "999 99 9999", "999999999"],
        &["itin", "taxpayer", "taxid"],
        us_itin,
    ),
    taxpayer(
        "us-ein",
        &[],
        &["99-9999999"],
        &["ein", "employer", "fein", "taxid"],
        us_ein,
    ),
    person(
        "ca-sin",
        &[],
        &["999 999 999", "999-999-999", "999999999"],
        &["sin", "nas", "social", "assurance"],
        ca_sin,
    ),
    person(
        "br-cpf",
        &["999.999.999-99"],
        &["99999999999", "999999999-99"],
        &["cpf"],
        br_cpf,
    ),
    taxpayer(
        "br-cnpj",
        &["99.999.999/9999-99", "**.***.***/****-99"],
        &["99999999999999", "************99"],
        &["cnpj"],
        br_cnpj,
    ),
    person("mx-curp", &["AAAA999999AAAAAA*9"], &[], &["curp"], mx_curp),
    taxpayer("mx-rfc", &["AAAA999999***"], &["AAA999999***"], &["rfc"], mx_rfc),
    taxpayer(
        "ar-cuit",
        &["99-99999999-9"],
        &["99999999999"],
        &["cuit", "cuil"],
        ar_cuit,
    ),
    person(
        "cl-rut",
        &["99.999.999-*", "9.999.999-*"],
        &["99999999-*", "9999999-*", "99999999*"],
        &["rut", "run"],
        cl_rut,
    ),
    taxpayer(
        "co-nit",
        &[],
        &["999.999.999-9", "999999999-9", "9999999999"],
        &["nit"],
        co_nit,
    ),
    taxpayer("pe-ruc", &[], &["99999999999"], &["ruc"], pe_ruc),
    person(
        "ec-cedula",
        &[],
        &["9999999999", "999999999-9"],
        &["cedula", "dula", "ci"],
        ec_cedula,
    ),
    person(
        "uy-ci",
        &["9.999.999-9"],
        &["99999999", "9999999-9"],
        &["ci", "cedula", "dula"],
        uy_ci,
    ),
    person(
        "do-cedula",
        &["999-9999999-9"],
        &["99999999999"],
        &["cedula", "dula"],
        do_cedula,
    ),
];

/// Social Security Administration: no area 000, 666 or 900 and up, no group 00, no serial 0000; and not the two numbers
/// that advertisements made void.
fn us_ssn(text: &[u8]) -> Option<Strength> {
    let digits = digits::<9>(text)?;
    let (area, group, serial) = (number(&digits[..3]), number(&digits[3..5]), number(&digits[5..]));
    let is_void = matches!(number(&digits), 78_051_120 | 219_099_999);
    shape(area != 0 && area != 666 && area < 900 && group != 0 && serial != 0 && !is_void && !is_uniform(&digits))
}

/// Internal Revenue Service: 900 to 999, and a group of 50 to 65, 70 to 88, 90 to 92, or 94 to 99.
fn us_itin(text: &[u8]) -> Option<Strength> {
    let digits = digits::<9>(text)?;
    let group = number(&digits[3..5]);
    shape(digits[0] == 9 && matches!(group, 50..=65 | 70..=88 | 90..=92 | 94..=99))
}

/// Internal Revenue Service: prefixes of its campuses and of the internet.
fn us_ein(text: &[u8]) -> Option<Strength> {
    let digits = digits::<9>(text)?;
    let prefix = number(&digits[..2]);
    shape(!matches!(prefix, 0 | 7..=9 | 17..=19 | 28 | 29 | 49 | 69 | 70 | 78 | 79 | 89 | 96 | 97))
}

/// Employment and Social Development Canada: Luhn; none begins with 0 or 8.
fn ca_sin(text: &[u8]) -> Option<Strength> {
    let digits = digits::<9>(text)?;
    checked(!matches!(digits[0], 0 | 8) && luhn(&digits) && !is_uniform(&digits))
}

/// Receita Federal: two checks modulo 11, weights falling to 2.
fn br_cpf(text: &[u8]) -> Option<Strength> {
    let digits = digits::<11>(text)?;
    let first = weighted(&digits[..9], &[10, 9, 8, 7, 6, 5, 4, 3, 2]) * 10 % 11 % 10;
    let second = weighted(&digits[..10], &[11, 10, 9, 8, 7, 6, 5, 4, 3, 2]) * 10 % 11 % 10;
    checked(!is_uniform(&digits) && first == digits[9] && second == digits[10])
}

/// Receita Federal, Instrução Normativa 2.229 of 2024: as before, and letters count as their ASCII code less 48.
fn br_cnpj(text: &[u8]) -> Option<Strength> {
    let text: &[u8; 14] = text.try_into().ok()?;
    let values = text.map(|byte| u32::from(byte) - u32::from(b'0'));
    let is_plain = |byte: &u8| byte.is_ascii_digit() || byte.is_ascii_uppercase();
    let check = |sum: u32| match sum % 11 {
        0 | 1 => 0,
        rest => 11 - rest,
    };
    let first = check(weighted(&values[..12], &[5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2]));
    let second = check(weighted(&values[..13], &[6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2]));
    checked(text.iter().all(is_plain) && !is_uniform(&values) && first == values[12] && second == values[13])
}

/// Registro Nacional de Población: birth, sex, state, and a check over an alphabet with Ñ.
fn mx_curp(text: &[u8]) -> Option<Strength> {
    // Ñ stands between N and O, and never in a code.
    const ALPHABET: &[u8] = b"0123456789ABCDEFGHIJKLMN~OPQRSTUVWXYZ";
    const STATES: &[&[u8; 2]] = &[
        b"AS", b"BC", b"BS", b"CC", b"CL", b"CM", b"CS", b"CH", b"DF", b"DG", b"GT", b"GR", b"HG", b"JC", b"MC", b"MN",
        b"MS", b"NT", b"NL", b"OC", b"PL", b"QT", b"QR", b"SP", b"SL", b"SR", b"TC", b"TS", b"TL", b"VZ", b"YN", b"ZS",
        b"NE",
    ];
    let text: &[u8; 18] = text.try_into().ok()?;
    let birth = digits::<6>(&text[4..10])?;
    let is_known =
        matches!(text[10], b'H' | b'M' | b'X') && STATES.iter().any(|state| state.as_slice() == &text[11..13]);
    let mut sum = 0;
    for (byte, weight) in text[..17].iter().zip((2..=18).rev()) {
        sum += value_in(ALPHABET, *byte)? * weight;
    }
    let check = letter_of(b"0123456789", (10 - sum % 10) % 10);
    checked(is_known && is_month_day([birth[2], birth[3]], [birth[4], birth[5]]) && check == Some(text[17]))
}

/// Servicio de Administración Tributaria: date, and a check modulo 11 over an alphabet with `&`, space and Ñ. Codes
/// with `&` or Ñ are not found.
fn mx_rfc(text: &[u8]) -> Option<Strength> {
    const ALPHABET: &[u8] = b"0123456789ABCDEFGHIJKLMN&OPQRSTUVWXYZ ~";
    let letters = text.len().checked_sub(9)?;
    let date = digits::<6>(text.get(letters..letters + 6)?)?;
    let (check, payload) = text.split_last()?;
    let space = (letters == 3).then_some(b' ');
    let mut sum = 0;
    for (byte, weight) in space.into_iter().chain(payload.iter().copied()).zip((2..=13).rev()) {
        sum += value_in(ALPHABET, byte)? * weight;
    }
    let expected = match sum % 11 {
        0 => Some(b'0'),
        1 => Some(b'A'),
        rest => letter_of(b"0123456789", 11 - rest),
    };
    checked(is_month_day([date[2], date[3]], [date[4], date[5]]) && expected == Some(*check))
}

/// Administración Federal de Ingresos Públicos: kind of person, and a check modulo 11.
fn ar_cuit(text: &[u8]) -> Option<Strength> {
    let digits = digits::<11>(text)?;
    let is_kind = matches!(number(&digits[..2]), 20 | 23..=27 | 30 | 33 | 34);
    let sum = weighted(&digits[..10], &[5, 4, 3, 2, 7, 6, 5, 4, 3, 2]);
    // Where the check would be 10, a 9 was given.
    let expected = match sum % 11 {
        0 => 0,
        1 => 9,
        rest => 11 - rest,
    };
    checked(is_kind && expected == digits[10])
}

/// Servicio de Registro Civil: modulo 11, weights 2 to 7 from the right, 10 as K.
fn cl_rut(text: &[u8]) -> Option<Strength> {
    let (check, payload) = text.split_last()?;
    let mut sum = 0;
    for (byte, weight) in payload.iter().rev().zip([2, 3, 4, 5, 6, 7].into_iter().cycle()) {
        sum += char::from(*byte).to_digit(10)? * weight;
    }
    checked(payload.iter().any(|byte| *byte != b'0') && letter_of(b"0123456789K", (11 - sum % 11) % 11) == Some(*check))
}

/// Dirección de Impuestos y Aduanas Nacionales: modulo 11 with primes as weights.
fn co_nit(text: &[u8]) -> Option<Strength> {
    let digits = digits::<10>(text)?;
    let expected = match weighted(&digits[..9], &[41, 37, 29, 23, 19, 17, 13, 7, 3]) % 11 {
        rest @ (0 | 1) => rest,
        rest => 11 - rest,
    };
    checked(digits[0] != 0 && expected == digits[9])
}

/// Superintendencia Nacional de Aduanas y de Administración Tributaria: kind of person, and a check modulo 11.
fn pe_ruc(text: &[u8]) -> Option<Strength> {
    let digits = digits::<11>(text)?;
    let is_kind = matches!(number(&digits[..2]), 10 | 15 | 16 | 17 | 20);
    let sum = weighted(&digits[..10], &[5, 4, 3, 2, 7, 6, 5, 4, 3, 2]);
    checked(is_kind && (11 - sum % 11) % 10 == digits[10])
}

/// Registro Civil: province 1 to 24 or 30, third digit below 6, Luhn.
fn ec_cedula(text: &[u8]) -> Option<Strength> {
    let digits = digits::<10>(text)?;
    checked(matches!(number(&digits[..2]), 1..=24 | 30) && digits[2] < 6 && luhn(&digits))
}

/// Dirección Nacional de Identificación Civil: modulo 10 with weights 2, 9, 8, 7, 6, 3, 4.
fn uy_ci(text: &[u8]) -> Option<Strength> {
    let digits = digits::<8>(text)?;
    let sum = weighted(&digits[..7], &[2, 9, 8, 7, 6, 3, 4]);
    checked(digits[0] != 0 && !is_uniform(&digits) && (10 - sum % 10) % 10 == digits[7])
}

/// Junta Central Electoral: Luhn.
fn do_cedula(text: &[u8]) -> Option<Strength> {
    let digits = digits::<11>(text)?;
    checked(luhn(&digits) && !is_uniform(&digits))
}

#[cfg(test)]
pub(in super::super) mod tests {
    use super::super::super::tests::{Example, check};

    /// Formats, a value that is valid, and one that is not.
    pub(in super::super::super) const EXAMPLES: &[Example] = &[
        ("ca-sin", "628 194 821", "628 194 820"),
        ("br-cpf", "000.857.719-61", "000.857.719-60"),
        ("br-cnpj", "11.222.333/0001-81", "11.222.333/0001-80"),
        ("mx-curp", "GOMC771216HDFRRL14", "GOMC771216HDFRRL10"),
        ("mx-rfc", "GODE561231GR8", "GODE561231GR0"),
        ("ar-cuit", "20-72105182-0", "20-72105182-1"),
        ("cl-rut", "68.694.119-1", "68.694.119-0"),
        ("co-nit", "631.976.279-5", "631.976.279-0"),
        ("pe-ruc", "10494360999", "10494360990"),
        ("ec-cedula", "1718620154", "1718620150"),
        ("do-cedula", "340-0419752-0", "340-0419752-1"),
        ("us-ssn", "219-09-8999", "666-09-8999"),
        ("us-ssn", "219098999", "000098999"),
        ("us-itin", "912-70-1234", "912-40-1234"),
        ("us-ein", "12-3456789", "07-3456789"),
        ("br-cnpj", "12.ABC.345/01DE-35", "12.ABC.345/01DE-36"),
        ("br-cpf", "52998224725", "52998224726"),
        ("uy-ci", "1.234.567-2", "1.234.567-3"),
        ("cl-rut", "12.531.909-2", "12.531.909-K"),
        ("mx-curp", "BOXW310820HNERXN09", "BOXW310820HNERXN08"),
    ];

    #[test]
    fn checks_tell_valid_numbers() {
        check(EXAMPLES);
    }
}
