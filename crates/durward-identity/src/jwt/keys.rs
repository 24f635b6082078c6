use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde_json::Value;

use super::TokenError;

/// More keys than any issuer has; the rest of a longer set is ignored.
const KEYS_MAX: usize = 100;
/// Keys that are tried for a token that names none.
const KEYS_TRIED_MAX: usize = 8;

/// The public keys of an issuer that can be used: signing keys of the three algorithms.
#[derive(Debug, Default)]
pub(super) struct KeySet(Vec<Key>);

#[derive(Debug)]
struct Key {
    id: Option<String>,
    /// Follows from the key's type, never from a token.
    algorithm: Algorithm,
    key: DecodingKey,
}

/// The members of a JSON Web Key (RFC 7517, RFC 7518 section 6, RFC 8037) that matter here.
#[derive(Deserialize)]
struct JsonWebKey {
    kty: String,
    #[serde(rename = "use")]
    usage: Option<String>,
    key_ops: Option<Vec<String>>,
    alg: Option<String>,
    kid: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

impl KeySet {
    /// Reads a JWK set. Keys for other purposes or of other algorithms are left out.
    pub(super) fn parse(body: &[u8]) -> Result<Self, String> {
        let document: Value =
            serde_json::from_slice(body).map_err(|error| format!("the key set is no JSON: {error}"))?;
        let keys = document
            .get("keys")
            .and_then(Value::as_array)
            .ok_or("the key set has no \"keys\"")?;
        let usable = keys.iter().take(KEYS_MAX).filter_map(|key| {
            let key = JsonWebKey::deserialize(key).ok()?;
            Key::new(key)
        });
        Ok(Self(usable.collect()))
    }

    pub(super) fn has(&self, key_id: Option<&str>) -> bool {
        key_id.map_or(!self.0.is_empty(), |id| {
            self.0.iter().any(|key| key.id.as_deref() == Some(id))
        })
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Checks the signature of `signed` with the key named, or, where none is named, with any key of that algorithm.
    pub(super) fn verify(
        &self,
        key_id: Option<&str>,
        algorithm: &str,
        signed: &str,
        signature: &str,
    ) -> Result<(), TokenError> {
        let named = self
            .0
            .iter()
            .filter(|key| key_id.is_none() || key.id.as_deref() == key_id);
        let mut named = named.peekable();
        if named.peek().is_none() {
            return Err(TokenError::UnknownKey);
        }
        let mut fitting = named
            .filter(|key| algorithm_name(key.algorithm) == Some(algorithm))
            .peekable();
        if fitting.peek().is_none() {
            return Err(TokenError::WrongAlgorithm);
        }
        let verified = fitting.take(KEYS_TRIED_MAX).any(|key| {
            jsonwebtoken::crypto::verify(signature, signed.as_bytes(), &key.key, key.algorithm).unwrap_or(false)
        });
        if verified {
            Ok(())
        } else {
            Err(TokenError::WrongSignature)
        }
    }
}

impl Key {
    fn new(jwk: JsonWebKey) -> Option<Self> {
        let for_signatures = jwk.usage.as_deref().is_none_or(|usage| usage == "sig");
        let may_verify = jwk
            .key_ops
            .as_ref()
            .is_none_or(|operations| operations.iter().any(|name| name == "verify"));
        let (algorithm, key) = match (jwk.kty.as_str(), jwk.crv.as_deref()) {
            ("RSA", _) => (
                Algorithm::RS256,
                DecodingKey::from_rsa_components(jwk.n.as_deref()?, jwk.e.as_deref()?).ok()?,
            ),
            ("EC", Some("P-256")) => {
                let (x, y) = (jwk.x.as_deref()?, jwk.y.as_deref()?);
                let whole = is_32_bytes(x) && is_32_bytes(y);
                (
                    Algorithm::ES256,
                    whole.then(|| DecodingKey::from_ec_components(x, y).ok())??,
                )
            }
            ("OKP", Some("Ed25519")) => {
                let x = jwk.x.as_deref()?;
                (
                    Algorithm::EdDSA,
                    is_32_bytes(x).then(|| DecodingKey::from_ed_components(x).ok())??,
                )
            }
            _ => return None,
        };
        // `Ed25519` is the fully specified name of RFC 9864.
        let says_so = jwk.alg.as_deref().is_none_or(|name| {
            Some(name) == algorithm_name(algorithm) || (algorithm == Algorithm::EdDSA && name == "Ed25519")
        });
        (for_signatures && may_verify && says_so).then_some(Self {
            id: jwk.kid,
            algorithm,
            key,
        })
    }
}

fn is_32_bytes(text: &str) -> bool {
    URL_SAFE_NO_PAD.decode(text).is_ok_and(|bytes| bytes.len() == 32)
}

/// The name in a token's header; none for algorithms that are never accepted.
fn algorithm_name(algorithm: Algorithm) -> Option<&'static str> {
    match algorithm {
        Algorithm::RS256 => Some("RS256"),
        Algorithm::ES256 => Some("ES256"),
        Algorithm::EdDSA => Some("EdDSA"),
        _ => None,
    }
}
