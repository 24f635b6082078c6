//! Credentials become a verified principal.
//!
//! This crate must not know any wire protocol, SQL or policy: it is given user names, passwords and SASL messages as
//! bytes, and says who it is.
//!
//! The three types to know: [`Directory`] (the gateway's own identities and the passwords issued to them), [`LoginDesk`]
//! (what to ask of a client, and whether the answer is enough), [`Standing`] (whether a login still stands, asked before
//! each statement).
//!
//! ```
//! use std::sync::Arc;
//! use durward_identity::{Directory, NewIdentity, PASSWORD_VALID_SECONDS_DEFAULT, SystemClock};
//! use durward_model::PrincipalKind;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let data_dir = tempfile::tempdir()?;
//! let directory = Directory::open(data_dir.path(), Arc::new(SystemClock))?;
//! directory.add(NewIdentity {
//!     name: "ada".to_owned(),
//!     kind: PrincipalKind::Person,
//!     groups: vec!["engineering".to_owned()],
//!     acts_for: None,
//! })?;
//! let (_, password) = directory.issue_password("ada", &["shop"], PASSWORD_VALID_SECONDS_DEFAULT)?;
//! assert!(password.expose().starts_with("dwp_"));
//! # Ok(())
//! # }
//! ```

mod clock;
mod desk;
mod directory;
mod failure;
pub mod jwt;
mod password;
pub mod scram;
mod standing;
mod throttle;

pub use clock::{Clock, SystemClock};
pub use desk::{
    CleartextLogin, DeskOptions, LocalLogin, Login, LoginDesk, LoginPlan, LoginRequest, PASSTHROUGH_ALIAS, ScramLogin,
    ScramLoginChallenge, Transport, UpstreamLogin,
};
pub use directory::{
    CREDENTIALS_PER_IDENTITY_MAX, CredentialSummary, Directory, DirectoryError, IdentitySummary, NAME_BYTES_MAX,
    NewIdentity, PASSWORD_VALID_SECONDS_DEFAULT,
};
pub use failure::{FailureReason, LoginFailure};
pub use jwt::{IssuerConfig, IssuerError, Issuers};
pub use password::{IssuedPassword, PASSWORD_CHECKSUM_CHARACTERS, PASSWORD_PREFIX, PASSWORD_RANDOM_CHARACTERS};
pub use standing::Standing;
pub use throttle::{LoginLimits, Throttled};
