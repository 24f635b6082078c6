//! The ways to the server, and what their processes take.

use std::fmt;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use serde_json::Value;

/// Clock ticks in a second, in which /proc counts (`USER_HZ`; proc(5)).
const TICKS_PER_SECOND: f64 = 100.0;

/// How long a process may take to listen, or sessions to come and go.
const PATIENCE: Duration = Duration::from_secs(60);

/// A way to the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Way {
    /// Straight to it.
    Direct,
    /// Through a relay that looks at nothing.
    Relay,
    /// Through PgBouncer, pooling sessions.
    PgBouncer,
    /// Through the gateway, with everything on.
    Gateway,
    /// The same as somebody who sees masks.
    Masked,
    /// Through a second gateway before the same server, set up otherwise.
    Another,
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Direct => "direct",
            Self::Relay => "relay",
            Self::PgBouncer => "PgBouncer",
            Self::Gateway => "Durward",
            Self::Masked => "Durward, masked",
            Self::Another => "another Durward",
        })
    }
}

/// One way, open.
#[derive(Debug)]
struct Open {
    way: Way,
    port: u16,
    user: String,
    password: String,
    /// The process in between; none for the direct way.
    process: Option<u32>,
    /// The gateway's, where there is one.
    data_dir: Option<String>,
}

/// A gateway that was started beside the demo's.
#[derive(Debug)]
struct Second {
    child: Child,
    _directory: tempfile::TempDir,
}

/// All ways to one server.
#[derive(Debug)]
pub(super) struct Paths {
    open: Vec<Open>,
    database: String,
    programs: PathBuf,
    children: Vec<Child>,
    second: Option<Second>,
    binary: PathBuf,
    data_dir: String,
    upstream: String,
    /// The server's version.
    pub(super) server_version: String,
}

impl Paths {
    /// Starts the demo (a private server with the gateway in front), a relay, and PgBouncer where it is installed.
    pub(super) fn open(root: &Path) -> anyhow::Result<Self> {
        let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
        let binary = target.join("dist/durward");
        ensure!(
            binary.exists(),
            "{} is missing: build it first, or run `make bench`",
            binary.display()
        );
        let mut demo = Command::new(&binary)
            .args(["demo", "--json", "--plaintext-loopback", "--listen", "127.0.0.1:0"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()?;
        let stdout = demo.stdout.take().context("no standard output")?;
        let mut paths = Self {
            open: Vec::new(),
            database: String::new(),
            programs: programs()?,
            children: vec![demo],
            second: None,
            binary,
            data_dir: String::new(),
            upstream: String::new(),
            server_version: String::new(),
        };
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        let ready: Value = serde_json::from_str(&line).context("the demo didn't start")?;
        paths.read_demo(&ready)?;
        paths.open_relay()?;
        paths.open_pgbouncer()?;
        paths.open.sort_by_key(|open| open.way);
        let version = paths
            .client(Way::Direct, "psql")
            .args(["-XAtc", "SHOW server_version"])
            .output()?;
        paths.server_version = String::from_utf8_lossy(&version.stdout).trim().to_owned();
        Ok(paths)
    }

    fn read_demo(&mut self, ready: &Value) -> anyhow::Result<()> {
        let text = |pointer: &str| -> anyhow::Result<String> {
            let found = ready.pointer(pointer).and_then(Value::as_str);
            Ok(found.with_context(|| format!("the demo says no {pointer}"))?.to_owned())
        };
        let port = |pointer: &str| -> anyhow::Result<u16> {
            let found = ready
                .pointer(pointer)
                .and_then(Value::as_u64)
                .with_context(|| format!("no {pointer}"))?;
            Ok(u16::try_from(found)?)
        };
        let url = text("/upstream/url")?;
        let password = url.split(['@', ':']).nth(2).context("no password")?.to_owned();
        self.upstream = url;
        self.database = text("/database")?;
        self.data_dir = text("/data_dir")?;
        self.open.push(Open {
            way: Way::Direct,
            port: port("/upstream/port")?,
            user: text("/upstream/user")?,
            password,
            process: None,
            data_dir: None,
        });
        let process = self.children.first().map(Child::id);
        for (way, name) in [(Way::Gateway, "service"), (Way::Masked, "engineer")] {
            self.open.push(Open {
                way,
                port: port("/port")?,
                user: name.to_owned(),
                password: password_of(ready, name)?,
                process,
                data_dir: Some(self.data_dir.clone()),
            });
        }
        Ok(())
    }

    /// Starts another gateway before the same server, and waits until it serves.
    pub(super) fn open_another(&mut self, options: &[&str]) -> anyhow::Result<()> {
        let upstream = self.upstream.clone();
        self.open_before(&upstream, options)
    }

    /// Starts another gateway before the server at `upstream`.
    pub(super) fn open_before(&mut self, upstream: &str, options: &[&str]) -> anyhow::Result<()> {
        self.close_another();
        let directory = tempfile::tempdir()?;
        let mut child = Command::new(&self.binary)
            .args([
                "up",
                "--json",
                "--plaintext-loopback",
                "--listen",
                "127.0.0.1:0",
                "--data-dir",
            ])
            .arg(directory.path())
            .args(options)
            .env("DURWARD_UPSTREAM", upstream)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let stdout = child.stdout.take().context("no standard output")?;
        let process = Some(child.id());
        let data_dir = Some(directory.path().to_string_lossy().into_owned());
        self.second = Some(Second {
            child,
            _directory: directory,
        });
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        let ready: Value = serde_json::from_str(&line).context("another gateway didn't start")?;
        let port = ready.pointer("/port").and_then(Value::as_u64).context("no /port")?;
        self.open.push(Open {
            way: Way::Another,
            port: u16::try_from(port)?,
            user: "service".to_owned(),
            password: password_of(&ready, "service")?,
            process,
            data_dir,
        });
        Ok(())
    }

    /// Ends it.
    pub(super) fn close_another(&mut self) {
        self.open.retain(|open| open.way != Way::Another);
        if let Some(mut second) = self.second.take() {
            end_politely(&mut second.child);
        }
    }

    /// Where the gateway of a way listens, and how its service logs in: address, name, password, database.
    pub(super) fn login(&self, way: Way) -> anyhow::Result<(u16, &str, &str, &str)> {
        let open = self.way(way)?;
        Ok((open.port, &open.user, &open.password, &self.database))
    }

    /// Where the demo's gateway keeps its record.
    pub(super) fn data_dir(&self) -> &Path {
        Path::new(&self.data_dir)
    }

    /// How to reach the server itself.
    pub(super) fn upstream(&self) -> &str {
        &self.upstream
    }

    fn way(&self, way: Way) -> anyhow::Result<&Open> {
        let found = self.open.iter().find(|open| open.way == way);
        found.with_context(|| format!("{way} isn't open"))
    }

    /// Runs a text on the server itself.
    pub(super) fn run(&self, text: &str) -> anyhow::Result<()> {
        let status = self.client(Way::Direct, "psql").args(["-XAtqc", text]).status()?;
        ensure!(status.success(), "the server didn't take: {text}");
        Ok(())
    }

    /// How many events the record of a way's gateway has, as far as they are signed.
    pub(super) fn events(&self, way: Way) -> anyhow::Result<u64> {
        let data_dir = self.way(way)?.data_dir.as_deref().context("no record")?;
        let output = Command::new(&self.binary)
            .args(["audit", "checkpoint", "--data-dir", data_dir])
            .output()?;
        let note = String::from_utf8_lossy(&output.stdout);
        // The second line of a checkpoint is the size of its tree (C2SP tlog-checkpoint).
        Ok(note.lines().nth(1).context("no checkpoint")?.parse()?)
    }

    fn direct(&self) -> anyhow::Result<&Open> {
        self.open
            .iter()
            .find(|open| open.way == Way::Direct)
            .context("no direct way")
    }

    fn add(&mut self, way: Way, child: Child, port: u16) -> anyhow::Result<()> {
        let (user, password) = {
            let direct = self.direct()?;
            (direct.user.clone(), direct.password.clone())
        };
        let process = Some(child.id());
        self.children.push(child);
        let deadline = Instant::now() + PATIENCE;
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            ensure!(Instant::now() < deadline, "{way} doesn't listen");
            std::thread::sleep(Duration::from_millis(20));
        }
        self.open.push(Open {
            way,
            port,
            user,
            password,
            process,
            data_dir: None,
        });
        Ok(())
    }

    fn open_relay(&mut self) -> anyhow::Result<()> {
        let port = free_port()?;
        let upstream = format!("127.0.0.1:{}", self.direct()?.port);
        let relay = Command::new(std::env::current_exe()?)
            .args(["relay", &format!("127.0.0.1:{port}"), &upstream])
            .spawn()?;
        self.add(Way::Relay, relay, port)
    }

    fn open_pgbouncer(&mut self) -> anyhow::Result<()> {
        let Some(program) = ["/usr/sbin/pgbouncer", "/usr/bin/pgbouncer"]
            .iter()
            .map(Path::new)
            .find(|path| path.exists())
        else {
            return Ok(());
        };
        let port = free_port()?;
        let direct = self.direct()?;
        let file = Path::new(&self.data_dir).with_file_name("pgbouncer.ini");
        let text = format!(
            "[databases]\n{database} = host=127.0.0.1 port={} user={} password={}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n\
             listen_port = {port}\nunix_socket_dir =\nauth_type = any\npool_mode = session\nmax_client_conn = 500\n\
             default_pool_size = 150\nignore_startup_parameters = extra_float_digits\nlogfile = /dev/null\n",
            direct.port,
            direct.user,
            direct.password,
            database = self.database,
        );
        fs::write(&file, text)?;
        let mut command = Command::new(program);
        command.arg("--quiet");
        // It refuses to be root.
        if fs::read_to_string("/proc/self/status")?.contains("\nUid:\t0\t") {
            command.args(["--user", "nobody"]);
        }
        let pgbouncer = command.arg(&file).stderr(Stdio::null()).spawn()?;
        self.add(Way::PgBouncer, pgbouncer, port)
    }

    /// The ways that are open, each once.
    pub(super) fn ways(&self) -> Vec<Way> {
        let ways = self.open.iter().map(|open| open.way);
        ways.filter(|way| ![Way::Masked, Way::Another].contains(way)).collect()
    }

    /// A program of PostgreSQL's, set up to go one way.
    pub(super) fn client(&self, way: Way, program: &str) -> Command {
        let mut command = Command::new(self.programs.join(program));
        if let Some(open) = self.open.iter().find(|open| open.way == way) {
            command
                .env("PGHOST", "127.0.0.1")
                .env("PGPORT", open.port.to_string())
                .env("PGUSER", &open.user)
                .env("PGPASSWORD", &open.password)
                .env("PGDATABASE", &self.database)
                .env("PGSSLMODE", "disable");
        }
        command
    }

    /// Makes pgbench's tables.
    pub(super) fn fill(&self, scale: u32) -> anyhow::Result<()> {
        let output = self
            .client(Way::Direct, "pgbench")
            .args(["--initialize", "--quiet", "--scale", &scale.to_string()])
            .output()?;
        ensure!(
            output.status.success(),
            "pgbench: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(())
    }

    /// Makes a table with two columns that are masked for people, and waits until they are.
    pub(super) fn fill_masked(&self, rows: u32) -> anyhow::Result<()> {
        let table = format!(
            "CREATE TABLE durward_bench AS SELECT id, 'user' || id || '@example.org' AS email, \
             '+49 30 ' || (1000000 + id) AS phone, md5(id::text) AS note FROM generate_series(1, {rows}) AS id"
        );
        self.run(&table)?;
        self.run("ANALYZE durward_bench")?;
        let deadline = Instant::now() + PATIENCE;
        let seen = "SELECT email || phone FROM durward_bench WHERE id = 1";
        loop {
            let output = self.client(Way::Masked, "psql").args(["-XAtqc", seen]).output()?;
            let text = String::from_utf8_lossy(&output.stdout);
            // Before it is judged, a column is a constant.
            if text.contains("@example.invalid") && text.contains('+') {
                return Ok(());
            }
            ensure!(
                Instant::now() < deadline,
                "the table's columns are never masked: {text}"
            );
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    fn process(&self, way: Way) -> Option<u32> {
        self.open.iter().find(|open| open.way == way)?.process
    }

    /// CPU time that the process in between has used so far; zero where there is none.
    pub(super) fn cpu_seconds(&self, way: Way) -> anyhow::Result<f64> {
        let Some(process) = self.process(way) else {
            return Ok(0.0);
        };
        let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
        // Fields 14 and 15, counted behind the name in brackets, which is field 2.
        let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
        let ticks = fields.skip(11).take(2).map(str::parse::<f64>).sum::<Result<f64, _>>()?;
        Ok(ticks / TICKS_PER_SECOND)
    }

    /// Its memory now, in KiB; zero where there is no process in between.
    pub(super) fn resident_kib(&self, way: Way) -> anyhow::Result<f64> {
        self.memory(way, "VmRSS:")
    }

    /// Its memory at most so far, in KiB.
    pub(super) fn resident_peak_kib(&self, way: Way) -> anyhow::Result<f64> {
        self.memory(way, "VmHWM:")
    }

    fn memory(&self, way: Way, name: &str) -> anyhow::Result<f64> {
        let Some(process) = self.process(way) else {
            return Ok(0.0);
        };
        let status = fs::read_to_string(format!("/proc/{process}/status"))?;
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix(name))
            .with_context(|| format!("no {name}"))?;
        Ok(line.split_whitespace().next().context("no number")?.parse()?)
    }

    /// Waits until so many sessions are open at the demo's gateway.
    pub(super) fn wait_for_sessions(&self, number: u32) -> anyhow::Result<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let output = Command::new(&self.binary)
                .args(["sessions", "ls", "--json", "--data-dir", &self.data_dir])
                .output()?;
            let sessions: Value = serde_json::from_slice(&output.stdout).context("sessions ls")?;
            if sessions
                .as_array()
                .is_some_and(|list| u32::try_from(list.len()) == Ok(number))
            {
                return Ok(());
            }
            if Instant::now() > deadline {
                bail!("there were never {number} sessions");
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

fn password_of(ready: &Value, name: &str) -> anyhow::Result<String> {
    let identities = ready.pointer("/identities").and_then(Value::as_array);
    let mut named = identities.into_iter().flatten().filter(|identity| {
        let known = identity.get("name").and_then(Value::as_str);
        known == Some(name)
    });
    let password = named.next().and_then(|identity| identity.get("password")?.as_str());
    Ok(password.with_context(|| format!("no {name}"))?.to_owned())
}

/// So that it can put away what it made.
fn end_politely(child: &mut Child) {
    let asked = Command::new("sh")
        .args(["-c", &format!("kill -TERM {}", child.id())])
        .status();
    if !asked.is_ok_and(|status| status.success()) {
        child.kill().ok();
    }
    child.wait().ok();
}

impl Drop for Paths {
    fn drop(&mut self) {
        self.close_another();
        for child in self.children.iter_mut().skip(1) {
            child.kill().ok();
            child.wait().ok();
        }
        if let Some(demo) = self.children.first_mut() {
            end_politely(demo);
        }
    }
}

fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

/// Where the newest PostgreSQL's programs are.
fn programs() -> anyhow::Result<PathBuf> {
    let entries = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let newest = entries
        .filter_map(|entry| {
            Some((
                entry.file_name().to_str()?.parse::<u32>().ok()?,
                entry.path().join("bin"),
            ))
        })
        .filter(|(_, programs)| programs.join("pgbench").exists())
        .max();
    newest.map(|(_, programs)| programs).context("pgbench is not installed")
}
