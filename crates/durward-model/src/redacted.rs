use std::fmt;

/// A value that may be used but never shown: statement text, parameters, cells, secrets.
///
/// `Debug` and `Display` print `‹redacted›`, so that no log line can carry the value by accident.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Redacted<T>(T);

impl<T> Redacted<T> {
    /// Wraps `value`.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The value itself. A caller that logs what this returns breaks the rule that the type stands for.
    pub const fn expose(&self) -> &T {
        &self.0
    }

    /// Takes the value out.
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T> fmt::Debug for Redacted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("‹redacted›")
    }
}

impl<T> fmt::Display for Redacted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("‹redacted›")
    }
}

#[cfg(test)]
mod tests {
    use super::Redacted;

    #[test]
    fn formatting_never_shows_the_value() {
        let secret = Redacted::new("hunter2");
        assert!(!format!("{secret} {secret:?}").contains("hunter2"));
    }
}
