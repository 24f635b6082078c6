//! What channels are told: a message for each request, kept up with it in every channel, and a line in its thread for each
//! step.

use std::collections::HashMap;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use durward_change::{Desk, Request, RequestId, State, similar};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::watch;

use super::Slack;
use super::message::{Around, blocks, escaped, fallback, line, news};

/// Earlier requests that a message shows.
const SIMILAR_MAX: usize = 3;

/// How long until Slack is asked again who we are, where it didn't answer; twice as long each time, up to a minute.
const GREETING_PAUSE: Duration = Duration::from_secs(1);

/// The longest of these.
const GREETING_PAUSE_MAX: Duration = Duration::from_secs(60);

/// How long after a round in which Slack was in trouble the next one begins; twice as long each time, up to five minutes.
const ROUND_PAUSE: Duration = Duration::from_secs(1);

/// The longest of these.
const ROUND_PAUSE_MAX: Duration = Duration::from_secs(300);

/// How long after its end channels are still to be told of a request.
///
/// Unit: seconds. Reason: its page has the outcome; an hour later nobody waits for a message.
const ENDED_SECONDS_MAX: i64 = 3_600;

/// A message of ours in a channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Copy {
    /// The channel's id, as Slack gave it.
    channel: String,
    /// The message's id in it.
    ts: String,
    /// The channel as it is configured; empty in files of earlier versions, which told all channels or none.
    #[serde(default)]
    configured: String,
    /// The version of the request that it shows.
    #[serde(default)]
    shows: String,
    /// The version that its thread was told of last.
    #[serde(default)]
    said: String,
}

/// What was told of a request.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Told {
    copies: Vec<Copy>,
    /// Channels that take no message of ours, whatever is tried.
    #[serde(default)]
    refused: Vec<String>,
    /// The version of the request of which all was told.
    version: String,
}

impl Told {
    /// Whether there is nothing to be posted in a channel any more.
    fn has(&self, channel: &str) -> bool {
        let is_of = |copy: &Copy| copy.configured == channel || copy.configured.is_empty();
        self.copies.iter().any(is_of) || self.refused.iter().any(|refused| refused == channel)
    }
}

/// Slack is in trouble: what it wasn't told is owed.
#[derive(Debug)]
struct InTrouble;

/// What was told of all, in a file, so that messages are kept up after a restart.
struct Book {
    path: PathBuf,
    told: HashMap<RequestId, Told>,
}

impl Slack {
    /// Tells channels what happens on the desk, until `shutdown` says true. `pages` is what stands before a request's number
    /// in links, `path` where it is kept what was told. Cancel safe: no; a message that was being sent may be sent again.
    pub async fn follow(
        self,
        desk: Arc<Desk>,
        pages: Option<String>,
        path: PathBuf,
        mut shutdown: watch::Receiver<bool>,
    ) {
        tokio::select! {
            biased;
            _ = shutdown.wait_for(|shut| *shut) => return,
            () = self.greet() => {}
        }
        let mut book = Book::open(path);
        let mut moved = desk.watch();
        moved.mark_changed();
        let (mut owed, mut pause) = (false, ROUND_PAUSE);
        loop {
            tokio::select! {
                biased;
                _ = shutdown.wait_for(|shut| *shut) => return,
                changed = moved.changed() => if changed.is_err() { return },
                () = tokio::time::sleep(pause), if owed => {}
            }
            // What was begun is ended, so that it is known after a restart.
            owed = self
                .catch_up(&desk, pages.as_deref(), &mut book, &shutdown)
                .await
                .is_err();
            pause = if owed {
                (pause * 2).min(ROUND_PAUSE_MAX)
            } else {
                ROUND_PAUSE
            };
        }
    }

    /// Asks Slack for our workspace, until it says: buttons of any other are none of ours.
    async fn greet(&self) {
        let mut pause = GREETING_PAUSE;
        loop {
            match self.0.client.call_once("auth.test", &json!({})).await {
                Ok(answer) => {
                    if let Some(team) = answer.get("team_id").and_then(Value::as_str) {
                        self.0.team.get_or_init(|| team.to_owned());
                        return;
                    }
                    tracing::error!("Slack doesn't say which workspace the token is of");
                }
                Err(error) => tracing::error!(%error, "Slack can't be used yet"),
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(GREETING_PAUSE_MAX);
        }
    }

    /// Tells what wasn't told yet, until Slack is in trouble.
    async fn catch_up(
        &self,
        desk: &Desk,
        pages: Option<&str>,
        book: &mut Book,
        shutdown: &watch::Receiver<bool>,
    ) -> Result<(), InTrouble> {
        let all = desk.list();
        for request in all.iter().rev() {
            if *shutdown.borrow() {
                return Ok(());
            }
            let version = request.version();
            let told = book.told.get(&request.id);
            let is_news = match told {
                Some(told) => told.version != version,
                None => is_to_be_posted(request),
            };
            if !is_news {
                continue;
            }
            let earlier = similar(request, &all, SIMILAR_MAX);
            let id = request.id.to_string();
            let page = pages.map(|pages| format!("{pages}{id}"));
            let around = Around {
                similar: &earlier,
                page: page.as_deref(),
                shows_statements: self.0.settings.shows_statements,
            };
            let mut told = told.cloned().unwrap_or_default();
            let done = self.tell_all(request, around, &mut told, shutdown).await;
            if done.is_ok() || is_past(request) {
                told.version = version;
            }
            book.told.insert(request.id, told);
            book.keep(&all);
            done?;
        }
        Ok(())
    }

    /// Posts a request where it isn't yet, and keeps up what was posted.
    async fn tell_all(
        &self,
        request: &Request,
        around: Around<'_>,
        told: &mut Told,
        shutdown: &watch::Receiver<bool>,
    ) -> Result<(), InTrouble> {
        let (blocks, version) = (blocks(request, around), request.version());
        for channel in &self.0.settings.channels {
            if told.has(channel) || !is_to_be_posted(request) {
                continue;
            }
            let message = json!({
                "channel": channel, "text": fallback(request), "blocks": blocks,
                "unfurl_links": false, "unfurl_media": false, "link_names": false,
            });
            let Some(answer) = self.tell("chat.postMessage", &message, request, shutdown).await? else {
                told.refused.push(channel.clone());
                continue;
            };
            let text = |key: &str| answer.get(key).and_then(Value::as_str).map(str::to_owned);
            // A request that runs without an approval has ended by the time that it is told: its thread says how.
            let is_whole = request.state == State::Pending;
            told.copies.push(Copy {
                channel: text("channel").unwrap_or_else(|| channel.clone()),
                ts: text("ts").unwrap_or_default(),
                configured: channel.clone(),
                shows: version.clone(),
                said: if is_whole { version.clone() } else { String::new() },
            });
        }
        for copy in &mut told.copies {
            if copy.shows != version {
                let message = json!({
                    "channel": copy.channel, "ts": copy.ts, "text": fallback(request), "blocks": blocks, "link_names": false,
                });
                self.tell("chat.update", &message, request, shutdown).await?;
                copy.shows.clone_from(&version);
            }
            if copy.said != version {
                if let Some(said) = news(request) {
                    let message = json!({
                        "channel": copy.channel, "thread_ts": copy.ts, "text": escaped(&said), "blocks": line(&said),
                        "unfurl_links": false, "unfurl_media": false, "link_names": false,
                    });
                    self.tell("chat.postMessage", &message, request, shutdown).await?;
                }
                copy.said.clone_from(&version);
            }
        }
        Ok(())
    }

    /// The answer; none where Slack says no for good.
    async fn tell(
        &self,
        method: &str,
        message: &Value,
        request: &Request,
        shutdown: &watch::Receiver<bool>,
    ) -> Result<Option<Value>, InTrouble> {
        match self.0.client.call(method, message, shutdown).await {
            Ok(answer) => Ok(Some(answer)),
            Err(error) if error.passes() => {
                tracing::warn!(%error, request = %request.id, method, "Slack isn't told yet, and will be tried again");
                Err(InTrouble)
            }
            Err(error) => {
                let channel = message.get("channel").and_then(Value::as_str).unwrap_or_default();
                tracing::error!(%error, %channel, request = %request.id, method, "a channel of Slack isn't told");
                Ok(None)
            }
        }
    }
}

/// Whether somebody should hear of a request who hasn't yet: what ended before is no news, but for what ran without an
/// approval.
fn is_to_be_posted(request: &Request) -> bool {
    request.state == State::Pending || request.state.awaits_review()
}

/// Whether it ended so long ago that Slack needn't hear of it any more.
fn is_past(request: &Request) -> bool {
    let ended = request.review.as_ref().map(|review| review.at);
    let ended = ended.or(request.ending.as_ref().map(|ending| ending.at));
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let now = now.ok().and_then(|since| i64::try_from(since.as_secs()).ok());
    match (ended, now) {
        (Some(ended), Some(now)) => {
            !request.state.is_open() && !request.state.awaits_review() && ended.saturating_add(ENDED_SECONDS_MAX) < now
        }
        _ => false,
    }
}

impl Book {
    /// What the file holds; a file that can't be read is begun anew, and messages in it are kept up no more.
    fn open(path: PathBuf) -> Self {
        let told = match std::fs::read(&path) {
            Ok(text) => serde_json::from_slice(&text).unwrap_or_else(|error| {
                tracing::error!(%error, "what Slack was told can't be read: messages from before are kept up no more");
                HashMap::new()
            }),
            Err(_) => HashMap::new(),
        };
        Self { path, told }
    }

    /// Writes what was told of the requests that there still are.
    fn keep(&mut self, all: &[Request]) {
        self.told.retain(|id, _| all.iter().any(|request| request.id == *id));
        if let Err(error) = self.write() {
            tracing::error!(%error, "what Slack was told can't be kept");
        }
    }

    fn write(&self) -> std::io::Result<()> {
        let next = self.path.with_extension("next");
        let mut file = private(&next)?;
        file.write_all(&serde_json::to_vec(&self.told)?)?;
        file.sync_data()?;
        std::fs::rename(next, &self.path)
    }
}

fn private(path: &Path) -> std::io::Result<std::fs::File> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600).open(path)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use durward_change::{Desk, Manner, MemoryStore, NoRecorder, RequestId, example};

    use super::{Book, Copy, Told};

    #[test]
    fn what_was_told_outlives_the_gateway_and_no_longer_than_the_request() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("slack");
        let told = Told {
            copies: vec![Copy {
                channel: "C0001".to_owned(),
                ts: "1.2".to_owned(),
                configured: "#changes".to_owned(),
                shows: "pending-0".to_owned(),
                said: "pending-0".to_owned(),
            }],
            refused: vec!["#gone".to_owned()],
            version: "pending-0".to_owned(),
        };
        assert!(told.has("#changes") && told.has("#gone") && !told.has("#others"));
        let mut book = Book::open(path.clone());
        book.told = HashMap::from([(RequestId(1), told.clone()), (RequestId(7), told.clone())]);
        let desk = Desk::open(MemoryStore::default(), NoRecorder).unwrap();
        desk.present(&example(), Manner::Parked, 0).unwrap();
        book.keep(&desk.list());
        assert_eq!(Book::open(path.clone()).told, HashMap::from([(RequestId(1), told)]));
        // Earlier versions told all channels or none, and noted less.
        let earlier = r#"{"3": {"copies": [{"channel": "C0001", "ts": "1.2"}], "version": "pending-0"}}"#;
        std::fs::write(&path, earlier).unwrap();
        assert!(Book::open(path.clone()).told[&RequestId(3)].has("#others"));
        std::fs::write(&path, "no JSON").unwrap();
        assert!(Book::open(path).told.is_empty());
    }
}
