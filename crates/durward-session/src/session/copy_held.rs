//! A COPY from the client that policy holds: its data is kept here until all of it has come, so that it is decided on with
//! its rows, and the server hears of it only once it may run.

use std::sync::Arc;

use durward_change::{Effect, Sample};
use durward_model::{Refusal, StatementId, sqlstate};
use durward_sql::{CannotReadCopy, CopyForm};
use durward_wire::postgres::Format;
use durward_wire::postgres::backend::TransactionStatus;
use durward_wire::postgres::backend::write;
use durward_wire::postgres::frame::{Frame, HEADER_BYTES};
use durward_wire::postgres::frontend::FrontendMessage;
use durward_wire::postgres::tag::frontend as tag;

use super::client_side::{Flow, violation};
use super::effect::clipped;
use super::hold::Held;
use super::masking::Sent;
use super::subjects::Subject;
use super::{End, Session};
use crate::copy_rows::{CopyBytes, Lines, TooMuch, first_rows};
use crate::limits::EFFECT_SAMPLES_MAX;
use crate::masks::holding;

/// Where the data of a COPY is that policy may hold.
#[derive(Debug, Default)]
pub(super) enum CopyData {
    /// There is none, or it goes to the server as it comes.
    #[default]
    Elsewhere,
    /// It is wanted before the COPY is decided on.
    Wanted(Box<Wanted>),
    /// It is coming.
    Coming(Box<Coming>),
    /// It has come, and the COPY is decided on with it.
    There(Box<There>),
    /// The COPY runs, and it goes to the server.
    Going(Going),
}

/// A COPY whose data is wanted, with what a refusal is recorded by.
#[derive(Debug)]
pub(super) struct Wanted {
    form: CopyForm,
    subject: Subject,
    number: StatementId,
    rules: Vec<Arc<str>>,
    policy_version: u64,
}

#[derive(Debug)]
pub(super) struct Coming {
    wanted: Wanted,
    /// The client's message with the COPY.
    message: Box<[u8]>,
    bytes: CopyBytes,
    lines: Lines,
    /// Why no more is kept, and nothing is.
    too_much: Option<TooMuch>,
    /// How often the client had cancelled before.
    cancels: u64,
}

/// Data that is decided on.
#[derive(Debug)]
pub(super) struct There {
    /// The most rows that it can be.
    pub(super) rows: u64,
    /// Its digest and first rows. How much can be taken back isn't said here.
    pub(super) effect: Effect,
    bytes: CopyBytes,
}

#[derive(Debug)]
pub(super) struct Going {
    bytes: CopyBytes,
    /// The server has asked for it.
    is_open: bool,
}

impl CopyData {
    /// Takes a piece of the client's data. True where it isn't for the server: it is kept, or comes behind the end of what
    /// was decided on.
    pub(super) fn take(&mut self, piece: &[u8]) -> bool {
        match self {
            Self::Elsewhere | Self::Wanted(_) => false,
            Self::There(_) | Self::Going(_) => true,
            Self::Coming(coming) => {
                if coming.too_much.is_none() {
                    coming.lines.count(piece);
                    coming.too_much = coming.bytes.push(piece).err();
                    if coming.too_much.is_some() {
                        coming.bytes.clear();
                    }
                }
                true
            }
        }
    }

    /// What is decided on.
    pub(super) fn there(&self) -> Option<&There> {
        match self {
            Self::There(there) => Some(there),
            Self::Elsewhere | Self::Wanted(_) | Self::Coming(_) | Self::Going(_) => None,
        }
    }

    /// Whether the client is to send it to the gateway alone.
    pub(super) fn is_coming(&self) -> bool {
        matches!(self, Self::Coming(_))
    }
}

impl Session {
    /// Whether a held message is a COPY whose data is to come before it is decided on; or why that can't be.
    pub(super) async fn wants_copy_data(
        &mut self,
        commands: &[Vec<Subject>],
        first: Held<'_>,
        sent: Sent<'_>,
    ) -> Result<bool, CannotReadCopy> {
        let is_copy = |subject: &Subject| &*subject.facts.command == "COPY";
        if !commands.iter().flatten().any(is_copy) || self.status == TransactionStatus::Failed {
            return Ok(false);
        }
        let (Sent::Now { text, .. }, [command]) = (sent, commands) else {
            return Err(CannotReadCopy::Kind);
        };
        let ([own], false) = (command.as_slice(), self.replies.in_pipeline()) else {
            return Err(CannotReadCopy::Kind);
        };
        let form = self.gateway.analyzer.copy_form(text, &self.sight.context).await;
        let form = form.unwrap_or(Err(CannotReadCopy::Kind))?;
        self.copy_data = CopyData::Wanted(Box::new(Wanted {
            form,
            subject: own.clone(),
            number: first.number,
            rules: first.order.rules.clone(),
            policy_version: first.order.permit().policy_version().number,
        }));
        Ok(true)
    }

    /// Asks the client for the data that its COPY is decided on with, where that is wanted.
    pub(super) fn ask_for_copy_data(&mut self, message: &[u8]) -> Result<(), End> {
        let wanted = match std::mem::take(&mut self.copy_data) {
            CopyData::Wanted(wanted) => *wanted,
            other => {
                self.copy_data = other;
                return Ok(());
            }
        };
        let formats = vec![Format::Text; wanted.form.columns.len()];
        let mut written = Ok(());
        self.client
            .outbound
            .extend_with(|out| written = write::copy_in_response(out, Format::Text, &formats));
        written.map_err(|_| violation("a COPY of more columns than a table has"))?;
        let handle = &self.lease.handle;
        handle.set_holding(true);
        self.copy_data = CopyData::Coming(Box::new(Coming {
            wanted,
            message: message.into(),
            bytes: CopyBytes::new(&self.gateway.held_copies, &self.principal.subject.name),
            lines: Lines::none(),
            too_much: None,
            cancels: handle.cancels(),
        }));
        self.copying_in = true;
        Ok(())
    }

    /// How often the client had cancelled before it was asked for the data that is coming.
    pub(super) fn cancels_before_copy(&self) -> Option<u64> {
        match &self.copy_data {
            CopyData::Coming(coming) => Some(coming.cancels),
            CopyData::Elsewhere | CopyData::Wanted(_) | CopyData::There(_) | CopyData::Going(_) => None,
        }
    }

    /// The client has ended its data: the COPY is judged anew, with it.
    pub(super) async fn decide_on_copy(&mut self) -> Result<Flow, End> {
        let Some(coming) = self.end_coming() else {
            return Ok(Flow::Next);
        };
        if self.lease.handle.cancels() != coming.cancels {
            return Ok(self.refuse_coming(&coming.wanted, cancelled()));
        }
        let message = coming.message.clone();
        self.copy_data = CopyData::There(Box::new(self.there(*coming)));
        let body = message.get(HEADER_BYTES..).unwrap_or_default();
        let decided = match FrontendMessage::decode(Frame { tag: tag::QUERY, body }) {
            Ok(FrontendMessage::Query { text }) => Box::pin(self.query(text, &message)).await,
            _ => Err(violation("a COPY that can't be read again")),
        };
        if self.copy_data.there().is_some() {
            // It was refused.
            self.copy_data = CopyData::Elsewhere;
        }
        decided
    }

    /// The client takes its COPY back in place of data, by CopyFail with a reason or by a cancel request.
    pub(super) fn give_copy_up(&mut self, reason: Option<&[u8]>) -> Flow {
        let Some(coming) = self.end_coming() else {
            return Flow::Next;
        };
        let refusal = match reason {
            // As the server says it.
            Some(reason) => Refusal::new(
                sqlstate::QUERY_CANCELED,
                "copy-failed",
                format!("COPY from stdin failed: {}", String::from_utf8_lossy(reason)),
            ),
            None => cancelled(),
        };
        self.refuse_coming(&coming.wanted, refusal)
    }

    /// Ends a COPY whose data isn't kept, since it is too much.
    pub(super) fn refuse_copy_of_too_much(&mut self) {
        let too_much = match &self.copy_data {
            CopyData::Coming(coming) => coming.too_much,
            CopyData::Elsewhere | CopyData::Wanted(_) | CopyData::There(_) | CopyData::Going(_) => None,
        };
        let (Some(why), Some(coming)) = (too_much, too_much.and_then(|_| self.end_coming())) else {
            return;
        };
        let refusal = Refusal::new(
            sqlstate::PROGRAM_LIMIT_EXCEEDED,
            "copy-too-large",
            format!("the rows of this COPY can't wait for approval: {why}"),
        )
        .with_hint("Bring fewer rows at a time, or have somebody load them who may.");
        self.refuse_coming(&coming.wanted, refusal);
    }

    /// The COPY that was decided on is sent: its data follows once the server asks for it.
    pub(super) fn send_copy_data(&mut self) {
        match std::mem::take(&mut self.copy_data) {
            CopyData::There(there) => {
                self.copy_bound = None;
                self.copy_data = CopyData::Going(Going {
                    bytes: there.bytes,
                    is_open: false,
                });
            }
            other => self.copy_data = other,
        }
    }

    /// The server asks for data that is here. False where it is still the client's.
    pub(super) fn open_copy(&mut self, is_text: bool) -> bool {
        let CopyData::Going(going) = &mut self.copy_data else {
            return false;
        };
        going.is_open = true;
        if !is_text {
            // What was decided on was read as text.
            self.copy_data = CopyData::Elsewhere;
            self.server.copy_refused();
        }
        true
    }

    /// Sends the server as much of the data as it takes.
    pub(super) fn feed_copy(&mut self) {
        while let CopyData::Going(going) = &mut self.copy_data
            && going.is_open
            && !self.server.is_congested()
        {
            match going.bytes.pop() {
                Some(piece) => self.server.copied(&piece),
                None => {
                    self.server.copied_all();
                    self.copy_data = CopyData::Elsewhere;
                }
            }
        }
    }

    /// The COPY has failed: what is left of its data is no longer wanted.
    pub(super) fn forget_copy(&mut self) {
        if matches!(self.copy_data, CopyData::Going(_)) {
            self.copy_data = CopyData::Elsewhere;
        }
    }

    fn end_coming(&mut self) -> Option<Box<Coming>> {
        match std::mem::take(&mut self.copy_data) {
            CopyData::Coming(coming) => {
                self.copying_in = false;
                self.lease.handle.set_holding(false);
                Some(coming)
            }
            other => {
                self.copy_data = other;
                None
            }
        }
    }

    fn refuse_coming(&mut self, wanted: &Wanted, refusal: Refusal) -> Flow {
        let by = (wanted.rules.as_slice(), wanted.policy_version);
        self.record_refusal(wanted.number, &wanted.subject, &refusal, by);
        self.answer_refused(refusal);
        Flow::Next
    }

    fn there(&self, coming: Coming) -> There {
        let form = &coming.wanted.form;
        let header = u64::from(form.has_header);
        There {
            rows: coming.lines.all().saturating_sub(header),
            effect: Effect {
                digest: coming.bytes.digest(),
                key: Vec::new(),
                columns: form.columns.iter().map(|column| column.name.to_string()).collect(),
                samples: self.copied_samples(form, &coming.bytes),
                undo: String::new(),
                carried: Vec::new(),
            },
            bytes: coming.bytes,
        }
    }

    /// The first rows, for approvers: what is going into labelled columns is shown as the label.
    fn copied_samples(&self, form: &CopyForm, bytes: &CopyBytes) -> Vec<Sample> {
        let encoding = &*self.sight.context.settings.client_encoding;
        let is_clients = form
            .encoding
            .as_deref()
            .is_none_or(|own| own.eq_ignore_ascii_case(encoding));
        let decode: fn(&[u8]) -> String = match encoding {
            "UTF8" if is_clients => |value| String::from_utf8_lossy(value).into_owned(),
            "LATIN1" if is_clients => |value| value.iter().map(|&byte| char::from(byte)).collect(),
            // What can't be read as what it is isn't shown as something else.
            _ => return Vec::new(),
        };
        let book = self.database.labels.current();
        let catalog = &self.sight.context.catalog;
        let labels: Vec<Option<String>> = form
            .columns
            .iter()
            .map(|column| {
                let held = holding(&book, catalog, (form.relation, column.number), &[])?;
                Some(format!("[{}]", held.label.word()))
            })
            .collect();
        let rows = first_rows(form, bytes.beginning(), EFFECT_SAMPLES_MAX, bytes.is_short());
        let value = |place: usize, value: Option<Vec<u8>>| {
            let value = value?;
            // Of a value too many nobody knows what it holds; the server refuses its row.
            let label = labels
                .get(place)
                .cloned()
                .unwrap_or_else(|| Some("[too many]".to_owned()));
            Some(label.unwrap_or_else(|| clipped(decode(&value))))
        };
        let rows = rows.into_iter().map(|row| Sample {
            key: Vec::new(),
            before: Vec::new(),
            after: row
                .into_iter()
                .enumerate()
                .map(|(at, one)| Some(value(at, one)))
                .collect(),
        });
        rows.collect()
    }
}

fn cancelled() -> Refusal {
    Refusal::new(
        sqlstate::QUERY_CANCELED,
        "copy-cancelled",
        "canceling statement due to user request",
    )
}
