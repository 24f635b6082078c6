use super::*;

fn key(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

const LEDGER: [u8; 16] = [0xab; 16];

fn verifier(seed: u8) -> VerifierKey {
    VerifierKey::new(&LEDGER, key(seed).verifying_key())
}

fn head() -> TreeHead {
    TreeHead {
        ledger: LEDGER,
        events: 20_852_163,
        root: [7; 32],
    }
}

/// The form is fixed by the specifications, and Ed25519 signatures are deterministic.
#[test]
fn a_checkpoint_is_this_text() {
    let note = head().sign(&[&key(1)]);
    insta::assert_snapshot!("checkpoint", format!("{}\n\n{note}", verifier(1)));
    assert_eq!(TreeHead::open(&note, &verifier(1)), Ok(head()));
}

/// The example of the `signed-note` specification, with the key that the Go implementation's documentation signs with.
#[test]
fn a_note_of_another_implementation_is_understood() {
    let peter =
        VerifierKey::parse("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW").expect("a key");
    let note = "If you think cryptography is the answer to your problem,\n\
        then you don't know what your problem is.\n\n\
        \u{2014} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";
    assert_eq!(check_signature(note, &peter), Ok(()));
    let changed = note.replace("problem is", "problem was");
    assert_eq!(check_signature(&changed, &peter), Err(NoteError::Signature));
}

#[test]
fn signatures_of_others_are_passed_over() {
    let both = head().sign(&[&key(1), &key(2)]);
    assert_eq!(TreeHead::open(&both, &verifier(1)), Ok(head()));
    assert_eq!(TreeHead::open(&both, &verifier(2)), Ok(head()));
    assert_eq!(TreeHead::open(&both, &verifier(3)), Err(NoteError::OtherKey));
    let elsewhere = VerifierKey::new(&[1; 16], key(1).verifying_key());
    assert_eq!(TreeHead::open(&both, &elsewhere), Err(NoteError::OtherKey));
}

#[test]
fn a_changed_checkpoint_is_not_believed() {
    let note = head().sign(&[&key(1)]);
    for place in 0..note.len() {
        let mut bytes = note.clone().into_bytes();
        bytes[place] ^= 1;
        if let Ok(changed) = String::from_utf8(bytes) {
            assert!(TreeHead::open(&changed, &verifier(1)).is_err(), "byte {place}");
        }
    }
    let extended = note.replacen("\n\n", "\nmore\n\n", 1);
    assert!(TreeHead::open(&extended, &verifier(1)).is_err());
}

#[test]
fn a_key_hands_over_to_the_next() {
    let note = sign_key_change(&key(1), &LEDGER, &verifier(2));
    assert_eq!(open_key_change(&note, &verifier(1)), Ok(verifier(2)));
    assert_eq!(open_key_change(&note, &verifier(2)), Err(NoteError::OtherKey));
    // Neither can be taken for the other.
    assert_eq!(TreeHead::open(&note, &verifier(1)), Err(NoteError::Form));
    assert_eq!(
        open_key_change(&head().sign(&[&key(1)]), &verifier(1)),
        Err(NoteError::Form)
    );
    let forged = sign_key_change(&key(3), &LEDGER, &verifier(2));
    assert_eq!(open_key_change(&forged, &verifier(1)), Err(NoteError::OtherKey));
}
