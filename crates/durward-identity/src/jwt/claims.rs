use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use durward_model::{Assurance, CredentialId, CredentialKind, Principal, PrincipalKind, Subject};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use super::token::{Token, TokenIdentity};
use super::{IssuerConfig, TokenError};

/// Agents in one chain. A longer one is more likely a loop than a delegation.
const ACTORS_MAX: usize = 8;
/// Groups that are carried; more than any policy names.
const GROUPS_MAX: usize = 1_000;
/// The longest name of a subject, in bytes; that of OpenID Connect (`sub`, section 2).
const NAME_BYTES_MAX: usize = 255;

type Claims = Map<String, Value>;

/// Checks the claims of a token whose signature is good, and makes the principal.
pub(super) fn identity(
    token: &Token<'_>,
    config: &IssuerConfig,
    now_unix_seconds: u64,
) -> Result<TokenIdentity, TokenError> {
    let claims = &token.claims;
    check_audience(claims, config)?;
    let expires_unix_seconds = check_times(claims, config, now_unix_seconds)?;
    if claims.contains_key("cnf") {
        // RFC 7800: whoever shows it must prove a key, and a password field can't.
        return Err(TokenError::Claims("it is bound to a key (cnf)"));
    }
    let actors = actors(claims, config)?;
    let groups = groups(claims, config);
    let subject = Subject {
        name: subject_name(claims, config)?,
        kind: subject_kind(claims, &groups, config),
    };
    Ok(TokenIdentity {
        principal: Principal {
            subject,
            // The token's groups are the subject's; nothing says what groups an actor is in.
            groups: if actors.is_empty() { groups.clone() } else { Vec::new() },
            subject_groups: groups,
            actors,
            assurance: Assurance::Asserted,
            credential_kind: CredentialKind::Jwt,
            credential: credential_id(token, config),
            purpose: text(claims, "purpose")
                .filter(|purpose| is_plain(purpose))
                .map(Arc::from),
        },
        expires_unix_seconds,
    })
}

/// RFC 7519 section 4.1.3. There is no token without an audience.
fn check_audience(claims: &Claims, config: &IssuerConfig) -> Result<(), TokenError> {
    let is_ours = |audience: &Value| {
        audience
            .as_str()
            .is_some_and(|name| config.audiences.iter().any(|ours| ours == name))
    };
    let ours = match claims.get("aud") {
        Some(Value::Array(list)) => list.iter().any(is_ours),
        Some(audience) => is_ours(audience),
        None => false,
    };
    if ours { Ok(()) } else { Err(TokenError::WrongAudience) }
}

/// RFC 7519 sections 4.1.4 to 4.1.6. Gives the end, leeway included.
fn check_times(claims: &Claims, config: &IssuerConfig, now: u64) -> Result<u64, TokenError> {
    let end = numeric_date(claims, "exp")?.ok_or(TokenError::Claims("no end (exp)"))?;
    let end_with_leeway = end.saturating_add(config.leeway_seconds);
    if now >= end_with_leeway {
        return Err(TokenError::Expired);
    }
    for begin in ["nbf", "iat"] {
        let begin = numeric_date(claims, begin)?.unwrap_or(0);
        if begin > now.saturating_add(config.leeway_seconds) {
            return Err(TokenError::NotYetValid);
        }
    }
    Ok(end_with_leeway)
}

/// Seconds since 1970; whole or with a fraction (RFC 7519 section 2, `NumericDate`).
fn numeric_date(claims: &Claims, name: &str) -> Result<Option<u64>, TokenError> {
    let Some(value) = claims.get(name) else {
        return Ok(None);
    };
    let fraction = || {
        Duration::try_from_secs_f64(value.as_f64()?)
            .ok()
            .map(|since| since.as_secs())
    };
    value
        .as_u64()
        .or_else(fraction)
        .map(Some)
        .ok_or(TokenError::Claims("a time is no number"))
}

fn subject_name(claims: &Claims, config: &IssuerConfig) -> Result<Arc<str>, TokenError> {
    let name = match &config.subject_claim {
        Some(claim) => lookup(claims, claim).and_then(Value::as_str),
        None => {
            let verified = matches!(claims.get("email_verified"), Some(Value::Bool(true)));
            let email = text(claims, "email").filter(|_| verified);
            email.or_else(|| text(claims, "sub"))
        }
    };
    let name = name
        .filter(|name| is_plain(name))
        .ok_or(TokenError::Claims("no usable subject"))?;
    Ok(format!("{}|{name}", config.alias).into())
}

/// What the subject is. A token that an application got for itself (its subject is its client) is an agent with the
/// least rights, unless the configuration names it a service.
fn subject_kind(claims: &Claims, groups: &[Arc<str>], config: &IssuerConfig) -> PrincipalKind {
    let in_group = |group: &Option<String>| {
        group
            .as_ref()
            .is_some_and(|name| groups.iter().any(|group| **group == **name))
    };
    let subject = text(claims, "sub");
    let is_client = subject.is_some() && ["client_id", "azp"].iter().any(|claim| text(claims, claim) == subject);
    let is_service = subject.is_some_and(|subject| config.service_subjects.iter().any(|service| service == subject));
    if is_service || in_group(&config.services_group) {
        PrincipalKind::Service
    } else if is_client {
        PrincipalKind::Agent
    } else if in_group(&config.operators_group) {
        PrincipalKind::Operator
    } else {
        PrincipalKind::Person
    }
}

/// RFC 8693 section 4.1: the outermost `act` is the current actor, those within acted before.
fn actors(claims: &Claims, config: &IssuerConfig) -> Result<Vec<Subject>, TokenError> {
    let mut actors = Vec::new();
    let mut next = claims.get("act");
    while let Some(act) = next {
        let act = act
            .as_object()
            .ok_or(TokenError::Claims("an actor (act) is no object"))?;
        let name = text(act, "sub")
            .filter(|name| is_plain(name))
            .ok_or(TokenError::Claims("an actor has no subject"))?;
        let foreign_issuer = text(act, "iss").filter(|issuer| text(claims, "iss") != Some(issuer));
        let name = match foreign_issuer {
            Some(issuer) => format!("{}|{issuer}|{name}", config.alias),
            None => format!("{}|{name}", config.alias),
        };
        actors.push(Subject {
            name: name.into(),
            kind: PrincipalKind::Agent,
        });
        if actors.len() > ACTORS_MAX {
            return Err(TokenError::Claims("more than 8 actors"));
        }
        next = act.get("act");
    }
    Ok(actors)
}

fn groups(claims: &Claims, config: &IssuerConfig) -> Vec<Arc<str>> {
    let claim = lookup(claims, &config.groups_claim);
    let list = claim.and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let allowed = |group: &&str| {
        config
            .groups_allowed
            .as_ref()
            .is_none_or(|allowed| allowed.iter().any(|name| name == group))
    };
    let groups: BTreeSet<Arc<str>> = list
        .iter()
        .filter_map(Value::as_str)
        .filter(|group| is_plain(group))
        .filter(allowed)
        .take(GROUPS_MAX)
        .map(Arc::from)
        .collect();
    groups.into_iter().collect()
}

/// The public name of a token: its own (`jti`), or the digest of what is signed.
fn credential_id(token: &Token<'_>, config: &IssuerConfig) -> CredentialId {
    let own =
        text(&token.claims, "jti").filter(|jti| jti.len() <= 128 && jti.bytes().all(|byte| byte.is_ascii_graphic()));
    let name = own.map_or_else(
        || {
            let digest = Sha256::digest(token.signed.as_bytes());
            digest.iter().take(16).fold(String::new(), |mut name, byte| {
                // Writing to a String can't fail.
                write!(name, "{byte:02x}").unwrap_or_default();
                name
            })
        },
        str::to_owned,
    );
    CredentialId(format!("jwt-{}|{name}", config.alias).into())
}

/// A claim by name, or by JSON pointer (RFC 6901) when it begins with a slash: `/realm_access/roles`.
fn lookup<'a>(claims: &'a Claims, path: &str) -> Option<&'a Value> {
    let Some(path) = path.strip_prefix('/') else {
        return claims.get(path);
    };
    let (first, rest) = path
        .split_once('/')
        .map_or((path, None), |(first, rest)| (first, Some(rest)));
    let value = claims.get(&first.replace("~1", "/").replace("~0", "~"))?;
    rest.map_or(Some(value), |rest| value.pointer(&format!("/{rest}")))
}

fn text<'a>(claims: &'a Claims, name: &str) -> Option<&'a str> {
    claims.get(name).and_then(Value::as_str)
}

/// Text that can stand in a record, a log and `application_name`.
fn is_plain(text: &str) -> bool {
    !text.is_empty() && text.len() <= NAME_BYTES_MAX && !text.chars().any(char::is_control)
}
