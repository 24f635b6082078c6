//! What is done with each message in each state: one table, which the session follows and the docs print.
//!
//! What stands nowhere in it is refused, so a message of a later protocol is never forwarded by accident.

use std::fmt::Write;

use super::tag::{self, backend as b, frontend as f};

/// Who sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From the client.
    Frontend,
    /// From the server.
    Backend,
}

/// Where a session stands. Skipping until Sync after an error is the server's own state and needs none here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// Before the startup packet is answered: packets without tags.
    Startup,
    /// Login, until the first ReadyForQuery.
    Authentication,
    /// Nothing is outstanding.
    Ready,
    /// A Query is being answered; more messages may already be on the way.
    SimpleQuery,
    /// Messages of the extended protocol are being answered; more may already be on the way.
    ExtendedQuery,
    /// The server has asked for a COPY stream that the client has not ended yet.
    CopyIn,
    /// The server is sending a COPY stream.
    CopyOut,
}

impl State {
    /// Every state, in the order of a session's life.
    pub const ALL: [Self; 7] = [
        Self::Startup,
        Self::Authentication,
        Self::Ready,
        Self::SimpleQuery,
        Self::ExtendedQuery,
        Self::CopyIn,
        Self::CopyOut,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Startup => "startup",
            Self::Authentication => "authentication",
            Self::Ready => "ready",
            Self::SimpleQuery => "simple query",
            Self::ExtendedQuery => "extended query",
            Self::CopyIn => "copy in",
            Self::CopyOut => "copy out",
        }
    }
}

/// What is done with a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Treatment {
    /// Forwarded as it is; only its tag and length are read.
    Pass,
    /// Taken apart and followed or judged; then forwarded as it is, or kept back.
    Inspect,
    /// Another message may go on in its place.
    Rewrite,
    /// Never forwarded: a protocol error that ends the session, or for FunctionCall an ordinary refusal.
    Refuse,
}

impl Treatment {
    fn name(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Inspect => "inspect",
            Self::Rewrite => "rewrite",
            Self::Refuse => "refuse",
        }
    }
}

/// The table.
pub fn treatment(direction: Direction, state: State, tag: u8) -> Treatment {
    match direction {
        Direction::Frontend => frontend(state, tag),
        Direction::Backend => backend(state, tag),
    }
}

fn frontend(state: State, tag: u8) -> Treatment {
    use Treatment::{Inspect, Pass, Refuse, Rewrite};
    match state {
        State::Startup => Refuse,
        State::Authentication => match tag {
            f::PASSWORD => Inspect,
            _ => Refuse,
        },
        State::Ready | State::SimpleQuery | State::ExtendedQuery | State::CopyOut => match tag {
            // A refused statement goes on as one that the server rejects, so that transaction state stays its own.
            f::QUERY | f::PARSE | f::EXECUTE => Rewrite,
            f::BIND | f::DESCRIBE | f::CLOSE | f::SYNC | f::FLUSH | f::TERMINATE => Inspect,
            // Left over from a COPY that the server has given up; it ignores them.
            f::COPY_DATA | f::COPY_DONE | f::COPY_FAIL => Pass,
            _ => Refuse,
        },
        State::CopyIn => match tag {
            f::COPY_DATA => Pass,
            // The server ignores Flush and Sync here, so a Sync that came with the COPY is not answered twice.
            f::COPY_DONE | f::COPY_FAIL | f::FLUSH | f::SYNC | f::TERMINATE => Inspect,
            _ => Refuse,
        },
    }
}

fn backend(state: State, tag: u8) -> Treatment {
    use Treatment::{Inspect, Pass, Refuse, Rewrite};
    match (state, tag) {
        // A server that is too busy says so before it answers anything.
        (State::Startup, b::ERROR_RESPONSE) => Inspect,
        (State::Startup, _) => Refuse,
        (State::Authentication, _) => match tag {
            b::AUTHENTICATION | b::PARAMETER_STATUS | b::READY_FOR_QUERY | b::NOTICE_RESPONSE => Inspect,
            b::ERROR_RESPONSE | b::NEGOTIATE_PROTOCOL_VERSION => Inspect,
            // The client gets the server's process id with a secret of ours.
            b::BACKEND_KEY_DATA => Rewrite,
            _ => Refuse,
        },
        // These come at any time.
        (_, b::NOTICE_RESPONSE | b::NOTIFICATION_RESPONSE) => Pass,
        (_, b::PARAMETER_STATUS) => Inspect,
        // The error of a statement put in place of a refused one becomes the refusal.
        (_, b::ERROR_RESPONSE) => Rewrite,
        (State::Ready, _) => Refuse,
        (State::SimpleQuery | State::ExtendedQuery, _) => match tag {
            b::DATA_ROW => Pass,
            b::ROW_DESCRIPTION | b::COMMAND_COMPLETE | b::EMPTY_QUERY_RESPONSE | b::READY_FOR_QUERY => Inspect,
            b::COPY_IN_RESPONSE | b::COPY_OUT_RESPONSE => Inspect,
            b::PARSE_COMPLETE | b::BIND_COMPLETE | b::CLOSE_COMPLETE | b::NO_DATA | b::PARAMETER_DESCRIPTION
                if state == State::ExtendedQuery =>
            {
                Inspect
            }
            b::PORTAL_SUSPENDED if state == State::ExtendedQuery => Inspect,
            _ => Refuse,
        },
        (State::CopyIn, b::COMMAND_COMPLETE) => Inspect,
        (State::CopyIn, _) => Refuse,
        (State::CopyOut, b::COPY_DATA) => Pass,
        (State::CopyOut, b::COPY_DONE | b::COMMAND_COMPLETE) => Inspect,
        (State::CopyOut, _) => Refuse,
    }
}

/// The table as Markdown: a table for each direction, a row for each known tag, a column for each state.
pub fn markdown() -> String {
    let mut page = String::new();
    let parts = [
        ("From the client", Direction::Frontend, f::ALL),
        ("From the server", Direction::Backend, b::ALL),
    ];
    for (title, direction, tags) in parts {
        page.push_str(&format!("### {title}\n\n| message | tag |"));
        State::ALL
            .iter()
            .for_each(|state| page.push_str(&format!(" {} |", state.name())));
        page.push_str(&format!("\n|---|---|{}\n", "---|".repeat(State::ALL.len())));
        for (code, name) in tags {
            page.push_str(&row(direction, *code, name));
        }
        page.push_str(&format!(
            "| anything else | |{}\n\n",
            " refuse |".repeat(State::ALL.len())
        ));
    }
    page
}

fn row(direction: Direction, code: u8, name: &str) -> String {
    let mut row = format!("| {name} | `{}` |", tag::Shown(code).to_string().trim_matches('\''));
    for state in State::ALL {
        let written = write!(row, " {} |", treatment(direction, state, code).name());
        debug_assert!(written.is_ok(), "a string takes any text");
    }
    row.push('\n');
    row
}

#[cfg(test)]
mod tests;
