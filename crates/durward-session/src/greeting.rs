//! Reading and writing single messages during login, when there is one of each at a time.

use std::io;

use durward_wire::limits::AUTHENTICATION_BODY_BYTES_MAX;
use durward_wire::postgres::frame::{cut_frame, cut_startup};
use durward_wire::postgres::tag::frontend as tag;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::limits::FAREWELL_SECONDS_MAX;
use crate::stream::Stream;

/// A client's connection before its session.
#[derive(Debug)]
pub(crate) struct Greeting {
    pub(crate) stream: Stream,
    pub(crate) inbound: Vec<u8>,
}

/// Why a login can't go on with this client; it is told nothing, or nothing more.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Hangup {
    /// The connection failed or was closed.
    #[error("the client closed the connection")]
    Io(#[from] io::Error),
    /// What it sent isn't the protocol.
    #[error("{0}")]
    Protocol(String),
}

impl Greeting {
    pub(crate) fn new(stream: Stream) -> Self {
        Self {
            stream,
            inbound: Vec::new(),
        }
    }

    /// The next startup packet's body. Cancel safe: no.
    pub(crate) async fn startup_packet(&mut self) -> Result<Vec<u8>, Hangup> {
        loop {
            match cut_startup(&self.inbound).map_err(|error| Hangup::Protocol(error.to_string()))? {
                Some((body, taken)) => {
                    let body = body.to_vec();
                    self.inbound.drain(..taken);
                    return Ok(body);
                }
                None => self.fill().await?,
            }
        }
    }

    /// The body of the next password or SASL message. Cancel safe: no.
    pub(crate) async fn password_message(&mut self) -> Result<zeroize::Zeroizing<Vec<u8>>, Hangup> {
        loop {
            let cut = cut_frame(&self.inbound, AUTHENTICATION_BODY_BYTES_MAX)
                .map_err(|error| Hangup::Protocol(error.to_string()))?;
            match cut {
                Some((frame, taken)) if frame.tag == tag::PASSWORD => {
                    let body = zeroize::Zeroizing::new(frame.body.to_vec());
                    zeroize::Zeroize::zeroize(self.inbound.get_mut(..taken).unwrap_or_default());
                    self.inbound.drain(..taken);
                    return Ok(body);
                }
                Some((frame, _)) if frame.tag == tag::TERMINATE => {
                    return Err(Hangup::Io(io::ErrorKind::UnexpectedEof.into()));
                }
                Some((frame, _)) => {
                    return Err(Hangup::Protocol(format!(
                        "message type 0x{:02x} in place of a password",
                        frame.tag
                    )));
                }
                None => self.fill().await?,
            }
        }
    }

    /// Sends what `write` puts together. Cancel safe: no.
    pub(crate) async fn send(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> Result<(), Hangup> {
        let mut out = Vec::new();
        write(&mut out);
        self.stream.write_all(&out).await?;
        self.stream.flush().await?;
        Ok(())
    }

    /// Says the end of the connection, in TLS by `close_notify`. Cancel safe: no.
    pub(crate) async fn close(mut self) {
        // A client that is gone already, or doesn't listen, needs no farewell.
        let closing = tokio::time::timeout(FAREWELL_SECONDS_MAX, self.stream.shutdown());
        if !matches!(closing.await, Ok(Ok(()))) {
            tracing::debug!("a connection ended without its farewell");
        }
    }

    /// Reads something. Cancel safe: yes.
    pub(crate) async fn fill(&mut self) -> Result<(), Hangup> {
        let count = self.stream.read_buf(&mut self.inbound).await?;
        if count == 0 {
            return Err(Hangup::Io(io::ErrorKind::UnexpectedEof.into()));
        }
        Ok(())
    }
}
