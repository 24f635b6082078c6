use durward_change::Asked;
use maud::{Markup, html};

use super::layout::shown;

/// What the statement would do, as far as it is known.
pub(super) fn effect(asked: &Asked) -> Markup {
    html! {
        dl {
            dt { "Rows" } dd { (shown(&asked.rows.to_string())) }
            dt { "Changes" } dd { (shown(&or_nothing(&asked.touched.changes))) }
            @if !asked.touched.reads.is_empty() {
                dt { "Reads" } dd { (shown(&asked.touched.reads.join(", "))) }
            }
        }
    }
}

fn or_nothing(names: &[String]) -> String {
    if names.is_empty() {
        return "nothing that has a name".to_owned();
    }
    names.join(", ")
}
