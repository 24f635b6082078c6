//! Before there is a session: startup packets and login.

use durward_testkit::script::{Heard, ScriptClient};
use durward_wire::postgres::ProtocolVersion;
use durward_wire::postgres::frontend::write;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use crate::house::{AGENT, House, OPERATOR};

/// What a stranger that sends these bytes is told.
async fn told(house: &House, bytes: &[u8]) -> String {
    let mut stranger = house.stranger().await;
    stranger.send_bytes(bytes).await;
    stranger.half_close().await;
    stranger.until_end().await
}

fn startup(version: ProtocolVersion, parameters: &[(&str, &str)]) -> Vec<u8> {
    let mut out = Vec::new();
    let parameters = parameters
        .iter()
        .map(|(name, value)| (name.as_bytes(), value.as_bytes()));
    write::startup(&mut out, version, parameters).unwrap();
    out
}

#[tokio::test]
async fn packets_that_are_none_are_told_so() {
    let house = House::ordinary().await;
    for (bytes, expected) in [
        (
            &b"\0\0\0\x04"[..],
            "fatal(08P01: invalid length of startup packet: 4) end",
        ),
        (
            b"\0\0\x27\x11",
            "fatal(08P01: invalid length of startup packet: 10001) end",
        ),
        (
            b"\xff\xff\xff\xff",
            "fatal(08P01: invalid length of startup packet: -1) end",
        ),
        (
            b"GET / HTTP/1.1\r\n\r\n",
            "fatal(08P01: invalid length of startup packet: 1195725856) end",
        ),
        (
            b"\0\0\0\x0d\0\x03\0\0user\0",
            "fatal(08P01: invalid StartupMessage message: no NUL at the end of a parameter's value) end",
        ),
        (
            b"\0\0\0\x09\0\x03\0\0\0",
            "fatal(28000: no PostgreSQL user name specified in startup packet) end",
        ),
        (
            b"\0\0\0\x08\0\x02\0\0",
            "fatal(0A000: unsupported frontend protocol 2.0) end",
        ),
        (b"", "end"),
        (b"\0\0", "end"),
        (b"\0\0\0\x20\0\x03\0\0us", "end"),
    ] {
        assert_eq!(told(&house, bytes).await, expected, "{}", bytes.escape_ascii());
    }
    house.check_alive().await;
}

#[tokio::test]
async fn a_login_cut_off_at_any_byte_is_forgotten() {
    let house = House::ordinary().await;
    let bytes = startup(ProtocolVersion::V3_0, &[("user", OPERATOR), ("database", "shop")]);
    for at in 0..bytes.len() {
        assert_eq!(told(&house, &bytes[..at]).await, "end", "{at}");
    }
    house.until_empty().await;
    house.check_alive().await;
}

#[tokio::test]
async fn encryption_that_is_not_there_is_declined_and_login_goes_on() {
    let house = House::ordinary().await;
    let mut stream = TcpStream::connect(house.address).await.unwrap();
    for code in [80_877_103_i32, 80_877_104] {
        let request = [8_i32.to_be_bytes(), code.to_be_bytes()].concat();
        tokio::io::AsyncWriteExt::write_all(&mut stream, &request)
            .await
            .unwrap();
        assert_eq!(stream.read_u8().await.unwrap(), b'N');
    }
    let mut client = ScriptClient::new(stream);
    let welcome = client.log_in(OPERATOR, "shop", house.password(OPERATOR)).await;
    assert!(welcome.ends_with("ready(I)"), "{welcome}");
}

#[tokio::test]
async fn who_may_not_come_in_is_told_in_the_server_s_codes() {
    let house = House::ordinary().await;
    for (user, database, password, expected) in [
        (OPERATOR, "nowhere", house.password(OPERATOR), "fatal(3D000: "),
        (OPERATOR, "shop", "wrong", "fatal(28P01: "),
        (OPERATOR, "shop", house.password(AGENT), "fatal(28P01: "),
        ("nobody", "shop", "wrong", "fatal(28P01: "),
    ] {
        let mut client = house.stranger().await;
        let answer = client.log_in(user, database, password).await;
        assert!(
            answer.starts_with(expected) && answer.ends_with(" end"),
            "{user} {database}: {answer}"
        );
    }
    assert_eq!(house.stand_in.heard(), []);
}

#[tokio::test]
async fn replication_is_refused_on_purpose() {
    let house = House::ordinary().await;
    for value in ["true", "database", "1", "on", "yes"] {
        let parameters = [("user", OPERATOR), ("database", "shop"), ("replication", value)];
        let answer = told(&house, &startup(ProtocolVersion::V3_0, &parameters)).await;
        assert_eq!(answer, "fatal(0A000: replication connections are not let through) end");
    }
}

#[tokio::test]
async fn a_version_of_the_future_comes_down_to_ours() {
    let house = House::ordinary().await;
    let mut client = house.stranger().await;
    let version = ProtocolVersion { major: 3, minor: 9_999 };
    let parameters = [("user", OPERATOR), ("database", "shop"), ("_pq_.surprise", "1")];
    client.send_bytes(&startup(version, &parameters)).await;
    assert_eq!(client.until(b'v').await, "negotiate(3.2)");
}

#[tokio::test]
async fn a_message_in_place_of_a_password_ends_the_login() {
    let house = House::ordinary().await;
    let login = startup(ProtocolVersion::V3_0, &[("user", OPERATOR), ("database", "shop")]);
    for (bytes, expected) in [
        (
            &b"Q\0\0\0\x0dSELECT 1\0"[..],
            "message type 0x51 in place of a password",
        ),
        (
            b"p\0\x01\0\x04",
            "message type 'p' of 65536 bytes is longer than the 65535 allowed",
        ),
        (b"p\0\0\0\x03", "invalid message length 3 of message type 'p'"),
    ] {
        let mut client = house.stranger().await;
        client.send_bytes(&[&login[..], bytes].concat()).await;
        let answer = client.until_end().await;
        assert!(answer.ends_with(&format!("fatal(08P01: {expected}) end")), "{answer}");
    }
    assert_eq!(house.stand_in.heard(), []);
}

#[tokio::test]
async fn only_the_key_that_was_given_cancels() {
    let house = House::ordinary().await;
    let mut client = house.stranger().await;
    let welcome = client.log_in(OPERATOR, "shop", house.password(OPERATOR)).await;
    let (_, after) = welcome.split_once("key(").unwrap();
    let process_id: i32 = after.split(')').next().unwrap().parse().unwrap();
    let mut guess = house.stranger().await;
    // The stand-in's own key is its process id: the client must have been given another.
    guess
        .send(|out| write::cancel(out, process_id, &process_id.to_be_bytes()))
        .await;
    assert_eq!(guess.until_end().await, "end");
    assert!(
        !house
            .stand_in
            .heard()
            .iter()
            .any(|heard| matches!(heard, Heard::Cancel(_)))
    );
}
