//! Audit events, the log, its index and its queries; the only maker of a record of intent.
