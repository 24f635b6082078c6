//! The JSON interface. `docs/openapi.json` describes it.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Extension, Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use durward_change::{Approver, Desk, DeskError, Request, RequestId};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::access::{Peer, Viewer};
use crate::app::Console;
use crate::decide::{Decider, note};
use crate::limits::{LISTED_MAX, WAIT_SECONDS_MAX};
use crate::problem::Problem;

/// The description of this interface, OpenAPI 3.1.
pub(crate) const DESCRIPTION: &str = include_str!("../../../docs/openapi.json");

pub(crate) async fn description() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], DESCRIPTION).into_response()
}

/// Which requests are asked for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListQuery {
    /// Ended ones too.
    #[serde(default)]
    all: bool,
}

pub(crate) async fn list(
    State(console): State<Arc<Console>>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    query: Result<Query<ListQuery>, axum::extract::rejection::QueryRejection>,
) -> Result<Json<Value>, Problem> {
    let viewer = console.asker(&headers, peer).await?;
    let Query(query) = query.map_err(|error| Problem::new(StatusCode::BAD_REQUEST, error.body_text()))?;
    let seen = console.visible_to(&viewer, query.all);
    let all: Result<Vec<Value>, Problem> = seen.iter().map(|request| console.document(request)).collect();
    Ok(Json(serde_json::json!({ "requests": all? })))
}

/// How long to wait for news of a request.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ShowQuery {
    /// The version that is known already.
    after: Option<String>,
    /// How long to wait for another, in seconds.
    #[serde(default)]
    wait: u64,
}

pub(crate) async fn show(
    State(console): State<Arc<Console>>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    Path(id): Path<String>,
    query: Result<Query<ShowQuery>, axum::extract::rejection::QueryRejection>,
) -> Result<Json<Value>, Problem> {
    let viewer = console.asker(&headers, peer).await?;
    let Query(query) = query.map_err(|error| Problem::new(StatusCode::BAD_REQUEST, error.body_text()))?;
    let mut request = console.find(&viewer, &id)?;
    if let Some(after) = query.after.filter(|after| *after == version(&request)) {
        let patience = Duration::from_secs(query.wait.min(WAIT_SECONDS_MAX));
        console.await_news(request.id, &after, patience).await?;
        request = console.find(&viewer, &id)?;
    }
    console.document(&request).map(Json)
}

/// What comes with a decision.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DecisionBody {
    /// What is said along with it, in one line.
    note: Option<String>,
    /// A change of one's own is approved knowingly, where nobody else could.
    #[serde(default)]
    confirm: bool,
}

impl DecisionBody {
    /// What is said along with it.
    pub(crate) fn note(&self) -> Option<&str> {
        self.note.as_deref()
    }
}

pub(crate) async fn approve(
    State(console): State<Arc<Console>>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Json<Value>, Problem> {
    let viewer = console.decider(&headers, peer).await?;
    let body: DecisionBody = read(&headers, &body)?;
    let request = console
        .approve(&viewer, &id, body.note.as_deref(), body.confirm)
        .await?;
    console.document(&request).map(Json)
}

pub(crate) async fn reject(
    State(console): State<Arc<Console>>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Json<Value>, Problem> {
    let viewer = console.decider(&headers, peer).await?;
    let body: DecisionBody = read(&headers, &body)?;
    let request = console.reject(&viewer, &id, body.note.as_deref()).await?;
    console.document(&request).map(Json)
}

pub(crate) async fn withdraw(
    State(console): State<Arc<Console>>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Json<Value>, Problem> {
    let viewer = console.decider(&headers, peer).await?;
    let body: DecisionBody = read(&headers, &body)?;
    let request = console.withdraw(&viewer, &id, body.note()).await?;
    console.document(&request).map(Json)
}

pub(crate) async fn review(
    State(console): State<Arc<Console>>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Json<Value>, Problem> {
    let viewer = console.decider(&headers, peer).await?;
    let body: DecisionBody = read(&headers, &body)?;
    let request = console.review(&viewer, &id, body.note(), body.confirm).await?;
    console.document(&request).map(Json)
}

/// Reads a JSON body; an empty one is one without members. Another media type could be sent by a foreign page's form.
pub(crate) fn read<T: DeserializeOwned + Default>(headers: &HeaderMap, body: &[u8]) -> Result<T, Problem> {
    if body.is_empty() {
        return Ok(T::default());
    }
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let kind = kind.and_then(|kind| kind.split(';').next()).unwrap_or_default().trim();
    if !kind.eq_ignore_ascii_case("application/json") {
        return Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "send application/json",
        ));
    }
    serde_json::from_slice(body).map_err(|error| Problem::new(StatusCode::BAD_REQUEST, error.to_string()))
}

/// Changes whenever something happens to a request.
pub(crate) fn version(request: &Request) -> String {
    request.version()
}

impl Console {
    /// The requests that somebody may see, newest first.
    pub(crate) fn visible_to(&self, viewer: &Viewer, all: bool) -> Vec<Request> {
        let mut requests = self.approvals.list();
        requests.retain(|request| {
            (all || request.state.is_open() || request.state.awaits_review()) && viewer.sees(request)
        });
        requests.truncate(LISTED_MAX);
        requests
    }

    /// One request. What somebody may not see isn't there for them.
    pub(crate) fn find(&self, viewer: &Viewer, id: &str) -> Result<Request, Problem> {
        let id: RequestId = id.parse().map_err(|_| Problem::unknown())?;
        let request = self.approvals.get(id).filter(|request| viewer.sees(request));
        request.ok_or_else(Problem::unknown)
    }

    /// Waits until a request is no longer at `version`, or patience is over. Cancel safe: yes.
    async fn await_news(&self, id: RequestId, known: &str, patience: Duration) -> Result<(), Problem> {
        let _place = self
            .waiting
            .try_acquire()
            .map_err(|_| Problem::new(StatusCode::SERVICE_UNAVAILABLE, "too many wait for news already"))?;
        let mut moved = self.approvals.watch();
        let news = async {
            while self.approvals.get(id).is_some_and(|request| version(&request) == known) {
                if moved.changed().await.is_err() {
                    return;
                }
            }
        };
        tokio::time::timeout(patience, news).await.ok();
        Ok(())
    }

    /// A request as JSON.
    pub(crate) fn document(&self, request: &Request) -> Result<Value, Problem> {
        let failed = |_| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "the request can't be written");
        let mut document = serde_json::to_value(request).map_err(failed)?;
        if let Some(members) = document.as_object_mut() {
            let id = request.id.to_string();
            members.insert("url".to_owned(), self.site.link(&id).into());
            members.insert("id".to_owned(), id.into());
            members.insert("version".to_owned(), version(request).into());
            members.insert("rows_in_words".to_owned(), request.asked.rows.to_string().into());
        }
        Ok(document)
    }

    /// Approves in the name of whoever is logged in.
    pub(crate) async fn approve(
        self: &Arc<Self>,
        viewer: &Viewer,
        id: &str,
        said: Option<&str>,
        confirms: bool,
    ) -> Result<Request, Problem> {
        self.as_approver(viewer, id, said, confirms, Desk::approve).await
    }

    /// Says no in the name of whoever is logged in.
    pub(crate) async fn reject(
        self: &Arc<Self>,
        viewer: &Viewer,
        id: &str,
        said: Option<&str>,
    ) -> Result<Request, Problem> {
        self.as_approver(viewer, id, said, false, Desk::reject).await
    }

    /// Takes a request back in the name of whoever is logged in: one of their own, or of an agent of theirs.
    pub(crate) async fn withdraw(
        self: &Arc<Self>,
        viewer: &Viewer,
        id: &str,
        said: Option<&str>,
    ) -> Result<Request, Problem> {
        let request = self.find(viewer, id)?;
        let said = one_line(said)?;
        let (console, by) = (Arc::clone(self), viewer.as_requester());
        on_desk(move || {
            let now = console.desk_now();
            Ok(console.approvals.withdraw(request.id, &by, said.as_deref(), now)?)
        })
        .await
    }

    /// Has looked at what ran without an approval, in the name of whoever is logged in.
    pub(crate) async fn review(
        self: &Arc<Self>,
        viewer: &Viewer,
        id: &str,
        said: Option<&str>,
        confirms: bool,
    ) -> Result<Request, Problem> {
        self.as_approver(viewer, id, said, confirms, Desk::review).await
    }

    /// Does with a request what only an approver may.
    async fn as_approver(
        self: &Arc<Self>,
        viewer: &Viewer,
        id: &str,
        said: Option<&str>,
        confirms: bool,
        act: impl FnOnce(&Desk, RequestId, &Approver, Option<&str>, i64) -> Result<Request, DeskError> + Send + 'static,
    ) -> Result<Request, Problem> {
        let request = self.find(viewer, id)?;
        let said = one_line(said)?;
        let (console, viewer) = (Arc::clone(self), viewer.clone());
        on_desk(move || {
            let approver = console.approver(&viewer, &request, confirms)?;
            let now = console.desk_now();
            Ok(act(&console.approvals, request.id, &approver, said.as_deref(), now)?)
        })
        .await
    }

    /// Takes access back: people that of others and their own, programs their own.
    pub(crate) async fn revoke(
        self: &Arc<Self>,
        viewer: &Viewer,
        id: &str,
        said: Option<&str>,
    ) -> Result<Request, Problem> {
        let request = self.find(viewer, id)?;
        let said = one_line(said)?;
        let (console, by) = (Arc::clone(self), viewer.name().to_owned());
        on_desk(move || {
            let now = console.desk_now();
            Ok(console.approvals.revoke(request.id, &by, said.as_deref(), now)?)
        })
        .await
    }

    /// The approver that a viewer is for a request.
    pub(crate) fn approver(
        &self,
        viewer: &Viewer,
        request: &Request,
        confirms: bool,
    ) -> Result<durward_change::Approver, Problem> {
        let forbidden = |said: String| Problem::new(StatusCode::FORBIDDEN, said);
        if !viewer.is_person() {
            return Err(forbidden("only people decide".to_owned()));
        }
        if !viewer.is_local() {
            return Ok(Approver {
                groups: viewer.principal.groups.clone(),
                account: Some(viewer.proof()),
                confirms,
                ..Approver::named(viewer.name())
            });
        }
        let decider = Decider {
            identity: Some(viewer.name()),
            account: &viewer.proof(),
            confirms,
        };
        decider
            .approver(self.gatekeeper.directory(), request)
            .map_err(|error| forbidden(error.to_string()))
    }
}

/// What was said, if anything was: forms send empty fields.
pub(crate) fn one_line(said: Option<&str>) -> Result<Option<String>, Problem> {
    let said = said.map(str::trim).filter(|said| !said.is_empty());
    note(said).map_err(|error| Problem::new(StatusCode::BAD_REQUEST, error.to_string()))
}

/// The desk waits for the disk.
pub(crate) async fn on_desk(
    work: impl FnOnce() -> Result<Request, Problem> + Send + 'static,
) -> Result<Request, Problem> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(_) => Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "the gateway is ending")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::DESCRIPTION;

    #[test]
    fn every_route_is_described() {
        let description: Value = serde_json::from_str(DESCRIPTION).unwrap();
        assert_eq!(description["openapi"], "3.1.0");
        let routes = include_str!("app.rs");
        let served: Vec<&str> = routes
            .lines()
            .filter_map(|line| line.trim().strip_prefix(".route(\"/api/v1"))
            .filter_map(|line| line.split('"').next())
            .collect();
        let described = description["paths"].as_object().unwrap();
        assert_eq!(served.len(), described.len(), "{served:?}");
        for path in served {
            let operations = &described[&format!("/api/v1{path}")];
            assert!(operations.is_object(), "{path}");
        }
    }

    #[test]
    fn every_reference_of_the_description_leads_somewhere() {
        fn check(whole: &Value, part: &Value) {
            match part {
                Value::Object(members) => {
                    if let Some(reference) = members.get("$ref").and_then(Value::as_str) {
                        let place = reference.strip_prefix('#').unwrap();
                        assert!(whole.pointer(place).is_some(), "{reference}");
                    }
                    members.values().for_each(|member| check(whole, member));
                }
                Value::Array(items) => items.iter().for_each(|item| check(whole, item)),
                _ => {}
            }
        }
        let description: Value = serde_json::from_str(DESCRIPTION).unwrap();
        check(&description, &description);
    }
}
