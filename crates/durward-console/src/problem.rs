//! Errors as answers: RFC 9457 for programs, a page for people.

use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use durward_change::DeskError;

/// Why something isn't done.
#[derive(Debug)]
pub(crate) struct Problem {
    pub(crate) status: StatusCode,
    pub(crate) detail: String,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self {
            status,
            detail: detail.into(),
        }
    }

    pub(crate) fn unknown() -> Self {
        Self::new(StatusCode::NOT_FOUND, "there is no such request here")
    }
}

impl From<DeskError> for Problem {
    fn from(error: DeskError) -> Self {
        let status = match &error {
            DeskError::Unknown(_) => StatusCode::NOT_FOUND,
            DeskError::TooLate { .. } | DeskError::Twice(_) | DeskError::OwnUnconfirmed(_) => StatusCode::CONFLICT,
            DeskError::Own(_)
            | DeskError::OwnRejected(_)
            | DeskError::NotOwn(_)
            | DeskError::NotInGroup { .. }
            | DeskError::NotAsked { .. }
            | DeskError::TakesOthers(_)
            | DeskError::SameAccount(_) => StatusCode::FORBIDDEN,
            DeskError::Full => StatusCode::TOO_MANY_REQUESTS,
            DeskError::TooLong => StatusCode::PAYLOAD_TOO_LARGE,
            DeskError::NoStatement | DeskError::NoChangeSet(_) | DeskError::NoAccess(_) => {
                StatusCode::UNPROCESSABLE_ENTITY
            }
            DeskError::Store(error) => {
                tracing::error!(%error, "a decision can't be kept");
                StatusCode::SERVICE_UNAVAILABLE
            }
        };
        Self::new(status, error.to_string())
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = serde_json::json!({
            "type": "about:blank",
            "title": self.status.canonical_reason().unwrap_or_default(),
            "status": self.status.as_u16(),
            "detail": self.detail,
        });
        let kind = [(header::CONTENT_TYPE, "application/problem+json")];
        let mut response = (self.status, kind, Json(body)).into_response();
        response.headers_mut().insert(
            header::CONTENT_TYPE,
            header::HeaderValue::from_static("application/problem+json"),
        );
        if self.status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(
                header::WWW_AUTHENTICATE,
                header::HeaderValue::from_static("Basic realm=\"durward\", charset=\"UTF-8\""),
            );
        }
        response
    }
}
