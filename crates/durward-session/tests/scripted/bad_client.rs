//! Clients that break the protocol, lie about lengths, stop in the middle, or send more than anybody should.

use durward_testkit::script::{Answer, ScriptClient};
use durward_wire::postgres::frontend::write;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use crate::house::{AGENT, House, OPERATOR, settings};

fn query(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    write::query(&mut out, text).unwrap();
    out
}

#[tokio::test]
async fn messages_that_are_none_end_the_session_and_reach_nobody() {
    let house = House::ordinary().await;
    for (bytes, expected) in [
        (
            &b"Q\0\0\0\x03"[..],
            "08P01: invalid message length 3 of message type 'Q'",
        ),
        (
            b"Q\xff\xff\xff\xff",
            "08P01: invalid message length -1 of message type 'Q'",
        ),
        (
            b"Q\x7f\xff\xff\xff",
            "08P01: message type 'Q' of 2147483643 bytes is longer than the 1073741818 allowed",
        ),
        (b"Q\x20\0\0\0", "54000: the message is longer than 268435456 bytes"),
        (
            b"S\0\0\x27\x15",
            "08P01: message type 'S' of 10001 bytes is longer than the 9996 allowed",
        ),
        (b"!\0\0\0\x04", "08P01: message type 0x21 is not allowed here"),
        (b"\0\0\0\0\x04", "08P01: message type 0x00 is not allowed here"),
        (b"W\0\0\0\x04", "08P01: message type 0x57 is not allowed here"),
        (b"p\0\0\0\x0asecret\0", "08P01: message type 0x70 is not allowed here"),
        (
            b"Q\0\0\0\x0cSELECT 1",
            "08P01: invalid Query message: no NUL at the end of the text",
        ),
        (
            b"Q\0\0\0\x16SELECT 1\0; DROP t\0",
            "08P01: invalid Query message: bytes left over in the body",
        ),
        (
            b"D\0\0\0\x06X\0",
            "08P01: invalid Describe message: value not allowed in the kind",
        ),
        (
            b"B\0\0\0\x0a\0\0\0\0\xff\xff",
            "08P01: invalid Bind message: cut off in the parameters",
        ),
    ] {
        let mut client = house.client(OPERATOR).await;
        client.send_bytes(bytes).await;
        assert_eq!(
            client.until_end().await,
            format!("fatal({expected}) end"),
            "{}",
            bytes.escape_ascii()
        );
    }
    assert_eq!(house.forwarded(), Vec::<String>::new());
    house.until_empty().await;
    house.check_alive().await;
}

#[tokio::test]
async fn a_function_call_is_refused_and_the_session_lives() {
    let house = House::ordinary().await;
    let mut client = house.client(OPERATOR).await;
    client.send_bytes(b"F\0\0\0\x0e\0\0\0\x01\0\0\0\0\0\0").await;
    let answer = client.until_ready().await;
    assert_eq!(answer, "error(42501: the FunctionCall message is not allowed) ready(I)");
    assert_eq!(client.query("BEGIN").await, "done(BEGIN) ready(T)");
    client.send_bytes(b"F\0\0\0\x0e\0\0\0\x01\0\0\0\0\0\0").await;
    let answer = client.until_ready().await;
    assert_eq!(answer, "error(42501: the FunctionCall message is not allowed) ready(E)");
}

#[tokio::test]
async fn a_text_that_is_not_utf8_is_an_error_like_any_other() {
    let house = House::ordinary().await;
    let mut client = house.client(OPERATOR).await;
    client.send_bytes(&query(b"SELECT '\xff\xfe'")).await;
    let answer = client.until_ready().await;
    assert!(
        answer.starts_with("error(22021: ") && answer.ends_with(" ready(I)"),
        "{answer}"
    );
    assert_eq!(house.forwarded(), Vec::<String>::new());
    assert_eq!(
        client.query("SELECT 'é'").await,
        "columns(?column?) row(1) done(SELECT 1) ready(I)"
    );
}

#[tokio::test]
async fn an_encoding_set_in_the_same_pipeline_counts_for_the_next_text() {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    let japanese = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&japanese);
    // The probe is answered here, since it depends on what was set.
    let house = House::open_with_settings(move |text| {
        if text.contains("client_encoding =") {
            seen.store(true, Ordering::Relaxed);
        }
        let encoding = if seen.load(Ordering::Relaxed) { "SJIS" } else { "UTF8" };
        (settings(encoding), Answer::plausible(text))
    })
    .await;
    let mut client = house.client(OPERATOR).await;
    // Read as UTF-8 the text is one string; read as SJIS the backslash belongs to a character, and a DROP follows.
    let trick = "SELECT E'\u{3042}\\'; DROP TABLE orders; --'";
    let mut bytes = query(b"SET client_encoding = 'SJIS'");
    bytes.extend_from_slice(&query(trick.as_bytes()));
    client.send_bytes(&bytes).await;
    assert_eq!(client.until_ready().await, "done(SET) ready(I)");
    let answer = client.until_ready().await;
    assert!(
        answer.starts_with("error(WD008: ") && answer.ends_with(" ready(I)"),
        "{answer}"
    );
    assert_eq!(house.forwarded(), ["SET client_encoding = 'SJIS'"]);
}

#[tokio::test]
async fn random_bytes_harm_nobody_else() {
    let house = House::ordinary().await;
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    for round in 0..60_u64 {
        let mut client = house.client(if round % 2 == 0 { OPERATOR } else { AGENT }).await;
        let length = usize::try_from(next() % 300).unwrap();
        let mut bytes: Vec<u8> = (0..length).map(|_| next().to_be_bytes()[0]).collect();
        if round % 3 == 0 {
            // A true tag and a short length get further in.
            let tags = b"QPBDECHSdcfXFp";
            let tag = tags[usize::try_from(next() % 14).unwrap()];
            bytes.splice(0..0, [tag, 0, 0, 0, next().to_be_bytes()[0]]);
        }
        client.send_bytes(&bytes).await;
        client.half_close().await;
        let answer = client.until_end().await;
        assert!(answer.ends_with("end"), "{answer}");
    }
    house.until_empty().await;
    house.check_alive().await;
}

#[tokio::test]
async fn a_query_that_arrives_byte_by_byte_is_the_same_query() {
    let house = House::ordinary().await;
    let mut client = house.client(OPERATOR).await;
    for byte in query(b"SELECT 1") {
        client.send_bytes(&[byte]).await;
    }
    assert_eq!(
        client.until_ready().await,
        "columns(?column?) row(1) done(SELECT 1) ready(I)"
    );
}

#[tokio::test]
async fn a_client_that_stops_anywhere_leaves_nothing_behind() {
    let house = House::ordinary().await;
    let mut pipeline = Vec::new();
    write::parse(&mut pipeline, b"", b"SELECT 1", &[]).unwrap();
    write::bind(&mut pipeline, b"", b"", &[]).unwrap();
    write::execute(&mut pipeline, b"", 0).unwrap();
    for bytes in [
        &pipeline[..],
        &pipeline[..20],
        &query(b"SELECT 1")[..9],
        b"d\0\0\x10\0abc",
    ] {
        let mut client = house.client(OPERATOR).await;
        client.send_bytes(bytes).await;
        client.half_close().await;
        assert!(client.until_end().await.ends_with("end"));
    }
    house.until_empty().await;
}

#[tokio::test]
async fn a_client_that_stops_inside_a_copy_leaves_nothing_behind() {
    let house = House::ordinary().await;
    for rest in [&b""[..], b"d\0\0\0\x061\n", b"d\0\0\0\xff1\n"] {
        let mut client = house.client(OPERATOR).await;
        client.send_bytes(&query(b"COPY t FROM STDIN")).await;
        assert_eq!(client.until(b'G').await, "copy-in");
        client.send_bytes(rest).await;
        client.half_close().await;
        assert!(client.until_end().await.ends_with("end"));
    }
    house.until_empty().await;
}

#[tokio::test]
async fn a_half_closed_client_still_gets_its_answer() {
    let house = House::ordinary().await;
    let mut client = house.client(OPERATOR).await;
    client.send_bytes(&query(b"SELECT 1")).await;
    client.half_close().await;
    assert_eq!(
        client.until_end().await,
        "columns(?column?) row(1) done(SELECT 1) ready(I) end"
    );
    house.until_empty().await;
}

#[tokio::test]
async fn a_client_that_reads_nothing_stops_the_server_not_the_gateway() {
    let rows = 100_000;
    let house = House::open(move |_| Answer::Stream {
        rows,
        value_bytes: 1_000,
    })
    .await;
    let mut lazy = house.client(OPERATOR).await;
    lazy.send_bytes(&query(b"SELECT 1")).await;
    // Others are served while the lazy one has 100 MB waiting for it.
    let mut other = house.client(OPERATOR).await;
    other.send_bytes(&query(b"SELECT 2")).await;
    assert_eq!(count_rows(&mut other).await, rows);
    assert_eq!(count_rows(&mut lazy).await, rows);
}

async fn count_rows(client: &mut ScriptClient<TcpStream>) -> usize {
    let mut rows = 0;
    while let Some((tag, _)) = client.frame().await {
        match tag {
            b'D' => rows += 1,
            b'Z' => return rows,
            _ => {}
        }
    }
    panic!("the connection ended after {rows} rows");
}

#[tokio::test]
async fn a_client_that_leaves_a_stream_ends_it() {
    let house = House::open(|_| Answer::Stream {
        rows: 10_000_000,
        value_bytes: 1_000,
    })
    .await;
    let mut client = house.client(OPERATOR).await;
    client.send_bytes(&query(b"SELECT 1")).await;
    assert!(client.frame().await.is_some());
    drop(client);
    house.until_empty().await;
}

#[tokio::test]
async fn as_many_parameters_as_a_count_can_hold_pass() {
    let house = House::ordinary().await;
    let mut client = house.client(OPERATOR).await;
    let places: Vec<String> = (1..=65_535).map(|number| format!("${number}")).collect();
    let text = format!("SELECT 1 IN ({})", places.join(","));
    let values: Vec<Option<&[u8]>> = vec![Some(b"1"); 65_535];
    client
        .send(|out| {
            write::parse(out, b"many", text.as_bytes(), &[])?;
            write::bind(out, b"", b"many", &values)?;
            write::execute(out, b"", 0)?;
            write::sync(out);
            Ok(())
        })
        .await;
    assert_eq!(
        client.until_ready().await,
        "parsed bound row(1) done(SELECT 1) ready(I)"
    );
}

#[tokio::test]
async fn a_text_of_ten_megabytes_passes() {
    let house = House::ordinary().await;
    let mut client = house.client(OPERATOR).await;
    let text = format!("SELECT '{}'", "x".repeat(10_000_000));
    assert_eq!(
        client.query(&text).await,
        "columns(?column?) row(1) done(SELECT 1) ready(I)"
    );
}

#[tokio::test]
async fn a_piece_of_a_copy_may_be_larger_than_any_buffer() {
    let house = House::ordinary().await;
    let mut client = house.client(OPERATOR).await;
    client.send_bytes(&query(b"COPY t FROM STDIN")).await;
    assert_eq!(client.until(b'G').await, "copy-in");
    let lines = "1\n".repeat(4_000_000);
    client
        .send(|out| {
            write::copy_data(out, lines.as_bytes())?;
            write::copy_done(out);
            Ok(())
        })
        .await;
    assert_eq!(client.until_ready().await, "done(COPY 4000000) ready(I)");
}

#[tokio::test]
async fn bytes_ahead_of_the_login_s_end_wait_their_turn() {
    let house = House::ordinary().await;
    let mut client = house.client(OPERATOR).await;
    let mut bytes = query(b"SELECT 1");
    bytes.extend_from_slice(&query(b"SELECT 2"));
    write::terminate(&mut bytes);
    bytes.extend_from_slice(b"never read");
    client.send_bytes(&bytes).await;
    let mut rest = Vec::new();
    // Whether the answers come before the end is a matter of speed; that the end comes is not.
    let _reset = client.stream().read_to_end(&mut rest).await;
    house.until_empty().await;
}
