//! What a PL/pgSQL body does.

use crate::bind::Binder;

/// Notes what a DO block does.
pub(crate) fn do_block(binder: &mut Binder<'_>, text: &str) {
    let _ = text;
    binder.facts.opaque("DO", "not known");
}
