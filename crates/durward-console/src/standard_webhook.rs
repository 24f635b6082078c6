//! Messages signed as the Standard Webhooks specification has it (version 1: HMAC-SHA256), in both directions.

use std::fmt;
use std::sync::Arc;

use axum::http::HeaderMap;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// The shortest secret.
///
/// Unit: bytes. Source: the Standard Webhooks specification, "Signature scheme".
pub(crate) const SECRET_BYTES_MIN: usize = 24;

/// How old a message may be, or how far ahead its clock.
///
/// Unit: seconds. Source: the tolerance of the specification's reference libraries.
pub(crate) const TOLERANCE_SECONDS: u64 = 5 * 60;

/// The longest name of a message.
///
/// Unit: bytes. Reason: it is kept for as long as it could come again.
const ID_BYTES_MAX: usize = 200;

/// A secret that both sides know.
#[derive(Clone)]
pub(crate) struct SigningSecret(Arc<[u8]>);

/// Why a message isn't taken for what it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unsigned {
    /// A header is missing, comes twice, or can't be read.
    #[error("webhook-id, webhook-timestamp and webhook-signature are each needed once")]
    Headers,
    /// Somebody else has signed it, or it was changed.
    #[error("the signature doesn't fit")]
    Forged,
    /// It is old, or of a clock that is wrong.
    #[error("the message was signed more than five minutes ago, or from now")]
    Late,
}

impl SigningSecret {
    /// Base64 after `whsec_`, or else the text's own bytes; `None` where anybody could guess it.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let secret: Vec<u8> = match text.strip_prefix("whsec_") {
            Some(encoded) => STANDARD.decode(encoded).ok()?,
            None => text.as_bytes().to_vec(),
        };
        (secret.len() >= SECRET_BYTES_MIN).then(|| Self(secret.into()))
    }

    /// The value of `webhook-signature`.
    pub(crate) fn sign(&self, id: &str, timestamp: &str, body: &[u8]) -> String {
        let signature = self.mac(id, timestamp, body).finalize().into_bytes();
        format!("v1,{}", STANDARD.encode(signature))
    }

    /// Checks a message that has come; its name. The signature is looked at first, so that nothing is told to others.
    pub(crate) fn verify<'a>(&self, headers: &'a HeaderMap, body: &[u8], now: u64) -> Result<&'a str, Unsigned> {
        let once = |name: &str| {
            let mut values = headers.get_all(name).iter();
            let value = values.next().and_then(|value| value.to_str().ok());
            value.filter(|_| values.next().is_none()).ok_or(Unsigned::Headers)
        };
        let (id, timestamp) = (once("webhook-id")?, once("webhook-timestamp")?);
        // Several where a secret is being changed.
        let mut signatures = once("webhook-signature")?.split(' ');
        let signed: u64 = timestamp.parse().map_err(|_| Unsigned::Headers)?;
        if id.is_empty() || id.len() > ID_BYTES_MAX {
            return Err(Unsigned::Headers);
        }
        let fits = |signature: &str| {
            let encoded = signature.strip_prefix("v1,");
            let given = encoded.and_then(|encoded| STANDARD.decode(encoded).ok());
            given.is_some_and(|given| self.mac(id, timestamp, body).verify_slice(&given).is_ok())
        };
        if !signatures.any(fits) {
            return Err(Unsigned::Forged);
        }
        if signed.abs_diff(now) > TOLERANCE_SECONDS {
            return Err(Unsigned::Late);
        }
        Ok(id)
    }

    #[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
    fn mac(&self, id: &str, timestamp: &str, body: &[u8]) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("any length");
        mac.update(format!("{id}.{timestamp}.").as_bytes());
        mac.update(body);
        mac
    }
}

impl fmt::Debug for SigningSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningSecret(…)")
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderMap;

    use super::{SigningSecret, TOLERANCE_SECONDS, Unsigned};

    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    const BODY: &[u8] = b"{\"test\": 2432232314}";
    const AT: u64 = 1_614_265_330;

    fn headers(id: &str, timestamp: &str, signature: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert("webhook-id", id.parse().unwrap());
        headers.insert("webhook-timestamp", timestamp.parse().unwrap());
        headers.insert("webhook-signature", signature.parse().unwrap());
        headers
    }

    #[test]
    fn signatures_are_those_of_the_specification() {
        // The example of the Standard Webhooks specification's reference libraries.
        let secret = SigningSecret::parse(SECRET).unwrap();
        let signature = secret.sign(ID, &AT.to_string(), BODY);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        let good = headers(ID, &AT.to_string(), &signature);
        assert_eq!(secret.verify(&good, BODY, AT + TOLERANCE_SECONDS), Ok(ID));
        assert_eq!(secret.verify(&good, BODY, AT - TOLERANCE_SECONDS), Ok(ID));
        assert_eq!(
            secret.verify(&good, BODY, AT + TOLERANCE_SECONDS + 1),
            Err(Unsigned::Late)
        );
        assert_eq!(
            secret.verify(&good, BODY, AT - TOLERANCE_SECONDS - 1),
            Err(Unsigned::Late)
        );
        let two = headers(ID, &AT.to_string(), &format!("v1,AAAA v2,x {signature}"));
        assert_eq!(secret.verify(&two, BODY, AT), Ok(ID));
    }

    #[test]
    fn whatever_was_changed_is_forged() {
        let secret = SigningSecret::parse(SECRET).unwrap();
        let at = AT.to_string();
        let signature = secret.sign(ID, &at, BODY);
        let other = SigningSecret::parse(&"x".repeat(24)).unwrap();
        let later = (AT + 1).to_string();
        for (id, timestamp, signature, body) in [
            ("msg_2", at.as_str(), signature.as_str(), BODY),
            (ID, later.as_str(), &signature, BODY),
            (ID, &at, &signature, b"{}".as_slice()),
            (ID, &at, &other.sign(ID, &at, BODY), BODY),
            (ID, &at, "v1,", BODY),
            (ID, &at, "", BODY),
            (ID, &at, &signature[3..], BODY),
        ] {
            let headers = headers(id, timestamp, signature);
            assert_eq!(
                secret.verify(&headers, body, AT),
                Err(Unsigned::Forged),
                "{id} {timestamp} {signature}"
            );
        }
        let mut twice = headers(ID, &at, &signature);
        twice.append("webhook-id", "other".parse().unwrap());
        assert_eq!(secret.verify(&twice, BODY, AT), Err(Unsigned::Headers));
        assert_eq!(secret.verify(&HeaderMap::new(), BODY, AT), Err(Unsigned::Headers));
        assert!(SigningSecret::parse("whsec_AAAA").is_none());
    }
}
