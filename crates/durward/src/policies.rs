//! The policies in force and the files they come from: read again when a file changes, or when asked to.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use anyhow::Context as _;
use durward_audit::{Event, Ledger, PolicyChanged};
use durward_model::Digest;
use durward_policy::PolicyStore;
use sha2::Digest as _;

use crate::settings::PolicyPlace;

/// How often the files are looked at.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// What tells one version of the files from another without reading them.
type Stamp = Vec<(PathBuf, Option<(SystemTime, u64)>)>;

/// The policies in force and where they come from.
#[derive(Debug)]
pub(crate) struct Policies {
    place: PolicyPlace,
    store: Arc<PolicyStore>,
    ledger: Ledger,
    seen: Mutex<Stamp>,
}

impl Policies {
    /// Watches over `store`, which was loaded from `place` just now.
    pub(crate) fn new(place: PolicyPlace, store: Arc<PolicyStore>, ledger: Ledger) -> Self {
        let seen = Mutex::new(stamp(&place));
        Self {
            place,
            store,
            ledger,
            seen,
        }
    }

    /// Records which version the gateway begins with.
    pub(crate) fn record_start(&self) -> anyhow::Result<()> {
        let version = self.store.version();
        self.record(version.number, version.digest, true, Some("loaded at start".to_owned()))
    }

    /// Reads the files again. Returns a sentence that says what is in force now.
    ///
    /// # Errors
    /// When the new version is refused: the old one stays in force, and the message says so.
    pub(crate) fn reload(&self) -> anyhow::Result<String> {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = stamp(&self.place);
        let before = self.store.version();
        let loaded = self.place.read().and_then(|sources| {
            let digest = digest_of(&sources);
            self.store
                .reload(&sources)
                .map_err(|error| anyhow::anyhow!("{error}"))
                .inspect_err(|error| {
                    self.record(before.number, digest, false, Some(error.to_string())).err();
                })
        });
        let version =
            loaded.with_context(|| format!("the new policies are refused; version {before} stays in force"))?;
        if version.digest == before.digest {
            return Ok(format!("nothing has changed; version {version} stays in force"));
        }
        self.record(version.number, version.digest, true, None)?;
        Ok(format!("policy version {version} is in force"))
    }

    /// Looks at the files until dropped. Cancel safe: yes.
    pub(crate) async fn watch(self: Arc<Self>) {
        let mut ticks = tokio::time::interval(LOOK_INTERVAL);
        loop {
            ticks.tick().await;
            if *self.seen.lock().unwrap_or_else(PoisonError::into_inner) != stamp(&self.place) {
                self.reload_and_log();
            }
        }
    }

    /// Reads the files again and logs what came of it.
    pub(crate) fn reload_and_log(&self) {
        match self.reload() {
            Ok(sentence) => tracing::info!("{sentence}"),
            Err(error) => tracing::error!("{error:#}"),
        }
    }

    fn record(&self, version: u64, digest: Digest, accepted: bool, message: Option<String>) -> anyhow::Result<()> {
        self.ledger.record(&Event::PolicyChanged(PolicyChanged {
            version,
            digest,
            accepted,
            message,
        }))?;
        Ok(())
    }
}

fn digest_of(sources: &durward_policy::PolicySources) -> Digest {
    let mut hasher = sha2::Sha256::new();
    for file in &sources.files {
        hasher.update(file.text.as_bytes());
    }
    Digest(hasher.finalize().into())
}

fn stamp(place: &PolicyPlace) -> Stamp {
    let files = place.files().unwrap_or_default();
    let look = |file: PathBuf| {
        let state = std::fs::metadata(&file)
            .and_then(|metadata| Ok((metadata.modified()?, metadata.len())))
            .ok();
        (file, state)
    };
    files.into_iter().map(look).collect()
}
