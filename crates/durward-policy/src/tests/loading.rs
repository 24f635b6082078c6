//! What a bad policy's author reads, with the line.

use super::support::*;
use crate::{PolicyFile, PolicySnapshot, PolicySources, PolicyStore};

fn problems(text: &str) -> String {
    PolicySnapshot::load(&sources(text)).unwrap_err().to_string()
}

/// `good` is a policy that loads; each case is a text, and what the error begins with and contains.
#[test]
fn errors_name_file_line_and_cause() {
    for (text, begins, contains) in [
        (
            "\n\npermit (principal, action, resource",
            "policy.cedar:3: ",
            "unexpected end of input",
        ),
        (
            "@rule(\"a\")\npermit (principal, action, resource)\nwhen { context.rowMax > 3 };",
            "policy.cedar:3: ",
            "rowMax",
        ),
        (
            "@rule(\"a\")\npermit (principal, action, resource)\nwhen { context.command == 3 };",
            "policy.cedar:3: ",
            "not compatible",
        ),
        (
            "@rule(\"a\")\npermit (\n  principal,\n  action == Action::\"reed\",\n  resource);",
            "policy.cedar:",
            "reed",
        ),
        (
            "@rule(\"a\") @reason(\"x\")\nforbid (principal, action, resource)\nwhen {\n  context.hazards.contains(Hazard::\"drp\")\n};",
            "policy.cedar:",
            "drp",
        ),
        (
            "@rule(\"a\")\npermit (principal is Usr, action, resource);",
            "policy.cedar:2: ",
            "Usr",
        ),
        (
            "\n@rule(\"a\")\npermit (principal is Agent, action, resource)\nwhen { principal is Service };",
            "policy.cedar:",
            "impossible",
        ),
        (
            "@rule(\"a\")\npermit (principal, action, resource) when { false };",
            "policy.cedar:",
            "impossible",
        ),
        ("permit (principal, action, resource);", "policy.cedar:1: ", "no name"),
        (
            "@rule(\"a\")\nforbid (principal, action, resource);",
            "policy.cedar:1: ",
            "must say why",
        ),
        (
            "@rule(\"a\") @reson(\"x\")\nforbid (principal, action, resource);",
            "policy.cedar:1: ",
            "`@reson` is no annotation",
        ),
        (
            "@rule(\"a\") @hold(\"x\")\npermit (principal, action, resource);",
            "policy.cedar:1: ",
            "`@hold` has no meaning on a permit",
        ),
        (
            "@rule(\"a\") @reason(\"x {tabel}\")\nforbid (principal, action, resource);",
            "policy.cedar:1: ",
            "`{tabel}` is unknown",
        ),
        (
            "@rule(\"a\") @reason(\"x {\")\nforbid (principal, action, resource);",
            "policy.cedar:1: ",
            "not closed",
        ),
        (
            "@rule(\"A b\")\npermit (principal, action, resource);",
            "policy.cedar:1: ",
            "is no rule name",
        ),
        (
            "@rule(\"a\") @obligation(\"maks\")\npermit (principal, action, resource);",
            "policy.cedar:1: ",
            "doesn't know `maks`",
        ),
        (
            "@rule(\"a\") @sqlstate(\"00000\") @reason(\"x\")\nforbid (principal, action, resource);",
            "policy.cedar:1: ",
            "can't be `00000`",
        ),
        (
            "@rule(\"a\") @objects(\"tables\") @reason(\"x\")\nforbid (principal, action, resource);",
            "policy.cedar:1: ",
            "doesn't know `tables`",
        ),
        (
            "@rule(\"a\") @exempts(\"dorp\")\npermit (principal, action, resource);",
            "policy.cedar:1: ",
            "`dorp`",
        ),
        (
            "\n@rule(\"drop\")\npermit (principal, action, resource);",
            "built-in/schema_changes.cedar:",
            "taken by policy.cedar:2",
        ),
        (
            "@rule(\"a\")\npermit (principal == ?principal, action, resource);",
            "policy.cedar:1: ",
            "templates",
        ),
        (
            "@rule(\"a\")\npermit (principal, action, resource);\n@rule(\"a\")\npermit (principal, action, resource);",
            "policy.cedar:3: ",
            "taken by policy.cedar:1",
        ),
        (
            "@rule(\"\")\npermit (principal, action, resource);",
            "policy.cedar:1: ",
            "is empty",
        ),
        (
            "@rule(\"a\")\npermit (principal, action, resource) when { context.purpose == \"x\" };",
            "policy.cedar:2: ",
            "purpose",
        ),
    ] {
        let error = problems(text);
        assert!(
            error.starts_with(begins) && error.contains(contains),
            "{text}\n gave: {error}"
        );
    }
}

#[test]
fn one_mistake_is_told_once() {
    let error = problems("@rule(\"a\")\npermit (principal, action, resource)\nwhen { context.rowMax > 3 };");
    assert_eq!(
        error,
        "policy.cedar:3: for policy `a`, attribute `rowMax` in context not found (did you mean `rowsMax`?)"
    );
}

#[test]
fn every_problem_is_told_at_once() {
    let error = problems(
        "@rule(\"a\") @x(\"1\")\npermit (principal, action, resource);\n@rule(\"b\")\nforbid (principal, action, resource);",
    );
    assert_eq!(error.lines().count(), 2, "{error}");
}

#[test]
fn a_policy_for_an_unknown_database_is_an_error() {
    let mut sources = sources("@rule(\"a\")\npermit (principal, action, resource == Database::\"shoop\");");
    assert!(PolicySnapshot::load(&sources).is_ok());
    sources.known_databases = vec!["shop".into()];
    let error = PolicySnapshot::load(&sources).unwrap_err().to_string();
    assert_eq!(
        error,
        "policy.cedar:1: no database `shoop` is configured, so this never matches"
    );
}

#[test]
fn a_file_given_twice_is_an_error() {
    let file = PolicyFile {
        name: "p.cedar".into(),
        text: "".into(),
    };
    let sources = PolicySources {
        files: vec![file.clone(), file],
        ..PolicySources::default()
    };
    assert_eq!(
        PolicySnapshot::load(&sources).unwrap_err().to_string(),
        "p.cedar: this file is given twice"
    );
}

#[test]
fn a_bad_reload_leaves_the_old_version_in_force() {
    let store = PolicyStore::load(&PolicySources::default()).unwrap();
    let first = store.version();
    assert_eq!(first.number, 1);
    assert!(store.reload(&sources("permit (")).is_err());
    assert_eq!(store.version(), first);
    let text =
        "@rule(\"no-writes\") @reason(\"not today\")\nforbid (principal, action == Action::\"write\", resource);";
    let second = store.reload(&sources(text)).unwrap();
    assert_eq!(second.number, 2);
    assert_ne!(second.digest, first.digest);
    assert_eq!(store.current().version(), second);
    assert_eq!(
        store.reload(&sources(text)).unwrap(),
        second,
        "the same sources are the same version"
    );
    assert_eq!(store.reload(&PolicySources::default()).unwrap().digest, first.digest);
}

/// The page in the documentation is what policies are checked against.
#[test]
fn the_schema_in_the_documentation_is_the_schema() {
    let page = include_str!("../../../../docs/policy.cedarschema");
    assert_eq!(
        page.trim_end(),
        crate::schema_text().trim_end(),
        "write the output of `durward policy show --schema` to docs/policy.cedarschema"
    );
}

#[test]
fn the_guide_names_every_hazard_and_every_rule() {
    let guide = include_str!("../../../../docs/policy.md");
    let missing = |word: &str| !guide.contains(&format!("`{word}`"));
    for hazard in durward_model::HazardKind::ALL {
        assert!(
            !missing(hazard.as_str()),
            "docs/policy.md says nothing about the hazard {hazard}"
        );
    }
    for rule in pack().rules().filter(|rule| rule.forbids) {
        assert!(
            !missing(&rule.name),
            "docs/policy.md says nothing about the rule {}",
            rule.name
        );
    }
}
