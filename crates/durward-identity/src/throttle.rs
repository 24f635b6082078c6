//! Limits before login: how many logins may be under way, and how many failures an address or a user may collect.
//! Only failures count, so that an application that opens its pool, or reconnects for each query, is never slowed.

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::clock::Clock;

/// How many logins and failures are let through. One failure is worked off every `…_every_seconds`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoginLimits {
    /// Failures that one address may have outstanding.
    pub failures_per_address_max: u32,
    /// After how many seconds one failure of an address is forgotten.
    pub failure_of_address_every_seconds: u32,
    /// Failures that one user name may have outstanding over all addresses.
    ///
    /// A user at an address from which it has logged in within a day is held to neither of the two, but to a limit of
    /// its own, as high as that of an address: so nobody can lock a user out by guessing, neither from elsewhere nor from
    /// behind the same load balancer.
    pub failures_per_user_max: u32,
    /// After how many seconds one failure of a user is forgotten.
    pub failure_of_user_every_seconds: u32,
    /// Logins under way from one address.
    pub pending_per_address_max: u32,
    /// Logins under way in all.
    pub pending_max: u32,
}

impl Default for LoginLimits {
    fn default() -> Self {
        Self {
            failures_per_address_max: 20,
            failure_of_address_every_seconds: 3,
            failures_per_user_max: 40,
            failure_of_user_every_seconds: 3,
            pending_per_address_max: 512,
            pending_max: 4_096,
        }
    }
}

/// Addresses, users and pairs that are remembered, each; about 12 MiB in all. What doesn't fit shares one bucket.
const TRACKED_MAX: usize = 32_768;
/// How long a successful login gives user and address a limit of their own.
const KNOWN_GOOD_MILLISECONDS: u64 = 24 * 3_600 * 1_000;
/// User names are tracked by their first bytes: a longer one can't exist.
const USER_BYTES_TRACKED: usize = 63;

/// Why an attempt was turned away before it began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Throttled {
    /// Too many failures from this address.
    Address {
        /// When the next attempt is let through.
        retry_seconds: u64,
    },
    /// Too many failures of this user.
    User {
        /// When the next attempt is let through.
        retry_seconds: u64,
    },
    /// Too many logins are under way.
    Pending,
}

/// Counts attempts and failures.
#[derive(Debug)]
pub(crate) struct Throttle {
    limits: LoginLimits,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    pending: u32,
    pending_by_address: HashMap<Origin, u32>,
    addresses: Buckets<Origin>,
    users: Buckets<Arc<str>>,
    /// Failures of users at addresses from which they have logged in.
    pairs: Buckets<(Origin, Arc<str>)>,
    known_good: HashMap<(Origin, Arc<str>), u64>,
}

/// Where attempts come from: an IPv4 address, an IPv6 /64 (one customer's network), or this machine's socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Origin {
    Network(IpAddr),
    UnixSocket,
}

impl Origin {
    fn of(address: Option<IpAddr>) -> Self {
        match address.map(|address| address.to_canonical()) {
            None => Self::UnixSocket,
            Some(IpAddr::V4(address)) => Self::Network(IpAddr::V4(address)),
            Some(IpAddr::V6(address)) => {
                let network = u128::from(address) & (u128::MAX << 64);
                Self::Network(IpAddr::V6(Ipv6Addr::from(network)))
            }
        }
    }
}

impl Throttle {
    pub(crate) fn new(limits: LoginLimits, clock: Arc<dyn Clock>) -> Arc<Self> {
        Arc::new(Self {
            limits,
            clock,
            state: Mutex::default(),
        })
    }

    /// Lets an attempt begin, or says why not.
    pub(crate) fn admit(self: &Arc<Self>, address: Option<IpAddr>, user: &str) -> Result<Attempt, Throttled> {
        let now = self.clock.unix_milliseconds();
        let origin = Origin::of(address);
        let user: Arc<str> = user
            .get(..user.floor_char_boundary(USER_BYTES_TRACKED))
            .unwrap_or_default()
            .into();
        let mut state = self.lock();
        let pair = (origin, Arc::clone(&user));
        let known = state.known_good.get(&pair);
        if known.is_some_and(|since| now.saturating_sub(*since) <= KNOWN_GOOD_MILLISECONDS) {
            if let Some(retry_seconds) = state.pairs.excess(&pair, self.address_limit(), now) {
                return Err(Throttled::User { retry_seconds });
            }
        } else if let Some(retry_seconds) = state.addresses.excess(&origin, self.address_limit(), now) {
            return Err(Throttled::Address { retry_seconds });
        } else if let Some(retry_seconds) = state.users.excess(&user, self.user_limit(), now) {
            return Err(Throttled::User { retry_seconds });
        }
        let pending_here = state.pending_by_address.get(&origin).copied().unwrap_or(0);
        if state.pending >= self.limits.pending_max || pending_here >= self.limits.pending_per_address_max {
            return Err(Throttled::Pending);
        }
        state.pending += 1;
        *state.pending_by_address.entry(origin).or_default() += 1;
        drop(state);
        Ok(Attempt {
            throttle: Arc::clone(self),
            origin,
            user,
        })
    }

    fn address_limit(&self) -> Limit {
        Limit::new(
            self.limits.failures_per_address_max,
            self.limits.failure_of_address_every_seconds,
        )
    }

    fn user_limit(&self) -> Limit {
        Limit::new(
            self.limits.failures_per_user_max,
            self.limits.failure_of_user_every_seconds,
        )
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One login under way. Dropped without a verdict it counts as neither success nor failure: psql connects once to learn
/// that a password is wanted, and again with it.
pub(crate) struct Attempt {
    throttle: Arc<Throttle>,
    origin: Origin,
    user: Arc<str>,
}

impl Attempt {
    pub(crate) fn succeeded(self) {
        let now = self.throttle.clock.unix_milliseconds();
        let mut state = self.throttle.lock();
        if state.known_good.len() >= TRACKED_MAX {
            state
                .known_good
                .retain(|_, since| now.saturating_sub(*since) <= KNOWN_GOOD_MILLISECONDS);
        }
        if state.known_good.len() < TRACKED_MAX {
            state.known_good.insert((self.origin, Arc::clone(&self.user)), now);
        }
    }

    pub(crate) fn failed(self) {
        let now = self.throttle.clock.unix_milliseconds();
        let (address_limit, user_limit) = (self.throttle.address_limit(), self.throttle.user_limit());
        let mut state = self.throttle.lock();
        state
            .pairs
            .add((self.origin, Arc::clone(&self.user)), address_limit, now);
        state.addresses.add(self.origin, address_limit, now);
        state.users.add(Arc::clone(&self.user), user_limit, now);
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        let mut state = self.throttle.lock();
        state.pending = state.pending.saturating_sub(1);
        if let Some(count) = state.pending_by_address.get_mut(&self.origin) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                state.pending_by_address.remove(&self.origin);
            }
        }
    }
}

impl fmt::Debug for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attempt")
            .field("origin", &self.origin)
            .finish_non_exhaustive()
    }
}

#[derive(Debug, Clone, Copy)]
struct Limit {
    max: u64,
    drain_milliseconds: u64,
}

impl Limit {
    fn new(max: u32, drain_seconds: u32) -> Self {
        Self {
            max: u64::from(max),
            drain_milliseconds: u64::from(drain_seconds.max(1)) * 1_000,
        }
    }

    /// Milliseconds of draining that fill a bucket.
    fn full_milliseconds(self) -> u64 {
        self.max * self.drain_milliseconds
    }
}

/// Leaky buckets. A bucket is the moment at which it will be empty; each failure moves it on by one drain time.
#[derive(Debug)]
struct Buckets<K> {
    empty_at: HashMap<K, u64>,
    overflow_empty_at: u64,
}

impl<K> Default for Buckets<K> {
    fn default() -> Self {
        Self {
            empty_at: HashMap::new(),
            overflow_empty_at: 0,
        }
    }
}

impl<K: Eq + Hash> Buckets<K> {
    /// Seconds until there is room again, if there is none.
    fn excess(&self, key: &K, limit: Limit, now: u64) -> Option<u64> {
        let overflowing = self.empty_at.len() >= TRACKED_MAX;
        let untracked = if overflowing { self.overflow_empty_at } else { 0 };
        let empty_at = self.empty_at.get(key).copied().unwrap_or(untracked);
        let room_at = (empty_at + limit.drain_milliseconds).saturating_sub(limit.full_milliseconds());
        (room_at > now).then(|| (room_at - now).div_ceil(1_000))
    }

    fn add(&mut self, key: K, limit: Limit, now: u64) {
        if self.empty_at.len() >= TRACKED_MAX && !self.empty_at.contains_key(&key) {
            self.empty_at.retain(|_, empty_at| *empty_at > now);
        }
        let empty_at = if self.empty_at.len() < TRACKED_MAX || self.empty_at.contains_key(&key) {
            self.empty_at.entry(key).or_default()
        } else {
            &mut self.overflow_empty_at
        };
        // Attempts that were under way together may overshoot; the debt is bounded, so that it is worked off.
        let debt_max = now + 2 * limit.full_milliseconds();
        *empty_at = ((*empty_at).max(now) + limit.drain_milliseconds).min(debt_max);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::manual::ManualClock;

    fn throttle() -> (Arc<Throttle>, Arc<ManualClock>) {
        let clock = Arc::new(ManualClock::at_seconds(1_000_000));
        (Throttle::new(LoginLimits::default(), clock.clone()), clock)
    }

    fn address(last: u8) -> Option<IpAddr> {
        Some(IpAddr::from([192, 0, 2, last]))
    }

    #[test]
    fn failures_of_an_address_close_it_until_they_are_worked_off() {
        let (throttle, clock) = throttle();
        for number in 0..20 {
            throttle.admit(address(1), &format!("user{number}")).unwrap().failed();
        }
        let refused = throttle.admit(address(1), "another").unwrap_err();
        assert_eq!(refused, Throttled::Address { retry_seconds: 3 });
        assert!(throttle.admit(address(2), "another").is_ok());
        clock.advance_seconds(3);
        assert!(throttle.admit(address(1), "another").is_ok());
    }

    #[test]
    fn failures_of_others_do_not_close_a_user_where_it_logged_in() {
        let (throttle, clock) = throttle();
        throttle.admit(address(200), "alice").unwrap().succeeded();
        for number in 0..40 {
            throttle.admit(address(number), "alice").unwrap().failed();
        }
        assert!(matches!(
            throttle.admit(address(100), "alice"),
            Err(Throttled::User { .. })
        ));
        for number in 0..20 {
            throttle.admit(address(200), &format!("user{number}")).unwrap().failed();
        }
        assert!(matches!(
            throttle.admit(address(200), "bob"),
            Err(Throttled::Address { .. })
        ));
        for _ in 0..20 {
            throttle.admit(address(200), "alice").unwrap().failed();
        }
        assert!(matches!(
            throttle.admit(address(200), "alice"),
            Err(Throttled::User { .. })
        ));
        clock.advance_seconds(25 * 3_600);
        for number in 0..40 {
            throttle.admit(address(number), "alice").unwrap().failed();
        }
        assert!(matches!(
            throttle.admit(address(200), "alice"),
            Err(Throttled::User { .. })
        ));
    }

    #[test]
    fn success_and_silence_are_free() {
        let (throttle, _) = throttle();
        for _ in 0..1_000 {
            throttle.admit(address(1), "pool").unwrap().succeeded();
            drop(throttle.admit(address(1), "pool").unwrap());
        }
        assert!(throttle.admit(address(1), "pool").is_ok());
    }

    #[test]
    fn logins_under_way_are_bounded_and_given_back() {
        let (throttle, _) = throttle();
        let pending: Vec<_> = (0..512).map(|_| throttle.admit(address(1), "pool").unwrap()).collect();
        assert_eq!(throttle.admit(address(1), "pool").unwrap_err(), Throttled::Pending);
        assert!(throttle.admit(None, "pool").is_ok());
        drop(pending);
        assert!(throttle.admit(address(1), "pool").is_ok());
    }

    #[test]
    fn a_network_of_ipv6_is_one_origin() {
        let origin = |text: &str| Origin::of(Some(text.parse().unwrap()));
        assert_eq!(origin("2001:db8::1"), origin("2001:db8::ffff:2"));
        assert_ne!(origin("2001:db8::1"), origin("2001:db8:0:1::1"));
        assert_eq!(origin("::ffff:192.0.2.1"), origin("192.0.2.1"));
    }

    #[test]
    fn memory_is_bounded_and_what_does_not_fit_is_limited_together() {
        let (throttle, _) = throttle();
        let limit = throttle.user_limit();
        let mut buckets = Buckets::default();
        for number in 0..TRACKED_MAX + 100 {
            buckets.add(number, limit, 1_000_000);
        }
        assert_eq!(buckets.empty_at.len(), TRACKED_MAX);
        assert!(buckets.excess(&usize::MAX, limit, 1_000_000).is_some());
        assert!(buckets.excess(&0, limit, 1_000_000).is_none());
        buckets.add(usize::MAX, limit, 1_000_000_000);
        assert_eq!(buckets.empty_at.len(), 1);
    }
}
