//! SCRAM-SHA-256 and SCRAM-SHA-256-PLUS, the server's side (RFC 5802, RFC 7677; channel binding `tls-server-end-point`
//! of RFC 5929; PostgreSQL manual section 55.3). Bytes in, bytes out: the nonce is an argument, nothing is read or sent.
//!
//! Each step consumes the state and gives the next: [`ScramServer`] → [`ScramChallenge`] → [`ScramProof`].

mod message;
mod verifier;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use subtle::{Choice, ConditionallySelectable as _, ConstantTimeEq as _};
use thiserror::Error;

use message::{ClientFinal, ClientFirst, Gs2Flag};
pub use verifier::{ITERATIONS, KEY_BYTES, SALT_BYTES, ScramKeys, ScramSalt};
use verifier::{hmac_sha256, sha256};

/// The mechanism without channel binding.
pub const SCRAM_SHA_256: &str = "SCRAM-SHA-256";
/// The mechanism bound to the TLS channel.
pub const SCRAM_SHA_256_PLUS: &str = "SCRAM-SHA-256-PLUS";
/// Random bytes in the server's nonce, as in PostgreSQL (`SCRAM_RAW_NONCE_LEN`).
pub const NONCE_BYTES: usize = 18;
/// The longest SASL message that is read. The longest honest one carries a 64-byte hash and a nonce.
pub const MESSAGE_BYTES_MAX: usize = 4_096;

const CHANNEL_BINDING_TYPE: &str = "tls-server-end-point";

/// What was wrong with an exchange; for the record, not for the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ScramError {
    /// A mechanism that was not offered.
    #[error("the client chose a SASL mechanism that was not offered")]
    MechanismNotOffered,
    /// The message can't be read.
    #[error("malformed SCRAM message: {0}")]
    Malformed(&'static str),
    /// The client could bind the channel and believes that we can't, though we offered it: someone in between removed
    /// the offer.
    #[error("the offer of channel binding was removed on the way to the client")]
    Downgraded,
    /// The channel that the client sees isn't the one that we see.
    #[error("the channel binding doesn't match: the client talks to another TLS endpoint")]
    ChannelBindingMismatch,
    /// The nonce isn't the one sent.
    #[error("the nonce isn't the one sent")]
    NonceMismatch,
    /// The password is wrong.
    #[error("wrong password")]
    WrongProof,
}

/// An exchange that has not begun: what to offer, and what a right proof is checked against.
#[derive(Debug)]
pub struct ScramServer {
    salt: ScramSalt,
    candidates: Vec<ScramKeys>,
    server_end_point: Option<Box<[u8]>>,
    server_nonce: String,
}

impl ScramServer {
    /// Sets up an exchange.
    ///
    /// `candidates` are the keys of the identity's credentials, all with the same `salt`, none for a mock exchange that
    /// can only fail. `server_end_point` is the hash of our certificate (RFC 5929 section 4) inside TLS.
    pub fn new(
        salt: ScramSalt,
        candidates: Vec<ScramKeys>,
        server_end_point: Option<&[u8]>,
        nonce: [u8; NONCE_BYTES],
    ) -> Self {
        Self::with_nonce_text(salt, candidates, server_end_point, STANDARD.encode(nonce))
    }

    fn with_nonce_text(
        salt: ScramSalt,
        candidates: Vec<ScramKeys>,
        server_end_point: Option<&[u8]>,
        server_nonce: String,
    ) -> Self {
        Self {
            salt,
            candidates,
            server_end_point: server_end_point.map(Into::into),
            server_nonce,
        }
    }

    /// The mechanisms to offer, the preferred one first.
    pub fn mechanisms(&self) -> &'static [&'static str] {
        if self.server_end_point.is_some() {
            &[SCRAM_SHA_256_PLUS, SCRAM_SHA_256]
        } else {
            &[SCRAM_SHA_256]
        }
    }

    /// Reads the client's first message and gives the answer to send.
    ///
    /// # Errors
    /// For a mechanism that was not offered, a malformed message, or a removed offer of channel binding.
    pub fn begin(self, mechanism: &str, initial: &[u8]) -> Result<(Vec<u8>, ScramChallenge), ScramError> {
        if !self.mechanisms().contains(&mechanism) {
            return Err(ScramError::MechanismNotOffered);
        }
        let first = ClientFirst::parse(initial)?;
        let bound = mechanism == SCRAM_SHA_256_PLUS;
        match (first.flag, bound) {
            (Gs2Flag::Bound(CHANNEL_BINDING_TYPE), true) | (Gs2Flag::Unable, false) => {}
            (Gs2Flag::Bound(_), true) => return Err(ScramError::Malformed("unknown channel binding type")),
            (Gs2Flag::Bound(_), false) => return Err(ScramError::Malformed("binding without its mechanism")),
            (Gs2Flag::Unable | Gs2Flag::AbleNotOffered, true) => {
                return Err(ScramError::Malformed("the mechanism wants a binding"));
            }
            (Gs2Flag::AbleNotOffered, false) => {
                if self.server_end_point.is_some() {
                    return Err(ScramError::Downgraded);
                }
            }
        }
        let nonce = format!("{}{}", first.nonce, self.server_nonce);
        let server_first = format!("r={nonce},s={},i={ITERATIONS}", STANDARD.encode(self.salt.as_bytes()));
        let mut binding_expected = first.gs2_header.as_bytes().to_vec();
        if let (true, Some(hash)) = (bound, &self.server_end_point) {
            binding_expected.extend_from_slice(hash);
        }
        let challenge = ScramChallenge {
            salt: self.salt,
            candidates: self.candidates,
            binding_expected,
            nonce,
            auth_message_begin: format!("{},{server_first}", first.bare),
        };
        Ok((server_first.into_bytes(), challenge))
    }
}

/// The challenge is out; the client's proof is awaited.
#[derive(Debug)]
pub struct ScramChallenge {
    salt: ScramSalt,
    candidates: Vec<ScramKeys>,
    binding_expected: Vec<u8>,
    nonce: String,
    auth_message_begin: String,
}

impl ScramChallenge {
    /// Reads the client's final message and checks the proof, in the same time whether and wherever it is wrong.
    ///
    /// # Errors
    /// For a malformed message, another channel, another nonce, or a wrong proof.
    pub fn finish(self, client_final: &[u8]) -> Result<ScramProof, ScramError> {
        let message = ClientFinal::parse(client_final)?;
        if !bool::from(message.binding.as_slice().ct_eq(&self.binding_expected)) {
            return Err(ScramError::ChannelBindingMismatch);
        }
        if message.nonce != self.nonce {
            return Err(ScramError::NonceMismatch);
        }
        let auth_message = format!("{},{}", self.auth_message_begin, message.without_proof);
        // A mock exchange checks the proof against keys made from the salt, so that it costs what a real one costs.
        let mock = ScramKeys::mock(&self.salt);
        let real = !self.candidates.is_empty();
        let candidates = if real {
            self.candidates.as_slice()
        } else {
            std::slice::from_ref(&mock)
        };
        let mut found = Choice::from(0);
        let mut found_place = 0_u64;
        let mut server_signature = [0_u8; KEY_BYTES];
        for (place, keys) in (0_u64..).zip(candidates) {
            let right = proof_is_right(keys, &message.proof, auth_message.as_bytes());
            let signature = hmac_sha256(&keys.server_key, auth_message.as_bytes());
            for (target, byte) in server_signature.iter_mut().zip(signature) {
                target.conditional_assign(&byte, right);
            }
            found_place.conditional_assign(&place, right);
            found |= right;
        }
        if !bool::from(found) || !real {
            return Err(ScramError::WrongProof);
        }
        Ok(ScramProof {
            server_final: format!("v={}", STANDARD.encode(server_signature)).into_bytes(),
            candidate: usize::try_from(found_place).map_err(|_| ScramError::WrongProof)?,
        })
    }
}

/// The proof was right.
#[derive(Debug)]
pub struct ScramProof {
    /// The last message to send (`AuthenticationSASLFinal`).
    pub server_final: Vec<u8>,
    /// Which of the candidates it was.
    pub candidate: usize,
}

/// RFC 5802 section 3: `ClientKey := ClientProof XOR HMAC(StoredKey, AuthMessage)`, right if its hash is `StoredKey`.
fn proof_is_right(keys: &ScramKeys, proof: &[u8; KEY_BYTES], auth_message: &[u8]) -> Choice {
    let mut client_key = hmac_sha256(&keys.stored_key, auth_message);
    for (byte, proof_byte) in client_key.iter_mut().zip(proof) {
        *byte ^= proof_byte;
    }
    sha256(&client_key).ct_eq(&keys.stored_key)
}

#[cfg(test)]
mod tests;
