//! Credentials: keys, tokens, private keys, connection strings, and what is kept of passwords.
//!
//! Only what is masked counts, so checksums within issuers' tokens are not computed: a token with a wrong one is masked
//! as well. Placeholders and public keys are not told apart from real ones if they have the form.
//!
//! Cost: at a prefix or keyword, a look at the bytes that may belong to it.

mod armour;
mod assigned;
mod entropy;
mod fixed;
mod hash;
mod jwt;
mod tokens;
mod url;

use super::cell::Cell;
use super::text::{Anchored, Token};

/// Every token with a prefix of its own.
pub(super) fn tokens() -> impl Iterator<Item = &'static Token> {
    tokens::TOKENS.iter()
}

/// Every credential with other fixed parts.
pub(super) fn anchored() -> impl Iterator<Item = &'static Anchored> {
    [
        armour::ANCHORED,
        assigned::ANCHORED,
        hash::ANCHORED,
        jwt::ANCHORED,
        fixed::ANCHORED,
        url::ANCHORED,
    ]
    .into_iter()
    .flatten()
}

/// Every credential that only a whole cell can be.
pub(super) fn cells() -> impl Iterator<Item = &'static Cell> {
    [entropy::CELLS, url::CELLS].into_iter().flatten()
}
