//! Changes that can be taken back, over the control socket.

use std::sync::Arc;

use anyhow::{Context as _, bail, ensure};
use durward_change::undo::{ChangeId, ChangeRecord, ChangeState};
use durward_console::decide::has_password;
use durward_identity::{Directory, Standing};
use durward_model::{Assurance, CredentialId, CredentialKind, Principal, PrincipalKind, Subject};
use durward_session::{Gateway, UndoReport, UndoWish};

use crate::control::{UndoRequest, WhichChanges};

/// The changes that are asked for, newest first.
pub(crate) fn changes(gateway: &Gateway, which: &WhichChanges) -> anyhow::Result<Vec<ChangeRecord>> {
    let undo = gateway
        .undo
        .as_ref()
        .context("changes are not kept: the option undo is off")?;
    let ids: Vec<ChangeId> = which.ids.iter().map(|id| id.parse()).collect::<Result<_, _>>()?;
    let together = match &which.transaction_of {
        Some(id) => Some(undo.vault.get(id.parse()?)?.transaction),
        None => None,
    };
    for id in &ids {
        undo.vault.get(*id)?;
    }
    let asked = |record: &ChangeRecord| {
        let change = &record.change;
        (ids.is_empty() || ids.contains(&record.id))
            && which.of.as_deref().is_none_or(|name| change.principal.involves(name))
            && which.session.as_deref().is_none_or(|session| change.session == session)
            && together.is_none_or(|transaction| record.transaction == transaction)
            && which.since.is_none_or(|since| record.at >= since)
            && which
                .database
                .as_deref()
                .is_none_or(|database| change.database == database)
    };
    let mut changes = undo.vault.list();
    changes.retain(asked);
    changes.reverse();
    Ok(changes)
}

/// Takes changes back, or looks what that would do.
pub(crate) async fn undo(
    gateway: &Arc<Gateway>,
    directory: &Arc<Directory>,
    wish: &UndoRequest,
    account: &str,
) -> anyhow::Result<UndoReport> {
    let which = &wish.which;
    let narrow =
        !which.ids.is_empty() || which.of.is_some() || which.session.is_some() || which.transaction_of.is_some();
    ensure!(
        narrow,
        "say which changes: their numbers, --session, --transaction-of, or --of IDENTITY with --since"
    );
    ensure!(
        which.of.is_none() || which.since.is_some() || !which.ids.is_empty(),
        "--of needs --since: how far back?"
    );
    let mut found = changes(gateway, which)?;
    // Named ones must be there to be taken back; of many, those that are.
    if which.ids.is_empty() {
        found.retain(|record| matches!(record.state, ChangeState::Committed | ChangeState::Unknown));
    }
    ensure!(!found.is_empty(), "no change fits that could be taken back");
    if let Some(name) = &wish.identity {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?;
        let opens = |database: &str| has_password(directory, name, database, now.as_secs());
        let barred = found.iter().find(|record| !opens(&record.change.database));
        if let Some(record) = barred {
            let (id, database) = (record.id, &record.change.database);
            bail!("{name} has no password that opens {database}, where {id} was made");
        }
    }
    let principal = match &wish.identity {
        // It speaks through the system account: no credential of its own is shown.
        Some(name) => Principal {
            credential_kind: CredentialKind::SystemAccount,
            credential: CredentialId(account.into()),
            ..directory
                .principal(name)
                .with_context(|| format!("there is no local identity {name}"))?
        },
        None => system_account(account),
    };
    let standing = Standing::inside(Arc::clone(directory), Arc::new(principal.clone()));
    let report = gateway
        .undo(UndoWish {
            changes: found.iter().map(|record| record.id).collect(),
            principal,
            standing,
            partial: wish.partial,
            plan_only: wish.plan_only,
            reason: wish.reason.clone(),
        })
        .await?;
    Ok(report)
}

/// Whoever may use the gateway's own account may do what operators may.
fn system_account(account: &str) -> Principal {
    Principal {
        subject: Subject {
            name: account.into(),
            kind: PrincipalKind::Operator,
        },
        actors: Vec::new(),
        groups: Vec::new(),
        subject_groups: Vec::new(),
        assurance: Assurance::Issued,
        credential_kind: CredentialKind::SystemAccount,
        credential: CredentialId(account.into()),
        purpose: None,
    }
}
