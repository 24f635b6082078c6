use durward_wire::postgres::frontend::{Target, write};
use tokio::net::TcpStream;

use super::{Answer, Heard, ScriptClient, StandIn};

async fn logged_in(stand_in: &StandIn) -> ScriptClient<TcpStream> {
    let stream = TcpStream::connect(stand_in.address()).await.unwrap();
    let mut client = ScriptClient::new(stream);
    let welcome = client.log_in("ada", "shop", "").await;
    assert!(
        welcome.starts_with("authenticated ") && welcome.ends_with(" ready(I)"),
        "{welcome}"
    );
    client
}

#[tokio::test]
async fn transactions_look_like_a_server_s() {
    let stand_in = StandIn::start(Answer::plausible).await;
    let mut client = logged_in(&stand_in).await;
    for (text, expected) in [
        ("SELECT 1", "columns(?column?) row(1) done(SELECT 1) ready(I)"),
        ("", "empty ready(I)"),
        ("BEGIN", "done(BEGIN) ready(T)"),
        ("nonsense", "error(42601: syntax error) ready(E)"),
        (
            "SELECT 1",
            "error(25P02: current transaction is aborted, commands ignored until end of transaction block) ready(E)",
        ),
        ("ROLLBACK", "done(ROLLBACK) ready(I)"),
    ] {
        let answered = client.query(text).await.replace("columns(?column?) error", "error");
        assert_eq!(answered, expected, "{text}");
    }
    assert_eq!(stand_in.texts().len(), 6);
}

#[tokio::test]
async fn an_error_skips_to_the_next_sync() {
    let stand_in = StandIn::start(Answer::plausible).await;
    let mut client = logged_in(&stand_in).await;
    client
        .send(|out| {
            write::parse(out, b"s", b"SELECT 1", &[])?;
            write::describe(out, Target::Statement, b"s")?;
            write::bind(out, b"", b"s", &[])?;
            write::execute(out, b"", 0)?;
            write::bind(out, b"", b"missing", &[])?;
            write::execute(out, b"", 0)?;
            write::sync(out);
            Ok(())
        })
        .await;
    assert_eq!(
        client.until_ready().await,
        "parsed parameters(0) columns(?column?) bound row(1) done(SELECT 1) \
         error(26000: prepared statement does not exist) ready(I)"
    );
}

#[tokio::test]
async fn copies_run_both_ways() {
    let stand_in = StandIn::start(Answer::plausible).await;
    let mut client = logged_in(&stand_in).await;
    client.send(|out| write::query(out, b"COPY t FROM STDIN")).await;
    assert_eq!(client.until(b'G').await, "copy-in");
    client
        .send(|out| {
            write::copy_data(out, b"1\n2\n")?;
            write::copy_done(out);
            Ok(())
        })
        .await;
    assert_eq!(client.until_ready().await, "done(COPY 2) ready(I)");
    assert_eq!(
        client.query("COPY t TO STDOUT").await,
        "copy-out data(1\n) data(2\n) copy-done done(COPY 2) ready(I)"
    );
}

#[tokio::test]
async fn what_it_does_wrong_it_does_as_told() {
    let stand_in = StandIn::start(|text| match text {
        "garbage" => Answer::Bytes(b"Z\0\0\0\x05T".to_vec()),
        "die" => Answer::Dies(b"1\0\0\0\x04".to_vec()),
        _ => Answer::Stream {
            rows: 3,
            value_bytes: 2,
        },
    })
    .await;
    let mut client = logged_in(&stand_in).await;
    assert_eq!(
        client.query("").await,
        "columns(value) row(xx) row(xx) row(xx) done(SELECT 3) ready(I)"
    );
    assert_eq!(client.query("garbage").await, "ready(T)");
    assert_eq!(client.query("die").await, "parsed end");
}

#[tokio::test]
async fn a_cancel_is_heard() {
    let stand_in = StandIn::start(Answer::plausible).await;
    let mut client = ScriptClient::new(TcpStream::connect(stand_in.address()).await.unwrap());
    client.send(|out| write::cancel(out, 77, b"key!")).await;
    assert_eq!(client.until_end().await, "end");
    assert_eq!(stand_in.heard().first(), Some(&Heard::Cancel(77)));
}
