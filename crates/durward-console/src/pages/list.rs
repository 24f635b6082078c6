use durward_change::Request;
use maud::{Markup, html};
use serde::Deserialize;

use super::layout::shown;
use crate::words::{span, verdict};

/// Which requests are asked for.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct ListQuery {
    #[serde(default)]
    pub(super) all: bool,
}

/// The longest piece of a statement in the list.
const LINE_CHARACTERS_MAX: usize = 160;

pub(super) fn body(requests: &[Request], all: bool, now: i64) -> Markup {
    html! {
        h1 { @if all { "All requests" } @else { "What waits for approval" } }
        @if requests.is_empty() {
            p { "Nothing waits for approval in the databases that your password opens." }
        }
        ol.requests {
            @for request in requests {
                li {
                    a href=(format!("/requests/{}", request.id)) {
                        span.id { (request.id) }
                        span class=(format!("state {}", request.state)) { (request.state) }
                        @if !request.risk.is_empty() { span.risk { "high risk" } }
                        strong { (shown(&verdict(request))) }
                        code { (shown(&line(&request.asked.text))) }
                        span.faint {
                            (shown(&request.asked.database)) ", " (span(now - request.asked_at)) " ago"
                            @if request.state.is_open() { ", expires in " (span(request.expires_at - now)) }
                        }
                    }
                }
            }
        }
        p.faint {
            @if all { a href="/" { "Open ones only" } } @else { a href="/?all=true" { "Ended ones too" } }
            span.keys { "Keys: " kbd { "j" } " and " kbd { "k" } " move, " kbd { "Enter" } " opens" }
        }
    }
}

fn line(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    let line = words.join(" ");
    if line.chars().count() <= LINE_CHARACTERS_MAX {
        return line;
    }
    line.chars().take(LINE_CHARACTERS_MAX).chain(['…']).collect()
}
