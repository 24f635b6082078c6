//! Where an export goes.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream, ToSocketAddrs as _, UdpSocket};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use serde_json::Value;

use super::otlp::{Collector, Signal};
use super::syslog;
use crate::commands::runtime;

/// How long a receiver may take to connect, and to take what is sent.
const PATIENCE: Duration = Duration::from_secs(10);

/// Where an export goes.
pub(super) enum Destination {
    /// Standard output, a line for each event.
    Output,
    /// A file that is added to, a line for each event.
    File { path: PathBuf, file: Option<File> },
    /// A syslog receiver on TCP.
    SyslogTcp { address: String, stream: Option<TcpStream> },
    /// A syslog receiver on UDP.
    SyslogUdp { address: String, socket: Option<UdpSocket> },
    /// A collector of OTLP logs by HTTP.
    Otlp(Collector),
    /// A receiver of lines by HTTP POST.
    Http {
        url: String,
        authorization: Option<String>,
        client: reqwest::Client,
        runtime: tokio::runtime::Runtime,
    },
}

impl Destination {
    /// Reads `-`, a path, `syslog+tcp://host:port`, `syslog+udp://host:port`, an `otlp+http(s)` or an `http(s)` URL.
    ///
    /// # Errors
    /// When it is none of them, or the file with the credentials can't be read.
    pub(super) fn parse(text: &str, authorization_file: Option<&Path>, spans: bool) -> anyhow::Result<Self> {
        let authorization = authorization_file
            .map(|path| {
                std::fs::read_to_string(path)
                    .map(|text| text.trim().to_owned())
                    .with_context(|| format!("can't read {}", path.display()))
            })
            .transpose()?;
        let is_http = text.starts_with("http://") || text.starts_with("https://");
        if let Some(url) = text.strip_prefix("otlp+").filter(|url| url.starts_with("http")) {
            let signal = if spans { Signal::Spans } else { Signal::Logs };
            return Ok(Self::Otlp(Collector::new(url, authorization, signal)?));
        }
        ensure!(!spans, "--spans goes to a collector: --to otlp+http://HOST:4318");
        ensure!(is_http || authorization.is_none(), "--authorization-file is for HTTP");
        if text == "-" {
            return Ok(Self::Output);
        }
        if is_http {
            ensure!(
                !text.contains('@'),
                "credentials don't belong in the URL: give them by --authorization-file"
            );
            let client = reqwest::Client::builder()
                .timeout(PATIENCE)
                .redirect(reqwest::redirect::Policy::none())
                .build()?;
            return Ok(Self::Http {
                url: text.to_owned(),
                authorization,
                client,
                runtime: runtime()?,
            });
        }
        if let Some(address) = text.strip_prefix("syslog+tcp://") {
            let address = with_port(address, 601);
            return Ok(Self::SyslogTcp { address, stream: None });
        }
        if let Some(address) = text.strip_prefix("syslog+udp://") {
            let address = with_port(address, 514);
            return Ok(Self::SyslogUdp { address, socket: None });
        }
        if text.contains("://") {
            bail!("--to: {text:?} is neither a path nor http, https, otlp+http, otlp+https, syslog+tcp or syslog+udp");
        }
        Ok(Self::File {
            path: text.into(),
            file: None,
        })
    }

    /// Whether it is standard output, which can't come back.
    pub(super) const fn is_output(&self) -> bool {
        matches!(self, Self::Output)
    }

    /// Sends objects, and returns when they have arrived as far as the way tells: written out, on disk, taken by the
    /// other side's connection, or answered with success.
    ///
    /// # Errors
    /// When they have not, or perhaps not all.
    pub(super) fn send(&mut self, objects: &[&Value]) -> anyhow::Result<()> {
        match self {
            Self::Output => {
                let mut out = io::stdout().lock();
                out.write_all(lines(objects).as_bytes())?;
                Ok(out.flush()?)
            }
            Self::File { path, file } => {
                let open = match file {
                    Some(open) => open,
                    None => file.insert(
                        OpenOptions::new()
                            .append(true)
                            .create(true)
                            .mode(0o600)
                            .open(&path)
                            .with_context(|| format!("can't open {}", path.display()))?,
                    ),
                };
                open.write_all(lines(objects).as_bytes())?;
                Ok(open.sync_data()?)
            }
            Self::SyslogTcp { address, stream } => {
                let host = syslog::host_name();
                let framed: String = objects
                    .iter()
                    .map(|object| syslog::message(object, &host))
                    .map(|message| format!("{} {message}", message.len()))
                    .collect();
                let sent = send_tcp(address, stream, framed.as_bytes());
                if sent.is_err() {
                    *stream = None;
                }
                sent
            }
            Self::SyslogUdp { address, socket } => {
                let open = match socket {
                    Some(open) => open,
                    None => {
                        let place = resolved(address)?;
                        let own = if place.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
                        let open = UdpSocket::bind(own)?;
                        open.connect(place).with_context(|| format!("can't reach {address}"))?;
                        socket.insert(open)
                    }
                };
                let host = syslog::host_name();
                for object in objects {
                    open.send(syslog::datagram(object, &host).as_bytes())?;
                }
                Ok(())
            }
            Self::Otlp(collector) => collector.send(objects),
            Self::Http {
                url,
                authorization,
                client,
                runtime,
            } => {
                let mut request = client
                    .post(&*url)
                    .header("content-type", "application/x-ndjson")
                    .body(lines(objects));
                if let Some(authorization) = authorization {
                    request = request.header("authorization", &*authorization);
                }
                let answer = runtime
                    .block_on(async { request.send().await })
                    .map_err(reqwest::Error::without_url)?;
                ensure!(answer.status().is_success(), "answered {}", answer.status());
                Ok(())
            }
        }
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Output => f.write_str("standard output"),
            Self::File { path, .. } => write!(f, "{}", path.display()),
            Self::SyslogTcp { address, .. } => write!(f, "syslog on TCP at {address}"),
            Self::SyslogUdp { address, .. } => write!(f, "syslog on UDP at {address}"),
            Self::Otlp(collector) => write!(f, "OTLP at {}", collector.name()),
            // What comes after a question mark may be a key.
            Self::Http { url, .. } => f.write_str(url.split('?').next().unwrap_or(url)),
        }
    }
}

impl Drop for Destination {
    fn drop(&mut self) {
        // The other side sees an orderly end after all that was sent.
        if let Self::SyslogTcp {
            stream: Some(stream), ..
        } = self
        {
            stream.shutdown(Shutdown::Write).ok();
        }
    }
}

fn send_tcp(address: &str, stream: &mut Option<TcpStream>, bytes: &[u8]) -> anyhow::Result<()> {
    // Syslog has no answers: what is written to a connection that has ended would be lost without a word.
    if stream.as_ref().is_some_and(|open| !is_open(open)) {
        *stream = None;
    }
    let open = match stream {
        Some(open) => open,
        None => {
            let place = resolved(address)?;
            let open =
                TcpStream::connect_timeout(&place, PATIENCE).with_context(|| format!("can't reach {address}"))?;
            open.set_write_timeout(Some(PATIENCE))?;
            stream.insert(open)
        }
    };
    open.write_all(bytes)?;
    Ok(open.flush()?)
}

fn is_open(stream: &TcpStream) -> bool {
    let looked = stream.set_nonblocking(true).and_then(|()| stream.peek(&mut [0]));
    let open = match looked {
        Ok(bytes) => bytes > 0,
        Err(error) => error.kind() == io::ErrorKind::WouldBlock,
    };
    open && stream.set_nonblocking(false).is_ok()
}

fn resolved(address: &str) -> anyhow::Result<SocketAddr> {
    let unknown = || format!("can't find {address}");
    let mut places = address.to_socket_addrs().with_context(unknown)?;
    places.next().with_context(unknown)
}

fn with_port(address: &str, port: u16) -> String {
    let after_bracket = address.rsplit(']').next().unwrap_or(address);
    if after_bracket.contains(':') {
        address.to_owned()
    } else {
        format!("{address}:{port}")
    }
}

fn lines(objects: &[&Value]) -> String {
    objects.iter().map(|object| format!("{object}\n")).collect()
}
