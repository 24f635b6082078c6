//! A private PostgreSQL server for the demo: its own directory and port, and nothing left of it afterwards.

use std::fs::{self, File};
use std::io::Read as _;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use tempfile::TempDir;

/// The server's superuser, with which the gateway logs in: what stops a statement in the demo is then plainly the gateway.
pub(crate) const SUPERUSER: &str = "postgres";

const DIRECTORY_PREFIX: &str = "durward-demo-";
const START_PATIENCE: Duration = Duration::from_secs(30);
const START_ATTEMPTS: usize = 3;

/// A running server. Dropping it stops the server and removes its directory.
#[derive(Debug)]
pub(crate) struct PrivatePostgres {
    programs: Programs,
    owner: Option<Owner>,
    server: Child,
    /// The port on 127.0.0.1.
    pub(crate) port: u16,
    /// The superuser's password.
    pub(crate) password: String,
    /// Holds `data`, the socket, the log, and room for the gateway's own things.
    directory: TempDir,
}

impl PrivatePostgres {
    /// Finds the newest installed server, makes a cluster and starts it.
    ///
    /// Call it from a thread that lives as long as the program: the server is told to stop when that thread is gone.
    ///
    /// # Errors
    /// When no server is installed or it doesn't start; the server's own words are in the message.
    pub(crate) fn start() -> anyhow::Result<Self> {
        remove_leftovers();
        let programs = Programs::find()?;
        let owner = Owner::for_server()?;
        let directory = tempfile::Builder::new()
            .prefix(&format!("{DIRECTORY_PREFIX}{}-", std::process::id()))
            .tempdir()?;
        // The server's user must be able to pass through; what is inside protects itself.
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o711))?;
        let password = random_password()?;
        initialise(&programs, owner.as_ref(), directory.path(), &password)?;
        let mut attempt = 1;
        let (server, port) = loop {
            match start_server(&programs, owner.as_ref(), directory.path()) {
                Ok(started) => break started,
                // Between finding a free port and taking it somebody else may have been faster.
                Err(_) if attempt < START_ATTEMPTS => attempt += 1,
                Err(error) => return Err(error),
            }
        };
        Ok(Self {
            programs,
            owner,
            server,
            port,
            password,
            directory,
        })
    }

    /// `psql` as superuser, past the gateway.
    pub(crate) fn psql(&self, database: &str) -> Command {
        let mut psql = Command::new(self.programs.psql());
        psql.env("PGPASSWORD", &self.password).args([
            "--host=127.0.0.1",
            &format!("--port={}", self.port),
            "--username",
            SUPERUSER,
            "--dbname",
            database,
        ]);
        psql
    }

    /// The path of `psql`.
    pub(crate) fn psql_program(&self) -> PathBuf {
        self.programs.psql()
    }

    /// The URL of a database as superuser, past the gateway.
    pub(crate) fn url(&self, database: &str) -> String {
        format!(
            "postgres://{SUPERUSER}:{}@127.0.0.1:{}/{database}",
            self.password, self.port
        )
    }

    /// The server's version, as it calls itself.
    pub(crate) fn version(&self) -> String {
        let output = Command::new(self.programs.path("postgres")).arg("--version").output();
        let text = output
            .map(|output| String::from_utf8_lossy(&output.stdout).into_owned())
            .unwrap_or_default();
        text.split_whitespace().nth(2).unwrap_or("unknown").to_owned()
    }

    /// A place for the gateway's own things, removed with the rest.
    pub(crate) fn gateway_directory(&self) -> PathBuf {
        self.directory.path().join("gateway")
    }
}

impl Drop for PrivatePostgres {
    fn drop(&mut self) {
        let mut stop = self.programs.command("pg_ctl", self.owner.as_ref());
        stop.args(["stop", "--silent", "--mode=immediate", "-D"])
            .arg(self.directory.path().join("data"));
        let stopped = stop
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success());
        if !stopped {
            // Already gone, or deaf: either way nothing is lost but the demo.
            self.server.kill().ok();
        }
        self.server.wait().ok();
    }
}

/// Where the server's programs are.
#[derive(Debug, Clone)]
struct Programs(PathBuf);

impl Programs {
    /// The newest version under Debian's place for them, else what is on PATH.
    fn find() -> anyhow::Result<Self> {
        let mut versions: Vec<(u32, PathBuf)> = fs::read_dir("/usr/lib/postgresql")
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
            .filter(|(_, programs)| programs.join("initdb").exists())
            .collect();
        versions.sort();
        let on_path =
            || std::env::split_paths(&std::env::var_os("PATH")?).find(|directory| directory.join("initdb").exists());
        match versions.pop().map(|(_, programs)| programs).or_else(on_path) {
            Some(programs) => Ok(Self(programs)),
            None => {
                bail!("no PostgreSQL server is installed here: `make demo` installs one, or run scripts/setup.sh demo")
            }
        }
    }

    fn path(&self, program: &str) -> PathBuf {
        self.0.join(program)
    }

    fn psql(&self) -> PathBuf {
        let ours = self.path("psql");
        if ours.exists() { ours } else { PathBuf::from("psql") }
    }

    fn command(&self, program: &str, owner: Option<&Owner>) -> Command {
        let mut command = Command::new(self.path(program));
        if let Some(owner) = owner {
            command.uid(owner.user).gid(owner.group);
        }
        command.current_dir("/").stdin(Stdio::null());
        command
    }
}

/// The unprivileged user that runs the server when we are root, which PostgreSQL refuses to be.
#[derive(Debug, Clone, Copy)]
struct Owner {
    user: u32,
    group: u32,
}

impl Owner {
    fn for_server() -> anyhow::Result<Option<Self>> {
        if fs::metadata("/proc/self")?.uid() != 0 {
            return Ok(None);
        }
        let accounts = fs::read_to_string("/etc/passwd")?;
        let find = |name: &str| {
            let line = accounts.lines().find(|line| line.split(':').next() == Some(name))?;
            let mut fields = line.split(':').skip(2);
            Some(Self {
                user: fields.next()?.parse().ok()?,
                group: fields.next()?.parse().ok()?,
            })
        };
        let owner = find("postgres").or_else(|| find("nobody"));
        owner
            .map(Some)
            .context("PostgreSQL can't run as root, and there is neither a user postgres nor nobody here")
    }

    fn give(owner: Option<&Self>, path: &Path) -> anyhow::Result<()> {
        match owner {
            Some(owner) => Ok(chown(path, Some(owner.user), Some(owner.group))?),
            None => Ok(()),
        }
    }
}

fn initialise(programs: &Programs, owner: Option<&Owner>, directory: &Path, password: &str) -> anyhow::Result<()> {
    let data = directory.join("data");
    fs::create_dir(&data)?;
    fs::set_permissions(&data, fs::Permissions::from_mode(0o700))?;
    Owner::give(owner, &data)?;
    let password_file = directory.join("password");
    fs::write(&password_file, password)?;
    fs::set_permissions(&password_file, fs::Permissions::from_mode(0o600))?;
    Owner::give(owner, &password_file)?;
    let output = programs
        .command("initdb", owner)
        .args([
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            "--no-sync",
            "--username",
            SUPERUSER,
        ])
        .arg("--pwfile")
        .arg(&password_file)
        .arg("-D")
        .arg(&data)
        .output()
        .context("can't run initdb")?;
    fs::remove_file(&password_file)?;
    ensure!(
        output.status.success(),
        "initdb failed: {}",
        String::from_utf8_lossy(&output.stderr).trim()
    );
    Ok(())
}

fn start_server(programs: &Programs, owner: Option<&Owner>, directory: &Path) -> anyhow::Result<(Child, u16)> {
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
    let data = directory.join("data");
    let log = File::create(directory.join("log"))?;
    let mut command = server_command(programs, owner);
    command
        .arg("-D")
        .arg(&data)
        .args(["-p", &port.to_string()])
        .args(["-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="])
        // Nothing here outlives the demo, so nothing needs to survive a crash.
        .args([
            "-c",
            "fsync=off",
            "-c",
            "synchronous_commit=off",
            "-c",
            "full_page_writes=off",
        ])
        .args(["-c", "shared_buffers=64MB", "-c", "max_connections=200"])
        .stdout(Stdio::null())
        .stderr(log);
    let mut server = command.spawn().context("can't start PostgreSQL")?;
    let deadline = Instant::now() + START_PATIENCE;
    loop {
        if is_ready(&data) {
            return Ok((server, port));
        }
        if server.try_wait()?.is_some() || Instant::now() > deadline {
            server.kill().ok();
            server.wait().ok();
            let log = fs::read_to_string(directory.join("log")).unwrap_or_default();
            bail!("PostgreSQL did not start:\n{}", log.trim());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The server in a process group of its own, so that Ctrl-C in a terminal reaches the gateway first, and, where the
/// system's `setpriv` is there, told to stop when we are gone, however we went.
fn server_command(programs: &Programs, owner: Option<&Owner>) -> Command {
    let setpriv = Path::new("/usr/bin/setpriv");
    let mut command = if setpriv.exists() {
        let mut command = Command::new(setpriv);
        command.args(["--pdeathsig", "INT"]);
        if let Some(owner) = owner {
            command.args([
                &format!("--reuid={}", owner.user),
                &format!("--regid={}", owner.group),
                "--clear-groups",
            ]);
        }
        command.arg("--").arg(programs.path("postgres"));
        command.current_dir("/").stdin(Stdio::null());
        command
    } else {
        programs.command("postgres", owner)
    };
    command.process_group(0);
    command
}

/// The postmaster writes its state into the eighth line of its lock file (`miscadmin.h`, `LOCK_FILE_LINE_PM_STATUS`).
fn is_ready(data: &Path) -> bool {
    fs::read_to_string(data.join("postmaster.pid"))
        .is_ok_and(|lock| lock.lines().nth(7).is_some_and(|state| state.trim() == "ready"))
}

/// Removes what demos that were killed have left behind. Their servers went with them.
fn remove_leftovers() {
    for entry in fs::read_dir(std::env::temp_dir()).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let pid = name
            .to_str()
            .and_then(|name| name.strip_prefix(DIRECTORY_PREFIX)?.split('-').next());
        let gone = pid.is_some_and(|pid| pid.parse::<u32>().is_ok() && !Path::new("/proc").join(pid).exists());
        if gone {
            // Another user's leftovers stay: removing them fails, and is not ours to do.
            fs::remove_dir_all(entry.path()).ok();
        }
    }
}

fn random_password() -> anyhow::Result<String> {
    let mut bytes = [0; 16];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
