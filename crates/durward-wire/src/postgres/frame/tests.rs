use proptest::prelude::*;

use super::*;

fn frame(tag: u8, length: i32, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![tag];
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.extend_from_slice(body);
    bytes
}

#[test]
fn a_length_below_four_is_an_error_as_soon_as_it_is_read() {
    for length in [i32::MIN, -1, 0, 3] {
        let bytes = frame(b'Q', length, b"");
        assert_eq!(cut_frame(&bytes, 100), Err(FrameError::TooShort { tag: b'Q', length }));
    }
    assert_eq!(
        cut_frame(&frame(b'S', 4, b""), 100),
        Ok(Some((Frame { tag: b'S', body: b"" }, 5)))
    );
}

#[test]
fn a_length_above_the_bound_is_an_error_before_the_body_comes() {
    let bytes = frame(b'Q', 105, b"");
    let too_long = FrameError::TooLong {
        tag: b'Q',
        body_bytes: 101,
        body_bytes_max: 100,
    };
    assert_eq!(cut_frame(&bytes, 100), Err(too_long));
    assert_eq!(
        too_long.to_string(),
        "message type 'Q' of 101 bytes is longer than the 100 allowed"
    );
    assert_eq!(cut_frame(&frame(b'Q', 104, b""), 100), Ok(None));
    assert!(cut_frame(&frame(0, i32::MAX, b""), limits::BACKEND_BODY_BYTES_MAX).is_err());
}

#[test]
fn a_client_may_send_what_the_server_would_read() {
    for (tag, body_bytes_max) in [
        (b'Q', 0x3fff_fffa),
        (b'P', 0x3fff_fffa),
        (b'B', 0x3fff_fffa),
        (b'd', 0x3fff_fffa),
        (b'S', 9_996),
        (b'E', 9_996),
        (b'p', 65_535),
        (b'!', 9_996),
    ] {
        let length = |body: usize| i32::try_from(body + 4).unwrap();
        assert_eq!(cut_frontend_frame(&frame(tag, length(body_bytes_max), b"")), Ok(None));
        assert!(cut_frontend_frame(&frame(tag, length(body_bytes_max + 1), b"")).is_err());
    }
}

#[test]
fn a_startup_packet_is_bounded_both_ways() {
    for length in [i32::MIN, -1, 0, 4, 7, 10_001, i32::MAX] {
        assert_eq!(
            cut_startup(&length.to_be_bytes()),
            Err(FrameError::StartupLength { length })
        );
    }
    assert_eq!(cut_startup(&[0, 0, 0]), Ok(None));
    assert_eq!(cut_startup(&[0, 0, 0, 8, 1, 2, 3]), Ok(None));
    assert_eq!(
        cut_startup(&[0, 0, 0, 8, 1, 2, 3, 4, 5]),
        Ok(Some((&[1, 2, 3, 4][..], 8)))
    );
    assert_eq!(cut_startup(&10_000_i32.to_be_bytes()), Ok(None));
}

/// Cuts all that is there, as a session does when bytes arrive in `pieces`.
fn cut_all(pieces: &[&[u8]]) -> (Vec<(u8, Vec<u8>)>, Vec<u8>) {
    let (mut frames, mut buffer) = (Vec::new(), Vec::new());
    for piece in pieces {
        buffer.extend_from_slice(piece);
        while let Some((frame, taken)) = cut_frame(&buffer, 10_000).unwrap() {
            frames.push((frame.tag, frame.body.to_vec()));
            buffer.drain(..taken);
        }
    }
    (frames, buffer)
}

proptest! {
    #[test]
    fn cutting_the_input_at_any_byte_changes_nothing(
        sent in prop::collection::vec((any::<u8>(), prop::collection::vec(any::<u8>(), 0..40)), 0..6),
        rest in 0_usize..5,
    ) {
        let mut stream: Vec<u8> =
            sent.iter().flat_map(|(tag, body)| frame(*tag, i32::try_from(body.len() + 4).unwrap(), body)).collect();
        stream.extend_from_slice(&[b'Q', 0, 0, 0, 9][..rest]);
        for at in 0..=stream.len() {
            let (frames, left) = cut_all(&[&stream[..at], &stream[at..]]);
            prop_assert_eq!(&frames, &sent);
            prop_assert_eq!(left.len(), rest);
        }
    }

    #[test]
    fn any_bytes_are_cut_within_themselves(bytes in prop::collection::vec(any::<u8>(), 0..64), max in 0_usize..64) {
        if let Ok(Some((frame, taken))) = cut_frame(&bytes, max) {
            prop_assert!(taken <= bytes.len() && frame.body.len() <= max && taken == frame.body.len() + HEADER_BYTES);
        }
        if let Ok(Some((body, taken))) = cut_startup(&bytes) {
            prop_assert!(taken <= bytes.len() && taken == body.len() + 4);
        }
    }
}
