use std::time::Duration;

use durward_wire::postgres::ProtocolVersion;
use durward_wire::postgres::backend::{Authentication, BackendMessage};
use durward_wire::postgres::error::EncodeError;
use durward_wire::postgres::frame::{Frame, cut_frame};
use durward_wire::postgres::frontend::write;
use postgres_protocol::authentication::sasl::{ChannelBinding, SCRAM_SHA_256, ScramSha256};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::shown::shown;

/// How long an answer may take before the test fails.
const PATIENCE: Duration = Duration::from_secs(30);

/// The longest message accepted: 64 MiB, above anything that a test asks for.
const BODY_BYTES_MAX: usize = 64 << 20;

/// A client that sends what it is told and shows what comes back, over any stream.
#[derive(Debug)]
pub struct ScriptClient<S> {
    stream: S,
    read: Vec<u8>,
    start: usize,
}

impl<S: AsyncRead + AsyncWrite + Unpin> ScriptClient<S> {
    /// A client that has said nothing yet.
    pub fn new(stream: S) -> Self {
        Self {
            stream,
            read: Vec::new(),
            start: 0,
        }
    }

    /// Sends a startup packet of protocol 3.0, answers requests for a password (clear or SCRAM), and reads up to the
    /// first ReadyForQuery or the end. Shows what came but for those. Cancel safe: no.
    pub async fn log_in(&mut self, user: &str, database: &str, password: &str) -> String {
        let parameters = [("user", user), ("database", database)];
        self.send(|out| {
            let bytes = parameters.map(|(name, value)| (name.as_bytes(), value.as_bytes()));
            write::startup(out, ProtocolVersion::V3_0, bytes)
        })
        .await;
        let mut scram = ScramSha256::new(password.as_bytes(), ChannelBinding::unsupported());
        let mut words = Vec::new();
        while let Some((tag, body)) = self.frame().await {
            let frame = Frame { tag, body: &body };
            if let Ok(BackendMessage::Authentication(step)) = BackendMessage::decode(frame)
                && self.authenticate(step, password, &mut scram).await
            {
                continue;
            }
            words.push(shown(frame));
            if tag == b'Z' {
                return words.join(" ");
            }
        }
        words.push("end".to_owned());
        words.join(" ")
    }

    /// Answers one step of login; false if it asks for nothing.
    async fn authenticate(&mut self, step: Authentication<'_>, password: &str, scram: &mut ScramSha256) -> bool {
        match step {
            Authentication::CleartextPassword => self.send(|out| write::password(out, password.as_bytes())).await,
            Authentication::Sasl(_) => {
                let first = scram.message();
                self.send(|out| write::sasl_initial_response(out, SCRAM_SHA_256.as_bytes(), Some(first)))
                    .await;
            }
            Authentication::SaslContinue(challenge) => {
                scram.update(challenge).expect("a challenge of SCRAM");
                let last = scram.message();
                self.send(|out| write::sasl_response(out, last)).await;
            }
            Authentication::SaslFinal(outcome) => scram.finish(outcome).expect("a server that knows the password"),
            Authentication::Ok | Authentication::Md5Password { .. } | Authentication::Unsupported { .. } => {
                return false;
            }
        }
        true
    }

    /// Sends messages of the ordinary kind. Cancel safe: no.
    pub async fn send(&mut self, write: impl FnOnce(&mut Vec<u8>) -> Result<(), EncodeError>) {
        let mut out = Vec::new();
        write(&mut out).expect("a message that can be written");
        self.send_bytes(&out).await;
    }

    /// Sends bytes, whatever they are. A peer that has gone is no failure: what it said last is still to be read.
    /// Cancel safe: no.
    pub async fn send_bytes(&mut self, bytes: &[u8]) {
        let sent = tokio::time::timeout(PATIENCE, self.stream.write_all(bytes)).await;
        let _gone = sent.expect("the peer reads").is_err();
    }

    /// Says that nothing more will be sent, and keeps reading. Cancel safe: no.
    pub async fn half_close(&mut self) {
        let _gone = self.stream.shutdown().await.is_err();
    }

    /// Sends a simple Query and shows the answers up to ReadyForQuery. Cancel safe: no.
    pub async fn query(&mut self, text: &str) -> String {
        self.send(|out| write::query(out, text.as_bytes())).await;
        self.until_ready().await
    }

    /// Shows everything up to ReadyForQuery, or to the end of the connection (then the last word is `end`).
    /// Notices and reported settings are left out. Cancel safe: no.
    pub async fn until_ready(&mut self) -> String {
        self.words(|tag| tag == b'Z').await
    }

    /// Shows everything up to the first message of this tag. Cancel safe: no.
    pub async fn until(&mut self, tag: u8) -> String {
        self.words(|each| each == tag).await
    }

    /// Shows everything up to the end of the connection. Cancel safe: no.
    pub async fn until_end(&mut self) -> String {
        self.words(|_| false).await
    }

    async fn words(&mut self, is_last: impl Fn(u8) -> bool) -> String {
        let mut words = Vec::new();
        loop {
            let Some((tag, body)) = self.frame().await else {
                words.push("end".to_owned());
                return words.join(" ");
            };
            if !matches!(tag, b'N' | b'S') {
                words.push(shown(Frame { tag, body: &body }));
            }
            if is_last(tag) {
                return words.join(" ");
            }
        }
    }

    /// The next message; `None` when the connection has ended. Cancel safe: yes.
    pub async fn frame(&mut self) -> Option<(u8, Vec<u8>)> {
        loop {
            let waiting = self.read.get(self.start..).unwrap_or_default();
            let cut = cut_frame(waiting, BODY_BYTES_MAX).expect("whole messages");
            if let Some((frame, taken)) = cut {
                let message = (frame.tag, frame.body.to_vec());
                self.start += taken;
                return Some(message);
            }
            self.read.drain(..self.start);
            self.start = 0;
            let filled = tokio::time::timeout(PATIENCE, self.stream.read_buf(&mut self.read)).await;
            // A connection that was reset has ended too.
            if filled.expect("an answer in time").unwrap_or(0) == 0 {
                assert!(
                    self.read.is_empty(),
                    "the connection ends inside a message: {}",
                    self.read.escape_ascii()
                );
                return None;
            }
        }
    }

    /// The stream itself, to do with it what no message does.
    pub fn stream(&mut self) -> &mut S {
        &mut self.stream
    }
}
