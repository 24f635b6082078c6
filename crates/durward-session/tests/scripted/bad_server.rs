//! Servers that die, lie or fall silent: the client is told what can be told, and nothing is made up.

use durward_testkit::script::{Answer, Heard};
use durward_wire::postgres::backend::TransactionStatus;
use durward_wire::postgres::backend::write as backend;
use durward_wire::postgres::frontend::write;
use tokio::io::AsyncReadExt;

use crate::house::{House, OPERATOR};

fn row(value: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    backend::data_row(&mut out, &[Some(value)]).unwrap();
    out
}

/// Opens a house whose server answers `SELECT 1` with these bytes and dies.
async fn dying(bytes: Vec<u8>) -> House {
    House::open(move |text| {
        if text == "SELECT 1" {
            Answer::Dies(bytes.clone())
        } else {
            Answer::plausible(text)
        }
    })
    .await
}

#[tokio::test]
async fn a_server_that_dies_between_messages_is_said_to_be_gone() {
    let house = dying(row(b"x")).await;
    let mut client = house.client(OPERATOR).await;
    assert_eq!(
        client.query("SELECT 1").await,
        "row(x) fatal(08006: the database server closed the connection) end"
    );
    house.until_empty().await;
    // The next session has a new connection.
    let mut client = house.client(OPERATOR).await;
    assert_eq!(
        client.query("SELECT 2").await,
        "columns(?column?) row(1) done(SELECT 1) ready(I)"
    );
}

#[tokio::test]
async fn a_row_that_was_cut_off_is_never_filled_up_with_words_of_ours() {
    let mut cut = row(&[b'x'; 100]);
    cut.truncate(60);
    let house = dying(cut.clone()).await;
    let mut client = house.client(OPERATOR).await;
    client.send(|out| write::query(out, b"SELECT 1")).await;
    let mut rest = Vec::new();
    client.stream().read_to_end(&mut rest).await.unwrap();
    assert_eq!(rest, cut);
}

#[tokio::test]
async fn a_server_that_says_why_it_ends_is_quoted() {
    let mut farewell = Vec::new();
    backend::error_response(
        &mut farewell,
        &backend::Report::new(backend::Severity::Fatal, "57P01", "terminating connection"),
    );
    let house = dying(farewell).await;
    let mut client = house.client(OPERATOR).await;
    assert_eq!(
        client.query("SELECT 1").await,
        "fatal(57P01: terminating connection) end"
    );
}

/// What the client sees when the server answers `SELECT 1` with these bytes.
async fn check_lie(bytes: &[u8], expected: &str) {
    let bytes = bytes.to_vec();
    let shown = bytes.escape_ascii().to_string();
    let house = House::open(move |text| {
        if text == "SELECT 1" {
            Answer::Bytes(bytes.clone())
        } else {
            Answer::plausible(text)
        }
    })
    .await;
    let mut client = house.client(OPERATOR).await;
    let lost = "fatal(08006: the database server sent a message that the gateway does not understand) end";
    client.send(|out| write::query(out, b"SELECT 1")).await;
    assert_eq!(client.until_end().await, format!("{expected}{lost}"), "{shown}");
    house.until_empty().await;
}

#[tokio::test]
async fn a_server_that_lies_is_not_passed_on() {
    check_lie(b"?\0\0\0\x04", "").await;
    check_lie(b"\0\0\0\0\0", "").await;
    check_lie(b"D\0\0\0\x03", "").await;
    check_lie(b"D\x7f\xff\xff\xff", "").await;
    check_lie(b"T\x02\0\0\0", "").await;
    check_lie(b"W\0\0\0\x07\0\0\0", "").await;
    check_lie(b"R\0\0\0\x08\0\0\0\0", "").await;
    check_lie(b"V\0\0\0\x08\xff\xff\xff\xff", "").await;
    check_lie(b"1\0\0\0\x04", "").await;
    check_lie(b"E\0\0\0\x05S", "").await;
    check_lie(b"Z\0\0\0\x05X", "").await;
    check_lie(b"Z\0\0\0\x05IZ\0\0\0\x05I", "ready(I) ").await;
    check_lie(b"C\0\0\0\x09SET\0\0", "").await;
    check_lie(b"C\0\0\0\x08SET\0C\0\0\0\x08SET\0", "done(SET) ").await;
}

#[tokio::test]
async fn a_silent_server_is_cancelled_when_the_session_is_killed() {
    let house = House::open(|text| {
        if text == "SELECT 1" {
            Answer::Silence
        } else {
            Answer::plausible(text)
        }
    })
    .await;
    let mut client = house.client(OPERATOR).await;
    client.send(|out| write::query(out, b"SELECT 1")).await;
    house
        .until_heard(|heard| *heard == Heard::Query("SELECT 1".to_owned()))
        .await;
    house.gateway.sessions.kill_all();
    assert_eq!(
        client.until_end().await,
        "fatal(57P01: terminating connection due to administrator command) end"
    );
    house.until_empty().await;
    while !house
        .stand_in
        .heard()
        .iter()
        .any(|heard| matches!(heard, Heard::Cancel(_)))
    {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn what_comes_unasked_is_passed_on_in_its_place() {
    let mut bytes = Vec::new();
    backend::notice_response(
        &mut bytes,
        &backend::Report::new(backend::Severity::Notice, "00000", "by the way"),
    );
    backend::notification_response(&mut bytes, 7, b"orders", b"new").unwrap();
    backend::parameter_status(&mut bytes, b"TimeZone", b"UTC").unwrap();
    backend::command_complete(&mut bytes, b"SELECT 0").unwrap();
    backend::ready_for_query(&mut bytes, TransactionStatus::Idle);
    let house = House::open(move |text| {
        if text == "SELECT 1" {
            Answer::Bytes(bytes.clone())
        } else {
            Answer::plausible(text)
        }
    })
    .await;
    let mut client = house.client(OPERATOR).await;
    assert_eq!(
        client.query("SELECT 1").await,
        "notification(orders: new) done(SELECT 0) ready(I)"
    );
}
