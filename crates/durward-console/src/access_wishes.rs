//! Access for a time: asked for by whoever is logged in, decided like any request, and taken back.

use std::fmt::Debug;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Extension, Path, State};
use axum::http::{HeaderMap, StatusCode};
use durward_change::Request;
use durward_model::Principal;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::access::Peer;
use crate::api::{DecisionBody, one_line, read};
use crate::app::Console;
use crate::change_sets::{Answer, database_of};
use crate::problem::Problem;

/// What somebody wants to be given for a time.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccessWish {
    /// Schemas and tables, as patterns; none: the whole database.
    #[serde(default)]
    pub on: Vec<String>,
    /// The labels to be seen in clear.
    #[serde(default)]
    pub labels: Vec<String>,
    /// The classes of statement; `read` where none is given.
    #[serde(default)]
    pub classes: Vec<String>,
    /// For how long, in seconds.
    pub seconds: u32,
    /// What it is for, in one line.
    pub reason: Option<String>,
}

/// Whoever looks up what a wish names: a stand-in for the data plane, which the console doesn't know.
pub trait AccessDesk: Debug + Send + Sync {
    /// Lays the wish on the desk. An error is a sentence for whoever asks.
    fn request<'a>(&'a self, principal: &'a Principal, database: &'a str, wish: &'a AccessWish) -> Answer<'a, Request>;
}

/// A wish as it is sent. What isn't known is refused: a label that was misspelt would ask for all.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WishBody {
    /// The database; the only one that the password opens, where none is given.
    database: Option<String>,
    #[serde(default)]
    on: Vec<String>,
    #[serde(default)]
    labels: Vec<String>,
    #[serde(default)]
    classes: Vec<String>,
    #[serde(default)]
    seconds: u32,
    reason: Option<String>,
}

pub(crate) async fn request(
    State(console): State<Arc<Console>>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    body: axum::body::Bytes,
) -> Result<Json<Value>, Problem> {
    let viewer = console.decider(&headers, peer).await?;
    let body: WishBody = read(&headers, &body)?;
    let database = database_of(&viewer, body.database.as_deref())?;
    let wish = AccessWish {
        reason: one_line(body.reason.as_deref())?,
        on: body.on,
        labels: body.labels,
        classes: body.classes,
        seconds: body.seconds,
    };
    let laid = console.access.request(&viewer.principal, &database, &wish).await;
    let laid = laid.map_err(|why| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, why))?;
    console.document(&laid).map(Json)
}

pub(crate) async fn revoke(
    State(console): State<Arc<Console>>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    Path(id): Path<String>,
    body: axum::body::Bytes,
) -> Result<Json<Value>, Problem> {
    let viewer = console.decider(&headers, peer).await?;
    let body: DecisionBody = read(&headers, &body)?;
    let request = console.revoke(&viewer, &id, body.note()).await?;
    console.document(&request).map(Json)
}
