use durward_model::{Assurance, CredentialId, PrincipalKind, sqlstate};
use postgres_protocol::authentication::sasl::{ChannelBinding, ScramSha256};

use super::*;
use crate::clock::manual::ManualClock;
use crate::directory::NewIdentity;
use crate::jwt::IssuerConfig;
use crate::password::IssuedPassword;
use crate::scram::{SCRAM_SHA_256, SCRAM_SHA_256_PLUS, ScramError};

struct Fixture {
    desk: LoginDesk,
    clock: Arc<ManualClock>,
    password: IssuedPassword,
    _data_dir: tempfile::TempDir,
}

fn fixture(issuers: Vec<IssuerConfig>, options: DeskOptions) -> Fixture {
    let data_dir = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::at_seconds(1_000_000));
    let directory = Directory::open(data_dir.path(), clock.clone()).unwrap();
    let ada = NewIdentity {
        name: "ada".to_owned(),
        kind: PrincipalKind::Person,
        groups: Vec::new(),
        acts_for: None,
    };
    directory.add(ada).unwrap();
    let (_, password) = directory.issue_password("ada", &["shop"], 600).unwrap();
    let issuers = Arc::new(Issuers::new(issuers, clock.clone()).unwrap());
    Fixture {
        desk: LoginDesk::new(directory, issuers, options),
        clock,
        password,
        _data_dir: data_dir,
    }
}

const TLS: Transport<'_> = Transport::Tls {
    server_end_point: Some(b"certificate"),
};

fn request<'a>(user: &'a str, database: &'a str, passthrough_allowed: bool) -> LoginRequest<'a> {
    LoginRequest {
        user,
        database,
        client_address: Some(IpAddr::from([192, 0, 2, 1])),
        transport: TLS,
        passthrough_allowed,
    }
}

fn scram(desk: &LoginDesk, user: &str, database: &str, password: &str) -> Result<Login, LoginFailure> {
    let LoginPlan::Scram(login) = desk.plan(&request(user, database, false)) else {
        panic!("expected SCRAM");
    };
    assert_eq!(login.mechanisms(), [SCRAM_SHA_256_PLUS, SCRAM_SHA_256]);
    let binding = ChannelBinding::tls_server_end_point(b"certificate".to_vec());
    let mut client = ScramSha256::new(password.as_bytes(), binding);
    let (first, challenge) = login.begin(SCRAM_SHA_256_PLUS, client.message())?;
    client.update(&first).unwrap();
    let (last, login) = challenge.finish(client.message())?;
    client.finish(&last).unwrap();
    Ok(login)
}

async fn cleartext(desk: &LoginDesk, request: &LoginRequest<'_>, password: &str) -> Result<Login, LoginFailure> {
    let LoginPlan::Cleartext(login) = desk.plan(request) else {
        panic!("expected a cleartext password");
    };
    login.verify(password.as_bytes()).await
}

#[test]
fn a_local_identity_logs_in_and_stands_until_its_password_ends() {
    let fixture = fixture(Vec::new(), DeskOptions::default());
    let Fixture {
        desk, clock, password, ..
    } = &fixture;
    let mut login = scram(desk, "ada", "shop", password.expose()).unwrap();
    assert_eq!(&*login.principal.subject.name, "ada");
    assert!(matches!(login.upstream, UpstreamLogin::Configured));
    login.standing.check().unwrap();
    clock.advance_seconds(600);
    assert_eq!(
        &*login.standing.check().unwrap_err().sqlstate,
        sqlstate::IDENTITY_INVALID
    );
    let failure = scram(desk, "ada", "shop", password.expose()).unwrap_err();
    assert_eq!(failure.reason, FailureReason::PasswordExpired);
}

#[test]
fn revoking_bites_on_the_next_statement() {
    let fixture = fixture(Vec::new(), DeskOptions::default());
    let Fixture { desk, password, .. } = &fixture;
    let mut login = scram(desk, "ada", "shop", password.expose()).unwrap();
    desk.directory()
        .revoke_credential(&CredentialId("another".into()))
        .unwrap();
    login.standing.check().unwrap();
    desk.directory().revoke("ada").unwrap();
    assert_eq!(&*login.standing.check().unwrap_err().rule, "identity-revoked");
    assert!(login.standing.check().is_err());
    let failure = scram(desk, "ada", "shop", password.expose()).unwrap_err();
    assert_eq!(failure.reason, FailureReason::Revoked);
}

#[test]
fn an_unknown_user_and_a_wrong_password_look_the_same() {
    let fixture = fixture(Vec::new(), DeskOptions::default());
    let Fixture { desk, .. } = &fixture;
    let wrong = scram(desk, "ada", "shop", "guess").unwrap_err();
    let unknown = scram(desk, "bob", "shop", "guess").unwrap_err();
    assert_eq!(wrong.reason, FailureReason::WrongPassword);
    assert_eq!(unknown.reason, FailureReason::UnknownUser);
    assert_eq!(wrong.refusal.message.replace("ada", "bob"), *unknown.refusal.message);
    assert_eq!(wrong.refusal.hint, unknown.refusal.hint);
    assert_eq!(&*wrong.refusal.sqlstate, sqlstate::INVALID_PASSWORD);
}

#[test]
fn a_password_for_another_database_says_so_to_its_owner() {
    let fixture = fixture(Vec::new(), DeskOptions::default());
    let Fixture { desk, password, .. } = &fixture;
    let failure = scram(desk, "ada", "payroll", password.expose()).unwrap_err();
    assert_eq!(failure.reason, FailureReason::OtherDatabase);
    assert!(failure.refusal.hint.unwrap().contains("another database"));
}

#[test]
fn guessing_is_slowed_down() {
    let fixture = fixture(Vec::new(), DeskOptions::default());
    let Fixture {
        desk, clock, password, ..
    } = &fixture;
    for _ in 0..20 {
        scram(desk, "ada", "shop", "guess").unwrap_err();
    }
    let LoginPlan::Refuse(failure) = desk.plan(&request("ada", "shop", false)) else {
        panic!("expected a refusal");
    };
    assert_eq!(&*failure.refusal.sqlstate, sqlstate::TOO_MANY_CONNECTIONS);
    clock.advance_seconds(3);
    scram(desk, "ada", "shop", password.expose()).unwrap();
}

#[test]
fn a_removed_offer_of_channel_binding_is_refused() {
    let fixture = fixture(Vec::new(), DeskOptions::default());
    let Fixture { desk, password, .. } = &fixture;
    let LoginPlan::Scram(login) = desk.plan(&request("ada", "shop", false)) else {
        panic!("expected SCRAM");
    };
    let client = ScramSha256::new(password.expose().as_bytes(), ChannelBinding::unrequested());
    let failure = login.begin(SCRAM_SHA_256, client.message()).unwrap_err();
    assert_eq!(failure.reason, FailureReason::Scram(ScramError::Downgraded));
}

#[tokio::test]
async fn the_databases_own_accounts_pass_through_with_weak_assurance() {
    let fixture = fixture(Vec::new(), DeskOptions::default());
    let Fixture { desk, .. } = &fixture;
    let mut login = cleartext(desk, &request("app", "shop", true), "s3cret").await.unwrap();
    assert_eq!(&*login.principal.subject.name, "database|app");
    assert_eq!(login.principal.kind(), PrincipalKind::Passthrough);
    assert_eq!(login.principal.assurance, Assurance::Weak);
    assert!(!format!("{login:?}").contains("s3cret"));
    let UpstreamLogin::Passthrough { user, password } = &login.upstream else {
        panic!("expected passthrough");
    };
    assert_eq!((user.as_str(), password.as_slice()), ("app", &b"s3cret"[..]));
    desk.directory().revoke("database|app").unwrap();
    assert!(login.standing.check().is_err());
    login.refused_upstream();
    let failure = cleartext(desk, &request("app", "shop", true), "s3cret")
        .await
        .unwrap_err();
    assert_eq!(failure.reason, FailureReason::Revoked);
}

#[tokio::test]
async fn our_secrets_are_never_passed_on_to_a_database() {
    let fixture = fixture(Vec::new(), DeskOptions::default());
    let Fixture { desk, password, .. } = &fixture;
    for secret in [password.expose(), "eyJhbGciOiJSUzI1NiJ9.e30.c2ln"] {
        let failure = cleartext(desk, &request("app", "shop", true), secret)
            .await
            .unwrap_err();
        assert_eq!(failure.reason, FailureReason::SecretNotPassedOn);
    }
    let failure = cleartext(desk, &request("app", "shop", true), "").await.unwrap_err();
    assert_eq!(failure.reason, FailureReason::PasswordLength);
}

#[tokio::test]
async fn clients_without_scram_can_be_asked_for_the_password_inside_tls() {
    let options = DeskOptions {
        cleartext_for_local_identities: true,
        ..DeskOptions::default()
    };
    let fixture = fixture(Vec::new(), options);
    let Fixture { desk, password, .. } = &fixture;
    let asked = request("ada", "shop", false);
    let login = cleartext(desk, &asked, password.expose()).await.unwrap();
    assert_eq!(&*login.principal.subject.name, "ada");
    assert_eq!(
        cleartext(desk, &asked, "guess").await.unwrap_err().reason,
        FailureReason::WrongPassword
    );
    let local = LoginRequest {
        transport: Transport::PlaintextLocal,
        ..asked
    };
    assert!(matches!(desk.plan(&local), LoginPlan::Scram(_)));
}

#[test]
fn where_people_decide_the_same_passwords_open_as_for_databases() {
    let fixture = fixture(Vec::new(), DeskOptions::default());
    let Fixture {
        desk, clock, password, ..
    } = &fixture;
    let address = Some(IpAddr::from([192, 0, 2, 1]));
    let verify = |user: &str, password: &str| desk.verify_local(user, password.as_bytes(), address);
    let mut login = verify("ada", password.expose()).unwrap();
    assert_eq!(&*login.principal.subject.name, "ada");
    assert_eq!(login.databases, [Arc::from("shop")]);
    login.standing.check().unwrap();
    let told = |failure: LoginFailure| (failure.refusal.message, failure.refusal.hint);
    let wrong = verify("ada", "guess").unwrap_err();
    let unknown = verify("bob", "guess").unwrap_err();
    assert_eq!(
        (&wrong.reason, &unknown.reason),
        (&FailureReason::WrongPassword, &FailureReason::UnknownUser)
    );
    assert_eq!(told(wrong).1, told(unknown).1);
    assert_eq!(verify("ada", "").unwrap_err().reason, FailureReason::PasswordLength);
    let limited = (0..100).find_map(|_| match verify("eve", "guess").unwrap_err().reason {
        FailureReason::Throttled(throttled) => Some(throttled),
        _ => None,
    });
    assert!(limited.is_some(), "guesses are limited");
    clock.advance_seconds(600);
    assert_eq!(
        verify("ada", password.expose()).unwrap_err().reason,
        FailureReason::PasswordExpired
    );
    assert!(login.standing.check().is_err());
}
