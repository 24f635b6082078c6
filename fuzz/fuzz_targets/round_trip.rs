//! Messages of a client: written, cut out of the stream and decoded, they are the same messages.
#![no_main]

use arbitrary::Arbitrary;
use durward_wire::postgres::Format;
use durward_wire::postgres::frame::cut_frontend_frame;
use durward_wire::postgres::frontend::{FrontendMessage, Target, write};
use libfuzzer_sys::fuzz_target;

#[derive(Debug, Arbitrary)]
enum Message {
    Query(Vec<u8>),
    Parse {
        statement: Vec<u8>,
        text: Vec<u8>,
        types: Vec<u32>,
    },
    Bind {
        names: (Vec<u8>, Vec<u8>),
        formats: Vec<bool>,
        values: Vec<Option<Vec<u8>>>,
        results: Vec<bool>,
    },
    Describe(bool, Vec<u8>),
    Close(bool, Vec<u8>),
    Execute(Vec<u8>, i32),
    CopyData(Vec<u8>),
    CopyFail(Vec<u8>),
    Flush,
    Sync,
}

fuzz_target!(|messages: Vec<Message>| {
    let (mut stream, mut sent) = (Vec::new(), Vec::new());
    for message in &messages {
        let before = stream.len();
        // A NUL inside a string is refused, and then nothing of the message is left behind.
        if put(&mut stream, message) {
            sent.push(message)
        } else {
            assert_eq!(stream.len(), before)
        }
    }
    let mut rest = &stream[..];
    for message in sent {
        let Ok(Some((frame, taken))) = cut_frontend_frame(rest) else {
            // Above the server's own bound for messages of names and counts.
            return;
        };
        assert!(is_same(message, FrontendMessage::decode(frame).unwrap()), "{message:?}");
        rest = &rest[taken..];
    }
    assert!(rest.is_empty());
});

fn format(binary: bool) -> Format {
    if binary { Format::Binary } else { Format::Text }
}

fn target(portal: bool) -> Target {
    if portal { Target::Portal } else { Target::Statement }
}

fn formats(codes: &[bool]) -> Vec<Format> {
    codes.iter().map(|binary| format(*binary)).collect()
}

fn put(out: &mut Vec<u8>, message: &Message) -> bool {
    match message {
        Message::Query(text) => write::query(out, text),
        Message::Parse { statement, text, types } => write::parse(out, statement, text, types),
        Message::Bind {
            names,
            formats: codes,
            values,
            results,
        } => {
            let values: Vec<_> = values.iter().map(Option::as_deref).collect();
            write::bind_with_formats(out, (&names.0, &names.1), &formats(codes), &values, &formats(results))
        }
        Message::Describe(portal, name) => write::describe(out, target(*portal), name),
        Message::Close(portal, name) => write::close(out, target(*portal), name),
        Message::Execute(portal, rows_max) => write::execute(out, portal, *rows_max),
        Message::CopyData(bytes) => write::copy_data(out, bytes),
        Message::CopyFail(reason) => write::copy_fail(out, reason),
        Message::Flush => return sure(out, write::flush),
        Message::Sync => return sure(out, write::sync),
    }
    .is_ok()
}

fn sure(out: &mut Vec<u8>, put: impl FnOnce(&mut Vec<u8>)) -> bool {
    put(out);
    true
}

fn is_same(sent: &Message, read: FrontendMessage<'_>) -> bool {
    match (sent, read) {
        (Message::Query(sent), FrontendMessage::Query { text }) => sent == text,
        (Message::Parse { statement, text, types }, FrontendMessage::Parse(read)) => {
            statement == read.statement && text == read.text && read.parameter_types.iter().eq(types.iter().copied())
        }
        (
            Message::Bind {
                names,
                formats: codes,
                values,
                results,
            },
            FrontendMessage::Bind(read),
        ) => {
            names.0 == read.portal
                && names.1 == read.statement
                && read.parameter_formats.iter().eq(formats(codes))
                && read.parameters.iter().eq(values.iter().map(Option::as_deref))
                && read.result_formats.iter().eq(formats(results))
        }
        (Message::Describe(portal, sent), FrontendMessage::Describe { target: kind, name })
        | (Message::Close(portal, sent), FrontendMessage::Close { target: kind, name }) => {
            target(*portal) == kind && sent == name
        }
        (Message::Execute(sent, most), FrontendMessage::Execute { portal, rows_max }) => {
            sent == portal && *most == rows_max
        }
        (Message::CopyData(sent), FrontendMessage::CopyData(bytes)) => sent == bytes,
        (Message::CopyFail(sent), FrontendMessage::CopyFail { reason }) => sent == reason,
        (Message::Flush, FrontendMessage::Flush) | (Message::Sync, FrontendMessage::Sync) => true,
        _ => false,
    }
}
