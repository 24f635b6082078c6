use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use durward_model::Principal;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{TOKEN_BYTES_MAX, TokenError};

/// Who a good token speaks for, and until when.
#[derive(Debug)]
pub(crate) struct TokenIdentity {
    pub(crate) principal: Principal,
    /// The end, with the leeway that was given at login.
    pub(crate) expires_unix_seconds: u64,
}

/// A token taken apart, not yet believed.
#[derive(Debug)]
pub(super) struct Token<'a> {
    pub(super) header: Header,
    pub(super) claims: Map<String, Value>,
    /// What is signed: header and payload as sent.
    pub(super) signed: &'a str,
    pub(super) signature: &'a str,
}

/// The JOSE header's members that matter (RFC 7515 section 4). Keys carried or pointed to in it are never looked at.
#[derive(Debug, Deserialize)]
pub(super) struct Header {
    pub(super) alg: String,
    pub(super) kid: Option<String>,
    typ: Option<String>,
    crit: Option<Value>,
    b64: Option<Value>,
}

/// Whether `password` has the form of a JSON Web Token, so that it must never be sent on to a database.
pub fn looks_like_token(password: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(password) else {
        return false;
    };
    let mut parts = text.split('.');
    let header = parts.next().and_then(|part| URL_SAFE_NO_PAD.decode(part).ok());
    let is_object = header.is_some_and(|bytes| bytes.first() == Some(&b'{') && bytes.last() == Some(&b'}'));
    is_object && parts.count() == 2
}

impl<'a> Token<'a> {
    pub(super) fn parse(text: &'a str) -> Result<Self, TokenError> {
        if text.len() > TOKEN_BYTES_MAX {
            return Err(TokenError::Malformed("too long"));
        }
        let (signed, signature) = text.rsplit_once('.').ok_or(TokenError::Malformed("not three parts"))?;
        let (header, payload) = signed.split_once('.').ok_or(TokenError::Malformed("not three parts"))?;
        if payload.contains('.') {
            return Err(TokenError::Malformed("not three parts"));
        }
        let header: Header = decode(header)?;
        if header.crit.is_some() || header.b64.is_some() {
            return Err(TokenError::Malformed("a critical extension"));
        }
        // RFC 8725 section 3.11: tokens made for another purpose (logout, proof of possession) are no logins.
        let typ = header.typ.as_deref().map(|typ| typ.to_ascii_lowercase());
        if !matches!(typ.as_deref(), None | Some("jwt" | "at+jwt" | "application/at+jwt")) {
            return Err(TokenError::Malformed("a token of another type"));
        }
        Ok(Self {
            header,
            claims: decode(payload)?,
            signed,
            signature,
        })
    }

    /// The issuer that the token names, not yet believed.
    pub(super) fn issuer(&self) -> Option<&str> {
        self.claims.get("iss").and_then(Value::as_str)
    }
}

fn decode<T: for<'de> Deserialize<'de>>(part: &str) -> Result<T, TokenError> {
    let bytes = URL_SAFE_NO_PAD
        .decode(part)
        .map_err(|_| TokenError::Malformed("not base64url"))?;
    serde_json::from_slice(&bytes).map_err(|_| TokenError::Malformed("not JSON"))
}
