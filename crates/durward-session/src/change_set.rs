//! What a change set binds of each statement: the same when it is submitted and when it runs.

use std::collections::BTreeSet;

use durward_change::Binding;
use durward_model::{AccessModes, StatementFacts};
use durward_sql::{AnalysisContext, SessionSettings, definitions};

/// What a statement changes, as `schema.name`, each once.
pub fn changes(facts: &StatementFacts) -> BTreeSet<String> {
    let read_only = AccessModes::READ | AccessModes::LOCK;
    let relations = facts.relations.iter().filter(|usage| !read_only.contains(usage.modes));
    let mut changes: BTreeSet<String> = relations.map(|usage| usage.relation.name.to_string()).collect();
    changes.extend(facts.objects.iter().map(|object| match &object.schema {
        Some(schema) => format!("{schema}.{}", object.name),
        None => object.name.to_string(),
    }));
    changes
}

/// What a statement reads and doesn't change, as `schema.name`, each once.
pub fn reads(facts: &StatementFacts) -> BTreeSet<String> {
    let read_only = AccessModes::READ | AccessModes::LOCK;
    let relations = facts.relations.iter().filter(|usage| read_only.contains(usage.modes));
    relations.map(|usage| usage.relation.name.to_string()).collect()
}

/// A digest of the bodies of functions and views that a statement uses.
pub fn bodies(facts: &StatementFacts, context: &AnalysisContext) -> String {
    let bodies = definitions(facts, context);
    let mut binding = Binding::new();
    binding.list("definitions", bodies.iter().map(|body| body.as_bytes()));
    binding.finish().to_string()
}

/// A digest of the settings by which statements mean something else. `TimeZone` and `DateStyle`, which drivers set by
/// themselves, are not among them.
pub fn settings(settings: &SessionSettings) -> String {
    let mut binding = Binding::new();
    for (name, value) in [
        ("search_path", &*settings.search_path_setting),
        ("current_user", &*settings.current_user),
        ("session_user", &*settings.session_user),
        ("session_replication_role", &*settings.session_replication_role),
    ] {
        binding.part(name, value.as_bytes());
    }
    let switches = [
        settings.standard_conforming_strings,
        settings.row_security,
        settings.transform_null_equals,
    ];
    binding.part("switches", &switches.map(u8::from));
    binding.finish().to_string()
}
