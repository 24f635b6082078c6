use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use reqwest::{Client, Url};
use serde::Deserialize;
use url::Host;

use super::keys::KeySet;

/// A discovery document or key set is a few KB.
const BODY_BYTES_MAX: usize = 1 << 20;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

/// What we need of OpenID Connect Discovery 1.0 section 3.
#[derive(Deserialize)]
struct Discovery {
    issuer: String,
    jwks_uri: String,
}

/// What discovery gave.
#[derive(Debug)]
pub(super) struct Fetched {
    /// The issuer by its own word; tokens must say exactly this.
    pub(super) issuer: String,
    pub(super) keys: KeySet,
}

/// Builds a client that trusts the system's roots, and those in `ca_file`, and follows no redirects.
pub(super) fn client(ca_file: Option<&Path>) -> Result<Client, String> {
    let mut builder = Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(REQUEST_TIMEOUT)
        .user_agent("durward");
    if let Some(path) = ca_file {
        let pem = std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
        let roots =
            reqwest::Certificate::from_pem_bundle(&pem).map_err(|error| format!("{}: {error}", path.display()))?;
        builder = builder.tls_certs_merge(roots);
    }
    builder.build().map_err(|error| with_causes(&error))
}

/// Fetches discovery document and keys. Cancel safe: yes.
pub(super) async fn fetch(client: &Client, issuer: &Url) -> Result<Fetched, String> {
    let mut location = issuer.clone();
    location.set_path(&format!(
        "{}/.well-known/openid-configuration",
        issuer.path().trim_end_matches('/')
    ));
    let discovery: Discovery =
        serde_json::from_slice(&get(client, &location).await?).map_err(|error| format!("{location}: {error}"))?;
    if discovery.issuer.trim_end_matches('/') != issuer.as_str().trim_end_matches('/') {
        return Err(format!("{location} speaks for another issuer: {}", discovery.issuer));
    }
    let keys_location = Url::parse(&discovery.jwks_uri).map_err(|error| format!("jwks_uri: {error}"))?;
    if !is_safe(&keys_location) {
        return Err(format!("jwks_uri must be https: {keys_location}"));
    }
    let keys = KeySet::parse(&get(client, &keys_location).await?)?;
    Ok(Fetched {
        issuer: discovery.issuer,
        keys,
    })
}

/// https, or http to this machine.
pub(super) fn is_safe(location: &Url) -> bool {
    match location.scheme() {
        "https" => true,
        "http" => match location.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(address)) => IpAddr::V4(address).is_loopback(),
            Some(Host::Ipv6(address)) => IpAddr::V6(address).is_loopback(),
            None => false,
        },
        _ => false,
    }
}

async fn get(client: &Client, location: &Url) -> Result<Vec<u8>, String> {
    let response = client
        .get(location.clone())
        .header("accept", "application/json")
        .send()
        .await;
    let mut response = response.map_err(|error| with_causes(&error))?;
    if !response.status().is_success() {
        return Err(format!("{location} answered {}", response.status()));
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| with_causes(&error))? {
        if body.len() + chunk.len() > BODY_BYTES_MAX {
            return Err(format!("{location} answered with more than 1 MiB"));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        text = format!("{text}: {next}");
        cause = next.source();
    }
    text
}
