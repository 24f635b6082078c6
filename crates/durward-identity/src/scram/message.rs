use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{KEY_BYTES, MESSAGE_BYTES_MAX, ScramError};

/// The client's word on channel binding (RFC 5802 section 6, `gs2-cbind-flag`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Gs2Flag<'a> {
    /// `n`: the client can't bind.
    Unable,
    /// `y`: the client can, and thinks that the server can't.
    AbleNotOffered,
    /// `p=type`: the client binds.
    Bound(&'a str),
}

/// `client-first-message` (RFC 5802 section 7).
#[derive(Debug)]
pub(super) struct ClientFirst<'a> {
    pub(super) flag: Gs2Flag<'a>,
    /// The flag, the empty authorisation identity and both commas.
    pub(super) gs2_header: &'a str,
    /// What follows the header.
    pub(super) bare: &'a str,
    pub(super) nonce: &'a str,
}

impl<'a> ClientFirst<'a> {
    pub(super) fn parse(message: &'a [u8]) -> Result<Self, ScramError> {
        let text = text_of(message)?;
        let (flag, rest) = text
            .split_once(',')
            .ok_or(ScramError::Malformed("no channel binding flag"))?;
        let flag = match flag {
            "n" => Gs2Flag::Unable,
            "y" => Gs2Flag::AbleNotOffered,
            _ => Gs2Flag::Bound(flag.strip_prefix("p=").ok_or(ScramError::Malformed("unknown flag"))?),
        };
        let (authorisation_identity, bare) = rest.split_once(',').ok_or(ScramError::Malformed("no second comma"))?;
        if !authorisation_identity.is_empty() {
            return Err(ScramError::Malformed("an authorisation identity is not supported"));
        }
        let gs2_header = text.strip_suffix(bare).ok_or(ScramError::Malformed("no header"))?;
        let mut attributes = bare.split(',');
        // The name in here is ignored, as in PostgreSQL: the startup packet's counts. `m=` (a mandatory extension) would
        // stand first, and fails here.
        let name = attributes.next().and_then(|attribute| attribute.strip_prefix("n="));
        if name.is_none() {
            return Err(ScramError::Malformed("no user name"));
        }
        let nonce = attributes.next().and_then(|attribute| attribute.strip_prefix("r="));
        let nonce = nonce.ok_or(ScramError::Malformed("no nonce"))?;
        if nonce.is_empty() || !nonce.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(ScramError::Malformed("a nonce is printable ASCII"));
        }
        Ok(Self {
            flag,
            gs2_header,
            bare,
            nonce,
        })
    }
}

/// `client-final-message` (RFC 5802 section 7).
#[derive(Debug)]
pub(super) struct ClientFinal<'a> {
    /// The decoded `c=`.
    pub(super) binding: Vec<u8>,
    pub(super) nonce: &'a str,
    pub(super) proof: [u8; KEY_BYTES],
    /// The message up to `,p=`.
    pub(super) without_proof: &'a str,
}

impl<'a> ClientFinal<'a> {
    pub(super) fn parse(message: &'a [u8]) -> Result<Self, ScramError> {
        let text = text_of(message)?;
        let (without_proof, proof) = text.rsplit_once(",p=").ok_or(ScramError::Malformed("no proof"))?;
        let mut attributes = without_proof.split(',');
        let binding = attributes.next().and_then(|attribute| attribute.strip_prefix("c="));
        let binding = binding.ok_or(ScramError::Malformed("no channel binding data"))?;
        let nonce = attributes.next().and_then(|attribute| attribute.strip_prefix("r="));
        let nonce = nonce.ok_or(ScramError::Malformed("no nonce"))?;
        let proof = STANDARD
            .decode(proof)
            .map_err(|_| ScramError::Malformed("the proof is no base64"))?;
        Ok(Self {
            binding: STANDARD
                .decode(binding)
                .map_err(|_| ScramError::Malformed("the binding is no base64"))?,
            nonce,
            proof: proof
                .try_into()
                .map_err(|_| ScramError::Malformed("a proof has 32 bytes"))?,
            without_proof,
        })
    }
}

fn text_of(message: &[u8]) -> Result<&str, ScramError> {
    if message.len() > MESSAGE_BYTES_MAX {
        return Err(ScramError::Malformed("too long"));
    }
    let text = std::str::from_utf8(message).map_err(|_| ScramError::Malformed("not UTF-8"))?;
    if text.contains('\0') {
        return Err(ScramError::Malformed("a zero byte"));
    }
    Ok(text)
}
