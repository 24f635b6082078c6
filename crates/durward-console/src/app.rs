use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use durward_audit::Ledger;
use durward_change::Desk;
use durward_identity::LoginDesk;
use tokio::sync::Semaphore;

use crate::access_wishes::AccessDesk;
use crate::change_sets::ChangeSets;
use crate::limits::{BODY_BYTES_MAX, PASSWORD_CHECKS_MAX, WAITING_MAX};
use crate::replays::Replays;
use crate::signed_decisions::Sender;
use crate::site::Site;
use crate::slack::Slack;
use crate::tickets::Tickets;
use crate::{access_wishes, api, change_sets, events, guard, pages, signed_decisions, slack};

/// What is served.
#[derive(Debug)]
pub struct Console {
    pub(crate) site: Site,
    pub(crate) approvals: Arc<Desk>,
    pub(crate) gatekeeper: Arc<LoginDesk>,
    pub(crate) ledger: Ledger,
    pub(crate) change_sets: Arc<dyn ChangeSets>,
    pub(crate) access: Arc<dyn AccessDesk>,
    pub(crate) senders: Vec<Sender>,
    pub(crate) slack: Option<Slack>,
    pub(crate) databases: Vec<Arc<str>>,
    pub(crate) replays: Replays,
    pub(crate) tickets: Tickets,
    pub(crate) password_checks: Semaphore,
    pub(crate) waiting: Arc<Semaphore>,
}

/// The parts of a console.
#[derive(Debug)]
pub struct ConsoleParts {
    /// Where it is reached.
    pub site: Site,
    /// Where held statements wait.
    pub approvals: Arc<Desk>,
    /// Verifies who comes.
    pub gatekeeper: Arc<LoginDesk>,
    /// Records who came.
    pub ledger: Ledger,
    /// Judges files of statements.
    pub change_sets: Arc<dyn ChangeSets>,
    /// Looks up what is asked for.
    pub access: Arc<dyn AccessDesk>,
    /// Systems that decide by signed messages.
    pub senders: Vec<Sender>,
    /// Slack, where it is used.
    pub slack: Option<Slack>,
    /// The databases that there are.
    pub databases: Vec<Arc<str>>,
}

impl Console {
    /// Puts a console together.
    pub fn new(parts: ConsoleParts) -> Arc<Self> {
        Arc::new(Self {
            site: parts.site,
            approvals: parts.approvals,
            gatekeeper: parts.gatekeeper,
            ledger: parts.ledger,
            change_sets: parts.change_sets,
            access: parts.access,
            senders: parts.senders,
            slack: parts.slack,
            databases: parts.databases,
            replays: Replays::default(),
            tickets: Tickets::default(),
            password_checks: Semaphore::new(PASSWORD_CHECKS_MAX),
            waiting: Arc::new(Semaphore::new(WAITING_MAX)),
        })
    }

    /// The time, in seconds since 1970.
    #[expect(clippy::unused_self, reason = "the console's clock is asked through it")]
    pub(crate) fn now(&self) -> u64 {
        let elapsed = SystemTime::now().duration_since(UNIX_EPOCH);
        elapsed.map(|elapsed| elapsed.as_secs()).unwrap_or_default()
    }

    /// The same as the desk counts it.
    pub(crate) fn desk_now(&self) -> i64 {
        i64::try_from(self.now()).unwrap_or(i64::MAX)
    }

    /// All routes, behind what guards them.
    pub(crate) fn router(self: &Arc<Self>) -> Router {
        Router::new()
            .route("/", get(pages::list))
            .route("/login", get(pages::login_form).post(pages::log_in))
            .route("/logout", post(pages::log_out))
            .route("/requests/{id}", get(pages::request))
            .route("/requests/{id}/approve", post(pages::approve))
            .route("/requests/{id}/reject", post(pages::reject))
            .route("/requests/{id}/withdraw", post(pages::withdraw))
            .route("/requests/{id}/review", post(pages::review))
            .route("/requests/{id}/revoke", post(pages::revoke))
            .route("/assets/style.css", get(pages::style))
            .route("/assets/keys.js", get(pages::keys))
            .route("/api/openapi.json", get(api::description))
            .route("/api/v1/requests", get(api::list))
            .route("/api/v1/requests/{id}", get(api::show))
            .route("/api/v1/requests/{id}/approve", post(api::approve))
            .route("/api/v1/requests/{id}/reject", post(api::reject))
            .route("/api/v1/requests/{id}/withdraw", post(api::withdraw))
            .route("/api/v1/requests/{id}/review", post(api::review))
            .route("/api/v1/changes/plan", post(change_sets::plan))
            .route("/api/v1/changes", post(change_sets::submit))
            .route("/api/v1/access", post(access_wishes::request))
            .route("/api/v1/access/{id}/revoke", post(access_wishes::revoke))
            .route("/api/v1/decisions/{sender}", post(signed_decisions::decide))
            .route("/api/slack/actions", post(slack::actions))
            .route("/api/v1/events", get(events::stream))
            .fallback(pages::nothing_here)
            .layer(from_fn_with_state(Arc::clone(self), guard::guard))
            .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
            .with_state(Arc::clone(self))
    }
}
