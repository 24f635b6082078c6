//! Settings become a gateway: everything is opened and checked here, in the order in which it depends on each other.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, SystemTime};

use anyhow::Context as _;
use durward_audit::{ConfigurationLoaded, Event, Ledger, LedgerOptions};
use durward_change::undo::{UndoKey, UndoVault};
use durward_change::{Adviser, Desk, FileStore};
use durward_console::Site;
use durward_identity::{DeskOptions, Directory, Issuers, LoginDesk, SystemClock};
use durward_model::{Digest, SessionId};
use durward_policy::PolicyStore;
use durward_session::tls::ServerTls;
use durward_session::{
    Database, Gateway, GatewayParts, LabelBook, LedgerRecorder, Listener, UndoDesk, Workers, WriteBook,
};
use durward_sql::Analyzer;
use sha2::Digest as _;

use crate::key_file;
use crate::policies::Policies;
use crate::settings::{DatabaseSettings, Settings, make_private_directory};

/// Where held statements are kept, within the data directory.
const REQUESTS_FILE: &str = "requests";

/// Where changes are kept, within the data directory.
const UNDO_FOLDER: &str = "undo";

/// A gateway with all that belongs to it, not yet open to clients.
#[derive(Debug)]
pub(crate) struct Assembled {
    /// The gateway itself.
    pub(crate) gateway: Arc<Gateway>,
    /// The local identities.
    pub(crate) directory: Arc<Directory>,
    /// The accepted token issuers.
    pub(crate) issuers: Arc<Issuers>,
    /// On which terms clients come.
    pub(crate) listener: Listener,
    /// Of the certificate that clients are shown.
    pub(crate) fingerprint: String,
    /// What decides, and where it is read from.
    pub(crate) policies: Arc<Policies>,
}

/// Opens and checks everything.
///
/// # Errors
/// When anything that the gateway rests on can't be opened or is wrong: nothing is served then.
pub(crate) fn assemble(settings: &Settings, listen: &[String], web: Option<&Site>) -> anyhow::Result<Assembled> {
    make_private_directory(&settings.data_dir)?;
    make_private_directory(&settings.ledger_dir)?;
    let tls = match &settings.tls {
        Some((certificate, key)) => ServerTls::from_files(certificate, key),
        None => ServerTls::self_signed(&settings.data_dir, &names(settings)),
    }?;
    let fingerprint = tls.fingerprint().to_owned();
    let clock = Arc::new(SystemClock);
    let issuers = Arc::new(Issuers::new(settings.issuers.clone(), clock.clone())?);
    let directory = Directory::open(&settings.data_dir, clock).context("can't open the local identities")?;
    let sources = settings.policy.read()?;
    let policy =
        Arc::new(PolicyStore::load(&sources).map_err(|error| anyhow::anyhow!("the policies are refused:\n{error}"))?);
    let analyzer = Analyzer::new(settings.analysis).context("can't start the parser's threads")?;
    let ledger = Ledger::open(&settings.ledger_dir, LedgerOptions::default())
        .with_context(|| format!("can't open the record in {}", settings.ledger_dir.display()))?;
    ledger.record(&Event::ConfigurationLoaded(configuration_loaded(settings, listen)))?;
    let policies = Arc::new(Policies::new(
        settings.policy.clone(),
        Arc::clone(&policy),
        ledger.clone(),
    ));
    policies.record_start()?;

    let requests = settings.data_dir.join(REQUESTS_FILE);
    let approvals = FileStore::open(&requests)
        .map_err(durward_change::DeskError::from)
        .and_then(|store| Desk::open(store, LedgerRecorder(ledger.clone())))
        .and_then(|desk| desk.routed(settings.routing.clone(), unix_seconds()))
        .with_context(|| format!("can't open the requests for approval in {}", requests.display()))?;

    let databases = settings
        .databases
        .iter()
        .map(|database| open_database(database, &settings.data_dir))
        .collect::<anyhow::Result<Vec<_>>>()?;
    let server_names: HashMap<_, _> = settings
        .databases
        .iter()
        .flat_map(|database| {
            database
                .server_names
                .iter()
                .map(|name| (name.clone(), database.name.clone()))
        })
        .collect();
    let gateway = Gateway::new(GatewayParts {
        analyzer,
        policy,
        ledger,
        desk: Arc::new(LoginDesk::new(
            Arc::clone(&directory),
            Arc::clone(&issuers),
            DeskOptions::default(),
        )),
        approvals: Arc::new(approvals),
        undo: open_undo(settings)?,
        mask_key: key_file::open(&settings.data_dir.join(key_file::MASKS))?,
        adviser: settings.adviser.clone().map(|adviser| adviser as Arc<dyn Adviser>),
        request_pages: web.map(|site| site.link("")),
        workers: Workers::start().context("can't start the threads that sessions run on")?,
        databases,
        server_names,
        first_session: first_session(),
    });
    let listener = Listener {
        tls: Some(Arc::new(tls)),
        plaintext_loopback: settings.plaintext_loopback,
    };
    Ok(Assembled {
        gateway,
        directory,
        issuers,
        listener,
        fingerprint,
        policies,
    })
}

/// Where changes are kept so that they can be taken back.
fn open_undo(settings: &Settings) -> anyhow::Result<Option<UndoDesk>> {
    let Some(scope) = settings.undo.scope else {
        return Ok(None);
    };
    let key = match &settings.undo.key_file {
        Some(path) => key_file::open(path)?,
        None => key_file::open(&settings.data_dir.join(key_file::UNDO))?,
    };
    let key = UndoKey::new(&key).context("the key for undo can't be used")?;
    let folder = settings.data_dir.join(UNDO_FOLDER);
    let vault = UndoVault::open(&folder, key, settings.undo.days)
        .with_context(|| format!("can't open the changes in {}", folder.display()))?;
    Ok(Some(UndoDesk {
        vault: Arc::new(vault),
        scope,
        aside: settings.undo.aside,
        overdue: AtomicU64::default(),
    }))
}

fn open_database(settings: &DatabaseSettings, data_dir: &Path) -> anyhow::Result<Database> {
    let labels = LabelBook::open(settings.target.clone(), &settings.name, data_dir)
        .with_context(|| format!("can't open the labels of {}", settings.name))?;
    let labels = labels.with_detectors(settings.detectors.clone());
    let labels = if settings.sampling {
        labels
    } else {
        labels.by_names_alone()
    };
    let database = Database::new(
        settings.name.clone(),
        settings.target.clone(),
        settings.context.clone(),
        settings.passthrough,
    );
    let database = if settings.measuring {
        database
    } else {
        database.unmeasured()
    };
    let writes = WriteBook::open(&settings.name, data_dir)
        .with_context(|| format!("can't open what was written in {}", settings.name))?;
    Ok(database.with_labels(labels).with_writes(writes))
}

/// What a self-signed certificate is for: this machine, and the addresses that are listened on.
fn names(settings: &Settings) -> Vec<String> {
    let mut names = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
    if let Ok(name) = std::fs::read_to_string("/etc/hostname") {
        names.push(name.trim().to_owned());
    }
    names.extend(
        settings
            .listen
            .iter()
            .chain(settings.web.iter().map(|web| &web.listen))
            .filter(|address| !address.ip().is_unspecified())
            .map(|address| address.ip().to_string()),
    );
    names.retain(|name| !name.is_empty());
    names.sort();
    names.dedup();
    names
}

/// Session numbers begin with the time in milliseconds, with room for 128 sessions in each: no run of the gateway begins
/// within the numbers of the one before.
fn first_session() -> SessionId {
    let since_1970 = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or(Duration::ZERO);
    SessionId(u64::try_from(since_1970.as_millis()).unwrap_or(0) << 7)
}

fn unix_seconds() -> i64 {
    let since_1970 = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or(Duration::ZERO);
    i64::try_from(since_1970.as_secs()).unwrap_or(i64::MAX)
}

fn configuration_loaded(settings: &Settings, listen: &[String]) -> ConfigurationLoaded {
    let mut notes = Vec::new();
    if settings.plaintext_loopback {
        notes.push("loopback clients may come without TLS".to_owned());
    }
    if !settings.policy.default_pack {
        notes.push("the default pack of policies is off".to_owned());
    }
    if let Some(retention) = &settings.retention {
        let fate = match &retention.archive {
            Some(archive) => format!("archived in {}", archive.display()),
            None => "removed".to_owned(),
        };
        notes.push(format!("events that are due leave the record: they are {fate}"));
    }
    if let Some(web) = &settings.web {
        notes.push(format!("requests for approval are decided by HTTP at {}", web.listen));
    }
    notes.extend(
        settings
            .senders
            .iter()
            .map(|sender| format!("{} decides by signed messages", sender.name())),
    );
    if settings.slack.is_some() {
        notes.push("requests for approval are told to Slack, and decided there".to_owned());
    }
    let approvers = settings.routing.risk.approvers;
    if approvers < 2 {
        notes.push("one approval is enough at high risk".to_owned());
    }
    let passthrough = settings.databases.iter().filter(|database| database.passthrough);
    notes.extend(passthrough.map(|database| format!("accounts of {} itself may log in", database.name)));
    // Passwords print as redacted.
    let digest = sha2::Sha256::digest(format!("{settings:?}"));
    ConfigurationLoaded {
        digest: Digest(digest.into()),
        databases: settings
            .databases
            .iter()
            .map(|database| database.name.to_string())
            .collect(),
        listen: listen.to_vec(),
        notes,
    }
}
