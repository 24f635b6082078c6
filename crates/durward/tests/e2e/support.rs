//! Where things are, and how programs are run and compared.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use durward_testkit::{Access, Gateway, GatewayOptions, kill};

/// The program under test.
pub(crate) fn binary() -> PathBuf {
    std::env::var_os("DURWARD_TEST_BINARY")
        .map(PathBuf::from)
        .or_else(|| option_env!("CARGO_BIN_EXE_durward").map(PathBuf::from))
        .expect("the built program")
}

/// The top of the repository.
pub(crate) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A file or folder below `tests/`.
pub(crate) fn tests(path: &str) -> PathBuf {
    repository().join("tests").join(path)
}

/// The folder that `tests/prepare` fills with clients and statement files.
pub(crate) fn prepared(path: &str) -> PathBuf {
    let folder = repository().join("target/test-tools").join(path);
    assert!(
        folder.exists(),
        "{} is missing: run tests/prepare first",
        folder.display()
    );
    folder
}

/// Whether the harness itself is tried, without a gateway (`DURWARD_TEST_DIRECT`).
fn direct() -> bool {
    std::env::var_os("DURWARD_TEST_DIRECT").is_some()
}

/// Nothing is kept aside in the database.
const KEEP_NOTHING: &str = "--undo-kept-mebibytes=0";

/// The way into one database: a gateway in front of it, or nothing when the harness itself is tried.
pub(crate) struct Door {
    gateway: Option<Gateway>,
    upstream: Access,
}

impl Door {
    pub(crate) fn open(upstream: &Access) -> Self {
        Self::open_with(upstream, &GatewayOptions::default())
    }

    /// The same for a suite in which everybody sees everything in clear, to compare it with a direct connection: what is
    /// dropped isn't kept aside there either.
    pub(crate) fn open_in_clear(upstream: &Access) -> Self {
        let policy = tests("guardrails/in_clear.cedar").display().to_string();
        let options = GatewayOptions {
            arguments: vec![
                "--policy".to_owned(),
                policy,
                "--sampling=false".to_owned(),
                KEEP_NOTHING.to_owned(),
            ],
            ..GatewayOptions::default()
        };
        Self::open_with(upstream, &options)
    }

    /// The same where the server must see nothing but what a client sends: no values are looked at.
    pub(crate) fn open_unsampled(upstream: &Access) -> Self {
        let options = GatewayOptions {
            arguments: vec!["--sampling=false".to_owned(), KEEP_NOTHING.to_owned()],
            ..GatewayOptions::default()
        };
        Self::open_with(upstream, &options)
    }

    fn open_with(upstream: &Access, options: &GatewayOptions) -> Self {
        Self {
            gateway: (!direct()).then(|| Gateway::start(&binary(), upstream, options)),
            upstream: upstream.clone(),
        }
    }

    /// The access of the identity of this kind; the superuser's where there is no gateway.
    pub(crate) fn access(&self, kind: &str) -> Access {
        match &self.gateway {
            Some(gateway) => gateway.access(kind),
            None => self.upstream.clone(),
        }
    }
}

/// Runs a command, and ends it at once when `patience` is over; both outputs are collected.
pub(crate) fn run(command: &mut Command, patience: Duration) -> Outcome {
    let child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{:?}: {error}", command.get_program()));
    finish(child, patience)
}

/// Waits for a command that was started with both outputs piped.
pub(crate) fn finish(mut child: Child, patience: Duration) -> Outcome {
    let pid = child.id();
    let readers = [reader(child.stdout.take()), reader(child.stderr.take())];
    let deadline = Instant::now() + patience;
    let status = loop {
        match child.try_wait().expect("its state is known") {
            Some(status) => break status.to_string(),
            None if Instant::now() > deadline => {
                kill(&mut child);
                break format!("process {pid} took longer than {patience:?}");
            }
            None => std::thread::sleep(Duration::from_millis(5)),
        }
    };
    let [stdout, stderr] = readers.map(|reader| reader.join().expect("a reader doesn't fail"));
    Outcome { status, stdout, stderr }
}

fn reader<R: std::io::Read + Send + 'static>(pipe: Option<R>) -> std::thread::JoinHandle<String> {
    let mut pipe = pipe.expect("it is piped");
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        // What a killed command left unsaid is not missed.
        pipe.read_to_end(&mut bytes).ok();
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// What a command did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) status: String,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl From<Output> for Outcome {
    fn from(output: Output) -> Self {
        Self {
            status: output.status.to_string(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

impl Outcome {
    /// Everything as one text.
    pub(crate) fn text(&self) -> String {
        format!(
            "{}--- standard error\n{}--- {}\n",
            self.stdout, self.stderr, self.status
        )
    }

    pub(crate) fn succeeded(&self) -> bool {
        self.status == "exit status: 0"
    }
}

/// A command with nothing in its environment but what every program needs and where to connect.
pub(crate) fn command(program: impl AsRef<OsStr>, access: &Access) -> Command {
    let mut command = Command::new(program);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let home = std::env::var_os("HOME").unwrap_or_default();
    command
        .env_clear()
        .env("PATH", path)
        .env("HOME", home)
        .env("LC_ALL", "C.UTF-8")
        .env("TZ", "UTC")
        .envs(access.environment());
    command
}

/// The lines that differ, as `diff -u` shows them; empty when the texts are equal.
pub(crate) fn difference(direct: &str, through: &str) -> String {
    if direct == through {
        return String::new();
    }
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("direct"), direct).expect("a file");
    fs::write(folder.path().join("gateway"), through).expect("a file");
    let output = Command::new("diff")
        .args(["-a", "-U", "2", "direct", "gateway"])
        .current_dir(folder.path())
        .output()
        .expect("diff runs");
    let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
    if text.is_empty() {
        writeln!(text, "the texts differ in length or at the end").expect("a string grows");
    }
    text
}

/// How long the demo may take to end.
const DEMO_PATIENCE: Duration = Duration::from_secs(60);

/// `durward demo`: a private server with the shop, and the gateway in front.
pub(crate) struct Demo {
    child: Child,
    pub(crate) data_dir: PathBuf,
    /// The server itself, as a URL.
    pub(crate) upstream: String,
    ready: serde_json::Value,
}

impl Demo {
    pub(crate) fn start() -> Self {
        let mut child = Command::new(binary())
            .args(["demo", "--json", "--listen", "127.0.0.1:0", "--plaintext-loopback"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program runs");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("it is piped"))
            .read_line(&mut line)
            .expect("a line");
        let ready: serde_json::Value = serde_json::from_str(&line).expect("the demo says that it is ready");
        let word = |place: &str| {
            ready
                .pointer(place)
                .and_then(|word| word.as_str())
                .expect("a word")
                .to_owned()
        };
        Self {
            child,
            data_dir: PathBuf::from(word("/data_dir")),
            upstream: word("/upstream/url"),
            ready,
        }
    }

    /// The access of a local identity.
    pub(crate) fn access(&self, name: &str) -> Access {
        let word = |value: &serde_json::Value, place: &str| {
            let place = format!("/{}", place.trim_start_matches('/'));
            value
                .pointer(&place)
                .and_then(|word| word.as_str())
                .expect("a word")
                .to_owned()
        };
        let identities = self
            .ready
            .get("identities")
            .and_then(|all| all.as_array())
            .expect("identities");
        let identity = identities
            .iter()
            .find(|identity| identity.get("name").is_some_and(|known| known == name))
            .expect("a local identity");
        Access {
            address: word(&self.ready, "/listen/0").parse().expect("an address"),
            user: word(identity, "user"),
            password: word(identity, "password"),
            database: word(&self.ready, "database"),
        }
    }
}

impl Demo {
    /// The server itself, as its superuser.
    pub(crate) fn direct(&self) -> Access {
        let (login, place) = self
            .upstream
            .strip_prefix("postgres://")
            .and_then(|rest| rest.split_once('@'))
            .expect("a URL");
        let (user, password) = login.split_once(':').expect("a login");
        let (address, database) = place.split_once('/').expect("a database");
        Access {
            address: address.parse().expect("an address"),
            user: user.to_owned(),
            password: password.to_owned(),
            database: database.to_owned(),
        }
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        durward_testkit::terminate(&self.child);
        durward_testkit::wait_for_exit(&mut self.child, DEMO_PATIENCE);
    }
}
