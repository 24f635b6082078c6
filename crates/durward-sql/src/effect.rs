use std::sync::Arc;

/// What a session must track after a statement has run, beyond what the facts say. A statement may have several.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum SessionEffect {
    /// BEGIN or START TRANSACTION.
    Begin,
    /// COMMIT or END.
    Commit {
        /// AND CHAIN: another transaction follows at once.
        chain: bool,
    },
    /// ROLLBACK or ABORT. Settings and objects of the transaction are undone.
    Rollback {
        /// AND CHAIN: another transaction follows at once.
        chain: bool,
    },
    /// SAVEPOINT.
    Savepoint {
        /// Its name.
        name: Arc<str>,
    },
    /// ROLLBACK TO SAVEPOINT. Settings and objects since then are undone.
    RollbackTo {
        /// Its name.
        name: Arc<str>,
    },
    /// RELEASE SAVEPOINT.
    Release {
        /// Its name.
        name: Arc<str>,
    },
    /// PREPARE TRANSACTION, COMMIT PREPARED or ROLLBACK PREPARED.
    TwoPhase,
    /// SET or RESET of one setting, ALTER of a role's or database's is not meant.
    SetSetting {
        /// The setting, lower case; `role` and `session_authorization` for SET ROLE and SET SESSION AUTHORIZATION.
        name: Arc<str>,
        /// SET LOCAL: undone at the transaction's end.
        local: bool,
    },
    /// RESET ALL.
    ResetAll,
    /// DISCARD ALL: settings, temporary tables, prepared statements, cursors.
    DiscardAll,
    /// DISCARD PLANS, SEQUENCES or TEMP; the last drops temporary tables, and comes with [`Self::ChangesCatalog`].
    DiscardSome,
    /// PREPARE: a statement is stored under a name. The facts of the PREPARE contain those of its body.
    Prepare {
        /// The name, as stored.
        name: Arc<str>,
        /// The body's facts, for EXECUTE.
        body: Arc<crate::AnalyzedStatement>,
    },
    /// EXECUTE of a prepared statement: what happens is what its PREPARE (or Parse message) held, which the session
    /// knows. These facts hold the arguments' alone.
    Execute {
        /// The name, as stored.
        name: Arc<str>,
    },
    /// DEALLOCATE.
    Deallocate {
        /// `None` for DEALLOCATE ALL.
        name: Option<Arc<str>>,
    },
    /// DECLARE CURSOR. The facts contain those of its query.
    DeclareCursor {
        /// The name, as stored.
        name: Arc<str>,
    },
    /// FETCH from a cursor or MOVE of it.
    Fetch {
        /// The name, as stored.
        name: Arc<str>,
    },
    /// CLOSE of a cursor.
    CloseCursor {
        /// `None` for CLOSE ALL.
        name: Option<Arc<str>>,
    },
    /// The catalog changes: DDL, temporary tables included. The snapshot is stale once it has run.
    ChangesCatalog,
    /// Settings may change in a way that the text doesn't show: `set_config`, functions not seen through. The session
    /// probes its settings again.
    MayChangeSettings,
    /// COPY … FROM STDIN.
    CopyIn,
    /// COPY … TO STDOUT.
    CopyOut,
    /// LISTEN, UNLISTEN.
    Listen,
    /// NOTIFY.
    Notify,
}
