//! Facts, principal and context become a decision with obligations; the only maker of a permit.
