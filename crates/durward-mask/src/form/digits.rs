//! Decimal digits. Formatting and divisions by powers would cost a cell as much as its hash does.

/// Powers of ten that fit in 64 bits with a sign.
const POWERS: [u64; 19] = {
    let mut all = [1; 19];
    let mut rest: &mut [u64] = &mut all;
    let mut power = 1;
    while let Some((first, others)) = rest.split_first_mut() {
        *first = power;
        if !others.is_empty() {
            power *= 10;
        }
        rest = others;
    }
    all
};

/// A power of ten, for exponents up to eighteen.
pub(super) fn power(exponent: usize) -> u64 {
    POWERS.get(exponent).copied().unwrap_or(u64::MAX)
}

/// The twin of [`power`], of an int4.
pub(super) fn power_sql(exponent: &str) -> String {
    // An array that begins at 0: cutting a text costs as much as all the arithmetic of a round.
    let powers: Vec<String> = POWERS.iter().map(u64::to_string).collect();
    format!("(('[0:18]={{{}}}')::pg_catalog.int8[])[{exponent}]", powers.join(","))
}

/// Fills a room with the last digits of a number, and zeros before them.
pub(super) fn fill_digits(number: u64, room: &mut [u8]) {
    let mut rest = number;
    for place in room.iter_mut().rev() {
        *place = b'0' + u8::try_from(rest % 10).unwrap_or_default();
        rest /= 10;
    }
}

/// Writes the last `width` digits of a number.
pub(super) fn push_digits(number: u64, width: usize, out: &mut Vec<u8>) {
    let start = out.len();
    out.resize(start + width, b'0');
    fill_digits(number, out.get_mut(start..).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::{power, push_digits};

    #[test]
    fn digits_stand_in_their_room() {
        let mut out = b"x".to_vec();
        push_digits(1_234, 6, &mut out);
        push_digits(1_234, 2, &mut out);
        push_digits(1, 0, &mut out);
        assert_eq!(out, b"x00123434");
        assert_eq!((power(0), power(1), power(18)), (1, 10, 1_000_000_000_000_000_000));
    }
}
