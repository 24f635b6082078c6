//! The options, second stage: built and checked values. Every error names the flag, the variable, or the file's line.

mod channels;
mod issuer;
mod own_labels;
mod retention;
mod routing;
mod secret;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr, ToSocketAddrs as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, bail};
use durward_audit::Retention;
use durward_change::{OwnerRule, Routing};
use durward_console::{HttpAdviser, Sender, Slack, Webhook};
use durward_identity::IssuerConfig;
use durward_mask::detect::Detectors;
use durward_model::{DatabaseName, NamePattern, ObjectPattern};
use durward_policy::{DatabaseContext, DatabaseMarks, PolicyFile, PolicySources};
use durward_session::UndoScope;
use durward_session::tls::RootCertificates;
use durward_session::upstream::{Target, TargetAddress, TargetConfig};
use durward_sql::{AnalyzerLimits, AsideBounds};

use crate::options::{ConfigurationFile, Given, GivenOptions, Scope};

/// Where clients connect when nothing is said.
const LISTEN_DEFAULT: &str = "127.0.0.1:7432";

/// For how long changes can be taken back when nothing is said.
///
/// Unit: days. Reason: what was wrong is found within a week, and before-images are personal data.
const UNDO_DAYS_DEFAULT: u32 = 7;
/// How much of what is dropped or emptied is kept aside when nothing is said.
///
/// Unit: MiB. Reason: most tables that people drop by mistake are smaller, and copying so much takes seconds.
const UNDO_KEPT_MIB_DEFAULT: u64 = 1_024;
/// How many times that is kept aside in one database.
///
/// Unit: statements. Reason: whoever fills and drops tables in turn must not fill the disk.
const UNDO_KEPT_STATEMENTS: u64 = 8;
/// Where requests for approval are decided by HTTP when that is wanted and nothing else is said.
const WEB_DEFAULT: &str = "127.0.0.1:7480";

/// Everything that a gateway is made of.
#[derive(Debug)]
pub(crate) struct Settings {
    /// Where to listen.
    pub(crate) listen: Vec<SocketAddr>,
    /// Where figures are shown, if anywhere.
    pub(crate) metrics_listen: Option<SocketAddr>,
    /// Whether another port will do where the default one is taken.
    pub(crate) listen_is_default: bool,
    /// Where the gateway keeps its things.
    pub(crate) data_dir: PathBuf,
    /// Where the record is.
    pub(crate) ledger_dir: PathBuf,
    /// What decides.
    pub(crate) policy: PolicyPlace,
    /// Whether loopback clients may come in clear.
    pub(crate) plaintext_loopback: bool,
    /// Where requests for approval are decided by HTTP.
    pub(crate) web: Option<WebSettings>,
    /// Where news of requests for approval are sent.
    pub(crate) webhook: Option<Webhook>,
    /// Systems that decide by signed messages.
    pub(crate) senders: Vec<Sender>,
    /// Who is asked for an opinion about what is held.
    pub(crate) adviser: Option<Arc<HttpAdviser>>,
    /// How Slack is used.
    pub(crate) slack: Option<Slack>,
    /// Certificate and key; without them a self-signed certificate is made.
    pub(crate) tls: Option<(PathBuf, PathBuf)>,
    /// Whose tokens are accepted.
    pub(crate) issuers: Vec<IssuerConfig>,
    /// Bounds of analysis.
    pub(crate) analysis: AnalyzerLimits,
    /// Which changes are kept.
    pub(crate) undo: UndoSettings,
    /// How long events stay in the record, and where they go then; none for ever.
    pub(crate) retention: Option<Retention>,
    /// The database that keeps the records of many gateways.
    pub(crate) store: Option<Target>,
    /// Who is asked about requests for approval.
    pub(crate) routing: Routing,
    /// What is served.
    pub(crate) databases: Vec<DatabaseSettings>,
}

/// Which changes are kept so that they can be taken back.
#[derive(Debug)]
pub(crate) struct UndoSettings {
    /// Whose; none where none are.
    pub(crate) scope: Option<UndoScope>,
    /// For how long.
    pub(crate) days: u32,
    /// How much of what is dropped or emptied is kept aside.
    pub(crate) aside: AsideBounds,
    /// Where the key is that seals them; none for the data directory.
    pub(crate) key_file: Option<PathBuf>,
}

/// Where people decide by HTTP.
#[derive(Debug, Clone)]
pub(crate) struct WebSettings {
    /// Where to listen.
    pub(crate) listen: SocketAddr,
    /// Whether another port will do where that one is taken.
    pub(crate) listen_is_default: bool,
    /// The address under which people know it, where there is another.
    pub(crate) url: Option<String>,
}

/// One database to serve.
#[derive(Debug)]
pub(crate) struct DatabaseSettings {
    /// The name that clients use.
    pub(crate) name: DatabaseName,
    /// Where it is.
    pub(crate) target: Target,
    /// What policies know of it.
    pub(crate) context: DatabaseContext,
    /// Whether its own accounts may log in.
    pub(crate) passthrough: bool,
    /// Whether values are looked at to find personal data.
    pub(crate) sampling: bool,
    /// Whether what is held is looked at beforehand.
    pub(crate) measuring: bool,
    /// Finds sensitive values, those of labels of one's own among them.
    pub(crate) detectors: Detectors,
    /// TLS server names that choose it.
    pub(crate) server_names: Vec<String>,
    /// Whose its data is.
    pub(crate) owners: Vec<OwnerRule>,
}

/// Where policies come from.
#[derive(Debug, Clone, Default)]
pub(crate) struct PolicyPlace {
    /// Files and directories.
    pub(crate) paths: Vec<PathBuf>,
    /// Whether the default pack holds.
    pub(crate) default_pack: bool,
    /// The databases that policies may speak of; empty for any.
    pub(crate) databases: Vec<Arc<str>>,
}

impl PolicyPlace {
    /// The files: those named, and `*.cedar` of the directories named, in order of their names.
    pub(crate) fn files(&self) -> anyhow::Result<Vec<PathBuf>> {
        let mut files = Vec::new();
        for path in &self.paths {
            if path.is_dir() {
                let entries = std::fs::read_dir(path).with_context(|| format!("can't read {}", path.display()))?;
                let mut inside: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
                inside.retain(|file| file.extension().is_some_and(|extension| extension == "cedar"));
                inside.sort();
                files.append(&mut inside);
            } else {
                files.push(path.clone());
            }
        }
        Ok(files)
    }

    /// Reads all of it.
    pub(crate) fn read(&self) -> anyhow::Result<PolicySources> {
        let mut files = Vec::new();
        for path in self.files()? {
            let text = std::fs::read_to_string(&path).with_context(|| format!("can't read {}", path.display()))?;
            files.push(PolicyFile {
                name: path.display().to_string().into(),
                text: text.into(),
            });
        }
        Ok(PolicySources {
            built_in: self.default_pack,
            files,
            known_databases: self.databases.clone(),
        })
    }
}

/// Resolves what `up` and `demo` were given: one database, named as the server names it.
pub(crate) fn for_one_database(given: &GivenOptions) -> anyhow::Result<Settings> {
    let upstream = given
        .get("upstream")
        .context("which database? Give its URL: durward up postgres://user@host/database (or --help for other ways)")?;
    let target = target(given, upstream)?;
    let name = target.database().to_owned();
    let place = match target.address() {
        TargetAddress::Tcp { host, port, .. } => format!("{name}-{host}-{port}"),
        TargetAddress::Unix { port, .. } => format!("{name}-local-{port}"),
    };
    let databases = vec![database(&name, given, target)?];
    resolve(given, databases, &place)
}

/// Resolves what `serve` was given: the databases of the file, or one by flags and variables.
pub(crate) fn for_many_databases(given: &GivenOptions, file: &ConfigurationFile) -> anyhow::Result<Settings> {
    let gateway = given.clone().or(&file.top);
    let for_all = gateway.only(Scope::Database);
    if file.databases.is_empty() {
        return for_one_database(&gateway);
    }
    let mut databases = Vec::new();
    for (name, own) in &file.databases {
        let options = own.clone().or(&for_all);
        let Some(upstream) = options.get("upstream") else {
            bail!("databases.{name}: no upstream is given for this database");
        };
        let target = target(&options, upstream)?;
        databases.push(database(name, &options, target)?);
    }
    resolve(&gateway, databases, "serve")
}

fn resolve(given: &GivenOptions, databases: Vec<DatabaseSettings>, place: &str) -> anyhow::Result<Settings> {
    let data_dir = match path(given, "data_dir") {
        Some(path) => path,
        None => data_dir_default(place)?,
    };
    let names = databases
        .iter()
        .map(|database| Arc::from(database.name.as_str()))
        .collect();
    Ok(Settings {
        listen: listen(given)?,
        metrics_listen: metrics_listen(given)?,
        listen_is_default: given.get("listen").is_none(),
        ledger_dir: path(given, "ledger_dir").unwrap_or_else(|| data_dir.join("ledger")),
        data_dir,
        policy: PolicyPlace {
            paths: list(given, "policy").into_iter().map(PathBuf::from).collect(),
            default_pack: switch(given, "default_pack", true)?,
            databases: names,
        },
        plaintext_loopback: switch(given, "plaintext_loopback", false)?,
        web: web(given)?,
        webhook: webhook(given)?,
        senders: channels::senders(given)?,
        slack: channels::slack(given)?,
        adviser: channels::adviser(given)?,
        tls: tls_files(given)?,
        issuers: issuer::issuers(given.get("oidc"))?,
        analysis: analysis(given)?,
        undo: undo(given)?,
        retention: retention::retention(given)?,
        store: store(given)?,
        routing: routing::routing(given, &databases)?,
        databases: unambiguous(databases)?,
    })
}

fn undo(given: &GivenOptions) -> anyhow::Result<UndoSettings> {
    let scope = match given.get("undo") {
        None => Some(UndoScope::People),
        Some(word) => match text(word) {
            "people" => Some(UndoScope::People),
            "all" => Some(UndoScope::All),
            "off" => None,
            other => return Err(blame(word, &format!("{other:?} is none of people, all and off"))),
        },
    };
    let days = match given.get("undo_days") {
        None => UNDO_DAYS_DEFAULT,
        Some(days) => u32::try_from(number(days, 1..=3_650)?)?,
    };
    let kept_mib = match given.get("undo_kept_mebibytes") {
        None => UNDO_KEPT_MIB_DEFAULT,
        Some(mib) => number(mib, 0..=1_048_576)?,
    };
    let statement_bytes_max = kept_mib << 20;
    Ok(UndoSettings {
        scope,
        days,
        aside: AsideBounds {
            statement_bytes_max,
            database_bytes_max: statement_bytes_max * UNDO_KEPT_STATEMENTS,
        },
        key_file: path(given, "undo_key"),
    })
}

fn store(given: &GivenOptions) -> anyhow::Result<Option<Target>> {
    let Some(given) = given.get("audit_store") else {
        return Ok(None);
    };
    store_at(text(given))
        .map(Some)
        .map_err(|error| blame(given, &format!("{error:#}")))
}

/// The store at a URL, or at one that a variable or a file holds.
pub(crate) fn store_at(reference: &str) -> anyhow::Result<Target> {
    let url = secret::dereference(reference)?;
    Ok(Target::new(TargetConfig::parse(&url)?)?)
}

/// No two databases under one server name.
fn unambiguous(databases: Vec<DatabaseSettings>) -> anyhow::Result<Vec<DatabaseSettings>> {
    let mut owners: BTreeMap<&str, &DatabaseName> = BTreeMap::new();
    for database in &databases {
        for name in &database.server_names {
            if let Some(other) = owners.insert(name, &database.name) {
                bail!("server_names: {name} stands for both {other} and {}", database.name);
            }
        }
    }
    Ok(databases)
}

fn database(name: &str, given: &GivenOptions, target: Target) -> anyhow::Result<DatabaseSettings> {
    let mut marks = DatabaseMarks {
        read_only: patterns(given, "read_only")?,
        append_only: patterns(given, "append_only")?,
        off_limits: patterns(given, "off_limits")?,
        ..DatabaseMarks::default()
    };
    if let Some(tags) = given.get("tags") {
        marks.tags = tags.values.iter().map(|tag| Arc::from(tag.as_str())).collect();
    }
    if let Some(schemas) = given.get("ddl_schemas") {
        let parse = |text: &String| NamePattern::try_from(text.clone()).map_err(|error| blame(schemas, &error));
        marks.ddl_schemas = Some(schemas.values.iter().map(parse).collect::<anyhow::Result<_>>()?);
    }
    let name = DatabaseName::from(name);
    Ok(DatabaseSettings {
        context: DatabaseContext::new(name.clone(), marks),
        name,
        target,
        passthrough: switch(given, "passthrough", false)?,
        sampling: switch(given, "sampling", true)?,
        measuring: switch(given, "measuring", true)?,
        detectors: detectors(given)?,
        owners: routing::owners(given)?,
        server_names: list(given, "server_names")
            .into_iter()
            .map(|name| name.to_ascii_lowercase())
            .collect(),
    })
}

fn detectors(given: &GivenOptions) -> anyhow::Result<Detectors> {
    let Some(file) = path(given, "own_labels") else {
        return Ok(Detectors::built_in());
    };
    let labels = own_labels::read(&file)?;
    Detectors::with_own(&labels).with_context(|| format!("{} can't be used", file.display()))
}

fn patterns(given: &GivenOptions, key: &str) -> anyhow::Result<Vec<ObjectPattern>> {
    let Some(given) = given.get(key) else {
        return Ok(Vec::new());
    };
    given
        .values
        .iter()
        .map(|text| ObjectPattern::try_from(text.clone()).map_err(|error| blame(given, &error)))
        .collect()
}

fn target(given: &GivenOptions, upstream: &Given) -> anyhow::Result<Target> {
    let reference = upstream.values.first().map_or("", String::as_str);
    let url = secret::dereference(reference).map_err(|error| blame(upstream, &format!("{error:#}")))?;
    let mut config = TargetConfig::parse(&url).map_err(|error| blame(upstream, &error))?;
    if let Some(mode) = given.get("upstream_tls") {
        config.tls.mode = text(mode).parse().map_err(|error| blame(mode, &error))?;
    }
    if let Some(file) = path(given, "upstream_ca") {
        config.tls.roots = RootCertificates::File(file);
    }
    if let Some(file) = path(given, "upstream_certificate") {
        config.tls.certificate = Some(file);
    }
    if let Some(file) = path(given, "upstream_key") {
        config.tls.key = Some(file);
    }
    Target::new(config).map_err(|error| blame(upstream, &error))
}

fn tls_files(given: &GivenOptions) -> anyhow::Result<Option<(PathBuf, PathBuf)>> {
    match (path(given, "tls_certificate"), path(given, "tls_key")) {
        (Some(certificate), Some(key)) => {
            secret::check_private(&key)?;
            Ok(Some((certificate, key)))
        }
        (None, None) => Ok(None),
        _ => bail!("tls_certificate and tls_key are given together or not at all"),
    }
}

fn listen(given: &GivenOptions) -> anyhow::Result<Vec<SocketAddr>> {
    let Some(given) = given.get("listen") else {
        return Ok(vec![LISTEN_DEFAULT.parse()?]);
    };
    let mut addresses = Vec::new();
    for text in &given.values {
        let found = text
            .to_socket_addrs()
            .map_err(|error| blame(given, &format!("{text:?} is no ADDRESS:PORT ({error})")))?;
        addresses.extend(found);
    }
    Ok(addresses)
}

fn metrics_listen(given: &GivenOptions) -> anyhow::Result<Option<SocketAddr>> {
    let Some(given) = given.get("metrics_listen") else {
        return Ok(None);
    };
    let text = text(given);
    if let Ok(port) = text.parse::<u16>() {
        return Ok(Some(SocketAddr::from((Ipv4Addr::LOCALHOST, port))));
    }
    let unknown = |reason: &str| {
        blame(
            given,
            &format!("{text:?} is neither a port nor ADDRESS:PORT ({reason})"),
        )
    };
    let mut found = text.to_socket_addrs().map_err(|error| unknown(&error.to_string()))?;
    found.next().map(Some).ok_or_else(|| unknown("no such address"))
}

/// Off unless it is asked for; `true` is the default address.
fn web(given: &GivenOptions) -> anyhow::Result<Option<WebSettings>> {
    let Some(asked) = given.get("web") else {
        return Ok(None);
    };
    let (address, listen_is_default) = match text(asked) {
        "" | "false" | "off" => return Ok(None),
        "true" | "on" => (WEB_DEFAULT, true),
        other => (other, false),
    };
    let mut found = address
        .to_socket_addrs()
        .map_err(|error| blame(asked, &format!("{address:?} is no ADDRESS:PORT ({error})")))?;
    let listen = found
        .next()
        .ok_or_else(|| blame(asked, &format!("{address:?} has no address")))?;
    let url = given.get("web_url");
    if let Some(url) = url {
        durward_console::Site::at(listen, Some(text(url))).map_err(|error| blame(url, &error))?;
    }
    Ok(Some(WebSettings {
        listen,
        listen_is_default,
        url: url.map(|url| text(url).to_owned()),
    }))
}

fn webhook(given: &GivenOptions) -> anyhow::Result<Option<Webhook>> {
    let (url, secret) = match (given.get("webhook"), given.get("webhook_secret")) {
        (Some(url), Some(secret)) => (url, secret),
        (None, None) => return Ok(None),
        _ => bail!("webhook and webhook_secret are given together or not at all"),
    };
    let read = |given: &Given| secret::dereference(text(given)).map_err(|error| blame(given, &format!("{error:#}")));
    let webhook = Webhook::new(&read(url)?, &channels::secret(secret, text(secret))?);
    let webhook = webhook.map_err(|error| blame(url, &error))?;
    Ok(Some(webhook))
}

fn analysis(given: &GivenOptions) -> anyhow::Result<AnalyzerLimits> {
    let mut limits = AnalyzerLimits::default();
    if let Some(threads) = given.get("parser_threads") {
        limits.threads = usize::try_from(number(threads, 1..=256)?)?;
    }
    if let Some(mebibytes) = given.get("analysis_cache_mebibytes_max") {
        limits.cache_bytes_max = number(mebibytes, 1..=1 << 20)? << 20;
    }
    Ok(limits)
}

fn number(given: &Given, range: std::ops::RangeInclusive<u64>) -> anyhow::Result<u64> {
    let found: Option<u64> = text(given).parse().ok().filter(|number| range.contains(number));
    let expected = || {
        format!(
            "{:?} is no whole number from {} to {}",
            text(given),
            range.start(),
            range.end()
        )
    };
    found.ok_or_else(|| blame(given, &expected()))
}

fn switch(given: &GivenOptions, key: &str, default: bool) -> anyhow::Result<bool> {
    let Some(given) = given.get(key) else {
        return Ok(default);
    };
    match text(given).to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "1" => Ok(true),
        "false" | "no" | "off" | "0" | "" => Ok(false),
        other => Err(blame(given, &format!("{other:?} is neither true nor false"))),
    }
}

fn list(given: &GivenOptions, key: &str) -> Vec<String> {
    given.get(key).map(|given| given.values.clone()).unwrap_or_default()
}

fn path(given: &GivenOptions, key: &str) -> Option<PathBuf> {
    given.get(key).map(|given| PathBuf::from(text(given)))
}

fn text(given: &Given) -> &str {
    given.values.first().map_or("", String::as_str)
}

fn blame(given: &Given, what: &(impl std::fmt::Display + ?Sized)) -> anyhow::Error {
    anyhow::anyhow!("{}: {what}", given.origin)
}

/// The directory under which each gateway of this user has its own.
pub(crate) fn data_home() -> anyhow::Result<PathBuf> {
    let absolute = |variable: &str| {
        std::env::var_os(variable)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    absolute("XDG_DATA_HOME")
        .or_else(|| Some(absolute("HOME")?.join(".local/share")))
        .map(|home| home.join("durward"))
        .context("neither XDG_DATA_HOME nor HOME says where to keep data: give --data-dir")
}

fn data_dir_default(place: &str) -> anyhow::Result<PathBuf> {
    let safe = |letter: char| {
        if letter.is_ascii_alphanumeric() || ".-_@".contains(letter) {
            letter
        } else {
            '_'
        }
    };
    let name: String = place.chars().map(safe).collect();
    Ok(data_home()?.join(name.trim_start_matches('.')))
}

/// Makes a directory that only its owner can look into.
pub(crate) fn make_private_directory(path: &Path) -> anyhow::Result<()> {
    use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .with_context(|| format!("can't make the directory {}", path.display()))?;
    let mode = std::fs::metadata(path)?.permissions().mode();
    if mode & 0o077 != 0 {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o700))
            .with_context(|| format!("others may look into {}, and that can't be changed", path.display()))?;
    }
    Ok(())
}
