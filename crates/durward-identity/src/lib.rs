//! Credentials become a verified principal.
