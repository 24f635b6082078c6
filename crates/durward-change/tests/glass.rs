//! What runs without an approval: once for each time that somebody says why, and marked until somebody else has looked.

use durward_change::{Answer, Approver, Desk, DeskError, FileStore, Manner, NoRecorder, State, example};

#[test]
fn what_ran_without_an_approval_is_marked_until_somebody_else_has_looked() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("requests");
    let open = || Desk::open(FileStore::open(&path).expect("a file"), NoRecorder).expect("it opens");
    let asked = example();
    let desk = open();
    let Ok(Answer::Pending(waits)) = desk.present(&asked, Manner::Parked, 10) else {
        panic!("nobody has approved it");
    };
    let Ok(Answer::Granted(grant)) = desk.break_glass(&asked, 20) else {
        panic!("it runs");
    };
    let id = grant.request().id;
    assert_eq!(id, waits.id, "what waits is what ran");
    assert_eq!(grant.request().state, State::BreakGlass);
    // It is spent: nobody can approve it any more, and the same again is asked for anew, or breaks the glass anew.
    let bob = Approver::named("bob");
    assert!(matches!(
        desk.approve(id, &bob, None, 21),
        Err(DeskError::TooLate { .. })
    ));
    let Ok(Answer::Pending(again)) = desk.present(&asked, Manner::Parked, 22) else {
        panic!("nobody has approved it");
    };
    assert_ne!(again.id, id);
    assert!(matches!(
        desk.review(again.id, &bob, None, 23),
        Err(DeskError::TooLate { .. })
    ));
    drop(desk);
    // Neither time nor a restart takes the mark off.
    let desk = open();
    desk.sweep(10_000_000).expect("it is kept");
    assert_eq!(desk.get(id).expect("it is there").state, State::BreakGlass);
    let alice = Approver::named("alice");
    assert!(matches!(
        desk.review(id, &alice, None, 10_000_001),
        Err(DeskError::Own(_))
    ));
    let alone = Approver {
        is_only_one: true,
        ..alice
    };
    assert!(matches!(
        desk.review(id, &alone, None, 10_000_001),
        Err(DeskError::OwnUnconfirmed(_))
    ));
    desk.review(id, &bob, Some("as she said"), 10_000_002).expect("he may");
    assert!(matches!(
        desk.review(id, &bob, None, 10_000_003),
        Err(DeskError::TooLate { .. })
    ));
    drop(desk);
    let reviewed = open().get(id).expect("it is there");
    assert_eq!(reviewed.state, State::Reviewed);
    assert_eq!(
        reviewed.review.map(|review| (review.by, review.self_confirmed)),
        Some(("bob".to_owned(), false))
    );
}

#[test]
fn a_decision_that_stands_is_not_overruled() {
    let desk = Desk::open(durward_change::MemoryStore::default(), NoRecorder).expect("it opens");
    let asked = example();
    let bob = Approver::named("bob");
    let Ok(Answer::Pending(request)) = desk.present(&asked, Manner::Parked, 0) else {
        panic!("nobody has approved it");
    };
    desk.reject(request.id, &bob, Some("no"), 1).expect("it is pending");
    assert!(matches!(desk.break_glass(&asked, 2), Ok(Answer::Rejected(_))));
    // What is approved is spent as ever, and needs no review.
    let later = 10_000;
    let Ok(Answer::Pending(request)) = desk.present(&asked, Manner::Parked, later) else {
        panic!("nobody has approved it");
    };
    desk.approve(request.id, &bob, None, later).expect("it is pending");
    let Ok(Answer::Granted(grant)) = desk.break_glass(&asked, later + 1) else {
        panic!("it is approved");
    };
    assert_eq!(grant.request().state, State::Used);
}
