use crate::postgres::buffer::Reader;
use crate::postgres::error::{DecodeError, Fault};

/// The first answer to AuthenticationSASL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SaslInitialResponse<'a> {
    /// The mechanism that the client chose, such as `SCRAM-SHA-256`.
    pub mechanism: &'a [u8],
    /// Its first message, if the mechanism lets the client begin.
    pub response: Option<&'a [u8]>,
}

/// Reads a PasswordMessage: one string, nothing after it. An empty one is the caller's to refuse.
///
/// # Errors
/// No NUL at the end, or bytes after it.
pub fn decode_password(body: &[u8]) -> Result<&[u8], DecodeError> {
    let mut reader = Reader::new("PasswordMessage", body);
    let password = reader.string("the password")?;
    reader.end()?;
    Ok(password)
}

/// Reads a SASLInitialResponse.
///
/// # Errors
/// A field cut off, a length below -1, or bytes left over.
pub fn decode_sasl_initial_response(body: &[u8]) -> Result<SaslInitialResponse<'_>, DecodeError> {
    let mut reader = Reader::new("SASLInitialResponse", body);
    let mechanism = reader.string("the mechanism")?;
    if mechanism.is_empty() {
        return Err(reader.error("the mechanism", Fault::NotAllowed));
    }
    let response = reader.value("the response")?;
    reader.end()?;
    Ok(SaslInitialResponse { mechanism, response })
}
