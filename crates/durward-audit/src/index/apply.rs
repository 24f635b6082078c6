//! From records to rows.

use std::collections::hash_map::Entry;
use std::path::Path;

use durward_model::SessionId;
use foldhash::{HashMap, HashSet};
use minicbor::{Decode as _, Decoder};
use rusqlite::{Connection, OptionalExtension as _, params};

use crate::definition::{Basis, Shape};
use crate::digest::DefinitionDigest;
use crate::event::{
    Definition, DefinitionKind, LoginRefused, Origin, SegmentsRetired, SessionEnded, SessionStarted, StatementIntent,
    StatementOutcome, StatementRefused, code,
};
use crate::evidence::Survey;
use crate::index::group::{GroupDelta, GroupKey, UPSERT, number};
use crate::index::{IndexError, schema};
use crate::layout::Layout;
use crate::ledger::check_version;
use crate::record::{self, RecordStart};
use crate::tail::{Found, LogReader};

const MINUTE_MICROSECONDS: u64 = 60_000_000;
/// A batch ends after so many records, so that others see progress and little is done twice after a crash.
const BATCH_RECORDS_MAX: u64 = 50_000;
/// Statements whose outcome is awaited; past it the oldest knowledge goes, and their outcomes aren't counted.
const OPEN_STATEMENTS_MAX: usize = 100_000;
/// Remembered rows of shapes, bases and refusals; past it they are looked up again.
const ROWS_MAX: usize = 50_000;

/// Remembered pairs of session and shape whose tables are known to be touched; past it they are looked at again.
const TOUCHED_MAX: usize = 200_000;

/// What part of a log an index is made of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Extent {
    /// Events after this one are left out.
    pub(crate) last_event: u64,
    /// Statements from this time on, and before that one, are taken in; of other events, all.
    pub(crate) from: u64,
    pub(crate) to: u64,
    /// Whether statements are taken in at all.
    pub(crate) statements: bool,
}

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
    pub(super) connection: Connection,
    ledger: [u8; 16],
    reader: LogReader,
    events: u64,
    groups: HashMap<GroupKey, GroupDelta>,
    open: OpenStatements,
    /// The statement that each session prepared last, and its row: of its outcome only a failure is recorded.
    prepared: HashMap<i64, (u64, GroupKey)>,
    definitions: HashMap<DefinitionDigest, i64>,
    refusals: HashMap<(String, String, String), i64>,
    touched: HashSet<(i64, i64)>,
    extent: Option<Extent>,
    /// Events after this one are left out.
    until: u64,
    /// Takes note of every record passed, where that is wanted.
    survey: Option<Survey>,
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

    /// Makes an index of a part of the log, which is gone when dropped, and surveys all events passed.
    pub(crate) fn of(layout: &Layout, extent: Extent) -> Result<Self, IndexError> {
        let ledger = ledger_of(layout)?;
        let connection = schema::open_unnamed(&ledger)?;
        Ok(Self {
            until: extent.last_event,
            extent: Some(extent),
            survey: Some(Survey::new(extent, layout)?),
            ..Self::go_on(connection, layout, ledger, None)?
        })
    }

    /// Makes a whole index up to event `until`, which is gone when dropped.
    pub(crate) fn unnamed(layout: &Layout, until: u64) -> Result<Self, IndexError> {
        let ledger = ledger_of(layout)?;
        let connection = schema::open_unnamed(&ledger)?;
        Ok(Self {
            until,
            ..Self::go_on(connection, layout, ledger, None)?
        })
    }

    /// Takes in events up to `until` from now on.
    pub(super) const fn go_on_until(&mut self, until: u64) {
        self.until = until;
    }

    /// The database, from somebody who takes in nothing more.
    pub(crate) fn take_connection(&mut self) -> Result<Connection, IndexError> {
        Ok(std::mem::replace(&mut self.connection, Connection::open_in_memory()?))
    }

    /// What was noted of the records passed.
    pub(crate) const fn survey(&self) -> Option<&Survey> {
        self.survey.as_ref()
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
            LogReader::open(layout, layout.first_segment()?, None)?
        } else {
            LogReader::open(layout, segment, Some(byte))?
        };
        let open = open_statements(&connection)?;
        Ok(Self {
            connection,
            ledger,
            reader,
            events,
            groups: HashMap::default(),
            open,
            prepared: HashMap::default(),
            definitions: HashMap::default(),
            refusals: HashMap::default(),
            touched: HashSet::default(),
            extent: None,
            until: u64::MAX,
            survey: None,
        })
    }

    /// Events in the index.
    pub(crate) const fn events(&self) -> u64 {
        self.events
    }

    /// The database, to ask.
    pub(crate) const fn connection_mut(&mut self) -> &mut Connection {
        &mut self.connection
    }

    /// Throws the index away, to be made anew.
    pub(crate) fn empty(&mut self, directory: &Path) -> Result<(), IndexError> {
        schema::empty(&self.connection, &self.ledger)?;
        let layout = Layout::new(directory);
        self.reader = LogReader::open(&layout, layout.first_segment()?, None)?;
        self.events = 0;
        self.open.clear();
        self.prepared.clear();
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
        let mut record = Vec::new();
        while taken < BATCH_RECORDS_MAX && self.events < self.until {
            // Each record is copied out of the reader: what is made of it needs the whole indexer.
            record.clear();
            match self.reader.next()? {
                Found::Record(bytes) => record.extend_from_slice(bytes),
                Found::Segment => continue,
                Found::Nothing => break,
            }
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
        self.touched.clear();
    }

    fn write(&mut self) -> Result<(), IndexError> {
        let mut upsert = self.connection.prepare_cached(UPSERT)?;
        for (key, delta) in self.groups.drain() {
            delta.write(&key, &mut upsert)?;
        }
        if self.extent.is_some() {
            return Ok(());
        }
        self.connection
            .prepare_cached("DELETE FROM ix_open_statement")?
            .execute([])?;
        let mut insert = self
            .connection
            .prepare_cached("INSERT INTO ix_open_statement VALUES (?1, ?2, ?3, ?4, ?5)")?;
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
            .prepare_cached("UPDATE ix_position SET segment = ?1, byte = ?2, events = ?3")?
            .execute(params![number(segment), number(byte), number(self.events)])?;
        Ok(())
    }

    fn take(&mut self, bytes: &[u8]) -> Result<(), IndexError> {
        let mut d = Decoder::new(bytes);
        let start = record::decode_start(&mut d)?;
        self.events = start.number;
        if let Some(survey) = &mut self.survey {
            survey.see(&start, bytes)?;
        }
        if self.is_left_out(&start) {
            let is_intent = start.code == code::STATEMENT_INTENT && start.version == record::RECORD_VERSION;
            // What came before the period says what is not the first time in it.
            return match self.extent {
                Some(extent) if is_intent && extent.statements && start.time_microseconds < extent.from => {
                    self.ran(&start, &d.decode()?)
                }
                _ => Ok(()),
            };
        }
        if start.version != record::RECORD_VERSION {
            return Ok(());
        }
        match start.code {
            code::STATEMENT_INTENT => self.intent(&start, &d.decode()?),
            // There is nothing that it could be the outcome of.
            code::STATEMENT_OUTCOME if self.open.is_empty() && self.prepared.is_empty() => Ok(()),
            code::STATEMENT_OUTCOME => {
                self.outcome(&d.decode()?);
                Ok(())
            }
            code::STATEMENT_REFUSED => self.refused(&start, d.decode()?),
            code::DEFINITION => self.definition(&start, &d.decode()?),
            code::SESSION_STARTED => self.session_started(&start, &d.decode()?),
            code::SESSION_ENDED => self.session_ended(&start, &d.decode()?),
            code::LOGIN_REFUSED => self.login_refused(&start, &d.decode()?),
            code::CONFIGURATION_LOADED => self.act(&start, bytes, "configuration"),
            code::POLICY_CHANGED => self.act(&start, bytes, "policy"),
            code::IDENTITY_CHANGED => self.act(&start, bytes, "identity"),
            code::ADMINISTRATION => self.act(&start, bytes, "administration"),
            code::PROTOCOL_VIOLATION => self.act(&start, bytes, "violation"),
            code::KEY_CHANGED => self.act(&start, bytes, "key"),
            code::SEGMENTS_RETIRED => {
                self.act(&start, bytes, "retired")?;
                self.retire(&d.decode()?)
            }
            code::APPROVAL_MOVED => self.act(&start, bytes, "approval"),
            code::LEDGER_OPENED => self.act(&start, bytes, "opened"),
            _ => Ok(()),
        }
    }

    fn is_left_out(&self, start: &RecordStart) -> bool {
        let decides = matches!(start.code, code::STATEMENT_INTENT | code::STATEMENT_REFUSED);
        decides
            && self.extent.is_some_and(|extent| {
                !extent.statements || !(extent.from..extent.to).contains(&start.time_microseconds)
            })
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
        let event = number(start.number);
        self.groups.entry(key).or_default().decided(time, event, intent.origin);
        self.ran(start, intent)?;
        if intent.origin == Origin::Parse {
            self.prepared.insert(key.session, (intent.statement.0, key));
            return Ok(());
        }
        if self.open.len() >= OPEN_STATEMENTS_MAX {
            self.open.clear();
        }
        add_open(&mut self.open, (key.session, intent.statement.0), key);
        Ok(())
    }

    /// Notes whoever touches a table for the first time.
    fn ran(&mut self, start: &RecordStart, intent: &StatementIntent) -> Result<(), IndexError> {
        if matches!(intent.origin, Origin::Parse | Origin::Describe) {
            return Ok(());
        }
        let session = intent.session.0.cast_signed();
        let shape = self.defined(DefinitionKind::Shape, intent.shape)?;
        if shape == 0 || !self.touched.insert((session, shape)) {
            return Ok(());
        }
        if self.touched.len() > TOUCHED_MAX {
            self.touched.clear();
        }
        self.connection
            .prepare_cached(
                "INSERT INTO ix_first_touch
                 SELECT p.display, s.database, r.schema, r.name, ?3, ?4
                 FROM ix_session s JOIN ix_principal p ON p.id = s.principal JOIN ix_shape_relation r ON r.shape = ?2
                 WHERE s.id = ?1 AND r.schema NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
                 ON CONFLICT DO NOTHING",
            )?
            .execute(params![
                session,
                shape,
                number(start.time_microseconds),
                number(start.number)
            ])?;
        Ok(())
    }

    fn outcome(&mut self, outcome: &StatementOutcome) {
        let statement = (outcome.session.0.cast_signed(), outcome.statement.0);
        if let Some((prepared, key)) = self.prepared.get(&statement.0)
            && *prepared == statement.1
        {
            self.groups.entry(*key).or_default().prepared(outcome);
            self.prepared.remove(&statement.0);
            return;
        }
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
        let event = number(start.number);
        // A refusal runs nothing, however it came.
        self.groups.entry(key).or_default().decided(time, event, Origin::Simple);
        Ok(())
    }

    fn refusal(&mut self, rule: String, sqlstate: String, message: String) -> Result<i64, IndexError> {
        let refusal = (rule, sqlstate, message);
        if let Some(row) = self.refusals.get(&refusal) {
            return Ok(*row);
        }
        let (rule, sqlstate, message) = &refusal;
        self.connection
            .prepare_cached(
                "INSERT INTO ix_refusal (rule, sqlstate, message) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
            )?
            .execute([rule, sqlstate, message])?;
        let row = self
            .connection
            .prepare_cached("SELECT id FROM ix_refusal WHERE rule = ?1 AND sqlstate = ?2 AND message = ?3")?
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
            DefinitionKind::Basis => "SELECT id FROM ix_basis WHERE digest = ?1",
            DefinitionKind::Shape | DefinitionKind::Session => "SELECT id FROM ix_shape WHERE digest = ?1",
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

    fn session_started(&self, start: &RecordStart, session: &SessionStarted) -> Result<(), IndexError> {
        let principal = self.principal(&session.principal)?;
        self.connection
            .prepare_cached(
                "INSERT INTO ix_session (id, principal, database, login, upstream_user, client_address, client_program,
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
        self.prepared.remove(&session);
        self.connection
            .prepare_cached(
                "UPDATE ix_session SET ended = ?2, ended_event = ?3, reason = ?4, statements = ?5, refused = ?6
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
            .prepare_cached(
                "INSERT INTO ix_login_refused VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO NOTHING",
            )?
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

    /// Forgets what the events that have left said; whoever touched a table first stays known.
    fn retire(&mut self, retired: &SegmentsRetired) -> Result<(), IndexError> {
        if self.extent.is_some() {
            return Ok(());
        }
        // What waits in memory may belong to rows that go.
        self.write()?;
        for forget in schema::RETIRE {
            self.connection
                .prepare_cached(forget)?
                .execute([number(retired.events)])?;
        }
        self.forget();
        Ok(())
    }

    fn act(&self, start: &RecordStart, bytes: &[u8], kind: &str) -> Result<(), IndexError> {
        let content = serde_json::to_string(&record::decode(bytes)?.event)?;
        self.connection
            .prepare_cached("INSERT INTO ix_act VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING")?
            .execute(params![
                number(start.number),
                number(start.time_microseconds),
                kind,
                content
            ])?;
        Ok(())
    }
}

/// The ledger's id.
pub(crate) fn ledger_of(layout: &Layout) -> Result<[u8; 16], IndexError> {
    check_version(layout)?;
    Ok(layout.ledger_id()?)
}

/// Segment, byte and events that the index has taken in.
pub(crate) fn position(connection: &Connection) -> Result<(u64, u64, u64), IndexError> {
    let place = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get::<_, i64>(2)?));
    let (segment, byte, events) = connection.query_row("SELECT segment, byte, events FROM ix_position", [], place)?;
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
    let mut query = connection.prepare("SELECT session, statement, shape, basis, minute FROM ix_open_statement")?;
    let mut rows = query.query([])?;
    let mut open = HashMap::default();
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
