//! JSON Web Tokens of OpenID Connect issuers, shown in the password field (RFC 7519, RFC 8725 on safe use, RFC 9068 on
//! access tokens, RFC 8693 section 4.1 on actors).

mod claims;
mod fetch;
mod issuer;
mod keys;
mod token;

use thiserror::Error;

pub use issuer::{IssuerConfig, IssuerError, Issuers};
pub use token::looks_like_token;

/// The longest token that is read. Issuers with hundreds of groups come to about 10 KB.
pub const TOKEN_BYTES_MAX: usize = 32_768;

/// What is wrong with a token; for the record, not for the client.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TokenError {
    /// Not a token.
    #[error("malformed token: {0}")]
    Malformed(&'static str),
    /// Nobody whom we trust.
    #[error("the token's issuer is not configured")]
    UnknownIssuer,
    /// The issuer has no such key.
    #[error("the issuer has no key for this token")]
    UnknownKey,
    /// Another algorithm than the key's, or one that is never accepted.
    #[error("the token's algorithm is not that of the issuer's key")]
    WrongAlgorithm,
    /// The signature doesn't fit.
    #[error("the token's signature is wrong")]
    WrongSignature,
    /// For somebody else.
    #[error("the token is for another audience")]
    WrongAudience,
    /// Properly signed for us, and past its end.
    #[error("the token has expired")]
    Expired,
    /// Properly signed for us, and not valid yet.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// A claim is missing or can't be used.
    #[error("the token's claims can't be used: {0}")]
    Claims(&'static str),
    /// The issuer's keys can't be had.
    #[error("the issuer's keys can't be fetched: {0}")]
    IssuerUnreachable(String),
}

#[cfg(test)]
mod tests;
