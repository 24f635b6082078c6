use durward_change::{Asked, DdlEffect, Effect, Sample};
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
            @for carried in asked.effect.iter().flat_map(|effect| &effect.carried) {
                dt { "Along" } dd { (shown(&carried.to_string())) }
            }
            @if let Some(undo) = &asked.undo {
                dt { "Undo" } dd { (shown(undo)) }
            }
        }
        @if !asked.ddl.is_empty() {
            (relations(&asked.ddl))
        }
        @if let Some(effect) = asked.effect.as_ref().filter(|effect| !effect.samples.is_empty()) {
            (rows(effect))
        }
    }
}

/// What becomes of each relation whose definition changes.
fn relations(ddl: &[DdlEffect]) -> Markup {
    html! {
        p { "Looked up in the catalog; sizes and rows are as they were when it was asked." }
        div class="wide" {
            table {
                thead {
                    tr { th { "Relation" } th { "Lock" } th { "Rows and data" } th { "Size" } th { "What depends on it" } }
                }
                tbody {
                    @for effect in ddl {
                        tr {
                            td { (shown(&effect.name)) }
                            td { (effect.lock) ": " (effect.waits) }
                            td {
                                @if effect.rewrites { "all rows are rewritten under the lock" } @else { "rows stay as they are" }
                                @if effect.loses_data { ", " strong { "data is lost" } }
                            }
                            td { (shown(&effect.size_in_words())) }
                            td { (shown(&effect.dependents.join(", "))) }
                        }
                    }
                }
            }
        }
    }
}

/// Some of the rows, side by side as they are and as they would be.
fn rows(effect: &Effect) -> Markup {
    let are_new = effect.samples.iter().all(|sample| sample.before.is_empty());
    html! {
        @if are_new {
            p { "The first " (effect.samples.len()) " of the rows that it brings." }
        } @else {
            p { "The first " (effect.samples.len()) " rows as they are, and as they would be; read without changing any." }
        }
        div class="wide" {
            table {
                thead {
                    tr {
                        @for name in effect.key.iter().chain(&effect.columns) { th { (shown(name)) } }
                    }
                }
                tbody {
                    @for sample in &effect.samples { (row(effect, sample)) }
                }
            }
        }
    }
}

fn row(effect: &Effect, sample: &Sample) -> Markup {
    html! {
        tr {
            @for value in &sample.key { td { (cell(Some(value))) } }
            @for at in 0..effect.columns.len() {
                td {
                    @match sample.after.get(at) {
                        None => { del { (cell(sample.before.get(at))) } }
                        Some(Some(after)) if sample.before.is_empty() => { ins { (cell(Some(after))) } }
                        Some(None) => { del { (cell(sample.before.get(at))) } " → computed when it runs" }
                        Some(Some(after)) => { del { (cell(sample.before.get(at))) } " → " ins { (cell(Some(after))) } }
                    }
                }
            }
        }
    }
}

fn cell(value: Option<&Option<String>>) -> Markup {
    match value {
        Some(Some(value)) => shown(value),
        Some(None) => html! { "NULL" },
        None => html! {},
    }
}

fn or_nothing(names: &[String]) -> String {
    if names.is_empty() {
        return "nothing that has a name".to_owned();
    }
    names.join(", ")
}
