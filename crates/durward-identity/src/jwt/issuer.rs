use std::path::PathBuf;
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use reqwest::{Client, Url};
use serde::Deserialize;
use thiserror::Error;
use tokio::sync::Mutex;

use super::fetch::{self, Fetched};
use super::token::{Token, TokenIdentity};
use super::{TokenError, claims};
use crate::clock::Clock;

/// How long fetched keys are used without asking again, in seconds. A key that the issuer withdraws dies within this.
const KEYS_FRESH_SECONDS: u64 = 300;
/// How long they are used when the issuer doesn't answer, in seconds.
const KEYS_STALE_SECONDS_MAX: u64 = 3_600;
/// The least time between two fetches, in seconds, whatever tokens ask for.
const FETCH_EVERY_SECONDS: u64 = 10;

/// One issuer whose tokens are accepted.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IssuerConfig {
    /// A short name: subjects are known as `alias|subject`.
    pub alias: String,
    /// The issuer's URL: what its tokens say in `iss`, and where discovery begins. https, or http to this machine.
    pub url: String,
    /// What tokens may say in `aud`; at least one.
    pub audiences: Vec<String>,
    /// The claim that names the subject. Without it: `email` if the issuer says that it is verified, else `sub`. Set it
    /// only to a claim that users can't choose.
    #[serde(default)]
    pub subject_claim: Option<String>,
    /// The claim that lists groups, by name or JSON pointer.
    #[serde(default = "default_groups_claim")]
    pub groups_claim: String,
    /// Groups that are taken over; without it all.
    #[serde(default)]
    pub groups_allowed: Option<Vec<String>>,
    /// Whoever is in this group is an operator.
    #[serde(default)]
    pub operators_group: Option<String>,
    /// Whoever is in this group is a service.
    #[serde(default)]
    pub services_group: Option<String>,
    /// Subjects (`sub`) that are services.
    #[serde(default)]
    pub service_subjects: Vec<String>,
    /// Databases that its tokens open; empty for all.
    #[serde(default)]
    pub databases: Vec<String>,
    /// How far clocks may differ, in seconds.
    #[serde(default = "default_leeway")]
    pub leeway_seconds: u64,
    /// More certificate authorities for the issuer's own certificate, in PEM.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
}

fn default_groups_claim() -> String {
    "groups".to_owned()
}

fn default_leeway() -> u64 {
    30
}

impl IssuerConfig {
    /// An issuer with nothing but what is needed.
    pub fn new(alias: &str, url: &str, audience: &str) -> Self {
        Self {
            alias: alias.to_owned(),
            url: url.to_owned(),
            audiences: vec![audience.to_owned()],
            subject_claim: None,
            groups_claim: default_groups_claim(),
            groups_allowed: None,
            operators_group: None,
            services_group: None,
            service_subjects: Vec::new(),
            databases: Vec::new(),
            leeway_seconds: default_leeway(),
            ca_file: None,
        }
    }
}

/// What is wrong with the configuration of an issuer.
#[derive(Debug, Error)]
#[error("issuer \"{alias}\": {problem}")]
pub struct IssuerError {
    /// Which issuer.
    pub alias: String,
    /// What is wrong.
    pub problem: String,
}

/// The issuers whose tokens are accepted, with their keys.
#[derive(Debug)]
pub struct Issuers {
    list: Vec<Issuer>,
    clock: Arc<dyn Clock>,
}

#[derive(Debug)]
struct Issuer {
    config: IssuerConfig,
    url: Url,
    client: Client,
    keys: ArcSwapOption<Known>,
    /// When a fetch was last tried; held during one, so that there is only one.
    fetching: Mutex<Option<u64>>,
}

#[derive(Debug)]
struct Known {
    fetched: Fetched,
    at_unix_seconds: u64,
}

impl Issuers {
    /// Checks the configuration. Nothing is fetched yet.
    ///
    /// # Errors
    /// For an alias or URL that can't be used or is there twice, a missing audience, or an unreadable `ca_file`.
    pub fn new(configs: Vec<IssuerConfig>, clock: Arc<dyn Clock>) -> Result<Self, IssuerError> {
        let mut list: Vec<Issuer> = Vec::with_capacity(configs.len());
        for config in configs {
            let twice = list
                .iter()
                .any(|other| other.config.alias == config.alias || same(&other.config.url, &config.url));
            let issuer = if twice {
                Err("the alias or the URL is there twice".to_owned())
            } else {
                Issuer::new(&config)
            };
            list.push(issuer.map_err(|problem| IssuerError {
                alias: config.alias,
                problem,
            })?);
        }
        Ok(Self { list, clock })
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Fetches every issuer's keys once, to find mistakes at start. An issuer that doesn't answer is no reason not to
    /// start: its keys are fetched when a token needs them. Cancel safe: yes.
    pub async fn warm(&self) -> Vec<IssuerError> {
        let mut problems = Vec::new();
        for issuer in &self.list {
            let problem = match issuer.keys(None, self.clock.unix_seconds()).await {
                Ok(known) if known.fetched.keys.len() == 0 => "it publishes no key that can be used".to_owned(),
                Ok(_) => continue,
                Err(error) => error.to_string(),
            };
            problems.push(IssuerError {
                alias: issuer.config.alias.clone(),
                problem,
            });
        }
        problems
    }

    /// Verifies `token` for `database`. Cancel safe: yes.
    pub(crate) async fn verify(&self, token: &str, database: &str) -> Result<(TokenIdentity, bool), TokenError> {
        let (identity, databases) = self.verify_anywhere(token).await?;
        let opens = databases.is_empty() || databases.iter().any(|allowed| allowed == database);
        Ok((identity, opens))
    }

    /// Verifies `token`, with the databases that its issuer's tokens open; none: all. Cancel safe: yes.
    pub(crate) async fn verify_anywhere(&self, token: &str) -> Result<(TokenIdentity, &[String]), TokenError> {
        let token = Token::parse(token)?;
        let named = token.issuer().ok_or(TokenError::UnknownIssuer)?;
        let issuer = self
            .list
            .iter()
            .find(|issuer| same(&issuer.config.url, named))
            .ok_or(TokenError::UnknownIssuer)?;
        let key_id = token.header.kid.as_deref();
        let known = issuer.keys(key_id, self.clock.unix_seconds()).await?;
        if known.fetched.issuer != named {
            return Err(TokenError::UnknownIssuer);
        }
        known
            .fetched
            .keys
            .verify(key_id, &token.header.alg, token.signed, token.signature)?;
        let identity = claims::identity(&token, &issuer.config, self.clock.unix_seconds())?;
        Ok((identity, &issuer.config.databases))
    }
}

impl Issuer {
    fn new(config: &IssuerConfig) -> Result<Self, String> {
        let alias_is_plain = config
            .alias
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
        if config.alias.is_empty() || !alias_is_plain || config.alias == crate::PASSTHROUGH_ALIAS {
            return Err("an alias has letters, digits, '.', '_' and '-', and is not \"database\"".to_owned());
        }
        if config.audiences.is_empty() || config.audiences.iter().any(String::is_empty) {
            return Err("at least one audience is needed, and none may be empty".to_owned());
        }
        let url = Url::parse(&config.url).map_err(|error| format!("url: {error}"))?;
        if !fetch::is_safe(&url) {
            return Err("url must be https (http only to this machine)".to_owned());
        }
        if url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() || url.password().is_some() {
            return Err("url must have no query, fragment, user or password".to_owned());
        }
        Ok(Self {
            client: fetch::client(config.ca_file.as_deref())?,
            config: config.clone(),
            url,
            keys: ArcSwapOption::empty(),
            fetching: Mutex::new(None),
        })
    }

    /// The keys: those at hand if they are fresh and have the one named, else fetched anew, within limits.
    async fn keys(&self, key_id: Option<&str>, now: u64) -> Result<Arc<Known>, TokenError> {
        if let Some(known) = self.good_enough(key_id, now) {
            return Ok(known);
        }
        let mut last_try = self.fetching.lock().await;
        if let Some(known) = self.good_enough(key_id, now) {
            return Ok(known);
        }
        let tried_lately = last_try.is_some_and(|last| now < last.saturating_add(FETCH_EVERY_SECONDS));
        let mut problem = "asked a moment ago".to_owned();
        if !tried_lately {
            *last_try = Some(now);
            match fetch::fetch(&self.client, &self.url).await {
                Ok(fetched) => {
                    let known = Arc::new(Known {
                        fetched,
                        at_unix_seconds: now,
                    });
                    self.keys.store(Some(Arc::clone(&known)));
                    return Ok(known);
                }
                Err(error) => {
                    tracing::warn!(issuer = %self.config.alias, %error, "the issuer's keys can't be fetched");
                    problem = error;
                }
            }
        }
        let known = self
            .keys
            .load_full()
            .filter(|known| known.age(now) < KEYS_STALE_SECONDS_MAX);
        known.ok_or(TokenError::IssuerUnreachable(problem))
    }

    fn good_enough(&self, key_id: Option<&str>, now: u64) -> Option<Arc<Known>> {
        let known = self.keys.load_full()?;
        (known.age(now) < KEYS_FRESH_SECONDS && known.fetched.keys.has(key_id)).then_some(known)
    }
}

impl Known {
    fn age(&self, now: u64) -> u64 {
        now.saturating_sub(self.at_unix_seconds)
    }
}

/// A configured URL may lack the final slash that the issuer's own name has, or the other way round.
fn same(configured: &str, named: &str) -> bool {
    configured.trim_end_matches('/') == named.trim_end_matches('/')
}
