use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use super::*;
use crate::clock::manual::ManualClock;

struct Fixture {
    directory: Arc<Directory>,
    clock: Arc<ManualClock>,
    data_dir: tempfile::TempDir,
}

fn new(name: &str, kind: PrincipalKind, acts_for: Option<&str>) -> NewIdentity {
    NewIdentity {
        name: name.to_owned(),
        kind,
        groups: vec![format!("{name}-group")],
        acts_for: acts_for.map(str::to_owned),
    }
}

fn fixture() -> Fixture {
    let data_dir = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::at_seconds(1_000_000));
    let directory = Directory::open(data_dir.path(), clock.clone()).unwrap();
    directory.add(new("ada", PrincipalKind::Person, None)).unwrap();
    directory.add(new("claude", PrincipalKind::Agent, Some("ada"))).unwrap();
    Fixture {
        directory,
        clock,
        data_dir,
    }
}

/// What a password opens, in one word.
fn opens(directory: &Directory, user: &str, password: &IssuedPassword, database: &str) -> &'static str {
    let Some(found) = directory.find(user) else {
        return "unknown";
    };
    let Some(keys) = found
        .keys
        .iter()
        .find(|keys| keys.matches(password.expose().as_bytes(), &found.salt))
    else {
        return "wrong";
    };
    match directory.credential_state(user, keys, database) {
        CredentialState::Valid { .. } => "valid",
        CredentialState::Expired => "expired",
        CredentialState::Revoked => "revoked",
        CredentialState::OtherDatabase => "other database",
        CredentialState::Gone => "gone",
    }
}

#[test]
fn a_password_opens_its_database_until_it_ends() {
    let fixture = fixture();
    let Fixture { directory, clock, .. } = &fixture;
    let (_, password) = directory.issue_password("ada", &["shop", "crm"], 60).unwrap();
    let (_, another) = directory.issue_password("ada", &["shop"], 600).unwrap();
    assert_eq!(opens(directory, "ada", &password, "shop"), "valid");
    assert_eq!(opens(directory, "ada", &password, "crm"), "valid");
    assert_eq!(opens(directory, "ada", &password, "payroll"), "other database");
    assert_eq!(opens(directory, "claude", &password, "shop"), "wrong");
    assert_eq!(opens(directory, "nobody", &password, "shop"), "unknown");
    clock.advance_seconds(60);
    assert_eq!(opens(directory, "ada", &password, "shop"), "expired");
    assert_eq!(opens(directory, "ada", &another, "shop"), "valid");
}

#[test]
fn an_agent_carries_the_person_behind_it() {
    let fixture = fixture();
    let Fixture { directory, .. } = &fixture;
    let principal = directory.principal("claude").unwrap();
    assert_eq!(principal.to_string(), "claude for ada");
    assert_eq!(principal.kind(), PrincipalKind::Agent);
    assert_eq!(principal.groups, ["claude-group".into()]);
    assert_eq!(principal.subject_groups, ["ada-group".into()]);
}

#[test]
fn revoking_the_person_ends_the_agent_too() {
    let fixture = fixture();
    let Fixture { directory, .. } = &fixture;
    let (credential, password) = directory.issue_password("claude", &["shop"], 60).unwrap();
    let mut principal = directory.principal("claude").unwrap();
    principal.credential = credential;
    assert!(directory.stands(&principal));
    let before = directory.generation();
    directory.revoke("ada").unwrap();
    assert_ne!(directory.generation(), before);
    assert!(!directory.stands(&principal));
    assert_eq!(opens(directory, "claude", &password, "shop"), "revoked");
    directory.reinstate("ada").unwrap();
    assert!(directory.stands(&principal));
}

#[test]
fn revoking_one_password_leaves_the_other() {
    let fixture = fixture();
    let Fixture { directory, .. } = &fixture;
    let (first, password) = directory.issue_password("ada", &["shop"], 60).unwrap();
    let (_, another) = directory.issue_password("ada", &["shop"], 60).unwrap();
    directory.revoke_credential(&first).unwrap();
    assert_eq!(opens(directory, "ada", &password, "shop"), "revoked");
    assert_eq!(opens(directory, "ada", &another, "shop"), "valid");
}

#[test]
fn what_another_process_changes_is_seen_after_a_refresh() {
    let fixture = fixture();
    let Fixture {
        directory,
        clock,
        data_dir,
    } = &fixture;
    let other = Directory::open(data_dir.path(), clock.clone()).unwrap();
    assert!(!directory.refresh().unwrap());
    let generation = directory.generation();
    other.revoke("ada").unwrap();
    assert!(directory.refresh().unwrap());
    assert_ne!(directory.generation(), generation);
    assert!(directory.principal("ada").is_none());
    // Neither loses what the other wrote.
    directory.add(new("grace", PrincipalKind::Operator, None)).unwrap();
    other.add(new("billing", PrincipalKind::Service, None)).unwrap();
    directory.refresh().unwrap();
    let names: Vec<_> = directory
        .list()
        .into_iter()
        .map(|identity| identity.name.to_string())
        .collect();
    assert_eq!(names, ["ada", "billing", "claude", "grace"]);
}

#[test]
fn a_broken_file_leaves_the_last_version_in_force() {
    let fixture = fixture();
    let Fixture {
        directory, data_dir, ..
    } = &fixture;
    let path = data_dir.path().join("identities.json");
    fs::write(&path, "{").unwrap();
    assert!(matches!(directory.refresh(), Err(DirectoryError::Unreadable { .. })));
    assert!(directory.principal("ada").is_some());
    assert!(directory.revoke("ada").is_err());
}

#[test]
fn the_file_is_private_and_holds_no_password() {
    let fixture = fixture();
    let Fixture {
        directory,
        data_dir,
        clock,
    } = &fixture;
    let (_, password) = directory.issue_password("ada", &["shop"], 60).unwrap();
    let path = data_dir.path().join("identities.json");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(!fs::read_to_string(&path).unwrap().contains(password.expose()));
    assert!(!format!("{directory:?}").contains(password.expose()));
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    let error = Directory::open(data_dir.path(), clock.clone()).unwrap_err();
    assert!(matches!(error, DirectoryError::Readable { .. }), "{error}");
}

#[test]
fn names_and_kinds_that_make_no_sense_are_refused() {
    let fixture = fixture();
    let Fixture { directory, .. } = &fixture;
    let check = |name: &str, kind, acts_for, expected: &str| {
        let error = directory.add(new(name, kind, acts_for)).unwrap_err().to_string();
        assert!(error.contains(expected), "{name}: {error}");
    };
    check("", PrincipalKind::Person, None, "can't be a name");
    check("-ada", PrincipalKind::Person, None, "can't be a name");
    check("corp|ada", PrincipalKind::Person, None, "can't be a name");
    check("ad\na", PrincipalKind::Person, None, "can't be a name");
    check(&"a".repeat(64), PrincipalKind::Person, None, "can't be a name");
    check("ada", PrincipalKind::Person, None, "exists already");
    check("bot", PrincipalKind::Agent, None, "needs a person");
    check("bot", PrincipalKind::Agent, Some("nobody"), "doesn't exist");
    check("bot", PrincipalKind::Agent, Some("claude"), "acts for a person");
    check("bot", PrincipalKind::Service, Some("ada"), "only an agent");
    check("bot", PrincipalKind::Passthrough, None, "belong to the database");
    directory
        .add(new("bot", PrincipalKind::Agent, Some("corp|ada@example.com")))
        .unwrap();
    assert_eq!(
        directory.principal("bot").unwrap().to_string(),
        "bot for corp|ada@example.com"
    );
    directory.revoke("corp|ada@example.com").unwrap();
    assert!(directory.principal("bot").is_none());
}

#[test]
fn passwords_of_one_identity_are_bounded_and_ended_ones_make_room() {
    let fixture = fixture();
    let Fixture { directory, clock, .. } = &fixture;
    for _ in 0..CREDENTIALS_PER_IDENTITY_MAX {
        directory.issue_password("ada", &["shop"], 60).unwrap();
    }
    assert!(directory.issue_password("ada", &["shop"], 60).is_err());
    clock.advance_seconds(61);
    directory.issue_password("ada", &["shop"], 60).unwrap();
    assert_eq!(directory.list()[0].credentials.len(), 1);
    assert!(directory.issue_password("ada", &[], 60).is_err());
    directory.revoke("ada").unwrap();
    assert!(matches!(
        directory.issue_password("ada", &["shop"], 60),
        Err(DirectoryError::Revoked(_))
    ));
}
