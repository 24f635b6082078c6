//! A startup packet from a stranger.
#![no_main]

use durward_wire::postgres::frame::cut_startup;
use durward_wire::postgres::frontend::{StartupRequest, write};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Ok(Some((body, taken))) = cut_startup(input) else {
        return;
    };
    assert_eq!(taken, body.len() + 4);
    let Ok(request) = StartupRequest::decode(body) else {
        return;
    };
    let mut written = Vec::new();
    match &request {
        StartupRequest::Startup(startup) => {
            let negotiated = startup.negotiate();
            assert_eq!(negotiated.is_none(), startup.version.major != 3);
            if negotiated.is_none() {
                return;
            }
            write::startup(&mut written, startup.version, startup.parameters.iter().copied()).unwrap();
        }
        StartupRequest::Cancel(cancel) => write::cancel(&mut written, cancel.process_id, cancel.secret_key).unwrap(),
        StartupRequest::Ssl => write::ssl_request(&mut written),
        StartupRequest::GssEnc => return,
    }
    assert_eq!(written, input[..taken]);
});
