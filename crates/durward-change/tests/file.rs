//! The journal on a real disk.

use std::fs;

use durward_change::{Answer, Approver, Desk, FileStore, Manner, NoRecorder, State, example};

#[test]
fn requests_survive_and_an_approval_is_spent_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("requests");
    let open = || Desk::open(FileStore::open(&path).expect("a file"), NoRecorder).expect("it opens");
    let asked = example();
    let desk = open();
    let Answer::Pending(request) = desk.present(&asked, Manner::Parked, 10).expect("it is kept") else {
        panic!("nobody has approved it");
    };
    drop(desk);
    open()
        .approve(request.id, &Approver::named("bob"), Some("for the release"), 20)
        .expect("it is pending");
    assert_eq!(open().get(request.id).expect("it is kept").state, State::Approved);
    assert!(matches!(
        open().present(&asked, Manner::Parked, 30).expect("it is kept"),
        Answer::Granted(_)
    ));
    let Answer::Pending(second) = open().present(&asked, Manner::Parked, 40).expect("it is kept") else {
        panic!("the approval was spent");
    };
    assert_ne!(second.id, request.id);
}

#[test]
fn a_torn_last_entry_never_counted_and_damage_before_it_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("requests");
    let open =
        || FileStore::open(&path).and_then(|store| Desk::open(store, NoRecorder).map_err(|error| panic!("{error}")));
    let asked = example();
    let desk = open().expect("it opens");
    let Answer::Pending(request) = desk.present(&asked, Manner::Parked, 10).expect("it is kept") else {
        panic!("nobody has approved it");
    };
    desk.approve(request.id, &Approver::named("bob"), None, 20)
        .expect("it is pending");
    drop(desk);
    let whole = fs::read(&path).expect("a file");
    for cut in 1..40 {
        fs::write(&path, &whole[..whole.len() - cut]).expect("a file");
        let desk = open().expect("it opens");
        assert_eq!(
            desk.get(request.id).expect("it is kept").state,
            State::Pending,
            "cut {cut}"
        );
    }
    let mut damaged = whole.clone();
    damaged[12] ^= 1;
    fs::write(&path, &damaged).expect("a file");
    let store = FileStore::open(&path).expect("a file");
    assert!(Desk::open(store, NoRecorder).is_err());
}
