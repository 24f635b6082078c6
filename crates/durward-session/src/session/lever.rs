//! SET of the gateway's own settings: found in a text, and answered as any other SET without the server hearing of it.

use durward_model::{Refusal, sqlstate};
use durward_sql::{Analysis, SessionEffect, string_constants};

use crate::levers::{Lever, PREFIX};

/// The lever that a text sets; `None` where it sets none.
///
/// # Errors
/// It sets one along with something else, or to what it can't be.
pub(super) fn lever_of(analysis: &Analysis, text: &str) -> Result<Option<Lever>, Refusal> {
    let names = analysis
        .statements
        .iter()
        .flat_map(|statement| statement.effects.iter())
        .filter_map(|effect| match effect {
            SessionEffect::SetSetting { name, .. } => Some(name),
            _ => None,
        });
    let Some(name) = names.clone().find(|name| name.starts_with(PREFIX)) else {
        return Ok(None);
    };
    let [statement] = analysis.statements.as_slice() else {
        return Err(alone(name));
    };
    // A call of set_config has the same effect, and goes to the server like any other.
    let command = match &*statement.facts.command {
        command @ ("SET" | "RESET") => command,
        _ => return Ok(None),
    };
    let constants = string_constants(text);
    let value = match constants.as_slice() {
        [] if command == "RESET" => None,
        [] => last_word(text).filter(|word| !word.eq_ignore_ascii_case("default")),
        [one] => Some(one.as_str()),
        _ => return Err(alone(name)),
    };
    Lever::of(name, value).map(Some)
}

fn alone(name: &str) -> Refusal {
    Refusal::new(
        sqlstate::FEATURE_NOT_SUPPORTED,
        "lever-alone",
        format!("\"{name}\" is set by a statement of its own, to one value"),
    )
    .with_hint("Send it by itself, or set it when connecting: options=-c name=value.")
}

/// The word at the end of `SET name = word`.
fn last_word(text: &str) -> Option<&str> {
    let text = text.trim_end_matches(|letter: char| letter.is_whitespace() || letter == ';');
    text.rsplit(|letter: char| letter.is_whitespace() || letter == '=')
        .next()
}
