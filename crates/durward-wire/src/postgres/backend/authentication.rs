use crate::postgres::buffer::Reader;
use crate::postgres::error::{DecodeError, Fault};

/// A step of login (sections 55.2.1 and 55.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Authentication<'a> {
    /// Login is done.
    Ok,
    /// A clear password is wanted.
    CleartextPassword,
    /// An MD5 answer is wanted.
    Md5Password {
        /// To be hashed with it.
        salt: [u8; 4],
    },
    /// A SASL exchange begins.
    Sasl(Mechanisms<'a>),
    /// The next challenge.
    SaslContinue(&'a [u8]),
    /// The server's last word.
    SaslFinal(&'a [u8]),
    /// A method that is not spoken here.
    Unsupported {
        /// Its code.
        code: u32,
        /// Its name in the manual, or "unknown".
        name: &'static str,
    },
}

impl<'a> Authentication<'a> {
    pub(super) fn decode(body: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new("Authentication", body);
        let code = reader.u32("the code")?;
        let decoded = match code {
            0 => Self::Ok,
            3 => Self::CleartextPassword,
            5 => Self::Md5Password {
                salt: reader.array("the salt")?,
            },
            10 => return Mechanisms::decode(reader).map(Self::Sasl),
            11 => return Ok(Self::SaslContinue(reader.rest())),
            12 => return Ok(Self::SaslFinal(reader.rest())),
            _ => {
                return Ok(Self::Unsupported {
                    code,
                    name: unsupported_name(code),
                });
            }
        };
        reader.end()?;
        Ok(decoded)
    }
}

fn unsupported_name(code: u32) -> &'static str {
    match code {
        2 => "KerberosV5",
        6 => "SCMCredential",
        7 => "GSS",
        8 => "GSSContinue",
        9 => "SSPI",
        _ => "unknown",
    }
}

/// The SASL mechanisms that a server offers, in its order of preference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mechanisms<'a> {
    raw: &'a [u8],
}

impl<'a> Mechanisms<'a> {
    fn decode(mut reader: Reader<'a>) -> Result<Self, DecodeError> {
        let raw = reader.clone().rest();
        while !reader.string("the mechanisms")?.is_empty() {}
        let left_over = reader.error("the mechanisms", Fault::TrailingBytes);
        if reader.is_empty() {
            Ok(Self { raw })
        } else {
            Err(left_over)
        }
    }

    /// Their names.
    pub fn iter(self) -> impl Iterator<Item = &'a [u8]> {
        let mut reader = Reader::new("", self.raw);
        std::iter::from_fn(move || reader.string("").ok().filter(|name| !name.is_empty()))
    }

    /// Whether one of this name is offered.
    pub fn offers(self, name: &str) -> bool {
        self.iter().any(|offered| offered == name.as_bytes())
    }
}
