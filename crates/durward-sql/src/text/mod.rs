//! Statement texts without a parser: tokens, keys that leave constants out, normalised texts.

mod key;
mod scan;
mod thin;

#[cfg(test)]
mod tests;

pub(crate) use key::{TextKey, normalize};
pub(crate) use scan::{Doubt, Scanner, Token, TokenKind};
pub(crate) use thin::{Thinned, thin};
