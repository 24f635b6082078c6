//! The one way to the server. A client's statement passes only with the proof that its intent is recorded; messages
//! that carry no statement pass by kind; the gateway's own texts are constants of the program.

use std::io;
use std::task::{Context, Poll};

use durward_audit::{EventNumber, Recorded};
use durward_policy::Permit;
use durward_wire::postgres::Format;
use durward_wire::postgres::frame::Frame;
use durward_wire::postgres::frontend::{Target, write};
use durward_wire::postgres::tag::frontend as tag;

use crate::buffer::Buffer;
use crate::link::Link;
use crate::own_texts::OwnTexts;
use crate::session::OwnQuery;

/// What the server is sent in the place of a refused statement: it rejects it, and so aborts what a refusal must abort.
const REFUSED_TEXT: &[u8] = b"durward refused a statement here";
/// What the server is sent in the place of a SET of the gateway's own settings: it answers as to any other SET.
const LEVER_TEXT: &[u8] = b"SET durward_gateway.answered TO DEFAULT";
/// Why a COPY fails, as the server's log has it.
const COPY_REFUSED_REASON: &[u8] = b"durward refused its rows";
/// Names of our own statement and portal, which no client may use.
pub(crate) const OWN_NAME: &[u8] = b"durward_gateway";

/// How a client's Parse is told to the server.
#[derive(Debug)]
pub(crate) enum Preparation<'a> {
    /// As the client sent it.
    AsSent(&'a [u8]),
    /// With another text.
    Rewritten {
        statement: &'a [u8],
        text: &'a str,
        types: Box<[u32]>,
    },
    /// As what sets a lever: the server is told of no value.
    Lever { statement: &'a [u8] },
}

/// The server's side of a session. Its outbound buffer is private to this module: nothing else can write to it.
#[derive(Debug)]
pub(crate) struct ServerLink {
    link: Link,
    texts: OwnTexts,
}

impl ServerLink {
    pub(crate) fn new(link: Link) -> Self {
        Self {
            link,
            texts: OwnTexts::default(),
        }
    }

    /// Forwards a client's statement: the bytes of its `Query`, `Parse` or `Execute`. Returns the intent's number.
    pub(crate) fn statement(&mut self, recorded: Recorded<Vec<Permit>>, frame_bytes: &[u8]) -> EventNumber {
        let (_permits, number) = recorded.spend();
        self.link.outbound.extend(frame_bytes);
        number
    }

    /// Forwards a simple query whose text was rewritten.
    pub(crate) fn rewritten_query(&mut self, recorded: Recorded<Vec<Permit>>, text: &str) -> EventNumber {
        let (_permits, number) = recorded.spend();
        self.own(|out| write::query(out, text.as_bytes()));
        number
    }

    /// Forwards a simple query that sets a lever: the server is told of no value.
    pub(crate) fn lever_query(&mut self, recorded: Recorded<Vec<Permit>>) -> EventNumber {
        let (_permits, number) = recorded.spend();
        self.own(|out| write::query(out, LEVER_TEXT));
        number
    }

    /// Takes in a client's Parse. It and what comes behind it go out once its intent is recorded.
    pub(crate) fn prepare(&mut self, preparation: Preparation<'_>) {
        self.link.close_gate();
        match preparation {
            Preparation::AsSent(bytes) => self.link.outbound.extend(bytes),
            Preparation::Rewritten { statement, text, types } => {
                self.own(|out| write::parse(out, statement, text.as_bytes(), &types));
            }
            Preparation::Lever { statement } => self.own(|out| write::parse(out, statement, LEVER_TEXT, &[])),
        }
    }

    /// It is recorded, by itself or with its run.
    pub(crate) fn preparation_is_recorded(&mut self, _recorded: &Recorded<Vec<Permit>>) {
        self.link.open_gate();
    }

    /// It can't be recorded: it never goes out, nor does what came behind it.
    pub(crate) fn forget_preparation(&mut self) {
        self.link.forget_gated();
        self.link.open_gate();
    }

    /// Sends a recorded text under names of our own: the read that counts what a client's statement would change, or the
    /// BEGIN of a block that was given up.
    pub(crate) fn own_recorded(
        &mut self,
        recorded: Recorded<Vec<Permit>>,
        text: &str,
        types: &[u32],
        (formats, values): (&[Format], &[Option<&[u8]>]),
    ) {
        let (_permits, _number) = recorded.spend();
        self.own_read((text, types), (formats, values));
    }

    /// Reads and locks the rows that a change is about to touch, under the intent of that change.
    pub(crate) fn before_images(
        &mut self,
        _recorded: &Recorded<Vec<Permit>>,
        (text, types): (&str, &[u32]),
        (formats, values): (&[Format], &[Option<&[u8]>]),
    ) {
        let sending = self.texts.sending(text, types);
        self.own(|out| {
            if sending.prepares {
                write::parse(out, &sending.name, text.as_bytes(), types)?;
            }
            write::bind_with_formats(out, (OWN_NAME, &sending.name), formats, values, &[])?;
            write::execute(out, OWN_NAME, 0)?;
            write::close(out, Target::Portal, OWN_NAME)?;
            write::close(out, Target::Statement, &sending.closes)?;
            write::flush(out);
            Ok(())
        });
    }

    /// Runs a change under names of our own.
    pub(crate) fn captured(
        &mut self,
        recorded: Recorded<Vec<Permit>>,
        (text, types): (&str, &[u32]),
        (formats, values): (&[Format], &[Option<&[u8]>]),
        results: &[Format],
    ) {
        let (_permits, _number) = recorded.spend();
        let sending = self.texts.sending(text, types);
        self.own(|out| {
            if sending.prepares {
                write::parse(out, &sending.name, text.as_bytes(), types)?;
            }
            write::bind_with_formats(out, (OWN_NAME, &sending.name), formats, values, results)?;
            write::describe(out, Target::Portal, OWN_NAME)?;
            write::execute(out, OWN_NAME, 0)?;
            write::close(out, Target::Portal, OWN_NAME)?;
            write::close(out, Target::Statement, &sending.closes)?;
            write::flush(out);
            Ok(())
        });
    }

    /// Texts of our own that were prepared under another catalog are prepared again.
    pub(crate) fn follow_catalog(&mut self, generation: u64) {
        self.texts.follow(generation);
    }

    /// The server has run all texts of our own that it was sent.
    pub(crate) fn texts_are_there(&mut self) {
        self.texts.are_there();
    }

    /// What the server keeps prepared of ours may be gone.
    pub(crate) fn forget_texts(&mut self) {
        self.texts.forget();
    }

    /// Asks what columns a portal of the client's has.
    pub(crate) fn own_describe(&mut self, portal: &[u8]) {
        self.own(|out| write::describe(out, Target::Portal, portal));
    }

    /// Forwards a message that runs nothing by itself. One that could is dropped, and false returned.
    #[must_use]
    pub(crate) fn control(&mut self, frame: Frame<'_>, frame_bytes: &[u8]) -> bool {
        let runs_nothing = matches!(
            frame.tag,
            tag::BIND
                | tag::DESCRIBE
                | tag::CLOSE
                | tag::FLUSH
                | tag::SYNC
                | tag::COPY_DATA
                | tag::COPY_DONE
                | tag::COPY_FAIL
        );
        if runs_nothing {
            self.link.outbound.extend(frame_bytes);
        }
        runs_nothing
    }

    /// Sends the body of a client's Bind again.
    pub(crate) fn bind_again(&mut self, body: &[u8]) {
        self.own(|out| write::raw(out, Frame { tag: tag::BIND, body }));
    }

    /// Forwards a piece of a CopyData message whose header has been checked by the caller.
    pub(crate) fn copy_piece(&mut self, bytes: &[u8]) {
        self.link.outbound.extend(bytes);
    }

    /// Sends data of a COPY whose statement went before, and which was kept until that was decided on.
    pub(crate) fn copied(&mut self, data: &[u8]) {
        self.own(|out| write::copy_data(out, data));
    }

    /// Ends such data.
    pub(crate) fn copied_all(&mut self) {
        self.link.outbound.extend_with(write::copy_done);
    }

    /// Makes the COPY from the client fail, so that the server undoes it.
    pub(crate) fn copy_refused(&mut self) {
        self.own(|out| write::copy_fail(out, COPY_REFUSED_REASON));
    }

    pub(crate) fn terminate(&mut self) {
        self.link.outbound.extend_with(write::terminate);
    }

    /// Stands in for a refused simple `Query`.
    pub(crate) fn refused_query(&mut self) {
        self.own(|out| write::query(out, REFUSED_TEXT));
    }

    /// Stands in for a refused message of the extended protocol.
    pub(crate) fn refused_extended(&mut self) {
        self.own(|out| write::parse(out, OWN_NAME, REFUSED_TEXT, &[]));
    }

    /// Sends a query of our own under names of our own, so that the client's unnamed statement and portal live on, with
    /// a `Flush` in place of `Sync`.
    pub(crate) fn own_extended(&mut self, query: &OwnQuery) {
        let parameters = query.parameters();
        let parameters: Vec<Option<&[u8]>> = parameters.iter().map(|value| Some(value.as_bytes())).collect();
        self.own(|out| {
            write::parse(out, OWN_NAME, query.text().as_bytes(), &[])?;
            write::bind(out, OWN_NAME, OWN_NAME, &parameters)?;
            write::execute(out, OWN_NAME, 0)?;
            write::close(out, Target::Portal, OWN_NAME)?;
            write::close(out, Target::Statement, OWN_NAME)?;
            write::flush(out);
            Ok(())
        });
    }

    /// Runs a text under names of our own and leaves nothing of it.
    fn own_read(&mut self, (text, types): (&str, &[u32]), (formats, values): (&[Format], &[Option<&[u8]>])) {
        self.own(|out| {
            write::parse(out, OWN_NAME, text.as_bytes(), types)?;
            write::bind_with_formats(out, (OWN_NAME, OWN_NAME), formats, values, &[])?;
            write::execute(out, OWN_NAME, 0)?;
            write::close(out, Target::Portal, OWN_NAME)?;
            write::close(out, Target::Statement, OWN_NAME)?;
            write::flush(out);
            Ok(())
        });
    }

    /// Closes our own prepared statement, where there still is one.
    pub(crate) fn own_close(&mut self) {
        self.own(|out| write::close(out, Target::Statement, OWN_NAME));
    }

    /// Has the server send what it keeps back.
    pub(crate) fn own_flush(&mut self) {
        self.link.outbound.extend_with(write::flush);
    }

    /// Ends queries of our own that stand in no pipeline of the client's.
    pub(crate) fn own_sync(&mut self) {
        self.link.outbound.extend_with(write::sync);
    }

    fn own(&mut self, write: impl FnOnce(&mut Vec<u8>) -> Result<(), durward_wire::postgres::error::EncodeError>) {
        let mut result = Ok(());
        self.link.outbound.extend_with(|out| result = write(out));
        // INVARIANT: constants of this program, and texts and names that came in a message, hold no NUL and fit one.
        debug_assert!(result.is_ok(), "a message of ours can't be encoded");
    }

    pub(crate) fn inbound(&mut self) -> &mut Buffer {
        &mut self.link.inbound
    }

    pub(crate) fn expect_bytes(&mut self, wanted: usize) {
        self.link.wanted = wanted;
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.link.ended
    }

    pub(crate) fn is_congested(&self) -> bool {
        self.link.is_congested()
    }

    pub(crate) fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        self.link.poll_fill(cx)
    }

    pub(crate) fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.link.poll_drain(cx)
    }

    pub(crate) fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.link.poll_close(cx)
    }

    pub(crate) fn shrink(&mut self) {
        self.link.shrink();
    }
}
