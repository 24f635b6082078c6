use postgres_protocol::authentication::sasl::{ChannelBinding, ScramSha256};
use proptest::prelude::*;

use super::*;

const NONCE: [u8; NONCE_BYTES] = [7; NONCE_BYTES];

fn salt_of(text: &str) -> ScramSalt {
    serde_json::from_str(&format!("\"{text}\"")).unwrap()
}

/// RFC 7677 section 3.
#[test]
fn the_example_of_the_rfc() {
    let salt = salt_of("W22ZaJ0SNY7soEsUEjb6gQ==");
    let keys = ScramKeys::derive(b"pencil", &salt);
    let server = ScramServer::with_nonce_text(salt, vec![keys], None, "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0".to_owned());
    let (first, challenge) = server
        .begin(SCRAM_SHA_256, b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO")
        .unwrap();
    assert_eq!(
        String::from_utf8(first).unwrap(),
        "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
    );
    let proof = challenge
        .finish(
            b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
              p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
        )
        .unwrap();
    assert_eq!(
        String::from_utf8(proof.server_final).unwrap(),
        "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="
    );
}

/// Runs a whole exchange against the client of `postgres-protocol`.
fn exchange(
    server: ScramServer,
    password: &str,
    mechanism: &str,
    binding: ChannelBinding,
) -> Result<usize, ScramError> {
    let mut client = ScramSha256::new(password.as_bytes(), binding);
    let (first, challenge) = server.begin(mechanism, client.message())?;
    client.update(&first).unwrap();
    let proof = challenge.finish(client.message())?;
    client.finish(&proof.server_final).unwrap();
    Ok(proof.candidate)
}

fn server(passwords: &[&str], end_point: Option<&[u8]>) -> ScramServer {
    let salt = ScramSalt::generate().unwrap();
    let keys = passwords
        .iter()
        .map(|password| ScramKeys::derive(password.as_bytes(), &salt))
        .collect();
    ScramServer::new(salt, keys, end_point, NONCE)
}

#[test]
fn a_right_password_passes_and_says_which_credential_it_was() {
    let run = |password| {
        exchange(
            server(&["one", "two", "three"], None),
            password,
            SCRAM_SHA_256,
            ChannelBinding::unsupported(),
        )
    };
    assert_eq!(run("one"), Ok(0));
    assert_eq!(run("two"), Ok(1));
    assert_eq!(run("three"), Ok(2));
    assert_eq!(run("four"), Err(ScramError::WrongProof));
}

#[test]
fn a_password_is_prepared_as_the_client_prepares_it() {
    // U+00AD is mapped to nothing, U+2168 to IX (RFC 4013 section 3).
    let run = |stored, typed| {
        exchange(
            server(&[stored], None),
            typed,
            SCRAM_SHA_256,
            ChannelBinding::unsupported(),
        )
    };
    assert_eq!(run("IX", "I\u{00AD}X"), Ok(0));
    assert_eq!(run("\u{2168}", "IX"), Ok(0));
    assert_eq!(run("\u{7}", "\u{7}"), Ok(0));
}

#[test]
fn the_channel_is_bound() {
    let run = |mechanism, binding| {
        exchange(
            server(&["secret"], Some(b"our certificate")),
            "secret",
            mechanism,
            binding,
        )
    };
    let ours = || ChannelBinding::tls_server_end_point(b"our certificate".to_vec());
    assert_eq!(run(SCRAM_SHA_256_PLUS, ours()), Ok(0));
    assert_eq!(
        run(
            SCRAM_SHA_256_PLUS,
            ChannelBinding::tls_server_end_point(b"another".to_vec())
        ),
        Err(ScramError::ChannelBindingMismatch)
    );
    assert_eq!(run(SCRAM_SHA_256, ChannelBinding::unsupported()), Ok(0));
    assert_eq!(
        run(SCRAM_SHA_256, ChannelBinding::unrequested()),
        Err(ScramError::Downgraded)
    );
    assert_eq!(
        run(SCRAM_SHA_256, ours()),
        Err(ScramError::Malformed("binding without its mechanism"))
    );
    assert_eq!(
        run(SCRAM_SHA_256_PLUS, ChannelBinding::unsupported()),
        Err(ScramError::Malformed("the mechanism wants a binding"))
    );
}

#[test]
fn outside_tls_no_binding_is_offered_and_y_is_true() {
    assert_eq!(server(&["secret"], None).mechanisms(), [SCRAM_SHA_256]);
    assert_eq!(
        exchange(
            server(&["secret"], None),
            "secret",
            SCRAM_SHA_256,
            ChannelBinding::unrequested()
        ),
        Ok(0)
    );
    assert_eq!(
        exchange(
            server(&["secret"], None),
            "secret",
            SCRAM_SHA_256_PLUS,
            ChannelBinding::unsupported()
        ),
        Err(ScramError::MechanismNotOffered)
    );
}

#[test]
fn a_mock_exchange_looks_real_and_fails() {
    let salt = ScramSalt::mock(b"key", "nobody");
    assert_eq!(salt, ScramSalt::mock(b"key", "nobody"));
    assert_ne!(salt, ScramSalt::mock(b"key", "somebody"));
    assert_ne!(salt, ScramSalt::mock(b"another key", "nobody"));
    let server = ScramServer::new(salt, Vec::new(), None, NONCE);
    assert_eq!(
        exchange(server, "guess", SCRAM_SHA_256, ChannelBinding::unsupported()),
        Err(ScramError::WrongProof)
    );
}

#[test]
fn malformed_first_messages() {
    for message in [
        "",
        "n",
        "n,",
        "n,,",
        "x,,n=,r=abc",
        "p,,n=,r=abc",
        "n,a=admin,n=,r=abc",
        "n,,m=x,n=,r=abc",
        "n,,n=",
        "n,,n=,r=",
        "n,,r=abc,n=",
        "n,,n=,r=a\u{7}c",
        "n,,n=,r=é",
        "n,,n=,r=abc\0",
    ] {
        let result = server(&["secret"], None).begin(SCRAM_SHA_256, message.as_bytes());
        assert!(matches!(result, Err(ScramError::Malformed(_))), "{message:?}");
    }
    let long = format!("n,,n=,r={}", "a".repeat(MESSAGE_BYTES_MAX));
    assert!(server(&["secret"], None).begin(SCRAM_SHA_256, long.as_bytes()).is_err());
    assert!(server(&["secret"], None).begin(SCRAM_SHA_256, b"n,,n=,r=\xff").is_err());
}

#[test]
fn a_replayed_final_message_fails() {
    let salt = ScramSalt::generate().unwrap();
    let keys = || vec![ScramKeys::derive(b"secret", &salt)];
    let mut client = ScramSha256::new(b"secret", ChannelBinding::unsupported());
    let client_first = client.message().to_vec();
    let (first, challenge) = ScramServer::new(salt, keys(), None, [1; NONCE_BYTES])
        .begin(SCRAM_SHA_256, &client_first)
        .unwrap();
    client.update(&first).unwrap();
    assert!(challenge.finish(client.message()).is_ok());
    let (_, again) = ScramServer::new(salt, keys(), None, [2; NONCE_BYTES])
        .begin(SCRAM_SHA_256, &client_first)
        .unwrap();
    assert_eq!(again.finish(client.message()).unwrap_err(), ScramError::NonceMismatch);
}

#[test]
fn debug_output_shows_no_key() {
    let salt = ScramSalt::generate().unwrap();
    let keys = ScramKeys::derive(b"secret", &salt);
    let stored = STANDARD.encode(keys.stored_key);
    let text = format!("{keys:?} {:?}", ScramServer::new(salt, vec![keys.clone()], None, NONCE));
    assert!(!text.contains(&stored) && text.contains("redacted"));
}

proptest! {
    #[test]
    fn any_bytes_are_refused_or_read_never_a_panic(initial: Vec<u8>, last: Vec<u8>) {
        if let Ok((_, challenge)) = server(&[], None).begin(SCRAM_SHA_256, &initial) {
            prop_assert!(challenge.finish(&last).is_err());
        }
        let (_, challenge) = server(&[], None).begin(SCRAM_SHA_256, b"n,,n=,r=abc").unwrap();
        prop_assert!(challenge.finish(&last).is_err());
    }
}
