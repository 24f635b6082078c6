use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use durward_testkit::{Access, PostgresServer, RawClient, RawError, ServerOptions, Transcript};

use super::case::{Case, Expectation, Step};
use super::fingerprint::Fingerprint;
use super::normal::normal;
use crate::support::Door;

/// The database behind the gateway, and its equal without one.
const GUARDED: &str = "guarded";
const MIRROR: &str = "mirror";
const TEMPLATE: &str = "shop_template";

/// The SQLSTATEs of a refusal by policy, of one because something is not understood, and of one until it is approved.
const REFUSALS: [&str; 3] = ["42501", "WD008", "WD001"];

/// Nobody approves anything here: who would wait is told at once.
const TOLD_AT_ONCE: (&str, &str) = ("options", "-c durward.hold=error");

/// How a statement is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Protocol {
    Simple,
    Extended,
}

impl Protocol {
    /// The protocols over which a case is tried.
    pub(super) fn of(case: &Case) -> impl Iterator<Item = Self> {
        let extended = (!case.simple_only).then_some(Self::Extended);
        extended.into_iter().chain([Self::Simple])
    }
}

/// A server with two equal databases, a gateway in front of one of them, and open connections to both.
pub(super) struct Stage {
    /// Connections by who uses them; dropped before the gateway, and the gateway before the server.
    sessions: HashMap<String, RawClient>,
    mirror: RawClient,
    observer: RawClient,
    /// A session of somebody else, whom no statement may end.
    _guest: RawClient,
    door: Door,
    files: PathBuf,
    server: PostgresServer,
    /// The state as it was found after the last refused statement, as long as nothing else has run.
    seen: Option<Fingerprint>,
}

impl Stage {
    pub(super) fn build(fixture: &Path) -> Self {
        // Two databases stay equal only while nobody gathers statistics on his own account.
        let server = PostgresServer::start_with(&ServerOptions {
            settings: vec!["autovacuum = off".to_owned()],
            ..ServerOptions::default()
        });
        server.create_database(TEMPLATE, None);
        server.execute(TEMPLATE, &fs::read_to_string(fixture).expect("the fixture"));
        let guarded = server.create_database(GUARDED, Some(TEMPLATE));
        let mirror = server.create_database(MIRROR, Some(TEMPLATE));
        let connect = |access: &Access, name: &str| {
            RawClient::connect_with(access, &[("application_name", name)]).expect("a direct connection")
        };
        Self {
            sessions: HashMap::new(),
            mirror: connect(&mirror, "mirror"),
            observer: connect(&guarded, "observer"),
            _guest: connect(&server.access("postgres"), "guest"),
            door: Door::open_in_clear(&guarded),
            files: server.files(),
            server,
            seen: None,
        }
    }

    /// Runs one case as one identity over one protocol.
    pub(super) fn check(&mut self, case: &Case, who: &str, protocol: Protocol) -> Result<(), String> {
        let steps: Vec<Step> = case.steps.iter().map(|step| self.filled_in(step, who)).collect();
        match case.expectation {
            Expectation::Refused => self.check_refused(&steps, who, protocol),
            Expectation::Allowed => self.check_allowed(&steps, who, protocol, case.simple_only),
        }
    }

    fn filled_in(&self, step: &Step, who: &str) -> Step {
        let fill = |text: &str| {
            text.replace("{who}", who)
                .replace("{database}", GUARDED)
                .replace("{files}", &self.files.display().to_string())
        };
        Step {
            text: fill(&step.text),
            rows: step.rows.clone(),
        }
    }

    fn check_refused(&mut self, steps: &[Step], who: &str, protocol: Protocol) -> Result<(), String> {
        let before = match self.seen.take() {
            Some(seen) => seen,
            None => Fingerprint::take(&mut self.observer, &self.files),
        };
        let answers = self.play(who, steps, protocol);
        self.clean(who);
        let after = Fingerprint::take(&mut self.observer, &self.files);
        if let Some(changes) = before.changes(&after) {
            let told = tell(&answers);
            self.restore();
            return Err(format!("it had an effect:{changes}{told}"));
        }
        self.seen = Some(after);
        let answers = answers.map_err(|error| format!("the connection failed: {error}"))?;
        let refused = answers
            .iter()
            .flat_map(|answer| &answer.replies)
            .any(|reply| reply.tag == b'E' && REFUSALS.contains(&reply.sqlstate().as_str()));
        if refused {
            Ok(())
        } else {
            Err(format!("it was not refused:{}", tell(&Ok(answers))))
        }
    }

    fn check_allowed(&mut self, steps: &[Step], who: &str, protocol: Protocol, simple: bool) -> Result<(), String> {
        self.seen = None;
        // Each statement runs over both protocols, but leaves its effect once. What brings its own transaction, or
        // can't stand in one, does so twice.
        let own_transaction = steps.iter().any(|step| is_transaction_command(&step.text));
        let take_back = protocol == Protocol::Extended && !simple && !own_transaction;
        let begin = Step {
            text: "BEGIN".to_owned(),
            rows: String::new(),
        };
        let rollback = Step {
            text: "ROLLBACK".to_owned(),
            rows: String::new(),
        };
        let mut all: Vec<Step> = Vec::new();
        if take_back {
            all.push(begin);
        }
        all.extend_from_slice(steps);
        if take_back {
            all.push(rollback);
        }
        let through = self.play(who, &all, protocol);
        self.clean(who);
        let direct = play(&mut self.mirror, &all, protocol).map_err(|error| format!("direct: {error}"))?;
        clean(&mut self.mirror).map_err(|error| format!("direct: {error}"))?;
        let through = through.map_err(|error| format!("the connection failed: {error}"))?;
        for (step, (through, direct)) in all.iter().zip(through.iter().zip(&direct)) {
            let (through, direct) = (normal(through), normal(direct));
            if through != direct {
                let text = step.text.lines().next().unwrap_or_default();
                let differing = through.iter().zip(&direct).find(|(a, b)| a != b);
                let (through, direct) = match differing {
                    Some((a, b)) => (a.clone(), b.clone()),
                    None => (through.join(" ⏎ "), direct.join(" ⏎ ")),
                };
                return Err(format!("{text}\n    gateway: {through}\n    direct:  {direct}"));
            }
        }
        Ok(())
    }

    fn play(&mut self, who: &str, steps: &[Step], protocol: Protocol) -> Result<Vec<Transcript>, RawError> {
        let session = match self.sessions.entry(who.to_owned()) {
            std::collections::hash_map::Entry::Occupied(entry) => entry.into_mut(),
            std::collections::hash_map::Entry::Vacant(entry) => {
                let access = self.door.access(who);
                entry.insert(RawClient::connect_with(&access, &[TOLD_AT_ONCE])?)
            }
        };
        play(session, steps, protocol)
    }

    /// Brings a session back to its first state, or lets it go.
    fn clean(&mut self, who: &str) {
        if let Some(session) = self.sessions.get_mut(who)
            && clean(session).is_err()
        {
            self.sessions.remove(who);
        }
    }

    /// Makes the guarded database anew, after a statement has got through.
    fn restore(&mut self) {
        self.sessions.clear();
        let mut files = fs::read_dir(&self.files).into_iter().flatten().flatten();
        files
            .try_for_each(|entry| fs::remove_file(entry.path()))
            .expect("files can be removed");
        self.server
            .execute("postgres", &format!("DROP DATABASE {GUARDED} WITH (FORCE)"));
        let guarded = self.server.create_database(GUARDED, Some(TEMPLATE));
        self.observer = RawClient::connect(&guarded).expect("a direct connection");
        self.server
            .execute("postgres", &format!("DROP DATABASE IF EXISTS {MIRROR} WITH (FORCE)"));
        let mirror = self.server.create_database(MIRROR, Some(TEMPLATE));
        self.mirror = RawClient::connect(&mirror).expect("a direct connection");
    }

    /// Whether the two databases are still equal after everything that was allowed.
    pub(super) fn compare_databases(&mut self) -> Result<(), String> {
        self.sessions.clear();
        let guarded = Fingerprint::of_database(&mut self.observer);
        let mirror = Fingerprint::of_database(&mut self.mirror);
        match mirror.changes(&guarded) {
            None => Ok(()),
            Some(changes) => Err(changes),
        }
    }
}

fn play(client: &mut RawClient, steps: &[Step], protocol: Protocol) -> Result<Vec<Transcript>, RawError> {
    steps
        .iter()
        .map(|step| match protocol {
            Protocol::Simple => client.query_with_copy(&step.text, step.rows.as_bytes()),
            Protocol::Extended => client.extended(&step.text, step.rows.as_bytes()),
        })
        .collect()
}

fn clean(client: &mut RawClient) -> Result<(), RawError> {
    client.query("ROLLBACK")?;
    let transcript = client.query("DISCARD ALL")?;
    match transcript.error() {
        None => Ok(()),
        Some(error) => Err(RawError::Protocol(error.to_string())),
    }
}

fn is_transaction_command(text: &str) -> bool {
    let word = text.split_whitespace().next().unwrap_or_default();
    let word = word.trim_end_matches(';').to_ascii_uppercase();
    ["BEGIN", "START", "COMMIT", "END", "ROLLBACK", "ABORT", "DISCARD"].contains(&word.as_str())
}

/// The errors and command tags of a conversation, for the report.
fn tell(answers: &Result<Vec<Transcript>, RawError>) -> String {
    let mut told = String::new();
    match answers {
        Ok(answers) => {
            for answer in answers {
                let words: Vec<String> = match answer.error() {
                    Some(error) => vec![error.to_string()],
                    None => answer.commands(),
                };
                write!(told, "\n    answer: {}", words.join(", ")).expect("a string grows");
            }
        }
        Err(error) => write!(told, "\n    then: {error}").expect("a string grows"),
    }
    told
}
