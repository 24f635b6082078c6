//! Logins with tokens of a real OpenID provider (`oidc-provider` from npm, put in place by `tests/prepare`).
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test: whatever fails here is a failed test, and says why"
)]

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader};
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use durward_identity::jwt::TokenError;
use durward_identity::{
    Clock, DeskOptions, Directory, FailureReason, IssuerConfig, Issuers, Login, LoginDesk, LoginFailure, LoginPlan,
    LoginRequest, SystemClock, Transport,
};
use durward_model::{Assurance, PrincipalKind, sqlstate};

/// The provider, ended with the test.
struct Provider {
    child: Child,
    /// The provider ends when this does.
    _stdin: ChildStdin,
    /// It would die of writing to a closed pipe.
    _stdout: BufReader<ChildStdout>,
    url: String,
}

impl Provider {
    fn start() -> Self {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let tools = here.join("../../target/test-tools/oidc");
        assert!(
            tools.exists(),
            "{} is missing: run tests/prepare first",
            tools.display()
        );
        let mut child = Command::new("node")
            .arg(here.join("tests/oidc/provider.mjs"))
            .arg(tools.canonicalize().unwrap())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("node");
        let mut url = String::new();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        stdout.read_line(&mut url).unwrap();
        Self {
            _stdin: child.stdin.take().unwrap(),
            _stdout: stdout,
            child,
            url: url.trim().to_owned(),
        }
    }

    async fn call(&self, path: &str) -> HashMap<String, serde_json::Value> {
        let response = reqwest::get(format!("{}{path}", self.url)).await.unwrap();
        let status = response.status();
        let body = response.text().await.unwrap();
        assert!(status.is_success(), "{path}: {body}");
        serde_json::from_str(&body).unwrap()
    }

    async fn token(&self, grant: &str, client: &str, resource: &str) -> String {
        let answer = self
            .call(&format!("/test/{grant}?id={client}&resource=urn:{resource}"))
            .await;
        answer["access_token"].as_str().unwrap().to_owned()
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// The machine's clock, moved on by hand.
#[derive(Debug, Default)]
struct MovedClock(AtomicU64);

impl MovedClock {
    fn advance_seconds(&self, seconds: u64) {
        self.0.fetch_add(seconds * 1_000, Ordering::SeqCst);
    }
}

impl Clock for MovedClock {
    fn unix_milliseconds(&self) -> u64 {
        SystemClock.unix_milliseconds() + self.0.load(Ordering::SeqCst)
    }
}

struct Fixture {
    provider: Provider,
    clock: Arc<MovedClock>,
    desk: LoginDesk,
    _data_dir: tempfile::TempDir,
}

fn fixture() -> Fixture {
    let provider = Provider::start();
    let clock = Arc::new(MovedClock::default());
    let data_dir = tempfile::tempdir().unwrap();
    let directory = Directory::open(data_dir.path(), clock.clone()).unwrap();
    let mut config = IssuerConfig::new("corp", &provider.url, "durward");
    config.databases = vec!["shop".to_owned()];
    let issuers = Issuers::new(vec![config], clock.clone()).unwrap();
    Fixture {
        desk: LoginDesk::new(directory, Arc::new(issuers), DeskOptions::default()),
        clock,
        provider,
        _data_dir: data_dir,
    }
}

impl Fixture {
    async fn log_in(&self, token: &str, database: &str) -> Result<Login, LoginFailure> {
        let request = LoginRequest {
            user: "token",
            database,
            client_address: Some(IpAddr::V4(Ipv4Addr::LOCALHOST)),
            transport: Transport::Tls { server_end_point: None },
            passthrough_allowed: false,
        };
        let LoginPlan::Cleartext(login) = self.desk.plan(&request) else {
            panic!("expected a cleartext password");
        };
        login.verify(token.as_bytes()).await
    }

    async fn refused(&self, token: &str, expected: TokenError) -> LoginFailure {
        let failure = self.log_in(token, "shop").await.unwrap_err();
        assert_eq!(failure.reason, FailureReason::Token(expected));
        assert_eq!(&*failure.refusal.sqlstate, sqlstate::INVALID_PASSWORD);
        assert_eq!(
            &*failure.refusal.message,
            "password authentication failed for user \"token\""
        );
        failure
    }
}

#[tokio::test]
async fn people_agents_and_programs_log_in_with_each_algorithm() {
    let fixture = fixture();
    for algorithm in ["RS256", "ES256", "EdDSA"] {
        let resource = format!("durward:{algorithm}");
        let token = fixture.provider.token("person", "cli", &resource).await;
        let principal = fixture.log_in(&token, "shop").await.unwrap().principal;
        assert_eq!(principal.to_string(), "corp|ada@example.com");
        assert_eq!(
            (principal.kind(), principal.assurance),
            (PrincipalKind::Person, Assurance::Asserted)
        );
        assert_eq!(principal.groups, ["engineering".into()]);
    }
    let token = fixture.provider.token("person", "agent", "durward:ES256").await;
    let principal = fixture.log_in(&token, "shop").await.unwrap().principal;
    assert_eq!(principal.to_string(), "corp|claude for corp|ada@example.com");
    assert_eq!(principal.kind(), PrincipalKind::Agent);
    let token = fixture.provider.token("client", "batch", "durward:ES256").await;
    let principal = fixture.log_in(&token, "shop").await.unwrap().principal;
    assert_eq!(
        (principal.to_string().as_str(), principal.kind()),
        ("corp|batch", PrincipalKind::Agent)
    );
}

#[tokio::test]
async fn tokens_for_others_expired_or_tampered_with_are_refused() {
    let fixture = fixture();
    let foreign = fixture.provider.token("person", "cli", "another:ES256").await;
    fixture.refused(&foreign, TokenError::WrongAudience).await;
    let token = fixture.provider.token("person", "cli", "durward:RS256").await;
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let first = if signature.starts_with('A') { "B" } else { "A" };
    fixture
        .refused(
            &format!("{signed}.{first}{}", &signature[1..]),
            TokenError::WrongSignature,
        )
        .await;
    let failure = fixture.log_in(&token, "payroll").await.unwrap_err();
    assert_eq!(failure.reason, FailureReason::OtherDatabase);

    let mut login = fixture.log_in(&token, "shop").await.unwrap();
    login.standing.check().unwrap();
    fixture.clock.advance_seconds(631);
    assert_eq!(
        &*login.standing.check().unwrap_err().sqlstate,
        sqlstate::IDENTITY_INVALID
    );
    let failure = fixture.refused(&token, TokenError::Expired).await;
    assert!(failure.refusal.hint.unwrap().contains("log in again"));
}

#[tokio::test]
async fn rotated_keys_are_found_and_withdrawn_ones_forgotten() {
    let fixture = fixture();
    let before = fixture.provider.token("person", "cli", "durward:ES256").await;
    fixture.log_in(&before, "shop").await.unwrap();
    fixture.provider.call("/test/rotate").await;
    let after = fixture.provider.token("person", "cli", "durward:ES256").await;
    // The keys were fetched a moment ago: an unknown one has to wait.
    fixture.refused(&after, TokenError::UnknownKey).await;
    fixture.clock.advance_seconds(10);
    fixture.log_in(&after, "shop").await.unwrap();
    fixture.refused(&before, TokenError::UnknownKey).await;
}

#[tokio::test]
async fn revoking_a_person_of_the_provider_ends_their_agents() {
    let fixture = fixture();
    let token = fixture.provider.token("person", "agent", "durward:ES256").await;
    let mut login = fixture.log_in(&token, "shop").await.unwrap();
    login.standing.check().unwrap();
    fixture.desk.directory().revoke("corp|ada@example.com").unwrap();
    assert_eq!(&*login.standing.check().unwrap_err().rule, "identity-revoked");
    let failure = fixture.log_in(&token, "shop").await.unwrap_err();
    assert_eq!(failure.reason, FailureReason::Revoked);
}
