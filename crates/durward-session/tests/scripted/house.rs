//! A gateway in front of a stand-in server, with an operator, a person and an agent.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use durward_audit::{Event, Ledger, LedgerOptions, Tail};
use durward_change::{Desk, MemoryStore, NoRecorder};
use durward_identity::{Directory, Issuers, LoginDesk, NewIdentity, PASSWORD_VALID_SECONDS_DEFAULT, SystemClock};
use durward_model::{DatabaseName, PrincipalKind, SessionId};
use durward_policy::{DatabaseContext, DatabaseMarks, PolicySources, PolicyStore};
use durward_session::upstream::Target;
use durward_session::{Database, Gateway, GatewayParts, Listener, Workers};
use durward_sql::catalog::{BEGIN_READING, CatalogQuery, CatalogReading, CatalogScope, END_READING, change_probe_sql};
use durward_sql::settings::PROBE_SQL;
use durward_sql::{Analyzer, AnalyzerLimits};
use durward_testkit::script::{Answer, Heard, ScriptClient, StandIn};
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// What the server is sent in the place of a refused statement.
const REFUSED_TEXT: &str = "durward refused a statement here";

/// May do everything; recorded.
pub(crate) const OPERATOR: &str = "olga";
/// Acts for a person, and may do little.
pub(crate) const AGENT: &str = "robo";

pub(crate) struct House {
    pub(crate) stand_in: StandIn,
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) address: SocketAddr,
    passwords: HashMap<&'static str, String>,
    shutdown: watch::Sender<bool>,
    folder: TempDir,
}

impl Drop for House {
    fn drop(&mut self) {
        self.shutdown.send_replace(true);
    }
}

impl House {
    /// Opens a gateway before a server that answers `respond`'s way.
    pub(crate) async fn open(respond: impl Fn(&str) -> Answer + Send + Sync + 'static) -> Self {
        Self::before(
            StandIn::start(move |text| own_answer(text).unwrap_or_else(|| respond(text))).await,
            LedgerOptions::default(),
        )
        .await
    }

    /// One whose server says, for each text, what its settings are and what it answers.
    pub(crate) async fn open_with_settings(respond: impl Fn(&str) -> (Answer, Answer) + Send + Sync + 'static) -> Self {
        let respond = move |text: &str| match own_answer(text) {
            Some(_) if text == PROBE_SQL => respond(text).0,
            Some(own) => own,
            None => respond(text).1,
        };
        Self::before(StandIn::start(respond).await, LedgerOptions::default()).await
    }

    async fn before(stand_in: StandIn, record: LedgerOptions) -> Self {
        let folder = TempDir::new().unwrap();
        let directory = Directory::open(folder.path(), Arc::new(SystemClock)).unwrap();
        let mut passwords = HashMap::new();
        for (name, kind, group, acts_for) in [
            (OPERATOR, PrincipalKind::Operator, "operators", None),
            ("ada", PrincipalKind::Person, "engineers", None),
            (AGENT, PrincipalKind::Agent, "agents", Some("ada")),
        ] {
            let new = NewIdentity {
                name: name.to_owned(),
                kind,
                groups: vec![group.to_owned()],
                acts_for: acts_for.map(str::to_owned),
            };
            directory.add(new).unwrap();
            let (_, password) = directory
                .issue_password(name, &["shop"], PASSWORD_VALID_SECONDS_DEFAULT)
                .unwrap();
            passwords.insert(name, password.expose().to_owned());
        }
        let gateway = Gateway::new(GatewayParts {
            analyzer: Analyzer::new(AnalyzerLimits::default()).unwrap(),
            policy: Arc::new(PolicyStore::load(&PolicySources::default()).unwrap()),
            ledger: Ledger::open(&folder.path().join("ledger"), record).unwrap(),
            desk: Arc::new(LoginDesk::new(
                directory,
                Arc::new(Issuers::new(Vec::new(), Arc::new(SystemClock)).unwrap()),
                Default::default(),
            )),
            request_pages: None,
            adviser: None,
            undo: None,
            approvals: Arc::new(Desk::open(MemoryStore::default(), NoRecorder).unwrap()),
            mask_key: durward_session::MasterKey::new([7; 32]),
            workers: Workers::here(),
            databases: vec![database(stand_in.address())],
            server_names: HashMap::new(),
            first_session: SessionId(1),
        });
        let socket = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = socket.local_addr().unwrap();
        let (shutdown, watched) = watch::channel(false);
        let listener = Listener {
            tls: None,
            plaintext_loopback: true,
        };
        tokio::spawn(Arc::clone(&gateway).serve(socket, listener, watched));
        Self {
            stand_in,
            gateway,
            address,
            passwords,
            shutdown,
            folder,
        }
    }

    /// One before a server that takes everything for harmless SQL.
    pub(crate) async fn ordinary() -> Self {
        Self::open(Answer::plausible).await
    }

    /// One whose record has no room for statements.
    pub(crate) async fn without_room() -> Self {
        let stand_in = StandIn::start(|text| own_answer(text).unwrap_or_else(|| Answer::plausible(text))).await;
        let record = LedgerOptions {
            free_bytes_min: u64::MAX,
            ..LedgerOptions::default()
        };
        Self::before(stand_in, record).await
    }

    /// What the record says of statements: of each event, its statement, origin and code.
    pub(crate) async fn recorded(&self) -> Vec<(u64, String)> {
        self.gateway.ledger.flush().await.unwrap();
        let mut tail = Tail::open(self.folder.path().join("ledger").as_path(), u64::MAX).unwrap();
        let mut told = Vec::new();
        while let Some(event) = tail.next_event().unwrap() {
            match &event.stored.event {
                Event::StatementIntent(intent) => told.push((intent.statement.0, format!("{:?}", intent.origin))),
                Event::StatementOutcome(outcome) => {
                    let end = outcome.sqlstate.clone().unwrap_or_else(|| "done".to_owned());
                    told.push((outcome.statement.0, end));
                }
                _ => {}
            }
        }
        told
    }

    /// A connection that has said nothing yet.
    pub(crate) async fn stranger(&self) -> ScriptClient<TcpStream> {
        ScriptClient::new(TcpStream::connect(self.address).await.unwrap())
    }

    pub(crate) async fn client(&self, user: &str) -> ScriptClient<TcpStream> {
        let mut client = self.stranger().await;
        let password = self.passwords.get(user).map_or("", String::as_str);
        let welcome = client.log_in(user, "shop", password).await;
        assert!(welcome.ends_with("ready(I)"), "{welcome}");
        client
    }

    pub(crate) fn password(&self, user: &str) -> &str {
        &self.passwords[user]
    }

    /// The clients' texts that reached the server.
    pub(crate) fn forwarded(&self) -> Vec<String> {
        let texts = self.stand_in.texts().into_iter();
        texts
            .filter(|text| text != REFUSED_TEXT && own_answer(text).is_none())
            .collect()
    }

    /// The gateway still serves others.
    pub(crate) async fn check_alive(&self) {
        let mut client = self.client(OPERATOR).await;
        assert_eq!(
            client.query("SELECT 1").await,
            "columns(?column?) row(1) done(SELECT 1) ready(I)"
        );
    }

    /// Waits until all sessions have ended, on both sides.
    pub(crate) async fn until_empty(&self) {
        // The catalog's own connection stays.
        until(|| self.gateway.sessions.is_empty() && self.stand_in.connections() <= 1).await;
    }

    /// Waits until the server has been sent something.
    pub(crate) async fn until_heard(&self, what: impl Fn(&Heard) -> bool) {
        until(|| self.stand_in.heard().iter().any(&what)).await;
    }
}

/// Waits until it is so.
async fn until(is_so: impl Fn() -> bool) {
    let waiting = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), waiting)
        .await
        .expect("what was waited for");
}

fn database(address: SocketAddr) -> Database {
    let url = format!("postgres://app@127.0.0.1:{}/shop?sslmode=disable", address.port());
    let name = DatabaseName::from("shop");
    let context = DatabaseContext::new(name.clone(), DatabaseMarks::default());
    Database::new(name, Target::parse(&url).unwrap(), context, false)
}

/// The answers to the gateway's own queries: settings as they are by default, and an empty catalog.
fn own_answer(text: &str) -> Option<Answer> {
    if text == PROBE_SQL {
        return Some(settings("UTF8"));
    }
    if text == change_probe_sql() {
        return Some(Answer::one("probe", "1"));
    }
    let summary = CatalogReading::first(CatalogScope::Rest)
        .requests()
        .iter()
        .any(|request| request.sql() == text);
    let rows = CatalogQuery::ALL.iter().any(|query| {
        [CatalogScope::BuiltIn, CatalogScope::Rest]
            .iter()
            .any(|scope| query.sql(*scope) == text)
    });
    (summary || rows || [BEGIN_READING, END_READING].contains(&text)).then(|| Answer::Rows {
        columns: vec!["catalog"],
        rows: Vec::new(),
    })
}

/// The row of the settings probe, in a client encoding.
pub(crate) fn settings(client_encoding: &str) -> Answer {
    let row = [
        Some("[\"pg_catalog\",\"public\"]"),
        Some("\"$user\", public"),
        Some("app"),
        Some("app"),
        None,
        Some("on"),
        Some("safe_encoding"),
        Some(client_encoding),
        Some("on"),
        Some("origin"),
        Some("off"),
        Some("on"),
        Some("off"),
        Some("150018"),
        Some("UTF8"),
    ];
    Answer::Rows {
        columns: vec!["setting"; row.len()],
        rows: vec![row.map(|cell| cell.map(str::to_owned)).to_vec()],
    }
}
