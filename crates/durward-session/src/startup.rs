//! The settings that come with a startup packet, and those that go to the server.

use durward_model::{Refusal, sqlstate};
use durward_wire::postgres::frontend::Startup;

use crate::levers::{self, Levers};
use crate::session::{APPLICATION_NAME, ServerName};

/// What the client set in its startup packet.
#[derive(Debug, Clone, Default)]
pub(crate) struct ClientSettings {
    application_name: String,
    /// Settings by name, `options` taken apart, in the order in which the server would apply them.
    settings: Vec<(String, String)>,
    /// Those that are the gateway's own.
    levers: Levers,
}

impl ClientSettings {
    /// Takes settings out of the packet: all parameters but those that are none.
    pub(crate) fn read(startup: &Startup<'_>) -> Result<Self, Refusal> {
        let mut settings = Vec::new();
        if let Some(options) = startup.get("options") {
            settings.extend(parse_options(&text(Some(options))?)?);
        }
        for (name, value) in &startup.parameters {
            let name = text(Some(name))?;
            if matches!(
                &*name,
                "user" | "database" | "options" | "replication" | "application_name"
            ) || name.starts_with("_pq_.")
            {
                continue;
            }
            settings.push((name.to_ascii_lowercase(), text(Some(value))?));
        }
        let from_options = settings
            .iter()
            .rev()
            .find(|(name, _)| name == "application_name")
            .map(|(_, value)| value.clone());
        settings.retain(|(name, _)| name != "application_name");
        let (own, settings): (Vec<_>, Vec<_>) = settings
            .into_iter()
            .partition(|(name, _)| name.starts_with(levers::PREFIX));
        let levers = Levers::of_startup(own.iter().map(|(name, value)| (name.as_str(), value.as_str())))?;
        let application_name = match startup.get("application_name") {
            Some(name) => text(Some(name))?,
            None => from_options.unwrap_or_default(),
        };
        Ok(Self {
            application_name,
            settings,
            levers,
        })
    }

    /// What the client has set about its own holds.
    pub(crate) fn levers(&self) -> &Levers {
        &self.levers
    }

    /// What the client calls itself.
    pub(crate) fn application_name(&self) -> &str {
        &self.application_name
    }

    /// The session's name on the server.
    pub(crate) fn server_name(&self, identity: &str) -> ServerName {
        ServerName::new(identity, &self.application_name)
    }

    /// The settings as SET statements would make them, for policy.
    pub(crate) fn settings(&self) -> &[(String, String)] {
        &self.settings
    }

    /// The startup parameters for the server: the client's settings, and a name in which its log sees the person.
    pub(crate) fn for_server(&self, name: &ServerName) -> Vec<(String, String)> {
        let mut parameters = self.settings.clone();
        parameters.push((APPLICATION_NAME.to_owned(), name.value()));
        parameters
    }
}

/// Whether a walsender is wanted: any value that isn't a false of some kind.
pub(crate) fn wants_replication(startup: &Startup<'_>) -> bool {
    startup.get("replication").is_some_and(|value| {
        !matches!(
            value.to_ascii_lowercase().as_slice(),
            b"0" | b"off" | b"of" | b"no" | b"n" | b"false" | b"fals" | b"fal" | b"fa" | b"f"
        )
    })
}

/// A parameter as text.
pub(crate) fn text(value: Option<&[u8]>) -> Result<String, Refusal> {
    std::str::from_utf8(value.unwrap_or_default())
        .map(str::to_owned)
        .map_err(|_| {
            Refusal::new(
                sqlstate::PROTOCOL_VIOLATION,
                "startup-not-utf8",
                "a parameter of the startup packet is not UTF-8",
            )
        })
}

/// Takes `options` apart as the server does (`pg_split_opts`: blanks separate, a backslash quotes the next character):
/// `-c name=value` and `--name=value`. Any other switch of the server's command line is refused.
fn parse_options(options: &str) -> Result<Vec<(String, String)>, Refusal> {
    let mut words = split(options).into_iter();
    let mut settings = Vec::new();
    while let Some(word) = words.next() {
        let assignment = if word == "-c" {
            words.next().ok_or_else(|| refused_option(&word))?
        } else if let Some(assignment) = word.strip_prefix("-c").or_else(|| word.strip_prefix("--")) {
            assignment.to_owned()
        } else {
            return Err(refused_option(&word));
        };
        let (name, value) = assignment.split_once('=').ok_or_else(|| refused_option(&word))?;
        // The server reads dashes in such names as underscores.
        settings.push((name.replace('-', "_").to_ascii_lowercase(), value.to_owned()));
    }
    Ok(settings)
}

fn split(options: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut characters = options.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => word.get_or_insert_default().extend(characters.next()),
            ' ' | '\t' | '\n' | '\r' | '\x0b' | '\x0c' => words.extend(word.take()),
            other => word.get_or_insert_default().push(other),
        }
    }
    words.extend(word);
    words
}

fn refused_option(word: &str) -> Refusal {
    Refusal::not_understood(
        "startup-option",
        format!("the startup option \"{word}\" is not understood"),
    )
    .with_hint("Settings may be given as -c name=value.")
}

#[cfg(test)]
mod tests {
    use super::{parse_options, split};

    #[test]
    fn options_are_split_as_the_server_splits_them() {
        assert_eq!(split(r"-c a=b\ c   --x=\\y"), ["-c", "a=b c", r"--x=\y"]);
        assert_eq!(split("  "), Vec::<String>::new());
    }

    #[test]
    fn options_become_settings() {
        let settings = parse_options("-c search_path=a,b --statement-timeout=5 -cwork_mem=4MB").unwrap();
        let expected = [("search_path", "a,b"), ("statement_timeout", "5"), ("work_mem", "4MB")];
        assert_eq!(
            settings,
            expected.map(|(name, value)| (name.to_owned(), value.to_owned()))
        );
    }

    #[test]
    fn other_switches_are_refused() {
        for options in ["-e", "-c", "-c x", "-fs", "postgres", "--x"] {
            assert!(parse_options(options).is_err(), "{options}");
        }
    }
}
