use durward_wire::postgres::Values;
use durward_wire::postgres::backend::{Authentication, BackendMessage};
use durward_wire::postgres::frame::Frame;

/// A server's message as a word that a test can compare: `row(1,NULL)`, `done(SELECT 1)`, `error(42501: denied)`,
/// `ready(I)`.
pub fn shown(frame: Frame<'_>) -> String {
    let message = match BackendMessage::decode(frame) {
        Ok(message) => message,
        Err(error) => return format!("undecodable({error})"),
    };
    match message {
        BackendMessage::Authentication(Authentication::Ok) => "authenticated".to_owned(),
        BackendMessage::Authentication(step) => format!("authentication({step:?})"),
        BackendMessage::BackendKeyData(key) => format!("key({})", key.process_id),
        BackendMessage::BindComplete => "bound".to_owned(),
        BackendMessage::CloseComplete => "closed".to_owned(),
        BackendMessage::CommandComplete(command) => format!("done({})", lossy(command.tag)),
        BackendMessage::CopyBothResponse(_) => "copy-both".to_owned(),
        BackendMessage::CopyData(bytes) => format!("data({})", lossy(bytes)),
        BackendMessage::CopyDone => "copy-done".to_owned(),
        BackendMessage::CopyInResponse(_) => "copy-in".to_owned(),
        BackendMessage::CopyOutResponse(_) => "copy-out".to_owned(),
        BackendMessage::DataRow(values) => format!("row({})", cells(values)),
        BackendMessage::EmptyQueryResponse => "empty".to_owned(),
        BackendMessage::ErrorResponse(fields) => {
            let word = if fields.is_fatal() { "fatal" } else { "error" };
            format!("{word}({}: {})", fields.code(), lossy(fields.message()))
        }
        BackendMessage::FunctionCallResponse(_) => "function-result".to_owned(),
        BackendMessage::NegotiateProtocolVersion(told) => format!("negotiate({})", told.version),
        BackendMessage::NoData => "no-data".to_owned(),
        BackendMessage::NoticeResponse(fields) => format!("notice({}: {})", fields.code(), lossy(fields.message())),
        BackendMessage::NotificationResponse { channel, payload, .. } => {
            format!("notification({}: {})", lossy(channel), lossy(payload))
        }
        BackendMessage::ParameterDescription(oids) => format!("parameters({})", oids.count()),
        BackendMessage::ParameterStatus { name, value } => format!("setting({}={})", lossy(name), lossy(value)),
        BackendMessage::ParseComplete => "parsed".to_owned(),
        BackendMessage::PortalSuspended => "suspended".to_owned(),
        BackendMessage::ReadyForQuery(status) => format!("ready({})", char::from(status.code())),
        BackendMessage::RowDescription(columns) => {
            let names: Vec<_> = columns.iter().map(|column| lossy(column.name)).collect();
            format!("columns({})", names.join(","))
        }
    }
}

fn cells(values: Values<'_>) -> String {
    let cells: Vec<_> = values
        .iter()
        .map(|value| value.map_or("NULL".to_owned(), |value| lossy(value.get(..40).unwrap_or(value))))
        .collect();
    cells.join(",")
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
