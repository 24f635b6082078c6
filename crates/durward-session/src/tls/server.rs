use std::fs::{DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::sync::Arc;

use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose};
use rustls::ServerConfig;
use rustls::server::NoServerSessionStorage;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use sha2::{Digest as _, Sha256};
use thiserror::Error;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use super::{ALPN, TlsError, content, end_point_hash, io_error, provider, read_certificates, read_key};
use crate::stream::{Prefixed, Stream};

const CERTIFICATE_NAME: &str = "server.crt";
const KEY_NAME: &str = "server.key";

/// The gateway's side of TLS towards clients: TLS 1.2 and 1.3, no client certificates.
pub struct ServerTls {
    acceptor: TlsAcceptor,
    fingerprint: String,
    end_point: Option<Vec<u8>>,
}

/// Why a TLS handshake with a client failed.
#[derive(Debug, Error)]
pub enum AcceptError {
    /// The handshake itself.
    #[error("TLS handshake: {0}")]
    Handshake(#[from] io::Error),
    /// Direct TLS needs ALPN, so that a client of another protocol is never let in (manual section 55.2.10).
    #[error("direct TLS without the ALPN protocol \"postgresql\"")]
    NoAlpn,
    /// Only TCP connections can be encrypted, once.
    #[error("a connection of this kind can't be encrypted")]
    NotTcp,
}

impl ServerTls {
    /// Uses a certificate chain and its key, both in PEM.
    ///
    /// # Errors
    /// When a file can't be read or used, or the key is readable by others.
    pub fn from_files(certificate: &Path, key: &Path) -> Result<Self, TlsError> {
        let chain = read_certificates(certificate)?;
        Self::new(chain, read_key(key)?).map_err(|problem| content(certificate, problem))
    }

    /// Uses the self-signed certificate in `folder`; makes one for `names` (DNS names and addresses) where there is none,
    /// so that its fingerprint stays the same over restarts.
    ///
    /// # Errors
    /// When the files can't be read, written or used.
    pub fn self_signed(folder: &Path, names: &[String]) -> Result<Self, TlsError> {
        let (certificate, key) = (folder.join(CERTIFICATE_NAME), folder.join(KEY_NAME));
        if !(certificate.exists() && key.exists()) {
            make_certificate(folder, names)?;
        }
        Self::from_files(&certificate, &key)
    }

    fn new(chain: Vec<CertificateDer<'static>>, key: PrivateKeyDer<'static>) -> Result<Self, String> {
        let leaf = chain.first().ok_or("no certificate")?;
        let fingerprint = fingerprint(leaf);
        let end_point = end_point_hash(leaf);
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
            .map_err(|error| error.to_string())?;
        config.alpn_protocols = vec![ALPN.to_vec()];
        // libpq never resumes, and each ticket costs memory for the life of an idle session.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Ok(Self {
            acceptor: TlsAcceptor::from(Arc::new(config)),
            fingerprint,
            end_point,
        })
    }

    /// SHA-256 of the certificate, as `openssl x509 -fingerprint -sha256` prints it.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// The same certificate for HTTP, which nothing that is meant for databases gets through to.
    pub fn for_http(&self) -> TlsAcceptor {
        let mut config = ServerConfig::clone(self.acceptor.config());
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        TlsAcceptor::from(Arc::new(config))
    }

    /// The hash of the certificate for SCRAM-SHA-256-PLUS; none if its signature doesn't define one.
    pub fn server_end_point(&self) -> Option<&[u8]> {
        self.end_point.as_deref()
    }

    /// Does the handshake on `stream`, whose first bytes may have been read already (`early`), and gives the server name
    /// that the client asked for. `direct` is TLS without an SSLRequest. Cancel safe: no; the connection is then lost.
    ///
    /// # Errors
    /// When the handshake fails, or direct TLS comes without ALPN.
    pub async fn accept(
        &self,
        stream: Stream,
        early: Vec<u8>,
        direct: bool,
    ) -> Result<(Stream, Option<String>), AcceptError> {
        let stream: TcpStream = match stream {
            Stream::Tcp(stream) => stream,
            Stream::Unix(_) | Stream::TlsServer(_) | Stream::TlsClient(_) | Stream::Closed => {
                return Err(AcceptError::NotTcp);
            }
        };
        let encrypted = self.acceptor.accept(Prefixed::new(early, stream)).await?;
        let (_, connection) = encrypted.get_ref();
        if direct && connection.alpn_protocol() != Some(ALPN) {
            return Err(AcceptError::NoAlpn);
        }
        let server_name = connection.server_name().map(str::to_owned);
        Ok((Stream::TlsServer(Box::new(encrypted)), server_name))
    }
}

impl std::fmt::Debug for ServerTls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServerTls")
            .field("fingerprint", &self.fingerprint)
            .finish_non_exhaustive()
    }
}

fn fingerprint(certificate: &[u8]) -> String {
    let pairs: Vec<String> = Sha256::digest(certificate)
        .iter()
        .map(|byte| format!("{byte:02X}"))
        .collect();
    pairs.join(":")
}

fn make_certificate(folder: &Path, names: &[String]) -> Result<(), TlsError> {
    let problem = |error: rcgen::Error| content(folder, format!("no certificate can be made: {error}"));
    let key = KeyPair::generate().map_err(problem)?;
    let mut parameters = CertificateParams::new(names).map_err(problem)?;
    parameters.distinguished_name.push(DnType::CommonName, "Durward");
    parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let certificate = parameters.self_signed(&key).map_err(problem)?;
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(|error| io_error(folder, error))?;
    // The key first: a certificate alone is made anew with the next key.
    write(&folder.join(KEY_NAME), 0o600, key.serialize_pem().as_bytes())?;
    write(&folder.join(CERTIFICATE_NAME), 0o644, certificate.pem().as_bytes())
}

fn write(path: &Path, mode: u32, bytes: &[u8]) -> Result<(), TlsError> {
    let temporary = path.with_extension(format!("new.{}", std::process::id()));
    let written = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(mode)
        .open(&temporary)
        .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
        .and_then(|()| std::fs::rename(&temporary, path));
    written.map_err(|error| io_error(path, error))
}
