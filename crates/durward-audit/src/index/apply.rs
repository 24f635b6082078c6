//! From records to rows.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::path::Path;

use durward_model::{Principal, SessionId};
use minicbor::{Decode as _, Decoder};
use rusqlite::{Connection, OptionalExtension as _, params};

use crate::definition::{Basis, Shape};
use crate::digest::DefinitionDigest;
use crate::event::{
    Definition, DefinitionKind, LoginRefused, SessionEnded, SessionStarted, StatementIntent, StatementOutcome,
    StatementRefused, code,
};
use crate::index::group::{GroupDelta, GroupKey, UPSERT, number};
use crate::index::{IndexError, schema};
use crate::ledger::check_version;
use crate::record::{self, RecordStart};
use crate::store::Layout;
use crate::tail::{Found, LogReader, header};

const MINUTE_MICROSECONDS: u64 = 60_000_000;
/// A batch ends after so many records, so that others see progress and little is done twice after a crash.
const BATCH_RECORDS_MAX: u64 = 50_000;
/// Statements whose outcome is awaited; past it the oldest knowledge goes, and their outcomes aren't counted.
const OPEN_STATEMENTS_MAX: usize = 100_000;
/// Remembered rows of shapes, bases and refusals; past it they are looked up again.
const ROWS_MAX: usize = 50_000;

/// The rows that await an outcome, by session and statement. One statement can have several: EXECUTE and what it
/// executes.
type OpenStatements = HashMap<(i64, u64), OpenStatement>;

#[derive(Debug)]
struct OpenStatement {
    row: GroupKey,
    more: Vec<GroupKey>,
}

/// Makes the index follow the log.
#[derive(Debug)]
pub(crate) struct Indexer {
    connection: Connection,
    ledger: [u8; 16],
    reader: LogReader,
    events: u64,
    groups: HashMap<GroupKey, GroupDelta>,
    open: OpenStatements,
    definitions: HashMap<DefinitionDigest, i64>,
    refusals: HashMap<(String, String, String), i64>,
}

impl Indexer {
    /// Goes on with the index of the ledger in `directory`, from the start when it doesn't fit the log.
    ///
    /// `events_max` is how many events the log may hold that an index can know: after a crash of the machine the log
    /// can be shorter than what was indexed.
    pub(crate) fn open(directory: &Path, events_max: Option<u64>) -> Result<Self, IndexError> {
        let layout = Layout::new(directory);
        let ledger = ledger_of(&layout)?;
        let connection = schema::open(&layout.index(), &ledger)?;
        Self::go_on(connection, &layout, ledger, events_max)
    }

    /// Makes an index in memory from the whole log.
    pub(crate) fn in_memory(directory: &Path) -> Result<Self, IndexError> {
        let layout = Layout::new(directory);
        let ledger = ledger_of(&layout)?;
        let connection = schema::open_in_memory(&ledger)?;
        Self::go_on(connection, &layout, ledger, None)
    }

    fn go_on(
        connection: Connection,
        layout: &Layout,
        ledger: [u8; 16],
        events_max: Option<u64>,
    ) -> Result<Self, IndexError> {
        let (mut segment, mut byte, mut events) = position(&connection)?;
        let segment_bytes = std::fs::metadata(layout.segment(segment)).map_or(0, |file| file.len());
        let beyond = byte > segment_bytes || events_max.is_some_and(|max| events > max);
        if segment > 0 && beyond {
            schema::empty(&connection, &ledger)?;
            (segment, byte, events) = (0, 0, 0);
        }
        let reader = if segment == 0 {
            LogReader::open(layout, 1, None)?
        } else {
            LogReader::open(layout, segment, Some(byte))?
        };
        let open = open_statements(&connection)?;
        Ok(Self {
            connection,
            ledger,
            reader,
            events,
            groups: HashMap::new(),
            open,
            definitions: HashMap::new(),
            refusals: HashMap::new(),
        })
    }

    /// Events in the index.
    pub(crate) const fn events(&self) -> u64 {
        self.events
    }

    /// The database, to ask.
    pub(crate) const fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Throws the index away, to be made anew.
    pub(crate) fn empty(&mut self, directory: &Path) -> Result<(), IndexError> {
        schema::empty(&self.connection, &self.ledger)?;
        self.reader = LogReader::open(&Layout::new(directory), 1, None)?;
        self.events = 0;
        self.open.clear();
        self.forget();
        Ok(())
    }

    /// Takes in a batch of what is new; false when there was nothing.
    pub(crate) fn step(&mut self) -> Result<bool, IndexError> {
        self.connection.execute_batch("BEGIN IMMEDIATE")?;
        let result = self.batch();
        if !matches!(result, Ok(true)) {
            self.connection.execute_batch("ROLLBACK")?;
        }
        result
    }

    fn batch(&mut self) -> Result<bool, IndexError> {
        let mut taken = 0;
        while taken < BATCH_RECORDS_MAX {
            // Each record is copied out of the reader: what is made of it needs the whole indexer.
            let record = match self.reader.next()? {
                Found::Record(record) => record.to_vec(),
                Found::Segment => continue,
                Found::Nothing => break,
            };
            self.take(&record)?;
            taken += 1;
        }
        if taken == 0 {
            return Ok(false);
        }
        self.write()?;
        self.connection.execute_batch("COMMIT")?;
        if self.definitions.len() > ROWS_MAX || self.refusals.len() > ROWS_MAX {
            self.forget();
        }
        Ok(true)
    }

    fn forget(&mut self) {
        self.groups.clear();
        self.definitions.clear();
        self.refusals.clear();
    }

    fn write(&mut self) -> Result<(), IndexError> {
        let mut upsert = self.connection.prepare_cached(UPSERT)?;
        for (key, delta) in self.groups.drain() {
            delta.write(&key, &mut upsert)?;
        }
        self.connection
            .prepare_cached("DELETE FROM open_statement")?
            .execute([])?;
        let mut insert = self
            .connection
            .prepare_cached("INSERT INTO open_statement VALUES (?1, ?2, ?3, ?4, ?5)")?;
        for ((session, statement), open) in &self.open {
            for key in std::iter::once(&open.row).chain(&open.more) {
                insert.execute(params![
                    session,
                    statement.cast_signed(),
                    key.shape,
                    key.basis,
                    key.minute
                ])?;
            }
        }
        let (segment, byte) = self.reader.place();
        self.connection
            .prepare_cached("UPDATE position SET segment = ?1, byte = ?2, events = ?3")?
            .execute(params![number(segment), number(byte), number(self.events)])?;
        Ok(())
    }

    fn take(&mut self, bytes: &[u8]) -> Result<(), IndexError> {
        let mut d = Decoder::new(bytes);
        let start = record::decode_start(&mut d)?;
        self.events = start.number;
        if start.version != record::RECORD_VERSION {
            return Ok(());
        }
        match start.code {
            code::STATEMENT_INTENT => self.intent(&start, &d.decode()?),
            code::STATEMENT_OUTCOME => {
                self.outcome(&d.decode()?);
                Ok(())
            }
            code::STATEMENT_REFUSED => self.refused(&start, d.decode()?),
            code::DEFINITION => self.definition(&start, &d.decode()?),
            code::SESSION_STARTED => self.session_started(&start, &d.decode()?),
            code::SESSION_ENDED => self.session_ended(&start, &d.decode()?),
            code::LOGIN_REFUSED => self.login_refused(&start, &d.decode()?),
            code::CONFIGURATION_LOADED
            | code::POLICY_CHANGED
            | code::IDENTITY_CHANGED
            | code::ADMINISTRATION
            | code::PROTOCOL_VIOLATION
            | code::KEY_CHANGED
            | code::APPROVAL_MOVED
            | code::LEDGER_OPENED => self.act(&start, bytes),
            _ => Ok(()),
        }
    }

    fn intent(&mut self, start: &RecordStart, intent: &StatementIntent) -> Result<(), IndexError> {
        let key = GroupKey {
            session: intent.session.0.cast_signed(),
            shape: self.defined(DefinitionKind::Shape, intent.shape)?,
            basis: self.defined(DefinitionKind::Basis, intent.basis)?,
            refusal: 0,
            minute: number(start.time_microseconds / MINUTE_MICROSECONDS),
        };
        let time = number(start.time_microseconds);
        self.groups.entry(key).or_default().decided(time, number(start.number));
        if self.open.len() >= OPEN_STATEMENTS_MAX {
            self.open.clear();
        }
        add_open(&mut self.open, (key.session, intent.statement.0), key);
        Ok(())
    }

    fn outcome(&mut self, outcome: &StatementOutcome) {
        let statement = (outcome.session.0.cast_signed(), outcome.statement.0);
        if let Some(open) = self.open.remove(&statement) {
            for key in std::iter::once(open.row).chain(open.more) {
                self.groups.entry(key).or_default().ended(outcome);
            }
        }
    }

    fn refused(&mut self, start: &RecordStart, refused: StatementRefused) -> Result<(), IndexError> {
        let shape = match refused.shape {
            Some(digest) => self.defined(DefinitionKind::Shape, digest)?,
            None => 0,
        };
        let basis = match refused.basis {
            Some(digest) => self.defined(DefinitionKind::Basis, digest)?,
            None => 0,
        };
        let key = GroupKey {
            session: refused.session.0.cast_signed(),
            shape,
            basis,
            refusal: self.refusal(refused.rule, refused.sqlstate, refused.message)?,
            minute: number(start.time_microseconds / MINUTE_MICROSECONDS),
        };
        let time = number(start.time_microseconds);
        self.groups.entry(key).or_default().decided(time, number(start.number));
        Ok(())
    }

    fn refusal(&mut self, rule: String, sqlstate: String, message: String) -> Result<i64, IndexError> {
        let refusal = (rule, sqlstate, message);
        if let Some(row) = self.refusals.get(&refusal) {
            return Ok(*row);
        }
        let (rule, sqlstate, message) = &refusal;
        self.connection
            .prepare_cached("INSERT INTO refusal (rule, sqlstate, message) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING")?
            .execute([rule, sqlstate, message])?;
        let row = self
            .connection
            .prepare_cached("SELECT id FROM refusal WHERE rule = ?1 AND sqlstate = ?2 AND message = ?3")?
            .query_row([rule, sqlstate, message], |row| row.get(0))?;
        self.refusals.insert(refusal, row);
        Ok(row)
    }

    /// The row of a definition; 0 when it is of a later version and couldn't be read.
    fn defined(&mut self, kind: DefinitionKind, digest: DefinitionDigest) -> Result<i64, IndexError> {
        if let Some(row) = self.definitions.get(&digest) {
            return Ok(*row);
        }
        let query = match kind {
            DefinitionKind::Basis => "SELECT id FROM basis WHERE digest = ?1",
            DefinitionKind::Shape | DefinitionKind::Session => "SELECT id FROM shape WHERE digest = ?1",
        };
        let row = self
            .connection
            .prepare_cached(query)?
            .query_row([digest.0.as_slice()], |row| row.get(0))
            .optional()?
            .unwrap_or(0);
        self.definitions.insert(digest, row);
        Ok(row)
    }

    fn definition(&mut self, start: &RecordStart, definition: &Definition) -> Result<(), IndexError> {
        let mut d = Decoder::new(&definition.content);
        let digest = DefinitionDigest::of(definition.kind, &definition.content);
        self.definitions.remove(&digest);
        match definition.kind {
            DefinitionKind::Session => match SessionStarted::decode(&mut d, &mut ()) {
                Ok(started) => self.session_started(start, &started),
                Err(_) => Ok(()),
            },
            DefinitionKind::Shape => match Shape::decode(&mut d, &mut ()) {
                Ok(shape) => self.shape(digest, &shape),
                Err(_) => Ok(()),
            },
            DefinitionKind::Basis => match Basis::decode(&mut d, &mut ()) {
                Ok(basis) => self.basis(digest, &basis),
                Err(_) => Ok(()),
            },
        }
    }

    fn shape(&self, digest: DefinitionDigest, shape: &Shape) -> Result<(), IndexError> {
        let content = serde_json::to_string(shape)?;
        let added = self
            .connection
            .prepare_cached(
                "INSERT INTO shape (digest, class, command, normalized, content) VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT DO NOTHING",
            )?
            .execute(params![
                digest.0.as_slice(),
                shape.class,
                shape.command,
                shape.normalized,
                content
            ])?;
        if added == 0 {
            return Ok(());
        }
        let row = self.connection.last_insert_rowid();
        let mut insert = self
            .connection
            .prepare_cached("INSERT INTO shape_relation VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING")?;
        let mut insert_column = self.connection.prepare_cached(
            "INSERT INTO shape_column VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT DO UPDATE SET read = max(read, excluded.read), written = max(written, excluded.written)",
        )?;
        for relation in &shape.relations {
            insert.execute(params![relation.name, relation.schema, row, relation.modes.join(" ")])?;
            let read = relation.columns_read.iter().map(|name| (name, true, false));
            let written = relation.columns_written.iter().map(|name| (name, false, true));
            for (name, read, written) in read.chain(written) {
                insert_column.execute(params![name, relation.name, relation.schema, row, read, written])?;
            }
        }
        Ok(())
    }

    fn basis(&self, digest: DefinitionDigest, basis: &Basis) -> Result<(), IndexError> {
        let added = self
            .connection
            .prepare_cached(
                "INSERT INTO basis (digest, rules, policy_version) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
            )?
            .execute(params![
                digest.0.as_slice(),
                serde_json::to_string(&basis.rules)?,
                basis.policy_version.map(number)
            ])?;
        if added == 0 {
            return Ok(());
        }
        let row = self.connection.last_insert_rowid();
        let mut insert = self
            .connection
            .prepare_cached("INSERT INTO basis_rule VALUES (?1, ?2) ON CONFLICT DO NOTHING")?;
        for rule in &basis.rules {
            insert.execute(params![rule, row])?;
        }
        Ok(())
    }

    fn principal(&self, principal: &Principal) -> Result<i64, IndexError> {
        let content = serde_json::to_string(principal)?;
        self.connection
            .prepare_cached(
                "INSERT INTO principal (content, display, subject, acting, kind) VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT DO NOTHING",
            )?
            .execute(params![
                content,
                principal.to_string(),
                &*principal.subject.name,
                &*principal.acting().name,
                principal.kind().as_str()
            ])?;
        let row = self
            .connection
            .prepare_cached("SELECT id FROM principal WHERE content = ?1")?
            .query_row([&content], |row| row.get(0))?;
        let mut insert = self
            .connection
            .prepare_cached("INSERT INTO principal_member VALUES (?1, ?2) ON CONFLICT DO NOTHING")?;
        for member in std::iter::once(&principal.subject).chain(&principal.actors) {
            insert.execute(params![&*member.name, row])?;
        }
        Ok(row)
    }

    fn session_started(&self, start: &RecordStart, session: &SessionStarted) -> Result<(), IndexError> {
        let principal = self.principal(&session.principal)?;
        self.connection
            .prepare_cached(
                "INSERT INTO session (id, principal, database, login, upstream_user, client_address, client_program,
                     tls, started, started_event)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) ON CONFLICT DO NOTHING",
            )?
            .execute(params![
                session.session.0.cast_signed(),
                principal,
                session.database,
                session.login,
                session.upstream_user,
                session.client_address,
                session.client_program,
                session.tls,
                number(start.time_microseconds),
                number(start.number)
            ])?;
        Ok(())
    }

    fn session_ended(&mut self, start: &RecordStart, ended: &SessionEnded) -> Result<(), IndexError> {
        let SessionId(session) = ended.session;
        let session = session.cast_signed();
        self.open.retain(|(of, _), _| *of != session);
        self.connection
            .prepare_cached(
                "UPDATE session SET ended = ?2, ended_event = ?3, reason = ?4, statements = ?5, refused = ?6
                 WHERE id = ?1",
            )?
            .execute(params![
                session,
                number(start.time_microseconds),
                number(start.number),
                ended.reason,
                number(ended.statements),
                number(ended.refused)
            ])?;
        Ok(())
    }

    fn login_refused(&self, start: &RecordStart, refused: &LoginRefused) -> Result<(), IndexError> {
        self.connection
            .prepare_cached("INSERT INTO login_refused VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO NOTHING")?
            .execute(params![
                number(start.number),
                number(start.time_microseconds),
                refused.user,
                refused.database,
                refused.client_address,
                refused.client_program,
                refused.sqlstate,
                refused.reason
            ])?;
        Ok(())
    }

    fn act(&self, start: &RecordStart, bytes: &[u8]) -> Result<(), IndexError> {
        let content = serde_json::to_string(&record::decode(bytes)?.event)?;
        self.connection
            .prepare_cached("INSERT INTO act VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING")?
            .execute(params![number(start.number), number(start.time_microseconds), content])?;
        Ok(())
    }
}

/// The ledger's id, from its first segment.
pub(crate) fn ledger_of(layout: &Layout) -> Result<[u8; 16], IndexError> {
    check_version(layout)?;
    Ok(header(layout, 1)?.ledger)
}

/// Segment, byte and events that the index has taken in.
pub(crate) fn position(connection: &Connection) -> Result<(u64, u64, u64), IndexError> {
    let place = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get::<_, i64>(2)?));
    let (segment, byte, events) = connection.query_row("SELECT segment, byte, events FROM position", [], place)?;
    Ok((segment.cast_unsigned(), byte.cast_unsigned(), events.cast_unsigned()))
}

fn add_open(open: &mut OpenStatements, statement: (i64, u64), row: GroupKey) {
    match open.entry(statement) {
        Entry::Vacant(place) => {
            let more = Vec::new();
            place.insert(OpenStatement { row, more });
        }
        Entry::Occupied(mut place) => {
            let known = place.get_mut();
            if known.row != row && !known.more.contains(&row) {
                known.more.push(row);
            }
        }
    }
}

fn open_statements(connection: &Connection) -> Result<OpenStatements, IndexError> {
    let mut query = connection.prepare("SELECT session, statement, shape, basis, minute FROM open_statement")?;
    let mut rows = query.query([])?;
    let mut open = HashMap::new();
    while let Some(row) = rows.next()? {
        let key = GroupKey {
            session: row.get(0)?,
            shape: row.get(2)?,
            basis: row.get(3)?,
            refusal: 0,
            minute: row.get(4)?,
        };
        add_open(&mut open, (key.session, row.get::<_, i64>(1)?.cast_unsigned()), key);
    }
    Ok(open)
}
