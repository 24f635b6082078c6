//! The Durward binary: configuration, wiring, signals, command line, demo.
fn main() {}
