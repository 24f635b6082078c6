mod keywords;
mod uri;

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr as _;
use std::sync::Arc;
use std::time::Duration;

use durward_wire::postgres::ProtocolVersion;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::tls::{RootCertificates, SslMode, SslNegotiation, TlsError, TlsOptions, UpstreamTls};

/// PostgreSQL's port.
const PORT_DEFAULT: u16 = 5_432;
/// How long connecting and logging in may take unless said otherwise.
const CONNECT_TIMEOUT_DEFAULT: Duration = Duration::from_secs(10);

/// Why a target can't be used. The text never holds the password.
#[derive(Debug, Error)]
pub enum TargetError {
    /// It can't be read.
    #[error("{0}")]
    Invalid(String),
    /// Its TLS settings can't be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// Where a database listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TargetAddress {
    /// TCP.
    Tcp {
        /// A name or address; certificates are checked against it.
        host: String,
        /// The address to connect to where it shan't be looked up (`hostaddr`).
        address: Option<String>,
        /// The port.
        port: u16,
    },
    /// A Unix socket: `folder/.s.PGSQL.port`.
    Unix {
        /// The folder.
        folder: PathBuf,
        /// The port in the socket's name.
        port: u16,
    },
}

/// libpq's `channel_binding` (manual section 32.1.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ChannelBinding {
    /// Never.
    Disable,
    /// Where both sides can.
    #[default]
    Prefer,
    /// Or no login.
    Require,
}

/// A target as written down: every option plain, nothing read or checked.
#[derive(Clone)]
pub struct TargetConfig {
    /// Where it is.
    pub address: TargetAddress,
    /// The database there.
    pub database: String,
    /// The account that the gateway logs in with.
    pub user: String,
    /// Its password.
    pub password: Option<Zeroizing<Vec<u8>>>,
    /// TLS.
    pub tls: TlsOptions,
    /// Channel binding.
    pub channel_binding: ChannelBinding,
    /// Further startup parameters; a client's own come after them.
    pub parameters: Vec<(String, String)>,
    /// How long connecting and logging in may take.
    pub connect_timeout: Duration,
    /// The newest protocol to ask for. Poolers in between may not know 3.2.
    pub protocol: ProtocolVersion,
}

impl TargetConfig {
    /// Reads `postgres://user:password@host:port/database?option=value` or `host=… user=…`, options as in libpq
    /// (manual section 32.1). One host only.
    ///
    /// # Errors
    /// When it can't be read, or an option is unknown or can't be honoured.
    pub fn parse(text: &str) -> Result<Self, TargetError> {
        let options = match text
            .strip_prefix("postgres://")
            .or_else(|| text.strip_prefix("postgresql://"))
        {
            Some(rest) => uri::parse(rest)?,
            None => keywords::parse(text)?,
        };
        Self::from_options(options)
    }

    fn from_options(options: Vec<(String, Zeroizing<String>)>) -> Result<Self, TargetError> {
        let mut raw = Raw::default();
        for (name, value) in options {
            raw.set(&name, value)?;
        }
        raw.finish()
    }
}

impl fmt::Debug for TargetConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TargetConfig")
            .field("address", &self.address)
            .field("database", &self.database)
            .field("user", &self.user)
            .field("tls", &self.tls)
            .finish_non_exhaustive()
    }
}

/// Options by name, as they come.
#[derive(Default)]
struct Raw {
    host: Option<String>,
    host_address: Option<String>,
    port: Option<u16>,
    user: Option<String>,
    password: Option<Zeroizing<Vec<u8>>>,
    database: Option<String>,
    tls: TlsOptions,
    channel_binding: ChannelBinding,
    parameters: Vec<(String, String)>,
    connect_timeout: Option<Duration>,
    protocol: Option<ProtocolVersion>,
}

impl Raw {
    fn set(&mut self, name: &str, value: Zeroizing<String>) -> Result<(), TargetError> {
        let text = || value.as_str().to_owned();
        match name {
            "host" => self.host = Some(text()),
            "hostaddr" => self.host_address = Some(text()),
            "port" if value.is_empty() => {}
            "port" => {
                self.port = Some(
                    value
                        .parse()
                        .map_err(|_| invalid("the port is no number from 1 to 65535"))?,
                )
            }
            "user" => self.user = Some(text()),
            "password" => self.password = Some(Zeroizing::new(value.as_bytes().to_vec())),
            "dbname" => self.database = Some(text()),
            "sslmode" => self.tls.mode = SslMode::from_str(&value)?,
            "sslnegotiation" => self.tls.negotiation = SslNegotiation::from_str(&value)?,
            "sslrootcert" if *value == "system" => {
                self.tls.roots = RootCertificates::System;
                self.tls.mode = SslMode::VerifyFull;
            }
            "sslrootcert" => self.tls.roots = RootCertificates::File(text().into()),
            "sslcert" => self.tls.certificate = Some(text().into()),
            "sslkey" => self.tls.key = Some(text().into()),
            "channel_binding" => {
                self.channel_binding = match value.as_str() {
                    "disable" => ChannelBinding::Disable,
                    "prefer" => ChannelBinding::Prefer,
                    "require" => ChannelBinding::Require,
                    _ => return Err(invalid("channel_binding is none of disable, prefer, require")),
                }
            }
            "connect_timeout" => {
                let seconds: u64 = value
                    .parse()
                    .map_err(|_| invalid("connect_timeout is no number of seconds"))?;
                // Zero and one mean something else in libpq: no limit, and two.
                self.connect_timeout = (seconds > 0).then(|| Duration::from_secs(seconds.max(2)));
            }
            "max_protocol_version" => {
                self.protocol = match value.as_str() {
                    "3.0" => Some(ProtocolVersion::V3_0),
                    "3.2" | "latest" => Some(ProtocolVersion::V3_2),
                    _ => return Err(invalid("max_protocol_version is none of 3.0, 3.2, latest")),
                }
            }
            "options" => self.parameters.push((name.to_owned(), text())),
            // What clients say of themselves takes their place.
            "application_name" | "fallback_application_name" | "client_encoding" => {}
            // They change nothing here: keepalives are always on, GSSAPI never is, there is one host.
            "keepalives"
            | "keepalives_idle"
            | "keepalives_interval"
            | "keepalives_count"
            | "tcp_user_timeout"
            | "gssencmode"
            | "krbsrvname"
            | "gsslib"
            | "sslcompression"
            | "sslsni"
            | "target_session_attrs"
            | "load_balance_hosts"
            | "min_protocol_version" => {}
            _ => return Err(invalid(&format!("unknown connection option \"{name}\""))),
        }
        Ok(())
    }

    fn finish(self) -> Result<TargetConfig, TargetError> {
        let host = self.host.filter(|host| !host.is_empty());
        let several = [&host, &self.host_address]
            .into_iter()
            .flatten()
            .any(|host| host.contains(','));
        if several {
            return Err(invalid(
                "several hosts in one target are not supported; make one target of each",
            ));
        }
        let port = self.port.unwrap_or(PORT_DEFAULT);
        let address = match host {
            Some(folder) if folder.starts_with('/') => TargetAddress::Unix {
                folder: folder.into(),
                port,
            },
            Some(host) => TargetAddress::Tcp {
                host,
                address: self.host_address,
                port,
            },
            None => {
                let address = self.host_address;
                let host = address.clone().ok_or_else(|| invalid("the target names no host"))?;
                TargetAddress::Tcp { host, address, port }
            }
        };
        let user = self
            .user
            .filter(|user| !user.is_empty())
            .ok_or_else(|| invalid("the target names no user"))?;
        Ok(TargetConfig {
            address,
            database: self
                .database
                .filter(|name| !name.is_empty())
                .unwrap_or_else(|| user.clone()),
            user,
            password: self.password.filter(|password| !password.is_empty()),
            tls: self.tls,
            channel_binding: self.channel_binding,
            parameters: self.parameters,
            connect_timeout: self.connect_timeout.unwrap_or(CONNECT_TIMEOUT_DEFAULT),
            protocol: self.protocol.unwrap_or(ProtocolVersion::V3_0),
        })
    }
}

fn invalid(problem: &str) -> TargetError {
    TargetError::Invalid(problem.to_owned())
}

/// A database to connect to: a [`TargetConfig`] whose files have been read and whose options go together. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Target {
    config: Arc<TargetConfig>,
    tls: Arc<UpstreamTls>,
}

impl Target {
    /// Reads the files that the configuration names.
    ///
    /// # Errors
    /// When a file can't be used, or options don't go together.
    pub fn new(config: TargetConfig) -> Result<Self, TargetError> {
        let mode = config.tls.mode;
        let unverified = matches!(mode, SslMode::Disable | SslMode::Allow | SslMode::Prefer);
        if config.channel_binding == ChannelBinding::Require && mode == SslMode::Disable {
            return Err(invalid("channel_binding=require needs TLS"));
        }
        if unverified && config.tls.roots != RootCertificates::Unset {
            tracing::warn!("sslrootcert checks nothing with an sslmode weaker than require");
        }
        Ok(Self {
            tls: Arc::new(UpstreamTls::new(&config.tls)?),
            config: Arc::new(config),
        })
    }

    /// [`TargetConfig::parse`] and [`Target::new`] in one.
    ///
    /// # Errors
    /// As theirs.
    pub fn parse(text: &str) -> Result<Self, TargetError> {
        Self::new(TargetConfig::parse(text)?)
    }

    /// Where it is.
    pub fn address(&self) -> &TargetAddress {
        &self.config.address
    }

    /// The database there.
    pub fn database(&self) -> &str {
        &self.config.database
    }

    /// The account that the gateway logs in with.
    pub fn user(&self) -> &str {
        &self.config.user
    }

    pub(super) fn password(&self) -> Option<&Zeroizing<Vec<u8>>> {
        self.config.password.as_ref()
    }

    pub(super) fn tls(&self) -> &Arc<UpstreamTls> {
        &self.tls
    }

    pub(super) fn channel_binding(&self) -> ChannelBinding {
        self.config.channel_binding
    }

    pub(super) fn parameters(&self) -> &[(String, String)] {
        &self.config.parameters
    }

    pub(super) fn connect_timeout(&self) -> Duration {
        self.config.connect_timeout
    }

    pub(super) fn protocol(&self) -> ProtocolVersion {
        self.config.protocol
    }
}

#[cfg(test)]
mod tests;
