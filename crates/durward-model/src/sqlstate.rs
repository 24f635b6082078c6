//! SQLSTATE codes that the gateway itself sends: PostgreSQL's own (manual appendix A) and those of class `WD`.

/// `08P01` protocol_violation.
pub const PROTOCOL_VIOLATION: &str = "08P01";
/// `08006` connection_failure.
pub const CONNECTION_FAILURE: &str = "08006";
/// `0A000` feature_not_supported.
pub const FEATURE_NOT_SUPPORTED: &str = "0A000";
/// `25P02` in_failed_sql_transaction.
pub const IN_FAILED_SQL_TRANSACTION: &str = "25P02";
/// The transaction met another one, and may be sent again.
pub const SERIALIZATION_FAILURE: &str = "40001";
/// `28000` invalid_authorization_specification.
pub const INVALID_AUTHORIZATION: &str = "28000";
/// `28P01` invalid_password.
pub const INVALID_PASSWORD: &str = "28P01";
/// `3D000` invalid_catalog_name: no such database.
pub const INVALID_CATALOG_NAME: &str = "3D000";
/// `42501` insufficient_privilege: denied by policy.
pub const INSUFFICIENT_PRIVILEGE: &str = "42501";
/// `42601` syntax_error.
pub const SYNTAX_ERROR: &str = "42601";
/// `53300` too_many_connections.
pub const TOO_MANY_CONNECTIONS: &str = "53300";
/// `54000` program_limit_exceeded.
pub const PROGRAM_LIMIT_EXCEEDED: &str = "54000";
/// `54001` statement_too_complex.
pub const STATEMENT_TOO_COMPLEX: &str = "54001";
/// `55P03` lock_not_available.
pub const LOCK_NOT_AVAILABLE: &str = "55P03";
/// `57014` query_canceled.
pub const QUERY_CANCELED: &str = "57014";
/// `57P01` admin_shutdown.
pub const ADMIN_SHUTDOWN: &str = "57P01";
/// `XX000` internal_error.
pub const INTERNAL_ERROR: &str = "XX000";

/// `WD001` approval pending.
pub const APPROVAL_PENDING: &str = "WD001";
/// `WD002` approval refused.
pub const APPROVAL_REJECTED: &str = "WD002";
/// `WD003` the effect is more than what was allowed, so that it was taken back.
pub const EFFECT_EXCEEDED: &str = "WD003";
/// `WD004` a reason is required.
pub const REASON_REQUIRED: &str = "WD004";
/// `WD007` identity assertion invalid: the identity was revoked or has expired.
pub const IDENTITY_INVALID: &str = "WD007";
/// `WD008` not understood, so refused.
pub const NOT_UNDERSTOOD: &str = "WD008";
/// `WD009` a mask was sent back in place of data.
pub const MASK_WRITTEN: &str = "WD009";
/// `WD010` ledger unavailable.
pub const LEDGER_UNAVAILABLE: &str = "WD010";
