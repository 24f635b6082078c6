//! The one place that calls the parser's C interface itself: for the position of an error, which its Rust interface
//! leaves out.
#![expect(unsafe_code, reason = "the C interface of the parser; see the safety comments")]

use std::ffi::{CStr, CString, c_char, c_int};

#[repr(C)]
struct PgQueryError {
    message: *mut c_char,
    funcname: *mut c_char,
    filename: *mut c_char,
    lineno: c_int,
    cursorpos: c_int,
    context: *mut c_char,
}

#[repr(C)]
struct PgQueryProtobuf {
    len: usize,
    data: *mut c_char,
}

#[repr(C)]
struct PgQueryProtobufParseResult {
    parse_tree: PgQueryProtobuf,
    stderr_buffer: *mut c_char,
    error: *mut PgQueryError,
}

unsafe extern "C" {
    fn pg_query_parse_protobuf_opts(input: *const c_char, parser_options: c_int) -> PgQueryProtobufParseResult;
    fn pg_query_free_protobuf_parse_result(result: PgQueryProtobufParseResult);
}

/// What is wrong with a text that doesn't parse: the message, and the position in characters from 1.
pub(super) fn failure(text: &str) -> Option<(String, Option<u32>)> {
    let input = CString::new(text).ok()?;
    // SAFETY: `input` is a NUL-terminated string that outlives the call; 0 are the default options; the result is freed
    // once, below, after its last use.
    let result = unsafe { pg_query_parse_protobuf_opts(input.as_ptr(), 0) };
    let failure = if result.error.is_null() {
        None
    } else {
        // SAFETY: not null, and valid until the result is freed; `message` is a NUL-terminated string made by `strdup`.
        let (message, position) = unsafe {
            let error = &*result.error;
            (
                CStr::from_ptr(error.message).to_string_lossy().into_owned(),
                error.cursorpos,
            )
        };
        Some((message, u32::try_from(position).ok().filter(|position| *position > 0)))
    };
    // SAFETY: `result` came from the call above and isn't used after this.
    unsafe { pg_query_free_protobuf_parse_result(result) };
    failure
}
