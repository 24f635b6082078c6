//! Credentials with a fixed part that is not their whole prefix, or with more to check than characters.

use std::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use durward_model::Label;

use super::super::cue::has_cue;
use super::super::text::{
    Anchored, Hit, begins_word, ends_word, is_alphanumeric, is_base64, is_base64url, is_hex, run, run_before,
};
use super::tokens::is_percent_encoded;

pub(in super::super) const ANCHORED: &[Anchored] = &[
    secret("durward-password", &["dwp_"], durward_password),
    secret("aws-secret-access-key", &["ecret", "ECRET", "AKIA"], aws_secret_key),
    secret("azure-client-secret", &["Q~"], azure_client_secret),
    secret("azure-resource-key", &["JQQJ99"], azure_resource_key),
    secret("azure-devops-token", &["AZDO"], azure_devops_token),
    secret("azure-storage-key", &["=="], azure_storage_key),
    secret("azure-sas", &["sig="], azure_sas),
    secret("discord-bot-token", &["."], discord_bot_token),
    secret("discord-webhook", &["/api/webhooks/"], discord_webhook),
    secret("slack-webhook", &["hooks.slack.com/"], slack_webhook),
    secret("office-webhook", &[".webhook.office.com/"], office_webhook),
    secret("telegram-bot-token", &[":AA"], telegram_bot_token),
    secret("mailchimp-key", &["-us"], mailchimp_key),
    secret("terraform-token", &[".atlasv1."], terraform_token),
    secret("new-relic-key", &["NRAL"], new_relic_licence),
    secret("airtable-token", &["pat"], airtable_token),
    secret("resend-key", &["re_"], resend_key),
];

const fn secret(
    name: &'static str,
    anchors: &'static [&'static str],
    find: fn(&[u8], Range<usize>) -> Option<Hit>,
) -> Anchored {
    Anchored {
        name,
        label: Label::Secret,
        anchors,
        find,
    }
}

/// The gateway's own passwords: 30 characters and a CRC-32 in six of base 62 (`durward-identity`).
fn durward_password(text: &[u8], prefix: Range<usize>) -> Option<Hit> {
    let end = prefix.end.checked_add(36)?;
    let checked = text.get(prefix.start..prefix.end + 30)?;
    let sum = text.get(prefix.end + 30..end)?;
    let body = text.get(prefix.end..end)?;
    if !begins_word(text, prefix.start) || !ends_word(text, end) || !body.iter().all(u8::is_ascii_alphanumeric) {
        return None;
    }
    let mut number = 0_u64;
    for byte in sum {
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            b'A'..=b'Z' => byte - b'A' + 10,
            _ => byte - b'a' + 36,
        };
        number = number * 62 + u64::from(digit);
    }
    (number == u64::from(crc32fast::hash(checked))).then(|| Hit::certain(prefix.start..end))
}

/// Amazon's secret access key: 40 characters of base64, after a key that says `secret` or an access key's identifier.
fn aws_secret_key(text: &[u8], anchor: Range<usize>) -> Option<Hit> {
    const REACH_BYTES: usize = 80;
    const KEY_BYTES: usize = 40;
    let rest = text.get(anchor.end..)?;
    let window = rest.get(..REACH_BYTES + KEY_BYTES + 1).unwrap_or(rest);
    let is_key_byte = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    let mut at = 0;
    for word in window.split(|byte| !is_key_byte(*byte)) {
        let start = anchor.end + at;
        at += word.len() + 1;
        let is_mixed = word.iter().any(u8::is_ascii_digit)
            && word.iter().any(u8::is_ascii_uppercase)
            && word.iter().any(u8::is_ascii_lowercase);
        let is_cut = start + word.len() == anchor.end + window.len() && window.len() < rest.len();
        if word.len() == KEY_BYTES && is_mixed && !is_cut && text.get(start + KEY_BYTES) != Some(&b'=') {
            return Some(Hit::checked(start..start + KEY_BYTES));
        }
    }
    None
}

/// Microsoft Entra's client secrets: three characters, a digit, `Q~`, and 31 to 34 more.
fn azure_client_secret(text: &[u8], anchor: Range<usize>) -> Option<Hit> {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'~' | b'.' | b'-');
    let start = anchor.start.checked_sub(4)?;
    let head = text.get(start..anchor.start)?;
    let rest = text.get(anchor.end..)?;
    let length = run(rest.get(..40).unwrap_or(rest), is_part);
    let is_secret = head.iter().all(|byte| is_part(*byte))
        && head.last().is_some_and(u8::is_ascii_digit)
        && (31..=34).contains(&length)
        && !start
            .checked_sub(1)
            .and_then(|at| text.get(at))
            .is_some_and(|byte| is_part(*byte) && *byte != b'.');
    is_secret.then(|| Hit::certain(start..anchor.end + length))
}

/// Keys of Azure's services in the form that names its issuer: 84 characters with `JQQJ99` at the 53rd.
fn azure_resource_key(text: &[u8], anchor: Range<usize>) -> Option<Hit> {
    around(text, &anchor, 52, 26)
}

/// Azure DevOps' tokens: 84 characters with `AZDO` at the 77th.
fn azure_devops_token(text: &[u8], anchor: Range<usize>) -> Option<Hit> {
    around(text, &anchor, 76, 4)
}

/// A token of letters and digits with a fixed part in it.
fn around(text: &[u8], anchor: &Range<usize>, before: usize, after: usize) -> Option<Hit> {
    let start = anchor.start.checked_sub(before)?;
    let end = anchor.end.checked_add(after)?;
    let token = text.get(start..end)?;
    (token.iter().all(u8::is_ascii_alphanumeric) && begins_word(text, start) && ends_word(text, end))
        .then(|| Hit::certain(start..end))
}

/// Keys of Azure Storage and Cosmos DB: 64 bytes in base64, which end in `==`, after a cue or with the mark `+ASt`.
fn azure_storage_key(text: &[u8], anchor: Range<usize>) -> Option<Hit> {
    const KEY_BYTES: usize = 86;
    let start = anchor.start.checked_sub(KEY_BYTES)?;
    let key = text.get(start..anchor.start)?;
    let is_free = !start
        .checked_sub(1)
        .and_then(|at| text.get(at))
        .is_some_and(|byte| is_base64(*byte) && *byte != b'=');
    if !is_free || !key.iter().all(|byte| is_base64(*byte) && *byte != b'=') {
        return None;
    }
    let has_mark = key.get(76..80) == Some(b"+ASt") || key.get(76..80) == Some(b"ACDb");
    let is_named = has_cue(text, start, &["accountkey", "key", "storage", "azure"]);
    (has_mark || is_named).then(|| Hit::certain(start..anchor.end))
}

/// The signature of a shared access: 32 bytes in base64, percent-encoded, among Azure's parameters.
fn azure_sas(text: &[u8], anchor: Range<usize>) -> Option<Hit> {
    let rest = text.get(anchor.end..)?;
    let window = rest.get(..120).unwrap_or(rest);
    let length = run(window, is_percent_encoded);
    let signature = window.get(..length)?;
    let is_signature = (43..=70).contains(&length)
        && (signature.ends_with(b"%3D") || signature.ends_with(b"%3d") || signature.ends_with(b"="));
    is_signature.then(|| Hit::certain(anchor.end..anchor.end + length))
}

/// Discord's bot tokens: the account's number in base64, six characters of time, a MAC.
fn discord_bot_token(text: &[u8], dot: Range<usize>) -> Option<Hit> {
    let first = run_before(text, dot.start, 29, is_base64url);
    if !(23..=28).contains(&first) {
        return None;
    }
    let start = dot.start - first;
    let account = STANDARD_NO_PAD.decode(text.get(start..dot.start)?).ok()?;
    let time_end = dot.end.checked_add(6)?;
    let rest = text.get(time_end.checked_add(1)?..)?;
    let mac = run(rest.get(..41).unwrap_or(rest), is_base64url);
    let is_token = account.iter().all(u8::is_ascii_digit)
        && text.get(dot.end..time_end)?.iter().all(|byte| is_base64url(*byte))
        && text.get(time_end) == Some(&b'.')
        && (27..=40).contains(&mac);
    is_token.then(|| Hit::certain(start..time_end + 1 + mac))
}

/// Discord's webhooks: number and token, whoever has them may post.
fn discord_webhook(text: &[u8], anchor: Range<usize>) -> Option<Hit> {
    let rest = text.get(anchor.end..)?;
    let number = run(rest.get(..21).unwrap_or(rest), |byte| byte.is_ascii_digit());
    let token = rest.get(number + 1..)?;
    let length = run(token.get(..100).unwrap_or(token), is_base64url);
    let is_hook = (17..=20).contains(&number) && rest.get(number) == Some(&b'/') && (60..=80).contains(&length);
    is_hook.then(|| Hit::certain(url_start(text, anchor.start)..anchor.end + number + 1 + length))
}

/// Slack's webhooks: workspace, hook and secret.
fn slack_webhook(text: &[u8], anchor: Range<usize>) -> Option<Hit> {
    let rest = text.get(anchor.end..)?;
    let length = run(rest.get(..160).unwrap_or(rest), |byte| {
        is_alphanumeric(byte) || byte == b'/'
    });
    let path = rest.get(..length)?;
    let is_hook = [b"services/".as_slice(), b"workflows/", b"triggers/"]
        .iter()
        .any(|kind| path.starts_with(kind))
        && length >= 40;
    is_hook.then(|| Hit::certain(url_start(text, anchor.start)..anchor.end + length))
}

/// Microsoft Teams' webhooks: a path of identifiers, whoever has them may post.
fn office_webhook(text: &[u8], anchor: Range<usize>) -> Option<Hit> {
    let rest = text.get(anchor.end..)?;
    let window = rest.get(..300).unwrap_or(rest);
    let length = run(window, |byte| is_base64url(byte) || matches!(byte, b'/' | b'@'));
    let is_hook = window.starts_with(b"webhookb2/") && length >= 100;
    is_hook.then(|| Hit::certain(url_start(text, anchor.start)..anchor.end + length))
}

/// Where the URL begins that a place is in.
fn url_start(text: &[u8], at: usize) -> usize {
    at - run_before(text, at, 64, |byte| {
        byte.is_ascii_alphanumeric() || matches!(byte, b':' | b'/' | b'.' | b'-')
    })
}

/// Telegram's bot tokens: the bot's number, a colon, `AA` and 33 more.
fn telegram_bot_token(text: &[u8], anchor: Range<usize>) -> Option<Hit> {
    let number = run_before(text, anchor.start, 11, |byte| byte.is_ascii_digit());
    let start = anchor.start - number;
    let rest = text.get(anchor.end..)?;
    let length = run(rest.get(..34).unwrap_or(rest), is_base64url);
    ((8..=10).contains(&number) && length == 33 && (begins_word(text, start) || text.get(..start)?.ends_with(b"bot")))
        .then(|| Hit::certain(start..anchor.end + length))
}

/// Mailchimp's keys: 32 hexadecimal digits, `-us` and a data centre's number.
fn mailchimp_key(text: &[u8], anchor: Range<usize>) -> Option<Hit> {
    let digits = run_before(text, anchor.start, 33, is_hex);
    let start = anchor.start - digits;
    let rest = text.get(anchor.end..)?;
    let centre = run(rest.get(..3).unwrap_or(rest), |byte| byte.is_ascii_digit());
    let end = anchor.end + centre;
    (digits == 32 && (1..=2).contains(&centre) && begins_word(text, start) && ends_word(text, end))
        .then(|| Hit::certain(start..end))
}

/// HCP Terraform's tokens: 14 characters, `.atlasv1.`, 60 and more.
fn terraform_token(text: &[u8], anchor: Range<usize>) -> Option<Hit> {
    let first = run_before(text, anchor.start, 15, is_alphanumeric);
    let rest = text.get(anchor.end..)?;
    let length = run(rest.get(..80).unwrap_or(rest), is_base64url);
    (first == 14 && (60..=70).contains(&length)).then(|| Hit::certain(anchor.start - first..anchor.end + length))
}

/// New Relic's licence keys: 36 hexadecimal digits and `NRAL`.
fn new_relic_licence(text: &[u8], anchor: Range<usize>) -> Option<Hit> {
    let digits = run_before(text, anchor.start, 37, is_hex);
    (digits == 36 && ends_word(text, anchor.end)).then(|| Hit::certain(anchor.start - digits..anchor.end))
}

/// Airtable's tokens: `pat`, 14 characters, a dot, 64 hexadecimal digits.
fn airtable_token(text: &[u8], anchor: Range<usize>) -> Option<Hit> {
    let dot = anchor.end.checked_add(14)?;
    let end = dot.checked_add(65)?;
    if text.get(dot) != Some(&b'.') || !begins_word(text, anchor.start) {
        return None;
    }
    let is_token = text.get(anchor.end..dot)?.iter().all(u8::is_ascii_alphanumeric)
        && text.get(dot + 1..end)?.iter().all(|byte| is_hex(*byte));
    (is_token && ends_word(text, end)).then(|| Hit::certain(anchor.start..end))
}

/// Resend's keys: `re_`, eight characters, an underscore, 24 more.
fn resend_key(text: &[u8], anchor: Range<usize>) -> Option<Hit> {
    let end = anchor.end.checked_add(33)?;
    let key = text.get(anchor.end..end)?;
    let is_key = key.iter().enumerate().all(|(place, byte)| {
        if place == 8 {
            *byte == b'_'
        } else {
            byte.is_ascii_alphanumeric()
        }
    });
    let has_digit = key.iter().any(u8::is_ascii_digit);
    (is_key && has_digit && begins_word(text, anchor.start) && ends_word(text, end))
        .then(|| Hit::certain(anchor.start..end))
}
