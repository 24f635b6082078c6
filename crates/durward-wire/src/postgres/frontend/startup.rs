use std::fmt;

use crate::limits;
use crate::postgres::ProtocolVersion;
use crate::postgres::buffer::Reader;
use crate::postgres::error::{DecodeError, Fault};

/// The codes that stand in place of a version (section 55.7): major 1234, which no protocol will have.
pub(super) const CANCEL_CODE: u32 = 80_877_102;
pub(super) const SSL_CODE: u32 = 80_877_103;
pub(super) const GSSENC_CODE: u32 = 80_877_104;

/// What a client sends before there are tags.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StartupRequest<'a> {
    /// A session is wanted.
    Startup(Startup<'a>),
    /// TLS is wanted; answered with one byte (section 55.2.10).
    Ssl,
    /// GSSAPI encryption is wanted; answered with one byte (section 55.2.11).
    GssEnc,
    /// A statement of another session shall stop (section 55.2.8).
    Cancel(Cancel<'a>),
}

impl<'a> StartupRequest<'a> {
    /// Takes the body of a startup packet apart ([`cut_startup`](crate::postgres::frame::cut_startup)).
    /// Any version is let through: what is answered to one that is not spoken is the caller's to say.
    ///
    /// # Errors
    /// Names the field that is wrong. A packet of another major version is not taken apart any further.
    pub fn decode(body: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new("StartupMessage", body);
        match reader.u32("the version")? {
            CANCEL_CODE => decode_cancel(reader.rest()).map(Self::Cancel),
            SSL_CODE => reader.end().map(|()| Self::Ssl),
            GSSENC_CODE => reader.end().map(|()| Self::GssEnc),
            word => decode_startup(ProtocolVersion::from_word(word), reader).map(Self::Startup),
        }
    }
}

/// The names of a session's backend, as BackendKeyData gave them.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Cancel<'a> {
    /// The backend's process id.
    pub process_id: i32,
    /// 4 bytes in protocol 3.0, up to 256 in 3.2.
    pub secret_key: &'a [u8],
}

impl fmt::Debug for Cancel<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cancel")
            .field("process_id", &self.process_id)
            .finish_non_exhaustive()
    }
}

/// A session is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Startup<'a> {
    /// What the client would like to speak.
    pub version: ProtocolVersion,
    /// Names and values in the order sent: `user`, `database`, `options`, `replication`, settings, `_pq_.` options.
    pub parameters: Vec<(&'a [u8], &'a [u8])>,
}

/// What is answered to the version and options that a client asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Negotiation<'a> {
    /// What is spoken from here on.
    pub version: ProtocolVersion,
    /// The `_pq_.` options that are not known here; none is.
    pub unrecognized_options: Vec<&'a [u8]>,
    /// Whether a NegotiateProtocolVersion message is due.
    pub must_tell: bool,
}

impl<'a> Startup<'a> {
    /// The value of a parameter; of several, the last, as the server takes it.
    pub fn get(&self, name: &str) -> Option<&'a [u8]> {
        self.parameters
            .iter()
            .rev()
            .find(|(key, _)| *key == name.as_bytes())
            .map(|(_, value)| *value)
    }

    /// The names of protocol options (`_pq_.…`), which are never settings.
    pub fn protocol_options(&self) -> impl Iterator<Item = &'a [u8]> {
        self.parameters
            .iter()
            .map(|(name, _)| *name)
            .filter(|name| name.starts_with(b"_pq_."))
    }

    /// What is spoken with this client (section 55.2.1), or `None` if its major version is not 3.
    ///
    /// As the server does: a newer minor version comes down to ours, an older one is kept.
    pub fn negotiate(&self) -> Option<Negotiation<'a>> {
        if self.version.major != 3 {
            return None;
        }
        let version = self.version.min(ProtocolVersion::LATEST);
        let unrecognized_options: Vec<_> = self.protocol_options().collect();
        let must_tell = version != self.version || !unrecognized_options.is_empty();
        Some(Negotiation {
            version,
            unrecognized_options,
            must_tell,
        })
    }
}

fn decode_startup<'a>(version: ProtocolVersion, mut reader: Reader<'a>) -> Result<Startup<'a>, DecodeError> {
    let mut parameters = Vec::new();
    if version.major != 3 {
        return Ok(Startup { version, parameters });
    }
    loop {
        let name = reader.string("the parameters")?;
        if name.is_empty() {
            reader.end()?;
            return Ok(Startup { version, parameters });
        }
        parameters.push((name, reader.string("a parameter's value")?));
    }
}

fn decode_cancel(body: &[u8]) -> Result<Cancel<'_>, DecodeError> {
    let mut reader = Reader::new("CancelRequest", body);
    let process_id = reader.i32("the process id")?;
    if reader.is_empty() {
        return Err(reader.error("the secret key", Fault::EndsEarly));
    }
    let wrong = reader.error("the secret key", Fault::NotAllowed);
    let secret_key = reader.rest();
    if secret_key.len() > limits::CANCEL_KEY_BYTES_MAX {
        Err(wrong)
    } else {
        Ok(Cancel { process_id, secret_key })
    }
}
