//! Arrays in the server's text and binary formats, element by element. Only arrays of one dimension that begin at 1 are
//! understood; all others become NULL in both forms.

use std::borrow::Cow;

use super::sql::{Steps, call, op};

const NULL_LENGTH: i32 = -1;

/// Writes an array in text with each element changed by `mask`, which gives `None` for NULL.
pub(super) fn push_array(
    cell: &[u8],
    out: &mut Vec<u8>,
    mut mask: impl FnMut(&[u8], &mut Vec<u8>) -> Option<()>,
) -> Option<()> {
    let mut rest = cell.strip_prefix(b"{")?;
    out.push(b'{');
    if rest == b"}" {
        out.push(b'}');
        return Some(());
    }
    loop {
        let (element, after) = next_element(rest)?;
        push_element(element.as_deref(), out, &mut mask);
        match after {
            [b',', after @ ..] => {
                out.push(b',');
                rest = after;
            }
            [b'}'] => {
                out.push(b'}');
                return Some(());
            }
            _ => return None,
        }
    }
}

/// The same of an array in binary.
pub(super) fn push_array_binary(
    cell: &[u8],
    out: &mut Vec<u8>,
    mut mask: impl FnMut(&[u8], &mut Vec<u8>) -> Option<()>,
) -> Option<()> {
    let (dimensions, _) = take_int(cell)?;
    if dimensions == 0 {
        out.extend_from_slice(cell);
        return Some(());
    }
    let (head, mut rest) = cell.split_at_checked(20)?;
    let (count, after) = take_int(head.get(12..)?)?;
    let (lower, _) = take_int(after)?;
    if dimensions != 1 || lower != 1 {
        return None;
    }
    let flags = out.len() + 4;
    out.extend_from_slice(head);
    for _ in 0..count {
        let (length, after) = take_int(rest)?;
        let place = out.len();
        out.extend_from_slice(&NULL_LENGTH.to_be_bytes());
        let Ok(length) = usize::try_from(length) else {
            rest = after;
            continue;
        };
        let (element, after) = after.split_at_checked(length)?;
        rest = after;
        let start = out.len();
        if mask(element, out).is_some() {
            let written = i32::try_from(out.len() - start).ok()?;
            out.get_mut(place..start)?.copy_from_slice(&written.to_be_bytes());
        } else {
            out.truncate(start);
            out.get_mut(flags..flags + 4)?.copy_from_slice(&1_i32.to_be_bytes());
        }
    }
    rest.is_empty().then_some(())
}

/// An array expression with each element changed by what `mask` makes of its name.
pub(super) fn array_sql(argument: &str, name: &str, mask: impl FnOnce(&str) -> String) -> String {
    let empty = op(&call("cardinality", &["m.x"]), "=", "0");
    let plain = format!(
        "({} AND {})",
        op(&call("array_ndims", &["m.x"]), "=", "1"),
        op(&call("array_lower", &["m.x", "1"]), "=", "1")
    );
    let elements = format!(
        "ARRAY(SELECT {} FROM {} WITH ORDINALITY AS e(v, i) ORDER BY e.i)",
        mask("e.v"),
        call("unnest", &["m.x"])
    );
    Steps::of(argument).give(&format!(
        "CASE WHEN {empty} THEN m.x WHEN {plain} THEN ({elements})::{name} END"
    ))
}

fn push_element(element: Option<&[u8]>, out: &mut Vec<u8>, mask: &mut impl FnMut(&[u8], &mut Vec<u8>) -> Option<()>) {
    let start = out.len();
    if element.and_then(|element| mask(element, out)).is_none() {
        out.truncate(start);
        out.extend_from_slice(b"NULL");
        return;
    }
    let image = out.get(start..).unwrap_or_default();
    if needs_quotes(image) {
        let image = out.split_off(start);
        out.push(b'"');
        for byte in image {
            if matches!(byte, b'"' | b'\\') {
                out.push(b'\\');
            }
            out.push(byte);
        }
        out.push(b'"');
    }
}

/// What `array_out` puts in quotes.
fn needs_quotes(text: &[u8]) -> bool {
    let special = |byte: &u8| matches!(byte, b'"' | b'\\' | b'{' | b'}' | b',' | b' ' | 0x09..=0x0d);
    text.is_empty() || text.eq_ignore_ascii_case(b"null") || text.iter().any(special)
}

/// An element; `None` is NULL.
type Element<'a> = Option<Cow<'a, [u8]>>;

/// An element and what follows it.
fn next_element(text: &[u8]) -> Option<(Element<'_>, &[u8])> {
    let Some(inside) = text.strip_prefix(b"\"") else {
        let end = text.iter().position(|byte| matches!(byte, b',' | b'}' | b'{'))?;
        let (element, after) = text.split_at_checked(end)?;
        return match element {
            b"NULL" => Some((None, after)),
            [] => None,
            element => Some((Some(Cow::Borrowed(element)), after)),
        };
    };
    let mut length = 0;
    let mut escapes = false;
    loop {
        match inside.get(length)? {
            b'"' => break,
            b'\\' => {
                escapes = true;
                length += 2;
            }
            _ => length += 1,
        }
    }
    let (element, after) = inside.split_at_checked(length)?;
    let element = if escapes {
        Cow::Owned(unescaped(element))
    } else {
        Cow::Borrowed(element)
    };
    Some((Some(element), after.strip_prefix(b"\"")?))
}

fn unescaped(text: &[u8]) -> Vec<u8> {
    let mut bytes = text.iter();
    let mut plain = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        let byte = if *byte == b'\\' {
            bytes.next().unwrap_or(byte)
        } else {
            byte
        };
        plain.push(*byte);
    }
    plain
}

fn take_int(bytes: &[u8]) -> Option<(i32, &[u8])> {
    let (number, rest) = bytes.split_first_chunk::<4>()?;
    Some((i32::from_be_bytes(*number), rest))
}

#[cfg(test)]
mod tests {
    use super::push_array;

    /// Turns `a` into NULL and puts a quote before all else.
    fn changed(cell: &str) -> Option<String> {
        let mut out = Vec::new();
        push_array(cell.as_bytes(), &mut out, |element, out| {
            if element == b"a" {
                return None;
            }
            out.push(b'"');
            out.extend_from_slice(element);
            Some(())
        })?;
        Some(String::from_utf8(out).expect("text"))
    }

    #[test]
    fn elements_are_read_and_written_as_the_server_does() {
        for (cell, expected) in [
            ("{}", "{}"),
            ("{b}", r#"{"\"b"}"#),
            ("{NULL,a,b}", r#"{NULL,NULL,"\"b"}"#),
            (r#"{"b,\"c\\ ",""}"#, r#"{"\"b,\"c\\ ","\""}"#),
        ] {
            let expected = expected.replace(r#"b,"c"#, r#"b,\"c"#);
            assert_eq!(changed(cell), Some(expected), "{cell}");
        }
    }

    #[test]
    fn other_arrays_are_not_understood() {
        for cell in ["{{1,2},{3,4}}", "[0:1]={1,2}", "{1", "{\"1}", "{1}x", "", "{,}"] {
            assert_eq!(changed(cell), None, "{cell}");
        }
    }
}
