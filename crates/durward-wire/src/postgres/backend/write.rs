//! What we say to a client: each function puts one message behind a vector.
//!
//! Those that carry texts of others return an error and leave the vector as it was; those that carry only our own
//! words can't fail.

use std::borrow::Cow;

use super::rows::Column;
use super::{TransactionStatus, field};
use crate::limits;
use crate::postgres::ProtocolVersion;
use crate::postgres::buffer::{Format, fixed, message};
use crate::postgres::error::EncodeError;
use crate::postgres::frame::Frame;
use crate::postgres::tag::backend as tag;

/// AuthenticationOk.
pub fn authentication_ok(out: &mut Vec<u8>) {
    fixed(out, tag::AUTHENTICATION, 0_u32.to_be_bytes());
}

/// AuthenticationCleartextPassword.
pub fn authentication_cleartext_password(out: &mut Vec<u8>) {
    fixed(out, tag::AUTHENTICATION, 3_u32.to_be_bytes());
}

/// AuthenticationMD5Password.
pub fn authentication_md5_password(out: &mut Vec<u8>, salt: [u8; 4]) {
    let [a, b, c, d] = salt;
    fixed(out, tag::AUTHENTICATION, [0, 0, 0, 5, a, b, c, d]);
}

/// AuthenticationSASL with the mechanisms offered.
///
/// # Errors
/// A NUL in a mechanism, or an empty one.
pub fn authentication_sasl(out: &mut Vec<u8>, mechanisms: &[&str]) -> Result<(), EncodeError> {
    message(out, Some(tag::AUTHENTICATION), |body| {
        body.raw(&10_u32.to_be_bytes());
        for mechanism in mechanisms {
            if mechanism.is_empty() {
                return Err(EncodeError::Nul { field: "a mechanism" });
            }
            body.string(mechanism.as_bytes(), "a mechanism")?;
        }
        body.raw(&[0]);
        Ok(())
    })
}

/// AuthenticationSASLContinue.
///
/// # Errors
/// More bytes than a message can carry.
pub fn authentication_sasl_continue(out: &mut Vec<u8>, challenge: &[u8]) -> Result<(), EncodeError> {
    authentication_step(out, 11, challenge)
}

/// AuthenticationSASLFinal.
///
/// # Errors
/// More bytes than a message can carry.
pub fn authentication_sasl_final(out: &mut Vec<u8>, outcome: &[u8]) -> Result<(), EncodeError> {
    authentication_step(out, 12, outcome)
}

fn authentication_step(out: &mut Vec<u8>, code: u32, bytes: &[u8]) -> Result<(), EncodeError> {
    message(out, Some(tag::AUTHENTICATION), |body| {
        body.raw(&code.to_be_bytes());
        body.raw(bytes);
        Ok(())
    })
}

/// BackendKeyData.
///
/// # Errors
/// A key of fewer than 4 or more than [`limits::CANCEL_KEY_BYTES_MAX`] bytes.
pub fn backend_key_data(out: &mut Vec<u8>, process_id: i32, secret_key: &[u8]) -> Result<(), EncodeError> {
    if !(4..=limits::CANCEL_KEY_BYTES_MAX).contains(&secret_key.len()) {
        return Err(EncodeError::TooLong {
            field: "the secret key",
        });
    }
    message(out, Some(tag::BACKEND_KEY_DATA), |body| {
        body.raw(&process_id.to_be_bytes());
        body.raw(secret_key);
        Ok(())
    })
}

/// ParameterStatus.
///
/// # Errors
/// A NUL in the name or value.
pub fn parameter_status(out: &mut Vec<u8>, name: &[u8], value: &[u8]) -> Result<(), EncodeError> {
    message(out, Some(tag::PARAMETER_STATUS), |body| {
        body.string(name, "the name")?;
        body.string(value, "the value")
    })
}

/// ReadyForQuery.
pub fn ready_for_query(out: &mut Vec<u8>, status: TransactionStatus) {
    fixed(out, tag::READY_FOR_QUERY, [status.code()]);
}

/// NegotiateProtocolVersion: what is spoken, and the options that are not known.
///
/// # Errors
/// A NUL in an option, or too many of them.
pub fn negotiate_protocol_version(
    out: &mut Vec<u8>,
    version: ProtocolVersion,
    options: &[&[u8]],
) -> Result<(), EncodeError> {
    let count = u32::try_from(options.len()).map_err(|_| EncodeError::TooLong { field: "the options" })?;
    message(out, Some(tag::NEGOTIATE_PROTOCOL_VERSION), |body| {
        body.raw(&version.word().to_be_bytes());
        body.raw(&count.to_be_bytes());
        options.iter().try_for_each(|option| body.string(option, "an option"))
    })
}

/// How bad it is (section 55.8, field `S`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Severity {
    /// The statement has failed.
    Error,
    /// The session ends.
    Fatal,
    /// A remark that the client should see.
    Warning,
    /// A remark.
    Notice,
}

impl Severity {
    /// The word on the wire.
    pub fn word(self) -> &'static str {
        match self {
            Self::Error => "ERROR",
            Self::Fatal => "FATAL",
            Self::Warning => "WARNING",
            Self::Notice => "NOTICE",
        }
    }
}

/// An error or notice of ours. Fields longer than [`limits::ERROR_FIELD_BYTES_MAX`] are cut, NUL bytes become spaces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report<'a> {
    /// How bad it is.
    pub severity: Severity,
    /// SQLSTATE: five characters.
    pub code: &'a str,
    /// The primary message: one line, no full stop.
    pub message: Cow<'a, str>,
    /// More about it.
    pub detail: Option<Cow<'a, str>>,
    /// What to do about it.
    pub hint: Option<Cow<'a, str>>,
    /// Where in the client's text, in characters from 1.
    pub position: Option<u32>,
    /// Further fields by code ([`field`]), such as schema, table or constraint.
    pub others: Vec<(u8, Cow<'a, str>)>,
}

impl<'a> Report<'a> {
    /// One with the fields that every error has.
    pub fn new(severity: Severity, code: &'a str, message: impl Into<Cow<'a, str>>) -> Self {
        Self {
            severity,
            code,
            message: message.into(),
            detail: None,
            hint: None,
            position: None,
            others: Vec::new(),
        }
    }
}

/// ErrorResponse.
pub fn error_response(out: &mut Vec<u8>, report: &Report<'_>) {
    report_as(out, tag::ERROR_RESPONSE, report);
}

/// NoticeResponse.
pub fn notice_response(out: &mut Vec<u8>, report: &Report<'_>) {
    report_as(out, tag::NOTICE_RESPONSE, report);
}

fn report_as(out: &mut Vec<u8>, tag: u8, report: &Report<'_>) {
    let mut body = Vec::with_capacity(256);
    put_field(&mut body, field::SEVERITY, report.severity.word());
    put_field(&mut body, field::SEVERITY_PLAIN, report.severity.word());
    put_field(&mut body, field::CODE, report.code);
    put_field(&mut body, field::MESSAGE, &report.message);
    for (code, value) in [(field::DETAIL, &report.detail), (field::HINT, &report.hint)] {
        if let Some(value) = value {
            put_field(&mut body, code, value);
        }
    }
    if let Some(position) = report.position {
        put_field(&mut body, field::POSITION, &position.to_string());
    }
    for (code, value) in report.others.iter().filter(|(code, _)| *code != 0) {
        put_field(&mut body, *code, value);
    }
    body.push(0);
    let written = message(out, Some(tag), |out| {
        out.raw(&body);
        Ok(())
    });
    debug_assert!(written.is_ok(), "every field is capped");
}

fn put_field(body: &mut Vec<u8>, code: u8, value: &str) {
    let end = value.floor_char_boundary(limits::ERROR_FIELD_BYTES_MAX);
    body.push(code);
    body.extend(value.bytes().take(end).map(|byte| if byte == 0 { b' ' } else { byte }));
    body.push(0);
}

/// ParseComplete.
pub fn parse_complete(out: &mut Vec<u8>) {
    fixed(out, tag::PARSE_COMPLETE, []);
}

/// BindComplete.
pub fn bind_complete(out: &mut Vec<u8>) {
    fixed(out, tag::BIND_COMPLETE, []);
}

/// CloseComplete.
pub fn close_complete(out: &mut Vec<u8>) {
    fixed(out, tag::CLOSE_COMPLETE, []);
}

/// NoData.
pub fn no_data(out: &mut Vec<u8>) {
    fixed(out, tag::NO_DATA, []);
}

/// PortalSuspended.
pub fn portal_suspended(out: &mut Vec<u8>) {
    fixed(out, tag::PORTAL_SUSPENDED, []);
}

/// EmptyQueryResponse.
pub fn empty_query_response(out: &mut Vec<u8>) {
    fixed(out, tag::EMPTY_QUERY_RESPONSE, []);
}

/// CommandComplete.
///
/// # Errors
/// A NUL in the tag.
pub fn command_complete(out: &mut Vec<u8>, command: &[u8]) -> Result<(), EncodeError> {
    message(out, Some(tag::COMMAND_COMPLETE), |body| body.string(command, "the tag"))
}

/// ParameterDescription.
///
/// # Errors
/// Too many types.
pub fn parameter_description(out: &mut Vec<u8>, types: &[u32]) -> Result<(), EncodeError> {
    message(out, Some(tag::PARAMETER_DESCRIPTION), |body| {
        body.count(types.len(), "the types")?;
        types.iter().for_each(|oid| body.raw(&oid.to_be_bytes()));
        Ok(())
    })
}

/// RowDescription.
///
/// # Errors
/// A NUL in a name, or too many columns.
pub fn row_description(out: &mut Vec<u8>, columns: &[Column<'_>]) -> Result<(), EncodeError> {
    message(out, Some(tag::ROW_DESCRIPTION), |body| {
        body.count(columns.len(), "the columns")?;
        for column in columns {
            body.string(column.name, "a column's name")?;
            body.raw(&column.table_oid.to_be_bytes());
            body.raw(&column.attribute_number.to_be_bytes());
            body.raw(&column.type_oid.to_be_bytes());
            body.raw(&column.type_size.to_be_bytes());
            body.raw(&column.type_modifier.to_be_bytes());
            body.raw(&column.format.code().to_be_bytes());
        }
        Ok(())
    })
}

/// DataRow.
///
/// # Errors
/// Too many or too long values.
pub fn data_row(out: &mut Vec<u8>, values: &[Option<&[u8]>]) -> Result<(), EncodeError> {
    message(out, Some(tag::DATA_ROW), |body| {
        body.count(values.len(), "the values")?;
        values.iter().try_for_each(|value| body.value(*value, "a value"))
    })
}

/// NotificationResponse.
///
/// # Errors
/// A NUL in the channel or payload.
pub fn notification_response(
    out: &mut Vec<u8>,
    process_id: i32,
    channel: &[u8],
    payload: &[u8],
) -> Result<(), EncodeError> {
    message(out, Some(tag::NOTIFICATION_RESPONSE), |body| {
        body.raw(&process_id.to_be_bytes());
        body.string(channel, "the channel")?;
        body.string(payload, "the payload")
    })
}

/// CopyInResponse: the client shall send.
///
/// # Errors
/// Too many columns.
pub fn copy_in_response(out: &mut Vec<u8>, format: Format, columns: &[Format]) -> Result<(), EncodeError> {
    copy_response(out, tag::COPY_IN_RESPONSE, format, columns)
}

/// CopyOutResponse: the server will send.
///
/// # Errors
/// Too many columns.
pub fn copy_out_response(out: &mut Vec<u8>, format: Format, columns: &[Format]) -> Result<(), EncodeError> {
    copy_response(out, tag::COPY_OUT_RESPONSE, format, columns)
}

fn copy_response(out: &mut Vec<u8>, tag: u8, format: Format, columns: &[Format]) -> Result<(), EncodeError> {
    message(out, Some(tag), |body| {
        body.raw(&[u8::from(format == Format::Binary)]);
        body.count(columns.len(), "the column formats")?;
        columns.iter().for_each(|format| body.raw(&format.code().to_be_bytes()));
        Ok(())
    })
}

/// A message as it stands.
///
/// # Errors
/// Its body is too long for a message.
pub fn raw(out: &mut Vec<u8>, frame: Frame<'_>) -> Result<(), EncodeError> {
    message(out, Some(frame.tag), |body| {
        body.raw(frame.body);
        Ok(())
    })
}
