use proptest::prelude::*;

use super::*;
use crate::postgres::ProtocolVersion;
use crate::postgres::buffer::Format;
use crate::postgres::error::EncodeError;
use crate::postgres::frame::{cut_frame, cut_startup};

/// Decodes a message of this tag and body, as text: what came out, or the error that a log would show.
fn decoded(tag: u8, body: &[u8]) -> Result<String, String> {
    FrontendMessage::decode(Frame { tag, body })
        .map(|message| format!("{message:?}"))
        .map_err(|error| error.to_string())
}

fn check_error(tag: u8, body: &[u8], expected: &str) {
    assert_eq!(
        decoded(tag, body),
        Err(expected.to_owned()),
        "{} {body:?}",
        char::from(tag)
    );
}

#[test]
fn a_field_that_is_wrong_is_named() {
    check_error(b'Q', b"", "invalid Query message: no NUL at the end of the text");
    check_error(
        b'Q',
        b"SELECT 1",
        "invalid Query message: no NUL at the end of the text",
    );
    check_error(
        b'Q',
        b"SELECT 1\0; DROP TABLE t\0",
        "invalid Query message: bytes left over in the body",
    );
    check_error(
        b'P',
        b"s",
        "invalid Parse message: no NUL at the end of the statement name",
    );
    check_error(
        b'P',
        b"s\0SELECT 1",
        "invalid Parse message: no NUL at the end of the text",
    );
    check_error(
        b'P',
        b"s\0SELECT 1\0",
        "invalid Parse message: cut off in the parameter types",
    );
    check_error(
        b'P',
        b"s\0SELECT 1\0\0\x01\0\0\0",
        "invalid Parse message: cut off in the parameter types",
    );
    check_error(
        b'P',
        b"s\0SELECT 1\0\xff\xff",
        "invalid Parse message: cut off in the parameter types",
    );
    check_error(b'P', b"\0\0\0\0x", "invalid Parse message: bytes left over in the body");
    check_error(
        b'B',
        b"\0\0\0\x01\0\x02",
        "invalid Bind message: value not allowed in the parameter formats",
    );
    check_error(
        b'B',
        b"\0\0\xff\xff",
        "invalid Bind message: cut off in the parameter formats",
    );
    check_error(
        b'B',
        b"\0\0\0\0\0\x01\0\0\0\x05ab",
        "invalid Bind message: cut off in the parameters",
    );
    check_error(
        b'B',
        b"\0\0\0\0\0\x01\xff\xff\xff\xfe",
        "invalid Bind message: value not allowed in the parameters",
    );
    check_error(
        b'B',
        b"\0\0\0\0\xff\xff",
        "invalid Bind message: cut off in the parameters",
    );
    check_error(
        b'B',
        b"\0\0\0\0\0\0",
        "invalid Bind message: cut off in the result formats",
    );
    check_error(
        b'B',
        b"\0\0\0\0\0\0\0\0\0",
        "invalid Bind message: bytes left over in the body",
    );
    check_error(b'D', b"", "invalid Describe message: cut off in the kind");
    check_error(b'D', b"T\0", "invalid Describe message: value not allowed in the kind");
    check_error(b'C', b"Sx", "invalid Close message: no NUL at the end of the name");
    check_error(b'C', b"Sx\0\0", "invalid Close message: bytes left over in the body");
    check_error(b'E', b"\0\0\0\0", "invalid Execute message: cut off in the row limit");
    check_error(b'S', b"x", "invalid Sync message: bytes left over in the body");
    check_error(b'H', b"\0", "invalid Flush message: bytes left over in the body");
    check_error(b'c', b"\0", "invalid CopyDone message: bytes left over in the body");
    check_error(b'f', b"no", "invalid CopyFail message: no NUL at the end of the reason");
    check_error(b'?', b"", "invalid frontend message: value not allowed in the type");
}

#[test]
fn formats_follow_the_rule_of_none_one_or_each() {
    let formats = |body: &'static [u8]| {
        let FrontendMessage::Bind(bind) = FrontendMessage::decode(Frame { tag: b'B', body }).unwrap() else {
            panic!("a Bind");
        };
        (0..3)
            .map(|index| bind.parameter_formats.of(index).code())
            .collect::<Vec<_>>()
    };
    assert_eq!(formats(b"\0\0\0\0\0\0\0\0"), [0, 0, 0]);
    assert_eq!(formats(b"\0\0\0\x01\0\x01\0\0\0\0"), [1, 1, 1]);
    assert_eq!(formats(b"\0\0\0\x03\0\0\0\x01\0\0\0\0\0\0"), [0, 1, 0]);
}

#[test]
fn the_most_parameters_that_a_count_can_hold_pass() {
    let parameters: Vec<Option<&[u8]>> = vec![Some(b"x"); 65_535];
    let mut out = Vec::new();
    write::bind(&mut out, b"", b"s", &parameters).unwrap();
    let (frame, _) = cut_frame(&out, 1 << 24).unwrap().unwrap();
    let FrontendMessage::Bind(bind) = FrontendMessage::decode(frame).unwrap() else {
        panic!("a Bind")
    };
    assert_eq!(
        (bind.parameters.count(), bind.parameters.iter().count()),
        (65_535, 65_535)
    );

    let too_many: Vec<Option<&[u8]>> = vec![None; 65_536];
    assert_eq!(
        write::bind(&mut out, b"", b"s", &too_many),
        Err(EncodeError::TooLong {
            field: "the parameters"
        })
    );
}

#[test]
fn a_message_that_cannot_be_written_leaves_nothing_behind() {
    let mut out = b"before".to_vec();
    assert_eq!(
        write::query(&mut out, b"SELECT 1\0DROP"),
        Err(EncodeError::Nul { field: "the text" })
    );
    assert!(write::parse(&mut out, b"s\0", b"SELECT 1", &[]).is_err());
    assert!(write::startup(&mut out, ProtocolVersion::V3_0, [(&b""[..], &b"x"[..])]).is_err());
    assert!(write::startup(&mut out, ProtocolVersion::V3_0, [(&b"user"[..], &[b'x'; 10_000][..])]).is_err());
    assert!(write::cancel(&mut out, 1, &[]).is_err());
    assert!(write::cancel(&mut out, 1, &[0; 257]).is_err());
    assert_eq!(out, b"before");
}

#[test]
fn login_messages_are_read_strictly() {
    assert_eq!(decode_password(b"secret\0"), Ok(&b"secret"[..]));
    assert_eq!(decode_password(b"\0"), Ok(&b""[..]));
    assert!(decode_password(b"secret").is_err());
    assert!(decode_password(b"secret\0x").is_err());

    let mut out = Vec::new();
    write::sasl_initial_response(&mut out, b"SCRAM-SHA-256", Some(b"n,,n=,r=x")).unwrap();
    let initial = SaslInitialResponse {
        mechanism: b"SCRAM-SHA-256",
        response: Some(b"n,,n=,r=x"),
    };
    assert_eq!(decode_sasl_initial_response(&out[5..]), Ok(initial));
    assert_eq!(
        decode_sasl_initial_response(b"X\0\xff\xff\xff\xff"),
        Ok(SaslInitialResponse {
            mechanism: b"X",
            response: None
        })
    );
    for wrong in [
        &b"\0\0\0\0\0"[..],
        b"X",
        b"X\0\0\0\0\x02a",
        b"X\0\0\0\0\x01ab",
        b"X\0\xff\xff\xff\xfe",
    ] {
        assert!(decode_sasl_initial_response(wrong).is_err(), "{wrong:?}");
    }
}

mod startup {
    use super::*;

    fn check(body: &[u8], expected: &str) {
        let shown = match StartupRequest::decode(body) {
            Ok(request) => format!("{request:?}"),
            Err(error) => error.to_string(),
        };
        assert_eq!(shown, expected);
    }

    #[test]
    fn requests_without_a_session() {
        check(&[0x04, 0xd2, 0x16, 0x2f], "Ssl");
        check(&[0x04, 0xd2, 0x16, 0x30], "GssEnc");
        check(
            &[0x04, 0xd2, 0x16, 0x2f, 0],
            "invalid StartupMessage message: bytes left over in the body",
        );
        check(
            &[0x04, 0xd2, 0x16, 0x2e],
            "invalid CancelRequest message: cut off in the process id",
        );
        check(
            &[0x04, 0xd2, 0x16, 0x2e, 0, 0, 0, 1],
            "invalid CancelRequest message: cut off in the secret key",
        );
        for bytes in [1, 4, 32, 256] {
            let body = [&[0x04, 0xd2, 0x16, 0x2e, 0, 0, 0, 7][..], &vec![9; bytes]].concat();
            let cancel = Cancel {
                process_id: 7,
                secret_key: &vec![9; bytes],
            };
            assert_eq!(StartupRequest::decode(&body), Ok(StartupRequest::Cancel(cancel)));
        }
        let body = [&[0x04, 0xd2, 0x16, 0x2e, 0, 0, 0, 7][..], &[9; 257]].concat();
        check(
            &body,
            "invalid CancelRequest message: value not allowed in the secret key",
        );
    }

    #[test]
    fn a_cancel_key_is_never_shown() {
        let cancel = Cancel {
            process_id: 7,
            secret_key: b"hunter2!",
        };
        assert_eq!(format!("{cancel:?}"), "Cancel { process_id: 7, .. }");
    }

    #[test]
    fn parameters_end_with_an_empty_name_and_nothing_after() {
        check(
            b"\0\x03\0\0",
            "invalid StartupMessage message: no NUL at the end of the parameters",
        );
        check(
            b"\0\x03\0\0user\0",
            "invalid StartupMessage message: no NUL at the end of a parameter's value",
        );
        check(
            b"\0\x03\0\0user\0a\0",
            "invalid StartupMessage message: no NUL at the end of the parameters",
        );
        check(
            b"\0\x03\0\0user\0a\0\0x",
            "invalid StartupMessage message: bytes left over in the body",
        );
        check(
            b"\0\x03\0\0\0",
            "Startup(Startup { version: ProtocolVersion { major: 3, minor: 0 }, parameters: [] })",
        );
    }

    #[test]
    fn of_several_values_the_last_counts() {
        let body = b"\0\x03\0\0user\0a\0user\0b\0\0";
        let Ok(StartupRequest::Startup(startup)) = StartupRequest::decode(body) else {
            panic!("a startup")
        };
        assert_eq!((startup.get("user"), startup.get("database")), (Some(&b"b"[..]), None));
    }

    fn negotiated(major: u16, minor: u16, option: &[u8]) -> Option<(ProtocolVersion, usize, bool)> {
        let parameters = vec![(&b"user"[..], &b"a"[..]), (option, &b""[..])];
        let startup = Startup {
            version: ProtocolVersion { major, minor },
            parameters,
        };
        startup
            .negotiate()
            .map(|answer| (answer.version, answer.unrecognized_options.len(), answer.must_tell))
    }

    #[test]
    fn versions_come_down_to_what_is_spoken() {
        let v = |minor| ProtocolVersion { major: 3, minor };
        assert_eq!(negotiated(3, 0, b"x"), Some((v(0), 0, false)));
        assert_eq!(negotiated(3, 1, b"x"), Some((v(1), 0, false)));
        assert_eq!(negotiated(3, 2, b"x"), Some((v(2), 0, false)));
        assert_eq!(negotiated(3, 3, b"x"), Some((v(2), 0, true)));
        assert_eq!(negotiated(3, 9_999, b"_pq_.x"), Some((v(2), 1, true)));
        assert_eq!(negotiated(3, 0, b"_pq_.x"), Some((v(0), 1, true)));
        assert_eq!(negotiated(2, 0, b"x"), None);
        assert_eq!(negotiated(4, 0, b"x"), None);
    }
}

/// A message with its own bytes, to be written and read back.
#[derive(Debug, Clone)]
enum Sent {
    Query(Vec<u8>),
    Parse(Vec<u8>, Vec<u8>, Vec<u32>),
    Bind(Vec<u8>, Vec<u8>, Vec<bool>, Vec<Option<Vec<u8>>>, Vec<bool>),
    Named(u8, bool, Vec<u8>),
    Execute(Vec<u8>, i32),
    Bare(u8),
    CopyData(Vec<u8>),
    CopyFail(Vec<u8>),
    Password(Vec<u8>),
}

fn format(binary: bool) -> Format {
    if binary { Format::Binary } else { Format::Text }
}

fn target(portal: bool) -> Target {
    if portal { Target::Portal } else { Target::Statement }
}

impl Sent {
    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Query(text) => write::query(out, text).unwrap(),
            Self::Parse(name, text, types) => write::parse(out, name, text, types).unwrap(),
            Self::Bind(portal, statement, formats, values, results) => {
                let formats: Vec<_> = formats.iter().map(|binary| format(*binary)).collect();
                let results: Vec<_> = results.iter().map(|binary| format(*binary)).collect();
                let values: Vec<_> = values.iter().map(Option::as_deref).collect();
                write::bind_with_formats(out, (portal, statement), &formats, &values, &results).unwrap();
            }
            Self::Named(b'D', portal, name) => write::describe(out, target(*portal), name).unwrap(),
            Self::Named(_, portal, name) => write::close(out, target(*portal), name).unwrap(),
            Self::Execute(portal, rows_max) => write::execute(out, portal, *rows_max).unwrap(),
            Self::Bare(b'H') => write::flush(out),
            Self::Bare(b'S') => write::sync(out),
            Self::Bare(b'c') => write::copy_done(out),
            Self::Bare(_) => write::terminate(out),
            Self::CopyData(bytes) => write::copy_data(out, bytes).unwrap(),
            Self::CopyFail(reason) => write::copy_fail(out, reason).unwrap(),
            Self::Password(password) => write::password(out, password).unwrap(),
        }
    }

    fn read(message: FrontendMessage<'_>) -> Self {
        match message {
            FrontendMessage::Query { text } => Self::Query(text.to_vec()),
            FrontendMessage::Parse(parse) => Self::Parse(
                parse.statement.to_vec(),
                parse.text.to_vec(),
                parse.parameter_types.iter().collect(),
            ),
            FrontendMessage::Bind(bind) => Self::Bind(
                bind.portal.to_vec(),
                bind.statement.to_vec(),
                bind.parameter_formats
                    .iter()
                    .map(|format| format == Format::Binary)
                    .collect(),
                bind.parameters.iter().map(|value| value.map(<[u8]>::to_vec)).collect(),
                bind.result_formats
                    .iter()
                    .map(|format| format == Format::Binary)
                    .collect(),
            ),
            FrontendMessage::Describe { target, name } => Self::Named(b'D', target == Target::Portal, name.to_vec()),
            FrontendMessage::Close { target, name } => Self::Named(b'C', target == Target::Portal, name.to_vec()),
            FrontendMessage::Execute { portal, rows_max } => Self::Execute(portal.to_vec(), rows_max),
            FrontendMessage::Flush => Self::Bare(b'H'),
            FrontendMessage::Sync => Self::Bare(b'S'),
            FrontendMessage::CopyData(bytes) => Self::CopyData(bytes.to_vec()),
            FrontendMessage::CopyDone => Self::Bare(b'c'),
            FrontendMessage::CopyFail { reason } => Self::CopyFail(reason.to_vec()),
            FrontendMessage::Terminate => Self::Bare(b'X'),
            FrontendMessage::FunctionCall { .. } => panic!("never written"),
            FrontendMessage::Password { body } => Self::Password(decode_password(body).unwrap().to_vec()),
        }
    }
}

/// A string of the wire: any bytes but NUL.
fn string() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(1..=u8::MAX, 0..24)
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..24)
}

fn sent() -> impl Strategy<Value = Sent> {
    let flags = || prop::collection::vec(any::<bool>(), 0..4);
    let values = prop::collection::vec(prop::option::of(bytes()), 0..6);
    prop_oneof![
        string().prop_map(Sent::Query),
        (string(), string(), prop::collection::vec(any::<u32>(), 0..5)).prop_map(|(a, b, c)| Sent::Parse(a, b, c)),
        (string(), string(), flags(), values, flags()).prop_map(|(a, b, c, d, e)| Sent::Bind(a, b, c, d, e)),
        (prop::sample::select(b"DC".as_slice()), any::<bool>(), string()).prop_map(|(a, b, c)| Sent::Named(a, b, c)),
        (string(), any::<i32>()).prop_map(|(a, b)| Sent::Execute(a, b)),
        prop::sample::select(b"HScX".as_slice()).prop_map(Sent::Bare),
        bytes().prop_map(Sent::CopyData),
        string().prop_map(Sent::CopyFail),
        string().prop_map(Sent::Password),
    ]
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(sent in prop::collection::vec(sent(), 0..6)) {
        let mut stream = Vec::new();
        sent.iter().for_each(|message| message.write(&mut stream));
        let (mut rest, mut read, mut rewritten) = (&stream[..], Vec::new(), Vec::new());
        while let Some((frame, taken)) = cut_frame(rest, 10_000).unwrap() {
            let message = Sent::read(FrontendMessage::decode(frame).unwrap());
            message.write(&mut rewritten);
            read.push(message);
            rest = &rest[taken..];
        }
        prop_assert_eq!(rest.len(), 0);
        prop_assert_eq!(&rewritten, &stream);
        prop_assert_eq!(format!("{read:?}"), format!("{sent:?}"));
    }

    #[test]
    fn a_body_that_is_cut_short_or_longer_is_refused(sent in sent(), cut in any::<prop::sample::Index>()) {
        let mut stream = Vec::new();
        sent.write(&mut stream);
        let (tag, body) = (stream[0], &stream[5..]);
        // The bodies that are opaque here have no shape to lose.
        prop_assume!(!matches!(tag, b'd' | b'p' | b'X'));
        let longer = [body, &[0]].concat();
        prop_assert!(decoded(tag, &longer).is_err());
        if !body.is_empty() {
            prop_assert!(decoded(tag, &body[..cut.index(body.len())]).is_err());
        }
    }

    #[test]
    fn any_body_is_read_or_refused_without_a_panic(tag in any::<u8>(), known in 0_usize..20, body in bytes()) {
        let tag = tag::ALL.get(known).map_or(tag, |(tag, _)| *tag);
        if let Ok(message) = FrontendMessage::decode(Frame { tag, body: &body }) {
            let _shown = format!("{message:?}");
        }
        let _shown = format!("{:?} {:?}", decode_password(&body), decode_sasl_initial_response(&body));
        let _shown = format!("{:?}", StartupRequest::decode(&body));
    }

    #[test]
    fn a_startup_packet_is_read_back(
        minor in any::<u16>(),
        parameters in prop::collection::vec((prop::collection::vec(1..=u8::MAX, 1..12), string()), 0..6),
    ) {
        let version = ProtocolVersion { major: 3, minor };
        let parameters: Vec<_> = parameters.iter().map(|(name, value)| (&name[..], &value[..])).collect();
        let mut out = Vec::new();
        write::startup(&mut out, version, parameters.iter().copied()).unwrap();
        let (body, taken) = cut_startup(&out).unwrap().unwrap();
        prop_assert_eq!(taken, out.len());
        prop_assert_eq!(StartupRequest::decode(body), Ok(StartupRequest::Startup(Startup { version, parameters })));
    }
}
