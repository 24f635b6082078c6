//! What is prepared and run in one flight is one event of the record, and nothing goes out before it is recorded.

use durward_testkit::script::Answer;
use durward_wire::postgres::frontend::{Target, write};

use crate::house::{House, OPERATOR};

#[tokio::test]
async fn what_is_prepared_is_recorded_with_its_run_or_by_itself() {
    let house = House::open(|text| match text {
        "SELECT missing" => Answer::Error("42703", "no such column"),
        _ => Answer::plausible(text),
    })
    .await;
    let mut client = house.client(OPERATOR).await;
    let mut told = Vec::new();
    for (number, text) in ["SELECT 1", "SELECT missing"].into_iter().enumerate() {
        // With its run.
        client
            .send(|out| {
                write::parse(out, b"", text.as_bytes(), &[])?;
                write::bind(out, b"", b"", &[])?;
                write::describe(out, Target::Portal, b"")?;
                write::execute(out, b"", 0)?;
                write::sync(out);
                Ok(())
            })
            .await;
        told.push(client.until_ready().await);
        // By itself, with what comes behind a Flush.
        let name = [b'a' + u8::try_from(number).unwrap()];
        client
            .send(|out| {
                write::parse(out, &name, text.as_bytes(), &[])?;
                write::flush(out);
                write::bind(out, b"", &name, &[])?;
                write::execute(out, b"", 0)?;
                write::sync(out);
                Ok(())
            })
            .await;
        told.push(client.until_ready().await);
        // By itself, behind another.
        client
            .send(|out| {
                write::parse(out, b"other", text.as_bytes(), &[])?;
                write::parse(out, b"", text.as_bytes(), &[])?;
                write::bind(out, b"", b"", &[])?;
                write::execute(out, b"", 0)?;
                write::close(out, Target::Statement, b"other")?;
                write::sync(out);
                Ok(())
            })
            .await;
        told.push(client.until_ready().await);
    }
    insta::assert_debug_snapshot!(told);
    insta::assert_debug_snapshot!(house.recorded().await);
}

#[tokio::test]
async fn what_cannot_be_recorded_is_not_prepared() {
    let house = House::without_room().await;
    let mut client = house.client(OPERATOR).await;
    client
        .send(|out| {
            write::parse(out, b"s", b"SELECT 1", &[])?;
            write::bind(out, b"", b"s", &[])?;
            write::describe(out, Target::Portal, b"")?;
            write::sync(out);
            // The name doesn't exist.
            write::bind(out, b"", b"s", &[])?;
            write::execute(out, b"", 0)?;
            write::sync(out);
            write::parse(out, b"", b"SELECT 2", &[])?;
            write::bind(out, b"", b"", &[])?;
            write::execute(out, b"", 0)?;
            write::sync(out);
            Ok(())
        })
        .await;
    let mut told = Vec::new();
    for _ in 0..3 {
        told.push(client.until_ready().await);
    }
    insta::assert_debug_snapshot!(told);
    assert_eq!(house.forwarded(), Vec::<String>::new());
    assert_eq!(house.recorded().await, []);
}
