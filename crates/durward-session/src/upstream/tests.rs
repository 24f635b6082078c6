use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::thread;

use bytes::Bytes;
use durward_testkit::{PostgresServer, SUPERUSER_PASSWORD, ServerOptions};

use super::*;
use crate::tls::TlsError;

const PASSWORD: &str = "correct-horse";

/// A server with an account for each way of logging in.
fn server() -> PostgresServer {
    let hba = [
        "local all trusted trust",
        "host all trusted 127.0.0.1/32 trust",
        "host all clear 127.0.0.1/32 password",
        "host all hashed 127.0.0.1/32 md5",
        "hostssl all tlsonly 127.0.0.1/32 scram-sha-256",
        "hostnossl all tlsonly 127.0.0.1/32 reject",
        "hostssl all plainonly 127.0.0.1/32 reject",
        "hostssl all certified 127.0.0.1/32 cert",
    ];
    let server = PostgresServer::start_with(&ServerOptions {
        hba: hba.map(str::to_owned).to_vec(),
        ..ServerOptions::default()
    });
    let mut script = "SET password_encryption = 'md5'; CREATE ROLE hashed LOGIN PASSWORD 'correct-horse';\
                      SET password_encryption = 'scram-sha-256';"
        .to_owned();
    for role in ["trusted", "clear", "scram", "tlsonly", "plainonly", "certified"] {
        script.push_str(&format!("CREATE ROLE {role} LOGIN PASSWORD '{PASSWORD}';"));
    }
    server.execute("postgres", &script);
    server
}

fn address(server: &PostgresServer) -> SocketAddr {
    server.access("postgres").address
}

/// What one value of one row is.
async fn value(connection: &mut UpstreamConnection, query: &str) -> String {
    let answers = connection.simple_query(query).await.unwrap();
    let value = answers[0][0][0].clone().unwrap();
    String::from_utf8(value.to_vec()).unwrap()
}

/// How a login went, in a few words.
async fn outcome(url: &str) -> String {
    let target = match Target::parse(url) {
        Ok(target) => target,
        Err(error) => return error.to_string(),
    };
    let credentials = UpstreamCredentials::configured(&target);
    match UpstreamConnection::connect(&target, &credentials, &[]).await {
        Ok(mut connection) => {
            let query = "SELECT current_user || CASE WHEN ssl THEN ' tls' ELSE ' plain' END \
                         FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
            value(&mut connection, query).await
        }
        Err(UpstreamError::Server(error)) => error.code().to_owned(),
        Err(error) => error.to_string(),
    }
}

struct Files {
    folder: tempfile::TempDir,
}

impl Files {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn put(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        path
    }
}

#[tokio::test]
async fn every_way_of_logging_in_to_a_real_server() {
    let server = server();
    let at = address(&server);
    let mut own = UpstreamConnection::connect_for_catalog(&superuser(at)).await.unwrap();
    let files = Files::new();
    let certificate = files.put(
        "server.crt",
        &value(&mut own, "SELECT pg_read_file('server.crt')").await,
    );
    let root = certificate.display();
    let other = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let other = files.put("other.crt", &other.cert.pem());
    let other = other.display();
    let port = at.port();
    for (url, expected) in [
        (
            format!("postgres://trusted@{at}/postgres?sslmode=disable"),
            "trusted plain",
        ),
        (format!("postgres://trusted@{at}/postgres"), "trusted tls"),
        (
            format!("postgres://trusted@{at}/postgres?sslmode=allow"),
            "trusted plain",
        ),
        (
            format!("postgres://clear:{PASSWORD}@{at}/postgres?sslmode=require"),
            "clear tls",
        ),
        (format!("postgres://clear:wrong@{at}/postgres?sslmode=require"), "28P01"),
        (format!("postgres://hashed:{PASSWORD}@{at}/postgres"), "hashed tls"),
        (format!("postgres://hashed:wrong@{at}/postgres"), "28P01"),
        (
            format!("postgres://scram:{PASSWORD}@{at}/postgres?sslmode=disable"),
            "scram plain",
        ),
        (
            format!("postgres://scram:{PASSWORD}@{at}/postgres?channel_binding=require"),
            "scram tls",
        ),
        (
            format!("postgres://scram:{PASSWORD}@{at}/postgres?channel_binding=disable"),
            "scram tls",
        ),
        (format!("postgres://scram:wrong@{at}/postgres"), "28P01"),
        (
            format!("postgres://scram@{at}/postgres"),
            "the server wants a password, and the target has none",
        ),
        (format!("postgres://nobody:x@{at}/postgres"), "28P01"),
        (format!("postgres://trusted@{at}/nowhere"), "3D000"),
        (
            format!("postgres://trusted@{at}/postgres?channel_binding=require"),
            "the server couldn't prove who it is: channel binding is required and was not done",
        ),
        (
            format!("postgres://tlsonly:{PASSWORD}@{at}/postgres?sslmode=allow"),
            "tlsonly tls",
        ),
        (
            format!("postgres://tlsonly:{PASSWORD}@{at}/postgres?sslmode=disable"),
            "28000",
        ),
        (
            format!("postgres://plainonly:{PASSWORD}@{at}/postgres"),
            "plainonly plain",
        ),
        (
            format!("postgres://plainonly:{PASSWORD}@{at}/postgres?sslmode=require"),
            "28000",
        ),
        (
            format!("postgres://trusted@{at}/postgres?sslmode=verify-full&sslrootcert={root}"),
            "trusted tls",
        ),
        (
            format!("postgres://trusted@localhost:{port}/postgres?sslmode=verify-full&sslrootcert={root}"),
            "trusted tls",
        ),
        (
            format!("postgres://trusted@{at}/postgres?sslmode=require&sslrootcert={root}"),
            "trusted tls",
        ),
    ] {
        assert_eq!(outcome(&url).await, expected, "{url}");
    }
    for (url, expected) in [
        (
            format!("postgres://trusted@{at}/postgres?sslmode=verify-ca&sslrootcert={other}"),
            "TLS handshake",
        ),
        (
            format!("postgres://trusted@{at}/postgres?sslmode=require&sslrootcert={other}"),
            "TLS handshake",
        ),
        (
            format!("postgres://trusted@{at}/postgres?sslmode=verify-full"),
            "TLS handshake",
        ),
        (
            format!(
                "postgres://trusted@elsewhere:{port}/postgres?hostaddr=127.0.0.1&sslmode=verify-full&sslrootcert={root}"
            ),
            "not valid for name",
        ),
        (
            format!(
                "postgres://trusted@elsewhere:{port}/postgres?hostaddr=127.0.0.1&sslmode=verify-ca&sslrootcert={root}"
            ),
            "trusted tls",
        ),
    ] {
        let outcome = outcome(&url).await;
        assert!(outcome.contains(expected), "{url}: {outcome}");
    }
    let folder = value(&mut own, "SHOW unix_socket_directories").await;
    let url =
        format!("postgres:///postgres?host={folder}&port={port}&user=trusted&sslmode=verify-full&sslrootcert={root}");
    assert_eq!(outcome(&url).await.split(' ').next(), Some("trusted"));
}

fn superuser(at: SocketAddr) -> Target {
    Target::parse(&format!("postgres://postgres:{SUPERUSER_PASSWORD}@{at}/postgres")).unwrap()
}

#[tokio::test]
async fn a_client_certificate_logs_in() {
    let server = server();
    let at = address(&server);
    let key = rcgen::KeyPair::generate().unwrap();
    let mut parameters = rcgen::CertificateParams::new(Vec::<String>::new()).unwrap();
    parameters.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let authority = parameters.self_signed(&key).unwrap();
    let issuer = rcgen::Issuer::from_params(&parameters, &key);
    let client_key = rcgen::KeyPair::generate().unwrap();
    let mut client = rcgen::CertificateParams::new(Vec::<String>::new()).unwrap();
    client.distinguished_name = rcgen::DistinguishedName::new();
    client.distinguished_name.push(rcgen::DnType::CommonName, "certified");
    let client = client.signed_by(&client_key, &issuer).unwrap();
    let files = Files::new();
    let (certificate, key) = (
        files.put("client.crt", &client.pem()),
        files.put("client.key", &client_key.serialize_pem()),
    );
    trust_clients_of(&server, &authority.pem());
    let url = format!("postgres://certified@{at}/postgres?sslmode=require");
    assert_eq!(outcome(&url).await, "28000");
    let url = format!("{url}&sslcert={}&sslkey={}", certificate.display(), key.display());
    assert_eq!(outcome(&url).await, "certified tls");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    assert!(outcome(&url).await.contains("can be read by others"));
}

/// Puts an authority for client certificates into the server's folder and waits until it goes by it.
fn trust_clients_of(server: &PostgresServer, pem: &str) {
    let folder = {
        let mut client = durward_testkit::RawClient::connect(&server.access("postgres")).unwrap();
        let transcript = client.query("SHOW data_directory").unwrap();
        transcript.rows()[0][0].clone()
    };
    let lines = pem
        .lines()
        .map(|line| format!("'{line}'"))
        .collect::<Vec<_>>()
        .join(",");
    let file = Path::new(&folder).join("clients.crt");
    server.execute(
        "postgres",
        &format!("COPY (SELECT unnest(ARRAY[{lines}])) TO '{}'", file.display()),
    );
    server.execute("postgres", "ALTER SYSTEM SET ssl_ca_file = 'clients.crt'");
    server.execute("postgres", "SELECT pg_reload_conf()");
    for _ in 0..500 {
        let mut client = durward_testkit::RawClient::connect(&server.access("postgres")).unwrap();
        if client.query("SHOW ssl_ca_file").unwrap().rows()[0][0] == "clients.crt" {
            return;
        }
    }
    panic!("the server didn't reload its configuration");
}

#[tokio::test]
async fn queries_errors_and_cancel_on_a_real_server() {
    let server = server();
    let target = superuser(address(&server));
    let mut own = UpstreamConnection::connect_for_catalog(&target).await.unwrap();
    let answers = own
        .simple_query("SELECT 1, NULL, ''; VALUES ('a'), ('b'); SET statement_timeout = 0")
        .await
        .unwrap();
    let text = |value: &str| Some(Bytes::from(value.to_owned()));
    assert_eq!(answers[0], [vec![text("1"), None, text("")]]);
    assert_eq!(answers[1], [vec![text("a")], vec![text("b")]]);
    assert!(answers[2].is_empty());

    let error = own.simple_query("SELECT 1/0").await.unwrap_err();
    let UpstreamError::Server(error) = error else {
        panic!("expected the server's error");
    };
    assert_eq!(error.code(), "22012");
    let frame = error.into_frame();
    assert_eq!(
        (
            frame[0],
            usize::try_from(u32::from_be_bytes(frame[1..5].try_into().unwrap())).unwrap()
        ),
        (b'E', frame.len() - 1)
    );
    assert!(
        own.simple_query("CREATE TABLE t ()").await.is_err(),
        "own connections are read only"
    );
    assert_eq!(value(&mut own, "SHOW search_path").await, "pg_catalog");

    let parameters = [
        ("application_name".to_owned(), "ada: psql".to_owned()),
        ("datestyle".to_owned(), "SQL".to_owned()),
    ];
    let credentials = UpstreamCredentials::passthrough("scram", Zeroizing::new(PASSWORD.as_bytes().to_vec()));
    let mut running = UpstreamConnection::connect(&target, &credentials, &parameters)
        .await
        .unwrap();
    assert!(
        running
            .parameters()
            .any(|(name, value)| (name, value) == ("application_name", "ada: psql"))
    );
    assert!(
        running
            .parameters()
            .any(|(name, value)| (name, value) == ("DateStyle", "SQL, MDY"))
    );
    assert_eq!(
        value(&mut running, "SELECT pg_backend_pid()").await,
        running.process_id().to_string()
    );
    let unchecked = UpstreamCredentials::passthrough("trusted", Zeroizing::new(b"any".to_vec()));
    let refused = UpstreamConnection::connect(&target, &unchecked, &[]).await;
    assert!(matches!(refused, Err(UpstreamError::PasswordNotChecked)), "{refused:?}");
    let cancelling = running.cancel_target();
    let sleeper = tokio::spawn(async move { running.simple_query("SELECT pg_sleep(60)").await.unwrap_err() });
    let asleep = format!(
        "SELECT count(*) FROM pg_stat_activity WHERE pid = {} AND wait_event = 'PgSleep'",
        cancelling.process_id()
    );
    while value(&mut own, &asleep).await != "1" {}
    cancel(&cancelling).await.unwrap();
    let UpstreamError::Server(error) = sleeper.await.unwrap() else {
        panic!("expected the server's error");
    };
    assert_eq!(error.code(), "57014");
}

/// A server that says `answers`, one after each message it gets, whatever that is.
fn scripted(answers: Vec<Vec<u8>>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut buffer = [0; 4096];
        for answer in answers {
            let _count = stream.read(&mut buffer).unwrap();
            stream.write_all(&answer).unwrap();
        }
        // Until the client is gone.
        while let Ok(1..) = stream.read(&mut buffer) {}
    });
    address
}

fn message(tag: u8, body: &[u8]) -> Vec<u8> {
    let mut message = vec![tag];
    message.extend_from_slice(&u32::try_from(body.len() + 4).unwrap().to_be_bytes());
    message.extend_from_slice(body);
    message
}

#[tokio::test]
async fn a_server_that_misbehaves_is_not_believed() {
    let ok = message(b'R', &[0, 0, 0, 0]);
    let sasl = message(b'R', b"\0\0\0\x0aSCRAM-SHA-256\0\0");
    let clear = message(b'R', &[0, 0, 0, 3]);
    for (answers, expected) in [
        (vec![sasl.clone(), ok.clone()], "it skipped its proof"),
        (vec![message(b'R', b"\0\0\0\x0aPLAIN\0\0")], "SASL mechanism other than"),
        (vec![message(b'R', b"\0\0\0\x07")], "authentication by GSS"),
        (vec![message(b'R', b"\0\0\0\x0cv=x")], "out of order"),
        (vec![clear.clone(), clear], "out of order"),
        (vec![message(b'Z', b"I")], "no place in a login"),
        (vec![message(b'K', &[0; 8])], "no place in a login"),
        (vec![[ok.clone(), ok].concat()], "a second welcome"),
        (vec![message(b'D', &[0, 0])], "no place in a login"),
        (vec![message(b'v', &[0, 3, 0, 9, 0, 0, 0, 0])], "was not asked for"),
        (vec![vec![b'R', 0, 0, 0, 1]], "broke the protocol"),
        (vec![vec![b'R', 0x7f, 0xff, 0xff, 0xff]], "broke the protocol"),
        (vec![vec![0xff; 64]], "broke the protocol"),
    ] {
        let at = scripted(answers.clone());
        let outcome = outcome(&format!("postgres://me:secret@{at}/x?sslmode=disable")).await;
        assert!(outcome.contains(expected), "{answers:?}: {outcome}");
    }
    for (answer, expected) in [
        (b"N".to_vec(), "sslmode demands it"),
        (message(b'E', b"SFATAL\0\0"), "neither yes nor no"),
        ([b"S".to_vec(), message(b'R', &[0, 0, 0, 0])].concat(), "TLS handshake"),
    ] {
        let at = scripted(vec![answer]);
        let outcome = outcome(&format!("postgres://me@{at}/x?sslmode=require")).await;
        assert!(outcome.contains(expected), "{outcome}");
    }
    let at = scripted(Vec::new());
    let outcome = outcome(&format!("postgres://me@{at}/x?sslmode=disable&connect_timeout=1")).await;
    assert_eq!(outcome, "the server didn't finish the login in time");
}

#[test]
fn a_target_that_makes_no_sense_says_why() {
    let error = Target::parse("postgres://me@db/x?sslmode=verify-ca").unwrap_err();
    assert!(matches!(error, TargetError::Tls(TlsError::Settings(_))));
}
