//! The bounds of the wire: each a named constant with its unit and its reason; [`ALL`] lists them for the docs.

use crate::postgres::tag::frontend;

/// Bytes of a startup packet, its length word included.
///
/// The server's own `MAX_STARTUP_PACKET_LENGTH`.
pub const STARTUP_BYTES_MAX: usize = 10_000;

/// Bytes of the body of a message that carries a client's statement, parameters or data.
///
/// The server's own `PQ_LARGE_MESSAGE_LIMIT` (`MaxAllocSize - 1`) less the length word.
pub const LARGE_BODY_BYTES_MAX: usize = 0x3fff_fffe - 4;

/// Bytes of the body of a message that carries only names and counts.
///
/// The server's own `PQ_SMALL_MESSAGE_LIMIT` less the length word.
pub const SMALL_BODY_BYTES_MAX: usize = 10_000 - 4;

/// Bytes of the body of an authentication message, in either direction.
///
/// The server's own `PG_MAX_AUTH_TOKEN_LENGTH`: before login nothing bigger is believed.
pub const AUTHENTICATION_BODY_BYTES_MAX: usize = 65_535;

/// Bytes of the body of a backend message.
///
/// A server allocates at most `MaxAllocSize` for one message; rows and copy data are streamed, never held whole.
pub const BACKEND_BODY_BYTES_MAX: usize = 0x3fff_ffff;

/// Bytes of the body of a backend message that is decoded and so held whole: all but DataRow and CopyData.
///
/// A RowDescription of the 1,664 columns that the server allows has at most 140 KB; an error can quote a long query,
/// and a notification's payload has at most 8,000 bytes.
pub const BACKEND_HELD_BODY_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Bytes of a cancel key.
///
/// The manual's bound for protocol 3.2 (section 55.2.9).
pub const CANCEL_KEY_BYTES_MAX: usize = 256;

/// Bytes of one field of an error or notice that the gateway writes; the rest is cut off at a character border.
///
/// Messages are read by people; what is longer is a value that should not be in one.
pub const ERROR_FIELD_BYTES_MAX: usize = 16 * 1024;

/// The largest body that a client's message may have, by its tag: the server's own bounds
/// (`SocketBackend` in `tcop/postgres.c`), so that what the server accepts passes and nothing bigger is read.
///
/// An unknown tag has the small bound; it is refused in any case.
pub fn frontend_body_bytes_max(tag: u8) -> usize {
    match tag {
        frontend::QUERY | frontend::PARSE | frontend::BIND | frontend::FUNCTION_CALL | frontend::COPY_DATA => {
            LARGE_BODY_BYTES_MAX
        }
        frontend::PASSWORD => AUTHENTICATION_BODY_BYTES_MAX,
        _ => SMALL_BODY_BYTES_MAX,
    }
}

/// One bound, as the docs list it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// The constant's name.
    pub name: &'static str,
    /// Its value.
    pub value: usize,
    /// What it counts.
    pub unit: &'static str,
    /// Why it has this value.
    pub reason: &'static str,
}

/// Every bound of this crate.
pub const ALL: &[Limit] = &[
    Limit {
        name: "STARTUP_BYTES_MAX",
        value: STARTUP_BYTES_MAX,
        unit: "bytes",
        reason: "a startup packet: the server's own bound",
    },
    Limit {
        name: "LARGE_BODY_BYTES_MAX",
        value: LARGE_BODY_BYTES_MAX,
        unit: "bytes",
        reason: "Query, Parse, Bind and CopyData: the server's own bound",
    },
    Limit {
        name: "SMALL_BODY_BYTES_MAX",
        value: SMALL_BODY_BYTES_MAX,
        unit: "bytes",
        reason: "every other message of a client: the server's own bound",
    },
    Limit {
        name: "AUTHENTICATION_BODY_BYTES_MAX",
        value: AUTHENTICATION_BODY_BYTES_MAX,
        unit: "bytes",
        reason: "authentication messages: the server's own bound",
    },
    Limit {
        name: "BACKEND_BODY_BYTES_MAX",
        value: BACKEND_BODY_BYTES_MAX,
        unit: "bytes",
        reason: "a message of the server: the most that it allocates",
    },
    Limit {
        name: "BACKEND_HELD_BODY_BYTES_MAX",
        value: BACKEND_HELD_BODY_BYTES_MAX,
        unit: "bytes",
        reason: "a message of the server that is held whole: all but rows and copy data",
    },
    Limit {
        name: "CANCEL_KEY_BYTES_MAX",
        value: CANCEL_KEY_BYTES_MAX,
        unit: "bytes",
        reason: "the secret of a CancelRequest: protocol 3.2's bound",
    },
    Limit {
        name: "ERROR_FIELD_BYTES_MAX",
        value: ERROR_FIELD_BYTES_MAX,
        unit: "bytes",
        reason: "one field of an error that the gateway writes: errors are read by people",
    },
];

/// The bounds as a Markdown table.
pub fn markdown() -> String {
    let rows = ALL.iter().map(|limit| {
        format!(
            "| `{}` | {} {} | {} |\n",
            limit.name, limit.value, limit.unit, limit.reason
        )
    });
    let head = "| name | value | what it bounds, and why there |\n|---|---|---|\n".to_owned();
    std::iter::once(head).chain(rows).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_docs_list_every_bound() {
        let page = include_str!("../../../docs/protocol.md");
        let table = super::markdown();
        assert!(
            page.contains(&table),
            "docs/protocol.md is old; the bounds are:\n{table}"
        );
    }
}
