use durward_testkit::{Reply, Transcript};

/// The first number given to objects that are not the system's own.
const OWN_OID_MIN: u32 = 16_384;

/// A transcript without the numbers of objects in RowDescription that differ between two equal databases.
pub(super) fn normal(transcript: &Transcript) -> Vec<String> {
    transcript
        .replies
        .iter()
        .map(|reply| match reply.tag {
            b'T' => format!("T {}", without_oids(&reply.body).escape_ascii()),
            b'E' | b'N' => {
                Reply {
                    tag: reply.tag,
                    body: reply.body.clone(),
                }
                .to_string()
                    + &positions(reply)
            }
            _ => reply.to_string(),
        })
        .collect()
}

/// The remaining fields of an error that clients rely on: all but the places in the server's source.
fn positions(reply: &Reply) -> String {
    [b'S', b'V', b'P', b'p', b'q', b'W', b's', b't', b'c', b'd', b'n']
        .into_iter()
        .filter_map(|letter| Some(format!(" {}={}", char::from(letter), reply.field(letter)?)))
        .collect()
}

/// RowDescription (manual, "Message Formats"): a count, then name, table, column, type, length, modifier and format.
fn without_oids(body: &[u8]) -> Vec<u8> {
    let mut out = body.get(..2).unwrap_or_default().to_vec();
    let mut rest = body.get(2..).unwrap_or_default();
    while let Some(end) = rest.iter().position(|byte| *byte == 0) {
        let (name, after) = rest.split_at(end + 1);
        let Some((fixed, after)) = after.split_first_chunk::<18>() else {
            break;
        };
        out.extend_from_slice(name);
        let [t0, t1, t2, t3, c0, c1, y0, y1, y2, y3, tail @ ..] = *fixed;
        out.extend_from_slice(&small_oid([t0, t1, t2, t3]));
        out.extend_from_slice(&[c0, c1]);
        out.extend_from_slice(&small_oid([y0, y1, y2, y3]));
        out.extend_from_slice(&tail);
        rest = after;
    }
    out
}

fn small_oid(bytes: [u8; 4]) -> [u8; 4] {
    u32::from_be_bytes(bytes).min(OWN_OID_MIN).to_be_bytes()
}
