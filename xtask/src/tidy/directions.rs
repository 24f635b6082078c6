//! Who may depend on whom: the borders of the house.

use cargo_metadata::{DependencyKind, Metadata};

/// Each crate with the crates of this workspace that it may use. Tests may use the testkit everywhere.
const ALLOWED: &[(&str, &[&str])] = &[
    ("durward-model", &[]),
    ("durward-wire", &["durward-model"]),
    ("durward-sql", &["durward-model"]),
    ("durward-policy", &["durward-model"]),
    ("durward-mask", &["durward-model"]),
    ("durward-audit", &["durward-model"]),
    ("durward-change", &["durward-model"]),
    ("durward-identity", &["durward-model"]),
    (
        "durward-console",
        &["durward-audit", "durward-change", "durward-identity", "durward-model"],
    ),
    (
        "durward-session",
        &[
            "durward-audit",
            "durward-change",
            "durward-identity",
            "durward-mask",
            "durward-model",
            "durward-policy",
            "durward-sql",
            "durward-wire",
        ],
    ),
    // The binary wires everything but the wire format, which it has no business with.
    (
        "durward",
        &[
            "durward-audit",
            "durward-change",
            "durward-console",
            "durward-identity",
            "durward-mask",
            "durward-model",
            "durward-policy",
            "durward-session",
            "durward-sql",
        ],
    ),
    ("durward-testkit", &["durward-model", "durward-wire"]),
    ("xtask", &[]),
];

/// Crates without a runtime, sockets or a source of chance, and what they therefore don't use.
const PURE: &[&str] = &[
    "durward-mask",
    "durward-model",
    "durward-policy",
    "durward-sql",
    "durward-wire",
];
const IMPURE: &[&str] = &[
    "getrandom",
    "mio",
    "rand",
    "reqwest",
    "socket2",
    "tokio-postgres",
    "tokio-rustls",
];

/// Every dependency that crosses a border.
pub(super) fn check(metadata: &Metadata) -> Vec<String> {
    let mut problems = Vec::new();
    for package in metadata.workspace_packages() {
        let name = package.name.as_str();
        let Some((_, allowed)) = ALLOWED.iter().find(|(crate_name, _)| *crate_name == name) else {
            problems.push(format!(
                "{name}: xtask/src/tidy/directions.rs doesn't say what it may depend on"
            ));
            continue;
        };
        for dependency in &package.dependencies {
            let other = dependency.name.as_str();
            let in_tests = dependency.kind == DependencyKind::Development;
            let own = other.starts_with("durward") || other == "xtask";
            if own && !allowed.contains(&other) && !(in_tests && other == "durward-testkit") {
                problems.push(format!("{name} must not depend on {other}"));
            }
            if PURE.contains(&name) && IMPURE.contains(&other) && !in_tests {
                problems.push(format!("{name} is pure and must not depend on {other}"));
            }
        }
    }
    problems
}
