//! Files of statements that are approved as a whole: what would become of them is known elsewhere.

use std::fmt::Debug;
use std::pin::Pin;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Extension, State};
use axum::http::{HeaderMap, StatusCode};
use durward_change::Request;
use durward_model::Principal;
use serde::Deserialize;
use serde_json::Value;

use crate::access::{Peer, Viewer};
use crate::api::{one_line, read};
use crate::app::Console;
use crate::problem::Problem;

/// What comes of a question.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, String>> + Send + 'a>>;

/// Whoever judges statements: a stand-in for the data plane, which the console doesn't know.
pub trait ChangeSets: Debug + Send + Sync {
    /// What would become of each statement of `text`, as JSON. An error is a sentence for whoever asks.
    fn plan<'a>(&'a self, principal: &'a Principal, database: &'a str, text: &'a str) -> Answer<'a, Value>;

    /// Lays `text` on the desk as one request.
    fn submit<'a>(
        &'a self,
        principal: &'a Principal,
        database: &'a str,
        text: &'a str,
        reason: Option<&'a str>,
    ) -> Answer<'a, Request>;
}

/// A file of statements.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChangeBody {
    /// The database; the only one that the password opens, where none is given.
    database: Option<String>,
    /// The statements, in order.
    #[serde(default)]
    text: String,
    /// What they are for, in one line.
    reason: Option<String>,
}

pub(crate) async fn plan(
    State(console): State<Arc<Console>>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    body: axum::body::Bytes,
) -> Result<Json<Value>, Problem> {
    let viewer = console.decider(&headers, peer).await?;
    let body: ChangeBody = read(&headers, &body)?;
    let database = database_of(&viewer, body.database.as_deref())?;
    let planned = console.change_sets.plan(&viewer.principal, &database, &body.text).await;
    planned.map(Json).map_err(unprocessable)
}

pub(crate) async fn submit(
    State(console): State<Arc<Console>>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    body: axum::body::Bytes,
) -> Result<Json<Value>, Problem> {
    let viewer = console.decider(&headers, peer).await?;
    let body: ChangeBody = read(&headers, &body)?;
    let database = database_of(&viewer, body.database.as_deref())?;
    let reason = one_line(body.reason.as_deref())?;
    let submitted = console
        .change_sets
        .submit(&viewer.principal, &database, &body.text, reason.as_deref());
    console.document(&submitted.await.map_err(unprocessable)?).map(Json)
}

/// The database that something is for: one that the password opens.
pub(crate) fn database_of(viewer: &Viewer, named: Option<&str>) -> Result<String, Problem> {
    match (named, viewer.databases()) {
        (Some(name), databases) if databases.iter().any(|own| **own == *name) => Ok(name.to_owned()),
        (None, [only]) => Ok(only.to_string()),
        (Some(_), _) => Err(Problem::new(
            StatusCode::FORBIDDEN,
            "your password doesn't open this database",
        )),
        (None, _) => Err(Problem::new(StatusCode::BAD_REQUEST, "say which database it is for")),
    }
}

fn unprocessable(why: String) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, why)
}
