//! An issuer in this process: discovery, keys that can be changed, and tokens signed with whatever a test likes.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use rcgen::KeyPair;
use serde_json::{Value, json};

pub(super) struct MockIssuer {
    address: SocketAddr,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    description: Mutex<Value>,
    keys: Mutex<Value>,
    failing: AtomicBool,
    key_requests: AtomicUsize,
}

impl MockIssuer {
    pub(super) fn start(keys: &[&SigningKey]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let issuer = Self {
            address: listener.local_addr().unwrap(),
            state: Arc::default(),
        };
        issuer.publish(keys);
        issuer.describe(&json!({"issuer": issuer.url(), "jwks_uri": issuer.keys_url()}));
        let state = Arc::clone(&issuer.state);
        thread::spawn(move || listener.incoming().for_each(|stream| state.answer(stream.unwrap())));
        issuer
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(super) fn keys_url(&self) -> String {
        format!("{}/keys", self.url())
    }

    pub(super) fn publish(&self, keys: &[&SigningKey]) {
        let keys: Vec<Value> = keys.iter().map(|key| key.public_jwk()).collect();
        self.publish_json(&json!({ "keys": keys }));
    }

    pub(super) fn publish_json(&self, keys: &Value) {
        *self.state.keys.lock().unwrap() = keys.clone();
    }

    pub(super) fn describe(&self, description: &Value) {
        *self.state.description.lock().unwrap() = description.clone();
    }

    pub(super) fn fail(&self, failing: bool) {
        self.state.failing.store(failing, Ordering::SeqCst);
    }

    pub(super) fn key_requests(&self) -> usize {
        self.state.key_requests.load(Ordering::SeqCst)
    }
}

impl State {
    fn answer(&self, mut stream: TcpStream) {
        let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
        let request = lines.next().unwrap().unwrap();
        while lines.next().is_some_and(|line| !line.unwrap().is_empty()) {}
        let body = match request.split(' ').nth(1) {
            Some("/.well-known/openid-configuration") => self.description.lock().unwrap().to_string(),
            Some("/keys") => {
                self.key_requests.fetch_add(1, Ordering::SeqCst);
                self.keys.lock().unwrap().to_string()
            }
            _ => String::new(),
        };
        let status = if self.failing.load(Ordering::SeqCst) {
            "503 Unavailable"
        } else {
            "200 OK"
        };
        let head = format!(
            "HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all((head + &body).as_bytes()).unwrap();
    }
}

pub(super) struct SigningKey {
    id: String,
    algorithm: Algorithm,
    pair: KeyPair,
    key: EncodingKey,
}

impl SigningKey {
    pub(super) fn new(id: &str, algorithm: Algorithm) -> Self {
        let kind = match algorithm {
            Algorithm::RS256 => &rcgen::PKCS_RSA_SHA256,
            Algorithm::ES256 => &rcgen::PKCS_ECDSA_P256_SHA256,
            Algorithm::EdDSA => &rcgen::PKCS_ED25519,
            _ => panic!("no such key"),
        };
        let pair = KeyPair::generate_for(kind).unwrap();
        let pem = pair.serialize_pem();
        let key = match algorithm {
            Algorithm::RS256 => EncodingKey::from_rsa_pem(pem.as_bytes()),
            Algorithm::ES256 => EncodingKey::from_ec_pem(pem.as_bytes()),
            _ => EncodingKey::from_ed_pem(pem.as_bytes()),
        };
        Self {
            id: id.to_owned(),
            algorithm,
            key: key.unwrap(),
            pair,
        }
    }

    pub(super) fn public_jwk(&self) -> Value {
        let mut jwk = match self.algorithm {
            // The library reads only Ed25519 keys without their public half.
            Algorithm::EdDSA => {
                let x = URL_SAFE_NO_PAD.encode(self.pair.public_key_raw());
                json!({"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "x": x})
            }
            algorithm => serde_json::to_value(Jwk::from_encoding_key(&self.key, algorithm).unwrap()).unwrap(),
        };
        jwk["kid"] = json!(self.id);
        jwk["use"] = json!("sig");
        jwk
    }

    pub(super) fn public_pem(&self) -> String {
        self.pair.public_key_pem()
    }

    pub(super) fn sign(&self, claims: &Value) -> String {
        let header = Header {
            kid: Some(self.id.clone()),
            ..Header::new(self.algorithm)
        };
        jsonwebtoken::encode(&header, claims, &self.key).unwrap()
    }

    pub(super) fn sign_unnamed(&self, claims: &Value) -> String {
        jsonwebtoken::encode(&Header::new(self.algorithm), claims, &self.key).unwrap()
    }
}

/// A token signed by HMAC with a secret.
pub(super) fn sign_with_secret(claims: &Value, secret: &[u8], key_id: &str) -> String {
    let header = Header {
        kid: Some(key_id.to_owned()),
        ..Header::new(Algorithm::HS256)
    };
    jsonwebtoken::encode(&header, claims, &EncodingKey::from_secret(secret)).unwrap()
}

/// The token with another header and its old signature.
pub(super) fn with_header(token: &str, header: &Value) -> String {
    let (_, rest) = token.split_once('.').unwrap();
    format!("{}.{rest}", URL_SAFE_NO_PAD.encode(header.to_string()))
}

/// The token with another payload and its old signature.
pub(super) fn with_payload(token: &str, claims: &Value) -> String {
    let parts: Vec<&str> = token.split('.').collect();
    format!(
        "{}.{}.{}",
        parts[0],
        URL_SAFE_NO_PAD.encode(claims.to_string()),
        parts[2]
    )
}
