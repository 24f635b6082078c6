//! Bytes to protocol messages and back, a folder per protocol; knows no SQL and no policy.
