use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::{Access, RawClient, interrupt, kill, wait_for_exit};

/// The superuser of every server started here.
pub const SUPERUSER: &str = "postgres";

/// The superuser's password: fixed, so that tests can look for it where it must never appear.
pub const SUPERUSER_PASSWORD: &str = "upstream-superuser-password-c41d";

/// How long a server may take to start or stop.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often another free port is tried when somebody else was quicker.
const PORT_ATTEMPTS_MAX: u32 = 5;

/// What to start.
#[derive(Debug, Clone, Default)]
pub struct ServerOptions {
    /// The folder of `initdb` and `postgres`; `DURWARD_TEST_POSTGRES_BIN`, else the newest of the distribution.
    pub bin: Option<PathBuf>,
    /// Further lines of `postgresql.conf`.
    pub settings: Vec<String>,
    /// Lines of `pg_hba.conf` that come before the rule of every server here (SCRAM from the loopback).
    pub hba: Vec<String>,
}

/// A private PostgreSQL server in a temporary folder, on a free port of the loopback, with TLS (self-signed) and SCRAM.
/// It stops and disappears when dropped.
#[derive(Debug)]
pub struct PostgresServer {
    child: Child,
    address: SocketAddr,
    bin: PathBuf,
    folder: TempDir,
}

impl PostgresServer {
    /// Starts a server with the ordinary options.
    pub fn start() -> Self {
        Self::start_with(&ServerOptions::default())
    }

    /// Starts a server.
    pub fn start_with(options: &ServerOptions) -> Self {
        let bin = options.bin.clone().unwrap_or_else(find_server_binaries);
        let owner = ServerOwner::find();
        let folder = tempfile::Builder::new()
            .prefix("durward-postgres-")
            .tempdir()
            .expect("a temporary folder");
        owner.give(folder.path());
        let data = folder.path().join("data");
        initialise(&bin, &owner, folder.path(), &data);
        configure(&owner, options, &data);
        for _ in 0..PORT_ATTEMPTS_MAX {
            let address = free_address();
            let mut child = spawn(&bin, &owner, folder.path(), &data, address);
            if wait_until_ready(&mut child, &data) {
                return Self {
                    child,
                    address,
                    bin,
                    folder,
                };
            }
            kill(&mut child);
        }
        let log = fs::read_to_string(folder.path().join("log")).unwrap_or_default();
        panic!("the PostgreSQL server did not start:\n{log}");
    }

    /// Stops the server in good order, and leaves its files.
    pub fn stop(&mut self) {
        interrupt(&self.child);
        wait_for_exit(&mut self.child, PATIENCE);
    }

    /// Starts it again where it was.
    pub fn start_again(&mut self) {
        let owner = ServerOwner::find();
        let data = self.folder.path().join("data");
        self.child = spawn(&self.bin, &owner, self.folder.path(), &data, self.address);
        assert!(
            wait_until_ready(&mut self.child, &data),
            "the server did not start again:\n{}",
            self.log()
        );
    }

    /// The superuser's access to `database`.
    pub fn access(&self, database: &str) -> Access {
        Access {
            address: self.address,
            user: SUPERUSER.to_owned(),
            password: SUPERUSER_PASSWORD.to_owned(),
            database: database.to_owned(),
        }
    }

    /// Makes a database, from `template` where one is given.
    pub fn create_database(&self, name: &str, template: Option<&str>) -> Access {
        let from = template.unwrap_or("template0");
        self.execute("postgres", &format!("CREATE DATABASE \"{name}\" TEMPLATE \"{from}\""));
        self.access(name)
    }

    /// Runs statements directly, as the superuser; each must succeed.
    pub fn execute(&self, database: &str, statements: &str) {
        let mut client = RawClient::connect(&self.access(database)).expect("a direct connection");
        let transcript = client.query(statements).expect("an answer");
        if let Some(error) = transcript.error() {
            panic!("set-up failed: {error}\n{statements}");
        }
    }

    /// The folder of this server's programs.
    pub fn bin(&self) -> &Path {
        &self.bin
    }

    /// The server's own log so far.
    pub fn log(&self) -> String {
        fs::read(self.folder.path().join("log"))
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .unwrap_or_default()
    }

    /// A folder that the server's own account can write to, for statements that try to reach files.
    pub fn files(&self) -> PathBuf {
        let files = self.folder.path().join("files");
        if !files.exists() {
            fs::create_dir(&files).expect("a folder");
            ServerOwner::find().give(&files);
        }
        files
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        // SIGINT is the server's "fast" shutdown: sessions are ended, files are left whole.
        interrupt(&self.child);
        wait_for_exit(&mut self.child, PATIENCE);
    }
}

/// The account that the server runs as: it refuses to run as root.
struct ServerOwner(Option<(u32, u32)>);

impl ServerOwner {
    fn find() -> Self {
        let uid = fs::metadata("/proc/self").expect("procfs").uid();
        if uid != 0 {
            return Self(None);
        }
        let accounts = fs::read_to_string("/etc/passwd").expect("the list of accounts");
        let account = accounts
            .lines()
            .find_map(|line| {
                let mut fields = line.split(':');
                (fields.next() == Some("postgres")).then_some(())?;
                Some((fields.nth(1)?.parse().ok()?, fields.next()?.parse().ok()?))
            })
            .expect("as root, an account named postgres is needed to run the server");
        Self(Some(account))
    }

    fn give(&self, path: &Path) {
        if let Some((uid, gid)) = self.0 {
            chown(path, Some(uid), Some(gid)).expect("root may give files away");
        }
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        if let Some((uid, gid)) = self.0 {
            command.uid(uid).gid(gid);
        }
        command
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("LC_ALL", "C.UTF-8");
        command
    }
}

/// The folder of the server's programs: as the environment says, else the distribution's newest.
fn find_server_binaries() -> PathBuf {
    if let Some(bin) = std::env::var_os("DURWARD_TEST_POSTGRES_BIN") {
        return bin.into();
    }
    let mut found: Vec<(u32, PathBuf)> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            let major = path.file_name()?.to_str()?.parse().ok()?;
            let bin = path.join("bin");
            bin.join("initdb").exists().then_some((major, bin))
        })
        .collect();
    found.sort();
    found.pop().expect("a PostgreSQL server under /usr/lib/postgresql").1
}

fn initialise(bin: &Path, owner: &ServerOwner, folder: &Path, data: &Path) {
    let password = folder.join("password");
    fs::write(&password, SUPERUSER_PASSWORD).expect("a file");
    owner.give(&password);
    let made = owner
        .command(&bin.join("initdb"))
        .current_dir(folder)
        .args([
            "-U",
            SUPERUSER,
            "-A",
            "scram-sha-256",
            "-E",
            "UTF8",
            "--locale=C.UTF-8",
            "--no-sync",
        ])
        .arg(format!("--pwfile={}", password.display()))
        .arg("-D")
        .arg(data)
        .output()
        .expect("initdb runs");
    assert!(
        made.status.success(),
        "initdb: {}",
        String::from_utf8_lossy(&made.stderr)
    );
}

/// Settings, a certificate, and who may log in.
fn configure(owner: &ServerOwner, options: &ServerOptions, data: &Path) {
    let certified = rcgen::generate_simple_self_signed(vec!["localhost".to_owned(), "127.0.0.1".to_owned()])
        .expect("a certificate");
    for (name, text) in [
        ("server.crt", certified.cert.pem()),
        ("server.key", certified.signing_key.serialize_pem()),
    ] {
        let path = data.join(name);
        fs::write(&path, text).expect("a file");
        fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).expect("a mode");
        owner.give(&path);
    }
    let mut settings = String::from(
        "listen_addresses = '127.0.0.1'\nfsync = off\nsynchronous_commit = off\nfull_page_writes = off\n\
         ssl = on\nmax_connections = 200\nshared_buffers = 64MB\nautovacuum = on\nlogging_collector = off\n\
         log_line_prefix = '%m [%p] %a '\nmax_prepared_transactions = 10\n",
    );
    for line in &options.settings {
        settings.push_str(line);
        settings.push('\n');
    }
    let mut rules = String::new();
    for line in &options.hba {
        rules.push_str(line);
        rules.push('\n');
    }
    rules.push_str("host all all 127.0.0.1/32 scram-sha-256\n");
    fs::write(data.join("pg_hba.conf"), rules).expect("a file");
    let path = data.join("postgresql.conf");
    let before = fs::read_to_string(&path).expect("made by initdb");
    fs::write(&path, before + &settings).expect("a file");
}

fn spawn(bin: &Path, owner: &ServerOwner, folder: &Path, data: &Path, address: SocketAddr) -> Child {
    let log = fs::File::create(folder.join("log")).expect("a log file");
    owner
        .command(&bin.join("postgres"))
        .current_dir(folder)
        .arg("-D")
        .arg(data)
        .args(["-p", &address.port().to_string()])
        .arg("-c")
        .arg(format!("unix_socket_directories={}", folder.display()))
        .stdin(Stdio::null())
        .stdout(log.try_clone().expect("a second handle"))
        .stderr(log)
        .spawn()
        .expect("the server runs")
}

/// The server writes `ready` as the eighth line of its pid file.
fn wait_until_ready(child: &mut Child, data: &Path) -> bool {
    let deadline = Instant::now() + PATIENCE;
    let pid = child.id().to_string();
    while Instant::now() < deadline {
        if matches!(child.try_wait(), Ok(Some(_))) {
            return false;
        }
        let state = fs::read_to_string(data.join("postmaster.pid")).unwrap_or_default();
        let mut lines = state.lines();
        if lines.next() == Some(pid.as_str()) && lines.nth(6).is_some_and(|word| word.trim() == "ready") {
            return true;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    false
}

/// A port that was free a moment ago.
fn free_address() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("it has an address")
}
