//! A client's byte stream after login.
#![no_main]

use durward_wire::postgres::frame::{Frame, cut_frontend_frame};
use durward_wire::postgres::frontend::{
    Bind, FrontendMessage, Parse, decode_password, decode_sasl_initial_response, write,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let mut rest = input;
    while let Ok(Some((frame, taken))) = cut_frontend_frame(rest) {
        let (whole, after) = rest.split_at(taken);
        rest = after;
        if let Ok(message) = FrontendMessage::decode(frame) {
            check_written_anew(&message, frame, whole);
        }
    }
});

fn check_written_anew(message: &FrontendMessage<'_>, frame: Frame<'_>, whole: &[u8]) {
    let out = &mut Vec::new();
    match message {
        FrontendMessage::Query { text } => write::query(out, text).unwrap(),
        FrontendMessage::Parse(Parse {
            statement,
            text,
            parameter_types,
        }) => {
            let types: Vec<u32> = parameter_types.iter().collect();
            write::parse(out, statement, text, &types).unwrap();
        }
        FrontendMessage::Bind(bind) => write_bind(out, bind),
        FrontendMessage::Describe { target, name } => write::describe(out, *target, name).unwrap(),
        FrontendMessage::Execute { portal, rows_max } => write::execute(out, portal, *rows_max).unwrap(),
        FrontendMessage::Close { target, name } => write::close(out, *target, name).unwrap(),
        FrontendMessage::Flush => write::flush(out),
        FrontendMessage::Sync => write::sync(out),
        FrontendMessage::CopyData(bytes) => write::copy_data(out, bytes).unwrap(),
        FrontendMessage::CopyDone => write::copy_done(out),
        FrontendMessage::CopyFail { reason } => write::copy_fail(out, reason).unwrap(),
        FrontendMessage::Terminate | FrontendMessage::FunctionCall { .. } => write::raw(out, frame).unwrap(),
        FrontendMessage::Password { body } => {
            let _shown = (decode_password(body), decode_sasl_initial_response(body));
            write::sasl_response(out, body).unwrap();
        }
    }
    assert_eq!(out, whole);
}

fn write_bind(out: &mut Vec<u8>, bind: &Bind<'_>) {
    let parameter_formats: Vec<_> = bind.parameter_formats.iter().collect();
    let result_formats: Vec<_> = bind.result_formats.iter().collect();
    let parameters: Vec<_> = bind.parameters.iter().collect();
    assert_eq!(parameters.len(), bind.parameters.count());
    let names = (bind.portal, bind.statement);
    write::bind_with_formats(out, names, &parameter_formats, &parameters, &result_formats).unwrap();
}
