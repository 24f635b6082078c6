use std::collections::HashMap;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicI32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use durward_wire::postgres::Format;
use durward_wire::postgres::backend::{TransactionStatus, write};
use durward_wire::postgres::frame::{cut_frontend_frame, cut_startup};
use durward_wire::postgres::frontend::{FrontendMessage, StartupRequest, Target};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::answer::{Answer, error};

/// Output is handed on in pieces of this many bytes: a long answer is never held whole.
const PIECE_BYTES: usize = 64 * 1024;

/// Something that a stand-in was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// A startup packet with these parameters.
    Startup(Vec<(String, String)>),
    /// A request to cancel what this process does.
    Cancel(i32),
    /// The text of a Query.
    Query(String),
    /// The text of a Parse.
    Parse(String),
    /// Any other message, by its tag.
    Other(char),
    /// The connection has ended.
    End,
}

type Responder = dyn Fn(&str) -> Answer + Send + Sync;

/// A PostgreSQL server that accepts every login and answers each statement as it is told. It ends with the value.
pub struct StandIn {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

struct Shared {
    respond: Box<Responder>,
    heard: Mutex<Vec<Heard>>,
    connections: AtomicUsize,
    next_process_id: AtomicI32,
}

impl fmt::Debug for StandIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StandIn")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

impl StandIn {
    /// Listens on a free port of the loopback address; `respond` says what is done about each statement's text.
    /// Cancel safe: yes.
    pub async fn start(respond: impl Fn(&str) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let shared = Arc::new(Shared {
            respond: Box::new(respond),
            heard: Mutex::new(Vec::new()),
            connections: AtomicUsize::new(0),
            next_process_id: AtomicI32::new(1_000),
        });
        let accepting = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Self {
            address,
            shared,
            accepting,
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Everything that it was sent so far, over all connections.
    pub fn heard(&self) -> Vec<Heard> {
        self.shared.heard.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The texts of statements that it was sent so far: what got past the gateway.
    pub fn texts(&self) -> Vec<String> {
        let texts = self.heard().into_iter().filter_map(|heard| match heard {
            Heard::Query(text) | Heard::Parse(text) => Some(text),
            Heard::Startup(_) | Heard::Cancel(_) | Heard::Other(_) | Heard::End => None,
        });
        texts.collect()
    }

    /// How many connections are open.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::Relaxed)
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Shared {
    fn hear(&self, heard: Heard) {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).push(heard);
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    // Connections live in a set of their own, so that they end with the stand-in.
    let mut connections = tokio::task::JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((stream, _)) = accepted else { continue };
                let shared = Arc::clone(&shared);
                connections.spawn(async move {
                    shared.connections.fetch_add(1, Ordering::Relaxed);
                    let _gone = Connection::new(stream, &shared).serve().await.is_err();
                    shared.connections.fetch_sub(1, Ordering::Relaxed);
                    shared.hear(Heard::End);
                });
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

/// What goes on after an answer.
enum Next {
    Continue,
    End,
}

struct Connection<'a> {
    stream: TcpStream,
    shared: &'a Shared,
    read: Vec<u8>,
    out: Vec<u8>,
    status: TransactionStatus,
    /// An extended message has failed; everything up to Sync is dropped.
    skipping: bool,
    statements: HashMap<Vec<u8>, String>,
    portals: HashMap<Vec<u8>, String>,
}

impl<'a> Connection<'a> {
    fn new(stream: TcpStream, shared: &'a Shared) -> Self {
        Self {
            stream,
            shared,
            read: Vec::new(),
            out: Vec::new(),
            status: TransactionStatus::Idle,
            skipping: false,
            statements: HashMap::new(),
            portals: HashMap::new(),
        }
    }

    async fn serve(&mut self) -> io::Result<()> {
        if !self.log_in().await? {
            return Ok(());
        }
        loop {
            let Some((tag, frame)) = self.message().await? else {
                return Ok(());
            };
            let frame = durward_wire::postgres::frame::Frame { tag, body: &frame };
            let Ok(message) = FrontendMessage::decode(frame) else {
                error(&mut self.out, "08P01", "invalid message");
                self.skipping = true;
                continue;
            };
            if let Next::End = self.answer(&message, tag).await? {
                return self.flush().await;
            }
        }
    }

    /// Accepts anybody. False if there is no session behind it.
    async fn log_in(&mut self) -> io::Result<bool> {
        loop {
            let Some((body, taken)) = cut_startup(&self.read).map_err(io::Error::other)? else {
                if self.stream.read_buf(&mut self.read).await? == 0 {
                    return Ok(false);
                }
                continue;
            };
            match StartupRequest::decode(body).map_err(io::Error::other)? {
                StartupRequest::Ssl | StartupRequest::GssEnc => self.stream.write_all(b"N").await?,
                StartupRequest::Cancel(cancel) => {
                    self.shared.hear(Heard::Cancel(cancel.process_id));
                    return Ok(false);
                }
                StartupRequest::Startup(startup) => {
                    let lossy = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
                    let parameters = startup
                        .parameters
                        .iter()
                        .map(|(name, value)| (lossy(name), lossy(value)));
                    self.shared.hear(Heard::Startup(parameters.collect()));
                    self.read.drain(..taken);
                    self.welcome();
                    self.flush().await?;
                    return Ok(true);
                }
            }
            self.read.drain(..taken);
        }
    }

    fn welcome(&mut self) {
        write::authentication_ok(&mut self.out);
        for (name, value) in [
            ("server_version", "15.18"),
            ("server_encoding", "UTF8"),
            ("client_encoding", "UTF8"),
            ("standard_conforming_strings", "on"),
            ("integer_datetimes", "on"),
            ("DateStyle", "ISO, MDY"),
            ("TimeZone", "UTC"),
        ] {
            write::parameter_status(&mut self.out, name.as_bytes(), value.as_bytes()).expect("plain words");
        }
        let process_id = self.shared.next_process_id.fetch_add(1, Ordering::Relaxed);
        write::backend_key_data(&mut self.out, process_id, &process_id.to_be_bytes()).expect("four bytes");
        write::ready_for_query(&mut self.out, self.status);
    }

    /// The client's next message; output is flushed before waiting for it.
    async fn message(&mut self) -> io::Result<Option<(u8, Vec<u8>)>> {
        loop {
            if let Some((frame, taken)) = cut_frontend_frame(&self.read).map_err(io::Error::other)? {
                let message = (frame.tag, frame.body.to_vec());
                self.read.drain(..taken);
                return Ok(Some(message));
            }
            self.flush().await?;
            if self.stream.read_buf(&mut self.read).await? == 0 {
                return Ok(None);
            }
        }
    }

    async fn flush(&mut self) -> io::Result<()> {
        self.stream.write_all(&self.out).await?;
        self.out.clear();
        if self.out.capacity() > PIECE_BYTES {
            self.out = Vec::new();
        }
        Ok(())
    }

    async fn answer(&mut self, message: &FrontendMessage<'_>, tag: u8) -> io::Result<Next> {
        self.shared.hear(match message {
            FrontendMessage::Query { text } => Heard::Query(String::from_utf8_lossy(text).into_owned()),
            FrontendMessage::Parse(parse) => Heard::Parse(String::from_utf8_lossy(parse.text).into_owned()),
            _ => Heard::Other(char::from(tag)),
        });
        match message {
            FrontendMessage::Query { text } => {
                let text = String::from_utf8_lossy(text).into_owned();
                let answer = (self.shared.respond)(&text);
                if answer.has_rows() {
                    answer.describe(&mut self.out);
                }
                if let Next::End = self.run(&answer).await? {
                    return Ok(Next::End);
                }
                self.skipping = false;
                if !matches!(answer, Answer::Bytes(_)) {
                    write::ready_for_query(&mut self.out, self.status);
                }
            }
            FrontendMessage::Sync => {
                self.skipping = false;
                write::ready_for_query(&mut self.out, self.status);
            }
            FrontendMessage::Terminate => return Ok(Next::End),
            _ if self.skipping => {}
            FrontendMessage::Parse(parse) => {
                let text = String::from_utf8_lossy(parse.text).into_owned();
                if let Answer::Error(code, words) = (self.shared.respond)(&text) {
                    self.fail(code, words);
                } else {
                    self.statements.insert(parse.statement.to_vec(), text);
                    write::parse_complete(&mut self.out);
                }
            }
            FrontendMessage::Bind(bind) => match self.statements.get(bind.statement) {
                Some(text) => {
                    self.portals.insert(bind.portal.to_vec(), text.clone());
                    write::bind_complete(&mut self.out);
                }
                None => self.fail("26000", "prepared statement does not exist"),
            },
            FrontendMessage::Describe { target, name } => self.describe(*target, name),
            FrontendMessage::Execute { portal, .. } => return self.execute(portal).await,
            FrontendMessage::Close { target, name } => {
                let named = if *target == Target::Statement {
                    &mut self.statements
                } else {
                    &mut self.portals
                };
                named.remove(*name);
                write::close_complete(&mut self.out);
            }
            FrontendMessage::Flush
            | FrontendMessage::CopyData(_)
            | FrontendMessage::CopyDone
            | FrontendMessage::CopyFail { .. } => {}
            FrontendMessage::FunctionCall { .. } | FrontendMessage::Password { .. } => return Ok(Next::End),
        }
        Ok(Next::Continue)
    }

    fn fail(&mut self, code: &'static str, words: &'static str) {
        error(&mut self.out, code, words);
        self.status = Answer::Error(code, words).status_after(self.status);
        self.skipping = true;
    }

    fn describe(&mut self, target: Target, name: &[u8]) {
        let named = if target == Target::Statement {
            &self.statements
        } else {
            &self.portals
        };
        let Some(text) = named.get(name) else {
            return self.fail("26000", "no such name");
        };
        if target == Target::Statement {
            write::parameter_description(&mut self.out, &[]).expect("no types");
        }
        (self.shared.respond)(text).describe(&mut self.out);
    }

    async fn execute(&mut self, portal: &[u8]) -> io::Result<Next> {
        let Some(text) = self.portals.get(portal) else {
            self.fail("34000", "portal does not exist");
            return Ok(Next::Continue);
        };
        let answer = (self.shared.respond)(text);
        self.skipping = matches!(answer, Answer::Error(..));
        self.run(&answer).await
    }

    /// Sends all of an answer but its description and ReadyForQuery.
    async fn run(&mut self, answer: &Answer) -> io::Result<Next> {
        if self.status == TransactionStatus::Failed && !matches!(answer, Answer::Done("COMMIT" | "ROLLBACK")) {
            self.fail(
                "25P02",
                "current transaction is aborted, commands ignored until end of transaction block",
            );
            return Ok(Next::Continue);
        }
        self.status = answer.status_after(self.status);
        match answer {
            Answer::Rows { rows, .. } => {
                for row in rows {
                    let values: Vec<_> = row.iter().map(|value| value.as_ref().map(String::as_bytes)).collect();
                    write::data_row(&mut self.out, &values).expect("values that fit");
                }
                self.complete(&format!("SELECT {}", rows.len()));
            }
            Answer::Stream { rows, value_bytes } => {
                let value = vec![b'x'; *value_bytes];
                for _ in 0..*rows {
                    write::data_row(&mut self.out, &[Some(&value)]).expect("a value that fits");
                    if self.out.len() >= PIECE_BYTES {
                        self.flush().await?;
                    }
                }
                self.complete(&format!("SELECT {rows}"));
            }
            Answer::Done(command) => self.complete(command),
            Answer::Empty => write::empty_query_response(&mut self.out),
            Answer::Error(code, words) => error(&mut self.out, code, words),
            Answer::CopyIn => return self.copy_in().await,
            Answer::CopyOut(pieces) => {
                write::copy_out_response(&mut self.out, Format::Text, &[Format::Text]).expect("one column");
                for piece in pieces {
                    durward_wire::postgres::frontend::write::copy_data(&mut self.out, piece.as_bytes())
                        .expect("a piece that fits");
                }
                durward_wire::postgres::frontend::write::copy_done(&mut self.out);
                self.complete(&format!("COPY {}", pieces.len()));
            }
            Answer::Bytes(bytes) => self.out.extend_from_slice(bytes),
            Answer::Dies(bytes) => {
                self.out.extend_from_slice(bytes);
                return Ok(Next::End);
            }
            Answer::Silence => {
                self.flush().await?;
                // Reads on, so that the end of the connection is seen.
                while self.stream.read_buf(&mut self.read).await? != 0 {}
                return Ok(Next::End);
            }
        }
        Ok(Next::Continue)
    }

    async fn copy_in(&mut self) -> io::Result<Next> {
        write::copy_in_response(&mut self.out, Format::Text, &[Format::Text]).expect("one column");
        let mut lines = 0;
        loop {
            let Some((tag, body)) = self.message().await? else {
                return Ok(Next::End);
            };
            self.shared.hear(Heard::Other(char::from(tag)));
            match tag {
                b'd' => lines += body.iter().filter(|byte| **byte == b'\n').count(),
                b'c' => {
                    self.complete(&format!("COPY {lines}"));
                    return Ok(Next::Continue);
                }
                b'H' | b'S' => {}
                _ => {
                    self.fail("57014", "COPY from stdin failed");
                    return Ok(Next::Continue);
                }
            }
        }
    }

    fn complete(&mut self, command: &str) {
        write::command_complete(&mut self.out, command.as_bytes()).expect("a plain tag");
    }
}
