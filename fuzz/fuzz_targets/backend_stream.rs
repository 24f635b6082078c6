//! A server's byte stream.
#![no_main]

use durward_wire::limits::BACKEND_HELD_BODY_BYTES_MAX;
use durward_wire::postgres::backend::{Authentication, BackendMessage, ErrorFields};
use durward_wire::postgres::frame::cut_frame;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let mut rest = input;
    while let Ok(Some((frame, taken))) = cut_frame(rest, BACKEND_HELD_BODY_BYTES_MAX) {
        rest = &rest[taken..];
        if let Ok(message) = BackendMessage::decode(frame) {
            check_lists(&message);
        }
    }
});

fn check_lists(message: &BackendMessage<'_>) {
    match message {
        BackendMessage::RowDescription(columns) => assert_eq!(columns.iter().count(), columns.count()),
        BackendMessage::DataRow(values) => assert_eq!(values.iter().count(), values.count()),
        BackendMessage::ParameterDescription(oids) => assert_eq!(oids.iter().count(), oids.count()),
        BackendMessage::NegotiateProtocolVersion(told) => {
            assert_eq!(told.options().count(), usize::try_from(told.option_count).unwrap());
        }
        BackendMessage::CopyInResponse(copy)
        | BackendMessage::CopyOutResponse(copy)
        | BackendMessage::CopyBothResponse(copy) => {
            assert_eq!(copy.column_formats.iter().count(), copy.column_formats.count());
            let _last = copy.column_formats.of(usize::MAX);
        }
        BackendMessage::ErrorResponse(fields) | BackendMessage::NoticeResponse(fields) => check_fields(*fields),
        BackendMessage::CommandComplete(command) => {
            assert!(command.tag.starts_with(command.command()));
            let _rows = command.rows();
        }
        BackendMessage::Authentication(Authentication::Sasl(mechanisms)) => {
            assert!(mechanisms.iter().all(|name| !name.is_empty()));
        }
        BackendMessage::Authentication(_)
        | BackendMessage::BackendKeyData(_)
        | BackendMessage::BindComplete
        | BackendMessage::CloseComplete
        | BackendMessage::CopyData(_)
        | BackendMessage::CopyDone
        | BackendMessage::EmptyQueryResponse
        | BackendMessage::FunctionCallResponse(_)
        | BackendMessage::NoData
        | BackendMessage::NotificationResponse { .. }
        | BackendMessage::ParameterStatus { .. }
        | BackendMessage::ParseComplete
        | BackendMessage::PortalSuspended
        | BackendMessage::ReadyForQuery(_) => {}
    }
}

fn check_fields(fields: ErrorFields<'_>) {
    for (code, value) in fields.iter() {
        assert!(code != 0 && !value.contains(&0));
    }
    let _shown = (fields.code(), fields.message(), fields.is_fatal(), fields.position());
}
