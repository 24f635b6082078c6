//! What every request passes: is it meant for us, does it come from one of our pages, and what browsers may do with the
//! answer.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use crate::app::Console;
use crate::limits::CHANGE_PATIENCE;
use crate::problem::Problem;

/// Nothing but our own style, script and forms; in nobody's frame.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; \
                                       img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

const HEADERS: [(HeaderName, &str); 8] = [
    (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "same-origin"),
    (header::CACHE_CONTROL, "no-store"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), geolocation=(), microphone=(), payment=()",
    ),
];

/// Lets a request through, or answers it.
pub(crate) async fn guard(State(console): State<Arc<Console>>, request: Request, next: Next) -> Response {
    let mut response = match check(&console, &request) {
        Ok(()) if is_question(request.method()) => next.run(request).await,
        // A body that doesn't come keeps no connection.
        Ok(()) => match tokio::time::timeout(CHANGE_PATIENCE, next.run(request)).await {
            Ok(response) => response,
            Err(_) => Problem::new(StatusCode::REQUEST_TIMEOUT, "this took too long").into_response(),
        },
        Err(problem) => problem.into_response(),
    };
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if console.site.is_encrypted() {
        headers.insert(
            header::STRICT_TRANSPORT_SECURITY,
            HeaderValue::from_static("max-age=31536000"),
        );
    }
    response
}

fn check(console: &Console, request: &Request) -> Result<(), Problem> {
    let headers = request.headers();
    // A foreign name that points here would make its pages ours (DNS rebinding).
    let mut hosts = headers.get_all(header::HOST).iter();
    let host = hosts.next().and_then(|host| host.to_str().ok());
    if hosts.next().is_some() || !host.is_some_and(|host| console.site.is_host(host)) {
        return Err(Problem::new(
            StatusCode::MISDIRECTED_REQUEST,
            "this host name isn't served here: set web_url to the address under which people reach it",
        ));
    }
    if request
        .uri()
        .authority()
        .is_some_and(|given| !console.site.is_host(given.as_str()))
    {
        return Err(Problem::new(
            StatusCode::MISDIRECTED_REQUEST,
            "this host name isn't served here",
        ));
    }
    if is_question(request.method()) {
        return Ok(());
    }
    let is_program = request.uri().path().starts_with("/api/");
    if comes_from_elsewhere(console, headers) || (!is_program && !headers.contains_key(header::ORIGIN)) {
        return Err(Problem::new(
            StatusCode::FORBIDDEN,
            "this doesn't come from a page of ours",
        ));
    }
    Ok(())
}

fn is_question(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

/// Whether a browser says that another site's page sends this.
fn comes_from_elsewhere(console: &Console, headers: &HeaderMap) -> bool {
    let origins = headers.get_all(header::ORIGIN).iter();
    let foreign = origins
        .into_iter()
        .any(|origin| !origin.to_str().is_ok_and(|origin| console.site.is_origin(origin)));
    let fetch_site = headers.get("sec-fetch-site");
    foreign || fetch_site.is_some_and(|site| site != "same-origin" && site != "none")
}
