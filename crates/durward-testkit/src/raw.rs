use std::fmt;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use postgres_protocol::authentication::sasl::{ChannelBinding, SCRAM_SHA_256, ScramSha256};

use crate::Access;

/// How long an answer may take.
const READ_PATIENCE: Duration = Duration::from_secs(60);

/// The longest message accepted: 64 MiB, above anything that a test asks for.
const MESSAGE_BYTES_MAX: usize = 64 << 20;

/// Why a conversation ended.
#[derive(Debug)]
pub enum RawError {
    /// The socket failed or was closed.
    Socket(io::Error),
    /// The login was refused.
    Refused(Reply),
    /// Something came that this client does not know.
    Protocol(String),
}

impl fmt::Display for RawError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Socket(error) => write!(f, "socket: {error}"),
            Self::Refused(reply) => write!(f, "login refused: {reply}"),
            Self::Protocol(message) => write!(f, "protocol: {message}"),
        }
    }
}

impl std::error::Error for RawError {}

impl From<io::Error> for RawError {
    fn from(error: io::Error) -> Self {
        Self::Socket(error)
    }
}

/// One message from the server, as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The message's tag.
    pub tag: u8,
    /// What follows the length.
    pub body: Vec<u8>,
}

impl Reply {
    /// A field of an ErrorResponse or NoticeResponse by its letter (`C` is the SQLSTATE, `M` the message).
    pub fn field(&self, letter: u8) -> Option<String> {
        self.body
            .split(|byte| *byte == 0)
            .find(|field| field.first() == Some(&letter))
            .map(|field| String::from_utf8_lossy(field.get(1..).unwrap_or_default()).into_owned())
    }

    /// The SQLSTATE of an ErrorResponse or NoticeResponse; empty where there is none.
    pub fn sqlstate(&self) -> String {
        self.field(b'C').unwrap_or_default()
    }
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tag = char::from(self.tag);
        if matches!(self.tag, b'E' | b'N') {
            let [code, message] = [b'C', b'M'].map(|letter| self.field(letter).unwrap_or_default());
            write!(f, "{tag} {code} {message}")?;
            for letter in [b'D', b'H'] {
                if let Some(text) = self.field(letter) {
                    write!(f, " | {text}")?;
                }
            }
            return Ok(());
        }
        write!(f, "{tag} {}", self.body.escape_ascii())
    }
}

/// Everything that the server said up to ReadyForQuery.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Transcript {
    /// The messages in order, ReadyForQuery last.
    pub replies: Vec<Reply>,
}

impl Transcript {
    /// The first error.
    pub fn error(&self) -> Option<&Reply> {
        self.replies.iter().find(|reply| reply.tag == b'E')
    }

    /// The SQLSTATE of the first error.
    pub fn sqlstate(&self) -> Option<String> {
        self.error().map(Reply::sqlstate)
    }

    /// The transaction status of the last ReadyForQuery: `I`, `T` or `E`.
    pub fn status(&self) -> Option<char> {
        let ready = self.replies.iter().rfind(|reply| reply.tag == b'Z')?;
        ready.body.first().copied().map(char::from)
    }

    /// The message tags in order.
    pub fn tags(&self) -> String {
        self.replies.iter().map(|reply| char::from(reply.tag)).collect()
    }

    /// The rows of all results, as text; NULL reads `NULL`.
    pub fn rows(&self) -> Vec<Vec<String>> {
        self.replies
            .iter()
            .filter(|reply| reply.tag == b'D')
            .map(|reply| cells(&reply.body))
            .collect()
    }

    /// The command tags in order.
    pub fn commands(&self) -> Vec<String> {
        self.replies
            .iter()
            .filter(|reply| reply.tag == b'C')
            .map(|reply| text_of(&reply.body))
            .collect()
    }
}

/// A client that speaks the protocol in plain sight and hides nothing: plaintext, one connection, no cleverness.
#[derive(Debug)]
pub struct RawClient {
    stream: TcpStream,
    read: Vec<u8>,
    parameters: Vec<(String, String)>,
    backend_key: Vec<u8>,
}

impl RawClient {
    /// Connects and logs in.
    ///
    /// # Errors
    /// When the socket fails or the login is refused.
    pub fn connect(access: &Access) -> Result<Self, RawError> {
        Self::connect_with(access, &[])
    }

    /// Connects and logs in with further start-up parameters.
    ///
    /// # Errors
    /// When the socket fails or the login is refused.
    pub fn connect_with(access: &Access, parameters: &[(&str, &str)]) -> Result<Self, RawError> {
        let stream = TcpStream::connect(access.address)?;
        stream.set_read_timeout(Some(READ_PATIENCE))?;
        stream.set_nodelay(true)?;
        let mut client = Self {
            stream,
            read: Vec::new(),
            parameters: Vec::new(),
            backend_key: Vec::new(),
        };
        let mut body = 196_608_i32.to_be_bytes().to_vec();
        let own = [("user", access.user.as_str()), ("database", access.database.as_str())];
        for (name, value) in own.iter().chain(parameters) {
            body.extend_from_slice(name.as_bytes());
            body.push(0);
            body.extend_from_slice(value.as_bytes());
            body.push(0);
        }
        body.push(0);
        client.send(&sized(&body))?;
        client.log_in(&access.password)?;
        Ok(client)
    }

    fn log_in(&mut self, password: &str) -> Result<(), RawError> {
        let mut scram = ScramSha256::new(password.as_bytes(), ChannelBinding::unsupported());
        loop {
            let reply = self.read_reply()?;
            match reply.tag {
                b'R' => self.authenticate(&reply, password, &mut scram)?,
                b'S' => {
                    let mut words = reply.body.split(|byte| *byte == 0).map(String::from_utf8_lossy);
                    if let (Some(name), Some(value)) = (words.next(), words.next()) {
                        self.parameters.push((name.into_owned(), value.into_owned()));
                    }
                }
                b'K' => self.backend_key = reply.body,
                b'Z' => return Ok(()),
                b'E' => return Err(RawError::Refused(reply)),
                _ => {}
            }
        }
    }

    fn authenticate(&mut self, reply: &Reply, password: &str, scram: &mut ScramSha256) -> Result<(), RawError> {
        let (kind, rest) = reply.body.split_at_checked(4).unwrap_or((&[], &[]));
        let answer = match kind {
            [0, 0, 0, 0] => return Ok(()),
            [0, 0, 0, 3] => [password.as_bytes(), &[0]].concat(),
            [0, 0, 0, 10] => {
                let first = scram.message();
                let length = u32::try_from(first.len()).unwrap_or_default().to_be_bytes();
                [SCRAM_SHA_256.as_bytes(), &[0], &length, first].concat()
            }
            [0, 0, 0, 11] => {
                scram.update(rest)?;
                scram.message().to_vec()
            }
            [0, 0, 0, 12] => {
                scram.finish(rest)?;
                return Ok(());
            }
            other => return Err(RawError::Protocol(format!("authentication {other:?}"))),
        };
        self.send(&message(b'p', &answer))
    }

    /// What the server reported for a setting at login.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        let found = self.parameters.iter().find(|(key, _)| key == name)?;
        Some(&found.1)
    }

    /// The BackendKeyData that came at login.
    pub fn backend_key(&self) -> &[u8] {
        &self.backend_key
    }

    /// A second handle on the socket.
    ///
    /// # Errors
    /// When the socket can't be duplicated.
    pub fn socket(&self) -> Result<TcpStream, RawError> {
        Ok(self.stream.try_clone()?)
    }

    /// Sends bytes as they are.
    ///
    /// # Errors
    /// When the socket fails.
    pub fn send(&mut self, bytes: &[u8]) -> Result<(), RawError> {
        Ok(self.stream.write_all(bytes)?)
    }

    /// Sends a simple Query and reads everything up to ReadyForQuery. A COPY from the client gets no rows.
    ///
    /// # Errors
    /// When the socket fails.
    pub fn query(&mut self, text: &str) -> Result<Transcript, RawError> {
        self.query_with_copy(text, b"")
    }

    /// Sends a simple Query; a COPY from the client gets `rows`.
    ///
    /// # Errors
    /// When the socket fails.
    pub fn query_with_copy(&mut self, text: &str, rows: &[u8]) -> Result<Transcript, RawError> {
        self.send(&message(b'Q', &terminated(text)))?;
        self.read_until_ready(rows, b"")
    }

    /// Sends Parse, Bind, Describe, Execute and Sync for one statement without parameters, in text format.
    ///
    /// # Errors
    /// When the socket fails.
    pub fn extended(&mut self, text: &str, rows: &[u8]) -> Result<Transcript, RawError> {
        self.send_extended(text, &[], false)?;
        // A Sync that arrives during a COPY is ignored by the server, so one more follows the rows.
        self.read_until_ready(rows, &message(b'S', b""))
    }

    /// The same with parameters in text format, whose types are left to the server, and results in either format.
    ///
    /// # Errors
    /// When the socket fails.
    pub fn extended_with(
        &mut self,
        text: &str,
        parameters: &[Option<String>],
        binary: bool,
    ) -> Result<Transcript, RawError> {
        self.send_extended(text, parameters, binary)?;
        self.read_until_ready(b"", &message(b'S', b""))
    }

    /// Sends Parse, Bind, Describe and Sync, and no Execute.
    ///
    /// # Errors
    /// When the socket fails.
    pub fn bound(&mut self, text: &str) -> Result<Transcript, RawError> {
        let parse = message(b'P', &[&[0], terminated(text).as_slice(), &[0, 0]].concat());
        let (bind, describe) = (message(b'B', &[0; 8]), message(b'D', b"P\0"));
        self.send(&[parse, bind, describe, message(b'S', b"")].concat())?;
        self.read_until_ready(b"", b"")
    }

    /// Sends a COPY with its rows and, behind it in the same pipeline, another statement, before anything is answered.
    ///
    /// # Errors
    /// When the socket fails.
    pub fn extended_then(&mut self, copy: &str, rows: &[u8], next: &str) -> Result<Transcript, RawError> {
        let step = |text: &str| {
            let parse = message(b'P', &[&[0], terminated(text).as_slice(), &[0, 0]].concat());
            [parse, message(b'B', &[0; 8]), message(b'E', &[0; 5])].concat()
        };
        let data = [message(b'd', rows), message(b'c', b"")].concat();
        self.send(&[step(copy), data, step(next), message(b'S', b"")].concat())?;
        let mut transcript = Transcript::default();
        loop {
            let reply = self.read_reply()?;
            let is_ready = reply.tag == b'Z';
            transcript.replies.push(reply);
            if is_ready {
                return Ok(transcript);
            }
        }
    }

    fn send_extended(&mut self, text: &str, parameters: &[Option<String>], binary: bool) -> Result<(), RawError> {
        let parse = message(b'P', &[&[0], terminated(text).as_slice(), &[0, 0]].concat());
        let count = u16::try_from(parameters.len()).expect("tests have few parameters");
        // Unnamed portal and statement, no formats of parameters, their values, and one format for all results.
        let mut bind = [&[0; 4], count.to_be_bytes().as_slice()].concat();
        for parameter in parameters {
            let length = parameter.as_ref().map_or(-1, |value| length_of(value.as_bytes()));
            bind.extend(length.to_be_bytes());
            bind.extend(parameter.iter().flat_map(|value| value.as_bytes()));
        }
        bind.extend([0, 1, 0, u8::from(binary)]);
        let describe = message(b'D', b"P\0");
        let execute = message(b'E', &[0; 5]);
        let sync = message(b'S', b"");
        self.send(&[parse, message(b'B', &bind), describe, execute, sync].concat())
    }

    fn read_until_ready(&mut self, rows: &[u8], after_copy: &[u8]) -> Result<Transcript, RawError> {
        let mut transcript = Transcript::default();
        loop {
            let reply = self.read_reply()?;
            let tag = reply.tag;
            transcript.replies.push(reply);
            match tag {
                b'G' => {
                    let data = if rows.is_empty() {
                        Vec::new()
                    } else {
                        message(b'd', rows)
                    };
                    self.send(&[data, message(b'c', b""), after_copy.to_vec()].concat())?;
                }
                b'Z' => return Ok(transcript),
                _ => {}
            }
        }
    }

    /// Reads an answer to its end, and sends nothing meanwhile: what a COPY asks for has been sent.
    ///
    /// # Errors
    /// When the socket fails.
    pub fn read_to_ready(&mut self) -> Result<Transcript, RawError> {
        let mut transcript = Transcript::default();
        loop {
            transcript.replies.push(self.read_reply()?);
            if transcript.replies.last().is_some_and(|reply| reply.tag == b'Z') {
                return Ok(transcript);
            }
        }
    }

    /// Reads one message.
    ///
    /// # Errors
    /// When the socket fails or the message is longer than any that a test asks for.
    pub fn read_reply(&mut self) -> Result<Reply, RawError> {
        loop {
            if let Some(reply) = self.cut_reply()? {
                return Ok(reply);
            }
            let mut chunk = [0; 16_384];
            let length = self.stream.read(&mut chunk)?;
            if length == 0 {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
            }
            self.read.extend_from_slice(chunk.get(..length).unwrap_or_default());
        }
    }

    fn cut_reply(&mut self) -> Result<Option<Reply>, RawError> {
        let Some((&[tag, a, b, c, d], rest)) = self.read.split_first_chunk::<5>() else {
            return Ok(None);
        };
        let length = usize::try_from(i32::from_be_bytes([a, b, c, d])).unwrap_or(0);
        if !(4..=MESSAGE_BYTES_MAX).contains(&length) {
            return Err(RawError::Protocol(format!("a message of {length} bytes")));
        }
        let Some(body) = rest.get(..length - 4) else {
            return Ok(None);
        };
        let reply = Reply {
            tag,
            body: body.to_vec(),
        };
        self.read.drain(..=length);
        Ok(Some(reply))
    }
}

/// A message with its tag and length.
fn message(tag: u8, body: &[u8]) -> Vec<u8> {
    [&[tag], sized(body).as_slice()].concat()
}

/// A message without a tag: length and body.
fn sized(body: &[u8]) -> Vec<u8> {
    [&(length_of(body) + 4).to_be_bytes(), body].concat()
}

fn length_of(bytes: &[u8]) -> i32 {
    i32::try_from(bytes.len()).expect("tests send less than 2 GiB")
}

fn terminated(text: &str) -> Vec<u8> {
    [text.as_bytes(), &[0]].concat()
}

fn text_of(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(bytes.get(..end).unwrap_or_default()).into_owned()
}

/// The cells of a DataRow.
fn cells(body: &[u8]) -> Vec<String> {
    let mut rest = body.get(2..).unwrap_or_default();
    let mut cells = Vec::new();
    while let Some((length, after)) = rest.split_first_chunk::<4>() {
        match usize::try_from(i32::from_be_bytes(*length)) {
            Ok(length) => {
                let (cell, after) = after.split_at_checked(length).unwrap_or((after, &[]));
                cells.push(String::from_utf8_lossy(cell).into_owned());
                rest = after;
            }
            Err(_) => {
                cells.push("NULL".to_owned());
                rest = after;
            }
        }
    }
    cells
}
