//! Reports about the record itself, masks and reviews.

use super::{Report, Table};

pub(super) const MASKING_COVERAGE: Report = Report {
    name: "masking-coverage",
    title: "Masking coverage",
    question: "Of the sensitive columns that were read in the period, which were masked, and who saw them in clear?",
    controls: &[
        "SOC 2 CC6.1, C1.1",
        "NIST 800-53 AC-3, AC-4",
        "PCI DSS 3.4.1, 10.2.1.1",
        "HIPAA 164.312(a)(1), 164.514(b)",
    ],
    tables: &[
        Table {
            name: "columns",
            meaning: "Labelled columns that were touched: how often they were read masked, and how often in clear.",
            query: "SELECT c.label, s.database, c.schema, c.relation, c.column_name,
                    sum(CASE WHEN c.treatment = 'masked' THEN s.executions ELSE 0 END) AS reads_masked,
                    sum(CASE WHEN c.treatment = 'clear' THEN s.executions ELSE 0 END) AS reads_in_clear,
                    count(DISTINCT CASE WHEN c.treatment = 'clear' THEN s.who END) AS identities_in_clear
                FROM labelled_columns c JOIN statements s ON s.statement_id = c.statement_id
                WHERE s.last_us >= :from AND s.first_us < :to AND s.verdict IN ('permitted', 'failed')
                GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5",
        },
        Table {
            name: "in-clear",
            meaning: "Who read labelled columns in clear.",
            query: "SELECT c.label, s.who, s.kind, s.database, c.schema, c.relation, c.column_name,
                    sum(s.executions) AS reads, sum(s.rows) AS rows, min(s.first_event) AS first_event
                FROM labelled_columns c JOIN statements s ON s.statement_id = c.statement_id
                WHERE s.last_us >= :from AND s.first_us < :to AND s.verdict IN ('permitted', 'failed')
                    AND c.treatment = 'clear'
                GROUP BY 1, 2, 3, 4, 5, 6, 7 ORDER BY 1, 2, 3, 4, 5, 6, 7",
        },
        Table {
            name: "labels",
            meaning: "What people said about columns, which wins over what is found.",
            query: "SELECT time, by, object, event FROM administration
                WHERE time_us >= :from AND time_us < :to AND action = 'data_label' ORDER BY event",
        },
    ],
    gaps: &[
        "labelled columns that nobody touched: the record holds what was done; `durward data map` shows all columns",
        "labels of statements that were recorded before this version of the gateway: they were not written down",
    ],
    of_one_change: false,
};

pub(super) const LEDGER_INTEGRITY: Report = Report {
    name: "ledger-integrity",
    title: "Ledger integrity",
    question: "Is the record whole and as it was written?",
    controls: &[
        "SOC 2 CC7.2",
        "NIST 800-53 AU-9, AU-10",
        "PCI DSS 10.3.2, 10.3.4",
        "HIPAA 164.312(c)(1), 164.312(c)(2)",
    ],
    tables: &[
        Table {
            name: "findings",
            meaning: "What was found when this report was built: every event from the first one on was read and hashed.",
            query: "SELECT finding, value FROM evidence_findings ORDER BY place",
        },
        Table {
            name: "openings",
            meaning: "Starts of the gateway on this record, and changes of its signing key. An unclean end may have cost \
                the last events before it their signature, and never an acknowledged one.",
            query:
                "SELECT time, kind, program_version, created, unclean, torn_bytes, tree_rebuilt, verifier_key, by, event
                FROM ledger_events WHERE time_us >= :from AND time_us < :to ORDER BY event",
        },
    ],
    gaps: &[
        "whether somebody with the signing key has written the whole record anew: only checkpoints outside of the \
         machine show that (`durward audit verify --anchor`)",
    ],
    of_one_change: false,
};

pub(super) const LEDGER_ACCESS: Report = Report {
    name: "ledger-access",
    title: "Access to the ledger",
    question: "Who read the record in the period?",
    controls: &[
        "SOC 2 CC6.1, CC7.2",
        "NIST 800-53 AU-9, AU-6",
        "PCI DSS 10.2.1.3, 10.3.1",
        "HIPAA 164.312(b), 164.308(a)(1)(ii)(D)",
    ],
    tables: &[Table {
        name: "readings",
        meaning: "Readings of the record, each recorded before anything was shown.",
        query: "SELECT time, by, action, object, event FROM administration
            WHERE time_us >= :from AND time_us < :to AND (action LIKE 'audit!_%' ESCAPE '!' OR action LIKE 'evidence!_%' ESCAPE '!')
            ORDER BY event",
    }],
    gaps: &["readings of the files themselves, past this program: whoever runs the gateway's account can do that, and \
        the operating system's own audit shows it"],
    of_one_change: false,
};

pub(super) const REVIEWS: Report = Report {
    name: "reviews",
    title: "Reviews done",
    question: "What was reviewed in the period, and by whom?",
    controls: &[
        "SOC 2 CC4.1, CC7.3, CC8.1",
        "NIST 800-53 AU-6, CM-3",
        "PCI DSS 10.4.1",
        "HIPAA 164.308(a)(1)(ii)(D), 164.312(b)",
    ],
    tables: &[
        Table {
            name: "changes",
            meaning: "Changes that somebody looked at before they ran, and decided on.",
            query:
                "SELECT time, request, change AS decision, by, speaks_for, note, self_confirmed, who, database, rows,
                    risk, asked_of, event
                FROM approvals
                WHERE time_us >= :from AND time_us < :to AND change IN ('approved', 'rejected') ORDER BY event",
        },
        Table {
            name: "break-glass",
            meaning: "Statements that had run without an approval, and that somebody looked at afterwards.",
            query: "SELECT time, request, by, note, self_confirmed, who, database, rows, risk, asked_of, event
                FROM approvals
                WHERE time_us >= :from AND time_us < :to AND change = 'reviewed' ORDER BY event",
        },
        Table {
            name: "undecided",
            meaning: "Requests that ended without a decision by anybody.",
            query: "SELECT time, request, change, who, database, rows, risk, asked_of, event FROM approvals
                WHERE time_us >= :from AND time_us < :to
                    AND change IN ('auto-approved', 'withdrawn', 'expired', 'superseded')
                ORDER BY event",
        },
    ],
    gaps: &["reviews of access and of the record: this version records none of them"],
    of_one_change: false,
};

pub(super) const RETENTION_DELIVERY: Report = Report {
    name: "retention-and-delivery",
    title: "Retention and delivery",
    question: "How far back does the record reach, and where was it delivered in the period?",
    controls: &[
        "SOC 2 CC7.2, A1.2",
        "NIST 800-53 AU-4, AU-9(2), AU-11",
        "PCI DSS 10.3.3, 10.5.1",
        "HIPAA 164.312(b), 164.316(b)(2)(i)",
    ],
    tables: &[
        Table {
            name: "extent",
            meaning: "What the record held when the period ended.",
            query: "SELECT finding, value FROM evidence_findings
                WHERE finding IN ('first event recorded', 'first event at hand when this was built', 'last event before the end of the period', 'events under the checkpoint')
                ORDER BY place",
        },
        Table {
            name: "retirements",
            meaning: "Events that left the record in the period, for an archive or for good. Their hashes stay in the tree.",
            query: "SELECT time, first_event, last_event, archive, reason, removed_events_total, event FROM retirements
                WHERE time_us >= :from AND time_us < :to ORDER BY event",
        },
        Table {
            name: "deliveries",
            meaning: "Exports and publications of the record.",
            query: "SELECT time, by, action, object, event FROM administration
                WHERE time_us >= :from AND time_us < :to AND action IN ('audit_export', 'audit_publish', 'audit_ship') ORDER BY event",
        },
    ],
    gaps: &[
        "what became of an archive after segments went there: `durward audit verify --archive` looks",
        "whether what was delivered has arrived and is kept: the receiver knows",
    ],
    of_one_change: false,
};
