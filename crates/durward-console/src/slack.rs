//! Requests in Slack: a message for each, buttons with a dialog, and news in its thread.
//!
//! What a channel sees is what anybody may see: no value of a labelled column, and nothing that Slack would take for markup.

mod actions;
mod client;
mod follow;
mod message;
mod people;

use std::fmt;
use std::sync::{Arc, OnceLock};

use url::Url;
use zeroize::Zeroizing;

pub(crate) use actions::actions;
use client::Client;

/// Where Slack's Web API is.
pub const SLACK_URL: &str = "https://slack.com/api/";

/// How Slack is used.
#[derive(Clone)]
pub struct SlackSettings {
    /// Where its Web API is.
    pub url: String,
    /// The token of a bot (`xoxb-…`).
    pub token: Zeroizing<String>,
    /// What Slack signs its requests with.
    pub signing_secret: Zeroizing<String>,
    /// The ids of the channels that are told.
    pub channels: Vec<String>,
    /// Who in Slack is which identity.
    pub users: Vec<SlackUser>,
    /// Whether statements, parameters and rows are shown there; without, they are decided on their page alone.
    pub shows_statements: bool,
}

/// Somebody in Slack, who decides as an identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlackUser {
    /// A user's id, or the address that Slack has confirmed.
    pub user: SlackName,
    /// The identity.
    pub identity: String,
}

/// How somebody is known in Slack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SlackName {
    /// By the id of the user (`U…` or `W…`).
    Id(String),
    /// By an e-mail address, in lower case, that Slack has confirmed.
    Email(String),
}

/// Slack, as it is used.
#[derive(Clone)]
pub struct Slack(Arc<Inner>);

struct Inner {
    settings: SlackSettings,
    client: Client,
    /// The id of the workspace, once Slack has said it.
    team: OnceLock<String>,
}

/// Settings that can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SlackError {
    /// Tokens would be sent in clear.
    #[error("{0:?} is no address: give https://…, or http://… on this machine")]
    Url(String),
    /// It isn't one.
    #[error("the token is none of a bot: it begins with xoxb-")]
    Token,
    /// Anybody could guess it.
    #[error("the signing secret is empty, or too short")]
    SigningSecret,
    /// Nobody would be told.
    #[error("no channel is given")]
    NoChannel,
    /// Channels are known by their ids: names can be given to others.
    #[error("{0:?} is no id of a channel: they begin with C or G, and are shown in its details")]
    Channel(String),
    /// No client for HTTP can be made.
    #[error("no client for HTTP can be made")]
    Client,
}

impl Slack {
    /// Checks the settings.
    ///
    /// # Errors
    /// When they can't be used.
    pub fn new(settings: SlackSettings) -> Result<Self, SlackError> {
        let url = Url::parse(&settings.url)
            .ok()
            .filter(crate::site::is_safe)
            .ok_or_else(|| SlackError::Url(settings.url.clone()))?;
        if !settings.token.starts_with("xoxb-") {
            return Err(SlackError::Token);
        }
        if settings.signing_secret.len() < 16 {
            return Err(SlackError::SigningSecret);
        }
        if settings.channels.is_empty() {
            return Err(SlackError::NoChannel);
        }
        let is_id = |id: &str| {
            let letters = id
                .chars()
                .all(|letter| letter.is_ascii_uppercase() || letter.is_ascii_digit());
            letters && id.len() > 4 && (id.starts_with('C') || id.starts_with('G'))
        };
        if let Some(wrong) = settings.channels.iter().find(|channel| !is_id(channel)) {
            return Err(SlackError::Channel(wrong.clone()));
        }
        let client = Client::new(url, settings.token.clone()).ok_or(SlackError::Client)?;
        Ok(Self(Arc::new(Inner {
            settings,
            client,
            team: OnceLock::new(),
        })))
    }

    /// The id of the workspace, once it is known.
    fn team(&self) -> Option<&str> {
        self.0.team.get().map(String::as_str)
    }
}

impl fmt::Debug for Slack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slack")
            .field("channels", &self.0.settings.channels)
            .field("users", &self.0.settings.users)
            .finish_non_exhaustive()
    }
}
