//! What utility statements do: everything but SELECT, INSERT, UPDATE, DELETE, MERGE.
//!
//! A statement kind that has no place in the dispatch below is opaque.

mod alter;
mod code;
mod command;
mod data;
mod drop;
mod object;
mod role;
mod session;
pub(crate) mod setting;
mod table;

pub(crate) use drop::name_parts;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use durward_model::{AccessModes, HazardKind, ObjectKind, QualifiedName, RelationKind, StatementClass};
use pg_query::protobuf::{DefElem, RangeVar};
use pg_query::{Node, NodeEnum};

use crate::SessionEffect;
use crate::bind::{Binder, Call, CallKind, Origin};
use crate::catalog::Relation;
use crate::functions;

/// Notes what a utility statement does: class, objects, hazards, session effects. A match over the statement kinds,
/// longer than a screen.
pub(crate) fn statement(binder: &mut Binder<'_>, node: &NodeEnum) {
    if !binder.facts.is_named() {
        binder.facts.command(command::tag(node));
    }
    match node {
        // This session.
        NodeEnum::TransactionStmt(s) => session::transaction(binder, s, &command::tag(node)),
        NodeEnum::VariableSetStmt(s) => session::set(binder, s),
        NodeEnum::VariableShowStmt(_) | NodeEnum::ConstraintsSetStmt(_) => binder.facts.class(StatementClass::Session),
        NodeEnum::DiscardStmt(s) => session::discard(binder, s),
        NodeEnum::PrepareStmt(s) => session::prepare(binder, s),
        NodeEnum::ExecuteStmt(s) => session::execute(binder, s),
        NodeEnum::DeallocateStmt(s) => session::deallocate(binder, s),
        NodeEnum::DeclareCursorStmt(s) => session::declare(binder, s),
        NodeEnum::FetchStmt(s) => session::fetch(binder, s),
        NodeEnum::ClosePortalStmt(s) => session::close(binder, s),
        NodeEnum::ListenStmt(_) | NodeEnum::UnlistenStmt(_) => {
            binder.facts.class(StatementClass::Session);
            binder.facts.effect(SessionEffect::Listen);
        }
        NodeEnum::NotifyStmt(_) => {
            binder.facts.class(StatementClass::Session);
            binder.facts.effect(SessionEffect::Notify);
        }
        NodeEnum::LoadStmt(s) => {
            binder.facts.class(StatementClass::Session);
            binder.facts.hazard(HazardKind::UntrustedCode, s.filename.as_str());
        }

        // Rows.
        NodeEnum::CopyStmt(s) => data::copy(binder, s),
        NodeEnum::ExplainStmt(s) => data::explain(binder, s),
        NodeEnum::CallStmt(s) => data::call(binder, s),
        NodeEnum::DoStmt(s) => code::do_block(binder, s),
        NodeEnum::TruncateStmt(s) => data::truncate(binder, s),
        NodeEnum::LockStmt(s) => data::lock(binder, s),
        NodeEnum::VacuumStmt(s) => data::vacuum(binder, s),
        NodeEnum::ClusterStmt(s) => data::cluster(binder, s),
        NodeEnum::ReindexStmt(s) => data::reindex(binder, s),
        NodeEnum::RefreshMatViewStmt(s) => data::refresh(binder, s),
        NodeEnum::CheckPointStmt(_) => {
            binder.facts.class(StatementClass::Maintenance);
            binder.facts.hazard(HazardKind::ResourceUse, "CHECKPOINT");
        }

        // Relations.
        NodeEnum::CreateStmt(s) => table::create(binder, s, RelationKind::Table),
        NodeEnum::CreateTableAsStmt(s) => table::create_as(binder, s),
        NodeEnum::ViewStmt(s) => table::view(binder, s),
        NodeEnum::IndexStmt(s) => table::index(binder, s),
        NodeEnum::CreateSeqStmt(s) => table::sequence(binder, s),
        NodeEnum::AlterSeqStmt(s) => table::alter_sequence(binder, s),
        NodeEnum::CreateForeignTableStmt(s) => table::foreign_table(binder, s),
        NodeEnum::AlterTableStmt(s) => alter::table(binder, s),
        NodeEnum::AlterTableMoveAllStmt(s) => alter::move_all(binder, s),
        NodeEnum::DropStmt(s) => drop::drop(binder, s),
        NodeEnum::RenameStmt(s) => object::rename(binder, s),
        NodeEnum::AlterObjectSchemaStmt(s) => object::set_schema(binder, s),
        NodeEnum::AlterOwnerStmt(s) => object::owner(binder, s),
        NodeEnum::CommentStmt(s) => object::comment(binder, s),
        NodeEnum::CreateSchemaStmt(s) => object::schema(binder, s),
        NodeEnum::CreateStatsStmt(s) => object::statistics(binder, s),
        NodeEnum::AlterStatsStmt(s) => object::named(binder, ObjectKind::Other, &s.defnames, AccessModes::ALTER),
        NodeEnum::AlterObjectDependsStmt(_) => ddl(binder),

        // Types.
        NodeEnum::CreateDomainStmt(s) => object::domain(binder, s),
        NodeEnum::AlterDomainStmt(s) => object::alter_domain(binder, s),
        NodeEnum::CompositeTypeStmt(s) => object::composite(binder, s),
        NodeEnum::CreateEnumStmt(s) => object::named(binder, ObjectKind::Type, &s.type_name, AccessModes::CREATE),
        NodeEnum::AlterEnumStmt(s) => object::alter_enum(binder, s),
        NodeEnum::CreateRangeStmt(s) => object::named(binder, ObjectKind::Type, &s.type_name, AccessModes::CREATE),
        NodeEnum::AlterTypeStmt(s) => object::planted(binder, ObjectKind::Type, &s.type_name, AccessModes::ALTER),
        NodeEnum::AlterCollationStmt(s) => object::named(binder, ObjectKind::Other, &s.collname, AccessModes::ALTER),
        NodeEnum::AlterTsdictionaryStmt(s) => object::named(binder, ObjectKind::Other, &s.dictname, AccessModes::ALTER),
        NodeEnum::AlterTsconfigurationStmt(s) => {
            object::named(binder, ObjectKind::Other, &s.cfgname, AccessModes::ALTER);
        }

        // Code.
        NodeEnum::CreateFunctionStmt(s) => code::function(binder, s),
        NodeEnum::AlterFunctionStmt(s) => code::alter_function(binder, s),
        NodeEnum::CreateTrigStmt(s) => code::trigger(binder, s),
        NodeEnum::CreateEventTrigStmt(s) => object::simple(
            binder,
            ObjectKind::Trigger,
            &s.trigname,
            AccessModes::CREATE,
            &[HazardKind::PlantedCode],
        ),
        NodeEnum::AlterEventTrigStmt(s) => code::alter_event_trigger(binder, s),
        NodeEnum::RuleStmt(s) => code::rule(binder, s),
        NodeEnum::CreatePolicyStmt(s) => code::policy(binder, s),
        NodeEnum::AlterPolicyStmt(s) => code::alter_policy(binder, s),
        NodeEnum::DefineStmt(s) => code::define(binder, s),
        NodeEnum::CreateCastStmt(_) => object::simple(
            binder,
            ObjectKind::Other,
            "cast",
            AccessModes::CREATE,
            &[HazardKind::PlantedCode],
        ),
        NodeEnum::CreateTransformStmt(s) => object::simple(
            binder,
            ObjectKind::Other,
            &s.lang,
            AccessModes::CREATE,
            &[HazardKind::PlantedCode],
        ),
        NodeEnum::CreateConversionStmt(s) => {
            object::planted(binder, ObjectKind::Other, &s.conversion_name, AccessModes::CREATE)
        }
        NodeEnum::CreateOpClassStmt(s) => {
            object::planted(binder, ObjectKind::Other, &s.opclassname, AccessModes::CREATE)
        }
        NodeEnum::CreateOpFamilyStmt(s) => {
            object::planted(binder, ObjectKind::Other, &s.opfamilyname, AccessModes::CREATE)
        }
        NodeEnum::AlterOpFamilyStmt(s) => {
            object::planted(binder, ObjectKind::Other, &s.opfamilyname, AccessModes::ALTER)
        }
        NodeEnum::AlterOperatorStmt(_) => object::simple(
            binder,
            ObjectKind::Other,
            "operator",
            AccessModes::ALTER,
            &[HazardKind::PlantedCode],
        ),
        NodeEnum::CreateAmStmt(s) => object::simple(
            binder,
            ObjectKind::Other,
            &s.amname,
            AccessModes::CREATE,
            &[HazardKind::UntrustedCode],
        ),
        NodeEnum::CreatePlangStmt(s) => object::simple(
            binder,
            ObjectKind::Other,
            &s.plname,
            AccessModes::CREATE,
            &[HazardKind::UntrustedCode],
        ),

        // Rights.
        NodeEnum::GrantStmt(s) => role::grant(binder, s),
        NodeEnum::GrantRoleStmt(s) => role::grant_role(binder, s),
        NodeEnum::AlterDefaultPrivilegesStmt(_) => role::privilege(binder, "default privileges"),
        NodeEnum::CreateRoleStmt(s) => role::role(binder, &s.role, AccessModes::CREATE),
        NodeEnum::AlterRoleStmt(s) => role::role(binder, &role::spec(s.role.as_ref()), AccessModes::ALTER),
        NodeEnum::AlterRoleSetStmt(s) => role::alter_role_set(binder, s),
        NodeEnum::DropRoleStmt(s) => role::drop(binder, s),
        NodeEnum::ReassignOwnedStmt(s) => role::reassign(binder, &s.roles),
        NodeEnum::DropOwnedStmt(s) => role::drop_owned(binder, &s.roles),
        NodeEnum::SecLabelStmt(s) => role::privilege(binder, &s.provider),

        // The server.
        NodeEnum::AlterSystemStmt(s) => {
            let name = s.setstmt.as_ref().map_or("", |set| set.name.as_str());
            object::simple(
                binder,
                ObjectKind::Setting,
                name,
                AccessModes::ALTER,
                &[HazardKind::Configuration],
            );
        }
        NodeEnum::AlterDatabaseSetStmt(s) => database(binder, &s.dbname, AccessModes::ALTER),
        NodeEnum::AlterDatabaseStmt(s) => database(binder, &s.dbname, AccessModes::ALTER),
        NodeEnum::AlterDatabaseRefreshCollStmt(s) => database(binder, &s.dbname, AccessModes::ALTER),
        NodeEnum::CreatedbStmt(s) => database(binder, &s.dbname, AccessModes::CREATE),
        NodeEnum::DropdbStmt(s) => object::simple(
            binder,
            ObjectKind::Database,
            &s.dbname,
            AccessModes::DROP,
            &[HazardKind::Drop],
        ),
        NodeEnum::CreateTableSpaceStmt(s) => object::simple(
            binder,
            ObjectKind::Tablespace,
            &s.tablespacename,
            AccessModes::CREATE,
            &[HazardKind::ServerFile, HazardKind::Configuration],
        ),
        NodeEnum::DropTableSpaceStmt(s) => object::simple(
            binder,
            ObjectKind::Tablespace,
            &s.tablespacename,
            AccessModes::DROP,
            &[HazardKind::Drop],
        ),
        NodeEnum::AlterTableSpaceOptionsStmt(s) => object::simple(
            binder,
            ObjectKind::Tablespace,
            &s.tablespacename,
            AccessModes::ALTER,
            &[HazardKind::Configuration],
        ),
        NodeEnum::CreateExtensionStmt(s) => extension(binder, &s.extname, AccessModes::CREATE),
        NodeEnum::AlterExtensionStmt(s) => extension(binder, &s.extname, AccessModes::ALTER),
        NodeEnum::AlterExtensionContentsStmt(s) => extension(binder, &s.extname, AccessModes::ALTER),

        // Other servers.
        NodeEnum::CreateFdwStmt(s) => foreign(binder, &s.fdwname, AccessModes::CREATE),
        NodeEnum::AlterFdwStmt(s) => foreign(binder, &s.fdwname, AccessModes::ALTER),
        NodeEnum::CreateForeignServerStmt(s) => foreign(binder, &s.servername, AccessModes::CREATE),
        NodeEnum::AlterForeignServerStmt(s) => foreign(binder, &s.servername, AccessModes::ALTER),
        NodeEnum::CreateUserMappingStmt(s) => foreign(binder, &s.servername, AccessModes::CREATE),
        NodeEnum::AlterUserMappingStmt(s) => foreign(binder, &s.servername, AccessModes::ALTER),
        NodeEnum::DropUserMappingStmt(s) => {
            foreign(binder, &s.servername, AccessModes::DROP);
            binder.facts.hazard(HazardKind::Drop, s.servername.as_str());
        }
        NodeEnum::ImportForeignSchemaStmt(s) => foreign(binder, &s.server_name, AccessModes::CREATE),
        NodeEnum::CreatePublicationStmt(s) => replication(binder, &s.pubname, AccessModes::CREATE),
        NodeEnum::AlterPublicationStmt(s) => replication(binder, &s.pubname, AccessModes::ALTER),
        NodeEnum::CreateSubscriptionStmt(s) => subscription(binder, &s.subname, AccessModes::CREATE),
        NodeEnum::AlterSubscriptionStmt(s) => subscription(binder, &s.subname, AccessModes::ALTER),
        NodeEnum::DropSubscriptionStmt(s) => {
            subscription(binder, &s.subname, AccessModes::DROP);
            binder.facts.hazard(HazardKind::Drop, s.subname.as_str());
        }
        other => {
            let name = format!("{other:?}");
            let name = name.split(['(', ' ', '{']).next().unwrap_or_default();
            binder.facts.class(StatementClass::Unknown);
            binder.facts.opaque(name, "a statement of this kind is not known");
            binder.facts.effect(SessionEffect::ChangesCatalog);
            binder.facts.effect(SessionEffect::MayChangeSettings);
        }
    }
}

fn database(binder: &mut Binder<'_>, name: &str, modes: AccessModes) {
    object::simple(binder, ObjectKind::Database, name, modes, &[HazardKind::Configuration]);
}

fn extension(binder: &mut Binder<'_>, name: &str, modes: AccessModes) {
    object::simple(binder, ObjectKind::Extension, name, modes, &[HazardKind::Extension]);
}

fn foreign(binder: &mut Binder<'_>, name: &str, modes: AccessModes) {
    object::simple(binder, ObjectKind::Foreign, name, modes, &[HazardKind::ForeignData]);
}

fn replication(binder: &mut Binder<'_>, name: &str, modes: AccessModes) {
    object::simple(binder, ObjectKind::Foreign, name, modes, &[HazardKind::Replication]);
}

fn subscription(binder: &mut Binder<'_>, name: &str, modes: AccessModes) {
    object::simple(
        binder,
        ObjectKind::Foreign,
        name,
        modes,
        &[HazardKind::Replication, HazardKind::ForeignData],
    );
}

/// Notes that objects are made, changed or dropped, with the event triggers that this fires.
fn ddl(binder: &mut Binder<'_>) {
    binder.facts.class(StatementClass::Ddl);
    binder.facts.effect(SessionEffect::ChangesCatalog);
    fire_event_triggers(binder);
}

fn fire_event_triggers(binder: &mut Binder<'_>) {
    let catalog = binder.catalog;
    for trigger in catalog.event_triggers() {
        let fires = match trigger.enabled {
            'D' => false,
            'R' => &*binder.settings.session_replication_role == "replica",
            'O' => &*binder.settings.session_replication_role != "replica",
            _ => true,
        };
        if !fires || &*trigger.event == "login" {
            continue;
        }
        match catalog.function(trigger.function) {
            Some(function) => {
                let candidates = [Arc::clone(function)];
                let call = Call {
                    candidates: &candidates,
                    arguments: &[],
                    how: CallKind::Trigger,
                };
                binder.nested(Origin::Code, |binder| functions::call(binder, &call));
            }
            None => binder
                .facts
                .opaque(&*trigger.name, "event trigger function not in the catalog"),
        }
    }
}

/// DDL on the session's own temporary objects: nobody else sees it.
fn temporary_ddl(binder: &mut Binder<'_>) {
    binder.facts.class(StatementClass::Session);
    binder.facts.effect(SessionEffect::ChangesCatalog);
    fire_event_triggers(binder);
}

/// Notes a use of a relation that should exist, with the object that it is; gives it if the catalog has it.
fn existing(binder: &mut Binder<'_>, range: &RangeVar, modes: AccessModes) -> Option<Arc<Relation>> {
    let direct = binder.is_direct();
    if let Some(relation) = binder.find_relation(range) {
        binder.facts.relation(&relation, modes, direct);
        object_of(binder, &relation, modes);
        return Some(relation);
    }
    let name = written(range);
    binder.not_found("relation", &name);
    let qualified = assumed_name(binder, range);
    binder
        .facts
        .relation_named(qualified, RelationKind::Table, modes, direct);
    None
}

/// Whether a relation is the session's own temporary one.
fn is_own(binder: &Binder<'_>, range: &RangeVar, relation: Option<&Arc<Relation>>) -> bool {
    if range.schemaname == "pg_temp" {
        return true;
    }
    let is_made = binder.is_created_temporary(&range.schemaname, &range.relname);
    match relation {
        Some(relation) => {
            let is_temporary = relation.temporary || binder.settings.temp_schema.as_ref() == Some(&relation.schema);
            // Behind a statement that changes what names mean, the name may mean another's.
            is_temporary && (is_made || !binder.have_names_moved())
        }
        None => is_made,
    }
}

/// Notes a relation as an object of DDL.
fn object_of(binder: &mut Binder<'_>, relation: &Relation, modes: AccessModes) {
    let ddl = [
        AccessModes::CREATE,
        AccessModes::ALTER,
        AccessModes::DROP,
        AccessModes::GRANT,
    ]
    .into_iter()
    .filter(|mode| modes.contains(*mode))
    .fold(AccessModes::NONE, AccessModes::union);
    if ddl != AccessModes::NONE {
        binder.facts.object(
            ObjectKind::Relation,
            Some(Arc::clone(&relation.schema)),
            Arc::clone(&relation.name),
            ddl,
        );
    }
}

/// Notes a relation that is made, and gives its name. `temporary` ones live in the session's own schema.
fn created(binder: &mut Binder<'_>, range: &RangeVar, kind: RelationKind) -> QualifiedName {
    let name = assumed_name(binder, range);
    let direct = binder.is_direct();
    binder
        .facts
        .relation_named(name.clone(), kind, AccessModes::CREATE, direct);
    binder.facts.object(
        ObjectKind::Relation,
        Some(Arc::clone(&name.schema)),
        Arc::clone(&name.name),
        AccessModes::CREATE,
    );
    if stands_before_another(binder, &name) {
        binder.facts.hazard(HazardKind::PlantedCode, name.to_string());
    }
    name
}

/// Whether a new relation would be what a name means that means another's today.
fn stands_before_another(binder: &Binder<'_>, name: &QualifiedName) -> bool {
    let mut behind = binder
        .path
        .iter()
        .skip_while(|schema| ***schema != *name.schema)
        .skip(1);
    behind.any(|schema| binder.catalog.relation_in(schema, &name.name).is_some())
}

/// Whether a relation to be made is the session's own.
fn makes_temporary(range: &RangeVar) -> bool {
    range.relpersistence == "t" || range.schemaname == "pg_temp"
}

/// The name that an object not in the catalog would have.
fn assumed_name(binder: &Binder<'_>, range: &RangeVar) -> QualifiedName {
    let schema: Arc<str> = if makes_temporary(range) {
        "pg_temp".into()
    } else if range.schemaname.is_empty() {
        binder.creation_schema()
    } else {
        range.schemaname.as_str().into()
    };
    QualifiedName::new(schema, range.relname.as_str())
}

/// A name as written: `name` or `schema.name`.
fn written(range: &RangeVar) -> String {
    if range.schemaname.is_empty() {
        range.relname.clone()
    } else {
        format!("{}.{}", range.schemaname, range.relname)
    }
}

/// A name for hazards: the relation's own if it was found.
fn hazard_name(range: &RangeVar, relation: Option<&Arc<Relation>>) -> String {
    relation.map_or_else(|| written(range), |relation| relation.reference().name.to_string())
}

/// The option of that name. Of one given twice the server takes the last (EXPLAIN, VACUUM, REINDEX) or none at all.
fn option<'o>(options: &'o [Node], name: &str) -> Option<&'o DefElem> {
    options.iter().rev().find_map(|node| match node.node.as_ref() {
        Some(NodeEnum::DefElem(element)) if element.defname == name => Some(&**element),
        _ => None,
    })
}

/// Whether an option such as ANALYZE or CONCURRENTLY is on: it may stand alone, or have a truth value.
pub(crate) fn is_on(options: &[Node], name: &str) -> bool {
    option(options, name).is_some_and(|element| {
        !matches!(
            option_text(element).to_ascii_lowercase().as_str(),
            "false" | "off" | "0" | "no" | "f" | "n"
        )
    })
}

/// The value of an option as text; empty where it has none.
pub(crate) fn option_text(element: &DefElem) -> String {
    match element.arg.as_ref().and_then(|node| node.node.as_ref()) {
        Some(NodeEnum::String(text)) => text.sval.clone(),
        Some(NodeEnum::Integer(number)) => number.ival.to_string(),
        Some(NodeEnum::Boolean(value)) => value.boolval.to_string(),
        Some(NodeEnum::Float(number)) => number.fval.clone(),
        _ => String::new(),
    }
}
