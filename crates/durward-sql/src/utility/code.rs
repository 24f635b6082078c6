//! Statements that make code, or run it: functions, triggers, rules, policies, operators, DO.

use std::sync::Arc;

use durward_model::{AccessModes, HazardKind, ObjectKind};
use pg_query::protobuf::{
    AlterEventTrigStmt, AlterFunctionStmt, AlterPolicyStmt, CreateFunctionStmt, CreatePolicyStmt, CreateTrigStmt,
    DefElem, DefineStmt, DoStmt, ObjectType, RangeVar, RuleStmt,
};

use pg_query::{Node, NodeEnum};

use super::{ddl, existing, hazard_name, is_own, object, option, option_text};
use crate::SessionEffect;
use crate::bind::{Binder, FactsBuilder, Origin};
use crate::functions::constant;
use crate::plpgsql;

/// DO: PL/pgSQL is read, any other language can't be.
pub(super) fn do_block(binder: &mut Binder<'_>, statement: &DoStmt) {
    let language = option(&statement.args, "language").map_or_else(|| "plpgsql".to_owned(), option_text);
    let body = option(&statement.args, "as").map(option_text);
    match (language.as_str(), body) {
        ("plpgsql", Some(body)) => plpgsql::do_block(binder, &body),
        (language, _) => {
            if !is_trusted(language) {
                binder.facts.hazard(HazardKind::UntrustedCode, language);
            }
            binder.facts.opaque("DO", format!("language {language}"));
            binder.facts.effect(SessionEffect::MayChangeSettings);
        }
    }
}

/// Languages whose code can't leave the server's rules. An unknown one may.
fn is_trusted(language: &str) -> bool {
    matches!(language, "sql" | "plpgsql" | "plperl" | "pltcl" | "plv8")
}

/// CREATE FUNCTION and PROCEDURE. The body isn't run: it is judged when it is called, and what would be refused then isn't
/// left for others to call before anybody can see it.
pub(super) fn function(binder: &mut Binder<'_>, statement: &CreateFunctionStmt) {
    object::named(binder, ObjectKind::Function, &statement.funcname, AccessModes::CREATE);
    let parts = constant::names(&statement.funcname);
    let name = parts.join(".");
    let language = option(&statement.options, "language").map_or_else(|| "sql".to_owned(), option_text);
    if !is_trusted(&language) {
        binder.facts.hazard(HazardKind::UntrustedCode, name.as_str());
    }
    if option(&statement.options, "security").is_some_and(|element| option_text(element) == "true") {
        binder.facts.hazard(HazardKind::PlantedCode, name.as_str());
    }
    // Code that others call already would do something else from now on: in its place, or by fitting a call better.
    if may_be_called_already(binder, &parts) {
        binder.facts.hazard(HazardKind::PlantedCode, name.as_str());
    }
    for parameter in &statement.parameters {
        if let Some(NodeEnum::FunctionParameter(parameter)) = &parameter.node
            && let Some(default) = parameter.defexpr.as_deref()
        {
            binder.expression(default);
        }
    }
    if is_harmful(binder, statement, &language) {
        binder.facts.hazard(HazardKind::HarmfulCode, name);
    }
}

/// Whether a function's body holds a hazard, as far as it can be read.
fn is_harmful(binder: &mut Binder<'_>, statement: &CreateFunctionStmt, language: &str) -> bool {
    let mut names: Vec<Arc<str>> = statement
        .parameters
        .iter()
        .filter_map(|node| match &node.node {
            Some(NodeEnum::FunctionParameter(parameter)) => Some(parameter.name.as_str().into()),
            _ => None,
        })
        .collect();
    names.extend(
        constant::names(&statement.funcname)
            .last()
            .map(|name| name.as_str().into()),
    );
    let text = option(&statement.options, "as").and_then(body_text);
    // What the body does isn't done by this statement.
    let own = std::mem::replace(&mut binder.facts, FactsBuilder::new(""));
    binder.nested(Origin::Code, |binder| {
        binder.with_variables(names, |binder| match (&statement.sql_body, text) {
            (Some(body), _) => standard_body(binder, body),
            (None, Some(text)) if language == "sql" => binder.sql_text(&text, "its body"),
            (None, Some(text)) if language == "plpgsql" => plpgsql::do_block(binder, &text),
            (None, _) => {}
        });
    });
    let body = std::mem::replace(&mut binder.facts, own);
    body.hazards()
        .any(|kind| !matches!(kind, HazardKind::ResourceUse | HazardKind::AdvisoryLock))
}

/// The text behind AS; a library's file and symbol aren't one.
fn body_text(element: &DefElem) -> Option<String> {
    match element.arg.as_ref()?.node.as_ref()? {
        NodeEnum::List(list) => match list.items.as_slice() {
            [only] => match only.node.as_ref()? {
                NodeEnum::String(text) => Some(text.sval.clone()),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    }
}

/// The statements of `RETURN …` or `BEGIN ATOMIC …; END`.
fn standard_body(binder: &mut Binder<'_>, node: &Node) {
    match node.node.as_ref() {
        Some(NodeEnum::List(list)) => list.items.iter().for_each(|item| standard_body(binder, item)),
        Some(NodeEnum::ReturnStmt(returned)) => {
            if let Some(value) = returned.returnval.as_deref() {
                binder.expression(value);
            }
        }
        Some(statement) => binder.statement(statement),
        None => {}
    }
}

/// Whether a call may mean the new function that means another today: one of the same name stands where it would, among
/// the built-in ones, or in the path.
fn may_be_called_already(binder: &Binder<'_>, parts: &[String]) -> bool {
    let schema = binder.creation_schema();
    let (schema, name) = match parts {
        [name] => (&*schema, name),
        [.., schema, name] => (schema.as_str(), name),
        [] => return false,
    };
    binder
        .catalog
        .functions_named(name)
        .any(|function| *function.schema == *schema || binder.path.contains(&function.schema))
}

/// ALTER FUNCTION: the code stays, but whose rights it runs with and under which settings may change.
pub(super) fn alter_function(binder: &mut Binder<'_>, statement: &AlterFunctionStmt) {
    let names = statement
        .func
        .as_ref()
        .map(|function| function.objname.clone())
        .unwrap_or_default();
    object::named(binder, ObjectKind::Function, &names, AccessModes::ALTER);
    let name = constant::names(&names).join(".");
    let plants = statement.actions.iter().any(|node| match &node.node {
        Some(NodeEnum::DefElem(element)) => match element.defname.as_str() {
            "security" => option_text(element) == "true",
            "set" | "leakproof" | "support" => true,
            _ => false,
        },
        _ => true,
    });
    if plants {
        binder.facts.hazard(HazardKind::PlantedCode, name);
    }
}

/// A relation that gets code of its own: what others do to it runs the code.
fn planted_on(
    binder: &mut Binder<'_>,
    range: Option<&RangeVar>,
    (kind, modes): (ObjectKind, AccessModes),
    name: &str,
) -> bool {
    ddl(binder);
    let Some(range) = range else {
        binder.facts.opaque(name, "without a table");
        return false;
    };
    let relation = existing(binder, range, AccessModes::ALTER);
    let schema = relation.as_ref().map(|relation| Arc::clone(&relation.schema));
    binder.facts.object(kind, schema, name, modes);
    if is_own(binder, range, relation.as_ref()) {
        return false;
    }
    binder
        .facts
        .hazard(HazardKind::PlantedCode, hazard_name(range, relation.as_ref()));
    true
}

pub(super) fn trigger(binder: &mut Binder<'_>, statement: &CreateTrigStmt) {
    planted_on(
        binder,
        statement.relation.as_ref(),
        (ObjectKind::Trigger, AccessModes::CREATE),
        &statement.trigname,
    );
    if let Some(condition) = statement.when_clause.as_deref() {
        binder.with_variables(["old".into(), "new".into()], |binder| binder.expression(condition));
    }
}

pub(super) fn alter_event_trigger(binder: &mut Binder<'_>, statement: &AlterEventTrigStmt) {
    // D disables it; R lets it fire on replicas only.
    let hazards: &[HazardKind] = match statement.tgenabled.as_str() {
        "O" | "A" => &[HazardKind::PlantedCode],
        _ => &[HazardKind::ProtectionRemoved],
    };
    object::simple(
        binder,
        ObjectKind::Trigger,
        &statement.trigname,
        AccessModes::ALTER,
        hazards,
    );
}

/// CREATE RULE. Its actions run later, in others' statements; they aren't this statement's facts.
pub(super) fn rule(binder: &mut Binder<'_>, statement: &RuleStmt) {
    planted_on(
        binder,
        statement.relation.as_ref(),
        (ObjectKind::Trigger, AccessModes::CREATE),
        &statement.rulename,
    );
}

/// CREATE POLICY: who sees and changes which rows.
pub(super) fn policy(binder: &mut Binder<'_>, statement: &CreatePolicyStmt) {
    let planted = planted_on(
        binder,
        statement.table.as_ref(),
        (ObjectKind::RowPolicy, AccessModes::CREATE),
        &statement.policy_name,
    );
    if planted {
        binder
            .facts
            .hazard(HazardKind::PrivilegeChange, statement.policy_name.as_str());
    }
}

pub(super) fn alter_policy(binder: &mut Binder<'_>, statement: &AlterPolicyStmt) {
    planted_on(
        binder,
        statement.table.as_ref(),
        (ObjectKind::RowPolicy, AccessModes::ALTER),
        &statement.policy_name,
    );
    binder
        .facts
        .hazard(HazardKind::PrivilegeChange, statement.policy_name.as_str());
    binder
        .facts
        .hazard(HazardKind::ProtectionRemoved, statement.policy_name.as_str());
}

/// CREATE AGGREGATE, OPERATOR, TYPE, COLLATION, TEXT SEARCH ….
pub(super) fn define(binder: &mut Binder<'_>, statement: &DefineStmt) {
    match statement.kind() {
        ObjectType::ObjectAggregate => {
            object::named(binder, ObjectKind::Function, &statement.defnames, AccessModes::CREATE);
            let parts = constant::names(&statement.defnames);
            if may_be_called_already(binder, &parts) {
                binder.facts.hazard(HazardKind::PlantedCode, parts.join("."));
            }
        }
        ObjectType::ObjectCollation | ObjectType::ObjectTsconfiguration | ObjectType::ObjectTsdictionary => {
            object::named(binder, ObjectKind::Other, &statement.defnames, AccessModes::CREATE);
        }
        // A shell type does nothing; a base type has functions behind every value.
        ObjectType::ObjectType if statement.definition.is_empty() => {
            object::named(binder, ObjectKind::Type, &statement.defnames, AccessModes::CREATE);
        }
        ObjectType::ObjectType => object::planted(binder, ObjectKind::Type, &statement.defnames, AccessModes::CREATE),
        _ => object::planted(binder, ObjectKind::Other, &statement.defnames, AccessModes::CREATE),
    }
}
