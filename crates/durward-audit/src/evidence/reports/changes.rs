//! Reports about what was changed.

use super::{Report, Table};

const UNDO_ELSEWHERE: &str = "how much of a change could have been undone: durward undo ls tells that while it is kept; what was taken back is here as \
     statements of sessions by the program durward undo";

const DIRECT: &str = "changes made at the database without the gateway: its own log has them";

pub(super) const PRODUCTION_CHANGES: Report = Report {
    name: "production-changes",
    title: "Production changes with approval and effect",
    question: "What was changed through the gateway in the period, who approved it, and what came of it?",
    controls: &[
        "SOC 2 CC8.1",
        "NIST 800-53 CM-3, CM-5, AU-12",
        "PCI DSS 6.5.1, 10.2.1.7",
        "HIPAA 164.312(b), 164.312(c)(1)",
    ],
    tables: &[
        Table {
            name: "changes",
            meaning: "Statements that ran and change data, definitions or rights.",
            query: "WITH decided AS MATERIALIZED (
                    SELECT request, group_concat(by, ', ') AS approved_by, max(self_confirmed) AS self_confirmed
                    FROM (SELECT * FROM approvals WHERE change IN ('approved', 'auto-approved') ORDER BY event)
                    GROUP BY request)
                SELECT s.first_time, s.last_time, s.who, s.kind, s.database, s.class, s.command, s.statement,
                    s.executions, s.rows_affected, s.errors, s.outcomes_unknown, s.sqlstate, s.approval,
                    d.approved_by, d.self_confirmed, s.policy_version, s.first_event, s.last_event
                FROM statements s LEFT JOIN decided d ON d.request = s.approval
                WHERE s.last_us >= :from AND s.first_us < :to AND s.verdict IN ('permitted', 'failed')
                    AND s.executions > 0 AND s.class IN ('write', 'ddl', 'privilege', 'maintenance', 'unknown')
                ORDER BY s.first_event",
        },
        Table {
            name: "requests",
            meaning: "The life of requests for approval.",
            query: "SELECT time, request, change, who, database, rows, rules, risk, asked_of, by, speaks_for, note,
                    self_confirmed, digest, event
                FROM approvals WHERE time_us >= :from AND time_us < :to ORDER BY event",
        },
    ],
    gaps: &[UNDO_ELSEWHERE, DIRECT],
    of_one_change: false,
};

pub(super) const UNAPPROVED_CHANGES: Report = Report {
    name: "unapproved-changes",
    title: "Changes without prior approval",
    question: "What was changed through the gateway in the period without anybody's approval, and what allowed it?",
    controls: &[
        "SOC 2 CC8.1",
        "NIST 800-53 CM-3, CM-5",
        "PCI DSS 6.5.1, 10.2.1.2",
        "HIPAA 164.312(c)(1)",
    ],
    tables: &[
        Table {
            name: "changes",
            meaning: "Statements that ran and change data, definitions or rights, without an approval, and the rules that \
                permitted them.",
            query: "SELECT first_time, last_time, who, kind, database, class, command, statement, executions,
                    rows_affected, errors, rules, policy_version, first_event, last_event
                FROM statements
                WHERE last_us >= :from AND first_us < :to AND verdict IN ('permitted', 'failed') AND executions > 0
                    AND class IN ('write', 'ddl', 'privilege', 'maintenance', 'unknown') AND approval IS NULL
                ORDER BY first_event",
        },
        Table {
            name: "self-confirmed",
            meaning: "Approvals by the only approver there was, of a change of their own.",
            query: "SELECT time, request, who, database, risk, by, note, event FROM approvals
                WHERE time_us >= :from AND time_us < :to AND change = 'approved' AND self_confirmed ORDER BY event",
        },
    ],
    gaps: &[DIRECT],
    of_one_change: false,
};

pub(super) const POLICY_CHANGES: Report = Report {
    name: "policy-changes",
    title: "Policy changes",
    question: "Which rules were in force in the period, and what was changed about them?",
    controls: &[
        "SOC 2 CC6.1, CC8.1",
        "NIST 800-53 CM-3, CM-6, AC-3",
        "PCI DSS 10.2.1.2",
        "HIPAA 164.312(a)(1), 164.312(b)",
    ],
    tables: &[
        Table {
            name: "in-force-before",
            meaning: "The policy that was in force when the period began.",
            query: "SELECT time, version, digest, event FROM policy_changes
                WHERE time_us < :from AND accepted ORDER BY event DESC LIMIT 1",
        },
        Table {
            name: "policies",
            meaning: "Policies that took effect, or were rejected.",
            query: "SELECT time, version, accepted, digest, message, event FROM policy_changes
                WHERE time_us >= :from AND time_us < :to ORDER BY event",
        },
        Table {
            name: "configurations",
            meaning: "Configurations that took effect.",
            query: "SELECT time, digest, databases, listen, notes, event FROM configurations
                WHERE time_us >= :from AND time_us < :to ORDER BY event",
        },
        Table {
            name: "acts",
            meaning: "What people did about policies and labels.",
            query: "SELECT time, by, action, object, event FROM administration
                WHERE time_us >= :from AND time_us < :to AND action IN ('policy_reload', 'data_label') ORDER BY event",
        },
    ],
    gaps: &["the text of the policies: the record has its digest, and your version control has the text"],
    of_one_change: false,
};

pub(super) const CHANGE_PROOF: Report = Report {
    name: "change-proof",
    title: "Non-repudiation pack for one change",
    question: "Who asked for this change, who approved it, what ran and what came of it, with a proof of each step?",
    controls: &[
        "SOC 2 CC8.1",
        "NIST 800-53 AU-10, CM-3",
        "PCI DSS 10.2.1.2, 10.3.2",
        "HIPAA 164.312(c)(1), 164.312(c)(2)",
    ],
    tables: &[
        Table {
            name: "statements",
            meaning: "What ran.",
            query: "SELECT s.first_time, s.last_time, s.who, s.kind, s.database, s.session, s.client_address,
                    s.client_program, s.class, s.command, s.statement, s.executions, s.rows_affected, s.errors,
                    s.sqlstate, s.approval, s.rules, s.policy_version, s.first_event, s.last_event
                FROM statements s JOIN evidence_change c
                WHERE s.last_us >= :from AND s.first_us < :to AND s.verdict <> 'prepared'
                    AND (s.approval = c.request
                        OR (s.session = c.session AND s.shape IS c.shape
                            AND c.event BETWEEN s.first_event AND s.last_event))
                ORDER BY s.first_event",
        },
        Table {
            name: "approval",
            meaning: "The life of its request for approval.",
            query: "SELECT time, request, change, who, database, rows, rules, risk, asked_of, by, speaks_for, note,
                    self_confirmed, digest, event
                FROM approvals
                WHERE time_us < :to AND request = (SELECT request FROM evidence_change) ORDER BY event",
        },
    ],
    gaps: &[UNDO_ELSEWHERE],
    of_one_change: true,
};
