//! Who is asked, and who may answer: owners, whoever is on call, and two people at high risk.
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a test: whatever fails here says why and ends it"
)]

use std::sync::Arc;

use durward_change::{
    Access, Answer, Approver, Asked, Desk, DeskError, Escalation, FileStore, Manner, MemoryStore, NoRecorder, Outlook,
    OwnerRule, Party, Request, RequestId, Rota, Routing, State, Step, Touched, example,
};

fn routing() -> Routing {
    let rule = |of: &str, parties: &str| OwnerRule {
        of: of.parse().expect("a pattern"),
        parties: Party::list(parties).expect("somebody"),
    };
    Routing {
        owners: [(
            "shop".to_owned(),
            vec![
                rule("public.payments", "finance|identity:carol"),
                rule("hr", "hr"),
                rule("public", "dba"),
            ],
        )]
        .into(),
        rota: Rota::of(["oncall"]).expect("a rota"),
        escalation: Some(Escalation {
            after_seconds: 900,
            to: Vec::new(),
        }),
        ..Routing::default()
    }
}

fn desk(routing: Routing) -> Desk {
    let desk = Desk::open(MemoryStore::default(), NoRecorder).expect("it opens");
    desk.routed(routing, 0).expect("it is kept")
}

fn asked(changes: &[&str]) -> Asked {
    let mut asked = example();
    asked.touched.changes = changes.iter().map(|name| (*name).to_owned()).collect();
    asked.touched.command = "UPDATE".into();
    asked.shape = Some("00".to_owned());
    asked
}

fn present(desk: &Desk, asked: &Asked, now: i64) -> Request {
    match desk.present(asked, Manner::Parked, now).expect("an answer") {
        Answer::Pending(request) => *request,
        other => panic!("{other:?}"),
    }
}

fn of(name: &str, groups: &[&str]) -> Approver {
    Approver {
        groups: groups.iter().map(|group| Arc::from(*group)).collect(),
        ..Approver::named(name)
    }
}

fn through(approver: Approver, account: &str) -> Approver {
    Approver {
        account: Some(account.to_owned()),
        ..approver
    }
}

fn refused(desk: &Desk, id: RequestId, approver: &Approver, now: i64) -> String {
    let error = desk.approve(id, approver, None, now).expect_err("it is refused");
    assert_eq!(desk.get(id).expect("it is there").state, State::Pending);
    error.to_string()
}

#[test]
fn owners_decide_and_nobody_else() {
    let desk = desk(routing());
    let request = present(&desk, &asked(&["public.payments"]), 0);
    let said = refused(&desk, request.id, &of("dave", &["dba", "oncall", "hr"]), 1);
    assert_eq!(said, "c1 is asked of finance or carol, for public.payments");
    // An owner's own change is still somebody else's to approve.
    refused(&desk, request.id, &of("alice", &["finance"]), 1);
    let after = desk
        .approve(request.id, &of("carol", &[]), None, 2)
        .expect("she is one");
    assert_eq!(after.state, State::Approved);
    // What nobody owns is asked of who is on call.
    let mut unowned = asked(&["elsewhere.t"]);
    unowned.digest = "01".to_owned();
    let request = present(&desk, &unowned, 3);
    assert!(refused(&desk, request.id, &of("dave", &["dba"]), 4).contains("oncall, on call"));
    desk.approve(request.id, &of("erin", &["oncall"]), None, 5)
        .expect("she is on call");
}

#[test]
fn one_of_each_owner_is_needed_whatever_the_count() {
    let desk = desk(routing());
    let request = present(&desk, &asked(&["public.payments", "hr.salaries"]), 0);
    assert_eq!(request.asked.terms.count, 1);
    let after = desk
        .approve(request.id, &of("bob", &["finance"]), None, 1)
        .expect("he is one");
    assert_eq!(after.state, State::Pending, "hr hasn't been heard");
    refused(&desk, request.id, &of("bob", &["finance"]), 2);
    let after = desk
        .approve(request.id, &of("fred", &["finance"]), None, 3)
        .expect("he is one");
    assert_eq!(after.state, State::Pending, "more of finance are no hr");
    let after = desk
        .approve(request.id, &of("hanna", &["hr"]), None, 4)
        .expect("she is one");
    assert_eq!(after.state, State::Approved);
}

#[test]
fn groups_of_policy_hold_beside_owners() {
    let desk = desk(routing());
    let mut asked = asked(&["public.payments"]);
    asked.terms.groups = vec![vec!["seniors".into()]];
    let request = present(&desk, &asked, 0);
    assert!(refused(&desk, request.id, &of("bob", &["finance"]), 1).contains("seniors"));
    assert!(refused(&desk, request.id, &of("eve", &["seniors"]), 1).contains("finance"));
    desk.approve(request.id, &of("sam", &["seniors", "finance"]), None, 2)
        .expect("both");
}

#[test]
fn whoever_is_asked_says_no_and_whoever_asked_takes_it_back() {
    let desk = desk(routing());
    let pending = |digest: &str, change: &dyn Fn(&mut Asked)| {
        let mut asked = asked(&["public.payments"]);
        asked.digest = digest.to_owned();
        change(&mut asked);
        present(&desk, &asked, 0).id
    };
    let request = pending("01", &|_| {});
    let no = |id, by: &Approver, now| match desk.reject(id, by, None, now) {
        Ok(request) => Ok(request.state),
        Err(error) => Err(error),
    };
    // Neither those who own something else, nor groups of policy that nobody was asked for.
    for stranger in [of("hanna", &["hr"]), of("erin", &["oncall"]), of("unix:root", &[])] {
        assert!(matches!(no(request, &stranger, 1), Err(DeskError::NotAsked { .. })));
        assert!(matches!(
            desk.withdraw(request, &stranger, None, 1),
            Err(DeskError::NotOwn(_))
        ));
    }
    // Whoever asked would let a rejection stand in everybody's way.
    for own in [
        of("alice", &["finance"]),
        through(of("bob", &["finance"]), "unix:alice"),
    ] {
        assert!(matches!(no(request, &own, 2), Err(DeskError::OwnRejected(_))));
        assert!(desk.may_reject(request, &own, 2).is_err() && desk.may_withdraw(request, &own, 2).is_ok());
    }
    assert_eq!(desk.get(request).expect("it is there").state, State::Pending);
    let by = through(of("carol", &[]), "web login by pw-1");
    assert_eq!(no(request, &by, 3).expect("she is asked"), State::Rejected);
    let ending = desk.get(request).and_then(|request| request.ending).expect("it ended");
    assert_eq!(ending.account.as_deref(), Some("web login by pw-1"));
    // An owner's no counts where a group of policy is needed for a yes; where nobody owns it, the group's does.
    let seniors = |asked: &mut Asked| asked.terms.groups = vec![vec!["seniors".into()]];
    let owned = pending("02", &seniors);
    assert!(no(owned, &of("eve", &["seniors"]), 4).is_err());
    assert_eq!(
        no(owned, &of("bob", &["finance"]), 4).expect("he owns it"),
        State::Rejected
    );
    let unrouted = Desk::open(MemoryStore::default(), NoRecorder).expect("it opens");
    let mut unowned = asked(&["public.payments"]);
    seniors(&mut unowned);
    let unowned = present(&unrouted, &unowned, 0).id;
    assert!(matches!(
        unrouted.reject(unowned, &of("bob", &["finance"]), None, 1),
        Err(DeskError::NotInGroup { .. })
    ));
    assert!(unrouted.reject(unowned, &of("eve", &["seniors"]), None, 1).is_ok());
    // Whoever stands in for owners says no once they are asked.
    let late = pending("03", &|_| {});
    assert!(no(late, &of("erin", &["oncall"]), 903).is_err());
    assert_eq!(
        no(late, &of("erin", &["oncall"]), 904).expect("asked now"),
        State::Rejected
    );
    // What is taken back can be asked again at once, and what is decided isn't taken back.
    let mine = pending("04", &|_| {});
    let withdrawn = desk
        .withdraw(mine, &of("alice", &[]), Some("a typo"), 5)
        .expect("her own");
    assert_eq!(withdrawn.state, State::Withdrawn);
    let again = pending("04", &|_| {});
    assert_ne!(again, mine);
    desk.approve(again, &of("carol", &[]), None, 6).expect("she is one");
    assert!(matches!(
        desk.withdraw(again, &of("alice", &[]), None, 7),
        Err(DeskError::TooLate { .. })
    ));
}

#[test]
fn what_nobody_decides_is_asked_of_others_too_once() {
    let desk = desk(routing());
    let request = present(&desk, &asked(&["public.payments", "hr.salaries"]), 0);
    let erin = of("erin", &["oncall"]);
    assert_eq!(request.addressed.escalates_at, Some(900));
    desk.sweep(899).expect("it is kept");
    refused(&desk, request.id, &erin, 899);
    let before = desk.get(request.id).expect("it is there").version();
    desk.sweep(900).expect("it is kept");
    let escalated = desk.get(request.id).expect("it is there");
    assert_ne!(escalated.version(), before, "whoever listens hears of it");
    assert_eq!(
        escalated.addressed.escalated.as_ref().map(|escalated| escalated.at),
        Some(900)
    );
    desk.sweep(901).expect("it is kept");
    assert_eq!(desk.get(request.id).expect("it is there"), escalated, "once");
    // Owners are asked as before; whoever is on call speaks for all of them.
    let after = desk
        .approve(request.id, &of("bob", &["finance"]), None, 902)
        .expect("he is one");
    assert_eq!(after.state, State::Pending);
    let after = desk.approve(request.id, &erin, None, 903).expect("she is asked now");
    assert_eq!(after.state, State::Approved);
    // A short request escalates in the middle of its time, and what has ended doesn't.
    let mut short = asked(&["hr.salaries"]);
    short.digest = "01".to_owned();
    short.terms.expires_seconds = 600;
    let request = present(&desk, &short, 1_000);
    assert_eq!(request.addressed.escalates_at, Some(1_300));
    desk.reject(request.id, &of("hanna", &["hr"]), None, 1_100)
        .expect("she says no");
    desk.sweep(1_400).expect("it is kept");
    assert!(desk.get(request.id).expect("it is there").addressed.escalated.is_none());
}

#[test]
fn high_risk_takes_two_who_are_others() {
    let desk = desk(Routing::default());
    let mut asked = asked(&["public.orders"]);
    asked.touched.hazards = vec!["drop public.orders".to_owned()];
    let request = present(&desk, &asked, 0);
    assert_eq!((request.risk.len(), request.asked.terms.count), (1, 2));
    for own in [
        of("alice", &[]),
        of("unix:alice", &[]),
        through(of("bob", &[]), "unix:alice"),
    ] {
        refused(&desk, request.id, &own, 1);
    }
    // Nor does the only person there is confirm it.
    let alone = Approver {
        is_only_one: true,
        confirms: true,
        ..of("alice", &[])
    };
    assert!(matches!(
        desk.approve(request.id, &alone, None, 1),
        Err(DeskError::TakesOthers(_))
    ));
    desk.approve(request.id, &through(of("bob", &[]), "unix:ops"), None, 2)
        .expect("one");
    for same in [
        through(of("bob", &[]), "web login by pw-1"),
        through(of("carol", &[]), "unix:ops"),
        of("ops", &[]),
        of("unix:bob", &[]),
    ] {
        refused(&desk, request.id, &same, 3);
    }
    let after = desk.approve(request.id, &through(of("carol", &[]), "web login by pw-2"), None, 4);
    assert_eq!(after.expect("another").state, State::Approved);
    // Terms of a policy don't stand for people who look.
    let Ok(Answer::Pending(request)) = desk.present_approved(
        &Asked {
            digest: "01".to_owned(),
            ..asked.clone()
        },
        "small",
        5,
    ) else {
        panic!("it runs without anybody");
    };
    assert_eq!(request.state, State::Pending);
    // Access to everything in clear is of high risk too.
    let access = Access {
        relations: None,
        schemas: Vec::new(),
        labels: vec!["all".to_owned()],
        classes: vec!["read".to_owned()],
        seconds: 60,
    };
    let wish = Asked {
        digest: "02".to_owned(),
        access: Some(access),
        ..example()
    };
    let id = desk.submit(&wish, 6).expect("it is kept").id;
    desk.approve(id, &of("bob", &[]), None, 7).expect("one");
    assert!(desk.given_access(8).is_empty(), "one is not enough");
    desk.approve(id, &of("carol", &[]), None, 9).expect("another");
    assert_eq!(desk.given_access(10).len(), 1);
}

#[test]
fn a_change_set_reaches_no_further_than_who_was_asked() {
    let desk = desk(routing());
    let step = Step {
        text: "CREATE TABLE t ();".to_owned(),
        tokens: "CREATE TABLE t ( )".to_owned(),
        outlook: Outlook::Unknown,
        rules: Vec::new(),
        changes: None,
        bodies: String::new(),
    };
    let mut set = asked(&["public.t"]);
    set.steps = vec![step];
    set.touched.command = "a change set".into();
    let set = desk.submit(&set, 0).expect("it is kept");
    let touching = |changes: &[&str], reads: &[&str], hazards: &[&str]| {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Touched {
            command: "UPDATE".into(),
            changes: names(changes),
            reads: names(reads),
            hazards: names(hazards),
            ..Touched::default()
        }
    };
    for (touched, foreseen) in [
        (touching(&["public.t"], &[], &[]), true),
        (touching(&["public.other"], &["pg_catalog.pg_class"], &[]), true),
        (touching(&["pg_temp_3.t"], &[], &[]), true),
        // Text that its approvers couldn't judge reads what others own, or loses data.
        (touching(&["public.t"], &["hr.salaries"], &[]), false),
        (touching(&["public.payments"], &[], &[]), false),
        (touching(&["public.t"], &[], &["drop public.t"]), false),
    ] {
        assert_eq!(desk.foresaw(&set, &touched), foreseen, "{touched:?}");
    }
}

#[test]
fn another_configuration_asks_anew_and_leaves_what_was_decided() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("requests");
    let open = |routing: Routing, now| {
        let desk = Desk::open(FileStore::open(&path).expect("a file"), NoRecorder).expect("it opens");
        desk.routed(routing, now).expect("it is kept")
    };
    let desk = open(Routing::default(), 0);
    let waiting = present(&desk, &asked(&["hr.salaries"]), 1).id;
    let mut other = asked(&["hr.salaries"]);
    other.digest = "01".to_owned();
    let approved = present(&desk, &other, 1).id;
    desk.approve(approved, &of("bob", &[]), None, 2).expect("anybody may");
    drop(desk);
    let desk = open(routing(), 3);
    assert_eq!(desk.get(waiting).expect("it is there").state, State::Superseded);
    assert_eq!(desk.get(approved).expect("it is there").state, State::Approved);
    let again = present(&desk, &asked(&["hr.salaries"]), 4).id;
    assert_ne!(again, waiting);
    drop(desk);
    let desk = open(routing(), 5);
    assert_eq!(
        desk.get(again).expect("it is there").state,
        State::Pending,
        "nothing has changed"
    );
}
