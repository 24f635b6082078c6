use std::os::unix::fs::PermissionsExt as _;

use rcgen::{BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsConnector;

use super::*;
use crate::stream::Stream;

/// Certificate and key of a server in files, and the certificate that signs it.
struct Pair {
    folder: tempfile::TempDir,
}

impl Pair {
    /// Signed by an authority of its own (`ca.crt`).
    fn signed(names: &[&str], edit: impl FnOnce(&mut CertificateParams)) -> Self {
        let ca_key = KeyPair::generate().unwrap();
        let mut ca = CertificateParams::new(Vec::<String>::new()).unwrap();
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        ca.distinguished_name.push(DnType::CommonName, "authority");
        let ca_certificate = ca.self_signed(&ca_key).unwrap();
        let key = KeyPair::generate().unwrap();
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut leaf = CertificateParams::new(names).unwrap();
        edit(&mut leaf);
        let leaf = leaf.signed_by(&key, &Issuer::from_params(&ca, &ca_key)).unwrap();
        let pair = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        pair.put("ca.crt", &ca_certificate.pem());
        pair.put("server.crt", &leaf.pem());
        pair.put("server.key", &key.serialize_pem());
        pair
    }

    fn put(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
        std::fs::set_permissions(self.path(name), std::fs::Permissions::from_mode(0o600)).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn server(&self) -> ServerTls {
        ServerTls::from_files(&self.path("server.crt"), &self.path("server.key")).unwrap()
    }
}

fn options(mode: SslMode, roots: RootCertificates) -> TlsOptions {
    TlsOptions {
        mode,
        roots,
        ..TlsOptions::default()
    }
}

/// A handshake between the two sides; the hash of the certificate as the client sees it.
async fn handshake(
    server: ServerTls,
    client: &UpstreamTls,
    host: &str,
    direct: bool,
) -> Result<Option<Vec<u8>>, String> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (accepted, _) = listener.accept().await.unwrap();
    let serving = tokio::spawn(async move {
        let (mut stream, name) = server
            .accept(Stream::Tcp(accepted), Vec::new(), direct)
            .await
            .map_err(|error| error.to_string())?;
        stream.write_all(b"x").await.unwrap();
        stream.flush().await.unwrap();
        Ok::<_, String>((stream, name))
    });
    let (mut stream, end_point) = client.connect(host, stream).await.map_err(|error| error.to_string())?;
    let (_kept, name) = serving.await.unwrap()?;
    assert_eq!(
        name.as_deref(),
        Some(host).filter(|host| host.parse::<std::net::IpAddr>().is_err())
    );
    assert_eq!(stream.read_u8().await.unwrap(), b'x');
    Ok(end_point)
}

#[tokio::test]
async fn each_mode_checks_what_libpq_checks() {
    let ours = || Pair::signed(&["db.example", "127.0.0.1"], |_| {});
    let trusted = |pair: &Pair| RootCertificates::File(pair.path("ca.crt"));
    let exact = |pair: &Pair| RootCertificates::File(pair.path("server.crt"));
    let (pair, stranger) = (ours(), ours());
    let named = Pair::signed(&[], |leaf| {
        leaf.distinguished_name = DistinguishedName::new();
        leaf.distinguished_name.push(DnType::CommonName, "DB.example");
    });
    let both = Pair::signed(&["other.example"], |leaf| {
        leaf.distinguished_name.push(DnType::CommonName, "db.example")
    });
    let old = Pair::signed(&["db.example"], |leaf| {
        leaf.not_before = rcgen::date_time_ymd(2020, 1, 1);
        leaf.not_after = rcgen::date_time_ymd(2021, 1, 1);
    });
    let unset = RootCertificates::Unset;
    for (what, pair, mode, roots, host, good) in [
        (
            "nothing is checked",
            &pair,
            SslMode::Prefer,
            unset.clone(),
            "elsewhere",
            true,
        ),
        (
            "nothing is checked",
            &old,
            SslMode::Require,
            unset.clone(),
            "elsewhere",
            true,
        ),
        (
            "roots make require check",
            &pair,
            SslMode::Require,
            trusted(&stranger),
            "db.example",
            false,
        ),
        (
            "roots make require check",
            &pair,
            SslMode::Require,
            trusted(&pair),
            "elsewhere",
            true,
        ),
        (
            "another authority",
            &pair,
            SslMode::VerifyCa,
            trusted(&stranger),
            "db.example",
            false,
        ),
        (
            "another name",
            &pair,
            SslMode::VerifyCa,
            trusted(&pair),
            "elsewhere",
            true,
        ),
        (
            "name and authority",
            &pair,
            SslMode::VerifyFull,
            trusted(&pair),
            "db.example",
            true,
        ),
        (
            "name and authority",
            &pair,
            SslMode::VerifyFull,
            trusted(&pair),
            "127.0.0.1",
            true,
        ),
        (
            "another name",
            &pair,
            SslMode::VerifyFull,
            trusted(&pair),
            "elsewhere",
            false,
        ),
        (
            "another address",
            &pair,
            SslMode::VerifyFull,
            trusted(&pair),
            "127.0.0.2",
            false,
        ),
        (
            "the certificate itself",
            &pair,
            SslMode::VerifyFull,
            exact(&pair),
            "db.example",
            true,
        ),
        (
            "the certificate itself, another name",
            &pair,
            SslMode::VerifyFull,
            exact(&pair),
            "elsewhere",
            false,
        ),
        (
            "another certificate",
            &pair,
            SslMode::VerifyCa,
            exact(&stranger),
            "db.example",
            false,
        ),
        (
            "the common name, without others",
            &named,
            SslMode::VerifyFull,
            trusted(&named),
            "db.example",
            true,
        ),
        (
            "the common name, with others",
            &both,
            SslMode::VerifyFull,
            trusted(&both),
            "db.example",
            false,
        ),
        ("expired", &old, SslMode::VerifyCa, trusted(&old), "db.example", false),
        (
            "expired, the certificate itself",
            &old,
            SslMode::VerifyCa,
            exact(&old),
            "db.example",
            false,
        ),
        (
            "the system's roots",
            &pair,
            SslMode::VerifyFull,
            RootCertificates::System,
            "db.example",
            false,
        ),
    ] {
        let client = UpstreamTls::new(&options(mode, roots)).unwrap();
        let result = handshake(pair.server(), &client, host, false).await;
        assert_eq!(result.is_ok(), good, "{what}: {mode:?} {host}: {result:?}");
    }
}

#[tokio::test]
async fn both_sides_see_the_same_channel() {
    let pair = Pair::signed(&["db.example"], |_| {});
    let server = pair.server();
    let ours = server.server_end_point().unwrap().to_vec();
    let client = UpstreamTls::new(&options(SslMode::Require, RootCertificates::Unset)).unwrap();
    assert_eq!(handshake(server, &client, "db.example", false).await, Ok(Some(ours)));
}

#[test]
fn the_hash_follows_the_signature() {
    let hash_length = |algorithm| {
        let key = KeyPair::generate_for(algorithm).unwrap();
        let certificate = CertificateParams::new(vec!["db".to_owned()])
            .unwrap()
            .self_signed(&key)
            .unwrap();
        end_point_hash(certificate.der()).map(|hash| hash.len())
    };
    assert_eq!(hash_length(&rcgen::PKCS_ECDSA_P256_SHA256), Some(32));
    assert_eq!(hash_length(&rcgen::PKCS_ECDSA_P384_SHA384), Some(48));
    assert_eq!(hash_length(&rcgen::PKCS_ED25519), None);
    assert_eq!(end_point_hash(b"no certificate"), None);
}

#[tokio::test]
async fn direct_tls_needs_alpn_and_nobody_elses() {
    let pair = Pair::signed(&["db.example"], |_| {});
    let direct = TlsOptions {
        negotiation: SslNegotiation::Direct,
        ..options(SslMode::Require, RootCertificates::Unset)
    };
    assert!(
        handshake(pair.server(), &UpstreamTls::new(&direct).unwrap(), "db.example", true)
            .await
            .is_ok()
    );
    let mut roots = RootCertStore::empty();
    roots
        .add(read_certificates(&pair.path("ca.crt")).unwrap().remove(0))
        .unwrap();
    for (protocols, direct, expected) in [
        (vec![], false, "accepted"),
        (vec![], true, "direct TLS without the ALPN protocol \"postgresql\""),
        (vec![b"http/1.1".to_vec()], false, "TLS handshake"),
        (vec![b"http/1.1".to_vec(), ALPN.to_vec()], true, "accepted"),
    ] {
        let mut config = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots.clone())
            .with_no_client_auth();
        config.alpn_protocols = protocols;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (accepted, _) = listener.accept().await.unwrap();
        let connector = TlsConnector::from(Arc::new(config));
        let client = tokio::spawn(async move {
            connector
                .connect(ServerName::try_from("db.example").unwrap(), stream)
                .await
        });
        let outcome = match pair.server().accept(Stream::Tcp(accepted), Vec::new(), direct).await {
            Ok(_) => "accepted".to_owned(),
            Err(error) => error.to_string(),
        };
        assert!(outcome.starts_with(expected), "{outcome}");
        let _client_side = client.await.unwrap();
    }
}

#[test]
fn the_self_signed_certificate_is_made_once_and_its_key_is_private() {
    let folder = tempfile::tempdir().unwrap();
    let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
    let first = ServerTls::self_signed(folder.path(), &names).unwrap();
    let second = ServerTls::self_signed(folder.path(), &names).unwrap();
    assert_eq!(first.fingerprint(), second.fingerprint());
    assert_eq!(first.fingerprint().len(), 32 * 3 - 1);
    let key = folder.path().join("server.key");
    assert_eq!(std::fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    let error = ServerTls::self_signed(folder.path(), &names).unwrap_err();
    assert!(error.to_string().contains("can be read by others"), "{error}");
}

#[test]
fn files_that_are_no_certificates_are_named() {
    let pair = Pair::signed(&["db.example"], |_| {});
    pair.put("empty.crt", "");
    for (certificate, key, expected) in [
        ("empty.crt", "server.key", "holds no certificate"),
        ("server.crt", "ca.crt", "holds no private key"),
        ("missing.crt", "server.key", "missing.crt"),
        ("ca.crt", "server.key", "ca.crt"),
    ] {
        let error = ServerTls::from_files(&pair.path(certificate), &pair.path(key))
            .unwrap_err()
            .to_string();
        assert!(error.contains(expected), "{certificate} {key}: {error}");
    }
}
