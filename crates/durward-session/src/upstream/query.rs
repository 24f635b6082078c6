use bytes::Bytes;
use durward_wire::limits::BACKEND_HELD_BODY_BYTES_MAX;
use durward_wire::postgres::backend::BackendMessage;
use durward_wire::postgres::frame::{Frame, HEADER_BYTES, cut_frame};
use durward_wire::postgres::frontend::write;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::{ServerError, UpstreamConnection, UpstreamError};

/// One row in text format.
type TextRow = Vec<Option<Bytes>>;

impl UpstreamConnection {
    /// Runs a query of the gateway's own and gives its rows in text format, one list for each statement. Cancel safe:
    /// no; the connection is then out of step and must be closed.
    ///
    /// # Errors
    /// The server's error, after which the connection can be used again; any other error ends it.
    pub async fn simple_query(&mut self, text: &str) -> Result<Vec<Vec<TextRow>>, UpstreamError> {
        let mut packet = Vec::new();
        write::query(&mut packet, text.as_bytes())?;
        self.stream
            .write_all(&packet)
            .await
            .map_err(UpstreamError::io("querying"))?;
        self.stream.flush().await.map_err(UpstreamError::io("querying"))?;
        let mut answers = Vec::new();
        let mut rows = Vec::new();
        let mut refused = None;
        loop {
            let (tag, body) = self.next_frame().await?;
            match BackendMessage::decode(Frame { tag, body: &body })? {
                BackendMessage::DataRow(values) => {
                    rows.push(
                        values
                            .iter()
                            .map(|value| value.map(|value| body.slice_ref(value)))
                            .collect(),
                    );
                }
                BackendMessage::CommandComplete(_) | BackendMessage::EmptyQueryResponse => {
                    answers.push(std::mem::take(&mut rows));
                }
                BackendMessage::ErrorResponse(fields) => refused = Some(ServerError::new(fields, &body)),
                BackendMessage::ParameterStatus { name, value } => self.report(name, value),
                BackendMessage::RowDescription(_)
                | BackendMessage::NoticeResponse(_)
                | BackendMessage::NotificationResponse { .. } => {}
                BackendMessage::ReadyForQuery(_) => {
                    return refused.map_or(Ok(answers), |error| Err(UpstreamError::Server(error)));
                }
                _ => return Err(UpstreamError::Protocol("an answer that doesn't fit a query".to_owned())),
            }
        }
    }

    /// The next message, whole. Cancel safe: yes.
    async fn next_frame(&mut self) -> Result<(u8, Bytes), UpstreamError> {
        loop {
            if let Some((frame, taken)) = cut_frame(&self.inbound, BACKEND_HELD_BODY_BYTES_MAX)? {
                let tag = frame.tag;
                let whole = self.inbound.split_to(taken).freeze();
                return Ok((tag, whole.slice(HEADER_BYTES..)));
            }
            let count = self
                .stream
                .read_buf(&mut self.inbound)
                .await
                .map_err(UpstreamError::io("querying"))?;
            if count == 0 {
                return Err(UpstreamError::Closed);
            }
        }
    }

    fn report(&mut self, name: &[u8], value: &[u8]) {
        let (name, value) = (
            String::from_utf8_lossy(name),
            String::from_utf8_lossy(value).into_owned(),
        );
        match self.parameters.iter_mut().find(|(known, _)| *known == *name) {
            Some((_, known)) => *known = value,
            None => self.parameters.push((name.into_owned(), value)),
        }
    }
}
