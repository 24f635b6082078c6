//! What we say to a server: each function puts one message behind a vector, and leaves it as it was on an error.

use super::Target;
use super::startup::{CANCEL_CODE, SSL_CODE};
use crate::limits;
use crate::postgres::buffer::{Format, fixed, message};
use crate::postgres::error::EncodeError;
use crate::postgres::tag::frontend as tag;
use crate::postgres::{ProtocolVersion, frame::Frame};

/// A startup packet.
///
/// # Errors
/// A NUL in a name or value, an empty name, or more than [`limits::STARTUP_BYTES_MAX`] bytes.
pub fn startup<'a>(
    out: &mut Vec<u8>,
    version: ProtocolVersion,
    parameters: impl IntoIterator<Item = (&'a [u8], &'a [u8])>,
) -> Result<(), EncodeError> {
    let start = out.len();
    let written = message(out, None, |body| {
        body.raw(&version.word().to_be_bytes());
        for (name, value) in parameters {
            // An empty name would end the list, and the rest would be lost.
            if name.is_empty() {
                return Err(EncodeError::Nul {
                    field: "a parameter's name",
                });
            }
            body.string(name, "a parameter's name")?;
            body.string(value, "a parameter's value")?;
        }
        body.raw(&[0]);
        Ok(())
    });
    if written.is_ok() && out.len() - start > limits::STARTUP_BYTES_MAX {
        out.truncate(start);
        return Err(EncodeError::TooLong {
            field: "the parameters",
        });
    }
    written
}

/// Asks for TLS.
pub fn ssl_request(out: &mut Vec<u8>) {
    out.extend_from_slice(&8_i32.to_be_bytes());
    out.extend_from_slice(&SSL_CODE.to_be_bytes());
}

/// Asks that another session's statement stop.
///
/// # Errors
/// A key of no bytes or of more than [`limits::CANCEL_KEY_BYTES_MAX`].
pub fn cancel(out: &mut Vec<u8>, process_id: i32, secret_key: &[u8]) -> Result<(), EncodeError> {
    if !(1..=limits::CANCEL_KEY_BYTES_MAX).contains(&secret_key.len()) {
        return Err(EncodeError::TooLong {
            field: "the secret key",
        });
    }
    message(out, None, |body| {
        body.raw(&CANCEL_CODE.to_be_bytes());
        body.raw(&process_id.to_be_bytes());
        body.raw(secret_key);
        Ok(())
    })
}

/// Query.
///
/// # Errors
/// A NUL in the text, or a text too long.
pub fn query(out: &mut Vec<u8>, text: &[u8]) -> Result<(), EncodeError> {
    message(out, Some(tag::QUERY), |body| body.string(text, "the text"))
}

/// Parse.
///
/// # Errors
/// A NUL in the name or text, or too many types.
pub fn parse(out: &mut Vec<u8>, statement: &[u8], text: &[u8], parameter_types: &[u32]) -> Result<(), EncodeError> {
    message(out, Some(tag::PARSE), |body| {
        body.string(statement, "the statement name")?;
        body.string(text, "the text")?;
        body.count(parameter_types.len(), "the parameter types")?;
        parameter_types.iter().for_each(|oid| body.raw(&oid.to_be_bytes()));
        Ok(())
    })
}

/// Bind with parameters and results as text.
///
/// # Errors
/// A NUL in a name, or too many or too long parameters.
pub fn bind(
    out: &mut Vec<u8>,
    portal: &[u8],
    statement: &[u8],
    parameters: &[Option<&[u8]>],
) -> Result<(), EncodeError> {
    bind_with_formats(out, (portal, statement), &[], parameters, &[])
}

/// Bind with formats for parameters and results; `names` are the portal and the statement.
///
/// # Errors
/// As [`bind`].
pub fn bind_with_formats(
    out: &mut Vec<u8>,
    names: (&[u8], &[u8]),
    parameter_formats: &[Format],
    parameters: &[Option<&[u8]>],
    result_formats: &[Format],
) -> Result<(), EncodeError> {
    message(out, Some(tag::BIND), |body| {
        body.string(names.0, "the portal name")?;
        body.string(names.1, "the statement name")?;
        body.count(parameter_formats.len(), "the parameter formats")?;
        parameter_formats
            .iter()
            .for_each(|format| body.raw(&format.code().to_be_bytes()));
        body.count(parameters.len(), "the parameters")?;
        for parameter in parameters {
            body.value(*parameter, "a parameter")?;
        }
        body.count(result_formats.len(), "the result formats")?;
        result_formats
            .iter()
            .for_each(|format| body.raw(&format.code().to_be_bytes()));
        Ok(())
    })
}

/// Describe.
///
/// # Errors
/// A NUL in the name.
pub fn describe(out: &mut Vec<u8>, target: Target, name: &[u8]) -> Result<(), EncodeError> {
    named(out, tag::DESCRIBE, target, name)
}

/// Close.
///
/// # Errors
/// A NUL in the name.
pub fn close(out: &mut Vec<u8>, target: Target, name: &[u8]) -> Result<(), EncodeError> {
    named(out, tag::CLOSE, target, name)
}

fn named(out: &mut Vec<u8>, tag: u8, target: Target, name: &[u8]) -> Result<(), EncodeError> {
    message(out, Some(tag), |body| {
        body.raw(&[target.code()]);
        body.string(name, "the name")
    })
}

/// Execute; `rows_max` of zero is all rows.
///
/// # Errors
/// A NUL in the name.
pub fn execute(out: &mut Vec<u8>, portal: &[u8], rows_max: i32) -> Result<(), EncodeError> {
    message(out, Some(tag::EXECUTE), |body| {
        body.string(portal, "the portal name")?;
        body.raw(&rows_max.to_be_bytes());
        Ok(())
    })
}

/// Flush.
pub fn flush(out: &mut Vec<u8>) {
    fixed(out, tag::FLUSH, []);
}

/// Sync.
pub fn sync(out: &mut Vec<u8>) {
    fixed(out, tag::SYNC, []);
}

/// Terminate.
pub fn terminate(out: &mut Vec<u8>) {
    fixed(out, tag::TERMINATE, []);
}

/// CopyData.
///
/// # Errors
/// More bytes than a message can carry.
pub fn copy_data(out: &mut Vec<u8>, bytes: &[u8]) -> Result<(), EncodeError> {
    raw(
        out,
        Frame {
            tag: tag::COPY_DATA,
            body: bytes,
        },
    )
}

/// CopyDone.
pub fn copy_done(out: &mut Vec<u8>) {
    fixed(out, tag::COPY_DONE, []);
}

/// CopyFail.
///
/// # Errors
/// A NUL in the reason.
pub fn copy_fail(out: &mut Vec<u8>, reason: &[u8]) -> Result<(), EncodeError> {
    message(out, Some(tag::COPY_FAIL), |body| body.string(reason, "the reason"))
}

/// PasswordMessage: a clear password or an MD5 answer.
///
/// # Errors
/// A NUL in it.
pub fn password(out: &mut Vec<u8>, password: &[u8]) -> Result<(), EncodeError> {
    message(out, Some(tag::PASSWORD), |body| body.string(password, "the password"))
}

/// SASLInitialResponse.
///
/// # Errors
/// A NUL in the mechanism, or a response too long.
pub fn sasl_initial_response(out: &mut Vec<u8>, mechanism: &[u8], response: Option<&[u8]>) -> Result<(), EncodeError> {
    message(out, Some(tag::PASSWORD), |body| {
        body.string(mechanism, "the mechanism")?;
        body.value(response, "the response")
    })
}

/// SASLResponse.
///
/// # Errors
/// More bytes than a message can carry.
pub fn sasl_response(out: &mut Vec<u8>, response: &[u8]) -> Result<(), EncodeError> {
    raw(
        out,
        Frame {
            tag: tag::PASSWORD,
            body: response,
        },
    )
}

/// A frame as it stands.
///
/// # Errors
/// More bytes than a message can carry.
pub fn raw(out: &mut Vec<u8>, frame: Frame<'_>) -> Result<(), EncodeError> {
    message(out, Some(frame.tag), |body| {
        body.raw(frame.body);
        Ok(())
    })
}
