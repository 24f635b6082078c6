//! Logins of browsers: a secret in a cookie, known here by its digest alone, and gone when the process ends.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use durward_identity::LocalLogin;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};

use crate::access::Viewer;
use crate::limits::{TICKET_IDLE_SECONDS, TICKET_SECONDS_MAX, TICKETS_MAX, TICKETS_PER_IDENTITY_MAX};

type Key = [u8; 32];

/// All of them.
#[derive(Debug, Default)]
pub(crate) struct Tickets(Mutex<HashMap<Key, Ticket>>);

#[derive(Debug)]
struct Ticket {
    login: LocalLogin,
    /// What the tokens of this login's forms are made with.
    form_key: Key,
    issued: u64,
    used: u64,
}

/// A browser that is logged in.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) viewer: Viewer,
    form_key: Key,
}

impl Entry {
    /// The token that a form for `action` must bring along.
    pub(crate) fn form_token(&self, action: &str) -> String {
        self.mac(action)
            .finalize()
            .into_bytes()
            .iter()
            .fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
    }

    /// Whether a form for `action` was made for this login.
    pub(crate) fn is_form_token(&self, action: &str, token: &str) -> bool {
        let digits: Option<Vec<u8>> = (0..token.len())
            .step_by(2)
            .map(|place| u8::from_str_radix(token.get(place..place + 2)?, 16).ok())
            .collect();
        digits.is_some_and(|bytes| self.mac(action).verify_slice(&bytes).is_ok())
    }

    fn mac(&self, action: &str) -> Hmac<Sha256> {
        let mut mac = keyed(&self.form_key);
        mac.update(action.as_bytes());
        mac
    }
}

#[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
fn keyed(key: &Key) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("any length")
}

impl Tickets {
    /// Keeps a login. Returns the secret for its cookie.
    pub(crate) fn issue(&self, login: LocalLogin, now: u64) -> Result<String, getrandom::Error> {
        let (mut secret, mut form_key) = ([0; 32], [0; 32]);
        getrandom::fill(&mut secret)?;
        getrandom::fill(&mut form_key)?;
        let ticket = Ticket {
            login,
            form_key,
            issued: now,
            used: now,
        };
        let text: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, ticket| ticket.is_alive(now));
        let name = ticket.login.principal.acting().name.clone();
        let own = |ticket: &Ticket| ticket.login.principal.acting().name == name;
        if all.values().filter(|ticket| own(ticket)).count() >= TICKETS_PER_IDENTITY_MAX {
            forget_idlest(&mut all, own);
        }
        if all.len() >= TICKETS_MAX {
            forget_idlest(&mut all, |_| true);
        }
        all.insert(digest(&text), ticket);
        Ok(text)
    }

    /// Whose cookie this is, if its login still stands.
    pub(crate) fn find(&self, secret: &str, now: u64) -> Option<Entry> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = digest(secret);
        let ticket = all.get_mut(&key)?;
        if !ticket.is_alive(now) || ticket.login.standing.check().is_err() {
            all.remove(&key);
            return None;
        }
        ticket.used = now;
        Some(Entry {
            viewer: Viewer::of(&ticket.login),
            form_key: ticket.form_key,
        })
    }

    /// Ends a login.
    pub(crate) fn revoke(&self, secret: &str) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.remove(&digest(secret));
    }
}

impl Ticket {
    fn is_alive(&self, now: u64) -> bool {
        now.saturating_sub(self.used) < TICKET_IDLE_SECONDS && now.saturating_sub(self.issued) < TICKET_SECONDS_MAX
    }
}

fn forget_idlest(all: &mut HashMap<Key, Ticket>, among: impl Fn(&Ticket) -> bool) {
    let idlest = all
        .iter()
        .filter(|(_, ticket)| among(ticket))
        .min_by_key(|(_, ticket)| ticket.used);
    if let Some(key) = idlest.map(|(key, _)| *key) {
        all.remove(&key);
    }
}

/// Looking a digest up tells nothing about the secret by how long it takes.
fn digest(secret: &str) -> Key {
    Sha256::digest(secret.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use durward_identity::{DeskOptions, Directory, Issuers, LocalLogin, LoginDesk, NewIdentity, SystemClock};
    use durward_model::PrincipalKind;

    use super::Tickets;
    use crate::limits::{TICKET_IDLE_SECONDS, TICKET_SECONDS_MAX, TICKETS_PER_IDENTITY_MAX};

    struct Fixture {
        directory: Arc<Directory>,
        desk: LoginDesk,
        password: String,
        _folder: tempfile::TempDir,
    }

    fn fixture() -> Fixture {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(SystemClock);
        let directory = Directory::open(folder.path(), clock.clone()).unwrap();
        let ada = NewIdentity {
            name: "ada".to_owned(),
            kind: PrincipalKind::Person,
            groups: Vec::new(),
            acts_for: None,
        };
        directory.add(ada).unwrap();
        let (_, password) = directory.issue_password("ada", &["shop"], 600).unwrap();
        let issuers = Arc::new(Issuers::new(Vec::new(), clock).unwrap());
        Fixture {
            desk: LoginDesk::new(Arc::clone(&directory), issuers, DeskOptions::default()),
            directory,
            password: password.expose().to_owned(),
            _folder: folder,
        }
    }

    impl Fixture {
        fn login(&self) -> LocalLogin {
            self.desk.verify_local("ada", self.password.as_bytes(), None).unwrap()
        }
    }

    #[test]
    fn a_login_ends_by_idleness_by_age_by_logout_and_with_its_identity() {
        let fixture = fixture();
        let tickets = Tickets::default();
        let idle = tickets.issue(fixture.login(), 0).unwrap();
        assert!(tickets.find(&idle, TICKET_IDLE_SECONDS - 1).is_some());
        assert!(tickets.find(&idle, 2 * TICKET_IDLE_SECONDS).is_none());
        let busy = tickets.issue(fixture.login(), 0).unwrap();
        let lasted = (0..)
            .take_while(|step| tickets.find(&busy, step * 600).is_some())
            .count();
        assert_eq!(lasted as u64, TICKET_SECONDS_MAX / 600);
        let left = tickets.issue(fixture.login(), 0).unwrap();
        tickets.revoke(&left);
        assert!(tickets.find(&left, 0).is_none());
        let revoked = tickets.issue(fixture.login(), 0).unwrap();
        for forged in ["", "00", &"0".repeat(64), &revoked.to_uppercase()] {
            assert!(tickets.find(forged, 0).is_none(), "{forged}");
        }
        fixture.directory.revoke("ada").unwrap();
        assert!(tickets.find(&revoked, 0).is_none());
    }

    #[test]
    fn an_identity_keeps_its_newest_logins() {
        let fixture = fixture();
        let tickets = Tickets::default();
        let all: Vec<String> = (0..=TICKETS_PER_IDENTITY_MAX as u64)
            .map(|now| tickets.issue(fixture.login(), now).unwrap())
            .collect();
        assert!(tickets.find(&all[0], 100).is_none());
        assert!(all[1..].iter().all(|secret| tickets.find(secret, 100).is_some()));
    }

    #[test]
    fn a_form_is_good_for_its_own_action_and_login() {
        let fixture = fixture();
        let tickets = Tickets::default();
        let [one, other] = [(); 2].map(|()| {
            let secret = tickets.issue(fixture.login(), 0).unwrap();
            tickets.find(&secret, 0).unwrap()
        });
        let token = one.form_token("/requests/c1/approve");
        assert!(one.is_form_token("/requests/c1/approve", &token));
        assert!(!one.is_form_token("/requests/c2/approve", &token));
        assert!(!other.is_form_token("/requests/c1/approve", &token));
        for wrong in ["", "zz", "é", &token[..62], &format!("{token}00")] {
            assert!(!one.is_form_token("/requests/c1/approve", wrong), "{wrong}");
        }
    }
}
