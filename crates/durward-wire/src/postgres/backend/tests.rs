use proptest::prelude::*;

use super::write::{Report, Severity};
use super::*;
use crate::postgres::buffer::Format;
use crate::postgres::frame::cut_frame;

fn decoded(tag: u8, body: &[u8]) -> Result<BackendMessage<'_>, String> {
    BackendMessage::decode(Frame { tag, body }).map_err(|error| error.to_string())
}

fn check_error(tag: u8, body: &[u8], expected: &str) {
    assert_eq!(
        decoded(tag, body).map(|_| ()),
        Err(expected.to_owned()),
        "{} {body:?}",
        char::from(tag)
    );
}

#[test]
fn a_field_that_is_wrong_is_named() {
    check_error(b'R', b"\0\0", "invalid Authentication message: cut off in the code");
    check_error(
        b'R',
        b"\0\0\0\0x",
        "invalid Authentication message: bytes left over in the body",
    );
    check_error(
        b'R',
        b"\0\0\0\x05abc",
        "invalid Authentication message: cut off in the salt",
    );
    check_error(
        b'R',
        b"\0\0\0\x0aX\0",
        "invalid Authentication message: no NUL at the end of the mechanisms",
    );
    check_error(
        b'R',
        b"\0\0\0\x0aX\0\0x",
        "invalid Authentication message: bytes left over in the mechanisms",
    );
    check_error(
        b'K',
        b"\0\0\0\x01abc",
        "invalid BackendKeyData message: value not allowed in the secret key",
    );
    check_error(
        b'Z',
        b"X",
        "invalid ReadyForQuery message: value not allowed in the status",
    );
    check_error(
        b'Z',
        b"II",
        "invalid ReadyForQuery message: bytes left over in the body",
    );
    check_error(b'E', b"", "invalid ErrorResponse message: cut off in the fields");
    check_error(
        b'E',
        b"SERROR\0",
        "invalid ErrorResponse message: cut off in the fields",
    );
    check_error(
        b'N',
        b"SERROR\0\0x",
        "invalid NoticeResponse message: bytes left over in the body",
    );
    check_error(
        b'D',
        b"\0\x01\0\0\0\x02a",
        "invalid DataRow message: cut off in the values",
    );
    check_error(
        b'D',
        b"\0\x01\x80\0\0\0",
        "invalid DataRow message: value not allowed in the values",
    );
    check_error(
        b'T',
        b"\0\x01a\0\0\0\0",
        "invalid RowDescription message: cut off in a column's table",
    );
    check_error(
        b'G',
        b"\x02\0\0",
        "invalid CopyInResponse message: value not allowed in the format",
    );
    check_error(
        b'v',
        b"\0\x03\0\0\xff\xff\xff\xff",
        "invalid NegotiateProtocolVersion message: no NUL at the end of the options",
    );
    check_error(b'1', b"x", "invalid ParseComplete message: bytes left over in the body");
    check_error(b'?', b"", "invalid backend message: value not allowed in the type");
}

#[test]
fn a_command_tag_counts_its_rows() {
    let check = |tag: &str, command: &str, rows| {
        let read = CommandTag { tag: tag.as_bytes() };
        assert_eq!((read.command(), read.rows()), (command.as_bytes(), rows), "{tag}");
    };
    check("SELECT 5", "SELECT", Some(5));
    check("INSERT 0 12", "INSERT", Some(12));
    check("COPY 18446744073709551615", "COPY", Some(u64::MAX));
    check("MERGE 0", "MERGE", Some(0));
    check("BEGIN", "BEGIN", None);
    check("CREATE TABLE", "CREATE TABLE", None);
    check("", "", None);
    check("SELECT 99999999999999999999", "SELECT", None);
}

#[test]
fn unsupported_login_methods_have_names() {
    let name = |code: u32| match decoded(b'R', &code.to_be_bytes()) {
        Ok(BackendMessage::Authentication(Authentication::Unsupported { name, .. })) => name,
        other => panic!("{other:?}"),
    };
    assert_eq!(
        [2, 6, 7, 8, 9, 99].map(name),
        ["KerberosV5", "SCMCredential", "GSS", "GSSContinue", "SSPI", "unknown"]
    );
}

#[test]
fn an_error_is_read_by_its_fields() {
    let body = b"SFEHLER\0VERROR\0C42P01\0Mrelation \"x\" does not exist\0P15\0\0";
    let Ok(BackendMessage::ErrorResponse(fields)) = decoded(b'E', body) else {
        panic!("an error")
    };
    assert_eq!(fields.severity(), b"ERROR");
    assert_eq!(fields.code(), "42P01");
    assert_eq!(fields.message(), b"relation \"x\" does not exist");
    assert_eq!(fields.position(), Some(15));
    assert_eq!(fields.get(field::HINT), None);
    assert!(!fields.is_fatal());
    assert_eq!(fields.iter().count(), 5);
    let Ok(BackendMessage::ErrorResponse(old)) = decoded(b'E', b"SFATAL\0C57P01\0Mx\0\0") else {
        panic!("an error")
    };
    assert!(old.is_fatal());
}

#[test]
fn a_report_keeps_its_frame_whatever_it_says() {
    let mut out = Vec::new();
    let mut report = Report::new(Severity::Error, "42501", "no\0Vsmuggled\0");
    report.detail = Some("é".repeat(crate::limits::ERROR_FIELD_BYTES_MAX).into());
    report.hint = Some("add a WHERE".into());
    report.position = Some(3);
    report.others = vec![(field::TABLE, "orders".into()), (0, "never an end".into())];
    write::error_response(&mut out, &report);
    let (frame, taken) = cut_frame(&out, 100_000).unwrap().unwrap();
    assert_eq!(taken, out.len());
    let Ok(BackendMessage::ErrorResponse(fields)) = BackendMessage::decode(frame) else {
        panic!("an error")
    };
    assert_eq!(fields.message(), b"no Vsmuggled ");
    assert_eq!(
        fields.get(field::DETAIL).map(<[u8]>::len),
        Some(crate::limits::ERROR_FIELD_BYTES_MAX)
    );
    assert_eq!(fields.get(field::HINT), Some(&b"add a WHERE"[..]));
    assert_eq!(fields.get(field::TABLE), Some(&b"orders"[..]));
    assert_eq!(fields.position(), Some(3));
    let codes: String = fields.iter().map(|(code, _)| char::from(code)).collect();
    assert_eq!(codes, "SVCMDHPt");
}

/// Writes with `put`, reads it back, and shows it.
fn check(put: impl FnOnce(&mut Vec<u8>), expected: &str) {
    let mut out = Vec::new();
    put(&mut out);
    let (frame, taken) = cut_frame(&out, 10_000).unwrap().unwrap();
    assert_eq!(taken, out.len());
    assert_eq!(format!("{:?}", BackendMessage::decode(frame).unwrap()), expected);
}

#[test]
fn what_is_written_is_read_back() {
    check(write::authentication_ok, "Authentication(Ok)");
    check(
        write::authentication_cleartext_password,
        "Authentication(CleartextPassword)",
    );
    check(
        |out| write::authentication_md5_password(out, [1, 2, 3, 4]),
        "Authentication(Md5Password { salt: [1, 2, 3, 4] })",
    );
    check(
        |out| write::authentication_sasl_continue(out, b"r=").unwrap(),
        "Authentication(SaslContinue([114, 61]))",
    );
    check(
        |out| write::authentication_sasl_final(out, b"v=").unwrap(),
        "Authentication(SaslFinal([118, 61]))",
    );
    check(
        |out| write::backend_key_data(out, -3, b"never shown").unwrap(),
        "BackendKeyData(BackendKeyData { process_id: -3, .. })",
    );
    check(
        |out| write::parameter_status(out, b"a", b"b").unwrap(),
        "ParameterStatus { name: [97], value: [98] }",
    );
    check(
        |out| write::ready_for_query(out, TransactionStatus::Idle),
        "ReadyForQuery(Idle)",
    );
    check(
        |out| write::ready_for_query(out, TransactionStatus::InTransaction),
        "ReadyForQuery(InTransaction)",
    );
    check(
        |out| write::ready_for_query(out, TransactionStatus::Failed),
        "ReadyForQuery(Failed)",
    );
    check(write::parse_complete, "ParseComplete");
    check(write::bind_complete, "BindComplete");
    check(write::close_complete, "CloseComplete");
    check(write::no_data, "NoData");
    check(write::portal_suspended, "PortalSuspended");
    check(write::empty_query_response, "EmptyQueryResponse");
    check(
        |out| write::notification_response(out, 9, b"c", b"").unwrap(),
        "NotificationResponse { process_id: 9, channel: [99], payload: [] }",
    );
}

#[test]
fn offered_mechanisms_are_read_back() {
    let mut out = Vec::new();
    write::authentication_sasl(&mut out, &["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"]).unwrap();
    let Ok(BackendMessage::Authentication(Authentication::Sasl(offered))) = decoded(out[0], &out[5..]) else {
        panic!("an offer");
    };
    assert_eq!(
        offered.iter().collect::<Vec<_>>(),
        [&b"SCRAM-SHA-256-PLUS"[..], b"SCRAM-SHA-256"]
    );
    assert!(offered.offers("SCRAM-SHA-256") && !offered.offers("SCRAM"));
    assert!(write::authentication_sasl(&mut out, &[""]).is_err());
}

#[test]
fn a_negotiation_is_read_back() {
    let mut out = Vec::new();
    write::negotiate_protocol_version(&mut out, ProtocolVersion::V3_2, &[b"_pq_.a", b"_pq_.b"]).unwrap();
    let Ok(BackendMessage::NegotiateProtocolVersion(read)) = decoded(out[0], &out[5..]) else {
        panic!()
    };
    assert_eq!((read.version, read.option_count), (ProtocolVersion::V3_2, 2));
    assert_eq!(read.options().collect::<Vec<_>>(), [b"_pq_.a", b"_pq_.b"]);
}

#[test]
fn copy_formats_are_read_back() {
    let mut out = Vec::new();
    write::copy_out_response(&mut out, Format::Binary, &[Format::Binary, Format::Binary]).unwrap();
    let Ok(BackendMessage::CopyOutResponse(read)) = decoded(out[0], &out[5..]) else {
        panic!()
    };
    assert_eq!((read.format, read.column_formats.count()), (Format::Binary, 2));
}

prop_compose! {
    fn column()(
        name in prop::collection::vec(1..=u8::MAX, 0..12),
        numbers in any::<(u32, i16, u32, i16, i32, bool)>(),
    ) -> (Vec<u8>, (u32, i16, u32, i16, i32, bool)) {
        (name, numbers)
    }
}

proptest! {
    #[test]
    fn rows_and_their_description_are_read_back(
        columns in prop::collection::vec(column(), 0..5),
        values in prop::collection::vec(prop::option::of(prop::collection::vec(any::<u8>(), 0..20)), 0..5),
    ) {
        let columns: Vec<Column<'_>> = columns
            .iter()
            .map(|(name, (table_oid, attribute_number, type_oid, type_size, type_modifier, binary))| Column {
                name,
                table_oid: *table_oid,
                attribute_number: *attribute_number,
                type_oid: *type_oid,
                type_size: *type_size,
                type_modifier: *type_modifier,
                format: if *binary { Format::Binary } else { Format::Text },
            })
            .collect();
        let mut out = Vec::new();
        write::row_description(&mut out, &columns).unwrap();
        let Ok(BackendMessage::RowDescription(read)) = decoded(out[0], &out[5..]) else { panic!("a description") };
        prop_assert_eq!(read.count(), columns.len());
        prop_assert_eq!(read.iter().collect::<Vec<_>>(), columns);

        let values: Vec<_> = values.iter().map(Option::as_deref).collect();
        let mut out = Vec::new();
        write::data_row(&mut out, &values).unwrap();
        let Ok(BackendMessage::DataRow(read)) = decoded(out[0], &out[5..]) else { panic!("a row") };
        prop_assert_eq!(read.iter().collect::<Vec<_>>(), values);
    }

    #[test]
    fn any_body_is_read_or_refused_without_a_panic(
        tag in any::<u8>(),
        known in 0_usize..30,
        body in prop::collection::vec(prop_oneof![Just(0_u8), Just(1), any::<u8>()], 0..40),
    ) {
        let tag = tag::ALL.get(known).map_or(tag, |(tag, _)| *tag);
        match BackendMessage::decode(Frame { tag, body: &body }) {
            Ok(BackendMessage::ErrorResponse(fields) | BackendMessage::NoticeResponse(fields)) => {
                let _shown = (fields.iter().count(), fields.code(), fields.is_fatal(), fields.position());
            }
            Ok(BackendMessage::RowDescription(columns)) => prop_assert_eq!(columns.iter().count(), columns.count()),
            Ok(BackendMessage::DataRow(values)) => prop_assert_eq!(values.iter().count(), values.count()),
            Ok(BackendMessage::NegotiateProtocolVersion(read)) => {
                prop_assert_eq!(read.options().count(), usize::try_from(read.option_count).unwrap());
            }
            Ok(BackendMessage::CommandComplete(command)) => {
                let _shown = (command.rows(), command.command());
            }
            other => {
                let _shown = format!("{other:?}");
            }
        }
    }
}
