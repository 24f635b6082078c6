//! A stand-in for Slack, with the shapes and errors of its Web API, and somebody who clicks.
//!
//! Shapes: <https://docs.slack.dev/reference/methods/chat.postMessage/>, `chat.update`, `views.open`, `users.info`,
//! `auth.test`; <https://docs.slack.dev/reference/interaction-payloads/>.

use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;

/// The workspace.
pub const TEAM: &str = "T0000TEAM";

/// The token of the bot.
pub const TOKEN: &str = "xoxb-a-token-of-tests";

/// What requests are signed with.
pub const SIGNING_SECRET: &str = "8f742231b10e8888abcd99yyyzzz85a5";

/// How long a trigger opens a dialog.
const TRIGGER_PATIENCE: Duration = Duration::from_secs(3);

/// A message, as it is now.
#[derive(Debug, Clone)]
pub struct Message {
    /// The channel.
    pub channel: String,
    /// Its id in the channel.
    pub ts: String,
    /// The message that it answers, if it does.
    pub thread: Option<String>,
    /// What a notification says.
    pub text: String,
    /// What is shown.
    pub blocks: Value,
    /// How often it was changed.
    pub updates: u32,
}

/// What Slack holds.
#[derive(Debug, Default)]
struct World {
    messages: Vec<Message>,
    views: Vec<Value>,
    users: HashMap<String, Value>,
    triggers: HashMap<String, Instant>,
    /// So many calls are answered by 429 next.
    limited: u32,
    calls: Vec<String>,
    count: u64,
}

/// The stand-in. It serves for as long as the process lives.
#[derive(Debug, Clone)]
pub struct Slack {
    url: String,
    shared: Arc<(Mutex<World>, Condvar)>,
}

/// What somebody did, signed and ready to be sent.
#[derive(Debug, Clone)]
pub struct Interaction {
    /// The time at which it was signed, in seconds since 1970.
    pub timestamp: String,
    /// `X-Slack-Signature`.
    pub signature: String,
    /// The body, form-encoded.
    pub body: String,
}

impl Slack {
    /// Starts it with these channels.
    pub fn start(channels: &[&str]) -> Self {
        let shared = Arc::new((Mutex::new(World::default()), Condvar::new()));
        let channels: Arc<[String]> = channels.iter().map(|channel| (*channel).to_owned()).collect();
        let (sender, address) = std::sync::mpsc::channel();
        let state = (Arc::clone(&shared), channels);
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(async move {
                let socket = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
                sender
                    .send(socket.local_addr().expect("an address"))
                    .expect("somebody waits");
                let router = Router::new().route("/api/{method}", post(answer)).with_state(state);
                axum::serve(socket, router).await.expect("it serves");
            });
        });
        let address = address.recv().expect("it starts");
        Self {
            url: format!("http://{address}/api/"),
            shared,
        }
    }

    /// Where its Web API is.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Answers so many of the next calls by 429.
    pub fn limit(&self, calls: u32) {
        self.lock().limited = calls;
    }

    /// A member, as `users.info` tells of them.
    pub fn add_user(&self, id: &str, email: &str, confirmed: bool) {
        let user = json!({
            "id": id, "team_id": TEAM, "name": id, "deleted": false, "is_bot": false, "is_restricted": false,
            "is_ultra_restricted": false, "is_email_confirmed": confirmed, "profile": {"email": email},
        });
        self.lock().users.insert(id.to_owned(), user);
    }

    /// The calls so far, by their methods.
    pub fn calls(&self) -> Vec<String> {
        self.lock().calls.clone()
    }

    /// Waits until what is held is as asked.
    pub fn until<T>(&self, what: &str, mut look: impl FnMut(&[Message], &[Value]) -> Option<T>) -> T {
        let gives_up = Instant::now() + Duration::from_secs(30);
        let mut world = self.lock();
        loop {
            if let Some(found) = look(&world.messages, &world.views) {
                return found;
            }
            let left = gives_up.saturating_duration_since(Instant::now());
            assert!(
                !left.is_zero(),
                "no {what} in {:#?} and {:#?}",
                world.messages,
                world.views
            );
            let waited = self.shared.1.wait_timeout(world, left);
            world = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// A user presses the button with this action of a message.
    pub fn click(&self, user: &str, message: &Message, action: &str) -> Interaction {
        let trigger = {
            let mut world = self.lock();
            world.count += 1;
            let trigger = format!("{}.trigger", world.count);
            world.triggers.insert(trigger.clone(), Instant::now());
            trigger
        };
        let button = find(&message.blocks, &|value| value["action_id"] == action);
        let value = button.map_or(Value::Null, |button| button["value"].clone());
        sign(&json!({
            "type": "block_actions", "team": {"id": TEAM, "domain": "tests"}, "user": {"id": user, "team_id": TEAM},
            "api_app_id": "A1", "trigger_id": trigger, "channel": {"id": message.channel},
            "container": {"type": "message", "message_ts": message.ts, "channel_id": message.channel},
            "actions": [{"action_id": action, "block_id": "b", "type": "button", "value": value, "action_ts": "1.0"}],
        }))
    }

    /// A user sends a dialog off.
    pub fn submit(&self, user: &str, view: &Value, note: Option<&str>) -> Interaction {
        let id = {
            let mut world = self.lock();
            world.count += 1;
            format!("V{}", world.count)
        };
        let block = find(view, &|value| value["type"] == "input").expect("a field");
        let (block_id, action_id) = (&block["block_id"], &block["element"]["action_id"]);
        let field = json!({ action_id.as_str().expect("an id"): {"type": "plain_text_input", "value": note} });
        sign(&json!({
            "type": "view_submission", "team": {"id": TEAM, "domain": "tests"}, "user": {"id": user, "team_id": TEAM},
            "api_app_id": "A1", "view": {
                "id": id, "type": "modal", "callback_id": view["callback_id"], "private_metadata": view["private_metadata"],
                "hash": "1.0", "state": {"values": { block_id.as_str().expect("an id"): field }},
            },
        }))
    }

    fn lock(&self) -> MutexGuard<'_, World> {
        self.shared.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Signs a payload as Slack does, now.
pub fn sign(payload: &Value) -> Interaction {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("after 1970")
        .as_secs();
    sign_at(payload, now, SIGNING_SECRET)
}

/// Signs a payload at another time, or with another secret.
pub fn sign_at(payload: &Value, seconds: u64, secret: &str) -> Interaction {
    let encoded: String = payload
        .to_string()
        .bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => char::from(byte).to_string(),
            byte => format!("%{byte:02X}"),
        })
        .collect();
    let (timestamp, body) = (seconds.to_string(), format!("payload={encoded}"));
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("any length");
    mac.update(format!("v0:{timestamp}:{body}").as_bytes());
    let digits: String = mac
        .finalize()
        .into_bytes()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    Interaction {
        timestamp,
        signature: format!("v0={digits}"),
        body,
    }
}

type Served = (Arc<(Mutex<World>, Condvar)>, Arc<[String]>);

async fn answer(
    State((shared, channels)): State<Served>,
    Path(method): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let mut world = shared.0.lock().unwrap_or_else(PoisonError::into_inner);
    world.calls.push(method.clone());
    if world.limited > 0 {
        world.limited -= 1;
        let limited = json!({"ok": false, "error": "ratelimited"}).to_string();
        return (StatusCode::TOO_MANY_REQUESTS, [("retry-after", "1")], limited).into_response();
    }
    let token = headers.get("authorization").and_then(|value| value.to_str().ok());
    let answered = match token.and_then(|token| token.strip_prefix("Bearer ")) {
        None => Err("not_authed"),
        Some(TOKEN) => world.answer(&method, &headers, &body, &channels),
        Some(_) => Err("invalid_auth"),
    };
    shared.1.notify_all();
    let answer = match answered {
        Ok(mut answer) => {
            answer["ok"] = json!(true);
            answer
        }
        Err(error) => json!({"ok": false, "error": error}),
    };
    (
        [("content-type", "application/json; charset=utf-8")],
        answer.to_string(),
    )
        .into_response()
}

impl World {
    fn answer(
        &mut self,
        method: &str,
        headers: &HeaderMap,
        body: &[u8],
        channels: &[String],
    ) -> Result<Value, &'static str> {
        let text = std::str::from_utf8(body).map_err(|_| "invalid_charset")?;
        if method == "users.info" {
            let id = text.strip_prefix("user=").ok_or("user_not_found")?;
            let user = self.users.get(id).ok_or("user_not_found")?;
            return Ok(json!({"user": user}));
        }
        let kind = headers
            .get("content-type")
            .and_then(|kind| kind.to_str().ok())
            .unwrap_or_default();
        if !kind.starts_with("application/json") {
            return Err("invalid_post_type");
        }
        let said: Value = serde_json::from_str(text).map_err(|_| "invalid_json")?;
        match method {
            "auth.test" => Ok(
                json!({"url": "https://tests.slack.com/", "team": "tests", "user": "durward",
                                     "team_id": TEAM, "user_id": "U0BOT", "bot_id": "B1"}),
            ),
            "chat.postMessage" => self.post(&said, channels),
            "chat.update" => self.update(&said, channels),
            "views.open" => self.open(&said),
            _ => Err("unknown_method"),
        }
    }

    fn post(&mut self, said: &Value, channels: &[String]) -> Result<Value, &'static str> {
        let channel = channel(said, channels)?;
        check_blocks(said)?;
        self.count += 1;
        let ts = format!("1700000000.{:06}", self.count);
        let message = Message {
            channel: channel.clone(),
            ts: ts.clone(),
            thread: said["thread_ts"].as_str().map(str::to_owned),
            text: said["text"].as_str().ok_or("no_text")?.to_owned(),
            blocks: said["blocks"].clone(),
            updates: 0,
        };
        self.messages.push(message);
        Ok(json!({"channel": channel, "ts": ts, "message": {"type": "message", "ts": ts, "text": said["text"]}}))
    }

    fn update(&mut self, said: &Value, channels: &[String]) -> Result<Value, &'static str> {
        let channel = channel(said, channels)?;
        check_blocks(said)?;
        let ts = said["ts"].as_str().ok_or("message_not_found")?;
        let mut messages = self.messages.iter_mut();
        let message = messages.find(|message| message.channel == channel && message.ts == ts);
        let message = message.ok_or("message_not_found")?;
        message.text = said["text"].as_str().unwrap_or_default().to_owned();
        message.blocks = said["blocks"].clone();
        message.updates += 1;
        Ok(json!({"channel": channel, "ts": ts, "text": said["text"]}))
    }

    fn open(&mut self, said: &Value) -> Result<Value, &'static str> {
        let trigger = said["trigger_id"].as_str().ok_or("invalid_trigger_id")?;
        let since = self.triggers.remove(trigger).ok_or("exchanged_trigger_id")?;
        if since.elapsed() > TRIGGER_PATIENCE {
            return Err("expired_trigger_id");
        }
        let view = &said["view"];
        let title = view["title"]["text"].as_str().unwrap_or_default();
        let has_field = find(view, &|value| value["type"] == "input").is_some();
        if view["type"] != "modal" || title.is_empty() || title.chars().count() > 24 {
            return Err("invalid_arguments");
        }
        if has_field && view["submit"].is_null() {
            return Err("invalid_arguments");
        }
        check_blocks(view)?;
        self.views.push(view.clone());
        Ok(json!({"view": {"id": format!("V{}", self.views.len()), "team_id": TEAM, "type": "modal"}}))
    }
}

fn channel(said: &Value, channels: &[String]) -> Result<String, &'static str> {
    let channel = said["channel"].as_str().unwrap_or_default();
    let known = channels.iter().find(|known| *known == channel);
    known.cloned().ok_or("channel_not_found")
}

/// Bounds and types of blocks, as far as messages of ours use them.
fn check_blocks(said: &Value) -> Result<(), &'static str> {
    let Some(blocks) = said["blocks"].as_array() else {
        return Err("invalid_blocks_format");
    };
    let fits = |block: &Value| match block["type"].as_str() {
        Some("header") => {
            block["text"]["type"] == "plain_text"
                && block["text"]["text"]
                    .as_str()
                    .is_some_and(|text| (1..=150).contains(&text.chars().count()))
        }
        Some("section") => block["text"]["text"]
            .as_str()
            .is_some_and(|text| (1..=3_000).contains(&text.chars().count())),
        Some("rich_text") => block["elements"]
            .as_array()
            .is_some_and(|elements| elements.iter().all(is_rich)),
        Some("actions") => block["elements"]
            .as_array()
            .is_some_and(|elements| (1..=25).contains(&elements.len())),
        Some("input") => block["element"]["type"] == "plain_text_input" && block["label"]["type"] == "plain_text",
        _ => false,
    };
    let all = !blocks.is_empty() && blocks.len() <= 50 && blocks.iter().all(fits);
    if all { Ok(()) } else { Err("invalid_blocks") }
}

fn is_rich(element: &Value) -> bool {
    let inside = element["elements"].as_array().map(Vec::as_slice).unwrap_or_default();
    let is_text =
        |value: &Value| value["type"] == "text" && value["text"].as_str().is_some_and(|text| !text.is_empty());
    match element["type"].as_str() {
        Some("rich_text_section" | "rich_text_preformatted") => !inside.is_empty() && inside.iter().all(is_text),
        Some("rich_text_list") => element["style"] == "bullet" && !inside.is_empty() && inside.iter().all(is_rich),
        _ => false,
    }
}

/// The first part of a value that is looked for.
fn find<'a>(value: &'a Value, looked_for: &dyn Fn(&Value) -> bool) -> Option<&'a Value> {
    if looked_for(value) {
        return Some(value);
    }
    match value {
        Value::Object(members) => members.values().find_map(|member| find(member, looked_for)),
        Value::Array(items) => items.iter().find_map(|item| find(item, looked_for)),
        _ => None,
    }
}
