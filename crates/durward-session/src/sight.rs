//! What a session knows of the settings and the catalog under which its texts are read, and when that has grown old.

use std::sync::Arc;

use durward_model::StatementClass;
use durward_sql::catalog::{CatalogPart, TransactionId};
use durward_sql::{AnalysisContext, AnalyzedStatement, CatalogSnapshot, SessionEffect, SessionSettings};

/// What an analysis rests on: equal stamps mean that it still holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp {
    catalog: u64,
    settings: [u8; 16],
    /// `standard_conforming_strings`: what is prepared keeps the reading that it was prepared with.
    conforming: bool,
}

impl Stamp {
    /// Whether a text of then may hold other strings than it would now.
    pub(crate) fn reads_otherwise(&self, now: &Self, text: &str) -> bool {
        self.conforming != now.conforming && text.contains('\\')
    }
}

/// The session's view.
#[derive(Debug)]
pub(crate) struct Sight {
    pub(crate) context: AnalysisContext,
    /// A transaction that was under way before the session's first.
    pub(crate) began: TransactionId,
    /// What this session last read over its own connection with no transaction open. Only a session with temporary objects has
    /// it, whose next reading starts from there.
    pub(crate) own_base: Option<Arc<CatalogPart>>,
    /// The catalog is this session's own: it has temporary objects, or changes of its open transaction.
    pub(crate) catalog_is_private: bool,
    /// Settings may have changed since they were read.
    pub(crate) settings_stale: bool,
    /// The catalog may have changed, by this session, since it was read.
    pub(crate) catalog_stale: bool,
    /// Settings were changed in the open transaction; its end may take that back.
    settings_touched: bool,
    /// The catalog was changed in the open transaction; its end publishes or undoes that.
    catalog_touched: bool,
}

impl Sight {
    pub(crate) fn new(settings: SessionSettings, catalog: Arc<CatalogSnapshot>) -> Self {
        let catalog_stale = settings.temp_schema.is_some();
        Self {
            began: catalog.rest().since(),
            own_base: None,
            context: AnalysisContext {
                catalog,
                settings: Arc::new(settings),
                catalog_is_current: false,
            },
            catalog_is_private: false,
            settings_stale: false,
            catalog_stale,
            settings_touched: false,
            catalog_touched: false,
        }
    }

    pub(crate) fn stamp(&self) -> Stamp {
        Stamp {
            catalog: self.context.catalog.generation(),
            settings: *self.context.settings.digest(),
            conforming: self.context.settings.standard_conforming_strings,
        }
    }

    /// Whether the end of the open transaction may change settings.
    pub(crate) fn has_touched_settings(&self) -> bool {
        self.settings_touched
    }

    pub(crate) fn is_stale(&self) -> bool {
        self.settings_stale || self.catalog_stale
    }

    /// Takes the shared catalog's latest state, unless the session has a catalog of its own. That one is stale
    /// whenever the shared one has moved.
    pub(crate) fn follow(&mut self, shared: &Arc<CatalogSnapshot>, followed: &mut u64) {
        if *followed == shared.generation() {
            return;
        }
        *followed = shared.generation();
        if self.catalog_is_private {
            self.catalog_stale = true;
        } else {
            self.context.catalog = Arc::clone(shared);
        }
    }

    pub(crate) fn set_settings(&mut self, settings: SessionSettings) {
        self.settings_stale = false;
        let settings = settings.following(&self.context.settings);
        if *self.context.settings != settings {
            self.context.settings = Arc::new(settings);
        }
    }

    pub(crate) fn set_catalog(&mut self, catalog: Arc<CatalogSnapshot>, private: bool) {
        self.catalog_stale = false;
        self.catalog_is_private = private;
        if !private {
            self.own_base = None;
        }
        self.context.catalog = catalog;
    }

    /// Whether the session needs a catalog of its own: one that the gateway's own connection can't see.
    pub(crate) fn needs_own_catalog(&self, in_transaction: bool) -> bool {
        (in_transaction && self.catalog_touched) || self.context.settings.temp_schema.is_some()
    }

    /// Whether our own catalog queries, which name operators without a schema, find the built-in ones: `pg_catalog`
    /// comes first unless the client says otherwise.
    pub(crate) fn own_queries_are_safe(&self) -> bool {
        let settings = &self.context.settings;
        settings
            .search_path
            .iter()
            .find(|schema| settings.temp_schema.as_deref() != Some(schema))
            .is_some_and(|first| &**first == "pg_catalog")
    }

    /// A statement with this effect has been forwarded.
    pub(crate) fn note(&mut self, effect: &SessionEffect) {
        match effect {
            SessionEffect::SetSetting { name, .. } if !matters(name) => {}
            SessionEffect::SetSetting { .. } | SessionEffect::ResetAll | SessionEffect::MayChangeSettings => {
                self.touch_settings();
            }
            SessionEffect::DiscardAll => {
                self.touch_settings();
                self.touch_catalog();
            }
            SessionEffect::ChangesCatalog => {
                // A first temporary object gives the session a schema of its own, which is a setting of a kind.
                self.touch_settings();
                self.touch_catalog();
            }
            SessionEffect::Commit { .. }
            | SessionEffect::Rollback { .. }
            | SessionEffect::RollbackTo { .. }
            | SessionEffect::TwoPhase => {
                self.settings_stale |= self.settings_touched;
                self.catalog_stale |= self.catalog_touched;
            }
            SessionEffect::Begin
            | SessionEffect::Savepoint { .. }
            | SessionEffect::Release { .. }
            | SessionEffect::DiscardSome
            | SessionEffect::Prepare { .. }
            | SessionEffect::Execute { .. }
            | SessionEffect::Deallocate { .. }
            | SessionEffect::DeclareCursor { .. }
            | SessionEffect::Fetch { .. }
            | SessionEffect::CloseCursor { .. }
            | SessionEffect::CopyIn
            | SessionEffect::CopyOut
            | SessionEffect::Listen
            | SessionEffect::Notify => {}
        }
    }

    /// The server is idle again: what the transaction did has been made or undone. Says whether the catalog may have
    /// changed for everybody.
    pub(crate) fn end_transaction(&mut self) -> bool {
        self.settings_stale |= std::mem::take(&mut self.settings_touched);
        let catalog_touched = std::mem::take(&mut self.catalog_touched);
        self.catalog_stale |= catalog_touched;
        catalog_touched
    }

    /// Whether an effect of `statement` can change how later statements of the same text are read, in a way that
    /// only the server knows.
    pub(crate) fn blurs(&self, statement: &AnalyzedStatement) -> bool {
        statement.effects.iter().any(|effect| match effect {
            SessionEffect::SetSetting { name, .. } => matters(name),
            SessionEffect::ResetAll | SessionEffect::DiscardAll | SessionEffect::MayChangeSettings => true,
            // The end of a transaction takes back settings, and with them temporary relations or a definition.
            SessionEffect::Commit { .. }
            | SessionEffect::Rollback { .. }
            | SessionEffect::RollbackTo { .. }
            | SessionEffect::TwoPhase => self.settings_touched || self.settings_stale || self.catalog_touched,
            _ => false,
        })
    }

    fn touch_settings(&mut self) {
        self.settings_stale = true;
        self.settings_touched = true;
    }

    fn touch_catalog(&mut self) {
        self.catalog_stale = true;
        self.catalog_touched = true;
    }
}

/// Whether analysis or policy rests on this setting; the columns of the settings probe.
fn matters(name: &str) -> bool {
    matches!(
        name,
        "search_path"
            | "role"
            | "session_authorization"
            | "standard_conforming_strings"
            | "backslash_quote"
            | "client_encoding"
            | "names"
            | "row_security"
            | "session_replication_role"
            | "transform_null_equals"
            | "check_function_bodies"
    )
}

/// Whether what a statement means depends on settings or the catalog at all. An expression does, whatever the facts say:
/// an operator that the path doesn't find yet leaves no trace in them.
pub(crate) fn depends_on_names(statement: &AnalyzedStatement) -> bool {
    let facts = &statement.facts;
    let holds_no_expression = match facts.class {
        StatementClass::Transaction => true,
        StatementClass::Session => !statement.effects.iter().any(|effect| {
            matches!(
                effect,
                SessionEffect::Prepare { .. }
                    | SessionEffect::Execute { .. }
                    | SessionEffect::DeclareCursor { .. }
                    | SessionEffect::Fetch { .. }
            )
        }),
        StatementClass::Read
        | StatementClass::Write
        | StatementClass::Maintenance
        | StatementClass::Ddl
        | StatementClass::Privilege
        | StatementClass::Unknown => false,
    };
    !(holds_no_expression
        && facts.relations.is_empty()
        && facts.functions.is_empty()
        && facts.objects.is_empty()
        && facts.opaque.is_empty()
        && statement.unresolved.is_empty())
}
