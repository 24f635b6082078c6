//! What a server sends: [`BackendMessage`], and [`write`] for what we say to a client in its place
//! (manual section 55.7).

mod authentication;
pub mod cut;
mod fields;
mod rows;
pub mod write;

pub use authentication::{Authentication, Mechanisms};
pub use fields::{ErrorFields, field};
pub use rows::{Column, Columns, CommandTag, CopyResponse, RowDescription};

use std::fmt;

use super::ProtocolVersion;
use super::buffer::{Oids, Reader, Values};
use super::error::{DecodeError, Fault};
use super::frame::Frame;
use super::tag::backend as tag;
use crate::limits;

/// Where a session stands, as ReadyForQuery tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TransactionStatus {
    /// No transaction block (`I`).
    Idle,
    /// In a transaction block (`T`).
    InTransaction,
    /// In a transaction block that has failed (`E`).
    Failed,
}

impl TransactionStatus {
    /// The byte on the wire.
    pub fn code(self) -> u8 {
        match self {
            Self::Idle => b'I',
            Self::InTransaction => b'T',
            Self::Failed => b'E',
        }
    }

    /// From the byte on the wire.
    pub fn from_code(code: u8) -> Option<Self> {
        match code {
            b'I' => Some(Self::Idle),
            b'T' => Some(Self::InTransaction),
            b'E' => Some(Self::Failed),
            _ => None,
        }
    }
}

/// One message of a server, borrowed from its frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BackendMessage<'a> {
    /// A step of login.
    Authentication(Authentication<'a>),
    /// How this session's statements can be cancelled.
    BackendKeyData(BackendKeyData<'a>),
    /// The answer to Bind.
    BindComplete,
    /// The answer to Close.
    CloseComplete,
    /// A statement has ended well.
    CommandComplete(CommandTag<'a>),
    /// A stream both ways: replication only.
    CopyBothResponse(CopyResponse<'a>),
    /// A piece of a COPY stream.
    CopyData(&'a [u8]),
    /// The COPY stream is complete.
    CopyDone,
    /// The server wants a COPY stream.
    CopyInResponse(CopyResponse<'a>),
    /// A COPY stream follows.
    CopyOutResponse(CopyResponse<'a>),
    /// One row.
    DataRow(Values<'a>),
    /// The text held no statement.
    EmptyQueryResponse,
    /// A statement, or the session, has failed.
    ErrorResponse(ErrorFields<'a>),
    /// The answer to FunctionCall.
    FunctionCallResponse(Option<&'a [u8]>),
    /// The server speaks an older version, or does not know an option.
    NegotiateProtocolVersion(NegotiateProtocolVersion<'a>),
    /// The statement returns no rows.
    NoData,
    /// A remark.
    NoticeResponse(ErrorFields<'a>),
    /// A NOTIFY of some session.
    NotificationResponse {
        /// The notifying backend.
        process_id: i32,
        /// The channel.
        channel: &'a [u8],
        /// The payload, possibly empty.
        payload: &'a [u8],
    },
    /// Types of a statement's parameters.
    ParameterDescription(Oids<'a>),
    /// A reported setting.
    ParameterStatus {
        /// The setting.
        name: &'a [u8],
        /// Its value.
        value: &'a [u8],
    },
    /// The answer to Parse.
    ParseComplete,
    /// A row limit was reached.
    PortalSuspended,
    /// The server waits for the next statement.
    ReadyForQuery(TransactionStatus),
    /// Columns of the rows that follow.
    RowDescription(RowDescription<'a>),
}

/// How a session's statements can be cancelled.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct BackendKeyData<'a> {
    /// The backend's process id.
    pub process_id: i32,
    /// 4 bytes in protocol 3.0, up to 256 in 3.2.
    pub secret_key: &'a [u8],
}

impl fmt::Debug for BackendKeyData<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BackendKeyData")
            .field("process_id", &self.process_id)
            .finish_non_exhaustive()
    }
}

/// The server speaks an older version, or does not know an option.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NegotiateProtocolVersion<'a> {
    /// What the server will speak.
    pub version: ProtocolVersion,
    /// How many options it did not know.
    pub option_count: u32,
    options: &'a [u8],
}

impl<'a> NegotiateProtocolVersion<'a> {
    /// The options that the server did not know.
    pub fn options(self) -> impl Iterator<Item = &'a [u8]> {
        let mut reader = Reader::new("", self.options);
        std::iter::from_fn(move || reader.string("").ok())
    }
}

impl<'a> BackendMessage<'a> {
    /// Takes a frame apart.
    ///
    /// # Errors
    /// Names the field that is wrong: cut off, not terminated, out of range, or bytes left over; or an unknown tag.
    pub fn decode(frame: Frame<'a>) -> Result<Self, DecodeError> {
        let body = frame.body;
        match frame.tag {
            tag::AUTHENTICATION => Authentication::decode(body).map(Self::Authentication),
            tag::BACKEND_KEY_DATA => decode_key(body),
            tag::BIND_COMPLETE => empty("BindComplete", body, Self::BindComplete),
            tag::CLOSE_COMPLETE => empty("CloseComplete", body, Self::CloseComplete),
            tag::COMMAND_COMPLETE => CommandTag::decode(body).map(Self::CommandComplete),
            tag::COPY_BOTH_RESPONSE => CopyResponse::decode("CopyBothResponse", body).map(Self::CopyBothResponse),
            tag::COPY_DATA => Ok(Self::CopyData(body)),
            tag::COPY_DONE => empty("CopyDone", body, Self::CopyDone),
            tag::COPY_IN_RESPONSE => CopyResponse::decode("CopyInResponse", body).map(Self::CopyInResponse),
            tag::COPY_OUT_RESPONSE => CopyResponse::decode("CopyOutResponse", body).map(Self::CopyOutResponse),
            tag::DATA_ROW => decode_data_row(body),
            tag::EMPTY_QUERY_RESPONSE => empty("EmptyQueryResponse", body, Self::EmptyQueryResponse),
            tag::ERROR_RESPONSE => ErrorFields::decode("ErrorResponse", body).map(Self::ErrorResponse),
            tag::FUNCTION_CALL_RESPONSE => decode_function_result(body),
            tag::NEGOTIATE_PROTOCOL_VERSION => decode_negotiation(body),
            tag::NO_DATA => empty("NoData", body, Self::NoData),
            tag::NOTICE_RESPONSE => ErrorFields::decode("NoticeResponse", body).map(Self::NoticeResponse),
            tag::NOTIFICATION_RESPONSE => decode_notification(body),
            tag::PARAMETER_DESCRIPTION => decode_parameter_types(body),
            tag::PARAMETER_STATUS => decode_setting(body),
            tag::PARSE_COMPLETE => empty("ParseComplete", body, Self::ParseComplete),
            tag::PORTAL_SUSPENDED => empty("PortalSuspended", body, Self::PortalSuspended),
            tag::READY_FOR_QUERY => decode_ready(body),
            tag::ROW_DESCRIPTION => RowDescription::decode(body).map(Self::RowDescription),
            _ => Err(DecodeError {
                message: "backend",
                field: "the type",
                fault: Fault::NotAllowed,
            }),
        }
    }
}

fn empty<'a>(
    message: &'static str,
    body: &[u8],
    decoded: BackendMessage<'a>,
) -> Result<BackendMessage<'a>, DecodeError> {
    Reader::new(message, body).end().map(|()| decoded)
}

fn decode_key(body: &[u8]) -> Result<BackendMessage<'_>, DecodeError> {
    let mut reader = Reader::new("BackendKeyData", body);
    let process_id = reader.i32("the process id")?;
    let wrong = reader.error("the secret key", Fault::NotAllowed);
    let secret_key = reader.rest();
    if !(4..=limits::CANCEL_KEY_BYTES_MAX).contains(&secret_key.len()) {
        return Err(wrong);
    }
    Ok(BackendMessage::BackendKeyData(BackendKeyData {
        process_id,
        secret_key,
    }))
}

fn decode_data_row(body: &[u8]) -> Result<BackendMessage<'_>, DecodeError> {
    let mut reader = Reader::new("DataRow", body);
    let values = reader.values("the values")?;
    reader.end()?;
    Ok(BackendMessage::DataRow(values))
}

fn decode_function_result(body: &[u8]) -> Result<BackendMessage<'_>, DecodeError> {
    let mut reader = Reader::new("FunctionCallResponse", body);
    let result = reader.value("the result")?;
    reader.end()?;
    Ok(BackendMessage::FunctionCallResponse(result))
}

fn decode_negotiation(body: &[u8]) -> Result<BackendMessage<'_>, DecodeError> {
    let mut reader = Reader::new("NegotiateProtocolVersion", body);
    let version = ProtocolVersion::from_word(reader.u32("the version")?);
    let option_count = reader.u32("the option count")?;
    let options = reader.clone().rest();
    for _ in 0..option_count {
        reader.string("the options")?;
    }
    reader.end()?;
    Ok(BackendMessage::NegotiateProtocolVersion(NegotiateProtocolVersion {
        version,
        option_count,
        options,
    }))
}

fn decode_notification(body: &[u8]) -> Result<BackendMessage<'_>, DecodeError> {
    let mut reader = Reader::new("NotificationResponse", body);
    let process_id = reader.i32("the process id")?;
    let channel = reader.string("the channel")?;
    let payload = reader.string("the payload")?;
    reader.end()?;
    Ok(BackendMessage::NotificationResponse {
        process_id,
        channel,
        payload,
    })
}

fn decode_parameter_types(body: &[u8]) -> Result<BackendMessage<'_>, DecodeError> {
    let mut reader = Reader::new("ParameterDescription", body);
    let oids = reader.oids("the types")?;
    reader.end()?;
    Ok(BackendMessage::ParameterDescription(oids))
}

fn decode_setting(body: &[u8]) -> Result<BackendMessage<'_>, DecodeError> {
    let mut reader = Reader::new("ParameterStatus", body);
    let name = reader.string("the name")?;
    let value = reader.string("the value")?;
    reader.end()?;
    Ok(BackendMessage::ParameterStatus { name, value })
}

fn decode_ready(body: &[u8]) -> Result<BackendMessage<'_>, DecodeError> {
    let mut reader = Reader::new("ReadyForQuery", body);
    let status = TransactionStatus::from_code(reader.byte("the status")?)
        .ok_or_else(|| reader.error("the status", Fault::NotAllowed))?;
    reader.end()?;
    Ok(BackendMessage::ReadyForQuery(status))
}

#[cfg(test)]
mod tests;
