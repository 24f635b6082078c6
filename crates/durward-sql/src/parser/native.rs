//! The one place that calls the parser's C interface itself: for the position of an error and the routine that raised
//! it, which its Rust interface leaves out.
#![expect(unsafe_code, reason = "the C interface of the parser; see the safety comments")]

use std::ffi::{CStr, CString, c_char, c_int};

use pg_query::ParserOptions;

use super::ParseFailure;

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

/// What is wrong with a text that doesn't parse.
pub(super) fn failure(text: &str, options: ParserOptions) -> Option<ParseFailure> {
    let input = CString::new(text).ok()?;
    // SAFETY: `input` is a NUL-terminated string that outlives the call; the result is freed once, below, after its
    // last use.
    let result = unsafe { pg_query_parse_protobuf_opts(input.as_ptr(), options.bits()) };
    let failure = if result.error.is_null() {
        None
    } else {
        // SAFETY: not null, and valid until the result is freed; `message` and `funcname` are NUL-terminated strings
        // made by `strdup`, the second possibly null.
        let (message, routine, position) = unsafe {
            let error = &*result.error;
            let routine = (!error.funcname.is_null()).then(|| CStr::from_ptr(error.funcname).to_string_lossy().into());
            (
                CStr::from_ptr(error.message).to_string_lossy().into(),
                routine.unwrap_or_default(),
                error.cursorpos,
            )
        };
        Some(ParseFailure {
            message,
            position: u32::try_from(position).ok().filter(|position| *position > 0),
            routine,
        })
    };
    // SAFETY: `result` came from the call above and isn't used after this.
    unsafe { pg_query_free_protobuf_parse_result(result) };
    failure
}
