//! One way to state facts, to ask, and to compare.

use std::sync::{Arc, OnceLock};

use durward_model::{
    AccessModes, Assurance, Certainty, CredentialId, CredentialKind, FunctionEffect, FunctionRef, FunctionUse, Hazard,
    HazardKind, ObjectKind, ObjectUse, Oid, OpaqueReason, Principal, PrincipalKind, QualifiedName, RelationKind,
    RelationRef, RelationUse, RowBound, StatementClass, StatementFacts, Subject,
};

use crate::{
    DatabaseContext, DatabaseMarks, Decision, DecisionRequest, PolicyFile, PolicySnapshot, PolicySources,
    SessionContext,
};

pub(super) const KINDS: [PrincipalKind; 5] = [
    PrincipalKind::Operator,
    PrincipalKind::Person,
    PrincipalKind::Agent,
    PrincipalKind::Service,
    PrincipalKind::Passthrough,
];

pub(super) const NOT_OPERATORS: [PrincipalKind; 4] = [
    PrincipalKind::Person,
    PrincipalKind::Agent,
    PrincipalKind::Service,
    PrincipalKind::Passthrough,
];

/// An agent acts for the person "alice"; everyone else for themselves.
pub(super) fn principal(kind: PrincipalKind) -> Principal {
    let subject = |name: &str, kind| Subject {
        name: name.into(),
        kind,
    };
    let (subject, actors) = match kind {
        PrincipalKind::Agent => (
            subject("alice", PrincipalKind::Person),
            vec![subject("claude", PrincipalKind::Agent)],
        ),
        PrincipalKind::Operator => (subject("olga", kind), vec![]),
        PrincipalKind::Person => (subject("alice", kind), vec![]),
        PrincipalKind::Service => (subject("checkout", kind), vec![]),
        PrincipalKind::Passthrough => (subject("app_user", kind), vec![]),
    };
    Principal {
        subject,
        actors,
        groups: vec![],
        subject_groups: vec![],
        assurance: Assurance::Issued,
        credential_kind: CredentialKind::IssuedPassword,
        credential: CredentialId("c1".into()),
        purpose: None,
    }
}

pub(super) fn database(marks: &str) -> DatabaseContext {
    DatabaseContext::new("shop".into(), toml::from_str::<DatabaseMarks>(marks).unwrap())
}

/// The built-in pack, loaded once.
pub(super) fn pack() -> &'static PolicySnapshot {
    static PACK: OnceLock<PolicySnapshot> = OnceLock::new();
    PACK.get_or_init(|| PolicySnapshot::load(&PolicySources::default()).unwrap_or_else(|error| panic!("{error}")))
}

pub(super) fn pack_with(text: &str) -> PolicySnapshot {
    PolicySnapshot::load(&sources(text)).unwrap_or_else(|error| panic!("{error}"))
}

pub(super) fn sources(text: &str) -> PolicySources {
    PolicySources {
        files: vec![PolicyFile {
            name: "policy.cedar".into(),
            text: text.into(),
        }],
        ..PolicySources::default()
    }
}

/// `allow`, `hold RULE` or `deny RULE`.
pub(super) fn verdict(
    policy: &PolicySnapshot,
    principal: &Principal,
    database: &DatabaseContext,
    facts: &StatementFacts,
) -> String {
    match decide(policy, principal, database, facts) {
        Decision::Allow(_) => "allow".to_owned(),
        Decision::Hold(order) => format!("hold {}", order.refusal.rule),
        Decision::Deny(denial) => format!("deny {}", denial.refusal.rule),
    }
}

pub(super) fn decide(
    policy: &PolicySnapshot,
    principal: &Principal,
    database: &DatabaseContext,
    facts: &StatementFacts,
) -> Decision {
    policy.decide(&DecisionRequest {
        principal,
        database,
        facts: &Arc::new(facts.clone()),
        session: &SessionContext::default(),
        labels: None,
        access: &Arc::default(),
    })
}

/// Facts, said in a line.
#[derive(Debug, Clone)]
pub(super) struct Facts(pub(super) StatementFacts);

pub(super) fn facts(class: StatementClass, command: &str) -> Facts {
    Facts(StatementFacts::empty(class, command))
}

pub(super) fn select() -> Facts {
    facts(StatementClass::Read, "SELECT").uses("public.orders", AccessModes::READ)
}

pub(super) fn ddl(command: &str) -> Facts {
    facts(StatementClass::Ddl, command)
}

pub(super) fn write(command: &str, relation: &str, modes: AccessModes, rows: RowBound) -> Facts {
    facts(StatementClass::Write, command).uses(relation, modes).rows(rows)
}

fn qualified(name: &str) -> QualifiedName {
    let (schema, name) = name.split_once('.').unwrap();
    QualifiedName::new(schema, name)
}

impl Facts {
    pub(super) fn hazard(mut self, kind: HazardKind, object: &str) -> Self {
        self.0.hazards.push(Hazard::new(kind, object));
        self
    }

    pub(super) fn uses(self, name: &str, modes: AccessModes) -> Self {
        self.uses_kind(name, modes, RelationKind::Table)
    }

    pub(super) fn uses_kind(mut self, name: &str, modes: AccessModes, kind: RelationKind) -> Self {
        self.0.relations.push(RelationUse {
            relation: RelationRef {
                oid: Oid(20_000),
                name: qualified(name),
                kind,
            },
            modes,
            columns: vec![],
            direct: true,
        });
        self
    }

    pub(super) fn object(mut self, kind: ObjectKind, schema: Option<&str>, name: &str, modes: AccessModes) -> Self {
        self.0.objects.push(ObjectUse {
            kind,
            schema: schema.map(Into::into),
            name: name.into(),
            modes,
        });
        self
    }

    pub(super) fn calls(mut self, name: &str, effect: FunctionEffect) -> Self {
        self.0.functions.push(FunctionUse {
            function: FunctionRef {
                oid: Oid(20_001),
                name: qualified(name),
            },
            effect,
        });
        self
    }

    pub(super) fn rows(mut self, rows: RowBound) -> Self {
        self.0.rows_written = rows;
        self
    }

    pub(super) fn opaque(mut self, object: &str, reason: &str) -> Self {
        self.0.certainty = Certainty::Opaque;
        self.0.opaque.push(OpaqueReason {
            object: object.into(),
            reason: reason.into(),
        });
        self
    }
}
