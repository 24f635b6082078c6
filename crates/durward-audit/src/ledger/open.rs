//! Opening: making a new ledger, or going on with an old one.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};

use ed25519_dalek::SigningKey;

use crate::digest::{DigestKey, KeyedDigest};
use crate::error::LedgerError;
use crate::event::{Event, LedgerOpened};
use crate::index::Progress;
use crate::keys::{self, DIGEST_KEY, SIGNING_KEY};
use crate::layout::Layout;
use crate::ledger::LedgerOptions;
use crate::ledger::rotate::NextKey;
use crate::ledger::sign::Signer;
use crate::ledger::state::{Shared, State, Weight};
use crate::ledger::tail::{self, LogEnd};
use crate::merkle;
use crate::note::{TreeHead, VerifierKey};
use crate::record;
use crate::retain::Retired;
use crate::segment::{HEADER_BYTES, STORE_VERSION, SegmentHeader};
use crate::store::{self, DiskStore, LedgerStore, SegmentFile};
use crate::tail::{Found, LogReader};
use crate::writer::Writer;

/// Opens the ledger in `directory`, and records and signs that it is open.
pub(super) fn open(
    directory: &Path,
    options: LedgerOptions,
    wrap: impl FnOnce(DiskStore) -> Arc<dyn LedgerStore>,
) -> Result<(Arc<Shared>, Signer), LedgerError> {
    let layout = Layout::new(directory);
    for path in [directory.to_path_buf(), layout.segments(), layout.tree(), layout.keys()] {
        make_directory(&path)?;
    }
    let lock = lock(&layout)?;
    check_version(&layout)?;
    let signing_path = layout.keys().join(SIGNING_KEY);
    if !signing_path.exists() {
        create(&layout)?;
    }
    let mut signing_key = keys::signing_key(&keys::read(&signing_path)?);
    let digest_key = DigestKey::new(&*keys::read(&layout.keys().join(DIGEST_KEY))?);
    let next = NextKey::find(&layout)?;
    let end = tail::find(&layout, &signing_key, next.as_ref())?;
    // A change of the key that was recorded is finished; one that wasn't never happened.
    let handed_over = match next {
        Some(next) if end.key.as_deref() == Some(next.verifier(&end.ledger).to_string().as_str()) => Some(next),
        Some(next) => {
            next.forget()?;
            None
        }
        None => None,
    };
    let former = handed_over
        .as_ref()
        .map(|next| std::mem::replace(&mut signing_key, next.key().clone()));
    check_digest_key(&layout, &digest_key)?;
    let verifier = VerifierKey::new(&end.ledger, signing_key.verifying_key());
    let store = wrap(DiskStore { layout: layout.clone() });
    let file = store
        .open_segment(end.segment)
        .map_err(|error| LedgerError::io("open", directory, &error))?;
    let shared = Arc::new(share(
        Parts {
            options,
            lock,
            digest_key,
            verifier,
            store,
            file,
        },
        &end,
    ));
    let opened = opened(&shared, &end);
    let mut signer = Signer::new(Arc::clone(&shared), end.tree, signing_key);
    shared.write(Weight::Aftermath, |writer, time| writer.append_event(time, &opened))?;
    // Before anybody can write. Where the key was handed over, both sign: whichever is found next time is right.
    signer.sign_all(None, &former.iter().collect::<Vec<_>>())?;
    match handed_over {
        Some(next) => next.install(&end.key_note.unwrap_or_default(), &shared.verifier())?,
        None => keys::write_public(&layout, &shared.verifier())?,
    }
    Ok((shared, signer))
}

struct Parts {
    options: LedgerOptions,
    lock: File,
    digest_key: DigestKey,
    verifier: VerifierKey,
    store: Arc<dyn LedgerStore>,
    file: Arc<dyn SegmentFile>,
}

fn share(parts: Parts, end: &LogEnd) -> Shared {
    let low_space = parts
        .store
        .free_bytes()
        .map_or(true, |free| free < parts.options.free_bytes_min);
    let progress = Progress::default();
    progress.written.store(end.events, Ordering::Release);
    Shared {
        state: Mutex::new(State {
            writer: Writer::new(end.events, end.segment),
            file: parts.file,
            segment_bytes: end.segment_bytes,
            segment_time: end.segment_time,
            dirty_since: None,
            disk_wanted: false,
            low_space,
            closing: false,
            failed: None,
            checkpoint_events: 0,
            head_events: end.head_events,
            key_wish: None,
        }),
        work: Condvar::new(),
        signing: Condvar::new(),
        store: parts.store,
        options: parts.options,
        ledger: end.ledger,
        verifier: Mutex::new(parts.verifier),
        digest_key: parts.digest_key,
        durable: AtomicU64::new(0),
        broken: AtomicBool::new(false),
        needed_from: AtomicU64::new(u64::MAX),
        waiters: Mutex::default(),
        progress: Arc::new(progress),
        events_before: end.events,
        lock_file: parts.lock,
    }
}

fn opened(shared: &Shared, end: &LogEnd) -> Event {
    let created = end.events == 0;
    Event::LedgerOpened(LedgerOpened {
        program_version: env!("CARGO_PKG_VERSION").into(),
        created,
        unclean: !created && !end.closed,
        torn_bytes: end.torn_bytes,
        verifier_key: shared.verifier().to_string(),
        tree_rebuilt: end.tree_rebuilt.then_some(true),
        digest_check: Some(shared.digest_key.digest(&[])),
    })
}

pub(crate) fn make_directory(path: &Path) -> Result<(), LedgerError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(|error| LedgerError::io("create", path, &error))
}

fn lock(layout: &Layout) -> Result<File, LedgerError> {
    let path = layout.lock();
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(|error| LedgerError::io("open", &path, &error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(LedgerError::Locked(layout.directory.clone())),
        Err(TryLockError::Error(error)) => Err(LedgerError::io("lock", &path, &error)),
    }
}

/// Refuses a store that a program of another version wrote.
pub(crate) fn check_version(layout: &Layout) -> Result<(), LedgerError> {
    match layout.other_version() {
        Ok(None) => Ok(()),
        Ok(Some(found)) => Err(LedgerError::Version {
            path: layout.directory.clone(),
            found,
            read: STORE_VERSION,
        }),
        Err(error) => Err(LedgerError::io("read", layout.segments(), &error)),
    }
}

/// Refuses a key of digests that isn't the one that the ledger was begun with: its digests could never be compared with
/// those in the log.
fn check_digest_key(layout: &Layout, key: &DigestKey) -> Result<(), LedgerError> {
    let check = match Retired::read(layout)? {
        Some(retired) => retired.body.digest_check,
        None => first_digest_check(layout)?,
    };
    if check.is_some_and(|check| check != key.digest(&[])) {
        return Err(LedgerError::Key {
            path: layout.keys().join(DIGEST_KEY),
            reason: "not the key that this ledger was begun with".into(),
        });
    }
    Ok(())
}

fn first_digest_check(layout: &Layout) -> Result<Option<KeyedDigest>, LedgerError> {
    let mut reader = LogReader::open(layout, layout.first_segment()?, None)?;
    let Found::Record(record) = reader.next()? else {
        return Ok(None);
    };
    match record::decode(record).map(|stored| stored.event) {
        Ok(Event::LedgerOpened(opened)) => Ok(opened.digest_check),
        _ => Ok(None),
    }
}

/// Makes an empty ledger. The signing key gets its name last: where it stands, everything else does.
fn create(layout: &Layout) -> Result<(), LedgerError> {
    let signing_path = layout.keys().join(SIGNING_KEY);
    for segment in layout
        .segment_numbers()
        .map_err(|error| LedgerError::io("list", layout.segments(), &error))?
    {
        let path = layout.segment(segment);
        let bytes = fs::metadata(&path)
            .map_err(|error| LedgerError::io("read", &path, &error))?
            .len();
        if bytes > u64::try_from(HEADER_BYTES).unwrap_or(u64::MAX) {
            return Err(LedgerError::Key {
                path: signing_path,
                reason: "missing, while there are records that it signed".into(),
            });
        }
    }
    let mut ledger = [0; 16];
    keys::draw_into(&mut ledger)?;
    let seed = keys::draw()?;
    let signing_key: SigningKey = keys::signing_key(&seed);
    keys::write(&layout.keys().join(DIGEST_KEY), &keys::draw()?)?;
    let header = SegmentHeader {
        ledger,
        segment: 1,
        first_event: 1,
    };
    let head = TreeHead {
        ledger,
        events: 0,
        root: merkle::empty_root(),
    };
    keys::write_public(layout, &VerifierKey::new(&ledger, signing_key.verifying_key()))?;
    let files = [
        (layout.segment(1), header.encode(), 0o600),
        (layout.checkpoint(), head.sign(&[&signing_key]).into_bytes(), 0o644),
    ];
    for (path, bytes, mode) in files {
        store::write_whole(&path, &bytes, mode).map_err(|error| LedgerError::io("write", path, &error))?;
    }
    let unfinished = layout.keys().join("signing-key.new");
    keys::write(&unfinished, &seed)?;
    fs::rename(&unfinished, &signing_path)
        .and_then(|()| store::sync_directory(&signing_path))
        .map_err(|error| LedgerError::io("write", signing_path, &error))
}
