//! Reports about who may, and who did.

use super::{Report, Table};

/// Local identities that stand at the end of the period, with their credentials.
const STANDING: Table = Table {
    name: "local-identities",
    meaning: "Identities of the gateway's own that stood at the end of the period, with the credentials that were then \
        valid and their last login before it.",
    query: "WITH credentials AS MATERIALIZED (
            SELECT credential, max(CASE WHEN change = 'password_issued' THEN name END) AS name,
                max(valid_until) AS valid_until, max(databases) AS databases,
                max(change = 'password_revoked') AS revoked
            FROM identity_changes WHERE time_us < :to AND credential IS NOT NULL GROUP BY credential),
        valid AS MATERIALIZED (
            SELECT name, count(*) AS credentials, group_concat(DISTINCT databases) AS databases,
                strftime('%Y-%m-%dT%H:%M:%SZ', max(valid_until), 'unixepoch') AS valid_until
            FROM (SELECT * FROM credentials ORDER BY credential)
            WHERE NOT revoked AND coalesce(valid_until, 9223372036854) > :to / 1000000 GROUP BY name),
        known AS MATERIALIZED (
            SELECT name, max(kind) AS kind, max(acts_for) AS acts_for,
                max(CASE WHEN change = 'added' THEN groups END) AS groups,
                min(CASE WHEN change = 'added' THEN time END) AS added,
                max(CASE WHEN change = 'added' THEN by END) AS added_by,
                max(change = 'revoked') AS revoked
            FROM identity_changes WHERE time_us < :to GROUP BY name),
        logins AS MATERIALIZED (
            SELECT acting AS name, max(started_time) AS last_login FROM sessions WHERE started_us < :to GROUP BY acting)
        SELECT known.name, kind, acts_for, groups, added, added_by, coalesce(credentials, 0) AS valid_credentials,
            databases, valid_until AS longest_valid_until, last_login
        FROM known LEFT JOIN valid ON valid.name = known.name LEFT JOIN logins ON logins.name = known.name
        WHERE NOT known.revoked ORDER BY known.name",
};

const SEEN: Table = Table {
    name: "other-identities",
    meaning: "Identities that somebody else vouches for (an identity provider, or the database's own accounts) and that \
        logged in during the period.",
    query: "SELECT who, kind, credential_kind, assurance, database, groups, count(*) AS logins,
            min(started_time) AS first_login, max(started_time) AS last_login
        FROM sessions
        WHERE credential_kind <> 'issued_password' AND started_us >= :from AND started_us < :to
        GROUP BY who, kind, credential_kind, assurance, database, groups
        ORDER BY who, database, credential_kind, assurance, groups",
};

const OTHERS_UNSEEN: &str = "access that an identity provider or the database itself grants and that nobody used: it is \
    known here only when somebody logs in with it";

pub(super) const IDENTITIES_WITH_ACCESS: Report = Report {
    name: "identities-with-access",
    title: "Identities with access",
    question: "Who could log in through the gateway at the end of the period, and with what?",
    controls: &[
        "SOC 2 CC6.1, CC6.2",
        "NIST 800-53 AC-2",
        "PCI DSS 7.2.4, 8.2.1",
        "HIPAA 164.312(a)(1), (a)(2)(i)",
    ],
    tables: &[STANDING, SEEN],
    gaps: &[OTHERS_UNSEEN],
    of_one_change: false,
};

pub(super) const ACCESS_CHANGES: Report = Report {
    name: "access-changes",
    title: "Access granted and changed",
    question: "What was changed in the period about who may do what, and by whom?",
    controls: &[
        "SOC 2 CC6.2, CC6.3",
        "NIST 800-53 AC-2(4), AU-12",
        "PCI DSS 10.2.1.5",
        "HIPAA 164.312(a)(1), 164.312(b)",
    ],
    tables: &[
        Table {
            name: "identities",
            meaning: "Identities and credentials that were made, changed or ended.",
            query: "SELECT time, name, change, kind, acts_for, groups, databases, credential,
                    strftime('%Y-%m-%dT%H:%M:%SZ', valid_until, 'unixepoch') AS valid_until, by, event
                FROM identity_changes WHERE time_us >= :from AND time_us < :to ORDER BY event",
        },
        Table {
            name: "rights",
            meaning: "Statements that ran through the gateway and change rights within a database (GRANT, REVOKE, roles).",
            query: "SELECT first_time, last_time, who, database, statement, executions, errors, sqlstate, approval,
                    first_event, last_event
                FROM statements
                WHERE last_us >= :from AND first_us < :to AND class = 'privilege' AND verdict IN ('permitted', 'failed')
                ORDER BY first_event",
        },
        Table {
            name: "policies",
            meaning: "Policies that took effect, or were rejected.",
            query: "SELECT time, version, accepted, digest, message, event FROM policy_changes
                WHERE time_us >= :from AND time_us < :to ORDER BY event",
        },
        Table {
            name: "access-for-a-time",
            meaning: "Access for a time: asked for, decided (until says how long it was to last), ended by time, or taken \
                back.",
            query: "SELECT time, request, change, who, database, access, until, risk, asked_of, by, speaks_for,
                    note, self_confirmed, event
                FROM approvals WHERE access IS NOT NULL AND time_us >= :from AND time_us < :to ORDER BY event",
        },
    ],
    gaps: &["changes made at the database without the gateway, or at an identity provider: their own logs have them"],
    of_one_change: false,
};

pub(super) const LEAVERS: Report = Report {
    name: "leavers",
    title: "Leavers",
    question: "Whose access ended in the period, and did anything of theirs go on afterwards?",
    controls: &[
        "SOC 2 CC6.2, CC6.3",
        "NIST 800-53 AC-2, PS-4",
        "PCI DSS 8.2.5",
        "HIPAA 164.308(a)(3)(ii)(C), 164.312(a)(1)",
    ],
    tables: &[
        Table {
            name: "revoked",
            meaning: "Identities that were revoked, their last login before it, sessions of theirs or of agents acting \
                for them that ended only later, and logins refused since.",
            query: "SELECT r.time AS revoked, r.name, r.by,
                    (SELECT max(started_time) FROM sessions s
                        WHERE (s.subject = r.name OR s.acting = r.name) AND s.started_us < r.time_us) AS last_login,
                    (SELECT count(*) FROM sessions s
                        WHERE (s.subject = r.name OR s.acting = r.name) AND s.started_us < r.time_us
                            AND (s.ended_us IS NULL OR s.ended_us > r.time_us)) AS sessions_ended_later,
                    (SELECT count(*) FROM sessions s
                        WHERE (s.subject = r.name OR s.acting = r.name) AND s.started_us > r.time_us) AS logins_since,
                    (SELECT count(*) FROM refused_logins l
                        WHERE l.user = r.name AND l.time_us > r.time_us) AS refused_logins_since,
                    r.event
                FROM identity_changes r
                WHERE r.change = 'revoked' AND r.time_us >= :from AND r.time_us < :to ORDER BY r.event",
        },
        Table {
            name: "credentials",
            meaning: "Credentials that were ended by themselves.",
            query: "SELECT time, name, credential, change, by, event FROM identity_changes
                WHERE change = 'password_revoked' AND time_us >= :from AND time_us < :to ORDER BY event",
        },
    ],
    gaps: &["people who left and whose access an identity provider ended: it knows when"],
    of_one_change: false,
};

pub(super) const AUTHENTICATION_STRENGTH: Report = Report {
    name: "authentication-strength",
    title: "Authentication strength",
    question: "How were identities proved in the period?",
    controls: &[
        "SOC 2 CC6.1",
        "NIST 800-53 IA-2, IA-5, AC-7",
        "PCI DSS 8.3, 10.2.1.4",
        "HIPAA 164.312(d)",
    ],
    tables: &[
        Table {
            name: "logins",
            meaning: "Logins by how the identity was proved (asserted by an identity provider; issued: a secret of one \
                identity; weak: a shared account of the database) and whether the connection was encrypted.",
            query: "SELECT credential_kind, assurance, kind, tls AS encrypted, count(*) AS logins,
                    count(DISTINCT who) AS identities, min(started_time) AS first_login, max(started_time) AS last_login
                FROM sessions WHERE started_us >= :from AND started_us < :to
                GROUP BY credential_kind, assurance, kind, tls ORDER BY credential_kind, assurance, kind, tls",
        },
        Table {
            name: "weak",
            meaning: "Who logged in with a shared account of the database, or without encryption.",
            query: "SELECT who, database, credential_kind, assurance, tls AS encrypted, client_address, client_program,
                    count(*) AS logins, min(started_event) AS first_event
                FROM (SELECT who, database, credential_kind, assurance, tls,
                        rtrim(rtrim(client_address, '0123456789'), ':') AS client_address, client_program, started_event
                    FROM sessions WHERE started_us >= :from AND started_us < :to AND (assurance = 'weak' OR NOT tls))
                GROUP BY 1, 2, 3, 4, 5, 6, 7 ORDER BY first_event",
        },
        Table {
            name: "refused",
            meaning: "Refused logins by their true reason.",
            query: "SELECT reason, sqlstate, count(*) AS logins, count(DISTINCT user) AS users,
                    min(time) AS first_time, max(time) AS last_time
                FROM refused_logins WHERE time_us >= :from AND time_us < :to
                GROUP BY reason, sqlstate ORDER BY logins DESC, reason, sqlstate",
        },
    ],
    gaps: &["whether an identity provider asked for a second factor: it knows"],
    of_one_change: false,
};

pub(super) const PRIVILEGED_USE: Report = Report {
    name: "privileged-use",
    title: "Privileged and break-glass use",
    question: "Who used privileges in the period, and for what?",
    controls: &[
        "SOC 2 CC6.1, CC6.3, CC7.2",
        "NIST 800-53 AC-6(9), AU-12",
        "PCI DSS 10.2.1.2, 10.2.1.7",
        "HIPAA 164.312(b)",
    ],
    tables: &[
        Table {
            name: "statements",
            meaning: "Statements of operators and of accounts let through, and statements of anybody that change \
                definitions or rights, or do maintenance.",
            query: "SELECT who, kind, database, class, command, statement, sum(executions) AS executions,
                    sum(rows_affected) AS rows_affected, sum(errors) AS errors, max(approval) AS approval,
                    min(first_time) AS first_time, max(last_time) AS last_time,
                    min(first_event) AS first_event, max(last_event) AS last_event
                FROM statements
                WHERE last_us >= :from AND first_us < :to AND verdict IN ('permitted', 'failed')
                    AND (kind IN ('operator', 'passthrough') OR class IN ('ddl', 'privilege', 'maintenance', 'unknown'))
                GROUP BY who, kind, database, class, command, shape_id ORDER BY first_event",
        },
        Table {
            name: "break-glass",
            meaning: "Statements that ran without an approval because their sender broke the glass, why, and who has \
                reviewed each by the end of the period.",
            query: "SELECT a.time, a.request, a.who, a.database, a.rows, a.rules, a.risk, a.asked_of, a.note AS why,
                    (SELECT max(r.by) FROM approvals r
                        WHERE r.request = a.request AND r.change = 'reviewed' AND r.time_us < :to) AS reviewed_by,
                    (SELECT max(r.time) FROM approvals r
                        WHERE r.request = a.request AND r.change = 'reviewed' AND r.time_us < :to) AS reviewed,
                    a.event
                FROM approvals a
                WHERE a.change = 'break-glass' AND a.time_us >= :from AND a.time_us < :to ORDER BY a.event",
        },
        Table {
            name: "administration",
            meaning: "Uses of the gateway's own power.",
            query: "SELECT time, by, action, object, event FROM administration
                WHERE time_us >= :from AND time_us < :to ORDER BY event",
        },
    ],
    gaps: &[],
    of_one_change: false,
};

pub(super) const LABELLED_ACCESS: Report = Report {
    name: "labelled-access",
    title: "Access to each labelled dataset",
    question: "Who touched sensitive columns in the period, in clear or masked?",
    controls: &[
        "SOC 2 CC6.1, CC6.7",
        "NIST 800-53 AC-3, AU-2",
        "PCI DSS 10.2.1.1, 3.4.1",
        "HIPAA 164.312(a)(1), 164.312(b)",
    ],
    tables: &[
        Table {
            name: "access",
            meaning: "Each labelled column and who touched it: read in clear, read masked, written, or refused.",
            query: "SELECT c.label, s.database, c.schema, c.relation, c.column_name, s.who, c.treatment,
                    sum(CASE WHEN c.treatment = 'refused' THEN s.executions + s.prepared ELSE s.executions END) AS times,
                    sum(CASE WHEN c.treatment = 'refused' THEN 0 ELSE s.rows END) AS rows,
                    min(s.first_time) AS first_time, max(s.last_time) AS last_time,
                    min(s.first_event) AS first_event, max(s.last_event) AS last_event
                FROM labelled_columns c JOIN statements s ON s.statement_id = c.statement_id
                WHERE s.last_us >= :from AND s.first_us < :to AND s.verdict <> 'prepared'
                GROUP BY 1, 2, 3, 4, 5, 6, 7 ORDER BY 1, 2, 3, 4, 5, 6, 7",
        },
        Table {
            name: "first-access",
            meaning: "Who ran a statement that touches a table for the first time ever in this period.",
            query: "SELECT time, who, database, schema, relation, event FROM first_access
                WHERE time_us >= :from AND time_us < :to ORDER BY event, schema, relation",
        },
    ],
    gaps: &["labels of statements that were recorded before this version of the gateway: they were not written down"],
    of_one_change: false,
};

pub(super) const DENIED_ATTEMPTS: Report = Report {
    name: "denied-attempts",
    title: "Denied and failed attempts",
    question: "What was tried in the period and refused, or failed?",
    controls: &[
        "SOC 2 CC6.1, CC7.2, CC7.3",
        "NIST 800-53 AC-3, AC-7, AU-2",
        "PCI DSS 10.2.1.4",
        "HIPAA 164.312(b), 164.308(a)(5)(ii)(C)",
    ],
    tables: &[
        Table {
            name: "refused",
            meaning: "Statements that the gateway refused.",
            query: "SELECT first_time, last_time, who, database, client_address, client_program, class, command,
                    statement, executions AS times, refused_by, sqlstate, message, policy_version, first_event, last_event
                FROM statements WHERE last_us >= :from AND first_us < :to AND verdict = 'refused' ORDER BY first_event",
        },
        Table {
            name: "failed",
            meaning: "Statements that were permitted and that the database answered with an error.",
            query: "SELECT first_time, last_time, who, database, class, command, statement, executions, errors, sqlstate,
                    first_event, last_event
                FROM statements WHERE last_us >= :from AND first_us < :to AND verdict = 'failed' ORDER BY first_event",
        },
        Table {
            name: "logins",
            meaning: "Logins that were refused, with the true reason.",
            query: "SELECT time, user, database, client_address, client_program, sqlstate, reason, event
                FROM refused_logins WHERE time_us >= :from AND time_us < :to ORDER BY event",
        },
        Table {
            name: "protocol",
            meaning: "Clients that broke the protocol.",
            query: "SELECT time, session, client_address, sqlstate, message, event FROM protocol_violations
                WHERE time_us >= :from AND time_us < :to ORDER BY event",
        },
    ],
    gaps: &[],
    of_one_change: false,
};

pub(super) const ACCESS_REVIEW: Report = Report {
    name: "access-review",
    title: "Access review package",
    question: "What access was there at the end of the period, and what of it was used in the period?",
    controls: &[
        "SOC 2 CC6.2, CC6.3",
        "NIST 800-53 AC-2, AC-6(7)",
        "PCI DSS 7.2.4, 8.2.6",
        "HIPAA 164.308(a)(4)(ii)(C), 164.312(a)(1)",
    ],
    tables: &[
        STANDING,
        Table {
            name: "used",
            meaning: "What each identity did in the period, by database and class of statement. An identity that stands \
                above and is not in here used nothing.",
            query: "SELECT acting AS name, who, kind, database, class, sum(executions) AS executions,
                    sum(rows_affected) AS rows_affected, max(last_time) AS last_time
                FROM statements
                WHERE last_us >= :from AND first_us < :to AND verdict IN ('permitted', 'failed')
                GROUP BY acting, who, kind, database, class ORDER BY acting, who, kind, database, class",
        },
        Table {
            name: "unused",
            meaning: "Local identities that stood at the end of the period and did nothing in it.",
            query: "SELECT i.name, max(i.kind) AS kind, max(i.acts_for) AS acts_for, min(i.time) AS added
                FROM identity_changes i
                WHERE i.time_us < :to
                    AND i.name NOT IN (SELECT acting FROM statements
                        WHERE last_us >= :from AND first_us < :to AND verdict IN ('permitted', 'failed'))
                GROUP BY i.name HAVING NOT max(i.change = 'revoked') ORDER BY i.name",
        },
        Table {
            name: "tables",
            meaning: "The tables that each identity touched in the period.",
            query: "SELECT s.acting AS name, s.who, s.database, r.schema, r.relation,
                    sum(CASE WHEN s.class = 'read' THEN s.executions ELSE 0 END) AS reads,
                    sum(CASE WHEN s.class <> 'read' THEN s.executions ELSE 0 END) AS others,
                    max(s.last_time) AS last_time
                FROM statement_relations r JOIN statements s ON s.statement_id = r.statement_id
                WHERE s.last_us >= :from AND s.first_us < :to AND s.verdict IN ('permitted', 'failed')
                    AND r.schema NOT IN ('pg_catalog', 'information_schema')
                GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5",
        },
    ],
    gaps: &[
        OTHERS_UNSEEN,
        "the decisions of the reviewers: this version records none, so they are written on a copy",
    ],
    of_one_change: false,
};

pub(super) const SERVICE_AND_AGENT_IDENTITIES: Report = Report {
    name: "service-and-agent-identities",
    title: "Service and agent identities",
    question: "Which programs have access, on whose behalf, and what did they do in the period?",
    controls: &[
        "SOC 2 CC6.1, CC6.3",
        "NIST 800-53 AC-2, AC-6, IA-9",
        "PCI DSS 7.2.5, 8.6",
        "HIPAA 164.312(a)(2)(i), 164.312(d)",
    ],
    tables: &[
        Table {
            name: "identities",
            meaning: "Local services and agents: for whom they act, when they were made, when credentials were last issued.",
            query: "SELECT name, max(kind) AS kind, max(acts_for) AS acts_for,
                    min(CASE WHEN change = 'added' THEN time END) AS added,
                    max(CASE WHEN change = 'password_issued' THEN time END) AS last_issued,
                    max(CASE WHEN change = 'revoked' THEN time END) AS revoked
                FROM identity_changes WHERE time_us < :to
                GROUP BY name HAVING max(kind) IN ('service', 'agent') ORDER BY name",
        },
        Table {
            name: "use",
            meaning: "What services and agents did, alone or for a person.",
            query: "SELECT acting AS name, kind, subject AS on_behalf_of, database, class, verdict,
                    sum(executions) AS times, sum(rows) AS rows, sum(rows_affected) AS rows_affected,
                    min(first_time) AS first_time, max(last_time) AS last_time
                FROM statements
                WHERE last_us >= :from AND first_us < :to AND kind IN ('service', 'agent') AND verdict <> 'prepared'
                GROUP BY acting, kind, subject, database, class, verdict
                ORDER BY acting, kind, subject, database, class, verdict",
        },
    ],
    gaps: &[OTHERS_UNSEEN],
    of_one_change: false,
};
