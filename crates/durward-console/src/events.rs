//! What happens to requests, as it happens: server-sent events.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::{Extension, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::sse::{Event, KeepAlive, Sse};
use durward_change::RequestId;
use futures_util::stream::{self, Stream};
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::Instant;

use crate::access::{Peer, Viewer};
use crate::api::version;
use crate::app::Console;
use crate::limits::STREAM_PATIENCE;
use crate::problem::Problem;

/// Whoever listens.
struct Listener {
    console: Arc<Console>,
    viewer: Viewer,
    headers: HeaderMap,
    moved: watch::Receiver<u64>,
    /// What was told of each request.
    told: HashMap<RequestId, String>,
    news: Vec<Event>,
    ends: Instant,
    _place: OwnedSemaphorePermit,
}

pub(crate) async fn stream(
    State(console): State<Arc<Console>>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    let viewer = console.asker(&headers, peer).await?;
    let place = Arc::clone(&console.waiting)
        .try_acquire_owned()
        .map_err(|_| Problem::new(StatusCode::SERVICE_UNAVAILABLE, "too many wait for news already"))?;
    let mut moved = console.approvals.watch();
    moved.mark_changed();
    // What has ended before is no news.
    let ended = console.visible_to(&viewer, true).into_iter();
    let told = ended
        .filter(|request| !request.state.is_open())
        .map(|request| (request.id, version(&request)))
        .collect();
    let listener = Listener {
        console,
        viewer,
        headers,
        moved,
        told,
        news: Vec::new(),
        ends: Instant::now() + STREAM_PATIENCE,
        _place: place,
    };
    let events = stream::unfold(listener, |mut listener| async move {
        let event = listener.next().await?;
        Some((Ok(event), listener))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::default()))
}

impl Listener {
    /// The next event; `None` where the stream ends.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.news.pop() {
                return Some(event);
            }
            tokio::time::timeout_at(self.ends, self.moved.changed())
                .await
                .ok()?
                .ok()?;
            if !self.still_stands() {
                return None;
            }
            self.look();
        }
    }

    /// Whoever was revoked meanwhile hears no more.
    fn still_stands(&self) -> bool {
        let directory = self.console.gatekeeper.directory();
        let is_browser = !self.headers.contains_key(axum::http::header::AUTHORIZATION);
        directory.stands(&self.viewer.principal) && (!is_browser || self.console.entry(&self.headers).is_some())
    }

    fn look(&mut self) {
        // Newest first, and told from the end.
        for request in self.console.visible_to(&self.viewer, true) {
            let now = version(&request);
            if self.told.get(&request.id) == Some(&now) {
                continue;
            }
            self.told.insert(request.id, now);
            if let Ok(document) = self.console.document(&request)
                && let Ok(event) = Event::default().event(request.state.as_str()).json_data(document)
            {
                self.news.push(event);
            }
        }
    }
}
