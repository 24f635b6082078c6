//! TLS on both sides: the gateway's own certificate for clients, and libpq's verification modes towards databases.

mod binding;
mod server;
mod upstream;
mod verify;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use thiserror::Error;

pub use server::{AcceptError, ServerTls};
pub use upstream::{RootCertificates, SslMode, SslNegotiation, TlsOptions, UpstreamTls};

pub(crate) use binding::end_point_hash;

/// The protocol's name in ALPN (PostgreSQL manual section 55.2.10; IANA's registry).
pub(crate) const ALPN: &[u8] = b"postgresql";

/// Why a certificate, a key or a TLS setting can't be used.
#[derive(Debug, Error)]
pub enum TlsError {
    /// A file can't be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file holds something else than it should.
    #[error("{}: {problem}", path.display())]
    Content {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// Settings that don't go together.
    #[error("{0}")]
    Settings(String),
}

/// The one crypto provider of the process.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

fn read_certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let text = read(path)?;
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    let certificates = certificates.map_err(|error| content(path, error.to_string()))?;
    if certificates.is_empty() {
        return Err(content(path, "holds no certificate in PEM".to_owned()));
    }
    Ok(certificates)
}

/// Reads a private key; like libpq, only from a file that is its owner's alone, or root's and a group's.
fn read_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    use std::os::unix::fs::MetadataExt as _;
    let metadata = std::fs::metadata(path).map_err(|source| io_error(path, source))?;
    let forbidden = if metadata.uid() == 0 { 0o037 } else { 0o077 };
    if metadata.mode() & forbidden != 0 {
        return Err(content(
            path,
            "can be read by others; make it private: chmod 600".to_owned(),
        ));
    }
    let text = zeroize::Zeroizing::new(read(path)?);
    PrivateKeyDer::from_pem_slice(&text).map_err(|error| content(path, format!("holds no private key: {error}")))
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    std::fs::read(path).map_err(|source| io_error(path, source))
}

fn io_error(path: &Path, source: io::Error) -> TlsError {
    TlsError::Io {
        path: path.to_owned(),
        source,
    }
}

fn content(path: &Path, problem: String) -> TlsError {
    TlsError::Content {
        path: path.to_owned(),
        problem,
    }
}

#[cfg(test)]
mod tests;
