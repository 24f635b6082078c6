use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use durward_audit::{Administration, Event};
use durward_console::decide::note;
use durward_identity::Directory;
use durward_model::Principal;
use durward_session::{Database, Gateway, LabelChoice};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};

use super::{Answer, DecideRequest, Request, socket_path};
use crate::approvals::{self, Decision};
use crate::data_map::ColumnReport;
use crate::policies::Policies;
use crate::{access, change_set, data_map, explain, identities, undo};

/// The longest request.
///
/// Unit: bytes. Reason: a statement to explain, and little else, may be long.
const REQUEST_BYTES_MAX: u64 = 4 << 20;

/// How long a request may take to arrive.
const REQUEST_PATIENCE: Duration = Duration::from_secs(10);

/// The longest path of a Unix socket.
///
/// Unit: bytes. Source: `sun_path` in unix(7), less its closing zero.
const SOCKET_PATH_BYTES_MAX: usize = 107;

/// Opens the socket in `data_dir`.
///
/// # Errors
/// When another gateway runs there, or the socket can't be made.
pub(crate) fn bind(data_dir: &Path) -> anyhow::Result<UnixListener> {
    let path = socket_path(data_dir);
    ensure!(
        path.as_os_str().len() <= SOCKET_PATH_BYTES_MAX,
        "{} is too long for a socket's path ({SOCKET_PATH_BYTES_MAX} bytes): choose a shorter --data-dir",
        path.display()
    );
    if std::os::unix::net::UnixStream::connect(&path).is_ok() {
        bail!("another gateway runs on {}", data_dir.display());
    }
    // What is left is of a gateway that was killed.
    if path.exists() {
        std::fs::remove_file(&path).with_context(|| format!("can't remove {}", path.display()))?;
    }
    let listener = UnixListener::bind(&path).with_context(|| format!("can't make {}", path.display()))?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// Answers what comes in on the control socket.
#[derive(Debug)]
pub(crate) struct ControlDesk {
    /// The gateway that is asked about.
    pub(crate) gateway: Arc<Gateway>,
    /// Its identities.
    pub(crate) directory: Arc<Directory>,
    /// Its policies.
    pub(crate) policies: Arc<Policies>,
}

impl ControlDesk {
    /// Answers until dropped. Cancel safe: yes.
    pub(crate) async fn serve(self: Arc<Self>, listener: UnixListener) {
        loop {
            match listener.accept().await {
                Ok((stream, _)) => {
                    let desk = Arc::clone(&self);
                    tokio::spawn(async move {
                        if let Err(error) = desk.converse(stream).await {
                            tracing::warn!("control socket: {error:#}");
                        }
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "control socket");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
    }

    async fn converse(&self, mut stream: UnixStream) -> anyhow::Result<()> {
        let peer = stream.peer_cred()?.uid();
        let ours = std::fs::metadata("/proc/self")?.uid();
        ensure!(peer == ours || peer == 0, "user {peer} is not allowed here");
        let (reader, mut writer) = stream.split();
        let mut line = String::new();
        let read = async {
            BufReader::new(reader.take(REQUEST_BYTES_MAX))
                .read_line(&mut line)
                .await
        };
        tokio::time::timeout(REQUEST_PATIENCE, read)
            .await
            .context("no request came")??;
        if line.is_empty() {
            return Ok(());
        }
        let answer = match serde_json::from_str::<Request>(&line) {
            Ok(request) => self.answer(request, &user_name(peer)).await,
            Err(error) => Err(anyhow::anyhow!("not understood: {error}")),
        };
        let answer = match answer {
            Ok(value) => Answer::Ok(value),
            Err(error) => Answer::Error(format!("{error:#}")),
        };
        let mut out = serde_json::to_vec(&answer)?;
        out.push(b'\n');
        writer.write_all(&out).await?;
        Ok(())
    }

    async fn answer(&self, request: Request, by: &str) -> anyhow::Result<serde_json::Value> {
        let sessions = &self.gateway.sessions;
        Ok(match request {
            Request::Sessions => serde_json::to_value(sessions.list())?,
            Request::KillSession { session } => {
                self.record(by, "session_kill", &session)?;
                ensure!(sessions.kill(&session), "there is no session {session}");
                serde_json::json!({ "ended": 1 })
            }
            Request::KillSessionsOf { who } => {
                self.record(by, "session_kill", &format!("all of {who}"))?;
                serde_json::json!({ "ended": sessions.kill_all_of(&who) })
            }
            Request::Approvals { all } => serde_json::to_value(approvals::list(&self.gateway.approvals, all))?,
            Request::Approval { id } => serde_json::to_value(approvals::show(&self.gateway.approvals, &id)?)?,
            Request::Approve(wish) => {
                let (desk, directory) = (&self.gateway.approvals, &self.directory);
                serde_json::to_value(approvals::approve(desk, directory, &decision(&wish, by), now()?)?)?
            }
            Request::Reject(wish) => {
                let (desk, directory) = (&self.gateway.approvals, &self.directory);
                serde_json::to_value(approvals::reject(desk, directory, &decision(&wish, by), now()?)?)?
            }
            Request::Withdraw(wish) => {
                let (desk, directory) = (&self.gateway.approvals, &self.directory);
                serde_json::to_value(approvals::withdraw(desk, directory, &decision(&wish, by), now()?)?)?
            }
            Request::Review(wish) => {
                let (desk, directory) = (&self.gateway.approvals, &self.directory);
                serde_json::to_value(approvals::review(desk, directory, &decision(&wish, by), now()?)?)?
            }
            Request::AskForAccess(mut asked) => {
                let database = self.one_database(asked.database.as_deref())?;
                let principal = self.local(&asked.identity)?;
                asked.wish.reason = note(asked.wish.reason.as_deref())?;
                let who = (&principal, Some(by));
                let laid = access::request(&self.gateway, &database, who, &asked.wish, now()?);
                serde_json::to_value(laid.await?)?
            }
            Request::RevokeAccess(wish) => {
                let (desk, directory) = (&self.gateway.approvals, &self.directory);
                serde_json::to_value(approvals::revoke(desk, directory, &decision(&wish, by), now()?)?)?
            }
            Request::Changes(which) => serde_json::to_value(undo::changes(&self.gateway, &which)?)?,
            Request::ChangedRows { id, rows_max } => {
                self.record(by, "undo_show", &id)?;
                serde_json::to_value(self.gateway.changed_rows(id.parse()?, rows_max).await?)?
            }
            Request::Undo(wish) => {
                if !wish.plan_only {
                    self.record(by, "undo", &format!("{:?}", wish.which))?;
                }
                serde_json::to_value(undo::undo(&self.gateway, &self.directory, &wish, by).await?)?
            }
            Request::RecordReading { ledger, action, object } => {
                let is_ours = std::fs::canonicalize(self.gateway.ledger.directory())? == ledger;
                if is_ours {
                    let is_reading = action.starts_with("audit_") || action.starts_with("evidence_");
                    ensure!(is_reading, "{action} is no reading");
                    self.record(by, &action, &object)?;
                }
                serde_json::Value::Bool(is_ours)
            }
            Request::RotateKey { ledger } => {
                let own = self.gateway.ledger.clone();
                let by = by.to_owned();
                let is_ours = std::fs::canonicalize(own.directory())? == ledger;
                if !is_ours {
                    return Ok(serde_json::Value::Null);
                }
                let key = tokio::task::spawn_blocking(move || own.change_key(&by)).await??;
                serde_json::Value::String(key.to_string())
            }
            Request::PlanChange(wish) => {
                let (database, principal) = (
                    self.one_database(wish.database.as_deref())?,
                    self.local(&wish.identity)?,
                );
                let plan = change_set::plan(&self.gateway, &database, &principal, &wish.text).await?;
                serde_json::to_value(plan)?
            }
            Request::SubmitChange(wish) => {
                let (database, principal) = (
                    self.one_database(wish.database.as_deref())?,
                    self.local(&wish.identity)?,
                );
                let reason = note(wish.reason.as_deref())?;
                let who = (&principal, Some(by));
                let laid = change_set::submit(&self.gateway, &database, who, &wish.text, reason.as_deref(), now()?);
                serde_json::to_value(laid.await?)?
            }
            Request::Identities => serde_json::to_value(self.directory.list())?,
            Request::AddIdentity(new) => {
                serde_json::to_value(identities::add(&self.directory, &self.gateway.ledger, &new, by)?)?
            }
            Request::RevokeIdentity { name } => {
                identities::revoke(&self.directory, &self.gateway.ledger, &name, by)?;
                serde_json::json!({ "revoked": name })
            }
            Request::ReloadPolicies => {
                self.record(by, "policy_reload", "")?;
                serde_json::json!({ "message": self.policies.reload()? })
            }
            Request::DataMap { database } => {
                let databases = match database {
                    Some(name) => vec![self.database(&name)?],
                    None => self.gateway.databases().cloned().collect(),
                };
                serde_json::to_value(map(&databases))?
            }
            Request::LabelColumn {
                database,
                column,
                label,
            } => serde_json::Value::String(self.label_column(&database, &column, &label, by)?),
            Request::Explain {
                database,
                sql,
                principal,
            } => {
                let found = self.database(&database)?;
                let principal = explain::principal(Some(&self.directory), &principal)?;
                let report = explain::explain(
                    &self.gateway.analyzer,
                    (&self.gateway.policy.current(), Some(&self.gateway)),
                    &found,
                    &principal,
                    &sql,
                )
                .await?;
                serde_json::to_value(report)?
            }
        })
    }

    fn one_database(&self, named: Option<&str>) -> anyhow::Result<Arc<Database>> {
        if let Some(name) = named {
            return self.database(name);
        }
        let mut all = self.gateway.databases();
        match (all.next(), all.next()) {
            (Some(only), None) => Ok(Arc::clone(only)),
            _ => bail!("there are several databases: say which one by --database"),
        }
    }

    fn local(&self, name: &str) -> anyhow::Result<Principal> {
        let principal = self.directory.principal(name);
        principal.with_context(|| format!("there is no local identity {name}, or it is revoked"))
    }

    fn database(&self, name: &str) -> anyhow::Result<Arc<Database>> {
        self.gateway.database(name, None).with_context(|| {
            let names: Vec<String> = self.gateway.databases().map(|known| known.name.to_string()).collect();
            format!("no database is called {name}; there is {}", names.join(", "))
        })
    }

    /// Returns the column's full name.
    fn label_column(&self, database: &str, column: &str, label: &str, by: &str) -> anyhow::Result<String> {
        let labels = &self.database(database)?.labels;
        let choice = LabelChoice::of_word(label);
        let column = labels.resolve(&column.parse()?, &choice)?;
        self.record(
            by,
            "data_label",
            &data_map::object(database, &column.to_string(), &choice),
        )?;
        labels.tell(&column, &choice, by)?;
        Ok(column.to_string())
    }

    fn record(&self, by: &str, action: &str, object: &str) -> anyhow::Result<()> {
        let event = Administration {
            by: by.to_owned(),
            action: action.to_owned(),
            object: object.to_owned(),
        };
        self.gateway.ledger.record(&Event::Administration(event))?;
        Ok(())
    }
}

fn decision<'a>(wish: &'a DecideRequest, account: &'a str) -> Decision<'a> {
    Decision {
        id: &wish.id,
        identity: wish.identity.as_deref(),
        account,
        note: wish.note.as_deref(),
        confirms: wish.confirms,
    }
}

/// The time, in seconds since 1970.
pub(crate) fn now() -> anyhow::Result<i64> {
    let elapsed = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?;
    Ok(i64::try_from(elapsed.as_secs())?)
}

fn map(databases: &[Arc<Database>]) -> Vec<ColumnReport> {
    let mut columns = Vec::new();
    for database in databases {
        let snapshot = database.labels.current();
        let relations = snapshot.relations().map(|(_, labels)| &**labels);
        columns.extend(data_map::report(database.name.as_str(), relations));
    }
    columns
}

/// How the record calls whoever uses the gateway's own power from this machine.
pub(crate) fn user_name(uid: u32) -> String {
    let accounts = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let name = accounts.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(uid)).then(|| name.to_owned())
    });
    format!("unix:{}", name.unwrap_or_else(|| uid.to_string()))
}
