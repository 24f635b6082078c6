//! People of an identity provider decide by HTTP with their tokens, as far as those go.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{Signer as _, SigningKey};
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::{CLOSE_SOME, runs};
use crate::holds::house::House;
use crate::web::ask;
use crate::web::browser::{Browser, Site, body};

/// An identity provider with one key.
struct Issuer {
    url: String,
    key: SigningKey,
}

impl Issuer {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let key = SigningKey::from_bytes(&[7; 32]);
        let x = URL_SAFE_NO_PAD.encode(key.verifying_key().to_bytes());
        let keys =
            json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "x": x, "kid": "k1", "alg": "EdDSA", "use": "sig"}]});
        let about = json!({"issuer": url, "jwks_uri": format!("{url}/keys")});
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.expect("a connection");
                let mut reader = BufReader::new(stream.try_clone().expect("a reader"));
                let (mut first, mut line) = (String::new(), String::new());
                reader.read_line(&mut first).expect("a request");
                while reader.read_line(&mut line).is_ok_and(|read| read > 2) {
                    line.clear();
                }
                let said = if first.contains("/keys") { &keys } else { &about }.to_string();
                let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close";
                write!(stream, "{head}\r\nContent-Length: {}\r\n\r\n{said}", said.len()).expect("an answer");
            }
        });
        Self { url, key }
    }

    fn token(&self, claims: &Value) -> String {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .expect("after 1970")
            .as_secs();
        let mut all = json!({"iss": self.url, "aud": "durward", "sub": "u1", "iat": now, "exp": now + 300, "jti": "j1",
                             "email": "ada@example.com", "email_verified": true, "groups": ["finance"]});
        for (name, value) in claims.as_object().expect("claims") {
            all[name] = value.clone();
        }
        let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!(
            "{}.{}",
            encode(&json!({"alg": "EdDSA", "kid": "k1", "typ": "JWT"})),
            encode(&all)
        );
        let signature = self.key.sign(signed.as_bytes()).to_bytes();
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

#[test]
fn a_token_decides_what_its_groups_are_asked_about() {
    let issuer = Issuer::start();
    let oidc = format!("--oidc={} audience=durward alias=corp", issuer.url);
    let house = House::open_given(&[&oidc, "--owners=public.orders = finance"], &[]);
    let mut agent = house.connect("agent", "");
    let id = ask(&mut agent, CLOSE_SOME);
    let site = Site::of(&house);
    let ada = issuer.token(&json!({}));
    let mut forged = ada.clone();
    forged.replace_range(ada.len() - 6..ada.len() - 2, "AAAA");
    site.run(async {
        for (what, user, token, expected) in [
            (
                "of another group",
                "token",
                issuer.token(&json!({"groups": ["dba"]})),
                StatusCode::FORBIDDEN,
            ),
            (
                "an agent's",
                "token",
                issuer.token(&json!({"act": {"sub": "bot"}})),
                StatusCode::NOT_FOUND,
            ),
            (
                "over",
                "token",
                issuer.token(&json!({"exp": 1_000_000_000})),
                StatusCode::UNAUTHORIZED,
            ),
            (
                "for others",
                "token",
                issuer.token(&json!({"aud": "others"})),
                StatusCode::UNAUTHORIZED,
            ),
            ("forged", "token", forged.clone(), StatusCode::UNAUTHORIZED),
            (
                "in a local identity's name",
                "operator",
                ada.clone(),
                StatusCode::UNAUTHORIZED,
            ),
        ] {
            let answer = site.decide(&id, "approve", (user, &token), &json!({})).await;
            assert_eq!(answer.0, expected, "{what}: {}", answer.1);
        }
        let mut browser = Browser::new(&site);
        browser.log_in("token", &ada).await;
        let page = body(browser.decide(&id, "approve", &[("note", "go")]).await).await;
        assert!(page.contains("approved by corp|ada@example.com: go"), "{page}");

        // What she asks for herself is somebody else's to decide.
        let wish = json!({"database": "holds", "on": ["public.orders"], "seconds": 60, "reason": "ticket 7"});
        let (status, asked) = site.send("/api/v1/access", ("token", &ada), &wish).await;
        assert_eq!(status, StatusCode::OK, "{asked}");
        let own = asked["id"].as_str().expect("an id");
        let (status, said) = site
            .decide(own, "approve", ("token", &ada), &json!({"confirm": true}))
            .await;
        assert_eq!(status, StatusCode::FORBIDDEN, "{said}");
        let other = issuer.token(&json!({"sub": "u2", "email": "eve@example.com"}));
        let (status, said) = site.decide(own, "approve", ("token", &other), &json!({})).await;
        assert_eq!((status, &said["state"]), (StatusCode::OK, &json!("approved")), "{said}");

        let revoked = house.command(&["identities", "revoke", "corp|ada@example.com"]);
        assert_eq!(revoked.status.code(), Some(0));
        let answer = site.json("token", &ada, "/api/v1/requests").await;
        assert_eq!(answer.0, StatusCode::UNAUTHORIZED, "{}", answer.1);
        assert_eq!(browser.get("/").await.url().path(), "/login", "her browser is out too");
    });
    runs(&mut agent, CLOSE_SOME, 120);
}
