//! Pipelines, transactions and refusals: the client sees what the server would have shown it.

use durward_sql::settings::PROBE_SQL;
use durward_testkit::script::{Answer, Heard};
use durward_wire::postgres::error::EncodeError;
use durward_wire::postgres::frontend::{Target, write};

use crate::house::{AGENT, House, OPERATOR};

const REFUSED: &str = "error(42501: ";

/// A step of the extended protocol: Parse, Bind, Execute of the unnamed.
fn step(out: &mut Vec<u8>, text: &str) -> Result<(), EncodeError> {
    write::parse(out, b"", text.as_bytes(), &[])?;
    write::bind(out, b"", b"", &[])?;
    write::execute(out, b"", 0)
}

#[tokio::test]
async fn a_refused_statement_leaves_an_idle_session_idle() {
    let house = House::ordinary().await;
    let mut client = house.client(AGENT).await;
    let answer = client.query("DROP TABLE orders").await;
    assert!(answer.starts_with(REFUSED) && answer.ends_with(" ready(I)"), "{answer}");
    assert_eq!(
        client.query("SELECT 1").await,
        "columns(?column?) row(1) done(SELECT 1) ready(I)"
    );
    assert_eq!(house.forwarded(), ["SELECT 1"]);
}

#[tokio::test]
async fn a_refused_statement_aborts_its_transaction() {
    let house = House::ordinary().await;
    let mut client = house.client(AGENT).await;
    assert_eq!(client.query("BEGIN").await, "done(BEGIN) ready(T)");
    let answer = client.query("DROP TABLE orders").await;
    assert!(answer.starts_with(REFUSED) && answer.ends_with(" ready(E)"), "{answer}");
    let answer = client.query("SELECT 1").await;
    assert!(
        answer.contains("error(25P02: ") && answer.ends_with(" ready(E)"),
        "{answer}"
    );
    assert_eq!(client.query("ROLLBACK").await, "done(ROLLBACK) ready(I)");
    assert!(!house.forwarded().iter().any(|text| text.contains("DROP")));
}

#[tokio::test]
async fn a_refused_text_runs_none_of_its_statements() {
    let house = House::ordinary().await;
    let mut client = house.client(AGENT).await;
    let answer = client.query("SELECT 1; DROP TABLE orders; SELECT 2").await;
    assert!(answer.starts_with(REFUSED) && answer.ends_with(" ready(I)"), "{answer}");
    assert_eq!(house.forwarded(), Vec::<String>::new());
}

#[tokio::test]
async fn a_refusal_inside_a_pipeline_skips_to_its_sync() {
    let house = House::ordinary().await;
    let mut client = house.client(AGENT).await;
    client
        .send(|out| {
            step(out, "SELECT 1")?;
            step(out, "DROP TABLE orders")?;
            step(out, "SELECT 2")?;
            write::sync(out);
            step(out, "SELECT 3")?;
            write::sync(out);
            Ok(())
        })
        .await;
    let answer = client.until_ready().await;
    let rest = answer
        .strip_prefix("parsed bound row(1) done(SELECT 1) ")
        .unwrap_or_else(|| panic!("{answer}"));
    assert!(
        rest.starts_with(REFUSED) && rest.ends_with(" ready(I)") && !rest.contains("parsed"),
        "{answer}"
    );
    assert_eq!(
        client.until_ready().await,
        "parsed bound row(1) done(SELECT 1) ready(I)"
    );
    assert!(!house.forwarded().iter().any(|text| text.contains("DROP")));
}

#[tokio::test]
async fn a_pipeline_of_refusals_answers_each_step() {
    let house = House::ordinary().await;
    let mut client = house.client(AGENT).await;
    client
        .send(|out| {
            for _ in 0..50 {
                step(out, "DROP TABLE orders")?;
                write::sync(out);
            }
            Ok(())
        })
        .await;
    for _ in 0..50 {
        let answer = client.until_ready().await;
        assert!(answer.starts_with(REFUSED) && answer.ends_with(" ready(I)"), "{answer}");
    }
    assert_eq!(house.forwarded(), Vec::<String>::new());
}

#[tokio::test]
async fn simple_queries_in_a_row_are_each_answered() {
    let house = House::ordinary().await;
    let mut client = house.client(AGENT).await;
    client
        .send(|out| {
            write::query(out, b"SELECT 1")?;
            write::query(out, b"DROP TABLE orders")?;
            write::query(out, b"SELECT 2")?;
            write::query(out, b"")
        })
        .await;
    assert_eq!(
        client.until_ready().await,
        "columns(?column?) row(1) done(SELECT 1) ready(I)"
    );
    assert!(client.until_ready().await.starts_with(REFUSED));
    assert_eq!(
        client.until_ready().await,
        "columns(?column?) row(1) done(SELECT 1) ready(I)"
    );
    assert_eq!(client.until_ready().await, "empty ready(I)");
}

#[tokio::test]
async fn an_error_of_the_server_skips_to_the_sync_as_ever() {
    let house = House::open(|text| {
        if text.contains("missing") {
            Answer::Error("42P01", "no such relation")
        } else {
            Answer::plausible(text)
        }
    })
    .await;
    let mut client = house.client(OPERATOR).await;
    client
        .send(|out| {
            step(out, "SELECT 1")?;
            step(out, "SELECT missing")?;
            step(out, "SELECT 3")?;
            write::sync(out);
            Ok(())
        })
        .await;
    assert_eq!(
        client.until_ready().await,
        "parsed bound row(1) done(SELECT 1) error(42P01: no such relation) ready(I)"
    );
    // A name whose Parse failed does not exist.
    client
        .send(|out| {
            write::parse(out, b"s", b"SELECT missing", &[])?;
            write::sync(out);
            write::bind(out, b"", b"s", &[])?;
            write::execute(out, b"", 0)?;
            write::sync(out);
            Ok(())
        })
        .await;
    assert_eq!(client.until_ready().await, "error(42P01: no such relation) ready(I)");
    let answer = client.until_ready().await;
    assert_eq!(answer, "error(26000: prepared statement does not exist) ready(I)");
}

#[tokio::test]
async fn answers_come_with_a_flush() {
    let house = House::ordinary().await;
    let mut client = house.client(OPERATOR).await;
    client
        .send(|out| {
            write::parse(out, b"s", b"SELECT 1", &[])?;
            write::describe(out, Target::Statement, b"s")?;
            write::flush(out);
            Ok(())
        })
        .await;
    assert_eq!(client.until(b'T').await, "parsed parameters(0) columns(?column?)");
    client
        .send(|out| {
            write::bind(out, b"p", b"s", &[])?;
            write::execute(out, b"p", 0)?;
            write::flush(out);
            Ok(())
        })
        .await;
    assert_eq!(client.until(b'C').await, "bound row(1) done(SELECT 1)");
    client
        .send(|out| {
            write::close(out, Target::Portal, b"p")?;
            write::close(out, Target::Statement, b"s")?;
            write::sync(out);
            Ok(())
        })
        .await;
    assert_eq!(client.until_ready().await, "closed closed ready(I)");
}

#[tokio::test]
async fn a_look_at_the_settings_is_invisible_and_ends_no_pipeline() {
    let house = House::ordinary().await;
    let mut client = house.client(OPERATOR).await;
    client
        .send(|out| {
            step(out, "SET search_path = evil")?;
            write::flush(out);
            Ok(())
        })
        .await;
    assert_eq!(client.until(b'C').await, "parsed bound done(SET)");
    client
        .send(|out| {
            step(out, "SELECT * FROM orders")?;
            write::sync(out);
            Ok(())
        })
        .await;
    assert_eq!(
        client.until_ready().await,
        "parsed bound row(1) done(SELECT 1) ready(I)"
    );
    // A simple Query of the gateway's would have ended the client's transaction.
    let heard = house.stand_in.heard();
    let probes = heard
        .iter()
        .filter(|heard| matches!(heard, Heard::Query(text) if text == PROBE_SQL))
        .count();
    assert_eq!(probes, 1, "the one at login");
    assert!(heard.contains(&Heard::Parse(PROBE_SQL.to_owned())));
}

#[tokio::test]
async fn the_gateway_s_own_name_is_not_to_be_had() {
    let house = House::ordinary().await;
    let mut client = house.client(OPERATOR).await;
    client
        .send(|out| {
            write::parse(out, b"durward_gateway", b"SELECT 1", &[])?;
            write::sync(out);
            Ok(())
        })
        .await;
    let answer = client.until_ready().await;
    assert!(
        answer.starts_with("error(WD008: ") && answer.ends_with(" ready(I)"),
        "{answer}"
    );
}

#[tokio::test]
async fn copies_run_both_ways_and_end_as_the_client_says() {
    let house = House::ordinary().await;
    let mut client = house.client(OPERATOR).await;
    assert_eq!(
        client.query("COPY t TO STDOUT").await,
        "copy-out data(1\n) data(2\n) copy-done done(COPY 2) ready(I)"
    );
    client.send(|out| write::query(out, b"COPY t FROM STDIN")).await;
    assert_eq!(client.until(b'G').await, "copy-in");
    client.send(|out| write::copy_fail(out, b"changed my mind")).await;
    assert_eq!(
        client.until_ready().await,
        "error(57014: COPY from stdin failed) ready(I)"
    );
    assert_eq!(
        client.query("SELECT 1").await,
        "columns(?column?) row(1) done(SELECT 1) ready(I)"
    );
}

#[tokio::test]
async fn a_sync_that_came_with_a_copy_is_answered_once() {
    let house = House::ordinary().await;
    let mut client = house.client(OPERATOR).await;
    client
        .send(|out| {
            step(out, "COPY t FROM STDIN")?;
            write::sync(out);
            Ok(())
        })
        .await;
    assert_eq!(client.until(b'G').await, "parsed bound copy-in");
    client
        .send(|out| {
            write::copy_data(out, b"1\n2\n3\n")?;
            write::copy_done(out);
            write::sync(out);
            step(out, "SELECT 1")?;
            write::sync(out);
            Ok(())
        })
        .await;
    assert_eq!(client.until_ready().await, "done(COPY 3) ready(I)");
    assert_eq!(
        client.until_ready().await,
        "parsed bound row(1) done(SELECT 1) ready(I)"
    );
}

#[tokio::test]
async fn a_copy_sent_blindly_is_followed_all_the_same() {
    let house = House::ordinary().await;
    let mut client = house.client(OPERATOR).await;
    client
        .send(|out| {
            step(out, "COPY t FROM STDIN")?;
            write::sync(out);
            write::copy_data(out, b"1\n")?;
            write::copy_done(out);
            write::sync(out);
            write::query(out, b"SELECT 1")
        })
        .await;
    assert_eq!(client.until_ready().await, "parsed bound copy-in done(COPY 1) ready(I)");
    assert_eq!(
        client.until_ready().await,
        "columns(?column?) row(1) done(SELECT 1) ready(I)"
    );
}

#[tokio::test]
async fn a_statement_inside_a_copy_never_reaches_the_server() {
    let house = House::ordinary().await;
    let mut client = house.client(OPERATOR).await;
    client.send(|out| write::query(out, b"COPY t FROM STDIN")).await;
    assert_eq!(client.until(b'G').await, "copy-in");
    client.send(|out| write::query(out, b"SELECT 1")).await;
    let answer = client.until_end().await;
    assert!(
        answer.starts_with("fatal(08P01: ") && answer.ends_with(" end"),
        "{answer}"
    );
    assert_eq!(house.forwarded(), ["COPY t FROM STDIN"]);
}

#[tokio::test]
async fn data_after_a_copy_that_failed_is_ignored() {
    let house = House::open(|text| {
        if text.starts_with("COPY") {
            Answer::Error("42P01", "no such relation")
        } else {
            Answer::plausible(text)
        }
    })
    .await;
    let mut client = house.client(OPERATOR).await;
    client
        .send(|out| {
            write::query(out, b"COPY t FROM STDIN")?;
            write::copy_data(out, b"1\n")?;
            write::copy_done(out);
            write::query(out, b"SELECT 1")
        })
        .await;
    assert_eq!(client.until_ready().await, "error(42P01: no such relation) ready(I)");
    assert_eq!(
        client.until_ready().await,
        "columns(?column?) row(1) done(SELECT 1) ready(I)"
    );
}

#[tokio::test]
async fn names_are_forgotten_with_what_the_server_forgets() {
    let house = House::ordinary().await;
    let mut client = house.client(OPERATOR).await;
    client
        .send(|out| {
            write::bind(out, b"", b"missing", &[])?;
            write::execute(out, b"", 0)?;
            write::sync(out);
            Ok(())
        })
        .await;
    let answer = client.until_ready().await;
    assert_eq!(answer, "error(26000: prepared statement does not exist) ready(I)");
    client
        .send(|out| {
            write::execute(out, b"nothing", 0)?;
            write::sync(out);
            Ok(())
        })
        .await;
    let answer = client.until_ready().await;
    assert_eq!(answer, "error(34000: portal \"nothing\" does not exist) ready(I)");
    assert_eq!(house.forwarded(), Vec::<String>::new());
}
