//! The documented views over the index: what `audit sql` may ask, and what the reports are made of.
//!
//! Times stand in them twice: as text, and as microseconds since 1970-01-01 00:00 UTC (`…_us`), which are indexed.

use std::fmt::Write as _;

/// A view: its name, what a row is, and its query. `{time:column}` stands for a moment as text.
#[derive(Debug, Clone, Copy)]
pub struct View {
    /// The name.
    pub name: &'static str,
    /// What a row of it is.
    pub meaning: &'static str,
    query: &'static str,
}

/// The views, in the order in which they are documented.
pub const VIEWS: &[View] = &[
    View {
        name: "statements",
        meaning: "executions of one shape by one session with one verdict within a minute",
        query: "SELECT g.id AS statement_id, {time:g.first} AS first_time, {time:g.last} AS last_time,
            g.first AS first_us, g.last AS last_us,
            p.display AS who, p.subject, p.acting, p.kind, s.database, printf('s%012x', g.session) AS session,
            s.client_address, s.client_program,
            CASE WHEN g.refusal <> 0 THEN 'refused' WHEN g.errors > 0 THEN 'failed'
                WHEN g.count = g.prepared THEN 'prepared' ELSE 'permitted' END AS verdict,
            coalesce(h.class, 'unknown') AS class, h.command, h.normalized AS statement, h.id AS shape_id,
            lower(hex(h.digest)) AS shape,
            g.count - g.prepared AS executions, g.prepared, g.errors,
            CASE WHEN g.refusal <> 0 THEN 0 ELSE max(g.count - g.outcomes, 0) END AS outcomes_unknown,
            g.rows, g.bytes, g.rows_affected, g.duration AS microseconds, g.duration_max AS microseconds_max,
            b.rules, b.policy_version, b.approval, b.obligations, b.reason, r.rule AS refused_by,
            coalesce(r.sqlstate, g.last_error) AS sqlstate, r.message, g.first_event, g.last_event
        FROM ix_statement g
        JOIN ix_session s ON s.id = g.session
        JOIN ix_principal p ON p.id = s.principal
        LEFT JOIN ix_shape h ON h.id = g.shape
        LEFT JOIN ix_basis b ON b.id = g.basis
        LEFT JOIN ix_refusal r ON r.id = g.refusal",
    },
    View {
        name: "statement_relations",
        meaning: "a relation that a row of statements touches, also through views, functions and triggers",
        query: "SELECT g.id AS statement_id, r.schema, r.name AS relation, r.modes
        FROM ix_statement g JOIN ix_shape_relation r ON r.shape = g.shape",
    },
    View {
        name: "statement_columns",
        meaning: "a column that a row of statements reads or writes",
        query: "SELECT g.id AS statement_id, c.schema, c.relation, c.name AS column_name, c.read, c.written
        FROM ix_statement g JOIN ix_shape_column c ON c.shape = g.shape",
    },
    View {
        name: "labelled_columns",
        meaning: "a labelled column that a row of statements touches: clear, masked, written or refused",
        query: "SELECT g.id AS statement_id, c.schema, c.relation, c.name AS column_name, c.label, c.treatment
        FROM ix_basis_column c JOIN ix_statement g ON g.basis = c.basis",
    },
    View {
        name: "sessions",
        meaning: "a session",
        query: "SELECT printf('s%012x', s.id) AS session, {time:s.started} AS started_time, s.started AS started_us,
            {time:s.ended} AS ended_time, s.ended AS ended_us,
            p.display AS who, p.subject, p.acting, p.kind, s.database, s.login, s.upstream_user, s.client_address,
            s.client_program, s.tls, p.content ->> '$.assurance' AS assurance,
            p.content ->> '$.credential_kind' AS credential_kind, p.content ->> '$.credential' AS credential,
            p.content ->> '$.groups' AS groups, p.content ->> '$.purpose' AS purpose,
            s.reason, s.statements, s.refused, s.started_event, s.ended_event
        FROM ix_session s JOIN ix_principal p ON p.id = s.principal",
    },
    View {
        name: "refused_logins",
        meaning: "a login that was refused",
        query: "SELECT event, {time:time} AS time, time AS time_us, user, database, client_address, client_program,
            sqlstate, reason
        FROM ix_login_refused",
    },
    View {
        name: "first_access",
        meaning: "the first time that somebody ran a statement that touches a table",
        query: "SELECT who, database, schema, relation, {time:time} AS time, time AS time_us, event FROM ix_first_touch",
    },
    View {
        name: "identity_changes",
        meaning: "an identity or a credential that was made, changed or ended",
        query: "SELECT event, {time:time} AS time, time AS time_us, content ->> '$.name' AS name,
            content ->> '$.change' AS change, content ->> '$.kind' AS kind, content ->> '$.acts_for' AS acts_for,
            content ->> '$.credential' AS credential, content ->> '$.groups' AS groups,
            content ->> '$.databases' AS databases, content ->> '$.valid_until' AS valid_until,
            content ->> '$.by' AS by
        FROM ix_act WHERE kind = 'identity'",
    },
    View {
        name: "approvals",
        meaning: "a step in the life of a request for approval",
        query: "SELECT event, {time:time} AS time, time AS time_us, content ->> '$.request' AS request,
            content ->> '$.change' AS change, content ->> '$.principal' AS who, content ->> '$.database' AS database,
            content ->> '$.digest' AS digest, content ->> '$.rules' AS rules, content ->> '$.rows' AS rows,
            content ->> '$.by' AS by, content ->> '$.note' AS note,
            content ->> '$.self_confirmed' AS self_confirmed, content ->> '$.access' AS access,
            strftime('%Y-%m-%dT%H:%M:%SZ', content ->> '$.until', 'unixepoch') AS until,
            content ->> '$.asked_of' AS asked_of, content ->> '$.speaks_for' AS speaks_for,
            strftime('%Y-%m-%dT%H:%M:%SZ', content ->> '$.escalates', 'unixepoch') AS escalates,
            content ->> '$.risk' AS risk
        FROM ix_act WHERE kind = 'approval'",
    },
    View {
        name: "policy_changes",
        meaning: "policies that took effect, or were rejected",
        query: "SELECT event, {time:time} AS time, time AS time_us, content ->> '$.version' AS version,
            content ->> '$.digest' AS digest, content ->> '$.accepted' AS accepted, content ->> '$.message' AS message
        FROM ix_act WHERE kind = 'policy'",
    },
    View {
        name: "configurations",
        meaning: "a configuration that took effect",
        query: "SELECT event, {time:time} AS time, time AS time_us, content ->> '$.digest' AS digest,
            content ->> '$.databases' AS databases, content ->> '$.listen' AS listen, content ->> '$.notes' AS notes
        FROM ix_act WHERE kind = 'configuration'",
    },
    View {
        name: "administration",
        meaning: "a use of the gateway's own power, readings of the record among them",
        query: "SELECT event, {time:time} AS time, time AS time_us, content ->> '$.by' AS by,
            content ->> '$.action' AS action, content ->> '$.object' AS object
        FROM ix_act WHERE kind = 'administration'",
    },
    View {
        name: "protocol_violations",
        meaning: "a client that broke the protocol",
        query: "SELECT event, {time:time} AS time, time AS time_us,
            CASE WHEN content ->> '$.session' IS NOT NULL THEN printf('s%012x', content ->> '$.session') END AS session,
            content ->> '$.client_address' AS client_address, content ->> '$.sqlstate' AS sqlstate,
            content ->> '$.message' AS message
        FROM ix_act WHERE kind = 'violation'",
    },
    View {
        name: "ledger_events",
        meaning: "an opening of the ledger, or a change of its key",
        query: "SELECT event, {time:time} AS time, time AS time_us, kind,
            content ->> '$.program_version' AS program_version, content ->> '$.created' AS created,
            content ->> '$.unclean' AS unclean, content ->> '$.torn_bytes' AS torn_bytes,
            content ->> '$.tree_rebuilt' AS tree_rebuilt,
            coalesce(content ->> '$.to', content ->> '$.verifier_key') AS verifier_key, content ->> '$.by' AS by
        FROM ix_act WHERE kind IN ('opened', 'key')",
    },
    View {
        name: "retirements",
        meaning: "events that left the record for an archive, or were removed",
        query: "SELECT event, {time:time} AS time, time AS time_us,
            (content ->> '$.events') - (content ->> '$.new_events') + 1 AS first_event, content ->> '$.events' AS last_event,
            content ->> '$.archive' AS archive, content ->> '$.reason' AS reason,
            content ->> '$.removed_events' AS removed_events_total
        FROM ix_act WHERE kind = 'retired'",
    },
];

impl View {
    fn definition(&self) -> String {
        let mut text = String::new();
        let mut rest = self.query;
        while let Some((before, after)) = rest.split_once("{time:") {
            let (column, after) = after.split_once('}').unwrap_or((after, ""));
            text.push_str(before);
            // A String takes every write.
            write!(
                text,
                "strftime('%Y-%m-%dT%H:%M:%S', {column} / 1000000, 'unixepoch') || printf('.%06dZ', {column} % 1000000)"
            )
            .ok();
            rest = after;
        }
        text.push_str(rest);
        format!("CREATE VIEW {} AS {text};", self.name)
    }
}

/// The statements that make the views.
pub(super) fn definitions() -> String {
    VIEWS.iter().map(View::definition).collect()
}
