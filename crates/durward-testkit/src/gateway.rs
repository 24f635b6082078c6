use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::{Access, kill, terminate, wait_for_exit};

/// How long the gateway may take to say that it is ready.
const START_PATIENCE: Duration = Duration::from_secs(60);

/// How long it may take to end after SIGTERM.
const STOP_PATIENCE: Duration = Duration::from_secs(15);

/// What to start.
#[derive(Debug, Clone, Default)]
pub struct GatewayOptions {
    /// The data folder; a temporary one when not given.
    pub data_dir: Option<PathBuf>,
    /// Further arguments of `durward up`.
    pub arguments: Vec<String>,
    /// Further environment.
    pub environment: Vec<(String, String)>,
}

/// One local identity, as the gateway announced it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Its name.
    pub name: String,
    /// `operator`, `engineer`, `agent` or `service`.
    pub kind: String,
    /// The user name to log in with.
    pub user: String,
    /// The password.
    pub password: String,
}

/// The built binary, running `durward up --json` in front of one database. It stops when dropped.
#[derive(Debug)]
pub struct Gateway {
    child: Child,
    binary: PathBuf,
    address: SocketAddr,
    identities: Vec<Identity>,
    database: String,
    web: Option<String>,
    data_dir: PathBuf,
    /// Keeps a temporary data folder alive as long as the gateway.
    _temporary: Option<TempDir>,
}

impl Gateway {
    /// Starts `binary` in front of what `upstream` points to, and waits until it says that it is ready.
    pub fn start(binary: &Path, upstream: &Access, options: &GatewayOptions) -> Self {
        let (data_dir, temporary) = match &options.data_dir {
            Some(folder) => (folder.clone(), None),
            None => {
                let folder = tempfile::Builder::new()
                    .prefix("durward-data-")
                    .tempdir()
                    .expect("a folder");
                (folder.path().to_owned(), Some(folder))
            }
        };
        let mut child = Command::new(binary)
            .args([
                "up",
                "--json",
                "--listen",
                "127.0.0.1:0",
                "--plaintext-loopback",
                "--data-dir",
            ])
            .arg(&data_dir)
            .args(&options.arguments)
            .env("DURWARD_UPSTREAM", upstream.url())
            .envs(options.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the gateway's binary runs");
        let announcement = first_json_line(&mut child);
        let address = listen_address(&announcement);
        let identities = identities(&announcement);
        Self {
            child,
            binary: binary.to_owned(),
            address,
            identities,
            database: upstream.database.clone(),
            web: announcement.get("web").and_then(Value::as_str).map(str::to_owned),
            data_dir,
            _temporary: temporary,
        }
    }

    /// The access of the identity of this kind (`operator`, `engineer`, `agent`, `service`).
    pub fn access(&self, kind: &str) -> Access {
        let identity = self.identity(kind);
        Access {
            address: self.address,
            user: identity.user.clone(),
            password: identity.password.clone(),
            database: self.database.clone(),
        }
    }

    /// The identity of this kind.
    pub fn identity(&self, kind: &str) -> &Identity {
        self.identities
            .iter()
            .find(|identity| identity.kind == kind || identity.name == kind)
            .unwrap_or_else(|| panic!("no identity `{kind}` among {:?}", self.identities))
    }

    /// Where it is reached by HTTP, if it is.
    pub fn web(&self) -> Option<&str> {
        self.web.as_deref()
    }

    /// Where it keeps its state.
    pub fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// The running process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Runs another command of the same binary on the same data folder.
    pub fn command(&self, arguments: &[&str]) -> Output {
        run_on(&self.binary, &self.data_dir, arguments)
    }

    /// Ends it at once, as a crash would, and leaves its data folder.
    pub fn kill(&mut self) {
        kill(&mut self.child);
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            terminate(&self.child);
            wait_for_exit(&mut self.child, STOP_PATIENCE);
        }
    }
}

/// Runs a command of the binary on a data folder, whether or not a gateway runs there.
pub fn run_on(binary: &Path, data_dir: &Path, arguments: &[&str]) -> Output {
    Command::new(binary)
        .args(arguments)
        .arg("--data-dir")
        .arg(data_dir)
        .stdin(Stdio::null())
        .output()
        .expect("the gateway's binary runs")
}

/// Reads standard output up to the announcement; the rest is read and dropped, so that the pipe never fills.
fn first_json_line(child: &mut Child) -> Value {
    let stdout = child.stdout.take().expect("it is piped");
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let mut reader = BufReader::new(stdout);
        let mut line = String::new();
        while reader.read_line(&mut line).is_ok_and(|length| length > 0) {
            if let Ok(value) = serde_json::from_str::<Value>(&line) {
                // Nobody waits any longer when the start took too long.
                sender.send(value).ok();
                break;
            }
            line.clear();
        }
        let mut rest = [0; 4096];
        while reader.read(&mut rest).is_ok_and(|length| length > 0) {}
    });
    match receiver.recv_timeout(START_PATIENCE) {
        Ok(value) => value,
        Err(_) => {
            kill(child);
            panic!("the gateway did not say that it is ready");
        }
    }
}

fn listen_address(announcement: &Value) -> SocketAddr {
    let listen = announcement
        .get("listen")
        .expect("the announcement names the listen addresses");
    let first = listen.get(0).unwrap_or(listen);
    let text = first.as_str().or_else(|| first.get("address")?.as_str());
    text.and_then(|text| text.parse().ok())
        .unwrap_or_else(|| panic!("no listen address in {announcement}"))
}

fn identities(announcement: &Value) -> Vec<Identity> {
    let list = announcement.get("identities").and_then(Value::as_array);
    let word = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    list.expect("the announcement lists the identities")
        .iter()
        .map(|value| Identity {
            name: word(value, "name"),
            kind: word(value, "kind"),
            user: word(value, "user"),
            password: word(value, "password"),
        })
        .collect()
}
