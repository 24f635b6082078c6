//! Repository rules as tests, generated docs.
fn main() {}
