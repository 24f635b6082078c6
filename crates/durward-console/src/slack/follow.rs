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
use super::client::CallError;
use super::message::{Around, blocks, escaped, fallback, line, news};

/// Earlier requests that a message shows.
const SIMILAR_MAX: usize = 3;

/// How long until Slack is asked again who we are, where it didn't answer; twice as long each time, up to a minute.
const GREETING_PAUSE: Duration = Duration::from_secs(1);

/// The longest of these.
const GREETING_PAUSE_MAX: Duration = Duration::from_secs(60);

/// A message of ours in a channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Copy {
    /// The channel's id, as Slack gave it.
    channel: String,
    /// The message's id in it.
    ts: String,
}

/// What was told of a request.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Told {
    copies: Vec<Copy>,
    /// The version of the request that they show.
    version: String,
}

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
        loop {
            tokio::select! {
                biased;
                _ = shutdown.wait_for(|shut| *shut) => return,
                changed = moved.changed() => if changed.is_err() { return },
            }
            // What was begun is ended, so that it is known after a restart.
            self.catch_up(&desk, pages.as_deref(), &mut book, &shutdown).await;
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

    async fn catch_up(&self, desk: &Desk, pages: Option<&str>, book: &mut Book, shutdown: &watch::Receiver<bool>) {
        let all = desk.list();
        for request in all.iter().rev() {
            if *shutdown.borrow() {
                return;
            }
            let version = request.version();
            let told = book.told.get(&request.id);
            let is_news = match told {
                Some(told) => told.version != version,
                // What ended before anybody was told is no news, but for what ran without an approval.
                None => request.state == State::Pending || request.state.awaits_review(),
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
            if told.copies.is_empty() {
                self.post(request, around, &mut told, shutdown).await;
            } else {
                self.update(request, around, &told, shutdown).await;
            }
            // Where the gateway ends meanwhile, some of it may not have been told.
            if !*shutdown.borrow() {
                told.version = version;
            }
            book.told.insert(request.id, told);
            book.keep(&all);
        }
    }

    async fn post(&self, request: &Request, around: Around<'_>, told: &mut Told, shutdown: &watch::Receiver<bool>) {
        let blocks = blocks(request, around);
        for channel in &self.0.settings.channels {
            let message = json!({
                "channel": channel, "text": fallback(request), "blocks": blocks,
                "unfurl_links": false, "unfurl_media": false, "link_names": false,
            });
            let posted = self.0.client.call("chat.postMessage", &message, shutdown).await;
            let copy = posted.map(|answer| {
                let text = |key: &str| answer.get(key).and_then(Value::as_str).map(str::to_owned);
                text("ts").map(|ts| Copy {
                    channel: text("channel").unwrap_or_else(|| channel.clone()),
                    ts,
                })
            });
            match copy {
                Ok(copy) => told.copies.extend(copy),
                Err(error) => {
                    tracing::error!(%error, %channel, request = %request.id, "a channel of Slack wasn't told")
                }
            }
        }
        // A request that runs without an approval has ended by the time that it is told.
        if request.state != State::Pending {
            self.reply(request, told, shutdown).await;
        }
    }

    async fn update(&self, request: &Request, around: Around<'_>, told: &Told, shutdown: &watch::Receiver<bool>) {
        let blocks = blocks(request, around);
        for copy in &told.copies {
            let message = json!({
                "channel": copy.channel, "ts": copy.ts, "text": fallback(request), "blocks": blocks, "link_names": false,
            });
            self.tell("chat.update", &message, request, shutdown).await;
        }
        self.reply(request, told, shutdown).await;
    }

    async fn reply(&self, request: &Request, told: &Told, shutdown: &watch::Receiver<bool>) {
        let Some(said) = news(request) else { return };
        for copy in &told.copies {
            let message = json!({
                "channel": copy.channel, "thread_ts": copy.ts, "text": escaped(&said), "blocks": line(&said),
                "unfurl_links": false, "unfurl_media": false, "link_names": false,
            });
            self.tell("chat.postMessage", &message, request, shutdown).await;
        }
    }

    async fn tell(&self, method: &str, message: &Value, request: &Request, shutdown: &watch::Receiver<bool>) {
        let told: Result<Value, CallError> = self.0.client.call(method, message, shutdown).await;
        if let Err(error) = told {
            tracing::error!(%error, request = %request.id, method, "a message in Slack isn't kept up");
        }
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
            }],
            version: "pending-0".to_owned(),
        };
        let mut book = Book::open(path.clone());
        book.told = HashMap::from([(RequestId(1), told.clone()), (RequestId(7), told.clone())]);
        let desk = Desk::open(MemoryStore::default(), NoRecorder).unwrap();
        desk.present(&example(), Manner::Parked, 0).unwrap();
        book.keep(&desk.list());
        assert_eq!(Book::open(path.clone()).told, HashMap::from([(RequestId(1), told)]));
        std::fs::write(&path, "no JSON").unwrap();
        assert!(Book::open(path).told.is_empty());
    }
}
