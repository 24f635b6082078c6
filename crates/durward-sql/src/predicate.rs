//! What a WHERE proves.

use durward_model::RowBound;
use pg_query::Node;

use crate::bind::{Binder, Target};

/// Whether a condition is true for every row, or doesn't depend on the row at all.
pub(crate) fn always_true(binder: &mut Binder<'_>, condition: &Node) -> bool {
    let _ = (binder, condition);
    false
}

/// The most rows of the target that a condition leaves, by unique keys compared to constants or parameters.
pub(crate) fn row_bound(binder: &mut Binder<'_>, target: &Target, condition: Option<&Node>) -> RowBound {
    let _ = (binder, target, condition);
    RowBound::Unbounded
}
