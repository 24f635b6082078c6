//! Syslog messages (RFC 5424), framed for TCP by octet counting (RFC 6587 section 3.4.1).

use serde_json::Value;

/// Facility 13, log audit (RFC 5424 section 6.2.1).
const FACILITY: u64 = 13;
/// The severities of RFC 5424 section 6.2.1 that are used.
const WARNING: u64 = 4;
const NOTICE: u64 = 5;
const INFORMATIONAL: u64 = 6;

/// The longest message of a datagram.
///
/// Unit: bytes. Reason: UDP over IPv4 takes 65,507; the header needs a part.
pub(super) const DATAGRAM_BYTES_MAX: usize = 65_000;

/// The message of an object. The text is ASCII, with everything else escaped as JSON does, so that no receiver has to guess.
pub(super) fn message(object: &Value, host: &str) -> String {
    let severity = match object.get("severity_id").and_then(Value::as_u64) {
        Some(0..=1) | None => INFORMATIONAL,
        Some(2) => NOTICE,
        Some(_) => WARNING,
    };
    let metadata = |name: &str| object.pointer(&format!("/metadata/{name}")).and_then(Value::as_str);
    let time = metadata("original_time").unwrap_or("-");
    let class = object.get("class_uid").and_then(Value::as_u64).unwrap_or_default();
    format!(
        "<{}>1 {time} {host} durward - OCSF{class} - {}",
        FACILITY * 8 + severity,
        ascii(&object.to_string())
    )
}

/// The message of an object that fits in a datagram: a statement's text is cut where it must be, and the object says so.
pub(super) fn datagram(object: &Value, host: &str) -> String {
    let whole = message(object, host);
    if whole.len() <= DATAGRAM_BYTES_MAX {
        return whole;
    }
    let mut cut = object.clone();
    if let Some(members) = cut.as_object_mut() {
        members.remove("query_info");
        members.remove("unmapped");
        if let Some(metadata) = members.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.insert("is_truncated".into(), true.into());
            metadata.insert("untruncated_size".into(), whole.len().into());
        }
    }
    message(&cut, host)
}

fn ascii(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for character in json.chars() {
        if character.is_ascii() {
            text.push(character);
        } else {
            let mut units = [0; 2];
            for unit in character.encode_utf16(&mut units) {
                text.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    text
}

/// A host's name as a header may have it: printable ASCII without spaces, at most 255 characters.
pub(super) fn host_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name: String = name.trim().chars().filter(char::is_ascii_graphic).take(255).collect();
    if name.is_empty() { "-".into() } else { name }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{DATAGRAM_BYTES_MAX, datagram, message};

    #[test]
    fn messages_are_one_line_of_ascii() {
        let object = json!({
            "class_uid": 6005,
            "severity_id": 3,
            "metadata": { "original_time": "2026-01-01T00:00:00.000001Z" },
            "query_info": { "query_string": "SELECT 'é\n𝄞'" },
        });
        let text = message(&object, "gate");
        let (header, body) = text.split_once(" - {").expect("a body");
        assert_eq!(header, "<108>1 2026-01-01T00:00:00.000001Z gate durward - OCSF6005");
        assert!(text.is_ascii() && !text.contains(['\n', '\r']));
        let read: serde_json::Value = serde_json::from_str(&format!("{{{body}")).expect("JSON");
        assert_eq!(read, object);
    }

    #[test]
    fn what_is_too_long_for_a_datagram_says_so() {
        let object = json!({
            "class_uid": 6005,
            "metadata": { "uid": "x/1" },
            "query_info": { "query_string": "x".repeat(100_000) },
        });
        let text = datagram(&object, "gate");
        assert!(
            text.len() <= DATAGRAM_BYTES_MAX && text.contains("\"is_truncated\":true"),
            "{text}"
        );
    }
}
