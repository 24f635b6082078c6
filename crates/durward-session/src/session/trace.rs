//! The trace that a client's statement belongs to, as instrumented clients write it into a comment (sqlcommenter):
//! `/*traceparent='00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'*/`.

use memchr::memmem;

/// What stands before the value.
const NAME: &[u8] = b"traceparent='";

/// Bytes of a value: version, trace, parent and flags in hexadecimal (W3C Trace Context, section 3.2).
const VALUE_BYTES: usize = 55;

/// The last well-formed `traceparent` in a comment. It is the client's word: the record keeps it, and nothing rests on it.
pub(super) fn traceparent(text: &str) -> Option<&str> {
    let bytes = text.as_bytes();
    // Most texts have no comment at all, and few a slash.
    memchr::memchr_iter(b'/', bytes).find(|slash| bytes.get(slash + 1) == Some(&b'*'))?;
    let name = memmem::rfind(bytes, NAME)?;
    let comment = text.get(..name)?.rsplit_once("/*")?.1;
    let start = name + NAME.len();
    let value = text.get(start..start + VALUE_BYTES)?;
    let is_closed = text.as_bytes().get(start + VALUE_BYTES) == Some(&b'\'');
    (!comment.contains("*/") && is_closed && is_well_formed(value)).then_some(value)
}

fn is_well_formed(value: &str) -> bool {
    let is_hex = |part: &str| {
        part.bytes()
            .all(|byte| byte.is_ascii_digit() || matches!(byte, b'a'..=b'f'))
    };
    let parts: Vec<&str> = value.split('-').collect();
    let lengths: Vec<usize> = parts.iter().map(|part| part.len()).collect();
    // All zeros name no trace, and no parent.
    let is_named = |part: &&str| part.bytes().any(|byte| byte != b'0');
    lengths == [2, 32, 16, 2]
        && parts.iter().all(|part| is_hex(part))
        && parts.first() != Some(&"ff")
        && parts.iter().skip(1).take(2).all(is_named)
}

#[cfg(test)]
mod tests {
    use super::traceparent;

    const VALUE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_trace_is_found_in_comments_alone() {
        for text in [
            format!("SELECT 1 /*action='list',traceparent='{VALUE}'*/"),
            format!("/* traceparent='{VALUE}', a='b' */ SELECT 1;"),
            format!("/* one */ SELECT 1 /*traceparent='00-x'*/ /*traceparent='{VALUE}'*/"),
        ] {
            assert_eq!(traceparent(&text), Some(VALUE), "{text}");
        }
        for text in [
            "SELECT 1".to_owned(),
            format!("SELECT 'traceparent=''{VALUE}'''"),
            format!("/* a */ SELECT 1 AS \"traceparent='{VALUE}'\""),
            format!("SELECT 1 /*traceparent='{}'*/", VALUE.to_uppercase()),
            format!("SELECT 1 /*traceparent='{}'*/", VALUE.replace("01", "001")),
            format!("SELECT 1 /*traceparent='{VALUE}"),
            "SELECT 1 /*traceparent='00-00000000000000000000000000000000-00f067aa0ba902b7-01'*/".to_owned(),
            "SELECT 1 /*traceparent='ü".to_owned(),
        ] {
            assert_eq!(traceparent(&text), None, "{text}");
        }
    }
}
