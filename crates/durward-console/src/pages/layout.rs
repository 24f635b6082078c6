use durward_change::{Piece, pieces};
use maud::{DOCTYPE, Markup, html};

use crate::tickets::Entry;

/// What is around a page.
#[derive(Debug)]
pub(super) struct Frame<'a> {
    pub(super) title: &'a str,
    /// Who looks.
    pub(super) entry: Option<&'a Entry>,
    /// The request whose news are waited for, and the version that is shown.
    pub(super) watch: Option<(String, String)>,
}

pub(super) fn page(frame: &Frame<'_>, body: &Markup) -> Markup {
    let (id, version) = frame.watch.clone().unzip();
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="robots" content="noindex";
                title { (frame.title) " · Durward" }
                link rel="icon" href="data:,";
                link rel="stylesheet" href="/assets/style.css";
                script src="/assets/keys.js" defer {}
            }
            body data-watch=[id] data-version=[version] {
                header {
                    a href="/" { "Durward" }
                    @if let Some(entry) = frame.entry {
                        form method="post" action="/logout" {
                            input type="hidden" name="token" value=(entry.form_token("/logout"));
                            span { (shown(entry.viewer.name())) }
                            button { "Log out" }
                        }
                    }
                }
                main { (body) }
            }
        }
    }
}

/// One sentence in place of a page.
pub(super) fn message(said: &str) -> Markup {
    html! {
        p.message role="alert" { (shown(said)) }
        p { a href="/" { "What waits for approval" } }
    }
}

/// A page that asks for itself again, from here.
pub(super) fn once_more(way: &str) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="refresh" content=(format!("0; url={way}"));
                title { "Durward" }
                link rel="icon" href="data:,";
            }
            body { a href=(way) { "Go on" } }
        }
    }
}

/// A text of somebody else's: escaped, and what hides or steers spelled out and set off.
pub(super) fn shown(text: &str) -> Markup {
    html! {
        @for piece in pieces(text) {
            @match piece {
                Piece::Plain(plain) => (plain),
                Piece::Spelled(spelled) => span.spelled title="a character that hides, or steers how others are shown" { (spelled) },
            }
        }
    }
}
