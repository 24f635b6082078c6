use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use x509_parser::prelude::{FromDer as _, X509Certificate};

/// How far a database's certificate is checked. Its handshake signature is checked in every case: without that, channel
/// binding would prove nothing.
#[derive(Debug)]
pub(super) enum Depth {
    /// `prefer`, `require` without roots: not at all.
    Unverified,
    /// `verify-ca`: signed by one of the roots, or one of them itself.
    Authority(Roots),
    /// `verify-full`: and made for the host that was asked for.
    Full(Roots),
}

/// Trusted certificates, both as authorities and as they are.
#[derive(Debug)]
pub(super) struct Roots {
    pub(super) store: RootCertStore,
    /// A self-signed server certificate given as its own root is trusted as it is, as OpenSSL does.
    pub(super) exact: Vec<CertificateDer<'static>>,
}

/// libpq's rules as a verifier (manual section 32.19.1).
#[derive(Debug)]
pub(super) struct Verifier {
    pub(super) depth: Depth,
    pub(super) provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        match &self.depth {
            Depth::Unverified => {}
            Depth::Authority(roots) => self.check_authority(roots, end_entity, intermediates, now)?,
            Depth::Full(roots) => {
                self.check_authority(roots, end_entity, intermediates, now)?;
                check_name(end_entity, server_name)?;
            }
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(
            message,
            certificate,
            signed,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(
            message,
            certificate,
            signed,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

impl Verifier {
    fn check_authority(
        &self,
        roots: &Roots,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<(), Error> {
        if roots.exact.iter().any(|root| root.as_ref() == end_entity.as_ref()) {
            return check_dates(end_entity, now);
        }
        let parsed = ParsedCertificate::try_from(end_entity)?;
        let algorithms = self.provider.signature_verification_algorithms.all;
        verify_server_cert_signed_by_trust_anchor(&parsed, &roots.store, intermediates, now, algorithms)
    }
}

fn check_dates(certificate: &CertificateDer<'_>, now: UnixTime) -> Result<(), Error> {
    let (_, parsed) = X509Certificate::from_der(certificate).map_err(|_| bad_encoding())?;
    let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    if parsed.validity.not_before.timestamp() > now {
        return Err(CertificateError::NotValidYet.into());
    }
    if parsed.validity.not_after.timestamp() < now {
        return Err(CertificateError::Expired.into());
    }
    Ok(())
}

/// The subject alternative names decide; a certificate that has none at all goes by its common name, as in libpq.
fn check_name(certificate: &CertificateDer<'_>, server_name: &ServerName<'_>) -> Result<(), Error> {
    let (_, x509) = X509Certificate::from_der(certificate).map_err(|_| bad_encoding())?;
    let has_names = x509.subject_alternative_name().map_err(|_| bad_encoding())?.is_some();
    if has_names {
        return verify_server_name(&ParsedCertificate::try_from(certificate)?, server_name);
    }
    let wanted = server_name.to_str();
    let mut common_names = x509.subject().iter_common_name();
    let fits = common_names.any(|name| name.as_str().is_ok_and(|name| name.eq_ignore_ascii_case(&wanted)));
    if fits {
        Ok(())
    } else {
        Err(CertificateError::NotValidForName.into())
    }
}

fn bad_encoding() -> Error {
    CertificateError::BadEncoding.into()
}
