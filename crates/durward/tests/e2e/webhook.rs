//! News of requests for another system: signed, without statements, and told again where they weren't taken.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::sync::mpsc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::Value;
use sha2::Sha256;

use crate::holds::house::{House, PATIENCE};

pub(crate) const SECRET: &str = "a secret of more than twenty-four bytes";

/// What came in, once its signature is checked.
pub(crate) struct News {
    id: String,
    pub(crate) body: Value,
}

/// A system that takes news, and refuses the first.
pub(crate) fn receiver() -> (String, mpsc::Receiver<News>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/hook", listener.local_addr().expect("an address"));
    let (sender, news) = mpsc::channel();
    std::thread::spawn(move || {
        let mut taken = 0;
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection");
            let mut reader = BufReader::new(stream.try_clone().expect("a reader"));
            let (mut headers, mut line) = (Vec::new(), String::new());
            while reader.read_line(&mut line).is_ok_and(|length| length > 2) {
                headers.push(line.trim().to_ascii_lowercase().replace(": ", ":") + "\n" + line.trim());
                line.clear();
            }
            let header = |name: &str| {
                let found = headers.iter().find(|header| header.starts_with(&format!("{name}:")));
                let (_, line) = found.expect(name).split_once('\n').expect("both");
                line.split_once(':').expect("a value").1.trim().to_owned()
            };
            let mut body = vec![0; header("content-length").parse().expect("a length")];
            reader.read_exact(&mut body).expect("a body");
            let body = String::from_utf8(body).expect("UTF-8");
            let (id, timestamp, signature) = (
                header("webhook-id"),
                header("webhook-timestamp"),
                header("webhook-signature"),
            );
            let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).expect("any length");
            mac.update(format!("{id}.{timestamp}.{body}").as_bytes());
            assert_eq!(
                signature,
                format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
            );
            taken += 1;
            let status = if taken == 1 {
                "503 Service Unavailable"
            } else {
                "204 No Content"
            };
            write!(
                stream,
                "HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
            )
            .expect("an answer");
            let body = serde_json::from_str(&body).expect("JSON");
            if sender.send(News { id, body }).is_err() {
                return;
            }
        }
    });
    (url, news)
}

#[test]
fn news_are_signed_and_told_until_they_are_taken() {
    let (url, news) = receiver();
    let house = House::open_telling(&url, SECRET);
    let mut agent = house.connect("agent", "");
    let statement = "UPDATE orders SET status = 'a secret of theirs' WHERE price >= 0";
    assert_eq!(
        agent.query(statement).expect("an answer").sqlstate().as_deref(),
        Some("WD001")
    );
    let next = || news.recv_timeout(PATIENCE).expect("news");
    let (refused, again) = (next(), next());
    assert_eq!(
        (refused.id.as_str(), again.id.as_str()),
        ("c1-pending-0", "c1-pending-0")
    );
    assert_eq!(again.body["type"], "approval.pending");
    assert_eq!(again.body["data"]["principal"], "agent for engineer");
    assert_eq!(again.body["data"]["url"], format!("{}/requests/c1", house.web()));
    assert!(!again.body.to_string().contains("a secret of theirs"), "{}", again.body);
    house.approvals(&["reject", "c1", "--as", "operator"]);
    let rejected = next();
    assert_eq!(
        (rejected.id.as_str(), &rejected.body["type"]),
        ("c1-rejected-0", &"approval.rejected".into())
    );
}
