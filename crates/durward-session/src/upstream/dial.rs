//! From an address to a connection on which the startup packet can be sent, in the ways of each `sslmode`.

use std::time::Duration;

use durward_model::sqlstate;
use durward_wire::postgres::frontend::write;
use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UnixStream};

use super::{Target, TargetAddress, UpstreamConnection, UpstreamCredentials, UpstreamError, login};
use crate::stream::Stream;
use crate::tls::{SslMode, SslNegotiation, UpstreamTls};

/// A server that vanished without a word is noticed within about 2 minutes.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(60);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(15);

/// A connection before its startup packet.
#[derive(Debug)]
pub(super) struct Dialled {
    pub(super) stream: Stream,
    pub(super) end_point: Option<Vec<u8>>,
}

/// One way to try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encryption {
    /// None.
    Never,
    /// If the server has it.
    IfOffered,
    /// Or no connection.
    Always,
}

/// Connects and logs in; where the mode allows both, a server that refuses the one way is tried the other way.
pub(super) async fn connect(
    target: &Target,
    credentials: &UpstreamCredentials,
    parameters: &[(String, String)],
) -> Result<UpstreamConnection, UpstreamError> {
    let (first, second) = ways(target);
    let error = match attempt(target, first, credentials, parameters).await {
        Ok(connection) => return Ok(connection),
        Err(error) => error,
    };
    match second {
        Some(second) if worth_another(&error) => {
            // The first refusal is the one that tells the reason, if the other way fails too.
            attempt(target, second, credentials, parameters)
                .await
                .map_err(|_| error)
        }
        _ => Err(error),
    }
}

fn ways(target: &Target) -> (Encryption, Option<Encryption>) {
    if matches!(target.address(), TargetAddress::Unix { .. }) {
        return (Encryption::Never, None);
    }
    match target.tls().mode() {
        SslMode::Disable => (Encryption::Never, None),
        SslMode::Allow => (Encryption::Never, Some(Encryption::Always)),
        SslMode::Prefer => (Encryption::IfOffered, Some(Encryption::Never)),
        SslMode::Require | SslMode::VerifyCa | SslMode::VerifyFull => (Encryption::Always, None),
    }
}

/// No entry in `pg_hba.conf` for this kind of connection, or a failed handshake. Never a wrong password: it must not be
/// sent again over a weaker connection.
fn worth_another(error: &UpstreamError) -> bool {
    match error {
        UpstreamError::Server(error) => error.code() == sqlstate::INVALID_AUTHORIZATION,
        UpstreamError::Io { what, .. } => *what == TLS_HANDSHAKE,
        UpstreamError::TimedOut
        | UpstreamError::Closed
        | UpstreamError::NoTls
        | UpstreamError::NoPassword
        | UpstreamError::PasswordNotChecked
        | UpstreamError::CleartextRefused
        | UpstreamError::UnsupportedAuthentication(_)
        | UpstreamError::ServerNotProved(_)
        | UpstreamError::Protocol(_) => false,
    }
}

const TLS_HANDSHAKE: &str = "TLS handshake with the server";

async fn attempt(
    target: &Target,
    encryption: Encryption,
    credentials: &UpstreamCredentials,
    parameters: &[(String, String)],
) -> Result<UpstreamConnection, UpstreamError> {
    let dialled = dial(target.address(), target.tls(), encryption).await?;
    login::log_in(target, dialled, credentials, parameters).await
}

/// Opens a connection of the kind asked for. Cancel safe: yes.
pub(super) async fn dial(
    address: &TargetAddress,
    tls: &UpstreamTls,
    encryption: Encryption,
) -> Result<Dialled, UpstreamError> {
    let (stream, host) = match address {
        TargetAddress::Unix { folder, port } => {
            let path = folder.join(format!(".s.PGSQL.{port}"));
            let stream = UnixStream::connect(path)
                .await
                .map_err(UpstreamError::io("connecting"))?;
            return Ok(Dialled {
                stream: Stream::Unix(stream),
                end_point: None,
            });
        }
        TargetAddress::Tcp { host, address, port } => {
            let place = (address.as_deref().unwrap_or(host), *port);
            (
                TcpStream::connect(place)
                    .await
                    .map_err(UpstreamError::io("connecting"))?,
                host,
            )
        }
    };
    tune(&stream).map_err(UpstreamError::io("setting up the socket"))?;
    match encryption {
        Encryption::Never => {}
        Encryption::IfOffered | Encryption::Always => {
            return encrypt(stream, host, tls, encryption).await;
        }
    }
    Ok(Dialled {
        stream: Stream::Tcp(stream),
        end_point: None,
    })
}

fn tune(stream: &TcpStream) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let keepalive = TcpKeepalive::new()
        .with_time(KEEPALIVE_IDLE)
        .with_interval(KEEPALIVE_INTERVAL);
    SockRef::from(stream).set_tcp_keepalive(&keepalive)
}

async fn encrypt(
    mut stream: TcpStream,
    host: &str,
    tls: &UpstreamTls,
    encryption: Encryption,
) -> Result<Dialled, UpstreamError> {
    if tls.negotiation() == SslNegotiation::Postgres {
        let mut request = Vec::new();
        write::ssl_request(&mut request);
        stream
            .write_all(&request)
            .await
            .map_err(UpstreamError::io("asking for TLS"))?;
        // One byte and no more: what follows belongs to the handshake (CVE-2021-23222).
        let mut answer = [0; 1];
        stream
            .read_exact(&mut answer)
            .await
            .map_err(UpstreamError::io("asking for TLS"))?;
        match answer {
            [b'S'] => {}
            [b'N'] if encryption == Encryption::IfOffered => {
                return Ok(Dialled {
                    stream: Stream::Tcp(stream),
                    end_point: None,
                });
            }
            [b'N'] => return Err(UpstreamError::NoTls),
            // What an error here says comes unauthenticated, and is shown to nobody (CVE-2024-10977).
            _ => {
                return Err(UpstreamError::Protocol(
                    "an answer to the request for TLS that is neither yes nor no".into(),
                ));
            }
        }
    }
    let (encrypted, end_point) = tls
        .connect(host, stream)
        .await
        .map_err(UpstreamError::io(TLS_HANDSHAKE))?;
    Ok(Dialled {
        stream: Stream::TlsClient(Box::new(encrypted)),
        end_point,
    })
}
