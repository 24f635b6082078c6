//! Ways in for decisions that aren't logins: systems that sign, and Slack.

use std::sync::Arc;

use anyhow::{Context as _, bail};
use durward_console::{HttpAdviser, SLACK_URL, Sender, Slack, SlackName, SlackSettings, SlackUser};
use zeroize::Zeroizing;

use super::{blame, list, secret as secrets, switch, text};
use crate::options::{Given, GivenOptions};

/// The secret that `env:VARIABLE` or `file:PATH` holds. One that is written out would be seen by everybody on the machine.
pub(super) fn secret(given: &Given, reference: &str) -> anyhow::Result<Zeroizing<String>> {
    if !(reference.starts_with("env:") || reference.starts_with("file:")) {
        return Err(blame(
            given,
            "give env:VARIABLE or file:PATH: arguments are seen by everybody on this machine",
        ));
    }
    secrets::dereference(reference).map_err(|error| blame(given, &format!("{error:#}")))
}

/// Reads `NAME identity=NAME secret=REFERENCE`, one for each.
pub(super) fn senders(given: &GivenOptions) -> anyhow::Result<Vec<Sender>> {
    let Some(senders) = given.get("decision_senders") else {
        return Ok(Vec::new());
    };
    needs_web(given, senders)?;
    let mut known: Vec<Sender> = Vec::new();
    for line in &senders.values {
        let sender = sender(senders, line)?;
        if known.iter().any(|other| other.name() == sender.name()) {
            return Err(blame(senders, &format!("{} is given twice", sender.name())));
        }
        known.push(sender);
    }
    Ok(known)
}

fn sender(given: &Given, line: &str) -> anyhow::Result<Sender> {
    let mut words = line.split_whitespace();
    let name = words.next().unwrap_or_default();
    let (mut identity, mut key) = (None, None);
    for word in words {
        match word.split_once('=') {
            Some(("identity", name)) => identity = Some(name),
            Some(("secret", reference)) => key = Some(secret(given, reference)?),
            _ => return Err(blame(given, &format!("{word:?} is nothing that a sender has"))),
        }
    }
    let lacks = |what: &str| blame(given, &format!("{name:?} lacks its {what}"));
    let identity = identity.filter(|name| !name.is_empty());
    let identity = identity.ok_or_else(|| lacks("identity=NAME: as whom does it decide?"))?;
    let key = key.ok_or_else(|| lacks("secret=env:VARIABLE or secret=file:PATH"))?;
    Sender::new(name, identity, &key).map_err(|error| blame(given, &error))
}

/// Who is asked for an opinion, if anybody is.
pub(super) fn adviser(given: &GivenOptions) -> anyhow::Result<Option<Arc<HttpAdviser>>> {
    let (url, key) = match (given.get("adviser"), given.get("adviser_secret")) {
        (Some(url), Some(key)) => (url, key),
        (None, None) => return Ok(None),
        _ => bail!("adviser and adviser_secret are given together or not at all"),
    };
    let adviser = HttpAdviser::new(text(url), &secret(key, text(key))?).map_err(|error| blame(url, &error))?;
    Ok(Some(Arc::new(adviser)))
}

/// How Slack is used, where it is.
pub(super) fn slack(given: &GivenOptions) -> anyhow::Result<Option<Slack>> {
    let (token, signing_secret) = match (given.get("slack_token"), given.get("slack_signing_secret")) {
        (Some(token), Some(secret)) => (token, secret),
        (None, None) => {
            let others = ["slack_channels", "slack_users"];
            if let Some(alone) = others.into_iter().find_map(|key| given.get(key)) {
                return Err(blame(alone, "slack_token and slack_signing_secret are missing"));
            }
            return Ok(None);
        }
        _ => bail!("slack_token and slack_signing_secret are given together or not at all"),
    };
    needs_web(given, token)?;
    let users = match given.get("slack_users") {
        None => Vec::new(),
        Some(users) => {
            let read = users.values.iter().map(|line| user(users, line));
            read.collect::<anyhow::Result<Vec<_>>>()?
        }
    };
    let slack = Slack::new(SlackSettings {
        url: given
            .get("slack_url")
            .map_or_else(|| SLACK_URL.to_owned(), |url| text(url).to_owned()),
        token: secret(token, text(token))?,
        signing_secret: secret(signing_secret, text(signing_secret))?,
        channels: list(given, "slack_channels"),
        users,
        shows_statements: switch(given, "slack_statements", true)?,
    });
    slack.map(Some).context("Slack can't be used")
}

fn user(given: &Given, line: &str) -> anyhow::Result<SlackUser> {
    let (user, identity) = line
        .split_once('=')
        .map(|(user, identity)| (user.trim(), identity.trim()))
        .filter(|(user, identity)| !user.is_empty() && !identity.is_empty())
        .ok_or_else(|| blame(given, &format!("{line:?} is not of the form USER=IDENTITY")))?;
    let user = if user.contains('@') {
        SlackName::Email(user.to_ascii_lowercase())
    } else {
        SlackName::Id(user.to_owned())
    };
    Ok(SlackUser {
        user,
        identity: identity.to_owned(),
    })
}

/// What comes in comes in by the web.
fn needs_web(given: &GivenOptions, asking: &Given) -> anyhow::Result<()> {
    let web = given.get("web").map_or("", text);
    if matches!(web, "" | "false" | "off") {
        return Err(blame(asking, "decisions come in by web, which is off"));
    }
    Ok(())
}
