//! Message types by name (manual section 55.7).

use std::fmt;

/// A tag as it is shown: the character and its code.
#[derive(Debug, Clone, Copy)]
pub struct Shown(pub u8);

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_ascii_graphic() {
            write!(f, "'{}'", char::from(self.0))
        } else {
            write!(f, "0x{:02x}", self.0)
        }
    }
}

/// What a client sends.
pub mod frontend {
    /// Bind: a portal from a prepared statement and parameters.
    pub const BIND: u8 = b'B';
    /// Close of a prepared statement or portal.
    pub const CLOSE: u8 = b'C';
    /// CopyData: a piece of a COPY stream.
    pub const COPY_DATA: u8 = b'd';
    /// CopyDone: the COPY stream is complete.
    pub const COPY_DONE: u8 = b'c';
    /// CopyFail: the client gives the COPY up.
    pub const COPY_FAIL: u8 = b'f';
    /// Describe of a prepared statement or portal.
    pub const DESCRIBE: u8 = b'D';
    /// Execute of a portal.
    pub const EXECUTE: u8 = b'E';
    /// Flush: answers so far are wanted now.
    pub const FLUSH: u8 = b'H';
    /// FunctionCall: a function by oid, past all SQL.
    pub const FUNCTION_CALL: u8 = b'F';
    /// Parse: a prepared statement from text.
    pub const PARSE: u8 = b'P';
    /// PasswordMessage, SASLInitialResponse, SASLResponse and GSSResponse share this tag.
    pub const PASSWORD: u8 = b'p';
    /// Query: the simple protocol.
    pub const QUERY: u8 = b'Q';
    /// Sync: the end of a pipeline step.
    pub const SYNC: u8 = b'S';
    /// Terminate: the client goes.
    pub const TERMINATE: u8 = b'X';

    /// Every tag with its name in the manual.
    pub const ALL: &[(u8, &str)] = &[
        (BIND, "Bind"),
        (CLOSE, "Close"),
        (COPY_DATA, "CopyData"),
        (COPY_DONE, "CopyDone"),
        (COPY_FAIL, "CopyFail"),
        (DESCRIBE, "Describe"),
        (EXECUTE, "Execute"),
        (FLUSH, "Flush"),
        (FUNCTION_CALL, "FunctionCall"),
        (PARSE, "Parse"),
        (
            PASSWORD,
            "PasswordMessage, SASLInitialResponse, SASLResponse, GSSResponse",
        ),
        (QUERY, "Query"),
        (SYNC, "Sync"),
        (TERMINATE, "Terminate"),
    ];
}

/// What a server sends.
pub mod backend {
    /// Authentication: a request, a challenge or the end of login.
    pub const AUTHENTICATION: u8 = b'R';
    /// BackendKeyData: process id and cancel key.
    pub const BACKEND_KEY_DATA: u8 = b'K';
    /// BindComplete.
    pub const BIND_COMPLETE: u8 = b'2';
    /// CloseComplete.
    pub const CLOSE_COMPLETE: u8 = b'3';
    /// CommandComplete with its command tag.
    pub const COMMAND_COMPLETE: u8 = b'C';
    /// CopyBothResponse: replication streams only.
    pub const COPY_BOTH_RESPONSE: u8 = b'W';
    /// CopyData: a piece of a COPY stream.
    pub const COPY_DATA: u8 = b'd';
    /// CopyDone: the COPY stream is complete.
    pub const COPY_DONE: u8 = b'c';
    /// CopyInResponse: the server wants a COPY stream.
    pub const COPY_IN_RESPONSE: u8 = b'G';
    /// CopyOutResponse: a COPY stream follows.
    pub const COPY_OUT_RESPONSE: u8 = b'H';
    /// DataRow.
    pub const DATA_ROW: u8 = b'D';
    /// EmptyQueryResponse in place of CommandComplete.
    pub const EMPTY_QUERY_RESPONSE: u8 = b'I';
    /// ErrorResponse.
    pub const ERROR_RESPONSE: u8 = b'E';
    /// FunctionCallResponse.
    pub const FUNCTION_CALL_RESPONSE: u8 = b'V';
    /// NegotiateProtocolVersion.
    pub const NEGOTIATE_PROTOCOL_VERSION: u8 = b'v';
    /// NoData: the statement returns no rows.
    pub const NO_DATA: u8 = b'n';
    /// NoticeResponse.
    pub const NOTICE_RESPONSE: u8 = b'N';
    /// NotificationResponse.
    pub const NOTIFICATION_RESPONSE: u8 = b'A';
    /// ParameterDescription.
    pub const PARAMETER_DESCRIPTION: u8 = b't';
    /// ParameterStatus: a reported setting.
    pub const PARAMETER_STATUS: u8 = b'S';
    /// ParseComplete.
    pub const PARSE_COMPLETE: u8 = b'1';
    /// PortalSuspended: a row limit was reached.
    pub const PORTAL_SUSPENDED: u8 = b's';
    /// ReadyForQuery with the transaction status.
    pub const READY_FOR_QUERY: u8 = b'Z';
    /// RowDescription.
    pub const ROW_DESCRIPTION: u8 = b'T';

    /// Every tag with its name in the manual.
    pub const ALL: &[(u8, &str)] = &[
        (AUTHENTICATION, "Authentication"),
        (BACKEND_KEY_DATA, "BackendKeyData"),
        (BIND_COMPLETE, "BindComplete"),
        (CLOSE_COMPLETE, "CloseComplete"),
        (COMMAND_COMPLETE, "CommandComplete"),
        (COPY_BOTH_RESPONSE, "CopyBothResponse"),
        (COPY_DATA, "CopyData"),
        (COPY_DONE, "CopyDone"),
        (COPY_IN_RESPONSE, "CopyInResponse"),
        (COPY_OUT_RESPONSE, "CopyOutResponse"),
        (DATA_ROW, "DataRow"),
        (EMPTY_QUERY_RESPONSE, "EmptyQueryResponse"),
        (ERROR_RESPONSE, "ErrorResponse"),
        (FUNCTION_CALL_RESPONSE, "FunctionCallResponse"),
        (NEGOTIATE_PROTOCOL_VERSION, "NegotiateProtocolVersion"),
        (NO_DATA, "NoData"),
        (NOTICE_RESPONSE, "NoticeResponse"),
        (NOTIFICATION_RESPONSE, "NotificationResponse"),
        (PARAMETER_DESCRIPTION, "ParameterDescription"),
        (PARAMETER_STATUS, "ParameterStatus"),
        (PARSE_COMPLETE, "ParseComplete"),
        (PORTAL_SUSPENDED, "PortalSuspended"),
        (READY_FOR_QUERY, "ReadyForQuery"),
        (ROW_DESCRIPTION, "RowDescription"),
    ];
}
