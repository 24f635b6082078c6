mod mock;

use std::sync::Arc;

use durward_model::{Principal, PrincipalKind};
use jsonwebtoken::Algorithm;
use serde_json::{Value, json};

use super::*;
use crate::clock::manual::ManualClock;
use mock::{MockIssuer, SigningKey};

const NOW: u64 = 1_800_000_000;

struct Fixture {
    issuer: MockIssuer,
    clock: Arc<ManualClock>,
    config: IssuerConfig,
}

impl Fixture {
    fn new(keys: &[&SigningKey]) -> Self {
        let issuer = MockIssuer::start(keys);
        Self {
            config: IssuerConfig::new("corp", &issuer.url(), "durward"),
            clock: Arc::new(ManualClock::at_seconds(NOW)),
            issuer,
        }
    }

    fn issuers(&self) -> Issuers {
        Issuers::new(vec![self.config.clone()], self.clock.clone()).unwrap()
    }

    /// Claims of a good token, with `more` laid over them; a null takes a claim away.
    fn claims(&self, more: Value) -> Value {
        let mut claims = json!({
            "iss": self.issuer.url(), "sub": "u-1", "aud": "durward", "iat": NOW - 10, "exp": NOW + 300,
        });
        for (name, value) in more.as_object().unwrap() {
            match value {
                Value::Null => claims.as_object_mut().unwrap().remove(name),
                value => claims.as_object_mut().unwrap().insert(name.clone(), value.clone()),
            };
        }
        claims
    }
}

async fn principal(issuers: &Issuers, token: &str) -> Result<Principal, TokenError> {
    issuers
        .verify(token, "shop")
        .await
        .map(|(identity, _)| identity.principal)
}

#[tokio::test]
async fn each_algorithm_is_verified_with_its_own_kind_of_key() {
    for algorithm in [Algorithm::RS256, Algorithm::ES256, Algorithm::EdDSA] {
        let (key, stranger) = (SigningKey::new("one", algorithm), SigningKey::new("one", algorithm));
        let fixture = Fixture::new(&[&key]);
        let issuers = fixture.issuers();
        let claims = fixture.claims(json!({}));
        let good = principal(&issuers, &key.sign(&claims)).await.unwrap();
        assert_eq!((&*good.subject.name, good.kind()), ("corp|u-1", PrincipalKind::Person));
        assert_eq!(
            principal(&issuers, &stranger.sign(&claims)).await,
            Err(TokenError::WrongSignature),
            "{algorithm:?}"
        );
        let other = fixture.claims(json!({"sub": "u-2"}));
        let mixed = mock::with_payload(&key.sign(&claims), &other);
        assert_eq!(
            principal(&issuers, &mixed).await,
            Err(TokenError::WrongSignature),
            "{algorithm:?}"
        );
    }
}

#[tokio::test]
async fn the_token_has_no_say_in_the_algorithm() {
    let key = SigningKey::new("one", Algorithm::RS256);
    let fixture = Fixture::new(&[&key]);
    let issuers = fixture.issuers();
    let good = key.sign(&fixture.claims(json!({})));
    for (header, expected) in [
        (json!({"alg": "none", "kid": "one"}), TokenError::WrongAlgorithm),
        (json!({"alg": "HS256", "kid": "one"}), TokenError::WrongAlgorithm),
        (json!({"alg": "RS384", "kid": "one"}), TokenError::WrongAlgorithm),
        (json!({"alg": "ES256", "kid": "one"}), TokenError::WrongAlgorithm),
        (json!({"alg": "rs256", "kid": "one"}), TokenError::WrongAlgorithm),
        (
            json!({"alg": "RS256", "kid": "one", "crit": ["exp"]}),
            TokenError::Malformed("a critical extension"),
        ),
        (
            json!({"alg": "RS256", "kid": "one", "b64": false}),
            TokenError::Malformed("a critical extension"),
        ),
        (
            json!({"alg": "RS256", "kid": "one", "typ": "logout+jwt"}),
            TokenError::Malformed("a token of another type"),
        ),
        (json!({"kid": "one"}), TokenError::Malformed("not JSON")),
    ] {
        assert_eq!(
            principal(&issuers, &mock::with_header(&good, &header)).await,
            Err(expected),
            "{header}"
        );
    }
    // The public key as an HMAC secret, and no signature at all.
    let confused = mock::sign_with_secret(&fixture.claims(json!({})), key.public_pem().as_bytes(), "one");
    assert_eq!(principal(&issuers, &confused).await, Err(TokenError::WrongAlgorithm));
    let bare = good.rsplit_once('.').unwrap().0;
    assert_eq!(
        principal(&issuers, &format!("{bare}.")).await,
        Err(TokenError::WrongSignature)
    );
    for text in ["", ".", "..", "a.b", "a.b.c.d", "é.é.é", bare] {
        assert!(principal(&issuers, text).await.is_err(), "{text}");
    }
}

#[tokio::test]
async fn claims_that_are_not_good_enough() {
    let key = SigningKey::new("one", Algorithm::ES256);
    let fixture = Fixture::new(&[&key]);
    let issuers = fixture.issuers();
    let wrong_time = TokenError::Claims("a time is no number");
    for (more, expected) in [
        (json!({"aud": "another"}), TokenError::WrongAudience),
        (json!({"aud": null}), TokenError::WrongAudience),
        (json!({"aud": []}), TokenError::WrongAudience),
        (json!({"aud": ["a", 1]}), TokenError::WrongAudience),
        (json!({"exp": null}), TokenError::Claims("no end (exp)")),
        (json!({"exp": "soon"}), wrong_time.clone()),
        (json!({"exp": -1}), wrong_time.clone()),
        (json!({"exp": NOW - 30}), TokenError::Expired),
        (json!({"nbf": NOW + 31}), TokenError::NotYetValid),
        (json!({"iat": NOW + 31}), TokenError::NotYetValid),
        (json!({"nbf": "later"}), wrong_time),
        (json!({"iss": "https://elsewhere.example"}), TokenError::UnknownIssuer),
        (json!({"iss": null}), TokenError::UnknownIssuer),
        (json!({"sub": null}), TokenError::Claims("no usable subject")),
        (json!({"sub": "a\nb"}), TokenError::Claims("no usable subject")),
        (
            json!({"cnf": {"jkt": "x"}}),
            TokenError::Claims("it is bound to a key (cnf)"),
        ),
        (
            json!({"act": "agent"}),
            TokenError::Claims("an actor (act) is no object"),
        ),
        (json!({"act": {}}), TokenError::Claims("an actor has no subject")),
    ] {
        let token = key.sign(&fixture.claims(more.clone()));
        assert_eq!(principal(&issuers, &token).await, Err(expected), "{more}");
    }
    for more in [
        json!({"aud": ["another", "durward"]}),
        json!({"exp": NOW - 29}),
        json!({"exp": 1_800_000_100.5}),
        json!({"nbf": NOW + 30, "iat": NOW + 30}),
    ] {
        assert!(
            principal(&issuers, &key.sign(&fixture.claims(more.clone())))
                .await
                .is_ok(),
            "{more}"
        );
    }
}

#[tokio::test]
async fn who_a_token_speaks_for() {
    let key = SigningKey::new("one", Algorithm::ES256);
    let mut fixture = Fixture::new(&[&key]);
    fixture.config.operators_group = Some("dba".to_owned());
    fixture.config.services_group = Some("apps".to_owned());
    fixture.config.service_subjects = vec!["billing".to_owned()];
    let issuers = fixture.issuers();
    let url = fixture.issuer.url();
    for (more, shown, kind) in [
        (json!({}), "corp|u-1", PrincipalKind::Person),
        (
            json!({"email": "ada@example.com", "email_verified": true}),
            "corp|ada@example.com",
            PrincipalKind::Person,
        ),
        (
            json!({"email": "ada@example.com", "email_verified": false}),
            "corp|u-1",
            PrincipalKind::Person,
        ),
        (
            json!({"email": "ada@example.com", "email_verified": "true"}),
            "corp|u-1",
            PrincipalKind::Person,
        ),
        (json!({"email": "ada@example.com"}), "corp|u-1", PrincipalKind::Person),
        (json!({"groups": ["dba"]}), "corp|u-1", PrincipalKind::Operator),
        (json!({"groups": "dba"}), "corp|u-1", PrincipalKind::Person),
        (json!({"groups": ["apps"]}), "corp|u-1", PrincipalKind::Service),
        (
            json!({"sub": "billing", "client_id": "billing"}),
            "corp|billing",
            PrincipalKind::Service,
        ),
        (
            json!({"sub": "robot", "client_id": "robot"}),
            "corp|robot",
            PrincipalKind::Agent,
        ),
        (
            json!({"sub": "robot", "client_id": "robot", "groups": ["dba"]}),
            "corp|robot",
            PrincipalKind::Agent,
        ),
        (
            json!({"act": {"sub": "claude"}}),
            "corp|claude for corp|u-1",
            PrincipalKind::Agent,
        ),
        (
            json!({"act": {"sub": "claude", "iss": url}}),
            "corp|claude for corp|u-1",
            PrincipalKind::Agent,
        ),
        (
            json!({"act": {"sub": "claude", "iss": "https://x"}, "groups": ["dba"]}),
            "corp|https://x|claude for corp|u-1",
            PrincipalKind::Agent,
        ),
        (
            json!({"act": {"sub": "nearest", "act": {"sub": "before"}}}),
            "corp|nearest for corp|before for corp|u-1",
            PrincipalKind::Agent,
        ),
    ] {
        let found = principal(&issuers, &key.sign(&fixture.claims(more.clone())))
            .await
            .unwrap();
        assert_eq!((found.to_string().as_str(), found.kind()), (shown, kind), "{more}");
    }
    let deep = (0..9).fold(
        Value::Null,
        |inner, number| json!({"sub": number.to_string(), "act": inner}),
    );
    let token = key.sign(&fixture.claims(json!({"act": deep})));
    assert!(matches!(principal(&issuers, &token).await, Err(TokenError::Claims(_))));
}

#[tokio::test]
async fn groups_are_the_subjects_and_only_those_allowed() {
    let key = SigningKey::new("one", Algorithm::ES256);
    let mut fixture = Fixture::new(&[&key]);
    fixture.config.groups_claim = "/realm/roles".to_owned();
    fixture.config.groups_allowed = Some(vec!["b".to_owned(), "a".to_owned()]);
    let issuers = fixture.issuers();
    let claims = fixture.claims(json!({"realm": {"roles": ["b", "c", "a", "b", 7]}, "jti": "t-1", "purpose": "audit"}));
    let person = principal(&issuers, &key.sign(&claims)).await.unwrap();
    assert_eq!(
        (person.groups.clone(), person.subject_groups),
        (vec!["a".into(), "b".into()], person.groups)
    );
    assert_eq!(
        (&*person.credential.0, person.purpose.as_deref()),
        ("jwt-corp|t-1", Some("audit"))
    );
    let claims = fixture.claims(json!({"realm": {"roles": ["a"]}, "act": {"sub": "claude"}}));
    let agent = principal(&issuers, &key.sign(&claims)).await.unwrap();
    assert_eq!((agent.groups, agent.subject_groups), (vec![], vec!["a".into()]));
}

#[tokio::test]
async fn keys_rotate_and_nobody_can_make_us_hammer_the_issuer() {
    let (old, new) = (
        SigningKey::new("old", Algorithm::ES256),
        SigningKey::new("new", Algorithm::EdDSA),
    );
    let fixture = Fixture::new(&[&old]);
    let issuers = fixture.issuers();
    let claims = fixture.claims(json!({"exp": NOW + 100_000}));
    let (with_old, with_new) = (old.sign(&claims), new.sign(&claims));
    assert!(principal(&issuers, &with_old).await.is_ok());
    assert_eq!(fixture.issuer.key_requests(), 1);
    // A fetch was a moment ago: an unknown key must wait.
    fixture.issuer.publish(&[&old, &new]);
    for _ in 0..20 {
        assert_eq!(principal(&issuers, &with_new).await, Err(TokenError::UnknownKey));
    }
    assert_eq!(fixture.issuer.key_requests(), 1);
    fixture.clock.advance_seconds(10);
    assert!(principal(&issuers, &with_new).await.is_ok());
    assert!(principal(&issuers, &with_old).await.is_ok());
    assert_eq!(fixture.issuer.key_requests(), 2);
    // A withdrawn key dies when the keys are asked for again.
    fixture.issuer.publish(&[&new]);
    assert!(principal(&issuers, &with_old).await.is_ok());
    fixture.clock.advance_seconds(300);
    assert_eq!(principal(&issuers, &with_old).await, Err(TokenError::UnknownKey));
    assert_eq!(fixture.issuer.key_requests(), 3);
}

#[tokio::test]
async fn an_issuer_that_does_not_answer_is_bridged_for_an_hour() {
    let key = SigningKey::new("one", Algorithm::ES256);
    let fixture = Fixture::new(&[&key]);
    let issuers = fixture.issuers();
    let token = key.sign(&fixture.claims(json!({"exp": NOW + 100_000})));
    fixture.issuer.fail(true);
    assert!(matches!(
        principal(&issuers, &token).await,
        Err(TokenError::IssuerUnreachable(_))
    ));
    assert_eq!(issuers.warm().await.len(), 1);
    fixture.issuer.fail(false);
    fixture.clock.advance_seconds(10);
    assert!(principal(&issuers, &token).await.is_ok());
    fixture.issuer.fail(true);
    fixture.clock.advance_seconds(3_500);
    assert!(principal(&issuers, &token).await.is_ok());
    fixture.clock.advance_seconds(101);
    assert!(matches!(
        principal(&issuers, &token).await,
        Err(TokenError::IssuerUnreachable(_))
    ));
}

#[tokio::test]
async fn keys_that_are_not_for_us_are_left_out() {
    let key = SigningKey::new("one", Algorithm::ES256);
    let fixture = Fixture::new(&[&key]);
    let token = key.sign(&fixture.claims(json!({})));
    for (name, value) in [
        ("use", json!("enc")),
        ("alg", json!("ES384")),
        ("key_ops", json!(["sign"])),
        ("crv", json!("P-384")),
        ("x", json!("AAAA")),
        ("kty", json!("oct")),
    ] {
        let mut jwk = key.public_jwk();
        jwk[name] = value;
        fixture.issuer.publish_json(&json!({"keys": [7, {"kty": "RSA"}, jwk]}));
        let result = principal(&fixture.issuers(), &token).await;
        assert_eq!(result, Err(TokenError::UnknownKey), "{name}");
    }
    let mut nameless = key.public_jwk();
    nameless.as_object_mut().unwrap().remove("kid");
    fixture.issuer.publish_json(&json!({"keys": [nameless]}));
    assert_eq!(principal(&fixture.issuers(), &token).await, Err(TokenError::UnknownKey));
    let unnamed = key.sign_unnamed(&fixture.claims(json!({})));
    assert!(principal(&fixture.issuers(), &unnamed).await.is_ok());
}

#[tokio::test]
async fn discovery_must_speak_for_the_issuer_and_lead_to_a_safe_place() {
    let key = SigningKey::new("one", Algorithm::ES256);
    let fixture = Fixture::new(&[&key]);
    let token = key.sign(&fixture.claims(json!({})));
    for (issuer, keys, expected) in [
        (
            "https://elsewhere.example".to_owned(),
            fixture.issuer.keys_url(),
            "speaks for another issuer",
        ),
        (
            fixture.issuer.url(),
            "http://192.0.2.1/keys".to_owned(),
            "must be https",
        ),
        (fixture.issuer.url(), "file:///etc/passwd".to_owned(), "must be https"),
    ] {
        fixture.issuer.describe(&json!({"issuer": issuer, "jwks_uri": keys}));
        let error = principal(&fixture.issuers(), &token).await.unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn configurations_that_make_no_sense_are_refused() {
    let clock = Arc::new(ManualClock::at_seconds(NOW));
    let good = IssuerConfig::new("corp", "https://login.example", "durward");
    let check = |configs: Vec<IssuerConfig>, expected: &str| {
        let error = Issuers::new(configs, clock.clone()).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    };
    check(vec![IssuerConfig::new("a|b", "https://x.example", "d")], "an alias has");
    check(
        vec![IssuerConfig::new("database", "https://x.example", "d")],
        "an alias has",
    );
    check(
        vec![IssuerConfig::new("corp", "http://login.example", "d")],
        "must be https",
    );
    check(vec![IssuerConfig::new("corp", "login.example", "d")], "url");
    check(
        vec![IssuerConfig::new("corp", "https://me@login.example", "d")],
        "no query",
    );
    check(vec![IssuerConfig::new("corp", "https://login.example", "")], "audience");
    check(
        vec![good.clone(), IssuerConfig::new("other", "https://login.example/", "d")],
        "twice",
    );
    check(
        vec![good.clone(), IssuerConfig::new("corp", "https://x.example", "d")],
        "twice",
    );
    let unreadable = IssuerConfig {
        ca_file: Some("/nowhere/ca.crt".into()),
        ..good
    };
    check(vec![unreadable], "/nowhere/ca.crt");
}
