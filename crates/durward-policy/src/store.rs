use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;

use crate::{PolicyError, PolicySnapshot, PolicySources, PolicyVersion};

/// The policy in force, replaced as a whole. Readers never wait.
#[derive(Debug)]
pub struct PolicyStore {
    current: ArcSwap<PolicySnapshot>,
    /// One reload at a time, so that numbers follow each other.
    reloading: Mutex<()>,
}

impl PolicyStore {
    /// Puts the first snapshot in force.
    pub fn new(snapshot: PolicySnapshot) -> Self {
        Self {
            current: ArcSwap::from_pointee(snapshot),
            reloading: Mutex::new(()),
        }
    }

    /// Loads `sources` and puts them in force.
    ///
    /// # Errors
    /// When the sources are refused.
    pub fn load(sources: &PolicySources) -> Result<Self, PolicyError> {
        PolicySnapshot::load(sources).map(Self::new)
    }

    /// The snapshot in force.
    pub fn current(&self) -> Arc<PolicySnapshot> {
        self.current.load_full()
    }

    /// The version in force.
    pub fn version(&self) -> PolicyVersion {
        self.current.load().version()
    }

    /// Loads `sources` and puts them in force under the next number. Sources that are the same as those in force change
    /// nothing.
    ///
    /// # Errors
    /// When the sources are refused; the old version then stays in force.
    pub fn reload(&self, sources: &PolicySources) -> Result<PolicyVersion, PolicyError> {
        let _turn = self.reloading.lock().unwrap_or_else(PoisonError::into_inner);
        let old = self.version();
        let snapshot = PolicySnapshot::load(sources)?;
        if snapshot.version().digest == old.digest {
            return Ok(old);
        }
        let snapshot = snapshot.numbered(old.number + 1);
        let version = snapshot.version();
        self.current.store(Arc::new(snapshot));
        Ok(version)
    }
}
