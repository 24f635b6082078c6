//! JSON web tokens (RFC 7519): three parts in base64url (RFC 7515), or five (RFC 7516), of which the first is JSON with
//! an algorithm.

use std::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use durward_model::Label;
use serde::Deserialize;

use super::super::text::{Anchored, Hit, begins_after_escape, is_base64url, run};

pub(in super::super) const ANCHORED: &[Anchored] = &[Anchored {
    name: "jwt",
    label: Label::Secret,
    anchors: &["eyJ"],
    find: token_at,
}];

/// The longest header that is decoded; those with certificates have a few thousand bytes.
const HEADER_BYTES_MAX: usize = 16_384;

#[derive(Deserialize)]
struct Header {
    #[expect(dead_code, reason = "its presence is what counts")]
    alg: String,
}

/// The token whose header's first characters stand at a place.
fn token_at(text: &[u8], anchor: Range<usize>) -> Option<Hit> {
    let before = anchor.start.checked_sub(1).and_then(|at| text.get(at));
    // So each header is looked at once, however often `eyJ` stands in it.
    if before.is_some_and(|byte| is_base64url(*byte)) && !begins_after_escape(text, anchor.start) {
        return None;
    }
    let header = part_at(text, anchor.start)?;
    if header.len() > HEADER_BYTES_MAX || text.get(header.end) != Some(&b'.') {
        return None;
    }
    let decoded = URL_SAFE_NO_PAD.decode(text.get(header.clone())?).ok()?;
    serde_json::from_slice::<Header>(&decoded).ok()?;
    let mut end = part_at(text, header.end + 1).filter(|payload| payload.len() >= 2)?.end;
    if text.get(end) != Some(&b'.') {
        return None;
    }
    // The signature, or the three further parts of an encrypted token; an unsecured token ends in its dot.
    for _part in 0..3 {
        match part_at(text, end + 1) {
            Some(part) if text.get(end) == Some(&b'.') && !part.is_empty() => end = part.end,
            Some(_) | None => break,
        }
    }
    let is_unsecured = text.get(end) == Some(&b'.') && text.get(end + 1).is_none_or(|byte| !is_base64url(*byte));
    Some(Hit::certain(anchor.start..end + usize::from(is_unsecured)))
}

fn part_at(text: &[u8], start: usize) -> Option<Range<usize>> {
    Some(start..start + run(text.get(start..)?, is_base64url))
}
