//! Classes of Identity & Access Management: Authentication, Account Change, Entity Management.

use durward_model::CredentialKind;
use serde_json::{Value, json};

use super::{FAILURE, INFORMATIONAL, Kind, LOW, MEDIUM, OTHER, Ocsf, SUCCESS, add, endpoint, user, with};
use crate::event::{ApprovalMoved, Event, IdentityChanged, LoginRefused, PolicyChanged, SessionEnded, SessionStarted};
use crate::resolve::ShownEvent;

const fn authentication(activity: (u32, &'static str), severity: u8) -> Kind {
    Kind {
        category: 3,
        class: 3002,
        class_name: "Authentication",
        activity,
        severity,
    }
}

const fn account_change(activity: (u32, &'static str)) -> Kind {
    Kind {
        category: 3,
        class: 3001,
        class_name: "Account Change",
        activity,
        severity: INFORMATIONAL,
    }
}

const fn entity_management(activity: (u32, &'static str), severity: u8) -> Kind {
    Kind {
        category: 3,
        class: 3004,
        class_name: "Entity Management",
        activity,
        severity,
    }
}

impl Ocsf {
    pub(super) fn iam(&self, shown: &ShownEvent) -> Option<Value> {
        Some(match &shown.stored.event {
            Event::SessionStarted(started) => self.logon(shown, started),
            Event::SessionEnded(ended) => self.logoff(shown, ended),
            Event::LoginRefused(refused) => self.refused(shown, refused),
            Event::IdentityChanged(changed) => self.account(shown, changed),
            Event::PolicyChanged(changed) => self.policy(shown, changed),
            Event::ConfigurationLoaded(loaded) => {
                let object = self.base(
                    shown,
                    entity_management((3, "Update"), INFORMATIONAL),
                    "configuration loaded",
                );
                with(
                    object,
                    json!({
                        "entity": { "name": "configuration", "type": "Configuration", "type_id": OTHER }, "unmapped": loaded,
                    }),
                )
            }
            Event::Administration(act) => {
                let reads = act.action.starts_with("audit_") || act.action.starts_with("evidence_");
                let activity = if reads { (2, "Read") } else { (OTHER, "Other") };
                let object = self.base(
                    shown,
                    entity_management(activity, LOW),
                    &format!("{} {}", act.action, act.object),
                );
                let name = if reads { "ledger" } else { act.action.as_str() };
                with(
                    object,
                    json!({
                        "actor": { "user": { "name": act.by } },
                        "entity": { "name": name, "type": if reads { "Ledger" } else { "Gateway" }, "type_id": OTHER },
                        "comment": act.object,
                    }),
                )
            }
            Event::ApprovalMoved(moved) => self.approval(shown, moved),
            _ => return None,
        })
    }

    fn logon(&self, shown: &ShownEvent, started: &SessionStarted) -> Value {
        let principal = &started.principal;
        let (protocol, protocol_name) = match principal.credential_kind {
            CredentialKind::IssuedPassword => (OTHER, "SCRAM-SHA-256"),
            CredentialKind::Jwt => (4, "OpenID"),
            CredentialKind::Passthrough => (OTHER, "Database account"),
            CredentialKind::SystemAccount => (OTHER, "System account of the gateway"),
        };
        let message = format!("{principal} logs in to {}", started.database);
        let object = self.base(shown, authentication((1, "Logon"), INFORMATIONAL), &message);
        with(
            object,
            json!({
                "status_id": SUCCESS,
                "user": user(principal),
                "service": { "name": started.database },
                "src_endpoint": endpoint(&started.client_address),
                "session": { "uid": started.session.to_string(), "credential_uid": principal.credential.0 },
                "auth_protocol_id": protocol,
                "auth_protocol": protocol_name,
                "is_remote": !started.client_address.starts_with('/'),
                "unmapped": {
                    "acting_for": principal.to_string(), "assurance": principal.assurance, "encrypted": started.tls,
                    "login": started.login, "upstream_user": started.upstream_user, "program": started.client_program,
                },
            }),
        )
    }

    fn logoff(&self, shown: &ShownEvent, ended: &SessionEnded) -> Value {
        let object = self.base(shown, authentication((2, "Logoff"), INFORMATIONAL), "session ended");
        let (who, database) = match &shown.whose {
            Some(whose) => (user(&whose.principal), whose.database.as_str()),
            None => (json!({ "name": "unknown" }), "unknown"),
        };
        with(
            object,
            json!({
                "status_id": SUCCESS, "status_detail": ended.reason, "user": who, "service": { "name": database },
                "session": { "uid": ended.session.to_string() },
                "unmapped": { "statements": ended.statements, "refused": ended.refused, "by": ended.by },
            }),
        )
    }

    fn refused(&self, shown: &ShownEvent, refused: &LoginRefused) -> Value {
        let object = self.base(shown, authentication((1, "Logon"), LOW), "login refused");
        let named = |name: &str| {
            if name.is_empty() {
                "unknown".to_owned()
            } else {
                name.to_owned()
            }
        };
        with(
            object,
            json!({
                "status_id": FAILURE, "status_code": refused.sqlstate, "status_detail": refused.reason,
                "user": { "name": named(&refused.user) }, "service": { "name": named(&refused.database) },
                "src_endpoint": endpoint(&refused.client_address),
                "unmapped": { "encrypted": refused.tls, "program": refused.client_program },
            }),
        )
    }

    fn account(&self, shown: &ShownEvent, changed: &IdentityChanged) -> Value {
        let activity = match changed.change.as_str() {
            "added" => (1, "Create"),
            "password_issued" => (4, "Password Reset"),
            "revoked" => (5, "Disable"),
            _ => (OTHER, "Other"),
        };
        let object = self.base(
            shown,
            account_change(activity),
            &format!("identity {}: {}", changed.name, changed.change),
        );
        with(
            object,
            json!({
                "status_id": SUCCESS, "user": { "name": changed.name }, "actor": { "user": { "name": changed.by } },
                "unmapped": changed,
            }),
        )
    }

    fn policy(&self, shown: &ShownEvent, changed: &PolicyChanged) -> Value {
        let (status, what) = if changed.accepted {
            (SUCCESS, "policy in force")
        } else {
            (FAILURE, "policy rejected")
        };
        let object = self.base(shown, entity_management((3, "Update"), LOW), what);
        let digest = serde_json::to_value(changed)
            .ok()
            .and_then(|value| value.get("digest").cloned());
        with(
            object,
            json!({
                "status_id": status, "status_detail": changed.message,
                "entity": { "type_id": 5, "type": "Policy", "name": "policy", "policy": {
                    "name": "policy", "version": changed.version.to_string(), "uid": digest, "is_applied": changed.accepted,
                } },
            }),
        )
    }

    fn approval(&self, shown: &ShownEvent, moved: &ApprovalMoved) -> Value {
        let (activity, severity) = match moved.change.as_str() {
            "asked" => ((1, "Create"), LOW),
            "approved" | "auto-approved" => ((10, "Activate"), MEDIUM),
            "rejected" | "withdrawn" | "expired" | "superseded" => ((11, "Deactivate"), LOW),
            "used" => ((3, "Update"), LOW),
            _ => ((OTHER, "Other"), LOW),
        };
        let message = format!("request {} {}", moved.request, moved.change);
        let mut object = self.base(shown, entity_management(activity, severity), &message);
        add(
            &mut object,
            json!({
                "entity": {
                    "name": moved.request, "uid": moved.digest, "type": "Request for approval", "type_id": OTHER,
                },
                "comment": moved.note, "unmapped": moved,
            }),
        );
        if let Some(by) = &moved.by {
            add(&mut object, json!({ "actor": { "user": { "name": by } } }));
        }
        object
    }
}
