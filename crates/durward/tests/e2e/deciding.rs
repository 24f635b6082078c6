//! Who is asked, and ways to answer besides logins: owners of data, two people at high risk, and signed decisions.

mod adviser;
mod slack;
mod token;

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use durward_testkit::RawClient;
use hmac::{Hmac, KeyInit as _, Mac as _};
use reqwest::StatusCode;
use serde_json::{Value, json};
use sha2::Sha256;

use crate::holds::house::{House, ROWS};
use crate::web::browser::Site;
use crate::web::{ask, person};

const SECRET: &str = "a secret of more than twenty-four bytes";

/// Of ordinary risk, where 150 rows are high.
const CLOSE_SOME: &str = "UPDATE orders SET status = 'closed' WHERE price < 120";

const CLOSE_ALL: &str = "UPDATE orders SET status = 'closed' WHERE price >= 0";

/// A decision as another system sends it.
struct Signed<'a> {
    sender: &'a str,
    id: &'a str,
    /// How old it is, in seconds.
    age: u64,
    secret: &'a str,
    body: Value,
}

impl Signed<'_> {
    async fn send(&self, site: &Site) -> (StatusCode, Value) {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .expect("after 1970")
            .as_secs();
        let (timestamp, body) = ((now - self.age).to_string(), self.body.to_string());
        let mut mac = Hmac::<Sha256>::new_from_slice(self.secret.as_bytes()).expect("any length");
        mac.update(format!("{}.{timestamp}.{body}", self.id).as_bytes());
        let signature = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
        let sent = site
            .client()
            .post(site.url(&format!("/api/v1/decisions/{}", self.sender)))
            .header("content-type", "application/json")
            .header("webhook-id", self.id)
            .header("webhook-timestamp", timestamp)
            .header("webhook-signature", signature)
            .body(body)
            .send()
            .await
            .expect("an answer");
        let status = sent.status();
        let text = sent.text().await.expect("a body");
        (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }
}

fn runs(client: &mut RawClient, statement: &str, rows: i64) {
    let answer = client.query(statement).expect("an answer");
    assert_eq!(answer.commands(), [format!("UPDATE {rows}")], "{:?}", answer.sqlstate());
}

fn house() -> House {
    let arguments = [
        "--owners=public.orders = finance",
        "--high-risk-rows=150",
        "--on-call=oncall",
        "--escalate-minutes=15",
        "--decision-senders=desk identity=snow secret=env:SENDER_SECRET",
        "--decision-senders=own identity=engineer secret=env:SENDER_SECRET",
    ];
    House::open_given(&arguments, &[("SENDER_SECRET", SECRET)])
}

#[test]
fn owners_decide_by_signed_messages_too_and_two_of_them_at_high_risk() {
    let house = house();
    person(&house, "snow", &["finance"]);
    person(&house, "bob", &["finance"]);
    let eve = person(&house, "eve", &["dba"]);
    let mut agent = house.connect("agent", "");
    let id = ask(&mut agent, CLOSE_SOME);
    let (_, request) = house.approvals(&["show", &id, "--json"]);
    assert_eq!(request["risk"], json!([]), "{request}");
    assert_eq!(
        request["addressed"]["sets"][0]["parties"],
        json!(["finance"]),
        "{request}"
    );
    let shown = house.command(&["approvals", "show", &id]);
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    for words in ["finance, for public.orders", "escalates in"] {
        assert!(shown.contains(words), "no {words} in {shown}");
    }
    let digest = request["digest"].as_str().expect("a digest");
    let site = Site::of(&house);
    let body = |request: &str, digest: &str, decision: &str| json!({"request": request, "digest": digest, "decision": decision, "note": "CHG0042", "by": "jane@example.com"});
    let good = body(&id, digest, "approve");
    site.run(async {
        let answer = site.decide(&id, "approve", ("eve", &eve), &json!({})).await;
        assert_eq!(answer.0, StatusCode::FORBIDDEN, "{}", answer.1);
        assert!(answer.1.to_string().contains("is asked of finance"), "{}", answer.1);
        let signed = |id, body: &Value| Signed {
            sender: "desk",
            id,
            age: 0,
            secret: SECRET,
            body: body.clone(),
        };
        for (what, message, expected) in [
            (
                "another secret",
                Signed {
                    secret: "another secret of twenty-four bytes",
                    ..signed("m1", &good)
                },
                StatusCode::UNAUTHORIZED,
            ),
            (
                "late",
                Signed {
                    age: 301,
                    ..signed("m1", &good)
                },
                StatusCode::UNAUTHORIZED,
            ),
            (
                "nobody's",
                Signed {
                    sender: "nobody",
                    ..signed("m1", &good)
                },
                StatusCode::UNAUTHORIZED,
            ),
            (
                "its own agent's",
                Signed {
                    sender: "own",
                    ..signed("m1", &good)
                },
                StatusCode::FORBIDDEN,
            ),
            (
                "an unknown request",
                signed("m2", &body("c999", digest, "approve")),
                StatusCode::NOT_FOUND,
            ),
            (
                "another effect",
                signed("m3", &body(&id, "00", "approve")),
                StatusCode::CONFLICT,
            ),
            (
                "no decision",
                signed("m4", &json!({"request": id, "digest": digest})),
                StatusCode::BAD_REQUEST,
            ),
            (
                "more than it knows",
                signed("m5", &json!({"request": id, "force": true})),
                StatusCode::BAD_REQUEST,
            ),
        ] {
            let answer = message.send(&site).await;
            assert_eq!(answer.0, expected, "{what}: {}", answer.1);
        }
        let approve = signed("m6", &good);
        let answer = approve.send(&site).await;
        assert_eq!(
            (answer.0, &answer.1["state"]),
            (StatusCode::OK, &json!("approved")),
            "{}",
            answer.1
        );
        let replayed = approve.send(&site).await;
        assert_eq!(replayed.0, StatusCode::CONFLICT, "{}", replayed.1);
        assert!(replayed.1.to_string().contains("taken already"), "{}", replayed.1);
        let double = signed("m7", &body(&id, digest, "reject")).send(&site).await;
        assert_eq!(double.0, StatusCode::CONFLICT, "{}", double.1);
    });
    runs(&mut agent, CLOSE_SOME, 120);
    let record = house.command(&["audit", "tail", "--lines", "100", "--json"]);
    let record = String::from_utf8_lossy(&record.stdout).into_owned();
    for words in [
        "snow (signed by desk for jane@example.com)",
        "CHG0042",
        "the signature doesn't fit",
    ] {
        assert!(record.contains(words), "no {words} in {record}");
    }

    let id = ask(&mut agent, CLOSE_ALL);
    let (_, request) = house.approvals(&["show", &id, "--json"]);
    assert_eq!(
        (&request["terms"]["count"], request["risk"].as_array().map(Vec::len)),
        (&json!(2), Some(1)),
        "{request}"
    );
    let approve = Signed {
        sender: "desk",
        id: "m8",
        age: 0,
        secret: SECRET,
        body: body(&id, request["digest"].as_str().expect("a digest"), "approve"),
    };
    site.run(async {
        let answer = approve.send(&site).await;
        assert_eq!(
            (answer.0, &answer.1["state"]),
            (StatusCode::OK, &json!("pending")),
            "{}",
            answer.1
        );
        let twice = Signed { id: "m9", ..approve }.send(&site).await;
        assert_eq!(twice.0, StatusCode::CONFLICT, "{}", twice.1);
    });
    assert_eq!(ask(&mut agent, CLOSE_ALL), id, "one is not enough");
    assert_eq!(house.approvals(&["approve", &id, "--as", "eve"]).0, 2);
    assert_eq!(
        house.approvals(&["reject", &id, "--as", "eve"]).0,
        2,
        "nor does she say no"
    );
    assert_eq!(house.approvals(&["approve", &id, "--as", "bob"]).0, 0);
    runs(&mut agent, CLOSE_ALL, ROWS);
    // The record says who was asked, for whom approvals speak, and why the risk was high.
    let query = format!(
        "SELECT change, asked_of, speaks_for, risk LIKE '%more than 150 rows%' AS is_high, escalates IS NULL AS is_later
         FROM approvals WHERE request = '{id}' ORDER BY event"
    );
    let steps = house.command(&["audit", "sql", &query, "--json"]);
    let steps = String::from_utf8_lossy(&steps.stdout).into_owned();
    let steps: Vec<Value> = steps
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let finance = r#"["finance, for public.orders"]"#;
    let step = |change: &str, speaks_for: Option<&str>| {
        let is_later = u8::from(change != "asked");
        json!({"change": change, "asked_of": finance, "speaks_for": speaks_for, "is_high": 1, "is_later": is_later})
    };
    let expected = [
        step("asked", None),
        step("approved", Some(finance)),
        step("approved", Some(finance)),
        step("used", None),
    ];
    assert_eq!(steps, expected);
    let tail = house.command(&["audit", "tail", "--lines", "200"]);
    let tail = String::from_utf8_lossy(&tail.stdout).into_owned();
    assert!(
        tail.contains("; asked of finance, for public.orders; high risk: it may change"),
        "{tail}"
    );

    // Where rows can't be counted, one approval is enough for as many as are of ordinary risk, and for no more.
    // By the planner's estimate of the volatile condition they are far fewer than they are.
    let unknown = "INSERT INTO orders SELECT id + 1000, price, 'lost' FROM orders WHERE random() < 2 AND random() > -1 AND random() > -2 AND price >= 0";
    let id = ask(&mut agent, unknown);
    let (_, request) = house.approvals(&["show", &id, "--json"]);
    assert_eq!(
        (&request["risk"], &request["rows_backstop"]),
        (&json!([]), &json!(150)),
        "{request}"
    );
    assert_eq!(house.approvals(&["approve", &id, "--as", "bob"]).0, 0);
    let answer = agent.query(unknown).expect("an answer");
    assert_eq!(answer.sqlstate().as_deref(), Some("WD003"), "{:?}", answer.commands());
    assert_eq!(house.number("SELECT count(*) FROM orders WHERE status = 'lost'"), 0);
}
