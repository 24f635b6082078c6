use maud::{Markup, html};

use super::layout::{Frame, page, shown};

/// The login form; `said` is why the last try failed.
pub(super) fn form(next: &str, said: Option<&str>) -> Markup {
    let body = html! {
        h1 { "Log in" }
        @if let Some(said) = said {
            p.message role="alert" { (shown(said)) }
        }
        form.login method="post" action="/login" {
            input type="hidden" name="next" value=(next);
            label { "Name" input name="user" autocomplete="username" autocapitalize="none" spellcheck="false" required autofocus; }
            label { "Password" input name="password" type="password" autocomplete="current-password" required; }
            button.primary { "Log in" }
        }
        p.faint { "With the name and the password that this gateway has issued you for databases; or with any other name, and a token of your identity provider as the password." }
    };
    let frame = Frame {
        title: "Log in",
        entry: None,
        watch: None,
    };
    page(&frame, &body)
}
