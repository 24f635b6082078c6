use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use rustls::client::Resumption;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::verify::{Depth, Roots, Verifier};
use super::{ALPN, TlsError, end_point_hash, provider, read_certificates, read_key};

/// libpq's `sslmode` (manual section 32.19.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SslMode {
    /// Never encrypted.
    Disable,
    /// Encrypted only if the server insists.
    Allow,
    /// Encrypted if the server can.
    #[default]
    Prefer,
    /// Always encrypted; the certificate is checked only where roots are given.
    Require,
    /// And the certificate is signed by a trusted authority.
    VerifyCa,
    /// And made for the host.
    VerifyFull,
}

impl FromStr for SslMode {
    type Err = TlsError;

    fn from_str(word: &str) -> Result<Self, TlsError> {
        match word {
            "disable" => Ok(Self::Disable),
            "allow" => Ok(Self::Allow),
            "prefer" => Ok(Self::Prefer),
            "require" => Ok(Self::Require),
            "verify-ca" => Ok(Self::VerifyCa),
            "verify-full" => Ok(Self::VerifyFull),
            _ => Err(TlsError::Settings(format!(
                "sslmode \"{word}\" is none of disable, allow, prefer, require, verify-ca, verify-full"
            ))),
        }
    }
}

/// libpq's `sslnegotiation`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SslNegotiation {
    /// An SSLRequest first.
    #[default]
    Postgres,
    /// TLS from the first byte; PostgreSQL 17 and later.
    Direct,
}

impl FromStr for SslNegotiation {
    type Err = TlsError;

    fn from_str(word: &str) -> Result<Self, TlsError> {
        match word {
            "postgres" => Ok(Self::Postgres),
            "direct" => Ok(Self::Direct),
            _ => Err(TlsError::Settings(format!(
                "sslnegotiation \"{word}\" is neither postgres nor direct"
            ))),
        }
    }
}

/// libpq's `sslrootcert`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum RootCertificates {
    /// Not said: `verify-full` goes by the system's, weaker modes by none.
    #[default]
    Unset,
    /// The system's.
    System,
    /// Those in a PEM file.
    File(PathBuf),
}

/// How a database's TLS is set up; all of it as in libpq.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TlsOptions {
    /// Whether to encrypt and what to check.
    pub mode: SslMode,
    /// Whom to trust.
    pub roots: RootCertificates,
    /// A client certificate with its chain, PEM.
    pub certificate: Option<PathBuf>,
    /// Its key, PEM, readable by its owner only.
    pub key: Option<PathBuf>,
    /// How TLS begins.
    pub negotiation: SslNegotiation,
}

/// The gateway's side of TLS towards one database.
#[derive(Clone)]
pub struct UpstreamTls {
    mode: SslMode,
    negotiation: SslNegotiation,
    connector: TlsConnector,
}

impl UpstreamTls {
    /// Reads the files and checks that the options go together.
    ///
    /// # Errors
    /// When a file can't be used, or an option asks for less than another needs.
    pub fn new(options: &TlsOptions) -> Result<Self, TlsError> {
        if options.negotiation == SslNegotiation::Direct && weaker_than_require(options.mode) {
            return Err(TlsError::Settings(
                "sslnegotiation=direct needs sslmode=require or stronger".to_owned(),
            ));
        }
        let provider = provider();
        let verifier = Verifier {
            depth: depth(options)?,
            provider: Arc::clone(&provider),
        };
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| TlsError::Settings(error.to_string()))?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier));
        let mut config = match (&options.certificate, &options.key) {
            (Some(certificate), Some(key)) => builder
                .with_client_auth_cert(read_certificates(certificate)?, read_key(key)?)
                .map_err(|error| TlsError::Settings(format!("client certificate: {error}")))?,
            (None, None) => builder.with_no_client_auth(),
            _ => {
                return Err(TlsError::Settings(
                    "a client certificate needs its key, and a key its certificate".into(),
                ));
            }
        };
        config.alpn_protocols = vec![ALPN.to_vec()];
        config.resumption = Resumption::disabled();
        Ok(Self {
            mode: options.mode,
            negotiation: options.negotiation,
            connector: TlsConnector::from(Arc::new(config)),
        })
    }

    /// Whether to encrypt.
    pub fn mode(&self) -> SslMode {
        self.mode
    }

    /// How TLS begins.
    pub fn negotiation(&self) -> SslNegotiation {
        self.negotiation
    }

    /// Does the handshake, and gives the hash of the server's certificate for channel binding. Cancel safe: no.
    ///
    /// # Errors
    /// When the handshake fails, a direct one also without ALPN.
    pub(crate) async fn connect(
        &self,
        host: &str,
        stream: TcpStream,
    ) -> std::io::Result<(TlsStream<TcpStream>, Option<Vec<u8>>)> {
        // A name that DNS couldn't have is no name to check against, and none to send.
        let server_name = ServerName::try_from(host.to_owned()).map_err(std::io::Error::other)?;
        let encrypted = self.connector.connect(server_name, stream).await?;
        let (_, connection) = encrypted.get_ref();
        if self.negotiation == SslNegotiation::Direct && connection.alpn_protocol() != Some(ALPN) {
            return Err(std::io::Error::other(
                "the server did not agree to the ALPN protocol \"postgresql\"",
            ));
        }
        let certificate = connection.peer_certificates().and_then(<[CertificateDer<'_>]>::first);
        let end_point = certificate.and_then(|certificate| end_point_hash(certificate));
        Ok((encrypted, end_point))
    }
}

impl std::fmt::Debug for UpstreamTls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("UpstreamTls")
            .field("mode", &self.mode)
            .finish_non_exhaustive()
    }
}

fn weaker_than_require(mode: SslMode) -> bool {
    matches!(mode, SslMode::Disable | SslMode::Allow | SslMode::Prefer)
}

fn depth(options: &TlsOptions) -> Result<Depth, TlsError> {
    match (options.mode, &options.roots) {
        (SslMode::VerifyFull, RootCertificates::Unset | RootCertificates::System) => Ok(Depth::Full(system_roots()?)),
        (SslMode::VerifyFull, RootCertificates::File(path)) => Ok(Depth::Full(file_roots(path)?)),
        // Any public authority signs for any host: without a look at the name that checks nothing.
        (SslMode::VerifyCa, RootCertificates::Unset) => Err(TlsError::Settings(
            "sslmode=verify-ca needs sslrootcert; or use verify-full, which can go by the system's certificates".into(),
        )),
        (_, RootCertificates::System) => Err(TlsError::Settings(
            "sslrootcert=system needs sslmode=verify-full".to_owned(),
        )),
        // As libpq: roots turn `require` into `verify-ca`.
        (SslMode::VerifyCa | SslMode::Require, RootCertificates::File(path)) => Ok(Depth::Authority(file_roots(path)?)),
        (SslMode::Disable | SslMode::Allow | SslMode::Prefer | SslMode::Require, _) => Ok(Depth::Unverified),
    }
}

fn system_roots() -> Result<Roots, TlsError> {
    let found = rustls_native_certs::load_native_certs();
    let mut store = RootCertStore::empty();
    let (added, _) = store.add_parsable_certificates(found.certs);
    if added == 0 {
        return Err(TlsError::Settings(
            "the system has no trusted certificates (package ca-certificates)".to_owned(),
        ));
    }
    Ok(Roots {
        store,
        exact: Vec::new(),
    })
}

fn file_roots(path: &std::path::Path) -> Result<Roots, TlsError> {
    let exact = read_certificates(path)?;
    let mut store = RootCertStore::empty();
    store.add_parsable_certificates(exact.iter().cloned());
    Ok(Roots { store, exact })
}
