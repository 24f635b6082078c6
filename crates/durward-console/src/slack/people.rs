use serde_json::Value;

use super::{Slack, SlackName};

/// Why somebody in Slack decides nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Stranger {
    /// Nobody has said who that is.
    #[error(
        "Your Slack user isn't known here as anybody who decides. Whoever runs the gateway can enter it (slack_users)."
    )]
    Unknown,
    /// Slack was asked, and didn't say.
    #[error("Slack didn't say who you are. Try again, or decide on the page of the request.")]
    NotSaid,
}

impl Slack {
    /// The identity that a user of this workspace decides as. By id it is as configured; by address only where Slack says
    /// that it has confirmed it, and that the user is a full member.
    pub(super) async fn identity(&self, user: &str) -> Result<String, Stranger> {
        let users = &self.0.settings.users;
        let by_id = users.iter().find(|known| known.user == SlackName::Id(user.to_owned()));
        if let Some(known) = by_id {
            return Ok(known.identity.clone());
        }
        if !users.iter().any(|known| matches!(known.user, SlackName::Email(_))) {
            return Err(Stranger::Unknown);
        }
        let answer = self.0.client.user(user).await.map_err(|error| {
            tracing::warn!(%error, "a user of Slack can't be looked up");
            Stranger::NotSaid
        })?;
        let profile = answer.get("user").unwrap_or(&Value::Null);
        let email = confirmed_email(profile, user, self.team()).ok_or(Stranger::Unknown)?;
        let known = users.iter().find(|known| known.user == SlackName::Email(email.clone()));
        known.map(|known| known.identity.clone()).ok_or(Stranger::Unknown)
    }
}

/// The address of a full member of the workspace, as far as Slack vouches for it.
fn confirmed_email(profile: &Value, user: &str, team: Option<&str>) -> Option<String> {
    let is = |key: &str| profile.get(key).and_then(Value::as_bool).unwrap_or(false);
    let text = |key: &str| profile.get(key).and_then(Value::as_str);
    let of_us = text("id") == Some(user) && team.is_some() && text("team_id") == team;
    let is_other = [
        "deleted",
        "is_bot",
        "is_restricted",
        "is_ultra_restricted",
        "is_stranger",
    ]
    .into_iter()
    .any(is);
    if !of_us || is_other || !is("is_email_confirmed") {
        return None;
    }
    let email = profile.get("profile")?.get("email")?.as_str()?;
    Some(email.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::confirmed_email;

    fn profile(key: &str, value: Value) -> Value {
        let mut profile = json!({
            "id": "U1", "team_id": "T1", "deleted": false, "is_bot": false, "is_restricted": false,
            "is_email_confirmed": true, "profile": {"email": "Bob@Example.com"},
        });
        profile[key] = value;
        profile
    }

    #[test]
    fn an_address_counts_only_where_slack_vouches_for_it() {
        let email = |profile: &Value| confirmed_email(profile, "U1", Some("T1"));
        assert_eq!(email(&profile("x", json!(1))).as_deref(), Some("bob@example.com"));
        for (key, value) in [
            ("is_email_confirmed", json!(false)),
            ("is_email_confirmed", Value::Null),
            ("deleted", json!(true)),
            ("is_bot", json!(true)),
            ("is_restricted", json!(true)),
            ("is_ultra_restricted", json!(true)),
            ("is_stranger", json!(true)),
            ("team_id", json!("T2")),
            ("id", json!("U2")),
            ("profile", json!({})),
        ] {
            assert_eq!(email(&profile(key, value.clone())), None, "{key} {value}");
        }
        assert_eq!(
            confirmed_email(&profile("x", json!(1)), "U1", None),
            None,
            "no workspace is known"
        );
    }
}
