//! What people see: plain pages that need no script, on a phone as on a desk.

mod effect;
mod layout;
mod list;
mod login;
mod request;

use std::sync::Arc;

use axum::Form;
use axum::extract::{Extension, Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use crate::access::Peer;
use crate::app::Console;
use crate::problem::Problem;
use crate::tickets::Entry;
use layout::{Frame, page};

/// The pages' look.
pub(crate) async fn style() -> Response {
    let kind = [(header::CONTENT_TYPE, "text/css; charset=utf-8")];
    (kind, include_str!("assets/style.css")).into_response()
}

/// Keyboard shortcuts, and news without reloading. Everything works without.
pub(crate) async fn keys() -> Response {
    let kind = [(header::CONTENT_TYPE, "text/javascript; charset=utf-8")];
    (kind, include_str!("assets/keys.js")).into_response()
}

pub(crate) async fn nothing_here(State(console): State<Arc<Console>>, headers: HeaderMap) -> Response {
    let entry = console.entry(&headers);
    complaint(
        entry.as_ref(),
        &Problem::new(StatusCode::NOT_FOUND, "There is no such page."),
    )
}

/// Where to go after a login.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct NextQuery {
    next: Option<String>,
}

pub(crate) async fn login_form(
    State(console): State<Arc<Console>>,
    headers: HeaderMap,
    Query(query): Query<NextQuery>,
) -> Response {
    let next = way_on(query.next.as_deref());
    match console.entry(&headers) {
        Some(_) => Redirect::to(&next).into_response(),
        None => login::form(&next, None).into_response(),
    }
}

/// A filled-in login form.
#[derive(Deserialize)]
pub(crate) struct LoginForm {
    user: String,
    password: String,
    #[serde(default)]
    next: String,
}

pub(crate) async fn log_in(
    State(console): State<Arc<Console>>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    Form(form): Form<LoginForm>,
) -> Response {
    let next = way_on(Some(&form.next));
    let login = match console.log_in(form.user, form.password, peer).await {
        Ok(login) => login,
        Err(problem) => return (problem.status, login::form(&next, Some(&problem.detail))).into_response(),
    };
    // Whoever had logged in here before is gone: no login is taken over from before.
    if let Some(before) = console.cookie(&headers) {
        console.tickets.revoke(before);
    }
    let name = login.principal.acting().name.clone();
    let by = format!("{name} ({})", login.principal.credential.0);
    if let Err(problem) = console.note(&by, "web_login", &peer.0.to_string()) {
        return (problem.status, login::form(&next, Some(&problem.detail))).into_response();
    }
    match console.tickets.issue(login, console.now()) {
        Ok(secret) => with_cookie(&console, &secret, Redirect::to(&next).into_response()),
        Err(error) => {
            tracing::error!(%error, "no randomness for a login");
            let problem = Problem::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "There is no randomness for a login now.",
            );
            (problem.status, login::form(&next, Some(&problem.detail))).into_response()
        }
    }
}

/// A form with nothing but its token.
#[derive(Debug, Deserialize)]
pub(crate) struct TokenForm {
    #[serde(default)]
    token: String,
}

pub(crate) async fn log_out(
    State(console): State<Arc<Console>>,
    headers: HeaderMap,
    Form(form): Form<TokenForm>,
) -> Response {
    let Some(entry) = console.entry(&headers) else {
        return Redirect::to("/login").into_response();
    };
    if !entry.is_form_token("/logout", &form.token) {
        return complaint(Some(&entry), &stale_form());
    }
    if let Some(secret) = console.cookie(&headers) {
        console.tickets.revoke(secret);
    }
    with_cookie(&console, "", Redirect::to("/login").into_response())
}

pub(crate) async fn list(
    State(console): State<Arc<Console>>,
    headers: HeaderMap,
    Query(query): Query<list::ListQuery>,
) -> Response {
    let Some(entry) = console.entry(&headers) else {
        return strangers(&headers, "/");
    };
    let requests = console.visible_to(&entry.viewer, query.all);
    let body = list::body(&requests, query.all, console.desk_now());
    let frame = Frame {
        title: "What waits for approval",
        entry: Some(&entry),
        watch: None,
    };
    page(&frame, &body).into_response()
}

pub(crate) async fn request(
    State(console): State<Arc<Console>>,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Response {
    let Some(entry) = console.entry(&headers) else {
        return strangers(&headers, &way_on(Some(&format!("/requests/{id}"))));
    };
    show(&console, &entry, &id, None)
}

/// A filled-in decision.
#[derive(Debug, Deserialize)]
pub(crate) struct DecisionForm {
    #[serde(default)]
    token: String,
    #[serde(default)]
    note: String,
    /// The box that says that one's own change is approved knowingly.
    confirm: Option<String>,
}

pub(crate) async fn approve(
    State(console): State<Arc<Console>>,
    headers: HeaderMap,
    Path(id): Path<String>,
    Form(form): Form<DecisionForm>,
) -> Response {
    let entry = match decider(&console, &headers, &id, "approve", &form) {
        Ok(entry) => entry,
        Err(response) => return *response,
    };
    let confirms = form.confirm.is_some();
    let decided = console.approve(&entry.viewer, &id, Some(&form.note), confirms).await;
    after(&console, &entry, &id, decided)
}

pub(crate) async fn reject(
    State(console): State<Arc<Console>>,
    headers: HeaderMap,
    Path(id): Path<String>,
    Form(form): Form<DecisionForm>,
) -> Response {
    let entry = match decider(&console, &headers, &id, "reject", &form) {
        Ok(entry) => entry,
        Err(response) => return *response,
    };
    let decided = console.reject(&entry.viewer, &id, Some(&form.note)).await;
    after(&console, &entry, &id, decided)
}

pub(crate) async fn withdraw(
    State(console): State<Arc<Console>>,
    headers: HeaderMap,
    Path(id): Path<String>,
    Form(form): Form<DecisionForm>,
) -> Response {
    let entry = match decider(&console, &headers, &id, "withdraw", &form) {
        Ok(entry) => entry,
        Err(response) => return *response,
    };
    let withdrawn = console.withdraw(&entry.viewer, &id, Some(&form.note)).await;
    after(&console, &entry, &id, withdrawn)
}

pub(crate) async fn review(
    State(console): State<Arc<Console>>,
    headers: HeaderMap,
    Path(id): Path<String>,
    Form(form): Form<DecisionForm>,
) -> Response {
    let entry = match decider(&console, &headers, &id, "review", &form) {
        Ok(entry) => entry,
        Err(response) => return *response,
    };
    let confirms = form.confirm.is_some();
    let reviewed = console.review(&entry.viewer, &id, Some(&form.note), confirms).await;
    after(&console, &entry, &id, reviewed)
}

pub(crate) async fn revoke(
    State(console): State<Arc<Console>>,
    headers: HeaderMap,
    Path(id): Path<String>,
    Form(form): Form<DecisionForm>,
) -> Response {
    let entry = match decider(&console, &headers, &id, "revoke", &form) {
        Ok(entry) => entry,
        Err(response) => return *response,
    };
    let revoked = console.revoke(&entry.viewer, &id, Some(&form.note)).await;
    after(&console, &entry, &id, revoked)
}

/// Who decides by a form: logged in, and by a form that was made for them and for this.
fn decider(
    console: &Console,
    headers: &HeaderMap,
    id: &str,
    verb: &str,
    form: &DecisionForm,
) -> Result<Entry, Box<Response>> {
    let Some(entry) = console.entry(headers) else {
        return Err(Box::new(strangers(headers, &way_on(Some(&format!("/requests/{id}"))))));
    };
    if !entry.is_form_token(&format!("/requests/{id}/{verb}"), &form.token) {
        return Err(Box::new(complaint(Some(&entry), &stale_form())));
    }
    Ok(entry)
}

/// What is seen after a decision: the request as it is then. A reload of it decides nothing again.
fn after(console: &Console, entry: &Entry, id: &str, decided: Result<durward_change::Request, Problem>) -> Response {
    match decided {
        Ok(request) => Redirect::to(&format!("/requests/{}", request.id)).into_response(),
        Err(problem) => show(console, entry, id, Some(problem)),
    }
}

fn show(console: &Console, entry: &Entry, id: &str, problem: Option<Problem>) -> Response {
    let request = match console.find(&entry.viewer, id) {
        Ok(request) => request,
        Err(problem) => return complaint(Some(entry), &problem),
    };
    let status = problem.as_ref().map_or(StatusCode::OK, |problem| problem.status);
    let said = problem.map(|problem| problem.detail);
    (status, request::page(console, entry, &request, said.as_deref())).into_response()
}

/// Whoever isn't logged in. A link that is followed from elsewhere comes without the cookie: once more from here, it does.
fn strangers(headers: &HeaderMap, way: &str) -> Response {
    let from_elsewhere = headers.get("sec-fetch-site").is_some_and(|site| site == "cross-site");
    if from_elsewhere {
        return layout::once_more(way).into_response();
    }
    let way: String = way.replace('/', "%2F");
    Redirect::to(&format!("/login?next={way}")).into_response()
}

/// Where to go: to a page of ours and nowhere else.
fn way_on(next: Option<&str>) -> String {
    let request = next
        .and_then(|next| next.strip_prefix("/requests/c"))
        .and_then(|number| number.parse::<u64>().ok());
    request.map_or_else(|| "/".to_owned(), |number| format!("/requests/c{number}"))
}

fn stale_form() -> Problem {
    let said = "This form isn't of your login. Open the page again and decide there; nothing was done.";
    Problem::new(StatusCode::FORBIDDEN, said)
}

fn complaint(entry: Option<&Entry>, problem: &Problem) -> Response {
    let frame = Frame {
        title: problem.status.canonical_reason().unwrap_or("Not done"),
        entry,
        watch: None,
    };
    (problem.status, page(&frame, &layout::message(&problem.detail))).into_response()
}

fn with_cookie(console: &Console, secret: &str, mut response: Response) -> Response {
    // The secret is hexadecimal digits.
    if let Ok(cookie) = HeaderValue::from_str(&console.set_cookie(secret)) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::way_on;

    #[test]
    fn a_login_leads_to_pages_of_ours_only() {
        for (next, way) in [
            (Some("/requests/c12"), "/requests/c12"),
            (Some("/requests/c12?x"), "/"),
            (Some("//evil.example"), "/"),
            (Some("https://evil.example"), "/"),
            (Some("/requests/c12/../../logout"), "/"),
            (Some("/requests/c1\r\nSet-Cookie: x"), "/"),
            (None, "/"),
        ] {
            assert_eq!(way_on(next), way, "{next:?}");
        }
    }
}
